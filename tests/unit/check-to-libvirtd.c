/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * To a stock libvirtd (a stand-in for one): whatever fails on the way, the
 * guest is on exactly one side, or recorded as in doubt where the other
 * side's rule leaves no more.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "tests/unit/trek.h"

#include <string.h>

START_TEST(there)
{
    t.flags |= XF_MIGRATE_UNSAFE;
    must_move();
}
END_TEST

START_TEST(there_at_a_rate)
{
    const struct xf_sequence_request request = { .flags = t.flags,
                                                 .bandwidth = 100 };
    XF_AUTO(xf_domain_ref) *dom =
        xf_sequence_run(t.from, t.dom, t.to, &request, &t.err);

    must(dom != NULL);
    settled_on(&dst);
}
END_TEST

/* What it refuses, before anything is sent. */
START_TEST(it_refuses)
{
    t.flags |= XF_MIGRATE_UNSAFE;
    must(begin());
    ck_assert(!prepare());
    said(XF_ERROR_INVALID_ARG, "unsupported flags (0x200)");
    must(confirm(TRUE));
    settled_on(&src);
    must_move();
}
END_TEST

/* Nothing has begun by then: neither host knows of it. */
START_TEST(an_xml_to_be_stored)
{
    const struct xf_sequence_request request = {
        .flags = t.flags | XF_MIGRATE_PERSIST_DEST,
        .persist_xml = "<domain/>",
    };
    struct xf_sequence_request other = request;
    XF_AUTO(xf_domain_ref) *dom =
        xf_sequence_run(t.from, t.dom, t.to, &request, &t.err);

    ck_assert_ptr_null(dom);
    said(XF_ERROR_ARG_UNSUPPORTED, "(persistent_xml)");
    g_clear_error(&t.err);
    ck_assert(no_records(&src));
    other.persist_xml = NULL;
    other.protocol = XF_PROTOCOL_V3;
    dom = xf_sequence_run(t.from, t.dom, t.to, &other, &t.err);
    ck_assert_ptr_null(dom);
    said(XF_ERROR_NO_SUPPORT, "not supported by the connection driver");
    g_clear_error(&t.err);
    settled_on(&src);
    must_move();
}
END_TEST

START_TEST(it_fails_on_the_way)
{
    struct host *host = failures[_i].at_source ? &src : &dst;

    xf_sim_fault(host->dir, "host", failures[_i].point, failures[_i].value);
    ck_assert(!moves());
    ck_assert_uint_gt(xf_sim_hits(host->dir, failures[_i].point), 0);
    settled_on(&src);
    must_move();
}
END_TEST

START_TEST(nobody_listens)
{
    must(begin());
    must(prepare());
    g_free(t.uri);
    t.uri = g_strdup("tcp://127.0.0.1:1");
    ck_assert(!perform());
    said(XF_ERROR_NO_CONNECT, "runs on here");
    ck_assert(!finish(TRUE));
    settled_on(&src);
    must_move();
}
END_TEST

START_TEST(no_port)
{
    must(begin());
    must(prepare());
    g_free(t.uri);
    t.uri = g_strdup("tcp://127.0.0.1");
    ck_assert(!perform());
    said(XF_ERROR_INVALID_ARG, "names no port");
    ck_assert(!finish(TRUE));
    settled_on(&src);
}
END_TEST

START_TEST(finish_fails)
{
    xf_sim_fault(dst.dir, "host", "unpause", "fail*1");
    ck_assert(!moves());
    settled_on(&src);
    must_move();
}
END_TEST

START_TEST(cancelled_after_perform)
{
    must(begin());
    must(prepare());
    must(perform());
    ck_assert(waits_suspended(&src));
    ck_assert(!finish(TRUE));
    must(confirm(TRUE));
    settled_on(&src);
    must_move();
}
END_TEST

/* Our own client does not guess: the guest runs there, and is in doubt here. */
START_TEST(the_answer_to_finish_is_lost)
{
    stock_lose_finish(stock, 1);
    ck_assert(!moves());
    said(XF_ERROR_IN_DOUBT, "xenferry resolve");
    ck_assert(waits_suspended(&src));
    client_goes();
    wait_for(in_doubt, &src);
    ck_assert(waits_suspended(&src));
    cannot_be_asked(&src);
    resolve(&src, XF_ASSUME_COMMITTED);
    settled_on(&dst);
}
END_TEST

START_TEST(the_client_goes_after_perform)
{
    struct xf_hv_domain info;

    must(begin());
    must(prepare());
    must(perform());
    client_goes();
    wait_for(in_doubt, &src);
    cannot_be_asked(&src);
    if (_i) {                   /* a restart finds it as it was */
        restart(&src);
        wait_for(in_doubt, &src);
        ck_assert(waits_suspended(&src));
    }
    ck_assert(!finish(TRUE));
    resolve(&src, XF_ASSUME_REVOKED);
    settled_on(&src);
    ck_assert(guest_on(&src, &info));
    must_move();
}
END_TEST

/* A client that comes back may still say it. */
START_TEST(confirmed_when_in_doubt)
{
    must(begin());
    must(prepare());
    must(perform());
    client_goes();
    wait_for(in_doubt, &src);
    if (_i) {
        must(finish(FALSE));
        must(confirm(FALSE));
        settled_on(&dst);
    } else {
        ck_assert(!finish(TRUE));
        must(confirm(TRUE));
        settled_on(&src);
    }
}
END_TEST

static gpointer
perform_thread(gpointer unused)
{
    return GINT_TO_POINTER(perform());
}

static gboolean
has_performed(struct host *host)
{
    g_autofree char *state = state_of(host, NULL);

    return strcmp(state, "performed") == 0;
}

/* It has sent all and waits for the other side to close: nobody can have been
 * told of a success. */
START_TEST(the_client_goes_before_performs_answer)
{
    GThread *thread;

    must(begin());
    must(prepare());
    stock_keep_open(stock, TRUE);
    thread = g_thread_new("perform", perform_thread, NULL);
    wait_for(has_performed, &src);
    ck_assert(!confirm(FALSE));
    said(XF_ERROR_OPERATION_INVALID, "has not ended");
    src.conn->driver->client_gone(src.conn);
    wait_for(in_doubt, &src);
    stock_keep_open(stock, FALSE);
    ck_assert(!finish(TRUE));       /* and it closes */
    ck_assert(!GPOINTER_TO_INT(g_thread_join(thread)));
    settled_on(&src);
    client_goes();
    must_move();
}
END_TEST

START_TEST(it_never_closes)
{
    must(begin());
    must(prepare());
    stock_keep_open(stock, TRUE);
    src.engine->config.ack_timeout_ms = 200;
    ck_assert(!perform());
    said(XF_ERROR_TIMEOUT, "did not take the end");
    stock_keep_open(stock, FALSE);
    ck_assert(!finish(TRUE));
    settled_on(&src);
}
END_TEST

/* What the client has said and cannot be written down is kept in mind. */
START_TEST(the_verdict_is_not_on_disk)
{
    must(begin());
    must(prepare());
    must(perform());
    must(finish(FALSE));
    host_disk_full(&src, TRUE);
    ck_assert(!confirm(FALSE));
    ck_assert(waits_suspended(&src));
    host_disk_full(&src, FALSE);
    settled_on(&dst);
}
END_TEST

START_TEST(a_restart_in_mid_stream)
{
    GThread *thread;

    must(begin());
    must(prepare());
    xf_sim_fault(dst.dir, "host", "stream-page", "hang@10");
    thread = g_thread_new("perform", perform_thread, NULL);
    ck_assert(xf_sim_wait_hits(dst.dir, "stream-page", 1, DEADLINE_MS));
    client_goes();
    xf_sim_fault(dst.dir, "host", "stream-page", NULL);
    ck_assert(!GPOINTER_TO_INT(g_thread_join(thread)));
    ck_assert(!finish(TRUE));
    restart(&src);
    settled_on(&src);
    must_move();
}
END_TEST

static void
set_up(void)
{
    world_setup();
    trek_to_stock();
}

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { there, 1 },
        { there_at_a_rate, 1 },
        { it_refuses, 1 },
        { an_xml_to_be_stored, 1 },
        { it_fails_on_the_way, FAILURES },
        { nobody_listens, 1 },
        { no_port, 1 },
        { finish_fails, 1 },
        { cancelled_after_perform, 1 },
        { the_answer_to_finish_is_lost, 1 },
        { the_client_goes_after_perform, 2 },
        { confirmed_when_in_doubt, 2 },
        { the_client_goes_before_performs_answer, 1 },
        { it_never_closes, 1 },
        { the_verdict_is_not_on_disk, 1 },
        { a_restart_in_mid_stream, 1 },
        { NULL, 0 }
    };

    return xf_unit_main_rows("to-libvirtd", tests, 2 * XF_UNIT_TIMEOUT, set_up,
                             trek_tear_down);
}
