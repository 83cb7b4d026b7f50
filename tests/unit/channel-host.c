/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/unit/channel-host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- a host with a listener -- */

void
xf_chan_key_of(const char *token, guint8 *key)
{
    gsize len = XF_KEY_LEN;
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);

    g_checksum_update(sum, (const guchar *)token, -1);
    g_checksum_get_digest(sum, key, &len);
    g_checksum_free(sum);
}

gboolean
xf_chan_host_key(void *user, enum xf_channel_purpose purpose, const char *token,
                 guint8 *key)
{
    if (!strcmp(token, UNKNOWN))
        return FALSE;
    xf_chan_key_of(token, key);
    return TRUE;
}

void
xf_chan_write_all(int fd, const void *buf, gsize len)
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

gboolean
xf_chan_read_all(int fd, void *buf, gsize len)
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

void
xf_chan_host_accepted(void *user, enum xf_channel_purpose purpose,
                      const char *token, int fd)
{
    struct xf_chan_host *host = user;

    if (host->echo) {
        xf_chan_write_all(fd, token, XF_TOKEN_LEN);
        close(fd);
        return;
    }

    struct xf_chan_visitor *v = g_new0(struct xf_chan_visitor, 1);

    v->purpose = purpose;
    g_strlcpy(v->token, token, sizeof(v->token));
    v->fd = fd;
    g_async_queue_push(host->visitors, v);
}

void
xf_chan_host_open(struct xf_chan_host *host, guint handshake_ms, guint max)
{
    if (!host->silence_ms)
        host->silence_ms = 20000;

    const struct xf_channel_config config = {
        .address = "127.0.0.1",
        .handshake_timeout_ms = handshake_ms,
        .silence_timeout_ms = host->silence_ms,
        .max_handshakes = max,
    };
    const struct xf_channel_handler handler = {
        .key = xf_chan_host_key, .accepted = xf_chan_host_accepted, .user = host
    };
    g_autoptr(GError) err = NULL;

    host->visitors = g_async_queue_new_full(g_free);
    host->listener = xf_channel_listen(&config, &handler, &err);
    g_assert_no_error(err);
    host->port = xf_channel_listener_port(host->listener);
    ck_assert_uint_ne(host->port, 0);
}

void
xf_chan_host_close(struct xf_chan_host *host)
{
    xf_channel_listener_free(host->listener);
    ck_assert_int_eq(g_async_queue_length(host->visitors), 0);
    g_async_queue_unref(host->visitors);
}

struct xf_chan_visitor *
xf_chan_host_next(struct xf_chan_host *host)
{
    struct xf_chan_visitor *v =
        g_async_queue_timeout_pop(host->visitors, TIMEOUT_MS * 1000);

    ck_assert_ptr_nonnull(v);
    return v;
}

int
xf_chan_dial(struct xf_chan_host *host, enum xf_channel_purpose purpose,
             const char *token, const char *key_for, GError **err)
{
    guint8 key[XF_KEY_LEN];

    xf_chan_key_of(key_for, key);
    return xf_channel_connect("127.0.0.1", host->port, purpose, token, key,
                              TIMEOUT_MS, host->silence_ms, err);
}

void
xf_chan_dial_pair(struct xf_chan_host *host, enum xf_channel_purpose purpose,
                  int *client, int *server)
{
    g_autoptr(GError) err = NULL;

    *client = xf_chan_dial(host, purpose, TOKEN, TOKEN, &err);
    g_assert_no_error(err);

    g_autofree struct xf_chan_visitor *v = xf_chan_host_next(host);

    ck_assert_int_eq(v->purpose, purpose);
    ck_assert_str_eq(v->token, TOKEN);
    *server = v->fd;
}

/* -- the wire by hand -- */

int
xf_chan_raw_connect(guint16 port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

int
xf_chan_raw_listen(guint16 *port)
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

int
xf_chan_raw_accept(int listener)
{
    struct pollfd pfd = { .fd = listener, .events = POLLIN };

    ck_assert_int_eq(poll(&pfd, 1, TIMEOUT_MS), 1);
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

void
xf_chan_raw_preamble(guint8 *p, guint version, guint purpose)
{
    memcpy(p, "XENFERRY", 8);
    p[8] = version >> 8;
    p[9] = version;
    p[10] = purpose >> 8;
    p[11] = purpose;
    for (int i = 0; i < 16; i++) /* TOKEN in binary */
        p[12 + i] = (2 * i % 16) << 4 | (2 * i + 1) % 16;
    memset(p + 28, 0xc1, 32);
}

void
xf_chan_raw_proof(const char *side, const guint8 *preamble, const guint8 *nonce,
                  guint8 *out)
{
    gsize len = XF_KEY_LEN;
    guint8 key[XF_KEY_LEN];

    xf_chan_key_of(TOKEN, key);

    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, key, XF_KEY_LEN);

    g_hmac_update(hmac, (const guchar *)side, strlen(side));
    g_hmac_update(hmac, preamble, PREAMBLE_LEN);
    g_hmac_update(hmac, nonce, 32);
    g_hmac_get_digest(hmac, out, &len);
    g_hmac_unref(hmac);
}

void
xf_chan_assert_closed(int fd)
{
    char byte;

    ck_assert_msg(!xf_chan_read_all(fd, &byte, 1), "got byte 0x%02x", byte);
}

void
xf_chan_assert_verdict(int fd, enum xf_channel_verdict want)
{
    guint8 verdict = 0xff;

    ck_assert(xf_chan_read_all(fd, &verdict, 1));
    ck_assert_int_eq(verdict, want);
}

void
xf_chan_assert_code(const GError *err, enum xf_error_code code)
{
    ck_assert_ptr_nonnull(err);
    ck_assert_msg(g_error_matches(err, XF_ERROR, code), "%d: %s", err->code,
                  err->message);
}
