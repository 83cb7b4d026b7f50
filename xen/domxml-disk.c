/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML: <disk>. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "xen/domxml-private.h"

enum disk_type {
    DISK_FILE,
    DISK_BLOCK,
    DISK_NETWORK,
};

enum disk_device {
    DISK_DISK,
    DISK_CDROM,
};

enum disk_bus {
    BUS_UNSAID,
    BUS_XEN,
    BUS_IDE,
    BUS_SCSI,
    BUS_SATA,
};

/* libvirt's driver names */
enum disk_driver {
    DRIVER_UNSAID,
    DRIVER_PHY,
    DRIVER_FILE,
    DRIVER_TAP,
    DRIVER_QEMU,
};

/* One <disk> while its children are read. */
struct disk {
    libxl_device_disk *xl;
    xmlNode *node, *target, *format_node;
    int type, device, bus, driver, format;
    gboolean readonly;
    GString *network;           /* libxl's path for a network source */
};

/* -- <source> -------------------------------------------------------------- */

static const struct xf_xml_word startup_policies[] = {
    { "mandatory", 0, NULL },
    { "optional", 0, "a medium that is missing cannot be left out" },
    { "requisite", 0, "a medium that is missing cannot be left out" },
    { NULL, 0, NULL }
};

#define IN_DOM0 "attach it in dom0 and give the block device or file"

static const struct xf_xml_word protocols[] = {
    { "rbd", 'r', NULL },
    { "nbd", 'n', NULL },
    { "iscsi", 0, IN_DOM0 },
    { "fc", 0, IN_DOM0 },
    { "gluster", 0, IN_DOM0 },
    { "nfs", 0, IN_DOM0 },
    { "ssh", 0, IN_DOM0 },
    { "sheepdog", 0, IN_DOM0 },
    { "vxhs", 0, IN_DOM0 },
    { "http", 0, IN_DOM0 },
    { "https", 0, IN_DOM0 },
    { "ftp", 0, IN_DOM0 },
    { "ftps", 0, IN_DOM0 },
    { "tftp", 0, IN_DOM0 },
    { NULL, 0, NULL }
};

struct hosts {
    struct disk *disk;
    int protocol;
    guint count;
};

/* rbd: ":mon_host=a\:1;b"; nbd: "nbd:host:port".  Colons and the like are
 * QEMU's separators. */
static gboolean
read_host(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct hosts *hosts = arg;
    const char *name = xf_xml_need_attr(dom, node, "name", err);
    const char *transport = xf_xml_attr(dom, node, "transport");
    guint64 port = 0;

    if (hosts->disk->type != DISK_NETWORK)
        return xf_xml_bad(err, node, "only a disk of type 'network' has "
                          "hosts");
    if (!name
        || !xf_xml_uint_attr(dom, node, "port", G_MAXUINT16, &port, err))
        return FALSE;
    if (transport && strcmp(transport, "tcp") != 0)
        return xf_xml_cannot(err, node, "transport '%s': only 'tcp' is",
                             transport);
    if (strpbrk(name, ":;\\@"))
        return xf_xml_cannot(err, node, "name '%s' has a character that "
                             "QEMU's disk names cannot hold", name);
    hosts->count++;
    if (hosts->protocol == 'n') {
        g_string_append_printf(hosts->disk->network, ":%s:%u", name,
                               port ? (guint)port : 10809);
        return TRUE;
    }
    g_string_append(hosts->disk->network,
                    hosts->count == 1 ? ":mon_host=" : "\\;");
    g_string_append(hosts->disk->network, name);
    if (port)
        g_string_append_printf(hosts->disk->network, "\\:%u", (guint)port);
    return TRUE;
}

#define NO_SECRETS "secrets of libvirt's store are not read; put the key "  \
                   "into Ceph's configuration in dom0"

static const struct xf_xml_rule source_rules[] = {
    { .name = "host", .attrs = "name port transport !socket",
      .attrs_no = "only TCP is spoken", .read = read_host,
      .flags = XF_RULE_MANY },
    { .name = "seclabel", .flags = XF_RULE_HARMLESS,
      .why = "dom0 relabels no files for Xen" },
    { .name = "auth", .why = NO_SECRETS },
    { .name = "snapshot", .why = "libxl opens no snapshots; give an image" },
    { .name = "config", .why = "Ceph's configuration is the one of dom0" },
    { .name = "encryption", .why = "libxl does not decrypt disks; do it in "
                                   "dom0" },
    { .name = "reservations", .why = "libxl passes no SCSI commands "
                                     "through" },
    { .name = "slices", .why = "libxl's disks are whole images" },
    { .name = NULL }
};

static gboolean
read_network(struct xf_domxml *dom, xmlNode *node, struct disk *disk,
             GError **err)
{
    struct hosts hosts = { .disk = disk };
    const char *name = xf_xml_attr(dom, node, "name");

    if (!xf_xml_need_attr(dom, node, "protocol", err)
        || !xf_xml_word_attr(dom, node, "protocol", &hosts.protocol, err))
        return FALSE;
    if (name && strpbrk(name, ":\\"))
        return xf_xml_cannot(err, node, "name '%s' has a character that "
                             "QEMU's disk names cannot hold", name);
    disk->network = g_string_new(hosts.protocol == 'r' ? "rbd:" : "nbd");
    if (hosts.protocol == 'r') {
        if (!xf_xml_need_attr(dom, node, "name", err))
            return FALSE;
        g_string_append(disk->network, name);
    }
    if (!xf_xml_walk(dom, node, source_rules, &hosts, err))
        return FALSE;
    if (hosts.protocol == 'r') {
        g_string_append(disk->network, ":auth_supported=none");
        return TRUE;
    }
    if (hosts.count != 1)
        return xf_xml_bad(err, node, "nbd needs one <host>");
    if (name)
        g_string_append_printf(disk->network, ":exportname=%s", name);
    return TRUE;
}

static gboolean
read_local(struct xf_domxml *dom, xmlNode *node, struct disk *disk,
           GError **err)
{
    struct hosts no_hosts = { .disk = disk };
    const char *mine = disk->type == DISK_FILE ? "file" : "dev";
    const char *other = disk->type == DISK_FILE ? "dev" : "file";
    const char *path = xf_xml_attr(dom, node, mine);

    if (xf_xml_attr(dom, node, other) || xf_xml_attr(dom, node, "protocol")
        || xf_xml_attr(dom, node, "name"))
        return xf_xml_bad(err, node, "this type of disk has its source in "
                          "'%s'", mine);
    if (path && *path)
        disk->xl->pdev_path = xf_xl_strdup(path);
    return xf_xml_walk(dom, node, source_rules, &no_hosts, err);
}

static gboolean
read_source(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct disk *disk = arg;
    int policy;

    if (!xf_xml_word_attr(dom, node, "startupPolicy", &policy, err))
        return FALSE;
    if (disk->type != DISK_NETWORK)
        return read_local(dom, node, disk, err);
    if (xf_xml_attr(dom, node, "file") || xf_xml_attr(dom, node, "dev"))
        return xf_xml_bad(err, node, "a network disk has no local path");
    return read_network(dom, node, disk, err);
}

/* -- <driver> -------------------------------------------------------------- */

static const struct xf_xml_word drivers[] = {
    { "phy", DRIVER_PHY, NULL },   { "file", DRIVER_FILE, NULL },
    { "tap", DRIVER_TAP, NULL },   { "tap2", DRIVER_TAP, NULL },
    { "qemu", DRIVER_QEMU, NULL }, { NULL, 0, NULL }
};

static const struct xf_xml_word formats[] = {
    { "raw", LIBXL_DISK_FORMAT_RAW, NULL },
    { "aio", LIBXL_DISK_FORMAT_RAW, NULL },
    { "qcow", LIBXL_DISK_FORMAT_QCOW, NULL },
    { "qcow2", LIBXL_DISK_FORMAT_QCOW2, NULL },
    { "vhd", LIBXL_DISK_FORMAT_VHD, NULL },
    { "vpc", LIBXL_DISK_FORMAT_VHD, NULL },
    { "qed", LIBXL_DISK_FORMAT_QED, NULL },
    { NULL, 0, NULL }
};

static const struct xf_xml_word cache_modes[] = {
    { "default", 0, NULL },
    { "writeback", 0, NULL },
    { "none", 1, NULL },
    { "directsync", 1, NULL },
    { "writethrough", 0, "libxl's disks are cached (writeback) or not "
                         "(none)" },
    { "unsafe", 0, "libxl's disks keep what a guest has flushed" },
    { NULL, 0, NULL }
};

static const struct xf_xml_word discards[] = {
    { "unmap", 1, NULL }, { "ignore", 0, NULL }, { NULL, 0, NULL }
};

static gboolean
read_driver(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct disk *disk = arg;
    int direct = 0, discard = -1;

    disk->format_node = node;
    if (!xf_xml_word_attr(dom, node, "name", &disk->driver, err)
        || !xf_xml_word_attr(dom, node, "type", &disk->format, err)
        || !xf_xml_word_attr(dom, node, "cache", &direct, err)
        || !xf_xml_word_attr(dom, node, "discard", &discard, err))
        return FALSE;
    if (disk->driver == DRIVER_TAP)
        xf_xml_idle(dom, node, "name");
    disk->xl->direct_io_safe = direct;
    if (discard >= 0)
        libxl_defbool_set(&disk->xl->discard_enable, discard);
    return TRUE;
}

/* -- <target> and the rest ------------------------------------------------- */

static const struct xf_xml_word buses[] = {
    { "xen", BUS_XEN, NULL },   { "ide", BUS_IDE, NULL },
    { "scsi", BUS_SCSI, NULL }, { "sata", BUS_SATA, NULL },
    { "virtio", 0, "libxl 4.17 has no virtio disks on x86; use 'xen'" },
    { "usb", 0, "libxl has no USB disks" },
    { "fdc", 0, "libxl has no floppy drives" },
    { "sd", 0, "libxl has no SD cards" },
    { NULL, 0, NULL }
};

/* Letters count from a, through z, to aa; a partition from 1. */
static gboolean
is_lettered(const char *name, const char *prefix, guint disks, guint parts)
{
    guint64 disk = 0, part;

    if (!g_str_has_prefix(name, prefix))
        return FALSE;
    for (name += strlen(prefix); g_ascii_islower(*name); name++) {
        disk = disk * 26 + *name - 'a' + 1;
        if (disk > disks)
            return FALSE;
    }
    return disk && (!*name || (*name != '0'
                               && g_ascii_string_to_unsigned(name, 10, 1,
                                                             parts, &part,
                                                             NULL)));
}

/* "d5p1" */
static gboolean
is_numbered(const char *name)
{
    const char *part = strchr(name, 'p');
    guint64 number;

    if (*name != 'd' || !part)
        return FALSE;

    g_autofree char *disk = g_strndup(name + 1, part - name - 1);

    return g_ascii_string_to_unsigned(disk, 10, 0, (1 << 20) - 1, &number,
                                      NULL)
           && g_ascii_string_to_unsigned(part + 1, 10, 0, 255, &number, NULL);
}

gboolean
xf_xml_is_vdev(const char *name)
{
    gboolean hex = g_str_has_prefix(name, "0x");
    guint64 number;

    return is_lettered(name, "xvd", 1 << 20, 255)
           || is_lettered(name, "hd", 4, 63)
           || is_lettered(name, "sd", 16, 15) || is_numbered(name)
           || g_ascii_string_to_unsigned(name + (hex ? 2 : 0), hex ? 16 : 10,
                                         0, G_MAXINT, &number, NULL);
}

/* What libxl makes of a disk's name: which disk, which part of it.  FALSE: it
 * is a number, of which libxl sees neither. */
static gboolean
split_vdev(const char *name, int *disk, int *part)
{
    static const char *const prefixes[] = { "xvd", "hd", "sd" };
    const char *rest = name;

    *disk = 0;
    if (*name == 'd') {
        *disk = MIN(g_ascii_strtoull(name + 1, NULL, 10), G_MAXINT);
        *part = MIN(g_ascii_strtoull(strchr(name, 'p') + 1, NULL, 10), 255);
        return TRUE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(prefixes); i++)
        if (g_str_has_prefix(name, prefixes[i]))
            rest = name + strlen(prefixes[i]);
    if (rest == name)
        return FALSE;
    for (; g_ascii_islower(*rest); rest++)
        *disk = *disk * 26 + *rest - 'a' + 1;
    --*disk;
    *part = MIN(g_ascii_strtoull(rest, NULL, 10), 255);
    return TRUE;
}

guint
xf_xml_vdev_number(const char *name)
{
    int disk, part;

    if (!split_vdev(name, &disk, &part))
        return g_ascii_strtoull(name, NULL, 0);
    if (*name == 'h')
        return (disk < 2 ? 3u : 22u) << 8 | (disk & 1u) << 6 | part;
    if (*name == 's')
        return 8u << 8 | disk << 4 | part;
    return disk < 16 && part < 16 ? 202u << 8 | disk << 4 | part
                                  : 1u << 28 | (guint)disk << 8 | part;
}

#define IDE_DISKS 4
#define AHCI_DISKS 6
/* Behind the others firmware looks at SCSI. */
#define SCSI_PLACE 100
/* SATA's disks are there beside the IDE cdroms. */
#define AHCI_SOCKET 200

int
xf_xml_disk_place(const char *name, libxl_hdtype hdtype)
{
    int most = hdtype == LIBXL_HDTYPE_AHCI ? AHCI_DISKS : IDE_DISKS;
    int disk, part;

    if (!split_vdev(name, &disk, &part))
        return -1;
    if (*name == 's')
        return SCSI_PLACE + disk;
    return disk < most ? disk : -1;
}

int
xf_xml_disk_socket(const libxl_device_disk *disk, libxl_hdtype hdtype)
{
    int place = xf_xml_disk_place(disk->vdev, hdtype);

    if (disk->is_cdrom) {
        place = place >= SCSI_PLACE ? place - SCSI_PLACE : place;
        return place < IDE_DISKS ? place : -1;
    }
    if (hdtype == LIBXL_HDTYPE_AHCI && place >= 0 && place < SCSI_PLACE)
        place += AHCI_SOCKET;
    return place;
}

static gboolean
read_target(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct disk *disk = arg;
    int removable = 0;

    disk->target = node;
    if (!xf_xml_need_attr(dom, node, "dev", err)
        || !xf_xml_word_attr(dom, node, "bus", &disk->bus, err)
        || !xf_xml_word_attr(dom, node, "removable", &removable, err))
        return FALSE;
    xf_xml_string_attr(dom, node, "dev", &disk->xl->vdev);
    disk->xl->removable = removable;
    return TRUE;
}

static gboolean
read_readonly(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    ((struct disk *)arg)->readonly = TRUE;
    return TRUE;
}

static gboolean
read_disk_boot(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct disk *disk = arg;

    return xf_xml_boot_device(dom, node,
                              disk->device == DISK_CDROM ? 'd' : 'c', err);
}

static gboolean
read_backenddomain(struct xf_domxml *dom, xmlNode *node, void *arg,
                   GError **err)
{
    struct disk *disk = arg;

    if (!xf_xml_need_attr(dom, node, "name", err))
        return FALSE;
    xf_xml_string_attr(dom, node, "name", &disk->xl->backend_domname);
    return TRUE;
}

#define NO_CHAIN "chains are read from the image, not from the XML"

/* An empty <backingStore/> only says that there is none below. */
static gboolean
read_backing_store(struct xf_domxml *dom, xmlNode *node, void *arg,
                   GError **err)
{
    if (xmlFirstElementChild(node))
        return xf_xml_cannot(err, node, NO_CHAIN);
    return TRUE;
}

#define NO_IOTUNE "libxl has no block I/O limits"

const struct xf_xml_rule xf_xml_disk_rules[] = {
    { .name = "driver", .attrs = "name type cache discard !io !copy_on_read "
                                 "!iothread !ioeventfd !event_idx !queues "
                                 "!queue_size !error_policy !rerror_policy "
                                 "!detect_zeroes !discard_no_unref !iommu "
                                 "!ats !packed !page_per_vq",
      .attrs_no = "libxl has no setting for it",
      .values = XF_XML_VALUES({ "name", drivers }, { "type", formats },
                              { "cache", cache_modes },
                              { "discard", discards }),
      .idle = "libxl 4.17 has no blktap: QEMU serves disks of 'tap' and 'tap2'",
      .read = read_driver },
    { .name = "source", .attrs = "file dev protocol name startupPolicy "
                                 "~index !dir !pool !volume !mode !tls "
                                 "!tlsHostname !query !nbd",
      .attrs_no = "libxl has no setting for it",
      .values = XF_XML_VALUES({ "protocol", protocols },
                              { "startupPolicy", startup_policies }),
      .attrs_why = "a name inside libvirt", .read = read_source,
      .children = source_rules, .flags = XF_RULE_OWN },
    { .name = "target", .attrs = "dev bus removable ~tray !rotation_rate",
      .attrs_no = "libxl has no setting for it",
      .values = XF_XML_VALUES({ "bus", buses },
                              { "removable", xf_xml_on_off }),
      .attrs_why = "what the guest did with it while it ran",
      .read = read_target },
    { .name = "readonly", .read = read_readonly },
    { .name = "shareable", .flags = XF_RULE_HARMLESS,
      .why = "libxl has no such mark; its block script alone refuses two "
             "writers on one host" },
    { .name = "backingStore", .attrs = "!type !index !id",
      .attrs_no = NO_CHAIN, .read = read_backing_store,
      .flags = XF_RULE_OWN },
    { .name = "boot", .attrs = "order", .read = read_disk_boot,
      .idle = XF_XML_BOOT_IDLE },
    { .name = "backenddomain", .attrs = "name", .read = read_backenddomain },
    { .name = "alias", .flags = XF_RULE_HARMLESS,
      .why = "a name inside libvirt" },
    { .name = "address", .flags = XF_RULE_HARMLESS,
      .why = "the target's name gives a Xen disk its place" },
    { .name = "acpi", .why = "libxl has no setting for it" },
    { .name = "transient", .why = "libxl keeps what a guest writes" },
    { .name = "iotune", .why = NO_IOTUNE },
    { .name = "throttlefilters", .why = NO_IOTUNE },
    { .name = "blockio", .why = "libxl takes the block size of the image" },
    { .name = "geometry", .why = "libxl has no setting for it" },
    { .name = "serial", .why = "libxl's disks have no serial number" },
    { .name = "wwn", .why = "libxl's disks have no world wide name" },
    { .name = "vendor", .why = "libxl's disks have no vendor string" },
    { .name = "product", .why = "libxl's disks have no product string" },
    { .name = "encryption", .why = "libxl does not decrypt disks; do it in "
                                   "dom0" },
    { .name = "mirror", .why = "libxl copies no disks" },
    { .name = "auth", .why = NO_SECRETS },
    { .name = NULL }
};

/* -- putting it together --------------------------------------------------- */

/* The bus says what the target's name must look like: libxl knows the name
 * only.  NULL: any. */
static const char *const bus_prefix[] = {
    [BUS_XEN] = "xvd", [BUS_IDE] = "hd", [BUS_SCSI] = "sd", [BUS_SATA] = "hd"
};

/* A guest sees the number that libxl makes of the name. */
static gboolean
check_twice(struct xf_domxml *dom, const struct disk *disk, GError **err)
{
    const char *name = disk->xl->vdev;
    gpointer number = GUINT_TO_POINTER(xf_xml_vdev_number(name));
    const char *other = g_hash_table_lookup(dom->vdevs, number);

    if (!other) {
        g_hash_table_insert(dom->vdevs, number, g_strdup(name));
        return TRUE;
    }
    if (strcmp(name, other) == 0)
        return xf_xml_bad(err, disk->target, "dev '%s' is given twice", name);
    return xf_xml_bad(err, disk->target, "dev '%s' is another name of '%s'",
                      name, other);
}

static gboolean
check_target(struct xf_domxml *dom, struct disk *disk, GError **err)
{
    const char *prefix = bus_prefix[disk->bus];

    if (!disk->target)
        return xf_xml_bad(err, disk->node, "has no <target>");
    if (prefix && !g_str_has_prefix(disk->xl->vdev, prefix))
        return xf_xml_cannot(err, disk->target, "bus '%s': libxl knows the "
                             "bus by the name, which must begin with '%s'",
                             xf_xml_attr(dom, disk->target, "bus"), prefix);
    if (!xf_xml_is_vdev(disk->xl->vdev))
        return xf_xml_bad(err, disk->target, "dev '%s' is no disk's name such "
                          "as xvda, hda or sda, within what libxl has of them",
                          disk->xl->vdev);
    return check_twice(dom, disk, err);
}

/* All IDE disks of a guest are one or the other. */
static gboolean
set_hdtype(struct xf_domxml *dom, struct disk *disk, GError **err)
{
    libxl_hdtype want = disk->bus == BUS_SATA ? LIBXL_HDTYPE_AHCI
                                              : LIBXL_HDTYPE_IDE;

    if (disk->bus != BUS_SATA && disk->bus != BUS_IDE)
        return TRUE;
    if (dom->hdtype_node && dom->hdtype != want)
        return xf_xml_cannot(err, disk->target, "libxl has IDE disks or SATA "
                             "disks, not both; line %ld has the other",
                             xmlGetLineNo(dom->hdtype_node));
    dom->hdtype_node = disk->target;
    dom->hdtype = want;
    if (xf_xml_is_hvm(dom) && want == LIBXL_HDTYPE_AHCI)
        dom->config->b_info.u.hvm.hdtype = want;
    return TRUE;
}

/* Which backend a driver name means; -1: cannot serve that format. */
static const struct {
    libxl_disk_backend backend;
    gboolean raw_only;
} backends[] = {
    [DRIVER_UNSAID] = { LIBXL_DISK_BACKEND_UNKNOWN, FALSE },
    [DRIVER_PHY] = { LIBXL_DISK_BACKEND_PHY, TRUE },
    [DRIVER_FILE] = { LIBXL_DISK_BACKEND_UNKNOWN, TRUE },
    [DRIVER_TAP] = { LIBXL_DISK_BACKEND_QDISK, FALSE },
    [DRIVER_QEMU] = { LIBXL_DISK_BACKEND_QDISK, FALSE },
};

static gboolean
set_backend(struct xf_domxml *dom, struct disk *disk, GError **err)
{
    libxl_device_disk *xl = disk->xl;

    xl->format = disk->format;
    xl->backend = backends[disk->driver].backend;
    if (disk->device == DISK_CDROM && xf_xml_is_hvm(dom)
        && xl->backend != LIBXL_DISK_BACKEND_UNKNOWN
        && xl->backend != LIBXL_DISK_BACKEND_QDISK)
        return xf_xml_cannot(err, disk->format_node, "libxl has cdroms of "
                             "HVM guests served by name='qemu' only");
    if (backends[disk->driver].raw_only && xl->format != LIBXL_DISK_FORMAT_RAW)
        return xf_xml_cannot(err, disk->format_node, "this driver serves raw "
                             "disks only; use name='qemu'");
    if (disk->type == DISK_NETWORK) {
        if (xl->backend != LIBXL_DISK_BACKEND_UNKNOWN
            && xl->backend != LIBXL_DISK_BACKEND_QDISK)
            return xf_xml_cannot(err, disk->format_node, "network disks are "
                                 "served by name='qemu' only");
        xl->backend = LIBXL_DISK_BACKEND_QDISK;
    }
    return TRUE;
}

static gboolean
finish_disk(struct xf_domxml *dom, struct disk *disk, GError **err)
{
    libxl_device_disk *xl = disk->xl;

    if (disk->network)
        xl->pdev_path = xf_xl_strdup(disk->network->str);
    if (!check_target(dom, disk, err) || !set_hdtype(dom, disk, err)
        || !set_backend(dom, disk, err))
        return FALSE;
    if (disk->device == DISK_CDROM) {
        xl->is_cdrom = 1;
        xl->removable = 1;
        disk->readonly = TRUE;
        /* what libxl calls a drive without a medium */
        if (!xl->pdev_path)
            xl->format = LIBXL_DISK_FORMAT_EMPTY;
    } else if (!xl->pdev_path) {
        return xf_xml_bad(err, disk->node, "has no <source>");
    }
    xl->readwrite = !disk->readonly;
    return TRUE;
}

static const struct xf_xml_word disk_types[] = {
    { "file", DISK_FILE, NULL },
    { "block", DISK_BLOCK, NULL },
    { "network", DISK_NETWORK, NULL },
    { "dir", 0, "libxl has no virtual FAT disks" },
    { "volume", 0, "there is no storage pool to ask; give the path" },
    { "nvme", 0, "assign the NVMe device by <hostdev>" },
    { "vhostuser", 0, "Xen guests have no vhost-user devices" },
    { NULL, 0, NULL }
};

static const struct xf_xml_word disk_devices[] = {
    { "disk", DISK_DISK, NULL },
    { "cdrom", DISK_CDROM, NULL },
    { "floppy", 0, "libxl has no floppy drives" },
    { "lun", 0, "libxl passes no SCSI commands through" },
    { NULL, 0, NULL }
};

const struct xf_xml_value xf_xml_disk_values[] = {
    { "type", disk_types }, { "device", disk_devices }, { NULL, NULL }
};

gboolean
xf_xml_read_disk(struct xf_domxml *dom, xmlNode *node, void *arg,
                 GError **err)
{
    libxl_domain_config *config = dom->config;
    struct disk disk = { .node = node, .type = DISK_FILE,
                         .format = LIBXL_DISK_FORMAT_RAW };
    gboolean ok;

    g_ptr_array_add(dom->disk_nodes, node);
    disk.xl = XF_XL_APPEND(config->disks, config->num_disks);
    libxl_device_disk_init(disk.xl);
    ok = xf_xml_word_attr(dom, node, "type", &disk.type, err)
         && xf_xml_word_attr(dom, node, "device", &disk.device,
                             err)
         && xf_xml_walk(dom, node, xf_xml_disk_rules, &disk, err)
         && finish_disk(dom, &disk, err);
    if (disk.network)
        g_string_free(disk.network, TRUE);
    return ok;
}
