/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulated hypervisor as a destination and as a host, and the look from
 * outside: it sees each violation of what must hold.
 */
#include "config.h"

#include "tests/sim/host.h"
#include "tests/unit/sim-world.h"

#include <string.h>

/* -- the destination -- */

START_TEST(restore_fails)
{
    static const char *const points[] = {
        "stream-start", "stream-made", "stream-page", "stream-end",
    };
    int domid = guest("xenpvh");

    for (gsize i = 0; i < G_N_ELEMENTS(points); i++) {
        struct move move;

        fault_there(points[i], "fail*1");
        move_run(&move, domid, TRUE);
        ck_assert_msg(!move.received, "%s", points[i]);
        ck_assert_int_eq(move.in->domid, -1);
        ck_assert_int_eq(count(dirs[1]), 0);
        if (look(here, domid).suspended)
            ck_assert(here->ops->resume(here, domid, FALSE, NULL));
        move_end(&move);
    }
    then_moves(domid);
}
END_TEST

START_TEST(memory_is_counted)
{
    guint64 before = xf_sim_free_kib(dirs[1]);
    int domid = guest("xenpvh");
    struct move move;

    move_run(&move, domid, TRUE);
    ck_assert(move.received);
    ck_assert_uint_eq(xf_sim_free_kib(dirs[1]), before - 128 * 1024);
    ck_assert(there->ops->destroy(there, move.in->domid, NULL));
    ck_assert_uint_eq(xf_sim_free_kib(dirs[1]), before);
    move_end(&move);
}
END_TEST

START_TEST(memory_ends_midway)
{
    int domid = guest("xenpvh");
    struct move move;

    xf_sim_fault(dirs[1], "host", "memory-kib", "589824");  /* dom0 + 64 */
    move_run(&move, domid, TRUE);
    ck_assert(!move.received);
    ck_assert(strstr(move.receive_err->message, "populate_physmap"));
    if (look(here, domid).suspended)
        ck_assert(here->ops->resume(here, domid, FALSE, NULL));
    move_end(&move);
    xf_sim_fault(dirs[1], "host", "memory-kib", NULL);
    then_moves(domid);
}
END_TEST

START_TEST(create_lacks_memory)
{
    g_autofree char *xml = xf_sim_xml("g", UUID, "xenpvh", 128);
    g_autoptr(GError) err = NULL;

    xf_sim_fault(dirs[0], "host", "memory-kib", "589824");
    ck_assert_int_eq(here->ops->create(here, xml, FALSE, &err), -1);
    ck_assert_int_eq(err->code, XF_ERROR_BUSY);
    ck_assert_int_eq(count(dirs[0]), 0);
}
END_TEST

START_TEST(switch_meets_a_namesake)
{
    int domid = guest("xenpvh");
    struct move move;
    g_autofree char *xml = xf_sim_xml("g", NULL, "xenpvh", 128);
    g_autoptr(GError) err = NULL;

    move_run(&move, domid, TRUE);
    ck_assert(move.received);

    int namesake = there->ops->create(there, xml, FALSE, NULL);

    ck_assert_int_gt(namesake, 0);
    ck_assert(!there->ops->incoming_switch(move.in, FALSE, &err));
    ck_assert_int_eq(err->code, XF_ERROR_DOM_EXIST);
    /* it runs all the same, and is not let run once more */
    ck_assert(!look(there, move.in->domid).paused);
    ck_assert(there->ops->pause(there, move.in->domid, NULL));
    ck_assert(there->ops->destroy(there, namesake, NULL));
    ck_assert(there->ops->incoming_switch(move.in, FALSE, NULL));
    ck_assert(look(there, move.in->domid).paused);
    ck_assert_str_eq(look(there, move.in->domid).name, "g");
    move_end(&move);
    verify();
}
END_TEST

START_TEST(switch_fails_once)
{
    static const char *const points[] = { "rename", "unpause", "devices" };
    int domid = guest("xenpvh");
    struct move move;

    move_run(&move, domid, TRUE);
    for (gsize i = 0; i < G_N_ELEMENTS(points); i++)
        fault_there(points[i], "fail*1");
    ck_assert(!there->ops->incoming_devices(move.in, NULL));
    ck_assert(there->ops->incoming_devices(move.in, NULL));
    ck_assert(!there->ops->incoming_switch(move.in, FALSE, NULL));
    ck_assert(!there->ops->incoming_switch(move.in, FALSE, NULL));
    ck_assert(there->ops->incoming_switch(move.in, FALSE, NULL));
    ck_assert(look(there, move.in->domid).running);
    move_end(&move);
    verify();
}
END_TEST

START_TEST(adopts)
{
    int domid = guest("xenpvh");
    struct move move;
    guint8 uuid[XF_UUID_LEN];
    g_autoptr(GError) err = NULL;

    ck_assert(xf_uuid_parse(UUID, uuid));
    ck_assert(!there->ops->incoming_adopt(there, uuid, "g", &err));
    ck_assert_int_eq(err->code, XF_ERROR_NO_DOMAIN);
    move_run(&move, domid, TRUE);

    struct xf_incoming *in =
        there->ops->incoming_adopt(there, uuid, "g", NULL);

    ck_assert(in);
    ck_assert(there->ops->incoming_switch(in, FALSE, NULL));
    ck_assert(look(there, in->domid).running);
    there->ops->incoming_free(in);
    move_end(&move);
    verify();
}
END_TEST

/* -- the host -- */

START_TEST(outlives_its_daemon)
{
    int domid = guest("xenpvh");
    char uuid[XF_UUID_STRING_LEN + 1];

    here->ops->free(here);
    here = xf_sim_new(dirs[0], NULL);
    ck_assert(look(here, domid).running);
    ck_assert_str_eq(xf_uuid_format(look(here, domid).uuid, uuid), UUID);
    ck_assert(here->ops->destroy(here, domid, NULL));
    ck_assert(!lives(here, domid));
    ck_assert_int_ne(guest("xenpvh"), domid);
}
END_TEST

START_TEST(describes)
{
    g_autofree char *xml = xf_sim_xml("g", NULL, "xenpvh", 128);
    int domid = here->ops->create(here, xml, FALSE, NULL);
    g_autofree char *live = here->ops->describe(here, domid, 0, NULL);
    g_autofree char *still = here->ops->describe(here, domid, 2, NULL);

    ck_assert(strstr(live, " id=\"1\""));
    ck_assert(strstr(live, "<uuid>"));
    ck_assert(strstr(live, "/boot/vmlinuz"));
    ck_assert(!strstr(still, " id=\"1\""));
}
END_TEST

START_TEST(xml_refused)
{
    static const char *const bad[] = {
        "", "<domain>", "<network/>", "<domain><name>x</name></domain>",
        "<domain><name>x</name><memory>4096</memory></domain>",
        ("<domain><name>x</name><memory unit='lightyear'>4096</memory>"
         "<os><type>xenpvh</type></os></domain>"),
    };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;

        ck_assert_int_eq(here->ops->create(here, bad[i], FALSE, &err), -1);
        ck_assert_int_eq(err->code, XF_ERROR_XML);
    }
}
END_TEST

START_TEST(twins_refused)
{
    g_autofree char *same_name = xf_sim_xml("g", NULL, "xenpvh", 128);
    g_autofree char *same_uuid = xf_sim_xml("h", UUID, "xenpvh", 128);
    g_autoptr(GError) err = NULL;

    guest("xenpvh");
    ck_assert_int_eq(here->ops->create(here, same_name, FALSE, &err), -1);
    ck_assert_int_eq(err->code, XF_ERROR_DOM_EXIST);
    g_clear_error(&err);
    ck_assert_int_eq(here->ops->create(here, same_uuid, FALSE, &err), -1);
    ck_assert_int_eq(err->code, XF_ERROR_DOM_EXIST);
}
END_TEST

START_TEST(keeper_acts)
{
    int domid = guest("xenpvh");

    ck_assert(here->ops->reboot(here, domid, NULL));
    ck_assert(look(here, domid).running);
    ck_assert(here->ops->shutdown(here, domid, NULL));
    ck_assert(!lives(here, domid));
    verify();
}
END_TEST

START_TEST(dies_slowly)
{
    int domid = guest("xenpvh");
    struct xf_hv_domain info;

    fault("dying-ms", "60000");
    ck_assert(here->ops->destroy(here, domid, NULL));
    ck_assert(xf_sim_find(dirs[0], "g", &info));
    ck_assert(info.dying && !info.running);
}
END_TEST

START_TEST(leaves_only_when_it_can)
{
    int domid = guest("xenpvh");
    g_autoptr(GError) err = NULL;

    ck_assert(here->ops->can_leave(here, domid, TRUE, NULL));
    ck_assert(!here->ops->can_leave(here, 0, TRUE, NULL));
    ck_assert(!here->ops->can_leave(here, 99, TRUE, &err));
    ck_assert_int_eq(err->code, XF_ERROR_NO_DOMAIN);
    fault("can-leave", "fail");
    ck_assert(!here->ops->can_leave(here, domid, TRUE, NULL));
}
END_TEST

/* -- the look from outside sees what is wrong -- */

static void
expect_violation(const char *word)
{
    g_autoptr(GError) err = NULL;

    ck_assert(!xf_sim_verify((const char *const *)dirs, &err));
    ck_assert_msg(strstr(err->message, word), "%s", err->message);
}

START_TEST(sees_two_at_once)
{
    int domid = guest("xenpvh");
    struct move move;

    move_run(&move, domid, TRUE);
    verify();
    ck_assert(there->ops->incoming_switch(move.in, FALSE, NULL));
    verify();
    ck_assert(here->ops->resume(here, domid, FALSE, NULL));
    expect_violation("two places");
    move_end(&move);
}
END_TEST

/* Not at once, but one after the other. */
START_TEST(sees_old_memory)
{
    int domid = guest("xenpvh");
    struct move move;

    move_run(&move, domid, TRUE);
    ck_assert(there->ops->incoming_switch(move.in, FALSE, NULL));
    if (_i) {
        ck_assert(there->ops->reboot(there, move.in->domid, NULL));
        ck_assert(look(there, move.in->domid).running);
    }
    ck_assert(there->ops->destroy(there, move.in->domid, NULL));
    ck_assert(here->ops->resume(here, domid, FALSE, NULL));
    expect_violation("older");
    move_end(&move);
}
END_TEST

START_TEST(sees_missing_pages)
{
    int domid = guest("xenpvh");
    XF_AUTO(sim_host) *host = sim_host_open(dirs[0], NULL);
    guint64 old = 1;

    ck_assert(here->ops->pause(here, domid, NULL));
    ck_assert(here->ops->unpause(here, domid, NULL));
    ck_assert(here->ops->pause(here, domid, NULL));
    verify();

    XF_AUTO_FD int lock = sim_host_lock(host);
    XF_AUTO(sim_domain) *dom = sim_host_get(host, domid);

    sim_host_write_page(host, dom, 63, old);
    xf_close_fd(&lock);
    ck_assert(here->ops->unpause(here, domid, NULL));
    expect_violation("missing");
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { restore_fails, 1 },
        { memory_is_counted, 1 },
        { memory_ends_midway, 1 },
        { create_lacks_memory, 1 },
        { switch_meets_a_namesake, 1 },
        { switch_fails_once, 1 },
        { adopts, 1 },
        { outlives_its_daemon, 1 },
        { describes, 1 },
        { xml_refused, 1 },
        { twins_refused, 1 },
        { keeper_acts, 1 },
        { dies_slowly, 1 },
        { leaves_only_when_it_can, 1 },
        { sees_two_at_once, 1 },
        { sees_old_memory, 2 },
        { sees_missing_pages, 1 },
        { NULL, 0 },
    };

    return world_main("sim-host", tests);
}
