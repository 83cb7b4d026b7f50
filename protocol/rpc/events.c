/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/rpc/events.h"
#include "protocol/rpc/params.h"

#include <string.h>

/* Callbacks of one client; virsh has one for each kind. */
#define CALLBACKS_MAX 1024
/* Kinds that clients without callback ids know of. */
#define OLD_KINDS 16
/* What libvirtd gives messages for a serial. */
#define MESSAGE_SERIAL 1

struct callback {
    int id;                     /* 0: the client knows of no ids */
    int kind;
    gboolean one;               /* of this domain only */
    guint8 uuid[XF_UUID_LEN];
};

struct xf_rpc_events {
    gint refs;
    struct xf_rpc_link *link;
    GMutex lock;                /* the rest; taken before the link's */
    GArray *callbacks;
    int last_id;
    gboolean dropped;
};

struct xf_rpc_events *
xf_rpc_events_new(struct xf_rpc_link *link)
{
    struct xf_rpc_events *e = g_new0(struct xf_rpc_events, 1);

    e->refs = 1;
    e->link = xf_rpc_link_ref(link);
    e->callbacks = g_array_new(FALSE, TRUE, sizeof(struct callback));
    g_mutex_init(&e->lock);
    return e;
}

struct xf_rpc_events *
xf_rpc_events_ref(struct xf_rpc_events *e)
{
    g_atomic_int_inc(&e->refs);
    return e;
}

void
xf_rpc_events_unref(struct xf_rpc_events *e)
{
    if (!g_atomic_int_dec_and_test(&e->refs))
        return;
    xf_rpc_link_unref(e->link);
    g_array_unref(e->callbacks);
    g_mutex_clear(&e->lock);
    g_free(e);
}

/* -- callbacks: with the lock -- */

/* By id, or with id 0 by kind; -1: there is none. */
static int
find(struct xf_rpc_events *e, int id, int kind)
{
    for (guint i = 0; i < e->callbacks->len; i++) {
        const struct callback *c =
            &g_array_index(e->callbacks, struct callback, i);

        if (c->id == id && (id || c->kind == kind))
            return i;
    }
    return -1;
}

static gboolean
check_kind(int kind, int kinds, GError **err)
{
    if (kind >= 0 && kind < kinds)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "there is no event %d here", kind);
    return FALSE;
}

static gboolean
check_room(struct xf_rpc_events *e, GError **err)
{
    if (e->callbacks->len < CALLBACKS_MAX)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_BUSY,
                "this client has %d events registered; it gets no more",
                CALLBACKS_MAX);
    return FALSE;
}

int
xf_rpc_events_add(struct xf_rpc_events *e, int kind,
                  const struct xf_domain_ref *dom, GError **err)
{
    struct callback c = { .kind = kind, .one = dom != NULL };

    if (!check_kind(kind, XF_NOTICE_KINDS, err))
        return 0;
    if (dom)
        memcpy(c.uuid, dom->uuid, XF_UUID_LEN);
    g_mutex_lock(&e->lock);
    if (check_room(e, err)) {
        c.id = ++e->last_id;
        g_array_append_val(e->callbacks, c);
    }
    g_mutex_unlock(&e->lock);
    return c.id;
}

gboolean
xf_rpc_events_remove(struct xf_rpc_events *e, int id, GError **err)
{
    g_mutex_lock(&e->lock);

    int i = id ? find(e, id, 0) : -1;

    if (i >= 0)
        g_array_remove_index(e->callbacks, i);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "this client has no event callback %d", id);
    g_mutex_unlock(&e->lock);
    return i >= 0;
}

gboolean
xf_rpc_events_add_old(struct xf_rpc_events *e, int kind, GError **err)
{
    const struct callback c = { .kind = kind };

    if (!check_kind(kind, OLD_KINDS, err))
        return FALSE;
    g_mutex_lock(&e->lock);

    gboolean is_new = find(e, 0, kind) < 0;

    if (is_new)
        g_array_append_val(e->callbacks, c);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "this client has event %d registered already", kind);
    g_mutex_unlock(&e->lock);
    return is_new;
}

gboolean
xf_rpc_events_remove_old(struct xf_rpc_events *e, int kind, GError **err)
{
    g_mutex_lock(&e->lock);

    int i = find(e, 0, kind);

    if (i >= 0)
        g_array_remove_index(e->callbacks, i);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "this client has not registered event %d", kind);
    g_mutex_unlock(&e->lock);
    return i >= 0;
}

/* -- messages ------------------------------------------------------------ */

static GBytes *
message(int proc, xdrproc_t filter, void *body)
{
    const struct xf_rpc_header header = {
        .prog = XFW_PROGRAM,
        .vers = XFW_VERSION,
        .proc = proc,
        .type = XFW_MESSAGE,
        .serial = MESSAGE_SERIAL,
        .status = XFW_OK,
    };

    return xf_rpc_packet_new(&header, filter, body, NULL);
}

static GBytes *
lifecycle(const struct callback *c, const struct xfw_domain *dom,
          const struct xf_notice *notice)
{
    struct xfw_event_callback_lifecycle by_id = {
        .callback = c->id, .dom = *dom, .event = notice->event,
        .detail = notice->detail,
    };
    struct xfw_event_lifecycle old = {
        .dom = *dom, .event = notice->event, .detail = notice->detail,
    };

    return c->id ? message(XFW_PROC_EVENT_CALLBACK_LIFECYCLE,
                           XF_XDR(xfw_event_callback_lifecycle), &by_id)
                 : message(XFW_PROC_EVENT_LIFECYCLE,
                           XF_XDR(xfw_event_lifecycle), &old);
}

static GBytes *
reboot(const struct callback *c, const struct xfw_domain *dom,
       const struct xf_notice *notice)
{
    struct xfw_event_callback_reboot by_id = {
        .callback = c->id, .dom = *dom,
    };
    struct xfw_dom old = { .dom = *dom };

    return c->id ? message(XFW_PROC_EVENT_CALLBACK_REBOOT,
                           XF_XDR(xfw_event_callback_reboot), &by_id)
                 : message(XFW_PROC_EVENT_REBOOT, XF_XDR(xfw_dom), &old);
}

static GBytes *
iteration(const struct callback *c, const struct xfw_domain *dom,
          const struct xf_notice *notice)
{
    struct xfw_event_callback_iteration body = {
        .callback = c->id, .dom = *dom, .iteration = notice->iteration,
    };

    return message(XFW_PROC_EVENT_CALLBACK_MIGRATION_ITERATION,
                   XF_XDR(xfw_event_callback_iteration), &body);
}

static GBytes *
job_completed(const struct callback *c, const struct xfw_domain *dom,
              const struct xf_notice *notice)
{
    struct xfw_job_stats_ret stats = { 0 };
    struct xfw_event_callback_job_completed body = {
        .callback = c->id, .dom = *dom,
    };
    GBytes *packet;

    xf_rpc_job_encode(notice->job, &stats);
    body.params.params_val = stats.params.params_val;
    body.params.params_len = stats.params.params_len;
    packet = message(XFW_PROC_EVENT_CALLBACK_JOB_COMPLETED,
                     XF_XDR(xfw_event_callback_job_completed), &body);
    xdr_free(XF_XDR(xfw_job_stats_ret), &stats);
    return packet;
}

/* Those of XF_NOTICE_KINDS that happen here. */
static GBytes *(*const encoders[])(const struct callback *,
                                   const struct xfw_domain *,
                                   const struct xf_notice *) = {
    [XF_NOTICE_LIFECYCLE] = lifecycle,
    [XF_NOTICE_REBOOT] = reboot,
    [XF_NOTICE_ITERATION] = iteration,
    [XF_NOTICE_JOB_COMPLETED] = job_completed,
};

static gboolean
wants(const struct callback *c, const struct xf_notice *notice)
{
    return c->kind == (int)notice->kind &&
           (!c->one || memcmp(c->uuid, notice->dom->uuid, XF_UUID_LEN) == 0);
}

/* With the lock. */
static void
send_event(struct xf_rpc_events *e, GBytes *packet)
{
    if (!packet || e->dropped) {
        g_bytes_unref(packet);
        return;
    }
    if (xf_rpc_link_offer(e->link, packet))
        return;
    g_message("a client does not read its events: dropped");
    e->dropped = TRUE;
    xf_rpc_link_close(e->link);
}

void
xf_rpc_events_notice(void *user, const struct xf_notice *notice)
{
    struct xf_rpc_events *e = user;
    struct xfw_domain dom = {
        .name = notice->dom->name, .id = notice->dom->id,
    };

    memcpy(dom.uuid, notice->dom->uuid, XF_UUID_LEN);
    g_mutex_lock(&e->lock);
    for (guint i = 0; i < e->callbacks->len; i++) {
        const struct callback *c =
            &g_array_index(e->callbacks, struct callback, i);

        if (wants(c, notice))
            send_event(e, encoders[notice->kind](c, &dom, notice));
    }
    g_mutex_unlock(&e->lock);
}
