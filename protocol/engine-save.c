/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A domain into a file and back.  Meanwhile it is in the engine's table, as a
 * handoff that has not begun: so nobody else touches it, and memory is
 * promised to one that comes.  engine-saving.c has what a restart makes of it.
 */
#include "config.h"

#include "protocol/engine-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
check_path(const char *path, GError **err)
{
    struct stat st;

    if (!g_path_is_absolute(path)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "'%s': the file of a saved domain is named by its whole "
                    "path on the daemon's host", path);
        return FALSE;
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "%s is there, and is no file", path);
        return FALSE;
    }
    return TRUE;
}

/* -- save -- */

struct save {
    struct xf_engine *engine;
    struct xf_handoff *h;
    struct xf_saving note;
    char *partial;
    int fd;
    guint flags;                /* enum xf_save_flags */
    gboolean noted;
    gboolean kept;              /* the note says what is still to be done */
};

/* Is it to be paused in the end?  It is `paused` now, or in its file. */
static gboolean
check_flags(guint flags, gboolean *paused, GError **err)
{
    const guint both = XF_SAVE_RUNNING | XF_SAVE_PAUSED;

    if ((flags & both) == both) {
        g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                            "a domain cannot be both running and paused when "
                            "it is restored; leave one out");
        return FALSE;
    }
    if (flags & both)
        *paused = (flags & XF_SAVE_PAUSED) != 0;
    return TRUE;
}

static void
on_frames(void *user, guint iteration, guint64 done, guint64 total)
{
    struct save *save = user;

    xf_job_frames(&save->h->job, iteration, done, total);
}

static void
on_suspended(void *user)
{
    struct save *save = user;

    xf_handoff_tell(save->h, XF_LIFE_SUSPENDED, XF_SUSPENDED_PAUSED,
                    XF_PAUSED_SAVE);
}

static gboolean
open_partial(struct save *save, GError **err)
{
    struct stat st;

    save->fd = open(save->partial,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
    if (save->fd < 0 || fstat(save->fd, &st) < 0) {
        xf_error_set_errno(err, errno, "cannot make %s", save->partial);
        return FALSE;
    }
    save->note.dev = st.st_dev;
    save->note.ino = st.st_ino;
    save->noted = xf_saving_note(save->engine, &save->note, err);
    return save->noted;
}

/* The directory knows the file by its new name also after a crash. */
static gboolean
sync_directory(const char *path, GError **err)
{
    g_autofree char *dir = g_path_get_dirname(path);
    XF_AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && fsync(fd) == 0)
        return TRUE;
    xf_error_set_errno(err, errno, "cannot write folder %s to disk", dir);
    return FALSE;
}

/* TRUE: the file is in its place, whole and on disk. */
static gboolean
put_in_place(struct save *save, GError **err)
{
    const char *path = save->note.path;

    if (fsync(save->fd) < 0) {
        xf_error_set_errno(err, errno, "cannot write %s to disk",
                           save->partial);
        return FALSE;
    }
    if (g_rename(save->partial, path) < 0) {
        xf_error_set_errno(err, errno, "cannot rename %s to %s",
                           save->partial, path);
        return FALSE;
    }
    if (!sync_directory(path, err)) {
        g_unlink(path);
        return FALSE;
    }
    return TRUE;
}

/* It goes on here, as if nothing had been. */
static gboolean
undo(struct save *save, GError **err)
{
    struct xf_hypervisor *hv = save->engine->hv;

    if (!hv->ops->resume(hv, save->note.domid, save->note.paused, err)) {
        save->kept = TRUE;
        g_prefix_error(err, "domain '%s' is suspended, and resuming it failed "
                       "(tried again when the daemon is restarted): ",
                       save->h->name);
        return FALSE;
    }
    xf_handoff_tell(save->h,
                    save->note.paused ? XF_LIFE_SUSPENDED : XF_LIFE_RESUMED,
                    save->note.paused ? XF_SUSPENDED_PAUSED
                                      : XF_RESUMED_UNPAUSED,
                    save->note.paused ? -1 : XF_RUNNING_SAVE_CANCELED);
    return TRUE;
}

static gboolean
finish(struct save *save, GError **err)
{
    if (!xf_engine_destroy(save->engine, save->note.domid, err)) {
        save->kept = TRUE;
        g_prefix_error(err, "domain '%s' is saved in %s and suspended here; "
                       "to destroy it failed (tried again when the daemon is "
                       "restarted): ", save->h->name, save->note.path);
        return FALSE;
    }
    xf_handoff_tell(save->h, XF_LIFE_STOPPED, XF_STOPPED_SAVED, -1);
    return TRUE;
}

static gboolean
write_domain(struct save *save, enum xf_suspend_outcome *outcome,
             GError **err)
{
    struct xf_hypervisor *hv = save->engine->hv;
    const struct xf_progress progress = { on_frames, on_suspended, save };
    gboolean paused = save->note.paused;
    gboolean was_paused;

    *outcome = XF_SUSPEND_RUNNING;
    if (!check_flags(save->flags, &paused, err) || !open_partial(save, err)
        || !hv->ops->save_head(hv, save->note.domid, paused, save->fd, err))
        return FALSE;
    *outcome = hv->ops->suspend(hv, save->note.domid, save->fd, 0, &progress,
                                &was_paused, err);
    return *outcome == XF_SUSPEND_DONE && put_in_place(save, err);
}

static gboolean
run_save(struct save *save, GError **err)
{
    enum xf_suspend_outcome outcome;
    g_autoptr(GError) why = NULL;

    if (write_domain(save, &outcome, &why))
        return finish(save, err);
    if (save->fd >= 0)
        g_unlink(save->partial);
    if ((outcome == XF_SUSPEND_DONE || outcome == XF_SUSPEND_STOPPED)
        && !undo(save, err))
        return FALSE;
    g_propagate_prefixed_error(err, g_steal_pointer(&why),
                               "domain '%s' was not saved: ", save->h->name);
    return FALSE;
}

/* In the engine's table, so that it is ours until it is out again. */
static struct xf_handoff *
take(struct xf_engine *engine, const struct xf_domain_ref *dom,
     struct xf_saving *note, GError **err)
{
    struct xf_hypervisor *hv = engine->hv;
    char token[XF_TOKEN_LEN + 1];
    guint8 key[XF_KEY_LEN];
    struct xf_hv_domain domain;

    xf_handoff_secrets(token, key);

    XF_AUTO(xf_handoff) *h = xf_source_new(engine, NULL, dom, token, key,
                                           err);

    if (!h || !xf_engine_add(engine, h, err))
        return NULL;
    if (hv->ops->can_leave(hv, h->domid, FALSE, err)
        && hv->ops->info(hv, h->domid, &domain, err)) {
        note->domid = h->domid;
        note->paused = domain.paused;
        memcpy(note->uuid, h->uuid, XF_UUID_LEN);
        h->job.phase = "save";
        xf_job_start(&h->job, domain.memory_kib);
        return g_steal_pointer(&h);
    }
    xf_engine_remove(engine, h);
    return NULL;
}

gboolean
xf_engine_save(struct xf_engine *engine, const struct xf_domain_ref *dom,
               const char *path, guint flags, GError **err)
{
    struct save save = { .engine = engine, .flags = flags, .fd = -1 };

    if (!check_path(path, err))
        return FALSE;
    save.h = take(engine, dom, &save.note, err);
    if (!save.h)
        return FALSE;
    save.note.path = g_strdup(path);
    save.partial = xf_saving_partial(path);

    gboolean ok = run_save(&save, err);

    if (save.noted && !save.kept)
        xf_saving_forget(engine, &save.note);
    xf_job_end(&save.h->job);
    xf_engine_remove(engine, save.h);
    xf_handoff_unref(save.h);
    xf_close_fd(&save.fd);
    g_free(save.note.path);
    g_free(save.partial);
    return ok;
}

/* -- restore -- */

/* What has run, or may have, is the guest: its file is old then. */
static gboolean
may_have_run(struct xf_handoff *h, struct xf_hv_domain *domain,
             gboolean *known)
{
    struct xf_hypervisor *hv = h->engine->hv;
    g_autoptr(GError) err = NULL;

    *known = hv->ops->info(hv, g_atomic_int_get(&h->incoming->domid), domain,
                           &err);
    return *known ? !domain->paused || domain->cpu_time_ns
                  : !g_error_matches(err, XF_ERROR, XF_ERROR_NO_DOMAIN);
}

/* TRUE: the switch has failed, as a rule since another domain has got the name
 * meanwhile; but the guest is here, and to be told of. */
static gboolean
is_here_nevertheless(struct xf_handoff *h, GError **err)
{
    struct xf_hv_domain domain;
    gboolean known;

    if (!may_have_run(h, &domain, &known))
        return FALSE;

    int domid = g_atomic_int_get(&h->incoming->domid);

    if (known)
        xf_engine_happened(h->engine, &domain, XF_LIFE_STARTED,
                           XF_STARTED_RESTORED);
    g_prefix_error(err, "domain '%s' has been restored and %s, with id %d, "
                   "but its name may still be '%s" XF_INCOMING_SUFFIX "'.  Do "
                   "not restore it again: its disks have gone on, and its "
                   "file is old.  To give it its name: xl rename %d %s: ",
                   h->name, known ? "runs" : "may run", domid, h->name, domid,
                   h->name);
    g_warning("%s", (*err)->message);
    return TRUE;
}

static gboolean
come_back(struct xf_handoff *h, int fd, gboolean paused, GError **err)
{
    const struct xf_hypervisor_ops *ops = h->engine->hv->ops;
    gboolean made = ops->incoming_stream(h->incoming, fd, err);
    gboolean ready = made && ops->incoming_devices(h->incoming, err);

    if (ready && ops->incoming_switch(h->incoming, paused, err))
        return TRUE;
    if (ready && is_here_nevertheless(h, err))
        return FALSE;

    g_autoptr(GError) why = NULL;

    if (made && !xf_engine_destroy(h->engine,
                                   g_atomic_int_get(&h->incoming->domid),
                                   &why))
        g_warning("domain '%s' could not be restored, and what is left of it "
                  "not be destroyed: %s", h->name, why->message);
    return FALSE;
}

static gboolean
restore(struct xf_handoff *h, int fd, gboolean paused, GError **err)
{
    struct xf_engine *engine = h->engine;

    if (!xf_engine_may_start(engine, h->uuid, err)
        || !xf_engine_add(engine, h, err))
        return FALSE;

    g_autoptr(GError) why = NULL;
    gboolean ok = xf_dest_room(h, &why);

    if (ok) {
        h->job.phase = "restore";
        xf_job_start(&h->job, h->incoming->memory_kib);
        ok = come_back(h, fd, paused, &why);
        xf_job_end(&h->job);
    }
    if (ok) {
        h->domid = g_atomic_int_get(&h->incoming->domid);
        xf_handoff_tell(h, XF_LIFE_STARTED, XF_STARTED_RESTORED, -1);
        if (paused)
            xf_handoff_tell(h, XF_LIFE_SUSPENDED, XF_SUSPENDED_PAUSED, -1);
    }
    xf_engine_remove(engine, h);
    if (!ok)
        g_propagate_error(err, g_steal_pointer(&why));
    return ok;
}

gboolean
xf_engine_restore(struct xf_engine *engine, const char *path, guint flags,
                  GError **err)
{
    struct xf_hypervisor *hv = engine->hv;
    XF_AUTO_FD int fd = -1;
    char token[XF_TOKEN_LEN + 1];
    guint8 key[XF_KEY_LEN];
    struct xf_incoming *in;
    gboolean paused;

    if (!check_path(path, err))
        return FALSE;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        xf_error_set_errno(err, errno, "cannot open %s", path);
        return FALSE;
    }
    in = hv->ops->incoming_saved(hv, fd, &paused, err);
    if (!in) {
        g_prefix_error(err, "%s: ", path);
        return FALSE;
    }
    xf_handoff_secrets(token, key);

    XF_AUTO(xf_handoff) *h = xf_handoff_new(engine, XF_DESTINATION, token,
                                            key, in->uuid, in->name);

    h->incoming = in;
    return check_flags(flags, &paused, err) && restore(h, fd, paused, err);
}
