/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One client.  Packets come in the main loop's thread and become jobs; a job
 * runs in a pool's thread (or at once, when its procedure is marked INLINE)
 * and ends with its reply on the link.
 */
#include "config.h"

#include "protocol/fault.h"
#include "protocol/rpc/link.h"
#include "protocol/rpc/session.h"
#include "protocol/rpc/stream.h"

#include <sys/socket.h>

/* The arguments of one client's calls under way, all together. */
#define CALL_BYTES_MAX (64 * 1024 * 1024)

/* A driver connection; a reference for the session, one for each call. */
struct opened {
    gint refs;
    struct xf_conn *conn;
    gboolean read_only;

    GMutex lock;
    gboolean listens;           /* the session's events do */
};

struct xf_rpc_session {
    gint refs;
    struct xf_rpc_session_env *env;
    struct xf_rpc_link *link;
    struct xf_rpc_events *events;
    gboolean local;

    GSource *open_timer;    /* main loop's thread only; NULL: opened once */

    GMutex lock;            /* guards the rest; taken before the link's */
    struct opened *opened;
    guint calls;
    gsize call_bytes;
    GHashTable *streams;    /* serial -> struct xf_rpc_stream; taken from it
                             * by the main loop's thread only */
    gsize stream_bytes;     /* that wait in them */
    gboolean gone;
};

/* One call; or, without a procedure, just the end of a connection. */
struct job {
    const struct xf_rpc_proc *proc;
    struct xf_rpc_session *session;
    struct opened *opened;
    struct xf_rpc_stream *stream;   /* that it has opened */
    struct xf_rpc_header header;
    GBytes *packet;
};

static void
opened_unref(struct opened *opened)
{
    if (!opened || !g_atomic_int_dec_and_test(&opened->refs))
        return;
    xf_conn_close(opened->conn);
    g_mutex_clear(&opened->lock);
    g_free(opened);
}

static struct xf_rpc_session *
session_ref(struct xf_rpc_session *s)
{
    g_atomic_int_inc(&s->refs);
    return s;
}

void
xf_rpc_session_unref(struct xf_rpc_session *s)
{
    if (!g_atomic_int_dec_and_test(&s->refs))
        return;
    xf_rpc_events_unref(s->events);
    g_hash_table_unref(s->streams);
    xf_rpc_link_unref(s->link);
    g_mutex_clear(&s->lock);
    g_free(s);
}

/* -- calls --------------------------------------------------------------- */

/* Under the lock.  Has this client as much under way as it may? */
static void
update_reading(struct xf_rpc_session *s)
{
    xf_rpc_link_set_reading(s->link,
                            s->calls < s->env->config.max_calls
                                && s->call_bytes < CALL_BYTES_MAX
                                && s->stream_bytes < XF_RPC_STREAM_IN_MAX);
}

static struct job *
job_new(struct xf_rpc_session *s, const struct xf_rpc_proc *proc,
        const struct xf_rpc_header *header, GBytes *packet)
{
    struct job *job = g_new0(struct job, 1);

    job->proc = proc;
    job->session = session_ref(s);
    job->header = *header;
    job->packet = g_bytes_ref(packet);
    g_mutex_lock(&s->lock);
    if (s->opened) {
        job->opened = s->opened;
        g_atomic_int_inc(&job->opened->refs);
    }
    s->calls++;
    s->call_bytes += g_bytes_get_size(packet);
    update_reading(s);
    g_mutex_unlock(&s->lock);
    return job;
}

/* FALSE: the client has gone meanwhile, nobody wants this call any more. */
static gboolean
is_wanted(struct job *job)
{
    g_mutex_lock(&job->session->lock);

    gboolean wanted = !job->session->gone;

    g_mutex_unlock(&job->session->lock);
    return wanted;
}

static void
end_call(struct job *job)
{
    struct xf_rpc_session *s = job->session;

    g_mutex_lock(&s->lock);
    s->calls--;
    s->call_bytes -= g_bytes_get_size(job->packet);
    update_reading(s);
    g_mutex_unlock(&s->lock);
    g_bytes_unref(job->packet);
    xf_rpc_session_unref(s);
}

static GBytes *
run_call(struct job *job)
{
    struct xf_rpc_call call = {
        .session = job->session,
        .conn = job->opened ? job->opened->conn : NULL,
        .opened = job->opened,
        .read_only = job->opened && job->opened->read_only,
        .protocols = job->session->env->config.protocols,
        .header = &job->header,
    };
    GBytes *reply = xf_rpc_dispatch(job->proc, &call, &job->header,
                                    job->packet);

    job->stream = call.stream;
    return reply;
}

void
xf_rpc_session_run(gpointer data, gpointer unused)
{
    struct job *job = data;
    GBytes *reply = NULL;

    if (job->proc && XF_FAULT_LOST("call", job->proc->name))
        xf_rpc_link_close(job->session->link);
    if (job->proc && is_wanted(job))
        reply = run_call(job);
    opened_unref(job->opened);
    if (job->proc && XF_FAULT_LOST("reply", job->proc->name))
        xf_rpc_link_close(job->session->link);
    if (reply)
        xf_rpc_link_send(job->session->link, reply);
    if (job->stream) {
        xf_rpc_stream_start(job->stream);
        xf_rpc_stream_unref(job->stream);
    }
    if (job->proc)
        end_call(job);
    g_free(job);
}

static void
start_call(struct xf_rpc_session *s, const struct xf_rpc_proc *proc,
           const struct xf_rpc_header *header, GBytes *packet)
{
    struct job *job = job_new(s, proc, header, packet);

    if (proc->flags & XF_RPC_INLINE)
        xf_rpc_session_run(job, NULL);
    else if (proc->flags & XF_RPC_SLOW)
        g_thread_pool_push(s->env->slow, job, NULL);
    else
        g_thread_pool_push(s->env->quick, job, NULL);
}

/* -- streams ------------------------------------------------------------- */

static void
on_stream_waiting(void *user, gssize change)
{
    struct xf_rpc_session *s = user;

    g_mutex_lock(&s->lock);
    s->stream_bytes += change;
    update_reading(s);
    g_mutex_unlock(&s->lock);
}

static void
on_stream_ended(void *user, struct xf_rpc_stream *stream)
{
    struct xf_rpc_session *s = user;

    g_mutex_lock(&s->lock);
    g_hash_table_remove(s->streams,
                        GUINT_TO_POINTER(xf_rpc_stream_serial(stream)));
    g_mutex_unlock(&s->lock);
}

static const struct xf_rpc_stream_ops stream_ops = {
    .server = TRUE,
    .waiting = on_stream_waiting,
    .ended = on_stream_ended,
};

/* A client cannot be stopped from sending by the time it hears of a stream's
 * end: what is for none is for nobody. */
static void
stream_packet(struct xf_rpc_session *s, const struct xf_rpc_header *header,
              GBytes *packet)
{
    g_mutex_lock(&s->lock);

    struct xf_rpc_stream *stream = g_hash_table_lookup(
        s->streams, GUINT_TO_POINTER(header->serial));

    g_mutex_unlock(&s->lock);
    if (stream && xf_rpc_stream_is(stream, header))
        xf_rpc_stream_packet(stream, header, packet);
    else
        g_debug("packet of type %u passed over", header->type);
}

static void
end_streams(struct xf_rpc_session *s)
{
    g_autoptr(GHashTable) streams = NULL;
    GHashTableIter iter;
    gpointer value;

    g_mutex_lock(&s->lock);
    s->gone = TRUE;             /* none is added any more */
    streams = g_hash_table_ref(s->streams);
    g_mutex_unlock(&s->lock);
    g_hash_table_iter_init(&iter, streams);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        xf_rpc_stream_end(value);
}

/* -- the link ------------------------------------------------------------ */

static void
stop_open_timer(struct xf_rpc_session *s)
{
    if (!s->open_timer)
        return;
    g_source_destroy(s->open_timer);
    g_source_unref(s->open_timer);
    s->open_timer = NULL;
}

static gboolean
on_open_timeout(gpointer data)
{
    struct xf_rpc_session *s = data;

    g_message("a client connected and did not open: dropped");
    xf_rpc_link_close(s->link);
    return G_SOURCE_REMOVE;
}

static void
start_open_timer(struct xf_rpc_session *s)
{
    if (!s->env->config.open_timeout_ms)
        return;
    s->open_timer = g_timeout_source_new(s->env->config.open_timeout_ms);
    g_source_set_callback(s->open_timer, on_open_timeout, s, NULL);
    g_source_attach(s->open_timer, s->env->context);
}

static void
on_packet(void *user, const struct xf_rpc_header *header, GBytes *packet)
{
    struct xf_rpc_session *s = user;
    const struct xf_rpc_proc *proc;
    g_autoptr(GError) why = NULL;

    /* Streams and messages of programs we do not have want no answer. */
    if (header->type == XFW_STREAM) {
        stream_packet(s, header, packet);
        return;
    }
    if (header->type != XFW_CALL && header->type != XFW_CALL_WITH_FDS) {
        g_debug("packet of type %u passed over", header->type);
        return;
    }
    proc = xf_rpc_find_proc(header, &why);
    if (proc)
        start_call(s, proc, header, packet);
    else
        xf_rpc_link_send(s->link,
                         xf_rpc_error_packet(header, why, XFW_FROM_RPC));
}

/* The session has no driver connection any more.  `calls` are those under
 * way that do not count. */
static struct opened *
take_opened(struct xf_rpc_session *s, guint calls)
{
    struct opened *opened;
    gboolean others;

    g_mutex_lock(&s->lock);
    opened = g_steal_pointer(&s->opened);
    others = s->calls > calls;
    g_mutex_unlock(&s->lock);
    if (opened && others && opened->conn->driver->client_gone)
        opened->conn->driver->client_gone(opened->conn);
    return opened;
}

static void
on_closed(void *user, const GError *why)
{
    struct xf_rpc_session *s = user;
    struct opened *opened;

    g_debug("client: %s", why->message);
    stop_open_timer(s);
    end_streams(s);
    opened = take_opened(s, 0);
    if (opened) {
        /* closing may cancel handoffs: not in the main loop */
        struct job *job = g_new0(struct job, 1);

        job->opened = opened;
        g_thread_pool_push(s->env->slow, job, NULL);
    }
    s->env->closed(s->env->user, s);
}

static const struct xf_rpc_link_ops link_ops = {
    .answers = TRUE,
    .packet = on_packet,
    .closed = on_closed,
};

static gboolean
is_unix_socket(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);

    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
           address.ss_family == AF_UNIX;
}

struct xf_rpc_session *
xf_rpc_session_new(struct xf_rpc_session_env *env, int fd)
{
    struct xf_rpc_session *s = g_new0(struct xf_rpc_session, 1);

    s->refs = 1;
    s->env = env;
    s->local = is_unix_socket(fd);
    s->streams = g_hash_table_new_full(
        NULL, NULL, NULL, (GDestroyNotify)xf_rpc_stream_unref);
    g_mutex_init(&s->lock);
    s->link = xf_rpc_link_new(fd, env->context, &link_ops, s);
    s->events = xf_rpc_events_new(s->link);
    start_open_timer(s);
    return s;
}

void
xf_rpc_session_drop(struct xf_rpc_session *s)
{
    xf_rpc_link_close_now(s->link);
}

/* -- for handlers -------------------------------------------------------- */

static gboolean
is_open(struct xf_rpc_session *s)
{
    g_mutex_lock(&s->lock);

    gboolean yes = s->opened != NULL;

    g_mutex_unlock(&s->lock);
    return yes;
}

/* Only the main loop's thread opens, so nobody opens between the question
 * and the act. */
gboolean
xf_rpc_session_open(struct xf_rpc_session *s, gboolean read_only,
                    GError **err)
{
    struct opened *opened;
    struct xf_conn *conn;

    if (is_open(s)) {
        g_set_error_literal(err, XF_ERROR, XF_ERROR_INTERNAL,
                            "the connection is open already");
        return FALSE;
    }
    conn = s->env->backend.open(s->env->backend.user, err);
    if (!conn)
        return FALSE;
    stop_open_timer(s);
    opened = g_new0(struct opened, 1);
    opened->refs = 1;
    opened->conn = conn;
    opened->read_only = read_only;
    g_mutex_init(&opened->lock);
    g_mutex_lock(&s->lock);
    s->opened = opened;
    g_mutex_unlock(&s->lock);
    return TRUE;
}

void
xf_rpc_session_close_conn(struct xf_rpc_session *s)
{
    opened_unref(take_opened(s, 1));
}

void
xf_rpc_session_keepalive(struct xf_rpc_session *s)
{
    xf_rpc_link_set_keepalive(s->link, s->env->config.keepalive_interval_ms,
                              s->env->config.keepalive_count);
}

struct xf_rpc_events *
xf_rpc_session_events(struct xf_rpc_call *call, GError **err)
{
    struct xf_rpc_session *s = call->session;
    struct opened *opened = call->opened;

    g_mutex_lock(&opened->lock);
    if (!opened->listens) {
        struct xf_rpc_events *events = xf_rpc_events_ref(s->events);

        opened->listens = opened->conn->driver->listen(
            opened->conn, xf_rpc_events_notice, events,
            (GDestroyNotify)xf_rpc_events_unref, err);
        if (!opened->listens)
            xf_rpc_events_unref(events);
    }

    gboolean listens = opened->listens;

    g_mutex_unlock(&opened->lock);
    return listens ? s->events : NULL;
}

/* A serial that is used twice is the client's own misfortune. */
gboolean
xf_rpc_session_stream(struct xf_rpc_call *call, int fd, GError **err)
{
    struct xf_rpc_session *s = call->session;
    XF_AUTO(xf_rpc_stream) *stream = xf_rpc_stream_new(
        s->link, s->env->context, call->header, fd, &stream_ops, s);
    gpointer key = GUINT_TO_POINTER(call->header->serial);

    g_mutex_lock(&s->lock);

    gboolean ok = !s->gone && !g_hash_table_contains(s->streams, key);

    if (ok)
        g_hash_table_insert(s->streams, key, xf_rpc_stream_ref(stream));
    g_mutex_unlock(&s->lock);
    if (ok)
        call->stream = g_steal_pointer(&stream);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "no stream can be opened: the client has gone, or has "
                    "one under the same serial");
    return ok;
}

gboolean
xf_rpc_session_is_local(struct xf_rpc_session *s)
{
    return s->local;
}
