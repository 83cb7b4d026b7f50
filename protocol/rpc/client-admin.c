/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The remote driver's calls of our own program: handoffs. */
#include "config.h"

#include "protocol/rpc/remote.h"

static struct xf_handoff_info *
take(const struct xfw_handoff *wire)
{
    struct xf_handoff_info *info = g_new0(struct xf_handoff_info, 1);

    info->token = g_strdup(wire->token);
    info->name = g_strdup(wire->name);
    info->uuid = g_strdup(wire->uuid);
    info->side = g_strdup(wire->side);
    info->state = g_strdup(wire->state);
    info->peer = g_strdup(wire->peer);
    info->next = g_strdup(wire->next);
    info->trouble = g_strdup(wire->trouble);
    info->domid = wire->domid;
    info->since = wire->since;
    info->next_time = wire->next_time;
    return info;
}

GPtrArray *
xf_remote_list_handoffs(struct xf_conn *conn, GError **err)
{
    XFW_AUTO(xfw_list_handoffs_ret) ret = { 0 };
    GPtrArray *infos;

    if (!xf_remote_admin(conn, XFW_ADMIN_LIST_HANDOFFS, NULL, NULL,
                         XF_XDR(xfw_list_handoffs_ret), &ret, err))
        return NULL;
    infos = g_ptr_array_new_with_free_func(
        (GDestroyNotify)xf_handoff_info_free);
    for (guint i = 0; i < ret.handoffs.handoffs_len; i++)
        g_ptr_array_add(infos, take(&ret.handoffs.handoffs_val[i]));
    return infos;
}

char *
xf_remote_resolve_handoff(struct xf_conn *conn, const char *token,
                          enum xf_assume what, GError **err)
{
    XFW_AUTO(xfw_string_ret) ret = { 0 };
    struct xfw_resolve_handoff_args args = {
        .token = (char *)token,
        .assume = what,
    };

    if (!xf_remote_admin(conn, XFW_ADMIN_RESOLVE_HANDOFF,
                         XF_XDR(xfw_resolve_handoff_args), &args,
                         XF_XDR(xfw_string_ret), &ret, err))
        return NULL;
    return g_strdup(ret.value);
}
