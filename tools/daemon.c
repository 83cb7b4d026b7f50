/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "compat/compat.h"
#include "compat/direct.h"
#include "protocol/rpc/server.h"
#include "tools/daemon-config.h"
#include "tools/daemon-log.h"
#include "tools/daemon.h"
#include "tools/receive.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>

enum {
    EXIT_OK = 0,
    EXIT_CANNOT_START = 1,
    EXIT_USAGE = 2,
};

/* All that runs, in the order in which it was made. */
struct daemon {
    struct xf_hypervisor *hv;
    struct xf_store *store;
    struct xf_engine *engine;
    struct xf_rpc_server *server;
    struct xf_receiver *receiver;
    GMainLoop *loop;
};

static struct xf_conn *
open_client(void *user, GError **err)
{
    struct daemon *d = user;

    return xf_compat_open(d->engine);
}

static gboolean
start_engine(struct daemon *d, const struct xf_daemon_config *config,
             const struct xf_daemon_backend *backend, GError **err)
{
    d->hv = backend->hypervisor(backend->user, config, err);
    if (!d->hv)
        return FALSE;
    d->store = backend->store(backend->user, err);
    if (!d->store)
        return FALSE;
    if (!xf_direct_set_command(config->xl_command, err))
        return FALSE;
    d->engine = xf_engine_new(d->hv, d->store, &config->engine, err);
    return d->engine != NULL;
}

static gboolean
start_server(struct daemon *d, const struct xf_daemon_config *config,
             GError **err)
{
    const struct xf_rpc_backend backend = { open_client, d };
    g_autoptr(GString) where = g_string_new(NULL);
    g_autofree char *receive_socket = xf_receive_socket_path(config->socket);
    guint16 port = config->tcp_port;

    d->server = xf_rpc_server_new(g_main_context_default(), &config->server,
                                  &backend);
    if (!xf_rpc_server_listen_unix(d->server, config->socket, err))
        return FALSE;
    g_string_append(where, config->socket);
    d->receiver = xf_receiver_new(d->engine, receive_socket, err);
    if (!d->receiver)
        return FALSE;
    if (config->listen_tcp) {
        if (!xf_rpc_server_listen_tcp(d->server, config->tcp_address, &port,
                                      err))
            return FALSE;
        g_string_append_printf(where, ", tcp port %u", port);
    }
    g_message("xenferryd " PACKAGE_VERSION " on %s serves %s; domains arrive "
              "on port %u", config->engine.hostname, where->str,
              xf_engine_channel_port(d->engine));
    return TRUE;
}

static void
stop(struct daemon *d)
{
    xf_receiver_free(d->receiver);
    if (d->server)
        xf_rpc_server_free(d->server);
    if (d->engine)
        xf_engine_free(d->engine);
    if (d->store)
        d->store->ops->free(d->store);
    if (d->hv)
        d->hv->ops->free(d->hv);
}

static gboolean
on_signal(gpointer data)
{
    struct daemon *d = data;

    g_main_loop_quit(d->loop);
    return G_SOURCE_CONTINUE;
}

static void
run(struct daemon *d)
{
    guint term = g_unix_signal_add(SIGTERM, on_signal, d);
    guint interrupt = g_unix_signal_add(SIGINT, on_signal, d);

    xf_daemon_notify("READY=1");
    g_main_loop_run(d->loop);
    g_message("stopping");
    xf_daemon_notify("STOPPING=1");
    g_source_remove(term);
    g_source_remove(interrupt);
}

static int
serve(const struct xf_daemon_config *config,
      const struct xf_daemon_backend *backend)
{
    struct daemon d = { 0 };
    g_autoptr(GError) err = NULL;
    gboolean ok = start_engine(&d, config, backend, &err) &&
                  start_server(&d, config, &err);

    if (ok) {
        xf_engine_autostart(d.engine);
        d.loop = g_main_loop_new(NULL, FALSE);
        run(&d);
        g_main_loop_unref(d.loop);
    } else {
        g_warning("cannot start: %s", err->message);
    }
    stop(&d);
    return ok ? EXIT_OK : EXIT_CANNOT_START;
}

int
xf_daemon_main(int argc, char **argv, const struct xf_daemon_backend *backend)
{
    XF_AUTO(xf_daemon_config) *config = NULL;
    g_autoptr(GError) err = NULL;
    gboolean version = FALSE;

    xf_daemon_log_init();
    signal(SIGPIPE, SIG_IGN);
    config = xf_daemon_config_load(&argc, &argv, &version, &err);
    if (!config) {
        g_warning("%s", err->message);
        return EXIT_USAGE;
    }
    if (version) {
        puts("xenferryd " PACKAGE_VERSION);
        return EXIT_OK;
    }
    if (config->verbose)
        xf_daemon_log_verbose();
    return serve(config, backend);
}
