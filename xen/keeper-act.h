/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the keeper does about a domain that has ended; see keeper.h. */
#ifndef XF_XEN_KEEPER_ACT_H
#define XF_XEN_KEEPER_ACT_H

#include "xen/context.h"

/* What is known of a domain that has shut down. */
struct keeper_case {
    int domid;
    guint8 uuid[XF_UUID_LEN];
    /* It has been restarted so often in a row so soon that it is not to be
     * started again. */
    gboolean no_restart;
    /* Called when a new domain has been made in its place, still paused: it
     * must be looked after from now on. */
    void (*restarted)(void *user, int domid, const guint8 *uuid);
    void *user;
};

enum keeper_result {
    KEEPER_OVER,                /* nothing more to look after */
    KEEPER_GOES_ON,             /* the same domain runs again */
};

/* Does what the domain's configuration says for its way of ending.  Blocks
 * as long as that takes; failures are logged. */
enum keeper_result xf_keeper_act(struct xf_context *context,
                              const struct keeper_case *ended);

/* Lets a guest run on that has suspended after everybody had given up.  The
 * caller has entered its hold. */
gboolean xf_keeper_resume_late(struct xf_context *context, int domid);

#endif
