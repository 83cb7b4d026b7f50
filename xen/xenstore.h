/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small things done with libxenstore: handles of our own, since libxl's
 * cannot be shared.
 */
#ifndef XF_XEN_XENSTORE_H
#define XF_XEN_XENSTORE_H

#include <xenstore.h>

#include "protocol/error.h"
#include "protocol/types.h"

struct xs_handle *xf_xs_open(GError **err);
XF_DEFINE_AUTO(xs_handle, xs_close);

/* The value of a node as text, or NULL when it is not there or cannot be
 * read.  The caller frees it. */
char *xf_xs_read(struct xs_handle *xs, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/* Names of the nodes under a node; NULL-terminated, empty when it is not
 * there.  Free with g_strfreev(). */
char **xf_xs_children(struct xs_handle *xs, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/* Waits for a watch of this handle to fire or wake_fd (-1: none) to become
 * readable; fired watches are taken off the queue.  timeout_ms -1: for ever.
 * FALSE when the time is over.  *fired (may be NULL) grows by the number of
 * those taken off: a watch fires once when it is set, and at each change. */
gboolean xf_xs_wait(struct xs_handle *xs, int wake_fd, int timeout_ms,
                    guint *fired);

#endif
