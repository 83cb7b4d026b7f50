/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The destination side, in the order it runs: Prepare promises room, the
 * channel's thread receives, Finish commits or revokes; then what others may
 * ask of it.
 *
 * The stream's thread is the only one that works on the incoming domain
 * while h->busy is set; who wants the copy gone meanwhile aborts the stream
 * and waits for that.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"
#include "protocol/uri.h"

#include <string.h>

void
xf_dest_name_log(struct xf_engine *engine, struct xf_cookie *cookie)
{
    g_strlcpy(cookie->log, xf_decisions_identity(engine->decisions),
              sizeof(cookie->log));
    xf_decisions_token_key(engine->decisions, cookie->token,
                           cookie->log_key);
}

GBytes *
xf_dest_cookie(struct xf_handoff *h)
{
    struct xf_engine *engine = h->engine;
    struct xf_cookie cookie = {
        .name = h->name,
        .hostname = engine->hostname,
        .stream_version = XF_STREAM_VERSION,
        .has_key = TRUE,
        .address = engine->channel_host,
        .port = xf_engine_channel_port(engine),
    };
    enum xf_state state = xf_handoff_state(h);

    memcpy(cookie.uuid, h->uuid, XF_UUID_LEN);
    memcpy(cookie.token, h->token, sizeof(cookie.token));
    memcpy(cookie.key, h->key, XF_KEY_LEN);
    cookie.state = (char *)xf_state_name(state);
    if (state == XF_STATE_COMMITTED) {
        cookie.has_proof = TRUE;
        xf_cookie_proof(h->key, h->token, cookie.proof);
    }
    xf_dest_name_log(engine, &cookie);
    return xf_cookie_format(&cookie);
}

/* -- Prepare -- */

char *
xf_dest_uri(struct xf_engine *engine, const char *wanted, GError **err)
{
    g_autofree char *host = NULL;
    guint16 port = 0;

    if (wanted && !xf_migrate_uri_parse(wanted, &host, &port, err))
        return NULL;
    return xf_migrate_uri_format(host ? host : engine->channel_host,
                                 port ? port
                                      : xf_engine_channel_port(engine));
}

static struct xf_cookie *
begin_cookie(const struct xf_migrate_args *args, GError **err)
{
    XF_AUTO(xf_cookie) *cookie = NULL;

    if (!args->xml) {
        g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                            "Prepare: no domain XML passed");
        return NULL;
    }
    cookie = xf_cookie_parse(args->cookie_in, err);
    if (cookie && cookie->stream_version != XF_STREAM_VERSION) {
        g_set_error(err, XF_ERROR, XF_ERROR_UNSUPPORTED,
                    "Prepare: the source sends version %u of libxl's "
                    "migration stream, this host takes version %d",
                    cookie->stream_version, XF_STREAM_VERSION);
        return NULL;
    }
    if (cookie && (!cookie->token[0] || !cookie->has_key)) {
        g_set_error(err, XF_ERROR, XF_ERROR_UNSUPPORTED,
                    "Prepare: the cookie has no token and key: the source "
                    "(%s) is not a Xenferry host", cookie->hostname);
        return NULL;
    }
    return g_steal_pointer(&cookie);
}

struct xf_handoff *
xf_dest_new(struct xf_engine *engine, const struct xf_migrate_args *args,
            const struct xf_cookie *cookie, GError **err)
{
    struct xf_incoming *in = engine->hv->ops->incoming_create(
        engine->hv, args->xml, args->dname, err);

    if (!in)
        return NULL;

    XF_AUTO(xf_handoff) *h =
        xf_handoff_new(engine, XF_DESTINATION, cookie->token, cookie->key,
                       in->uuid, in->name);

    h->incoming = in;
    h->peer_host = g_strdup(cookie->address);
    h->peer_port = cookie->port;
    h->origin = g_strdup(cookie->origin);
    h->unsafe = (args->flags & XF_MIGRATE_UNSAFE) != 0;
    if (args->flags & XF_MIGRATE_PERSIST_DEST) {
        h->definition = xf_defined_read(
            engine->defined, args->persist_xml ? args->persist_xml : args->xml,
            args->persist_xml ? NULL : h->name, err);
        if (!h->definition)
            return NULL;
    }
    return g_steal_pointer(&h);
}

gboolean
xf_dest_check_uuid(struct xf_handoff *h, const struct xf_cookie *cookie,
                   GError **err)
{
    if (memcmp(h->uuid, cookie->uuid, XF_UUID_LEN) == 0)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_XML,
                "Prepare of domain '%s': the XML has another uuid than the "
                "domain at the source", h->name);
    return FALSE;
}

gboolean
xf_dest_admit(struct xf_handoff *h, GError **err)
{
    if (!xf_engine_add(h->engine, h, err))
        return FALSE;
    if (!xf_dest_room(h, err) || !xf_dest_store(h, err)) {
        xf_engine_remove(h->engine, h);
        return FALSE;
    }
    if (xf_handoff_event(h, XF_EVENT_PREPARE, NULL, err))
        return TRUE;
    xf_dest_unstore(h);
    xf_handoff_refused(h);
    return FALSE;
}

gboolean
xf_dest_prepare(struct xf_engine *engine, struct xf_conn *conn,
                const struct xf_migrate_args *args, GBytes **cookie_out,
                char **uri_out, GError **err)
{
    g_autofree char *uri = NULL;
    XF_AUTO(xf_cookie) *cookie = NULL;
    XF_AUTO(xf_handoff) *h = NULL;

    if (!xf_flags_check(args, err))
        return FALSE;
    uri = xf_dest_uri(engine, args->uri, err);
    if (uri)
        cookie = begin_cookie(args, err);
    if (cookie)
        h = xf_dest_new(engine, args, cookie, err);
    if (!h || !xf_dest_check_uuid(h, cookie, err))
        return FALSE;
    h->owner = conn;
    if (!xf_dest_admit(h, err))
        return FALSE;
    XF_FAULT("prepared");
    if (!h->owner)              /* its client went while we prepared */
        xf_dest_client_gone(h);
    *cookie_out = xf_dest_cookie(h);
    *uri_out = g_steal_pointer(&uri);
    return TRUE;
}

/* -- the stream -- */

/* TRUE: complete, and the record says so. */
static gboolean
receive(struct xf_handoff *h, int fd, GError **err)
{
    const struct xf_hypervisor_ops *ops = h->engine->hv->ops;
    /* a stock libvirtd's stream is all there is of it */
    enum xf_channel_msg end = XF_MSG_END;

    if ((!xf_is_stock(h) && !xf_channel_send(fd, XF_MSG_OK, err))
        || !ops->incoming_stream(h->incoming, fd, err)
        || XF_FAULT_FAILS("stream-restored", err)
        || !ops->incoming_devices(h->incoming, err)
        || XF_FAULT_FAILS("devices-ready", err)
        || (!xf_is_stock(h)
            && !xf_channel_recv(fd, h->engine->config.ack_timeout_ms, &end,
                                err)))
        return FALSE;
    XF_FAULT_FD("end-received", fd);
    if (end != XF_MSG_END && end != XF_MSG_END_PAUSED) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "0x%02x where the end of the stream was expected", end);
        return FALSE;
    }
    g_mutex_lock(&h->lock);
    h->paused = h->paused || end == XF_MSG_END_PAUSED;
    h->domid = g_atomic_int_get(&h->incoming->domid);
    h->reserved_kib = 0;        /* it has it all now */
    g_mutex_unlock(&h->lock);
    xf_job_whole(&h->job);
    return xf_handoff_event(h, XF_EVENT_COMPLETE, NULL, err);
}

void
xf_dest_stream_ended(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);
    h->busy = FALSE;
    h->since_mono = g_get_monotonic_time();
    g_cond_broadcast(&h->changed);
    g_mutex_unlock(&h->lock);
}

/* busy comes before the event: whoever revokes after it must find that there
 * is a stream to stop. */
gboolean
xf_dest_stream_begins(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    g_mutex_lock(&h->lock);

    gboolean first = !h->connected;

    h->busy = h->busy || first;
    h->connected = TRUE;
    g_mutex_unlock(&h->lock);
    if (first && xf_handoff_event(h, XF_EVENT_CONNECTED, NULL, &err))
        return TRUE;
    g_message("handoff %s: a stream is refused: %s", h->token,
              err ? err->message : "there has been one");
    if (first)
        xf_dest_stream_ended(h);
    return FALSE;
}

/* For Finish.  After a revocation it only failed because of that. */
static void
note_not_arrived(struct xf_handoff *h, const GError *why)
{
    g_mutex_lock(&h->lock);
    if (h->state == XF_STATE_RECEIVING) {
        h->not_arrived = g_strdup(why->message);
        if (!h->in_band)
            h->awaited = h->owner != NULL;
    }
    g_mutex_unlock(&h->lock);
}

void
xf_dest_stream(struct xf_handoff *h, int fd)
{
    g_autoptr(GError) err = NULL;
    enum xf_channel_msg answer = XF_MSG_RECEIVED;

    if (!xf_dest_stream_begins(h))
        return;
    xf_job_start(&h->job, h->incoming->memory_kib);
    xf_job_set_fd(&h->job, fd);

    gboolean whole = receive(h, fd, &err);

    xf_job_set_fd(&h->job, -1);
    if (!whole) {
        g_autoptr(GError) failed = NULL;

        g_message("handoff %s: domain '%s' did not arrive: %s", h->token,
                  h->name, err->message);
        note_not_arrived(h, err);
        g_clear_error(&err);
        answer = XF_MSG_REVOKED;
        if (!xf_handoff_event(h, XF_EVENT_STREAM_FAILED, NULL, &failed)) {
            g_warning("%s", failed->message);
            answer = 0;
        }
    }
    xf_dest_stream_ended(h);
    XF_FAULT_FD("receipt-to-send", fd);
    /* Not delivered: the source asks. */
    if (answer && !xf_is_stock(h) && !xf_channel_send(fd, answer, &err))
        g_message("handoff %s: answer to the end of the stream: %s",
                  h->token, err->message);
    XF_FAULT("receipt-sent");
    if (answer != XF_MSG_RECEIVED)
        xf_dest_discard(h);
    else if (h->in_band)
        xf_dest_answer_commit(h, fd);
}

/* -- Finish -- */

/* One that has ended counts only when there is no other. */
static struct xf_handoff *
find_by_name(struct xf_engine *engine, struct xf_conn *conn, const char *name)
{
    g_autoptr(GPtrArray) all = xf_engine_all(engine);
    struct xf_handoff *found = NULL;

    for (guint i = 0; i < all->len; i++) {
        struct xf_handoff *h = g_ptr_array_index(all, i);

        if (h->side == XF_DESTINATION && h->owner == conn
            && g_strcmp0(h->name, name) == 0
            && (!found || xf_state_is_final(xf_handoff_state(found))))
            found = h;
    }
    return found ? xf_handoff_ref(found) : NULL;
}

/* By the cookie; without one (a cancelled Finish has none) by the name,
 * among what this client has prepared. */
static struct xf_handoff *
find(struct xf_engine *engine, struct xf_conn *conn,
     const struct xf_migrate_args *args, GError **err)
{
    XF_AUTO(xf_handoff) *h = NULL;

    if (args->cookie_in && g_bytes_get_size(args->cookie_in)) {
        XF_AUTO(xf_cookie) *cookie = xf_cookie_parse(args->cookie_in, err);

        if (!cookie)
            return NULL;
        h = xf_engine_by_token(engine, cookie->token);
        if (h
            && (h->side != XF_DESTINATION || !cookie->has_key
                || !xf_secret_equal(cookie->key, h->key, XF_KEY_LEN)))
            xf_handoff_unref(g_steal_pointer(&h));
    } else {
        h = find_by_name(engine, conn, args->dname);
    }
    if (!h)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "Finish of domain '%s': this client has no migration of "
                    "it prepared on host %s, or the cookie is of another",
                    args->dname ? args->dname : "(no name)",
                    engine->hostname);
    return g_steal_pointer(&h);
}

static gboolean
undecided(const struct xf_handoff *h)
{
    return !xf_state_is_final(h->state);
}

static void
set_orphan(const struct xf_handoff *h, GError **err)
{
    g_set_error(err, XF_ERROR, XF_ERROR_IN_DOUBT,
                "it has none left: this is the only copy, complete and "
                "paused; to let it run: xenferry resolve --assume-committed "
                "%s", h->token);
}

/* TRUE: our copy has gone. */
static gboolean
discard_if_held(struct xf_handoff *h, gboolean expired, GError **err)
{
    gboolean held = expired;

    if (!expired && !xf_dest_ask(h, &held, err))
        return FALSE;
    if (!held)
        set_orphan(h, err);
    if (!held || xf_engine_stopping(h->engine)
        || !xf_handoff_event(h, expired ? XF_EVENT_EXPIRED
                                        : XF_EVENT_SOURCE_HOLDS, NULL, err))
        return FALSE;
    xf_dest_discard(h);
    return TRUE;
}

static void
ask_thread(struct xf_handoff *h)
{
    guint pause_ms = 0;
    gint64 expires = h->since_mono
                     + (gint64)h->engine->config.keep_orphan_ms * 1000;

    /* one that cannot be asked is waited out */
    if (xf_is_stock(h))
        pause_ms = h->engine->config.keep_orphan_ms;
    while (!xf_engine_stopping(h->engine)
           && xf_handoff_state(h) == XF_STATE_RECEIVED) {
        g_autoptr(GError) err = NULL;
        gboolean expired = g_get_monotonic_time() > expires;

        if (discard_if_held(h, expired, &err))
            break;
        if (err)
            g_message("handoff %s: the complete copy of domain '%s' is kept, "
                      "paused, until its source %s says that it has its own: "
                      "%s", h->token, h->name, h->peer_host, err->message);
        xf_handoff_back_off(h, &pause_ms, expired ? 0 : expires, undecided,
                            err);
    }
    xf_handoff_ask_end(h);
}

static void
ask_on(struct xf_handoff *h)
{
    if (xf_handoff_ask_begin(h))
        xf_engine_spawn(h, ask_thread);
}

/* TRUE when our copy is gone, or will never run. */
static gboolean
cancelled(struct xf_handoff *h, enum xf_action action, GError **err)
{
    /* of a stock libvirtd nobody but the client can say it */
    gboolean holds = xf_is_stock(h);

    if (action == XF_ACTION_ASK_SOURCE) {
        if ((!holds && !xf_dest_ask(h, &holds, err)) || !holds) {
            ask_on(h);
            g_prefix_error(err, "the complete copy of domain '%s' is kept on "
                           "host %s, paused, since its source does not say "
                           "that it has its own (handoff %s): ", h->name,
                           h->engine->hostname, h->token);
            return FALSE;
        }
        if (!xf_handoff_event(h, XF_EVENT_SOURCE_HOLDS, NULL, err))
            return FALSE;
    }
    xf_dest_discard(h);
    return TRUE;
}

/* The source saw a connection that broke; why, only we know. */
static void
tell_cancelled(struct xf_handoff *h, GError **err)
{
    g_mutex_lock(&h->lock);
    if (h->not_arrived)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "it did not arrive on host %s: %s", h->engine->hostname,
                    h->not_arrived);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_FINISH_OK,
                    "migration of domain '%s' was cancelled; nothing of it "
                    "is left on host %s", h->name, h->engine->hostname);
    g_mutex_unlock(&h->lock);
}

gboolean
xf_dest_cancel(struct xf_handoff *h, GError **err)
{
    enum xf_action action;

    return xf_handoff_event(h, XF_EVENT_CANCEL, &action, err)
           && cancelled(h, action, err);
}

static void
finish_cancelled(struct xf_handoff *h, GError **err)
{
    enum xf_action action;

    XF_FAULT("finish-cancelled");
    if (!xf_handoff_event(h, XF_EVENT_CANCEL, &action, err))
        return;
    if (xf_handoff_state(h) == XF_STATE_COMMITTED)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' has been committed on host %s and runs "
                    "there (handoff %s)", h->name, h->engine->hostname,
                    h->token);
    else if (cancelled(h, action, err))
        tell_cancelled(h, err);
    else if (err && !*err)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "the complete copy of domain '%s' is kept on host %s: "
                    "its source says that it has none (handoff %s)", h->name,
                    h->engine->hostname, h->token);
}

static struct xf_domain_ref *
finish_good(struct xf_handoff *h, GBytes **cookie_out, GError **err)
{
    XF_FAULT("finish");
    if (!(xf_is_stock(h) ? xf_stock_commit : xf_dest_commit)(h, err))
        return NULL;
    *cookie_out = xf_is_stock(h) ? NULL : xf_dest_cookie(h);
    return xf_domain_ref_new(h->name, h->uuid, h->domid);
}

struct xf_domain_ref *
xf_dest_finish(struct xf_engine *engine, struct xf_conn *conn,
               const struct xf_migrate_args *args, GBytes **cookie_out,
               GError **err)
{
    XF_AUTO(xf_handoff) *h = find(engine, conn, args, err);

    if (!h)
        return NULL;
    g_mutex_lock(&h->lock);
    if (!xf_is_stock(h))        /* else it has no other than its first one */
        h->owner = conn;
    if (args->flags & XF_MIGRATE_PAUSED)
        h->paused = TRUE;
    g_mutex_unlock(&h->lock);
    if (args->cancelled) {
        g_autoptr(GError) why = NULL;

        finish_cancelled(h, &why);
        /* In-band nobody but us can tell such a client that it has moved. */
        if (!h->in_band || xf_handoff_state(h) != XF_STATE_COMMITTED) {
            g_propagate_error(err, g_steal_pointer(&why));
            xf_stock_over(h);
            if (!h->in_band)
                xf_dest_unawaited(h);
            return NULL;
        }
    }

    struct xf_domain_ref *dom = finish_good(h, cookie_out, err);

    if (dom && args->flags & XF_MIGRATE_PERSIST_DEST)
        xf_dest_store_late(h);
    xf_stock_over(h);
    if (dom)
        xf_dest_unawaited(h);
    return dom;
}

/* -- what others may ask or bring about -- */

static void
revoke_gone(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    g_mutex_lock(&h->lock);
    if (!h->not_arrived)
        h->not_arrived = g_strdup("it had arrived, but then somebody "
                                  "destroyed it");
    g_mutex_unlock(&h->lock);
    /* Refused: it has been decided meanwhile, or will be looked at again. */
    if (xf_handoff_event(h, XF_EVENT_COPY_GONE, NULL, &err))
        xf_dest_discard(h);
    else
        g_warning("%s", err->message);
}

/* 1 yes, 0 no, -1 error.  A guest waits for this: all domains are gone
 * through only when it is not where it was. */
static int
copy_lives(struct xf_handoff *h, GError **err)
{
    struct xf_hypervisor *hv = h->engine->hv;
    struct xf_hv_domain domain;

    if (h->domid >= 0 && hv->ops->info(hv, h->domid, &domain, NULL)
        && !domain.dying && memcmp(domain.uuid, h->uuid, XF_UUID_LEN) == 0)
        return 1;
    return xf_engine_lives(h->engine, h->uuid, &domain, err);
}

gboolean
xf_dest_look(struct xf_handoff *h, GError **err)
{
    int lives;

    if (xf_handoff_state(h) != XF_STATE_RECEIVED)
        return TRUE;
    lives = copy_lives(h, err);
    if (lives < 0) {
        g_prefix_error(err, "whether the copy of domain '%s' is still here "
                       "(handoff %s): ", h->name, h->token);
        return FALSE;
    }
    if (!lives) {
        g_warning("handoff %s: the complete copy of domain '%s' is here no "
                  "more; the source's is the copy", h->token, h->name);
        revoke_gone(h);
    }
    return TRUE;
}

static void
discard_thread(struct xf_handoff *h)
{
    xf_dest_discard(h);
}

enum xf_channel_msg
xf_dest_resolve(struct xf_handoff *h)
{
    enum xf_action action;
    g_autoptr(GError) err = NULL;

    XF_FAULT("resolve-asked");
    if (!xf_handoff_event(h, XF_EVENT_RESOLVE, &action, &err)) {
        g_warning("%s", err->message);
        return 0;
    }
    /* The guest waits for the answer: it need not wait for the clean-up. */
    if (action == XF_ACTION_DISCARD)
        xf_engine_spawn(h, discard_thread);
    return xf_handoff_state(h) == XF_STATE_COMMITTED ? XF_MSG_COMMITTED
                                                     : XF_MSG_REVOKED;
}

enum xf_channel_msg
xf_dest_decided(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    /* Not known whether it is here: that it is the last copy holds for who
     * asks, too. */
    if (!xf_dest_look(h, &err))
        g_message("%s", err->message);

    enum xf_state state = xf_handoff_state(h);

    return state == XF_STATE_COMMITTED ? XF_MSG_COMMITTED
           : state == XF_STATE_REVOKED ? XF_MSG_REVOKED
           : state == XF_STATE_RECEIVED ? XF_MSG_RECEIVED
                                        : XF_MSG_UNDECIDED;
}

/* It has given its copy up: as a rule since we have committed, but its
 * administrator may have said so, and then what is complete here is the last
 * copy.  FALSE: what comes in may still become complete. */
static gboolean
source_done(struct xf_handoff *h)
{
    enum xf_action action;
    g_autoptr(GError) err = NULL;

    if (!xf_dest_look(h, &err)
        || !xf_handoff_event(h, XF_EVENT_SOURCE_DONE, &action, &err)) {
        g_message("the source has given up its copy: %s", err->message);
        return FALSE;
    }
    if (xf_handoff_state(h) == XF_STATE_REVOKED)
        g_warning("handoff %s: the source has destroyed its copy of domain "
                  "'%s' by its administrator's word, and the one here is "
                  "revoked: none is left", h->token, h->name);
    /* The source waits for the answer: it need not wait for the switch. */
    if (action == XF_ACTION_SWITCH)
        xf_engine_spawn(h, xf_dest_retry);
    return TRUE;
}

gboolean
xf_dest_settled(struct xf_handoff *h, gboolean done)
{
    /* Not admitted yet: what there is to end comes, and ends, later. */
    if (xf_handoff_state(h) == XF_STATE_NONE && xf_handoff_settled(h)
        && xf_handoff_state(h) == XF_STATE_NONE)
        return TRUE;
    /* Decided first: who has been told so never tells again. */
    if (!(done ? source_done(h) : xf_dest_resolve(h) != 0)
        || !xf_handoff_settled(h))
        return FALSE;
    xf_dest_forget_if_settled(h);
    return TRUE;
}

void
xf_dest_unawaited(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);
    h->awaited = FALSE;
    g_mutex_unlock(&h->lock);
    xf_dest_forget_if_settled(h);
}

void
xf_dest_happened(struct xf_handoff *h, enum xf_event event)
{
    enum xf_action action;
    g_autoptr(GError) err = NULL;

    /* As at the source: what means nothing now is no news. */
    if (!xf_handoff_event(h, event, &action, &err)) {
        if (g_error_matches(err, XF_ERROR, XF_ERROR_OPERATION_INVALID))
            g_debug("%s", err->message);
        else
            g_warning("%s", err->message);
        return;
    }
    if (action == XF_ACTION_DISCARD)
        xf_dest_discard(h);
    else if (action == XF_ACTION_ASK_SOURCE)
        ask_on(h);
    else if (action == XF_ACTION_SWITCH && !xf_dest_switch(h, &err))
        g_warning("%s", err->message);
}

void
xf_dest_client_gone(struct xf_handoff *h)
{
    XF_FAULT("destination-client-gone");
    if (xf_is_stock(h)) {
        xf_stock_client_gone(h);
        return;
    }
    xf_dest_happened(h, XF_EVENT_CLIENT_GONE);
    xf_dest_unawaited(h);
}

void
xf_dest_deadline(struct xf_handoff *h)
{
    XF_FAULT("destination-deadline");
    xf_dest_happened(h, XF_EVENT_DEADLINE);
}

void
xf_dest_retry(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    XF_FAULT("destination-retry");
    if (xf_handoff_state(h) == XF_STATE_REVOKED)
        xf_dest_discard(h);
    else if (!xf_dest_switch(h, &err))
        g_warning("%s", err->message);
}

void
xf_dest_forget(struct xf_handoff *h)
{
    xf_handoff_forget(h);
}

/* The domid of the copy that waits to be switched; -1: there is none. */
static int
committed_copy(struct xf_handoff *h, GError **err)
{
    XF_AUTO(xf_handoff) *newer =
        xf_engine_by_uuid(h->engine, XF_DESTINATION, h->uuid);
    int domid = newer ? -1 : xf_dest_find_copy(h, err);

    if (domid < 0 || h->domid < 0 || domid == h->domid)
        return domid;
    g_message("handoff %s: domain %d is a copy of '%s', but not the one that "
              "was committed, which was domain %d", h->token, domid, h->name,
              h->domid);
    return -1;
}

void
xf_dest_remembered(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    h->domid = committed_copy(h, &err);
    if (err)
        g_warning("handoff %s: %s", h->token, err->message);
    /* None: it has been switched, or went with its host. */
    h->acted = h->domid < 0 && !err;
}

void
xf_dest_restarted(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;

    XF_FAULT("destination-restarted");
    /* It may have gone while no daemon was there. */
    if (!xf_dest_look(h, &err))
        g_warning("%s", err->message);
    xf_dest_happened(h, XF_EVENT_RESTARTED);
}
