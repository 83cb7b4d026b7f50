/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server: libvirt's remote protocol over a driver.
 *
 * Sockets are served by one GMainContext and never block it; calls run in
 * two pools of threads, one for calls that end at once and one for those
 * that may last (all of migration, create, destroy, a domain's XML, ...), so
 * a slow call delays neither other clients nor other calls on its own
 * connection.
 * Replies go out in the order in which the calls end.
 *
 * Each client has a driver connection of its own from its open call until it
 * is gone and its last call has returned (driver.h: client_gone, close).
 */
#ifndef XF_PROTOCOL_RPC_SERVER_H
#define XF_PROTOCOL_RPC_SERVER_H

#include "protocol/driver.h"

struct xf_rpc_server_config {
    guint max_clients;              /* over unix sockets, and as many over
                                     * TCP; more wait to be accepted */
    guint max_calls;                /* of one client, under way; more wait in
                                     * its socket */
    guint open_timeout_ms;          /* from connect to open; 0: any time */
    guint keepalive_interval_ms;    /* pings to clients that know keepalive;
                                     * 0: none */
    guint keepalive_count;
    guint protocols;                /* enum xf_protocols: what is offered; of
                                     * the others, features are denied and
                                     * procedures refused */
};

/* Defaults: 500, 250, 30 s, 5 s, 5, all. */
void xf_rpc_server_config_init(struct xf_rpc_server_config *config);

/* Where driver connections for new clients come from; the context's
 * thread. */
struct xf_rpc_backend {
    struct xf_conn *(*open)(void *user, GError **err);
    void *user;
};

struct xf_rpc_server;

/* Copies both structs.  All functions below are for the context's thread (or
 * for any while the context does not run). */
struct xf_rpc_server *
xf_rpc_server_new(GMainContext *context,
                  const struct xf_rpc_server_config *config,
                  const struct xf_rpc_backend *backend);
/* No new clients, all links closed, client_gone told; returns when the last
 * call has returned and all driver connections are closed. */
void xf_rpc_server_free(struct xf_rpc_server *server);

/* A socket that only this user can reach (mode 0600; a missing folder is
 * made with 0700).  A socket left by a daemon that is no more is replaced;
 * XF_ERROR_BUSY when somebody listens there, XF_ERROR_INVALID_ARG when
 * something else is there.  Removed by free. */
gboolean xf_rpc_server_listen_unix(struct xf_rpc_server *server,
                                   const char *path, GError **err);
/* `address` is a numeric one, or NULL: all, v4 and v6.  *port 0: any free
 * one, then set to it. */
gboolean xf_rpc_server_listen_tcp(struct xf_rpc_server *server,
                                  const char *address, guint16 *port,
                                  GError **err);

/* Serves a connected socket, which it takes over. */
void xf_rpc_server_add_client(struct xf_rpc_server *server, int fd);

/* Clients connected now. */
guint xf_rpc_server_count(struct xf_rpc_server *server);

#endif
