/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protocol v3 as its client runs it.  One function a phase; each makes its
 * own arguments from what is known so far, and keeps what it was given in a
 * field of its own: no cookie takes another's place.
 *
 * What a function undoes after a failure can fail as well; that is logged,
 * and the first error stays the one that is returned.
 */
#include "config.h"

#include "protocol/sequence-private.h"

/* What a destination can do without. */
#define HARMLESS XF_MIGRATE_UNSAFE

struct move {
    struct xf_conn *source;
    struct xf_conn *destination;
    const struct xf_domain_ref *dom;
    const struct xf_sequence_request *request;
    gboolean protects;          /* the source has CHANGE_PROTECTION */
    gboolean paused;            /* it was found paused after Begin */
    gboolean stock;             /* the destination is none of ours: it refuses
                                 * what it does not know, and cannot be asked
                                 * for the outcome */
    gboolean records;           /* the source is one of ours */
    char *xml;                  /* Begin's */
    char *uri;                  /* Prepare's, else the user's */
    struct xf_tunnel tunnel;    /* Prepare's, in place of an uri */
    /* what each phase gave; each goes to the next one only */
    GBytes *from_begin;
    GBytes *from_prepare;
    GBytes *from_perform;
    GBytes *from_finish;
};

static void
move_clear(struct move *m)
{
    g_free(m->xml);
    g_free(m->uri);
    xf_tunnel_clear(&m->tunnel);
    g_bytes_unref(m->from_begin);
    g_bytes_unref(m->from_prepare);
    g_bytes_unref(m->from_perform);
    g_bytes_unref(m->from_finish);
}

/* -- arguments -- */

/* How the stream goes is Prepare's and Perform's business alone. */
static struct xf_migrate_args
common_args(const struct move *m, GBytes *cookie)
{
    return (struct xf_migrate_args){
        .flags = (m->request->flags & ~(guint32)XF_MIGRATE_TUNNELLED)
                 | (m->paused ? XF_MIGRATE_PAUSED : 0),
        .dname = m->request->dname,
        .uri = m->uri ? m->uri : m->request->uri,
        .xml = m->xml ? m->xml : m->request->xml,
        .persist_xml = m->request->persist_xml,
        .bandwidth = m->request->bandwidth,
        .cookie_in = cookie,
        .untyped = m->request->protocol == XF_PROTOCOL_V3,
    };
}

static struct xf_migrate_args
source_args(const struct move *m, GBytes *cookie)
{
    struct xf_migrate_args args = common_args(m, cookie);

    /* a source that can be told to guard the domain is always told to */
    args.flags &= ~XF_MIGRATE_CHANGE_PROTECTION;
    if (m->protects)
        args.flags |= XF_MIGRATE_CHANGE_PROTECTION;
    return args;
}

static struct xf_migrate_args
destination_args(const struct move *m, GBytes *cookie)
{
    struct xf_migrate_args args = common_args(m, cookie);

    args.flags &= ~XF_SEQUENCE_SOURCE_ONLY;
    if (m->stock) {
        args.flags &= ~HARMLESS;
        args.bandwidth = 0;
    }
    return args;
}

/* From Finish on the domain's name is said even if it stays the same. */
static const char *
final_name(const struct move *m)
{
    return m->request->dname ? m->request->dname : m->dom->name;
}

/* -- what both sides can do -- */

/* Does it speak v3, with typed parameters or without? */
static gboolean
check_speaks(struct xf_conn *conn, const char *side, GError **err)
{
    int has = xf_sequence_has(conn, XF_FEATURE_MIGRATION_PARAMS, err);

    if (has == 0)
        has = xf_sequence_has(conn, XF_FEATURE_MIGRATION_V3, err);
    if (has < 0)
        g_prefix_error(err, "asking the %s what it can do: ", side);
    else if (!has)
        g_set_error(err, XF_ERROR, XF_ERROR_NO_SUPPORT,
                    "the %s does not support migration protocol v3", side);
    return has > 0;
}

static gboolean
check_kinds(struct move *m, GError **err)
{
    int source = xf_sequence_has(m->source, XF_FEATURE_XENFERRY, err);
    int destination =
        source < 0 ? -1
                   : xf_sequence_has(m->destination, XF_FEATURE_XENFERRY,
                                     err);

    m->records = source > 0;
    m->stock = !destination;
    if (destination < 0)
        g_prefix_error(err, "asking the %s what it can do: ",
                       source < 0 ? "source" : "destination");
    return destination >= 0;
}

static gboolean
is_offline(const struct move *m)
{
    return (m->request->flags & XF_MIGRATE_OFFLINE) != 0;
}

static gboolean
check_offline(struct move *m, GError **err)
{
    int has = 1, has_too = 1;

    if (is_offline(m)) {
        has = xf_sequence_has(m->source, XF_FEATURE_MIGRATION_OFFLINE, err);
        has_too = has < 0 ? -1
                  : xf_sequence_has(m->destination,
                                    XF_FEATURE_MIGRATION_OFFLINE, err);
    }
    if (has == 0 || has_too == 0)
        g_set_error(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                    "the %s cannot migrate a definition alone (offline)",
                    has ? "destination" : "source");
    return has > 0 && has_too > 0;
}

/* Only a typed parameter can carry it. */
static gboolean
check_persist_xml(struct move *m, GError **err)
{
    if (!m->request->persist_xml)
        return TRUE;
    if (m->stock)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                            "the destination is no Xenferry host and takes "
                            "no XML of your own to be stored "
                            "(persistent_xml); leave it out");
    else if (m->request->protocol != XF_PROTOCOL_V3_PARAMS)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                            "an XML of your own to be stored needs protocol "
                            "v3-params on both hosts; leave it out");
    else
        return TRUE;
    return FALSE;
}

static gboolean
is_tunnelled(const struct move *m)
{
    return (m->request->flags & XF_MIGRATE_TUNNELLED) != 0;
}

static gboolean
check_features(struct move *m, GError **err)
{
    int protects;

    if (!check_speaks(m->source, "source", err)
        || !check_speaks(m->destination, "destination", err))
        return FALSE;
    protects = xf_sequence_has(m->source, XF_FEATURE_CHANGE_PROTECTION, err);
    if (protects < 0) {
        g_prefix_error(err, "asking the source what it can do: ");
        return FALSE;
    }
    if (!protects && m->request->flags & XF_MIGRATE_CHANGE_PROTECTION) {
        g_set_error(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                    "the source cannot protect the domain from changes "
                    "during the migration: leave that flag out");
        return FALSE;
    }
    m->protects = protects;
    return check_offline(m, err) && check_kinds(m, err)
           && check_persist_xml(m, err)
           && (!is_tunnelled(m)
               || xf_sequence_check_tunnel(m->request, !m->stock, err));
}

/* -- the phases -- */

static gboolean
begin(struct move *m, GError **err)
{
    struct xf_conn *conn = m->source;
    const struct xf_migrate_args args = source_args(m, NULL);

    xf_sequence_enter(m->request, "begin");
    if (conn->driver->begin3)
        m->xml = conn->driver->begin3(conn, m->dom, &args, &m->from_begin,
                                      err);
    else
        xf_driver_lacks(conn, "begin3", err);
    if (!m->xml)
        g_prefix_error(err, "begin at the source: ");
    return m->xml != NULL;
}

static gboolean
prepare_address(struct move *m, GError **err)
{
    struct xf_conn *conn = m->destination;
    const struct xf_migrate_args args = destination_args(m, m->from_begin);
    g_autofree char *uri = NULL;

    if (!(conn->driver->prepare3
          ? conn->driver->prepare3(conn, &args, &m->from_prepare, &uri, err)
          : xf_driver_lacks(conn, "prepare3", err)))
        return FALSE;
    m->uri = uri && *uri ? g_steal_pointer(&uri) : g_strdup(args.uri);
    return TRUE;
}

static gboolean
prepare_tunnel(struct move *m, GError **err)
{
    struct xf_conn *conn = m->destination;
    struct xf_migrate_args args = destination_args(m, m->from_begin);

    args.flags |= XF_MIGRATE_TUNNELLED;
    return conn->driver->prepare_tunnel3
               ? conn->driver->prepare_tunnel3(conn, &args, &m->tunnel,
                                               &m->from_prepare, err)
               : xf_driver_lacks(conn, "prepare_tunnel3", err);
}

static gboolean
prepare(struct move *m, GError **err)
{
    xf_sequence_enter(m->request, "prepare");
    if ((is_tunnelled(m) ? prepare_tunnel : prepare_address)(m, err))
        return TRUE;
    g_prefix_error(err, "prepare at the destination: ");
    return FALSE;
}

static gboolean
perform(struct move *m, GError **err)
{
    struct xf_conn *conn = m->source;
    struct xf_migrate_args args = source_args(m, m->from_prepare);

    if (is_tunnelled(m))
        args.tunnel = &m->tunnel;
    xf_sequence_enter(m->request, "perform");

    gboolean ok = conn->driver->perform3
                      ? conn->driver->perform3(conn, m->dom, &args,
                                               &m->from_perform, err)
                      : xf_driver_lacks(conn, "perform3", err);

    xf_tunnel_clear(&m->tunnel);
    if (ok)
        return TRUE;
    g_prefix_error(err, "perform at the source: ");
    return FALSE;
}

static struct xf_domain_ref *
finish(struct move *m, gboolean cancelled, GBytes *cookie, GError **err)
{
    struct xf_conn *conn = m->destination;
    struct xf_migrate_args args = destination_args(m, cookie);
    struct xf_domain_ref *dom = NULL;

    args.dname = final_name(m);
    args.cancelled = cancelled;
    xf_sequence_enter(m->request, "finish");
    if (conn->driver->finish3)
        dom = conn->driver->finish3(conn, &args, &m->from_finish, err);
    else
        xf_driver_lacks(conn, "finish3", err);
    if (!dom)
        g_prefix_error(err, "finish at the destination: ");
    return dom;
}

static gboolean
confirm(struct move *m, gboolean cancelled, GBytes *cookie, GError **err)
{
    struct xf_conn *conn = m->source;
    struct xf_migrate_args args = source_args(m, cookie);

    args.dname = final_name(m);
    args.cancelled = cancelled;
    xf_sequence_enter(m->request, "confirm");
    if (conn->driver->confirm3
        ? conn->driver->confirm3(conn, m->dom, &args, err)
        : xf_driver_lacks(conn, "confirm3", err))
        return TRUE;
    g_prefix_error(err, "confirm at the source: ");
    return FALSE;
}

/* -- after a failure -- */

static void
cancel_source(struct move *m)
{
    g_autoptr(GError) err = NULL;

    if (!confirm(m, TRUE, NULL, &err))
        g_warning("domain '%s': cancelling the migration: %s", m->dom->name,
                  err->message);
}

/* After *err.  That it fails is how Finish(cancelled) says that it has been
 * done. */
static void
cancel_destination(struct move *m, GBytes *cookie, GError **err)
{
    g_autoptr(GError) why = NULL;
    XF_AUTO(xf_domain_ref) *dom = finish(m, TRUE, cookie, &why);

    if (dom)
        g_warning("domain '%s': the destination has kept its copy ('%s') of "
                  "a cancelled migration: make sure that it does not run",
                  m->dom->name, dom->name);
    else
        xf_sequence_add_why(err, why);
}

/* Finish was not answered, and one side is none of ours: the destination
 * cannot be asked, or the source does not ask.  A client that confirms
 * anything now guesses.  Without a Confirm the domain waits at the source,
 * suspended.  A definition is no guest: it may well be on both sides. */
static gboolean
nobody_knows(const struct move *m, const GError *failed)
{
    return (m->stock || !m->records) && !is_offline(m)
           && (g_error_matches(failed, XF_ERROR, XF_ERROR_NO_CONNECT)
               || g_error_matches(failed, XF_ERROR, XF_ERROR_TIMEOUT)
               || g_error_matches(failed, XF_ERROR, XF_ERROR_RPC));
}

/* What a person does at a source that keeps records, and at a libvirtd, which
 * can neither be told nor resume a guest without Confirm. */
static const char by_resolve[] =
    "then settle it at the source with xenferry resolve; xenferry handoffs "
    "there shows how";
static const char by_destroy[] =
    "or is kept there for you to decide (xenferry handoffs).  If so, destroy "
    "the suspended copy at the source (xl destroy), and let one that is kept "
    "run with xenferry resolve --assume-committed.  If not, destroy it at "
    "the source too, and start it there anew";

static void
leave_in_doubt(struct move *m, GError **failed)
{
    GError *why = g_error_new(
        XF_ERROR, XF_ERROR_IN_DOUBT, "%s.  The domain is suspended at the "
        "source and in doubt: look whether '%s' runs at the destination, %s",
        (*failed)->message, final_name(m),
        m->records ? by_resolve : by_destroy);

    g_clear_error(failed);
    *failed = why;
}

/* -- the whole -- */

/* Until the destination is ready and it is known where the stream goes. */
static gboolean
get_ready(struct move *m, GError **err)
{
    if (!check_features(m, err) || !begin(m, err))
        return FALSE;
    if (!xf_sequence_paused(m->source, m->dom, &m->paused, err) || !prepare(m, err)) {
        if (m->protects)
            cancel_source(m);
        return FALSE;
    }
    if (m->uri || is_offline(m) || is_tunnelled(m))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INTERNAL,
                "the destination did not say where the domain's data is to "
                "go: give a migration uri");
    cancel_destination(m, m->from_prepare, err);
    cancel_source(m);
    return FALSE;
}

static struct xf_domain_ref *
run(struct move *m, GError **failed)
{
    g_autoptr(GError) why = NULL;
    struct xf_domain_ref *dom;

    if (!get_ready(m, failed))
        return NULL;
    if (!is_offline(m) && !perform(m, failed)) {
        cancel_destination(m, NULL, failed);
        return NULL;
    }
    dom = finish(m, FALSE, m->from_perform, failed);
    if (!dom && nobody_knows(m, *failed))
        leave_in_doubt(m, failed);
    else if (!dom)
        cancel_source(m);
    else if (!confirm(m, FALSE, m->from_finish, &why))
        g_warning("domain '%s' has moved, but: %s", m->dom->name,
                  why->message);
    return dom;
}

struct xf_domain_ref *
xf_sequence_v3(struct xf_conn *source, const struct xf_domain_ref *dom,
               struct xf_conn *destination,
               const struct xf_sequence_request *request, GError **err)
{
    struct move m = {
        .source = source,
        .destination = destination,
        .dom = dom,
        .request = request,
        .tunnel = XF_TUNNEL_NONE,
    };
    g_autoptr(GError) failed = NULL;
    struct xf_domain_ref *result = run(&m, &failed);

    if (!result)
        g_propagate_error(err, g_steal_pointer(&failed));
    move_clear(&m);
    return result;
}
