/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "compat/compat.h"
#include "tests/unit/trek.h"

#include <string.h>

struct stock *stock;

struct trek t;

/* -- the world -- */

static void
trek_start(gboolean to_stock)
{
    guint8 uuid[XF_UUID_LEN];

    memset(&t, 0, sizeof(t));
    ck_assert(xf_uuid_parse(GUEST_UUID, uuid));
    t.dom = xf_domain_ref_new("g", uuid, -1);
    t.flags = XF_MIGRATE_LIVE;
    stock = stock_new(to_stock ? dst.hv : src.hv, "127.0.0.1");
    t.of_stock = stock_open(stock);
    t.from = to_stock ? src.conn : t.of_stock;
    t.to = to_stock ? t.of_stock : dst.conn;
}

void
trek_to_stock(void)
{
    trek_start(TRUE);
}

void
trek_ports(guint16 first, guint16 last)
{
    host_stop(&dst);
    dst.config.foreign_ports[0] = first;
    dst.config.foreign_ports[1] = last;
    host_start(&dst);
}

void
trek_from_stock(void)
{
    guint16 first = xf_unit_port(XF_UNIT_PORT_RANGE);

    trek_ports(first, first + 1);
    trek_start(FALSE);
}

static void
trek_clear(void)
{
    xf_conn_close(t.of_stock);
    stock_free(stock);
    xf_domain_ref_free(t.dom);
    g_free(t.xml);
    g_free(t.uri);
    g_clear_pointer(&t.begun, g_bytes_unref);
    g_clear_pointer(&t.prepared, g_bytes_unref);
    g_clear_error(&t.err);
}

void
trek_tear_down(void)
{
    trek_clear();
    world_teardown();
}

/* -- the steps -- */

gboolean
begin(void)
{
    const struct xf_migrate_args args = { .flags = t.flags };

    g_clear_error(&t.err);
    g_clear_pointer(&t.xml, g_free);
    g_clear_pointer(&t.begun, g_bytes_unref);
    t.xml = t.from->driver->begin3(t.from, t.dom, &args, &t.begun, &t.err);
    return t.xml != NULL;
}

gboolean
prepare(void)
{
    const struct xf_migrate_args args = {
        .flags = t.flags, .xml = t.xml, .cookie_in = t.begun };

    g_clear_error(&t.err);
    g_clear_pointer(&t.uri, g_free);
    g_clear_pointer(&t.prepared, g_bytes_unref);
    return t.to->driver->prepare3(t.to, &args, &t.prepared, &t.uri, &t.err);
}

gboolean
perform(void)
{
    const struct xf_migrate_args args = {
        .flags = t.flags, .uri = t.uri, .cookie_in = t.prepared };
    g_autoptr(GBytes) cookie = NULL;

    g_clear_error(&t.err);

    gboolean ok = t.from->driver->perform3(t.from, t.dom, &args, &cookie,
                                           &t.err);

    ck_assert_ptr_null(cookie);
    return ok;
}

gboolean
finish(gboolean cancelled)
{
    const struct xf_migrate_args args = {
        .flags = t.flags, .dname = "g", .uri = t.uri,
        .cancelled = cancelled };
    g_autoptr(GBytes) cookie = NULL;

    g_clear_error(&t.err);

    XF_AUTO(xf_domain_ref) *dom =
        t.to->driver->finish3(t.to, &args, &cookie, &t.err);

    ck_assert(dom || t.err);
    ck_assert(!dom || !cancelled);
    return dom != NULL;
}

gboolean
confirm(gboolean cancelled)
{
    const struct xf_migrate_args args = { .flags = t.flags,
                                          .cancelled = cancelled };

    g_clear_error(&t.err);
    return t.from->driver->confirm3(t.from, t.dom, &args, &t.err);
}

void
said(int code, const char *words)
{
    ck_assert_ptr_nonnull(t.err);
    ck_assert_msg(t.err->code == code && strstr(t.err->message, words),
                  "%d: %s", t.err->code, t.err->message);
}

/* As a whole, by the sequence that every client runs. */
gboolean
moves(void)
{
    const struct xf_sequence_request request = { .flags = t.flags };

    g_clear_error(&t.err);

    XF_AUTO(xf_domain_ref) *dom =
        xf_sequence_run(t.from, t.dom, t.to, &request, &t.err);

    return dom != NULL;
}

void
must_move(void)
{
    must(moves());
    settled_on(&dst);
}

/* The client of our own host goes, and another comes. */
void
client_goes(void)
{
    struct host *host = t.from == src.conn ? &src : &dst;

    xf_conn_close(host->conn);
    host->conn = xf_compat_open(host->engine);
    *(host == &src ? &t.from : &t.to) = host->conn;
}

void
restart(struct host *host)
{
    gboolean source = t.from == host->conn;

    host_stop(host);
    host_start(host);
    *(source ? &t.from : &t.to) = host->conn;
}

/* -- what is recorded -- */

/* Its only handoff's state, and what an administrator is told. */
char *
state_of(struct host *host, char **trouble)
{
    g_autoptr(GPtrArray) all =
        host->conn->driver->list_handoffs(host->conn, NULL);

    if (all->len != 1)
        return g_strdup(all->len ? "several" : "none");

    const struct xf_handoff_info *info = g_ptr_array_index(all, 0);

    if (trouble)
        *trouble = g_strdup(info->trouble);
    return g_strdup(info->state);
}

static char *
token_of(struct host *host)
{
    g_autoptr(GPtrArray) all =
        host->conn->driver->list_handoffs(host->conn, NULL);

    ck_assert_uint_eq(all->len, 1);
    return g_strdup(((struct xf_handoff_info *)all->pdata[0])->token);
}

gboolean
in_doubt(struct host *host)
{
    g_autofree char *state = state_of(host, NULL);

    return strcmp(state, "in-doubt") == 0;
}

gboolean
received(struct host *host)
{
    g_autofree char *state = state_of(host, NULL);

    return strcmp(state, "received") == 0;
}

gboolean
receiving(struct host *host)
{
    g_autofree char *state = state_of(host, NULL);

    return strcmp(state, "receiving") == 0;
}

gboolean
is_empty(struct host *host)
{
    g_autoptr(GPtrArray) domains = xf_sim_domains(host->dir);

    return domains->len == 0;
}

void
resolve(struct host *host, enum xf_assume what)
{
    g_autofree char *token = token_of(host);

    g_clear_error(&t.err);

    g_autofree char *state = host->conn->driver->resolve_handoff(
        host->conn, token, what, &t.err);

    must(state != NULL);
}

/* Nobody can be asked: it says what to do instead. */
void
cannot_be_asked(struct host *host)
{
    g_autofree char *token = token_of(host);

    g_clear_error(&t.err);
    ck_assert_ptr_null(host->conn->driver->resolve_handoff(
        host->conn, token, XF_ASSUME_NOTHING, &t.err));
    said(XF_ERROR_IN_DOUBT, "--assume-committed");
    said(XF_ERROR_IN_DOUBT, "--assume-revoked");
}

const struct failing failures[FAILURES] = {
    { TRUE, "suspend-start", "fail*1" },
    { TRUE, "suspend-page", "fail@10*1" },
    { TRUE, "suspend-ask", "fail*1" },
    { TRUE, "suspend-stopped", "fail*1" },
    { TRUE, "suspend-before-end", "fail*1" },
    { TRUE, "suspend-after-end", "fail*1" },
    { FALSE, "stream-start", "fail*1" },
    { FALSE, "stream-page", "fail@10*1" },
    { FALSE, "stream-end", "fail*1" },
    { FALSE, "devices", "fail*1" },
};
