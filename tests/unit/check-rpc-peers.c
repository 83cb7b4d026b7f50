/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client and its peers: servers that are hostile, old, silent or not
 * there, and the uris that lead to them. */
#include "config.h"

#include "protocol/rpc/client.h"
#include "protocol/rpc/uri.h"
#include "tests/unit/rpc-common.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- bad servers --------------------------------------------------------- */

/* A server in a thread that plays a script over one end of a socketpair. */
struct script {
    int fd;
    void (*play)(int fd);
};

static gpointer
play_script(gpointer data)
{
    struct script *s = data;

    s->play(s->fd);
    close(s->fd);
    return NULL;
}

/* Takes any call and answers with this body. */
static void
answer(int fd, int proc, const char *body)
{
    struct xf_rpc_header header;
    g_autoptr(GBytes) call = recv_packet(fd, &header);
    g_autofree char *packet = NULL;
    g_autoptr(GByteArray) bytes = hex(body);

    ck_assert_ptr_nonnull(call);
    ck_assert_int_eq(header.proc, proc);
    packet = g_strdup_printf("%08x 20008086 00000001 %08x 00000001 %08x "
                             "00000000 %s", XFW_PACKET_MIN + bytes->len,
                             (guint)proc, header.serial, body);
    send_hex(fd, packet);
}

static void
play_open(int fd)
{
    answer(fd, XFW_PROC_AUTH_LIST, "00000001 00000000");
    answer(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, "00000001");
    answer(fd, XFW_PROC_CONNECT_OPEN, "");
}

/* Runs get_hostname against the script; its error. */
static GError *
hostname_against(void (*play)(int fd), const struct xf_remote_config *config)
{
    const struct timeval limit = { .tv_sec = 30 };
    struct script script = { .play = play };
    GError *err = NULL;
    struct xf_conn *c;
    GThread *thread;
    int fds[2];

    ck_assert_int_eq(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    script.fd = fds[0];
    thread = g_thread_new("script", play_script, &script);
    c = xf_remote_open_fd(fds[1], "bad", config, &err);
    if (c) {
        g_free(c->driver->get_hostname(c, &err));
        xf_conn_close(c);
    }
    g_thread_join(thread);
    return err;
}

static void
play_hang_up(int fd)
{
    struct xf_rpc_header header;

    play_open(fd);
    g_bytes_unref(recv_packet(fd, &header));
}

static void
play_wrong_serial(int fd)
{
    struct xf_rpc_header header;

    play_open(fd);
    g_bytes_unref(recv_packet(fd, &header));
    send_hex(fd, "0000001c 20008086 00000001 0000003b 00000001 00007777"
                 "00000000");
    expect_closed(fd);
}

static void
play_wrong_procedure(int fd)
{
    struct xf_rpc_header header;

    play_open(fd);
    g_bytes_unref(recv_packet(fd, &header));
    send_hex(fd, "0000001c 20008086 00000001 0000003c 00000001 00000003"
                 "00000000");
    expect_closed(fd);
}

static void
play_bad_length(int fd)
{
    struct xf_rpc_header header;

    play_open(fd);
    g_bytes_unref(recv_packet(fd, &header));
    send_hex(fd, "ffffffff 20008086");
    expect_closed(fd);
}

static void
play_call_back(int fd)
{
    struct xf_rpc_header header;

    play_open(fd);
    g_bytes_unref(recv_packet(fd, &header));
    send_hex(fd, "0000001c 20008086 00000001 00000042 00000000 00000000"
                 "00000000");
    expect_closed(fd);
}

static void
play_garbled_reply(int fd)
{
    play_open(fd);
    /* a string of 16 bytes of which 4 are there */
    answer(fd, XFW_PROC_CONNECT_GET_HOSTNAME, "00000010 61626364");
    answer(fd, XFW_PROC_CONNECT_CLOSE, "");
}

static void
play_odd_status(int fd)
{
    struct xf_rpc_header header;

    play_open(fd);
    g_bytes_unref(recv_packet(fd, &header));
    send_hex(fd, "0000001c 20008086 00000001 0000003b 00000001 00000003"
                 "00000002");
    answer(fd, XFW_PROC_CONNECT_CLOSE, "");
}

START_TEST(hostile_servers)
{
    static const struct {
        void (*play)(int fd);
        int code;
    } cases[] = {
        { play_hang_up, XF_ERROR_NO_CONNECT },
        { play_wrong_serial, XF_ERROR_NO_CONNECT },
        { play_wrong_procedure, XF_ERROR_NO_CONNECT },
        { play_bad_length, XF_ERROR_NO_CONNECT },
        { play_call_back, XF_ERROR_NO_CONNECT },
        { play_garbled_reply, XF_ERROR_RPC },
        { play_odd_status, XF_ERROR_RPC },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) err = hostname_against(cases[i].play, NULL);

        ck_assert_msg(g_error_matches(err, XF_ERROR, cases[i].code),
                      "script %zu: %s", i, err ? err->message : "no error");
    }
}
END_TEST

static void
lack(int fd)
{
    struct xf_rpc_header header;
    g_autoptr(GBytes) call = recv_packet(fd, &header);
    g_autoptr(GError) why = g_error_new(XF_ERROR, XF_ERROR_RPC,
                                        "unknown procedure: %d", header.proc);
    g_autoptr(GBytes) reply = xf_rpc_error_packet(&header, why, XFW_FROM_RPC);

    ck_assert_ptr_nonnull(call);
    send_bytes(fd, g_bytes_get_data(reply, NULL), g_bytes_get_size(reply));
}

/* Has neither authentication nor features; and pings. */
static void
play_old_server(int fd)
{
    const char *pong = "0000001c 6b656570 00000001 00000002 00000002"
                       "00000000 00000000";
    struct xf_rpc_header header;
    g_autoptr(GBytes) next = NULL;
    g_autofree char *reply = NULL;

    lack(fd);
    lack(fd);
    answer(fd, XFW_PROC_CONNECT_OPEN, "");
    send_hex(fd, "0000001c 6b656570 00000001 00000001 00000002 00000000"
                 "00000000");
    /* the pong and the call cross in any order */
    next = recv_packet(fd, &header);
    if (header.prog == XFW_KEEPALIVE) {
        answer(fd, XFW_PROC_CONNECT_GET_HOSTNAME, "00000001 61000000");
    } else {
        expect_hex(fd, pong);
        reply = g_strdup_printf("00000024 20008086 00000001 0000003b "
                                "00000001 %08x 00000000 00000001 61000000",
                                header.serial);
        send_hex(fd, reply);
    }
    answer(fd, XFW_PROC_CONNECT_CLOSE, "");
}

START_TEST(old_server)
{
    g_autoptr(GError) err = hostname_against(play_old_server, NULL);

    ck_assert_msg(!err, "%s", err ? err->message : "");
}
END_TEST

static void
play_wants_password(int fd)
{
    answer(fd, XFW_PROC_AUTH_LIST, "00000001 00000001");
    expect_closed(fd);
}

START_TEST(authentication_is_not_ours)
{
    g_autoptr(GError) err = hostname_against(play_wants_password, NULL);

    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_DENIED));
}
END_TEST

static void
play_silence(int fd)
{
    struct xf_rpc_header header;

    g_bytes_unref(recv_packet(fd, &header));
    expect_closed(fd);
}

START_TEST(silent_server_at_open)
{
    struct xf_remote_config config = { .open_timeout_ms = 50 };
    g_autoptr(GError) err = hostname_against(play_silence, &config);

    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_TIMEOUT));
}
END_TEST

static void
play_deaf(int fd)
{
    struct xf_rpc_header header;
    GBytes *packet;

    play_open(fd);
    /* takes all, says nothing, until the client gives it up */
    while ((packet = recv_packet(fd, &header)))
        g_bytes_unref(packet);
}

START_TEST(silent_server_in_a_call)
{
    struct xf_remote_config config = {
        .open_timeout_ms = 10000,
        .keepalive_interval_ms = 20,
        .keepalive_count = 2,
    };
    g_autoptr(GError) err = hostname_against(play_deaf, &config);

    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_NO_CONNECT));
    ck_assert_ptr_nonnull(strstr(err->message, "keepalive"));
}
END_TEST

/* -- uris ---------------------------------------------------------------- */

START_TEST(uris_taken)
{
    static const struct {
        const char *text, *socket, *host;
        guint16 port;
    } cases[] = {
        { "xen:///system", XF_REMOTE_SOCKET, NULL, 0 },
        { "xen:///", XF_REMOTE_SOCKET, NULL, 0 },
        { "xen+unix:///system", XF_REMOTE_SOCKET, NULL, 0 },
        { "xen+unix:///system?socket=/a/b", "/a/b", NULL, 0 },
        { "xen+unix:///system?socket=%2Fa%20b", "/a b", NULL, 0 },
        { "xen+tcp://h/system", NULL, "h", 16509 },
        { "xen+tcp://h:1/", NULL, "h", 1 },
        { "xen+tcp://192.0.2.1:65535/system", NULL, "192.0.2.1", 65535 },
        { "xen+tcp://[2001:db8::1]:17/system", NULL, "2001:db8::1", 17 },
        { "xen+tcp://[::1]/system", NULL, "::1", 16509 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) err = NULL;
        XF_AUTO(xf_rpc_uri) *uri = xf_rpc_uri_parse(cases[i].text, &err);

        ck_assert_msg(uri != NULL, "%s: %s", cases[i].text,
                      err ? err->message : "");
        ck_assert_pstr_eq(uri->socket, cases[i].socket);
        ck_assert_pstr_eq(uri->host, cases[i].host);
        ck_assert_uint_eq(uri->port, cases[i].port);
    }
}
END_TEST

START_TEST(uris_refused)
{
    static const char *const bad[] = {
        "", "xen", "host", "qemu:///system", "xen://host/system",
        "xen+tls://host/system", "xen+ssh://host/system", "xen+tcp:///system",
        "xen+tcp://h/session", "xen+tcp://h:0/system",
        "xen+tcp://h:65536/system", "xen+tcp://h:x/system",
        "xen+tcp://u@h/system", "xen+tcp://h/system?socket=/a",
        "xen+unix://h/system", "xen+unix:///system?socket=a",
        "xen+unix:///system?mode=direct", "xen+unix:///system?socket=",
        "xen+unix:///system?socket=/a&x=y", "xen:///system?socket=/a",
        "xen+tcp://[::1/system",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;

        ck_assert_msg(!xf_rpc_uri_parse(bad[i], &err), "%s", bad[i]);
        ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
        ck_assert_ptr_nonnull(strstr(err->message, bad[i]));
    }
}
END_TEST

START_TEST(nobody_there)
{
    static const char *const uris[] = {
        "xen+unix:///system?socket=/nonexistent/socket",
        "xen+tcp://127.0.0.1:1/system",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(uris); i++) {
        g_autoptr(GError) err = NULL;

        ck_assert_ptr_null(xf_remote_open(uris[i], &err));
        ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_NO_CONNECT));
        ck_assert_ptr_nonnull(strstr(err->message, "is xenferryd running"));
    }
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        hostile_servers,
        old_server,
        authentication_is_not_ours,
        silent_server_at_open,
        silent_server_in_a_call,
        uris_taken,
        uris_refused,
        nobody_there,
        NULL
    };

    return xf_unit_main("rpc-peers", tests);
}
