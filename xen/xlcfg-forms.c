/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys of xl.cfg(5) whose values have a form of their own: vnuma, cpuid, and
 * access to the host's hardware. */
#include "config.h"

#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>

#include "xen/domxml-private.h"
#include "xen/domxml-residual.h"
#include "xen/xlcfg-private.h"

/* libxl's "the same as in the machine", which its headers do not name. */
#define NO_GFN (~(uint64_t)0)

/* -- vnuma: a list of nodes, each a list of "key=value" -------------------- */

static gboolean
read_distances(struct xf_xlcfg *cfg, libxl_vnode_info *node,
               const char *text, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    for (char **part = parts; *part; part++) {
        gint64 distance;

        if (!xf_xl_number(cfg, g_strstrip(*part), 0, G_MAXUINT8, &distance,
                          err))
            return FALSE;
        node->distances = xf_xl_grow(node->distances, &node->num_distances,
                                     sizeof(*node->distances));
        node->distances[node->num_distances - 1] = distance;
    }
    return TRUE;
}

static gboolean
read_node_option(struct xf_xlcfg *cfg, libxl_vnode_info *node,
                 const char *text, GError **err)
{
    const char *value = strchr(text, '=');
    g_autofree char *key = g_strndup(text, value ? value - text : 0);
    gint64 number;

    if (!value)
        return xf_xl_bad(cfg, err, "'%s' is not key=value", text);
    value++;
    g_strstrip(key);
    if (strcmp(key, "vdistances") == 0)
        return read_distances(cfg, node, value, err);
    if (strcmp(key, "vcpus") == 0)
        return xf_xl_bits(cfg, value, &node->vcpus, err);
    if (strcmp(key, "pnode") != 0 && strcmp(key, "size") != 0)
        return xf_xl_cannot(cfg, err, "'%s' in '%s' is not known", key,
                            text);
    if (!xf_xl_number(cfg, value, 0, G_MAXINT32, &number, err))
        return FALSE;
    if (strcmp(key, "pnode") == 0)
        node->pnode = number;
    else
        node->memkb = number * 1024;
    return TRUE;
}

static gboolean
read_node(struct xf_xlcfg *cfg, XLU_ConfigValue *value, GError **err)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    XLU_ConfigList *list;
    libxl_vnode_info *node;

    if (xlu_cfg_value_type(value) != XLU_LIST
        || xlu_cfg_value_get_list(cfg->xlu, value, &list, 1) != 0)
        return xf_xl_bad(cfg, err, "must be a list of lists: [ [ "
                         "\"pnode=0\", ... ] ]");
    node = XF_XL_APPEND(b->vnuma_nodes, b->num_vnuma_nodes);
    libxl_vnode_info_init(node);
    for (int i = 0; ; i++) {
        const char *text = xlu_cfg_get_listitem(list, i);

        if (!text)
            return TRUE;
        if (!read_node_option(cfg, node, text, err))
            return FALSE;
    }
}

/* xl's: the nodes' memory is the guest's largest, their CPUs all it has. */
XF_XL_READER(xf_xl_read_vnuma)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    guint64 sum = 0;
    XLU_ConfigList *list;
    int count;

    if (xlu_cfg_get_list(cfg->xlu, row->key, &list, &count, 1) != 0)
        return xf_xl_bad(cfg, err, "must be a list of lists: [ [ "
                         "\"pnode=0\", ... ] ]");
    for (int i = 0; i < count; i++)
        if (!read_node(cfg, xlu_cfg_get_listitem2(list, i), err))
            return FALSE;
    for (int i = 0; i < b->num_vnuma_nodes; i++) {
        if (b->vnuma_nodes[i].num_distances != count)
            return xf_xl_bad(cfg, err, "node %d has %d distances, not %d", i,
                             b->vnuma_nodes[i].num_distances, count);
        sum += b->vnuma_nodes[i].memkb;
    }
    if (xf_xl_has(cfg, "maxmem") && count > 0 && sum != b->max_memkb)
        return xf_xl_bad(cfg, err, "the nodes have %" G_GUINT64_FORMAT
                         " KiB in all, 'maxmem' is %" G_GUINT64_FORMAT
                         " KiB", sum, b->max_memkb);
    if (count > 0) {
        b->max_memkb = sum;
        libxl_defbool_set(&b->numa_placement, false);
    }
    return TRUE;
}

static char *
node_text(const libxl_vnode_info *node)
{
    g_autofree char *cpus = xf_xl_bits_text(&node->vcpus);
    g_autoptr(GString) distances = g_string_new(NULL);

    for (int i = 0; i < node->num_distances; i++)
        g_string_append_printf(distances, "%s%u", i ? "," : "",
                               node->distances[i]);
    return g_strdup_printf("[ \"pnode=%u\", \"size=%" G_GUINT64_FORMAT "\", "
                           "\"vcpus=%s\", \"vdistances=%s\" ]", node->pnode,
                           node->memkb / 1024, cpus, distances->str);
}

XF_XL_WRITER(xf_xl_write_vnuma)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    g_autoptr(GString) text = g_string_new("[");

    for (int i = 0; i < b->num_vnuma_nodes; i++) {
        g_autofree char *node = node_text(&b->vnuma_nodes[i]);

        g_string_append_printf(text, "%s\n    %s", i ? "," : "", node);
    }
    g_string_append(text, "\n]");
    return b->num_vnuma_nodes
           ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

/* -- cpuid: what libxl holds of it is told by its JSON alone --------------- */

static gboolean
read_cpuid_text(struct xf_xlcfg *cfg, const char *text, GError **err)
{
    libxl_cpuid_policy_list *policy = &cfg->config->b_info.cpuid;
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    if (!parts[0] || strcmp(g_strstrip(parts[0]), "host") != 0)
        return xf_xl_bad(cfg, err, "'%s' does not begin with \"host\"", text);
    for (char **part = parts + 1; *part; part++)
        if (libxl_cpuid_parse_config(policy, g_strstrip(*part)) != 0)
            return xf_xl_cannot(cfg, err, "'%s' is not known", *part);
    return TRUE;
}

/* libxl takes "leaf:reg=bits" apart without looking for what is missing. */
static gboolean
looks_like_leaf(const char *text)
{
    return g_regex_match_simple(
        "^[0-9a-fx]+(,[0-9a-fx]+)?:(e[abcd]x=[01xks]{32},?)+$", text, 0, 0);
}

XF_XL_READER(xf_xl_read_cpuid)
{
    libxl_cpuid_policy_list *policy = &cfg->config->b_info.cpuid;
    g_autoptr(GPtrArray) texts = NULL;

    if (!xf_xl_is_list(cfg, row->key))
        return read_cpuid_text(cfg, xf_xl_string(cfg, row->key, NULL), err);
    texts = xf_xl_strings(cfg, row->key, err);
    for (guint i = 0; texts && i < texts->len; i++)
        if (!looks_like_leaf(texts->pdata[i])
            || libxl_cpuid_parse_config_xend(policy, texts->pdata[i]) != 0)
            return xf_xl_bad(cfg, err, "'%s' is not leaf:register=bits",
                             (char *)texts->pdata[i]);
    return texts != NULL;
}

static char *
leaf_text(JsonObject *leaf)
{
    static const char *const registers[] = { "eax", "ebx", "ecx", "edx" };
    g_autoptr(GString) text = g_string_new(NULL);
    const char *comma = "";

    g_string_append_printf(text, "0x%" G_GINT64_MODIFIER "x",
                           json_object_get_int_member_with_default(
                               leaf, "leaf", 0));
    if (json_object_has_member(leaf, "subleaf"))
        g_string_append_printf(text, ",%" G_GINT64_FORMAT,
                               json_object_get_int_member(leaf, "subleaf"));
    g_string_append_c(text, ':');
    for (gsize i = 0; i < G_N_ELEMENTS(registers); i++) {
        if (!json_object_has_member(leaf, registers[i]))
            continue;
        g_string_append_printf(text, "%s%s=%s", comma, registers[i],
                               json_object_get_string_member(leaf,
                                                             registers[i]));
        comma = ",";
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The leaves: in a list, or since Xen 4.17.3 in one beside that of MSRs. */
static JsonArray *
leaves(JsonObject *root)
{
    JsonObject *b = json_object_get_object_member(root, "b_info");
    JsonNode *cpuid = json_object_get_member(b, "cpuid");

    if (cpuid && JSON_NODE_HOLDS_OBJECT(cpuid))
        cpuid = json_object_get_member(json_node_get_object(cpuid), "cpuid");
    return cpuid && JSON_NODE_HOLDS_ARRAY(cpuid) ? json_node_get_array(cpuid)
                                                 : NULL;
}

XF_XL_WRITER(xf_xl_write_cpuid)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(JsonNode) tree = NULL;
    JsonArray *list;

    if (!out->config->b_info.cpuid)
        return NULL;
    /* What cannot be written is found when the file is read again. */
    tree = xf_residual_tree(out->config, NULL);
    list = tree ? leaves(json_node_get_object(tree)) : NULL;
    for (guint i = 0; list && i < json_array_get_length(list); i++)
        g_ptr_array_add(texts,
                        leaf_text(json_array_get_object_element(list, i)));
    g_ptr_array_add(texts, NULL);
    return texts->len == 1 ? NULL
           : xf_xl_quote_list((const char *const *)texts->pdata);
}

/* -- access to the host's hardware ----------------------------------------- */

/* "2f8" or "2f8-2ff", in hexadecimal */
XF_XL_READER(xf_xl_read_ioports)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    g_autoptr(GPtrArray) texts = xf_xl_strings(cfg, row->key, err);

    for (guint i = 0; texts && i < texts->len; i++) {
        const char *text = texts->pdata[i];
        libxl_ioport_range *range;
        guint64 first, last;
        char *end;

        first = last = g_ascii_strtoull(text, &end, 16);
        if (*end == '-' && end > text)
            last = g_ascii_strtoull(end + 1, &end, 16);
        if (!g_ascii_isxdigit(*text) || *end || first > last
            || last > G_MAXUINT16)
            return xf_xl_bad(cfg, err, "'%s' is not a range of ports in "
                             "hexadecimal, 2f8-2ff", text);
        range = XF_XL_APPEND(b->ioports, b->num_ioports);
        range->first = first;
        range->number = last - first + 1;
    }
    return texts != NULL;
}

XF_XL_WRITER(xf_xl_write_ioports)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

    for (int i = 0; i < b->num_ioports; i++)
        g_ptr_array_add(texts, g_strdup_printf(
            "%x-%x", b->ioports[i].first,
            b->ioports[i].first + b->ioports[i].number - 1));
    g_ptr_array_add(texts, NULL);
    return texts->len == 1 ? NULL
           : xf_xl_quote_list((const char *const *)texts->pdata);
}

/* "START,NUMBER[@GFN]", in hexadecimal */
XF_XL_READER(xf_xl_read_iomem)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    g_autoptr(GPtrArray) texts = xf_xl_strings(cfg, row->key, err);

    for (guint i = 0; texts && i < texts->len; i++) {
        const char *text = texts->pdata[i];
        libxl_iomem_range *range = XF_XL_APPEND(b->iomem, b->num_iomem);
        char *end;

        libxl_iomem_range_init(range);
        if (!g_regex_match_simple(
                "^[0-9a-f]{1,16},[0-9a-f]{1,16}(@[0-9a-f]{1,16})?$", text,
                G_REGEX_CASELESS, 0))
            return xf_xl_bad(cfg, err, "'%s' is not START,NUMBER[@GFN] in "
                             "hexadecimal", text);
        range->start = g_ascii_strtoull(text, &end, 16);
        range->number = g_ascii_strtoull(end + 1, &end, 16);
        if (*end == '@')
            range->gfn = g_ascii_strtoull(end + 1, NULL, 16);
    }
    return texts != NULL;
}

XF_XL_WRITER(xf_xl_write_iomem)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

    for (int i = 0; i < b->num_iomem; i++) {
        const libxl_iomem_range *range = &b->iomem[i];
        g_autofree char *gfn = range->gfn == NO_GFN ? NULL
            : g_strdup_printf("@%" G_GINT64_MODIFIER "x", range->gfn);

        g_ptr_array_add(texts, g_strdup_printf(
            "%" G_GINT64_MODIFIER "x,%" G_GINT64_MODIFIER "x%s",
            range->start, range->number, gfn ? gfn : ""));
    }
    g_ptr_array_add(texts, NULL);
    return texts->len == 1 ? NULL
           : xf_xl_quote_list((const char *const *)texts->pdata);
}

XF_XL_READER(xf_xl_read_irqs)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    g_autoptr(GPtrArray) texts = xf_xl_strings(cfg, row->key, err);

    for (guint i = 0; texts && i < texts->len; i++) {
        gint64 irq;

        if (!xf_xl_number(cfg, texts->pdata[i], 0, G_MAXUINT16, &irq, err))
            return FALSE;
        *XF_XL_APPEND(b->irqs, b->num_irqs) = irq;
    }
    return texts != NULL;
}

XF_XL_WRITER(xf_xl_write_irqs)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    g_autoptr(GString) text = g_string_new("[ ");

    for (int i = 0; i < b->num_irqs; i++)
        g_string_append_printf(text, "%s%u", i ? ", " : "", b->irqs[i]);
    g_string_append(text, " ]");
    return b->num_irqs ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}
