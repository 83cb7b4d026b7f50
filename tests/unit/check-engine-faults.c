/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine on two simulated hosts: that what fails in the middle of a move,
 * or dies and comes again, leaves the guest on one host, free to move again.
 */
#include "config.h"

#include "compat/compat.h"
#include "tests/unit/engine-world.h"

#include <string.h>
#include <unistd.h>

static gboolean
has_one_record(struct host *host)
{
    g_auto(GStrv) tokens = host->store.real->ops->list(host->store.real,
                                                       NULL);

    return tokens && tokens[0] && !tokens[1];
}

/* Perform in a thread, to do something meanwhile. */
struct performing {
    struct walk walk;
    GThread *thread;
    gboolean ok;
};

static gpointer
perform_thread(gpointer data)
{
    struct performing *p = data;

    p->ok = walk_perform(&p->walk);
    return NULL;
}

/* The guest's stream stops there until the fault is taken away. */
static void
perform_until(struct performing *p, const char *point, const char *action)
{
    xf_sim_fault(src.dir, "g", point, action);
    walk_init(&p->walk);
    ck_assert(walk_begin(&p->walk) && walk_prepare(&p->walk));
    p->thread = g_thread_new("perform", perform_thread, p);
    ck_assert(xf_sim_wait_hits(src.dir, point, 1, DEADLINE_MS));
}

/* ... before its end. */
static void
perform_slowly(struct performing *p)
{
    perform_until(p, "suspend-page", "hang@8");
}

static void
perform_ends(struct performing *p)
{
    g_thread_join(p->thread);
    xf_sim_fault(src.dir, "g", "suspend-page", NULL);
}

/* Its source hangs, and its connection lives: nobody but an administrator can
 * free the destination. */
START_TEST(a_stream_is_given_up_by_hand)
{
    struct performing p;
    g_autoptr(GPtrArray) infos = NULL;
    g_autofree char *state = NULL;

    perform_slowly(&p);
    infos = dst.conn->driver->list_handoffs(dst.conn, NULL);
    ck_assert(infos && infos->len == 1);

    struct xf_handoff_info *info = infos->pdata[0];

    ck_assert_str_eq(info->state, "receiving");
    state = dst.conn->driver->resolve_handoff(dst.conn, info->token,
                                              XF_ASSUME_REVOKED, NULL);
    ck_assert_pstr_eq(state, "revoked");
    wait_for(guest_is_gone, &dst);
    xf_sim_fault(src.dir, "g", "suspend-page", NULL);
    g_thread_join(p.thread);
    ck_assert(!p.ok);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&p.walk);
}
END_TEST

static gboolean
not_tracked(struct host *host)
{
    return !xf_sim_tracks_writes(host->dir);
}

/* The daemon was killed while it sent, as its helper was, and xenstored
 * restarted: the guest runs on, and nobody tracks what it writes. */
START_TEST(forgotten_while_it_sent)
{
    struct performing p;
    g_autofree char *path = host_log_path(&src), *log = NULL;
    struct xf_hv_domain info;

    perform_slowly(&p);
    ck_assert(g_file_get_contents(path, &log, NULL, NULL));
    ck_assert(src.conn->driver->abort_job(src.conn, p.walk.dom, NULL));
    perform_ends(&p);
    ck_assert(!walk_finish(&p.walk, TRUE));
    host_dies(&src);
    host_forgets(&src);
    ck_assert(g_file_set_contents(path, log, -1, NULL));
    ck_assert(guest_on(&src, &info));
    xf_sim_track_writes(src.dir, info.domid);
    host_start(&src);
    wait_for(not_tracked, &src);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&p.walk);
}
END_TEST

START_TEST(aborted)
{
    struct performing p;

    perform_slowly(&p);
    ck_assert(src.conn->driver->abort_job(src.conn, p.walk.dom, NULL));
    perform_ends(&p);
    ck_assert(!p.ok);
    walk_said(&p.walk, XF_ERROR_ABORTED, "it runs on here");
    ck_assert(!walk_finish(&p.walk, TRUE));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&p.walk);
}
END_TEST

START_TEST(client_gone_in_mid_stream)
{
    struct performing p;

    perform_slowly(&p);
    src.conn->driver->client_gone(src.conn);
    perform_ends(&p);
    ck_assert(!p.ok);
    settled_on(&src);
    client_of(&src);
    moves_from(&src);
    walk_clear(&p.walk);
}
END_TEST

/* -- a client that has gone is told once, maybe before there is a handoff -- */

START_TEST(client_gone_before_begin)
{
    struct walk walk;

    walk_init(&walk);
    src.conn->driver->client_gone(src.conn);
    ck_assert(walk_begin(&walk));
    wait_for(no_records, &src);
    ck_assert(walk_prepare(&walk));
    ck_assert(!walk_perform(&walk));
    ck_assert(!walk_finish(&walk, TRUE));
    settled_on(&src);
    client_of(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(client_gone_before_prepare)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk));
    dst.conn->driver->client_gone(dst.conn);
    ck_assert(walk_prepare(&walk));
    wait_for(no_records, &dst);
    ck_assert(!walk_perform(&walk));
    settled_on(&src);
    client_of(&dst);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* Begun by another, so that nobody has told this handoff of it. */
START_TEST(client_gone_before_its_perform)
{
    struct xf_conn *first = src.conn;
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));
    src.conn = xf_compat_open(src.engine);
    src.conn->driver->client_gone(src.conn);
    ck_assert(!walk_perform(&walk));
    ck_assert(!walk_finish(&walk, TRUE));
    settled_on(&src);
    client_of(&src);
    xf_conn_close(first);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(destination_stopped_in_mid_stream)
{
    struct performing p;

    perform_slowly(&p);
    host_stop(&dst);
    xf_sim_fault(src.dir, "g", "suspend-page", NULL);
    perform_ends(&p);
    ck_assert(!p.ok);
    host_start(&dst);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&p.walk);
}
END_TEST

/* All of it is there, and the source does not say so: who revokes then need
 * not wait until the destination gives up. */
START_TEST(revoked_while_the_end_is_awaited)
{
    struct performing p;
    struct walk other;          /* the first one's errors are its thread's */

    host_stop(&dst);
    dst.config.ack_timeout_ms = 1000 * DEADLINE_MS;
    host_start(&dst);
    xf_sim_fault(dst.dir, "g", "devices", "note");
    perform_until(&p, "suspend-after-end", "hang");
    ck_assert(xf_sim_wait_hits(dst.dir, "devices", 1, DEADLINE_MS));
    walk_init(&other);
    ck_assert(!walk_finish(&other, TRUE));
    walk_said(&other, XF_ERROR_FINISH_OK, "nothing of it is left");
    xf_sim_fault(src.dir, "g", "suspend-after-end", NULL);
    g_thread_join(p.thread);
    ck_assert(!p.ok);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&other);
    walk_clear(&p.walk);
}
END_TEST

/* A destination that proves the key and says nothing to a stream. */
static gboolean
mute_key(void *user, enum xf_channel_purpose purpose, const char *token,
         guint8 *key)
{
    const struct xf_cookie *cookie = user;

    memcpy(key, cookie->key, XF_KEY_LEN);
    return TRUE;
}

static gint mute_got;           /* bytes; atomic */

static void
mute_accepted(void *user, enum xf_channel_purpose purpose, const char *token,
              int fd)
{
    guint8 byte;

    if (purpose == XF_CHANNEL_SETTLED || purpose == XF_CHANNEL_SETTLED_DONE)
        ck_assert(xf_channel_send(fd, XF_MSG_OK, NULL));
    else
        while (read(fd, &byte, 1) > 0)
            g_atomic_int_inc(&mute_got);
    close(fd);
}

/* Who does not say that it receives may have forgotten the handoff before
 * all of the stream is there: it gets none of it. */
START_TEST(nothing_goes_to_who_does_not_receive)
{
    struct walk walk;

    src.config.connect_timeout_ms = 300;
    host_stop(&src);
    host_start(&src);
    walk_init(&walk);
    ck_assert(walk_begin(&walk));

    XF_AUTO(xf_cookie) *cookie = xf_cookie_parse(walk.begin, NULL);
    struct xf_channel_handler handler = {
        .key = mute_key, .accepted = mute_accepted, .user = cookie,
    };
    struct xf_channel_config config = dst.config.channel;

    config.port = 0;

    struct xf_channel_listener *mute =
        xf_channel_listen(&config, &handler, NULL);

    ck_assert_ptr_nonnull(mute);
    walk.prepare = g_bytes_ref(walk.begin);
    walk.uri = g_strdup_printf("tcp:127.0.0.1:%u",
                               xf_channel_listener_port(mute));
    ck_assert(!walk_perform(&walk));
    walk_said(&walk, XF_ERROR_TIMEOUT, "it runs on here");
    settled_on(&src);
    xf_channel_listener_free(mute);
    ck_assert_int_eq(g_atomic_int_get(&mute_got), 0);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

static const char *const failing_points[][2] = {
    { "src", "can-leave" },      { "src", "describe" },
    { "src", "suspend-start" },  { "src", "log-dirty" },
    { "src", "suspend-page" },   { "src", "suspend-ask" },
    { "src", "suspend-asked" },  { "src", "suspend-stopped" },
    { "src", "suspend-before-end" },
    { "dst", "incoming-create" },{ "dst", "can-arrive" },
    { "dst", "stream-start" },   { "dst", "stream-made" },
    { "dst", "stream-page" },    { "dst", "stream-end" },
    { "dst", "devices" },
};

START_TEST(a_step_fails)
{
    const char *const *point = failing_points[_i];
    struct host *host = strcmp(point[0], "src") ? &dst : &src;
    g_autoptr(GError) err = NULL;

    xf_sim_fault(host->dir, "host", point[1], "fail*1");
    ck_assert_msg(!move(&src, &dst, XF_MIGRATE_LIVE, &err), "%s", point[1]);
    ck_assert_uint_eq(xf_sim_hits(host->dir, point[1]), 1);
    settled_on(&src);
    moves_from(&src);
}
END_TEST

START_TEST(source_record_fails)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));
    /* not even `performing`; or it is written, `performed` is not */
    g_atomic_int_set(&src.store.writes_until_failure, _i);
    ck_assert(!walk_perform(&walk));
    g_atomic_int_set(&src.store.writes_until_failure, -1);
    ck_assert(!walk_finish(&walk, TRUE));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

static gboolean
failed_to_write(struct host *host)
{
    return g_atomic_int_get(&host->store.writes_failed) > 0;
}

static gboolean
has_no_domain(struct host *host)
{
    g_autoptr(GPtrArray) domains = xf_sim_domains(host->dir);

    return domains->len == 0;
}

/* Its client has gone, the source has its own copy: the one here goes, as
 * soon as that can be written down. */
START_TEST(discard_is_not_recorded)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    g_atomic_int_set(&dst.store.writes_until_failure, 0);
    dst.conn->driver->client_gone(dst.conn);
    wait_for(failed_to_write, &dst);
    ck_assert(!has_no_domain(&dst));
    g_atomic_int_set(&dst.store.writes_until_failure, -1);
    wait_for(has_no_domain, &dst);
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&src);
    client_of(&dst);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

static const char *const switch_points[] = { "rename", "unpause" };

START_TEST(switch_fails_once)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    xf_sim_fault(dst.dir, "host", switch_points[_i], "fail*1");
    ck_assert(!walk_finish(&walk, FALSE));
    walk_said(&walk, XF_ERROR_OPERATION_FAILED, "is committed here");
    /* committed is committed: the source's copy must go */
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    ck_assert(walk_finish(&walk, FALSE));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* An answer that the source cannot write down is asked for again. */
START_TEST(the_answer_is_not_recorded)
{
    struct walk walk;

    src.config.resolve_wait_ms = 300;
    host_stop(&src);
    host_start(&src);
    walk_init(&walk);
    walk_to_performed(&walk);
    g_atomic_int_set(&src.store.writes_until_failure, 1);
    ck_assert(!walk_confirm(&walk, TRUE, NULL));
    walk_said(&walk, XF_ERROR_IN_DOUBT, "in doubt");
    ck_assert(!g_atomic_int_get(&src.store.writes_until_failure));
    g_atomic_int_set(&src.store.writes_until_failure, -1);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(a_record_stays_once)
{
    g_atomic_int_set(&src.store.removes_that_fail, 1);
    g_atomic_int_set(&dst.store.removes_that_fail, 1);
    moves_from(&src);
    ck_assert(!g_atomic_int_get(&src.store.removes_that_fail));
    ck_assert(!g_atomic_int_get(&dst.store.removes_that_fail));
    moves_from(&dst);
}
END_TEST

static gboolean
is_paused(struct host *host)
{
    struct xf_hv_domain info;

    return guest_on(host, &info) && info.paused && strcmp(info.name, "g") == 0;
}

/* Finish's wish is in the log, and the record does not know of it. */
START_TEST(log_that_is_ahead_says_paused)
{
    struct walk walk;
    g_autoptr(GBytes) cookie = NULL;

    walk_init(&walk);
    walk_to_performed(&walk);
    g_atomic_int_set(&dst.store.writes_until_failure, 0);
    xf_sim_fault(dst.dir, "host", "rename", "fail*1");

    const struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE | XF_MIGRATE_PAUSED,
        .dname = "g",
        .cookie_in = walk.perform,
    };

    ck_assert_ptr_null(dst.conn->driver->finish3(dst.conn, &args, &cookie,
                                                 NULL));
    host_stop(&dst);
    g_atomic_int_set(&dst.store.writes_until_failure, -1);
    host_start(&dst);
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    wait_for(is_paused, &dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(in_doubt_until_the_destination_is_back)
{
    struct walk walk;
    struct xf_hv_domain info;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_stop(&dst);
    host_impatient(&src);
    ck_assert(!walk_confirm(&walk, TRUE, NULL));
    walk_said(&walk, XF_ERROR_IN_DOUBT, "in doubt");
    ck_assert(guest_on(&src, &info));
    ck_assert(info.suspended);
    host_start(&dst);
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(committed_before_both_restart)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert(walk_finish(&walk, FALSE));
    host_stop(&dst);
    host_stop(&src);
    host_start(&src);
    ck_assert(has_one_record(&src));
    host_start(&dst);
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(source_restarts_after_perform)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_stop(&src);
    host_start(&src);
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

/* What has arrived, and somebody destroys before it is committed: it must not
 * be, or the source would destroy the last one. */
static gboolean
runs(struct host *host)
{
    struct xf_hv_domain info;

    return guest_on(host, &info) && !info.suspended && !info.paused;
}

static void
copy_is_destroyed(void)
{
    struct xf_hv_domain info;

    ck_assert(xf_sim_find(dst.dir, "g" XF_INCOMING_SUFFIX, &info));
    ck_assert(dst.hv->ops->destroy(dst.hv, info.domid, NULL));
}

START_TEST(copy_destroyed_before_the_commit)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    if (_i)                     /* it stays listed while it dies */
        xf_sim_fault(dst.dir, "host", "dying-ms", "600000");
    copy_is_destroyed();
    xf_sim_fault(dst.dir, "host", "dying-ms", NULL);
    ck_assert(!walk_finish(&walk, FALSE));
    walk_said(&walk, XF_ERROR_OPERATION_FAILED, "there no more");
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    wait_for(runs, &src);
    wait_for(no_records, &src);
    wait_for(no_records, &dst);
    walk_clear(&walk);
}
END_TEST

/* Nobody can tell: nothing is decided, and the copy is kept. */
START_TEST(copy_that_nobody_can_see)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_blind(&dst, TRUE);
    ck_assert(!walk_finish(&walk, FALSE));
    walk_said(&walk, XF_ERROR_SYSTEM, "is still here");
    host_blind(&dst, FALSE);
    ck_assert_msg(walk_finish(&walk, FALSE), "%s", walk.err->message);
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(copy_destroyed_while_no_daemon_was_there)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_dies(&dst);
    copy_is_destroyed();
    host_start(&dst);

    g_autoptr(GPtrArray) infos =
        dst.conn->driver->list_handoffs(dst.conn, NULL);

    ck_assert_uint_eq(infos->len, 1);

    const struct xf_handoff_info *info = infos->pdata[0];

    ck_assert_str_eq(info->state, "revoked");
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(destination_restarts_when_received)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_stop(&dst);
    host_start(&dst);
    /* what it has received is whole: it can still be finished */
    if (walk_finish(&walk, FALSE)) {
        ck_assert(walk_confirm(&walk, FALSE, walk.finish));
        settled_on(&dst);
    } else {
        ck_assert(walk_confirm(&walk, TRUE, NULL));
        settled_on(&src);
    }
    walk_clear(&walk);
}
END_TEST

START_TEST(both_restart_after_begin)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));
    host_stop(&src);
    host_stop(&dst);
    host_start(&src);
    host_start(&dst);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* Another guest's, which nobody comes to finish. */
static void
prepare_another(void)
{
    g_autofree char *xml = xf_sim_xml(
        "h", "10112233-4455-6677-8899-aabbccddeeff", "xenpvh", 64);
    struct walk walk;

    ck_assert_int_gt(src.hv->ops->create(src.hv, xml, FALSE, NULL), 0);
    walk_init(&walk);
    xf_domain_ref_free(walk.dom);
    walk.dom = src.conn->driver->lookup_by_name(src.conn, "h", NULL);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    walk_clear(&walk);
}

START_TEST(a_stuck_domain_holds_up_no_other)
{
    struct walk walk;

    host_stop(&dst);
    dst.config.finish_timeout_ms = 3000;
    host_start(&dst);
    walk_init(&walk);
    /* its copy is not destroyed, and with the next try that hangs */
    xf_sim_fault(dst.dir, "host", "destroy", "fail*1");
    walk_to_performed(&walk);
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    ck_assert(xf_sim_wait_hits(dst.dir, "destroy", 1, DEADLINE_MS));
    xf_sim_fault(dst.dir, "host", "destroy", "hang");
    ck_assert(xf_sim_wait_hits(dst.dir, "destroy", 2, DEADLINE_MS));
    prepare_another();
    wait_for(has_one_record, &dst);
    xf_sim_fault(dst.dir, "host", "destroy", NULL);
    wait_for(no_records, &dst);
    wait_for(no_records, &src);
    walk_clear(&walk);
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { a_stream_is_given_up_by_hand, 1 },
        { forgotten_while_it_sent, 1 },
        { aborted, 1 },
        { client_gone_in_mid_stream, 1 },
        { client_gone_before_begin, 1 },
        { client_gone_before_prepare, 1 },
        { client_gone_before_its_perform, 1 },
        { destination_stopped_in_mid_stream, 1 },
        { revoked_while_the_end_is_awaited, 1 },
        { a_step_fails, G_N_ELEMENTS(failing_points) },
        { source_record_fails, 2 },
        { discard_is_not_recorded, 1 },
        { switch_fails_once, G_N_ELEMENTS(switch_points) },
        { nothing_goes_to_who_does_not_receive, 1 },
        { the_answer_is_not_recorded, 1 },
        { a_record_stays_once, 1 },
        { log_that_is_ahead_says_paused, 1 },
        { in_doubt_until_the_destination_is_back, 1 },
        { committed_before_both_restart, 1 },
        { source_restarts_after_perform, 1 },
        { destination_restarts_when_received, 1 },
        { copy_destroyed_before_the_commit, 2 },
        { copy_destroyed_while_no_daemon_was_there, 1 },
        { copy_that_nobody_can_see, 1 },
        { a_stuck_domain_holds_up_no_other, 1 },
        { both_restart_after_begin, 1 },
        { NULL, 0 }
    };

    return xf_unit_main_rows("engine-faults", tests, XF_UNIT_TIMEOUT,
                             world_setup, world_teardown);
}
