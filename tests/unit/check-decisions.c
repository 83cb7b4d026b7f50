/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decisions log: that what it said to be on disk is there after any
 * crash, and that damage is noticed.
 */
#include "config.h"

#include "tests/unit/common.h"
#include "tests/unit/decisions-world.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* -- what it remembers -- */

START_TEST(remembers)
{
    log_must_add(XF_DECISION_COMMITTED, 1);
    log_must_add(XF_DECISION_GIVEN_AWAY, 2);
    log_must_add(XF_DECISION_GIVEN_AWAY, 2);
    for (int i = 0; i < 2; i++) {
        g_autoptr(GPtrArray) all = xf_decisions_all(the_log);

        log_must_have(XF_DECISION_COMMITTED, 1);
        log_must_have(XF_DECISION_GIVEN_AWAY, 2);
        ck_assert(!log_has(3));
        ck_assert_uint_eq(all->len, 2);
        log_open_again();
    }
}
END_TEST

START_TEST(odd_texts)
{
    static const char *const texts[] = { "", "-", "a\nb", "\xc3\xa4 b", "%2D",
                                         "::1" };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct xf_decision d = log_decision(XF_DECISION_COMMITTED, i);

        d.name = d.peer_host = (char *)texts[i];
        ck_assert(xf_decisions_add(the_log, &d, NULL));
    }
    log_open_again();
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct xf_decision want = log_decision(XF_DECISION_COMMITTED, i);
        XF_AUTO(xf_decision) *d = xf_decisions_find(the_log, want.token);

        ck_assert_ptr_nonnull(d);
        ck_assert_str_eq(d->name, texts[i]);
        ck_assert_str_eq(d->peer_host, texts[i]);
    }
}
END_TEST

START_TEST(forgets_what_is_acknowledged)
{
    log_must_add(XF_DECISION_COMMITTED, 1);
    log_must_add(XF_DECISION_COMMITTED, 2);
    log_acknowledge(1);
    log_acknowledge(1);
    log_acknowledge(3);
    ck_assert(!log_has(1));
    log_open_again();
    ck_assert(!log_has(1));
    log_must_have(XF_DECISION_COMMITTED, 2);
}
END_TEST

START_TEST(stays_small)
{
    gsize len, first;

    g_free(log_contents(&first));
    log_must_add(XF_DECISION_GIVEN_AWAY, 1000);
    for (guint i = 1; i < 500; i++) {
        log_must_add(XF_DECISION_COMMITTED, i);
        log_acknowledge(i);
    }
    g_free(log_contents(&len));
    ck_assert_uint_lt(len, first + 100 * 300);
    log_open_again();
    log_must_have(XF_DECISION_GIVEN_AWAY, 1000);
    ck_assert(!log_has(1) && !log_has(499));
}
END_TEST

START_TEST(given_away_until_it_comes_back)
{
    struct xf_decision back = log_decision(XF_DECISION_COMMITTED, 9);
    struct xf_decision gone = log_decision(XF_DECISION_GIVEN_AWAY, 1);

    log_must_add(XF_DECISION_GIVEN_AWAY, 1);
    for (int i = 0; i < 2; i++) {
        XF_AUTO(xf_decision) *d = xf_decisions_elsewhere(the_log,
                                                          gone.uuid);

        ck_assert(d && strcmp(d->token, gone.token) == 0);
        ck_assert_ptr_null(xf_decisions_elsewhere(the_log, back.uuid));
        log_open_again();
    }
    memcpy(back.uuid, gone.uuid, XF_UUID_LEN);
    ck_assert(xf_decisions_add(the_log, &back, NULL));
    ck_assert_ptr_null(xf_decisions_elsewhere(the_log, gone.uuid));
    log_open_again();
    ck_assert_ptr_null(xf_decisions_elsewhere(the_log, gone.uuid));
}
END_TEST

/* As it was written before it had the destination's log. */
START_TEST(given_away_without_a_log)
{
    g_autofree char *text = NULL, *more = NULL, *sum = NULL, *all = NULL;
    struct xf_decision d = log_decision(XF_DECISION_GIVEN_AWAY, 2);
    gsize len;

    text = log_contents(&len);
    more = g_strdup_printf("given-away %s 02000000-0000-0000-0000-"
                           "000000000000 %064d 5 -1 0 49217 host name",
                           d.token, 7);
    sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, more, -1);
    all = g_strdup_printf("%s%.16s %s\n", text, sum, more);
    ck_assert(g_file_set_contents(log_file, all, -1, NULL));
    for (int i = 0; i < 2; i++) {
        log_open_again();

        XF_AUTO(xf_decision) *old = xf_decisions_find(the_log, d.token);

        ck_assert_ptr_nonnull(old);
        ck_assert_int_eq(old->kind, XF_DECISION_GIVEN_AWAY);
        ck_assert_ptr_null(old->peer_log);
        ck_assert_str_eq(old->name, "name");
    }
}
END_TEST

START_TEST(being_sent_may_be_elsewhere)
{
    struct xf_decision sent = log_decision(XF_DECISION_SENDING, 1);

    log_must_add(XF_DECISION_SENDING, 1);
    log_must_add(XF_DECISION_SENDING, 2);
    for (int i = 0; i < 2; i++) {
        XF_AUTO(xf_decision) *d = xf_decisions_elsewhere(the_log, sent.uuid);

        log_must_have(XF_DECISION_SENDING, 1);
        log_must_have(XF_DECISION_SENDING, 2);
        ck_assert(d && d->kind == XF_DECISION_SENDING);
        log_open_again();
    }
    log_acknowledge(1);
    ck_assert_ptr_null(xf_decisions_elsewhere(the_log, sent.uuid));
}
END_TEST

/* They share their fsync()s, and each of them is on disk. */
static gpointer
add_many(gpointer data)
{
    guint first = GPOINTER_TO_UINT(data);

    for (guint i = 0; i < 50; i++)
        log_must_add(XF_DECISION_COMMITTED, first + i);
    for (guint i = 0; i < 50; i += 2)
        log_acknowledge(first + i);
    return NULL;
}

START_TEST(many_at_a_time)
{
    GThread *threads[8];

    for (guint i = 0; i < 8; i++)
        threads[i] = g_thread_new("add", add_many,
                                  GUINT_TO_POINTER(1000 * (i + 1)));
    for (guint i = 0; i < 8; i++)
        g_thread_join(threads[i]);
    log_open_again();
    for (guint i = 0; i < 400; i++) {
        guint number = 1000 * (i / 50 + 1) + i % 50;

        if (i % 2)
            log_must_have(XF_DECISION_COMMITTED, number);
        else
            ck_assert(!log_has(number));
    }
}
END_TEST

/* -- who it is -- */

START_TEST(identity_is_the_file_s)
{
    g_autofree char *identity = g_strdup(xf_decisions_identity(the_log));
    guint8 key[XF_KEY_LEN], other[XF_KEY_LEN];
    const char *token = "00000000000000000000000000000001";

    ck_assert(xf_token_valid(identity));
    xf_decisions_token_key(the_log, token, key);
    xf_decisions_token_key(the_log, "00000000000000000000000000000002",
                           other);
    ck_assert_mem_ne(key, other, XF_KEY_LEN);
    log_open_again();
    ck_assert_str_eq(xf_decisions_identity(the_log), identity);
    xf_decisions_token_key(the_log, token, other);
    ck_assert_mem_eq(key, other, XF_KEY_LEN);

    ck_assert_int_eq(g_unlink(log_file), 0);
    log_open_again();
    ck_assert_str_ne(xf_decisions_identity(the_log), identity);
    xf_decisions_token_key(the_log, token, other);
    ck_assert_mem_ne(key, other, XF_KEY_LEN);
}
END_TEST

START_TEST(is_nobody_else_s)
{
    struct stat st;

    ck_assert_int_eq(stat(log_file, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(log_dir, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
}
END_TEST

START_TEST(one_process_at_a_time)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        g_autoptr(GError) err = NULL;
        struct xf_decisions *second = xf_decisions_open(log_dir, &err);

        _exit(second ? 1 : strstr(err->message, "another daemon") ? 0 : 2);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* -- crashes -- */

static void
must_be_damaged(const char *words)
{
    g_autoptr(GError) err = NULL;

    xf_decisions_close(the_log);
    the_log = xf_decisions_open(log_dir, &err);
    ck_assert_ptr_null(the_log);
    ck_assert_msg(strstr(err->message, words), "%s", err->message);
}

/* Cut at every byte of the last line, and overwritten there: what was said
 * to be on disk before it is there, and the log goes on. */
START_TEST(a_torn_last_line_is_cut_off)
{
    gsize whole, with_last;

    log_must_add(XF_DECISION_COMMITTED, 1);
    g_free(log_contents(&whole));
    log_must_add(XF_DECISION_GIVEN_AWAY, 2);

    g_autofree char *text = log_contents(&with_last);

    for (gsize len = whole; len < 2 * with_last - whole; len += 7) {
        g_autofree char *torn = g_memdup2(text, with_last);
        gsize keep = len < with_last ? len : with_last;

        if (len >= with_last)       /* its pages came out of order */
            torn[len - (with_last - whole)] ^= 1;
        ck_assert(g_file_set_contents(log_file, torn, keep, NULL));
        log_open_again();
        log_must_have(XF_DECISION_COMMITTED, 1);
        ck_assert_msg(!log_has(2), "%zu", len);
        log_must_add(XF_DECISION_COMMITTED, 3);
        log_open_again();
        log_must_have(XF_DECISION_COMMITTED, 1);
        log_must_have(XF_DECISION_COMMITTED, 3);
    }
}
END_TEST

/* Three at a time, which share a sync that does not come to its end, and
 * acknowledgements, which nobody waits for: any of their pages may be on disk,
 * and any not. */
static void
cut_from(const char *text, gsize whole, gsize len, guint torn)
{
    g_autofree char *copy = g_strndup(text, len);
    char *at = copy + whole;

    for (guint line = 0; at < copy + len; line++) {
        char *end = memchr(at, '\n', copy + len - at);

        if (torn & 1u << line)
            memset(at, 0, end - at);
        at = end + 1;
    }
    ck_assert(g_file_set_contents(log_file, copy, len, NULL));
}

START_TEST(several_torn_lines_are_cut_off)
{
    g_autofree char *text = NULL;
    gsize whole, len;

    log_must_add(XF_DECISION_COMMITTED, 1);
    log_must_add(XF_DECISION_COMMITTED, 2);
    log_must_add(XF_DECISION_COMMITTED, 3);
    log_must_add(XF_DECISION_COMMITTED, 4);
    g_free(log_contents(&whole));
    log_acknowledge(1);
    log_acknowledge(2);
    log_acknowledge(3);
    text = log_contents(&len);
    for (guint torn = 1; torn < 8; torn++) {
        cut_from(text, whole, len, torn);
        log_open_again();
        log_must_have(XF_DECISION_COMMITTED, 4);
        log_must_have(XF_DECISION_COMMITTED, 3);
        ck_assert_int_eq(log_has(1), (torn & 1) != 0);
        ck_assert_int_eq(log_has(2), (torn & 3) != 0);
    }
}
END_TEST

START_TEST(a_torn_line_that_was_on_disk_is_noticed)
{
    g_autofree char *text = NULL;
    gsize whole, len;

    log_must_add(XF_DECISION_COMMITTED, 1);
    g_free(log_contents(&whole));
    log_must_add(XF_DECISION_COMMITTED, 2);
    log_acknowledge(1);
    text = log_contents(&len);
    cut_from(text, whole, len, 1);
    must_be_damaged("line 3 is damaged");
    ck_assert(g_file_set_contents(log_file, text, len, NULL));
    log_open_again();
    log_must_have(XF_DECISION_COMMITTED, 2);
}
END_TEST

START_TEST(zeros_at_the_end_are_cut_off)
{
    g_autofree char *text = NULL;
    gsize len;

    log_must_add(XF_DECISION_COMMITTED, 1);
    text = log_contents(&len);
    text = g_realloc(text, len + 4096);
    memset(text + len, 0, 4096);
    ck_assert(g_file_set_contents(log_file, text, len + 4096, NULL));
    log_open_again();
    log_must_have(XF_DECISION_COMMITTED, 1);
    g_free(log_contents(&len));
    ck_assert_uint_lt(len, 4096);
}
END_TEST

START_TEST(other_damage_is_noticed)
{
    gsize len, first;

    g_free(log_contents(&first));
    log_must_add(XF_DECISION_COMMITTED, 1);
    log_must_add(XF_DECISION_COMMITTED, 2);

    g_autofree char *text = log_contents(&len);

    text[first + 40] ^= 1;
    ck_assert(g_file_set_contents(log_file, text, len, NULL));
    must_be_damaged("line 2 is damaged");
    text[first + 40] ^= 1;
    text[30] ^= 1;
    ck_assert(g_file_set_contents(log_file, text, len, NULL));
    must_be_damaged("line 1 is damaged");
    ck_assert(g_file_set_contents(log_file, text, 0, NULL));
    must_be_damaged("does not begin");
    text[30] ^= 1;
    ck_assert(g_file_set_contents(log_file, text, len, NULL));
    log_open_again();
    log_must_have(XF_DECISION_COMMITTED, 1);
    log_must_have(XF_DECISION_COMMITTED, 2);
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { remembers, 1 },
        { odd_texts, 1 },
        { forgets_what_is_acknowledged, 1 },
        { stays_small, 1 },
        { given_away_until_it_comes_back, 1 },
        { given_away_without_a_log, 1 },
        { being_sent_may_be_elsewhere, 1 },
        { many_at_a_time, 1 },
        { identity_is_the_file_s, 1 },
        { is_nobody_else_s, 1 },
        { one_process_at_a_time, 1 },
        { a_torn_last_line_is_cut_off, 1 },
        { several_torn_lines_are_cut_off, 1 },
        { a_torn_line_that_was_on_disk_is_noticed, 1 },
        { zeros_at_the_end_are_cut_off, 1 },
        { other_damage_is_noticed, 1 },
        { NULL, 0 }
    };

    return xf_unit_main_rows("decisions", tests, XF_UNIT_TIMEOUT,
                             log_set_up, log_tear_down);
}
