/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions of domains as files: see domain-store.h. */
#include "config.h"

#include "protocol/cookie.h"
#include "protocol/domain-store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX_XML ".xml"
#define SUFFIX_INCOMING ".incoming"
#define SUFFIX_NEW ".new"

static const char *const mark_suffixes[XF_MARK_LAST] = {
    [XF_MARK_AUTOSTART] = ".autostart",
    [XF_MARK_AWAY] = ".away",
};

struct files {
    struct xf_domain_store store;       /* first */
    char *dir;
    int fd;                     /* of dir */
};

void
xf_domain_entry_free(struct xf_domain_entry *entry)
{
    g_free(entry->xml);
    for (int i = 0; i < XF_MARK_LAST; i++)
        g_free(entry->marks[i]);
    g_free(entry);
}

/* -- files -- */

static gboolean
failed(const struct files *files, const char *name, const char *what,
       GError **err)
{
    xf_error_set_errno(err, errno, "%s/%s: %s", files->dir, name, what);
    return FALSE;
}

static char *
file_of(const guint8 *uuid, const char *suffix)
{
    char text[XF_UUID_STRING_LEN + 1];

    return g_strconcat(xf_uuid_format(uuid, text), suffix, NULL);
}

static gboolean
write_all(int fd, const char *text)
{
    gsize len = strlen(text);

    while (len) {
        gssize r = write(fd, text, len);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return FALSE;
        text += r;
        len -= r;
    }
    return TRUE;
}

static gboolean
sync_fd(int fd)
{
    int r;

    do
        r = fsync(fd);
    while (r < 0 && errno == EINTR);
    return r == 0;
}

static gboolean
write_new(struct files *files, const char *name, const char *text)
{
    XF_AUTO_FD int fd = openat(files->fd, name,
                               O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
                                   | O_NOFOLLOW, 0600);

    return fd >= 0 && write_all(fd, text) && sync_fd(fd);
}

/* The whole file or the old one, whatever happens. */
static gboolean
put(struct files *files, const char *name, const char *text, GError **err)
{
    g_autofree char *new = g_strconcat(name, SUFFIX_NEW, NULL);

    if (!write_new(files, new, text)
        || renameat(files->fd, new, files->fd, name) < 0) {
        failed(files, name, "cannot be written", err);
        unlinkat(files->fd, new, 0);    /* else the next start does that */
        return FALSE;
    }
    return sync_fd(files->fd)
           || failed(files, name, "cannot be put on disk", err);
}

static gboolean
take_away(struct files *files, const char *name, GError **err)
{
    return unlinkat(files->fd, name, 0) == 0 || errno == ENOENT
           || failed(files, name, "cannot be removed", err);
}

/* errno ENOENT when there is none. */
static char *
get(struct files *files, const char *name)
{
    XF_AUTO_FD int fd = openat(files->fd, name,
                               O_RDONLY | O_CLOEXEC | O_NOFOLLOW
                                   | O_NONBLOCK);
    struct stat about;
    gsize len = 0;

    if (fd < 0 || fstat(fd, &about) < 0)
        return NULL;
    if (!S_ISREG(about.st_mode) || about.st_size > XF_DEFINITION_MAX) {
        errno = S_ISREG(about.st_mode) ? EFBIG : EINVAL;
        return NULL;
    }

    g_autofree char *text = g_malloc0(about.st_size + 1);

    while (len < (gsize)about.st_size) {
        gssize r = read(fd, text + len, about.st_size - len);

        if (r < 0 && errno != EINTR)
            return NULL;
        if (r == 0)
            break;
        len += MAX(r, 0);
    }
    if (strlen(text) == len)
        return g_steal_pointer(&text);
    errno = EILSEQ;             /* a zero byte in it */
    return NULL;
}

/* -- reading -- */

/* The uuid, when the file is one of that kind. */
static gboolean
is_uuid_file(const char *name, const char *suffix, guint8 *uuid)
{
    g_autofree char *again = NULL;

    if (!g_str_has_suffix(name, suffix)
        || strlen(name) != XF_UUID_STRING_LEN + strlen(suffix))
        return FALSE;

    g_autofree char *text = g_strndup(name, XF_UUID_STRING_LEN);

    if (!xf_uuid_parse(text, uuid))
        return FALSE;
    again = file_of(uuid, suffix);
    return strcmp(again, name) == 0;    /* as we write it, and only so */
}

static struct xf_domain_entry *
read_entry(struct files *files, const char *name, const guint8 *uuid)
{
    XF_AUTO(xf_domain_entry) *entry = g_new0(struct xf_domain_entry, 1);

    memcpy(entry->uuid, uuid, XF_UUID_LEN);
    entry->xml = get(files, name);
    for (int i = 0; entry->xml && i < XF_MARK_LAST; i++) {
        g_autofree char *mark = file_of(uuid, mark_suffixes[i]);

        entry->marks[i] = get(files, mark);
        if (entry->marks[i] || errno == ENOENT)
            continue;
        /* Whatever it says, it is there. */
        g_warning("%s/%s: cannot be read: %s", files->dir, mark,
                  g_strerror(errno));
        entry->marks[i] = g_strdup("");
    }
    if (entry->xml)
        return g_steal_pointer(&entry);
    g_warning("%s/%s: cannot be read, this domain is left out: %s",
              files->dir, name, g_strerror(errno));
    return NULL;
}

/* What a crash has left: files that were not finished, and marks of what is
 * not there. */
static void
clean(struct files *files, const char *name)
{
    gboolean stray = g_str_has_suffix(name, SUFFIX_NEW);
    guint8 uuid[XF_UUID_LEN];

    for (int i = 0; i < XF_MARK_LAST && !stray; i++) {
        g_autofree char *of = NULL;

        if (!is_uuid_file(name, mark_suffixes[i], uuid))
            continue;
        of = file_of(uuid, SUFFIX_XML);
        stray = faccessat(files->fd, of, F_OK, 0) < 0 && errno == ENOENT;
    }
    if (stray && unlinkat(files->fd, name, 0) < 0)
        g_warning("%s/%s: cannot be removed: %s", files->dir, name,
                  g_strerror(errno));
}

static GDir *
open_dir(struct files *files, GError **err)
{
    g_autoptr(GError) why = NULL;
    GDir *dir = g_dir_open(files->dir, 0, &why);

    if (!dir)
        g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM, "stored domains: %s",
                    why->message);
    return dir;
}

static GPtrArray *
files_load(struct xf_domain_store *store, GError **err)
{
    struct files *files = (struct files *)store;
    g_autoptr(GDir) dir = open_dir(files, err);
    GPtrArray *entries;
    const char *name;
    guint8 uuid[XF_UUID_LEN];

    if (!dir)
        return NULL;
    entries = g_ptr_array_new_with_free_func(
        (GDestroyNotify)xf_domain_entry_free);
    while ((name = g_dir_read_name(dir))) {
        struct xf_domain_entry *entry = NULL;

        clean(files, name);
        if (is_uuid_file(name, SUFFIX_XML, uuid))
            entry = read_entry(files, name, uuid);
        if (entry)
            g_ptr_array_add(entries, entry);
    }
    return entries;
}

/* -- changing -- */

static gboolean
files_write(struct xf_domain_store *store, const guint8 *uuid,
            const char *xml, GError **err)
{
    g_autofree char *name = file_of(uuid, SUFFIX_XML);

    return put((struct files *)store, name, xml, err);
}

static gboolean
files_remove(struct xf_domain_store *store, const guint8 *uuid, GError **err)
{
    struct files *files = (struct files *)store;
    g_autofree char *name = file_of(uuid, SUFFIX_XML);
    gboolean ok = take_away(files, name, err);

    for (int i = 0; ok && i < XF_MARK_LAST; i++) {
        g_autofree char *mark = file_of(uuid, mark_suffixes[i]);

        ok = take_away(files, mark, err);
    }
    return ok && (sync_fd(files->fd)
                  || failed(files, name, "cannot be removed on disk", err));
}

static gboolean
files_mark(struct xf_domain_store *store, const guint8 *uuid,
           enum xf_domain_mark mark, const char *text, GError **err)
{
    struct files *files = (struct files *)store;
    g_autofree char *name = file_of(uuid, mark_suffixes[mark]);

    if (text)
        return put(files, name, text, err);
    return take_away(files, name, err)
           && (sync_fd(files->fd)
               || failed(files, name, "cannot be removed on disk", err));
}

/* -- what waits -- */

static gboolean
files_prepare(struct xf_domain_store *store, const char *token,
              const char *xml, GError **err)
{
    g_autofree char *name = g_strconcat(token, SUFFIX_INCOMING, NULL);

    return put((struct files *)store, name, xml, err);
}

static char **
files_prepared(struct xf_domain_store *store, GError **err)
{
    g_autoptr(GDir) dir = open_dir((struct files *)store, err);
    GPtrArray *tokens;
    const char *name;

    if (!dir)
        return NULL;
    tokens = g_ptr_array_new();
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *token = g_strndup(name, XF_TOKEN_LEN);

        if (xf_token_valid(token)
            && strcmp(name + XF_TOKEN_LEN, SUFFIX_INCOMING) == 0)
            g_ptr_array_add(tokens, g_steal_pointer(&token));
    }
    g_ptr_array_add(tokens, NULL);
    return (char **)g_ptr_array_free(tokens, FALSE);
}

static gboolean
files_read_prepared(struct xf_domain_store *store, const char *token,
                    char **xml, GError **err)
{
    struct files *files = (struct files *)store;
    g_autofree char *name = g_strconcat(token, SUFFIX_INCOMING, NULL);

    *xml = get(files, name);
    return *xml || errno == ENOENT
           || failed(files, name, "cannot be read", err);
}

static gboolean
files_promote(struct xf_domain_store *store, const char *token,
              const guint8 *uuid, GError **err)
{
    struct files *files = (struct files *)store;
    g_autofree char *from = g_strconcat(token, SUFFIX_INCOMING, NULL);
    g_autofree char *to = file_of(uuid, SUFFIX_XML);

    if (renameat(files->fd, from, files->fd, to) < 0)
        return errno == ENOENT
               || failed(files, to, "cannot be written", err);
    return sync_fd(files->fd)
           || failed(files, to, "cannot be put on disk", err);
}

static gboolean
files_drop(struct xf_domain_store *store, const char *token, GError **err)
{
    g_autofree char *name = g_strconcat(token, SUFFIX_INCOMING, NULL);

    /* One that a crash brings back is dropped again at the start. */
    return take_away((struct files *)store, name, err);
}

/* -- life -- */

static void
files_free(struct xf_domain_store *store)
{
    struct files *files = (struct files *)store;

    xf_close_fd(&files->fd);
    g_free(files->dir);
    g_free(files);
}

struct xf_domain_store *
xf_domain_files_new(const char *dir, GError **err)
{
    static const struct xf_domain_store_ops ops = {
        .load = files_load,
        .write = files_write,
        .remove = files_remove,
        .mark = files_mark,
        .prepare = files_prepare,
        .prepared = files_prepared,
        .read_prepared = files_read_prepared,
        .promote = files_promote,
        .drop = files_drop,
        .free = files_free,
    };
    struct files *files = g_new0(struct files, 1);
    g_autofree char *parent = g_path_get_dirname(dir);
    XF_AUTO_FD int parent_fd = -1;

    files->store.ops = &ops;
    files->dir = g_strdup(dir);
    files->fd = -1;
    if (g_mkdir_with_parents(dir, 0700) == 0)
        files->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->fd >= 0)
        parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd >= 0 && sync_fd(parent_fd))   /* its entry there */
        return &files->store;
    xf_error_set_errno(err, errno, "stored domains: %s", dir);
    files_free(&files->store);
    return NULL;
}
