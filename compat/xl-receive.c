/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "compat/compat.h"
#include "compat/xl-receive.h"
#include "compat/xl-wire.h"
#include "protocol/fault.h"

/* What stock xl says when it could not read go. */
#define STATUS_NO_GO 0xff

struct from_xl {
    struct xf_foreign_source base;
    const struct xf_engine_config *config;
    int in, out;
};

static gboolean
await_leave(struct xf_foreign_source *from,
            const struct xf_foreign_stop *stop, GError **err)
{
    struct from_xl *xl = (struct from_xl *)from;
    const struct xf_xl_wait wait = { xl->config->ack_timeout_ms, stop };

    XF_FAULT("xl-ready");
    return xf_xl_say(xl->out, XF_XL_READY, err)
           && xf_xl_hear(xl->in, XF_XL_GO, &wait, err);
}

static gboolean
report(struct xf_foreign_source *from, gboolean committed, GError **err)
{
    struct from_xl *xl = (struct from_xl *)from;
    const guint8 status = committed ? 0 : STATUS_NO_GO;

    return xf_xl_say(xl->out, XF_XL_REPORT, err)
           && xf_xl_write(xl->out, &status, 1, err)
           && (committed || xf_xl_say(xl->out, XF_XL_GO, err));
}

static const struct xf_foreign_source_ops ops = {
    .await_leave = await_leave,
    .report = report,
};

static gboolean
engine_stops(void *user)
{
    return xf_engine_stops(user);
}

/* Its configuration, as domain XML. */
static char *
read_xml(struct xf_engine *engine, struct from_xl *xl, GError **err)
{
    const struct xf_foreign_stop stop = { engine_stops, engine };
    const struct xf_xl_wait wait = { xl->config->ack_timeout_ms, &stop };
    XF_AUTO(xf_conn) *conn = xf_compat_open(engine);
    const char *format;
    g_autofree char *native = xf_xl_read_config(xl->in, &wait, &format, err);

    return native ? conn->driver->xml_from_native(conn, format, native, 0,
                                                  err)
                  : NULL;
}

gboolean
xf_xl_receive(struct xf_engine *engine,
              const struct xf_xl_incoming *incoming, GError **err)
{
    struct from_xl xl = {
        .base = { &ops, "xl", incoming->host },
        .config = xf_engine_config_of(engine),
        .in = incoming->in,
        .out = incoming->out,
    };
    struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE
                 | (incoming->paused ? XF_MIGRATE_PAUSED : 0),
    };
    g_autofree char *xml = NULL;

    if (!xf_xl_say(xl.out, XF_XL_BANNER, err))
        return FALSE;
    XF_FAULT("xl-greeted");
    xml = read_xml(engine, &xl, err);
    args.xml = xml;
    return xml
           && xf_engine_receive_foreign(engine, &xl.base, &args, xl.in, err);
}
