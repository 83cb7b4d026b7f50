/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of xl.cfg(5) that are no devices. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/types.h"
#include "xen/domxml-private.h"
#include "xen/xlcfg-private.h"

#define MIB 1024    /* a field counts KiB where the key counts MiB */

/* -- words where xl's are not libxl's -------------------------------------- */

static const libxl_enum_string_table actions[] = {
    { "destroy", LIBXL_ACTION_ON_SHUTDOWN_DESTROY },
    { "restart", LIBXL_ACTION_ON_SHUTDOWN_RESTART },
    { "rename-restart", LIBXL_ACTION_ON_SHUTDOWN_RESTART_RENAME },
    { "preserve", LIBXL_ACTION_ON_SHUTDOWN_PRESERVE },
    { "coredump-destroy", LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY },
    { "coredump-restart", LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART },
    { "soft-reset", LIBXL_ACTION_ON_SHUTDOWN_SOFT_RESET },
    { NULL, 0 }
};

static const libxl_enum_string_table device_models[] = {
    { "qemu-xen-traditional",
      LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN_TRADITIONAL },
    { "qemu-xen", LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN },
    { NULL, 0 }
};

static const libxl_enum_string_table vga_cards[] = {
    { "stdvga", LIBXL_VGA_INTERFACE_TYPE_STD },
    { "cirrus", LIBXL_VGA_INTERFACE_TYPE_CIRRUS },
    { "qxl", LIBXL_VGA_INTERFACE_TYPE_QXL },
    { "none", LIBXL_VGA_INTERFACE_TYPE_NONE },
    { NULL, 0 }
};

/* -- who it is ------------------------------------------------------------- */

static gboolean
read_uuid(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
          const char *none, GError **err)
{
    const char *text = xf_xl_string(cfg, row->key, err);
    guint8 uuid[XF_UUID_LEN];

    if (!text)
        return FALSE;
    if (!xf_uuid_parse(text, uuid))
        return xf_xl_bad(cfg, err, "'%s' is not a uuid", text);
    memcpy(cfg->config->c_info.uuid.uuid, uuid, sizeof(uuid));
    return TRUE;
}

/* Always: without it the file would make another guest each time. */
static char *
write_uuid(const struct xf_xlout *out, const struct xf_xl_row *row,
           const void *base)
{
    char text[XF_UUID_STRING_LEN + 1];

    return xf_xl_quote(xf_uuid_format(out->config->c_info.uuid.uuid, text));
}

/* With 'init_seclabel' the guest is built under that, and runs under
 * 'seclabel'. */
static gboolean
read_seclabel(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
              const char *none, GError **err)
{
    const char *text = xf_xl_string(cfg, row->key, err);

    if (!text)
        return FALSE;
    if (xf_xl_has(cfg, "init_seclabel"))
        cfg->config->b_info.exec_ssid_label = xf_xl_strdup(text);
    else
        cfg->config->c_info.ssid_label = xf_xl_strdup(text);
    return TRUE;
}

static char *
write_seclabel(const struct xf_xlout *out, const struct xf_xl_row *row,
               const void *base)
{
    const char *running = out->config->b_info.exec_ssid_label;
    const char *label = running ? running : out->config->c_info.ssid_label;

    return label ? xf_xl_quote(label) : NULL;
}

static char *
write_init_seclabel(const struct xf_xlout *out, const struct xf_xl_row *row,
                    const void *base)
{
    const libxl_domain_config *c = out->config;

    return c->b_info.exec_ssid_label && c->c_info.ssid_label
           ? xf_xl_quote(c->c_info.ssid_label) : NULL;
}

static gboolean
read_init_seclabel(struct xf_xlcfg *cfg, const struct xf_xl_row *row,
                   void *base, const char *none, GError **err)
{
    const char *text = xf_xl_string(cfg, row->key, err);

    if (text)
        cfg->config->c_info.ssid_label = xf_xl_strdup(text);
    return text != NULL;
}

/* -- what boots ------------------------------------------------------------ */

/* xl's: 'cmdline', or else "root=" 'root' and 'extra'. */
static gboolean
read_cmdline(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
             const char *none, GError **err)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    const char *text = xf_xl_string(cfg, row->key, err);
    g_autofree char *whole = NULL;

    if (!text)
        return FALSE;
    if (strcmp(row->key, "cmdline") == 0) {
        free(b->cmdline);
        b->cmdline = xf_xl_strdup(text);
        return TRUE;
    }
    if (xf_xl_has(cfg, "cmdline")) {
        xf_xl_idle(cfg, "is ignored, as xl does, beside 'cmdline'");
        return TRUE;
    }
    if (strcmp(row->key, "root") == 0)
        whole = g_strconcat("root=", text, NULL);
    else
        whole = b->cmdline ? g_strconcat(b->cmdline, " ", text, NULL)
                           : g_strdup(text);
    free(b->cmdline);
    b->cmdline = xf_xl_strdup(whole);
    return TRUE;
}

static char *
write_cmdline(const struct xf_xlout *out, const struct xf_xl_row *row,
              const void *base)
{
    const char *text = out->config->b_info.cmdline;

    return text ? xf_xl_quote(text) : NULL;
}

/* A word for a BIOS, or the file to load; 'bios' alone leaves it to libxl. */
static gboolean
read_firmware(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
              const char *none, GError **err)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    const char *text = xf_xl_string(cfg, row->key, err);

    if (!text)
        return FALSE;
    if (strcmp(text, "bios") == 0)
        return TRUE;
    if (strcmp(text, "uefi") == 0 || strcmp(text, "ovmf") == 0) {
        b->u.hvm.bios = LIBXL_BIOS_TYPE_OVMF;
    } else if (strcmp(text, "seabios") == 0) {
        b->u.hvm.bios = LIBXL_BIOS_TYPE_SEABIOS;
    } else if (strcmp(text, "rombios") == 0) {
        b->u.hvm.bios = LIBXL_BIOS_TYPE_ROMBIOS;
    } else {
        free(b->u.hvm.firmware);
        b->u.hvm.firmware = xf_xl_strdup(text);
    }
    return TRUE;
}

static const struct xf_xl_row e820_row = {
    .key = "e820_host", .kind = XF_XL_FLAG,
    XF_XL_AT(libxl_domain_config, b_info.u.pv.e820_host)
};

static gboolean
read_e820_host(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
               const char *none, GError **err)
{
    const char *text = xf_xl_string(cfg, row->key, err);

    return text && xf_xl_take(cfg, &e820_row, cfg->config, text, err);
}

/* With PCI devices xl's default is another than libxl's. */
static char *
write_e820_host(const struct xf_xlout *out, const struct xf_xl_row *row,
                const void *base)
{
    char *text = xf_xl_value(out, &e820_row, out->config, out->blank);

    return text || out->config->num_pcidevs == 0 ? text : g_strdup("0");
}

/* -- memory and CPUs ------------------------------------------------------- */

static gboolean
read_mib(struct xf_xlcfg *cfg, const char *key, guint64 *kib, GError **err)
{
    const char *text = xf_xl_string(cfg, key, err);
    gint64 mib;

    if (!text || !xf_xl_number(cfg, text, 0, XF_XML_MEMORY_MAX_KIB / MIB,
                               &mib, err))
        return FALSE;
    *kib = mib * MIB;
    return TRUE;
}

static gboolean
read_memory(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
            const char *none, GError **err)
{
    libxl_domain_build_info *b = &cfg->config->b_info;

    if (!read_mib(cfg, row->key, &b->target_memkb, err))
        return FALSE;
    b->max_memkb = b->target_memkb;
    return TRUE;
}

static gboolean
read_maxmem(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
            const char *none, GError **err)
{
    libxl_domain_build_info *b = &cfg->config->b_info;

    if (!read_mib(cfg, row->key, &b->max_memkb, err))
        return FALSE;
    if (xf_xl_has(cfg, "memory") && b->target_memkb > b->max_memkb)
        return xf_xl_bad(cfg, err, "is less than 'memory'");
    return TRUE;
}

static char *
write_memory(const struct xf_xlout *out, const struct xf_xl_row *row,
             const void *base)
{
    guint64 kib = out->config->b_info.target_memkb;

    return kib == LIBXL_MEMKB_DEFAULT ? NULL
           : g_strdup_printf("%" G_GUINT64_FORMAT, kib / MIB);
}

static char *
write_maxmem(const struct xf_xlout *out, const struct xf_xl_row *row,
             const void *base)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    return b->max_memkb == LIBXL_MEMKB_DEFAULT
           || b->max_memkb == b->target_memkb ? NULL
           : g_strdup_printf("%" G_GUINT64_FORMAT, b->max_memkb / MIB);
}

static gboolean
read_vcpus(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
           const char *none, GError **err)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    const char *text = xf_xl_string(cfg, row->key, err);
    gint64 count;

    if (!text || !xf_xl_number(cfg, text, 1, XF_XML_SET_BITS, &count, err))
        return FALSE;
    b->max_vcpus = count;
    xf_xl_bitmap_alloc(&b->avail_vcpus, count);
    for (gint64 i = 0; i < count; i++)
        libxl_bitmap_set(&b->avail_vcpus, i);
    return TRUE;
}

static char *
write_vcpus(const struct xf_xlout *out, const struct xf_xl_row *row,
            const void *base)
{
    const libxl_bitmap *online = &out->config->b_info.avail_vcpus;
    int count = libxl_bitmap_count_set(online);

    return count ? g_strdup_printf("%d", count) : NULL;
}

static gboolean
read_maxvcpus(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
              const char *none, GError **err)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    const char *text = xf_xl_string(cfg, row->key, err);
    gint64 count;

    if (!text || !xf_xl_number(cfg, text, 1, XF_XML_SET_BITS, &count, err))
        return FALSE;
    if (xf_xl_has(cfg, "vcpus") && count < b->max_vcpus)
        return xf_xl_bad(cfg, err, "is less than 'vcpus'");
    b->max_vcpus = count;
    return TRUE;
}

static char *
write_maxvcpus(const struct xf_xlout *out, const struct xf_xl_row *row,
               const void *base)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    return b->max_vcpus == 0
           || b->max_vcpus == libxl_bitmap_count_set(&b->avail_vcpus)
           ? NULL : g_strdup_printf("%d", b->max_vcpus);
}

/* The lists of one key, 'cpus' or 'cpus_soft'. */
static void
affinity(libxl_domain_build_info *b, const char *key, libxl_bitmap ***maps,
         int **count)
{
    gboolean soft = strcmp(key, "cpus_soft") == 0;

    *maps = soft ? &b->vcpu_soft_affinity : &b->vcpu_hard_affinity;
    *count = soft ? &b->num_vcpu_soft_affinity : &b->num_vcpu_hard_affinity;
}

/* One text for all CPUs of the guest, or one each.  "all" binds none; it only
 * says that libxl shall not choose nodes. */
static gboolean
read_cpus(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
          const char *none, GError **err)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    g_autoptr(GPtrArray) texts = NULL;
    libxl_bitmap **maps;
    guint vcpus = b->max_vcpus ? b->max_vcpus : 1, given;
    int *count;

    if (xf_xl_is_list(cfg, row->key)) {
        texts = xf_xl_strings(cfg, row->key, err);
        if (!texts)
            return FALSE;
        given = texts->len;
        if (given > vcpus)
            return xf_xl_bad(cfg, err, "has %u elements for %u virtual CPUs",
                             given, vcpus);
    } else {
        const char *text = xf_xl_string(cfg, row->key, NULL);

        if (strcmp(text, "all") == 0) {
            libxl_defbool_set(&b->numa_placement, false);
            return TRUE;
        }
        texts = g_ptr_array_new();
        for (given = 0; given < vcpus; given++)
            g_ptr_array_add(texts, (void *)text);
    }
    if (xf_xl_is_list(cfg, row->key) || strcmp(row->key, "cpus_soft") == 0)
        libxl_defbool_set(&b->numa_placement, false);   /* as xl does */
    affinity(b, row->key, &maps, &count);
    for (guint i = 0; i < given; i++) {
        libxl_bitmap *map = XF_XL_APPEND(*maps, *count);

        if (!xf_xl_bits(cfg, texts->pdata[i], map, err))
            return FALSE;
    }
    return TRUE;
}

/* "all" is written with 'cpus' when there is nothing more to say. */
static char *
write_cpus(const struct xf_xlout *out, const struct xf_xl_row *row,
           const void *base)
{
    libxl_domain_build_info *b =
        (libxl_domain_build_info *)&out->config->b_info;
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    gboolean same = TRUE;
    libxl_bitmap **maps;
    int *count;

    affinity(b, row->key, &maps, &count);
    if (*count == 0)
        return strcmp(row->key, "cpus") == 0
               && !libxl_defbool_is_default(b->numa_placement)
               && !libxl_defbool_val(b->numa_placement)
               ? xf_xl_quote("all") : NULL;
    for (int i = 0; i < *count; i++) {
        g_ptr_array_add(texts, xf_xl_bits_text(&(*maps)[i]));
        same = same && strcmp(texts->pdata[0], texts->pdata[i]) == 0;
    }
    if (same && *count == b->max_vcpus)
        return xf_xl_quote(texts->pdata[0]);
    g_ptr_array_add(texts, NULL);
    return xf_xl_quote_list((const char *const *)texts->pdata);
}

/* -- the table ------------------------------------------------------------- */

#define C(field) XF_XL_AT(libxl_domain_config, field)
#define ROW(name, who, what, field)                                         \
    { .key = name, .guests = XF_XL_##who, .kind = XF_XL_##what, C(field) }
#define MIBS(name, who, field)                                              \
    { .key = name, .guests = XF_XL_##who, .kind = XF_XL_NUMBER, C(field),   \
      .scale = MIB }
#define WORDS(name, who, field, table)                                      \
    { .key = name, .guests = XF_XL_##who, .kind = XF_XL_WORD, C(field),     \
      .words = table }
#define OWN(name, who, in, out)                                             \
    { .key = name, .guests = XF_XL_##who, .kind = XF_XL_OWN, .read = in,    \
      .write = out }
#define REFUSED(name, reason)                                               \
    { .key = name, .guests = XF_XL_ALL, .kind = XF_XL_REFUSED, .why = reason }
/* Read by another row, or before the table. */
#define TAKEN(name, who)                                                    \
    { .key = name, .guests = XF_XL_##who, .kind = XF_XL_OWN, .read = taken }
#define XF_XL_PVH_HVM (XF_XL_PVH | XF_XL_HVM)
#define XF_XL_PV_PVH (XF_XL_PV | XF_XL_PVH)

static gboolean
taken(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
      const char *none, GError **err)
{
    return TRUE;
}

const struct xf_xl_row xf_xl_keys[] = {
    ROW("name", ALL, TEXT, c_info.name),
    TAKEN("type", ALL),
    TAKEN("builder", ALL),
    OWN("uuid", ALL, read_uuid, write_uuid),
    ROW("pool", ALL, TEXT, c_info.pool_name),
    OWN("init_seclabel", ALL, read_init_seclabel, write_init_seclabel),
    OWN("seclabel", ALL, read_seclabel, write_seclabel),
    ROW("hap", ALL, FLAG, c_info.hap),
    ROW("oos", ALL, FLAG, c_info.oos),
    ROW("driver_domain", ALL, FLAG, c_info.driver_domain),
    ROW("xend_suspend_evtchn_compat", ALL, FLAG,
        c_info.xend_suspend_evtchn_compat),
    WORDS("passthrough", ALL, c_info.passthrough,
          libxl_passthrough_string_table),

    OWN("memory", ALL, read_memory, write_memory),
    OWN("maxmem", ALL, read_maxmem, write_maxmem),
    OWN("vcpus", ALL, read_vcpus, write_vcpus),
    OWN("maxvcpus", ALL, read_maxvcpus, write_maxvcpus),
    OWN("cpus", ALL, read_cpus, write_cpus),
    OWN("cpus_soft", ALL, read_cpus, write_cpus),
    ROW("cpu_weight", ALL, NUMBER, b_info.sched_params.weight),
    ROW("cap", ALL, NUMBER, b_info.sched_params.cap),
    ROW("period", ALL, NUMBER, b_info.sched_params.period),
    ROW("slice", ALL, NUMBER, b_info.sched_params.slice),
    ROW("latency", ALL, NUMBER, b_info.sched_params.latency),
    ROW("extratime", ALL, NUMBER, b_info.sched_params.extratime),
    MIBS("shadow_memory", ALL, b_info.shadow_memkb),
    OWN("cpuid", ALL, xf_xl_read_cpuid, xf_xl_write_cpuid),
    OWN("vnuma", ALL, xf_xl_read_vnuma, xf_xl_write_vnuma),

    WORDS("on_poweroff", ALL, on_poweroff, actions),
    WORDS("on_reboot", ALL, on_reboot, actions),
    WORDS("on_watchdog", ALL, on_watchdog, actions),
    WORDS("on_crash", ALL, on_crash, actions),
    WORDS("on_soft_reset", ALL, on_soft_reset, actions),

    ROW("kernel", ALL, TEXT, b_info.kernel),
    ROW("ramdisk", ALL, TEXT, b_info.ramdisk),
    OWN("cmdline", ALL, read_cmdline, write_cmdline),
    OWN("root", ALL, read_cmdline, NULL),
    OWN("extra", ALL, read_cmdline, NULL),
    ROW("device_tree", ALL, TEXT, b_info.device_tree),
    ROW("bootloader", ALL, TEXT, b_info.bootloader),
    ROW("bootloader_args", ALL, LIST, b_info.bootloader_args),
    ROW("firmware_override", HVM, TEXT, b_info.u.hvm.firmware),
    OWN("firmware", HVM, read_firmware, NULL),
    { .key = "firmware", .guests = XF_XL_PV_PVH, .kind = XF_XL_REFUSED,
      .why = "the path of pvgrub depends on the host; give it as 'kernel'" },
    ROW("pvshim", PVH, FLAG, b_info.u.pvh.pvshim),
    ROW("pvshim_path", PVH, TEXT, b_info.u.pvh.pvshim_path),
    ROW("pvshim_cmdline", PVH, TEXT, b_info.u.pvh.pvshim_cmdline),
    ROW("pvshim_extra", PVH, TEXT, b_info.u.pvh.pvshim_extra),

    ROW("localtime", ALL, FLAG, b_info.localtime),
    { .key = "rtc_timeoffset", .guests = XF_XL_ALL, .kind = XF_XL_NUMBER,
      C(b_info.rtc_timeoffset), .flags = XF_XL_SIGNED },
    { .key = "tsc_mode", .guests = XF_XL_ALL, .kind = XF_XL_WORD,
      C(b_info.tsc_mode), .words = libxl_tsc_mode_string_table,
      .flags = XF_XL_OR_NUMBER },
    { .key = "timer_mode", .guests = XF_XL_PVH_HVM, .kind = XF_XL_WORD,
      C(b_info.timer_mode), .words = libxl_timer_mode_string_table,
      .flags = XF_XL_OR_NUMBER },
    { .key = "timer_mode", .guests = XF_XL_PV, .kind = XF_XL_REFUSED,
      .why = "a PV guest has no such timers" },
    ROW("nomigrate", ALL, FLAG, b_info.disable_migrate),
    ROW("nestedhvm", PVH_HVM, FLAG, b_info.nested_hvm),
    { .key = "nestedhvm", .guests = XF_XL_PV, .kind = XF_XL_REFUSED,
      .why = "a PV guest has no nested virtualisation" },
    ROW("acpi", ALL, FLAG, b_info.acpi),
    ROW("apic", ALL, FLAG, b_info.apic),
    WORDS("altp2m", ALL, b_info.altp2m, libxl_altp2m_mode_string_table),
    OWN("e820_host", PV, read_e820_host, write_e820_host),
    MIBS("videoram", ALL, b_info.video_memkb),
    ROW("max_event_channels", ALL, NUMBER, b_info.event_channels),
    ROW("max_grant_frames", ALL, NUMBER, b_info.max_grant_frames),
    ROW("max_maptrack_frames", ALL, NUMBER, b_info.max_maptrack_frames),
    ROW("max_grant_version", ALL, NUMBER, b_info.max_grant_version),
    ROW("vmtrace_buf_kb", ALL, NUMBER, b_info.vmtrace_buf_kb),
    ROW("vpmu", ALL, FLAG, b_info.vpmu),
    WORDS("tee", ALL, b_info.tee, libxl_tee_type_string_table),
    WORDS("gic_version", ALL, b_info.arch_arm.gic_version,
          libxl_gic_version_string_table),
    WORDS("vuart", ALL, b_info.arch_arm.vuart,
          libxl_vuart_type_string_table),
    ROW("msr_relaxed", ALL, FLAG, b_info.arch_x86.msr_relaxed),
    OWN("ioports", ALL, xf_xl_read_ioports, xf_xl_write_ioports),
    OWN("iomem", ALL, xf_xl_read_iomem, xf_xl_write_iomem),
    OWN("irqs", ALL, xf_xl_read_irqs, xf_xl_write_irqs),

    /* the device model */
    WORDS("device_model_version", ALL, b_info.device_model_version,
          device_models),
    ROW("device_model_override", ALL, TEXT, b_info.device_model),
    ROW("device_model_stubdomain_override", ALL, FLAG,
        b_info.device_model_stubdomain),
    ROW("device_model_stubdomain_seclabel", ALL, TEXT,
        b_info.device_model_ssid_label),
    ROW("device_model_user", ALL, TEXT, b_info.device_model_user),
    ROW("device_model_args", ALL, LIST, b_info.extra),
    ROW("device_model_args_pv", ALL, LIST, b_info.extra_pv),
    ROW("device_model_args_hvm", ALL, LIST, b_info.extra_hvm),
    ROW("stubdomain_kernel", ALL, TEXT, b_info.stubdomain_kernel),
    ROW("stubdomain_cmdline", ALL, TEXT, b_info.stubdomain_cmdline),
    ROW("stubdomain_ramdisk", ALL, TEXT, b_info.stubdomain_ramdisk),
    MIBS("stubdomain_memory", ALL, b_info.stubdomain_memkb),
    ROW("dm_restrict", ALL, FLAG, b_info.dm_restrict),
    REFUSED("device_model", "xl has not taken it for long; give "
                            "'device_model_override'"),

    /* HVM */
    WORDS("bios", HVM, b_info.u.hvm.bios, libxl_bios_type_string_table),
    ROW("bios_path_override", HVM, TEXT, b_info.u.hvm.system_firmware),
    ROW("boot", HVM, TEXT, b_info.u.hvm.boot),
    WORDS("hdtype", HVM, b_info.u.hvm.hdtype, libxl_hdtype_string_table),
    ROW("pae", HVM, FLAG, b_info.u.hvm.pae),
    ROW("acpi_s3", HVM, FLAG, b_info.u.hvm.acpi_s3),
    ROW("acpi_s4", HVM, FLAG, b_info.u.hvm.acpi_s4),
    ROW("acpi_laptop_slate", HVM, FLAG, b_info.u.hvm.acpi_laptop_slate),
    ROW("nx", HVM, FLAG, b_info.u.hvm.nx),
    ROW("hpet", HVM, FLAG, b_info.u.hvm.hpet),
    ROW("vpt_align", HVM, FLAG, b_info.u.hvm.vpt_align),
    OWN("viridian", HVM, xf_xl_read_viridian, xf_xl_write_viridian),
    MIBS("mmio_hole", HVM, b_info.u.hvm.mmio_hole_memkb),
    OWN("altp2mhvm", HVM, xf_xl_read_altp2mhvm, NULL),
    ROW("smbios_firmware", HVM, TEXT, b_info.u.hvm.smbios_firmware),
    ROW("acpi_firmware", HVM, TEXT, b_info.u.hvm.acpi_firmware),
    OWN("ms_vm_genid", HVM, xf_xl_read_genid, NULL),
    OWN("rdm", HVM, xf_xl_read_rdm, xf_xl_write_rdm),
    MIBS("rdm_mem_boundary", HVM, b_info.u.hvm.rdm_mem_boundary_memkb),
    OWN("mca_caps", HVM, xf_xl_read_mca_caps, xf_xl_write_mca_caps),
    OWN("stdvga", HVM, xf_xl_read_stdvga, NULL),
    WORDS("vga", HVM, b_info.u.hvm.vga.kind, vga_cards),
    ROW("vnc", HVM, FLAG, b_info.u.hvm.vnc.enable),
    ROW("vnclisten", HVM, TEXT, b_info.u.hvm.vnc.listen),
    ROW("vncpasswd", HVM, TEXT, b_info.u.hvm.vnc.passwd),
    ROW("vncdisplay", HVM, NUMBER, b_info.u.hvm.vnc.display),
    ROW("vncunused", HVM, FLAG, b_info.u.hvm.vnc.findunused),
    ROW("keymap", HVM, TEXT, b_info.u.hvm.keymap),
    ROW("sdl", HVM, FLAG, b_info.u.hvm.sdl.enable),
    ROW("opengl", HVM, FLAG, b_info.u.hvm.sdl.opengl),
    ROW("spice", HVM, FLAG, b_info.u.hvm.spice.enable),
    ROW("spiceport", HVM, NUMBER, b_info.u.hvm.spice.port),
    ROW("spicetls_port", HVM, NUMBER, b_info.u.hvm.spice.tls_port),
    ROW("spicehost", HVM, TEXT, b_info.u.hvm.spice.host),
    ROW("spicedisable_ticketing", HVM, FLAG,
        b_info.u.hvm.spice.disable_ticketing),
    ROW("spicepasswd", HVM, TEXT, b_info.u.hvm.spice.passwd),
    ROW("spiceagent_mouse", HVM, FLAG, b_info.u.hvm.spice.agent_mouse),
    ROW("spicevdagent", HVM, FLAG, b_info.u.hvm.spice.vdagent),
    ROW("spice_clipboard_sharing", HVM, FLAG,
        b_info.u.hvm.spice.clipboard_sharing),
    ROW("spiceusbredirection", HVM, NUMBER,
        b_info.u.hvm.spice.usbredirection),
    ROW("spice_image_compression", HVM, TEXT,
        b_info.u.hvm.spice.image_compression),
    ROW("spice_streaming_video", HVM, TEXT,
        b_info.u.hvm.spice.streaming_video),
    ROW("nographic", HVM, FLAG, b_info.u.hvm.nographic),
    OWN("gfx_passthru", HVM, xf_xl_read_gfx_passthru,
        xf_xl_write_gfx_passthru),
    OWN("serial", HVM, xf_xl_read_serial, xf_xl_write_serial),
    ROW("usb", HVM, FLAG, b_info.u.hvm.usb),
    ROW("usbversion", HVM, NUMBER, b_info.u.hvm.usbversion),
    OWN("usbdevice", HVM, xf_xl_read_usbdevice, xf_xl_write_usbdevice),
    ROW("vkb_device", HVM, FLAG, b_info.u.hvm.vkb_device),
    ROW("soundhw", HVM, TEXT, b_info.u.hvm.soundhw),
    ROW("xen_platform_pci", HVM, FLAG, b_info.u.hvm.xen_platform_pci),
    WORDS("vendor_device", HVM, b_info.u.hvm.vendor_device,
          libxl_vendor_device_string_table),
    { .key = NULL }
};
