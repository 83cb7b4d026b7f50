/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of xl.cfg(5) that are lists of devices. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/types.h"
#include "xen/domxml-private.h"
#include "xen/xlcfg-private.h"

/* One key: where the devices are, and what their texts mean. */
struct devices {
    const char *key;
    gsize array, count;         /* in the configuration */
    gsize size;
    gssize devid;               /* in the device; -1: xl gives it none */
    void (*init)(void *device);
    /* Either rows, or functions of its own. */
    const struct xf_xl_row *rows;
    gboolean (*read)(struct xf_xlcfg *cfg, void *device, const char *text,
                     GError **err);
    char *(*write)(const struct xf_xlout *out, const void *device,
                   const void *blank);
};

#define DEFINE_INIT(name)                                                   \
    static void                                                             \
    init_##name(void *device)                                               \
    {                                                                       \
        libxl_device_##name##_init(device);                                 \
    }

DEFINE_INIT(disk)
DEFINE_INIT(nic)
DEFINE_INIT(pci)
DEFINE_INIT(vfb)
DEFINE_INIT(vkb)
DEFINE_INIT(vtpm)
DEFINE_INIT(p9)
DEFINE_INIT(pvcallsif)
DEFINE_INIT(channel)
DEFINE_INIT(usbctrl)
DEFINE_INIT(vdispl)
DEFINE_INIT(dtdev)

static void
init_usbdev(void *device)
{
    libxl_device_usbdev_init(device);
    libxl_device_usbdev_init_type(device, LIBXL_USBDEV_TYPE_HOSTDEV);
}

#define ROW(type, name, what, field)                                        \
    { .key = name, .guests = XF_XL_ALL, .kind = XF_XL_##what,               \
      XF_XL_AT(libxl_device_##type, field) }
#define WORDS(type, name, field, table)                                     \
    { .key = name, .guests = XF_XL_ALL, .kind = XF_XL_WORD,                 \
      XF_XL_AT(libxl_device_##type, field), .words = table }
#define OWN(name, in, out)                                                  \
    { .key = name, .guests = XF_XL_ALL, .kind = XF_XL_OWN, .read = in,      \
      .write = out }

/* -- disks ----------------------------------------------------------------- */

static gboolean
read_disk(struct xf_xlcfg *cfg, void *device, const char *text, GError **err)
{
    return xlu_disk_parse(cfg->xlu, 1, &text, device) == 0
           || xf_xl_bad_report(cfg, text, err);
}

/* The target comes last: it is the rest of the text, commas and all. */
static char *
write_disk(const struct xf_xlout *out, const void *device, const void *blank)
{
    const libxl_device_disk *disk = device;
    g_autoptr(GString) text = g_string_new(NULL);

    if (disk->format != LIBXL_DISK_FORMAT_EMPTY)
        g_string_append_printf(text, "format=%s,",
                               libxl_disk_format_to_string(disk->format));
    g_string_append_printf(text, "vdev=%s,access=%s",
                           disk->vdev ? disk->vdev : "",
                           disk->readwrite ? "rw" : "ro");
    if (disk->is_cdrom)
        g_string_append(text, ",devtype=cdrom");
    if (disk->backend != LIBXL_DISK_BACKEND_UNKNOWN)
        g_string_append_printf(text, ",backendtype=%s",
                               libxl_disk_backend_to_string(disk->backend));
    if (disk->backend_domname)
        g_string_append_printf(text, ",backend=%s", disk->backend_domname);
    if (disk->script)
        g_string_append_printf(text, ",script=%s", disk->script);
    if (disk->specification != LIBXL_DISK_SPECIFICATION_UNKNOWN)
        g_string_append_printf(text, ",specification=%s",
                               libxl_disk_specification_to_string(
                                   disk->specification));
    if (disk->direct_io_safe)
        g_string_append(text, ",direct-io-safe");
    if (!libxl_defbool_is_default(disk->discard_enable))
        g_string_append(text, libxl_defbool_val(disk->discard_enable)
                              ? ",discard" : ",no-discard");
    if (disk->pdev_path)
        g_string_append_printf(text, ",target=%s", disk->pdev_path);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* -- interfaces ------------------------------------------------------------ */

static gboolean
read_mac(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
         const char *text, GError **err)
{
    libxl_device_nic *nic = base;
    guint8 mac[sizeof(nic->mac)];
    const char *at = text;

    for (gsize i = 0; at && i < sizeof(mac); i++) {
        if (!g_ascii_isxdigit(at[0]) || !g_ascii_isxdigit(at[1])
            || at[2] != (i + 1 < sizeof(mac) ? ':' : '\0'))
            break;
        mac[i] = g_ascii_xdigit_value(at[0]) << 4
                 | g_ascii_xdigit_value(at[1]);
        at += 3;
        if (i + 1 == sizeof(mac)) {
            memcpy(nic->mac, mac, sizeof(mac));
            return TRUE;
        }
    }
    return xf_xl_bad(cfg, err, "mac '%s' is not xx:xx:xx:xx:xx:xx",
                     text ? text : "");
}

static char *
write_mac(const struct xf_xlout *out, const struct xf_xl_row *row,
          const void *base)
{
    const guint8 *mac = ((const libxl_device_nic *)base)->mac;
    static const guint8 none[6];

    return memcmp(mac, none, sizeof(none)) == 0 ? NULL
           : g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
                             mac[2], mac[3], mac[4], mac[5]);
}

static gboolean
read_rate(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
          const char *text, GError **err)
{
    if (!text)
        return xf_xl_bad(cfg, err, "'rate' needs a value");
    return xlu_vif_parse_rate(cfg->xlu, text, base) == 0
           || xf_xl_bad_report(cfg, text, err);
}

static char *
write_rate(const struct xf_xlout *out, const struct xf_xl_row *row,
           const void *base)
{
    const libxl_device_nic *nic = base;
    guint32 us = nic->rate_interval_usecs;
    guint64 bytes = nic->rate_bytes_per_interval;

    if (us == 0 || bytes > G_MAXUINT64 / G_USEC_PER_SEC)
        return NULL;
    return g_strdup_printf("%" G_GUINT64_FORMAT "B/s@%uus",
                           bytes * G_USEC_PER_SEC / us, us);
}

static gboolean
read_trusted(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
             const char *text, GError **err)
{
    libxl_device_nic *nic = base;

    if (text)
        return xf_xl_bad(cfg, err, "'%s' takes no value", row->key);
    libxl_defbool_set(&nic->trusted, strcmp(row->key, "trusted") == 0);
    return TRUE;
}

/* The word stands alone: "trusted", "untrusted". */
static char *
write_trusted(const struct xf_xlout *out, const struct xf_xl_row *row,
              const void *base)
{
    const libxl_device_nic *nic = base;

    return !libxl_defbool_is_default(nic->trusted)
           && libxl_defbool_val(nic->trusted)
              == (strcmp(row->key, "trusted") == 0) ? g_strdup("") : NULL;
}

static gboolean
read_ignored(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
             const char *text, GError **err)
{
    return TRUE;
}

/* What was there for xend. */
static gboolean
read_idle(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
          const char *text, GError **err)
{
    xf_xl_idle(cfg, "'%s' is ignored, as xl does", row->key);
    return TRUE;
}

static const libxl_enum_string_table nic_types[] = {
    { "ioemu", LIBXL_NIC_TYPE_VIF_IOEMU }, { "vif", LIBXL_NIC_TYPE_VIF },
    { NULL, 0 }
};

static const struct xf_xl_row nic_rows[] = {
    OWN("mac", read_mac, write_mac),
    ROW(nic, "bridge", TEXT, bridge),
    WORDS(nic, "type", nictype, nic_types),
    ROW(nic, "model", TEXT, model),
    ROW(nic, "ip", TEXT, ip),
    ROW(nic, "script", TEXT, script),
    ROW(nic, "backend", TEXT, backend_domname),
    ROW(nic, "vifname", TEXT, ifname),
    ROW(nic, "gatewaydev", TEXT, gatewaydev),
    { .key = "netdev", .guests = 0, .kind = XF_XL_TEXT,
      XF_XL_AT(libxl_device_nic, gatewaydev) },
    ROW(nic, "devid", NUMBER, devid),
    ROW(nic, "mtu", NUMBER, mtu),
    OWN("rate", read_rate, write_rate),
    OWN("trusted", read_trusted, write_trusted),
    OWN("untrusted", read_trusted, write_trusted),
    OWN("accel", read_idle, NULL),
    { .key = NULL }
};

/* -- PCI ------------------------------------------------------------------- */

/* Keys that give all PCI devices of the file their default. */
static gboolean
pci_default(struct xf_xlcfg *cfg, const char *key, bool *out, GError **err)
{
    const char *before = cfg->key, *text;
    gint64 on;
    gboolean ok;

    if (!xf_xl_has(cfg, key))
        return TRUE;
    cfg->key = key;
    text = xf_xl_string(cfg, key, err);
    ok = text && xf_xl_number(cfg, text, G_MININT32, G_MAXINT32, &on, err);
    if (ok)
        *out = on != 0;
    cfg->key = before;
    return ok;
}

/* libxlutil ends the program at some texts that are none. */
static gboolean
looks_like_pci(const char *text)
{
    return g_regex_match_simple(
        "^([0-9a-f]{1,4}:)?[0-9a-f]{1,2}:[0-9a-f]{1,2}\\.([0-7]|\\*)"
        "(@[0-9a-f]{1,2})?(,[a-z_]+=[a-z0-9]+)*\\z", text,
        G_REGEX_CASELESS, 0);
}

static gboolean
read_pci(struct xf_xlcfg *cfg, void *device, const char *text, GError **err)
{
    libxl_device_pci *pci = device;
    libxl_domain_config *config = cfg->config;

    if (!pci_default(cfg, "pci_msitranslate", &pci->msitranslate, err)
        || !pci_default(cfg, "pci_power_mgmt", &pci->power_mgmt, err)
        || !pci_default(cfg, "pci_permissive", &pci->permissive, err)
        || !pci_default(cfg, "pci_seize", &pci->seize, err))
        return FALSE;
    if (!looks_like_pci(text))
        return xf_xl_bad(cfg, err, "'%s' is not [DDDD:]BB:DD.F[@SLOT]"
                         "[,key=value]...", text);
    pci->rdm_policy = LIBXL_RDM_RESERVE_POLICY_STRICT;
    if (xlu_pci_parse_spec_string(cfg->xlu, pci, text) != 0)
        return xf_xl_bad_report(cfg, text, err);
    /* xl's default for a PV guest with PCI devices */
    if (config->c_info.type == LIBXL_DOMAIN_TYPE_PV
        && !xf_xl_has(cfg, "e820_host"))
        libxl_defbool_set(&config->b_info.u.pv.e820_host, true);
    return TRUE;
}

static char *
write_pci(const struct xf_xlout *out, const void *device, const void *blank)
{
    const libxl_device_pci *pci = device;
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "%04x:%02x:%02x.", pci->domain, pci->bus,
                           pci->dev);
    if (pci->vfunc_mask == LIBXL_PCI_FUNC_ALL)
        g_string_append_c(text, '*');
    else
        g_string_append_printf(text, "%x", pci->func);
    if (pci->vdevfn)
        g_string_append_printf(text, "@%02x", pci->vdevfn >> 3);
    g_string_append_printf(text, "%s%s%s%s",
                           pci->msitranslate ? ",msitranslate=1" : "",
                           pci->power_mgmt ? ",power_mgmt=1" : "",
                           pci->permissive ? ",permissive=1" : "",
                           pci->seize ? ",seize=1" : "");
    if (pci->rdm_policy == LIBXL_RDM_RESERVE_POLICY_RELAXED)
        g_string_append(text, ",rdm_policy=relaxed");
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* -- displays and keyboards ------------------------------------------------ */

static const struct xf_xl_row vfb_rows[] = {
    ROW(vfb, "vnc", FLAG, vnc.enable),
    ROW(vfb, "vnclisten", TEXT, vnc.listen),
    ROW(vfb, "vncpasswd", TEXT, vnc.passwd),
    ROW(vfb, "vncdisplay", NUMBER, vnc.display),
    ROW(vfb, "vncunused", FLAG, vnc.findunused),
    ROW(vfb, "keymap", TEXT, keymap),
    ROW(vfb, "sdl", FLAG, sdl.enable),
    ROW(vfb, "opengl", FLAG, sdl.opengl),
    ROW(vfb, "display", TEXT, sdl.display),
    ROW(vfb, "xauthority", TEXT, sdl.xauthority),
    OWN("type", read_idle, NULL),
    { .key = NULL }
};

static void
add_keyboard(libxl_domain_config *config)
{
    libxl_device_vkb *vkb = XF_XL_APPEND(config->vkbs, config->num_vkbs);

    libxl_device_vkb_init(vkb);
    vkb->devid = config->num_vkbs - 1;
}

/* Each comes with a keyboard. */
static gboolean
read_vfb(struct xf_xlcfg *cfg, void *device, const char *text, GError **err)
{
    add_keyboard(cfg->config);
    return xf_xl_take_spec(cfg, vfb_rows, device, text, err);
}

static char *
write_vfb(const struct xf_xlout *out, const void *device, const void *blank)
{
    return xf_xl_spec(out, vfb_rows, device, blank);
}

/* The keys of HVM's screen give a PV guest one, unless there is a list. */
static gboolean
read_pv_screen(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
               const char *none, GError **err)
{
    libxl_domain_config *config = cfg->config;
    const char *text = xf_xl_string(cfg, row->key, err);
    libxl_device_vfb *vfb;
    gint64 on;

    if (!text || !xf_xl_number(cfg, text, G_MININT32, G_MAXINT32, &on, err))
        return FALSE;
    if (on && config->num_vfbs > 0)
        xf_xl_idle(cfg, "is ignored, as xl does, beside 'vfb'");
    if (!on || config->num_vfbs > 0)
        return TRUE;
    vfb = XF_XL_APPEND(config->vfbs, config->num_vfbs);
    libxl_device_vfb_init(vfb);
    vfb->devid = 0;
    add_keyboard(config);
    for (const struct xf_xl_row *field = vfb_rows; field->key; field++) {
        if (field->kind == XF_XL_OWN || !xf_xl_has(cfg, field->key))
            continue;
        cfg->key = field->key;
        text = xf_xl_string(cfg, field->key, err);
        if (!text || !xf_xl_take(cfg, field, vfb, text, err))
            return FALSE;
    }
    return TRUE;
}

/* Of the screen that 'vnc' has made, if it has. */
static gboolean
read_of_screen(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
               const char *none, GError **err)
{
    if (xf_xl_has(cfg, "vfb"))
        xf_xl_idle(cfg, "is ignored, as xl does, beside 'vfb'");
    else if (cfg->config->num_vfbs == 0)
        xf_xl_idle(cfg, "is ignored, as xl does, without vnc=1");
    return TRUE;
}

static const struct xf_xl_row vkb_rows[] = {
    ROW(vkb, "unique-id", TEXT, unique_id),
    ROW(vkb, "backend", TEXT, backend_domname),
    WORDS(vkb, "backend-type", backend_type, libxl_vkb_backend_string_table),
    ROW(vkb, "feature-disable-keyboard", SWITCH, feature_disable_keyboard),
    ROW(vkb, "feature-disable-pointer", SWITCH, feature_disable_pointer),
    ROW(vkb, "feature-abs-pointer", SWITCH, feature_abs_pointer),
    ROW(vkb, "feature-raw-pointer", SWITCH, feature_raw_pointer),
    ROW(vkb, "feature-multi-touch", SWITCH, feature_multi_touch),
    ROW(vkb, "width", NUMBER, width),
    ROW(vkb, "height", NUMBER, height),
    ROW(vkb, "multi-touch-width", NUMBER, multi_touch_width),
    ROW(vkb, "multi-touch-height", NUMBER, multi_touch_height),
    ROW(vkb, "multi-touch-num-contacts", NUMBER, multi_touch_num_contacts),
    { .key = NULL }
};

static gboolean
read_vkb(struct xf_xlcfg *cfg, void *device, const char *text, GError **err)
{
    const libxl_device_vkb *vkb = device;

    return xf_xl_take_spec(cfg, vkb_rows, device, text, err)
           && (vkb->backend_type != LIBXL_VKB_BACKEND_UNKNOWN
               || xf_xl_bad(cfg, err, "'%s' needs backend-type=", text));
}

static gboolean
is_plain_keyboard(const libxl_device_vkb *vkb)
{
    return vkb->backend_type == LIBXL_VKB_BACKEND_UNKNOWN && !vkb->unique_id
           && !vkb->backend_domname;
}

/* Those that come with the displays are not written. */
static char *
write_vkb(const struct xf_xlout *out, const void *device, const void *blank)
{
    const libxl_device_vkb *vkb = device;

    return vkb - out->config->vkbs < out->config->num_vfbs
           && is_plain_keyboard(vkb)
           ? NULL : xf_xl_spec(out, vkb_rows, device, blank);
}

/* "ID:WxH;ID:WxH" */
static gboolean
read_connectors(struct xf_xlcfg *cfg, const struct xf_xl_row *row,
                void *base, const char *text, GError **err)
{
    libxl_device_vdispl *vdispl = base;
    g_auto(GStrv) parts = g_strsplit(text ? text : "", ";", -1);

    for (char **part = parts; *part; part++) {
        g_auto(GStrv) fields = g_strsplit_set(*part, ":x", -1);
        libxl_connector_param *connector;
        gint64 width, height;

        if (g_strv_length(fields) != 3
            || !xf_xl_number(cfg, fields[1], 0, G_MAXINT32, &width, NULL)
            || !xf_xl_number(cfg, fields[2], 0, G_MAXINT32, &height, NULL))
            return xf_xl_bad(cfg, err, "'%s' is not ID:WIDTHxHEIGHT", *part);
        connector = XF_XL_APPEND(vdispl->connectors, vdispl->num_connectors);
        connector->unique_id = xf_xl_strdup(fields[0]);
        connector->width = width;
        connector->height = height;
    }
    return TRUE;
}

static char *
write_connectors(const struct xf_xlout *out, const struct xf_xl_row *row,
                 const void *base)
{
    const libxl_device_vdispl *vdispl = base;
    g_autoptr(GString) text = g_string_new(NULL);

    for (int i = 0; i < vdispl->num_connectors; i++)
        g_string_append_printf(text, "%s%s:%ux%u", i ? ";" : "",
                               vdispl->connectors[i].unique_id
                               ? vdispl->connectors[i].unique_id : "",
                               vdispl->connectors[i].width,
                               vdispl->connectors[i].height);
    return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static const struct xf_xl_row vdispl_rows[] = {
    ROW(vdispl, "backend", TEXT, backend_domname),
    ROW(vdispl, "be-alloc", SWITCH, be_alloc),
    OWN("connectors", read_connectors, write_connectors),
    { .key = NULL }
};

/* -- the others ------------------------------------------------------------ */

static gboolean
read_vtpm_uuid(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
               const char *text, GError **err)
{
    libxl_device_vtpm *vtpm = base;

    return (text && xf_uuid_parse(text, vtpm->uuid.uuid))
           || xf_xl_bad(cfg, err, "'%s' is not a uuid", text ? text : "");
}

static char *
write_vtpm_uuid(const struct xf_xlout *out, const struct xf_xl_row *row,
                const void *base)
{
    const libxl_device_vtpm *vtpm = base;
    char text[XF_UUID_STRING_LEN + 1];

    return g_strdup(xf_uuid_format(vtpm->uuid.uuid, text));
}

static const struct xf_xl_row vtpm_rows[] = {
    ROW(vtpm, "backend", TEXT, backend_domname),
    OWN("uuid", read_vtpm_uuid, write_vtpm_uuid),
    { .key = NULL }
};

static gboolean
read_vtpm(struct xf_xlcfg *cfg, void *device, const char *text, GError **err)
{
    libxl_device_vtpm *vtpm = device;

    if (!xf_xl_take_spec(cfg, vtpm_rows, device, text, err))
        return FALSE;
    if (!vtpm->backend_domname)
        return xf_xl_bad(cfg, err, "'%s' needs backend=", text);
    if (libxl_uuid_is_nil(&vtpm->uuid) && !strstr(text, "uuid"))
        libxl_uuid_generate(&vtpm->uuid);
    return TRUE;
}

static char *
write_vtpm(const struct xf_xlout *out, const void *device, const void *blank)
{
    return xf_xl_spec(out, vtpm_rows, device, blank);
}

static const struct xf_xl_row p9_rows[] = {
    ROW(p9, "tag", TEXT, tag),
    ROW(p9, "path", TEXT, path),
    ROW(p9, "security_model", TEXT, security_model),
    ROW(p9, "backend", TEXT, backend_domname),
    { .key = NULL }
};

static const struct xf_xl_row pvcalls_rows[] = {
    ROW(pvcallsif, "backend", TEXT, backend_domname),
    { .key = NULL }
};

static const struct xf_xl_row usbctrl_rows[] = {
    WORDS(usbctrl, "type", type, libxl_usbctrl_type_string_table),
    ROW(usbctrl, "version", NUMBER, version),
    ROW(usbctrl, "ports", NUMBER, ports),
    ROW(usbctrl, "backend", TEXT, backend_domname),
    { .key = NULL }
};

static const libxl_enum_string_table usbdev_types[] = {
    { "hostdev", LIBXL_USBDEV_TYPE_HOSTDEV }, { NULL, 0 }
};

static const struct xf_xl_row usbdev_rows[] = {
    WORDS(usbdev, "type", type, usbdev_types),
    ROW(usbdev, "hostbus", NUMBER, u.hostdev.hostbus),
    ROW(usbdev, "hostaddr", NUMBER, u.hostdev.hostaddr),
    ROW(usbdev, "controller", NUMBER, ctrl),
    ROW(usbdev, "port", NUMBER, port),
    { .key = NULL }
};

/* "path" belongs to the connection, whichever comes first. */
static gboolean
read_channel(struct xf_xlcfg *cfg, void *device, const char *text,
             GError **err)
{
    struct {
        char *backend, *name, *connection, *path;
    } said = { 0 };
    const struct xf_xl_row rows[] = {
        { .key = "backend", .kind = XF_XL_TEXT, XF_XL_AT(__typeof__(said),
                                                         backend) },
        { .key = "name", .kind = XF_XL_TEXT, XF_XL_AT(__typeof__(said),
                                                      name) },
        { .key = "connection", .kind = XF_XL_TEXT,
          XF_XL_AT(__typeof__(said), connection) },
        { .key = "path", .kind = XF_XL_TEXT, XF_XL_AT(__typeof__(said),
                                                      path) },
        { .key = NULL }
    };
    libxl_device_channel *channel = device;
    libxl_channel_connection connection = LIBXL_CHANNEL_CONNECTION_UNKNOWN;
    gboolean ok = xf_xl_take_spec(cfg, rows, &said, text, err);

    channel->backend_domname = said.backend;
    channel->name = said.name;
    if (ok && (!said.connection
               || libxl_channel_connection_from_string(said.connection,
                                                       &connection) != 0))
        ok = xf_xl_bad(cfg, err, "'%s' needs connection=pty or socket",
                       text);
    if (ok && (connection == LIBXL_CHANNEL_CONNECTION_SOCKET) != !!said.path)
        ok = xf_xl_bad(cfg, err, "'%s': a socket has a path, a pty has none",
                       text);
    free(said.connection);
    if (!ok) {
        free(said.path);
        return FALSE;
    }
    libxl_device_channel_init_connection(channel, connection);
    if (said.path)
        channel->u.socket.path = said.path;
    return TRUE;
}

static char *
write_channel(const struct xf_xlout *out, const void *device,
              const void *blank)
{
    const libxl_device_channel *channel = device;
    gboolean socket =
        channel->connection == LIBXL_CHANNEL_CONNECTION_SOCKET;
    const char *path = socket ? channel->u.socket.path : NULL;

    return g_strconcat(
        channel->backend_domname ? "backend=" : "",
        channel->backend_domname ? channel->backend_domname : "",
        channel->backend_domname ? "," : "",
        channel->name ? "name=" : "", channel->name ? channel->name : "",
        channel->name ? "," : "", "connection=",
        libxl_channel_connection_to_string(channel->connection),
        path ? ",path=" : "", path ? path : "", NULL);
}

static gboolean
read_dtdev(struct xf_xlcfg *cfg, void *device, const char *text,
           GError **err)
{
    ((libxl_device_dtdev *)device)->path = xf_xl_strdup(text);
    return TRUE;
}

static char *
write_dtdev(const struct xf_xlout *out, const void *device,
            const void *blank)
{
    return g_strdup(((const libxl_device_dtdev *)device)->path);
}

/* -- the lists ------------------------------------------------------------- */

#define LIST(name, array_of, type)                                          \
    .key = name, .array = offsetof(libxl_domain_config, array_of),          \
    .count = offsetof(libxl_domain_config, num_##array_of),                 \
    .size = sizeof(libxl_device_##type), .init = init_##type
#define DEVID(type) .devid = offsetof(libxl_device_##type, devid)
#define NO_DEVID .devid = -1

static const struct devices lists[] = {
    { LIST("disk", disks, disk), NO_DEVID, .read = read_disk,
      .write = write_disk },
    { LIST("vif", nics, nic), DEVID(nic), .rows = nic_rows },
    { LIST("pci", pcidevs, pci), NO_DEVID, .read = read_pci,
      .write = write_pci },
    { LIST("vfb", vfbs, vfb), DEVID(vfb), .read = read_vfb,
      .write = write_vfb },
    { LIST("vkb", vkbs, vkb), DEVID(vkb), .read = read_vkb,
      .write = write_vkb },
    { LIST("vtpm", vtpms, vtpm), DEVID(vtpm), .read = read_vtpm,
      .write = write_vtpm },
    { LIST("p9", p9s, p9), NO_DEVID, .rows = p9_rows },
    { LIST("pvcalls", pvcallsifs, pvcallsif), DEVID(pvcallsif),
      .rows = pvcalls_rows },
    { LIST("channel", channels, channel), DEVID(channel),
      .read = read_channel, .write = write_channel },
    { LIST("usbctrl", usbctrls, usbctrl), DEVID(usbctrl),
      .rows = usbctrl_rows },
    { LIST("usbdev", usbdevs, usbdev), NO_DEVID, .rows = usbdev_rows },
    { LIST("vdispl", vdispls, vdispl), DEVID(vdispl), .rows = vdispl_rows },
    { LIST("dtdev", dtdevs, dtdev), NO_DEVID, .read = read_dtdev,
      .write = write_dtdev },
};

static const struct devices *
list_of(const struct xf_xl_row *row)
{
    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
        if (strcmp(lists[i].key, row->key) == 0)
            return &lists[i];
    g_return_val_if_reached(NULL);
}

static void
init_device(const struct devices *list, void *device, int index)
{
    list->init(device);
    if (list->devid >= 0)
        *(libxl_devid *)((char *)device + list->devid) = index;
}

static gboolean
read_devices(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
             const char *none, GError **err)
{
    const struct devices *list = list_of(row);
    void **array = (void **)((char *)cfg->config + list->array);
    int *count = (int *)((char *)cfg->config + list->count);
    g_autoptr(GPtrArray) texts = xf_xl_strings(cfg, row->key, err);

    for (guint i = 0; texts && i < texts->len; i++) {
        const char *text = texts->pdata[i];
        void *device;

        *array = xf_xl_grow(*array, count, list->size);
        device = (char *)*array + (*count - 1) * list->size;
        init_device(list, device, *count - 1);
        if (!(list->rows
              ? xf_xl_take_spec(cfg, list->rows, device, text, err)
              : list->read(cfg, device, text, err)))
            return FALSE;
    }
    return texts != NULL;
}

static char *
write_devices(const struct xf_xlout *out, const struct xf_xl_row *row,
              const void *base)
{
    const struct devices *list = list_of(row);
    const char *array =
        *(char *const *)((const char *)out->config + list->array);
    int count = *(const int *)((const char *)out->config + list->count);
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

    for (int i = 0; i < count; i++) {
        const void *device = array + i * list->size;
        g_autofree void *blank = g_malloc0(list->size);
        char *text;

        init_device(list, blank, i);
        text = list->rows ? xf_xl_spec(out, list->rows, device, blank)
                          : list->write(out, device, blank);
        if (text)
            g_ptr_array_add(texts, text);
    }
    g_ptr_array_add(texts, NULL);
    return texts->len == 1 ? NULL
           : xf_xl_quote_list((const char *const *)texts->pdata);
}

#define DEVICES(name) OWN(name, read_devices, write_devices)
#define SCREEN(name)                                                        \
    { .key = name, .guests = XF_XL_PV, .kind = XF_XL_OWN,                   \
      .read = read_of_screen }
#define REFUSED(name, reason)                                               \
    { .key = name, .guests = XF_XL_ALL, .kind = XF_XL_REFUSED, .why = reason }

const struct xf_xl_row xf_xl_device_keys[] = {
    DEVICES("disk"),
    DEVICES("vif"),
    OWN("pci_msitranslate", read_ignored, NULL),    /* by read_pci() */
    OWN("pci_power_mgmt", read_ignored, NULL),
    OWN("pci_permissive", read_ignored, NULL),
    OWN("pci_seize", read_ignored, NULL),
    DEVICES("pci"),
    DEVICES("vfb"),
    { .key = "vnc", .guests = XF_XL_PV, .kind = XF_XL_OWN,
      .read = read_pv_screen },
    SCREEN("vnclisten"),
    SCREEN("vncpasswd"),
    SCREEN("vncdisplay"),
    SCREEN("vncunused"),
    SCREEN("keymap"),
    SCREEN("sdl"),
    SCREEN("opengl"),
    DEVICES("vkb"),
    DEVICES("vtpm"),
    DEVICES("p9"),
    DEVICES("pvcalls"),
    DEVICES("channel"),
    DEVICES("usbctrl"),
    DEVICES("usbdev"),
    DEVICES("vdispl"),
    DEVICES("dtdev"),
    OWN("vsnd", xf_xl_read_vsnd, xf_xl_write_vsnd),
    REFUSED("vif2", "netchannel2 has not been in Xen for long"),
    { .key = NULL }
};
