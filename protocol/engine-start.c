/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may be started, and who may not: a domain that a handoff has, one that
 * is promised to an incoming handoff, one that was given away.
 *
 * While a domain is being started it is in engine->starting, so that no
 * handoff of it begins and nobody else starts it.  That is entered, as
 * handoffs are, under engine->adding: of two who want the same domain one
 * comes first.
 */
#include "config.h"

#include "protocol/engine-private.h"

#include <string.h>

/* -- what a handoff has -- */

static void
set_migrating(struct xf_handoff *h, enum xf_state state, GError **err)
{
    gboolean in_doubt = state == XF_STATE_IN_DOUBT;

    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "domain '%s' is being migrated (handoff %s, %s, %s); %s%s",
                h->name, h->token, xf_side_name(h->side),
                xf_state_name(state),
                in_doubt ? "it may run at the destination.  To settle it: "
                           "xenferry resolve "
                         : "abort its job first, or wait",
                in_doubt ? h->token : "");
}

gboolean
xf_engine_guard(struct xf_engine *engine, const guint8 *uuid,
                gboolean harmless, GError **err)
{
    for (int side = 0; side < XF_SIDE_LAST; side++) {
        XF_AUTO(xf_handoff) *h = xf_engine_by_uuid(engine, side, uuid);

        if (!h)
            continue;

        enum xf_state state = xf_handoff_state(h);

        if (harmless
            && (state == XF_STATE_BEGUN || state == XF_STATE_PERFORMING))
            continue;
        set_migrating(h, state, err);
        return FALSE;
    }
    return harmless || xf_offline_guard(engine, uuid, err);
}

gboolean
xf_engine_guard_name(struct xf_engine *engine, const guint8 *uuid,
                     const char *name, GError **err)
{
    g_autoptr(GPtrArray) all = xf_engine_all(engine);

    for (guint i = 0; i < all->len; i++) {
        struct xf_handoff *h = g_ptr_array_index(all, i);

        if (h->side != XF_DESTINATION || strcmp(h->name, name) != 0
            || memcmp(h->uuid, uuid, XF_UUID_LEN) == 0
            || xf_state_is_final(xf_handoff_state(h)))
            continue;
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "the name '%s' is promised to a domain that is on its "
                    "way in (handoff %s); choose another, or wait", name,
                    h->token);
        return FALSE;
    }
    return TRUE;
}

/* -- what was given away -- */

static void
refuse_elsewhere(const struct xf_decision *decision, GError **err)
{
    g_autoptr(GDateTime) time =
        g_date_time_new_from_unix_local(decision->time / G_USEC_PER_SEC);
    g_autofree char *when = g_date_time_format(time, "%F %T");
    const char *peer = *decision->peer_host ? decision->peer_host
                                            : "another host";

    if (decision->kind == XF_DECISION_SENDING)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' was being sent to %s at %s (handoff %s), "
                    "and it is not known whether it runs there: started here "
                    "it may run twice.  %s is being asked; to settle it: "
                    "xenferry resolve %s", decision->name, peer, when,
                    decision->token, peer, decision->token);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' was given away to %s at %s (handoff %s), "
                    "which has not said yet that it knows: started here it "
                    "may run twice.  If it is certain that it does not run "
                    "there: xenferry create --given-away", decision->name,
                    peer, when, decision->token);
}

gboolean
xf_engine_may_start(struct xf_engine *engine, const guint8 *uuid,
                    GError **err)
{
    XF_AUTO(xf_decision) *decision =
        xf_decisions_elsewhere(engine->decisions, uuid);
    XF_AUTO(xf_definition) *stored =
        xf_defined_by_uuid(engine->defined, uuid);

    if (decision) {
        refuse_elsewhere(decision, err);
        return FALSE;
    }
    if (stored && stored->away) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' was given away %s and has not come back: "
                    "started here it may run twice.  If it is certain that "
                    "it does not run there: xenferry start --given-away",
                    stored->info.name, stored->away);
        return FALSE;
    }
    return TRUE;
}

/* -- starting -- */

gboolean
xf_engine_is_starting(struct xf_engine *engine, const guint8 *uuid,
                      const char *name, GError **err)
{
    char text[XF_UUID_STRING_LEN + 1];
    GHashTableIter iter;
    gpointer key, value;

    xf_uuid_format(uuid, text);
    g_hash_table_iter_init(&iter, engine->starting);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (strcmp(key, text) != 0 && strcmp(value, name) != 0)
            continue;
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' (uuid %s) is being started", (char *)value,
                    (char *)key);
        return TRUE;
    }
    return FALSE;
}

/* engine->adding is held. */
static gboolean
may_begin(struct xf_engine *engine, const struct xf_definition *d,
          guint flags, GError **err)
{
    const struct xf_hv_domain *info = &d->info;
    struct xf_hv_domain live;

    if (!xf_engine_guard(engine, info->uuid, FALSE, err)
        || !xf_engine_guard_name(engine, info->uuid, info->name, err)
        || xf_engine_is_starting(engine, info->uuid, info->name, err)
        || !xf_defined_fits(engine->defined, info->uuid, info->name, err))
        return FALSE;

    int lives = xf_engine_lives(engine, info->uuid, &live, err);

    if (lives == 1)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' is already running (id %d)", live.name,
                    live.domid);
    return lives == 0
           && (flags & XF_CREATE_GIVEN_AWAY
               || xf_engine_may_start(engine, info->uuid, err));
}

static gboolean
begin(struct xf_engine *engine, const struct xf_definition *d, guint flags,
      GError **err)
{
    char text[XF_UUID_STRING_LEN + 1];

    g_mutex_lock(&engine->adding);

    gboolean ok = may_begin(engine, d, flags, err);

    if (ok)
        g_hash_table_insert(engine->starting,
                            g_strdup(xf_uuid_format(d->info.uuid, text)),
                            g_strdup(d->info.name));
    g_mutex_unlock(&engine->adding);
    return ok;
}

static void
end(struct xf_engine *engine, const struct xf_definition *d)
{
    char text[XF_UUID_STRING_LEN + 1];

    g_mutex_lock(&engine->adding);
    g_hash_table_remove(engine->starting, xf_uuid_format(d->info.uuid, text));
    g_mutex_unlock(&engine->adding);
}

/* It runs here now: what is stored of it is this host's again. */
static void
is_here(struct xf_engine *engine, const guint8 *uuid)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_definition) *stored =
        xf_defined_by_uuid(engine->defined, uuid);

    /* That it stays marked makes its next start ask for more, no less. */
    if (stored && stored->away
        && !xf_defined_set_away(engine->defined, uuid, NULL, &err))
        g_warning("domain '%s' stays marked as given away: %s",
                  stored->info.name, err->message);
}

void
xf_engine_happened(struct xf_engine *engine,
                   const struct xf_hv_domain *domain, enum xf_lifecycle event,
                   enum xf_life_detail detail)
{
    XF_AUTO(xf_domain_ref) *dom =
        xf_domain_ref_new(domain->name, domain->uuid, domain->domid);

    xf_engine_tell(engine, dom, event, detail);
}

struct xf_domain_ref *
xf_engine_start(struct xf_engine *engine, const struct xf_definition *d,
                const char *xml, guint flags, GError **err)
{
    const struct xf_hypervisor_ops *ops = engine->hv->ops;
    struct xf_hv_domain domain;

    if (!begin(engine, d, flags, err))
        return NULL;

    int domid = ops->create(engine->hv, xml, flags & XF_CREATE_PAUSED, err);

    end(engine, d);
    if (domid < 0)
        return NULL;
    is_here(engine, d->info.uuid);
    if (!ops->info(engine->hv, domid, &domain, err))
        return NULL;
    xf_engine_happened(engine, &domain, XF_LIFE_STARTED, XF_STARTED_BOOTED);
    if (flags & XF_CREATE_PAUSED)
        xf_engine_happened(engine, &domain, XF_LIFE_SUSPENDED,
                           XF_SUSPENDED_PAUSED);
    return xf_domain_ref_new(domain.name, domain.uuid, domain.domid);
}
