/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/unit/cutter.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct cutter {
    int listener, stop;
    guint16 port, to_port;
    guint cut_after;
    gboolean at_once;
    GThread *thread;
};

static struct sockaddr_in
local(guint16 port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static gboolean
pass_on(const char *data, gssize len, int to)
{
    while (len > 0) {
        gssize r = send(to, data, len, MSG_NOSIGNAL);

        if (r <= 0)
            return FALSE;
        data += r;
        len -= r;
    }
    return TRUE;
}

/* One read from `from`; *left: bytes that may pass, less than 0: all. */
static gboolean
step(int from, int to, gint64 *left, gboolean at_once)
{
    char data[4096];
    gssize r = recv(from, data, sizeof(data), 0);

    if (r <= 0)
        return FALSE;
    if (*left < 0)
        return pass_on(data, r, to);

    gssize may = MIN(r, *left);

    *left -= may;
    return pass_on(data, may, to) && may == r && (*left || !at_once);
}

static void
serve(struct cutter *cutter, int client, gint64 left)
{
    struct sockaddr_in to = local(cutter->to_port);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    gint64 all = -1;
    gboolean on = connect(server, (struct sockaddr *)&to, sizeof(to)) == 0;

    while (on) {
        struct pollfd fds[] = {
            { .fd = client, .events = POLLIN },
            { .fd = server, .events = POLLIN },
            { .fd = cutter->stop, .events = POLLIN },
        };

        if (poll(fds, 3, -1) < 0)
            continue;
        on = !fds[2].revents
             && (!fds[1].revents
                 || step(server, client, &left, cutter->at_once))
             && (!fds[0].revents || step(client, server, &all, FALSE));
    }
    close(server);
    close(client);
}

static gpointer
run(gpointer user)
{
    struct cutter *cutter = user;
    gint64 left = cutter->cut_after;

    for (;;) {
        struct pollfd fds[] = {
            { .fd = cutter->listener, .events = POLLIN },
            { .fd = cutter->stop, .events = POLLIN },
        };

        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents)
            return NULL;

        int client = accept4(cutter->listener, NULL, NULL, SOCK_CLOEXEC);

        if (client >= 0)
            serve(cutter, client, left);
        left = -1;
    }
}

struct cutter *
cutter_new(guint16 to_port, guint cut_after, gboolean at_once)
{
    struct cutter *cutter = g_new0(struct cutter, 1);
    struct sockaddr_in any = local(0);
    socklen_t len = sizeof(any);

    cutter->to_port = to_port;
    cutter->cut_after = cut_after;
    cutter->at_once = at_once;
    cutter->stop = eventfd(0, EFD_CLOEXEC);
    cutter->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert(bind(cutter->listener, (struct sockaddr *)&any, len) == 0);
    g_assert(listen(cutter->listener, 8) == 0);
    g_assert(getsockname(cutter->listener, (struct sockaddr *)&any, &len)
             == 0);
    cutter->port = ntohs(any.sin_port);
    cutter->thread = g_thread_new("cutter", run, cutter);
    return cutter;
}

guint16
cutter_port(const struct cutter *cutter)
{
    return cutter->port;
}

void
cutter_free(struct cutter *cutter)
{
    g_assert(eventfd_write(cutter->stop, 1) == 0);
    g_thread_join(cutter->thread);
    close(cutter->listener);
    close(cutter->stop);
    g_free(cutter);
}
