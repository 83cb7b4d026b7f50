/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/channel-bare.h"
#include "protocol/channel-private.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define MAPPED "::ffff:"

/* -- source -- */

int
xf_bare_connect(const char *address, guint16 port, guint timeout_ms,
                guint silence_timeout_ms, GError **err)
{
    const struct xf_patience patience =
        xf_patience_ms(MIN(timeout_ms, G_MAXINT), -1);
    XF_AUTO_FD int fd = xf_channel_dial(address, port, &patience, err);

    if (fd < 0 || !xf_channel_tune(fd, silence_timeout_ms, err)) {
        g_prefix_error(err, "stream to %s port %u: ", address, port);
        return -1;
    }
    return xf_steal_fd(&fd);
}

/* 1: closed, 0: it was nothing that counts, -1 error. */
static int
read_close(int fd, GError **err)
{
    guint8 byte;
    gssize r = recv(fd, &byte, 1, MSG_DONTWAIT);

    if (r == 0)
        return 1;
    if (r < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (r < 0)
        xf_channel_set_errno(err, errno, "reading from the peer");
    else
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "byte 0x%02x came back where nothing was expected", byte);
    return -1;
}

gboolean
xf_bare_await_close(int fd, guint timeout_ms, GError **err)
{
    const struct xf_patience patience =
        xf_patience_ms(MIN(timeout_ms, G_MAXINT), -1);
    int closed = 0;

    if (shutdown(fd, SHUT_WR) < 0) {
        xf_channel_set_errno(err, errno, "ending the stream");
        return FALSE;
    }
    while (!closed)
        closed = xf_channel_wait(fd, POLLIN, &patience, err)
                     ? read_close(fd, err) : -1;
    if (closed < 0)
        g_prefix_error(err, "the destination did not take the end of the "
                       "stream: ");
    return closed > 0;
}

/* -- destination: who may connect -- */

/* NULL: it has no such form. */
static char *
numeric(const struct sockaddr *address, socklen_t len)
{
    char text[NI_MAXHOST];

    if (getnameinfo(address, len, text, sizeof(text), NULL, 0,
                    NI_NUMERICHOST))
        return NULL;
    return g_strdup(g_str_has_prefix(text, MAPPED) ? text + strlen(MAPPED)
                                                   : text);
}

char **
xf_bare_addresses(const char *name, guint timeout_ms, GError **err)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    struct addrinfo *found = NULL;

    if (!xf_channel_look_up(name, 0,
                            g_get_monotonic_time() + timeout_ms * (gint64)1000,
                            &found, err)) {
        g_prefix_error(err, "host name '%s': ", name);
        return NULL;
    }
    for (const struct addrinfo *a = found; a; a = a->ai_next) {
        char *text = numeric(a->ai_addr, a->ai_addrlen);

        if (text)
            g_ptr_array_add(list, text);
    }
    freeaddrinfo(found);
    if (!list->len) {
        g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                    "host name '%s' stands for no address", name);
        return NULL;
    }
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

/* -- destination: the port -- */

static int
open_port(const char *address, guint16 port, GError **err)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE
                                                | AI_NUMERICHOST };
    struct addrinfo *found = NULL;
    char service[8];
    int rc, fd;

    if (!address)
        return xf_channel_open_everywhere(port);
    g_snprintf(service, sizeof(service), "%u", port);
    rc = getaddrinfo(address, service, &hints, &found);
    if (rc) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG, "address %s: %s",
                    address, gai_strerror(rc));
        return -1;
    }
    fd = xf_channel_open_socket(found, TRUE);
    freeaddrinfo(found);
    return fd;
}

int
xf_bare_listen(const char *address, guint16 first, guint16 last,
               guint16 *port, GError **err)
{
    g_autoptr(GError) why = NULL;
    int fd = -1, errnum = EADDRINUSE;

    for (guint p = first; p <= last && errnum == EADDRINUSE; p++) {
        errno = 0;
        fd = open_port(address, p, &why);
        errnum = fd < 0 ? errno : 0;
        *port = p;
    }
    if (fd >= 0)
        return fd;
    if (why)
        g_propagate_error(err, g_steal_pointer(&why));
    else
        xf_error_set_errno(err, errnum, "listening for a stream on address "
                           "%s, port %u to %u", address ? address : "*",
                           first, last);
    return -1;
}

/* -- destination: the connection -- */

static gboolean
welcome(int fd, const char *const *from)
{
    struct sockaddr_storage address = { 0 };
    socklen_t len = sizeof(address);
    g_autofree char *text = NULL;

    if (getpeername(fd, (struct sockaddr *)&address, &len) == 0)
        text = numeric((struct sockaddr *)&address, len);
    if (text && g_strv_contains(from, text))
        return TRUE;
    g_warning("a connection from %s is refused: a stream is awaited from %s "
              "only", text ? text : "a peer that has gone", from[0]);
    return FALSE;
}

/* A connection may be gone again before it is accepted. */
static gboolean
passes(int errnum)
{
    return errnum == EINTR || errnum == EAGAIN || errnum == ECONNABORTED
           || errnum == EPROTO || errnum == ENETDOWN || errnum == EHOSTUNREACH
           || errnum == ENETUNREACH || errnum == ETIMEDOUT;
}

int
xf_bare_accept(int listen_fd, const char *const *from,
               guint silence_timeout_ms, GError **err)
{
    const struct xf_patience for_ever = xf_patience_ms(-1, -1);

    while (xf_channel_wait(listen_fd, POLLIN, &for_ever, err)) {
        XF_AUTO_FD int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0 && passes(errno))
            continue;
        if (fd < 0) {
            xf_channel_set_errno(err, errno, "accepting a stream");
            return -1;
        }
        if (welcome(fd, from))
            return xf_channel_tune(fd, silence_timeout_ms, err)
                       ? xf_steal_fd(&fd) : -1;
    }
    return -1;
}

void
xf_bare_hang_up(int listen_fd)
{
    /* fails only when it has been done before */
    shutdown(listen_fd, SHUT_RDWR);
}
