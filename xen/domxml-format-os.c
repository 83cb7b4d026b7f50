/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxl configuration to domain XML: <os>, <features>, <clock>, <pm>. */
#include "config.h"

#include <string.h>

#include "xen/domxml-format.h"
#include "xen/domxml-private.h"

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

    if (out->hvm)
        return NULL;
    if (out->pv)
        return either(b->bootloader, b->u.pv.bootloader);
    /* with nothing to boot it would not be read; the residual takes it out */
    return xf_out_has(b->kernel) || xf_out_has(b->bootloader) ? b->bootloader
                                                              : "pygrub";
}

void
xf_out_bootloader(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    char **args = b->bootloader_args;

    if (!xf_out_has(bootloader(out)))
        return;
    if (!args && out->pv)
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

/* Of an HVM guest; what is not said is on. */
static gboolean
has_acpi(const libxl_domain_build_info *b)
{
    return xf_out_bool(b->acpi, xf_out_bool(b->u.hvm.acpi, TRUE));
}

static void
write_firmware(const struct xf_xml_out *out, xmlNode *os)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    /* the old one takes none, and so it is read */
    gboolean takes = !xf_xml_is_old_model(b->device_model);
    xmlNode *loader;

    if (!out->hvm)
        return;
    if (takes && xf_out_has(b->u.hvm.system_firmware)
        && !g_str_has_suffix(b->u.hvm.system_firmware, "hvmloader")) {
        loader = xf_out_text(os, "loader", "%s", b->u.hvm.system_firmware);
        xf_out_attr(loader, "readonly", "yes");
        xf_out_attr(loader, "type", "%s",
                    b->u.hvm.bios == LIBXL_BIOS_TYPE_OVMF ? "pflash" : "rom");
    } else if (takes && b->u.hvm.bios == LIBXL_BIOS_TYPE_OVMF) {
        xf_out_attr(os, "firmware", "efi");
    }
    if (xf_out_has(b->u.hvm.acpi_firmware) && has_acpi(b))
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

void
xf_out_os(const struct xf_xml_out *out, xmlNode *domain)
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
    if (mode != LIBXL_PASSTHROUGH_DISABLED
        && (out->config->c_info.type == LIBXL_DOMAIN_TYPE_PVH
            || xf_out_on_demand(out)))
        return;                 /* is not read, as libxl does not do it */
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
    xf_out_drop_if_empty(xen);
}

/* HVM: what is not said is on, as libxl has it.  PVH: what is said. */
static void
write_cpu_features(const struct xf_xml_out *out, xmlNode *features)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    if (out->pv)
        return;
    if (out->hvm ? has_acpi(b) : xf_out_true(b->acpi))
        xf_out_element(features, "acpi");
    if (out->hvm ? xf_out_bool(b->apic, xf_out_bool(b->u.hvm.apic, TRUE))
                 : xf_out_true(b->apic))
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
    if (xf_out_true(b->u.hvm.viridian))
        xf_out_element(features, "viridian");
    for (guint i = 0; xf_xml_enlightenment(b, i, &element, &on); i++) {
        if (on < 0)
            continue;
        if (!hyperv)
            hyperv = xf_out_with(features, "hyperv", "mode", "custom");
        xf_out_with(hyperv, element, "state", on ? "on" : "off");
    }
}

void
xf_out_features(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    xmlNode *features = xf_out_element(domain, "features");

    write_cpu_features(out, features);
    write_hyperv(out, features);
    write_xen_features(out, features);
    if (!libxl_defbool_is_default(b->arch_x86.msr_relaxed))
        xf_out_with(features, "msrs", "unknown",
                    xf_out_true(b->arch_x86.msr_relaxed) ? "ignore" : "fault");
    write_state(features, "pmu", b->vpmu);
}

/* -- clock, power management ----------------------------------------------- */

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
                    "%s", xf_out_true(b->u.hvm.hpet) ? "yes" : "no");
    reference = xf_xml_reference_clock(b);
    if (reference >= 0)
        xf_out_attr(xf_out_with(clock, "timer", "name", "hypervclock"),
                    "present", "%s", reference ? "yes" : "no");
}

void
xf_out_clock(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    gboolean local = xf_out_true(b->localtime);
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

void
xf_out_pm(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    xmlNode *pm;

    if (!out->hvm || (libxl_defbool_is_default(b->u.hvm.acpi_s3)
                      && libxl_defbool_is_default(b->u.hvm.acpi_s4)))
        return;
    pm = xf_out_element(domain, "pm");
    if (!libxl_defbool_is_default(b->u.hvm.acpi_s3))
        xf_out_with(pm, "suspend-to-mem", "enabled",
                    xf_out_true(b->u.hvm.acpi_s3) ? "yes" : "no");
    if (!libxl_defbool_is_default(b->u.hvm.acpi_s4))
        xf_out_with(pm, "suspend-to-disk", "enabled",
                    xf_out_true(b->u.hvm.acpi_s4) ? "yes" : "no");
}
