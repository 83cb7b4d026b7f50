/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may let a suspended guest run on.
 *
 * A guest that was asked to suspend, did not in time, and does it after
 * everybody has given up would stay frozen for ever: for some minutes it is
 * let run on by whoever sees it suspended (the keeper).  But the same guest
 * may be suspended by the next move meanwhile, and its copy run elsewhere:
 * then nobody may let it run but by resume(), which is the commit rule's.
 * An event about the first can come long after the second.
 *
 * So there is one place that says how it stands with each domain, and who
 * acts on its suspension enters first, keeps all others out, and says on
 * leaving how it stands now:
 *
 *   free    nobody has asked it to suspend, or it has been seen to
 *   kept    suspend() has left it suspended: until resume(), or its end
 *   late    it was asked, it runs, and it may still suspend: until a time
 *
 * Nothing here knows of Xen: tests, and the simulated host, use it as it is.
 * All calls from any thread; times are monotonic us.
 */
#ifndef XF_XEN_HOLDS_H
#define XF_XEN_HOLDS_H

#include "protocol/hypervisor.h"

enum xf_hold {
    XF_HOLD_FREE,
    XF_HOLD_KEPT,
    XF_HOLD_LATE,
    XF_HOLD_BUSY,               /* somebody has entered */
};

struct xf_holds;

struct xf_holds *xf_holds_new(void);
void xf_holds_free(struct xf_holds *holds);
XF_DEFINE_AUTO(xf_holds, xf_holds_free);

enum xf_hold xf_holds_look(struct xf_holds *holds, int domid, gint64 now);

/* To suspend or to resume it.  FALSE: somebody else is at it.  End with one
 * of the leave functions. */
gboolean xf_holds_enter(struct xf_holds *holds, int domid);
/* To let it run on since it suspends late: only while it stands so. */
gboolean xf_holds_enter_late(struct xf_holds *holds, int domid, gint64 now);

/* It stands as before. */
void xf_holds_leave(struct xf_holds *holds, int domid);
/* After suspend().  late_until counts when the guest runs: it may suspend
 * late until then; 0: this suspend() has not asked it, or has taken the
 * request back (an earlier one may have asked it, though). */
void xf_holds_leave_suspend(struct xf_holds *holds, int domid,
                            enum xf_suspend_outcome outcome,
                            gint64 late_until);
/* It has been let run on. */
void xf_holds_leave_resumed(struct xf_holds *holds, int domid);

/* An earlier process may have asked it to suspend; late_until 0: it has not
 * taken that request, and will not.  FALSE: this process has had to do with
 * it since, and knows better. */
gboolean xf_holds_asked_before(struct xf_holds *holds, int domid,
                               gint64 late_until);

/* There is no such domain any more. */
void xf_holds_forget(struct xf_holds *holds, int domid);

#endif
