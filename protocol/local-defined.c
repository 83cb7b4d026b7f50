/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver over this host: its stored domains, and what is started.  Error
 * codes are those of libvirt, which its clients look at. */
#include "config.h"

#include "protocol/engine-private.h"

#define UNDEFINE_FLAGS                                                      \
    (XF_UNDEFINE_MANAGED_SAVE | XF_UNDEFINE_SNAPSHOTS_METADATA              \
     | XF_UNDEFINE_NVRAM | XF_UNDEFINE_KEEP_NVRAM                           \
     | XF_UNDEFINE_CHECKPOINTS_METADATA | XF_UNDEFINE_TPM             \
     | XF_UNDEFINE_KEEP_TPM)

static gboolean
check_flags(const char *what, guint flags, guint known, GError **err)
{
    if (!(flags & ~known))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "%s: unsupported flags 0x%x", what, flags & ~known);
    return FALSE;
}

/* NULL with `why` in the error when the domain runs, but is not stored. */
static struct xf_definition *
need(struct xf_engine *engine, const struct xf_domain_ref *dom,
     const char *why, GError **err)
{
    struct xf_hv_domain live;
    struct xf_definition *d = xf_defined_by_uuid(engine->defined, dom->uuid);

    if (!d && xf_engine_domain(engine, dom->uuid, &live, err))
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "%s: domain '%s' is transient", why, live.name);
    return d;
}

/* -- define, undefine -- */

/* Do its name and uuid belong to another domain that runs? */
static gboolean
free_of_others(struct xf_engine *engine, const struct xf_hv_domain *info,
               GError **err)
{
    struct xf_hv_domain live;
    char text[XF_UUID_STRING_LEN + 1];
    int found = xf_engine_lives(engine, info->uuid, &live, err);

    if (found == 1 && g_strcmp0(live.name, info->name) != 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "domain '%s' is already there with uuid %s", live.name,
                    xf_uuid_format(info->uuid, text));
        return FALSE;
    }
    if (found == 0)
        found = xf_engine_name_lives(engine, info->name, &live, err);
    else
        return found == 1;
    if (found == 1)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "domain '%s' already exists with uuid %s", info->name,
                    xf_uuid_format(live.uuid, text));
    return found == 0;
}

static gboolean
define(struct xf_engine *engine, const struct xf_definition *d,
       gboolean *updated, GError **err)
{
    const struct xf_hv_domain *info = &d->info;

    /* No handoff may begin between the look and the deed. */
    g_mutex_lock(&engine->adding);

    gboolean ok =
        xf_engine_guard(engine, info->uuid, FALSE, err)
        && xf_engine_guard_name(engine, info->uuid, info->name, err)
        && free_of_others(engine, info, err)
        && xf_defined_put(engine->defined, d, updated, err);

    g_mutex_unlock(&engine->adding);
    return ok;
}

struct xf_domain_ref *
xf_local_define(struct xf_conn *conn, const char *xml, guint flags,
                GError **err)
{
    struct xf_engine *engine = xf_engine_of(conn);
    XF_AUTO(xf_definition) *d = NULL;
    struct xf_hv_domain live;
    gboolean updated;

    if (!check_flags("define", flags, 0, err))
        return NULL;
    d = xf_defined_read(engine->defined, xml, NULL, err);
    if (!d || !define(engine, d, &updated, err))
        return NULL;
    xf_engine_happened(engine, &d->info, XF_LIFE_DEFINED, updated);

    int found = xf_engine_lives(engine, d->info.uuid, &live, NULL);

    return xf_domain_ref_new(d->info.name, d->info.uuid,
                             found == 1 ? live.domid : -1);
}

gboolean
xf_local_undefine(struct xf_conn *conn, const struct xf_domain_ref *dom,
                  guint flags, GError **err)
{
    struct xf_engine *engine = xf_engine_of(conn);
    XF_AUTO(xf_definition) *d = NULL;

    if (!check_flags("undefine", flags, UNDEFINE_FLAGS, err))
        return FALSE;
    d = need(engine, dom, "cannot undefine", err);
    if (!d)
        return FALSE;
    g_mutex_lock(&engine->adding);

    gboolean ok = xf_engine_guard(engine, dom->uuid, FALSE, err)
                  && xf_defined_remove(engine->defined, dom->uuid, err);

    g_mutex_unlock(&engine->adding);
    if (ok)
        xf_engine_happened(engine, &d->info, XF_LIFE_UNDEFINED,
                       XF_UNDEFINED_REMOVED);
    return ok;
}

/* -- start -- */

struct xf_domain_ref *
xf_local_start(struct xf_conn *conn, const struct xf_domain_ref *dom,
               guint flags, GError **err)
{
    struct xf_engine *engine = xf_engine_of(conn);
    XF_AUTO(xf_definition) *d = NULL;

    if (!check_flags("start", flags,
                     XF_CREATE_PAUSED | XF_CREATE_GIVEN_AWAY, err))
        return NULL;
    d = need(engine, dom, "it is already running", err);
    return d ? xf_engine_start(engine, d, d->xml, flags, err) : NULL;
}

struct xf_domain_ref *
xf_local_create(struct xf_conn *conn, const char *xml, guint flags,
                GError **err)
{
    struct xf_engine *engine = xf_engine_of(conn);
    XF_AUTO(xf_definition) *d = NULL;

    if (!check_flags("create", flags,
                     XF_CREATE_PAUSED | XF_CREATE_GIVEN_AWAY, err))
        return NULL;
    d = xf_defined_read(engine->defined, xml, NULL, err);
    return d ? xf_engine_start(engine, d, xml, flags, err) : NULL;
}

/* -- what is known of it -- */

gboolean
xf_local_is_persistent(struct xf_conn *conn, const struct xf_domain_ref *dom,
                       gboolean *persistent, GError **err)
{
    struct xf_engine *engine = xf_engine_of(conn);
    XF_AUTO(xf_definition) *d =
        xf_defined_by_uuid(engine->defined, dom->uuid);
    struct xf_hv_domain live;

    if (!d && !xf_engine_domain(engine, dom->uuid, &live, err))
        return FALSE;
    *persistent = d || live.domid == 0;
    return TRUE;
}

gboolean
xf_local_get_autostart(struct xf_conn *conn, const struct xf_domain_ref *dom,
                       gboolean *autostart, GError **err)
{
    struct xf_engine *engine = xf_engine_of(conn);
    XF_AUTO(xf_definition) *d =
        xf_defined_by_uuid(engine->defined, dom->uuid);
    struct xf_hv_domain live;

    *autostart = d && d->autostart;
    return d || xf_engine_domain(engine, dom->uuid, &live, err);
}

gboolean
xf_local_set_autostart(struct xf_conn *conn, const struct xf_domain_ref *dom,
                       gboolean autostart, GError **err)
{
    struct xf_engine *engine = xf_engine_of(conn);
    XF_AUTO(xf_definition) *d =
        need(engine, dom, "cannot be started by itself", err);

    return d && xf_engine_guard(engine, dom->uuid, FALSE, err)
           && xf_defined_set_autostart(engine->defined, dom->uuid, autostart,
                                       err);
}
