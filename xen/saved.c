/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's configuration into the head of a file, as "xl save" does it. */
#include "config.h"

#include <stdlib.h>

#include "xen/config-json.h"
#include "xen/internal.h"
#include "xen/savefile.h"
#include "xen/userdata.h"

gboolean
xf_libxl_save_head(struct xf_hypervisor *hypervisor, int domid,
                   gboolean paused, int fd, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);
    struct xf_savefile head = { .paused = paused };
    libxl_domain_config config;

    if (!lent.context ||
        !xf_libxl_retrieve(lent.context, domid, &config, err))
        return FALSE;
    head.config = xf_config_json_write(&config, err);
    head.document = xf_userdata_document(lent.context, domid);
    libxl_domain_config_dispose(&config);

    gboolean ok = head.config && xf_savefile_write(fd, &head, err);

    xf_savefile_clear(&head);
    return ok;
}
