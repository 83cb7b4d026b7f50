/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xenferry receive: what "xl migrate-receive" is to xl */
#include "config.h"

#include "protocol/rpc/client.h"
#include "tools/commands.h"
#include "tools/receive.h"

#include <string.h>
#include <unistd.h>

static struct {
    gboolean foreground, no_monitor, debug, remus;
    gboolean paused;
    char *socket;
} options;

static const GOptionEntry entries[] = {
    { "paused", 'p', 0, G_OPTION_ARG_NONE, &options.paused,
      "Leave it paused", NULL },
    { "socket", 0, 0, G_OPTION_ARG_STRING, &options.socket,
      "Where the daemon takes it (default: "
      RUNSTATEDIR "/xenferry/xenferry-receive-sock)", "PATH" },
    { "foreground", 'F', 0, G_OPTION_ARG_NONE, &options.foreground,
      "xl's; the daemon looks after the domain in any case", NULL },
    { "no-monitor", 'e', 0, G_OPTION_ARG_NONE, &options.no_monitor,
      "Likewise", NULL },
    { "debug", 'd', 0, G_OPTION_ARG_NONE, &options.debug,
      "xl's; the daemon's log has what there is to know", NULL },
    { "remus", 'r', 0, G_OPTION_ARG_NONE, &options.remus,
      "xl's; refused: a domain is moved, not mirrored", NULL },
    G_OPTION_ENTRY_NULL
};

/* The address that ssh gives: "CLIENT PORT SERVER PORT". */
static char *
sender(void)
{
    const char *ssh = g_getenv("SSH_CONNECTION");
    g_autofree char *host =
        g_strndup(ssh ? ssh : "", ssh ? strcspn(ssh, " ") : 0);

    return xf_cli_printable(host);
}

static enum xf_exit
run_receive(struct xf_cli *cli, char **args)
{
    g_autofree char *path =
        options.socket ? g_strdup(options.socket)
                       : xf_receive_socket_path(XF_REMOTE_SOCKET);
    g_autofree char *host = sender();
    g_autoptr(GError) err = NULL;

    if (options.remus) {
        xf_cli_error("receive: -r (Remus) is not supported");
        return XF_EXIT_USAGE;
    }
    /* Its stdout is xl's to read: nothing of ours goes there. */
    if (!xf_receive(path, options.paused, host, STDIN_FILENO, STDOUT_FILENO,
                    &err))
        return xf_cli_fail(err);
    return XF_EXIT_OK;
}

const struct xf_command xf_cmd_receive = {
    .name = "receive",
    .args = "",
    .summary = "Take over a domain that \"xl migrate\" sends (used by ssh)",
    .details = "Takes the place of \"xl migrate-receive\" on this host.  On "
               "the one that sends:\n\n"
               "  xl migrate -s '' DOMAIN 'ssh HOST xenferry receive'",
    .min_args = 0,
    .max_args = 0,
    .options = entries,
    .run = run_receive,
};
