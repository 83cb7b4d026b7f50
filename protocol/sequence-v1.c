/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Protocol v1 as its client runs it, and what v2 has of it. */
#include "config.h"

#include "protocol/sequence-private.h"

/* -- of v1 and v2 -- */

void
xf_old_move_clear(struct xf_old_move *m)
{
    g_free(m->xml);
    g_free(m->uri);
    g_bytes_unref(m->cookie);
    xf_tunnel_clear(&m->tunnel);
}

static gboolean
check_request(const struct xf_old_move *m, GError **err)
{
    const char *what = m->request->xml || m->request->persist_xml
                           ? "an XML of your own"
                       : m->request->flags & XF_MIGRATE_OFFLINE
                           ? "to move a definition alone (offline)"
                       : m->request->flags & XF_MIGRATE_CHANGE_PROTECTION
                           ? "to protect the domain from changes"
                           : NULL;

    if (!what)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                "migration protocols v1 and v2 have no way to carry this "
                "wish: %s; leave it out", what);
    return FALSE;
}

gboolean
xf_old_move_init(struct xf_old_move *m, GError **err)
{
    gboolean paused;

    if (!check_request(m, err)
        || !xf_sequence_paused(m->source, m->dom, &paused, err))
        return FALSE;
    m->flags = m->request->flags | (paused ? XF_MIGRATE_PAUSED : 0);
    return TRUE;
}

gboolean
xf_old_move_is_tunnelled(const struct xf_old_move *m)
{
    return (m->request->flags & XF_MIGRATE_TUNNELLED) != 0;
}

struct xf_migrate_args
xf_old_move_args(const struct xf_old_move *m, gboolean to_destination)
{
    guint32 not = XF_MIGRATE_TUNNELLED
                  | (to_destination ? XF_SEQUENCE_SOURCE_ONLY : 0);

    return (struct xf_migrate_args){
        .flags = m->flags & ~not,
        .dname = m->request->dname,
        .uri = m->uri ? m->uri : m->request->uri,
        .xml = m->xml,
        .bandwidth = m->request->bandwidth,
        .cookie_in = m->cookie,
    };
}

gboolean
xf_old_move_uri(struct xf_old_move *m, char *uri, GError **err)
{
    if (!uri || !*uri) {
        g_free(uri);
        uri = g_strdup(m->request->uri);
    }
    m->uri = uri;
    if (uri || xf_old_move_is_tunnelled(m))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INTERNAL,
                "the destination did not say where the domain's data is to "
                "go: give a migration uri");
    return FALSE;
}

gboolean
xf_old_move_perform(struct xf_old_move *m, GError **err)
{
    struct xf_conn *conn = m->source;
    struct xf_migrate_args args = xf_old_move_args(m, FALSE);

    args.xml = NULL;            /* the destination's alone */
    if (xf_old_move_is_tunnelled(m))
        args.tunnel = &m->tunnel;
    xf_sequence_enter(m->request, "perform");

    gboolean ok = conn->driver->perform
                      ? conn->driver->perform(conn, m->dom, &args, err)
                      : xf_driver_lacks(conn, "perform", err);

    xf_tunnel_clear(&m->tunnel);
    if (ok)
        return TRUE;
    g_prefix_error(err, "perform at the source: ");
    return FALSE;
}

/* -- v1 -- */

static gboolean
prepare(struct xf_old_move *m, GError **err)
{
    struct xf_conn *conn = m->destination;
    const struct xf_migrate_args args = xf_old_move_args(m, TRUE);
    char *uri = NULL;

    xf_sequence_enter(m->request, "prepare");
    if (!(conn->driver->prepare
          ? conn->driver->prepare(conn, &args, &m->cookie, &uri, err)
          : xf_driver_lacks(conn, "prepare", err))) {
        g_prefix_error(err, "prepare at the destination: ");
        return FALSE;
    }
    return xf_old_move_uri(m, uri, err);
}

static struct xf_domain_ref *
finish(struct xf_old_move *m, GError **err)
{
    struct xf_conn *conn = m->destination;
    struct xf_migrate_args args = xf_old_move_args(m, TRUE);
    struct xf_domain_ref *dom = NULL;

    args.dname = m->request->dname ? m->request->dname : m->dom->name;
    xf_sequence_enter(m->request, "finish");
    if (conn->driver->finish)
        dom = conn->driver->finish(conn, &args, err);
    else
        xf_driver_lacks(conn, "finish", err);
    if (!dom)
        g_prefix_error(err, "finish at the destination: ");
    return dom;
}

/* It has no Prepare for one. */
static gboolean
check_no_tunnel(const struct xf_old_move *m, GError **err)
{
    if (!xf_old_move_is_tunnelled(m))
        return TRUE;
    g_set_error_literal(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                        "migration protocol v1 has no way to carry this "
                        "wish: a stream through the connection (tunnelled); "
                        "leave it out");
    return FALSE;
}

struct xf_domain_ref *
xf_sequence_v1(struct xf_conn *source, const struct xf_domain_ref *dom,
               struct xf_conn *destination,
               const struct xf_sequence_request *request, GError **err)
{
    struct xf_old_move m = { .source = source, .destination = destination,
                             .dom = dom, .request = request,
                             .tunnel = XF_TUNNEL_NONE };
    struct xf_domain_ref *moved =
        check_no_tunnel(&m, err) && xf_old_move_init(&m, err)
                && prepare(&m, err) && xf_old_move_perform(&m, err)
            ? finish(&m, err) : NULL;

    xf_old_move_clear(&m);
    return moved;
}
