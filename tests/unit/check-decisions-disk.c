/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decisions log on disks that are full, fail, or lose what was not
 * synced: that what it refused is not there.
 */
#include "config.h"

#include "tests/unit/common.h"
#include "tests/unit/decisions-world.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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

    log_must_add(XF_DECISION_COMMITTED, 1);
    bad_disk(bad_disks[_i].writes, bad_disks[_i].syncs, bad_disks[_i].cuts);
    ck_assert(!log_add(XF_DECISION_COMMITTED, 2, &err));
    ck_assert_msg(strstr(err->message, log_file), "%s", err->message);
    ck_assert(!log_has(2));
    ck_assert_int_eq(xf_decisions_settle(the_log, NULL),
                     bad_disks[_i].settles);
    xf_decisions_set_io(the_log, NULL);
    ck_assert(xf_decisions_settle(the_log, NULL));
    log_must_add(XF_DECISION_GIVEN_AWAY, 3);
    log_open_again();
    log_must_have(XF_DECISION_COMMITTED, 1);
    log_must_have(XF_DECISION_GIVEN_AWAY, 3);
    ck_assert(!log_has(2));
}
END_TEST

/* A later decision of the same handoff takes the earlier one's place when it
 * is on disk, and not before. */
START_TEST(what_failed_replaces_nothing)
{
    log_must_add(XF_DECISION_SENDING, 1);
    bad_disk(bad_disks[_i].writes, bad_disks[_i].syncs, bad_disks[_i].cuts);
    ck_assert(!log_add(XF_DECISION_GIVEN_AWAY, 1, NULL));
    log_must_have(XF_DECISION_SENDING, 1);
    xf_decisions_set_io(the_log, NULL);
    ck_assert(xf_decisions_settle(the_log, NULL));
    log_must_have(XF_DECISION_SENDING, 1);
    log_open_again();
    log_must_have(XF_DECISION_SENDING, 1);
    log_must_add(XF_DECISION_GIVEN_AWAY, 1);
    log_must_have(XF_DECISION_GIVEN_AWAY, 1);
    log_open_again();
    log_must_have(XF_DECISION_GIVEN_AWAY, 1);
    log_acknowledge(1);
    log_open_again();
    ck_assert(!log_has(1));
}
END_TEST

START_TEST(short_writes_are_written_on)
{
    bad_disk(-1, -1, -1);
    write_most = 1;
    log_must_add(XF_DECISION_COMMITTED, 1);
    log_open_again();
    log_must_have(XF_DECISION_COMMITTED, 1);
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
    } else if (stat(log_file, &st) == 0) {
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

    log_must_add(XF_DECISION_COMMITTED, 1);
    xf_decisions_close(the_log);
    synced_ino = ino_on_disk = 0;
    the_log = xf_decisions_open_on(log_dir, &io, &err);
    ck_assert_msg(the_log != NULL, "%s", err ? err->message : "");
    log_must_have(XF_DECISION_COMMITTED, 1);
    ck_assert_int_eq(stat(log_file, &st), 0);
    ck_assert_uint_eq(ino_on_disk, st.st_ino);
    ck_assert_int_eq(size_on_disk, st.st_size);
}
END_TEST

START_TEST(what_cannot_be_synced_is_not_believed)
{
    static const struct xf_decisions_io io = { bad_write, bad_fsync,
                                               bad_ftruncate };
    g_autoptr(GError) err = NULL;

    log_must_add(XF_DECISION_COMMITTED, 1);
    xf_decisions_close(the_log);
    writes_left = cuts_left = -1;
    write_most = G_MAXSIZE;
    /* the folder's parent, the file, and the folder */
    for (int syncs = 0; syncs < 3; syncs++) {
        syncs_left = syncs;
        the_log = xf_decisions_open_on(log_dir, &io, &err);
        ck_assert_ptr_null(the_log);
        ck_assert_msg(strstr(err->message, g_strerror(EIO)), "%s",
                      err->message);
        g_clear_error(&err);
    }
    log_open_again();
    log_must_have(XF_DECISION_COMMITTED, 1);
}
END_TEST

START_TEST(acknowledged_on_a_bad_disk)
{
    struct xf_decision d = log_decision(XF_DECISION_COMMITTED, 1);
    g_autoptr(GError) err = NULL;

    log_must_add(XF_DECISION_COMMITTED, 1);
    bad_disk(0, -1, -1);
    ck_assert(!xf_decisions_acknowledge(the_log, d.token, &err));
    log_must_have(XF_DECISION_COMMITTED, 1);
    xf_decisions_set_io(the_log, NULL);
    log_acknowledge(1);
    ck_assert(!log_has(1));
}
END_TEST

/* The kernel's own limit: a real file that cannot grow. */
START_TEST(a_file_that_cannot_grow)
{
    struct rlimit old, small;
    g_autoptr(GError) err = NULL;
    gsize len;

    log_must_add(XF_DECISION_COMMITTED, 1);
    g_free(log_contents(&len));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = len + 20;

    /* libcheck writes files of its own: not one assertion in between */
    struct xf_decision d = log_decision(XF_DECISION_COMMITTED, 2);
    int limited = setrlimit(RLIMIT_FSIZE, &small);
    gboolean ok = xf_decisions_add(the_log, &d, &err);
    gboolean settled = xf_decisions_settle(the_log, NULL);
    int unlimited = setrlimit(RLIMIT_FSIZE, &old);

    ck_assert(limited == 0 && unlimited == 0);
    ck_assert(!ok && settled);
    ck_assert_msg(strstr(err->message, g_strerror(EFBIG)), "%s",
                  err->message);
    log_open_again();
    log_must_have(XF_DECISION_COMMITTED, 1);
    ck_assert(!log_has(2));
    log_must_add(XF_DECISION_COMMITTED, 2);
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { what_failed_is_not_there, G_N_ELEMENTS(bad_disks) },
        { what_failed_replaces_nothing, G_N_ELEMENTS(bad_disks) },
        { short_writes_are_written_on, 1 },
        { what_is_believed_is_on_disk, 1 },
        { what_cannot_be_synced_is_not_believed, 1 },
        { acknowledged_on_a_bad_disk, 1 },
        { a_file_that_cannot_grow, 1 },
        { NULL, 0 }
    };

    return xf_unit_main_rows("decisions-disk", tests, XF_UNIT_TIMEOUT,
                             log_set_up, log_tear_down);
}
