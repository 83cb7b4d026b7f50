/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The channel: handshakes good and bad, messages, socket options. */
#include "config.h"

#include "tests/unit/channel-host.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- the good path -- */

static void
assert_option(int fd, int level, int option, int want)
{
    int value = -1;
    socklen_t len = sizeof(value);

    ck_assert_int_eq(getsockopt(fd, level, option, &value, &len), 0);
    ck_assert_int_eq(value, want);
}

static void
assert_well_set(int fd)
{
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    assert_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    assert_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 20000);
    assert_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    assert_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 5);
    assert_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
}

START_TEST(every_purpose)
{
    struct xf_chan_host host = { 0 };

    xf_chan_host_open(&host, 10000, 0);
    for (int p = XF_CHANNEL_STREAM; p < XF_CHANNEL_PURPOSE_LAST; p++) {
        int client, server;
        enum xf_channel_msg msg;

        xf_chan_dial_pair(&host, p, &client, &server);
        assert_well_set(client);
        assert_well_set(server);
        ck_assert(xf_channel_send(client, XF_MSG_END_PAUSED, NULL));
        ck_assert(xf_channel_recv(server, TIMEOUT_MS, &msg, NULL));
        ck_assert_int_eq(msg, XF_MSG_END_PAUSED);
        ck_assert(xf_channel_send(server, XF_MSG_COMMITTED, NULL));
        ck_assert(xf_channel_recv(client, -1, &msg, NULL));
        ck_assert_int_eq(msg, XF_MSG_COMMITTED);
        close(client);
        close(server);
    }
    xf_chan_host_close(&host);
}
END_TEST

START_TEST(every_message)
{
    static const enum xf_channel_msg all[] = {
        XF_MSG_END, XF_MSG_END_PAUSED, XF_MSG_COMMIT, XF_MSG_RECEIVED,
        XF_MSG_UNDECIDED, XF_MSG_COMMITTED, XF_MSG_REVOKED, XF_MSG_REFUSED,
        XF_MSG_OK, XF_MSG_HOLDS, XF_MSG_LET_GO,
    };
    struct xf_chan_host host = { 0 };
    int client, server;

    xf_chan_host_open(&host, 10000, 0);
    xf_chan_dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
        enum xf_channel_msg msg;
        g_autoptr(GError) err = NULL;

        ck_assert(xf_channel_send(client, all[i], NULL));
        ck_assert_msg(xf_channel_recv(server, TIMEOUT_MS, &msg, &err), "%s",
                      err ? err->message : "");
        ck_assert_int_eq(msg, all[i]);
    }
    close(client);
    close(server);
    xf_chan_host_close(&host);
}
END_TEST

/* A client by hand, all bytes as the header has them; what it sends with its
 * proof belongs to whoever gets the fd. */
START_TEST(raw_client)
{
    struct xf_chan_host host = { 0 };
    guint8 preamble[PREAMBLE_LEN], greeting[GREETING_LEN], want[32];
    guint8 last[32 + 5];
    char stream[5];

    xf_chan_host_open(&host, 10000, 0);

    int fd = xf_chan_raw_connect(host.port);

    xf_chan_raw_preamble(preamble, 1, XF_CHANNEL_RESOLVE);
    xf_chan_write_all(fd, preamble, sizeof(preamble));
    ck_assert(xf_chan_read_all(fd, greeting, sizeof(greeting)));
    ck_assert_int_eq(greeting[0], XF_VERDICT_OK);
    xf_chan_raw_proof("server", preamble, greeting + 1, want);
    ck_assert_mem_eq(greeting + 33, want, 32);
    xf_chan_raw_proof("client", preamble, greeting + 1, last);
    memcpy(last + 32, "Libxl", 5);
    xf_chan_write_all(fd, last, sizeof(last));

    g_autofree struct xf_chan_visitor *v = xf_chan_host_next(&host);

    ck_assert_int_eq(v->purpose, XF_CHANNEL_RESOLVE);
    ck_assert_str_eq(v->token, TOKEN);
    ck_assert(xf_chan_read_all(v->fd, stream, 5));
    ck_assert_mem_eq(stream, "Libxl", 5);
    xf_chan_assert_verdict(fd, XF_VERDICT_OK);
    close(fd);
    xf_chan_assert_closed(v->fd);
    close(v->fd);
    xf_chan_host_close(&host);
}
END_TEST

struct raw_server {
    int listener;
    gboolean lie;
};

static void *
raw_server_thread(void *user)
{
    struct raw_server *s = user;
    guint8 preamble[PREAMBLE_LEN], greeting[GREETING_LEN] = { 0 };
    guint8 proof[32], want[32];
    int fd = xf_chan_raw_accept(s->listener);

    ck_assert(xf_chan_read_all(fd, preamble, sizeof(preamble)));
    memset(greeting + 1, 0x51, 32);
    xf_chan_raw_proof("server", preamble, greeting + 1, greeting + 33);
    if (s->lie)
        preamble[11] ^= 1;
    if (s->lie)
        xf_chan_raw_proof("server", preamble, greeting + 1, greeting + 33);
    xf_chan_write_all(fd, greeting, sizeof(greeting));
    if (!s->lie) {
        ck_assert(xf_chan_read_all(fd, proof, sizeof(proof)));
        xf_chan_raw_proof("client", preamble, greeting + 1, want);
        ck_assert_mem_eq(proof, want, 32);
        /* the verdict and the first bytes of what follows in one go */
        xf_chan_write_all(fd, "\0rest", 5);
    }
    close(fd);
    return NULL;
}

START_TEST(raw_server)
{
    struct raw_server s = { 0 };
    struct xf_chan_host host = { 0 };
    g_autoptr(GError) err = NULL;
    char rest[4];

    s.listener = xf_chan_raw_listen(&host.port);

    GThread *thread = g_thread_new("server", raw_server_thread, &s);
    int fd = xf_chan_dial(&host, XF_CHANNEL_STREAM, TOKEN, TOKEN, &err);

    g_assert_no_error(err);
    ck_assert(xf_chan_read_all(fd, rest, sizeof(rest)));
    ck_assert_mem_eq(rest, "rest", 4);
    g_thread_join(thread);
    close(fd);
    close(s.listener);
}
END_TEST

/* Somebody on the way who turns one purpose into another gets no further:
 * what he has proved to him is not what the client asked for. */
START_TEST(purpose_swapped_on_the_way)
{
    struct raw_server s = { .lie = TRUE };
    struct xf_chan_host host = { 0 };
    g_autoptr(GError) err = NULL;

    s.listener = xf_chan_raw_listen(&host.port);

    GThread *thread = g_thread_new("server", raw_server_thread, &s);

    ck_assert_int_eq(
        xf_chan_dial(&host, XF_CHANNEL_RESOLVE, TOKEN, TOKEN, &err), -1);
    xf_chan_assert_code(err, XF_ERROR_DENIED);
    g_thread_join(thread);
    close(s.listener);
}
END_TEST

/* -- refusals -- */

START_TEST(wrong_key)
{
    struct xf_chan_host host = { 0 };
    g_autoptr(GError) err = NULL;

    xf_chan_host_open(&host, 10000, 0);
    ck_assert_int_eq(
        xf_chan_dial(&host, XF_CHANNEL_STREAM, TOKEN, UNKNOWN, &err), -1);
    xf_chan_assert_code(err, XF_ERROR_DENIED);
    ck_assert_ptr_nonnull(strstr(err->message, "does not hold"));
    xf_chan_host_close(&host);
}
END_TEST

START_TEST(unknown_token)
{
    struct xf_chan_host host = { 0 };
    g_autoptr(GError) err = NULL;

    xf_chan_host_open(&host, 10000, 0);
    ck_assert_int_eq(
        xf_chan_dial(&host, XF_CHANNEL_STREAM, UNKNOWN, TOKEN, &err), -1);
    xf_chan_assert_code(err, XF_ERROR_DENIED);
    ck_assert_ptr_nonnull(strstr(err->message, "no such handoff"));
    xf_chan_host_close(&host);
}
END_TEST

START_TEST(bad_token_given)
{
    struct xf_chan_host host = { 0 };
    g_autoptr(GError) err = NULL;

    xf_chan_host_open(&host, 10000, 0);
    ck_assert_int_eq(xf_chan_dial(&host, XF_CHANNEL_STREAM, "x", TOKEN, &err),
                     -1);
    xf_chan_assert_code(err, XF_ERROR_INVALID_ARG);
    xf_chan_host_close(&host);
}
END_TEST

/* The server's proof sent back as one's own, an old session played again, a
 * proof that is no proof. */
START_TEST(bad_proofs)
{
    struct xf_chan_host host = { 0 };
    guint8 preamble[PREAMBLE_LEN], greeting[GREETING_LEN], proof[3][32];

    xf_chan_host_open(&host, 10000, 0);
    xf_chan_raw_preamble(preamble, 1, XF_CHANNEL_STREAM);
    memset(proof[0], 0, 32);
    xf_chan_raw_proof("client", preamble, proof[0],
                      proof[1]); /* of another nonce */
    for (int i = 0; i < 3; i++) {
        int fd = xf_chan_raw_connect(host.port);

        xf_chan_write_all(fd, preamble, sizeof(preamble));
        ck_assert(xf_chan_read_all(fd, greeting, sizeof(greeting)));
        memcpy(proof[2], greeting + 33, 32);
        xf_chan_write_all(fd, proof[i], 32);
        xf_chan_assert_verdict(fd, XF_VERDICT_BAD_PROOF);
        xf_chan_assert_closed(fd);
        close(fd);
    }
    xf_chan_host_close(&host);
}
END_TEST

START_TEST(nonces_differ)
{
    struct xf_chan_host host = { 0 };
    guint8 preamble[PREAMBLE_LEN], greeting[2][GREETING_LEN];

    xf_chan_host_open(&host, 10000, 0);
    xf_chan_raw_preamble(preamble, 1, XF_CHANNEL_STREAM);
    for (int i = 0; i < 2; i++) {
        int fd = xf_chan_raw_connect(host.port);

        xf_chan_write_all(fd, preamble, sizeof(preamble));
        ck_assert(xf_chan_read_all(fd, greeting[i], GREETING_LEN));
        close(fd);
    }
    ck_assert_mem_ne(greeting[0] + 1, greeting[1] + 1, 32);
    xf_chan_host_close(&host);
}
END_TEST

START_TEST(wrong_version_or_purpose)
{
    static const guint bad[][2] = {
        { 0, 1 }, { 2, 1 }, { 0x0100, 1 }, { 1, 0 },
        { 1, XF_CHANNEL_PURPOSE_LAST }, { 1, 0x0101 },
    };
    struct xf_chan_host host = { 0 };
    guint8 preamble[PREAMBLE_LEN];

    xf_chan_host_open(&host, 10000, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        int fd = xf_chan_raw_connect(host.port);

        xf_chan_raw_preamble(preamble, bad[i][0], bad[i][1]);
        xf_chan_write_all(fd, preamble, sizeof(preamble));
        xf_chan_assert_verdict(fd, XF_VERDICT_REFUSED);
        xf_chan_assert_closed(fd);
        close(fd);
    }
    xf_chan_host_close(&host);
}
END_TEST

/* To what is no preamble nothing is said. */
START_TEST(wrong_magic)
{
    struct xf_chan_host host = { 0 };

    xf_chan_host_open(&host, 60000, 0);

    int fd = xf_chan_raw_connect(host.port);

    xf_chan_write_all(fd, "GET / HT", 8);
    xf_chan_assert_closed(fd);
    close(fd);
    xf_chan_host_close(&host);
}
END_TEST

/* A preamble cut at every length, then closed. */
START_TEST(cut_preambles)
{
    struct xf_chan_host host = { 0 };
    guint8 preamble[PREAMBLE_LEN];

    xf_chan_host_open(&host, 60000, 0);
    xf_chan_raw_preamble(preamble, 1, XF_CHANNEL_STREAM);
    for (gsize len = 0; len < PREAMBLE_LEN; len++) {
        int fd = xf_chan_raw_connect(host.port);

        xf_chan_write_all(fd, preamble, len);
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        xf_chan_assert_closed(fd);
        close(fd);
    }
    xf_chan_host_close(&host);
}
END_TEST

START_TEST(nobody_listens)
{
    struct xf_chan_host host = { 0 };
    g_autoptr(GError) err = NULL;

    xf_chan_host_open(&host, 1000, 0);
    xf_channel_listener_stop(host.listener);
    ck_assert_int_eq(xf_chan_dial(&host, XF_CHANNEL_STREAM, TOKEN, TOKEN, &err),
                     -1);
    xf_chan_assert_code(err, XF_ERROR_NO_CONNECT);
    xf_chan_host_close(&host);
}
END_TEST

START_TEST(names)
{
    struct xf_chan_host host = { 0 };
    g_autoptr(GError) err = NULL;
    guint8 key[XF_KEY_LEN] = { 0 };

    xf_chan_host_open(&host, 10000, 0);
    xf_chan_key_of(TOKEN, key);

    /* looked up; where it is ::1 as well, the second address answers */
    int fd = xf_channel_connect("localhost", host.port, XF_CHANNEL_STREAM,
                                TOKEN, key, TIMEOUT_MS, 20000, &err);

    g_assert_no_error(err);
    close(fd);

    g_autofree struct xf_chan_visitor *v = xf_chan_host_next(&host);

    close(v->fd);
    ck_assert_int_eq(xf_channel_connect("no such host", host.port,
                                        XF_CHANNEL_STREAM, TOKEN, key,
                                        TIMEOUT_MS, 20000, &err),
                     -1);
    xf_chan_assert_code(err, XF_ERROR_NO_CONNECT);
    ck_assert_ptr_nonnull(strstr(err->message, "no such host port"));
    xf_chan_host_close(&host);
}
END_TEST

START_TEST(listen_errors)
{
    struct xf_chan_host host = { 0 };
    struct xf_channel_config config = { .address = "127.0.0.1" };
    const struct xf_channel_handler handler = { 0 };
    g_autoptr(GError) taken = NULL;
    g_autoptr(GError) bad = NULL;

    xf_chan_host_open(&host, 1000, 0);
    config.port = host.port;
    ck_assert_ptr_null(xf_channel_listen(&config, &handler, &taken));
    xf_chan_assert_code(taken, XF_ERROR_SYSTEM);
    config.address = "not an address";
    ck_assert_ptr_null(xf_channel_listen(&config, &handler, &bad));
    xf_chan_assert_code(bad, XF_ERROR_INVALID_ARG);
    ck_assert_ptr_nonnull(strstr(bad->message, "not an address"));
    xf_chan_host_close(&host);
}
END_TEST

/* With no address: IPv4 and, where the host has it, IPv6. */
START_TEST(all_addresses)
{
    struct xf_chan_host host = { 0 };
    const struct xf_channel_config config = { .handshake_timeout_ms = 9999 };
    const struct xf_channel_handler handler = { .key = xf_chan_host_key,
                                                .accepted =
                                                    xf_chan_host_accepted,
                                                .user = &host };
    static const char *const addresses[] = { "127.0.0.1", "::1" };
    guint8 key[XF_KEY_LEN];
    int reached = 0;

    host.visitors = g_async_queue_new_full(g_free);
    host.listener = xf_channel_listen(&config, &handler, NULL);
    ck_assert_ptr_nonnull(host.listener);
    host.port = xf_channel_listener_port(host.listener);
    xf_chan_key_of(TOKEN, key);
    for (int i = 0; i < 2; i++) {
        int fd = xf_channel_connect(addresses[i], host.port, XF_CHANNEL_STREAM,
                                    TOKEN, key, TIMEOUT_MS, 0, NULL);

        if (fd < 0)
            continue;
        reached++;
        close(fd);

        g_autofree struct xf_chan_visitor *v = xf_chan_host_next(&host);

        close(v->fd);
    }

    int six = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 any = { .sin6_family = AF_INET6,
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    gboolean has_six =
        six >= 0 && !bind(six, (struct sockaddr *)&any, sizeof(any));

    ck_assert_int_eq(reached, has_six ? 2 : 1);
    close(six);
    xf_chan_host_close(&host);
}
END_TEST

/* -- messages, pacing, accounting -- */

START_TEST(messages_refused)
{
    struct xf_chan_host host = { 0 };
    int client, server;
    enum xf_channel_msg msg = 0;
    g_autoptr(GError) late = NULL;
    g_autoptr(GError) unknown = NULL;
    g_autoptr(GError) eof = NULL;

    xf_chan_host_open(&host, 10000, 0);
    xf_chan_dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    ck_assert(!xf_channel_recv(server, 50, &msg, &late));
    xf_chan_assert_code(late, XF_ERROR_TIMEOUT);
    xf_chan_write_all(client, "?", 1);
    ck_assert(!xf_channel_recv(server, TIMEOUT_MS, &msg, &unknown));
    xf_chan_assert_code(unknown, XF_ERROR_RPC);
    close(client);
    ck_assert(!xf_channel_recv(server, TIMEOUT_MS, &msg, &eof));
    xf_chan_assert_code(eof, XF_ERROR_NO_CONNECT);
    ck_assert_int_eq(msg, 0);

    /* no SIGPIPE: the first may still go into the void */
    xf_channel_send(server, XF_MSG_REVOKED, NULL);

    gboolean sent = TRUE;

    for (int i = 0; i < 1000 && sent; i++) {
        struct pollfd pfd = { .fd = server, .events = POLLHUP };

        poll(&pfd, 1, 10);
        sent = xf_channel_send(server, XF_MSG_REVOKED, NULL);
    }
    ck_assert(!sent);
    close(server);
    xf_chan_host_close(&host);
}
END_TEST

static unsigned long
pacing_rate(int fd)
{
    unsigned long rate = 0;
    socklen_t len = sizeof(rate);

    ck_assert_int_eq(
        getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &len), 0);
    return rate;
}

START_TEST(pacing)
{
    struct xf_chan_host host = { 0 };
    int client, server;

    xf_chan_host_open(&host, 10000, 0);
    xf_chan_dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    ck_assert(xf_channel_set_rate(client, 8 * 1024 * 1024, NULL));
    ck_assert_uint_eq(pacing_rate(client), 8 * 1024 * 1024);
    ck_assert(xf_channel_set_rate(client, (guint64)10 << 30, NULL));
    ck_assert_uint_eq(pacing_rate(client), 10ul << 30);
    ck_assert(xf_channel_set_rate(client, 0, NULL));
    ck_assert_uint_eq(pacing_rate(client), G_MAXULONG);
    close(client);
    close(server);

    g_autoptr(GError) err = NULL;

    ck_assert(!xf_channel_set_rate(-1, 1, &err));
    xf_chan_assert_code(err, XF_ERROR_SYSTEM);
    xf_chan_host_close(&host);
}
END_TEST

START_TEST(bytes_sent)
{
    struct xf_chan_host host = { 0 };
    int client, server;
    guint8 data[100000] = { 0 };
    enum xf_channel_msg msg;

    xf_chan_host_open(&host, 10000, 0);
    xf_chan_dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);

    guint64 before = xf_channel_bytes_sent(client);

    ck_assert_uint_le(before, 200); /* handshake */
    xf_chan_write_all(client, data, sizeof(data));
    ck_assert(xf_chan_read_all(server, data, sizeof(data)));
    /* with this answer comes the acknowledgement of all that */
    ck_assert(xf_channel_send(server, XF_MSG_OK, NULL));
    ck_assert(xf_channel_recv(client, TIMEOUT_MS, &msg, NULL));
    ck_assert_uint_ge(xf_channel_bytes_sent(client), sizeof(data));
    ck_assert_uint_le(xf_channel_bytes_sent(client), sizeof(data) + 200);
    ck_assert_uint_eq(xf_channel_bytes_sent(-1), 0);
    close(client);
    close(server);
    xf_chan_host_close(&host);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        every_purpose,
        every_message,
        raw_client,
        raw_server,
        purpose_swapped_on_the_way,
        wrong_key,
        unknown_token,
        bad_token_given,
        bad_proofs,
        nonces_differ,
        wrong_version_or_purpose,
        wrong_magic,
        cut_preambles,
        nobody_listens,
        names,
        listen_errors,
        all_addresses,
        messages_refused,
        pacing,
        bytes_sent,
        NULL
    };

    return xf_unit_main("channel", tests);
}
