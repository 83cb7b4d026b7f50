/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records: a handoff's fields written down, and read back at start. */
#include "config.h"

#include "protocol/engine-private.h"

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
put_key(GHashTable *fields, const guint8 *key)
{
    char text[2 * XF_KEY_LEN + 1];

    for (int i = 0; i < XF_KEY_LEN; i++)
        g_snprintf(text + 2 * i, 3, "%02x", key[i]);
    put(fields, "key", text);
}

static GHashTable *
fields_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                 (GDestroyNotify)g_bytes_unref);
}

/* All of it each time: a record is small, and whole or absent. */
static GHashTable *
record_fields(const struct xf_handoff *h, enum xf_state state, gint64 since)
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
    put_key(fields, h->key);
    put(fields, "peer-host", h->peer_host ? h->peer_host : "");
    put_number(fields, "peer-port", h->peer_port);
    put_number(fields, "paused", h->paused);
    put_number(fields, "in-band", h->in_band);
    put_number(fields, "untouched",
               h->untouched && state != XF_STATE_PERFORMING);
    put_number(fields, "acted", 0);
    return fields;
}

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
    g_autoptr(GHashTable) fields = record_fields(h, next, since);
    g_autoptr(GError) write_err = NULL;

    if (h->engine->store->ops->write(h->engine->store, h->token, fields,
                                     &write_err))
        return TRUE;
    if (restart_does_the_same(h, next, action)) {
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
    return TRUE;
}

gboolean
xf_handoff_event(struct xf_handoff *h, enum xf_event event,
                 enum xf_action *action, GError **err)
{
    enum xf_action ignored;

    g_mutex_lock(&h->lock);

    gboolean ok = event_locked(h, event, action ? action : &ignored, err);

    g_cond_broadcast(&h->changed);
    g_mutex_unlock(&h->lock);
    return ok;
}

void
xf_handoff_acted(struct xf_handoff *h)
{
    g_autoptr(GHashTable) fields = fields_new();
    g_autoptr(GError) err = NULL;

    put_number(fields, "acted", 1);
    g_mutex_lock(&h->lock);
    put_number(fields, "domid", h->domid);
    h->acted = TRUE;
    g_cond_broadcast(&h->changed);
    /* Not written: after a restart the action is done once more, which is
     * what actions are made for. */
    if (!h->engine->store->ops->write(h->engine->store, h->token, fields,
                                      &err))
        g_warning("handoff %s: %s", h->token, err->message);
    g_mutex_unlock(&h->lock);
}

void
xf_handoff_forget(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    if (!h->engine->store->ops->remove(h->engine->store, h->token, &err))
        g_warning("handoff %s: record stays: %s", h->token, err->message);
    xf_engine_remove(h->engine, h);
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
get_key(GHashTable *fields, guint8 *key)
{
    g_autofree char *text = get(fields, "key");

    if (!text || strlen(text) != 2 * XF_KEY_LEN)
        return FALSE;
    for (int i = 0; i < XF_KEY_LEN; i++) {
        int high = g_ascii_xdigit_value(text[2 * i]);
        int low = g_ascii_xdigit_value(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return FALSE;
        key[i] = high << 4 | low;
    }
    return TRUE;
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
    gint64 since, domid, port, paused, in_band, untouched, acted;
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
        || !get_number(fields, "acted", &acted) || !get_key(fields, key)) {
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
    h->paused = paused != 0;
    h->in_band = in_band != 0;
    h->acted = acted != 0;
    h->untouched = untouched != 0;
    /* Not known of a revoked one: then its source may ask. */
    h->connected = h->state != XF_STATE_PREPARED;
    return h;
}

static void
recover_one(struct xf_engine *engine, const char *token)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_handoff) *h = xf_handoff_load(engine, token, &err);

    if (!h) {
        g_warning("%s; left as it is", err->message);
        return;
    }
    if (!xf_engine_add(engine, h, &err)) {
        g_warning("handoff %s: not taken up: %s", token, err->message);
        return;
    }
    if (h->side == XF_SOURCE)
        xf_source_restarted(h);
    else
        xf_dest_restarted(h);
}

gboolean
xf_engine_recover(struct xf_engine *engine, GError **err)
{
    g_auto(GStrv) tokens = engine->store->ops->list(engine->store, err);

    if (!tokens)
        return FALSE;
    for (char **token = tokens; *token; token++) {
        if (xf_token_valid(*token))
            recover_one(engine, *token);
        else
            g_warning("record '%s': not a handoff's; left as it is", *token);
    }
    return TRUE;
}
