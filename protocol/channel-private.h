/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the channel's two ends share: input and output with a deadline, and
 * the handshake (channel-handshake.c); socket options (channel.c).
 */
#ifndef XF_PROTOCOL_CHANNEL_PRIVATE_H
#define XF_PROTOCOL_CHANNEL_PRIVATE_H

#include "protocol/channel.h"

#define XF_CHANNEL_PREAMBLE_LEN 60

/* How long to wait: until `at` (monotonic µs; -1: for ever), or until
 * stop_fd (-1: none) is readable. */
struct xf_patience {
    gint64 at;
    int stop_fd;
};

/* `timeout_ms` from now; -1: for ever. */
struct xf_patience xf_patience_ms(int timeout_ms, int stop_fd);

/* Waits for poll(2) `events` on fd. */
gboolean xf_channel_wait(int fd, short events,
                         const struct xf_patience *patience, GError **err);
/* All of len or an error, whether fd is blocking or not. */
gboolean xf_channel_read(int fd, void *buf, gsize len,
                         const struct xf_patience *patience, GError **err);
gboolean xf_channel_write(int fd, const void *buf, gsize len,
                          const struct xf_patience *patience, GError **err);

/* XF_ERROR_NO_CONNECT or XF_ERROR_TIMEOUT by errnum. */
void xf_channel_set_errno(GError **err, int errnum, const char *what);

/* The client's part of the handshake. */
gboolean xf_channel_greet(int fd, enum xf_channel_purpose purpose,
                          const char *token, const guint8 *key,
                          const struct xf_patience *patience, GError **err);

/* What the server learns; token is a string of hex digits. */
struct xf_channel_caller {
    enum xf_channel_purpose purpose;
    char token[XF_TOKEN_LEN + 1];
};

/* The server's part; asks `handler` for the key and calls `known` (may be
 * NULL) once it has one. */
gboolean xf_channel_answer(int fd, const struct xf_channel_handler *handler,
                           void (*known)(void *known_user), void *known_user,
                           const struct xf_patience *patience,
                           struct xf_channel_caller *caller, GError **err);

struct addrinfo;

/* Looks a name up, by `until` (monotonic us); to be freed by freeaddrinfo(). */
gboolean xf_channel_look_up(const char *name, guint16 port, gint64 until,
                            struct addrinfo **found, GError **err);
/* A connection, blocking, as it is: neither tuned nor greeted.  -1 on
 * error. */
int xf_channel_dial(const char *address, guint16 port,
                    const struct xf_patience *patience, GError **err);

/* -- channel-listen.c: non-blocking listening sockets; -1 and errno -- */
int xf_channel_open_socket(const struct addrinfo *address, gboolean v6only);
/* On all addresses: one for both families, or IPv4 alone where the host has
 * no IPv6. */
int xf_channel_open_everywhere(guint16 port);

/* TCP_NODELAY, TCP_USER_TIMEOUT, keepalive. */
gboolean xf_channel_tune(int fd, guint silence_timeout_ms, GError **err);

#endif
