/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/unit/rpc-common.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static gpointer
run_loop(gpointer data)
{
    struct test_server *t = data;

    g_main_loop_run(t->loop);
    return NULL;
}

void
test_server_start(struct test_server *t,
                  const struct xf_rpc_server_config *config,
                  void (*setup)(struct test_server *t))
{
    struct xf_rpc_backend backend = { double_open, &t->world };
    struct xf_rpc_server_config defaults;

    double_world_init(&t->world);
    xf_rpc_server_config_init(&defaults);
    t->context = g_main_context_new();
    t->loop = g_main_loop_new(t->context, FALSE);
    t->server = xf_rpc_server_new(t->context, config ? config : &defaults,
                                  &backend);
    if (setup)
        setup(t);
    t->thread = g_thread_new("server", run_loop, t);
}

static gboolean
quit(gpointer data)
{
    g_main_loop_quit(data);
    return G_SOURCE_REMOVE;
}

void
test_server_end(struct test_server *t)
{
    GSource *source = g_idle_source_new();

    g_source_set_callback(source, quit, t->loop, NULL);
    g_source_attach(source, t->context);
    g_source_unref(source);
    g_thread_join(t->thread);
    xf_rpc_server_free(t->server);
    g_main_loop_unref(t->loop);
    g_main_context_unref(t->context);
}

void
test_server_stop(struct test_server *t)
{
    test_server_end(t);
    double_world_clear(&t->world);
}

struct add {
    struct test_server *t;
    int fd;
};

static gboolean
add_client(gpointer data)
{
    struct add *add = data;

    xf_rpc_server_add_client(add->t->server, add->fd);
    return G_SOURCE_REMOVE;
}

int
test_server_connect(struct test_server *t)
{
    const struct timeval limit = { .tv_sec = 30 };
    struct add *add = g_new(struct add, 1);
    GSource *source = g_idle_source_new();
    int fds[2];

    ck_assert_int_eq(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    add->t = t;
    add->fd = fds[1];
    g_source_set_callback(source, add_client, add, g_free);
    g_source_attach(source, t->context);
    g_source_unref(source);
    return fds[0];
}

GByteArray *
hex(const char *digits)
{
    GByteArray *bytes = g_byte_array_new();
    int high = -1;

    for (; *digits; digits++) {
        int value = g_ascii_xdigit_value(*digits);
        guint8 byte;

        if (*digits == ' ')
            continue;
        ck_assert_msg(value >= 0, "no hex digit: %c", *digits);
        if (high < 0) {
            high = value;
            continue;
        }
        byte = high << 4 | value;
        g_byte_array_append(bytes, &byte, 1);
        high = -1;
    }
    ck_assert_int_lt(high, 0);
    return bytes;
}

void
send_bytes(int fd, const void *data, gsize len)
{
    while (len > 0) {
        ssize_t r = send(fd, data, len, MSG_NOSIGNAL);

        ck_assert_int_gt(r, 0);
        data = (const char *)data + r;
        len -= r;
    }
}

void
send_hex(int fd, const char *digits)
{
    g_autoptr(GByteArray) bytes = hex(digits);

    send_bytes(fd, bytes->data, bytes->len);
}

void
send_call(int fd, int proc, guint32 serial, xdrproc_t filter, void *args)
{
    struct xf_rpc_header header = {
        .prog = XFW_PROGRAM, .vers = XFW_VERSION, .proc = proc,
        .type = XFW_CALL, .serial = serial, .status = XFW_OK,
    };
    g_autoptr(GBytes) packet = xf_rpc_packet_new(&header, filter, args, NULL);
    gsize len;
    const void *data;

    ck_assert_ptr_nonnull(packet);
    data = g_bytes_get_data(packet, &len);
    send_bytes(fd, data, len);
}

/* FALSE: closed before the first byte */
static gboolean
recv_all(int fd, guint8 *data, gsize len)
{
    gsize done = 0;

    while (done < len) {
        ssize_t r = recv(fd, data + done, len - done, 0);

        ck_assert_msg(r >= 0, "nothing came");
        if (r == 0) {
            ck_assert_uint_eq(done, 0);
            return FALSE;
        }
        done += r;
    }
    return TRUE;
}

GBytes *
recv_packet(int fd, struct xf_rpc_header *header)
{
    guint8 start[4];
    guint8 *packet;
    gssize len;

    if (!recv_all(fd, start, sizeof(start)))
        return NULL;
    len = xf_rpc_packet_length(start, sizeof(start));
    ck_assert_int_gt(len, 0);
    packet = g_malloc(len);
    memcpy(packet, start, sizeof(start));
    ck_assert(recv_all(fd, packet + sizeof(start), len - sizeof(start)));
    xf_rpc_header_decode(packet, header);
    return g_bytes_new_take(packet, len);
}

void
expect_hex(int fd, const char *digits)
{
    g_autoptr(GByteArray) want = hex(digits);
    struct xf_rpc_header header;
    g_autoptr(GBytes) packet = recv_packet(fd, &header);

    ck_assert_ptr_nonnull(packet);
    ck_assert_uint_eq(g_bytes_get_size(packet), want->len);
    ck_assert_mem_eq(g_bytes_get_data(packet, NULL), want->data, want->len);
}

void
expect_closed(int fd)
{
    struct xf_rpc_header header;
    g_autoptr(GBytes) packet = recv_packet(fd, &header);

    ck_assert_ptr_null(packet);
}

static GBytes *
recv_answer(int fd, int proc, guint32 serial, guint32 status)
{
    struct xf_rpc_header header;
    GBytes *packet = recv_packet(fd, &header);

    while (packet && header.prog == XFW_KEEPALIVE) {
        g_bytes_unref(packet);
        packet = recv_packet(fd, &header);
    }
    ck_assert_ptr_nonnull(packet);
    ck_assert_int_eq(header.proc, proc);
    ck_assert_uint_eq(header.serial, serial);
    ck_assert_uint_eq(header.type, XFW_REPLY);
    ck_assert_uint_eq(header.status, status);
    return packet;
}

void
expect_reply(int fd, int proc, guint32 serial, xdrproc_t filter, void *ret)
{
    g_autoptr(GBytes) packet = recv_answer(fd, proc, serial, XFW_OK);

    if (filter)
        ck_assert(xf_rpc_body_decode(packet, filter, ret, NULL));
    else
        ck_assert_uint_eq(g_bytes_get_size(packet), XFW_PACKET_MIN);
}

void
expect_error(int fd, int proc, guint32 serial, int code, int domain,
             const char *text)
{
    g_autoptr(GBytes) packet = recv_answer(fd, proc, serial, XFW_ERROR);
    struct xfw_error body = { 0 };

    ck_assert(xf_rpc_body_decode(packet, XF_XDR(xfw_error), &body, NULL));
    ck_assert_ptr_nonnull(body.message);
    ck_assert_msg(g_str_has_prefix(*body.message, text), "'%s', not '%s'",
                  *body.message, text);
    ck_assert_int_eq(body.code, code);
    ck_assert_int_eq(body.domain, domain);
    ck_assert_int_eq(body.level, 2);
    xdr_free(XF_XDR(xfw_error), &body);
}

void
open_raw(int fd, guint flags)
{
    char *name = (char *)"xen:///system";
    struct xfw_open_args args = { .name = &name, .flags = flags };

    send_call(fd, XFW_PROC_CONNECT_OPEN, 0, XF_XDR(xfw_open_args), &args);
    expect_reply(fd, XFW_PROC_CONNECT_OPEN, 0, NULL, NULL);
}

void
fill_domain(struct xfw_domain *dom)
{
    dom->name = (char *)DOUBLE_NAME;
    memcpy(dom->uuid, double_uuid, sizeof(dom->uuid));
    dom->id = DOUBLE_ID;
}

void
send_perform(int fd, guint32 serial)
{
    struct xfw_perform3_params_args args = { .flags = 1 };

    fill_domain(&args.dom);
    send_call(fd, XFW_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS, serial,
              XF_XDR(xfw_perform3_params_args), &args);
}

void
expect_perform(int fd, guint32 serial)
{
    struct xfw_perform3_ret ret = { 0 };

    expect_reply(fd, XFW_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS, serial,
                 XF_XDR(xfw_perform3_ret), &ret);
    ck_assert_uint_eq(ret.cookie_out.xfw_cookie_len, 2);
    xdr_free(XF_XDR(xfw_perform3_ret), &ret);
}

void
check_served(int fd, guint32 serial)
{
    struct xfw_string_ret ret = { 0 };

    send_call(fd, XFW_PROC_CONNECT_GET_HOSTNAME, serial, NULL, NULL);
    expect_reply(fd, XFW_PROC_CONNECT_GET_HOSTNAME, serial,
                 XF_XDR(xfw_string_ret), &ret);
    ck_assert_str_eq(ret.value, "double.example");
    xdr_free(XF_XDR(xfw_string_ret), &ret);
}
