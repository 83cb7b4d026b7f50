/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading xl's configuration files: see xlcfg.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xen/domxml-private.h"
#include "xen/xlcfg-private.h"

/* libxlutil begins its reports with "NAME:LINE: " or "NAME: ". */
#define REPORT_NAME "@"

/* -- messages -------------------------------------------------------------- */

static void G_GNUC_PRINTF(4, 0)
set_error(struct xf_xlcfg *cfg, GError **err, enum xf_error_code code,
          const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    guint line = cfg->key ? GPOINTER_TO_UINT(g_hash_table_lookup(cfg->lines,
                                                                 cfg->key))
                          : 0;

    if (line)
        g_set_error(err, XF_ERROR, code, "line %u, %s: %s", line, cfg->key,
                    text);
    else if (cfg->key)
        g_set_error(err, XF_ERROR, code, "%s: %s", cfg->key, text);
    else
        g_set_error_literal(err, XF_ERROR, code, text);
}

gboolean
xf_xl_bad(struct xf_xlcfg *cfg, GError **err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_error(cfg, err, XF_ERROR_XML, fmt, ap);
    va_end(ap);
    return FALSE;
}

gboolean
xf_xl_cannot(struct xf_xlcfg *cfg, GError **err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_error(cfg, err, XF_ERROR_CONFIG_UNSUPPORTED, fmt, ap);
    va_end(ap);
    return FALSE;
}

/* The first line of what libxlutil has said, "line N: " before it when it
 * knew that; and forgets all. */
static char *
take_report(struct xf_xlcfg *cfg)
{
    g_autofree char *first = NULL;
    const char *text;

    fflush(cfg->report_file);
    text = cfg->report + cfg->report_seen;
    cfg->report_seen = cfg->report_length;
    first = g_strndup(text, strcspn(text, "\n"));
    text = first;
    if (g_str_has_prefix(text, REPORT_NAME ":"))
        text += strlen(REPORT_NAME ":");
    if (g_ascii_isdigit(*text))
        return g_strconcat("line ", text, NULL);
    while (*text == ' ')
        text++;
    return *text ? g_utf8_make_valid(text, -1) : g_strdup("is malformed");
}

gboolean
xf_xl_bad_report(struct xf_xlcfg *cfg, const char *text, GError **err)
{
    g_autofree char *report = take_report(cfg);

    return xf_xl_bad(cfg, err, "'%s': %s", text, report);
}

static void G_GNUC_PRINTF(2, 3)
add_note(struct xf_xlcfg *cfg, const char *fmt, ...)
{
    va_list ap;

    if (!cfg->notes)
        return;
    va_start(ap, fmt);
    g_ptr_array_add(cfg->notes, g_strdup_vprintf(fmt, ap));
    va_end(ap);
}

void
xf_xl_idle(struct xf_xlcfg *cfg, const char *fmt, ...)
{
    guint line = GPOINTER_TO_UINT(g_hash_table_lookup(cfg->lines, cfg->key));
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    add_note(cfg, "line %u, %s: %s", line, cfg->key, text);
}

/* -- which keys, and where ------------------------------------------------- */

/* libxlutil tells neither which keys there are nor their lines: the text is
 * gone over once more.  It has been found well-formed before. */
struct scan {
    const char *at;
    guint line;
};

static void
skip_string(struct scan *scan)
{
    char quote = *scan->at++;

    while (*scan->at && *scan->at != quote && *scan->at != '\n')
        scan->at += scan->at[0] == '\\' && scan->at[1] ? 2 : 1;
    if (*scan->at == quote)
        scan->at++;
}

static void
skip_comment(struct scan *scan)
{
    while (*scan->at && *scan->at != '\n')
        scan->at++;
}

/* To behind the ';' or line that ends the statement, lists and all. */
static void
skip_statement(struct scan *scan)
{
    guint depth = 0;

    while (*scan->at) {
        switch (*scan->at) {
        case '"':
        case '\'':
            skip_string(scan);
            continue;
        case '#':
            skip_comment(scan);
            continue;
        case '[':
            depth++;
            break;
        case ']':
            depth -= depth > 0;
            break;
        case '\n':
            scan->line++;
            G_GNUC_FALLTHROUGH;
        case ';':
            if (depth == 0) {
                scan->at++;
                return;
            }
            break;
        default:
            break;
        }
        scan->at++;
    }
}

/* The key that a statement begins with, or NULL at an empty one. */
static char *
scan_key(struct scan *scan)
{
    const char *begin;

    while (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r')
        scan->at++;
    begin = scan->at;
    while (g_ascii_isalnum(*scan->at) || *scan->at == '_')
        scan->at++;
    return scan->at > begin ? g_strndup(begin, scan->at - begin) : NULL;
}

/* += */
static gboolean
adds(const char *at)
{
    return at[strspn(at, " \t")] == '+';
}

static const struct xf_xl_row *
find_row(const char *key, guint guests)
{
    const struct xf_xl_row *const tables[] = { xf_xl_keys,
                                               xf_xl_device_keys };

    for (gsize t = 0; t < G_N_ELEMENTS(tables); t++)
        for (const struct xf_xl_row *row = tables[t]; row->key; row++)
            if (strcmp(row->key, key) == 0 && (row->guests & guests))
                return row;
    return NULL;
}

static gboolean
find_keys(struct xf_xlcfg *cfg, const char *text, GError **err)
{
    struct scan scan = { text, 1 };

    for (; *scan.at; skip_statement(&scan)) {
        guint line = scan.line;
        g_autofree char *key = scan_key(&scan);
        guint before;

        if (!key)
            continue;
        before = GPOINTER_TO_UINT(g_hash_table_lookup(cfg->lines, key));
        if (before && !adds(scan.at))
            add_note(cfg, "line %u, %s: is given again in line %u", before,
                     key, line);
        g_hash_table_insert(cfg->lines, g_strdup(key),
                            GUINT_TO_POINTER(line));
        cfg->key = key;
        if (!find_row(key, XF_XL_ALL))
            return xf_xl_cannot(cfg, err, "this key is not known; xl.cfg(5) "
                                "has those that are");
        cfg->key = NULL;
    }
    return TRUE;
}

/* -- values ---------------------------------------------------------------- */

gboolean
xf_xl_has(struct xf_xlcfg *cfg, const char *key)
{
    return g_hash_table_contains(cfg->lines, key);
}

gboolean
xf_xl_is_list(struct xf_xlcfg *cfg, const char *key)
{
    return xlu_cfg_get_list(cfg->xlu, key, NULL, NULL, 1) == 0;
}

const char *
xf_xl_string(struct xf_xlcfg *cfg, const char *key, GError **err)
{
    const char *text;
    int r = xlu_cfg_get_string(cfg->xlu, key, &text, 1);

    if (r == 0)
        return text;
    if (r != ESRCH)
        xf_xl_bad(cfg, err, "is a list and must be one value");
    return NULL;
}

GPtrArray *
xf_xl_strings(struct xf_xlcfg *cfg, const char *key, GError **err)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    XLU_ConfigList *list;
    int count;

    if (xlu_cfg_get_list(cfg->xlu, key, &list, &count, 1) != 0) {
        xf_xl_bad(cfg, err, "must be a list: [ \"...\", ... ]");
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        const char *text = xlu_cfg_get_listitem(list, i);

        if (!text) {
            xf_xl_bad(cfg, err, "element %d must be a text", i + 1);
            return NULL;
        }
        g_ptr_array_add(texts, (void *)text);
    }
    return g_steal_pointer(&texts);
}

gboolean
xf_xl_number(struct xf_xlcfg *cfg, const char *text, gint64 min, gint64 max,
             gint64 *out, GError **err)
{
    char *end;

    errno = 0;
    *out = g_ascii_strtoll(text, &end, 0);
    if (*end || end == text)
        return xf_xl_bad(cfg, err, "'%s' is not a number", text);
    if (errno || *out < min || *out > max)
        return xf_xl_bad(cfg, err, "%s is not from %" G_GINT64_FORMAT
                         " to %" G_GINT64_FORMAT, text, min, max);
    return TRUE;
}

/* "3" or "2-5"; the end of it is returned, NULL: neither. */
static const char *
take_range(const char *at, guint64 *first, guint64 *last)
{
    char *end;

    if (!g_ascii_isdigit(*at))
        return NULL;
    *first = *last = g_ascii_strtoull(at, &end, 10);
    if (*end == '-') {
        if (!g_ascii_isdigit(end[1]))
            return NULL;
        *last = g_ascii_strtoull(end + 1, &end, 10);
    }
    return *first <= *last && *last < XF_XML_SET_BITS ? end : NULL;
}

gboolean
xf_xl_bits(struct xf_xlcfg *cfg, const char *text, libxl_bitmap *map,
           GError **err)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    libxl_bitmap_dispose(map);
    xf_xl_bitmap_alloc(map, XF_XML_SET_BITS);
    for (char **part = parts; *part; part++) {
        const char *at = g_strstrip(*part);
        gboolean without = *at == '^';
        guint64 first, last;

        if (strstr(at, "node") || strstr(at, "all"))
            return xf_xl_cannot(cfg, err, "'%s' depends on the host; give "
                                "the CPUs' numbers", text);
        at = take_range(at + without, &first, &last);
        if (!at || *at)
            return xf_xl_bad(cfg, err, "'%s' is not a set like 0-3,5,^1 of "
                             "numbers below %d", text, XF_XML_SET_BITS);
        for (guint64 bit = first; bit <= last; bit++)
            if (without)
                libxl_bitmap_reset(map, bit);
            else
                libxl_bitmap_set(map, bit);
    }
    return TRUE;
}

/* -- one row --------------------------------------------------------------- */

static void
store_number(void *field, gsize size, gint64 value)
{
    const guint8 u8 = value;
    const guint16 u16 = value;
    const guint32 u32 = value;

    if (size == sizeof(u8))
        memcpy(field, &u8, size);
    else if (size == sizeof(u16))
        memcpy(field, &u16, size);
    else if (size == sizeof(u32))
        memcpy(field, &u32, size);
    else
        memcpy(field, &value, size);
}

/* The fields of 4 bytes are int or uint32_t: both hold what an int does. */
static gint64
largest(gsize size)
{
    return size == 1 ? G_MAXUINT8 : size == 2 ? G_MAXUINT16
           : size == 4 ? G_MAXINT32 : G_MAXINT64;
}

static gboolean
take_number(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *field,
            const char *text, GError **err)
{
    guint64 scale = row->scale ? row->scale : 1;
    gint64 value;

    if (!xf_xl_number(cfg, text, row->flags & XF_XL_SIGNED ? G_MININT32 : 0,
                      largest(row->size) / (gint64)scale, &value, err))
        return FALSE;
    store_number(field, row->size, value * (gint64)scale);
    return TRUE;
}

static gboolean
take_word(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *field,
          const char *text, GError **err)
{
    g_autoptr(GString) known = g_string_new(NULL);

    for (const libxl_enum_string_table *word = row->words; word->s; word++) {
        g_autofree char *number = g_strdup_printf("%d", word->v);

        if (g_ascii_strcasecmp(word->s, text) == 0
            || ((row->flags & XF_XL_OR_NUMBER)
                && strcmp(number, text) == 0)) {
            store_number(field, row->size, word->v);
            return TRUE;
        }
        if (strcmp(word->s, "unknown") != 0)
            g_string_append_printf(known, "%s%s", known->len ? ", " : "",
                                   word->s);
    }
    return xf_xl_cannot(cfg, err, "'%s' is none of: %s", text, known->str);
}

static void
take_text(char **field, const char *text)
{
    free(*field);
    *field = xf_xl_strdup(text);
}

gboolean
xf_xl_take(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
           const char *text, GError **err)
{
    void *field = (char *)base + row->offset;
    gint64 value;

    if (row->kind == XF_XL_OWN)
        return row->read(cfg, row, base, text, err);
    if (row->kind == XF_XL_REFUSED)
        return xf_xl_cannot(cfg, err, "%s", row->why);
    if (!text)
        return xf_xl_bad(cfg, err, "'%s' needs a value", row->key);
    switch (row->kind) {
    case XF_XL_TEXT:
        take_text(field, text);
        return TRUE;
    case XF_XL_NUMBER:
        return take_number(cfg, row, field, text, err);
    case XF_XL_WORD:
        return take_word(cfg, row, field, text, err);
    case XF_XL_FLAG:
        if (!xf_xl_number(cfg, text, G_MININT32, G_MAXINT32, &value, err))
            return FALSE;
        libxl_defbool_set(field, value != 0);
        return TRUE;
    case XF_XL_SWITCH:
        if (!xf_xl_number(cfg, text, G_MININT32, G_MAXINT32, &value, err))
            return FALSE;
        store_number(field, row->size, value != 0);
        return TRUE;
    case XF_XL_LIST:
    case XF_XL_OWN:
    case XF_XL_REFUSED:
        break;
    }
    g_return_val_if_reached(FALSE);
}

/* A list; a text is split at blanks, as xl does with arguments. */
static gboolean
take_list(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
          GError **err)
{
    libxl_string_list *field = (void *)((char *)base + row->offset);
    g_autoptr(GPtrArray) texts = NULL;
    g_auto(GStrv) words = NULL;

    if (!xf_xl_is_list(cfg, row->key)) {
        words = g_strsplit_set(xf_xl_string(cfg, row->key, NULL), " \t\n",
                               -1);
        for (char **word = words; *word; word++)
            if (**word)
                xf_xl_list_add(field, *word);
        return TRUE;
    }
    texts = xf_xl_strings(cfg, row->key, err);
    for (guint i = 0; texts && i < texts->len; i++)
        xf_xl_list_add(field, texts->pdata[i]);
    return texts != NULL;
}

static gboolean
read_key(struct xf_xlcfg *cfg, const struct xf_xl_row *row, GError **err)
{
    const char *text = NULL;
    g_autoptr(GError) why = NULL;

    if (row->kind == XF_XL_LIST)
        return take_list(cfg, row, cfg->config, err);
    if (row->kind != XF_XL_OWN && row->kind != XF_XL_REFUSED) {
        text = xf_xl_string(cfg, row->key, &why);
        if (why) {
            g_propagate_error(err, g_steal_pointer(&why));
            return FALSE;
        }
    }
    return xf_xl_take(cfg, row, cfg->config, text, err);
}

static gboolean
read_table(struct xf_xlcfg *cfg, const struct xf_xl_row *rows, GError **err)
{
    for (; rows->key; rows++) {
        if (!xf_xl_has(cfg, rows->key)
            || !(rows->guests & xf_xl_guest(cfg->config)))
            continue;
        cfg->key = rows->key;
        if (!read_key(cfg, rows, err))
            return FALSE;
        cfg->key = NULL;
    }
    return TRUE;
}

/* -- devices' texts -------------------------------------------------------- */

gboolean
xf_xl_take_spec(struct xf_xlcfg *cfg, const struct xf_xl_row *rows,
                void *device, const char *text, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    for (char **part = parts; *part; part++) {
        char *key = g_strstrip(*part), *value = strchr(key, '=');
        const struct xf_xl_row *row = rows;

        if (!*key)
            continue;
        if (value) {
            *value++ = '\0';
            g_strstrip(key);
            g_strstrip(value);
        }
        while (row->key && strcmp(row->key, key) != 0)
            row++;
        if (!row->key)
            return xf_xl_cannot(cfg, err, "'%s' in '%s' is not known", key,
                                text);
        if (!xf_xl_take(cfg, row, device, value, err))
            return FALSE;
    }
    return TRUE;
}

/* -- the file -------------------------------------------------------------- */

guint
xf_xl_guest(const libxl_domain_config *config)
{
    switch (config->c_info.type) {
    case LIBXL_DOMAIN_TYPE_PV:
        return XF_XL_PV;
    case LIBXL_DOMAIN_TYPE_PVH:
        return XF_XL_PVH;
    case LIBXL_DOMAIN_TYPE_HVM:
        return XF_XL_HVM;
    case LIBXL_DOMAIN_TYPE_INVALID:
        break;
    }
    return 0;
}

/* xl's: PV unless one of the two keys says otherwise. */
static gboolean
read_type(struct xf_xlcfg *cfg, GError **err)
{
    static const libxl_enum_string_table types[] = {
        { "pv", LIBXL_DOMAIN_TYPE_PV }, { "pvh", LIBXL_DOMAIN_TYPE_PVH },
        { "hvm", LIBXL_DOMAIN_TYPE_HVM }, { "generic", LIBXL_DOMAIN_TYPE_PV },
        { NULL, 0 }
    };
    const struct xf_xl_row row = { .key = "type", .size = sizeof(int),
                                   .words = types };
    const char *key = xf_xl_has(cfg, "type") ? "type" : "builder";
    int type = LIBXL_DOMAIN_TYPE_PV;
    const char *text;
    g_autoptr(GError) why = NULL;

    cfg->key = key;
    text = xf_xl_string(cfg, key, &why);
    if (why || (text && !take_word(cfg, &row, &type, text, &why))) {
        g_propagate_error(err, g_steal_pointer(&why));
        return FALSE;
    }
    cfg->key = NULL;
    cfg->config->c_info.type = type;
    libxl_domain_build_info_init_type(&cfg->config->b_info, type);
    return TRUE;
}

static void
set_defaults(libxl_domain_config *config)
{
    config->on_poweroff = LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    config->on_reboot = LIBXL_ACTION_ON_SHUTDOWN_RESTART;
    config->on_watchdog = LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    config->on_crash = LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    config->on_soft_reset = LIBXL_ACTION_ON_SHUTDOWN_SOFT_RESET;
}

static void
note_ignored(struct xf_xlcfg *cfg)
{
    GHashTableIter iter;
    gpointer key, line;

    g_hash_table_iter_init(&iter, cfg->lines);
    while (g_hash_table_iter_next(&iter, &key, &line))
        if (!find_row(key, xf_xl_guest(cfg->config)))
            add_note(cfg, "line %u, %s: is ignored, as xl does, for a guest "
                     "of type %s", GPOINTER_TO_UINT(line), (char *)key,
                     libxl_domain_type_to_string(cfg->config->c_info.type));
}

static gboolean
read_file(struct xf_xlcfg *cfg, const char *text, GError **err)
{
    if (xlu_cfg_readdata(cfg->xlu, text, strlen(text)) != 0) {
        g_autofree char *report = take_report(cfg);

        return xf_xl_bad(cfg, err, "%s", report);
    }
    set_defaults(cfg->config);
    if (!find_keys(cfg, text, err) || !read_type(cfg, err)
        || !read_table(cfg, xf_xl_keys, err)
        || !read_table(cfg, xf_xl_device_keys, err))
        return FALSE;
    if (!cfg->config->c_info.name)
        return xf_xl_bad(cfg, err, "there is no key 'name'");
    if (libxl_uuid_is_nil(&cfg->config->c_info.uuid)
        && !xf_xl_has(cfg, "uuid"))
        libxl_uuid_generate(&cfg->config->c_info.uuid);
    note_ignored(cfg);
    return TRUE;
}

gboolean
xf_xlcfg_parse(const char *text, libxl_domain_config *config,
               GPtrArray *notes, GError **err)
{
    struct xf_xlcfg cfg = { .config = config, .notes = notes };
    gboolean ok;

    libxl_domain_config_init(config);
    cfg.report_file = open_memstream(&cfg.report, &cfg.report_length);
    g_assert(cfg.report_file);
    cfg.xlu = xlu_cfg_init(cfg.report_file, REPORT_NAME);
    g_assert(cfg.xlu);
    cfg.lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    ok = read_file(&cfg, text, err);
    if (!ok)
        libxl_domain_config_dispose(config);
    g_hash_table_unref(cfg.lines);
    xlu_cfg_destroy(cfg.xlu);
    fclose(cfg.report_file);
    free(cfg.report);
    return ok;
}
