/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lets libxl_ctx_alloc() succeed on a machine without Xen, and for a user who
 * may not speak to Xen: a program's own definitions come before those of
 * libxenctrl and libxenstore.  Such a context is good for reading and writing
 * JSON, and for nothing else.  For the programs that only convert and for
 * tests; never for the daemon.
 */
#include "config.h"

#include <xenctrl.h>
#include <xenstore.h>

static char handle;

xc_interface *
xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger,
                  unsigned open_flags)
{
    return (xc_interface *)&handle;
}

int
xc_interface_close(xc_interface *xch)
{
    return 0;
}

struct xs_handle *
xs_open(unsigned long flags)
{
    return (struct xs_handle *)&handle;
}

void
xs_close(struct xs_handle *xsh)
{
}
