/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients that never learned v3, and hosts that are none of ours.  Each
 * protocol is a thin adaptor over the engine: what moves a domain, and what
 * decides, is the same for all.
 *
 * v1: Prepare, Perform, Finish.  The client carries neither XML nor verdict,
 * sends no Finish after a failed Perform, and may vanish between any two.
 * v2: v1 with the XML in Prepare and a verdict in Finish; its first step, the
 * XML, and its Perform are calls that are there anyway.  Peer to peer it can
 * be tunnelled.
 * p2p: the client calls Perform alone, and this host's daemon is the client of
 * the destination.
 * direct: likewise, but the destination has no daemon at all: direct.h.
 * libvirtd: the other host is a stock libvirtd, which knows v3 with typed
 * parameters, but nothing of handoffs.
 */
#ifndef XF_COMPAT_COMPAT_H
#define XF_COMPAT_COMPAT_H

#include "protocol/engine.h"

/* A connection for one client, as xf_engine_open() gives it, that has v1's
 * and v2's calls and peer-to-peer besides. */
struct xf_conn *xf_compat_open(struct xf_engine *engine);

/* Does Perform name a destination that has only xl? */
gboolean xf_compat_is_direct(const struct xf_migrate_args *args);

/* -- v1.c -- */
gboolean xf_v1_prepare(struct xf_conn *conn,
                       const struct xf_migrate_args *args,
                       GBytes **cookie_out, char **uri_out, GError **err);
/* Perform is also v2's. */
gboolean xf_v1_perform(struct xf_conn *conn, const struct xf_domain_ref *dom,
                       const struct xf_migrate_args *args, GError **err);
struct xf_domain_ref *xf_v1_finish(struct xf_conn *conn,
                                   const struct xf_migrate_args *args,
                                   GError **err);
/* Flags that these clients cannot have honoured, by name. */
gboolean xf_v1_check_flags(const struct xf_migrate_args *args, GError **err);

/* -- p2p.c -- */
/* A move to the host that the connection uri `to` names; `uri`: where the
 * stream goes, NULL: the destination says.  FALSE: the domain is here. */
gboolean xf_p2p_move(struct xf_conn *conn, const struct xf_domain_ref *dom,
                     const struct xf_migrate_args *args, const char *to,
                     const char *uri, GError **err);

/* -- libvirtd.c -- */
/* Is it Perform to a stock libvirtd? */
gboolean xf_libvirtd_receives(const struct xf_migrate_args *args);
gboolean xf_libvirtd_perform(struct xf_conn *conn,
                             const struct xf_domain_ref *dom,
                             const struct xf_migrate_args *args,
                             GError **err);
/* The cookie, when it is Prepare for a stock libvirtd's domain; or NULL. */
struct xf_cookie *xf_libvirtd_sends(const struct xf_migrate_args *args);
gboolean xf_libvirtd_prepare(struct xf_conn *conn,
                             const struct xf_migrate_args *args,
                             const struct xf_cookie *cookie, char **uri_out,
                             GError **err);

/* -- v2.c -- */
gboolean xf_v2_prepare(struct xf_conn *conn,
                       const struct xf_migrate_args *args,
                       GBytes **cookie_out, char **uri_out, GError **err);
/* The stream comes by the client's connection. */
gboolean xf_v2_prepare_tunnel(struct xf_conn *conn,
                              const struct xf_migrate_args *args,
                              struct xf_tunnel *tunnel, GBytes **cookie_out,
                              GError **err);
struct xf_domain_ref *xf_v2_finish(struct xf_conn *conn,
                                   const struct xf_migrate_args *args,
                                   GError **err);

#endif
