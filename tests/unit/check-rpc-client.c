/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The remote driver: every entry to a real server and back. */
#include "config.h"

#include "protocol/rpc/client.h"
#include "tests/unit/rpc-common.h"

#include <string.h>

#define UUID "00010203-0405-0607-0809-0a0b0c0d0e0f"
#define DOM "dom=" DOUBLE_NAME "/" UUID "/7"

static struct xf_conn *
open_test(struct test_server *t)
{
    g_autoptr(GError) err = NULL;
    struct xf_conn *conn = xf_remote_open_fd(test_server_connect(t), "test",
                                             NULL, &err);

    ck_assert_msg(conn != NULL, "%s", err ? err->message : "");
    return conn;
}

static void
expect_line(struct test_server *t, const char *want)
{
    g_autofree char *line = double_take_line(&t->world);

    ck_assert_ptr_nonnull(line);
    ck_assert_str_eq(line, want);
}

static struct xf_domain_ref
test_domain(void)
{
    struct xf_domain_ref ref = { .name = (char *)DOUBLE_NAME,
                                 .id = DOUBLE_ID };

    memcpy(ref.uuid, double_uuid, sizeof(ref.uuid));
    return ref;
}

static void
check_domain(struct xf_domain_ref *dom)
{
    ck_assert_ptr_nonnull(dom);
    ck_assert_str_eq(dom->name, DOUBLE_NAME);
    ck_assert_mem_eq(dom->uuid, double_uuid, XF_UUID_LEN);
    ck_assert_int_eq(dom->id, DOUBLE_ID);
    xf_domain_ref_free(dom);
}

static void
check_text(char *text, const char *want)
{
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, want);
    g_free(text);
}

static void
check_cookie(GBytes *cookie, const char *want)
{
    ck_assert_ptr_nonnull(cookie);
    ck_assert_uint_eq(g_bytes_get_size(cookie), strlen(want));
    ck_assert_mem_eq(g_bytes_get_data(cookie, NULL), want, strlen(want));
    g_bytes_unref(cookie);
}

/* -- every entry --------------------------------------------------------- */

START_TEST(host_entries)
{
    struct test_server t;
    struct xf_node_info node;
    struct xf_conn *c;
    guint64 version;

    test_server_start(&t, NULL, NULL);
    c = open_test(&t);
    ck_assert_int_eq(c->driver->supports_feature(c, 6, NULL), 1);
    expect_line(&t, "supports_feature 6");
    ck_assert_int_eq(c->driver->supports_feature(c, 1, NULL), 0);
    expect_line(&t, "supports_feature 1");
    /* the wire's own, which no driver is asked for */
    ck_assert_int_eq(c->driver->supports_feature(c, 8, NULL), 0);
    ck_assert_int_eq(c->driver->supports_feature(c, 9, NULL), 1);
    ck_assert_int_eq(c->driver->supports_feature(c, 14, NULL), 1);
    ck_assert_int_eq(c->driver->supports_feature(c, 15, NULL), 0);
    ck_assert_int_eq(c->driver->supports_feature(c, 16, NULL), 1);
    check_text(c->driver->get_hostname(c, NULL), "double.example");
    expect_line(&t, "get_hostname");
    ck_assert(c->driver->get_version(c, &version, NULL));
    ck_assert_uint_eq(version, 4017005);
    expect_line(&t, "get_version");
    ck_assert(c->driver->node_info(c, &node, NULL));
    ck_assert_str_eq(node.model, "x86_64");
    ck_assert_uint_eq(node.memory_kib, 8388608);
    ck_assert_uint_eq(node.free_kib, 4194304);
    ck_assert_int_eq(node.cpus, 8);
    ck_assert_int_eq(node.mhz, 2400);
    ck_assert_int_eq(node.nodes, 1);
    ck_assert_int_eq(node.sockets, 2);
    ck_assert_int_eq(node.cores, 4);
    ck_assert_int_eq(node.threads, 1);
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

START_TEST(lookup_entries)
{
    struct test_server t;
    struct xf_conn *c;
    GPtrArray *list;

    test_server_start(&t, NULL, NULL);
    c = open_test(&t);
    list = c->driver->list_domains(c, XF_LIST_ACTIVE | XF_LIST_PAUSED, NULL);
    ck_assert_ptr_nonnull(list);
    ck_assert_uint_eq(list->len, 1);
    check_domain(xf_domain_ref_copy(list->pdata[0]));
    g_ptr_array_unref(list);
    expect_line(&t, "list_domains 0x21");
    check_domain(c->driver->lookup_by_id(c, -3, NULL));
    expect_line(&t, "lookup_by_id -3");
    check_domain(c->driver->lookup_by_name(c, "g\303\251 1", NULL));
    expect_line(&t, "lookup_by_name g\303\251 1");
    check_domain(c->driver->lookup_by_uuid(c, double_uuid, NULL));
    expect_line(&t, "lookup_by_uuid " UUID);
    check_domain(c->driver->create_xml(c, "<x/>", XF_CREATE_PAUSED, NULL));
    expect_line(&t, "create_xml <x/> 0x1");
    check_text(c->driver->xml_from_native(c, "xen-xl", "vcpus=1\n", 0, NULL),
               DOUBLE_XML);
    expect_line(&t, "xml_from_native xen-xl vcpus=1\n 0x0");
    check_text(c->driver->xml_to_native(c, "xen-xm", "<x/>", 1, NULL),
               "name = \"g\"\n");
    expect_line(&t, "xml_to_native xen-xm <x/> 0x1");
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

START_TEST(domain_entries)
{
    const struct xf_domain_ref dom = test_domain();
    struct xf_domain_info info;
    struct test_server t;
    struct xf_conn *c;

    test_server_start(&t, NULL, NULL);
    c = open_test(&t);
    ck_assert(c->driver->domain_info(c, &dom, &info, NULL));
    ck_assert_int_eq(info.state, XF_DOMAIN_PAUSED);
    ck_assert_int_eq(info.reason, XF_PAUSED_MIGRATION);
    ck_assert_uint_eq(info.max_memory_kib, 1048576);
    ck_assert_uint_eq(info.memory_kib, 524288);
    ck_assert_uint_eq(info.vcpus, 2);
    ck_assert_uint_eq(info.cpu_time_ns, 5000000001);
    expect_line(&t, "domain_info " DOM);
    expect_line(&t, "domain_info " DOM);
    check_text(c->driver->domain_os_type(c, &dom, NULL), "xenpvh");
    expect_line(&t, "domain_os_type " DOM);
    check_text(c->driver->domain_xml(c, &dom, XF_XML_MIGRATABLE, NULL),
               DOUBLE_XML);
    expect_line(&t, "domain_xml " DOM " 0x8");
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

START_TEST(stored_entries)
{
    const struct xf_domain_ref dom = test_domain();
    struct test_server t;
    gboolean answer = FALSE;
    struct xf_conn *c;

    test_server_start(&t, NULL, NULL);
    c = open_test(&t);
    check_domain(c->driver->define_xml(c, "<x/>", 0, NULL));
    expect_line(&t, "define_xml <x/> 0x0");
    /* what is defined is checked in any case */
    check_domain(c->driver->define_xml(c, "<x/>", 1, NULL));
    expect_line(&t, "define_xml <x/> 0x0");
    ck_assert(c->driver->undefine(c, &dom, XF_UNDEFINE_NVRAM, NULL));
    expect_line(&t, "undefine " DOM " 0x4");
    check_domain(c->driver->start(c, &dom, XF_CREATE_GIVEN_AWAY, NULL));
    expect_line(&t, "start " DOM " 0x40000000");
    ck_assert(c->driver->is_persistent(c, &dom, &answer, NULL));
    ck_assert(answer);
    expect_line(&t, "is_persistent " DOM);
    answer = FALSE;
    ck_assert(c->driver->get_autostart(c, &dom, &answer, NULL));
    ck_assert(answer);
    expect_line(&t, "get_autostart " DOM);
    ck_assert(c->driver->set_autostart(c, &dom, TRUE, NULL));
    expect_line(&t, "set_autostart 1 " DOM);
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

START_TEST(plain_domain_entries)
{
#define ENTRY(name) { #name, G_STRUCT_OFFSET(struct xf_driver, name) }
    static const struct {
        const char *name;
        gsize offset;
    } entries[] = {
        ENTRY(domain_destroy), ENTRY(domain_suspend), ENTRY(domain_resume),
        ENTRY(domain_shutdown), ENTRY(domain_press_power),
        ENTRY(domain_reboot), ENTRY(abort_job),
    };
#undef ENTRY
    const struct xf_domain_ref dom = test_domain();
    struct test_server t;
    struct xf_conn *c;

    test_server_start(&t, NULL, NULL);
    c = open_test(&t);
    for (gsize i = 0; i < G_N_ELEMENTS(entries); i++) {
        gboolean (*call)(struct xf_conn *, const struct xf_domain_ref *,
                         GError **) =
            *(void **)((char *)c->driver + entries[i].offset);
        g_autofree char *line = g_strdup_printf("%s " DOM, entries[i].name);

        ck_assert(call(c, &dom, NULL));
        expect_line(&t, line);
    }
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

START_TEST(job_entries)
{
    const struct xf_domain_ref dom = test_domain();
    static const struct xf_job_info want = {
        .type = XF_JOB_UNBOUNDED, .time_elapsed = 1, .time_remaining = 2,
        .downtime = 3, .mem_total = 40, .mem_processed = 30,
        .mem_remaining = 10, .mem_bps = 5, .wire_bytes = 6, .dirty_rate = 7,
        .iteration = 8, .phase = "perform",
    };
    struct xf_job_info info;
    struct test_server t;
    struct xf_conn *c;

    test_server_start(&t, NULL, NULL);
    c = open_test(&t);
    ck_assert(c->driver->job_info(c, &dom, FALSE, &info, NULL));
    ck_assert_mem_eq(&info, &want, sizeof(info));
    expect_line(&t, "job_info " DOM);
    ck_assert(c->driver->job_info(c, &dom, TRUE, &info, NULL));
    ck_assert_int_eq(info.type, XF_JOB_COMPLETED);
    expect_line(&t, "job_info_completed " DOM);
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

/* All that a phase can be given. */
static struct xf_migrate_args
full_args(GBytes *cookie)
{
    return (struct xf_migrate_args){
        .flags = 0x80000021,
        .dname = "newn",
        .uri = "tcp://h:1",
        .dconnuri = "xen+tcp://h/system",
        .xml = "<x/>",
        .bandwidth = 10,
        .cookie_in = cookie,
        .cancelled = TRUE,
    };
}

#define FLAGS "flags=0x80000021 dname=newn uri=tcp://h:1"

START_TEST(v1_v2_entries)
{
    const struct xf_domain_ref dom = test_domain();
    g_autoptr(GBytes) in = g_bytes_new_static("i\0n", 3);
    const struct xf_migrate_args args = full_args(in);
    GBytes *cookie;
    struct test_server t;
    struct xf_conn *c;
    char *uri;

    test_server_start(&t, NULL, NULL);
    c = open_test(&t);
    ck_assert(c->driver->prepare(c, &args, &cookie, &uri, NULL));
    check_cookie(cookie, "P1");
    check_text(uri, "tcp://double:49217");
    expect_line(&t, "prepare " FLAGS " bandwidth=10");
    ck_assert(c->driver->perform(c, &dom, &args, NULL));
    expect_line(&t, "perform " DOM " " FLAGS " bandwidth=10 cookie=3:i");
    check_domain(c->driver->finish(c, &args, NULL));
    expect_line(&t, "finish " FLAGS " cookie=3:i");
    ck_assert(c->driver->prepare2(c, &args, &cookie, &uri, NULL));
    check_cookie(cookie, "P2");
    check_text(uri, "tcp://double:49217");
    expect_line(&t, "prepare2 " FLAGS " xml=<x/> bandwidth=10");
    check_domain(c->driver->finish2(c, &args, NULL));
    expect_line(&t, "finish2 " FLAGS " cookie=3:i cancelled");
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

static void
v3_phases(struct test_server *t, struct xf_conn *c, const char *const *lines)
{
    const struct xf_domain_ref dom = test_domain();
    g_autoptr(GBytes) in = g_bytes_new_static("in", 2);
    const struct xf_migrate_args args = full_args(in);
    GBytes *cookie;
    char *uri;

    check_text(c->driver->begin3(c, &dom, &args, &cookie, NULL), DOUBLE_XML);
    check_cookie(cookie, "B3");
    expect_line(t, "supports_feature 13");  /* asked once */
    expect_line(t, lines[0]);
    ck_assert(c->driver->prepare3(c, &args, &cookie, &uri, NULL));
    check_cookie(cookie, "P3");
    check_text(uri, "tcp://double:49217");
    expect_line(t, lines[1]);
    ck_assert(c->driver->perform3(c, &dom, &args, &cookie, NULL));
    check_cookie(cookie, "F3");
    expect_line(t, lines[2]);
    check_domain(c->driver->finish3(c, &args, &cookie, NULL));
    check_cookie(cookie, "C3");
    expect_line(t, lines[3]);
    ck_assert(c->driver->confirm3(c, &dom, &args, NULL));
    expect_line(t, lines[4]);
}

START_TEST(v3_entries_with_params)
{
    static const char *const lines[] = {
        "begin3 " DOM " " FLAGS " xml=<x/> bandwidth=10",
        "prepare3 " FLAGS " xml=<x/> bandwidth=10 cookie=2:in",
        "perform3 " DOM " " FLAGS " dconnuri=xen+tcp://h/system xml=<x/> "
        "bandwidth=10 cookie=2:in",
        "finish3 " FLAGS " xml=<x/> bandwidth=10 cookie=2:in cancelled",
        "confirm3 " DOM " " FLAGS " xml=<x/> bandwidth=10 cookie=2:in "
        "cancelled",
    };
    struct test_server t;
    struct xf_conn *c;

    test_server_start(&t, NULL, NULL);
    c = open_test(&t);
    v3_phases(&t, c, lines);
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

START_TEST(v3_entries_plain)
{
    /* what the plain calls have no field for is not there */
    static const char *const lines[] = {
        "begin3 " DOM " flags=0x80000021 dname=newn xml=<x/> bandwidth=10",
        "prepare3 " FLAGS " xml=<x/> bandwidth=10 cookie=2:in",
        "perform3 " DOM " " FLAGS " dconnuri=xen+tcp://h/system xml=<x/> "
        "bandwidth=10 cookie=2:in",
        "finish3 " FLAGS " dconnuri=xen+tcp://h/system cookie=2:in cancelled",
        "confirm3 " DOM " flags=0x80000021 cookie=2:in cancelled",
    };
    struct test_server t;
    struct xf_conn *c;

    test_server_start(&t, NULL, NULL);
    t.world.no_params = TRUE;
    c = open_test(&t);
    v3_phases(&t, c, lines);
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

static void
absent_everything(gboolean no_params)
{
    const struct xf_domain_ref dom = test_domain();
    const struct xf_migrate_args none = { .dname = "n", .xml = "<x/>" };
    const struct xf_migrate_args bare = { 0 };
    GBytes *cookie = (GBytes *)&none;
    char *uri = (char *)&none;
    struct test_server t;
    struct xf_conn *c;

    test_server_start(&t, NULL, NULL);
    t.world.no_params = no_params;
    t.world.empty = TRUE;
    c = open_test(&t);
    check_text(c->driver->begin3(c, &dom, &bare, &cookie, NULL), DOUBLE_XML);
    ck_assert_ptr_null(cookie);
    expect_line(&t, "supports_feature 13");
    expect_line(&t, "begin3 " DOM " flags=0x0");
    ck_assert(c->driver->prepare3(c, &none, &cookie, &uri, NULL));
    ck_assert_ptr_null(cookie);
    ck_assert_ptr_null(uri);
    expect_line(&t, "prepare3 flags=0x0 dname=n xml=<x/>");
    ck_assert(c->driver->perform3(c, &dom, &bare, &cookie, NULL));
    ck_assert_ptr_null(cookie);
    expect_line(&t, "perform3 " DOM " flags=0x0");
    ck_assert(c->driver->confirm3(c, &dom, &bare, NULL));
    expect_line(&t, "confirm3 " DOM " flags=0x0");
    xf_conn_close(c);
    test_server_stop(&t);
}

START_TEST(absent_fields_stay_absent)
{
    absent_everything(FALSE);
    absent_everything(TRUE);
}
END_TEST

START_TEST(what_the_wire_needs)
{
    const struct xf_domain_ref dom = test_domain();
    const struct xf_migrate_args none = { 0 };
    g_autoptr(GError) err = NULL;
    struct test_server t;
    struct xf_conn *c;
    GBytes *cookie;
    char *uri;

    test_server_start(&t, NULL, NULL);
    t.world.no_params = TRUE;
    c = open_test(&t);
    ck_assert(!c->driver->perform(c, &dom, &none, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
    ck_assert_ptr_null(c->driver->finish(c, &none, NULL));
    ck_assert_ptr_null(c->driver->finish2(c, &none, NULL));
    ck_assert(!c->driver->prepare2(c, &none, &cookie, &uri, NULL));
    ck_assert(!c->driver->prepare3(c, &none, &cookie, &uri, NULL));
    ck_assert_ptr_null(c->driver->finish3(c, &none, &cookie, NULL));
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

/* -- errors -------------------------------------------------------------- */

START_TEST(errors_come_back)
{
    const struct xf_domain_ref dom = test_domain();
    const struct xf_migrate_args args = { .dname = "n", .xml = "<x/>" };
    struct test_server t;
    struct xf_conn *c;

    test_server_start(&t, NULL, NULL);
    c = open_test(&t);
    t.world.fail = g_error_new(XF_ERROR, 0, "why not");
    for (int code = 0; code < XF_ERROR_LAST; code++) {
        g_autoptr(GError) err = NULL;
        GBytes *cookie = (GBytes *)&dom;

        if (code == XF_ERROR_REMOTE)
            continue;   /* has no number of its own */
        t.world.fail->code = code;
        ck_assert(!c->driver->abort_job(c, &dom, &err));
        ck_assert_int_eq(err->code, code);
        ck_assert_str_eq(err->message, "why not");
        g_clear_error(&err);
        ck_assert_ptr_null(c->driver->finish3(c, &args, &cookie, &err));
        ck_assert_ptr_null(cookie);
        ck_assert_ptr_nonnull(err);
    }
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

/* -- threads ------------------------------------------------------------- */

struct caller {
    struct xf_conn *conn;
    int id;
};

static gpointer
call_often(gpointer data)
{
    struct caller *caller = data;
    const struct xf_domain_ref dom = test_domain();

    for (int i = 0; i < 50; i++) {
        struct xf_domain_info info;

        if (!caller->conn->driver->domain_info(caller->conn, &dom, &info,
                                               NULL) ||
            info.cpu_time_ns != 5000000001)
            return NULL;
    }
    return caller;
}

START_TEST(many_threads_one_connection)
{
    enum { N = 20 };
    struct caller callers[N];
    GThread *threads[N];
    struct test_server t;
    struct xf_conn *c;

    test_server_start(&t, NULL, NULL);
    c = open_test(&t);
    for (int i = 0; i < N; i++) {
        callers[i] = (struct caller){ c, i };
        threads[i] = g_thread_new("caller", call_often, &callers[i]);
    }
    for (int i = 0; i < N; i++)
        ck_assert_ptr_nonnull(g_thread_join(threads[i]));
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

static gpointer
perform_in_thread(gpointer data)
{
    struct xf_conn *c = data;
    const struct xf_domain_ref dom = test_domain();
    const struct xf_migrate_args args = { 0 };
    GError *err = NULL;
    GBytes *cookie = NULL;

    if (c->driver->perform3(c, &dom, &args, &cookie, &err))
        g_bytes_unref(cookie);
    return err;
}

START_TEST(quick_call_passes_slow_one)
{
    struct test_server t;
    struct xf_conn *c;
    GThread *thread;

    test_server_start(&t, NULL, NULL);
    t.world.block = "perform3";
    c = open_test(&t);
    thread = g_thread_new("perform", perform_in_thread, c);
    ck_assert(double_wait(&t.world, &t.world.blocked, 1));
    check_text(c->driver->get_hostname(c, NULL), "double.example");
    double_release(&t.world);
    ck_assert_ptr_null(g_thread_join(thread));
    xf_conn_close(c);
    test_server_stop(&t);
}
END_TEST

START_TEST(client_gone_ends_calls)
{
    struct test_server t;
    struct xf_conn *c;
    GThread *thread;
    g_autoptr(GError) err = NULL;

    test_server_start(&t, NULL, NULL);
    t.world.block = "perform3";
    c = open_test(&t);
    thread = g_thread_new("perform", perform_in_thread, c);
    ck_assert(double_wait(&t.world, &t.world.blocked, 1));
    c->driver->client_gone(c);
    err = g_thread_join(thread);
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_NO_CONNECT));
    xf_conn_close(c);
    ck_assert(double_wait(&t.world, &t.world.closed, 1));
    test_server_stop(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        host_entries,
        lookup_entries,
        domain_entries,
        plain_domain_entries,
        stored_entries,
        job_entries,
        v1_v2_entries,
        v3_entries_with_params,
        v3_entries_plain,
        absent_fields_stay_absent,
        what_the_wire_needs,
        errors_come_back,
        many_threads_one_connection,
        quick_call_passes_slow_one,
        client_gone_ends_calls,
        NULL
    };

    return xf_unit_main("rpc-client", tests);
}
