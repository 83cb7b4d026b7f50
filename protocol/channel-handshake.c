/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The channel's handshake, both sides, and its input and output. */
#include "config.h"

#include "protocol/channel-private.h"
#include "protocol/fault.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#define MAGIC "XENFERRY"
#define MAGIC_LEN 8
#define VERSION_AT 8
#define PURPOSE_AT 10
#define TOKEN_AT 12
#define NONCE_AT 28
#define NONCE_LEN 32

/* the server's first message */
#define GREETING_NONCE_AT 1
#define GREETING_PROOF_AT (1 + NONCE_LEN)
#define GREETING_LEN (1 + NONCE_LEN + XF_KEY_LEN)

#define CHANNEL_VERSION 1

G_STATIC_ASSERT(NONCE_AT + NONCE_LEN == XF_CHANNEL_PREAMBLE_LEN);
G_STATIC_ASSERT(NONCE_AT - TOKEN_AT == XF_TOKEN_LEN / 2);

/* -- input and output -- */

struct xf_patience
xf_patience_ms(int timeout_ms, int stop_fd)
{
    struct xf_patience patience = { .at = -1, .stop_fd = stop_fd };

    if (timeout_ms >= 0)
        patience.at = g_get_monotonic_time() + timeout_ms * (gint64)1000;
    return patience;
}

/* What is left, for poll(2): rounded up, so that 0 means that it is over. */
static int
patience_left(const struct xf_patience *patience)
{
    if (patience->at < 0)
        return -1;

    gint64 left = (patience->at - g_get_monotonic_time() + 999) / 1000;

    return CLAMP(left, 0, G_MAXINT);
}

void
xf_channel_set_errno(GError **err, int errnum, const char *what)
{
    g_set_error(err, XF_ERROR,
                errnum == ETIMEDOUT ? XF_ERROR_TIMEOUT : XF_ERROR_NO_CONNECT,
                "%s: %s", what, g_strerror(errnum));
}

gboolean
xf_channel_wait(int fd, short events, const struct xf_patience *patience,
                GError **err)
{
    struct pollfd fds[] = {
        { .fd = fd, .events = events },
        { .fd = patience->stop_fd, .events = POLLIN },
    };
    int r;

    do
        r = poll(fds, G_N_ELEMENTS(fds), patience_left(patience));
    while (r < 0 && errno == EINTR);

    if (r < 0) {
        xf_channel_set_errno(err, errno, "poll");
    } else if (r == 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_TIMEOUT,
                    "the peer did not %s in time",
                    events & POLLIN ? "answer" : "take what was sent");
    } else if (fds[1].revents) {
        g_set_error(err, XF_ERROR, XF_ERROR_ABORTED,
                    "this host's listener is being closed");
    } else {
        return TRUE;
    }
    return FALSE;
}

gboolean
xf_channel_read(int fd, void *buf, gsize len,
                const struct xf_patience *patience, GError **err)
{
    guint8 *p = buf;

    while (len) {
        if (!xf_channel_wait(fd, POLLIN, patience, err))
            return FALSE;

        gssize r = recv(fd, p, len, MSG_DONTWAIT);

        if (r < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (r < 0) {
            xf_channel_set_errno(err, errno, "reading from the peer");
            return FALSE;
        }
        if (r == 0) {
            g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                        "the peer closed the connection");
            return FALSE;
        }
        p += r;
        len -= r;
    }
    return TRUE;
}

gboolean
xf_channel_write(int fd, const void *buf, gsize len,
                 const struct xf_patience *patience, GError **err)
{
    const guint8 *p = buf;

    while (len) {
        if (!xf_channel_wait(fd, POLLOUT, patience, err))
            return FALSE;

        gssize r = send(fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (r < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (r < 0) {
            xf_channel_set_errno(err, errno, "writing to the peer");
            return FALSE;
        }
        p += r;
        len -= r;
    }
    return TRUE;
}

/* -- what both sides compute -- */

static gboolean
make_nonce(guint8 *nonce, GError **err)
{
    gssize r;

    do
        r = getrandom(nonce, NONCE_LEN, 0);
    while (r < 0 && errno == EINTR);
    if (r == NONCE_LEN)
        return TRUE;
    xf_error_set_errno(err, r < 0 ? errno : EIO,
                       "no random bytes from the kernel");
    return FALSE;
}

static void
make_proof(const guint8 *key, const char *side, const guint8 *preamble,
           const guint8 *server_nonce, guint8 *proof)
{
    gsize len = XF_KEY_LEN;
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, key, XF_KEY_LEN);

    g_hmac_update(hmac, (const guchar *)side, strlen(side));
    g_hmac_update(hmac, preamble, XF_CHANNEL_PREAMBLE_LEN);
    g_hmac_update(hmac, server_nonce, NONCE_LEN);
    g_hmac_get_digest(hmac, proof, &len);
    g_hmac_unref(hmac);
}

static gboolean
proof_holds(const guint8 *key, const char *side, const guint8 *preamble,
            const guint8 *server_nonce, const guint8 *proof)
{
    guint8 want[XF_KEY_LEN];

    make_proof(key, side, preamble, server_nonce, want);

    gboolean holds = xf_secret_equal(want, proof, XF_KEY_LEN);

    explicit_bzero(want, sizeof(want));
    return holds;
}

static void
put_u16(guint8 *p, guint number)
{
    p[0] = number >> 8;
    p[1] = number;
}

static guint
get_u16(const guint8 *p)
{
    return p[0] << 8 | p[1];
}

/* -- the client -- */

static gboolean
make_preamble(enum xf_channel_purpose purpose, const char *token,
              guint8 *preamble, GError **err)
{
    if (!xf_token_valid(token)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "not a handoff's token: \"%s\"", token);
        return FALSE;
    }
    memcpy(preamble, MAGIC, MAGIC_LEN);
    put_u16(preamble + VERSION_AT, CHANNEL_VERSION);
    put_u16(preamble + PURPOSE_AT, purpose);
    xf_hex_parse(token, preamble + TOKEN_AT, XF_TOKEN_LEN / 2);
    return make_nonce(preamble + NONCE_AT, err);
}

static const struct {
    guint8 verdict;
    enum xf_error_code code;
    const char *text;
} refusals[] = {
    { XF_VERDICT_UNKNOWN_TOKEN, XF_ERROR_DENIED,
      "the peer says that it knows of no such handoff" },
    { XF_VERDICT_BAD_PROOF, XF_ERROR_DENIED,
      "the peer says that our key is not the handoff's" },
    { XF_VERDICT_REFUSED, XF_ERROR_NO_CONNECT,
      "the peer says that it does not take such connections" },
};

static gboolean
check_verdict(guint8 verdict, GError **err)
{
    if (verdict == XF_VERDICT_OK)
        return TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++)
        if (refusals[i].verdict == verdict) {
            g_set_error_literal(err, XF_ERROR, refusals[i].code,
                                refusals[i].text);
            return FALSE;
        }
    g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                "the peer answered byte 0x%02x: is it really a Xenferry "
                "channel port?", verdict);
    return FALSE;
}

static gboolean
read_verdict(int fd, const struct xf_patience *patience, GError **err)
{
    guint8 verdict;

    return xf_channel_read(fd, &verdict, 1, patience, err)
        && check_verdict(verdict, err);
}

gboolean
xf_channel_greet(int fd, enum xf_channel_purpose purpose, const char *token,
                 const guint8 *key, const struct xf_patience *patience,
                 GError **err)
{
    guint8 preamble[XF_CHANNEL_PREAMBLE_LEN];
    guint8 greeting[GREETING_LEN], proof[XF_KEY_LEN];

    if (!make_preamble(purpose, token, preamble, err)
        || !xf_channel_write(fd, preamble, sizeof(preamble), patience, err)
        || !read_verdict(fd, patience, err)
        || !xf_channel_read(fd, greeting + 1, GREETING_LEN - 1, patience,
                            err))
        return FALSE;
    if (!proof_holds(key, "server", preamble, greeting + GREETING_NONCE_AT,
                     greeting + GREETING_PROOF_AT)) {
        g_set_error(err, XF_ERROR, XF_ERROR_DENIED,
                    "the peer does not hold the handoff's key");
        return FALSE;
    }
    make_proof(key, "client", preamble, greeting + GREETING_NONCE_AT, proof);
    XF_FAULT_FD("channel-greeted", fd);
    return xf_channel_write(fd, proof, sizeof(proof), patience, err)
        && !XF_FAULT_FAILS("channel-proved", err)
        && read_verdict(fd, patience, err);
}

/* -- the server -- */

/* Sends the refusal; the error is why.  That the verdict arrives is not
 * waited for, and that it cannot be sent changes nothing. */
static gboolean
refuse(int fd, enum xf_channel_verdict verdict,
       const struct xf_patience *patience, GError **err, const char *why,
       const char *about)
{
    guint8 byte = verdict;

    if (xf_channel_write(fd, &byte, 1, patience, NULL))
        shutdown(fd, SHUT_WR);
    g_set_error(err, XF_ERROR,
                verdict == XF_VERDICT_REFUSED ? XF_ERROR_RPC
                                              : XF_ERROR_DENIED,
                "%s %s", why, about);
    return FALSE;
}

/* Reads the preamble into `raw` and what it says into `caller`. */
static gboolean
read_preamble(int fd, const struct xf_patience *patience, guint8 *raw,
              struct xf_channel_caller *caller, GError **err)
{
    if (!xf_channel_read(fd, raw, MAGIC_LEN, patience, err))
        return FALSE;
    if (memcmp(raw, MAGIC, MAGIC_LEN)) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC, "not a Xenferry channel");
        return FALSE;
    }
    if (!xf_channel_read(fd, raw + MAGIC_LEN,
                         XF_CHANNEL_PREAMBLE_LEN - MAGIC_LEN, patience, err))
        return FALSE;

    guint version = get_u16(raw + VERSION_AT);
    guint purpose = get_u16(raw + PURPOSE_AT);

    if (version != CHANNEL_VERSION || purpose < XF_CHANNEL_STREAM
        || purpose >= XF_CHANNEL_PURPOSE_LAST) {
        char about[64];

        g_snprintf(about, sizeof(about), "%u, purpose %u", version, purpose);
        return refuse(fd, XF_VERDICT_REFUSED, patience, err,
                      "unknown channel version", about);
    }
    caller->purpose = purpose;
    xf_hex_format(raw + TOKEN_AT, XF_TOKEN_LEN / 2, caller->token);
    return TRUE;
}

static gboolean
exchange_proofs(int fd, const guint8 *key, const guint8 *preamble,
                const struct xf_channel_caller *caller,
                const struct xf_patience *patience, GError **err)
{
    guint8 greeting[GREETING_LEN] = { XF_VERDICT_OK }, proof[XF_KEY_LEN];
    guint8 *nonce = greeting + GREETING_NONCE_AT;
    const guint8 ok = XF_VERDICT_OK;

    if (!make_nonce(nonce, err))
        return FALSE;
    make_proof(key, "server", preamble, nonce, greeting + GREETING_PROOF_AT);
    if (!xf_channel_write(fd, greeting, sizeof(greeting), patience, err)
        || !xf_channel_read(fd, proof, sizeof(proof), patience, err))
        return FALSE;
    XF_FAULT_FD("channel-proof", fd);
    if (!proof_holds(key, "client", preamble, nonce, proof))
        return refuse(fd, XF_VERDICT_BAD_PROOF, patience, err,
                      "the peer does not hold the key of handoff",
                      caller->token);
    return xf_channel_write(fd, &ok, 1, patience, err);
}

gboolean
xf_channel_answer(int fd, const struct xf_channel_handler *handler,
                  void (*known)(void *known_user), void *known_user,
                  const struct xf_patience *patience,
                  struct xf_channel_caller *caller, GError **err)
{
    guint8 preamble[XF_CHANNEL_PREAMBLE_LEN], key[XF_KEY_LEN];

    if (!read_preamble(fd, patience, preamble, caller, err))
        return FALSE;
    if (!handler->key(handler->user, caller->purpose, caller->token, key))
        return refuse(fd, XF_VERDICT_UNKNOWN_TOKEN, patience, err,
                      "no such handoff:", caller->token);
    XF_FAULT_FD("channel-hello", fd);
    /* Of a lost handoff any token will do: naming one earns nothing. */
    if (known && caller->purpose != XF_CHANNEL_RESOLVE_LOG
        && caller->purpose != XF_CHANNEL_DECIDED_LOG
        && caller->purpose != XF_CHANNEL_SETTLED_DONE_LOG)
        known(known_user);

    gboolean ok = exchange_proofs(fd, key, preamble, caller, patience, err);

    explicit_bzero(key, sizeof(key));
    return ok;
}
