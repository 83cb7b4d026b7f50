/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Procedures: how a migration goes on, a domain in a file, and what Xen's guests have no way of
 * doing: that is refused with more than "not supported". */
#include "config.h"

#include "protocol/rpc/procs.h"

static gboolean
do_set_speed(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_tune_args *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return xf_rpc_check_flags(args->flags, 0, "migration speed", err) &&
           call->conn->driver->set_speed(call->conn, &dom, args->value, err);
}

static gboolean
do_get_speed(struct xf_rpc_call *call, void *data, void *ret_data,
             GError **err)
{
    struct xfw_dom_flags_args *args = data;
    struct xfw_u64_ret *ret = ret_data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);
    guint64 speed;

    if (!xf_rpc_check_flags(args->flags, 0, "migration speed", err) ||
        !call->conn->driver->get_speed(call->conn, &dom, &speed, err))
        return FALSE;
    ret->value = speed;
    return TRUE;
}

static gboolean
do_abort_job_flags(struct xf_rpc_call *call, void *data, void *ret,
                   GError **err)
{
    struct xfw_dom_flags_args *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return xf_rpc_check_flags(args->flags, 0, "abort", err) &&
           call->conn->driver->abort_job(call->conn, &dom, err);
}

static gboolean
do_no_downtime(struct xf_rpc_call *call, void *args, void *ret, GError **err)
{
    g_set_error_literal(
        err, XF_ERROR, XF_ERROR_UNSUPPORTED,
        "Xen itself decides when to stop a guest whose memory is sent: a "
        "longest downtime cannot be set");
    return FALSE;
}

static gboolean
do_no_console(struct xf_rpc_call *call, void *args, void *ret, GError **err)
{
    g_set_error_literal(
        err, XF_ERROR, XF_ERROR_UNSUPPORTED,
        "a console is not carried over this connection; on the guest's host "
        "'xl console DOMAIN' opens it");
    return FALSE;
}

#define BYPASS_CACHE 1          /* no promise is kept or broken by it */
#define SAVE_FLAGS (BYPASS_CACHE | XF_SAVE_RUNNING | XF_SAVE_PAUSED)

/* What is saved is the domain as it runs, and that is what comes back. */
static gboolean
check_save(const xfw_opt_string xml, guint flags, const char *what,
           GError **err)
{
    if (xml) {
        g_set_error(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                    "%s: an XML of its own cannot be given to a domain in a "
                    "file; leave --xml out", what);
        return FALSE;
    }
    return xf_rpc_check_flags(flags, SAVE_FLAGS, what, err);
}

static gboolean
do_save_flags(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_save_flags_args *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return check_save(args->xml, args->flags, "save", err) &&
           call->conn->driver->domain_save(call->conn, &dom, args->to,
                                           args->flags & ~BYPASS_CACHE, err);
}

static gboolean
do_restore_flags(struct xf_rpc_call *call, void *data, void *ret,
                 GError **err)
{
    struct xfw_restore_flags_args *args = data;

    return check_save(args->xml, args->flags, "restore", err) &&
           call->conn->driver->domain_restore(call->conn, args->from,
                                              args->flags & ~BYPASS_CACHE,
                                              err);
}

static gboolean
do_save(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_save_args *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return call->conn->driver->domain_save(call->conn, &dom, args->to, 0,
                                           err);
}

static gboolean
do_restore(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_name_args *args = data;

    return call->conn->driver->domain_restore(call->conn, args->name, 0,
                                              err);
}

/* Of what is never done no argument is read. */
static const struct xf_rpc_proc rows[] = {
    { XFW_PROC_DOMAIN_SAVE, "virDomainSave", do_save,
      XF_RPC_ARGS(xfw_save_args), XF_RPC_ENTRY(domain_save),
      .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_RESTORE, "virDomainRestore", do_restore,
      XF_RPC_ARGS(xfw_name_args), XF_RPC_ENTRY(domain_restore),
      .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_SAVE_FLAGS, "virDomainSaveFlags", do_save_flags,
      XF_RPC_ARGS(xfw_save_flags_args), XF_RPC_ENTRY(domain_save),
      .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_RESTORE_FLAGS, "virDomainRestoreFlags",
      do_restore_flags, XF_RPC_ARGS(xfw_restore_flags_args),
      XF_RPC_ENTRY(domain_restore), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_MIGRATE_SET_MAX_SPEED, "virDomainMigrateSetMaxSpeed",
      do_set_speed, XF_RPC_ARGS(xfw_tune_args), XF_RPC_ENTRY(set_speed),
      .flags = XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_MIGRATE_GET_MAX_SPEED, "virDomainMigrateGetMaxSpeed",
      do_get_speed, XF_RPC_ARGS(xfw_dom_flags_args), XF_RPC_RET(xfw_u64_ret),
      XF_RPC_ENTRY(get_speed) },
    { XFW_PROC_DOMAIN_ABORT_JOB_FLAGS, "virDomainAbortJobFlags",
      do_abort_job_flags, XF_RPC_ARGS(xfw_dom_flags_args),
      XF_RPC_ENTRY(abort_job), .flags = XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_MIGRATE_SET_MAX_DOWNTIME,
      "virDomainMigrateSetMaxDowntime", do_no_downtime, .flags = 0 },
    { XFW_PROC_DOMAIN_MIGRATE_GET_MAX_DOWNTIME,
      "virDomainMigrateGetMaxDowntime", do_no_downtime, .flags = 0 },
    { XFW_PROC_DOMAIN_OPEN_CONSOLE, "virDomainOpenConsole", do_no_console,
      .flags = 0 },
};

const struct xf_rpc_proc_table xf_rpc_job_procs = {
    rows, G_N_ELEMENTS(rows)
};
