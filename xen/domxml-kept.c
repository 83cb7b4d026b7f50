/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The document that a domain was made from: see domxml-kept.h. */
#include "config.h"

#include <string.h>

#include "protocol/types.h"
#include "xen/domxml-format.h"
#include "xen/domxml-kept.h"
#include "xen/domxml-private.h"
#include "xen/domxml-residual.h"

static void
drop(xmlNode *node)
{
    xmlUnlinkNode(node);
    xmlFreeNode(node);
}

/* Blanks between elements go, so that what is added is indented with the
 * rest; what others have in <metadata> is left as it stands. */
static void
drop_blanks(xmlNode *parent)
{
    xmlNode *next;

    if (!xmlFirstElementChild(parent))
        return;
    for (xmlNode *n = parent->children; n; n = next) {
        next = n->next;
        if (n->type == XML_TEXT_NODE && xmlIsBlankNode(n))
            drop(n);
        else if (n->type == XML_ELEMENT_NODE
                 && !xmlStrEqual(parent->name, BAD_CAST "metadata"))
            drop_blanks(n);
    }
}

static gboolean
is_ours(const xmlNode *node)
{
    return node->type == XML_ELEMENT_NODE && node->ns
           && g_strcmp0((const char *)node->ns->href, XF_DOMXML_NS) == 0;
}

/* What is ours in <metadata> is made anew each time. */
static void
drop_ours(xmlNode *domain)
{
    xmlNode *metadata = xf_xml_child(domain, "metadata"), *next;

    for (xmlNode *n = metadata ? metadata->children : NULL; n; n = next) {
        next = n->next;
        if (is_ours(n))
            drop(n);
    }
    if (metadata && !metadata->children)
        drop(metadata);
}

/* The child of that name with that text, the first but for `after`. */
static xmlNode *
set_text(xmlNode *domain, const char *name, const char *text, xmlNode *after)
{
    xmlNode *node = xf_xml_child(domain, name);
    xmlNode *made = xmlNewNode(NULL, BAD_CAST name);

    xmlNodeAddContent(made, BAD_CAST text);
    if (node)
        drop(node);
    if (after)
        return xmlAddNextSibling(after, made);
    if (domain->children)
        return xmlAddPrevSibling(domain->children, made);
    return xmlAddChild(domain, made);
}

/* A document need not give addresses; libxl has made them up, and the guest
 * keeps them. */
static void
fill_macs(xmlNode *domain, const libxl_domain_config *config)
{
    xmlNode *devices = xf_xml_child(domain, "devices");
    xmlNode *nic = xf_xml_child(devices, "interface");

    for (int i = 0; nic && i < config->num_nics;
         nic = xf_xml_next(nic->next, "interface"), i++)
        if (!xf_xml_child(nic, "mac"))
            xf_out_mac(&config->nics[i], nic);
}

xmlDoc *
xf_kept_read(const char *kept, const libxl_domain_config *config)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO_XMLDOC xmlDoc *doc = xf_xml_read(kept, &err);
    xmlNode *domain = doc ? xmlDocGetRootElement(doc) : NULL;
    char uuid[XF_UUID_STRING_LEN + 1];
    xmlNode *name;

    if (!domain || !xmlStrEqual(domain->name, BAD_CAST "domain")) {
        g_info("domain '%s': the document that is kept of it cannot be read: "
               "%s", config->c_info.name,
               err ? err->message : "it is not a <domain>");
        return NULL;
    }
    drop_blanks(domain);
    drop_ours(domain);
    name = set_text(domain, "name", config->c_info.name, NULL);
    set_text(domain, "uuid",
             xf_uuid_format(config->c_info.uuid.uuid, uuid), name);
    fill_macs(domain, config);
    return g_steal_pointer(&doc);
}

void
xf_kept_graft(const xmlDoc *kept, xmlDoc *doc)
{
    static const char *const names[] = { "title", "description",
                                         "metadata" };
    const xmlNode *from = xmlDocGetRootElement((xmlDoc *)kept);
    xmlNode *after = xf_xml_child(xmlDocGetRootElement(doc), "uuid");

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        xmlNode *node = xf_xml_child(from, names[i]);

        if (node)
            after = xmlAddNextSibling(after, xmlDocCopyNode(node, doc, 1));
    }
}

void
xf_kept_strip_secrets(xmlDoc *kept)
{
    xmlNode *devices = xf_xml_child(xmlDocGetRootElement(kept), "devices");

    for (xmlNode *n = xf_xml_child(devices, "graphics"); n;
         n = xf_xml_next(n->next, "graphics"))
        xmlUnsetProp(n, BAD_CAST "passwd");
}

void
xf_kept_set_id(xmlDoc *kept, int domid)
{
    xmlNode *domain = xmlDocGetRootElement(kept);

    xmlUnsetProp(domain, BAD_CAST "id");
    if (domid >= 0)
        xf_out_attr(domain, "id", "%d", domid);
}
