/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files that write domain XML share.  They write what domain XML has
 * words for and leave the rest to the residual, which is made afterwards by
 * reading the document back (domxml-format.c): so a writer may leave out what
 * it cannot say, but may never write what cannot be read.
 */
#ifndef XF_XEN_DOMXML_FORMAT_H
#define XF_XEN_DOMXML_FORMAT_H

#include <glib.h>
#include <libxl.h>
#include <libxml/tree.h>

struct xf_xml_out {
    const libxl_domain_config *config;
    gboolean secure;
    gboolean hvm, pv;
};

/* Can XML hold this text? */
gboolean xf_out_fits(const char *text);
/* Not NULL, not blank, fits. */
gboolean xf_out_has(const char *text);

xmlNode *xf_out_element(xmlNode *parent, const char *name);
/* <name>text</name>; the text is formatted. */
xmlNode *xf_out_text(xmlNode *parent, const char *name, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
void xf_out_attr(xmlNode *node, const char *name, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
/* <name attr='value'/> */
xmlNode *xf_out_with(xmlNode *parent, const char *name, const char *attr,
                     const char *value);
/* "0-3,5"; NULL when empty or with a number that cannot be read back. */
char *xf_out_set(const libxl_bitmap *map);

/* The whole as text; free with g_free(). */
char *xf_out_document(xmlDoc *doc);

/* Takes `node` out again when nothing was put into it. */
void xf_out_drop_if_empty(xmlNode *node);

/* As it is written, will it have less memory at first than it may have?  Some
 * devices are not read then. */
gboolean xf_out_on_demand(const struct xf_xml_out *out);

/* The parts of the document, each into its parent.  domxml-format-cpu.c: */
void xf_out_vcpus(const struct xf_xml_out *out, xmlNode *domain);
void xf_out_cputune(const struct xf_xml_out *out, xmlNode *domain);
void xf_out_numatune(const struct xf_xml_out *out, xmlNode *domain);
void xf_out_cpu(const struct xf_xml_out *out, xmlNode *domain);
/* domxml-cpuid.c: */
void xf_out_cpuid(const struct xf_xml_out *out, xmlNode *cpu);
/* domxml-format-os.c: */
void xf_out_bootloader(const struct xf_xml_out *out, xmlNode *domain);
void xf_out_os(const struct xf_xml_out *out, xmlNode *domain);
void xf_out_features(const struct xf_xml_out *out, xmlNode *domain);
void xf_out_clock(const struct xf_xml_out *out, xmlNode *domain);
void xf_out_pm(const struct xf_xml_out *out, xmlNode *domain);
/* domxml-format-devices.c, -disk.c, -graphics.c: */
void xf_out_devices(const struct xf_xml_out *out, xmlNode *domain);
/* <mac>, where there is one that can be read again. */
void xf_out_mac(const libxl_device_nic *nic, xmlNode *interface);
void xf_out_disks(const struct xf_xml_out *out, xmlNode *devices);
void xf_out_graphics(const struct xf_xml_out *out, xmlNode *devices);
void xf_out_video(const struct xf_xml_out *out, xmlNode *devices);

/* What libxl takes for a default that was not set. */
static inline gboolean
xf_out_bool(libxl_defbool value, gboolean when_default)
{
    return libxl_defbool_is_default(value) ? when_default
                                           : libxl_defbool_val(value);
}

static inline gboolean
xf_out_true(libxl_defbool value)
{
    return xf_out_bool(value, FALSE);
}

#endif
