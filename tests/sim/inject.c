/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xenstore.h>

#include "protocol/fault.h"
#include "protocol/handoff.h"
#include "protocol/rpc/procs.h"
#include "tests/sim/faults.h"
#include "tests/sim/inject.h"

#define ANYWHERE "kill delay"
#define FDS_MAX 256

static struct sim_host *host;

gboolean
inject_start(const char *dir, GError **err)
{
    host = sim_host_open(dir, err);
    return host != NULL;
}

/* NULL: go on. */
static char *
pass(const char *point)
{
    return host ? sim_pass(host, NULL, point, 0, -1) : NULL;
}

static G_NORETURN void
bad_action(const char *point, const char *action)
{
    g_error("fault point %s: bad action: %s", point, action);
}

/* -- points in the code -- */

gboolean
xf_fault_pass(const struct xf_fault_site *site, int fd, GError **err)
{
    g_autofree char *action = pass(site->name);

    if (!action)
        return FALSE;
    if (site->fails && strcmp(action, "fail") == 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "%s fails as ordered", site->name);
        return TRUE;
    }
    if (!site->cuts || strcmp(action, "cut") != 0)
        bad_action(site->name, action);
    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
    return FALSE;
}

gint64
xf_fault_time(gint64 us)
{
    const char *scale = g_getenv("XF_TIME_SCALE");

    return scale ? us / MAX(atoi(scale), 1) : us;
}

static gboolean
is_migration(const char *name)
{
    for (gsize i = 0; i < xf_rpc_migrate_procs.count; i++)
        if (strcmp(xf_rpc_migrate_procs.rows[i].name, name) == 0)
            return TRUE;
    return FALSE;
}

gboolean
xf_fault_lost(const char *prefix, const char *name)
{
    if (!is_migration(name))
        return FALSE;

    g_autofree char *point = g_strconcat(prefix, "-", name, NULL);
    g_autofree char *action = pass(point);

    if (action && strcmp(action, "cut") != 0)
        bad_action(point, action);
    return action != NULL;
}

/* -- xenstored, as the store sees it: the linker leads its calls here -- */

/* What the call under way is to meet; of this thread. */
static _Thread_local char *store_fault;

static gboolean
store_meets(const char *what, gboolean once)
{
    if (g_strcmp0(store_fault, what) != 0)
        return FALSE;
    if (once)
        g_clear_pointer(&store_fault, g_free);
    return TRUE;
}

/* Names that the linker has chosen. */
bool __real_xs_write(struct xs_handle *xs, xs_transaction_t t,
                     const char *path, const void *data, unsigned int len);
bool __real_xs_transaction_end(struct xs_handle *xs, xs_transaction_t t,
                               bool abandon);
bool __wrap_xs_write(struct xs_handle *xs, xs_transaction_t t,
                     const char *path, const void *data, unsigned int len);
bool __wrap_xs_transaction_end(struct xs_handle *xs, xs_transaction_t t,
                               bool abandon);

/* The library does not say which fd its connection is. */
static void
cut_store(void)
{
    const char *path = g_getenv("XENSTORED_PATH");
    int max = sysconf(_SC_OPEN_MAX);

    for (int fd = 0; path && fd < MIN(max, FDS_MAX); fd++) {
        struct sockaddr_un peer = { 0 };
        socklen_t len = sizeof(peer);

        if (!getpeername(fd, (struct sockaddr *)&peer, &len)
            && peer.sun_family == AF_UNIX
            && !strncmp(peer.sun_path, path, sizeof(peer.sun_path)))
            shutdown(fd, SHUT_RDWR);
    }
}

bool
__wrap_xs_write(struct xs_handle *xs, xs_transaction_t t, const char *path,
                const void *data, unsigned int len)
{
    if (store_meets("enospc", TRUE)) {
        errno = ENOSPC;
        return false;
    }
    if (store_meets("gone", TRUE))
        cut_store();
    return __real_xs_write(xs, t, path, data, len);
}

bool
__wrap_xs_transaction_end(struct xs_handle *xs, xs_transaction_t t,
                          bool abandon)
{
    if (abandon
        || (!store_meets("eagain", TRUE) && !store_meets("conflict", FALSE)))
        return __real_xs_transaction_end(xs, t, abandon);
    __real_xs_transaction_end(xs, t, true);
    errno = EAGAIN;
    return false;
}

/* -- the store -- */

struct faulty_store {
    struct xf_store base;
    struct xf_store *inner;
};

static const char *const store_actions[] = {
    "enospc", "eagain", "conflict", "gone", NULL
};

/* What is written: a state, or that the last one is settled. */
static char *
what_of(GHashTable *fields)
{
    GBytes *state = g_hash_table_lookup(fields, "state");
    gsize len;
    const char *text = g_bytes_get_data(state, &len);

    return g_hash_table_contains(fields, "settled") ? g_strdup("settled")
                                                    : g_strndup(text, len);
}

static void
pass_before(const char *prefix, const char *what)
{
    g_autofree char *point = g_strconcat(prefix, "-", what, NULL);

    store_fault = pass(point);
    if (store_fault && !g_strv_contains(store_actions, store_fault))
        bad_action(point, store_fault);
}

static void
pass_after(const char *prefix, const char *what)
{
    g_autofree char *point = g_strconcat(prefix, "-", what, NULL);

    g_clear_pointer(&store_fault, g_free);
    g_free(pass(point));
}

static struct xf_store *
inner_of(struct xf_store *store)
{
    return ((struct faulty_store *)store)->inner;
}

static gboolean
faulty_write(struct xf_store *store, const char *token, GHashTable *fields,
             GError **err)
{
    g_autofree char *what = what_of(fields);

    pass_before("write", what);

    gboolean ok = inner_of(store)->ops->write(inner_of(store), token, fields,
                                              err);

    pass_after("written", what);
    return ok;
}

static GHashTable *
faulty_read(struct xf_store *store, const char *token, GError **err)
{
    g_free(pass("record-read"));
    return inner_of(store)->ops->read(inner_of(store), token, err);
}

static char **
faulty_list(struct xf_store *store, GError **err)
{
    g_free(pass("record-list"));
    return inner_of(store)->ops->list(inner_of(store), err);
}

static gboolean
faulty_remove(struct xf_store *store, const char *token, GError **err)
{
    pass_before("record", "remove");

    gboolean ok = inner_of(store)->ops->remove(inner_of(store), token, err);

    pass_after("record", "removed");
    return ok;
}

static void
faulty_free(struct xf_store *store)
{
    inner_of(store)->ops->free(inner_of(store));
    g_free(store);
}

struct xf_store *
inject_store(struct xf_store *inner)
{
    static const struct xf_store_ops ops = {
        .write = faulty_write,
        .read = faulty_read,
        .list = faulty_list,
        .remove = faulty_remove,
        .free = faulty_free,
    };
    struct faulty_store *store = g_new0(struct faulty_store, 1);

    store->base.ops = &ops;
    store->inner = inner;
    return &store->base;
}

/* -- the list -- */

/* The linker's names for the ends of the list of points in the code. */
extern const struct xf_fault_site *const __start_xf_faults[];
extern const struct xf_fault_site *const __stop_xf_faults[];

static void
list_one(const char *prefix, const char *name, const char *actions)
{
    printf("%s%s%s %s%s%s\n", prefix, *prefix ? "-" : "", name, ANYWHERE,
           *actions ? " " : "", actions);
}

void
inject_list(void)
{
    const struct sim_point_row *row = sim_points();

    for (; row->name; row++)
        list_one("", row->name, row->actions);
    for (const struct xf_fault_site *const *site = __start_xf_faults;
         site < __stop_xf_faults; site++)
        list_one("", (*site)->name,
                 (*site)->cuts    ? "cut"
                 : (*site)->fails ? "fail"
                                  : "");
    for (gsize i = 0; i < xf_rpc_migrate_procs.count; i++) {
        list_one("call", xf_rpc_migrate_procs.rows[i].name, "cut");
        list_one("reply", xf_rpc_migrate_procs.rows[i].name, "cut");
    }
    for (int i = XF_STATE_NONE + 1; i < XF_STATE_LAST; i++) {
        list_one("write", xf_state_name(i), "enospc eagain conflict gone");
        list_one("written", xf_state_name(i), "");
    }
    list_one("write", "settled", "enospc eagain conflict gone");
    list_one("written", "settled", "");
    list_one("record", "remove", "eagain conflict");
    list_one("record", "removed", "");
    list_one("record", "list", "");
    list_one("record", "read", "");
}
