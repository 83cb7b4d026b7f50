/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What both sides need, and the client's. */
#include "config.h"

#include "tools/receive.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

char *
xf_receive_socket_path(const char *daemon_socket)
{
    g_autofree char *dir = g_path_get_dirname(daemon_socket);

    return g_build_filename(dir, "xenferry-receive-sock", NULL);
}

static int
dial(const char *path, GError **err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    XF_AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path))
        >= sizeof(address.sun_path)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "socket '%s': the path is too long", path);
        return -1;
    }
    if (fd >= 0
        && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return xf_steal_fd(&fd);
    g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                "cannot reach the daemon at %s: %s; is xenferryd running?",
                path, g_strerror(errno));
    return -1;
}

static gboolean
send_request(int fd, const char *text, int in, int out, GError **err)
{
    const int fds[XF_RECEIVE_FDS] = { in, out };
    struct iovec iov = { (char *)text, strlen(text) };
    union {
        char bytes[CMSG_SPACE(sizeof(fds))];
        struct cmsghdr align;
    } control = { 0 };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
    if (sendmsg(fd, &msg, MSG_NOSIGNAL) == (gssize)iov.iov_len)
        return TRUE;
    xf_error_set_errno(err, errno, "leaving the connection to the daemon");
    return FALSE;
}

static gboolean
read_answer(int fd, GError **err)
{
    char answer[XF_RECEIVE_MESSAGE_MAX + 1];
    gssize r;

    do {
        r = recv(fd, answer, sizeof(answer) - 1, 0);
    } while (r < 0 && errno == EINTR);
    if (r > 0 && answer[0] == '0')
        return TRUE;
    answer[MAX(r, 0)] = '\0';
    if (r > 1)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED, "%s",
                    answer + 1);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                    "the daemon has gone; \"xenferry handoffs\" and its log "
                    "tell what became of the domain");
    return FALSE;
}

gboolean
xf_receive(const char *path, gboolean paused, const char *host, int in,
           int out, GError **err)
{
    XF_AUTO_FD int fd = dial(path, err);
    g_autofree char *request =
        g_strdup_printf("receive 1 %s %.255s", paused ? "paused" : "run",
                        host);

    return fd >= 0 && send_request(fd, request, in, out, err)
           && read_answer(fd, err);
}
