/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl configuration to domain XML.  The document is written, read back, and
 * what reading back does not give is added as the residual.  A document that
 * was kept and still describes the domain takes the place of the written one.
 */
#include "config.h"

#include "protocol/driver.h"
#include "protocol/types.h"
#include "xen/domxml-format.h"
#include "xen/domxml-kept.h"
#include "xen/domxml-private.h"
#include "xen/domxml-residual.h"

/* libxl's own defaults, for a reader who knows XML only */
#define DEFAULT_MEMORY_KIB (32 * 1024)

/* -- who, how much --------------------------------------------------------- */

static void
write_identity(const struct xf_xml_out *out, xmlNode *domain)
{
    char uuid[XF_UUID_STRING_LEN + 1];
    const libxl_domain_create_info *c = &out->config->c_info;

    xf_out_text(domain, "name", "%s", c->name);
    if (!libxl_uuid_is_nil(&c->uuid))
        xf_out_text(domain, "uuid", "%s", xf_uuid_format(c->uuid.uuid, uuid));
}

static void
write_genid(const struct xf_xml_out *out, xmlNode *domain)
{
    const libxl_ms_vm_genid *genid = &out->config->b_info.u.hvm.ms_vm_genid;
    char text[XF_UUID_STRING_LEN + 1];
    guint8 uuid[XF_UUID_LEN];

    if (!out->hvm || libxl_ms_vm_genid_is_zero(genid))
        return;
    xf_xml_swap_guid(genid->bytes, uuid);
    xf_out_text(domain, "genid", "%s", xf_uuid_format(uuid, text));
}

static void
write_kib(xmlNode *domain, const char *name, guint64 kib)
{
    xf_out_attr(xf_out_text(domain, name, "%" G_GUINT64_FORMAT, kib), "unit",
                "KiB");
}

static void
memory_of(const struct xf_xml_out *out, guint64 *max, guint64 *target)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    *max = b->max_memkb;
    *target = b->target_memkb;
    if (*max == 0 || *max > XF_XML_MEMORY_MAX_KIB)
        *max = DEFAULT_MEMORY_KIB;
    if (*target == 0 || *target > *max)
        *target = *max;
}

gboolean
xf_out_on_demand(const struct xf_xml_out *out)
{
    guint64 max, target;

    memory_of(out, &max, &target);
    return !out->pv && target < max;
}

static void
write_memory(const struct xf_xml_out *out, xmlNode *domain)
{
    guint64 max, target;

    memory_of(out, &max, &target);
    write_kib(domain, "memory", max);
    write_kib(domain, "currentMemory", target);
}

/* -- what happens when it ends --------------------------------------------- */

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

/* libvirt dumps a guest's core only when it has crashed; the rest is for the
 * residual. */
static libxl_action_on_shutdown
without_dump(libxl_action_on_shutdown action)
{
    if (action == LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY)
        return LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    if (action == LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART)
        return LIBXL_ACTION_ON_SHUTDOWN_RESTART;
    return action;
}

static void
write_actions(const struct xf_xml_out *out, xmlNode *domain)
{
    write_action(domain, "on_poweroff",
                 without_dump(out->config->on_poweroff));
    write_action(domain, "on_reboot", without_dump(out->config->on_reboot));
    write_action(domain, "on_crash", out->config->on_crash);
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
    write_identity,    write_genid,    write_memory,    xf_out_vcpus,
    xf_out_cputune,    xf_out_numatune, xf_out_bootloader, xf_out_os,
    xf_out_features,   xf_out_cpu,     xf_out_clock,    write_actions,
    xf_out_pm,         xf_out_devices, write_seclabel,  write_commandline,
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

char *
xf_out_document(xmlDoc *doc)
{
    xmlBuffer *buffer = xmlBufferCreate();
    char *text;

    xmlNodeDump(buffer, doc, xmlDocGetRootElement(doc), 0, 1);
    text = g_strconcat((const char *)xmlBufferContent(buffer), "\n", NULL);
    xmlBufferFree(buffer);
    return text;
}

/* Into <metadata>; libvirt has that after name and uuid. */
static void
add_residual(xmlDoc *doc, const char *text)
{
    xmlNode *domain = xmlDocGetRootElement(doc);
    xmlNode *metadata = xf_xml_child(domain, "metadata"), *node;
    xmlNode *before = xf_xml_child(domain, "uuid");
    xmlNs *ns;

    if (!before)
        before = xf_xml_child(domain, "name");
    if (!metadata) {
        metadata = xmlNewNode(NULL, BAD_CAST "metadata");
        xmlAddNextSibling(before, metadata);
    }
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

/* Who reads a document without a uuid makes one up. */
static void
strip_uuid(JsonNode *tree)
{
    JsonObject *c_info = json_object_get_object_member(
        json_node_get_object(tree), "c_info");

    if (json_object_has_member(c_info, "uuid"))
        json_object_remove_member(c_info, "uuid");
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
    if (libxl_uuid_is_nil(&out->config->c_info.uuid)) {
        strip_uuid(target);
        strip_uuid(base);
    }
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

/* `doc` as text, with the residual. */
static char *
finish_document(const struct xf_xml_out *out, xmlDoc *doc, GError **err)
{
    g_autofree char *text = xf_out_document(doc);
    g_autofree char *residual = NULL;

    if (!find_residual(out, text, &residual, err))
        return NULL;
    if (!residual)
        return g_steal_pointer(&text);
    add_residual(doc, residual);
    return xf_out_document(doc);
}

/* Does all that the kept document says hold for the domain? */
static gboolean
still_true(const struct xf_xml_out *out, xmlDoc *kept)
{
    struct xf_xml_out all = *out;
    g_autofree char *text = xf_out_document(kept);
    g_autoptr(GError) err = NULL;
    g_autoptr(JsonNode) base = tree_of_text(text, &err);
    g_autoptr(JsonNode) target = NULL;

    all.secure = TRUE;
    target = base ? target_tree(&all, &err) : NULL;
    if (!target)
        g_info("domain '%s': the document that is kept of it is of use for "
               "its texts only: %s", out->config->c_info.name, err->message);
    return target && xf_residual_only_adds(base, target);
}

/* From the configuration, with what is grafted of `kept` (may be NULL). */
static char *
describe_anew(const struct xf_xml_out *out, int id, const xmlDoc *kept,
              GError **err)
{
    XF_AUTO_XMLDOC xmlDoc *doc = write_document(out, id);

    if (kept)
        xf_kept_graft(kept, doc);
    return finish_document(out, doc, err);
}

/* NULL: the kept document is of no use at all. */
static char *
describe_kept(const struct xf_xml_out *out, int id, const char *kept)
{
    XF_AUTO_XMLDOC xmlDoc *doc = xf_kept_read(kept, out->config);
    g_autoptr(GError) err = NULL;
    char *text;

    if (!doc)
        return NULL;
    if (still_true(out, doc)) {
        xf_kept_set_id(doc, id);
        if (!out->secure)
            xf_kept_strip_secrets(doc);
        text = finish_document(out, doc, &err);
    } else {
        text = describe_anew(out, id, doc, &err);
    }
    if (!text)
        g_info("domain '%s': the document that is kept of it is of no use: "
               "%s", out->config->c_info.name, err->message);
    return text;
}

char *
xf_domxml_describe(const libxl_domain_config *config, int domid, guint flags,
                   const char *kept, GError **err)
{
    struct xf_xml_out out = {
        .config = config,
        .secure = (flags & XF_XML_SECURE) != 0,
        .hvm = config->c_info.type == LIBXL_DOMAIN_TYPE_HVM,
        .pv = config->c_info.type == LIBXL_DOMAIN_TYPE_PV,
    };
    int id = flags & XF_XML_INACTIVE ? -1 : domid;

    if (!check_config(config, err))
        return NULL;

    g_autofree char *text = kept ? describe_kept(&out, id, kept) : NULL;

    return text ? g_steal_pointer(&text) : describe_anew(&out, id, NULL, err);
}

char *
xf_domxml_format(const libxl_domain_config *config, int domid, guint flags,
                 GError **err)
{
    return xf_domxml_describe(config, domid, flags, NULL, err);
}
