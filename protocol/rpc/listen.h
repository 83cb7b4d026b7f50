/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listening sockets: non-blocking and close-on-exec. */
#ifndef XF_PROTOCOL_RPC_LISTEN_H
#define XF_PROTOCOL_RPC_LISTEN_H

#include "protocol/error.h"

/* As xf_rpc_server_listen_unix() and _tcp() say; -1 on error. */
int xf_rpc_listen_unix(const char *path, GError **err);
int xf_rpc_listen_tcp(const char *address, guint16 *port, GError **err);

#endif
