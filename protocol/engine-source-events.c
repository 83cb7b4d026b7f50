/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What befalls a source that no call of its client's asks for: an abort, a
 * client that has gone, a deadline, a restart of its daemon. */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"

#define ABORT_RETRY_US XF_FAULT_TIME(100 * 1000)

/* An abort that comes just before the hypervisor starts its work finds
 * nothing to stop: so again until Perform has noticed. */
static void
abort_thread(struct xf_handoff *h)
{
    struct xf_hypervisor *hv = h->engine->hv;

    g_mutex_lock(&h->lock);
    while (h->state == XF_STATE_PERFORMING) {
        g_mutex_unlock(&h->lock);
        hv->ops->suspend_abort(hv, h->domid);
        g_mutex_lock(&h->lock);
        if (h->state == XF_STATE_PERFORMING)
            g_cond_wait_until(&h->changed, &h->lock,
                              g_get_monotonic_time() + ABORT_RETRY_US);
    }
    g_mutex_unlock(&h->lock);
}

static void
stop(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    gboolean first = !h->abort;

    h->abort = TRUE;
    g_mutex_unlock(&h->lock);
    if (first)
        xf_engine_spawn(h, abort_thread);
}

gboolean
xf_source_abort(struct xf_engine *engine, const guint8 *uuid, GError **err)
{
    XF_AUTO(xf_handoff) *h = xf_engine_by_uuid(engine, XF_SOURCE, uuid);

    if (!h) {
        g_set_error_literal(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                            "no job is active on the domain");
        return FALSE;
    }

    enum xf_state state = xf_handoff_state(h);

    if (state != XF_STATE_PERFORMING) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "the migration of domain '%s' cannot be aborted: it is "
                    "%s (handoff %s)", h->name, xf_state_name(state),
                    h->token);
        return FALSE;
    }
    stop(h);
    return TRUE;
}

/* After an event that has ended the handoff, or put it in doubt. */
static void
go_on(struct xf_handoff *h, enum xf_action action)
{
    g_autoptr(GError) err = NULL;
    gboolean committed = action == XF_ACTION_DESTROY;

    if (action == XF_ACTION_ABORT)
        stop(h);
    else if (action == XF_ACTION_RESOLVE)
        /* Nobody waits for the answer.  The error would say that there is
         * none yet; who asks for it says so each time, and asks on. */
        xf_source_settle(h, 0, &committed, NULL);
    else if (!xf_source_known(h, committed, &err))
        g_warning("handoff %s: %s", h->token, err->message);
}

/* An event that nobody waits for; one that means nothing now is no news.
 * That a record is not written is none either, where a restart would lead to
 * the same: it has been logged, and the event goes on. */
static void
happened(struct xf_handoff *h, enum xf_event event)
{
    enum xf_action action;
    g_autoptr(GError) err = NULL;

    if (xf_handoff_event(h, event, &action, &err))
        go_on(h, action);
    else if (g_error_matches(err, XF_ERROR, XF_ERROR_OPERATION_INVALID))
        g_debug("%s", err->message);
    else
        g_warning("%s", err->message);
}

void
xf_source_client_gone(struct xf_handoff *h)
{
    XF_FAULT("source-client-gone");
    happened(h, XF_EVENT_CLIENT_GONE);
}

void
xf_source_deadline(struct xf_handoff *h)
{
    XF_FAULT("source-deadline");
    happened(h, XF_EVENT_DEADLINE);
}

void
xf_source_retry(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    XF_FAULT("source-retry");
    if (!xf_source_known(h, xf_handoff_state(h) == XF_STATE_DONE, &err))
        g_warning("handoff %s: %s", h->token, err->message);
}

void
xf_source_restarted(struct xf_handoff *h)
{
    XF_FAULT("source-restarted");
    if (h->acted) {
        xf_source_end(h);
        return;
    }
    happened(h, XF_EVENT_RESTARTED);
}

/* Its domid may be another's by now.  One that runs was started, or came back,
 * since, and one with another domid is being sent by a newer handoff: they are
 * none of this one's. */
static gboolean
may_be_ours(const struct xf_handoff *h, const struct xf_decision *decision,
            const struct xf_hv_domain *domain)
{
    gboolean same = !decision || decision->domid < 0
                    || decision->domid == domain->domid;

    if (memcmp(domain->uuid, h->uuid, XF_UUID_LEN) != 0 || !domain->suspended
        || domain->dying)
        return FALSE;
    if (!same)
        g_message("handoff %s: domain %d, which is suspended, is '%s', but "
                  "not the one that was sent, which was domain %d", h->token,
                  domain->domid, h->name, decision->domid);
    return same;
}

void
xf_source_remembered(struct xf_handoff *h)
{
    struct xf_hypervisor *hv = h->engine->hv;
    XF_AUTO(xf_decision) *decision =
        xf_decisions_find(h->engine->decisions, h->token);
    g_autoptr(GError) err = NULL;
    g_autoptr(GPtrArray) domains = hv->ops->list(hv, &err);

    int domid = -1;

    if (!domains)
        g_warning("handoff %s: %s", h->token, err->message);
    for (guint i = 0; domains && i < domains->len; i++) {
        const struct xf_hv_domain *domain = g_ptr_array_index(domains, i);

        if (may_be_ours(h, decision, domain))
            domid = domain->domid;
    }
    g_mutex_lock(&h->lock);
    h->domid = domid;
    h->unseen = !domains;
    g_mutex_unlock(&h->lock);
}
