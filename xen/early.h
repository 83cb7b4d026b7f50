/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that are attached while memory still streams.
 *
 * libxl attaches the devices of a domain that it restores after the last
 * byte of the stream, when the guest is down, and hotplug scripts take
 * seconds.  Disks and interfaces that only a backend in this dom0's kernel
 * serves can be there before: they are taken out of the configuration that
 * libxl restores, attached side by side as soon as the domain exists, and
 * written back into libxl's stored configuration in the end.
 *
 * The others go libxl's way: all of an HVM guest (its device model has them
 * on its command line), disks that a device model serves, removable media,
 * and what a driver domain serves.
 *
 * Thread: one at a time, and another than begin()'s may be in libxl with
 * the configuration that take() has left.
 */
#ifndef XF_XEN_EARLY_H
#define XF_XEN_EARLY_H

#include "xen/context.h"

struct xf_early;

/* Takes the devices out of `config`.  NULL: there are none to take. */
struct xf_early *xf_early_take(struct xf_context *context,
                               libxl_domain_config *config);

/* Can that domain be given devices yet?  libxl writes its type last. */
gboolean xf_early_possible(struct xf_context *context, int domid);

/* Starts to attach them to the domain; `failed` is called from another
 * thread when one cannot be.  Contexts come from `pool`. */
void xf_early_begin(struct xf_early *early, struct xf_context_pool *pool,
                    struct xf_context *context, int domid,
                    void (*failed)(void *user), void *user);

/* The restore has come to its end.  Waits until every device is attached or
 * has failed, beginning now if nobody has; then
 * - restored: writes the devices into libxl's stored configuration;
 * - otherwise: sees that nothing is left of them.
 * The error is that of the first device that failed. */
gboolean xf_early_end(struct xf_early *early, struct xf_context_pool *pool,
                      struct xf_context *context, int domid,
                      gboolean restored, GError **err);

/* After end(), or when begin() was never called. */
void xf_early_free(struct xf_early *early);
XF_DEFINE_AUTO(xf_early, xf_early_free);

#endif
