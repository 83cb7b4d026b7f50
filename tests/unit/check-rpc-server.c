/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server's answers: to good packets and bad ones, before and after open,
 * to many calls at a time. */
#include "config.h"

#include "protocol/rpc/link.h"
#include "tests/unit/rpc-common.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- packets ------------------------------------------------------------- */

#define AUTH_LIST \
    "0000001c 20008086 00000001 00000042 00000000 00000000 00000000"
#define AUTH_LIST_REPLY \
    "00000024 20008086 00000001 00000042 00000001 00000000 00000000" \
    "00000001 00000000"
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
    static const int numbers[] = { 0,   -1,  8,   107, 169, 318,
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

/* A driver call is one that needs the driver, whoever answers it: of the
 * features keepalive alone can be asked for. */
START_TEST(before_open)
{
    static const int features[] = {
        XF_FEATURE_MIGRATION_V3, XF_FEATURE_TYPED_PARAM_STRING,
        XF_FEATURE_EVENT_CALLBACK, XF_FEATURE_XENFERRY,
    };
    struct xfw_int feature = { .value = XF_FEATURE_KEEPALIVE };
    struct xfw_int ret = { 0 };
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    send_call(fd, XFW_PROC_CONNECT_GET_HOSTNAME, 1, NULL, NULL);
    expect_error(fd, XFW_PROC_CONNECT_GET_HOSTNAME, 1, 1, 7,
                 "internal error: hypervisor connection not open");
    send_call(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 2, XF_XDR(xfw_int),
              &feature);
    expect_reply(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 2, XF_XDR(xfw_int),
                 &ret);
    ck_assert_int_eq(ret.value, 1);
    for (gsize i = 0; i < G_N_ELEMENTS(features); i++) {
        feature.value = features[i];
        send_call(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 3, XF_XDR(xfw_int),
                  &feature);
        expect_error(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 3, 1, 7,
                     "internal error: hypervisor connection not open");
    }
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

START_TEST(who_does_not_open_is_dropped)
{
    struct xf_rpc_server_config config;
    struct test_server t;
    int open, mute;

    xf_rpc_server_config_init(&config);
    config.open_timeout_ms = 500;
    test_server_start(&t, &config, NULL);
    open = test_server_connect(&t);
    open_raw(open, 0);
    mute = test_server_connect(&t);
    expect_closed(mute);
    check_served(open, 1);
    close(open);
    close(mute);
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

/* What is not offered is denied as a feature and refused as a procedure,
 * whatever the driver can do; an offered one gets as far as its arguments,
 * of which there are none here. */
static const struct {
    int proc;
    guint protocols;
} phases[] = {
    { 61, XF_PROTOCOL_V1 }, { 62, XF_PROTOCOL_V1 | XF_PROTOCOL_V2 },
    { 63, XF_PROTOCOL_V1 }, { 108, XF_PROTOCOL_V2 }, { 109, XF_PROTOCOL_V2 },
    { 148, XF_PROTOCOL_V2 },
    { 213, XF_PROTOCOL_V3 }, { 214, XF_PROTOCOL_V3 },
    { 216, XF_PROTOCOL_V3 }, { 217, XF_PROTOCOL_V3 },
    { 218, XF_PROTOCOL_V3 }, { 302, XF_PROTOCOL_V3_PARAMS },
    { 303, XF_PROTOCOL_V3_PARAMS }, { 305, XF_PROTOCOL_V3_PARAMS },
    { 306, XF_PROTOCOL_V3_PARAMS }, { 307, XF_PROTOCOL_V3_PARAMS },
};

static int
every_feature(struct xf_conn *conn, int feature, GError **err)
{
    return 1;
}

static void
check_features(int fd, guint offered)
{
    static const struct {
        int feature;
        guint protocol;
    } rows[] = {
        { 1, XF_PROTOCOL_V1 }, { 3, XF_PROTOCOL_V2 }, { 6, XF_PROTOCOL_V3 },
        { 13, XF_PROTOCOL_V3_PARAMS }, { 4, XF_PROTOCOL_P2P },
        { 7, XF_PROTOCOL_ALL },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct xfw_int args = { rows[i].feature }, ret = { -1 };

        send_call(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 2, XF_XDR(xfw_int),
                  &args);
        expect_reply(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 2,
                     XF_XDR(xfw_int), &ret);
        ck_assert_int_eq(ret.value, (rows[i].protocol & offered) != 0);
    }
}

START_TEST(protocols_that_are_offered)
{
    struct xf_driver driver = double_driver;

    driver.supports_feature = every_feature;
    for (guint offered = 1; offered <= XF_PROTOCOL_ALL; offered++) {
        struct xf_rpc_server_config config;
        struct test_server t;
        int fd;

        xf_rpc_server_config_init(&config);
        config.protocols = offered;
        test_server_start(&t, &config, NULL);
        t.world.driver = &driver;
        fd = test_server_connect(&t);
        open_raw(fd, 0);
        check_features(fd, offered);
        for (gsize i = 0; i < G_N_ELEMENTS(phases); i++) {
            gboolean may = phases[i].protocols & offered;

            send_call(fd, phases[i].proc, i + 3, NULL, NULL);
            expect_error(fd, phases[i].proc, i + 3, may ? 39 : 3,
                         may ? 7 : 20,
                         may ? "" : "this function is not supported: vir");
        }
        close(fd);
        test_server_stop(&t);
    }
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

/* A device model that does not answer holds up whoever asks what its domain
 * is: more of them than any small pool has threads. */
START_TEST(descriptions_that_hang_delay_no_other)
{
    enum { N = 100 };
    struct xfw_dom_flags_args xml = { .flags = 0 };
    struct xfw_dom args;
    struct test_server t;
    int fd, other;

    test_server_start(&t, NULL, NULL);
    t.world.block = "domain_xml";
    fd = test_server_connect(&t);
    other = test_server_connect(&t);
    open_raw(fd, 0);
    open_raw(other, 0);
    fill_domain(&xml.dom);
    fill_domain(&args.dom);
    for (guint i = 0; i < N; i++)
        send_call(fd, XFW_PROC_DOMAIN_GET_XML_DESC, i,
                  XF_XDR(xfw_dom_flags_args), &xml);
    ck_assert(double_wait(&t.world, &t.world.blocked, N));
    for (int i = 0; i < 2; i++) {
        int client = i ? other : fd;

        ck_assert_uint_eq(count_listed(client, 3), 1);
        send_call(client, XFW_PROC_DOMAIN_ABORT_JOB, N, XF_XDR(xfw_dom),
                  &args);
        expect_reply(client, XFW_PROC_DOMAIN_ABORT_JOB, N, NULL, NULL);
    }
    ck_assert_uint_eq(t.world.blocked, N);
    double_release(&t.world);
    for (guint i = 0; i < N; i++) {
        struct xf_rpc_header header;
        g_autoptr(GBytes) reply = recv_packet(fd, &header);

        ck_assert_ptr_nonnull(reply);
        ck_assert_int_eq(header.proc, XFW_PROC_DOMAIN_GET_XML_DESC);
        ck_assert_uint_eq(header.status, XFW_OK);
    }
    close(fd);
    close(other);
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

/* What counts is what is under way, not what has ever been: large calls one
 * after the other, 72 MiB of them. */
START_TEST(large_calls_are_answered_for_ever)
{
    g_autofree char *name = g_strnfill(XFW_STRING_MAX, 'n');
    struct xfw_name_args args = { .name = name };
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    for (guint i = 0; i < 18; i++) {
        struct xfw_dom ret = { 0 };

        send_call(fd, XFW_PROC_DOMAIN_LOOKUP_BY_NAME, i,
                  XF_XDR(xfw_name_args), &args);
        expect_reply(fd, XFW_PROC_DOMAIN_LOOKUP_BY_NAME, i, XF_XDR(xfw_dom),
                     &ret);
        xdr_free(XF_XDR(xfw_dom), &ret);
        g_free(double_take_line(&t.world));
    }
    close(fd);
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
        who_does_not_open_is_dropped,
        second_open_is_refused,
        close_is_done_when_answered,
        read_only,
        driver_lacks_a_call,
        driver_errors,
        protocols_that_are_offered,
        lists,
        quick_calls_pass_slow_ones,
        descriptions_that_hang_delay_no_other,
        two_hundred_performs,
        calls_of_one_client_are_bounded,
        large_calls_are_answered_for_ever,
        a_client_that_reads_nothing_is_not_read,
        NULL
    };

    return xf_unit_main("rpc-server", tests);
}
