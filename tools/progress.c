/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tools/progress.h"

#include <string.h>

#define BAR_MIN 8           /* columns of a bar, brackets counted */
#define BAR_MAX 42
#define MARKER "<=>"        /* wanders through a bar without a total */
#define MARKER_STEP_MS 100

/* The parts of a line, in reading order. */
enum part {
    PART_NAME,
    PART_PHASE,
    PART_BAR,
    PART_PERCENT,
    PART_ITERATION,
    PART_RATE,
    PART_REMAINING,
    PART_LAST
};

/* What goes first when there is no room for all. */
static const enum part drop_order[] = {
    PART_NAME, PART_REMAINING, PART_ITERATION, PART_RATE, PART_BAR,
};

char *
xf_format_bytes(guint64 bytes)
{
    static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB",
                                         "EiB" };
    double value = bytes;
    guint unit = 0;

    if (bytes < 1024)
        return g_strdup_printf("%" G_GUINT64_FORMAT " B", bytes);
    for (value /= 1024; value >= 1023.95; value /= 1024)
        unit++;
    return g_strdup_printf("%.1f %s", value, units[unit]);
}

char *
xf_format_ms(guint64 ms)
{
    guint64 s = (ms + 500) / 1000;

    if (ms < 1000)
        return g_strdup_printf("%" G_GUINT64_FORMAT " ms", ms);
    if (ms < 59950)
        return g_strdup_printf("%.1f s", ms / 1000.0);
    if (s < 3600)
        return g_strdup_printf("%d min %02d s", (int)s / 60, (int)s % 60);
    s = (s + 30) / 60;
    return g_strdup_printf("%" G_GUINT64_FORMAT " h %02d min", s / 60,
                           (int)(s % 60));
}

char *
xf_format_clock(guint64 ms)
{
    guint64 s = ms / 1000 + (ms % 1000 != 0);

    if (s < 3600)
        return g_strdup_printf("%d:%02d", (int)s / 60, (int)s % 60);
    return g_strdup_printf("%" G_GUINT64_FORMAT ":%02d:%02d", s / 3600,
                           (int)(s / 60 % 60), (int)(s % 60));
}

int
xf_progress_percent(const struct xf_progress_view *view)
{
    const struct xf_job_info *job = &view->job;

    if (view->done)
        return 100;
    if (job->mem_total == 0)
        return -1;

    /* All memory sent is not yet a guest moved. */
    double percent = 100.0 * job->mem_processed / job->mem_total;

    return percent > 99 ? 99 : (int)percent;
}

/* Figures have a fixed width, so that the bar does not jump about. */

/* [#######>    ] of `width` columns, or a wandering marker. */
static char *
draw_bar(const struct xf_progress_view *view, int width)
{
    int inner = width - 2;
    int percent = xf_progress_percent(view);
    g_autofree char *fill = g_strnfill(inner, ' ');

    if (percent < 0) {
        int room = inner - (int)strlen(MARKER);
        int step = view->elapsed_ms / MARKER_STEP_MS % (2 * room);

        memcpy(fill + (step <= room ? step : 2 * room - step), MARKER,
               strlen(MARKER));
    } else {
        int filled = inner * percent / 100;

        memset(fill, '#', filled);
        if (filled < inner)
            fill[filled] = '>';
    }
    return g_strdup_printf("[%s]", fill);
}

static char *
format_percent(const struct xf_progress_view *view)
{
    int percent = xf_progress_percent(view);

    return percent < 0 ? g_strdup(" --%") : g_strdup_printf("%3d%%", percent);
}

static char *
format_rate(const struct xf_job_info *job)
{
    if (job->mem_bps == 0)
        return NULL;
    return g_strdup_printf("%5.1f MiB/s", job->mem_bps / 1048576.0);
}

static char *
format_remaining(const struct xf_progress_view *view)
{
    if (view->done || view->job.time_remaining == 0)
        return NULL;

    g_autofree char *clock = xf_format_clock(view->job.time_remaining);

    return g_strdup_printf("%5s left", clock);
}

/* Everything but the bar, whose size depends on the rest. */
static void
fill_parts(const struct xf_progress_view *view, char **parts)
{
    if (view->name)
        parts[PART_NAME] = g_strdup(view->name);
    parts[PART_PHASE] = g_strdup_printf(
        "%-8.12s", view->stopping ? "stopping" : view->phase);
    parts[PART_PERCENT] = format_percent(view);
    if (view->job.mem_total)
        parts[PART_ITERATION] =
            g_strdup_printf("iteration %-2u", view->job.iteration + 1);
    parts[PART_RATE] = format_rate(&view->job);
    parts[PART_REMAINING] = format_remaining(view);
}

/* What a terminal makes of it. */
static int
text_columns(const char *text)
{
    int columns = 0;

    for (; *text; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);

        if (!g_unichar_iszerowidth(c))
            columns += g_unichar_iswide(c) ? 2 : 1;
    }
    return columns;
}

/* Columns of all parts with one blank between them, `bar` of them for the
 * bar (0: none). */
static int
parts_width(char *const *parts, int bar)
{
    int width = 0;

    for (int i = 0; i < PART_LAST; i++)
        if (parts[i])
            width += text_columns(parts[i]) + 1;
    return width + (bar ? bar + 1 : 0) - 1;
}

char *
xf_progress_line(const struct xf_progress_view *view, int columns)
{
    int room = MAX(columns, XF_PROGRESS_MIN_WIDTH) - 1;
    int bar = BAR_MIN;
    char *parts[PART_LAST] = { NULL };
    GString *line = g_string_new(NULL);

    fill_parts(view, parts);
    for (gsize i = 0; i < G_N_ELEMENTS(drop_order); i++) {
        if (parts_width(parts, bar) <= room)
            break;
        if (drop_order[i] == PART_BAR)
            bar = 0;
        else
            g_clear_pointer(&parts[drop_order[i]], g_free);
    }
    if (bar) {
        bar = MIN(room - parts_width(parts, 0) - 1, BAR_MAX);
        parts[PART_BAR] = draw_bar(view, bar);
    }
    for (int i = 0; i < PART_LAST; i++) {
        if (parts[i])
            g_string_append_printf(line, "%s%s", line->len ? " " : "",
                                   parts[i]);
        g_free(parts[i]);
    }
    return g_string_free(line, FALSE);
}
