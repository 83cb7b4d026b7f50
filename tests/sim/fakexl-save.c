/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake libxl's suspend: all memory while the guest runs, then what it
 * has written since, a few times, then the guest is asked to suspend, then
 * the rest.
 */
#include "config.h"

#include "tests/sim/fakexl.h"
#include "tests/sim/faults.h"
#include "tests/sim/stream.h"

#include <errno.h>
#include <string.h>

#define PASSES_MAX 5            /* live ones */
#define DIRTY_FEW 4             /* pages: not worth another pass */
#define CHUNK 16                /* pages read and written at a time */
#define POLL_US 1000            /* how often the guest is looked at */

struct save {
    struct fakexl *xl;
    int domid;
    int fd;
    char *name;
    guint64 pages;
    guint64 frames_per_page;
    guint64 pad;
    gint64 started;
    guint64 bytes;              /* written so far */
    guint64 page_count;         /* sent so far, for points */
    guint64 *sent;              /* version last sent of each page */
    guint64 *now;               /* versions at the last look */
    guint8 *buffer;
    guint iteration;
    gboolean live;
    gboolean evtchn;            /* how the guest was asked */
    gboolean stopped;           /* it has suspended itself */
};

static void
save_clear(struct save *save)
{
    g_free(save->name);
    g_free(save->sent);
    g_free(save->now);
    g_free(save->buffer);
}

static void
set_log_dirty(struct save *save, gboolean on)
{
    SIM_LOCK(save->xl->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(save->xl->host, save->domid);

    if (!dom || dom->log_dirty == on)
        return;
    dom->log_dirty = on;
    sim_host_put(save->xl->host, dom);
}

/* FALSE: the domain has gone. */
static gboolean
look(struct save *save)
{
    SIM_LOCK(save->xl->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(save->xl->host, save->domid);

    if (!dom)
        return FALSE;
    sim_host_read_memory(save->xl->host, dom, save->now);
    return TRUE;
}

static int
gone(struct save *save)
{
    return fakexl_fail(save->xl, FAKEXL_FAIL, "domain %d died meanwhile",
                       save->domid);
}

static int
aborted(struct save *save)
{
    g_autofree char *knob = sim_knob(save->xl->host, save->name, "abort-rc");

    set_log_dirty(save, FALSE);
    return fakexl_fail(save->xl, knob ? atoi(knob) : FAKEXL_ABORTED,
                       "aborted");
}

/* The return code of a failed write: as misleading as the real one. */
static int
write_failed(struct save *save, int errnum)
{
    if (errnum == ECANCELED)
        return aborted(save);
    if (errnum == EPIPE) {
        /* log-dirty: nobody has turned it off */
        return fakexl_fail(save->xl, FAKEXL_FAIL,
                           "save helper died due to fatal signal Broken pipe");
    }

    int rc = save->stopped && !save->evtchn ? FAKEXL_FAIL
                                            : FAKEXL_GUEST_TIMEDOUT;

    set_log_dirty(save, FALSE);
    return fakexl_fail(save->xl, rc, "write to stream failed: %s",
                       g_strerror(errnum));
}

static int
put(struct save *save, const void *data, gsize len)
{
    gint64 rate = sim_knob_int(save->xl->host, save->name, "rate", 0);
    int errnum = sim_stream_write(save->fd, save->xl->abort_fd, data, len);

    if (errnum)
        return write_failed(save, errnum);
    save->bytes += len;
    if (rate > 0) {
        gint64 due = save->started + save->bytes * G_USEC_PER_SEC / rate;

        if (!sim_wait_us(due - g_get_monotonic_time(), save->xl->abort_fd))
            return write_failed(save, ECANCELED);
    }
    return 0;
}

static int
pass_point(struct save *save, const char *point)
{
    struct fakexl *xl = save->xl;

    if (sim_point(xl->host, save->name, point, save->page_count,
                  xl->abort_fd))
        return write_failed(save, EIO);
    return 0;
}

/* -- pages -- */

static int
send_page(struct save *save, guint64 page)
{
    struct sim_stream_record record = {
        .type = SIM_RECORD_PAGE,
        .page = page,
        .version = save->now[page],
    };
    int rc = pass_point(save, "suspend-page");

    if (rc)
        return rc;
    memcpy(save->buffer, &record, sizeof(record));
    rc = put(save, save->buffer, sizeof(record) + save->pad);
    if (rc)
        return rc;
    save->sent[page] = save->now[page];
    save->page_count++;
    return 0;
}

static void
tell_frames(struct save *save, guint64 done, guint64 total)
{
    if (save->xl->frames)
        save->xl->frames(save->xl->user, save->iteration,
                         done * save->frames_per_page,
                         total * save->frames_per_page);
}

/* One pass over the pages that `want` names. */
static int
send_pass(struct save *save, const gboolean *want, guint64 total)
{
    guint64 done = 0;

    tell_frames(save, 0, total);
    for (guint64 page = 0; page < save->pages; page++) {
        if (!want[page])
            continue;
        if (done % CHUNK == 0 && !look(save))
            return gone(save);

        int rc = send_page(save, page);

        if (rc)
            return rc;
        if (++done % CHUNK == 0)
            tell_frames(save, done, total);
    }
    tell_frames(save, total, total);
    return 0;
}

/* Marks what was written since it was sent; returns how many, -1: gone. */
static gint64
mark_dirty(struct save *save, gboolean *want)
{
    gint64 count = 0;

    if (!look(save))
        return -1;
    for (guint64 i = 0; i < save->pages; i++) {
        want[i] = save->now[i] != save->sent[i];
        count += want[i];
    }
    return count;
}

static int
send_dirty(struct save *save, gboolean *few)
{
    g_autofree gboolean *want = g_new0(gboolean, save->pages);
    gint64 dirty = mark_dirty(save, want);

    if (dirty < 0)
        return gone(save);
    *few = dirty < DIRTY_FEW;
    return send_pass(save, want, dirty);
}

static int
send_all(struct save *save)
{
    g_autofree gboolean *want = g_new0(gboolean, save->pages);

    for (guint64 i = 0; i < save->pages; i++)
        want[i] = TRUE;
    return send_pass(save, want, save->pages);
}

static int
send_live(struct save *save)
{
    gboolean few = FALSE;
    int rc;

    if (sim_point(save->xl->host, save->name, "log-dirty", 0,
                  save->xl->abort_fd))
        return fakexl_fail(save->xl, FAKEXL_GUEST_TIMEDOUT,
                           "Failed to enable logdirty: 95,22,0");
    set_log_dirty(save, TRUE);
    rc = send_all(save);
    for (save->iteration = 1; !rc && !few && save->iteration < PASSES_MAX;
         save->iteration++)
        rc = send_dirty(save, &few);
    return rc;
}

/* -- asking the guest -- */

enum answer {
    ANSWER_NONE,                /* it has not answered yet */
    ANSWER_ACKED,               /* and not stopped yet */
    ANSWER_SUSPENDED,
    ANSWER_DEAD,
};

/* What the guest does when it sees the request. */
static const struct {
    const char *word;
    enum sim_shutdown shutdown; /* SIM_UP: nothing */
    gboolean late;
} manners[] = {
    { "acks", SIM_SUSPENDED, FALSE },
    { "late", SIM_SUSPENDED, TRUE },
    { "never-acks", SIM_UP, FALSE },
    { "crashes", SIM_CRASHED, FALSE },
    { "powers-off", SIM_POWEROFF, FALSE },
    { "reboots", SIM_REBOOT, FALSE },
};

void
fakexl_guest_sees(struct sim_host *host, struct sim_domain *dom)
{
    g_autofree char *word = sim_knob(host, dom->name, "guest");
    gsize i = 0;

    while (word && strcmp(manners[i].word, word))
        if (++i == G_N_ELEMENTS(manners))
            g_error("simulated host: guest: no such manners: %s", word);
    if (!dom->asked || !sim_domain_runs(dom) ||
        manners[i].shutdown == SIM_UP)
        return;
    dom->asked = FALSE;
    if (manners[i].late) {
        gint64 ms = sim_knob_int(host, dom->name, "late-ms", 300);

        dom->event = manners[i].shutdown;
        dom->event_at = g_get_monotonic_time() + ms * 1000;
    } else {
        dom->shutdown = manners[i].shutdown;
        dom->event_at = 0;      /* of an earlier request */
    }
    sim_host_put(host, dom);
}

static void
request(struct save *save)
{
    SIM_LOCK(save->xl->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(save->xl->host, save->domid);

    save->xl->has_asked = TRUE;
    if (!dom)
        return;
    dom->asked = TRUE;
    sim_host_put(save->xl->host, dom);
    fakexl_guest_sees(save->xl->host, dom);
}

gboolean
fakexl_take_request_back(struct fakexl *xl, int domid)
{
    SIM_LOCK(xl->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(xl->host, domid);

    if (!dom || !dom->asked)
        return FALSE;
    dom->asked = FALSE;
    sim_host_put(xl->host, dom);
    return TRUE;
}

static enum answer
guest_look(struct save *save)
{
    SIM_LOCK(save->xl->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(save->xl->host, save->domid);

    if (!dom || dom->dying)
        return ANSWER_DEAD;
    if (dom->shutdown == SIM_SUSPENDED)
        return ANSWER_SUSPENDED;
    if (dom->shutdown != SIM_UP)
        return ANSWER_DEAD;
    return dom->asked ? ANSWER_NONE : ANSWER_ACKED;
}

/* The libxl bug: the request is taken back in a transaction, and its good
 * end is handed on as the suspend's. */
static int
never_acked(struct save *save)
{
    int rc = sim_knob_int(save->xl->host, save->name, "never-acks-rc", 0);

    fakexl_take_request_back(save->xl, save->domid);
    if (rc)
        set_log_dirty(save, FALSE);
    return fakexl_fail(save->xl, rc, "guest didn't acknowledge suspend, "
                       "cancelling request");
}

static int
ask_guest(struct save *save)
{
    struct fakexl *xl = save->xl;
    gint64 ms = sim_knob_int(xl->host, save->name, "suspend-timeout-ms", 200);
    gint64 until = g_get_monotonic_time() + ms * 1000;
    enum answer answer = ANSWER_NONE;
    int rc = pass_point(save, "suspend-ask");

    if (rc)
        return rc;
    save->evtchn = sim_knob_is(xl->host, save->name, "ask", "evtchn");
    request(save);
    rc = pass_point(save, "suspend-asked");
    if (rc)
        return rc;
    if (xl->asked)
        xl->asked(xl->user);
    for (;;) {
        answer = guest_look(save);
        if (answer == ANSWER_SUSPENDED) {
            save->stopped = TRUE;
            if (xl->suspended)
                xl->suspended(xl->user);
            return 0;
        }
        if (answer == ANSWER_DEAD) {
            set_log_dirty(save, FALSE);
            return fakexl_fail(xl, FAKEXL_FAIL,
                               "guest shut down for another reason");
        }
        if (g_get_monotonic_time() >= until)
            break;
        if (!sim_wait_us(POLL_US, xl->abort_fd))
            return write_failed(save, ECANCELED);
    }
    if (answer == ANSWER_NONE)
        return never_acked(save);
    set_log_dirty(save, FALSE);
    return fakexl_fail(xl, FAKEXL_GUEST_TIMEDOUT, "guest did not suspend");
}

/* -- the whole -- */

static int
send_header(struct save *save)
{
    struct sim_stream_header header = {
        .pages = save->pages,
        .pad = save->pad,
    };

    memcpy(header.magic, SIM_MAGIC, sizeof(header.magic));
    return put(save, &header, sizeof(header));
}

static int
send_end(struct save *save)
{
    XF_AUTO(sim_domain) *dom = fakexl_info(save->xl, save->domid);
    struct sim_stream_record record = { .type = SIM_RECORD_END };
    struct sim_stream_end end = { 0 };
    int rc = pass_point(save, "suspend-before-end");

    if (rc)
        return rc;
    if (!dom)
        return gone(save);
    g_strlcpy(end.life, dom->life, sizeof(end.life));
    end.writes = dom->writes;
    end.dirty_rate = dom->dirty_rate;
    rc = put(save, &record, sizeof(record));
    if (!rc)
        rc = put(save, &end, sizeof(end));
    if (!rc)
        rc = pass_point(save, "suspend-after-end");
    return rc;
}

static int
save_run(struct save *save, gboolean pv)
{
    gboolean few;
    int rc = pass_point(save, "suspend-start");

    if (!rc && sim_knob_int(save->xl->host, save->name, "vnuma", 0))
        rc = fakexl_fail(save->xl, FAKEXL_FAIL, "cannot save a vNUMA guest");
    if (!rc)
        rc = send_header(save);
    if (!rc && pv && save->live &&
        !sim_knob_int(save->xl->host, save->name, "pv-live", 0))
        rc = fakexl_fail(save->xl, FAKEXL_GUEST_TIMEDOUT,
                         "Failed to enable logdirty: 95,22,0");
    if (!rc && save->live)
        rc = send_live(save);
    if (!rc)
        rc = ask_guest(save);
    if (!rc)
        rc = pass_point(save, "suspend-stopped");
    if (!rc)
        rc = save->live ? send_dirty(save, &few) : send_all(save);
    if (!rc)
        rc = send_end(save);
    if (!rc)
        set_log_dirty(save, FALSE);
    return rc;
}

int
fakexl_suspend(struct fakexl *xl, int domid, int fd, gboolean live)
{
    XF_AUTO(sim_domain) *dom = fakexl_info(xl, domid);

    if (!dom)
        return fakexl_fail(xl, FAKEXL_NOT_FOUND, "domain %d is not there",
                           domid);

    struct save save = {
        .xl = xl,
        .domid = domid,
        .fd = fd,
        .name = g_strdup(dom->name),
        .pages = dom->pages,
        .frames_per_page = MAX(dom->memory_kib / SIM_PAGE_KIB / dom->pages,
                               1),
        .pad = sim_knob_int(xl->host, dom->name, "page-bytes", 1024),
        .started = g_get_monotonic_time(),
        .sent = g_new0(guint64, dom->pages),
        .now = g_new0(guint64, dom->pages),
        .live = live,
    };

    save.buffer = g_malloc0(sizeof(struct sim_stream_record) + save.pad);

    int rc = save_run(&save, dom->type == XF_GUEST_PV);

    save_clear(&save);
    return rc;
}
