/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/types.h"
#include "tools/daemon-log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
    gboolean journal;
    gint verbose;
} log_state;

/* GLib's levels, syslog's numbers. */
static const struct level {
    GLogLevelFlags flag;
    int number;
    const char *word;
} levels[] = {
    { G_LOG_LEVEL_ERROR, 2, "fatal" },
    { G_LOG_LEVEL_CRITICAL, 3, "bug" },
    { G_LOG_LEVEL_WARNING, 4, "warning" },
    { G_LOG_LEVEL_MESSAGE, 5, NULL },
    { G_LOG_LEVEL_INFO, 6, NULL },
    { G_LOG_LEVEL_DEBUG, 7, "debug" },
};

static const struct level *
find_level(GLogLevelFlags flags)
{
    for (gsize i = 0; i < G_N_ELEMENTS(levels); i++)
        if (flags & levels[i].flag)
            return &levels[i];
    return &levels[G_N_ELEMENTS(levels) - 1];
}

static const char *
find_field(const GLogField *fields, gsize n, const char *name)
{
    for (gsize i = 0; i < n; i++)
        if (strcmp(fields[i].key, name) == 0 && fields[i].length < 0)
            return fields[i].value;
    return "";
}

static gboolean
is_wanted(GLogLevelFlags flags, const GLogField *fields, gsize n)
{
    const char *domain = find_field(fields, n, "GLIB_DOMAIN");

    if (g_atomic_int_get(&log_state.verbose) &&
        strcmp(domain, G_LOG_DOMAIN) == 0)
        return TRUE;
    return !g_log_writer_default_would_drop(flags, domain);
}

static GLogWriterOutput
write_log(GLogLevelFlags flags, const GLogField *fields, gsize n,
          gpointer user)
{
    const struct level *level = find_level(flags);
    g_autofree char *text = NULL, *line = NULL;
    gsize done = 0, len;

    if (!is_wanted(flags, fields, n))
        return G_LOG_WRITER_HANDLED;
    /* a message of several lines stays one entry */
    text = g_strdup(find_field(fields, n, "MESSAGE"));
    g_strdelimit(text, "\n\r", ' ');
    if (log_state.journal)
        line = g_strdup_printf("<%d>%s\n", level->number, text);
    else
        line = g_strdup_printf("xenferryd: %s%s%s\n",
                               level->word ? level->word : "",
                               level->word ? ": " : "", text);
    len = strlen(line);
    while (done < len) {
        ssize_t r = write(STDERR_FILENO, line + done, len - done);

        if (r < 0 && errno != EINTR)
            return G_LOG_WRITER_UNHANDLED;
        done += MAX(r, 0);
    }
    return G_LOG_WRITER_HANDLED;
}

void
xf_daemon_log_init(void)
{
    log_state.journal = g_getenv("JOURNAL_STREAM") != NULL &&
                        g_log_writer_is_journald(STDERR_FILENO);
    g_log_set_writer_func(write_log, NULL, NULL);
}

void
xf_daemon_log_verbose(void)
{
    g_atomic_int_set(&log_state.verbose, TRUE);
}

void
xf_daemon_notify(const char *state)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    XF_AUTO_FD int fd = -1;
    gsize len;

    if (!path || (*path != '/' && *path != '@'))
        return;
    len = strlen(path);
    if (len >= sizeof(address.sun_path))
        return;
    memcpy(address.sun_path, path, len);
    if (*path == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        sendto(fd, state, strlen(state), MSG_NOSIGNAL,
               (struct sockaddr *)&address,
               offsetof(struct sockaddr_un, sun_path) + len) < 0)
        g_warning("cannot tell the service manager '%s': %s", state,
                  g_strerror(errno));
}
