/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/sim/stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The fds are blocking ones, so that nothing is read or written before the
 * kernel says that it can be. */
static int
wait_for(int fd, short events, int abort_fd)
{
    struct pollfd fds[] = {
        { .fd = abort_fd, .events = POLLIN },
        { .fd = fd, .events = events },
    };

    while (poll(fds, G_N_ELEMENTS(fds), -1) < 0)
        if (errno != EINTR)
            return errno;
    return fds[0].revents ? ECANCELED : 0;
}

static ssize_t
write_some(int fd, const void *data, gsize len)
{
    ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno == ENOTSOCK)     /* a pipe takes this much at once */
        n = write(fd, data, MIN(len, PIPE_BUF));
    return n;
}

int
sim_stream_write(int fd, int abort_fd, const void *data, gsize len)
{
    while (len) {
        int errnum = wait_for(fd, POLLOUT, abort_fd);

        if (errnum)
            return errnum;

        ssize_t n = write_some(fd, data, len);

        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return errno;
        if (n > 0) {
            data = (const char *)data + n;
            len -= n;
        }
    }
    return 0;
}

int
sim_stream_read(int fd, int abort_fd, void *data, gsize len)
{
    while (len) {
        int errnum = wait_for(fd, POLLIN, abort_fd);

        if (errnum)
            return errnum;

        ssize_t n = read(fd, data, len);

        if (n == 0)
            return ENODATA;
        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            data = (char *)data + n;
            len -= n;
        }
    }
    return 0;
}
