/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys of xl.cfg(5) for HVM guests whose values have a form of their own. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "xen/domxml-private.h"
#include "xen/xlcfg-private.h"


/* A number for all or nothing, or a list of groups, "!" before those that are
 * off. */
static gboolean
read_viridian_group(struct xf_xlcfg *cfg, const char *text, GError **err)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    gboolean off = *text == '!';
    libxl_bitmap *map = off ? &b->u.hvm.viridian_disable
                            : &b->u.hvm.viridian_enable;
    libxl_viridian_enlightenment group;

    text += off;
    if (strcmp(text, "defaults") == 0) {
        libxl_defbool_set(&b->u.hvm.viridian, !off);
    } else if (strcmp(text, "all") == 0) {
        for (guint i = 0; i < map->size * CHAR_BIT; i++)
            libxl_bitmap_set(map, i);
    } else if (libxl_viridian_enlightenment_from_string(text, &group) == 0) {
        libxl_bitmap_set(map, group);
        libxl_bitmap_reset(off ? &b->u.hvm.viridian_enable
                               : &b->u.hvm.viridian_disable, group);
    } else {
        return xf_xl_cannot(cfg, err, "there is no group '%s'", text);
    }
    return TRUE;
}

XF_XL_READER(xf_xl_read_viridian)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    g_autoptr(GPtrArray) texts = NULL;
    gint64 on;

    if (!xf_xl_is_list(cfg, row->key)) {
        if (!xf_xl_number(cfg, xf_xl_string(cfg, row->key, NULL), G_MININT32,
                          G_MAXINT32, &on, err))
            return FALSE;
        libxl_defbool_set(&b->u.hvm.viridian, on != 0);
        return TRUE;
    }
    texts = xf_xl_strings(cfg, row->key, err);
    if (!texts)
        return FALSE;
    xf_xl_bitmap_alloc(&b->u.hvm.viridian_enable,
                       LIBXL_BUILDINFO_HVM_VIRIDIAN_ENABLE_DISABLE_WIDTH);
    xf_xl_bitmap_alloc(&b->u.hvm.viridian_disable,
                       LIBXL_BUILDINFO_HVM_VIRIDIAN_ENABLE_DISABLE_WIDTH);
    for (guint i = 0; i < texts->len; i++)
        if (!read_viridian_group(cfg, texts->pdata[i], err))
            return FALSE;
    return TRUE;
}

/* Beyond the groups that have a name only "all" reaches. */
static void
add_groups(GPtrArray *texts, const libxl_bitmap *map, const char *before)
{
    if (libxl_bitmap_test(
            map, LIBXL_BUILDINFO_HVM_VIRIDIAN_ENABLE_DISABLE_WIDTH - 1)) {
        g_ptr_array_add(texts, g_strconcat(before, "all", NULL));
        return;
    }
    for (const libxl_enum_string_table *group =
             libxl_viridian_enlightenment_string_table;
         group->s; group++)
        if (libxl_bitmap_test(map, group->v))
            g_ptr_array_add(texts, g_strconcat(before, group->s, NULL));
}

XF_XL_WRITER(xf_xl_write_viridian)
{
    const libxl_domain_build_info *b = &out->config->b_info;
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    gboolean said = !libxl_defbool_is_default(b->u.hvm.viridian);
    gboolean on = said && libxl_defbool_val(b->u.hvm.viridian);

    add_groups(texts, &b->u.hvm.viridian_enable, "");
    add_groups(texts, &b->u.hvm.viridian_disable, "!");
    if (texts->len == 0)
        return said ? g_strdup(on ? "1" : "0") : NULL;
    if (said)
        g_ptr_array_insert(texts, 0, g_strdup(on ? "defaults"
                                                 : "!defaults"));
    g_ptr_array_add(texts, NULL);
    return xf_xl_quote_list((const char *const *)texts->pdata);
}

/* Texts that may be one or a list, each with its own field. */
static gboolean
read_text_or_list(struct xf_xlcfg *cfg, const struct xf_xl_row *row,
                  char **text, libxl_string_list *list, GError **err)
{
    g_autoptr(GPtrArray) texts = NULL;

    if (!xf_xl_is_list(cfg, row->key)) {
        *text = xf_xl_strdup(xf_xl_string(cfg, row->key, NULL));
        return TRUE;
    }
    texts = xf_xl_strings(cfg, row->key, err);
    for (guint i = 0; texts && i < texts->len; i++)
        xf_xl_list_add(list, texts->pdata[i]);
    return texts != NULL;
}

static char *
write_text_or_list(const char *text, char *const *list)
{
    return text ? xf_xl_quote(text)
           : list ? xf_xl_quote_list((const char *const *)list) : NULL;
}

XF_XL_READER(xf_xl_read_serial)
{
    libxl_domain_build_info *b = &cfg->config->b_info;

    return read_text_or_list(cfg, row, &b->u.hvm.serial,
                             &b->u.hvm.serial_list, err);
}

XF_XL_WRITER(xf_xl_write_serial)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    return write_text_or_list(b->u.hvm.serial, b->u.hvm.serial_list);
}

XF_XL_READER(xf_xl_read_usbdevice)
{
    libxl_domain_build_info *b = &cfg->config->b_info;

    return read_text_or_list(cfg, row, &b->u.hvm.usbdevice,
                             &b->u.hvm.usbdevice_list, err);
}

XF_XL_WRITER(xf_xl_write_usbdevice)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    return write_text_or_list(b->u.hvm.usbdevice, b->u.hvm.usbdevice_list);
}

/* The old way to say which card. */
XF_XL_READER(xf_xl_read_stdvga)
{
    const char *text = xf_xl_string(cfg, row->key, err);
    gint64 on;

    if (!text
        || !xf_xl_number(cfg, text, G_MININT32, G_MAXINT32, &on, err))
        return FALSE;
    if (!xf_xl_has(cfg, "vga"))
        cfg->config->b_info.u.hvm.vga.kind = on
            ? LIBXL_VGA_INTERFACE_TYPE_STD : LIBXL_VGA_INTERFACE_TYPE_CIRRUS;
    return TRUE;
}

/* A number, or the kind of card. */
XF_XL_READER(xf_xl_read_gfx_passthru)
{
    libxl_domain_build_info *b = &cfg->config->b_info;
    const char *text = xf_xl_string(cfg, row->key, err);
    libxl_gfx_passthru_kind kind;
    gint64 on;

    if (!text)
        return FALSE;
    if (libxl_gfx_passthru_kind_from_string(text, &kind) == 0) {
        libxl_defbool_set(&b->u.hvm.gfx_passthru, true);
        b->u.hvm.gfx_passthru_kind = kind;
        return TRUE;
    }
    if (!xf_xl_number(cfg, text, G_MININT32, G_MAXINT32, &on, err))
        return FALSE;
    libxl_defbool_set(&b->u.hvm.gfx_passthru, on != 0);
    return TRUE;
}

XF_XL_WRITER(xf_xl_write_gfx_passthru)
{
    const libxl_domain_build_info *b = &out->config->b_info;

    if (libxl_defbool_is_default(b->u.hvm.gfx_passthru))
        return NULL;
    if (b->u.hvm.gfx_passthru_kind == LIBXL_GFX_PASSTHRU_KIND_IGD)
        return xf_xl_quote("igd");
    return g_strdup(libxl_defbool_val(b->u.hvm.gfx_passthru) ? "1" : "0");
}

XF_XL_READER(xf_xl_read_genid)
{
    libxl_ms_vm_genid *genid = &cfg->config->b_info.u.hvm.ms_vm_genid;
    const char *text = xf_xl_string(cfg, row->key, err);

    if (!text)
        return FALSE;
    if (strcmp(text, "generate") == 0) {
        libxl_uuid random;

        G_STATIC_ASSERT(sizeof(random.uuid) == sizeof(genid->bytes));
        libxl_uuid_generate(&random);
        memcpy(genid->bytes, random.uuid, sizeof(genid->bytes));
        return TRUE;
    }
    return strcmp(text, "none") == 0
           || xf_xl_cannot(cfg, err, "'%s' is neither \"generate\" nor "
                           "\"none\"", text);
}

XF_XL_READER(xf_xl_read_altp2mhvm)
{
    const struct xf_xl_row flag = { .key = row->key, .kind = XF_XL_FLAG };
    const char *text = xf_xl_string(cfg, row->key, err);

    return text && xf_xl_take(cfg, &flag,
                              &cfg->config->b_info.u.hvm.altp2m, text, err);
}

XF_XL_READER(xf_xl_read_mca_caps)
{
    g_autoptr(GPtrArray) texts = xf_xl_strings(cfg, row->key, err);

    for (guint i = 0; texts && i < texts->len; i++) {
        if (strcmp(texts->pdata[i], "lmce") != 0)
            return xf_xl_cannot(cfg, err, "'%s' is not \"lmce\"",
                                (char *)texts->pdata[i]);
        cfg->config->b_info.u.hvm.mca_caps |= 1;
    }
    return texts != NULL;
}

XF_XL_WRITER(xf_xl_write_mca_caps)
{
    return g_strdup(out->config->b_info.u.hvm.mca_caps == 1 ? "[ \"lmce\" ]"
                                                            : NULL);
}

static const libxl_enum_string_table rdm_strategies[] = {
    { "host", LIBXL_RDM_RESERVE_STRATEGY_HOST }, { NULL, 0 }
};

static const struct xf_xl_row rdm_rows[] = {
    { .key = "strategy", .guests = XF_XL_ALL, .kind = XF_XL_WORD,
      .words = rdm_strategies, XF_XL_AT(libxl_rdm_reserve, strategy) },
    { .key = "policy", .guests = XF_XL_ALL, .kind = XF_XL_WORD,
      .words = libxl_rdm_reserve_policy_string_table,
      XF_XL_AT(libxl_rdm_reserve, policy) },
    { .key = NULL }
};

/* Not by xlu_rdm_parse(): it does not take what xl.cfg(5) shows. */
XF_XL_READER(xf_xl_read_rdm)
{
    const char *text = xf_xl_string(cfg, row->key, err);

    return text && xf_xl_take_spec(cfg, rdm_rows,
                                   &cfg->config->b_info.u.hvm.rdm, text, err);
}

XF_XL_WRITER(xf_xl_write_rdm)
{
    g_autofree char *text = xf_xl_spec(out, rdm_rows,
                                       &out->config->b_info.u.hvm.rdm,
                                       &out->blank->b_info.u.hvm.rdm);

    return *text ? xf_xl_quote(text) : NULL;
}
