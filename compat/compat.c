/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "compat/compat.h"
#include "compat/direct.h"
#include "protocol/uri.h"

static const struct xf_driver *engines;

gboolean
xf_compat_is_direct(const struct xf_migrate_args *args)
{
    return !(args->flags & XF_MIGRATE_PEER2PEER)
           && xf_migrate_uri_is_direct(args->uri);
}

static int
compat_supports_feature(struct xf_conn *conn, int feature, GError **err)
{
    return feature == XF_FEATURE_MIGRATION_P2P
                   || feature == XF_FEATURE_MIGRATION_DIRECT
               ? 1 : engines->supports_feature(conn, feature, err);
}

static gboolean
compat_prepare3(struct xf_conn *conn, const struct xf_migrate_args *args,
                GBytes **cookie_out, char **uri_out, GError **err)
{
    XF_AUTO(xf_cookie) *of_libvirtd = xf_libvirtd_sends(args);

    return of_libvirtd
               ? xf_libvirtd_prepare(conn, args, of_libvirtd, uri_out, err)
               : engines->prepare3(conn, args, cookie_out, uri_out, err);
}

static gboolean
compat_perform3(struct xf_conn *conn, const struct xf_domain_ref *dom,
                const struct xf_migrate_args *args, GBytes **cookie_out,
                GError **err)
{
    if (xf_compat_is_direct(args))
        return xf_direct_move(conn, dom, args, err);
    if (args->flags & XF_MIGRATE_PEER2PEER)
        return xf_p2p_move(conn, dom, args, args->dconnuri, args->uri, err);
    if (xf_libvirtd_receives(args))
        return xf_libvirtd_perform(conn, dom, args, err);
    return engines->perform3(conn, dom, args, cookie_out, err);
}

/* The engine's driver with the older calls in it, made once. */
static const struct xf_driver *
driver_with(const struct xf_driver *of_engine)
{
    static struct xf_driver driver;
    static gsize made;

    if (g_once_init_enter(&made)) {
        engines = of_engine;
        driver = *engines;
        driver.supports_feature = compat_supports_feature;
        driver.prepare3 = compat_prepare3;
        driver.perform3 = compat_perform3;
        driver.prepare = xf_v1_prepare;
        driver.perform = xf_v1_perform;
        driver.finish = xf_v1_finish;
        driver.prepare2 = xf_v2_prepare;
        driver.prepare_tunnel = xf_v2_prepare_tunnel;
        driver.finish2 = xf_v2_finish;
        g_once_init_leave(&made, 1);
    }
    return &driver;
}

struct xf_conn *
xf_compat_open(struct xf_engine *engine)
{
    struct xf_conn *conn = xf_engine_open(engine);

    conn->driver = driver_with(conn->driver);
    return conn;
}
