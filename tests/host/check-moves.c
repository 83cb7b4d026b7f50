/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two daemons: migrations that go well, and what may go on meanwhile. */
#include "config.h"

#include "tests/host/hosts.h"

#include <string.h>

#define MANY 200

static const char *const types[] = { "xenpvh", "hvm", "linux" };

START_TEST(there_and_back)
{
    guint32 flags = _i == 2 ? 0 : XF_MIGRATE_LIVE;
    g_autoptr(GError) err = NULL;

    guest_new(&host_a, "g", UUID, types[_i], 128);
    ck_assert_msg(move_flags(&host_a, &host_b, "g", flags, &err), "%s",
                  err ? err->message : "?");
    runs_on(&host_b, "g");
    empty(&host_a);
    ck_assert_msg(move_flags(&host_b, &host_a, "g", flags, &err), "%s",
                  err ? err->message : "?");
    runs_on(&host_a, "g");
    empty(&host_b);
    all_is_well();
}
END_TEST

START_TEST(twenty_leave_nothing)
{
    guint64 free_a, free_b;

    free_b = xf_sim_free_kib(host_b.sim);
    guest(&host_a);
    free_a = xf_sim_free_kib(host_a.sim);
    for (int i = 0; i < 10; i++) {
        moves(&host_a, &host_b, "g");
        moves(&host_b, &host_a, "g");
    }
    empty(&host_b);
    ck_assert_uint_eq(xf_sim_free_kib(host_a.sim), free_a);
    ck_assert_uint_eq(xf_sim_free_kib(host_b.sim), free_b);
    all_is_well();
}
END_TEST

START_TEST(many_at_once)
{
    struct moving moving[MANY];
    char names[MANY][8];

    /* a busy machine takes its time for so many */
    host_stop(&host_b);
    host_b.conf = "finish_timeout = 200\n";
    host_start(&host_b);
    for (int i = 0; i < MANY; i++) {
        g_snprintf(names[i], sizeof(names[i]), "g%d", i);
        guest_new(&host_a, names[i], NULL, "xenpvh", 64);
    }
    for (int i = 0; i < MANY; i++)
        moving_start(&moving[i], &host_a, &host_b, names[i]);
    for (int i = 0; i < MANY; i++)
        ck_assert_msg(moving_end(&moving[i]), "%s: %s", names[i],
                      moving[i].err->message);
    for (int i = 0; i < MANY; i++)
        runs_on(&host_b, names[i]);
    empty(&host_a);
    all_is_well();
}
END_TEST

START_TEST(while_it_writes)
{
    fault(&host_a, "dirty-rate", "100000");
    fault(&host_a, "rate", "2000000");
    guest(&host_a);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* -- paused -- */

static gboolean
is_paused(const char *dir, void *user)
{
    struct xf_hv_domain info;

    return xf_sim_find(user, "g", &info) && info.paused &&
           !info.suspended;
}

START_TEST(paused_arrives_paused)
{
    g_autoptr(GError) err = NULL;

    guest(&host_a);

    XF_AUTO(xf_conn) *conn = conn_to(&host_a);
    XF_AUTO(xf_domain_ref) *dom = conn->driver->lookup_by_name(conn, "g",
                                                               &err);

    ck_assert(dom && conn->driver->domain_suspend(conn, dom, &err));
    ck_assert_msg(move(&host_a, &host_b, "g", &err), "%s",
                  err ? err->message : "?");
    wait_until(is_paused, host_b.sim, "g is paused on host-b");
    empty(&host_a);
    g_clear_pointer(&conn, xf_conn_close);
    all_is_well();
}
END_TEST

START_TEST(paused_on_demand)
{
    g_autoptr(GError) err = NULL;

    guest(&host_a);
    ck_assert_msg(move_flags(&host_a, &host_b, "g",
                             XF_MIGRATE_LIVE | XF_MIGRATE_PAUSED, &err),
                  "%s", err ? err->message : "?");
    wait_until(is_paused, host_b.sim, "g is paused on host-b");
    empty(&host_a);
    all_is_well();
}
END_TEST

START_TEST(paused_stays_paused_when_it_fails)
{
    g_autoptr(GError) err = NULL;

    guest(&host_a);

    XF_AUTO(xf_conn) *conn = conn_to(&host_a);
    XF_AUTO(xf_domain_ref) *dom = conn->driver->lookup_by_name(conn, "g",
                                                               &err);

    ck_assert(dom && conn->driver->domain_suspend(conn, dom, &err));
    fault(&host_a, _i ? "suspend-before-end" : "suspend-start", "fail*1");
    move_fails(&host_a, &host_b, "g", -1, NULL);
    wait_until(is_paused, host_a.sim, "g is paused on host-a");
    empty(&host_b);
    ck_assert(conn->driver->domain_resume(conn, dom, &err));
    g_clear_pointer(&conn, xf_conn_close);
    runs_on(&host_a, "g");
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* -- meanwhile -- */

START_TEST(job_is_told)
{
    struct moving moving;
    struct xf_job_info job;
    g_autoptr(GError) err = NULL;

    guest(&host_a);

    XF_AUTO(xf_conn) *conn = conn_to(&host_a);
    XF_AUTO(xf_domain_ref) *dom = conn->driver->lookup_by_name(conn, "g",
                                                               &err);

    moving_until(&moving, &host_a, &host_b, &host_a, "suspend-ask");
    ck_assert(conn->driver->job_info(conn, dom, FALSE, &job, &err));
    ck_assert(job.type == XF_JOB_BOUNDED || job.type == XF_JOB_UNBOUNDED);
    ck_assert_uint_gt(job.mem_processed, 0);
    ck_assert_uint_eq(job.mem_processed + job.mem_remaining, job.mem_total);
    fault(&host_a, "suspend-ask", NULL);
    ck_assert_msg(moving_end(&moving), "%s",
                  moving.err ? moving.err->message : "?");
    g_clear_pointer(&conn, xf_conn_close);
    empty(&host_a);
    all_is_well();
}
END_TEST

static const char *const abort_points[] = {
    "suspend-page", "suspend-ask", "suspend-stopped", "suspend-before-end",
};

START_TEST(aborted)
{
    struct moving moving;
    g_autoptr(GError) err = NULL;

    guest(&host_a);

    XF_AUTO(xf_conn) *conn = conn_to(&host_a);
    XF_AUTO(xf_domain_ref) *dom = conn->driver->lookup_by_name(conn, "g",
                                                               &err);

    moving_until(&moving, &host_a, &host_b, &host_a, abort_points[_i]);
    ck_assert_msg(conn->driver->abort_job(conn, dom, &err), "%s",
                  err ? err->message : "?");
    ck_assert(!moving_end(&moving));
    ck_assert_msg(moving.err->code == XF_ERROR_ABORTED, "%s",
                  moving.err->message);
    g_clear_error(&moving.err);
    fault(&host_a, abort_points[_i], NULL);
    runs_on(&host_a, "g");
    empty(&host_b);
    ck_assert(!conn->driver->abort_job(conn, dom, &err));
    g_clear_pointer(&conn, xf_conn_close);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

START_TEST(second_is_refused)
{
    struct moving moving;

    guest(&host_a);
    moving_until(&moving, &host_a, &host_b, &host_a, "suspend-page");
    move_fails(&host_a, &host_b, "g", -1, "g");
    fault(&host_a, "suspend-page", NULL);
    ck_assert_msg(moving_end(&moving), "%s",
                  moving.err ? moving.err->message : "?");
    runs_on(&host_b, "g");
    empty(&host_a);
    all_is_well();
}
END_TEST

/* The daemon serves others while one migration stands still. */
START_TEST(others_are_served)
{
    struct moving moving;

    guest(&host_a);
    guest_new(&host_a, "other", NULL, "xenpvh", 64);
    xf_sim_fault(host_a.sim, "g", "suspend-page", "hang");
    moving_start(&moving, &host_a, &host_b, "g");
    wait_hits(&host_a, "suspend-page", 1);
    moves(&host_a, &host_b, "other");
    moves(&host_b, &host_a, "other");
    xf_sim_fault(host_a.sim, "g", "suspend-page", NULL);
    ck_assert(moving_end(&moving));
    all_is_well();
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { there_and_back, G_N_ELEMENTS(types) },
        { twenty_leave_nothing, 1 },
        { many_at_once, 1 },
        { while_it_writes, 1 },
        { paused_arrives_paused, 1 },
        { paused_on_demand, 1 },
        { paused_stays_paused_when_it_fails, 2 },
        { job_is_told, 1 },
        { aborted, G_N_ELEMENTS(abort_points) },
        { second_is_refused, 1 },
        { others_are_served, 1 },
        { NULL, 0 },
    };

    return host_tests_main("moves", tests);
}
