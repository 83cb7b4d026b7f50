/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/rpc/client.h"
#include "protocol/rpc/uri.h"

#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

void
xf_rpc_uri_free(struct xf_rpc_uri *uri)
{
    g_free(uri->socket);
    g_free(uri->host);
    g_free(uri);
}

/* -- parsing ------------------------------------------------------------- */

static gboolean
refuse(const char *text, const char *why, GError **err)
{
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "connection uri '%s': %s", text, why);
    return FALSE;
}

static gboolean
check_path(const char *text, GUri *guri, GError **err)
{
    const char *path = g_uri_get_path(guri);

    if (strcmp(path, "") == 0 || strcmp(path, "/") == 0 ||
        strcmp(path, "/system") == 0)
        return TRUE;
    return refuse(text, "the path must be /system", err);
}

static gboolean
check_no_query(const char *text, GUri *guri, GError **err)
{
    if (!g_uri_get_query(guri))
        return TRUE;
    return refuse(text, "a parameter after '?' has no meaning here (only "
                  "xen+unix takes one: socket=PATH)", err);
}

static gboolean
take_socket(const char *text, GUri *guri, struct xf_rpc_uri *uri,
            GError **err)
{
    const char *query = g_uri_get_query(guri);
    g_autoptr(GHashTable) params = NULL;
    const char *path;

    uri->socket = g_strdup(XF_REMOTE_SOCKET);
    if (g_uri_get_host(guri) && *g_uri_get_host(guri))
        return refuse(text, "a unix socket is on this host: xen+unix takes "
                      "no host name", err);
    if (!query)
        return TRUE;
    params = g_uri_parse_params(query, -1, "&", G_URI_PARAMS_NONE, NULL);
    path = params ? g_hash_table_lookup(params, "socket") : NULL;
    if (!path || g_hash_table_size(params) != 1 || *path != '/')
        return refuse(text, "the only parameter is socket=PATH, an absolute "
                      "path", err);
    g_free(uri->socket);
    uri->socket = g_strdup(path);
    return TRUE;
}

static gboolean
take_host(const char *text, GUri *guri, struct xf_rpc_uri *uri, GError **err)
{
    const char *host = g_uri_get_host(guri);
    int port = g_uri_get_port(guri);

    if (!host || !*host)
        return refuse(text, "the host is missing: xen+tcp://HOST/system", err);
    if (g_uri_get_userinfo(guri))
        return refuse(text, "plain TCP has no users", err);
    if (port == 0)
        return refuse(text, "0 is no port", err);
    uri->host = g_strdup(host);
    uri->port = port > 0 ? port : XF_REMOTE_TCP_PORT;
    return check_no_query(text, guri, err);
}

static gboolean
take_parts(const char *text, GUri *guri, struct xf_rpc_uri *uri, GError **err)
{
    const char *scheme = g_uri_get_scheme(guri);
    const char *host = g_uri_get_host(guri);

    if (!check_path(text, guri, err))
        return FALSE;
    if (strcmp(scheme, "xen+tcp") == 0)
        return take_host(text, guri, uri, err);
    if (strcmp(scheme, "xen+unix") == 0)
        return take_socket(text, guri, uri, err);
    if (strcmp(scheme, "xen") == 0 && (!host || !*host))
        return check_no_query(text, guri, err) &&
               take_socket(text, guri, uri, err);
    return refuse(text, "not one of xen:///system, "
                  "xen+unix:///system?socket=PATH, "
                  "xen+tcp://HOST[:PORT]/system", err);
}

struct xf_rpc_uri *
xf_rpc_uri_parse(const char *text, GError **err)
{
    XF_AUTO(xf_rpc_uri) *uri = g_new0(struct xf_rpc_uri, 1);
    g_autoptr(GError) why = NULL;
    g_autoptr(GUri) guri = g_uri_parse(text, G_URI_FLAGS_NONE, &why);

    if (!guri) {
        refuse(text, why->message, err);
        return NULL;
    }
    if (!take_parts(text, guri, uri, err))
        return NULL;
    return g_steal_pointer(&uri);
}

/* -- connecting ---------------------------------------------------------- */

/* 0, or an errno */
static int
wait_connected(int fd, gint64 deadline)
{
    struct pollfd pfd = { .fd = fd, .events = POLLOUT };
    int errnum = 0;
    socklen_t len = sizeof(errnum);
    int r;

    do {
        gint64 left = deadline - g_get_monotonic_time();

        if (left <= 0)
            return ETIMEDOUT;
        r = poll(&pfd, 1, left / 1000 + 1);
    } while (r == 0 || (r < 0 && errno == EINTR));
    if (r < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
        return errno;
    return errnum;
}

/* 0 and the socket in *fd_out, or an errno */
static int
connect_address(int family, const struct sockaddr *address, socklen_t len,
                gint64 deadline, int *fd_out)
{
    XF_AUTO_FD int fd = socket(family,
                               SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int errnum = 0;

    if (fd < 0)
        return errno;
    if (connect(fd, address, len) < 0)
        errnum = errno == EINPROGRESS ? wait_connected(fd, deadline) : errno;
    if (errnum == 0)
        *fd_out = xf_steal_fd(&fd);
    return errnum;
}

static void
set_connect_error(GError **err, const char *where, int errnum)
{
    if (errnum == ETIMEDOUT)
        g_set_error(err, XF_ERROR, XF_ERROR_TIMEOUT,
                    "cannot connect to %s: no answer in time", where);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                    "cannot connect to %s: %s%s", where, g_strerror(errnum),
                    errnum == ECONNREFUSED || errnum == ENOENT ?
                    " (is xenferryd running there?)" : "");
}

/* A unix socket whose backlog is full answers EAGAIN to a non-blocking
 * connect, and no poll tells when there is room; a blocking one waits for as
 * long as SO_SNDTIMEO says.  0 and the non-blocking socket in *fd_out, or an
 * errno. */
static int
connect_path(const struct sockaddr_un *address, gint64 deadline, int *fd_out)
{
    XF_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno;
    do {
        gint64 left = deadline - g_get_monotonic_time();
        struct timeval wait = { left / G_USEC_PER_SEC, left % G_USEC_PER_SEC };

        if (left <= 0)
            return ETIMEDOUT;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
            return errno;
        if (connect(fd, (const struct sockaddr *)address,
                    sizeof(*address)) == 0) {
            if (!g_unix_set_fd_nonblocking(fd, TRUE, NULL))
                return errno;
            *fd_out = xf_steal_fd(&fd);
            return 0;
        }
    } while (errno == EAGAIN || errno == EINTR);
    return errno;
}

static int
connect_unix(const char *path, gint64 deadline, GError **err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = -1, errnum;

    if (strlen(path) >= sizeof(address.sun_path)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "the path of the socket is too long: %s", path);
        return -1;
    }
    strcpy(address.sun_path, path);
    errnum = connect_path(&address, deadline, &fd);
    if (errnum)
        set_connect_error(err, path, errnum);
    return fd;
}

static int
connect_tcp(const char *host, guint16 port, gint64 deadline, GError **err)
{
    const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_ADDRCONFIG,
    };
    gboolean literal6 = strchr(host, ':') != NULL;
    g_autofree char *where = g_strdup_printf(literal6 ? "[%s]:%u" : "%s:%u",
                                             host, port);
    char service[8];
    struct addrinfo *list = NULL;
    int fd = -1, errnum = EADDRNOTAVAIL, r;

    g_snprintf(service, sizeof(service), "%u", port);
    r = getaddrinfo(host, service, &hints, &list);
    if (r) {
        g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                    "cannot find the host '%s': %s", host, gai_strerror(r));
        return -1;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        errnum = connect_address(a->ai_family, a->ai_addr, a->ai_addrlen,
                                 deadline, &fd);
    freeaddrinfo(list);
    if (fd < 0)
        set_connect_error(err, where, errnum);
    else
        xf_rpc_tune_tcp(fd);
    return fd;
}

int
xf_rpc_uri_connect(const struct xf_rpc_uri *uri, gint64 deadline,
                   GError **err)
{
    if (uri->socket)
        return connect_unix(uri->socket, deadline, err);
    return connect_tcp(uri->host, uri->port, deadline, err);
}

void
xf_rpc_tune_tcp(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, 30 },      /* s */
        { IPPROTO_TCP, TCP_KEEPINTVL, 10 },     /* s */
        { IPPROTO_TCP, TCP_KEEPCNT, 6 },
        { IPPROTO_TCP, TCP_USER_TIMEOUT, 90000 },   /* ms */
    };

    /* A kernel without one of them costs us only that. */
    for (gsize i = 0; i < G_N_ELEMENTS(options); i++)
        if (setsockopt(fd, options[i].level, options[i].name,
                       &options[i].value, sizeof(options[i].value)) < 0)
            g_debug("socket option %d: %s", options[i].name,
                    g_strerror(errno));
}
