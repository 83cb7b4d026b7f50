/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each phase fails, on each side: the guest runs on at the source, its name
 * is free at the destination and the next migration works at once.  After
 * the commit it is the other way round: the guest runs at the destination.
 */
#include "config.h"

#include "tests/host/hosts.h"

#include <string.h>

/* -- before the commit -- */

#define WHY "did not arrive on host"

static const struct {
    const char *point, *value;
    gboolean at_destination;
    const char *words;          /* in the client's error; NULL: any */
} failures[] = {
    /* Begin */
    { "can-leave", "fail", FALSE, NULL },
    { "describe", "fail", FALSE, NULL },
    /* Prepare */
    { "incoming-create", "fail", TRUE, NULL },
    { "can-arrive", "fail", TRUE, "cannot come to this host" },
    /* Perform, the source */
    { "suspend-start", "fail", FALSE, NULL },
    { "log-dirty", "fail", FALSE, NULL },
    { "suspend-page", "fail@10", FALSE, NULL },
    { "suspend-ask", "fail", FALSE, NULL },
    { "suspend-stopped", "fail", FALSE, NULL },
    { "suspend-before-end", "fail", FALSE, NULL },
    { "suspend-after-end", "fail", FALSE, NULL },
    /* Perform, the destination */
    { "stream-start", "fail", TRUE, WHY },
    { "stream-made", "fail", TRUE, WHY },
    { "stream-page", "fail@10", TRUE, WHY },
    { "stream-end", "fail", TRUE, WHY },
    { "devices", "fail", TRUE, WHY },
};

START_TEST(phase_fails)
{
    struct host *where = failures[_i].at_destination ? &host_b : &host_a;

    guest(&host_a);
    fault(where, failures[_i].point, failures[_i].value);
    move_fails(&host_a, &host_b, "g", -1, failures[_i].words);
    runs_on(&host_a, "g");
    no_domain(&host_b);
    fault(where, failures[_i].point, NULL);
    ck_assert_uint_gt(xf_sim_hits(where->sim, failures[_i].point), 0);
    moves(&host_a, &host_b, "g");
    empty(&host_a);
    all_is_well();
}
END_TEST

/* What the destination lacks is said to the client, and the guest has not
 * been touched. */
START_TEST(nothing_is_sent_where_something_is_missing)
{
    guest(&host_a);
    fault(&host_a, "suspend-start", "note");
    fault(&host_b, "stream-start", "note");
    fault(&host_b, "can-arrive", "fail");
    move_fails(&host_a, &host_b, "g", -1, "cannot come to this host");
    ck_assert_uint_eq(xf_sim_hits(host_a.sim, "suspend-start"), 0);
    ck_assert_uint_eq(xf_sim_hits(host_b.sim, "stream-start"), 0);
    fault(&host_b, "can-arrive", NULL);
    moves(&host_a, &host_b, "g");
    ck_assert_uint_eq(xf_sim_hits(host_a.sim, "suspend-start"), 1);
    ck_assert_uint_eq(xf_sim_hits(host_b.sim, "stream-start"), 1);
    all_is_well();
}
END_TEST

/* The guest itself is what fails. */
static const char *const manners[] = { "never-acks", "late" };

START_TEST(guest_does_not_suspend)
{
    guest(&host_a);
    fault(&host_a, "guest", manners[_i]);
    fault(&host_a, "suspend-timeout-ms", "20");
    fault(&host_a, "late-ms", "1000");
    fault(&host_a, "late-watch-ms", "30000");
    fault(&host_a, "resume", "note");
    move_fails(&host_a, &host_b, "g", -1, NULL);
    no_domain(&host_b);
    if (_i)                     /* it stops after all, and is let run */
        wait_hits(&host_a, "resume", 1);
    runs_on(&host_a, "g");
    fault(&host_a, "guest", NULL);
    moves(&host_a, &host_b, "g");
    empty(&host_a);
    all_is_well();
}
END_TEST

static const char *const ends[] = { "crashes", "powers-off" };

START_TEST(guest_ends_meanwhile)
{
    guest(&host_a);
    fault(&host_a, "guest", ends[_i]);
    move_fails(&host_a, &host_b, "g", -1, NULL);
    empty(&host_a);
    empty(&host_b);
    fault(&host_a, "guest", NULL);
    guest(&host_a);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

START_TEST(guest_reboots_meanwhile)
{
    guest(&host_a);
    fault(&host_a, "guest", "reboots");
    move_fails(&host_a, &host_b, "g", -1, NULL);
    runs_on(&host_a, "g");
    empty(&host_b);
    fault(&host_a, "guest", NULL);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

START_TEST(pv_live_is_refused)
{
    g_autoptr(GError) err = NULL;

    guest_new(&host_a, "g", UUID, "linux", 128);
    move_fails(&host_a, &host_b, "g", -1, "--live");
    runs_on(&host_a, "g");
    no_domain(&host_b);
    ck_assert_msg(move_flags(&host_a, &host_b, "g", 0, &err), "%s",
                  err ? err->message : "?");
    runs_on(&host_b, "g");
    all_is_well();
}
END_TEST

/* What puts it right fails, too, and is tried again. */
static const struct {
    const char *point, *remedy;
    gboolean at_destination;
} failing_twice[] = {
    { "suspend-before-end", "resume", FALSE },
    { "devices", "destroy", TRUE },
};

START_TEST(remedy_fails_once)
{
    struct host *where = failing_twice[_i].at_destination ? &host_b : &host_a;

    guest(&host_a);
    fault(where, failing_twice[_i].point, "fail*1");
    fault(where, failing_twice[_i].remedy, "fail*1");
    move_fails(&host_a, &host_b, "g", -1, NULL);
    runs_on(&host_a, "g");
    no_domain(&host_b);
    ck_assert_uint_gt(xf_sim_hits(where->sim, failing_twice[_i].remedy), 0);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* -- after the commit -- */

static const struct {
    const char *point;
    gboolean at_destination;
} late_failures[] = {
    { "rename", TRUE },
    { "unpause", TRUE },
    { "destroy", FALSE },
};

START_TEST(fails_after_commit)
{
    struct host *where = late_failures[_i].at_destination ? &host_b : &host_a;
    g_autoptr(GError) err = NULL;

    guest(&host_a);
    fault(where, late_failures[_i].point, "fail*1");
    /* what the client hears depends on how soon it is put right */
    move(&host_a, &host_b, "g", &err);
    ck_assert_msg(xf_sim_hits(where->sim, late_failures[_i].point) == 1,
                  "it has not come so far: %s", err ? err->message : "?");
    runs_on(&host_b, "g");
    empty(&host_a);
    moves(&host_b, &host_a, "g");
    all_is_well();
}
END_TEST

/* -- no room -- */

START_TEST(name_is_taken)
{
    guest(&host_a);
    guest_new(&host_b, "g", NULL, "xenpvh", 64);
    move_fails(&host_a, &host_b, "g", XF_ERROR_DOM_EXIST, "g");
    runs_on(&host_a, "g");
    guest_destroy(&host_b, "g");
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

START_TEST(uuid_is_taken)
{
    guest(&host_a);
    guest_new_paused(&host_b, "other", UUID);
    move_fails(&host_a, &host_b, "g", XF_ERROR_DOM_EXIST, "uuid");
    runs_on(&host_a, "g");
    guest_destroy(&host_b, "other");
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* Leaves host-b so many MiB. */
static void
leave_memory(guint mib)
{
    g_autofree char *kib = g_strdup_printf("%u", (512 + mib) * 1024);

    fault(&host_b, "memory-kib", kib);
}

START_TEST(memory_is_short)
{
    guest(&host_a);
    leave_memory(127);
    move_fails(&host_a, &host_b, "g", XF_ERROR_BUSY, "memory");
    /* before the stream: no domain was ever made there */
    ck_assert(!xf_sim_hits(host_b.sim, "stream-start"));
    runs_on(&host_a, "g");
    leave_memory(128);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* Both would fit alone: the second to ask is told, whatever the first has
 * taken of what it was promised. */
static const char *const promised_points[] = {
    "stream-start", "stream-page", "devices",
};

START_TEST(memory_is_promised_once)
{
    struct moving moving;

    guest(&host_a);
    guest_new(&host_a, "h", NULL, "xenpvh", 128);
    leave_memory(200);
    moving_until(&moving, &host_a, &host_b, &host_b, promised_points[_i]);
    move_fails(&host_a, &host_b, "h", XF_ERROR_BUSY, "memory");
    runs_on(&host_a, "h");
    fault(&host_b, promised_points[_i], NULL);
    ck_assert_msg(moving_end(&moving), "%s",
                  moving.err ? moving.err->message : "?");
    runs_on(&host_b, "g");
    leave_memory(256);
    moves(&host_a, &host_b, "h");
    all_is_well();
}
END_TEST

START_TEST(two_at_once_for_the_last)
{
    struct moving one, two;

    guest_new(&host_a, "g", NULL, "xenpvh", 128);
    guest_new(&host_a, "h", NULL, "xenpvh", 128);
    leave_memory(200);
    fault(&host_b, "stream-page", "delay:1");   /* so that they overlap */
    moving_start(&one, &host_a, &host_b, "g");
    moving_start(&two, &host_a, &host_b, "h");

    int moved = moving_end(&one) + moving_end(&two);

    ck_assert_int_eq(moved, 1);

    struct moving *loser = one.ok ? &two : &one;

    ck_assert_msg(loser->err->code == XF_ERROR_BUSY, "%s",
                  loser->err->message);
    g_clear_error(&loser->err);
    runs_on(&host_a, loser->name);
    runs_on(&host_b, one.ok ? "g" : "h");
    all_is_well();
}
END_TEST

/* Somebody else took the memory while the stream came in. */
START_TEST(memory_ends_midway)
{
    struct moving moving;

    guest(&host_a);
    moving_until(&moving, &host_a, &host_b, &host_b, "stream-page");
    leave_memory(32);
    fault(&host_b, "stream-page", NULL);
    ck_assert(!moving_end(&moving));
    g_clear_error(&moving.err);
    runs_on(&host_a, "g");
    no_domain(&host_b);
    leave_memory(128);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

START_TEST(destination_is_not_there)
{
    g_autoptr(GError) err = NULL;

    guest(&host_a);
    host_stop(&host_b);
    ck_assert(!move(&host_a, &host_b, "g", &err));
    ck_assert_int_eq(err->code, XF_ERROR_NO_CONNECT);
    runs_on(&host_a, "g");
    host_start(&host_b);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { phase_fails, G_N_ELEMENTS(failures) },
        { nothing_is_sent_where_something_is_missing, 1 },
        { guest_does_not_suspend, G_N_ELEMENTS(manners) },
        { guest_ends_meanwhile, G_N_ELEMENTS(ends) },
        { guest_reboots_meanwhile, 1 },
        { pv_live_is_refused, 1 },
        { remedy_fails_once, G_N_ELEMENTS(failing_twice) },
        { fails_after_commit, G_N_ELEMENTS(late_failures) },
        { name_is_taken, 1 },
        { uuid_is_taken, 1 },
        { memory_is_short, 1 },
        { memory_is_promised_once, G_N_ELEMENTS(promised_points) },
        { two_at_once_for_the_last, 1 },
        { memory_ends_midway, 1 },
        { destination_is_not_there, 1 },
        { NULL, 0 },
    };

    return host_tests_main("failures", tests);
}
