/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of xlcfg share: rows.  A row is a key of the file or of a
 * device's text ("key=value,key=value"), and the field that it fills.  The
 * same row reads and writes.
 */
#ifndef XF_XEN_XLCFG_PRIVATE_H
#define XF_XEN_XLCFG_PRIVATE_H

#include <stdio.h>
#include <libxl.h>
#include <libxl_utils.h>
#include <libxlutil.h>

#include "protocol/error.h"
#include "xen/xlcfg.h"

/* -- a file being read ----------------------------------------------------- */

struct xf_xlcfg {
    XLU_Config *xlu;
    libxl_domain_config *config;
    GHashTable *lines;          /* char *: key -> its line */
    GPtrArray *notes;           /* char *, or NULL */
    const char *key;            /* being read; for messages */
    char *report;               /* what libxlutil has said */
    gsize report_length, report_seen;
    FILE *report_file;
};

/* -- a file being written -------------------------------------------------- */

struct xf_xlout {
    GString *text;
    const libxl_domain_config *config;
    const libxl_domain_config *blank;   /* what an empty file gives */
};

/* -- rows ------------------------------------------------------------------ */

enum xf_xl_guests {
    XF_XL_PV = 1 << 0,
    XF_XL_PVH = 1 << 1,
    XF_XL_HVM = 1 << 2,
    XF_XL_ALL = XF_XL_PV | XF_XL_PVH | XF_XL_HVM,
};

enum xf_xl_kind {
    XF_XL_TEXT,         /* char * */
    XF_XL_FLAG,         /* libxl_defbool */
    XF_XL_SWITCH,       /* bool */
    XF_XL_NUMBER,       /* an integer of `size` bytes, `scale` a unit */
    XF_XL_WORD,         /* an enum, by `words` */
    XF_XL_LIST,         /* libxl_string_list, from a list or a text */
    XF_XL_OWN,          /* functions of its own */
    XF_XL_REFUSED,      /* `why` */
};

enum xf_xl_row_flags {
    XF_XL_SIGNED = 1 << 0,      /* a number below 0 is one */
    XF_XL_OR_NUMBER = 1 << 1,   /* a word, or its number */
    XF_XL_HEX = 1 << 2,
};

struct xf_xl_row {
    const char *key;
    guint guests;
    enum xf_xl_kind kind;
    gsize offset, size;
    guint64 scale;
    const libxl_enum_string_table *words;
    guint flags;
    /* `text` is the value in a device's text, NULL for a word alone; for a
     * key of the file it is NULL and the value is asked for. */
    gboolean (*read)(struct xf_xlcfg *cfg, const struct xf_xl_row *row,
                     void *base, const char *text, GError **err);
    /* The value as the file has it, NULL when there is nothing to write;
     * free with g_free(). */
    char *(*write)(const struct xf_xlout *out, const struct xf_xl_row *row,
                   const void *base);
    const char *why;
};

/* A row's place: struct, field. */
#define XF_XL_AT(type, field)                                               \
    .offset = offsetof(type, field), .size = sizeof(((type *)0)->field)

/* Of the file; ended by a NULL key.  They are read in this order, whatever
 * the order in the file. */
extern const struct xf_xl_row xf_xl_keys[];

/* Devices: xlcfg-devices.c.  Keys that are lists of texts. */
extern const struct xf_xl_row xf_xl_device_keys[];

/* The text of one field for a file or a device, NULL when it is as in
 * `blank`. */
char *xf_xl_value(const struct xf_xlout *out, const struct xf_xl_row *row,
                  const void *base, const void *blank);
/* Text into one field. */
gboolean xf_xl_take(struct xf_xlcfg *cfg, const struct xf_xl_row *row,
                    void *base, const char *text, GError **err);

/* "key=value,key=value" into a device. */
gboolean xf_xl_take_spec(struct xf_xlcfg *cfg, const struct xf_xl_row *rows,
                         void *device, const char *text, GError **err);
/* The other way; `blank` is a device as libxl initialises it. */
char *xf_xl_spec(const struct xf_xlout *out, const struct xf_xl_row *rows,
                 const void *device, const void *blank);

/* -- values ---------------------------------------------------------------- */

/* Both return FALSE; the message begins with line and key. */
gboolean xf_xl_bad(struct xf_xlcfg *cfg, GError **err, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
gboolean xf_xl_cannot(struct xf_xlcfg *cfg, GError **err, const char *fmt,
                      ...) G_GNUC_PRINTF(3, 4);
/* For the notes: what of the key being read has no effect. */
void xf_xl_idle(struct xf_xlcfg *cfg, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);
/* xf_xl_bad() with what libxlutil has reported since the last time. */
gboolean xf_xl_bad_report(struct xf_xlcfg *cfg, const char *text,
                          GError **err);

gboolean xf_xl_has(struct xf_xlcfg *cfg, const char *key);
gboolean xf_xl_is_list(struct xf_xlcfg *cfg, const char *key);
/* NULL with *err clear when the key is not there. */
const char *xf_xl_string(struct xf_xlcfg *cfg, const char *key, GError **err);
/* The texts of a list, or NULL with *err set; free the array alone. */
GPtrArray *xf_xl_strings(struct xf_xlcfg *cfg, const char *key,
                         GError **err);
gboolean xf_xl_number(struct xf_xlcfg *cfg, const char *text, gint64 min,
                      gint64 max, gint64 *out, GError **err);
/* "0-3,5,^2" */
gboolean xf_xl_bits(struct xf_xlcfg *cfg, const char *text,
                    libxl_bitmap *map, GError **err);
/* The other way, "" for none. */
char *xf_xl_bits_text(const libxl_bitmap *map);

/* A text in quotes; a list of texts.  Free with g_free(). */
char *xf_xl_quote(const char *text);
char *xf_xl_quote_list(const char *const *texts);

#define XF_XL_READER(name)                                                  \
    gboolean name(struct xf_xlcfg *cfg, const struct xf_xl_row *row,        \
                  void *base, const char *spec, GError **err)
#define XF_XL_WRITER(name)                                                  \
    char *name(const struct xf_xlout *out, const struct xf_xl_row *row,     \
               const void *base)

/* xlcfg-forms.c */
XF_XL_READER(xf_xl_read_cpuid);
XF_XL_WRITER(xf_xl_write_cpuid);
XF_XL_READER(xf_xl_read_vnuma);
XF_XL_WRITER(xf_xl_write_vnuma);
XF_XL_READER(xf_xl_read_ioports);
XF_XL_WRITER(xf_xl_write_ioports);
XF_XL_READER(xf_xl_read_iomem);
XF_XL_WRITER(xf_xl_write_iomem);
XF_XL_READER(xf_xl_read_irqs);
XF_XL_WRITER(xf_xl_write_irqs);
/* xlcfg-sound.c */
XF_XL_READER(xf_xl_read_vsnd);
XF_XL_WRITER(xf_xl_write_vsnd);
/* xlcfg-hvm.c */
XF_XL_READER(xf_xl_read_viridian);
XF_XL_WRITER(xf_xl_write_viridian);
XF_XL_READER(xf_xl_read_serial);
XF_XL_WRITER(xf_xl_write_serial);
XF_XL_READER(xf_xl_read_usbdevice);
XF_XL_WRITER(xf_xl_write_usbdevice);
XF_XL_READER(xf_xl_read_stdvga);
XF_XL_READER(xf_xl_read_gfx_passthru);
XF_XL_WRITER(xf_xl_write_gfx_passthru);
XF_XL_READER(xf_xl_read_genid);
XF_XL_READER(xf_xl_read_altp2mhvm);
XF_XL_READER(xf_xl_read_mca_caps);
XF_XL_WRITER(xf_xl_write_mca_caps);
XF_XL_READER(xf_xl_read_rdm);
XF_XL_WRITER(xf_xl_write_rdm);

guint xf_xl_guest(const libxl_domain_config *config);

#endif
