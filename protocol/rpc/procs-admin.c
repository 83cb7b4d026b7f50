/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Procedures of our own program: handoffs, for administrators. */
#include "config.h"

#include "protocol/rpc/procs.h"

static gboolean
check_local(struct xf_rpc_call *call, GError **err)
{
    if (xf_rpc_session_is_local(call->session))
        return TRUE;
    g_set_error_literal(err, XF_ERROR, XF_ERROR_DENIED,
                        "handoffs are shown and settled over the host's own "
                        "unix socket only");
    return FALSE;
}

static void
fill(struct xfw_handoff *wire, struct xf_handoff_info *info)
{
    wire->token = g_steal_pointer(&info->token);
    wire->name = g_steal_pointer(&info->name);
    wire->uuid = g_steal_pointer(&info->uuid);
    wire->side = g_steal_pointer(&info->side);
    wire->state = g_steal_pointer(&info->state);
    wire->peer = g_steal_pointer(&info->peer);
    wire->next = g_steal_pointer(&info->next);
    wire->trouble = g_steal_pointer(&info->trouble);
    wire->domid = info->domid;
    wire->since = info->since;
    wire->next_time = info->next_time;
}

static gboolean
do_list(struct xf_rpc_call *call, void *args, void *data, GError **err)
{
    struct xfw_list_handoffs_ret *ret = data;
    g_autoptr(GPtrArray) infos = NULL;

    if (!check_local(call, err))
        return FALSE;
    infos = call->conn->driver->list_handoffs(call->conn, err);
    if (!infos)
        return FALSE;
    ret->handoffs.handoffs_len = infos->len;
    ret->handoffs.handoffs_val = g_new0(struct xfw_handoff,
                                        MAX(infos->len, 1));
    for (guint i = 0; i < infos->len; i++)
        fill(&ret->handoffs.handoffs_val[i], infos->pdata[i]);
    return TRUE;
}

static gboolean
do_resolve(struct xf_rpc_call *call, void *data, void *ret_data, GError **err)
{
    struct xfw_resolve_handoff_args *args = data;
    struct xfw_string_ret *ret = ret_data;

    if (!check_local(call, err))
        return FALSE;
    if (args->assume < XF_ASSUME_NOTHING || args->assume > XF_ASSUME_REVOKED) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "resolve: %d is nothing that can be assumed",
                    args->assume);
        return FALSE;
    }
    ret->value = call->conn->driver->resolve_handoff(call->conn, args->token,
                                                     args->assume, err);
    return ret->value != NULL;
}

static const struct xf_rpc_proc rows[] = {
    { XFW_ADMIN_LIST_HANDOFFS, "list_handoffs", do_list,
      XF_RPC_RET(xfw_list_handoffs_ret), XF_RPC_ENTRY(list_handoffs) },
    { XFW_ADMIN_RESOLVE_HANDOFF, "resolve_handoff", do_resolve,
      XF_RPC_ARGS(xfw_resolve_handoff_args), XF_RPC_RET(xfw_string_ret),
      XF_RPC_ENTRY(resolve_handoff), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
};

const struct xf_rpc_proc_table xf_rpc_admin_procs = {
    rows, G_N_ELEMENTS(rows)
};
