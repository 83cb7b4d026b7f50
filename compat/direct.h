/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Direct migration: the destination has no daemon, only xl.  This host drives
 * its "xl migrate-receive" (xl-wire.h) over a command (xl-command.h), as a
 * foreign destination of the engine's (foreign.h).
 */
#ifndef XF_COMPAT_DIRECT_H
#define XF_COMPAT_DIRECT_H

#include "protocol/engine.h"

/* The command that leads to xl, from now on; before the first client.  NULL:
 * the default.  XF_ERROR_INVALID_ARG. */
gboolean xf_direct_set_command(const char *command, GError **err);

/* A move to the host that args->uri (xl+ssh://...) names.  FALSE: the domain
 * is here, or XF_ERROR_IN_DOUBT. */
gboolean xf_direct_move(struct xf_conn *conn, const struct xf_domain_ref *dom,
                        const struct xf_migrate_args *args, GError **err);

#endif
