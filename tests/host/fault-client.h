/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client of the fault runs: migrates the guest by one protocol, in a thread
 * of its own, while the run looks after the daemons.
 */
#ifndef XF_TESTS_HOST_FAULT_CLIENT_H
#define XF_TESTS_HOST_FAULT_CLIENT_H

#include "tests/host/hosts.h"

#define GUEST "g"

struct client {
    struct host *from, *to;
    guint32 flags;
    guint version;              /* of the protocol */
    gboolean p2p;
    gboolean ended;             /* atomic */
    gboolean ok;
    GError *err;
};

/* A GThreadFunc; `data` is the struct client, which outlives it. */
gpointer fault_client_main(gpointer data);

#endif
