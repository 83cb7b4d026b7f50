/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the channel share: a host with a listener on 127.0.0.1
 * that keeps who visits it, and the wire spoken by hand, so that both ends
 * cannot be wrong in the same way.
 */
#ifndef XF_TESTS_CHANNEL_HOST_H
#define XF_TESTS_CHANNEL_HOST_H

#include "protocol/channel.h"
#include "tests/unit/common.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define UNKNOWN "ffffffffffffffffffffffffffffffff"
#define TIMEOUT_MS 30000 /* for what is to succeed */
#define PREAMBLE_LEN 60
#define GREETING_LEN 65

/* One that proved the key. */
struct xf_chan_visitor {
    enum xf_channel_purpose purpose;
    char token[XF_TOKEN_LEN + 1];
    int fd;                     /* whoever takes the visitor closes it */
};

struct xf_chan_host {
    struct xf_channel_listener *listener;
    GAsyncQueue *visitors;      /* struct xf_chan_visitor, by g_free() */
    guint16 port;
    guint silence_ms;           /* 0: 20 s */
    gboolean echo;              /* accepted() sends the token and closes */
};

/* Each token has a key of its own: what is mixed up does not fit. */
void xf_chan_key_of(const char *token, guint8 *key);

/* -- the host; it knows every token but UNKNOWN -- */

void xf_chan_host_open(struct xf_chan_host *host, guint handshake_ms,
                       guint max);
void xf_chan_host_close(struct xf_chan_host *host);
/* Waits for the next that proves the key. */
struct xf_chan_visitor *xf_chan_host_next(struct xf_chan_host *host);
/* The handler's functions, `user` being the host. */
gboolean xf_chan_host_key(void *user, enum xf_channel_purpose purpose,
                          const char *token, guint8 *key);
void xf_chan_host_accepted(void *user, enum xf_channel_purpose purpose,
                           const char *token, int fd);

/* Connects with the key of the token `key_for`. */
int xf_chan_dial(struct xf_chan_host *host, enum xf_channel_purpose purpose,
                 const char *token, const char *key_for, GError **err);
/* Both ends of a proved connection. */
void xf_chan_dial_pair(struct xf_chan_host *host,
                       enum xf_channel_purpose purpose, int *client,
                       int *server);

/* -- the wire by hand -- */

int xf_chan_raw_connect(guint16 port);
int xf_chan_raw_listen(guint16 *port);
int xf_chan_raw_accept(int listener);
/* Of TOKEN, with a nonce that is always the same. */
void xf_chan_raw_preamble(guint8 *p, guint version, guint purpose);
void xf_chan_raw_proof(const char *side, const guint8 *preamble,
                       const guint8 *nonce, guint8 *out);

/* Both go on when interrupted.  FALSE: closed before len bytes came. */
void xf_chan_write_all(int fd, const void *buf, gsize len);
gboolean xf_chan_read_all(int fd, void *buf, gsize len);

void xf_chan_assert_closed(int fd);
void xf_chan_assert_verdict(int fd, enum xf_channel_verdict want);
void xf_chan_assert_code(const GError *err, enum xf_error_code code);

#endif
