/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One GSource per link does everything in its dispatch, in this order: read
 * once, hand out packets, write what can be written, look at keepalive, then
 * say what to wait for.  Other threads put work under the lock and wake the
 * source by setting its ready time to 0; since the last step looks at the
 * same fields under the same lock, no wake-up is lost.
 */
#include "config.h"

#include "protocol/rpc/keepalive.h"
#include "protocol/rpc/link.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <sys/socket.h>

#define READ_SIZE (64 * 1024)
/* A buffer that grew beyond this for one packet is not kept. */
#define KEEP_SIZE (1024 * 1024)

struct link_source {
    GSource source;
    struct xf_rpc_link *link;
};

struct xf_rpc_link {
    gint refs;
    const struct xf_rpc_link_ops *ops;
    void *user;
    GSource *source;
    gpointer tag;

    /* context's thread only */
    int fd;
    GByteArray *in;
    gsize taken;            /* bytes at the start of `in` already handed out */
    gsize out_offset;       /* bytes of the first packet already written */

    GMutex lock;            /* guards the rest */
    GQueue out;             /* GBytes */
    gsize out_bytes;
    gboolean reading;
    gboolean closing;
    gboolean down;
    struct xf_keepalive keepalive;
};

struct xf_rpc_link *
xf_rpc_link_ref(struct xf_rpc_link *link)
{
    g_atomic_int_inc(&link->refs);
    return link;
}

void
xf_rpc_link_unref(struct xf_rpc_link *link)
{
    if (!g_atomic_int_dec_and_test(&link->refs))
        return;
    g_source_unref(link->source);
    g_byte_array_unref(link->in);
    g_queue_clear_full(&link->out, (GDestroyNotify)g_bytes_unref);
    g_mutex_clear(&link->lock);
    g_free(link);
}

/* The link goes down, once. */
static void
take_down(struct xf_rpc_link *link, const GError *why)
{
    g_mutex_lock(&link->lock);
    if (link->down) {
        g_mutex_unlock(&link->lock);
        return;
    }
    link->down = TRUE;
    g_queue_clear_full(&link->out, (GDestroyNotify)g_bytes_unref);
    link->out_bytes = 0;
    g_mutex_unlock(&link->lock);

    xf_rpc_link_ref(link);
    g_source_destroy(link->source);
    xf_close_fd(&link->fd);
    link->ops->closed(link->user, why);
    xf_rpc_link_unref(link);
}

static void
take_down_saying(struct xf_rpc_link *link, const char *text)
{
    g_autoptr(GError) why = g_error_new_literal(XF_ERROR, XF_ERROR_NO_CONNECT,
                                                text);

    take_down(link, why);
}

static void
take_down_errno(struct xf_rpc_link *link, const char *what, int errnum)
{
    g_autoptr(GError) why = g_error_new(XF_ERROR, XF_ERROR_NO_CONNECT,
                                        "%s: %s", what, g_strerror(errnum));

    take_down(link, why);
}

/* Both under the lock. */
static void
push_out(struct xf_rpc_link *link, GBytes *packet)
{
    link->out_bytes += g_bytes_get_size(packet);
    g_queue_push_tail(&link->out, packet);
}

static gboolean
may_read(struct xf_rpc_link *link)
{
    return link->reading &&
           (!link->ops->answers || link->out_bytes < XF_RPC_OUT_MAX);
}

static gboolean
may_read_locking(struct xf_rpc_link *link)
{
    g_mutex_lock(&link->lock);

    gboolean yes = may_read(link);

    g_mutex_unlock(&link->lock);
    return yes;
}

/* -- reading ------------------------------------------------------------- */

static void
read_once(struct xf_rpc_link *link)
{
    guint had = link->in->len;
    ssize_t r;

    g_byte_array_set_size(link->in, had + READ_SIZE);
    do {
        r = recv(link->fd, link->in->data + had, READ_SIZE, 0);
    } while (r < 0 && errno == EINTR);
    g_byte_array_set_size(link->in, had + MAX(r, 0));
    if (r == 0)
        take_down_saying(link, "the peer closed the connection");
    else if (r < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        take_down_errno(link, "the connection is lost", errno);
}

static gssize
waiting_packet(struct xf_rpc_link *link)
{
    gsize len = link->in->len - link->taken;
    gssize need = xf_rpc_packet_length(link->in->data + link->taken, len);

    return need > 0 && (gsize)need > len ? 0 : need;
}

static void
keepalive_packet(struct xf_rpc_link *link, const struct xf_rpc_header *header)
{
    struct xf_rpc_header pong = {
        .prog = XFW_KEEPALIVE,
        .vers = XFW_VERSION,
        .proc = XFW_PONG,
        .type = XFW_MESSAGE,
    };

    if (header->proc == XFW_PING && header->type == XFW_MESSAGE)
        xf_rpc_link_send(link, xf_rpc_packet_new(&pong, NULL, NULL, NULL));
}

static void
hand_out(struct xf_rpc_link *link, gsize len)
{
    g_autoptr(GBytes) packet = g_bytes_new(link->in->data + link->taken, len);
    struct xf_rpc_header header;

    link->taken += len;
    xf_rpc_header_decode(g_bytes_get_data(packet, NULL), &header);
    g_mutex_lock(&link->lock);
    xf_keepalive_received(&link->keepalive, g_get_monotonic_time());
    g_mutex_unlock(&link->lock);
    if (header.prog == XFW_KEEPALIVE && header.vers == XFW_VERSION)
        keepalive_packet(link, &header);
    else
        link->ops->packet(link->user, &header, packet);
}

static void
drop_taken(struct xf_rpc_link *link)
{
    if (link->taken)
        g_byte_array_remove_range(link->in, 0, link->taken);
    if (link->taken > KEEP_SIZE) {
        GByteArray *small = g_byte_array_sized_new(READ_SIZE);

        g_byte_array_append(small, link->in->data, link->in->len);
        g_byte_array_unref(link->in);
        link->in = small;
    }
    link->taken = 0;
}

static void
hand_out_all(struct xf_rpc_link *link)
{
    gssize len = 0;

    while (!link->down && may_read_locking(link) &&
           (len = waiting_packet(link)) > 0)
        hand_out(link, len);
    drop_taken(link);
    if (len < 0)
        take_down_saying(link, "the peer sent a packet of impossible length");
}

/* -- writing ------------------------------------------------------------- */

static void
drop_written(struct xf_rpc_link *link)
{
    g_autoptr(GBytes) done = NULL;

    g_mutex_lock(&link->lock);
    done = g_queue_pop_head(&link->out);
    link->out_bytes -= g_bytes_get_size(done);
    g_mutex_unlock(&link->lock);
    link->out_offset = 0;
}

static GBytes *
first_out(struct xf_rpc_link *link)
{
    g_mutex_lock(&link->lock);

    GBytes *packet = g_queue_peek_head(&link->out);

    g_mutex_unlock(&link->lock);
    return packet;
}

/* Only this thread takes from the queue, so the first one stays. */
static void
write_out(struct xf_rpc_link *link)
{
    GBytes *packet;

    while ((packet = first_out(link))) {
        gsize len;
        const guint8 *data = g_bytes_get_data(packet, &len);
        ssize_t r = send(link->fd, data + link->out_offset,
                         len - link->out_offset, MSG_NOSIGNAL);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (r < 0) {
            take_down_errno(link, "the connection is lost", errno);
            return;
        }
        link->out_offset += r;
        if (link->out_offset == len)
            drop_written(link);
    }
}

/* -- the source ---------------------------------------------------------- */

static void
queue_ping(struct xf_rpc_link *link)
{
    struct xf_rpc_header ping = {
        .prog = XFW_KEEPALIVE,
        .vers = XFW_VERSION,
        .proc = XFW_PING,
        .type = XFW_MESSAGE,
    };

    push_out(link, xf_rpc_packet_new(&ping, NULL, NULL, NULL));
}

/* The last step: what wakes us next?  FALSE: the peer is dead. */
static gboolean
rearm(struct xf_rpc_link *link)
{
    gint64 now = g_get_monotonic_time(), next;
    enum xf_keepalive_action action;
    GIOCondition wait = 0;

    g_mutex_lock(&link->lock);
    if (!may_read(link))
        xf_keepalive_received(&link->keepalive, now);
    action = xf_keepalive_check(&link->keepalive, now, &next);
    if (action == XF_KEEPALIVE_PING)
        queue_ping(link);
    if (may_read(link))
        wait |= G_IO_IN;
    if (!g_queue_is_empty(&link->out))
        wait |= G_IO_OUT;
    if (link->closing || (may_read(link) && waiting_packet(link) != 0))
        next = 0;
    g_source_modify_unix_fd(link->source, link->tag, wait);
    g_source_set_ready_time(link->source, next);
    g_mutex_unlock(&link->lock);
    return action != XF_KEEPALIVE_DEAD;
}

static gboolean
is_closing(struct xf_rpc_link *link)
{
    g_mutex_lock(&link->lock);

    gboolean yes = link->closing;

    g_mutex_unlock(&link->lock);
    return yes;
}

static void
serve(struct xf_rpc_link *link, GIOCondition ready)
{
    if (is_closing(link)) {
        take_down_saying(link, "the connection was closed at this end");
        return;
    }
    if (ready & (G_IO_IN | G_IO_HUP | G_IO_ERR)) {
        if (may_read_locking(link))
            read_once(link);
        else if (ready & (G_IO_HUP | G_IO_ERR))
            take_down_saying(link, "the peer closed the connection");
    }
    if (!link->down)
        hand_out_all(link);
    if (!link->down)
        write_out(link);
    if (!link->down && !rearm(link))
        take_down_saying(link, "the peer did not answer keepalive messages");
}

static gboolean
dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct xf_rpc_link *link = ((struct link_source *)source)->link;

    xf_rpc_link_ref(link);
    serve(link, g_source_query_unix_fd(source, link->tag));
    xf_rpc_link_unref(link);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .dispatch = dispatch };

struct xf_rpc_link *
xf_rpc_link_new(int fd, GMainContext *context,
                const struct xf_rpc_link_ops *ops, void *user)
{
    struct xf_rpc_link *link = g_new0(struct xf_rpc_link, 1);

    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    link->refs = 1;
    link->ops = ops;
    link->user = user;
    link->fd = fd;
    link->in = g_byte_array_sized_new(READ_SIZE);
    link->reading = TRUE;
    g_queue_init(&link->out);
    g_mutex_init(&link->lock);
    link->source = g_source_new(&source_funcs, sizeof(struct link_source));
    g_source_set_static_name(link->source, "rpc link");
    ((struct link_source *)link->source)->link = link;
    link->tag = g_source_add_unix_fd(link->source, fd, G_IO_IN);
    g_source_attach(link->source, context);
    return link;
}

void
xf_rpc_link_send(struct xf_rpc_link *link, GBytes *packet)
{
    g_mutex_lock(&link->lock);
    if (link->down) {
        g_bytes_unref(packet);
    } else {
        push_out(link, packet);
        g_source_set_ready_time(link->source, 0);
    }
    g_mutex_unlock(&link->lock);
}

gboolean
xf_rpc_link_offer(struct xf_rpc_link *link, GBytes *packet)
{
    g_mutex_lock(&link->lock);

    gboolean room = link->out_bytes < XF_RPC_OUT_MAX;

    if (room && !link->down) {
        push_out(link, packet);
        g_source_set_ready_time(link->source, 0);
    } else {
        g_bytes_unref(packet);
    }
    g_mutex_unlock(&link->lock);
    return room;
}

void
xf_rpc_link_set_reading(struct xf_rpc_link *link, gboolean reading)
{
    g_mutex_lock(&link->lock);
    if (!link->down && link->reading != reading) {
        link->reading = reading;
        g_source_set_ready_time(link->source, 0);
    }
    g_mutex_unlock(&link->lock);
}

void
xf_rpc_link_set_keepalive(struct xf_rpc_link *link, guint interval_ms,
                          guint count)
{
    g_mutex_lock(&link->lock);
    xf_keepalive_start(&link->keepalive, interval_ms, count,
                       g_get_monotonic_time());
    if (!link->down)
        g_source_set_ready_time(link->source, 0);
    g_mutex_unlock(&link->lock);
}

/* The socket is closed after `down` is set. */
int
xf_rpc_link_dup(struct xf_rpc_link *link)
{
    g_mutex_lock(&link->lock);

    int fd = link->down ? -1 : fcntl(link->fd, F_DUPFD_CLOEXEC, 0);

    g_mutex_unlock(&link->lock);
    return fd;
}

void
xf_rpc_link_close(struct xf_rpc_link *link)
{
    g_mutex_lock(&link->lock);
    link->closing = TRUE;
    if (!link->down)
        g_source_set_ready_time(link->source, 0);
    g_mutex_unlock(&link->lock);
}

void
xf_rpc_link_close_now(struct xf_rpc_link *link)
{
    take_down_saying(link, "the connection was closed at this end");
}
