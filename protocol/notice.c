/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/notice.h"

#define KNOWN_MAX 4096

struct listener {
    guint id;
    void (*func)(void *user, const struct xf_notice *notice);
    void *user;
    GDestroyNotify destroy;
};

/* What was last told of a domain. */
struct known {
    char *name;
    int domid;
    enum xf_domain_state state;
    int reason;
};

struct xf_notices {
    GMutex lock;                /* all below; held while listeners are told */
    GPtrArray *listeners;
    guint last_id;
    GHashTable *known;          /* uuid text -> struct known * */
    GHashTable *ours;           /* domids that we destroy, or have */
};

static void
known_free(gpointer data)
{
    struct known *known = data;

    g_free(known->name);
    g_free(known);
}

struct xf_notices *
xf_notices_new(void)
{
    struct xf_notices *n = g_new0(struct xf_notices, 1);

    g_mutex_init(&n->lock);
    n->listeners = g_ptr_array_new();
    n->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                     known_free);
    n->ours = g_hash_table_new(NULL, NULL);
    return n;
}

void
xf_notices_free(struct xf_notices *n)
{
    g_ptr_array_unref(n->listeners);
    g_hash_table_unref(n->known);
    g_hash_table_unref(n->ours);
    g_mutex_clear(&n->lock);
    g_free(n);
}

/* -- listeners -- */

guint
xf_notices_listen(struct xf_notices *n,
                  void (*func)(void *user, const struct xf_notice *notice),
                  void *user, GDestroyNotify destroy)
{
    struct listener *l = g_new(struct listener, 1);

    g_mutex_lock(&n->lock);
    *l = (struct listener) { ++n->last_id, func, user, destroy };
    g_ptr_array_add(n->listeners, l);

    guint id = l->id;

    g_mutex_unlock(&n->lock);
    return id;
}

static struct listener *
take_listener(struct xf_notices *n, guint id)
{
    for (guint i = 0; i < n->listeners->len; i++) {
        struct listener *l = n->listeners->pdata[i];

        if (l->id == id) {
            g_ptr_array_remove_index(n->listeners, i);
            return l;
        }
    }
    return NULL;
}

void
xf_notices_unlisten(struct xf_notices *n, guint id)
{
    g_mutex_lock(&n->lock);

    struct listener *l = take_listener(n, id);

    g_mutex_unlock(&n->lock);
    if (l && l->destroy)
        l->destroy(l->user);
    g_free(l);
}

/* -- telling: with the lock -- */

static void
tell(struct xf_notices *n, const struct xf_notice *notice)
{
    for (guint i = 0; i < n->listeners->len; i++) {
        struct listener *l = n->listeners->pdata[i];

        l->func(l->user, notice);
    }
}

/* What a domain is after an event, and libvirt's reason for that. */
static const struct {
    enum xf_lifecycle event;
    enum xf_life_detail detail;
    enum xf_domain_state state;
    int reason;
} outcomes[] = {
    { XF_LIFE_STARTED, XF_STARTED_BOOTED, XF_DOMAIN_RUNNING,
      XF_RUNNING_BOOTED },
    { XF_LIFE_STARTED, XF_STARTED_MIGRATED, XF_DOMAIN_RUNNING,
      XF_RUNNING_MIGRATED },
    { XF_LIFE_STARTED, XF_STARTED_RESTORED, XF_DOMAIN_RUNNING,
      XF_RUNNING_RESTORED },
    { XF_LIFE_SUSPENDED, XF_SUSPENDED_PAUSED, XF_DOMAIN_PAUSED,
      XF_PAUSED_USER },
    { XF_LIFE_SUSPENDED, XF_SUSPENDED_MIGRATED, XF_DOMAIN_PAUSED,
      XF_PAUSED_MIGRATION },
    { XF_LIFE_SUSPENDED, XF_SUSPENDED_API_ERROR, XF_DOMAIN_PAUSED,
      XF_PAUSED_MIGRATION },
    { XF_LIFE_RESUMED, XF_RESUMED_UNPAUSED, XF_DOMAIN_RUNNING,
      XF_RUNNING_UNPAUSED },
    { XF_LIFE_RESUMED, XF_RESUMED_MIGRATED, XF_DOMAIN_RUNNING,
      XF_RUNNING_MIGRATED },
    { XF_LIFE_STOPPED, XF_STOPPED_SHUTDOWN, XF_DOMAIN_SHUTOFF,
      XF_SHUTOFF_SHUTDOWN },
    { XF_LIFE_STOPPED, XF_STOPPED_DESTROYED, XF_DOMAIN_SHUTOFF,
      XF_SHUTOFF_DESTROYED },
    { XF_LIFE_STOPPED, XF_STOPPED_CRASHED, XF_DOMAIN_SHUTOFF,
      XF_SHUTOFF_CRASHED },
    { XF_LIFE_STOPPED, XF_STOPPED_MIGRATED, XF_DOMAIN_SHUTOFF,
      XF_SHUTOFF_MIGRATED },
    { XF_LIFE_STOPPED, XF_STOPPED_SAVED, XF_DOMAIN_SHUTOFF,
      XF_SHUTOFF_SAVED },
    { XF_LIFE_STOPPED, XF_STOPPED_FAILED, XF_DOMAIN_SHUTOFF,
      XF_SHUTOFF_FAILED },
};

static struct known *
know(struct xf_notices *n, const struct xf_domain_ref *dom)
{
    char uuid[XF_UUID_STRING_LEN + 1];
    struct known *known =
        g_hash_table_lookup(n->known, xf_uuid_format(dom->uuid, uuid));

    if (!known) {
        /* Reasons are a courtesy: no crowd of domains may fill the memory. */
        if (g_hash_table_size(n->known) >= KNOWN_MAX)
            g_hash_table_remove_all(n->known);
        known = g_new0(struct known, 1);
        g_hash_table_insert(n->known, g_strdup(uuid), known);
    }
    g_free(known->name);
    known->name = g_strdup(dom->name);
    known->domid = dom->id;
    return known;
}

static void
remember(struct xf_notices *n, const struct xf_notice *notice, int reason)
{
    for (gsize i = 0; i < G_N_ELEMENTS(outcomes); i++) {
        if (outcomes[i].event != notice->event ||
            outcomes[i].detail != notice->detail)
            continue;

        struct known *known = know(n, notice->dom);

        known->state = outcomes[i].state;
        known->reason = reason < 0 ? outcomes[i].reason : reason;
    }
    /* that number is another domain's now */
    if (notice->event == XF_LIFE_STARTED)
        g_hash_table_remove(n->ours, GINT_TO_POINTER(notice->dom->id));
}

static void
life(struct xf_notices *n, const struct xf_domain_ref *dom,
     enum xf_lifecycle event, enum xf_life_detail detail, int reason)
{
    const struct xf_notice notice = {
        .kind = XF_NOTICE_LIFECYCLE,
        .dom = dom,
        .event = event,
        .detail = detail,
    };

    remember(n, &notice, reason);
    tell(n, &notice);
}

/* -- from outside -- */

void
xf_notices_tell(struct xf_notices *n, const struct xf_notice *notice)
{
    g_mutex_lock(&n->lock);
    tell(n, notice);
    g_mutex_unlock(&n->lock);
}

void
xf_notices_life(struct xf_notices *n, const struct xf_domain_ref *dom,
                enum xf_lifecycle event, enum xf_life_detail detail,
                int reason)
{
    g_mutex_lock(&n->lock);
    life(n, dom, event, detail, reason);
    g_mutex_unlock(&n->lock);
}

int
xf_notices_reason(struct xf_notices *n, const guint8 *uuid,
                  enum xf_domain_state state)
{
    char text[XF_UUID_STRING_LEN + 1];
    const struct known *known;
    int reason = XF_REASON_UNKNOWN;

    xf_uuid_format(uuid, text);
    g_mutex_lock(&n->lock);
    known = g_hash_table_lookup(n->known, text);
    if (known && known->state == state)
        reason = known->reason;
    g_mutex_unlock(&n->lock);
    return reason;
}

void
xf_notices_expect_end(struct xf_notices *n, int domid)
{
    g_mutex_lock(&n->lock);
    g_hash_table_add(n->ours, GINT_TO_POINTER(domid));
    g_mutex_unlock(&n->lock);
}

void
xf_notices_gone(struct xf_notices *n, int domid, const guint8 *uuid)
{
    char text[XF_UUID_STRING_LEN + 1];
    const struct known *known;

    xf_uuid_format(uuid, text);
    g_mutex_lock(&n->lock);
    known = g_hash_table_lookup(n->known, text);
    if (known && known->domid == domid &&
        known->state != XF_DOMAIN_SHUTOFF &&
        !g_hash_table_contains(n->ours, GINT_TO_POINTER(domid))) {
        XF_AUTO(xf_domain_ref) *dom =
            xf_domain_ref_new(known->name, uuid, domid);

        life(n, dom, XF_LIFE_STOPPED, XF_STOPPED_DESTROYED, -1);
    }
    g_mutex_unlock(&n->lock);
}
