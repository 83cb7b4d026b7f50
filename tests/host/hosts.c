/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/host/hosts.h"

#include "protocol/rpc/client.h"
#include "tests/host/traces.h"
#include "xen/records.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAUNCHER TOP_SRCDIR "/tests/sim/run-xenstored"
#define PRELOAD TOP_BUILDDIR "/tests/sim/.libs/xenstored-preload.so"
#define DAEMON TOP_BUILDDIR "/tests/sim/xenferryd-sim"
#define RECORDS_ROOT "/tool/xenferry/handoff"

struct host host_a, host_b;
const char *sims[3];
const char *const *host_options;
const char *const *host_env;
static char *base;

/* -- programs -- */

/* In the child: it ends with the thread that started it. */
static void
die_with_test(gpointer parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != GPOINTER_TO_INT(parent))
        _exit(EXIT_FAILURE);
}

GPid
start_program(const char *const *argv, const char *log,
              const char *const *env)
{
    XF_AUTO_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    XF_AUTO_FD int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                              0644);
    g_auto(GStrv) environment = g_get_environ();
    g_autoptr(GError) err = NULL;
    GPid pid;

    for (; env && *env; env += 2)
        environment = g_environ_setenv(environment, env[0], env[1], TRUE);
    ck_assert_msg(g_spawn_async_with_pipes_and_fds(
                      NULL, argv, (const char *const *)environment,
                      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH,
                      die_with_test, GINT_TO_POINTER(getpid()), null, out,
                      out, NULL, NULL, 0, &pid, NULL, NULL, NULL, &err),
                  "%s: %s", argv[0], err ? err->message : "?");
    return pid;
}

static int
reap(GPid pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    return status;
}

int
wait_program(GPid pid)
{
    int status = reap(pid);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void
kill_program(GPid pid)
{
    kill(pid, SIGKILL);
    reap(pid);
}

int
run_program(const char *const *argv, char **out)
{
    g_autofree char *log = g_build_filename(base, "output", NULL);

    g_unlink(log);

    int status = wait_program(start_program(argv, log, NULL));

    if (out)
        ck_assert(g_file_get_contents(log, out, NULL, NULL));
    return status;
}

/* -- waiting -- */

void
wait_until(gboolean (*holds)(const char *dir, void *user), void *user,
           const char *what)
{
    ck_assert_msg(xf_sim_wait(base, holds, user, DEADLINE_MS),
                  "waited in vain: %s; logs are in %s", what, base);
}

void
fault(struct host *host, const char *key, const char *value)
{
    xf_sim_fault(host->sim, "host", key, value);
}

void
wait_hits(struct host *host, const char *point, guint count)
{
    ck_assert_msg(xf_sim_wait_hits(host->sim, point, count, DEADLINE_MS),
                  "%s: %s was not reached", host->name, point);
}

/* -- daemons -- */

static gboolean
can_connect(const char *dir, void *user)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    XF_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, user, sizeof(address.sun_path));
    return !connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static void
start_xenstored(struct host *host)
{
    const char *argv[] = { LAUNCHER, "-d", host->dir, NULL };
    const char *env[] = { "XENSTORED_PRELOAD", PRELOAD, NULL };
    g_autofree char *log = g_build_filename(host->dir, "xenstored.log", NULL);

    host->xenstored = start_program(argv, log, env);
    wait_until(can_connect, host->xenstored_path, "xenstored answers");
}

static char *
read_log(struct host *host)
{
    char *text = NULL;

    g_file_get_contents(host->log, &text, NULL, NULL);
    return text ? text : g_strdup("");
}

guint
host_log_count(struct host *host, const char *word)
{
    g_autofree char *text = read_log(host);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint count = 0;

    for (char **line = lines; *line; line++)
        count += strstr(*line, word) != NULL;
    return count;
}

/* The number after the last `word` in the log; 0: it is not there. */
static guint16
logged_port(struct host *host, const char *word)
{
    g_autofree char *text = read_log(host);
    const char *found = g_strrstr(text, word);

    return found ? atoi(found + strlen(word)) : 0;
}

struct start {
    struct host *host;
    guint before;               /* lines that said so earlier */
};

gboolean
host_died(struct host *host)
{
    int status;

    if (host->daemon && waitpid(host->daemon, &status, WNOHANG) != 0)
        host->daemon = 0;
    return !host->daemon;
}

static gboolean
serves_or_died(const char *dir, void *user)
{
    struct start *start = user;

    return host_died(start->host)
           || host_log_count(start->host, "domains arrive") > start->before;
}

struct xf_conn *
conn_to(struct host *host)
{
    g_autoptr(GError) err = NULL;
    struct xf_conn *conn = xf_remote_open(host->uri, &err);

    ck_assert_msg(conn != NULL, "%s: %s", host->uri,
                  err ? err->message : "?");
    return conn;
}

static guint
count_fds(struct host *host)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", host->daemon);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    guint count = 0;

    while (dir && g_dir_read_name(dir))
        count++;
    return count;
}

/* What it has without any client.  Counted while one has been answered: then
 * the daemon has all that it opens for itself, and one fd for the client. */
static guint
idle_fds(struct host *host)
{
    XF_AUTO(xf_conn) *conn = conn_to(host);
    g_autofree char *name = conn->driver->get_hostname(conn, NULL);

    ck_assert_str_eq(name, host->name);
    return count_fds(host) - 1;
}

/* DAEMON_WRAPPER, e.g. a call of valgrind, comes before the daemon's own
 * command line. */
static GPid
start_daemon(struct host *host, const char *const *command)
{
    g_autoptr(GPtrArray) env = g_ptr_array_new();
    const char *wrapper = g_getenv("DAEMON_WRAPPER");
    g_auto(GStrv) words = g_strsplit(wrapper ? wrapper : "", " ", -1);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();

    for (char **word = words; *word; word++)
        g_ptr_array_add(argv, *word);
    do {
        g_ptr_array_add(argv, (char *)*command);
    } while (*++command);
    for (const char *const *word = host_options; word && *word; word++)
        g_ptr_array_add(argv, (char *)*word);
    g_ptr_array_add(argv, NULL);
    g_ptr_array_add(env, (char *)"XENSTORED_PATH");
    g_ptr_array_add(env, host->xenstored_path);
    for (const char *const *word = host_env; word && *word; word++)
        g_ptr_array_add(env, (char *)*word);
    g_ptr_array_add(env, NULL);
    return start_program((const char *const *)argv->pdata, host->log,
                         (const char *const *)env->pdata);
}

gboolean
host_try_start(struct host *host)
{
    g_autofree char *port = g_strdup_printf("%u", host->channel_port);
    g_autofree char *conf = g_build_filename(host->dir, "conf", NULL);
    g_autofree char *state = g_build_filename(host->dir, "state", NULL);
    const char *argv[] = {
        DAEMON, host->sim, "--config", conf, "--socket", host->socket,
        "--state-dir", state,
        "--hostname", host->name, "--listen-tcp", "--tcp-port", "0",
        "--tcp-address", "127.0.0.1", "--channel-address", "127.0.0.1",
        "--channel-host", "127.0.0.1", "--channel-port", port,
        "--handshake-timeout", "5", "--resolve-wait", "2", "--verbose", NULL
    };
    static const char times[] = "[migration]\nfinish_timeout = 5\n"
                                "confirm_timeout = 5\n";
    g_autofree char *lines =
        g_strconcat(times, host->conf ? host->conf : "", NULL);
    struct start start = { host, host_log_count(host, "domains arrive") };

    ck_assert(g_file_set_contents(conf, lines, -1, NULL));
    host->daemon = start_daemon(host, argv);
    wait_until(serves_or_died, &start, "the daemon serves");
    if (!host->daemon)
        return FALSE;
    host->channel_port = logged_port(host, "domains arrive on port ");
    g_free(host->tcp_uri);
    host->tcp_uri = g_strdup_printf("xen+tcp://127.0.0.1:%u/system",
                                    logged_port(host, "tcp port "));
    return TRUE;
}

void
host_start(struct host *host)
{
    ck_assert_msg(host_try_start(host), "%s: the daemon ended; see %s",
                  host->name, host->log);
    host->fds = idle_fds(host);
    g_strfreev(host->traces);
    host->traces = traces_of(host);
}

void
host_kill(struct host *host)
{
    kill_program(host->daemon);
    host->daemon = 0;
}

void
host_stop(struct host *host)
{
    kill(host->daemon, SIGTERM);

    int status = reap(host->daemon);

    host->daemon = 0;
    ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status),
                  "%s: the daemon ended badly (0x%x); see %s", host->name,
                  status, host->log);
}

/* -- guests -- */

static void
create(struct host *host, const char *xml, guint flags)
{
    XF_AUTO(xf_conn) *conn = conn_to(host);
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_domain_ref) *dom = conn->driver->create_xml(conn, xml, flags,
                                                           &err);

    ck_assert_msg(dom != NULL, "%s", err ? err->message : "?");
}

void
guest_new(struct host *host, const char *name, const char *uuid,
          const char *type, guint memory_mib)
{
    g_autofree char *xml = xf_sim_xml(name, uuid, type, memory_mib);

    create(host, xml, 0);
}

void
guest_new_paused(struct host *host, const char *name, const char *uuid)
{
    g_autofree char *xml = xf_sim_xml(name, uuid, "xenpvh", 64);

    create(host, xml, XF_CREATE_PAUSED);
}

void
guest(struct host *host)
{
    guest_new(host, "g", UUID, "xenpvh", 128);
}

void
guest_destroy(struct host *host, const char *name)
{
    XF_AUTO(xf_conn) *conn = conn_to(host);
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_domain_ref) *dom = conn->driver->lookup_by_name(conn, name,
                                                               &err);

    ck_assert_msg(dom && conn->driver->domain_destroy(conn, dom, &err),
                  "%s", err ? err->message : "?");
}

struct guest_on {
    struct host *host;
    const char *name;
};

static gboolean
is_running(const char *dir, void *user)
{
    struct guest_on *where = user;
    struct xf_hv_domain info;

    return xf_sim_find(where->host->sim, where->name, &info) && info.running;
}

void
runs_on(struct host *host, const char *name)
{
    struct guest_on where = { host, name };
    g_autofree char *what = g_strdup_printf("%s runs on %s", name,
                                            host->name);

    wait_until(is_running, &where, what);
}

static gboolean
has_no_domain(const char *dir, void *user)
{
    struct host *host = user;
    g_autoptr(GPtrArray) domains = xf_sim_domains(host->sim);

    return !domains->len;
}

void
no_domain(struct host *host)
{
    g_autofree char *what = g_strdup_printf("no domain on %s", host->name);

    wait_until(has_no_domain, host, what);
}

static gboolean
has_no_records(const char *dir, void *user)
{
    struct host *host = user;
    g_autoptr(GError) err = NULL;
    g_auto(GStrv) tokens = host->records->ops->list(host->records, &err);

    ck_assert_msg(tokens != NULL, "%s", err ? err->message : "?");
    return !*tokens;
}

void
no_records(struct host *host)
{
    g_autofree char *what = g_strdup_printf("no records on %s", host->name);

    wait_until(has_no_records, host, what);
}

void
empty(struct host *host)
{
    no_domain(host);
    no_records(host);
}

struct state_of {
    struct host *host;
    const char *state;
};

static gboolean
has_state(const char *dir, void *user)
{
    struct state_of *wanted = user;
    struct xf_store *store = wanted->host->records;
    g_auto(GStrv) tokens = store->ops->list(store, NULL);

    if (!tokens || !*tokens)
        return FALSE;

    g_autoptr(GHashTable) fields = store->ops->read(store, *tokens, NULL);
    GBytes *state = fields ? g_hash_table_lookup(fields, "state") : NULL;
    gsize len;
    const char *text = state ? g_bytes_get_data(state, &len) : NULL;

    return text && len == strlen(wanted->state) &&
           !memcmp(text, wanted->state, len);
}

void
reaches(struct host *host, const char *state)
{
    struct state_of wanted = { host, state };

    wait_until(has_state, &wanted, state);
}

gboolean
host_has_fds(struct host *host)
{
    return count_fds(host) > host->fds;
}

static gboolean
has_no_fds(const char *dir, void *user)
{
    return !host_has_fds(user);
}

void
no_fds(struct host *host)
{
    g_autofree char *what =
        g_strdup_printf("%s: the daemon (pid %d) has %u fds again",
                        host->name, host->daemon, host->fds);

    wait_until(has_no_fds, host, what);
}

void
all_is_well(void)
{
    g_autoptr(GError) err = NULL;

    no_records(&host_a);
    no_records(&host_b);
    no_fds(&host_a);
    no_fds(&host_b);
    no_traces(&host_a);
    no_traces(&host_b);
    ck_assert_msg(xf_sim_verify(sims, &err), "%s", err ? err->message : "?");
}

/* -- migrations -- */

guint move_protocol;

gboolean
move_flags(struct host *from, struct host *to, const char *name,
           guint32 flags, GError **err)
{
    XF_AUTO(xf_conn) *source = xf_remote_open(from->uri, err);
    XF_AUTO(xf_conn) *destination = source ? xf_remote_open(to->uri, err)
                                           : NULL;

    if (!destination)
        return FALSE;

    XF_AUTO(xf_domain_ref) *dom =
        source->driver->lookup_by_name(source, name, err);

    if (!dom)
        return FALSE;

    const struct xf_sequence_request request = { .flags = flags,
                                                 .protocol = move_protocol };
    XF_AUTO(xf_domain_ref) *moved =
        xf_sequence_run(source, dom, destination, &request, err);

    return moved != NULL;
}

gboolean
move(struct host *from, struct host *to, const char *name, GError **err)
{
    return move_flags(from, to, name, XF_MIGRATE_LIVE, err);
}

static gboolean
is_on(struct host *host, const char *name)
{
    struct xf_hv_domain info;

    return xf_sim_find(host->sim, name, &info);
}

void
moves(struct host *from, struct host *to, const char *name)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(move(from, to, name, &err), "%s to %s: %s", from->name,
                  to->name, err ? err->message : "?");
    runs_on(to, name);
    ck_assert(!is_on(from, name));
}

void
move_fails(struct host *from, struct host *to, const char *name, int code,
           const char *word)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(!move(from, to, name, &err), "%s moved", name);
    ck_assert(err != NULL);
    ck_assert_msg(code < 0 || err->code == code, "error %d: %s", err->code,
                  err->message);
    ck_assert_msg(!word || strstr(err->message, word), "not \"%s\": %s", word,
                  err->message);
}

static gpointer
moving_thread(gpointer data)
{
    struct moving *moving = data;

    moving->ok = move_flags(moving->from, moving->to, moving->name,
                            moving->flags, &moving->err);
    return NULL;
}

void
moving_start(struct moving *moving, struct host *from, struct host *to,
             const char *name)
{
    *moving = (struct moving) {
        .from = from,
        .to = to,
        .name = name,
        .flags = XF_MIGRATE_LIVE,
    };
    moving->thread = g_thread_new("move", moving_thread, moving);
}

gboolean
moving_end(struct moving *moving)
{
    g_thread_join(moving->thread);
    return moving->ok;
}

void
moving_until(struct moving *moving, struct host *from, struct host *to,
             struct host *where, const char *point)
{
    guint hits = xf_sim_hits(where->sim, point);

    fault(where, point,
          g_str_has_suffix(point, "-page") ? "hang@10" : "hang");
    moving_start(moving, from, to, "g");
    wait_hits(where, point, hits + 1);
}

/* -- set up, tear down -- */

/* The store's connection is opened by what the environment says. */
static void
open_records(struct host *host)
{
    g_autoptr(GError) err = NULL;

    g_setenv("XENSTORED_PATH", host->xenstored_path, TRUE);
    host->records = xf_records_new(RECORDS_ROOT, &err);
    ck_assert_msg(host->records != NULL, "%s", err ? err->message : "?");
    g_unsetenv("XENSTORED_PATH");
}

static void
host_set_up(struct host *host, const char *name)
{
    memset(host, 0, sizeof(*host));
    host->channel_port = xf_unit_port(host == &host_b ? XF_UNIT_PORT_B
                                                    : XF_UNIT_PORT_A);
    host->name = g_strdup(name);
    host->dir = g_build_filename(base, name, NULL);
    host->sim = g_build_filename(host->dir, "sim", NULL);
    host->xenstored_path = g_build_filename(host->dir, "socket", NULL);
    host->socket = g_build_filename(host->dir, "xenferry-sock", NULL);
    host->log = g_build_filename(host->dir, "log", NULL);
    host->uri = g_strdup_printf("xen+unix:///system?socket=%s", host->socket);
    ck_assert(!g_mkdir_with_parents(host->sim, 0755));
    start_xenstored(host);
    open_records(host);
    host_start(host);
}

static void
remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

    for (const char *file; dir && (file = g_dir_read_name(dir)); ) {
        g_autofree char *child = g_build_filename(path, file, NULL);

        remove_tree(child);
    }
    g_remove(path);
}

static void
host_tear_down(struct host *host)
{
    if (host->daemon)
        host_stop(host);
    host->records->ops->free(host->records);
    kill_program(host->xenstored);
    g_free(host->name);
    g_free(host->dir);
    g_free(host->sim);
    g_free(host->xenstored_path);
    g_free(host->socket);
    g_free(host->log);
    g_free(host->uri);
    g_free(host->tcp_uri);
    g_strfreev(host->traces);
}

const char *
hosts_dir(void)
{
    return base;
}

void
hosts_set_up(void)
{
    g_autoptr(GError) err = NULL;

    signal(SIGPIPE, SIG_IGN);
    base = g_dir_make_tmp("xenferry-host.XXXXXX", &err);
    ck_assert_msg(base != NULL, "%s", err ? err->message : "?");
    host_set_up(&host_a, "host-a");
    host_set_up(&host_b, "host-b");
    sims[0] = host_a.sim;
    sims[1] = host_b.sim;
}

/* A test that fails does not come here: its logs stay. */
void
hosts_tear_down(void)
{
    host_tear_down(&host_a);
    host_tear_down(&host_b);
    remove_tree(base);
    g_free(base);
}

char *
hosts_missing(void)
{
    const char *argv[] = { LAUNCHER, "true", NULL };
    const char *skip = "1..0 # SKIP";
    g_autofree char *out = NULL;

    g_setenv("XENSTORED_PRELOAD", PRELOAD, TRUE);
    if (g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                     &out, NULL, NULL, NULL) &&
        g_str_has_prefix(out, skip))
        return g_steal_pointer(&out);
    return NULL;
}

static void (*set_up_by)(void) = hosts_set_up;
static void (*tear_down_by)(void) = hosts_tear_down;

void
host_set_up_by(void (*set_up)(void), void (*tear_down)(void))
{
    set_up_by = set_up;
    tear_down_by = tear_down;
}

int
host_tests_main(const char *name, const struct xf_unit_test *tests)
{
    g_autofree char *missing = hosts_missing();

    if (missing) {
        fputs(missing, stdout);
        return 0;
    }

    return xf_unit_main_rows(name, tests, 240, set_up_by, tear_down_by);
}
