/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "xen/keeper-rule.h"

enum keeper_verdict
xf_keeper_judge(const struct xf_hv_domain *now, const guint8 *uuid,
                gboolean ours, enum xf_hold hold)
{
    if (hold == XF_HOLD_BUSY)
        return KEEPER_LEAVES;
    if (!now || now->dying || memcmp(now->uuid, uuid, XF_UUID_LEN) != 0)
        return KEEPER_HAS_GONE;
    if (now->suspended)
        return hold == XF_HOLD_LATE ? KEEPER_LETS_RUN : KEEPER_LEAVES;
    return now->shutdown && ours ? KEEPER_ACTS : KEEPER_LEAVES;
}
