/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML: vcpus, where they run, what CPU they show, NUMA. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "xen/domxml-private.h"

#define VCPUS_MAX XF_XML_SET_BITS
/* A vcpu that may run anywhere, beside others that may not, needs a set of
 * its own; hosts ignore the bits they have no CPU for. */
#define ANY_CPU_BITS 1024
#define DISTANCE_LOCAL 10
#define DISTANCE_REMOTE 20

struct pin {
    guint64 vcpu;
    libxl_bitmap set;
    xmlNode *node;
};

struct memnode {
    guint64 cell;
    guint64 pnode;
    xmlNode *node;
};

static void
pin_clear(void *pin)
{
    libxl_bitmap_dispose(&((struct pin *)pin)->set);
}

/* -- <vcpu>, <vcpus> ------------------------------------------------------- */

static const struct xf_xml_word placements[] = {
    { "static", 0, NULL },
    { "auto", 0, "numad is not asked; libxl places guests by itself" },
    { NULL, 0, NULL }
};

const struct xf_xml_value xf_xml_vcpu_values[] = {
    { "placement", placements }, { NULL, NULL }
};

gboolean
xf_xml_read_vcpu(struct xf_domxml *dom, xmlNode *node, void *arg,
                 GError **err)
{
    const char *cpuset = xf_xml_attr(dom, node, "cpuset");
    int placement;

    dom->vcpu_node = node;
    if (!xf_xml_uint_text(dom, node, VCPUS_MAX, &dom->vcpus, err)
        || !xf_xml_uint_attr(dom, node, "current", VCPUS_MAX,
                             &dom->vcpus_online, err)
        || !xf_xml_word_attr(dom, node, "placement", &placement,
                             err))
        return FALSE;
    if (dom->vcpus == 0)
        return xf_xml_bad(err, node, "a guest needs at least one");
    if (xf_xml_attr(dom, node, "current")
        && (dom->vcpus_online == 0 || dom->vcpus_online > dom->vcpus))
        return xf_xml_bad(err, node, "current is not from 1 to %"
                          G_GUINT64_FORMAT, dom->vcpus);
    return !cpuset || xf_xml_set(node, cpuset, &dom->cpuset, err);
}

static gboolean
read_vcpus_vcpu(struct xf_domxml *dom, xmlNode *node, void *arg,
                GError **err)
{
    guint64 id = 0;
    int enabled = 0;

    if (!xf_xml_need_attr(dom, node, "id", err)
        || !xf_xml_need_attr(dom, node, "enabled", err)
        || !xf_xml_uint_attr(dom, node, "id", VCPUS_MAX - 1, &id, err)
        || !xf_xml_word_attr(dom, node, "enabled", &enabled,
                             err))
        return FALSE;
    if (!dom->online.size) {
        xf_xl_bitmap_alloc(&dom->online, VCPUS_MAX);
        xf_xl_bitmap_alloc(&dom->listed, VCPUS_MAX);
    }
    if (libxl_bitmap_test(&dom->listed, id))
        return xf_xml_bad(err, node, "id %" G_GUINT64_FORMAT " is given "
                          "twice", id);
    libxl_bitmap_set(&dom->listed, id);
    if (!dom->last_vcpu_node || id > dom->last_vcpu)
        dom->last_vcpu_node = node;
    dom->last_vcpu = MAX(dom->last_vcpu, id);
    if (enabled)
        libxl_bitmap_set(&dom->online, id);
    return TRUE;
}

const struct xf_xml_rule xf_xml_vcpus_rules[] = {
    { .name = "vcpu", .attrs = "id enabled ~hotpluggable ~order",
      .values = XF_XML_VALUES({ "enabled", xf_xml_yes_no }),
      .attrs_why = "libxl plugs every vcpu but the first, in any order",
      .read = read_vcpus_vcpu, .flags = XF_RULE_MANY },
    { .name = NULL }
};

static gboolean
set_online(struct xf_domxml *dom, GError **err)
{
    libxl_bitmap *avail = &dom->config->b_info.avail_vcpus;
    guint64 count = dom->vcpus_online ? dom->vcpus_online : dom->vcpus;

    xf_xl_bitmap_alloc(avail, dom->vcpus);
    for (guint i = 0; i < dom->vcpus; i++)
        if (dom->online.size ? libxl_bitmap_test(&dom->online, i)
                             : i < count)
            libxl_bitmap_set(avail, i);
    if (!dom->online.size)
        return TRUE;
    if (dom->last_vcpu >= dom->vcpus)
        return xf_xml_bad(err, dom->last_vcpu_node, "there is no vcpu %"
                          G_GUINT64_FORMAT ", <vcpu> says %" G_GUINT64_FORMAT,
                          dom->last_vcpu, dom->vcpus);
    if (!libxl_bitmap_test(avail, 0))
        return xf_xml_bad(err, dom->root, "<vcpus> does not enable vcpu 0");
    count = libxl_bitmap_count_set(avail);
    return !dom->vcpus_online || dom->vcpus_online == count
           || xf_xml_bad(err, dom->root, "<vcpu current=> says %"
                         G_GUINT64_FORMAT ", but <vcpus> enables %"
                         G_GUINT64_FORMAT, dom->vcpus_online, count);
}

/* -- <cputune> ------------------------------------------------------------- */

static gboolean
read_shares(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    guint64 weight = 0;

    if (!xf_xml_uint_text(dom, node, G_MAXUINT16, &weight, err))
        return FALSE;
    if (weight == 0)
        return xf_xml_bad(err, node, "a weight is from 1 to %d",
                          G_MAXUINT16);
    dom->config->b_info.sched_params.weight = weight;
    return TRUE;
}

static gboolean
read_vcpupin(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    const char *cpuset = xf_xml_need_attr(dom, node, "cpuset", err);
    struct pin pin = { .node = node };

    if (!cpuset || !xf_xml_need_attr(dom, node, "vcpu", err)
        || !xf_xml_uint_attr(dom, node, "vcpu", VCPUS_MAX - 1, &pin.vcpu,
                             err)
        || !xf_xml_set(node, cpuset, &pin.set, err))
        return FALSE;
    if (!dom->pins) {
        dom->pins = g_array_new(FALSE, FALSE, sizeof(struct pin));
        g_array_set_clear_func(dom->pins, pin_clear);
    }
    g_array_append_val(dom->pins, pin);
    return TRUE;
}

/* Microseconds; libvirt's bounds and default. */
#define PERIOD_MIN 1000
#define PERIOD_MAX 1000000
#define PERIOD_DEFAULT 100000

static gboolean
read_global_period(struct xf_domxml *dom, xmlNode *node, void *arg,
                   GError **err)
{
    if (!xf_xml_uint_text(dom, node, PERIOD_MAX, &dom->period, err))
        return FALSE;
    return dom->period >= PERIOD_MIN
           || xf_xml_bad(err, node, "a period is from %d to %d microseconds",
                         PERIOD_MIN, PERIOD_MAX);
}

/* No time at all, as libvirt writes "no limit". */
static gboolean
read_global_quota(struct xf_domxml *dom, xmlNode *node, void *arg,
                  GError **err)
{
    const char *text = xf_xml_text(dom, node);

    dom->quota_node = node;
    return strcmp(text, "-1") == 0
           || xf_xml_uint_text(dom, node, G_MAXUINT32, &dom->quota, err);
}

/* Xen's cap is in percent of one CPU, for the whole guest. */
static gboolean
set_cap(struct xf_domxml *dom, GError **err)
{
    guint64 period = dom->period ? dom->period : PERIOD_DEFAULT;

    if (!dom->quota)
        return TRUE;
    if (dom->quota * 100 % period || dom->quota * 100 / period > G_MAXUINT16)
        return xf_xml_cannot(err, dom->quota_node, "%" G_GUINT64_FORMAT
                             " of %" G_GUINT64_FORMAT " microseconds is not "
                             "a whole percentage of a CPU up to %d, which is "
                             "what Xen's scheduler takes", dom->quota, period,
                             G_MAXUINT16);
    dom->config->b_info.sched_params.cap = dom->quota * 100 / period;
    return TRUE;
}

#define NO_BANDWIDTH "Xen limits a guest as a whole: give <global_quota> "   \
                     "and <global_period>"
#define NO_EMULATOR "the device model runs in dom0, which libxl does not limit"
#define NO_THREADS "libxl's disks have no I/O threads"

const struct xf_xml_rule xf_xml_cputune_rules[] = {
    { .name = "shares", .read = read_shares, .flags = XF_RULE_TEXT },
    { .name = "vcpupin", .attrs = "vcpu cpuset", .read = read_vcpupin,
      .flags = XF_RULE_MANY },
    { .name = "emulatorpin",
      .why = "the device model runs in dom0, where libxl pins nothing" },
    { .name = "iothreadpin", .why = NO_THREADS },
    { .name = "global_period", .read = read_global_period,
      .flags = XF_RULE_TEXT },
    { .name = "global_quota", .read = read_global_quota,
      .flags = XF_RULE_TEXT },
    { .name = "period", .why = NO_BANDWIDTH },
    { .name = "quota", .why = NO_BANDWIDTH },
    { .name = "emulator_period", .why = NO_EMULATOR },
    { .name = "emulator_quota", .why = NO_EMULATOR },
    { .name = "emulatorsched", .why = NO_EMULATOR },
    { .name = "iothread_period", .why = NO_THREADS },
    { .name = "iothread_quota", .why = NO_THREADS },
    { .name = "iothreadsched", .why = NO_THREADS },
    { .name = "vcpusched", .why = "a guest's vcpus are scheduled by the "
                                  "scheduler of its CPU pool" },
    { .name = "cachetune", .why = "libxl keeps cache shares by socket, not "
                                  "in a guest's configuration" },
    { .name = "memorytune", .why = "libxl keeps bandwidth shares by socket, "
                                   "not in a guest's configuration" },
    { .name = NULL }
};

static void
copy_set(libxl_bitmap *to, const libxl_bitmap *from)
{
    xf_xl_bitmap_alloc(to, from->size * 8);
    memcpy(to->map, from->map, from->size);
}

/* vcpus up to `count` get the guest's cpuset, or any CPU. */
static void
set_affinity_default(struct xf_domxml *dom, guint count)
{
    libxl_domain_build_info *b = &dom->config->b_info;

    while (b->num_vcpu_hard_affinity < (int)count) {
        libxl_bitmap *set = XF_XL_APPEND(b->vcpu_hard_affinity,
                                         b->num_vcpu_hard_affinity);

        if (dom->cpuset.size) {
            copy_set(set, &dom->cpuset);
        } else {
            xf_xl_bitmap_alloc(set, ANY_CPU_BITS);
            libxl_bitmap_set_any(set);
        }
    }
}

static gboolean
set_affinity(struct xf_domxml *dom, GError **err)
{
    guint64 count = dom->cpuset.size ? dom->vcpus : 0;
    guint n_pins = dom->pins ? dom->pins->len : 0;

    for (guint i = 0; i < n_pins; i++) {
        struct pin *pin = &g_array_index(dom->pins, struct pin, i);

        if (pin->vcpu >= dom->vcpus)
            return xf_xml_bad(err, pin->node, "there is no vcpu %"
                              G_GUINT64_FORMAT, pin->vcpu);
        for (guint j = 0; j < i; j++)
            if (g_array_index(dom->pins, struct pin, j).vcpu == pin->vcpu)
                return xf_xml_bad(err, pin->node, "vcpu %" G_GUINT64_FORMAT
                                  " is pinned twice", pin->vcpu);
        count = MAX(count, pin->vcpu + 1);
    }
    set_affinity_default(dom, count);
    for (guint i = 0; i < n_pins; i++) {
        struct pin *pin = &g_array_index(dom->pins, struct pin, i);

        copy_set(&dom->config->b_info.vcpu_hard_affinity[pin->vcpu],
                 &pin->set);
    }
    return TRUE;
}

/* -- <numatune> ------------------------------------------------------------ */

static const struct xf_xml_word numa_modes[] = {
    { "preferred", 0, NULL },
    { "strict", 0, "libxl takes memory elsewhere when a node is full; use "
                   "'preferred'" },
    { "interleave", 0, "libxl does not interleave memory" },
    { "restrictive", 0, "no control group holds a guest's memory" },
    { NULL, 0, NULL }
};

static gboolean
check_numa_mode(struct xf_domxml *dom, xmlNode *node, GError **err)
{
    int mode;

    if (!xf_xml_attr(dom, node, "mode"))
        return xf_xml_cannot(err, node, "the default mode is 'strict': %s",
                             numa_modes[1].why);
    return xf_xml_word_attr(dom, node, "mode", &mode, err);
}

static gboolean
read_numa_memory(struct xf_domxml *dom, xmlNode *node, void *arg,
                 GError **err)
{
    const char *nodeset = xf_xml_need_attr(dom, node, "nodeset", err);
    libxl_domain_build_info *b = &dom->config->b_info;
    int placement;

    if (!nodeset || !check_numa_mode(dom, node, err)
        || !xf_xml_word_attr(dom, node, "placement", &placement, err)
        || !xf_xml_set(node, nodeset, &b->nodemap, err))
        return FALSE;
    /* else libxl would look for nodes itself */
    libxl_defbool_set(&b->numa_placement, false);
    return TRUE;
}

static gboolean
read_memnode(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct memnode memnode = { .node = node };

    if (!xf_xml_need_attr(dom, node, "cellid", err)
        || !xf_xml_need_attr(dom, node, "nodeset", err)
        || !xf_xml_uint_attr(dom, node, "cellid", VCPUS_MAX, &memnode.cell,
                             err)
        || !xf_xml_uint_attr(dom, node, "nodeset", VCPUS_MAX, &memnode.pnode,
                             err)
        || !check_numa_mode(dom, node, err))
        return FALSE;
    for (guint i = 0; dom->memnodes && i < dom->memnodes->len; i++)
        if (g_array_index(dom->memnodes, struct memnode, i).cell
            == memnode.cell)
            return xf_xml_bad(err, node, "cell %" G_GUINT64_FORMAT " is given "
                              "twice", memnode.cell);
    if (!dom->memnodes)
        dom->memnodes = g_array_new(FALSE, FALSE, sizeof(memnode));
    g_array_append_val(dom->memnodes, memnode);
    return TRUE;
}

const struct xf_xml_rule xf_xml_numatune_rules[] = {
    { .name = "memory", .attrs = "mode nodeset placement",
      .values = XF_XML_VALUES({ "mode", numa_modes },
                              { "placement", placements }),
      .read = read_numa_memory },
    { .name = "memnode", .attrs = "mode cellid nodeset",
      .values = XF_XML_VALUES({ "mode", numa_modes }),
      .read = read_memnode, .flags = XF_RULE_MANY },
    { .name = NULL }
};

/* -- <cpu> ----------------------------------------------------------------- */

static const struct xf_xml_word cpu_modes[] = {
    { "host-passthrough", 0, NULL },
    { "host-model", 0, NULL },
    { "maximum", 0, NULL },
    /* with topology or numa only; <model> is refused */
    { "custom", 0, NULL },
    { NULL, 0, NULL }
};

static const struct xf_xml_word cpu_matches[] = {
    { "exact", 0, NULL }, { "minimum", 0, NULL },
    { "strict", 0, "Xen does not compare the host's CPU with a model" },
    { NULL, 0, NULL }
};

static const struct xf_xml_word cpu_checks[] = {
    { "none", 0, NULL }, { "partial", 0, NULL },
    { "full", 0, "Xen does not compare the guest's CPU with a model" },
    { NULL, 0, NULL }
};

static const struct xf_xml_word cpu_migratable[] = {
    { "on", 1, NULL },
    { "off", 0, "Xen hides what cannot migrate" },
    { NULL, 0, NULL }
};

const struct xf_xml_value xf_xml_cpu_values[] = {
    { "mode", cpu_modes }, { "match", cpu_matches }, { "check", cpu_checks },
    { "migratable", cpu_migratable }, { NULL, NULL }
};

gboolean
xf_xml_read_cpu(struct xf_domxml *dom, xmlNode *node, void *arg,
                GError **err)
{
    const char *mode = xf_xml_attr(dom, node, "mode");
    int value;

    if (mode && strcmp(mode, "host-passthrough") != 0)
        xf_xml_idle(dom, node, "mode");
    return xf_xml_word_attr(dom, node, "mode", &value, err)
           && xf_xml_word_attr(dom, node, "match", &value, err)
           && xf_xml_word_attr(dom, node, "check", &value, err)
           && xf_xml_word_attr(dom, node, "migratable", &value, err);
}

static gboolean
read_topology(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    static const char *const parts[] = { "sockets", "dies", "clusters",
                                         "cores", "threads" };
    guint64 product = 1;

    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        guint64 n = 1;

        if (!xf_xml_uint_attr(dom, node, parts[i], VCPUS_MAX, &n, err))
            return FALSE;
        product = MIN(product * n, G_MAXUINT32);
    }
    dom->topology_cpus = product;
    dom->topology_node = node;
    xf_xml_idle(dom, node, NULL);
    return TRUE;
}

/* Xen has no way to show a topology, so what can be checked is checked: the
 * number of vcpus must be right. */
static gboolean
check_topology(struct xf_domxml *dom, GError **err)
{
    if (!dom->topology_node || dom->topology_cpus == dom->vcpus)
        return TRUE;
    return xf_xml_bad(err, dom->topology_node, "makes %" G_GUINT64_FORMAT
                      " vcpus, but <vcpu> says %" G_GUINT64_FORMAT,
                      dom->topology_cpus, dom->vcpus);
}

static const struct xf_xml_word policies[] = {
    { "force", 1, NULL },    { "require", 1, NULL }, { "optional", -1, NULL },
    { "disable", 0, NULL },  { "forbid", 0, NULL },  { NULL, 0, NULL }
};

static gboolean
read_feature(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    const char *name = xf_xml_need_attr(dom, node, "name", err);
    int value = 1;

    if (!name || !xf_xml_word_attr(dom, node, "policy", &value, err))
        return FALSE;
    if (value < 0) {
        xf_xml_idle(dom, node, NULL);
        return TRUE;
    }
    if (strcmp(name, "vmx") != 0 && strcmp(name, "svm") != 0)
        return xf_xml_set_cpuid(&dom->config->b_info, name, value)
               || xf_xml_cannot(err, node, "libxl has no CPU feature '%s'",
                                name);
    if (xf_xml_is_pv(dom))
        return !value || xf_xml_cannot(err, node, "a PV guest has no nested "
                                       "virtualisation");
    libxl_defbool_set(&dom->config->b_info.nested_hvm, value);
    return TRUE;
}

static gboolean
read_cell_cpus(struct xf_domxml *dom, xmlNode *node, libxl_vnode_info *cell,
               GError **err)
{
    const char *cpus = xf_xml_attr(dom, node, "cpus");

    return !cpus || xf_xml_set(node, cpus, &cell->vcpus, err);
}

static gboolean
read_sibling(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    libxl_vnode_info *cell = arg;
    guint64 id = 0, value = 0;

    if (!xf_xml_need_attr(dom, node, "id", err)
        || !xf_xml_need_attr(dom, node, "value", err)
        || !xf_xml_uint_attr(dom, node, "id", VCPUS_MAX, &id, err)
        || !xf_xml_uint_attr(dom, node, "value", G_MAXUINT8, &value, err))
        return FALSE;
    if (value == 0)
        return xf_xml_bad(err, node, "a distance is from 1 to %d",
                          G_MAXUINT8);
    while (cell->num_distances <= (int)id)
        *XF_XL_APPEND(cell->distances, cell->num_distances) = 0;
    if (cell->distances[id])
        return xf_xml_bad(err, node, "the distance to cell %" G_GUINT64_FORMAT
                          " is given twice", id);
    cell->distances[id] = value;
    return TRUE;
}

static const struct xf_xml_rule distance_rules[] = {
    { .name = "sibling", .attrs = "id value", .read = read_sibling,
      .flags = XF_RULE_MANY },
    { .name = NULL }
};

static const struct xf_xml_rule cell_rules[] = {
    { .name = "distances", .children = distance_rules },
    { .name = NULL }
};

/* Cells are taken in the order of their ids, which must be 0, 1, ... */
static gboolean
read_cell(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;
    guint64 id = b->num_vnuma_nodes;
    libxl_vnode_info *cell;

    if (!xf_xml_uint_attr(dom, node, "id", VCPUS_MAX, &id, err)
        || !xf_xml_need_attr(dom, node, "memory", err))
        return FALSE;
    if (xf_xml_is_pv(dom))
        return xf_xml_cannot(err, node, "libxl has no virtual NUMA nodes for "
                             "PV guests");
    if (id != (guint64)b->num_vnuma_nodes)
        return xf_xml_cannot(err, node, "cells must come in the order of "
                             "their ids, from 0");
    dom->numa_node = node->parent;
    cell = XF_XL_APPEND(b->vnuma_nodes, b->num_vnuma_nodes);
    libxl_vnode_info_init(cell);
    return xf_xml_size_attr(dom, node, "memory", "unit", &cell->memkb, err)
           && read_cell_cpus(dom, node, cell, err)
           && xf_xml_walk(dom, node, cell_rules, cell, err);
}

static const struct xf_xml_rule numa_rules[] = {
    { .name = "cell", .attrs = "id cpus memory unit !memAccess !discard",
      .attrs_no = "a guest's memory is Xen's, not a file of dom0",
      .read = read_cell,
      .children = cell_rules, .flags = XF_RULE_MANY | XF_RULE_OWN },
    { .name = NULL }
};

#define NO_MODELS "Xen shows guests the host's CPU; take this out and use " \
                  "mode='host-passthrough' with features"

const struct xf_xml_rule xf_xml_cpu_rules[] = {
    { .name = "model", .why = NO_MODELS },
    { .name = "vendor", .why = NO_MODELS },
    { .name = "cache", .why = "Xen shows guests the host's caches" },
    { .name = "maxphysaddr", .why = "Xen has no setting for address width" },
    { .name = "topology", .attrs = "sockets dies clusters cores threads",
      .idle = "Xen shows guests no topology; that it fits the number of "
              "vcpus is checked",
      .read = read_topology },
    { .name = "feature", .attrs = "policy name",
      .values = XF_XML_VALUES({ "policy", policies }),
      .read = read_feature,
      .idle = "what is optional is left to libxl", .flags = XF_RULE_MANY },
    { .name = "numa", .children = numa_rules },
    { .name = NULL }
};

/* Distances that were not said. */
static gboolean
fill_distances(struct xf_domxml *dom, int index, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;
    libxl_vnode_info *cell = &b->vnuma_nodes[index];

    if (cell->num_distances > b->num_vnuma_nodes)
        return xf_xml_bad(err, dom->root, "cell %d has a distance to cell "
                          "%d, which is not there", index,
                          cell->num_distances - 1);
    while (cell->num_distances < b->num_vnuma_nodes)
        *XF_XL_APPEND(cell->distances, cell->num_distances) = 0;
    for (int i = 0; i < cell->num_distances; i++)
        if (!cell->distances[i])
            cell->distances[i] = i == index ? DISTANCE_LOCAL
                                            : DISTANCE_REMOTE;
    return TRUE;
}

gboolean
xf_xml_cells_have_all(const libxl_domain_build_info *b, int *wrong,
                      int *count)
{
    for (int vcpu = 0; vcpu < MAX(b->max_vcpus, 1); vcpu++) {
        int cells = 0;

        for (int i = 0; i < b->num_vnuma_nodes; i++)
            cells += libxl_bitmap_test(&b->vnuma_nodes[i].vcpus, vcpu) != 0;
        if (cells == 1)
            continue;
        *wrong = vcpu;
        *count = cells;
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_cells(struct xf_domxml *dom, GError **err)
{
    const libxl_domain_build_info *b = &dom->config->b_info;
    int wrong, count;

    if (!b->num_vnuma_nodes)
        return TRUE;
    if (!xf_xml_cells_have_all(b, &wrong, &count))
        return xf_xml_bad(err, dom->numa_node, "vcpu %d is in %d cells; each "
                          "must be in one", wrong, count);
    return !xf_xml_on_demand(dom->config)
           || xf_xml_cannot(err, dom->numa_node, "libxl gives cells to a "
                            "guest that has all its memory from the start "
                            "only: make <currentMemory> and <memory> the "
                            "same");
}

static gboolean
numa_finish(struct xf_domxml *dom, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;
    guint n_memnodes = dom->memnodes ? dom->memnodes->len : 0;
    guint64 sum = 0;

    for (int i = 0; i < b->num_vnuma_nodes; i++) {
        sum += b->vnuma_nodes[i].memkb;
        if (!fill_distances(dom, i, err))
            return FALSE;
    }
    if (b->num_vnuma_nodes && sum != b->max_memkb)
        return xf_xml_bad(err, dom->root, "the cells of <numa> hold %"
                          G_GUINT64_FORMAT " KiB, <memory> says %"
                          G_GUINT64_FORMAT " KiB", sum, b->max_memkb);
    for (guint i = 0; i < n_memnodes; i++) {
        struct memnode *m = &g_array_index(dom->memnodes, struct memnode, i);

        if (m->cell >= (guint64)b->num_vnuma_nodes)
            return xf_xml_bad(err, m->node, "there is no cell %"
                              G_GUINT64_FORMAT, m->cell);
        b->vnuma_nodes[m->cell].pnode = m->pnode;
    }
    return check_cells(dom, err);
}

gboolean
xf_xml_vcpus_finish(struct xf_domxml *dom, GError **err)
{
    if (!dom->vcpus)
        dom->vcpus = 1;
    dom->config->b_info.max_vcpus = dom->vcpus;
    return set_online(dom, err) && set_affinity(dom, err)
           && set_cap(dom, err)
           && check_topology(dom, err) && numa_finish(dom, err);
}
