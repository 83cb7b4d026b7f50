/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stock libvirtd at the other end, by v3.
 *
 * As the destination its Prepare gives no cookie, and Perform's has nothing of
 * ours in it: that is how it is recognised.  The cookie that our Begin gave
 * was all that it needs.  What it would refuse it refuses in Prepare, before
 * anything was sent.
 *
 * As the source its Begin gives a cookie that has nothing of ours.  It gets a
 * port of its own for its one stream, open to the addresses that the host
 * name in the cookie stands for.
 */
#include "config.h"

#include "compat/compat.h"
#include "protocol/channel-bare.h"
#include "protocol/uri.h"

#define LIBVIRTD "libvirtd"

gboolean
xf_libvirtd_receives(const struct xf_migrate_args *args)
{
    return !args->cookie_in || !g_bytes_get_size(args->cookie_in);
}

gboolean
xf_libvirtd_perform(struct xf_conn *conn, const struct xf_domain_ref *dom,
                    const struct xf_migrate_args *args, GError **err)
{
    return xf_engine_perform_stock(conn, dom, args, LIBVIRTD, err);
}

struct xf_cookie *
xf_libvirtd_sends(const struct xf_migrate_args *args)
{
    /* a cookie that cannot be read is the engine's to refuse */
    XF_AUTO(xf_cookie) *cookie = xf_cookie_parse(args->cookie_in, NULL);

    return cookie && !cookie->token[0] ? g_steal_pointer(&cookie) : NULL;
}

static gboolean
check_source(const struct xf_engine_config *config,
             const struct xf_migrate_args *args,
             const struct xf_cookie *cookie, GError **err)
{
    if (!config->foreign_ports[0])
        g_set_error(err, XF_ERROR, XF_ERROR_UNSUPPORTED,
                    "Prepare: the source (%s) is not a Xenferry host, and "
                    "host %s takes domains from no other; libvirtd_ports in "
                    "xenferryd.conf(5) allows it",
                    cookie->hostname ? cookie->hostname : "no name",
                    config->hostname);
    else if (!args->xml)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                            "Prepare: no domain XML passed");
    else if (cookie->stream_version != XF_STREAM_VERSION)
        g_set_error(err, XF_ERROR, XF_ERROR_UNSUPPORTED,
                    "Prepare: the source sends version %u of libxl's "
                    "migration stream, this host takes version %d",
                    cookie->stream_version, XF_STREAM_VERSION);
    else if (!cookie->hostname)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                            "Prepare: the source's cookie does not say on "
                            "which host the domain is");
    else
        return TRUE;
    return FALSE;
}

/* Opens the port that the client wants, or else any of the range; *uri is
 * where it is. */
static int
open_port(const struct xf_engine_config *config, const char *wanted,
          char **uri, GError **err)
{
    const guint16 *range = config->foreign_ports;
    g_autofree char *host = NULL;
    guint16 port = 0;
    int fd;

    if (wanted && !xf_migrate_uri_parse(wanted, &host, &port, err))
        return -1;
    if (port && (port < range[0] || port > range[1])) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "migration uri '%s': host %s takes such streams on the "
                    "ports %u to %u; leave the port out", wanted,
                    config->hostname, range[0], range[1]);
        return -1;
    }
    fd = xf_bare_listen(config->channel.address, port ? port : range[0],
                        port ? port : range[1], &port, err);
    if (fd >= 0)
        *uri = xf_migrate_uri_format(host ? host : config->channel_host,
                                     port);
    return fd;
}

gboolean
xf_libvirtd_prepare(struct xf_conn *conn, const struct xf_migrate_args *args,
                    const struct xf_cookie *cookie, char **uri_out,
                    GError **err)
{
    const struct xf_engine_config *config =
        xf_engine_config_of(xf_engine_of(conn));
    g_auto(GStrv) from = NULL;
    g_autofree char *uri = NULL;
    int fd;

    if (!check_source(config, args, cookie, err))
        return FALSE;
    from = xf_bare_addresses(cookie->hostname, config->connect_timeout_ms,
                             err);
    if (!from) {
        g_prefix_error(err, "Prepare: where the domain would come from is "
                       "not known: ");
        return FALSE;
    }
    fd = open_port(config, args->uri, &uri, err);
    if (fd < 0
        || !xf_engine_expect_stock(conn, args, cookie, LIBVIRTD, fd,
                                     (const char *const *)from, err))
        return FALSE;
    *uri_out = g_steal_pointer(&uri);
    return TRUE;
}
