/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts our save-helper (save-helper.c) in front of libxl's. */
#ifndef XF_XEN_HELPER_H
#define XF_XEN_HELPER_H

#define XF_HELPER_ENV "XENFERRY_LIBXL_SAVE_HELPER"

/* Sets the environment that makes libxl run ours; `major` and `minor` are
 * Xen's version.  Without ours or libxl's where it is looked for, nothing is
 * changed, and a message says what that costs.  Not thread-safe: setenv(). */
void xf_helper_install(int major, int minor);

#endif
