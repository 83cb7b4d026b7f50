/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/rpc/keepalive.h"

void
xf_keepalive_start(struct xf_keepalive *ka, guint interval_ms, guint count,
                   gint64 now)
{
    ka->interval = interval_ms * G_TIME_SPAN_MILLISECOND;
    ka->count = count;
    xf_keepalive_received(ka, now);
}

void
xf_keepalive_received(struct xf_keepalive *ka, gint64 now)
{
    ka->unanswered = 0;
    ka->since = now;
}

enum xf_keepalive_action
xf_keepalive_check(struct xf_keepalive *ka, gint64 now, gint64 *next)
{
    enum xf_keepalive_action action = XF_KEEPALIVE_WAIT;

    *next = -1;
    if (!ka->interval)
        return XF_KEEPALIVE_WAIT;
    if (now >= ka->since + ka->interval) {
        if (ka->unanswered >= ka->count)
            return XF_KEEPALIVE_DEAD;
        ka->unanswered++;
        ka->since = now;
        action = XF_KEEPALIVE_PING;
    }
    *next = ka->since + ka->interval;
    return action;
}
