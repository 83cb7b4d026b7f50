/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine itself: its tables, its background threads, its clock, and
 * what comes in on the channel. */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"

#include <string.h>
#include <unistd.h>

#define SWEEP_INTERVAL_US XF_FAULT_TIME(500 * 1000)
/* A client whose migration has failed calls Finish at once, if ever. */
#define TELL_WHY_MS 2000
/* An action that failed is tried again after this, and then each sweep. */
#define ACT_RETRY_MS (XF_FAULT_TIME(5000 * 1000) / 1000)
#define CLEAN_UP_WAIT_US (30 * G_USEC_PER_SEC)

void
xf_engine_config_init(struct xf_engine_config *config)
{
    memset(config, 0, sizeof(*config));
    config->state_dir = XF_STATE_DIR;
    config->hostname = g_get_host_name();
    config->channel.port = XF_CHANNEL_PORT;
    config->channel.handshake_timeout_ms = 5 * 1000;
    config->channel.silence_timeout_ms = 30 * 1000;
    config->channel.max_handshakes = 512;
    config->finish_timeout_ms = 60 * 1000;
    config->confirm_timeout_ms = 60 * 1000;
    config->resolve_wait_ms = 20 * 1000;
    config->connect_timeout_ms = 10 * 1000;
    config->ack_timeout_ms = 120 * 1000;
    config->keep_orphan_ms = 24 * 3600 * 1000;
    config->keep_ended_ms = 3600 * 1000;
    config->retry_first_ms = 1000;
    config->retry_max_ms = 60 * 1000;
    config->max_incoming = 1024;
    config->memory_reserve_kib = 0;
    config->state_room_kib = 1024;
}

/* -- handoffs and their table -- */

struct xf_handoff *
xf_handoff_new(struct xf_engine *engine, enum xf_side side, const char *token,
               const guint8 *key, const guint8 *uuid, const char *name)
{
    struct xf_handoff *h = g_new0(struct xf_handoff, 1);

    g_atomic_ref_count_init(&h->refs);
    h->engine = engine;
    h->side = side;
    g_strlcpy(h->token, token, sizeof(h->token));
    memcpy(h->key, key, XF_KEY_LEN);
    memcpy(h->uuid, uuid, XF_UUID_LEN);
    h->name = g_strdup(name);
    g_mutex_init(&h->lock);
    g_cond_init(&h->changed);
    h->state = XF_STATE_NONE;
    h->since_mono = g_get_monotonic_time();
    h->domid = -1;
    h->listen_fd = -1;
    xf_job_init(&h->job);
    h->job.incoming = side == XF_DESTINATION;
    return h;
}

struct xf_handoff *
xf_handoff_ref(struct xf_handoff *h)
{
    g_atomic_ref_count_inc(&h->refs);
    return h;
}

void
xf_handoff_unref(struct xf_handoff *h)
{
    if (!h || !g_atomic_ref_count_dec(&h->refs))
        return;
    if (h->incoming)
        h->engine->hv->ops->incoming_free(h->incoming);
    g_free(h->foreign);
    if (h->definition)
        xf_definition_free(h->definition);
    g_free(h->name);
    g_free(h->description);
    g_strfreev(h->from);
    xf_close_fd(&h->listen_fd);
    g_free(h->peer_host);
    g_free(h->peer_log);
    g_free(h->trouble);
    g_free(h->not_arrived);
    g_free(h->origin);
    g_mutex_clear(&h->lock);
    g_cond_clear(&h->changed);
    xf_job_clear(&h->job);
    g_free(h);
}

static gboolean
has_ended(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    /* With a stale record it could still be taken up in an older state. */
    gboolean ended = xf_state_is_final(h->state) && h->acted && !h->stale;

    g_mutex_unlock(&h->lock);
    return ended;
}

GPtrArray *
xf_engine_all(struct xf_engine *engine)
{
    GPtrArray *all =
        g_ptr_array_new_with_free_func((GDestroyNotify)xf_handoff_unref);
    GHashTableIter iter;
    gpointer h;

    g_mutex_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->handoffs);
    while (g_hash_table_iter_next(&iter, NULL, &h))
        g_ptr_array_add(all, xf_handoff_ref(h));
    g_mutex_unlock(&engine->lock);
    return all;
}

struct xf_handoff *
xf_engine_by_token(struct xf_engine *engine, const char *token)
{
    g_mutex_lock(&engine->lock);

    struct xf_handoff *h = g_hash_table_lookup(engine->handoffs, token);

    if (h)
        xf_handoff_ref(h);
    g_mutex_unlock(&engine->lock);
    return h;
}

struct xf_handoff *
xf_engine_by_uuid(struct xf_engine *engine, enum xf_side side,
                  const guint8 *uuid)
{
    g_autoptr(GPtrArray) all = xf_engine_all(engine);

    for (guint i = 0; i < all->len; i++) {
        struct xf_handoff *h = g_ptr_array_index(all, i);

        if (h->side == side && memcmp(h->uuid, uuid, XF_UUID_LEN) == 0
            && !has_ended(h))
            return xf_handoff_ref(h);
    }
    return NULL;
}

static gboolean
same_domain(const struct xf_handoff *a, const struct xf_handoff *b)
{
    return memcmp(a->uuid, b->uuid, XF_UUID_LEN) == 0
           || (a->side == XF_DESTINATION && b->side == XF_DESTINATION
               && strcmp(a->name, b->name) == 0);
}

static gboolean
under_way(struct xf_handoff *h)
{
    return !xf_state_is_final(xf_handoff_state(h));
}

static gboolean
may_add(struct xf_engine *engine, struct xf_handoff *h, GError **err)
{
    g_autoptr(GPtrArray) all = xf_engine_all(engine);
    guint count = 0;

    if (xf_engine_is_starting(engine, h->uuid, h->name, err)
        || !xf_offline_guard(engine, h->uuid, err))
        return FALSE;
    for (guint i = 0; i < all->len; i++) {
        struct xf_handoff *other = g_ptr_array_index(all, i);

        if (strcmp(other->token, h->token) == 0
            || (same_domain(other, h) && !has_ended(other))) {
            g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                        "domain '%s' is already being migrated (handoff %s, "
                        "%s, %s); wait for it, or abort its job", h->name,
                        other->token, xf_side_name(other->side),
                        xf_state_name(xf_handoff_state(other)));
            return FALSE;
        }
        count += other->side == h->side && under_way(other);
    }
    if (count >= engine->config.max_incoming) {
        g_set_error(err, XF_ERROR, XF_ERROR_BUSY,
                    "host %s has %u migrations under way, which is its "
                    "limit; try again later", engine->hostname, count);
        return FALSE;
    }
    return TRUE;
}

/* An earlier handoff of the same domain that is decided, but still being
 * cleaned up, is no reason to refuse: it is waited for. */
static void
wait_for_clean_up(struct xf_engine *engine, const struct xf_handoff *h)
{
    g_autoptr(GPtrArray) all = xf_engine_all(engine);
    gint64 until = g_get_monotonic_time() + CLEAN_UP_WAIT_US;

    for (guint i = 0; i < all->len; i++) {
        struct xf_handoff *other = g_ptr_array_index(all, i);

        if (!same_domain(other, h))
            continue;
        g_mutex_lock(&other->lock);
        while (xf_state_is_final(other->state) && !other->acted
               && g_get_monotonic_time() < until
               && !xf_engine_stopping(engine))
            xf_handoff_wait(other, until);
        g_mutex_unlock(&other->lock);
    }
}

gboolean
xf_engine_add(struct xf_engine *engine, struct xf_handoff *h, GError **err)
{
    /* Those that are taken up again each have something to end, whatever
     * else there is of their domain. */
    gboolean is_new = xf_handoff_state(h) == XF_STATE_NONE;

    if (is_new)
        wait_for_clean_up(engine, h);
    g_mutex_lock(&engine->adding);

    gboolean ok = !is_new || may_add(engine, h, err);

    if (ok) {
        g_mutex_lock(&engine->lock);
        g_hash_table_insert(engine->handoffs, h->token, xf_handoff_ref(h));
        g_mutex_unlock(&engine->lock);
    }
    g_mutex_unlock(&engine->adding);
    /* Who was told of its client's end before it was in here has missed it. */
    g_mutex_lock(&h->lock);
    if (xf_conn_gone(h->owner))
        h->owner = NULL;
    g_mutex_unlock(&h->lock);
    return ok;
}

void
xf_engine_remove(struct xf_engine *engine, struct xf_handoff *h)
{
    g_mutex_lock(&engine->lock);
    g_hash_table_remove(engine->handoffs, h->token);
    g_mutex_unlock(&engine->lock);
}

/* -- taking turns -- */

enum xf_state
xf_handoff_state(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    enum xf_state state = h->state;

    g_mutex_unlock(&h->lock);
    return state;
}

gboolean
xf_handoff_act_begin(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);
    while (h->acting)
        g_cond_wait(&h->changed, &h->lock);

    gboolean ours = !h->acted;

    h->acting = ours;
    g_mutex_unlock(&h->lock);
    return ours;
}

void
xf_handoff_act_end(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);
    h->acting = FALSE;
    g_cond_broadcast(&h->changed);
    g_mutex_unlock(&h->lock);
}

gboolean
xf_handoff_ask_begin(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    gboolean ours = !h->asking;

    h->asking = TRUE;
    g_mutex_unlock(&h->lock);
    return ours;
}

void
xf_handoff_ask_end(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);
    h->asking = FALSE;
    g_cond_broadcast(&h->changed);
    g_mutex_unlock(&h->lock);
}

/* -- background threads -- */

struct background {
    struct xf_handoff *h;
    void (*func)(struct xf_handoff *h);
};

gboolean
xf_engine_stopping(struct xf_engine *engine)
{
    return g_atomic_int_get(&engine->stopping);
}

static gpointer
background_main(gpointer data)
{
    struct background *b = data;
    struct xf_engine *engine = b->h->engine;

    b->func(b->h);
    xf_handoff_unref(b->h);
    g_free(b);
    g_mutex_lock(&engine->lock);
    engine->threads--;
    g_cond_broadcast(&engine->changed);
    g_mutex_unlock(&engine->lock);
    return NULL;
}

void
xf_engine_spawn(struct xf_handoff *h, void (*func)(struct xf_handoff *))
{
    struct background *b = g_new0(struct background, 1);

    b->h = xf_handoff_ref(h);
    b->func = func;
    g_mutex_lock(&h->engine->lock);
    h->engine->threads++;
    g_mutex_unlock(&h->engine->lock);
    g_thread_unref(g_thread_new("handoff", background_main, b));
}

void
xf_handoff_wait(struct xf_handoff *h, gint64 until_mono)
{
    if (!xf_engine_stopping(h->engine))
        g_cond_wait_until(&h->changed, &h->lock, until_mono);
}

static void
set_trouble(struct xf_handoff *h, const GError *why)
{
    g_free(h->trouble);
    h->trouble = why ? g_strdup(why->message) : NULL;
}

void
xf_handoff_back_off(struct xf_handoff *h, guint *pause_ms, gint64 until,
                    gboolean (*wanted)(const struct xf_handoff *h),
                    const GError *why)
{
    const struct xf_engine_config *config = &h->engine->config;

    *pause_ms = MAX(*pause_ms, config->retry_first_ms);

    gint64 wake =
        g_get_monotonic_time() + XF_FAULT_TIME(*pause_ms * (gint64)1000);

    if (until)
        wake = MIN(wake, until);
    g_mutex_lock(&h->lock);
    set_trouble(h, why);
    h->next_try = g_get_real_time() + wake - g_get_monotonic_time();
    while (wanted(h) && !h->hurry && !xf_engine_stopping(h->engine)
           && g_get_monotonic_time() < wake)
        xf_handoff_wait(h, wake);
    h->next_try = 0;
    h->hurry = FALSE;
    g_mutex_unlock(&h->lock);
    *pause_ms = MIN(2 * *pause_ms, config->retry_max_ms);
}

void
xf_handoff_hurry(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);
    h->hurry = TRUE;
    g_cond_broadcast(&h->changed);
    g_mutex_unlock(&h->lock);
}

/* -- the clock -- */

/* What is to be done for a handoff that has been in its state for so long;
 * h is locked. */
static void (*sweep_action(struct xf_handoff *h))(struct xf_handoff *)
{
    const struct xf_engine_config *config = &h->engine->config;
    gint64 age_ms = (g_get_monotonic_time() - h->since_mono) / 1000;

    if (h->busy || h->acting || h->sweep)
        return NULL;
    if (h->state == XF_STATE_NONE)
        return h->refused ? xf_handoff_refused : NULL;
    if (h->state == XF_STATE_PERFORMED)
        return age_ms > config->confirm_timeout_ms ? xf_source_deadline
                                                   : NULL;
    if (h->state == XF_STATE_PREPARED || h->state == XF_STATE_RECEIVED)
        return age_ms > config->finish_timeout_ms ? xf_dest_deadline : NULL;
    if (!xf_state_is_final(h->state))
        return NULL;
    if (!h->acted)
        return age_ms <= ACT_RETRY_MS      ? NULL
               : h->side == XF_SOURCE      ? xf_source_retry
                                           : xf_dest_retry;
    if (h->stale)
        return xf_handoff_acted;
    if (h->side != XF_DESTINATION)
        return NULL;
    if (h->awaited
        && age_ms > (h->in_band ? config->finish_timeout_ms : TELL_WHY_MS))
        return xf_dest_unawaited;
    /* What was committed is forgotten only when its source has acted. */
    return (h->settled && !h->awaited)
                   || (h->state == XF_STATE_REVOKED
                       && age_ms > config->keep_ended_ms)
               ? xf_dest_forget
               : NULL;
}

static void
sweep_thread(struct xf_handoff *h)
{
    h->sweep(h);
    g_mutex_lock(&h->lock);
    h->sweep = NULL;
    g_mutex_unlock(&h->lock);
}

/* In a thread of its own: a domain that is stuck must not hold up the
 * deadlines of the others. */
static void
sweep_one(struct xf_handoff *h)
{
    g_mutex_lock(&h->lock);

    void (*action)(struct xf_handoff *) = sweep_action(h);

    if (action)
        h->sweep = action;
    g_mutex_unlock(&h->lock);
    if (action)
        xf_engine_spawn(h, sweep_thread);
}

static gpointer
sweeper_main(gpointer data)
{
    struct xf_engine *engine = data;

    while (!xf_engine_stopping(engine)) {
        g_autoptr(GPtrArray) all = xf_engine_all(engine);

        for (guint i = 0; i < all->len; i++)
            sweep_one(g_ptr_array_index(all, i));
        xf_expected_sweep(engine);
        g_mutex_lock(&engine->lock);
        if (!xf_engine_stopping(engine))
            g_cond_wait_until(&engine->changed, &engine->lock,
                              g_get_monotonic_time() + SWEEP_INTERVAL_US);
        g_mutex_unlock(&engine->lock);
    }
    return NULL;
}

/* -- the channel -- */

/* Asked by the key of our decisions log, about whatever handoff. */
static gboolean
by_log(enum xf_channel_purpose purpose)
{
    return purpose == XF_CHANNEL_RESOLVE_LOG
           || purpose == XF_CHANNEL_DECIDED_LOG
           || purpose == XF_CHANNEL_SETTLED_DONE_LOG;
}

static gboolean
channel_key(void *user, enum xf_channel_purpose purpose, const char *token,
            guint8 *key)
{
    struct xf_engine *engine = user;
    XF_AUTO(xf_handoff) *h = xf_engine_by_token(engine, token);
    /* Which side a purpose is asked of. */
    enum xf_side side =
        purpose == XF_CHANNEL_ASK_SOURCE ? XF_SOURCE : XF_DESTINATION;

    if (by_log(purpose)) {
        xf_decisions_token_key(engine->decisions, token, key);
        return TRUE;
    }
    /* A domain that has not been described yet has no handoff yet. */
    if (!h && (purpose == XF_CHANNEL_DESCRIBED
               || purpose == XF_CHANNEL_SETTLED))
        return xf_expected_key(user, token, key);
    if (!h || h->side != side
        || (purpose == XF_CHANNEL_STREAM && h->in_band)
        || (purpose == XF_CHANNEL_DESCRIBED && !h->in_band))
        return FALSE;
    memcpy(key, h->key, XF_KEY_LEN);
    return TRUE;
}

/* Not delivered: the source asks again. */
static void
answer_lost(struct xf_engine *engine, enum xf_channel_purpose purpose,
            const char *token, int fd)
{
    g_autoptr(GError) err = NULL;
    enum xf_channel_msg answer =
        purpose == XF_CHANNEL_SETTLED_DONE_LOG
            ? xf_engine_settled_lost(engine, token)
            : xf_engine_answer_lost(engine, token,
                                    purpose == XF_CHANNEL_RESOLVE_LOG);

    if (answer && !xf_channel_send(fd, answer, &err))
        g_message("handoff %s: %s", token, err->message);
}

gboolean
xf_engine_enter(struct xf_engine *engine)
{
    /* Counted before it looks whether the engine stops: either the engine
     * waits for this, or this leaves at once. */
    g_mutex_lock(&engine->lock);
    engine->threads++;
    g_mutex_unlock(&engine->lock);
    if (!xf_engine_stopping(engine))
        return TRUE;
    xf_engine_leave(engine);
    return FALSE;
}

gboolean
xf_engine_stops(struct xf_engine *engine)
{
    return xf_engine_stopping(engine);
}

void
xf_engine_leave(struct xf_engine *engine)
{
    g_mutex_lock(&engine->lock);
    engine->threads--;
    g_cond_broadcast(&engine->changed);
    g_mutex_unlock(&engine->lock);
}

static void
channel_accepted(void *user, enum xf_channel_purpose purpose,
                 const char *token, int fd_in)
{
    XF_AUTO_FD int fd = fd_in;
    struct xf_engine *engine = user;

    XF_FAULT_FD("accepted", fd);
    if (!xf_engine_enter(engine))
        return;

    struct xf_handoff *h = xf_engine_by_token(engine, token);

    if (purpose == XF_CHANNEL_DESCRIBED)
        xf_dest_described(engine, token, fd);
    else if (purpose == XF_CHANNEL_SETTLED && !h)
        xf_expected_settled(engine, token, fd);
    else if (by_log(purpose))
        answer_lost(engine, purpose, token, fd);
    else if (h && purpose == XF_CHANNEL_STREAM)
        xf_dest_stream(h, fd);
    else if (h)
        xf_settle_answer(h, purpose, fd);
    xf_handoff_unref(h);
    xf_engine_leave(engine);
}

guint16
xf_engine_channel_port(struct xf_engine *engine)
{
    return xf_channel_listener_port(engine->listener);
}

const struct xf_engine_config *
xf_engine_config_of(struct xf_engine *engine)
{
    return &engine->config;
}

/* -- life -- */

static struct xf_defined *
open_defined(struct xf_engine *engine, GError **err)
{
    struct xf_domain_store *store = engine->config.domain_store;

    engine->config.domain_store = NULL;
    if (!store) {
        g_autofree char *dir =
            g_build_filename(engine->config.state_dir, "domains", NULL);

        store = xf_domain_files_new(dir, err);
    }
    return store ? xf_defined_new(engine->hv, store, err) : NULL;
}

struct xf_engine *
xf_engine_new(struct xf_hypervisor *hv, struct xf_store *store,
              const struct xf_engine_config *config, GError **err)
{
    struct xf_engine *engine = g_new0(struct xf_engine, 1);
    struct xf_channel_handler handler = {
        .key = channel_key,
        .accepted = channel_accepted,
        .user = engine,
    };

    engine->hv = hv;
    engine->store = store;
    engine->config = *config;
    engine->hostname = g_strdup(config->hostname);
    engine->channel_host = g_strdup(
        config->channel_host ? config->channel_host : config->hostname);
    engine->config.hostname = engine->hostname;
    engine->config.channel_host = engine->channel_host;
    g_mutex_init(&engine->lock);
    g_mutex_init(&engine->adding);
    g_mutex_init(&engine->ledger);
    g_cond_init(&engine->changed);
    engine->handoffs = g_hash_table_new_full(
        g_str_hash, g_str_equal, NULL, (GDestroyNotify)xf_handoff_unref);
    engine->last_jobs =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    engine->notices = xf_notices_new();
    engine->speeds =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    engine->expected =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    engine->offline =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    engine->starting =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    engine->decisions = xf_decisions_open(config->state_dir, err);
    if (engine->decisions)
        engine->defined = open_defined(engine, err);
    /* Records first: a peer that asks must not hear "unknown" of a handoff
     * that has only not been read yet.  What recovery wants of peers it
     * asks in the background. */
    if (engine->defined)
        xf_saving_recover(engine);
    if (engine->defined && xf_engine_recover(engine, err))
        engine->listener = xf_channel_listen(&config->channel, &handler, err);
    if (hv->ops->watch)
        hv->ops->watch(hv, &(struct xf_hv_watcher) { xf_engine_on_end,
                                                     engine });
    engine->sweeper = g_thread_new("sweeper", sweeper_main, engine);
    if (!engine->listener) {
        xf_engine_free(engine);
        return NULL;
    }
    return engine;
}

struct xf_notices *
xf_engine_notices(struct xf_engine *engine)
{
    return engine->notices;
}

static void
wake_all(struct xf_engine *engine)
{
    g_autoptr(GPtrArray) all = xf_engine_all(engine);

    for (guint i = 0; i < all->len; i++) {
        struct xf_handoff *h = g_ptr_array_index(all, i);

        g_mutex_lock(&h->lock);
        g_cond_broadcast(&h->changed);
        if (h->incoming)
            engine->hv->ops->incoming_abort(h->incoming);
        g_mutex_unlock(&h->lock);
        xf_stock_hang_up(h);
    }
}

void
xf_engine_free(struct xf_engine *engine)
{
    if (!engine)
        return;
    if (engine->hv->ops->watch)
        engine->hv->ops->watch(engine->hv, NULL);
    g_atomic_int_set(&engine->stopping, TRUE);
    if (engine->listener)
        xf_channel_listener_stop(engine->listener);
    g_mutex_lock(&engine->lock);
    g_cond_broadcast(&engine->changed);
    g_mutex_unlock(&engine->lock);
    g_thread_join(engine->sweeper);     /* it starts threads, too */
    g_mutex_lock(&engine->lock);
    while (engine->threads) {
        g_mutex_unlock(&engine->lock);
        wake_all(engine);
        g_mutex_lock(&engine->lock);
        g_cond_wait_until(&engine->changed, &engine->lock,
                          g_get_monotonic_time() + G_USEC_PER_SEC / 10);
    }
    g_mutex_unlock(&engine->lock);
    if (engine->listener)
        xf_channel_listener_free(engine->listener);
    g_hash_table_destroy(engine->handoffs);
    g_hash_table_destroy(engine->last_jobs);
    g_hash_table_destroy(engine->speeds);
    xf_notices_free(engine->notices);
    g_hash_table_destroy(engine->expected);
    g_hash_table_destroy(engine->offline);
    g_hash_table_destroy(engine->starting);
    xf_defined_free(engine->defined);
    xf_decisions_close(engine->decisions);
    g_mutex_clear(&engine->lock);
    g_mutex_clear(&engine->adding);
    g_mutex_clear(&engine->ledger);
    g_cond_clear(&engine->changed);
    g_free(engine->hostname);
    g_free(engine->channel_host);
    g_free(engine);
}
