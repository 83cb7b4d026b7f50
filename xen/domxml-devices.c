/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML: the table of <devices>, and those devices that need few words:
 * inputs, sound, host devices.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "xen/domxml-private.h"

static gboolean
hvm_only(struct xf_domxml *dom, xmlNode *node, GError **err)
{
    return xf_xml_is_hvm(dom)
           || xf_xml_cannot(err, node, "only a guest of type 'hvm' has this");
}

static const struct xf_xml_rule plain_rules[] = {
    XF_XML_ALIAS_RULE,
    XF_XML_ADDRESS_RULE,
    { .name = NULL }
};

gboolean
xf_xml_is_old_model(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return path && strcmp(slash ? slash + 1 : path, "qemu-dm") == 0;
}

static gboolean
read_emulator(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;
    const char *path = xf_xml_text(dom, node);

    if (!*path)
        return xf_xml_bad(err, node, "is empty");
    b->device_model = xf_xl_strdup(path);
    if (xf_xml_is_old_model(path))
        b->device_model_version =
            LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN_TRADITIONAL;
    return TRUE;
}

/* -- <input>, <sound>, <redirdev> ------------------------------------------ */

enum input_bus {
    INPUT_USB = 1,
    INPUT_PS2,
    INPUT_XEN,
};

static const struct xf_xml_word input_buses[] = {
    { "usb", INPUT_USB, NULL },
    { "ps2", INPUT_PS2, NULL },
    { "xen", INPUT_XEN, NULL },
    { "virtio", 0, "Xen guests have no virtio inputs" },
    { NULL, 0, NULL }
};

enum input_type {
    INPUT_MOUSE = 1,
    INPUT_TABLET,
    INPUT_KEYBOARD,
};

static const struct xf_xml_word input_types[] = {
    { "mouse", INPUT_MOUSE, NULL },
    { "tablet", INPUT_TABLET, NULL },
    { "keyboard", INPUT_KEYBOARD, NULL },
    { "passthrough", 0, "libxl passes no input devices through" },
    { "evdev", 0, "libxl passes no input devices through" },
    { NULL, 0, NULL }
};

/* QEMU's names */
static const char *const usb_inputs[] = {
    [INPUT_MOUSE] = "mouse",
    [INPUT_TABLET] = "tablet",
    [INPUT_KEYBOARD] = "keyboard",
};

static gboolean
read_input(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;
    int type = 0, bus = xf_xml_is_hvm(dom) ? INPUT_PS2 : INPUT_XEN;

    if (!xf_xml_need_attr(dom, node, "type", err)
        || !xf_xml_word_attr(dom, node, "type", &type, err)
        || !xf_xml_word_attr(dom, node, "bus", &bus, err))
        return FALSE;
    if (type == INPUT_TABLET && bus != INPUT_USB)
        return xf_xml_cannot(err, node, "libxl has tablets on the bus 'usb' "
                             "only");
    if (bus != INPUT_XEN && !hvm_only(dom, node, err))
        return FALSE;
    if (bus != INPUT_USB) {
        xf_xml_idle(dom, node, NULL);
        return TRUE;
    }
    libxl_defbool_set(&b->u.hvm.usb, true);
    xf_xl_list_add(&b->u.hvm.usbdevice_list, usb_inputs[type]);
    return TRUE;
}

enum sound {
    SOUND_SB16,
    SOUND_ES1370,
    SOUND_AC97,
    SOUND_HDA,
};

const char *const xf_xml_sound_names[] = {
    [SOUND_SB16] = "sb16", [SOUND_ES1370] = "es1370",
    [SOUND_AC97] = "ac97", [SOUND_HDA] = "hda",
};

/* The first of each value is the one that is written. */
const struct xf_xml_word xf_xml_sounds[] = {
    { "sb16", SOUND_SB16, NULL },
    { "es1370", SOUND_ES1370, NULL },
    { "ac97", SOUND_AC97, NULL },
    { "ich6", SOUND_HDA, NULL },
    { "ich9", SOUND_HDA, NULL },
    { "ich7", 0, "libxl has sb16, es1370, ac97 and ich6" },
    { "pcspk", 0, "QEMU has no such card for Xen guests" },
    { "usb", 0, "libxl has sb16, es1370, ac97 and ich6" },
    { NULL, 0, NULL }
};

static gboolean
read_sound(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;
    int card = 0;

    if (!hvm_only(dom, node, err)
        || !xf_xml_need_attr(dom, node, "model", err)
        || !xf_xml_word_attr(dom, node, "model", &card, err))
        return FALSE;
    if (b->u.hvm.soundhw)
        return xf_xml_cannot(err, node, "libxl has one sound card");
    b->u.hvm.soundhw = xf_xl_strdup(xf_xml_sound_names[card]);
    return TRUE;
}

static const struct xf_xml_rule sound_rules[] = {
    XF_XML_ALIAS_RULE,
    XF_XML_ADDRESS_RULE,
    { .name = "audio", .flags = XF_RULE_HARMLESS,
      .why = "QEMU sends sound where the display is" },
    { .name = "codec", .why = "libxl has no setting for it" },
    { .name = NULL }
};

static const struct xf_xml_word redir_types[] = {
    { "spicevmc", 1, NULL },
    { "tcp", 0, "libxl redirects USB through spice only" },
    { NULL, 0, NULL }
};

static const struct xf_xml_word redir_buses[] = {
    { "usb", 1, NULL }, { NULL, 0, NULL }
};

static gboolean
read_redirdev(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    libxl_spice_info *spice = &dom->config->b_info.u.hvm.spice;
    int type, bus;

    if (!hvm_only(dom, node, err)
        || !xf_xml_word_attr(dom, node, "bus", &bus, err)
        || !xf_xml_need_attr(dom, node, "type", err)
        || !xf_xml_word_attr(dom, node, "type", &type, err))
        return FALSE;
    if (spice->usbredirection == XF_XML_REDIRECTIONS_MAX)
        return xf_xml_cannot(err, node, "libxl redirects %d devices at most",
                             XF_XML_REDIRECTIONS_MAX);
    if (!dom->redir_node)
        dom->redir_node = node;
    spice->usbredirection++;
    return TRUE;
}

/* -- <filesystem> ---------------------------------------------------------- */

static const struct xf_xml_word filesystem_types[] = {
    { "mount", 1, NULL },
    { "template", 0, "containers are not Xen's" },
    { "file", 0, "containers are not Xen's" },
    { "block", 0, "containers are not Xen's" },
    { "ram", 0, "containers are not Xen's" },
    { "bind", 0, "containers are not Xen's" },
    { NULL, 0, NULL }
};

#define ONE_ACCESS_MODE "QEMU serves Xen guests 'squash' only"

static const struct xf_xml_word access_modes[] = {
    { "squash", 1, NULL },
    { "passthrough", 0, ONE_ACCESS_MODE },
    { "mapped", 0, ONE_ACCESS_MODE },
    { NULL, 0, NULL }
};

static gboolean
read_filesystem_source(struct xf_domxml *dom, xmlNode *node, void *arg,
                       GError **err)
{
    libxl_device_p9 *p9 = arg;

    xf_xml_string_attr(dom, node, "dir", &p9->path);
    return xf_xml_need_attr(dom, node, "dir", err) != NULL;
}

static gboolean
read_filesystem_target(struct xf_domxml *dom, xmlNode *node, void *arg,
                       GError **err)
{
    libxl_device_p9 *p9 = arg;

    xf_xml_string_attr(dom, node, "dir", &p9->tag);
    return xf_xml_need_attr(dom, node, "dir", err) != NULL;
}

static const struct xf_xml_rule filesystem_rules[] = {
    { .name = "source", .attrs = "dir", .read = read_filesystem_source },
    { .name = "target", .attrs = "dir", .read = read_filesystem_target },
    XF_XML_ALIAS_RULE,
    XF_XML_ADDRESS_RULE,
    { .name = "driver", .why = "libxl has no settings for the backend" },
    { .name = "binary", .why = "Xen guests have no virtio devices" },
    { .name = "readonly", .why = "libxl has no setting for it" },
    { .name = "space_hard_limit", .why = "libxl has no setting for it" },
    { .name = "space_soft_limit", .why = "libxl has no setting for it" },
    { .name = NULL }
};

static gboolean
read_filesystem(struct xf_domxml *dom, xmlNode *node, void *arg,
                GError **err)
{
    libxl_domain_config *config = dom->config;
    libxl_device_p9 *p9 = XF_XL_APPEND(config->p9s, config->num_p9s);
    int value;

    libxl_device_p9_init(p9);
    if (!xf_xml_word_attr(dom, node, "type", &value, err)
        || !xf_xml_need_attr(dom, node, "accessmode", err)
        || !xf_xml_word_attr(dom, node, "accessmode", &value, err)
        || !xf_xml_walk(dom, node, filesystem_rules, p9, err))
        return FALSE;
    if (!p9->path || !p9->tag)
        return xf_xml_bad(err, node, "needs <source dir=> and <target dir=>");
    /* what QEMU calls it */
    p9->security_model = xf_xl_strdup("none");
    return TRUE;
}

/* -- <memballoon>, <audio> ------------------------------------------------- */

static const struct xf_xml_word balloons[] = {
    { "xen", 1, NULL },
    { "none", 0, "every Xen guest can be ballooned; use 'xen'" },
    { "virtio", 0, "every Xen guest has Xen's own; use 'xen'" },
    { "virtio-transitional", 0, "every Xen guest has Xen's own; use 'xen'" },
    { "virtio-non-transitional", 0,
      "every Xen guest has Xen's own; use 'xen'" },
    { NULL, 0, NULL }
};

static const struct xf_xml_rule balloon_rules[] = {
    XF_XML_ALIAS_RULE,
    XF_XML_ADDRESS_RULE,
    { .name = "stats", .flags = XF_RULE_HARMLESS,
      .why = "counters for the host, not for the guest" },
    { .name = "driver", .why = "that is virtio's" },
    { .name = NULL }
};

static gboolean
read_memballoon(struct xf_domxml *dom, xmlNode *node, void *arg,
                GError **err)
{
    int model;

    xf_xml_idle(dom, node, NULL);
    return xf_xml_word_attr(dom, node, "model", &model, err);
}

static const struct xf_xml_word audios[] = {
    { "none", 0, NULL },
    { "spice", 0, NULL },
    { NULL, 0, NULL }
};

/* libvirt notes where sound goes by itself. */
static gboolean
read_audio(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    int type;

    xf_xml_idle(dom, node, NULL);
    return xf_xml_word_attr(dom, node, "type", &type, err);
}

/* -- <hostdev> ------------------------------------------------------------- */

enum hostdev_type {
    HOSTDEV_PCI = 1,
    HOSTDEV_USB,
};

struct hostdev {
    int type;
    gboolean managed, permissive, address_seen;
    guint64 domain, bus, slot, function, device;
};

/* Numbers as libvirt writes them: 0x0000. */
static gboolean
read_source_address(struct xf_domxml *dom, xmlNode *node, void *arg,
                    GError **err)
{
    static const char *const not_pcis[] = { "device", NULL };
    static const char *const not_usbs[] = { "domain", "slot", "function",
                                            NULL };
    struct hostdev *dev = arg;

    dev->address_seen = TRUE;
    if (!xf_xml_has_none(node, dev->type == HOSTDEV_USB ? not_usbs : not_pcis,
                         err)
        || !xf_xml_need_attr(dom, node, "bus", err)
        || !xf_xml_uint_attr(dom, node, "bus", 255, &dev->bus, err))
        return FALSE;
    if (dev->type == HOSTDEV_USB)
        return xf_xml_need_attr(dom, node, "device", err)
               && xf_xml_uint_attr(dom, node, "device", 255, &dev->device,
                                   err);
    return xf_xml_need_attr(dom, node, "slot", err)
           && xf_xml_uint_attr(dom, node, "domain", 65535, &dev->domain, err)
           && xf_xml_uint_attr(dom, node, "slot", 31, &dev->slot, err)
           && xf_xml_uint_attr(dom, node, "function", 7, &dev->function,
                               err);
}

#define USB_BY_ID "which device that is depends on the host; give <address>"

static const struct xf_xml_rule source_rules[] = {
    { .name = "address", .attrs = "domain bus slot function device",
      .read = read_source_address },
    { .name = "vendor", .why = USB_BY_ID },
    { .name = "product", .why = USB_BY_ID },
    { .name = NULL }
};

static gboolean
read_hostdev_source(struct xf_domxml *dom, xmlNode *node, void *arg,
                    GError **err)
{
    static const char *const not_usbs[] = { "writeFiltering", NULL };
    struct hostdev *dev = arg;
    int filtering = 1;

    if (dev->type == HOSTDEV_USB && !xf_xml_has_none(node, not_usbs, err))
        return FALSE;
    if (!xf_xml_word_attr(dom, node, "writeFiltering", &filtering, err))
        return FALSE;
    dev->permissive = !filtering;
    return TRUE;
}

static const struct xf_xml_word hostdev_drivers[] = {
    { "xen", 1, NULL },
    { "vfio", 0, "Xen assigns devices by itself; use 'xen'" },
    { "kvm", 0, "Xen assigns devices by itself; use 'xen'" },
    { NULL, 0, NULL }
};

static gboolean
read_hostdev_driver(struct xf_domxml *dom, xmlNode *node, void *arg,
                    GError **err)
{
    int driver;

    return xf_xml_word_attr(dom, node, "name", &driver,
                            err);
}

/* libvirt's driver tells libxl nothing of it either. */
static const struct xf_xml_rule hostdev_rules[] = {
    { .name = "source", .attrs = "writeFiltering !startupPolicy "
                                 "!guestReset",
      .attrs_no = "libxl has no setting for it",
      .values = XF_XML_VALUES({ "writeFiltering", xf_xml_yes_no }),
      .read = read_hostdev_source, .children = source_rules },
    { .name = "driver", .attrs = "name",
      .values = XF_XML_VALUES({ "name", hostdev_drivers }),
      .read = read_hostdev_driver },
    XF_XML_ALIAS_RULE,
    { .name = "address", .flags = XF_RULE_HARMLESS,
      .why = "libxl gives it its place" },
    { .name = "rom", .why = "libxl has no setting for it" },
    { .name = "boot", .why = "libxl boots from no assigned device" },
    { .name = "readonly", .why = "libxl has no setting for it" },
    { .name = "shareable", .why = "libxl has no setting for it" },
    { .name = NULL }
};

static void
add_pci(struct xf_domxml *dom, xmlNode *node, const struct hostdev *dev)
{
    libxl_domain_config *config = dom->config;
    libxl_device_pci *pci = XF_XL_APPEND(config->pcidevs,
                                         config->num_pcidevs);

    libxl_device_pci_init(pci);
    pci->domain = dev->domain;
    pci->bus = dev->bus;
    pci->dev = dev->slot;
    pci->func = dev->function;
    /* managed: taken from its driver in dom0 and given back */
    pci->seize = dev->managed;
    pci->permissive = dev->permissive;
    if (!dom->pci_node)
        dom->pci_node = node;
}

static void
add_usb(struct xf_domxml *dom, const struct hostdev *dev)
{
    libxl_domain_config *config = dom->config;
    libxl_device_usbdev *usb = XF_XL_APPEND(config->usbdevs,
                                            config->num_usbdevs);

    libxl_device_usbdev_init(usb);
    libxl_device_usbdev_init_type(usb, LIBXL_USBDEV_TYPE_HOSTDEV);
    usb->u.hostdev.hostbus = dev->bus;
    usb->u.hostdev.hostaddr = dev->device;
}

static const struct xf_xml_word hostdev_modes[] = {
    { "subsystem", 1, NULL },
    { "capabilities", 0, "containers are not Xen's" },
    { NULL, 0, NULL }
};

static const struct xf_xml_word hostdev_types[] = {
    { "pci", HOSTDEV_PCI, NULL },
    { "usb", HOSTDEV_USB, NULL },
    { "scsi", 0, "libxl passes PCI and USB devices through" },
    { "scsi_host", 0, "libxl passes PCI and USB devices through" },
    { "mdev", 0, "libxl passes PCI and USB devices through" },
    { NULL, 0, NULL }
};

static gboolean
read_hostdev(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct hostdev dev = { 0 };
    int mode = 1;

    if (!xf_xml_need_attr(dom, node, "type", err)
        || !xf_xml_word_attr(dom, node, "type", &dev.type,
                             err)
        || !xf_xml_word_attr(dom, node, "mode", &mode, err)
        || !xf_xml_word_attr(dom, node, "managed", &dev.managed, err)
        || !xf_xml_walk(dom, node, hostdev_rules, &dev, err))
        return FALSE;
    if (!dev.address_seen)
        return xf_xml_bad(err, node, "has no <source><address>");
    if (dev.type == HOSTDEV_PCI) {
        add_pci(dom, node, &dev);
        return TRUE;
    }
    if (xf_xml_attr(dom, node, "managed"))
        xf_xml_idle(dom, node, "managed");
    add_usb(dom, &dev);
    return TRUE;
}

/* -- the table ------------------------------------------------------------- */

const struct xf_xml_rule xf_xml_device_rules[] = {
    { .name = "emulator", .read = read_emulator, .flags = XF_RULE_TEXT },
    { .name = "disk", .attrs = "type device ~snapshot !model !sgio !rawio",
      .attrs_no = "libxl has no setting for it",
      .values = xf_xml_disk_values,
      .attrs_why = "libxl makes no snapshots",
      .read = xf_xml_read_disk, .children = xf_xml_disk_rules,
      .flags = XF_RULE_MANY | XF_RULE_OWN },
    { .name = "controller",
      .attrs = "type index model ports maxGrantFrames maxEventChannels "
               "!vectors",
      .attrs_no = "libxl has no setting for it",
      .values = xf_xml_controller_values,
      .idle = "what QEMU has by itself needs no words",
      .read = xf_xml_read_controller, .children = xf_xml_controller_rules,
      .flags = XF_RULE_MANY },
    { .name = "interface", .attrs = "type ~managed ~trustGuestRxFilters",
      .attrs_why = "for kinds of interfaces that Xen has not",
      .values = xf_xml_nic_values,
      .read = xf_xml_read_interface, .children = xf_xml_nic_rules,
      .flags = XF_RULE_MANY | XF_RULE_OWN },
    { .name = "serial", .attrs = "type",
      .values = xf_xml_chardev_values, .read = xf_xml_read_serial,
      .children = xf_xml_chardev_rules, .flags = XF_RULE_MANY | XF_RULE_OWN },
    { .name = "console", .attrs = "type ~tty",
      .values = xf_xml_chardev_values,
      .attrs_why = "the host's name for it while the guest ran",
      .idle = "every Xen guest has its console, and a serial port is said "
              "by <serial>",
      .read = xf_xml_read_console, .children = xf_xml_chardev_rules,
      .flags = XF_RULE_MANY | XF_RULE_OWN },
    { .name = "channel", .attrs = "type",
      .values = xf_xml_chardev_values, .read = xf_xml_read_channel,
      .children = xf_xml_chardev_rules, .flags = XF_RULE_MANY | XF_RULE_OWN },
    { .name = "input", .attrs = "type bus !model",
      .attrs_no = "that is virtio's",
      .values = XF_XML_VALUES({ "type", input_types },
                              { "bus", input_buses }), .read = read_input,
      .idle = "the PS/2 pair and the PV pair come by themselves",
      .children = plain_rules, .flags = XF_RULE_MANY },
    { .name = "graphics",
      .attrs = "type port autoport tlsPort listen passwd keymap sharePolicy "
               "display xauth !socket !websocket !passwdValidTo !connected "
               "!defaultMode !fullscreen !powerControl !wait !replaceUser "
               "!multiUser !audio",
      .attrs_no = "libxl has no setting for it",
      .values = xf_xml_graphics_values,
      .idle = "with autoport the port is one that was free elsewhere",
      .read = xf_xml_read_graphics, .children = xf_xml_graphics_rules,
      .flags = XF_RULE_MANY | XF_RULE_OWN },
    { .name = "video", .read = xf_xml_read_video,
      .idle = "a PV or PVH guest's frame buffer comes with its <graphics>",
      .children = xf_xml_video_rules, .flags = XF_RULE_MANY | XF_RULE_OWN },
    { .name = "sound", .attrs = "model !multichannel !streams",
      .values = XF_XML_VALUES({ "model", xf_xml_sounds }),
      .attrs_no = "libxl has no setting for it", .read = read_sound,
      .children = sound_rules, .flags = XF_RULE_MANY },
    { .name = "hostdev", .attrs = "mode type managed !sgio !rawio !display "
                                  "!ramfb !model",
      .attrs_no = "that is for other kinds of devices",
      .values = XF_XML_VALUES({ "type", hostdev_types },
                              { "mode", hostdev_modes },
                              { "managed", xf_xml_yes_no }),
      .idle = "libxl takes a USB device from its driver and gives it back "
              "by itself",
      .read = read_hostdev,
      .children = hostdev_rules, .flags = XF_RULE_MANY | XF_RULE_OWN },
    { .name = "redirdev", .attrs = "bus type",
      .values = XF_XML_VALUES({ "type", redir_types },
                              { "bus", redir_buses }),
      .read = read_redirdev,
      .children = plain_rules, .flags = XF_RULE_MANY },
    { .name = "memballoon", .attrs = "model !autodeflate !freePageReporting",
      .attrs_no = "that is virtio's",
      .values = XF_XML_VALUES({ "model", balloons }),
      .read = read_memballoon,
      .idle = "every Xen guest can be ballooned",
      .children = balloon_rules },
    { .name = "parallel", .why = "libxl has no parallel ports" },
    { .name = "redirfilter", .why = "libxl redirects what spice's client "
                                    "asks for" },
    { .name = "filesystem", .attrs = "type accessmode !model !multidevs "
                                     "!fmode !dmode",
      .values = XF_XML_VALUES({ "type", filesystem_types },
                              { "accessmode", access_modes }),
      .attrs_no = "libxl has no setting for it", .read = read_filesystem,
      .children = filesystem_rules, .flags = XF_RULE_MANY | XF_RULE_OWN },
    { .name = "watchdog", .why = "libxl has no emulated watchdog; the "
                                 "hypervisor's is always there" },
    { .name = "rng", .why = "Xen guests have no virtio devices" },
    { .name = "tpm", .why = "libxl's TPM is another domain, which domain "
                            "XML cannot name" },
    { .name = "pstore", .why = "libxl has no such device" },
    { .name = "smartcard", .why = "libxl has no smart cards" },
    { .name = "hub", .why = "libxl has no USB hubs" },
    { .name = "lease", .why = "no lock manager is used" },
    { .name = "panic", .why = "Xen sees a guest's crash without a device; "
                              "take this out" },
    { .name = "shmem", .why = "libxl has no shared memory devices" },
    { .name = "memory", .why = "libxl has no memory devices" },
    { .name = "iommu", .why = "libxl has no emulated IOMMU" },
    { .name = "vsock", .why = "Xen guests have no virtio devices" },
    { .name = "audio", .attrs = "type ~id",
      .values = XF_XML_VALUES({ "type", audios }),
      .attrs_why = "a name inside libvirt", .read = read_audio,
      .idle = "QEMU sends sound where the display is",
      .flags = XF_RULE_MANY },
    { .name = "crypto", .why = "Xen guests have no virtio devices" },
    { .name = "nvram", .why = "x86 guests have none" },
    { .name = NULL }
};

gboolean
xf_xml_devices_finish(struct xf_domxml *dom, GError **err)
{
    libxl_domain_config *config = dom->config;

    if (!xf_xml_chardevs_finish(dom, err) || !xf_xml_usb_finish(dom, err)
        || !xf_xml_limits_finish(dom, err))
        return FALSE;
    xf_xml_graphics_finish(dom);
    /* a PV guest must see the holes for its devices' memory */
    if (xf_xml_is_pv(dom) && config->num_pcidevs)
        libxl_defbool_setdefault(&config->b_info.u.pv.e820_host, true);
    return TRUE;
}
