/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/unit/fake-host.h"

#include <string.h>

GMutex xf_fake_lock;
struct xf_fake_host xf_fake_here, xf_fake_there;

struct fake_conn {
    struct xf_conn conn;
    struct xf_fake_host *host;
    gboolean broken;
};

static void
domain_free(gpointer data)
{
    struct xf_fake_domain *domain = data;

    xf_domain_ref_free(domain->ref);
    g_free(domain);
}

static void
host_reset(struct xf_fake_host *host, const char *uri, const char *hostname)
{
    g_clear_pointer(&host->domains, g_ptr_array_unref);
    g_free(host->resolved);
    g_free(host->created);
    memset(host, 0, sizeof(*host));
    host->uri = uri;
    host->hostname = hostname;
    host->domains = g_ptr_array_new_with_free_func(domain_free);
}

void
xf_fake_reset(void)
{
    host_reset(&xf_fake_here, FAKE_HERE, "here");
    host_reset(&xf_fake_there, FAKE_THERE, "there");
}

struct xf_fake_domain *
xf_fake_add(struct xf_fake_host *host, int id, const char *name, guint8 byte)
{
    struct xf_fake_domain *domain = g_new0(struct xf_fake_domain, 1);
    guint8 uuid[XF_UUID_LEN];

    memset(uuid, byte, sizeof(uuid));
    domain->ref = xf_domain_ref_new(name, uuid, id);
    domain->info.state = XF_DOMAIN_RUNNING;
    domain->info.memory_kib = domain->info.max_memory_kib = 256 * 1024;
    domain->info.vcpus = 2;
    domain->info.cpu_time_ns = G_GUINT64_CONSTANT(1500000000);
    g_ptr_array_add(host->domains, domain);
    return domain;
}

/* -- looking domains up -- */

static gboolean
answers(struct xf_conn *conn, GError **err)
{
    struct fake_conn *self = (struct fake_conn *)conn;
    gboolean ok;

    g_mutex_lock(&xf_fake_lock);
    self->broken |= self->host->broken;
    ok = !self->broken && !self->host->down;
    g_mutex_unlock(&xf_fake_lock);
    if (ok)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                "connection to %s lost", self->host->hostname);
    return FALSE;
}

static struct xf_fake_host *
host_of(struct xf_conn *conn)
{
    return ((struct fake_conn *)conn)->host;
}

/* By any of the three; NULL, NULL, -1: not asked for. */
static struct xf_fake_domain *
find(struct xf_fake_host *host, const guint8 *uuid, const char *name, int id)
{
    for (guint i = 0; i < host->domains->len; i++) {
        struct xf_fake_domain *domain = host->domains->pdata[i];

        if ((uuid && memcmp(domain->ref->uuid, uuid, XF_UUID_LEN) == 0)
            || (name && strcmp(domain->ref->name, name) == 0)
            || (id >= 0 && domain->ref->id == id))
            return domain;
    }
    return NULL;
}

void
xf_fake_remove(struct xf_fake_host *host, const char *name)
{
    g_ptr_array_remove(host->domains, find(host, NULL, name, -1));
}

static struct xf_fake_domain *
find_or_fail(struct xf_conn *conn, const guint8 *uuid, const char *name,
             int id, GError **err)
{
    struct xf_fake_domain *domain;

    if (!answers(conn, err))
        return NULL;
    domain = find(host_of(conn), uuid, name, id);
    if (!domain)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                            "no such domain");
    return domain;
}

static struct xf_domain_ref *
copy_ref(const struct xf_fake_domain *domain)
{
    return domain ? xf_domain_ref_copy(domain->ref) : NULL;
}

static struct xf_domain_ref *
lookup_by_id(struct xf_conn *conn, int id, GError **err)
{
    return copy_ref(find_or_fail(conn, NULL, NULL, id, err));
}

static struct xf_domain_ref *
lookup_by_name(struct xf_conn *conn, const char *name, GError **err)
{
    return copy_ref(find_or_fail(conn, NULL, name, -1, err));
}

static struct xf_domain_ref *
lookup_by_uuid(struct xf_conn *conn, const guint8 *uuid, GError **err)
{
    return copy_ref(find_or_fail(conn, uuid, NULL, -1, err));
}

static GPtrArray *
list_domains(struct xf_conn *conn, guint flags, GError **err)
{
    struct xf_fake_host *host = host_of(conn);
    GPtrArray *refs;

    if (!answers(conn, err))
        return NULL;
    refs = g_ptr_array_new_with_free_func(
        (GDestroyNotify)xf_domain_ref_free);
    for (guint i = 0; i < host->domains->len; i++)
        g_ptr_array_add(refs, copy_ref(host->domains->pdata[i]));
    return refs;
}

static gboolean
domain_info(struct xf_conn *conn, const struct xf_domain_ref *dom,
            struct xf_domain_info *info, GError **err)
{
    struct xf_fake_domain *domain =
        find_or_fail(conn, dom->uuid, NULL, -1, err);

    if (domain)
        *info = domain->info;
    return domain != NULL;
}

/* -- acting on them -- */

static struct xf_domain_ref *
create_xml(struct xf_conn *conn, const char *xml, guint flags, GError **err)
{
    struct xf_fake_host *host = host_of(conn);

    if (!answers(conn, err))
        return NULL;
    g_free(host->created);
    host->created = g_strdup(xml);
    host->created_flags = flags;
    return copy_ref(xf_fake_add(host, 7, "made", 0x77));
}

static gboolean
domain_destroy(struct xf_conn *conn, const struct xf_domain_ref *dom,
               GError **err)
{
    if (!find_or_fail(conn, dom->uuid, NULL, -1, err))
        return FALSE;
    xf_fake_remove(host_of(conn), dom->name);
    return TRUE;
}

static gboolean
set_state(struct xf_conn *conn, const struct xf_domain_ref *dom,
          enum xf_domain_state state, GError **err)
{
    struct xf_fake_domain *domain =
        find_or_fail(conn, dom->uuid, NULL, -1, err);

    if (domain)
        domain->info.state = state;
    return domain != NULL;
}

static gboolean
domain_suspend(struct xf_conn *conn, const struct xf_domain_ref *dom,
               GError **err)
{
    return set_state(conn, dom, XF_DOMAIN_PAUSED, err);
}

static gboolean
domain_resume(struct xf_conn *conn, const struct xf_domain_ref *dom,
              GError **err)
{
    return set_state(conn, dom, XF_DOMAIN_RUNNING, err);
}

/* -- the host and its jobs -- */

static char *
get_hostname(struct xf_conn *conn, GError **err)
{
    return answers(conn, err) ? g_strdup(host_of(conn)->hostname) : NULL;
}

static int
supports_feature(struct xf_conn *conn, int feature, GError **err)
{
    if (!answers(conn, err))
        return -1;
    return feature == XF_FEATURE_XENFERRY ? !host_of(conn)->stock
           : feature == XF_FEATURE_MIGRATION_P2P
               || feature == XF_FEATURE_MIGRATION_DIRECT
               || feature == XF_FEATURE_MIGRATION_PARAMS;
}

static gboolean
perform3(struct xf_conn *conn, const struct xf_domain_ref *dom,
         const struct xf_migrate_args *args, GBytes **cookie_out,
         GError **err)
{
    g_set_error_literal(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                        "it is refused");
    return FALSE;
}

static gboolean
job_info(struct xf_conn *conn, const struct xf_domain_ref *dom,
         gboolean completed, struct xf_job_info *info, GError **err)
{
    struct xf_fake_host *host = host_of(conn);

    if (!answers(conn, err))
        return FALSE;
    g_mutex_lock(&xf_fake_lock);
    *info = completed ? host->completed : host->job;
    g_mutex_unlock(&xf_fake_lock);
    return TRUE;
}

static gboolean
abort_job(struct xf_conn *conn, const struct xf_domain_ref *dom, GError **err)
{
    if (!answers(conn, err))
        return FALSE;
    g_mutex_lock(&xf_fake_lock);
    host_of(conn)->job.type = XF_JOB_NONE;
    g_mutex_unlock(&xf_fake_lock);
    g_atomic_int_inc(&host_of(conn)->aborts);
    return TRUE;
}

static void
conn_close(struct xf_conn *conn)
{
    host_of(conn)->connections--;
    g_free(conn);
}

static GPtrArray *
list_handoffs(struct xf_conn *conn, GError **err)
{
    const struct xf_handoff_info *info = host_of(conn)->handoff;
    GPtrArray *infos;

    if (host_of(conn)->mute) {
        g_set_error_literal(err, XF_ERROR, XF_ERROR_DENIED, "not from there");
        return NULL;
    }
    infos = g_ptr_array_new_with_free_func(
        (GDestroyNotify)xf_handoff_info_free);
    if (info) {
        struct xf_handoff_info *copy = g_memdup2(info, sizeof(*info));

        copy->token = g_strdup(info->token);
        copy->name = g_strdup(info->name);
        copy->uuid = g_strdup(info->uuid);
        copy->side = g_strdup(info->side);
        copy->state = g_strdup(info->state);
        copy->peer = g_strdup(info->peer);
        copy->next = g_strdup(info->next);
        copy->trouble = g_strdup(info->trouble);
        g_ptr_array_add(infos, copy);
    }
    return infos;
}

static char *
resolve_handoff(struct xf_conn *conn, const char *token, enum xf_assume what,
                GError **err)
{
    struct xf_fake_host *host = host_of(conn);

    g_free(host->resolved);
    host->resolved = g_strdup(token);
    host->assumed = what;
    if (!host->doubt)
        return g_strdup("done");
    g_set_error_literal(err, XF_ERROR, XF_ERROR_IN_DOUBT, "nobody answers");
    return NULL;
}

static const struct xf_driver driver = {
    .name = "fake",
    .close = conn_close,
    .get_hostname = get_hostname,
    .supports_feature = supports_feature,
    .perform3 = perform3,
    .list_domains = list_domains,
    .lookup_by_id = lookup_by_id,
    .lookup_by_name = lookup_by_name,
    .lookup_by_uuid = lookup_by_uuid,
    .domain_info = domain_info,
    .create_xml = create_xml,
    .domain_destroy = domain_destroy,
    .domain_suspend = domain_suspend,
    .domain_resume = domain_resume,
    .job_info = job_info,
    .abort_job = abort_job,
    .list_handoffs = list_handoffs,
    .resolve_handoff = resolve_handoff,
};

struct xf_conn *
xf_fake_open(const char *uri, GError **err)
{
    struct xf_fake_host *host =
        strcmp(uri, FAKE_THERE) == 0 ? &xf_fake_there : &xf_fake_here;
    struct fake_conn *self;

    if (host->down) {
        g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                    "%s does not answer", host->hostname);
        return NULL;
    }
    host->broken = FALSE;
    host->connections++;
    self = g_new0(struct fake_conn, 1);
    self->conn.driver = &driver;
    self->host = host;
    return &self->conn;
}
