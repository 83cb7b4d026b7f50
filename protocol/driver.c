/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/driver.h"

#include <string.h>

static const struct {
    enum xf_protocols protocol;
    const char *name;
} protocols[] = {
    { XF_PROTOCOL_V1, "v1" },
    { XF_PROTOCOL_V2, "v2" },
    { XF_PROTOCOL_V3, "v3" },
    { XF_PROTOCOL_V3_PARAMS, "v3-params" },
    { XF_PROTOCOL_P2P, "p2p" },
    { XF_PROTOCOL_DIRECT, "direct" },
};

gboolean
xf_driver_lacks(struct xf_conn *conn, const char *call, GError **err)
{
    g_set_error(err, XF_ERROR, XF_ERROR_NO_SUPPORT,
                "this function is not supported by the %s driver: %s",
                conn->driver->name, call);
    return FALSE;
}

void
xf_conn_close(struct xf_conn *conn)
{
    if (conn)
        conn->driver->close(conn);
}

void
xf_tunnel_clear(struct xf_tunnel *tunnel)
{
    xf_close_fd(&tunnel->fd);
    xf_close_fd(&tunnel->wire);
}

const char *
xf_protocol_name(enum xf_protocols protocol)
{
    for (gsize i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (protocols[i].protocol == protocol)
            return protocols[i].name;
    return NULL;
}

static guint
protocol_from_name(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (strcmp(protocols[i].name, name) == 0)
            return protocols[i].protocol;
    return 0;
}

guint
xf_protocols_parse(const char *list, GError **err)
{
    g_auto(GStrv) names = g_strsplit_set(list, ", \t", -1);
    guint all = 0;

    for (char **name = names; *name; name++) {
        guint one = **name ? protocol_from_name(*name) : 0;

        if (**name && !one) {
            g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                        "'%s' is no protocol; there are v1, v2, v3, "
                        "v3-params, p2p and direct", *name);
            return 0;
        }
        all |= one;
    }
    if (!all)
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "no protocol is named; there are v1, v2, v3, v3-params, "
                    "p2p and direct");
    return all;
}

void
xf_handoff_info_free(struct xf_handoff_info *info)
{
    if (!info)
        return;
    g_free(info->token);
    g_free(info->name);
    g_free(info->uuid);
    g_free(info->side);
    g_free(info->state);
    g_free(info->peer);
    g_free(info->next);
    g_free(info->trouble);
    g_free(info);
}
