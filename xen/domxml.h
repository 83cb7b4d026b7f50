/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML (libvirt's, for Xen) to libxl's configuration and back.
 */
#ifndef XF_XEN_DOMXML_H
#define XF_XEN_DOMXML_H

#include <glib.h>
#include <libxl.h>

/* Fills in *config from the XML.  On success *config has been initialised
 * and the caller ends it with libxl_domain_config_dispose(); on failure it
 * needs no disposal. */
gboolean xf_domxml_parse(const char *xml, libxl_domain_config *config,
                         GError **err);

/* The XML of a domain; domid -1: it does not run.  `flags` are enum
 * xf_xml_flags.  The caller frees the string. */
char *xf_domxml_format(const libxl_domain_config *config, int domid,
                       guint flags, GError **err);

#endif
