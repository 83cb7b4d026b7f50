/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon of ours and a stock libvirtd (a stand-in for one, which this test
 * serves by itself on the second host), over the wire, by unmodified clients.
 */
#include "config.h"

#include "protocol/rpc/server.h"
#include "tests/host/hosts.h"
#include "tests/sim/stock.h"

#include <string.h>

#define XENFERRY TOP_BUILDDIR "/xenferry"

/* -- the stock host -- */

static struct {
    struct xf_hypervisor *hv;
    struct stock *stock;
    struct xf_rpc_server *server;
    GMainLoop *loop;
    GThread *thread;
    char *uri;
} other;

static struct xf_conn *
open_stock(void *user, GError **err)
{
    return stock_open(other.stock);
}

static gpointer
serve(gpointer unused)
{
    g_main_loop_run(other.loop);
    return NULL;
}

/* In host_b's daemon's place. */
static void
stock_starts(void)
{
    const struct xf_rpc_backend backend = { open_stock, NULL };
    struct xf_rpc_server_config config;
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GError) err = NULL;
    guint16 port = 0;

    host_stop(&host_b);
    xf_rpc_server_config_init(&config);
    other.hv = xf_sim_new(host_b.sim, &err);
    ck_assert_msg(other.hv != NULL, "%s", err ? err->message : "?");
    other.stock = stock_new(other.hv, "127.0.0.1");
    other.server = xf_rpc_server_new(context, &config, &backend);
    ck_assert(xf_rpc_server_listen_tcp(other.server, "127.0.0.1", &port,
                                       &err));
    other.uri = g_strdup_printf("xen+tcp://127.0.0.1:%u/system", port);
    other.loop = g_main_loop_new(context, FALSE);
    other.thread = g_thread_new("stock", serve, NULL);
}

static gboolean
quit(gpointer unused)
{
    g_main_loop_quit(other.loop);
    return G_SOURCE_REMOVE;
}

/* host_b is ours again. */
static void
stock_ends(void)
{
    g_main_context_invoke(g_main_loop_get_context(other.loop), quit, NULL);
    g_thread_join(other.thread);
    xf_rpc_server_free(other.server);
    stock_free(other.stock);
    other.hv->ops->free(other.hv);
    g_main_loop_unref(other.loop);
    g_free(other.uri);
    host_start(&host_b);
}

/* host_a takes domains of such hosts. */
static void
allow(void)
{
    host_stop(&host_a);
    host_a.conf = "libvirtd_ports = 49152-49216\n";
    host_start(&host_a);
}

/* -- clients -- */

static const struct {
    const char *program, *option;
} clients[] = {
    { XENFERRY, NULL },
    { "virsh", NULL },
    { "virsh", "--p2p" },
};

static int
migrate(int client, const char *from, const char *to, char **out)
{
    const char *argv[] = { clients[client].program, "-c", from, "migrate",
                           "--live", "g", to, clients[client].option, NULL };

    return run_program(argv, out);
}

START_TEST(to_a_stock_host)
{
    g_autofree char *out = NULL;

    xf_unit_need_program(clients[_i].program);
    guest(&host_a);
    stock_starts();
    ck_assert_msg(migrate(_i, host_a.uri, other.uri, &out) == 0, "%s", out);
    runs_on(&host_b, "g");
    empty(&host_a);
    ck_assert_uint_eq(host_log_count(&host_a, "cannot be asked"), 1);
    stock_ends();
    all_is_well();
}
END_TEST

START_TEST(from_a_stock_host)
{
    g_autofree char *out = NULL;

    xf_unit_need_program(clients[_i].program);
    guest(&host_b);
    allow();
    stock_starts();
    ck_assert_msg(migrate(_i, other.uri, host_a.tcp_uri, &out) == 0, "%s",
                  out);
    runs_on(&host_a, "g");
    no_domain(&host_b);
    no_records(&host_a);
    ck_assert_uint_eq(host_log_count(&host_a, "cannot be asked"), 1);
    stock_ends();
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* Perform to it has no cookie of a Prepare's, and is not direct for that. */
START_TEST(without_direct_on_offer)
{
    g_autofree char *out = NULL;

    xf_unit_need_program(clients[_i].program);
    host_stop(&host_a);
    host_a.conf = "[daemon]\nprotocols = v3-params,p2p\n";
    host_start(&host_a);
    guest(&host_a);
    stock_starts();
    ck_assert_msg(migrate(_i, host_a.uri, other.uri, &out) == 0, "%s", out);
    runs_on(&host_b, "g");
    empty(&host_a);
    stock_ends();
    all_is_well();
}
END_TEST

START_TEST(not_allowed)
{
    g_autofree char *out = NULL;

    guest(&host_b);
    stock_starts();
    ck_assert_int_eq(migrate(0, other.uri, host_a.tcp_uri, &out), 1);
    ck_assert_msg(strstr(out, "libvirtd_ports"), "%s", out);
    runs_on(&host_b, "g");
    empty(&host_a);
    stock_ends();
    all_is_well();
}
END_TEST

/* A limit is the source's to keep: the stock host never hears of it. */
START_TEST(at_a_rate)
{
    g_autofree char *out = NULL;

    guest(&host_a);
    stock_starts();

    const char *argv[] = { XENFERRY, "-c", host_a.uri, "migrate", "--live",
                           "--bandwidth", "50", "g", other.uri, NULL };

    ck_assert_msg(run_program(argv, &out) == 0, "%s", out);
    runs_on(&host_b, "g");
    stock_ends();
    all_is_well();
}
END_TEST

/* The daemon dies before it can have said that all was sent. */
START_TEST(killed_in_mid_stream)
{
    g_autofree char *log = g_strconcat(host_a.dir, "/client", NULL);

    guest(&host_a);
    stock_starts();

    const char *argv[] = { XENFERRY, "-c", host_a.uri, "migrate", "--live",
                           "g", other.uri, NULL };

    fault(&host_a, "suspend-page", "hang@10");

    GPid client = start_program(argv, log, NULL);

    wait_hits(&host_a, "suspend-page", 1);
    host_kill(&host_a);
    fault(&host_a, "suspend-page", NULL);
    no_domain(&host_b);
    kill_program(client);
    host_start(&host_a);
    runs_on(&host_a, "g");
    no_records(&host_a);
    stock_ends();
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* The client dies before it can have said what is to be. */
START_TEST(the_client_is_killed)
{
    g_autofree char *log = g_strconcat(host_a.dir, "/client", NULL);

    guest(&host_a);
    stock_starts();

    const char *argv[] = { XENFERRY, "-c", host_a.uri, "migrate", "--live",
                           "g", other.uri, NULL };

    fault(&host_b, "unpause", "hang");

    GPid client = start_program(argv, log, NULL);

    wait_hits(&host_b, "unpause", 1);
    reaches(&host_a, "performed");
    kill_program(client);
    reaches(&host_a, "in-doubt");
    fault(&host_b, "unpause", NULL);
    runs_on(&host_b, "g");

    g_auto(GStrv) tokens = host_a.records->ops->list(host_a.records, NULL);
    const char *settle[] = { XENFERRY, "-c", host_a.uri, "resolve", "--yes",
                             "--assume-committed", *tokens, NULL };
    g_autofree char *out = NULL;

    ck_assert_msg(run_program(settle, &out) == 0, "%s", out);
    empty(&host_a);
    stock_ends();
    all_is_well();
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { to_a_stock_host, G_N_ELEMENTS(clients) },
        { from_a_stock_host, 2 },
        { without_direct_on_offer, G_N_ELEMENTS(clients) },
        { not_allowed, 1 },
        { at_a_rate, 1 },
        { killed_in_mid_stream, 1 },
        { the_client_is_killed, 1 },
        { NULL, 0 },
    };

    return host_tests_main("libvirtd", tests);
}
