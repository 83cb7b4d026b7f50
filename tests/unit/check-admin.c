/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an administrator sees of handoffs, and settles by hand. */
#include "config.h"

#include "tests/unit/engine-world.h"

#include <string.h>

static char token[64];

static gboolean
gone(struct host *host)
{
    struct xf_hv_domain info;

    return !guest_on(host, &info);
}

static gboolean
no_domains(struct host *host)
{
    g_autoptr(GPtrArray) domains = xf_sim_domains(host->dir);

    return domains->len == 0;
}

static gboolean
runs(struct host *host)
{
    struct xf_hv_domain info;

    return guest_on(host, &info) && !info.suspended && !info.paused;
}

/* The host's one handoff; its token goes to `token`. */
static struct xf_handoff_info *
only_one(struct host *host)
{
    g_autoptr(GPtrArray) infos =
        host->conn->driver->list_handoffs(host->conn, NULL);

    ck_assert_ptr_nonnull(infos);
    ck_assert_uint_eq(infos->len, 1);

    struct xf_handoff_info *info = g_ptr_array_steal_index(infos, 0);

    g_strlcpy(token, info->token, sizeof(token));
    return info;
}

static void
shows(struct host *host, const char *side, const char *state,
      const char *next)
{
    XF_AUTO(xf_handoff_info) *info = only_one(host);

    ck_assert_str_eq(info->name, "g");
    ck_assert_str_eq(info->uuid, GUEST_UUID);
    ck_assert_str_eq(info->side, side);
    ck_assert_str_eq(info->state, state);
    ck_assert_msg(strstr(info->next, next), "%s", info->next);
    ck_assert(ABS(g_get_real_time() - info->since) < 600 * G_USEC_PER_SEC);
}

/* What is next is done by itself, in so many ms from when the state came. */
static void
shows_time(struct host *host, guint limit_ms)
{
    XF_AUTO(xf_handoff_info) *info = only_one(host);
    gint64 off = info->next_time - info->since - limit_ms * (gint64)1000;

    ck_assert_msg(ABS(off) < G_USEC_PER_SEC, "%s: off by %" G_GINT64_FORMAT
                  " us", info->next, off);
}

static void
resolves(struct host *host, enum xf_assume what, const char *state)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *now =
        host->conn->driver->resolve_handoff(host->conn, token, what, &err);

    ck_assert_msg(now != NULL, "%s", err ? err->message : "");
    ck_assert_str_eq(now, state);
}

static void
refuses(struct host *host, enum xf_assume what, int code, const char *words)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *now =
        host->conn->driver->resolve_handoff(host->conn, token, what, &err);

    ck_assert_ptr_null(now);
    ck_assert_msg(g_error_matches(err, XF_ERROR, code)
                      && strstr(err->message, words),
                  "code %d: %s", err->code, err->message);
}

static gboolean
has_none(struct host *host)
{
    g_autoptr(GPtrArray) infos =
        host->conn->driver->list_handoffs(host->conn, NULL);

    return infos && infos->len == 0;
}

/* Performed; then the destination is away, and the client gives up. */
static void
in_doubt(struct walk *walk)
{
    walk_init(walk);
    walk_to_performed(walk);
    host_stop(&dst);
    host_impatient(&src);
    ck_assert(!walk_confirm(walk, TRUE, NULL));
    ck_assert(waits_suspended(&src));
    walk_clear(walk);
}

static gboolean
waits_for_next_try(struct host *host)
{
    XF_AUTO(xf_handoff_info) *info = only_one(host);

    return info->next_time != 0 && *info->trouble;
}

/* -- seeing -- */

START_TEST(step_by_step)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk));
    shows(&src, "source", "begun", "waits for its client");
    ck_assert(walk_prepare(&walk));
    shows(&dst, "destination", "prepared", "waits for the domain");
    shows_time(&dst, dst.config.finish_timeout_ms);
    ck_assert(walk_perform(&walk));
    shows(&src, "source", "performed", "waits for its client");
    shows_time(&src, src.config.confirm_timeout_ms);
    shows(&dst, "destination", "received", "keeps the copy");
    shows_time(&dst, dst.config.finish_timeout_ms);
    ck_assert(walk_finish(&walk, FALSE));
    shows(&dst, "destination", "committed", "waits for the source");
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);

    wait_for(has_none, &src);
    wait_for(has_none, &dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(doubt_has_a_reason_and_a_time)
{
    struct walk walk;

    host_stop(&src);
    src.config.retry_first_ms = src.config.retry_max_ms = 1000 * 1000;
    host_start(&src);
    in_doubt(&walk);
    shows(&src, "source", "in-doubt", "asks the destination again");
    wait_for(waits_for_next_try, &src);
    host_start(&dst);
    /* Its own next try is far away: it is this question that settles it. */
    host_patient(&src);
    resolves(&src, XF_ASSUME_NOTHING, "cancelled");
    settled_on(&src);
}
END_TEST

struct heard {
    gint doubted, resumed;      /* atomic */
};

static void
hears(void *user, const struct xf_notice *notice)
{
    struct heard *heard = user;

    if (notice->kind != XF_NOTICE_LIFECYCLE)
        return;
    if (notice->event == XF_LIFE_SUSPENDED
        && notice->detail == XF_SUSPENDED_API_ERROR)
        g_atomic_int_inc(&heard->doubted);
    if (notice->event == XF_LIFE_RESUMED)
        g_atomic_int_inc(&heard->resumed);
}

START_TEST(doubt_is_told)
{
    struct walk walk;
    struct heard heard = { 0 };

    ck_assert(src.conn->driver->listen(src.conn, hears, &heard, NULL, NULL));
    in_doubt(&walk);
    ck_assert_int_eq(g_atomic_int_get(&heard.doubted), 1);
    ck_assert_int_eq(g_atomic_int_get(&heard.resumed), 0);
    host_start(&dst);
    settled_on(&src);
    ck_assert_int_eq(g_atomic_int_get(&heard.doubted), 1);
    ck_assert_int_eq(g_atomic_int_get(&heard.resumed), 1);
}
END_TEST

/* -- not to be touched -- */

START_TEST(what_its_client_is_at_is_left_alone)
{
    static const enum xf_assume all[] = {
        XF_ASSUME_NOTHING, XF_ASSUME_COMMITTED, XF_ASSUME_REVOKED,
    };
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
        shows(&src, "source", "performed", "");
        refuses(&src, all[i], XF_ERROR_OPERATION_INVALID, "it is performed");
        shows(&dst, "destination", "received", "");
        refuses(&dst, all[i], XF_ERROR_OPERATION_INVALID, "it is received");
    }
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(unknown_tokens)
{
    g_strlcpy(token, "nothing", sizeof(token));
    refuses(&src, XF_ASSUME_NOTHING, XF_ERROR_OPERATION_INVALID,
            "has no handoff 'nothing'");
    refuses(&src, XF_ASSUME_REVOKED, XF_ERROR_OPERATION_INVALID,
            "has no handoff 'nothing'");
}
END_TEST

/* -- asking and deciding -- */

START_TEST(asked_in_vain)
{
    struct walk walk;

    in_doubt(&walk);
    shows(&src, "source", "in-doubt", "");
    refuses(&src, XF_ASSUME_NOTHING, XF_ERROR_IN_DOUBT, "still");
    ck_assert(waits_suspended(&src));
    host_start(&dst);
    settled_on(&src);
}
END_TEST

/* The destination is gone for good, and its copy with it. */
START_TEST(source_takes_it_back)
{
    struct walk walk;

    in_doubt(&walk);
    host_reboots(&dst);
    shows(&src, "source", "in-doubt", "");
    resolves(&src, XF_ASSUME_REVOKED, "cancelled");
    wait_for(runs, &src);
    refuses(&src, XF_ASSUME_COMMITTED, XF_ERROR_OPERATION_INVALID, "");
    host_start(&dst);
    settled_on(&src);
    moves_from(&src);
}
END_TEST

START_TEST(source_lets_it_go)
{
    struct walk walk;

    in_doubt(&walk);
    shows(&src, "source", "in-doubt", "");
    resolves(&src, XF_ASSUME_COMMITTED, "done");
    wait_for(gone, &src);
    shows(&src, "source", "done", "tells the destination");
    ck_assert(!no_decisions(&src));
    /* ... which will never answer */
    resolves(&src, XF_ASSUME_COMMITTED, "done");
    wait_for(no_records, &src);
    wait_for(no_decisions, &src);
    host_reboots(&dst);
    host_start(&dst);
}
END_TEST

/* ... to a destination that is only away, and has not committed: what waits
 * there is the last copy then, and is let run. */
START_TEST(source_lets_the_last_but_one_go)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_dies(&dst);
    host_impatient(&src);
    ck_assert(!walk_confirm(&walk, TRUE, NULL));
    shows(&src, "source", "in-doubt", "");
    resolves(&src, XF_ASSUME_COMMITTED, "done");
    wait_for(gone, &src);
    host_start(&dst);
    settled_on(&dst);
    moves_from(&dst);
    walk_clear(&walk);
}
END_TEST

/* The source died after its last byte: what is here is all there is. */
START_TEST(destination_makes_it_the_copy)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_dies(&src);
    host_reboots(&src);
    xf_conn_close(dst.conn);
    dst.conn = xf_engine_open(dst.engine);
    host_impatient(&dst);
    shows(&dst, "destination", "received", "keeps the copy");
    refuses(&dst, XF_ASSUME_NOTHING, XF_ERROR_IN_DOUBT, "is received still");
    resolves(&dst, XF_ASSUME_COMMITTED, "committed");
    wait_for(runs, &dst);
    ck_assert(!no_decisions(&dst));
    resolves(&dst, XF_ASSUME_COMMITTED, "committed");
    wait_for(no_decisions, &dst);
    wait_for(no_records, &dst);
    host_start(&src);
    /* it had offered the domain, and asks what came of it */
    wait_for(no_decisions, &src);
    walk_clear(&walk);
    wait_for(no_decisions, &src);
    moves_from(&dst);
}
END_TEST

/* The source was switched off meanwhile.  Taken for revoked there, the copy that
 * waits here would be destroyed. */
START_TEST(the_last_copy_is_not_given_up)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_dies(&src);
    host_reboots(&src);
    client_of(&dst);
    host_start(&src);
    shows(&src, "source", "in-doubt", "");
    refuses(&src, XF_ASSUME_REVOKED, XF_ERROR_OPERATION_INVALID,
            "has no copy of domain 'g' any more, and 127.0.0.1 has one");
    shows(&src, "source", "in-doubt", "");
    shows(&dst, "destination", "received", "");
    resolves(&dst, XF_ASSUME_COMMITTED, "committed");
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* It is gone, and that is in the record. */
static gboolean
waits_for_its_source(struct host *host)
{
    XF_AUTO(xf_handoff_info) *info = only_one(host);

    return strstr(info->next, "waits for the source") != NULL;
}

/* Nobody ever says what is to become of it. */
START_TEST(a_kept_copy_goes_in_the_end)
{
    struct walk walk;

    host_stop(&dst);
    dst.config.keep_orphan_ms = 2000;
    host_start(&dst);
    walk_init(&walk);
    walk_to_performed(&walk);
    host_dies(&src);
    host_reboots(&src);
    ck_assert(!walk_finish(&walk, TRUE));
    shows(&dst, "destination", "received", "paused, until ");
    wait_for(no_domains, &dst);
    wait_for(waits_for_its_source, &dst);
    shows(&dst, "destination", "revoked", "waits for the source");
    shows_time(&dst, dst.config.keep_ended_ms);
    /* which is told so, and forgets what it was sending */
    host_start(&src);
    wait_for(no_decisions, &src);
    wait_for(no_records, &src);
    wait_for(no_records, &dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(destination_gives_it_up)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    host_dies(&src);
    xf_conn_close(dst.conn);
    dst.conn = xf_engine_open(dst.engine);
    shows(&dst, "destination", "received", "keeps the copy");
    resolves(&dst, XF_ASSUME_REVOKED, "revoked");
    host_start(&src);
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        step_by_step, doubt_has_a_reason_and_a_time, doubt_is_told,
        what_its_client_is_at_is_left_alone, unknown_tokens, asked_in_vain,
        source_takes_it_back, source_lets_it_go,
        source_lets_the_last_but_one_go,
        destination_makes_it_the_copy, the_last_copy_is_not_given_up, a_kept_copy_goes_in_the_end,
        destination_gives_it_up, NULL
    };

    return xf_unit_main_fixture("admin", tests, world_setup, world_teardown);
}
