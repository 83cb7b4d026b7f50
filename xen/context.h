/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A libxl context with a logger of its own, one for each operation.
 *
 * libxl tells why something failed only in its log, and its progress
 * messages name no domain.  So every operation gets a context for itself:
 * what was logged there is about that operation, and an abort (which hits
 * the first synchronous operation of a context) hits the right one.
 * Contexts are cheap; a pool keeps a few idle ones.
 *
 * All contexts reap only their own children: several of them live side by
 * side, and the process may have children too.
 */
#ifndef XF_XEN_CONTEXT_H
#define XF_XEN_CONTEXT_H

#include <libxl.h>
#include <xenstore.h>

#include "protocol/error.h"
#include "protocol/types.h"

struct xf_context {
    libxl_ctx *libxl;
    struct xs_handle *xs;       /* for what libxl does not tell */
    struct xf_context_log *log; /* private */
};

/* Progress of a save: libxl's own words and figures.  Called with libxl's
 * lock held: must not block and not call libxl. */
struct xf_context_progress {
    void (*report)(void *user, const char *what, guint64 done, guint64 total);
    void *user;
};

struct xf_context *xf_context_new(GError **err);
void xf_context_free(struct xf_context *context);
XF_DEFINE_AUTO(xf_context, xf_context_free);

/* NULL: no more reports. */
void xf_context_set_progress(struct xf_context *context,
                             const struct xf_context_progress *progress);

/* Has it lost its connection to xenstored?  It is of no use then. */
gboolean xf_context_broken(struct xf_context *context);

/* Is libxl's restore helper at work, as far as its messages tell? */
gboolean xf_context_restoring(struct xf_context *context);

/* Does one of the error lines kept contain that text? */
gboolean xf_context_logged(struct xf_context *context, const char *text);

/* Sets err: the formatted text, then the last error lines that libxl has
 * logged in this context (or the name of rc when there are none), which are
 * forgotten then.  The code is `code`, unless rc says that the domain is not
 * there or that the operation was aborted; what is logged of an abort is of
 * no use to anybody and left out. */
void xf_context_error(struct xf_context *context, GError **err,
                      enum xf_error_code code, int rc, const char *fmt, ...)
    G_GNUC_PRINTF(5, 6);

/* Message of libxl as a person wants it: without the function and line of
 * libxl's source and without "Domain N:".  The caller frees it. */
char *xf_context_readable(const char *message);

struct xf_context_pool;

struct xf_context_pool *xf_context_pool_new(void);
/* All contexts must have been put back. */
void xf_context_pool_free(struct xf_context_pool *pool);
struct xf_context *xf_context_get(struct xf_context_pool *pool, GError **err);
void xf_context_put(struct xf_context_pool *pool, struct xf_context *context);

#endif
