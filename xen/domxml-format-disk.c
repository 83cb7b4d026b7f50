/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxl configuration to domain XML: <disk>. */
#include "config.h"

#include <string.h>

#include "xen/domxml-format.h"
#include "xen/domxml-private.h"

/* -- disks ----------------------------------------------------------------- */

static const char *const driver_names[] = {
    [LIBXL_DISK_BACKEND_UNKNOWN] = NULL,
    [LIBXL_DISK_BACKEND_PHY] = "phy",
    [LIBXL_DISK_BACKEND_TAP] = "qemu",  /* as "tap" is read */
    [LIBXL_DISK_BACKEND_QDISK] = "qemu",
};

static const char *const format_names[] = {
    [LIBXL_DISK_FORMAT_QCOW] = "qcow", [LIBXL_DISK_FORMAT_QCOW2] = "qcow2",
    [LIBXL_DISK_FORMAT_VHD] = "vpc",   [LIBXL_DISK_FORMAT_RAW] = "raw",
    [LIBXL_DISK_FORMAT_QED] = "qed",
};

static void
write_driver(const struct xf_xml_out *out, const libxl_device_disk *disk,
             xmlNode *node)
{
    guint backend = disk->backend, format = disk->format;
    const char *name = backend < G_N_ELEMENTS(driver_names)
        ? driver_names[backend] : NULL;
    const char *type = format < G_N_ELEMENTS(format_names)
        ? format_names[format] : NULL;
    xmlNode *driver = xf_out_element(node, "driver");

    /* libvirt takes a disk without a driver's name for a raw one */
    if (backend == LIBXL_DISK_BACKEND_UNKNOWN && type
        && format != LIBXL_DISK_FORMAT_RAW)
        name = driver_names[LIBXL_DISK_BACKEND_QDISK];
    if (out->hvm && disk->is_cdrom && backend == LIBXL_DISK_BACKEND_PHY)
        name = NULL;            /* QEMU has it, and so it is read */
    /* PHY serves raw only, and so it is read */
    if (name && (disk->backend != LIBXL_DISK_BACKEND_PHY || !type
                 || disk->format == LIBXL_DISK_FORMAT_RAW))
        xf_out_attr(driver, "name", "%s", name);
    if (type)
        xf_out_attr(driver, "type", "%s", type);
    if (disk->direct_io_safe)
        xf_out_attr(driver, "cache", "none");
    if (!libxl_defbool_is_default(disk->discard_enable))
        xf_out_attr(driver, "discard", "%s",
                    libxl_defbool_val(disk->discard_enable) ? "unmap"
                                                            : "ignore");
    if (!driver->properties) {
        xmlUnlinkNode(driver);
        xmlFreeNode(driver);
    }
}

static void
write_target(const struct xf_xml_out *out, const libxl_device_disk *disk,
             xmlNode *node)
{
    gboolean ahci = out->hvm && out->config->b_info.u.hvm.hdtype
                                == LIBXL_HDTYPE_AHCI;
    const struct {
        const char *prefix, *bus;
    } buses[] = { { "xvd", "xen" }, { "hd", ahci ? "sata" : "ide" },
                  { "sd", "scsi" } };
    xmlNode *target = xf_out_with(node, "target", "dev", disk->vdev);

    for (gsize i = 0; i < G_N_ELEMENTS(buses); i++)
        if (g_str_has_prefix(disk->vdev, buses[i].prefix))
            xf_out_attr(target, "bus", "%s", buses[i].bus);
    /* libvirt takes it for disks of this bus only */
    if (disk->removable && !disk->is_cdrom
        && g_str_has_prefix(disk->vdev, "sd"))
        xf_out_attr(target, "removable", "on");
}

/* -- network disks: what QEMU reads, as domxml-disk.c makes it ------------- */

/* Up to `end`, which is looked for in *at; *at goes past it.  NULL: not
 * there. */
static char *
take_until(const char **at, const char *end)
{
    const char *found = strstr(*at, end);
    char *text;

    if (!found)
        return NULL;
    text = g_strndup(*at, found - *at);
    *at = found + strlen(end);
    return text;
}

static gboolean
plain(const char *text)
{
    return xf_out_has(text) && !strpbrk(text, ":;\\@");
}

static void
write_host(xmlNode *source, const char *name, const char *port)
{
    xmlNode *host = xf_out_with(source, "host", "name", name);

    if (port)
        xf_out_attr(host, "port", "%s", port);
}

static gboolean
is_port(const char *text)
{
    return g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT16, NULL, NULL);
}

/* nbd:HOST:PORT[:exportname=NAME] */
static gboolean
write_nbd(xmlNode *node, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, ":", -1);
    guint count = g_strv_length(parts);
    xmlNode *source;

    if (count < 3 || count > 4 || !plain(parts[1]) || !is_port(parts[2])
        || (count == 4 && (!g_str_has_prefix(parts[3], "exportname=")
                           || !plain(parts[3] + strlen("exportname=")))))
        return FALSE;
    source = xf_out_with(node, "source", "protocol", "nbd");
    if (count == 4)
        xf_out_attr(source, "name", "%s",
                    parts[3] + strlen("exportname="));
    write_host(source, parts[1], parts[2]);
    return TRUE;
}

/* HOST[\\:PORT] */
static gboolean
monitor_fits(char **parts)
{
    guint count = g_strv_length(parts);

    return (count == 1 || (count == 2 && is_port(parts[1])))
           && plain(parts[0]);
}

/* rbd:NAME[:mon_host=HOST[\:PORT]\;...]:auth_supported=none */
static gboolean
write_rbd(xmlNode *node, const char *path)
{
    const char *at = path + strlen("rbd:");
    g_autofree char *rest = NULL, *name = NULL;
    g_auto(GStrv) hosts = NULL;
    const char *end;
    xmlNode *source;

    if (!g_str_has_suffix(at, ":auth_supported=none"))
        return FALSE;
    rest = take_until(&at, ":auth_supported=none");
    end = rest;
    name = take_until(&end, ":mon_host=");
    if (!plain(name ? name : rest))
        return FALSE;
    hosts = g_strsplit(name ? end : "", "\\;", -1);
    for (char **host = hosts; *host; host++) {
        g_auto(GStrv) parts = g_strsplit(*host, "\\:", -1);

        if (!monitor_fits(parts))
            return FALSE;
    }
    source = xf_out_with(node, "source", "protocol", "rbd");
    xf_out_attr(source, "name", "%s", name ? name : rest);
    for (char **host = hosts; *host; host++) {
        g_auto(GStrv) parts = g_strsplit(*host, "\\:", -1);

        write_host(source, parts[0], parts[1]);
    }
    return TRUE;
}

/* Into `node`; FALSE when it is not a network disk that XML can say. */
static gboolean
write_network(const libxl_device_disk *disk, xmlNode *node)
{
    const char *path = disk->pdev_path;

    if (disk->backend != LIBXL_DISK_BACKEND_QDISK || !path)
        return FALSE;
    return (g_str_has_prefix(path, "nbd:") && write_nbd(node, path))
           || (g_str_has_prefix(path, "rbd:") && write_rbd(node, path));
}

static void
write_local(const libxl_device_disk *disk, xmlNode *node)
{
    gboolean block = disk->backend == LIBXL_DISK_BACKEND_PHY
                     || (disk->pdev_path
                         && g_str_has_prefix(disk->pdev_path, "/dev/"));

    if (block)
        xmlSetProp(node, BAD_CAST "type", BAD_CAST "block");
    if (xf_out_has(disk->pdev_path))
        xf_out_with(node, "source", block ? "dev" : "file", disk->pdev_path);
}

/* -- one disk -------------------------------------------------------------- */

static gboolean
disk_can_be_read(const libxl_device_disk *disk)
{
    return xf_out_has(disk->vdev) && xf_xml_is_vdev(disk->vdev)
           && (disk->is_cdrom || xf_out_has(disk->pdev_path));
}

static void
write_disk(const struct xf_xml_out *out, const libxl_device_disk *disk,
           xmlNode *devices)
{
    libxl_hdtype hdtype = out->hvm ? out->config->b_info.u.hvm.hdtype
                                   : LIBXL_HDTYPE_IDE;
    xmlNode *node = xf_out_with(devices, "disk", "type", "file");

    xf_out_attr(node, "device", "%s", disk->is_cdrom ? "cdrom" : "disk");
    write_driver(out, disk, node);
    if (write_network(disk, node))
        xmlSetProp(node, BAD_CAST "type", BAD_CAST "network");
    else
        write_local(disk, node);
    write_target(out, disk, node);
    if (!disk->readwrite && (!out->hvm || disk->is_cdrom
                             || !xf_xml_must_write(disk->vdev, hdtype)))
        xf_out_element(node, "readonly");
    if (xf_out_has(disk->backend_domname))
        xf_out_with(node, "backenddomain", "name", disk->backend_domname);
}

/* Those that can be read when IDE's disks are of that type: of two in one
 * place, or of one that is there twice, the first. */
static GPtrArray *
choose(const struct xf_xml_out *out, libxl_hdtype hdtype)
{
    g_autoptr(GHashTable) numbers = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) sockets = g_hash_table_new(NULL, NULL);
    GPtrArray *chosen = g_ptr_array_new();

    for (int i = 0; i < out->config->num_disks; i++) {
        libxl_device_disk *disk = &out->config->disks[i];
        gpointer number, socket;

        if (!disk_can_be_read(disk))
            continue;
        number = GUINT_TO_POINTER(xf_xml_vdev_number(disk->vdev));
        socket = GINT_TO_POINTER(xf_xml_disk_socket(disk, hdtype));
        if (g_hash_table_contains(numbers, number)
            || (out->hvm && g_hash_table_contains(sockets, socket)))
            continue;
        g_hash_table_add(numbers, number);
        if (GPOINTER_TO_INT(socket) >= 0)
            g_hash_table_add(sockets, socket);
        g_ptr_array_add(chosen, disk);
    }
    return chosen;
}

static gboolean
has_ide(const GPtrArray *disks)
{
    for (guint i = 0; i < disks->len; i++)
        if (g_str_has_prefix(((libxl_device_disk *)disks->pdata[i])->vdev,
                             "hd"))
            return TRUE;
    return FALSE;
}

/* Only a disk 'hd' says that they are SATA's. */
void
xf_out_disks(const struct xf_xml_out *out, xmlNode *devices)
{
    libxl_hdtype hdtype = out->hvm ? out->config->b_info.u.hvm.hdtype
                                   : LIBXL_HDTYPE_IDE;
    g_autoptr(GPtrArray) disks = choose(out, hdtype);

    if (hdtype != LIBXL_HDTYPE_IDE && !has_ide(disks)) {
        g_ptr_array_unref(disks);
        disks = choose(out, LIBXL_HDTYPE_IDE);
    }
    for (guint i = 0; i < disks->len; i++)
        write_disk(out, disks->pdata[i], devices);
}
