/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How `xenferry receive`, started by somebody's ssh, leaves its connection to
 * the daemon: by a unix socket (SOCK_SEQPACKET) beside the daemon's own, for
 * root and the daemon's user alone.
 *
 *   client  "receive 1 run|paused HOST", with two fds: what xl says, and
 *           what it hears; HOST is empty when nobody knows it
 *   daemon  when all is over: "0", or "1" and the error's text
 *
 * The bytes of the domain pass through neither.
 */
#ifndef XF_TOOLS_RECEIVE_H
#define XF_TOOLS_RECEIVE_H

#include "protocol/engine.h"

#define XF_RECEIVE_MESSAGE_MAX 4096
#define XF_RECEIVE_FDS 2

/* The path beside that of the daemon's socket. */
char *xf_receive_socket_path(const char *daemon_socket);

struct xf_receiver;

/* Listens; needs the default main context.  Domains come in threads that the
 * engine waits for, so this ends before the engine does. */
struct xf_receiver *xf_receiver_new(struct xf_engine *engine,
                                    const char *path, GError **err);
void xf_receiver_free(struct xf_receiver *receiver);

/* The client's side: leaves fds `in` and `out` to the daemon and waits for
 * its end.  TRUE: the domain runs here, or is paused as was asked for. */
gboolean xf_receive(const char *path, gboolean paused, const char *host,
                    int in, int out, GError **err);

#endif
