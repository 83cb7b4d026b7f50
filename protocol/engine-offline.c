/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * OFFLINE: a definition moves, its domain does not.  The phases are those of
 * v3 without Perform; no guest is stopped or started, so there is nothing to
 * decide, to record or to resolve.  What each side holds meanwhile belongs to
 * its client's connection, is in memory, and ends with either.
 *
 * The source undefines its own only when it knows that the destination has
 * stored it: Finish proves that in its cookie, by the key that Begin made.
 *
 * A definition that the destination has marked as given away (defined.h) is
 * its own again only if the source says that the domain does not run there.
 * One that the source has marked so does not move.
 */
#include "config.h"

#include "protocol/engine-private.h"

#include <string.h>

/* engine->lock guards all of them. */
struct xf_offline {
    enum xf_side side;
    char token[XF_TOKEN_LEN + 1];
    guint8 key[XF_KEY_LEN];
    guint8 uuid[XF_UUID_LEN];
    char name[256];
    gboolean idle;              /* the source says that it does not run there */
    struct xf_conn *owner;
};

/* What Begin's cookie says of it; an older source says nothing. */
#define RUNS "running"
#define IDLE "shut-off"

/* -- their table -- */

/* One of that domain on that side; engine->lock is held. */
static struct xf_offline *
of_domain(struct xf_engine *engine, enum xf_side side, const guint8 *uuid)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, engine->offline);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct xf_offline *o = value;

        if (o->side == side && memcmp(o->uuid, uuid, XF_UUID_LEN) == 0)
            return o;
    }
    return NULL;
}

gboolean
xf_offline_guard(struct xf_engine *engine, const guint8 *uuid, GError **err)
{
    char token[XF_TOKEN_LEN + 1] = "";

    g_mutex_lock(&engine->lock);
    for (int side = 0; side < XF_SIDE_LAST && !*token; side++) {
        const struct xf_offline *o = of_domain(engine, side, uuid);

        if (o)
            memcpy(token, o->token, sizeof(token));
    }
    g_mutex_unlock(&engine->lock);
    if (!*token)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "the definition of the domain is being migrated (handoff "
                "%s); wait for it", token);
    return FALSE;
}

/* Copies it and takes it out of the table. */
static gboolean
take(struct xf_engine *engine, const char *token, struct xf_offline *copy)
{
    g_mutex_lock(&engine->lock);

    const struct xf_offline *o = g_hash_table_lookup(engine->offline, token);

    if (o)
        *copy = *o;
    g_hash_table_remove(engine->offline, token);
    g_mutex_unlock(&engine->lock);
    return o != NULL;
}

/* Under engine->adding, so that no handoff of it begins meanwhile. */
static void
enter(struct xf_engine *engine, const struct xf_offline *o)
{
    struct xf_offline *own = g_memdup2(o, sizeof(*o));

    g_mutex_lock(&engine->lock);
    g_hash_table_replace(engine->offline, own->token, own);
    g_mutex_unlock(&engine->lock);
}

static void
drop_waiting(struct xf_engine *engine, const char *token)
{
    g_autoptr(GError) err = NULL;

    if (!xf_defined_drop(engine->defined, token, &err))
        g_warning("handoff %s: %s", token, err->message);
}

void
xf_offline_client_gone(struct xf_engine *engine, struct xf_conn *conn)
{
    g_autoptr(GPtrArray) tokens = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer value;

    g_mutex_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->offline);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct xf_offline *o = value;

        if (o->owner == conn)
            g_ptr_array_add(tokens, g_strdup(o->token));
    }
    g_mutex_unlock(&engine->lock);
    for (guint i = 0; i < tokens->len; i++) {
        struct xf_offline o;

        if (take(engine, tokens->pdata[i], &o) && o.side == XF_DESTINATION)
            drop_waiting(engine, o.token);
    }
}

static GBytes *
cookie_of(struct xf_engine *engine, const struct xf_offline *o,
          const char *state, gboolean stored)
{
    struct xf_cookie cookie = {
        .name = (char *)o->name,
        .hostname = engine->hostname,
        .stream_version = XF_STREAM_VERSION,
        .has_key = TRUE,
        .state = (char *)state,
        .has_proof = stored,
    };

    memcpy(cookie.uuid, o->uuid, XF_UUID_LEN);
    memcpy(cookie.token, o->token, sizeof(cookie.token));
    memcpy(cookie.key, o->key, XF_KEY_LEN);
    if (stored)
        xf_cookie_proof(o->key, o->token, cookie.proof);
    return xf_cookie_format(&cookie);
}

/* -- source -- */

/* The stored one, or what a transient domain would be if it were stored. */
static char *
own_definition(struct xf_engine *engine, const guint8 *uuid, char *name,
               gsize len, GError **err)
{
    XF_AUTO(xf_definition) *d = xf_defined_by_uuid(engine->defined, uuid);
    struct xf_hv_domain live;

    if (d) {
        g_strlcpy(name, d->info.name, len);
        return g_strdup(d->xml);
    }
    if (!xf_engine_domain(engine, uuid, &live, err))
        return NULL;
    g_strlcpy(name, live.name, len);
    return engine->hv->ops->describe(engine->hv, live.domid,
                                     XF_XML_SECURE | XF_XML_INACTIVE, err);
}

/* A domain's own uuid is in it, whatever the client has changed. */
static gboolean
same_uuid(struct xf_engine *engine, const char *xml, const guint8 *uuid,
          GError **err)
{
    XF_AUTO(xf_definition) *d =
        xf_defined_read(engine->defined, xml, NULL, err);

    if (!d)
        return FALSE;
    if (memcmp(d->info.uuid, uuid, XF_UUID_LEN) == 0)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_XML,
                "domain '%s': the XML for the destination has another uuid",
                d->info.name);
    return FALSE;
}

/* engine->adding is held. */
static gboolean
may_leave(struct xf_engine *engine, struct xf_offline *o, GError **err)
{
    struct xf_hv_domain live;
    int lives;

    if (!xf_engine_guard(engine, o->uuid, FALSE, err))
        return FALSE;
    lives = xf_engine_lives(engine, o->uuid, &live, err);
    o->idle = lives == 0;
    /* It would arrive without the mark that says so. */
    if (o->idle && !xf_engine_may_start(engine, o->uuid, err)) {
        g_prefix_error(err, "what is stored of domain '%s' does not move: ",
                       o->name);
        return FALSE;
    }
    return lives >= 0;
}

char *
xf_offline_begin(struct xf_engine *engine, struct xf_conn *conn,
                 const struct xf_domain_ref *dom,
                 const struct xf_migrate_args *args, GBytes **cookie_out,
                 GError **err)
{
    struct xf_offline o = { .side = XF_SOURCE, .owner = conn };
    g_autofree char *own = NULL, *xml = NULL;

    if (!xf_flags_check(args, err))
        return NULL;
    own = own_definition(engine, dom->uuid, o.name, sizeof(o.name), err);
    if (!own
        || (args->xml && !same_uuid(engine, args->xml, dom->uuid, err)))
        return NULL;
    xml = g_strdup(args->xml ? args->xml : own);
    xf_handoff_secrets(o.token, o.key);
    memcpy(o.uuid, dom->uuid, XF_UUID_LEN);
    g_mutex_lock(&engine->adding);

    gboolean ok = may_leave(engine, &o, err);

    if (ok)
        enter(engine, &o);
    g_mutex_unlock(&engine->adding);
    if (!ok)
        return NULL;
    *cookie_out = cookie_of(engine, &o, o.idle ? IDLE : RUNS, FALSE);
    return g_steal_pointer(&xml);
}

static gboolean
proven(const struct xf_offline *o, GBytes *bytes)
{
    XF_AUTO(xf_cookie) *cookie =
        bytes && g_bytes_get_size(bytes) ? xf_cookie_parse(bytes, NULL)
                                         : NULL;
    guint8 proof[XF_KEY_LEN];

    xf_cookie_proof(o->key, o->token, proof);
    return cookie && cookie->has_proof
           && xf_secret_equal(proof, cookie->proof, XF_KEY_LEN);
}

static gboolean
undefine(struct xf_engine *engine, const struct xf_offline *o, GError **err)
{
    XF_AUTO(xf_definition) *d = xf_defined_by_uuid(engine->defined, o->uuid);

    if (!d)
        return TRUE;            /* it is transient */
    if (!xf_defined_remove(engine->defined, o->uuid, err))
        return FALSE;
    xf_engine_happened(engine, &d->info, XF_LIFE_UNDEFINED,
                       XF_UNDEFINED_REMOVED);
    return TRUE;
}

gboolean
xf_offline_confirm(struct xf_engine *engine, struct xf_conn *conn,
                   const struct xf_domain_ref *dom,
                   const struct xf_migrate_args *args, GError **err)
{
    struct xf_offline o;
    g_autofree char *token = NULL;

    g_mutex_lock(&engine->lock);

    const struct xf_offline *found =
        of_domain(engine, XF_SOURCE, dom->uuid);

    if (found && found->owner == conn)
        token = g_strdup(found->token);
    g_mutex_unlock(&engine->lock);
    if (!token || !take(engine, token, &o)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "Confirm: the definition of domain '%s' is not being "
                    "migrated by this client", dom->name);
        return FALSE;
    }
    if (args->cancelled || !(args->flags & XF_MIGRATE_UNDEFINE_SOURCE))
        return TRUE;
    if (proven(&o, args->cookie_in))
        return undefine(engine, &o, err);
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                "domain '%s' stays defined here: the destination has not "
                "proven that it has stored it", o.name);
    return FALSE;
}

/* -- destination -- */

static struct xf_cookie *
source_cookie(GBytes *bytes, GError **err)
{
    XF_AUTO(xf_cookie) *cookie = xf_cookie_parse(bytes, err);

    if (!cookie || (cookie->token[0] && cookie->has_key))
        return g_steal_pointer(&cookie);
    g_set_error(err, XF_ERROR, XF_ERROR_UNSUPPORTED,
                "Prepare: the cookie has no token and key: the source (%s) "
                "is not a Xenferry host", cookie->hostname);
    return NULL;
}

static gboolean
prepare(struct xf_engine *engine, const struct xf_offline *o,
        const struct xf_definition *d, GError **err)
{
    struct xf_hv_domain live;
    int lives;

    if (!xf_engine_guard(engine, o->uuid, FALSE, err)
        || !xf_engine_guard_name(engine, o->uuid, o->name, err))
        return FALSE;
    lives = xf_engine_lives(engine, o->uuid, &live, err);
    if (lives == 0)
        lives = xf_engine_name_lives(engine, o->name, &live, err);
    if (lives == 1)
        g_set_error(err, XF_ERROR, XF_ERROR_DOM_EXIST,
                    "host %s has a running domain '%s' (domid %d) with the "
                    "same name or uuid", engine->hostname, live.name,
                    live.domid);
    return lives == 0 && xf_defined_prepare(engine->defined, o->token, d, err);
}

gboolean
xf_offline_prepare(struct xf_engine *engine, struct xf_conn *conn,
                   const struct xf_migrate_args *args, GBytes **cookie_out,
                   char **uri_out, GError **err)
{
    struct xf_offline o = { .side = XF_DESTINATION, .owner = conn };
    const char *xml = args->persist_xml ? args->persist_xml : args->xml;
    XF_AUTO(xf_cookie) *cookie = NULL;
    XF_AUTO(xf_definition) *d = NULL;
    g_autofree char *uri = NULL;

    if (!xf_flags_check(args, err))
        return FALSE;
    uri = xf_dest_uri(engine, args->uri, err);
    if (uri && !xml)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                            "Prepare: no domain XML passed");
    if (uri && xml)
        cookie = source_cookie(args->cookie_in, err);
    if (cookie)
        d = xf_defined_read(engine->defined, xml, args->dname, err);
    if (!d)
        return FALSE;
    if (memcmp(d->info.uuid, cookie->uuid, XF_UUID_LEN) != 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_XML,
                    "Prepare of domain '%s': the XML has another uuid than "
                    "the domain at the source", d->info.name);
        return FALSE;
    }
    memcpy(o.token, cookie->token, sizeof(o.token));
    memcpy(o.key, cookie->key, XF_KEY_LEN);
    memcpy(o.uuid, d->info.uuid, XF_UUID_LEN);
    g_strlcpy(o.name, d->info.name, sizeof(o.name));
    o.idle = g_strcmp0(cookie->state, IDLE) == 0;
    g_mutex_lock(&engine->adding);

    gboolean ok = prepare(engine, &o, d, err);

    if (ok)
        enter(engine, &o);
    g_mutex_unlock(&engine->adding);
    if (!ok)
        return FALSE;
    *cookie_out = cookie_of(engine, &o, NULL, FALSE);
    *uri_out = g_steal_pointer(&uri);
    return TRUE;
}

/* What this client has prepared: libvirt's give Finish no cookie here. */
static gboolean
take_prepared(struct xf_engine *engine, struct xf_conn *conn,
              const char *name, struct xf_offline *o)
{
    g_autofree char *token = NULL;
    GHashTableIter iter;
    gpointer value;

    g_mutex_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->offline);
    while (!token && g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct xf_offline *other = value;

        if (other->side == XF_DESTINATION && other->owner == conn
            && g_strcmp0(other->name, name) == 0)
            token = g_strdup(other->token);
    }
    g_mutex_unlock(&engine->lock);
    return token && take(engine, token, o);
}

struct xf_domain_ref *
xf_offline_finish(struct xf_engine *engine, struct xf_conn *conn,
                  const struct xf_migrate_args *args, GBytes **cookie_out,
                  GError **err)
{
    struct xf_offline o;

    if (!take_prepared(engine, conn, args->dname, &o)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "Finish of domain '%s': this client has prepared no "
                    "definition of it on host %s",
                    args->dname ? args->dname : "(no name)",
                    engine->hostname);
        return NULL;
    }
    if (args->cancelled) {
        drop_waiting(engine, o.token);
        g_set_error(err, XF_ERROR, XF_ERROR_FINISH_OK,
                    "migration of domain '%s' was cancelled; nothing of it "
                    "is left on host %s", o.name, engine->hostname);
        return NULL;
    }
    /* Given away by this host, it may still run there: only its definition
     * has come. */
    if (!xf_defined_promote(engine->defined, o.token, err)
        || (o.idle
            && !xf_defined_set_away(engine->defined, o.uuid, NULL, err))) {
        drop_waiting(engine, o.token);
        return NULL;
    }

    XF_AUTO(xf_definition) *d = xf_defined_by_uuid(engine->defined, o.uuid);

    if (d)
        xf_engine_happened(engine, &d->info, XF_LIFE_DEFINED,
                       XF_DEFINED_ADDED);
    *cookie_out = cookie_of(engine, &o, NULL, TRUE);
    return xf_domain_ref_new(o.name, o.uuid, -1);
}
