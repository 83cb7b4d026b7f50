/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands, each defined in its file cmd-*.c. */
#ifndef XF_TOOLS_COMMANDS_H
#define XF_TOOLS_COMMANDS_H

#include "tools/cli.h"

extern const struct xf_command xf_cmd_autostart;
extern const struct xf_command xf_cmd_convert;
extern const struct xf_command xf_cmd_create;
extern const struct xf_command xf_cmd_define;
extern const struct xf_command xf_cmd_destroy;
extern const struct xf_command xf_cmd_handoffs;
extern const struct xf_command xf_cmd_list;
extern const struct xf_command xf_cmd_migrate;
extern const struct xf_command xf_cmd_pause;
extern const struct xf_command xf_cmd_receive;
extern const struct xf_command xf_cmd_resolve;
extern const struct xf_command xf_cmd_shutdown;
extern const struct xf_command xf_cmd_start;
extern const struct xf_command xf_cmd_undefine;
extern const struct xf_command xf_cmd_unpause;

#endif
