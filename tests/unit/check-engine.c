/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine on two simulated hosts: that clients who lie, vanish, lose
 * replies or come twice never make a guest run twice or get lost, and never
 * leave it locked.  Each test ends with a look at both hosts from outside.
 */
#include "config.h"

#include "tests/unit/engine-world.h"

#include <string.h>

/* -- the way it should be -- */

START_TEST(there_and_back)
{
    for (int i = 0; i < 3; i++) {
        moves_from(&src);
        moves_from(&dst);
    }
}
END_TEST

START_TEST(not_live)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(move(&src, &dst, 0, &err), "%s", err ? err->message : "");
    settled_on(&dst);
}
END_TEST

START_TEST(figures_of_a_move)
{
    XF_AUTO(xf_domain_ref) *dom =
        src.conn->driver->lookup_by_name(src.conn, "g", NULL);
    struct xf_job_info info;

    moves_from(&src);
    ck_assert(src.conn->driver->job_info(src.conn, dom, TRUE, &info, NULL));
    ck_assert_int_eq(info.type, XF_JOB_COMPLETED);
    ck_assert_uint_gt(info.wire_bytes, 0);
    ck_assert_uint_gt(info.mem_total, 0);
    ck_assert_uint_eq(info.mem_total,
                      info.mem_processed + info.mem_remaining);
    ck_assert_uint_le(info.downtime, DEADLINE_MS);
}
END_TEST

START_TEST(paused_arrives_paused)
{
    struct xf_hv_domain info;
    g_autoptr(GError) err = NULL;

    ck_assert(guest_on(&src, &info));
    ck_assert(src.hv->ops->pause(src.hv, info.domid, NULL));
    ck_assert_msg(move(&src, &dst, XF_MIGRATE_LIVE, &err), "%s",
                  err ? err->message : "");
    ck_assert(guest_on(&dst, &info));
    ck_assert(info.paused);
    ck_assert(dst.hv->ops->unpause(dst.hv, info.domid, NULL));
    settled_on(&dst);
}
END_TEST

/* The stream says so itself: the client's flag is not needed. */
START_TEST(paused_in_the_middle_arrives_paused)
{
    struct walk walk;
    struct xf_hv_domain info;

    walk_init(&walk);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));
    ck_assert(src.conn->driver->domain_suspend(src.conn, walk.dom, NULL));
    ck_assert_msg(walk_perform(&walk), "%s", walk.err->message);
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    ck_assert(guest_on(&dst, &info));
    ck_assert(info.paused);
    ck_assert(dst.conn->driver->domain_resume(dst.conn, walk.dom, NULL));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* -- refused -- */

/* The client's XML is taken or refused before anything is written down. */
START_TEST(the_clients_xml_is_compared)
{
    struct xf_migrate_args args = { .flags = XF_MIGRATE_LIVE };
    struct walk walk;

    walk_init(&walk);
    g_autofree char *own = src.conn->driver->domain_xml(src.conn, walk.dom,
                                                        0, NULL);
    g_auto(GStrv) parts = g_strsplit(own, GUEST_UUID, 2);
    g_autofree char *other =
        g_strjoinv("00112233-4455-6677-8899-aabbccddeef0", parts);

    ck_assert_str_ne(own, other);
    args.xml = other;
    ck_assert_ptr_null(src.conn->driver->begin3(
        src.conn, walk.dom, &args, &walk.begin, &walk.err));
    ck_assert_int_eq(walk.err->code, XF_ERROR_CONFIG_UNSUPPORTED);
    ck_assert(no_records(&src));
    g_clear_error(&walk.err);
    args.xml = own;
    walk.xml = src.conn->driver->begin3(src.conn, walk.dom, &args,
                                        &walk.begin, &walk.err);
    ck_assert_msg(walk.xml != NULL, "%s", walk.err ? walk.err->message : "");
    ck_assert_str_eq(walk.xml, own);
    ck_assert(walk_prepare(&walk) && walk_perform(&walk));
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(unknown_flags_are_named)
{
    static const struct {
        guint32 flag;
        const char *name;
    } flags[] = {
        { 1 << 16, "tls" }, { 1 << 15, "postcopy" },
        { XF_MIGRATE_COMPRESSED, "compressed" }, { 1u << 31, "0x80000000" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
        g_autoptr(GError) err = NULL;

        ck_assert(!move(&src, &dst, flags[i].flag, &err));
        ck_assert_msg(strstr(err->message, flags[i].name), "%s",
                      err->message);
    }
    settled_on(&src);
}
END_TEST

START_TEST(a_second_migration_is_refused)
{
    struct walk first, second;

    walk_init(&first);
    walk_init(&second);
    ck_assert(walk_begin(&first));
    ck_assert(!walk_begin(&second));
    walk_said(&second, XF_ERROR_OPERATION_INVALID, "already being migrated");
    ck_assert(walk_confirm(&first, TRUE, NULL));
    ck_assert(walk_begin(&second));
    ck_assert(walk_confirm(&second, TRUE, NULL));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&first);
    walk_clear(&second);
}
END_TEST

START_TEST(domain_in_the_way)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *name = xf_sim_xml("g", NULL, "xenpvh", 64);
    g_autofree char *uuid = xf_sim_xml("h", GUEST_UUID, "xenpvh", 64);
    int domid = dst.hv->ops->create(dst.hv, name, FALSE, NULL);

    ck_assert_int_gt(domid, 0);
    ck_assert(!move(&src, &dst, XF_MIGRATE_LIVE, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_DOM_EXIST));
    ck_assert_msg(strstr(err->message, "same name"), "%s", err->message);
    ck_assert(dst.hv->ops->destroy(dst.hv, domid, NULL));
    settled_on(&src);

    domid = dst.hv->ops->create(dst.hv, uuid, TRUE, NULL);
    ck_assert_int_gt(domid, 0);
    g_clear_error(&err);
    ck_assert(!move(&src, &dst, XF_MIGRATE_LIVE, &err));
    ck_assert_msg(strstr(err->message, "same uuid"), "%s", err->message);
    ck_assert(dst.hv->ops->destroy(dst.hv, domid, NULL));
    settled_on(&src);
    moves_from(&src);
}
END_TEST

static void
origin_of(struct host *host, const char *text)
{
    g_autofree char *file = g_build_filename(host->dir, "origin", NULL);

    ck_assert(g_file_set_contents(file, text, -1, NULL));
}

/* What the source says of its host travels in Begin's cookie. */
START_TEST(an_older_host_is_no_successor)
{
    g_autoptr(GError) err = NULL;

    origin_of(&src, "version=4018000 cpu=00000001");
    origin_of(&dst, "version=4017000 cpu=00000001");
    ck_assert(!move(&src, &dst, XF_MIGRATE_LIVE, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED));
    ck_assert_msg(strstr(err->message, "its Xen 4.17 is older"), "%s",
                  err->message);
    settled_on(&src);
    ck_assert_uint_eq(xf_sim_hits(dst.dir, "stream-start"), 0);
    g_clear_error(&err);
    origin_of(&src, "version=4017000 cpu=00000003");
    ck_assert(!move(&src, &dst, XF_MIGRATE_LIVE, &err));
    ck_assert_msg(strstr(err->message, "may use: vme (start"), "%s",
                  err->message);
    settled_on(&src);
    /* the user has said that it knows */
    ck_assert(move(&src, &dst, XF_MIGRATE_LIVE | XF_MIGRATE_UNSAFE, NULL));
    settled_on(&dst);
    moves_from(&dst);
}
END_TEST

/* What cannot be written down cannot be decided. */
START_TEST(a_full_disk_begins_nothing)
{
    struct host *const hosts[] = { &src, &dst };

    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++) {
        g_autoptr(GError) err = NULL;

        host_stop(hosts[i]);
        hosts[i]->config.state_room_kib = G_MAXUINT64;
        host_start(hosts[i]);
        ck_assert(!move(&src, &dst, XF_MIGRATE_LIVE, &err));
        ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_BUSY));
        ck_assert_msg(strstr(err->message, "(make room there)"), "%s",
                      err->message);
        settled_on(&src);
        host_stop(hosts[i]);
        hosts[i]->config.state_room_kib = 0;
        host_start(hosts[i]);
    }
    moves_from(&src);
}
END_TEST

START_TEST(memory_is_promised_once)
{
    static const char *const uuids[] = {
        "10112233-4455-6677-8899-aabbccddeeff",
        "20112233-4455-6677-8899-aabbccddeeff",
    };
    struct walk walks[2];
    guint64 free_kib = xf_sim_free_kib(dst.dir);
    gboolean ok[2];

    for (int i = 0; i < 2; i++) {
        g_autofree char *name = g_strdup_printf("big%d", i);
        g_autofree char *xml = xf_sim_xml(name, uuids[i], "xenpvh",
                                          free_kib / 1024 * 6 / 10);
        guint8 uuid[XF_UUID_LEN];

        xf_sim_fault(src.dir, "host", "memory-kib", "400000000");
        ck_assert_int_gt(src.hv->ops->create(src.hv, xml, FALSE, NULL), 0);
        walk_init(&walks[i]);
        ck_assert(xf_uuid_parse(uuids[i], uuid));
        memcpy(walks[i].dom->uuid, uuid, XF_UUID_LEN);
        ck_assert(walk_begin(&walks[i]));
        ok[i] = walk_prepare(&walks[i]);
    }
    ck_assert(ok[0]);
    ck_assert(!ok[1]);
    walk_said(&walks[1], XF_ERROR_BUSY, "not enough memory");
    ck_assert(walk_confirm(&walks[1], TRUE, NULL));
    /* what the first had been promised is free again once it is cancelled */
    ck_assert(walk_confirm(&walks[0], TRUE, NULL));
    xf_conn_close(dst.conn);
    dst.conn = xf_engine_open(dst.engine);
    ck_assert(walk_begin(&walks[1]));
    ck_assert_msg(walk_prepare(&walks[1]), "%s", walks[1].err->message);
    ck_assert(walk_confirm(&walks[1], TRUE, NULL));
    walk_clear(&walks[0]);
    walk_clear(&walks[1]);
}
END_TEST

/* -- clients that vanish -- */

START_TEST(gone_after_begin)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk));
    client_of(&src);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(gone_after_prepare)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));
    client_of(&src);
    client_of(&dst);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(gone_after_perform)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    client_of(&src);
    client_of(&dst);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(gone_after_finish)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert(walk_finish(&walk, FALSE));
    client_of(&src);
    client_of(&dst);
    settled_on(&dst);
    moves_from(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(confirm_never_comes)
{
    struct walk walk;

    host_stop(&src);
    src.config.confirm_timeout_ms = 50;
    host_start(&src);
    walk_init(&walk);
    walk_to_performed(&walk);
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

/* -- clients that lie, lose replies, or mix things up -- */

START_TEST(finish_reply_lost)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert(walk_finish(&walk, FALSE));
    /* the client saw an error, and believes that it failed */
    ck_assert_msg(walk_confirm(&walk, TRUE, NULL), "%s", walk.err->message);
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(confirmed_but_never_finished)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert_msg(walk_confirm(&walk, FALSE, NULL), "%s", walk.err->message);
    settled_on(&src);
    ck_assert(!walk_finish(&walk, FALSE));
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

/* Its own cookie of Perform is no proof of a commit. */
START_TEST(confirmed_with_the_wrong_cookie)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert(walk_confirm(&walk, FALSE, walk.perform));
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(finish_twice)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(finish_before_perform)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));
    walk.perform = g_bytes_ref(walk.prepare);
    ck_assert(!walk_finish(&walk, FALSE));
    walk_said(&walk, XF_ERROR_OPERATION_FAILED, "has not arrived");
    g_clear_pointer(&walk.perform, g_bytes_unref);
    ck_assert(!walk_perform(&walk));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(cancelled_after_perform)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert(!walk_finish(&walk, TRUE));
    walk_said(&walk, XF_ERROR_FINISH_OK, "nothing of it is left");
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(cancelled_after_commit)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(!walk_finish(&walk, TRUE));
    walk_said(&walk, XF_ERROR_OPERATION_INVALID, "has been committed");
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(perform_with_a_foreign_cookie)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));
    g_clear_pointer(&walk.prepare, g_bytes_unref);
    walk.prepare = g_bytes_new("<x/>", 5);
    ck_assert(!walk_perform(&walk));
    /* no Confirm follows a failed Perform: all must be free by itself */
    ck_assert(!walk_finish(&walk, TRUE));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(confirm_with_nothing_performed)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk));
    ck_assert(!walk_confirm(&walk, FALSE, NULL));
    walk_said(&walk, XF_ERROR_OPERATION_INVALID, "nothing was performed");
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    ck_assert(!walk_confirm(&walk, TRUE, NULL));
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

/* -- what a handoff has is not for others -- */

START_TEST(taken_domains_are_left_alone)
{
    struct walk walk;
    const struct xf_driver *driver = src.conn->driver;

    walk_init(&walk);
    walk_to_performed(&walk);
    for (int i = 0; i < 2; i++) {
        struct xf_conn *conn = i ? dst.conn : src.conn;

        ck_assert(!driver->domain_destroy(conn, walk.dom, NULL));
        ck_assert(!driver->domain_resume(conn, walk.dom, NULL));
        ck_assert(!driver->domain_suspend(conn, walk.dom, NULL));
        ck_assert(!driver->domain_shutdown(conn, walk.dom, &walk.err));
        walk_said(&walk, XF_ERROR_OPERATION_INVALID, "is being migrated");
        g_clear_error(&walk.err);
    }
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { there_and_back, 1 },
        { not_live, 1 },
        { figures_of_a_move, 1 },
        { paused_arrives_paused, 1 },
        { paused_in_the_middle_arrives_paused, 1 },
        { the_clients_xml_is_compared, 1 },
        { unknown_flags_are_named, 1 },
        { a_second_migration_is_refused, 1 },
        { domain_in_the_way, 1 },
        { an_older_host_is_no_successor, 1 }, { a_full_disk_begins_nothing, 1 },
        { memory_is_promised_once, 1 },
        { gone_after_begin, 1 },
        { gone_after_prepare, 1 },
        { gone_after_perform, 1 },
        { gone_after_finish, 1 },
        { confirm_never_comes, 1 },
        { finish_reply_lost, 1 },
        { confirmed_but_never_finished, 1 },
        { confirmed_with_the_wrong_cookie, 1 },
        { finish_twice, 1 },
        { finish_before_perform, 1 },
        { cancelled_after_perform, 1 },
        { cancelled_after_commit, 1 },
        { perform_with_a_foreign_cookie, 1 },
        { confirm_with_nothing_performed, 1 },
        { taken_domains_are_left_alone, 1 },
        { NULL, 0 }
    };

    return xf_unit_main_rows("engine", tests, XF_UNIT_TIMEOUT,
                             world_setup, world_teardown);
}
