/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures of a Perform: what the hypervisor's progress says, and what the
 * kernel says of the socket. */
#include "config.h"

#include "protocol/engine-private.h"

#include <string.h>
#include <sys/socket.h>

#define FRAME 4096
#define LAST_JOBS_MAX 256

void
xf_job_init(struct xf_job *job)
{
    memset(job, 0, sizeof(*job));
    g_mutex_init(&job->lock);
    job->fd = -1;
}

void
xf_job_clear(struct xf_job *job)
{
    g_mutex_clear(&job->lock);
}

void
xf_job_start(struct xf_job *job, guint64 memory_kib)
{
    g_mutex_lock(&job->lock);
    job->active = TRUE;
    job->memory = memory_kib * 1024;
    job->started = job->iteration_started = g_get_monotonic_time();
    g_mutex_unlock(&job->lock);
}

/* With the lock, and an fd. */
static void
count_wire(struct xf_job *job)
{
    job->wire_bytes = job->incoming ? xf_channel_bytes_received(job->fd)
                                    : xf_channel_bytes_sent(job->fd);
}

/* A destination is told of no passes: what has come in is the measure, of
 * memory that may be sent more than once. */
static void
count_incoming(struct xf_job *job)
{
    job->total = job->memory;
    job->done = job->ended && job->whole ? job->memory
                                         : MIN(job->wire_bytes, job->memory);
}

void
xf_job_set_fd(struct xf_job *job, int fd)
{
    g_mutex_lock(&job->lock);
    if (fd < 0 && job->fd >= 0)
        count_wire(job);
    job->fd = fd;
    g_mutex_unlock(&job->lock);
}

void
xf_job_stop_reading(struct xf_job *job)
{
    g_mutex_lock(&job->lock);
    if (job->fd >= 0)
        shutdown(job->fd, SHUT_RD);     /* fails when it is no socket */
    g_mutex_unlock(&job->lock);
}

gboolean
xf_job_set_rate(struct xf_job *job, guint64 rate, GError **err)
{
    g_mutex_lock(&job->lock);

    gboolean ok = job->fd < 0 || xf_channel_set_rate(job->fd, rate, err);

    if (ok)
        job->rate = rate;
    g_mutex_unlock(&job->lock);
    return ok;
}

/* The first pass counts frame numbers, not frames: an HVM or PVH guest has
 * holes among them, and some MiB would look like GiB.  Then the domain's
 * memory is the measure, and what has gone over the wire tells how far. */
static void
set_frames(struct xf_job *job, guint64 done, guint64 total)
{
    job->done = done * FRAME;
    job->total = total * FRAME;
    job->holes = job->iteration == 0 && job->memory
                 && job->total > job->memory;
    if (job->holes)
        job->done = job->total = job->memory;
}

/* How much of this pass has been done. */
static guint64
done_now(const struct xf_job *job)
{
    return job->holes ? MIN(job->wire_bytes, job->total) : job->done;
}

gboolean
xf_job_frames(struct xf_job *job, guint iteration, guint64 done,
              guint64 total)
{
    gint64 now = g_get_monotonic_time();
    gboolean begins;

    g_mutex_lock(&job->lock);
    begins = iteration > job->iteration;
    /* The last pass, with the guest stopped, may carry the label of the one
     * before: it shows by counting from the start again. */
    if (iteration != job->iteration || done < job->frames) {
        gint64 took = now - job->iteration_started;

        job->done_before += job->done;
        job->iteration_started = now;
        if (took > 0)
            job->dirty_rate = total * G_USEC_PER_SEC / took;
    }
    job->iteration = iteration;
    job->frames = done;
    set_frames(job, done, total);
    g_mutex_unlock(&job->lock);
    return begins;
}

void
xf_job_suspended(struct xf_job *job)
{
    g_mutex_lock(&job->lock);
    job->suspended = g_get_monotonic_time();
    g_mutex_unlock(&job->lock);
}

void
xf_job_resumed(struct xf_job *job)
{
    g_mutex_lock(&job->lock);
    if (job->suspended && !job->resumed)
        job->resumed = g_get_monotonic_time();
    g_mutex_unlock(&job->lock);
}

void
xf_job_whole(struct xf_job *job)
{
    g_mutex_lock(&job->lock);
    job->whole = TRUE;
    g_mutex_unlock(&job->lock);
}

void
xf_job_end(struct xf_job *job)
{
    g_mutex_lock(&job->lock);
    job->active = FALSE;
    if (job->started && !job->ended)
        job->ended = g_get_monotonic_time();
    g_mutex_unlock(&job->lock);
}

static guint64
ms_between(gint64 from, gint64 to)
{
    return from && to > from ? (to - from) / 1000 : 0;
}

void
xf_job_read(struct xf_job *job, struct xf_job_info *info)
{
    memset(info, 0, sizeof(*info));
    g_mutex_lock(&job->lock);
    if (job->fd >= 0)
        count_wire(job);
    if (job->incoming)
        count_incoming(job);

    gint64 now = job->ended ? job->ended : g_get_monotonic_time();

    info->type = job->active ? XF_JOB_UNBOUNDED : XF_JOB_NONE;
    info->time_elapsed = ms_between(job->started, now);
    info->downtime = ms_between(job->suspended,
                                job->resumed ? job->resumed : now);
    /* 0 is for one that is not known */
    if (job->suspended)
        info->downtime = MAX(info->downtime, 1);
    info->mem_processed = job->done_before + done_now(job);
    info->mem_remaining = job->total - MIN(done_now(job), job->total);
    info->mem_total = info->mem_processed + info->mem_remaining;
    info->wire_bytes = job->wire_bytes;
    info->dirty_rate = job->dirty_rate;
    info->iteration = job->iteration;
    if (info->time_elapsed)
        info->mem_bps = info->wire_bytes * 1000 / info->time_elapsed;
    if (info->mem_processed)
        info->time_remaining = info->mem_remaining * info->time_elapsed
                               / info->mem_processed;
    g_strlcpy(info->phase,
              job->phase      ? job->phase
              : job->incoming ? "finish"
                              : "perform",
              sizeof(info->phase));
    g_mutex_unlock(&job->lock);
}

void
xf_job_keep(struct xf_handoff *h, enum xf_job_type type)
{
    struct xf_engine *engine = h->engine;
    char uuid[XF_UUID_STRING_LEN + 1];
    struct xf_job_info *info = g_new0(struct xf_job_info, 1);

    xf_job_end(&h->job);
    xf_job_read(&h->job, info);
    info->type = type;
    if (!h->job.incoming)
        g_strlcpy(info->phase, "confirm", sizeof(info->phase));

    struct xf_job_info told = *info;

    xf_uuid_format(h->uuid, uuid);
    g_mutex_lock(&engine->lock);
    if (g_hash_table_size(engine->last_jobs) >= LAST_JOBS_MAX)
        g_hash_table_remove_all(engine->last_jobs);
    g_hash_table_replace(engine->last_jobs, g_strdup(uuid), info);
    g_mutex_unlock(&engine->lock);
    xf_handoff_tell_job(h, &told);
}
