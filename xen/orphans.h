/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Helpers of libxl that outlived the process that started them.
 *
 * A restore helper whose process was killed goes on filling its half-made
 * domain from the socket, and the sender notices nothing: it would come to
 * the end of its stream and believe in success.  So a process that restores
 * domains ends such helpers when it starts, before it does anything else.
 */
#ifndef XF_XEN_ORPHANS_H
#define XF_XEN_ORPHANS_H

#include <glib.h>

/* Kills every process that is called `name`, whose parent is init (the one
 * that started it is gone: nobody can hear it any more), and waits until they
 * are gone, 10 s at most.  Returns how many there were.  name NULL: libxl's
 * helper. */
guint xf_orphans_end(const char *name);

#endif
