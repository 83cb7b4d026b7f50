/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML: <os>: the guest's type and what it boots. */
#include "config.h"

#include <string.h>

#include "xen/domxml-private.h"

struct boot_device {
    guint64 order;
    char letter;
    int index;                  /* in the configuration's disks or nics */
    xmlNode *node;
};

/* -- the type, before everything else -------------------------------------- */

static const struct xf_xml_word os_types[] = {
    { "linux", LIBXL_DOMAIN_TYPE_PV, NULL },
    { "xen", LIBXL_DOMAIN_TYPE_PV, NULL },
    { "xenpvh", LIBXL_DOMAIN_TYPE_PVH, NULL },
    { "hvm", LIBXL_DOMAIN_TYPE_HVM, NULL },
    { "exe", 0, "containers are not Xen's" },
    { NULL, 0, NULL }
};

/* What <type machine=> may say for each guest type. */
static const struct xf_xml_word machines[] = {
    { "xenpv", LIBXL_DOMAIN_TYPE_PV, NULL },
    { "xenpvh", LIBXL_DOMAIN_TYPE_PVH, NULL },
    { "xenfv", LIBXL_DOMAIN_TYPE_HVM, NULL },
    { "pc", LIBXL_DOMAIN_TYPE_HVM, NULL },
    { "q35", 0, "libxl has QEMU's 'pc' only" },
    { "microvm", 0, "libxl has QEMU's 'pc' only" },
    { "isapc", 0, "libxl has QEMU's 'pc' only" },
    { NULL, 0, NULL }
};

static const struct xf_xml_word archs[] = {
    { "x86_64", 0, NULL }, { "i686", 0, NULL }, { NULL, 0, NULL }
};

gboolean
xf_xml_os_type(struct xf_domxml *dom, GError **err)
{
    xmlNode *os = xf_xml_child(dom->root, "os");
    xmlNode *node = xf_xml_child(os, "type");
    int type, machine;

    if (!node && !xf_xml_child(dom->root, "bootloader"))
        return xf_xml_bad(err, os ? os : dom->root, "says no <os><type>");
    /* a guest with a bootloader and no <type> is PV */
    type = LIBXL_DOMAIN_TYPE_PV;
    if (node && !xf_xml_word_in(dom, node, NULL, os_types, &type, err))
        return FALSE;
    machine = type;
    if (node && !xf_xml_word_in(dom, node, "machine", machines, &machine,
                                err))
        return FALSE;
    if (machine != type)
        return xf_xml_bad(err, node, "type '%s' has no machine '%s'",
                          xf_xml_text(dom, node),
                          xf_xml_attr(dom, node, "machine"));
    dom->config->c_info.type = type;
    libxl_domain_build_info_init_type(&dom->config->b_info, type);
    return TRUE;
}

static gboolean
read_type(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    int arch;

    return xf_xml_word_attr(dom, node, "arch", &arch, err);
}

static gboolean
hvm_only(struct xf_domxml *dom, xmlNode *node, GError **err)
{
    return xf_xml_is_hvm(dom)
           || xf_xml_cannot(err, node, "only a guest of type 'hvm' has this");
}

/* -- direct kernel boot ---------------------------------------------------- */

static gboolean
read_path(struct xf_domxml *dom, xmlNode *node, char **out, GError **err)
{
    const char *path = xf_xml_text(dom, node);

    if (!*path)
        return xf_xml_bad(err, node, "is empty");
    *out = xf_xl_strdup(path);
    return TRUE;
}

static gboolean
read_kernel(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    return read_path(dom, node, &dom->config->b_info.kernel, err);
}

static gboolean
read_initrd(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    return read_path(dom, node, &dom->config->b_info.ramdisk, err);
}

static gboolean
read_dtb(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    return read_path(dom, node, &dom->config->b_info.device_tree, err);
}

static gboolean
read_cmdline(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    dom->config->b_info.cmdline = xf_xl_strdup(xf_xml_raw_text(dom, node));
    return TRUE;
}

/* -- firmware -------------------------------------------------------------- */

static const struct xf_xml_word firmwares[] = {
    { "efi", LIBXL_BIOS_TYPE_OVMF, NULL },
    { "bios", LIBXL_BIOS_TYPE_SEABIOS, NULL },
    { NULL, 0, NULL }
};

const struct xf_xml_value xf_xml_os_values[] = {
    { "firmware", firmwares }, { NULL, NULL }
};

gboolean
xf_xml_read_os(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    int bios = LIBXL_BIOS_TYPE_UNKNOWN;

    if (!xf_xml_attr(dom, node, "firmware"))
        return TRUE;
    if (!hvm_only(dom, node, err)
        || !xf_xml_word_attr(dom, node, "firmware", &bios, err))
        return FALSE;
    dom->config->b_info.u.hvm.bios = bios;
    dom->firmware_node = node;
    return TRUE;
}

static const struct xf_xml_word loader_types[] = {
    { "rom", LIBXL_BIOS_TYPE_SEABIOS, NULL },
    { "pflash", LIBXL_BIOS_TYPE_OVMF, NULL },
    { NULL, 0, NULL }
};

static const struct xf_xml_word loader_readonly[] = {
    { "yes", 1, NULL },
    { "no", 0, "Xen's firmware image is never written" },
    { NULL, 0, NULL }
};

static const struct xf_xml_word loader_secure[] = {
    { "no", 0, NULL },
    { "yes", 1, "Xen's firmware has no protected variable store" },
    { NULL, 0, NULL }
};

/* hvmloader is what libxl always starts; where it lies is the host's affair,
 * and libvirt writes that path into every HVM guest. */
static gboolean
is_hvmloader(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash ? slash + 1 : path, "hvmloader") == 0;
}

/* Which firmware it is, the type says, or <os firmware=>; libxl would take
 * any image for SeaBIOS. */
static gboolean
set_bios(struct xf_domxml *dom, xmlNode *node, libxl_bios_type type,
         const char *path, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;

    if (type && b->u.hvm.bios && b->u.hvm.bios != type)
        return xf_xml_bad(err, node, "type '%s' is not what <os firmware=> "
                          "says: 'rom' is a BIOS, 'pflash' is EFI",
                          xf_xml_attr(dom, node, "type"));
    if (*path && !type && !b->u.hvm.bios)
        return xf_xml_cannot(err, node, "libxl must know what that image is: "
                             "give it type='rom' for a BIOS, 'pflash' for "
                             "EFI");
    if (!type)
        return TRUE;
    b->u.hvm.bios = type;
    dom->firmware_node = node;
    return TRUE;
}

static gboolean
read_loader(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;
    const char *path = xf_xml_text(dom, node);
    int type = LIBXL_BIOS_TYPE_UNKNOWN, value;

    if (!hvm_only(dom, node, err)
        || !xf_xml_word_attr(dom, node, "type", &type, err)
        || !xf_xml_word_attr(dom, node, "readonly", &value,
                             err)
        || !xf_xml_word_attr(dom, node, "secure", &value, err))
        return FALSE;
    if (is_hvmloader(path)) {
        if (type == LIBXL_BIOS_TYPE_OVMF)
            return xf_xml_bad(err, node, "hvmloader is no image of EFI; for "
                              "that take this out and give <os "
                              "firmware='efi'>");
        xf_xml_idle(dom, node, NULL);
        return TRUE;
    }
    if (!set_bios(dom, node, type, path, err))
        return FALSE;
    if (*path)
        b->u.hvm.system_firmware = xf_xl_strdup(path);
    return TRUE;
}

static const struct xf_xml_word smbios_modes[] = {
    { "emulate", 0, NULL },
    { "host", 0, "libxl cannot copy the host's SMBIOS strings" },
    { "sysinfo", 0, "libxl cannot set SMBIOS strings" },
    { NULL, 0, NULL }
};

static gboolean
read_smbios(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    int mode;

    return xf_xml_word_attr(dom, node, "mode", &mode, err);
}

static const struct xf_xml_word table_types[] = {
    { "slic", 0, NULL }, { "rawset", 0, NULL }, { "raw", 0, NULL },
    { NULL, 0, NULL }
};

static gboolean
read_acpi_table(struct xf_domxml *dom, xmlNode *node, void *arg,
                GError **err)
{
    int type;

    dom->table_node = node;
    return hvm_only(dom, node, err)
           && xf_xml_word_attr(dom, node, "type", &type, err)
           && read_path(dom, node, &dom->config->b_info.u.hvm.acpi_firmware,
                        err);
}

/* -- boot order ------------------------------------------------------------ */

static const struct xf_xml_word boot_devs[] = {
    { "fd", 'a', NULL }, { "hd", 'c', NULL }, { "cdrom", 'd', NULL },
    { "network", 'n', NULL }, { NULL, 0, NULL }
};

static gboolean
read_boot(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    int letter = 0;

    if (!xf_xml_need_attr(dom, node, "dev", err)
        || !xf_xml_word_attr(dom, node, "dev", &letter, err))
        return FALSE;
    /* PV and PVH boot their kernel; libvirt writes <boot> there too */
    if (xf_xml_is_hvm(dom))
        g_string_append_c(dom->boot, letter);
    else
        xf_xml_idle(dom, node, NULL);
    return TRUE;
}

gboolean
xf_xml_boot_device(struct xf_domxml *dom, xmlNode *node, char letter,
                   GError **err)
{
    const libxl_domain_config *config = dom->config;
    struct boot_device device = {
        .letter = letter, .node = node,
        .index = (letter == 'n' ? config->num_nics : config->num_disks) - 1,
    };

    if (!xf_xml_need_attr(dom, node, "order", err)
        || !xf_xml_uint_attr(dom, node, "order", G_MAXINT, &device.order,
                             err))
        return FALSE;
    if (!xf_xml_is_hvm(dom)) {
        xf_xml_idle(dom, node, NULL);
        return TRUE;
    }
    if (!dom->boot_devices)
        dom->boot_devices = g_array_new(FALSE, FALSE, sizeof(device));
    for (guint i = 0; i < dom->boot_devices->len; i++)
        if (g_array_index(dom->boot_devices, struct boot_device, i).order
            == device.order)
            return xf_xml_bad(err, node, "order %" G_GUINT64_FORMAT
                              " is given twice", device.order);
    g_array_append_val(dom->boot_devices, device);
    return TRUE;
}

static gint
by_order(gconstpointer a, gconstpointer b)
{
    const struct boot_device *x = a, *y = b;

    return x->order < y->order ? -1 : x->order > y->order;
}

static gboolean
is_first_nic(struct xf_domxml *dom, const struct boot_device *device,
             GError **err)
{
    const libxl_device_nic *nics = dom->config->nics;

    if (nics[device->index].nictype == LIBXL_NIC_TYPE_VIF)
        return xf_xml_cannot(err, device->node, "firmware does not see an "
                             "interface of model 'netfront'; give it an "
                             "emulated one");
    for (int i = 0; i < device->index; i++)
        if (nics[i].nictype != LIBXL_NIC_TYPE_VIF)
            return xf_xml_cannot(err, device->node, "of several interfaces "
                                 "libxl boots from the first that is "
                                 "emulated; put this one before it");
    return TRUE;
}

static gboolean
is_first_disk(struct xf_domxml *dom, const struct boot_device *device,
              GError **err)
{
    const libxl_device_disk *disks = dom->config->disks;
    const libxl_device_disk *disk = &disks[device->index];
    int place = xf_xml_disk_place(disk->vdev, dom->hdtype);

    if (place < 0)
        return xf_xml_cannot(err, device->node, "firmware does not see '%s', "
                             "which is beyond the disks that QEMU shows",
                             disk->vdev);
    for (int i = 0; i < dom->config->num_disks; i++) {
        int other = xf_xml_disk_place(disks[i].vdev, dom->hdtype);

        if (!disks[i].is_cdrom == !disk->is_cdrom && other >= 0
            && other < place)
            return xf_xml_cannot(err, device->node, "libxl orders kinds of "
                                 "devices, and of this kind it boots from "
                                 "the first, '%s', not from '%s'",
                                 disks[i].vdev, disk->vdev);
    }
    return TRUE;
}

/* libxl orders kinds of devices, not devices: the first of a kind must be the
 * first that the firmware sees, those right behind it are not tried, and
 * coming back to a kind later cannot be said. */
static gboolean
add_boot_device(struct xf_domxml *dom, const struct boot_device *device,
                GError **err)
{
    char last = dom->boot->len ? dom->boot->str[dom->boot->len - 1] : '\0';

    if (last == device->letter) {
        xf_xml_idle(dom, device->node, NULL);
        return TRUE;
    }
    if (strchr(dom->boot->str, device->letter))
        return xf_xml_cannot(err, dom->root, "the boot order of the devices "
                             "mixes disks, cdroms and networks: libxl orders "
                             "kinds only");
    g_string_append_c(dom->boot, device->letter);
    return device->letter == 'n' ? is_first_nic(dom, device, err)
                                 : is_first_disk(dom, device, err);
}

static gboolean
boot_from_devices(struct xf_domxml *dom, GError **err)
{
    if (dom->boot->len)
        return xf_xml_bad(err, dom->root, "has a boot order both in <os> "
                          "and in devices");
    g_array_sort(dom->boot_devices, by_order);
    for (guint i = 0; i < dom->boot_devices->len; i++)
        if (!add_boot_device(dom, &g_array_index(dom->boot_devices,
                                                 struct boot_device, i), err))
            return FALSE;
    return TRUE;
}

static const struct xf_xml_word bootmenu_enable[] = {
    { "no", 0, NULL },
    { "yes", 1, "libxl cannot turn the boot menu on" },
    { NULL, 0, NULL }
};

static gboolean
read_bootmenu(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    int enable;

    return xf_xml_word_attr(dom, node, "enable", &enable,
                            err);
}

static const struct xf_xml_rule acpi_rules[] = {
    { .name = "table", .attrs = "type",
      .values = XF_XML_VALUES({ "type", table_types }),
      .read = read_acpi_table,
      .flags = XF_RULE_TEXT },
    { .name = NULL }
};

const struct xf_xml_rule xf_xml_os_rules[] = {
    { .name = "type", .attrs = "arch machine",
      .values = XF_XML_VALUES({ NULL, os_types }, { "arch", archs },
                              { "machine", machines }),
      .read = read_type, .flags = XF_RULE_TEXT },
    { .name = "kernel", .read = read_kernel, .flags = XF_RULE_TEXT },
    { .name = "initrd", .read = read_initrd, .flags = XF_RULE_TEXT },
    { .name = "cmdline", .read = read_cmdline, .flags = XF_RULE_TEXT },
    { .name = "root", .why = "put root= into <cmdline>" },
    { .name = "dtb", .read = read_dtb, .flags = XF_RULE_TEXT },
    { .name = "loader", .attrs = "type readonly secure ~format "
                                 "!stateless",
      .attrs_no = "Xen's firmware keeps no state anyway",
      .values = XF_XML_VALUES({ "type", loader_types },
                              { "readonly", loader_readonly },
                              { "secure", loader_secure }),
      .attrs_why = "hvmloader takes the image as it is",
      .idle = "libxl starts its own hvmloader by itself",
      .read = read_loader, .flags = XF_RULE_TEXT },
    { .name = "nvram", .why = "Xen's firmware keeps its variables in the "
                              "guest's memory only" },
    { .name = "firmware", .why = "Xen has one firmware of each kind: there "
                                 "is none to be chosen by features" },
    { .name = "boot", .attrs = "dev",
      .values = XF_XML_VALUES({ "dev", boot_devs }), .read = read_boot,
      .idle = "PV and PVH guests boot their kernel",
      .flags = XF_RULE_MANY },
    { .name = "bootmenu", .attrs = "enable ~timeout",
      .values = XF_XML_VALUES({ "enable", bootmenu_enable }),
      .attrs_why = "there is no boot menu that could wait",
      .read = read_bootmenu },
    { .name = "bios", .why = "libxl cannot pass settings to the BIOS" },
    { .name = "smbios", .attrs = "mode",
      .values = XF_XML_VALUES({ "mode", smbios_modes }),
      .read = read_smbios },
    { .name = "acpi", .children = acpi_rules },
    { .name = "init", .why = "containers are not Xen's" },
    { .name = "initarg", .why = "containers are not Xen's" },
    { .name = "initenv", .why = "containers are not Xen's" },
    { .name = "initdir", .why = "containers are not Xen's" },
    { .name = "inituser", .why = "containers are not Xen's" },
    { .name = "initgroup", .why = "containers are not Xen's" },
    { .name = "idmap", .why = "containers are not Xen's" },
    { .name = "shim", .why = "libxl has no setting for it" },
    { .name = NULL }
};

gboolean
xf_domxml_boots(const libxl_domain_config *config)
{
    const libxl_domain_build_info *b = &config->b_info;

    return config->c_info.type != LIBXL_DOMAIN_TYPE_PVH || b->kernel
           || b->bootloader;
}

gboolean
xf_xml_os_finish(struct xf_domxml *dom, GError **err)
{
    const xmlNode *os = xf_xml_child(dom->root, "os");
    libxl_domain_build_info *b = &dom->config->b_info;

    if (dom->boot_devices && !boot_from_devices(dom, err))
        return FALSE;
    if (dom->firmware_node && xf_xml_is_old_model(b->device_model))
        return xf_xml_cannot(err, dom->firmware_node, "the old device model, "
                             "qemu-dm, has a BIOS of its own and takes no "
                             "other");
    if (xf_xml_is_hvm(dom))
        b->u.hvm.boot = xf_xl_strdup(dom->boot->len ? dom->boot->str : "c");
    /* found by libxl in its own folder */
    if (xf_xml_is_pv(dom) && !b->kernel && !b->bootloader)
        b->bootloader = xf_xl_strdup("pygrub");
    if (b->kernel && b->bootloader)
        return xf_xml_bad(err, dom->root, "has both <kernel> and "
                          "<bootloader>");
    return xf_domxml_boots(dom->config)
           || xf_xml_cannot(err, os, "needs <kernel>, or <bootloader> "
                            "before it: libxl has no firmware for guests of "
                            "type 'xenpvh'");
}
