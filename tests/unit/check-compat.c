/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * v1 and v2 over two simulated hosts: whatever fails, whoever vanishes and
 * whichever answer is lost, the guest is on exactly one side and free to move
 * again at once.  Each test runs under both protocols.
 */
#include "config.h"

#include "compat/compat.h"
#include "protocol/engine-private.h"
#include "tests/unit/cutter.h"
#include "tests/unit/engine-world.h"

#include <string.h>

#define V2 (_i % 2)

/* -- the steps, as such a client takes them -- */

struct trip {
    gboolean v2;
    guint32 flags;
    const char *dname;
    struct xf_domain_ref *dom;
    char *xml, *uri;
    GBytes *cookie;
    char *arrived;              /* its name there */
    GError *err;                /* of the last step */
};

static void
trip_init(struct trip *t, gboolean v2)
{
    guint8 uuid[XF_UUID_LEN];

    memset(t, 0, sizeof(*t));
    t->v2 = v2;
    t->flags = XF_MIGRATE_LIVE;
    ck_assert(xf_uuid_parse(GUEST_UUID, uuid));
    t->dom = xf_domain_ref_new("g", uuid, -1);
    if (v2)
        t->xml = src.conn->driver->domain_xml(src.conn, t->dom,
                                              XF_XML_MIGRATABLE, NULL);
    ck_assert(!v2 || t->xml);
}

static void
trip_clear(struct trip *t)
{
    xf_domain_ref_free(t->dom);
    g_free(t->xml);
    g_free(t->uri);
    g_free(t->arrived);
    g_clear_pointer(&t->cookie, g_bytes_unref);
    g_clear_error(&t->err);
}

static gboolean
prepare(struct trip *t)
{
    const struct xf_driver *driver = dst.conn->driver;
    const struct xf_migrate_args args = {
        .flags = t->flags, .dname = t->dname, .xml = t->xml, .uri = t->uri };
    char *uri = NULL;
    gboolean ok;

    g_clear_error(&t->err);
    g_clear_pointer(&t->cookie, g_bytes_unref);
    ok = (t->v2 ? driver->prepare2 : driver->prepare)(
        dst.conn, &args, &t->cookie, &uri, &t->err);
    g_free(t->uri);
    t->uri = uri;
    ck_assert(!ok || (uri && t->cookie));
    ck_assert(!ok || g_bytes_get_size(t->cookie) < XF_COOKIE_MAX);
    return ok;
}

static gboolean
perform(struct trip *t)
{
    const struct xf_migrate_args args = {
        .flags = t->flags, .dname = t->dname, .uri = t->uri,
        .cookie_in = t->cookie };

    g_clear_error(&t->err);
    return src.conn->driver->perform(src.conn, t->dom, &args, &t->err);
}

static gboolean
finish(struct trip *t, gboolean failed)
{
    const struct xf_driver *driver = dst.conn->driver;
    const struct xf_migrate_args args = {
        .flags = t->flags, .dname = t->dname ? t->dname : "g",
        .uri = t->uri, .cookie_in = t->cookie, .cancelled = failed };

    g_clear_error(&t->err);

    XF_AUTO(xf_domain_ref) *dom = (t->v2 ? driver->finish2 : driver->finish)(
        dst.conn, &args, &t->err);

    ck_assert((dom == NULL) == (t->err != NULL));
    g_free(t->arrived);
    t->arrived = dom ? g_strdup(dom->name) : NULL;
    return dom != NULL;
}

#define must(t, step)                                                       \
    ck_assert_msg(step, "%s", (t)->err ? (t)->err->message : "no error set")

static void
said(struct trip *t, int code, const char *words)
{
    ck_assert_msg(g_error_matches(t->err, XF_ERROR, code)
                      && strstr(t->err->message, words),
                  "expected code %d with '%s', got: %s", code, words,
                  t->err ? t->err->message : "no error");
}

/* Perform failed: what the client does next. */
static void
give_up(struct trip *t)
{
    if (t->v2)
        ck_assert(!finish(t, TRUE));
}

static void
whole_trip(struct trip *t)
{
    must(t, prepare(t));
    must(t, perform(t));
    must(t, finish(t, FALSE));
}

static void
moves_now(gboolean v2)
{
    struct trip t;

    trip_init(&t, v2);
    whole_trip(&t);
    settled_on(&dst);
    trip_clear(&t);
}

static void
client_of(struct host *host)
{
    xf_conn_close(host->conn);
    host->conn = xf_compat_open(host->engine);
}

/* -- the way it should be -- */

START_TEST(there)
{
    moves_now(V2);
    /* and back, by the newest */
    moves_from(&dst);
}
END_TEST

START_TEST(under_another_name)
{
    struct trip t;
    struct xf_hv_domain info;

    trip_init(&t, V2);
    t.dname = "newname";
    whole_trip(&t);
    ck_assert_str_eq(t.arrived, "newname");
    ck_assert(xf_sim_find(dst.dir, "newname", &info));
    ck_assert(!info.paused);
    wait_for(no_records, &src);
    wait_for(no_records, &dst);
    trip_clear(&t);
}
END_TEST

/* The switch comes before Finish: the wish is Prepare's. */
START_TEST(paused_by_wish)
{
    struct trip t;
    struct xf_hv_domain info;

    trip_init(&t, V2);
    t.flags |= XF_MIGRATE_PAUSED;
    must(&t, prepare(&t));
    must(&t, perform(&t));
    ck_assert(guest_on(&dst, &info));
    ck_assert(info.paused);
    must(&t, finish(&t, FALSE));
    ck_assert(guest_on(&dst, &info));
    ck_assert(info.paused);
    ck_assert(dst.hv->ops->unpause(dst.hv, info.domid, NULL));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

START_TEST(paused_by_its_administrator)
{
    struct trip t;
    struct xf_hv_domain info;

    trip_init(&t, V2);
    ck_assert(src.conn->driver->domain_suspend(src.conn, t.dom, NULL));
    whole_trip(&t);
    ck_assert(guest_on(&dst, &info));
    ck_assert(info.paused);
    ck_assert(dst.hv->ops->unpause(dst.hv, info.domid, NULL));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

/* When Perform has returned the guest runs there, and nowhere else. */
START_TEST(performed_is_committed)
{
    struct trip t;
    struct xf_hv_domain info;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    must(&t, perform(&t));
    ck_assert(!guest_on(&src, &info));
    ck_assert(guest_on(&dst, &info));
    ck_assert(!info.paused);
    must(&t, finish(&t, FALSE));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

START_TEST(old_uris)
{
    static const char *const uris[][2] = {
        { "xenmigr://h.example/", "tcp://h.example:" },
        { "xenmigr://h.example", "tcp://h.example:" },
        { "XENMIGR://h.example:8002/", "tcp://h.example:8002" },
        { "xenmigr://[fe80::1]:8002/", "tcp://[fe80::1]:8002" },
        { "h.example", "tcp://h.example:" },
        { "h.example:8002", "tcp://h.example:8002" },
        { "tcp://h.example:8002", "tcp://h.example:8002" },
        { "xenmigr://", NULL },
        { "xenmigr:///", NULL },
        { "xenmigr://h.example/x", NULL },
        { "http://h.example/", NULL },
    };
    struct trip t;

    for (gsize i = 0; i < G_N_ELEMENTS(uris); i++) {
        trip_init(&t, FALSE);
        t.uri = g_strdup(uris[i][0]);
        if (uris[i][1]) {
            must(&t, prepare(&t));
            ck_assert_msg(g_str_has_prefix(t.uri, uris[i][1]), "%s", t.uri);
        } else {
            ck_assert(!prepare(&t));
            said(&t, XF_ERROR_INVALID_ARG, "expected tcp://");
        }
        trip_clear(&t);
    }
    /* and so does Perform, when a client insists */
    trip_init(&t, V2);
    must(&t, prepare(&t));

    g_autofree char *old = g_strconcat(
        "xenmigr://", t.uri + strlen("tcp://"), "/", NULL);

    g_free(t.uri);
    t.uri = g_steal_pointer(&old);
    must(&t, perform(&t));
    must(&t, finish(&t, FALSE));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

/* -- refused -- */

START_TEST(flags_are_refused_in_the_first_call)
{
    static const struct {
        guint32 flag;
        const char *name;
    } flags[] = {
        { 1 << 16, "tls" },
        { XF_MIGRATE_PERSIST_DEST, "persistent" },
        { XF_MIGRATE_CHANGE_PROTECTION, "change-protection" },
        { XF_MIGRATE_OFFLINE, "offline" },
        { 1u << 31, "0x80000000" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
        struct trip t;

        trip_init(&t, V2);
        t.flags |= flags[i].flag;
        ck_assert(!prepare(&t));
        said(&t, XF_ERROR_INVALID_ARG, flags[i].name);
        t.flags = XF_MIGRATE_LIVE;
        must(&t, prepare(&t));
        t.flags |= flags[i].flag;
        ck_assert(!perform(&t));
        said(&t, XF_ERROR_INVALID_ARG, flags[i].name);
        client_of(&dst);
        settled_on(&src);
        trip_clear(&t);
    }
    moves_now(V2);
}
END_TEST

START_TEST(name_is_taken_there)
{
    struct trip t;
    g_autofree char *xml = xf_sim_xml("g", NULL, "xenpvh", 64);
    int domid = dst.hv->ops->create(dst.hv, xml, FALSE, NULL);

    ck_assert_int_gt(domid, 0);
    trip_init(&t, V2);
    if (V2) {
        ck_assert(!prepare(&t));
        said(&t, XF_ERROR_DOM_EXIST, "same name");
    } else {
        must(&t, prepare(&t));
        ck_assert(!perform(&t));
        said(&t, XF_ERROR_OPERATION_FAILED, "same name");
        ck_assert_ptr_nonnull(strstr(t.err->message, "it runs on here"));
    }
    ck_assert_uint_eq(xf_sim_hits(dst.dir, "stream-start"), 0);
    ck_assert(dst.hv->ops->destroy(dst.hv, domid, NULL));
    settled_on(&src);
    moves_now(V2);
    trip_clear(&t);
}
END_TEST

START_TEST(no_memory_there)
{
    struct trip t;

    xf_sim_fault(dst.dir, "host", "memory-kib", "530000");
    trip_init(&t, V2);
    ck_assert(!prepare(&t) || !perform(&t));
    ck_assert_msg(strstr(t.err->message, "not enough memory"), "%s",
                  t.err->message);
    xf_sim_fault(dst.dir, "host", "memory-kib", NULL);
    settled_on(&src);
    moves_now(V2);
    trip_clear(&t);
}
END_TEST

static void
perform_with(struct trip *t, GBytes *cookie, int code, const char *words)
{
    GBytes *own = g_steal_pointer(&t->cookie);

    t->cookie = cookie;
    ck_assert(!perform(t));
    said(t, code, words);
    g_clear_pointer(&t->cookie, g_bytes_unref);
    t->cookie = own;
}

START_TEST(cookies_of_others)
{
    static const char stock[] =
        "<libxl-migration><name>g</name><uuid>" GUEST_UUID "</uuid>"
        "<migration-stream-version>2</migration-stream-version>"
        "</libxl-migration>";
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    perform_with(&t, NULL, XF_ERROR_UNSUPPORTED, "not a Xenferry host");
    perform_with(&t, g_bytes_new("<x/>", 5), XF_ERROR_INVALID_ARG, "cookie");
    perform_with(&t, g_bytes_new(stock, sizeof(stock)), XF_ERROR_UNSUPPORTED,
                 "not a Xenferry host");
    must(&t, perform(&t));
    must(&t, finish(&t, FALSE));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

/* v2: what was prepared is one domain, what is performed another. */
START_TEST(another_domain_was_prepared)
{
    static const char other_uuid[] = "10112233-4455-6677-8899-aabbccddeeff";
    struct trip t;
    g_autofree char *xml = xf_sim_xml("other", other_uuid, "xenpvh", 64);
    guint8 uuid[XF_UUID_LEN];
    int domid = src.hv->ops->create(src.hv, xml, FALSE, NULL);

    ck_assert_int_gt(domid, 0);
    ck_assert(xf_uuid_parse(other_uuid, uuid));
    trip_init(&t, TRUE);
    must(&t, prepare(&t));
    memcpy(t.dom->uuid, uuid, XF_UUID_LEN);
    ck_assert(!perform(&t));
    said(&t, XF_ERROR_INVALID_ARG, "another domain ('g')");
    ck_assert(!finish(&t, TRUE));
    said(&t, XF_ERROR_FINISH_OK, "nothing of it is left");
    ck_assert(src.hv->ops->destroy(src.hv, domid, NULL));
    settled_on(&src);
    trip_clear(&t);
}
END_TEST

START_TEST(taken_by_another)
{
    struct walk walk;
    struct trip t;

    walk_init(&walk);
    trip_init(&t, V2);
    ck_assert(walk_begin(&walk));
    must(&t, prepare(&t));
    ck_assert(!perform(&t));
    said(&t, XF_ERROR_OPERATION_INVALID, "already being migrated");
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    must(&t, perform(&t));
    must(&t, finish(&t, FALSE));
    settled_on(&dst);
    walk_clear(&walk);
    trip_clear(&t);
}
END_TEST

START_TEST(no_more_than_so_many)
{
    struct trip t[3];

    host_stop(&dst);
    dst.config.max_incoming = 2;
    host_start(&dst);
    for (int i = 0; i < 3; i++) {
        trip_init(&t[i], FALSE);
        ck_assert_int_eq(prepare(&t[i]), i < 2);
    }
    said(&t[2], XF_ERROR_BUSY, "which is its limit");
    client_of(&dst);
    must(&t[2], prepare(&t[2]));
    for (int i = 0; i < 3; i++)
        trip_clear(&t[i]);
}
END_TEST

/* -- a step fails -- */

static const char *const failing_points[][2] = {
    { "src", "can-leave" },      { "src", "describe" },
    { "src", "suspend-start" },  { "src", "log-dirty" },
    { "src", "suspend-page" },   { "src", "suspend-ask" },
    { "src", "suspend-stopped" },{ "src", "suspend-before-end" },
    { "dst", "incoming-create" },{ "dst", "stream-start" },
    { "dst", "stream-made" },    { "dst", "stream-page" },
    { "dst", "stream-end" },     { "dst", "devices" },
};

START_TEST(a_step_fails)
{
    const char *const *point = failing_points[_i / 2];
    struct host *host = strcmp(point[0], "src") ? &dst : &src;
    struct trip t;

    trip_init(&t, V2);
    xf_sim_fault(host->dir, "host", point[1], "fail*1");
    if (prepare(&t)) {
        ck_assert_msg(!perform(&t), "%s", point[1]);
        give_up(&t);
    }
    ck_assert_uint_eq(xf_sim_hits(host->dir, point[1]), 1);
    settled_on(&src);
    moves_now(V2);
    trip_clear(&t);
}
END_TEST

/* Committed is committed: Finish tries the switch again. */
static const char *const switch_points[] = { "rename", "unpause" };

START_TEST(the_switch_fails_once)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    xf_sim_fault(dst.dir, "host", switch_points[_i / 2], "fail*1");
    must(&t, perform(&t));
    must(&t, finish(&t, FALSE));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

START_TEST(the_source_copy_goes_later)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    xf_sim_fault(src.dir, "host", "destroy", "fail*1");
    must(&t, perform(&t));
    must(&t, finish(&t, FALSE));
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

START_TEST(a_commit_that_is_not_on_disk_is_none)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    host_disk_full(&dst, TRUE);
    host_impatient(&src);
    ck_assert(!perform(&t));
    said(&t, XF_ERROR_IN_DOUBT, "in doubt");
    host_disk_full(&dst, FALSE);
    settled_on(&src);
    moves_now(V2);
    trip_clear(&t);
}
END_TEST

START_TEST(a_source_record_fails)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    /* begun and performing are written, performed is not */
    g_atomic_int_set(&src.store.writes_until_failure, _i / 2);
    ck_assert(!perform(&t));
    g_atomic_int_set(&src.store.writes_until_failure, -1);
    give_up(&t);
    client_of(&dst);
    settled_on(&src);
    moves_now(V2);
    trip_clear(&t);
}
END_TEST

/* -- an answer is lost: bytes that the destination sends on the channel are
 * the greeting (65), a verdict, `o`, `o`, `r`, `c` -- */

static const struct {
    guint pass;
    gboolean at_once;
    gboolean committed;
} cuts[] = {
    { 0, FALSE, FALSE },        /* the greeting */
    { 65, FALSE, FALSE },       /* the verdict */
    { 66, FALSE, FALSE },       /* welcome */
    { 67, FALSE, FALSE },       /* that it receives */
    { 68, TRUE, FALSE },        /* the stream */
    { 68, FALSE, FALSE },       /* received */
    { 69, TRUE, FALSE },        /* the question to commit */
    { 69, FALSE, TRUE },        /* committed */
};

START_TEST(an_answer_is_lost)
{
    gboolean committed = cuts[_i / 2].committed;
    struct cutter *cutter = cutter_new(dst.port, cuts[_i / 2].pass,
                                       cuts[_i / 2].at_once);
    struct trip t;

    trip_init(&t, V2);
    t.uri = g_strdup_printf("tcp://127.0.0.1:%u", cutter_port(cutter));
    must(&t, prepare(&t));
    ck_assert_msg(perform(&t) == committed, "%s",
                  t.err ? t.err->message : "performed");
    if (committed) {
        must(&t, finish(&t, FALSE));
        settled_on(&dst);
    } else {
        ck_assert_msg(strstr(t.err->message, "it runs on here"), "%s",
                      t.err->message);
        give_up(&t);
        settled_on(&src);
        moves_now(V2);
    }
    cutter_free(cutter);
    trip_clear(&t);
}
END_TEST

/* The reply of Perform is lost: the client takes it for a failure. */
START_TEST(the_reply_of_perform_is_lost)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    must(&t, perform(&t));
    if (V2) {
        must(&t, finish(&t, TRUE));
        ck_assert_str_eq(t.arrived, "g");
    } else {
        client_of(&dst);
    }
    settled_on(&dst);
    moves_from(&dst);
    trip_clear(&t);
}
END_TEST

/* -- clients that vanish, or do not come -- */

START_TEST(gone_after_prepare)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    client_of(&dst);
    ck_assert(!perform(&t));
    settled_on(&src);
    moves_now(V2);
    trip_clear(&t);
}
END_TEST

START_TEST(gone_after_perform)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    must(&t, perform(&t));
    client_of(&src);
    client_of(&dst);
    settled_on(&dst);
    moves_from(&dst);
    trip_clear(&t);
}
END_TEST

static gboolean
nothing_is_expected(struct host *host)
{
    g_mutex_lock(&host->engine->lock);

    gboolean none = g_hash_table_size(host->engine->expected) == 0;

    g_mutex_unlock(&host->engine->lock);
    return none && no_records(host);
}

/* It stays connected, and does nothing. */
START_TEST(nobody_performs)
{
    struct trip t;

    host_stop(&dst);
    dst.config.finish_timeout_ms = 1;
    host_start(&dst);
    trip_init(&t, V2);
    must(&t, prepare(&t));
    wait_for(nothing_is_expected, &dst);
    ck_assert(!perform(&t));
    settled_on(&src);
    trip_clear(&t);
}
END_TEST

START_TEST(nobody_finishes)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    must(&t, perform(&t));
    ck_assert(!no_records(&dst));   /* Finish must find it */
    host_stop(&dst);
    dst.config.keep_ended_ms = 1;
    host_start(&dst);
    settled_on(&dst);
    trip_clear(&t);
}
END_TEST

struct performing {
    struct trip t;
    GThread *thread;
    gboolean ok;
};

static gpointer
perform_thread(gpointer data)
{
    struct performing *p = data;

    p->ok = perform(&p->t);
    return NULL;
}

static void
perform_slowly(struct performing *p, gboolean v2)
{
    xf_sim_fault(src.dir, "g", "suspend-page", "hang@8");
    trip_init(&p->t, v2);
    must(&p->t, prepare(&p->t));
    p->thread = g_thread_new("perform", perform_thread, p);
    ck_assert(xf_sim_wait_hits(src.dir, "suspend-page", 1, DEADLINE_MS));
}

static void
perform_ends(struct performing *p)
{
    g_thread_join(p->thread);
    xf_sim_fault(src.dir, "g", "suspend-page", NULL);
}

START_TEST(aborted)
{
    struct performing p;

    perform_slowly(&p, V2);
    ck_assert(src.conn->driver->abort_job(src.conn, p.t.dom, NULL));
    perform_ends(&p);
    ck_assert(!p.ok);
    said(&p.t, XF_ERROR_ABORTED, "it runs on here");
    give_up(&p.t);
    settled_on(&src);
    moves_now(V2);
    trip_clear(&p.t);
}
END_TEST

START_TEST(gone_in_mid_stream)
{
    struct performing p;

    perform_slowly(&p, V2);
    dst.conn->driver->client_gone(dst.conn);
    src.conn->driver->client_gone(src.conn);
    perform_ends(&p);
    ck_assert(!p.ok);
    settled_on(&src);
    moves_now(V2);
    trip_clear(&p.t);
}
END_TEST

/* v2: the connection to the source is lost in mid-stream, and the client
 * cancels at the destination. */
START_TEST(cancelled_in_mid_stream)
{
    struct performing p;

    perform_slowly(&p, TRUE);
    src.conn->driver->client_gone(src.conn);

    /* Perform, in its thread, has p.t.err */
    struct trip cancelling = p.t;

    cancelling.err = NULL;
    ck_assert(!finish(&cancelling, TRUE));
    g_clear_error(&cancelling.err);
    xf_sim_fault(src.dir, "g", "suspend-page", NULL);
    perform_ends(&p);
    ck_assert(!p.ok);
    settled_on(&src);
    moves_now(TRUE);
    trip_clear(&p.t);
}
END_TEST

START_TEST(the_destination_restarts_before_perform)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    host_stop(&dst);
    host_start(&dst);
    ck_assert(!perform(&t));
    give_up(&t);
    settled_on(&src);
    moves_now(V2);
    trip_clear(&t);
}
END_TEST

START_TEST(the_destination_restarts_before_finish)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    must(&t, perform(&t));
    host_stop(&dst);
    host_start(&dst);
    must(&t, finish(&t, V2));
    ck_assert_str_eq(t.arrived, "g");
    trip_clear(&t);
}
END_TEST

/* Finish comes before Perform, or instead of it. */
START_TEST(finish_too_early)
{
    struct trip t;

    trip_init(&t, V2);
    must(&t, prepare(&t));
    ck_assert(!finish(&t, FALSE));
    said(&t, XF_ERROR_OPERATION_FAILED, "g");
    client_of(&dst);
    settled_on(&src);
    moves_now(V2);
    trip_clear(&t);
}
END_TEST

/* -- names -- */

START_TEST(lists_of_protocols)
{
    static const char *const bad[] = { "", " ,", "v4", "v1,V2", "v1;v2" };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;

        ck_assert_uint_eq(xf_protocols_parse(bad[i], &err), 0);
        ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
    }
    for (guint p = 1; p < XF_PROTOCOL_ALL; p <<= 1)
        ck_assert_uint_eq(xf_protocols_parse(xf_protocol_name(p), NULL), p);
    ck_assert_ptr_null(xf_protocol_name(XF_PROTOCOL_ALL));
}
END_TEST

/* -- running them -- */

#define BOTH(n) (2 * (n))

int
main(void)
{
    const struct {
        const TTest *test;
        int runs;
    } tests[] = {
        { there, BOTH(1) },
        { under_another_name, BOTH(1) },
        { paused_by_wish, BOTH(1) },
        { paused_by_its_administrator, BOTH(1) },
        { performed_is_committed, BOTH(1) },
        { old_uris, BOTH(1) },
        { flags_are_refused_in_the_first_call, BOTH(1) },
        { name_is_taken_there, BOTH(1) },
        { no_memory_there, BOTH(1) },
        { cookies_of_others, BOTH(1) },
        { another_domain_was_prepared, 1 },
        { taken_by_another, BOTH(1) },
        { no_more_than_so_many, 1 },
        { a_step_fails, BOTH(G_N_ELEMENTS(failing_points)) },
        { the_switch_fails_once, BOTH(G_N_ELEMENTS(switch_points)) },
        { the_source_copy_goes_later, BOTH(1) },
        { a_commit_that_is_not_on_disk_is_none, BOTH(1) },
        { a_source_record_fails, BOTH(3) },
        { an_answer_is_lost, BOTH(G_N_ELEMENTS(cuts)) },
        { the_reply_of_perform_is_lost, BOTH(1) },
        { gone_after_prepare, BOTH(1) },
        { gone_after_perform, BOTH(1) },
        { nobody_performs, BOTH(1) },
        { nobody_finishes, BOTH(1) },
        { aborted, BOTH(1) },
        { gone_in_mid_stream, BOTH(1) },
        { cancelled_in_mid_stream, 1 },
        { the_destination_restarts_before_perform, BOTH(1) },
        { the_destination_restarts_before_finish, BOTH(1) },
        { finish_too_early, BOTH(1) },
        { lists_of_protocols, 1 },
    };
    Suite *suite = suite_create("compat");
    TCase *tcase = tcase_create("compat");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, world_setup, world_teardown);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        tcase_add_loop_test(tcase, tests[i].test, 0, tests[i].runs);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_ENV);

    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
