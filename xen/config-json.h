/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl's JSON form of a domain's configuration, read from whoever sent it.
 *
 * libxl's reader passes over keys that it does not know and values of the
 * wrong type; here they are errors.  Reading needs a libxl context and so what
 * libxl_ctx_alloc() needs: Xen, or a program that is linked with offline.c.
 *
 * All functions may be called from any thread at once.
 */
#ifndef XF_XEN_CONFIG_JSON_H
#define XF_XEN_CONFIG_JSON_H

#include <json-glib/json-glib.h>
#include <libxl.h>

/* Text to a tree, with bounds: depth, and numbers in lists, for libxl
 * allocates a set as large as its largest number.  Errors: XF_ERROR_XML; the
 * message goes on after a subject ("is not JSON: ..."). */
JsonNode *xf_config_json_parse(const char *text, GError **err);

/* Fills `config`, which it initialises, by libxl's own reader; on success the
 * caller disposes of it.  What libxl has passed over is not noticed. */
gboolean xf_config_json_load(libxl_domain_config *config, JsonNode *tree,
                             GError **err);

/* The whole way: text to `config`, with an error for what libxl has passed
 * over.  Takes the configuration alone, or as "xl list -l" prints it: in an
 * object under "config", that perhaps in a list of one. */
gboolean xf_config_json_read(const char *text, libxl_domain_config *config,
                             GError **err);

/* Is `path` ("/disks/0/vdev", domxml-residual.h) one that `pattern` means, in
 * which '*' stands for any one segment? */
gboolean xf_config_json_path_is(const char *path, const char *pattern);

/* As libxl writes it; free with g_free(). */
char *xf_config_json_write(const libxl_domain_config *config, GError **err);

#endif
