/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML and libxl's configuration, as the tests compare them. */
#ifndef XF_TESTS_UNIT_DOMXML_COMMON_H
#define XF_TESTS_UNIT_DOMXML_COMMON_H

#include "tests/unit/common.h"
#include "xen/domxml.h"

/* A small guest; %s: what else it has. */
#define PVH_GUEST \
    "<domain type='xen'><name>guest</name><memory>65536</memory>" \
    "<os><type>xenpvh</type><kernel>/k</kernel></os>%s</domain>"

/* libxl's own text of it */
char *config_json(libxl_domain_config *config);
/* The JSON of `xml`; like the next, it fails the test when that is refused.
 * `name` is for the message. */
char *parse(const char *name, const char *xml);
/* `xml`, read and written again. */
char *reformat(const char *name, const char *xml, int domid, guint flags);

#endif
