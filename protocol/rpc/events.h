/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the server: the events that one client has asked for.
 *
 * Messages go out on the client's link among its replies.  When too much of
 * what was sent waits there, the client does not read its events: it is
 * dropped, since it can notice a lost connection, but not a lost event.
 *
 * All functions may be called in any thread.
 */
#ifndef XF_PROTOCOL_RPC_EVENTS_H
#define XF_PROTOCOL_RPC_EVENTS_H

#include "protocol/notice.h"
#include "protocol/rpc/link.h"

struct xf_rpc_events;

struct xf_rpc_events *xf_rpc_events_new(struct xf_rpc_link *link);
struct xf_rpc_events *xf_rpc_events_ref(struct xf_rpc_events *events);
void xf_rpc_events_unref(struct xf_rpc_events *events);

/* Returns the callback's id; `dom` NULL: of all domains.  0 with an error
 * when there is no such event, or the client has too many. */
int xf_rpc_events_add(struct xf_rpc_events *events, int kind,
                      const struct xf_domain_ref *dom, GError **err);
gboolean xf_rpc_events_remove(struct xf_rpc_events *events, int callback,
                              GError **err);
/* For clients that know of no callback ids: once for each kind, whose
 * messages carry none. */
gboolean xf_rpc_events_add_old(struct xf_rpc_events *events, int kind,
                               GError **err);
gboolean xf_rpc_events_remove_old(struct xf_rpc_events *events, int kind,
                                  GError **err);

/* xf_notices_listen()'s function; `events` its user. */
void xf_rpc_events_notice(void *events, const struct xf_notice *notice);

#endif
