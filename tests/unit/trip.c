/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/unit/trip.h"

#include <string.h>

void
trip_init(struct trip *t, gboolean v2)
{
    guint8 uuid[XF_UUID_LEN];

    memset(t, 0, sizeof(*t));
    t->v2 = v2;
    t->flags = XF_MIGRATE_LIVE;
    ck_assert(xf_uuid_parse(GUEST_UUID, uuid));
    t->dom = xf_domain_ref_new("g", uuid, -1);
    if (v2)
        t->xml = src.conn->driver->domain_xml(src.conn, t->dom,
                                              XF_XML_MIGRATABLE, NULL);
    ck_assert(!v2 || t->xml);
}

void
trip_clear(struct trip *t)
{
    xf_domain_ref_free(t->dom);
    g_free(t->xml);
    g_free(t->uri);
    g_free(t->arrived);
    g_clear_pointer(&t->cookie, g_bytes_unref);
    g_clear_error(&t->err);
}

gboolean
trip_prepare(struct trip *t)
{
    const struct xf_driver *driver = dst.conn->driver;
    const struct xf_migrate_args args = {
        .flags = t->flags, .dname = t->dname, .xml = t->xml, .uri = t->uri };
    char *uri = NULL;
    gboolean ok;

    g_clear_error(&t->err);
    g_clear_pointer(&t->cookie, g_bytes_unref);
    ok = (t->v2 ? driver->prepare2 : driver->prepare)(
        dst.conn, &args, &t->cookie, &uri, &t->err);
    g_free(t->uri);
    t->uri = uri;
    ck_assert(!ok || (uri && t->cookie));
    ck_assert(!ok || g_bytes_get_size(t->cookie) < XF_COOKIE_MAX);
    return ok;
}

gboolean
trip_perform(struct trip *t)
{
    const struct xf_migrate_args args = {
        .flags = t->flags, .dname = t->dname, .uri = t->uri,
        .bandwidth = t->bandwidth, .cookie_in = t->cookie };

    g_clear_error(&t->err);
    return src.conn->driver->perform(src.conn, t->dom, &args, &t->err);
}

gboolean
trip_finish(struct trip *t, gboolean failed)
{
    const struct xf_driver *driver = dst.conn->driver;
    const struct xf_migrate_args args = {
        .flags = t->flags, .dname = t->dname ? t->dname : "g",
        .uri = t->uri, .cookie_in = t->cookie, .cancelled = failed };

    g_clear_error(&t->err);

    XF_AUTO(xf_domain_ref) *dom = (t->v2 ? driver->finish2 : driver->finish)(
        dst.conn, &args, &t->err);

    ck_assert((dom == NULL) == (t->err != NULL));
    g_free(t->arrived);
    t->arrived = dom ? g_strdup(dom->name) : NULL;
    return dom != NULL;
}

void
trip_said(struct trip *t, int code, const char *words)
{
    err_said(t->err, code, words);
}

void
trip_give_up(struct trip *t)
{
    if (t->v2)
        ck_assert(!trip_finish(t, TRUE));
}

void
trip_whole(struct trip *t)
{
    must(t, trip_prepare(t));
    must(t, trip_perform(t));
    must(t, trip_finish(t, FALSE));
}

void
trip_moves_now(gboolean v2)
{
    struct trip t;

    trip_init(&t, v2);
    trip_whole(&t);
    settled_on(&dst);
    trip_clear(&t);
}
