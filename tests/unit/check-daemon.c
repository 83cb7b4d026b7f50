/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon around engine and server: configuration, the end of orphans,
 * and one whole run on the simulated hypervisor. */
#include "config.h"

#include "protocol/rpc/client.h"
#include "tests/sim/sim.h"
#include "tests/unit/common.h"
#include "tools/daemon-config.h"
#include "tools/daemon.h"
#include "tools/receive.h"
#include "xen/claim.h"
#include "xen/orphans.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;

static void
set_up(void)
{
    folder = g_dir_make_tmp("xf-daemon-XXXXXX", NULL);
    ck_assert_ptr_nonnull(folder);
}

static void
tear_down(void)
{
    const char *argv[] = { "rm", "-rf", folder, NULL };

    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                 NULL, NULL, NULL, NULL);
    g_free(folder);
}

/* -- configuration ------------------------------------------------------- */

/* With the file's text (NULL: none) and up to three more options. */
static struct xf_daemon_config *
load(const char *text, const char *one, const char *two, const char *three,
     GError **err)
{
    g_autofree char *path = g_build_filename(folder, "conf", NULL);
    g_autofree char *option = g_strdup_printf("--config=%s", path);
    const char *args[6] = { "xenferryd" };
    char **argv = (char **)args;
    gboolean version;
    int argc = 1;

    if (text) {
        ck_assert(g_file_set_contents(path, text, -1, NULL));
        args[argc++] = option;
    }
    for (const char *const *more = (const char *[]){ one, two, three, NULL };
         *more; more++)
        args[argc++] = *more;
    return xf_daemon_config_load(&argc, &argv, &version, err);
}

START_TEST(config_of_an_empty_file)
{
    struct xf_engine_config engine;
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_daemon_config) *config = load("", NULL, NULL, NULL, &err);

    ck_assert_msg(config != NULL, "%s", err ? err->message : "");
    xf_engine_config_init(&engine);
    ck_assert_str_eq(config->socket, XF_REMOTE_SOCKET);
    ck_assert_str_eq(config->engine.state_dir, LOCALSTATEDIR "/lib/xenferry");
    ck_assert(!config->listen_tcp);
    ck_assert_uint_eq(config->tcp_port, 16509);
    ck_assert_uint_eq(config->engine.channel.port, 49217);
    ck_assert_uint_eq(config->engine.finish_timeout_ms,
                      engine.finish_timeout_ms);
    ck_assert_str_eq(config->engine.hostname, engine.hostname);
    ck_assert_ptr_null(config->engine.channel_host);
}
END_TEST

static const char full_file[] =
    "# comment\n"
    "[daemon]\n"
    "socket = /a/b\n"
    "listen_tcp = true\n"
    "tcp_address = 127.0.0.1\n"
    "tcp_port = 16510\n"
    "max_clients = 7\n"
    "protocols = v1, v3\n"
    "max_client_calls = 8\n"
    "open_timeout = 12\n"
    "keepalive_interval = 0.25\n"
    "keepalive_count = 9\n"
    "verbose = true\n"
    "[migration]\n"
    "hostname = h\n"
    "channel_address = ::1\n"
    "channel_port = 1\n"
    "channel_host = ch\n"
    "handshake_timeout = 1\n"
    "silence_timeout = 2\n"
    "connect_timeout = 3\n"
    "ack_timeout = 4\n"
    "finish_timeout = 5\n"
    "confirm_timeout = 6\n"
    "resolve_wait = 7\n"
    "keep_orphan = 8\n"
    "keep_ended = 9\n"
    "libvirtd_ports = 49152-49216\n"
    "max_handoffs = 10\n"
    "memory_reserve = 11\n"
    "[networks]\n"
    "lan = xenbr0\n"
    "web dmz = br-dmz\n";

START_TEST(config_of_a_full_file)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_daemon_config) *config =
        load(full_file, "--tcp-port=3", "--listen-tcp=false",
             "--hostname=other", &err);

    ck_assert_msg(config != NULL, "%s", err ? err->message : "");
    ck_assert_str_eq(config->socket, "/a/b");
    ck_assert(!config->listen_tcp);
    ck_assert_str_eq(config->tcp_address, "127.0.0.1");
    ck_assert_uint_eq(config->tcp_port, 3);
    ck_assert_uint_eq(config->server.max_clients, 7);
    ck_assert_uint_eq(config->server.protocols,
                      XF_PROTOCOL_V1 | XF_PROTOCOL_V3);
    ck_assert_uint_eq(config->server.max_calls, 8);
    ck_assert_uint_eq(config->server.open_timeout_ms, 12000);
    ck_assert_uint_eq(config->server.keepalive_interval_ms, 250);
    ck_assert_uint_eq(config->server.keepalive_count, 9);
    ck_assert(config->verbose);
    ck_assert_str_eq(config->engine.hostname, "other");
    ck_assert_str_eq(config->engine.channel.address, "::1");
    ck_assert_uint_eq(config->engine.channel.port, 1);
    ck_assert_str_eq(config->engine.channel_host, "ch");
    ck_assert_uint_eq(config->engine.channel.handshake_timeout_ms, 1000);
    ck_assert_uint_eq(config->engine.channel.silence_timeout_ms, 2000);
    ck_assert_uint_eq(config->engine.connect_timeout_ms, 3000);
    ck_assert_uint_eq(config->engine.ack_timeout_ms, 4000);
    ck_assert_uint_eq(config->engine.finish_timeout_ms, 5000);
    ck_assert_uint_eq(config->engine.confirm_timeout_ms, 6000);
    ck_assert_uint_eq(config->engine.resolve_wait_ms, 7000);
    ck_assert_uint_eq(config->engine.keep_orphan_ms, 8000);
    ck_assert_uint_eq(config->engine.keep_ended_ms, 9000);
    ck_assert_uint_eq(config->engine.foreign_ports[0], 49152);
    ck_assert_uint_eq(config->engine.foreign_ports[1], 49216);
    ck_assert_uint_eq(config->engine.max_incoming, 10);
    ck_assert_uint_eq(g_hash_table_size(config->networks), 2);
    ck_assert_str_eq(g_hash_table_lookup(config->networks, "lan"), "xenbr0");
    ck_assert_str_eq(g_hash_table_lookup(config->networks, "web dmz"),
                     "br-dmz");
    ck_assert_uint_eq(config->engine.memory_reserve_kib, 11 * 1024);
}
END_TEST

START_TEST(networks_by_option)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_daemon_config) *config =
        load("[networks]\nlan = br0\ndmz = br9\n", "--network=lan=br1",
             "--network=*=br2", NULL, &err);

    ck_assert_msg(config != NULL, "%s", err ? err->message : "");
    ck_assert_uint_eq(g_hash_table_size(config->networks), 3);
    ck_assert_str_eq(g_hash_table_lookup(config->networks, "lan"), "br1");
    ck_assert_str_eq(g_hash_table_lookup(config->networks, "dmz"), "br9");
    ck_assert_str_eq(g_hash_table_lookup(config->networks, "*"), "br2");
}
END_TEST

START_TEST(config_refused)
{
    /* what is wrong, and what the error must name */
    static const struct {
        const char *text, *option, *named;
    } cases[] = {
        { "[daemon]\nsocke = /a\n", NULL, "[daemon] socke: there is no" },
        { "[demon]\nsocket = /a\n", NULL, "[demon] socket: there is no" },
        { "[daemon]\nhostname = h\n", NULL, "[daemon] hostname" },
        { "socket = /a\n", NULL, "conf: " },
        { "[daemon]\ntcp_port = 65536\n", NULL, "a port number" },
        { "[daemon]\ntcp_port = x\n", NULL, "[daemon] tcp_port: 'x'" },
        { "[daemon]\ntcp_port =\n", NULL, "[daemon] tcp_port" },
        { "[daemon]\nmax_clients = -1\n", NULL, "max_clients: '-1'" },
        { "[daemon]\nmax_clients = 0\n", NULL, "max_clients" },
        { "[daemon]\nprotocols = v1,v4\n", NULL,
          "protocols: 'v1,v4' is not a list of v1, v2, v3, v3-params, p2p and direct" },
        { "[daemon]\nprotocols = p2p\n", NULL,
          "protocols: 'p2p' offers nothing" },
        { "[daemon]\nprotocols = direct, p2p\n", NULL,
          "besides one of v1, v2, v3 and v3-params" },
        { "", "--protocols=direct", "--protocols: 'direct' offers nothing" },
        { "[daemon]\nprotocols =\n", NULL, "protocols: '' is not" },
        { "[daemon]\nlisten_tcp = maybe\n", NULL, "true or false" },
        { "[daemon]\nsocket =\n", NULL, "socket" },
        { "[migration]\nack_timeout = 1s\n", NULL, "seconds" },
        { "[migration]\nack_timeout = -1\n", NULL, "seconds" },
        { "[migration]\nack_timeout = nan\n", NULL, "seconds" },
        { "[migration]\nack_timeout = 1e9\n", NULL, "seconds" },
        { "[migration]\nack_timeout = 0\n", NULL, "seconds above 0" },
        { "[migration]\nretry_first = 0\n", NULL, "seconds above 0" },
        { "[migration]\nretry_max = 0.0001\n", NULL, "seconds above 0" },
        { "[migration]\nconnect_timeout = 0\n", NULL, "seconds above 0" },
        { "", "--handshake-timeout=0", "seconds above 0" },
        { "[networks]\nlan =\n", NULL, "[networks] lan: '' is not the name" },
        { "[networks]\nlan = a-very-long-name\n", NULL, "[networks] lan" },
        { "", "--network=lan", "--network: 'lan' is not NETWORK=BRIDGE" },
        { "", "--network=lan=a/b", "--network: 'a/b' is not the name" },
        { "", "--network==a", "--network: the network has no name" },
        { "[migration]\nlibvirtd_ports = 49152\n", NULL, "a range of ports" },
        { "[migration]\nlibvirtd_ports = 2-1\n", NULL, "'2-1' is not" },
        { "[migration]\nlibvirtd_ports = 0-1\n", NULL, "'0-1' is not" },
        { "[migration]\nlibvirtd_ports = 1-65536\n", NULL, "'1-65536'" },
        { "", "--libvirtd-ports=all", "--libvirtd-ports: 'all'" },
        { "", "--tcp-port=x", "--tcp-port: 'x'" },
        { "", "--unknown", "--unknown" },
        { "", "word", "'word'" },
        { NULL, "--config=/nonexistent", "/nonexistent" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) err = NULL;
        struct xf_daemon_config *config = load(
            cases[i].text, cases[i].option, NULL, NULL, &err);

        ck_assert_msg(!config, "taken: %s %s", cases[i].text,
                      cases[i].option);
        ck_assert_msg(strstr(err->message, cases[i].named) != NULL,
                      "'%s' does not say '%s'", err->message,
                      cases[i].named);
    }
}
END_TEST

/* -- orphans ------------------------------------------------------------- */

/* A process of that name whose parent ends at once; its pid. */
static pid_t
start_orphan(const char *name, int *alive)
{
    int fds[2], word[2];
    pid_t pid, child;

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(pipe(word), 0);
    child = fork();
    if (child == 0) {
        pid = fork();
        if (pid == 0) {
            prctl(PR_SET_NAME, name);
            while (getppid() == child)
                g_thread_yield();
            pid = getpid();
            if (write(word[1], &pid, sizeof(pid)) != sizeof(pid))
                _exit(1);
            close(word[1]);
            for (;;)
                pause();
        }
        _exit(0);
    }
    waitpid(child, NULL, 0);
    close(fds[1]);
    close(word[1]);
    ck_assert_int_eq(read(word[0], &pid, sizeof(pid)), sizeof(pid));
    close(word[0]);
    *alive = fds[0];
    return pid;
}

static int
parent_of(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;
    int parent = 0;

    if (g_file_get_contents(path, &text, NULL, NULL))
        sscanf(strrchr(text, ')') + 1, " %*c %d", &parent);
    return parent;
}

START_TEST(orphans_end)
{
    char name[16];
    int alive;
    pid_t pid;

    g_snprintf(name, sizeof(name), "xf(t) %d", getpid());
    ck_assert_uint_eq(xf_orphans_end(name), 0);
    pid = start_orphan(name, &alive);
    ck_assert_uint_eq(xf_orphans_end("xf-other-name"), 0);
    if (parent_of(pid) == 1) {
        ck_assert_uint_eq(xf_orphans_end(name), 1);
        ck_assert_int_eq(xf_orphans_end(name), 0);
    } else {
        /* a subreaper adopted it: it counts as somebody's */
        ck_assert_uint_eq(xf_orphans_end(name), 0);
        kill(pid, SIGKILL);
    }
    /* the end of the process closes its end of the pipe */
    ck_assert_int_eq(read(alive, &(char){ 0 }, 1), 0);
    close(alive);
}
END_TEST

/* A name is one process's for ever, and means nothing once it has ended. */
START_TEST(processes_by_name)
{
    g_autofree char *ours = xf_process_name(getpid());
    g_autofree char *longer = g_strconcat(ours, "0", NULL);
    g_autofree char *childs = NULL;
    pid_t pid;

    ck_assert_ptr_nonnull(ours);
    ck_assert(xf_process_lives(ours));
    ck_assert(!xf_process_lives(longer));
    ck_assert(!xf_process_lives(""));
    ck_assert(!xf_process_lives("0 0"));
    pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    childs = xf_process_name(pid);
    ck_assert(childs && xf_process_lives(childs));
    ck_assert_str_ne(childs, ours);
    kill(pid, SIGKILL);
    /* ended, and not reaped yet */
    ck_assert_int_eq(waitid(P_PID, pid, &(siginfo_t){ 0 },
                            WEXITED | WNOWAIT), 0);
    ck_assert(!xf_process_lives(childs));
    waitpid(pid, NULL, 0);
    ck_assert(!xf_process_lives(childs));
    ck_assert_ptr_null(xf_process_name(pid));
}
END_TEST

START_TEST(children_are_no_orphans)
{
    char name[16];
    pid_t pid;

    g_snprintf(name, sizeof(name), "xf-child-%d", getpid());
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NAME, name);
        for (;;)
            pause();
    }
    ck_assert_uint_eq(xf_orphans_end(name), 0);
    ck_assert_int_eq(kill(pid, 0), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
END_TEST

/* -- domains from xl ------------------------------------------------------ */

static struct xf_engine *
engine_new(struct xf_hypervisor *hv, struct xf_store *store)
{
    g_autofree char *state = g_build_filename(folder, "state", NULL);
    struct xf_engine_config config;
    g_autoptr(GError) err = NULL;

    xf_engine_config_init(&config);
    config.hostname = "sim";
    config.channel.address = "127.0.0.1";
    config.channel.port = 0;
    config.state_dir = state;
    config.run_dir = folder;

    struct xf_engine *engine = xf_engine_new(hv, store, &config, &err);

    ck_assert_msg(engine != NULL, "%s", err ? err->message : "");
    return engine;
}

static int
knock(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address,
                             sizeof(address)), 0);
    ck_assert_int_eq(send(fd, "nonsense", 8, 0), 8);
    return fd;
}

/* The main loop has nothing to do at last. */
static void
comes_to_rest(void)
{
    int rounds = 0;

    while (g_main_context_iteration(NULL, FALSE))
        ck_assert_int_lt(rounds++, 1000);
}

static void
is_answered(int fd)
{
    gint64 deadline = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    char answer[XF_RECEIVE_MESSAGE_MAX + 1] = "";

    while (poll(&pfd, 1, 10) == 0) {
        ck_assert_int_lt(g_get_monotonic_time(), deadline);
        g_main_context_iteration(NULL, FALSE);
    }
    ck_assert_int_gt(recv(fd, answer, sizeof(answer) - 1, 0), 0);
    ck_assert_msg(strstr(answer, "not understood"), "%s", answer);
}

/* Who waits then is neither lost nor asked after without a pause. */
START_TEST(receive_rests_without_fds)
{
    g_autofree char *host = g_build_filename(folder, "host", NULL);
    g_autofree char *path = g_build_filename(folder, "receive", NULL);
    g_autoptr(GError) err = NULL;
    struct rlimit old, small;
    int client, first;

    g_mkdir(host, 0700);

    struct xf_hypervisor *hv = xf_sim_new(host, &err);
    struct xf_store *store = xf_store_memory_new();
    struct xf_engine *engine = engine_new(hv, store);
    struct xf_receiver *receiver = xf_receiver_new(engine, path, &err);

    ck_assert_msg(receiver != NULL, "%s", err ? err->message : "");
    client = knock(path);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    first = dup(client);
    close(first);
    small = (struct rlimit){ .rlim_cur = first, .rlim_max = old.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &small), 0);
    comes_to_rest();
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    is_answered(client);
    close(client);
    xf_receiver_free(receiver);
    xf_engine_free(engine);
    store->ops->free(store);
    hv->ops->free(hv);
}
END_TEST

/* -- a whole run --------------------------------------------------------- */

static struct xf_hypervisor *
open_sim(void *user, const struct xf_daemon_config *config, GError **err)
{
    return xf_sim_new(user, err);
}

static struct xf_store *
open_memory(void *user, GError **err)
{
    return xf_store_memory_new();
}

static struct xf_hypervisor *
open_nothing(void *user, const struct xf_daemon_config *config, GError **err)
{
    g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT, "no Xen here");
    return NULL;
}

static int
notify_socket(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)),
                     0);
    return fd;
}

static void
expect_word(int fd, const char *want)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    char buf[64] = "";

    ck_assert_int_eq(poll(&pfd, 1, 20000), 1);
    ck_assert_int_gt(recv(fd, buf, sizeof(buf) - 1, 0), 0);
    ck_assert_str_eq(buf, want);
}

static pid_t
start_daemon(const struct xf_daemon_backend *backend, const char *sock)
{
    g_autofree char *option = g_strdup_printf("--socket=%s", sock);
    g_autofree char *state = g_strdup_printf("--state-dir=%s.state", sock);
    char *argv[] = { (char *)"xenferryd", option, state,
                     (char *)"--channel-port=0",
                     (char *)"--channel-address=127.0.0.1",
                     (char *)"--hostname=sim", NULL };
    pid_t pid = fork();

    if (pid == 0)
        _exit(xf_daemon_main(G_N_ELEMENTS(argv) - 1, argv, backend));
    return pid;
}

static int
exit_status(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
use_daemon(const char *sock)
{
    g_autofree char *uri = g_strdup_printf("xen+unix:///system?socket=%s",
                                           sock);
    g_autofree char *name = NULL;
    g_autoptr(GError) err = NULL;
    struct xf_conn *conn = xf_remote_open(uri, &err);
    GPtrArray *list;

    ck_assert_msg(conn != NULL, "%s", err ? err->message : "");
    name = conn->driver->get_hostname(conn, NULL);
    ck_assert_str_eq(name, "sim");
    list = conn->driver->list_domains(conn, XF_LIST_ACTIVE, &err);
    ck_assert_msg(list != NULL, "%s", err ? err->message : "");
    g_ptr_array_unref(list);
    xf_conn_close(conn);
}

START_TEST(whole_run)
{
    g_autofree char *host = g_build_filename(folder, "host", NULL);
    g_autofree char *sock = g_build_filename(folder, "sock", NULL);
    g_autofree char *notify = g_build_filename(folder, "notify", NULL);
    struct xf_daemon_backend backend = { open_sim, open_memory, host };
    int words = notify_socket(notify);
    pid_t pid;

    g_mkdir(host, 0700);
    g_setenv("NOTIFY_SOCKET", notify, TRUE);
    pid = start_daemon(&backend, sock);
    expect_word(words, "READY=1");
    use_daemon(sock);
    kill(pid, SIGTERM);
    expect_word(words, "STOPPING=1");
    ck_assert_int_eq(exit_status(pid), 0);
    ck_assert(!g_file_test(sock, G_FILE_TEST_EXISTS));
    close(words);
}
END_TEST

START_TEST(cannot_start)
{
    g_autofree char *sock = g_build_filename(folder, "sock", NULL);
    struct xf_daemon_backend backend = { open_nothing, open_memory, NULL };

    ck_assert_int_eq(exit_status(start_daemon(&backend, sock)), 1);
    ck_assert_int_eq(exit_status(start_daemon(&backend, "")), 2);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        config_of_an_empty_file,
        config_of_a_full_file,
        networks_by_option,
        config_refused,
        orphans_end,
        children_are_no_orphans,
        processes_by_name,
        receive_rests_without_fds,
        whole_run,
        cannot_start,
        NULL
    };

    return xf_unit_main_fixture("daemon", tests, set_up, tear_down);
}
