/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxl configuration to domain XML: <graphics>, <video>, <redirdev>. */
#include "config.h"

#include <string.h>

#include "xen/domxml-format.h"
#include "xen/domxml-private.h"

#define VNC_PORT_BASE 5900
static void
write_listen(xmlNode *node, const char *address)
{
    if (!xf_out_has(address))
        return;
    xf_out_attr(node, "listen", "%s", address);
    xf_out_attr(xf_out_with(node, "listen", "type", "address"), "address",
                "%s", address);
}

static void
write_passwd(const struct xf_xml_out *out, xmlNode *node, const char *passwd)
{
    if (out->secure && passwd && *passwd && xf_out_fits(passwd))
        xf_out_attr(node, "passwd", "%s", passwd);
}

static void
write_keymap(xmlNode *node, const char *keymap)
{
    if (keymap && xf_out_fits(keymap))
        xf_out_attr(node, "keymap", "%s", keymap);
}

static void
write_vnc(const struct xf_xml_out *out, xmlNode *devices,
          const libxl_vnc_info *vnc, const char *keymap)
{
    xmlNode *node = xf_out_with(devices, "graphics", "type", "vnc");
    gboolean display = vnc->display >= 0
                       && vnc->display <= 65535 - VNC_PORT_BASE;
    gboolean autoport = xf_out_bool(vnc->findunused, TRUE) || !display;

    if (autoport && !vnc->display)
        xf_out_attr(node, "port", "-1");
    else if (display)
        xf_out_attr(node, "port", "%d", VNC_PORT_BASE + vnc->display);
    xf_out_attr(node, "autoport", "%s", autoport ? "yes" : "no");
    write_listen(node, vnc->listen);
    if (vnc->passwd && strlen(vnc->passwd) <= XF_XML_VNC_PASSWD_MAX)
        write_passwd(out, node, vnc->passwd);
    write_keymap(node, keymap);
}

static void
write_sdl(xmlNode *devices, const libxl_sdl_info *sdl)
{
    xmlNode *node = xf_out_with(devices, "graphics", "type", "sdl");

    if (sdl->display && xf_out_fits(sdl->display))
        xf_out_attr(node, "display", "%s", sdl->display);
    if (sdl->xauthority && xf_out_fits(sdl->xauthority))
        xf_out_attr(node, "xauth", "%s", sdl->xauthority);
    if (!libxl_defbool_is_default(sdl->opengl))
        xf_out_with(node, "gl", "enable",
                    libxl_defbool_val(sdl->opengl) ? "yes" : "no");
}

static void
write_spice_parts(xmlNode *node, const libxl_spice_info *spice)
{
    if (xf_xml_is_word(xf_xml_compressions, spice->image_compression))
        xf_out_with(node, "image", "compression", spice->image_compression);
    if (xf_xml_is_word(xf_xml_streaming_modes, spice->streaming_video))
        xf_out_with(node, "streaming", "mode", spice->streaming_video);
    if (!libxl_defbool_is_default(spice->clipboard_sharing))
        xf_out_with(node, "clipboard", "copypaste",
                    libxl_defbool_val(spice->clipboard_sharing) ? "yes"
                                                                : "no");
    if (!libxl_defbool_is_default(spice->agent_mouse))
        xf_out_with(node, "mouse", "mode",
                    libxl_defbool_val(spice->agent_mouse) ? "client"
                                                          : "server");
}

static gboolean
spice_can_be_read(const libxl_spice_info *spice)
{
    return !(spice->port < 0 || spice->port > 65535 || spice->tls_port < 0
             || spice->tls_port > 65535
             || !(spice->port || spice->tls_port));
}

static void
write_spice(const struct xf_xml_out *out, xmlNode *devices)
{
    const libxl_spice_info *spice = &out->config->b_info.u.hvm.spice;
    xmlNode *node;

    if (!spice_can_be_read(spice))
        return;
    node = xf_out_with(devices, "graphics", "type", "spice");
    if (spice->port)
        xf_out_attr(node, "port", "%d", spice->port);
    if (spice->tls_port)
        xf_out_attr(node, "tlsPort", "%d", spice->tls_port);
    xf_out_attr(node, "autoport", "no");
    write_listen(node, spice->host);
    write_passwd(out, node, spice->passwd);
    write_keymap(node, out->config->b_info.u.hvm.keymap);
    write_spice_parts(node, spice);
}

static void
write_redirections(const struct xf_xml_out *out, xmlNode *devices)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    int count = b->u.hvm.spice.usbredirection;

    if (count > XF_XML_REDIRECTIONS_MAX || b->u.hvm.usbdevice_list
        || b->u.hvm.usbdevice || !xf_out_bool(b->u.hvm.spice.enable, FALSE)
        || !spice_can_be_read(&b->u.hvm.spice))
        return;
    for (int i = 0; i < count; i++)
        xf_out_attr(xf_out_with(devices, "redirdev", "bus", "usb"), "type",
                    "spicevmc");
}

static gboolean
hvm_has_graphics(const libxl_domain_build_info *b)
{
    return xf_out_bool(b->u.hvm.vnc.enable,
                       !xf_out_bool(b->u.hvm.nographic, FALSE))
           || xf_out_bool(b->u.hvm.sdl.enable, FALSE)
           || xf_out_bool(b->u.hvm.spice.enable, FALSE);
}

void
xf_out_graphics(const struct xf_xml_out *out, xmlNode *devices)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    if (out->hvm) {
        if (xf_out_bool(b->u.hvm.vnc.enable,
                        !xf_out_bool(b->u.hvm.nographic, FALSE)))
            write_vnc(out, devices, &b->u.hvm.vnc, b->u.hvm.keymap);
        if (xf_out_bool(b->u.hvm.sdl.enable, FALSE))
            write_sdl(devices, &b->u.hvm.sdl);
        if (xf_out_bool(b->u.hvm.spice.enable, FALSE))
            write_spice(out, devices);
        write_redirections(out, devices);
        return;
    }
    for (int i = 0; i < out->config->num_vfbs; i++) {
        const libxl_device_vfb *vfb = &out->config->vfbs[i];

        if (xf_out_bool(vfb->vnc.enable, TRUE))
            write_vnc(out, devices, &vfb->vnc, vfb->keymap);
        else if (xf_out_bool(vfb->sdl.enable, FALSE))
            write_sdl(devices, &vfb->sdl);
    }
}

void
xf_out_video(const struct xf_xml_out *out, xmlNode *devices)
{
    static const char *const types[] = {
        [LIBXL_VGA_INTERFACE_TYPE_UNKNOWN] = "cirrus", /* libxl's default */
        [LIBXL_VGA_INTERFACE_TYPE_CIRRUS] = "cirrus",
        [LIBXL_VGA_INTERFACE_TYPE_STD] = "vga",
        [LIBXL_VGA_INTERFACE_TYPE_NONE] = "none",
        [LIBXL_VGA_INTERFACE_TYPE_QXL] = "qxl",
    };
    const libxl_domain_build_info *b = &out->config->b_info;
    guint64 min;
    guint kind;
    xmlNode *model;

    if (!out->hvm) {
        if (out->config->num_vfbs)
            xf_out_with(xf_out_element(devices, "video"), "model", "type",
                        "xen");
        return;
    }
    kind = b->u.hvm.vga.kind;
    min = xf_xml_vram_min(kind ? kind : LIBXL_VGA_INTERFACE_TYPE_CIRRUS,
                          xf_xml_is_old_model(b->device_model));
    if (kind >= G_N_ELEMENTS(types) || min == G_MAXUINT64
        || (kind == LIBXL_VGA_INTERFACE_TYPE_UNKNOWN && !hvm_has_graphics(b)))
        return;
    model = xf_out_with(xf_out_element(devices, "video"), "model", "type",
                        types[kind]);
    if (b->video_memkb <= G_MAXUINT32 && b->video_memkb >= min)
        xf_out_attr(model, "vram", "%" G_GUINT64_FORMAT, b->video_memkb);
}
