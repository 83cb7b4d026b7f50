/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain that comes from "xl migrate": this host plays "xl migrate-receive"
 * (xl-wire.h), and the engine takes it over (foreign.h). */
#ifndef XF_COMPAT_XL_RECEIVE_H
#define XF_COMPAT_XL_RECEIVE_H

#include "protocol/engine.h"

struct xf_xl_incoming {
    int in, out;                /* borrowed: what xl says, and hears */
    gboolean paused;            /* it stays so */
    const char *host;           /* where it comes from, for people */
};

/* All of it, in the caller's thread.  TRUE: the domain is here and committed;
 * FALSE: nothing of it is left here. */
gboolean xf_xl_receive(struct xf_engine *engine,
                       const struct xf_xl_incoming *incoming, GError **err);

#endif
