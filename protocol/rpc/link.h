/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A link: one connected socket that packets go over, both ways, with
 * keepalive.  Server and client both stand on it.
 *
 * All reading and writing is done by the GMainContext that the link was made
 * for; nothing blocks it.  The functions below may be called in any thread
 * unless they say otherwise; ops are called in the context's thread only.
 *
 * PINGs are answered and PONGs taken by the link itself: packets of the
 * keepalive program never reach ops->packet().
 */
#ifndef XF_PROTOCOL_RPC_LINK_H
#define XF_PROTOCOL_RPC_LINK_H

#include "protocol/rpc/message.h"
#include "protocol/types.h"

/* While so much waits to be written, a link with ops->answers reads nothing
 * more: a peer that does not take its answers cannot make us keep more of
 * them.  (Were both ends to do so, each could wait for the other to read.) */
#define XF_RPC_OUT_MAX (1024 * 1024)

struct xf_rpc_link_ops {
    gboolean answers;   /* what is written answers what was read */
    /* One packet. */
    void (*packet)(void *user, const struct xf_rpc_header *header,
                   GBytes *packet);
    /* The link is down, `why` tells; said once, nothing follows. */
    void (*closed)(void *user, const GError *why);
};

struct xf_rpc_link;

/* Takes over fd (any connected stream socket) and makes it non-blocking.
 * `user` must stay until ops->closed() was called. */
struct xf_rpc_link *xf_rpc_link_new(int fd, GMainContext *context,
                                    const struct xf_rpc_link_ops *ops,
                                    void *user);
struct xf_rpc_link *xf_rpc_link_ref(struct xf_rpc_link *link);
/* The last reference goes only after ops->closed(). */
void xf_rpc_link_unref(struct xf_rpc_link *link);
XF_DEFINE_AUTO(xf_rpc_link, xf_rpc_link_unref);

/* Takes over the reference to packet.  On a link that is down: no effect. */
void xf_rpc_link_send(struct xf_rpc_link *link, GBytes *packet);

/* The same for what nobody asked for: FALSE, and packet is dropped, when
 * XF_RPC_OUT_MAX bytes wait to be written already. */
gboolean xf_rpc_link_offer(struct xf_rpc_link *link, GBytes *packet);

/* Stops or goes on reading; packets read already wait.  While reading is
 * stopped the peer is taken to be alive. */
void xf_rpc_link_set_reading(struct xf_rpc_link *link, gboolean reading);

/* Begins to ping the peer (interval 0: stops it). */
void xf_rpc_link_set_keepalive(struct xf_rpc_link *link, guint interval_ms,
                               guint count);

/* Another descriptor of its socket, to be asked and told about the connection;
 * -1: it is down.  To be closed as soon as the link is, for only then does the
 * peer see the end. */
int xf_rpc_link_dup(struct xf_rpc_link *link);

/* Closes soon; ops->closed() is called from the context. */
void xf_rpc_link_close(struct xf_rpc_link *link);

/* Closes before it returns, ops->closed() included; only in the context's
 * thread. */
void xf_rpc_link_close_now(struct xf_rpc_link *link);

#endif
