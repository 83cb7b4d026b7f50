/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stored domains of a host: those that are defined, whether they run or
 * not.  Kept in memory as they are in their store (domain-store.h); who they
 * are is read from their XML by the hypervisor.
 *
 * A domain that was handed to another host and stays defined here is marked
 * as away: it is not to be started by itself, nor by somebody who does not
 * know.  The mark goes when the domain comes back by a handoff, when its
 * definition comes from where it does not run, or when it is started all the
 * same.
 *
 * The set knows nothing of handoffs and of what runs: who may define, start
 * and undefine what is decided by its callers.  All calls may be made from
 * any thread.  Changes are on disk when a call returns TRUE.
 */
#ifndef XF_PROTOCOL_DEFINED_H
#define XF_PROTOCOL_DEFINED_H

#include "protocol/domain-store.h"
#include "protocol/hypervisor.h"

struct xf_definition {
    struct xf_hv_domain info;   /* as the XML has it: name, uuid, type,
                                 * memory, vcpus; domid -1 */
    char *xml;                  /* complete, with its secrets */
    gboolean autostart;
    char *away;                 /* where and when it was given away; NULL: it
                                 * was not */
    int reason;                 /* why it does not run: of enum
                                 * xf_domain_reason, unknown after a start */
};

void xf_definition_free(struct xf_definition *definition);
XF_DEFINE_AUTO(xf_definition, xf_definition_free);

struct xf_defined;

/* Borrows the hypervisor, takes over the store.  What cannot be read is
 * logged and left out. */
struct xf_defined *xf_defined_new(struct xf_hypervisor *hv,
                                  struct xf_domain_store *store,
                                  GError **err);
void xf_defined_free(struct xf_defined *set);

/* Copies, freed with the array, in the order of their names. */
GPtrArray *xf_defined_all(struct xf_defined *set);
/* Copies; NULL: there is none. */
struct xf_definition *xf_defined_by_uuid(struct xf_defined *set,
                                         const guint8 *uuid);
struct xf_definition *xf_defined_by_name(struct xf_defined *set,
                                         const char *name);

/* What the XML says, `name` (unless NULL) in place of its own; nothing is
 * changed.  XF_ERROR_XML for a name that no domain may have. */
struct xf_definition *xf_defined_read(struct xf_defined *set, const char *xml,
                                      const char *name, GError **err);
/* Is there no other domain of that name or uuid in the set?  Of both, it is
 * the same one.  XF_ERROR_OPERATION_FAILED, as libvirt has it. */
gboolean xf_defined_fits(struct xf_defined *set, const guint8 *uuid,
                         const char *name, GError **err);

/* Adds it, or replaces what has its uuid; its marks stay.  *updated: there
 * was one. */
gboolean xf_defined_put(struct xf_defined *set,
                        const struct xf_definition *definition,
                        gboolean *updated, GError **err);
/* The following three fail with XF_ERROR_NO_DOMAIN for a domain that is not
 * in the set. */
gboolean xf_defined_remove(struct xf_defined *set, const guint8 *uuid,
                           GError **err);
gboolean xf_defined_set_autostart(struct xf_defined *set, const guint8 *uuid,
                                  gboolean autostart, GError **err);
/* where NULL: it is not away. */
gboolean xf_defined_set_away(struct xf_defined *set, const guint8 *uuid,
                             const char *where, GError **err);
/* In memory alone; nothing for a domain that is not there. */
void xf_defined_set_reason(struct xf_defined *set, const guint8 *uuid,
                           int reason);

/* -- definitions that wait for a handoff to be committed -- */

/* Writes the XML aside, under the handoff's name for the domain.  Again for
 * the same token: in place of what was there. */
gboolean xf_defined_prepare(struct xf_defined *set, const char *token,
                            const struct xf_definition *definition,
                            GError **err);
/* What waits under that token, if anything, is the domain's definition from
 * now on.  May be done again. */
gboolean xf_defined_promote(struct xf_defined *set, const char *token,
                            GError **err);
gboolean xf_defined_drop(struct xf_defined *set, const char *token,
                         GError **err);
char **xf_defined_prepared(struct xf_defined *set, GError **err);

#endif
