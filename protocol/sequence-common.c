/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/sequence-private.h"

int
xf_sequence_has(struct xf_conn *conn, enum xf_feature feature, GError **err)
{
    g_autoptr(GError) why = NULL;
    int has = conn->driver->supports_feature
        ? conn->driver->supports_feature(conn, feature, &why) : 0;

    if (has >= 0)
        return has != 0;
    if (g_error_matches(why, XF_ERROR, XF_ERROR_NO_SUPPORT))
        return 0;
    g_propagate_error(err, g_steal_pointer(&why));
    return -1;
}

gboolean
xf_sequence_check_tunnel(const struct xf_sequence_request *request,
                         gboolean ours, GError **err)
{
    if (request->flags & XF_MIGRATE_OFFLINE)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                            "offline migration has no stream that could be "
                            "tunnelled; leave tunnelled out");
    else if (request->uri)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                            "a tunnelled stream goes nowhere but through the "
                            "connection to the destination; leave the "
                            "migration uri out");
    else if (!ours)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                            "the destination is no Xenferry host: the stream "
                            "to it cannot be tunnelled; leave tunnelled "
                            "out");
    else
        return TRUE;
    return FALSE;
}

gboolean
xf_sequence_paused(struct xf_conn *source, const struct xf_domain_ref *dom,
                   gboolean *paused, GError **err)
{
    struct xf_domain_info info;

    if (!(source->driver->domain_info
          ? source->driver->domain_info(source, dom, &info, err)
          : xf_driver_lacks(source, "domain_info", err))) {
        g_prefix_error(err, "asking the source for the domain's state: ");
        return FALSE;
    }
    *paused = info.state == XF_DOMAIN_PAUSED;
    return TRUE;
}

void
xf_sequence_enter(const struct xf_sequence_request *request,
                  const char *phase)
{
    if (request->phase)
        request->phase(request->user, phase);
}

void
xf_sequence_add_why(GError **err, const GError *why)
{
    if (!err || !*err || g_error_matches(why, XF_ERROR, XF_ERROR_FINISH_OK))
        return;

    g_autofree char *first = (*err)->message;

    (*err)->message = g_strconcat(first, "; ", why->message, NULL);
}
