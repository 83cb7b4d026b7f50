/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records: a handoff's fields written down, and read back at start; and the
 * decisions, which are in the log before they are in a record.  The fields
 * are described in xenferry-records(5). */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"

#include <string.h>

/* Bumped when a field changes its meaning. */
#define RECORD_VERSION "1"

static void
put(GHashTable *fields, const char *name, const char *value)
{
    g_hash_table_insert(fields, g_strdup(name),
                        g_bytes_new(value, strlen(value)));
}

static void
put_number(GHashTable *fields, const char *name, gint64 value)
{
    char text[32];

    g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, value);
    put(fields, name, text);
}

static void
put_key(GHashTable *fields, const char *name, const guint8 *key)
{
    char text[2 * XF_KEY_LEN + 1];

    put(fields, name, xf_hex_format(key, XF_KEY_LEN, text));
}

static GHashTable *
fields_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                 (GDestroyNotify)g_bytes_unref);
}

/* All of it each time: a record is small, and whole or absent. */
static GHashTable *
record_fields(const struct xf_handoff *h, enum xf_state state, gint64 since,
              gboolean acted)
{
    GHashTable *fields = fields_new();
    char uuid[XF_UUID_STRING_LEN + 1];

    put(fields, "version", RECORD_VERSION);
    put(fields, "side", xf_side_name(h->side));
    put(fields, "state", xf_state_name(state));
    put_number(fields, "since", since);
    put(fields, "uuid", xf_uuid_format(h->uuid, uuid));
    put(fields, "name", h->name);
    put_number(fields, "domid", h->domid);
    put_key(fields, "key", h->key);
    put(fields, "peer-host", h->peer_host ? h->peer_host : "");
    put_number(fields, "peer-port", h->peer_port);
    if (h->foreign)
        put(fields, "peer-kind", h->foreign);
    if (h->peer_log) {
        put(fields, "peer-log", h->peer_log);
        put_key(fields, "peer-log-key", h->peer_log_key);
    }
    put_number(fields, "paused", h->paused);
    put_number(fields, "in-band", h->in_band);
    put_number(fields, "untouched",
               h->untouched && state != XF_STATE_PERFORMING);
    put_number(fields, "undefine", h->undefine);
    put_number(fields, "acted", acted);
    if (h->settled)
        put_number(fields, "settled", 1);
    return fields;
}

/* -- decisions -- */

/* Which state is a decision; XF_DECISION_LAST: it is none.  A foreign
 * destination can do nothing before it is given leave. */
static enum xf_decision_kind
decision_of(const struct xf_handoff *h, enum xf_state state)
{
    enum xf_state sending = h->foreign ? XF_STATE_PERFORMED
                                       : XF_STATE_PERFORMING;

    return state == XF_STATE_COMMITTED ? XF_DECISION_COMMITTED
           : state == XF_STATE_DONE    ? XF_DECISION_GIVEN_AWAY
           : state == sending          ? XF_DECISION_SENDING
                                       : XF_DECISION_LAST;
}

static gboolean
add_decision(const struct xf_handoff *h, enum xf_decision_kind kind,
             gint64 now, GError **err)
{
    struct xf_decision decision = {
        .kind = kind,
        .time = now,
        .domid = h->domid,
        .paused = h->paused,
        .peer_host = h->peer_host,
        .peer_port = h->peer_port,
        .name = h->name,
        .peer_log = h->peer_log,
    };

    memcpy(decision.peer_log_key, h->peer_log_key, XF_KEY_LEN);
    memcpy(decision.token, h->token, sizeof(decision.token));
    memcpy(decision.uuid, h->uuid, XF_UUID_LEN);
    memcpy(decision.key, h->key, XF_KEY_LEN);

    gboolean ok = !XF_FAULT_FAILS("decide", err)
                  && xf_decisions_add(h->engine->decisions, &decision, err);

    XF_FAULT("decided");
    explicit_bzero(&decision, sizeof(decision));
    return ok;
}

/* Could an earlier try at the opposite decision have left it in the log? */
static gboolean
contradicts(const struct xf_handoff *h, enum xf_state next)
{
    enum xf_event deciding = h->side == XF_SOURCE ? XF_EVENT_COMMITTED_KNOWN
                                                  : XF_EVENT_FINISH;
    enum xf_state decided;
    enum xf_action action;

    return next != h->state && xf_state_is_final(next)
           && xf_handoff_next(h->side, h->state, deciding, &decided, &action)
           && decision_of(h, decided) != XF_DECISION_LAST;
}

/* On disk, before the record and the act.  *decided: this cannot be undone
 * any more, whatever becomes of the record. */
static gboolean
decide(const struct xf_handoff *h, enum xf_state next, gint64 now,
       gboolean *decided, GError **err)
{
    enum xf_decision_kind kind = decision_of(h, next);
    gboolean ok = TRUE;

    /* That it is being sent only makes us ask: no harm if it is not. */
    *decided = kind != XF_DECISION_LAST && kind != XF_DECISION_SENDING;
    if (kind != XF_DECISION_LAST)
        ok = add_decision(h, kind, now, err);
    else if (contradicts(h, next))
        ok = xf_decisions_settle(h->engine->decisions, err);
    if (!ok)
        g_prefix_error(err, "handoff %s: cannot record state %s: ", h->token,
                       xf_state_name(next));
    return ok;
}

/* -- changing state -- */

/* Would a restart go on from the old record as this event does? */
static gboolean
restart_does_the_same(const struct xf_handoff *h, enum xf_state next,
                      enum xf_action action)
{
    enum xf_state again;
    enum xf_action act;

    return xf_handoff_next(h->side, h->state, XF_EVENT_RESTARTED, &again,
                           &act)
           && again == next
           && (act == action || action == XF_ACTION_NONE);
}

static gboolean
write_state(struct xf_handoff *h, enum xf_state next, enum xf_action action,
            gint64 since, GError **err)
{
    g_autoptr(GHashTable) fields = record_fields(h, next, since, FALSE);
    g_autoptr(GError) write_err = NULL;
    gboolean decided;

    if (!decide(h, next, since, &decided, err))
        return FALSE;

    if (h->engine->store->ops->write(h->engine->store, h->token, fields,
                                     &write_err))
        return TRUE;
    if (decided || restart_does_the_same(h, next, action)) {
        g_warning("handoff %s: record of state %s was not written: %s",
                  h->token, xf_state_name(next), write_err->message);
        return TRUE;
    }
    g_propagate_prefixed_error(err, g_steal_pointer(&write_err),
                               "handoff %s: cannot record state %s: ",
                               h->token, xf_state_name(next));
    return FALSE;
}

static gboolean
event_locked(struct xf_handoff *h, enum xf_event event,
             enum xf_action *action, GError **err)
{
    enum xf_state next;
    gint64 since = g_get_real_time();

    if (!xf_handoff_next(h->side, h->state, event, &next, action)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "handoff %s of domain '%s': %s is not possible, it is %s "
                    "here", h->token, h->name, xf_event_name(event),
                    xf_state_name(h->state));
        return FALSE;
    }
    if (next == h->state)
        return TRUE;
    if (!write_state(h, next, *action, since, err))
        return FALSE;
    g_message("handoff %s: %s, domain '%s': %s -> %s (%s), then %s",
              h->token, xf_side_name(h->side), h->name,
              xf_state_name(h->state), xf_state_name(next),
              xf_event_name(event), xf_action_name(*action));
    h->state = next;
    h->untouched = h->untouched && next != XF_STATE_PERFORMING;
    h->since = since;
    h->since_mono = g_get_monotonic_time();
    h->acted = FALSE;
    g_clear_pointer(&h->trouble, g_free);
    return TRUE;
}

gboolean
xf_handoff_event(struct xf_handoff *h, enum xf_event event,
                 enum xf_action *action, GError **err)
{
    enum xf_action ignored;

    g_mutex_lock(&h->lock);

    gboolean doubted = h->state == XF_STATE_IN_DOUBT;
    gboolean ok = event_locked(h, event, action ? action : &ignored, err);
    gboolean doubts = !doubted && h->state == XF_STATE_IN_DOUBT;

    g_cond_broadcast(&h->changed);
    g_mutex_unlock(&h->lock);
    if (doubts)
        xf_handoff_tell(h, XF_LIFE_SUSPENDED, XF_SUSPENDED_API_ERROR, -1);
    return ok;
}

/* It is known that it runs here alone: nobody need ask when we start again
 * without a record. */
static void
not_sent(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    /* Tried once more when it is forgotten. */
    if (!xf_decisions_acknowledge(h->engine->decisions, h->token, &err))
        g_warning("handoff %s: %s", h->token, err->message);
}

void
xf_handoff_acted(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    g_mutex_lock(&h->lock);

    /* The state, too: a decision stands even when its record failed. */
    g_autoptr(GHashTable) fields = record_fields(h, h->state, h->since, TRUE);

    h->acted = TRUE;
    g_cond_broadcast(&h->changed);
    /* Not written: after a restart the action is done once more, which is
     * what actions are made for.  But no other handoff of that domain may
     * have begun by then: it is tried again until it is written. */
    h->stale = !h->forgotten
               && !h->engine->store->ops->write(h->engine->store, h->token,
                                                fields, &err);
    if (h->stale)
        g_warning("handoff %s: %s", h->token, err->message);
    if (h->state == XF_STATE_CANCELLED)
        not_sent(h);
    g_mutex_unlock(&h->lock);
}

/* Before it is true: nobody may have forgotten it meanwhile.  All of the
 * record: xenstore may have lost it, and this alone would be none. */
static gboolean
write_settled(struct xf_handoff *h, GError **err)
{
    g_autoptr(GHashTable) fields =
        record_fields(h, h->state, h->since, h->acted);

    put_number(fields, "settled", 1);
    return h->engine->store->ops->write(h->engine->store, h->token, fields,
                                        err);
}

gboolean
xf_handoff_settled(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    g_mutex_lock(&h->lock);

    /* Nothing left to do: it is forgotten at once.  Or not admitted yet: then
     * it has no record that this could be added to, and its first, if there
     * is ever one, says so. */
    gboolean over = h->state == XF_STATE_NONE || h->forgotten
                    || (xf_state_is_final(h->state) && h->acted
                        && !h->awaited);

    gboolean ok = over || h->settled || write_settled(h, &err);

    h->settled = ok;

    g_mutex_unlock(&h->lock);
    if (!ok)
        g_warning("handoff %s: %s", h->token, err->message);
    return ok;
}

gboolean
xf_handoff_forget(struct xf_handoff *h)
{
    struct xf_store *store = h->engine->store;
    g_autoptr(GError) err = NULL;

    /* Locked: nobody may write the record anew between the two. */
    g_mutex_lock(&h->lock);

    gboolean again = h->forgotten;  /* two may come to it at once */

    /* The record last: it leads here again. */
    h->forgotten =
        again
        || (xf_decisions_acknowledge(h->engine->decisions, h->token, &err)
            && store->ops->remove(store, h->token, &err));

    gboolean forgotten = h->forgotten;

    g_cond_broadcast(&h->changed);
    g_mutex_unlock(&h->lock);
    if (!forgotten) {
        g_warning("handoff %s: not forgotten yet: %s", h->token,
                  err->message);
        return FALSE;
    }
    xf_engine_remove(h->engine, h);
    if (!again)
        g_message("handoff %s: %s, domain '%s': over (%s) and forgotten",
                  h->token, xf_side_name(h->side), h->name,
                  xf_state_name(xf_handoff_state(h)));
    return TRUE;
}

void
xf_handoff_refused(struct xf_handoff *h)
{
    struct xf_store *store = h->engine->store;
    g_autoptr(GError) err = NULL;
    gboolean ok = store->ops->remove(store, h->token, &err);

    g_mutex_lock(&h->lock);
    h->refused = TRUE;
    h->forgotten = ok;
    g_mutex_unlock(&h->lock);
    if (ok)
        xf_engine_remove(h->engine, h);
    else
        g_warning("handoff %s: not begun, but its record may be there: %s",
                  h->token, err->message);
}

/* -- reading back -- */

static char *
get(GHashTable *fields, const char *name)
{
    GBytes *bytes = g_hash_table_lookup(fields, name);
    gsize len;
    const char *data;

    if (!bytes)
        return NULL;
    data = g_bytes_get_data(bytes, &len);
    return g_strndup(data ? data : "", len);
}

static gboolean
get_number(GHashTable *fields, const char *name, gint64 *value)
{
    g_autofree char *text = get(fields, name);

    return text
           && g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64,
                                       value, NULL);
}

static gboolean
get_key(GHashTable *fields, const char *name, guint8 *key)
{
    g_autofree char *text = get(fields, name);

    return text && xf_hex_parse(text, key, XF_KEY_LEN);
}

struct xf_handoff *
xf_handoff_load(struct xf_engine *engine, const char *token, GError **err)
{
    g_autoptr(GHashTable) fields =
        engine->store->ops->read(engine->store, token, err);

    if (!fields)
        return NULL;

    g_autofree char *version = get(fields, "version");
    g_autofree char *side = get(fields, "side");
    g_autofree char *state = get(fields, "state");
    g_autofree char *uuid_text = get(fields, "uuid");
    g_autofree char *name = get(fields, "name");
    gint64 since, domid, port, paused, in_band, untouched, acted, undefine;
    guint8 key[XF_KEY_LEN], uuid[XF_UUID_LEN];

    if (g_strcmp0(version, RECORD_VERSION) != 0 || !side || !state || !name
        || !uuid_text || !xf_uuid_parse(uuid_text, uuid)
        || xf_state_from_name(state) == XF_STATE_LAST
        || !get_number(fields, "since", &since)
        || !get_number(fields, "domid", &domid)
        || !get_number(fields, "peer-port", &port)
        || !get_number(fields, "paused", &paused)
        || !get_number(fields, "in-band", &in_band)
        || !get_number(fields, "untouched", &untouched)
        || !get_number(fields, "acted", &acted)
        || !get_key(fields, "key", key)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INTERNAL,
                    "handoff %s: its record is damaged or of another version",
                    token);
        return NULL;
    }

    struct xf_handoff *h = xf_handoff_new(
        engine,
        strcmp(side, xf_side_name(XF_SOURCE)) == 0 ? XF_SOURCE
                                                   : XF_DESTINATION,
        token, key, uuid, name);

    h->state = xf_state_from_name(state);
    h->since = since;
    h->domid = domid;
    h->peer_host = get(fields, "peer-host");
    h->peer_port = port;
    if (get_key(fields, "peer-log-key", h->peer_log_key))
        h->peer_log = get(fields, "peer-log");
    h->paused = paused != 0;
    h->in_band = in_band != 0;
    h->acted = acted != 0;
    h->untouched = untouched != 0;
    h->foreign = get(fields, "peer-kind");
    h->settled = h->foreign || g_hash_table_contains(fields, "settled");
    h->undefine = get_number(fields, "undefine", &undefine) && undefine;
    /* Not known of a revoked one: then its source may ask. */
    h->connected = h->state != XF_STATE_PREPARED;
    return h;
}
