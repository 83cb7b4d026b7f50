/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a packet, at both ends: the server answers every call with a
 * reply that a client can read; the client takes every reply as a result, or
 * as an error with a text. */
#include "config.h"

#include "protocol/rpc/params.h"
#include "protocol/rpc/procs.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/double.h"

static struct double_world world;
static struct xf_conn *conn;

static void
set_up(void)
{
    if (conn)
        return;
    double_world_init(&world);
    conn = double_open(&world, NULL);
}

static void
check_error(GBytes *packet)
{
    g_autoptr(GError) err = NULL;

    xf_rpc_error_decode(packet, &err);
    g_assert_nonnull(err);
    g_assert_true(g_utf8_validate(err->message, -1, NULL));
}

static void
check_reply(const struct xf_rpc_header *call, GBytes *reply)
{
    struct xf_rpc_header header;
    gsize len;
    const guint8 *data = g_bytes_get_data(reply, &len);

    g_assert_cmpint(xf_rpc_packet_length(data, len), ==, len);
    xf_rpc_header_decode(data, &header);
    g_assert_cmpuint(header.type, ==, XFW_REPLY);
    g_assert_cmpuint(header.serial, ==, call->serial);
    g_assert_cmpint(header.proc, ==, call->proc);
    if (header.status == XFW_ERROR)
        check_error(reply);
}

/* These look at their session, which is not here. */
static gboolean
needs_session(const struct xf_rpc_proc *proc)
{
    const struct xf_rpc_proc *events = xf_rpc_event_procs.rows;

    return (proc >= events && proc < events + xf_rpc_event_procs.count) ||
           proc->number == XFW_PROC_DOMAIN_MIGRATE_PREPARE_TUNNEL3 ||
           proc->number == XFW_PROC_DOMAIN_MIGRATE_PREPARE_TUNNEL3_PARAMS ||
           proc->number == XFW_PROC_CONNECT_OPEN ||
           proc->number == XFW_PROC_CONNECT_CLOSE ||
           proc->number == XFW_PROC_CONNECT_SUPPORTS_FEATURE ||
           proc->number == XFW_PROC_CONNECT_IS_SECURE;
}

static void
as_server(const struct xf_rpc_header *header, GBytes *packet)
{
    struct xf_rpc_call call = { .conn = conn,
                                .protocols = XF_PROTOCOL_ALL };
    g_autoptr(GError) err = NULL;
    const struct xf_rpc_proc *proc = xf_rpc_find_proc(header, &err);
    g_autoptr(GBytes) reply = NULL;
    char *line;

    if (proc && needs_session(proc))
        return;
    reply = proc ? xf_rpc_dispatch(proc, &call, header, packet)
                 : xf_rpc_error_packet(header, err, XFW_FROM_RPC);
    check_reply(header, reply);
    while ((line = double_take_line(&world)))
        g_free(line);
}

static void
as_client(GBytes *packet)
{
    struct xfw_job_stats_ret stats = { 0 };
    struct xfw_list_all_ret list = { 0 };
    struct xf_job_info info = { 0 };

    check_error(packet);
    if (xf_rpc_body_decode(packet, XF_XDR(xfw_job_stats_ret), &stats, NULL))
        xf_rpc_job_decode(&stats, &info);
    xdr_free(XF_XDR(xfw_job_stats_ret), &stats);
    xf_rpc_body_decode(packet, XF_XDR(xfw_list_all_ret), &list, NULL);
    xdr_free(XF_XDR(xfw_list_all_ret), &list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gssize length = xf_rpc_packet_length(data, size);
    g_autoptr(GBytes) packet = NULL;
    struct xf_rpc_header header;

    if (length <= 0 || (gsize)length > size)
        return 0;
    set_up();
    packet = g_bytes_new(data, length);
    xf_rpc_header_decode(data, &header);
    as_server(&header, packet);
    as_client(packet);
    return 0;
}
