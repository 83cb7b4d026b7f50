/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "compat/compat.h"

/* The engine's driver with the older calls in it, made once. */
static const struct xf_driver *
driver_with(const struct xf_driver *engines)
{
    static struct xf_driver driver;
    static gsize made;

    if (g_once_init_enter(&made)) {
        driver = *engines;
        driver.prepare = xf_v1_prepare;
        driver.perform = xf_v1_perform;
        driver.finish = xf_v1_finish;
        driver.prepare2 = xf_v2_prepare;
        driver.finish2 = xf_v2_finish;
        g_once_init_leave(&made, 1);
    }
    return &driver;
}

struct xf_conn *
xf_compat_open(struct xf_engine *engine)
{
    struct xf_conn *conn = xf_engine_open(engine);

    conn->driver = driver_with(conn->driver);
    return conn;
}
