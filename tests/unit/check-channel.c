/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channel over real sockets on 127.0.0.1.  The wire is spoken here a
 * second time, by hand, so that both ends cannot be wrong in the same way.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "protocol/channel.h"
#include "tests/unit/common.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define UNKNOWN "ffffffffffffffffffffffffffffffff"
#define TIMEOUT_MS 30000        /* for what is to succeed */
#define PREAMBLE_LEN 60
#define GREETING_LEN 65

/* -- a host with a listener -- */

struct visitor {
    enum xf_channel_purpose purpose;
    char token[XF_TOKEN_LEN + 1];
    int fd;
};

struct host {
    struct xf_channel_listener *listener;
    GAsyncQueue *visitors;      /* struct visitor *, freed with g_free */
    guint16 port;
    gboolean echo;              /* accepted() sends the token and closes */
};

/* Each token has a key of its own: what is mixed up does not fit. */
static void
key_of(const char *token, guint8 *key)
{
    gsize len = XF_KEY_LEN;
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);

    g_checksum_update(sum, (const guchar *)token, -1);
    g_checksum_get_digest(sum, key, &len);
    g_checksum_free(sum);
}

static gboolean
host_key(void *user, enum xf_channel_purpose purpose, const char *token,
         guint8 *key)
{
    if (!strcmp(token, UNKNOWN))
        return FALSE;
    key_of(token, key);
    return TRUE;
}

static void
write_all(int fd, const void *buf, gsize len)
{
    const char *p = buf;

    while (len) {
        gssize r = write(fd, p, len);

        if (r < 0 && errno == EINTR)
            continue;
        ck_assert_msg(r > 0, "write: %s", g_strerror(errno));
        p += r;
        len -= r;
    }
}

/* FALSE: closed before len bytes came. */
static gboolean
read_all(int fd, void *buf, gsize len)
{
    char *p = buf;

    while (len) {
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        int n = poll(&pfd, 1, TIMEOUT_MS);

        if (n < 0 && errno == EINTR)
            continue;
        ck_assert_int_eq(n, 1);

        gssize r = read(fd, p, len);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return FALSE;
        p += r;
        len -= r;
    }
    return TRUE;
}

static void
host_accepted(void *user, enum xf_channel_purpose purpose, const char *token,
              int fd)
{
    struct host *host = user;

    if (host->echo) {
        write_all(fd, token, XF_TOKEN_LEN);
        close(fd);
        return;
    }

    struct visitor *v = g_new0(struct visitor, 1);

    v->purpose = purpose;
    g_strlcpy(v->token, token, sizeof(v->token));
    v->fd = fd;
    g_async_queue_push(host->visitors, v);
}

static void
host_open(struct host *host, guint handshake_ms, guint max)
{
    const struct xf_channel_config config = {
        .address = "127.0.0.1",
        .handshake_timeout_ms = handshake_ms,
        .silence_timeout_ms = 20000,
        .max_handshakes = max,
    };
    const struct xf_channel_handler handler = {
        .key = host_key, .accepted = host_accepted, .user = host };
    g_autoptr(GError) err = NULL;

    host->visitors = g_async_queue_new_full(g_free);
    host->listener = xf_channel_listen(&config, &handler, &err);
    g_assert_no_error(err);
    host->port = xf_channel_listener_port(host->listener);
    ck_assert_uint_ne(host->port, 0);
}

static void
host_close(struct host *host)
{
    xf_channel_listener_free(host->listener);
    ck_assert_int_eq(g_async_queue_length(host->visitors), 0);
    g_async_queue_unref(host->visitors);
}

/* The next one that proved the key. */
static struct visitor *
host_next(struct host *host)
{
    struct visitor *v =
        g_async_queue_timeout_pop(host->visitors, TIMEOUT_MS * 1000);

    ck_assert_ptr_nonnull(v);
    return v;
}

static int
dial(struct host *host, enum xf_channel_purpose purpose, const char *token,
     const char *key_for, GError **err)
{
    guint8 key[XF_KEY_LEN];

    key_of(key_for, key);
    return xf_channel_connect("127.0.0.1", host->port, purpose, token, key,
                              TIMEOUT_MS, 20000, err);
}

/* Both ends of a proved connection. */
static void
dial_pair(struct host *host, enum xf_channel_purpose purpose, int *client,
          int *server)
{
    g_autoptr(GError) err = NULL;

    *client = dial(host, purpose, TOKEN, TOKEN, &err);
    g_assert_no_error(err);

    g_autofree struct visitor *v = host_next(host);

    ck_assert_int_eq(v->purpose, purpose);
    ck_assert_str_eq(v->token, TOKEN);
    *server = v->fd;
}

/* -- the wire by hand -- */

static int
raw_connect(guint16 port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static int
raw_listen(guint16 *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static int
raw_accept(int listener)
{
    struct pollfd pfd = { .fd = listener, .events = POLLIN };

    ck_assert_int_eq(poll(&pfd, 1, TIMEOUT_MS), 1);
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static void
raw_preamble(guint8 *p, guint version, guint purpose)
{
    memcpy(p, "XENFERRY", 8);
    p[8] = version >> 8;
    p[9] = version;
    p[10] = purpose >> 8;
    p[11] = purpose;
    for (int i = 0; i < 16; i++)        /* TOKEN in binary */
        p[12 + i] = (2 * i % 16) << 4 | (2 * i + 1) % 16;
    memset(p + 28, 0xc1, 32);
}

static void
raw_proof(const char *side, const guint8 *preamble, const guint8 *nonce,
          guint8 *out)
{
    gsize len = XF_KEY_LEN;
    guint8 key[XF_KEY_LEN];

    key_of(TOKEN, key);

    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, key, XF_KEY_LEN);

    g_hmac_update(hmac, (const guchar *)side, strlen(side));
    g_hmac_update(hmac, preamble, PREAMBLE_LEN);
    g_hmac_update(hmac, nonce, 32);
    g_hmac_get_digest(hmac, out, &len);
    g_hmac_unref(hmac);
}

static void
assert_closed(int fd)
{
    char byte;

    ck_assert_msg(!read_all(fd, &byte, 1), "got byte 0x%02x", byte);
}

static void
assert_verdict(int fd, enum xf_channel_verdict want)
{
    guint8 verdict = 0xff;

    ck_assert(read_all(fd, &verdict, 1));
    ck_assert_int_eq(verdict, want);
}

static void
assert_code(const GError *err, enum xf_error_code code)
{
    ck_assert_ptr_nonnull(err);
    ck_assert_msg(g_error_matches(err, XF_ERROR, code), "%d: %s", err->code,
                  err->message);
}

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
    struct host host = { 0 };

    host_open(&host, 10000, 0);
    for (int p = XF_CHANNEL_STREAM; p <= XF_CHANNEL_ASK_SOURCE; p++) {
        int client, server;
        enum xf_channel_msg msg;

        dial_pair(&host, p, &client, &server);
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
    host_close(&host);
}
END_TEST

/* A client by hand, all bytes as the header has them; what it sends with its
 * proof belongs to whoever gets the fd. */
START_TEST(raw_client)
{
    struct host host = { 0 };
    guint8 preamble[PREAMBLE_LEN], greeting[GREETING_LEN], want[32];
    guint8 last[32 + 5];
    char stream[5];

    host_open(&host, 10000, 0);

    int fd = raw_connect(host.port);

    raw_preamble(preamble, 1, XF_CHANNEL_RESOLVE);
    write_all(fd, preamble, sizeof(preamble));
    ck_assert(read_all(fd, greeting, sizeof(greeting)));
    ck_assert_int_eq(greeting[0], XF_VERDICT_OK);
    raw_proof("server", preamble, greeting + 1, want);
    ck_assert_mem_eq(greeting + 33, want, 32);
    raw_proof("client", preamble, greeting + 1, last);
    memcpy(last + 32, "Libxl", 5);
    write_all(fd, last, sizeof(last));

    g_autofree struct visitor *v = host_next(&host);

    ck_assert_int_eq(v->purpose, XF_CHANNEL_RESOLVE);
    ck_assert_str_eq(v->token, TOKEN);
    ck_assert(read_all(v->fd, stream, 5));
    ck_assert_mem_eq(stream, "Libxl", 5);
    assert_verdict(fd, XF_VERDICT_OK);
    close(fd);
    assert_closed(v->fd);
    close(v->fd);
    host_close(&host);
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
    int fd = raw_accept(s->listener);

    ck_assert(read_all(fd, preamble, sizeof(preamble)));
    memset(greeting + 1, 0x51, 32);
    raw_proof("server", preamble, greeting + 1, greeting + 33);
    if (s->lie)
        preamble[11] ^= 1;
    if (s->lie)
        raw_proof("server", preamble, greeting + 1, greeting + 33);
    write_all(fd, greeting, sizeof(greeting));
    if (!s->lie) {
        ck_assert(read_all(fd, proof, sizeof(proof)));
        raw_proof("client", preamble, greeting + 1, want);
        ck_assert_mem_eq(proof, want, 32);
        /* the verdict and the first bytes of what follows in one go */
        write_all(fd, "\0rest", 5);
    }
    close(fd);
    return NULL;
}

START_TEST(raw_server)
{
    struct raw_server s = { 0 };
    struct host host = { 0 };
    g_autoptr(GError) err = NULL;
    char rest[4];

    s.listener = raw_listen(&host.port);

    GThread *thread = g_thread_new("server", raw_server_thread, &s);
    int fd = dial(&host, XF_CHANNEL_STREAM, TOKEN, TOKEN, &err);

    g_assert_no_error(err);
    ck_assert(read_all(fd, rest, sizeof(rest)));
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
    struct host host = { 0 };
    g_autoptr(GError) err = NULL;

    s.listener = raw_listen(&host.port);

    GThread *thread = g_thread_new("server", raw_server_thread, &s);

    ck_assert_int_eq(dial(&host, XF_CHANNEL_RESOLVE, TOKEN, TOKEN, &err), -1);
    assert_code(err, XF_ERROR_DENIED);
    g_thread_join(thread);
    close(s.listener);
}
END_TEST

/* -- refusals -- */

START_TEST(wrong_key)
{
    struct host host = { 0 };
    g_autoptr(GError) err = NULL;

    host_open(&host, 10000, 0);
    ck_assert_int_eq(dial(&host, XF_CHANNEL_STREAM, TOKEN, UNKNOWN, &err), -1);
    assert_code(err, XF_ERROR_DENIED);
    ck_assert_ptr_nonnull(strstr(err->message, "does not hold"));
    host_close(&host);
}
END_TEST

START_TEST(unknown_token)
{
    struct host host = { 0 };
    g_autoptr(GError) err = NULL;

    host_open(&host, 10000, 0);
    ck_assert_int_eq(dial(&host, XF_CHANNEL_STREAM, UNKNOWN, TOKEN, &err),
                     -1);
    assert_code(err, XF_ERROR_NO_CONNECT);
    ck_assert_ptr_nonnull(strstr(err->message, "no such handoff"));
    host_close(&host);
}
END_TEST

START_TEST(bad_token_given)
{
    struct host host = { 0 };
    g_autoptr(GError) err = NULL;

    host_open(&host, 10000, 0);
    ck_assert_int_eq(dial(&host, XF_CHANNEL_STREAM, "x", TOKEN, &err), -1);
    assert_code(err, XF_ERROR_INVALID_ARG);
    host_close(&host);
}
END_TEST

/* The server's proof sent back as one's own, an old session played again, a
 * proof that is no proof. */
START_TEST(bad_proofs)
{
    struct host host = { 0 };
    guint8 preamble[PREAMBLE_LEN], greeting[GREETING_LEN], proof[3][32];

    host_open(&host, 10000, 0);
    raw_preamble(preamble, 1, XF_CHANNEL_STREAM);
    memset(proof[0], 0, 32);
    raw_proof("client", preamble, proof[0], proof[1]);  /* of another nonce */
    for (int i = 0; i < 3; i++) {
        int fd = raw_connect(host.port);

        write_all(fd, preamble, sizeof(preamble));
        ck_assert(read_all(fd, greeting, sizeof(greeting)));
        memcpy(proof[2], greeting + 33, 32);
        write_all(fd, proof[i], 32);
        assert_verdict(fd, XF_VERDICT_BAD_PROOF);
        assert_closed(fd);
        close(fd);
    }
    host_close(&host);
}
END_TEST

START_TEST(nonces_differ)
{
    struct host host = { 0 };
    guint8 preamble[PREAMBLE_LEN], greeting[2][GREETING_LEN];

    host_open(&host, 10000, 0);
    raw_preamble(preamble, 1, XF_CHANNEL_STREAM);
    for (int i = 0; i < 2; i++) {
        int fd = raw_connect(host.port);

        write_all(fd, preamble, sizeof(preamble));
        ck_assert(read_all(fd, greeting[i], GREETING_LEN));
        close(fd);
    }
    ck_assert_mem_ne(greeting[0] + 1, greeting[1] + 1, 32);
    host_close(&host);
}
END_TEST

START_TEST(wrong_version_or_purpose)
{
    static const guint bad[][2] = {
        { 0, 1 }, { 2, 1 }, { 0x0100, 1 }, { 1, 0 }, { 1, 5 }, { 1, 0x0101 },
    };
    struct host host = { 0 };
    guint8 preamble[PREAMBLE_LEN];

    host_open(&host, 10000, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        int fd = raw_connect(host.port);

        raw_preamble(preamble, bad[i][0], bad[i][1]);
        write_all(fd, preamble, sizeof(preamble));
        assert_verdict(fd, XF_VERDICT_REFUSED);
        assert_closed(fd);
        close(fd);
    }
    host_close(&host);
}
END_TEST

/* To what is no preamble nothing is said. */
START_TEST(wrong_magic)
{
    struct host host = { 0 };

    host_open(&host, 60000, 0);

    int fd = raw_connect(host.port);

    write_all(fd, "GET / HT", 8);
    assert_closed(fd);
    close(fd);
    host_close(&host);
}
END_TEST

/* A preamble cut at every length, then closed. */
START_TEST(cut_preambles)
{
    struct host host = { 0 };
    guint8 preamble[PREAMBLE_LEN];

    host_open(&host, 60000, 0);
    raw_preamble(preamble, 1, XF_CHANNEL_STREAM);
    for (gsize len = 0; len < PREAMBLE_LEN; len++) {
        int fd = raw_connect(host.port);

        write_all(fd, preamble, len);
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        assert_closed(fd);
        close(fd);
    }
    host_close(&host);
}
END_TEST

START_TEST(nobody_listens)
{
    struct host host = { 0 };
    g_autoptr(GError) err = NULL;

    host_open(&host, 1000, 0);
    xf_channel_listener_stop(host.listener);
    ck_assert_int_eq(dial(&host, XF_CHANNEL_STREAM, TOKEN, TOKEN, &err), -1);
    assert_code(err, XF_ERROR_NO_CONNECT);
    host_close(&host);
}
END_TEST

START_TEST(names)
{
    struct host host = { 0 };
    g_autoptr(GError) err = NULL;
    guint8 key[XF_KEY_LEN] = { 0 };

    host_open(&host, 10000, 0);
    key_of(TOKEN, key);

    /* looked up; where it is ::1 as well, the second address answers */
    int fd = xf_channel_connect("localhost", host.port, XF_CHANNEL_STREAM,
                                TOKEN, key, TIMEOUT_MS, 20000, &err);

    g_assert_no_error(err);
    close(fd);

    g_autofree struct visitor *v = host_next(&host);

    close(v->fd);
    ck_assert_int_eq(xf_channel_connect("no such host", host.port,
                                        XF_CHANNEL_STREAM, TOKEN, key,
                                        TIMEOUT_MS, 20000, &err), -1);
    assert_code(err, XF_ERROR_NO_CONNECT);
    ck_assert_ptr_nonnull(strstr(err->message, "no such host port"));
    host_close(&host);
}
END_TEST

START_TEST(listen_errors)
{
    struct host host = { 0 };
    struct xf_channel_config config = { .address = "127.0.0.1" };
    const struct xf_channel_handler handler = { 0 };
    g_autoptr(GError) taken = NULL;
    g_autoptr(GError) bad = NULL;

    host_open(&host, 1000, 0);
    config.port = host.port;
    ck_assert_ptr_null(xf_channel_listen(&config, &handler, &taken));
    assert_code(taken, XF_ERROR_SYSTEM);
    config.address = "not an address";
    ck_assert_ptr_null(xf_channel_listen(&config, &handler, &bad));
    assert_code(bad, XF_ERROR_INVALID_ARG);
    ck_assert_ptr_nonnull(strstr(bad->message, "not an address"));
    host_close(&host);
}
END_TEST

/* With no address: IPv4 and, where the host has it, IPv6. */
START_TEST(all_addresses)
{
    struct host host = { 0 };
    const struct xf_channel_config config = { .handshake_timeout_ms = 9999 };
    const struct xf_channel_handler handler = {
        .key = host_key, .accepted = host_accepted, .user = &host };
    static const char *const addresses[] = { "127.0.0.1", "::1" };
    guint8 key[XF_KEY_LEN];
    int reached = 0;

    host.visitors = g_async_queue_new_full(g_free);
    host.listener = xf_channel_listen(&config, &handler, NULL);
    ck_assert_ptr_nonnull(host.listener);
    host.port = xf_channel_listener_port(host.listener);
    key_of(TOKEN, key);
    for (int i = 0; i < 2; i++) {
        int fd = xf_channel_connect(addresses[i], host.port,
                                    XF_CHANNEL_STREAM, TOKEN, key,
                                    TIMEOUT_MS, 0, NULL);

        if (fd < 0)
            continue;
        reached++;
        close(fd);

        g_autofree struct visitor *v = host_next(&host);

        close(v->fd);
    }

    int six = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 any = { .sin6_family = AF_INET6,
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    gboolean has_six =
        six >= 0 && !bind(six, (struct sockaddr *)&any, sizeof(any));

    ck_assert_int_eq(reached, has_six ? 2 : 1);
    close(six);
    host_close(&host);
}
END_TEST

/* -- peers that take their time -- */

START_TEST(silent_peer)
{
    struct host host = { 0 };
    int client, server;

    host_open(&host, 300, 0);

    gint64 start = g_get_monotonic_time();
    int silent = raw_connect(host.port);

    dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    assert_closed(silent);
    ck_assert_int_ge(g_get_monotonic_time() - start, 300 * 1000);
    ck_assert_int_le(g_get_monotonic_time() - start, 10 * G_USEC_PER_SEC);
    close(silent);
    close(client);
    close(server);
    host_close(&host);
}
END_TEST

/* One byte every 20 ms would need 1.2 s for the preamble; each resets a
 * deadline that counts from the last byte, none the one that counts. */
START_TEST(dribbling_client)
{
    struct host host = { 0 };
    guint8 preamble[PREAMBLE_LEN];
    int sent = 0;

    host_open(&host, 300, 0);
    raw_preamble(preamble, 1, XF_CHANNEL_STREAM);

    int fd = raw_connect(host.port);
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    while (sent < PREAMBLE_LEN && poll(&pfd, 1, 20) == 0)
        if (send(fd, preamble + sent++, 1, MSG_NOSIGNAL) != 1)
            break;
    ck_assert_int_lt(sent, PREAMBLE_LEN);
    assert_closed(fd);
    close(fd);
    host_close(&host);
}
END_TEST

static void *
dribbling_server(void *user)
{
    int fd = raw_accept(GPOINTER_TO_INT(user)), sent = 0;
    struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };

    while (poll(&pfd, 1, 20) == 0 && sent++ < GREETING_LEN)
        if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
            break;
    close(fd);
    return GINT_TO_POINTER(sent);
}

START_TEST(slow_servers)
{
    guint16 port;
    int listener = raw_listen(&port);
    guint8 key[XF_KEY_LEN] = { 0 };
    g_autoptr(GError) dribbled = NULL;
    g_autoptr(GError) silent = NULL;
    GThread *thread = g_thread_new("server", dribbling_server,
                                   GINT_TO_POINTER(listener));

    ck_assert_int_eq(xf_channel_connect("127.0.0.1", port, XF_CHANNEL_STREAM,
                                        TOKEN, key, 300, 0, &dribbled), -1);
    assert_code(dribbled, XF_ERROR_TIMEOUT);
    ck_assert_int_lt(GPOINTER_TO_INT(g_thread_join(thread)), GREETING_LEN);

    /* connected by the kernel, accepted by nobody */
    ck_assert_int_eq(xf_channel_connect("127.0.0.1", port, XF_CHANNEL_STREAM,
                                        TOKEN, key, 100, 0, &silent), -1);
    assert_code(silent, XF_ERROR_TIMEOUT);
    close(listener);
}
END_TEST

/* All places taken by silent peers: the oldest makes room long before its
 * time, one that has named a known handoff does not. */
START_TEST(room_is_made)
{
    struct host host = { 0 };
    guint8 preamble[PREAMBLE_LEN], greeting[GREETING_LEN], proof[32];
    int client, server;

    host_open(&host, 60000, 2);

    int known = raw_connect(host.port);

    raw_preamble(preamble, 1, XF_CHANNEL_SETTLED);
    write_all(known, preamble, sizeof(preamble));
    ck_assert(read_all(known, greeting, sizeof(greeting)));

    int silent = raw_connect(host.port);

    dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    assert_closed(silent);
    raw_proof("client", preamble, greeting + 1, proof);
    write_all(known, proof, sizeof(proof));
    assert_verdict(known, XF_VERDICT_OK);

    g_autofree struct visitor *v = host_next(&host);

    ck_assert_int_eq(v->purpose, XF_CHANNEL_SETTLED);
    close(v->fd);
    close(known);
    close(silent);
    close(client);
    close(server);
    host_close(&host);
}
END_TEST

START_TEST(stop_drops_handshakes)
{
    struct host host = { 0 };
    int client, server;
    enum xf_channel_msg msg;

    host_open(&host, 60000, 0);

    int silent = raw_connect(host.port);

    dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    xf_channel_listener_stop(host.listener);
    assert_closed(silent);
    /* what was accepted before goes on */
    ck_assert(xf_channel_send(client, XF_MSG_END, NULL));
    ck_assert(xf_channel_recv(server, TIMEOUT_MS, &msg, NULL));
    xf_channel_listener_stop(host.listener);
    close(silent);
    close(client);
    close(server);
    host_close(&host);
}
END_TEST

static gint log_lines;

static void
count_line(const char *domain, GLogLevelFlags level, const char *message,
           void *user)
{
    g_atomic_int_inc(&log_lines);
    ck_assert_ptr_nonnull(strstr(message, "127.0.0.1"));
}

START_TEST(scanners_do_not_fill_the_log)
{
    struct host host = { 0 };

    guint handler = g_log_set_handler(G_LOG_DOMAIN, G_LOG_LEVEL_MASK,
                                      count_line, NULL);

    host_open(&host, 10000, 0);
    for (int i = 0; i < 50; i++) {
        int fd = raw_connect(host.port);

        write_all(fd, "rubbish!", 8);
        assert_closed(fd);
        close(fd);
    }
    host_close(&host);
    g_log_remove_handler(G_LOG_DOMAIN, handler);
    ck_assert_int_ge(g_atomic_int_get(&log_lines), 1);
    ck_assert_int_le(g_atomic_int_get(&log_lines), 5);
}
END_TEST

/* -- many -- */

struct caller {
    struct host *host;
    int number;
};

static void *
caller_thread(void *user)
{
    struct caller *c = user;
    g_autofree char *token = g_strdup_printf("%032x", c->number);
    g_autoptr(GError) err = NULL;
    char echo[XF_TOKEN_LEN];
    int fd = dial(c->host, XF_CHANNEL_STREAM, token, token, &err);

    g_assert_no_error(err);
    ck_assert(read_all(fd, echo, sizeof(echo)));
    ck_assert_mem_eq(echo, token, XF_TOKEN_LEN);
    close(fd);
    return NULL;
}

START_TEST(a_hundred_at_once)
{
    struct host host = { .echo = TRUE };
    struct caller callers[100];
    GThread *threads[100];

    host_open(&host, 20000, 8);
    for (int i = 0; i < 100; i++) {
        callers[i] = (struct caller){ &host, i };
        threads[i] = g_thread_new("caller", caller_thread, &callers[i]);
    }
    for (int i = 0; i < 100; i++)
        g_thread_join(threads[i]);
    host_close(&host);
}
END_TEST

/* -- interrupted calls -- */

static pthread_t storm_target;
static volatile sig_atomic_t storm_on;
static gint interruptions;

/* One shot, set again by the handler: under valgrind, where a signal takes
 * long, something must get done in between. */
static void
storm_next(void)
{
    const struct itimerval timer = { .it_value = { .tv_usec = 1000 } };

    setitimer(ITIMER_REAL, &timer, NULL);
}

/* The kernel picks a thread; the main one gets its share from there. */
static void
on_alarm(int number)
{
    if (!pthread_equal(pthread_self(), storm_target))
        pthread_kill(storm_target, SIGALRM);
    else
        g_atomic_int_inc(&interruptions);
    if (storm_on)
        storm_next();
}

#define STORM_BYTES (10 * 1024 * 1024)
#define STORM_ACKS 300

static void *
storm_receiver(void *user)
{
    struct host *host = user;
    g_autofree struct visitor *v = host_next(host);
    g_autofree guint8 *data = g_malloc(STORM_BYTES);
    enum xf_channel_msg msg;

    ck_assert(read_all(v->fd, data, STORM_BYTES));
    for (gsize i = 0; i < STORM_BYTES; i++)
        if (data[i] != (guint8)(i * 7 >> 3))
            ck_abort_msg("byte %" G_GSIZE_FORMAT " differs", i);
    do {
        ck_assert(xf_channel_recv(v->fd, TIMEOUT_MS, &msg, NULL));
        ck_assert(xf_channel_send(v->fd, XF_MSG_RECEIVED, NULL));
    } while (msg != XF_MSG_END);
    close(v->fd);
    return NULL;
}

START_TEST(eintr_storm)
{
    /* no SA_RESTART: every blocking call comes back with EINTR */
    const struct sigaction action = { .sa_handler = on_alarm };
    struct host host = { 0 };
    g_autofree guint8 *data = g_malloc(STORM_BYTES);
    enum xf_channel_msg msg;
    int acks = 0;

    for (gsize i = 0; i < STORM_BYTES; i++)
        data[i] = i * 7 >> 3;
    host_open(&host, 20000, 0);

    GThread *receiver = g_thread_new("receiver", storm_receiver, &host);

    storm_target = pthread_self();
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    storm_on = TRUE;
    storm_next();

    g_autoptr(GError) err = NULL;
    int fd = dial(&host, XF_CHANNEL_STREAM, TOKEN, TOKEN, &err);

    g_assert_no_error(err);
    write_all(fd, data, STORM_BYTES);
    while (acks++ < STORM_ACKS || g_atomic_int_get(&interruptions) < 100) {
        ck_assert(xf_channel_send(fd, XF_MSG_HOLDS, NULL));
        ck_assert(xf_channel_recv(fd, TIMEOUT_MS, &msg, NULL));
        ck_assert_int_eq(msg, XF_MSG_RECEIVED);
    }
    ck_assert(xf_channel_send(fd, XF_MSG_END, NULL));
    ck_assert(xf_channel_recv(fd, TIMEOUT_MS, &msg, NULL));
    g_thread_join(receiver);
    storm_on = FALSE;
    close(fd);
    host_close(&host);
}
END_TEST

/* -- fds -- */

static gboolean
output_names(const char *output, int fd)
{
    struct stat st;

    ck_assert_int_eq(fstat(fd, &st), 0);

    g_autofree char *name =
        g_strdup_printf("socket:[%" G_GUINT64_FORMAT "]", (guint64)st.st_ino);

    return strstr(output, name) != NULL;
}

START_TEST(no_fd_reaches_helpers)
{
    struct host host = { 0 };
    const char *const argv[] = { "ls", "-l", "/proc/self/fd", NULL };
    g_autofree char *output = NULL;
    g_autoptr(GError) err = NULL;
    gboolean before[64];
    int client, server, found = 0;

    for (int fd = 0; fd < 64; fd++)
        before[fd] = fcntl(fd, F_GETFD) >= 0;
    host_open(&host, 10000, 0);
    dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    /* the listening socket, the stop fd, both ends */
    for (int fd = 0; fd < 64; fd++) {
        int flags = fcntl(fd, F_GETFD);

        if (before[fd] || flags < 0)
            continue;
        found++;
        ck_assert_int_eq(flags, FD_CLOEXEC);
    }
    ck_assert_int_eq(found, 4);

    /* a control, that what is not CLOEXEC would be seen */
    int control = dup(client);

    ck_assert(g_spawn_sync(NULL, (char **)argv, NULL,
                           G_SPAWN_SEARCH_PATH
                               | G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
                           NULL, NULL, &output, NULL, NULL, &err));
    ck_assert(output_names(output, client));
    g_clear_pointer(&output, g_free);
    close(control);
    ck_assert(g_spawn_sync(NULL, (char **)argv, NULL,
                           G_SPAWN_SEARCH_PATH
                               | G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
                           NULL, NULL, &output, NULL, NULL, &err));
    ck_assert(!output_names(output, client));
    ck_assert(!output_names(output, server));
    close(client);
    close(server);
    host_close(&host);
    /* and all are gone at the end */
    for (int fd = 0; fd < 64; fd++)
        ck_assert_int_eq(before[fd], fcntl(fd, F_GETFD) >= 0);
}
END_TEST

/* -- messages, pacing, accounting -- */

START_TEST(messages_refused)
{
    struct host host = { 0 };
    int client, server;
    enum xf_channel_msg msg = 0;
    g_autoptr(GError) late = NULL;
    g_autoptr(GError) unknown = NULL;
    g_autoptr(GError) eof = NULL;

    host_open(&host, 10000, 0);
    dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    ck_assert(!xf_channel_recv(server, 50, &msg, &late));
    assert_code(late, XF_ERROR_TIMEOUT);
    write_all(client, "?", 1);
    ck_assert(!xf_channel_recv(server, TIMEOUT_MS, &msg, &unknown));
    assert_code(unknown, XF_ERROR_RPC);
    close(client);
    ck_assert(!xf_channel_recv(server, TIMEOUT_MS, &msg, &eof));
    assert_code(eof, XF_ERROR_NO_CONNECT);
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
    host_close(&host);
}
END_TEST

static unsigned long
pacing_rate(int fd)
{
    unsigned long rate = 0;
    socklen_t len = sizeof(rate);

    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate,
                                &len), 0);
    return rate;
}

START_TEST(pacing)
{
    struct host host = { 0 };
    int client, server;

    host_open(&host, 10000, 0);
    dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
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
    assert_code(err, XF_ERROR_SYSTEM);
    host_close(&host);
}
END_TEST

START_TEST(bytes_sent)
{
    struct host host = { 0 };
    int client, server;
    guint8 data[100000] = { 0 };
    enum xf_channel_msg msg;

    host_open(&host, 10000, 0);
    dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);

    guint64 before = xf_channel_bytes_sent(client);

    ck_assert_uint_le(before, 200);     /* handshake */
    write_all(client, data, sizeof(data));
    ck_assert(read_all(server, data, sizeof(data)));
    /* with this answer comes the acknowledgement of all that */
    ck_assert(xf_channel_send(server, XF_MSG_OK, NULL));
    ck_assert(xf_channel_recv(client, TIMEOUT_MS, &msg, NULL));
    ck_assert_uint_ge(xf_channel_bytes_sent(client), sizeof(data));
    ck_assert_uint_le(xf_channel_bytes_sent(client), sizeof(data) + 200);
    ck_assert_uint_eq(xf_channel_bytes_sent(-1), 0);
    close(client);
    close(server);
    host_close(&host);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        every_purpose,
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
        silent_peer,
        dribbling_client,
        slow_servers,
        room_is_made,
        stop_drops_handshakes,
        scanners_do_not_fill_the_log,
        a_hundred_at_once,
        eintr_storm,
        no_fd_reaches_helpers,
        messages_refused,
        pacing,
        bytes_sent,
        NULL
    };

    return xf_unit_main("channel", tests);
}
