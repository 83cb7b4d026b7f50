/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keeper's thread: libxl's events and the others' messages.
 *
 * Everything about the kept domains belongs to that thread.  An event is
 * only a reason to look: what is done follows from what Xen says about the
 * domain then.
 */
#include "config.h"

#include <errno.h>
#include <libxl_event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include "xen/internal.h"
#include "xen/keeper-act.h"
#include "xen/keeper-rule.h"
#include "xen/xenstore.h"

/* How long it waits for xenstored to come back, before it tries again. */
#define AGAIN_FIRST_MS 100
#define AGAIN_MOST_MS 10000

enum message_type {
    KEEP,                       /* look after it */
    SUSPEND_FAILED,
    RESUMED,
    ACTED,                      /* an act is over */
};

struct message {
    enum message_type type;
    int domid;
    guint8 uuid[XF_UUID_LEN];   /* KEEP */
    guint quick;                /* KEEP: restarts in a row soon after start */
    gint64 started;             /* KEEP: monotonic us; 0 not known */
    gboolean over;              /* ACTED */
};

struct kept {
    int domid;
    guint8 uuid[XF_UUID_LEN];
    gboolean ours;              /* we act on its end */
    gboolean acting;            /* somebody is at it */
    gint64 started;
    guint quick;
    libxl_evgen_domain_death *evgen;
};

struct xf_keeper {
    struct xf_context_pool *pool;
    struct xf_keeper_owner owner;
    struct xf_context *context; /* the thread's; its events come from here */
    GThread *thread;
    GHashTable *domains;        /* domid -> struct kept *; the thread's */
    GArray *fds;                /* struct pollfd; the thread's */

    int wake;                   /* eventfd: messages or stop */
    GMutex lock;
    GCond acted;
    GQueue messages;            /* lock */
    gboolean stop;              /* lock */
    guint acting;               /* threads at work; lock */
};

static void
post(struct xf_keeper *keeper, const struct message *message)
{
    g_mutex_lock(&keeper->lock);
    g_queue_push_tail(&keeper->messages,
                      g_memdup2(message, sizeof(*message)));
    g_mutex_unlock(&keeper->lock);
    eventfd_write(keeper->wake, 1);
}

/* -- what xenstore remembers ------------------------------------------------- */

static gboolean
write_down(struct xs_handle *xs, int domid, const guint8 *uuid, GError **err)
{
    g_autofree char *path = g_strdup_printf(XF_KEEPER_ROOT "/%d", domid);
    char text[XF_UUID_STRING_LEN + 1];

    xf_uuid_format(uuid, text);
    if (xs_write(xs, XBT_NULL, path, text, strlen(text)))
        return TRUE;
    xf_error_set_errno(err, errno, "xenstore: cannot write %s", path);
    return FALSE;
}

static gboolean
remember(struct xf_keeper *keeper, int domid, const guint8 *uuid,
         GError **err)
{
    XF_LENT struct lent_context lent = borrow_context(keeper->pool, err);

    return lent.context && write_down(lent.context->xs, domid, uuid, err);
}

static void
forget(struct xf_keeper *keeper, struct kept *k)
{
    g_autofree char *path = g_strdup_printf(XF_KEEPER_ROOT "/%d", k->domid);
    g_autofree char *value = xf_xs_read(keeper->context->xs, "%s", path);
    guint8 uuid[XF_UUID_LEN];

    /* not the node of another domain that has got the same number */
    if (value && xf_uuid_parse(value, uuid) &&
        memcmp(uuid, k->uuid, XF_UUID_LEN) == 0)
        xs_rm(keeper->context->xs, XBT_NULL, path);
    if (k->evgen)
        libxl_evdisable_domain_death(keeper->context->libxl, k->evgen);
    g_hash_table_remove(keeper->domains, GINT_TO_POINTER(k->domid));
}

static gboolean
make_root(struct xs_handle *xs, GError **err)
{
    struct xs_permissions nobody = { .id = 0, .perms = XS_PERM_NONE };

    if (xs_mkdir(xs, XBT_NULL, XF_KEEPER_ROOT) &&
        xs_set_permissions(xs, XBT_NULL, XF_KEEPER_ROOT, &nobody, 1))
        return TRUE;
    xf_error_set_errno(err, errno, "xenstore: cannot make " XF_KEEPER_ROOT);
    return FALSE;
}

static void
take_up_remembered(struct xf_keeper *keeper)
{
    g_auto(GStrv) nodes = xf_xs_children(keeper->context->xs,
                                         XF_KEEPER_ROOT);

    for (char **node = nodes; *node; node++) {
        struct message message = { .type = KEEP, .domid = atoi(*node) };
        g_autofree char *value = xf_xs_read(keeper->context->xs,
                                            XF_KEEPER_ROOT "/%s", *node);

        if (message.domid > 0 && value &&
            xf_uuid_parse(value, message.uuid))
            post(keeper, &message);
        else
            g_warning("xenstore: " XF_KEEPER_ROOT "/%s = '%s' is not a "
                      "domain's number and uuid; ignored", *node,
                      value ? value : "");
    }
}

/* -- acting ------------------------------------------------------------------- */

struct job {
    struct xf_keeper *keeper;
    gboolean let_run;           /* else act on its end */
    guint quick;                /* of the domain that may come after it */
    struct xf_hv_domain was;    /* as it was found */
    int again;                  /* domid of the one in its place; -1: none */
    struct keeper_case ended;
};

static void
restarted(void *user, int domid, const guint8 *uuid)
{
    struct job *job = user;
    struct message message = {
        .type = KEEP, .domid = domid, .quick = job->quick,
        .started = g_get_monotonic_time(),
    };
    g_autoptr(GError) err = NULL;

    job->again = domid;
    memcpy(message.uuid, uuid, XF_UUID_LEN);
    if (!remember(job->keeper, domid, uuid, &err))
        g_warning("domain %d will not be looked after by a restarted "
                  "daemon: %s", domid, err->message);
    post(job->keeper, &message);
}

/* What has become of it, asked of Xen. */
static void
tell_ended(struct job *job, struct xf_context *context,
           enum keeper_result result)
{
    struct xf_keeper *keeper = job->keeper;
    struct xf_hv_domain now;
    struct xf_hv_ending ending = {
        .domid = job->was.domid,
        .name = job->was.name,
        .how = job->was.crashed     ? XF_HV_CRASHED
               : job->was.rebooting ? XF_HV_REBOOTED
                                    : XF_HV_SHUT_DOWN,
        .again = result == KEEPER_GOES_ON ? job->was.domid : job->again,
    };

    memcpy(ending.uuid, job->was.uuid, XF_UUID_LEN);
    /* one that cannot be asked is as good as gone */
    ending.kept = ending.again < 0 &&
                  xf_libxl_query(context, ending.domid, &now, NULL) &&
                  !now.dying;
    keeper->owner.ended(keeper->owner.user, &ending);
}

static void
act_and_tell(struct job *job, struct xf_context *context,
             struct message *message)
{
    enum keeper_result result = xf_keeper_act(context, &job->ended);

    message->over = result == KEEPER_OVER;
    tell_ended(job, context, result);
}

/* It is looked at again: whoever is about to move it may have entered. */
static void
let_run(struct job *job, struct xf_context *context)
{
    struct xf_holds *holds = job->keeper->owner.holds;
    int domid = job->ended.domid;

    if (!xf_holds_enter_late(holds, domid, g_get_monotonic_time()))
        return;
    if (xf_keeper_resume_late(context, domid))
        xf_holds_leave_resumed(holds, domid);
    else
        xf_holds_leave(holds, domid);
}

static gpointer
run_job(gpointer data)
{
    g_autofree struct job *job = data;
    struct xf_keeper *keeper = job->keeper;
    struct message message = { .type = ACTED, .domid = job->ended.domid };
    g_autoptr(GError) err = NULL;
    XF_LENT struct lent_context lent = borrow_context(keeper->pool, &err);

    if (!lent.context)
        g_warning("domain %d has ended and cannot be looked after: %s",
                  job->ended.domid, err->message);
    else if (job->let_run)
        let_run(job, lent.context);
    else
        act_and_tell(job, lent.context, &message);
    post(keeper, &message);
    lent_context_clear(&lent);
    lent.context = NULL;
    g_mutex_lock(&keeper->lock);
    keeper->acting--;
    g_cond_broadcast(&keeper->acted);
    g_mutex_unlock(&keeper->lock);
    return NULL;
}

static void
start_job(struct xf_keeper *keeper, struct kept *k,
          const struct xf_hv_domain *was, gboolean let_run)
{
    struct job *job = g_new0(struct job, 1);
    gint64 age = g_get_monotonic_time() - k->started;
    gboolean quick = k->started && age < XF_KEEPER_QUICK_MS * 1000;

    job->keeper = keeper;
    job->let_run = let_run;
    job->was = *was;
    job->again = -1;
    job->quick = quick ? k->quick + 1 : 0;
    job->ended.domid = k->domid;
    memcpy(job->ended.uuid, k->uuid, XF_UUID_LEN);
    job->ended.no_restart = job->quick >= XF_KEEPER_QUICK_MAX;
    job->ended.restarted = restarted;
    job->ended.user = job;
    k->acting = TRUE;
    g_mutex_lock(&keeper->lock);
    keeper->acting++;
    g_mutex_unlock(&keeper->lock);
    g_thread_unref(g_thread_new("keeper-act", run_job, job));
}

/* Not by the keeper's doing. */
static void
has_gone(struct xf_keeper *keeper, struct kept *k)
{
    struct xf_hv_ending ending = {
        .domid = k->domid, .how = XF_HV_GONE, .again = -1,
    };

    memcpy(ending.uuid, k->uuid, XF_UUID_LEN);
    xf_holds_forget(keeper->owner.holds, k->domid);
    forget(keeper, k);
    keeper->owner.ended(keeper->owner.user, &ending);
}

/* Looks what is the matter with a domain, and sees to it. */
static void
examine(struct xf_keeper *keeper, struct kept *k)
{
    g_autoptr(GError) err = NULL;
    struct xf_hv_domain info;
    gboolean found;

    if (k->acting)
        return;                 /* looked at again when that is over */
    found = xf_libxl_query(keeper->context, k->domid, &info, &err);
    if (err && !g_error_matches(err, XF_ERROR, XF_ERROR_NO_DOMAIN)) {
        g_warning("%s", err->message);
        return;
    }

    enum xf_hold hold = xf_holds_look(keeper->owner.holds, k->domid,
                                      g_get_monotonic_time());

    switch (xf_keeper_judge(found ? &info : NULL, k->uuid, k->ours, hold)) {
    case KEEPER_LEAVES:
        break;
    case KEEPER_HAS_GONE:
        has_gone(keeper, k);
        break;
    case KEEPER_LETS_RUN:
        start_job(keeper, k, &info, TRUE);
        break;
    case KEEPER_ACTS:
        start_job(keeper, k, &info, FALSE);
        break;
    }
}

/* -- messages ----------------------------------------------------------------- */

/* libxl tells of the present state at once, and of one shutdown. */
static void
arm(struct xf_keeper *keeper, struct kept *k)
{
    if (k->evgen)
        libxl_evdisable_domain_death(keeper->context->libxl, k->evgen);
    k->evgen = NULL;

    int rc = libxl_evenable_domain_death(keeper->context->libxl, k->domid, 0,
                                         &k->evgen);

    if (rc)
        g_warning("domain %d cannot be looked after: libxl gives %d",
                  k->domid, rc);
}

static struct kept *
find(struct xf_keeper *keeper, int domid)
{
    return g_hash_table_lookup(keeper->domains, GINT_TO_POINTER(domid));
}

static struct kept *
add(struct xf_keeper *keeper, int domid, const guint8 *uuid)
{
    struct kept *k = find(keeper, domid);

    if (k && memcmp(k->uuid, uuid, XF_UUID_LEN) != 0) {
        forget(keeper, k);
        k = NULL;
    }
    if (!k) {
        k = g_new0(struct kept, 1);
        k->domid = domid;
        memcpy(k->uuid, uuid, XF_UUID_LEN);
        g_hash_table_insert(keeper->domains, GINT_TO_POINTER(domid), k);
    }
    return k;
}

static void
on_keep(struct xf_keeper *keeper, const struct message *m)
{
    struct kept *k = add(keeper, m->domid, m->uuid);

    k->ours = TRUE;
    k->started = m->started;
    k->quick = m->quick;
    arm(keeper, k);
}

static void
on_suspend_failed(struct xf_keeper *keeper, const struct message *m)
{
    struct xf_hv_domain info;

    if (!xf_libxl_query(keeper->context, m->domid, &info, NULL))
        return;                 /* gone: its death event tells that */
    arm(keeper, add(keeper, m->domid, info.uuid));
}

static void
on_resumed(struct xf_keeper *keeper, const struct message *m)
{
    struct kept *k = find(keeper, m->domid);

    if (k)
        arm(keeper, k);
}

static void
on_acted(struct xf_keeper *keeper, const struct message *m)
{
    struct kept *k = find(keeper, m->domid);

    if (!k)
        return;
    k->acting = FALSE;
    if (m->over)
        forget(keeper, k);
    else
        arm(keeper, k);
}

static void (*const handlers[])(struct xf_keeper *, const struct message *) = {
    [KEEP] = on_keep,
    [SUSPEND_FAILED] = on_suspend_failed,
    [RESUMED] = on_resumed,
    [ACTED] = on_acted,
};

/* FALSE when it is time to stop. */
static gboolean
handle_messages(struct xf_keeper *keeper)
{
    eventfd_t count;

    eventfd_read(keeper->wake, &count);
    for (;;) {
        g_mutex_lock(&keeper->lock);

        gboolean stop = keeper->stop;
        g_autofree struct message *m = g_queue_pop_head(&keeper->messages);

        g_mutex_unlock(&keeper->lock);
        if (stop || !m)
            return !stop;
        handlers[m->type](keeper, m);
    }
}

/* -- the thread ---------------------------------------------------------------- */

static void
handle_events(struct xf_keeper *keeper)
{
    libxl_ctx *ctx = keeper->context->libxl;
    libxl_event *event;

    while (libxl_event_check(ctx, &event, LIBXL_EVENTMASK_ALL, NULL,
                             NULL) == 0) {
        struct kept *k = find(keeper, event->domid);

        libxl_event_free(ctx, event);
        if (k)
            examine(keeper, k);
    }
}

/* Fills keeper->fds: ours first, then libxl's. */
static int
prepare_poll(struct xf_keeper *keeper, int *timeout)
{
    struct pollfd ours = { .fd = keeper->wake, .events = POLLIN };
    struct timeval now;
    int rc;

    gettimeofday(&now, NULL);
    do {
        int n = keeper->fds->len - 1;

        g_array_index(keeper->fds, struct pollfd, 0) = ours;
        *timeout = -1;
        rc = libxl_osevent_beforepoll(
            keeper->context->libxl, &n,
            &g_array_index(keeper->fds, struct pollfd, 1), timeout, now);
        g_array_set_size(keeper->fds, n + 1);
    } while (rc == ERROR_BUFFERFULL);
    return rc;
}

/* Messages stay where they are.  FALSE: it is time to stop. */
static gboolean
rest(struct xf_keeper *keeper, int ms)
{
    gint64 until = g_get_monotonic_time() + (gint64)ms * 1000;
    gboolean stop = FALSE;
    eventfd_t count;

    while (!stop && g_get_monotonic_time() < until) {
        struct pollfd wake = { .fd = keeper->wake, .events = POLLIN };

        poll(&wake, 1, MAX((until - g_get_monotonic_time()) / 1000, 1));
        eventfd_read(keeper->wake, &count);
        g_mutex_lock(&keeper->lock);
        stop = keeper->stop;
        g_mutex_unlock(&keeper->lock);
    }
    return !stop;
}

/* The thread's context, with the node for what it remembers. */
static struct xf_context *
open_context(GError **err)
{
    XF_AUTO(xf_context) *context = xf_context_new(err);

    return context && make_root(context->xs, err) ? g_steal_pointer(&context)
                                                  : NULL;
}

/* What was asked of the xenstored that has gone, and what it remembered, is
 * asked of the new one.  What has happened meanwhile is told at once. */
static void
take_up_kept(struct xf_keeper *keeper)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, keeper->domains);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct kept *k = value;
        g_autoptr(GError) err = NULL;

        if (k->ours && !write_down(keeper->context->xs, k->domid, k->uuid,
                                   &err))
            g_warning("domain %d will not be looked after by a restarted "
                      "daemon: %s", k->domid, err->message);
        arm(keeper, k);
    }
}

/* xenstored has gone.  Waits until there is one again.  FALSE: it is time to
 * stop. */
static gboolean
begin_again(struct xf_keeper *keeper)
{
    int pause_ms = AGAIN_FIRST_MS;
    GHashTableIter iter;
    gpointer k;

    g_warning("the keeper has lost xenstored: until it is back, shutdowns and "
              "reboots are not acted on");
    g_hash_table_iter_init(&iter, keeper->domains);
    while (g_hash_table_iter_next(&iter, NULL, &k))
        ((struct kept *)k)->evgen = NULL;   /* goes with the context */
    g_clear_pointer(&keeper->context, xf_context_free);
    while (!keeper->context) {
        g_autoptr(GError) err = NULL;

        if (!rest(keeper, pause_ms))
            return FALSE;
        keeper->context = open_context(&err);
        if (err)
            g_info("the keeper: %s", err->message);
        pause_ms = MIN(2 * pause_ms, AGAIN_MOST_MS);
    }
    take_up_kept(keeper);
    g_message("the keeper has found xenstored again");
    return TRUE;
}

/* Waits for an event or a message, and sees to the events. */
static void
wait_once(struct xf_keeper *keeper, int timeout)
{
    struct pollfd *fds = &g_array_index(keeper->fds, struct pollfd, 0);
    struct timeval now;

    if (poll(fds, keeper->fds->len, timeout) < 0)
        for (guint i = 0; i < keeper->fds->len; i++)
            fds[i].revents = 0;
    gettimeofday(&now, NULL);
    libxl_osevent_afterpoll(keeper->context->libxl, keeper->fds->len - 1,
                            fds + 1, now);
    handle_events(keeper);
}

static gpointer
keeper_thread(gpointer data)
{
    struct xf_keeper *keeper = data;
    gboolean on = TRUE;
    int timeout;

    while (on) {
        if (!prepare_poll(keeper, &timeout) &&
            !xf_context_broken(keeper->context))
            wait_once(keeper, timeout);
        else
            on = begin_again(keeper);
        on = on && handle_messages(keeper);
    }
    return NULL;
}

/* -- from outside -------------------------------------------------------------- */

struct xf_keeper *
xf_keeper_new(struct xf_context_pool *pool,
              const struct xf_keeper_owner *owner, GError **err)
{
    XF_AUTO(xf_context) *context = open_context(err);
    XF_AUTO_FD int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (!context)
        return NULL;
    if (wake < 0) {
        xf_error_set_errno(err, errno, "cannot make an eventfd");
        return NULL;
    }

    struct xf_keeper *keeper = g_new0(struct xf_keeper, 1);

    keeper->pool = pool;
    keeper->owner = *owner;
    keeper->context = g_steal_pointer(&context);
    keeper->domains = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    keeper->fds = g_array_sized_new(FALSE, TRUE, sizeof(struct pollfd), 8);
    g_array_set_size(keeper->fds, 8);
    keeper->wake = xf_steal_fd(&wake);
    g_mutex_init(&keeper->lock);
    g_cond_init(&keeper->acted);
    g_queue_init(&keeper->messages);
    take_up_remembered(keeper);
    keeper->thread = g_thread_new("keeper", keeper_thread, keeper);
    return keeper;
}

void
xf_keeper_free(struct xf_keeper *keeper)
{
    g_mutex_lock(&keeper->lock);
    keeper->stop = TRUE;
    g_mutex_unlock(&keeper->lock);
    eventfd_write(keeper->wake, 1);
    g_thread_join(keeper->thread);
    g_mutex_lock(&keeper->lock);
    while (keeper->acting)
        g_cond_wait(&keeper->acted, &keeper->lock);
    g_mutex_unlock(&keeper->lock);
    /* takes the events of all domains with it */
    g_clear_pointer(&keeper->context, xf_context_free);
    g_hash_table_unref(keeper->domains);
    g_array_unref(keeper->fds);
    g_queue_clear_full(&keeper->messages, g_free);
    g_cond_clear(&keeper->acted);
    g_mutex_clear(&keeper->lock);
    close(keeper->wake);
    g_free(keeper);
}

gboolean
xf_keeper_add(struct xf_keeper *keeper, int domid, const guint8 *uuid,
              GError **err)
{
    struct message message = {
        .type = KEEP, .domid = domid, .started = g_get_monotonic_time(),
    };

    memcpy(message.uuid, uuid, XF_UUID_LEN);

    gboolean written = remember(keeper, domid, uuid, err);

    post(keeper, &message);
    return written;
}

void
xf_keeper_suspend_failed(struct xf_keeper *keeper, int domid)
{
    struct message message = { .type = SUSPEND_FAILED, .domid = domid };

    post(keeper, &message);
}

void
xf_keeper_resumed(struct xf_keeper *keeper, int domid)
{
    struct message message = { .type = RESUMED, .domid = domid };

    post(keeper, &message);
}
