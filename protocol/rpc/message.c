/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/rpc/message.h"

#include <string.h>

/* Bytes of a text that we send, where it is cut: far more than a person reads, and an
 * error reply must always fit. */
#define TEXT_MAX 16384

#define LEVEL_ERROR 2

gssize
xf_rpc_packet_length(const guint8 *data, gsize len)
{
    guint32 value;

    if (len < sizeof(value))
        return 0;
    memcpy(&value, data, sizeof(value));
    value = GUINT32_FROM_BE(value);
    if (value < XFW_PACKET_MIN || value - sizeof(value) > XFW_PACKET_MAX)
        return -1;
    return value;
}

static guint32
get_u32(const guint8 *p)
{
    guint32 value;

    memcpy(&value, p, sizeof(value));
    return GUINT32_FROM_BE(value);
}

static void
put_u32(guint8 *p, guint32 value)
{
    value = GUINT32_TO_BE(value);
    memcpy(p, &value, sizeof(value));
}

void
xf_rpc_header_decode(const guint8 *packet, struct xf_rpc_header *header)
{
    header->prog = get_u32(packet + 4);
    header->vers = get_u32(packet + 8);
    header->proc = (gint32)get_u32(packet + 12);
    header->type = get_u32(packet + 16);
    header->serial = get_u32(packet + 20);
    header->status = get_u32(packet + 24);
}

void
xf_rpc_header_encode(const struct xf_rpc_header *header, gsize length,
                     guint8 *packet)
{
    put_u32(packet, length);
    put_u32(packet + 4, header->prog);
    put_u32(packet + 8, header->vers);
    put_u32(packet + 12, header->proc);
    put_u32(packet + 16, header->type);
    put_u32(packet + 20, header->serial);
    put_u32(packet + 24, header->status);
}

GBytes *
xf_rpc_packet_new(const struct xf_rpc_header *header, xdrproc_t filter,
                  void *body, GError **err)
{
    gsize body_len = filter ? xdr_sizeof(filter, body) : 0;
    gsize length = XFW_PACKET_MIN + body_len;
    g_autofree guint8 *packet = NULL;
    XDR xdr;

    /* xdr_sizeof() gives 0 for what the filter refuses */
    if ((filter && !body_len) || length - sizeof(guint32) > XFW_PACKET_MAX) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "procedure %d: a value is missing or larger than the "
                    "protocol allows", header->proc);
        return NULL;
    }
    packet = g_malloc(length);
    xf_rpc_header_encode(header, length, packet);
    if (filter) {
        bool_t ok;

        xdrmem_create(&xdr, (char *)packet + XFW_PACKET_MIN, body_len,
                      XDR_ENCODE);
        ok = filter(&xdr, body);
        xdr_destroy(&xdr);
        if (!ok) {
            g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                        "procedure %d: cannot encode the body", header->proc);
            return NULL;
        }
    }
    return g_bytes_new_take(g_steal_pointer(&packet), length);
}

gboolean
xf_rpc_body_decode(GBytes *packet, xdrproc_t filter, void *body, GError **err)
{
    gsize len;
    const char *data = g_bytes_get_data(packet, &len);
    XDR xdr;
    bool_t ok;

    /* the stream reads only: the cast takes no promise away */
    xdrmem_create(&xdr, (char *)data + XFW_PACKET_MIN, len - XFW_PACKET_MIN,
                  XDR_DECODE);
    ok = filter(&xdr, body);
    xdr_destroy(&xdr);
    if (!ok)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_RPC,
                            "cannot decode the body of the message: it is "
                            "cut short or breaks a limit");
    return ok;
}

/* In whole characters */
static char *
cut_text(const char *text)
{
    char *valid = g_utf8_make_valid(text, -1);

    if (strlen(valid) > TEXT_MAX)
        *g_utf8_find_prev_char(valid, valid + TEXT_MAX + 1) = '\0';
    return valid;
}

static GBytes *
error_packet(const struct xf_rpc_header *call, enum xfw_type type,
             const GError *why, enum xfw_error_domain domain)
{
    g_autofree char *text = cut_text(why->message);
    char *template = (char *)"%s";
    char *marker = (char *)XF_RPC_IN_DOUBT;
    struct xf_rpc_header header = *call;
    struct xfw_error body = {
        .code = xf_error_to_libvirt(why),
        .domain = domain,
        .message = &text,
        .level = LEVEL_ERROR,
        .str1 = &template,
        .str2 = &text,
        .int1 = -1,
        .int2 = -1,
    };
    g_autoptr(GError) err = NULL;
    GBytes *packet;

    if (g_error_matches(why, XF_ERROR, XF_ERROR_IN_DOUBT))
        body.str3 = &marker;
    header.type = type;
    header.status = XFW_ERROR;
    packet = xf_rpc_packet_new(&header, XF_XDR(xfw_error), &body, &err);
    g_assert(packet);
    return packet;
}

GBytes *
xf_rpc_error_packet(const struct xf_rpc_header *call, const GError *why,
                    enum xfw_error_domain domain)
{
    return error_packet(call, XFW_REPLY, why, domain);
}

GBytes *
xf_rpc_stream_error_packet(const struct xf_rpc_header *call,
                           const GError *why, enum xfw_error_domain domain)
{
    return error_packet(call, XFW_STREAM, why, domain);
}

static gboolean
is_unknown_procedure(const struct xfw_error *body)
{
    /* how libvirtd says that it is too old for a call */
    return body->code == 39 && body->domain == XFW_FROM_RPC && body->message &&
           g_str_has_prefix(*body->message, "unknown procedure");
}

static enum xf_error_code
code_of(const struct xfw_error *body)
{
    enum xf_error_code code = xf_error_from_libvirt(body->code);

    if (is_unknown_procedure(body))
        return XF_ERROR_NO_SUPPORT;
    if (code == XF_ERROR_TIMEOUT && body->str3 &&
        strcmp(*body->str3, XF_RPC_IN_DOUBT) == 0)
        return XF_ERROR_IN_DOUBT;
    return code;
}

void
xf_rpc_error_decode(GBytes *packet, GError **err)
{
    struct xfw_error body = { 0 };

    if (xf_rpc_body_decode(packet, XF_XDR(xfw_error), &body, err)) {
        g_autofree char *text =
            body.message ? g_utf8_make_valid(*body.message, -1) : NULL;

        if (text && *text)
            g_set_error_literal(err, XF_ERROR, code_of(&body), text);
        else
            g_set_error(err, XF_ERROR, code_of(&body),
                        "the peer reports libvirt error %d, without a text",
                        body.code);
    } else {
        g_prefix_error(err, "error reply of the peer: ");
    }
    xdr_free(XF_XDR(xfw_error), &body);
}
