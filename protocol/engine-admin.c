/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an administrator may ask of handoffs: to see them, to have the other
 * side asked now, and to decide where nobody else can. */
#include "config.h"

#include "protocol/engine-private.h"

#define USEC_PER_MS 1000

/* -- what happens next -- */

/* While the state's action has still to be done, and before the other side
 * knows; by state. */
static const char *const to_come[XF_STATE_LAST] = {
    [XF_STATE_BEGUN] = "waits for its client to send the domain",
    [XF_STATE_PERFORMING] = "sends the domain",
    [XF_STATE_PERFORMED] = "waits for its client; asks the destination",
    [XF_STATE_IN_DOUBT] = "asks the destination again",
    [XF_STATE_DONE] = "destroys the copy here",
    [XF_STATE_CANCELLED] = "lets the copy here run",
    [XF_STATE_PREPARED] = "waits for the domain; is revoked",
    [XF_STATE_RECEIVING] = "receives the domain",
    [XF_STATE_RECEIVED] = "keeps the copy here, paused, until its client or "
                          "the source decides; asks the source",
    [XF_STATE_COMMITTED] = "lets the copy here run",
    [XF_STATE_REVOKED] = "destroys the copy here",
};

/* Wall clock, as long ago or to come as that. */
static gint64
wall_clock(gint64 mono)
{
    return g_get_real_time() + mono - g_get_monotonic_time();
}

/* A copy that may be the last is given up in the end. */
static char *
kept_until(const struct xf_handoff *h)
{
    gint64 until = wall_clock(h->since_mono
                              + h->engine->config.keep_orphan_ms
                                    * (gint64)USEC_PER_MS);
    g_autoptr(GDateTime) time =
        g_date_time_new_from_unix_local(until / G_USEC_PER_SEC);
    g_autofree char *when = g_date_time_format(time, "%F %T");

    /* it is asked at next_time, which is told after this */
    return g_strdup_printf("keeps the copy here, paused, until %s, then "
                           "destroys it; asks the source again", when);
}

static char *
next_step(const struct xf_handoff *h)
{
    const char *of_stock = xf_stock_next(h);

    if (of_stock)
        return g_strdup(of_stock);
    if (h->state == XF_STATE_RECEIVED && h->asking)
        return kept_until(h);
    if (h->state == XF_STATE_IN_DOUBT && h->domid < 0)
        return g_strdup("asks the destination again; there is no copy here "
                        "any more");
    if (!xf_state_is_final(h->state) || !h->acted)
        return g_strdup(to_come[h->state]);
    if (h->state == XF_STATE_REVOKED)
        return g_strdup("waits for the source to have acted; forgets it");
    return g_strdup(h->side == XF_SOURCE
                        ? "tells the destination that it is over"
                        : "waits for the source to have acted");
}

/* How long it stays in its state at most, ms; 0: as long as it takes. */
static guint
limit_of(const struct xf_handoff *h)
{
    const struct xf_engine_config *config = &h->engine->config;

    if (h->state == XF_STATE_PERFORMED)
        return config->confirm_timeout_ms;
    if (h->state == XF_STATE_PREPARED
        || (h->state == XF_STATE_RECEIVED && !h->asking))
        return config->finish_timeout_ms;
    return h->state == XF_STATE_REVOKED && h->acted ? config->keep_ended_ms
                                                    : 0;
}

/* Wall clock, us; 0: when somebody else has done something. */
static gint64
next_time(const struct xf_handoff *h)
{
    gint64 limit_ms = limit_of(h);

    if (h->next_try)
        return h->next_try;
    /* Nothing is done behind the back of a call that is at it. */
    return limit_ms && !h->busy
               ? wall_clock(h->since_mono + limit_ms * USEC_PER_MS)
               : 0;
}

static struct xf_handoff_info *
info_of(struct xf_handoff *h)
{
    struct xf_handoff_info *info = g_new0(struct xf_handoff_info, 1);
    char uuid[XF_UUID_STRING_LEN + 1];

    g_mutex_lock(&h->lock);
    info->token = g_strdup(h->token);
    info->name = g_strdup(h->name);
    info->uuid = g_strdup(xf_uuid_format(h->uuid, uuid));
    info->side = g_strdup(xf_side_name(h->side));
    info->state = g_strdup(xf_state_name(h->state));
    info->peer = h->foreign
                     ? g_strdup_printf("%s (%s)", h->peer_host, h->foreign)
                     : g_strdup(h->peer_host ? h->peer_host : "");
    info->domid = h->domid;
    info->since = h->since;
    info->next = h->foreign && h->state == XF_STATE_IN_DOUBT
                     ? xf_foreign_advice(h) : next_step(h);
    info->next_time = next_time(h);
    info->trouble = g_strdup(h->trouble ? h->trouble : "");
    g_mutex_unlock(&h->lock);
    return info;
}

static gint
by_time(gconstpointer a, gconstpointer b)
{
    const struct xf_handoff_info *first = *(void *const *)a;
    const struct xf_handoff_info *second = *(void *const *)b;

    return (first->since > second->since) - (first->since < second->since);
}

GPtrArray *
xf_admin_list(struct xf_engine *engine)
{
    g_autoptr(GPtrArray) all = xf_engine_all(engine);
    GPtrArray *infos = g_ptr_array_new_with_free_func(
        (GDestroyNotify)xf_handoff_info_free);

    for (guint i = 0; i < all->len; i++)
        if (xf_handoff_state(all->pdata[i]) != XF_STATE_NONE)
            g_ptr_array_add(infos, info_of(all->pdata[i]));
    g_ptr_array_sort(infos, by_time);
    return infos;
}

/* -- settling -- */

static void
set_wrong_state(struct xf_handoff *h, const char *what, GError **err)
{
    XF_AUTO(xf_handoff_info) *info = info_of(h);

    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "handoff %s of domain '%s' cannot be %s here: at this host, "
                "the %s, it is %s (%s)", h->token, h->name, what, info->side,
                info->state, info->next);
}

/* Does it hang, with nobody but an administrator and the other side who
 * could settle it? */
static gboolean
hangs(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    /* Perform may still hear it from one that cannot be asked. */
    gboolean yes = (h->state == XF_STATE_IN_DOUBT
                    && !(h->foreign && h->busy))
                   || (h->state == XF_STATE_RECEIVED
                       && (!h->owner || h->asking) && !h->busy);

    g_mutex_unlock(&h->lock);
    return yes;
}

/* Decided and done here, but the other side does not say that it knows. */
static gboolean
lingers(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    gboolean yes = xf_state_is_final(h->state) && h->acted;

    g_mutex_unlock(&h->lock);
    return yes;
}

static gboolean
assume(struct xf_handoff *h, gboolean committed, GError **err)
{
    enum xf_event event = committed ? XF_EVENT_FINISH : XF_EVENT_EXPIRED;
    gboolean was_committed = xf_handoff_state(h) == XF_STATE_DONE
                             || xf_handoff_state(h) == XF_STATE_COMMITTED;

    /* The other side is gone for good: no need to wait for its word. */
    if (lingers(h) && committed == was_committed) {
        g_warning("handoff %s: forgotten by its administrator's word",
                  h->token);
        if (xf_handoff_forget(h))
            return TRUE;
        g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM,
                    "handoff %s could not be forgotten; the daemon's log "
                    "tells why", h->token);
        return FALSE;
    }
    /* A source that hangs keeps its connection; what is not whole yet can be
     * given up at any time. */
    if (!committed && xf_handoff_state(h) == XF_STATE_RECEIVING)
        return xf_dest_cancel(h, err);
    if (!hangs(h)) {
        set_wrong_state(h, "decided by hand", err);
        return FALSE;
    }
    g_warning("handoff %s: domain '%s' is taken for %s by its "
              "administrator's word", h->token, h->name,
              committed ? "committed" : "revoked");
    if (h->side == XF_SOURCE)
        return xf_source_force(h, committed, err);
    if (committed && !xf_dest_look(h, err))
        return FALSE;
    if (committed && xf_handoff_state(h) != XF_STATE_RECEIVED) {
        set_wrong_state(h, "decided by hand", err);
        return FALSE;
    }
    if (!xf_handoff_event(h, event, NULL, err))
        return FALSE;
    xf_dest_retry(h);
    return TRUE;
}

/* Has the other side asked now, and waits for what comes of it. */
static gboolean
ask_now(struct xf_handoff *h, GError **err)
{
    gint64 until = g_get_monotonic_time()
                   + h->engine->config.resolve_wait_ms
                         * (gint64)USEC_PER_MS;

    if (lingers(h)) {
        xf_handoff_hurry(h);
        return TRUE;
    }
    if (!hangs(h)) {
        set_wrong_state(h, "resolved", err);
        return FALSE;
    }
    if (xf_is_stock(h)) {
        xf_stock_set_doubt(h, err);
        return FALSE;
    }
    if (h->foreign && h->side == XF_SOURCE) {
        gboolean committed;

        return xf_source_settle(h, 0, &committed, err);
    }
    xf_handoff_hurry(h);
    g_mutex_lock(&h->lock);
    while (!(xf_state_is_final(h->state) && h->acted)
           && g_get_monotonic_time() < until
           && !xf_engine_stopping(h->engine))
        xf_handoff_wait(h, until);

    gboolean known = xf_state_is_final(h->state) && h->acted;

    if (!known)
        g_set_error(err, XF_ERROR, XF_ERROR_IN_DOUBT,
                    "handoff %s of domain '%s' is %s still: %s does not "
                    "settle it%s%s", h->token, h->name,
                    xf_state_name(h->state),
                    h->peer_host ? h->peer_host : "the other side",
                    h->trouble ? ": " : "", h->trouble ? h->trouble : "");
    g_mutex_unlock(&h->lock);
    return known;
}

char *
xf_admin_resolve(struct xf_engine *engine, const char *token,
                 enum xf_assume what, GError **err)
{
    XF_AUTO(xf_handoff) *h = xf_engine_by_token(engine, token);

    if (!h) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "host %s has no handoff '%s'; \"xenferry handoffs\" "
                    "lists those it has", engine->hostname, token);
        return NULL;
    }

    gboolean ok = what == XF_ASSUME_NOTHING
                      ? ask_now(h, err)
                      : assume(h, what == XF_ASSUME_COMMITTED, err);

    return ok ? g_strdup(xf_state_name(xf_handoff_state(h))) : NULL;
}
