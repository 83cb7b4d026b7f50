/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xenferry destroy, pause, shutdown, unpause: one driver call each */
#include "config.h"

#include "tools/commands.h"

/* Any of the driver calls used here; they have one type. */
struct control {
    gsize offset;       /* of the call in struct xf_driver */
    const char *call;   /* its name */
    const char *done;   /* what is said of the domain afterwards */
};

static enum xf_exit
control(struct xf_cli *cli, const char *which, const struct control *what)
{
    g_autoptr(GError) err = NULL;
    gboolean (*call)(struct xf_conn *, const struct xf_domain_ref *,
                     GError **);
    g_autofree char *name = NULL;
    XF_AUTO(xf_domain_ref) *dom = NULL;
    XF_AUTO(xf_conn) *conn = xf_cli_connect(cli, cli->uri, &err);

    if (conn)
        dom = xf_cli_find_domain(conn, which, &err);
    if (!dom)
        return xf_cli_fail(err);
    call = G_STRUCT_MEMBER(typeof(call), conn->driver, what->offset);
    if (!(call ? call(conn, dom, &err)
               : xf_driver_lacks(conn, what->call, &err)))
        return xf_cli_fail(err);
    name = xf_cli_printable(dom->name);
    g_print("%s %s\n", name, what->done);
    return XF_EXIT_OK;
}

#define CONTROL(command, entry, text, help)                                 \
    static enum xf_exit run_##command(struct xf_cli *cli, char **args)      \
    {                                                                       \
        static const struct control what = {                                \
            G_STRUCT_OFFSET(struct xf_driver, entry), #entry, text          \
        };                                                                  \
                                                                            \
        return control(cli, args[0], &what);                                \
    }                                                                       \
    const struct xf_command xf_cmd_##command = {                            \
        .name = #command,                                                   \
        .args = "DOMAIN",                                                   \
        .summary = help,                                                    \
        .min_args = 1,                                                      \
        .max_args = 1,                                                      \
        .run = run_##command,                                               \
    }

CONTROL(destroy, domain_destroy, "is destroyed", "End a domain at once");
CONTROL(pause, domain_suspend, "is paused", "Stop a domain's CPUs");
CONTROL(shutdown, domain_shutdown, "was asked to shut down",
        "Ask a domain to shut down");
CONTROL(unpause, domain_resume, "runs", "Let a paused domain run");
