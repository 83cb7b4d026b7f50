/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is there room on this host for a domain that wants to come?  Its name and
 * uuid must be free, what it needs must be there, and memory is promised to
 * it. */
#include "config.h"

#include "protocol/engine-private.h"

#include <string.h>
#include <sys/statvfs.h>

static gboolean
check_conflict(struct xf_handoff *h, GError **err)
{
    struct xf_hypervisor *hv = h->engine->hv;
    g_autofree char *temporary = g_strconcat(h->name, XF_INCOMING_SUFFIX,
                                             NULL);
    g_autoptr(GPtrArray) domains = hv->ops->list(hv, err);

    if (!domains)
        return FALSE;
    for (guint i = 0; i < domains->len; i++) {
        const struct xf_hv_domain *other = g_ptr_array_index(domains, i);
        gboolean same_uuid = memcmp(other->uuid, h->uuid, XF_UUID_LEN) == 0;

        if (other->dying)
            continue;
        if (!same_uuid && strcmp(other->name, h->name) != 0
            && strcmp(other->name, temporary) != 0)
            continue;
        g_set_error(err, XF_ERROR, XF_ERROR_DOM_EXIST,
                    "host %s has a domain '%s' (domid %d) with the same %s "
                    "already; %s", h->engine->hostname, other->name,
                    other->domid, same_uuid ? "uuid" : "name",
                    same_uuid ? "remove it first"
                              : "remove it, or choose another name with "
                                "--dname");
        return FALSE;
    }
    return TRUE;
}

static guint64
populated_kib(GPtrArray *domains, const struct xf_handoff *h)
{
    for (guint i = 0; i < domains->len; i++) {
        const struct xf_hv_domain *domain = g_ptr_array_index(domains, i);

        if (memcmp(domain->uuid, h->uuid, XF_UUID_LEN) == 0)
            return domain->memory_kib;
    }
    return 0;
}

/* What has been promised to others and has not been taken yet. */
static gboolean
promised_kib(struct xf_handoff *h, guint64 *promised, guint *count,
             GError **err)
{
    struct xf_hypervisor *hv = h->engine->hv;
    g_autoptr(GPtrArray) domains = hv->ops->list(hv, err);
    g_autoptr(GPtrArray) all = xf_engine_all(h->engine);

    *promised = *count = 0;
    if (!domains)
        return FALSE;
    for (guint i = 0; i < all->len; i++) {
        struct xf_handoff *other = g_ptr_array_index(all, i);

        g_mutex_lock(&other->lock);

        guint64 reserved = other == h ? 0 : other->reserved_kib;

        g_mutex_unlock(&other->lock);
        if (!reserved)
            continue;

        guint64 taken = populated_kib(domains, other);

        *promised += reserved > taken ? reserved - taken : 0;
        (*count)++;
    }
    return TRUE;
}

static gboolean
reserve_memory(struct xf_handoff *h, GError **err)
{
    struct xf_engine *engine = h->engine;
    struct xf_hv_host host;
    guint64 promised, need = h->incoming->memory_kib;
    guint count;

    g_mutex_lock(&engine->ledger);

    gboolean ok = engine->hv->ops->host(engine->hv, &host, err)
                  && promised_kib(h, &promised, &count, err);
    guint64 kept = ok ? promised + engine->config.memory_reserve_kib : 0;

    if (ok && need + kept > host.node.free_kib) {
        g_set_error(err, XF_ERROR, XF_ERROR_BUSY,
                    "not enough memory on host %s: domain '%s' needs %"
                    G_GUINT64_FORMAT " KiB, %" G_GUINT64_FORMAT " KiB are "
                    "free, of which %" G_GUINT64_FORMAT " KiB are promised "
                    "to %u other incoming domains", engine->hostname,
                    h->name, need, host.node.free_kib, kept, count);
        ok = FALSE;
    }
    if (ok) {
        g_mutex_lock(&h->lock);
        h->reserved_kib = need;
        g_mutex_unlock(&h->lock);
    }
    g_mutex_unlock(&engine->ledger);
    return ok;
}

gboolean
xf_dest_needs(struct xf_handoff *h, GError **err)
{
    const struct xf_hypervisor_ops *ops = h->engine->hv->ops;
    const char *origin = h->unsafe ? NULL : h->origin;
    g_autoptr(GError) why = NULL;

    if (!ops->can_arrive || ops->can_arrive(h->incoming, origin, &why))
        return TRUE;
    g_propagate_prefixed_error(err, g_steal_pointer(&why), "host %s: ",
                               h->engine->hostname);
    return FALSE;
}

/* A decision that cannot be written down is one that cannot be made: better
 * to find that out before there is one to make. */
gboolean
xf_room_for_decisions(struct xf_engine *engine, GError **err)
{
    const char *dir = engine->config.state_dir;
    guint64 need = engine->config.state_room_kib;
    struct statvfs fs;

    /* the log itself will say what is wrong with its folder */
    if (!dir || statvfs(dir, &fs) != 0)
        return TRUE;

    guint64 room = fs.f_bavail * (fs.f_frsize / 512) / 2;

    if (room >= need)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_BUSY,
                "host %s: %" G_GUINT64_FORMAT " KiB are free for '%s', where "
                "it is written down which domain went where; %"
                G_GUINT64_FORMAT " KiB are needed (make room there)",
                engine->hostname, room, dir, need);
    return FALSE;
}

gboolean
xf_dest_room(struct xf_handoff *h, GError **err)
{
    return check_conflict(h, err)
           && xf_defined_fits(h->engine->defined, h->uuid, h->name, err)
           && xf_room_for_decisions(h->engine, err)
           && xf_dest_needs(h, err)
           && reserve_memory(h, err);
}
