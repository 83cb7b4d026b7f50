/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "xen/holds.h"

struct hold {
    gboolean busy;
    gboolean kept;
    gint64 late_until;          /* 0: not late */
};

struct xf_holds {
    GMutex lock;
    GHashTable *all;            /* domid -> struct hold *; lock */
};

struct xf_holds *
xf_holds_new(void)
{
    struct xf_holds *holds = g_new0(struct xf_holds, 1);

    g_mutex_init(&holds->lock);
    holds->all = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return holds;
}

void
xf_holds_free(struct xf_holds *holds)
{
    if (!holds)
        return;
    g_hash_table_unref(holds->all);
    g_mutex_clear(&holds->lock);
    g_free(holds);
}

/* Need the lock, as all that has no xf_. */
static struct hold *
find(struct xf_holds *holds, int domid)
{
    return g_hash_table_lookup(holds->all, GINT_TO_POINTER(domid));
}

static struct hold *
need(struct xf_holds *holds, int domid)
{
    struct hold *hold = find(holds, domid);

    if (!hold) {
        hold = g_new0(struct hold, 1);
        g_hash_table_insert(holds->all, GINT_TO_POINTER(domid), hold);
    }
    return hold;
}

static enum xf_hold
stands(const struct hold *hold, gint64 now)
{
    return !hold                    ? XF_HOLD_FREE
           : hold->busy             ? XF_HOLD_BUSY
           : hold->kept             ? XF_HOLD_KEPT
           : now < hold->late_until ? XF_HOLD_LATE
                                    : XF_HOLD_FREE;
}

enum xf_hold
xf_holds_look(struct xf_holds *holds, int domid, gint64 now)
{
    g_mutex_lock(&holds->lock);

    enum xf_hold is = stands(find(holds, domid), now);

    g_mutex_unlock(&holds->lock);
    return is;
}

gboolean
xf_holds_enter(struct xf_holds *holds, int domid)
{
    g_mutex_lock(&holds->lock);

    struct hold *hold = need(holds, domid);
    gboolean free = !hold->busy;

    hold->busy = TRUE;
    g_mutex_unlock(&holds->lock);
    return free;
}

gboolean
xf_holds_enter_late(struct xf_holds *holds, int domid, gint64 now)
{
    g_mutex_lock(&holds->lock);

    struct hold *hold = find(holds, domid);
    gboolean late = stands(hold, now) == XF_HOLD_LATE;

    if (late)
        hold->busy = TRUE;
    g_mutex_unlock(&holds->lock);
    return late;
}

void
xf_holds_leave(struct xf_holds *holds, int domid)
{
    g_mutex_lock(&holds->lock);
    need(holds, domid)->busy = FALSE;
    g_mutex_unlock(&holds->lock);
}

void
xf_holds_leave_suspend(struct xf_holds *holds, int domid,
                       enum xf_suspend_outcome outcome, gint64 late_until)
{
    g_mutex_lock(&holds->lock);

    struct hold *hold = need(holds, domid);

    hold->busy = FALSE;
    hold->kept = outcome == XF_SUSPEND_DONE || outcome == XF_SUSPEND_STOPPED;
    if (outcome != XF_SUSPEND_RUNNING)
        hold->late_until = 0;
    else if (late_until)
        hold->late_until = late_until;
    g_mutex_unlock(&holds->lock);
}

void
xf_holds_leave_resumed(struct xf_holds *holds, int domid)
{
    g_mutex_lock(&holds->lock);
    *need(holds, domid) = (struct hold){ 0 };
    g_mutex_unlock(&holds->lock);
}

gboolean
xf_holds_asked_before(struct xf_holds *holds, int domid, gint64 late_until)
{
    g_mutex_lock(&holds->lock);

    gboolean known = find(holds, domid) != NULL;

    if (!known)
        need(holds, domid)->late_until = late_until;
    g_mutex_unlock(&holds->lock);
    return !known;
}

void
xf_holds_forget(struct xf_holds *holds, int domid)
{
    g_mutex_lock(&holds->lock);
    g_hash_table_remove(holds->all, GINT_TO_POINTER(domid));
    g_mutex_unlock(&holds->lock);
}
