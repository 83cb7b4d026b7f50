/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bare streams: the hypervisor's stream alone on a TCP connection, as hosts
 * send and take it that are not ours (a stock libvirtd).  No byte comes
 * before the stream and none after it; nobody proves anything.  So a port is
 * opened for one handoff, only certain addresses may connect, and one of them
 * once.
 *
 * The fds of streams are as those of channel.h: blocking, CLOEXEC, with
 * TCP_USER_TIMEOUT and keepalive; so are the errors.
 */
#ifndef XF_PROTOCOL_CHANNEL_BARE_H
#define XF_PROTOCOL_CHANNEL_BARE_H

#include "protocol/error.h"
#include "protocol/types.h"

/* -- source -- */

/* Returns the fd, -1 on error; timeout_ms bounds looking the name up and
 * connecting together. */
int xf_bare_connect(const char *address, guint16 port, guint timeout_ms,
                    guint silence_timeout_ms, GError **err);

/* All has been written: says that no more comes, and waits until the other
 * side has closed the connection, which it does when it has read all.  FALSE:
 * not within timeout_ms, or the connection broke, so that what was written
 * may not have arrived. */
gboolean xf_bare_await_close(int fd, guint timeout_ms, GError **err);

/* -- destination -- */

/* A listening socket on the first free port from `first` to `last`, which
 * *port is set to; `address` is numeric, NULL: all.  -1 on error. */
int xf_bare_listen(const char *address, guint16 first, guint16 last,
                   guint16 *port, GError **err);

/* The numeric addresses that a name stands for, NULL-terminated, not empty;
 * an IPv4 address is written as such even where it was found mapped to
 * IPv6.  NULL on error. */
char **xf_bare_addresses(const char *name, guint timeout_ms, GError **err);

/* Waits for a connection from one of these addresses.  Those of others are
 * closed, and named in the log.  -1: on error, or after xf_bare_hang_up(). */
int xf_bare_accept(int listen_fd, const char *const *from,
                   guint silence_timeout_ms, GError **err);
/* Makes xf_bare_accept() in another thread, now or later, return.  The fd
 * stays open. */
void xf_bare_hang_up(int listen_fd);

#endif
