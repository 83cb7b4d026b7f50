/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How two sides that have parted agree.
 *
 * Source: once the end of the stream has been sent, only the destination
 * knows what was decided.  It is asked ("revoke, unless you have committed")
 * until it answers; then the source destroys or resumes its copy, tells the
 * destination so ("settled", and which of the two it did), and forgets.  The
 * destination keeps its record until then: it is the answer to a question that
 * may come again.
 *
 * A source whose own copy is gone (its host lost power) or dying must not have
 * the last one revoked: it only asks what was decided, so that the domain can
 * be started here if it is nowhere else.  Nor does one that cannot tell, and it
 * does not say that it has a copy.
 *
 * Threads: a handoff in doubt has one background thread that asks
 * (xf_handoff_ask_begin); calls that want the result wait for the change.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"

#include <string.h>

#define SETTLED_TRIES 8

/* One question on a connection of its own, one answer. */
static gboolean
ask_by(struct xf_handoff *h, const guint8 *key,
       enum xf_channel_purpose purpose, enum xf_channel_msg *answer,
       GError **err)
{
    const struct xf_engine_config *config = &h->engine->config;
    XF_AUTO_FD int fd = xf_channel_connect(
        h->peer_host, h->peer_port, purpose, h->token, key,
        config->connect_timeout_ms, config->channel.silence_timeout_ms, err);

    XF_FAULT_FD("asking", fd);
    return fd >= 0
           && xf_channel_recv(fd, config->ack_timeout_ms, answer, err);
}

static gboolean
ask(struct xf_handoff *h, enum xf_channel_purpose purpose,
    enum xf_channel_msg *answer, GError **err)
{
    return ask_by(h, h->key, purpose, answer, err);
}

/* The source's copy. */
enum presence {
    COPY_HERE,
    COPY_DYING,         /* it will never run again, but is not away yet */
    COPY_GONE,
    COPY_UNKNOWN,       /* nobody can tell now */
};

static gboolean
unseen(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    gboolean is = h->unseen;

    g_mutex_unlock(&h->lock);
    return is;
}

/* err is set when that is UNKNOWN. */
static enum presence
look(struct xf_handoff *h, GError **err)
{
    struct xf_hypervisor *hv = h->engine->hv;
    struct xf_hv_domain domain;
    g_autoptr(GError) why = NULL;

    if (unseen(h))
        xf_source_remembered(h);
    if (unseen(h)) {
        g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM,
                    "the domains of this host cannot be looked at");
        return COPY_UNKNOWN;
    }
    if (h->domid < 0)
        return COPY_GONE;
    if (hv->ops->info(hv, h->domid, &domain, &why))
        return memcmp(domain.uuid, h->uuid, XF_UUID_LEN) != 0 ? COPY_GONE
               : domain.dying                                 ? COPY_DYING
                                                              : COPY_HERE;
    if (g_error_matches(why, XF_ERROR, XF_ERROR_NO_DOMAIN))
        return COPY_GONE;
    g_propagate_error(err, g_steal_pointer(&why));
    return COPY_UNKNOWN;
}

/* -- source: telling that it is over -- */

/* Is it worth telling again?  Who has committed keeps that in its log until
 * it is told; what was revoked it forgets by itself after keep_ended. */
static gboolean
tell_again(struct xf_handoff *h, int tries)
{
    return xf_handoff_state(h) == XF_STATE_DONE || tries < SETTLED_TRIES;
}

static gboolean
remembered(const struct xf_handoff *h)
{
    return !h->forgotten;
}

/* Has a destination ever been named that would understand? */
static gboolean
has_peer(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    gboolean has = !h->foreign && h->peer_host && *h->peer_host;

    g_mutex_unlock(&h->lock);
    return has;
}

/* One that does not know the handoff denies it, but so can anyone on the way:
 * only the log that it had can say that there is nothing left to forget. */
static gboolean
tell_done(struct xf_handoff *h, enum xf_channel_msg *answer, GError **err)
{
    g_autoptr(GError) why = NULL;

    if (ask(h, XF_CHANNEL_SETTLED_DONE, answer, &why))
        return TRUE;
    if (h->peer_log && g_error_matches(why, XF_ERROR, XF_ERROR_DENIED))
        return ask_by(h, h->peer_log_key, XF_CHANNEL_SETTLED_DONE_LOG,
                      answer, err);
    g_propagate_error(err, g_steal_pointer(&why));
    return FALSE;
}

static gboolean
tell(struct xf_handoff *h, gboolean done, GError **err)
{
    enum xf_channel_msg answer;

    if (!(done ? tell_done(h, &answer, err)
               : ask(h, XF_CHANNEL_SETTLED, &answer, err)))
        return FALSE;
    if (answer != XF_MSG_OK)
        g_set_error(err, XF_ERROR, XF_ERROR_RPC, "it answered 0x%02x",
                    answer);
    return answer == XF_MSG_OK;
}

/* TRUE: told, or not to be told any more.  Of a cancelled one nothing depends
 * on it: who does not know that has nothing to forget. */
static gboolean
told(struct xf_handoff *h, int tries, GError **err)
{
    gboolean done = xf_handoff_state(h) == XF_STATE_DONE;
    g_autoptr(GError) why = NULL;

    if (!has_peer(h) || tell(h, done, &why) || !tell_again(h, tries))
        return TRUE;

    gboolean denied = g_error_matches(why, XF_ERROR, XF_ERROR_DENIED);

    if (denied && !done)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                "the destination %s:%u has not acknowledged that the domain "
                "is its own: %s%s%s", h->peer_host, h->peer_port,
                why->message,
                denied ? "; if it was installed anew, it never will: "
                         "xenferry resolve --assume-committed " : "",
                denied ? h->token : "");
    return FALSE;
}

static void
settled_thread(struct xf_handoff *h)
{
    guint pause_ms = 0;

    /* Stopping: the record stays, and the next start tells it. */
    for (int tries = 1; !xf_engine_stopping(h->engine); tries++) {
        g_autoptr(GError) err = NULL;

        XF_FAULT("settled-to-tell");

        gboolean ok = told(h, tries, &err);

        XF_FAULT("settled-told");
        g_mutex_lock(&h->lock);

        gboolean over = h->forgotten;   /* by its administrator */

        g_mutex_unlock(&h->lock);
        if (over || (ok && xf_handoff_forget(h)))
            break;
        if (err)
            g_message("handoff %s: %s", h->token, err->message);
        xf_handoff_back_off(h, &pause_ms, 0, remembered, err);
    }
}

void
xf_source_end(struct xf_handoff *h)
{
    /* What cannot be forgotten at once is tried again there, too. */
    if (has_peer(h) || !xf_handoff_forget(h))
        xf_engine_spawn(h, settled_thread);
}

/* -- source: acting on knowledge -- */

/* It was suspended, and has been resumed. */
static void
tell_resumed(struct xf_handoff *h)
{
    if (h->paused)
        xf_handoff_tell(h, XF_LIFE_SUSPENDED, XF_SUSPENDED_PAUSED, -1);
    else
        xf_handoff_tell(h, XF_LIFE_RESUMED, XF_RESUMED_MIGRATED,
                        XF_RUNNING_MIGRATION_CANCELED);
}

static gboolean
destroy(struct xf_handoff *h, GError **err)
{
    if (!xf_engine_destroy(h->engine, h->domid, err))
        return FALSE;
    xf_handoff_tell(h, XF_LIFE_STOPPED, XF_STOPPED_MIGRATED, -1);
    return TRUE;
}

/* As it was before Perform. */
static gboolean
run_on(struct xf_handoff *h, GError **err)
{
    struct xf_hypervisor *hv = h->engine->hv;
    struct xf_hv_domain domain;

    hv->ops->suspend_clean(hv, h->domid);
    if (!hv->ops->info(hv, h->domid, &domain, err))
        return FALSE;
    if (domain.suspended) {
        if (!hv->ops->resume(hv, h->domid, h->paused, err))
            return FALSE;
        tell_resumed(h);
        return TRUE;
    }
    /* Let run only so that it could suspend itself, and then we died. */
    return !h->paused || domain.paused
           || hv->ops->pause(hv, h->domid, err);
}

/* After a restart that found no record, one that ran on then is not known by
 * its domid.  It runs on as it does; what suspend() has left on it goes. */
static gboolean
clean_by_uuid(struct xf_handoff *h, GError **err)
{
    struct xf_hypervisor *hv = h->engine->hv;
    g_autoptr(GPtrArray) domains = hv->ops->list(hv, err);

    for (guint i = 0; domains && i < domains->len; i++) {
        const struct xf_hv_domain *domain = g_ptr_array_index(domains, i);

        if (memcmp(domain->uuid, h->uuid, XF_UUID_LEN) == 0
            && !domain->dying)
            hv->ops->suspend_clean(hv, domain->domid);
    }
    return domains != NULL;
}

static gboolean
act(struct xf_handoff *h, gboolean committed, GError **err)
{
    if (!committed && h->domid < 0)
        xf_source_remembered(h);

    enum presence copy = h->untouched ? COPY_GONE : look(h, err);

    if (copy == COPY_UNKNOWN)
        return FALSE;
    /* One that dies may have been left half destroyed. */
    if (committed)
        return (copy == COPY_GONE || destroy(h, err))
               && xf_source_left(h, err);
    if (h->domid < 0)
        return clean_by_uuid(h, err);
    return copy != COPY_HERE || h->let_be || run_on(h, err);
}

static gboolean
known_and_acted(struct xf_handoff *h, gboolean committed, GError **err)
{
    if (!xf_state_is_final(xf_handoff_state(h))
        && !xf_handoff_event(h, committed ? XF_EVENT_COMMITTED_KNOWN
                                          : XF_EVENT_REVOKED_KNOWN,
                             NULL, err))
        return FALSE;
    /* What was decided first stands, whoever comes with what. */
    committed = xf_handoff_state(h) == XF_STATE_DONE;
    xf_job_resumed(&h->job);
    if (!act(h, committed, err)) {
        g_prefix_error(err, "domain '%s' (domid %d, handoff %s) %s, but that "
                       "failed and is tried again: ", h->name, h->domid,
                       h->token,
                       committed ? "runs at the destination and was to be "
                                   "destroyed here"
                                 : "was to be resumed");
        return FALSE;
    }
    XF_FAULT("source-acted");
    xf_job_keep(h, committed  ? XF_JOB_COMPLETED
                   : h->abort ? XF_JOB_CANCELLED
                              : XF_JOB_FAILED);
    xf_handoff_acted(h);
    xf_source_end(h);
    return TRUE;
}

gboolean
xf_source_known(struct xf_handoff *h, gboolean committed, GError **err)
{
    if (!xf_handoff_act_begin(h))
        return TRUE;

    gboolean ok = known_and_acted(h, committed, err);

    xf_handoff_act_end(h);
    return ok;
}

/* -- source: asking -- */

/* What is asked: by the handoff's key, and by that of the log. */
static const struct question {
    enum xf_channel_purpose by_key, by_log;
} revoke_unless = { XF_CHANNEL_RESOLVE, XF_CHANNEL_RESOLVE_LOG },
  what_is_decided = { XF_CHANNEL_DECIDED, XF_CHANNEL_DECIDED_LOG };

/* "Revoked" is knowledge only from the decisions log that the destination
 * had when it prepared: else it may have committed, lost its memory, and be
 * told of the handoff anew by a client that comes twice.  "Committed" is
 * knowledge from whoever holds the handoff's key. */
static gboolean
ask_another_log(struct xf_handoff *h, const struct question *question,
                enum xf_channel_msg *answer, GError **err)
{
    g_autoptr(GError) why = NULL;

    if (ask(h, question->by_key, answer, &why)
        && *answer == XF_MSG_COMMITTED)
        return TRUE;
    if (why && !g_error_matches(why, XF_ERROR, XF_ERROR_DENIED)) {
        g_propagate_error(err, g_steal_pointer(&why));
        return FALSE;
    }
    g_set_error(err, XF_ERROR, XF_ERROR_IN_DOUBT,
                "it does not know that it committed, and its decisions log "
                "is not the one it had (%s): only an administrator can tell "
                "whether the domain has run there", h->peer_log);
    return FALSE;
}

static gboolean
ask_without_log(struct xf_handoff *h, const struct question *question,
                enum xf_channel_msg *answer, GError **err)
{
    if (ask(h, question->by_key, answer, err))
        return TRUE;
    if (err && g_error_matches(*err, XF_ERROR, XF_ERROR_DENIED)) {
        g_clear_error(err);
        g_set_error(err, XF_ERROR, XF_ERROR_IN_DOUBT,
                    "it does not know the handoff, and it keeps no decisions "
                    "log: only an administrator can tell whether the domain "
                    "has run there");
    }
    return FALSE;
}

static gboolean
ask_to_resolve(struct xf_handoff *h, enum presence copy,
               enum xf_channel_msg *answer, GError **err)
{
    const struct question *question =
        copy == COPY_HERE ? &revoke_unless : &what_is_decided;
    g_autoptr(GError) why = NULL;

    if (!h->peer_log)
        return ask_without_log(h, question, answer, err);
    if (ask_by(h, h->peer_log_key, question->by_log, answer, &why))
        return TRUE;
    if (g_error_matches(why, XF_ERROR, XF_ERROR_DENIED))
        return ask_another_log(h, question, answer, err);
    g_propagate_error(err, g_steal_pointer(&why));
    return FALSE;
}

/* TRUE: answered.  An answer that cannot be one counts as none. */
static gboolean
resolve_once(struct xf_handoff *h, gboolean *committed, GError **err)
{
    enum xf_channel_msg answer;
    g_autoptr(GError) why = NULL;
    enum presence copy = look(h, &why);

    if (XF_FAULT_FAILS("resolve", err)
        || !ask_to_resolve(h, copy, &answer, err))
        return FALSE;
    XF_FAULT("resolve-answered");
    *committed = answer == XF_MSG_COMMITTED;
    if (*committed || answer == XF_MSG_REVOKED)
        return TRUE;
    if (answer == XF_MSG_RECEIVED && copy == COPY_UNKNOWN)
        g_set_error(err, XF_ERROR, XF_ERROR_IN_DOUBT,
                    "it has a complete copy, paused, and this host cannot "
                    "tell whether its own is still there: %s", why->message);
    else if (answer == XF_MSG_RECEIVED)
        g_set_error(err, XF_ERROR, XF_ERROR_IN_DOUBT,
                    "it has the only copy left, complete and paused; to let "
                    "it run, there: xenferry resolve --assume-committed %s",
                    h->token);
    else if (answer == XF_MSG_UNDECIDED)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_IN_DOUBT,
                            "it has no complete copy yet, and has not "
                            "decided");
    else
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "the destination answered 0x%02x", answer);
    return FALSE;
}

static gboolean
undecided(const struct xf_handoff *h)
{
    return !xf_state_is_final(h->state);
}

/* FALSE: it is decided, or will be by its administrator: a question that sets
 * out now could have the copy revoked that he has seen at the destination. */
static gboolean
question_begins(struct xf_handoff *h, GError **err)
{
    g_mutex_lock(&h->lock);
    h->questioning = !h->forcing && !xf_state_is_final(h->state);

    gboolean may = h->questioning;

    g_mutex_unlock(&h->lock);
    if (!may)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_IN_DOUBT,
                            "its administrator decides");
    return may;
}

static void
question_ends(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);
    h->questioning = FALSE;
    g_cond_broadcast(&h->changed);
    g_mutex_unlock(&h->lock);
}

/* Told that it was revoked, the destination destroys its copy.  Where there is
 * none here any more, and the destination cannot be asked, the domain may only
 * be meant to be started anew. */
static gboolean
not_the_last(struct xf_handoff *h, GError **err)
{
    enum xf_channel_msg answer;
    enum presence copy = look(h, err);

    if (copy == COPY_UNKNOWN)
        return FALSE;
    if (copy == COPY_HERE || !has_peer(h)
        || !ask(h, XF_CHANNEL_DECIDED, &answer, NULL)
        || (answer != XF_MSG_RECEIVED && answer != XF_MSG_COMMITTED))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "host %s has no copy of domain '%s' any more, and %s has one, "
                "%s: taken for revoked, the last one would be destroyed",
                h->engine->hostname, h->name, h->peer_host,
                answer == XF_MSG_COMMITTED
                    ? "which runs"
                    : "complete and paused; to let it run, there: xenferry "
                      "resolve --assume-committed");
    return FALSE;
}

gboolean
xf_source_force(struct xf_handoff *h, gboolean committed, GError **err)
{
    g_mutex_lock(&h->lock);
    h->forcing = TRUE;
    while (h->questioning && !xf_engine_stopping(h->engine))
        xf_handoff_wait(h, g_get_monotonic_time() + G_USEC_PER_SEC);
    g_mutex_unlock(&h->lock);

    gboolean ok = (committed || not_the_last(h, err))
                  && xf_source_known(h, committed, err);

    g_mutex_lock(&h->lock);
    h->forcing = FALSE;
    g_mutex_unlock(&h->lock);
    return ok;
}

/* TRUE: settled. */
static gboolean
ask_and_act(struct xf_handoff *h, GError **err)
{
    gboolean committed;

    if (!question_begins(h, err))
        return FALSE;

    gboolean ok = resolve_once(h, &committed, err)
                  && xf_source_known(h, committed, err);

    question_ends(h);
    return ok;
}

/* Until it is answered and the answer is written down, or the engine stops:
 * then the record says in-doubt, and the next start asks on. */
static void
resolve_thread(struct xf_handoff *h)
{
    guint pause_ms = 0;

    while (!xf_engine_stopping(h->engine)
           && !xf_state_is_final(xf_handoff_state(h))) {
        g_autoptr(GError) err = NULL;

        if (ask_and_act(h, &err))
            break;
        g_message("handoff %s: domain '%s' is in doubt, asking %s:%u again: "
                  "%s", h->token, h->name, h->peer_host, h->peer_port,
                  err->message);
        xf_handoff_back_off(h, &pause_ms, 0, undecided, err);
    }
    xf_handoff_ask_end(h);
}

static void
set_in_doubt(struct xf_handoff *h, GError **err)
{
    g_autofree char *advice = h->foreign ? xf_foreign_advice(h) : NULL;

    if (h->foreign) {
        /* A client that goes is no doubt yet while Perform still waits. */
        if (err || !h->busy)
            g_warning("handoff %s: domain '%s' is suspended here and in "
                      "doubt: %s", h->token, h->name, advice);
        g_set_error(err, XF_ERROR, XF_ERROR_IN_DOUBT,
                    "domain '%s' is suspended here and in doubt: %s on host "
                    "%s was given leave to run it and did not report "
                    "(handoff %s), and cannot be asked.  To settle it, %s",
                    h->name, h->foreign, h->peer_host, h->token, advice);
        return;
    }
    g_set_error(err, XF_ERROR, XF_ERROR_IN_DOUBT,
                "domain '%s' is %s here and in doubt: the destination "
                "%s:%u does not say whether it runs there (handoff %s)%s%s; "
                "it is asked again until it answers.  To settle it: xenferry "
                "resolve %s", h->name, h->domid < 0 ? "gone" : "suspended",
                h->peer_host, h->peer_port, h->token,
                h->trouble ? ": " : "", h->trouble ? h->trouble : "",
                h->token);
}

gboolean
xf_source_settle(struct xf_handoff *h, guint wait_ms, gboolean *committed,
                 GError **err)
{
    gint64 until = g_get_monotonic_time() + (gint64)wait_ms * 1000;

    *committed = FALSE;
    if (xf_is_stock(h)) {
        xf_stock_set_doubt(h, err);
        return FALSE;
    }
    if (!h->foreign && xf_handoff_ask_begin(h))
        xf_engine_spawn(h, resolve_thread);
    g_mutex_lock(&h->lock);
    while (!h->foreign && !(xf_state_is_final(h->state) && h->acted)
           && g_get_monotonic_time() < until
           && !xf_engine_stopping(h->engine))
        xf_handoff_wait(h, until);

    gboolean known = xf_state_is_final(h->state) && h->acted;

    *committed = h->state == XF_STATE_DONE;
    if (!known)
        set_in_doubt(h, err);
    g_mutex_unlock(&h->lock);
    return known;
}

/* -- destination: asking -- */

gboolean
xf_dest_ask(struct xf_handoff *h, gboolean *holds, GError **err)
{
    enum xf_channel_msg answer;

    if (xf_is_stock(h)) {
        xf_stock_set_doubt(h, err);
        return FALSE;
    }
    /* It keeps its copy until it is told that ours was committed. */
    if (h->foreign) {
        *holds = TRUE;
        return TRUE;
    }
    if (XF_FAULT_FAILS("ask-source", err)
        || !ask(h, XF_CHANNEL_ASK_SOURCE, &answer, err))
        return FALSE;
    *holds = answer == XF_MSG_HOLDS;
    if (*holds || answer == XF_MSG_LET_GO)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_RPC, "the source answered 0x%02x",
                answer);
    return FALSE;
}

/* -- answers -- */

static gboolean
forced(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    gboolean is = h->forcing;

    g_mutex_unlock(&h->lock);
    return is;
}

/* What the source says when the destination asks whether it has its copy; 0:
 * nobody can tell now. */
static enum xf_channel_msg
source_holds(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;
    enum presence copy = xf_handoff_state(h) == XF_STATE_DONE
                             ? COPY_GONE : look(h, &err);

    /* He may decide that it does not hold it any more. */
    if (forced(h))
        return 0;
    if (copy == COPY_UNKNOWN) {
        g_message("handoff %s: the destination asks whether domain '%s' is "
                  "still here: %s", h->token, h->name, err->message);
        return 0;
    }
    return copy == COPY_HERE ? XF_MSG_HOLDS : XF_MSG_LET_GO;
}

void
xf_settle_answer(struct xf_handoff *h, enum xf_channel_purpose purpose,
                 int fd)
{
    g_autoptr(GError) err = NULL;
    enum xf_channel_msg answer = XF_MSG_OK;

    if (purpose == XF_CHANNEL_RESOLVE)
        answer = xf_dest_resolve(h);
    else if (purpose == XF_CHANNEL_DECIDED)
        answer = xf_dest_decided(h);
    else if (purpose == XF_CHANNEL_ASK_SOURCE)
        answer = source_holds(h);
    else if (!xf_dest_settled(h, purpose == XF_CHANNEL_SETTLED_DONE))
        answer = 0;
    XF_FAULT_FD("answer-to-send", fd);
    /* Not delivered: the peer asks again. */
    if (answer && !xf_channel_send(fd, answer, &err))
        g_message("handoff %s: %s", h->token, err->message);
}
