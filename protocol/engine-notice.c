/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine tells of its domains, and what the hypervisor tells of
 * those that have ended by themselves. */
#include "config.h"

#include "protocol/engine-private.h"

void
xf_engine_tell(struct xf_engine *engine, const struct xf_domain_ref *dom,
               enum xf_lifecycle event, enum xf_life_detail detail)
{
    xf_notices_life(engine->notices, dom, event, detail, -1);
}

void
xf_handoff_tell(struct xf_handoff *h, enum xf_lifecycle event,
                enum xf_life_detail detail, int reason)
{
    XF_AUTO(xf_domain_ref) *dom = xf_domain_ref_new(h->name, h->uuid,
                                                    h->domid);

    xf_notices_life(h->engine->notices, dom, event, detail, reason);
}

static void
tell_other(struct xf_handoff *h, struct xf_notice *notice)
{
    XF_AUTO(xf_domain_ref) *dom = xf_domain_ref_new(h->name, h->uuid,
                                                    h->domid);

    notice->dom = dom;
    xf_notices_tell(h->engine->notices, notice);
}

void
xf_handoff_tell_iteration(struct xf_handoff *h, guint iteration)
{
    struct xf_notice notice = {
        .kind = XF_NOTICE_ITERATION, .iteration = iteration,
    };

    tell_other(h, &notice);
}

void
xf_handoff_tell_job(struct xf_handoff *h, const struct xf_job_info *job)
{
    struct xf_notice notice = {
        .kind = XF_NOTICE_JOB_COMPLETED, .job = job,
    };

    tell_other(h, &notice);
}

gboolean
xf_engine_destroy(struct xf_engine *engine, int domid, GError **err)
{
    /* Before it: who watches sees it go while we still wait for the end. */
    xf_notices_expect_end(engine->notices, domid);
    return engine->hv->ops->destroy(engine->hv, domid, err);
}

/* -- ended by themselves -- */

static void
tell_kept(struct xf_engine *engine, const struct xf_domain_ref *dom,
          enum xf_hv_end how)
{
    if (how == XF_HV_CRASHED)
        xf_engine_tell(engine, dom, XF_LIFE_CRASHED, XF_CRASHED_PANICKED);
    else
        xf_engine_tell(engine, dom, XF_LIFE_SHUTDOWN, XF_SHUTDOWN_FINISHED);
}

/* One that has been started again under the same number has only rebooted;
 * with a new number it is, to those who look, a new one. */
static void
tell_ended(struct xf_engine *engine, struct xf_domain_ref *dom,
           const struct xf_hv_ending *ending)
{
    const struct xf_notice reboot = {
        .kind = XF_NOTICE_REBOOT, .dom = dom,
    };

    if (ending->how == XF_HV_REBOOTED)
        xf_notices_tell(engine->notices, &reboot);
    if (ending->again == dom->id)
        return;
    xf_engine_tell(engine, dom, XF_LIFE_STOPPED,
                   ending->how == XF_HV_CRASHED ? XF_STOPPED_CRASHED
                                                : XF_STOPPED_SHUTDOWN);
    if (ending->again < 0)
        return;
    dom->id = ending->again;
    xf_engine_tell(engine, dom, XF_LIFE_STARTED, XF_STARTED_BOOTED);
}

void
xf_engine_on_end(void *user, const struct xf_hv_ending *ending)
{
    struct xf_engine *engine = user;

    if (ending->how == XF_HV_GONE) {
        xf_notices_gone(engine->notices, ending->domid, ending->uuid);
        return;
    }

    XF_AUTO(xf_domain_ref) *dom =
        xf_domain_ref_new(ending->name, ending->uuid, ending->domid);

    if (ending->kept)
        tell_kept(engine, dom, ending->how);
    else
        tell_ended(engine, dom, ending);
}
