/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl.cfg(5): vsnd, lists in a list.  Each text begins with what it is and goes
 * on as other devices do: "PCM, name=Main, channels-max=2".  What comes after
 * a CARD or PCM belongs to it.
 */
#include "config.h"

#include <string.h>

#include "xen/domxml-private.h"
#include "xen/xlcfg-private.h"

#define LISTS "must be a list of lists: [ [ \"CARD\", \"PCM, name=...\", ... ] ]"

/* -- values: "a;b;c" ------------------------------------------------------- */

static gboolean
read_rates(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
           const char *text, GError **err)
{
    libxl_vsnd_params *params =
        (libxl_vsnd_params *)((char *)base + row->offset);
    g_auto(GStrv) parts = g_strsplit(text ? text : "", ";", -1);

    for (char **part = parts; *part; part++) {
        gint64 rate;

        if (!xf_xl_number(cfg, g_strstrip(*part), 0, G_MAXUINT32, &rate, err))
            return FALSE;
        *XF_XL_APPEND(params->sample_rates, params->num_sample_rates) = rate;
    }
    return TRUE;
}

static char *
write_rates(const struct xf_xlout *out, const struct xf_xl_row *row,
            const void *base)
{
    const libxl_vsnd_params *params =
        (const libxl_vsnd_params *)((const char *)base + row->offset);
    g_autoptr(GString) text = g_string_new(NULL);

    for (int i = 0; i < params->num_sample_rates; i++)
        g_string_append_printf(text, "%s%u", i ? ";" : "",
                               params->sample_rates[i]);
    return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static gboolean
read_formats(struct xf_xlcfg *cfg, const struct xf_xl_row *row, void *base,
             const char *text, GError **err)
{
    libxl_vsnd_params *params =
        (libxl_vsnd_params *)((char *)base + row->offset);
    g_auto(GStrv) parts = g_strsplit(text ? text : "", ";", -1);

    for (char **part = parts; *part; part++) {
        libxl_vsnd_pcm_format format;

        if (libxl_vsnd_pcm_format_from_string(g_strstrip(*part), &format)
            != 0)
            return xf_xl_bad(cfg, err, "'%s' is not a sample format", *part);
        *XF_XL_APPEND(params->sample_formats, params->num_sample_formats) =
            format;
    }
    return TRUE;
}

static char *
write_formats(const struct xf_xlout *out, const struct xf_xl_row *row,
              const void *base)
{
    const libxl_vsnd_params *params =
        (const libxl_vsnd_params *)((const char *)base + row->offset);
    g_autoptr(GString) text = g_string_new(NULL);

    for (int i = 0; i < params->num_sample_formats; i++) {
        const char *name =
            libxl_vsnd_pcm_format_to_string(params->sample_formats[i]);

        g_string_append_printf(text, "%s%s", i ? ";" : "",
                               name ? name : "unknown");
    }
    return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

/* -- cards, devices, streams ----------------------------------------------- */

#define FIELD(type, name, what, field)                                      \
    { .key = name, .guests = XF_XL_ALL, .kind = XF_XL_##what,               \
      XF_XL_AT(type, field) }
#define PARAMS(type)                                                        \
    { .key = "sample-rates", .guests = XF_XL_ALL, .kind = XF_XL_OWN,        \
      .read = read_rates, .write = write_rates,                             \
      .offset = offsetof(type, params) },                                   \
    { .key = "sample-formats", .guests = XF_XL_ALL, .kind = XF_XL_OWN,      \
      .read = read_formats, .write = write_formats,                         \
      .offset = offsetof(type, params) },                                   \
    FIELD(type, "channels-min", NUMBER, params.channels_min),               \
    FIELD(type, "channels-max", NUMBER, params.channels_max),               \
    FIELD(type, "buffer-size", NUMBER, params.buffer_size)

static const struct xf_xl_row card_rows[] = {
    FIELD(libxl_device_vsnd, "backend", TEXT, backend_domname),
    FIELD(libxl_device_vsnd, "short-name", TEXT, short_name),
    FIELD(libxl_device_vsnd, "long-name", TEXT, long_name),
    PARAMS(libxl_device_vsnd),
    { .key = NULL }
};

static const struct xf_xl_row pcm_rows[] = {
    FIELD(libxl_vsnd_pcm, "name", TEXT, name),
    PARAMS(libxl_vsnd_pcm),
    { .key = NULL }
};

static const struct xf_xl_row stream_rows[] = {
    FIELD(libxl_vsnd_stream, "unique-id", TEXT, unique_id),
    { .key = "type", .guests = XF_XL_ALL, .kind = XF_XL_WORD,
      XF_XL_AT(libxl_vsnd_stream, type),
      .words = libxl_vsnd_stream_type_string_table },
    PARAMS(libxl_vsnd_stream),
    { .key = NULL }
};

static gboolean
take_stream(struct xf_xlcfg *cfg, libxl_device_vsnd *card, const char *text,
            GError **err)
{
    libxl_vsnd_pcm *pcm;
    libxl_vsnd_stream *stream;

    if (!card->num_vsnd_pcms)
        return xf_xl_bad(cfg, err, "a STREAM comes after its PCM");
    pcm = &card->pcms[card->num_vsnd_pcms - 1];
    stream = XF_XL_APPEND(pcm->streams, pcm->num_vsnd_streams);
    libxl_vsnd_stream_init(stream);
    return xf_xl_take_spec(cfg, stream_rows, stream, text, err);
}

static gboolean
take_item(struct xf_xlcfg *cfg, libxl_device_vsnd *card, const char *text,
          GError **err)
{
    gsize length = strcspn(text, ",");
    g_autofree char *word = g_strstrip(g_strndup(text, length));
    const char *rest = text[length] ? text + length + 1 : "";
    libxl_vsnd_pcm *pcm;

    if (g_ascii_strcasecmp(word, "CARD") == 0)
        return xf_xl_take_spec(cfg, card_rows, card, rest, err);
    if (g_ascii_strcasecmp(word, "STREAM") == 0)
        return take_stream(cfg, card, rest, err);
    if (g_ascii_strcasecmp(word, "PCM") != 0)
        return xf_xl_bad(cfg, err, "'%s' does not begin with CARD, PCM or "
                         "STREAM", text);
    pcm = XF_XL_APPEND(card->pcms, card->num_vsnd_pcms);
    libxl_vsnd_pcm_init(pcm);
    return xf_xl_take_spec(cfg, pcm_rows, pcm, rest, err);
}

static gboolean
read_card(struct xf_xlcfg *cfg, XLU_ConfigValue *value, GError **err)
{
    libxl_domain_config *config = cfg->config;
    XLU_ConfigList *list;
    libxl_device_vsnd *card;
    const char *text;

    if (xlu_cfg_value_type(value) != XLU_LIST
        || xlu_cfg_value_get_list(cfg->xlu, value, &list, 1) != 0)
        return xf_xl_bad(cfg, err, LISTS);
    card = XF_XL_APPEND(config->vsnds, config->num_vsnds);
    libxl_device_vsnd_init(card);
    card->devid = config->num_vsnds - 1;
    for (int i = 0; (text = xlu_cfg_get_listitem(list, i)); i++)
        if (!take_item(cfg, card, text, err))
            return FALSE;
    return TRUE;
}

XF_XL_READER(xf_xl_read_vsnd)
{
    XLU_ConfigList *list;
    int count;

    if (xlu_cfg_get_list(cfg->xlu, row->key, &list, &count, 1) != 0)
        return xf_xl_bad(cfg, err, LISTS);
    for (int i = 0; i < count; i++)
        if (!read_card(cfg, xlu_cfg_get_listitem2(list, i), err))
            return FALSE;
    return TRUE;
}

/* -- writing --------------------------------------------------------------- */

static void
add_item(GPtrArray *items, const struct xf_xlout *out, const char *word,
         const struct xf_xl_row *rows, const void *item, const void *blank)
{
    g_autofree char *spec = xf_xl_spec(out, rows, item, blank);

    g_ptr_array_add(items, spec && *spec ? g_strconcat(word, ",", spec, NULL)
                                         : g_strdup(word));
}

static void
add_pcm(GPtrArray *items, const struct xf_xlout *out,
        const libxl_vsnd_pcm *pcm)
{
    libxl_vsnd_pcm blank_pcm;
    libxl_vsnd_stream blank;

    libxl_vsnd_pcm_init(&blank_pcm);
    libxl_vsnd_stream_init(&blank);
    add_item(items, out, "PCM", pcm_rows, pcm, &blank_pcm);
    for (int i = 0; i < pcm->num_vsnd_streams; i++)
        add_item(items, out, "STREAM", stream_rows, &pcm->streams[i], &blank);
}

static char *
card_text(const struct xf_xlout *out, const libxl_device_vsnd *card)
{
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);
    libxl_device_vsnd blank;

    libxl_device_vsnd_init(&blank);
    add_item(items, out, "CARD", card_rows, card, &blank);
    for (int i = 0; i < card->num_vsnd_pcms; i++)
        add_pcm(items, out, &card->pcms[i]);
    g_ptr_array_add(items, NULL);
    return xf_xl_quote_list((const char *const *)items->pdata);
}

XF_XL_WRITER(xf_xl_write_vsnd)
{
    g_autoptr(GString) text = g_string_new("[");

    for (int i = 0; i < out->config->num_vsnds; i++) {
        g_autofree char *card = card_text(out, &out->config->vsnds[i]);

        g_string_append_printf(text, "%s\n%s", i ? "," : "", card);
    }
    g_string_append(text, "\n]");
    return out->config->num_vsnds
           ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}
