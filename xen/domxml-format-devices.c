/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxl configuration to domain XML: <devices> but disks and displays. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "xen/domxml-format.h"
#include "xen/domxml-private.h"

/* -- controllers ----------------------------------------------------------- */

static void
write_xenbus(const struct xf_xml_out *out, xmlNode *devices)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    gboolean frames = b->max_grant_frames > 0
                      && b->max_grant_frames <= G_MAXINT32;
    gboolean channels = b->event_channels > 0
                        && b->event_channels <= G_MAXINT32;
    xmlNode *node;

    if (!frames && !channels)
        return;
    node = xf_out_with(devices, "controller", "type", "xenbus");
    xf_out_attr(node, "index", "0");
    if (frames)
        xf_out_attr(node, "maxGrantFrames", "%u", b->max_grant_frames);
    if (channels)
        xf_out_attr(node, "maxEventChannels", "%u", b->event_channels);
}

static gboolean
usbctrl_can_be_read(const libxl_domain_config *config, int index)
{
    const libxl_device_usbctrl *ctrl = &config->usbctrls[index];

    for (int i = 0; i < index; i++)
        if (config->usbctrls[i].devid == ctrl->devid)
            return FALSE;
    return ctrl->type == LIBXL_USBCTRL_TYPE_QUSB
           && (ctrl->version == 1 || ctrl->version == 2) && ctrl->devid >= 0
           && ctrl->devid <= G_MAXINT16 && ctrl->ports > 0
           && ctrl->ports <= 31;
}

static void
write_usbctrls(const struct xf_xml_out *out, xmlNode *devices)
{
    static const char *const models[] = {
        NULL, "piix3-uhci", "ich9-ehci1", "nec-xhci"
    };
    const libxl_domain_build_info *b = &out->config->b_info;

    for (int i = 0; i < out->config->num_usbctrls; i++) {
        const libxl_device_usbctrl *ctrl = &out->config->usbctrls[i];
        xmlNode *node;

        if (!usbctrl_can_be_read(out->config, i))
            continue;
        node = xf_out_with(devices, "controller", "type", "usb");
        xf_out_attr(node, "index", "%d", ctrl->devid);
        xf_out_attr(node, "model", "qusb%d", ctrl->version);
        xf_out_attr(node, "ports", "%d", ctrl->ports);
    }
    if (out->hvm && !b->u.hvm.usbdevice_list && !b->u.hvm.usbdevice
        && b->u.hvm.usbversion >= 1 && b->u.hvm.usbversion <= 3)
        xf_out_attr(xf_out_with(devices, "controller", "type", "usb"),
                    "model", "%s", models[b->u.hvm.usbversion]);
}

/* -- interfaces ------------------------------------------------------------ */

/* Where it is plugged in; libxl's own default, where neither bridge nor script
 * is said. */
static const char *
bridge_of(const libxl_device_nic *nic)
{
    const char *bridge = nic->bridge || nic->script ? nic->bridge : "xenbr0";

    return xf_out_has(bridge) && xf_xml_is_bridge(bridge) ? bridge : NULL;
}

void
xf_out_mac(const libxl_device_nic *nic, xmlNode *node)
{
    static const libxl_mac none;

    if (memcmp(nic->mac, none, sizeof(none)) == 0 || (nic->mac[0] & 1))
        return;
    xf_out_attr(xf_out_element(node, "mac"), "address",
                "%02x:%02x:%02x:%02x:%02x:%02x", nic->mac[0], nic->mac[1],
                nic->mac[2], nic->mac[3], nic->mac[4], nic->mac[5]);
}

/* "192.0.2.1/24"; what follows the slash is left to the residual when it is
 * no prefix. */
static void
write_ip(char *ip, xmlNode *node)
{
    const char *family = strchr(ip, ':') ? "ipv6" : "ipv4";
    char *slash = strchr(ip, '/');
    guint64 prefix;
    xmlNode *element;

    if (slash)
        *slash++ = '\0';
    if (!xf_xml_is_address(ip))
        return;
    element = xf_out_with(node, "ip", "address", ip);
    xf_out_attr(element, "family", "%s", family);
    if (slash && g_ascii_string_to_unsigned(slash, 10, 0,
                                            strchr(ip, ':') ? 128 : 32,
                                            &prefix, NULL))
        xf_out_attr(element, "prefix", "%u", (guint)prefix);
}

static void
write_ips(const libxl_device_nic *nic, xmlNode *node)
{
    g_auto(GStrv) ips = NULL;

    if (!xf_out_has(nic->ip))
        return;
    ips = g_strsplit(nic->ip, " ", -1);
    for (char **ip = ips; *ip; ip++)
        if (**ip)
            write_ip(*ip, node);
}

static void
write_model(const struct xf_xml_out *out, const libxl_device_nic *nic,
            xmlNode *node)
{
    if (nic->nictype == LIBXL_NIC_TYPE_VIF)
        xf_out_with(node, "model", "type", "netfront");
    else if (out->hvm && nic->model
             && xf_xml_is_word(xf_xml_nic_models, nic->model)
             && strcmp(nic->model, "netfront") != 0
             && strcmp(nic->model, "xen") != 0)
        xf_out_with(node, "model", "type", nic->model);
}

static void
write_rate(const libxl_device_nic *nic, xmlNode *node)
{
    guint64 average;

    if (!nic->rate_interval_usecs
        || nic->rate_bytes_per_interval > G_MAXUINT32)
        return;
    average = nic->rate_bytes_per_interval * 1000000
              / nic->rate_interval_usecs / 1024;
    if (average > 0 && average <= G_MAXUINT32)
        xf_out_attr(xf_out_element(xf_out_element(node, "bandwidth"),
                                   "outbound"),
                    "average", "%" G_GUINT64_FORMAT, average);
}

static void
write_nic(const struct xf_xml_out *out, const libxl_device_nic *nic,
          xmlNode *devices)
{
    const char *bridge = bridge_of(nic);
    xmlNode *node = xf_out_with(devices, "interface", "type",
                                bridge ? "bridge" : "ethernet");

    xf_out_mac(nic, node);
    if (bridge)
        xf_out_with(node, "source", "bridge", bridge);
    if (xf_out_has(nic->script))
        xf_out_with(node, "script", "path", nic->script);
    if (xf_out_has(nic->ifname)
        && strlen(nic->ifname)
           <= xf_xml_ifname_max(out->hvm
                                && nic->nictype != LIBXL_NIC_TYPE_VIF))
        xf_out_with(node, "target", "dev", nic->ifname);
    write_model(out, nic, node);
    write_ips(nic, node);
    if (nic->mtu >= 68 && nic->mtu <= 65535)
        xf_out_attr(xf_out_element(node, "mtu"), "size", "%d", nic->mtu);
    write_rate(nic, node);
    if (xf_out_has(nic->backend_domname))
        xf_out_with(node, "backenddomain", "name", nic->backend_domname);
}

static void
write_filesystems(const struct xf_xml_out *out, xmlNode *devices)
{
    for (int i = 0; i < out->config->num_p9s; i++) {
        const libxl_device_p9 *p9 = &out->config->p9s[i];
        xmlNode *node;

        if (!xf_out_has(p9->path) || !xf_out_has(p9->tag))
            continue;
        node = xf_out_with(devices, "filesystem", "type", "mount");
        xf_out_attr(node, "accessmode", "squash");
        xf_out_with(node, "source", "dir", p9->path);
        xf_out_with(node, "target", "dir", p9->tag);
    }
}

static void
write_nics(const struct xf_xml_out *out, xmlNode *devices)
{
    for (int i = 0; i < out->config->num_nics; i++)
        write_nic(out, &out->config->nics[i], devices);
}

/* -- consoles, serial ports, channels -------------------------------------- */

static const struct {
    const char *prefix;         /* of QEMU's text; whole when path is FALSE */
    const char *type;
    gboolean path;
} serial_types[] = {
    { "pty", "pty", FALSE },      { "null", "null", FALSE },
    { "stdio", "stdio", FALSE },  { "vc", "vc", FALSE },
    { "file:", "file", TRUE },    { "pipe:", "pipe", TRUE },
    { "/dev/", "dev", TRUE },
};

/* The type for QEMU's text and *path in it; NULL when XML cannot say it. */
static const char *
serial_type(const char *text, const char **path)
{
    for (gsize i = 0; i < G_N_ELEMENTS(serial_types); i++) {
        const char *prefix = serial_types[i].prefix;

        *path = NULL;
        if (!serial_types[i].path && strcmp(text, prefix) == 0)
            return serial_types[i].type;
        if (!serial_types[i].path || !g_str_has_prefix(text, prefix))
            continue;
        *path = *prefix == '/' ? text : text + strlen(prefix);
        if (xf_out_has(*path) && !strchr(*path, ','))
            return serial_types[i].type;
    }
    return NULL;
}

#define LISTENS ",server,nowait"

/* As XML has it: without the brackets around an address of IPv6, and with
 * nothing that could not be read back.  NULL: XML cannot say it. */
static char *
plain_host(const char *text, gsize len)
{
    gboolean bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    char *host = bracketed ? g_strndup(text + 1, len - 2)
                           : g_strndup(text, len);

    if (!strpbrk(host, ",@[] ") && !strchr(host, ':') == !bracketed)
        return host;
    g_free(host);
    return NULL;
}

/* "host:port" into a <source> of the given mode. */
static gboolean
write_address(xmlNode *node, const char *mode, const char *address)
{
    const char *colon = strrchr(address, ':');
    g_autofree char *host = NULL;
    xmlNode *source;

    if (!colon || colon == address || !colon[1]
        || strpbrk(colon + 1, ",@ ") || !xf_out_has(address))
        return FALSE;
    host = plain_host(address, colon - address);
    if (!host)
        return FALSE;
    source = xf_out_with(node, "source", "mode", mode);
    xf_out_attr(source, "host", "%s", host);
    xf_out_attr(source, "service", "%s", colon + 1);
    return TRUE;
}

/* "host:port" or "path", with LISTENS behind it when QEMU is the server. */
static char *
without_mode(const char *text, const char **mode)
{
    gboolean listens = g_str_has_suffix(text, LISTENS);

    *mode = listens ? "bind" : "connect";
    return g_strndup(text,
                     strlen(text) - (listens ? strlen(LISTENS) : 0));
}

static xmlNode *
write_unix_serial(xmlNode *devices, const char *element, const char *text)
{
    const char *mode;
    g_autofree char *path = without_mode(text + strlen("unix:"), &mode);
    xmlNode *node;

    if (!xf_out_has(path) || strchr(path, ','))
        return NULL;
    node = xf_out_with(devices, element, "type", "unix");
    xf_out_attr(xf_out_with(node, "source", "mode", mode), "path", "%s",
                path);
    return node;
}

static xmlNode *
write_tcp_serial(xmlNode *devices, const char *element, const char *text)
{
    const char *mode;
    g_autofree char *address = without_mode(strchr(text, ':') + 1, &mode);
    xmlNode *node = xf_out_with(devices, element, "type", "tcp");

    if (!write_address(node, mode, address)) {
        xmlUnlinkNode(node);
        xmlFreeNode(node);
        return NULL;
    }
    xf_out_with(node, "protocol", "type",
                g_str_has_prefix(text, "telnet:") ? "telnet" : "raw");
    return node;
}

static xmlNode *
write_plain_serial(xmlNode *devices, const char *element, const char *text)
{
    const char *path, *type = serial_type(text, &path);
    xmlNode *node;

    if (!type)
        return NULL;
    node = xf_out_with(devices, element, "type", type);
    if (path)
        xf_out_with(node, "source", "path", path);
    return node;
}

/* Both <serial> and the <console> that shows it; returns its <target>. */
static xmlNode *
write_serial(xmlNode *devices, const char *element, const char *text,
             guint port)
{
    xmlNode *node, *target;

    if (g_str_has_prefix(text, "unix:"))
        node = write_unix_serial(devices, element, text);
    else if (g_str_has_prefix(text, "tcp:")
             || g_str_has_prefix(text, "telnet:"))
        node = write_tcp_serial(devices, element, text);
    else
        node = write_plain_serial(devices, element, text);
    if (!node)
        return NULL;
    target = xf_out_element(node, "target");
    xf_out_attr(target, "port", "%u", port);
    return target;
}

/* From the list, or the one of before there was a list. */
static const char *
serial_at(const struct xf_xml_out *out, guint port)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    char **list = b->u.hvm.serial_list;

    if (!list)
        return port == 0 ? b->u.hvm.serial : NULL;
    for (guint i = 0; i < port; i++)
        if (!list[i])
            return NULL;
    return list[port];
}

static void
write_consoles(const struct xf_xml_out *out, xmlNode *devices)
{
    xmlNode *target = NULL;

    for (guint port = 0; out->hvm && serial_at(out, port); port++)
        if (!write_serial(devices, "serial", serial_at(out, port), port))
            break;
    if (out->hvm && serial_at(out, 0))
        target = write_serial(devices, "console", serial_at(out, 0), 0);
    if (target) {
        xf_out_attr(target, "type", "serial");
        return;
    }
    target = xf_out_element(xf_out_with(devices, "console", "type", "pty"),
                            "target");
    xf_out_attr(target, "type", "xen");
    xf_out_attr(target, "port", "0");
}

static void
write_channel(const libxl_device_channel *channel, xmlNode *devices)
{
    gboolean unix_socket =
        channel->connection == LIBXL_CHANNEL_CONNECTION_SOCKET;
    xmlNode *node, *source;

    if (!xf_out_has(channel->name)
        || (!unix_socket
            && channel->connection != LIBXL_CHANNEL_CONNECTION_PTY)
        || (unix_socket && !xf_out_has(channel->u.socket.path)))
        return;
    node = xf_out_with(devices, "channel", "type",
                       unix_socket ? "unix" : "pty");
    if (unix_socket) {
        source = xf_out_with(node, "source", "mode", "bind");
        xf_out_attr(source, "path", "%s", channel->u.socket.path);
    }
    xf_out_attr(xf_out_with(node, "target", "type", "xen"), "name", "%s",
                channel->name);
}

static void
write_channels(const struct xf_xml_out *out, xmlNode *devices)
{
    for (int i = 0; i < out->config->num_channels; i++)
        write_channel(&out->config->channels[i], devices);
}

/* -- inputs, sound --------------------------------------------------------- */

static void
write_input(const char *name, xmlNode *devices)
{
    static const char *const types[] = { "mouse", "tablet", "keyboard" };

    for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
        if (strcmp(types[i], name) == 0)
            xf_out_attr(xf_out_with(devices, "input", "type", name), "bus",
                        "usb");
}

static void
write_inputs(const struct xf_xml_out *out, xmlNode *devices)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    if (!out->hvm)
        return;
    for (char **name = b->u.hvm.usbdevice_list; name && *name; name++)
        write_input(*name, devices);
    if (b->u.hvm.usbdevice)
        write_input(b->u.hvm.usbdevice, devices);
}

static void
write_sounds(const struct xf_xml_out *out, xmlNode *devices)
{
    const struct xf_xml_word *word = xf_xml_sounds;
    const char *name = out->config->b_info.u.hvm.soundhw;

    if (!out->hvm || !name)
        return;
    while (word->word && (word->why
                          || strcmp(xf_xml_sound_names[word->value], name)))
        word++;
    if (word->word)
        xf_out_with(devices, "sound", "model", word->word);
}

/* -- host devices ---------------------------------------------------------- */

static void
write_pci(const libxl_device_pci *pci, xmlNode *devices)
{
    xmlNode *node = xf_out_with(devices, "hostdev", "mode", "subsystem");
    xmlNode *source, *address;

    xf_out_attr(node, "type", "pci");
    xf_out_attr(node, "managed", "%s", pci->seize ? "yes" : "no");
    source = xf_out_element(node, "source");
    if (pci->permissive)
        xf_out_attr(source, "writeFiltering", "no");
    address = xf_out_element(source, "address");
    xf_out_attr(address, "domain", "0x%04x", pci->domain & 0xffff);
    xf_out_attr(address, "bus", "0x%02x", pci->bus);
    xf_out_attr(address, "slot", "0x%02x", pci->dev & 31);
    xf_out_attr(address, "function", "0x%x", pci->func & 7);
}

static void
write_usb(const libxl_device_usbdev *usb, xmlNode *devices)
{
    xmlNode *node, *address;

    if (usb->type != LIBXL_USBDEV_TYPE_HOSTDEV)
        return;
    node = xf_out_with(devices, "hostdev", "mode", "subsystem");
    xf_out_attr(node, "type", "usb");
    xf_out_attr(node, "managed", "no");
    address = xf_out_element(xf_out_element(node, "source"), "address");
    xf_out_attr(address, "bus", "%u", usb->u.hostdev.hostbus);
    xf_out_attr(address, "device", "%u", usb->u.hostdev.hostaddr);
}

static gboolean
pci_can_be_read(const struct xf_xml_out *out)
{
    const libxl_domain_create_info *c = &out->config->c_info;

    return c->type != LIBXL_DOMAIN_TYPE_PVH
           && c->passthrough != LIBXL_PASSTHROUGH_DISABLED
           && !xf_out_on_demand(out);
}

static void
write_hostdevs(const struct xf_xml_out *out, xmlNode *devices)
{
    int count = pci_can_be_read(out) ? out->config->num_pcidevs : 0;

    for (int i = 0; i < count; i++)
        write_pci(&out->config->pcidevs[i], devices);
    for (int i = 0; i < out->config->num_usbdevs; i++)
        write_usb(&out->config->usbdevs[i], devices);
}

/* -- the list -------------------------------------------------------------- */

static void
write_emulator(const struct xf_xml_out *out, xmlNode *devices)
{
    if (xf_out_has(out->config->b_info.device_model))
        xf_out_text(devices, "emulator", "%s",
                    out->config->b_info.device_model);
}

static void
write_memballoon(const struct xf_xml_out *out, xmlNode *devices)
{
    xf_out_with(devices, "memballoon", "model", "xen");
}

static void (*const writers[])(const struct xf_xml_out *out,
                               xmlNode *devices) = {
    write_emulator, xf_out_disks,    write_filesystems, write_xenbus,
    write_usbctrls, write_nics,      write_consoles,    write_channels,
    write_inputs,   xf_out_graphics, write_sounds,      xf_out_video,
    write_hostdevs, write_memballoon,
};

void
xf_out_devices(const struct xf_xml_out *out, xmlNode *domain)
{
    xmlNode *devices = xf_out_element(domain, "devices");

    for (gsize i = 0; i < G_N_ELEMENTS(writers); i++)
        writers[i](out, devices);
}
