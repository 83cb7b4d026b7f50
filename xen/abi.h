/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does a guest see the same machine under two configurations?
 *
 * The destination may know its disks, bridges and displays by other names, and
 * give the guest other CPUs; what the guest can see of its machine must stay.
 * The comparison is of libxl's JSON: what a table (abi.c) does not allow to
 * differ must be equal, so that a field nobody has thought of is never taken
 * for harmless.  A running domain's configuration has libxl's defaults filled
 * in; a document may leave those out.
 */
#ifndef XF_XEN_ABI_H
#define XF_XEN_ABI_H

#include <glib.h>
#include <libxl.h>

/* `here` is the domain as it runs, `there` as it shall go on; `dname` (may be
 * NULL) its new name.  XF_ERROR_CONFIG_UNSUPPORTED names each difference:
 * place in libxl's JSON, value here, value there. */
gboolean xf_abi_same(const libxl_domain_config *here,
                     const libxl_domain_config *there, const char *dname,
                     GError **err);

#endif
