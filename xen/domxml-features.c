/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML: <features>, <clock>, <pm>. */
#include "config.h"

#include <string.h>
#include <time.h>

#include "xen/domxml-private.h"

/* -- features -------------------------------------------------------------- */

static gboolean
not_pv(struct xf_domxml *dom, xmlNode *node, GError **err)
{
    return !xf_xml_is_pv(dom)
           || xf_xml_cannot(err, node, "a guest of type 'linux' (PV) has "
                            "none");
}

static gboolean
hvm_only(struct xf_domxml *dom, xmlNode *node, GError **err)
{
    return xf_xml_is_hvm(dom)
           || xf_xml_cannot(err, node, "only a guest of type 'hvm' has this");
}

/* state='on' when absent */
static gboolean
read_state(struct xf_domxml *dom, xmlNode *node, libxl_defbool *out,
           GError **err)
{
    int on = 1;

    if (!xf_xml_word_attr(dom, node, "state", &on, err))
        return FALSE;
    libxl_defbool_set(out, on);
    return TRUE;
}

/* PV guests have neither; libvirt lets them stand there. */
static gboolean
read_acpi(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    if (xf_xml_is_pv(dom))
        xf_xml_idle(dom, node, NULL);
    else
        libxl_defbool_set(&dom->config->b_info.acpi, true);
    return TRUE;
}

static gboolean
read_apic(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    if (xf_xml_is_pv(dom))
        xf_xml_idle(dom, node, NULL);
    else
        libxl_defbool_set(&dom->config->b_info.apic, true);
    return TRUE;
}

static gboolean
read_pae(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    if (xf_xml_is_hvm(dom))
        libxl_defbool_set(&dom->config->b_info.u.hvm.pae, true);
    else
        xf_xml_idle(dom, node, NULL);
    return TRUE;
}

static gboolean
read_hap(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    return not_pv(dom, node, err)
           && read_state(dom, node, &dom->config->c_info.hap, err);
}

static gboolean
read_viridian(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    if (!hvm_only(dom, node, err))
        return FALSE;
    libxl_defbool_set(&dom->config->b_info.u.hvm.viridian, true);
    return TRUE;
}

static const struct xf_xml_word msrs_unknown[] = {
    { "ignore", 1, NULL }, { "fault", 0, NULL }, { NULL, 0, NULL }
};

static gboolean
read_msrs(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    int ignore = 0;

    if (!xf_xml_need_attr(dom, node, "unknown", err)
        || !xf_xml_word_attr(dom, node, "unknown", &ignore,
                             err))
        return FALSE;
    libxl_defbool_set(&dom->config->b_info.arch_x86.msr_relaxed, ignore);
    return TRUE;
}

static gboolean
read_pmu(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    return read_state(dom, node, &dom->config->b_info.vpmu, err);
}

/* -- features of Xen ------------------------------------------------------- */

static gboolean
read_e820_host(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    if (!xf_xml_is_pv(dom))
        return xf_xml_cannot(err, node, "only a guest of type 'linux' has "
                             "this");
    return read_state(dom, node, &dom->config->b_info.u.pv.e820_host, err);
}

static const struct xf_xml_word passthrough_modes[] = {
    { "sync_pt", LIBXL_PASSTHROUGH_SYNC_PT, NULL },
    { "share_pt", LIBXL_PASSTHROUGH_SHARE_PT, NULL },
    { NULL, 0, NULL }
};

static gboolean
read_passthrough(struct xf_domxml *dom, xmlNode *node, void *arg,
                 GError **err)
{
    int on = 1, mode = LIBXL_PASSTHROUGH_ENABLED;

    if (!xf_xml_word_attr(dom, node, "state", &on, err)
        || !xf_xml_word_attr(dom, node, "mode", &mode,
                             err))
        return FALSE;
    dom->passthrough_node = node;
    dom->config->c_info.passthrough = on ? mode : LIBXL_PASSTHROUGH_DISABLED;
    return TRUE;
}

static const struct xf_xml_rule xen_rules[] = {
    { .name = "e820_host", .attrs = "state",
      .values = XF_XML_VALUES({ "state", xf_xml_on_off }),
      .read = read_e820_host },
    { .name = "passthrough", .attrs = "state mode",
      .values = XF_XML_VALUES({ "state", xf_xml_on_off },
                              { "mode", passthrough_modes }),
      .read = read_passthrough },
    { .name = NULL }
};

/* -- Hyper-V enlightenments ------------------------------------------------ */

/* libvirt's element -> libxl's groups; both sides have some the other has
 * not. */
#define GROUP(name) (1 << LIBXL_VIRIDIAN_ENLIGHTENMENT_##name)

static const struct {
    const char *element;
    guint groups;
} enlightenments[] = {
    { "relaxed", GROUP(BASE) },
    { "vpindex", GROUP(BASE) },
    { "vapic", GROUP(APIC_ASSIST) },
    { "synic", GROUP(SYNIC) },
    { "stimer", GROUP(STIMER) },
    { "frequencies", GROUP(FREQ) },
    { "tlbflush", GROUP(HCALL_REMOTE_TLB_FLUSH) },
    { "ipi", GROUP(HCALL_IPI) },
};

static void
set_groups(libxl_domain_build_info *b, guint groups, gboolean on)
{
    libxl_bitmap *map = on ? &b->u.hvm.viridian_enable
                           : &b->u.hvm.viridian_disable;

    if (!map->size)
        xf_xl_bitmap_alloc(map, 8 * sizeof(groups));
    for (guint i = 0; i < 8 * sizeof(groups); i++)
        if (groups & (1u << i))
            libxl_bitmap_set(map, i);
}

/* 1 when all are enabled, 0 when all are disabled, else -1. */
static int
groups_state(const libxl_domain_build_info *b, guint groups)
{
    gboolean all_on = TRUE, all_off = TRUE;

    for (guint i = 0; i < 8 * sizeof(groups); i++) {
        if (!(groups & (1u << i)))
            continue;
        all_on &= !!libxl_bitmap_test(&b->u.hvm.viridian_enable, i);
        all_off &= !!libxl_bitmap_test(&b->u.hvm.viridian_disable, i);
    }
    return all_on == all_off ? -1 : all_on;
}

gboolean
xf_xml_enlightenment(const libxl_domain_build_info *b, guint i,
                     const char **element, int *on)
{
    if (i >= G_N_ELEMENTS(enlightenments))
        return FALSE;
    *element = enlightenments[i].element;
    *on = groups_state(b, enlightenments[i].groups);
    return TRUE;
}

int
xf_xml_reference_clock(const libxl_domain_build_info *b)
{
    return groups_state(b, GROUP(TIME_REF_COUNT) | GROUP(REFERENCE_TSC));
}

static gboolean
read_enlightenment(struct xf_domxml *dom, xmlNode *node, void *arg,
                   GError **err)
{
    guint groups = 0;
    int on = 1;

    if (!xf_xml_word_attr(dom, node, "state", &on, err))
        return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS(enlightenments); i++)
        if (xmlStrEqual(node->name, BAD_CAST enlightenments[i].element))
            groups = enlightenments[i].groups;
    /* <relaxed> and <vpindex> are one to libxl */
    if (groups_state(&dom->config->b_info, groups) == !on)
        return xf_xml_cannot(err, node, "libxl has this together with "
                             "another one, which says the opposite");
    set_groups(&dom->config->b_info, groups, on);
    return TRUE;
}

#define ENLIGHTENMENT(element, ...)                                         \
    { .name = element, .attrs = "state",                                    \
      .values = XF_XML_VALUES({ "state", xf_xml_on_off }),                  \
      .read = read_enlightenment, __VA_ARGS__ }
#define NOT_XENS "Xen does not implement it"

static const struct xf_xml_rule stimer_rules[] = {
    { .name = "direct", .why = NOT_XENS },
    { .name = NULL }
};

static const struct xf_xml_rule tlbflush_rules[] = {
    { .name = "direct", .why = NOT_XENS },
    { .name = "extended", .why = NOT_XENS },
    { .name = NULL }
};

static const struct xf_xml_rule hyperv_rules[] = {
    ENLIGHTENMENT("relaxed"),
    ENLIGHTENMENT("vpindex"),
    ENLIGHTENMENT("vapic"),
    ENLIGHTENMENT("synic"),
    ENLIGHTENMENT("stimer", .children = stimer_rules),
    ENLIGHTENMENT("frequencies"),
    ENLIGHTENMENT("tlbflush", .children = tlbflush_rules),
    ENLIGHTENMENT("ipi"),
    { .name = "spinlocks", .why = "Xen's retry count is set for the whole "
                                  "host (viridian-spinlock-retry-count)" },
    { .name = "runtime", .why = NOT_XENS },
    { .name = "reset", .why = NOT_XENS },
    { .name = "vendor_id", .why = NOT_XENS },
    { .name = "reenlightenment", .why = NOT_XENS },
    { .name = "evmcs", .why = NOT_XENS },
    { .name = "avic", .why = NOT_XENS },
    { .name = "emsr_bitmap", .why = NOT_XENS },
    { .name = "xmm_input", .why = NOT_XENS },
    { .name = NULL }
};

static gboolean
read_hyperv(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    int mode;

    return hvm_only(dom, node, err)
           && xf_xml_word_attr(dom, node, "mode", &mode, err);
}

static const struct xf_xml_word hyperv_modes[] = {
    { "custom", 0, NULL },
    { "passthrough", 0, "Xen has no set of its own that it would show; name "
                        "the enlightenments" },
    { "host-model", 0, "Xen has no set of its own that it would show; name "
                       "the enlightenments" },
    { NULL, 0, NULL }
};

const struct xf_xml_rule xf_xml_feature_rules[] = {
    { .name = "acpi", .read = read_acpi, .idle = "a PV guest has none" },
    { .name = "apic", .attrs = "!eoi",
      .attrs_no = "libxl has no setting for it", .read = read_apic,
      .idle = "a PV guest has none" },
    { .name = "pae", .read = read_pae,
      .idle = "PV and PVH guests have no switch for it" },
    { .name = "hap", .attrs = "state",
      .values = XF_XML_VALUES({ "state", xf_xml_on_off }),
      .read = read_hap },
    { .name = "viridian", .read = read_viridian },
    { .name = "hyperv", .attrs = "mode",
      .values = XF_XML_VALUES({ "mode", hyperv_modes }), .read = read_hyperv,
      .children = hyperv_rules },
    { .name = "xen", .children = xen_rules },
    { .name = "msrs", .attrs = "unknown",
      .values = XF_XML_VALUES({ "unknown", msrs_unknown }),
      .read = read_msrs },
    { .name = "pmu", .attrs = "state",
      .values = XF_XML_VALUES({ "state", xf_xml_on_off }),
      .read = read_pmu },
    { .name = "privnet", .why = "containers are not Xen's" },
    { .name = "kvm", .why = "Xen is not KVM" },
    { .name = "async-teardown", .why = "that is QEMU's own; Xen frees a "
                                       "guest's memory" },
    { .name = "capabilities", .why = "containers are not Xen's" },
    { .name = "tcg", .why = "Xen runs guests on the CPU" },
    { .name = "ibs", .why = "x86 guests have none" },
    { .name = "htm", .why = "x86 guests have none" },
    { .name = "pvspinlock", .why = "libxl has no switch for PV spinlocks" },
    { .name = "gic", .why = "x86 guests have no GIC" },
    { .name = "smm", .why = "Xen has no system management mode" },
    { .name = "vmcoreinfo", .why = "Xen guests have no vmcoreinfo device" },
    { .name = "vmport", .why = "libxl has no switch for it" },
    { .name = "ioapic", .why = "libxl has no switch for it" },
    { .name = "ps2", .why = "libxl has no switch for it" },
    { .name = NULL }
};

/* HVM: a feature that is not there is off.  PVH: libxl decides. */
static void
off_unless_set(libxl_defbool *feature)
{
    libxl_defbool_setdefault(feature, false);
}

gboolean
xf_xml_features_finish(struct xf_domxml *dom, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;

    if (!xf_xml_is_hvm(dom))
        return TRUE;
    off_unless_set(&b->u.hvm.pae);
    off_unless_set(&b->apic);
    off_unless_set(&b->acpi);
    return TRUE;
}

/* -- clock ----------------------------------------------------------------- */

static const struct xf_xml_word timer_present[] = {
    { "yes", 1, NULL }, { "no", 0, NULL }, { NULL, 0, NULL }
};

static const struct xf_xml_word tsc_modes[] = {
    { "auto", LIBXL_TSC_MODE_DEFAULT, NULL },
    { "native", LIBXL_TSC_MODE_NATIVE, NULL },
    { "emulate", LIBXL_TSC_MODE_ALWAYS_EMULATE, NULL },
    { "paravirt", LIBXL_TSC_MODE_NATIVE_PARAVIRT, NULL },
    { "smpsafe", 0, "Xen has no such mode; use 'emulate'" },
    { NULL, 0, NULL }
};

enum timer {
    TIMER_TSC = 1,
    TIMER_HPET,
    TIMER_HYPERVCLOCK,
};

static const struct xf_xml_word timers[] = {
    { "tsc", TIMER_TSC, NULL },
    { "hpet", TIMER_HPET, NULL },
    { "hypervclock", TIMER_HYPERVCLOCK, NULL },
    { "platform", 0, "libxl has no setting for it" },
    { "pit", 0, "libxl has no setting for it" },
    { "rtc", 0, "libxl has no setting for it" },
    { "kvmclock", 0, "Xen is not KVM" },
    { "armvtimer", 0, "x86 guests have none" },
    { NULL, 0, NULL }
};

static gboolean
set_timer(struct xf_domxml *dom, xmlNode *node, enum timer timer,
          int present, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;

    if (present < 0)
        return TRUE;
    if (timer == TIMER_TSC)
        return present || xf_xml_cannot(err, node, "a guest cannot be "
                                        "without a TSC");
    /* others have neither */
    if (!present && !xf_xml_is_hvm(dom))
        return TRUE;
    if (!hvm_only(dom, node, err))
        return FALSE;
    if (timer == TIMER_HPET)
        libxl_defbool_set(&b->u.hvm.hpet, present);
    else
        set_groups(b, GROUP(TIME_REF_COUNT) | GROUP(REFERENCE_TSC), present);
    return TRUE;
}

static gboolean
read_timer(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    int timer = 0, present = -1, mode = LIBXL_TSC_MODE_DEFAULT;

    if (!xf_xml_need_attr(dom, node, "name", err)
        || !xf_xml_word_attr(dom, node, "name", &timer, err)
        || !xf_xml_word_attr(dom, node, "present", &present,
                             err)
        || !xf_xml_word_attr(dom, node, "mode", &mode, err))
        return FALSE;
    if (timer == TIMER_TSC)
        dom->config->b_info.tsc_mode = mode;
    else if (xf_xml_attr(dom, node, "mode"))
        return xf_xml_cannot(err, node, "only the timer 'tsc' has a mode");
    return set_timer(dom, node, timer, present, err);
}

static const struct xf_xml_rule timer_rules[] = {
    { .name = "catchup", .why = "libxl has no setting for it" },
    { .name = NULL }
};

const struct xf_xml_rule xf_xml_clock_rules[] = {
    { .name = "timer", .attrs = "name present mode !tickpolicy !track "
                                "!frequency",
      .attrs_no = "libxl has no setting for it",
      .children = timer_rules,
      .values = XF_XML_VALUES({ "name", timers },
                              { "present", timer_present },
                              { "mode", tsc_modes }),
      .read = read_timer, .flags = XF_RULE_MANY },
    { .name = NULL }
};

enum clock_offset {
    CLOCK_UTC,
    CLOCK_LOCALTIME,
    CLOCK_VARIABLE,
    CLOCK_ABSOLUTE,
};

static const struct xf_xml_word offsets[] = {
    { "utc", CLOCK_UTC, NULL },
    { "localtime", CLOCK_LOCALTIME, NULL },
    { "variable", CLOCK_VARIABLE, NULL },
    { "absolute", CLOCK_ABSOLUTE, NULL },
    { "timezone", 0, "libxl knows UTC and the host's local time only" },
    { NULL, 0, NULL }
};

static const struct xf_xml_word bases[] = {
    { "utc", 0, NULL }, { "localtime", 1, NULL }, { NULL, 0, NULL }
};

const struct xf_xml_value xf_xml_clock_values[] = {
    { "offset", offsets }, { "basis", bases }, { NULL, NULL }
};

/* Seconds from the basis; for utc and localtime it may be 'reset'. */
static gboolean
read_adjustment(struct xf_domxml *dom, xmlNode *node, gboolean variable,
                GError **err)
{
    const char *text = xf_xml_attr(dom, node, "adjustment");
    int seconds = 0;

    if (!text || (!variable && strcmp(text, "reset") == 0))
        return TRUE;
    if (!xf_xml_int_attr(dom, node, "adjustment", G_MININT, G_MAXINT,
                         &seconds, err))
        return FALSE;
    dom->config->b_info.rtc_timeoffset = seconds;
    return TRUE;
}

static gboolean
read_start(struct xf_domxml *dom, xmlNode *node, GError **err)
{
    guint64 start = 0;
    gint64 offset;

    if (!xf_xml_need_attr(dom, node, "start", err)
        || !xf_xml_uint_attr(dom, node, "start", G_MAXINT64, &start, err))
        return FALSE;
    offset = (gint64)start - (gint64)time(NULL);
    if (offset < G_MININT || offset > G_MAXINT)
        return xf_xml_cannot(err, node, "start is too far from now");
    dom->config->b_info.rtc_timeoffset = offset;
    return TRUE;
}

gboolean
xf_xml_read_clock(struct xf_domxml *dom, xmlNode *node, void *arg,
                  GError **err)
{
    int offset = CLOCK_UTC, local = 0;

    if (!xf_xml_word_attr(dom, node, "offset", &offset, err)
        || !xf_xml_word_attr(dom, node, "basis", &local, err))
        return FALSE;
    if (offset != CLOCK_ABSOLUTE && xf_xml_attr(dom, node, "start"))
        return xf_xml_bad(err, node, "only offset='absolute' has a start");
    if (offset != CLOCK_VARIABLE && xf_xml_attr(dom, node, "basis"))
        return xf_xml_bad(err, node, "only offset='variable' has a basis");
    if (offset == CLOCK_LOCALTIME || (offset == CLOCK_VARIABLE && local))
        libxl_defbool_set(&dom->config->b_info.localtime, true);
    if (offset == CLOCK_ABSOLUTE)
        return read_start(dom, node, err);
    return read_adjustment(dom, node, offset == CLOCK_VARIABLE, err);
}

/* -- power management ------------------------------------------------------ */

static gboolean
read_suspend(struct xf_domxml *dom, xmlNode *node, libxl_defbool *out,
             GError **err)
{
    int enabled = -1;

    if (!hvm_only(dom, node, err)
        || !xf_xml_word_attr(dom, node, "enabled", &enabled,
                             err))
        return FALSE;
    if (enabled >= 0)
        libxl_defbool_set(out, enabled);
    return TRUE;
}

static gboolean
read_suspend_to_mem(struct xf_domxml *dom, xmlNode *node, void *arg,
                    GError **err)
{
    return read_suspend(dom, node, &dom->config->b_info.u.hvm.acpi_s3, err);
}

static gboolean
read_suspend_to_disk(struct xf_domxml *dom, xmlNode *node, void *arg,
                     GError **err)
{
    return read_suspend(dom, node, &dom->config->b_info.u.hvm.acpi_s4, err);
}

const struct xf_xml_rule xf_xml_pm_rules[] = {
    { .name = "suspend-to-mem", .attrs = "enabled",
      .values = XF_XML_VALUES({ "enabled", xf_xml_yes_no }),
      .read = read_suspend_to_mem },
    { .name = "suspend-to-disk", .attrs = "enabled",
      .values = XF_XML_VALUES({ "enabled", xf_xml_yes_no }),
      .read = read_suspend_to_disk },
    { .name = NULL }
};
