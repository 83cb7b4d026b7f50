/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/unit/sim-world.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

char *dirs[3];
struct xf_hypervisor *here, *there;
static char *base;

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
setup(void)
{
    signal(SIGPIPE, SIG_IGN);
    base = g_dir_make_tmp("check-sim.XXXXXX", NULL);
    dirs[0] = g_build_filename(base, "here", NULL);
    dirs[1] = g_build_filename(base, "there", NULL);
    here = xf_sim_new(dirs[0], NULL);
    there = xf_sim_new(dirs[1], NULL);
    ck_assert(here && there);
}

static void
teardown(void)
{
    here->ops->free(here);
    there->ops->free(there);
    remove_tree(base);
    g_free(base);
    g_free(dirs[0]);
    g_free(dirs[1]);
}

int
guest(const char *type)
{
    g_autofree char *xml = xf_sim_xml("g", UUID, type, 128);
    g_autoptr(GError) err = NULL;
    int domid = here->ops->create(here, xml, FALSE, &err);

    ck_assert_msg(domid > 0, "%s", err ? err->message : "?");
    return domid;
}

struct xf_hv_domain
look(struct xf_hypervisor *hv, int domid)
{
    struct xf_hv_domain info;

    ck_assert(hv->ops->info(hv, domid, &info, NULL));
    return info;
}

gboolean
lives(struct xf_hypervisor *hv, int domid)
{
    struct xf_hv_domain info;

    return hv->ops->info(hv, domid, &info, NULL);
}

int
count(const char *dir)
{
    g_autoptr(GPtrArray) all = xf_sim_domains(dir);

    return all->len;
}

void
verify(void)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(xf_sim_verify((const char *const *)dirs, &err), "%s",
                  err ? err->message : "?");
}

void
fault(const char *key, const char *value)
{
    xf_sim_fault(dirs[0], "g", key, value);
}

void
fault_there(const char *key, const char *value)
{
    xf_sim_fault(dirs[1], "g", key, value);
}

/* -- one move, with the destination in a thread -- */

static gpointer
receive_thread(gpointer data)
{
    struct move *move = data;

    move->received = move->in->hv->ops->incoming_stream(
        move->in, move->fds[1], &move->receive_err);
    /* what a daemon does after a failure: the source sees EPIPE */
    if (!move->received)
        shutdown(move->fds[1], SHUT_RDWR);
    return NULL;
}

static void
on_frames(void *user, guint iteration, guint64 done, guint64 total)
{
    struct move *move = user;

    ck_assert(done <= total);
    move->frames++;
    move->iteration = iteration;
}

static void
on_suspended(void *user)
{
    ((struct move *)user)->suspended++;
}

void
move_start(struct move *move, int domid)
{
    g_autofree char *xml = here->ops->describe(here, domid, 0, NULL);
    g_autoptr(GError) err = NULL;

    memset(move, 0, sizeof(*move));
    move->in = there->ops->incoming_create(there, xml, NULL, &err);
    ck_assert_msg(move->in, "%s", err ? err->message : "?");
    ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, move->fds));
    move->thread = g_thread_new("receive", receive_thread, move);
}

void
move_send(struct move *move, int domid, gboolean live)
{
    struct xf_progress progress = {
        .frames = on_frames,
        .suspended = on_suspended,
        .user = move,
    };

    move->outcome = here->ops->suspend(here, domid, move->fds[0],
                                       live ? XF_SUSPEND_LIVE : 0, &progress,
                                       &move->was_paused,
                                       &move->suspend_err);
    ck_assert((move->outcome == XF_SUSPEND_DONE) == !move->suspend_err);
    /* failed: the destination sees the end of the stream */
    if (move->outcome != XF_SUSPEND_DONE)
        shutdown(move->fds[0], SHUT_WR);
}

gpointer
send_thread(gpointer data)
{
    struct send *send = data;

    move_send(send->move, send->domid, TRUE);
    return NULL;
}

void
move_join(struct move *move)
{
    if (move->thread)
        g_thread_join(move->thread);
    move->thread = NULL;
}

void
move_end(struct move *move)
{
    move_join(move);
    there->ops->incoming_free(move->in);
    close(move->fds[0]);
    close(move->fds[1]);
    g_clear_error(&move->suspend_err);
    g_clear_error(&move->receive_err);
}

void
move_run(struct move *move, int domid, gboolean live)
{
    move_start(move, domid);
    move_send(move, domid, live);
    move_join(move);
}

void
then_moves(int domid)
{
    struct move move;

    ck_assert_int_eq(count(dirs[1]), 0);
    move_run(&move, domid, TRUE);
    ck_assert_msg(move.outcome == XF_SUSPEND_DONE, "%s",
                  move.suspend_err ? move.suspend_err->message : "?");
    ck_assert(move.received);
    ck_assert(there->ops->incoming_devices(move.in, NULL));
    ck_assert(there->ops->incoming_switch(move.in, FALSE, NULL));
    ck_assert(look(there, move.in->domid).running);
    ck_assert(here->ops->destroy(here, domid, NULL));
    move_end(&move);
    verify();
}

int
world_main(const char *name, const struct xf_unit_test *tests)
{
    return xf_unit_main_rows(name, tests, XF_UNIT_TIMEOUT, setup, teardown);
}
