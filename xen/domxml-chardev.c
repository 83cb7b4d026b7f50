/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML: <console>, <serial>, <channel>.
 *
 * Every Xen guest has the PV console by itself, so a <console> of target
 * 'xen' adds nothing.  A serial port is QEMU's: libxl takes it as the text of
 * QEMU's -serial option.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "xen/domxml-private.h"

enum chr_type {
    CHR_PTY = 1,
    CHR_NULL,
    CHR_STDIO,
    CHR_VC,
    CHR_FILE,
    CHR_PIPE,
    CHR_DEV,
    CHR_UNIX,
    CHR_TCP,
    CHR_UDP,
};

static const struct xf_xml_word chr_types[] = {
    { "pty", CHR_PTY, NULL },     { "null", CHR_NULL, NULL },
    { "stdio", CHR_STDIO, NULL }, { "vc", CHR_VC, NULL },
    { "file", CHR_FILE, NULL },   { "pipe", CHR_PIPE, NULL },
    { "dev", CHR_DEV, NULL },     { "unix", CHR_UNIX, NULL },
    { "tcp", CHR_TCP, NULL },     { "udp", CHR_UDP, NULL },
    { "spicevmc", 0, "libxl makes this for spice itself" },
    { "spiceport", 0, "libxl has no spice ports" },
    { NULL, 0, NULL }
};

const struct xf_xml_value xf_xml_chardev_values[] = {
    { "type", chr_types }, { NULL, NULL }
};

static const struct xf_xml_word modes[] = {
    { "connect", 1, NULL }, { "bind", 0, NULL }, { NULL, 0, NULL }
};

static const struct xf_xml_word appends[] = {
    { "off", 0, NULL },
    { "on", 1, "QEMU's -serial does not append to a file" },
    { NULL, 0, NULL }
};

enum target {
    TARGET_UNSAID,
    TARGET_XEN,
    TARGET_SERIAL,
};

struct chardev {
    int type;
    const char *path;
    gboolean listens;                   /* when no mode is said */
    const char *host[2], *service[2];   /* by modes[]: bind, connect */
    gboolean has[2], telnet;
    int target;
    const char *name;                   /* channel */
    guint64 port;
};

/* -- the parts ------------------------------------------------------------- */

#define NOT_NETWORK "host", "service"

/* What of <source> each has not. */
static const char *const not_in_source[][6] = {
    [CHR_PTY] = { "append", "mode", NOT_NETWORK, NULL },
    [CHR_NULL] = { "path", "append", "mode", NOT_NETWORK, NULL },
    [CHR_STDIO] = { "path", "append", "mode", NOT_NETWORK, NULL },
    [CHR_VC] = { "path", "append", "mode", NOT_NETWORK, NULL },
    [CHR_FILE] = { "mode", NOT_NETWORK, NULL },
    [CHR_PIPE] = { "append", "mode", NOT_NETWORK, NULL },
    [CHR_DEV] = { "append", "mode", NOT_NETWORK, NULL },
    [CHR_UNIX] = { "append", NOT_NETWORK, NULL },
    [CHR_TCP] = { "path", "append", NULL },
    [CHR_UDP] = { "path", "append", NULL },
};

static gboolean
read_source(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct chardev *chr = arg;
    int mode = !chr->listens;
    int append = 0;             /* on is refused by its word */

    if (!xf_xml_has_none(node, not_in_source[chr->type], err)
        || !xf_xml_word_attr(dom, node, "mode", &mode, err)
        || !xf_xml_word_attr(dom, node, "append", &append, err))
        return FALSE;
    if (chr->has[mode])
        return xf_xml_bad(err, node, "this mode is given twice");
    chr->has[mode] = TRUE;
    chr->host[mode] = xf_xml_attr(dom, node, "host");
    chr->service[mode] = xf_xml_attr(dom, node, "service");
    if (!xf_xml_attr(dom, node, "path"))
        return TRUE;
    chr->path = xf_xml_attr(dom, node, "path");
    if (chr->type == CHR_PTY)
        xf_xml_idle(dom, node, "path");
    return TRUE;
}

static const struct xf_xml_word chr_protocols[] = {
    { "raw", 0, NULL }, { "telnet", 1, NULL },
    { "telnets", 0, "QEMU's serial ports speak raw or telnet" },
    { "tls", 0, "QEMU's serial ports speak raw or telnet" },
    { NULL, 0, NULL }
};

static gboolean
read_protocol(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct chardev *chr = arg;

    if (!xf_xml_word_attr(dom, node, "type", &chr->telnet, err))
        return FALSE;
    return chr->type == CHR_TCP
           || xf_xml_bad(err, node, "only a device of type 'tcp' speaks one");
}

static const struct xf_xml_word targets[] = {
    { "xen", TARGET_XEN, NULL },
    { "serial", TARGET_SERIAL, NULL },
    { "isa-serial", TARGET_SERIAL, NULL },
    { "virtio", 0, "Xen guests have no virtio consoles; use 'xen'" },
    { "usb-serial", 0, "libxl has ISA serial ports only" },
    { "pci-serial", 0, "libxl has ISA serial ports only" },
    { NULL, 0, NULL }
};

static gboolean
read_target(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct chardev *chr = arg;

    chr->name = xf_xml_attr(dom, node, "name");
    if (chr->name && !xmlStrEqual(node->parent->name, BAD_CAST "channel"))
        return xf_xml_bad(err, node, "only a channel has a name");
    return xf_xml_word_attr(dom, node, "type", &chr->target, err)
           && xf_xml_uint_attr(dom, node, "port", G_MAXUINT16, &chr->port,
                               err);
}

static const struct xf_xml_rule target_rules[] = {
    { .name = "model", .attrs = "~name",
      .attrs_why = "the target's type says it" },
    { .name = NULL }
};

const struct xf_xml_rule xf_xml_chardev_rules[] = {
    { .name = "source", .attrs = "path append mode host service ~tty",
      .values = XF_XML_VALUES({ "mode", modes },
                              { "append", appends }),
      .attrs_why = "the host's name for it while the guest ran",
      .idle = "a pty gets its name where the guest runs",
      .read = read_source, .flags = XF_RULE_MANY },
    { .name = "protocol", .attrs = "type",
      .values = XF_XML_VALUES({ "type", chr_protocols }),
      .read = read_protocol },
    { .name = "target", .attrs = "type port name ~state",
      .values = XF_XML_VALUES({ "type", targets }),
      .attrs_why = "what the guest did with it while it ran",
      .read = read_target, .children = target_rules },
    { .name = "alias", .flags = XF_RULE_HARMLESS,
      .why = "a name inside libvirt" },
    { .name = "address", .flags = XF_RULE_HARMLESS,
      .why = "the port gives it its place" },
    { .name = "log", .why = "libxl keeps no log of it; xenconsoled does" },
    { .name = NULL }
};

static gboolean
read_chardev(struct xf_domxml *dom, xmlNode *node, struct chardev *chr,
             GError **err)
{
    return xf_xml_need_attr(dom, node, "type", err)
           && xf_xml_word_attr(dom, node, "type", &chr->type, err)
           && xf_xml_walk(dom, node, xf_xml_chardev_rules, chr, err);
}

/* -- serial ports ---------------------------------------------------------- */

static char *
need_path(xmlNode *node, const struct chardev *chr, const char *format,
          GError **err)
{
    if (!chr->path || !*chr->path || strchr(chr->path, ',')) {
        xf_xml_bad(err, node, "needs a path, without a comma, in its "
                   "<source>");
        return NULL;
    }
    return g_strconcat(format, chr->path, NULL);
}

/* A comma would begin another option of QEMU's; a ':' in an address ends the
 * host for it, unless that is in brackets. */
static gboolean
network_ok(xmlNode *node, const struct chardev *chr, GError **err)
{
    for (int mode = 0; mode < 2; mode++)
        if ((chr->host[mode] && strpbrk(chr->host[mode], ",@[] "))
            || (chr->service[mode] && strpbrk(chr->service[mode], ",@: ")))
            return xf_xml_bad(err, node, "host or service in its <source> "
                              "has a character that they cannot have");
    return TRUE;
}

static char *
host_text(const char *host)
{
    gboolean v6 = host && strchr(host, ':');

    return g_strdup_printf("%s%s%s", v6 ? "[" : "", host ? host : "",
                           v6 ? "]" : "");
}

static char *
need_tcp(xmlNode *node, const struct chardev *chr, GError **err)
{
    int mode = chr->has[1] ? 1 : 0;
    g_autofree char *host = host_text(chr->host[mode]);

    if (!chr->host[mode] || !chr->service[mode]) {
        xf_xml_bad(err, node, "needs host and service in its <source>");
        return NULL;
    }
    if (!network_ok(node, chr, err))
        return NULL;
    return g_strdup_printf("%s:%s:%s%s", chr->telnet ? "telnet" : "tcp", host,
                           chr->service[mode],
                           mode ? "" : ",server,nowait");
}

static char *
need_udp(xmlNode *node, const struct chardev *chr, GError **err)
{
    g_autofree char *there = host_text(chr->host[1]);
    g_autofree char *here = host_text(chr->host[0]);
    g_autofree char *local = NULL;

    if (!chr->service[1]) {
        xf_xml_bad(err, node, "needs a service in <source mode='connect'>");
        return NULL;
    }
    if (!network_ok(node, chr, err))
        return NULL;
    if (chr->has[0])
        local = g_strdup_printf("@%s:%s", here,
                                chr->service[0] ? chr->service[0] : "0");
    return g_strdup_printf("udp:%s:%s%s", there, chr->service[1],
                           local ? local : "");
}

/* QEMU's text for it; NULL with the error set. */
static char *
serial_text(xmlNode *node, const struct chardev *chr, GError **err)
{
    g_autofree char *path = NULL;

    switch ((enum chr_type)chr->type) {
    case CHR_PTY:
        return g_strdup("pty");
    case CHR_NULL:
        return g_strdup("null");
    case CHR_STDIO:
        return g_strdup("stdio");
    case CHR_VC:
        return g_strdup("vc");
    case CHR_FILE:
        return need_path(node, chr, "file:", err);
    case CHR_PIPE:
        return need_path(node, chr, "pipe:", err);
    case CHR_DEV:
        return need_path(node, chr, "", err);
    case CHR_UNIX:
        path = need_path(node, chr, "unix:", err);
        return !path ? NULL
               : g_strconcat(path, chr->has[1] ? "" : ",server,nowait", NULL);
    case CHR_TCP:
        return need_tcp(node, chr, err);
    case CHR_UDP:
        return need_udp(node, chr, err);
    }
    g_assert_not_reached();
}

static gboolean
add_serial(struct xf_domxml *dom, xmlNode *node, const struct chardev *chr,
           GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;
    g_autofree char *text = NULL;

    if (!xf_xml_is_hvm(dom))
        return xf_xml_cannot(err, node, "only a guest of type 'hvm' has "
                             "serial ports; use <console>");
    text = serial_text(node, chr, err);
    if (!text)
        return FALSE;
    xf_xl_list_add(&b->u.hvm.serial_list, text);
    dom->serials++;
    return TRUE;
}

gboolean
xf_xml_read_serial(struct xf_domxml *dom, xmlNode *node, void *arg,
                   GError **err)
{
    struct chardev chr = { .port = dom->serials };

    if (!read_chardev(dom, node, &chr, err))
        return FALSE;
    if (chr.target == TARGET_XEN)
        return xf_xml_bad(err, node, "a serial port has no target 'xen'");
    if (chr.port != dom->serials)
        return xf_xml_cannot(err, node, "serial ports must come in the order "
                             "of their ports, from 0");
    return add_serial(dom, node, &chr, err);
}

/* -- consoles -------------------------------------------------------------- */

/* libvirt shows the first serial port a second time, as a console. */
static gboolean
serial_console(struct xf_domxml *dom, xmlNode *node,
               const struct chardev *chr, GError **err)
{
    if (chr->port != 0 || dom->serial_console)
        return xf_xml_cannot(err, node, "only the first serial port may be a "
                             "console; use <serial> for others");
    xf_xml_idle(dom, node, NULL);
    dom->serial_console = node;
    return TRUE;
}

gboolean
xf_xml_read_console(struct xf_domxml *dom, xmlNode *node, void *arg,
                    GError **err)
{
    struct chardev chr = { 0 };

    if (!read_chardev(dom, node, &chr, err))
        return FALSE;
    if (!chr.target)
        chr.target = xf_xml_is_hvm(dom) ? TARGET_SERIAL : TARGET_XEN;
    if (chr.target == TARGET_SERIAL)
        return serial_console(dom, node, &chr, err);
    if (chr.type != CHR_PTY)
        return xf_xml_cannot(err, node, "a Xen console is of type 'pty'");
    if (chr.port != 0 || dom->xen_console)
        return xf_xml_cannot(err, node, "a guest has one Xen console; use "
                             "<channel> for more");
    dom->xen_console = TRUE;
    xf_xml_idle(dom, node, NULL);
    return TRUE;
}

/* A serial console without its <serial> stands for both. */
gboolean
xf_xml_chardevs_finish(struct xf_domxml *dom, GError **err)
{
    struct chardev chr = { 0 };

    if (!dom->serial_console || dom->serials)
        return TRUE;
    return read_chardev(dom, dom->serial_console, &chr, err)
           && add_serial(dom, dom->serial_console, &chr, err);
}

/* -- channels -------------------------------------------------------------- */

gboolean
xf_xml_read_channel(struct xf_domxml *dom, xmlNode *node, void *arg,
                    GError **err)
{
    libxl_domain_config *config = dom->config;
    /* libxl makes the socket */
    struct chardev chr = { .listens = TRUE };
    libxl_device_channel *channel;

    if (!read_chardev(dom, node, &chr, err))
        return FALSE;
    if (chr.target != TARGET_XEN || !chr.name || !*chr.name)
        return xf_xml_bad(err, node, "needs <target type='xen' name=>");
    if (chr.type != CHR_PTY && chr.type != CHR_UNIX)
        return xf_xml_cannot(err, node, "a Xen channel is of type 'pty' or "
                             "'unix'");
    channel = XF_XL_APPEND(config->channels, config->num_channels);
    libxl_device_channel_init(channel);
    channel->devid = config->num_channels - 1;
    channel->name = xf_xl_strdup(chr.name);
    if (chr.type == CHR_PTY) {
        libxl_device_channel_init_connection(
            channel, LIBXL_CHANNEL_CONNECTION_PTY);
        return TRUE;
    }
    if (chr.has[1] || !chr.path || !*chr.path)
        return xf_xml_cannot(err, node, "libxl listens (mode='bind') on a "
                             "path for it");
    libxl_device_channel_init_connection(channel,
                                         LIBXL_CHANNEL_CONNECTION_SOCKET);
    channel->u.socket.path = xf_xl_strdup(chr.path);
    return TRUE;
}
