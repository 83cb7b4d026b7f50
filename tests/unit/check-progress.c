/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a migration looks like on a terminal of any width. */
#include "config.h"

#include "tests/unit/common.h"
#include "tools/progress.h"

#include <string.h>

#define MIB (G_GUINT64_CONSTANT(1) << 20)

/* 47 % of the way, everything known. */
static const struct xf_progress_view halfway = {
    .name = "guest1",
    .phase = "perform",
    .elapsed_ms = 1500,
    .job = {
        .type = XF_JOB_UNBOUNDED,
        .time_remaining = 11300,
        .mem_total = 1000 * MIB,
        .mem_processed = 475 * MIB,
        .mem_remaining = 525 * MIB,
        .mem_bps = 117 * MIB,
        .iteration = 2,
    },
};

/* tests own what they look at only until the next call */
static const char *
line(const struct xf_progress_view *view, int columns)
{
    static char *last;

    g_free(last);
    last = view ? xf_progress_line(view, columns) : NULL;
    return last;
}

START_TEST(whole_line)
{
    ck_assert_str_eq(line(&halfway, 100),
                     "guest1 perform  [##################>"
                     "                     ]  47% iteration 3  117.0 MiB/s  "
                     "0:12 left");
    line(NULL, 0);
}
END_TEST

START_TEST(narrow_lines)
{
    ck_assert_str_eq(line(&halfway, 60),
                     "perform  [###>   ]  47% iteration 3  117.0 MiB/s  "
                     "0:12 left");
    ck_assert_str_eq(line(&halfway, 40),
                     "perform  [#####>     ]  47% 117.0 MiB/s");
    ck_assert_str_eq(line(&halfway, 30), "perform  [######>      ]  47%");
    ck_assert_str_eq(line(&halfway, 20), "perform   47%");
    ck_assert_str_eq(line(&halfway, 0), "perform   47%");
    line(NULL, 0);
}
END_TEST

/* No width is overrun, and none makes the bar vanish that has room for it. */
START_TEST(every_width)
{
    struct xf_progress_view view = halfway;

    view.name = "a-domain-with-a-long-name";
    view.job.time_remaining = G_GUINT64_CONSTANT(36000000);
    view.job.mem_bps = G_MAXUINT64;
    view.job.iteration = G_MAXUINT - 1;
    for (int columns = 40; columns <= 200; columns++) {
        const char *text = line(&view, columns);

        ck_assert_msg(strlen(text) < (gsize)columns, "%d: %s", columns, text);
        ck_assert_msg(strchr(text, '[') && strchr(text, ']'), "%d: %s",
                      columns, text);
        ck_assert_ptr_nonnull(strstr(text, " 47%"));
    }
    line(NULL, 0);
}
END_TEST

START_TEST(wide_name)
{
    struct xf_progress_view view = halfway;

    /* two columns each */
    view.name = "\xe5\xae\xa2\xe5\xae\xa2\xe5\xae\xa2\xe5\xae\xa2";
    for (int columns = 70; columns <= 120; columns++) {
        const char *text = line(&view, columns);
        long length = g_utf8_strlen(text, -1);

        if (strstr(text, view.name))
            length += 4;
        ck_assert_int_lt(length, columns);
    }
    line(NULL, 0);
}
END_TEST

START_TEST(unknown_total)
{
    struct xf_progress_view view = { .name = "g", .phase = "prepare" };
    g_autofree char *first = g_strdup(line(&view, 40));
    int moved = 0;

    ck_assert_int_eq(xf_progress_percent(&view), -1);
    ck_assert_ptr_nonnull(strstr(first, " --%"));
    ck_assert_ptr_null(strstr(first, "iteration"));
    for (; view.elapsed_ms < 20000; view.elapsed_ms += 50) {
        const char *text = line(&view, 40);

        ck_assert_int_eq(strlen(text), strlen(first));
        ck_assert_ptr_nonnull(strstr(text, "<=>"));
        moved += strcmp(text, first) != 0;
    }
    ck_assert_int_gt(moved, 300);
    line(NULL, 0);
}
END_TEST

START_TEST(whole_only_when_done)
{
    struct xf_progress_view view = halfway;

    view.job.mem_processed = view.job.mem_total;
    view.job.mem_remaining = 0;
    ck_assert_int_eq(xf_progress_percent(&view), 99);
    view.done = TRUE;
    view.phase = "done";
    ck_assert_int_eq(xf_progress_percent(&view), 100);
    ck_assert_str_eq(line(&view, 80),
                     "guest1 done     [###############################] 100% "
                     "iteration 3  117.0 MiB/s");
    memset(&view.job, 0, sizeof(view.job));
    ck_assert_str_eq(line(&view, 40),
                     "guest1 done     [################] 100%");
    line(NULL, 0);
}
END_TEST

START_TEST(nothing_sent_yet)
{
    struct xf_progress_view view = halfway;

    view.job.mem_processed = 0;
    ck_assert_int_eq(xf_progress_percent(&view), 0);
    /* figures of a peer need not make sense */
    view.job.mem_processed = G_MAXUINT64;
    view.job.mem_total = 1;
    ck_assert_int_eq(xf_progress_percent(&view), 99);
}
END_TEST

START_TEST(stopping_is_shown)
{
    struct xf_progress_view view = halfway;

    view.stopping = TRUE;
    ck_assert(g_str_has_prefix(line(&view, 40), "stopping "));
    line(NULL, 0);
}
END_TEST

static const struct {
    char *(*format)(guint64 value);
    guint64 value;
    const char *text;
} formats[] = {
    { xf_format_bytes, 0, "0 B" },
    { xf_format_bytes, 1023, "1023 B" },
    { xf_format_bytes, 1536, "1.5 KiB" },
    { xf_format_bytes, MIB - 1, "1.0 MiB" },
    { xf_format_bytes, 514 * MIB, "514.0 MiB" },
    { xf_format_bytes, 1023 * MIB + MIB - 1, "1.0 GiB" },
    { xf_format_bytes, G_MAXUINT64, "16.0 EiB" },
    { xf_format_ms, 0, "0 ms" },
    { xf_format_ms, 999, "999 ms" },
    { xf_format_ms, 1000, "1.0 s" },
    { xf_format_ms, 59949, "59.9 s" },
    { xf_format_ms, 59950, "1 min 00 s" },
    { xf_format_ms, 125000, "2 min 05 s" },
    { xf_format_ms, 3599499, "59 min 59 s" },
    { xf_format_ms, 3599500, "1 h 00 min" },
    { xf_format_ms, 11220000, "3 h 07 min" },
    { xf_format_clock, 0, "0:00" },
    { xf_format_clock, 1, "0:01" },
    { xf_format_clock, 59000, "0:59" },
    { xf_format_clock, 59001, "1:00" },
    { xf_format_clock, 3723000, "1:02:03" },
};

START_TEST(figures)
{
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autofree char *text = formats[i].format(formats[i].value);

        ck_assert_str_eq(text, formats[i].text);
    }
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        whole_line,
        narrow_lines,
        every_width,
        wide_name,
        unknown_total,
        whole_only_when_done,
        nothing_sent_yet,
        stopping_is_shown,
        figures,
        NULL
    };

    return xf_unit_main("progress", tests);
}
