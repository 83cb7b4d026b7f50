/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The features of CPUs that guests are given: not in libxl's interface, but in
 * that of the library below it.
 */
#ifndef XF_XEN_CPU_H
#define XF_XEN_CPU_H

#include "xen/origin.h"

/* What the domain's CPUs have, as far as this host gives it to guests of its
 * kind.  FALSE: Xen does not tell. */
gboolean xf_cpu_of_domain(int domid, gboolean pv,
                          guint32 words[XF_ORIGIN_CPU_WORDS]);

/* What the CPUs of a PV, or of a PVH or HVM guest can have on this host. */
gboolean xf_cpu_of_host(gboolean pv, guint32 words[XF_ORIGIN_CPU_WORDS]);

#endif
