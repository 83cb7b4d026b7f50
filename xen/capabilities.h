/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's capabilities documents, from what is known of a host.  Pure
 * functions: libxl's hypervisor fills in the struct, and so does the tests'
 * simulator, which has no libxl.
 */
#ifndef XF_XEN_CAPABILITIES_H
#define XF_XEN_CAPABILITIES_H

#include "protocol/hypervisor.h"

struct xf_host_caps {
    const struct xf_node_info *node;
    gboolean pv;
    gboolean hvm;               /* and so PVH */
    gboolean hap;               /* guests' page tables by the hardware */
    gboolean passthrough;       /* there is an IOMMU for guests' devices */
};

/* <capabilities>: the host, and each kind of guest it can have. */
char *xf_capabilities_format(const struct xf_host_caps *caps);
/* <domainCapabilities> of machine "xenpv", "xenpvh" or "xenfv"; NULL: the
 * first that the host can have.  arch NULL: the host's. */
char *xf_capabilities_domain(const struct xf_host_caps *caps,
                             const char *machine, const char *arch,
                             GError **err);
/* The most CPUs of any kind of guest. */
guint xf_capabilities_max_vcpus(const struct xf_host_caps *caps);

#endif
