/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two daemons and each protocol, forced by what one of them offers: that it
 * moves, for an unmodified virsh too, and that v1 and v2 keep the guest on
 * exactly one side when a daemon is killed or a step fails.
 */
#include "config.h"

#include "tests/host/hosts.h"

#include <string.h>

#define XENFERRY TOP_BUILDDIR "/xenferry"

static const char *const protocols[] = { "v1", "v2", "v3", "v3-params" };

#define OLD 2                   /* of them: v1 and v2 */

/* From now on the destination has nothing but that. */
static void
force(const char *protocol)
{
    g_autofree char *lines = g_strdup_printf("[daemon]\nprotocols = %s\n",
                                             protocol);

    host_stop(&host_b);
    host_b.conf = lines;
    host_start(&host_b);
    host_b.conf = NULL;
}

START_TEST(forced_by_one_daemon)
{
    g_autofree char *out = NULL;
    g_autofree char *member = g_strdup_printf("\"protocol\" : \"%s\"",
                                              protocols[_i]);

    force(protocols[_i]);
    guest(&host_a);

    const char *argv[] = { XENFERRY, "-c", host_a.uri, "migrate", "--live",
                           "--json", "g", host_b.tcp_uri, NULL };

    ck_assert_msg(run_program(argv, &out) == 0, "%s", out);
    ck_assert_msg(strstr(out, member), "not %s: %s", member, out);
    runs_on(&host_b, "g");
    empty(&host_a);
    moves(&host_b, &host_a, "g");
    empty(&host_b);
    all_is_well();
}
END_TEST

START_TEST(chosen_by_the_client)
{
    guest(&host_a);
    move_protocol = xf_protocols_parse(protocols[_i], NULL);
    for (int i = 0; i < 2; i++) {
        moves(&host_a, &host_b, "g");
        moves(&host_b, &host_a, "g");
    }
    all_is_well();
}
END_TEST

/* As it is named here, and as virsh does. */
static const char *const spellings[] = {
    "--undefine-source", "--undefinesource",
};

START_TEST(the_definition_goes_along)
{
    const char *argv[] = { XENFERRY, "-c", host_a.uri, "migrate", "--live",
                           "--persistent", spellings[_i], "g", host_b.uri,
                           NULL };
    XF_AUTO(xf_conn) *from = conn_to(&host_a);
    XF_AUTO(xf_conn) *to = conn_to(&host_b);
    g_autofree char *xml = xf_sim_xml("g", UUID, "xenpvh", 128);
    g_autofree char *out = NULL;
    gboolean stored = FALSE;

    guest(&host_a);

    XF_AUTO(xf_domain_ref) *dom = from->driver->define_xml(from, xml, 0,
                                                           NULL);

    ck_assert(dom != NULL);
    ck_assert_msg(run_program(argv, &out) == 0, "%s", out);
    runs_on(&host_b, "g");
    ck_assert_ptr_null(from->driver->lookup_by_uuid(from, dom->uuid, NULL));
    ck_assert(to->driver->is_persistent(to, dom, &stored, NULL));
    ck_assert(stored);
    xf_conn_close(g_steal_pointer(&from));
    xf_conn_close(g_steal_pointer(&to));
    all_is_well();
}
END_TEST

START_TEST(nothing_in_common)
{
    guest(&host_a);
    force(protocols[_i]);
    move_protocol = xf_protocols_parse(protocols[(_i + 1) % 4], NULL);
    move_fails(&host_a, &host_b, "g", XF_ERROR_NO_SUPPORT, "cannot both do");
    runs_on(&host_a, "g");
    all_is_well();
}
END_TEST

START_TEST(virsh_moves)
{
    g_autofree char *out = NULL;

    xf_unit_need_program("virsh");
    force(protocols[_i]);
    guest(&host_a);

    const char *argv[] = { "virsh", "-c", host_a.uri, "migrate", "--live",
                           "--verbose", "g", host_b.tcp_uri, NULL };

    ck_assert_msg(run_program(argv, &out) == 0, "%s: %s", protocols[_i],
                  out);
    runs_on(&host_b, "g");
    empty(&host_a);
    all_is_well();
}
END_TEST

/* -- peer to peer: virsh asks the source alone -- */

static int
virsh_p2p(char **out)
{
    const char *argv[] = { "virsh", "-c", host_a.uri, "migrate", "--live",
                           "--p2p", "g", host_b.tcp_uri, NULL };

    return run_program(argv, out);
}

START_TEST(virsh_moves_p2p)
{
    g_autofree char *out = NULL;

    xf_unit_need_program("virsh");
    force(protocols[_i]);
    guest(&host_a);
    ck_assert_msg(virsh_p2p(&out) == 0, "%s: %s", protocols[_i], out);
    runs_on(&host_b, "g");
    empty(&host_a);
    all_is_well();
}
END_TEST

/* ... and so does ours, which is not told more than that it has moved: what
 * was taken is in the source's log. */
START_TEST(xenferry_moves_p2p)
{
    g_autofree char *out = NULL;

    force(protocols[_i]);
    guest(&host_a);

    g_autofree char *taken = g_strdup_printf(
        "domain 'g' goes by protocol %s, peer to peer, to %s", protocols[_i],
        host_b.tcp_uri);
    const char *argv[] = { XENFERRY, "-c", host_a.uri, "migrate", "--live",
                           "--p2p", "--dname", "h", "g", host_b.tcp_uri,
                           NULL };

    ck_assert_msg(run_program(argv, &out) == 0, "%s: %s", protocols[_i], out);
    ck_assert_msg(strstr(out, "h has moved") && strstr(out, "p2p"), "%s", out);
    ck_assert_uint_eq(host_log_count(&host_a, taken), 1);
    ck_assert_uint_eq(host_log_count(&host_a, "peer to peer, to"), 1);
    runs_on(&host_b, "h");
    empty(&host_a);
    all_is_well();
}
END_TEST

START_TEST(p2p_fails)
{
    g_autofree char *out = NULL;
    g_autofree char *why = NULL;

    xf_unit_need_program("virsh");
    guest(&host_a);
    fault(&host_b, "devices", "fail");
    ck_assert_int_ne(virsh_p2p(&out), 0);
    ck_assert_msg(strstr(out, "runs on here"), "%s", out);
    fault(&host_b, "devices", NULL);
    runs_on(&host_a, "g");
    empty(&host_b);
    host_stop(&host_b);
    ck_assert_int_ne(virsh_p2p(&why), 0);
    ck_assert_msg(strstr(why, "peer-to-peer migration of domain 'g'"), "%s",
                  why);
    host_start(&host_b);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* A client that still believes in a domain that has gone is not told that it
 * has moved, which it did some other time. */
START_TEST(p2p_of_one_that_has_gone)
{
    XF_AUTO(xf_conn) *conn = NULL;
    XF_AUTO(xf_domain_ref) *dom = NULL;
    struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE | XF_MIGRATE_PEER2PEER,
        .dconnuri = host_b.tcp_uri,
    };
    g_autoptr(GError) err = NULL;
    GBytes *cookie = NULL;

    guest(&host_a);
    conn = conn_to(&host_a);
    dom = conn->driver->lookup_by_name(conn, "g", &err);
    ck_assert_msg(dom != NULL, "%s", err ? err->message : "");
    ck_assert_msg(conn->driver->perform3(conn, dom, &args, &cookie, &err),
                  "%s", err ? err->message : "");
    ck_assert_ptr_null(cookie);
    runs_on(&host_b, "g");
    ck_assert(!conn->driver->perform3(conn, dom, &args, &cookie, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_NO_DOMAIN));
    runs_on(&host_b, "g");
    xf_conn_close(g_steal_pointer(&conn));
    empty(&host_a);
    all_is_well();
}
END_TEST

/* Offered by the source, or not at all. */
START_TEST(p2p_is_not_offered)
{
    g_autofree char *out = NULL;

    xf_unit_need_program("virsh");
    host_stop(&host_a);
    host_a.conf = "[daemon]\nprotocols = v1,v2,v3,v3-params\n";
    host_start(&host_a);
    guest(&host_a);
    ck_assert_int_ne(virsh_p2p(&out), 0);
    runs_on(&host_a, "g");
    all_is_well();
}
END_TEST

/* -- v1 and v2: a step fails -- */

static const struct {
    const char *point, *value;
    gboolean at_destination;
} failures[] = {
    { "can-leave", "fail", FALSE },
    { "suspend-page", "fail@10", FALSE },
    { "suspend-after-end", "fail", FALSE },
    { "incoming-create", "fail", TRUE },
    { "can-arrive", "fail", TRUE },
    { "stream-page", "fail@10", TRUE },
    { "devices", "fail", TRUE },
};

START_TEST(a_step_fails)
{
    int f = _i / OLD;
    struct host *where = failures[f].at_destination ? &host_b : &host_a;

    guest(&host_a);
    move_protocol = xf_protocols_parse(protocols[_i % OLD], NULL);
    fault(where, failures[f].point, failures[f].value);
    move_fails(&host_a, &host_b, "g", -1, NULL);
    runs_on(&host_a, "g");
    no_domain(&host_b);
    ck_assert_uint_gt(xf_sim_hits(where->sim, failures[f].point), 0);
    fault(where, failures[f].point, NULL);
    moves(&host_a, &host_b, "g");
    empty(&host_a);
    all_is_well();
}
END_TEST

/* -- v1 and v2: a daemon is killed -- */

static const struct {
    const char *point;
    gboolean at_destination;
    gboolean committed;
} killed_at[] = {
    { "suspend-start", FALSE, FALSE },
    { "suspend-page", FALSE, FALSE },
    { "suspend-before-end", FALSE, FALSE },
    { "stream-page", TRUE, FALSE },
    { "devices", TRUE, FALSE },
    { "rename", TRUE, TRUE },
    { "unpause", TRUE, TRUE },
};

START_TEST(a_daemon_is_killed)
{
    int k = _i / OLD;
    struct host *where = killed_at[k].at_destination ? &host_b : &host_a;
    struct host *from = killed_at[k].committed ? &host_b : &host_a;
    struct host *to = from == &host_a ? &host_b : &host_a;
    struct moving moving;

    guest(&host_a);
    move_protocol = xf_protocols_parse(protocols[_i % OLD], NULL);
    moving_until(&moving, &host_a, &host_b, where, killed_at[k].point);
    host_kill(where);
    fault(where, killed_at[k].point, NULL);
    ck_assert(!moving_end(&moving));
    g_clear_error(&moving.err);
    host_start(where);
    runs_on(from, "g");
    empty(to);
    moves(from, to, "g");
    all_is_well();
}
END_TEST

/* -- v1 and v2: the client is killed -- */

START_TEST(the_client_is_killed)
{
    const char *argv[] = { XENFERRY, "-c", host_a.uri, "migrate", "--live",
                           "--protocol", protocols[_i], "g", host_b.uri,
                           NULL };
    g_autofree char *log = g_strconcat(host_a.dir, "/client", NULL);

    guest(&host_a);
    fault(&host_a, "suspend-page", "hang@10");

    GPid client = start_program(argv, log, NULL);

    wait_hits(&host_a, "suspend-page", 1);
    kill_program(client);
    /* The abort ends the hang; without it all may be over before it comes. */
    empty(&host_b);
    runs_on(&host_a, "g");
    fault(&host_a, "suspend-page", NULL);
    no_records(&host_a);
    move_protocol = xf_protocols_parse(protocols[_i], NULL);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { forced_by_one_daemon, G_N_ELEMENTS(protocols) },
        { chosen_by_the_client, G_N_ELEMENTS(protocols) },
        { the_definition_goes_along, G_N_ELEMENTS(spellings) },
        { nothing_in_common, G_N_ELEMENTS(protocols) },
        { virsh_moves, G_N_ELEMENTS(protocols) },
        { virsh_moves_p2p, G_N_ELEMENTS(protocols) },
        { xenferry_moves_p2p, G_N_ELEMENTS(protocols) },
        { p2p_fails, 1 },
        { p2p_of_one_that_has_gone, 1 },
        { p2p_is_not_offered, 1 },
        { a_step_fails, OLD * G_N_ELEMENTS(failures) },
        { a_daemon_is_killed, OLD * G_N_ELEMENTS(killed_at) },
        { the_client_is_killed, OLD },
        { NULL, 0 },
    };

    return host_tests_main("protocols", tests);
}
