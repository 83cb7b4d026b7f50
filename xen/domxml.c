/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML to libxl configuration: the entry and the root's table.  The
 * places below the root each have their file: domxml-os.c, -cpu.c,
 * -features.c, -devices.c, -disk.c, -net.c, -graphics.c, -hostdev.c.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/types.h"
#include "xen/domxml-private.h"
#include "xen/domxml-residual.h"

gboolean
xf_xml_is_hvm(const struct xf_domxml *dom)
{
    return dom->config->c_info.type == LIBXL_DOMAIN_TYPE_HVM;
}

gboolean
xf_xml_is_pv(const struct xf_domxml *dom)
{
    return dom->config->c_info.type == LIBXL_DOMAIN_TYPE_PV;
}

/* -- who it is ------------------------------------------------------------- */

static gboolean
read_name(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    const char *name = xf_xml_text(dom, node);

    const char *fault = xf_name_fault(name);

    if (fault)
        return xf_xml_bad(err, node, "'%s' %s", name, fault);
    dom->config->c_info.name = xf_xl_strdup(name);
    return TRUE;
}

static gboolean
read_uuid(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    const char *text = xf_xml_text(dom, node);
    guint8 uuid[XF_UUID_LEN];

    if (!xf_uuid_parse(text, uuid))
        return xf_xml_bad(err, node, "'%s' is not a uuid", text);
    memcpy(dom->config->c_info.uuid.uuid, uuid, sizeof(uuid));
    dom->uuid_seen = TRUE;
    return TRUE;
}

/* A guest reads it as a GUID of Microsoft's, whose first three fields are
 * little-endian.  An empty one is made up, as libvirt does. */
static gboolean
read_genid(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    const char *text = xf_xml_text(dom, node);
    libxl_uuid made;
    guint8 uuid[XF_UUID_LEN];

    if (!xf_xml_is_hvm(dom))
        return xf_xml_cannot(err, node, "only a guest of type 'hvm' has a "
                             "generation id");
    libxl_uuid_generate(&made);
    memcpy(uuid, made.uuid, sizeof(uuid));
    if (*text && !xf_uuid_parse(text, uuid))
        return xf_xml_bad(err, node, "'%s' is not a uuid", text);
    xf_xml_swap_guid(uuid, dom->config->b_info.u.hvm.ms_vm_genid.bytes);
    return TRUE;
}

/* -- memory ---------------------------------------------------------------- */

static gboolean
read_kib(struct xf_domxml *dom, xmlNode *node, guint64 *kib, GError **err)
{
    if (!xf_xml_size_text(dom, node, kib, err))
        return FALSE;
    if (*kib == 0 || *kib > XF_XML_MEMORY_MAX_KIB)
        return xf_xml_bad(err, node, "is not from 1 KiB to %" G_GUINT64_FORMAT
                          " KiB", XF_XML_MEMORY_MAX_KIB);
    return TRUE;
}

static gboolean
read_memory(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    dom->memory_seen = TRUE;
    return read_kib(dom, node, &dom->config->b_info.max_memkb, err);
}

static gboolean
read_current_memory(struct xf_domxml *dom, xmlNode *node, void *arg,
                    GError **err)
{
    dom->current_node = node;
    return read_kib(dom, node, &dom->config->b_info.target_memkb, err);
}

static gboolean
memory_finish(struct xf_domxml *dom, GError **err)
{
    libxl_domain_build_info *b = &dom->config->b_info;

    if (!dom->memory_seen)
        return xf_xml_bad(err, dom->root, "has no <memory>");
    if (!dom->current_node)
        b->target_memkb = b->max_memkb;
    if (b->target_memkb > b->max_memkb)
        return xf_xml_bad(err, dom->current_node, "%" G_GUINT64_FORMAT
                          " KiB is more than <memory>, %" G_GUINT64_FORMAT
                          " KiB", b->target_memkb, b->max_memkb);
    return TRUE;
}

#define NO_BACKING "a guest's memory is Xen's, not a file of dom0"

static const struct xf_xml_rule memory_backing_rules[] = {
    { .name = "nosharepages", .flags = XF_RULE_HARMLESS,
      .why = "Xen shares no pages unless told to" },
    { .name = "locked", .flags = XF_RULE_HARMLESS,
      .why = "a Xen guest's memory is never swapped out by the host" },
    { .name = "source", .why = NO_BACKING },
    { .name = "access", .why = NO_BACKING },
    { .name = "allocation", .why = NO_BACKING },
    { .name = "discard", .why = NO_BACKING },
    { .name = "hugepages", .why = "Xen takes superpages where it can and "
                                  "cannot be told to" },
    { .name = NULL }
};

/* -- what happens when it ends --------------------------------------------- */

static const struct xf_xml_word actions[] = {
    { "destroy", LIBXL_ACTION_ON_SHUTDOWN_DESTROY, NULL },
    { "restart", LIBXL_ACTION_ON_SHUTDOWN_RESTART, NULL },
    { "preserve", LIBXL_ACTION_ON_SHUTDOWN_PRESERVE, NULL },
    { "rename-restart", LIBXL_ACTION_ON_SHUTDOWN_RESTART_RENAME, NULL },
    { "coredump-destroy", LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY, NULL },
    { "coredump-restart", LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART, NULL },
    { NULL, 0, NULL }
};

static gboolean
read_action(struct xf_domxml *dom, xmlNode *node,
            libxl_action_on_shutdown *out, GError **err)
{
    int action;

    if (!xf_xml_word_text(dom, node, &action, err))
        return FALSE;
    *out = action;
    return TRUE;
}

static gboolean
read_on_poweroff(struct xf_domxml *dom, xmlNode *node, void *arg,
                 GError **err)
{
    return read_action(dom, node, &dom->config->on_poweroff, err);
}

static gboolean
read_on_reboot(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    return read_action(dom, node, &dom->config->on_reboot, err);
}

static gboolean
read_on_crash(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    return read_action(dom, node, &dom->config->on_crash, err);
}

/* -- booting a PV or PVH guest by a bootloader ----------------------------- */

static gboolean
not_hvm(struct xf_domxml *dom, xmlNode *node, GError **err)
{
    return !xf_xml_is_hvm(dom)
           || xf_xml_cannot(err, node, "only a guest of type 'linux' or "
                            "'xenpvh' has a bootloader");
}

static gboolean
read_bootloader(struct xf_domxml *dom, xmlNode *node, void *arg,
                GError **err)
{
    const char *path = xf_xml_text(dom, node);

    if (!not_hvm(dom, node, err))
        return FALSE;
    if (*path)
        dom->config->b_info.bootloader = xf_xl_strdup(path);
    return TRUE;
}

static gboolean
read_bootloader_args(struct xf_domxml *dom, xmlNode *node, void *arg,
                     GError **err)
{
    if (!not_hvm(dom, node, err))
        return FALSE;

    g_auto(GStrv) words = g_strsplit_set(xf_xml_text(dom, node), " \t\n", -1);

    for (char **word = words; *word; word++)
        if (**word)
            xf_xl_list_add(&dom->config->b_info.bootloader_args, *word);
    return TRUE;
}

/* -- the rest of the root -------------------------------------------------- */

static gboolean
read_xen_arg(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    const char *value = xf_xml_attr(dom, node, "value");

    if (!value)
        return xf_xml_bad(err, node, "needs the attribute 'value'");
    xf_xl_list_add(&dom->config->b_info.extra, value);
    return TRUE;
}

static const struct xf_xml_rule commandline_rules[] = {
    { .name = "arg", .ns = XF_XML_COMMANDLINE_NS, .attrs = "value",
      .read = read_xen_arg, .flags = XF_RULE_MANY },
    { .name = NULL }
};

static const struct xf_xml_word seclabel_types[] = {
    { "static", 1, NULL }, { "none", 0, NULL }, { "dynamic", 0, NULL },
    { NULL, 0, NULL }
};

static gboolean
read_label(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    const int *is_static = arg;
    const char *text = xf_xml_text(dom, node);

    if (*is_static && *text)
        dom->config->c_info.ssid_label = xf_xl_strdup(text);
    return TRUE;
}

static const struct xf_xml_rule seclabel_rules[] = {
    { .name = "label", .read = read_label, .flags = XF_RULE_TEXT },
    { .name = NULL }
};

static gboolean
read_seclabel(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    const char *model = xf_xml_attr(dom, node, "model");
    int is_static = 0;

    if (!xf_xml_word_attr(dom, node, "type", &is_static, err))
        return FALSE;
    if (is_static && g_strcmp0(model, "flask") != 0)
        return xf_xml_cannot(err, node, "a static label needs the model "
                             "'flask', not '%s'", model ? model : "");
    if (!is_static)
        xf_xml_idle(dom, node, NULL);
    else if (dom->config->c_info.ssid_label)
        return xf_xml_cannot(err, node, "a guest has one static label");
    if (!xf_xml_walk(dom, node, seclabel_rules, &is_static, err))
        return FALSE;
    return !is_static || dom->config->c_info.ssid_label
           || xf_xml_bad(err, node, "a static label needs its <label>");
}

/* Ours is read, what others keep there is theirs. */
static gboolean
read_metadata(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    for (xmlNode *n = node->children; n; n = n->next) {
        if (n->type != XML_ELEMENT_NODE || !n->ns
            || g_strcmp0((const char *)n->ns->href, XF_DOMXML_NS) != 0)
            continue;
        if (!xmlStrEqual(n->name, BAD_CAST XF_RESIDUAL_ELEMENT))
            return xf_xml_cannot(err, n, "is not known in the namespace "
                                 XF_DOMXML_NS);
        if (dom->residual)
            return xf_xml_bad(err, n, "appears twice");
        dom->residual = xf_xml_text(dom, n);
        dom->residual_node = n;
    }
    return TRUE;
}

#define NO_THREADS "libxl's disks have no I/O threads"

const struct xf_xml_rule xf_xml_root_rules[] = {
    { .name = "name", .read = read_name, .flags = XF_RULE_TEXT },
    { .name = "uuid", .read = read_uuid, .flags = XF_RULE_TEXT },
    /* kept with the document */
    { .name = "genid", .read = read_genid, .flags = XF_RULE_TEXT },
    { .name = "title", .flags = XF_RULE_TEXT },
    { .name = "description", .flags = XF_RULE_TEXT },
    { .name = "metadata", .read = read_metadata, .flags = XF_RULE_OWN },
    { .name = "memory", .attrs = "unit ~dumpCore", .read = read_memory,
      .attrs_why = "libxl's core dumps have the guest's memory always",
      .flags = XF_RULE_TEXT },
    { .name = "currentMemory", .attrs = "unit", .read = read_current_memory,
      .flags = XF_RULE_TEXT },
    { .name = "maxMemory", .why = "libxl has no memory hotplug; give the "
                                  "largest size in <memory>" },
    { .name = "memoryBacking", .children = memory_backing_rules },
    { .name = "memtune", .why = "libxl has no memory limits but <memory>" },
    { .name = "blkiotune", .why = "libxl has no block I/O limits" },
    { .name = "vcpu", .attrs = "current cpuset placement",
      .values = xf_xml_vcpu_values,
      .read = xf_xml_read_vcpu, .flags = XF_RULE_TEXT },
    { .name = "vcpus", .children = xf_xml_vcpus_rules },
    { .name = "iothreads", .why = NO_THREADS },
    { .name = "iothreadids", .why = NO_THREADS },
    { .name = "defaultiothread", .why = NO_THREADS },
    { .name = "cputune", .children = xf_xml_cputune_rules },
    { .name = "numatune", .children = xf_xml_numatune_rules },
    { .name = "resource", .flags = XF_RULE_HARMLESS,
      .why = "control groups do not hold Xen guests" },
    { .name = "sysinfo", .why = "libxl cannot set SMBIOS strings" },
    { .name = "bootloader", .read = read_bootloader, .flags = XF_RULE_TEXT },
    { .name = "bootloader_args", .read = read_bootloader_args,
      .flags = XF_RULE_TEXT },
    { .name = "os", .attrs = "firmware", .values = xf_xml_os_values,
      .children = xf_xml_os_rules,
      .read = xf_xml_read_os },
    { .name = "features", .children = xf_xml_feature_rules },
    { .name = "cpu", .attrs = "mode match check migratable",
      .values = xf_xml_cpu_values,
      .idle = "Xen shows guests the host's CPU less what cannot migrate, "
              "whatever the mode",
      .read = xf_xml_read_cpu, .children = xf_xml_cpu_rules },
    { .name = "clock", .attrs = "offset adjustment basis start !timezone",
      .attrs_no = "libxl knows UTC and the host's local time only",
      .values = xf_xml_clock_values,
      .read = xf_xml_read_clock, .children = xf_xml_clock_rules },
    { .name = "on_poweroff", .values = XF_XML_VALUES({ NULL, actions }),
      .read = read_on_poweroff, .flags = XF_RULE_TEXT },
    { .name = "on_reboot", .values = XF_XML_VALUES({ NULL, actions }),
      .read = read_on_reboot, .flags = XF_RULE_TEXT },
    { .name = "on_crash", .values = XF_XML_VALUES({ NULL, actions }),
      .read = read_on_crash, .flags = XF_RULE_TEXT },
    { .name = "on_lockfailure", .why = "no lock manager is used" },
    { .name = "pm", .children = xf_xml_pm_rules },
    { .name = "perf", .flags = XF_RULE_HARMLESS,
      .why = "counters of the host, not of the guest" },
    { .name = "idmap", .why = "containers are not Xen's" },
    { .name = "keywrap", .why = "x86 guests have none" },
    { .name = "launchSecurity", .why = "Xen guests are not encrypted" },
    { .name = "devices", .children = xf_xml_device_rules },
    { .name = "seclabel", .attrs = "type model ~relabel",
      .values = XF_XML_VALUES({ "type", seclabel_types }),
      .attrs_why = "dom0 relabels no files for Xen",
      .idle = "without a static label the guest has the hypervisor's default",
      .read = read_seclabel, .children = seclabel_rules,
      .flags = XF_RULE_MANY | XF_RULE_OWN },
    { .name = "commandline", .ns = XF_XML_COMMANDLINE_NS,
      .children = commandline_rules },
    { .name = "commandline", .ns = XF_XML_QEMU_NS,
      .why = "that is for QEMU's own guests; Xen's have xen:commandline" },
    { .name = NULL }
};

static gboolean
check_root(struct xf_domxml *dom, GError **err)
{
    const char *type;

    if (!xmlStrEqual(dom->root->name, BAD_CAST "domain") || dom->root->ns)
        return xf_xml_bad(err, dom->root, "is not a <domain>");
    for (const xmlAttr *a = dom->root->properties; a; a = a->next)
        if (!xmlStrEqual(a->name, BAD_CAST "type")
            && !xmlStrEqual(a->name, BAD_CAST "id"))
            return xf_xml_cannot(err, dom->root, "attribute '%s' is not "
                                 "known", (const char *)a->name);
    if (xf_xml_attr(dom, dom->root, "id"))
        xf_xml_ignored(dom, dom->root, "id", "the number that the guest had "
                       "on some host");
    type = xf_xml_need_attr(dom, dom->root, "type", err);
    if (!type)
        return FALSE;
    if (strcmp(type, "xen") != 0)
        return xf_xml_cannot(err, dom->root, "type '%s': only 'xen' runs "
                             "here", type);
    return TRUE;
}

static void
set_defaults(libxl_domain_config *config)
{
    config->on_poweroff = LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    config->on_reboot = LIBXL_ACTION_ON_SHUTDOWN_RESTART;
    config->on_crash = LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
}

static gboolean
identity_finish(struct xf_domxml *dom, GError **err)
{
    if (!dom->config->c_info.name)
        return xf_xml_bad(err, dom->root, "has no <name>");
    if (!dom->uuid_seen)
        libxl_uuid_generate(&dom->config->c_info.uuid);
    return TRUE;
}

static gboolean
read_document(struct xf_domxml *dom, GError **err)
{
    set_defaults(dom->config);
    return check_root(dom, err)
           && xf_xml_os_type(dom, err)
           && xf_xml_walk(dom, dom->root, xf_xml_root_rules, NULL, err)
           && identity_finish(dom, err)
           && memory_finish(dom, err)
           && xf_xml_vcpus_finish(dom, err)
           && xf_xml_os_finish(dom, err)
           && xf_xml_features_finish(dom, err)
           && xf_xml_devices_finish(dom, err)
           && (!dom->residual
               || xf_residual_apply(dom->config, dom->residual,
                                    dom->residual_node, err));
}

static void
free_xml_string(void *text)
{
    xmlFree(text);
}

static void
domxml_init(struct xf_domxml *dom, xmlDoc *doc, libxl_domain_config *config)
{
    *dom = (struct xf_domxml){
        .config = config,
        .root = xmlDocGetRootElement(doc),
        .strings = g_ptr_array_new_with_free_func(free_xml_string),
        .boot = g_string_new(NULL),
        .disk_nodes = g_ptr_array_new(),
        .vdevs = g_hash_table_new_full(NULL, NULL, NULL, g_free),
    };
}

static void
domxml_clear(struct xf_domxml *dom)
{
    g_ptr_array_unref(dom->strings);
    g_string_free(dom->boot, TRUE);
    g_hash_table_unref(dom->vdevs);
    g_ptr_array_unref(dom->disk_nodes);
    libxl_bitmap_dispose(&dom->online);
    libxl_bitmap_dispose(&dom->listed);
    libxl_bitmap_dispose(&dom->cpuset);
    g_clear_pointer(&dom->pins, g_array_unref);
    g_clear_pointer(&dom->memnodes, g_array_unref);
    g_clear_pointer(&dom->boot_devices, g_array_unref);
}

gboolean
xf_domxml_parse_on(const char *xml, GHashTable *networks,
                   GPtrArray *ignored, libxl_domain_config *config,
                   GError **err)
{
    XF_AUTO_XMLDOC xmlDoc *doc = xf_xml_read(xml, err);
    struct xf_domxml dom;
    gboolean ok;

    libxl_domain_config_init(config);
    if (!doc)
        return FALSE;
    domxml_init(&dom, doc, config);
    dom.networks = networks;
    dom.ignored = ignored;
    ok = read_document(&dom, err);
    domxml_clear(&dom);
    if (!ok)
        libxl_domain_config_dispose(config);
    return ok;
}

gboolean
xf_domxml_parse(const char *xml, libxl_domain_config *config, GError **err)
{
    return xf_domxml_parse_on(xml, NULL, NULL, config, err);
}
