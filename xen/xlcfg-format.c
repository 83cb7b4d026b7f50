/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing xl's configuration files: see xlcfg.h. */
#include "config.h"

#include <string.h>

#include "xen/config-json.h"
#include "xen/domxml-private.h"
#include "xen/domxml-residual.h"
#include "xen/xlcfg-private.h"

/* -- values ---------------------------------------------------------------- */

/* As libxlutil reads it.  Other control characters are left as they are. */
char *
xf_xl_quote(const char *text)
{
    GString *out = g_string_new("\"");

    for (; *text; text++)
        if (*text == '\n')
            g_string_append(out, "\\n");
        else if (*text == '\t')
            g_string_append(out, "\\t");
        else if (*text == '\r')
            g_string_append(out, "\\r");
        else if (*text == '"' || *text == '\\')
            g_string_append_printf(out, "\\%c", *text);
        else
            g_string_append_c(out, *text);
    g_string_append_c(out, '"');
    return g_string_free(out, FALSE);
}

char *
xf_xl_quote_list(const char *const *texts)
{
    GString *out = g_string_new("[");

    for (guint i = 0; texts[i]; i++) {
        g_autofree char *quoted = xf_xl_quote(texts[i]);

        g_string_append_printf(out, "%s\n    %s", i ? "," : "", quoted);
    }
    g_string_append(out, "\n]");
    return g_string_free(out, FALSE);
}

char *
xf_xl_bits_text(const libxl_bitmap *map)
{
    GString *out = g_string_new(NULL);
    int bits = map->size * CHAR_BIT;

    for (int first = 0; first < bits; first++) {
        int last = first;

        if (!libxl_bitmap_test(map, first))
            continue;
        while (last + 1 < bits && libxl_bitmap_test(map, last + 1))
            last++;
        g_string_append_printf(out, "%s%d", out->len ? "," : "", first);
        if (last > first)
            g_string_append_printf(out, "-%d", last);
        first = last;
    }
    return g_string_free(out, FALSE);
}

static gint64
load_number(const void *field, gsize size, gboolean is_signed)
{
    guint8 u8;
    guint16 u16;
    guint32 u32;
    gint64 value;

    if (size == sizeof(u8))
        return memcpy(&u8, field, size), u8;
    if (size == sizeof(u16))
        return memcpy(&u16, field, size), u16;
    if (size == sizeof(u32))
        return memcpy(&u32, field, size),
               is_signed ? (gint32)u32 : (gint64)u32;
    return memcpy(&value, field, size), value;
}

static char *
word_text(const struct xf_xl_row *row, gint64 value)
{
    for (const libxl_enum_string_table *word = row->words; word->s; word++)
        if (word->v == (gint32)value)
            return g_strdup(word->s);
    return NULL;
}

static gboolean
same_lists(char *const *a, char *const *b)
{
    static char *const none[] = { NULL };

    return g_strv_equal((const char *const *)(a ? a : none),
                        (const char *const *)(b ? b : none));
}

char *
xf_xl_value(const struct xf_xlout *out, const struct xf_xl_row *row,
            const void *base, const void *blank)
{
    const void *field = (const char *)base + row->offset;
    const void *empty = (const char *)blank + row->offset;
    const char *text;
    gint64 value;

    switch (row->kind) {
    case XF_XL_OWN:
        return row->write ? row->write(out, row, base) : NULL;
    case XF_XL_REFUSED:
    case XF_XL_LIST:
        return NULL;
    case XF_XL_TEXT:
        text = *(char *const *)field;
        return g_strcmp0(text, *(char *const *)empty) == 0 ? NULL
               : g_strdup(text);
    case XF_XL_FLAG:
        if (libxl_defbool_is_default(*(const libxl_defbool *)field))
            return NULL;
        return g_strdup(libxl_defbool_val(*(const libxl_defbool *)field)
                        ? "1" : "0");
    case XF_XL_SWITCH:
    case XF_XL_NUMBER:
    case XF_XL_WORD:
        if (memcmp(field, empty, row->size) == 0)
            return NULL;
        value = load_number(field, row->size, row->flags & XF_XL_SIGNED);
        return row->kind == XF_XL_WORD ? word_text(row, value)
               : g_strdup_printf("%" G_GINT64_FORMAT,
                                 value / (gint64)(row->scale ? row->scale
                                                             : 1));
    }
    g_return_val_if_reached(NULL);
}

/* A text alone, as the words "trusted" and "untrusted", has no '='. */
char *
xf_xl_spec(const struct xf_xlout *out, const struct xf_xl_row *rows,
           const void *device, const void *blank)
{
    GString *text = g_string_new(NULL);

    for (; rows->key; rows++) {
        g_autofree char *value = rows->guests == 0 ? NULL
            : xf_xl_value(out, rows, device, blank);

        if (value)
            g_string_append_printf(text, "%s%s%s%s", text->len ? "," : "",
                                   rows->key, *value ? "=" : "", value);
    }
    return g_string_free(text, FALSE);
}

/* -- the file -------------------------------------------------------------- */

static void
write_key(const struct xf_xlout *out, const struct xf_xl_row *row)
{
    g_autofree char *value = NULL;
    g_autofree char *quoted = NULL;

    if (row->kind == XF_XL_LIST) {
        char *const *list = *(char **const *)((const char *)out->config
                                              + row->offset);
        char *const *none = *(char **const *)((const char *)out->blank
                                              + row->offset);

        if (!same_lists(list, none))
            value = xf_xl_quote_list((const char *const *)list);
    } else {
        value = xf_xl_value(out, row, out->config, out->blank);
    }
    if (value && (row->kind == XF_XL_TEXT || row->kind == XF_XL_WORD
                  || *value == '-'))
        quoted = xf_xl_quote(value);
    if (value)
        g_string_append_printf(out->text, "%s = %s\n", row->key,
                               quoted ? quoted : value);
}

static void
write_table(const struct xf_xlout *out, const struct xf_xl_row *rows)
{
    for (; rows->key; rows++)
        if (rows->guests & xf_xl_guest(out->config))
            write_key(out, rows);
}

static char *
write_file(const libxl_domain_config *config,
           const libxl_domain_config *blank)
{
    struct xf_xlout out = { g_string_new(NULL), config, blank };

    g_string_append_printf(out.text, "type = \"%s\"\n",
                           libxl_domain_type_to_string(config->c_info.type));
    write_table(&out, xf_xl_keys);
    write_table(&out, xf_xl_device_keys);
    return g_string_free(out.text, FALSE);
}

/* -- exact or refused ------------------------------------------------------ */

/* What a file cannot say and need not: without it libxl does the same.  The
 * path's '*' is an element of a list. */
static const struct {
    const char *path;
    const char *value;          /* NULL: any */
} implied[] = {
    { "/c_info/run_hotplug_scripts", "True" },  /* xl.conf(5) */
    { "/b_info/claim_mode", NULL },             /* xl.conf(5) */
    { "/b_info/blkdev_start", "xvda" },         /* xl.conf(5) */
    { "/b_info/iommu_memkb", NULL },            /* worked out by libxl */
    { "/b_info/sched_params/sched", NULL },     /* that of the CPU pool */
    { "/b_info/numa_placement", "False" },      /* never with CPUs given */
    { "/b_info/type.pv/e820_host", "False" },
    { "/pcidevs/*/rdm_policy", "strict" },
};

/* `value` against nothing. */
static gboolean
is_implied(const char *path, JsonNode *value)
{
    for (gsize i = 0; i < G_N_ELEMENTS(implied); i++)
        if (xf_config_json_path_is(path, implied[i].path)
            && (!implied[i].value
                || (JSON_NODE_HOLDS_VALUE(value)
                    && g_strcmp0(json_node_get_string(value),
                                 implied[i].value) == 0)))
            return TRUE;
    return FALSE;
}

/* The first of the differences that counts, or NULL. */
static char *
first_loss(JsonNode *got, JsonNode *wanted)
{
    g_autofree char *text = xf_residual_make(got, wanted);
    g_autoptr(JsonNode) edits = text ? json_from_string(text, NULL) : NULL;
    JsonArray *list = edits ? json_node_get_array(edits) : NULL;

    for (guint i = 0; list && i < json_array_get_length(list); i++) {
        JsonObject *edit = json_array_get_object_element(list, i);
        const char *at = json_object_get_string_member(edit, "at");
        JsonNode *was = json_object_get_member(edit, "was");
        JsonNode *is = json_object_get_member(edit, "is");

        if ((was && is) || !is_implied(at, was ? was : is))
            return g_strdup(at);
    }
    return NULL;
}

static gboolean
check_file(const char *text, const libxl_domain_config *config, GError **err)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(JsonNode) got = NULL;
    g_autoptr(JsonNode) wanted = xf_residual_tree(config, err);
    g_autofree char *loss = NULL;
    libxl_domain_config again;

    if (!wanted)
        return FALSE;
    if (!xf_xlcfg_parse(text, &again, NULL, &why)) {
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "xl.cfg cannot say it: %s", why->message);
        return FALSE;
    }
    got = xf_residual_tree(&again, err);
    libxl_domain_config_dispose(&again);
    if (!got)
        return FALSE;
    loss = first_loss(got, wanted);
    if (loss)
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "xl.cfg cannot say what libxl's JSON has at %s; change "
                    "that, or take another form", loss);
    return loss == NULL;
}

char *
xf_xlcfg_format(const libxl_domain_config *config, GError **err)
{
    g_autofree char *blank_text = NULL;
    g_autofree char *text = NULL;
    libxl_domain_config blank;

    if (!xf_xl_guest(config)) {
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "the configuration has no type of guest");
        return NULL;
    }
    blank_text = g_strdup_printf(
        "name = \"\"\ntype = \"%s\"\n",
        libxl_domain_type_to_string(config->c_info.type));
    if (!xf_xlcfg_parse(blank_text, &blank, NULL, err))
        return NULL;
    text = write_file(config, &blank);
    libxl_domain_config_dispose(&blank);
    return check_file(text, config, err) ? g_steal_pointer(&text) : NULL;
}
