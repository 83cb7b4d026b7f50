/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the server: one client, from accept to its last call.
 *
 * A session lives as long as its link or a call of it; its driver connection
 * as long as it is open or a call on it runs.
 */
#ifndef XF_PROTOCOL_RPC_SESSION_H
#define XF_PROTOCOL_RPC_SESSION_H

#include "protocol/rpc/procs.h"
#include "protocol/rpc/server.h"

/* What the sessions have from their server; it outlives them. */
struct xf_rpc_session_env {
    GMainContext *context;
    struct xf_rpc_server_config config;
    struct xf_rpc_backend backend;
    GThreadPool *quick;
    GThreadPool *slow;
    /* The link is down: the server drops its reference. */
    void (*closed)(void *user, struct xf_rpc_session *session);
    void *user;
};

/* Takes over fd.  In the context's thread. */
struct xf_rpc_session *xf_rpc_session_new(struct xf_rpc_session_env *env,
                                          int fd);
void xf_rpc_session_unref(struct xf_rpc_session *session);
/* Closes the link; env->closed() is called before it returns.  In the
 * context's thread. */
void xf_rpc_session_drop(struct xf_rpc_session *session);

/* The pools' function. */
void xf_rpc_session_run(gpointer job, gpointer unused);

#endif
