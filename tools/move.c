/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tools/move.h"

#include <string.h>

struct xf_move {
    struct xf_cli *cli;
    const struct xf_move_request *request;
    struct xf_conn *source, *destination;
    struct xf_domain_ref *dom;      /* at the source */
    gboolean was_paused;            /* by its administrator, at the start */
    gboolean was_off;               /* not running, at the start */
    gboolean records;               /* the source is one of ours */
    struct xf_job_info before;      /* the source's last job, at the start */
    gboolean sent;                  /* Perform was begun; sequence's thread */
    const char *protocol;           /* taken; sequence's thread */

    GMutex lock;
    GCond changed;
    gboolean abort;     /* under lock: the user wants it stopped */
    gboolean ended;     /* under lock: the sequence has returned */

    GMutex ui_lock;     /* one call to the ui at a time */
};

struct xf_move *
xf_move_new(struct xf_cli *cli, const struct xf_move_request *request)
{
    struct xf_move *move = g_new0(struct xf_move, 1);

    move->cli = cli;
    move->request = request;
    g_mutex_init(&move->lock);
    g_cond_init(&move->changed);
    g_mutex_init(&move->ui_lock);
    return move;
}

void
xf_move_free(struct xf_move *move)
{
    if (!move)
        return;
    xf_conn_close(move->source);
    xf_conn_close(move->destination);
    xf_domain_ref_free(move->dom);
    g_mutex_clear(&move->lock);
    g_cond_clear(&move->changed);
    g_mutex_clear(&move->ui_lock);
    g_free(move);
}

void
xf_move_report_clear(struct xf_move_report *report)
{
    g_clear_error(&report->error);
    g_clear_pointer(&report->source, xf_domain_ref_free);
    g_clear_pointer(&report->destination, xf_domain_ref_free);
}

void
xf_move_abort(struct xf_move *move)
{
    g_mutex_lock(&move->lock);
    move->abort = TRUE;
    g_cond_broadcast(&move->changed);
    g_mutex_unlock(&move->lock);
    g_mutex_lock(&move->ui_lock);
    move->request->ui->stopping(move->request->user);
    g_mutex_unlock(&move->ui_lock);
}

static void
tell_note(struct xf_move *move, const char *text)
{
    g_mutex_lock(&move->ui_lock);
    move->request->ui->note(move->request->user, text);
    g_mutex_unlock(&move->ui_lock);
}

static void
tell_phase(void *user, const char *phase)
{
    struct xf_move *move = user;

    move->sent |= strcmp(phase, "perform") == 0;
    g_mutex_lock(&move->ui_lock);
    move->request->ui->phase(move->request->user, phase);
    g_mutex_unlock(&move->ui_lock);
}

static void
note_protocol(void *user, const char *name)
{
    struct xf_move *move = user;

    move->protocol = name;
}

static void
tell_job(struct xf_move *move, const struct xf_job_info *info)
{
    g_mutex_lock(&move->ui_lock);
    move->request->ui->job(move->request->user, info);
    g_mutex_unlock(&move->ui_lock);
}

/* Is the source alone asked, and does all of it? */
static gboolean
left_to_source(const struct xf_move *move)
{
    return move->request->direct || move->request->p2p;
}

/* -- before: both hosts are reached, and are two -- */

/* The same host twice?  Its name alone is no proof (two hosts may both be
 * called "localhost"), the same domain under the same id there is. */
static gboolean
refuse_same_host(struct xf_move *move, GError **err)
{
    struct xf_conn *to = move->destination;
    g_autofree char *from_name =
        move->source->driver->get_hostname(move->source, err);
    g_autofree char *to_name =
        from_name ? to->driver->get_hostname(to, err) : NULL;
    XF_AUTO(xf_domain_ref) *there = NULL;

    if (!to_name)
        return FALSE;
    if (strcmp(from_name, to_name) != 0)
        return TRUE;
    there = to->driver->lookup_by_uuid(to, move->dom->uuid, NULL);
    if (!there || there->id < 0 || there->id != move->dom->id)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "%s leads to the host that the domain is on already (%s); "
                "name another host", move->request->destination, to_name);
    return FALSE;
}

/* It moves a definition, and no guest waits for what becomes of that. */
static gboolean
is_offline(const struct xf_move *move)
{
    return (move->request->flags & XF_MIGRATE_OFFLINE) != 0;
}

/* A source that refused it in Perform would leave the question where the
 * guest is, though none was to be moved. */
static gboolean
check_runs(struct xf_move *move, GError **err)
{
    move->was_off = move->dom->id < 0;
    if (!move->was_off || is_offline(move))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "domain '%s' is not running; its definition alone moves with "
                "--offline --persistent", move->dom->name);
    return FALSE;
}

/* Asked before anything is: afterwards it may not answer. */
static gboolean
ask_kind(struct xf_move *move, GError **err)
{
    struct xf_conn *conn = move->source;
    int ours = conn->driver->supports_feature(conn, XF_FEATURE_XENFERRY, err);

    move->records = ours > 0;
    return ours >= 0;
}

static gboolean
connect_both(struct xf_move *move, GError **err)
{
    const struct xf_move_request *request = move->request;
    struct xf_domain_info info;

    move->source = xf_cli_connect(move->cli, move->cli->uri, err);
    if (!move->source)
        return FALSE;
    move->dom = xf_cli_find_domain(move->source, request->domain, err);
    if (!move->dom
        || !move->source->driver->domain_info(move->source, move->dom, &info,
                                           err)
        || !check_runs(move, err) || !ask_kind(move, err))
        return FALSE;
    move->was_paused = info.state == XF_DOMAIN_PAUSED;
    /* One that cannot be asked says nothing of its jobs afterwards either. */
    move->source->driver->job_info(move->source, move->dom, TRUE,
                                   &move->before, NULL);
    if (left_to_source(move))
        return TRUE;
    move->destination =
        xf_cli_connect(move->cli, request->destination, err);
    return move->destination && refuse_same_host(move, err);
}

/* -- meanwhile: the watcher -- */

static gboolean
job_active(const struct xf_job_info *info)
{
    return info->type == XF_JOB_BOUNDED || info->type == XF_JOB_UNBOUNDED;
}

/* Shows the job every poll_ms; once the user wants it stopped, tells the
 * source, again at each look until a running job has heard it. */
static gpointer
watch(gpointer user)
{
    struct xf_move *move = user;
    struct xf_conn *conn = move->source;
    gboolean heard = FALSE;

    g_mutex_lock(&move->lock);
    while (!move->ended) {
        gint64 until = g_get_monotonic_time()
                       + move->request->poll_ms * G_TIME_SPAN_MILLISECOND;
        gboolean aborting = move->abort && !heard;
        struct xf_job_info info = { 0 };

        g_mutex_unlock(&move->lock);
        /* Not being told how far it is is no reason to stop it. */
        conn->driver->job_info(conn, move->dom, FALSE, &info, NULL);
        tell_job(move, &info);
        if (aborting)
            heard = conn->driver->abort_job(conn, move->dom, NULL)
                    && job_active(&info);
        g_mutex_lock(&move->lock);
        while (!move->ended && (heard || aborting || !move->abort)
               && g_cond_wait_until(&move->changed, &move->lock, until))
            ;
    }
    g_mutex_unlock(&move->lock);
    return NULL;
}

/* What became of it when all is well: nobody there is asked. */
static struct xf_domain_ref *
as_sent(const struct xf_move *move)
{
    const struct xf_move_request *request = move->request;

    return xf_domain_ref_new(request->dname ? request->dname
                                            : move->dom->name,
                             move->dom->uuid, -1);
}

static gboolean
source_offers(struct xf_move *move, enum xf_feature feature,
              const char *lacks, GError **err)
{
    struct xf_conn *conn = move->source;
    int can = conn->driver->supports_feature(conn, feature, err);

    if (can == 0)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_NO_SUPPORT, lacks);
    return can > 0;
}

/* Which Performs the source has; FALSE: it does not say. */
static gboolean
ask_performs(struct xf_move *move, gboolean *v3, gboolean *params,
             GError **err)
{
    struct xf_conn *conn = move->source;
    int has = conn->driver->supports_feature(
        conn, XF_FEATURE_MIGRATION_PARAMS, err);
    int plain = has < 0 ? -1 : conn->driver->supports_feature(
        conn, XF_FEATURE_MIGRATION_V3, err);

    *params = has > 0;
    *v3 = has > 0 || plain > 0;
    return plain >= 0;
}

/* What a Perform has no place for would be dropped in silence. */
static gboolean
check_carried(const struct xf_migrate_args *args, gboolean v3,
              gboolean params, GError **err)
{
    const char *what = args->persist_xml && !params
                           ? "an XML of its own to be stored "
                             "(--persistent-xml)"
                       : args->xml && !v3 ? "an XML of its own (--xml)"
                       : args->uri && args->dconnuri && !v3
                           ? "a migration uri (--uri)"
                           : NULL;

    if (!what)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                "the source cannot be told of %s: it does not offer protocol "
                "%s; leave it out", what,
                v3 || args->persist_xml ? "v3-params" : "v3");
    return FALSE;
}

/* The newest Perform there is; that of v1 and v2 has one uri alone. */
static gboolean
perform(struct xf_move *move, const struct xf_migrate_args *args,
        GError **err)
{
    struct xf_conn *conn = move->source;
    struct xf_migrate_args old = *args;
    g_autoptr(GBytes) cookie = NULL;
    gboolean v3, params;

    if (!ask_performs(move, &v3, &params, err)
        || !check_carried(args, v3, params, err))
        return FALSE;
    tell_phase(move, "perform");
    if (v3)
        return conn->driver->perform3(conn, move->dom, args, &cookie, err);
    if (args->dconnuri)
        old.uri = args->dconnuri;
    old.dconnuri = NULL;
    return conn->driver->perform(conn, move->dom, &old, err);
}

/* Perform alone, as virsh migrate --direct and --p2p have it. */
static struct xf_domain_ref *
run_perform(struct xf_move *move, enum xf_protocols protocol,
            const struct xf_migrate_args *args, GError **err)
{
    note_protocol(move, xf_protocol_name(protocol));
    return perform(move, args, err) ? as_sent(move) : NULL;
}

static struct xf_domain_ref *
run_direct(struct xf_move *move, GError **err)
{
    const struct xf_move_request *request = move->request;
    const struct xf_migrate_args args = {
        .flags = request->flags,
        .dname = request->dname,
        .xml = request->xml,
        .persist_xml = request->persist_xml,
        .uri = request->destination,
        .bandwidth = request->bandwidth,
    };

    return source_offers(move, XF_FEATURE_MIGRATION_DIRECT,
                         "the source cannot migrate to a host that has only "
                         "xl: it has no direct migration, or does not offer "
                         "it", err)
               ? run_perform(move, XF_PROTOCOL_DIRECT, &args, err) : NULL;
}

static struct xf_domain_ref *
run_p2p(struct xf_move *move, GError **err)
{
    const struct xf_move_request *request = move->request;
    const struct xf_migrate_args args = {
        .flags = request->flags | XF_MIGRATE_PEER2PEER,
        .dname = request->dname,
        .dconnuri = request->destination,
        .uri = request->uri,
        .xml = request->xml,
        .persist_xml = request->persist_xml,
        .bandwidth = request->bandwidth,
    };

    return source_offers(move, XF_FEATURE_MIGRATION_P2P,
                         "the source does not migrate peer-to-peer, or does "
                         "not offer it; leave --p2p out", err)
               ? run_perform(move, XF_PROTOCOL_P2P, &args, err) : NULL;
}

static struct xf_domain_ref *
run_protocol(struct xf_move *move, const struct xf_sequence_request *request,
             GError **err)
{
    return move->request->direct ? run_direct(move, err)
           : move->request->p2p  ? run_p2p(move, err)
               : xf_sequence_run(move->source, move->dom, move->destination,
                                 request, err);
}

static struct xf_domain_ref *
run_sequence(struct xf_move *move, GError **err)
{
    const struct xf_move_request *request = move->request;
    const struct xf_sequence_request sequence = {
        .flags = request->flags,
        .dname = request->dname,
        .xml = request->xml,
        .persist_xml = request->persist_xml,
        .uri = request->uri,
        .bandwidth = request->bandwidth,
        .protocol = request->protocol,
        .chosen = note_protocol,
        .phase = tell_phase,
        .user = move,
    };
    GThread *watcher = g_thread_new("watch", watch, move);
    struct xf_domain_ref *dom = run_protocol(move, &sequence, err);

    g_mutex_lock(&move->lock);
    move->ended = TRUE;
    g_cond_broadcast(&move->changed);
    g_mutex_unlock(&move->lock);
    g_thread_join(watcher);
    return dom;
}

/* -- after an error: where is the guest? -- */

/* Connections that gave an error may be dead; a fresh one is made when the
 * old one does not answer. */
static struct xf_conn *
revive(struct xf_move *move, struct xf_conn **conn, const char *uri)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *name = NULL;

    if (*conn)
        name = (*conn)->driver->get_hostname(*conn, &err);
    if (!name) {
        g_clear_pointer(conn, xf_conn_close);
        *conn = move->cli->open(uri, NULL);
    }
    return *conn;
}

/* It runs, or is paused by somebody and not for the migration. */
static gboolean
settled(const struct xf_move *move, const struct xf_domain_info *info)
{
    if (info->state == XF_DOMAIN_PAUSED)
        return info->reason == XF_PAUSED_USER
               || (move->was_paused && info->reason != XF_PAUSED_MIGRATION);
    return info->state == XF_DOMAIN_RUNNING
           || info->state == XF_DOMAIN_BLOCKED
           || info->state == XF_DOMAIN_NOSTATE;
}

/* Is the guest the source's, and is nothing under way with it any more?  A
 * guest that is paused because of the migration is nobody's yet. */
static enum xf_move_place
look_at_source(struct xf_move *move)
{
    struct xf_conn *conn = revive(move, &move->source, move->cli->uri);
    g_autoptr(GError) err = NULL;
    struct xf_domain_info info = { 0 };
    struct xf_job_info job = { 0 };

    if (!conn)
        return XF_MOVE_SILENT;
    if (!conn->driver->domain_info(conn, move->dom, &info, &err))
        return g_error_matches(err, XF_ERROR, XF_ERROR_NO_DOMAIN)
                   ? XF_MOVE_GONE : XF_MOVE_SILENT;
    /* Its definition is left, or one that will never run again. */
    if (info.state == XF_DOMAIN_SHUTOFF || info.state == XF_DOMAIN_SHUTDOWN
        || info.state == XF_DOMAIN_CRASHED)
        return XF_MOVE_GONE;
    if (!conn->driver->job_info(conn, move->dom, FALSE, &job, NULL)
        || job_active(&job))
        return XF_MOVE_WAITS;
    return settled(move, &info) ? XF_MOVE_HERE : XF_MOVE_WAITS;
}

/* How this migration ended, as the source knows it; XF_JOB_NONE: it has not
 * said so yet.  What it says may still be of an earlier one. */
static enum xf_job_type
source_verdict(struct xf_move *move)
{
    struct xf_conn *conn = move->source;
    struct xf_job_info job = { 0 };

    if (!conn->driver->job_info(conn, move->dom, TRUE, &job, NULL)
        || (job.type == move->before.type
            && job.time_elapsed == move->before.time_elapsed
            && job.mem_processed == move->before.mem_processed
            && job.wire_bytes == move->before.wire_bytes))
        return XF_JOB_NONE;
    return job.type;
}

/* 1: a copy of the guest is at the destination; 0: none is; -1: it does not
 * say. */
static int
find_copy(struct xf_move *move, struct xf_domain_ref **dom)
{
    struct xf_conn *conn =
        revive(move, &move->destination, move->request->destination);
    g_autoptr(GError) err = NULL;

    *dom = conn ? conn->driver->lookup_by_uuid(conn, move->dom->uuid, &err)
                : NULL;
    if (!*dom)
        return g_error_matches(err, XF_ERROR, XF_ERROR_NO_DOMAIN) ? 0 : -1;
    return (*dom)->id >= 0;
}

/* The guest under its final name: only a committed copy has that. */
static struct xf_domain_ref *
look_at_destination(struct xf_move *move)
{
    /* The source destroys its copy only when it knows that it has moved. */
    if (left_to_source(move))
        return source_verdict(move) == XF_JOB_COMPLETED ? as_sent(move)
                                                        : NULL;

    const char *name =
        move->request->dname ? move->request->dname : move->dom->name;
    XF_AUTO(xf_domain_ref) *dom = NULL;

    if (find_copy(move, &dom) != 1 || strcmp(dom->name, name) != 0)
        return NULL;
    return g_steal_pointer(&dom);
}

/* Does the source say that it has no handoff of this guest? */
static gboolean
no_handoff(struct xf_move *move)
{
    struct xf_conn *conn = move->source;
    g_autoptr(GPtrArray) infos =
        conn->driver->list_handoffs ? conn->driver->list_handoffs(conn, NULL)
                                    : NULL;
    char uuid[XF_UUID_STRING_LEN + 1];

    xf_uuid_format(move->dom->uuid, uuid);
    for (guint i = 0; infos && i < infos->len; i++) {
        const struct xf_handoff_info *info = infos->pdata[i];

        if (strcmp(info->uuid, uuid) == 0)
            return FALSE;
    }
    return infos != NULL;
}

/* The source has no copy any more; did the guest end by itself?  It did when
 * the source knows that nothing was committed, has nothing left to find out,
 * and no copy is at the destination, looked for after that.  What cannot be
 * seen is no proof. */
static gboolean
ended_by_itself(struct xf_move *move)
{
    enum xf_job_type verdict = source_verdict(move);
    XF_AUTO(xf_domain_ref) *dom = NULL;

    return (verdict == XF_JOB_FAILED || verdict == XF_JOB_CANCELLED)
           && no_handoff(move)
           && (left_to_source(move) || find_copy(move, &dom) == 0);
}

/* Waits for the next look, unless it would be too late for one. */
static gboolean
wait_until(struct xf_move *move, gint64 deadline)
{
    gint64 next = g_get_monotonic_time()
                  + move->request->poll_ms * G_TIME_SPAN_MILLISECOND;

    if (next > deadline)
        return FALSE;
    g_usleep(move->request->poll_ms * 1000);
    return TRUE;
}

static void
find_guest(struct xf_move *move, struct xf_move_report *report)
{
    gint64 deadline = g_get_monotonic_time()
                      + move->request->settle_ms * G_TIME_SPAN_MILLISECOND;
    gboolean told = FALSE;

    for (;;) {
        enum xf_move_place place = look_at_source(move);

        if (place == XF_MOVE_HERE) {
            report->result = XF_MOVE_FAILED;
            return;
        }
        if (place == XF_MOVE_GONE
            && (report->destination = look_at_destination(move))) {
            report->result = XF_MOVE_MOVED;
            return;
        }
        if (place == XF_MOVE_GONE && ended_by_itself(move)) {
            report->result = XF_MOVE_FAILED;
            report->ended = TRUE;
            return;
        }
        if (!told)
            tell_note(move, "the migration went wrong; asking the hosts "
                            "where the guest is");
        told = TRUE;
        report->place = place;
        if (!wait_until(move, deadline))
            break;
    }
    report->result = XF_MOVE_IN_DOUBT;
}

/* The sequence has left it in doubt, at a libvirtd: that says "running" of a
 * copy that it has suspended, and goes on saying so. */
static gboolean
left_in_doubt(struct xf_move *move, struct xf_move_report *report)
{
    if (move->records
        || !g_error_matches(report->error, XF_ERROR, XF_ERROR_IN_DOUBT))
        return FALSE;
    report->result = XF_MOVE_IN_DOUBT;
    report->place = XF_MOVE_WAITS;
    report->by_hand = TRUE;
    return TRUE;
}

/* -- the end -- */

/* The hosts' own figures.  The source has counted the bytes, and has seen
 * the guest stop; what it does not know may be known over there. */
static void
collect_figures(struct xf_move *move, struct xf_move_report *report)
{
    struct xf_conn *from = move->source, *to = move->destination;
    struct xf_job_info there = { 0 };

    if (!from->driver->job_info(from, move->dom, TRUE, &report->job, NULL))
        memset(&report->job, 0, sizeof(report->job));
    if (!to || report->job.downtime
        || !to->driver->job_info(to, report->destination, TRUE, &there, NULL))
        return;
    report->job.downtime = there.downtime;
}

void
xf_move_run(struct xf_move *move, struct xf_move_report *report)
{
    gint64 start;

    memset(report, 0, sizeof(*report));
    report->result = XF_MOVE_FAILED;
    report->started = connect_both(move, &report->error);
    report->source = move->dom ? xf_domain_ref_copy(move->dom) : NULL;
    report->paused = move->was_paused;
    report->stored = move->was_off;
    if (!report->started)
        return;
    start = g_get_monotonic_time();
    report->destination = run_sequence(move, &report->error);
    report->protocol = move->protocol;
    report->total_ms =
        (g_get_monotonic_time() - start) / G_TIME_SPAN_MILLISECOND;
    if (report->destination)
        report->result = XF_MOVE_MOVED;
    else if (move->sent && !is_offline(move)
             && !left_in_doubt(move, report))
        find_guest(move, report);
    /* else no byte of the guest has left: it is where it was */
    g_mutex_lock(&move->lock);
    report->stopped = move->abort;
    g_mutex_unlock(&move->lock);
    if (report->result == XF_MOVE_MOVED)
        collect_figures(move, report);
}
