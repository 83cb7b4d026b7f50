/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The migration phases over the wire, in the order they run.  Each v3 phase
 * has two forms; xf_remote_has_params() says which one the peer takes.
 */
#include "config.h"

#include "protocol/rpc/params.h"
#include "protocol/rpc/remote.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* For what comes at the head of a stream, right after the reply. */
#define HEAD_TIMEOUT (10 * G_TIME_SPAN_SECOND)

XFW_DEFINE_AUTO(xfw_migrate_params);

/* Borrows the cookie. */
static void
fill_cookie(xfw_cookie *wire, GBytes *cookie)
{
    gsize len = 0;

    /* rpcgen's structs know no const; encoding only reads */
    wire->xfw_cookie_val =
        cookie ? (char *)g_bytes_get_data(cookie, &len) : NULL;
    wire->xfw_cookie_len = len;
}

static GBytes *
take_cookie(const xfw_cookie *wire)
{
    if (wire->xfw_cookie_len == 0)
        return NULL;
    return g_bytes_new(wire->xfw_cookie_val, wire->xfw_cookie_len);
}

/* An optional string of the wire that borrows the variable `text`. */
static xfw_opt_string
optional(const char *const *text)
{
    return *text ? (xfw_opt_string)text : NULL;
}

/* A string of v1 and v2 that cannot be absent. */
static gboolean
need(const char *value, const char *call, const char *what, GError **err)
{
    if (value)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG, "%s needs %s", call,
                what);
    return FALSE;
}

static gboolean
check_driven_here(const struct xf_migrate_args *args, GError **err)
{
    if (!args->tunnel)
        return TRUE;
    g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                        "a tunnelled migration is the source's daemon's "
                        "to drive: ask for p2p as well");
    return FALSE;
}

/* Which form of a v3 phase: 1 with typed parameters, 0 without; -1 error. */
static int
typed(struct xf_conn *conn, const struct xf_migrate_args *args, GError **err)
{
    return args->untyped ? 0 : xf_remote_has_params(conn, err);
}

/* A stream's two ends. */
static gboolean
open_pair(int *ends, GError **err)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0)
        return TRUE;
    xf_error_set_errno(err, errno, "opening a tunnel");
    return FALSE;
}

static gboolean
call_prepare(struct xf_conn *conn, enum xfw_proc proc, xdrproc_t filter,
             void *wire, GBytes **cookie_out, char **uri_out, GError **err)
{
    XFW_AUTO(xfw_prepare_ret) ret = { 0 };

    if (!xf_remote_call(conn, proc, filter, wire, XF_XDR(xfw_prepare_ret),
                        &ret, err))
        return FALSE;
    *cookie_out = take_cookie(&ret.cookie);
    *uri_out = ret.uri_out ? g_strdup(*ret.uri_out) : NULL;
    return TRUE;
}

static struct xf_domain_ref *
call_finish(struct xf_conn *conn, enum xfw_proc proc, xdrproc_t filter,
            void *wire, GError **err)
{
    XFW_AUTO(xfw_dom) ret = { 0 };

    if (!xf_remote_call(conn, proc, filter, wire, XF_XDR(xfw_dom), &ret, err))
        return NULL;
    return xf_remote_take_domain(&ret.dom);
}

/* -- v1 ------------------------------------------------------------------ */

gboolean
xf_remote_prepare(struct xf_conn *conn, const struct xf_migrate_args *args,
                  GBytes **cookie_out, char **uri_out, GError **err)
{
    struct xfw_prepare_args wire = {
        .uri_in = optional(&args->uri),
        .flags = args->flags,
        .dname = optional(&args->dname),
        .resource = args->bandwidth,
    };

    *cookie_out = NULL;
    *uri_out = NULL;
    return call_prepare(conn, XFW_PROC_DOMAIN_MIGRATE_PREPARE,
                        XF_XDR(xfw_prepare_args), &wire, cookie_out, uri_out,
                        err);
}

gboolean
xf_remote_perform(struct xf_conn *conn, const struct xf_domain_ref *dom,
                  const struct xf_migrate_args *args, GError **err)
{
    struct xfw_perform_args wire = {
        .uri = (char *)args->uri,
        .flags = args->flags,
        .dname = optional(&args->dname),
        .resource = args->bandwidth,
    };

    if (!check_driven_here(args, err) ||
        !need(args->uri, "Perform", "a uri", err))
        return FALSE;
    xf_remote_fill_domain(&wire.dom, dom);
    fill_cookie(&wire.cookie, args->cookie_in);
    return xf_remote_call(conn, XFW_PROC_DOMAIN_MIGRATE_PERFORM,
                          XF_XDR(xfw_perform_args), &wire, NULL, NULL, err);
}

struct xf_domain_ref *
xf_remote_finish(struct xf_conn *conn, const struct xf_migrate_args *args,
                 GError **err)
{
    struct xfw_finish_args wire = {
        .dname = (char *)args->dname,
        .uri = (char *)args->uri,
        .flags = args->flags,
    };

    if (!need(args->dname, "Finish", "the domain's name", err) ||
        !need(args->uri, "Finish", "a uri", err))
        return NULL;
    fill_cookie(&wire.cookie, args->cookie_in);
    return call_finish(conn, XFW_PROC_DOMAIN_MIGRATE_FINISH,
                       XF_XDR(xfw_finish_args), &wire, err);
}

/* -- v2 ------------------------------------------------------------------ */

gboolean
xf_remote_prepare2(struct xf_conn *conn, const struct xf_migrate_args *args,
                   GBytes **cookie_out, char **uri_out, GError **err)
{
    struct xfw_prepare2_args wire = {
        .uri_in = optional(&args->uri),
        .flags = args->flags,
        .dname = optional(&args->dname),
        .resource = args->bandwidth,
        .dom_xml = (char *)args->xml,
    };

    *cookie_out = NULL;
    *uri_out = NULL;
    if (!need(args->xml, "Prepare", "the domain's XML", err))
        return FALSE;
    return call_prepare(conn, XFW_PROC_DOMAIN_MIGRATE_PREPARE2,
                        XF_XDR(xfw_prepare2_args), &wire, cookie_out, uri_out,
                        err);
}

static gboolean
read_head_bytes(int fd, void *data, gsize len, gint64 deadline, GError **err)
{
    for (gsize got = 0; got < len;) {
        struct pollfd waits = { .fd = fd, .events = POLLIN };
        gint64 left = deadline - g_get_monotonic_time();
        int ready = poll(&waits, 1, MAX(left, 0) / 1000);
        ssize_t r = ready > 0
                        ? recv(fd, (guint8 *)data + got, len - got, 0) : -1;

        if (ready == 0) {
            g_set_error_literal(err, XF_ERROR, XF_ERROR_TIMEOUT,
                                "the destination's stream does not begin");
            return FALSE;
        }
        if (r == 0) {
            g_set_error_literal(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                                "the destination's stream has ended before "
                                "it began");
            return FALSE;
        }
        if (r < 0 && errno != EINTR) {
            xf_error_set_errno(err, errno, "reading the destination's stream");
            return FALSE;
        }
        got += MAX(r, 0);
    }
    return TRUE;
}

/* The cookie that this Prepare's reply has no place for. */
static GBytes *
read_head(int fd, GError **err)
{
    gint64 deadline = g_get_monotonic_time() + HEAD_TIMEOUT;
    g_autofree guint8 *data = NULL;
    guint32 word;
    gsize len;

    if (!read_head_bytes(fd, &word, sizeof(word), deadline, err))
        return NULL;
    len = g_ntohl(word);
    if (!len || len > XFW_HEAD_COOKIE_MAX) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "the destination's stream begins with a cookie of %"
                    G_GSIZE_FORMAT " bytes", len);
        return NULL;
    }
    data = g_malloc(len);
    if (!read_head_bytes(fd, data, len, deadline, err))
        return NULL;
    return g_bytes_new_take(g_steal_pointer(&data), len);
}

gboolean
xf_remote_prepare_tunnel(struct xf_conn *conn,
                         const struct xf_migrate_args *args,
                         struct xf_tunnel *tunnel, GBytes **cookie_out,
                         GError **err)
{
    struct xfw_prepare_tunnel_args wire = {
        .flags = args->flags,
        .dname = optional(&args->dname),
        .resource = args->bandwidth,
        .dom_xml = (char *)args->xml,
    };
    int ends[2];

    *cookie_out = NULL;
    *tunnel = XF_TUNNEL_NONE;
    if (!need(args->xml, "Prepare", "the domain's XML", err) ||
        !open_pair(ends, err))
        return FALSE;

    XF_AUTO_FD int fd = ends[0];

    if (!xf_remote_call_stream(conn, XFW_PROC_DOMAIN_MIGRATE_PREPARE_TUNNEL,
                               XF_XDR(xfw_prepare_tunnel_args), &wire, NULL,
                               NULL, ends[1], err) ||
        !(*cookie_out = read_head(fd, err)))
        return FALSE;
    tunnel->fd = xf_steal_fd(&fd);
    tunnel->wire = xf_remote_dup(conn);
    return TRUE;
}

struct xf_domain_ref *
xf_remote_finish2(struct xf_conn *conn, const struct xf_migrate_args *args,
                  GError **err)
{
    struct xfw_finish2_args wire = {
        .dname = (char *)args->dname,
        .uri = (char *)args->uri,
        .flags = args->flags,
        .retcode = args->cancelled ? 1 : 0,
    };

    if (!need(args->dname, "Finish", "the domain's name", err) ||
        !need(args->uri, "Finish", "a uri", err))
        return NULL;
    fill_cookie(&wire.cookie, args->cookie_in);
    return call_finish(conn, XFW_PROC_DOMAIN_MIGRATE_FINISH2,
                       XF_XDR(xfw_finish2_args), &wire, err);
}

/* -- v3: begin ----------------------------------------------------------- */

static gboolean
begin3_plain(struct xf_conn *conn, const struct xf_domain_ref *dom,
             const struct xf_migrate_args *args, struct xfw_begin3_ret *ret,
             GError **err)
{
    struct xfw_begin3_args wire = {
        .xmlin = optional(&args->xml),
        .flags = args->flags,
        .dname = optional(&args->dname),
        .resource = args->bandwidth,
    };

    xf_remote_fill_domain(&wire.dom, dom);
    return xf_remote_call(conn, XFW_PROC_DOMAIN_MIGRATE_BEGIN3,
                          XF_XDR(xfw_begin3_args), &wire,
                          XF_XDR(xfw_begin3_ret), ret, err);
}

static gboolean
begin3_params(struct xf_conn *conn, const struct xf_domain_ref *dom,
              const struct xf_migrate_args *args, struct xfw_begin3_ret *ret,
              GError **err)
{
    XFW_AUTO(xfw_migrate_params) params = { 0 };
    struct xfw_begin3_params_args wire = { .flags = args->flags };

    xf_remote_fill_domain(&wire.dom, dom);
    xf_rpc_params_encode(args, &params);
    wire.params = params;
    return xf_remote_call(conn, XFW_PROC_DOMAIN_MIGRATE_BEGIN3_PARAMS,
                          XF_XDR(xfw_begin3_params_args), &wire,
                          XF_XDR(xfw_begin3_ret), ret, err);
}

char *
xf_remote_begin3(struct xf_conn *conn, const struct xf_domain_ref *dom,
                 const struct xf_migrate_args *args, GBytes **cookie_out,
                 GError **err)
{
    XFW_AUTO(xfw_begin3_ret) ret = { 0 };
    int has_params = typed(conn, args, err);

    *cookie_out = NULL;
    if (has_params < 0 ||
        !(has_params ? begin3_params : begin3_plain)(conn, dom, args, &ret,
                                                     err))
        return NULL;
    *cookie_out = take_cookie(&ret.cookie_out);
    return g_strdup(ret.xml);
}

/* -- v3: prepare --------------------------------------------------------- */

static gboolean
prepare3_plain(struct xf_conn *conn, const struct xf_migrate_args *args,
               GBytes **cookie_out, char **uri_out, GError **err)
{
    struct xfw_prepare3_args wire = {
        .uri_in = optional(&args->uri),
        .flags = args->flags,
        .dname = optional(&args->dname),
        .resource = args->bandwidth,
        .dom_xml = (char *)args->xml,
    };

    if (!need(args->xml, "Prepare", "the domain's XML", err))
        return FALSE;
    fill_cookie(&wire.cookie_in, args->cookie_in);
    return call_prepare(conn, XFW_PROC_DOMAIN_MIGRATE_PREPARE3,
                        XF_XDR(xfw_prepare3_args), &wire, cookie_out, uri_out,
                        err);
}

static gboolean
prepare3_params(struct xf_conn *conn, const struct xf_migrate_args *args,
                GBytes **cookie_out, char **uri_out, GError **err)
{
    XFW_AUTO(xfw_migrate_params) params = { 0 };
    struct xfw_prepare3_params_args wire = { .flags = args->flags };

    xf_rpc_params_encode(args, &params);
    wire.params = params;
    fill_cookie(&wire.cookie_in, args->cookie_in);
    return call_prepare(conn, XFW_PROC_DOMAIN_MIGRATE_PREPARE3_PARAMS,
                        XF_XDR(xfw_prepare3_params_args), &wire, cookie_out,
                        uri_out, err);
}

gboolean
xf_remote_prepare3(struct xf_conn *conn, const struct xf_migrate_args *args,
                   GBytes **cookie_out, char **uri_out, GError **err)
{
    int has_params = typed(conn, args, err);

    *cookie_out = NULL;
    *uri_out = NULL;
    if (has_params < 0)
        return FALSE;
    return (has_params ? prepare3_params : prepare3_plain)(
        conn, args, cookie_out, uri_out, err);
}

/* -- v3: prepare, with a stream ------------------------------------------ */

static gboolean
tunnel3_plain(struct xf_conn *conn, const struct xf_migrate_args *args,
              int fd, struct xfw_perform3_ret *ret, GError **err)
{
    XF_AUTO_FD int stream = fd;
    struct xfw_prepare_tunnel3_args wire = {
        .flags = args->flags,
        .dname = optional(&args->dname),
        .resource = args->bandwidth,
        .dom_xml = (char *)args->xml,
    };

    if (!need(args->xml, "Prepare", "the domain's XML", err))
        return FALSE;
    fill_cookie(&wire.cookie_in, args->cookie_in);
    return xf_remote_call_stream(
        conn, XFW_PROC_DOMAIN_MIGRATE_PREPARE_TUNNEL3,
        XF_XDR(xfw_prepare_tunnel3_args), &wire, XF_XDR(xfw_perform3_ret),
        ret, xf_steal_fd(&stream), err);
}

static gboolean
tunnel3_params(struct xf_conn *conn, const struct xf_migrate_args *args,
               int fd, struct xfw_perform3_ret *ret, GError **err)
{
    XFW_AUTO(xfw_migrate_params) params = { 0 };
    struct xfw_prepare3_params_args wire = { .flags = args->flags };

    xf_rpc_params_encode(args, &params);
    wire.params = params;
    fill_cookie(&wire.cookie_in, args->cookie_in);
    return xf_remote_call_stream(
        conn, XFW_PROC_DOMAIN_MIGRATE_PREPARE_TUNNEL3_PARAMS,
        XF_XDR(xfw_prepare3_params_args), &wire, XF_XDR(xfw_perform3_ret),
        ret, fd, err);
}

gboolean
xf_remote_prepare_tunnel3(struct xf_conn *conn,
                          const struct xf_migrate_args *args,
                          struct xf_tunnel *tunnel, GBytes **cookie_out,
                          GError **err)
{
    XFW_AUTO(xfw_perform3_ret) ret = { 0 };
    int has_params = typed(conn, args, err);
    int ends[2];

    *cookie_out = NULL;
    *tunnel = XF_TUNNEL_NONE;
    if (has_params < 0 || !open_pair(ends, err))
        return FALSE;

    XF_AUTO_FD int fd = ends[0];

    if (!(has_params ? tunnel3_params : tunnel3_plain)(conn, args, ends[1],
                                                       &ret, err))
        return FALSE;
    *cookie_out = take_cookie(&ret.cookie_out);
    tunnel->fd = xf_steal_fd(&fd);
    tunnel->wire = xf_remote_dup(conn);
    return TRUE;
}

/* -- v3: perform --------------------------------------------------------- */

static gboolean
perform3_plain(struct xf_conn *conn, const struct xf_domain_ref *dom,
               const struct xf_migrate_args *args,
               struct xfw_perform3_ret *ret, GError **err)
{
    struct xfw_perform3_args wire = {
        .xmlin = optional(&args->xml),
        .dconnuri = optional(&args->dconnuri),
        .uri = optional(&args->uri),
        .flags = args->flags,
        .dname = optional(&args->dname),
        .resource = args->bandwidth,
    };

    xf_remote_fill_domain(&wire.dom, dom);
    fill_cookie(&wire.cookie_in, args->cookie_in);
    return xf_remote_call(conn, XFW_PROC_DOMAIN_MIGRATE_PERFORM3,
                          XF_XDR(xfw_perform3_args), &wire,
                          XF_XDR(xfw_perform3_ret), ret, err);
}

static gboolean
perform3_params(struct xf_conn *conn, const struct xf_domain_ref *dom,
                const struct xf_migrate_args *args,
                struct xfw_perform3_ret *ret, GError **err)
{
    XFW_AUTO(xfw_migrate_params) params = { 0 };
    struct xfw_perform3_params_args wire = {
        .dconnuri = optional(&args->dconnuri),
        .flags = args->flags,
    };

    xf_remote_fill_domain(&wire.dom, dom);
    xf_rpc_params_encode(args, &params);
    wire.params = params;
    fill_cookie(&wire.cookie_in, args->cookie_in);
    return xf_remote_call(conn, XFW_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS,
                          XF_XDR(xfw_perform3_params_args), &wire,
                          XF_XDR(xfw_perform3_ret), ret, err);
}

gboolean
xf_remote_perform3(struct xf_conn *conn, const struct xf_domain_ref *dom,
                   const struct xf_migrate_args *args, GBytes **cookie_out,
                   GError **err)
{
    XFW_AUTO(xfw_perform3_ret) ret = { 0 };
    int has_params = typed(conn, args, err);

    *cookie_out = NULL;
    if (!check_driven_here(args, err) || has_params < 0 ||
        !(has_params ? perform3_params : perform3_plain)(conn, dom, args,
                                                         &ret, err))
        return FALSE;
    *cookie_out = take_cookie(&ret.cookie_out);
    return TRUE;
}

/* -- v3: finish ---------------------------------------------------------- */

static gboolean
finish3_plain(struct xf_conn *conn, const struct xf_migrate_args *args,
              struct xfw_finish3_ret *ret, GError **err)
{
    struct xfw_finish3_args wire = {
        .dname = (char *)args->dname,
        .dconnuri = optional(&args->dconnuri),
        .uri = optional(&args->uri),
        .flags = args->flags,
        .cancelled = args->cancelled ? 1 : 0,
    };

    if (!need(args->dname, "Finish", "the domain's name", err))
        return FALSE;
    fill_cookie(&wire.cookie_in, args->cookie_in);
    return xf_remote_call(conn, XFW_PROC_DOMAIN_MIGRATE_FINISH3,
                          XF_XDR(xfw_finish3_args), &wire,
                          XF_XDR(xfw_finish3_ret), ret, err);
}

static gboolean
finish3_params(struct xf_conn *conn, const struct xf_migrate_args *args,
               struct xfw_finish3_ret *ret, GError **err)
{
    XFW_AUTO(xfw_migrate_params) params = { 0 };
    struct xfw_finish3_params_args wire = {
        .flags = args->flags,
        .cancelled = args->cancelled ? 1 : 0,
    };

    xf_rpc_params_encode(args, &params);
    wire.params = params;
    fill_cookie(&wire.cookie_in, args->cookie_in);
    return xf_remote_call(conn, XFW_PROC_DOMAIN_MIGRATE_FINISH3_PARAMS,
                          XF_XDR(xfw_finish3_params_args), &wire,
                          XF_XDR(xfw_finish3_ret), ret, err);
}

struct xf_domain_ref *
xf_remote_finish3(struct xf_conn *conn, const struct xf_migrate_args *args,
                  GBytes **cookie_out, GError **err)
{
    XFW_AUTO(xfw_finish3_ret) ret = { 0 };
    int has_params = typed(conn, args, err);

    *cookie_out = NULL;
    if (has_params < 0 ||
        !(has_params ? finish3_params : finish3_plain)(conn, args, &ret, err))
        return NULL;
    *cookie_out = take_cookie(&ret.cookie_out);
    return xf_remote_take_domain(&ret.dom);
}

/* -- v3: confirm --------------------------------------------------------- */

static gboolean
confirm3_plain(struct xf_conn *conn, const struct xf_domain_ref *dom,
               const struct xf_migrate_args *args, GError **err)
{
    struct xfw_confirm3_args wire = {
        .flags = args->flags,
        .cancelled = args->cancelled ? 1 : 0,
    };

    xf_remote_fill_domain(&wire.dom, dom);
    fill_cookie(&wire.cookie_in, args->cookie_in);
    return xf_remote_call(conn, XFW_PROC_DOMAIN_MIGRATE_CONFIRM3,
                          XF_XDR(xfw_confirm3_args), &wire, NULL, NULL, err);
}

static gboolean
confirm3_params(struct xf_conn *conn, const struct xf_domain_ref *dom,
                const struct xf_migrate_args *args, GError **err)
{
    XFW_AUTO(xfw_migrate_params) params = { 0 };
    struct xfw_confirm3_params_args wire = {
        .flags = args->flags,
        .cancelled = args->cancelled ? 1 : 0,
    };

    xf_remote_fill_domain(&wire.dom, dom);
    xf_rpc_params_encode(args, &params);
    wire.params = params;
    fill_cookie(&wire.cookie_in, args->cookie_in);
    return xf_remote_call(conn, XFW_PROC_DOMAIN_MIGRATE_CONFIRM3_PARAMS,
                          XF_XDR(xfw_confirm3_params_args), &wire, NULL, NULL,
                          err);
}

gboolean
xf_remote_confirm3(struct xf_conn *conn, const struct xf_domain_ref *dom,
                   const struct xf_migrate_args *args, GError **err)
{
    int has_params = typed(conn, args, err);

    if (has_params < 0)
        return FALSE;
    return (has_params ? confirm3_params : confirm3_plain)(conn, dom, args,
                                                           err);
}
