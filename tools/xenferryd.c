/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xenferryd: the daemon on Xen; see daemon.h */
#include "config.h"

#include "tools/daemon.h"
#include "xen/claim.h"
#include "xen/libxl.h"
#include "xen/orphans.h"
#include "xen/records.h"

#define RECORDS_ROOT "/tool/xenferry/handoff"

static struct xf_hypervisor *
open_xen(void *user, const struct xf_daemon_config *config, GError **err)
{
    xf_orphans_end(NULL);
    return xf_libxl_new(config->networks, err);
}

static struct xf_store *
open_records(void *user, GError **err)
{
    return xf_records_new(RECORDS_ROOT, err);
}

int
main(int argc, char **argv)
{
    static const struct xf_daemon_backend xen = {
        .hypervisor = open_xen,
        .store = open_records,
    };

    return xf_daemon_main(argc, argv, &xen);
}
