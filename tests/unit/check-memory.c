/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the engine remembers when its host forgets: disks that are full,
 * xenstored restarted, hosts rebooted and installed anew; that a guest never
 * runs twice nor on old memory then, and that who cannot know says so.
 */
#include "config.h"

#include "protocol/cookie.h"
#include "protocol/decisions.h"
#include "tests/unit/engine-world.h"

#include <glib/gstdio.h>
#include <string.h>

/* Confirm, whatever it says, leaves the guest suspended in doubt; asked
 * again until it gives that reason. */
static void
in_doubt(struct walk *walk, gboolean cancelled, GBytes *cookie,
         const char *reason)
{
    gint64 until = g_get_monotonic_time() + DEADLINE_MS * 1000;

    host_impatient(&src);
    do {
        ck_assert(!walk_confirm(walk, cancelled, cookie));
        walk_said(walk, XF_ERROR_IN_DOUBT, "in doubt");
        ck_assert(waits_suspended(&src));
        ck_assert_msg(g_get_monotonic_time() < until, "%s",
                      walk->err->message);
    } while (!strstr(walk->err->message, reason));
}

/* -- full disks and a refusing store -- */

START_TEST(commit_that_is_not_on_disk_is_none)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_disk_full(&dst, TRUE);
    ck_assert(!walk_finish(&walk, FALSE));
    walk_said(&walk, XF_ERROR_SYSTEM, "cannot record state committed");
    /* It may be on that disk nevertheless: so nobody is told "revoked". */
    in_doubt(&walk, TRUE, NULL, "closed the connection");
    host_disk_full(&dst, FALSE);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(commit_on_disk_needs_no_record)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    g_atomic_int_set(&dst.store.writes_until_failure, 0);
    ck_assert_msg(walk_finish(&walk, FALSE), "%s",
                  walk.err ? walk.err->message : "");
    g_atomic_int_set(&dst.store.writes_until_failure, -1);
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* The daemon dies between its decision and its record. */
START_TEST(log_is_ahead_of_the_record)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    g_atomic_int_set(&dst.store.writes_until_failure, 0);
    xf_sim_fault(dst.dir, "host", "rename", "fail*1");
    ck_assert(!walk_finish(&walk, FALSE));
    walk_said(&walk, XF_ERROR_OPERATION_FAILED, "is committed here");
    host_stop(&dst);
    g_atomic_int_set(&dst.store.writes_until_failure, -1);
    host_start(&dst);
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* What cannot be written down is not acted on: the copy waits, suspended. */
START_TEST(given_away_that_is_not_on_disk)
{
    struct walk walk;

    walk_to_committed(&walk);
    host_disk_full(&src, TRUE);
    in_doubt(&walk, FALSE, walk.finish, "cannot record state done");
    host_disk_full(&src, FALSE);
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(source_log_is_ahead_of_the_record)
{
    struct walk walk;

    walk_to_committed(&walk);
    g_atomic_int_set(&src.store.writes_until_failure, 0);
    xf_sim_fault(src.dir, "host", "destroy", "fail*1");
    ck_assert(!walk_confirm(&walk, FALSE, walk.finish));
    walk_said(&walk, XF_ERROR_OPERATION_FAILED, "was to be destroyed");
    host_stop(&src);
    g_atomic_int_set(&src.store.writes_until_failure, -1);
    ck_assert(waits_suspended(&src));
    host_start(&src);
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* The first write is said to have failed, and has not: no record stays, nor
 * the handoff that it would be of. */
START_TEST(refused_leaves_no_record)
{
    struct host *host = _i ? &dst : &src;
    struct walk walk;

    walk_init(&walk);
    ck_assert(!_i || walk_begin(&walk));
    g_atomic_int_set(&host->store.answers_lost, 1);
    g_atomic_int_set(&host->store.removes_that_fail, 1);
    ck_assert(!(_i ? walk_prepare : walk_begin)(&walk));
    walk_said(&walk, XF_ERROR_SYSTEM, "store: no answer");
    wait_for(no_records, host);
    if (_i)
        ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* -- a destination that has forgotten -- */

/* Of another toolstack, in the middle of a move. */
#define THEIRS "x" XF_INCOMING_SUFFIX

static int
theirs(void)
{
    g_autofree char *xml = xf_sim_xml(
        THEIRS, "20112233-4455-6677-8899-aabbccddeeff", "xenpvh", 64);

    return dst.hv->ops->create(dst.hv, xml, TRUE, NULL);
}

/* Nothing in the same log: it never committed.  The copy is in nobody's way
 * any more; what is not ours is left alone. */
START_TEST(forgotten_before_the_commit)
{
    struct walk walk;

    int other = theirs();
    struct xf_hv_domain info;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_stop(&dst);
    host_forgets(&dst);
    host_start(&dst);
    ck_assert(xf_sim_find(dst.dir, THEIRS, &info));
    ck_assert(dst.hv->ops->destroy(dst.hv, other, NULL));
    ck_assert(!walk_finish(&walk, FALSE));
    ck_assert_msg(walk_confirm(&walk, TRUE, NULL), "%s", walk.err->message);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(forgotten_after_the_commit)
{
    struct walk walk;

    walk_to_committed(&walk);
    host_stop(&dst);
    host_forgets(&dst);
    host_start(&dst);
    ck_assert_msg(walk_confirm(&walk, TRUE, NULL), "%s", walk.err->message);
    settled_on(&dst);
    moves_from(&dst);
    walk_clear(&walk);
}
END_TEST

/* Committed, but not let run yet: it is let run. */
START_TEST(forgotten_before_the_switch)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    xf_sim_fault(dst.dir, "host", "rename", "fail*1");
    ck_assert(!walk_finish(&walk, FALSE));
    host_stop(&dst);
    host_forgets(&dst);
    host_start(&dst);
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(rebooted_before_the_commit)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_stop(&dst);
    host_reboots(&dst);
    host_start(&dst);
    ck_assert_msg(walk_confirm(&walk, TRUE, NULL), "%s", walk.err->message);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* It ran there and died with its host: what the source has is old. */
START_TEST(rebooted_after_the_commit)
{
    struct walk walk;

    walk_to_committed(&walk);
    host_stop(&dst);
    host_reboots(&dst);
    host_start(&dst);
    ck_assert_msg(walk_confirm(&walk, TRUE, NULL), "%s", walk.err->message);
    wait_for(guest_is_gone, &src);
    ck_assert(guest_is_gone(&dst));
    wait_for(no_records, &src);
    wait_for(no_records, &dst);
    wait_for(no_decisions, &dst);
    walk_clear(&walk);
}
END_TEST

/* Another log, or none: nobody is resumed, and the reason is told. */
START_TEST(installed_anew)
{
    struct walk walk;
    g_autofree char *path = host_log_path(&dst);
    g_autofree char *kept = NULL;
    gsize len;

    if (_i)
        walk_to_committed(&walk);
    else {
        walk_init(&walk);
        walk_to_performed(&walk);
    }
    host_stop(&dst);
    host_reboots(&dst);
    ck_assert(g_file_get_contents(path, &kept, &len, NULL));
    ck_assert_int_eq(g_unlink(path), 0);
    host_start(&dst);
    in_doubt(&walk, TRUE, NULL, "its decisions log is not the one");
    in_doubt(&walk, FALSE, NULL, "its decisions log is not the one");
    /* Put back from a copy, it can tell. */
    host_stop(&dst);
    ck_assert(g_file_set_contents(path, kept, len, NULL));
    host_start(&dst);
    if (_i)
        wait_for(guest_is_gone, &src);
    else
        settled_on(&src);
    wait_for(no_records, &src);
    wait_for(no_decisions, &src);
    walk_clear(&walk);
}
END_TEST

/* A client that comes twice tells a destination without memory of the
 * handoff: that it knows it then is no knowledge. */
START_TEST(installed_anew_and_prepared_anew)
{
    struct walk walk;
    g_autofree char *path = host_log_path(&dst);

    walk_to_committed(&walk);
    host_stop(&dst);
    host_reboots(&dst);
    ck_assert_int_eq(g_unlink(path), 0);
    host_start(&dst);
    g_clear_pointer(&walk.prepare, g_bytes_unref);
    g_clear_pointer(&walk.uri, g_free);
    ck_assert_msg(walk_prepare(&walk), "%s", walk.err->message);
    in_doubt(&walk, TRUE, NULL, "its decisions log is not the one");
    ck_assert(waits_suspended(&src));
    walk_clear(&walk);
}
END_TEST

/* ... and lets go of it again. */
static gboolean
can_begin(struct host *host)
{
    struct walk walk;

    walk_init(&walk);

    gboolean ok = walk_begin(&walk) && walk_confirm(&walk, TRUE, NULL);

    walk_clear(&walk);
    return ok;
}

/* The record of an ended handoff must say so before the next begins: it
 * would be taken up after it. */
START_TEST(no_handoff_beside_a_stale_record)
{
    struct walk walk, next;

    walk_init(&walk);
    walk_init(&next);
    walk_to_performed(&walk);
    host_stop(&dst);
    host_impatient(&src);
    ck_assert(!walk_confirm(&walk, TRUE, NULL));

    g_autoptr(GPtrArray) infos =
        src.conn->driver->list_handoffs(src.conn, NULL);
    const struct xf_handoff_info *info = infos->pdata[0];

    /* cancelled is written, that it has been acted on is not */
    g_atomic_int_set(&src.store.writes_until_failure, 1);
    g_free(src.conn->driver->resolve_handoff(src.conn, info->token,
                                             XF_ASSUME_REVOKED, NULL));
    wait_for(guest_runs, &src);
    ck_assert(!walk_begin(&next));
    walk_said(&next, XF_ERROR_OPERATION_INVALID, "already being migrated");
    g_atomic_int_set(&src.store.writes_until_failure, -1);
    wait_for(can_begin, &src);
    host_start(&dst);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
    walk_clear(&next);
}
END_TEST

/* A cookie of a Xenferry that kept no log. */
START_TEST(a_destination_that_keeps_no_log)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));

    XF_AUTO(xf_cookie) *cookie = xf_cookie_parse(walk.prepare, NULL);

    ck_assert(cookie->log[0]);
    cookie->log[0] = '\0';
    g_bytes_unref(walk.prepare);
    walk.prepare = xf_cookie_format(cookie);
    ck_assert(walk_perform(&walk));
    host_stop(&dst);
    host_reboots(&dst);
    host_start(&dst);
    in_doubt(&walk, TRUE, NULL, "keeps no decisions log");
    walk_clear(&walk);
}
END_TEST

/* A record that cannot be read may be that of a complete copy. */
START_TEST(a_damaged_record_is_no_answer)
{
    struct walk walk;
    g_autoptr(GHashTable) fields = g_hash_table_new_full(
        g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_bytes_unref);

    walk_init(&walk);
    walk_to_performed(&walk);
    host_stop(&dst);

    g_auto(GStrv) tokens = dst.store.real->ops->list(dst.store.real, NULL);

    g_hash_table_insert(fields, (char *)"state", g_bytes_new("x", 1));
    ck_assert(dst.store.real->ops->write(dst.store.real, tokens[0], fields,
                                         NULL));
    host_start(&dst);
    in_doubt(&walk, TRUE, NULL, "closed the connection");
    g_hash_table_insert(fields, (char *)"state", g_bytes_new("received", 8));
    host_stop(&dst);
    ck_assert(dst.store.real->ops->write(dst.store.real, tokens[0], fields,
                                         NULL));
    host_start(&dst);
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

static gboolean
is_told(struct host *host)
{
    g_auto(GStrv) tokens = host->store.real->ops->list(host->store.real,
                                                       NULL);
    g_autoptr(GHashTable) fields =
        tokens && *tokens ? host->store.real->ops->read(host->store.real,
                                                        *tokens, NULL)
                          : NULL;

    /* with all the rest, which a daemon that starts has to find */
    ck_assert(!fields || g_hash_table_contains(fields, "version"));
    return fields && g_hash_table_contains(fields, "settled");
}

/* Xenstore has lost the record under the daemon: what is written next is a
 * record, and not a part of one that nobody can read. */
START_TEST(settled_when_the_record_was_lost)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    xf_sim_fault(dst.dir, "host", "rename", "fail");
    ck_assert(!walk_finish(&walk, FALSE));

    g_auto(GStrv) tokens = dst.store.real->ops->list(dst.store.real, NULL);

    ck_assert(dst.store.real->ops->remove(dst.store.real, *tokens, NULL));
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    wait_for(is_told, &dst);
    xf_sim_fault(dst.dir, "host", "rename", NULL);
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* -- a source that has forgotten -- */

START_TEST(source_forgets_what_it_was_to_destroy)
{
    struct walk walk;

    walk_to_committed(&walk);
    xf_sim_fault(src.dir, "host", "destroy", "fail*1");
    ck_assert(!walk_confirm(&walk, FALSE, walk.finish));
    host_stop(&src);
    host_forgets(&src);
    ck_assert(waits_suspended(&src));
    host_start(&src);
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(source_reboots_after_the_commit)
{
    struct walk walk;

    walk_to_committed(&walk);
    host_stop(&src);
    host_reboots(&src);
    host_start(&src);
    settled_on(&dst);
    /* it knows nothing of it, and what the client says changes nothing */
    ck_assert(!walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* -- several of one domain -- */

static void
add_decision(struct xf_decisions *log, enum xf_decision_kind kind,
             const char *decided, int domid)
{
    struct xf_decision decision = {
        .kind = kind,
        .time = g_get_real_time(),
        .domid = domid,
        .peer_host = (char *)"127.0.0.1",
        .peer_port = 1,
        .name = (char *)"g",
    };

    g_strlcpy(decision.token, decided, sizeof(decision.token));
    ck_assert(xf_uuid_parse(GUEST_UUID, decision.uuid));
    ck_assert(xf_decisions_add(log, &decision, NULL));
}

/* It came in, which its source has not heard yet, and was being sent on: both
 * have to be ended, whichever of them is read first. */
START_TEST(all_are_taken_up_again)
{
    g_autoptr(GPtrArray) infos = NULL;

    host_stop(&dst);

    struct xf_decisions *log = xf_decisions_open(dst.state, NULL);

    ck_assert_ptr_nonnull(log);
    add_decision(log, XF_DECISION_COMMITTED,
                 "00000000000000000000000000000001", -1);
    add_decision(log, XF_DECISION_SENDING,
                 "00000000000000000000000000000002", -1);
    xf_decisions_close(log);
    host_start(&dst);
    infos = dst.conn->driver->list_handoffs(dst.conn, NULL);
    ck_assert(infos && infos->len == 2);
}
END_TEST

/* An earlier handoff's, whose other side never said that it knows: the copy of
 * that one is gone. */
static void
old_decision(struct host *host, enum xf_decision_kind kind, int domid)
{
    struct xf_decisions *log = xf_decisions_open(host->state, NULL);

    ck_assert_ptr_nonnull(log);
    add_decision(log, kind, "00000000000000000000000000000001", domid);
    xf_decisions_close(log);
}

static gboolean
is_empty(struct host *host)
{
    g_autoptr(GPtrArray) domains = xf_sim_domains(host->dir);

    return domains->len == 0;
}

enum { OLD_IS_KNOWN, OLD_HAS_NO_RECORD, NO_RECORD_AT_ALL, OLD_WAYS };

/* What a newer handoff has received is not the copy that was committed then:
 * its own source still has the guest. */
START_TEST(a_newer_copy_is_not_an_old_decision_s)
{
    struct walk walk;

    walk_init(&walk);
    if (_i != OLD_HAS_NO_RECORD) {
        host_stop(&dst);
        old_decision(&dst, XF_DECISION_COMMITTED,
                     _i == OLD_IS_KNOWN ? -1 : 12345);
        host_start(&dst);
        /* from now on there is a record that says that nothing is to do */
        ck_assert(!no_records(&dst));
    }
    walk_to_performed(&walk);
    host_dies(&dst);
    if (_i == OLD_HAS_NO_RECORD)
        old_decision(&dst, XF_DECISION_COMMITTED, -1);
    if (_i == NO_RECORD_AT_ALL)
        host_forgets(&dst);
    host_start(&dst);
    ck_assert_msg(walk_confirm(&walk, TRUE, NULL), "%s", walk.err->message);
    wait_for(guest_runs, &src);
    wait_for(is_empty, &dst);
    wait_for(no_records, &src);
    walk_clear(&walk);
}
END_TEST

/* Nor is what a newer handoff is sending that which was given away then. */
START_TEST(what_is_sent_is_not_what_an_old_decision_gave_away)
{
    struct walk walk;

    host_stop(&src);
    old_decision(&src, XF_DECISION_GIVEN_AWAY, 12345);
    host_start(&src);
    walk_init(&walk);
    walk_to_performed(&walk);
    host_dies(&src);
    host_forgets(&src);
    ck_assert(waits_suspended(&src));
    host_start(&src);
    /* in doubt, it asks and is told that the other never ran */
    wait_for(guest_runs, &src);
    wait_for(is_empty, &dst);
    wait_for(no_records, &dst);
    walk_clear(&walk);
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { commit_that_is_not_on_disk_is_none, 1 },
        { commit_on_disk_needs_no_record, 1 },
        { log_is_ahead_of_the_record, 1 },
        { given_away_that_is_not_on_disk, 1 },
        { source_log_is_ahead_of_the_record, 1 },
        { refused_leaves_no_record, 2 },
        { forgotten_before_the_commit, 1 },
        { forgotten_after_the_commit, 1 },
        { forgotten_before_the_switch, 1 },
        { rebooted_before_the_commit, 1 },
        { rebooted_after_the_commit, 1 },
        { installed_anew, 2 },
        { installed_anew_and_prepared_anew, 1 },
        { no_handoff_beside_a_stale_record, 1 },
        { a_destination_that_keeps_no_log, 1 },
        { a_damaged_record_is_no_answer, 1 },
        { settled_when_the_record_was_lost, 1 },
        { source_forgets_what_it_was_to_destroy, 1 },
        { source_reboots_after_the_commit, 1 },
        { all_are_taken_up_again, 1 },
        { a_newer_copy_is_not_an_old_decision_s, OLD_WAYS },
        { what_is_sent_is_not_what_an_old_decision_gave_away, 1 },
        { NULL, 0 }
    };

    return xf_unit_main_rows("memory", tests, XF_UNIT_TIMEOUT,
                             world_setup, world_teardown);
}
