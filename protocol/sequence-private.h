/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the sequences share. */
#ifndef XF_PROTOCOL_SEQUENCE_PRIVATE_H
#define XF_PROTOCOL_SEQUENCE_PRIVATE_H

#include "protocol/sequence.h"

/* What only the source is to know of, and only the client. */
#define XF_SEQUENCE_SOURCE_ONLY                                             \
    (XF_MIGRATE_ABORT_ON_ERROR | XF_MIGRATE_AUTO_CONVERGE                   \
     | XF_MIGRATE_CHANGE_PROTECTION)

/* 1 yes, 0 no, -1 error.  A peer that has no such call has no feature. */
int xf_sequence_has(struct xf_conn *conn, enum xf_feature feature,
                    GError **err);
/* Nothing that is tunnelled goes elsewhere, and only one of ours takes it:
 * is that so?  `ours`: whether the destination is. */
gboolean xf_sequence_check_tunnel(const struct xf_sequence_request *request,
                                  gboolean ours, GError **err);
/* Is the domain paused at its source? */
gboolean xf_sequence_paused(struct xf_conn *source,
                            const struct xf_domain_ref *dom,
                            gboolean *paused, GError **err);
void xf_sequence_enter(const struct xf_sequence_request *request,
                       const char *phase);

/* -- sequence-v1.c: of v1 and v2 -- */

/* A move by calls that all carry Prepare's cookie. */
struct xf_old_move {
    struct xf_conn *source;
    struct xf_conn *destination;
    const struct xf_domain_ref *dom;
    const struct xf_sequence_request *request;
    guint32 flags;
    char *xml;                  /* v2 */
    char *uri;                  /* Prepare's, else the user's */
    GBytes *cookie;             /* Prepare's */
    struct xf_tunnel tunnel;    /* v2: Prepare's, in place of an uri */
};

void xf_old_move_clear(struct xf_old_move *m);
/* Refuses what these protocols cannot carry; asks for the domain's state. */
gboolean xf_old_move_init(struct xf_old_move *m, GError **err);
gboolean xf_old_move_is_tunnelled(const struct xf_old_move *m);
/* The arguments of a call; the destination's, or the source's.  How the
 * stream goes is Prepare's and Perform's business alone. */
struct xf_migrate_args xf_old_move_args(const struct xf_old_move *m,
                                        gboolean to_destination);
/* FALSE with an error when it is not known where the stream is to go, and it
 * has no tunnel. */
gboolean xf_old_move_uri(struct xf_old_move *m, char *uri, GError **err);
gboolean xf_old_move_perform(struct xf_old_move *m, GError **err);

/* After a Finish(cancelled): what went wrong at the destination is often why
 * the source failed, which saw no more than a connection that broke.  It
 * follows *err, unless it says that all was undone as asked. */
void xf_sequence_add_why(GError **err, const GError *why);

#endif
