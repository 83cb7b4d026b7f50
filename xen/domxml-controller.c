/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML: <controller>. */
#include "config.h"

#include <string.h>

#include "xen/domxml-private.h"

const struct xf_xml_rule xf_xml_controller_rules[] = {
    XF_XML_ALIAS_RULE,
    XF_XML_ADDRESS_RULE,
    { .name = "driver", .why = "libxl has no settings for controllers" },
    { .name = "master", .why = "libxl has no USB companion controllers" },
    { .name = "model", .why = "libxl has one PCI bus, of QEMU's kind" },
    { .name = "target", .why = "libxl has one PCI bus, of QEMU's kind" },
    { .name = "pcihole64", .why = "libxl lays out the PCI hole itself" },
    { .name = NULL }
};

enum controller {
    CONTROLLER_PLAIN = 1,       /* QEMU has it anyway */
    CONTROLLER_USB,
    CONTROLLER_XENBUS,
};

static const struct xf_xml_word controllers[] = {
    { "ide", CONTROLLER_PLAIN, NULL },
    { "scsi", CONTROLLER_PLAIN, NULL },
    { "sata", CONTROLLER_PLAIN, NULL },
    { "pci", CONTROLLER_PLAIN, NULL },
    { "usb", CONTROLLER_USB, NULL },
    { "xenbus", CONTROLLER_XENBUS, NULL },
    { "fdc", 0, "libxl has no floppy drives" },
    { "virtio-serial", 0, "Xen guests have no virtio devices" },
    { "ccid", 0, "libxl has no smart cards" },
    { NULL, 0, NULL }
};

const struct xf_xml_value xf_xml_controller_values[] = {
    { "type", controllers }, { NULL, NULL }
};

static gboolean
read_xenbus(struct xf_domxml *dom, xmlNode *node, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;
    guint64 frames = 0, channels = 0;

    if (!xf_xml_uint_attr(dom, node, "maxGrantFrames", G_MAXINT32, &frames,
                          err)
        || !xf_xml_uint_attr(dom, node, "maxEventChannels", G_MAXINT32,
                             &channels, err))
        return FALSE;
    if (frames)
        b->max_grant_frames = frames;
    if (channels)
        b->event_channels = channels;
    return TRUE;
}

/* Models of libvirt: Xen's own (qusb: served to PV drivers) and QEMU's. */
static const struct {
    const char *model;
    libxl_usbctrl_type type;    /* AUTO: QEMU's, for the whole guest */
    int version;
} usb_models[] = {
    { "qusb1", LIBXL_USBCTRL_TYPE_QUSB, 1 },
    { "qusb2", LIBXL_USBCTRL_TYPE_QUSB, 2 },
    { "piix3-uhci", LIBXL_USBCTRL_TYPE_AUTO, 1 },
    { "ich9-ehci1", LIBXL_USBCTRL_TYPE_AUTO, 2 },
    { "nec-xhci", LIBXL_USBCTRL_TYPE_AUTO, 3 },
};

static gboolean
add_usbctrl(struct xf_domxml *dom, xmlNode *node, int model, GError **err)
{
    libxl_domain_config *config = dom->config;
    guint64 index = config->num_usbctrls, ports = 0;
    libxl_device_usbctrl *ctrl;

    if (!xf_xml_uint_attr(dom, node, "index", G_MAXINT16, &index, err)
        || !xf_xml_uint_attr(dom, node, "ports", 31, &ports, err))
        return FALSE;
    for (int i = 0; i < config->num_usbctrls; i++)
        if (config->usbctrls[i].devid == (int)index)
            return xf_xml_bad(err, node, "index %d is given twice",
                              (int)index);
    ctrl = XF_XL_APPEND(config->usbctrls, config->num_usbctrls);
    libxl_device_usbctrl_init(ctrl);
    ctrl->type = usb_models[model].type;
    ctrl->version = usb_models[model].version;
    ctrl->devid = index;
    ctrl->ports = ports ? ports : 8;
    return TRUE;
}

static gboolean
read_usb_controller(struct xf_domxml *dom, xmlNode *node, GError **err)
{
    const char *name = xf_xml_attr(dom, node, "model");
    libxl_domain_build_info *b = &dom->config->b_info;
    int model = -1;

    /* libvirt notes that there is none */
    if (g_strcmp0(name, "none") == 0) {
        xf_xml_idle(dom, node, NULL);
        return TRUE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(usb_models); i++)
        if (strcmp(usb_models[i].model, name ? name : "qusb2") == 0)
            model = i;
    if (model < 0)
        return xf_xml_cannot(err, node, "model '%s': libxl has qusb1, qusb2, "
                             "piix3-uhci, ich9-ehci1 and nec-xhci", name);
    if (usb_models[model].type == LIBXL_USBCTRL_TYPE_QUSB)
        return add_usbctrl(dom, node, model, err);
    if (!xf_xml_is_hvm(dom))
        return xf_xml_cannot(err, node, "only a guest of type 'hvm' has "
                             "this");
    if (xf_xml_attr(dom, node, "ports"))
        return xf_xml_cannot(err, node, "QEMU's controllers have the ports "
                             "that they have; take ports= out");
    if (xf_xml_attr(dom, node, "index"))
        xf_xml_idle(dom, node, "index");
    if (dom->usb_node)
        return xf_xml_cannot(err, node, "libxl has one emulated USB "
                             "controller; line %ld has another",
                             xmlGetLineNo(dom->usb_node));
    dom->usb_node = node;
    b->u.hvm.usbversion = usb_models[model].version;
    return TRUE;
}

/* The models that QEMU has anyway, as libvirt calls them. */
static const struct {
    const char *type, *models;
} plain_models[] = {
    { "ide", "piix3" },
    { "scsi", "auto lsilogic" },
    { "sata", "ahci" },
    { "pci", "pci-root" },
};

static gboolean
plain_model(struct xf_domxml *dom, xmlNode *node, GError **err)
{
    const char *type = xf_xml_attr(dom, node, "type");
    const char *model = xf_xml_attr(dom, node, "model");
    g_auto(GStrv) known = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(plain_models); i++)
        if (strcmp(plain_models[i].type, type) == 0)
            known = g_strsplit(plain_models[i].models, " ", -1);
    if (!model || !known || g_strv_contains((const char *const *)known, model))
        return TRUE;
    return xf_xml_cannot(err, node, "model '%s': libxl's controllers of type "
                         "'%s' are of model '%s' only", model, type,
                         known[g_strv_length(known) - 1]);
}

gboolean
xf_xml_read_controller(struct xf_domxml *dom, xmlNode *node, void *arg,
                       GError **err)
{
    static const char *const not_xenbus[] = { "model", "ports", NULL };
    static const char *const not_plain[] = { "ports", NULL };
    int type = 0;

    if (!xf_xml_need_attr(dom, node, "type", err)
        || !xf_xml_word_attr(dom, node, "type", &type, err))
        return FALSE;
    if (type == CONTROLLER_XENBUS)
        return xf_xml_has_none(node, not_xenbus, err)
               && read_xenbus(dom, node, err);
    if (xf_xml_attr(dom, node, "maxGrantFrames")
        || xf_xml_attr(dom, node, "maxEventChannels"))
        return xf_xml_bad(err, node, "only a controller of type 'xenbus' has "
                          "these limits");
    if (type == CONTROLLER_USB)
        return read_usb_controller(dom, node, err);
    if (!xf_xml_has_none(node, not_plain, err)
        || !plain_model(dom, node, err))
        return FALSE;
    xf_xml_idle(dom, node, NULL);
    return TRUE;
}

/* libxl plugs USB inputs into a UHCI controller of its own and leaves out any
 * other. */
gboolean
xf_xml_usb_finish(struct xf_domxml *dom, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;

    if (!dom->usb_node || !b->u.hvm.usbdevice_list)
        return TRUE;
    if (b->u.hvm.usbversion != 1)
        return xf_xml_cannot(err, dom->usb_node, "libxl has USB inputs on "
                             "model='piix3-uhci' only");
    b->u.hvm.usbversion = 0;
    return TRUE;
}
