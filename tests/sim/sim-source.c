/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The source's part.  What became of a guest is never told from a return
 * code: the domain is asked.
 */
#include "config.h"

#include "tests/sim/faults.h"
#include "tests/sim/sim-private.h"
#include "tests/sim/sim-xml.h"

#include <errno.h>
#include <string.h>

#define WATCH_POLL_US 2000

gboolean
sim_can_leave(struct xf_hypervisor *hv, int domid, gboolean live,
              GError **err)
{
    struct sim *sim = (struct sim *)hv;

    if (!domid) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "dom0 is the host itself and cannot leave it");
        return FALSE;
    }

    XF_AUTO(sim_domain) *dom = sim_look_up(sim, domid, err);

    if (!dom)
        return FALSE;
    if (dom->dying || dom->shutdown != SIM_UP) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain %s is %s; only one that runs or is paused can "
                    "leave", dom->name,
                    dom->shutdown == SIM_SUSPENDED ? "suspended" : "down");
        return FALSE;
    }
    if (sim_point(sim->host, dom->name, "can-leave", 0, -1)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain %s cannot leave, as ordered", dom->name);
        return FALSE;
    }
    return TRUE;
}

/* Of a simulated guest's machine its memory and CPUs can be seen. */
gboolean
sim_same_guest(struct xf_hypervisor *hv, int domid, const char *text,
               const char *dname, GError **err)
{
    struct sim *sim = (struct sim *)hv;
    XF_AUTO(sim_domain) *dom = sim_look_up(sim, domid, err);
    XF_AUTO(sim_xml) *xml = dom ? sim_xml_parse(text, err) : NULL;

    if (!xml)
        return FALSE;
    if (strcmp(xml->name, dom->name) != 0
        && g_strcmp0(xml->name, dname) != 0)
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "name: %s here, %s there", dom->name, xml->name);
    else if (g_ascii_strcasecmp(xml->uuid, dom->uuid) != 0
             || xml->memory_kib != (guint64)dom->memory_kib
             || xml->vcpus != (guint)dom->vcpus)
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "domain %s would be another machine", dom->name);
    else
        return TRUE;
    return FALSE;
}

char *
sim_origin(struct xf_hypervisor *hv, int domid)
{
    return sim_host_read(((struct sim *)hv)->host, "origin");
}

/* -- guests that suspend too late -- */

/* In the place of the keeper: it knows no more than the keeper does, and what
 * it may do is the same holds' to say. */
struct watch {
    struct sim *sim;
    int domid;
    gint64 until;
};

static void
let_run(struct watch *watch, struct fakexl *xl)
{
    struct xf_holds *holds = watch->sim->holds;

    if (!xf_holds_enter_late(holds, watch->domid, g_get_monotonic_time()))
        return;
    if (fakexl_resume(xl, watch->domid) == FAKEXL_OK)
        xf_holds_leave_resumed(holds, watch->domid);
    else
        xf_holds_leave(holds, watch->domid);
}

/* TRUE: keep on watching. */
static gboolean
watch_look(struct watch *watch)
{
    XF_AUTO(fakexl) *xl = fakexl_new(watch->sim->host);
    XF_AUTO(sim_domain) *dom = fakexl_info(xl, watch->domid);

    if (!dom || g_get_monotonic_time() > watch->until)
        return FALSE;
    if (dom->shutdown == SIM_SUSPENDED)
        let_run(watch, xl);
    return TRUE;
}

static gpointer
watch_thread(gpointer data)
{
    struct watch *watch = data;
    struct sim *sim = watch->sim;
    gboolean on = TRUE;

    g_mutex_lock(&sim->lock);
    while (on && !sim->stopping) {
        g_mutex_unlock(&sim->lock);
        on = watch_look(watch);
        if (on)
            sim_wait_us(WATCH_POLL_US, -1);
        g_mutex_lock(&sim->lock);
    }
    sim->watchers--;
    g_cond_broadcast(&sim->idle);
    g_mutex_unlock(&sim->lock);
    g_free(watch);
    return NULL;
}

static gint64
late_until(struct sim *sim, const struct sim_domain *dom)
{
    gint64 ms = sim_knob_int(sim->host, dom->name, "late-watch-ms", 2000);

    return g_get_monotonic_time() + ms * 1000;
}

static void
watch_late(struct sim *sim, int domid, gint64 until)
{
    struct watch *watch = g_new0(struct watch, 1);

    watch->sim = sim;
    watch->domid = domid;
    watch->until = until;
    g_mutex_lock(&sim->lock);
    sim->watchers++;
    g_mutex_unlock(&sim->lock);
    g_thread_unref(g_thread_new("sim-watch", watch_thread, watch));
}

/* -- suspend -- */

struct suspend {
    struct sim *sim;
    struct fakexl *xl;
    int domid;
    gboolean was_paused;
    const struct xf_progress *progress;
};

static void
on_frames(void *user, guint iteration, guint64 done, guint64 total)
{
    struct suspend *suspend = user;

    if (suspend->progress && suspend->progress->frames)
        suspend->progress->frames(suspend->progress->user, iteration, done,
                                  total);
}

/* A paused guest cannot see the request: it runs from now until it has
 * suspended itself. */
static void
on_asked(void *user)
{
    struct suspend *suspend = user;

    if (suspend->was_paused)
        fakexl_unpause(suspend->xl, suspend->domid);
}

static void
on_suspended(void *user)
{
    struct suspend *suspend = user;

    if (suspend->progress && suspend->progress->suspended)
        suspend->progress->suspended(suspend->progress->user);
}

static gboolean
enter(struct sim *sim, int domid, GError **err)
{
    if (xf_holds_enter(sim->holds, domid))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_BUSY,
                "domain %d is being suspended or resumed already", domid);
    return FALSE;
}

/* Can be told to abort from now on. */
static void
show(struct suspend *suspend)
{
    g_mutex_lock(&suspend->sim->lock);
    g_hash_table_insert(suspend->sim->suspends,
                        GINT_TO_POINTER(suspend->domid), suspend->xl);
    g_mutex_unlock(&suspend->sim->lock);
}

static void
hide(struct suspend *suspend)
{
    g_mutex_lock(&suspend->sim->lock);
    g_hash_table_remove(suspend->sim->suspends,
                        GINT_TO_POINTER(suspend->domid));
    g_mutex_unlock(&suspend->sim->lock);
}

/* Asks the domain itself; rc only tells whether the stream is whole. */
static enum xf_suspend_outcome
ask_domain(struct suspend *suspend, int rc)
{
    XF_AUTO(sim_domain) *dom = fakexl_info(suspend->xl, suspend->domid);

    if (!dom || dom->dying || dom->shutdown > SIM_SUSPENDED)
        return XF_SUSPEND_GONE;
    if (dom->shutdown == SIM_SUSPENDED)
        return rc ? XF_SUSPEND_STOPPED : XF_SUSPEND_DONE;
    if (suspend->was_paused)
        fakexl_pause(suspend->xl, suspend->domid);
    return XF_SUSPEND_RUNNING;
}

static void
leave(struct suspend *suspend, const struct sim_domain *dom,
      enum xf_suspend_outcome outcome)
{
    struct sim *sim = suspend->sim;
    gboolean late = outcome == XF_SUSPEND_RUNNING && suspend->xl->has_asked &&
                    !fakexl_take_request_back(suspend->xl, suspend->domid);
    gint64 until = late ? late_until(sim, dom) : 0;

    xf_holds_leave_suspend(sim->holds, suspend->domid, outcome, until);
    if (late)
        watch_late(sim, suspend->domid, until);
}

static void
set_suspend_error(struct suspend *suspend, const struct sim_domain *dom,
                  int rc, gboolean live, enum xf_suspend_outcome outcome,
                  GError **err)
{
    if (outcome == XF_SUSPEND_DONE)
        return;
    sim_set_error(err, suspend->xl, rc, suspend->domid, "suspend it");
    if (dom->type == XF_GUEST_PV && live && outcome == XF_SUSPEND_RUNNING &&
        rc != FAKEXL_ABORTED)
        g_prefix_error(err, "a PV guest cannot be moved live where the "
                       "hypervisor has no shadow paging; move it without "
                       "--live: ");
}

enum xf_suspend_outcome
sim_suspend(struct xf_hypervisor *hv, int domid, int fd, guint flags,
            const struct xf_progress *progress, gboolean *was_paused,
            GError **err)
{
    struct sim *sim = (struct sim *)hv;
    XF_AUTO(sim_domain) *dom = sim_look_up(sim, domid, err);

    *was_paused = dom && dom->paused;
    if (!dom)
        return XF_SUSPEND_GONE;

    XF_AUTO(fakexl) *xl = fakexl_new(sim->host);
    struct suspend suspend = {
        .sim = sim,
        .xl = xl,
        .domid = domid,
        .was_paused = dom->paused,
        .progress = progress,
    };

    xl->frames = on_frames;
    xl->asked = on_asked;
    xl->suspended = on_suspended;
    xl->user = &suspend;
    if (dom->shutdown == SIM_SUSPENDED) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain %d is suspended already", domid);
        return XF_SUSPEND_TAKEN;
    }
    if (!enter(sim, domid, err))
        return XF_SUSPEND_RUNNING;
    show(&suspend);

    /* what stands still needs no passes over what it writes */
    gboolean live = flags & XF_SUSPEND_LIVE && !dom->paused;
    int rc = fakexl_suspend(xl, domid, fd, live);
    enum xf_suspend_outcome outcome = ask_domain(&suspend, rc);

    set_suspend_error(&suspend, dom, rc, live, outcome, err);
    hide(&suspend);
    leave(&suspend, dom, outcome);
    return outcome;
}

void
sim_suspend_abort(struct xf_hypervisor *hv, int domid)
{
    struct sim *sim = (struct sim *)hv;

    g_mutex_lock(&sim->lock);

    struct fakexl *xl = g_hash_table_lookup(sim->suspends,
                                            GINT_TO_POINTER(domid));

    if (xl)
        fakexl_abort(xl);
    g_mutex_unlock(&sim->lock);
}

static void
end_tracking(struct sim *sim, int domid)
{
    SIM_LOCK(sim->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(sim->host, domid);

    if (dom && dom->log_dirty) {
        dom->log_dirty = 0;
        sim_host_put(sim->host, dom);
    }
}

void
sim_suspend_clean(struct xf_hypervisor *hv, int domid)
{
    struct sim *sim = (struct sim *)hv;
    XF_AUTO(fakexl) *xl = fakexl_new(sim->host);
    XF_AUTO(sim_domain) *dom = NULL;
    gint64 until;

    end_tracking(sim, domid);
    dom = fakexl_info(xl, domid);
    if (!dom || dom->shutdown == SIM_SUSPENDED)
        return;
    until = fakexl_take_request_back(xl, domid) ? 0 : late_until(sim, dom);
    if (xf_holds_asked_before(sim->holds, domid, until) && until)
        watch_late(sim, domid, until);
}

static gboolean
resume_entered(struct fakexl *xl, const struct sim_domain *dom,
               gboolean paused, GError **err)
{
    int rc = paused && !dom->paused ? fakexl_pause(xl, dom->domid)
                                    : FAKEXL_OK;

    if (!rc)
        rc = fakexl_resume(xl, dom->domid);
    if (!rc && !paused && dom->paused)
        rc = fakexl_unpause(xl, dom->domid);
    if (rc)
        sim_set_error(err, xl, rc, dom->domid, "resume it");
    return !rc;
}

gboolean
sim_resume(struct xf_hypervisor *hv, int domid, gboolean paused, GError **err)
{
    struct sim *sim = (struct sim *)hv;

    if (!enter(sim, domid, err))
        return FALSE;

    XF_AUTO(fakexl) *xl = fakexl_new(sim->host);
    XF_AUTO(sim_domain) *dom = sim_look_up(sim, domid, err);
    gboolean runs = dom && dom->shutdown == SIM_UP && !dom->dying;
    gboolean ok = dom && (runs || resume_entered(xl, dom, paused, err));

    if (runs)
        xf_holds_leave_suspend(sim->holds, domid, XF_SUSPEND_RUNNING, 0);
    else if (ok)
        xf_holds_leave_resumed(sim->holds, domid);
    else
        xf_holds_leave(sim->holds, domid);
    if (ok && !runs)
        sim_point(sim->host, dom->name, "resumed", 0, -1);
    return ok;
}
