/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handoffs by v3 with a stock libvirtd: a foreign host (engine-foreign.c has
 * the others) whose client carries the verdict.  It knows of no handoffs, and
 * can neither ask nor be asked how one was decided; what is left is the rule
 * of its protocol: the client decides, by what it calls.
 *
 * Source: until Perform has answered with success no client says Finish with
 * success, and before that the destination's copy never runs.  So whatever
 * fails in Perform, also after the last byte, means `revoked`.  After it
 * Confirm is the verdict, and without a Confirm the handoff is in doubt until
 * an administrator says what it is.
 *
 * Destination: it comes to `received` without an acknowledgement.  Finish is
 * the verdict.  A client that goes before that has cancelled, but what is
 * complete then is kept, paused, as the copy of an orphan is: in case of need
 * an administrator can take it.
 */
#include "config.h"

#include "protocol/channel-bare.h"
#include "protocol/engine-private.h"
#include "protocol/uri.h"

#include <string.h>

gboolean
xf_is_stock(const struct xf_handoff *h)
{
    return h->foreign && !h->in_band;
}

/* Once for each handoff. */
static void
say_unprotected(const struct xf_handoff *h)
{
    g_warning("handoff %s: the other side (%s) is a stock %s and cannot be "
              "asked: what the client says decides.  When the answer to its "
              "Finish is lost, domain '%s' may run on both hosts",
              h->token, h->peer_host, h->foreign, h->name);
}

/* -- source -- */

gboolean
xf_stock_stream_to(struct xf_handoff *h, const char *foreign,
                     const char *uri, GError **err)
{
    g_autofree char *host = NULL;
    guint16 port;

    if (uri && !xf_migrate_uri_parse(uri, &host, &port, err))
        return FALSE;
    if (!host || !port) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "Perform of domain '%s': the migration uri '%s' names no "
                    "port; that of the %s's Prepare does", h->name,
                    uri ? uri : "", foreign);
        return FALSE;
    }
    g_mutex_lock(&h->lock);

    gboolean fresh = h->state == XF_STATE_BEGUN && !h->busy;

    if (fresh) {
        g_free(h->peer_host);
        h->peer_host = g_steal_pointer(&host);
        h->peer_port = 0;           /* nobody can be asked there */
        h->stream_port = port;
        g_free(h->foreign);
        h->foreign = g_strdup(foreign);
    }
    g_mutex_unlock(&h->lock);
    if (fresh)
        say_unprotected(h);
    return TRUE;
}

int
xf_stock_connect(struct xf_handoff *h, GError **err)
{
    const struct xf_engine_config *config = &h->engine->config;

    return xf_bare_connect(h->peer_host, h->stream_port,
                           config->connect_timeout_ms,
                           config->channel.silence_timeout_ms, err);
}

/* It closes the connection when it has filled its copy: then all has arrived
 * that was written. */
gboolean
xf_stock_hand_over(struct xf_handoff *h, int fd, gboolean *revoked,
                     GError **err)
{
    *revoked = TRUE;
    if (!xf_bare_await_close(fd, h->engine->config.ack_timeout_ms, err))
        return FALSE;
    *revoked = FALSE;
    return TRUE;
}

gboolean
xf_stock_left_alone(struct xf_handoff *h, GError **err)
{
    g_autoptr(GError) why = NULL;

    if (!xf_source_known(h, FALSE, &why))
        g_warning("handoff %s: %s", h->token, why->message);
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                "the client has gone before it could be told that all of the "
                "domain was sent");
    return FALSE;
}

/* -- source: the verdict -- */

static gboolean
undecided(const struct xf_handoff *h)
{
    return !xf_state_is_final(h->state);
}

/* What was said and could not be written down is known here alone: that is
 * tried until it can be. */
static void
write_down(struct xf_handoff *h, gboolean committed)
{
    guint pause_ms = 0;

    while (!xf_engine_stopping(h->engine)
           && !xf_state_is_final(xf_handoff_state(h))) {
        g_autoptr(GError) err = NULL;

        if (xf_source_known(h, committed, &err))
            break;
        g_warning("handoff %s: %s", h->token, err->message);
        xf_handoff_back_off(h, &pause_ms, 0, undecided, err);
    }
    xf_handoff_ask_end(h);
}

static void
committed_thread(struct xf_handoff *h)
{
    write_down(h, TRUE);
}

static void
revoked_thread(struct xf_handoff *h)
{
    write_down(h, FALSE);
}

/* Is there a Perform that has not answered yet? */
static gboolean
performing(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    gboolean is = h->busy;

    g_mutex_unlock(&h->lock);
    return is;
}

gboolean
xf_stock_confirm(struct xf_handoff *h, gboolean committed, GError **err)
{
    if (performing(h)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "Confirm of domain '%s': its Perform has not ended "
                    "(handoff %s)", h->name, h->token);
        return FALSE;
    }
    if (!xf_source_known(h, committed, err)) {
        if (!xf_state_is_final(xf_handoff_state(h))
            && xf_handoff_ask_begin(h))
            xf_engine_spawn(h, committed ? committed_thread
                                         : revoked_thread);
        return FALSE;
    }
    if ((xf_handoff_state(h) == XF_STATE_DONE) == !!committed)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "Confirm of domain '%s': it has been decided otherwise "
                "before: it is %s here (handoff %s)", h->name,
                xf_state_name(xf_handoff_state(h)), h->token);
    return FALSE;
}

/* -- either side: in doubt -- */

void
xf_stock_set_doubt(struct xf_handoff *h, GError **err)
{
    gboolean source = h->side == XF_SOURCE;
    g_autofree char *text = g_strdup_printf(
        "domain '%s' is %s here and in doubt: its client has gone, and the "
        "%s, a stock %s on %s, cannot be asked whether it runs there "
        "(handoff %s).  Look there; then, if it %s there: xenferry resolve "
        "%s %s, and if not: %s", h->name, source ? "suspended" : "paused",
        source ? "destination" : "source", h->foreign, h->peer_host,
        h->token, source ? "runs" : "is", h->token,
        source ? "--assume-committed" : "--assume-revoked",
        source ? "--assume-revoked" : "--assume-committed");

    g_mutex_lock(&h->lock);

    gboolean news = g_strcmp0(h->trouble, text) != 0 && !h->busy;

    if (news) {
        g_free(h->trouble);
        h->trouble = g_strdup(text);
    }
    g_mutex_unlock(&h->lock);
    if (news)
        g_warning("%s", text);
    g_set_error_literal(err, XF_ERROR, XF_ERROR_IN_DOUBT, text);
}

const char *
xf_stock_next(const struct xf_handoff *h)
{
    if (!xf_is_stock(h))
        return NULL;
    if (h->state == XF_STATE_PERFORMED)
        return "waits for its client";
    if (h->state == XF_STATE_RECEIVED)
        return "keeps the copy here, paused, until its client or its "
               "administrator decides";
    return NULL;
}

/* -- destination: Prepare -- */

static void
close_door(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);
    xf_close_fd(&h->listen_fd);
    g_mutex_unlock(&h->lock);
}

void
xf_stock_hang_up(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);
    if (h->listen_fd >= 0)
        xf_bare_hang_up(h->listen_fd);
    g_mutex_unlock(&h->lock);
}

/* One connection, and the port is closed. */
static void
stream_thread(struct xf_handoff *h)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO_FD int fd = xf_bare_accept(
        h->listen_fd, (const char *const *)h->from,
        h->engine->config.channel.silence_timeout_ms, &err);

    close_door(h);
    if (fd >= 0)
        xf_dest_stream(h, fd);
    else
        g_message("handoff %s: no stream has come for domain '%s': %s",
                  h->token, h->name, err->message);
}

/* Its source can only begin again when it has its copy: what an earlier try
 * has left here without a client is of no use any more. */
static void
supersede(struct xf_handoff *h)
{
    g_autoptr(GPtrArray) all = xf_engine_all(h->engine);

    for (guint i = 0; i < all->len; i++) {
        struct xf_handoff *other = g_ptr_array_index(all, i);

        g_mutex_lock(&other->lock);

        gboolean orphan = other->side == XF_DESTINATION && xf_is_stock(other)
                          && !other->owner && !other->busy
                          && memcmp(other->uuid, h->uuid, XF_UUID_LEN) == 0;

        g_mutex_unlock(&other->lock);
        if (orphan)
            xf_dest_happened(other, XF_EVENT_SOURCE_HOLDS);
    }
}

static struct xf_handoff *
stock_new(struct xf_conn *conn, const struct xf_migrate_args *args,
            const struct xf_cookie *cookie, GError **err)
{
    struct xf_cookie ours = { .has_key = TRUE, .address = cookie->hostname };
    struct xf_handoff *h;

    xf_handoff_secrets(ours.token, ours.key);
    h = xf_dest_new(xf_engine_of(conn), args, &ours, err);
    explicit_bzero(ours.key, sizeof(ours.key));
    if (h && !xf_dest_check_uuid(h, cookie, err))
        g_clear_pointer(&h, xf_handoff_unref);
    if (h) {
        h->owner = conn;
        h->paused = (args->flags & XF_MIGRATE_PAUSED) != 0;
    }
    return h;
}

gboolean
xf_engine_expect_stock(struct xf_conn *conn,
                         const struct xf_migrate_args *args,
                         const struct xf_cookie *cookie, const char *foreign,
                         int listen_fd, const char *const *from, GError **err)
{
    XF_AUTO_FD int fd = listen_fd;
    XF_AUTO(xf_handoff) *h = NULL;

    if (!xf_flags_check(args, err))
        return FALSE;
    h = stock_new(conn, args, cookie, err);
    if (!h)
        return FALSE;
    h->foreign = g_strdup(foreign);
    h->listen_fd = xf_steal_fd(&fd);
    h->from = g_strdupv((char **)from);
    supersede(h);
    if (!xf_dest_admit(h, err))
        return FALSE;
    say_unprotected(h);
    xf_engine_spawn(h, stream_thread);
    if (!h->owner)              /* its client went while we prepared */
        xf_dest_client_gone(h);
    return TRUE;
}

/* -- destination: Finish -- */

/* Its client comes when the source has written all: what has not been read
 * yet is under way, and a connection of which nothing is known yet waits to be
 * accepted. */
static gboolean
await(struct xf_handoff *h, GError **err)
{
    const struct xf_engine_config *config = &h->engine->config;
    gint64 now = g_get_monotonic_time();
    gint64 connected_by = now + config->connect_timeout_ms * (gint64)1000;
    gint64 until = now + config->ack_timeout_ms * (gint64)1000;

    g_mutex_lock(&h->lock);
    while (h->owner && !xf_engine_stopping(h->engine)) {
        gint64 by = h->connected ? until : connected_by;

        if ((h->connected && !h->busy) || xf_state_is_final(h->state)
            || g_get_monotonic_time() >= by)
            break;
        xf_handoff_wait(h, by);
    }

    gboolean there = h->owner != NULL;

    g_mutex_unlock(&h->lock);
    if (!there)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "Finish of domain '%s': its client has gone, and its "
                    "source would not hear of it (handoff %s)", h->name,
                    h->token);
    return there;
}

void
xf_stock_over(struct xf_handoff *h)
{
    if (!xf_is_stock(h) || h->side != XF_DESTINATION)
        return;
    g_mutex_lock(&h->lock);
    h->settled = TRUE;
    g_mutex_unlock(&h->lock);
    xf_dest_unawaited(h);
}

/* Nobody else can say that it is cancelled; its stream ends, which takes a
 * while. */
static void
cancel_thread(struct xf_handoff *h)
{
    xf_dest_happened(h, XF_EVENT_CANCEL);
    xf_stock_over(h);
}

void
xf_stock_client_gone(struct xf_handoff *h)
{
    xf_engine_spawn(h, cancel_thread);
}

/* Its source takes a failure for `revoked`, and resumes. */
gboolean
xf_stock_commit(struct xf_handoff *h, GError **err)
{
    g_autoptr(GError) why = NULL;

    if (!await(h, err))
        return FALSE;
    if (xf_dest_commit(h, &why))
        return TRUE;
    if (xf_handoff_state(h) == XF_STATE_COMMITTED && !h->acted) {
        g_warning("%s", why->message);
        return TRUE;
    }
    xf_dest_happened(h, XF_EVENT_SOURCE_HOLDS);
    g_propagate_error(err, g_steal_pointer(&why));
    return FALSE;
}

/* -- source: Perform -- */

gboolean
xf_engine_perform_stock(struct xf_conn *conn,
                          const struct xf_domain_ref *dom,
                          const struct xf_migrate_args *args,
                          const char *foreign, GError **err)
{
    g_autoptr(GBytes) cookie = NULL;

    return xf_source_perform(xf_engine_of(conn), conn, dom, args, foreign,
                             &cookie, err);
}
