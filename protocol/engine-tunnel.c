/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A channel without a connection of its own: what the two sides of a handoff
 * say to each other while it moves goes through the connection on which the
 * destination was prepared.  Nothing else differs: the same handshake, the
 * same stream, the same end of it.  What has to be asked afterwards, when the
 * tunnel is gone, goes to the destination's port.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"
#include "protocol/uri.h"

#include <errno.h>
#include <sys/socket.h>

/* -- destination -- */

static gboolean
prepare3(struct xf_conn *conn, const struct xf_migrate_args *args,
         GBytes **cookie_out, char **uri_out, GError **err)
{
    return xf_dest_prepare(xf_engine_of(conn), conn, args, cookie_out,
                           uri_out, err);
}

/* What comes by the tunnel is served as if it had come in by the port. */
static gboolean
prepare(struct xf_conn *conn, const struct xf_migrate_args *args,
        gboolean (*prepare_it)(struct xf_conn *conn,
                               const struct xf_migrate_args *args,
                               GBytes **cookie_out, char **uri_out,
                               GError **err),
        struct xf_tunnel *tunnel, GBytes **cookie_out, GError **err)
{
    struct xf_migrate_args plain = *args;
    g_autoptr(GBytes) cookie = NULL;
    g_autofree char *uri = NULL;
    int ends[2];

    if (args->flags & XF_MIGRATE_OFFLINE) {
        g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                            "Prepare: offline migration has no stream that "
                            "could be tunnelled; leave tunnelled out");
        return FALSE;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        xf_error_set_errno(err, errno, "opening a tunnel");
        return FALSE;
    }

    XF_AUTO_FD int far = ends[0];
    XF_AUTO_FD int near = ends[1];

    plain.flags &= ~(guint32)XF_MIGRATE_TUNNELLED;
    plain.uri = NULL;
    /* when the second fails the client goes, and with it what is prepared */
    if (!prepare_it(conn, &plain, &cookie, &uri, err)
        || !xf_channel_listener_add(xf_engine_of(conn)->listener,
                                    xf_steal_fd(&near), "a tunnel", err))
        return FALSE;
    XF_FAULT_FD("tunnel-prepared", far);
    *tunnel = XF_TUNNEL_NONE;
    tunnel->fd = xf_steal_fd(&far);
    *cookie_out = g_steal_pointer(&cookie);
    return TRUE;
}

gboolean
xf_dest_prepare_tunnel(struct xf_conn *conn,
                       const struct xf_migrate_args *args,
                       struct xf_tunnel *tunnel, GBytes **cookie_out,
                       GError **err)
{
    return prepare(conn, args, prepare3, tunnel, cookie_out, err);
}

gboolean
xf_engine_expect_tunnel(struct xf_conn *conn,
                        const struct xf_migrate_args *args,
                        struct xf_tunnel *tunnel, GBytes **cookie_out,
                        GError **err)
{
    return prepare(conn, args, xf_engine_expect, tunnel, cookie_out, err);
}

/* -- source -- */

char *
xf_tunnel_uri(const struct xf_cookie *cookie, GError **err)
{
    if (cookie->address && cookie->port)
        return xf_migrate_uri_format(cookie->address, cookie->port);
    g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                        "Perform: the destination's cookie does not say "
                        "where it can be asked how the migration ended");
    return NULL;
}

int
xf_tunnel_connect(struct xf_handoff *h, struct xf_tunnel *tunnel,
                  GError **err)
{
    XF_AUTO_FD int fd = xf_steal_fd(&tunnel->fd);

    g_message("handoff %s: the stream of domain '%s' goes through the "
              "connection to its destination's daemon", h->token, h->name);
    XF_FAULT_FD("tunnel-opened", fd);
    if (!xf_channel_connect_over(
            fd, h->in_band ? XF_CHANNEL_DESCRIBED : XF_CHANNEL_STREAM,
            h->token, h->key, h->engine->config.connect_timeout_ms, err))
        return -1;
    return xf_steal_fd(&fd);
}
