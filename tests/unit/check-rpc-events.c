/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events over the wire: who gets which, in what bytes, and what becomes of a
 * client that does not read them. */
#include "config.h"

#include "protocol/rpc/link.h"
#include "tests/unit/rpc-common.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OTHER_UUID "99999999-0000-0000-0000-000000000000"

struct world {
    struct test_server t;
    int fd;
    guint32 serial;
};

static void
start(struct world *w)
{
    memset(w, 0, sizeof(*w));
    test_server_start(&w->t, NULL, NULL);
    w->fd = test_server_connect(&w->t);
    open_raw(w->fd, 0);
}

static void
stop(struct world *w)
{
    close(w->fd);
    test_server_stop(&w->t);
}

/* Returns the callback's id. */
static int
add(struct world *w, int event, const struct xfw_domain *dom)
{
    struct xfw_callback_register_args args = {
        .event = event, .dom = (struct xfw_domain *)dom,
    };
    struct xfw_int ret = { 0 };

    w->serial++;
    send_call(w->fd, 316, w->serial, XF_XDR(xfw_callback_register_args),
              &args);
    expect_reply(w->fd, 316, w->serial, XF_XDR(xfw_int), &ret);
    return ret.value;
}

/* A call whose argument is a number. */
static void
call_int(struct world *w, int proc, int value)
{
    struct xfw_int args = { .value = value };

    w->serial++;
    send_call(w->fd, proc, w->serial, XF_XDR(xfw_int), &args);
}

static void
tell(struct world *w, const char *name, const guint8 *uuid,
     enum xf_lifecycle event, enum xf_life_detail detail)
{
    XF_AUTO(xf_domain_ref) *dom = xf_domain_ref_new(name, uuid, 7);

    xf_notices_life(w->t.world.notices, dom, event, detail, -1);
}

#define G1 "00000002 67310000 00010203 04050607 08090a0b 0c0d0e0f 00000007"

START_TEST(bytes_of_a_lifecycle_event)
{
    struct world w;

    start(&w);
    ck_assert_int_eq(add(&w, 0, NULL), 1);
    ck_assert_int_eq(add(&w, 0, NULL), 2);
    tell(&w, "g1", double_uuid, XF_LIFE_STOPPED, XF_STOPPED_MIGRATED);
    expect_hex(w.fd, "00000044 20008086 00000001 0000013e 00000002 00000001"
               "00000000 00000001" G1 "00000005 00000003");
    expect_hex(w.fd, "00000044 20008086 00000001 0000013e 00000002 00000001"
               "00000000 00000002" G1 "00000005 00000003");
    /* one of them goes: the other one's events go on, its number is free no
     * more */
    call_int(&w, 317, 1);
    expect_reply(w.fd, 317, w.serial, NULL, NULL);
    ck_assert_int_eq(add(&w, 1, NULL), 3);
    tell(&w, "g1", double_uuid, XF_LIFE_STARTED, XF_STARTED_BOOTED);
    expect_hex(w.fd, "00000044 20008086 00000001 0000013e 00000002 00000001"
               "00000000 00000002" G1 "00000002 00000000");
    stop(&w);
}
END_TEST

START_TEST(bytes_for_old_clients)
{
    struct world w;
    struct xfw_int ret = { 0 };
    XF_AUTO(xf_domain_ref) *dom = xf_domain_ref_new("g1", double_uuid, 7);
    const struct xf_notice reboot = { .kind = XF_NOTICE_REBOOT, .dom = dom };

    start(&w);
    send_call(w.fd, 105, 1, NULL, NULL);
    expect_reply(w.fd, 105, 1, XF_XDR(xfw_int), &ret);
    ck_assert_int_eq(ret.value, 1);
    w.serial = 1;
    call_int(&w, 167, 1);
    expect_reply(w.fd, 167, w.serial, NULL, NULL);
    tell(&w, "g1", double_uuid, XF_LIFE_SUSPENDED, XF_SUSPENDED_PAUSED);
    expect_hex(w.fd, "00000040 20008086 00000001 0000006b 00000002 00000001"
               "00000000" G1 "00000003 00000000");
    xf_notices_tell(w.t.world.notices, &reboot);
    expect_hex(w.fd, "00000038 20008086 00000001 000000a9 00000002 00000001"
               "00000000" G1);
    /* lifecycle is the same event both ways */
    call_int(&w, 168, 0);
    expect_reply(w.fd, 168, w.serial, NULL, NULL);
    send_call(w.fd, 106, 50, NULL, NULL);
    expect_error(w.fd, 106, 50, 8, 41, "this client has not registered");
    stop(&w);
}
END_TEST

START_TEST(of_one_domain_only)
{
    struct world w;
    struct xfw_domain g1 = { .name = (char *)"another name now", .id = -1 };
    guint8 other[XF_UUID_LEN];

    memcpy(g1.uuid, double_uuid, XF_UUID_LEN);
    ck_assert(xf_uuid_parse(OTHER_UUID, other));
    start(&w);
    ck_assert_int_eq(add(&w, 0, &g1), 1);
    tell(&w, "other", other, XF_LIFE_STARTED, XF_STARTED_BOOTED);
    tell(&w, "g1", double_uuid, XF_LIFE_STARTED, XF_STARTED_BOOTED);
    expect_hex(w.fd, "00000044 20008086 00000001 0000013e 00000002 00000001"
               "00000000 00000001" G1 "00000002 00000000");
    check_served(w.fd, 60);
    stop(&w);
}
END_TEST

START_TEST(figures_of_a_job)
{
    struct world w;
    struct xf_rpc_header header;
    struct xfw_event_callback_job_completed body = { 0 };
    XF_AUTO(xf_domain_ref) *dom = xf_domain_ref_new("g1", double_uuid, 7);
    const struct xf_job_info job = {
        .type = XF_JOB_COMPLETED, .time_elapsed = 1234, .phase = "confirm",
    };
    const struct xf_notice notice = {
        .kind = XF_NOTICE_JOB_COMPLETED, .dom = dom, .job = &job,
    };

    start(&w);
    ck_assert_int_eq(add(&w, 21, NULL), 1);
    xf_notices_tell(w.t.world.notices, &notice);

    g_autoptr(GBytes) packet = recv_packet(w.fd, &header);

    ck_assert_int_eq(header.proc, 363);
    ck_assert_uint_eq(header.type, XFW_MESSAGE);
    ck_assert(xf_rpc_body_decode(
        packet, XF_XDR(xfw_event_callback_job_completed), &body, NULL));
    ck_assert_int_eq(body.callback, 1);
    ck_assert_str_eq(body.dom.name, "g1");
    ck_assert_uint_gt(body.params.params_len, 2);
    ck_assert_str_eq(body.params.params_val[0].field, "operation");
    ck_assert_int_eq(body.params.params_val[0].value.xfw_param_value_u.i, 5);
    ck_assert_str_eq(body.params.params_val[1].field, "time_elapsed");
    ck_assert_uint_eq(body.params.params_val[1].value.xfw_param_value_u.ul,
                      1234);
    xdr_free(XF_XDR(xfw_event_callback_job_completed), &body);
    stop(&w);
}
END_TEST

START_TEST(what_cannot_be_registered)
{
    static const int none[] = { -1, 28, G_MAXINT };
    struct world w;

    start(&w);
    for (gsize i = 0; i < G_N_ELEMENTS(none); i++) {
        struct xfw_callback_register_args args = { .event = none[i] };

        send_call(w.fd, 316, 70 + i, XF_XDR(xfw_callback_register_args),
                  &args);
        expect_error(w.fd, 316, 70 + i, 8, 41, "there is no event");
    }
    call_int(&w, 167, 20);
    expect_error(w.fd, 167, w.serial, 8, 41, "there is no event 20");
    call_int(&w, 317, 1);
    expect_error(w.fd, 317, w.serial, 8, 41, "this client has no event");
    call_int(&w, 317, 0);
    expect_error(w.fd, 317, w.serial, 8, 41, "this client has no event");
    for (int i = 1; i <= 1024; i++)
        ck_assert_int_eq(add(&w, 26, NULL), i);

    struct xfw_callback_register_args more = { .event = 0 };

    send_call(w.fd, 316, 9999, XF_XDR(xfw_callback_register_args), &more);
    expect_error(w.fd, 316, 9999, 87, 41, "this client has 1024");
    stop(&w);
}
END_TEST

/* It is dropped; who told of the events was not held up, and others go on. */
START_TEST(who_does_not_read_is_dropped)
{
    struct world w;
    int other;
    guint told = 0;

    start(&w);
    other = test_server_connect(&w.t);
    open_raw(other, 0);
    ck_assert_int_eq(add(&w, 0, NULL), 1);
    g_mutex_lock(&w.t.world.lock);

    guint closed = w.t.world.closed;

    g_mutex_unlock(&w.t.world.lock);
    for (;;) {
        g_mutex_lock(&w.t.world.lock);

        gboolean dropped = w.t.world.closed > closed;

        g_mutex_unlock(&w.t.world.lock);
        if (dropped)
            break;
        tell(&w, "g1", double_uuid, XF_LIFE_STARTED, XF_STARTED_BOOTED);
        /* far more than any socket takes besides */
        ck_assert_uint_lt(++told, 10 * 1000 * 1000);
    }
    ck_assert_uint_gt(told, XF_RPC_OUT_MAX / 0x44);
    check_served(other, 1);
    close(other);
    stop(&w);
}
END_TEST

START_TEST(ends_with_the_connection)
{
    struct world w;
    int other;

    start(&w);
    other = test_server_connect(&w.t);
    open_raw(other, 0);
    ck_assert_int_eq(add(&w, 0, NULL), 1);
    send_call(w.fd, 2, 80, NULL, NULL);
    expect_reply(w.fd, 2, 80, NULL, NULL);
    ck_assert(double_wait(&w.t.world, &w.t.world.closed, 1));
    tell(&w, "g1", double_uuid, XF_LIFE_STARTED, XF_STARTED_BOOTED);
    check_served(other, 1);
    close(other);
    /* nothing came but the end */
    shutdown(w.fd, SHUT_WR);
    expect_closed(w.fd);
    stop(&w);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        bytes_of_a_lifecycle_event,
        bytes_for_old_clients,
        of_one_domain_only,
        figures_of_a_job,
        what_cannot_be_registered,
        who_does_not_read_is_dropped,
        ends_with_the_connection,
        NULL
    };

    return xf_unit_main("rpc-events", tests);
}
