/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stream of the wire: after a call that opens one has been answered,
 * packets of type STREAM with that call's numbers carry bytes both ways on
 * its connection.  Here it leads to a socket: what comes in is written to it,
 * what is read from it goes out.  Who has the other end of that socket (a
 * socket pair) need know nothing of packets, and may block.
 *
 *   data             status CONTINUE, bytes
 *   client's end     status OK, empty; the server answers the same
 *   client's abort   status ERROR, empty; likewise
 *   server's end     status ERROR, an error struct
 *
 * Either end is that of both directions.  Nothing is lost by it that came
 * before: it is written to the socket first.
 *
 * Bounded: a few packets wait to go out, then the socket is not read any
 * more; of what waits to be written to it `ops->waiting` tells, and the
 * connection's owner stops reading from there.  So who reads slowly slows
 * down who writes, over there.
 *
 * All work is done by the link's GMainContext, in small pieces that do not
 * block.  Functions are for its thread, if they do not say otherwise.
 */
#ifndef XF_PROTOCOL_RPC_STREAM_H
#define XF_PROTOCOL_RPC_STREAM_H

#include "protocol/rpc/link.h"

/* So much may wait to be written before an owner is to stop reading. */
#define XF_RPC_STREAM_IN_MAX (1024 * 1024)

struct xf_rpc_stream;

struct xf_rpc_stream_ops {
    gboolean server;
    /* So many bytes more, or fewer, wait to be written to the socket. */
    void (*waiting)(void *user, gssize change);
    /* It has ended: the last that is said.  The owner drops its reference. */
    void (*ended)(void *user, struct xf_rpc_stream *stream);
};

/* Of the call with that header.  Takes over fd.  Nothing happens before
 * start().  `user` must stay until ops->ended() was called, or end().  Any
 * thread. */
struct xf_rpc_stream *
xf_rpc_stream_new(struct xf_rpc_link *link, GMainContext *context,
                  const struct xf_rpc_header *call, int fd,
                  const struct xf_rpc_stream_ops *ops, void *user);
struct xf_rpc_stream *xf_rpc_stream_ref(struct xf_rpc_stream *stream);
/* Any thread; the last reference to one that was started goes only after its
 * end. */
void xf_rpc_stream_unref(struct xf_rpc_stream *stream);
XF_DEFINE_AUTO(xf_rpc_stream, xf_rpc_stream_unref);

/* Goes out before anything else, in one packet; before start().  Any
 * thread. */
void xf_rpc_stream_head(struct xf_rpc_stream *stream, GBytes *head);
/* The call has been answered.  Any thread. */
void xf_rpc_stream_start(struct xf_rpc_stream *stream);

/* One packet of type STREAM for it. */
void xf_rpc_stream_packet(struct xf_rpc_stream *stream,
                          const struct xf_rpc_header *header, GBytes *packet);

/* Its call, as a key for tables. */
guint32 xf_rpc_stream_serial(const struct xf_rpc_stream *stream);
/* Does a packet with that header belong to it? */
gboolean xf_rpc_stream_is(const struct xf_rpc_stream *stream,
                          const struct xf_rpc_header *header);

/* The connection is gone: closes the socket.  ops are not called. */
void xf_rpc_stream_end(struct xf_rpc_stream *stream);

#endif
