/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channel: the connection between two hosts' engines.
 *
 * One listening port serves all handoffs of a host.  A connection starts
 * with a preamble, then both ends prove that they hold the handoff's key
 * (which travelled in a cookie, over the RPC):
 *
 *   client: "XENFERRY" u16 version=1 u16 purpose token[16] nonce_c[32]
 *   server: u8 verdict nonce_s[32] HMAC(key, "server" preamble nonce_s)
 *   client: HMAC(key, "client" preamble nonce_s)
 *   server: u8 verdict
 *
 * integers big-endian; HMAC is SHA-256; `preamble` is all 60 bytes of the
 * client's first message; verdict is enum xf_channel_verdict.  A server that
 * refuses sends the verdict alone and closes; to something that is not a
 * preamble at all it says nothing.  After the last verdict a stream
 * connection's fd is given to the hypervisor as it is: not one byte more is
 * read ahead.  Around the stream, and on the other purposes from the start,
 * single-byte messages (enum xf_channel_msg) go both ways:
 *
 *   stream:  server OK (its record says that it receives); client the
 *            stream, END or END_PAUSED; server RECEIVED or REVOKED
 *   others:  server its answer
 *
 * A connection may also have come through a tunnel (driver.h): what is said on
 * it is the same.
 *
 * A described stream is for clients that carry neither a domain's XML nor
 * its verdict (v1, v2): its source first says what comes, as two blocks (u32
 * length, bytes): its cookie, without the key, and the domain's XML, empty
 * where the destination has it.  The answer is OK, and all goes on as for any
 * stream, or REFUSED and a block of text that says why.  After the stream the
 * source asks for the commit itself, on the same connection.
 *
 * What was thought through:
 * - Replay: each proof covers the other end's fresh nonce.
 * - Reflection: a proof names the side that makes it, so that neither can be
 *   used as the other; a client led back to its own host's listener finds
 *   its purpose unknown there (key() is asked for token and purpose).
 * - Mix-up: version, purpose and token are inside what is proved, so a proof
 *   made to settle can never feed a stream, nor one handoff's the other's.
 *   All parts have fixed lengths.  The key's third use, the proof in cookies
 *   ("xenferry committed"), begins unlike both labels here.
 * - The server proves first, to anyone: of a random key of 256 bits that
 *   gives nothing away.
 * - A verdict other than OK is nobody's word: anyone on the way can say it.
 *   A client takes it for "no answer", never for knowledge about the handoff.
 * - The bytes after the handshake are neither encrypted nor authenticated:
 *   who can rewrite packets between the two hosts can rewrite the domain's
 *   memory and the answers.  Against that only TLS helps; what is kept out
 *   here is everybody who merely can connect, or listen.
 *
 * All fds are blocking and CLOEXEC and have TCP_USER_TIMEOUT and keepalive
 * set, so that a silent link is noticed.  Reads and writes retry EINTR:
 * libxl's SIGCHLD interrupts them.  Writes here raise no SIGPIPE; those of
 * the hypervisor may, so a daemon ignores that signal.
 *
 * Errors: XF_ERROR_NO_CONNECT not reached, refused or lost;
 * XF_ERROR_TIMEOUT; XF_ERROR_DENIED the peer does not hold the key, or says
 * that we do not, or that it knows no such handoff; XF_ERROR_RPC it speaks
 * something else.
 */
#ifndef XF_PROTOCOL_CHANNEL_H
#define XF_PROTOCOL_CHANNEL_H

#include "protocol/cookie.h"

#define XF_CHANNEL_PORT 49217

enum xf_channel_purpose {
    XF_CHANNEL_STREAM = 1,      /* source to destination: the domain */
    XF_CHANNEL_RESOLVE = 2,     /* source: "revoke, unless committed" */
    XF_CHANNEL_SETTLED = 3,     /* source: "my copy is the copy; forget
                                 * yours" */
    XF_CHANNEL_ASK_SOURCE = 4,  /* destination: "have you your copy?" */
    XF_CHANNEL_DESCRIBED = 5,   /* source to destination: what comes, then
                                 * the domain, then the question to commit */
    XF_CHANNEL_RESOLVE_LOG = 6, /* source: RESOLVE, by the key that the
                                 * destination's decisions log gave for the
                                 * handoff: who has that log still can tell
                                 * even of a handoff that it does not know
                                 * any more that it never committed.
                                 * decisions.h */
    XF_CHANNEL_DECIDED = 7,     /* source, whose own copy is gone: "what have
                                 * you decided?"; nothing is revoked by that,
                                 * since the destination's is the last copy */
    XF_CHANNEL_DECIDED_LOG = 8, /* ... by the log's key */
    XF_CHANNEL_SETTLED_DONE = 9,        /* source: "I have given mine up:
                                 * yours is the copy; forget the rest".  A
                                 * purpose of its own, and so proved: which
                                 * of the two it is decides what becomes of
                                 * the last copy.  Not answered by who does
                                 * not know yet whether its own is whole. */
    XF_CHANNEL_SETTLED_DONE_LOG = 10,   /* ... by the log's key: who has that
                                 * log still can acknowledge even what it does
                                 * not know any more */
    XF_CHANNEL_PURPOSE_LAST
};

enum xf_channel_verdict {
    XF_VERDICT_OK = 0,
    XF_VERDICT_UNKNOWN_TOKEN = 1,
    XF_VERDICT_BAD_PROOF = 2,
    XF_VERDICT_REFUSED = 3,     /* wrong version or purpose */
};

enum xf_channel_msg {
    /* source on a stream */
    XF_MSG_END = 'E',           /* stream complete, guest suspended */
    XF_MSG_END_PAUSED = 'P',    /* ... and its admin has it paused */
    XF_MSG_COMMIT = 'C',        /* on a described one: commit now; answered
                                 * COMMITTED or REVOKED */
    /* destination on a stream or resolve */
    XF_MSG_RECEIVED = 'r',      /* complete copy, paused, undecided */
    XF_MSG_UNDECIDED = 'u',     /* answer to DECIDED: no complete copy yet */
    XF_MSG_COMMITTED = 'c',
    XF_MSG_REVOKED = 'x',
    /* answer to a description, besides OK; a block of text follows */
    XF_MSG_REFUSED = 'n',
    /* destination, before the stream; answers to SETTLED and ASK_SOURCE */
    XF_MSG_OK = 'o',
    XF_MSG_HOLDS = 'h',         /* source: my copy is here, suspended or
                                 * running: revoke yours */
    XF_MSG_LET_GO = 'l',        /* source: I have none, or have given it up.
                                 * One that cannot tell gives no answer. */
};

struct xf_channel_listener;

/* Called in a thread of the listener's, one for each connection. */
struct xf_channel_handler {
    /* Copies the key of a handoff that may be reached for that purpose;
     * FALSE: unknown token. */
    gboolean (*key)(void *user, enum xf_channel_purpose purpose,
                    const char *token, guint8 *key);
    /* The peer has proved the key.  The fd belongs to the callee, which may
     * block as long as it likes. */
    void (*accepted)(void *user, enum xf_channel_purpose purpose,
                     const char *token, int fd);
    void *user;
};

struct xf_channel_config {
    const char *address;        /* to listen on; NULL: all, v4 and v6 */
    guint16 port;               /* 0: any free one (tests) */
    guint handshake_timeout_ms; /* a peer that is slower is dropped */
    guint silence_timeout_ms;   /* TCP_USER_TIMEOUT, 0: the kernel's.  It
                                 * ends a connection whose peer is silent
                                 * for so long, but also one whose peer,
                                 * alive, reads nothing of a stream for so
                                 * long: more than a restore ever pauses. */
    guint max_handshakes;       /* at a time, 0: 64.  When all are taken and
                                 * more wait, the oldest that has not named
                                 * a known handoff makes room; see GRACE in
                                 * channel-listen.c. */
};

/* Copies config and handler. */
struct xf_channel_listener *
xf_channel_listen(const struct xf_channel_config *config,
                  const struct xf_channel_handler *handler, GError **err);
/* The port really bound. */
guint16 xf_channel_listener_port(struct xf_channel_listener *listener);
/* Serves a connected socket, which it takes over, as if it had come in by the
 * port; `peer` is what the log calls it.  Any thread. */
gboolean xf_channel_listener_add(struct xf_channel_listener *listener, int fd,
                                 const char *peer, GError **err);
/* Closes the port and drops the handshakes under way.  When it returns, no
 * further key() or accepted() call will begin; accepted() calls that have
 * begun go on.  May be called again. */
void xf_channel_listener_stop(struct xf_channel_listener *listener);
/* stop(), then waits until every accepted() call has returned: it is the
 * handler's business to make them return, between stop() and this. */
void xf_channel_listener_free(struct xf_channel_listener *listener);

/* Connects, proves and checks the key.  Returns the fd, -1 on error.
 * `address` is a host name or address; timeout_ms bounds looking it up,
 * connecting and handshake together. */
int xf_channel_connect(const char *address, guint16 port,
                       enum xf_channel_purpose purpose, const char *token,
                       const guint8 *key, guint timeout_ms,
                       guint silence_timeout_ms, GError **err);

/* The same over a socket that leads there already: a tunnel's. */
gboolean xf_channel_connect_over(int fd, enum xf_channel_purpose purpose,
                                 const char *token, const guint8 *key,
                                 guint timeout_ms, GError **err);

gboolean xf_channel_send(int fd, enum xf_channel_msg msg, GError **err);
/* Waits at most timeout_ms (-1: for ever; the silence timeout still bounds
 * a dead link); EOF is an error. */
gboolean xf_channel_recv(int fd, int timeout_ms, enum xf_channel_msg *msg,
                         GError **err);

/* Blocks of bytes, their length first.  What is longer than `max` is refused
 * unread (XF_ERROR_RPC); timeout_ms bounds the whole block. */
gboolean xf_channel_send_block(int fd, const void *data, gsize len,
                               GError **err);
GBytes *xf_channel_recv_block(int fd, gsize max, int timeout_ms,
                              GError **err);

/* SO_MAX_PACING_RATE; bytes per second, 0 = no limit.  May be called while
 * another thread writes to fd.  A unix socket has none
 * (XF_ERROR_ARG_UNSUPPORTED). */
gboolean xf_channel_set_rate(int fd, guint64 bytes_per_second, GError **err);
/* Bytes sent and acknowledged so far (TCP_INFO), handshake included; 0 where
 * not known.  May be called while another thread writes to fd. */
guint64 xf_channel_bytes_sent(int fd);
/* Likewise, received. */
guint64 xf_channel_bytes_received(int fd);

#endif
