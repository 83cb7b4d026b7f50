/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The document that a domain was made from: see userdata.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "xen/domxml.h"
#include "xen/userdata.h"

static char *
retrieve(struct xf_context *c, int domid, const char *id)
{
    uint8_t *data = NULL;
    int len = 0;
    int rc = libxl_userdata_retrieve(c->libxl, domid, id, &data, &len);
    char *text = NULL;

    if (rc)
        g_info("domain %d: libxl cannot read its %s (error %d)", domid, id,
               rc);
    else if (len > 0 && len <= XF_DOMXML_MAX_BYTES)
        text = g_strndup((const char *)data, len);
    free(data);
    return text;
}

char *
xf_userdata_document(struct xf_context *c, int domid)
{
    char *text = retrieve(c, domid, XF_USERDATA_OURS);

    return text ? text : retrieve(c, domid, XF_USERDATA_LIBVIRT);
}

void
xf_userdata_keep(struct xf_context *c, int domid, const char *xml)
{
    int rc = libxl_userdata_store(c->libxl, domid, XF_USERDATA_OURS,
                                  (const uint8_t *)xml, strlen(xml) + 1);

    if (rc)
        g_warning("domain %d: libxl cannot keep the XML that it was made "
                  "from (error %d): its title, description and metadata "
                  "will not be shown", domid, rc);
}

void
xf_userdata_mark(struct xf_context *c, int domid, const char *mark)
{
    static const uint8_t set[] = "1";
    int rc = libxl_userdata_store(c->libxl, domid, mark, set, sizeof(set));

    if (rc)
        g_info("domain %d: libxl cannot keep its %s (error %d)", domid, mark,
               rc);
}

void
xf_userdata_unmark(struct xf_context *c, int domid, const char *mark)
{
    int rc = libxl_userdata_unlink(c->libxl, domid, mark);

    if (rc)
        g_info("domain %d: libxl cannot remove its %s (error %d)", domid,
               mark, rc);
}

gboolean
xf_userdata_marked(struct xf_context *c, int domid, const char *mark)
{
    g_autofree char *text = retrieve(c, domid, mark);

    return text && *text;
}
