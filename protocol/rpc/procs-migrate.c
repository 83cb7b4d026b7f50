/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures: the phases of migration, v1 to v3.  Each handler turns its
 * wire struct into struct xf_migrate_args, whose strings are borrowed from
 * it, and nothing more: what is refused is refused by the driver.
 */
#include "config.h"

#include "protocol/rpc/params.h"
#include "protocol/rpc/procs.h"
#include "protocol/rpc/stream.h"
#include "protocol/uri.h"

#include <string.h>

/* The args of a call, with the cookie they own. */
struct phase {
    struct xf_migrate_args args;
    GBytes *cookie;
};

static void
phase_clear(struct phase *phase)
{
    g_clear_pointer(&phase->cookie, g_bytes_unref);
}

#define PHASE_AUTO __attribute__((cleanup(phase_clear))) struct phase

static const char *
text(xfw_opt_string wire)
{
    return wire ? *wire : NULL;
}

static void
take_cookie(struct phase *phase, const xfw_cookie *wire)
{
    if (wire->xfw_cookie_len == 0)
        return;
    phase->cookie = g_bytes_new_static(wire->xfw_cookie_val,
                                       wire->xfw_cookie_len);
    phase->args.cookie_in = phase->cookie;
}

static void
give_cookie(GBytes *cookie, xfw_cookie *wire)
{
    gsize len;

    if (!cookie)
        return;
    wire->xfw_cookie_val = g_bytes_unref_to_data(cookie, &len);
    wire->xfw_cookie_len = len;
}

static void
give_uri(char *uri, xfw_opt_string *wire)
{
    if (!uri)
        return;
    *wire = g_new(xfw_string, 1);
    **wire = uri;
}

/* v1, v2 and plain v3 have 64 bits for flags; none is above 32. */
static gboolean
take_flags(struct phase *phase, guint64 flags, GError **err)
{
    phase->args.flags = flags;
    return xf_rpc_check_flags(flags, G_MAXUINT32, "migration", err);
}

static gboolean
take_params(struct phase *phase, const xfw_migrate_params *params,
            guint32 flags, GError **err)
{
    phase->args.flags = flags;
    return xf_rpc_params_decode(params, &phase->args, err);
}

/* To leave all to this daemon is a protocol of its own, and so is to name a
 * destination that has no daemon. */
static gboolean
check_alone(const struct xf_rpc_call *call, const struct phase *phase,
            GError **err)
{
    gboolean p2p = (phase->args.flags & XF_MIGRATE_PEER2PEER) != 0;
    gboolean direct = !p2p && xf_migrate_uri_is_direct(phase->args.uri);

    if (p2p && !(call->protocols & XF_PROTOCOL_P2P))
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "unsupported migration flag: p2p (0x%x): this daemon's "
                    "configuration does not offer it", XF_MIGRATE_PEER2PEER);
    else if (direct && !(call->protocols & XF_PROTOCOL_DIRECT))
        g_set_error(err, XF_ERROR, XF_ERROR_UNSUPPORTED,
                    "migration uri '%s': direct migration to a host without "
                    "a daemon is what this daemon's configuration does not "
                    "offer", phase->args.uri);
    else
        return TRUE;
    return FALSE;
}

/* -- v1 ------------------------------------------------------------------ */

static gboolean
do_prepare(struct xf_rpc_call *call, void *data, void *ret_data, GError **err)
{
    struct xfw_prepare_args *wire = data;
    struct xfw_prepare_ret *ret = ret_data;
    PHASE_AUTO phase = { .args = {
        .uri = text(wire->uri_in),
        .dname = text(wire->dname),
        .bandwidth = wire->resource,
    } };
    GBytes *cookie = NULL;
    char *uri = NULL;

    if (!take_flags(&phase, wire->flags, err) ||
        !call->conn->driver->prepare(call->conn, &phase.args, &cookie, &uri,
                                     err))
        return FALSE;
    give_cookie(cookie, &ret->cookie);
    give_uri(uri, &ret->uri_out);
    return TRUE;
}

static gboolean
do_perform(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_perform_args *wire = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&wire->dom);
    PHASE_AUTO phase = { .args = {
        .uri = wire->uri,
        .dname = text(wire->dname),
        .bandwidth = wire->resource,
    } };

    take_cookie(&phase, &wire->cookie);
    return take_flags(&phase, wire->flags, err) &&
           check_alone(call, &phase, err) &&
           call->conn->driver->perform(call->conn, &dom, &phase.args, err);
}

static gboolean
do_finish(struct xf_rpc_call *call, void *data, void *ret_data, GError **err)
{
    struct xfw_finish_args *wire = data;
    struct xfw_dom *ret = ret_data;
    PHASE_AUTO phase = { .args = {
        .uri = wire->uri,
        .dname = wire->dname,
    } };

    take_cookie(&phase, &wire->cookie);
    return take_flags(&phase, wire->flags, err) &&
           xf_rpc_give_domain(call->conn->driver->finish(call->conn,
                                                         &phase.args, err),
                              &ret->dom);
}

/* -- v2 ------------------------------------------------------------------ */

static gboolean
do_prepare2(struct xf_rpc_call *call, void *data, void *ret_data,
            GError **err)
{
    struct xfw_prepare2_args *wire = data;
    struct xfw_prepare_ret *ret = ret_data;
    PHASE_AUTO phase = { .args = {
        .uri = text(wire->uri_in),
        .dname = text(wire->dname),
        .xml = wire->dom_xml,
        .bandwidth = wire->resource,
    } };
    GBytes *cookie = NULL;
    char *uri = NULL;

    if (!take_flags(&phase, wire->flags, err) ||
        !call->conn->driver->prepare2(call->conn, &phase.args, &cookie, &uri,
                                      err))
        return FALSE;
    give_cookie(cookie, &ret->cookie);
    give_uri(uri, &ret->uri_out);
    return TRUE;
}

/* The cookie for which the reply has no place. */
static GBytes *
head_of_stream(GBytes *cookie, GError **err)
{
    gsize len = 0;
    const void *data = cookie ? g_bytes_get_data(cookie, &len) : NULL;
    guint32 word = g_htonl(len);
    guint8 *head;

    if (!len || len > XFW_HEAD_COOKIE_MAX) {
        g_set_error(err, XF_ERROR, XF_ERROR_INTERNAL,
                    "a cookie of %" G_GSIZE_FORMAT " bytes cannot stand at "
                    "the head of a stream", len);
        return NULL;
    }
    head = g_malloc(sizeof(word) + len);
    memcpy(head, &word, sizeof(word));
    memcpy(head + sizeof(word), data, len);
    return g_bytes_new_take(head, sizeof(word) + len);
}

static gboolean
do_tunnel(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_prepare_tunnel_args *wire = data;
    struct xf_tunnel tunnel = XF_TUNNEL_NONE;
    PHASE_AUTO phase = { .args = {
        .dname = text(wire->dname),
        .xml = wire->dom_xml,
        .bandwidth = wire->resource,
    } };
    g_autoptr(GBytes) cookie = NULL;
    g_autoptr(GBytes) head = NULL;

    if (!take_flags(&phase, wire->flags, err) ||
        !call->conn->driver->prepare_tunnel(call->conn, &phase.args, &tunnel,
                                            &cookie, err))
        return FALSE;
    head = head_of_stream(cookie, err);

    gboolean ok = head && xf_rpc_session_stream(
                              call, xf_steal_fd(&tunnel.fd), err);

    xf_tunnel_clear(&tunnel);
    if (ok)
        xf_rpc_stream_head(call->stream, head);
    return ok;
}

static gboolean
do_finish2(struct xf_rpc_call *call, void *data, void *ret_data, GError **err)
{
    struct xfw_finish2_args *wire = data;
    struct xfw_dom *ret = ret_data;
    PHASE_AUTO phase = { .args = {
        .uri = wire->uri,
        .dname = wire->dname,
        .cancelled = wire->retcode != 0,
    } };

    take_cookie(&phase, &wire->cookie);
    return take_flags(&phase, wire->flags, err) &&
           xf_rpc_give_domain(call->conn->driver->finish2(call->conn,
                                                          &phase.args, err),
                              &ret->dom);
}

/* -- v3, both kinds: what they share ------------------------------------- */

static gboolean
run_begin3(struct xf_rpc_call *call, const struct xfw_domain *wire,
           struct phase *phase, struct xfw_begin3_ret *ret, GError **err)
{
    struct xf_domain_ref dom = xf_rpc_borrow_domain(wire);
    GBytes *cookie = NULL;

    ret->xml = call->conn->driver->begin3(call->conn, &dom, &phase->args,
                                          &cookie, err);
    if (!ret->xml)
        return FALSE;
    give_cookie(cookie, &ret->cookie_out);
    return TRUE;
}

static gboolean
run_prepare3(struct xf_rpc_call *call, struct phase *phase,
             struct xfw_prepare_ret *ret, GError **err)
{
    GBytes *cookie = NULL;
    char *uri = NULL;

    if (!call->conn->driver->prepare3(call->conn, &phase->args, &cookie, &uri,
                                      err))
        return FALSE;
    give_cookie(cookie, &ret->cookie);
    give_uri(uri, &ret->uri_out);
    return TRUE;
}

/* Its channel is reached by the stream that this call opens. */
static gboolean
run_tunnel3(struct xf_rpc_call *call, struct phase *phase,
            struct xfw_perform3_ret *ret, GError **err)
{
    struct xf_tunnel tunnel = XF_TUNNEL_NONE;
    GBytes *cookie = NULL;

    if (!call->conn->driver->prepare_tunnel3(call->conn, &phase->args,
                                             &tunnel, &cookie, err))
        return FALSE;

    gboolean ok = xf_rpc_session_stream(call, xf_steal_fd(&tunnel.fd), err);

    xf_tunnel_clear(&tunnel);
    give_cookie(cookie, &ret->cookie_out);
    return ok;
}

static gboolean
run_perform3(struct xf_rpc_call *call, const struct xfw_domain *wire,
             struct phase *phase, struct xfw_perform3_ret *ret, GError **err)
{
    struct xf_domain_ref dom = xf_rpc_borrow_domain(wire);
    GBytes *cookie = NULL;

    if (!check_alone(call, phase, err) ||
        !call->conn->driver->perform3(call->conn, &dom, &phase->args, &cookie,
                                      err))
        return FALSE;
    give_cookie(cookie, &ret->cookie_out);
    return TRUE;
}

static gboolean
run_finish3(struct xf_rpc_call *call, struct phase *phase,
            struct xfw_finish3_ret *ret, GError **err)
{
    GBytes *cookie = NULL;
    struct xf_domain_ref *dom =
        call->conn->driver->finish3(call->conn, &phase->args, &cookie, err);

    if (!xf_rpc_give_domain(dom, &ret->dom))
        return FALSE;
    give_cookie(cookie, &ret->cookie_out);
    return TRUE;
}

static gboolean
run_confirm3(struct xf_rpc_call *call, const struct xfw_domain *wire,
             struct phase *phase, GError **err)
{
    struct xf_domain_ref dom = xf_rpc_borrow_domain(wire);

    return call->conn->driver->confirm3(call->conn, &dom, &phase->args, err);
}

/* -- v3, plain ----------------------------------------------------------- */

static gboolean
do_begin3(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_begin3_args *wire = data;
    PHASE_AUTO phase = { .args = {
        .xml = text(wire->xmlin),
        .dname = text(wire->dname),
        .bandwidth = wire->resource,
    } };

    return take_flags(&phase, wire->flags, err) &&
           run_begin3(call, &wire->dom, &phase, ret, err);
}

static gboolean
do_prepare3(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_prepare3_args *wire = data;
    PHASE_AUTO phase = { .args = {
        .uri = text(wire->uri_in),
        .dname = text(wire->dname),
        .xml = wire->dom_xml,
        .bandwidth = wire->resource,
    } };

    take_cookie(&phase, &wire->cookie_in);
    return take_flags(&phase, wire->flags, err) &&
           run_prepare3(call, &phase, ret, err);
}

static gboolean
do_tunnel3(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_prepare_tunnel3_args *wire = data;
    PHASE_AUTO phase = { .args = {
        .dname = text(wire->dname),
        .xml = wire->dom_xml,
        .bandwidth = wire->resource,
    } };

    take_cookie(&phase, &wire->cookie_in);
    return take_flags(&phase, wire->flags, err) &&
           run_tunnel3(call, &phase, ret, err);
}

static gboolean
do_perform3(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_perform3_args *wire = data;
    PHASE_AUTO phase = { .args = {
        .xml = text(wire->xmlin),
        .dconnuri = text(wire->dconnuri),
        .uri = text(wire->uri),
        .dname = text(wire->dname),
        .bandwidth = wire->resource,
    } };

    take_cookie(&phase, &wire->cookie_in);
    return take_flags(&phase, wire->flags, err) &&
           run_perform3(call, &wire->dom, &phase, ret, err);
}

static gboolean
do_finish3(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_finish3_args *wire = data;
    PHASE_AUTO phase = { .args = {
        .dconnuri = text(wire->dconnuri),
        .uri = text(wire->uri),
        .dname = wire->dname,
        .cancelled = wire->cancelled != 0,
    } };

    take_cookie(&phase, &wire->cookie_in);
    return take_flags(&phase, wire->flags, err) &&
           run_finish3(call, &phase, ret, err);
}

static gboolean
do_confirm3(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_confirm3_args *wire = data;
    PHASE_AUTO phase = { .args = {
        .cancelled = wire->cancelled != 0,
    } };

    take_cookie(&phase, &wire->cookie_in);
    return take_flags(&phase, wire->flags, err) &&
           run_confirm3(call, &wire->dom, &phase, err);
}

/* -- v3, with typed parameters ------------------------------------------- */

static gboolean
do_begin3_params(struct xf_rpc_call *call, void *data, void *ret,
                 GError **err)
{
    struct xfw_begin3_params_args *wire = data;
    PHASE_AUTO phase = { 0 };

    return take_params(&phase, &wire->params, wire->flags, err) &&
           run_begin3(call, &wire->dom, &phase, ret, err);
}

static gboolean
do_prepare3_params(struct xf_rpc_call *call, void *data, void *ret,
                   GError **err)
{
    struct xfw_prepare3_params_args *wire = data;
    PHASE_AUTO phase = { 0 };

    take_cookie(&phase, &wire->cookie_in);
    return take_params(&phase, &wire->params, wire->flags, err) &&
           run_prepare3(call, &phase, ret, err);
}

static gboolean
do_tunnel3_params(struct xf_rpc_call *call, void *data, void *ret,
                  GError **err)
{
    struct xfw_prepare3_params_args *wire = data;
    PHASE_AUTO phase = { 0 };

    take_cookie(&phase, &wire->cookie_in);
    return take_params(&phase, &wire->params, wire->flags, err) &&
           run_tunnel3(call, &phase, ret, err);
}

static gboolean
do_perform3_params(struct xf_rpc_call *call, void *data, void *ret,
                   GError **err)
{
    struct xfw_perform3_params_args *wire = data;
    PHASE_AUTO phase = { .args = { .dconnuri = text(wire->dconnuri) } };

    take_cookie(&phase, &wire->cookie_in);
    return take_params(&phase, &wire->params, wire->flags, err) &&
           run_perform3(call, &wire->dom, &phase, ret, err);
}

static gboolean
do_finish3_params(struct xf_rpc_call *call, void *data, void *ret,
                  GError **err)
{
    struct xfw_finish3_params_args *wire = data;
    PHASE_AUTO phase = { .args = { .cancelled = wire->cancelled != 0 } };

    take_cookie(&phase, &wire->cookie_in);
    return take_params(&phase, &wire->params, wire->flags, err) &&
           run_finish3(call, &phase, ret, err);
}

static gboolean
do_confirm3_params(struct xf_rpc_call *call, void *data, void *ret,
                   GError **err)
{
    struct xfw_confirm3_params_args *wire = data;
    PHASE_AUTO phase = { .args = { .cancelled = wire->cancelled != 0 } };

    take_cookie(&phase, &wire->cookie_in);
    return take_params(&phase, &wire->params, wire->flags, err) &&
           run_confirm3(call, &wire->dom, &phase, err);
}

#define V1 .protocols = XF_PROTOCOL_V1
#define V1_V2 .protocols = XF_PROTOCOL_V1 | XF_PROTOCOL_V2
#define V2 .protocols = XF_PROTOCOL_V2
#define V3 .protocols = XF_PROTOCOL_V3
#define PARAMS .protocols = XF_PROTOCOL_V3_PARAMS

#define ROW(proc, name, handler, args, entry, of)                       \
    { XFW_PROC_DOMAIN_MIGRATE_##proc, name, handler, XF_RPC_ARGS(args), \
      XF_RPC_ENTRY(entry), .flags = XF_RPC_SLOW | XF_RPC_WRITES, of }
#define ROW_RET(proc, name, handler, args, ret, entry, of)              \
    { XFW_PROC_DOMAIN_MIGRATE_##proc, name, handler, XF_RPC_ARGS(args), \
      XF_RPC_RET(ret), XF_RPC_ENTRY(entry),                             \
      .flags = XF_RPC_SLOW | XF_RPC_WRITES, of }

static const struct xf_rpc_proc rows[] = {
    ROW_RET(PREPARE, "virDomainMigratePrepare", do_prepare,
            xfw_prepare_args, xfw_prepare_ret, prepare, V1),
    ROW(PERFORM, "virDomainMigratePerform", do_perform,
        xfw_perform_args, perform, V1_V2),
    ROW_RET(FINISH, "virDomainMigrateFinish", do_finish,
            xfw_finish_args, xfw_dom, finish, V1),
    ROW_RET(PREPARE2, "virDomainMigratePrepare2", do_prepare2,
            xfw_prepare2_args, xfw_prepare_ret, prepare2, V2),
    ROW(PREPARE_TUNNEL, "virDomainMigratePrepareTunnel", do_tunnel,
        xfw_prepare_tunnel_args, prepare_tunnel, V2),
    ROW_RET(FINISH2, "virDomainMigrateFinish2", do_finish2,
            xfw_finish2_args, xfw_dom, finish2, V2),

    ROW_RET(BEGIN3, "virDomainMigrateBegin3", do_begin3,
            xfw_begin3_args, xfw_begin3_ret, begin3, V3),
    ROW_RET(PREPARE3, "virDomainMigratePrepare3", do_prepare3,
            xfw_prepare3_args, xfw_prepare_ret, prepare3, V3),
    ROW_RET(PREPARE_TUNNEL3, "virDomainMigratePrepareTunnel3", do_tunnel3,
            xfw_prepare_tunnel3_args, xfw_perform3_ret, prepare_tunnel3, V3),
    ROW_RET(PERFORM3, "virDomainMigratePerform3", do_perform3,
            xfw_perform3_args, xfw_perform3_ret, perform3, V3),
    ROW_RET(FINISH3, "virDomainMigrateFinish3", do_finish3,
            xfw_finish3_args, xfw_finish3_ret, finish3, V3),
    ROW(CONFIRM3, "virDomainMigrateConfirm3", do_confirm3,
        xfw_confirm3_args, confirm3, V3),

    ROW_RET(BEGIN3_PARAMS, "virDomainMigrateBegin3Params", do_begin3_params,
            xfw_begin3_params_args, xfw_begin3_ret, begin3, PARAMS),
    ROW_RET(PREPARE3_PARAMS, "virDomainMigratePrepare3Params",
            do_prepare3_params, xfw_prepare3_params_args, xfw_prepare_ret,
            prepare3, PARAMS),
    ROW_RET(PREPARE_TUNNEL3_PARAMS, "virDomainMigratePrepareTunnel3Params",
            do_tunnel3_params, xfw_prepare3_params_args, xfw_perform3_ret,
            prepare_tunnel3, PARAMS),
    ROW_RET(PERFORM3_PARAMS, "virDomainMigratePerform3Params",
            do_perform3_params, xfw_perform3_params_args, xfw_perform3_ret,
            perform3, PARAMS),
    ROW_RET(FINISH3_PARAMS, "virDomainMigrateFinish3Params",
            do_finish3_params, xfw_finish3_params_args, xfw_finish3_ret,
            finish3, PARAMS),
    ROW(CONFIRM3_PARAMS, "virDomainMigrateConfirm3Params",
        do_confirm3_params, xfw_confirm3_params_args, confirm3, PARAMS),
};

const struct xf_rpc_proc_table xf_rpc_migrate_procs = {
    rows, G_N_ELEMENTS(rows)
};
