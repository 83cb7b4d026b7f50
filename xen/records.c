/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records in xenstore: see records.h.  One handle, one call at a time. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "xen/records.h"

/* A message to xenstored holds 4096 bytes, path and value together. */
#define CHUNK 2048
#define ROOT_MAX 256

#define CONFLICTS_MAX 100
#define BACKOFF_MAX_US 20000

/* A value of more than a chunk is in nodes under <field>PARTS, which no
 * field's name can end in. */
#define PARTS "_"

struct records {
    struct xf_store base;
    GMutex lock;                /* one transaction at a time */
    struct xs_handle *xs;       /* NULL: to be opened */
    /* token -> fields: what this connection has written, so that a write
     * sends only what is new.  A guest waits for these writes, and every
     * node costs an answer of xenstored. */
    GHashTable *written;
    char *root;
};

/* What a transaction is to do.  It may be run several times: every run
 * starts from nothing. */
struct work {
    struct records *r;
    xs_transaction_t t;
    const char *token;
    GHashTable *fields;         /* write: all of them */
    GHashTable *in;             /* write: those that are new */
    gboolean lost;              /* write: nothing of it is there any more */
    GHashTable *out;            /* read: the fields */
    char **tokens;              /* list */
    /* 0 or an errno */
    int (*run)(struct work *w);
    /* once it is through; or NULL */
    void (*done)(struct work *w);
};

/* The node between root and record: its name is the token's last two
 * letters. */
static char *
shard_path(const struct work *w)
{
    gsize len = strlen(w->token);

    return g_strdup_printf("%s/%s", w->r->root,
                           w->token + (len > 2 ? len - 2 : 0));
}

static char *
record_path(const struct work *w)
{
    g_autofree char *shard = shard_path(w);

    return g_strdup_printf("%s/%s", shard, w->token);
}

static char *
field_path(const struct work *w, const char *field)
{
    g_autofree char *dir = record_path(w);

    return g_strdup_printf("%s/%s", dir, field);
}

static char *
parts_path(const struct work *w, const char *field)
{
    g_autofree char *dir = record_path(w);

    return g_strdup_printf("%s/%s" PARTS, dir, field);
}

/* A node that nobody but dom0 can read; those made under it inherit that. */
static int
make_private(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
    struct xs_permissions nobody = { .id = 0, .perms = XS_PERM_NONE };

    if (!xs_mkdir(xs, t, path) || !xs_set_permissions(xs, t, path, &nobody, 1))
        return errno;
    return 0;
}

static int
remove_node(const struct work *w, const char *path)
{
    if (xs_rm(w->r->xs, w->t, path) || errno == ENOENT)
        return 0;
    return errno;
}

/* -- connection and transactions ------------------------------------------ */

static int
open_store(struct records *r)
{
    r->xs = xs_open(0);
    if (!r->xs)
        return errno;
    /* It may be a xenstored that began anew, knowing nothing. */
    g_hash_table_remove_all(r->written);

    int e = make_private(r->xs, XBT_NULL, r->root);

    if (e) {
        xs_close(r->xs);
        r->xs = NULL;
    }
    return e;
}

static gboolean
connection_lost(int e)
{
    return e == EBADF || e == EPIPE || e == ECONNRESET || e == ENOTCONN ||
           e == EIO;
}

static int
attempt(struct records *r, struct work *w)
{
    w->t = xs_transaction_start(r->xs);
    if (w->t == XBT_NULL)
        return errno;

    int e = w->run(w);

    if (!xs_transaction_end(r->xs, w->t, e != 0) && !e)
        e = errno;
    return e;
}

/* Runs the work until its transaction is through. */
static gboolean
transact(struct records *r, struct work *w, const char *what, GError **err)
{
    gboolean reopened = FALSE;
    int conflicts = 0, e = 0;

    w->r = r;
    g_mutex_lock(&r->lock);
    if (!r->xs)
        e = open_store(r);
    while (!e) {
        e = attempt(r, w);
        if (!e)
            break;
        if (e == EAGAIN && ++conflicts < CONFLICTS_MAX) {
            g_usleep(g_random_int_range(0, MIN(BACKOFF_MAX_US,
                                               200 << MIN(conflicts, 8))));
            e = 0;
        } else if (connection_lost(e) && !reopened) {
            reopened = TRUE;
            xs_close(r->xs);
            e = open_store(r);
        }
    }
    if (!e && w->done)
        w->done(w);
    g_mutex_unlock(&r->lock);
    if (e && w->token)
        xf_error_set_errno(err, e, "xenstore: cannot %s record %s/%s", what,
                           r->root, w->token);
    else if (e)
        xf_error_set_errno(err, e, "xenstore: cannot %s %s", what, r->root);
    return !e;
}

/* -- write ---------------------------------------------------------------- */

static int
write_parts(const struct work *w, const char *parts, const char *data,
            gsize len)
{
    guint part = 0;

    for (gsize at = 0; at < len; at += CHUNK) {
        g_autofree char *path = g_strdup_printf("%s/%u", parts, part++);

        if (!xs_write(w->r->xs, w->t, path, data + at, MIN(len - at, CHUNK)))
            return errno;
    }
    return 0;
}

/* A small value hides the parts of an older, larger one: these need not be
 * looked for. */
static int
write_field(const struct work *w, const char *field, GBytes *value)
{
    g_autofree char *path = field_path(w, field);
    g_autofree char *parts = parts_path(w, field);
    gsize len = 0;
    const char *data = value ? g_bytes_get_data(value, &len) : NULL;
    int e;

    if (value && len <= CHUNK)
        return xs_write(w->r->xs, w->t, path, data ? data : "", len) ? 0
                                                                     : errno;
    e = remove_node(w, path);
    if (!e)
        e = remove_node(w, parts);
    return e || !value ? e : write_parts(w, parts, data, len);
}

/* Of the fields those that this connection has not written so already. */
static GHashTable *
new_fields(GHashTable *fields, GHashTable *written)
{
    GHashTable *in = xf_store_fields_new();
    GHashTableIter iter;
    gpointer field, value;

    g_hash_table_iter_init(&iter, fields);
    while (g_hash_table_iter_next(&iter, &field, &value)) {
        GBytes *old = written ? g_hash_table_lookup(written, field) : NULL;

        if (!value || !old || !g_bytes_equal(old, value))
            g_hash_table_insert(in, g_strdup(field),
                                value ? g_bytes_ref(value) : NULL);
    }
    return in;
}

/* Is all there that this connection has written?  Somebody may have removed
 * it, or xenstored may have begun anew behind the connection's back. */
static gboolean
all_there(const struct work *w, const char *dir, GHashTable *written)
{
    unsigned int n = 0;
    char **names = xs_directory(w->r->xs, w->t, dir, &n);
    g_autoptr(GHashTable) there = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTableIter iter;
    gpointer field, value;
    gboolean all = names != NULL;

    for (unsigned int i = 0; i < n; i++)
        g_hash_table_add(there, names[i]);
    g_hash_table_iter_init(&iter, written);
    while (all && g_hash_table_iter_next(&iter, &field, &value)) {
        g_autofree char *parts = g_strconcat(field, PARTS, NULL);

        all = !value || g_hash_table_contains(there, field)
              || g_hash_table_contains(there, parts);
    }
    free(names);
    return all;
}

static int
run_write(struct work *w)
{
    GHashTable *written = g_hash_table_lookup(w->r->written, w->token);
    g_autofree char *dir = record_path(w);

    w->lost = written && !all_there(w, dir, written);
    if (w->lost)
        written = NULL;

    GHashTableIter iter;
    gpointer field, value;
    /* makes the node above as well, with the root's permissions */
    int e = written ? 0 : make_private(w->r->xs, w->t, dir);

    g_clear_pointer(&w->in, g_hash_table_unref);
    w->in = new_fields(w->fields, written);
    g_hash_table_iter_init(&iter, w->in);
    while (!e && g_hash_table_iter_next(&iter, &field, &value))
        e = write_field(w, field, value);
    return e;
}

static void
remember_written(struct work *w)
{
    if (w->lost)
        g_hash_table_remove(w->r->written, w->token);

    GHashTable *written = g_hash_table_lookup(w->r->written, w->token);
    GHashTableIter iter;
    gpointer field, value;

    if (!written) {
        written = xf_store_fields_new();
        g_hash_table_insert(w->r->written, g_strdup(w->token), written);
    }
    g_hash_table_iter_init(&iter, w->in);
    while (g_hash_table_iter_next(&iter, &field, &value))
        g_hash_table_insert(written, g_strdup(field),
                            value ? g_bytes_ref(value) : NULL);
}

static gboolean
records_write(struct xf_store *store, const char *token, GHashTable *fields,
              GError **err)
{
    struct work w = {
        .token = token, .fields = fields, .run = run_write,
        .done = remember_written,
    };
    gboolean ok = xf_store_check(token, fields, err) &&
                  transact((struct records *)store, &w, "write", err);

    g_clear_pointer(&w.in, g_hash_table_unref);
    return ok;
}

/* -- read ----------------------------------------------------------------- */

static int
append_node(const struct work *w, const char *path, GByteArray *value)
{
    unsigned int len;
    void *data = xs_read(w->r->xs, w->t, path, &len);

    if (!data)
        return errno;
    g_byte_array_append(value, data, len);
    free(data);
    return 0;
}

static int
append_parts(const struct work *w, const char *path, GByteArray *value)
{
    unsigned int n;
    char **parts = xs_directory(w->r->xs, w->t, path, &n);
    int e = parts ? 0 : errno;

    free(parts);
    for (guint part = 0; !e && part < n; part++) {
        g_autofree char *node = g_strdup_printf("%s/%u", path, part);

        e = append_node(w, node, value);
        if (!e && value->len > XF_STORE_VALUE_MAX)
            e = EMSGSIZE;
    }
    return e;
}

/* One node of a record: a field, or the parts of one. */
static int
read_node(const struct work *w, const char *node)
{
    g_autoptr(GByteArray) value = g_byte_array_new();
    g_autofree char *path = field_path(w, node);
    gboolean in_parts = g_str_has_suffix(node, PARTS);
    g_autofree char *field =
        g_strndup(node, strlen(node) - (in_parts ? strlen(PARTS) : 0));
    int e = in_parts ? append_parts(w, path, value)
                     : append_node(w, path, value);

    if (!e && !(in_parts && g_hash_table_contains(w->out, field)))
        g_hash_table_insert(w->out, g_steal_pointer(&field),
                            g_byte_array_free_to_bytes(
                                g_steal_pointer(&value)));
    return e;
}

static int
run_read(struct work *w)
{
    g_autofree char *dir = record_path(w);
    unsigned int n;
    char **names = xs_directory(w->r->xs, w->t, dir, &n);

    g_clear_pointer(&w->out, g_hash_table_unref);
    if (!names)
        return errno == ENOENT ? 0 : errno;
    w->out = xf_store_fields_new();

    int e = 0;

    for (unsigned int i = 0; !e && i < n; i++)
        e = read_node(w, names[i]);
    free(names);
    return e;
}

static GHashTable *
records_read(struct xf_store *store, const char *token, GError **err)
{
    struct work w = { .token = token, .run = run_read };

    if (!xf_store_check(token, NULL, err))
        return NULL;
    if (!transact((struct records *)store, &w, "read", err)) {
        g_clear_pointer(&w.out, g_hash_table_unref);
        return NULL;
    }
    if (!w.out)
        xf_store_no_record(token, err);
    return w.out;
}

/* -- list, remove --------------------------------------------------------- */

/* Appends the names under a node that may be missing. */
static int
add_children(struct work *w, const char *path, GPtrArray *names)
{
    unsigned int n = 0;
    char **children = xs_directory(w->r->xs, w->t, path, &n);

    if (!children)
        return errno == ENOENT ? 0 : errno;
    for (unsigned int i = 0; i < n; i++)
        g_ptr_array_add(names, g_strdup(children[i]));
    free(children);
    return 0;
}

static int
run_list(struct work *w)
{
    g_autoptr(GPtrArray) shards = g_ptr_array_new_with_free_func(g_free);
    GPtrArray *tokens = g_ptr_array_new();
    int e = add_children(w, w->r->root, shards);

    for (guint i = 0; !e && i < shards->len; i++) {
        const char *name = g_ptr_array_index(shards, i);
        g_autofree char *path = g_strdup_printf("%s/%s", w->r->root, name);

        e = add_children(w, path, tokens);
    }
    g_ptr_array_add(tokens, NULL);
    g_strfreev(w->tokens);
    w->tokens = (char **)g_ptr_array_free(tokens, FALSE);
    return e;
}

static char **
records_list(struct xf_store *store, GError **err)
{
    struct work w = { .run = run_list };

    if (transact((struct records *)store, &w, "list", err))
        return w.tokens;
    g_strfreev(w.tokens);
    return NULL;
}

static int
run_remove(struct work *w)
{
    g_autofree char *dir = record_path(w);
    g_autofree char *shard = shard_path(w);
    g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func(g_free);
    int e = remove_node(w, dir);

    if (!e)
        e = add_children(w, shard, others);
    return e || others->len ? e : remove_node(w, shard);
}

static void
forget_written(struct work *w)
{
    g_hash_table_remove(w->r->written, w->token);
}

static gboolean
records_remove(struct xf_store *store, const char *token, GError **err)
{
    struct work w = {
        .token = token, .run = run_remove, .done = forget_written,
    };

    return xf_store_check(token, NULL, err) &&
           transact((struct records *)store, &w, "remove", err);
}

static void
records_free(struct xf_store *store)
{
    struct records *r = (struct records *)store;

    if (r->xs)
        xs_close(r->xs);
    g_hash_table_unref(r->written);
    g_mutex_clear(&r->lock);
    g_free(r->root);
    g_free(r);
}

static const struct xf_store_ops records_ops = {
    .write = records_write,
    .read = records_read,
    .list = records_list,
    .remove = records_remove,
    .free = records_free,
};

struct xf_store *
xf_records_new(const char *root, GError **err)
{
    if (*root != '/' || strlen(root) > ROOT_MAX) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "'%s' is not an absolute xenstore path of at most %d "
                    "characters", root, ROOT_MAX);
        return NULL;
    }

    struct records *r = g_new0(struct records, 1);

    r->base.ops = &records_ops;
    r->root = g_strdup(root);
    r->written = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                       (GDestroyNotify)g_hash_table_unref);
    g_mutex_init(&r->lock);

    int e = open_store(r);

    if (e) {
        xf_error_set_errno(err, e, "xenstore: cannot open %s (is xenstored "
                           "running, and this a root shell in dom0?)", root);
        records_free(&r->base);
        return NULL;
    }
    return &r->base;
}
