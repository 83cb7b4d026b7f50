/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tools/report.h"

#include "tools/progress.h"

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

enum xf_exit
xf_report_exit(const struct xf_move_report *report)
{
    switch (report->result) {
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
print_json(const char *uri, const struct xf_move_request *request,
           const struct xf_move_report *report)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    const struct xf_job_info *job = &report->job;
    const struct xf_domain_ref *dom = report->source;
    char uuid[XF_UUID_STRING_LEN + 1];

    json_builder_begin_object(builder);
    xf_cli_add_string(builder, "domain", dom ? dom->name : request->domain);
    xf_cli_add_string(builder, "uuid",
                      dom ? xf_uuid_format(dom->uuid, uuid) : NULL);
    xf_cli_add_string(builder, "from", uri);
    xf_cli_add_string(builder, "to", request->destination);
    xf_cli_add_string(builder, "protocol", report->protocol);
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
    /* over somebody else's connection nobody counts */
    g_autofree char *wire = job->wire_bytes
                                ? xf_format_bytes(job->wire_bytes)
                                : g_strdup("not counted");
    g_autofree char *memory = xf_format_bytes(job->mem_processed);

    if (report->protocol)
        g_print("  protocol    %s\n", report->protocol);
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
tell_moved(const char *uri, const struct xf_move_request *request,
           const struct xf_move_report *report, gboolean json)
{
    g_autofree char *name = xf_cli_printable(report->destination->name);

    if (report->error)
        xf_cli_error("warning: %s; the guest has moved all the same",
                     report->error->message);
    else if (report->stopped)
        xf_cli_error("it was too late to stop the migration");
    if (json)
        return;
    g_print("%s has moved from %s to %s\n", name, uri,
            request->destination);
    print_figures(report);
}

static void
tell_failed(const char *uri, const struct xf_move_report *report)
{
    xf_cli_error("%s", report->error->message);
    if (report->ended)
        xf_cli_error("nothing has moved: %s has ended by itself meanwhile "
                     "(powered off, crashed or rebooted), and no copy of it "
                     "is in doubt; \"xenferry -c %s list\" shows whether it "
                     "is there again", report->source->name, uri);
    else if (report->source)
        xf_cli_error("nothing has moved: %s %s at %s", report->source->name,
                     report->stored   ? "is there as before, not running,"
                     : report->paused ? "is there as before, paused,"
                                      : "runs on",
                     uri);
}

static void
tell_in_doubt(const char *uri, const struct xf_move_request *request,
              const struct xf_move_report *report)
{
    const char *name = report->source->name;

    xf_cli_error("%s", report->error->message);
    switch (report->place) {
    case XF_MOVE_HERE:
    case XF_MOVE_WAITS:
        xf_cli_error("it is in doubt where %s is to run: its copy at %s "
                     "waits until that is known", name, uri);
        break;
    case XF_MOVE_GONE:
        xf_cli_error("it is in doubt where %s is: %s has it no more, and %s "
                     "does not show it under its name", name, uri,
                     request->destination);
        break;
    case XF_MOVE_SILENT:
        xf_cli_error("it is in doubt where %s is: %s does not answer", name,
                     uri);
        break;
    }
    if (report->by_hand) {
        xf_cli_error("%s is no xenferryd and does not ask the destination: "
                     "it stays so until you settle it as said above; do not "
                     "resume or start the guest before you have looked", uri);
        return;
    }
    xf_cli_error("xenferryd at the source keeps asking the destination and "
                 "settles it as soon as that answers; do not start the guest "
                 "by hand meanwhile");
    xf_cli_error("see \"xenferry handoffs\" and \"journalctl -u xenferryd\" "
                 "on both hosts; \"xenferry resolve TOKEN\" at the source "
                 "asks again at once, and its options settle it by hand");
}

void
xf_report_tell(const char *uri, const struct xf_move_request *request,
               const struct xf_move_report *report, gboolean json)
{
    switch (report->result) {
    case XF_MOVE_MOVED:
        tell_moved(uri, request, report, json);
        break;
    case XF_MOVE_FAILED:
        tell_failed(uri, report);
        break;
    case XF_MOVE_IN_DOUBT:
        tell_in_doubt(uri, request, report);
        break;
    }
    if (json)
        print_json(uri, request, report);
}
