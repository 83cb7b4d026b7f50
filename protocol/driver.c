/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/driver.h"

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
