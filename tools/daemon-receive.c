/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's side of receive.h. */
#include "config.h"

#include "compat/xl-receive.h"
#include "protocol/foreign.h"
#include "tools/receive.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16
#define REQUEST_S 10            /* for a client to say what it wants */
#define REST_S 1                /* when there are no fds or no memory */

struct xf_receiver {
    struct xf_engine *engine;
    char *path;
    int fd;
    guint source;               /* of its clients, or of the end of a rest */
    gboolean rested;            /* since the last one came; said once */
};

struct client {
    struct xf_engine *engine;
    int fd;
    int fds[XF_RECEIVE_FDS];
    gboolean paused;
    char *host;
};

static void
client_free(struct client *client)
{
    for (gsize i = 0; i < XF_RECEIVE_FDS; i++)
        xf_close_fd(&client->fds[i]);
    xf_close_fd(&client->fd);
    g_free(client->host);
    g_free(client);
}

/* -- the request -- */

/* Takes the fds that came along; what is too much is closed. */
static void
take_fds(struct client *client, struct msghdr *msg)
{
    gsize n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (gsize at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0);
             at += sizeof(int)) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
            if (n < XF_RECEIVE_FDS)
                client->fds[n++] = fd;
            else
                close(fd);
        }
    }
}

static gboolean
understand(struct client *client, const char *text, GError **err)
{
    g_auto(GStrv) words = g_strsplit(text, " ", 4);

    if (g_strv_length(words) == 4 && strcmp(words[0], "receive") == 0
        && strcmp(words[1], "1") == 0 && client->fds[XF_RECEIVE_FDS - 1] >= 0
        && (strcmp(words[2], "run") == 0 || strcmp(words[2], "paused") == 0)) {
        client->paused = strcmp(words[2], "paused") == 0;
        client->host =
            g_utf8_make_valid(*words[3] ? words[3] : "unknown", -1);
        return TRUE;
    }
    g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                "the request to receive is not understood: xenferry and "
                "xenferryd may be of different versions");
    return FALSE;
}

static gboolean
read_request(struct client *client, GError **err)
{
    char text[XF_RECEIVE_MESSAGE_MAX + 1];
    struct iovec iov = { text, sizeof(text) - 1 };
    union {
        char bytes[CMSG_SPACE(XF_RECEIVE_FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    gssize r;

    do {
        r = recvmsg(client->fd, &msg, MSG_CMSG_CLOEXEC);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        xf_error_set_errno(err, errno, "no request to receive came");
        return FALSE;
    }
    take_fds(client, &msg);
    text[r] = '\0';
    return understand(client, text, err);
}

/* -- a client -- */

static gboolean
serve(struct client *client, GError **err)
{
    struct xf_xl_incoming incoming = { 0 };

    if (!read_request(client, err))
        return FALSE;
    incoming.in = client->fds[0];
    incoming.out = client->fds[1];
    incoming.paused = client->paused;
    incoming.host = client->host;
    return xf_xl_receive(client->engine, &incoming, err);
}

static gpointer
client_main(gpointer data)
{
    struct client *client = data;
    struct xf_engine *engine = client->engine;
    g_autoptr(GError) err = NULL;
    gboolean ok = serve(client, &err);
    g_autofree char *answer =
        ok ? g_strdup("0") : g_strconcat("1", err->message, NULL);

    if (!ok)
        g_message("a domain from xl%s%s: %s", client->host ? " on host " : "",
                  client->host ? client->host : "", err->message);
    /* A client that has gone needs no answer. */
    send(client->fd, answer, MIN(strlen(answer), XF_RECEIVE_MESSAGE_MAX),
         MSG_NOSIGNAL);
    client_free(client);
    xf_engine_leave(engine);
    return NULL;
}

static gboolean on_rested(gpointer data);

static gboolean
may_come(int fd)
{
    struct ucred peer = { 0 };
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0
           && (peer.uid == 0 || peer.uid == geteuid());
}

/* Who waits shows all the time: to look again at once would keep the main
 * loop busy for nothing. */
static gboolean
rest(struct xf_receiver *receiver, int errnum)
{
    if (!receiver->rested)
        g_warning("cannot accept a request to receive: %s; resting",
                  g_strerror(errnum));
    receiver->rested = TRUE;
    receiver->source = g_timeout_add_seconds(REST_S, on_rested, receiver);
    return G_SOURCE_REMOVE;
}

static gboolean
on_client(int listening, GIOCondition condition, gpointer data)
{
    struct xf_receiver *receiver = data;
    const struct timeval patience = { .tv_sec = REQUEST_S };
    XF_AUTO_FD int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    struct client *client;

    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS
                   || errno == ENOMEM))
        return rest(receiver, errno);
    receiver->rested = FALSE;
    if (fd < 0 || !may_come(fd)
        || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
                      sizeof(patience)) < 0
        || !xf_engine_enter(receiver->engine))
        return G_SOURCE_CONTINUE;
    client = g_new0(struct client, 1);
    client->engine = receiver->engine;
    client->fd = xf_steal_fd(&fd);
    for (gsize i = 0; i < XF_RECEIVE_FDS; i++)
        client->fds[i] = -1;
    g_thread_unref(g_thread_new("receive", client_main, client));
    return G_SOURCE_CONTINUE;
}

static void
accept_all(struct xf_receiver *receiver)
{
    receiver->source = g_unix_fd_add(receiver->fd, G_IO_IN, on_client,
                                     receiver);
}

static gboolean
on_rested(gpointer data)
{
    accept_all(data);
    return G_SOURCE_REMOVE;
}

/* -- listening -- */

static int
open_socket(const char *path, GError **err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    XF_AUTO_FD int fd = socket(
        AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path))
        >= sizeof(address.sun_path)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "socket '%s': the path is too long", path);
        return -1;
    }
    /* The daemon's own socket is ours already: what is here is left over. */
    unlink(path);
    if (fd >= 0
        && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0
        && chmod(path, 0600) == 0 && listen(fd, BACKLOG) == 0)
        return xf_steal_fd(&fd);
    xf_error_set_errno(err, errno, "socket '%s'", path);
    return -1;
}

struct xf_receiver *
xf_receiver_new(struct xf_engine *engine, const char *path, GError **err)
{
    int fd = open_socket(path, err);
    struct xf_receiver *receiver;

    if (fd < 0)
        return NULL;
    receiver = g_new0(struct xf_receiver, 1);
    receiver->engine = engine;
    receiver->path = g_strdup(path);
    receiver->fd = fd;
    accept_all(receiver);
    return receiver;
}

void
xf_receiver_free(struct xf_receiver *receiver)
{
    if (!receiver)
        return;
    g_source_remove(receiver->source);
    xf_close_fd(&receiver->fd);
    unlink(receiver->path);
    g_free(receiver->path);
    g_free(receiver);
}
