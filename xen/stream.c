/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/types.h"
#include "xen/stream.h"

/* u64 "LibxlFmt", u32 version, u32 options, big-endian; then the first
 * record: u32 type, u32 length, little-endian as option bit 0 says. */
#define HEAD_LEN 24
#define OPTION_CONVERTED 2      /* from a legacy stream */
#define RECORD_LIBXC 1

/* A head that has begun to arrive must go on. */
#define PART_MS 10000
#define PART_LOOK_MS 20
/* Nobody can end a wait for a pipe: it is bounded. */
#define PIPE_MS 60000

static gboolean
head_ok(const guint8 *head, GError **err)
{
    guint32 version, options, type, length;

    if (memcmp(head, "LibxlFmt", 8) != 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "what arrives is not a libxl stream");
        return FALSE;
    }
    memcpy(&version, head + 8, 4);
    memcpy(&options, head + 12, 4);
    memcpy(&type, head + 16, 4);
    memcpy(&length, head + 20, 4);
    version = GUINT32_FROM_BE(version);
    options = GUINT32_FROM_BE(options);
    type = GUINT32_FROM_LE(type);
    length = GUINT32_FROM_LE(length);
    if (version == XF_LIBXL_STREAM && !(options & ~OPTION_CONVERTED) &&
        type == RECORD_LIBXC && length == 0)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                "the stream that arrives is of a kind not known here: version "
                "%u (known: %u), options %#x, first record %#x of %u bytes",
                version, XF_LIBXL_STREAM, options, type, length);
    return FALSE;
}

static gboolean
fail_at_end(GError **err)
{
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                "the connection has ended before the stream began");
    return FALSE;
}

/* As peek(): a copy of what is in the pipe, through another one. */
static ssize_t
peek_pipe(int fd, guint8 *head)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int copy[2];
    ssize_t n;
    int r;

    do
        r = poll(&p, 1, PIPE_MS);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        errno = ETIMEDOUT;
    if (r <= 0 || pipe2(copy, O_CLOEXEC) < 0)
        return -1;

    XF_AUTO_FD int from = copy[0];
    XF_AUTO_FD int to = copy[1];

    do
        n = tee(fd, to, HEAD_LEN, 0);
    while (n < 0 && errno == EINTR);
    return n > 0 ? read(from, head, n) : n;
}

/* Bytes there without taking them: HEAD_LEN, less (some more may come), 0 at
 * the end, -1. */
static ssize_t
peek(int fd, guint8 *head)
{
    ssize_t n;

    do
        n = recv(fd, head, HEAD_LEN, MSG_PEEK | MSG_WAITALL);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == ENOTSOCK) {
        off_t at = lseek(fd, 0, SEEK_CUR);

        n = at < 0 ? peek_pipe(fd, head) : pread(fd, head, HEAD_LEN, at);
    }
    return n;
}

/* A part of the head is there: will there be more? */
static gboolean
more_may_come(int fd, gint64 deadline)
{
    struct pollfd p = { .fd = fd, .events = POLLRDHUP };

    return poll(&p, 1, PART_LOOK_MS) == 0 &&
           g_get_monotonic_time() < deadline;
}

gboolean
xf_stream_await_head(int fd, GError **err)
{
    guint8 head[HEAD_LEN];
    gint64 deadline = 0;

    for (;;) {
        ssize_t n = peek(fd, head);

        if (n == HEAD_LEN)
            return head_ok(head, err);
        if (n < 0) {
            xf_error_set_errno(err, errno, "cannot read the stream");
            return FALSE;
        }
        if (!deadline)
            deadline = g_get_monotonic_time() + PART_MS * 1000;
        if (n == 0 || !more_may_come(fd, deadline))
            return fail_at_end(err);
    }
}

gboolean
xf_stream_check_writable(int fd, GError **err)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    if (poll(&p, 1, 0) >= 0 && !(p.revents & (POLLERR | POLLHUP | POLLNVAL)))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                "the connection to the destination has been lost");
    return FALSE;
}
