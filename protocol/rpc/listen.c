/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/rpc/listen.h"
#include "protocol/types.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_FLAGS (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)

/* -- unix ---------------------------------------------------------------- */

/* Only a socket is ever removed: a file of another kind answers a connect as
 * a socket does that nobody listens on. */
static gboolean
check_kind(const char *path, gboolean *there, GError **err)
{
    struct stat st;

    *there = lstat(path, &st) == 0;
    if (!*there && errno != ENOENT) {
        xf_error_set_errno(err, errno, "cannot look at %s", path);
        return FALSE;
    }
    if (!*there || S_ISSOCK(st.st_mode))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "%s is in the way: it is there and is no socket", path);
    return FALSE;
}

/* Removes a socket that nobody listens on. */
static gboolean
clear_path(const char *path, const struct sockaddr_un *address, GError **err)
{
    XF_AUTO_FD int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    gboolean there;
    int errnum = 0;

    if (!check_kind(path, &there, err))
        return FALSE;
    if (!there)
        return TRUE;
    if (fd < 0) {
        xf_error_set_errno(err, errno, "cannot make a socket");
        return FALSE;
    }
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
        errnum = errno;
    if (errnum == ENOENT)
        return TRUE;
    if (errnum == 0 || errnum == EAGAIN) {
        g_set_error(err, XF_ERROR, XF_ERROR_BUSY,
                    "another daemon listens on %s already", path);
        return FALSE;
    }
    if (errnum != ECONNREFUSED) {
        xf_error_set_errno(err, errnum, "%s is in the way", path);
        return FALSE;
    }
    if (unlink(path) < 0 && errno != ENOENT) {
        xf_error_set_errno(err, errno, "cannot remove the old socket %s",
                           path);
        return FALSE;
    }
    return TRUE;
}

static gboolean
make_folder(const char *path, GError **err)
{
    g_autofree char *folder = g_path_get_dirname(path);

    if (g_mkdir_with_parents(folder, 0700) == 0)
        return TRUE;
    xf_error_set_errno(err, errno, "cannot make the folder %s", folder);
    return FALSE;
}

int
xf_rpc_listen_unix(const char *path, GError **err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    XF_AUTO_FD int fd = -1;

    if (*path != '/' || strlen(path) >= sizeof(address.sun_path)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "socket '%s': must be an absolute path of less than %zu "
                    "bytes", path, sizeof(address.sun_path));
        return -1;
    }
    strcpy(address.sun_path, path);
    if (!make_folder(path, err) || !clear_path(path, &address, err))
        return -1;
    fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    /* bind() gives the file the mode that the socket has */
    if (fd < 0 || fchmod(fd, 0600) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, SOMAXCONN) < 0) {
        xf_error_set_errno(err, errno, "cannot listen on %s", path);
        return -1;
    }
    return xf_steal_fd(&fd);
}

/* -- TCP ----------------------------------------------------------------- */

static struct addrinfo *
numeric_address(const char *address, guint16 port, int family, GError **err)
{
    const struct addrinfo hints = {
        .ai_family = family,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
    };
    struct addrinfo *list = NULL;
    char service[8];
    int r;

    g_snprintf(service, sizeof(service), "%u", port);
    r = getaddrinfo(address, service, &hints, &list);
    if (r)
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "'%s' is no numeric address to listen on: %s",
                    address ? address : "*", gai_strerror(r));
    return r ? NULL : list;
}

/* 0 and the socket in *fd_out, or an errno */
static int
listen_at(const struct addrinfo *at, gboolean both, int *fd_out)
{
    XF_AUTO_FD int fd = socket(at->ai_family, SOCKET_FLAGS, 0);
    int on = 1, v6only = !both;

    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        (at->ai_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only,
                    sizeof(v6only)) < 0) ||
        bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
        return errno;
    *fd_out = xf_steal_fd(&fd);
    return 0;
}

static guint16
bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = { 0 };
    socklen_t len = sizeof(address);

    getsockname(fd, &address.any, &len);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
                                                   : address.v4.sin_port);
}

static int
listen_family(const char *address, guint16 port, int family, int *fd_out,
              GError **err)
{
    struct addrinfo *at = numeric_address(address, port, family, err);
    int errnum;

    if (!at)
        return EINVAL;
    errnum = listen_at(at, !address, fd_out);
    freeaddrinfo(at);
    if (errnum)
        xf_error_set_errno(err, errnum, "cannot listen on %s port %u",
                           address ? address : "all addresses,", port);
    return errnum;
}

int
xf_rpc_listen_tcp(const char *address, guint16 *port, GError **err)
{
    int fd = -1;

    if (address) {
        listen_family(address, *port, AF_UNSPEC, &fd, err);
    } else {
        g_autoptr(GError) why = NULL;
        int errnum = listen_family(NULL, *port, AF_INET6, &fd, &why);

        /* a host without IPv6 */
        if (errnum == EAFNOSUPPORT || errnum == EADDRNOTAVAIL)
            listen_family(NULL, *port, AF_INET, &fd, err);
        else if (errnum)
            g_propagate_error(err, g_steal_pointer(&why));
    }
    if (fd >= 0)
        *port = bound_port(fd);
    return fd;
}
