/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection to a remote host.  A thread of its own runs the link; callers
 * put their packet on it and sleep until their serial comes back.
 */
#include "config.h"

#include "protocol/rpc/link.h"
#include "protocol/rpc/remote.h"
#include "protocol/rpc/stream.h"
#include "protocol/rpc/uri.h"

#define NO_DEADLINE G_MAXINT64

/* How long close() waits for the peer to take leave. */
#define CLOSE_TIMEOUT (2 * G_TIME_SPAN_SECOND)

#define OPEN_NAME "xen:///system"

struct pending {
    guint32 prog;
    int proc;
    GCond done;
    struct xf_rpc_header header;    /* of the reply */
    GBytes *reply;
    int fd;                         /* that its stream leads to; -1: none */
    struct xf_rpc_stream *stream;
};

struct remote {
    struct xf_conn base;
    char *peer;                 /* for error texts */
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    struct xf_rpc_link *link;

    /* the link's thread only */
    GHashTable *streams;        /* serial -> struct xf_rpc_stream */
    gsize stream_bytes;         /* that wait in them */

    GMutex lock;                /* guards the rest */
    GHashTable *calls;          /* serial -> struct pending, on its stack */
    guint32 serial;
    GError *down;               /* why the link is down, or NULL */

    GMutex params_lock;         /* guards has_params, held while asking */
    int has_params;             /* -1: not asked yet */
};

/* -- in the link's thread ------------------------------------------------ */

static void
on_stream_waiting(void *user, gssize change)
{
    struct remote *r = user;

    r->stream_bytes += change;
    xf_rpc_link_set_reading(r->link, r->stream_bytes < XF_RPC_STREAM_IN_MAX);
}

static void
on_stream_ended(void *user, struct xf_rpc_stream *stream)
{
    struct remote *r = user;

    g_hash_table_remove(r->streams,
                        GUINT_TO_POINTER(xf_rpc_stream_serial(stream)));
}

static const struct xf_rpc_stream_ops stream_ops = {
    .waiting = on_stream_waiting,
    .ended = on_stream_ended,
};

/* One that has ended here has ended for good: what the peer had sent by then
 * is for nobody. */
static void
stream_packet(struct remote *r, const struct xf_rpc_header *header,
              GBytes *packet)
{
    struct xf_rpc_stream *stream = g_hash_table_lookup(
        r->streams, GUINT_TO_POINTER(header->serial));

    if (stream && xf_rpc_stream_is(stream, header))
        xf_rpc_stream_packet(stream, header, packet);
}

static void
end_streams(struct remote *r)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, r->streams);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        xf_rpc_stream_end(value);
    g_hash_table_remove_all(r->streams);
}

/* From here on the peer may send. */
static void
open_stream(struct remote *r, struct xf_rpc_stream *stream)
{
    g_hash_table_insert(r->streams,
                        GUINT_TO_POINTER(xf_rpc_stream_serial(stream)),
                        xf_rpc_stream_ref(stream));
    xf_rpc_stream_start(stream);
}

static gboolean
take_reply(struct remote *r, const struct xf_rpc_header *header,
           GBytes *packet)
{
    struct pending *p = g_hash_table_lookup(r->calls,
                                            GUINT_TO_POINTER(header->serial));

    if (!p || p->reply || header->proc != p->proc ||
        header->prog != p->prog || header->vers != XFW_VERSION)
        return FALSE;
    p->header = *header;
    p->reply = g_bytes_ref(packet);
    if (p->stream && header->status == XFW_OK)
        open_stream(r, p->stream);
    g_cond_signal(&p->done);
    return TRUE;
}

static void
on_packet(void *user, const struct xf_rpc_header *header, GBytes *packet)
{
    struct remote *r = user;
    gboolean ok;

    if (header->type == XFW_MESSAGE)
        return;     /* an event: we never ask for any */
    if (header->type == XFW_STREAM) {
        stream_packet(r, header, packet);
        return;
    }
    g_mutex_lock(&r->lock);
    ok = header->type == XFW_REPLY && take_reply(r, header, packet);
    g_mutex_unlock(&r->lock);
    if (!ok) {
        g_warning("%s: a packet that answers no call (type %u, procedure %d, "
                  "serial %u): closing the connection", r->peer,
                  header->type, header->proc, header->serial);
        xf_rpc_link_close(r->link);
    }
}

static void
on_closed(void *user, const GError *why)
{
    struct remote *r = user;
    GHashTableIter iter;
    gpointer value;

    end_streams(r);
    g_mutex_lock(&r->lock);
    r->down = g_error_copy(why);
    g_hash_table_iter_init(&iter, r->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_cond_signal(&((struct pending *)value)->done);
    g_mutex_unlock(&r->lock);
    g_main_loop_quit(r->loop);
}

static const struct xf_rpc_link_ops link_ops = {
    .packet = on_packet,
    .closed = on_closed,
};

static gpointer
run_loop(gpointer data)
{
    struct remote *r = data;

    g_main_context_push_thread_default(r->context);
    g_main_loop_run(r->loop);
    g_main_context_pop_thread_default(r->context);
    return NULL;
}

/* -- calls --------------------------------------------------------------- */

/* Under the lock.  A serial in use is passed over: a call of days may still
 * wait when the counter comes round. */
static guint32
add_pending(struct remote *r, struct pending *p)
{
    guint32 serial;

    do {
        serial = r->serial++;
    } while (g_hash_table_contains(r->calls, GUINT_TO_POINTER(serial)));
    g_hash_table_insert(r->calls, GUINT_TO_POINTER(serial), p);
    return serial;
}

/* Under the lock. */
static gboolean
wait_reply(struct remote *r, struct pending *p, gint64 deadline, GError **err)
{
    while (!p->reply && !r->down) {
        if (deadline == NO_DEADLINE) {
            g_cond_wait(&p->done, &r->lock);
        } else if (!g_cond_wait_until(&p->done, &r->lock, deadline)) {
            g_set_error(err, XF_ERROR, XF_ERROR_TIMEOUT,
                        "%s did not answer in time", r->peer);
            return FALSE;
        }
    }
    if (p->reply)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT, "%s: %s", r->peer,
                r->down->message);
    return FALSE;
}

static gboolean
exchange(struct remote *r, struct pending *p, xdrproc_t filter, void *args,
         gint64 deadline, GError **err)
{
    struct xf_rpc_header call = {
        .prog = p->prog,
        .vers = XFW_VERSION,
        .proc = p->proc,
        .type = XFW_CALL,
        .status = XFW_OK,
    };
    GBytes *packet;
    gboolean ok = FALSE;

    g_mutex_lock(&r->lock);
    call.serial = add_pending(r, p);
    if (p->fd >= 0)
        p->stream = xf_rpc_stream_new(r->link, r->context, &call,
                                      xf_steal_fd(&p->fd), &stream_ops, r);
    g_mutex_unlock(&r->lock);

    packet = xf_rpc_packet_new(&call, filter, args, err);
    if (packet)
        xf_rpc_link_send(r->link, packet);

    g_mutex_lock(&r->lock);
    if (packet)
        ok = wait_reply(r, p, deadline, err);
    g_hash_table_remove(r->calls, GUINT_TO_POINTER(call.serial));
    g_mutex_unlock(&r->lock);
    return ok;
}

static gboolean
read_reply(struct remote *r, struct pending *p, xdrproc_t filter, void *ret,
           GError **err)
{
    if (p->header.status == XFW_ERROR) {
        xf_rpc_error_decode(p->reply, err);
        return FALSE;
    }
    if (p->header.status != XFW_OK) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "%s: reply with unknown status %u", r->peer,
                    p->header.status);
        return FALSE;
    }
    if (filter && !xf_rpc_body_decode(p->reply, filter, ret, err)) {
        g_prefix_error(err, "%s: reply to procedure %d: ", r->peer, p->proc);
        return FALSE;
    }
    return TRUE;
}

static gboolean
call_pending(struct remote *r, struct pending *p, xdrproc_t args_filter,
             void *args, xdrproc_t ret_filter, void *ret, gint64 deadline,
             GError **err)
{
    gboolean ok;

    g_cond_init(&p->done);
    ok = exchange(r, p, args_filter, args, deadline, err) &&
         read_reply(r, p, ret_filter, ret, err);
    g_clear_pointer(&p->reply, g_bytes_unref);
    g_clear_pointer(&p->stream, xf_rpc_stream_unref);
    g_cond_clear(&p->done);
    return ok;
}

static gboolean
call_until(struct remote *r, enum xfw_proc proc, xdrproc_t args_filter,
           void *args, xdrproc_t ret_filter, void *ret, gint64 deadline,
           GError **err)
{
    struct pending p = { .prog = XFW_PROGRAM, .proc = proc, .fd = -1 };

    return call_pending(r, &p, args_filter, args, ret_filter, ret, deadline,
                        err);
}

gboolean
xf_remote_admin(struct xf_conn *conn, enum xfw_admin_proc proc,
                xdrproc_t args_filter, void *args, xdrproc_t ret_filter,
                void *ret, GError **err)
{
    struct pending p = { .prog = XFW_ADMIN_PROGRAM, .proc = proc, .fd = -1 };

    return call_pending((struct remote *)conn, &p, args_filter, args,
                        ret_filter, ret, NO_DEADLINE, err);
}

gboolean
xf_remote_call_stream(struct xf_conn *conn, enum xfw_proc proc,
                      xdrproc_t args_filter, void *args,
                      xdrproc_t ret_filter, void *ret, int fd, GError **err)
{
    struct pending p = { .prog = XFW_PROGRAM, .proc = proc, .fd = fd };

    return call_pending((struct remote *)conn, &p, args_filter, args,
                        ret_filter, ret, NO_DEADLINE, err);
}

int
xf_remote_dup(struct xf_conn *conn)
{
    return xf_rpc_link_dup(((struct remote *)conn)->link);
}

gboolean
xf_remote_call(struct xf_conn *conn, enum xfw_proc proc,
               xdrproc_t args_filter, void *args, xdrproc_t ret_filter,
               void *ret, GError **err)
{
    return call_until((struct remote *)conn, proc, args_filter, args,
                      ret_filter, ret, NO_DEADLINE, err);
}

/* -- opening and closing ------------------------------------------------- */

struct xf_conn *
xf_remote_new(int fd, const char *peer)
{
    struct remote *r = g_new0(struct remote, 1);

    r->base.driver = &xf_remote_driver;
    r->peer = g_strdup(peer);
    r->has_params = -1;
    r->calls = g_hash_table_new(NULL, NULL);
    r->streams = g_hash_table_new_full(
        NULL, NULL, NULL, (GDestroyNotify)xf_rpc_stream_unref);
    g_mutex_init(&r->lock);
    g_mutex_init(&r->params_lock);
    r->context = g_main_context_new();
    r->loop = g_main_loop_new(r->context, FALSE);
    r->link = xf_rpc_link_new(fd, r->context, &link_ops, r);
    r->thread = g_thread_new("rpc-client", run_loop, r);
    return &r->base;
}

static void
remote_free(struct remote *r)
{
    xf_rpc_link_close(r->link);
    g_thread_join(r->thread);
    xf_rpc_link_unref(r->link);
    g_main_loop_unref(r->loop);
    g_main_context_unref(r->context);
    g_hash_table_unref(r->calls);
    g_hash_table_unref(r->streams);
    g_clear_error(&r->down);
    g_mutex_clear(&r->lock);
    g_mutex_clear(&r->params_lock);
    g_free(r->peer);
    g_free(r);
}

void
xf_remote_close(struct xf_conn *conn)
{
    struct remote *r = (struct remote *)conn;
    g_autoptr(GError) err = NULL;

    if (!call_until(r, XFW_PROC_CONNECT_CLOSE, NULL, NULL, NULL, NULL,
                    g_get_monotonic_time() + CLOSE_TIMEOUT, &err))
        g_debug("close: %s", err->message);
    remote_free(r);
}

void
xf_remote_client_gone(struct xf_conn *conn)
{
    xf_rpc_link_close(((struct remote *)conn)->link);
}

static gboolean
check_auth(struct remote *r, gint64 deadline, GError **err)
{
    XFW_AUTO(xfw_auth_list_ret) ret = { 0 };
    g_autoptr(GError) why = NULL;

    if (!call_until(r, XFW_PROC_AUTH_LIST, NULL, NULL,
                    XF_XDR(xfw_auth_list_ret), &ret, deadline, &why)) {
        if (g_error_matches(why, XF_ERROR, XF_ERROR_NO_SUPPORT))
            return TRUE;    /* a server without authentication */
        g_propagate_error(err, g_steal_pointer(&why));
        return FALSE;
    }
    for (guint i = 0; i < ret.types.types_len; i++)
        if (ret.types.types_val[i] == XFW_AUTH_NONE)
            return TRUE;
    if (ret.types.types_len == 0)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_DENIED,
                "%s asks for authentication (kind %d), which is not supported "
                "here", r->peer, ret.types.types_val[0]);
    return FALSE;
}

static int
ask_feature(struct remote *r, int feature, gint64 deadline, GError **err)
{
    struct xfw_int args = { .value = feature }, ret = { 0 };

    if (!call_until(r, XFW_PROC_CONNECT_SUPPORTS_FEATURE, XF_XDR(xfw_int),
                    &args, XF_XDR(xfw_int), &ret, deadline, err))
        return -1;
    return ret.value != 0;
}

static gboolean
open_conn(struct remote *r, gint64 deadline, GError **err)
{
    char *name = (char *)OPEN_NAME;
    struct xfw_open_args args = { .name = &name };

    return call_until(r, XFW_PROC_CONNECT_OPEN, XF_XDR(xfw_open_args), &args,
                      NULL, NULL, deadline, err);
}

gboolean
xf_remote_start(struct xf_conn *conn, const struct xf_remote_config *config,
                gint64 deadline, GError **err)
{
    struct remote *r = (struct remote *)conn;
    g_autoptr(GError) no_keepalive = NULL;

    if (!check_auth(r, deadline, err))
        return FALSE;
    if (ask_feature(r, XF_FEATURE_KEEPALIVE, deadline, &no_keepalive) == 1)
        xf_rpc_link_set_keepalive(r->link, config->keepalive_interval_ms,
                                  config->keepalive_count);
    return open_conn(r, deadline, err);
}

int
xf_remote_has_params(struct xf_conn *conn, GError **err)
{
    struct remote *r = (struct remote *)conn;
    g_autoptr(GError) why = NULL;
    int has;

    g_mutex_lock(&r->params_lock);
    if (r->has_params < 0) {
        r->has_params = ask_feature(r, XF_FEATURE_MIGRATION_PARAMS,
                                    NO_DEADLINE, &why);
        if (g_error_matches(why, XF_ERROR, XF_ERROR_NO_SUPPORT))
            r->has_params = 0;
    }
    has = r->has_params;
    g_mutex_unlock(&r->params_lock);
    if (has < 0)
        g_propagate_error(err, g_steal_pointer(&why));
    return has;
}

void
xf_remote_config_init(struct xf_remote_config *config)
{
    *config = (struct xf_remote_config){
        .open_timeout_ms = 10000,
        .keepalive_interval_ms = 5000,
        .keepalive_count = 5,
    };
}

static struct xf_conn *
open_until(int fd, const char *peer, const struct xf_remote_config *config,
           gint64 deadline, GError **err)
{
    struct xf_conn *conn = xf_remote_new(fd, peer);

    if (xf_remote_start(conn, config, deadline, err))
        return conn;
    remote_free((struct remote *)conn);
    return NULL;
}

static gint64
open_deadline(const struct xf_remote_config *config)
{
    return g_get_monotonic_time() +
           config->open_timeout_ms * G_TIME_SPAN_MILLISECOND;
}

struct xf_conn *
xf_remote_open_fd(int fd, const char *peer,
                  const struct xf_remote_config *config, GError **err)
{
    struct xf_remote_config defaults;

    xf_remote_config_init(&defaults);
    if (!config)
        config = &defaults;
    return open_until(fd, peer, config, open_deadline(config), err);
}

struct xf_conn *
xf_remote_open_config(const char *uri, const struct xf_remote_config *config,
                      GError **err)
{
    XF_AUTO(xf_rpc_uri) *where = xf_rpc_uri_parse(uri, err);
    struct xf_remote_config defaults;
    gint64 deadline;
    int fd;

    if (!where)
        return NULL;
    xf_remote_config_init(&defaults);
    if (!config)
        config = &defaults;
    deadline = open_deadline(config);
    fd = xf_rpc_uri_connect(where, deadline, err);
    if (fd < 0)
        return NULL;
    return open_until(fd, uri, config, deadline, err);
}

struct xf_conn *
xf_remote_open(const char *uri, GError **err)
{
    return xf_remote_open_config(uri, NULL, err);
}
