/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets: header and body to bytes and back, GError to the wire's error
 * struct and back.  Pure functions; wire.x says what the bytes mean.
 *
 * Memory inside the wire's structs is malloc()ed and freed by xdr_free();
 * g_malloc() is malloc() (GLib promises it since 2.46), so strings made by
 * GLib may be handed to them.
 */
#ifndef XF_PROTOCOL_RPC_MESSAGE_H
#define XF_PROTOCOL_RPC_MESSAGE_H

#include "protocol/error.h"
#include "protocol/rpc/wire.h"

/* The text in str3 of an error struct of code 68 that makes it
 * XF_ERROR_IN_DOUBT; a stock libvirt client sees a timeout. */
#define XF_RPC_IN_DOUBT "xenferry:in-doubt"

/* A filter of wire.h as libtirpc wants it. */
#define XF_XDR(type) ((xdrproc_t)xdr_##type)

struct xf_rpc_header {
    guint32 prog;
    guint32 vers;
    gint32 proc;
    guint32 type;       /* enum xfw_type, or anything a peer sent */
    guint32 serial;
    guint32 status;     /* enum xfw_status, or anything a peer sent */
};

/* The length of the packet that begins at `data`; 0 when `len` bytes do not
 * yet tell; -1 when no packet has that length (the connection is lost). */
gssize xf_rpc_packet_length(const guint8 *data, gsize len);

/* `packet` has at least XFW_PACKET_MIN bytes. */
void xf_rpc_header_decode(const guint8 *packet, struct xf_rpc_header *header);
/* `length`: of the whole packet. */
void xf_rpc_header_encode(const struct xf_rpc_header *header, gsize length,
                          guint8 *packet);

/* A whole packet; filter NULL: no body.  NULL with XF_ERROR_RPC when the
 * body breaks a limit of the wire. */
GBytes *xf_rpc_packet_new(const struct xf_rpc_header *header,
                          xdrproc_t filter, void *body, GError **err);

/* Fills in `body` (zeroed before); free it with xdr_free() after success and
 * after failure.  Bytes after the body are no error. */
gboolean xf_rpc_body_decode(GBytes *packet, xdrproc_t filter, void *body,
                            GError **err);

/* The error reply to the call with header `call`; it cannot fail. */
GBytes *xf_rpc_error_packet(const struct xf_rpc_header *call,
                            const GError *why, enum xfw_error_domain domain);

/* The same as the end of that call's stream, if the server has one. */
GBytes *xf_rpc_stream_error_packet(const struct xf_rpc_header *call,
                                   const GError *why,
                                   enum xfw_error_domain domain);

/* The error that a packet with status ERROR carries, set in *err. */
void xf_rpc_error_decode(GBytes *packet, GError **err);

#endif
