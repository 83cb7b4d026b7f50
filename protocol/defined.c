/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stored domains of a host: see defined.h. */
#include "config.h"

#include "protocol/defined.h"
#include "protocol/driver.h"

#include <string.h>

#define NAME_MAX_LEN 200        /* as an incoming domain's */

struct xf_defined {
    struct xf_hypervisor *hv;
    struct xf_domain_store *store;
    GMutex lock;                /* guards the rest, and calls of the store */
    GHashTable *all;            /* uuid -> struct xf_definition *, owned */
};

/* -- definitions -- */

void
xf_definition_free(struct xf_definition *definition)
{
    g_free(definition->xml);
    g_free(definition->away);
    g_free(definition);
}

static struct xf_definition *
copy(const struct xf_definition *definition)
{
    struct xf_definition *twin = g_memdup2(definition, sizeof(*definition));

    twin->xml = g_strdup(definition->xml);
    twin->away = g_strdup(definition->away);
    return twin;
}

static guint
uuid_hash(gconstpointer key)
{
    guint hash;

    memcpy(&hash, key, sizeof(hash));
    return hash;
}

static gboolean
uuid_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, XF_UUID_LEN) == 0;
}

static gboolean
name_ok(const char *name, GError **err)
{
    gboolean ok = *name && strlen(name) <= NAME_MAX_LEN
                  && !strchr(name, '/')
                  && !g_str_has_suffix(name, XF_INCOMING_SUFFIX);

    for (const char *c = name; ok && *c; c++)
        ok = !g_ascii_iscntrl(*c);
    if (!ok)
        g_set_error(err, XF_ERROR, XF_ERROR_XML,
                    "domain XML: '%s' is not a name for a domain: it must "
                    "have 1 to %d characters, no '/', no control characters, "
                    "and not end in " XF_INCOMING_SUFFIX, name,
                    NAME_MAX_LEN);
    return ok;
}

struct xf_definition *
xf_defined_read(struct xf_defined *set, const char *xml, const char *name,
                GError **err)
{
    XF_AUTO(xf_definition) *d = g_new0(struct xf_definition, 1);

    d->xml = set->hv->ops->read(set->hv, xml, name, XF_XML_SECURE, &d->info,
                                err);
    if (!d->xml || !name_ok(d->info.name, err))
        return NULL;
    if (strlen(d->xml) <= XF_DEFINITION_MAX)
        return g_steal_pointer(&d);
    g_set_error(err, XF_ERROR, XF_ERROR_XML,
                "domain '%s': its XML has %" G_GSIZE_FORMAT " bytes; %d can "
                "be stored", d->info.name, strlen(d->xml), XF_DEFINITION_MAX);
    return NULL;
}

/* -- looking -- */

static int
by_name(gconstpointer a, gconstpointer b)
{
    const struct xf_definition *const *one = a, *const *other = b;

    return strcmp((*one)->info.name, (*other)->info.name);
}

GPtrArray *
xf_defined_all(struct xf_defined *set)
{
    GPtrArray *all =
        g_ptr_array_new_with_free_func((GDestroyNotify)xf_definition_free);
    GHashTableIter iter;
    gpointer value;

    g_mutex_lock(&set->lock);
    g_hash_table_iter_init(&iter, set->all);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_ptr_array_add(all, copy(value));
    g_mutex_unlock(&set->lock);
    g_ptr_array_sort(all, by_name);
    return all;
}

struct xf_definition *
xf_defined_by_uuid(struct xf_defined *set, const guint8 *uuid)
{
    g_mutex_lock(&set->lock);

    const struct xf_definition *d = g_hash_table_lookup(set->all, uuid);
    struct xf_definition *found = d ? copy(d) : NULL;

    g_mutex_unlock(&set->lock);
    return found;
}

/* Locked by the caller. */
static const struct xf_definition *
find_name(struct xf_defined *set, const char *name)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, set->all);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct xf_definition *d = value;

        if (strcmp(d->info.name, name) == 0)
            return d;
    }
    return NULL;
}

struct xf_definition *
xf_defined_by_name(struct xf_defined *set, const char *name)
{
    g_mutex_lock(&set->lock);

    const struct xf_definition *d = find_name(set, name);
    struct xf_definition *found = d ? copy(d) : NULL;

    g_mutex_unlock(&set->lock);
    return found;
}

static gboolean
fits(struct xf_defined *set, const guint8 *uuid, const char *name,
     GError **err)
{
    const struct xf_definition *same = g_hash_table_lookup(set->all, uuid);
    const struct xf_definition *named = find_name(set, name);
    char text[XF_UUID_STRING_LEN + 1];

    if (same && strcmp(same->info.name, name) != 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "domain '%s' is already defined with uuid %s; undefine "
                    "it first", same->info.name, xf_uuid_format(uuid, text));
        return FALSE;
    }
    if (named && !same) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "domain '%s' already exists with uuid %s", name,
                    xf_uuid_format(named->info.uuid, text));
        return FALSE;
    }
    return TRUE;
}

gboolean
xf_defined_fits(struct xf_defined *set, const guint8 *uuid, const char *name,
                GError **err)
{
    g_mutex_lock(&set->lock);

    gboolean ok = fits(set, uuid, name, err);

    g_mutex_unlock(&set->lock);
    return ok;
}

/* -- changing -- */

/* Takes it over; what had its uuid leaves its marks. */
static void
enter(struct xf_defined *set, struct xf_definition *d)
{
    struct xf_definition *old = g_hash_table_lookup(set->all, d->info.uuid);

    if (old) {
        d->autostart = old->autostart;
        d->reason = old->reason;
        g_free(d->away);
        d->away = g_strdup(old->away);
    }
    g_hash_table_replace(set->all, d->info.uuid, d);
}

gboolean
xf_defined_put(struct xf_defined *set, const struct xf_definition *definition,
               gboolean *updated, GError **err)
{
    const guint8 *uuid = definition->info.uuid;

    g_mutex_lock(&set->lock);

    gboolean there = g_hash_table_contains(set->all, uuid);
    gboolean ok = fits(set, uuid, definition->info.name, err)
                  && set->store->ops->write(set->store, uuid,
                                            definition->xml, err);

    if (ok)
        enter(set, copy(definition));
    g_mutex_unlock(&set->lock);
    if (updated)
        *updated = there;
    return ok;
}

/* Locked by the caller. */
static struct xf_definition *
need(struct xf_defined *set, const guint8 *uuid, GError **err)
{
    struct xf_definition *d = g_hash_table_lookup(set->all, uuid);
    char text[XF_UUID_STRING_LEN + 1];

    if (!d)
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "Domain not found: no domain with uuid %s is defined",
                    xf_uuid_format(uuid, text));
    return d;
}

gboolean
xf_defined_remove(struct xf_defined *set, const guint8 *uuid, GError **err)
{
    g_mutex_lock(&set->lock);

    gboolean ok = need(set, uuid, err)
                  && set->store->ops->remove(set->store, uuid, err);

    if (ok)
        g_hash_table_remove(set->all, uuid);
    g_mutex_unlock(&set->lock);
    return ok;
}

gboolean
xf_defined_set_autostart(struct xf_defined *set, const guint8 *uuid,
                         gboolean autostart, GError **err)
{
    g_mutex_lock(&set->lock);

    struct xf_definition *d = need(set, uuid, err);
    gboolean ok = d && (d->autostart == !!autostart
                        || set->store->ops->mark(set->store, uuid,
                                                 XF_MARK_AUTOSTART,
                                                 autostart ? "" : NULL, err));

    if (ok)
        d->autostart = !!autostart;
    g_mutex_unlock(&set->lock);
    return ok;
}

gboolean
xf_defined_set_away(struct xf_defined *set, const guint8 *uuid,
                    const char *where, GError **err)
{
    g_mutex_lock(&set->lock);

    struct xf_definition *d = need(set, uuid, err);
    gboolean ok = d && (g_strcmp0(d->away, where) == 0
                        || set->store->ops->mark(set->store, uuid,
                                                 XF_MARK_AWAY, where, err));

    if (ok) {
        g_free(d->away);
        d->away = g_strdup(where);
    }
    g_mutex_unlock(&set->lock);
    return ok;
}

void
xf_defined_set_reason(struct xf_defined *set, const guint8 *uuid, int reason)
{
    g_mutex_lock(&set->lock);

    struct xf_definition *d = g_hash_table_lookup(set->all, uuid);

    if (d)
        d->reason = reason;
    g_mutex_unlock(&set->lock);
}

/* -- what waits -- */

gboolean
xf_defined_prepare(struct xf_defined *set, const char *token,
                   const struct xf_definition *definition, GError **err)
{
    g_mutex_lock(&set->lock);

    gboolean ok = fits(set, definition->info.uuid, definition->info.name, err)
                  && set->store->ops->prepare(set->store, token,
                                              definition->xml, err);

    g_mutex_unlock(&set->lock);
    return ok;
}

gboolean
xf_defined_promote(struct xf_defined *set, const char *token, GError **err)
{
    XF_AUTO(xf_definition) *d = NULL;
    g_autofree char *xml = NULL;

    g_mutex_lock(&set->lock);

    gboolean ok = set->store->ops->read_prepared(set->store, token, &xml,
                                                 err);

    if (ok && xml) {
        d = xf_defined_read(set, xml, NULL, err);
        ok = d && set->store->ops->promote(set->store, token, d->info.uuid,
                                           err);
        if (ok)
            enter(set, g_steal_pointer(&d));
    }
    g_mutex_unlock(&set->lock);
    return ok;
}

gboolean
xf_defined_drop(struct xf_defined *set, const char *token, GError **err)
{
    g_mutex_lock(&set->lock);

    gboolean ok = set->store->ops->drop(set->store, token, err);

    g_mutex_unlock(&set->lock);
    return ok;
}

char **
xf_defined_prepared(struct xf_defined *set, GError **err)
{
    g_mutex_lock(&set->lock);

    char **tokens = set->store->ops->prepared(set->store, err);

    g_mutex_unlock(&set->lock);
    return tokens;
}

/* -- life -- */

/* Why it cannot be taken; NULL: it was. */
static GError *
take(struct xf_defined *set, struct xf_domain_entry *entry)
{
    GError *why = NULL;
    XF_AUTO(xf_definition) *d = xf_defined_read(set, entry->xml, NULL, &why);

    if (!d)
        return why;
    if (memcmp(d->info.uuid, entry->uuid, XF_UUID_LEN) != 0)
        return g_error_new(XF_ERROR, XF_ERROR_XML,
                           "its XML has another uuid than its file's name");
    if (!fits(set, d->info.uuid, d->info.name, &why))
        return why;
    d->autostart = entry->marks[XF_MARK_AUTOSTART] != NULL;
    d->away = g_steal_pointer(&entry->marks[XF_MARK_AWAY]);
    g_hash_table_replace(set->all, d->info.uuid, d);
    d = NULL;
    return NULL;
}

static gboolean
load(struct xf_defined *set, GError **err)
{
    g_autoptr(GPtrArray) entries = set->store->ops->load(set->store, err);
    char uuid[XF_UUID_STRING_LEN + 1];

    for (guint i = 0; entries && i < entries->len; i++) {
        struct xf_domain_entry *entry = g_ptr_array_index(entries, i);
        g_autoptr(GError) why = take(set, entry);

        if (why)
            g_warning("stored domain %s: left out, its file stays as it is: "
                      "%s", xf_uuid_format(entry->uuid, uuid), why->message);
    }
    return entries != NULL;
}

struct xf_defined *
xf_defined_new(struct xf_hypervisor *hv, struct xf_domain_store *store,
               GError **err)
{
    struct xf_defined *set = g_new0(struct xf_defined, 1);

    set->hv = hv;
    set->store = store;
    g_mutex_init(&set->lock);
    set->all = g_hash_table_new_full(uuid_hash, uuid_equal, NULL,
                                     (GDestroyNotify)xf_definition_free);
    if (load(set, err))
        return set;
    xf_defined_free(set);
    return NULL;
}

void
xf_defined_free(struct xf_defined *set)
{
    if (!set)
        return;
    set->store->ops->free(set->store);
    g_hash_table_destroy(set->all);
    g_mutex_clear(&set->lock);
    g_free(set);
}
