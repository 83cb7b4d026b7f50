/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tools/cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *connect_uri;
static gboolean show_version;

/* Taken before and after the command's name alike. */
static const GOptionEntry connect_options[] = {
    { "connect", 'c', 0, G_OPTION_ARG_STRING, &connect_uri,
      "The xenferryd to speak to (default: " XF_CLI_DEFAULT_URI ")", "URI" },
    G_OPTION_ENTRY_NULL
};

static const GOptionEntry version_options[] = {
    { "version", 'V', 0, G_OPTION_ARG_NONE, &show_version,
      "Print the version and exit", NULL },
    G_OPTION_ENTRY_NULL
};

/* -- output -- */

char *
xf_cli_printable(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);

    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (c == '\n' || c == '\t')
            c = ' ';
        g_string_append_unichar(out, g_unichar_isprint(c) ? c : '?');
    }
    return g_string_free(out, FALSE);
}

void
xf_cli_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);

    g_autofree char *printable = xf_cli_printable(text);

    g_printerr("xenferry: %s\n", printable);
}

enum xf_exit
xf_cli_fail(const GError *err)
{
    xf_cli_error("%s", err->message);
    return XF_EXIT_FAILED;
}

void
xf_cli_print_json(JsonBuilder *builder)
{
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *text = json_to_string(root, TRUE);

    g_print("%s\n", text);
}

void
xf_cli_add_null(JsonBuilder *builder, const char *name)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_null_value(builder);
}

void
xf_cli_add_string(JsonBuilder *builder, const char *name, const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    if (!valid) {
        xf_cli_add_null(builder, name);
        return;
    }
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, valid);
}

void
xf_cli_add_int(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

void
xf_cli_add_domain(JsonBuilder *builder, const struct xf_domain_ref *dom)
{
    char uuid[XF_UUID_STRING_LEN + 1];

    xf_cli_add_string(builder, "name", dom->name);
    xf_cli_add_string(builder, "uuid", xf_uuid_format(dom->uuid, uuid));
}

/* GLib's warnings as ours.  Lesser things are for a daemon's log: what they
 * led to is in the verdict. */
static void
log_message(const char *domain, GLogLevelFlags level, const char *message,
            gpointer user)
{
    if (level
        & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG))
        return;
    xf_cli_error("%s%s",
                 level & G_LOG_LEVEL_WARNING ? "warning: " : "", message);
}

/* -- input -- */

char *
xf_cli_read_file(const char *file, gsize *length, GError **err)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(GIOChannel) in = NULL;
    g_autofree char *text = NULL;
    gboolean ok;

    if (strcmp(file, "-") == 0) {
        in = g_io_channel_unix_new(STDIN_FILENO);
        ok = g_io_channel_set_encoding(in, NULL, &local) ==
                 G_IO_STATUS_NORMAL
             && g_io_channel_read_to_end(in, &text, length, &local) ==
                 G_IO_STATUS_NORMAL;
    } else {
        ok = g_file_get_contents(file, &text, length, &local);
    }
    if (!ok) {
        g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM,
                    "cannot read the domain's configuration: %s",
                    local->message);
        return NULL;
    }
    return g_steal_pointer(&text);
}

/* -- connections and domains -- */

struct xf_conn *
xf_cli_connect(struct xf_cli *cli, const char *uri, GError **err)
{
    g_autoptr(GError) why = NULL;
    struct xf_conn *conn = cli->open(uri, &why);

    if (conn)
        return conn;
    if (strstr(why->message, uri))
        g_propagate_error(err, g_steal_pointer(&why));
    else
        g_propagate_prefixed_error(err, g_steal_pointer(&why), "%s: ", uri);
    return NULL;
}

/* Asks one of the three lookups; "not there" is no error: *err stays clear
 * and NULL is returned. */
static struct xf_domain_ref *
found_or_clear(struct xf_domain_ref *dom, GError **err)
{
    if (!dom && g_error_matches(*err, XF_ERROR, XF_ERROR_NO_DOMAIN))
        g_clear_error(err);
    return dom;
}

struct xf_domain_ref *
xf_cli_find_domain(struct xf_conn *conn, const char *text, GError **err)
{
    const struct xf_driver *driver = conn->driver;
    struct xf_domain_ref *dom = NULL;
    g_autoptr(GError) local = NULL;
    guint8 uuid[XF_UUID_LEN];
    guint64 id;

    if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &id, NULL))
        dom = found_or_clear(driver->lookup_by_id(conn, id, &local), &local);
    else if (xf_uuid_parse(text, uuid))
        dom = found_or_clear(driver->lookup_by_uuid(conn, uuid, &local),
                             &local);
    if (!dom && !local)
        dom = found_or_clear(driver->lookup_by_name(conn, text, &local),
                             &local);
    if (dom)
        return dom;
    if (local)
        g_propagate_error(err, g_steal_pointer(&local));
    else
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "there is no domain '%s' on this host; \"xenferry list\" "
                    "shows those that are there", text);
    return NULL;
}

/* -- the command line -- */

static enum xf_exit G_GNUC_PRINTF(2, 3)
usage_error(const struct xf_command *command, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (command)
        xf_cli_error("%s: %s; see \"xenferry %s --help\"", command->name,
                     text, command->name);
    else
        xf_cli_error("%s; see \"xenferry --help\"", text);
    return XF_EXIT_USAGE;
}

/* The table of commands as text: help comes from the table alone. */
static char *
commands_help(const struct xf_command *const *commands)
{
    GString *text = g_string_new("Commands:\n");

    for (; *commands; commands++) {
        g_autofree char *usage =
            g_strdup_printf("%s %s", (*commands)->name, (*commands)->args);

        g_string_append_printf(text, "  %-26s %s\n", usage,
                               (*commands)->summary);
    }
    g_string_append(text, "\nA command may be cut short as long as it is "
                          "unambiguous.\n\"xenferry COMMAND --help\" shows "
                          "its options.");
    return g_string_free(text, FALSE);
}

/* Exact name, or the only one that begins so; NULL with *err set. */
static const struct xf_command *
find_command(const struct xf_command *const *commands, const char *name,
             GError **err)
{
    const struct xf_command *found = NULL;

    for (; *commands; commands++) {
        if (strcmp((*commands)->name, name) == 0)
            return *commands;
        if (!g_str_has_prefix((*commands)->name, name))
            continue;
        if (found) {
            g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                        "'%s' could be %s or %s", name, found->name,
                        (*commands)->name);
            return NULL;
        }
        found = *commands;
    }
    if (!found)
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "there is no command '%s'", name);
    return found;
}

/* Back to "not given", and strings freed: one process may run several
 * command lines (the tests do). */
static void
reset_options(const GOptionEntry *entry)
{
    for (; entry && entry->long_name; entry++) {
        switch (entry->arg) {
        case G_OPTION_ARG_NONE:
            *(gboolean *)entry->arg_data = FALSE;
            break;
        case G_OPTION_ARG_STRING:
            g_clear_pointer((char **)entry->arg_data, g_free);
            break;
        case G_OPTION_ARG_STRING_ARRAY:
            g_clear_pointer((char ***)entry->arg_data, g_strfreev);
            break;
        case G_OPTION_ARG_INT64:
            *(gint64 *)entry->arg_data = 0;
            break;
        case G_OPTION_ARG_INT:
        case G_OPTION_ARG_CALLBACK:
        case G_OPTION_ARG_FILENAME:
        case G_OPTION_ARG_FILENAME_ARRAY:
        case G_OPTION_ARG_DOUBLE:
            g_assert_not_reached();     /* no command has such an option */
        }
    }
}

static GOptionContext *
command_context(const struct xf_command *command)
{
    g_autofree char *usage =
        g_strdup_printf("%s - %s", command->args, command->summary);
    GOptionContext *context = g_option_context_new(usage);

    if (command->options)
        g_option_context_add_main_entries(context, command->options, NULL);
    g_option_context_add_main_entries(context, connect_options, NULL);
    if (command->details)
        g_option_context_set_description(context, command->details);
    return context;
}

static enum xf_exit
parse_and_run(const struct xf_command *command, struct xf_cli *cli, int argc,
              char **argv)
{
    g_autoptr(GOptionContext) context = command_context(command);
    g_auto(GStrv) args = g_new0(char *, argc + 2);
    g_autofree char *program = g_strconcat("xenferry ", command->name, NULL);
    g_autoptr(GError) err = NULL;
    int count;

    g_set_prgname(program);     /* as usage shows it */
    args[0] = g_strdup(program);
    for (int i = 0; i < argc; i++)
        args[i + 1] = g_strdup(argv[i]);
    if (!g_option_context_parse_strv(context, &args, &err))
        return usage_error(command, "%s", err->message);
    count = g_strv_length(args) - 1;
    if (count > 0 && strcmp(args[1], "--") == 0)
        return usage_error(command, "'--' stands where %s should",
                           command->args);
    if (count < command->min_args)
        return usage_error(command, "%s is missing", command->args);
    if (count > command->max_args)
        return usage_error(command, "'%s' is one argument too many",
                           args[command->max_args + 1]);
    cli->uri = connect_uri ? connect_uri : XF_CLI_DEFAULT_URI;
    return command->run(cli, args + 1);
}

/* GLib passes over what it cannot print; stdio remembers it. */
static enum xf_exit
check_output(enum xf_exit status)
{
    if (status != XF_EXIT_OK || (!fflush(stdout) && !ferror(stdout)))
        return status;
    xf_cli_error("standard output takes no more: not all has been written");
    return XF_EXIT_FAILED;
}

static enum xf_exit
run_command(const struct xf_command *command, struct xf_cli *cli, int argc,
            char **argv)
{
    enum xf_exit status;

    /* A reader of our output that goes away must not end a migration; what
     * is only shown is of no use to anybody then. */
    signal(SIGPIPE, command->shows ? SIG_DFL : SIG_IGN);
    status = parse_and_run(command, cli, argc, argv);
    reset_options(command->options);
    return command->shows ? check_output(status) : status;
}

static GOptionContext *
top_context(const struct xf_command *const *commands)
{
    GOptionContext *context =
        g_option_context_new("COMMAND - move running Xen domains");
    g_autofree char *help = commands_help(commands);

    g_option_context_set_strict_posix(context, TRUE);
    g_option_context_add_main_entries(context, connect_options, NULL);
    g_option_context_add_main_entries(context, version_options, NULL);
    g_option_context_set_description(context, help);
    return context;
}

static enum xf_exit
dispatch(const struct xf_command *const *commands, struct xf_cli *cli,
         int argc, char **argv)
{
    g_autoptr(GOptionContext) context = NULL;
    g_autoptr(GError) err = NULL;
    const struct xf_command *command;

    context = top_context(commands);
    if (!g_option_context_parse(context, &argc, &argv, &err))
        return usage_error(NULL, "%s", err->message);
    if (show_version) {
        g_print("xenferry %s\n", PACKAGE_VERSION);
        return XF_EXIT_OK;
    }
    if (argc < 2) {
        g_autofree char *help = g_option_context_get_help(context, TRUE, NULL);

        g_printerr("%s", help);
        return XF_EXIT_USAGE;
    }
    command = find_command(commands, argv[1], &err);
    if (!command)
        return usage_error(NULL, "%s", err->message);
    return run_command(command, cli, argc - 2, argv + 2);
}

/* JSON and domain XML are UTF-8, and so are domains' names: services and cron
 * jobs have locale C, in which GLib would print "?" for what is not ASCII and
 * refuse it in options.  (Without C.UTF-8 that is how it is.) */
static void
take_locale(void)
{
    setlocale(LC_ALL, "");
    if (!g_get_charset(NULL))
        setlocale(LC_CTYPE, "C.UTF-8");
}

enum xf_exit
xf_cli_main(const struct xf_command *const *commands,
            struct xf_conn *(*open)(const char *uri, GError **err), int argc,
            char **argv)
{
    struct xf_cli cli = { .open = open };
    enum xf_exit status;

    take_locale();
    g_log_set_default_handler(log_message, NULL);
    status = dispatch(commands, &cli, argc, argv);
    reset_options(connect_options);
    reset_options(version_options);
    return status;
}
