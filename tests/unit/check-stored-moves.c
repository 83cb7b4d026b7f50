/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of definitions when their domains move: under each protocol,
 * with a disk that is full, and with hosts that die in between. */
#include "config.h"

#include "protocol/cookie.h"
#include "tests/unit/stored-world.h"

#include <string.h>

/* -- definitions that move -- */

#define BOTH (XF_MIGRATE_PERSIST_DEST | XF_MIGRATE_UNDEFINE_SOURCE)

/* By v1, v2, v3 without typed parameters, and with. */
static const struct {
    guint protocol;
    gboolean protects;
} ways[] = {
    { XF_PROTOCOL_V1, FALSE },
    { XF_PROTOCOL_V2, FALSE },
    { XF_PROTOCOL_V3, TRUE },
    { XF_PROTOCOL_V3_PARAMS, TRUE },
};

static gboolean
goes(struct host *from, struct host *to,
     const struct xf_sequence_request *request, GError **err)
{
    XF_AUTO(xf_domain_ref) *dom = look_up(from, "g");
    XF_AUTO(xf_domain_ref) *moved =
        dom ? xf_sequence_run(from->conn, dom, to->conn, request, err) : NULL;

    return moved != NULL;
}

START_TEST(flags_of_each_protocol)
{
    const struct xf_sequence_request request = {
        .flags = XF_MIGRATE_LIVE | BOTH | XF_MIGRATE_ABORT_ON_ERROR
                 | XF_MIGRATE_UNSAFE
                 | (ways[_i].protects ? XF_MIGRATE_CHANGE_PROTECTION : 0),
        .protocol = ways[_i].protocol,
    };
    struct host *hosts[] = { &src, &dst, &src };
    g_autoptr(GError) err = NULL;

    defined(&src, "g", GUEST_UUID);
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(goes(hosts[i], hosts[i + 1], &request, &err), "%s",
                      err ? err->message : "");
        settled_on(hosts[i + 1]);
        ck_assert_ptr_null(look_up(hosts[i], "g"));
        ck_assert(persistent(hosts[i + 1], "g"));
        ck_assert_uint_eq(files(hosts[i], ""), 0);
        ck_assert_uint_eq(files(hosts[i + 1], ""), 1);
        restart(hosts[i + 1]);
        ck_assert(persistent(hosts[i + 1], "g"));
    }
}
END_TEST

START_TEST(a_new_name_is_stored)
{
    const struct xf_sequence_request request = {
        .flags = XF_MIGRATE_LIVE | XF_MIGRATE_PERSIST_DEST, .dname = "h",
    };
    g_autoptr(GError) err = NULL;

    ck_assert_msg(goes(&src, &dst, &request, &err), "%s",
                  err ? err->message : "");
    wait_for(is_gone, &src);
    ck_assert(persistent(&dst, "h"));
    wait_for(no_records, &src);
    wait_for(no_records, &dst);
    destroyed(&dst, "h");
    ck_assert_msg(start(&dst, "h", 0, &err), "%s", err ? err->message : "");
}
END_TEST

START_TEST(a_definition_of_its_own)
{
    g_autofree char *other = xf_sim_xml("g", UUID_S, "xenpvh", 64);
    g_autofree char *bigger = xf_sim_xml("g", GUEST_UUID, "xenpvh", 96);
    struct xf_sequence_request request = {
        .flags = XF_MIGRATE_LIVE | XF_MIGRATE_PERSIST_DEST,
        .persist_xml = other,
    };
    g_autoptr(GError) err = NULL;

    ck_assert(!goes(&src, &dst, &request, &err));
    said(&err, XF_ERROR_XML, "another uuid or name");
    request.persist_xml = bigger;
    request.flags = XF_MIGRATE_LIVE;
    ck_assert(!goes(&src, &dst, &request, &err));
    said(&err, XF_ERROR_INVALID_ARG, "needs the flag persistent");
    request.flags = XF_MIGRATE_LIVE | XF_MIGRATE_PERSIST_DEST;
    request.protocol = XF_PROTOCOL_V3;
    ck_assert(!goes(&src, &dst, &request, &err));
    said(&err, XF_ERROR_ARG_UNSUPPORTED, "v3-params");
    request.protocol = 0;
    settled_on(&src);
    ck_assert_uint_eq(files(&dst, ""), 0);
    ck_assert_msg(goes(&src, &dst, &request, &err), "%s",
                  err ? err->message : "");
    settled_on(&dst);

    XF_AUTO(xf_domain_ref) *dom = look_up(&dst, "g");
    g_autofree char *xml =
        DRIVER(&dst)->domain_xml(dst.conn, dom, XF_XML_INACTIVE, &err);
    g_autofree char *live = DRIVER(&dst)->domain_xml(dst.conn, dom, 0, &err);

    ck_assert_ptr_nonnull(strstr(xml, "96"));
    ck_assert_ptr_null(strstr(live, ">96"));
}
END_TEST

START_TEST(no_room_for_the_definition)
{
    const struct xf_sequence_request request = {
        .flags = XF_MIGRATE_LIVE | XF_MIGRATE_PERSIST_DEST,
        .protocol = ways[_i].protocol,
    };
    g_autoptr(GError) err = NULL;

    full(TRUE);
    /* refused before it moves */
    ck_assert(!goes(&src, &dst, &request, &err));
    ck_assert_msg(strstr(err->message, "cannot be made persistent"), "%s",
                  err->message);
    full(FALSE);
    settled_on(&src);
    ck_assert_uint_eq(files(&dst, ""), 0);
    moves_from(&src);
}
END_TEST

START_TEST(stored_later_when_the_disk_fills_up)
{
    const struct xf_migrate_args prepare = {
        .flags = XF_MIGRATE_LIVE | XF_MIGRATE_PERSIST_DEST,
    };
    struct xf_migrate_args args = prepare;
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk));
    args.xml = walk.xml;
    args.cookie_in = walk.begin;
    ck_assert(DRIVER(&dst)->prepare3(dst.conn, &args, &walk.prepare,
                                     &walk.uri, &walk.err));
    ck_assert(walk_perform(&walk));
    full(TRUE);
    /* the guest comes first */
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    wait_for(g_runs, &dst);
    ck_assert(!persistent(&dst, "g"));
    full(FALSE);
    restart(&dst);
    ck_assert(persistent(&dst, "g"));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* Until the destination has received it; then it dies. */
static void
received(struct walk *walk)
{
    struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE | XF_MIGRATE_PERSIST_DEST,
    };

    walk_init(walk);
    ck_assert(walk_begin(walk));
    args.xml = walk->xml;
    args.cookie_in = walk->begin;
    ck_assert(DRIVER(&dst)->prepare3(dst.conn, &args, &walk->prepare,
                                     &walk->uri, &walk->err));
    ck_assert(walk_perform(walk));
    ck_assert_uint_eq(files(&dst, ".incoming"), 1);
}

/* A destination that has restarted asks the source, which still has its copy:
 * whoever is first, Finish or that answer, decides. */
START_TEST(what_waits_outlives_a_restart)
{
    struct walk walk;

    received(&walk);
    host_dies(&dst);
    host_start(&dst);

    gboolean committed = walk_finish(&walk, FALSE);

    ck_assert(walk_confirm(&walk, !committed, walk.finish));
    settled_on(committed ? &dst : &src);
    ck_assert(!committed || persistent(&dst, "g"));
    ck_assert_uint_eq(files(&dst, ""), committed);
    walk_clear(&walk);
}
END_TEST

START_TEST(what_waits_goes_with_a_revoked_handoff)
{
    struct walk walk;

    received(&walk);
    ck_assert(!walk_finish(&walk, TRUE));
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&src);
    ck_assert_uint_eq(files(&dst, ""), 0);
    ck_assert_ptr_null(look_up(&dst, "g"));
    walk_clear(&walk);
}
END_TEST

/* Its record is gone with the host, and so is what was for it. */
START_TEST(what_waits_goes_with_its_host)
{
    struct walk walk;

    received(&walk);
    host_dies(&dst);
    host_reboots(&dst);
    host_start(&dst);
    ck_assert_uint_eq(files(&dst, ""), 0);
    ck_assert(!walk_finish(&walk, FALSE));
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(committed_and_rebooted_before_it_was_stored)
{
    struct walk walk;

    received(&walk);
    full(TRUE);
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(!persistent(&dst, "g"));
    /* its guest is lost with it, as any guest is; not its definition */
    host_dies(&dst);
    host_reboots(&dst);
    full(FALSE);
    host_start(&dst);
    lists(&dst, XF_LIST_INACTIVE, "g");
    ck_assert_uint_eq(files(&dst, ".incoming"), 0);
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    wait_for(is_gone, &src);
    wait_for(no_records, &src);
    walk_clear(&walk);
}
END_TEST

START_TEST(undefined_after_a_crash)
{
    struct walk walk;
    struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE | XF_MIGRATE_UNDEFINE_SOURCE,
    };

    defined(&src, "g", GUEST_UUID);
    walk_init(&walk);
    walk.xml = DRIVER(&src)->begin3(src.conn, walk.dom, &args, &walk.begin,
                                    &walk.err);
    ck_assert(walk_prepare(&walk));
    ck_assert(walk_perform(&walk));
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(persistent(&src, "g"));           /* nobody has told it */
    host_dies(&src);
    host_start(&src);
    settled_on(&dst);
    ck_assert_ptr_null(look_up(&src, "g"));
    ck_assert_uint_eq(files(&src, ""), 0);
    walk_clear(&walk);
}
END_TEST

START_TEST(away_before_it_is_forgotten)
{
    struct walk walk;

    sent(&walk);
    ck_assert(walk_finish(&walk, FALSE));
    full(TRUE);
    /* destroyed, but it cannot be marked: the handoff stays until it can */
    ck_assert(!walk_confirm(&walk, FALSE, walk.finish));
    wait_for(is_gone, &src);
    ck_assert(!no_decisions(&src));
    full(FALSE);
    settled_on(&dst);
    refuses_to_start(&src, XF_ERROR_OPERATION_INVALID, "has not come back");
    walk_clear(&walk);
}
END_TEST

/* -- offline -- */

START_TEST(offline)
{
    struct xf_sequence_request request = {
        .flags = XF_MIGRATE_OFFLINE | XF_MIGRATE_UNDEFINE_SOURCE,
    };
    g_autoptr(GError) err = NULL;

    defined(&src, "g", GUEST_UUID);
    destroyed(&src, "g");
    ck_assert(!goes(&src, &dst, &request, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "needs the flag persistent");
    request.flags |= XF_MIGRATE_PERSIST_DEST;
    for (int i = 0; i < 2; i++) {
        request.protocol = i ? XF_PROTOCOL_V2 : XF_PROTOCOL_V1;
        ck_assert(!goes(&src, &dst, &request, &err));
        said(&err, XF_ERROR_ARG_UNSUPPORTED, "offline");
    }
    request.protocol = 0;
    ck_assert_msg(goes(&src, &dst, &request, &err), "%s",
                  err ? err->message : "");
    lists(&src, 0, "");
    lists(&dst, 0, "g");
    ck_assert(persistent(&dst, "g"));
    ck_assert(no_records(&src) && no_records(&dst));
    ck_assert(start(&dst, "g", 0, &err));
    /* one that runs stays where it is; its definition is copied */
    request.flags = XF_MIGRATE_OFFLINE | XF_MIGRATE_PERSIST_DEST;
    request.protocol = XF_PROTOCOL_V3;
    ck_assert_msg(goes(&dst, &src, &request, &err), "%s",
                  err ? err->message : "");
    ck_assert(runs(&dst, "g"));
    lists(&src, XF_LIST_INACTIVE, "g");
    /* and one that runs there is not written over */
    ck_assert(!goes(&src, &dst, &request, &err));
    said(&err, XF_ERROR_DOM_EXIST, "running domain");
    destroyed(&dst, "g");
}
END_TEST

START_TEST(a_stored_domain_does_not_move_online)
{
    const struct xf_sequence_request request = { .flags = XF_MIGRATE_LIVE };
    g_autoptr(GError) err = NULL;

    defined(&src, "g", GUEST_UUID);
    destroyed(&src, "g");
    ck_assert(!goes(&src, &dst, &request, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "'g' is not running");
}
END_TEST

START_TEST(offline_on_a_clients_word)
{
    struct xf_migrate_args args = {
        .flags = XF_MIGRATE_OFFLINE | BOTH, .dname = "g",
    };
    g_autoptr(GBytes) begin = NULL, prepare = NULL;
    g_autofree char *uri = NULL;
    g_autoptr(GError) err = NULL;

    defined(&src, "g", GUEST_UUID);
    destroyed(&src, "g");

    XF_AUTO(xf_domain_ref) *dom = look_up(&src, "g");
    g_autofree char *xml =
        DRIVER(&src)->begin3(src.conn, dom, &args, &begin, &err);

    ck_assert_ptr_nonnull(xml);
    ck_assert(!start(&src, "g", 0, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "is being migrated");
    ck_assert(!undefine(&src, "g", &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "is being migrated");
    args.xml = xml;
    args.cookie_in = begin;
    ck_assert(DRIVER(&dst)->prepare3(dst.conn, &args, &prepare, &uri, &err));
    ck_assert_uint_eq(files(&dst, ".incoming"), 1);
    /* no proof that it is stored there */
    args.cookie_in = prepare;
    ck_assert(!DRIVER(&src)->confirm3(src.conn, dom, &args, &err));
    said(&err, XF_ERROR_OPERATION_FAILED, "stays defined here");
    ck_assert(persistent(&src, "g"));
    /* and the destination's client goes */
    xf_conn_close(dst.conn);
    dst.conn = xf_engine_open(dst.engine);
    ck_assert_uint_eq(files(&dst, ""), 0);
}
END_TEST

/* Told of before the calls have made anything: nothing stays held. */
START_TEST(offline_for_a_client_that_has_gone)
{
    struct xf_migrate_args args = {
        .flags = XF_MIGRATE_OFFLINE | BOTH, .dname = "g",
    };
    g_autoptr(GBytes) begin = NULL, prepare = NULL;
    g_autofree char *uri = NULL;
    g_autoptr(GError) err = NULL;

    defined(&src, "g", GUEST_UUID);
    destroyed(&src, "g");
    DRIVER(&src)->client_gone(src.conn);
    DRIVER(&dst)->client_gone(dst.conn);

    XF_AUTO(xf_domain_ref) *dom = look_up(&src, "g");
    g_autofree char *xml =
        DRIVER(&src)->begin3(src.conn, dom, &args, &begin, &err);

    ck_assert_ptr_nonnull(xml);
    args.xml = xml;
    args.cookie_in = begin;
    ck_assert(DRIVER(&dst)->prepare3(dst.conn, &args, &prepare, &uri, &err));
    ck_assert_uint_eq(files(&dst, ""), 0);
    client_of(&src);
    ck_assert_msg(start(&src, "g", 0, &err), "%s", err ? err->message : "");
}
END_TEST

/* -- offline, of a domain that was given away -- */

/* "g" is stored at src, marked as given away, and is persistent at dst. */
static void
given_away(gboolean runs_there)
{
    g_autoptr(GError) err = NULL;

    defined(&src, "g", GUEST_UUID);
    ck_assert(autostart(&src, "g", TRUE, &err));
    ck_assert_msg(move(&src, &dst, XF_MIGRATE_LIVE | XF_MIGRATE_PERSIST_DEST,
                       &err), "%s", err ? err->message : "");
    settled_on(&dst);
    refuses_to_start(&src, XF_ERROR_OPERATION_INVALID, "has not come back");
    if (!runs_there)
        destroyed(&dst, "g");
}

/* From dst to src; `said`: the cookie tells how the domain is there. */
static void
definition_comes(gboolean said)
{
    struct xf_migrate_args args = {
        .flags = XF_MIGRATE_OFFLINE | XF_MIGRATE_PERSIST_DEST, .dname = "g",
    };
    g_autoptr(GBytes) begin = NULL, prepare = NULL, finish = NULL;
    g_autofree char *uri = NULL;
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_domain_ref) *dom = look_up(&dst, "g");
    g_autofree char *xml =
        DRIVER(&dst)->begin3(dst.conn, dom, &args, &begin, &err);

    ck_assert_msg(xml != NULL, "%s", err ? err->message : "");

    XF_AUTO(xf_cookie) *cookie = xf_cookie_parse(begin, &err);

    if (!said)
        g_clear_pointer(&cookie->state, g_free);
    args.xml = xml;
    args.cookie_in = xf_cookie_format(cookie);
    ck_assert_msg(DRIVER(&src)->prepare3(src.conn, &args, &prepare, &uri,
                                         &err),
                  "%s", err ? err->message : "");
    g_bytes_unref(args.cookie_in);
    args.cookie_in = NULL;

    XF_AUTO(xf_domain_ref) *moved =
        DRIVER(&src)->finish3(src.conn, &args, &finish, &err);

    ck_assert_msg(moved != NULL, "%s", err ? err->message : "");
    args.cookie_in = finish;
    ck_assert(DRIVER(&dst)->confirm3(dst.conn, dom, &args, &err));
}

static const struct {
    gboolean runs;
    gboolean said;              /* ... and its host says how it is */
    gboolean starts;
} given[] = {
    { TRUE, TRUE, FALSE },
    { TRUE, FALSE, FALSE },
    { FALSE, FALSE, FALSE },
    { FALSE, TRUE, TRUE },
};

/* Its host starts with the definition that has come: it is started only if
 * the domain runs nowhere else. */
START_TEST(given_away_until_it_is_known_not_to_run)
{
    g_autoptr(GError) err = NULL;

    given_away(given[_i].runs);
    definition_comes(given[_i].said);
    if (given[_i].starts)
        ck_assert_msg(start(&src, "g", 0, &err), "%s",
                      err ? err->message : "");
    else
        refuses_to_start(&src, XF_ERROR_OPERATION_INVALID,
                         "has not come back");
    host_stop(&src);
    host_reboots(&src);
    host_start(&src);
    xf_engine_autostart(src.engine);
    if (given[_i].starts)
        wait_for(g_runs, &src);
    host_stop(&src);            /* it has tried all by then */
    ck_assert_int_eq(runs(&src, "g"), given[_i].starts);
    ck_assert_int_eq(runs(&dst, "g"), given[_i].runs);
    host_start(&src);
}
END_TEST

/* ... nor does it get rid of its mark by going to a third host. */
START_TEST(given_away_does_not_move_offline)
{
    const struct xf_sequence_request request = {
        .flags = XF_MIGRATE_OFFLINE | XF_MIGRATE_PERSIST_DEST,
    };
    g_autoptr(GError) err = NULL;

    given_away(FALSE);
    ck_assert(undefine(&dst, "g", &err));
    ck_assert(!goes(&src, &dst, &request, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "has not come back");
    lists(&dst, 0, "");
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { flags_of_each_protocol, G_N_ELEMENTS(ways) },
        { a_new_name_is_stored, 1 },
        { a_definition_of_its_own, 1 },
        { no_room_for_the_definition, G_N_ELEMENTS(ways) },
        { stored_later_when_the_disk_fills_up, 1 },
        { what_waits_outlives_a_restart, 1 },
        { what_waits_goes_with_a_revoked_handoff, 1 },
        { what_waits_goes_with_its_host, 1 },
        { committed_and_rebooted_before_it_was_stored, 1 },
        { undefined_after_a_crash, 1 },
        { away_before_it_is_forgotten, 1 },
        { offline, 1 },
        { a_stored_domain_does_not_move_online, 1 },
        { offline_on_a_clients_word, 1 },
        { given_away_until_it_is_known_not_to_run, G_N_ELEMENTS(given) },
        { given_away_does_not_move_offline, 1 },
        { offline_for_a_client_that_has_gone, 1 },
        { NULL, 0 },
    };

    return stored_main("stored-moves", tests);
}
