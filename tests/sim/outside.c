/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulated hosts as a test looks at them: from outside. */
#include "config.h"

#include "tests/sim/faults.h"
#include "tests/sim/sim-private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Guests do things by themselves, with no change to any file. */
#define WAIT_LOOK_MS 10

static struct sim_host *
host_of(const char *dir)
{
    g_autoptr(GError) err = NULL;
    struct sim_host *host = sim_host_open(dir, &err);

    if (!host)
        g_error("%s", err->message);
    return host;
}

/* To look at one makes none: without its directory a host would seem to have
 * lost its domains. */
static struct sim_host *
existing_host(const char *dir)
{
    if (!g_file_test(dir, G_FILE_TEST_IS_DIR))
        g_error("simulated host: %s: the directory has been removed", dir);
    return host_of(dir);
}

void
xf_sim_fault(const char *dir, const char *group, const char *key,
             const char *value)
{
    XF_AUTO(sim_host) *host = host_of(dir);

    sim_fault_set(host, group, key, value);
}

guint
xf_sim_hits(const char *dir, const char *point)
{
    XF_AUTO(sim_host) *host = existing_host(dir);
    g_autofree char *text = sim_host_read(host, "hits");
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    g_autofree char *prefix = g_strconcat(point, " ", NULL);
    guint count = 0;

    for (char **line = lines; *line; line++)
        count += g_str_has_prefix(*line, prefix);
    return count;
}

GPtrArray *
xf_sim_domains(const char *dir)
{
    XF_AUTO(sim_host) *host = existing_host(dir);
    SIM_LOCK(host);
    g_autoptr(GPtrArray) all = sim_host_domains(host);
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < all->len; i++) {
        struct xf_hv_domain *info = g_new(struct xf_hv_domain, 1);

        sim_fill_info(all->pdata[i], info);
        g_ptr_array_add(list, info);
    }
    return list;
}

void
xf_sim_forget_names(const char *dir)
{
    XF_AUTO(sim_host) *host = existing_host(dir);
    SIM_LOCK(host);
    g_autoptr(GPtrArray) all = sim_host_domains(host);

    for (guint i = 0; i < all->len; i++) {
        struct sim_domain *dom = all->pdata[i];

        *dom->name = '\0';
        sim_host_put(host, dom);
    }
}

gboolean
xf_sim_find(const char *dir, const char *name, struct xf_hv_domain *info)
{
    g_autoptr(GPtrArray) all = xf_sim_domains(dir);

    for (guint i = 0; i < all->len; i++) {
        const struct xf_hv_domain *dom = all->pdata[i];

        if (strcmp(dom->name, name))
            continue;
        *info = *dom;
        return TRUE;
    }
    return FALSE;
}

static void
change(const char *dir, int domid, int shutdown, int log_dirty)
{
    XF_AUTO(sim_host) *host = existing_host(dir);
    SIM_LOCK(host);
    XF_AUTO(sim_domain) *dom = sim_host_get(host, domid);

    g_assert(dom);
    dom->shutdown = shutdown;
    dom->log_dirty = log_dirty;
    sim_host_put(host, dom);
}

void
xf_sim_suspend(const char *dir, int domid)
{
    change(dir, domid, SIM_SUSPENDED, 0);
}

void
xf_sim_track_writes(const char *dir, int domid)
{
    change(dir, domid, SIM_UP, 1);
}

gboolean
xf_sim_tracks_writes(const char *dir)
{
    XF_AUTO(sim_host) *host = existing_host(dir);
    SIM_LOCK(host);
    g_autoptr(GPtrArray) all = sim_host_domains(host);

    for (guint i = 0; i < all->len; i++)
        if (((const struct sim_domain *)all->pdata[i])->log_dirty)
            return TRUE;
    return FALSE;
}

guint64
xf_sim_free_kib(const char *dir)
{
    XF_AUTO(sim_host) *host = existing_host(dir);
    SIM_LOCK(host);

    return sim_host_free_kib(host);
}

/* -- waiting -- */

/* Takes what has come; what it was does not matter. */
static void
drain(int fd)
{
    char buffer[4096];

    while (read(fd, buffer, sizeof(buffer)) > 0)
        continue;
}

gboolean
xf_sim_wait(const char *dir, gboolean (*holds)(const char *dir, void *user),
            void *user, guint timeout_ms)
{
    XF_AUTO_FD int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    gint64 until = g_get_monotonic_time() + timeout_ms * 1000LL;

    if (fd < 0 ||
        inotify_add_watch(fd, dir, IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MODIFY) < 0)
        g_error("inotify: %s: %s", dir, g_strerror(errno));
    do {
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

        if (holds(dir, user))
            return TRUE;
        poll(&poll_fd, 1, WAIT_LOOK_MS);
        drain(fd);
    } while (g_get_monotonic_time() < until);
    return holds(dir, user);
}

struct hits {
    const char *point;
    guint count;
};

static gboolean
has_hits(const char *dir, void *user)
{
    struct hits *hits = user;

    return xf_sim_hits(dir, hits->point) >= hits->count;
}

gboolean
xf_sim_wait_hits(const char *dir, const char *point, guint count,
                 guint timeout_ms)
{
    struct hits hits = { point, count };

    return xf_sim_wait(dir, has_hits, &hits, timeout_ms);
}

/* -- the invariants -- */

/* One time that a guest ran. */
struct run {
    char *uuid;
    char *life;
    char *where;                /* "DIR, domain N" */
    gint64 from, to;            /* monotonic us */
    gint64 first, last;         /* its writes before and after */
    gboolean torn;
};

static void
run_free(struct run *run)
{
    g_free(run->uuid);
    g_free(run->life);
    g_free(run->where);
    g_free(run);
}

/* A line of `ran`. */
static struct run *
run_parse(const char *dir, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);

    if (g_strv_length(words) != 8)
        return NULL;

    struct run *run = g_new0(struct run, 1);

    run->uuid = g_strdup(words[0]);
    run->life = g_strdup(words[1]);
    run->where = g_strdup_printf("%s, domain %s", dir, words[2]);
    run->from = g_ascii_strtoll(words[3], NULL, 10);
    run->to = g_ascii_strtoll(words[4], NULL, 10);
    run->first = g_ascii_strtoll(words[5], NULL, 10);
    run->last = g_ascii_strtoll(words[6], NULL, 10);
    run->torn = !strcmp(words[7], "torn");
    return run;
}

/* The one that goes on now. */
static struct run *
run_now(const char *dir, const struct sim_domain *dom)
{
    struct run *run = g_new0(struct run, 1);

    run->uuid = g_strdup(dom->uuid);
    run->life = g_strdup(dom->life);
    run->where = g_strdup_printf("%s, domain %d", dir, dom->domid);
    run->from = dom->run_from;
    run->to = G_MAXINT64;
    run->first = dom->writes;
    run->last = G_MAXINT64;
    return run;
}

static void
collect(const char *dir, GPtrArray *runs)
{
    XF_AUTO(sim_host) *host = existing_host(dir);
    SIM_LOCK(host);
    g_autofree char *text = sim_host_read(host, "ran");
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    g_autoptr(GPtrArray) all = sim_host_domains(host);

    for (char **line = lines; *line; line++) {
        struct run *run = run_parse(dir, *line);

        if (run)
            g_ptr_array_add(runs, run);
    }
    for (guint i = 0; i < all->len; i++) {
        struct sim_domain *dom = all->pdata[i];

        if (dom->run_from >= 0)
            g_ptr_array_add(runs, run_now(dir, dom));
    }
}

static int
by_guest_and_time(const void *a, const void *b)
{
    const struct run *const *left = a, *const *right = b;
    int rc = strcmp((*left)->uuid, (*right)->uuid);

    if (!rc)
        rc = ((*left)->from > (*right)->from) -
             ((*left)->from < (*right)->from);
    if (!rc)
        rc = ((*left)->to > (*right)->to) - ((*left)->to < (*right)->to);
    return rc;
}

/* A daemon that was killed while it wrote down the end of a run leaves a run
 * that goes on: one beginning, one run. */
static gboolean
same_run(const struct run *a, const struct run *b)
{
    return a->from == b->from && !strcmp(a->where, b->where) &&
           !strcmp(a->uuid, b->uuid);
}

static gboolean
check_pair(const struct run *before, const struct run *after, GError **err)
{
    const char *what = NULL;
    gboolean same = !strcmp(before->life, after->life);

    if (strcmp(before->uuid, after->uuid))
        return TRUE;
    if (after->from < before->to)
        what = "ran in two places at once";
    else if (same ? after->first < before->last : after->first > 0)
        what = "ran on from memory older than what had run";
    else if (same && after->first > before->last)
        what = "ran on from memory that nobody had written";
    if (what)
        g_set_error(err, XF_ERROR, XF_ERROR_INTERNAL,
                    "guest %s %s: %s (writes %" G_GINT64_FORMAT " to %"
                    G_GINT64_FORMAT "), then %s (from %" G_GINT64_FORMAT ")",
                    after->uuid, what, before->where, before->first,
                    before->last, after->where, after->first);
    return !what;
}

gboolean
xf_sim_verify(const char *const *dirs, GError **err)
{
    g_autoptr(GPtrArray) runs =
        g_ptr_array_new_with_free_func((GDestroyNotify)run_free);

    for (; *dirs; dirs++)
        collect(*dirs, runs);
    g_ptr_array_sort(runs, by_guest_and_time);

    const struct run *before = NULL;

    for (guint i = 0; i < runs->len; i++) {
        const struct run *run = runs->pdata[i];

        if (i + 1 < runs->len && same_run(run, runs->pdata[i + 1]))
            continue;           /* the next line tells more of it */
        if (run->torn) {
            g_set_error(err, XF_ERROR, XF_ERROR_INTERNAL,
                        "guest %s was to run on memory with pages missing: "
                        "%s", run->uuid, run->where);
            return FALSE;
        }
        if (before && !check_pair(before, run, err))
            return FALSE;
        before = run;
    }
    return TRUE;
}

/* -- guests -- */

char *
xf_sim_xml(const char *name, const char *uuid, const char *type,
           guint memory_mib)
{
    g_autofree char *id =
        uuid ? g_strdup_printf("  <uuid>%s</uuid>\n", uuid) : g_strdup("");

    return g_strdup_printf("<domain type='xen'>\n"
                           "  <name>%s</name>\n"
                           "%s"
                           "  <memory unit='MiB'>%u</memory>\n"
                           "  <vcpu>1</vcpu>\n"
                           "  <os>\n"
                           "    <type>%s</type>\n"
                           "    <kernel>/boot/vmlinuz</kernel>\n"
                           "  </os>\n"
                           "</domain>\n", name, id, memory_mib, type);
}
