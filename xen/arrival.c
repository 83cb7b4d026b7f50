/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a domain needs of the host that it comes to: see arrival.h. */
#include "config.h"

#include <errno.h>
#include <libxl_utils.h>
#include <string.h>
#include <sys/statvfs.h>
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
    GPtrArray *problems;        /* char * */
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
    need_file(check, what, disk->pdev_path,
              disk->readwrite ? R_OK | W_OK : R_OK,
              "make it reachable under that path on both hosts, or name its "
              "path here with --xml");
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
    struct check check = { config, host, problems };

    if (from)
        xf_origin_compare(from, &host->here, problems);
    check_abilities(&check);
    check_room(&check);
    check_cpus(&check);
    check_boot_files(&check);
    check_device_model(&check);
    check_devices(&check);
    if (problems->len)
        report(&check, err);
    return problems->len == 0;
}
