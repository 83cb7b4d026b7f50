/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "compat/xl-command.h"
#include "protocol/error.h"
#include "protocol/uri.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MS 30000            /* for the far end to clean up */
#define LAST_WORDS_MS 2000      /* for a line that is on its way */
#define REAP_MS 50
#define LINE_MAX_BYTES 500

/* -- the uri -- */

/* Letters, digits and some marks, none of which begins an option. */
static gboolean
is_plain(const char *text, const char *marks)
{
    if (!*text || *text == '-')
        return FALSE;
    for (; *text; text++)
        if (!g_ascii_isalnum(*text) && !strchr(marks, *text))
            return FALSE;
    return TRUE;
}

static char *
format_destination(GUri *uri)
{
    const char *user = g_uri_get_userinfo(uri), *host = g_uri_get_host(uri);
    gboolean v6 = strchr(host, ':') != NULL;
    GString *text = g_string_new("ssh://");

    if (user)
        g_string_append_printf(text, "%s@", user);
    g_string_append_printf(text, "%s%s%s", v6 ? "[" : "", host,
                           v6 ? "]" : "");
    if (g_uri_get_port(uri) > 0)
        g_string_append_printf(text, ":%d", g_uri_get_port(uri));
    return g_string_free(text, FALSE);
}

static const char *
wrong_with(GUri *uri)
{
    const char *user = g_uri_get_userinfo(uri), *host = g_uri_get_host(uri);
    const char *path = g_uri_get_path(uri);

    if (!host || !is_plain(host, ".-_:"))
        return "a host is a name or an address";
    if (user && !is_plain(user, ".-_"))
        return "a user is a name alone";
    if (*path && strcmp(path, "/") != 0)
        return "nothing follows the host";
    if (g_uri_get_query(uri) || g_uri_get_fragment(uri))
        return "there are no parameters; the command is in xenferryd.conf";
    return NULL;
}

struct xf_xl_host *
xf_xl_uri_parse(const char *text, GError **err)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, &why);
    const char *wrong = uri ? wrong_with(uri) : why->message;
    struct xf_xl_host *host;

    if (wrong) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "uri '%s': expected " XF_DIRECT_SCHEME "://[USER@]HOST"
                    "[:PORT]/: %s", text, wrong);
        return NULL;
    }
    host = g_new0(struct xf_xl_host, 1);
    host->host = g_strdup(g_uri_get_host(uri));
    host->destination = format_destination(uri);
    return host;
}

void
xf_xl_host_free(struct xf_xl_host *host)
{
    g_free(host->host);
    g_free(host->destination);
    g_free(host);
}

/* -- the command -- */

static gboolean
put_in(GString *to, char what, const struct xf_xl_host *host)
{
    if (what == 'h')
        g_string_append(to, host->host);
    else if (what == 'd')
        g_string_append(to, host->destination);
    else if (what == '%')
        g_string_append_c(to, '%');
    else
        return FALSE;
    return TRUE;
}

static char *
expand(const char *word, const struct xf_xl_host *host, GError **err)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (const char *c = word; *c; c++) {
        if (*c != '%') {
            g_string_append_c(text, *c);
        } else if (!put_in(text, *++c, host)) {
            g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                        "the command that leads to xl: '%s': after %% comes "
                        "h (host), d (ssh://...) or %%", word);
            return NULL;
        }
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

GStrv
xf_xl_command_words(const char *command, const struct xf_xl_host *host,
                    const char *const *more, GError **err)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) parts = NULL;
    g_autoptr(GError) why = NULL;

    if (!g_shell_parse_argv(command, NULL, &parts, &why)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "the command that leads to xl: '%s': %s", command,
                    why->message);
        return NULL;
    }
    for (char **part = parts; *part; part++) {
        char *word = expand(*part, host, err);

        if (!word)
            return NULL;
        g_ptr_array_add(words, word);
    }
    for (; more && *more; more++)
        g_ptr_array_add(words, g_strdup(*more));
    g_ptr_array_add(words, NULL);
    return (GStrv)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

/* -- the process -- */

struct xf_xl_child {
    gatomicrefcount refs;       /* the caller, and the thread */
    GPid pid;
    int fd;                     /* its stdin and stdout */
    int said;                   /* its stderr; the thread's */
    int wake;                   /* eventfd: `ending` was set */
    gint ending;                /* atomic */
    char token[64];
    char line[LINE_MAX_BYTES + 1];  /* so far; the thread's */
    gsize line_len;

    GMutex lock;
    GCond changed;
    char *last;                 /* line, under lock */
    gboolean silent;            /* it says nothing more; under lock */
};

static void
child_unref(struct xf_xl_child *child)
{
    if (!g_atomic_ref_count_dec(&child->refs))
        return;
    xf_close_fd(&child->fd);
    xf_close_fd(&child->said);
    xf_close_fd(&child->wake);
    g_mutex_clear(&child->lock);
    g_cond_clear(&child->changed);
    g_free(child->last);
    g_free(child);
}

/* A line, or as much of one as is kept. */
static void
take_line(struct xf_xl_child *child)
{
    g_autofree char *text = NULL;

    child->line[child->line_len] = '\0';
    child->line_len = 0;
    text = g_utf8_make_valid(child->line, -1);
    for (char *c = text; *c; c++)
        if (g_ascii_iscntrl(*c))
            *c = ' ';
    g_strstrip(text);
    if (!*text)
        return;
    g_message("handoff %s: the other end says: %s", child->token, text);
    g_mutex_lock(&child->lock);
    g_free(child->last);
    child->last = g_steal_pointer(&text);
    g_mutex_unlock(&child->lock);
}

/* FALSE: it says nothing more. */
static gboolean
listen_to(struct xf_xl_child *child)
{
    char bytes[512];
    gssize r = read(child->said, bytes, sizeof(bytes));

    if (r < 0 && (errno == EINTR || errno == EAGAIN))
        return TRUE;
    for (gssize i = 0; i < r; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r')
            take_line(child);
        else if (child->line_len < LINE_MAX_BYTES)
            child->line[child->line_len++] = bytes[i];
    }
    if (r <= 0)
        take_line(child);
    return r > 0;
}

/* FALSE: it has closed the connection. */
static gboolean
drop(int fd)
{
    char bytes[4096];
    gssize r = read(fd, bytes, sizeof(bytes));

    return r > 0 || (r < 0 && (errno == EINTR || errno == EAGAIN));
}

static void
fell_silent(struct xf_xl_child *child)
{
    g_mutex_lock(&child->lock);
    child->silent = TRUE;
    g_cond_broadcast(&child->changed);
    g_mutex_unlock(&child->lock);
}

/* One wait; FALSE: both directions are closed, or its time is up. */
static gboolean
attend(struct xf_xl_child *child, gboolean *speaks, gboolean *open,
       gint64 *until)
{
    gboolean ending = g_atomic_int_get(&child->ending);
    gint64 now = g_get_monotonic_time();
    struct pollfd fds[] = {
        { .fd = *speaks ? child->said : -1, .events = POLLIN },
        { .fd = ending ? -1 : child->wake, .events = POLLIN },
        { .fd = ending && *open ? child->fd : -1, .events = POLLIN },
    };

    if (ending && !*until)
        *until = now + END_MS * (gint64)1000;
    if (ending && (now > *until || (!*speaks && !*open)))
        return FALSE;
    poll(fds, G_N_ELEMENTS(fds), ending ? (int)((*until - now) / 1000) + 1
                                        : -1);
    if (fds[0].revents && !listen_to(child)) {
        *speaks = FALSE;
        fell_silent(child);
    }
    if (fds[2].revents && !drop(child->fd))
        *open = FALSE;
    return TRUE;
}

static void
reap(struct xf_xl_child *child, gint64 until)
{
    int status;
    pid_t r;

    while ((r = waitpid(child->pid, &status, WNOHANG)) == 0
           || (r < 0 && errno == EINTR)) {
        if (g_get_monotonic_time() > until) {
            g_message("handoff %s: the command that leads to xl does not "
                      "end; it is killed", child->token);
            kill(child->pid, SIGKILL);
            until = G_MAXINT64;
        }
        g_usleep(REAP_MS * 1000);
    }
}

static gpointer
child_main(gpointer data)
{
    struct xf_xl_child *child = data;
    gboolean speaks = TRUE, open = TRUE;
    gint64 until = 0;

    while (attend(child, &speaks, &open, &until))
        ;
    reap(child, until);
    child_unref(child);
    return NULL;
}

static gboolean
spawn(struct xf_xl_child *child, GStrv words, int far, GError **err)
{
    g_autoptr(GError) why = NULL;

    if (g_spawn_async_with_pipes_and_fds(
            NULL, (const char *const *)words, NULL,
            G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD
                | G_SPAWN_CLOEXEC_PIPES,
            NULL, NULL, far, far, -1, NULL, NULL, 0, &child->pid, NULL, NULL,
            &child->said, &why))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                "the command that leads to xl: %s", why->message);
    return FALSE;
}

struct xf_xl_child *
xf_xl_child_start(GStrv words, const char *token, GError **err)
{
    struct xf_xl_child *child = g_new0(struct xf_xl_child, 1);
    int ends[2] = { -1, -1 };

    g_atomic_ref_count_init(&child->refs);
    g_mutex_init(&child->lock);
    g_cond_init(&child->changed);
    g_strlcpy(child->token, token, sizeof(child->token));
    child->fd = child->said = -1;
    child->wake = eventfd(0, EFD_CLOEXEC);
    if (child->wake < 0
        || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        xf_error_set_errno(err, errno, "a connection to xl");
        child_unref(child);
        return NULL;
    }
    child->fd = ends[0];

    XF_AUTO_FD int far = ends[1];

    if (!spawn(child, words, far, err)) {
        child_unref(child);
        return NULL;
    }
    g_atomic_ref_count_inc(&child->refs);
    g_thread_unref(g_thread_new("xl", child_main, child));
    return child;
}

int
xf_xl_child_fd(struct xf_xl_child *child)
{
    return child->fd;
}

char *
xf_xl_child_last_words(struct xf_xl_child *child)
{
    gint64 until = g_get_monotonic_time() + LAST_WORDS_MS * (gint64)1000;

    g_mutex_lock(&child->lock);
    while (!child->silent
           && g_cond_wait_until(&child->changed, &child->lock, until))
        ;

    char *last = g_strdup(child->last);

    g_mutex_unlock(&child->lock);
    return last;
}

void
xf_xl_child_end(struct xf_xl_child *child)
{
    if (!child)
        return;
    /* Fails when it has closed its end: then it knows. */
    shutdown(child->fd, SHUT_WR);
    g_atomic_int_set(&child->ending, TRUE);
    /* never full */
    eventfd_write(child->wake, 1);
    child_unref(child);
}
