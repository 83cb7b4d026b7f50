/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The source side, in the order it runs: Begin takes the domain, Perform
 * streams it and hands it over, Confirm ends it.  What follows once the end
 * of the stream has been sent is in engine-settle.c.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"
#include "protocol/uri.h"

#include <string.h>
#include <sys/random.h>


static void
random_bytes(void *out, gsize len)
{
    for (gsize got = 0; got < len;) {
        gssize r = getrandom((guint8 *)out + got, len - got, 0);

        if (r > 0)
            got += r;
    }
}

static void
new_token(char *token)
{
    guint8 bits[XF_TOKEN_LEN / 2];

    random_bytes(bits, sizeof(bits));
    xf_hex_format(bits, sizeof(bits), token);
}

void
xf_handoff_secrets(char *token, guint8 *key)
{
    new_token(token);
    random_bytes(key, XF_KEY_LEN);
}

GBytes *
xf_source_cookie(struct xf_handoff *h, gboolean with_key)
{
    struct xf_engine *engine = h->engine;
    struct xf_cookie cookie = {
        .name = h->name,
        .hostname = engine->hostname,
        .stream_version = XF_STREAM_VERSION,
        .has_key = with_key,
        .address = engine->channel_host,
        .port = xf_engine_channel_port(engine),
        .origin = h->origin,
    };

    memcpy(cookie.uuid, h->uuid, XF_UUID_LEN);
    memcpy(cookie.key, h->key, XF_KEY_LEN);
    memcpy(cookie.token, h->token, sizeof(cookie.token));
    g_mutex_lock(&h->lock);
    cookie.state = (char *)xf_state_name(h->state);
    g_mutex_unlock(&h->lock);
    return xf_cookie_format(&cookie);
}

static struct xf_handoff *
find(struct xf_engine *engine, const struct xf_domain_ref *dom, GError **err)
{
    struct xf_handoff *h = xf_engine_by_uuid(engine, XF_SOURCE, dom->uuid);

    if (!h)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' has no migration under way; start with "
                    "Begin", dom->name);
    return h;
}

static gboolean
check_cookie(const struct xf_handoff *h, const struct xf_cookie *cookie,
             GError **err)
{
    if (strcmp(cookie->token, h->token) == 0 && cookie->has_key
        && xf_secret_equal(cookie->key, h->key, XF_KEY_LEN))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "the cookie belongs to another migration than the one of "
                "domain '%s' (handoff %s)", h->name, h->token);
    return FALSE;
}

/* From now on it belongs to `conn`, unless another's Perform is running; if
 * that has gone already, to nobody, which it hears of.  Of the flags the one
 * counts that acts at the end. */
static void
own(struct xf_handoff *h, struct xf_conn *conn, guint32 flags)
{
    g_mutex_lock(&h->lock);

    gboolean left = !h->busy && xf_conn_gone(conn);

    if (!h->busy)
        h->owner = left ? NULL : conn;
    if (flags & XF_MIGRATE_UNDEFINE_SOURCE)
        h->undefine = TRUE;
    g_mutex_unlock(&h->lock);
    if (left)
        xf_source_client_gone(h);
}

/* Only a client that is still there can go on with it. */
static gboolean
owned(struct xf_handoff *h, const struct xf_conn *conn)
{
    g_mutex_lock(&h->lock);

    gboolean is = h->owner == conn;

    g_mutex_unlock(&h->lock);
    return is;
}

/* -- Begin -- */

struct xf_handoff *
xf_source_new(struct xf_engine *engine, struct xf_conn *conn,
              const struct xf_domain_ref *dom, const char *token,
              const guint8 *key, GError **err)
{
    struct xf_hv_domain domain;
    struct xf_handoff *h;

    if (!xf_engine_domain(engine, dom->uuid, &domain, err))
        return NULL;
    h = xf_handoff_new(engine, XF_SOURCE, token, key, domain.uuid,
                       domain.name);
    h->domid = domain.domid;
    h->owner = conn;
    h->untouched = TRUE;
    return h;
}

/* The client's, if the guest cannot tell it from its own. */
static char *
destination_xml(struct xf_engine *engine, int domid,
                const struct xf_migrate_args *args, GError **err)
{
    const struct xf_hypervisor_ops *ops = engine->hv->ops;

    if (!args->xml)
        return ops->describe(engine->hv, domid,
                             XF_XML_SECURE | XF_XML_MIGRATABLE, err);
    if (ops->same_guest
        && !ops->same_guest(engine->hv, domid, args->xml, args->dname, err))
        return NULL;
    return g_strdup(args->xml);
}

char *
xf_source_take(struct xf_handoff *h, struct xf_conn *conn,
               const struct xf_migrate_args *args, GError **err)
{
    struct xf_engine *engine = h->engine;
    const struct xf_hypervisor_ops *ops = engine->hv->ops;
    g_autofree char *xml = NULL;

    h->undefine = (args->flags & XF_MIGRATE_UNDEFINE_SOURCE) != 0;
    /* Taken first: two callers cannot both pass the checks below. */
    if (!xf_engine_add(engine, h, err))
        return NULL;
    if (xf_room_for_decisions(engine, err)
        && ops->can_leave(engine->hv, h->domid, args->flags & XF_MIGRATE_LIVE,
                          err))
        xml = destination_xml(engine, h->domid, args, err);
    if (xml && ops->origin)
        h->origin = ops->origin(engine->hv, h->domid);
    if (!xml) {
        xf_engine_remove(engine, h);
        return NULL;
    }
    if (!xf_handoff_event(h, XF_EVENT_BEGIN, NULL, err)) {
        xf_handoff_refused(h);
        return NULL;
    }
    XF_FAULT("begun");
    if (!owned(h, conn))        /* its client went while we began */
        xf_source_client_gone(h);
    return g_steal_pointer(&xml);
}

char *
xf_source_begin(struct xf_engine *engine, struct xf_conn *conn,
                const struct xf_domain_ref *dom,
                const struct xf_migrate_args *args, GBytes **cookie_out,
                GError **err)
{
    char token[XF_TOKEN_LEN + 1];
    guint8 key[XF_KEY_LEN];
    char *xml;

    if (!xf_flags_check(args, err))
        return NULL;
    xf_handoff_secrets(token, key);

    XF_AUTO(xf_handoff) *h = xf_source_new(engine, conn, dom, token, key,
                                           err);

    xml = h ? xf_source_take(h, conn, args, err) : NULL;
    if (xml)
        *cookie_out = xf_source_cookie(h, TRUE);
    return xml;
}

/* -- Perform -- */

/* Begun, and never performed: the domain is free again. */
static gboolean
confirm_begun(struct xf_handoff *h, gboolean cancelled, GError **err)
{
    if (!cancelled) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "Confirm of domain '%s': nothing was performed; it runs "
                    "on here", h->name);
        return FALSE;
    }
    return xf_handoff_event(h, XF_EVENT_CANCEL, NULL, err)
           && xf_source_known(h, FALSE, err);
}

/* No Confirm follows a Perform that never began.  What the client is told is
 * why that failed; should letting go fail too, then another has it by now, or
 * what is left to do is tried again by the sweeper. */
static void
let_go(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    if (xf_handoff_state(h) == XF_STATE_BEGUN
        && !confirm_begun(h, TRUE, &err))
        g_warning("handoff %s: domain '%s' is not let go yet: %s", h->token,
                  h->name, err->message);
}

static void
on_frames(void *user, guint iteration, guint64 done, guint64 total)
{
    struct xf_handoff *h = user;

    if (xf_job_frames(&h->job, iteration, done, total))
        xf_handoff_tell_iteration(h, iteration);
}

static void
on_suspended(void *user)
{
    struct xf_handoff *h = user;

    xf_job_suspended(&h->job);
    xf_handoff_tell(h, XF_LIFE_SUSPENDED, XF_SUSPENDED_MIGRATED, -1);
    g_message("handoff %s: domain '%s' suspended", h->token, h->name);
}

gboolean
xf_source_abort_wanted(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    gboolean wanted = h->abort;

    g_mutex_unlock(&h->lock);
    return wanted;
}

/* The stream did not get through and its end was not sent: the source's
 * copy is the copy, whatever the destination has. */
void
xf_source_undo(struct xf_handoff *h, gboolean ours)
{
    g_autoptr(GError) err = NULL;

    g_mutex_lock(&h->lock);
    h->let_be = !ours;
    g_mutex_unlock(&h->lock);
    if (!xf_handoff_event(h, XF_EVENT_STREAM_FAILED, NULL, &err)
        || !xf_source_known(h, FALSE, &err))
        g_warning("handoff %s: %s", h->token, err->message);
}

static void
explain(struct xf_handoff *h, GError **err)
{
    if (g_error_matches(*err, XF_ERROR, XF_ERROR_IN_DOUBT))
        return;
    if (xf_source_abort_wanted(h)) {
        g_clear_error(err);
        g_set_error(err, XF_ERROR, XF_ERROR_ABORTED,
                    "migration of domain '%s' was aborted", h->name);
    } else {
        g_prefix_error(err, "migration of domain '%s' failed: ", h->name);
    }
    g_mutex_lock(&h->lock);

    const char *end = h->died    ? "it ended by itself meanwhile"
                      : h->taken ? "another tool has suspended it here"
                      : h->acted ? "it runs on here"
                                 : "it is suspended here, and resuming it is "
                                   "tried again";

    g_mutex_unlock(&h->lock);

    GError *told = g_error_new((*err)->domain, (*err)->code, "%s (%s)",
                               (*err)->message, end);

    g_clear_error(err);
    *err = told;
}

/* The destination says OK when its record says that it receives.  Before
 * that it may forget the handoff, and one that has sent the whole stream by
 * then would ask for ever how it was decided. */
static gboolean
await_receiver(struct xf_handoff *h, int fd, GError **err)
{
    enum xf_channel_msg answer;

    if (!xf_channel_recv(fd, h->engine->config.connect_timeout_ms, &answer,
                         err))
        return FALSE;
    if (answer != XF_MSG_OK)
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "the destination answered 0x%02x where it was to say "
                    "that it is ready for the stream", answer);
    return answer == XF_MSG_OK;
}

static int
connect_port(struct xf_handoff *h, GError **err)
{
    const struct xf_engine_config *config = &h->engine->config;

    return xf_channel_connect(
        h->peer_host, h->peer_port,
        h->in_band ? XF_CHANNEL_DESCRIBED : XF_CHANNEL_STREAM, h->token,
        h->key, config->connect_timeout_ms,
        config->channel.silence_timeout_ms, err);
}

static int
connect_channel(struct xf_handoff *h, struct xf_tunnel *tunnel, GError **err)
{
    XF_AUTO_FD int fd = tunnel ? xf_tunnel_connect(h, tunnel, err)
                               : connect_port(h, err);

    if (fd < 0 || (h->in_band && !xf_source_describe(h, fd, err)))
        return -1;
    XF_FAULT_FD("stream-connected", fd);
    return await_receiver(h, fd, err) ? xf_steal_fd(&fd) : -1;
}

static int
connect_stream(struct xf_handoff *h, const struct xf_migrate_args *args,
               GError **err)
{
    if (XF_FAULT_FAILS("stream-connect", err))
        return -1;
    return xf_is_stock(h) ? xf_stock_connect(h, err)
                          : connect_channel(h, args->tunnel, err);
}

/* TRUE: the guest is suspended and all of it has been written to fd. */
gboolean
xf_source_stream(struct xf_handoff *h, const struct xf_migrate_args *args,
                 int fd, GError **err)
{
    struct xf_hypervisor *hv = h->engine->hv;
    const struct xf_progress progress = { on_frames, on_suspended, h };
    gboolean was_paused = FALSE;
    guint flags = args->flags & XF_MIGRATE_LIVE ? XF_SUSPEND_LIVE : 0;

    xf_job_set_fd(&h->job, args->tunnel ? args->tunnel->wire : fd);

    enum xf_suspend_outcome outcome = hv->ops->suspend(
        hv, h->domid, fd, flags, &progress, &was_paused, err);

    g_mutex_lock(&h->lock);
    h->paused = was_paused;
    h->died = outcome == XF_SUSPEND_GONE;
    h->taken = outcome == XF_SUSPEND_TAKEN;
    g_mutex_unlock(&h->lock);
    XF_FAULT_FD("stream-sent", fd);
    /* The record first: from here a restart must ask the destination.  A
     * foreign one can do nothing before it is given leave. */
    if (outcome == XF_SUSPEND_DONE
        && ((h->foreign && h->in_band)
            || xf_handoff_event(h, XF_EVENT_STREAM_SENT, NULL, err)))
        return TRUE;
    xf_job_set_fd(&h->job, -1);
    xf_source_undo(h, outcome != XF_SUSPEND_TAKEN);
    return FALSE;
}

/* In-band: ours is to go.  That it does not go yet is no failure of the
 * move: it is tried again. */
void
xf_source_committed(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    if (!xf_source_known(h, TRUE, &err))
        g_warning("handoff %s: %s", h->token, err->message);
}

/* After a hand-over without a good answer.  TRUE: it turned out well. */
gboolean
xf_source_performed_badly(struct xf_handoff *h, gboolean revoked,
                          GError **err)
{
    g_autoptr(GError) why = g_steal_pointer(err);
    g_autoptr(GError) lost = NULL;
    gboolean committed = FALSE;
    gboolean known;

    if (revoked) {
        known = xf_source_known(h, FALSE, err);
    } else {
        g_message("handoff %s: no answer to the end of the stream: %s",
                  h->token, why->message);
        /* It means nothing when somebody else (a client that has gone) has
         * brought the handoff further: then that is waited for. */
        if (!xf_handoff_event(h, XF_EVENT_ACK_LOST, NULL, &lost))
            g_message("%s", lost->message);
        known = xf_source_settle(h, h->engine->config.resolve_wait_ms,
                                 &committed, err);
    }
    if (known && !committed)
        g_propagate_error(err, g_steal_pointer(&why));
    return known && committed;
}

static gboolean
perform(struct xf_handoff *h, const struct xf_migrate_args *args,
        GError **err)
{
    XF_AUTO_FD int fd = connect_stream(h, args, err);
    gboolean aborted = fd >= 0 && xf_source_abort_wanted(h);

    /* From here on who changes the speed finds where. */
    xf_job_set_fd(&h->job, args->tunnel ? args->tunnel->wire : fd);
    if (aborted)
        g_set_error(err, XF_ERROR, XF_ERROR_ABORTED, "aborted");
    if (fd < 0 || aborted || !xf_speed_start(h, args->bandwidth, err)) {
        xf_job_set_fd(&h->job, -1);
        xf_source_undo(h, FALSE);
        return FALSE;
    }
    if (!xf_source_stream(h, args, fd, err))
        return FALSE;

    gboolean revoked;
    gboolean ok = xf_source_hand_over(h, fd, &revoked, err);

    xf_job_set_fd(&h->job, -1);
    if (ok && h->in_band)
        xf_source_committed(h);
    return ok || xf_source_performed_badly(h, revoked, err);
}

/* Between the records `performing` and what came of it. */
static gboolean
perform_call(struct xf_handoff *h, const struct xf_migrate_args *args,
             GError **err)
{
    GError *failed = NULL;
    struct xf_hypervisor *hv = h->engine->hv;
    struct xf_hv_domain domain;
    /* Only for the figures: what is wrong with it shows in suspend(). */
    gboolean known = hv->ops->info(hv, h->domid, &domain, NULL);

    g_mutex_lock(&h->lock);
    h->busy = TRUE;
    g_mutex_unlock(&h->lock);
    xf_job_start(&h->job, known ? domain.memory_kib : 0);

    gboolean ok = (h->foreign && h->in_band ? xf_foreign_perform
                                            : perform)(h, args, &failed);

    xf_job_end(&h->job);
    g_mutex_lock(&h->lock);
    h->busy = FALSE;
    h->since_mono = g_get_monotonic_time();

    gboolean alone = !h->owner;

    g_mutex_unlock(&h->lock);
    if (ok && alone && xf_is_stock(h))
        ok = xf_stock_left_alone(h, &failed);
    if (!ok) {
        explain(h, &failed);
        g_propagate_error(err, failed);
    } else if (alone) {
        /* Nobody will come to finish it. */
        xf_source_client_gone(h);
    }
    return ok;
}

/* Notes where the stream goes. */
gboolean
xf_source_stream_to(struct xf_handoff *h, const char *uri,
                    const struct xf_cookie *cookie, GError **err)
{
    g_autofree char *host = NULL;
    guint16 port;

    if (!uri) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "Perform of domain '%s': no migration uri; the "
                    "destination's Prepare gives one", h->name);
        return FALSE;
    }
    if (!xf_migrate_uri_parse(uri, &host, &port, err))
        return FALSE;
    g_mutex_lock(&h->lock);
    if (h->state == XF_STATE_NONE || h->state == XF_STATE_BEGUN) {
        g_free(h->peer_host);
        h->peer_host = g_steal_pointer(&host);
        h->peer_port = port ? port : XF_CHANNEL_PORT;
        g_free(h->peer_log);
        h->peer_log = cookie->log[0] ? g_strdup(cookie->log) : NULL;
        memcpy(h->peer_log_key, cookie->log_key, XF_KEY_LEN);
    }
    g_mutex_unlock(&h->lock);
    return TRUE;
}

/* How its administrator has it goes into the record before it is touched. */
static gboolean
note_paused(struct xf_handoff *h, GError **err)
{
    struct xf_hypervisor *hv = h->engine->hv;
    struct xf_hv_domain domain;
    /* what else is wrong with it shows in suspend() */
    gboolean known = hv->ops->info(hv, h->domid, &domain, NULL);

    g_mutex_lock(&h->lock);

    gboolean begun = h->state == XF_STATE_BEGUN;

    if (known && begun)
        h->paused = domain.paused;
    g_mutex_unlock(&h->lock);
    if (!known || !begun || !domain.suspended)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "domain '%s' has been suspended since Begin by another tool, "
                "which may be saving it or sending it away; it is left as it "
                "is", h->name);
    return FALSE;
}

/* Checks what Perform was given. */
static gboolean
perform_args(struct xf_handoff *h, const struct xf_migrate_args *args,
             const char *foreign, GError **err)
{
    XF_AUTO(xf_cookie) *cookie = NULL;
    g_autofree char *uri = NULL;

    if (!xf_flags_check(args, err))
        return FALSE;
    if (foreign)
        return xf_stock_stream_to(h, foreign, args->uri, err);
    cookie = xf_cookie_parse(args->cookie_in, err);
    if (!cookie || !check_cookie(h, cookie, err))
        return FALSE;
    if (args->tunnel && !(uri = xf_tunnel_uri(cookie, err)))
        return FALSE;
    return xf_source_stream_to(h, uri ? uri : args->uri, cookie, err);
}

gboolean
xf_source_send(struct xf_handoff *h, const struct xf_migrate_args *args,
               GError **err)
{
    if (note_paused(h, err)
        && xf_handoff_event(h, XF_EVENT_PERFORM, NULL, err))
        return perform_call(h, args, err);
    let_go(h);
    return FALSE;
}

gboolean
xf_source_perform(struct xf_engine *engine, struct xf_conn *conn,
                  const struct xf_domain_ref *dom,
                  const struct xf_migrate_args *args, const char *foreign,
                  GBytes **cookie_out, GError **err)
{
    XF_AUTO(xf_handoff) *h = find(engine, dom, err);

    if (!h)
        return FALSE;
    if (!perform_args(h, args, foreign, err)) {
        /* unless this is not the client that has it */
        if (owned(h, conn))
            let_go(h);
        return FALSE;
    }
    own(h, conn, args->flags);
    if (!xf_source_send(h, args, err))
        return FALSE;
    *cookie_out = foreign ? NULL : xf_source_cookie(h, TRUE);
    return TRUE;
}

/* -- Confirm -- */

static gboolean
proven(const struct xf_handoff *h, const struct xf_cookie *cookie)
{
    guint8 proof[XF_KEY_LEN];

    if (!cookie || !cookie->has_proof)
        return FALSE;
    xf_cookie_proof(h->key, h->token, proof);
    return xf_secret_equal(proof, cookie->proof, XF_KEY_LEN);
}

/* A cookie shows whose Confirm it is; without one it has to be that of the
 * client that has the handoff, unless that has gone. */
static gboolean
may_confirm(struct xf_handoff *h, const struct xf_cookie *cookie,
            const struct xf_conn *conn, GError **err)
{
    if (cookie)
        return check_cookie(h, cookie, err);
    if (owned(h, NULL) || owned(h, conn))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "Confirm of domain '%s' without a cookie, while another "
                "client migrates it (handoff %s)", h->name, h->token);
    return FALSE;
}

gboolean
xf_source_confirm(struct xf_engine *engine, struct xf_conn *conn,
                  const struct xf_domain_ref *dom,
                  const struct xf_migrate_args *args, GError **err)
{
    XF_AUTO(xf_cookie) *cookie = NULL;
    gboolean committed;

    if (args->cookie_in && g_bytes_get_size(args->cookie_in)) {
        cookie = xf_cookie_parse(args->cookie_in, err);
        if (!cookie)
            return FALSE;
    }

    XF_AUTO(xf_handoff) *h = find(engine, dom, err);

    if (!h || !may_confirm(h, cookie, conn, err))
        return FALSE;
    own(h, conn, args->flags);
    if (xf_handoff_state(h) == XF_STATE_BEGUN)
        return confirm_begun(h, args->cancelled, err);
    if (xf_is_stock(h))
        return xf_stock_confirm(h, !args->cancelled, err);
    /* The client's word is not knowledge, either way: the destination's is,
     * in its proof or asked for. */
    XF_FAULT("confirm");
    if (!args->cancelled && proven(h, cookie)) {
        g_autoptr(GError) why = NULL;

        if (xf_source_known(h, TRUE, &why))
            return TRUE;
        if (xf_state_is_final(xf_handoff_state(h))) {
            g_propagate_error(err, g_steal_pointer(&why));
            return FALSE;
        }
        /* It could not be written down: that is tried until it can. */
        g_warning("%s", why->message);
    }
    return xf_handoff_event(h, XF_EVENT_CANCEL, NULL, err)
           && xf_source_settle(h, engine->config.resolve_wait_ms, &committed,
                               err);
}
