/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A source that loses power while it does not know what was decided, and how
 * long a decision is kept: until the other side has acted on it.
 */
#include "config.h"

#include "tests/unit/engine-world.h"

#include <glib/gstdio.h>
#include <string.h>

/* -- a source that loses power in doubt -- */

static void
token_of(struct host *host, char *token, const char *state)
{
    g_autoptr(GPtrArray) infos =
        host->conn->driver->list_handoffs(host->conn, NULL);

    ck_assert_ptr_nonnull(infos);
    ck_assert_uint_eq(infos->len, 1);

    const struct xf_handoff_info *info = infos->pdata[0];

    ck_assert_str_eq(info->state, state);
    g_strlcpy(token, info->token, XF_TOKEN_LEN + 1);
}

static void
source_loses_power(void)
{
    host_dies(&src);
    host_reboots(&src);
    host_start(&src);
}

static void
decides_by_hand(struct host *host, const char *state, enum xf_assume what)
{
    char token[XF_TOKEN_LEN + 1];
    g_autoptr(GError) err = NULL;
    g_autofree char *now = NULL;

    token_of(host, token, state);
    now = host->conn->driver->resolve_handoff(host->conn, token, what, &err);
    ck_assert_msg(now != NULL, "%s", err ? err->message : "");
}

/* Whether the guest can be started at the source; `words`: why not. */
static void
starts(struct walk *walk, const char *words)
{
    g_autofree char *xml = xf_sim_xml("g", GUEST_UUID, "xenpvh", 64);
    XF_AUTO(xf_domain_ref) *dom = NULL;

    g_clear_error(&walk->err);
    dom = src.conn->driver->create_xml(src.conn, xml, 0, &walk->err);
    if (words)
        walk_said(walk, XF_ERROR_OPERATION_INVALID, words);
    else
        ck_assert_msg(dom != NULL, "%s", walk->err->message);
}

#define ASKS_IN_VAIN "it has the only copy left"

/* In what its only handoff tells of its last try. */
static const char *trouble;

static gboolean
is_in_trouble(struct host *host)
{
    g_autoptr(GPtrArray) infos =
        host->conn->driver->list_handoffs(host->conn, NULL);
    const struct xf_handoff_info *info =
        infos->len == 1 ? infos->pdata[0] : NULL;

    return info && strstr(info->trouble, trouble);
}

static void
wait_for_trouble(struct host *host, const char *words)
{
    trouble = words;
    wait_for(is_in_trouble, host);
}

static gboolean
all_over(struct host *host)
{
    return no_records(host) && no_decisions(host);
}

/* The destination has the last copy: it stays, and it is told what can be
 * done; nothing starts beside it. */
START_TEST(power_lost_before_the_commit)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    source_loses_power();
    wait_for_trouble(&src, ASKS_IN_VAIN);
    starts(&walk, "it may run at the destination");
    /* nor has its client the last one destroyed */
    ck_assert(!walk_finish(&walk, TRUE));
    walk_said(&walk, XF_ERROR_OPERATION_FAILED, "is kept");
    wait_for_trouble(&dst, "this is the only copy");
    decides_by_hand(&dst, "received",
                    _i ? XF_ASSUME_COMMITTED : XF_ASSUME_REVOKED);
    wait_for(all_over, &src);
    wait_for(all_over, &dst);
    if (!_i)
        starts(&walk, NULL);
    settled_on(_i ? &dst : &src);
    walk_clear(&walk);
}
END_TEST

/* It dies, or died: the destination's is the last one, too. */
START_TEST(a_dying_copy_is_none)
{
    struct walk walk;
    struct xf_hv_domain info;

    walk_init(&walk);
    walk_to_performed(&walk);
    xf_sim_fault(src.dir, "host", "dying-ms", "600000");
    ck_assert(guest_on(&src, &info));
    ck_assert(src.hv->ops->destroy(src.hv, info.domid, NULL));
    xf_sim_fault(src.dir, "host", "dying-ms", NULL);
    host_impatient(&src);
    ck_assert(!walk_confirm(&walk, TRUE, NULL));
    walk_said(&walk, XF_ERROR_IN_DOUBT, "in doubt");
    wait_for_trouble(&src, ASKS_IN_VAIN);
    ck_assert(!walk_finish(&walk, TRUE));
    walk_said(&walk, XF_ERROR_OPERATION_FAILED, "that it has none");
    decides_by_hand(&dst, "received", XF_ASSUME_COMMITTED);
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* Nobody can tell whether the source has its copy, as found in its record or
 * in its log: it has nothing revoked, and does not say that it has one. */
START_TEST(a_copy_that_nobody_can_see)
{
    struct walk walk;
    struct xf_hv_domain info;

    walk_init(&walk);
    walk_to_performed(&walk);
    if (_i) {
        host_dies(&src);
        host_forgets(&src);
        host_blind(&src, TRUE);
        host_start(&src);
    } else {
        host_blind(&src, TRUE);
        host_impatient(&src);
        ck_assert(!walk_confirm(&walk, TRUE, NULL));
        walk_said(&walk, XF_ERROR_IN_DOUBT, "in doubt");
    }
    wait_for_trouble(&src, "cannot tell whether its own");
    ck_assert(!walk_finish(&walk, TRUE));
    walk_said(&walk, XF_ERROR_NO_CONNECT, "does not say that it has its own");
    ck_assert(xf_sim_find(dst.dir, "g" XF_INCOMING_SUFFIX, &info));
    ck_assert(waits_suspended(&src));
    host_blind(&src, FALSE);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* It runs there, and its source knows nothing until it can ask. */
START_TEST(power_lost_after_the_commit)
{
    struct walk walk;

    walk_to_committed(&walk);
    host_stop(&dst);
    source_loses_power();
    for (int i = 0; i < 2; i++) {
        starts(&walk, "it may run at the destination");
        source_loses_power();
    }
    host_start(&dst);
    settled_on(&dst);
    moves_from(&dst);
    walk_clear(&walk);
}
END_TEST

/* Both lose power: the same log says that it was never committed. */
START_TEST(power_lost_on_both_sides)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_stop(&dst);
    host_reboots(&dst);
    source_loses_power();
    starts(&walk, "it may run at the destination");
    host_start(&dst);
    wait_for(all_over, &src);
    starts(&walk, NULL);
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

/* Nobody can know any more, but for an administrator. */
START_TEST(power_lost_and_the_other_log)
{
    struct walk walk;
    g_autofree char *path = host_log_path(&dst);

    walk_to_committed(&walk);
    host_stop(&dst);
    host_reboots(&dst);
    ck_assert_int_eq(g_unlink(path), 0);
    host_start(&dst);
    source_loses_power();
    starts(&walk, "it may run at the destination");
    decides_by_hand(&src, "in-doubt", XF_ASSUME_REVOKED);
    starts(&walk, NULL);
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

/* Its xenstore alone: the copy is there, suspended, and is not left so. */
START_TEST(source_forgets_in_doubt)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    if (_i)
        ck_assert_msg(walk_finish(&walk, FALSE), "%s", walk.err->message);
    host_dies(&src);
    host_forgets(&src);
    ck_assert(waits_suspended(&src));
    host_start(&src);
    settled_on(_i ? &dst : &src);
    moves_from(_i ? &dst : &src);
    walk_clear(&walk);
}
END_TEST

/* What may run elsewhere is on disk before anything is sent. */
START_TEST(not_sent_unless_it_is_on_disk)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk));
    ck_assert(walk_prepare(&walk));
    host_disk_full(&src, TRUE);
    ck_assert(!walk_perform(&walk));
    walk_said(&walk, XF_ERROR_SYSTEM, "cannot record state performing");
    ck_assert(guest_runs(&src));
    host_disk_full(&src, FALSE);
    ck_assert(!walk_finish(&walk, TRUE));
    /* (the source has let go of it by itself) */
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* -- decisions are kept until the other side has acted -- */

START_TEST(given_away_is_not_started_again)
{
    struct walk walk;
    g_autofree char *xml = xf_sim_xml("g", GUEST_UUID, "xenpvh", 64);

    walk_to_committed(&walk);
    host_stop(&dst);
    ck_assert_msg(walk_confirm(&walk, FALSE, walk.finish), "%s",
                  walk.err ? walk.err->message : "");
    wait_for(guest_is_gone, &src);
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_null(src.conn->driver->create_xml(src.conn, xml, 0,
                                                        &walk.err));
        walk_said(&walk, XF_ERROR_OPERATION_INVALID, "was given away");
        g_clear_error(&walk.err);
        /* not even when all records are gone */
        host_stop(&src);
        host_forgets(&src);
        host_start(&src);
    }
    host_start(&dst);
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

static gboolean
knows_nothing(void *user, enum xf_channel_purpose purpose, const char *token,
              guint8 *key)
{
    return FALSE;
}

/* Who says, without a proof, that he knows of no such handoff may be anybody:
 * the decision stays, and with it what keeps the domain from being started. */
START_TEST(a_denial_acknowledges_nothing)
{
    const struct xf_channel_handler handler = { .key = knows_nothing };
    struct xf_channel_listener *anybody;
    struct walk walk;

    walk_to_committed(&walk);
    host_stop(&dst);
    dst.config.channel.port = dst.port;
    anybody = xf_channel_listen(&dst.config.channel, &handler, NULL);
    ck_assert_ptr_nonnull(anybody);
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    wait_for_trouble(&src, "has not acknowledged");
    ck_assert(!no_decisions(&src));
    starts(&walk, "was given away");
    xf_channel_listener_free(anybody);
    host_start(&dst);
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* The destination has forgotten it, as when its answer was lost that it would:
 * its log can say so.  The second time the source has nothing but its own. */
START_TEST(forgotten_there_is_acknowledged)
{
    struct walk walk;

    walk_to_committed(&walk);
    decides_by_hand(&dst, "committed", XF_ASSUME_COMMITTED);
    ck_assert(no_decisions(&dst));
    if (_i)
        host_stop(&dst);
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    wait_for(guest_is_gone, &src);
    if (_i) {
        host_stop(&src);
        host_forgets(&src);
        host_start(&src);
        ck_assert(!no_decisions(&src));
        host_start(&dst);
    }
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* Installed anew it never will. */
START_TEST(another_log_acknowledges_nothing)
{
    struct walk walk;
    g_autofree char *path = host_log_path(&dst);

    walk_to_committed(&walk);
    host_stop(&dst);
    host_reboots(&dst);
    ck_assert_int_eq(g_unlink(path), 0);
    host_start(&dst);
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    wait_for_trouble(&src, "has not acknowledged");
    ck_assert(!no_decisions(&src));
    decides_by_hand(&src, "done", XF_ASSUME_COMMITTED);
    ck_assert(no_decisions(&src) && no_records(&src));
    walk_clear(&walk);
}
END_TEST

START_TEST(given_away_may_be_forced)
{
    struct walk walk;
    g_autofree char *xml = xf_sim_xml("g", GUEST_UUID, "xenpvh", 64);
    struct xf_hv_domain info;

    walk_to_committed(&walk);
    host_stop(&dst);
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    wait_for(guest_is_gone, &src);
    ck_assert(guest_on(&dst, &info));
    ck_assert(dst.hv->ops->destroy(dst.hv, info.domid, NULL));

    XF_AUTO(xf_domain_ref) *dom = src.conn->driver->create_xml(
        src.conn, xml, XF_CREATE_GIVEN_AWAY, &walk.err);

    ck_assert_msg(dom != NULL, "%s", walk.err ? walk.err->message : "");
    ck_assert(!guest_is_gone(&src));
    host_start(&dst);
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

static void
other_guest(struct walk *walk)
{
    static const char uuid[] = "10112233-4455-6677-8899-aabbccddeeff";
    g_autofree char *xml = xf_sim_xml("h", uuid, "xenpvh", 64);

    ck_assert_int_gt(src.hv->ops->create(src.hv, xml, FALSE, NULL), 0);
    walk_init(walk);
    xf_domain_ref_free(walk->dom);
    walk->dom = src.conn->driver->lookup_by_name(src.conn, "h", NULL);
    ck_assert_ptr_nonnull(walk->dom);
}

static gboolean
has_one_record(struct host *host)
{
    g_auto(GStrv) tokens = host->store.real->ops->list(host->store.real,
                                                       NULL);

    return tokens && tokens[0] && !tokens[1];
}

START_TEST(a_commit_is_kept_until_the_source_has_acted)
{
    struct walk walk, other;

    host_stop(&dst);
    dst.config.keep_ended_ms = 1;
    dst.config.finish_timeout_ms = 50;
    host_start(&dst);
    other_guest(&other);
    ck_assert(walk_begin(&other));
    walk_to_committed(&walk);
    host_stop(&src);
    /* Two sweeps later, which end those of another guest, it is there. */
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(walk_prepare(&other), "%s", other.err->message);
        wait_for(has_one_record, &dst);
        g_clear_pointer(&other.prepare, g_bytes_unref);
        g_clear_pointer(&other.uri, g_free);
    }
    ck_assert(!no_decisions(&dst));
    host_start(&src);
    ck_assert(src.conn->driver->domain_destroy(src.conn, other.dom, NULL));
    walk_clear(&other);
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { power_lost_before_the_commit, 2 },
        { a_dying_copy_is_none, 1 },
        { a_copy_that_nobody_can_see, 2 },
        { power_lost_after_the_commit, 1 },
        { power_lost_on_both_sides, 1 },
        { power_lost_and_the_other_log, 1 },
        { source_forgets_in_doubt, 2 },
        { not_sent_unless_it_is_on_disk, 1 },
        { given_away_is_not_started_again, 1 },
        { a_denial_acknowledges_nothing, 1 },
        { forgotten_there_is_acknowledged, 2 },
        { another_log_acknowledges_nothing, 1 },
        { given_away_may_be_forced, 1 },
        { a_commit_is_kept_until_the_source_has_acted, 1 },
        { NULL, 0 }
    };

    return xf_unit_main_rows("power", tests, XF_UNIT_TIMEOUT,
                             world_setup, world_teardown);
}
