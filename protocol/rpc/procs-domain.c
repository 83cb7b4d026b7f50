/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Procedures: domains and their jobs. */
#include "config.h"

#include "protocol/rpc/params.h"
#include "protocol/rpc/procs.h"

/* virDomainShutdownFlagValues.  Without any of them the guest is asked in its
 * own way, and by its power button where it has no other. */
#define SHUTDOWN_ACPI 1
#define SHUTDOWN_PARAVIRT 16

/* virDomainCreateFlags: what is created is checked in any case. */
#define CREATE_VALIDATE 16

/* virDomainGetJobStatsFlags; the statistics are kept in any case. */
#define STATS_COMPLETED 1
#define STATS_KEEP 2

/* -- lists and look-ups -------------------------------------------------- */

#define LIST_DRIVER (0xff | XF_LIST_AUTOSTART | XF_LIST_NO_AUTOSTART)
#define LIST_NONE_HAS (0xff00 & ~LIST_DRIVER)

/* Filters by what none of our domains has: a pair of flags each, "has it"
 * and "has it not" (managed save, snapshots, checkpoints). */
static gboolean
wants_what_none_has(guint flags)
{
    flags &= LIST_NONE_HAS;
    for (guint has = 1 << 8; has <= 1 << 14; has <<= 2)
        if (flags & has && !(flags & has << 1))
            return TRUE;
    return FALSE;
}

static GPtrArray *
list_by_flags(struct xf_conn *conn, guint flags, GError **err)
{
    if (!xf_rpc_check_flags(flags, LIST_NONE_HAS | LIST_DRIVER,
                            "list of domains", err))
        return NULL;
    if (wants_what_none_has(flags))
        return g_ptr_array_new();
    return conn->driver->list_domains(conn, flags & LIST_DRIVER, err);
}

static void
fill_list(GPtrArray *list, struct xfw_list_all_ret *ret)
{
    ret->domains.domains_val = g_new0(struct xfw_domain, list->len);
    ret->domains.domains_len = list->len;
    for (guint i = 0; i < list->len; i++)
        xf_rpc_give_domain(xf_domain_ref_copy(list->pdata[i]),
                           &ret->domains.domains_val[i]);
}

static gboolean
do_list_all(struct xf_rpc_call *call, void *data, void *ret_data,
            GError **err)
{
    struct xfw_list_all_args *args = data;
    struct xfw_list_all_ret *ret = ret_data;
    g_autoptr(GPtrArray) list = list_by_flags(call->conn, args->flags, err);

    if (!list)
        return FALSE;
    ret->count = list->len;
    if (args->need_results)
        fill_list(list, ret);
    return TRUE;
}

static gboolean
do_list_ids(struct xf_rpc_call *call, void *data, void *ret_data,
            GError **err)
{
    struct xfw_int *max = data;
    struct xfw_list_domains_ret *ret = ret_data;
    g_autoptr(GPtrArray) list = list_by_flags(call->conn, XF_LIST_ACTIVE,
                                              err);

    if (!list)
        return FALSE;
    ret->ids.ids_val = g_new0(int, list->len);
    ret->ids.ids_len = MIN(list->len, (guint)MAX(max->value, 0));
    for (guint i = 0; i < ret->ids.ids_len; i++)
        ret->ids.ids_val[i] = ((struct xf_domain_ref *)list->pdata[i])->id;
    return TRUE;
}

static gboolean
do_num_of_domains(struct xf_rpc_call *call, void *args, void *data,
                  GError **err)
{
    struct xfw_int *ret = data;
    g_autoptr(GPtrArray) list = list_by_flags(call->conn, XF_LIST_ACTIVE,
                                              err);

    if (!list)
        return FALSE;
    ret->value = list->len;
    return TRUE;
}

static gboolean
do_list_defined(struct xf_rpc_call *call, void *data, void *ret_data,
                GError **err)
{
    struct xfw_int *max = data;
    struct xfw_strings_ret *ret = ret_data;
    g_autoptr(GPtrArray) list = list_by_flags(call->conn, XF_LIST_INACTIVE,
                                              err);

    if (!list)
        return FALSE;
    ret->values.values_len = MIN(list->len, (guint)MAX(max->value, 0));
    ret->values.values_val = g_new0(xfw_string, list->len);
    for (guint i = 0; i < ret->values.values_len; i++) {
        const struct xf_domain_ref *dom = list->pdata[i];

        ret->values.values_val[i] = g_strdup(dom->name);
    }
    return TRUE;
}

static gboolean
do_num_of_defined(struct xf_rpc_call *call, void *args, void *data,
                  GError **err)
{
    struct xfw_int *ret = data;
    g_autoptr(GPtrArray) list = list_by_flags(call->conn, XF_LIST_INACTIVE,
                                              err);

    if (!list)
        return FALSE;
    ret->value = list->len;
    return TRUE;
}

static gboolean
do_lookup_by_id(struct xf_rpc_call *call, void *data, void *ret_data,
                GError **err)
{
    struct xfw_int *args = data;
    struct xfw_dom *ret = ret_data;

    return xf_rpc_give_domain(
        call->conn->driver->lookup_by_id(call->conn, args->value, err),
        &ret->dom);
}

static gboolean
do_lookup_by_name(struct xf_rpc_call *call, void *data, void *ret_data,
                  GError **err)
{
    struct xfw_name_args *args = data;
    struct xfw_dom *ret = ret_data;

    return xf_rpc_give_domain(
        call->conn->driver->lookup_by_name(call->conn, args->name, err),
        &ret->dom);
}

static gboolean
do_lookup_by_uuid(struct xf_rpc_call *call, void *data, void *ret_data,
                  GError **err)
{
    struct xfw_uuid_args *args = data;
    struct xfw_dom *ret = ret_data;

    return xf_rpc_give_domain(
        call->conn->driver->lookup_by_uuid(
            call->conn, (const guint8 *)args->uuid, err),
        &ret->dom);
}

/* -- what a domain is ---------------------------------------------------- */

static gboolean
get_info(struct xf_rpc_call *call, const struct xfw_domain *wire,
         struct xf_domain_info *info, GError **err)
{
    struct xf_domain_ref dom = xf_rpc_borrow_domain(wire);

    return call->conn->driver->domain_info(call->conn, &dom, info, err);
}

static gboolean
do_get_info(struct xf_rpc_call *call, void *data, void *ret_data,
            GError **err)
{
    struct xfw_dom *args = data;
    struct xfw_domain_info_ret *ret = ret_data;
    struct xf_domain_info info = { 0 };

    if (!get_info(call, &args->dom, &info, err))
        return FALSE;
    ret->state = info.state;
    ret->max_memory = info.max_memory_kib;
    ret->memory = info.memory_kib;
    ret->vcpus = info.vcpus;
    ret->cpu_time = info.cpu_time_ns;
    return TRUE;
}

static gboolean
do_get_state(struct xf_rpc_call *call, void *data, void *ret_data,
             GError **err)
{
    struct xfw_dom_flags_args *args = data;
    struct xfw_domain_state_ret *ret = ret_data;
    struct xf_domain_info info = { 0 };

    if (!xf_rpc_check_flags(args->flags, 0, "state", err) ||
        !get_info(call, &args->dom, &info, err))
        return FALSE;
    ret->state = info.state;
    ret->reason = info.reason;
    return TRUE;
}

static gboolean
do_get_max_memory(struct xf_rpc_call *call, void *data, void *ret_data,
                  GError **err)
{
    struct xfw_dom *args = data;
    struct xfw_u64_ret *ret = ret_data;
    struct xf_domain_info info = { 0 };

    if (!get_info(call, &args->dom, &info, err))
        return FALSE;
    ret->value = info.max_memory_kib;
    return TRUE;
}

static gboolean
do_get_os_type(struct xf_rpc_call *call, void *data, void *ret_data,
               GError **err)
{
    struct xfw_dom *args = data;
    struct xfw_string_ret *ret = ret_data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    ret->value = call->conn->driver->domain_os_type(call->conn, &dom, err);
    return ret->value != NULL;
}

static gboolean
do_get_xml(struct xf_rpc_call *call, void *data, void *ret_data, GError **err)
{
    struct xfw_dom_flags_args *args = data;
    struct xfw_string_ret *ret = ret_data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    if (!xf_rpc_check_flags(args->flags, XF_XML_SECURE | XF_XML_INACTIVE |
                            XF_XML_UPDATE_CPU | XF_XML_MIGRATABLE,
                            "domain XML", err))
        return FALSE;
    if (call->read_only && args->flags & XF_XML_SECURE) {
        g_set_error_literal(err, XF_ERROR, XF_ERROR_DENIED,
                            "XML with security information is refused: the "
                            "connection is read-only");
        return FALSE;
    }
    ret->value = call->conn->driver->domain_xml(call->conn, &dom, args->flags,
                                                err);
    return ret->value != NULL;
}

static gboolean
do_is_active(struct xf_rpc_call *call, void *data, void *ret_data,
             GError **err)
{
    struct xfw_dom *args = data;
    struct xfw_int *ret = ret_data;
    struct xf_domain_info info = { 0 };

    if (!get_info(call, &args->dom, &info, err))
        return FALSE;
    ret->value = info.state != XF_DOMAIN_SHUTOFF;
    return TRUE;
}

/* Answers that are the same for every domain: it must exist, that is all. */

/* updated: no */
static gboolean
do_answer_no(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_dom *args = data;
    struct xf_domain_info info = { 0 };

    return get_info(call, &args->dom, &info, err);
}

/* managed save image, snapshots, messages: none */
static gboolean
do_answer_none(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_dom_flags_args *args = data;
    struct xf_domain_info info = { 0 };

    return get_info(call, &args->dom, &info, err);
}

/* -- what is done to a domain -------------------------------------------- */

static gboolean
do_create(struct xf_rpc_call *call, void *data, void *ret_data, GError **err)
{
    struct xfw_create_xml_args *args = data;
    struct xfw_dom *ret = ret_data;
    guint flags = args->flags & ~(guint)CREATE_VALIDATE;

    if (!xf_rpc_check_flags(flags, XF_CREATE_PAUSED | XF_CREATE_GIVEN_AWAY,
                            "create", err))
        return FALSE;
    return xf_rpc_give_domain(
        call->conn->driver->create_xml(call->conn, args->xml, flags, err),
        &ret->dom);
}

static gboolean
do_destroy(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_dom *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return call->conn->driver->domain_destroy(call->conn, &dom, err);
}

static gboolean
do_destroy_flags(struct xf_rpc_call *call, void *data, void *ret,
                 GError **err)
{
    struct xfw_dom_flags_args *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return xf_rpc_check_flags(args->flags, 0, "destroy", err) &&
           call->conn->driver->domain_destroy(call->conn, &dom, err);
}

static gboolean
do_suspend(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_dom *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return call->conn->driver->domain_suspend(call->conn, &dom, err);
}

static gboolean
do_resume(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_dom *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return call->conn->driver->domain_resume(call->conn, &dom, err);
}

static gboolean
do_shutdown(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_dom *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return call->conn->driver->domain_shutdown(call->conn, &dom, err);
}

static gboolean
do_shutdown_flags(struct xf_rpc_call *call, void *data, void *ret,
                  GError **err)
{
    struct xfw_dom_flags_args *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);
    const struct xf_driver *driver = call->conn->driver;

    if (!xf_rpc_check_flags(args->flags, SHUTDOWN_ACPI | SHUTDOWN_PARAVIRT,
                            "shutdown", err))
        return FALSE;
    if (args->flags != SHUTDOWN_ACPI)
        return driver->domain_shutdown(call->conn, &dom, err);
    return driver->domain_press_power
               ? driver->domain_press_power(call->conn, &dom, err)
               : xf_driver_lacks(call->conn, "virDomainShutdownFlags", err);
}

static gboolean
do_reboot(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_dom_flags_args *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return xf_rpc_check_flags(args->flags, SHUTDOWN_PARAVIRT, "reboot",
                              err) &&
           call->conn->driver->domain_reboot(call->conn, &dom, err);
}

/* -- jobs ---------------------------------------------------------------- */

static gboolean
do_job_info(struct xf_rpc_call *call, void *data, void *ret_data,
            GError **err)
{
    struct xfw_dom *args = data;
    struct xfw_job_info_ret *ret = ret_data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);
    struct xf_job_info info = { 0 };

    if (!call->conn->driver->job_info(call->conn, &dom, FALSE, &info, err))
        return FALSE;
    ret->type = info.type;
    ret->time_elapsed = info.time_elapsed;
    ret->time_remaining = info.time_remaining;
    ret->data_total = ret->mem_total = info.mem_total;
    ret->data_processed = ret->mem_processed = info.mem_processed;
    ret->data_remaining = ret->mem_remaining = info.mem_remaining;
    return TRUE;
}

static gboolean
do_job_stats(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_dom_flags_args *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);
    struct xf_job_info info = { 0 };

    if (!xf_rpc_check_flags(args->flags, STATS_COMPLETED | STATS_KEEP,
                            "job statistics", err) ||
        !call->conn->driver->job_info(call->conn, &dom,
                                      args->flags & STATS_COMPLETED, &info,
                                      err))
        return FALSE;
    xf_rpc_job_encode(&info, ret);
    return TRUE;
}

static gboolean
do_abort_job(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_dom *args = data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);

    return call->conn->driver->abort_job(call->conn, &dom, err);
}

static const struct xf_rpc_proc rows[] = {
    { XFW_PROC_CONNECT_LIST_ALL_DOMAINS, "virConnectListAllDomains",
      do_list_all, XF_RPC_ARGS(xfw_list_all_args),
      XF_RPC_RET(xfw_list_all_ret), XF_RPC_ENTRY(list_domains) },
    { XFW_PROC_CONNECT_LIST_DOMAINS, "virConnectListDomains", do_list_ids,
      XF_RPC_ARGS(xfw_int), XF_RPC_RET(xfw_list_domains_ret),
      XF_RPC_ENTRY(list_domains) },
    { XFW_PROC_CONNECT_NUM_OF_DOMAINS, "virConnectNumOfDomains",
      do_num_of_domains, XF_RPC_RET(xfw_int), XF_RPC_ENTRY(list_domains) },
    { XFW_PROC_CONNECT_LIST_DEFINED_DOMAINS, "virConnectListDefinedDomains",
      do_list_defined, XF_RPC_ARGS(xfw_int), XF_RPC_RET(xfw_strings_ret),
      XF_RPC_ENTRY(list_domains) },
    { XFW_PROC_CONNECT_NUM_OF_DEFINED_DOMAINS,
      "virConnectNumOfDefinedDomains", do_num_of_defined,
      XF_RPC_RET(xfw_int), XF_RPC_ENTRY(list_domains) },
    { XFW_PROC_DOMAIN_LOOKUP_BY_ID, "virDomainLookupByID", do_lookup_by_id,
      XF_RPC_ARGS(xfw_int), XF_RPC_RET(xfw_dom), XF_RPC_ENTRY(lookup_by_id) },
    { XFW_PROC_DOMAIN_LOOKUP_BY_NAME, "virDomainLookupByName",
      do_lookup_by_name, XF_RPC_ARGS(xfw_name_args), XF_RPC_RET(xfw_dom),
      XF_RPC_ENTRY(lookup_by_name) },
    { XFW_PROC_DOMAIN_LOOKUP_BY_UUID, "virDomainLookupByUUID",
      do_lookup_by_uuid, XF_RPC_ARGS(xfw_uuid_args), XF_RPC_RET(xfw_dom),
      XF_RPC_ENTRY(lookup_by_uuid) },

    { XFW_PROC_DOMAIN_GET_INFO, "virDomainGetInfo", do_get_info,
      XF_RPC_ARGS(xfw_dom), XF_RPC_RET(xfw_domain_info_ret),
      XF_RPC_ENTRY(domain_info) },
    { XFW_PROC_DOMAIN_GET_STATE, "virDomainGetState", do_get_state,
      XF_RPC_ARGS(xfw_dom_flags_args), XF_RPC_RET(xfw_domain_state_ret),
      XF_RPC_ENTRY(domain_info) },
    { XFW_PROC_DOMAIN_GET_MAX_MEMORY, "virDomainGetMaxMemory",
      do_get_max_memory, XF_RPC_ARGS(xfw_dom), XF_RPC_RET(xfw_u64_ret),
      XF_RPC_ENTRY(domain_info) },
    { XFW_PROC_DOMAIN_GET_OS_TYPE, "virDomainGetOSType", do_get_os_type,
      XF_RPC_ARGS(xfw_dom), XF_RPC_RET(xfw_string_ret),
      XF_RPC_ENTRY(domain_os_type) },
    { XFW_PROC_DOMAIN_GET_XML_DESC, "virDomainGetXMLDesc", do_get_xml,
      XF_RPC_ARGS(xfw_dom_flags_args), XF_RPC_RET(xfw_string_ret),
      XF_RPC_ENTRY(domain_xml), .flags = XF_RPC_SLOW },
    { XFW_PROC_DOMAIN_IS_ACTIVE, "virDomainIsActive", do_is_active,
      XF_RPC_ARGS(xfw_dom), XF_RPC_RET(xfw_int), XF_RPC_ENTRY(domain_info) },
    { XFW_PROC_DOMAIN_IS_UPDATED, "virDomainIsUpdated", do_answer_no,
      XF_RPC_ARGS(xfw_dom), XF_RPC_RET(xfw_int), XF_RPC_ENTRY(domain_info) },
    { XFW_PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE, "virDomainHasManagedSaveImage",
      do_answer_none, XF_RPC_ARGS(xfw_dom_flags_args), XF_RPC_RET(xfw_int),
      XF_RPC_ENTRY(domain_info) },
    { XFW_PROC_DOMAIN_SNAPSHOT_NUM, "virDomainSnapshotNum", do_answer_none,
      XF_RPC_ARGS(xfw_dom_flags_args), XF_RPC_RET(xfw_int),
      XF_RPC_ENTRY(domain_info) },
    { XFW_PROC_DOMAIN_GET_MESSAGES, "virDomainGetMessages", do_answer_none,
      XF_RPC_ARGS(xfw_dom_flags_args), XF_RPC_RET(xfw_strings_ret),
      XF_RPC_ENTRY(domain_info) },

    { XFW_PROC_DOMAIN_CREATE_XML, "virDomainCreateXML", do_create,
      XF_RPC_ARGS(xfw_create_xml_args), XF_RPC_RET(xfw_dom),
      XF_RPC_ENTRY(create_xml), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_DESTROY, "virDomainDestroy", do_destroy,
      XF_RPC_ARGS(xfw_dom), XF_RPC_ENTRY(domain_destroy),
      .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_DESTROY_FLAGS, "virDomainDestroyFlags",
      do_destroy_flags, XF_RPC_ARGS(xfw_dom_flags_args),
      XF_RPC_ENTRY(domain_destroy), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_SUSPEND, "virDomainSuspend", do_suspend,
      XF_RPC_ARGS(xfw_dom), XF_RPC_ENTRY(domain_suspend),
      .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_RESUME, "virDomainResume", do_resume,
      XF_RPC_ARGS(xfw_dom), XF_RPC_ENTRY(domain_resume),
      .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_SHUTDOWN, "virDomainShutdown", do_shutdown,
      XF_RPC_ARGS(xfw_dom), XF_RPC_ENTRY(domain_shutdown),
      .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_SHUTDOWN_FLAGS, "virDomainShutdownFlags",
      do_shutdown_flags, XF_RPC_ARGS(xfw_dom_flags_args),
      XF_RPC_ENTRY(domain_shutdown), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_DOMAIN_REBOOT, "virDomainReboot", do_reboot,
      XF_RPC_ARGS(xfw_dom_flags_args), XF_RPC_ENTRY(domain_reboot),
      .flags = XF_RPC_SLOW | XF_RPC_WRITES },

    { XFW_PROC_DOMAIN_GET_JOB_INFO, "virDomainGetJobInfo", do_job_info,
      XF_RPC_ARGS(xfw_dom), XF_RPC_RET(xfw_job_info_ret),
      XF_RPC_ENTRY(job_info) },
    { XFW_PROC_DOMAIN_GET_JOB_STATS, "virDomainGetJobStats", do_job_stats,
      XF_RPC_ARGS(xfw_dom_flags_args), XF_RPC_RET(xfw_job_stats_ret),
      XF_RPC_ENTRY(job_info) },
    { XFW_PROC_DOMAIN_ABORT_JOB, "virDomainAbortJob", do_abort_job,
      XF_RPC_ARGS(xfw_dom), XF_RPC_ENTRY(abort_job),
      .flags = XF_RPC_WRITES },
};

const struct xf_rpc_proc_table xf_rpc_domain_procs = {
    rows, G_N_ELEMENTS(rows)
};
