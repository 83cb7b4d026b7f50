/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walker over rules, and the errors that name an element. */
#include "config.h"

#include <string.h>

#include "xen/domxml-private.h"

/* Messages quote the document, which may be anything. */
#define MESSAGE_MAX_CHARS 400

static void
set_error(GError **err, enum xf_error_code code, const xmlNode *node,
          const char *text)
{
    g_autofree char *whole =
        g_strdup_printf("domain XML, line %ld, <%s>: %s", xmlGetLineNo(node),
                        (const char *)node->name, text);

    if (g_utf8_strlen(whole, -1) > MESSAGE_MAX_CHARS)
        strcpy(g_utf8_offset_to_pointer(whole, MESSAGE_MAX_CHARS - 3), "...");
    g_set_error_literal(err, XF_ERROR, code, whole);
}

gboolean
xf_xml_bad(GError **err, const xmlNode *node, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    set_error(err, XF_ERROR_XML, node, text);
    return FALSE;
}

gboolean
xf_xml_cannot(GError **err, const xmlNode *node, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    set_error(err, XF_ERROR_CONFIG_UNSUPPORTED, node, text);
    return FALSE;
}

/* -- the walker ------------------------------------------------------------ */

static gboolean
ns_is(const xmlNs *ns, const char *uri)
{
    if (!uri)
        return ns == NULL;
    return ns && g_strcmp0((const char *)ns->href, uri) == 0;
}

static const struct xf_xml_rule *
find_rule(const struct xf_xml_rule *rules, const xmlNode *node)
{
    for (; rules->name; rules++)
        if (strcmp(rules->name, (const char *)node->name) == 0
            && ns_is(node->ns, rules->ns))
            return rules;
    return NULL;
}

/* How `name` stands in the list of words `attrs`: after '~', '!' or ' '; 0:
 * it is not there. */
static char
attr_mark(const char *attrs, const char *name)
{
    gsize len = strlen(name);

    for (const char *at = attrs; at && *at; at += strcspn(at, " ")) {
        char mark;

        at += strspn(at, " ");
        mark = *at == '~' || *at == '!' ? *at++ : ' ';
        if (strncmp(at, name, len) == 0 && (at[len] == ' ' || !at[len]))
            return mark;
    }
    return 0;
}

/* What the document says may be anything; what is told of it is one line. */
static char *
one_line(const char *text)
{
    g_autofree char *clean = g_strdup(text);

    for (char *at = clean; *at; at++)
        if (g_ascii_iscntrl(*at))
            *at = '?';
    return g_utf8_make_valid(clean, -1);
}

void
xf_xml_ignored(struct xf_domxml *dom, const xmlNode *node, const char *attr,
               const char *why)
{
    g_autofree char *text = NULL;

    if (!dom->ignored)
        return;
    text = attr ? g_strdup_printf("line %ld, <%s %s=>: %s",
                                  xmlGetLineNo(node),
                                  (const char *)node->name, attr, why)
                : g_strdup_printf("line %ld, <%s>: %s", xmlGetLineNo(node),
                                  (const char *)node->name, why);
    g_ptr_array_add(dom->ignored, one_line(text));
}

void
xf_xml_idle(struct xf_domxml *dom, const xmlNode *node, const char *attr)
{
    const struct xf_xml_rule *rule = node->_private;

    xf_xml_ignored(dom, node, attr, rule->idle);
}

static gboolean
check_attrs(struct xf_domxml *dom, const xmlNode *node,
            const struct xf_xml_rule *rule, GError **err)
{
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        const char *name = (const char *)a->name;
        char mark = a->ns ? 0 : attr_mark(rule->attrs, name);

        if (mark == '!')
            return xf_xml_cannot(err, node, "attribute '%s': %s", name,
                                 rule->attrs_no);
        if (!mark)
            return xf_xml_cannot(err, node, "attribute '%s' is not known",
                                 name);
        if (mark == '~')
            xf_xml_ignored(dom, node, name, rule->attrs_why);
    }
    return TRUE;
}

static gboolean
is_blank(const xmlChar *text)
{
    return !text || text[strspn((const char *)text, " \t\r\n")] == '\0';
}

/* What an element may not hold: text where none is read, elements where no
 * rules are. */
static gboolean
check_content(const xmlNode *node, const struct xf_xml_rule *rule,
              GError **err)
{
    gboolean elements = rule->children || (rule->flags & XF_RULE_OWN);

    for (const xmlNode *n = node->children; n; n = n->next) {
        if (n->type == XML_ELEMENT_NODE && !elements)
            return xf_xml_cannot(err, n, "is not known inside <%s>",
                                 (const char *)node->name);
        if (n->type == XML_TEXT_NODE && !(rule->flags & XF_RULE_TEXT)
            && !is_blank(n->content))
            return xf_xml_bad(err, node, "has text where none is expected");
    }
    return TRUE;
}

/* The first of its name is fine; a second one only by XF_RULE_MANY. */
static gboolean
check_count(const xmlNode *node, const struct xf_xml_rule *rule,
            GError **err)
{
    if (rule->flags & (XF_RULE_MANY | XF_RULE_HARMLESS))
        return TRUE;
    for (const xmlNode *n = node->prev; n; n = n->prev)
        if (n->type == XML_ELEMENT_NODE && xmlStrEqual(n->name, node->name)
            && ns_is(n->ns, rule->ns))
            return xf_xml_bad(err, node, "appears twice in <%s>, first at "
                              "line %ld", (const char *)node->parent->name,
                              xmlGetLineNo(n));
    return TRUE;
}

static gboolean
take_element(struct xf_domxml *dom, xmlNode *node,
             const struct xf_xml_rule *rule, void *arg, GError **err)
{
    node->_private = (void *)rule;
    if (rule->flags & XF_RULE_HARMLESS) {
        xf_xml_ignored(dom, node, NULL, rule->why);
        return TRUE;
    }
    if (rule->why)
        return xf_xml_cannot(err, node, "%s", rule->why);
    if (!check_count(node, rule, err)
        || !check_attrs(dom, node, rule, err)
        || !check_content(node, rule, err))
        return FALSE;
    if (rule->read && !rule->read(dom, node, arg, err))
        return FALSE;
    return !rule->children || (rule->flags & XF_RULE_OWN)
           || xf_xml_walk(dom, node, rule->children, arg, err);
}

gboolean
xf_xml_walk(struct xf_domxml *dom, xmlNode *node,
            const struct xf_xml_rule *rules, void *arg, GError **err)
{
    for (xmlNode *n = node->children; n; n = n->next) {
        const struct xf_xml_rule *rule;

        if (n->type != XML_ELEMENT_NODE)
            continue;
        rule = find_rule(rules, n);
        if (!rule)
            return xf_xml_cannot(err, n, "is not known inside <%s>",
                                 (const char *)node->name);
        if (!take_element(dom, n, rule, arg, err))
            return FALSE;
    }
    return TRUE;
}
