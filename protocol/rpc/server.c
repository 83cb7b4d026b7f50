/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listening, accepting, and the set of clients.  Everything in here runs in
 * the context's thread. */
#include "config.h"

#include "protocol/rpc/listen.h"
#include "protocol/rpc/server.h"
#include "protocol/rpc/session.h"
#include "protocol/rpc/uri.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Calls that end at once need few threads; those that may last have one
 * each, up to a number that no host's work comes near to. */
#define QUICK_THREADS 16
#define SLOW_THREADS 1024

/* How long accepting rests when the process is out of fds or memory. */
#define REST_MS 1000

struct listener {
    struct xf_rpc_server *server;
    int fd;
    GSource *source;        /* NULL while accepting rests */
    char *path;             /* of a unix socket */
    struct stat made;       /* what is at the path is still ours? */
};

struct xf_rpc_server {
    struct xf_rpc_session_env env;
    GPtrArray *listeners;
    GHashTable *sessions;
    guint clients[2];       /* of them, by whether they are local: strangers
                             * cannot take the administrator's place */
    GSource *rest;          /* ends a rest, or NULL */
};

static void accept_all(struct xf_rpc_server *server);

/* -- accepting ----------------------------------------------------------- */

static void
source_clear(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_source_unref(*source);
    *source = NULL;
}

static gboolean
is_local(const struct listener *l)
{
    return l->path != NULL;
}

static void
accept_none(struct xf_rpc_server *server)
{
    for (guint i = 0; i < server->listeners->len; i++) {
        struct listener *l = server->listeners->pdata[i];

        source_clear(&l->source);
    }
}

static gboolean
on_rested(gpointer data)
{
    struct xf_rpc_server *server = data;

    source_clear(&server->rest);
    accept_all(server);
    return G_SOURCE_REMOVE;
}

static void
rest(struct xf_rpc_server *server, int errnum)
{
    g_warning("cannot accept a client: %s; resting", g_strerror(errnum));
    accept_none(server);
    if (server->rest)
        return;
    server->rest = g_timeout_source_new(REST_MS);
    g_source_set_callback(server->rest, on_rested, server, NULL);
    g_source_attach(server->rest, server->env.context);
}

static gboolean
is_full(const struct listener *l)
{
    return l->server->clients[is_local(l)] >=
           l->server->env.config.max_clients;
}

static gboolean
on_connection(gint fd, GIOCondition condition, gpointer data)
{
    struct listener *l = data;
    struct xf_rpc_server *server = l->server;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (client >= 0) {
        if (!is_local(l))
            xf_rpc_tune_tcp(client);
        xf_rpc_server_add_client(server, client);
        if (is_full(l)) {
            g_message("%u clients over %s: no more are accepted there",
                      server->env.config.max_clients,
                      is_local(l) ? l->path : "TCP");
            source_clear(&l->source);
        }
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
               errno == ENOMEM) {
        rest(server, errno);
    }
    /* anything else is the client's own misfortune */
    return G_SOURCE_CONTINUE;
}

static void
accept_all(struct xf_rpc_server *server)
{
    if (server->rest)
        return;
    for (guint i = 0; i < server->listeners->len; i++) {
        struct listener *l = server->listeners->pdata[i];

        if (l->source || is_full(l))
            continue;
        l->source = g_unix_fd_source_new(l->fd, G_IO_IN);
        g_source_set_callback(l->source, G_SOURCE_FUNC(on_connection), l,
                              NULL);
        g_source_attach(l->source, server->env.context);
    }
}

/* -- listeners ----------------------------------------------------------- */

static void
listener_free(struct listener *l)
{
    struct stat now;

    source_clear(&l->source);
    close(l->fd);
    if (l->path && stat(l->path, &now) == 0 &&
        now.st_ino == l->made.st_ino && now.st_dev == l->made.st_dev)
        unlink(l->path);
    g_free(l->path);
    g_free(l);
}

static void
add_listener(struct xf_rpc_server *server, int fd, const char *path)
{
    struct listener *l = g_new0(struct listener, 1);

    l->server = server;
    l->fd = fd;
    l->path = g_strdup(path);
    if (path && stat(path, &l->made) < 0)
        g_warning("%s: %s", path, g_strerror(errno));
    g_ptr_array_add(server->listeners, l);
    accept_all(server);
}

gboolean
xf_rpc_server_listen_unix(struct xf_rpc_server *server, const char *path,
                          GError **err)
{
    int fd = xf_rpc_listen_unix(path, err);

    if (fd < 0)
        return FALSE;
    add_listener(server, fd, path);
    return TRUE;
}

gboolean
xf_rpc_server_listen_tcp(struct xf_rpc_server *server, const char *address,
                         guint16 *port, GError **err)
{
    int fd = xf_rpc_listen_tcp(address, port, err);

    if (fd < 0)
        return FALSE;
    add_listener(server, fd, NULL);
    return TRUE;
}

/* -- clients ------------------------------------------------------------- */

static void
on_session_closed(void *user, struct xf_rpc_session *session)
{
    struct xf_rpc_server *server = user;

    server->clients[xf_rpc_session_is_local(session)]--;
    g_hash_table_remove(server->sessions, session);
    accept_all(server);
}

void
xf_rpc_server_add_client(struct xf_rpc_server *server, int fd)
{
    struct xf_rpc_session *session = xf_rpc_session_new(&server->env, fd);

    server->clients[xf_rpc_session_is_local(session)]++;
    g_hash_table_add(server->sessions, session);
}

guint
xf_rpc_server_count(struct xf_rpc_server *server)
{
    return g_hash_table_size(server->sessions);
}

/* -- the server ---------------------------------------------------------- */

void
xf_rpc_server_config_init(struct xf_rpc_server_config *config)
{
    *config = (struct xf_rpc_server_config){
        .max_clients = 500,
        .max_calls = 250,
        .open_timeout_ms = 30000,
        .keepalive_interval_ms = 5000,
        .keepalive_count = 5,
        .protocols = XF_PROTOCOL_ALL,
    };
}

struct xf_rpc_server *
xf_rpc_server_new(GMainContext *context,
                  const struct xf_rpc_server_config *config,
                  const struct xf_rpc_backend *backend)
{
    struct xf_rpc_server *server = g_new0(struct xf_rpc_server, 1);

    server->env.context = g_main_context_ref(context);
    server->env.config = *config;
    server->env.backend = *backend;
    server->env.closed = on_session_closed;
    server->env.user = server;
    server->env.quick = g_thread_pool_new(xf_rpc_session_run, NULL,
                                          QUICK_THREADS, FALSE, NULL);
    server->env.slow = g_thread_pool_new(xf_rpc_session_run, NULL,
                                         SLOW_THREADS, FALSE, NULL);
    server->listeners = g_ptr_array_new_with_free_func(
        (GDestroyNotify)listener_free);
    server->sessions = g_hash_table_new_full(
        NULL, NULL, (GDestroyNotify)xf_rpc_session_unref, NULL);
    return server;
}

static void
drop_sessions(struct xf_rpc_server *server)
{
    g_autoptr(GList) all = g_hash_table_get_keys(server->sessions);

    for (GList *s = all; s; s = s->next)
        xf_rpc_session_drop(s->data);
}

void
xf_rpc_server_free(struct xf_rpc_server *server)
{
    source_clear(&server->rest);
    g_ptr_array_set_size(server->listeners, 0);
    drop_sessions(server);
    /* both wait for what is under way */
    g_thread_pool_free(server->env.quick, FALSE, TRUE);
    g_thread_pool_free(server->env.slow, FALSE, TRUE);
    g_ptr_array_unref(server->listeners);
    g_hash_table_unref(server->sessions);
    g_main_context_unref(server->env.context);
    g_free(server);
}
