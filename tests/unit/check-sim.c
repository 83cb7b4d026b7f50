/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulated hypervisor as a source: it moves guests, and every
 * misleading return code of libxl comes out of it with the guest in the
 * state that goes with it.
 */
#include "config.h"

#include "tests/sim/fakexl.h"
#include "tests/unit/sim-world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* In that time a watch looks at its guest some hundred times. */
#define WATCHED_MS 1000
/* Later than a test takes, on whatever machine. */
#define LATE_MS "3600000"

/* -- moves that go well -- */

static void
moves(const char *type, gboolean live)
{
    int domid = guest(type);
    struct move move;

    move_run(&move, domid, live);
    ck_assert_msg(move.outcome == XF_SUSPEND_DONE, "%s",
                  move.suspend_err ? move.suspend_err->message : "?");
    ck_assert(move.received);
    ck_assert_int_eq(move.suspended, 1);
    ck_assert_int_gt(move.frames, 0);
    ck_assert(look(here, domid).suspended);
    ck_assert(look(there, move.in->domid).paused);
    ck_assert_str_eq(look(there, move.in->domid).name, "g--incoming");
    ck_assert(there->ops->incoming_devices(move.in, NULL));
    ck_assert(there->ops->incoming_switch(move.in, FALSE, NULL));
    ck_assert(look(there, move.in->domid).running);
    ck_assert_str_eq(look(there, move.in->domid).name, "g");
    ck_assert(here->ops->destroy(here, domid, NULL));
    ck_assert(!lives(here, domid));
    move_end(&move);
    verify();
}

START_TEST(moves_pvh_live)
{
    moves("xenpvh", TRUE);
}
END_TEST

START_TEST(moves_hvm_live)
{
    moves("hvm", TRUE);
}
END_TEST

START_TEST(moves_pv)
{
    moves("linux", FALSE);
}
END_TEST

START_TEST(moves_pv_live_where_it_can)
{
    fault("pv-live", "1");
    moves("linux", TRUE);
}
END_TEST

START_TEST(moves_by_helper)
{
    fault_there("helper", SIM_HELPER);
    moves("xenpvh", TRUE);
}
END_TEST

START_TEST(moves_while_writing)
{
    int domid;
    struct move move;

    fault("dirty-rate", "2000000");
    fault("rate", "2000000");
    domid = guest("xenpvh");
    move_run(&move, domid, TRUE);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_DONE);
    ck_assert_int_eq(move.iteration, 5);
    ck_assert(there->ops->incoming_switch(move.in, FALSE, NULL));
    ck_assert(look(there, move.in->domid).running);
    move_end(&move);
    verify();
}
END_TEST

START_TEST(moves_paused)
{
    int domid = guest("xenpvh");
    struct move move;

    ck_assert(here->ops->pause(here, domid, NULL));
    move_run(&move, domid, TRUE);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_DONE);
    ck_assert(move.was_paused);
    ck_assert(there->ops->incoming_switch(move.in, TRUE, NULL));
    ck_assert(look(there, move.in->domid).paused);
    ck_assert(there->ops->unpause(there, move.in->domid, NULL));
    ck_assert(look(there, move.in->domid).running);
    move_end(&move);
    verify();
}
END_TEST

/* -- what libxl returns, and what became of the guest -- */

enum fate {
    RUNS,
    STANDS,                     /* suspended */
    GONE,
};

static const struct {
    const char *what;
    const char *key, *value;    /* of the source's faults */
    const char *key2, *value2;
    gboolean pv;
    int rc;
    enum fate fate;
    gboolean log_dirty;         /* left on */
} misleading[] = {
    { "write error early", "suspend-page", "fail@5", NULL, NULL,
      FALSE, FAKEXL_GUEST_TIMEDOUT, RUNS, FALSE },
    { "log-dirty refused", NULL, NULL, NULL, NULL,
      TRUE, FAKEXL_GUEST_TIMEDOUT, RUNS, FALSE },
    { "log-dirty fails", "log-dirty", "fail", NULL, NULL,
      FALSE, FAKEXL_GUEST_TIMEDOUT, RUNS, FALSE },
    { "vNUMA", "vnuma", "1", NULL, NULL, FALSE, FAKEXL_FAIL, RUNS, FALSE },
    { "never acks", "guest", "never-acks", "suspend-timeout-ms", "20",
      FALSE, FAKEXL_OK, RUNS, FALSE },
    { "never acks, bug not hit", "guest", "never-acks",
      "never-acks-rc", "-8", FALSE, FAKEXL_GUEST_TIMEDOUT, RUNS, FALSE },
    { "acks, late", "guest", "late", "suspend-timeout-ms", "20",
      FALSE, FAKEXL_GUEST_TIMEDOUT, RUNS, FALSE },
    { "write error late", "suspend-before-end", "fail", NULL, NULL,
      FALSE, FAKEXL_FAIL, STANDS, FALSE },
    { "write error late, event channel", "suspend-before-end", "fail",
      "ask", "evtchn", FALSE, FAKEXL_GUEST_TIMEDOUT, STANDS, FALSE },
    { "fails after the last byte", "suspend-after-end", "fail", NULL, NULL,
      FALSE, FAKEXL_FAIL, STANDS, FALSE },
    { "crashes", "guest", "crashes", NULL, NULL,
      FALSE, FAKEXL_FAIL, GONE, FALSE },
    { "powers off", "guest", "powers-off", NULL, NULL,
      FALSE, FAKEXL_FAIL, GONE, FALSE },
    { "reboots", "guest", "reboots", NULL, NULL,
      FALSE, FAKEXL_FAIL, GONE, FALSE },
};

/* A reader that takes everything until the end. */
static gpointer
swallow_thread(gpointer data)
{
    char buffer[65536];

    while (read(GPOINTER_TO_INT(data), buffer, sizeof(buffer)) > 0)
        continue;
    return NULL;
}

static enum fate
fate_of(const struct sim_domain *dom)
{
    if (!dom || dom->shutdown > SIM_SUSPENDED)
        return GONE;
    return dom->shutdown == SIM_SUSPENDED ? STANDS : RUNS;
}

START_TEST(misleading_codes)
{
    int domid = guest(misleading[_i].pv ? "linux" : "xenpvh");
    XF_AUTO(sim_host) *host = sim_host_open(dirs[0], NULL);
    XF_AUTO(fakexl) *xl = fakexl_new(host);
    int fds[2];

    fault("late-ms", LATE_MS);
    if (misleading[_i].key)
        fault(misleading[_i].key, misleading[_i].value);
    if (misleading[_i].key2)
        fault(misleading[_i].key2, misleading[_i].value2);
    ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));

    GThread *thread = g_thread_new("swallow", swallow_thread,
                                   GINT_TO_POINTER(fds[1]));
    int rc = fakexl_suspend(xl, domid, fds[0], TRUE);
    XF_AUTO(sim_domain) *dom = fakexl_info(xl, domid);

    ck_assert_msg(rc == misleading[_i].rc, "%s: rc %d", misleading[_i].what,
                  rc);
    ck_assert_msg(fate_of(dom) == misleading[_i].fate, "%s",
                  misleading[_i].what);
    ck_assert_int_eq(dom->log_dirty, misleading[_i].log_dirty);
    close(fds[0]);
    g_thread_join(thread);
    close(fds[1]);
}
END_TEST

/* The same, through the table: it has asked the domain. */
START_TEST(true_outcomes)
{
    static const enum xf_suspend_outcome expected[] = {
        [RUNS] = XF_SUSPEND_RUNNING,
        [STANDS] = XF_SUSPEND_STOPPED,
        [GONE] = XF_SUSPEND_GONE,
    };
    int domid = guest(misleading[_i].pv ? "linux" : "xenpvh");
    struct move move;

    fault("late-ms", LATE_MS);
    if (misleading[_i].key)
        fault(misleading[_i].key, misleading[_i].value);
    if (misleading[_i].key2)
        fault(misleading[_i].key2, misleading[_i].value2);
    move_run(&move, domid, TRUE);
    ck_assert_msg(move.outcome == expected[misleading[_i].fate], "%s: %d",
                  misleading[_i].what, move.outcome);
    if (move.received)          /* whole, and it must not be used */
        ck_assert(there->ops->destroy(there, move.in->domid, NULL));
    if (move.outcome == XF_SUSPEND_STOPPED)
        ck_assert(here->ops->resume(here, domid, FALSE, NULL));
    if (move.outcome != XF_SUSPEND_GONE)
        ck_assert(look(here, domid).running);
    move_end(&move);
    verify();
}
END_TEST

/* By another tool: neither sent nor resumed. */
START_TEST(suspended_already)
{
    int domid = guest("xenpvh");
    struct move move;

    xf_sim_suspend(dirs[0], domid);
    move_run(&move, domid, TRUE);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_TAKEN);
    ck_assert(look(here, domid).suspended);
    move_end(&move);
    verify();
}
END_TEST

START_TEST(reader_closes)
{
    int domid = guest("xenpvh");
    XF_AUTO(sim_host) *host = sim_host_open(dirs[0], NULL);
    XF_AUTO(fakexl) *xl = fakexl_new(host);
    int fds[2];

    ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    close(fds[1]);
    ck_assert_int_eq(fakexl_suspend(xl, domid, fds[0], TRUE), FAKEXL_FAIL);
    close(fds[0]);

    XF_AUTO(sim_domain) *dom = fakexl_info(xl, domid);

    ck_assert_int_eq(fate_of(dom), RUNS);
}
END_TEST

START_TEST(receiver_dies_midway)
{
    int domid = guest("xenpvh");
    struct move move;
    struct send send = { &move, domid };

    fault_there("stream-page", "fail@20*1");
    fault("suspend-page", "hang@60");
    move_start(&move, domid);

    GThread *sender = g_thread_new("send", send_thread, &send);

    move_join(&move);
    fault("suspend-page", NULL);
    g_thread_join(sender);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_RUNNING);
    ck_assert(!move.received);

    XF_AUTO(sim_host) *host = sim_host_open(dirs[0], NULL);
    XF_AUTO(fakexl) *xl = fakexl_new(host);
    XF_AUTO(sim_domain) *dom = fakexl_info(xl, domid);

    ck_assert(dom->log_dirty);  /* its helper died of SIGPIPE */
    move_end(&move);
    then_moves(domid);
}
END_TEST

START_TEST(pv_live_says_why)
{
    int domid = guest("linux");
    struct move move;

    move_run(&move, domid, TRUE);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_RUNNING);
    ck_assert(strstr(move.suspend_err->message, "--live"));
    move_end(&move);
}
END_TEST

START_TEST(late_suspend_runs_on)
{
    int domid = guest("xenpvh");
    struct move move;

    fault("guest", "late");
    fault("late-ms", "1000");
    fault("late-watch-ms", "30000");
    fault("suspend-timeout-ms", "5");
    fault("resume", "note");
    move_run(&move, domid, TRUE);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_RUNNING);
    move_end(&move);
    ck_assert(xf_sim_wait_hits(dirs[0], "resume", 1, DEADLINE_MS));
    fault("guest", NULL);
    then_moves(domid);
}
END_TEST

/* The watch for a late guest goes on while the next move has suspended it:
 * that is none of its business. */
START_TEST(late_watch_knows_its_own)
{
    int domid = guest("xenpvh");
    struct move move;

    fault("guest", "late");
    fault("late-ms", LATE_MS);
    fault("late-watch-ms", "30000");
    fault("suspend-timeout-ms", "5");
    fault("resume", "note");
    move_run(&move, domid, TRUE);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_RUNNING);
    move_end(&move);
    fault("guest", NULL);
    move_run(&move, domid, TRUE);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_DONE);
    ck_assert(there->ops->incoming_switch(move.in, FALSE, NULL));
    ck_assert(!xf_sim_wait_hits(dirs[0], "resume", 1, WATCHED_MS));
    ck_assert(look(here, domid).suspended);
    ck_assert(here->ops->destroy(here, domid, NULL));
    move_end(&move);
    verify();
}
END_TEST

START_TEST(paused_and_fails)
{
    int domid = guest("xenpvh");
    struct move move;

    ck_assert(here->ops->pause(here, domid, NULL));
    fault("guest", "never-acks");
    fault("suspend-timeout-ms", "5");
    move_run(&move, domid, TRUE);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_RUNNING);
    ck_assert(move.was_paused);
    ck_assert(look(here, domid).paused);
    if (move.received)
        ck_assert(there->ops->destroy(there, move.in->domid, NULL));
    move_end(&move);
    fault("guest", NULL);
    fault("suspend-before-end", "fail*1");
    move_run(&move, domid, FALSE);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_STOPPED);
    ck_assert(here->ops->resume(here, domid, move.was_paused, NULL));
    ck_assert(look(here, domid).paused);
    ck_assert(!look(here, domid).suspended);
    move_end(&move);
    verify();
}
END_TEST

START_TEST(resume_refuses_once)
{
    int domid = guest("xenpvh");
    struct move move;

    fault("suspend-before-end", "fail*1");
    fault("resume", "fail*1");
    move_run(&move, domid, TRUE);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_STOPPED);
    move_end(&move);
    ck_assert(!here->ops->resume(here, domid, FALSE, NULL));
    ck_assert(look(here, domid).suspended);
    ck_assert(here->ops->resume(here, domid, FALSE, NULL));
    then_moves(domid);
}
END_TEST

/* -- aborts -- */

static const char *const abort_points[] = {
    "suspend-page", "suspend-ask", "suspend-stopped", "suspend-before-end",
};

START_TEST(suspend_aborted)
{
    int domid = guest("xenpvh");
    struct move move;
    struct send send = { &move, domid };

    fault(abort_points[_i], "hang");
    move_start(&move, domid);

    GThread *sender = g_thread_new("send", send_thread, &send);

    ck_assert(xf_sim_wait_hits(dirs[0], abort_points[_i], 1, DEADLINE_MS));
    here->ops->suspend_abort(here, domid);
    g_thread_join(sender);
    move_join(&move);
    ck_assert_int_ne(move.outcome, XF_SUSPEND_DONE);
    ck_assert_int_eq(move.suspend_err->code, XF_ERROR_ABORTED);
    ck_assert(!move.received);
    if (move.outcome == XF_SUSPEND_STOPPED)
        ck_assert(here->ops->resume(here, domid, FALSE, NULL));
    move_end(&move);
    fault(abort_points[_i], NULL);
    then_moves(domid);
}
END_TEST

START_TEST(suspend_aborted_when_slow)
{
    int domid = guest("xenpvh");
    struct move move;
    struct send send = { &move, domid };

    fault("rate", "1");
    fault("suspend-start", "note");
    fault_there("stream-made", "note");
    move_start(&move, domid);

    GThread *sender = g_thread_new("send", send_thread, &send);

    /* Both sides are at it: an abort before that finds nothing to abort. */
    ck_assert(xf_sim_wait_hits(dirs[0], "suspend-start", 1, DEADLINE_MS));
    ck_assert(xf_sim_wait_hits(dirs[1], "stream-made", 1, DEADLINE_MS));
    fault("suspend-page", "note");
    here->ops->suspend_abort(here, domid);
    g_thread_join(sender);
    ck_assert_int_eq(move.outcome, XF_SUSPEND_RUNNING);
    move_end(&move);
    fault("rate", NULL);
    then_moves(domid);
}
END_TEST

START_TEST(incoming_aborted)
{
    gboolean by_helper = _i;
    int domid = guest("xenpvh");
    struct move move;
    struct send send = { &move, domid };

    if (by_helper)
        fault_there("helper", SIM_HELPER);
    fault_there("stream-page", "hang@5");
    move_start(&move, domid);

    GThread *sender = g_thread_new("send", send_thread, &send);

    ck_assert(xf_sim_wait_hits(dirs[1], "stream-page", 1, DEADLINE_MS));
    ck_assert_int_eq(count(dirs[1]), 1);
    there->ops->incoming_abort(move.in);
    move_join(&move);
    g_thread_join(sender);
    ck_assert(!move.received);
    ck_assert_int_eq(move.receive_err->code, XF_ERROR_ABORTED);
    ck_assert_int_eq(move.in->domid, -1);
    if (move.outcome == XF_SUSPEND_DONE || move.outcome == XF_SUSPEND_STOPPED)
        ck_assert(here->ops->resume(here, domid, FALSE, NULL));
    move_end(&move);
    fault_there("stream-page", NULL);
    then_moves(domid);
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { moves_pvh_live, 1 },
        { moves_hvm_live, 1 },
        { moves_pv, 1 },
        { moves_pv_live_where_it_can, 1 },
        { moves_by_helper, 1 },
        { moves_while_writing, 1 },
        { moves_paused, 1 },
        { misleading_codes, G_N_ELEMENTS(misleading) },
        { suspended_already, 1 },
        { true_outcomes, G_N_ELEMENTS(misleading) },
        { reader_closes, 1 },
        { receiver_dies_midway, 1 },
        { pv_live_says_why, 1 },
        { late_suspend_runs_on, 1 },
        { late_watch_knows_its_own, 1 },
        { paused_and_fails, 1 },
        { resume_refuses_once, 1 },
        { suspend_aborted, G_N_ELEMENTS(abort_points) },
        { suspend_aborted_when_slow, 1 },
        { incoming_aborted, 2 },
        { NULL, 0 },
    };

    return world_main("sim", tests);
}
