/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The document that a domain was made from.  libxl keeps it for us
 * (userdata.h), and it holds what the configuration has no place for: title,
 * description, others' metadata, the author's wording.  It may be years old:
 * the domain has been renamed, ballooned, plugged since, so the configuration
 * always counts.
 */
#ifndef XF_XEN_DOMXML_KEPT_H
#define XF_XEN_DOMXML_KEPT_H

#include <libxl.h>
#include <libxml/tree.h>

/* Reads it and puts in what names the domain of `config` now: name, uuid, and
 * the MAC addresses that it leaves open; what is ours in its <metadata> is
 * taken out.  NULL, and a line in the log, when it cannot be read. */
xmlDoc *xf_kept_read(const char *kept, const libxl_domain_config *config);

/* Copies title, description and <metadata> into a document that has a uuid
 * and none of the three. */
void xf_kept_graft(const xmlDoc *kept, xmlDoc *doc);

void xf_kept_strip_secrets(xmlDoc *kept);
/* domid -1: none. */
void xf_kept_set_id(xmlDoc *kept, int domid);

#endif
