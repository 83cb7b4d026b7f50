/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line `xenferry`: what its commands share.
 *
 * A command is a file cmd-*.c that ends in its `struct xf_command`; the table
 * in xenferry.c lists them.  Usage, help and option parsing come from that
 * struct, so a command's function sees only valid options and the right
 * number of arguments.
 *
 * Results go to stdout, everything else to stderr as "xenferry: ...".  All
 * text is UTF-8, whatever the locale says.
 */
#ifndef XF_TOOLS_CLI_H
#define XF_TOOLS_CLI_H

#include "protocol/driver.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#define XF_CLI_DEFAULT_URI "xen+unix:///system"

/* Exit statuses; documented in xenferry(1). */
enum xf_exit {
    XF_EXIT_OK = 0,
    XF_EXIT_FAILED = 1,     /* of migrate: the guest runs on at the source */
    XF_EXIT_USAGE = 2,
    XF_EXIT_IN_DOUBT = 3,   /* migrate, resolve */
};

struct xf_cli {
    const char *uri;        /* of the host that commands speak to */
    /* Opens a connection: xf_remote_open(), or a test's. */
    struct xf_conn *(*open)(const char *uri, GError **err);
};

struct xf_command {
    const char *name;
    const char *args;       /* as usage shows them: "DOMAIN [FILE]" */
    const char *summary;    /* one line, for the table of commands */
    const char *details;    /* more for its own help, or NULL */
    int min_args, max_args;
    gboolean shows;         /* it does nothing but print: it has failed when
                             * that cannot be written */
    const GOptionEntry *options;    /* ends in G_OPTION_ENTRY_NULL; or NULL */
    /* `args` is NULL-terminated.  Returns the exit status. */
    enum xf_exit (*run)(struct xf_cli *cli, char **args);
};

/* Parses the command line and runs the command that it names; `commands` is
 * NULL-terminated.  Returns the exit status. */
enum xf_exit xf_cli_main(const struct xf_command *const *commands,
                         struct xf_conn *(*open)(const char *uri,
                                                 GError **err),
                         int argc, char **argv);

/* Connects to `uri`; errors name it. */
struct xf_conn *xf_cli_connect(struct xf_cli *cli, const char *uri,
                               GError **err);

/* The domain that `text` names: all digits: an id, else a name; a uuid; a
 * name.  A domain may be called like an id or a uuid, so a name is looked
 * for last in each case. */
struct xf_domain_ref *xf_cli_find_domain(struct xf_conn *conn,
                                         const char *text, GError **err);

/* The whole of a file, or of standard input for "-", with a NUL after it;
 * length may be NULL. */
char *xf_cli_read_file(const char *file, gsize *length, GError **err);

/* Prints "xenferry: MESSAGE" on stderr. */
void xf_cli_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* The same for an error; returns XF_EXIT_FAILED. */
enum xf_exit xf_cli_fail(const GError *err);

/* Prints what the builder holds on stdout, one member a line. */
void xf_cli_print_json(JsonBuilder *builder);
/* "name" and "uuid" of a domain into the object being built. */
void xf_cli_add_domain(JsonBuilder *builder, const struct xf_domain_ref *dom);
/* Add a member of the object being built; NULL text is null. */
void xf_cli_add_string(JsonBuilder *builder, const char *name,
                       const char *text);
void xf_cli_add_null(JsonBuilder *builder, const char *name);
void xf_cli_add_int(JsonBuilder *builder, const char *name, gint64 value);

/* A copy that can be shown on a terminal: what peers and guests have written
 * may hold control characters; they become '?', line ends blanks. */
char *xf_cli_printable(const char *text);

#endif
