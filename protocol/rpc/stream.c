/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One GSource per stream.  It waits for the socket alone; packets come from
 * the link in the same thread.  A packet of ours, which the link frees when
 * it has been written, wakes the source if that waits for it.
 */
#include "config.h"

#include "protocol/fault.h"
#include "protocol/rpc/stream.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>

/* Of a packet, as libvirt has it. */
#define CHUNK (64 * 1024)
/* Packets on their way out. */
#define OUT_MAX 4

struct stream_source {
    GSource source;
    struct xf_rpc_stream *stream;
};

struct xf_rpc_stream {
    gint refs;
    struct xf_rpc_link *link;
    const struct xf_rpc_stream_ops *ops;
    void *user;
    struct xf_rpc_header call;
    GSource *source;
    GBytes *head;               /* that is still to go out; NULL: none */
    gint started;               /* atomic */
    gint on_the_way;            /* atomic: packets that the link still has */

    /* context's thread only */
    int fd;                     /* -1: it has ended */
    gpointer tag;               /* of fd in the source; NULL: not watched */
    GIOCondition watched;
    GQueue in;                  /* GBytes: packets */
    gsize offset;               /* of the first one's bytes written */
    gboolean deaf;              /* nobody reads what is written to fd */
    gboolean peer_ended;
};

/* A packet of ours, with its memory. */
struct out {
    struct xf_rpc_stream *stream;
    guint8 data[];
};

struct xf_rpc_stream *
xf_rpc_stream_ref(struct xf_rpc_stream *stream)
{
    g_atomic_int_inc(&stream->refs);
    return stream;
}

void
xf_rpc_stream_unref(struct xf_rpc_stream *stream)
{
    if (!g_atomic_int_dec_and_test(&stream->refs))
        return;
    g_source_destroy(stream->source);
    g_source_unref(stream->source);
    xf_close_fd(&stream->fd);
    g_queue_clear_full(&stream->in, (GDestroyNotify)g_bytes_unref);
    g_bytes_unref(stream->head);
    xf_rpc_link_unref(stream->link);
    g_free(stream);
}

guint32
xf_rpc_stream_serial(const struct xf_rpc_stream *stream)
{
    return stream->call.serial;
}

gboolean
xf_rpc_stream_is(const struct xf_rpc_stream *stream,
                 const struct xf_rpc_header *header)
{
    return header->type == XFW_STREAM && header->prog == stream->call.prog
           && header->vers == stream->call.vers
           && header->proc == stream->call.proc
           && header->serial == stream->call.serial;
}

/* -- the end -- */

static void
drop_in(struct xf_rpc_stream *stream)
{
    gssize had = 0;

    for (GBytes *packet; (packet = g_queue_pop_head(&stream->in));) {
        had += g_bytes_get_size(packet);
        g_bytes_unref(packet);
    }
    stream->offset = 0;
    if (had && stream->fd >= 0)
        stream->ops->waiting(stream->user, -had);
}

void
xf_rpc_stream_end(struct xf_rpc_stream *stream)
{
    g_source_destroy(stream->source);
    xf_close_fd(&stream->fd);
    drop_in(stream);
}

static struct xf_rpc_header
header_of(const struct xf_rpc_stream *stream, enum xfw_status status)
{
    struct xf_rpc_header header = stream->call;

    header.type = XFW_STREAM;
    header.status = status;
    return header;
}

static void
finish(struct xf_rpc_stream *stream)
{
    drop_in(stream);
    xf_rpc_stream_end(stream);
    stream->ops->ended(stream->user, stream);
}

/* Who had the socket's other end has closed it. */
static void
end_here(struct xf_rpc_stream *stream)
{
    g_autoptr(GError) why = g_error_new_literal(
        XF_ERROR, XF_ERROR_OPERATION_FAILED,
        "the stream was closed at the other end");
    struct xf_rpc_header header = header_of(stream, XFW_OK);

    if (!stream->peer_ended)
        xf_rpc_link_send(stream->link,
                         stream->ops->server
                             ? xf_rpc_stream_error_packet(&header, why,
                                                          XFW_FROM_STREAMS)
                             : xf_rpc_packet_new(&header, NULL, NULL, NULL));
    finish(stream);
}

/* All that came before has been written. */
static void
end_there(struct xf_rpc_stream *stream)
{
    struct xf_rpc_header header = header_of(stream, XFW_OK);

    if (stream->ops->server)
        xf_rpc_link_send(stream->link,
                         xf_rpc_packet_new(&header, NULL, NULL, NULL));
    finish(stream);
}

/* -- out -- */

static void
out_free(gpointer data)
{
    struct out *out = data;
    struct xf_rpc_stream *stream = out->stream;

    if (g_atomic_int_add(&stream->on_the_way, -1) == OUT_MAX)
        g_source_set_ready_time(stream->source, 0);
    g_free(out);
    xf_rpc_stream_unref(stream);
}

static void
send_data(struct xf_rpc_stream *stream, struct out *out, gsize len)
{
    struct xf_rpc_header header = header_of(stream, XFW_CONTINUE);
    gsize whole = XFW_PACKET_MIN + len;

    if (XF_FAULT_FAILS("tunnel-packet", NULL))
        xf_rpc_link_close(stream->link);

    xf_rpc_header_encode(&header, whole, out->data);
    out->stream = xf_rpc_stream_ref(stream);
    g_atomic_int_inc(&stream->on_the_way);
    xf_rpc_link_send(stream->link,
                     g_bytes_new_with_free_func(out->data, whole, out_free,
                                                out));
}

static gboolean
has_room(struct xf_rpc_stream *stream)
{
    return g_atomic_int_get(&stream->on_the_way) < OUT_MAX;
}

/* FALSE: nothing more can be read now. */
static gboolean
read_once(struct xf_rpc_stream *stream)
{
    g_autofree struct out *out =
        g_malloc(sizeof(struct out) + XFW_PACKET_MIN + CHUNK);
    ssize_t r;

    do {
        r = recv(stream->fd, out->data + XFW_PACKET_MIN, CHUNK, MSG_DONTWAIT);
    } while (r < 0 && errno == EINTR);
    if (r > 0)
        send_data(stream, g_steal_pointer(&out), r);
    else if (r == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        end_here(stream);
    return r > 0;
}

/* -- in -- */

static void
drop_first(struct xf_rpc_stream *stream)
{
    g_autoptr(GBytes) done = g_queue_pop_head(&stream->in);

    stream->offset = 0;
    stream->ops->waiting(stream->user, -(gssize)g_bytes_get_size(done));
}

static void
write_in(struct xf_rpc_stream *stream)
{
    GBytes *packet;

    while ((packet = g_queue_peek_head(&stream->in))) {
        gsize len;
        const guint8 *data = g_bytes_get_data(packet, &len);
        gsize done = XFW_PACKET_MIN + stream->offset;
        ssize_t r = send(stream->fd, data + done, len - done,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (r < 0) {
            /* it will be seen by reading, after what was said before */
            stream->deaf = TRUE;
            drop_in(stream);
            return;
        }
        stream->offset += r;
        if (done + r == len)
            drop_first(stream);
    }
}

void
xf_rpc_stream_packet(struct xf_rpc_stream *stream,
                     const struct xf_rpc_header *header, GBytes *packet)
{
    gsize len = g_bytes_get_size(packet);

    if (stream->fd < 0 || stream->peer_ended)
        return;
    if (header->status != XFW_CONTINUE) {
        stream->peer_ended = TRUE;
    } else if (len > XFW_PACKET_MIN && !stream->deaf) {
        g_queue_push_tail(&stream->in, g_bytes_ref(packet));
        stream->ops->waiting(stream->user, len);
    }
    g_source_set_ready_time(stream->source, 0);
}

/* -- the source -- */

static void
watch(struct xf_rpc_stream *stream, GIOCondition wanted)
{
    if (wanted == stream->watched)
        return;
    /* the end of the socket shows even to who waits for nothing */
    if (!wanted)
        g_source_remove_unix_fd(stream->source,
                                g_steal_pointer(&stream->tag));
    else if (stream->tag)
        g_source_modify_unix_fd(stream->source, stream->tag, wanted);
    else
        stream->tag = g_source_add_unix_fd(stream->source, stream->fd,
                                           wanted);
    stream->watched = wanted;
}

static void
serve(struct xf_rpc_stream *stream)
{
    write_in(stream);
    if (stream->peer_ended && g_queue_is_empty(&stream->in)) {
        end_there(stream);
        return;
    }
    while (stream->fd >= 0 && has_room(stream) && read_once(stream))
        ;
    if (stream->fd >= 0)
        watch(stream,
              (has_room(stream) ? G_IO_IN : 0)
                  | (g_queue_is_empty(&stream->in) ? 0 : G_IO_OUT));
}

static gboolean
dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct xf_rpc_stream *stream = ((struct stream_source *)source)->stream;

    xf_rpc_stream_ref(stream);
    /* before all that is looked at: who changes it sets it again */
    g_source_set_ready_time(source, -1);
    if (stream->fd >= 0 && g_atomic_int_get(&stream->started))
        serve(stream);
    xf_rpc_stream_unref(stream);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .dispatch = dispatch };

struct xf_rpc_stream *
xf_rpc_stream_new(struct xf_rpc_link *link, GMainContext *context,
                  const struct xf_rpc_header *call, int fd,
                  const struct xf_rpc_stream_ops *ops, void *user)
{
    struct xf_rpc_stream *stream = g_new0(struct xf_rpc_stream, 1);

    stream->refs = 1;
    stream->link = xf_rpc_link_ref(link);
    stream->ops = ops;
    stream->user = user;
    stream->call = *call;
    stream->fd = fd;
    g_queue_init(&stream->in);
    stream->source = g_source_new(&source_funcs,
                                  sizeof(struct stream_source));
    g_source_set_static_name(stream->source, "rpc stream");
    ((struct stream_source *)stream->source)->stream = stream;
    g_source_attach(stream->source, context);
    return stream;
}

void
xf_rpc_stream_head(struct xf_rpc_stream *stream, GBytes *head)
{
    stream->head = g_bytes_ref(head);
}

static void
send_head(struct xf_rpc_stream *stream)
{
    g_autoptr(GBytes) head = g_steal_pointer(&stream->head);
    gsize len;
    const void *data = g_bytes_get_data(head, &len);
    struct out *out = g_malloc(sizeof(struct out) + XFW_PACKET_MIN + len);

    memcpy(out->data + XFW_PACKET_MIN, data, len);
    send_data(stream, out, len);
}

void
xf_rpc_stream_start(struct xf_rpc_stream *stream)
{
    if (stream->head)
        send_head(stream);
    g_atomic_int_set(&stream->started, TRUE);
    g_source_set_ready_time(stream->source, 0);
}
