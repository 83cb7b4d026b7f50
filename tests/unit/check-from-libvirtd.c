/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a stock libvirtd (a stand-in for one): who may connect, and whatever
 * fails on the way, the guest is on exactly one side, or kept and recorded
 * where the other side's rule leaves no more.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "tests/unit/trek.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

START_TEST(here)
{
    must_move();
    /* and on, as one of ours */
    ck_assert(t.to == dst.conn);
    moves_from(&dst);
}
END_TEST

START_TEST(here_paused)
{
    struct xf_hv_domain info;

    t.flags |= XF_MIGRATE_PAUSED;
    must(moves());
    ck_assert(guest_on(&dst, &info));
    ck_assert(info.paused);
    ck_assert(dst.hv->ops->unpause(dst.hv, info.domid, NULL));
    settled_on(&dst);
}
END_TEST

START_TEST(not_allowed)
{
    trek_ports(0, 0);
    t.to = dst.conn;
    must(begin());
    ck_assert(!prepare());
    said(XF_ERROR_UNSUPPORTED, "libvirtd_ports");
    ck_assert_ptr_null(t.uri);
    settled_on(&src);
}
END_TEST

START_TEST(no_host_name)
{
    static const struct {
        const char *hostname;
        int code;
        const char *words;
    } names[] = {
        { NULL, XF_ERROR_INVALID_ARG, "on which host" },
        { "nowhere.invalid", XF_ERROR_NO_CONNECT, "nowhere.invalid" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        stock_set_hostname(stock, names[i].hostname);
        must(begin());
        ck_assert(!prepare());
        said(names[i].code, names[i].words);
        must(confirm(TRUE) || t.err);
    }
    settled_on(&src);
}
END_TEST

START_TEST(a_port_of_the_clients_choice)
{
    /* those beside the range */
    g_autofree char *below = g_strdup_printf(
        "tcp://127.0.0.1:%u", dst.config.foreign_ports[0] - 1);
    g_autofree char *above = g_strdup_printf(
        "tcp://127.0.0.1:%u", dst.config.foreign_ports[1] + 1);
    const char *const uris[] = { below, above, "http://x/" };
    struct xf_migrate_args args = { .flags = t.flags };
    int port;

    must(begin());
    args.xml = t.xml;
    args.cookie_in = t.begun;
    for (gsize i = 0; i < G_N_ELEMENTS(uris); i++) {
        g_autofree char *uri = NULL;

        args.uri = uris[i];
        g_clear_error(&t.err);
        ck_assert(!t.to->driver->prepare3(t.to, &args, &t.prepared, &uri,
                                          &t.err));
        ck_assert_int_eq(t.err->code, XF_ERROR_INVALID_ARG);
    }
    g_clear_error(&t.err);
    args.uri = "tcp://127.0.0.1";
    must(t.to->driver->prepare3(t.to, &args, &t.prepared, &t.uri, &t.err));
    ck_assert(g_str_has_prefix(t.uri, "tcp://127.0.0.1:"));
    port = atoi(strrchr(t.uri, ':') + 1);
    ck_assert_int_ge(port, dst.config.foreign_ports[0]);
    ck_assert_int_le(port, dst.config.foreign_ports[1]);
    must(perform());
    must(finish(FALSE));
    must(confirm(FALSE));
    settled_on(&dst);
}
END_TEST

static int
knock(const char *from)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    struct sockaddr_in own = { .sin_family = AF_INET };
    XF_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_port = htons(atoi(strrchr(t.uri, ':') + 1));
    ck_assert(inet_aton("127.0.0.1", &to.sin_addr));
    ck_assert(inet_aton(from, &own.sin_addr));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        return -1;
    return xf_steal_fd(&fd);
}

/* Strangers are sent away; who is awaited comes after them. */
START_TEST(strangers)
{
    must(begin());
    must(prepare());
    for (int i = 0; i < 3; i++) {
        XF_AUTO_FD int fd = knock("127.0.0.2");
        char byte;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
    }
    must(perform());
    must(finish(FALSE));
    must(confirm(FALSE));
    settled_on(&dst);
}
END_TEST

/* The source's own client, or its administrator, sees to it; its libvirtd
 * resumes a guest by Confirm alone, and not even then if its stream broke. */
static void
source_goes_on(void)
{
    struct xf_hv_domain info;

    if (!confirm(TRUE) && guest_on(&src, &info) && info.suspended)
        ck_assert(src.hv->ops->resume(src.hv, info.domid, FALSE, NULL));
    settled_on(&src);
}

START_TEST(from_another_address)
{
    must(begin());
    must(prepare());
    stock_connect_from(stock, "127.0.0.3");
    /* what is small may all be sent before it is noticed */
    ck_assert(!finish(perform() ? FALSE : TRUE));
    source_goes_on();
    stock_connect_from(stock, NULL);
    must_move();
}
END_TEST

/* The first that may connect is the one; the port is closed behind it. */
START_TEST(two_connect)
{
    XF_AUTO_FD int first = -1;

    must(begin());
    must(prepare());
    first = knock("127.0.0.1");
    ck_assert_int_ge(first, 0);
    wait_for(receiving, &dst);
    ck_assert(!perform());
    xf_close_fd(&first);
    ck_assert(!finish(TRUE));
    wait_for(no_records, &dst);
    ck_assert(is_empty(&dst));
    ck_assert_int_lt(knock("127.0.0.1"), 0);
    must(confirm(TRUE) || t.err);
    settled_on(&src);
    must_move();
}
END_TEST

START_TEST(nobody_connects)
{
    must(begin());
    must(prepare());
    dst.engine->config.finish_timeout_ms = 100;
    wait_for(no_records, &dst);
    ck_assert_int_lt(knock("127.0.0.1"), 0);
    ck_assert(!finish(FALSE));
    ck_assert(is_empty(&dst));
    settled_on(&src);
}
END_TEST

START_TEST(nobody_connects_before_finish)
{
    must(begin());
    must(prepare());
    dst.engine->config.connect_timeout_ms = 100;
    ck_assert(!finish(FALSE));
    said(XF_ERROR_OPERATION_FAILED, "has not arrived");
    wait_for(no_records, &dst);
    settled_on(&src);
}
END_TEST

START_TEST(here_it_fails_on_the_way)
{
    struct host *host = failures[_i].at_source ? &src : &dst;

    must(begin());
    must(prepare());
    xf_sim_fault(host->dir, "host", failures[_i].point, failures[_i].value);
    /* a libvirtd may not notice in Perform; in Finish it hears of it */
    if (!perform())
        ck_assert(!finish(TRUE));
    else
        ck_assert(!finish(FALSE));
    ck_assert_uint_gt(xf_sim_hits(host->dir, failures[_i].point), 0);
    wait_for(no_records, &dst);
    ck_assert(is_empty(&dst));
    source_goes_on();
    must_move();
}
END_TEST

/* The source has written all, and much of it is still on its way. */
START_TEST(finish_waits_for_the_stream)
{
    must(begin());
    must(prepare());
    xf_sim_fault(dst.dir, "host", "devices", "delay:300");
    must(perform());
    must(finish(FALSE));
    must(confirm(FALSE));
    settled_on(&dst);
}
END_TEST

START_TEST(finish_cancels)
{
    must(begin());
    must(prepare());
    must(perform());
    if (_i)
        wait_for(received, &dst);
    ck_assert(!finish(TRUE));
    said(XF_ERROR_FINISH_OK, "nothing of it is left");
    must(confirm(TRUE));
    settled_on(&src);
    must_move();
}
END_TEST

START_TEST(the_client_goes_when_prepared)
{
    must(begin());
    must(prepare());
    client_goes();
    wait_for(no_records, &dst);
    ck_assert_int_lt(knock("127.0.0.1"), 0);
    ck_assert(is_empty(&dst));
    settled_on(&src);
}
END_TEST

START_TEST(the_client_goes_in_mid_stream)
{
    XF_AUTO_FD int half = -1;

    must(begin());
    must(prepare());
    half = knock("127.0.0.1");
    wait_for(receiving, &dst);
    client_goes();
    wait_for(no_records, &dst);
    ck_assert(is_empty(&dst));
    must(confirm(TRUE) || t.err);
    settled_on(&src);
    must_move();
}
END_TEST

/* Complete, and nobody says what is to become of it: it is kept, paused. */
static void
orphan(void)
{
    g_autofree char *trouble = NULL;
    g_autofree char *state = NULL;
    struct xf_hv_domain info;

    must(begin());
    must(prepare());
    must(perform());
    wait_for(received, &dst);
    client_goes();
    ck_assert(!finish(FALSE));
    said(XF_ERROR_OPERATION_FAILED, "has no migration of it");
    ck_assert(xf_sim_find(dst.dir, "g--incoming", &info));
    ck_assert(info.paused);
    ck_assert(waits_suspended(&src));
    cannot_be_asked(&dst);
    state = state_of(&dst, &trouble);
    ck_assert_str_eq(state, "received");
    ck_assert_msg(strstr(trouble, "--assume-committed"), "%s", trouble);
}

START_TEST(an_orphan_is_revoked)
{
    orphan();
    if (_i)
        restart(&dst);
    wait_for(received, &dst);
    resolve(&dst, XF_ASSUME_REVOKED);
    must(confirm(TRUE));
    settled_on(&src);
    must_move();
}
END_TEST

START_TEST(an_orphan_is_committed)
{
    struct xf_hv_domain info;

    orphan();
    if (_i)
        restart(&dst);
    wait_for(received, &dst);
    /* whoever says so has seen to that */
    ck_assert(guest_on(&src, &info));
    ck_assert(src.hv->ops->destroy(src.hv, info.domid, NULL));
    resolve(&dst, XF_ASSUME_COMMITTED);
    settled_on(&dst);
}
END_TEST

START_TEST(an_orphan_expires)
{
    dst.engine->config.keep_orphan_ms = 500;
    must(begin());
    must(prepare());
    must(perform());
    wait_for(received, &dst);
    client_goes();
    wait_for(no_records, &dst);
    ck_assert(is_empty(&dst));
    must(confirm(TRUE));
    settled_on(&src);
}
END_TEST

/* A source that begins again has its copy: the orphan is in nobody's way. */
START_TEST(an_orphan_is_superseded)
{
    orphan();
    must(confirm(TRUE));
    must_move();
}
END_TEST

/* The client has been told that it failed, so it must have. */
START_TEST(a_commit_is_not_on_disk)
{
    must(begin());
    must(prepare());
    must(perform());
    wait_for(received, &dst);
    host_disk_full(&dst, TRUE);
    ck_assert(!finish(FALSE));
    host_disk_full(&dst, FALSE);
    ck_assert(!guest_on(&dst, &(struct xf_hv_domain){ 0 }));
    must(confirm(TRUE));
    client_goes();
    if (!no_records(&dst))
        resolve(&dst, XF_ASSUME_REVOKED);
    settled_on(&src);
}
END_TEST

/* Committed is committed: the client hears of a success, and it runs soon. */
START_TEST(the_switch_fails_once)
{
    must(begin());
    must(prepare());
    must(perform());
    xf_sim_fault(dst.dir, "host", _i ? "rename" : "unpause", "fail*1");
    must(finish(FALSE));
    must(confirm(FALSE));
    settled_on(&dst);
}
END_TEST

/* Acts, and the answer is lost. */
static const struct xf_driver *whole;

static struct xf_domain_ref *
lost_finish(struct xf_conn *conn, const struct xf_migrate_args *args,
            GBytes **cookie_out, GError **err)
{
    xf_domain_ref_free(whole->finish3(conn, args, cookie_out, err));
    g_clear_pointer(cookie_out, g_bytes_unref);
    g_clear_error(err);
    g_set_error_literal(err, XF_ERROR, XF_ERROR_NO_CONNECT, "lost");
    return NULL;
}

/* It runs here: our own client does not let it run there as well. */
START_TEST(the_answer_to_finish_is_lost)
{
    struct xf_driver partial = *dst.conn->driver;
    struct xf_hv_domain info;

    whole = dst.conn->driver;
    partial.finish3 = lost_finish;
    dst.conn->driver = &partial;
    ck_assert(!moves());
    dst.conn->driver = whole;
    said(XF_ERROR_IN_DOUBT, "xl destroy");
    ck_assert(guest_on(&dst, &info));
    ck_assert(!info.paused && !info.suspended);
    ck_assert(guest_on(&src, &info));
    ck_assert(info.suspended);
    ck_assert(src.hv->ops->destroy(src.hv, info.domid, NULL));
    settled_on(&dst);
}
END_TEST

static void
set_up(void)
{
    world_setup();
    trek_from_stock();
}

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { here, 1 },
        { here_paused, 1 },
        { not_allowed, 1 },
        { no_host_name, 1 },
        { a_port_of_the_clients_choice, 2 },
        { strangers, 2 },
        { from_another_address, 1 },
        { two_connect, 2 },
        { nobody_connects, 2 },
        { nobody_connects_before_finish, 1 },
        { here_it_fails_on_the_way, FAILURES },
        { finish_waits_for_the_stream, 1 },
        { finish_cancels, 2 },
        { the_client_goes_when_prepared, 2 },
        { the_client_goes_in_mid_stream, 1 },
        { an_orphan_is_revoked, 2 },
        { an_orphan_is_committed, 2 },
        { an_orphan_expires, 1 },
        { an_orphan_is_superseded, 1 },
        { a_commit_is_not_on_disk, 1 },
        { the_switch_fails_once, 2 },
        { the_answer_to_finish_is_lost, 1 },
        { NULL, 0 }
    };

    return xf_unit_main_rows("from-libvirtd", tests, 2 * XF_UNIT_TIMEOUT, set_up,
                             trek_tear_down);
}
