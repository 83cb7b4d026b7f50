/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handoffs with another end that is no engine: foreign.h has the rules.
 *
 * The states are those of every handoff, entered at these moments:
 *   performed   before leave is given: until then the stream may be complete
 *               over there, but nothing can run
 *   received    before it is said that all is here
 *   revoked     when no leave comes: the source has its copy still
 *
 * Such a handoff has no peer-port; nobody will ever come to ask about it, and
 * when it is over it is forgotten at once.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"

#include <string.h>

/* -- source -- */

static gboolean
source_stop(void *user)
{
    struct xf_handoff *h = user;

    return xf_source_abort_wanted(h) || xf_engine_stopping(h->engine);
}

/* Its administrator may have paused it while it was sent; what was said
 * about that before the stream is no longer true then, and cannot be said
 * again. */
static gboolean
still_as_told(struct xf_handoff *h, gboolean paused, GError **err)
{
    if (!h->paused || paused)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "it was paused while it was sent, and %s on host %s would "
                "let it run; it stays paused: migrate it again",
                h->foreign, h->peer_host);
    return FALSE;
}

static gboolean
stream(struct xf_handoff *h, const struct xf_migrate_args *args,
       GError **err)
{
    struct xf_foreign_destination *to = h->to;
    const struct xf_foreign_stop stop = { source_stop, h };
    const struct xf_foreign_guest guest = {
        .token = h->token,
        .name = h->name,
        .xml = h->description,
        .paused = h->paused || args->flags & XF_MIGRATE_PAUSED,
    };
    int fd = XF_FAULT_FAILS("foreign-open", err)
                 ? -1 : to->ops->open(to, &guest, &stop, err);

    if (fd < 0 || source_stop(h)) {
        if (fd >= 0)
            g_set_error(err, XF_ERROR, XF_ERROR_ABORTED, "aborted");
        xf_source_undo(h, FALSE);
        return FALSE;
    }
    XF_FAULT_FD("foreign-opened", fd);
    if (!xf_source_stream(h, args, fd, err))
        return FALSE;
    XF_FAULT_FD("foreign-sent", fd);
    /* The record first: from here only its report tells. */
    if (to->ops->await_ready(to, &stop, err)
        && still_as_told(h, guest.paused, err)
        && xf_handoff_event(h, XF_EVENT_STREAM_SENT, NULL, err))
        return TRUE;
    xf_source_undo(h, TRUE);
    return FALSE;
}

gboolean
xf_foreign_perform(struct xf_handoff *h, const struct xf_migrate_args *args,
                   GError **err)
{
    gboolean revoked = FALSE;

    g_message("handoff %s: the destination is %s on host %s, which cannot be "
              "asked afterwards: domain '%s' is destroyed here when it "
              "reports that its copy runs, and resumed when it could not be "
              "given leave to or reports that the copy is destroyed; without "
              "a report it stays suspended here until its administrator says "
              "which", h->token, h->foreign, h->peer_host, h->name);

    gboolean ok = stream(h, args, err);

    if (ok) {
        XF_FAULT("foreign-leave");
        ok = h->to->ops->hand_over(h->to, &revoked, err);
        XF_FAULT("foreign-reported");
        if (ok)
            xf_source_committed(h);
        else
            ok = xf_source_performed_badly(h, revoked, err);
    }
    xf_job_set_fd(&h->job, -1);
    return ok;
}

gboolean
xf_engine_send_foreign(struct xf_conn *conn, const struct xf_domain_ref *dom,
                       const struct xf_migrate_args *args,
                       struct xf_foreign_destination *to, GError **err)
{
    char token[XF_TOKEN_LEN + 1];
    guint8 key[XF_KEY_LEN];
    XF_AUTO(xf_handoff) *h = NULL;

    if (!xf_flags_check(args, err))
        return FALSE;
    /* A record has a key; this one opens nothing. */
    xf_handoff_secrets(token, key);
    h = xf_source_new(xf_engine_of(conn), conn, dom, token, key, err);
    if (!h)
        return FALSE;
    h->in_band = TRUE;
    h->foreign = g_strdup(to->kind);
    h->peer_host = g_strdup(to->host);
    h->to = to;
    h->description = xf_source_take(h, conn, args, err);

    gboolean ok = h->description && xf_source_send(h, args, err);

    g_mutex_lock(&h->lock);
    h->to = NULL;
    g_mutex_unlock(&h->lock);
    return ok;
}

/* What its administrator is told; h is locked. */
char *
xf_foreign_advice(const struct xf_handoff *h)
{
    return g_strdup_printf(
        "look on host %s whether domain '%s' is there: if it runs, xenferry "
        "resolve --assume-committed %s; if it is not there, or only a paused "
        "copy that you have destroyed, xenferry resolve --assume-revoked %s",
        h->peer_host, h->name, h->token, h->token);
}

/* -- destination -- */

static gboolean
destination_stop(void *user)
{
    return xf_engine_stopping(user);
}

static gboolean
receive(struct xf_handoff *h, int fd, GError **err)
{
    const struct xf_hypervisor_ops *ops = h->engine->hv->ops;

    XF_FAULT("foreign-receiving");
    if (!ops->incoming_stream(h->incoming, fd, err)
        || XF_FAULT_FAILS("foreign-restored", err)
        || !ops->incoming_devices(h->incoming, err))
        return FALSE;
    g_mutex_lock(&h->lock);
    h->domid = g_atomic_int_get(&h->incoming->domid);
    h->reserved_kib = 0;        /* it has it all now */
    g_mutex_unlock(&h->lock);
    return xf_handoff_event(h, XF_EVENT_COMPLETE, NULL, err);
}

/* Our copy goes: the source has its own. */
static void
let_go(struct xf_handoff *h, enum xf_event event)
{
    g_autoptr(GError) err = NULL;

    /* Not recorded: the sweeper comes back to it. */
    if (xf_handoff_event(h, event, NULL, &err))
        xf_dest_discard(h);
    else
        g_warning("%s", err->message);
}

/* What the source has to be told; it is told nothing when nothing could be
 * decided. */
static void
report(struct xf_handoff *h, struct xf_foreign_source *from)
{
    enum xf_state state = xf_handoff_state(h);
    gboolean committed = state == XF_STATE_COMMITTED;
    g_autoptr(GError) err = NULL;

    XF_FAULT("foreign-to-report");
    if (!xf_state_is_final(state)
        || from->ops->report(from, committed, &err))
        return;
    if (committed)
        g_warning("handoff %s: domain '%s' runs here, but its source, %s on "
                  "host %s, could not be told so (%s): what is suspended "
                  "there is to be destroyed, not resumed", h->token, h->name,
                  from->kind, from->host, err->message);
    else
        g_message("handoff %s: %s", h->token, err->message);
}

/* With the whole domain here. */
static void
decide(struct xf_handoff *h, struct xf_foreign_source *from, GError **err)
{
    const struct xf_foreign_stop stop = { destination_stop, h->engine };
    gboolean leave = from->ops->await_leave(from, &stop, err);

    XF_FAULT("foreign-decide");
    xf_dest_stream_ended(h);
    if (leave)
        xf_dest_commit(h, err);
    /* No leave, or the decision could not be written down. */
    if (xf_handoff_state(h) == XF_STATE_RECEIVED)
        let_go(h, XF_EVENT_SOURCE_HOLDS);
    report(h, from);
}

static gboolean
receive_all(struct xf_handoff *h, struct xf_foreign_source *from, int fd,
            GError **err)
{
    g_autoptr(GError) why = NULL;

    if (!xf_dest_stream_begins(h)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "handoff %s of domain '%s' has ended before its stream",
                    h->token, h->name);
        return FALSE;
    }
    if (receive(h, fd, &why)) {
        decide(h, from, &why);
    } else {
        xf_dest_stream_ended(h);
        let_go(h, XF_EVENT_STREAM_FAILED);
    }
    if (xf_handoff_state(h) == XF_STATE_COMMITTED) {
        /* it will run, if it does not yet: that is tried again */
        if (why)
            g_warning("handoff %s: %s", h->token, why->message);
        return TRUE;
    }
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                "domain '%s' was not taken over (handoff %s): %s", h->name,
                h->token, why ? why->message : "its copy was revoked");
    return FALSE;
}

gboolean
xf_engine_receive_foreign(struct xf_engine *engine,
                          struct xf_foreign_source *from,
                          const struct xf_migrate_args *args, int fd,
                          GError **err)
{
    struct xf_cookie cookie = { .address = (char *)from->host };
    XF_AUTO(xf_handoff) *h = NULL;

    if (!xf_flags_check(args, err))
        return FALSE;
    xf_handoff_secrets(cookie.token, cookie.key);
    h = xf_dest_new(engine, args, &cookie, err);
    if (!h)
        return FALSE;
    h->in_band = TRUE;
    h->foreign = g_strdup(from->kind);
    h->settled = TRUE;          /* it never asks */
    h->paused = (args->flags & XF_MIGRATE_PAUSED) != 0;
    if (!xf_dest_admit(h, err))
        return FALSE;
    g_message("handoff %s: the source of domain '%s' is %s on host %s, which "
              "keeps its copy until it is told that ours runs: ours is "
              "revoked unless it gives leave, and then committed",
              h->token, h->name, from->kind, from->host);
    return receive_all(h, from, fd, err);
}
