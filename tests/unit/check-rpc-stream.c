/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams: bytes through a connection, both ways, and how they end. */
#include "config.h"

#include "protocol/rpc/client.h"
#include "protocol/rpc/remote.h"
#include "tests/unit/rpc-common.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB (1024 * 1024)
/* Far more than may wait anywhere: sockets, queues. */
#define MUCH (16 * MIB)
#define QUIET_MS 1000

static struct test_server t;
static struct xf_conn *conn;
static struct xf_tunnel tunnel;

static void
set_up(void)
{
    g_autoptr(GError) err = NULL;

    test_server_start(&t, NULL, NULL);
    conn = xf_remote_open_fd(test_server_connect(&t), "test", NULL, &err);
    ck_assert_msg(conn != NULL, "%s", err ? err->message : "");
    tunnel = XF_TUNNEL_NONE;
}

static void
tear_down(void)
{
    xf_tunnel_clear(&tunnel);
    xf_conn_close(conn);
    xf_close_fd(&t.world.tunnel);
    test_server_stop(&t);
}

static void
open_tunnel(void)
{
    const struct xf_migrate_args args = { .flags = XF_MIGRATE_TUNNELLED,
                                          .xml = "<x/>" };
    g_autoptr(GBytes) cookie = NULL;
    g_autoptr(GError) err = NULL;

    ck_assert_msg(conn->driver->prepare_tunnel3(conn, &args, &tunnel,
                                                &cookie, &err),
                  "%s", err ? err->message : "");
    ck_assert_uint_eq(g_bytes_get_size(cookie), 2);
    ck_assert_mem_eq(g_bytes_get_data(cookie, NULL), "T3", 2);
    ck_assert_int_ge(tunnel.fd, 0);
    ck_assert_int_ge(tunnel.wire, 0);
}

static void
still_served(void)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *name = conn->driver->get_hostname(conn, &err);

    ck_assert_msg(name != NULL, "%s", err ? err->message : "");
}

/* -- bytes -- */

static guint8
byte_at(gsize i)
{
    return i * 7 + (i >> 8) * 13 + (i >> 16);
}

struct writer {
    int fd;
    gsize len;
    gboolean ok;
};

static gpointer
write_all(gpointer data)
{
    struct writer *writer = data;
    guint8 buf[10000];

    for (gsize done = 0; done < writer->len;) {
        gsize len = MIN(sizeof(buf), writer->len - done);

        for (gsize i = 0; i < len; i++)
            buf[i] = byte_at(done + i);

        ssize_t r = send(writer->fd, buf, len, MSG_NOSIGNAL);

        if (r <= 0)
            return NULL;
        done += r;
    }
    writer->ok = TRUE;
    return NULL;
}

static void
read_pattern(int fd, gsize from, gsize len)
{
    guint8 buf[64 * 1024];

    for (gsize done = 0; done < len;) {
        ssize_t r = read(fd, buf, MIN(sizeof(buf), len - done));

        ck_assert_int_gt(r, 0);
        for (ssize_t i = 0; i < r; i++)
            if (buf[i] != byte_at(from + done + i))
                ck_abort_msg("byte %zu is another", from + done + i);
        done += r;
    }
}

static void
carry(int from, int to)
{
    struct writer writer = { from, MUCH, FALSE };
    GThread *thread = g_thread_new("writer", write_all, &writer);

    read_pattern(to, 0, MUCH);
    g_thread_join(thread);
    ck_assert(writer.ok);
}

static void
read_end(int fd)
{
    char c;
    ssize_t r = read(fd, &c, 1);

    /* the second: closed before all was read that had come */
    ck_assert(r == 0 || (r < 0 && errno == ECONNRESET));
}

START_TEST(both_ways)
{
    open_tunnel();
    carry(tunnel.fd, t.world.tunnel);
    carry(t.world.tunnel, tunnel.fd);
    still_served();
}
END_TEST

START_TEST(both_ways_at_once)
{
    open_tunnel();

    struct writer down = { tunnel.fd, MUCH, FALSE };
    struct writer up = { t.world.tunnel, MUCH, FALSE };
    GThread *threads[] = { g_thread_new("down", write_all, &down),
                           g_thread_new("up", write_all, &up) };

    for (gsize done = 0; done < MUCH; done += MIB) {
        read_pattern(t.world.tunnel, done, MIB);
        read_pattern(tunnel.fd, done, MIB);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    ck_assert(down.ok && up.ok);
}
END_TEST

/* Writes until nothing has been taken for a while; how much was. */
static gsize
fill(int fd)
{
    struct pollfd pollfd = { .fd = fd, .events = POLLOUT };
    guint8 buf[4096];
    gsize done = 0;

    while (done < MUCH && poll(&pollfd, 1, QUIET_MS) > 0) {
        for (gsize i = 0; i < sizeof(buf); i++)
            buf[i] = byte_at(done + i);

        ssize_t r = send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);

        ck_assert(r > 0 || errno == EAGAIN);
        done += MAX(r, 0);
    }
    return done;
}

/* Who reads nothing makes the writer wait, over the connection; nothing is
 * lost. */
START_TEST(a_slow_reader)
{
    open_tunnel();

    int from = _i ? t.world.tunnel : tunnel.fd;
    int to = _i ? tunnel.fd : t.world.tunnel;
    gsize len = fill(from);

    ck_assert_uint_lt(len, MUCH / 2);
    read_pattern(to, 0, len);
    still_served();
}
END_TEST

/* -- ends -- */

/* What was written before the end arrives before it. */
START_TEST(an_end_comes_last)
{
    open_tunnel();

    int *from = _i ? &t.world.tunnel : &tunnel.fd;
    int to = _i ? tunnel.fd : t.world.tunnel;
    gsize len = fill(*from);

    xf_close_fd(from);
    read_pattern(to, 0, len);
    read_end(to);
    still_served();
}
END_TEST

/* ... and who still writes hears of it. */
START_TEST(nobody_reads_any_more)
{
    open_tunnel();

    int *closed = _i ? &t.world.tunnel : &tunnel.fd;
    struct writer writer = { _i ? tunnel.fd : t.world.tunnel, G_MAXSIZE,
                             FALSE };
    GThread *thread = g_thread_new("writer", write_all, &writer);

    xf_close_fd(closed);
    g_thread_join(thread);
    ck_assert(!writer.ok);
    still_served();
}
END_TEST

START_TEST(the_connection_is_cut)
{
    open_tunnel();
    shutdown(tunnel.wire, SHUT_RDWR);
    read_end(tunnel.fd);
    read_end(t.world.tunnel);
}
END_TEST

START_TEST(the_server_ends)
{
    open_tunnel();
    test_server_end(&t);
    read_end(tunnel.fd);
    read_end(t.world.tunnel);
    xf_close_fd(&t.world.tunnel);
    g_clear_pointer(&conn, xf_conn_close);
    double_world_clear(&t.world);
    test_server_start(&t, NULL, NULL);
}
END_TEST

START_TEST(the_call_fails)
{
    const struct xf_migrate_args args = { .xml = "<x/>" };
    g_autoptr(GBytes) cookie = NULL;
    g_autoptr(GError) err = NULL;

    g_mutex_lock(&t.world.lock);
    t.world.fail = g_error_new(XF_ERROR, XF_ERROR_BUSY, "no room");
    g_mutex_unlock(&t.world.lock);
    ck_assert(!conn->driver->prepare_tunnel3(conn, &args, &tunnel, &cookie,
                                             &err));
    ck_assert_str_eq(err->message, "no room");
    ck_assert_int_lt(tunnel.fd, 0);
    ck_assert_int_lt(tunnel.wire, 0);
    g_mutex_lock(&t.world.lock);
    g_clear_error(&t.world.fail);
    g_mutex_unlock(&t.world.lock);
    open_tunnel();
    carry(tunnel.fd, t.world.tunnel);
}
END_TEST

/* The one that has no place for a cookie in its reply. */
START_TEST(a_cookie_comes_first)
{
    const struct xf_migrate_args args = { .flags = XF_MIGRATE_TUNNELLED,
                                          .xml = "<x/>" };
    g_autoptr(GBytes) cookie = NULL;
    g_autoptr(GError) err = NULL;

    ck_assert_msg(conn->driver->prepare_tunnel(conn, &args, &tunnel, &cookie,
                                               &err),
                  "%s", err ? err->message : "");
    ck_assert_uint_eq(g_bytes_get_size(cookie), 2);
    ck_assert_mem_eq(g_bytes_get_data(cookie, NULL), "T2", 2);
    ck_assert_int_ge(tunnel.wire, 0);
    carry(tunnel.fd, t.world.tunnel);
    carry(t.world.tunnel, tunnel.fd);
}
END_TEST

START_TEST(there_is_no_cookie)
{
    const struct xf_migrate_args args = { .xml = "<x/>" };
    g_autoptr(GBytes) cookie = NULL;
    g_autoptr(GError) err = NULL;

    t.world.empty = TRUE;
    ck_assert(!conn->driver->prepare_tunnel(conn, &args, &tunnel, &cookie,
                                            &err));
    ck_assert_msg(strstr(err->message, "a cookie of 0 bytes"), "%s",
                  err->message);
    ck_assert_ptr_null(cookie);
    ck_assert_int_lt(tunnel.fd, 0);
    read_end(t.world.tunnel);
    still_served();
}
END_TEST

/* -- and what bad servers send there -- */

static void
play(int fd, int proc, const char *body)
{
    struct xf_rpc_header header;
    g_autoptr(GBytes) call = NULL;
    g_autoptr(GByteArray) bytes = hex(body);
    g_autofree char *packet = NULL;

    call = recv_packet(fd, &header);
    ck_assert_ptr_nonnull(call);
    ck_assert_int_eq(header.proc, proc);
    packet = g_strdup_printf("%08x 20008086 00000001 %08x 00000001 %08x "
                             "00000000 %s", XFW_PACKET_MIN + bytes->len,
                             (guint)proc, header.serial, body);
    send_hex(fd, packet);
}

static const struct bad_head {
    const char *bytes;
    const char *says;
} bad_heads[] = {
    { "00000000", "begins with a cookie of 0 bytes" },
    { "00004001", "begins with a cookie of 16385 bytes" },
    { "ffffffff", "begins with a cookie of 4294967295 bytes" },
    { "0000", "has ended before it began" },
    { "00000004 6162", "has ended before it began" },
    { "", "has ended before it began" },
};

struct bad_server {
    int fd;
    const char *bytes;
};

/* The head, and the stream's end. */
static gpointer
serve_badly(gpointer data)
{
    const struct bad_server *server = data;
    g_autoptr(GByteArray) bytes = hex(server->bytes);
    g_autofree char *packet = g_strdup_printf(
        "%08x 20008086 00000001 00000094 00000003 00000003 00000002 %s",
        XFW_PACKET_MIN + bytes->len, server->bytes);

    play(server->fd, XFW_PROC_AUTH_LIST, "00000001 00000000");
    play(server->fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, "00000001");
    play(server->fd, XFW_PROC_CONNECT_OPEN, "");
    play(server->fd, XFW_PROC_DOMAIN_MIGRATE_PREPARE_TUNNEL, "");
    if (bytes->len)
        send_hex(server->fd, packet);
    send_hex(server->fd, "0000001c 20008086 00000001 00000094 00000003 "
                         "00000003 00000000");
    return NULL;
}

START_TEST(a_bad_head)
{
    const struct xf_migrate_args args = { .xml = "<x/>" };
    struct bad_server server = { .bytes = bad_heads[_i].bytes };
    g_autoptr(GBytes) cookie = NULL;
    g_autoptr(GError) err = NULL;
    struct xf_conn *bad;
    GThread *thread;
    int fds[2];

    ck_assert_int_eq(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    server.fd = fds[0];
    thread = g_thread_new("bad", serve_badly, &server);
    bad = xf_remote_open_fd(fds[1], "bad", NULL, &err);
    ck_assert_msg(bad != NULL, "%s", err ? err->message : "");
    ck_assert(!bad->driver->prepare_tunnel(bad, &args, &tunnel, &cookie,
                                           &err));
    ck_assert_msg(strstr(err->message, bad_heads[_i].says), "%s",
                  err->message);
    ck_assert_ptr_null(cookie);
    ck_assert_int_lt(tunnel.fd, 0);
    g_thread_join(thread);
    close(fds[0]);
    xf_conn_close(bad);
}
END_TEST

START_TEST(several)
{
    struct xf_tunnel near[3];
    int far[3];

    for (gsize i = 0; i < G_N_ELEMENTS(near); i++) {
        open_tunnel();
        near[i] = tunnel;
        far[i] = t.world.tunnel;
        tunnel = XF_TUNNEL_NONE;
        t.world.tunnel = -1;
    }
    carry(near[0].fd, far[0]);
    xf_tunnel_clear(&near[1]);
    read_end(far[1]);
    carry(near[2].fd, far[2]);
    carry(far[0], near[0].fd);
    for (gsize i = 0; i < G_N_ELEMENTS(near); i++) {
        xf_tunnel_clear(&near[i]);
        xf_close_fd(&far[i]);
    }
}
END_TEST

/* -- what is on the wire -- */

static const struct {
    int proc;
    const char *digits;
} openers[] = {
    { 215, "000000d7" },
    { 304, "00000130" },
};

static int
open_stream(int i)
{
    int fd = test_server_connect(&t);
    struct xfw_prepare_tunnel3_args plain = { .dom_xml = (char *)"<x/>" };
    struct xfw_prepare3_params_args params = { 0 };
    XFW_AUTO(xfw_perform3_ret) ret = { 0 };

    open_raw(fd, 0);
    if (openers[i].proc == 215)
        send_call(fd, 215, 5, XF_XDR(xfw_prepare_tunnel3_args), &plain);
    else
        send_call(fd, 304, 5, XF_XDR(xfw_prepare3_params_args), &params);
    expect_reply(fd, openers[i].proc, 5, XF_XDR(xfw_perform3_ret), &ret);
    ck_assert_uint_eq(ret.cookie_out.xfw_cookie_len, 2);
    return fd;
}

static void
send_stream(int fd, int i, const char *length, const char *status,
            const char *bytes)
{
    g_autofree char *digits =
        g_strconcat(length, " 20008086 00000001 ", openers[i].digits,
                    " 00000003 00000005 ", status, bytes, NULL);

    send_hex(fd, digits);
}

static void
expect_stream(int fd, int i, const char *length, const char *status,
              const char *bytes)
{
    g_autofree char *digits =
        g_strconcat(length, " 20008086 00000001 ", openers[i].digits,
                    " 00000003 00000005 ", status, bytes, NULL);

    expect_hex(fd, digits);
}

/* Data, then the client's end (0) or its abort (1): both are answered. */
START_TEST(packets)
{
    static const char *const ends[] = { "00000000", "00000001" };
    int i = _i % 2;
    XF_AUTO_FD int fd = open_stream(i);
    char text[2];

    send_stream(fd, i, "0000001e", "00000002", "6869");
    ck_assert_int_eq(read(t.world.tunnel, text, 2), 2);
    ck_assert_mem_eq(text, "hi", 2);
    ck_assert_int_eq(write(t.world.tunnel, "ok", 2), 2);
    expect_stream(fd, i, "0000001e", "00000002", "6f6b");
    send_stream(fd, i, "0000001c", "00000002", "");
    send_stream(fd, i, "0000001c", ends[_i / 2], "");
    expect_stream(fd, i, "0000001c", "00000000", "");
    read_end(t.world.tunnel);
    /* there is no such stream any more */
    send_stream(fd, i, "0000001e", "00000002", "6869");
    send_stream(fd, i, "0000001c", "00000000", "");
    check_served(fd, 6);
}
END_TEST

START_TEST(the_servers_end)
{
    XF_AUTO_FD int fd = open_stream(1);
    struct xf_rpc_header header;
    g_autoptr(GBytes) packet = NULL;
    g_autoptr(GError) err = NULL;

    xf_close_fd(&t.world.tunnel);
    packet = recv_packet(fd, &header);
    ck_assert_ptr_nonnull(packet);
    ck_assert_int_eq(header.proc, 304);
    ck_assert_uint_eq(header.type, XFW_STREAM);
    ck_assert_uint_eq(header.serial, 5);
    ck_assert_uint_eq(header.status, XFW_ERROR);
    xf_rpc_error_decode(packet, &err);
    ck_assert_str_eq(err->message,
                     "the stream was closed at the other end");
    send_stream(fd, 1, "0000001e", "00000002", "6869");
    check_served(fd, 6);
}
END_TEST

/* Packets of another call's, before the reply, or of none. */
START_TEST(packets_of_no_stream)
{
    XF_AUTO_FD int fd = open_stream(0);
    char text[2];

    send_stream(fd, 1, "0000001e", "00000002", "6161");
    send_hex(fd, "0000001e 20008086 00000001 000000d7 00000003 00000006 "
                 "00000002 6262");
    send_stream(fd, 0, "0000001e", "00000002", "6869");
    ck_assert_int_eq(read(t.world.tunnel, text, 2), 2);
    ck_assert_mem_eq(text, "hi", 2);
    check_served(fd, 7);
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { both_ways, 1 },
        { both_ways_at_once, 1 },
        { a_slow_reader, 2 },
        { an_end_comes_last, 2 },
        { nobody_reads_any_more, 2 },
        { the_connection_is_cut, 1 },
        { the_server_ends, 1 },
        { the_call_fails, 1 },
        { a_cookie_comes_first, 1 },
        { there_is_no_cookie, 1 },
        { a_bad_head, G_N_ELEMENTS(bad_heads) },
        { several, 1 },
        { packets, 4 },
        { the_servers_end, 1 },
        { packets_of_no_stream, 1 },
        { NULL, 0 },
    };

    return xf_unit_main_rows("rpc-stream", tests, XF_UNIT_TIMEOUT, set_up,
                             tear_down);
}
