/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connection uris (client.h lists them) and the sockets behind them. */
#ifndef XF_PROTOCOL_RPC_URI_H
#define XF_PROTOCOL_RPC_URI_H

#include "protocol/error.h"
#include "protocol/types.h"

struct xf_rpc_uri {
    char *socket;   /* path of a unix socket, or NULL: TCP */
    char *host;
    guint16 port;
};

/* NULL with XF_ERROR_INVALID_ARG naming what is wrong and what would be
 * right. */
struct xf_rpc_uri *xf_rpc_uri_parse(const char *text, GError **err);
void xf_rpc_uri_free(struct xf_rpc_uri *uri);
XF_DEFINE_AUTO(xf_rpc_uri, xf_rpc_uri_free);

/* A connected, non-blocking, close-on-exec socket; -1 with
 * XF_ERROR_NO_CONNECT or XF_ERROR_TIMEOUT.  `deadline` is a monotonic time in
 * us.  Looking the host's name up is the resolver's own time. */
int xf_rpc_uri_connect(const struct xf_rpc_uri *uri, gint64 deadline,
                       GError **err);

/* For a socket of TCP that packets go over: small packets leave at once, and
 * a link that is dead is noticed also where keepalive messages are off. */
void xf_rpc_tune_tcp(int fd);

#endif
