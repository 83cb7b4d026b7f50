/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cookies: what one side tells the other through the client.
 *
 * A small XML document.  Its root and the elements name, uuid, hostname and
 * migration-stream-version are those that libvirt's libxl driver writes and
 * reads (NUL-terminated, the NUL counted in the length); ours are in our own
 * namespace.  Unknown elements are ignored; a cookie without ours comes from
 * a stock libvirtd.  Those written here stay under XF_COOKIE_MAX for old
 * clients; what a peer puts into its own beside that is its own affair.
 *
 * A cookie comes from the network: xf_cookie_parse() bounds and checks every
 * field, and what it returns must still be checked against the record.
 */
#ifndef XF_PROTOCOL_COOKIE_H
#define XF_PROTOCOL_COOKIE_H

#include "protocol/error.h"
#include "protocol/types.h"

#define XF_COOKIE_MAX 16384
#define XF_COOKIE_READ_MAX (1024 * 1024)
#define XF_TOKEN_LEN 32         /* hex digits: 128 bits */
#define XF_KEY_LEN 32           /* bytes */
#define XF_STREAM_VERSION 2     /* libxl's */

struct xf_cookie {
    char *name;                 /* the domain's, at the source */
    guint8 uuid[XF_UUID_LEN];
    char *hostname;             /* of the side that wrote it, or NULL */
    guint stream_version;       /* as read: not yet compared with ours */

    /* Ours; token[0] == 0 when the peer is not one of us. */
    char token[XF_TOKEN_LEN + 1];
    guint8 key[XF_KEY_LEN];
    gboolean has_key;
    char *address;              /* channel of the side that wrote it */
    guint16 port;
    char *state;                /* of the side that wrote it, or NULL; of a
                                 * definition that moves: engine-offline.c */
    /* HMAC-SHA256(key, "xenferry committed" token), only from Finish: the
     * destination's own word that it has committed. */
    guint8 proof[XF_KEY_LEN];
    gboolean has_proof;
    /* From the destination: the identity of the destination's decisions log,
     * "" for none, and the key by which that log can be asked about this
     * handoff when all else is lost (decisions.h). */
    char log[XF_TOKEN_LEN + 1];
    guint8 log_key[XF_KEY_LEN];
    gboolean has_log_key;       /* as read: log and log_key go together */
    /* From the source: what its hypervisor's origin() has said, or NULL. */
    char *origin;
};

void xf_cookie_free(struct xf_cookie *cookie);
XF_DEFINE_AUTO(xf_cookie, xf_cookie_free);

/* Never fails: what goes in is ours (hostname, state and address may be
 * NULL; address and port go together). */
GBytes *xf_cookie_format(const struct xf_cookie *cookie);

/* NULL with XF_ERROR_INVALID_ARG naming the element on anything malformed,
 * too big or out of range. */
struct xf_cookie *xf_cookie_parse(GBytes *bytes, GError **err);

/* Lower-case hex digits, exactly XF_TOKEN_LEN of them? */
gboolean xf_token_valid(const char *token);

/* Constant-time comparison. */
gboolean xf_secret_equal(const guint8 *a, const guint8 *b, gsize len);

/* The proof described above; out holds XF_KEY_LEN bytes. */
void xf_cookie_proof(const guint8 *key, const char *token, guint8 *out);

#endif
