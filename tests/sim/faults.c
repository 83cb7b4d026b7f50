/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/sim/faults.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HANG_LOOK_US 1000

static GKeyFile *
faults_load(struct sim_host *host)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *text = sim_host_read(host, "faults");

    if (!text)
        return NULL;

    GKeyFile *file = g_key_file_new();

    if (*text && !g_key_file_load_from_data(file, text, -1, G_KEY_FILE_NONE,
                                            &err))
        g_error("simulated host: %s/faults: %s", host->dir, err->message);
    return file;
}

/* The group that has the key for this domain, NULL when none has. */
static char *
group_with(GKeyFile *file, const char *domain, const char *key)
{
    if (domain) {
        g_autofree char *name = g_strdup(domain);

        if (g_str_has_suffix(name, XF_INCOMING_SUFFIX))
            name[strlen(name) - strlen(XF_INCOMING_SUFFIX)] = '\0';
        if (g_key_file_has_key(file, name, key, NULL))
            return g_steal_pointer(&name);
    }
    if (g_key_file_has_key(file, "host", key, NULL))
        return g_strdup("host");
    return NULL;
}

char *
sim_knob(struct sim_host *host, const char *domain, const char *key)
{
    g_autoptr(GKeyFile) file = faults_load(host);

    if (!file)
        return NULL;

    g_autofree char *group = group_with(file, domain, key);

    return group ? g_key_file_get_string(file, group, key, NULL) : NULL;
}

gint64
sim_knob_int(struct sim_host *host, const char *domain, const char *key,
             gint64 fallback)
{
    g_autofree char *text = sim_knob(host, domain, key);

    return text ? g_ascii_strtoll(text, NULL, 10) : fallback;
}

gboolean
sim_knob_is(struct sim_host *host, const char *domain, const char *key,
            const char *word)
{
    g_autofree char *text = sim_knob(host, domain, key);

    return text && !strcmp(text, word);
}

static void
faults_store(struct sim_host *host, GKeyFile *file)
{
    g_autofree char *text = g_key_file_to_data(file, NULL, NULL);

    sim_host_write(host, "faults", text);
}

void
sim_fault_set(struct sim_host *host, const char *group, const char *key,
              const char *value)
{
    SIM_LOCK(host);
    g_autoptr(GKeyFile) file = faults_load(host);

    if (!file)
        file = g_key_file_new();
    if (value)
        g_key_file_set_string(file, group, key, value);
    else
        g_key_file_remove_key(file, group, key, NULL);
    faults_store(host, file);
}

gboolean
sim_wait_us(gint64 us, int abort_fd)
{
    gint64 until = g_get_monotonic_time() + us;

    for (gint64 left; (left = until - g_get_monotonic_time()) > 0; ) {
        struct pollfd poll_fd = { .fd = abort_fd, .events = POLLIN };
        struct timespec ts = { left / G_USEC_PER_SEC,
                               left % G_USEC_PER_SEC * 1000 };

        if (ppoll(&poll_fd, 1, &ts, NULL) > 0)
            return FALSE;
    }
    return TRUE;
}

/* -- points -- */

/* All that sim_pass() may be asked for. */
static const struct sim_point_row points[] = {
    { "can-arrive", "fail" },
    { "can-leave", "fail" },
    { "create", "fail" },
    { "describe", "fail" },
    { "destroy", "fail" },
    { "destroyed", "" },
    { "devices", "fail" },
    { "incoming-create", "fail" },
    { "log-dirty", "fail" },
    { "pause", "fail" },
    { "rename", "fail" },
    { "renamed", "" },
    { "resume", "fail" },
    { "resumed", "" },
    { "shutdown", "fail" },
    { "stream-end", "fail" },
    { "stream-made", "fail" },
    { "stream-page", "fail" },
    { "stream-start", "fail" },
    { "suspend-after-end", "fail" },
    { "suspend-ask", "fail" },
    { "suspend-asked", "fail" },
    { "suspend-before-end", "fail" },
    { "suspend-page", "fail" },
    { "suspend-start", "fail" },
    { "suspend-stopped", "fail" },
    { "unpause", "fail" },
    { "unpaused", "" },
    { NULL, NULL }
};

const struct sim_point_row *
sim_points(void)
{
    return points;
}

static void
check_point(const char *point)
{
    for (const struct sim_point_row *row = points; row->name; row++)
        if (!strcmp(row->name, point))
            return;
    g_error("simulated host: point %s is not in the table", point);
}

/* A point's value, taken apart. */
struct order {
    char *action;
    guint64 from_page;
    gint64 nth;                 /* 1: the next time */
    gint64 count;               /* -1: without end */
};

static void
order_parse(const char *text, struct order *order)
{
    gsize len = strcspn(text, "@#*");
    const char *page = strchr(text, '@');
    const char *nth = strchr(text, '#');
    const char *count = strchr(text, '*');

    order->action = g_strndup(text, len);
    order->from_page = page ? g_ascii_strtoull(page + 1, NULL, 10) : 0;
    order->nth = nth ? g_ascii_strtoll(nth + 1, NULL, 10) : 1;
    order->count = count ? g_ascii_strtoll(count + 1, NULL, 10) : -1;
}

/* Writes back what is left of it. */
static void
order_spend(struct sim_host *host, GKeyFile *file, const char *group,
            const char *point, const struct order *order)
{
    g_autoptr(GString) rest = g_string_new(order->action);

    g_string_append_printf(rest, "@%" G_GUINT64_FORMAT, order->from_page);
    if (order->nth > 1)
        g_string_append_printf(rest, "#%" G_GINT64_FORMAT, order->nth - 1);
    if (order->count > 0)
        g_string_append_printf(rest, "*%" G_GINT64_FORMAT,
                               order->count - (order->nth <= 1));
    if (order->nth <= 1 && order->count == 1)
        g_key_file_remove_key(file, group, point, NULL);
    else
        g_key_file_set_string(file, group, point, rest->str);
    faults_store(host, file);
}

static void
append_line(struct sim_host *host, const char *file, const char *point,
            const char *domain)
{
    g_autofree char *line = g_strdup_printf("%s %s\n", point,
                                            domain ? domain : "-");

    sim_host_append(host, file, line);
}

/* Is something ordered for that point, whenever? */
static gboolean
point_wanted(struct sim_host *host, const char *domain, const char *point,
             guint64 page)
{
    g_autoptr(GKeyFile) file = faults_load(host);

    if (!file)
        return FALSE;
    /* of pages the first: that makes the rest of them a point as well */
    if ((!page || !g_str_has_suffix(point, "-page"))
        && g_key_file_has_key(file, "host", "trace", NULL))
        append_line(host, "passed", point, domain);

    g_autofree char *group = group_with(file, domain, point);

    return group != NULL;
}

/* Returns the action to be taken here and now, and logs it; NULL: none.
 * *value is what ordered it. */
static char *
point_take(struct sim_host *host, const char *domain, const char *point,
           guint64 page, char **value)
{
    if (!point_wanted(host, domain, point, page))
        return NULL;

    SIM_LOCK(host);
    g_autoptr(GKeyFile) file = faults_load(host);
    g_autofree char *group = file ? group_with(file, domain, point) : NULL;

    if (!group)
        return NULL;

    g_autofree char *text = g_key_file_get_string(file, group, point, NULL);
    struct order order;

    order_parse(text, &order);

    g_autofree char *action = g_steal_pointer(&order.action);

    order.action = action;
    if (page < order.from_page)
        return NULL;
    /* a hang is spent when it ends: its key is what it waits on */
    if (order.nth > 1 || (order.count > 0 && strcmp(action, "hang")))
        order_spend(host, file, group, point, &order);
    if (order.nth > 1)
        return NULL;
    append_line(host, "hits", point, domain);
    *value = g_steal_pointer(&text);
    return g_steal_pointer(&action);
}

/* As long as the value is there that ordered it: it may be gone already, by
 * who has seen the hit. */
static void
point_hang(struct sim_host *host, const char *domain, const char *point,
           const char *value, int abort_fd)
{
    do {
        g_autofree char *now = sim_knob(host, domain, point);

        if (g_strcmp0(value, now))
            return;
    } while (sim_wait_us(HANG_LOOK_US, abort_fd));
}

char *
sim_pass(struct sim_host *host, const char *domain, const char *point,
         guint64 page, int abort_fd)
{
    g_autofree char *value = NULL;
    g_autofree char *action = point_take(host, domain, point, page, &value);

    if (!action || !strcmp(action, "note"))
        return NULL;
    if (!strcmp(action, "kill"))
        kill(getpid(), SIGKILL);
    else if (!strcmp(action, "hang"))
        point_hang(host, domain, point, value, abort_fd);
    else if (g_str_has_prefix(action, "delay:"))
        sim_wait_us(g_ascii_strtoll(action + 6, NULL, 10) * 1000, abort_fd);
    else
        return g_steal_pointer(&action);
    return NULL;
}

gboolean
sim_point(struct sim_host *host, const char *domain, const char *point,
          guint64 page, int abort_fd)
{
    check_point(point);

    g_autofree char *action = sim_pass(host, domain, point, page, abort_fd);

    if (action && strcmp(action, "fail"))
        g_error("simulated host: point %s: bad action: %s", point, action);
    return action != NULL;
}
