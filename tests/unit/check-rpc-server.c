/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server as its clients see it: answers to good and bad packets, many
 * calls at a time, clients that go, clients that are silent, sockets. */
#include "config.h"

#include "protocol/rpc/link.h"
#include "protocol/rpc/uri.h"
#include "tests/unit/rpc-common.h"

#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void
fill_domain(struct xfw_domain *dom)
{
    dom->name = (char *)DOUBLE_NAME;
    memcpy(dom->uuid, double_uuid, sizeof(dom->uuid));
    dom->id = DOUBLE_ID;
}

static void
send_perform(int fd, guint32 serial)
{
    struct xfw_perform3_params_args args = { .flags = 1 };

    fill_domain(&args.dom);
    send_call(fd, XFW_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS, serial,
              XF_XDR(xfw_perform3_params_args), &args);
}

static void
expect_perform(int fd, guint32 serial)
{
    struct xfw_perform3_ret ret = { 0 };

    expect_reply(fd, XFW_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS, serial,
                 XF_XDR(xfw_perform3_ret), &ret);
    ck_assert_uint_eq(ret.cookie_out.xfw_cookie_len, 2);
    xdr_free(XF_XDR(xfw_perform3_ret), &ret);
}

/* A call that must be answered: the connection is whole. */
static void
check_served(int fd, guint32 serial)
{
    struct xfw_string_ret ret = { 0 };

    send_call(fd, XFW_PROC_CONNECT_GET_HOSTNAME, serial, NULL, NULL);
    expect_reply(fd, XFW_PROC_CONNECT_GET_HOSTNAME, serial,
                 XF_XDR(xfw_string_ret), &ret);
    ck_assert_str_eq(ret.value, "double.example");
    xdr_free(XF_XDR(xfw_string_ret), &ret);
}

/* -- packets ------------------------------------------------------------- */

#define AUTH_LIST \
    "0000001c 20008086 00000001 00000042 00000000 00000000 00000000"
#define AUTH_LIST_REPLY \
    "00000024 20008086 00000001 00000042 00000001 00000000 00000000" \
    "00000001 00000000"
#define PING "0000001c 6b656570 00000001 00000001 00000002 00000000 00000000"
#define PONG "0000001c 6b656570 00000001 00000002 00000002 00000000 00000000"

START_TEST(first_packets)
{
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    send_hex(fd, AUTH_LIST);
    expect_hex(fd, AUTH_LIST_REPLY);
    send_hex(fd, PING);
    expect_hex(fd, PONG);
    /* feature 10, before open: yes */
    send_hex(fd, "00000020 20008086 00000001 0000003c 00000000 00000001"
                 "00000000 0000000a");
    expect_hex(fd, "00000020 20008086 00000001 0000003c 00000001 00000001"
                   "00000000 00000001");
    open_raw(fd, 0);
    check_served(fd, 5);
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(packets_in_pieces)
{
    struct test_server t;
    g_autoptr(GByteArray) two = hex(AUTH_LIST AUTH_LIST);
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    for (guint i = 0; i < two->len; i++)
        send_bytes(fd, two->data + i, 1);
    expect_hex(fd, AUTH_LIST_REPLY);
    expect_hex(fd, AUTH_LIST_REPLY);
    send_bytes(fd, two->data, two->len);
    expect_hex(fd, AUTH_LIST_REPLY);
    expect_hex(fd, AUTH_LIST_REPLY);
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(unknown_procedures)
{
    static const int numbers[] = { 0,   -1,  5,   107, 169, 318,
                                   443, 999, G_MAXINT, G_MININT };
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_autofree char *text = g_strdup_printf("unknown procedure: %d",
                                                numbers[i]);

        send_call(fd, numbers[i], i, NULL, NULL);
        expect_error(fd, numbers[i], i, 39, 7, text);
    }
    open_raw(fd, 0);
    check_served(fd, 1);
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(unknown_programs)
{
    static const char *const headers[] = {
        "0000001c 20008087 00000001 00000042 00000000 00000003 00000000",
        "0000001c 20008086 00000002 00000042 00000000 00000003 00000000",
        "0000001c 00000000 00000000 00000042 00000000 00000003 00000000",
    };
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    for (gsize i = 0; i < G_N_ELEMENTS(headers); i++) {
        g_autoptr(GByteArray) call = hex(headers[i]);
        struct xf_rpc_header header;
        g_autoptr(GBytes) reply = NULL;

        send_hex(fd, headers[i]);
        reply = recv_packet(fd, &header);
        /* program and version are the client's own */
        ck_assert_mem_eq((guint8 *)g_bytes_get_data(reply, NULL) + 4,
                         call->data + 4, 12);
        ck_assert_uint_eq(header.type, XFW_REPLY);
        ck_assert_uint_eq(header.status, XFW_ERROR);
        ck_assert_uint_eq(header.serial, 3);
    }
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(odd_types_and_statuses)
{
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    /* a call with status ERROR, one with fds */
    send_hex(fd, "0000001c 20008086 00000001 00000042 00000000 00000000"
                 "00000001");
    expect_error(fd, 0x42, 0, 39, 7, "a call must");
    send_hex(fd, "00000020 20008086 00000001 00000042 00000004 00000000"
                 "00000000 00000000");
    expect_error(fd, 0x42, 0, 39, 7, "calls with file descriptors");
    /* reply, message, stream, hole, nonsense: no answer at all */
    for (guint type = 1; type < 8; type++) {
        g_autofree char *packet = g_strdup_printf(
            "0000001c 20008086 00000001 00000042 %08x 00000000 00000000",
            type);

        if (type != XFW_CALL_WITH_FDS)
            send_hex(fd, packet);
    }
    send_hex(fd, PING);
    expect_hex(fd, PONG);
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(bad_lengths_drop_the_client)
{
    static const char *const bad[] = { "00000000", "0000001b", "02000005",
                                       "ffffffff" };
    struct test_server t;
    int other;

    test_server_start(&t, NULL, NULL);
    other = test_server_connect(&t);
    open_raw(other, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        int fd = test_server_connect(&t);

        open_raw(fd, 0);
        send_hex(fd, bad[i]);
        expect_closed(fd);
        close(fd);
        check_served(other, i);
    }
    close(other);
    test_server_stop(&t);
}
END_TEST

START_TEST(arguments_cut_at_every_length)
{
    struct xfw_perform3_params_args args = { .flags = 1 };
    struct xf_rpc_header header = {
        .prog = XFW_PROGRAM, .vers = XFW_VERSION,
        .proc = XFW_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS,
    };
    g_autoptr(GBytes) whole = NULL;
    struct test_server t;
    gsize len;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    fill_domain(&args.dom);
    whole = xf_rpc_packet_new(&header, XF_XDR(xfw_perform3_params_args),
                              &args, NULL);
    len = g_bytes_get_size(whole);
    for (gsize cut = XFW_PACKET_MIN; cut < len; cut++) {
        g_autofree guint8 *packet =
            g_memdup2(g_bytes_get_data(whole, NULL), cut);
        guint32 word = GUINT32_TO_BE((guint32)cut);

        memcpy(packet, &word, sizeof(word));
        send_bytes(fd, packet, cut);
        expect_error(fd, header.proc, 0, 39, 7, "cannot decode");
    }
    check_served(fd, 9);
    close(fd);
    test_server_end(&t);
    /* none of them reached the driver */
    g_free(double_take_line(&t.world));
    ck_assert_ptr_null(double_take_line(&t.world));
    double_world_clear(&t.world);
}
END_TEST

/* -- opening and closing ------------------------------------------------- */

START_TEST(before_open)
{
    struct xfw_int feature = { .value = XF_FEATURE_MIGRATION_V3 };
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    send_call(fd, XFW_PROC_CONNECT_GET_HOSTNAME, 1, NULL, NULL);
    expect_error(fd, XFW_PROC_CONNECT_GET_HOSTNAME, 1, 1, 7,
                 "internal error: hypervisor connection not open");
    send_call(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 2, XF_XDR(xfw_int),
              &feature);
    expect_error(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 2, 1, 41,
                 "internal error: hypervisor connection not open");
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(open_names)
{
    static const struct {
        const char *name;
        gboolean taken;
    } names[] = {
        { "", TRUE },           { "xen:///", TRUE },
        { "xen:///system", TRUE }, { "xen:///?foo=bar", TRUE },
        { "xen:", TRUE },       { "qemu:///system", FALSE },
        { "xen:///session", FALSE }, { "xen://host/system", FALSE },
        { "system", FALSE },
    };
    struct test_server t;

    test_server_start(&t, NULL, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        char *name = (char *)names[i].name;
        struct xfw_open_args args = { .name = &name };
        int fd = test_server_connect(&t);

        send_call(fd, XFW_PROC_CONNECT_OPEN, 0, XF_XDR(xfw_open_args), &args);
        if (names[i].taken)
            expect_reply(fd, XFW_PROC_CONNECT_OPEN, 0, NULL, NULL);
        else
            expect_error(fd, XFW_PROC_CONNECT_OPEN, 0, 8, 41, "no driver");
        close(fd);
    }
    test_server_stop(&t);
}
END_TEST

START_TEST(second_open_is_refused)
{
    struct xfw_open_args args = { 0 };
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    args.flags = 2;
    send_call(fd, XFW_PROC_CONNECT_OPEN, 0, XF_XDR(xfw_open_args), &args);
    expect_error(fd, XFW_PROC_CONNECT_OPEN, 0, 8, 41, "open: unsupported");
    open_raw(fd, 0);
    args.flags = 0;
    send_call(fd, XFW_PROC_CONNECT_OPEN, 1, XF_XDR(xfw_open_args), &args);
    expect_error(fd, XFW_PROC_CONNECT_OPEN, 1, 1, 41, "the connection");
    check_served(fd, 2);
    ck_assert_uint_eq(t.world.opened, 1);
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(close_is_done_when_answered)
{
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    send_call(fd, XFW_PROC_CONNECT_CLOSE, 1, NULL, NULL);
    expect_reply(fd, XFW_PROC_CONNECT_CLOSE, 1, NULL, NULL);
    ck_assert_uint_eq(t.world.closed, 1);
    ck_assert_uint_eq(t.world.gone, 0);
    send_call(fd, XFW_PROC_CONNECT_GET_HOSTNAME, 2, NULL, NULL);
    expect_error(fd, XFW_PROC_CONNECT_GET_HOSTNAME, 2, 1, 7,
                 "internal error");
    open_raw(fd, 0);
    check_served(fd, 3);
    close(fd);
    ck_assert(double_wait(&t.world, &t.world.closed, 2));
    test_server_stop(&t);
}
END_TEST

START_TEST(read_only)
{
    struct xfw_dom args;
    struct xfw_dom_flags_args xml = { .flags = XF_XML_SECURE };
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    open_raw(fd, 1);
    fill_domain(&args.dom);
    fill_domain(&xml.dom);
    check_served(fd, 1);
    send_call(fd, XFW_PROC_DOMAIN_DESTROY, 2, XF_XDR(xfw_dom), &args);
    expect_error(fd, XFW_PROC_DOMAIN_DESTROY, 2, 29, 7,
                 "virDomainDestroy is refused");
    send_call(fd, XFW_PROC_DOMAIN_GET_XML_DESC, 3,
              XF_XDR(xfw_dom_flags_args), &xml);
    expect_error(fd, XFW_PROC_DOMAIN_GET_XML_DESC, 3, 29, 41, "XML with");
    send_perform(fd, 4);
    expect_error(fd, XFW_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS, 4, 29, 7,
                 "virDomainMigratePerform3Params");
    close(fd);
    test_server_stop(&t);
}
END_TEST

/* -- errors of the driver ------------------------------------------------ */

START_TEST(driver_lacks_a_call)
{
    struct xf_driver partial = double_driver;
    struct xfw_dom args;
    struct test_server t;
    int fd;

    partial.domain_reboot = NULL;
    partial.abort_job = NULL;
    test_server_start(&t, NULL, NULL);
    t.world.driver = &partial;
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    fill_domain(&args.dom);
    send_call(fd, XFW_PROC_DOMAIN_ABORT_JOB, 1, XF_XDR(xfw_dom), &args);
    expect_error(fd, XFW_PROC_DOMAIN_ABORT_JOB, 1, 3, 20,
                 "this function is not supported by the double driver: "
                 "virDomainAbortJob");
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(driver_errors)
{
    struct test_server t;
    struct xfw_error body = { 0 };
    struct xf_rpc_header header;
    g_autoptr(GBytes) reply = NULL;
    int fd;

    test_server_start(&t, NULL, NULL);
    t.world.fail = g_error_new(XF_ERROR, XF_ERROR_NO_DOMAIN,
                               "Domain not found: g9");
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    send_perform(fd, 1);
    expect_error(fd, XFW_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS, 1, 42, 41,
                 "Domain not found: g9");
    t.world.fail->code = XF_ERROR_IN_DOUBT;
    send_perform(fd, 2);
    reply = recv_packet(fd, &header);
    ck_assert(xf_rpc_body_decode(reply, XF_XDR(xfw_error), &body, NULL));
    ck_assert_int_eq(body.code, 68);
    ck_assert_ptr_nonnull(body.str3);
    ck_assert_str_eq(*body.str3, "xenferry:in-doubt");
    xdr_free(XF_XDR(xfw_error), &body);
    close(fd);
    test_server_stop(&t);
}
END_TEST

/* -- lists --------------------------------------------------------------- */

static guint
count_listed(int fd, guint32 flags)
{
    struct xfw_list_all_args args = { .need_results = 1, .flags = flags };
    struct xfw_list_all_ret ret = { 0 };
    guint count;

    send_call(fd, XFW_PROC_CONNECT_LIST_ALL_DOMAINS, flags,
              XF_XDR(xfw_list_all_args), &args);
    expect_reply(fd, XFW_PROC_CONNECT_LIST_ALL_DOMAINS, flags,
                 XF_XDR(xfw_list_all_ret), &ret);
    ck_assert_uint_eq(ret.count, ret.domains.domains_len);
    count = ret.count;
    xdr_free(XF_XDR(xfw_list_all_ret), &ret);
    return count;
}

START_TEST(lists)
{
    struct xfw_list_all_args wrong = { .flags = 1 << 16 };
    struct xfw_int max = { .value = 0 }, count = { 0 };
    struct xfw_list_domains_ret ids = { 0 };
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    ck_assert_uint_eq(count_listed(fd, 3), 1);
    ck_assert_uint_eq(count_listed(fd, 1 << 8), 0);     /* managed save */
    ck_assert_uint_eq(count_listed(fd, 1 << 9), 1);     /* ... without */
    ck_assert_uint_eq(count_listed(fd, 3 << 8), 1);     /* ... either */
    ck_assert_uint_eq(count_listed(fd, 1 << 14 | 1), 0);
    send_call(fd, XFW_PROC_CONNECT_LIST_ALL_DOMAINS, 1,
              XF_XDR(xfw_list_all_args), &wrong);
    expect_error(fd, XFW_PROC_CONNECT_LIST_ALL_DOMAINS, 1, 8, 41, "list");
    for (max.value = -1; max.value < 3; max.value++) {
        send_call(fd, XFW_PROC_CONNECT_LIST_DOMAINS, 1, XF_XDR(xfw_int),
                  &max);
        expect_reply(fd, XFW_PROC_CONNECT_LIST_DOMAINS, 1,
                     XF_XDR(xfw_list_domains_ret), &ids);
        ck_assert_uint_eq(ids.ids.ids_len, max.value > 0);
        xdr_free(XF_XDR(xfw_list_domains_ret), &ids);
        memset(&ids, 0, sizeof(ids));
    }
    send_call(fd, XFW_PROC_CONNECT_NUM_OF_DOMAINS, 1, NULL, NULL);
    expect_reply(fd, XFW_PROC_CONNECT_NUM_OF_DOMAINS, 1, XF_XDR(xfw_int),
                 &count);
    ck_assert_int_eq(count.value, 1);
    close(fd);
    test_server_stop(&t);
}
END_TEST

/* -- many calls at a time ------------------------------------------------ */

START_TEST(quick_calls_pass_slow_ones)
{
    struct xfw_dom args;
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    t.world.block = "perform3";
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    send_perform(fd, 1);
    ck_assert(double_wait(&t.world, &t.world.blocked, 1));
    check_served(fd, 2);
    fill_domain(&args.dom);
    send_call(fd, XFW_PROC_DOMAIN_ABORT_JOB, 3, XF_XDR(xfw_dom), &args);
    expect_reply(fd, XFW_PROC_DOMAIN_ABORT_JOB, 3, NULL, NULL);
    double_release(&t.world);
    expect_perform(fd, 1);
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(two_hundred_performs)
{
    enum { N = 200 };
    gboolean seen[N] = { FALSE };
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    t.world.block = "perform3";
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    for (guint i = 0; i < N; i++)
        send_perform(fd, i);
    ck_assert(double_wait(&t.world, &t.world.blocked, N));
    check_served(fd, N);
    double_release(&t.world);
    for (guint i = 0; i < N; i++) {
        struct xf_rpc_header header;
        g_autoptr(GBytes) reply = recv_packet(fd, &header);

        ck_assert_ptr_nonnull(reply);
        ck_assert_uint_lt(header.serial, N);
        ck_assert(!seen[header.serial]);
        seen[header.serial] = TRUE;
    }
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(calls_of_one_client_are_bounded)
{
    struct xf_rpc_server_config config;
    struct test_server t;
    int fd, other;

    xf_rpc_server_config_init(&config);
    config.max_calls = 2;
    test_server_start(&t, &config, NULL);
    t.world.block = "perform3";
    fd = test_server_connect(&t);
    other = test_server_connect(&t);
    open_raw(fd, 0);
    open_raw(other, 0);
    for (guint i = 0; i < 5; i++)
        send_perform(fd, i);
    ck_assert(double_wait(&t.world, &t.world.blocked, 2));
    /* when the other client has been served, the first one's packets have
     * been there for long: still two */
    for (guint i = 0; i < 100; i++)
        check_served(other, i);
    ck_assert_uint_eq(t.world.blocked, 2);
    double_release(&t.world);
    for (guint i = 0; i < 5; i++) {
        struct xf_rpc_header header;
        g_autoptr(GBytes) reply = recv_packet(fd, &header);

        ck_assert_ptr_nonnull(reply);
        ck_assert_uint_eq(header.status, XFW_OK);
    }
    close(fd);
    close(other);
    test_server_stop(&t);
}
END_TEST

START_TEST(a_client_that_reads_nothing_is_not_read)
{
    g_autoptr(GByteArray) call = hex(
        "0000001c 20008086 00000001 0000003b 00000000 00000000 00000000");
    struct test_server t;
    gsize sent = 0;
    int fd, other;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    other = test_server_connect(&t);
    open_raw(fd, 0);
    open_raw(other, 0);
    /* until the socket takes no more: far less than it would otherwise */
    for (;;) {
        struct pollfd pfd = { .fd = fd, .events = POLLOUT };

        if (poll(&pfd, 1, 200) == 0)
            break;
        sent += call->len;
        ck_assert_uint_lt(sent, 16 * XF_RPC_OUT_MAX);
        send_bytes(fd, call->data, call->len);
    }
    check_served(other, 1);
    close(fd);
    close(other);
    test_server_stop(&t);
}
END_TEST

/* -- clients that go ----------------------------------------------------- */

START_TEST(client_goes_idle)
{
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    close(fd);
    ck_assert(double_wait(&t.world, &t.world.closed, 1));
    ck_assert_uint_eq(t.world.gone, 0);
    test_server_stop(&t);
}
END_TEST

START_TEST(client_goes_in_mid_call)
{
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    t.world.block = "perform3";
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    send_perform(fd, 1);
    send_perform(fd, 2);
    ck_assert(double_wait(&t.world, &t.world.blocked, 2));
    close(fd);
    /* told at once, which lets both return; closed after the last */
    ck_assert(double_wait(&t.world, &t.world.closed, 1));
    ck_assert_uint_eq(t.world.gone, 1);
    ck_assert_uint_eq(t.world.blocked, 0);
    test_server_stop(&t);
}
END_TEST

START_TEST(server_ends_in_mid_call)
{
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    t.world.block = "perform3";
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    send_perform(fd, 1);
    ck_assert(double_wait(&t.world, &t.world.blocked, 1));
    test_server_end(&t);
    expect_closed(fd);
    ck_assert_uint_eq(t.world.gone, 1);
    ck_assert_uint_eq(t.world.closed, 1);
    close(fd);
    double_world_clear(&t.world);
}
END_TEST

/* -- keepalive ----------------------------------------------------------- */

static void
ask_keepalive(int fd)
{
    struct xfw_int args = { .value = XF_FEATURE_KEEPALIVE }, ret = { 0 };

    send_call(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 0, XF_XDR(xfw_int),
              &args);
    expect_reply(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 0, XF_XDR(xfw_int),
                 &ret);
    ck_assert_int_eq(ret.value, 1);
}

static void
start_with_keepalive(struct test_server *t, guint interval_ms, guint count)
{
    struct xf_rpc_server_config config;

    xf_rpc_server_config_init(&config);
    config.keepalive_interval_ms = interval_ms;
    config.keepalive_count = count;
    test_server_start(t, &config, NULL);
}

START_TEST(silent_client_is_dropped)
{
    struct xf_rpc_header header;
    struct test_server t;
    guint pings = 0;
    GBytes *packet;
    int fd;

    start_with_keepalive(&t, 200, 3);
    t.world.block = "perform3";
    fd = test_server_connect(&t);
    ask_keepalive(fd);
    open_raw(fd, 0);
    send_perform(fd, 1);
    for (; (packet = recv_packet(fd, &header)); pings++) {
        ck_assert_uint_eq(header.prog, XFW_KEEPALIVE);
        ck_assert_int_eq(header.proc, XFW_PING);
        g_bytes_unref(packet);
    }
    /* the first may have come before the reply above */
    ck_assert(pings >= 1 && pings <= 3);
    ck_assert(double_wait(&t.world, &t.world.closed, 1));
    ck_assert_uint_eq(t.world.gone, 1);
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(answering_client_is_kept)
{
    struct test_server t;
    int fd;

    /* a large count: a slow machine must not fail the test */
    start_with_keepalive(&t, 20, 1000);
    fd = test_server_connect(&t);
    ask_keepalive(fd);
    for (guint i = 0; i < 10; i++) {
        expect_hex(fd, PING);
        send_hex(fd, PONG);
    }
    close(fd);
    test_server_stop(&t);
}
END_TEST

/* -- sockets ------------------------------------------------------------- */

struct paths {
    char *folder;
    char *socket;
};

static void
paths_init(struct paths *p)
{
    p->folder = g_dir_make_tmp("xf-rpc-XXXXXX", NULL);
    p->socket = g_build_filename(p->folder, "run", "sock", NULL);
}

static void
paths_clear(struct paths *p)
{
    g_autofree char *run = g_path_get_dirname(p->socket);

    rmdir(run);
    ck_assert_int_eq(rmdir(p->folder), 0);
    g_free(p->folder);
    g_free(p->socket);
}

static struct paths paths;
static guint16 port;

static void
listen_both(struct test_server *t)
{
    g_autoptr(GError) err = NULL;

    port = 0;
    ck_assert(xf_rpc_server_listen_unix(t->server, paths.socket, &err));
    ck_assert(xf_rpc_server_listen_tcp(t->server, NULL, &port, &err));
    ck_assert_uint_ne(port, 0);
}

static int
connect_to(const struct xf_rpc_uri *uri)
{
    const struct timeval limit = { .tv_sec = 10 };
    g_autoptr(GError) err = NULL;
    int fd = xf_rpc_uri_connect(
        uri, g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND, &err);

    ck_assert_msg(fd >= 0, "%s", err ? err->message : "");
    g_unix_set_fd_nonblocking(fd, FALSE, NULL);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

static void
expect_secure(int fd, int value)
{
    struct xfw_int ret = { 0 };

    send_call(fd, XFW_PROC_CONNECT_IS_SECURE, 1, NULL, NULL);
    expect_reply(fd, XFW_PROC_CONNECT_IS_SECURE, 1, XF_XDR(xfw_int), &ret);
    ck_assert_int_eq(ret.value, value);
}

START_TEST(listening)
{
    struct xf_rpc_uri local = { 0 }, v4 = { .host = (char *)"127.0.0.1" };
    struct test_server t;
    struct stat st;
    int fd;

    paths_init(&paths);
    test_server_start(&t, NULL, listen_both);
    local.socket = paths.socket;
    v4.port = port;

    ck_assert_int_eq(stat(paths.socket, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    fd = connect_to(&local);
    open_raw(fd, 0);
    expect_secure(fd, 1);
    close(fd);
    fd = connect_to(&v4);
    open_raw(fd, 0);
    expect_secure(fd, 0);
    close(fd);
    test_server_stop(&t);
    /* taken away at the end */
    ck_assert_int_lt(stat(paths.socket, &st), 0);
    paths_clear(&paths);
}
END_TEST

static void
listen_twice(struct test_server *t)
{
    g_autoptr(GError) err = NULL;
    guint16 taken = 0;

    /* a live one keeps its socket */
    listen_both(t);
    ck_assert(!xf_rpc_server_listen_unix(t->server, paths.socket, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_BUSY));
    g_clear_error(&err);
    taken = port;
    ck_assert(!xf_rpc_server_listen_tcp(t->server, NULL, &taken, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_SYSTEM));
    g_clear_error(&err);
    ck_assert(!xf_rpc_server_listen_tcp(t->server, "localhost", &taken,
                                        &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
    g_clear_error(&err);
    ck_assert(!xf_rpc_server_listen_unix(t->server, "relative", &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
}

START_TEST(listening_refused)
{
    struct test_server t;

    paths_init(&paths);
    test_server_start(&t, NULL, listen_twice);
    test_server_stop(&t);
    paths_clear(&paths);
}
END_TEST

START_TEST(left_socket_is_replaced)
{
    struct xf_rpc_server_config config;
    g_autoptr(GMainContext) context = g_main_context_new();
    struct xf_rpc_backend backend = { 0 };
    struct xf_rpc_server *server;
    g_autoptr(GError) err = NULL;
    g_autofree char *kept = NULL;

    paths_init(&paths);
    kept = g_strconcat(paths.socket, ".kept", NULL);
    xf_rpc_server_config_init(&config);
    /* the socket of a daemon that died: bound, and nobody listens */
    server = xf_rpc_server_new(context, &config, &backend);
    ck_assert(xf_rpc_server_listen_unix(server, paths.socket, &err));
    ck_assert_int_eq(link(paths.socket, kept), 0);
    xf_rpc_server_free(server);
    ck_assert_int_eq(rename(kept, paths.socket), 0);

    server = xf_rpc_server_new(context, &config, &backend);
    ck_assert(xf_rpc_server_listen_unix(server, paths.socket, &err));
    xf_rpc_server_free(server);
    paths_clear(&paths);
}
END_TEST

START_TEST(no_more_clients_than_allowed)
{
    struct xf_rpc_server_config config;
    struct xf_rpc_uri local = { 0 };
    struct test_server t;
    int first, second;

    paths_init(&paths);
    xf_rpc_server_config_init(&config);
    config.max_clients = 1;
    test_server_start(&t, &config, listen_both);
    local.socket = paths.socket;
    first = connect_to(&local);
    open_raw(first, 0);
    second = connect_to(&local);
    send_hex(second, PING);
    for (guint i = 0; i < 100; i++)
        check_served(first, i);
    ck_assert_int_lt(recv(second, &(char){ 0 }, 1, MSG_DONTWAIT), 0);
    close(first);
    expect_hex(second, PONG);
    close(second);
    test_server_stop(&t);
    paths_clear(&paths);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        first_packets,
        packets_in_pieces,
        unknown_procedures,
        unknown_programs,
        odd_types_and_statuses,
        bad_lengths_drop_the_client,
        arguments_cut_at_every_length,
        before_open,
        open_names,
        second_open_is_refused,
        close_is_done_when_answered,
        read_only,
        driver_lacks_a_call,
        driver_errors,
        lists,
        quick_calls_pass_slow_ones,
        two_hundred_performs,
        calls_of_one_client_are_bounded,
        a_client_that_reads_nothing_is_not_read,
        client_goes_idle,
        client_goes_in_mid_call,
        server_ends_in_mid_call,
        silent_client_is_dropped,
        answering_client_is_kept,
        listening,
        listening_refused,
        left_socket_is_replaced,
        no_more_clients_than_allowed,
        NULL
    };

    return xf_unit_main("rpc-server", tests);
}
