/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channel's listener.
 *
 * One thread accepts; each connection gets a thread of its own, for the
 * handshake (bounded in number and in total time) and then for accepted().
 * Nothing here needs a main loop.
 *
 * A connection's thread is counted as running from its start to its end, and
 * is in the queue of handshakes before it knows whether to call accepted().
 * Threads are joined: each by the next one that ends, the last by free().
 */
#include "config.h"

#include "protocol/channel-private.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define MAX_SOCKETS 8           /* addresses of one name */
#define DEFAULT_HANDSHAKES 64
#define LOG_BURST 5             /* dropped peers logged ... */
#define LOG_WINDOW_S 10         /* ... in so many seconds */

/* A connection is left alone for so long, however many wait for its place:
 * what is slow may be this host. */
#define GRACE_MAX_MS 1000

struct xf_channel_listener {
    struct xf_channel_config config;    /* its address is not kept */
    struct xf_channel_handler handler;
    int sockets[MAX_SOCKETS];
    int n_sockets;
    guint16 port;
    int stop_fd;                /* readable once stopping */
    GThread *acceptor;          /* NULL once stopped */

    GMutex lock;                /* guards all that follows */
    GCond changed;
    gboolean stopping;
    GQueue handshakes;          /* struct visit *, oldest first */
    guint running;              /* threads of connections */
    GThread *ended;             /* the last that ended; to be joined */
    gint64 log_since;           /* monotonic s */
    guint logged;
    guint unlogged;
};

/* One connection, from accept to the end of accepted(). */
struct visit {
    struct xf_channel_listener *listener;
    int fd;
    gint64 since;               /* monotonic µs */
    gboolean known;             /* named a handoff we have the key of */
    gboolean evicted;           /* shut down to make room */
    char peer[NI_MAXHOST];
};

/* -- the log: scanners must not fill it -- */

static gboolean
may_log(struct xf_channel_listener *listener)
{
    gint64 now = g_get_monotonic_time() / G_USEC_PER_SEC;
    guint unlogged = 0;

    g_mutex_lock(&listener->lock);
    if (now - listener->log_since >= LOG_WINDOW_S) {
        unlogged = listener->unlogged;
        listener->log_since = now;
        listener->logged = listener->unlogged = 0;
    }

    gboolean may = listener->logged < LOG_BURST;

    if (may)
        listener->logged++;
    else
        listener->unlogged++;
    g_mutex_unlock(&listener->lock);

    if (unlogged)
        g_message("channel: %u more such lines were left out", unlogged);
    return may;
}

static void
log_dropped(struct xf_channel_listener *listener, const char *peer,
            const char *why)
{
    if (may_log(listener))
        g_message("channel: connection from %s dropped: %s", peer, why);
}

/* -- one connection -- */

static void
visit_free(struct visit *visit)
{
    xf_close_fd(&visit->fd);
    g_free(visit);
}

static void
visit_known(void *user)
{
    struct visit *visit = user;

    g_mutex_lock(&visit->listener->lock);
    visit->known = TRUE;
    g_mutex_unlock(&visit->listener->lock);
}

/* The handshake is over: gives up its place.  TRUE: accepted() may be
 * called. */
static gboolean
visit_leave(struct visit *visit, gboolean ok)
{
    struct xf_channel_listener *listener = visit->listener;

    g_mutex_lock(&listener->lock);
    g_queue_remove(&listener->handshakes, visit);
    ok = ok && !listener->stopping && !visit->evicted;
    g_cond_broadcast(&listener->changed);
    g_mutex_unlock(&listener->lock);
    return ok;
}

/* The last that a connection's thread does; the listener may be gone after
 * it. */
static void
thread_ends(struct xf_channel_listener *listener, GThread *thread)
{
    g_mutex_lock(&listener->lock);

    GThread *before = listener->ended;

    listener->ended = thread;
    listener->running--;
    g_cond_broadcast(&listener->changed);
    g_mutex_unlock(&listener->lock);
    if (before)
        g_thread_join(before);
}

static gboolean
shake_hands(struct visit *visit, struct xf_channel_caller *caller,
            GError **err)
{
    struct xf_channel_listener *listener = visit->listener;
    const struct xf_patience patience = xf_patience_ms(
        MIN(listener->config.handshake_timeout_ms, G_MAXINT),
        listener->stop_fd);

    return xf_channel_tune(visit->fd, listener->config.silence_timeout_ms,
                           err)
        && xf_channel_answer(visit->fd, &listener->handler, visit_known,
                             visit, &patience, caller, err);
}

static void *
visit_thread(void *user)
{
    struct visit *visit = user;
    struct xf_channel_listener *listener = visit->listener;
    struct xf_channel_caller caller;
    g_autoptr(GError) err = NULL;

    if (!shake_hands(visit, &caller, &err)
        && !g_error_matches(err, XF_ERROR, XF_ERROR_ABORTED))
        log_dropped(listener, visit->peer, err->message);
    if (visit_leave(visit, err == NULL))
        listener->handler.accepted(listener->handler.user, caller.purpose,
                                   caller.token, xf_steal_fd(&visit->fd));
    visit_free(visit);
    thread_ends(listener, g_thread_self());
    return NULL;
}

static gboolean
visit_start(struct xf_channel_listener *listener, int fd, const char *peer,
            GError **err)
{
    struct visit *visit = g_new0(struct visit, 1);
    gboolean started = FALSE;

    visit->listener = listener;
    visit->fd = fd;
    visit->since = g_get_monotonic_time();
    g_strlcpy(visit->peer, peer, sizeof(visit->peer));

    /* under the lock, so that the thread cannot have ended and been joined
     * before it is whole; the reference to it is thread_ends()' */
    g_mutex_lock(&listener->lock);
    if (listener->stopping)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_ABORTED,
                            "this host's listener is being closed");
    else
        started = g_thread_try_new("channel", visit_thread, visit, err)
                  != NULL;
    if (started) {
        g_queue_push_tail(&listener->handshakes, visit);
        listener->running++;
    }
    g_mutex_unlock(&listener->lock);
    if (!started)
        visit_free(visit);
    return started;
}

gboolean
xf_channel_listener_add(struct xf_channel_listener *listener, int fd,
                        const char *peer, GError **err)
{
    return visit_start(listener, fd, peer, err);
}

static void
visit_from(struct xf_channel_listener *listener, int fd,
           const struct sockaddr_storage *from, socklen_t len)
{
    char peer[NI_MAXHOST];
    g_autoptr(GError) err = NULL;

    if (getnameinfo((const struct sockaddr *)from, len, peer, sizeof(peer),
                    NULL, 0, NI_NUMERICHOST))
        g_strlcpy(peer, "an unknown address", sizeof(peer));
    if (!visit_start(listener, fd, peer, &err))
        log_dropped(listener, peer, err->message);
}

/* -- accepting -- */

/* With the lock held: shuts the oldest connection that has had its grace and
 * has not named a known handoff; its thread notices and leaves.  Returns when
 * to try again, should nothing change until then (-1: no need). */
static gint64
evict_oldest(struct xf_channel_listener *listener)
{
    guint grace = MIN(listener->config.handshake_timeout_ms / 4,
                      GRACE_MAX_MS);

    for (GList *l = listener->handshakes.head; l; l = l->next) {
        struct visit *visit = l->data;
        gint64 due = visit->since + grace * (gint64)1000;

        if (visit->evicted)
            return -1;          /* its place comes free any moment */
        if (visit->known)
            continue;
        if (due > g_get_monotonic_time())
            return due;
        visit->evicted = TRUE;
        shutdown(visit->fd, SHUT_RDWR);
        return -1;
    }
    return -1;
}

/* Waits for a place for one more handshake.  FALSE: stopping. */
static gboolean
wait_for_place(struct xf_channel_listener *listener)
{
    g_mutex_lock(&listener->lock);
    while (!listener->stopping
           && listener->handshakes.length >= listener->config.max_handshakes) {
        gint64 due = evict_oldest(listener);

        if (due < 0)
            g_cond_wait(&listener->changed, &listener->lock);
        else
            g_cond_wait_until(&listener->changed, &listener->lock, due);
    }

    gboolean go_on = !listener->stopping;

    g_mutex_unlock(&listener->lock);
    return go_on;
}

/* What a failed accept() was about: that one connection (go on), or
 * resources of ours (wait for some to come free). */
static void
accept_failed(struct xf_channel_listener *listener, int errnum)
{
    const struct xf_patience a_moment =
        xf_patience_ms(100, listener->stop_fd);

    if (errnum != EMFILE && errnum != ENFILE && errnum != ENOBUFS
        && errnum != ENOMEM)
        return;
    if (may_log(listener))
        g_warning("channel: cannot accept connections: %s",
                  g_strerror(errnum));
    xf_channel_wait(-1, 0, &a_moment, NULL);
}

static void
accept_one(struct xf_channel_listener *listener, int socket)
{
    struct sockaddr_storage from = { 0 };
    socklen_t len = sizeof(from);

    if (!wait_for_place(listener))
        return;

    int fd = accept4(socket, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);

    if (fd >= 0)
        visit_from(listener, fd, &from, len);
    else
        accept_failed(listener, errno);
}

static void *
accept_thread(void *user)
{
    struct xf_channel_listener *listener = user;
    struct pollfd fds[MAX_SOCKETS + 1];
    int n = listener->n_sockets;

    for (int i = 0; i < n; i++)
        fds[i] = (struct pollfd){ .fd = listener->sockets[i],
                                  .events = POLLIN };
    fds[n] = (struct pollfd){ .fd = listener->stop_fd, .events = POLLIN };
    for (;;) {
        int r = poll(fds, n + 1, -1);

        if (r < 0 && errno != EINTR)
            g_error("channel: poll: %s", g_strerror(errno));
        if (r < 0)
            continue;
        if (fds[n].revents)
            return NULL;
        for (int i = 0; i < n; i++)
            if (fds[i].revents)
                accept_one(listener, fds[i].fd);
    }
}

/* -- opening -- */

static gboolean
set_flag(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* The port bound to fd, 0 on failure (errno). */
static guint16
bound_port(int fd)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name = { 0 };
    socklen_t len = sizeof(name);

    if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
        return 0;
    return ntohs(name.any.ss_family == AF_INET6 ? name.v6.sin6_port
                                                : name.v4.sin_port);
}

/* Opens a listening socket; -1 and errno on failure.  Non-blocking: a peer
 * may be gone again between poll() and accept(). */
int
xf_channel_open_socket(const struct addrinfo *address, gboolean v6only)
{
    XF_AUTO_FD int fd =
        socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
               0);

    if (fd < 0 || !set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1)
        || (address->ai_family == AF_INET6
            && !set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only))
        || bind(fd, address->ai_addr, address->ai_addrlen) < 0
        || listen(fd, SOMAXCONN) < 0)
        return -1;
    return xf_steal_fd(&fd);
}

int
xf_channel_open_everywhere(guint16 port)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                               .sin6_port = htons(port) };
    struct sockaddr_in v4 = { .sin_family = AF_INET,
                              .sin_port = htons(port) };
    const struct addrinfo six = {
        .ai_family = AF_INET6, .ai_addr = (struct sockaddr *)&v6,
        .ai_addrlen = sizeof(v6) };
    const struct addrinfo four = {
        .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&v4,
        .ai_addrlen = sizeof(v4) };
    int fd = xf_channel_open_socket(&six, FALSE);

    if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        fd = xf_channel_open_socket(&four, FALSE);
    return fd;
}

static gboolean
add_socket(struct xf_channel_listener *listener, int fd, GError **err)
{
    if (fd < 0 || (!listener->port && !(listener->port = bound_port(fd)))) {
        xf_error_set_errno(err, errno, "listening");
        xf_close_fd(&fd);
        return FALSE;
    }
    listener->sockets[listener->n_sockets++] = fd;
    return TRUE;
}

/* Every address of a name, all on the same port. */
static gboolean
open_address(struct xf_channel_listener *listener, const char *address,
             GError **err)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE };
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(address, NULL, &hints, &found);
    gboolean ok = TRUE;

    if (rc) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG, "%s",
                    gai_strerror(rc));
        return FALSE;
    }
    for (struct addrinfo *a = found;
         ok && a && listener->n_sockets < MAX_SOCKETS; a = a->ai_next) {
        /* the port is at the same place in both families' addresses */
        ((struct sockaddr_in *)a->ai_addr)->sin_port = htons(listener->port);
        ok = add_socket(listener, xf_channel_open_socket(a, TRUE), err);
    }
    freeaddrinfo(found);
    return ok;
}

G_STATIC_ASSERT(offsetof(struct sockaddr_in, sin_port)
                == offsetof(struct sockaddr_in6, sin6_port));

static gboolean
open_all(struct xf_channel_listener *listener, const char *address,
         GError **err)
{
    gboolean ok = address
        ? open_address(listener, address, err)
        : add_socket(listener, xf_channel_open_everywhere(listener->port),
                     err);

    if (!ok)
        g_prefix_error(err, "channel: address %s port %u: ",
                       address ? address : "*", listener->config.port);
    return ok;
}

static gboolean
start(struct xf_channel_listener *listener, const char *address, GError **err)
{
    if (!open_all(listener, address, err))
        return FALSE;
    listener->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (listener->stop_fd < 0) {
        xf_error_set_errno(err, errno, "channel: eventfd");
        return FALSE;
    }
    listener->acceptor =
        g_thread_try_new("channel-accept", accept_thread, listener, err);
    return listener->acceptor != NULL;
}

struct xf_channel_listener *
xf_channel_listen(const struct xf_channel_config *config,
                  const struct xf_channel_handler *handler, GError **err)
{
    struct xf_channel_listener *listener =
        g_new0(struct xf_channel_listener, 1);

    listener->config = *config;
    listener->config.address = NULL;
    if (!listener->config.max_handshakes)
        listener->config.max_handshakes = DEFAULT_HANDSHAKES;
    listener->handler = *handler;
    listener->port = config->port;
    listener->stop_fd = -1;
    listener->log_since = INT64_MIN / 2;
    g_mutex_init(&listener->lock);
    g_cond_init(&listener->changed);
    g_queue_init(&listener->handshakes);

    if (!start(listener, config->address, err)) {
        xf_channel_listener_free(listener);
        return NULL;
    }
    return listener;
}

guint16
xf_channel_listener_port(struct xf_channel_listener *listener)
{
    return listener->port;
}

/* -- closing -- */

void
xf_channel_listener_stop(struct xf_channel_listener *listener)
{
    g_mutex_lock(&listener->lock);
    listener->stopping = TRUE;
    g_cond_broadcast(&listener->changed);
    g_mutex_unlock(&listener->lock);

    /* an eventfd takes 2^64 - 2 of these */
    if (listener->stop_fd >= 0 && eventfd_write(listener->stop_fd, 1) < 0)
        g_error("channel: eventfd: %s", g_strerror(errno));
    g_clear_pointer(&listener->acceptor, g_thread_join);
    for (int i = 0; i < listener->n_sockets; i++)
        xf_close_fd(&listener->sockets[i]);
    listener->n_sockets = 0;

    g_mutex_lock(&listener->lock);
    while (listener->handshakes.length)
        g_cond_wait(&listener->changed, &listener->lock);
    g_mutex_unlock(&listener->lock);
}

void
xf_channel_listener_free(struct xf_channel_listener *listener)
{
    if (!listener)
        return;
    xf_channel_listener_stop(listener);
    g_mutex_lock(&listener->lock);
    while (listener->running)
        g_cond_wait(&listener->changed, &listener->lock);
    g_mutex_unlock(&listener->lock);
    g_clear_pointer(&listener->ended, g_thread_join);
    xf_close_fd(&listener->stop_fd);
    g_mutex_clear(&listener->lock);
    g_cond_clear(&listener->changed);
    g_free(listener);
}
