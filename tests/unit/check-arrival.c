/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a domain needs of the host that it comes to, and does not find. */
#include "config.h"

#include <glib/gstdio.h>
#include <libxl_utils.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/error.h"
#include "tests/unit/common.h"
#include "tests/unit/messages.h"
#include "xen/arrival.h"
#include "xen/domxml.h"

/* -- a host ---------------------------------------------------------------- */

static char *root;              /* its files: "net/xenbr0", "vif-bridge", ... */
static libxl_physinfo phys;
static guint64 room_kib = 16 * 1024;    /* on the disk that libxl writes to */
static const struct xf_origin *origin;  /* of the domain */
static gboolean has_save_helper = TRUE, has_device_model = TRUE;
static gboolean all_is_shared;  /* other hosts have its files too */

static gboolean
is_shared(const char *path)
{
    return all_is_shared;
}

static gboolean
has_domain(void *user, const char *name)
{
    return strcmp(name, "storage") == 0 || strcmp(name, "Domain-0") == 0;
}

static gboolean
has_pool(void *user, const char *name)
{
    return strcmp(name, "Pool-0") == 0;
}

static void
make_file(const char *name, int mode)
{
    g_autofree char *path = g_build_filename(root, name, NULL);

    ck_assert(g_file_set_contents(path, "", -1, NULL));
    ck_assert_int_eq(g_chmod(path, mode), 0);
}

/* The file of one that nobody listens at any more. */
static void
make_socket(const char *name)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)),
                     0);
    close(fd);
}

static void
make_host(void)
{
    static const char *const bridges[] = { "net", "net/xenbr0", "net/ovs" };

    room_kib = 16 * 1024;
    origin = NULL;
    has_save_helper = has_device_model = TRUE;
    all_is_shared = FALSE;
    root = g_dir_make_tmp("xenferry-arrival-XXXXXX", NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(bridges); i++) {
        g_autofree char *path = g_build_filename(root, bridges[i], NULL);

        ck_assert_int_eq(g_mkdir(path, 0755), 0);
    }
    make_file("vif-bridge", 0755);
    make_file("vif-openvswitch", 0755);
    make_file("vif-route", 0755);
    make_file("plain", 0644);
    make_socket("socket");
    libxl_physinfo_init(&phys);
    phys.cap_hvm = phys.cap_hap = phys.cap_pv = phys.cap_shadow = true;
    phys.cap_vpmu = phys.cap_gnttab_v2 = true;
}

static void
end_host(void)
{
    const char *argv[] = { "rm", "-rf", root, NULL };

    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                 NULL, NULL, NULL, NULL);
    g_clear_pointer(&root, g_free);
}

/* -- domains --------------------------------------------------------------- */

/* `type` is libvirt's; ROOT in the XML is the host's folder.  NULL: it may
 * come. */
static char *
answer(const char *type, const char *os, const char *body,
       const char *devices)
{
    const struct xf_arrival_host host = {
        .script_dir = root, .cpus = 4, .phys = &phys,
        .has_domain = has_domain, .has_pool = has_pool,
        .libxl_dir = "/there", .libxl_dir_kib = room_kib,
        .here = { .version = 4017000 },
        .has_save_helper = has_save_helper,
        .has_device_model = has_device_model, .is_shared = is_shared,
        .net_dir = g_build_filename(root, "net", NULL),
    };
    g_autofree char *text = g_strdup_printf(
        "<domain type='xen'><name>g</name><memory>65536</memory>"
        "<vcpu>2</vcpu>"
        "<os><type>%s</type>%s</os>%s<devices>%s</devices></domain>", type,
        os, body, devices);
    g_auto(GStrv) parts = g_strsplit(text, "ROOT", -1);
    g_autofree char *xml = g_strjoinv(root, parts);
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;

    ck_assert_msg(xf_domxml_parse(xml, &config, &err), "%s: %s", xml,
                  err ? err->message : "");

    gboolean ok = xf_arrival_check(&config, origin, &host, &err);

    libxl_domain_config_dispose(&config);
    g_free((char *)host.net_dir);
    ck_assert_msg(ok == !err, "%s", xml);
    if (ok)
        return NULL;
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED));
    ck_assert_msg(g_str_has_prefix(err->message, "domain 'g' cannot come to "
                                                 "this host: "),
                  "%s", err->message);
    xf_messages_hear(err->message);
    return g_strdup(err->message);
}

#define KERNEL "<kernel>ROOT/plain</kernel>"
#define NIC(rest) "<interface type='bridge'>" rest "</interface>"
#define DISK(rest)                                                          \
    "<disk type='file'>" rest "<target dev='xvda'/></disk>"

/* `word` NULL: it may come. */
static const struct {
    const char *type, *os, *body, *devices, *word;
} rows[] = {
    { "xenpvh", KERNEL, "", "", NULL },
    { "xenpvh", "<kernel>/none/k</kernel>", "", "",
      "kernel '/none/k': No such file or directory (the guest could not boot "
      "here again: copy it" },
    { "xenpvh", KERNEL "<initrd>/none/i</initrd>", "", "",
      "initrd '/none/i': " },
    { "linux", "", "<bootloader>pygrub</bootloader>", "", NULL },
    { "linux", "", "<bootloader>/none/grub</bootloader>", "",
      "boot loader '/none/grub': " },
    { "linux", "", "<bootloader>ROOT/plain</bootloader>", "",
      "/plain': Permission denied" },
    { "hvm", "<loader type='rom'>/none/fw</loader>", "", "",
      "firmware '/none/fw': " },
    { "hvm", "<acpi><table type='slic'>/none/t</table></acpi>",
      "<features><acpi/></features>", "", "ACPI table '/none/t': " },
    { "hvm", "", "", "<emulator>/none/qemu</emulator>",
      "device model '/none/qemu': No such file or directory (install it" },
    /* disks */
    { "xenpvh", KERNEL, "", DISK("<source file='ROOT/plain'/>"), NULL },
    { "xenpvh", KERNEL, "", DISK("<source file='/none/d'/>"),
      "disk 'xvda': '/none/d': No such file or directory (make it "
      "reachable under that path" },
    /* may be read and written, but is no disk */
    { "xenpvh", KERNEL, "", DISK("<source file='ROOT/net'/>"),
      "/net': Is a directory (make it" },
    { "xenpvh", KERNEL, "", DISK("<source file='ROOT/net'/><readonly/>"),
      "/net': Is a directory (make it" },
    { "xenpvh", KERNEL, "", DISK("<source file='ROOT/socket'/>"),
      "/socket': No such device or address (make it" },
    { "xenpvh", KERNEL, "", DISK("<source file='/none/d'/>"
      "<backenddomain name='storage'/>"), NULL },
    { "xenpvh", KERNEL, "", DISK("<source file='/none/d'/>"
      "<backenddomain name='gone'/>"),
      "disk: its backend's domain 'gone' is not here" },
    { "xenpvh", KERNEL, "", DISK("<source file='/none/d'/>"
      "<backenddomain name='Domain-0'/>"), "'/none/d'" },
    { "hvm", "", "", "<disk type='file' device='cdrom'>"
      "<target dev='hdc'/></disk>", NULL },
    { "xenpvh", KERNEL, "", "<disk type='network'><driver name='qemu'/>"
      "<source protocol='nbd' name='x'><host name='h'/></source>"
      "<target dev='xvda'/></disk>", NULL },
    /* interfaces */
    { "xenpvh", KERNEL, "", NIC("<source bridge='xenbr0'/>"), NULL },
    { "xenpvh", KERNEL, "", NIC("<source bridge='br9'/>"),
      "interface 0: there is no bridge 'br9' (make it on this host" },
    { "xenpvh", KERNEL, "", NIC("<source bridge='br9'/>"
      "<backenddomain name='storage'/>"), NULL },
    { "xenpvh", KERNEL, "", NIC("<source bridge='xenbr0'/>"
      "<script path='vif-mine'/>"), "vif script '" },
    { "xenpvh", KERNEL, "", NIC("<source bridge='xenbr0'/>"
      "<script path='ROOT/plain'/>"), "Permission denied" },
    { "xenpvh", KERNEL, "", "<interface type='ethernet'>"
      "<script path='vif-route'/></interface>", NULL },
    { "xenpvh", KERNEL, "", NIC("<source bridge='ovs'/>"
      "<virtualport type='openvswitch'/><vlan><tag id='7'/></vlan>"), NULL },
    { "xenpvh", KERNEL, "", NIC("<source bridge='none'/>"
      "<virtualport type='openvswitch'/><vlan><tag id='7'/></vlan>"),
      "no bridge 'none'" },
    /* cpus */
    { "xenpvh", KERNEL, "<cputune><vcpupin vcpu='1' cpuset='3-9'/></cputune>",
      "", NULL },
    { "xenpvh", KERNEL, "<cputune><vcpupin vcpu='1' cpuset='4-9'/></cputune>",
      "", "vcpu 1 may run on CPUs up to 9 only of which this host has none: "
      "it has 0-3" },
};

START_TEST(needs_are_looked_for)
{
    make_host();
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *said = answer(rows[i].type, rows[i].os, rows[i].body,
                                       rows[i].devices);

        if (!rows[i].word)
            ck_assert_msg(!said, "row %zu: %s", i, said);
        else
            ck_assert_msg(said && strstr(said, rows[i].word), "row %zu: %s",
                          i, said ? said : "may come");
    }
    end_host();
}
END_TEST

START_TEST(all_that_is_missing_is_said)
{
    g_autofree char *said = NULL;

    make_host();
    said = answer("xenpvh", "<kernel>/none/k</kernel>", "",
                  DISK("<source file='/none/d'/>")
                  NIC("<source bridge='br9'/>"));
    ck_assert(said && strstr(said, "/none/k") && strstr(said, "/none/d")
              && strstr(said, "br9"));
    end_host();
}
END_TEST

/* -- what Xen can do ------------------------------------------------------- */

#define HAP "<features><hap state='on'/></features>"

static const struct {
    bool *ability;
    const char *type, *os, *body;
    const char *word;
} abilities[] = {
    { &phys.cap_hvm, "xenpvh", KERNEL, "", "HVM and PVH guests (its CPU" },
    { &phys.cap_hvm, "hvm", "", "", "HVM and PVH guests (its CPU" },
    { &phys.cap_pv, "linux", KERNEL, "", "PV guests" },
    { &phys.cap_hap, "hvm", "", HAP, "hardware assisted paging" },
    { &phys.cap_vpmu, "hvm", "", "<features><pmu state='on'/></features>",
      "performance counters" },
};

START_TEST(abilities_are_compared)
{
    make_host();
    for (gsize i = 0; i < G_N_ELEMENTS(abilities); i++) {
        g_autofree char *with = answer(abilities[i].type, abilities[i].os,
                                       abilities[i].body, "");

        *abilities[i].ability = false;

        g_autofree char *without = answer(abilities[i].type, abilities[i].os,
                                          abilities[i].body, "");

        *abilities[i].ability = true;
        ck_assert_msg(!with, "row %zu: %s", i, with);
        ck_assert_msg(without && strstr(without, abilities[i].word),
                      "row %zu: %s", i, without ? without : "may come");
    }
    phys.cap_hap = false;

    g_autofree char *shadow = answer("hvm", "", "", "");

    phys.cap_shadow = false;

    g_autofree char *neither = answer("hvm", "", "", "");

    ck_assert_msg(!shadow, "%s", shadow);
    ck_assert(neither && strstr(neither, "neither"));
    end_host();
}
END_TEST

/* What XML cannot say, or not without a file of libxl's. */
static void
refuse_config(libxl_domain_config *config, const char *const *words)
{
    const struct xf_arrival_host host = {
        .net_dir = "/nonexistent", .script_dir = "/nonexistent", .cpus = 4,
        .phys = &phys, .has_domain = has_domain, .has_pool = has_pool,
        .libxl_dir_kib = room_kib, .has_save_helper = TRUE,
        .has_device_model = TRUE, .is_shared = is_shared,
    };
    g_autoptr(GError) err = NULL;

    config->c_info.name = strdup("g");
    ck_assert(!xf_arrival_check(config, NULL, &host, &err));
    xf_messages_hear(err->message);
    for (; *words; words++)
        ck_assert_msg(strstr(err->message, *words), "no '%s' in %s", *words,
                      err->message);
    libxl_domain_config_dispose(config);
}

static void
make_config(libxl_domain_config *config, libxl_domain_type type)
{
    libxl_domain_config_init(config);
    config->c_info.type = type;
    libxl_domain_build_info_init_type(&config->b_info, type);
}

START_TEST(a_pool_and_a_number_are_not_here)
{
    static const char *const words[] = {
        "no CPU pool 'Pool-7'", "keyboard: its backend is domain 5 by number",
        "PV shim '/none/shim'", "device tree '/none/tree'",
        "shared folder '/none/folder': No such file or directory (make it",
        "version 2 of grant tables", NULL
    };
    libxl_domain_config config;

    make_host();
    phys.cap_gnttab_v2 = false;
    make_config(&config, LIBXL_DOMAIN_TYPE_PVH);
    config.c_info.pool_name = strdup("Pool-7");
    config.b_info.max_grant_version = 2;
    config.b_info.device_tree = strdup("/none/tree");
    config.b_info.u.pvh.pvshim_path = strdup("/none/shim");
    config.vkbs = calloc(1, sizeof(*config.vkbs));
    libxl_device_vkb_init(config.vkbs);
    config.num_vkbs = 1;
    config.vkbs->backend_domid = 5;
    config.p9s = calloc(1, sizeof(*config.p9s));
    libxl_device_p9_init(config.p9s);
    config.num_p9s = 1;
    config.p9s->path = strdup("/none/folder");
    refuse_config(&config, words);
    end_host();
}
END_TEST

START_TEST(files_of_firmware_are_not_here)
{
    static const char *const words[] = {
        "firmware '/none/hvmloader'", "firmware '/none/bios'",
        "SMBIOS table '/none/smbios'", "ACPI table '/none/acpi'",
        "device model '/none/qemu'", "the stub domain's kernel '/none/stub'",
        "the stub domain's initrd '/none/initrd'",
        "block script '/nonexistent/block-mine'",
        "each of the vcpus 0 to 0 may run on CPUs up to 9 only", NULL
    };
    libxl_domain_config config;
    libxl_domain_build_info *b = &config.b_info;

    make_host();
    make_config(&config, LIBXL_DOMAIN_TYPE_HVM);
    b->max_vcpus = 1;
    b->u.hvm.firmware = strdup("/none/hvmloader");
    b->u.hvm.system_firmware = strdup("/none/bios");
    b->u.hvm.smbios_firmware = strdup("/none/smbios");
    b->u.hvm.acpi_firmware = strdup("/none/acpi");
    b->device_model = strdup("/none/qemu");
    b->stubdomain_kernel = strdup("/none/stub");
    b->stubdomain_ramdisk = strdup("/none/initrd");
    b->cpumap.size = 2;
    b->cpumap.map = calloc(b->cpumap.size, 1);
    libxl_bitmap_set(&b->cpumap, 9);
    config.disks = calloc(1, sizeof(*config.disks));
    libxl_device_disk_init(config.disks);
    config.num_disks = 1;
    config.disks->vdev = strdup("xvda");
    config.disks->script = strdup("block-mine");
    refuse_config(&config, words);
    end_host();
}
END_TEST

/* -- where it comes from, and where it is written down ---------------------- */

START_TEST(a_newer_source_is_named)
{
    static const struct xf_origin newer = { .version = 4018000 };
    static const struct xf_origin same = { .version = 4017000 };

    make_host();
    origin = &same;
    ck_assert_ptr_null(answer("xenpvh", KERNEL, "", ""));
    origin = &newer;

    g_autofree char *said = answer("xenpvh", KERNEL, "", "");

    ck_assert_ptr_nonnull(said);
    ck_assert_ptr_nonnull(strstr(said, "its Xen 4.17 is older than"));
    end_host();
}
END_TEST

/* A device model's state takes more than a configuration. */
START_TEST(a_full_disk_is_named)
{
    make_host();
    room_kib--;

    g_autofree char *hvm = answer("hvm", "", "", "");

    ck_assert_ptr_null(answer("xenpvh", KERNEL, "", ""));
    ck_assert_ptr_nonnull(hvm);
    ck_assert_ptr_nonnull(strstr(hvm, "there are 16383 KiB free for "
                                      "'/there'"));
    ck_assert_ptr_nonnull(strstr(hvm, "16384 KiB are needed (make room"));
    room_kib = 100;

    g_autofree char *pvh = answer("xenpvh", KERNEL, "", "");

    ck_assert_ptr_nonnull(pvh);
    ck_assert_ptr_nonnull(strstr(pvh, "1024 KiB are needed"));
    end_host();
}
END_TEST

START_TEST(a_disk_tells_its_room)
{
    ck_assert_uint_gt(xf_arrival_disk_kib("/tmp"), 0);
    ck_assert_uint_eq(xf_arrival_disk_kib("/nonexistent"), G_MAXUINT64);
    /* has no blocks at all */
    ck_assert_uint_eq(xf_arrival_disk_kib("/proc"), G_MAXUINT64);
}
END_TEST

/* -- what libxl starts, and what QEMU locks --------------------------------- */

START_TEST(programs_of_libxls_are_named)
{
    make_host();
    has_device_model = FALSE;

    g_autofree char *hvm = answer("hvm", "", "", "");
    g_autofree char *named = answer("hvm", "", "", "<emulator>ROOT/vif-bridge"
                                                   "</emulator>");
    g_autofree char *pvh = answer("xenpvh", KERNEL, "", "");
    g_autofree char *disk = answer("xenpvh", KERNEL, "",
                                   DISK("<source file='ROOT/plain'/>"));
    g_autofree char *screen = answer("linux", KERNEL, "",
                                     "<graphics type='vnc'/>");

    has_save_helper = FALSE;

    g_autofree char *helper = answer("xenpvh", KERNEL, "", "");

    ck_assert(hvm && strstr(hvm, "QEMU for Xen, is not here (install it"));
    ck_assert_msg(!named, "%s", named);
    ck_assert_msg(!pvh, "%s", pvh);
    ck_assert(disk && strstr(disk, "QEMU for Xen, is not here"));
    ck_assert(screen && strstr(screen, "QEMU for Xen, is not here"));
    ck_assert(helper && strstr(helper, "libxl-save-helper, is not here "
                                       "(install Xen's tools"));
    end_host();
}
END_TEST

#define PLAIN "<source file='ROOT/plain'/>"

/* `locked`: where the file is shared and the source is known. */
static const struct {
    const char *type, *os, *disk;
    gboolean locked;
} locks[] = {
    { "xenpvh", KERNEL, DISK(PLAIN), TRUE },
    { "linux", KERNEL, DISK("<driver name='qemu' type='qcow2'/>" PLAIN),
      TRUE },
    { "xenpvh", KERNEL, DISK("<driver name='phy'/>" PLAIN), FALSE },
    { "xenpvh", KERNEL, DISK(PLAIN "<readonly/>"), FALSE },
    { "xenpvh", KERNEL, "<disk type='block'><driver name='qemu'/>"
      "<source dev='/dev/null'/><target dev='xvda'/></disk>", FALSE },
    { "hvm", "", DISK(PLAIN), FALSE },
};

START_TEST(a_lock_of_qemus_is_named)
{
    static const struct xf_origin same = { .version = 4017000 };

    make_host();
    for (gsize i = 0; i < G_N_ELEMENTS(locks); i++) {
        all_is_shared = TRUE;
        origin = &same;

        g_autofree char *said = answer(locks[i].type, locks[i].os, "",
                                       locks[i].disk);

        origin = NULL;

        g_autofree char *unsafe = answer(locks[i].type, locks[i].os, "",
                                         locks[i].disk);

        all_is_shared = FALSE;
        origin = &same;

        g_autofree char *own = answer(locks[i].type, locks[i].os, "",
                                      locks[i].disk);

        ck_assert_msg(!unsafe && !own, "row %zu", i);
        ck_assert_msg(locks[i].locked == (said && strstr(said,
                      "is a file that both hosts share")), "row %zu: %s", i,
                      said ? said : "may come");
    }
    end_host();
}
END_TEST

START_TEST(local_filesystems_are_not_shared)
{
    ck_assert(!xf_arrival_is_shared("/dev/shm"));
    ck_assert(!xf_arrival_is_shared("/nonexistent"));
    /* one that nobody has told us of */
    ck_assert(xf_arrival_is_shared("/proc"));
}
END_TEST

#define TESTS                                                               \
    needs_are_looked_for, all_that_is_missing_is_said,                      \
    abilities_are_compared, a_pool_and_a_number_are_not_here,               \
    files_of_firmware_are_not_here, a_newer_source_is_named,                \
    a_full_disk_is_named, a_disk_tells_its_room,                            \
    programs_of_libxls_are_named, a_lock_of_qemus_is_named,                 \
    local_filesystems_are_not_shared

/* Whoever adds a message adds a row. */
START_TEST(every_message_is_seen)
{
    static const struct xf_message_call calls[] = {
        { "problem(check, ", 0, "*" },
        { "need_file(check, ", 0, "*" },
        { "need_script(check, ", 0, "*" },
    };
    const TTest *const others[] = { TESTS, NULL };
    guint count = 0, missing = 0;

    XF_MESSAGES_RUN_ALL(others);
    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++)
        count += xf_messages_check(XEN_DIR "/arrival.c", &calls[i], &missing);
    ck_assert_uint_gt(count, 15);
    ck_assert_msg(missing == 0, "%u messages are in no row", missing);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = { TESTS, every_message_is_seen, NULL };

    return xf_unit_main("arrival", tests);
}
