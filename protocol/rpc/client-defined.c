/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The remote driver's calls about stored domains. */
#include "config.h"

#include "protocol/rpc/remote.h"

static gboolean
ask(struct xf_conn *conn, enum xfw_proc proc, const struct xf_domain_ref *dom,
    gboolean *answer, GError **err)
{
    struct xfw_dom args;
    struct xfw_int ret = { 0 };

    xf_remote_fill_domain(&args.dom, dom);
    if (!xf_remote_call(conn, proc, XF_XDR(xfw_dom), &args, XF_XDR(xfw_int),
                        &ret, err))
        return FALSE;
    *answer = ret.value != 0;
    return TRUE;
}

struct xf_domain_ref *
xf_remote_define_xml(struct xf_conn *conn, const char *xml, guint flags,
                     GError **err)
{
    struct xfw_string_ret plain = { .value = (char *)xml };
    struct xfw_create_xml_args args = { .xml = (char *)xml, .flags = flags };
    XFW_AUTO(xfw_dom) ret = { 0 };
    gboolean ok =
        flags ? xf_remote_call(conn, XFW_PROC_DOMAIN_DEFINE_XML_FLAGS,
                               XF_XDR(xfw_create_xml_args), &args,
                               XF_XDR(xfw_dom), &ret, err)
              : xf_remote_call(conn, XFW_PROC_DOMAIN_DEFINE_XML,
                               XF_XDR(xfw_string_ret), &plain,
                               XF_XDR(xfw_dom), &ret, err);

    return ok ? xf_remote_take_domain(&ret.dom) : NULL;
}

gboolean
xf_remote_undefine(struct xf_conn *conn, const struct xf_domain_ref *dom,
                   guint flags, GError **err)
{
    struct xfw_dom_flags_args args = { .flags = flags };

    xf_remote_fill_domain(&args.dom, dom);
    return xf_remote_call(conn, XFW_PROC_DOMAIN_UNDEFINE_FLAGS,
                          XF_XDR(xfw_dom_flags_args), &args, NULL, NULL, err);
}

struct xf_domain_ref *
xf_remote_start_domain(struct xf_conn *conn, const struct xf_domain_ref *dom,
                       guint flags, GError **err)
{
    struct xfw_dom_flags_args args = { .flags = flags };
    XFW_AUTO(xfw_dom) ret = { 0 };

    xf_remote_fill_domain(&args.dom, dom);
    if (!xf_remote_call(conn, XFW_PROC_DOMAIN_CREATE_WITH_FLAGS,
                        XF_XDR(xfw_dom_flags_args), &args, XF_XDR(xfw_dom),
                        &ret, err))
        return NULL;
    return xf_remote_take_domain(&ret.dom);
}

gboolean
xf_remote_is_persistent(struct xf_conn *conn, const struct xf_domain_ref *dom,
                        gboolean *persistent, GError **err)
{
    return ask(conn, XFW_PROC_DOMAIN_IS_PERSISTENT, dom, persistent, err);
}

gboolean
xf_remote_get_autostart(struct xf_conn *conn, const struct xf_domain_ref *dom,
                        gboolean *autostart, GError **err)
{
    return ask(conn, XFW_PROC_DOMAIN_GET_AUTOSTART, dom, autostart, err);
}

gboolean
xf_remote_set_autostart(struct xf_conn *conn, const struct xf_domain_ref *dom,
                        gboolean autostart, GError **err)
{
    struct xfw_set_autostart_args args = { .autostart = autostart != 0 };

    xf_remote_fill_domain(&args.dom, dom);
    return xf_remote_call(conn, XFW_PROC_DOMAIN_SET_AUTOSTART,
                          XF_XDR(xfw_set_autostart_args), &args, NULL, NULL,
                          err);
}
