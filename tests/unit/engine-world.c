/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "compat/compat.h"
#include "protocol/engine-private.h"
#include "tests/unit/engine-world.h"

#include <errno.h>

#include <glib/gstdio.h>
#include <string.h>

struct host src, dst;

/* -- store -- */

static gboolean
flaky_write(struct xf_store *store, const char *token, GHashTable *fields,
            GError **err)
{
    struct flaky_store *flaky = (struct flaky_store *)store;
    int left = g_atomic_int_get(&flaky->writes_until_failure);

    if (left == 0) {
        g_atomic_int_inc(&flaky->writes_failed);
        g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM, "store: no space");
        return FALSE;
    }
    if (left > 0)
        g_atomic_int_add(&flaky->writes_until_failure, -1);
    if (!flaky->real->ops->write(flaky->real, token, fields, err))
        return FALSE;
    if (g_atomic_int_get(&flaky->answers_lost) <= 0)
        return TRUE;
    g_atomic_int_add(&flaky->answers_lost, -1);
    g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM, "store: no answer");
    return FALSE;
}

static GHashTable *
flaky_read(struct xf_store *store, const char *token, GError **err)
{
    struct flaky_store *flaky = (struct flaky_store *)store;

    return flaky->real->ops->read(flaky->real, token, err);
}

static char **
flaky_list(struct xf_store *store, GError **err)
{
    struct flaky_store *flaky = (struct flaky_store *)store;

    return flaky->real->ops->list(flaky->real, err);
}

static gboolean
flaky_remove(struct xf_store *store, const char *token, GError **err)
{
    struct flaky_store *flaky = (struct flaky_store *)store;

    if (g_atomic_int_get(&flaky->removes_that_fail) > 0) {
        g_atomic_int_add(&flaky->removes_that_fail, -1);
        g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM, "store: busy");
        return FALSE;
    }
    return flaky->real->ops->remove(flaky->real, token, err);
}

static const struct xf_store_ops flaky_ops = {
    .write = flaky_write,
    .read = flaky_read,
    .list = flaky_list,
    .remove = flaky_remove,
};

/* -- a hypervisor that does not tell -- */

static const struct xf_hypervisor_ops *seeing;
static struct xf_hypervisor_ops ops;

static gboolean
is_blind(struct xf_hypervisor *hv, GError **err)
{
    struct host *host = hv == src.hv ? &src : &dst;

    if (!g_atomic_int_get(&host->blind))
        return FALSE;
    g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM, "the hypervisor is silent");
    return TRUE;
}

static GPtrArray *
list(struct xf_hypervisor *hv, GError **err)
{
    return is_blind(hv, err) ? NULL : seeing->list(hv, err);
}

static gboolean
info(struct xf_hypervisor *hv, int domid, struct xf_hv_domain *domain,
     GError **err)
{
    return !is_blind(hv, err) && seeing->info(hv, domid, domain, err);
}

static void
make_blindable(struct xf_hypervisor *hv)
{
    if (hv->ops != &ops)
        seeing = hv->ops;
    ops = *seeing;
    ops.list = list;
    ops.info = info;
    hv->ops = &ops;
}

void
host_blind(struct host *host, gboolean blind)
{
    g_atomic_int_set(&host->blind, blind);
}

/* -- hosts -- */

void
host_start(struct host *host)
{
    g_autoptr(GError) err = NULL;

    host->config.channel.port = host->port;
    host->engine = xf_engine_new(host->hv, &host->store.store, &host->config,
                                 &err);
    ck_assert_msg(host->engine != NULL, "%s", err ? err->message : "");
    host->port = xf_engine_channel_port(host->engine);
    host->conn = xf_compat_open(host->engine);
}

void
host_stop(struct host *host)
{
    if (host->conn)
        xf_conn_close(host->conn);
    host->conn = NULL;
    xf_engine_free(host->engine);
    host->engine = NULL;
}

void
host_dies(struct host *host)
{
    g_atomic_int_set(&host->engine->stopping, TRUE);
    host_stop(host);
}

static void
set_field(GHashTable *fields, const char *name, const char *value)
{
    g_hash_table_insert(fields, g_strdup(name),
                        g_bytes_new(value, strlen(value)));
}

/* Its engine would note that its client goes: the record is put back. */
void
host_dies_in(struct host *host, const char *state)
{
    struct xf_store *store = host->store.real;
    g_auto(GStrv) tokens = store->ops->list(store, NULL);

    ck_assert(tokens && tokens[0] && !tokens[1]);

    g_autoptr(GHashTable) fields = store->ops->read(store, tokens[0], NULL);

    ck_assert_ptr_nonnull(fields);
    host_dies(host);
    set_field(fields, "state", state);
    set_field(fields, "untouched", "0");
    ck_assert(store->ops->write(store, tokens[0], fields, NULL));
}

void
host_forgets(struct host *host)
{
    g_auto(GStrv) tokens = host->store.real->ops->list(host->store.real,
                                                       NULL);

    ck_assert_ptr_null(host->engine);
    ck_assert_ptr_nonnull(tokens);
    for (char **token = tokens; *token; token++)
        ck_assert(host->store.real->ops->remove(host->store.real, *token,
                                                NULL));
}

static void
remove_dir(const char *dir)
{
    g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(entries))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            remove_dir(path);
        else
            g_unlink(path);
    }
    g_rmdir(dir);
}

void
host_reboots(struct host *host)
{
    g_autoptr(GPtrArray) domains = xf_sim_domains(host->dir);

    host_forgets(host);
    for (guint i = 0; i < domains->len; i++) {
        const struct xf_hv_domain *domain = g_ptr_array_index(domains, i);

        ck_assert(host->hv->ops->destroy(host->hv, domain->domid, NULL));
    }
    remove_dir(host->run);
    ck_assert_int_eq(g_mkdir(host->run, 0700), 0);
}

void
host_impatient(struct host *host)
{
    host->engine->config.resolve_wait_ms = 100;
}

void
host_patient(struct host *host)
{
    host->engine->config.resolve_wait_ms = DEADLINE_MS;
}

static gssize
full_write(int fd, const void *data, gsize len)
{
    errno = ENOSPC;
    return -1;
}

static int
broken_sync(int fd)
{
    errno = EIO;
    return -1;
}

static int
broken_cut(int fd, off_t size)
{
    errno = EIO;
    return -1;
}

void
host_disk_full(struct host *host, gboolean full)
{
    static const struct xf_decisions_io io = { full_write, broken_sync,
                                               broken_cut };

    xf_decisions_set_io(host->engine->decisions, full ? &io : NULL);
}

static void
host_setup(struct host *host, const char *name)
{
    g_autoptr(GError) err = NULL;

    memset(host, 0, sizeof(*host));
    host->port = xf_unit_port(host == &dst ? XF_UNIT_PORT_B
                                           : XF_UNIT_PORT_A);
    host->dir = g_dir_make_tmp("xenferry-engine-XXXXXX", &err);
    ck_assert_ptr_nonnull(host->dir);
    host->hv = xf_sim_new(host->dir, &err);
    ck_assert_msg(host->hv != NULL, "%s", err ? err->message : "");
    make_blindable(host->hv);
    host->store.store.ops = &flaky_ops;
    host->store.real = xf_store_memory_new();
    host->store.writes_until_failure = -1;
    xf_engine_config_init(&host->config);
    host->config.hostname = name;
    host->config.channel_host = "127.0.0.1";
    host->config.channel.address = "127.0.0.1";
    host->state = g_build_filename(host->dir, "state", NULL);
    host->config.state_dir = host->state;
    host->run = g_build_filename(host->dir, "run", NULL);
    ck_assert_int_eq(g_mkdir(host->run, 0700), 0);
    host->config.run_dir = host->run;
    host->config.resolve_wait_ms = DEADLINE_MS;
    host->config.retry_first_ms = 50;
    host->config.retry_max_ms = 200;
    host->config.connect_timeout_ms = 2000;
    host_start(host);
}

static void
host_teardown(struct host *host)
{
    host_stop(host);
    host->hv->ops->free(host->hv);
    host->store.real->ops->free(host->store.real);
    remove_dir(host->dir);
    g_free(host->state);
    g_free(host->run);
    g_free(host->dir);
}

void
world_setup(void)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *xml = xf_sim_xml("g", GUEST_UUID, "xenpvh", 64);

    host_setup(&src, "src");
    host_setup(&dst, "dst");
    ck_assert_msg(src.hv->ops->create(src.hv, xml, FALSE, &err) > 0, "%s",
                  err ? err->message : "");
}

void
world_teardown(void)
{
    const char *dirs[] = { src.dir, dst.dir, NULL };
    g_autoptr(GError) err = NULL;

    ck_assert_msg(xf_sim_verify(dirs, &err), "%s", err ? err->message : "");
    host_teardown(&src);
    host_teardown(&dst);
}

/* -- walking the phases -- */

void
walk_init(struct walk *walk)
{
    guint8 uuid[XF_UUID_LEN];

    memset(walk, 0, sizeof(*walk));
    ck_assert(xf_uuid_parse(GUEST_UUID, uuid));
    walk->dom = xf_domain_ref_new("g", uuid, -1);
}

void
walk_clear(struct walk *walk)
{
    xf_domain_ref_free(walk->dom);
    g_free(walk->xml);
    g_free(walk->uri);
    g_clear_pointer(&walk->begin, g_bytes_unref);
    g_clear_pointer(&walk->prepare, g_bytes_unref);
    g_clear_pointer(&walk->perform, g_bytes_unref);
    g_clear_pointer(&walk->finish, g_bytes_unref);
    g_clear_error(&walk->err);
}

gboolean
walk_begin(struct walk *walk)
{
    const struct xf_migrate_args args = { .flags = XF_MIGRATE_LIVE };

    g_clear_error(&walk->err);
    g_clear_pointer(&walk->begin, g_bytes_unref);
    g_clear_pointer(&walk->xml, g_free);
    walk->xml = src.conn->driver->begin3(src.conn, walk->dom, &args,
                                         &walk->begin, &walk->err);
    return walk->xml != NULL;
}

gboolean
walk_prepare(struct walk *walk)
{
    const struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE,
        .xml = walk->xml,
        .cookie_in = walk->begin,
    };

    g_clear_error(&walk->err);
    return dst.conn->driver->prepare3(dst.conn, &args, &walk->prepare,
                                      &walk->uri, &walk->err);
}

gboolean
walk_perform(struct walk *walk)
{
    const struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE,
        .uri = walk->uri,
        .cookie_in = walk->prepare,
    };

    g_clear_error(&walk->err);
    return src.conn->driver->perform3(src.conn, walk->dom, &args,
                                      &walk->perform, &walk->err);
}

gboolean
walk_finish(struct walk *walk, gboolean cancelled)
{
    const struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE,
        .dname = "g",
        .uri = walk->uri,
        .cookie_in = cancelled ? NULL : walk->perform,
        .cancelled = cancelled,
    };

    g_clear_error(&walk->err);
    g_clear_pointer(&walk->finish, g_bytes_unref);

    XF_AUTO(xf_domain_ref) *dom = dst.conn->driver->finish3(
        dst.conn, &args, &walk->finish, &walk->err);

    ck_assert(dom || walk->err);
    return dom != NULL;
}

gboolean
walk_confirm(struct walk *walk, gboolean cancelled, GBytes *cookie)
{
    const struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE,
        .cookie_in = cookie,
        .cancelled = cancelled,
    };

    g_clear_error(&walk->err);
    return src.conn->driver->confirm3(src.conn, walk->dom, &args, &walk->err);
}

#define must(walk, phase)                                                   \
    ck_assert_msg(phase(walk), #phase ": %s",                               \
                  (walk)->err ? (walk)->err->message : "no error set")

void
walk_to_performed(struct walk *walk)
{
    must(walk, walk_begin);
    must(walk, walk_prepare);
    must(walk, walk_perform);
}

void
walk_to_committed(struct walk *walk)
{
    walk_init(walk);
    walk_to_performed(walk);
    ck_assert_msg(walk_finish(walk, FALSE), "%s", walk->err->message);
}

char *
host_log_path(struct host *host)
{
    return g_build_filename(host->state, "decisions", NULL);
}

gboolean
move(struct host *from, struct host *to, guint32 flags, GError **err)
{
    const struct xf_sequence_request request = { .flags = flags };
    XF_AUTO(xf_domain_ref) *dom =
        from->conn->driver->lookup_by_name(from->conn, "g", err);
    XF_AUTO(xf_domain_ref) *moved =
        dom ? xf_sequence_v3(from->conn, dom, to->conn, &request, err) : NULL;

    return moved != NULL;
}

/* -- looking -- */

gboolean
guest_on(struct host *host, struct xf_hv_domain *info)
{
    return xf_sim_find(host->dir, "g", info);
}

gboolean
guest_runs(struct host *host)
{
    struct xf_hv_domain info;

    return guest_on(host, &info) && !info.suspended;
}

gboolean
guest_is_gone(struct host *host)
{
    struct xf_hv_domain info;

    return !guest_on(host, &info);
}

void
wait_for(gboolean (*check)(struct host *host), struct host *host)
{
    gint64 until = g_get_monotonic_time() + DEADLINE_MS * 1000;

    while (!check(host)) {
        ck_assert_msg(g_get_monotonic_time() < until, "not in time");
        g_thread_yield();
    }
}

gboolean
no_records(struct host *host)
{
    g_auto(GStrv) tokens = host->store.real->ops->list(host->store.real,
                                                       NULL);

    return tokens && !*tokens;
}

gboolean
no_decisions(struct host *host)
{
    g_autoptr(GPtrArray) all = xf_decisions_all(host->engine->decisions);

    return all->len == 0;
}

gboolean
waits_suspended(struct host *host)
{
    struct xf_hv_domain info;

    return guest_on(host, &info) && info.suspended;
}

static gboolean
runs(struct host *host)
{
    struct xf_hv_domain info;

    return guest_on(host, &info) && !info.paused && !info.suspended;
}

static gboolean
empty(struct host *host)
{
    g_autoptr(GPtrArray) domains = xf_sim_domains(host->dir);

    return domains->len == 0;
}

static struct host *
other(struct host *host)
{
    return host == &src ? &dst : &src;
}

void
settled_on(struct host *host)
{
    wait_for(runs, host);
    wait_for(empty, other(host));
    wait_for(no_records, &src);
    wait_for(no_records, &dst);
    wait_for(no_decisions, &src);
    wait_for(no_decisions, &dst);
}

void
moves_from(struct host *host)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(move(host, other(host), XF_MIGRATE_LIVE, &err), "%s",
                  err ? err->message : "");
    settled_on(other(host));
}

void
err_said(const GError *err, int code, const char *words)
{
    ck_assert_msg(g_error_matches(err, XF_ERROR, code)
                      && strstr(err->message, words),
                  "expected code %d with '%s', got: %s", code, words,
                  err ? err->message : "no error");
}

void
walk_said(const struct walk *walk, int code, const char *words)
{
    err_said(walk->err, code, words);
}

void
client_of(struct host *host)
{
    xf_conn_close(host->conn);
    host->conn = xf_compat_open(host->engine);
}
