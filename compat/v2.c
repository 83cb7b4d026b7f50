/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Protocol v2: Prepare brings the XML, Finish a verdict. */
#include "config.h"

#include "compat/compat.h"

static gboolean
check(const struct xf_migrate_args *args, GError **err)
{
    if (args->xml)
        return xf_v1_check_flags(args, err);
    g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                        "Prepare: no domain XML passed");
    return FALSE;
}

gboolean
xf_v2_prepare(struct xf_conn *conn, const struct xf_migrate_args *args,
              GBytes **cookie_out, char **uri_out, GError **err)
{
    return check(args, err)
           && xf_engine_expect(conn, args, cookie_out, uri_out, err);
}

gboolean
xf_v2_prepare_tunnel(struct xf_conn *conn,
                     const struct xf_migrate_args *args,
                     struct xf_tunnel *tunnel, GBytes **cookie_out,
                     GError **err)
{
    return check(args, err)
           && xf_engine_expect_tunnel(conn, args, tunnel, cookie_out, err);
}

/* A failure code is what the client believes: when only the reply of Perform
 * was lost, the domain is committed here and the client is told so. */
struct xf_domain_ref *
xf_v2_finish(struct xf_conn *conn, const struct xf_migrate_args *args,
             GError **err)
{
    return xf_engine_arrived(conn, args, err);
}
