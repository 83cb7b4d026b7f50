/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The document that a domain was made from, as libxl keeps it for its
 * toolstacks: a file beside the domain, by domid and uuid, that goes when the
 * domain goes.  Ours has an id of its own: a libvirtd takes every domain that
 * has a `libvirt-xml` for one of its own when it starts.
 *
 * Thread: any; `context` as for every call of libxl.
 */
#ifndef XF_XEN_USERDATA_H
#define XF_XEN_USERDATA_H

#include "xen/context.h"

#define XF_USERDATA_OURS "xenferry-xml"
#define XF_USERDATA_LIBVIRT "libvirt-xml"
/* Marks: */
#define XF_USERDATA_INCOMING "xenferry-incoming"    /* until it has its name */
#define XF_USERDATA_ASKED "xenferry-asked"  /* to suspend, by a suspend() that
                                             * has not ended */

/* Ours, else libvirt's, else NULL; free with g_free(). */
char *xf_userdata_document(struct xf_context *context, int domid);

/* Keeps it as ours.  A failure is a warning in the log: what is lost are
 * texts for people, and the domain is there. */
void xf_userdata_keep(struct xf_context *context, int domid,
                      const char *xml);

/* A mark on a domain, for the daemon that finds it after this one has died:
 * no other toolstack makes it.  That it cannot be made is logged: a domain
 * that is left of a migration then stays, and one that suspends late does so
 * for good. */
void xf_userdata_mark(struct xf_context *context, int domid,
                      const char *mark);
void xf_userdata_unmark(struct xf_context *context, int domid,
                        const char *mark);
gboolean xf_userdata_marked(struct xf_context *context, int domid,
                            const char *mark);

#endif
