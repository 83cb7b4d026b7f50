/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl configuration to domain XML.  The document is written, read back, and
 * what reading back does not give is added as the residual.
 */
#include "config.h"

#include <string.h>

#include "protocol/driver.h"
#include "protocol/types.h"
#include "xen/domxml-format.h"
#include "xen/domxml-private.h"
#include "xen/domxml-residual.h"

/* libxl's own defaults, for a reader who knows XML only */
#define DEFAULT_MEMORY_KIB (32 * 1024)
#define MEMORY_MAX_KIB (G_GUINT64_CONSTANT(1) << 42)

/* -- building -------------------------------------------------------------- */

gboolean
xf_out_fits(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL))
        return FALSE;
    for (; *text; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);

        if ((c < 0x20 && c != '\t' && c != '\n') || c == 0xfffe
            || c == 0xffff)
            return FALSE;
    }
    return TRUE;
}

gboolean
xf_out_has(const char *text)
{
    return text && text[strspn(text, " \t\r\n")] && xf_out_fits(text);
}

xmlNode *
xf_out_element(xmlNode *parent, const char *name)
{
    return xmlNewChild(parent, NULL, BAD_CAST name, NULL);
}

xmlNode *
xf_out_text(xmlNode *parent, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return xmlNewTextChild(parent, NULL, BAD_CAST name, BAD_CAST text);
}

void
xf_out_attr(xmlNode *node, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    xmlNewProp(node, BAD_CAST name, BAD_CAST text);
}

xmlNode *
xf_out_with(xmlNode *parent, const char *name, const char *attr,
            const char *value)
{
    xmlNode *node = xf_out_element(parent, name);

    xmlNewProp(node, BAD_CAST attr, BAD_CAST value);
    return node;
}

static void
drop_if_empty(xmlNode *node)
{
    if (node->children)
        return;
    xmlUnlinkNode(node);
    xmlFreeNode(node);
}

char *
xf_out_set(const libxl_bitmap *map)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int bits = map->size * 8;

    for (int i = 0; i < bits; i++) {
        int first = i;

        if (!libxl_bitmap_test(map, i))
            continue;
        while (i + 1 < bits && libxl_bitmap_test(map, i + 1))
            i++;
        if (i >= XF_XML_SET_BITS)
            return NULL;
        g_string_append_printf(text, text->len ? ",%d" : "%d", first);
        if (i > first)
            g_string_append_printf(text, "-%d", i);
    }
    return text->len ? g_strdup(text->str) : NULL;
}

/* -- who, how much --------------------------------------------------------- */

static void
write_identity(const struct xf_xml_out *out, xmlNode *domain)
{
    char uuid[XF_UUID_STRING_LEN + 1];
    const libxl_domain_create_info *c = &out->config->c_info;

    xf_out_text(domain, "name", "%s", c->name);
    xf_out_text(domain, "uuid", "%s", xf_uuid_format(c->uuid.uuid, uuid));
}

static void
write_kib(xmlNode *domain, const char *name, guint64 kib)
{
    xf_out_attr(xf_out_text(domain, name, "%" G_GUINT64_FORMAT, kib), "unit",
                "KiB");
}

static void
write_memory(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    guint64 max = b->max_memkb, target = b->target_memkb;

    if (max == 0 || max > MEMORY_MAX_KIB)
        max = DEFAULT_MEMORY_KIB;
    if (target == 0 || target > max)
        target = max;
    write_kib(domain, "memory", max);
    write_kib(domain, "currentMemory", target);
}

static guint
max_vcpus(const libxl_domain_build_info *b)
{
    return CLAMP(b->max_vcpus, 1, XF_XML_SET_BITS);
}

/* How many of the first vcpus are online; 0 when it is not the first ones. */
static guint
first_online(const libxl_domain_build_info *b)
{
    guint count = 0, max = max_vcpus(b);

    if (!b->avail_vcpus.size)
        return 1;               /* as libxl does */
    while (count < max && libxl_bitmap_test(&b->avail_vcpus, count))
        count++;
    for (guint i = count; i < max; i++)
        if (libxl_bitmap_test(&b->avail_vcpus, i))
            return 0;
    return count;
}

static void
write_vcpus(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    guint max = max_vcpus(b), count = first_online(b);
    xmlNode *vcpu = xf_out_text(domain, "vcpu", "%u", max), *list;

    xf_out_attr(vcpu, "placement", "static");
    if (count && count < max)
        xf_out_attr(vcpu, "current", "%u", count);
    if (count || !libxl_bitmap_test(&b->avail_vcpus, 0))
        return;
    list = xf_out_element(domain, "vcpus");
    for (guint i = 0; i < max; i++) {
        xmlNode *one = xf_out_element(list, "vcpu");

        xf_out_attr(one, "id", "%u", i);
        xf_out_attr(one, "enabled", "%s",
                    libxl_bitmap_test(&b->avail_vcpus, i) ? "yes" : "no");
        xf_out_attr(one, "hotpluggable", "%s", i ? "yes" : "no");
    }
}

static void
write_cputune(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    xmlNode *cputune = xf_out_element(domain, "cputune");

    if (b->sched_params.weight > 0 && b->sched_params.weight <= G_MAXUINT16)
        xf_out_text(cputune, "shares", "%d", b->sched_params.weight);
    for (int i = 0; i < b->num_vcpu_hard_affinity
                    && i < (int)max_vcpus(b); i++) {
        g_autofree char *set = xf_out_set(&b->vcpu_hard_affinity[i]);
        xmlNode *pin;

        if (!set)
            break;
        pin = xf_out_element(cputune, "vcpupin");
        xf_out_attr(pin, "vcpu", "%d", i);
        xf_out_attr(pin, "cpuset", "%s", set);
    }
    drop_if_empty(cputune);
}

static gboolean
cells_can_be_read(const libxl_domain_build_info *b)
{
    guint64 sum = 0;

    for (int i = 0; i < b->num_vnuma_nodes; i++) {
        const libxl_vnode_info *cell = &b->vnuma_nodes[i];

        sum += cell->memkb;
        if (cell->memkb > MEMORY_MAX_KIB
            || cell->num_distances > b->num_vnuma_nodes)
            return FALSE;
    }
    return b->num_vnuma_nodes && sum == b->max_memkb;
}

static xmlNode *
write_node_of(xmlNode *numatune, const char *name, const char *nodeset)
{
    xmlNode *node = xf_out_with(numatune, name, "mode", "preferred");

    xf_out_attr(node, "nodeset", "%s", nodeset);
    return node;
}

static void
write_numatune(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    g_autofree char *set = xf_out_set(&b->nodemap);
    xmlNode *numatune = xf_out_element(domain, "numatune");

    if (set && !xf_out_bool(b->numa_placement, TRUE))
        write_node_of(numatune, "memory", set);
    for (int i = 0; cells_can_be_read(b) && i < b->num_vnuma_nodes; i++) {
        g_autofree char *pnode =
            g_strdup_printf("%u", b->vnuma_nodes[i].pnode);

        if (b->vnuma_nodes[i].pnode > 0
            && b->vnuma_nodes[i].pnode < XF_XML_SET_BITS)
            xf_out_attr(write_node_of(numatune, "memnode", pnode), "cellid",
                        "%d", i);
    }
    drop_if_empty(numatune);
}

/* -- what it boots --------------------------------------------------------- */

/* The new field, or the one that older writers fill. */
static const char *
either(const char *now, const char *then)
{
    return now ? now : then;
}

static gboolean
words_join(char **words)
{
    for (; words && *words; words++)
        if (!xf_out_has(*words) || strpbrk(*words, " \t\n"))
            return FALSE;
    return TRUE;
}

static const char *
bootloader(const struct xf_xml_out *out)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    return !out->pv ? NULL : either(b->bootloader, b->u.pv.bootloader);
}

static void
write_bootloader(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    char **args = b->bootloader_args;

    if (!out->pv || !xf_out_has(bootloader(out)))
        return;
    if (!args)
        args = b->u.pv.bootloader_args;
    xf_out_text(domain, "bootloader", "%s", bootloader(out));
    if (args && *args && words_join(args)) {
        g_autofree char *text = g_strjoinv(" ", args);

        xf_out_text(domain, "bootloader_args", "%s", text);
    }
}

static void
write_kernel(const struct xf_xml_out *out, xmlNode *os)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    const char *kernel = b->kernel, *initrd = b->ramdisk;
    const char *cmdline = b->cmdline;

    if (out->pv) {
        kernel = either(kernel, b->u.pv.kernel);
        initrd = either(initrd, b->u.pv.ramdisk);
        cmdline = either(cmdline, b->u.pv.cmdline);
    }
    if (xf_out_has(kernel) && !xf_out_has(bootloader(out)))
        xf_out_text(os, "kernel", "%s", kernel);
    if (xf_out_has(initrd))
        xf_out_text(os, "initrd", "%s", initrd);
    if (cmdline && xf_out_fits(cmdline))
        xf_out_text(os, "cmdline", "%s", cmdline);
    if (xf_out_has(b->device_tree))
        xf_out_text(os, "dtb", "%s", b->device_tree);
}

static void
write_firmware(const struct xf_xml_out *out, xmlNode *os)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    xmlNode *loader;

    if (!out->hvm)
        return;
    if (xf_out_has(b->u.hvm.system_firmware)
        && !g_str_has_suffix(b->u.hvm.system_firmware, "hvmloader")) {
        loader = xf_out_text(os, "loader", "%s", b->u.hvm.system_firmware);
        xf_out_attr(loader, "readonly", "yes");
        xf_out_attr(loader, "type", "%s",
                    b->u.hvm.bios == LIBXL_BIOS_TYPE_OVMF ? "pflash" : "rom");
    } else if (b->u.hvm.bios == LIBXL_BIOS_TYPE_OVMF) {
        xf_out_attr(os, "firmware", "efi");
    }
    if (xf_out_has(b->u.hvm.acpi_firmware))
        xf_out_attr(xf_out_text(xf_out_element(os, "acpi"), "table", "%s",
                                b->u.hvm.acpi_firmware), "type", "slic");
}

static void
write_boot_order(const struct xf_xml_out *out, xmlNode *os)
{
    static const char *const names['n' + 1] = {
        ['a'] = "fd", ['c'] = "hd", ['d'] = "cdrom", ['n'] = "network"
    };
    const char *boot;

    if (!out->hvm)
        return;
    boot = out->config->b_info.u.hvm.boot;
    for (boot = boot ? boot : "cda"; *boot; boot++)
        if (*boot <= 'n' && *boot > 0 && names[(int)*boot])
            xf_out_with(os, "boot", "dev", names[(int)*boot]);
}

static void
write_os(const struct xf_xml_out *out, xmlNode *domain)
{
    static const struct {
        const char *type, *machine;
    } types[] = {
        [LIBXL_DOMAIN_TYPE_HVM] = { "hvm", "xenfv" },
        [LIBXL_DOMAIN_TYPE_PV] = { "linux", "xenpv" },
        [LIBXL_DOMAIN_TYPE_PVH] = { "xenpvh", "xenpvh" },
    };
    libxl_domain_type type = out->config->c_info.type;
    xmlNode *os = xf_out_element(domain, "os");
    xmlNode *node = xf_out_text(os, "type", "%s", types[type].type);

    xf_out_attr(node, "arch", "x86_64");
    xf_out_attr(node, "machine", "%s", types[type].machine);
    write_firmware(out, os);
    write_kernel(out, os);
    write_boot_order(out, os);
}

/* -- features -------------------------------------------------------------- */

static void
write_state(xmlNode *parent, const char *name, libxl_defbool value)
{
    if (!libxl_defbool_is_default(value))
        xf_out_with(parent, name, "state",
                    libxl_defbool_val(value) ? "on" : "off");
}

static void
write_passthrough(const struct xf_xml_out *out, xmlNode *xen)
{
    libxl_passthrough mode = out->config->c_info.passthrough;
    xmlNode *node;

    if (mode == LIBXL_PASSTHROUGH_DEFAULT)
        return;
    node = xf_out_with(xen, "passthrough", "state",
                       mode == LIBXL_PASSTHROUGH_DISABLED ? "off" : "on");
    if (mode == LIBXL_PASSTHROUGH_SYNC_PT)
        xf_out_attr(node, "mode", "sync_pt");
    if (mode == LIBXL_PASSTHROUGH_SHARE_PT)
        xf_out_attr(node, "mode", "share_pt");
}

static void
write_xen_features(const struct xf_xml_out *out, xmlNode *features)
{
    xmlNode *xen = xf_out_element(features, "xen");

    if (out->pv)
        write_state(xen, "e820_host", out->config->b_info.u.pv.e820_host);
    write_passthrough(out, xen);
    drop_if_empty(xen);
}

static gboolean
is_true(libxl_defbool value)
{
    return xf_out_bool(value, FALSE);
}

/* HVM: what is not said is on, as libxl has it.  PVH: what is said. */
static void
write_cpu_features(const struct xf_xml_out *out, xmlNode *features)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    if (out->pv)
        return;
    if (out->hvm ? xf_out_bool(b->acpi, xf_out_bool(b->u.hvm.acpi, TRUE))
                 : is_true(b->acpi))
        xf_out_element(features, "acpi");
    if (out->hvm ? xf_out_bool(b->apic, xf_out_bool(b->u.hvm.apic, TRUE))
                 : is_true(b->apic))
        xf_out_element(features, "apic");
    if (out->hvm && xf_out_bool(b->u.hvm.pae, TRUE))
        xf_out_element(features, "pae");
    write_state(features, "hap", out->config->c_info.hap);
}

static void
write_hyperv(const struct xf_xml_out *out, xmlNode *features)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    xmlNode *hyperv = NULL;
    const char *element;
    int on;

    if (!out->hvm)
        return;
    if (is_true(b->u.hvm.viridian))
        xf_out_element(features, "viridian");
    for (guint i = 0; xf_xml_enlightenment(b, i, &element, &on); i++) {
        if (on < 0)
            continue;
        if (!hyperv)
            hyperv = xf_out_with(features, "hyperv", "mode", "custom");
        xf_out_with(hyperv, element, "state", on ? "on" : "off");
    }
}

static void
write_features(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    xmlNode *features = xf_out_element(domain, "features");

    write_cpu_features(out, features);
    write_hyperv(out, features);
    write_xen_features(out, features);
    if (!libxl_defbool_is_default(b->arch_x86.msr_relaxed))
        xf_out_with(features, "msrs", "unknown",
                    is_true(b->arch_x86.msr_relaxed) ? "ignore" : "fault");
    write_state(features, "pmu", b->vpmu);
}

/* -- cpu ------------------------------------------------------------------- */

static void
write_cell(xmlNode *numa, const libxl_vnode_info *cell, int id)
{
    g_autofree char *cpus = xf_out_set(&cell->vcpus);
    xmlNode *node = xf_out_element(numa, "cell"), *distances;

    xf_out_attr(node, "id", "%d", id);
    if (cpus)
        xf_out_attr(node, "cpus", "%s", cpus);
    xf_out_attr(node, "memory", "%" G_GUINT64_FORMAT, cell->memkb);
    xf_out_attr(node, "unit", "KiB");
    distances = xf_out_element(node, "distances");
    for (int i = 0; i < cell->num_distances; i++) {
        xmlNode *sibling;

        if (cell->distances[i] > G_MAXUINT8)
            continue;
        sibling = xf_out_element(distances, "sibling");
        xf_out_attr(sibling, "id", "%d", i);
        xf_out_attr(sibling, "value", "%u", cell->distances[i]);
    }
}

static libxl_defbool
nested(const struct xf_xml_out *out)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    if (out->hvm && libxl_defbool_is_default(b->nested_hvm))
        return b->u.hvm.nested_hvm;
    return b->nested_hvm;
}

static void
write_nested(const struct xf_xml_out *out, xmlNode *cpu)
{
    static const char *const names[] = { "vmx", "svm" };

    if (out->pv || libxl_defbool_is_default(nested(out)))
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        xmlNode *feature = xf_out_element(cpu, "feature");

        xf_out_attr(feature, "policy", "%s",
                    is_true(nested(out)) ? "require" : "disable");
        xf_out_attr(feature, "name", "%s", names[i]);
    }
}

static void
write_cpu(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    xmlNode *cpu = xf_out_with(domain, "cpu", "mode", "host-passthrough");

    write_nested(out, cpu);
    xf_out_cpuid(out, cpu);
    if (cells_can_be_read(b)) {
        xmlNode *numa = xf_out_element(cpu, "numa");

        for (int i = 0; i < b->num_vnuma_nodes; i++)
            write_cell(numa, &b->vnuma_nodes[i], i);
    }
    drop_if_empty(cpu);
}

/* -- clock, ends, pm ------------------------------------------------------- */

static void
write_timers(const struct xf_xml_out *out, xmlNode *clock)
{
    static const char *const modes[] = {
        [LIBXL_TSC_MODE_ALWAYS_EMULATE] = "emulate",
        [LIBXL_TSC_MODE_NATIVE] = "native",
        [LIBXL_TSC_MODE_NATIVE_PARAVIRT] = "paravirt",
    };
    const libxl_domain_build_info *b = &out->config->b_info;
    guint mode = b->tsc_mode;
    int reference;

    if (mode > 0 && mode < G_N_ELEMENTS(modes))
        xf_out_attr(xf_out_with(clock, "timer", "name", "tsc"), "mode", "%s",
                    modes[mode]);
    if (!out->hvm)
        return;
    if (!libxl_defbool_is_default(b->u.hvm.hpet))
        xf_out_attr(xf_out_with(clock, "timer", "name", "hpet"), "present",
                    "%s", is_true(b->u.hvm.hpet) ? "yes" : "no");
    reference = xf_xml_reference_clock(b);
    if (reference >= 0)
        xf_out_attr(xf_out_with(clock, "timer", "name", "hypervclock"),
                    "present", "%s", reference ? "yes" : "no");
}

static void
write_clock(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    gboolean local = is_true(b->localtime);
    xmlNode *clock = xf_out_element(domain, "clock");

    if (b->rtc_timeoffset == 0) {
        xf_out_attr(clock, "offset", "%s", local ? "localtime" : "utc");
        xf_out_attr(clock, "adjustment", "reset");
    } else {
        xf_out_attr(clock, "offset", "variable");
        xf_out_attr(clock, "adjustment", "%d", (int)b->rtc_timeoffset);
        xf_out_attr(clock, "basis", "%s", local ? "localtime" : "utc");
    }
    write_timers(out, clock);
}

static void
write_action(xmlNode *domain, const char *name,
             libxl_action_on_shutdown action)
{
    static const char *const words[] = {
        [LIBXL_ACTION_ON_SHUTDOWN_DESTROY] = "destroy",
        [LIBXL_ACTION_ON_SHUTDOWN_RESTART] = "restart",
        [LIBXL_ACTION_ON_SHUTDOWN_RESTART_RENAME] = "rename-restart",
        [LIBXL_ACTION_ON_SHUTDOWN_PRESERVE] = "preserve",
        [LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY] = "coredump-destroy",
        [LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART] = "coredump-restart",
    };

    if ((guint)action < G_N_ELEMENTS(words) && words[action])
        xf_out_text(domain, name, "%s", words[action]);
}

static void
write_actions(const struct xf_xml_out *out, xmlNode *domain)
{
    write_action(domain, "on_poweroff", out->config->on_poweroff);
    write_action(domain, "on_reboot", out->config->on_reboot);
    write_action(domain, "on_crash", out->config->on_crash);
}

static void
write_pm(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    xmlNode *pm;

    if (!out->hvm || (libxl_defbool_is_default(b->u.hvm.acpi_s3)
                      && libxl_defbool_is_default(b->u.hvm.acpi_s4)))
        return;
    pm = xf_out_element(domain, "pm");
    if (!libxl_defbool_is_default(b->u.hvm.acpi_s3))
        xf_out_with(pm, "suspend-to-mem", "enabled",
                    is_true(b->u.hvm.acpi_s3) ? "yes" : "no");
    if (!libxl_defbool_is_default(b->u.hvm.acpi_s4))
        xf_out_with(pm, "suspend-to-disk", "enabled",
                    is_true(b->u.hvm.acpi_s4) ? "yes" : "no");
}

static void
write_seclabel(const struct xf_xml_out *out, xmlNode *domain)
{
    const char *label = out->config->c_info.ssid_label;
    xmlNode *node;

    if (!xf_out_has(label))
        return;
    node = xf_out_with(domain, "seclabel", "type", "static");
    xf_out_attr(node, "model", "flask");
    xf_out_attr(node, "relabel", "no");
    xf_out_text(node, "label", "%s", label);
}

static void
write_commandline(const struct xf_xml_out *out, xmlNode *domain)
{
    char **extra = out->config->b_info.extra;
    xmlNs *ns;
    xmlNode *list;

    for (char **arg = extra; arg && *arg; arg++)
        if (!xf_out_fits(*arg))
            return;
    if (!extra || !*extra)
        return;
    ns = xmlNewNs(domain, BAD_CAST XF_XML_COMMANDLINE_NS, BAD_CAST "xen");
    list = xmlNewChild(domain, ns, BAD_CAST "commandline", NULL);
    for (; *extra; extra++)
        xf_out_attr(xmlNewChild(list, ns, BAD_CAST "arg", NULL), "value",
                    "%s", *extra);
}

/* -- the document ---------------------------------------------------------- */

static void (*const writers[])(const struct xf_xml_out *out,
                               xmlNode *domain) = {
    write_identity, write_memory,   write_vcpus,    write_cputune,
    write_numatune, write_bootloader, write_os,     write_features,
    write_cpu,      write_clock,    write_actions,  write_pm,
    xf_out_devices, write_seclabel, write_commandline,
};

static xmlDoc *
write_document(const struct xf_xml_out *out, int domid)
{
    xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");
    xmlNode *domain = xmlNewNode(NULL, BAD_CAST "domain");

    xmlDocSetRootElement(doc, domain);
    xf_out_attr(domain, "type", "xen");
    if (domid >= 0)
        xf_out_attr(domain, "id", "%d", domid);
    for (gsize i = 0; i < G_N_ELEMENTS(writers); i++)
        writers[i](out, domain);
    return doc;
}

static char *
document_text(xmlDoc *doc)
{
    xmlBuffer *buffer = xmlBufferCreate();
    char *text;

    xmlNodeDump(buffer, doc, xmlDocGetRootElement(doc), 0, 1);
    text = g_strconcat((const char *)xmlBufferContent(buffer), "\n", NULL);
    xmlBufferFree(buffer);
    return text;
}

/* After <uuid>, where libvirt has <metadata>. */
static void
add_residual(xmlDoc *doc, const char *text)
{
    xmlNode *uuid = xmlDocGetRootElement(doc)->children;
    xmlNode *metadata = xmlNewNode(NULL, BAD_CAST "metadata"), *node;
    xmlNs *ns;

    while (!xmlStrEqual(uuid->name, BAD_CAST "uuid"))
        uuid = uuid->next;
    xmlAddNextSibling(uuid, metadata);
    node = xmlNewTextChild(metadata, NULL, BAD_CAST XF_RESIDUAL_ELEMENT,
                           BAD_CAST text);
    ns = xmlNewNs(node, BAD_CAST XF_DOMXML_NS, BAD_CAST XF_DOMXML_NS_PREFIX);
    xmlSetNs(node, ns);
}

/* Passwords are found by their key, wherever libxl has one. */
static void
strip_secrets(JsonNode *node)
{
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);

        for (guint i = 0; i < json_array_get_length(array); i++)
            strip_secrets(json_array_get_element(array, i));
    } else if (JSON_NODE_HOLDS_OBJECT(node)) {
        JsonObject *object = json_node_get_object(node);
        g_autoptr(GList) values = NULL;

        if (json_object_has_member(object, "passwd"))
            json_object_remove_member(object, "passwd");
        values = json_object_get_values(object);
        for (GList *l = values; l; l = l->next)
            strip_secrets(l->data);
    }
}

/* What the document has to say, as a tree. */
static JsonNode *
target_tree(const struct xf_xml_out *out, GError **err)
{
    JsonNode *tree = xf_residual_tree(out->config, err);
    JsonObject *c_info;

    if (!tree)
        return NULL;
    /* a domid belongs to a host */
    c_info = json_object_get_object_member(json_node_get_object(tree),
                                           "c_info");
    if (json_object_has_member(c_info, "domid"))
        json_object_remove_member(c_info, "domid");
    if (!out->secure)
        strip_secrets(tree);
    return tree;
}

static JsonNode *
tree_of_text(const char *xml, GError **err)
{
    libxl_domain_config config;
    JsonNode *tree;

    if (!xf_domxml_parse(xml, &config, err)) {
        g_prefix_error(err, "what was written cannot be read: ");
        return NULL;
    }
    tree = xf_residual_tree(&config, err);
    libxl_domain_config_dispose(&config);
    return tree;
}

/* What reading `xml` back does not give; *residual NULL: nothing. */
static gboolean
find_residual(const struct xf_xml_out *out, const char *xml, char **residual,
              GError **err)
{
    g_autoptr(JsonNode) target = target_tree(out, err);
    g_autoptr(JsonNode) base = target ? tree_of_text(xml, err) : NULL;
    g_autofree char *text = NULL;

    if (!base)
        return FALSE;
    text = xf_residual_make(base, target);
    if (text && !json_node_equal(base, target)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INTERNAL,
                    "domain '%s': its XML would not say all that its "
                    "configuration does", out->config->c_info.name);
        return FALSE;
    }
    *residual = g_steal_pointer(&text);
    return TRUE;
}

static gboolean
check_config(const libxl_domain_config *config, GError **err)
{
    const char *name = config->c_info.name;

    if (!name || !*name || !xf_out_fits(name)) {
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "the domain's configuration has no name that XML can "
                    "hold");
        return FALSE;
    }
    if (config->c_info.type < LIBXL_DOMAIN_TYPE_HVM
        || config->c_info.type > LIBXL_DOMAIN_TYPE_PVH) {
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "domain '%s': its configuration has no guest type", name);
        return FALSE;
    }
    return TRUE;
}

char *
xf_domxml_format(const libxl_domain_config *config, int domid, guint flags,
                 GError **err)
{
    struct xf_xml_out out = {
        .config = config,
        .secure = (flags & XF_XML_SECURE) != 0,
        .hvm = config->c_info.type == LIBXL_DOMAIN_TYPE_HVM,
        .pv = config->c_info.type == LIBXL_DOMAIN_TYPE_PV,
    };
    g_autofree char *text = NULL;
    g_autofree char *residual = NULL;

    if (!check_config(config, err))
        return NULL;

    XF_AUTO_XMLDOC xmlDoc *doc =
        write_document(&out, flags & XF_XML_INACTIVE ? -1 : domid);

    text = document_text(doc);
    if (!find_residual(&out, text, &residual, err))
        return NULL;
    if (!residual)
        return g_steal_pointer(&text);
    add_residual(doc, residual);
    return document_text(doc);
}
