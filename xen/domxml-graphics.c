/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML: <graphics>, <video>.  An HVM guest has a QEMU display that
 * vnc, sdl and spice show; PV and PVH guests have a frame buffer and keyboard
 * device for each <graphics>.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "xen/domxml-private.h"

#define VNC_PORT_BASE 5900

enum graphics {
    GRAPHICS_VNC = 1,
    GRAPHICS_SDL,
    GRAPHICS_SPICE,
};

static const struct xf_xml_word graphics_types[] = {
    { "vnc", GRAPHICS_VNC, NULL },
    { "sdl", GRAPHICS_SDL, NULL },
    { "spice", GRAPHICS_SPICE, NULL },
    { "rdp", 0, "libxl has none" },
    { "desktop", 0, "libxl has none" },
    { "egl-headless", 0, "libxl has none" },
    { "dbus", 0, "libxl has none" },
    { NULL, 0, NULL }
};

static const struct xf_xml_word share_policies[] = {
    { "allow-exclusive", 0, NULL },
    { "force-shared", 0, "libxl has no setting for it" },
    { "ignore", 0, "libxl has no setting for it" },
    { NULL, 0, NULL }
};

const struct xf_xml_value xf_xml_graphics_values[] = {
    { "type", graphics_types }, { "autoport", xf_xml_yes_no },
    { "sharePolicy", share_policies }, { NULL, NULL }
};

/* One <graphics> while its children are read. */
struct display {
    int type;
    const char *listen;
    libxl_sdl_info *sdl;        /* of that type */
    libxl_spice_info *spice;    /* of that type */
};

/* -- where it listens ------------------------------------------------------ */

static const struct xf_xml_word listen_types[] = {
    { "address", 1, NULL },
    { "network", 0, "there are no libvirt networks to ask" },
    { "socket", 0, "libxl's displays listen on TCP" },
    { "none", 0, "libxl's displays listen on TCP" },
    { NULL, 0, NULL }
};

static gboolean
read_listen(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct display *display = arg;
    int type;

    if (display->type == GRAPHICS_SDL)
        return xf_xml_bad(err, node, "a display of type 'sdl' listens "
                          "nowhere");
    if (!xf_xml_need_attr(dom, node, "type", err)
        || !xf_xml_word_attr(dom, node, "type", &type, err))
        return FALSE;
    if (xf_xml_attr(dom, node, "address"))
        display->listen = xf_xml_attr(dom, node, "address");
    return TRUE;
}

/* -- the parts of sdl and spice -------------------------------------------- */

static gboolean
read_gl(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct display *display = arg;
    int enable = 0;

    if (!xf_xml_word_attr(dom, node, "enable", &enable, err))
        return FALSE;
    if (display->type == GRAPHICS_SDL)
        libxl_defbool_set(&display->sdl->opengl, enable);
    else if (enable)
        return xf_xml_cannot(err, node, "libxl has OpenGL for 'sdl' only");
    return TRUE;
}

static gboolean
spice_only(const struct display *display, xmlNode *node, GError **err)
{
    return display->type == GRAPHICS_SPICE
           || xf_xml_bad(err, node, "only a display of type 'spice' has "
                         "this");
}

static const struct xf_xml_word mouse_modes[] = {
    { "server", 0, NULL }, { "client", 1, NULL }, { NULL, 0, NULL }
};

static gboolean
read_mouse(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct display *display = arg;
    int client = 0;

    if (!spice_only(display, node, err)
        || !xf_xml_need_attr(dom, node, "mode", err)
        || !xf_xml_word_attr(dom, node, "mode", &client, err))
        return FALSE;
    libxl_defbool_set(&display->spice->agent_mouse, client);
    return TRUE;
}

static gboolean
read_clipboard(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct display *display = arg;
    int copy = 1;

    if (!spice_only(display, node, err)
        || !xf_xml_word_attr(dom, node, "copypaste", &copy,
                             err))
        return FALSE;
    libxl_defbool_set(&display->spice->clipboard_sharing, copy);
    /* the clipboard goes through the agent */
    libxl_defbool_set(&display->spice->vdagent, copy);
    return TRUE;
}

/* QEMU's words, which are libvirt's too. */
const struct xf_xml_word xf_xml_compressions[] = {
    { "auto_glz", 0, NULL }, { "auto_lz", 0, NULL }, { "quic", 0, NULL },
    { "glz", 0, NULL }, { "lz", 0, NULL }, { "off", 0, NULL },
    { NULL, 0, NULL }
};

const struct xf_xml_word xf_xml_streaming_modes[] = {
    { "filter", 0, NULL }, { "all", 0, NULL }, { "off", 0, NULL },
    { NULL, 0, NULL }
};

/* The words are QEMU's own. */
static gboolean
read_spice_word(struct xf_domxml *dom, xmlNode *node, const char *attr,
                char **field, GError **err)
{
    int any;

    if (!xf_xml_need_attr(dom, node, attr, err)
        || !xf_xml_word_attr(dom, node, attr, &any, err))
        return FALSE;
    xf_xml_string_attr(dom, node, attr, field);
    return TRUE;
}

static gboolean
read_image(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct display *display = arg;

    return spice_only(display, node, err)
           && read_spice_word(dom, node, "compression",
                              &display->spice->image_compression, err);
}

static gboolean
read_streaming(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct display *display = arg;

    return spice_only(display, node, err)
           && read_spice_word(dom, node, "mode",
                              &display->spice->streaming_video, err);
}

#define NO_SPICE_SETTING "libxl has no setting for it"

const struct xf_xml_rule xf_xml_graphics_rules[] = {
    { .name = "listen", .attrs = "type address",
      .values = XF_XML_VALUES({ "type", listen_types }),
      .read = read_listen },
    { .name = "gl", .attrs = "enable",
      .values = XF_XML_VALUES({ "enable", xf_xml_yes_no }),
      .read = read_gl },
    { .name = "mouse", .attrs = "mode",
      .values = XF_XML_VALUES({ "mode", mouse_modes }),
      .read = read_mouse },
    { .name = "clipboard", .attrs = "copypaste",
      .values = XF_XML_VALUES({ "copypaste", xf_xml_yes_no }),
      .read = read_clipboard },
    { .name = "image", .attrs = "compression",
      .values = XF_XML_VALUES({ "compression", xf_xml_compressions }),
      .read = read_image },
    { .name = "streaming", .attrs = "mode",
      .values = XF_XML_VALUES({ "mode", xf_xml_streaming_modes }),
      .read = read_streaming },
    { .name = "channel", .why = NO_SPICE_SETTING },
    { .name = "jpeg", .why = NO_SPICE_SETTING },
    { .name = "zlib", .why = NO_SPICE_SETTING },
    { .name = "playback", .why = NO_SPICE_SETTING },
    { .name = "filetransfer", .why = NO_SPICE_SETTING },
    { .name = NULL }
};

/* -- vnc ------------------------------------------------------------------- */

/* autoport: libxl looks for a free one; the port given then is where the
 * guest listened elsewhere. */
static gboolean
read_vnc_port(struct xf_domxml *dom, xmlNode *node, libxl_vnc_info *vnc,
              GError **err)
{
    int port = -1, autoport = -1;

    if (!xf_xml_int_attr(dom, node, "port", -1, 65535, &port, err)
        || !xf_xml_word_attr(dom, node, "autoport", &autoport,
                             err))
        return FALSE;
    if (autoport < 0)
        autoport = port < 0;
    libxl_defbool_set(&vnc->findunused, autoport);
    if (autoport) {
        if (port > 0)
            xf_xml_idle(dom, node, "port");
        return TRUE;
    }
    if (port < VNC_PORT_BASE)
        return xf_xml_bad(err, node, "needs a port from %d, or "
                          "autoport='yes'", VNC_PORT_BASE);
    vnc->display = port - VNC_PORT_BASE;
    return TRUE;
}

static gboolean
read_vnc(struct xf_domxml *dom, xmlNode *node, libxl_vnc_info *vnc,
         char **keymap, GError **err)
{
    static const char *const not_vncs[] = { "tlsPort", "display", "xauth",
                                            NULL };
    struct display display = {
        .type = GRAPHICS_VNC, .listen = xf_xml_attr(dom, node, "listen")
    };
    const char *passwd = xf_xml_attr(dom, node, "passwd");

    if (libxl_defbool_is_default(vnc->enable) == false)
        return xf_xml_cannot(err, node, "a guest has one vnc display");
    if (strlen(passwd ? passwd : "") > XF_XML_VNC_PASSWD_MAX)
        return xf_xml_cannot(err, node, "vnc's passwd has at most %d "
                             "characters", XF_XML_VNC_PASSWD_MAX);
    if (!xf_xml_has_none(node, not_vncs, err)
        || !read_vnc_port(dom, node, vnc, err)
        || !xf_xml_walk(dom, node, xf_xml_graphics_rules, &display, err))
        return FALSE;
    libxl_defbool_set(&vnc->enable, true);
    if (display.listen && *display.listen)
        vnc->listen = xf_xl_strdup(display.listen);
    xf_xml_string_attr(dom, node, "passwd", &vnc->passwd);
    xf_xml_string_attr(dom, node, "keymap", keymap);
    return TRUE;
}

/* -- sdl ------------------------------------------------------------------- */

static gboolean
read_sdl(struct xf_domxml *dom, xmlNode *node, libxl_sdl_info *sdl,
         GError **err)
{
    static const char *const not_sdls[] = {
        "port", "tlsPort", "autoport", "listen", "passwd", "keymap",
        "sharePolicy", NULL
    };
    struct display display = { .type = GRAPHICS_SDL, .sdl = sdl };

    if (libxl_defbool_is_default(sdl->enable) == false)
        return xf_xml_cannot(err, node, "a guest has one sdl display");
    if (!xf_xml_has_none(node, not_sdls, err)
        || !xf_xml_walk(dom, node, xf_xml_graphics_rules, &display, err))
        return FALSE;
    libxl_defbool_set(&sdl->enable, true);
    xf_xml_string_attr(dom, node, "display", &sdl->display);
    xf_xml_string_attr(dom, node, "xauth", &sdl->xauthority);
    return TRUE;
}

/* -- spice ----------------------------------------------------------------- */

static gboolean
read_spice_ports(struct xf_domxml *dom, xmlNode *node, libxl_spice_info *xl,
                 GError **err)
{
    int port = -1, tls_port = -1, autoport = 0;

    if (!xf_xml_int_attr(dom, node, "port", -1, 65535, &port, err)
        || !xf_xml_int_attr(dom, node, "tlsPort", -1, 65535, &tls_port, err)
        || !xf_xml_word_attr(dom, node, "autoport", &autoport,
                             err))
        return FALSE;
    /* with autoport a port is what libvirt chose elsewhere; still right */
    if (port <= 0 && tls_port <= 0)
        return xf_xml_cannot(err, node, "libxl does not choose ports for "
                             "spice: give port or tlsPort");
    xl->port = MAX(port, 0);
    xl->tls_port = MAX(tls_port, 0);
    return TRUE;
}

static gboolean
read_spice(struct xf_domxml *dom, xmlNode *node, libxl_spice_info *xl,
           GError **err)
{
    static const char *const not_spices[] = { "display", "xauth",
                                              "sharePolicy", NULL };
    struct display display = {
        .type = GRAPHICS_SPICE, .spice = xl,
        .listen = xf_xml_attr(dom, node, "listen")
    };

    if (libxl_defbool_is_default(xl->enable) == false)
        return xf_xml_cannot(err, node, "a guest has one spice display");
    if (g_strcmp0(xf_xml_attr(dom, node, "passwd"), "") == 0)
        return xf_xml_bad(err, node, "spice's passwd may not be empty; leave "
                          "it out for none");
    if (!xf_xml_has_none(node, not_spices, err)
        || !read_spice_ports(dom, node, xl, err)
        || !xf_xml_walk(dom, node, xf_xml_graphics_rules, &display, err))
        return FALSE;
    libxl_defbool_set(&xl->enable, true);
    if (display.listen && *display.listen)
        xl->host = xf_xl_strdup(display.listen);
    xf_xml_string_attr(dom, node, "passwd", &xl->passwd);
    xf_xml_string_attr(dom, node, "keymap",
                       &dom->config->b_info.u.hvm.keymap);
    /* a ticket is a password */
    libxl_defbool_set(&xl->disable_ticketing, !xl->passwd);
    return TRUE;
}

/* -- <graphics> ------------------------------------------------------------ */

static gboolean
read_hvm_graphics(struct xf_domxml *dom, xmlNode *node, int type,
                  GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;

    if (type == GRAPHICS_VNC)
        return read_vnc(dom, node, &b->u.hvm.vnc, &b->u.hvm.keymap, err);
    if (type == GRAPHICS_SDL)
        return read_sdl(dom, node, &b->u.hvm.sdl, err);
    return read_spice(dom, node, &b->u.hvm.spice, err);
}

static gboolean
read_pv_graphics(struct xf_domxml *dom, xmlNode *node, int type,
                 GError **err)
{
    libxl_domain_config *config = dom->config;
    libxl_device_vfb *vfb;
    libxl_device_vkb *vkb;

    if (type == GRAPHICS_SPICE)
        return xf_xml_cannot(err, node, "only a guest of type 'hvm' has "
                             "spice");
    vkb = XF_XL_APPEND(config->vkbs, config->num_vkbs);
    libxl_device_vkb_init(vkb);
    vkb->devid = config->num_vkbs - 1;
    vfb = XF_XL_APPEND(config->vfbs, config->num_vfbs);
    libxl_device_vfb_init(vfb);
    vfb->devid = config->num_vfbs - 1;
    if (type == GRAPHICS_VNC)
        return read_vnc(dom, node, &vfb->vnc, &vfb->keymap, err);
    /* on unless told otherwise */
    libxl_defbool_set(&vfb->vnc.enable, false);
    return read_sdl(dom, node, &vfb->sdl, err);
}

gboolean
xf_xml_read_graphics(struct xf_domxml *dom, xmlNode *node, void *arg,
                     GError **err)
{
    int type = 0, policy;

    if (!xf_xml_need_attr(dom, node, "type", err)
        || !xf_xml_word_attr(dom, node, "type", &type, err)
        || !xf_xml_word_attr(dom, node, "sharePolicy", &policy, err))
        return FALSE;
    dom->graphics_seen = TRUE;
    return xf_xml_is_hvm(dom) ? read_hvm_graphics(dom, node, type, err)
                              : read_pv_graphics(dom, node, type, err);
}

/* What was not asked for is off; libxl's own default is a vnc display.  The
 * card of a guest without a word about it is libxl's default, as libvirt has
 * it too: a guest that moves keeps its machine. */
void
xf_xml_graphics_finish(struct xf_domxml *dom)
{
    libxl_domain_build_info *b = &dom->config->b_info;

    if (!xf_xml_is_hvm(dom))
        return;
    libxl_defbool_setdefault(&b->u.hvm.vnc.enable, false);
    libxl_defbool_setdefault(&b->u.hvm.sdl.enable, false);
    if (!dom->graphics_seen)
        libxl_defbool_set(&b->u.hvm.nographic, true);
}

/* -- <video> --------------------------------------------------------------- */

static const struct xf_xml_word video_types[] = {
    { "vga", LIBXL_VGA_INTERFACE_TYPE_STD, NULL },
    { "xen", LIBXL_VGA_INTERFACE_TYPE_STD, NULL },
    { "cirrus", LIBXL_VGA_INTERFACE_TYPE_CIRRUS, NULL },
    { "qxl", LIBXL_VGA_INTERFACE_TYPE_QXL, NULL },
    { "none", LIBXL_VGA_INTERFACE_TYPE_NONE, NULL },
    { "virtio", 0, "libxl has vga, cirrus, qxl and none" },
    { "vmvga", 0, "libxl has vga, cirrus, qxl and none" },
    { "bochs", 0, "libxl has vga, cirrus, qxl and none" },
    { "ramfb", 0, "libxl has vga, cirrus, qxl and none" },
    { "vbox", 0, "libxl has vga, cirrus, qxl and none" },
    { "gop", 0, "libxl has vga, cirrus, qxl and none" },
    { NULL, 0, NULL }
};

static gboolean
read_video_model(struct xf_domxml *dom, xmlNode *node, void *arg,
                 GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;
    const char *type = xf_xml_need_attr(dom, node, "type", err);
    guint64 heads = 1;
    int kind = 0;

    if (!type
        || !xf_xml_word_attr(dom, node, "type", &kind, err)
        || !xf_xml_uint_attr(dom, node, "heads", G_MAXUINT8, &heads, err))
        return FALSE;
    if (heads != 1)
        return xf_xml_cannot(err, node, "libxl's displays have one head");
    if (!xf_xml_is_hvm(dom)) {
        if (strcmp(type, "xen") != 0)
            return xf_xml_cannot(err, node, "only a guest of type 'hvm' has "
                                 "'%s'; use 'xen'", type);
        return TRUE;
    }
    b->u.hvm.vga.kind = kind;
    dom->vram_node = node;
    return xf_xml_size_attr(dom, node, "vram", "unit", &b->video_memkb, err);
}

static const struct xf_xml_word primary[] = {
    { "yes", 1, NULL },
    { "no", 0, "the one video device is the primary one" },
    { NULL, 0, NULL }
};

static gboolean
check_primary(struct xf_domxml *dom, xmlNode *node, GError **err)
{
    int value;

    return xf_xml_word_attr(dom, node, "primary", &value, err);
}

static gboolean
read_model_all(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    return check_primary(dom, node, err)
           && read_video_model(dom, node, arg, err);
}

const struct xf_xml_rule xf_xml_video_rules[] = {
    { .name = "model", .attrs = "type vram heads primary ~ram ~vgamem "
                                "~vram64",
      .attrs_why = "QEMU's QXL divides its memory itself",
      .values = XF_XML_VALUES({ "type", video_types },
                              { "primary", primary }),
      .read = read_model_all },
    { .name = "driver", .why = "libxl has no setting for it" },
    { .name = "alias", .flags = XF_RULE_HARMLESS,
      .why = "a name inside libvirt" },
    { .name = "address", .flags = XF_RULE_HARMLESS,
      .why = "QEMU gives it its place" },
    { .name = NULL }
};

gboolean
xf_xml_read_video(struct xf_domxml *dom, xmlNode *node, void *arg,
                  GError **err)
{
    if (dom->video_seen)
        return xf_xml_cannot(err, node, "libxl has one video device");
    dom->video_seen = TRUE;
    if (!xf_xml_is_hvm(dom))
        xf_xml_idle(dom, node, NULL);
    return xf_xml_walk(dom, node, xf_xml_video_rules, NULL, err);
}
