/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xenferry define, undefine, start, autostart: stored domains */
#include "config.h"

#include "tools/commands.h"

static struct {
    gboolean json;
    gboolean paused;
    gboolean given_away;
    gboolean disable;
} options;

#define JSON_ENTRY \
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, \
      "Print a JSON object", NULL }

/* done: what is said of it, with its name before it. */
static void
report(const struct xf_domain_ref *dom, const char *done)
{
    g_autofree char *name = xf_cli_printable(dom->name);

    if (options.json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        if (dom->id < 0)
            xf_cli_add_null(builder, "id");
        else
            xf_cli_add_int(builder, "id", dom->id);
        xf_cli_add_domain(builder, dom);
        json_builder_end_object(builder);
        xf_cli_print_json(builder);
    } else {
        g_print("%s %s\n", name, done);
    }
}

/* The connection and the domain that a command is about; NULL: it has failed,
 * and *err says why. */
static struct xf_domain_ref *
find(struct xf_cli *cli, const char *which, struct xf_conn **conn,
     GError **err)
{
    *conn = xf_cli_connect(cli, cli->uri, err);
    return *conn ? xf_cli_find_domain(*conn, which, err) : NULL;
}

/* -- define -- */

static enum xf_exit
run_define(struct xf_cli *cli, char **args)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *xml = xf_cli_read_file(args[0], NULL, &err);
    XF_AUTO(xf_domain_ref) *dom = NULL;
    XF_AUTO(xf_conn) *conn = NULL;

    if (xml)
        conn = xf_cli_connect(cli, cli->uri, &err);
    if (conn && conn->driver->define_xml)
        dom = conn->driver->define_xml(conn, xml, 0, &err);
    else if (conn)
        xf_driver_lacks(conn, "define_xml", &err);
    if (!dom)
        return xf_cli_fail(err);
    report(dom, "is defined");
    return XF_EXIT_OK;
}

static const GOptionEntry json_entries[] = {
    JSON_ENTRY,
    G_OPTION_ENTRY_NULL
};

const struct xf_command xf_cmd_define = {
    .name = "define",
    .args = "FILE.xml",
    .summary = "Store a domain's XML (-: standard input)",
    .min_args = 1,
    .max_args = 1,
    .options = json_entries,
    .run = run_define,
};

/* -- undefine -- */

static enum xf_exit
run_undefine(struct xf_cli *cli, char **args)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_conn) *conn = NULL;
    XF_AUTO(xf_domain_ref) *dom = find(cli, args[0], &conn, &err);

    if (!dom
        || !(conn->driver->undefine
             ? conn->driver->undefine(conn, dom, 0, &err)
             : xf_driver_lacks(conn, "undefine", &err)))
        return xf_cli_fail(err);
    report(dom, dom->id < 0 ? "is not defined any more"
                            : "is not defined any more, and runs on");
    return XF_EXIT_OK;
}

const struct xf_command xf_cmd_undefine = {
    .name = "undefine",
    .args = "DOMAIN",
    .summary = "Forget a stored domain; it is not stopped",
    .min_args = 1,
    .max_args = 1,
    .options = json_entries,
    .run = run_undefine,
};

/* -- start -- */

static const GOptionEntry start_entries[] = {
    { "paused", 0, 0, G_OPTION_ARG_NONE, &options.paused,
      "Do not let it run yet", NULL },
    { "given-away", 0, 0, G_OPTION_ARG_NONE, &options.given_away,
      "Even if it was given to another host, which may run it", NULL },
    JSON_ENTRY,
    G_OPTION_ENTRY_NULL
};

static enum xf_exit
run_start(struct xf_cli *cli, char **args)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_conn) *conn = NULL;
    XF_AUTO(xf_domain_ref) *dom = find(cli, args[0], &conn, &err);
    XF_AUTO(xf_domain_ref) *started = NULL;

    if (dom && conn->driver->start)
        started = conn->driver->start(
            conn, dom,
            (options.paused ? XF_CREATE_PAUSED : 0)
                | (options.given_away ? XF_CREATE_GIVEN_AWAY : 0),
            &err);
    else if (dom)
        xf_driver_lacks(conn, "start", &err);
    if (!started)
        return xf_cli_fail(err);
    report(started, options.paused ? "is started, paused" : "is running");
    return XF_EXIT_OK;
}

const struct xf_command xf_cmd_start = {
    .name = "start",
    .args = "DOMAIN",
    .summary = "Start a stored domain",
    .min_args = 1,
    .max_args = 1,
    .options = start_entries,
    .run = run_start,
};

/* -- autostart -- */

static const GOptionEntry autostart_entries[] = {
    { "disable", 0, 0, G_OPTION_ARG_NONE, &options.disable,
      "Do not start it any more", NULL },
    JSON_ENTRY,
    G_OPTION_ENTRY_NULL
};

static enum xf_exit
run_autostart(struct xf_cli *cli, char **args)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_conn) *conn = NULL;
    XF_AUTO(xf_domain_ref) *dom = find(cli, args[0], &conn, &err);

    if (!dom
        || !(conn->driver->set_autostart
             ? conn->driver->set_autostart(conn, dom, !options.disable, &err)
             : xf_driver_lacks(conn, "set_autostart", &err)))
        return xf_cli_fail(err);
    report(dom, options.disable ? "is not started with the host"
                                : "is started with the host");
    return XF_EXIT_OK;
}

const struct xf_command xf_cmd_autostart = {
    .name = "autostart",
    .args = "DOMAIN",
    .summary = "Start a stored domain whenever the host boots",
    .min_args = 1,
    .max_args = 1,
    .options = autostart_entries,
    .run = run_autostart,
};
