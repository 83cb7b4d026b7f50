/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A cable with a knife: what connects to its port on 127.0.0.1 is led on to
 * another port there.  The first connection is cut, both ways, once so many
 * bytes have come back: at once, or when more would (which is lost then).
 * The later ones are whole.
 */
#ifndef XF_TESTS_UNIT_CUTTER_H
#define XF_TESTS_UNIT_CUTTER_H

#include <glib.h>

struct cutter;

struct cutter *cutter_new(guint16 to_port, guint cut_after,
                          gboolean at_once);
guint16 cutter_port(const struct cutter *cutter);
void cutter_free(struct cutter *cutter);

#endif
