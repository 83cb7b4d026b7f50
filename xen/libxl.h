/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hypervisor table by libxl (protocol/hypervisor.h), and the keeper.
 *
 * For a process in dom0 that may talk to Xen and xenstored.  The process must
 * ignore SIGPIPE, and may have child processes of its own as long as it
 * reaps them by pid.
 *
 * The keeper acts on the death of domains that were created or received
 * here: on_poweroff, on_reboot, on_crash and their kin, as the domain's
 * configuration says.  It remembers whom it looks after in xenstore, so that
 * a restarted process goes on where its predecessor was.
 */
#ifndef XF_XEN_LIBXL_H
#define XF_XEN_LIBXL_H

#include "protocol/hypervisor.h"

/* NULL with an error when this is not a dom0, or when Xen or xenstored do
 * not answer.  Call it once in a process, early: it sets the environment
 * that libxl's helper programs get.  `networks` (may be NULL): which bridge
 * is which network here, as in domxml.h; it is kept, and must not be changed
 * any more.  End with hv->ops->free(hv). */
struct xf_hypervisor *xf_libxl_new(GHashTable *networks, GError **err);

#endif
