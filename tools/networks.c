/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NAME=BRIDGE: see networks.h. */
#include "config.h"

#include "protocol/error.h"
#include "tools/networks.h"

#include <net/if.h>
#include <string.h>

GHashTable *
xf_networks_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

/* What Linux takes as the name of an interface. */
static gboolean
is_interface(const char *name)
{
    return *name && strlen(name) < IFNAMSIZ && strcmp(name, ".") != 0
           && strcmp(name, "..") != 0 && !strpbrk(name, "/: \t\r\n");
}

gboolean
xf_networks_add(GHashTable *networks, const char *name, const char *bridge,
                const char *where, GError **err)
{
    if (!*name) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "%s: the network has no name", where);
        return FALSE;
    }
    if (!is_interface(bridge)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "%s: '%s' is not the name of a bridge (1 to %d "
                    "characters, no blank, '/' or ':')", where, bridge,
                    IFNAMSIZ - 1);
        return FALSE;
    }
    g_hash_table_replace(networks, g_strdup(name), g_strdup(bridge));
    return TRUE;
}

gboolean
xf_networks_add_option(GHashTable *networks, const char *option,
                       const char *where, GError **err)
{
    const char *sign = strchr(option, '=');
    g_autofree char *name = NULL;

    if (!sign) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "%s: '%s' is not NETWORK=BRIDGE", where, option);
        return FALSE;
    }
    name = g_strndup(option, sign - option);
    return xf_networks_add(networks, name, sign + 1, where, err);
}
