/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host: what Xen it runs, its CPUs and memory, what guests it can have. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "xen/capabilities.h"
#include "xen/internal.h"

/* "4", "17", ".7" -> 4017007 */
static guint64
version_number(const libxl_version_info *v)
{
    guint release = 0;

    if (v->xen_version_extra)
        sscanf(v->xen_version_extra, ".%u", &release);
    return (guint64)v->xen_version_major * 1000000 +
           v->xen_version_minor * 1000 + release;
}

static void
fill_node(struct xf_node_info *node, const libxl_physinfo *phys,
          guint64 free_kib)
{
    struct utsname uts;
    guint per_socket = phys->cores_per_socket * phys->threads_per_core;

    if (uname(&uts) == 0)
        g_strlcpy(node->model, uts.machine, sizeof(node->model));
    node->memory_kib = phys->total_pages * 4;
    node->free_kib = free_kib;
    node->cpus = phys->nr_cpus;
    node->mhz = phys->cpu_khz / 1000;
    node->nodes = MAX(phys->nr_nodes, 1);
    node->cores = MAX(phys->cores_per_socket, 1);
    node->threads = MAX(phys->threads_per_core, 1);
    node->sockets = MAX(phys->nr_cpus / MAX(per_socket * node->nodes, 1), 1);
}

/* *host, and in *caps, unless that is NULL, what kinds of guest there can be;
 * caps->node is then the host's. */
static gboolean
query(struct xf_hypervisor *hypervisor, struct xf_hv_host *host,
      struct xf_host_caps *caps, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);
    struct xf_context *c = lent.context;

    if (!c)
        return FALSE;

    const libxl_version_info *version = libxl_get_version_info(c->libxl);
    libxl_physinfo phys;
    uint64_t free_kib = 0;

    if (!version) {
        xf_context_error(c, err, XF_ERROR_SYSTEM, ERROR_FAIL,
                         "cannot read Xen's version");
        return FALSE;
    }
    libxl_physinfo_init(&phys);

    int rc = libxl_get_physinfo(c->libxl, &phys);

    if (!rc)
        rc = libxl_get_free_memory(c->libxl, &free_kib);
    if (!rc) {
        memset(host, 0, sizeof(*host));
        host->version = version_number(version);
        fill_node(&host->node, &phys, free_kib);
        if (caps)
            *caps = (struct xf_host_caps) {
                .node = &host->node,
                .pv = phys.cap_pv,
                .hvm = phys.cap_hvm,
                .hap = phys.cap_hap,
                .passthrough = phys.cap_hvm_directio,
            };
    } else {
        xf_context_error(c, err, XF_ERROR_SYSTEM, rc,
                         "cannot read the host's cpus and memory");
    }
    libxl_physinfo_dispose(&phys);
    return !rc;
}

void
xf_libxl_origin_here(struct xf_context *context, struct xf_origin *origin)
{
    const libxl_version_info *version = libxl_get_version_info(context->libxl);

    memset(origin, 0, sizeof(*origin));
    /* a version that cannot be read is not compared */
    origin->version = version ? version_number(version) : 0;
    origin->clock = g_get_real_time() / G_USEC_PER_SEC;
}

gboolean
xf_libxl_host(struct xf_hypervisor *hv, struct xf_hv_host *host, GError **err)
{
    return query(hv, host, NULL, err);
}

char *
xf_libxl_capabilities(struct xf_hypervisor *hv, GError **err)
{
    struct xf_hv_host host;
    struct xf_host_caps caps;

    return query(hv, &host, &caps, err) ? xf_capabilities_format(&caps)
                                        : NULL;
}

char *
xf_libxl_domain_capabilities(struct xf_hypervisor *hv, const char *machine,
                             const char *arch, GError **err)
{
    struct xf_hv_host host;
    struct xf_host_caps caps;

    return query(hv, &host, &caps, err)
               ? xf_capabilities_domain(&caps, machine, arch, err) : NULL;
}

guint
xf_libxl_max_vcpus(struct xf_hypervisor *hv, GError **err)
{
    struct xf_hv_host host;
    struct xf_host_caps caps;

    return query(hv, &host, &caps, err) ? xf_capabilities_max_vcpus(&caps)
                                        : 0;
}
