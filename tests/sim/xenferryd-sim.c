/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenferryd on a simulated host:  xenferryd-sim HOST-DIR [OPTIONS]
 * Options are xenferryd's.  Records are kept in the xenstored that
 * XENSTORED_PATH names.  Faults are built into it: inject.h.
 *
 *   xenferryd-sim --list-faults
 */
#include "config.h"

#include "tests/sim/inject.h"
#include "tests/sim/sim.h"
#include "tools/daemon.h"
#include "xen/claim.h"
#include "xen/records.h"

#include <stdio.h>
#include <string.h>

#define RECORDS_ROOT "/tool/xenferry/handoff"

static struct xf_hypervisor *
new_hypervisor(void *user, const struct xf_daemon_config *config,
               GError **err)
{
    return inject_start(user, err) && xf_host_claim(err)
               ? xf_sim_new(user, err) : NULL;
}

static struct xf_store *
new_store(void *user, GError **err)
{
    struct xf_store *store = xf_records_new(RECORDS_ROOT, err);

    return store ? inject_store(store) : NULL;
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: xenferryd-sim HOST-DIR [OPTIONS]\n");
        return 2;
    }
    if (strcmp(argv[1], "--list-faults") == 0) {
        inject_list();
        return 0;
    }

    const struct xf_daemon_backend backend = {
        .hypervisor = new_hypervisor,
        .store = new_store,
        .user = argv[1],
    };

    argv[1] = argv[0];
    return xf_daemon_main(argc - 1, argv + 1, &backend);
}
