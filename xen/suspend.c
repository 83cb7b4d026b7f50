/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The source side: suspend to a stream, resume.
 *
 * libxl_domain_suspend() runs in the caller's thread with a context of its
 * own.  Its return code is only a hint; what became of the guest is asked of
 * Xen afterwards, always.
 *
 * A second thread, the minder, lives as long as that call and does two
 * things:
 *
 * Abort.  libxl_ao_abort() finds nothing while the operation has not begun,
 * and it brings the process down when it comes while libxl writes the head
 * of the stream, before its helper runs (see stream.h).  So the minder holds
 * an abort back until the helper has reported progress, and then repeats it
 * until libxl has taken it.
 *
 * Paused guests.  A guest suspends itself: asked through xenstore
 * (control/shutdown = "suspend"), it quiesces its drivers and calls the
 * hypervisor.  A guest that its administrator has paused cannot do that, and
 * libxl would wait for a minute and give up.  It cannot be unpaused at the
 * start either: it must not run on through a long pre-copy.  So the minder
 * watches that node, and when the request appears in it (all memory has
 * been sent by then, but for the last pages) unpauses the guest, which then
 * runs just its suspend code: milliseconds.  It goes on looking until the
 * guest has stopped, since somebody may pause it in the middle as well.
 * HVM guests without PV drivers are stopped by force, paused or not; for
 * them libxl writes no request, and nothing is unpaused.  (Nor for a guest
 * that has a suspend event channel, which no current kernel sets up.)
 * Where the suspend fails, the guest is paused again; the copy at the other
 * end is left paused by whoever calls this, since *was_paused says so.
 */
#include "config.h"

#include <errno.h>
#include <libxl_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <xenctrl.h>

#include "xen/internal.h"
#include "xen/stream.h"
#include "xen/userdata.h"
#include "xen/xenstore.h"

#define ABORT_RETRY_MS 20
/* Nothing tells of a pause, so it is looked for; only after the request. */
#define PAUSE_LOOK_MS 100

struct suspend_op {
    struct libxl_hv *hv;
    int domid;
    struct xf_context *context; /* libxl_domain_suspend()'s alone */
    const struct xf_progress *progress;

    /* the minder */
    gint streaming;             /* libxl's helper is at work; atomic */
    struct xf_context *own;     /* the minder's context */
    struct xs_handle *watch;
    int wake;                   /* eventfd: abort or finished was set */
    gint abort, finished;       /* atomic */
    gboolean let_run;           /* it has unpaused the guest; after join */
    gboolean marked;            /* as asked; as above */
    guint fired;                /* how often the request's node did; as above */
};

/* -- progress --------------------------------------------------------------- */

static void
report(void *user, const char *what, guint64 done, guint64 total)
{
    struct suspend_op *op = user;
    const struct xf_progress *progress = op->progress;
    guint iteration = 0;

    g_atomic_int_set(&op->streaming, strcmp(what, "End of stream") != 0 &&
                                     strcmp(what, "Complete") != 0);
    if (!progress)
        return;
    if (sscanf(what, "Frames iteration %u", &iteration) == 1 ||
        strcmp(what, "Frames") == 0) {
        if (progress->frames)
            progress->frames(progress->user, iteration, done, total);
    } else if (strcmp(what, "Domain now suspended") == 0) {
        if (progress->suspended)
            progress->suspended(progress->user);
    }
}

/* -- minder ----------------------------------------------------------------- */

static void
wake_minder(struct suspend_op *op)
{
    eventfd_write(op->wake, 1);
}

/* TRUE when there is nothing more to do about it. */
static gboolean
pass_on_abort(struct suspend_op *op)
{
    return g_atomic_int_get(&op->streaming) &&
           libxl_ao_abort(op->context->libxl, NULL) != ERROR_NOTFOUND;
}

/* TRUE when the guest has stopped. */
static gboolean
free_to_answer(struct suspend_op *op)
{
    g_autoptr(GError) err = NULL;
    struct xf_hv_domain info;

    if (!xf_libxl_query(op->own, op->domid, &info, NULL) || info.suspended ||
        info.shutdown || info.dying)
        return TRUE;
    if (!info.paused)
        return FALSE;
    g_info("domain %d: paused; let run to answer the suspend request",
           op->domid);
    op->let_run = TRUE;
    if (!xf_libxl_let_run(op->own, op->domid, &err))
        g_warning("domain %d: asked to suspend, it cannot answer: %s",
                  op->domid, err->message);
    return FALSE;
}

static gboolean
request_is_there(struct suspend_op *op)
{
    g_autofree char *value =
        xf_xs_read(op->watch, "/local/domain/%d/control/shutdown", op->domid);

    return g_strcmp0(value, "suspend") == 0;
}

/* For whom finds the guest when we have died: one that was never asked must
 * not be let run when it is seen suspended, since somebody else saves it then.
 * One that is asked, and has no mark yet, answers as quickly as it is made. */
static void
mark_asked(struct suspend_op *op, gboolean requested)
{
    if (op->marked || !(requested || op->fired > 1))
        return;
    xf_userdata_mark(op->own, op->domid, XF_USERDATA_ASKED);
    op->marked = TRUE;
}

static gpointer
minder(gpointer data)
{
    struct suspend_op *op = data;
    gboolean abort_taken = FALSE, requested = FALSE, stopped = FALSE;

    while (!g_atomic_int_get(&op->finished)) {
        int timeout = -1;
        eventfd_t count;

        if (g_atomic_int_get(&op->abort) && !abort_taken) {
            abort_taken = pass_on_abort(op);
            timeout = abort_taken ? -1 : ABORT_RETRY_MS;
        }
        requested = requested || request_is_there(op);
        mark_asked(op, requested);
        if (requested && !stopped) {
            stopped = free_to_answer(op);
            if (timeout < 0 && !stopped)
                timeout = PAUSE_LOOK_MS;
        }
        xf_xs_wait(op->watch, op->wake, timeout, &op->fired);
        eventfd_read(op->wake, &count);
    }
    return NULL;
}

/* -- the request ------------------------------------------------------------ */

/* A guest takes the request by emptying its node, in a transaction: either
 * ours comes first, and it has never been asked, or it has taken it.  TRUE:
 * the request stood, and is taken back. */
static gboolean
take_request_back(struct xs_handle *xs, int domid)
{
    g_autofree char *path =
        g_strdup_printf("/local/domain/%d/control/shutdown", domid);
    gboolean ended, stands;

    do {
        xs_transaction_t t = xs_transaction_start(xs);
        char *value = t == XBT_NULL ? NULL : xs_read(xs, t, path, NULL);

        if (t == XBT_NULL)
            return FALSE;
        stands = value && strcmp(value, "suspend") == 0 &&
                 xs_write(xs, t, path, "", 0);
        free(value);
        ended = xs_transaction_end(xs, t, !stands);
    } while (!ended && errno == EAGAIN);
    if (ended && stands)
        g_message("domain %d has not seen yet that it was asked to suspend; "
                  "that is taken back", domid);
    return ended && stands;
}

/* Has this suspend() asked it?  The watch fires once when it is set. */
static gboolean
was_asked(struct suspend_op *op)
{
    g_autofree char *channel =
        xf_xs_read(op->own->xs, "/local/domain/%d/device/suspend/"
                   "event-channel", op->domid);

    return op->fired > 1 || channel;
}

/* Of a guest that runs on: until when it may still suspend; 0: it will not. */
static gint64
late_until(struct suspend_op *op)
{
    if (!op->watch || take_request_back(op->own->xs, op->domid) ||
        !was_asked(op))
        return 0;
    return g_get_monotonic_time() + XF_KEEPER_LATE_MS * 1000;
}

/* -- one at a time and domain ------------------------------------ */

static gboolean
enter(struct libxl_hv *hv, int domid, GError **err)
{
    if (xf_holds_enter(hv->holds, domid))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_BUSY,
                "domain %d is being suspended or resumed already", domid);
    return FALSE;
}

/* Can be told to abort from now on. */
static void
show(struct suspend_op *op)
{
    g_mutex_lock(&op->hv->lock);
    g_hash_table_insert(op->hv->suspends, GINT_TO_POINTER(op->domid), op);
    g_mutex_unlock(&op->hv->lock);
}

static void
hide(struct suspend_op *op)
{
    g_mutex_lock(&op->hv->lock);
    g_hash_table_remove(op->hv->suspends, GINT_TO_POINTER(op->domid));
    g_mutex_unlock(&op->hv->lock);
}

gboolean
xf_libxl_suspending(struct libxl_hv *hv, int domid)
{
    return xf_holds_look(hv->holds, domid, 0) == XF_HOLD_BUSY;
}

void
xf_libxl_suspend_abort(struct xf_hypervisor *hypervisor, int domid)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;

    g_mutex_lock(&hv->lock);

    struct suspend_op *op = g_hash_table_lookup(hv->suspends,
                                                GINT_TO_POINTER(domid));

    if (op) {
        g_atomic_int_set(&op->abort, 1);
        wake_minder(op);
    }
    g_mutex_unlock(&hv->lock);
}

/* -- suspend ---------------------------------------------------------------- */

static gboolean
op_open(struct suspend_op *op, GError **err)
{
    g_autofree char *node =
        g_strdup_printf("/local/domain/%d/control/shutdown", op->domid);

    op->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (op->wake < 0) {
        xf_error_set_errno(err, errno, "cannot make an eventfd");
        return FALSE;
    }
    op->context = xf_context_new(err);
    op->own = op->context ? xf_context_get(op->hv->pool, err) : NULL;
    op->watch = op->own ? xf_xs_open(err) : NULL;
    if (!op->watch)
        return FALSE;
    if (!xs_watch(op->watch, node, "suspend")) {
        g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM,
                    "cannot watch %s in xenstore", node);
        return FALSE;
    }
    return TRUE;
}

static void
op_close(struct suspend_op *op)
{
    if (op->marked)
        xf_userdata_unmark(op->own, op->domid, XF_USERDATA_ASKED);
    if (op->watch)
        xs_close(op->watch);
    if (op->own)
        xf_context_put(op->hv->pool, op->own);
    if (op->context)
        xf_context_free(op->context);
    xf_close_fd(&op->wake);
}

static int
run_suspend(struct suspend_op *op, int fd, guint flags)
{
    struct xf_context_progress progress = { report, op };
    GThread *thread = g_thread_new("suspend-minder", minder, op);

    xf_context_set_progress(op->context, &progress);

    int rc = libxl_domain_suspend(op->context->libxl, op->domid, fd,
                                  flags & XF_SUSPEND_LIVE
                                      ? LIBXL_SUSPEND_LIVE : 0, NULL);

    g_atomic_int_set(&op->finished, 1);
    wake_minder(op);
    g_thread_join(thread);
    xf_xs_wait(op->watch, -1, 0, &op->fired);
    xf_context_set_progress(op->context, NULL);
    return rc;
}

/* What became of the guest, whatever rc says. */
static enum xf_suspend_outcome
outcome(struct suspend_op *op, int rc, struct xf_hv_domain *info)
{
    g_autoptr(GError) err = NULL;

    if (!xf_libxl_query(op->own, op->domid, info, &err)) {
        memset(info, 0, sizeof(*info));
        /* Not known: the one answer that lets nobody run twice and does
         * no harm when it is wrong, since Xen refuses to resume a domain
         * that is not suspended. */
        return g_error_matches(err, XF_ERROR, XF_ERROR_NO_DOMAIN)
                   ? XF_SUSPEND_GONE : XF_SUSPEND_STOPPED;
    }
    if (info->dying || info->shutdown)
        return XF_SUSPEND_GONE;
    if (!info->suspended)
        return XF_SUSPEND_RUNNING;
    return rc ? XF_SUSPEND_STOPPED : XF_SUSPEND_DONE;
}

static void
explain(struct suspend_op *op, enum xf_suspend_outcome result, int rc,
        const char *name, GError **err)
{
    static const char *const what[] = {
        [XF_SUSPEND_DONE] = "",
        [XF_SUSPEND_RUNNING] = "it could not be saved and runs on",
        [XF_SUSPEND_STOPPED] = ("it was suspended, but not all of it could "
                                "be sent"),
        [XF_SUSPEND_GONE] = "it has shut down or died while it was saved",
    };

    if (g_atomic_int_get(&op->abort))
        rc = ERROR_ABORTED;
    xf_context_error(op->context, err,
                     result == XF_SUSPEND_GONE ? XF_ERROR_OPERATION_INVALID
                                               : XF_ERROR_OPERATION_FAILED,
                     rc, "domain %d ('%s'): %s", op->domid, name,
                     what[result]);
}

/* After a failure: as the administrator had it. */
static void
pause_again(struct suspend_op *op, enum xf_suspend_outcome result)
{
    g_autoptr(GError) err = NULL;

    if (result != XF_SUSPEND_RUNNING && result != XF_SUSPEND_STOPPED)
        return;
    if (!xf_libxl_hold(op->own, op->domid, &err))
        g_warning("domain %d was paused before it was saved, and cannot be "
                  "paused again: %s", op->domid, err->message);
}

static enum xf_suspend_outcome
suspend_entered(struct suspend_op *op, int fd, guint flags,
                gboolean *was_paused, GError **err)
{
    g_autoptr(GError) query_err = NULL;
    enum xf_suspend_outcome result;
    struct xf_hv_domain before, after;

    if (!op_open(op, err))
        return XF_SUSPEND_RUNNING;
    if (!xf_libxl_query(op->own, op->domid, &before, &query_err)) {
        result = g_error_matches(query_err, XF_ERROR, XF_ERROR_NO_DOMAIN)
                     ? XF_SUSPEND_GONE : XF_SUSPEND_RUNNING;
        g_propagate_error(err, g_steal_pointer(&query_err));
        return result;
    }
    if (before.suspended || before.shutdown || before.dying) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' cannot be suspended: it is %s", before.name,
                    before.suspended ? "suspended already"
                                     : "shut down or dying");
        return before.suspended ? XF_SUSPEND_TAKEN : XF_SUSPEND_GONE;
    }

    *was_paused = before.paused;
    if (!xf_stream_check_writable(fd, err))
        return XF_SUSPEND_RUNNING;

    int rc = run_suspend(op, fd, flags);

    result = outcome(op, rc, &after);
    *was_paused |= op->let_run || after.paused;
    if (*was_paused)
        pause_again(op, result);
    if (result != XF_SUSPEND_DONE)
        explain(op, result, rc, before.name, err);
    return result;
}

enum xf_suspend_outcome
xf_libxl_suspend(struct xf_hypervisor *hypervisor, int domid, int fd,
                 guint flags, const struct xf_progress *progress,
                 gboolean *was_paused, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    struct suspend_op op = {
        .hv = hv, .domid = domid, .progress = progress, .wake = -1,
    };

    *was_paused = FALSE;
    if (!enter(hv, domid, err))
        return XF_SUSPEND_RUNNING;
    show(&op);

    enum xf_suspend_outcome result =
        suspend_entered(&op, fd, flags, was_paused, err);
    gint64 until = result == XF_SUSPEND_RUNNING ? late_until(&op) : 0;

    hide(&op);
    op_close(&op);
    xf_holds_leave_suspend(hv->holds, domid, result, until);
    if (result != XF_SUSPEND_DONE && result != XF_SUSPEND_STOPPED)
        xf_keeper_suspend_failed(hv->keeper, domid);
    return result;
}

/* -- resume ----------------------------------------------------------------- */

/* xl's monitor of a domain ends when it sees it suspended, so nobody would
 * act on its next reboot; libvirtd's does not. */
static void
keep_if_nobody_does(struct libxl_hv *hv, struct xf_context *c,
                    const struct xf_hv_domain *info)
{
    g_autoptr(GError) err = NULL;
    uint8_t *data = NULL;
    int len = 0;
    int rc = libxl_userdata_retrieve(c->libxl, info->domid,
                                     XF_USERDATA_LIBVIRT, &data, &len);

    free(data);
    if (rc || len > 0)
        xf_keeper_resumed(hv->keeper, info->domid);
    else if (!xf_keeper_add(hv->keeper, info->domid, info->uuid, &err))
        g_warning("domain %d runs on, but its next shutdown or reboot will "
                  "not be acted on: %s", info->domid, err->message);
}

/* libxl switches it off itself, unless its helper is killed in the middle.
 * To do so is not in its interface, but in that of the library below it. */
static void
end_tracking(int domid)
{
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);

    if (!xc)
        return;
    /* It says no when there is nothing to switch off.  When it stays on, the
     * next move of the domain copes, and switches it off in the end. */
    xc_shadow_control(xc, domid, XEN_DOMCTL_SHADOW_OP_OFF, NULL, 0);
    xc_interface_close(xc);
}

void
xf_libxl_suspend_clean(struct xf_hypervisor *hypervisor, int domid)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    g_autoptr(GError) err = NULL;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, &err);
    struct xf_hv_domain info;
    gint64 until = 0;

    end_tracking(domid);
    if (!lent.context || !xf_libxl_query(lent.context, domid, &info, &err)) {
        g_warning("domain %d: a request to suspend that it may have got is "
                  "not taken back: %s", domid, err->message);
        return;
    }
    if (info.suspended)
        return;

    gboolean asked = xf_userdata_marked(lent.context, domid,
                                        XF_USERDATA_ASKED);

    if (asked)
        xf_userdata_unmark(lent.context, domid, XF_USERDATA_ASKED);
    if (!take_request_back(lent.context->xs, domid) && asked)
        until = g_get_monotonic_time() + XF_KEEPER_LATE_MS * 1000;
    if (xf_holds_asked_before(hv->holds, domid, until) && until)
        xf_keeper_suspend_failed(hv->keeper, domid);
}

static gboolean
resume_suspended(struct xf_context *c, const struct xf_hv_domain *info,
                 gboolean paused, GError **err)
{
    if (paused && !xf_libxl_hold(c, info->domid, err))
        return FALSE;

    /* 1: the guest's suspend call returns "cancelled"; 0 would rebuild its
     * state and has crashed many. */
    int rc = libxl_domain_resume(c->libxl, info->domid, 1, NULL);

    if (rc)
        xf_context_error(c, err, XF_ERROR_OPERATION_FAILED, rc,
                         "domain %d ('%s') is suspended and cannot be "
                         "resumed now; try again", info->domid, info->name);
    return !rc;
}

/* *was: as it was found. */
static gboolean
resume_entered(struct xf_context *c, int domid, gboolean paused,
               struct xf_hv_domain *was, GError **err)
{
    if (!xf_libxl_query(c, domid, was, err))
        return FALSE;
    if (was->shutdown || was->dying) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' cannot be resumed: it has %s", was->name,
                    was->dying ? "been destroyed" : "shut down");
        return FALSE;
    }
    if (was->suspended && g_str_has_suffix(was->name, XF_XL_AWAY_SUFFIX)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' is not resumed: xl has moved it meanwhile "
                    "(if the guest runs on the other host, destroy this one; "
                    "else give it its name again with xl rename)", was->name);
        return FALSE;
    }
    /* One that runs already needs only its pause put right. */
    return !was->suspended || resume_suspended(c, was, paused, err);
}

gboolean
xf_libxl_resume(struct xf_hypervisor *hypervisor, int domid, gboolean paused,
                GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);
    struct xf_context *c = lent.context;
    struct xf_hv_domain was;

    if (!c || !enter(hv, domid, err))
        return FALSE;
    if (!resume_entered(c, domid, paused, &was, err)) {
        xf_holds_leave(hv->holds, domid);
        return FALSE;
    }
    if (was.suspended) {
        xf_holds_leave_resumed(hv->holds, domid);
        /* The keeper looks at once, and not while somebody else is at it. */
        keep_if_nobody_does(hv, c, &was);
    } else {
        xf_holds_leave_suspend(hv->holds, domid, XF_SUSPEND_RUNNING, 0);
    }
    return paused ? xf_libxl_hold(c, domid, err)
                  : xf_libxl_let_run(c, domid, err);
}
