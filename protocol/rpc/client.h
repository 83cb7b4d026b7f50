/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A remote host: the driver table over libvirt's remote protocol.
 *
 *     xen:///system                            this host, default socket
 *     xen+unix:///system[?socket=PATH]         this host
 *     xen+tcp://HOST[:PORT]/system             another one; HOST a name, an
 *                                              IPv4 address or an [IPv6] one
 *
 * Works with xenferryd and with libvirtd.  Calls may be made from any thread,
 * several at a time on one connection; each waits for its own reply, for as
 * long as the peer shows that it is alive.  When the connection is lost all
 * calls fail with XF_ERROR_NO_CONNECT: what became of the work they asked for
 * is then not known.
 *
 * Errors of the remote host come back with its code and text; one that we
 * have no code for is XF_ERROR_REMOTE.
 *
 * v3 phases use the typed-parameter calls when the peer has feature 13, else
 * the plain ones; it is asked once.
 */
#ifndef XF_PROTOCOL_RPC_CLIENT_H
#define XF_PROTOCOL_RPC_CLIENT_H

#include "protocol/driver.h"

#define XF_REMOTE_TCP_PORT 16509
#define XF_REMOTE_SOCKET RUNSTATEDIR "/xenferry/xenferry-sock"

struct xf_remote_config {
    guint open_timeout_ms;          /* connecting and opening, together */
    guint keepalive_interval_ms;    /* 0: never ping the peer */
    guint keepalive_count;
};

/* 10 s; 5 s, 5 times: libvirt's defaults. */
void xf_remote_config_init(struct xf_remote_config *config);

/* Connects and opens.  Close it with xf_conn_close(). */
struct xf_conn *xf_remote_open(const char *uri, GError **err);
/* The same with other times; config NULL: the defaults. */
struct xf_conn *xf_remote_open_config(const char *uri,
                                      const struct xf_remote_config *config,
                                      GError **err);
/* Opens over a connected socket, which it takes over also on failure;
 * `peer` names the other end in errors. */
struct xf_conn *xf_remote_open_fd(int fd, const char *peer,
                                  const struct xf_remote_config *config,
                                  GError **err);

#endif
