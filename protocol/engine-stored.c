/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of a domain's definition when the domain moves.
 *
 * Destination, PERSIST_DEST.  Prepare writes the definition aside, under the
 * handoff's token: a disk that is full refuses the domain before it has
 * moved.  When the handoff is committed what waits becomes the definition,
 * by a rename; when it is revoked it goes.  A restart finds which of the two
 * is to be done by what was decided, and neither is done before that.
 *
 * Source.  When the destination has committed, the definition goes
 * (UNDEFINE_SOURCE), or is marked as away, before the handoff is forgotten:
 * from then on nothing else would keep the domain from being started here.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"

#include <string.h>

/* -- destination -- */

gboolean
xf_dest_store(struct xf_handoff *h, GError **err)
{
    if (XF_FAULT_FAILS("definition-write", err))
        return FALSE;
    if (!h->definition)
        return TRUE;
    if (memcmp(h->definition->info.uuid, h->uuid, XF_UUID_LEN) != 0
        || strcmp(h->definition->info.name, h->name) != 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_XML,
                    "Prepare of domain '%s': what is to be stored has "
                    "another uuid or name than the domain", h->name);
        return FALSE;
    }
    if (xf_defined_prepare(h->engine->defined, h->token, h->definition, err))
        return TRUE;
    g_prefix_error(err, "domain '%s' cannot be made persistent on host %s: ",
                   h->name, h->engine->hostname);
    return FALSE;
}

/* It is of this host again, whatever was here of it. */
static gboolean
is_back(struct xf_engine *engine, const guint8 *uuid, GError **err)
{
    XF_AUTO(xf_definition) *stored =
        xf_defined_by_uuid(engine->defined, uuid);

    return !stored || !stored->away
           || xf_defined_set_away(engine->defined, uuid, NULL, err);
}

gboolean
xf_dest_stored(struct xf_handoff *h, GError **err)
{
    struct xf_defined *defined = h->engine->defined;
    XF_AUTO(xf_definition) *before = xf_defined_by_uuid(defined, h->uuid);
    XF_AUTO(xf_definition) *after = NULL;

    XF_FAULT("definition-to-promote");
    if (XF_FAULT_FAILS("definition-promote", err)
        || !xf_defined_promote(defined, h->token, err)
        || !is_back(h->engine, h->uuid, err))
        return FALSE;
    XF_FAULT("definition-promoted");
    after = xf_defined_by_uuid(defined, h->uuid);
    if (after && (!before || strcmp(before->xml, after->xml) != 0))
        xf_engine_happened(h->engine, &after->info, XF_LIFE_DEFINED,
                           before != NULL);
    return TRUE;
}

void
xf_dest_unstore(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    /* What stays is dropped by the next start. */
    if (!xf_defined_drop(h->engine->defined, h->token, &err))
        g_warning("handoff %s: %s", h->token, err->message);
}

void
xf_dest_store_late(struct xf_handoff *h)
{
    struct xf_engine *engine = h->engine;
    XF_AUTO(xf_definition) *d = xf_defined_by_uuid(engine->defined, h->uuid);
    g_autoptr(GError) err = NULL;
    g_autofree char *xml = NULL;

    if (d)
        return;
    xml = engine->hv->ops->describe(engine->hv, h->domid,
                                    XF_XML_SECURE | XF_XML_INACTIVE, &err);
    if (xml)
        d = xf_defined_read(engine->defined, xml, h->name, &err);
    if (d && xf_defined_put(engine->defined, d, NULL, &err))
        xf_engine_happened(engine, &d->info, XF_LIFE_DEFINED,
                       XF_DEFINED_ADDED);
    else
        g_warning("handoff %s: domain '%s' runs here, but is not persistent: "
                  "%s", h->token, h->name, err->message);
}

/* -- source -- */

static char *
away_text(const struct xf_handoff *h)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *when = g_date_time_format(now, "%F %T");

    return g_strdup_printf("to %s at %s (handoff %s)",
                           h->peer_host && *h->peer_host ? h->peer_host
                                                         : "another host",
                           when, h->token);
}

gboolean
xf_source_left(struct xf_handoff *h, GError **err)
{
    struct xf_engine *engine = h->engine;
    XF_AUTO(xf_definition) *d = xf_defined_by_uuid(engine->defined, h->uuid);
    g_autofree char *where = away_text(h);

    if (XF_FAULT_FAILS("source-definition", err))
        return FALSE;
    if (!d)
        return TRUE;
    if (!h->undefine) {
        xf_defined_set_reason(engine->defined, h->uuid, XF_SHUTOFF_MIGRATED);
        return d->away
               || xf_defined_set_away(engine->defined, h->uuid, where, err);
    }
    if (!xf_defined_remove(engine->defined, h->uuid, err))
        return FALSE;
    xf_engine_happened(engine, &d->info, XF_LIFE_UNDEFINED,
                       XF_UNDEFINED_REMOVED);
    return TRUE;
}

/* -- at start -- */

static gboolean
was_committed(struct xf_engine *engine, struct xf_handoff *h,
              const char *token)
{
    XF_AUTO(xf_decision) *decision =
        xf_decisions_find(engine->decisions, token);

    return (h && xf_handoff_state(h) == XF_STATE_COMMITTED)
           || (decision && decision->kind == XF_DECISION_COMMITTED);
}

/* A record that cannot be read may be a complete copy's. */
static gboolean
may_be_undecided(struct xf_engine *engine, struct xf_handoff *h,
                 const char *token)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GHashTable) fields = NULL;

    if (h)
        return !xf_state_is_final(xf_handoff_state(h));
    fields = engine->store->ops->read(engine->store, token, &err);
    return fields
           || !g_error_matches(err, XF_ERROR, XF_ERROR_OPERATION_INVALID);
}

static void
recover_one(struct xf_engine *engine, const char *token)
{
    XF_AUTO(xf_handoff) *h = xf_engine_by_token(engine, token);
    g_autoptr(GError) err = NULL;
    gboolean ok = TRUE;

    if (h && h->side != XF_DESTINATION)
        return;
    if (was_committed(engine, h, token))
        ok = xf_defined_promote(engine->defined, token, &err);
    else if (!may_be_undecided(engine, h, token))
        ok = xf_defined_drop(engine->defined, token, &err);
    if (!ok)
        g_warning("handoff %s: what it was to store: %s", token,
                  err->message);
}

void
xf_stored_recover(struct xf_engine *engine)
{
    g_autoptr(GError) err = NULL;
    g_auto(GStrv) tokens = xf_defined_prepared(engine->defined, &err);

    if (!tokens)
        g_warning("%s", err->message);
    for (char **token = tokens; token && *token; token++)
        recover_one(engine, *token);
}
