/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/unit/stored-world.h"

#include <string.h>

/* -- a store that fails when told to -- */

struct flaky_domains {
    struct xf_domain_store store;       /* first */
    struct xf_domain_store *real;
};

static gint disk_is_full;       /* atomic; of all of them */

static struct xf_domain_store *
real_of(struct xf_domain_store *store)
{
    return ((struct flaky_domains *)store)->real;
}

static gboolean
has_room(GError **err)
{
    if (!g_atomic_int_get(&disk_is_full))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM, "No space left on device");
    return FALSE;
}

static GPtrArray *
flaky_load(struct xf_domain_store *store, GError **err)
{
    return real_of(store)->ops->load(real_of(store), err);
}

static gboolean
flaky_write(struct xf_domain_store *store, const guint8 *uuid,
            const char *xml, GError **err)
{
    return has_room(err)
           && real_of(store)->ops->write(real_of(store), uuid, xml, err);
}

static gboolean
flaky_remove(struct xf_domain_store *store, const guint8 *uuid, GError **err)
{
    return has_room(err)
           && real_of(store)->ops->remove(real_of(store), uuid, err);
}

static gboolean
flaky_mark(struct xf_domain_store *store, const guint8 *uuid,
           enum xf_domain_mark mark, const char *text, GError **err)
{
    return has_room(err)
           && real_of(store)->ops->mark(real_of(store), uuid, mark, text,
                                        err);
}

static gboolean
flaky_prepare(struct xf_domain_store *store, const char *token,
              const char *xml, GError **err)
{
    return has_room(err)
           && real_of(store)->ops->prepare(real_of(store), token, xml, err);
}

static char **
flaky_prepared(struct xf_domain_store *store, GError **err)
{
    return real_of(store)->ops->prepared(real_of(store), err);
}

static gboolean
flaky_read_prepared(struct xf_domain_store *store, const char *token,
                    char **xml, GError **err)
{
    return real_of(store)->ops->read_prepared(real_of(store), token, xml,
                                              err);
}

static gboolean
flaky_promote(struct xf_domain_store *store, const char *token,
              const guint8 *uuid, GError **err)
{
    return has_room(err)
           && real_of(store)->ops->promote(real_of(store), token, uuid, err);
}

static gboolean
flaky_drop(struct xf_domain_store *store, const char *token, GError **err)
{
    return real_of(store)->ops->drop(real_of(store), token, err);
}

static void
flaky_free(struct xf_domain_store *store)
{
    real_of(store)->ops->free(real_of(store));
    g_free(store);
}

/* From the host's next start on. */
static void
host_has_flaky_store(struct host *host)
{
    static const struct xf_domain_store_ops ops = {
        .load = flaky_load,
        .write = flaky_write,
        .remove = flaky_remove,
        .mark = flaky_mark,
        .prepare = flaky_prepare,
        .prepared = flaky_prepared,
        .read_prepared = flaky_read_prepared,
        .promote = flaky_promote,
        .drop = flaky_drop,
        .free = flaky_free,
    };
    struct flaky_domains *flaky = g_new0(struct flaky_domains, 1);
    g_autofree char *dir = g_build_filename(host->state, "domains", NULL);

    flaky->store.ops = &ops;
    flaky->real = xf_domain_files_new(dir, NULL);
    ck_assert_ptr_nonnull(flaky->real);
    host->config.domain_store = &flaky->store;
}

void
full(gboolean is)
{
    g_atomic_int_set(&disk_is_full, is);
}

void
restart(struct host *host)
{
    host_stop(host);
    host_has_flaky_store(host);
    host_start(host);
    host->config.domain_store = NULL;
}

static void
setup(void)
{
    full(FALSE);
    world_setup();
    restart(&src);
    restart(&dst);
}

/* -- short forms -- */

void
said(GError **err, int code, const char *text)
{
    err_said(*err, code, text);
    g_clear_error(err);
}

struct xf_domain_ref *
define(struct host *host, const char *name, const char *uuid, GError **err)
{
    g_autofree char *xml = xf_sim_xml(name, uuid, "xenpvh", 64);

    return DRIVER(host)->define_xml(host->conn, xml, 0, err);
}

void
defined(struct host *host, const char *name, const char *uuid)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_domain_ref) *dom = define(host, name, uuid, &err);

    ck_assert_msg(dom != NULL, "%s", err ? err->message : "");
    ck_assert_str_eq(dom->name, name);
}

struct xf_domain_ref *
look_up(struct host *host, const char *name)
{
    return DRIVER(host)->lookup_by_name(host->conn, name, NULL);
}

gboolean
start(struct host *host, const char *name, guint flags, GError **err)
{
    XF_AUTO(xf_domain_ref) *dom = look_up(host, name);
    XF_AUTO(xf_domain_ref) *started =
        dom ? DRIVER(host)->start(host->conn, dom, flags, err) : NULL;

    ck_assert_ptr_nonnull(dom);
    ck_assert(!started || started->id > 0);
    return started != NULL;
}

gboolean
undefine(struct host *host, const char *name, GError **err)
{
    XF_AUTO(xf_domain_ref) *dom = look_up(host, name);

    ck_assert_ptr_nonnull(dom);
    return DRIVER(host)->undefine(host->conn, dom, 0, err);
}

void
destroyed(struct host *host, const char *name)
{
    XF_AUTO(xf_domain_ref) *dom = look_up(host, name);

    ck_assert_ptr_nonnull(dom);
    ck_assert(DRIVER(host)->domain_destroy(host->conn, dom, NULL));
}

gboolean
autostart(struct host *host, const char *name, gboolean on, GError **err)
{
    XF_AUTO(xf_domain_ref) *dom = look_up(host, name);

    ck_assert_ptr_nonnull(dom);
    return DRIVER(host)->set_autostart(host->conn, dom, on, err);
}

static int
by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "g s t": their names, sorted. */
static char *
listed(struct host *host, guint flags)
{
    g_autoptr(GPtrArray) list =
        DRIVER(host)->list_domains(host->conn, flags, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    ck_assert_ptr_nonnull(list);
    for (guint i = 0; i < list->len; i++) {
        const struct xf_domain_ref *dom = list->pdata[i];

        if (dom->id != 0)
            g_ptr_array_add(names, dom->name);
    }
    g_ptr_array_sort(names, by_text);
    g_ptr_array_add(names, NULL);
    return g_strjoinv(" ", (char **)names->pdata);
}

void
lists(struct host *host, guint flags, const char *want)
{
    g_autofree char *got = listed(host, flags);

    ck_assert_str_eq(got, want);
}

enum xf_domain_state
state_of(struct host *host, const char *name, int *reason)
{
    XF_AUTO(xf_domain_ref) *dom = look_up(host, name);
    struct xf_domain_info info = { 0 };

    ck_assert_ptr_nonnull(dom);
    ck_assert(DRIVER(host)->domain_info(host->conn, dom, &info, NULL));
    if (reason)
        *reason = info.reason;
    ck_assert_uint_eq(info.max_memory_kib, 64 * 1024);
    ck_assert_uint_eq(info.vcpus, 1);
    return info.state;
}

gboolean
persistent(struct host *host, const char *name)
{
    XF_AUTO(xf_domain_ref) *dom = look_up(host, name);
    gboolean is = FALSE;

    ck_assert_ptr_nonnull(dom);
    ck_assert(DRIVER(host)->is_persistent(host->conn, dom, &is, NULL));
    return is;
}

gboolean
runs(struct host *host, const char *name)
{
    struct xf_hv_domain info;

    return xf_sim_find(host->dir, name, &info) && !info.paused
           && !info.suspended;
}

gboolean
s_runs(struct host *host)
{
    return runs(host, "s");
}

gboolean
is_gone(struct host *host)
{
    struct xf_hv_domain info;

    return !guest_on(host, &info);
}

/* How many files the host has that end so. */
guint
files(struct host *host, const char *suffix)
{
    g_autofree char *dir = g_build_filename(host->state, "domains", NULL);
    g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
    const char *name;
    guint count = 0;

    ck_assert_ptr_nonnull(entries);
    while ((name = g_dir_read_name(entries)))
        count += g_str_has_suffix(name, suffix);
    return count;
}

/* A file of the folder gets that text. */
void
put_file(struct host *host, const char *name, const char *text)
{
    g_autofree char *path =
        g_build_filename(host->state, "domains", name, NULL);

    ck_assert(g_file_set_contents(path, text, -1, NULL));
}

void
sent(struct walk *walk)
{
    g_autoptr(GError) err = NULL;

    defined(&src, "g", GUEST_UUID);
    ck_assert(autostart(&src, "g", TRUE, &err));
    walk_init(walk);
    walk_to_performed(walk);
}

void
refuses_to_start(struct host *host, int code, const char *text)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *xml = xf_sim_xml("g", GUEST_UUID, "xenpvh", 64);

    ck_assert(!start(host, "g", 0, &err));
    said(&err, code, text);
    ck_assert_ptr_null(DRIVER(host)->create_xml(host->conn, xml, 0, &err));
    said(&err, code, text);
}

gboolean
g_runs(struct host *host)
{
    return runs(host, "g");
}

int
stored_main(const char *name, const struct xf_unit_test *tests)
{
    return xf_unit_main_rows(name, tests, XF_UNIT_TIMEOUT, setup, world_teardown);
}
