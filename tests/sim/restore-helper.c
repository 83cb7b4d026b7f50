/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fills a domain of a simulated host from standard input, in a process of
 * its own, as libxl's save helper does:  restore-helper HOST-DIR DOMID
 * Prints "RC TEXT".
 */
#include "config.h"

#include "tests/sim/fakexl.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
say_who_fills(struct sim_host *host, int domid)
{
    SIM_LOCK(host);
    XF_AUTO(sim_domain) *dom = sim_host_get(host, domid);

    if (!dom)
        return;
    dom->helper = getpid();
    sim_host_put(host, dom);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) err = NULL;

    if (argc != 3) {
        fprintf(stderr, "usage: restore-helper HOST-DIR DOMID\n");
        return 2;
    }

    XF_AUTO(sim_host) *host = sim_host_open(argv[1], &err);

    if (!host) {
        printf("%d %s\n", FAKEXL_FAIL, err->message);
        return EXIT_FAILURE;
    }

    XF_AUTO(fakexl) *xl = fakexl_new(host);
    int domid = atoi(argv[2]);

    say_who_fills(host, domid);

    int rc = fakexl_fill(xl, domid, STDIN_FILENO);

    printf("%d %s\n", rc, xl->log ? xl->log : "");
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
