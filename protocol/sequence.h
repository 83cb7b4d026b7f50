/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client's part of a migration: which phase is called on which side, in
 * which order, carrying which cookie.  It works over any two drivers.
 */
#ifndef XF_PROTOCOL_SEQUENCE_H
#define XF_PROTOCOL_SEQUENCE_H

#include "protocol/driver.h"

/* What the user asked for. */
struct xf_sequence_request {
    guint32 flags;          /* enum xf_migrate_flags */
    const char *dname;      /* NULL: keep the name */
    const char *uri;        /* NULL: the destination's choice */
    const char *xml;        /* NULL: Begin's */
    guint64 bandwidth;      /* MiB/s, 0 = no limit */
    /* Told before each phase ("begin", "prepare", ...); may be NULL. */
    void (*phase)(void *user, const char *name);
    void *user;
};

/* Protocol v3: Begin, Prepare, Perform, Finish, Confirm, with libvirt's
 * rules for what follows a failure:
 *   a side has neither feature MIGRATION_V3 nor MIGRATION_PARAMS
 *                               nothing is called (XF_ERROR_NO_SUPPORT)
 *   Begin fails                 nothing more
 *   Prepare fails, or the       Confirm(cancelled, no cookie) if the source
 *   source's state is not told  has feature CHANGE_PROTECTION, else nothing
 *   no uri from either side     Finish(cancelled), Confirm(cancelled): there
 *                               was no Perform, so whatever Finish says the
 *                               source's copy is the copy
 *   Perform fails               Finish(cancelled, no cookie), no Confirm
 *   Finish fails                Confirm(cancelled, no cookie)
 *   Confirm fails               the domain is returned all the same; the
 *                               failure is logged (g_warning)
 * Each phase gets the cookie that the phase before it gave, and no other.
 * PAUSED is added when the source is found paused after Begin.  Prepare's
 * uri wins over the user's.  After Perform, Confirm is told the verdict of
 * Finish: the domain it returned, or none.  The first error is the one
 * reported, and names its phase; what fails while undoing is logged.
 *
 * Flags: CHANGE_PROTECTION goes to the source, always and only if it has that
 * feature, asked for or not; without the feature the user's wish is refused
 * (XF_ERROR_ARG_UNSUPPORTED).  ABORT_ON_ERROR and AUTO_CONVERGE go to the
 * source only.
 *
 * Returns the domain at the destination, NULL on failure.  An error does not
 * say where the guest is: a reply may have been lost.  Ask the hosts.  Blocks;
 * may run in any thread. */
struct xf_domain_ref *
xf_sequence_v3(struct xf_conn *source, const struct xf_domain_ref *dom,
               struct xf_conn *destination,
               const struct xf_sequence_request *request, GError **err);

#endif
