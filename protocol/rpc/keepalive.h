/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keepalive: when to ask a silent peer whether it lives, and when to give it
 * up.  No clock and no socket in here: the caller says what time it is.
 *
 * A ping goes out after `interval` without any packet, `count` times; one
 * more silent interval and the peer is dead.
 */
#ifndef XF_PROTOCOL_RPC_KEEPALIVE_H
#define XF_PROTOCOL_RPC_KEEPALIVE_H

#include <glib.h>

struct xf_keepalive {
    gint64 interval;    /* us; 0 = off */
    guint count;
    guint unanswered;   /* pings since the last packet */
    gint64 since;       /* us: last packet received or ping sent */
};

enum xf_keepalive_action {
    XF_KEEPALIVE_WAIT,
    XF_KEEPALIVE_PING,
    XF_KEEPALIVE_DEAD,
};

/* Times are g_get_monotonic_time()'s. */
void xf_keepalive_start(struct xf_keepalive *ka, guint interval_ms,
                        guint count, gint64 now);
void xf_keepalive_received(struct xf_keepalive *ka, gint64 now);
/* *next: when to call again, -1 = never; after PING the ping counts as
 * sent. */
enum xf_keepalive_action xf_keepalive_check(struct xf_keepalive *ka,
                                            gint64 now, gint64 *next);

#endif
