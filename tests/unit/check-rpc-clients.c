/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server and its clients: those that come, by which socket, those that go
 * and those that are silent. */
#include "config.h"

#include "protocol/rpc/uri.h"
#include "tests/unit/rpc-common.h"

#include <glib-unix.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- clients that go ----------------------------------------------------- */

START_TEST(client_goes_idle)
{
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    close(fd);
    ck_assert(double_wait(&t.world, &t.world.closed, 1));
    ck_assert_uint_eq(t.world.gone, 0);
    test_server_stop(&t);
}
END_TEST

START_TEST(client_goes_in_mid_call)
{
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    t.world.block = "perform3";
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    send_perform(fd, 1);
    send_perform(fd, 2);
    ck_assert(double_wait(&t.world, &t.world.blocked, 2));
    close(fd);
    /* told at once, which lets both return; closed after the last */
    ck_assert(double_wait(&t.world, &t.world.closed, 1));
    ck_assert_uint_eq(t.world.gone, 1);
    ck_assert_uint_eq(t.world.blocked, 0);
    test_server_stop(&t);
}
END_TEST

/* What still waits for a thread when its client goes is not done: nobody
 * wants it any more. */
START_TEST(calls_that_wait_go_with_their_client)
{
    const guint threads = 16;
    struct test_server t;
    char *line;
    int fd;

    test_server_start(&t, NULL, NULL);
    t.world.block = "get_hostname";
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    for (guint i = 0; i < threads; i++)
        send_call(fd, XFW_PROC_CONNECT_GET_HOSTNAME, i, NULL, NULL);
    ck_assert(double_wait(&t.world, &t.world.blocked, threads));
    send_call(fd, XFW_PROC_CONNECT_GET_VERSION, threads, NULL, NULL);
    close(fd);
    ck_assert(double_wait(&t.world, &t.world.closed, 1));
    while ((line = double_take_line(&t.world))) {
        ck_assert_str_ne(line, "get_version");
        g_free(line);
    }
    test_server_stop(&t);
}
END_TEST

START_TEST(server_ends_in_mid_call)
{
    struct test_server t;
    int fd;

    test_server_start(&t, NULL, NULL);
    t.world.block = "perform3";
    fd = test_server_connect(&t);
    open_raw(fd, 0);
    send_perform(fd, 1);
    ck_assert(double_wait(&t.world, &t.world.blocked, 1));
    test_server_end(&t);
    expect_closed(fd);
    ck_assert_uint_eq(t.world.gone, 1);
    ck_assert_uint_eq(t.world.closed, 1);
    close(fd);
    double_world_clear(&t.world);
}
END_TEST

/* -- keepalive ----------------------------------------------------------- */

static void
ask_keepalive(int fd)
{
    struct xfw_int args = { .value = XF_FEATURE_KEEPALIVE }, ret = { 0 };

    send_call(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 0, XF_XDR(xfw_int),
              &args);
    expect_reply(fd, XFW_PROC_CONNECT_SUPPORTS_FEATURE, 0, XF_XDR(xfw_int),
                 &ret);
    ck_assert_int_eq(ret.value, 1);
}

static void
start_with_keepalive(struct test_server *t, guint interval_ms, guint count)
{
    struct xf_rpc_server_config config;

    xf_rpc_server_config_init(&config);
    config.keepalive_interval_ms = interval_ms;
    config.keepalive_count = count;
    test_server_start(t, &config, NULL);
}

START_TEST(silent_client_is_dropped)
{
    struct xf_rpc_header header;
    struct test_server t;
    guint pings = 0;
    GBytes *packet;
    int fd;

    start_with_keepalive(&t, 200, 3);
    t.world.block = "perform3";
    fd = test_server_connect(&t);
    ask_keepalive(fd);
    open_raw(fd, 0);
    send_perform(fd, 1);
    for (; (packet = recv_packet(fd, &header)); pings++) {
        ck_assert_uint_eq(header.prog, XFW_KEEPALIVE);
        ck_assert_int_eq(header.proc, XFW_PING);
        g_bytes_unref(packet);
    }
    /* the first may have come before the reply above */
    ck_assert(pings >= 1 && pings <= 3);
    ck_assert(double_wait(&t.world, &t.world.closed, 1));
    ck_assert_uint_eq(t.world.gone, 1);
    close(fd);
    test_server_stop(&t);
}
END_TEST

/* Returns when a client that answers no ping has come and been dropped: the
 * time it takes. */
static void
see_one_dropped(struct test_server *t)
{
    int fd = test_server_connect(t);
    struct xf_rpc_header header;
    GBytes *packet;

    ask_keepalive(fd);
    while ((packet = recv_packet(fd, &header)))
        g_bytes_unref(packet);
    close(fd);
}

/* Whom the server does not read, since he has as much under way as he may,
 * cannot answer it either. */
START_TEST(busy_client_is_kept)
{
    struct xf_rpc_server_config config;
    struct test_server t;
    int fd;

    xf_rpc_server_config_init(&config);
    config.max_calls = 1;
    config.keepalive_interval_ms = 100;
    config.keepalive_count = 3;
    test_server_start(&t, &config, NULL);
    t.world.block = "perform3";
    fd = test_server_connect(&t);
    ask_keepalive(fd);
    open_raw(fd, 0);
    send_perform(fd, 1);
    ck_assert(double_wait(&t.world, &t.world.blocked, 1));
    see_one_dropped(&t);
    see_one_dropped(&t);
    double_release(&t.world);
    expect_perform(fd, 1);
    close(fd);
    test_server_stop(&t);
}
END_TEST

START_TEST(answering_client_is_kept)
{
    struct test_server t;
    int fd;

    /* a large count: a slow machine must not fail the test */
    start_with_keepalive(&t, 20, 1000);
    fd = test_server_connect(&t);
    ask_keepalive(fd);
    for (guint i = 0; i < 10; i++) {
        expect_hex(fd, PING);
        send_hex(fd, PONG);
    }
    close(fd);
    test_server_stop(&t);
}
END_TEST

/* -- sockets ------------------------------------------------------------- */

struct paths {
    char *folder;
    char *socket;
};

static void
paths_init(struct paths *p)
{
    p->folder = g_dir_make_tmp("xf-rpc-XXXXXX", NULL);
    p->socket = g_build_filename(p->folder, "run", "sock", NULL);
}

static void
paths_clear(struct paths *p)
{
    g_autofree char *run = g_path_get_dirname(p->socket);

    rmdir(run);
    ck_assert_int_eq(rmdir(p->folder), 0);
    g_free(p->folder);
    g_free(p->socket);
}

static struct paths paths;
static guint16 port;

static void
listen_both(struct test_server *t)
{
    g_autoptr(GError) err = NULL;

    port = 0;
    ck_assert(xf_rpc_server_listen_unix(t->server, paths.socket, &err));
    ck_assert(xf_rpc_server_listen_tcp(t->server, NULL, &port, &err));
    ck_assert_uint_ne(port, 0);
}

static int
connect_to(const struct xf_rpc_uri *uri)
{
    const struct timeval limit = { .tv_sec = 10 };
    g_autoptr(GError) err = NULL;
    int fd = xf_rpc_uri_connect(
        uri, g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND, &err);

    ck_assert_msg(fd >= 0, "%s", err ? err->message : "");
    g_unix_set_fd_nonblocking(fd, FALSE, NULL);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

static void
expect_secure(int fd, int value)
{
    struct xfw_int ret = { 0 };

    send_call(fd, XFW_PROC_CONNECT_IS_SECURE, 1, NULL, NULL);
    expect_reply(fd, XFW_PROC_CONNECT_IS_SECURE, 1, XF_XDR(xfw_int), &ret);
    ck_assert_int_eq(ret.value, value);
}

START_TEST(listening)
{
    struct xf_rpc_uri local = { 0 }, v4 = { .host = (char *)"127.0.0.1" };
    struct test_server t;
    struct stat st;
    int fd;

    paths_init(&paths);
    test_server_start(&t, NULL, listen_both);
    local.socket = paths.socket;
    v4.port = port;

    ck_assert_int_eq(stat(paths.socket, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    fd = connect_to(&local);
    open_raw(fd, 0);
    expect_secure(fd, 1);
    close(fd);
    fd = connect_to(&v4);
    open_raw(fd, 0);
    expect_secure(fd, 0);
    close(fd);
    test_server_stop(&t);
    /* taken away at the end */
    ck_assert_int_lt(stat(paths.socket, &st), 0);
    paths_clear(&paths);
}
END_TEST

static void
listen_twice(struct test_server *t)
{
    g_autoptr(GError) err = NULL;
    guint16 taken = 0;

    /* a live one keeps its socket */
    listen_both(t);
    ck_assert(!xf_rpc_server_listen_unix(t->server, paths.socket, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_BUSY));
    g_clear_error(&err);
    taken = port;
    ck_assert(!xf_rpc_server_listen_tcp(t->server, NULL, &taken, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_SYSTEM));
    g_clear_error(&err);
    ck_assert(!xf_rpc_server_listen_tcp(t->server, "localhost", &taken,
                                        &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
    g_clear_error(&err);
    ck_assert(!xf_rpc_server_listen_unix(t->server, "relative", &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
}

START_TEST(listening_refused)
{
    struct test_server t;

    paths_init(&paths);
    test_server_start(&t, NULL, listen_twice);
    test_server_stop(&t);
    paths_clear(&paths);
}
END_TEST

START_TEST(left_socket_is_replaced)
{
    struct xf_rpc_server_config config;
    g_autoptr(GMainContext) context = g_main_context_new();
    struct xf_rpc_backend backend = { 0 };
    struct xf_rpc_server *server;
    g_autoptr(GError) err = NULL;
    g_autofree char *kept = NULL;

    paths_init(&paths);
    kept = g_strconcat(paths.socket, ".kept", NULL);
    xf_rpc_server_config_init(&config);
    /* the socket of a daemon that died: bound, and nobody listens */
    server = xf_rpc_server_new(context, &config, &backend);
    ck_assert(xf_rpc_server_listen_unix(server, paths.socket, &err));
    ck_assert_int_eq(link(paths.socket, kept), 0);
    xf_rpc_server_free(server);
    ck_assert_int_eq(rename(kept, paths.socket), 0);

    server = xf_rpc_server_new(context, &config, &backend);
    ck_assert(xf_rpc_server_listen_unix(server, paths.socket, &err));
    xf_rpc_server_free(server);
    paths_clear(&paths);
}
END_TEST

/* A file that is no socket is somebody's. */
START_TEST(other_files_are_left_alone)
{
    struct xf_rpc_server_config config;
    g_autoptr(GMainContext) context = g_main_context_new();
    struct xf_rpc_backend backend = { 0 };
    struct xf_rpc_server *server;
    g_autoptr(GError) err = NULL;
    g_autofree char *run = NULL, *text = NULL;

    paths_init(&paths);
    run = g_path_get_dirname(paths.socket);
    ck_assert_int_eq(mkdir(run, 0700), 0);
    ck_assert(g_file_set_contents(paths.socket, "mine", -1, NULL));
    xf_rpc_server_config_init(&config);
    server = xf_rpc_server_new(context, &config, &backend);
    ck_assert(!xf_rpc_server_listen_unix(server, paths.socket, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
    xf_rpc_server_free(server);
    ck_assert(g_file_get_contents(paths.socket, &text, NULL, NULL));
    ck_assert_str_eq(text, "mine");
    ck_assert_int_eq(unlink(paths.socket), 0);
    paths_clear(&paths);
}
END_TEST

START_TEST(no_more_clients_than_allowed)
{
    struct xf_rpc_server_config config;
    struct xf_rpc_uri local = { 0 };
    struct test_server t;
    int first, second;

    paths_init(&paths);
    xf_rpc_server_config_init(&config);
    config.max_clients = 1;
    test_server_start(&t, &config, listen_both);
    local.socket = paths.socket;
    first = connect_to(&local);
    open_raw(first, 0);
    second = connect_to(&local);
    send_hex(second, PING);
    for (guint i = 0; i < 100; i++)
        check_served(first, i);
    ck_assert_int_lt(recv(second, &(char){ 0 }, 1, MSG_DONTWAIT), 0);
    close(first);
    expect_hex(second, PONG);
    close(second);
    test_server_stop(&t);
    paths_clear(&paths);
}
END_TEST

/* Whoever fills the TCP port keeps nobody from the unix socket. */
START_TEST(strangers_leave_room_for_the_administrator)
{
    struct xf_rpc_server_config config;
    struct xf_rpc_uri local = { 0 }, v4 = { .host = (char *)"127.0.0.1" };
    struct test_server t;
    int stranger, waiting, administrator;

    paths_init(&paths);
    xf_rpc_server_config_init(&config);
    config.max_clients = 1;
    test_server_start(&t, &config, listen_both);
    local.socket = paths.socket;
    v4.port = port;
    stranger = connect_to(&v4);
    open_raw(stranger, 0);
    waiting = connect_to(&v4);
    send_hex(waiting, PING);
    administrator = connect_to(&local);
    open_raw(administrator, 0);
    for (guint i = 0; i < 100; i++)
        check_served(administrator, i);
    ck_assert_int_lt(recv(waiting, &(char){ 0 }, 1, MSG_DONTWAIT), 0);
    close(administrator);
    close(stranger);
    expect_hex(waiting, PONG);
    close(waiting);
    test_server_stop(&t);
    paths_clear(&paths);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        client_goes_idle,
        client_goes_in_mid_call,
        calls_that_wait_go_with_their_client,
        server_ends_in_mid_call,
        silent_client_is_dropped,
        answering_client_is_kept,
        busy_client_is_kept,
        listening,
        listening_refused,
        left_socket_is_replaced,
        other_files_are_left_alone,
        no_more_clients_than_allowed,
        strangers_leave_room_for_the_administrator,
        NULL
    };

    return xf_unit_main("rpc-clients", tests);
}
