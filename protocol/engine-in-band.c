/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handoffs without Begin and Confirm: the destination makes token and key,
 * the source asks for the commit itself, on the stream's connection.
 *
 * A client of v1 carries no XML: what it prepares is only expected (token,
 * key, the name wanted).  Nothing is on the host for it and nothing is
 * written down; it becomes a handoff when its source has described the
 * domain.  A client of v2 brings the XML, and Prepare makes the handoff.
 * Either way the source says on the channel who it is (its cookie, without
 * the key) before the stream, so that it can be asked later.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"

#include <string.h>

/* Of domain XML in a description: what the wire takes is more, what any
 * domain needs is far less. */
#define DESCRIPTION_MAX (1024 * 1024)
#define REFUSAL_MAX 4096

/* What has been prepared without a domain.  engine->lock guards all. */
struct xf_expected {
    char token[XF_TOKEN_LEN + 1];
    guint8 key[XF_KEY_LEN];
    struct xf_conn *owner;      /* NULL: it has gone */
    gint64 since;               /* monotonic us */
    gboolean arriving;          /* its description is being read */
    gboolean paused;
    gboolean persist;
    gboolean unsafe;
    char dname[256];            /* "": the domain's own */
};

/* -- destination: Prepare -- */

static GBytes *
expected_cookie(struct xf_engine *engine, const struct xf_expected *e)
{
    struct xf_cookie cookie = {
        .name = (char *)"not told yet",
        .hostname = engine->hostname,
        .stream_version = XF_STREAM_VERSION,
        .has_key = TRUE,
        .address = engine->channel_host,
        .port = xf_engine_channel_port(engine),
        /* tells the source that it is to describe the domain */
        .state = (char *)xf_state_name(XF_STATE_NONE),
    };

    memcpy(cookie.token, e->token, sizeof(cookie.token));
    memcpy(cookie.key, e->key, XF_KEY_LEN);
    xf_dest_name_log(engine, &cookie);
    return xf_cookie_format(&cookie);
}

static gboolean
expect_unknown(struct xf_conn *conn, const struct xf_migrate_args *args,
               GBytes **cookie_out, GError **err)
{
    struct xf_engine *engine = xf_engine_of(conn);
    g_autofree struct xf_expected *e = g_new0(struct xf_expected, 1);

    if (args->dname
        && g_strlcpy(e->dname, args->dname, sizeof(e->dname))
               >= sizeof(e->dname)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "Prepare: a name of %" G_GSIZE_FORMAT " bytes is too "
                    "long", strlen(args->dname));
        return FALSE;
    }
    xf_handoff_secrets(e->token, e->key);
    e->owner = conn;
    e->since = g_get_monotonic_time();
    e->paused = (args->flags & XF_MIGRATE_PAUSED) != 0;
    e->persist = (args->flags & XF_MIGRATE_PERSIST_DEST) != 0;
    e->unsafe = (args->flags & XF_MIGRATE_UNSAFE) != 0;
    g_mutex_lock(&engine->lock);

    guint count = g_hash_table_size(engine->expected);
    gboolean room = count < engine->config.max_incoming;
    gboolean gone = xf_conn_gone(conn);

    if (room && !gone) {
        *cookie_out = expected_cookie(engine, e);
        g_hash_table_insert(engine->expected, e->token, e);
        e = NULL;
    }
    g_mutex_unlock(&engine->lock);
    if (gone)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_ABORTED,
                            "Prepare: its client has gone");
    else if (!room)
        g_set_error(err, XF_ERROR, XF_ERROR_BUSY,
                    "host %s expects %u domains already, which is its limit; "
                    "try again later", engine->hostname, count);
    return room && !gone;
}

static gboolean
expect_known(struct xf_conn *conn, const struct xf_migrate_args *args,
             GBytes **cookie_out, GError **err)
{
    struct xf_cookie cookie = { .has_key = TRUE };

    xf_handoff_secrets(cookie.token, cookie.key);

    XF_AUTO(xf_handoff) *h = xf_dest_new(xf_engine_of(conn), args, &cookie,
                                         err);

    if (!h)
        return FALSE;
    h->in_band = TRUE;
    h->awaited = TRUE;
    h->paused = (args->flags & XF_MIGRATE_PAUSED) != 0;
    h->owner = conn;
    if (!xf_dest_admit(h, err))
        return FALSE;
    if (!h->owner)              /* its client went while we prepared */
        xf_dest_client_gone(h);
    *cookie_out = xf_dest_cookie(h);
    return TRUE;
}

gboolean
xf_engine_expect(struct xf_conn *conn, const struct xf_migrate_args *args,
                 GBytes **cookie_out, char **uri_out, GError **err)
{
    g_autofree char *uri = NULL;

    if (!xf_flags_check(args, err))
        return FALSE;
    uri = xf_dest_uri(xf_engine_of(conn), args->uri, err);
    if (!uri || !(args->xml ? expect_known
                            : expect_unknown)(conn, args, cookie_out, err))
        return FALSE;
    *uri_out = g_steal_pointer(&uri);
    XF_FAULT("expected");
    return TRUE;
}

/* -- destination: what becomes of the expected -- */

gboolean
xf_expected_key(struct xf_engine *engine, const char *token, guint8 *key)
{
    g_mutex_lock(&engine->lock);

    const struct xf_expected *e =
        g_hash_table_lookup(engine->expected, token);

    if (e)
        memcpy(key, e->key, XF_KEY_LEN);
    g_mutex_unlock(&engine->lock);
    return e != NULL;
}

void
xf_expected_settled(struct xf_engine *engine, const char *token, int fd)
{
    g_autoptr(GError) err = NULL;

    g_mutex_lock(&engine->lock);

    const struct xf_expected *e =
        g_hash_table_lookup(engine->expected, token);

    if (e && !e->arriving)
        g_hash_table_remove(engine->expected, token);
    g_mutex_unlock(&engine->lock);
    /* Not delivered: it says so again, to nobody. */
    if (!xf_channel_send(fd, XF_MSG_OK, &err))
        g_debug("handoff %s: %s", token, err->message);
}

void
xf_expected_client_gone(struct xf_engine *engine, struct xf_conn *conn)
{
    GHashTableIter iter;
    gpointer value;

    g_mutex_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->expected);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct xf_expected *e = value;

        if (e->owner != conn)
            continue;
        e->owner = NULL;
        if (!e->arriving)
            g_hash_table_iter_remove(&iter);
    }
    g_mutex_unlock(&engine->lock);
}

void
xf_expected_sweep(struct xf_engine *engine)
{
    gint64 oldest = g_get_monotonic_time()
                    - (gint64)engine->config.finish_timeout_ms * 1000;
    GHashTableIter iter;
    gpointer value;

    g_mutex_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->expected);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct xf_expected *e = value;

        if (e->arriving || e->since > oldest)
            continue;
        g_message("handoff %s: prepared, but no domain came in time",
                  e->token);
        g_hash_table_iter_remove(&iter);
    }
    g_mutex_unlock(&engine->lock);
}

/* -- destination: the description -- */

struct description {
    struct xf_cookie *cookie;   /* of the source */
    char *xml;                  /* "": the destination has it */
};

static void
description_clear(struct description *d)
{
    if (d->cookie)
        xf_cookie_free(d->cookie);
    g_free(d->xml);
}

#define DESCRIPTION_AUTO \
    __attribute__((cleanup(description_clear))) struct description

static gboolean
read_description(struct xf_engine *engine, const char *token, int fd,
                 struct description *d, GError **err)
{
    const guint timeout = engine->config.connect_timeout_ms;
    g_autoptr(GBytes) cookie =
        xf_channel_recv_block(fd, XF_COOKIE_READ_MAX, timeout, err);
    g_autoptr(GBytes) xml =
        cookie ? xf_channel_recv_block(fd, DESCRIPTION_MAX, timeout, err)
               : NULL;
    gsize len;
    const char *text;

    if (xml)
        d->cookie = xf_cookie_parse(cookie, err);
    if (!d->cookie)
        return FALSE;
    text = g_bytes_get_data(xml, &len);
    if (len && memchr(text, 0, len)) {
        g_set_error(err, XF_ERROR, XF_ERROR_XML,
                    "the description has a zero byte in it");
        return FALSE;
    }
    d->xml = g_strndup(len ? text : "", len);
    if (strcmp(d->cookie->token, token) == 0 && d->cookie->address
        && d->cookie->stream_version == XF_STREAM_VERSION)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                "the source's description is of another handoff, names no "
                "address of its own, or another version (%u) of libxl's "
                "stream than %d", d->cookie->stream_version,
                XF_STREAM_VERSION);
    return FALSE;
}

/* Takes what was expected, for itself alone; FALSE: it is not there. */
static gboolean
claim(struct xf_engine *engine, const char *token, struct xf_expected *copy)
{
    g_mutex_lock(&engine->lock);

    struct xf_expected *e = g_hash_table_lookup(engine->expected, token);
    gboolean ours = e && !e->arriving;

    if (ours) {
        e->arriving = TRUE;
        *copy = *e;
    }
    g_mutex_unlock(&engine->lock);
    return ours;
}

/* Its place is h's now (NULL: it was refused), and so is its client. */
static void
claimed(struct xf_engine *engine, const char *token, struct xf_handoff *h)
{
    if (h)
        g_mutex_lock(&h->lock);
    g_mutex_lock(&engine->lock);

    const struct xf_expected *e =
        g_hash_table_lookup(engine->expected, token);

    if (h) {
        h->owner = e->owner;
        h->awaited = e->owner != NULL;
    }
    g_hash_table_remove(engine->expected, token);
    g_mutex_unlock(&engine->lock);
    if (h)
        g_mutex_unlock(&h->lock);
}

static gboolean
admit(struct xf_handoff *h, const struct xf_cookie *cookie, GError **err)
{
    return h && xf_dest_check_uuid(h, cookie, err) && xf_dest_admit(h, err);
}

/* v1: the domain is known now; all that Prepare could not do. */
static struct xf_handoff *
meet(struct xf_engine *engine, const char *token, struct description *d,
     GError **err)
{
    struct xf_expected e;
    struct xf_migrate_args args = { .xml = d->xml };

    if (!claim(engine, token, &e)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "nothing is expected as handoff %s any more", token);
        return NULL;
    }
    if (*e.dname)
        args.dname = e.dname;
    if (e.persist)
        args.flags |= XF_MIGRATE_PERSIST_DEST;
    if (e.unsafe)
        args.flags |= XF_MIGRATE_UNSAFE;
    memcpy(d->cookie->key, e.key, XF_KEY_LEN);

    XF_AUTO(xf_handoff) *h =
        XF_FAULT_FAILS("claimed", err)
            ? NULL : xf_dest_new(engine, &args, d->cookie, err);

    if (h) {
        h->in_band = TRUE;
        h->paused = e.paused;
    }

    gboolean ok = admit(h, d->cookie, err);

    XF_FAULT("admitted");
    claimed(engine, token, ok ? h : NULL);
    if (ok && !h->owner)        /* its client went meanwhile */
        xf_dest_client_gone(h);
    return ok ? g_steal_pointer(&h) : NULL;
}

/* v2: the domain was known; now its source is, too. */
static gboolean
recognise(struct xf_handoff *h, const struct description *d, GError **err)
{
    gboolean first;

    if (!xf_dest_check_uuid(h, d->cookie, err)
        || XF_FAULT_FAILS("recognise", err))
        return FALSE;
    g_mutex_lock(&h->lock);
    first = h->state == XF_STATE_PREPARED && !h->connected && !h->origin;
    if (h->state == XF_STATE_PREPARED && !h->connected) {
        g_free(h->peer_host);
        h->peer_host = g_strdup(d->cookie->address);
        h->peer_port = d->cookie->port;
    }
    if (first)
        h->origin = g_strdup(d->cookie->origin);
    g_mutex_unlock(&h->lock);
    return !first || !h->origin || xf_dest_needs(h, err);
}

static void
refuse(int fd, const char *token, const GError *why)
{
    g_autoptr(GError) err = NULL;
    gsize len = MIN(strlen(why->message), REFUSAL_MAX);

    g_message("handoff %s: refused: %s", token, why->message);
    XF_FAULT_FD("refusal-to-send", fd);
    /* Not delivered: to the source the connection has broken. */
    if (!xf_channel_send(fd, XF_MSG_REFUSED, &err)
        || !xf_channel_send_block(fd, why->message, len, &err))
        g_message("handoff %s: %s", token, err->message);
}

void
xf_dest_described(struct xf_engine *engine, const char *token, int fd)
{
    DESCRIPTION_AUTO d = { 0 };
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_handoff) *h = NULL;
    gboolean ok = read_description(engine, token, fd, &d, &err);

    XF_FAULT_FD("description-read", fd);
    if (ok) {
        h = xf_engine_by_token(engine, token);
        ok = h ? recognise(h, &d, &err)
               : (h = meet(engine, token, &d, &err)) != NULL;
    }
    if (!ok) {
        refuse(fd, token, err);
        return;
    }
    XF_FAULT_FD("described", fd);
    /* Not delivered: then the stream breaks, and that ends it. */
    if (!xf_channel_send(fd, XF_MSG_OK, &err))
        g_message("handoff %s: %s", token, err->message);
    xf_dest_stream(h, fd);
}

/* The source asks for the commit itself.  When it does not, or our answer
 * does not reach it, it resolves. */
void
xf_dest_answer_commit(struct xf_handoff *h, int fd)
{
    enum xf_channel_msg msg;
    g_autoptr(GError) err = NULL;

    if (!xf_channel_recv(fd, h->engine->config.ack_timeout_ms, &msg, &err)
        || msg != XF_MSG_COMMIT) {
        g_message("handoff %s: the source of domain '%s' did not ask for the "
                  "commit: %s", h->token, h->name,
                  err ? err->message : "it sent another message");
        return;
    }
    XF_FAULT_FD("commit-asked", fd);
    if (!xf_dest_commit(h, &err))
        g_warning("%s", err->message);
    g_clear_error(&err);
    XF_FAULT_FD("commit-to-answer", fd);

    enum xf_state state = xf_handoff_state(h);

    if (xf_state_is_final(state)
        && !xf_channel_send(fd, state == XF_STATE_COMMITTED
                                    ? XF_MSG_COMMITTED : XF_MSG_REVOKED,
                            &err))
        g_message("handoff %s: answer to the question to commit: %s",
                  h->token, err->message);
}

struct xf_domain_ref *
xf_engine_arrived(struct xf_conn *conn, const struct xf_migrate_args *args,
                  GError **err)
{
    g_autoptr(GBytes) cookie = NULL;

    return xf_dest_finish(xf_engine_of(conn), conn, args, &cookie, err);
}

/* -- source -- */

static gboolean
describe(struct xf_handoff *h, int fd, GError **err)
{
    g_autoptr(GBytes) cookie = xf_source_cookie(h, FALSE);
    const char *xml = h->description ? h->description : "";
    gsize len;
    const void *data = g_bytes_get_data(cookie, &len);

    if (strlen(xml) > DESCRIPTION_MAX) {
        g_set_error(err, XF_ERROR, XF_ERROR_XML,
                    "the domain's XML has %" G_GSIZE_FORMAT " bytes; %d can "
                    "be sent", strlen(xml), DESCRIPTION_MAX);
        return FALSE;
    }
    return xf_channel_send_block(fd, data, len, err)
           && xf_channel_send_block(fd, xml, strlen(xml), err);
}

static void
set_refused(int fd, guint timeout_ms, GError **err)
{
    g_autoptr(GError) lost = NULL;
    g_autoptr(GBytes) why =
        xf_channel_recv_block(fd, REFUSAL_MAX, timeout_ms, &lost);
    g_autofree char *text = NULL;

    if (why) {
        gsize len;
        const char *data = g_bytes_get_data(why, &len);

        text = g_utf8_make_valid(len ? data : "", len);
    }
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                "the destination refuses the domain: %s",
                text ? text : lost->message);
}

gboolean
xf_source_describe(struct xf_handoff *h, int fd, GError **err)
{
    const struct xf_engine_config *config = &h->engine->config;
    enum xf_channel_msg answer;

    XF_FAULT_FD("to-describe", fd);
    if (!describe(h, fd, err)
        || !xf_channel_recv(fd, config->ack_timeout_ms, &answer, err))
        return FALSE;
    XF_FAULT("description-answered");
    if (answer == XF_MSG_OK)
        return TRUE;
    if (answer == XF_MSG_REFUSED)
        set_refused(fd, config->connect_timeout_ms, err);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "the destination answered 0x%02x to the description of "
                    "the domain", answer);
    return FALSE;
}

static struct xf_cookie *
prepare_cookie(const struct xf_domain_ref *dom,
               const struct xf_migrate_args *args, gboolean *describe_it,
               GError **err)
{
    XF_AUTO(xf_cookie) *cookie = NULL;

    if (!args->cookie_in || !g_bytes_get_size(args->cookie_in)) {
        g_set_error(err, XF_ERROR, XF_ERROR_UNSUPPORTED,
                    "Perform of domain '%s': the destination's Prepare gave "
                    "no cookie: it is not a Xenferry host", dom->name);
        return NULL;
    }
    cookie = xf_cookie_parse(args->cookie_in, err);
    if (!cookie)
        return NULL;
    if (!cookie->token[0] || !cookie->has_key) {
        g_set_error(err, XF_ERROR, XF_ERROR_UNSUPPORTED,
                    "Perform of domain '%s': the cookie has no token and "
                    "key: the destination is not a Xenferry host",
                    dom->name);
        return NULL;
    }
    *describe_it =
        g_strcmp0(cookie->state, xf_state_name(XF_STATE_NONE)) == 0;
    if (!*describe_it && memcmp(cookie->uuid, dom->uuid, XF_UUID_LEN) != 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "Perform of domain '%s': what was prepared is another "
                    "domain ('%s')", dom->name, cookie->name);
        return NULL;
    }
    return g_steal_pointer(&cookie);
}

gboolean
xf_engine_send(struct xf_conn *conn, const struct xf_domain_ref *dom,
               const struct xf_migrate_args *args, GError **err)
{
    g_autofree char *xml = NULL;
    g_autofree char *uri = NULL;
    XF_AUTO(xf_cookie) *cookie = NULL;
    XF_AUTO(xf_handoff) *h = NULL;
    gboolean describe_it;

    if (!xf_flags_check(args, err))
        return FALSE;
    cookie = prepare_cookie(dom, args, &describe_it, err);
    if (!cookie || (args->tunnel && !(uri = xf_tunnel_uri(cookie, err))))
        return FALSE;
    h = xf_source_new(xf_engine_of(conn), conn, dom, cookie->token,
                      cookie->key, err);
    if (!h || !xf_source_stream_to(h, uri ? uri : args->uri, cookie, err))
        return FALSE;
    h->in_band = TRUE;
    xml = xf_source_take(h, conn, args, err);
    if (!xml)
        return FALSE;
    if (describe_it)
        h->description = g_steal_pointer(&xml);
    return xf_source_send(h, args, err);
}
