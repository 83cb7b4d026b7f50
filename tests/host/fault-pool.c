/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/types.h"
#include "tests/host/fault-pool.h"
#include "tests/host/hosts.h"

/* Longer than any run that comes to its own end. */
#define STUCK_US (90 * G_USEC_PER_SEC)
#define WORKERS_MAX 64

struct worker {
    pid_t pid;                  /* 0: none */
    int in;                     /* runs go to it */
    int out;                    /* results come from it */
    gboolean busy;
    struct run run;
    gint64 since;
};

struct pool {
    GPtrArray *points;
    guint count;
    struct worker workers[WORKERS_MAX];
};

/* -- in a worker -- */

static int report = -1;
static struct result current;

static gboolean
read_whole(int fd, void *data, gsize len)
{
    for (gsize got = 0; got < len; ) {
        ssize_t n = read(fd, (char *)data + got, len - got);

        if (n == 0 || (n < 0 && errno != EINTR))
            return FALSE;
        got += MAX(n, 0);
    }
    return TRUE;
}

static gboolean
write_whole(int fd, const void *data, gsize len)
{
    for (gsize put = 0; put < len; ) {
        ssize_t n = write(fd, (const char *)data + put, len - put);

        if (n < 0 && errno != EINTR)
            return FALSE;
        put += MAX(n, 0);
    }
    return TRUE;
}

void
broken(const char *what)
{
    g_snprintf(current.violation, sizeof(current.violation),
               "%s (logs: %s)", what, hosts_dir() ? hosts_dir() : "none");
    write_whole(report, &current, sizeof(current));
    _exit(EXIT_FAILURE);
}

static G_NORETURN void
work(struct pool *pool, int in)
{
    struct run run;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    world_set_up(pool->points);
    while (read_whole(in, &run, sizeof(run))) {
        world_run(&run, &current);
        if (!write_whole(report, &current, sizeof(current)))
            break;
        memset(&current, 0, sizeof(current));
    }
    world_tear_down();
    _exit(EXIT_SUCCESS);
}

/* -- in the parent -- */

static void
worker_start(struct pool *pool, struct worker *worker)
{
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
        g_error("pipe: %s", g_strerror(errno));
    fflush(NULL);
    worker->pid = fork();
    if (worker->pid < 0)
        g_error("fork: %s", g_strerror(errno));
    if (!worker->pid) {
        /* or the others would never see the end of theirs */
        for (guint i = 0; i < pool->count; i++)
            if (pool->workers[i].pid) {
                close(pool->workers[i].in);
                close(pool->workers[i].out);
            }
        close(in[1]);
        close(out[0]);
        report = out[1];
        work(pool, in[0]);
    }
    close(in[0]);
    close(out[1]);
    worker->in = in[1];
    worker->out = out[0];
    worker->busy = FALSE;
}

/* Returns whether it ended well. */
static gboolean
worker_end(struct worker *worker)
{
    int status;

    close(worker->in);
    while (waitpid(worker->pid, &status, 0) < 0)
        if (errno != EINTR)
            g_error("waitpid: %s", g_strerror(errno));
    close(worker->out);
    worker->pid = 0;
    worker->busy = FALSE;
    return WIFEXITED(status) && !WEXITSTATUS(status);
}

struct pool *
pool_new(GPtrArray *points, guint workers)
{
    struct pool *pool = g_new0(struct pool, 1);

    signal(SIGPIPE, SIG_IGN);
    pool->points = points;
    pool->count = CLAMP(workers, 1, WORKERS_MAX);
    return pool;
}

/* It writes nothing more unless it fails. */
static gboolean
ends_in_time(struct worker *worker)
{
    struct pollfd fd = { .fd = worker->out, .events = POLLIN };

    return poll(&fd, 1, STUCK_US * fault_pace / 1000) > 0;
}

gboolean
pool_free(struct pool *pool)
{
    gboolean ok = TRUE;

    for (guint i = 0; i < pool->count; i++) {
        struct worker *worker = &pool->workers[i];
        struct result last = { 0 };

        if (!worker->pid)
            continue;
        /* the end of its runs: it tears its world down */
        close(worker->in);
        worker->in = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (!ends_in_time(worker))
            kill(worker->pid, SIGKILL);
        if (read_whole(worker->out, &last, sizeof(last)))
            fprintf(stderr, "at the end: %s\n", last.violation);
        ok = worker_end(worker) && ok;
    }
    g_free(pool);
    return ok;
}

/* FALSE: there is nothing more to do. */
static gboolean
give(struct pool *pool, struct worker *worker,
     gboolean (*next)(void *user, struct run *run), void *user)
{
    if (!next(user, &worker->run))
        return FALSE;
    if (!worker->pid)
        worker_start(pool, worker);
    worker->busy = TRUE;
    worker->since = g_get_monotonic_time();
    /* if it is gone already, its result says so */
    write_whole(worker->in, &worker->run, sizeof(worker->run));
    return TRUE;
}

/* Its result has come, or its end. */
static void
take(struct worker *worker,
     void (*done)(void *user, const struct run *run,
                  const struct result *result),
     void *user)
{
    struct result result;

    if (!read_whole(worker->out, &result, sizeof(result))) {
        memset(&result, 0, sizeof(result));
        g_strlcpy(result.violation, "stuck, or its process died",
                  sizeof(result.violation));
    }
    worker->busy = FALSE;
    done(user, &worker->run, &result);
    if (*result.violation)
        worker_end(worker);
}

static gboolean
await(struct pool *pool, struct pollfd *fds)
{
    gint64 now = g_get_monotonic_time();
    gboolean any = FALSE;

    for (guint i = 0; i < pool->count; i++) {
        struct worker *worker = &pool->workers[i];

        fds[i] = (struct pollfd) {
            .fd = worker->busy ? worker->out : -1,
            .events = POLLIN,
        };
        any = any || worker->busy;
        if (worker->busy && now - worker->since > STUCK_US * fault_pace)
            kill(worker->pid, SIGKILL);
    }
    if (any && poll(fds, pool->count, 1000) < 0 && errno != EINTR)
        g_error("poll: %s", g_strerror(errno));
    return any;
}

void
pool_run(struct pool *pool,
         gboolean (*next)(void *user, struct run *run),
         void (*done)(void *user, const struct run *run,
                      const struct result *result),
         void *user)
{
    struct pollfd fds[WORKERS_MAX];
    gboolean more = TRUE;

    for (;;) {
        for (guint i = 0; more && i < pool->count; i++)
            if (!pool->workers[i].busy)
                more = give(pool, &pool->workers[i], next, user);
        if (!await(pool, fds))
            return;
        for (guint i = 0; i < pool->count; i++)
            if (fds[i].fd >= 0 && fds[i].revents)
                take(&pool->workers[i], done, user);
    }
}
