/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A domain's configuration from one form into another: libvirt's domain XML,
 * xl's configuration files, libxl's JSON.  Exact or refused: what the text
 * says and the other form cannot say is an error that names it.
 *
 * The result depends on the text alone (domxml.h has the two exceptions).
 * JSON, and XML with a residual, need a libxl context: see config-json.h.
 *
 * All functions may be called from any thread at once.
 */
#ifndef XF_XEN_CONVERT_H
#define XF_XEN_CONVERT_H

#include <glib.h>

enum xf_form {
    XF_FORM_XML,        /* domxml.h; written in the inactive form */
    XF_FORM_XL,         /* xlcfg.h */
    XF_FORM_JSON,       /* config-json.h */
    XF_FORM_COUNT
};

/* "xml", ... */
extern const char *const xf_form_names[XF_FORM_COUNT];

/* FALSE, with an error that lists the names, when `name` is none. */
gboolean xf_form_from_name(const char *name, enum xf_form *form,
                           GError **err);

struct xf_convert_how {
    /* Takes a char * for each thing that is left out because it changes
     * nothing for the guest; NULL: nobody asks. */
    GPtrArray *notes;
    GHashTable *networks;       /* see domxml.h; NULL: none */
};

/* The form `to` of `text`, `length` bytes in the form `from`; free with
 * g_free().  `name` is what errors call the text, "guest.xml"; `how` may be
 * NULL.  Passwords are kept.  Errors: XF_ERROR_XML for malformed text,
 * _CONFIG_UNSUPPORTED for what one of the forms cannot say. */
char *xf_convert(const char *text, gsize length, const char *name,
                 enum xf_form from, enum xf_form to,
                 const struct xf_convert_how *how, GError **err);

/* A Xen host's native forms, by the names of protocol/driver.h: xl's files, as
 * libvirt calls them, and libxl's JSON.  The others that libvirt names
 * ("xen-xm", "xen-sxpr") are long gone and refused, as all names are that
 * nobody knows: XF_ERROR_INVALID_ARG. */
char *xf_native_to_xml(const char *format, const char *native, GError **err);
char *xf_native_from_xml(const char *format, const char *xml,
                         GHashTable *networks, GError **err);

#endif
