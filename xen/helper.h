/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The programs that libxl starts: where they are, and our save-helper
 * (save-helper.c), which is put in front of libxl's.
 */
#ifndef XF_XEN_HELPER_H
#define XF_XEN_HELPER_H

#include <glib.h>

#define XF_HELPER_ENV "XENFERRY_LIBXL_SAVE_HELPER"

/* Sets the environment that makes libxl run ours; `major` and `minor` are
 * Xen's version.  Without ours or libxl's where it is looked for, nothing is
 * changed, and a message says what that costs.  Not thread-safe: setenv(). */
void xf_helper_install(int major, int minor);

/* After xf_helper_install(): can libxl's save-helper be run?  TRUE too where
 * it was not found then: libxl may know a place that is not looked at. */
gboolean xf_helper_is_there(void);

/* Is QEMU for Xen in one of the places where libxl starts it from? */
gboolean xf_helper_has_device_model(void);

#endif
