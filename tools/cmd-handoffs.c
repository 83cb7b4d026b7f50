/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xenferry handoffs, resolve */
#include "config.h"

#include "tools/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    gboolean json;
    gboolean committed, revoked, yes;
} options;

static const GOptionEntry list_entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
      "Print a JSON array of objects", NULL },
    G_OPTION_ENTRY_NULL
};

static const GOptionEntry resolve_entries[] = {
    { "assume-committed", 0, 0, G_OPTION_ARG_NONE, &options.committed,
      "The destination's copy is the copy: asks nobody", NULL },
    { "assume-revoked", 0, 0, G_OPTION_ARG_NONE, &options.revoked,
      "The source's copy is the copy: asks nobody", NULL },
    { "yes", 0, 0, G_OPTION_ARG_NONE, &options.yes,
      "Do not ask for confirmation", NULL },
    G_OPTION_ENTRY_NULL
};

/* -- handoffs -- */

static char *
time_text(gint64 us)
{
    g_autoptr(GDateTime) time =
        g_date_time_new_from_unix_local(us / G_USEC_PER_SEC);

    return time ? g_date_time_format(time, "%F %T") : g_strdup("?");
}

static void
print_text(const struct xf_handoff_info *info)
{
    g_autofree char *name = xf_cli_printable(info->name);
    g_autofree char *peer = xf_cli_printable(info->peer);
    g_autofree char *since = time_text(info->since);
    g_autofree char *when = time_text(info->next_time);
    g_autofree char *trouble = xf_cli_printable(info->trouble);

    g_print("%s  %s\n", info->token, name);
    g_print("    %s, %s since %s, with %s\n", info->side, info->state, since,
            *peer ? peer : "a host not known yet");
    g_print("    next: %s%s%s\n", info->next,
            info->next_time ? ", at " : "", info->next_time ? when : "");
    if (*trouble)
        g_print("    last try: %s\n", trouble);
    /* a destination's that has asked its source in vain, too */
    if (strcmp(info->state, "in-doubt") == 0
        || (strcmp(info->state, "received") == 0 && *trouble))
        g_print("    to ask now, or to settle it by hand: xenferry resolve "
                "%s\n", info->token);
}

static void
add_json(JsonBuilder *builder, const struct xf_handoff_info *info)
{
    json_builder_begin_object(builder);
    xf_cli_add_string(builder, "token", info->token);
    xf_cli_add_string(builder, "name", info->name);
    xf_cli_add_string(builder, "uuid", info->uuid);
    xf_cli_add_int(builder, "domid", info->domid);
    xf_cli_add_string(builder, "side", info->side);
    xf_cli_add_string(builder, "state", info->state);
    xf_cli_add_int(builder, "since_us", info->since);
    xf_cli_add_string(builder, "peer", *info->peer ? info->peer : NULL);
    xf_cli_add_string(builder, "next", info->next);
    if (info->next_time)
        xf_cli_add_int(builder, "next_us", info->next_time);
    else
        xf_cli_add_null(builder, "next_us");
    xf_cli_add_string(builder, "trouble",
                      *info->trouble ? info->trouble : NULL);
    json_builder_end_object(builder);
}

static enum xf_exit
run_handoffs(struct xf_cli *cli, char **args)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(GPtrArray) infos = NULL;
    XF_AUTO(xf_conn) *conn = xf_cli_connect(cli, cli->uri, &err);

    if (!conn)
        return xf_cli_fail(err);
    if (conn->driver->list_handoffs)
        infos = conn->driver->list_handoffs(conn, &err);
    else
        xf_driver_lacks(conn, "list_handoffs", &err);
    if (!infos)
        return xf_cli_fail(err);
    json_builder_begin_array(builder);
    for (guint i = 0; i < infos->len; i++) {
        if (options.json)
            add_json(builder, infos->pdata[i]);
        else
            print_text(infos->pdata[i]);
    }
    json_builder_end_array(builder);
    if (options.json)
        xf_cli_print_json(builder);
    return XF_EXIT_OK;
}

/* -- resolve -- */

static const char *
risk(void)
{
    if (options.committed)
        return "This takes the destination's copy for the one that lives.  "
               "At the source the domain's\ncopy is destroyed; at the "
               "destination its copy runs.  If the destination has in truth\n"
               "revoked its copy, or lost it, THE GUEST IS LOST: no copy is "
               "left.";
    return "This takes the source's copy for the one that lives.  At the "
           "source the domain runs on\nfrom there; at the destination its "
           "copy is destroyed.  If the destination has in truth\ncommitted, "
           "THE GUEST RUNS TWICE, or runs on from old memory on disks that "
           "have\nchanged since: both destroy its data.  If the source has "
           "no copy any more (its host\nwas switched off, say), THE GUEST IS "
           "LOST: no copy is left.";
}

/* TRUE: confirmed. */
static gboolean
confirmed(const char *token)
{
    g_autofree char *line = NULL;
    g_autoptr(GIOChannel) in = NULL;

    if (options.yes)
        return TRUE;
    if (!isatty(STDIN_FILENO)) {
        xf_cli_error("%s\nNobody is there to confirm that: if it is certain, "
                     "say --yes", risk());
        return FALSE;
    }
    g_printerr("%s\nHandoff %s: go on?  Type yes: ", risk(), token);
    in = g_io_channel_unix_new(STDIN_FILENO);
    return g_io_channel_read_line(in, &line, NULL, NULL, NULL) ==
               G_IO_STATUS_NORMAL
           && g_strcmp0(g_strstrip(line), "yes") == 0;
}

static enum xf_exit
resolve(struct xf_conn *conn, const char *token, enum xf_assume what)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *state = NULL;

    if (conn->driver->resolve_handoff)
        state = conn->driver->resolve_handoff(conn, token, what, &err);
    else
        xf_driver_lacks(conn, "resolve_handoff", &err);
    if (state) {
        g_print("%s is %s\n", token, state);
        return XF_EXIT_OK;
    }
    xf_cli_fail(err);
    return g_error_matches(err, XF_ERROR, XF_ERROR_IN_DOUBT)
               ? XF_EXIT_IN_DOUBT
               : XF_EXIT_FAILED;
}

static enum xf_exit
do_resolve(struct xf_cli *cli, char **args)
{
    enum xf_assume what = options.committed ? XF_ASSUME_COMMITTED
                          : options.revoked ? XF_ASSUME_REVOKED
                                            : XF_ASSUME_NOTHING;
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_conn) *conn = NULL;

    if (options.committed && options.revoked) {
        xf_cli_error("resolve: --assume-committed and --assume-revoked "
                     "exclude each other");
        return XF_EXIT_USAGE;
    }
    if (what != XF_ASSUME_NOTHING && !confirmed(args[0])) {
        xf_cli_error("nothing was done");
        return XF_EXIT_USAGE;
    }
    conn = xf_cli_connect(cli, cli->uri, &err);
    return conn ? resolve(conn, args[0], what) : xf_cli_fail(err);
}

/* What one command line said is not for the next. */
static enum xf_exit
run_resolve(struct xf_cli *cli, char **args)
{
    enum xf_exit status = do_resolve(cli, args);

    options.committed = options.revoked = options.yes = FALSE;
    return status;
}

const struct xf_command xf_cmd_handoffs = {
    .name = "handoffs",
    .args = "",
    .summary = "Show migrations under way or in doubt on this host",
    .shows = TRUE,
    .options = list_entries,
    .run = run_handoffs,
};

const struct xf_command xf_cmd_resolve = {
    .name = "resolve",
    .args = "TOKEN",
    .summary = "Settle a handoff that is in doubt",
    .min_args = 1,
    .max_args = 1,
    .options = resolve_entries,
    .run = run_resolve,
};
