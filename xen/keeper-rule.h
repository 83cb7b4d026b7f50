/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the keeper does about a domain of which an event has come; pure. */
#ifndef XF_XEN_KEEPER_RULE_H
#define XF_XEN_KEEPER_RULE_H

#include "xen/holds.h"

enum keeper_verdict {
    KEEPER_LEAVES,              /* nothing is the matter, or somebody else's
                                 * matter */
    KEEPER_HAS_GONE,            /* somebody has destroyed it */
    KEEPER_LETS_RUN,            /* it has suspended late */
    KEEPER_ACTS,                /* it has shut down: as its configuration
                                 * says */
};

/* now: as the domain is, NULL: there is none of that number.  uuid: of the
 * one that is kept.  ours: do we act on its end? */
enum keeper_verdict xf_keeper_judge(const struct xf_hv_domain *now,
                                    const guint8 *uuid, gboolean ours,
                                    enum xf_hold hold);

#endif
