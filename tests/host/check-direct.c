/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hosts that have only xl, as the other end, both ways: host-a has a daemon,
 * the other is a folder with a scripted xl (tests/sim/xl-peer.c) that breaks
 * off, goes silent or says something else at each of its steps.  After each
 * the guest is on exactly one side, or recorded in doubt and suspended.
 */
#include "config.h"

#include "tests/host/hosts.h"
#include "tests/host/traces.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#define PEER TOP_BUILDDIR "/tests/sim/xl-peer"
#define CLI TOP_BUILDDIR "/xenferry"
#define AWAY "xl+ssh://far.example.org/"

static char *far_sim;           /* the host that has only xl */
static char *fault_file;        /* what its xl is to do wrong */
static char *conf;
static const char *all_sims[3];

/* -- the far host -- */

/* The daemon anew; impatient: for an xl that says nothing. */
static void
configure(gboolean impatient)
{
    if (host_a.daemon)
        host_stop(&host_a);
    g_free(conf);
    conf = g_strdup_printf("xl_command = %s/to-xl %%d\n%s", hosts_dir(),
                           impatient ? "connect_timeout = 5\n"
                                       "ack_timeout = 5\n" : "");
    host_a.conf = conf;
    host_start(&host_a);
}

static void
set_up(void)
{
    g_autofree char *script = NULL, *text = NULL;

    hosts_set_up();
    far_sim = g_build_filename(hosts_dir(), "far", NULL);
    fault_file = g_build_filename(hosts_dir(), "far-fault", NULL);
    all_sims[0] = host_a.sim;
    all_sims[1] = far_sim;
    script = g_build_filename(hosts_dir(), "to-xl", NULL);
    /* in the place of ssh: what leads to the far xl */
    text = g_strdup_printf("#!/bin/sh\n"
                           "[ \"$1\" = ssh://far.example.org ] || exit 7\n"
                           "shift\n"
                           "exec %s migrate-receive %s $(cat %s) \"$@\"\n",
                           PEER, far_sim, fault_file);
    ck_assert(!g_mkdir_with_parents(far_sim, 0755));
    ck_assert(g_file_set_contents(script, text, -1, NULL));
    ck_assert(!g_chmod(script, 0755));
    ck_assert(g_file_set_contents(fault_file, "none", -1, NULL));
    configure(FALSE);
}

static void
tear_down(void)
{
    hosts_tear_down();
    g_free(far_sim);
    g_free(fault_file);
    g_clear_pointer(&conf, g_free);
}

static void
far_will(const char *fault)
{
    ck_assert(g_file_set_contents(fault_file, fault, -1, NULL));
    if (strstr(fault, "silent"))
        configure(TRUE);
}

/* Waits only: the peers have ended by then, but what they did may be seen a
 * moment later. */
static gboolean
far_has_none(const char *dir, void *user)
{
    g_autoptr(GPtrArray) domains = xf_sim_domains(far_sim);

    return !domains->len;
}

static gboolean
far_runs(const char *dir, void *user)
{
    struct xf_hv_domain info;

    return xf_sim_find(far_sim, "g", &info) && info.running;
}

static void
far_is_empty(void)
{
    wait_until(far_has_none, NULL, "no domain on the far host");
}

static void
far_destroys(const char *name)
{
    const char *argv[] = { PEER, "destroy", far_sim, name, NULL };

    ck_assert_int_eq(run_program(argv, NULL), 0);
}

static void
well(void)
{
    g_autoptr(GError) err = NULL;

    no_records(&host_a);
    no_fds(&host_a);
    no_traces(&host_a);
    ck_assert_msg(xf_sim_verify(all_sims, &err), "%s",
                  err ? err->message : "?");
}

/* -- to xl -- */

/* Perform alone, as virsh migrate --direct and ours have it. */
static gboolean
goes(guint32 flags, const char *uri, GError **err)
{
    XF_AUTO(xf_conn) *conn = conn_to(&host_a);
    XF_AUTO(xf_domain_ref) *dom = conn->driver->lookup_by_name(conn, "g",
                                                               err);
    const struct xf_migrate_args args = { .flags = flags, .uri = uri };
    g_autoptr(GBytes) cookie = NULL;

    return dom && conn->driver->perform3(conn, dom, &args, &cookie, err)
           && !cookie;
}

START_TEST(to_xl)
{
    g_autoptr(GError) err = NULL;
    guint32 flags = _i ? XF_MIGRATE_PAUSED : 0;
    struct xf_hv_domain info;

    guest(&host_a);
    ck_assert_msg(goes(XF_MIGRATE_LIVE | flags, AWAY, &err), "%s",
                  err ? err->message : "?");
    empty(&host_a);
    ck_assert(xf_sim_find(far_sim, "g", &info));
    ck_assert_int_eq(info.paused, _i);
    ck_assert_int_eq(info.running, !_i);
    ck_assert_uint_eq(host_log_count(&host_a, "cannot be asked"), 1);
    well();
}
END_TEST

START_TEST(to_xl_by_the_command)
{
    const char *argv[] = { CLI, "-c", host_a.uri, "migrate", "--live",
                           "--direct", "g", AWAY, NULL };
    g_autofree char *out = NULL;

    guest(&host_a);
    ck_assert_msg(run_program(argv, &out) == 0, "%s", out);
    ck_assert_msg(strstr(out, "direct") != NULL, "%s", out);
    wait_until(far_runs, NULL, "g runs there");
    empty(&host_a);
    well();
}
END_TEST

/* A source that has only the Perform of v1 and v2. */
static const char *const old_lists[] = { "v1,direct", "v2,direct" };

START_TEST(to_xl_from_an_old_source)
{
    const char *argv[] = { CLI, "-c", host_a.uri, "migrate", "--live",
                           "--direct", "g", AWAY, NULL };
    g_autofree char *lines = g_strdup_printf(
        "%s[daemon]\nprotocols = %s\n", conf, old_lists[_i]);
    g_autofree char *out = NULL;

    host_stop(&host_a);
    host_a.conf = lines;
    host_start(&host_a);
    guest(&host_a);
    ck_assert_msg(run_program(argv, &out) == 0, "%s", out);
    wait_until(far_runs, NULL, "g runs there");
    empty(&host_a);
    well();
    host_a.conf = NULL;
}
END_TEST

/* What an unmodified client sends. */
START_TEST(to_xl_by_virsh)
{
    g_autofree char *uri = g_strdup_printf("xen+unix:///system?socket=%s",
                                           host_a.socket);
    const char *argv[] = { "virsh", "-c", uri, "migrate", "--direct",
                           "--live", "g", AWAY, AWAY, NULL };
    g_autofree char *out = NULL;

    xf_unit_need_program("virsh");
    guest(&host_a);
    ck_assert_msg(run_program(argv, &out) == 0, "%s", out);
    wait_until(far_runs, NULL, "g runs there");
    empty(&host_a);
    well();
}
END_TEST

static const struct failing {
    const char *fault;
    const char *says;           /* in the error; NULL: whatever */
} before_leave[] = {
    { "banner:cut", "has closed the connection" },
    { "banner:half", "has closed the connection" },
    { "banner:garble", "came where xl says" },
    { "banner:silent", "nothing came" },
    { "config:cut", NULL },
    { "stream:cut", NULL },
    { "ready:cut", "has closed the connection" },
    { "ready:half", "has closed the connection" },
    { "ready:garble", "came where xl says" },
    { "ready:silent", "nothing came" },
    { "run:fail", "gave the domain back" },
};

/* Leave was not given, or was given back: it runs on here. */
START_TEST(to_xl_fails)
{
    const struct failing *failing = &before_leave[_i];
    g_autoptr(GError) err = NULL;

    far_will(failing->fault);
    guest(&host_a);
    ck_assert_msg(!goes(XF_MIGRATE_LIVE, AWAY, &err), "it moved");
    ck_assert_msg(err->code != XF_ERROR_IN_DOUBT, "%s", err->message);
    ck_assert_msg(!failing->says || strstr(err->message, failing->says),
                  "%s", err->message);
    runs_on(&host_a, "g");
    no_records(&host_a);
    /* what its xl has left behind never ran */
    ck_assert(!far_runs(NULL, NULL));
    well();
}
END_TEST

static const struct doubting {
    const char *fault;
    gboolean runs;              /* over there */
    gboolean left;              /* a copy that does not run is */
} after_leave[] = {
    { "take:cut", FALSE, TRUE },
    { "run:cut", FALSE, TRUE },
    { "run:fail,report:cut", FALSE, FALSE },
    { "run:fail,status:cut", FALSE, FALSE },
    { "run:fail,back:cut", FALSE, FALSE },
    { "run:fail,back:half", FALSE, FALSE },
    { "run:fail,back:garble", FALSE, FALSE },
    { "report:cut", TRUE, FALSE },
    { "report:half", TRUE, FALSE },
    { "report:garble", TRUE, FALSE },
    { "report:silent", TRUE, FALSE },
    { "status:cut", TRUE, FALSE },
    { "status:silent", TRUE, FALSE },
};

static void
settle(gboolean committed)
{
    XF_AUTO(xf_conn) *conn = conn_to(&host_a);
    g_autoptr(GPtrArray) all = conn->driver->list_handoffs(conn, NULL);
    const struct xf_handoff_info *info = all->pdata[0];
    g_autoptr(GError) err = NULL;
    g_autofree char *state = NULL, *asked = NULL;

    ck_assert_uint_eq(all->len, 1);
    ck_assert_str_eq(info->state, "in-doubt");
    ck_assert_str_eq(info->peer, "far.example.org (xl)");
    ck_assert(strstr(info->next, "--assume-committed"));
    /* it cannot be asked, and says so at once */
    asked = conn->driver->resolve_handoff(conn, info->token,
                                          XF_ASSUME_NOTHING, &err);
    ck_assert(!asked && err->code == XF_ERROR_IN_DOUBT);
    ck_assert(strstr(err->message, "--assume-revoked"));
    g_clear_error(&err);
    state = conn->driver->resolve_handoff(
        conn, info->token,
        committed ? XF_ASSUME_COMMITTED : XF_ASSUME_REVOKED, &err);
    ck_assert_msg(state != NULL, "%s", err ? err->message : "?");
    ck_assert_str_eq(state, committed ? "done" : "cancelled");
}

/* Leave was given, and no report came: suspended and recorded, over a restart
 * too, until somebody looks. */
START_TEST(to_xl_in_doubt)
{
    const struct doubting *doubting = &after_leave[_i / 2];
    g_autoptr(GError) err = NULL;
    struct xf_hv_domain info;

    far_will(doubting->fault);
    guest(&host_a);
    ck_assert_msg(!goes(XF_MIGRATE_LIVE, AWAY, &err), "it moved");
    ck_assert_msg(err->code == XF_ERROR_IN_DOUBT, "%s", err->message);
    reaches(&host_a, "in-doubt");
    if (_i % 2) {
        host_kill(&host_a);
        host_start(&host_a);
    }
    reaches(&host_a, "in-doubt");
    ck_assert(xf_sim_find(host_a.sim, "g", &info) && info.suspended);
    ck_assert_int_eq(far_runs(NULL, NULL), doubting->runs);
    if (doubting->left)
        far_destroys("g--incoming");
    settle(doubting->runs);
    if (doubting->runs)
        empty(&host_a);
    else
        runs_on(&host_a, "g");
    well();
}
END_TEST

static gpointer
going(gpointer data)
{
    return GINT_TO_POINTER(goes(XF_MIGRATE_LIVE, AWAY, data));
}

static gboolean
far_has_one(const char *dir, void *user)
{
    return !far_has_none(dir, user);
}

/* It can still be stopped while the far xl has not said that it is ready. */
START_TEST(to_xl_stopped)
{
    GError *err = NULL;
    GThread *thread;

    ck_assert(g_file_set_contents(fault_file, "ready:silent", -1, NULL));
    guest(&host_a);

    XF_AUTO(xf_conn) *conn = conn_to(&host_a);
    XF_AUTO(xf_domain_ref) *dom = conn->driver->lookup_by_name(conn, "g",
                                                               NULL);

    thread = g_thread_new("going", going, &err);
    wait_until(far_has_one, NULL, "the far host has begun");
    if (_i) {
        host_kill(&host_a);
        ck_assert(!g_thread_join(thread));
        host_start(&host_a);
    } else {
        ck_assert(conn->driver->abort_job(conn, dom, NULL));
        ck_assert(!g_thread_join(thread));
        ck_assert_msg(err->code == XF_ERROR_ABORTED, "%s", err->message);
    }
    g_clear_error(&err);
    g_clear_pointer(&conn, xf_conn_close);
    runs_on(&host_a, "g");
    well();
}
END_TEST

static const struct {
    const char *uri;
    const char *says;
} bad_uris[] = {
    { "xl+ssh://", "expected xl+ssh://" },
    { "xl+ssh://-oProxyCommand=x/", "expected xl+ssh://" },
    { "xl+ssh://far;reboot/", "expected xl+ssh://" },
    { "xl+ssh://$(reboot)/", "expected xl+ssh://" },
    { "xl+ssh://a%20b/", "expected xl+ssh://" },
    { "xl+ssh://-l@far/", "expected xl+ssh://" },
    { "xl+ssh://far/?command=x", "expected xl+ssh://" },
    { "xl+ssh://far/etc", "expected xl+ssh://" },
    { "xl+ssh://far:99999/", "expected xl+ssh://" },
    { "tcp://far:22", NULL },
};

START_TEST(refused)
{
    g_autoptr(GError) err = NULL;

    guest(&host_a);
    ck_assert(!goes(XF_MIGRATE_LIVE, bad_uris[_i].uri, &err));
    ck_assert_msg(!bad_uris[_i].says
                      || strstr(err->message, bad_uris[_i].says),
                  "%s", err->message);
    runs_on(&host_a, "g");
    well();
}
END_TEST

static const struct {
    struct xf_migrate_args args;
    const char *says;
} bad_wishes[] = {
    { { .dname = "other" }, "another name" },
    { { .bandwidth = 8 }, "a bandwidth" },
    { { .flags = XF_MIGRATE_PERSIST_DEST }, "persistent" },
    { { .flags = XF_MIGRATE_TUNNELLED }, "one of the flags" },
};

START_TEST(wishes_refused)
{
    struct xf_migrate_args args = bad_wishes[_i].args;
    g_autoptr(GError) err = NULL;
    g_autoptr(GBytes) cookie = NULL;

    guest(&host_a);

    XF_AUTO(xf_conn) *conn = conn_to(&host_a);
    XF_AUTO(xf_domain_ref) *dom = conn->driver->lookup_by_name(conn, "g",
                                                               NULL);

    args.uri = AWAY;
    ck_assert(!conn->driver->perform3(conn, dom, &args, &cookie, &err));
    ck_assert_msg(strstr(err->message, bad_wishes[_i].says), "%s",
                  err->message);
    g_clear_pointer(&conn, xf_conn_close);
    runs_on(&host_a, "g");
    well();
}
END_TEST

START_TEST(not_offered)
{
    g_autoptr(GError) err = NULL;

    guest(&host_a);
    host_stop(&host_a);
    host_a.conf = "[daemon]\nprotocols = v1,v2,v3,v3-params,p2p\n";
    host_start(&host_a);
    ck_assert(!goes(XF_MIGRATE_LIVE, AWAY, &err));
    ck_assert_msg(strstr(err->message, "does not offer"), "%s",
                  err->message);
    runs_on(&host_a, "g");
    well();
}
END_TEST

/* -- from xl -- */

/* Its exit status. */
static int
comes(const char *fault, gboolean paused, char **out)
{
    g_autofree char *path = g_build_filename(
        host_a.dir, "xenferry-receive-sock", NULL);
    const char *argv[] = { PEER, "migrate", far_sim, "g", fault, CLI,
                           "receive", "--socket", path, "-e",
                           paused ? "-p" : NULL, NULL };

    return run_program(argv, out);
}

static void
far_guest(void)
{
    const char *argv[] = { PEER, "create", far_sim, "g", UUID, NULL };

    ck_assert_int_eq(run_program(argv, NULL), 0);
}

START_TEST(from_xl)
{
    g_autofree char *out = NULL;
    struct xf_hv_domain info;

    far_guest();
    ck_assert_msg(comes("none", _i, &out) == 0, "%s", out);
    far_is_empty();
    ck_assert(xf_sim_find(host_a.sim, "g", &info));
    ck_assert_int_eq(info.paused, _i);
    ck_assert_uint_eq(host_log_count(&host_a, "keeps its copy until"), 1);
    well();
}
END_TEST

static const struct coming {
    const char *fault;
    int status;                 /* of the far xl */
    gboolean runs;              /* on over there */
} coming[] = {
    { "header:cut", 1, TRUE },
    { "header:half", 1, TRUE },
    { "header:garble", 1, TRUE },
    { "header:silent", 1, TRUE },
    { "config:cut", 1, TRUE },
    { "config:half", 1, TRUE },
    { "config:garble", 1, TRUE },
    { "config:silent", 1, TRUE },
    { "stream:cut", 1, TRUE },
    { "take:cut", 3, FALSE },
    { "go:cut", 3, FALSE },
    { "go:half", 3, FALSE },
    { "go:garble", 1, TRUE },
    { "go:silent", 3, FALSE },
};

/* No leave: nothing is left here. */
START_TEST(from_xl_fails)
{
    g_autofree char *out = NULL;
    struct xf_hv_domain info;
    int status;

    if (strstr(coming[_i].fault, "silent"))
        configure(TRUE);
    far_guest();
    status = comes(coming[_i].fault, FALSE, &out);
    ck_assert_msg(status == coming[_i].status, "%d: %s", status, out);
    empty(&host_a);
    ck_assert(xf_sim_find(far_sim, "g", &info));
    ck_assert_int_eq(info.suspended, !coming[_i].runs);
    well();
}
END_TEST

/* The far xl does not hear that it runs here. */
START_TEST(from_xl_not_told)
{
    g_autofree char *out = NULL;

    far_guest();
    ck_assert_int_eq(comes("run:cut", FALSE, &out), 3);
    runs_on(&host_a, "g");
    far_destroys("g");
    well();
}
END_TEST

START_TEST(from_xl_refused)
{
    g_autofree char *out = NULL;

    far_guest();
    if (_i)
        guest_new(&host_a, "g", NULL, "xenpvh", 64);
    else
        host_stop(&host_a);
    ck_assert_int_eq(comes("none", FALSE, &out), 1);
    ck_assert_msg(strstr(out, _i ? "'g'" : "is xenferryd running?"), "%s",
                  out);
    ck_assert(far_runs(NULL, NULL));
    if (!_i)
        host_start(&host_a);
    well();
}
END_TEST

/* The daemon dies with the whole domain here, and no leave yet. */
START_TEST(from_xl_dies)
{
    g_autofree char *path = g_build_filename(
        host_a.dir, "xenferry-receive-sock", NULL);
    g_autofree char *log = g_build_filename(hosts_dir(), "peer", NULL);
    const char *argv[] = { PEER, "migrate", far_sim, "g", "go:silent", CLI,
                           "receive", "--socket", path, NULL };
    GPid peer;

    far_guest();
    peer = start_program(argv, log, NULL);
    reaches(&host_a, "received");
    host_kill(&host_a);
    host_start(&host_a);
    empty(&host_a);
    kill_program(peer);
    well();
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { to_xl, 2 },
        { to_xl_by_the_command, 1 },
        { to_xl_from_an_old_source, G_N_ELEMENTS(old_lists) },
        { to_xl_by_virsh, 1 },
        { to_xl_fails, G_N_ELEMENTS(before_leave) },
        { to_xl_in_doubt, 2 * G_N_ELEMENTS(after_leave) },
        { to_xl_stopped, 2 },
        { refused, G_N_ELEMENTS(bad_uris) },
        { wishes_refused, G_N_ELEMENTS(bad_wishes) },
        { not_offered, 1 },
        { from_xl, 2 },
        { from_xl_fails, G_N_ELEMENTS(coming) },
        { from_xl_not_told, 1 },
        { from_xl_refused, 2 },
        { from_xl_dies, 1 },
        { NULL, 0 },
    };

    host_set_up_by(set_up, tear_down);
    return host_tests_main("direct", tests);
}
