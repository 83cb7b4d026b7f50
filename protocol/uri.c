/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/uri.h"

#include <gio/gio.h>
#include <string.h>

gboolean
xf_migrate_uri_parse(const char *uri, char **host, guint16 *port,
                     GError **err)
{
    const char *rest = uri;
    g_autoptr(GError) parse_err = NULL;
    g_autoptr(GSocketConnectable) where = NULL;

    *host = NULL;
    *port = 0;
    if (g_str_has_prefix(rest, "tcp://"))
        rest += strlen("tcp://");
    else if (g_str_has_prefix(rest, "tcp:"))
        rest += strlen("tcp:");
    if (!strchr(rest, '/') && *rest)
        where = g_network_address_parse(rest, 0, &parse_err);
    if (!where) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "migration uri '%s': expected tcp://HOST[:PORT]%s%s", uri,
                    parse_err ? ": " : "",
                    parse_err ? parse_err->message : "");
        return FALSE;
    }

    GNetworkAddress *address = G_NETWORK_ADDRESS(where);

    *host = g_strdup(g_network_address_get_hostname(address));
    *port = g_network_address_get_port(address);
    return TRUE;
}

gboolean
xf_migrate_uri_is_direct(const char *uri)
{
    const char begin[] = XF_DIRECT_SCHEME ":";

    return uri && g_ascii_strncasecmp(uri, begin, strlen(begin)) == 0;
}

char *
xf_migrate_uri_format(const char *host, guint16 port)
{
    gboolean v6 = strchr(host, ':') != NULL;

    return g_strdup_printf("tcp://%s%s%s:%u", v6 ? "[" : "", host,
                           v6 ? "]" : "", port);
}
