/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Engines that are reached through a tunnel: that nothing but the way differs,
 * and what cannot go that way. */
#include "config.h"

#include "tests/unit/engine-world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TUNNELLED (XF_MIGRATE_LIVE | XF_MIGRATE_TUNNELLED)

/* Rows of most tests: v3, v2. */
#define BOTH 2
#define V2 (_i % BOTH)

static gboolean
tunnel_it(struct host *from, struct host *to, gboolean v2, GError **err)
{
    const struct xf_sequence_request request = { .flags = TUNNELLED };
    XF_AUTO(xf_domain_ref) *dom =
        from->conn->driver->lookup_by_name(from->conn, "g", err);
    XF_AUTO(xf_domain_ref) *moved =
        dom ? (v2 ? xf_sequence_v2 : xf_sequence_v3)(
                  from->conn, dom, to->conn, &request, err)
            : NULL;

    return moved != NULL;
}

static void
must_move(struct host *from, struct host *to, gboolean v2)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(tunnel_it(from, to, v2, &err), "%s",
                  err ? err->message : "");
    settled_on(to);
}

START_TEST(there_and_back)
{
    must_move(&src, &dst, V2);
    must_move(&dst, &src, V2);
}
END_TEST

/* Not one byte of it has gone to the port. */
START_TEST(by_that_way_alone)
{
    XF_AUTO(xf_domain_ref) *dom =
        src.conn->driver->lookup_by_name(src.conn, "g", NULL);
    struct xf_job_info info;

    must_move(&src, &dst, V2);
    ck_assert(src.conn->driver->job_info(src.conn, dom, TRUE, &info, NULL));
    ck_assert_uint_eq(info.wire_bytes, 0);
    ck_assert_uint_gt(info.mem_processed, 0);
}
END_TEST

START_TEST(paused_arrives_paused)
{
    struct xf_hv_domain info;
    g_autoptr(GError) err = NULL;

    ck_assert(guest_on(&src, &info));
    ck_assert(src.hv->ops->pause(src.hv, info.domid, NULL));
    ck_assert_msg(tunnel_it(&src, &dst, V2, &err), "%s",
                  err ? err->message : "");
    ck_assert(guest_on(&dst, &info));
    ck_assert(info.paused);
    ck_assert(dst.hv->ops->unpause(dst.hv, info.domid, NULL));
    settled_on(&dst);
}
END_TEST

/* -- step by step -- */

static struct walk walk;
static struct xf_tunnel tunnel;

static gboolean
prepare_tunnel(gboolean v2)
{
    const struct xf_driver *driver = dst.conn->driver;
    const struct xf_migrate_args args = {
        .flags = TUNNELLED, .xml = walk.xml, .cookie_in = walk.begin,
    };

    return (v2 ? driver->prepare_tunnel : driver->prepare_tunnel3)(
        dst.conn, &args, &tunnel, &walk.prepare, &walk.err);
}

static gboolean
perform_tunnel(gboolean v2)
{
    const struct xf_driver *driver = src.conn->driver;
    const struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE, .cookie_in = walk.prepare,
        .tunnel = &tunnel,
    };

    return v2 ? driver->perform(src.conn, walk.dom, &args, &walk.err)
              : driver->perform3(src.conn, walk.dom, &args, &walk.perform,
                                 &walk.err);
}

/* TRUE: it returned the domain. */
static gboolean
finish_tunnel(gboolean v2, gboolean cancelled)
{
    const struct xf_migrate_args args = {
        .flags = XF_MIGRATE_LIVE, .dname = "g", .cookie_in = walk.prepare,
        .cancelled = cancelled,
    };

    if (!v2)
        return walk_finish(&walk, cancelled);

    XF_AUTO(xf_domain_ref) *dom =
        dst.conn->driver->finish2(dst.conn, &args, &walk.err);

    return dom != NULL;
}

static void
begin(gboolean v2)
{
    tunnel = XF_TUNNEL_NONE;
    walk_init(&walk);
    if (v2)
        walk.xml = src.conn->driver->domain_xml(src.conn, walk.dom,
                                                XF_XML_SECURE, &walk.err);
    ck_assert(v2 ? walk.xml != NULL : walk_begin(&walk));
    ck_assert_msg(prepare_tunnel(v2), "%s",
                  walk.err ? walk.err->message : "");
    ck_assert_int_ge(tunnel.fd, 0);
}

/* Perform has failed by then: the source has let go by itself. */
static void
end_badly(gboolean v2)
{
    g_clear_error(&walk.err);
    ck_assert(!finish_tunnel(v2, TRUE));
    xf_tunnel_clear(&tunnel);
    walk_clear(&walk);
    settled_on(&src);
    must_move(&src, &dst, v2);
}

static void
cut(void)
{
    shutdown(tunnel.fd, SHUT_RDWR);
}

static void
stop_destination(void)
{
    host_stop(&dst);
    host_start(&dst);
}

/* Somebody else's bytes. */
static void
say_nonsense(void)
{
    ck_assert_int_eq(write(tunnel.fd, "nonsense", 8), 8);
}

static void (*const mishaps[])(void) = {
    cut, stop_destination, say_nonsense,
};

START_TEST(it_breaks_before_perform)
{
    begin(V2);
    mishaps[_i / BOTH]();
    ck_assert(!perform_tunnel(V2));
    ck_assert_msg(walk.err->code != XF_ERROR_IN_DOUBT, "%s",
                  walk.err->message);
    ck_assert_int_lt(tunnel.fd, 0);
    end_badly(V2);
}
END_TEST

/* In the middle, as when the connection is lost: the source's own end. */
static gpointer
cut_midway(gpointer fd)
{
    struct xf_hv_domain info;

    /* the copy is there once the stream has begun */
    ck_assert(xf_sim_wait_hits(src.dir, "suspend-page", 1, DEADLINE_MS));
    ck_assert(guest_on(&src, &info));
    shutdown(GPOINTER_TO_INT(fd), SHUT_RDWR);
    xf_sim_fault(src.dir, "host", "suspend-page", NULL);
    return NULL;
}

START_TEST(it_breaks_midway)
{
    begin(V2);
    xf_sim_fault(src.dir, "host", "suspend-page", "hang@10");

    int other = dup(tunnel.fd);
    GThread *thread =
        g_thread_new("cut", cut_midway, GINT_TO_POINTER(other));

    ck_assert(!perform_tunnel(V2));
    g_thread_join(thread);
    close(other);
    ck_assert_msg(walk.err->code != XF_ERROR_IN_DOUBT, "%s",
                  walk.err->message);
    end_badly(V2);
}
END_TEST

START_TEST(finished_step_by_step)
{
    struct xf_hv_domain info;

    begin(V2);
    ck_assert_msg(perform_tunnel(V2), "%s",
                  walk.err ? walk.err->message : "");
    xf_tunnel_clear(&tunnel);
    /* v2 has asked for the commit by the tunnel */
    ck_assert(guest_on(&src, &info) == !V2);
    ck_assert(finish_tunnel(V2, FALSE));
    ck_assert(V2 || walk_confirm(&walk, FALSE, walk.finish));
    walk_clear(&walk);
    settled_on(&dst);
}
END_TEST

/* The reply of Perform was lost: what is committed stays so. */
START_TEST(cancelled_too_late)
{
    begin(TRUE);
    ck_assert_msg(perform_tunnel(TRUE), "%s",
                  walk.err ? walk.err->message : "");
    xf_tunnel_clear(&tunnel);
    ck_assert(finish_tunnel(TRUE, TRUE));
    walk_clear(&walk);
    settled_on(&dst);
}
END_TEST

START_TEST(nobody_performs)
{
    begin(V2);
    client_of(&src);
    client_of(&dst);
    xf_tunnel_clear(&tunnel);
    walk_clear(&walk);
    settled_on(&src);
    must_move(&src, &dst, V2);
}
END_TEST

/* -- what cannot go that way -- */

static gboolean
refused(struct xf_conn *to, const struct xf_sequence_request *request,
        int code, const char *words)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_domain_ref) *dom =
        src.conn->driver->lookup_by_name(src.conn, "g", NULL);
    XF_AUTO(xf_domain_ref) *moved =
        xf_sequence_run(src.conn, dom, to, request, &err);

    ck_assert(!moved);
    err_said(err, code, words);
    settled_on(&src);
    return TRUE;
}

START_TEST(wishes_that_are_refused)
{
    refused(dst.conn,
            &(struct xf_sequence_request){ .flags = TUNNELLED,
                                           .uri = "tcp://h:1" },
            XF_ERROR_INVALID_ARG, "leave the migration uri out");
    refused(dst.conn,
            &(struct xf_sequence_request){
                .flags = XF_MIGRATE_TUNNELLED | XF_MIGRATE_OFFLINE
                         | XF_MIGRATE_PERSIST_DEST },
            XF_ERROR_INVALID_ARG, "leave tunnelled out");
    /* who prepares for that does not expect it elsewhere */
    walk_init(&walk);

    const struct xf_migrate_args args = { .flags = TUNNELLED };

    ck_assert(!src.conn->driver->begin3(src.conn, walk.dom, &args,
                                        &walk.begin, &walk.err));
    walk_said(&walk, XF_ERROR_INVALID_ARG, "tunnelled");
    walk_clear(&walk);
}
END_TEST

static int
is_stock(struct xf_conn *conn, int feature, GError **err)
{
    return feature == XF_FEATURE_MIGRATION_V3
           || feature == XF_FEATURE_MIGRATION_PARAMS;
}

START_TEST(hosts_that_are_refused)
{
    const struct xf_sequence_request request = { .flags = TUNNELLED };
    const struct xf_driver *own = dst.conn->driver;
    struct xf_driver other = *own;

    other.prepare_tunnel3 = NULL;
    dst.conn->driver = &other;
    refused(dst.conn, &request, XF_ERROR_NO_SUPPORT, "prepare_tunnel3");
    other.supports_feature = is_stock;
    refused(dst.conn, &request, XF_ERROR_ARG_UNSUPPORTED,
            "no Xenferry host");
    dst.conn->driver = own;
    must_move(&src, &dst, FALSE);
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { there_and_back, BOTH },
        { by_that_way_alone, BOTH },
        { paused_arrives_paused, BOTH },
        { it_breaks_before_perform, BOTH * G_N_ELEMENTS(mishaps) },
        { it_breaks_midway, BOTH },
        { finished_step_by_step, BOTH },
        { cancelled_too_late, 1 },
        { nobody_performs, BOTH },
        { wishes_that_are_refused, 1 },
        { hosts_that_are_refused, 1 },
        { NULL, 0 },
    };

    return xf_unit_main_rows("tunnel", tests, XF_UNIT_TIMEOUT, world_setup,
                             world_teardown);
}
