/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/sim/sim-xml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

static inline void
doc_cleanup(xmlDoc **doc)
{
    xmlFreeDoc(*doc);
}
#define AUTO_DOC __attribute__((cleanup(doc_cleanup))) xmlDoc

void
sim_xml_free(struct sim_xml *xml)
{
    if (!xml)
        return;
    g_free(xml->name);
    g_free(xml->uuid);
    g_free(xml);
}

static xmlDoc *
read_doc(const char *text, GError **err)
{
    xmlDoc *doc = xmlReadMemory(text, strlen(text), "domain.xml", NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR |
                                    XML_PARSE_NOWARNING |
                                    XML_PARSE_NOBLANKS);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;

    if (root && !xmlStrcmp(root->name, BAD_CAST "domain"))
        return doc;
    xmlFreeDoc(doc);
    g_set_error(err, XF_ERROR, XF_ERROR_XML,
                "domain XML: not well-formed, or no <domain>");
    return NULL;
}

static xmlNode *
child(xmlNode *node, const char *name)
{
    for (node = node ? node->children : NULL; node; node = node->next)
        if (node->type == XML_ELEMENT_NODE &&
            !xmlStrcmp(node->name, BAD_CAST name))
            return node;
    return NULL;
}

/* NULL when the element is missing or empty. */
static char *
child_text(xmlNode *node, const char *name)
{
    xmlNode *found = child(node, name);
    xmlChar *text = found ? xmlNodeGetContent(found) : NULL;
    char *copy = text ? g_strstrip(g_strdup((char *)text)) : NULL;

    xmlFree(text);
    if (copy && !*copy)
        g_clear_pointer(&copy, g_free);
    return copy;
}

static enum xf_guest_type
parse_type(xmlNode *root)
{
    static const struct {
        const char *word;
        enum xf_guest_type type;
    } types[] = {
        { "linux", XF_GUEST_PV },
        { "xen", XF_GUEST_PV },
        { "xenpvh", XF_GUEST_PVH },
        { "hvm", XF_GUEST_HVM },
    };
    g_autofree char *text = child_text(child(root, "os"), "type");

    for (gsize i = 0; text && i < G_N_ELEMENTS(types); i++)
        if (!strcmp(text, types[i].word))
            return types[i].type;
    return XF_GUEST_UNKNOWN;
}

static guint64
parse_memory(xmlNode *root)
{
    static const struct {
        const char *unit;
        guint64 bytes;
    } units[] = {
        { "KiB", 1024 },
        { "b", 1 },
        { "bytes", 1 },
        { "k", 1024 },
        { "MiB", 1024 * 1024 },
        { "M", 1024 * 1024 },
        { "GiB", 1024 * 1024 * 1024 },
        { "G", 1024 * 1024 * 1024 },
    };
    g_autofree char *text = child_text(root, "memory");

    if (!text)
        return 0;

    xmlChar *unit = xmlGetProp(child(root, "memory"), BAD_CAST "unit");
    gsize i = 0;

    while (unit && i < G_N_ELEMENTS(units) &&
           strcmp((char *)unit, units[i].unit))
        i++;
    xmlFree(unit);
    if (i == G_N_ELEMENTS(units))
        return 0;
    return g_ascii_strtoull(text, NULL, 10) * units[i].bytes / 1024;
}

static enum sim_policy
parse_policy(xmlNode *root, const char *name, enum sim_policy fallback)
{
    static const char *const words[] = {
        [SIM_DESTROY] = "destroy",
        [SIM_RESTART] = "restart",
        [SIM_PRESERVE] = "preserve",
    };
    g_autofree char *text = child_text(root, name);

    for (gsize i = 0; text && i < G_N_ELEMENTS(words); i++)
        if (!strcmp(text, words[i]))
            return i;
    return fallback;
}

static gboolean
check(struct sim_xml *xml, GError **err)
{
    guint8 uuid[XF_UUID_LEN];
    char text[XF_UUID_STRING_LEN + 1];
    const char *what = NULL;

    if (!xml->name)
        what = "<name> is missing";
    else if (!xf_uuid_parse(xml->uuid, uuid))
        what = "<uuid> is malformed";
    else if (xml->type == XF_GUEST_UNKNOWN)
        what = "<os><type> is neither linux, xenpvh nor hvm";
    else if (xml->memory_kib < SIM_PAGE_KIB)
        what = "<memory> is missing or malformed";
    if (what) {
        g_set_error(err, XF_ERROR, XF_ERROR_XML, "domain XML: %s", what);
        return FALSE;
    }
    g_free(xml->uuid);
    xml->uuid = g_strdup(xf_uuid_format(uuid, text));
    return TRUE;
}

struct sim_xml *
sim_xml_parse(const char *text, GError **err)
{
    AUTO_DOC *doc = read_doc(text, err);

    if (!doc)
        return NULL;

    xmlNode *root = xmlDocGetRootElement(doc);
    XF_AUTO(sim_xml) *xml = g_new0(struct sim_xml, 1);
    g_autofree char *vcpus = child_text(root, "vcpu");

    xml->name = child_text(root, "name");
    xml->uuid = child_text(root, "uuid");
    if (!xml->uuid)
        xml->uuid = g_uuid_string_random();
    xml->type = parse_type(root);
    xml->memory_kib = parse_memory(root);
    xml->vcpus = vcpus ? MAX(atoi(vcpus), 1) : 1;
    xml->on_poweroff = parse_policy(root, "on_poweroff", SIM_DESTROY);
    xml->on_reboot = parse_policy(root, "on_reboot", SIM_RESTART);
    xml->on_crash = parse_policy(root, "on_crash", SIM_DESTROY);
    if (!check(xml, err))
        return NULL;
    return g_steal_pointer(&xml);
}

static void
set_text(xmlNode *root, const char *name, const char *text)
{
    xmlNode *node = child(root, name);
    xmlChar *escaped = xmlEncodeSpecialChars(root->doc, BAD_CAST text);

    if (node)
        xmlNodeSetContent(node, escaped);
    else
        xmlNewChild(root, NULL, BAD_CAST name, escaped);
    xmlFree(escaped);
}

char *
sim_xml_current(const char *text, const struct sim_domain *dom,
                gboolean inactive, GError **err)
{
    AUTO_DOC *doc = read_doc(text, err);

    if (!doc)
        return NULL;

    xmlNode *root = xmlDocGetRootElement(doc);
    g_autofree char *id = g_strdup_printf("%d", dom->domid);

    xmlUnsetProp(root, BAD_CAST "id");
    if (!inactive)
        xmlSetProp(root, BAD_CAST "id", BAD_CAST id);
    set_text(root, "name", dom->name);
    set_text(root, "uuid", dom->uuid);

    xmlBuffer *buffer = xmlBufferCreate();

    xmlNodeDump(buffer, doc, root, 0, 1);

    char *copy = g_strdup((const char *)xmlBufferContent(buffer));

    xmlBufferFree(buffer);
    return copy;
}
