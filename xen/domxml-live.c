/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is true of a running domain only: see xf_domxml_add_live(). */
#include "config.h"

#include <string.h>

#include "xen/domxml-format.h"
#include "xen/domxml-private.h"

static void
set_attr(xmlNode *node, const char *name, const char *value)
{
    xmlSetProp(node, BAD_CAST name, BAD_CAST value);
}

static gboolean
attr_is(xmlNode *node, const char *name, const char *value)
{
    xmlChar *text = node ? xmlGetNoNsProp(node, BAD_CAST name) : NULL;
    gboolean same = text && xmlStrEqual(text, BAD_CAST value);

    xmlFree(text);
    return same;
}

static void
add_tty(xmlNode *console, const struct xf_domxml_live *live)
{
    const char *tty = attr_is(xf_xml_child(console, "target"), "type", "xen")
        ? live->console : live->serial;

    if (tty && xf_out_has(tty))
        set_attr(console, "tty", tty);
}

static void
add_port(xmlNode *graphics, const struct xf_domxml_live *live)
{
    g_autofree char *port = g_strdup_printf("%d", live->vnc_port);

    if (live->vnc_port > 0 && live->vnc_port <= 65535
        && attr_is(graphics, "type", "vnc")
        && attr_is(graphics, "autoport", "yes"))
        set_attr(graphics, "port", port);
}

/* The name that libxl gives to what has none. */
static void
add_target(xmlNode *interface, const struct xf_domxml_live *live,
           const libxl_domain_config *config, int index)
{
    if (xf_xml_child(interface, "target") || xf_xml_child(interface, "backenddomain")
        || index >= config->num_nics || config->nics[index].devid < 0)
        return;
    xf_out_attr(xf_out_element(interface, "target"), "dev", "vif%d.%d",
                live->domid, config->nics[index].devid);
}

static void
add_to_devices(xmlNode *devices, const struct xf_domxml_live *live,
               const libxl_domain_config *config)
{
    int nics = 0;

    for (xmlNode *n = xmlFirstElementChild(devices); n;
         n = xmlNextElementSibling(n)) {
        if (xmlStrEqual(n->name, BAD_CAST "console"))
            add_tty(n, live);
        else if (xmlStrEqual(n->name, BAD_CAST "graphics"))
            add_port(n, live);
        else if (xmlStrEqual(n->name, BAD_CAST "interface"))
            add_target(n, live, config, nics++);
    }
}

char *
xf_domxml_add_live(const char *xml, const libxl_domain_config *config,
                   const struct xf_domxml_live *live, GError **err)
{
    XF_AUTO_XMLDOC xmlDoc *doc = xf_xml_read(xml, err);
    xmlNode *devices;

    if (!doc)
        return NULL;
    devices = xf_xml_child(xmlDocGetRootElement(doc), "devices");
    if (devices)
        add_to_devices(devices, live, config);
    return xf_out_document(doc);
}
