/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/cookie.h"
#include "protocol/uri.h"
#include "tests/sim/stock.h"

#include <errno.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

struct stock {
    struct xf_hypervisor *hv;
    GMutex lock;                /* of all below */
    char *hostname;
    char *connect_from;
    int lost;
    gboolean keep_open;
    GHashTable *jobs;           /* uuid text: between Begin and Confirm */
    GHashTable *arriving;       /* name -> struct arriving *, owned */
};

/* Between Prepare and Finish. */
struct arriving {
    struct stock *stock;
    struct xf_incoming *in;
    GThread *thread;
    int listen_fd;
    int fd;                     /* the stream's, when it is kept open */
    gboolean ok;
};

struct stock_conn {
    struct xf_conn conn;        /* first */
    struct stock *stock;
};

static struct stock *
stock_of(struct xf_conn *conn)
{
    return ((struct stock_conn *)conn)->stock;
}

/* -- what it refuses -- */

static gboolean
check(const struct xf_migrate_args *args, GError **err)
{
    const guint32 known = XF_MIGRATE_LIVE | XF_MIGRATE_PEER2PEER
                          | XF_MIGRATE_TUNNELLED | XF_MIGRATE_PERSIST_DEST
                          | XF_MIGRATE_UNDEFINE_SOURCE | XF_MIGRATE_PAUSED;

    if (args->flags & ~known)
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "unsupported flags (0x%x)", args->flags & ~known);
    else if (args->bandwidth)
        g_set_error(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                    "parameter 'bandwidth' not supported");
    else if (args->persist_xml)
        g_set_error(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                    "parameter 'persistent_xml' not supported");
    else if (args->untyped)
        g_set_error(err, XF_ERROR, XF_ERROR_NO_SUPPORT,
                    "this function is not supported by the connection "
                    "driver");
    else
        return TRUE;
    return FALSE;
}

/* -- domains -- */

static gboolean
find(struct stock *stock, const guint8 *uuid, const char *name,
     struct xf_hv_domain *out, GError **err)
{
    g_autoptr(GPtrArray) domains = stock->hv->ops->list(stock->hv, err);

    for (guint i = 0; domains && i < domains->len; i++) {
        const struct xf_hv_domain *domain = domains->pdata[i];

        if (domain->dying
            || (uuid ? memcmp(domain->uuid, uuid, XF_UUID_LEN)
                     : strcmp(domain->name, name)))
            continue;
        *out = *domain;
        return TRUE;
    }
    if (domains)
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN, "Domain not found");
    return FALSE;
}

static struct xf_domain_ref *
stock_lookup_by_name(struct xf_conn *conn, const char *name, GError **err)
{
    struct xf_hv_domain domain;

    return find(stock_of(conn), NULL, name, &domain, err)
               ? xf_domain_ref_new(domain.name, domain.uuid, domain.domid)
               : NULL;
}

static struct xf_domain_ref *
stock_lookup_by_uuid(struct xf_conn *conn, const guint8 *uuid, GError **err)
{
    struct xf_hv_domain domain;

    return find(stock_of(conn), uuid, NULL, &domain, err)
               ? xf_domain_ref_new(domain.name, domain.uuid, domain.domid)
               : NULL;
}

static gboolean
stock_domain_info(struct xf_conn *conn, const struct xf_domain_ref *dom,
                  struct xf_domain_info *info, GError **err)
{
    struct xf_hv_domain domain;

    if (!find(stock_of(conn), dom->uuid, NULL, &domain, err))
        return FALSE;
    memset(info, 0, sizeof(*info));
    info->state = domain.paused || domain.suspended ? XF_DOMAIN_PAUSED
                                                    : XF_DOMAIN_RUNNING;
    return TRUE;
}

static int
stock_supports_feature(struct xf_conn *conn, int feature, GError **err)
{
    return feature == XF_FEATURE_MIGRATION_V3
           || feature == XF_FEATURE_MIGRATION_PARAMS;
}

static char *
stock_get_hostname(struct xf_conn *conn, GError **err)
{
    struct stock *stock = stock_of(conn);

    g_mutex_lock(&stock->lock);

    char *name = g_strdup(stock->hostname ? stock->hostname : "stock");

    g_mutex_unlock(&stock->lock);
    return name;
}

/* -- source -- */

static gboolean
job_begin(struct stock *stock, const guint8 *uuid, GError **err)
{
    char text[XF_UUID_STRING_LEN + 1];

    g_mutex_lock(&stock->lock);

    gboolean ok = g_hash_table_add(
        stock->jobs, g_strdup(xf_uuid_format(uuid, text)));

    g_mutex_unlock(&stock->lock);
    if (!ok)
        g_set_error(err, XF_ERROR, XF_ERROR_TIMEOUT,
                    "cannot acquire state change lock");
    return ok;
}

static void
job_end(struct stock *stock, const guint8 *uuid)
{
    char text[XF_UUID_STRING_LEN + 1];

    g_mutex_lock(&stock->lock);
    g_hash_table_remove(stock->jobs, xf_uuid_format(uuid, text));
    g_mutex_unlock(&stock->lock);
}

/* The final NUL belongs to it. */
static GBytes *
begin_cookie(struct stock *stock, const struct xf_hv_domain *domain)
{
    char uuid[XF_UUID_STRING_LEN + 1];
    GString *text = g_string_new("<libxl-migration>\n");

    g_string_append_printf(text, "  <name>%s</name>\n  <uuid>%s</uuid>\n",
                           domain->name, xf_uuid_format(domain->uuid, uuid));
    g_mutex_lock(&stock->lock);
    if (stock->hostname)
        g_string_append_printf(text, "  <hostname>%s</hostname>\n",
                               stock->hostname);
    g_mutex_unlock(&stock->lock);
    g_string_append(text, "  <migration-stream-version>2"
                          "</migration-stream-version>\n"
                          "</libxl-migration>\n");

    gsize len = text->len + 1;

    return g_bytes_new_take(g_string_free(text, FALSE), len);
}

static char *
stock_begin3(struct xf_conn *conn, const struct xf_domain_ref *dom,
             const struct xf_migrate_args *args, GBytes **cookie_out,
             GError **err)
{
    struct stock *stock = stock_of(conn);
    struct xf_hv_domain domain;
    char *xml;

    if (!check(args, err) || !find(stock, dom->uuid, NULL, &domain, err)
        || !job_begin(stock, dom->uuid, err))
        return NULL;
    xml = args->xml ? g_strdup(args->xml)
                    : stock->hv->ops->describe(stock->hv, domain.domid,
                                               XF_XML_SECURE, err);
    if (xml)
        *cookie_out = begin_cookie(stock, &domain);
    else
        job_end(stock, dom->uuid);
    return xml;
}

static int
dial(struct stock *stock, const char *host, guint16 port, GError **err)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port) };
    struct sockaddr_in from = { .sin_family = AF_INET };
    XF_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (!inet_aton(host, &to.sin_addr))
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if ((stock->connect_from
         && (!inet_aton(stock->connect_from, &from.sin_addr)
             || bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0))
        || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        xf_error_set_errno(err, errno, "unable to connect to %s:%u", host,
                           port);
        return -1;
    }
    return xf_steal_fd(&fd);
}

static gboolean
stock_perform3(struct xf_conn *conn, const struct xf_domain_ref *dom,
               const struct xf_migrate_args *args, GBytes **cookie_out,
               GError **err)
{
    struct stock *stock = stock_of(conn);
    struct xf_hv_domain domain;
    g_autofree char *host = NULL;
    guint16 port;
    gboolean was_paused;

    if (!check(args, err) || !find(stock, dom->uuid, NULL, &domain, err)
        || !xf_migrate_uri_parse(args->uri, &host, &port, err))
        return FALSE;

    XF_AUTO_FD int fd = dial(stock, host, port, err);

    if (fd < 0)                 /* and the job goes on */
        return FALSE;
    if (stock->hv->ops->suspend(
            stock->hv, domain.domid, fd,
            args->flags & XF_MIGRATE_LIVE ? XF_SUSPEND_LIVE : 0, NULL,
            &was_paused, err) == XF_SUSPEND_DONE)
        return TRUE;
    job_end(stock, dom->uuid);
    return FALSE;
}

static gboolean
stock_confirm3(struct xf_conn *conn, const struct xf_domain_ref *dom,
               const struct xf_migrate_args *args, GError **err)
{
    struct stock *stock = stock_of(conn);
    struct xf_hv_domain domain;
    gboolean ok = check(args, err)
                  && find(stock, dom->uuid, NULL, &domain, err)
                  && (args->cancelled
                          ? stock->hv->ops->resume(stock->hv, domain.domid,
                                                   FALSE, err)
                          : stock->hv->ops->destroy(stock->hv, domain.domid,
                                                    err));

    job_end(stock, dom->uuid);
    return ok;
}

/* -- destination -- */

static void
arriving_free(gpointer data)
{
    struct arriving *a = data;

    shutdown(a->listen_fd, SHUT_RDWR);
    if (a->thread)
        g_thread_join(a->thread);
    xf_close_fd(&a->fd);
    xf_close_fd(&a->listen_fd);
    a->stock->hv->ops->incoming_free(a->in);
    g_free(a);
}

/* The first that connects is it. */
static gpointer
receive(gpointer data)
{
    struct arriving *a = data;
    struct xf_hypervisor *hv = a->stock->hv;
    XF_AUTO_FD int fd = accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    g_autoptr(GError) err = NULL;

    a->ok = fd >= 0 && hv->ops->incoming_stream(a->in, fd, &err)
            && hv->ops->incoming_devices(a->in, &err);
    if (!a->ok)
        g_message("stand-in: %s", err ? err->message : "nobody came");
    /* not even a domain that only lacks its devices is left */
    if (!a->ok && g_atomic_int_get(&a->in->domid) > 0)
        hv->ops->destroy(hv, g_atomic_int_get(&a->in->domid), NULL);
    if (a->stock->keep_open)
        a->fd = xf_steal_fd(&fd);
    return NULL;
}

static int
listen_anywhere(guint16 *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 1) < 0
        || getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        g_error("stand-in: %s", g_strerror(errno));
    *port = ntohs(address.sin_port);
    return fd;
}

static gboolean
stock_prepare3(struct xf_conn *conn, const struct xf_migrate_args *args,
               GBytes **cookie_out, char **uri_out, GError **err)
{
    struct stock *stock = stock_of(conn);
    XF_AUTO(xf_cookie) *cookie = NULL;
    struct arriving *a;
    guint16 port;

    if (!check(args, err))
        return FALSE;
    if (!args->xml) {
        g_set_error_literal(err, XF_ERROR, XF_ERROR_INTERNAL,
                            "no domain XML passed");
        return FALSE;
    }
    cookie = xf_cookie_parse(args->cookie_in, err);
    if (!cookie)
        return FALSE;
    a = g_new0(struct arriving, 1);
    a->stock = stock;
    a->fd = -1;
    a->in = stock->hv->ops->incoming_create(stock->hv, args->xml, args->dname,
                                            err);
    if (!a->in) {
        g_free(a);
        return FALSE;
    }
    a->listen_fd = listen_anywhere(&port);
    a->thread = g_thread_new("stand-in", receive, a);
    g_mutex_lock(&stock->lock);
    g_hash_table_replace(stock->arriving, g_strdup(a->in->name), a);
    g_mutex_unlock(&stock->lock);
    *uri_out = xf_migrate_uri_format("127.0.0.1", port);
    return TRUE;
}

static struct arriving *
take_arriving(struct stock *stock, const char *name, GError **err)
{
    g_autofree char *key = NULL;
    gpointer a = NULL, old = NULL;

    g_mutex_lock(&stock->lock);
    if (g_hash_table_steal_extended(stock->arriving, name, &old, &a))
        key = old;
    g_mutex_unlock(&stock->lock);
    if (!a)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "Migration failed. No domain on destination host with "
                    "matching name '%s'", name);
    return a;
}

static gboolean
answer_lost(struct stock *stock)
{
    g_mutex_lock(&stock->lock);

    gboolean lost = stock->lost > 0;

    stock->lost -= lost;
    g_mutex_unlock(&stock->lock);
    return lost;
}

/* Waits for the stream to end, as it does. */
static struct xf_domain_ref *
finish(struct stock *stock, struct arriving *a,
       const struct xf_migrate_args *args, GError **err)
{
    struct xf_hypervisor *hv = stock->hv;

    if (args->cancelled)
        shutdown(a->listen_fd, SHUT_RDWR);
    g_clear_pointer(&a->thread, g_thread_join);
    if (args->cancelled && a->ok)
        hv->ops->destroy(hv, g_atomic_int_get(&a->in->domid), NULL);
    if (args->cancelled || !a->ok) {
        g_set_error(err, XF_ERROR,
                    args->cancelled ? XF_ERROR_INTERNAL
                                    : XF_ERROR_OPERATION_FAILED,
                    "Migration failed. Domain is not running on destination "
                    "host");
        return NULL;
    }
    if (!hv->ops->incoming_switch(a->in, args->flags & XF_MIGRATE_PAUSED,
                                  err)) {
        hv->ops->destroy(hv, g_atomic_int_get(&a->in->domid), NULL);
        return NULL;
    }
    return xf_domain_ref_new(a->in->name, a->in->uuid,
                             g_atomic_int_get(&a->in->domid));
}

static struct xf_domain_ref *
stock_finish3(struct xf_conn *conn, const struct xf_migrate_args *args,
              GBytes **cookie_out, GError **err)
{
    struct stock *stock = stock_of(conn);
    struct arriving *a;
    XF_AUTO(xf_domain_ref) *dom = NULL;

    if (!check(args, err) || !(a = take_arriving(stock, args->dname, err)))
        return NULL;
    dom = finish(stock, a, args, err);
    arriving_free(a);
    if (!answer_lost(stock))
        return g_steal_pointer(&dom);
    g_clear_error(err);
    g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT, "the connection broke");
    return NULL;
}

/* -- life -- */

static void
stock_close(struct xf_conn *conn)
{
    g_free(conn);
}

static const struct xf_driver stock_driver = {
    .name = "stock",
    .close = stock_close,
    .supports_feature = stock_supports_feature,
    .get_hostname = stock_get_hostname,
    .lookup_by_name = stock_lookup_by_name,
    .lookup_by_uuid = stock_lookup_by_uuid,
    .domain_info = stock_domain_info,
    .begin3 = stock_begin3,
    .prepare3 = stock_prepare3,
    .perform3 = stock_perform3,
    .finish3 = stock_finish3,
    .confirm3 = stock_confirm3,
};

struct stock *
stock_new(struct xf_hypervisor *hv, const char *hostname)
{
    struct stock *stock = g_new0(struct stock, 1);

    stock->hv = hv;
    stock->hostname = g_strdup(hostname);
    stock->jobs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                        NULL);
    stock->arriving = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                            arriving_free);
    g_mutex_init(&stock->lock);
    return stock;
}

void
stock_free(struct stock *stock)
{
    g_hash_table_destroy(stock->jobs);
    g_hash_table_destroy(stock->arriving);
    g_mutex_clear(&stock->lock);
    g_free(stock->hostname);
    g_free(stock->connect_from);
    g_free(stock);
}

struct xf_conn *
stock_open(struct stock *stock)
{
    struct stock_conn *conn = g_new0(struct stock_conn, 1);

    conn->conn.driver = &stock_driver;
    conn->stock = stock;
    return &conn->conn;
}

void
stock_set_hostname(struct stock *stock, const char *hostname)
{
    g_mutex_lock(&stock->lock);
    g_free(stock->hostname);
    stock->hostname = g_strdup(hostname);
    g_mutex_unlock(&stock->lock);
}

void
stock_lose_finish(struct stock *stock, int count)
{
    g_mutex_lock(&stock->lock);
    stock->lost = count;
    g_mutex_unlock(&stock->lock);
}

void
stock_keep_open(struct stock *stock, gboolean keep)
{
    stock->keep_open = keep;
}

void
stock_connect_from(struct stock *stock, const char *address)
{
    g_free(stock->connect_from);
    stock->connect_from = g_strdup(address);
}
