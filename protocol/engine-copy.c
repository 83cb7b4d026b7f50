/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The destination's copy of a domain: it is destroyed or it is named and let
 * run, after the record says which.  Either can be done twice.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"

#include <string.h>

#define ABORT_AGAIN_US XF_FAULT_TIME(100 * 1000)

void
xf_dest_forget_if_settled(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    gboolean awaited = h->awaited
                       && (h->state == XF_STATE_COMMITTED || !h->in_band);
    gboolean over = h->settled && h->acted && xf_state_is_final(h->state)
                    && !awaited;

    g_mutex_unlock(&h->lock);
    if (over)
        xf_handoff_forget(h);
}

/* A domain has no name when its making was cut short, and when xenstored was
 * killed, which keeps names in memory only.  The uuid is the hypervisor's.
 * One that has run here is no copy any more. */
static gboolean
is_nameless_copy(struct xf_hypervisor *hv, const struct xf_hv_domain *domain)
{
    return !*domain->name
           && ((domain->paused && !domain->cpu_time_ns)
               || hv->ops->incoming_left(hv, domain->domid));
}

int
xf_dest_find_copy(struct xf_handoff *h, GError **err)
{
    struct xf_hypervisor *hv = h->engine->hv;
    g_autofree char *name = g_strconcat(h->name, XF_INCOMING_SUFFIX, NULL);
    g_autoptr(GPtrArray) domains = hv->ops->list(hv, err);
    int nameless = -1;

    for (guint i = 0; domains && i < domains->len; i++) {
        struct xf_hv_domain *domain = g_ptr_array_index(domains, i);

        if (memcmp(domain->uuid, h->uuid, XF_UUID_LEN) != 0 || domain->dying)
            continue;
        if (strcmp(domain->name, name) == 0)
            return domain->domid;
        if (is_nameless_copy(hv, domain))
            nameless = domain->domid;
    }
    if (nameless >= 0)
        g_message("handoff %s: domain %d, which has no name, has the uuid of "
                  "'%s' and has not run here: it is taken for the copy that "
                  "was received", h->token, nameless, h->name);
    return nameless;
}

static gboolean
destroy_copy(struct xf_handoff *h, GError **err)
{
    GError *list_err = NULL;
    int domid = xf_dest_find_copy(h, &list_err);

    if (list_err) {
        g_propagate_error(err, list_err);
        return FALSE;
    }
    return domid < 0 || xf_engine_destroy(h->engine, domid, err);
}

static void
stop_stream(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);
    while (h->busy) {
        if (h->incoming)
            h->engine->hv->ops->incoming_abort(h->incoming);
        /* It may be whole, and wait for the source's word that it is. */
        xf_job_stop_reading(&h->job);
        g_cond_wait_until(&h->changed, &h->lock,
                          g_get_monotonic_time() + ABORT_AGAIN_US);
    }
    g_mutex_unlock(&h->lock);
}

void
xf_dest_discard(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    xf_stock_hang_up(h);
    stop_stream(h);
    if (!xf_handoff_act_begin(h))
        return;
    if (!XF_FAULT_FAILS("discard", &err) && destroy_copy(h, &err)) {
        XF_FAULT("discarded");
        xf_dest_unstore(h);
        g_mutex_lock(&h->lock);
        h->reserved_kib = 0;
        /* A source that never sent anything never asks. */
        h->settled = h->settled || !h->connected;

        gboolean begun = h->connected;

        g_mutex_unlock(&h->lock);
        xf_handoff_acted(h);
        if (begun)
            xf_job_keep(h, XF_JOB_FAILED);
    } else {
        g_warning("handoff %s: the copy of domain '%s' is still here, trying "
                  "again: %s", h->token, h->name, err->message);
    }
    xf_handoff_act_end(h);
    xf_dest_forget_if_settled(h);
}

/* Our copy is the copy, and the figures of how it came are complete. */
static void
tell_switched(struct xf_handoff *h)
{
    xf_handoff_tell(h, XF_LIFE_STARTED, XF_STARTED_MIGRATED, -1);
    if (h->paused)
        xf_handoff_tell(h, XF_LIFE_SUSPENDED, XF_SUSPENDED_PAUSED, -1);
    else
        xf_handoff_tell(h, XF_LIFE_RESUMED, XF_RESUMED_MIGRATED, -1);
    xf_job_keep(h, XF_JOB_COMPLETED);
}

/* Once: what its administrator does with it afterwards is not undone when
 * something else has to be tried again. */
static gboolean
let_run(struct xf_handoff *h, GError **err)
{
    struct xf_hypervisor *hv = h->engine->hv;

    if (h->switched)
        return TRUE;
    if (!h->incoming && !XF_FAULT_FAILS("adopt", err))
        h->incoming = hv->ops->incoming_adopt(hv, h->uuid, h->name, err);
    h->switched = h->incoming
                  && hv->ops->incoming_switch(h->incoming, h->paused, err);
    XF_FAULT("switched");
    if (h->switched) {
        h->domid = g_atomic_int_get(&h->incoming->domid);
        tell_switched(h);
    }
    return h->switched;
}

/* The guest runs; that it is stored is tried until it is. */
static gboolean
store(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;
    gboolean ok = xf_dest_stored(h, &err);

    if (!ok)
        g_warning("handoff %s: domain '%s' runs here, but to make it "
                  "persistent failed and is tried again: %s", h->token,
                  h->name, err->message);
    return ok;
}

gboolean
xf_dest_switch(struct xf_handoff *h, GError **err)
{
    GError *why = NULL;

    if (!xf_handoff_act_begin(h))
        return TRUE;

    gboolean ok = let_run(h, &why);
    gboolean ended = g_error_matches(why, XF_ERROR, XF_ERROR_NO_DOMAIN);

    /* Ended by somebody since it was committed: nothing is left to do. */
    if ((ok || ended) && store(h))
        xf_handoff_acted(h);
    if (!ok)
        g_propagate_prefixed_error(
            err, why, "domain '%s' is committed here (handoff %s), but %s: ",
            h->name, h->token,
            ended ? "has ended before it could run"
                  : "to let it run under its name failed and is tried again");
    xf_handoff_act_end(h);
    xf_dest_forget_if_settled(h);
    return ok;
}

gboolean
xf_dest_commit(struct xf_handoff *h, GError **err)
{
    enum xf_action action;

    /* Once it is committed the source destroys its own. */
    if (!xf_dest_look(h, err)
        || !xf_handoff_event(h, XF_EVENT_FINISH, &action, err))
        return FALSE;
    if (xf_handoff_state(h) == XF_STATE_COMMITTED)
        return xf_dest_switch(h, err);
    if (action == XF_ACTION_DISCARD)
        xf_dest_discard(h);
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                "domain '%s' has not arrived on host %s as a whole, or is "
                "there no more; its log tells why (handoff %s)", h->name,
                h->engine->hostname, h->token);
    return FALSE;
}
