/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Protocol v2 as its client runs it. */
#include "config.h"

#include "protocol/sequence-private.h"

static gboolean
ask_xml(struct xf_old_move *m, GError **err)
{
    struct xf_conn *conn = m->source;
    int migratable =
        xf_sequence_has(conn, XF_FEATURE_XML_MIGRATABLE, err);

    xf_sequence_enter(m->request, "begin");
    if (migratable >= 0 && conn->driver->domain_xml)
        m->xml = conn->driver->domain_xml(
            conn, m->dom,
            migratable ? XF_XML_MIGRATABLE
                       : XF_XML_SECURE | XF_XML_UPDATE_CPU, err);
    else if (migratable >= 0)
        xf_driver_lacks(conn, "domain_xml", err);
    if (!m->xml)
        g_prefix_error(err, "asking the source for the domain's XML: ");
    return m->xml != NULL;
}

static struct xf_domain_ref *
finish(struct xf_old_move *m, gboolean cancelled, GError **err)
{
    struct xf_conn *conn = m->destination;
    struct xf_migrate_args args = xf_old_move_args(m, TRUE);
    struct xf_domain_ref *dom = NULL;

    args.dname = m->request->dname ? m->request->dname : m->dom->name;
    args.xml = NULL;
    if (xf_old_move_is_tunnelled(m))
        args.uri = "";          /* it cannot be absent */
    args.cancelled = cancelled;
    xf_sequence_enter(m->request, "finish");
    if (conn->driver->finish2)
        dom = conn->driver->finish2(conn, &args, err);
    else
        xf_driver_lacks(conn, "finish2", err);
    if (!dom)
        g_prefix_error(err, "finish at the destination: ");
    return dom;
}

/* After *err.  A domain that comes back has moved: then *err is cleared. */
static struct xf_domain_ref *
cancel(struct xf_old_move *m, GError **err)
{
    g_autoptr(GError) why = NULL;
    struct xf_domain_ref *dom = finish(m, TRUE, &why);

    if (dom) {
        g_message("domain '%s' has moved, though this was told: %s",
                  m->dom->name, err && *err ? (*err)->message : "an error");
        g_clear_error(err);
    } else {
        xf_sequence_add_why(err, why);
    }
    return dom;
}

static gboolean
check_tunnel(struct xf_old_move *m, GError **err)
{
    int ours;

    if (!xf_old_move_is_tunnelled(m))
        return TRUE;
    ours = xf_sequence_has(m->destination, XF_FEATURE_XENFERRY, err);
    if (ours < 0) {
        g_prefix_error(err, "asking the destination what it can do: ");
        return FALSE;
    }
    return xf_sequence_check_tunnel(m->request, ours, err);
}

static gboolean
prepare_address(struct xf_old_move *m, char **uri, GError **err)
{
    struct xf_conn *conn = m->destination;
    const struct xf_migrate_args args = xf_old_move_args(m, TRUE);

    return conn->driver->prepare2
               ? conn->driver->prepare2(conn, &args, &m->cookie, uri, err)
               : xf_driver_lacks(conn, "prepare2", err);
}

static gboolean
prepare_tunnel(struct xf_old_move *m, char **uri, GError **err)
{
    struct xf_conn *conn = m->destination;
    struct xf_migrate_args args = xf_old_move_args(m, TRUE);

    args.flags |= XF_MIGRATE_TUNNELLED;
    *uri = NULL;
    return conn->driver->prepare_tunnel
               ? conn->driver->prepare_tunnel(conn, &args, &m->tunnel,
                                              &m->cookie, err)
               : xf_driver_lacks(conn, "prepare_tunnel", err);
}

static gboolean
prepare(struct xf_old_move *m, char **uri, GError **err)
{
    xf_sequence_enter(m->request, "prepare");
    if ((xf_old_move_is_tunnelled(m) ? prepare_tunnel
                                     : prepare_address)(m, uri, err))
        return TRUE;
    g_prefix_error(err, "prepare at the destination: ");
    return FALSE;
}

static struct xf_domain_ref *
run(struct xf_old_move *m, GError **err)
{
    char *uri = NULL;

    if (!check_tunnel(m, err) || !xf_old_move_init(m, err)
        || !ask_xml(m, err)
        || !prepare(m, &uri, err))
        return NULL;
    if (!xf_old_move_uri(m, uri, err)) {
        /* nothing was sent: there is no domain that it could return */
        xf_domain_ref_free(finish(m, TRUE, NULL));
        return NULL;
    }
    return xf_old_move_perform(m, err) ? finish(m, FALSE, err)
                                       : cancel(m, err);
}

struct xf_domain_ref *
xf_sequence_v2(struct xf_conn *source, const struct xf_domain_ref *dom,
               struct xf_conn *destination,
               const struct xf_sequence_request *request, GError **err)
{
    struct xf_old_move m = { .source = source, .destination = destination,
                             .dom = dom, .request = request,
                             .tunnel = XF_TUNNEL_NONE };
    struct xf_domain_ref *moved = run(&m, err);

    xf_old_move_clear(&m);
    return moved;
}
