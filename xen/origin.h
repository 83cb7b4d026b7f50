/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a domain comes from: what its source had and the destination may
 * lack.  The source says it in a line of text that travels in the cookie
 * (cookie.h, element <origin>):
 *
 *   version=4017007 clock=1790000000 cpu=178bfbff,80802001,...
 *
 * Keys that are not known are passed over, so that a newer source can say
 * more; each that is missing is not compared.
 */
#ifndef XF_XEN_ORIGIN_H
#define XF_XEN_ORIGIN_H

#include <glib.h>

/* CPU features in the order of Xen's public arch-x86/cpufeatureset.h, as far
 * as they can be compared: nine words of CPUID leaves and the tenth. */
#define XF_ORIGIN_CPU_WORDS 11

struct xf_origin {
    guint64 version;            /* of Xen, as in struct xf_hv_host; 0: not
                                 * told */
    gint64 clock;               /* seconds since 1970; 0: not told */
    gboolean has_cpu;
    /* Of the source: what the guest has been given.  Of the destination:
     * what a guest of its kind can be given there. */
    guint32 cpu[XF_ORIGIN_CPU_WORDS];
};

char *xf_origin_format(const struct xf_origin *origin);

/* XF_ERROR_INVALID_ARG names the key that is malformed. */
gboolean xf_origin_parse(const char *text, struct xf_origin *origin,
                         GError **err);

/* Appends to problems (char *) what keeps a domain that comes `from` there
 * from going on `here`, each with what to do. */
void xf_origin_compare(const struct xf_origin *from,
                       const struct xf_origin *here, GPtrArray *problems);

#endif
