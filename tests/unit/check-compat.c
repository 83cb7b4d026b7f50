/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* v1 and v2 over two simulated hosts: what they do, and what they refuse.
 * Most tests run under both; check-compat-trouble.c has what goes wrong. */
#include "config.h"

#include "compat/compat.h"
#include "tests/unit/trip.h"

#include <string.h>

#define V2 (_i % 2)

/* -- the way it should be -- */

START_TEST(there)
{
    trip_moves_now(V2);
    /* and back, by the newest */
    moves_from(&dst);
}
END_TEST

START_TEST(under_another_name)
{
    struct trip t;
    struct xf_hv_domain info;

    trip_init(&t, V2);
    t.dname = "newname";
    trip_whole(&t);
    ck_assert_str_eq(t.arrived, "newname");
    ck_assert(xf_sim_find(dst.dir, "newname", &info));
    ck_assert(!info.paused);
    wait_for(no_records, &src);
    wait_for(no_records, &dst);
    trip_clear(&t);
}
END_TEST

/* The switch comes before Finish: the wish is Prepare's. */
START_TEST(paused_by_wish)
{
    struct trip t;
    struct xf_hv_domain info;

    trip_init(&t, V2);
    t.flags |= XF_MIGRATE_PAUSED;
    must(&t, trip_prepare(&t));
    must(&t, trip_perform(&t));
    ck_assert(guest_on(&dst, &info));
    ck_assert(info.paused);
    must(&t, trip_finish(&t, FALSE));
    ck_assert(guest_on(&dst, &info));
    ck_assert(info.paused);
    ck_assert(dst.hv->ops->unpause(dst.hv, info.domid, NULL));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

START_TEST(paused_by_its_administrator)
{
    struct trip t;
    struct xf_hv_domain info;

    trip_init(&t, V2);
    ck_assert(src.conn->driver->domain_suspend(src.conn, t.dom, NULL));
    trip_whole(&t);
    ck_assert(guest_on(&dst, &info));
    ck_assert(info.paused);
    ck_assert(dst.hv->ops->unpause(dst.hv, info.domid, NULL));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

/* When Perform has returned the guest runs there, and nowhere else. */
START_TEST(performed_is_committed)
{
    struct trip t;
    struct xf_hv_domain info;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    must(&t, trip_perform(&t));
    ck_assert(!guest_on(&src, &info));
    ck_assert(guest_on(&dst, &info));
    ck_assert(!info.paused);
    /* the source has told that it has acted: Finish still finds it */
    wait_for(no_records, &src);
    must(&t, trip_finish(&t, FALSE));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

START_TEST(old_uris)
{
    static const char *const uris[][2] = {
        { "xenmigr://h.example/", "tcp://h.example:" },
        { "xenmigr://h.example", "tcp://h.example:" },
        { "XENMIGR://h.example:8002/", "tcp://h.example:8002" },
        { "xenmigr://[fe80::1]:8002/", "tcp://[fe80::1]:8002" },
        { "h.example", "tcp://h.example:" },
        { "h.example:8002", "tcp://h.example:8002" },
        { "tcp://h.example:8002", "tcp://h.example:8002" },
        { "xenmigr://", NULL },
        { "xenmigr:///", NULL },
        { "xenmigr://h.example/x", NULL },
        { "http://h.example/", NULL },
    };
    struct trip t;

    for (gsize i = 0; i < G_N_ELEMENTS(uris); i++) {
        trip_init(&t, FALSE);
        t.uri = g_strdup(uris[i][0]);
        if (uris[i][1]) {
            must(&t, trip_prepare(&t));
            ck_assert_msg(g_str_has_prefix(t.uri, uris[i][1]), "%s", t.uri);
        } else {
            ck_assert(!trip_prepare(&t));
            trip_said(&t, XF_ERROR_INVALID_ARG, "expected tcp://");
        }
        trip_clear(&t);
    }
    /* and so does Perform, when a client insists */
    trip_init(&t, V2);
    must(&t, trip_prepare(&t));

    g_autofree char *old = g_strconcat(
        "xenmigr://", t.uri + strlen("tcp://"), "/", NULL);

    g_free(t.uri);
    t.uri = g_steal_pointer(&old);
    must(&t, trip_perform(&t));
    must(&t, trip_finish(&t, FALSE));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

/* -- refused -- */

START_TEST(flags_are_refused_in_the_first_call)
{
    static const struct {
        guint32 flag;
        const char *name;
    } flags[] = {
        { 1 << 16, "tls" },
        { 1 << 15, "postcopy" },
        { XF_MIGRATE_CHANGE_PROTECTION, "change-protection" },
        { XF_MIGRATE_OFFLINE, "offline" },
        { 1u << 31, "0x80000000" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
        struct trip t;

        trip_init(&t, V2);
        t.flags |= flags[i].flag;
        ck_assert(!trip_prepare(&t));
        trip_said(&t, XF_ERROR_INVALID_ARG, flags[i].name);
        t.flags = XF_MIGRATE_LIVE;
        must(&t, trip_prepare(&t));
        t.flags |= flags[i].flag;
        ck_assert(!trip_perform(&t));
        trip_said(&t, XF_ERROR_INVALID_ARG, flags[i].name);
        client_of(&dst);
        settled_on(&src);
        trip_clear(&t);
    }
    trip_moves_now(V2);
}
END_TEST

START_TEST(bad_names_are_refused_in_the_first_call)
{
    static const char *const names[] = { "", "a/b", "a\nb", "\xff" };

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        struct trip t;

        trip_init(&t, V2);
        t.dname = names[i];
        ck_assert(!trip_prepare(&t));
        trip_said(&t, XF_ERROR_INVALID_ARG, "name at the destination");
        trip_clear(&t);
    }
    trip_moves_now(V2);
}
END_TEST

START_TEST(a_rate)
{
    struct trip t;

    trip_init(&t, V2);
    t.bandwidth = G_MAXUINT64 / 1024;
    must(&t, trip_prepare(&t));
    ck_assert(!trip_perform(&t));
    trip_said(&t, XF_ERROR_INVALID_ARG, "more than can be counted");
    t.bandwidth = 8;
    must(&t, trip_perform(&t));
    must(&t, trip_finish(&t, FALSE));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

START_TEST(name_is_taken_there)
{
    struct trip t;
    g_autofree char *xml = xf_sim_xml("g", NULL, "xenpvh", 64);
    int domid = dst.hv->ops->create(dst.hv, xml, FALSE, NULL);

    ck_assert_int_gt(domid, 0);
    trip_init(&t, V2);
    if (V2) {
        ck_assert(!trip_prepare(&t));
        trip_said(&t, XF_ERROR_DOM_EXIST, "same name");
    } else {
        must(&t, trip_prepare(&t));
        ck_assert(!trip_perform(&t));
        trip_said(&t, XF_ERROR_OPERATION_FAILED, "same name");
        ck_assert_ptr_nonnull(strstr(t.err->message, "it runs on here"));
    }
    ck_assert_uint_eq(xf_sim_hits(dst.dir, "stream-start"), 0);
    ck_assert(dst.hv->ops->destroy(dst.hv, domid, NULL));
    settled_on(&src);
    trip_moves_now(V2);
    trip_clear(&t);
}
END_TEST

START_TEST(no_memory_there)
{
    struct trip t;

    xf_sim_fault(dst.dir, "host", "memory-kib", "530000");
    trip_init(&t, V2);
    ck_assert(!trip_prepare(&t) || !trip_perform(&t));
    ck_assert_msg(strstr(t.err->message, "not enough memory"), "%s",
                  t.err->message);
    xf_sim_fault(dst.dir, "host", "memory-kib", NULL);
    settled_on(&src);
    trip_moves_now(V2);
    trip_clear(&t);
}
END_TEST

/* The source says where the domain comes from when it describes it. */
START_TEST(an_older_host_is_no_successor)
{
    g_autofree char *ours = g_build_filename(src.dir, "origin", NULL);
    g_autofree char *theirs = g_build_filename(dst.dir, "origin", NULL);
    struct trip t;

    ck_assert(g_file_set_contents(ours, "version=4018000", -1, NULL));
    ck_assert(g_file_set_contents(theirs, "version=4017000", -1, NULL));
    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    ck_assert(!trip_perform(&t));
    ck_assert_msg(strstr(t.err->message, "its Xen 4.17 is older"), "%s",
                  t.err->message);
    ck_assert_uint_eq(xf_sim_hits(dst.dir, "stream-start"), 0);
    trip_give_up(&t);
    settled_on(&src);
    trip_clear(&t);
    trip_init(&t, V2);
    t.flags |= XF_MIGRATE_UNSAFE;
    trip_whole(&t);
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

static void
perform_with(struct trip *t, GBytes *cookie, int code, const char *words)
{
    GBytes *own = g_steal_pointer(&t->cookie);

    t->cookie = cookie;
    ck_assert(!trip_perform(t));
    trip_said(t, code, words);
    g_clear_pointer(&t->cookie, g_bytes_unref);
    t->cookie = own;
}

START_TEST(cookies_of_others)
{
    static const char stock[] =
        "<libxl-migration><name>g</name><uuid>" GUEST_UUID "</uuid>"
        "<migration-stream-version>2</migration-stream-version>"
        "</libxl-migration>";
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    perform_with(&t, NULL, XF_ERROR_UNSUPPORTED, "not a Xenferry host");
    perform_with(&t, g_bytes_new("<x/>", 5), XF_ERROR_INVALID_ARG, "cookie");
    perform_with(&t, g_bytes_new(stock, sizeof(stock)), XF_ERROR_UNSUPPORTED,
                 "not a Xenferry host");
    must(&t, trip_perform(&t));
    must(&t, trip_finish(&t, FALSE));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

/* v2: what was prepared is one domain, what is performed another. */
START_TEST(another_domain_was_prepared)
{
    static const char other_uuid[] = "10112233-4455-6677-8899-aabbccddeeff";
    struct trip t;
    g_autofree char *xml = xf_sim_xml("other", other_uuid, "xenpvh", 64);
    guint8 uuid[XF_UUID_LEN];
    int domid = src.hv->ops->create(src.hv, xml, FALSE, NULL);

    ck_assert_int_gt(domid, 0);
    ck_assert(xf_uuid_parse(other_uuid, uuid));
    trip_init(&t, TRUE);
    must(&t, trip_prepare(&t));
    memcpy(t.dom->uuid, uuid, XF_UUID_LEN);
    ck_assert(!trip_perform(&t));
    trip_said(&t, XF_ERROR_INVALID_ARG, "another domain ('g')");
    ck_assert(!trip_finish(&t, TRUE));
    trip_said(&t, XF_ERROR_FINISH_OK, "nothing of it is left");
    ck_assert(src.hv->ops->destroy(src.hv, domid, NULL));
    settled_on(&src);
    trip_clear(&t);
}
END_TEST

START_TEST(taken_by_another)
{
    struct walk walk;
    struct trip t;

    walk_init(&walk);
    trip_init(&t, V2);
    ck_assert(walk_begin(&walk));
    must(&t, trip_prepare(&t));
    ck_assert(!trip_perform(&t));
    trip_said(&t, XF_ERROR_OPERATION_INVALID, "already being migrated");
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    must(&t, trip_perform(&t));
    must(&t, trip_finish(&t, FALSE));
    settled_on(&dst);
    walk_clear(&walk);
    trip_clear(&t);
}
END_TEST

START_TEST(no_more_than_so_many)
{
    struct trip t[3];

    host_stop(&dst);
    dst.config.max_incoming = 2;
    host_start(&dst);
    for (int i = 0; i < 3; i++) {
        trip_init(&t[i], FALSE);
        ck_assert_int_eq(trip_prepare(&t[i]), i < 2);
    }
    trip_said(&t[2], XF_ERROR_BUSY, "which is its limit");
    client_of(&dst);
    must(&t[2], trip_prepare(&t[2]));
    for (int i = 0; i < 3; i++)
        trip_clear(&t[i]);
}
END_TEST

/* -- names -- */

START_TEST(lists_of_protocols)
{
    static const char *const bad[] = { "", " ,", "v4", "v1,V2", "v1;v2" };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;

        ck_assert_uint_eq(xf_protocols_parse(bad[i], &err), 0);
        ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
    }
    for (guint p = 1; p < XF_PROTOCOL_ALL; p <<= 1)
        ck_assert_uint_eq(xf_protocols_parse(xf_protocol_name(p), NULL), p);
    ck_assert_ptr_null(xf_protocol_name(XF_PROTOCOL_ALL));
}
END_TEST

/* -- running them -- */

#define BOTH(n) (2 * (n))

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { there, BOTH(1) },
        { under_another_name, BOTH(1) },
        { paused_by_wish, BOTH(1) },
        { paused_by_its_administrator, BOTH(1) },
        { performed_is_committed, BOTH(1) },
        { old_uris, BOTH(1) },
        { flags_are_refused_in_the_first_call, BOTH(1) },
        { bad_names_are_refused_in_the_first_call, BOTH(1) },
        { a_rate, BOTH(1) },
        { name_is_taken_there, BOTH(1) },
        { an_older_host_is_no_successor, BOTH(1) },
        { no_memory_there, BOTH(1) },
        { cookies_of_others, BOTH(1) },
        { another_domain_was_prepared, 1 },
        { taken_by_another, BOTH(1) },
        { no_more_than_so_many, 1 },
        { lists_of_protocols, 1 },
        { NULL, 0 }
    };

    return xf_unit_main_rows("compat", tests, XF_UNIT_TIMEOUT,
                             world_setup, world_teardown);
}
