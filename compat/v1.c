/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protocol v1.  Its uris are those of the time of xend as well:
 * xenmigr://HOST[:PORT]/ and plain HOST[:PORT], which the engine's own reader
 * of uris takes as it is.
 */
#include "config.h"

#include "compat/compat.h"
#include "compat/direct.h"

#include <string.h>

#define XEND_SCHEME "xenmigr://"

/* What to the engine is tcp://; NULL stays NULL. */
static char *
modern_uri(const char *uri)
{
    g_autofree char *rest = NULL;

    if (!uri || g_ascii_strncasecmp(uri, XEND_SCHEME, strlen(XEND_SCHEME)))
        return g_strdup(uri);
    rest = g_strdup(uri + strlen(XEND_SCHEME));
    if (g_str_has_suffix(rest, "/"))
        rest[strlen(rest) - 1] = '\0';
    return g_strconcat("tcp://", rest, NULL);
}

/* Between its calls nothing holds the domain: there is no Begin. */
gboolean
xf_v1_check_flags(const struct xf_migrate_args *args, GError **err)
{
    if (args->flags & XF_MIGRATE_OFFLINE) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "unsupported migration flag: offline (0x%x): protocols "
                    "v1 and v2 always move the domain itself; use v3",
                    XF_MIGRATE_OFFLINE);
        return FALSE;
    }
    if (!(args->flags & XF_MIGRATE_CHANGE_PROTECTION))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "unsupported migration flag: change-protection (0x%x): "
                "protocols v1 and v2 cannot guard the domain before Perform; "
                "leave it out, or use v3", XF_MIGRATE_CHANGE_PROTECTION);
    return FALSE;
}

gboolean
xf_v1_prepare(struct xf_conn *conn, const struct xf_migrate_args *args,
              GBytes **cookie_out, char **uri_out, GError **err)
{
    struct xf_migrate_args prepare = *args;
    g_autofree char *uri = modern_uri(args->uri);

    prepare.uri = uri;
    prepare.xml = NULL;         /* v1 has none: the source will say it */
    return xf_v1_check_flags(args, err)
           && xf_engine_expect(conn, &prepare, cookie_out, uri_out, err);
}

gboolean
xf_v1_perform(struct xf_conn *conn, const struct xf_domain_ref *dom,
              const struct xf_migrate_args *args, GError **err)
{
    struct xf_migrate_args perform = *args;
    g_autofree char *uri = NULL;

    /* then the uri is that of the destination's daemon */
    if (args->flags & XF_MIGRATE_PEER2PEER)
        return xf_p2p_move(conn, dom, args, args->uri, NULL, err);
    if (xf_compat_is_direct(args))
        return xf_direct_move(conn, dom, args, err);
    uri = modern_uri(args->uri);
    perform.uri = uri;
    return xf_v1_check_flags(args, err)
           && xf_engine_send(conn, dom, &perform, err);
}

struct xf_domain_ref *
xf_v1_finish(struct xf_conn *conn, const struct xf_migrate_args *args,
             GError **err)
{
    return xf_engine_arrived(conn, args, err);
}
