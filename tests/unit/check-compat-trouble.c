/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * v1 and v2 over two simulated hosts: whatever fails, whoever vanishes and
 * whichever answer is lost, the guest is on exactly one side and free to move
 * again at once.  Most tests run under both.
 */
#include "config.h"

#include "compat/compat.h"
#include "protocol/engine-private.h"
#include "protocol/rpc/server.h"
#include "tests/unit/cutter.h"
#include "tests/unit/trip.h"

#include <string.h>

#define V2 (_i % 2)

/* -- a step fails -- */

static const char *const failing_points[][2] = {
    { "src", "can-leave" },      { "src", "describe" },
    { "src", "suspend-start" },  { "src", "log-dirty" },
    { "src", "suspend-page" },   { "src", "suspend-ask" },
    { "src", "suspend-stopped" },{ "src", "suspend-before-end" },
    { "dst", "incoming-create" },{ "dst", "can-arrive" },
    { "dst", "stream-start" },   { "dst", "stream-made" },
    { "dst", "stream-page" },    { "dst", "stream-end" },
    { "dst", "devices" },
};

START_TEST(a_step_fails)
{
    const char *const *point = failing_points[_i / 2];
    struct host *host = strcmp(point[0], "src") ? &dst : &src;
    struct trip t;

    trip_init(&t, V2);
    xf_sim_fault(host->dir, "host", point[1], "fail*1");
    if (trip_prepare(&t)) {
        ck_assert_msg(!trip_perform(&t), "%s", point[1]);
        trip_give_up(&t);
    }
    ck_assert_uint_eq(xf_sim_hits(host->dir, point[1]), 1);
    settled_on(&src);
    trip_moves_now(V2);
    trip_clear(&t);
}
END_TEST

/* Committed is committed: Finish tries the switch again. */
static const char *const switch_points[] = { "rename", "unpause" };

START_TEST(the_switch_fails_once)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    xf_sim_fault(dst.dir, "host", switch_points[_i / 2], "fail*1");
    must(&t, trip_perform(&t));
    must(&t, trip_finish(&t, FALSE));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

START_TEST(the_source_copy_goes_later)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    xf_sim_fault(src.dir, "host", "destroy", "fail*1");
    must(&t, trip_perform(&t));
    must(&t, trip_finish(&t, FALSE));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

START_TEST(a_commit_that_is_not_on_disk_is_none)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    host_disk_full(&dst, TRUE);
    host_impatient(&src);
    ck_assert(!trip_perform(&t));
    trip_said(&t, XF_ERROR_IN_DOUBT, "in doubt");
    host_disk_full(&dst, FALSE);
    settled_on(&src);
    trip_moves_now(V2);
    trip_clear(&t);
}
END_TEST

START_TEST(a_source_record_fails)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    /* begun and performing are written, performed is not */
    g_atomic_int_set(&src.store.writes_until_failure, _i / 2);
    ck_assert(!trip_perform(&t));
    g_atomic_int_set(&src.store.writes_until_failure, -1);
    trip_give_up(&t);
    client_of(&dst);
    settled_on(&src);
    trip_moves_now(V2);
    trip_clear(&t);
}
END_TEST

/* -- an answer is lost: bytes that the destination sends on the channel are
 * the greeting (65), a verdict, `o`, `o`, `r`, `c` -- */

static const struct {
    guint pass;
    gboolean at_once;
    gboolean committed;
} cuts[] = {
    { 0, FALSE, FALSE },        /* the greeting */
    { 65, FALSE, FALSE },       /* the verdict */
    { 66, FALSE, FALSE },       /* welcome */
    { 67, FALSE, FALSE },       /* that it receives */
    { 68, TRUE, FALSE },        /* the stream */
    { 68, FALSE, FALSE },       /* received */
    { 69, TRUE, FALSE },        /* the question to commit */
    { 69, FALSE, TRUE },        /* committed */
};

START_TEST(an_answer_is_lost)
{
    gboolean committed = cuts[_i / 2].committed;
    struct cutter *cutter = cutter_new(dst.port, cuts[_i / 2].pass,
                                       cuts[_i / 2].at_once);
    struct trip t;

    trip_init(&t, V2);
    t.uri = g_strdup_printf("tcp://127.0.0.1:%u", cutter_port(cutter));
    must(&t, trip_prepare(&t));
    ck_assert_msg(trip_perform(&t) == committed, "%s",
                  t.err ? t.err->message : "performed");
    if (committed) {
        must(&t, trip_finish(&t, FALSE));
        settled_on(&dst);
    } else {
        ck_assert_msg(strstr(t.err->message, "it runs on here"), "%s",
                      t.err->message);
        trip_give_up(&t);
        settled_on(&src);
        trip_moves_now(V2);
    }
    cutter_free(cutter);
    trip_clear(&t);
}
END_TEST

/* The reply of Perform is lost: the client takes it for a failure. */
START_TEST(the_reply_of_perform_is_lost)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    must(&t, trip_perform(&t));
    if (V2) {
        must(&t, trip_finish(&t, TRUE));
        ck_assert_str_eq(t.arrived, "g");
    } else {
        client_of(&dst);
    }
    settled_on(&dst);
    moves_from(&dst);
    trip_clear(&t);
}
END_TEST

/* -- clients that vanish, or do not come -- */

START_TEST(gone_after_prepare)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    client_of(&dst);
    ck_assert(!trip_perform(&t));
    settled_on(&src);
    trip_moves_now(V2);
    trip_clear(&t);
}
END_TEST

START_TEST(gone_after_perform)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    must(&t, trip_perform(&t));
    client_of(&src);
    client_of(&dst);
    settled_on(&dst);
    moves_from(&dst);
    trip_clear(&t);
}
END_TEST

static gboolean
nothing_is_expected(struct host *host)
{
    g_mutex_lock(&host->engine->lock);

    gboolean none = g_hash_table_size(host->engine->expected) == 0;

    g_mutex_unlock(&host->engine->lock);
    return none && no_records(host);
}

/* It stays connected, and does nothing. */
START_TEST(nobody_performs)
{
    struct trip t;

    host_stop(&dst);
    dst.config.finish_timeout_ms = 1;
    host_start(&dst);
    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    wait_for(nothing_is_expected, &dst);
    ck_assert(!trip_perform(&t));
    settled_on(&src);
    trip_clear(&t);
}
END_TEST

START_TEST(nobody_finishes)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    must(&t, trip_perform(&t));
    ck_assert(!no_records(&dst));   /* Finish must find it */
    host_stop(&dst);
    dst.config.keep_ended_ms = 1;
    host_start(&dst);
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

struct performing {
    struct trip t;
    GThread *thread;
    gboolean ok;
};

static gpointer
perform_thread(gpointer data)
{
    struct performing *p = data;

    p->ok = trip_perform(&p->t);
    return NULL;
}

static void
perform_slowly(struct performing *p, gboolean v2)
{
    xf_sim_fault(src.dir, "g", "suspend-page", "hang@8");
    trip_init(&p->t, v2);
    must(&p->t, trip_prepare(&p->t));
    p->thread = g_thread_new("perform", perform_thread, p);
    ck_assert(xf_sim_wait_hits(src.dir, "suspend-page", 1, DEADLINE_MS));
}

static void
perform_ends(struct performing *p)
{
    g_thread_join(p->thread);
    xf_sim_fault(src.dir, "g", "suspend-page", NULL);
}

START_TEST(aborted)
{
    struct performing p;

    perform_slowly(&p, V2);
    ck_assert(src.conn->driver->abort_job(src.conn, p.t.dom, NULL));
    perform_ends(&p);
    ck_assert(!p.ok);
    trip_said(&p.t, XF_ERROR_ABORTED, "it runs on here");
    trip_give_up(&p.t);
    settled_on(&src);
    trip_moves_now(V2);
    trip_clear(&p.t);
}
END_TEST

START_TEST(gone_in_mid_stream)
{
    struct performing p;

    perform_slowly(&p, V2);
    dst.conn->driver->client_gone(dst.conn);
    src.conn->driver->client_gone(src.conn);
    perform_ends(&p);
    ck_assert(!p.ok);
    settled_on(&src);
    client_of(&dst);
    client_of(&src);
    trip_moves_now(V2);
    trip_clear(&p.t);
}
END_TEST

/* The calls began before, and what they make comes after. */
START_TEST(gone_before_anything_is_there)
{
    gboolean at_source = _i / 2;
    struct host *host = at_source ? &src : &dst;
    struct trip t;

    trip_init(&t, V2);
    if (at_source)
        must(&t, trip_prepare(&t));
    host->conn->driver->client_gone(host->conn);
    if (!at_source && !trip_prepare(&t))
        trip_said(&t, XF_ERROR_ABORTED, "has gone");
    else
        ck_assert(!trip_perform(&t));
    wait_for(no_records, &src);
    client_of(&src);
    client_of(&dst);
    wait_for(nothing_is_expected, &dst);
    settled_on(&src);
    trip_moves_now(V2);
    trip_clear(&t);
}
END_TEST

/* -- peer to peer -- */

static struct xf_conn *
serve_dst(void *user, GError **err)
{
    return xf_compat_open(dst.engine);
}

static gpointer
serve(gpointer loop)
{
    g_main_loop_run(loop);
    return NULL;
}

/* FALSE: *err says why not. */
static gboolean
goes_p2p(const char *uri, GError **err)
{
    struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE | XF_MIGRATE_PEER2PEER, .dconnuri = uri,
    };
    g_autoptr(GBytes) cookie = NULL;
    struct trip t;

    trip_init(&t, FALSE);

    gboolean ok = src.conn->driver->perform3(src.conn, t.dom, &args, &cookie,
                                             err);

    trip_clear(&t);
    return ok;
}

/* While the destination was connected to. */
START_TEST(gone_before_p2p_begins)
{
    const struct xf_rpc_backend backend = { serve_dst, NULL };
    struct xf_rpc_server_config config;
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GMainLoop) loop = g_main_loop_new(context, FALSE);
    g_autoptr(GError) err = NULL;
    guint16 port = 0;

    xf_rpc_server_config_init(&config);

    struct xf_rpc_server *server =
        xf_rpc_server_new(context, &config, &backend);

    ck_assert(xf_rpc_server_listen_tcp(server, "127.0.0.1", &port, NULL));

    GThread *thread = g_thread_new("serve", serve, loop);
    g_autofree char *uri =
        g_strdup_printf("xen+tcp://127.0.0.1:%u/system", port);

    src.conn->driver->client_gone(src.conn);
    ck_assert(!goes_p2p(uri, &err));
    ck_assert_msg(err->code == XF_ERROR_ABORTED
                      && strstr(err->message, "its client has gone"), "%s",
                  err->message);
    settled_on(&src);
    client_of(&src);
    g_clear_error(&err);
    ck_assert_msg(goes_p2p(uri, &err), "%s", err ? err->message : "");
    settled_on(&dst);
    g_main_loop_quit(loop);
    g_thread_join(thread);
    xf_rpc_server_free(server);
}
END_TEST

/* v2: the connection to the source is lost in mid-stream, and the client
 * cancels at the destination. */
START_TEST(cancelled_in_mid_stream)
{
    struct performing p;

    perform_slowly(&p, TRUE);
    src.conn->driver->client_gone(src.conn);

    /* Perform, in its thread, has p.t.err */
    struct trip cancelling = p.t;

    cancelling.err = NULL;
    ck_assert(!trip_finish(&cancelling, TRUE));
    g_clear_error(&cancelling.err);
    xf_sim_fault(src.dir, "g", "suspend-page", NULL);
    perform_ends(&p);
    ck_assert(!p.ok);
    settled_on(&src);
    client_of(&src);
    trip_moves_now(TRUE);
    trip_clear(&p.t);
}
END_TEST

START_TEST(the_destination_restarts_before_perform)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    host_stop(&dst);
    host_start(&dst);
    ck_assert(!trip_perform(&t));
    trip_give_up(&t);
    settled_on(&src);
    trip_moves_now(V2);
    trip_clear(&t);
}
END_TEST

START_TEST(the_destination_restarts_before_finish)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    must(&t, trip_perform(&t));
    host_stop(&dst);
    host_start(&dst);
    must(&t, trip_finish(&t, V2));
    ck_assert_str_eq(t.arrived, "g");
    trip_clear(&t);
}
END_TEST

/* Finish comes before Perform, or instead of it. */
START_TEST(finish_too_early)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, trip_prepare(&t));
    ck_assert(!trip_finish(&t, FALSE));
    trip_said(&t, XF_ERROR_OPERATION_FAILED, "g");
    client_of(&dst);
    settled_on(&src);
    trip_moves_now(V2);
    trip_clear(&t);
}
END_TEST

/* -- a source that gives up before it is admitted -- */

/* Its first record takes its time: the source says that it is over while
 * there is none.  Not a word of it may be written then, lest a record of
 * nothing but that word stay; later it is in the first record, if there is
 * one (_i). */
START_TEST(over_before_it_is_admitted)
{
    static const guint8 key[XF_KEY_LEN] = { 1 };
    static const guint8 uuid[XF_UUID_LEN] = { 2 };
    static const char token[] = "00112233445566778899aabbccddeeff";
    XF_AUTO(xf_handoff) *h = xf_handoff_new(dst.engine, XF_DESTINATION,
                                            token, key, uuid, "new");

    ck_assert(xf_engine_add(dst.engine, h, NULL));
    ck_assert(xf_dest_settled(h, FALSE));
    ck_assert(no_records(&dst));
    if (!_i) {
        xf_handoff_refused(h);
    } else {
        ck_assert(xf_handoff_event(h, XF_EVENT_PREPARE, NULL, NULL));
        ck_assert(!no_records(&dst));
        ck_assert(xf_handoff_event(h, XF_EVENT_CONNECTED, NULL, NULL));
        host_stop(&dst);
        host_start(&dst);
    }
    /* else it would be kept: its source may ask */
    wait_for(no_records, &dst);
}
END_TEST

/* -- running them -- */

#define BOTH(n) (2 * (n))

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { a_step_fails, BOTH(G_N_ELEMENTS(failing_points)) },
        { the_switch_fails_once, BOTH(G_N_ELEMENTS(switch_points)) },
        { the_source_copy_goes_later, BOTH(1) },
        { a_commit_that_is_not_on_disk_is_none, BOTH(1) },
        { a_source_record_fails, BOTH(3) },
        { an_answer_is_lost, BOTH(G_N_ELEMENTS(cuts)) },
        { the_reply_of_perform_is_lost, BOTH(1) },
        { gone_after_prepare, BOTH(1) },
        { gone_after_perform, BOTH(1) },
        { nobody_performs, BOTH(1) },
        { nobody_finishes, BOTH(1) },
        { aborted, BOTH(1) },
        { gone_in_mid_stream, BOTH(1) },
        { gone_before_anything_is_there, BOTH(2) },
        { gone_before_p2p_begins, 1 },
        { cancelled_in_mid_stream, 1 },
        { the_destination_restarts_before_perform, BOTH(1) },
        { the_destination_restarts_before_finish, BOTH(1) },
        { finish_too_early, BOTH(1) },
        { over_before_it_is_admitted, 2 },
        { NULL, 0 }
    };

    return xf_unit_main_rows("compat-trouble", tests, XF_UNIT_TIMEOUT,
                             world_setup, world_teardown);
}
