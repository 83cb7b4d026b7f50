/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two daemons, the stream in the connection from one to the other. */
#include "config.h"

#include "protocol/rpc/client.h"
#include "tests/host/hosts.h"

#include <string.h>

#define BY_THE_TUNNEL "goes through the connection"

static void
force(const char *protocol)
{
    g_autofree char *lines = g_strdup_printf("[daemon]\nprotocols = %s,p2p\n",
                                             protocol);

    host_stop(&host_b);
    host_b.conf = lines;
    host_start(&host_b);
    host_b.conf = NULL;
}

/* Is there one of v3's Performs? */
static gboolean
has_v3(struct xf_conn *conn)
{
    return conn->driver->supports_feature(conn, XF_FEATURE_MIGRATION_V3, NULL)
               == 1
           || conn->driver->supports_feature(
                  conn, XF_FEATURE_MIGRATION_PARAMS, NULL) == 1;
}

static gboolean
tunnel(struct host *from, struct host *to, GError **err)
{
    XF_AUTO(xf_conn) *conn = conn_to(from);
    XF_AUTO(xf_domain_ref) *dom = conn->driver->lookup_by_name(conn, "g",
                                                               err);
    const struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE | XF_MIGRATE_PEER2PEER
                 | XF_MIGRATE_TUNNELLED,
        .dconnuri = to->tcp_uri,
    };
    struct xf_migrate_args old = args;
    g_autoptr(GBytes) cookie = NULL;

    old.uri = to->tcp_uri;
    old.dconnuri = NULL;
    if (!dom)
        return FALSE;
    return has_v3(conn) ? conn->driver->perform3(conn, dom, &args, &cookie, err)
                        : conn->driver->perform(conn, dom, &old, err);
}

static void
must_tunnel(struct host *from, struct host *to)
{
    g_autoptr(GError) err = NULL;
    guint before = host_log_count(from, BY_THE_TUNNEL);

    ck_assert_msg(tunnel(from, to, &err), "%s", err ? err->message : "");
    ck_assert_uint_eq(host_log_count(from, BY_THE_TUNNEL), before + 1);
    runs_on(to, "g");
    empty(from);
}

static const char *const protocols[] = { "v2", "v3", "v3-params" };

START_TEST(there_and_back)
{
    guest(&host_a);
    force(protocols[_i]);
    must_tunnel(&host_a, &host_b);
    must_tunnel(&host_b, &host_a);
    all_is_well();
}
END_TEST

START_TEST(xenferry_moves)
{
    const char *argv[] = { TOP_BUILDDIR "/xenferry", "-c", host_a.uri,
                           "migrate", "--live", "--p2p", "--tunnelled", "g",
                           host_b.tcp_uri, NULL };
    g_autofree char *out = NULL;

    guest(&host_a);
    ck_assert_msg(run_program(argv, &out) == 0, "%s", out);
    ck_assert_uint_eq(host_log_count(&host_a, BY_THE_TUNNEL), 1);
    runs_on(&host_b, "g");
    empty(&host_a);
    all_is_well();
}
END_TEST

static int
run_virsh(char **out)
{
    const char *argv[] = { "virsh", "-c", host_a.uri, "migrate", "--live",
                           "--p2p", "--tunnelled", "g", host_b.tcp_uri,
                           NULL };

    return run_program(argv, out);
}

START_TEST(virsh_moves)
{
    g_autofree char *out = NULL;

    xf_unit_need_program("virsh");
    guest(&host_a);
    force(protocols[_i]);
    ck_assert_msg(run_virsh(&out) == 0, "%s", out);
    ck_assert_uint_eq(host_log_count(&host_a, BY_THE_TUNNEL), 1);
    runs_on(&host_b, "g");
    empty(&host_a);
    all_is_well();
}
END_TEST

/* By a unix socket it would go as fast as it can, whatever was asked. */
START_TEST(no_limit_by_a_unix_socket)
{
    const char *argv[] = { TOP_BUILDDIR "/xenferry", "-c", host_a.uri,
                           "migrate", "--live", "--p2p", "--tunnelled",
                           "--bandwidth", "10", "g",
                           _i ? host_b.tcp_uri : host_b.uri, NULL };
    g_autofree char *out = NULL;

    guest(&host_a);
    if (_i) {
        ck_assert_msg(run_program(argv, &out) == 0, "%s", out);
        runs_on(&host_b, "g");
    } else {
        ck_assert_int_eq(run_program(argv, &out), 1);
        ck_assert_msg(strstr(out, "connect to the destination by xen+tcp"),
                      "%s", out);
        runs_on(&host_a, "g");
        empty(&host_b);
        must_tunnel(&host_a, &host_b);
    }
    all_is_well();
}
END_TEST

/* It has no Prepare for that. */
START_TEST(not_by_v1)
{
    g_autoptr(GError) err = NULL;

    guest(&host_a);
    force("v1");
    ck_assert(!tunnel(&host_a, &host_b, &err));
    ck_assert_msg(strstr(err->message, "(tunnelled)"), "%s", err->message);
    runs_on(&host_a, "g");
    empty(&host_b);
    all_is_well();
}
END_TEST

/* -- a daemon dies -- */

struct attempt {
    struct host *from, *to;
    gboolean ok;
    GError *err;
};

static gpointer
attempt_main(gpointer data)
{
    struct attempt *attempt = data;

    attempt->ok = tunnel(attempt->from, attempt->to, &attempt->err);
    return NULL;
}

static struct host *const victims[] = { &host_a, &host_b };
/* One that asks for the commit by the tunnel, one that does not. */
static const char *const two_kinds[] = { "v2", "v3-params" };

START_TEST(killed_midway)
{
    struct attempt attempt = { &host_a, &host_b, FALSE, NULL };
    struct host *victim = victims[_i / 2];

    force(two_kinds[_i % 2]);
    guest(&host_a);
    fault(&host_a, "suspend-page", "hang@10");

    GThread *thread = g_thread_new("attempt", attempt_main, &attempt);

    wait_hits(&host_a, "suspend-page", 1);
    host_kill(victim);
    fault(&host_a, "suspend-page", NULL);
    g_thread_join(thread);
    ck_assert(!attempt.ok);
    g_clear_error(&attempt.err);
    host_start(victim);
    runs_on(&host_a, "g");
    empty(&host_b);
    must_tunnel(&host_a, &host_b);
    all_is_well();
}
END_TEST

/* The guest has stopped, all has been sent: the source asks by the port. */
START_TEST(killed_after_the_end)
{
    struct attempt attempt = { &host_a, &host_b, FALSE, NULL };

    force(two_kinds[_i]);
    guest(&host_a);
    fault(&host_b, "devices", "hang");

    GThread *thread = g_thread_new("attempt", attempt_main, &attempt);

    wait_hits(&host_b, "devices", 1);
    reaches(&host_a, "performed");
    host_kill(&host_b);
    fault(&host_b, "devices", NULL);
    g_thread_join(thread);
    ck_assert(!attempt.ok);
    ck_assert_msg(attempt.err->code == XF_ERROR_IN_DOUBT, "%s",
                  attempt.err->message);
    g_clear_error(&attempt.err);
    host_start(&host_b);
    runs_on(&host_a, "g");
    empty(&host_b);
    must_tunnel(&host_a, &host_b);
    all_is_well();
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { there_and_back, G_N_ELEMENTS(protocols) },
        { xenferry_moves, 1 },
        { virsh_moves, G_N_ELEMENTS(protocols) },
        { no_limit_by_a_unix_socket, 2 },
        { not_by_v1, 1 },
        { killed_midway, 2 * G_N_ELEMENTS(victims) },
        { killed_after_the_end, G_N_ELEMENTS(two_kinds) },
        { NULL, 0 },
    };

    return host_tests_main("tunnelled", tests);
}
