/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configurations of domains that do not run. */
#include "config.h"

#include <libxl_utils.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/driver.h"
#include "xen/domxml.h"
#include "xen/internal.h"

/* As libxl would at each start: one that is kept keeps its addresses. */
static void
make_up_macs(libxl_domain_config *config)
{
    static const libxl_mac none;

    for (int i = 0; i < config->num_nics; i++) {
        libxl_mac *mac = &config->nics[i].mac;
        guint32 bits = g_random_int();
        /* Xen's own prefix */
        const guint8 made[] = { 0x00, 0x16, 0x3e, bits >> 16 & 0x7f,
                                bits >> 8, bits };

        if (memcmp(mac, &none, sizeof(none)) == 0)
            memcpy(mac, made, sizeof(made));
    }
}

static enum xf_guest_type
guest_type(libxl_domain_type type)
{
    return type == LIBXL_DOMAIN_TYPE_PV    ? XF_GUEST_PV
           : type == LIBXL_DOMAIN_TYPE_PVH ? XF_GUEST_PVH
           : type == LIBXL_DOMAIN_TYPE_HVM ? XF_GUEST_HVM
                                           : XF_GUEST_UNKNOWN;
}

static gboolean
fill(const libxl_domain_config *config, struct xf_hv_domain *info,
     GError **err)
{
    const libxl_domain_build_info *build = &config->b_info;

    memset(info, 0, sizeof(*info));
    info->domid = -1;
    memcpy(info->uuid, libxl_uuid_bytearray_const(&config->c_info.uuid),
           XF_UUID_LEN);
    info->type = guest_type(config->c_info.type);
    info->max_memory_kib = build->max_memkb;
    info->memory_kib = build->target_memkb > 0
                               && build->target_memkb < build->max_memkb
                           ? build->target_memkb
                           : build->max_memkb;
    info->vcpus = libxl_bitmap_count_set(&build->avail_vcpus);
    if (!info->vcpus)
        info->vcpus = MAX(build->max_vcpus, 1);
    if (g_strlcpy(info->name, config->c_info.name, sizeof(info->name))
        < sizeof(info->name))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_XML,
                "domain XML: <name> has %" G_GSIZE_FORMAT " bytes, which is "
                "too long", strlen(config->c_info.name));
    return FALSE;
}

char *
xf_libxl_read(struct xf_hypervisor *hv, const char *xml, const char *name,
              guint flags, struct xf_hv_domain *info, GError **err)
{
    libxl_domain_config config;
    char *text = NULL;

    if (!xf_domxml_parse(xml, &config, err))
        return NULL;
    if (name) {
        free(config.c_info.name);
        config.c_info.name = strdup(name);      /* freed by libxl */
    }
    make_up_macs(&config);
    if (fill(&config, info, err))
        text = xf_domxml_describe(&config, -1, flags | XF_XML_INACTIVE, xml,
                                  err);
    libxl_domain_config_dispose(&config);
    return text;
}
