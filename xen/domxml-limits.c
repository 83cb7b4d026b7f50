/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML: what libxl 4.17 does not start, or starts without, though each
 * part of it can be said.  Looked at when all has been read.
 */
#include "config.h"

#include <string.h>

#include "xen/domxml-private.h"

static gboolean
redirections_finish(struct xf_domxml *dom, GError **err)
{
    const libxl_domain_build_info *b = &dom->config->b_info;

    if (!dom->redir_node)
        return TRUE;
    if (libxl_defbool_is_default(b->u.hvm.spice.enable))
        return xf_xml_cannot(err, dom->redir_node, "it goes through spice: "
                             "needs <graphics type='spice'>");
    if (b->u.hvm.usbdevice_list)
        return xf_xml_cannot(err, dom->redir_node, "libxl has redirections or "
                             "inputs on the bus 'usb', not both");
    return TRUE;
}

gboolean
xf_xml_on_demand(const libxl_domain_config *config)
{
    const libxl_domain_build_info *b = &config->b_info;

    return config->c_info.type != LIBXL_DOMAIN_TYPE_PV
           && b->target_memkb < b->max_memkb;
}

#define ALL_AT_ONCE "make <currentMemory> and <memory> the same"

static gboolean
pci_finish(struct xf_domxml *dom, GError **err)
{
    const libxl_domain_create_info *c = &dom->config->c_info;
    gboolean on = c->passthrough != LIBXL_PASSTHROUGH_DEFAULT
                  && c->passthrough != LIBXL_PASSTHROUGH_DISABLED;
    xmlNode *node = dom->pci_node ? dom->pci_node
                    : on ? dom->passthrough_node : NULL;

    if (!node)
        return TRUE;
    if (c->passthrough == LIBXL_PASSTHROUGH_DISABLED)
        return xf_xml_bad(err, node, "<passthrough state='off'/> is against "
                          "it");
    if (c->type == LIBXL_DOMAIN_TYPE_PVH)
        return xf_xml_cannot(err, node, "libxl assigns no devices to guests "
                             "of type 'xenpvh'");
    return !xf_xml_on_demand(dom->config)
           || xf_xml_cannot(err, node, "libxl assigns devices to a guest that "
                            "has all its memory from the start only: "
                            ALL_AT_ONCE);
}

gboolean
xf_xml_must_write(const char *vdev, libxl_hdtype hdtype)
{
    return xf_xml_disk_place(vdev, hdtype) >= 0
           && !g_str_has_prefix(vdev, "sd");
}

static gboolean
one_in_each_place(struct xf_domxml *dom, GError **err)
{
    const libxl_device_disk *disks = dom->config->disks;
    g_autoptr(GHashTable) taken = g_hash_table_new(NULL, NULL);

    for (int i = 0; i < dom->config->num_disks; i++) {
        int place = xf_xml_disk_socket(&disks[i], dom->hdtype);
        gpointer key = GINT_TO_POINTER(place);

        if (place < 0)
            continue;
        if (g_hash_table_contains(taken, key))
            return xf_xml_cannot(err, dom->disk_nodes->pdata[i], "QEMU would "
                                 "show '%s' where it shows '%s', and does not "
                                 "start", disks[i].vdev,
                                 (char *)g_hash_table_lookup(taken, key));
        g_hash_table_insert(taken, key, disks[i].vdev);
    }
    return TRUE;
}

static gboolean
disks_finish(struct xf_domxml *dom, GError **err)
{
    const libxl_domain_config *config = dom->config;

    if (xf_xml_is_hvm(dom) && !one_in_each_place(dom, err))
        return FALSE;
    for (int i = 0; i < config->num_disks && xf_xml_is_hvm(dom); i++)
        if (!config->disks[i].is_cdrom && !config->disks[i].readwrite
            && xf_xml_must_write(config->disks[i].vdev, dom->hdtype))
            return xf_xml_cannot(err, dom->disk_nodes->pdata[i], "QEMU has no "
                                 "IDE and SATA disks that are read only; make "
                                 "it a cdrom, a disk 'sd' or one from 'xvde' "
                                 "on");
    return TRUE;
}

guint64
xf_xml_vram_min(libxl_vga_interface_type kind, gboolean old_model)
{
    static const struct {
        guint64 now, then;
    } min[] = {
        [LIBXL_VGA_INTERFACE_TYPE_CIRRUS] = { 8 * 1024, 0 },
        [LIBXL_VGA_INTERFACE_TYPE_STD] = { 16 * 1024, 8 * 1024 },
        [LIBXL_VGA_INTERFACE_TYPE_NONE] = { 0, 0 },
        [LIBXL_VGA_INTERFACE_TYPE_QXL] = { 128 * 1024, G_MAXUINT64 },
    };

    if (kind >= G_N_ELEMENTS(min))
        return 0;
    return old_model ? min[kind].then : min[kind].now;
}

static gboolean
vram_finish(struct xf_domxml *dom, GError **err)
{
    const libxl_domain_build_info *b = &dom->config->b_info;
    guint64 min;

    if (!dom->vram_node)
        return TRUE;
    min = xf_xml_vram_min(b->u.hvm.vga.kind,
                          xf_xml_is_old_model(b->device_model));
    if (min == G_MAXUINT64)
        return xf_xml_cannot(err, dom->vram_node, "the old device model, "
                             "qemu-dm, has no such card");
    return b->video_memkb >= min
           || xf_xml_cannot(err, dom->vram_node, "vram: libxl starts no guest "
                            "with less than %" G_GUINT64_FORMAT " KiB for "
                            "this card", min);
}

static gboolean
vcpus_finish(struct xf_domxml *dom, GError **err)
{
    return xf_xml_is_pv(dom) || dom->vcpus <= XF_XML_HVM_VCPUS_MAX
           || xf_xml_cannot(err, dom->vcpu_node, "Xen gives HVM and PVH "
                            "guests at most %d", XF_XML_HVM_VCPUS_MAX);
}

/* hvmloader adds the tables to those that it makes. */
static gboolean
tables_finish(struct xf_domxml *dom, GError **err)
{
    return !dom->table_node || libxl_defbool_val(dom->config->b_info.acpi)
           || xf_xml_cannot(err, dom->table_node, "needs <acpi/> in "
                            "<features>: the guest has no ACPI without");
}

gboolean
xf_xml_limits_finish(struct xf_domxml *dom, GError **err)
{
    return vcpus_finish(dom, err) && tables_finish(dom, err)
           && redirections_finish(dom, err) && pci_finish(dom, err)
           && disks_finish(dom, err) && vram_finish(dom, err);
}
