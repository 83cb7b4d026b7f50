/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/rpc/client.h"
#include "protocol/rpc/remote.h"
#include "tests/host/fault-client.h"
#include "tests/host/fault-run.h"
#include "tests/host/hosts.h"

#define DAEMON TOP_BUILDDIR "/tests/sim/xenferryd-sim"
#define HELPER TOP_BUILDDIR "/tests/sim/restore-helper"

#define CLI TOP_BUILDDIR "/xenferry"

#define LOOK_US 2000            /* at first, then twice as long, up to ... */
#define LOOK_MAX_US (32 * 1000)
#define REST_MS 20000           /* all is at rest then, or never */
#define RESTARTS_MAX 8
/* Where others have the processors, deadlines as short as ours pass often. */
#define AGAIN_MAX 25

/* The daemons' deadlines, in ms, and longer than any of them. */
#define DEADLINE_SHORT_MS 400
#define HANG_MS 1000
#define SLOW_MS 50
/* From when it is asked to when it has suspended. */
#define SLOW_GUEST_MS "20"
/* 5 s, which the engine waits to try again, become 250 ms. */
#define TIME_SCALE 20

const struct fault_kind fault_kinds[] = {
    { "crash", "kill", NULL, 0 },
    { "hang", "delay", "delay:%u", HANG_MS },
    { "slow", "delay", "delay:%u", SLOW_MS },
    { "fail", "fail", NULL, 0 },
    { "cut", "cut", NULL, 0 },
    { "enospc", "enospc", NULL, 0 },
    { "eagain", "eagain", NULL, 0 },
    { "conflict", "conflict", NULL, 0 },
    { "store-gone", "gone", NULL, 0 },
};

/* Peer to peer, what both daemons have decides: those that offer the same
 * stand together, since each change starts them again. */
const struct way ways[] = {
    { .name = "v3", .version = 3, .plain = TRUE },
    { .name = "v3-params", .version = 3 },
    { .name = "v2", .version = 2 },
    { .name = "v1", .version = 1 },
    { .name = "direct" },
    { .name = "p2p", .version = 3, .p2p = TRUE },
    { .name = "tunnelled", .version = 3, .p2p = TRUE, .tunnelled = TRUE },
    { .name = "p2p-v3", .version = 3, .p2p = TRUE, .offers = "v3,p2p",
      .brief = TRUE },
    { .name = "tunnelled-v3", .version = 3, .p2p = TRUE,
      .tunnelled = TRUE, .offers = "v3,p2p", .brief = TRUE },
    { .name = "tunnelled-v2", .version = 2, .p2p = TRUE,
      .tunnelled = TRUE, .offers = "v2,p2p", .brief = TRUE },
    { .name = "p2p-v1", .version = 1, .p2p = TRUE, .offers = "v1,p2p",
      .brief = TRUE },
};
G_STATIC_ASSERT(G_N_ELEMENTS(ways) <= WAYS_MAX);

guint fault_pace = 1;
static GPtrArray *points;       /* borrowed */
static gboolean plain;          /* the client under way */
static const char *offered;     /* by the daemons, as in struct way */

guint
fault_kinds_count(void)
{
    return G_N_ELEMENTS(fault_kinds);
}

guint
ways_count(void)
{
    return G_N_ELEMENTS(ways);
}

/* -- what others bring along, led here by the linker -- */

int __real_xf_remote_has_params(struct xf_conn *conn, GError **err);
int __wrap_xf_remote_has_params(struct xf_conn *conn, GError **err);
void __wrap__mark_point(const char *file, int line);
G_NORETURN void __wrap__ck_assert_failed(const char *file, int line,
                                         const char *expr, const char *msg,
                                         ...)
    G_GNUC_PRINTF(4, 5);

/* A client that is older than the typed parameters. */
int
__wrap_xf_remote_has_params(struct xf_conn *conn, GError **err)
{
    return plain ? 0 : __real_xf_remote_has_params(conn, err);
}

/* There is no test runner here that wants to know how far we are. */
void
__wrap__mark_point(const char *file, int line)
{
}

/* hosts.c fails a test; here it ends the world. */
void
__wrap__ck_assert_failed(const char *file, int line, const char *expr,
                         const char *msg, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, msg);
    text = msg ? g_strdup_vprintf(msg, ap) : g_strdup(expr);
    va_end(ap);
    broken(text);
}

/* -- points -- */

static void
point_free(gpointer data)
{
    struct point *point = data;

    g_free(point->name);
    g_strfreev(point->actions);
    g_free(point);
}

GPtrArray *
points_load(void)
{
    const char *argv[] = { DAEMON, "--list-faults", NULL };
    g_autofree char *out = NULL;
    g_autoptr(GError) err = NULL;
    int status;

    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                      &out, NULL, &status, &err)
        || !g_spawn_check_wait_status(status, &err)) {
        fprintf(stderr, "%s: %s\n", DAEMON, err->message);
        return NULL;
    }

    GPtrArray *all = g_ptr_array_new_with_free_func(point_free);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(out), "\n", POINTS_MAX);

    for (char **line = lines; *line; line++) {
        struct point *point = g_new0(struct point, 1);
        g_auto(GStrv) words = g_strsplit(*line, " ", -1);

        point->name = g_strdup(words[0]);
        point->actions = g_strdupv(words + 1);
        g_ptr_array_add(all, point);
    }
    return all;
}

int
point_find(GPtrArray *all, const char *name)
{
    for (guint i = 0; i < all->len; i++)
        if (!strcmp(((struct point *)all->pdata[i])->name, name))
            return i;
    return -1;
}

/* -- the world -- */

/* A deadline as an option's value. */
static char *
seconds(guint ms)
{
    return g_strdup_printf("%u.%03u", ms * fault_pace / 1000,
                           ms * fault_pace % 1000);
}

static const char *const *
daemon_options(void)
{
    static const char *options[32];
    static const struct {
        const char *name;
        guint ms;
    } times[] = {
        { "--finish-timeout", DEADLINE_SHORT_MS },
        { "--confirm-timeout", DEADLINE_SHORT_MS },
        { "--ack-timeout", DEADLINE_SHORT_MS },
        { "--handshake-timeout", DEADLINE_SHORT_MS },
        { "--connect-timeout", DEADLINE_SHORT_MS },
        { "--resolve-wait", DEADLINE_SHORT_MS / 2 },
        { "--silence-timeout", 4 * DEADLINE_SHORT_MS },
        /* longer than a source can be away */
        { "--keep-orphan", REST_MS },
        { "--keep-ended", 4 * HANG_MS },
    };
    gsize n = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(times); i++) {
        options[n++] = times[i].name;
        options[n++] = seconds(times[i].ms);
    }
    return options;
}

/* Daemons that have these protocols and no other.  Direct: in the place of
 * the other host's xl stands xenferry receive. */
static void
offer(const char *protocols)
{
    struct host *hosts[] = { &host_a, &host_b };
    static char *conf;

    g_free(conf);
    conf = g_strdup_printf("xl_command = %s receive --socket %s/%%h/"
                           "xenferry-receive-sock\n%s%s\n", CLI, hosts_dir(),
                           protocols ? "[daemon]\nprotocols = " : "",
                           protocols ? protocols : "");
    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++) {
        host_stop(hosts[i]);
        hosts[i]->conf = conf;
        host_start(hosts[i]);
    }
    offered = protocols;
}

void
world_set_up(GPtrArray *all)
{
    static const char *env[] = { "XF_TIME_SCALE",
                                 G_STRINGIFY(TIME_SCALE), NULL };

    points = all;
    host_options = daemon_options();
    host_env = env;
    hosts_set_up();
    offer(NULL);
    guest(&host_a);
}

void
world_tear_down(void)
{
    hosts_tear_down();
}

/* -- the guest, from outside -- */

struct found {
    guint domains;              /* on both */
    struct host *on;            /* of the last one */
    struct xf_hv_domain dom;
};

static void
look(struct found *found)
{
    struct host *hosts[] = { &host_a, &host_b };

    memset(found, 0, sizeof(*found));
    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++) {
        g_autoptr(GPtrArray) domains = xf_sim_domains(hosts[i]->sim);

        found->domains += domains->len;
        if (!domains->len)
            continue;
        found->on = hosts[i];
        found->dom = *(struct xf_hv_domain *)domains->pdata[domains->len - 1];
    }
}

static char *
say_domains(void)
{
    struct host *hosts[] = { &host_a, &host_b };
    g_autoptr(GString) text = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++) {
        g_autoptr(GPtrArray) domains = xf_sim_domains(hosts[i]->sim);

        g_string_append_printf(text, "%s%s:", i ? "; " : "", hosts[i]->name);
        for (guint k = 0; k < domains->len; k++) {
            const struct xf_hv_domain *dom = domains->pdata[k];

            g_string_append_printf(text, " %s%s%s%s%s", dom->name,
                                   dom->running ? " runs" : "",
                                   dom->paused ? " paused" : "",
                                   dom->suspended ? " suspended" : "",
                                   dom->dying ? " dying" : "");
        }
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* -- processes -- */

static gboolean
is_ours(const char *pid)
{
    return atoi(pid) == host_a.daemon || atoi(pid) == host_b.daemon
           || atoi(pid) == host_a.xenstored || atoi(pid) == host_b.xenstored;
}

/* A process that works in our directory and is none that we have started. */
static char *
stray_process(void)
{
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);

    for (const char *pid; proc && (pid = g_dir_read_name(proc)); ) {
        g_autofree char *path = g_strdup_printf("/proc/%s/cmdline", pid);
        g_autofree char *line = NULL;
        gsize len;

        if (!g_ascii_isdigit(*pid) || is_ours(pid)
            || !g_file_get_contents(path, &line, &len, NULL))
            continue;
        for (gsize i = 0; i < len; i++)
            if (!line[i])
                line[i] = ' ';
        if (line && strstr(line, hosts_dir()))
            return g_strdup(line);
    }
    return NULL;
}

/* -- coming to rest -- */

static gboolean
no_record(struct host *host)
{
    g_auto(GStrv) tokens = host->records->ops->list(host->records, NULL);

    return tokens && !*tokens;
}

/* What is not at rest; NULL: all is. */
static char *
unrest(gboolean paused)
{
    struct host *hosts[] = { &host_a, &host_b };
    struct found found;

    look(&found);
    if (found.domains != 1 || strcmp(found.dom.name, GUEST)
        || found.dom.suspended || found.dom.dying
        || found.dom.paused != paused)
        return say_domains();
    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++) {
        if (!no_record(hosts[i]))
            return g_strdup_printf("%s has a record", hosts[i]->name);
        if (xf_sim_tracks_writes(hosts[i]->sim))
            return g_strdup_printf("%s still tracks what its guest writes",
                                   hosts[i]->name);
        if (host_has_fds(hosts[i]))
            return g_strdup_printf("%s's daemon (pid %d) has more fds than "
                                   "at its start", hosts[i]->name,
                                   hosts[i]->daemon);
    }
    return stray_process();
}

static void
bring_up(struct host *host, struct result *result)
{
    while (host_died(host)) {
        if (++result->restarts > RESTARTS_MAX)
            broken("a daemon dies again and again");
        host_try_start(host);
    }
}

static void
bring_both_up(struct result *result)
{
    bring_up(&host_a, result);
    bring_up(&host_b, result);
}

/* What a person does who is told that a domain is in doubt and cannot be
 * asked about: looks whether it is at the destination, once nothing is under
 * way there any more. */
static void
administer(struct host *source, struct host *destination)
{
    struct xf_hv_domain info;
    g_auto(GStrv) tokens = source->records->ops->list(source->records, NULL);
    g_autoptr(GHashTable) fields =
        tokens && *tokens
            ? source->records->ops->read(source->records, *tokens, NULL)
            : NULL;

    if (!fields || !g_hash_table_contains(fields, "peer-kind")
        || !no_record(destination))
        return;

    XF_AUTO(xf_conn) *conn = xf_remote_open(source->uri, NULL);
    enum xf_assume what = xf_sim_find(destination->sim, GUEST, &info)
                              ? XF_ASSUME_COMMITTED : XF_ASSUME_REVOKED;

    if (conn)
        g_free(conn->driver->resolve_handoff(conn, *tokens, what, NULL));
}

/* Until all is at rest, and `crashes` daemons have been started again: one
 * that is about to die may look as if it were at rest. */
static void
come_to_rest(gboolean paused, guint crashes, struct result *result)
{
    gint64 until = g_get_monotonic_time()
                   + (gint64)REST_MS * 1000 * fault_pace;
    g_autofree char *what = NULL;
    gulong pause_us = LOOK_US;

    do {
        bring_both_up(result);
        administer(&host_a, &host_b);
        administer(&host_b, &host_a);
        g_free(what);
        what = result->restarts < crashes
                   ? g_strdup("a daemon that was to die does not")
                   : unrest(paused);
        if (!what)
            return;
        g_usleep(pause_us);
        pause_us = MIN(2 * pause_us, LOOK_MAX_US);
    } while (g_get_monotonic_time() < until);

    g_autofree char *text = g_strconcat("does not come to rest: ", what,
                                        NULL);

    broken(text);
}

/* -- manners -- */

/* What the seed decides. */
struct manner {
    gboolean paused;            /* the guest's administrator has it paused */
    gboolean live;
    gboolean at_once;           /* dead daemons come back in the middle */
    gboolean helper;            /* a process of its own fills the domain */
    gboolean persist;           /* its definition moves with it */
    gboolean slow;              /* the guest takes its time to suspend */
};

static struct manner
manner_of(guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    struct manner manner = { 0 };

    manner.at_once = g_rand_int_range(rand, 0, 2);
    manner.paused = g_rand_int_range(rand, 0, 8) == 0;
    manner.live = g_rand_int_range(rand, 0, 4) > 0;
    manner.helper = g_rand_int_range(rand, 0, 8) == 0;
    manner.persist = g_rand_int_range(rand, 0, 2);
    manner.slow = g_rand_int_range(rand, 0, 4) == 0 && !manner.paused;
    return manner;
}

/* -- the client's migration -- */

/* Migrates; daemons that die are started again at once, or when the client
 * has come back. */
static void
migrate(struct client *client, gboolean at_once, struct result *result)
{
    GThread *thread = g_thread_new("client", fault_client_main, client);

    while (at_once && !g_atomic_int_get(&client->ended)) {
        bring_both_up(result);
        g_usleep(LOOK_US);
    }
    g_thread_join(thread);
}

/* -- faults -- */

static void
set_fault(struct host *host, const struct fault *fault)
{
    const struct point *point = points->pdata[fault->point];
    const struct fault_kind *kind = &fault_kinds[fault->kind];
    g_autofree char *action =
        kind->order ? g_strdup_printf("delay:%u", kind->ms * fault_pace)
                    : g_strdup(kind->action);
    g_autofree char *order = g_strdup_printf("%s#%u*1", action, fault->nth);

    xf_sim_fault(host->sim, "host", point->name, order);
}

static void
forget_file(struct host *host, const char *name)
{
    g_autofree char *path = g_build_filename(host->sim, name, NULL);

    unlink(path);
}

static void
clear_faults(struct host *host)
{
    forget_file(host, "faults");
    forget_file(host, "hits");
    forget_file(host, "passed");
    /* what a violation shows is of its run alone */
    if (truncate(host->log, 0) < 0)
        broken("the daemon's log cannot be emptied");
}

static void
count_passed(struct host *host, guint8 *passed)
{
    g_autofree char *path = g_build_filename(host->sim, "passed", NULL);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return;

    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **line = lines; *line && **line; line++) {
        (*line)[strcspn(*line, " ")] = '\0';

        int i = point_find(points, *line);

        if (i < 0)
            broken("a point was passed that is not in the list");
        passed[i] += passed[i] < 255;
    }
}

/* -- a run -- */

static void
let_pause(struct host *host, gboolean paused)
{
    XF_AUTO(xf_conn) *conn = conn_to(host);
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_domain_ref) *dom = conn->driver->lookup_by_name(conn, GUEST,
                                                               &err);
    gboolean ok = dom
                  && (paused ? conn->driver->domain_suspend
                             : conn->driver->domain_resume)(conn, dom, &err);

    if (!ok)
        broken(err->message);
}

static void
set_faults(const struct run *run, struct host *from, struct host *to,
           const struct manner *manner)
{
    clear_faults(from);
    clear_faults(to);
    xf_sim_fault(from->sim, "host", "trace", "1");
    xf_sim_fault(to->sim, "host", "trace", "1");
    if (manner->helper)
        xf_sim_fault(to->sim, "host", "helper", HELPER);
    if (manner->slow) {
        xf_sim_fault(from->sim, "host", "guest", "late");
        xf_sim_fault(from->sim, "host", "late-ms", SLOW_GUEST_MS);
    }
    for (guint i = 0; i < run->n_faults; i++)
        set_fault(run->faults[i].side == XF_SOURCE ? from : to,
                  &run->faults[i]);
}

/* Or the guest does late what it was asked for in vain: it is suspended for
 * the moment that it takes to let it run on. */
static gboolean
passes_by(const GError *err)
{
    return strstr(err->message, "is suspended")
           || g_error_matches(err, XF_ERROR, XF_ERROR_TIMEOUT)
           || g_error_matches(err, XF_ERROR, XF_ERROR_IN_DOUBT)
           || strstr(err->message, "time");
}

/* How often a daemon has lost patience. */
static guint
deadlines(void)
{
    return host_log_count(&host_a, "(deadline)")
           + host_log_count(&host_b, "(deadline)");
}

/* The guest is free to move again at once.  With deadlines as short as ours
 * a busy machine may miss one; nothing else may go wrong. */
static void
move_on(struct result *result)
{
    struct found found;

    look(&found);
    for (;;) {
        struct client client = {
            .from = found.on,
            .to = found.on == &host_a ? &host_b : &host_a,
            .flags = XF_MIGRATE_LIVE,
            .version = 3,
        };
        guint before = deadlines();

        migrate(&client, FALSE, result);
        come_to_rest(FALSE, 0, result);
        look(&found);
        if (found.on == client.to) {
            g_clear_error(&client.err);
            return;
        }
        if (!client.err)
            broken("the next migration is said to have worked, and has not");
        if ((!passes_by(client.err) && deadlines() == before)
            || ++result->again > AGAIN_MAX)
            broken(client.err->message);
        g_clear_error(&client.err);
    }
}

/* Ends the faults, and waits for what those have done that struck. */
static void
end_faults(const struct run *run, const struct client *client,
           const struct manner *manner, struct result *result)
{
    guint crashes = 0;

    come_to_rest(manner->paused, 0, result);
    for (guint i = 0; i < run->n_faults; i++) {
        const struct fault *fault = &run->faults[i];
        struct host *host = fault->side == XF_SOURCE ? client->from
                                                     : client->to;
        const char *name =
            ((struct point *)points->pdata[fault->point])->name;

        xf_sim_fault(host->sim, "host", name, NULL);
        if (!xf_sim_hits(host->sim, name))
            continue;
        result->struck |= 1 << i;
        /* what dies within the helper is the helper */
        crashes += !strcmp(fault_kinds[fault->kind].action, "kill")
                   && !(manner->helper && g_str_has_prefix(name, "stream-"));
    }
    come_to_rest(manner->paused, crashes, result);
}

static void
verify(void)
{
    g_autoptr(GError) err = NULL;

    if (!xf_sim_verify(sims, &err))
        broken(err->message);
}

/* Files of its stored domains that end so. */
static guint
definitions(struct host *host, const char *suffix)
{
    g_autofree char *path =
        g_build_filename(host->dir, "state", "domains", NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    guint count = 0;

    while (dir && (name = g_dir_read_name(dir)))
        count += g_str_has_suffix(name, suffix);
    return count;
}

/* A definition that was to move is where its domain is, and nowhere else;
 * nothing waits any more. */
static void
look_at_definitions(const struct client *client, gboolean persist,
                    gboolean moved)
{
    if (definitions(client->from, ".incoming")
        || definitions(client->to, ".incoming"))
        broken("a definition still waits for its handoff");
    if (!persist || !moved)
        return;
    if (definitions(client->to, ".xml") != 1)
        broken("the domain has moved, and its definition has not");
    if (definitions(client->from, ".xml"))
        broken("the domain has moved, and its definition is left behind");
}

void
world_run(const struct run *run, struct result *result)
{
    const struct way *way = &ways[run->way];
    struct manner manner = manner_of(run->seed);
    gint64 began = g_get_monotonic_time();
    struct found found;
    int doubt = point_find(points, "written-in-doubt");

    memset(result, 0, sizeof(*result));
    if (g_strcmp0(way->offers, offered))
        offer(way->offers);
    look(&found);

    struct client client = {
        .from = found.on,
        .to = found.on == &host_a ? &host_b : &host_a,
        .flags = (manner.live ? XF_MIGRATE_LIVE : 0)
                 | (manner.persist ? XF_MIGRATE_PERSIST_DEST
                                         | XF_MIGRATE_UNDEFINE_SOURCE : 0)
                 | (way->tunnelled ? XF_MIGRATE_TUNNELLED : 0),
        .version = way->version,
        .p2p = way->p2p,
    };

    if (manner.paused)
        let_pause(client.from, TRUE);
    set_faults(run, client.from, client.to, &manner);
    plain = way->plain;
    migrate(&client, manner.at_once, result);
    g_clear_error(&client.err);
    end_faults(run, &client, &manner, result);
    verify();
    look(&found);
    result->moved = found.on == client.to;
    look_at_definitions(&client, manner.persist, result->moved);
    count_passed(client.from, result->passed[XF_SOURCE]);
    count_passed(client.to, result->passed[XF_DESTINATION]);
    result->doubted = result->passed[XF_SOURCE][doubt] > 0;
    forget_file(client.from, "faults");
    forget_file(client.to, "faults");
    if (manner.paused)
        let_pause(found.on, FALSE);
    move_on(result);
    verify();
    result->us = g_get_monotonic_time() - began;
}
