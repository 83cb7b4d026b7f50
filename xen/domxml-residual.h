/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The residual: what libxl's configuration says beyond what domain XML says,
 * as a list of edits to libxl's JSON form of the configuration.
 *
 *     [ { "at": "/b_info/tsc_mode", "was": "native", "is": "default" },
 *       { "at": "/disks/vdev=xvda/script", "is": "block-drbd" } ]
 *
 * "at" names a place; an element of a list of devices by the key that tells
 * it from the others (vdev, mac), else by its index.  "was" is what the XML
 * alone gives there, "is" what shall be; absent means that there is nothing.
 * Where the XML no longer gives "was", somebody has edited the XML since, and
 * the XML counts: that edit is left out.
 */
#ifndef XF_XEN_DOMXML_RESIDUAL_H
#define XF_XEN_DOMXML_RESIDUAL_H

#include <json-glib/json-glib.h>
#include <libxl.h>
#include <libxml/tree.h>

/* The element's name in the namespace XF_DOMXML_NS. */
#define XF_RESIDUAL_ELEMENT "libxl"

/* libxl's JSON of a configuration, as a tree.  Fails on strings that are not
 * UTF-8. */
JsonNode *xf_residual_tree(const libxl_domain_config *config, GError **err);

/* A tree as JSON text that XML can hold; free with g_free(). */
char *xf_residual_text(JsonNode *tree);

/* The edits that turn `base` into `target`, as text, or NULL when they are
 * equal.  `base` is changed: it is what reading the text back would give. */
char *xf_residual_make(JsonNode *base, JsonNode *target);

/* Does `target` say all that `base` says, and at most more?  libxl fills in
 * what a configuration leaves open, and puts its own folder before the name
 * of a script. */
gboolean xf_residual_only_adds(JsonNode *base, JsonNode *target);

/* Applies the edits in `text` to `config`.  What libxl does not understand
 * is an error; `node` is where the text stood, for messages.  Needs what
 * libxl_ctx_alloc() needs. */
gboolean xf_residual_apply(libxl_domain_config *config, const char *text,
                           const xmlNode *node, GError **err);

#endif
