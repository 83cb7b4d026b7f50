/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML <-> libxl's domain configuration, for PV, PVH and HVM.
 *
 * Nothing is dropped silently.  An element, attribute or value that is not
 * understood or cannot be honoured is an error that names it, its line and
 * the reason; the few that change nothing for the guest are marked harmless
 * in the tables of domxml*.c.  Where the XML is silent the defaults are those
 * of libvirt's libxl driver, else libxl's own.  The result depends on the
 * document alone, never on the machine that reads it (a uuid or genid that is
 * made up and <clock offset='absolute'>, which is taken from now, excepted).
 *
 * <title>, <description> and <metadata> of others have no place in libxl's
 * configuration: who wants to keep them keeps the document, and gives it to
 * xf_domxml_describe().
 *
 * What libxl can say and domain XML cannot travels in the document's
 * <metadata> as a list of edits to libxl's JSON form (domxml-residual.h), so
 * that parse(format(config)) is config, exactly, but for a uuid: where config
 * has none the reader makes one up.  libvirt keeps the element without reading
 * it.  A residual is read by a libxl context, so parse() of a document that has
 * one needs what libxl_ctx_alloc() needs.
 *
 * All functions may be called from any thread at once.
 */
#ifndef XF_XEN_DOMXML_H
#define XF_XEN_DOMXML_H

#include <glib.h>
#include <libxl.h>

/* Documents longer than this are refused before they are read. */
#define XF_DOMXML_MAX_BYTES (1024 * 1024)

/* Our namespace in domain XML: carries what libvirt has no element for. */
#define XF_DOMXML_NS "urn:xenferry:domain:1"
#define XF_DOMXML_NS_PREFIX "xenferry"

/* Fills `config`, which it initialises; on success the caller disposes of it
 * (libxl_domain_config_dispose).  Errors: XF_ERROR_XML for a malformed
 * document or value, XF_ERROR_CONFIG_UNSUPPORTED for what cannot be honoured.
 * A uuid is made up when there is none; a MAC address is left to libxl. */
gboolean xf_domxml_parse(const char *xml, libxl_domain_config *config,
                         GError **err);

/* Has it something to boot?  Of a PVH guest that has neither kernel nor
 * bootloader libxl 4.17 asserts that it is none, and ends the process: who
 * starts one asks first.  No document that is read says so by its elements, but
 * a residual may. */
gboolean xf_domxml_boots(const libxl_domain_config *config);

/* In a table of networks: any that it does not name. */
#define XF_DOMXML_ANY_NETWORK "*"

/* The same on a host that knows networks of libvirt's, and tells what has no
 * effect.
 *
 * networks: name -> bridge (char *), or NULL.  An interface of one of them
 * is plugged into that bridge; what the document says itself counts for those
 * that are not in the table only.
 *
 * ignored: NULL, or gets a line of text (char *, freed with g_free()) for
 * each element and attribute that changes nothing for the guest, in the order
 * of the document: "line 7, <alias>: a name inside libvirt".  All there can
 * be are listed in xenferry-domain(7). */
gboolean xf_domxml_parse_on(const char *xml, GHashTable *networks,
                            GPtrArray *ignored, libxl_domain_config *config,
                            GError **err);

/* The document with those bridges written into it: who keeps that knows it
 * without the table.  Free with g_free(). */
char *xf_domxml_name_bridges(const char *xml, GHashTable *networks,
                             GError **err);

/* The document for `config`; free with g_free().  domid -1 gives the inactive
 * form, without an id.  flags: enum xf_xml_flags; passwords are written only
 * with XF_XML_SECURE.  `config` may come from
 * libxl_retrieve_domain_configuration(); its c_info.domid is not written.  A
 * backend_domid without a name is written as it is: it means a domain of this
 * host. */
char *xf_domxml_format(const libxl_domain_config *config, int domid,
                       guint flags, GError **err);

/* The same for a domain that was made from the document `kept` (NULL: not
 * known).  As long as all that it says still holds for `config`, the result is
 * that document with what `config` says beyond it as its residual; else what
 * xf_domxml_format() gives, with the title, description and foreign metadata
 * of `kept`.  Parsing the result gives `config` in both cases.  A `kept` that
 * cannot be read is left out and logged. */
char *xf_domxml_describe(const libxl_domain_config *config, int domid,
                         guint flags, const char *kept, GError **err);

/* What is true of a running domain on this host only; NULL or 0: there is
 * none. */
struct xf_domxml_live {
    int domid;
    const char *console;        /* tty of the PV console */
    const char *serial;         /* tty of the first serial port */
    int vnc_port;
};

/* The full form of what describe() gave for `config`: consoles with their
 * ttys, vnc with the port that it found, interfaces with their names in dom0.
 * Reading it gives the same configuration; who moves the domain leaves it
 * out (XF_XML_MIGRATABLE). */
char *xf_domxml_add_live(const char *xml, const libxl_domain_config *config,
                         const struct xf_domxml_live *live, GError **err);

#endif
