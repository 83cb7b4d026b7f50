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
    const char *persist_xml;    /* what the destination stores, with
                                 * PERSIST_DEST; NULL: what it runs */
    guint64 bandwidth;      /* MiB/s, 0 = no limit */
    guint protocol;         /* enum xf_protocols: this one; 0: the newest that
                             * both sides have */
    /* Told which protocol was taken, before its first call; may be NULL. */
    void (*chosen)(void *user, const char *name);
    /* Told before each phase ("begin", "prepare", ...); may be NULL. */
    void (*phase)(void *user, const char *name);
    void *user;
};

/* By request->protocol, or the newest that both sides have: v3-params, v3,
 * v2, v1.  XF_ERROR_NO_SUPPORT, with what each side has, when there is none;
 * else as the protocol's own function below. */
struct xf_domain_ref *
xf_sequence_run(struct xf_conn *source, const struct xf_domain_ref *dom,
                struct xf_conn *destination,
                const struct xf_sequence_request *request, GError **err);

/* Protocol v1: Prepare, Perform, Finish.  All carry Prepare's cookie.
 *   Prepare fails, no uri       nothing more
 *   Perform fails               nothing more: no Finish
 *   Finish fails                nothing more: the source has no copy any more
 * PAUSED is added when the source is found paused before Prepare, from then
 * on.  An XML of the user's and CHANGE_PROTECTION cannot be carried and are
 * refused (XF_ERROR_ARG_UNSUPPORTED) before any call, and so is TUNNELLED,
 * which v2 takes as v3 does. */
struct xf_domain_ref *
xf_sequence_v1(struct xf_conn *source, const struct xf_domain_ref *dom,
               struct xf_conn *destination,
               const struct xf_sequence_request *request, GError **err);

/* Protocol v2: v1, and before it the XML is asked of the source and given to
 * Prepare.
 *   no uri from either side     Finish(cancelled)
 *   Perform fails               Finish(cancelled); a domain returned by it
 *                               has moved all the same: the reply of Perform
 *                               was lost (g_message)
 */
struct xf_domain_ref *
xf_sequence_v2(struct xf_conn *source, const struct xf_domain_ref *dom,
               struct xf_conn *destination,
               const struct xf_sequence_request *request, GError **err);

/* Protocol v3: Begin, Prepare, Perform, Finish, Confirm; in its wire form
 * without typed parameters when request->protocol is XF_PROTOCOL_V3, otherwise
 * in whichever each side has.  With libvirt's rules for what follows a
 * failure:
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
 *   Finish is not answered,     nothing more (XF_ERROR_IN_DOUBT): the domain
 *   and a side is none of ours  waits at the source, suspended; for it may
 *   (XF_FEATURE_XENFERRY)       run at the destination.  Not when OFFLINE
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
 * source only.  A destination that is none of ours (XF_FEATURE_XENFERRY) is
 * told neither UNSAFE nor the bandwidth: a stock libvirtd refuses them.
 *
 * OFFLINE needs its feature on both sides (XF_ERROR_ARG_UNSUPPORTED); there is
 * no Perform then, Finish has no cookie, and no uri is needed.  persist_xml
 * needs v3-params (XF_ERROR_ARG_UNSUPPORTED).
 *
 * TUNNELLED needs a source that is this process's own (an engine's
 * connection), and a destination of ours (XF_ERROR_ARG_UNSUPPORTED); it goes
 * with neither OFFLINE nor a uri (XF_ERROR_INVALID_ARG).  Prepare gives a
 * tunnel then, which goes to Perform; no phase but Prepare has the flag.
 *
 * Returns the domain at the destination, NULL on failure.  An error does not
 * say where the guest is: a reply may have been lost.  Ask the hosts.  Blocks;
 * may run in any thread. */
struct xf_domain_ref *
xf_sequence_v3(struct xf_conn *source, const struct xf_domain_ref *dom,
               struct xf_conn *destination,
               const struct xf_sequence_request *request, GError **err);

#endif
