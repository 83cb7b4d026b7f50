/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxl configuration to domain XML: vcpus, NUMA, <cpu>. */
#include "config.h"

#include "xen/domxml-format.h"
#include "xen/domxml-private.h"

/* -- vcpus ----------------------------------------------------------------- */

static guint
max_vcpus(const libxl_domain_build_info *b)
{
    return CLAMP(b->max_vcpus, 1,
                 b->type == LIBXL_DOMAIN_TYPE_PV ? XF_XML_SET_BITS
                                                 : XF_XML_HVM_VCPUS_MAX);
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

void
xf_out_vcpus(const struct xf_xml_out *out, xmlNode *domain)
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

void
xf_out_cputune(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    xmlNode *cputune = xf_out_element(domain, "cputune");

    if (b->sched_params.weight > 0 && b->sched_params.weight <= G_MAXUINT16)
        xf_out_text(cputune, "shares", "%d", b->sched_params.weight);
    /* a percentage of a CPU, of 100 ms each time */
    if (b->sched_params.cap > 0 && b->sched_params.cap <= G_MAXUINT16) {
        xf_out_text(cputune, "global_period", "100000");
        xf_out_text(cputune, "global_quota", "%d",
                    b->sched_params.cap * 1000);
    }
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
    xf_out_drop_if_empty(cputune);
}

static gboolean
cells_can_be_read(const struct xf_xml_out *out)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    guint64 sum = 0;
    int any;

    for (int i = 0; i < b->num_vnuma_nodes; i++) {
        const libxl_vnode_info *cell = &b->vnuma_nodes[i];

        sum += cell->memkb;
        if (cell->memkb > XF_XML_MEMORY_MAX_KIB
            || cell->num_distances > b->num_vnuma_nodes)
            return FALSE;
    }
    return b->num_vnuma_nodes && sum == b->max_memkb && !out->pv
           && !xf_out_on_demand(out)
           && xf_xml_cells_have_all(b, &any, &any);
}

static xmlNode *
write_node_of(xmlNode *numatune, const char *name, const char *nodeset)
{
    xmlNode *node = xf_out_with(numatune, name, "mode", "preferred");

    xf_out_attr(node, "nodeset", "%s", nodeset);
    return node;
}

void
xf_out_numatune(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    g_autofree char *set = xf_out_set(&b->nodemap);
    xmlNode *numatune = xf_out_element(domain, "numatune");

    if (set && !xf_out_bool(b->numa_placement, TRUE))
        write_node_of(numatune, "memory", set);
    for (int i = 0; cells_can_be_read(out) && i < b->num_vnuma_nodes; i++) {
        g_autofree char *pnode =
            g_strdup_printf("%u", b->vnuma_nodes[i].pnode);

        if (b->vnuma_nodes[i].pnode > 0
            && b->vnuma_nodes[i].pnode < XF_XML_SET_BITS)
            xf_out_attr(write_node_of(numatune, "memnode", pnode), "cellid",
                        "%d", i);
    }
    xf_out_drop_if_empty(numatune);
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

        if (!cell->distances[i] || cell->distances[i] > G_MAXUINT8)
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
                    xf_out_true(nested(out)) ? "require" : "disable");
        xf_out_attr(feature, "name", "%s", names[i]);
    }
}

void
xf_out_cpu(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    xmlNode *cpu = xf_out_with(domain, "cpu", "mode", "host-passthrough");

    write_nested(out, cpu);
    xf_out_cpuid(out, cpu);
    if (cells_can_be_read(out)) {
        xmlNode *numa = xf_out_element(cpu, "numa");

        for (int i = 0; i < b->num_vnuma_nodes; i++)
            write_cell(numa, &b->vnuma_nodes[i], i);
    }
    xf_out_drop_if_empty(cpu);
}
