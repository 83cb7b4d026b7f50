/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xenferry: the command line; see cli.h */
#include "config.h"

#include "protocol/rpc/client.h"
#include "tools/commands.h"

static const struct xf_command *const commands[] = {
    &xf_cmd_list,
    &xf_cmd_create,
    &xf_cmd_define,
    &xf_cmd_undefine,
    &xf_cmd_start,
    &xf_cmd_autostart,
    &xf_cmd_convert,
    &xf_cmd_migrate,
    &xf_cmd_receive,
    &xf_cmd_handoffs,
    &xf_cmd_resolve,
    &xf_cmd_pause,
    &xf_cmd_unpause,
    &xf_cmd_shutdown,
    &xf_cmd_destroy,
    NULL
};

int
main(int argc, char **argv)
{
    return xf_cli_main(commands, xf_remote_open, argc, argv);
}
