/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clients that mix up handoffs, come too late, or bring half a cookie. */
#include "config.h"

#include "protocol/cookie.h"
#include "tests/unit/engine-world.h"

#include <string.h>

static void
said(struct walk *walk, int code, const char *words)
{
    ck_assert_msg(g_error_matches(walk->err, XF_ERROR, code)
                      && strstr(walk->err->message, words),
                  "expected code %d with '%s', got: %s", code, words,
                  walk->err ? walk->err->message : "no error");
}

START_TEST(perform_after_confirm)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    g_clear_pointer(&walk.perform, g_bytes_unref);
    ck_assert(!walk_perform(&walk));
    said(&walk, XF_ERROR_OPERATION_INVALID, "no migration under way");
    ck_assert(!walk_confirm(&walk, TRUE, NULL));
    said(&walk, XF_ERROR_OPERATION_INVALID, "no migration under way");
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(perform_after_a_cancelling_confirm)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    ck_assert(!walk_perform(&walk));
    ck_assert(!walk_finish(&walk, TRUE));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* One handoff that ended, and another of the same guest: what the first left
 * behind opens nothing of the second. */
START_TEST(stale_cookies)
{
    struct walk old, walk;

    walk_init(&old);
    walk_to_performed(&old);
    ck_assert(!walk_finish(&old, TRUE));
    ck_assert(walk_confirm(&old, TRUE, NULL));
    settled_on(&src);

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert(!walk_finish(&old, FALSE));
    said(&old, XF_ERROR_OPERATION_FAILED, "cookie is of another");
    ck_assert(!walk_confirm(&walk, FALSE, old.perform));
    said(&walk, XF_ERROR_INVALID_ARG, "another migration");
    ck_assert(!walk_confirm(&walk, TRUE, old.perform));
    ck_assert(waits_suspended(&src));
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    walk_clear(&old);
    walk_clear(&walk);
}
END_TEST

START_TEST(prepare_cookie_of_an_earlier_handoff)
{
    struct walk old, walk;

    walk_init(&old);
    ck_assert(walk_begin(&old) && walk_prepare(&old));
    ck_assert(walk_confirm(&old, TRUE, NULL));
    ck_assert(!walk_finish(&old, TRUE));

    walk_init(&walk);
    ck_assert(walk_begin(&walk));
    walk.prepare = g_bytes_ref(old.prepare);
    walk.uri = g_strdup(old.uri);
    ck_assert(!walk_perform(&walk));
    said(&walk, XF_ERROR_INVALID_ARG, "another migration");
    settled_on(&src);
    moves_from(&src);
    walk_clear(&old);
    walk_clear(&walk);
}
END_TEST

/* Confirm with the first bytes of the right cookie: never taken for it. */
START_TEST(cut_cookies)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert(walk_finish(&walk, FALSE));

    /* what ends after the root element is whole */
    gsize len = g_bytes_get_size(walk.finish) - 3;

    for (gsize cut = 1; cut < len; cut++) {
        g_autoptr(GBytes) part = g_bytes_new_from_bytes(walk.finish, 0, cut);

        ck_assert_msg(!walk_confirm(&walk, FALSE, part), "%zu of %zu", cut,
                      len);
    }
    ck_assert(waits_suspended(&src));
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* As a version that had no decisions log and gave no proof wrote it. */
static void
make_older(GBytes **bytes)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_cookie) *cookie = xf_cookie_parse(*bytes, &err);

    ck_assert_msg(cookie != NULL, "%s", err ? err->message : "");
    cookie->log[0] = '\0';
    cookie->has_log_key = FALSE;
    cookie->has_proof = FALSE;
    g_clear_pointer(&cookie->state, g_free);
    g_bytes_unref(*bytes);
    *bytes = xf_cookie_format(cookie);
}

static void
walk_to_performed_as_older(struct walk *walk)
{
    walk_init(walk);
    ck_assert(walk_begin(walk));
    make_older(&walk->begin);
    ck_assert(walk_prepare(walk));
    make_older(&walk->prepare);
    ck_assert_msg(walk_perform(walk), "%s", walk->err->message);
    make_older(&walk->perform);
}

/* What such cookies do not say is asked for. */
START_TEST(older_cookies_of_a_commit)
{
    struct walk walk;

    walk_to_performed_as_older(&walk);
    ck_assert(walk_finish(&walk, FALSE));
    make_older(&walk.finish);
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

START_TEST(older_cookies_of_no_commit)
{
    struct walk walk;

    walk_to_performed_as_older(&walk);
    ck_assert(walk_confirm(&walk, FALSE, walk.perform));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* A client that cannot know the key says that the destination committed. */
START_TEST(a_made_up_proof)
{
    struct walk walk;
    g_autoptr(GError) err = NULL;

    walk_init(&walk);
    walk_to_performed(&walk);

    XF_AUTO(xf_cookie) *cookie = xf_cookie_parse(walk.perform, &err);

    ck_assert_msg(cookie != NULL, "%s", err ? err->message : "");
    cookie->has_proof = TRUE;
    memset(cookie->proof, 0x5a, sizeof(cookie->proof));

    g_autoptr(GBytes) bytes = xf_cookie_format(cookie);

    ck_assert(walk_confirm(&walk, FALSE, bytes));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* The destination's own, but from before it decided anything. */
START_TEST(confirmed_with_prepares_cookie)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert(walk_confirm(&walk, FALSE, walk.prepare));
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(destination_restarts_before_perform)
{
    struct walk walk;

    walk_init(&walk);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));
    host_stop(&dst);
    host_start(&dst);
    ck_assert(!walk_perform(&walk));
    said(&walk, XF_ERROR_DENIED, "it runs on here");
    ck_assert(!walk_finish(&walk, TRUE));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* Two clients, each over connections of its own. */
START_TEST(two_clients_one_guest)
{
    struct walk first, second;
    struct xf_conn *mine = src.conn;

    walk_init(&first);
    walk_init(&second);
    ck_assert(walk_begin(&first) && walk_prepare(&first));
    src.conn = xf_engine_open(src.engine);
    ck_assert(!walk_begin(&second));
    said(&second, XF_ERROR_OPERATION_INVALID, "already being migrated");
    xf_conn_close(src.conn);
    src.conn = mine;
    ck_assert_msg(walk_perform(&first), "%s", first.err->message);
    ck_assert(walk_finish(&first, FALSE));
    ck_assert(walk_confirm(&first, FALSE, first.finish));
    settled_on(&dst);
    walk_clear(&first);
    walk_clear(&second);
}
END_TEST

/* Without its cookie the second could have had the first's cancelled. */
START_TEST(another_client_confirms)
{
    struct walk walk;
    struct xf_conn *mine = src.conn;

    walk_init(&walk);
    for (int performed = 0; performed < 2; performed++) {
        ck_assert(performed ? walk_perform(&walk)
                            : walk_begin(&walk) && walk_prepare(&walk));
        src.conn = xf_engine_open(src.engine);
        ck_assert(!walk_confirm(&walk, TRUE, NULL));
        said(&walk, XF_ERROR_OPERATION_INVALID, "another client");
        xf_conn_close(src.conn);
        src.conn = mine;
    }
    ck_assert(walk_finish(&walk, FALSE));
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

/* -- other tools -- */

/* As xl save or xl migrate do, which may have sent it away by now. */
START_TEST(another_tool_suspends_it)
{
    struct walk walk;
    struct xf_hv_domain info;

    walk_init(&walk);
    ck_assert(walk_begin(&walk) && walk_prepare(&walk));
    ck_assert(guest_on(&src, &info));
    xf_sim_suspend(src.dir, info.domid);
    ck_assert(!walk_perform(&walk));
    said(&walk, XF_ERROR_OPERATION_INVALID, "by another tool");
    ck_assert(!walk_finish(&walk, TRUE));
    wait_for(no_records, &src);
    wait_for(no_records, &dst);
    ck_assert(waits_suspended(&src));
    ck_assert(src.hv->ops->resume(src.hv, info.domid, FALSE, NULL));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        perform_after_confirm, perform_after_a_cancelling_confirm,
        stale_cookies, prepare_cookie_of_an_earlier_handoff, cut_cookies,
        older_cookies_of_a_commit, older_cookies_of_no_commit,
        a_made_up_proof, confirmed_with_prepares_cookie,
        destination_restarts_before_perform, two_clients_one_guest,
        another_client_confirms, another_tool_suspends_it, NULL
    };

    return xf_unit_main_fixture("lies", tests, world_setup, world_teardown);
}
