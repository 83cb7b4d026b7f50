/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "xen/xenstore.h"

struct xs_handle *
xf_xs_open(GError **err)
{
    struct xs_handle *xs = xs_open(0);

    if (!xs)
        xf_error_set_errno(err, errno, "cannot reach xenstored (is this "
                           "dom0, run by root?)");
    return xs;
}

char *
xf_xs_read(struct xs_handle *xs, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *path = g_strdup_vprintf(fmt, ap);
    va_end(ap);

    char *value = xs_read(xs, XBT_NULL, path, NULL);
    char *copy = g_strdup(value);

    free(value);
    return copy;
}

char **
xf_xs_children(struct xs_handle *xs, const char *fmt, ...)
{
    va_list ap;
    unsigned int n = 0;

    va_start(ap, fmt);
    g_autofree char *path = g_strdup_vprintf(fmt, ap);
    va_end(ap);

    char **names = xs_directory(xs, XBT_NULL, path, &n);
    char **copy = g_new0(char *, (names ? n : 0) + 1);

    for (unsigned int i = 0; names && i < n; i++)
        copy[i] = g_strdup(names[i]);
    free(names);
    return copy;
}

gboolean
xf_xs_wait(struct xs_handle *xs, int wake_fd, int timeout_ms, guint *fired)
{
    struct pollfd fds[] = {
        { .fd = xs_fileno(xs), .events = POLLIN },
        { .fd = wake_fd, .events = POLLIN },
    };
    int n = poll(fds, G_N_ELEMENTS(fds), timeout_ms);

    if (n < 0)
        return errno == EINTR;
    if (fds[0].revents) {
        char **event;

        while ((event = xs_check_watch(xs))) {
            free(event);
            if (fired)
                (*fired)++;
        }
    }
    return n > 0;
}
