/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forms of a domain's configuration: see convert.h. */
#include "config.h"

#include <string.h>

#include "protocol/driver.h"
#include "xen/config-json.h"
#include "xen/convert.h"
#include "xen/domxml.h"
#include "xen/xlcfg.h"

const char *const xf_form_names[XF_FORM_COUNT] = {
    [XF_FORM_XML] = "xml",
    [XF_FORM_XL] = "xl",
    [XF_FORM_JSON] = "json",
};

/* What is called for a form; `read` fills a configuration that it
 * initialises. */
struct form {
    gboolean (*read)(const char *text, const struct xf_convert_how *how,
                     libxl_domain_config *config, GError **err);
    /* `kept`: the XML that `config` was read from, or NULL */
    char *(*write)(const libxl_domain_config *config, const char *kept,
                   GError **err);
};

static gboolean
read_xml(const char *text, const struct xf_convert_how *how,
         libxl_domain_config *config, GError **err)
{
    return xf_domxml_parse_on(text, how->networks, how->notes, config, err);
}

static gboolean
read_xl(const char *text, const struct xf_convert_how *how,
        libxl_domain_config *config, GError **err)
{
    return xf_xlcfg_parse(text, config, how->notes, err);
}

static gboolean
read_json(const char *text, const struct xf_convert_how *how,
          libxl_domain_config *config, GError **err)
{
    return xf_config_json_read(text, config, err);
}

/* Text for people, and what others keep in <metadata>, stays from XML to
 * XML. */
static char *
write_xml(const libxl_domain_config *config, const char *kept, GError **err)
{
    return xf_domxml_describe(config, -1, XF_XML_SECURE | XF_XML_INACTIVE,
                              kept, err);
}

static char *
write_xl(const libxl_domain_config *config, const char *kept, GError **err)
{
    return xf_xlcfg_format(config, err);
}

static char *
write_json(const libxl_domain_config *config, const char *kept, GError **err)
{
    return xf_config_json_write(config, err);
}

static const struct form forms[XF_FORM_COUNT] = {
    [XF_FORM_XML] = { read_xml, write_xml },
    [XF_FORM_XL] = { read_xl, write_xl },
    [XF_FORM_JSON] = { read_json, write_json },
};

gboolean
xf_form_from_name(const char *name, enum xf_form *form, GError **err)
{
    g_autofree char *names = NULL;
    char *known[XF_FORM_COUNT + 1] = { NULL };

    for (guint i = 0; i < XF_FORM_COUNT; i++) {
        known[i] = (char *)xf_form_names[i];
        if (strcmp(name, xf_form_names[i]) == 0) {
            *form = i;
            return TRUE;
        }
    }
    names = g_strjoinv(", ", known);
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "there is no form '%s'; there are: %s", name, names);
    return FALSE;
}

/* The bounds that all forms share. */
static gboolean
check_text(const char *text, gsize length, GError **err)
{
    const char *end;

    if (length > XF_DOMXML_MAX_BYTES)
        g_set_error(err, XF_ERROR, XF_ERROR_XML,
                    "is longer than %d bytes", XF_DOMXML_MAX_BYTES);
    else if (memchr(text, '\0', length))
        g_set_error(err, XF_ERROR, XF_ERROR_XML, "has a NUL at byte %zu",
                    strlen(text));
    else if (!g_utf8_validate(text, length, &end))
        g_set_error(err, XF_ERROR, XF_ERROR_XML, "is not UTF-8 at byte %td",
                    end - text);
    else
        return TRUE;
    return FALSE;
}

char *
xf_convert(const char *text, gsize length, const char *name,
           enum xf_form from, enum xf_form to,
           const struct xf_convert_how *how, GError **err)
{
    static const struct xf_convert_how plainly = { 0 };
    g_autofree char *copy = NULL;
    g_autoptr(GError) why = NULL;
    libxl_domain_config config;
    char *result = NULL;

    if (check_text(text, length, &why)) {
        copy = g_strndup(text, length);
        if (forms[from].read(copy, how ? how : &plainly, &config, &why)) {
            result = forms[to].write(
                &config, from == XF_FORM_XML ? copy : NULL, &why);
            libxl_domain_config_dispose(&config);
        }
    }
    if (why)
        g_propagate_prefixed_error(err, g_steal_pointer(&why), "%s: ", name);
    return result;
}

/* -- libvirt's name for it ------------------------------------------------- */

static gboolean
native_form(const char *format, enum xf_form *form, GError **err)
{
    static const char *const gone[] = { "xen-xm", "xen-sxpr", NULL };
    static const struct {
        const char *name;
        enum xf_form form;
    } known[] = {
        { XF_NATIVE_XL, XF_FORM_XL },
        { XF_NATIVE_JSON, XF_FORM_JSON },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
        if (strcmp(format, known[i].name) != 0)
            continue;
        *form = known[i].form;
        return TRUE;
    }
    if (g_strv_contains(gone, format))
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "unsupported config type %s: xend and its files are "
                    "gone from Xen; use xen-xl", format);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "unsupported config type %s; there are: xen-xl, "
                    "xen-json", format);
    return FALSE;
}

static const char *
native_name(enum xf_form form)
{
    return form == XF_FORM_XL ? "xl.cfg" : "the domain's JSON";
}

char *
xf_native_to_xml(const char *format, const char *native, GError **err)
{
    enum xf_form form;

    return native_form(format, &form, err)
           ? xf_convert(native, strlen(native), native_name(form), form,
                        XF_FORM_XML, NULL, err) : NULL;
}

char *
xf_native_from_xml(const char *format, const char *xml,
                   GHashTable *networks, GError **err)
{
    const struct xf_convert_how how = { .networks = networks };
    enum xf_form form;

    return native_form(format, &form, err)
           ? xf_convert(xml, strlen(xml), "the domain", XF_FORM_XML, form,
                        &how, err) : NULL;
}
