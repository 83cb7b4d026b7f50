/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl's configuration files, xl.cfg(5) of Xen 4.17 <-> libxl's domain
 * configuration.
 *
 * Syntax, disks, PCI devices, rates and RDM are read by libxlutil, the keys by
 * tables (xlcfg-keys.c, xlcfg-devices.c) that serve both ways.  The result is
 * what xl would make of the file, but for what it takes from the machine it
 * runs on: what xl.conf(5) decides is left to libxl, and CPUs given by NUMA
 * node or relative to all there are refused.
 *
 * All functions may be called from any thread at once.
 */
#ifndef XF_XEN_XLCFG_H
#define XF_XEN_XLCFG_H

#include <glib.h>
#include <libxl.h>

/* Fills `config`, which it initialises; on success the caller disposes of it.
 * A uuid is made up when there is none; MAC addresses are left to libxl.
 * Errors begin with "line N, KEY: ": XF_ERROR_XML for malformed text,
 * XF_ERROR_CONFIG_UNSUPPORTED for keys and values that are not known.
 * `notes` (may be NULL) takes a char * for each key that xl ignores for a
 * guest of this type, and for each that is given again. */
gboolean xf_xlcfg_parse(const char *text, libxl_domain_config *config,
                        GPtrArray *notes, GError **err);

/* A file for `config`; free with g_free().  Exact or refused: the file is
 * read again, and what does not come back is XF_ERROR_CONFIG_UNSUPPORTED with
 * the place in libxl's JSON.  Not counted is what xl.conf(5) or libxl by
 * itself decides where the file is silent (a table in xlcfg-format.c).
 * Passwords are written. */
char *xf_xlcfg_format(const libxl_domain_config *config, GError **err);

#endif
