/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libxl_event.h>
#include <libxl_utils.h>
#include <string.h>
#include <xentoollog.h>

#include "xen/context.h"
#include "xen/xenstore.h"

#define LINES_KEPT 4
#define IDLE_MAX 4

/* The logger is called by any thread that is inside libxl. */
struct xf_context_log {
    xentoollog_logger base;
    GMutex lock;
    GQueue lines;               /* the last error lines, oldest first */
    struct xf_context_progress progress;
    gint restoring;             /* atomic */
    gint broken;                /* libxl has lost its connections; atomic */
};

/* -- logger --------------------------------------------------------------- */

static const char *
after_source_place(const char *message)
{
    const char *name = message +
        strspn(message, "abcdefghijklmnopqrstuvwxyz0123456789_");

    /* "libxl_foo.c:123:function: text" */
    if (!g_str_has_prefix(name, ".c:"))
        return message;

    const char *function = strchr(name + 3, ':');
    const char *text = function ? strchr(function + 1, ':') : NULL;

    return text ? text + 1 : message;
}

char *
xf_context_readable(const char *message)
{
    const char *text = after_source_place(message);

    text += strspn(text, " ");
    if (g_str_has_prefix(text, "Domain ")) {
        const char *digits = text + strlen("Domain ");
        gsize n = strspn(digits, "0123456789");

        if (n && digits[n] == ':')
            text = digits + n + 1;
    }

    char *readable = g_strstrip(g_strdup(text));

    /* what libxenctrl puts behind whatever it cannot classify */
    if (g_str_has_suffix(readable, ": Internal error"))
        readable[strlen(readable) - strlen(": Internal error")] = 0;
    return readable;
}

/* libxl says so after every failure before the suspend request, too. */
static gboolean
misleading(struct xf_context_log *log, const char *text)
{
    return log->lines.length > 0 &&
           strstr(text, "domain did not respond to suspend request");
}

static void
keep_line(struct xf_context_log *log, const char *message, int errnum)
{
    g_autofree char *text = xf_context_readable(message);
    char *line = errnum > 0
        ? g_strdup_printf("%s: %s", text, g_strerror(errnum))
        : g_strdup(text);

    g_mutex_lock(&log->lock);

    GList *same = g_queue_find_custom(&log->lines, line, (GCompareFunc)strcmp);

    if (same) {
        g_free(same->data);
        g_queue_delete_link(&log->lines, same);
    }
    if (misleading(log, line))
        g_free(line);
    else
        g_queue_push_tail(&log->lines, line);
    if (g_queue_get_length(&log->lines) > LINES_KEPT)
        g_free(g_queue_pop_head(&log->lines));
    g_mutex_unlock(&log->lock);
}

/* What libxl's restore helper says when it begins and when it is through:
 * the only sign of it. */
static void
note_restore(struct xf_context_log *log, const char *message)
{
    if (g_str_has_prefix(message, "Restoring domain"))
        g_atomic_int_set(&log->restoring, 1);
    else if (g_str_has_prefix(message, "Restore "))
        g_atomic_int_set(&log->restoring, 0);
}

static void G_GNUC_PRINTF(5, 0)
log_message(xentoollog_logger *logger, xentoollog_level level, int errnum,
            const char *context, const char *format, va_list ap)
{
    struct xf_context_log *log = (struct xf_context_log *)logger;
    g_autofree char *message = g_strdup_vprintf(format, ap);

    note_restore(log, message);
    if (level >= XTL_ERROR)
        keep_line(log, message, errnum);
    if (level >= XTL_WARN)
        g_info("%s: %s%s%s", context ? context : "libxl", message,
               errnum > 0 ? ": " : "", errnum > 0 ? g_strerror(errnum) : "");
    else if (level >= XTL_INFO)
        g_debug("%s: %s", context ? context : "libxl", message);
}

static void
log_progress(xentoollog_logger *logger, const char *context,
             const char *what, int percent, unsigned long done,
             unsigned long total)
{
    struct xf_context_log *log = (struct xf_context_log *)logger;

    g_mutex_lock(&log->lock);

    struct xf_context_progress progress = log->progress;

    g_mutex_unlock(&log->lock);
    if (progress.report)
        progress.report(progress.user, what, done, total);
}

static void
log_destroy(xentoollog_logger *logger)
{
    struct xf_context_log *log = (struct xf_context_log *)logger;

    g_queue_clear_full(&log->lines, g_free);
    g_mutex_clear(&log->lock);
    g_free(log);
}

static struct xf_context_log *
log_new(void)
{
    struct xf_context_log *log = g_new0(struct xf_context_log, 1);

    log->base.vmessage = log_message;
    log->base.progress = log_progress;
    log->base.destroy = log_destroy;
    g_mutex_init(&log->lock);
    g_queue_init(&log->lines);
    return log;
}

static void
forget_lines(struct xf_context_log *log)
{
    g_mutex_lock(&log->lock);
    g_queue_clear_full(&log->lines, g_free);
    g_mutex_unlock(&log->lock);
}

/* -- context -------------------------------------------------------------- */

static const libxl_childproc_hooks own_children_only = {
    .chldowner = libxl_sigchld_owner_libxl_always_selective_reap,
};

/* Without this, libxl would end the process when xenstored has gone. */
static void
disaster(void *user, libxl_event_type type, const char *message, int errnum)
{
    struct xf_context_log *log = user;

    g_atomic_int_set(&log->broken, 1);
    g_warning("libxl has lost touch with its host: %s: %s", message,
              g_strerror(errnum));
}

static const libxl_event_hooks event_hooks = { .disaster = disaster };

struct xf_context *
xf_context_new(GError **err)
{
    XF_AUTO(xf_context) *context = g_new0(struct xf_context, 1);

    context->log = log_new();

    int rc = libxl_ctx_alloc(&context->libxl, LIBXL_VERSION, 0,
                             &context->log->base);

    if (rc) {
        xf_context_error(context, err, XF_ERROR_SYSTEM, rc,
                         "cannot talk to Xen (is this dom0, run by root?)");
        return NULL;
    }
    libxl_childproc_setmode(context->libxl, &own_children_only, NULL);
    libxl_event_register_callbacks(context->libxl, &event_hooks,
                                   context->log);
    context->xs = xf_xs_open(err);
    return context->xs ? g_steal_pointer(&context) : NULL;
}

void
xf_context_free(struct xf_context *context)
{
    if (context->xs)
        xs_close(context->xs);
    libxl_ctx_free(context->libxl);
    log_destroy(&context->log->base);
    g_free(context);
}

void
xf_context_set_progress(struct xf_context *context,
                        const struct xf_context_progress *progress)
{
    static const struct xf_context_progress none;

    g_mutex_lock(&context->log->lock);
    context->log->progress = progress ? *progress : none;
    g_mutex_unlock(&context->log->lock);
}

gboolean
xf_context_broken(struct xf_context *context)
{
    return g_atomic_int_get(&context->log->broken);
}

gboolean
xf_context_restoring(struct xf_context *context)
{
    return g_atomic_int_get(&context->log->restoring);
}

gboolean
xf_context_logged(struct xf_context *context, const char *text)
{
    gboolean found = FALSE;

    g_mutex_lock(&context->log->lock);
    for (GList *l = context->log->lines.head; l && !found; l = l->next)
        found = strstr(l->data, text) != NULL;
    g_mutex_unlock(&context->log->lock);
    return found;
}

/* "line; line", or what rc is called in libxl. */
static char *
explanation(struct xf_context_log *log, int rc)
{
    GString *text = g_string_new(NULL);

    g_mutex_lock(&log->lock);
    for (GList *l = log->lines.head; l; l = l->next)
        g_string_append_printf(text, "%s%s", text->len ? "; " : "",
                               (const char *)l->data);
    g_queue_clear_full(&log->lines, g_free);
    g_mutex_unlock(&log->lock);
    if (!text->len) {
        const char *name = libxl_error_to_string(rc);

        if (name)
            g_string_append_printf(text, "libxl says '%s'", name);
        else
            g_string_append_printf(text, "libxl gives %d", rc);
    }
    return g_string_free(text, FALSE);
}

void
xf_context_error(struct xf_context *context, GError **err,
                 enum xf_error_code code, int rc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *why = explanation(context->log, rc);

    if (rc == ERROR_DOMAIN_NOTFOUND) {
        code = XF_ERROR_NO_DOMAIN;
    } else if (rc == ERROR_ABORTED) {
        code = XF_ERROR_ABORTED;
        g_free(why);
        why = g_strdup("stopped on request");
    }
    g_set_error(err, XF_ERROR, code, "%s: %s", what, why);
}

/* -- pool ----------------------------------------------------------------- */

struct xf_context_pool {
    GMutex lock;
    GQueue idle;
};

struct xf_context_pool *
xf_context_pool_new(void)
{
    struct xf_context_pool *pool = g_new0(struct xf_context_pool, 1);

    g_mutex_init(&pool->lock);
    g_queue_init(&pool->idle);
    return pool;
}

void
xf_context_pool_free(struct xf_context_pool *pool)
{
    g_queue_clear_full(&pool->idle, (GDestroyNotify)xf_context_free);
    g_mutex_clear(&pool->lock);
    g_free(pool);
}

struct xf_context *
xf_context_get(struct xf_context_pool *pool, GError **err)
{
    g_mutex_lock(&pool->lock);

    struct xf_context *context = g_queue_pop_head(&pool->idle);

    g_mutex_unlock(&pool->lock);
    return context ? context : xf_context_new(err);
}

void
xf_context_put(struct xf_context_pool *pool, struct xf_context *context)
{
    xf_context_set_progress(context, NULL);
    forget_lines(context->log);
    g_mutex_lock(&pool->lock);
    if (!xf_context_broken(context) &&
        g_queue_get_length(&pool->idle) < IDLE_MAX) {
        g_queue_push_head(&pool->idle, context);
        context = NULL;
    }
    g_mutex_unlock(&pool->lock);
    if (context)
        xf_context_free(context);
}
