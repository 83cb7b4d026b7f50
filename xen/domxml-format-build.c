/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Building domain XML: elements, attributes, sets. */
#include "config.h"

#include <string.h>

#include "xen/domxml-format.h"
#include "xen/domxml-private.h"

gboolean
xf_out_fits(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL))
        return FALSE;
    for (; *text; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);

        if ((c < 0x20 && c != '\t' && c != '\n') || c == 0xfffe
            || c == 0xffff)
            return FALSE;
    }
    return TRUE;
}

gboolean
xf_out_has(const char *text)
{
    return text && text[strspn(text, " \t\r\n")] && xf_out_fits(text);
}

xmlNode *
xf_out_element(xmlNode *parent, const char *name)
{
    return xmlNewChild(parent, NULL, BAD_CAST name, NULL);
}

xmlNode *
xf_out_text(xmlNode *parent, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return xmlNewTextChild(parent, NULL, BAD_CAST name, BAD_CAST text);
}

void
xf_out_attr(xmlNode *node, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    xmlNewProp(node, BAD_CAST name, BAD_CAST text);
}

xmlNode *
xf_out_with(xmlNode *parent, const char *name, const char *attr,
            const char *value)
{
    xmlNode *node = xf_out_element(parent, name);

    xmlNewProp(node, BAD_CAST attr, BAD_CAST value);
    return node;
}

void
xf_out_drop_if_empty(xmlNode *node)
{
    if (node->children)
        return;
    xmlUnlinkNode(node);
    xmlFreeNode(node);
}

char *
xf_out_set(const libxl_bitmap *map)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int bits = map->size * 8;

    for (int i = 0; i < bits; i++) {
        int first = i;

        if (!libxl_bitmap_test(map, i))
            continue;
        while (i + 1 < bits && libxl_bitmap_test(map, i + 1))
            i++;
        if (i >= XF_XML_SET_BITS)
            return NULL;
        g_string_append_printf(text, text->len ? ",%d" : "%d", first);
        if (i > first)
            g_string_append_printf(text, "-%d", i);
    }
    return text->len ? g_strdup(text->str) : NULL;
}
