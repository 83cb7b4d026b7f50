/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs in place of libxl's save and restore helper, and becomes it, with two
 * things put right that libxl leaves as they are:
 *
 * - SIGPIPE is ignored.  Else a destination that goes away kills the helper
 *   on the spot, and the guest is left in log-dirty mode, slower than it need
 *   be, until it is next migrated.
 * - It gets SIGTERM when the thread that started it ends, that is, when the
 *   daemon dies.  Else a restore helper lives on, keeps the connection open
 *   and goes on filling a domain that nobody wants, and the source notices
 *   nothing.
 *
 * The environment says where the real one is (see helper.c).
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "xen/helper.h"

int
main(int argc, char **argv)
{
    const char *helper = getenv(XF_HELPER_ENV);
    pid_t parent = getppid();

    if (!helper) {
        fprintf(stderr, "xenferry save-helper: " XF_HELPER_ENV
                " does not say where libxl's helper is\n");
        return 127;
    }
    signal(SIGPIPE, SIG_IGN);
    /* It may have died before the signal was ordered: then the parent is
     * another one now, or was init from the start. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != parent ||
        parent == 1)
        return 127;
    execv(helper, argv);
    fprintf(stderr, "xenferry save-helper: cannot run %s: %s\n", helper,
            strerror(errno));
    return 127;
}
