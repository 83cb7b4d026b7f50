/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Procedures: events; by callback ids, and the two older ways. */
#include "config.h"

#include "protocol/rpc/procs.h"

static gboolean
do_callback_register(struct xf_rpc_call *call, void *data, void *ret_data,
                     GError **err)
{
    struct xfw_callback_register_args *args = data;
    struct xfw_int *ret = ret_data;
    struct xf_rpc_events *events = xf_rpc_session_events(call, err);
    struct xf_domain_ref dom;

    if (!events)
        return FALSE;
    if (args->dom)
        dom = xf_rpc_borrow_domain(args->dom);
    ret->value = xf_rpc_events_add(events, args->event,
                                   args->dom ? &dom : NULL, err);
    return ret->value > 0;
}

static gboolean
do_callback_deregister(struct xf_rpc_call *call, void *data, void *ret,
                       GError **err)
{
    struct xfw_int *args = data;
    struct xf_rpc_events *events = xf_rpc_session_events(call, err);

    return events && xf_rpc_events_remove(events, args->value, err);
}

static gboolean
do_register_any(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_int *args = data;
    struct xf_rpc_events *events = xf_rpc_session_events(call, err);

    return events && xf_rpc_events_add_old(events, args->value, err);
}

static gboolean
do_deregister_any(struct xf_rpc_call *call, void *data, void *ret,
                  GError **err)
{
    struct xfw_int *args = data;
    struct xf_rpc_events *events = xf_rpc_session_events(call, err);

    return events && xf_rpc_events_remove_old(events, args->value, err);
}

/* The oldest way: lifecycle alone.  The result is how many are registered. */
static gboolean
do_register(struct xf_rpc_call *call, void *args, void *data, GError **err)
{
    struct xfw_int *ret = data;
    struct xf_rpc_events *events = xf_rpc_session_events(call, err);

    ret->value = 1;
    return events && xf_rpc_events_add_old(events, XF_NOTICE_LIFECYCLE, err);
}

static gboolean
do_deregister(struct xf_rpc_call *call, void *args, void *ret, GError **err)
{
    struct xf_rpc_events *events = xf_rpc_session_events(call, err);

    return events &&
           xf_rpc_events_remove_old(events, XF_NOTICE_LIFECYCLE, err);
}

static const struct xf_rpc_proc rows[] = {
    { XFW_PROC_CONNECT_EVENT_CALLBACK_REGISTER_ANY,
      "virConnectDomainEventRegisterAny", do_callback_register,
      XF_RPC_ARGS(xfw_callback_register_args), XF_RPC_RET(xfw_int),
      XF_RPC_ENTRY(listen) },
    { XFW_PROC_CONNECT_EVENT_CALLBACK_DEREGISTER_ANY,
      "virConnectDomainEventDeregisterAny", do_callback_deregister,
      XF_RPC_ARGS(xfw_int), XF_RPC_ENTRY(listen) },
    { XFW_PROC_CONNECT_EVENT_REGISTER_ANY,
      "virConnectDomainEventRegisterAny", do_register_any,
      XF_RPC_ARGS(xfw_int), XF_RPC_ENTRY(listen) },
    { XFW_PROC_CONNECT_EVENT_DEREGISTER_ANY,
      "virConnectDomainEventDeregisterAny", do_deregister_any,
      XF_RPC_ARGS(xfw_int), XF_RPC_ENTRY(listen) },
    { XFW_PROC_CONNECT_EVENT_REGISTER, "virConnectDomainEventRegister",
      do_register, XF_RPC_RET(xfw_int), XF_RPC_ENTRY(listen) },
    { XFW_PROC_CONNECT_EVENT_DEREGISTER, "virConnectDomainEventDeregister",
      do_deregister, XF_RPC_RET(xfw_int), XF_RPC_ENTRY(listen) },
};

const struct xf_rpc_proc_table xf_rpc_event_procs = {
    rows, G_N_ELEMENTS(rows)
};
