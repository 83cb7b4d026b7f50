/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver over this host: its domains by the hypervisor table, its
 * migrations by the engine.  One connection a client. */
#include "config.h"

#include "protocol/engine-private.h"

#include <string.h>

struct local_conn {
    struct xf_conn conn;        /* first */
    struct xf_engine *engine;
    gint gone;                  /* atomic: its client is; for good */

    GMutex lock;
    guint listener;             /* of its notices; 0: none */
};

static struct xf_engine *
engine_of(struct xf_conn *conn)
{
    return ((struct local_conn *)conn)->engine;
}

struct xf_engine *
xf_engine_of(struct xf_conn *conn)
{
    return engine_of(conn);
}

gboolean
xf_conn_gone(struct xf_conn *conn)
{
    return conn && g_atomic_int_get(&((struct local_conn *)conn)->gone);
}

/* -- finding domains -- */

typedef gboolean (*match_func)(const struct xf_hv_domain *domain,
                               gconstpointer what);

static gboolean
match_uuid(const struct xf_hv_domain *domain, gconstpointer what)
{
    return memcmp(domain->uuid, what, XF_UUID_LEN) == 0;
}

static gboolean
match_name(const struct xf_hv_domain *domain, gconstpointer what)
{
    return strcmp(domain->name, what) == 0;
}

static gboolean
match_id(const struct xf_hv_domain *domain, gconstpointer what)
{
    return domain->domid == *(const int *)what;
}

/* 1 found, 0 not, -1 error.  A domain that is being destroyed is found only
 * when there is no other. */
static int
find(struct xf_engine *engine, match_func match, gconstpointer what,
     struct xf_hv_domain *out, GError **err)
{
    g_autoptr(GPtrArray) domains = engine->hv->ops->list(engine->hv, err);
    const struct xf_hv_domain *found = NULL;

    if (!domains)
        return -1;
    for (guint i = 0; i < domains->len; i++) {
        const struct xf_hv_domain *domain = g_ptr_array_index(domains, i);

        if (match(domain, what) && (!found || found->dying))
            found = domain;
    }
    if (found)
        *out = *found;
    return found != NULL;
}

int
xf_engine_lives(struct xf_engine *engine, const guint8 *uuid,
                struct xf_hv_domain *out, GError **err)
{
    int found = find(engine, match_uuid, uuid, out, err);

    return found == 1 ? !out->dying : found;
}

int
xf_engine_name_lives(struct xf_engine *engine, const char *name,
                     struct xf_hv_domain *out, GError **err)
{
    int found = find(engine, match_name, name, out, err);

    return found == 1 ? !out->dying : found;
}

gboolean
xf_engine_domain(struct xf_engine *engine, const guint8 *uuid,
                 struct xf_hv_domain *out, GError **err)
{
    char text[XF_UUID_STRING_LEN + 1];
    int found = find(engine, match_uuid, uuid, out, err);

    if (found != 0)
        return found == 1;

    XF_AUTO(xf_definition) *stored =
        xf_defined_by_uuid(engine->defined, uuid);

    if (stored)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' is not running", stored->info.name);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "Domain not found: no domain with matching uuid '%s'",
                    xf_uuid_format(uuid, text));
    return FALSE;
}

/* As find(), among stored domains too: one that runs, else one that is
 * stored (domid -1), else one that is being destroyed. */
static int
find_known(struct xf_engine *engine, match_func match, gconstpointer what,
           struct xf_hv_domain *out, GError **err)
{
    int found = find(engine, match, what, out, err);

    if (found < 0 || (found && !out->dying))
        return found;

    g_autoptr(GPtrArray) stored = xf_defined_all(engine->defined);

    for (guint i = 0; i < stored->len; i++) {
        const struct xf_definition *d = g_ptr_array_index(stored, i);
        struct xf_hv_domain live;

        if (!match(&d->info, what))
            continue;
        found = xf_engine_lives(engine, d->info.uuid, &live, err);
        if (found >= 0)
            *out = found ? live : d->info;
        return found < 0 ? -1 : 1;
    }
    return found;
}

static gboolean
known_domain(struct xf_engine *engine, const guint8 *uuid,
             struct xf_hv_domain *out, GError **err)
{
    char text[XF_UUID_STRING_LEN + 1];
    int found = find_known(engine, match_uuid, uuid, out, err);

    if (found == 0)
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "Domain not found: no domain with matching uuid '%s'",
                    xf_uuid_format(uuid, text));
    return found == 1;
}

static struct xf_domain_ref *
ref_of(const struct xf_hv_domain *domain)
{
    return xf_domain_ref_new(domain->name, domain->uuid, domain->domid);
}

static void
tell(struct xf_conn *conn, const struct xf_hv_domain *domain,
     enum xf_lifecycle event, enum xf_life_detail detail)
{
    XF_AUTO(xf_domain_ref) *dom = ref_of(domain);

    xf_engine_tell(engine_of(conn), dom, event, detail);
}

static struct xf_domain_ref *
local_lookup_by_id(struct xf_conn *conn, int id, GError **err)
{
    struct xf_hv_domain domain;
    int found = find(engine_of(conn), match_id, &id, &domain, err);

    if (found == 0)
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "Domain not found: no domain with matching id %d", id);
    return found == 1 ? ref_of(&domain) : NULL;
}

static struct xf_domain_ref *
local_lookup_by_name(struct xf_conn *conn, const char *name, GError **err)
{
    struct xf_hv_domain domain;
    int found = find_known(engine_of(conn), match_name, name, &domain, err);

    if (found == 0)
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "Domain not found: no domain with matching name '%s'",
                    name);
    return found == 1 ? ref_of(&domain) : NULL;
}

static struct xf_domain_ref *
local_lookup_by_uuid(struct xf_conn *conn, const guint8 *uuid, GError **err)
{
    struct xf_hv_domain domain;

    return known_domain(engine_of(conn), uuid, &domain, err)
               ? ref_of(&domain)
               : NULL;
}

/* -- host -- */

/* What this connection's entry points make possible. */
static int
local_supports_feature(struct xf_conn *conn, int feature, GError **err)
{
    const struct {
        int feature;
        gboolean has;
    } features[] = {
        { XF_FEATURE_MIGRATION_V1, conn->driver->prepare != NULL },
        { XF_FEATURE_MIGRATION_V2, conn->driver->prepare2 != NULL },
        { XF_FEATURE_MIGRATION_V3, TRUE },
        { XF_FEATURE_CHANGE_PROTECTION, TRUE },
        { XF_FEATURE_TYPED_PARAM_STRING, TRUE },
        { XF_FEATURE_XML_MIGRATABLE, TRUE },
        { XF_FEATURE_MIGRATION_OFFLINE, TRUE },
        { XF_FEATURE_MIGRATION_PARAMS, TRUE },
        { XF_FEATURE_XENFERRY, TRUE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(features); i++)
        if (features[i].feature == feature)
            return features[i].has;
    return 0;
}

static char *
local_get_hostname(struct xf_conn *conn, GError **err)
{
    return g_strdup(engine_of(conn)->hostname);
}

static gboolean
local_get_version(struct xf_conn *conn, guint64 *version, GError **err)
{
    struct xf_engine *engine = engine_of(conn);
    struct xf_hv_host host;

    if (!engine->hv->ops->host(engine->hv, &host, err))
        return FALSE;
    *version = host.version;
    return TRUE;
}

static gboolean
local_node_info(struct xf_conn *conn, struct xf_node_info *info, GError **err)
{
    struct xf_engine *engine = engine_of(conn);
    struct xf_hv_host host;

    if (!engine->hv->ops->host(engine->hv, &host, err))
        return FALSE;
    *info = host.node;
    return TRUE;
}

/* -- domains -- */

static enum xf_domain_state
state_of(const struct xf_hv_domain *domain, int *reason)
{
    *reason = XF_REASON_UNKNOWN;
    if (domain->crashed)
        return XF_DOMAIN_CRASHED;
    if (domain->dying || domain->shutdown)
        return XF_DOMAIN_SHUTDOWN;
    if (!domain->paused && !domain->suspended)
        return XF_DOMAIN_RUNNING;
    *reason = domain->suspended ? XF_PAUSED_MIGRATION : XF_PAUSED_USER;
    return XF_DOMAIN_PAUSED;
}

static gboolean
pair_wants(guint flags, guint yes, guint no, gboolean is)
{
    return !(flags & (yes | no)) || (flags & (is ? yes : no));
}

/* definition: NULL for one that is not stored. */
static gboolean
listed(const struct xf_hv_domain *domain,
       const struct xf_definition *definition, guint flags)
{
    const guint states = XF_LIST_RUNNING | XF_LIST_PAUSED | XF_LIST_SHUTOFF
                         | XF_LIST_OTHER;
    gboolean active = domain->domid >= 0;
    int reason;
    enum xf_domain_state state = state_of(domain, &reason);
    guint bit = !active                     ? XF_LIST_SHUTOFF
                : state == XF_DOMAIN_RUNNING ? XF_LIST_RUNNING
                : state == XF_DOMAIN_PAUSED  ? XF_LIST_PAUSED
                                             : XF_LIST_OTHER;

    return pair_wants(flags, XF_LIST_ACTIVE, XF_LIST_INACTIVE, active)
           && pair_wants(flags, XF_LIST_PERSISTENT, XF_LIST_TRANSIENT,
                         definition || domain->domid == 0)
           && pair_wants(flags, XF_LIST_AUTOSTART, XF_LIST_NO_AUTOSTART,
                         definition && definition->autostart)
           && (!(flags & states) || (flags & bit));
}

/* What is left of `stored` afterwards does not run. */
static struct xf_definition *
take_definition(GPtrArray *stored, const guint8 *uuid)
{
    for (guint i = 0; i < stored->len; i++) {
        struct xf_definition *d = g_ptr_array_index(stored, i);

        if (memcmp(d->info.uuid, uuid, XF_UUID_LEN) == 0)
            return g_ptr_array_steal_index(stored, i);
    }
    return NULL;
}

static GPtrArray *
local_list_domains(struct xf_conn *conn, guint flags, GError **err)
{
    struct xf_engine *engine = engine_of(conn);
    g_autoptr(GPtrArray) stored = xf_defined_all(engine->defined);
    g_autoptr(GPtrArray) domains = engine->hv->ops->list(engine->hv, err);

    if (!domains)
        return NULL;

    GPtrArray *refs =
        g_ptr_array_new_with_free_func((GDestroyNotify)xf_domain_ref_free);

    for (guint i = 0; i < domains->len; i++) {
        const struct xf_hv_domain *domain = g_ptr_array_index(domains, i);

        if (domain->dying)
            continue;

        XF_AUTO(xf_definition) *d = take_definition(stored, domain->uuid);

        if (listed(domain, d, flags))
            g_ptr_array_add(refs, ref_of(domain));
    }
    for (guint i = 0; i < stored->len; i++) {
        const struct xf_definition *d = g_ptr_array_index(stored, i);

        if (listed(&d->info, d, flags))
            g_ptr_array_add(refs, ref_of(&d->info));
    }
    return refs;
}

static gboolean
local_domain_info(struct xf_conn *conn, const struct xf_domain_ref *dom,
                  struct xf_domain_info *info, GError **err)
{
    struct xf_hv_domain domain;

    if (!known_domain(engine_of(conn), dom->uuid, &domain, err))
        return FALSE;
    info->state = state_of(&domain, &info->reason);
    if (domain.domid < 0) {
        XF_AUTO(xf_definition) *d =
            xf_defined_by_uuid(engine_of(conn)->defined, dom->uuid);

        info->state = XF_DOMAIN_SHUTOFF;
        info->reason = d ? d->reason : XF_REASON_UNKNOWN;
    }
    if (info->reason == XF_REASON_UNKNOWN)
        info->reason = xf_notices_reason(engine_of(conn)->notices, dom->uuid,
                                         info->state);
    info->max_memory_kib = domain.max_memory_kib;
    info->memory_kib = domain.memory_kib;
    info->vcpus = domain.vcpus;
    info->cpu_time_ns = domain.cpu_time_ns;
    return TRUE;
}

static char *
local_domain_os_type(struct xf_conn *conn, const struct xf_domain_ref *dom,
                     GError **err)
{
    static const char *const types[] = {
        [XF_GUEST_UNKNOWN] = "unknown",
        [XF_GUEST_PV] = "linux",
        [XF_GUEST_PVH] = "xenpvh",
        [XF_GUEST_HVM] = "hvm",
    };
    struct xf_hv_domain domain;

    if (!known_domain(engine_of(conn), dom->uuid, &domain, err))
        return NULL;
    return g_strdup(types[domain.type]);
}

static char *
local_domain_xml(struct xf_conn *conn, const struct xf_domain_ref *dom,
                 guint flags, GError **err)
{
    struct xf_engine *engine = engine_of(conn);
    XF_AUTO(xf_definition) *stored =
        xf_defined_by_uuid(engine->defined, dom->uuid);
    struct xf_hv_domain domain;

    if (!known_domain(engine, dom->uuid, &domain, err))
        return NULL;
    if (domain.domid == 0)
        return xf_local_host_xml(&domain, flags, err);
    if (stored && (domain.domid < 0 || flags & XF_XML_INACTIVE))
        return engine->hv->ops->read(engine->hv, stored->xml, NULL, flags,
                                     &domain, err);
    return engine->hv->ops->describe(engine->hv, domain.domid, flags, err);
}

/* -- what a handoff has is not for others to touch -- */

typedef gboolean (*domain_func)(struct xf_hypervisor *hv, int domid,
                                GError **err);

static gboolean
on_domain(struct xf_conn *conn, const struct xf_domain_ref *dom,
          gboolean harmless, domain_func func, struct xf_hv_domain *domain,
          GError **err)
{
    struct xf_engine *engine = engine_of(conn);

    return xf_engine_guard(engine, dom->uuid, harmless, err)
           && xf_engine_domain(engine, dom->uuid, domain, err)
           && func(engine->hv, domain->domid, err);
}

static gboolean
local_destroy(struct xf_conn *conn, const struct xf_domain_ref *dom,
              GError **err)
{
    struct xf_engine *engine = engine_of(conn);
    struct xf_hv_domain domain;

    if (!xf_engine_guard(engine, dom->uuid, FALSE, err)
        || !xf_engine_domain(engine, dom->uuid, &domain, err)
        || !xf_engine_destroy(engine, domain.domid, err))
        return FALSE;
    xf_defined_set_reason(engine->defined, domain.uuid,
                          XF_SHUTOFF_DESTROYED);
    tell(conn, &domain, XF_LIFE_STOPPED, XF_STOPPED_DESTROYED);
    return TRUE;
}

static gboolean
local_suspend(struct xf_conn *conn, const struct xf_domain_ref *dom,
              GError **err)
{
    struct xf_hv_domain domain;

    if (!on_domain(conn, dom, TRUE, engine_of(conn)->hv->ops->pause, &domain,
                   err))
        return FALSE;
    if (!domain.paused)
        tell(conn, &domain, XF_LIFE_SUSPENDED, XF_SUSPENDED_PAUSED);
    return TRUE;
}

static gboolean
local_resume(struct xf_conn *conn, const struct xf_domain_ref *dom,
             GError **err)
{
    struct xf_hv_domain domain;

    if (!on_domain(conn, dom, TRUE, engine_of(conn)->hv->ops->unpause,
                   &domain, err))
        return FALSE;
    if (domain.paused)
        tell(conn, &domain, XF_LIFE_RESUMED, XF_RESUMED_UNPAUSED);
    return TRUE;
}

static gboolean
local_shutdown(struct xf_conn *conn, const struct xf_domain_ref *dom,
               GError **err)
{
    struct xf_hv_domain domain;

    return on_domain(conn, dom, FALSE, engine_of(conn)->hv->ops->shutdown,
                     &domain, err);
}

static gboolean
local_press_power(struct xf_conn *conn, const struct xf_domain_ref *dom,
                  GError **err)
{
    struct xf_hv_domain domain;

    if (!xf_engine_domain(engine_of(conn), dom->uuid, &domain, err))
        return FALSE;
    if (domain.type != XF_GUEST_HVM) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' has no power button (acpi): only HVM guests "
                    "have one; ask it in its own way (paravirt)",
                    domain.name);
        return FALSE;
    }
    return on_domain(conn, dom, FALSE, engine_of(conn)->hv->ops->press_power,
                     &domain, err);
}

static gboolean
local_reboot(struct xf_conn *conn, const struct xf_domain_ref *dom,
             GError **err)
{
    struct xf_hv_domain domain;

    return on_domain(conn, dom, FALSE, engine_of(conn)->hv->ops->reboot,
                     &domain, err);
}

/* -- jobs -- */

static gboolean
local_job_info(struct xf_conn *conn, const struct xf_domain_ref *dom,
               gboolean completed, struct xf_job_info *info, GError **err)
{
    struct xf_engine *engine = engine_of(conn);
    char uuid[XF_UUID_STRING_LEN + 1];

    memset(info, 0, sizeof(*info));
    if (completed) {
        g_mutex_lock(&engine->lock);

        const struct xf_job_info *last = g_hash_table_lookup(
            engine->last_jobs, xf_uuid_format(dom->uuid, uuid));

        if (last)
            *info = *last;
        g_mutex_unlock(&engine->lock);
        return TRUE;
    }

    for (int side = 0; side < XF_SIDE_LAST; side++) {
        XF_AUTO(xf_handoff) *h = xf_engine_by_uuid(engine, side, dom->uuid);

        if (h)
            xf_job_read(&h->job, info);
        if (info->type != XF_JOB_NONE)
            break;
    }
    return TRUE;
}

static gboolean
local_abort_job(struct xf_conn *conn, const struct xf_domain_ref *dom,
                GError **err)
{
    return xf_source_abort(engine_of(conn), dom->uuid, err);
}

static GPtrArray *
local_list_handoffs(struct xf_conn *conn, GError **err)
{
    return xf_admin_list(engine_of(conn));
}

static char *
local_resolve_handoff(struct xf_conn *conn, const char *token,
                      enum xf_assume what, GError **err)
{
    return xf_admin_resolve(engine_of(conn), token, what, err);
}

/* -- migration v3 -- */

static char *
local_begin3(struct xf_conn *conn, const struct xf_domain_ref *dom,
             const struct xf_migrate_args *args, GBytes **cookie_out,
             GError **err)
{
    char *xml = (args->flags & XF_MIGRATE_OFFLINE ? xf_offline_begin
                                                  : xf_source_begin)(
        engine_of(conn), conn, dom, args, cookie_out, err);

    if (xf_conn_gone(conn))     /* meanwhile */
        xf_offline_client_gone(engine_of(conn), conn);
    return xml;
}

static gboolean
local_prepare3(struct xf_conn *conn, const struct xf_migrate_args *args,
               GBytes **cookie_out, char **uri_out, GError **err)
{
    gboolean ok = (args->flags & XF_MIGRATE_OFFLINE ? xf_offline_prepare
                                                    : xf_dest_prepare)(
        engine_of(conn), conn, args, cookie_out, uri_out, err);

    if (xf_conn_gone(conn))     /* meanwhile */
        xf_offline_client_gone(engine_of(conn), conn);
    return ok;
}

static gboolean
local_prepare_tunnel3(struct xf_conn *conn,
                      const struct xf_migrate_args *args,
                      struct xf_tunnel *tunnel, GBytes **cookie_out,
                      GError **err)
{
    return xf_dest_prepare_tunnel(conn, args, tunnel, cookie_out, err);
}

static gboolean
local_perform3(struct xf_conn *conn, const struct xf_domain_ref *dom,
               const struct xf_migrate_args *args, GBytes **cookie_out,
               GError **err)
{
    return xf_source_perform(engine_of(conn), conn, dom, args, NULL,
                             cookie_out, err);
}

static struct xf_domain_ref *
local_finish3(struct xf_conn *conn, const struct xf_migrate_args *args,
              GBytes **cookie_out, GError **err)
{
    return (args->flags & XF_MIGRATE_OFFLINE ? xf_offline_finish
                                             : xf_dest_finish)(
        engine_of(conn), conn, args, cookie_out, err);
}

static gboolean
local_confirm3(struct xf_conn *conn, const struct xf_domain_ref *dom,
               const struct xf_migrate_args *args, GError **err)
{
    return (args->flags & XF_MIGRATE_OFFLINE ? xf_offline_confirm
                                             : xf_source_confirm)(
        engine_of(conn), conn, dom, args, err);
}

/* -- connections -- */

static gboolean
local_listen(struct xf_conn *conn,
             void (*func)(void *user, const struct xf_notice *notice),
             void *user, GDestroyNotify destroy, GError **err)
{
    struct local_conn *local = (struct local_conn *)conn;
    struct xf_notices *notices = local->engine->notices;
    guint old;

    g_mutex_lock(&local->lock);
    old = local->listener;
    local->listener = func ? xf_notices_listen(notices, func, user, destroy)
                           : 0;
    g_mutex_unlock(&local->lock);
    if (old)
        xf_notices_unlisten(notices, old);
    return TRUE;
}

static void
local_client_gone(struct xf_conn *conn)
{
    /* Before all: whatever is made for it from here on, and may be missed
     * below, is told by that. */
    g_atomic_int_set(&((struct local_conn *)conn)->gone, TRUE);
    /* First: what is expected may become a handoff meanwhile. */
    xf_expected_client_gone(engine_of(conn), conn);
    xf_offline_client_gone(engine_of(conn), conn);

    g_autoptr(GPtrArray) all = xf_engine_all(engine_of(conn));

    for (guint i = 0; i < all->len; i++) {
        struct xf_handoff *h = g_ptr_array_index(all, i);

        g_mutex_lock(&h->lock);

        gboolean ours = h->owner == conn;

        if (ours)
            h->owner = NULL;
        g_mutex_unlock(&h->lock);
        if (ours && h->side == XF_SOURCE)
            xf_source_client_gone(h);
        else if (ours)
            xf_dest_client_gone(h);
    }
}

static void
local_close(struct xf_conn *conn)
{
    local_client_gone(conn);
    local_listen(conn, NULL, NULL, NULL, NULL);
    g_mutex_clear(&((struct local_conn *)conn)->lock);
    g_free(conn);
}

/* -- the hypervisor's own form of a configuration -- */

static gboolean
check_native(struct xf_engine *engine, gboolean able, guint flags,
             GError **err)
{
    if (!able)
        g_set_error(err, XF_ERROR, XF_ERROR_NO_SUPPORT,
                    "this hypervisor (%s) has no form of its own for a "
                    "domain's configuration", engine->hv->ops->type);
    else if (flags)
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "native configuration: unsupported flags 0x%x", flags);
    else
        return TRUE;
    return FALSE;
}

static char *
local_xml_from_native(struct xf_conn *conn, const char *format,
                      const char *native, guint flags, GError **err)
{
    struct xf_engine *engine = engine_of(conn);
    const struct xf_hypervisor_ops *ops = engine->hv->ops;

    return check_native(engine, ops->from_native != NULL, flags, err)
           ? ops->from_native(engine->hv, format, native, err) : NULL;
}

static char *
local_xml_to_native(struct xf_conn *conn, const char *format,
                    const char *xml, guint flags, GError **err)
{
    struct xf_engine *engine = engine_of(conn);
    const struct xf_hypervisor_ops *ops = engine->hv->ops;

    return check_native(engine, ops->to_native != NULL, flags, err)
           ? ops->to_native(engine->hv, format, xml, err) : NULL;
}

static const struct xf_driver local_driver = {
    .name = "xenferry",
    .close = local_close,
    .client_gone = local_client_gone,
    .listen = local_listen,
    .supports_feature = local_supports_feature,
    .get_hostname = local_get_hostname,
    .get_version = local_get_version,
    .node_info = local_node_info,
    .capabilities = xf_local_capabilities,
    .domain_capabilities = xf_local_domain_capabilities,
    .max_vcpus = xf_local_max_vcpus,
    .xml_from_native = local_xml_from_native,
    .xml_to_native = local_xml_to_native,
    .list_domains = local_list_domains,
    .lookup_by_id = local_lookup_by_id,
    .lookup_by_name = local_lookup_by_name,
    .lookup_by_uuid = local_lookup_by_uuid,
    .domain_info = local_domain_info,
    .domain_os_type = local_domain_os_type,
    .domain_xml = local_domain_xml,
    .create_xml = xf_local_create,
    .domain_destroy = local_destroy,
    .domain_suspend = local_suspend,
    .domain_resume = local_resume,
    .domain_shutdown = local_shutdown,
    .domain_press_power = local_press_power,
    .domain_reboot = local_reboot,
    .domain_save = xf_local_save,
    .domain_restore = xf_local_restore,
    .define_xml = xf_local_define,
    .undefine = xf_local_undefine,
    .start = xf_local_start,
    .is_persistent = xf_local_is_persistent,
    .get_autostart = xf_local_get_autostart,
    .set_autostart = xf_local_set_autostart,
    .job_info = local_job_info,
    .abort_job = local_abort_job,
    .set_speed = xf_local_set_speed,
    .get_speed = xf_local_get_speed,
    .list_handoffs = local_list_handoffs,
    .resolve_handoff = local_resolve_handoff,
    .begin3 = local_begin3,
    .prepare3 = local_prepare3,
    .prepare_tunnel3 = local_prepare_tunnel3,
    .perform3 = local_perform3,
    .finish3 = local_finish3,
    .confirm3 = local_confirm3,
};

struct xf_conn *
xf_engine_open(struct xf_engine *engine)
{
    struct local_conn *local = g_new0(struct local_conn, 1);

    local->conn.driver = &local_driver;
    local->engine = engine;
    g_mutex_init(&local->lock);
    return &local->conn;
}
