/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keeper: acts when a domain that it looks after ends.
 *
 * libxl itself does nothing when a guest powers off, reboots or crashes: the
 * domain stays, dead, until a toolstack does what the configuration says
 * (destroy, restart, rename-restart, preserve, coredump-*, soft-reset).  That
 * is done here, for the domains that were created or received by us.
 *
 * They are remembered in xenstore, <XF_KEEPER_ROOT>/<domid> = uuid, readable
 * by dom0 only, so that a restarted daemon takes them up again; also what
 * they died of meanwhile.
 *
 * A guest that suspends for a migration has not died.  But one that was
 * asked to suspend, did not in time, and does it after everybody has given
 * up, would stay frozen for ever: while it stands as late (holds.h) the keeper
 * lets it run on.
 *
 * A guest that ends again and again soon after its start is not started for
 * ever: when it has ended XF_KEEPER_QUICK_MAX times in a row within
 * XF_KEEPER_QUICK_MS of its start, it is left destroyed, with a warning.
 *
 * One thread waits for the events (own context); what is to be done runs in
 * threads of its own, one per domain at a time.  Calls may come from any
 * thread and return at once unless said otherwise.
 */
#ifndef XF_XEN_KEEPER_H
#define XF_XEN_KEEPER_H

#include "xen/context.h"
#include "xen/holds.h"

#define XF_KEEPER_ROOT "/tool/xenferry/keeper"
#define XF_KEEPER_QUICK_MS 30000
#define XF_KEEPER_QUICK_MAX 5
#define XF_KEEPER_LATE_MS (10 * 60 * 1000)

struct xf_keeper;

struct xf_keeper_owner {
    /* Borrowed: who else has to do with a domain's suspension. */
    struct xf_holds *holds;
    /* A domain has ended, and has been seen to. */
    void (*ended)(void *user, const struct xf_hv_ending *ending);
    void *user;
};

/* Takes up the domains that xenstore names.  Borrows the pool. */
struct xf_keeper *xf_keeper_new(struct xf_context_pool *pool,
                                const struct xf_keeper_owner *owner,
                                GError **err);
/* Waits for acts under way; the domains stay remembered. */
void xf_keeper_free(struct xf_keeper *keeper);

/* From now on that domain is looked after.  It has been written down when
 * this returns TRUE. */
gboolean xf_keeper_add(struct xf_keeper *keeper, int domid,
                       const guint8 *uuid, GError **err);
/* A suspend of that domain, whoever's it is, is over, and the guest runs,
 * maybe to suspend later, or has died of something else meanwhile: its events
 * are asked for anew.  What it may do late is in the holds before this. */
void xf_keeper_suspend_failed(struct xf_keeper *keeper, int domid);
/* It was suspended and runs again: libxl tells of a shutdown only once, so
 * its events have to be asked for anew. */
void xf_keeper_resumed(struct xf_keeper *keeper, int domid);

#endif
