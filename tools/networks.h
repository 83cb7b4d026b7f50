/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which bridge is which network of libvirt's, as configuration and options
 * say it: a table that xen/domxml.h takes.
 */
#ifndef XF_TOOLS_NETWORKS_H
#define XF_TOOLS_NETWORKS_H

#include <glib.h>

/* Name -> bridge; free with g_hash_table_unref(). */
GHashTable *xf_networks_new(void);

/* XF_ERROR_INVALID_ARG, beginning with `where`, when one of them is none. */
gboolean xf_networks_add(GHashTable *networks, const char *name,
                         const char *bridge, const char *where, GError **err);

/* The same from "NAME=BRIDGE". */
gboolean xf_networks_add_option(GHashTable *networks, const char *option,
                                const char *where, GError **err);

#endif
