/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake libxl's restore.  Memory is taken part by part as the stream
 * comes, so two guests that come in at once can both find enough at first.
 *
 * With the knob `helper` set to a program, that program fills the domain, as
 * libxl's save helper does: it outlives a daemon that is killed, keeps the
 * socket and goes on filling.
 */
#include "config.h"

#include "tests/sim/fakexl.h"
#include "tests/sim/faults.h"
#include "tests/sim/stream.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Memory is taken in so many parts. */
#define POPULATE_STEPS 8

struct fill {
    struct fakexl *xl;
    int domid;
    int fd;
    char *name;
    guint64 pages;              /* in the stream */
    guint64 pad;
    guint64 count;              /* come so far */
    guint64 seen;               /* different ones */
    gboolean *have;
    guint8 *scratch;
};

static int
read_failed(struct fill *fill, int errnum)
{
    if (errnum == ECANCELED)
        return fakexl_fail(fill->xl, FAKEXL_ABORTED, "aborted");
    return fakexl_fail(fill->xl, FAKEXL_FAIL, "read from stream failed: %s",
                       errnum == ENODATA ? "unexpected end of file"
                                         : g_strerror(errnum));
}

static int
get(struct fill *fill, void *data, gsize len)
{
    int errnum = sim_stream_read(fill->fd, fill->xl->abort_fd, data, len);

    return errnum ? read_failed(fill, errnum) : 0;
}

static int
pass_point(struct fill *fill, const char *point)
{
    if (sim_point(fill->xl->host, fill->name, point, fill->count,
                  fill->xl->abort_fd))
        return fakexl_fail(fill->xl, FAKEXL_FAIL, "%s fails as ordered",
                           point);
    return 0;
}

/* The domain, unless it was destroyed under the restore. */
static struct sim_domain *
domain(struct fill *fill)
{
    XF_AUTO(sim_domain) *dom = sim_host_get(fill->xl->host, fill->domid);

    if (!dom || dom->dying) {
        fakexl_fail(fill->xl, FAKEXL_FAIL, "domain %d died meanwhile",
                    fill->domid);
        return NULL;
    }
    return g_steal_pointer(&dom);
}

/* -- records -- */

static int
take_page(struct fill *fill, const struct sim_stream_record *record)
{
    int rc = pass_point(fill, "stream-page");

    if (!rc)
        rc = get(fill, fill->scratch, fill->pad);
    if (rc)
        return rc;
    if (record->page >= fill->pages)
        return fakexl_fail(fill->xl, FAKEXL_FAIL, "bad page in stream");

    SIM_LOCK(fill->xl->host);
    XF_AUTO(sim_domain) *dom = domain(fill);

    if (!dom)
        return FAKEXL_FAIL;
    fill->count++;
    if (!fill->have[record->page]) {
        gint64 want = dom->memory_kib *
                      (fill->seen * POPULATE_STEPS / fill->pages + 1) /
                      POPULATE_STEPS;

        if (want > dom->populated_kib &&
            !sim_host_populate(fill->xl->host, dom,
                               want - dom->populated_kib))
            return fakexl_fail(fill->xl, FAKEXL_FAIL,
                               "populate_physmap: Cannot allocate memory");
        fill->have[record->page] = TRUE;
        fill->seen++;
    }
    sim_host_write_page(fill->xl->host, dom, record->page, record->version);
    return 0;
}

static int
take_end(struct fill *fill)
{
    struct sim_stream_end end;
    int rc = get(fill, &end, sizeof(end));

    if (!rc)
        rc = pass_point(fill, "stream-end");
    if (rc)
        return rc;

    SIM_LOCK(fill->xl->host);
    XF_AUTO(sim_domain) *dom = domain(fill);

    if (!dom)
        return FAKEXL_FAIL;
    end.life[sizeof(end.life) - 1] = '\0';
    g_free(dom->life);
    dom->life = g_strdup(end.life);
    dom->writes = end.writes;
    dom->dirty_rate = end.dirty_rate;
    dom->helper = 0;
    sim_host_put(fill->xl->host, dom);
    return 0;
}

static int
take_header(struct fill *fill)
{
    struct sim_stream_header header;
    int rc = get(fill, &header, sizeof(header));

    if (rc)
        return rc;
    if (memcmp(header.magic, SIM_MAGIC, sizeof(header.magic)) ||
        !header.pages || header.pages > SIM_PAGES_MAX ||
        header.pad > SIM_PAD_MAX)
        return fakexl_fail(fill->xl, FAKEXL_FAIL, "bad stream header");
    fill->pages = header.pages;
    fill->pad = header.pad;
    fill->have = g_new0(gboolean, header.pages);
    fill->scratch = g_malloc(MAX(header.pad, 1));

    SIM_LOCK(fill->xl->host);
    XF_AUTO(sim_domain) *dom = domain(fill);

    if (!dom)
        return FAKEXL_FAIL;
    dom->pages = header.pages;
    sim_host_put(fill->xl->host, dom);
    return 0;
}

static int
fill_run(struct fill *fill)
{
    int rc = take_header(fill);

    while (!rc) {
        struct sim_stream_record record;

        rc = get(fill, &record, sizeof(record));
        if (rc)
            break;
        if (record.type == SIM_RECORD_END)
            return take_end(fill);
        if (record.type != SIM_RECORD_PAGE)
            return fakexl_fail(fill->xl, FAKEXL_FAIL, "bad record in stream");
        rc = take_page(fill, &record);
    }
    return rc;
}

int
fakexl_fill(struct fakexl *xl, int domid, int fd)
{
    XF_AUTO(sim_domain) *dom = fakexl_info(xl, domid);
    struct fill fill = {
        .xl = xl,
        .domid = domid,
        .fd = fd,
        .name = g_strdup(dom ? dom->name : "?"),
    };
    int rc = fill_run(&fill);

    g_free(fill.name);
    g_free(fill.have);
    g_free(fill.scratch);
    return rc;
}

/* -- the helper -- */

/* Waits for the helper's verdict, a line "RC TEXT" on its standard output;
 * an abort ends it. */
static int
helper_wait(struct fakexl *xl, int pid, int out)
{
    g_autoptr(GString) said = g_string_new(NULL);
    char c;
    int errnum;

    while (!(errnum = sim_stream_read(out, xl->abort_fd, &c, 1)))
        g_string_append_c(said, c);
    if (errnum == ECANCELED) {
        kill(pid, SIGKILL);
        return fakexl_fail(xl, FAKEXL_ABORTED, "aborted");
    }
    if (!said->len)
        return fakexl_fail(xl, FAKEXL_FAIL, "restore helper died");

    char *text = strchr(g_strchomp(said->str), ' ');

    return fakexl_fail(xl, atoi(said->str), "%s", text ? text + 1 : "");
}

static int
fill_by_helper(struct fakexl *xl, const char *program, int domid, int fd)
{
    g_autofree char *number = g_strdup_printf("%d", domid);
    const char *argv[] = { program, xl->host->dir, number, NULL };
    g_autoptr(GError) err = NULL;
    XF_AUTO_FD int out = -1;
    GPid pid;

    if (!g_spawn_async_with_pipes_and_fds(
            NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, fd, -1,
            -1, NULL, NULL, 0, &pid, NULL, &out, NULL, &err))
        return fakexl_fail(xl, FAKEXL_FAIL, "restore helper: %s",
                           err->message);

    int rc = helper_wait(xl, pid, out);

    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return rc;
}

/* -- the whole -- */

int
fakexl_create_restore(struct fakexl *xl, const struct fakexl_config *config,
                      int *domid, int fd)
{
    g_autofree char *helper = sim_knob(xl->host, config->name, "helper");
    int rc;

    if (sim_point(xl->host, config->name, "stream-start", 0, xl->abort_fd))
        return fakexl_fail(xl, FAKEXL_FAIL, "stream-start fails as ordered");
    rc = fakexl_make(xl, config, 0, domid);
    if (rc)
        return rc;
    if (sim_point(xl->host, config->name, "stream-made", 0, xl->abort_fd))
        rc = fakexl_fail(xl, FAKEXL_FAIL, "stream-made fails as ordered");
    else if (helper)
        rc = fill_by_helper(xl, helper, *domid, fd);
    else
        rc = fakexl_fill(xl, *domid, fd);
    if (rc && rc != FAKEXL_ABORTED)
        fakexl_destroy(xl, *domid);
    return rc;
}
