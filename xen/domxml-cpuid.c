/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML: CPU features <-> libxl's cpuid policy.  The policy is a list of
 * CPUID leaves, each register a text of 32 characters, the highest bit first:
 * 0 and 1 are said, x is libxl's choice.  Which bit a feature is, libxl is
 * asked once.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "xen/domxml-format.h"
#include "xen/domxml-private.h"
#include "xen/domxml-residual.h"

/* Where libvirt's name is not libxl's. */
static const char *const libxl_names[][2] = {
    { "arch-capabilities", "arch-caps" },
    { "avx512bitalg", "avx512-bitalg" },
    { "avx512ifma", "avx512-ifma" },
    { "avx512vbmi", "avx512-vbmi" },
    { "avx512vbmi2", "avx512-vbmi2" },
    { "avx512vnni", "avx512-vnni" },
    { "cid", "cntxid" },
    { "cmp_legacy", "cmplegacy" },
    { "core-capability", "core-caps" },
    { "cr8legacy", "altmovcr8" },
    { "ds_cpl", "dscpl" },
    { "fxsr_opt", "ffxsr" },
    { "ht", "htt" },
    { "ibrs-all", "eibrs" },
    { "intel-pt", "proc-trace" },
    { "invtsc", "itsc" },
    { "lahf_lm", "lahfsahf" },
    { "nodeid_msr", "nodeid" },
    { "pclmuldq", "pclmulqdq" },
    { "pdpe1gb", "page1gb" },
    { "pn", "psn" },
    { "pni", "sse3" },
    { "rdctl-no", "rdcl-no" },
    { "sha-ni", "sha" },
    { "skip-l1dfl-vmentry", "skip-l1dfl" },
    { "spec-ctrl", "ibrsb" },
    { "tsx-ldtrk", "tsxldtrk" },
};

/* The other features that both know.  vmx and svm are not here: they ask for
 * nested virtualisation, which is more than a bit. */
static const char *const common_names[] = {
    "3dnow", "3dnowext", "3dnowprefetch", "abm", "acpi", "adx", "aes",
    "amd-ssbd", "amd-stibp", "apic", "arat", "avx", "avx-vnni", "avx2",
    "avx512-4fmaps", "avx512-4vnniw", "avx512-bf16", "avx512-fp16",
    "avx512-vp2intersect", "avx512-vpopcntdq", "avx512bw", "avx512cd",
    "avx512dq", "avx512er", "avx512f", "avx512pf", "avx512vl", "bmi1", "bmi2",
    "cldemote", "clflush", "clflushopt", "clwb", "clzero", "cmov", "cmt",
    "cx16", "cx8", "dca", "de", "ds", "dtes64", "erms", "est", "extapic",
    "f16c", "fma", "fma4", "fpu", "fsgsbase", "fsrm", "fxsr", "gfni", "hle",
    "hypervisor", "ia64", "ibpb", "ibrs", "ibs", "invpcid", "lm", "lwp",
    "mca", "mce", "md-clear", "mds-no", "misalignsse", "mmx", "mmxext",
    "monitor", "movbe", "movdir64b", "movdiri", "mpx", "msr", "mtrr", "nx",
    "ospke", "osvw", "osxsave", "pae", "pat", "pbe", "pcid", "pdcm",
    "perfctr_core", "perfctr_nb", "pge", "pku", "popcnt", "pse", "pse36",
    "rdpid", "rdrand", "rdseed", "rdtscp", "rsba", "rtm", "sep", "serialize",
    "sgx", "skinit", "smap", "smep", "smx", "ss", "ssb-no", "ssbd", "sse",
    "sse2", "sse4.1", "sse4.2", "sse4a", "ssse3", "stibp", "syscall",
    "taa-no", "tbm", "tm", "tm2", "topoext", "tsc", "tsc-deadline",
    "tsc_adjust", "tsx-ctrl", "umip", "vaes", "virt-ssbd", "vme",
    "vpclmulqdq", "wbnoinvd", "wdt", "x2apic", "xgetbv1", "xop", "xsave",
    "xsavec", "xsaveopt", "xsaves", "xtpr",
};

static const char *
libxl_name(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(libxl_names); i++)
        if (strcmp(libxl_names[i][0], name) == 0)
            return libxl_names[i][1];
    return name;
}

gboolean
xf_xml_set_cpuid(libxl_domain_build_info *b, const char *name, gboolean on)
{
    g_autofree char *text =
        g_strdup_printf("%s=%d", libxl_name(name), on ? 1 : 0);

    /* no second setting in the guise of a name */
    return !strpbrk(name, "=,:")
           && libxl_cpuid_parse_config(&b->cpuid, text) == 0;
}

/* -- writing --------------------------------------------------------------- */

/* Where a feature's bit is. */
struct bit {
    const char *name;           /* libvirt's */
    gint64 leaf, subleaf;       /* subleaf -1: the leaf has none */
    const char *reg;
    guint index;                /* in the register's text */
};

static const char *const registers[] = { "eax", "ebx", "ecx", "edx" };

/* "cpuid": [ leaves ], or, where libxl knows MSRs,
 * "cpuid": { "cpuid": [ leaves ], "msr": [ ... ] }; NULL: no policy. */
static JsonArray *
policy_leaves(JsonNode *tree)
{
    JsonObject *root = json_node_get_object(tree);
    JsonObject *b = json_object_get_object_member(root, "b_info");
    JsonNode *node = json_object_get_member(b, "cpuid");

    if (node && JSON_NODE_HOLDS_OBJECT(node))
        node = json_object_get_member(json_node_get_object(node), "cpuid");
    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node)
                                               : NULL;
}

static gint64
leaf_number(JsonObject *leaf, const char *key)
{
    return json_object_get_int_member_with_default(leaf, key, -1);
}

static const char *
leaf_register(JsonObject *leaf, const char *reg)
{
    return json_object_get_string_member_with_default(leaf, reg, NULL);
}

/* Sets the feature alone and looks for the one bit that is not x. */
static gboolean
find_bit(const char *name, struct bit *bit)
{
    libxl_domain_config config;
    g_autoptr(JsonNode) tree = NULL;
    JsonArray *leaves;
    gboolean found = FALSE;

    libxl_domain_config_init(&config);
    if (xf_xml_set_cpuid(&config.b_info, name, FALSE)
        && (tree = xf_residual_tree(&config, NULL))
        && (leaves = policy_leaves(tree))
        && json_array_get_length(leaves) == 1) {
        JsonObject *leaf = json_array_get_object_element(leaves, 0);

        for (gsize i = 0; i < G_N_ELEMENTS(registers); i++) {
            const char *text = leaf_register(leaf, registers[i]);

            if (!text || !strchr(text, '0'))
                continue;
            *bit = (struct bit){ name, leaf_number(leaf, "leaf"),
                                 leaf_number(leaf, "subleaf"), registers[i],
                                 strchr(text, '0') - text };
            found = TRUE;
        }
    }
    libxl_domain_config_dispose(&config);
    return found;
}

static gboolean
same_bit(const struct bit *a, const struct bit *b)
{
    return a->leaf == b->leaf && a->subleaf == b->subleaf
           && a->reg == b->reg && a->index == b->index;
}

/* One name a bit. */
static void
add_bit(GArray *bits, const char *name)
{
    struct bit bit;

    if (!find_bit(name, &bit))
        return;
    for (guint i = 0; i < bits->len; i++)
        if (same_bit(&g_array_index(bits, struct bit, i), &bit))
            return;
    g_array_append_val(bits, bit);
}

static void *
find_bits(void *unused)
{
    GArray *bits = g_array_new(FALSE, FALSE, sizeof(struct bit));

    for (gsize i = 0; i < G_N_ELEMENTS(libxl_names); i++)
        add_bit(bits, libxl_names[i][0]);
    for (gsize i = 0; i < G_N_ELEMENTS(common_names); i++)
        add_bit(bits, common_names[i]);
    return bits;
}

/* Made once, kept. */
static const GArray *
all_bits(void)
{
    static GOnce once = G_ONCE_INIT;

    return g_once(&once, find_bits, NULL);
}

static void
write_feature(xmlNode *cpu, const char *name, char value)
{
    xmlNode *feature;

    if (value != '0' && value != '1')
        return;
    feature = xf_out_element(cpu, "feature");
    xf_out_attr(feature, "policy", "%s", value == '1' ? "require"
                                                      : "disable");
    xf_out_attr(feature, "name", "%s", name);
}

static void
write_leaf(xmlNode *cpu, JsonObject *leaf)
{
    const GArray *bits = all_bits();

    for (guint i = 0; i < bits->len; i++) {
        const struct bit *bit = &g_array_index(bits, struct bit, i);
        const char *text = leaf_register(leaf, bit->reg);

        if (text && strlen(text) == 32
            && bit->leaf == leaf_number(leaf, "leaf")
            && bit->subleaf == leaf_number(leaf, "subleaf"))
            write_feature(cpu, bit->name, text[bit->index]);
    }
}

/* Leaf by leaf: libxl keeps the order in which features are set. */
void
xf_out_cpuid(const struct xf_xml_out *out, xmlNode *cpu)
{
    g_autoptr(JsonNode) tree = NULL;
    JsonArray *leaves;

    if (!out->config->b_info.cpuid)
        return;
    tree = xf_residual_tree(out->config, NULL);
    leaves = tree ? policy_leaves(tree) : NULL;
    for (guint i = 0; leaves && i < json_array_get_length(leaves); i++)
        write_leaf(cpu, json_array_get_object_element(leaves, i));
}
