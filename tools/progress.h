/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a person is shown of a migration: pure functions from figures to
 * text, so that they can be tested without a terminal.
 *
 * All text is ASCII but for the domain's name, which the caller has made
 * printable.  Strings returned belong to the caller.
 */
#ifndef XF_TOOLS_PROGRESS_H
#define XF_TOOLS_PROGRESS_H

#include "protocol/types.h"

/* Below this a line holds nothing worth reading; smaller widths are taken
 * for this one. */
#define XF_PROGRESS_MIN_WIDTH 20

struct xf_progress_view {
    const char *name;       /* the domain's; shown where there is room */
    const char *phase;      /* "begin", ...; "done" when it is over */
    struct xf_job_info job; /* as job_info() gave it; zeroes: not known */
    guint64 elapsed_ms;     /* since the start; moves the marker of a bar
                             * whose total is not known */
    gboolean done;          /* the guest has moved */
    gboolean stopping;      /* the user has asked to stop */
};

/* One line of at most `columns` - 1 characters, without line end: a terminal
 * wraps what reaches its last column.  What does not fit is left out, the
 * least important first: name, remaining time, iteration, rate; what is left
 * of the width goes to the bar. */
char *xf_progress_line(const struct xf_progress_view *view, int columns);

/* 0..100; -1 when not known.  100 only when `done`. */
int xf_progress_percent(const struct xf_progress_view *view);

/* "999 B", "1.5 KiB", "12.3 GiB" */
char *xf_format_bytes(guint64 bytes);
/* "340 ms", "12.3 s", "2 min 05 s", "3 h 07 min" */
char *xf_format_ms(guint64 ms);
/* As on a clock: "0:07", "12:34", "1:02:03" */
char *xf_format_clock(guint64 ms);

#endif
