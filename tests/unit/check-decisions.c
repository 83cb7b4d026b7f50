/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decisions log: that what it said to be on disk is there after any
 * crash, that what it refused is not, and that damage is noticed.
 */
#include "config.h"

#include "protocol/decisions.h"
#include "tests/unit/common.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir, *file;
static struct xf_decisions *the_log;

static void
open_again(void)
{
    g_autoptr(GError) err = NULL;

    xf_decisions_close(the_log);
    the_log = xf_decisions_open(dir, &err);
    ck_assert_msg(the_log != NULL, "%s", err ? err->message : "");
}

static void
set_up(void)
{
    g_autofree char *base = g_dir_make_tmp("xenferry-log-XXXXXX", NULL);

    ck_assert_ptr_nonnull(base);
    dir = g_build_filename(base, "state", NULL);
    file = g_build_filename(dir, "decisions", NULL);
    the_log = NULL;
    open_again();
}

static void
tear_down(void)
{
    static const char *const names[] = { "decisions", "decisions.new",
                                         "lock" };
    g_autofree char *base = g_path_get_dirname(dir);

    xf_decisions_close(the_log);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(dir, names[i], NULL);

        g_unlink(path);
    }
    g_rmdir(dir);
    g_rmdir(base);
    g_free(file);
    g_free(dir);
}

static struct xf_decision
decision(enum xf_decision_kind kind, guint number)
{
    struct xf_decision d = {
        .kind = kind,
        .time = 1700000000000000 + number,
        .domid = (int)number,
        .paused = number % 2,
        .peer_host = (char *)"peer.example",
        .peer_port = 49217,
        .name = (char *)"a guest, 100% \"new\"",
    };

    g_snprintf(d.token, sizeof(d.token), "%032x", number);
    memcpy(d.uuid, &number, sizeof(number));
    memset(d.key, 0xa0 + number, XF_KEY_LEN);
    if (kind != XF_DECISION_COMMITTED) {
        memset(d.peer_log_key, 0x50 + number, XF_KEY_LEN);
        if (number % 2)
            d.peer_log = (char *)"0123456789abcdef0123456789abcdef";
    }
    return d;
}

static gboolean
add(enum xf_decision_kind kind, guint number, GError **err)
{
    struct xf_decision d = decision(kind, number);

    return xf_decisions_add(the_log, &d, err);
}

static void
must_add(enum xf_decision_kind kind, guint number)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(add(kind, number, &err), "%s", err ? err->message : "");
}

static void
must_have(enum xf_decision_kind kind, guint number)
{
    struct xf_decision want = decision(kind, number);
    XF_AUTO(xf_decision) *d = xf_decisions_find(the_log, want.token);

    ck_assert_msg(d != NULL, "decision %u is gone", number);
    ck_assert_int_eq(d->kind, want.kind);
    ck_assert_str_eq(d->token, want.token);
    ck_assert_mem_eq(d->uuid, want.uuid, XF_UUID_LEN);
    ck_assert_mem_eq(d->key, want.key, XF_KEY_LEN);
    ck_assert_int_eq(d->time, want.time);
    ck_assert_int_eq(d->domid, want.domid);
    ck_assert_int_eq(d->paused, want.paused);
    ck_assert_str_eq(d->peer_host, want.peer_host);
    ck_assert_uint_eq(d->peer_port, want.peer_port);
    ck_assert_str_eq(d->name, want.name);
    ck_assert_pstr_eq(d->peer_log, want.peer_log);
    ck_assert_mem_eq(d->peer_log_key, want.peer_log_key, XF_KEY_LEN);
}

static gboolean
has(guint number)
{
    struct xf_decision want = decision(XF_DECISION_COMMITTED, number);
    XF_AUTO(xf_decision) *d = xf_decisions_find(the_log, want.token);

    return d != NULL;
}

static void
acknowledge(guint number)
{
    struct xf_decision d = decision(XF_DECISION_COMMITTED, number);

    ck_assert(xf_decisions_acknowledge(the_log, d.token, NULL));
}

static char *
contents(gsize *len)
{
    char *text;

    ck_assert(g_file_get_contents(file, &text, len, NULL));
    return text;
}

/* -- what it remembers -- */

START_TEST(remembers)
{
    must_add(XF_DECISION_COMMITTED, 1);
    must_add(XF_DECISION_GIVEN_AWAY, 2);
    must_add(XF_DECISION_GIVEN_AWAY, 2);
    for (int i = 0; i < 2; i++) {
        g_autoptr(GPtrArray) all = xf_decisions_all(the_log);

        must_have(XF_DECISION_COMMITTED, 1);
        must_have(XF_DECISION_GIVEN_AWAY, 2);
        ck_assert(!has(3));
        ck_assert_uint_eq(all->len, 2);
        open_again();
    }
}
END_TEST

START_TEST(odd_texts)
{
    static const char *const texts[] = { "", "-", "a\nb", "\xc3\xa4 b", "%2D",
                                         "::1" };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct xf_decision d = decision(XF_DECISION_COMMITTED, i);

        d.name = d.peer_host = (char *)texts[i];
        ck_assert(xf_decisions_add(the_log, &d, NULL));
    }
    open_again();
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct xf_decision want = decision(XF_DECISION_COMMITTED, i);
        XF_AUTO(xf_decision) *d = xf_decisions_find(the_log, want.token);

        ck_assert_ptr_nonnull(d);
        ck_assert_str_eq(d->name, texts[i]);
        ck_assert_str_eq(d->peer_host, texts[i]);
    }
}
END_TEST

START_TEST(forgets_what_is_acknowledged)
{
    must_add(XF_DECISION_COMMITTED, 1);
    must_add(XF_DECISION_COMMITTED, 2);
    acknowledge(1);
    acknowledge(1);
    acknowledge(3);
    ck_assert(!has(1));
    open_again();
    ck_assert(!has(1));
    must_have(XF_DECISION_COMMITTED, 2);
}
END_TEST

START_TEST(stays_small)
{
    gsize len, first;

    g_free(contents(&first));
    must_add(XF_DECISION_GIVEN_AWAY, 1000);
    for (guint i = 1; i < 500; i++) {
        must_add(XF_DECISION_COMMITTED, i);
        acknowledge(i);
    }
    g_free(contents(&len));
    ck_assert_uint_lt(len, first + 100 * 300);
    open_again();
    must_have(XF_DECISION_GIVEN_AWAY, 1000);
    ck_assert(!has(1) && !has(499));
}
END_TEST

START_TEST(given_away_until_it_comes_back)
{
    struct xf_decision back = decision(XF_DECISION_COMMITTED, 9);
    struct xf_decision gone = decision(XF_DECISION_GIVEN_AWAY, 1);

    must_add(XF_DECISION_GIVEN_AWAY, 1);
    for (int i = 0; i < 2; i++) {
        XF_AUTO(xf_decision) *d = xf_decisions_elsewhere(the_log,
                                                          gone.uuid);

        ck_assert(d && strcmp(d->token, gone.token) == 0);
        ck_assert_ptr_null(xf_decisions_elsewhere(the_log, back.uuid));
        open_again();
    }
    memcpy(back.uuid, gone.uuid, XF_UUID_LEN);
    ck_assert(xf_decisions_add(the_log, &back, NULL));
    ck_assert_ptr_null(xf_decisions_elsewhere(the_log, gone.uuid));
    open_again();
    ck_assert_ptr_null(xf_decisions_elsewhere(the_log, gone.uuid));
}
END_TEST

/* As it was written before it had the destination's log. */
START_TEST(given_away_without_a_log)
{
    g_autofree char *text = NULL, *more = NULL, *sum = NULL, *all = NULL;
    struct xf_decision d = decision(XF_DECISION_GIVEN_AWAY, 2);
    gsize len;

    text = contents(&len);
    more = g_strdup_printf("given-away %s 02000000-0000-0000-0000-"
                           "000000000000 %064d 5 -1 0 49217 host name",
                           d.token, 7);
    sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, more, -1);
    all = g_strdup_printf("%s%.16s %s\n", text, sum, more);
    ck_assert(g_file_set_contents(file, all, -1, NULL));
    for (int i = 0; i < 2; i++) {
        open_again();

        XF_AUTO(xf_decision) *old = xf_decisions_find(the_log, d.token);

        ck_assert_ptr_nonnull(old);
        ck_assert_int_eq(old->kind, XF_DECISION_GIVEN_AWAY);
        ck_assert_ptr_null(old->peer_log);
        ck_assert_str_eq(old->name, "name");
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
    open_again();
    ck_assert_str_eq(xf_decisions_identity(the_log), identity);
    xf_decisions_token_key(the_log, token, other);
    ck_assert_mem_eq(key, other, XF_KEY_LEN);

    ck_assert_int_eq(g_unlink(file), 0);
    open_again();
    ck_assert_str_ne(xf_decisions_identity(the_log), identity);
    xf_decisions_token_key(the_log, token, other);
    ck_assert_mem_ne(key, other, XF_KEY_LEN);
}
END_TEST

START_TEST(is_nobody_else_s)
{
    struct stat st;

    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(dir, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
}
END_TEST

START_TEST(one_process_at_a_time)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        g_autoptr(GError) err = NULL;
        struct xf_decisions *second = xf_decisions_open(dir, &err);

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
    the_log = xf_decisions_open(dir, &err);
    ck_assert_ptr_null(the_log);
    ck_assert_msg(strstr(err->message, words), "%s", err->message);
}

/* Cut at every byte of the last line, and overwritten there: what was said
 * to be on disk before it is there, and the log goes on. */
START_TEST(a_torn_last_line_is_cut_off)
{
    gsize whole, with_last;

    must_add(XF_DECISION_COMMITTED, 1);
    g_free(contents(&whole));
    must_add(XF_DECISION_GIVEN_AWAY, 2);

    g_autofree char *text = contents(&with_last);

    for (gsize len = whole; len < 2 * with_last - whole; len += 7) {
        g_autofree char *torn = g_memdup2(text, with_last);
        gsize keep = len < with_last ? len : with_last;

        if (len >= with_last)       /* its pages came out of order */
            torn[len - (with_last - whole)] ^= 1;
        ck_assert(g_file_set_contents(file, torn, keep, NULL));
        open_again();
        must_have(XF_DECISION_COMMITTED, 1);
        ck_assert_msg(!has(2), "%zu", len);
        must_add(XF_DECISION_COMMITTED, 3);
        open_again();
        must_have(XF_DECISION_COMMITTED, 1);
        must_have(XF_DECISION_COMMITTED, 3);
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
    ck_assert(g_file_set_contents(file, copy, len, NULL));
}

START_TEST(several_torn_lines_are_cut_off)
{
    g_autofree char *text = NULL;
    gsize whole, len;

    must_add(XF_DECISION_COMMITTED, 1);
    must_add(XF_DECISION_COMMITTED, 2);
    must_add(XF_DECISION_COMMITTED, 3);
    must_add(XF_DECISION_COMMITTED, 4);
    g_free(contents(&whole));
    acknowledge(1);
    acknowledge(2);
    acknowledge(3);
    text = contents(&len);
    for (guint torn = 1; torn < 8; torn++) {
        cut_from(text, whole, len, torn);
        open_again();
        must_have(XF_DECISION_COMMITTED, 4);
        must_have(XF_DECISION_COMMITTED, 3);
        ck_assert_int_eq(has(1), (torn & 1) != 0);
        ck_assert_int_eq(has(2), (torn & 3) != 0);
    }
}
END_TEST

START_TEST(a_torn_line_that_was_on_disk_is_noticed)
{
    g_autofree char *text = NULL;
    gsize whole, len;

    must_add(XF_DECISION_COMMITTED, 1);
    g_free(contents(&whole));
    must_add(XF_DECISION_COMMITTED, 2);
    acknowledge(1);
    text = contents(&len);
    cut_from(text, whole, len, 1);
    must_be_damaged("line 3 is damaged");
    ck_assert(g_file_set_contents(file, text, len, NULL));
    open_again();
    must_have(XF_DECISION_COMMITTED, 2);
}
END_TEST

START_TEST(zeros_at_the_end_are_cut_off)
{
    g_autofree char *text = NULL;
    gsize len;

    must_add(XF_DECISION_COMMITTED, 1);
    text = contents(&len);
    text = g_realloc(text, len + 4096);
    memset(text + len, 0, 4096);
    ck_assert(g_file_set_contents(file, text, len + 4096, NULL));
    open_again();
    must_have(XF_DECISION_COMMITTED, 1);
    g_free(contents(&len));
    ck_assert_uint_lt(len, 4096);
}
END_TEST

START_TEST(other_damage_is_noticed)
{
    gsize len, first;

    g_free(contents(&first));
    must_add(XF_DECISION_COMMITTED, 1);
    must_add(XF_DECISION_COMMITTED, 2);

    g_autofree char *text = contents(&len);

    text[first + 40] ^= 1;
    ck_assert(g_file_set_contents(file, text, len, NULL));
    must_be_damaged("line 2 is damaged");
    text[first + 40] ^= 1;
    text[30] ^= 1;
    ck_assert(g_file_set_contents(file, text, len, NULL));
    must_be_damaged("line 1 is damaged");
    ck_assert(g_file_set_contents(file, text, 0, NULL));
    must_be_damaged("does not begin");
    text[30] ^= 1;
    ck_assert(g_file_set_contents(file, text, len, NULL));
    open_again();
    must_have(XF_DECISION_COMMITTED, 1);
    must_have(XF_DECISION_COMMITTED, 2);
}
END_TEST

/* -- bad disks -- */

static int writes_left, syncs_left, cuts_left;     /* negative: any number */
static gsize write_most = G_MAXSIZE;

static gboolean
used_up(int *left)
{
    if (*left == 0)
        return TRUE;
    *left -= *left > 0;
    return FALSE;
}

static gssize
bad_write(int fd, const void *data, gsize len)
{
    if (used_up(&writes_left)) {
        errno = ENOSPC;
        return -1;
    }
    return write(fd, data, MIN(len, write_most));
}

static int
bad_fsync(int fd)
{
    if (used_up(&syncs_left)) {
        errno = EIO;
        return -1;
    }
    return fsync(fd);
}

static int
bad_ftruncate(int fd, off_t size)
{
    if (used_up(&cuts_left)) {
        errno = EIO;
        return -1;
    }
    return ftruncate(fd, size);
}

static void
bad_disk(int writes, int syncs, int cuts)
{
    static const struct xf_decisions_io io = { bad_write, bad_fsync,
                                               bad_ftruncate };

    writes_left = writes;
    syncs_left = syncs;
    cuts_left = cuts;
    write_most = 40;
    xf_decisions_set_io(the_log, &io);
}

static const struct {
    int writes, syncs, cuts;
    gboolean settles;       /* can it be taken back on that disk? */
} bad_disks[] = {
    { 0, -1, -1, TRUE },    /* full */
    { 3, -1, -1, TRUE },    /* full in the middle of the line */
    { 3, -1, 0, FALSE },    /* ... which cannot be cut off */
    { -1, 0, -1, FALSE },   /* nobody knows what it has */
    { -1, 0, 0, FALSE },
    { 0, 0, 0, FALSE },
};

/* What failed is not in the log once it is whole again, whether that is at
 * once, later, or found after a crash. */
START_TEST(what_failed_is_not_there)
{
    g_autoptr(GError) err = NULL;

    must_add(XF_DECISION_COMMITTED, 1);
    bad_disk(bad_disks[_i].writes, bad_disks[_i].syncs, bad_disks[_i].cuts);
    ck_assert(!add(XF_DECISION_COMMITTED, 2, &err));
    ck_assert_msg(strstr(err->message, file), "%s", err->message);
    ck_assert(!has(2));
    ck_assert_int_eq(xf_decisions_settle(the_log, NULL),
                     bad_disks[_i].settles);
    xf_decisions_set_io(the_log, NULL);
    ck_assert(xf_decisions_settle(the_log, NULL));
    must_add(XF_DECISION_GIVEN_AWAY, 3);
    open_again();
    must_have(XF_DECISION_COMMITTED, 1);
    must_have(XF_DECISION_GIVEN_AWAY, 3);
    ck_assert(!has(2));
}
END_TEST

/* A later decision of the same handoff takes the earlier one's place when it
 * is on disk, and not before. */
START_TEST(what_failed_replaces_nothing)
{
    must_add(XF_DECISION_SENDING, 1);
    bad_disk(bad_disks[_i].writes, bad_disks[_i].syncs, bad_disks[_i].cuts);
    ck_assert(!add(XF_DECISION_GIVEN_AWAY, 1, NULL));
    must_have(XF_DECISION_SENDING, 1);
    xf_decisions_set_io(the_log, NULL);
    ck_assert(xf_decisions_settle(the_log, NULL));
    must_have(XF_DECISION_SENDING, 1);
    open_again();
    must_have(XF_DECISION_SENDING, 1);
    must_add(XF_DECISION_GIVEN_AWAY, 1);
    must_have(XF_DECISION_GIVEN_AWAY, 1);
    open_again();
    must_have(XF_DECISION_GIVEN_AWAY, 1);
    acknowledge(1);
    open_again();
    ck_assert(!has(1));
}
END_TEST

START_TEST(being_sent_may_be_elsewhere)
{
    struct xf_decision sent = decision(XF_DECISION_SENDING, 1);

    must_add(XF_DECISION_SENDING, 1);
    must_add(XF_DECISION_SENDING, 2);
    for (int i = 0; i < 2; i++) {
        XF_AUTO(xf_decision) *d = xf_decisions_elsewhere(the_log, sent.uuid);

        must_have(XF_DECISION_SENDING, 1);
        must_have(XF_DECISION_SENDING, 2);
        ck_assert(d && d->kind == XF_DECISION_SENDING);
        open_again();
    }
    acknowledge(1);
    ck_assert_ptr_null(xf_decisions_elsewhere(the_log, sent.uuid));
}
END_TEST

/* They share their fsync()s, and each of them is on disk. */
static gpointer
add_many(gpointer data)
{
    guint first = GPOINTER_TO_UINT(data);

    for (guint i = 0; i < 50; i++)
        must_add(XF_DECISION_COMMITTED, first + i);
    for (guint i = 0; i < 50; i += 2)
        acknowledge(first + i);
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
    open_again();
    for (guint i = 0; i < 400; i++) {
        guint number = 1000 * (i / 50 + 1) + i % 50;

        if (i % 2)
            must_have(XF_DECISION_COMMITTED, number);
        else
            ck_assert(!has(number));
    }
}
END_TEST

START_TEST(short_writes_are_written_on)
{
    bad_disk(-1, -1, -1);
    write_most = 1;
    must_add(XF_DECISION_COMMITTED, 1);
    open_again();
    must_have(XF_DECISION_COMMITTED, 1);
}
END_TEST

/* What a power cut leaves: the files that were synced, under the names that
 * they had when the folder was. */
static ino_t synced_ino;
static goffset synced_size;
static ino_t ino_on_disk;       /* of the file that has the log's name */
static goffset size_on_disk;

static int
noted_fsync(int fd)
{
    struct stat st;

    if (fsync(fd) < 0 || fstat(fd, &st) < 0)
        return -1;
    if (S_ISREG(st.st_mode)) {
        synced_ino = st.st_ino;
        synced_size = st.st_size;
    } else if (stat(file, &st) == 0) {
        ino_on_disk = st.st_ino;
        size_on_disk = st.st_ino == synced_ino ? synced_size : 0;
    }
    return 0;
}

static gssize
plain_write(int fd, const void *data, gsize len)
{
    return write(fd, data, len);
}

/* A daemon was killed between the two; the next one reads what is in memory
 * only, lets the guest run, and the power goes: the line has to be there. */
START_TEST(what_is_believed_is_on_disk)
{
    static const struct xf_decisions_io io = { plain_write, noted_fsync,
                                               ftruncate };
    g_autoptr(GError) err = NULL;
    struct stat st;

    must_add(XF_DECISION_COMMITTED, 1);
    xf_decisions_close(the_log);
    synced_ino = ino_on_disk = 0;
    the_log = xf_decisions_open_on(dir, &io, &err);
    ck_assert_msg(the_log != NULL, "%s", err ? err->message : "");
    must_have(XF_DECISION_COMMITTED, 1);
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_uint_eq(ino_on_disk, st.st_ino);
    ck_assert_int_eq(size_on_disk, st.st_size);
}
END_TEST

START_TEST(what_cannot_be_synced_is_not_believed)
{
    static const struct xf_decisions_io io = { bad_write, bad_fsync,
                                               bad_ftruncate };
    g_autoptr(GError) err = NULL;

    must_add(XF_DECISION_COMMITTED, 1);
    xf_decisions_close(the_log);
    writes_left = cuts_left = -1;
    write_most = G_MAXSIZE;
    /* the folder's parent, the file, and the folder */
    for (int syncs = 0; syncs < 3; syncs++) {
        syncs_left = syncs;
        the_log = xf_decisions_open_on(dir, &io, &err);
        ck_assert_ptr_null(the_log);
        ck_assert_msg(strstr(err->message, g_strerror(EIO)), "%s",
                      err->message);
        g_clear_error(&err);
    }
    open_again();
    must_have(XF_DECISION_COMMITTED, 1);
}
END_TEST

START_TEST(acknowledged_on_a_bad_disk)
{
    struct xf_decision d = decision(XF_DECISION_COMMITTED, 1);
    g_autoptr(GError) err = NULL;

    must_add(XF_DECISION_COMMITTED, 1);
    bad_disk(0, -1, -1);
    ck_assert(!xf_decisions_acknowledge(the_log, d.token, &err));
    must_have(XF_DECISION_COMMITTED, 1);
    xf_decisions_set_io(the_log, NULL);
    acknowledge(1);
    ck_assert(!has(1));
}
END_TEST

/* The kernel's own limit: a real file that cannot grow. */
START_TEST(a_file_that_cannot_grow)
{
    struct rlimit old, small;
    g_autoptr(GError) err = NULL;
    gsize len;

    must_add(XF_DECISION_COMMITTED, 1);
    g_free(contents(&len));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = len + 20;

    /* libcheck writes files of its own: not one assertion in between */
    struct xf_decision d = decision(XF_DECISION_COMMITTED, 2);
    int limited = setrlimit(RLIMIT_FSIZE, &small);
    gboolean ok = xf_decisions_add(the_log, &d, &err);
    gboolean settled = xf_decisions_settle(the_log, NULL);
    int unlimited = setrlimit(RLIMIT_FSIZE, &old);

    ck_assert(limited == 0 && unlimited == 0);
    ck_assert(!ok && settled);
    ck_assert_msg(strstr(err->message, g_strerror(EFBIG)), "%s",
                  err->message);
    open_again();
    must_have(XF_DECISION_COMMITTED, 1);
    ck_assert(!has(2));
    must_add(XF_DECISION_COMMITTED, 2);
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
        { identity_is_the_file_s, 1 },
        { is_nobody_else_s, 1 },
        { one_process_at_a_time, 1 },
        { a_torn_last_line_is_cut_off, 1 },
        { several_torn_lines_are_cut_off, 1 },
        { a_torn_line_that_was_on_disk_is_noticed, 1 },
        { zeros_at_the_end_are_cut_off, 1 },
        { other_damage_is_noticed, 1 },
        { many_at_a_time, 1 },
        { short_writes_are_written_on, 1 },
        { what_is_believed_is_on_disk, 1 },
        { what_cannot_be_synced_is_not_believed, 1 },
        { acknowledged_on_a_bad_disk, 1 },
        { a_file_that_cannot_grow, 1 },
        { being_sent_may_be_elsewhere, 1 },
        { what_failed_is_not_there, G_N_ELEMENTS(bad_disks) },
        { what_failed_replaces_nothing, G_N_ELEMENTS(bad_disks) },
        { NULL, 0 }
    };

    return xf_unit_main_rows("decisions", tests, XF_UNIT_TIMEOUT,
                             set_up, tear_down);
}
