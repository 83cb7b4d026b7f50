/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a domain needs of the host that it comes to: see arrival.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <libxl_utils.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "protocol/error.h"
#include "xen/arrival.h"

/* libxl's own default. */
#define DEFAULT_BRIDGE "xenbr0"
#define DEFAULT_SCRIPT "vif-bridge"

/* A message is for people: who lacks more than this has another host. */
#define PROBLEMS_MAX 12

struct check {
    const libxl_domain_config *config;
    const struct xf_arrival_host *host;
    const struct xf_origin *from;   /* NULL: not known, or not to be asked */
    GPtrArray *problems;            /* char * */
};

static void problem(struct check *check, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

static void
problem(struct check *check, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_ptr_array_add(check->problems, g_strdup_vprintf(fmt, ap));
    va_end(ap);
}

/* -- files ----------------------------------------------------------------- */

/* A name without a path is looked up by libxl where it was built for. */
static void
need_file(struct check *check, const char *what, const char *path, int mode,
          const char *advice)
{
    if (path && *path == '/' && access(path, mode) != 0)
        problem(check, "%s '%s': %s (%s)", what, path, g_strerror(errno),
                advice);
}

/* Opened as whoever serves it will open it: a device may be there whose disk
 * is not, and a folder may be read and written.  0, or errno. */
static int
open_fault(const char *path, gboolean write)
{
    int fd = open(path, (write ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY
                        | O_CLOEXEC);
    int fault = fd < 0 ? errno : 0;
    struct stat st;

    if (fd < 0)
        return fault;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        fault = EISDIR;
    close(fd);
    return fault;
}

/* The guest brings its memory and does not need them before it reboots. */
#define BOOT_ADVICE "the guest could not boot here again: copy it to this "  \
                    "host, or name another one with --xml"

static void
check_boot_files(struct check *check)
{
    const libxl_domain_build_info *b = &check->config->b_info;
    const struct {
        const char *what, *path;
    } files[] = {
        { "kernel", b->bootloader ? NULL : b->kernel },
        { "initrd", b->bootloader ? NULL : b->ramdisk },
        { "device tree", b->device_tree },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
        need_file(check, files[i].what, files[i].path, R_OK, BOOT_ADVICE);
    need_file(check, "boot loader", b->bootloader, X_OK, BOOT_ADVICE);
    if (b->type == LIBXL_DOMAIN_TYPE_PVH)
        need_file(check, "PV shim", b->u.pvh.pvshim_path, R_OK, BOOT_ADVICE);
    if (b->type != LIBXL_DOMAIN_TYPE_HVM)
        return;
    need_file(check, "firmware", b->u.hvm.firmware, R_OK, BOOT_ADVICE);
    need_file(check, "firmware", b->u.hvm.system_firmware, R_OK,
              BOOT_ADVICE);
    need_file(check, "SMBIOS table", b->u.hvm.smbios_firmware, R_OK,
              BOOT_ADVICE);
    need_file(check, "ACPI table", b->u.hvm.acpi_firmware, R_OK,
              BOOT_ADVICE);
}

static void
check_device_model(struct check *check)
{
    const libxl_domain_build_info *b = &check->config->b_info;

    need_file(check, "device model", b->device_model, X_OK,
              "install it on this host, or leave <emulator> out with --xml");
    need_file(check, "the stub domain's kernel", b->stubdomain_kernel, R_OK,
              "install it on this host");
    need_file(check, "the stub domain's initrd", b->stubdomain_ramdisk, R_OK,
              "install it on this host");
}

/* -- room on disks --------------------------------------------------------- */

guint64
xf_arrival_disk_kib(const char *dir)
{
    struct statvfs fs;

    if (statvfs(dir, &fs) != 0 || !fs.f_blocks)
        return G_MAXUINT64;
    return fs.f_bavail * (fs.f_frsize / 512) / 2;
}

/* The configuration in its forms; of a device model its state, a megabyte or
 * so with all devices, twice where it is written anew. */
guint64
xf_arrival_libxl_kib(libxl_domain_type type)
{
    return type == LIBXL_DOMAIN_TYPE_HVM ? 16 * 1024 : 1024;
}

static void
check_room(struct check *check)
{
    guint64 need = xf_arrival_libxl_kib(check->config->c_info.type);

    if (check->host->libxl_dir_kib < need)
        problem(check, "there are %" G_GUINT64_FORMAT " KiB free for '%s', "
                "where libxl writes the domain's configuration and its device "
                "model's state; %" G_GUINT64_FORMAT " KiB are needed (make "
                "room there)", check->host->libxl_dir_kib,
                check->host->libxl_dir, need);
}

/* -- devices --------------------------------------------------------------- */

/* Of another domain's devices dom0 has no files. */
static gboolean
is_dom0s(guint32 domid, const char *name)
{
    return name ? strcmp(name, "0") == 0 || strcmp(name, "Domain-0") == 0
                : domid == 0;
}

static void
need_script(struct check *check, const char *what, const char *script)
{
    g_autofree char *path =
        *script == '/' ? g_strdup(script)
                       : g_build_filename(check->host->script_dir, script,
                                          NULL);

    need_file(check, what, path, X_OK,
              "install it on this host, or name another one with --xml");
}

/* libxl on Linux serves block devices by the kernel, and all else by QEMU. */
static gboolean
is_served_by_qemu(const libxl_device_disk *disk)
{
    struct stat st;

    if (disk->script || disk->format == LIBXL_DISK_FORMAT_EMPTY
        || !is_dom0s(disk->backend_domid, disk->backend_domname))
        return FALSE;
    if (disk->backend != LIBXL_DISK_BACKEND_UNKNOWN)
        return disk->backend == LIBXL_DISK_BACKEND_QDISK;
    return disk->format != LIBXL_DISK_FORMAT_RAW || !disk->pdev_path
           || stat(disk->pdev_path, &st) != 0 || !S_ISBLK(st.st_mode);
}

gboolean
xf_arrival_is_shared(const char *path)
{
    static const guint32 local[] = {
        EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC,
        RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
        REISERFS_SUPER_MAGIC, ISOFS_SUPER_MAGIC, SQUASHFS_MAGIC,
        MSDOS_SUPER_MAGIC, 0x2fc12fc1 /* ZFS */, 0x3153464a /* JFS */,
        0xca451a4e /* bcachefs */,
    };
    struct statfs fs;

    if (statfs(path, &fs) != 0)
        return FALSE;           /* it is not there, which is said elsewhere */
    for (gsize i = 0; i < G_N_ELEMENTS(local); i++)
        if ((guint32)fs.f_type == local[i])
            return FALSE;
    return TRUE;
}

/* A guest's own device model lets go of the images before its state is sent;
 * the QEMU that only serves disks to PV and PVH guests holds its locks until
 * the source's copy is destroyed, which comes after the copy here has begun
 * to need them. */
static void
check_lock(struct check *check, const libxl_device_disk *disk,
           const char *what)
{
    struct stat st;

    if (!check->from || check->config->c_info.type == LIBXL_DOMAIN_TYPE_HVM
        || !disk->readwrite || !is_served_by_qemu(disk)
        || stat(disk->pdev_path, &st) != 0 || !S_ISREG(st.st_mode)
        || !check->host->is_shared(disk->pdev_path))
        return;
    problem(check, "%s '%s' is a file that both hosts share, and QEMU, which "
            "serves it, keeps it locked at the source for longer than it is "
            "needed here (give the guest a block device; --unsafe moves it "
            "all the same, as where locks do not reach across hosts)", what,
            disk->pdev_path);
}

static void
check_disk(struct check *check, const libxl_device_disk *disk)
{
    g_autofree char *what = g_strdup_printf("disk '%s':",
                                            disk->vdev ? disk->vdev : "?");

    if (!is_dom0s(disk->backend_domid, disk->backend_domname))
        return;
    if (disk->script) {
        need_script(check, "block script", disk->script);
        return;                 /* it alone knows what the path is */
    }
    if (!disk->pdev_path || *disk->pdev_path != '/')
        return;                 /* QEMU's name for one that is elsewhere */

    int fault = open_fault(disk->pdev_path, disk->readwrite);

    if (fault)
        problem(check, "%s '%s': %s (make it reachable under that path on "
                "both hosts, or name its path here with --xml)", what,
                disk->pdev_path, g_strerror(fault));
    else
        check_lock(check, disk, what);
}

/* vif-openvswitch has VLANs behind the name: "br0.5", "br0:1:2". */
static char *
bridge_of(const libxl_device_nic *nic, const char *script)
{
    char *bridge = g_strdup(nic->bridge ? nic->bridge : DEFAULT_BRIDGE);

    if (g_str_has_suffix(script, "vif-openvswitch"))
        bridge[strcspn(bridge, ".:")] = '\0';
    return bridge;
}

static void
check_nic(struct check *check, const libxl_device_nic *nic)
{
    const char *script = nic->script ? nic->script : DEFAULT_SCRIPT;
    g_autofree char *bridge = bridge_of(nic, script);
    g_autofree char *path = g_build_filename(check->host->net_dir, bridge,
                                             NULL);

    if (!is_dom0s(nic->backend_domid, nic->backend_domname))
        return;
    need_script(check, "vif script", script);
    if (!nic->bridge && !g_str_has_suffix(script, DEFAULT_SCRIPT))
        return;                 /* a script that routes needs none */
    if (access(path, F_OK) != 0)
        problem(check, "interface %d: there is no bridge '%s' (make it on "
                "this host, or name another one with --xml)", nic->devid,
                bridge);
}

static void
need_backend(struct check *check, const char *device, guint32 domid,
             const char *name)
{
    if (!name && domid)
        problem(check, "%s: its backend is domain %u by number, which is "
                "another one here (give its name with --xml)", device, domid);
    if (name && !check->host->has_domain(check->host->user, name))
        problem(check, "%s: its backend's domain '%s' is not here (start it, "
                "or name another one with --xml)", device, name);
}

#define NEED_BACKENDS(check, array, device)                                 \
    for (int i_ = 0; i_ < (check)->config->num_##array; i_++)               \
        need_backend(check, device,                                         \
                     (check)->config->array[i_].backend_domid,              \
                     (check)->config->array[i_].backend_domname)

static void
check_devices(struct check *check)
{
    const libxl_domain_config *config = check->config;

    for (int i = 0; i < config->num_disks; i++)
        check_disk(check, &config->disks[i]);
    for (int i = 0; i < config->num_nics; i++)
        check_nic(check, &config->nics[i]);
    for (int i = 0; i < config->num_p9s; i++)
        if (is_dom0s(config->p9s[i].backend_domid,
                     config->p9s[i].backend_domname))
            need_file(check, "shared folder", config->p9s[i].path, R_OK,
                      "make it reachable under that path on both hosts");
    NEED_BACKENDS(check, disks, "disk");
    NEED_BACKENDS(check, nics, "interface");
    NEED_BACKENDS(check, vfbs, "frame buffer");
    NEED_BACKENDS(check, vkbs, "keyboard");
    NEED_BACKENDS(check, channels, "channel");
    NEED_BACKENDS(check, p9s, "shared folder");
    NEED_BACKENDS(check, pvcallsifs, "PV calls interface");
    NEED_BACKENDS(check, usbctrls, "USB controller");
    NEED_BACKENDS(check, vdispls, "display");
    NEED_BACKENDS(check, vsnds, "sound card");
}

/* -- programs of libxl's --------------------------------------------------- */

/* A PV or PVH guest has one for what QEMU serves it only. */
static gboolean
wants_device_model(const libxl_domain_config *config)
{
    gboolean wants = config->c_info.type == LIBXL_DOMAIN_TYPE_HVM
                     || config->num_vfbs || config->num_p9s;

    for (int i = 0; i < config->num_disks && !wants; i++)
        wants = is_served_by_qemu(&config->disks[i]);
    return wants;
}

static void
check_programs(struct check *check)
{
    if (!check->host->has_save_helper)
        problem(check, "libxl's program for the guest's memory, "
                "libxl-save-helper, is not here (install Xen's tools; where "
                "it lies elsewhere, say so in LIBXL_SAVE_HELPER)");
    if (!check->host->has_device_model && !check->config->b_info.device_model
        && wants_device_model(check->config))
        problem(check, "the device model that libxl starts by itself, QEMU "
                "for Xen, is not here (install it, on Debian the package "
                "qemu-system-xen, or name another one by <emulator> with "
                "--xml)");
}

/* -- Xen and its CPUs ------------------------------------------------------ */

static gboolean
is_true(libxl_defbool value)
{
    return !libxl_defbool_is_default(value) && libxl_defbool_val(value);
}

static void
check_abilities(struct check *check)
{
    const libxl_domain_config *config = check->config;
    const libxl_physinfo *phys = check->host->phys;
    gboolean pv = config->c_info.type == LIBXL_DOMAIN_TYPE_PV;
    const struct {
        gboolean lacks;
        const char *what;
    } abilities[] = {
        { pv && !phys->cap_pv, "PV guests (it is built without)" },
        { !pv && !phys->cap_hvm,
          "HVM and PVH guests (its CPU lacks VMX or SVM, or the firmware "
          "has turned them off)" },
        { !pv && is_true(config->c_info.hap) && !phys->cap_hap,
          "hardware assisted paging, which the guest's <hap> asks for" },
        { !pv && phys->cap_hvm && !phys->cap_hap && !phys->cap_shadow,
          "HVM and PVH guests: it has neither hardware assisted nor shadow "
          "paging" },
        { is_true(config->b_info.vpmu) && !phys->cap_vpmu,
          "performance counters for guests (<pmu>; boot Xen with vpmu)" },
        { config->b_info.max_grant_version == 2 && !phys->cap_gnttab_v2,
          "version 2 of grant tables" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(abilities); i++)
        if (abilities[i].lacks)
            problem(check, "this host's Xen does not do %s",
                    abilities[i].what);
}

/* An empty map means any. */
static void
need_cpus(struct check *check, const char *what, int vcpu,
          const libxl_bitmap *map)
{
    guint last = 0;
    gboolean some = FALSE;

    for (guint cpu = 0; cpu < map->size * 8; cpu++) {
        if (!libxl_bitmap_test(map, cpu))
            continue;
        if (cpu < check->host->cpus)
            return;
        some = TRUE;
        last = cpu;
    }
    if (some)
        problem(check, "%s %d may run on CPUs up to %u only of which this "
                "host has none: it has 0-%u (give it others with --xml)",
                what, vcpu, last, check->host->cpus - 1);
}

static void
check_cpus(struct check *check)
{
    const libxl_domain_build_info *b = &check->config->b_info;
    const char *pool = check->config->c_info.pool_name;

    for (int i = 0; i < b->num_vcpu_hard_affinity; i++)
        need_cpus(check, "vcpu", i, &b->vcpu_hard_affinity[i]);
    if (!b->num_vcpu_hard_affinity)
        need_cpus(check, "each of the vcpus 0 to", b->max_vcpus - 1,
                  &b->cpumap);
    if (pool && !check->host->has_pool(check->host->user, pool))
        problem(check, "there is no CPU pool '%s' here (make it, or leave it "
                "out with --xml)", pool);
}

/* -- all together ---------------------------------------------------------- */

static void
report(struct check *check, GError **err)
{
    guint count = check->problems->len;
    g_autofree char *text = NULL;

    if (count > PROBLEMS_MAX)
        g_ptr_array_set_size(check->problems, PROBLEMS_MAX);
    g_ptr_array_add(check->problems, NULL);
    text = g_strjoinv("; ", (char **)check->problems->pdata);
    g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                "domain '%s' cannot come to this host: %s%s",
                check->config->c_info.name ? check->config->c_info.name : "?",
                text, count > PROBLEMS_MAX ? "; ..." : "");
}

gboolean
xf_arrival_check(const libxl_domain_config *config,
                 const struct xf_origin *from,
                 const struct xf_arrival_host *host, GError **err)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct check check = { config, host, from, problems };

    if (from)
        xf_origin_compare(from, &host->here, problems);
    check_abilities(&check);
    check_room(&check);
    check_cpus(&check);
    check_boot_files(&check);
    check_device_model(&check);
    check_programs(&check);
    check_devices(&check);
    if (problems->len)
        report(&check, err);
    return problems->len == 0;
}
