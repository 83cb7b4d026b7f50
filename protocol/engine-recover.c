/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a daemon that starts finds of an earlier one: records, and decisions.
 *
 * A record is taken up with the event `restarted`.  When the log has a
 * decision that the record has not got yet, the decision was made: it comes
 * first.  A decision without any record (xenstore has forgotten) becomes a
 * handoff again, which is decided and waits for its other side; what was
 * being sent is in doubt then, whether its copy is still here or not.  Last,
 * what an earlier daemon received and nobody knows of any more is destroyed.
 */
#include "config.h"

#include "protocol/engine-private.h"

#include <string.h>

static void
restarted(struct xf_handoff *h)
{
    if (h->side == XF_SOURCE)
        xf_source_restarted(h);
    else
        xf_dest_restarted(h);
}

/* -- records -- */

/* The log is written first: it may be a state ahead of the record. */
static void
catch_up(struct xf_handoff *h)
{
    static const struct {
        enum xf_side side;
        enum xf_event event;
    } deciding[XF_DECISION_LAST] = {
        [XF_DECISION_COMMITTED] = { XF_DESTINATION, XF_EVENT_FINISH },
        [XF_DECISION_GIVEN_AWAY] = { XF_SOURCE, XF_EVENT_COMMITTED_KNOWN },
    };
    XF_AUTO(xf_decision) *decision =
        xf_decisions_find(h->engine->decisions, h->token);
    g_autoptr(GError) err = NULL;

    /* The record knows better how far the sending came. */
    if (!decision || decision->kind == XF_DECISION_SENDING
        || xf_state_is_final(xf_handoff_state(h)))
        return;
    if (deciding[decision->kind].side != h->side) {
        g_warning("handoff %s: the decisions log has it as %s, but its "
                  "record is that of the %s", h->token,
                  xf_decision_kind_name(decision->kind),
                  xf_side_name(h->side));
        return;
    }
    h->paused = decision->paused;
    if (!xf_handoff_event(h, deciding[decision->kind].event, NULL, &err))
        g_warning("%s", err->message);
}

static gboolean
recover_record(struct xf_engine *engine, const char *token)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_handoff) *h = xf_handoff_load(engine, token, &err);

    if (!h) {
        g_warning("%s; left as it is", err->message);
        return FALSE;
    }
    if (!xf_engine_add(engine, h, &err)) {
        g_warning("handoff %s: not taken up: %s", token, err->message);
        return FALSE;
    }
    catch_up(h);
    restarted(h);
    return TRUE;
}

/* FALSE: there is one that could not be taken up, whatever it may say. */
static gboolean
recover_records(struct xf_engine *engine, char **tokens)
{
    gboolean all = TRUE;

    for (char **token = tokens; *token; token++) {
        if (xf_token_valid(*token)) {
            all = recover_record(engine, *token) && all;
        } else {
            g_warning("record '%s': not a handoff's; left as it is", *token);
            all = FALSE;
        }
    }
    return all;
}

/* -- decisions -- */

static void
recover_decision(struct xf_engine *engine, const struct xf_decision *decision)
{
    static const enum xf_state states[XF_DECISION_LAST] = {
        [XF_DECISION_COMMITTED] = XF_STATE_COMMITTED,
        [XF_DECISION_GIVEN_AWAY] = XF_STATE_DONE,
        [XF_DECISION_SENDING] = XF_STATE_IN_DOUBT,
    };
    gboolean committed = decision->kind == XF_DECISION_COMMITTED;
    XF_AUTO(xf_handoff) *known = xf_engine_by_token(engine, decision->token);
    g_autoptr(GError) err = NULL;

    if (known)
        return;

    XF_AUTO(xf_handoff) *h = xf_handoff_new(
        engine, committed ? XF_DESTINATION : XF_SOURCE, decision->token,
        decision->key, decision->uuid, decision->name);

    h->state = states[decision->kind];
    h->since = decision->time;
    h->peer_host = g_strdup(decision->peer_host);
    h->peer_port = decision->peer_port;
    h->peer_log = g_strdup(decision->peer_log);
    memcpy(h->peer_log_key, decision->peer_log_key, XF_KEY_LEN);
    h->paused = decision->paused;
    h->connected = TRUE;
    /* a channel always has one */
    if (!h->peer_port) {
        h->foreign = g_strdup("another tool");
        h->settled = TRUE;
    }
    h->domid = decision->domid;
    if (committed)
        xf_dest_remembered(h);
    else
        xf_source_remembered(h);
    g_message("handoff %s: domain '%s': its record is gone, the decisions "
              "log has it as %s", h->token, h->name,
              xf_decision_kind_name(decision->kind));
    if (!xf_engine_add(engine, h, &err)) {
        g_warning("handoff %s: not taken up: %s", h->token, err->message);
        return;
    }
    /* In a record, so that the next start does not look for a copy again: by
     * then there may be one of a newer handoff. */
    if (committed && h->acted)
        xf_handoff_acted(h);
    restarted(h);
}

/* -- copies that nobody knows of -- */

/* Ours, paused, and no handoff's: its record went with xenstore, and since it
 * is not in the log either, its source has been told, or will be, that it was
 * never committed.  It only is in the way of the next one. */
static gboolean
is_left(struct xf_engine *engine, const struct xf_hv_domain *domain)
{
    XF_AUTO(xf_handoff) *h = NULL;
    /* A killed xenstored has taken the names with it. */
    gboolean named = !*domain->name
                     || g_str_has_suffix(domain->name, XF_INCOMING_SUFFIX);

    /* What has run here is no copy, whatever is marked: it may be a restored
     * guest whose name was another's. */
    if (!domain->paused || domain->cpu_time_ns || domain->dying || !named)
        return FALSE;
    h = xf_engine_by_uuid(engine, XF_DESTINATION, domain->uuid);
    return !h && engine->hv->ops->incoming_left(engine->hv, domain->domid);
}

static void
destroy_left(struct xf_engine *engine)
{
    struct xf_hypervisor *hv = engine->hv;
    g_autoptr(GError) list_err = NULL;
    g_autoptr(GPtrArray) domains = hv->ops->list(hv, &list_err);

    if (!domains)
        g_warning("copies that are left over are not looked for: %s",
                  list_err->message);
    for (guint i = 0; domains && i < domains->len; i++) {
        const struct xf_hv_domain *domain = domains->pdata[i];
        g_autoptr(GError) err = NULL;

        if (!is_left(engine, domain))
            continue;
        g_message("domain %d ('%s') is left of a move that nobody knows of "
                  "any more, and is destroyed", domain->domid, domain->name);
        if (!hv->ops->destroy(hv, domain->domid, &err))
            g_warning("domain %d ('%s'): %s", domain->domid, domain->name,
                      err->message);
    }
}

gboolean
xf_engine_recover(struct xf_engine *engine, GError **err)
{
    g_auto(GStrv) tokens = engine->store->ops->list(engine->store, err);

    if (!tokens)
        return FALSE;

    gboolean all = recover_records(engine, tokens);
    g_autoptr(GPtrArray) decisions = xf_decisions_all(engine->decisions);

    for (guint i = 0; i < decisions->len; i++)
        recover_decision(engine, g_ptr_array_index(decisions, i));
    /* A record that cannot be read may be that of a complete copy. */
    if (all)
        destroy_left(engine);
    xf_stored_recover(engine);
    return TRUE;
}

/* -- handoffs that are in no record -- */

/* FALSE also when nobody can say. */
static gboolean
surely_no_record(struct xf_engine *engine, const char *token)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GHashTable) fields =
        engine->store->ops->read(engine->store, token, &err);

    return !fields
           && g_error_matches(err, XF_ERROR, XF_ERROR_OPERATION_INVALID);
}

enum xf_channel_msg
xf_engine_answer_lost(struct xf_engine *engine, const char *token,
                      gboolean revoke)
{
    XF_AUTO(xf_handoff) *h = xf_engine_by_token(engine, token);
    XF_AUTO(xf_decision) *decision =
        xf_decisions_find(engine->decisions, token);
    g_autoptr(GError) err = NULL;

    if (h && h->side == XF_DESTINATION)
        return revoke ? xf_dest_resolve(h) : xf_dest_decided(h);
    if (decision)
        return decision->kind == XF_DECISION_COMMITTED ? XF_MSG_COMMITTED : 0;
    /* A record that could not be taken up may be a complete copy's. */
    if (h || !surely_no_record(engine, token)) {
        g_warning("handoff %s: its source asks about it; there is a record "
                  "that could not be taken up, and no answer", token);
        return 0;
    }
    if (!xf_decisions_settle(engine->decisions, &err)) {
        g_warning("handoff %s: %s", token, err->message);
        return 0;
    }
    g_message("handoff %s: not known here and not in the decisions log: it "
              "never committed; its source is told so", token);
    return XF_MSG_REVOKED;
}

enum xf_channel_msg
xf_engine_settled_lost(struct xf_engine *engine, const char *token)
{
    XF_AUTO(xf_handoff) *h = xf_engine_by_token(engine, token);
    XF_AUTO(xf_decision) *decision =
        xf_decisions_find(engine->decisions, token);

    if (h && h->side == XF_DESTINATION)
        return xf_dest_settled(h, TRUE) ? XF_MSG_OK : 0;
    /* What could not be taken up is known, and has still to be ended. */
    return h || decision || !surely_no_record(engine, token) ? 0 : XF_MSG_OK;
}
