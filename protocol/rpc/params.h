/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Typed parameters: what libvirt calls the things that struct xf_migrate_args
 * and struct xf_job_info hold.  One table each, for both directions.
 */
#ifndef XF_PROTOCOL_RPC_PARAMS_H
#define XF_PROTOCOL_RPC_PARAMS_H

#include "protocol/driver.h"
#include "protocol/rpc/wire.h"

/* The parameters of a migration phase; args' strings are copied.  Free with
 * xdr_free(). */
void xf_rpc_params_encode(const struct xf_migrate_args *args,
                          xfw_migrate_params *params);

/* Sets args' dname, uri, xml, bandwidth; strings are borrowed from params.
 * XF_ERROR_ARG_UNSUPPORTED: a parameter we do not know; INVALID_ARG: of the
 * wrong type, or there twice. */
gboolean xf_rpc_params_decode(const xfw_migrate_params *params,
                              struct xf_migrate_args *args, GError **err);

/* `stats` is zeroed before; free it with xdr_free(). */
void xf_rpc_job_encode(const struct xf_job_info *info,
                       struct xfw_job_stats_ret *stats);
/* Takes what it knows of the statistics of any peer. */
void xf_rpc_job_decode(const struct xfw_job_stats_ret *stats,
                       struct xf_job_info *info);

#endif
