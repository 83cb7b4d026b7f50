/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenferryd without its main(): options, configuration file, log, engine,
 * server, main loop.  What it runs on comes from the caller, so that a test
 * program gives it a simulator instead of Xen.
 */
#ifndef XF_TOOLS_DAEMON_H
#define XF_TOOLS_DAEMON_H

#include "protocol/hypervisor.h"
#include "protocol/store.h"
#include "tools/daemon-config.h"

/* Both are called once, in this order, before there is any other thread;
 * what they return is freed through its ops at the end. */
struct xf_daemon_backend {
    struct xf_hypervisor *(*hypervisor)(
        void *user, const struct xf_daemon_config *config, GError **err);
    struct xf_store *(*store)(void *user, GError **err);
    void *user;
};

/* Runs until SIGTERM or SIGINT; returns the process's exit status: 0 after a
 * clean end, 1 when it could not start (the log says why), 2 for wrong
 * options or configuration. */
int xf_daemon_main(int argc, char **argv,
                   const struct xf_daemon_backend *backend);

#endif
