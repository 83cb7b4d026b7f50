/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random libxl configurations: the fields of libxl 4.17's configuration as a
 * table, each with the kind of value it takes.
 */
#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "tests/unit/random-config.h"
#include "xen/domxml-residual.h"

enum kind {
    DEFBOOL,
    BOOL,
    INT,            /* 0 to `max`, now and then the largest int */
    SIGNED,         /* -1 to `max`, now and then the smallest int */
    LONG,           /* 0 to `max`, now and then as large as 63 bits hold */
    ENUM,           /* words of `words` */
    ENUMS,          /* a list of them */
    TEXT,           /* any text */
    PATH,           /* usually a path, now and then any text */
    SECRET,
    WORDS,          /* usually one of `words`, now and then any text */
    LIST,           /* texts; `words` as in WORDS */
    BITS,           /* a set below `max` */
    SETS,           /* a list of sets */
    NUMBERS,        /* a list of numbers below `max` */
    UUID,
    MAC,
    STRUCT,         /* `fields` */
    STRUCTS,        /* a list of `fields` */
    DEVID,          /* the index in the list, now and then another */
    KEYS,           /* an object of texts */
    BYTES,          /* `max` numbers below 256 */
};

/* As a maximum: the field holds no more. */
#define BYTE 255

struct field {
    const char *key;
    enum kind kind;
    guint max;
    const char *words;
    const struct field *fields;
};

#define D(key) { key, DEFBOOL, 0, NULL, NULL }
#define B(key) { key, BOOL, 0, NULL, NULL }
#define I(key, max) { key, INT, max, NULL, NULL }
#define N(key, max) { key, SIGNED, max, NULL, NULL }
#define M(key, max) { key, LONG, max, NULL, NULL }
#define E(key, words) { key, ENUM, 0, words, NULL }
#define T(key) { key, TEXT, 0, NULL, NULL }
#define P(key) { key, PATH, 0, NULL, NULL }
#define W(key, words) { key, WORDS, 0, words, NULL }
#define L(key, words) { key, LIST, 0, words, NULL }
#define SET(key, max) { key, BITS, max, NULL, NULL }
#define S(key, fields) { key, STRUCT, 0, NULL, fields }
#define A(key, fields) { key, STRUCTS, 0, NULL, fields }
#define K(key, kind) { key, kind, 0, NULL, NULL }
#define END { NULL, 0, 0, NULL, NULL }

#define BACKEND K("backend_domname", PATH), I("backend_domid", 3)

static const struct field c_info[] = {
    D("hap"), D("oos"), I("ssidref", 100), T("ssid_label"), K("uuid", UUID),
    K("xsdata", KEYS), K("platformdata", KEYS), I("poolid", 5),
    T("pool_name"), D("run_hotplug_scripts"), D("driver_domain"),
    E("passthrough", "default disabled enabled sync_pt share_pt"),
    D("xend_suspend_evtchn_compat"),
    END
};

static const struct field sched_params[] = {
    E("sched", "unknown sedf credit credit2 arinc653 rtds null"),
    N("weight", 70000), N("cap", 800), N("period", 100000),
    N("budget", 100000), N("extratime", 1), N("slice", 100),
    N("latency", 100),
    END
};

static const struct field vnuma_node[] = {
    M("memkb", 400000), { "distances", NUMBERS, 300, NULL, NULL },
    I("pnode", 3), SET("vcpus", 8),
    END
};

static const struct field ioport[] = { I("first", 65535), I("number", 16),
                                       END };
static const struct field iomem[] = { M("start", 1 << 20), I("number", 64),
                                      M("gfn", 1 << 20), END };
static const struct field arch_arm[] = {
    E("gic_version", "default v2 v3"), E("vuart", "unknown sbsa_uart"), END
};
static const struct field arch_x86[] = { D("msr_relaxed"), END };

static const struct field vnc[] = {
    D("enable"), W("listen", "127.0.0.1 0.0.0.0 ::"), K("passwd", SECRET),
    I("display", 70000), D("findunused"),
    END
};
static const struct field sdl[] = { D("enable"), D("opengl"), T("display"),
                                    P("xauthority"), END };
static const struct field spice[] = {
    D("enable"), I("port", 70000), I("tls_port", 70000),
    W("host", "127.0.0.1 0.0.0.0"), D("disable_ticketing"),
    K("passwd", SECRET), D("agent_mouse"), D("vdagent"),
    D("clipboard_sharing"), I("usbredirection", 20),
    W("image_compression", "auto_glz quic off"),
    W("streaming_video", "filter all off"),
    END
};
static const struct field vga[] = { E("kind", "unknown cirrus std none qxl"),
                                    END };
static const struct field rdm[] = { E("strategy", "ignore host"),
                                    E("policy", "strict relaxed"), END };

#define SERIALS "pty null stdio vc file:/var/log/x pipe:/run/p /dev/ttyS1 "  \
                "unix:/run/s,server,nowait tcp:127.0.0.1:1 file: file:a,b"

static const struct field hvm[] = {
    P("firmware"), E("bios", "unknown rombios seabios ovmf"), D("pae"),
    D("apic"), D("acpi"), D("acpi_s3"), D("acpi_s4"),
    D("acpi_laptop_slate"), D("nx"), D("viridian"),
    SET("viridian_enable", 13), SET("viridian_disable", 13), T("timeoffset"),
    D("hpet"), D("vpt_align"), M("mmio_hole_memkb", 4096),
    E("timer_mode", "delay_for_missed_ticks no_delay_for_missed_ticks "
                    "no_missed_ticks_pending one_missed_tick_pending"),
    D("nested_hvm"), D("altp2m"),
    W("system_firmware", "/usr/share/OVMF.fd /usr/lib/xen/boot/hvmloader"),
    P("smbios_firmware"), P("acpi_firmware"), E("hdtype", "ide ahci"),
    D("nographic"), S("vga", vga), S("vnc", vnc), W("keymap", "de fr en-us"),
    S("sdl", sdl), S("spice", spice), D("gfx_passthru"),
    E("gfx_passthru_kind", "default igd"), W("serial", SERIALS),
    W("boot", "c cd dca n ncda cc dcd"), D("usb"), I("usbversion", 4),
    W("usbdevice", "tablet mouse keyboard host:1.2"), D("vkb_device"),
    W("soundhw", "ac97 hda sb16,ac97 none ,"), D("xen_platform_pci"),
    L("usbdevice_list", "tablet mouse keyboard host:1.2"),
    E("vendor_device", "none xenserver"), L("serial_list", SERIALS),
    { "ms_vm_genid", BYTES, 16, NULL, NULL },
    S("rdm", rdm), M("rdm_mem_boundary_memkb", 65536), M("mca_caps", 3),
    END
};

static const struct field pv[] = {
    P("kernel"), M("slack_memkb", 512), P("bootloader"),
    L("bootloader_args", "-q --kernel=/x"), T("cmdline"), P("ramdisk"),
    D("e820_host"),
    END
};
static const struct field pvh[] = { D("pvshim"), P("pvshim_path"),
                                    T("pvshim_cmdline"), T("pvshim_extra"),
                                    END };

static const struct field b_info[] = {
    I("max_vcpus", 140), SET("avail_vcpus", 8), SET("cpumap", 16),
    SET("nodemap", 4), { "vcpu_hard_affinity", SETS, 32, NULL, NULL },
    { "vcpu_soft_affinity", SETS, 32, NULL, NULL }, D("numa_placement"),
    E("tsc_mode", "default always_emulate native native_paravirt"),
    M("max_memkb", 800000), M("target_memkb", 900000),
    M("video_memkb", 65536), M("shadow_memkb", 4096), M("iommu_memkb", 4096),
    I("rtc_timeoffset", G_MAXINT32), I("exec_ssidref", 9),
    T("exec_ssid_label"), D("localtime"), D("disable_migrate"),
    P("blkdev_start"), A("vnuma_nodes", vnuma_node),
    I("max_grant_frames", 128), I("max_maptrack_frames", 2048),
    N("max_grant_version", 2),
    E("device_model_version", "unknown qemu_xen_traditional qemu_xen"),
    D("device_model_stubdomain"), M("stubdomain_memkb", 65536),
    P("stubdomain_kernel"), T("stubdomain_cmdline"), P("stubdomain_ramdisk"),
    P("device_model"), I("device_model_ssidref", 9),
    T("device_model_ssid_label"), T("device_model_user"),
    L("extra", "-a -b=c"), L("extra_pv", "-x"), L("extra_hvm", "-y"),
    S("sched_params", sched_params), A("ioports", ioport),
    { "irqs", NUMBERS, 255, NULL, NULL }, A("iomem", iomem),
    D("claim_mode"), I("event_channels", 4096), P("kernel"), T("cmdline"),
    P("ramdisk"), P("device_tree"), D("acpi"), P("bootloader"),
    L("bootloader_args", "-q --kernel=/x"),
    E("timer_mode", "delay_for_missed_ticks no_delay_for_missed_ticks "
                    "no_missed_ticks_pending one_missed_tick_pending"),
    D("nested_hvm"), D("apic"), D("dm_restrict"), E("tee", "none optee"),
    S("arch_arm", arch_arm), S("arch_x86", arch_x86),
    E("altp2m", "disabled mixed external limited"), I("vmtrace_buf_kb", 64),
    D("vpmu"),
    END
};

static const struct field disk[] = {
    BACKEND, P("pdev_path"),
    W("vdev", "xvda xvdb hda hdc sda sdc xvdaa d5p0 51712 xvdb1"),
    E("backend", "unknown phy tap qdisk standalone"),
    E("format", "unknown qcow qcow2 vhd raw empty qed"), P("script"),
    I("removable", 1), I("readwrite", 1), I("is_cdrom", 1),
    B("direct_io_safe"), D("discard_enable"),
    E("specification", "unknown xen virtio"), E("transport", "unknown mmio"),
    I("irq", 40), M("base", 65536), D("colo_enable"),
    D("colo_restore_enable"), P("colo_host"), I("colo_port", 9999),
    T("colo_export"), P("active_disk"), P("hidden_disk"), D("trusted"),
    END
};

static const struct field nic[] = {
    BACKEND, K("devid", DEVID), I("mtu", 70000),
    W("model", "e1000 rtl8139 netfront xen virtio e1000,romfile=/x"), K("mac", MAC),
    W("ip", "192.0.2.1 192.0.2.1|2001:db8::1 10.0.0.1/24"),
    W("bridge", "xenbr0 br0 ovs.10 ovs:1:2 abcdefghijklmnop"),
    W("ifname", "web0 vif3.1 vif3.1-emu abcdefghijkl abcdefghijklmnop"),
    W("script", "vif-bridge vif-openvswitch /etc/xen/scripts/vif-route"),
    E("nictype", "unknown vif_ioemu vif"),
    M("rate_bytes_per_interval", 1 << 20), I("rate_interval_usecs", 100000),
    P("gatewaydev"), P("coloft_forwarddev"),
    T("colo_sock_mirror_id"), T("colo_sock_mirror_ip"),
    T("colo_sock_mirror_port"), T("colo_sock_compare_pri_in_id"),
    T("colo_sock_compare_pri_in_ip"), T("colo_sock_compare_pri_in_port"),
    T("colo_sock_compare_sec_in_id"), T("colo_sock_compare_sec_in_ip"),
    T("colo_sock_compare_sec_in_port"), T("colo_sock_compare_notify_id"),
    T("colo_sock_compare_notify_ip"), T("colo_sock_compare_notify_port"),
    T("colo_sock_redirector0_id"), T("colo_sock_redirector0_ip"),
    T("colo_sock_redirector0_port"), T("colo_sock_redirector1_id"),
    T("colo_sock_redirector1_ip"), T("colo_sock_redirector1_port"),
    T("colo_sock_redirector2_id"), T("colo_sock_redirector2_ip"),
    T("colo_sock_redirector2_port"), T("colo_filter_mirror_queue"),
    T("colo_filter_mirror_outdev"), T("colo_filter_redirector0_queue"),
    T("colo_filter_redirector0_indev"), T("colo_filter_redirector0_outdev"),
    T("colo_filter_redirector1_queue"), T("colo_filter_redirector1_indev"),
    T("colo_filter_redirector1_outdev"), T("colo_compare_pri_in"),
    T("colo_compare_sec_in"), T("colo_compare_out"),
    T("colo_compare_notify_dev"), T("colo_sock_sec_redirector0_id"),
    T("colo_sock_sec_redirector0_ip"), T("colo_sock_sec_redirector0_port"),
    T("colo_sock_sec_redirector1_id"), T("colo_sock_sec_redirector1_ip"),
    T("colo_sock_sec_redirector1_port"),
    T("colo_filter_sec_redirector0_queue"),
    T("colo_filter_sec_redirector0_indev"),
    T("colo_filter_sec_redirector0_outdev"),
    T("colo_filter_sec_redirector1_queue"),
    T("colo_filter_sec_redirector1_indev"),
    T("colo_filter_sec_redirector1_outdev"),
    T("colo_filter_sec_rewriter0_queue"),
    T("colo_checkpoint_host"), T("colo_checkpoint_port"), D("trusted"),
    END
};

static const struct field pcidev[] = {
    I("func", BYTE), I("dev", BYTE), I("bus", BYTE), I("domain", 70000),
    I("vdevfn", BYTE), I("vfunc_mask", BYTE), B("msitranslate"),
    B("power_mgmt"), B("permissive"), B("seize"),
    E("rdm_policy", "strict relaxed"), P("name"),
    END
};

static const struct field rdm_region[] = { M("start", 65536), M("size", 99),
                                           E("policy", "strict relaxed"),
                                           END };
static const struct field dtdev[] = { P("path"), END };
static const struct field vfb[] = { BACKEND, K("devid", DEVID),
                                    S("vnc", vnc), S("sdl", sdl),
                                    W("keymap", "de fr"), END };
static const struct field vkb[] = {
    BACKEND, K("devid", DEVID), E("backend_type", "unknown qemu linux"),
    T("unique_id"), B("feature_disable_keyboard"),
    B("feature_disable_pointer"), B("feature_abs_pointer"),
    B("feature_raw_pointer"), B("feature_multi_touch"), I("width", 4000),
    I("height", 4000), I("multi_touch_width", 4000),
    I("multi_touch_height", 4000), I("multi_touch_num_contacts", 20),
    END
};
static const struct field vtpm[] = { BACKEND, K("devid", DEVID),
                                     K("uuid", UUID), END };
static const struct field p9[] = { BACKEND, T("tag"), P("path"),
                                   T("security_model"), K("devid", DEVID),
                                   END };
static const struct field pvcallsif[] = { BACKEND, K("devid", DEVID), END };
static const struct field connector[] = { T("unique_id"), I("width", 4000),
                                          I("height", 4000), END };
static const struct field vdispl[] = { BACKEND, K("devid", DEVID),
                                       B("be_alloc"),
                                       A("connectors", connector), END };
static const struct field vsnd_params[] = {
    { "sample_rates", NUMBERS, 192000, NULL, NULL },
    { "sample_formats", ENUMS, 0, "s8 u8 s16_le s24_be f64_be mu_law gsm",
      NULL },
    I("channels_min", 8), I("channels_max", 8), I("buffer_size", 65536),
    END
};
static const struct field vsnd_stream[] = {
    T("unique_id"), E("type", "p c"), S("params", vsnd_params), END
};
static const struct field vsnd_pcm[] = {
    T("name"), S("params", vsnd_params), A("streams", vsnd_stream), END
};
static const struct field vsnd[] = {
    BACKEND, K("devid", DEVID), T("short_name"), T("long_name"),
    S("params", vsnd_params), A("pcms", vsnd_pcm), END
};
static const struct field chan_pty[] = { END };
static const struct field chan_socket[] = { P("path"), END };
static const struct field channel_pty[] = {
    BACKEND, K("devid", DEVID), T("name"), S("connection.pty", chan_pty), END
};
static const struct field channel_socket[] = {
    BACKEND, K("devid", DEVID), T("name"),
    S("connection.socket", chan_socket), END
};
static const struct field usbctrl[] = {
    E("type", "auto pv devicemodel qusb"), K("devid", DEVID),
    I("version", 3), I("ports", 40), BACKEND,
    END
};
static const struct field hostdev[] = { I("hostbus", BYTE),
                                        I("hostaddr", BYTE), END };
static const struct field usbdev[] = { N("ctrl", 3), I("port", 8),
                                       S("type.hostdev", hostdev), END };

#define ACTIONS "destroy restart restart_rename preserve coredump_destroy "   \
                "coredump_restart soft_reset"

static const struct field root[] = {
    A("disks", disk), A("nics", nic), A("pcidevs", pcidev),
    A("rdms", rdm_region), A("dtdevs", dtdev), A("vfbs", vfb),
    A("vkbs", vkb), A("vtpms", vtpm), A("p9s", p9),
    A("pvcallsifs", pvcallsif), A("vdispls", vdispl), A("vsnds", vsnd),
    A("channels", channel_pty), A("usbctrls", usbctrl),
    A("usbdevs", usbdev), E("on_poweroff", ACTIONS),
    E("on_reboot", ACTIONS), E("on_watchdog", ACTIONS),
    E("on_crash", ACTIONS), E("on_soft_reset", ACTIONS),
    END
};

/* -- values ---------------------------------------------------------------- */

static gboolean
chance(GRand *dice, guint percent)
{
    return g_rand_int_range(dice, 0, 100) < (gint)percent;
}

static char *
any_text(GRand *dice)
{
    static const char *const texts[] = {
        "", " ", "a", "x y", " lead and trail ", "a\nb", "tab\there",
        "<&>\"'", "]]>", "gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x90\xa7", "~0/~1",
        "\x01\x1f", "\r\n", "vdev=xvda", "%s%n", "\xef\xbf\xbe", "--",
        "-->", "{\"at\":1}", "\xc2\x85",
    };

    return g_strdup(texts[g_rand_int_range(dice, 0, G_N_ELEMENTS(texts))]);
}

static char *
any_word(GRand *dice, const char *words)
{
    g_auto(GStrv) list = g_strsplit(words, " ", -1);
    char *word =
        g_strdup(list[g_rand_int_range(dice, 0, g_strv_length(list))]);

    return g_strdelimit(word, "|", ' ');
}

static char *
any_path(GRand *dice)
{
    static const char *const paths[] = { "/srv/x.img", "/dev/vg/y",
                                         "relative", "/a b/c" };

    return g_strdup(paths[g_rand_int_range(dice, 0, G_N_ELEMENTS(paths))]);
}

static char *
text_of(GRand *dice, const struct field *field)
{
    if (field->kind == SECRET)
        return g_strdup_printf("%s%u", XF_RANDOM_SECRET, g_rand_int(dice));
    if (field->kind == ENUM || field->kind == ENUMS)
        return any_word(dice, field->words);
    if (field->kind == TEXT || chance(dice, 20))
        return any_text(dice);
    return field->words ? any_word(dice, field->words) : any_path(dice);
}

/* Of a value: where it goes, and what surrounds it. */
struct out {
    JsonBuilder *json;
    GRand *dice;
    guint percent;              /* how many fields are filled */
    guint index;                /* in the list of structs */
};

static void add_fields(const struct out *out, const struct field *fields);

static void
add_defbool(const struct out *out, const struct field *field)
{
    json_builder_add_string_value(out->json, chance(out->dice, 50)
                                             ? "True" : "False");
}

static void
add_bool(const struct out *out, const struct field *field)
{
    json_builder_add_boolean_value(out->json, chance(out->dice, 50));
}

static void
add_int(const struct out *out, const struct field *field)
{
    json_builder_add_int_value(
        out->json, field->max != BYTE && chance(out->dice, 3) ? G_MAXINT
        : (gint64)g_rand_double_range(out->dice, 0, field->max + 1.0));
}

static void
add_signed(const struct out *out, const struct field *field)
{
    json_builder_add_int_value(out->json, chance(out->dice, 3) ? G_MININT
                               : g_rand_int_range(out->dice, -1, field->max));
}

static void
add_long(const struct out *out, const struct field *field)
{
    if (chance(out->dice, 10))
        json_builder_add_int_value(
            out->json, G_MAXINT64 >> g_rand_int_range(out->dice, 0, 32));
    else
        add_int(out, field);
}

static void
add_bytes(const struct out *out, const struct field *field)
{
    json_builder_begin_array(out->json);
    for (guint i = 0; i < field->max; i++)
        json_builder_add_int_value(out->json,
                                   g_rand_int_range(out->dice, 0, 256));
    json_builder_end_array(out->json);
}

static void
add_devid(const struct out *out, const struct field *field)
{
    json_builder_add_int_value(out->json, chance(out->dice, 80) ? out->index
                               : (guint)g_rand_int_range(out->dice, 0, 9));
}

static void
add_bits(const struct out *out, const struct field *field)
{
    json_builder_begin_array(out->json);
    for (guint i = 0; i < field->max; i++)
        if (chance(out->dice, 40))
            json_builder_add_int_value(out->json, i);
    json_builder_end_array(out->json);
}

static void
add_sets(const struct out *out, const struct field *field)
{
    guint count = g_rand_int_range(out->dice, 0, 4);

    json_builder_begin_array(out->json);
    while (count--)
        add_bits(out, field);
    json_builder_end_array(out->json);
}

static void
add_numbers(const struct out *out, const struct field *field)
{
    guint count = g_rand_int_range(out->dice, 0, 4);

    json_builder_begin_array(out->json);
    while (count--)
        json_builder_add_int_value(
            out->json, g_rand_int_range(out->dice, 0, field->max));
    json_builder_end_array(out->json);
}

static void
add_uuid(const struct out *out, const struct field *field)
{
    GRand *dice = out->dice;
    g_autofree char *text = g_strdup_printf(
        "%08x-%04x-%04x-%04x-%08x%04x", g_rand_int(dice),
        g_rand_int(dice) & 0xffff, g_rand_int(dice) & 0xffff,
        g_rand_int(dice) & 0xffff, g_rand_int(dice),
        g_rand_int(dice) & 0xffff);

    json_builder_add_string_value(out->json, text);
}

static void
add_mac(const struct out *out, const struct field *field)
{
    g_autofree char *text = g_strdup_printf(
        "%02x:16:3e:00:00:%02x", chance(out->dice, 10) ? 1 : 0,
        g_rand_int_range(out->dice, 0, 3));

    json_builder_add_string_value(out->json, text);
}

static void
add_text(const struct out *out, const struct field *field)
{
    g_autofree char *text = text_of(out->dice, field);

    json_builder_add_string_value(out->json, text);
}

static void
add_list(const struct out *out, const struct field *field)
{
    guint count = g_rand_int_range(out->dice, 0, 4);

    json_builder_begin_array(out->json);
    while (count--)
        add_text(out, field);
    json_builder_end_array(out->json);
}

static void
add_struct(const struct out *out, const struct field *field)
{
    json_builder_begin_object(out->json);
    add_fields(out, field->fields);
    json_builder_end_object(out->json);
}

static void
add_structs(const struct out *out, const struct field *field)
{
    guint count = g_rand_int_range(out->dice, 0, 4);

    json_builder_begin_array(out->json);
    for (guint i = 0; i < count; i++) {
        struct out element = *out;

        element.index = i;
        json_builder_begin_object(out->json);
        add_fields(&element,
                   field->fields == channel_pty && chance(out->dice, 50)
                   ? channel_socket : field->fields);
        json_builder_end_object(out->json);
    }
    json_builder_end_array(out->json);
}

static void
add_keys(const struct out *out, const struct field *field)
{
    g_autofree char *text = any_text(out->dice);

    json_builder_begin_object(out->json);
    json_builder_set_member_name(out->json, "some/key");
    json_builder_add_string_value(out->json, text);
    json_builder_end_object(out->json);
}

static void (*const adders[])(const struct out *out,
                              const struct field *field) = {
    [DEFBOOL] = add_defbool, [BOOL] = add_bool,       [INT] = add_int,
    [SIGNED] = add_signed,   [ENUM] = add_text,       [TEXT] = add_text,
    [PATH] = add_text,       [SECRET] = add_text,     [WORDS] = add_text,
    [LIST] = add_list,       [BITS] = add_bits,       [SETS] = add_sets,
    [NUMBERS] = add_numbers, [UUID] = add_uuid,       [MAC] = add_mac,
    [STRUCT] = add_struct,   [STRUCTS] = add_structs, [DEVID] = add_devid,
    [KEYS] = add_keys,       [LONG] = add_long,       [ENUMS] = add_list,
    [BYTES] = add_bytes,
};

/* Unions are always there, other fields now and then. */
static void
add_fields(const struct out *out, const struct field *fields)
{
    for (; fields->key; fields++) {
        if (!strchr(fields->key, '.') && !chance(out->dice, out->percent))
            continue;
        json_builder_set_member_name(out->json, fields->key);
        adders[fields->kind](out, fields);
    }
}

static void
add_text_member(JsonBuilder *json, const char *key, const char *value)
{
    json_builder_set_member_name(json, key);
    json_builder_add_string_value(json, value);
}

static void
begin_member(JsonBuilder *json, const char *key)
{
    json_builder_set_member_name(json, key);
    json_builder_begin_object(json);
}

char *
xf_random_config(GRand *dice)
{
    static const struct {
        const char *type, *key;
        const struct field *fields;
    } types[] = {
        { "hvm", "type.hvm", hvm }, { "pv", "type.pv", pv },
        { "pvh", "type.pvh", pvh },
    };
    guint type = g_rand_int_range(dice, 0, G_N_ELEMENTS(types));
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autoptr(JsonNode) node = NULL;
    struct out out = { json, dice, g_rand_int_range(dice, 2, 90), 0 };

    json_builder_begin_object(json);
    begin_member(json, "c_info");
    add_text_member(json, "type", types[type].type);
    add_text_member(json, "name", chance(dice, 90) ? "guest" : " a <guest> ");
    add_fields(&out, c_info);
    json_builder_end_object(json);
    begin_member(json, "b_info");
    add_fields(&out, b_info);
    begin_member(json, types[type].key);
    add_fields(&out, types[type].fields);
    json_builder_end_object(json);
    json_builder_end_object(json);
    add_fields(&out, root);
    json_builder_end_object(json);
    node = json_builder_get_root(json);
    return xf_residual_text(node);
}
