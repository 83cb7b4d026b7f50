/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The channel: connecting, messages, socket options. */
#include "config.h"

#include "protocol/channel-private.h"
#include "protocol/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

/* -- looking up a name: getaddrinfo() knows no deadline, so it gets a thread
 * that can be left behind -- */

struct lookup {
    gint refs;
    char *name;
    char service[8];
    GMutex lock;
    GCond cond;
    gboolean done;              /* guarded by lock, as are the next two */
    int rc;
    struct addrinfo *found;
};

static void
lookup_unref(struct lookup *lookup)
{
    if (!g_atomic_int_dec_and_test(&lookup->refs))
        return;
    if (lookup->found)
        freeaddrinfo(lookup->found);
    g_mutex_clear(&lookup->lock);
    g_cond_clear(&lookup->cond);
    g_free(lookup->name);
    g_free(lookup);
}

static int
resolve(const char *name, const char *service, int flags,
        struct addrinfo **found)
{
    const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = flags | AI_NUMERICSERV,
    };

    return getaddrinfo(name, service, &hints, found);
}

static void *
lookup_thread(void *user)
{
    struct lookup *lookup = user;
    struct addrinfo *found = NULL;
    int rc = resolve(lookup->name, lookup->service, AI_ADDRCONFIG, &found);

    g_mutex_lock(&lookup->lock);
    lookup->rc = rc;
    lookup->found = rc ? NULL : found;
    lookup->done = TRUE;
    g_cond_signal(&lookup->cond);
    g_mutex_unlock(&lookup->lock);
    lookup_unref(lookup);
    return NULL;
}

static gboolean
lookup_wait(struct lookup *lookup, GThread *thread, gint64 until,
            struct addrinfo **found, GError **err)
{
    gboolean ok = FALSE, done;

    g_mutex_lock(&lookup->lock);
    while (!lookup->done)
        if (!g_cond_wait_until(&lookup->cond, &lookup->lock, until))
            break;
    if (!lookup->done)
        g_set_error(err, XF_ERROR, XF_ERROR_TIMEOUT,
                    "the name was not resolved in time");
    else if (lookup->rc)
        g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT, "%s",
                    gai_strerror(lookup->rc));
    else
        ok = TRUE;
    if (ok)
        *found = g_steal_pointer(&lookup->found);
    done = lookup->done;
    g_mutex_unlock(&lookup->lock);
    if (done)
        g_thread_join(thread);
    else
        g_thread_unref(thread);
    return ok;
}

gboolean
xf_channel_look_up(const char *name, guint16 port, gint64 until,
                   struct addrinfo **found, GError **err)
{
    struct lookup *lookup = g_new0(struct lookup, 1);

    g_snprintf(lookup->service, sizeof(lookup->service), "%u", port);
    if (resolve(name, lookup->service, AI_NUMERICHOST, found) == 0) {
        g_free(lookup);
        return TRUE;
    }
    lookup->refs = 2;
    lookup->name = g_strdup(name);
    g_mutex_init(&lookup->lock);
    g_cond_init(&lookup->cond);

    GThread *thread = g_thread_try_new("lookup", lookup_thread, lookup, err);

    if (!thread) {
        lookup_unref(lookup);
        lookup_unref(lookup);
        return FALSE;
    }

    gboolean ok = lookup_wait(lookup, thread, until, found, err);

    lookup_unref(lookup);
    return ok;
}

/* -- connecting -- */

static gboolean
set_option(int fd, int level, int option, int value, const char *what,
           GError **err)
{
    if (setsockopt(fd, level, option, &value, sizeof(value)) == 0)
        return TRUE;
    xf_error_set_errno(err, errno, "setting %s on a socket", what);
    return FALSE;
}

/* A tunnel's socket has no link of its own that could fall silent. */
static gboolean
is_local(int fd)
{
    int family = AF_UNSPEC;
    socklen_t len = sizeof(family);

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0
           && family == AF_UNIX;
}

gboolean
xf_channel_tune(int fd, guint silence_timeout_ms, GError **err)
{
    /* four probes within the silence that is allowed */
    int probe = CLAMP(silence_timeout_ms / 4000, 1, 60);

    if (is_local(fd))
        return TRUE;
    if (!set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY", err))
        return FALSE;
    if (!silence_timeout_ms)
        return TRUE;
    return set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, silence_timeout_ms,
                      "TCP_USER_TIMEOUT", err)
        && set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE", err)
        && set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, probe, "TCP_KEEPIDLE",
                      err)
        && set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, probe,
                      "TCP_KEEPINTVL", err)
        && set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4, "TCP_KEEPCNT", err);
}

static gboolean
wait_connected(int fd, const struct xf_patience *patience, GError **err)
{
    int errnum = 0;
    socklen_t len = sizeof(errnum);

    if (!xf_channel_wait(fd, POLLOUT, patience, err))
        return FALSE;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
        errnum = errno;
    if (!errnum)
        return TRUE;
    xf_channel_set_errno(err, errnum, "connecting");
    return FALSE;
}

static int
connect_one(const struct addrinfo *address,
            const struct xf_patience *patience, GError **err)
{
    XF_AUTO_FD int fd =
        socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
               0);

    if (fd < 0) {
        xf_error_set_errno(err, errno, "opening a socket");
        return -1;
    }
    /* interrupted, it goes on in the background as if in progress */
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0
        && errno != EINPROGRESS && errno != EINTR) {
        xf_channel_set_errno(err, errno, "connecting");
        return -1;
    }
    if (!wait_connected(fd, patience, err))
        return -1;
    if (fcntl(fd, F_SETFL, 0) < 0) {
        xf_error_set_errno(err, errno, "making a socket blocking");
        return -1;
    }
    return xf_steal_fd(&fd);
}

/* Tries each address in turn, each with its share of the time left; the
 * error is the last one's. */
static int
connect_any(const struct addrinfo *found, const struct xf_patience *patience,
            GError **err)
{
    int left = 0, fd = -1;

    for (const struct addrinfo *a = found; a; a = a->ai_next)
        left++;
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
        gint64 now = g_get_monotonic_time();
        struct xf_patience share = *patience;

        share.at = now + MAX(patience->at - now, 0) / left--;
        g_clear_error(err);
        fd = connect_one(a, &share, err);
    }
    return fd;
}

int
xf_channel_dial(const char *address, guint16 port,
                const struct xf_patience *patience, GError **err)
{
    struct addrinfo *found = NULL;
    g_autoptr(GError) why = NULL;
    int fd = -1;

    if (xf_channel_look_up(address, port, patience->at, &found, &why)) {
        fd = connect_any(found, patience, &why);
        freeaddrinfo(found);
    }
    if (fd < 0)
        g_propagate_error(err, g_steal_pointer(&why));
    return fd;
}

int
xf_channel_connect(const char *address, guint16 port,
                   enum xf_channel_purpose purpose, const char *token,
                   const guint8 *key, guint timeout_ms,
                   guint silence_timeout_ms, GError **err)
{
    struct xf_patience patience =
        xf_patience_ms(MIN(timeout_ms, G_MAXINT), -1);
    XF_AUTO_FD int fd = xf_channel_dial(address, port, &patience, err);

    XF_FAULT_FD("channel-connected", fd);
    if (fd < 0 || !xf_channel_tune(fd, silence_timeout_ms, err)
        || !xf_channel_greet(fd, purpose, token, key, &patience, err)) {
        g_prefix_error(err, "channel to %s port %u: ", address, port);
        return -1;
    }
    return xf_steal_fd(&fd);
}

gboolean
xf_channel_connect_over(int fd, enum xf_channel_purpose purpose,
                        const char *token, const guint8 *key,
                        guint timeout_ms, GError **err)
{
    struct xf_patience patience =
        xf_patience_ms(MIN(timeout_ms, G_MAXINT), -1);

    if (xf_channel_greet(fd, purpose, token, key, &patience, err))
        return TRUE;
    g_prefix_error(err, "channel through the tunnel: ");
    return FALSE;
}

/* -- messages -- */

static gboolean
message_known(guint8 byte)
{
    static const guint8 known[] = {
        XF_MSG_END, XF_MSG_END_PAUSED, XF_MSG_RECEIVED, XF_MSG_COMMITTED,
        XF_MSG_REVOKED, XF_MSG_OK, XF_MSG_HOLDS, XF_MSG_LET_GO,
        XF_MSG_COMMIT, XF_MSG_REFUSED, XF_MSG_UNDECIDED,
    };

    return memchr(known, byte, sizeof(known)) != NULL;
}

gboolean
xf_channel_send(int fd, enum xf_channel_msg msg, GError **err)
{
    const struct xf_patience for_ever = xf_patience_ms(-1, -1);
    guint8 byte = msg;

    if (xf_channel_write(fd, &byte, 1, &for_ever, err))
        return TRUE;
    g_prefix_error(err, "channel: sending message '%c': ", msg);
    return FALSE;
}

gboolean
xf_channel_recv(int fd, int timeout_ms, enum xf_channel_msg *msg,
                GError **err)
{
    const struct xf_patience patience = xf_patience_ms(timeout_ms, -1);
    guint8 byte;

    if (!xf_channel_read(fd, &byte, 1, &patience, err)) {
        g_prefix_error(err, "channel: waiting for a message: ");
        return FALSE;
    }
    if (!message_known(byte)) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "channel: byte 0x%02x is no message", byte);
        return FALSE;
    }
    *msg = byte;
    return TRUE;
}

/* -- blocks -- */

gboolean
xf_channel_send_block(int fd, const void *data, gsize len, GError **err)
{
    const struct xf_patience for_ever = xf_patience_ms(-1, -1);
    guint32 length = GUINT32_TO_BE(len);

    if (xf_channel_write(fd, &length, sizeof(length), &for_ever, err)
        && xf_channel_write(fd, data, len, &for_ever, err))
        return TRUE;
    g_prefix_error(err, "channel: sending %" G_GSIZE_FORMAT " bytes: ", len);
    return FALSE;
}

GBytes *
xf_channel_recv_block(int fd, gsize max, int timeout_ms, GError **err)
{
    const struct xf_patience patience = xf_patience_ms(timeout_ms, -1);
    guint32 length;
    g_autofree guint8 *data = NULL;

    if (!xf_channel_read(fd, &length, sizeof(length), &patience, err)) {
        g_prefix_error(err, "channel: waiting for a block of bytes: ");
        return NULL;
    }
    length = GUINT32_FROM_BE(length);
    if (length > max) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "channel: the peer wants to send %u bytes where at most "
                    "%" G_GSIZE_FORMAT " are taken", length, max);
        return NULL;
    }
    data = g_malloc(length + 1);
    if (!xf_channel_read(fd, data, length, &patience, err)) {
        g_prefix_error(err, "channel: reading a block of %u bytes: ",
                       length);
        return NULL;
    }
    return g_bytes_new_take(g_steal_pointer(&data), length);
}

/* -- pacing and accounting -- */

/* Setting a rate there works, and means nothing. */
static gboolean
is_unix_socket(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);

    return getsockname(fd, (struct sockaddr *)&address, &len) == 0
           && address.ss_family == AF_UNIX;
}

gboolean
xf_channel_set_rate(int fd, guint64 bytes_per_second, GError **err)
{
    unsigned long rate = MIN(bytes_per_second, G_MAXULONG);

    if (rate && is_unix_socket(fd)) {
        g_set_error_literal(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                            "what goes through a unix socket cannot be "
                            "limited in its speed; leave the bandwidth out, "
                            "or connect to the destination by xen+tcp");
        return FALSE;
    }
    if (!rate)
        rate = G_MAXULONG;
    if (setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate))
        == 0)
        return TRUE;
    xf_error_set_errno(err, errno,
                       "channel: limiting to %" G_GUINT64_FORMAT " bytes/s",
                       bytes_per_second);
    return FALSE;
}

static struct tcp_info
get_info(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof(info);

    /* an older kernel fills in less and leaves the rest 0; what is no TCP
     * socket has no figures */
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        memset(&info, 0, sizeof(info));
    return info;
}

guint64
xf_channel_bytes_sent(int fd)
{
    return get_info(fd).tcpi_bytes_acked;
}

guint64
xf_channel_bytes_received(int fd)
{
    return get_info(fd).tcpi_bytes_received;
}
