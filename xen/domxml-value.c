/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of elements and attributes, and libxl's memory. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "xen/domxml-private.h"

/* -- strings --------------------------------------------------------------- */

const struct xf_xml_word xf_xml_yes_no[] = {
    { "yes", 1, NULL }, { "no", 0, NULL }, { NULL, 0, NULL }
};

const struct xf_xml_word xf_xml_on_off[] = {
    { "on", 1, NULL }, { "off", 0, NULL }, { NULL, 0, NULL }
};

static char *
keep(struct xf_domxml *dom, xmlChar *text)
{
    if (text)
        g_ptr_array_add(dom->strings, text);
    return (char *)text;
}

const char *
xf_xml_attr(struct xf_domxml *dom, xmlNode *node, const char *name)
{
    return keep(dom, xmlGetNoNsProp(node, BAD_CAST name));
}

const char *
xf_xml_raw_text(struct xf_domxml *dom, xmlNode *node)
{
    const char *text = keep(dom, xmlNodeGetContent(node));

    return text ? text : "";
}

const char *
xf_xml_text(struct xf_domxml *dom, xmlNode *node)
{
    xmlChar *text = xmlNodeGetContent(node);

    if (!text)
        return "";
    return g_strstrip(keep(dom, text));
}

void
xf_xml_string_attr(struct xf_domxml *dom, xmlNode *node, const char *name,
                   char **out)
{
    const char *text = xf_xml_attr(dom, node, name);

    if (text) {
        free(*out);
        *out = xf_xl_strdup(text);
    }
}

const char *
xf_xml_need_attr(struct xf_domxml *dom, xmlNode *node, const char *name,
                 GError **err)
{
    const char *text = xf_xml_attr(dom, node, name);

    if (text && *text)
        return text;
    xf_xml_bad(err, node, "needs the attribute '%s'", name);
    return NULL;
}

xmlNode *
xf_xml_next(xmlNode *node, const char *name)
{
    while (node && !(node->type == XML_ELEMENT_NODE && !node->ns
                     && xmlStrEqual(node->name, BAD_CAST name)))
        node = node->next;
    return node;
}

xmlNode *
xf_xml_child(const xmlNode *parent, const char *name)
{
    return parent ? xf_xml_next(parent->children, name) : NULL;
}

gboolean
xf_xml_has_none(const xmlNode *node, const char *const *attrs, GError **err)
{
    for (; attrs && *attrs; attrs++)
        if (xmlHasNsProp((xmlNode *)node, BAD_CAST *attrs, NULL))
            return xf_xml_bad(err, node, "this type has no '%s'", *attrs);
    return TRUE;
}

/* -- words ----------------------------------------------------------------- */

gboolean
xf_xml_is_word(const struct xf_xml_word *words, const char *text)
{
    while (words->word && (words->why || g_strcmp0(words->word, text) != 0))
        words++;
    return words->word != NULL;
}

static char *
list_words(const struct xf_xml_word *words)
{
    GString *list = g_string_new(NULL);

    for (; words->word; words++)
        if (!words->why)
            g_string_append_printf(list, "%s'%s'", list->len ? ", " : "",
                                   words->word);
    return g_string_free(list, FALSE);
}

/* `what` names the place in messages: "attribute 'x'" or "text". */
static gboolean
find_word(const xmlNode *node, const char *what, const char *text,
          const struct xf_xml_word *words, int *out, GError **err)
{
    for (const struct xf_xml_word *w = words; w->word; w++) {
        if (strcmp(w->word, text) != 0)
            continue;
        if (w->why)
            return xf_xml_cannot(err, node, "%s '%s': %s", what, text,
                                 w->why);
        *out = w->value;
        return TRUE;
    }

    g_autofree char *list = list_words(words);

    return xf_xml_cannot(err, node, "%s '%s' is not one of %s", what, text,
                         list);
}

gboolean
xf_xml_word_in(struct xf_domxml *dom, xmlNode *node, const char *attr,
               const struct xf_xml_word *words, int *out, GError **err)
{
    const char *text = attr ? xf_xml_attr(dom, node, attr)
                            : xf_xml_text(dom, node);

    return !text || find_word(node, attr ? attr : "text", text, words, out,
                              err);
}

static const struct xf_xml_word *
words_of(const xmlNode *node, const char *attr)
{
    static const struct xf_xml_word no_words[] = { { NULL, 0, NULL } };
    const struct xf_xml_rule *rule = node->_private;

    for (const struct xf_xml_value *v = rule->values; v && v->words; v++)
        if (g_strcmp0(v->attr, attr) == 0)
            return v->words;
    /* a fault of ours; the document is refused, the daemon goes on */
    g_critical("the rule of <%s> has no words for %s", rule->name,
               attr ? attr : "its text");
    return no_words;
}

gboolean
xf_xml_word_attr(struct xf_domxml *dom, xmlNode *node, const char *name,
                 int *out, GError **err)
{
    return xf_xml_word_in(dom, node, name, words_of(node, name), out, err);
}

gboolean
xf_xml_word_text(struct xf_domxml *dom, xmlNode *node, int *out,
                 GError **err)
{
    return xf_xml_word_in(dom, node, NULL, words_of(node, NULL), out, err);
}

/* -- numbers --------------------------------------------------------------- */

/* Decimal, or hexadecimal after 0x; never octal. */
static gboolean
read_uint(const xmlNode *node, const char *what, const char *text,
          guint64 max, guint64 *out, GError **err)
{
    gboolean hex = g_str_has_prefix(text, "0x");
    g_autoptr(GError) why = NULL;

    if (g_ascii_string_to_unsigned(hex ? text + 2 : text, hex ? 16 : 10, 0,
                                   max, out, &why))
        return TRUE;
    return xf_xml_bad(err, node, "%s '%s' is not a number from 0 to %"
                      G_GUINT64_FORMAT, what, text, max);
}

gboolean
xf_xml_uint_attr(struct xf_domxml *dom, xmlNode *node, const char *name,
                 guint64 max, guint64 *out, GError **err)
{
    const char *text = xf_xml_attr(dom, node, name);

    return !text || read_uint(node, name, text, max, out, err);
}

gboolean
xf_xml_int_attr(struct xf_domxml *dom, xmlNode *node, const char *name,
                int min, int max, int *out, GError **err)
{
    const char *text = xf_xml_attr(dom, node, name);
    gint64 value;

    if (!text)
        return TRUE;
    if (!g_ascii_string_to_signed(text, 10, min, max, &value, NULL))
        return xf_xml_bad(err, node, "%s '%s' is not a number from %d to %d",
                          name, text, min, max);
    *out = value;
    return TRUE;
}

gboolean
xf_xml_uint_text(struct xf_domxml *dom, xmlNode *node, guint64 max,
                 guint64 *out, GError **err)
{
    return read_uint(node, "text", xf_xml_text(dom, node), max, out, err);
}

static const struct {
    const char *unit;
    guint64 bytes;
} units[] = {
    { "b", 1 },
    { "bytes", 1 },
    { "KB", 1000 },
    { "k", 1 << 10 },
    { "KiB", 1 << 10 },
    { "MB", 1000 * 1000 },
    { "M", 1 << 20 },
    { "MiB", 1 << 20 },
    { "GB", 1000 * 1000 * 1000 },
    { "G", 1 << 30 },
    { "GiB", 1 << 30 },
    { "TB", G_GUINT64_CONSTANT(1000) * 1000 * 1000 * 1000 },
    { "T", G_GUINT64_CONSTANT(1) << 40 },
    { "TiB", G_GUINT64_CONSTANT(1) << 40 },
    { "PB", G_GUINT64_CONSTANT(1000) * 1000 * 1000 * 1000 * 1000 },
    { "P", G_GUINT64_CONSTANT(1) << 50 },
    { "PiB", G_GUINT64_CONSTANT(1) << 50 },
    { "EB", G_GUINT64_CONSTANT(1000) * 1000 * 1000 * 1000 * 1000 * 1000 },
    { "E", G_GUINT64_CONSTANT(1) << 60 },
    { "EiB", G_GUINT64_CONSTANT(1) << 60 },
};

static gboolean
scale_kib(const xmlNode *node, guint64 number, const char *unit,
          guint64 *kib, GError **err)
{
    guint64 bytes = 0;

    if (!unit)
        unit = "KiB";
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
        if (g_ascii_strcasecmp(units[i].unit, unit) == 0)
            bytes = units[i].bytes;
    if (!bytes)
        return xf_xml_bad(err, node, "unit '%s' is not known", unit);
    if (number > G_MAXINT64 / bytes)
        return xf_xml_bad(err, node, "is too large");
    *kib = (number * bytes + 1023) / 1024;
    return TRUE;
}

gboolean
xf_xml_size_text(struct xf_domxml *dom, xmlNode *node, guint64 *kib,
                 GError **err)
{
    guint64 number = 0;

    return xf_xml_uint_text(dom, node, G_MAXINT64, &number, err)
           && scale_kib(node, number, xf_xml_attr(dom, node, "unit"), kib,
                        err);
}

gboolean
xf_xml_size_attr(struct xf_domxml *dom, xmlNode *node, const char *name,
                 const char *unit_name, guint64 *kib, GError **err)
{
    guint64 number = 0;

    if (!xf_xml_attr(dom, node, name))
        return TRUE;
    return xf_xml_uint_attr(dom, node, name, G_MAXINT64, &number, err)
           && scale_kib(node, number, xf_xml_attr(dom, node, unit_name), kib,
                        err);
}

/* -- sets ------------------------------------------------------------------ */

/* "3", "0-7", "^3" */
static gboolean
read_range(char *text, gboolean *exclude, guint64 *first, guint64 *last)
{
    char *dash;

    text = g_strstrip(text);
    *exclude = *text == '^';
    if (*exclude)
        text++;
    dash = strchr(text, '-');
    if (dash)
        *dash = '\0';
    if (!g_ascii_string_to_unsigned(text, 10, 0, XF_XML_SET_BITS - 1, first,
                                    NULL))
        return FALSE;
    *last = *first;
    return !dash
           || (g_ascii_string_to_unsigned(dash + 1, 10, *first,
                                          XF_XML_SET_BITS - 1, last, NULL));
}

gboolean
xf_xml_set(xmlNode *node, const char *text, libxl_bitmap *map, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    guint8 bits[XF_XML_SET_BITS] = { 0 };
    int highest = -1;

    for (char **part = parts; *part; part++) {
        gboolean exclude;
        guint64 first, last;

        if (!read_range(*part, &exclude, &first, &last))
            return xf_xml_bad(err, node, "'%s' is not a set such as 0-3,^2 "
                              "of numbers below %d", text, XF_XML_SET_BITS);
        memset(bits + first, !exclude, last - first + 1);
    }
    for (int i = 0; i < XF_XML_SET_BITS; i++)
        if (bits[i])
            highest = i;
    if (highest < 0)
        return xf_xml_bad(err, node, "the set '%s' is empty", text);
    xf_xl_bitmap_alloc(map, highest + 1);
    for (int i = 0; i <= highest; i++)
        if (bits[i])
            libxl_bitmap_set(map, i);
    return TRUE;
}

/* -- uuids ----------------------------------------------------------------- */

void
xf_xml_swap_guid(const guint8 *from, guint8 *to)
{
    static const guint8 order[] = { 3, 2, 1, 0, 5, 4, 7, 6,
                                    8, 9, 10, 11, 12, 13, 14, 15 };

    for (gsize i = 0; i < G_N_ELEMENTS(order); i++)
        to[i] = from[order[i]];
}

/* -- libxl's memory -------------------------------------------------------- */

static void *
or_abort(void *memory)
{
    if (!memory)
        g_error("out of memory");
    return memory;
}

char *
xf_xl_strdup(const char *text)
{
    return text ? or_abort(strdup(text)) : NULL;
}

void
xf_xl_list_add(libxl_string_list *list, const char *text)
{
    gsize len = 0;

    while (*list && (*list)[len])
        len++;
    *list = or_abort(realloc(*list, (len + 2) * sizeof(char *)));
    (*list)[len] = xf_xl_strdup(text);
    (*list)[len + 1] = NULL;
}

/* The room doubles: it is full whenever the count is a power of two. */
void *
xf_xl_grow(void *array, int *count, gsize size)
{
    gsize used = *count;

    if ((used & (used - 1)) == 0)
        array = or_abort(realloc(array, MAX(1, used * 2) * size));
    memset((char *)array + used * size, 0, size);
    ++*count;
    return array;
}

void
xf_xl_bitmap_alloc(libxl_bitmap *map, guint bits)
{
    libxl_bitmap_dispose(map);
    map->size = (bits + 7) / 8;
    map->map = or_abort(calloc(map->size, 1));
}
