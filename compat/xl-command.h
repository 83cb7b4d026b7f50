/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the xl of another host is reached: the uri that names the host, the
 * command that leads there, and the process that it becomes.
 *
 * The command is words as a shell would split them, split once; no shell ever
 * sees it.  In each word
 *   %h   is the host's name or address
 *   %d   is ssh://[USER@]HOST[:PORT], which is what ssh takes
 *   %%   is a percent sign
 * What may stand in a uri for host and user holds neither blanks nor anything
 * that a shell, or an option's parser, would take for more than a name.
 */
#ifndef XF_COMPAT_XL_COMMAND_H
#define XF_COMPAT_XL_COMMAND_H

#include "protocol/types.h"

#define XF_XL_COMMAND                                                       \
    "ssh -T -o BatchMode=yes -o ServerAliveInterval=10 "                    \
    "-o ServerAliveCountMax=3 -- %d xl migrate-receive"

struct xf_xl_host {
    char *host;
    char *destination;          /* %d */
};

/* xl+ssh://[USER@]HOST[:PORT][/]; XF_ERROR_INVALID_ARG. */
struct xf_xl_host *xf_xl_uri_parse(const char *uri, GError **err);
void xf_xl_host_free(struct xf_xl_host *host);
XF_DEFINE_AUTO(xf_xl_host, xf_xl_host_free);

/* The command's words for that host, and those of `more` after them. */
GStrv xf_xl_command_words(const char *command, const struct xf_xl_host *host,
                          const char *const *more, GError **err);

/* A running command.  What it writes on stderr goes to the log, each line
 * with `token`. */
struct xf_xl_child;

struct xf_xl_child *xf_xl_child_start(GStrv words, const char *token,
                                      GError **err);
/* A socket, its stdin and stdout; the child's. */
int xf_xl_child_fd(struct xf_xl_child *child);
/* When it has closed the connection: its last words, or NULL. */
char *xf_xl_child_last_words(struct xf_xl_child *child);
/* It is told that nothing more comes, and has a while to end in the
 * background; what it says then is dropped.  The far end destroys what it
 * has not been given, which it does only while it can still say so. */
void xf_xl_child_end(struct xf_xl_child *child);
XF_DEFINE_AUTO(xf_xl_child, xf_xl_child_end);

#endif
