/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xenferry migrate: options, what is shown meanwhile, what is said after */
#include "config.h"

#include "tools/commands.h"
#include "tools/move.h"
#include "tools/progress.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define POLL_MS 200
#define SETTLE_MS 10000
#define DEFAULT_COLUMNS 80

static struct {
    gboolean live;
    gboolean paused;
    gboolean json;
    char *dname;
    char *uri;
    gint64 bandwidth;
} options;

static const GOptionEntry entries[] = {
    { "live", 0, 0, G_OPTION_ARG_NONE, &options.live,
      "Let the guest run while its memory is sent", NULL },
    { "dname", 0, 0, G_OPTION_ARG_STRING, &options.dname,
      "What to call it at the destination", "NAME" },
    { "uri", 0, 0, G_OPTION_ARG_STRING, &options.uri,
      "Where the stream goes (default: the destination says)", "URI" },
    { "paused", 0, 0, G_OPTION_ARG_NONE, &options.paused,
      "Leave it paused at the destination", NULL },
    { "bandwidth", 0, 0, G_OPTION_ARG_INT64, &options.bandwidth,
      "Send no faster than that", "MiB/s" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
      "Print the outcome as a JSON object", NULL },
    G_OPTION_ENTRY_NULL
};

/* -- meanwhile -- */

/* What is on show; the mover calls one ui function at a time, the main
 * thread reads nothing of it until the mover has ended. */
struct display {
    gboolean bar;           /* on stderr, a terminal */
    gboolean lines;         /* a line a phase on stdout */
    gint64 start;
    char *name;
    struct xf_progress_view view;
};

static void
draw(struct display *display)
{
    struct winsize size = { 0 };
    int columns = DEFAULT_COLUMNS;
    g_autofree char *line = NULL;

    if (!display->bar)
        return;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        columns = size.ws_col;
    display->view.elapsed_ms = (g_get_monotonic_time() - display->start) /
                               G_TIME_SPAN_MILLISECOND;
    line = xf_progress_line(&display->view, columns);
    /* carriage return, line, erase to its end */
    g_printerr("\r%s\033[K", line);
}

static void
erase(struct display *display)
{
    if (display->bar)
        g_printerr("\r\033[K");
}

static void
show_phase(void *user, const char *phase)
{
    struct display *display = user;

    display->view.phase = phase;
    if (display->lines) {
        double s = (g_get_monotonic_time() - display->start) /
                   (double)G_TIME_SPAN_SECOND;

        g_print("%8.2f s  %s\n", s, phase);
        fflush(stdout);
    }
    draw(display);
}

static void
show_job(void *user, const struct xf_job_info *info)
{
    struct display *display = user;

    if (info->type != XF_JOB_NONE)
        display->view.job = *info;
    draw(display);
}

static void
show_stopping(void *user)
{
    struct display *display = user;

    display->view.stopping = TRUE;
    erase(display);
    xf_cli_error("stopping the migration; interrupt again to leave it to "
                 "the hosts");
    draw(display);
}

static void
show_note(void *user, const char *text)
{
    struct display *display = user;

    erase(display);
    xf_cli_error("%s", text);
    draw(display);
}

static const struct xf_move_ui ui = {
    .phase = show_phase,
    .job = show_job,
    .stopping = show_stopping,
    .note = show_note,
};

static void
display_init(struct display *display, const char *domain)
{
    const char *term = g_getenv("TERM");

    memset(display, 0, sizeof(*display));
    display->bar = isatty(STDERR_FILENO) && g_strcmp0(term, "dumb") != 0;
    display->lines = !display->bar && !options.json;
    display->start = g_get_monotonic_time();
    display->name = xf_cli_printable(domain);
    display->view.name = display->name;
    display->view.phase = "connect";
}

/* -- running it: the mover in a thread, signals in the main loop -- */

struct run {
    struct xf_move *move;
    struct xf_move_report report;
    GMainLoop *loop;
    guint signals[3];
    gboolean stopped;       /* the user has asked to stop */
};

static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP };

static gboolean
quit(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static gpointer
run_move(gpointer user)
{
    struct run *run = user;

    xf_move_run(run->move, &run->report);
    /* an idle source: it waits for a loop that does not run yet */
    g_idle_add(quit, run->loop);
    return NULL;
}

/* The first signal asks the source to stop; from then on signals have their
 * default effect, so that a second one ends the program whatever happens. */
static gboolean
on_stop(gpointer user)
{
    struct run *run = user;

    for (gsize i = 0; i < G_N_ELEMENTS(stop_signals); i++)
        g_source_remove(run->signals[i]);
    memset(run->signals, 0, sizeof(run->signals));
    run->stopped = TRUE;
    xf_move_abort(run->move);
    return G_SOURCE_REMOVE;
}

static void
run_to_end(struct run *run)
{
    GThread *thread;

    run->loop = g_main_loop_new(NULL, FALSE);
    for (gsize i = 0; i < G_N_ELEMENTS(stop_signals); i++)
        run->signals[i] = g_unix_signal_add(stop_signals[i], on_stop, run);
    thread = g_thread_new("move", run_move, run);
    g_main_loop_run(run->loop);
    g_thread_join(thread);
    for (gsize i = 0; i < G_N_ELEMENTS(stop_signals); i++)
        if (run->signals[i])
            g_source_remove(run->signals[i]);
    g_main_loop_unref(run->loop);
}

/* -- what is said after -- */

static const char *
result_name(enum xf_move_result result)
{
    switch (result) {
    case XF_MOVE_MOVED:
        return "moved";
    case XF_MOVE_FAILED:
        return "failed";
    case XF_MOVE_IN_DOUBT:
        return "in-doubt";
    }
    g_assert_not_reached();
}

static enum xf_exit
result_exit(enum xf_move_result result)
{
    switch (result) {
    case XF_MOVE_MOVED:
        return XF_EXIT_OK;
    case XF_MOVE_FAILED:
        return XF_EXIT_FAILED;
    case XF_MOVE_IN_DOUBT:
        return XF_EXIT_IN_DOUBT;
    }
    g_assert_not_reached();
}

/* A figure that the hosts gave, or null. */
static void
add_figure(JsonBuilder *builder, const struct xf_move_report *report,
           const char *name, guint64 value)
{
    if (report->job.type != XF_JOB_NONE)
        xf_cli_add_int(builder, name, value);
    else
        xf_cli_add_null(builder, name);
}

static void
print_json(const struct xf_cli *cli, const struct xf_move_request *request,
           const struct xf_move_report *report)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    const struct xf_job_info *job = &report->job;
    char uuid[XF_UUID_STRING_LEN + 1];

    json_builder_begin_object(builder);
    xf_cli_add_string(builder, "domain", report->source ? report->source->name
                                                        : request->domain);
    xf_cli_add_string(builder, "uuid", report->source ?
                      xf_uuid_format(report->source->uuid, uuid) : NULL);
    xf_cli_add_string(builder, "from", cli->uri);
    xf_cli_add_string(builder, "to", request->destination);
    xf_cli_add_string(builder, "result", result_name(report->result));
    json_builder_set_member_name(builder, "error");
    if (report->error) {
        json_builder_begin_object(builder);
        xf_cli_add_int(builder, "code", xf_error_to_libvirt(report->error));
        xf_cli_add_string(builder, "message", report->error->message);
        json_builder_end_object(builder);
    } else {
        json_builder_add_null_value(builder);
    }
    xf_cli_add_int(builder, "total_ms", report->total_ms);
    add_figure(builder, report, "downtime_ms", job->downtime);
    add_figure(builder, report, "wire_bytes", job->wire_bytes);
    add_figure(builder, report, "mem_bytes", job->mem_processed);
    add_figure(builder, report, "iterations", job->iteration + 1);
    json_builder_end_object(builder);
    xf_cli_print_json(builder);
}

static void
print_figures(const struct xf_move_report *report)
{
    const struct xf_job_info *job = &report->job;
    g_autofree char *total = xf_format_ms(report->total_ms);
    g_autofree char *downtime = xf_format_ms(job->downtime);
    g_autofree char *wire = xf_format_bytes(job->wire_bytes);
    g_autofree char *memory = xf_format_bytes(job->mem_processed);

    g_print("  total time  %s\n", total);
    if (job->type == XF_JOB_NONE) {
        g_print("  the hosts gave no other figures\n");
        return;
    }
    g_print("  downtime    %s\n", downtime);
    g_print("  sent        %s (memory: %s in %u iteration%s)\n", wire, memory,
            job->iteration + 1, job->iteration ? "s" : "");
}

static void
tell_moved(const struct xf_cli *cli, const struct run *run,
           const struct xf_move_request *request)
{
    const struct xf_move_report *report = &run->report;
    g_autofree char *name = xf_cli_printable(report->destination->name);

    if (report->error)
        xf_cli_error("warning: %s; the guest has moved all the same",
                     report->error->message);
    else if (run->stopped)
        xf_cli_error("it was too late to stop the migration");
    if (options.json)
        return;
    g_print("%s has moved from %s to %s\n", name, cli->uri,
            request->destination);
    print_figures(report);
}

static void
tell_failed(const struct xf_cli *cli, const struct xf_move_report *report)
{
    xf_cli_error("%s", report->error->message);
    if (report->source)
        xf_cli_error("nothing has moved: %s %s at %s", report->source->name,
                     report->paused ? "is there as before, paused,"
                                    : "runs on",
                     cli->uri);
}

static void
tell_in_doubt(const struct xf_cli *cli, const struct xf_move_request *request,
              const struct xf_move_report *report)
{
    xf_cli_error("%s", report->error->message);
    if (report->source_gone)
        xf_cli_error("it is in doubt where %s is: %s has it no more, and %s "
                     "does not show it under its name", report->source->name,
                     cli->uri, request->destination);
    else
        xf_cli_error("it is in doubt where %s is: the copy at %s waits, or "
                     "that host does not answer", report->source->name,
                     cli->uri);
    xf_cli_error("xenferryd at the source keeps asking the destination and "
                 "settles it as soon as that answers; do not start the guest "
                 "by hand meanwhile");
    xf_cli_error("see \"xenstore-ls /tool/xenferry/handoff\" and "
                 "\"journalctl -u xenferryd\" on both hosts, and \"xenferry "
                 "list\" for where it is then");
}

static void
tell(const struct xf_cli *cli, const struct run *run,
     const struct xf_move_request *request)
{
    switch (run->report.result) {
    case XF_MOVE_MOVED:
        tell_moved(cli, run, request);
        break;
    case XF_MOVE_FAILED:
        tell_failed(cli, &run->report);
        break;
    case XF_MOVE_IN_DOUBT:
        tell_in_doubt(cli, request, &run->report);
        break;
    }
    if (options.json)
        print_json(cli, request, &run->report);
}

static gboolean
check_options(const char *destination)
{
    if (!g_uri_peek_scheme(destination))
        xf_cli_error("migrate: '%s' is not a URI; try xen+tcp://%s/system",
                     destination, destination);
    else if (options.bandwidth < 0)
        xf_cli_error("migrate: --bandwidth %" G_GINT64_FORMAT " is less than "
                     "nothing; it is MiB/s, 0 for no limit",
                     options.bandwidth);
    else
        return TRUE;
    return FALSE;
}

static enum xf_exit
run_migrate(struct xf_cli *cli, char **args)
{
    struct display display;
    const struct xf_move_request request = {
        .domain = args[0],
        .destination = args[1],
        .flags = (options.live ? XF_MIGRATE_LIVE : 0) |
                 (options.paused ? XF_MIGRATE_PAUSED : 0),
        .dname = options.dname,
        .uri = options.uri,
        .bandwidth = options.bandwidth,
        .poll_ms = POLL_MS,
        .settle_ms = SETTLE_MS,
        .ui = &ui,
        .user = &display,
    };
    struct run run = { 0 };
    enum xf_exit status;

    if (!check_options(args[1]))
        return XF_EXIT_USAGE;
    display_init(&display, args[0]);
    run.move = xf_move_new(cli, &request);
    run_to_end(&run);
    display.view.done = run.report.result == XF_MOVE_MOVED;
    if (display.view.done) {
        show_phase(&display, "done");
        if (display.bar)
            g_printerr("\n");
    } else {
        erase(&display);
    }
    tell(cli, &run, &request);
    status = result_exit(run.report.result);
    xf_move_free(run.move);
    xf_move_report_clear(&run.report);
    g_free(display.name);
    return status;
}

const struct xf_command xf_cmd_migrate = {
    .name = "migrate",
    .args = "DOMAIN DEST-URI",
    .summary = "Move a running domain to another host",
    .details = "DOMAIN is a name, uuid or id; DEST-URI is "
               "xen+tcp://HOST[:PORT]/system.\n\n"
               "Exit status: 0 moved; 1 failed, the guest is at the source as "
               "before;\n2 usage; 3 in doubt, and what is said tells how it "
               "is settled.",
    .min_args = 2,
    .max_args = 2,
    .options = entries,
    .run = run_migrate,
};
