/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How two sides that have parted agree.
 *
 * Source: once the end of the stream has been sent, only the destination
 * knows what was decided.  It is asked ("revoke, unless you have committed")
 * until it answers; then the source destroys or resumes its copy, tells the
 * destination so ("settled"), and forgets.  The destination keeps its record
 * until then: it is the answer to a question that may come again.
 *
 * Threads: a handoff in doubt has one background thread that asks
 * (xf_handoff_ask_begin); calls that want the result wait for the change.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"

#include <string.h>

#define BACKOFF_FIRST_US XF_FAULT_TIME(200 * 1000)
#define BACKOFF_MAX_US XF_FAULT_TIME(30 * G_USEC_PER_SEC)
#define SETTLED_TRIES 8

/* One question on a connection of its own, one answer. */
static gboolean
ask(struct xf_handoff *h, enum xf_channel_purpose purpose,
    enum xf_channel_msg *answer, GError **err)
{
    const struct xf_engine_config *config = &h->engine->config;
    XF_AUTO_FD int fd = xf_channel_connect(
        h->peer_host, h->peer_port, purpose, h->token, h->key,
        config->connect_timeout_ms, config->channel.silence_timeout_ms, err);

    XF_FAULT_FD("asking", fd);
    return fd >= 0
           && xf_channel_recv(fd, config->ack_timeout_ms, answer, err);
}

/* -- source: telling that it is over -- */

static void
settled_thread(struct xf_handoff *h)
{
    enum xf_channel_msg answer;
    gint64 pause = BACKOFF_FIRST_US;

    for (int i = 0; i < SETTLED_TRIES && !xf_engine_stopping(h->engine);
         i++) {
        g_autoptr(GError) err = NULL;

        /* Denied: it does not know the handoff, so it has nothing to
         * forget.  (As an answer to a resolve that would be no knowledge.) */
        XF_FAULT("settled-to-tell");
        if (ask(h, XF_CHANNEL_SETTLED, &answer, &err)
            || g_error_matches(err, XF_ERROR, XF_ERROR_DENIED))
            break;
        g_message("handoff %s: the destination %s:%u was not told that it "
                  "may forget: %s", h->token, h->peer_host, h->peer_port,
                  err->message);
        g_mutex_lock(&h->lock);
        xf_handoff_wait(h, g_get_monotonic_time() + pause);
        g_mutex_unlock(&h->lock);
        pause = MIN(2 * pause, BACKOFF_MAX_US);
    }
    XF_FAULT("settled-told");
    /* Stopping: the record stays, and the next start tells it.  Else, not
     * told: the destination forgets by itself after keep_ended. */
    if (!xf_engine_stopping(h->engine))
        xf_handoff_forget(h);
}

void
xf_source_end(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    gboolean peer = h->peer_host && *h->peer_host;

    g_mutex_unlock(&h->lock);
    if (peer)
        xf_engine_spawn(h, settled_thread);
    else
        xf_handoff_forget(h);
}

/* -- source: acting on knowledge -- */

static gboolean
gone(struct xf_handoff *h)
{
    struct xf_hypervisor *hv = h->engine->hv;
    struct xf_hv_domain domain;
    g_autoptr(GError) err = NULL;

    if (!hv->ops->info(hv, h->domid, &domain, &err))
        return g_error_matches(err, XF_ERROR, XF_ERROR_NO_DOMAIN);
    return memcmp(domain.uuid, h->uuid, XF_UUID_LEN) != 0;
}

static gboolean
act(struct xf_handoff *h, gboolean committed, GError **err)
{
    struct xf_hypervisor *hv = h->engine->hv;
    struct xf_hv_domain domain;

    if (h->untouched || gone(h))
        return TRUE;
    if (committed)
        return hv->ops->destroy(hv, h->domid, err);
    if (!hv->ops->info(hv, h->domid, &domain, err))
        return FALSE;
    return !domain.suspended
           || hv->ops->resume(hv, h->domid, h->paused, err);
}

static gboolean
known_and_acted(struct xf_handoff *h, gboolean committed, GError **err)
{
    if (!xf_state_is_final(xf_handoff_state(h))
        && !xf_handoff_event(h, committed ? XF_EVENT_COMMITTED_KNOWN
                                          : XF_EVENT_REVOKED_KNOWN,
                             NULL, err))
        return FALSE;
    /* What was decided first stands, whoever comes with what. */
    committed = xf_handoff_state(h) == XF_STATE_DONE;
    xf_job_resumed(&h->job);
    if (!act(h, committed, err)) {
        g_prefix_error(err, "domain '%s' (domid %d, handoff %s) %s, but that "
                       "failed and is tried again: ", h->name, h->domid,
                       h->token,
                       committed ? "runs at the destination and was to be "
                                   "destroyed here"
                                 : "was to be resumed");
        return FALSE;
    }
    XF_FAULT("source-acted");
    xf_job_keep(h, committed  ? XF_JOB_COMPLETED
                   : h->abort ? XF_JOB_CANCELLED
                              : XF_JOB_FAILED);
    xf_handoff_acted(h);
    xf_source_end(h);
    return TRUE;
}

gboolean
xf_source_known(struct xf_handoff *h, gboolean committed, GError **err)
{
    if (!xf_handoff_act_begin(h))
        return TRUE;

    gboolean ok = known_and_acted(h, committed, err);

    xf_handoff_act_end(h);
    return ok;
}

/* -- source: asking -- */

/* TRUE: answered.  An answer that cannot be one counts as none. */
static gboolean
resolve_once(struct xf_handoff *h, gboolean *committed, GError **err)
{
    enum xf_channel_msg answer;

    if (XF_FAULT_FAILS("resolve", err)
        || !ask(h, XF_CHANNEL_RESOLVE, &answer, err))
        return FALSE;
    XF_FAULT("resolve-answered");
    *committed = answer == XF_MSG_COMMITTED;
    if (*committed || answer == XF_MSG_REVOKED)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                "the destination answered 0x%02x", answer);
    return FALSE;
}

static gboolean
undecided(struct xf_handoff *h)
{
    return h->state == XF_STATE_IN_DOUBT || h->state == XF_STATE_PERFORMED;
}

/* Until answered, or the engine stops: then the record says in-doubt, and
 * the next start asks on. */
static gboolean
resolve(struct xf_handoff *h, gboolean *committed)
{
    gint64 pause = BACKOFF_FIRST_US;

    while (!xf_engine_stopping(h->engine)) {
        g_autoptr(GError) err = NULL;

        if (resolve_once(h, committed, &err))
            return TRUE;
        g_message("handoff %s: domain '%s' is in doubt, asking %s:%u again: "
                  "%s", h->token, h->name, h->peer_host, h->peer_port,
                  err->message);
        g_mutex_lock(&h->lock);

        gint64 until = g_get_monotonic_time() + pause;

        while (undecided(h) && !xf_engine_stopping(h->engine)
               && g_get_monotonic_time() < until)
            xf_handoff_wait(h, until);

        gboolean decided = !undecided(h);

        g_mutex_unlock(&h->lock);
        if (decided)
            return FALSE;
        pause = MIN(2 * pause, BACKOFF_MAX_US);
    }
    return FALSE;
}

static void
resolve_thread(struct xf_handoff *h)
{
    gboolean committed;
    g_autoptr(GError) err = NULL;

    if (resolve(h, &committed) && !xf_source_known(h, committed, &err))
        g_warning("handoff %s: %s", h->token, err->message);
    xf_handoff_ask_end(h);
}

gboolean
xf_source_settle(struct xf_handoff *h, guint wait_ms, gboolean *committed,
                 GError **err)
{
    gint64 until = g_get_monotonic_time() + (gint64)wait_ms * 1000;

    if (xf_handoff_ask_begin(h))
        xf_engine_spawn(h, resolve_thread);
    g_mutex_lock(&h->lock);
    while (!(xf_state_is_final(h->state) && h->acted)
           && g_get_monotonic_time() < until
           && !xf_engine_stopping(h->engine))
        xf_handoff_wait(h, until);

    gboolean known = xf_state_is_final(h->state) && h->acted;

    *committed = h->state == XF_STATE_DONE;
    g_mutex_unlock(&h->lock);
    if (!known)
        g_set_error(err, XF_ERROR, XF_ERROR_IN_DOUBT,
                    "domain '%s' is suspended here and in doubt: the "
                    "destination %s:%u does not say whether it runs there "
                    "(handoff %s); it is asked again until it answers",
                    h->name, h->peer_host, h->peer_port, h->token);
    return known;
}

/* -- destination: asking -- */

gboolean
xf_dest_ask(struct xf_handoff *h, gboolean *holds, GError **err)
{
    enum xf_channel_msg answer;

    if (XF_FAULT_FAILS("ask-source", err)
        || !ask(h, XF_CHANNEL_ASK_SOURCE, &answer, err))
        return FALSE;
    *holds = answer == XF_MSG_HOLDS;
    if (*holds || answer == XF_MSG_LET_GO)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_RPC, "the source answered 0x%02x",
                answer);
    return FALSE;
}

/* -- answers -- */

/* What the source says when the destination asks whether it has its copy. */
static enum xf_channel_msg
source_holds(struct xf_handoff *h)
{
    return xf_handoff_state(h) == XF_STATE_DONE || gone(h) ? XF_MSG_LET_GO
                                                           : XF_MSG_HOLDS;
}

void
xf_settle_answer(struct xf_handoff *h, enum xf_channel_purpose purpose,
                 int fd)
{
    g_autoptr(GError) err = NULL;
    enum xf_channel_msg answer = XF_MSG_OK;

    if (purpose == XF_CHANNEL_RESOLVE)
        answer = xf_dest_resolve(h);
    else if (purpose == XF_CHANNEL_ASK_SOURCE)
        answer = source_holds(h);
    else
        xf_dest_settled(h);
    XF_FAULT_FD("answer-to-send", fd);
    /* Not delivered: the peer asks again. */
    if (answer && !xf_channel_send(fd, answer, &err))
        g_message("handoff %s: %s", h->token, err->message);
}
