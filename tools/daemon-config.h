/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's configuration: a key file, every key of which is a command
 * line option too; options win.  One table has them all.
 */
#ifndef XF_TOOLS_DAEMON_CONFIG_H
#define XF_TOOLS_DAEMON_CONFIG_H

#include "protocol/engine.h"
#include "protocol/rpc/server.h"

struct xf_daemon_config {
    char *socket;
    gboolean listen_tcp;
    char *tcp_address;          /* NULL: all */
    guint tcp_port;
    gboolean verbose;
    struct xf_rpc_server_config server;

    /* engine.channel.port and the strings of it are set from these */
    struct xf_engine_config engine;
    guint channel_port;
    char *channel_address;      /* NULL: all */
    char *channel_host;         /* NULL: hostname */
    char *hostname;             /* NULL: the machine's */
    char *state_dir;
    char *xl_command;           /* that leads to xl; NULL: by ssh */
    char *run_dir;              /* that of the socket */
    guint memory_reserve_mib;

    GHashTable *networks;       /* see networks.h; libvirt's name -> bridge */
};

/* Reads command line and file.  NULL with an error that names file, group
 * and key, or the option.  *version: only the version was asked for. */
struct xf_daemon_config *xf_daemon_config_load(int *argc, char ***argv,
                                               gboolean *version,
                                               GError **err);
void xf_daemon_config_free(struct xf_daemon_config *config);
XF_DEFINE_AUTO(xf_daemon_config, xf_daemon_config_free);

#endif
