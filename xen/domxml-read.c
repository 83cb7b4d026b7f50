/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a domain document from whoever sent it.  The bounds: size, UTF-8,
 * libxml2's own limits on depth and on the length of names (XML_PARSE_HUGE
 * is never given), no DOCTYPE and so no entities but the five of XML.
 */
#include "config.h"

#include <string.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include "xen/domxml-private.h"

/* SAX: called at <!DOCTYPE, before any of its declarations is read. */
static void
doctype_seen(void *user, const xmlChar *name, const xmlChar *external_id,
             const xmlChar *system_id)
{
    xmlParserCtxt *ctxt = user;
    gboolean *seen = ctxt->_private;

    *seen = TRUE;
    xmlStopParser(ctxt);
}

/* libxml2 compares each attribute of an element with each other one. */
#define ATTRS_MAX 256

/* Past the end of what begins at `at`, or NULL when it has none. */
static const char *
skip_past(const char *at, const char *end)
{
    at = strstr(at, end);
    return at ? at + strlen(end) : NULL;
}

/* Counts the '=' of a tag that begins at `at`; *tag_end is behind it. */
static guint
count_attrs(const char *at, const char **tag_end)
{
    char quote = '\0';
    guint count = 0;

    for (; *at && (quote || *at != '>'); at++)
        if (quote)
            quote = *at == quote ? '\0' : quote;
        else if (*at == '"' || *at == '\'')
            quote = *at;
        else if (*at == '=')
            count++;
    *tag_end = at;
    return count;
}

/* Not a parser: what is malformed is left to libxml2. */
static gboolean
check_tags(const char *xml, GError **err)
{
    for (const char *at = strchr(xml, '<'); at; at = strchr(at, '<')) {
        if (g_str_has_prefix(at, "<!--"))
            at = skip_past(at + 4, "-->");
        else if (g_str_has_prefix(at, "<![CDATA["))
            at = skip_past(at, "]]>");
        else if (count_attrs(at, &at) > ATTRS_MAX) {
            g_set_error(err, XF_ERROR, XF_ERROR_XML, "domain XML has an "
                        "element with more than %d attributes", ATTRS_MAX);
            return FALSE;
        }
        if (!at)
            break;
    }
    return TRUE;
}

static gboolean
check_text(const char *xml, gsize len, GError **err)
{
    const char *end;

    if (len > XF_DOMXML_MAX_BYTES) {
        g_set_error(err, XF_ERROR, XF_ERROR_XML,
                    "domain XML is longer than %d bytes",
                    XF_DOMXML_MAX_BYTES);
        return FALSE;
    }
    if (!g_utf8_validate(xml, len, &end)) {
        g_set_error(err, XF_ERROR, XF_ERROR_XML,
                    "domain XML is not UTF-8 at byte %td", end - xml);
        return FALSE;
    }
    return check_tags(xml, err);
}

static void
set_parse_error(xmlParserCtxt *ctxt, gboolean doctype, GError **err)
{
    const xmlError *last = xmlCtxtGetLastError(ctxt);

    if (doctype) {
        g_set_error_literal(err, XF_ERROR, XF_ERROR_XML,
                            "domain XML has a DOCTYPE: a domain description "
                            "needs none, take it out");
        return;
    }
    g_autofree char *text =
        g_strdup(last && last->message ? last->message : "no reason known");

    g_set_error(err, XF_ERROR, XF_ERROR_XML, "domain XML, line %d: %s",
                last ? last->line : 0, g_strchomp(text));
}

/* A label other than UTF-8 on what is UTF-8: one of the two is a lie. */
static gboolean
check_encoding(const xmlDoc *doc, GError **err)
{
    const char *name = (const char *)doc->encoding;

    if (!name || g_ascii_strcasecmp(name, "UTF-8") == 0
        || g_ascii_strcasecmp(name, "US-ASCII") == 0)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_XML,
                "domain XML says that its encoding is %s: only UTF-8 is "
                "read", name);
    return FALSE;
}

xmlDoc *
xf_xml_read(const char *xml, GError **err)
{
    gsize len = strlen(xml);
    gboolean doctype = FALSE;

    if (!check_text(xml, len, err))
        return NULL;

    xmlParserCtxt *ctxt = xmlNewParserCtxt();

    if (!ctxt)
        g_error("out of memory");
    ctxt->_private = &doctype;
    ctxt->sax->internalSubset = doctype_seen;

    XF_AUTO_XMLDOC xmlDoc *doc =
        xmlCtxtReadMemory(ctxt, xml, len, NULL, NULL,
                          XML_PARSE_NONET | XML_PARSE_NOERROR
                          | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA
                          | XML_PARSE_BIG_LINES);

    if (!doc || doctype) {
        set_parse_error(ctxt, doctype, err);
        g_clear_pointer(&doc, xmlFreeDoc);
    } else if (!check_encoding(doc, err)) {
        g_clear_pointer(&doc, xmlFreeDoc);
    }
    xmlFreeParserCtxt(ctxt);
    return g_steal_pointer(&doc);
}
