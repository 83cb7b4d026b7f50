/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Procedures: stored domains. */
#include "config.h"

#include "protocol/rpc/procs.h"

/* virDomainDefineFlags: what is defined is checked in any case. */
#define DEFINE_VALIDATE 1

#define UNDEFINE_FLAGS                                                      \
    (XF_UNDEFINE_MANAGED_SAVE | XF_UNDEFINE_SNAPSHOTS_METADATA |            \
     XF_UNDEFINE_NVRAM | XF_UNDEFINE_KEEP_NVRAM |                           \
     XF_UNDEFINE_CHECKPOINTS_METADATA | XF_UNDEFINE_TPM |                   \
     XF_UNDEFINE_KEEP_TPM)

static gboolean
do_define(struct xf_rpc_call *call, void *data, void *ret_data, GError **err)
{
    struct xfw_string_ret *args = data;
    struct xfw_dom *ret = ret_data;

    return xf_rpc_give_domain(
        call->conn->driver->define_xml(call->conn, args->value, 0, err),
        &ret->dom);
}

static gboolean
do_define_flags(struct xf_rpc_call *call, void *data, void *ret_data,
                GError **err)
{
    struct xfw_create_xml_args *args = data;
    struct xfw_dom *ret = ret_data;

    return xf_rpc_check_flags(args->flags, DEFINE_VALIDATE, "define", err) &&
           xf_rpc_give_domain(
               call->conn->driver->define_xml(call->conn, args->xml, 0, err),
               &ret->dom);
}

static gboolean
do_undefine(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_dom *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return call->conn->driver->undefine(call->conn, &dom, 0, err);
}

static gboolean
do_undefine_flags(struct xf_rpc_call *call, void *data, void *ret,
                  GError **err)
{
    struct xfw_dom_flags_args *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return xf_rpc_check_flags(args->flags, UNDEFINE_FLAGS, "undefine", err) &&
           call->conn->driver->undefine(call->conn, &dom, args->flags, err);
}

/* The client asks for the id by itself. */
static gboolean
do_start(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_dom *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);
    XF_AUTO(xf_domain_ref) *started =
        call->conn->driver->start(call->conn, &dom, 0, err);

    return started != NULL;
}

static gboolean
do_start_flags(struct xf_rpc_call *call, void *data, void *ret_data,
               GError **err)
{
    struct xfw_dom_flags_args *args = data;
    struct xfw_dom *ret = ret_data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return xf_rpc_check_flags(args->flags,
                              XF_CREATE_PAUSED | XF_CREATE_GIVEN_AWAY,
                              "start", err) &&
           xf_rpc_give_domain(
               call->conn->driver->start(call->conn, &dom, args->flags, err),
               &ret->dom);
}

static gboolean
do_is_persistent(struct xf_rpc_call *call, void *data, void *ret_data,
                 GError **err)
{
    struct xfw_dom *args = data;
    struct xfw_int *ret = ret_data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return call->conn->driver->is_persistent(call->conn, &dom, &ret->value,
                                             err);
}

static gboolean
do_get_autostart(struct xf_rpc_call *call, void *data, void *ret_data,
                 GError **err)
{
    struct xfw_dom *args = data;
    struct xfw_int *ret = ret_data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return call->conn->driver->get_autostart(call->conn, &dom, &ret->value,
                                             err);
}

static gboolean
do_set_autostart(struct xf_rpc_call *call, void *data, void *ret,
                 GError **err)
{
    struct xfw_set_autostart_args *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return call->conn->driver->set_autostart(call->conn, &dom,
                                             args->autostart != 0, err);
}

static const struct xf_rpc_proc rows[] = {
    { XFW_PROC_DOMAIN_DEFINE_XML, "virDomainDefineXML", do_define,
      XF_RPC_ARGS(xfw_string_ret), XF_RPC_RET(xfw_dom),
      XF_RPC_ENTRY(define_xml), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_DEFINE_XML_FLAGS, "virDomainDefineXMLFlags",
      do_define_flags, XF_RPC_ARGS(xfw_create_xml_args), XF_RPC_RET(xfw_dom),
      XF_RPC_ENTRY(define_xml), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_UNDEFINE, "virDomainUndefine", do_undefine,
      XF_RPC_ARGS(xfw_dom), XF_RPC_ENTRY(undefine),
      .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_UNDEFINE_FLAGS, "virDomainUndefineFlags",
      do_undefine_flags, XF_RPC_ARGS(xfw_dom_flags_args),
      XF_RPC_ENTRY(undefine), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_CREATE, "virDomainCreate", do_start,
      XF_RPC_ARGS(xfw_dom), XF_RPC_ENTRY(start),
      .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_CREATE_WITH_FLAGS, "virDomainCreateWithFlags",
      do_start_flags, XF_RPC_ARGS(xfw_dom_flags_args), XF_RPC_RET(xfw_dom),
      XF_RPC_ENTRY(start), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_IS_PERSISTENT, "virDomainIsPersistent",
      do_is_persistent, XF_RPC_ARGS(xfw_dom), XF_RPC_RET(xfw_int),
      XF_RPC_ENTRY(is_persistent) },
    { XFW_PROC_DOMAIN_GET_AUTOSTART, "virDomainGetAutostart",
      do_get_autostart, XF_RPC_ARGS(xfw_dom), XF_RPC_RET(xfw_int),
      XF_RPC_ENTRY(get_autostart) },
    { XFW_PROC_DOMAIN_SET_AUTOSTART, "virDomainSetAutostart",
      do_set_autostart, XF_RPC_ARGS(xfw_set_autostart_args),
      XF_RPC_ENTRY(set_autostart), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
};

const struct xf_rpc_proc_table xf_rpc_defined_procs = {
    rows, G_N_ELEMENTS(rows)
};
