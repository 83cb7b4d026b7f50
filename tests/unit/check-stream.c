/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The head of a stream, looked at without taking it. */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/types.h"
#include "tests/unit/common.h"
#include "xen/stream.h"

#define HEAD_LEN 24

static const guint8 good[HEAD_LEN] = {
    'L', 'i', 'b', 'x', 'l', 'F', 'm', 't',
    0, 0, 0, 2,                 /* version */
    0, 0, 0, 0,                 /* options */
    1, 0, 0, 0,                 /* LIBXC_CONTEXT */
    0, 0, 0, 0,                 /* its length */
};

static void
pair(int fd[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd),
                     0);
}

START_TEST(head_stays_in_the_stream)
{
    guint8 back[HEAD_LEN];
    g_autoptr(GError) err = NULL;
    int fd[2];

    pair(fd);
    ck_assert_int_eq(write(fd[1], good, HEAD_LEN), HEAD_LEN);
    ck_assert_msg(xf_stream_await_head(fd[0], &err), "%s",
                  err ? err->message : "no error");
    ck_assert_int_eq(read(fd[0], back, HEAD_LEN), HEAD_LEN);
    ck_assert_mem_eq(back, good, HEAD_LEN);
    close(fd[0]);
    close(fd[1]);
}
END_TEST

START_TEST(head_of_a_file)
{
    char name[] = "/tmp/check-stream-XXXXXX";
    guint8 back[HEAD_LEN];
    XF_AUTO_FD int fd = mkstemp(name);

    ck_assert_int_ge(fd, 0);
    unlink(name);
    ck_assert_int_eq(write(fd, "before", 6), 6);
    ck_assert_int_eq(write(fd, good, HEAD_LEN), HEAD_LEN);
    ck_assert_int_eq(lseek(fd, 6, SEEK_SET), 6);
    ck_assert(xf_stream_await_head(fd, NULL));
    ck_assert_int_eq(read(fd, back, HEAD_LEN), HEAD_LEN);
    ck_assert_mem_eq(back, good, HEAD_LEN);
}
END_TEST

/* As ssh gives it to what it runs: no socket, and no position. */
START_TEST(head_of_a_pipe)
{
    guint8 back[HEAD_LEN];
    g_autoptr(GError) err = NULL;
    int fd[2];

    for (int len = 0; len <= HEAD_LEN; len++) {
        ck_assert_int_eq(pipe2(fd, O_CLOEXEC), 0);
        ck_assert_int_eq(write(fd[1], good, len), len);
        if (len < HEAD_LEN)
            close(fd[1]);
        ck_assert_msg(xf_stream_await_head(fd[0], &err) == (len == HEAD_LEN),
                      "%d bytes: %s", len, err ? err->message : "no error");
        g_clear_error(&err);
        ck_assert_int_eq(read(fd[0], back, HEAD_LEN), len);
        ck_assert_mem_eq(back, good, len);
        close(fd[0]);
    }
    close(fd[1]);
}
END_TEST

static gpointer
write_in_parts(gpointer data)
{
    int fd = GPOINTER_TO_INT(data);

    for (int i = 0; i < HEAD_LEN; i++)
        if (write(fd, good + i, 1) != 1)
            return GINT_TO_POINTER(1);
    return NULL;
}

START_TEST(head_in_parts)
{
    int fd[2];

    pair(fd);

    GThread *thread = g_thread_new("parts", write_in_parts,
                                   GINT_TO_POINTER(fd[1]));

    ck_assert(xf_stream_await_head(fd[0], NULL));
    ck_assert_ptr_null(g_thread_join(thread));
    close(fd[0]);
    close(fd[1]);
}
END_TEST

START_TEST(cut_at_every_length)
{
    for (int len = 0; len < HEAD_LEN; len++) {
        g_autoptr(GError) err = NULL;
        int fd[2];

        pair(fd);
        ck_assert_int_eq(write(fd[1], good, len), len);
        close(fd[1]);
        ck_assert_msg(!xf_stream_await_head(fd[0], &err), "length %d", len);
        ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_OPERATION_FAILED));
        close(fd[0]);
    }
}
END_TEST

START_TEST(bad_heads)
{
    static const struct {
        int at;
        guint8 byte;
        gboolean taken;
    } changes[] = {
        { 0, 'l', FALSE },      /* magic */
        { 11, 1, FALSE },       /* version 1 */
        { 11, 3, FALSE },
        { 15, 1, FALSE },       /* big-endian */
        { 15, 2, TRUE },        /* converted from an old stream */
        { 15, 4, FALSE },
        { 16, 0, FALSE },       /* END first */
        { 16, 2, FALSE },
        { 19, 0x80, FALSE },
        { 20, 8, FALSE },       /* a length */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        guint8 head[HEAD_LEN];
        int fd[2];

        memcpy(head, good, HEAD_LEN);
        head[changes[i].at] = changes[i].byte;
        pair(fd);
        ck_assert_int_eq(write(fd[1], head, HEAD_LEN), HEAD_LEN);
        ck_assert_msg(xf_stream_await_head(fd[0], NULL) == changes[i].taken,
                      "change %u", (guint)i);
        close(fd[0]);
        close(fd[1]);
    }
}
END_TEST

static gpointer
await(gpointer data)
{
    GError *err = NULL;

    xf_stream_await_head(GPOINTER_TO_INT(data), &err);
    return err;
}

/* Whether the wait has begun or not when it is shut down, it ends. */
START_TEST(shutdown_ends_the_wait)
{
    int fd[2];

    pair(fd);

    GThread *thread = g_thread_new("await", await, GINT_TO_POINTER(fd[0]));

    ck_assert_int_eq(shutdown(fd[0], SHUT_RD), 0);

    g_autoptr(GError) err = g_thread_join(thread);

    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_OPERATION_FAILED));
    close(fd[0]);
    close(fd[1]);
}
END_TEST

START_TEST(writable)
{
    g_autoptr(GError) err = NULL;
    int fd[2];

    pair(fd);
    ck_assert(xf_stream_check_writable(fd[0], NULL));
    close(fd[1]);
    ck_assert(!xf_stream_check_writable(fd[0], &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_OPERATION_FAILED));
    close(fd[0]);
    ck_assert(!xf_stream_check_writable(fd[0], NULL));
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        head_stays_in_the_stream,
        head_of_a_file,
        head_of_a_pipe,
        head_in_parts,
        cut_at_every_length,
        bad_heads,
        shutdown_ends_the_wait,
        writable,
        NULL
    };

    return xf_unit_main("stream", tests);
}
