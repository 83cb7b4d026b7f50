/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenferryd on a simulated host:  xenferryd-sim HOST-DIR [OPTIONS]
 * Options are xenferryd's.  Records are kept in the xenstored that
 * XENSTORED_PATH names.
 */
#include "config.h"

#include "tests/sim/sim.h"
#include "tools/daemon.h"
#include "xen/records.h"

#include <stdio.h>

#define RECORDS_ROOT "/tool/xenferry/handoff"

static struct xf_hypervisor *
new_hypervisor(void *user, GError **err)
{
    return xf_sim_new(user, err);
}

static struct xf_store *
new_store(void *user, GError **err)
{
    return xf_records_new(RECORDS_ROOT, err);
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: xenferryd-sim HOST-DIR [OPTIONS]\n");
        return 2;
    }

    const struct xf_daemon_backend backend = {
        .hypervisor = new_hypervisor,
        .store = new_store,
        .user = argv[1],
    };

    argv[1] = argv[0];
    return xf_daemon_main(argc - 1, argv + 1, &backend);
}
