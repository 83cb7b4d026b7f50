/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The remote driver's table: host, domains and jobs.  Migration is in
 * client-migrate.c. */
#include "config.h"

#include "protocol/rpc/params.h"
#include "protocol/rpc/remote.h"

#include <string.h>

/* virDomainGetJobStatsFlags */
#define STATS_COMPLETED 1
/* virDomainShutdownFlagValues */
#define SHUTDOWN_ACPI 1

void
xf_remote_fill_domain(struct xfw_domain *wire,
                      const struct xf_domain_ref *ref)
{
    wire->name = ref->name;
    memcpy(wire->uuid, ref->uuid, sizeof(wire->uuid));
    wire->id = ref->id;
}

struct xf_domain_ref *
xf_remote_take_domain(const struct xfw_domain *wire)
{
    return xf_domain_ref_new(wire->name, (const guint8 *)wire->uuid,
                             wire->id);
}

/* -- by shape ------------------------------------------------------------ */

static gboolean
call_domain(struct xf_conn *conn, enum xfw_proc proc,
            const struct xf_domain_ref *dom, xdrproc_t ret_filter, void *ret,
            GError **err)
{
    struct xfw_dom args;

    xf_remote_fill_domain(&args.dom, dom);
    return xf_remote_call(conn, proc, XF_XDR(xfw_dom), &args, ret_filter, ret,
                          err);
}

static gboolean
call_domain_flags(struct xf_conn *conn, enum xfw_proc proc,
                  const struct xf_domain_ref *dom, guint flags,
                  xdrproc_t ret_filter, void *ret, GError **err)
{
    struct xfw_dom_flags_args args = { .flags = flags };

    xf_remote_fill_domain(&args.dom, dom);
    return xf_remote_call(conn, proc, XF_XDR(xfw_dom_flags_args), &args,
                          ret_filter, ret, err);
}

static struct xf_domain_ref *
call_for_domain(struct xf_conn *conn, enum xfw_proc proc, xdrproc_t filter,
                void *args, GError **err)
{
    XFW_AUTO(xfw_dom) ret = { 0 };

    if (!xf_remote_call(conn, proc, filter, args, XF_XDR(xfw_dom), &ret, err))
        return NULL;
    return xf_remote_take_domain(&ret.dom);
}

/* -- host ---------------------------------------------------------------- */

static int
supports_feature(struct xf_conn *conn, int feature, GError **err)
{
    struct xfw_int args = { .value = feature }, ret = { 0 };

    if (!xf_remote_call(conn, XFW_PROC_CONNECT_SUPPORTS_FEATURE,
                        XF_XDR(xfw_int), &args, XF_XDR(xfw_int), &ret, err))
        return -1;
    return ret.value != 0;
}

static char *
get_hostname(struct xf_conn *conn, GError **err)
{
    XFW_AUTO(xfw_string_ret) ret = { 0 };

    if (!xf_remote_call(conn, XFW_PROC_CONNECT_GET_HOSTNAME, NULL, NULL,
                        XF_XDR(xfw_string_ret), &ret, err))
        return NULL;
    return g_strdup(ret.value);
}

static gboolean
get_version(struct xf_conn *conn, guint64 *version, GError **err)
{
    struct xfw_u64_ret ret = { 0 };

    if (!xf_remote_call(conn, XFW_PROC_CONNECT_GET_VERSION, NULL, NULL,
                        XF_XDR(xfw_u64_ret), &ret, err))
        return FALSE;
    *version = ret.value;
    return TRUE;
}

static gboolean
get_free_memory(struct xf_conn *conn, guint64 *kib, GError **err)
{
    struct xfw_u64_ret ret = { 0 };

    if (!xf_remote_call(conn, XFW_PROC_NODE_GET_FREE_MEMORY, NULL, NULL,
                        XF_XDR(xfw_u64_ret), &ret, err))
        return FALSE;
    *kib = ret.value / 1024;
    return TRUE;
}

static gboolean
node_info(struct xf_conn *conn, struct xf_node_info *info, GError **err)
{
    struct xfw_node_info_ret ret = { 0 };
    guint64 free_kib;

    if (!xf_remote_call(conn, XFW_PROC_NODE_GET_INFO, NULL, NULL,
                        XF_XDR(xfw_node_info_ret), &ret, err) ||
        !get_free_memory(conn, &free_kib, err))
        return FALSE;
    *info = (struct xf_node_info){
        .memory_kib = ret.memory,
        .free_kib = free_kib,
        .cpus = ret.cpus,
        .mhz = ret.mhz,
        .nodes = ret.nodes,
        .sockets = ret.sockets,
        .cores = ret.cores,
        .threads = ret.threads,
    };
    memcpy(info->model, ret.model, sizeof(info->model) - 1);
    return TRUE;
}

/* -- domains ------------------------------------------------------------- */

static GPtrArray *
list_domains(struct xf_conn *conn, guint flags, GError **err)
{
    struct xfw_list_all_args args = { .need_results = 1, .flags = flags };
    XFW_AUTO(xfw_list_all_ret) ret = { 0 };
    GPtrArray *list;

    if (!xf_remote_call(conn, XFW_PROC_CONNECT_LIST_ALL_DOMAINS,
                        XF_XDR(xfw_list_all_args), &args,
                        XF_XDR(xfw_list_all_ret), &ret, err))
        return NULL;
    list = g_ptr_array_new_with_free_func(
        (GDestroyNotify)xf_domain_ref_free);
    for (guint i = 0; i < ret.domains.domains_len; i++)
        g_ptr_array_add(list,
                        xf_remote_take_domain(&ret.domains.domains_val[i]));
    return list;
}

static struct xf_domain_ref *
lookup_by_id(struct xf_conn *conn, int id, GError **err)
{
    struct xfw_int args = { .value = id };

    return call_for_domain(conn, XFW_PROC_DOMAIN_LOOKUP_BY_ID,
                           XF_XDR(xfw_int), &args, err);
}

static struct xf_domain_ref *
lookup_by_name(struct xf_conn *conn, const char *name, GError **err)
{
    struct xfw_name_args args = { .name = (char *)name };

    return call_for_domain(conn, XFW_PROC_DOMAIN_LOOKUP_BY_NAME,
                           XF_XDR(xfw_name_args), &args, err);
}

static struct xf_domain_ref *
lookup_by_uuid(struct xf_conn *conn, const guint8 *uuid, GError **err)
{
    struct xfw_uuid_args args;

    memcpy(args.uuid, uuid, sizeof(args.uuid));
    return call_for_domain(conn, XFW_PROC_DOMAIN_LOOKUP_BY_UUID,
                           XF_XDR(xfw_uuid_args), &args, err);
}

static gboolean
domain_info(struct xf_conn *conn, const struct xf_domain_ref *dom,
            struct xf_domain_info *info, GError **err)
{
    struct xfw_domain_info_ret ret = { 0 };
    struct xfw_domain_state_ret state = { 0 };

    /* The state comes from the call that has its reason too. */
    if (!call_domain(conn, XFW_PROC_DOMAIN_GET_INFO, dom,
                     XF_XDR(xfw_domain_info_ret), &ret, err) ||
        !call_domain_flags(conn, XFW_PROC_DOMAIN_GET_STATE, dom, 0,
                           XF_XDR(xfw_domain_state_ret), &state, err))
        return FALSE;
    *info = (struct xf_domain_info){
        .state = state.state,
        .reason = state.reason,
        .max_memory_kib = ret.max_memory,
        .memory_kib = ret.memory,
        .vcpus = ret.vcpus,
        .cpu_time_ns = ret.cpu_time,
    };
    return TRUE;
}

static char *
domain_os_type(struct xf_conn *conn, const struct xf_domain_ref *dom,
               GError **err)
{
    XFW_AUTO(xfw_string_ret) ret = { 0 };

    if (!call_domain(conn, XFW_PROC_DOMAIN_GET_OS_TYPE, dom,
                     XF_XDR(xfw_string_ret), &ret, err))
        return NULL;
    return g_strdup(ret.value);
}

static char *
domain_xml(struct xf_conn *conn, const struct xf_domain_ref *dom, guint flags,
           GError **err)
{
    XFW_AUTO(xfw_string_ret) ret = { 0 };

    if (!call_domain_flags(conn, XFW_PROC_DOMAIN_GET_XML_DESC, dom, flags,
                           XF_XDR(xfw_string_ret), &ret, err))
        return NULL;
    return g_strdup(ret.value);
}

static char *
call_native(struct xf_conn *conn, int proc, const char *format,
            const char *config, guint flags, GError **err)
{
    struct xfw_native_args args = {
        .format = (char *)format,
        .config = (char *)config,
        .flags = flags,
    };
    XFW_AUTO(xfw_string_ret) ret = { 0 };

    if (!xf_remote_call(conn, proc, XF_XDR(xfw_native_args), &args,
                        XF_XDR(xfw_string_ret), &ret, err))
        return NULL;
    return g_strdup(ret.value);
}

static char *
xml_from_native(struct xf_conn *conn, const char *format, const char *native,
                guint flags, GError **err)
{
    return call_native(conn, XFW_PROC_CONNECT_DOMAIN_XML_FROM_NATIVE, format,
                       native, flags, err);
}

static char *
xml_to_native(struct xf_conn *conn, const char *format, const char *xml,
              guint flags, GError **err)
{
    return call_native(conn, XFW_PROC_CONNECT_DOMAIN_XML_TO_NATIVE, format,
                       xml, flags, err);
}

static struct xf_domain_ref *
create_xml(struct xf_conn *conn, const char *xml, guint flags, GError **err)
{
    struct xfw_create_xml_args args = {
        .xml = (char *)xml,
        .flags = flags,
    };

    return call_for_domain(conn, XFW_PROC_DOMAIN_CREATE_XML,
                           XF_XDR(xfw_create_xml_args), &args, err);
}

static gboolean
domain_destroy(struct xf_conn *conn, const struct xf_domain_ref *dom,
               GError **err)
{
    return call_domain(conn, XFW_PROC_DOMAIN_DESTROY, dom, NULL, NULL, err);
}

static gboolean
domain_suspend(struct xf_conn *conn, const struct xf_domain_ref *dom,
               GError **err)
{
    return call_domain(conn, XFW_PROC_DOMAIN_SUSPEND, dom, NULL, NULL, err);
}

static gboolean
domain_resume(struct xf_conn *conn, const struct xf_domain_ref *dom,
              GError **err)
{
    return call_domain(conn, XFW_PROC_DOMAIN_RESUME, dom, NULL, NULL, err);
}

static gboolean
domain_shutdown(struct xf_conn *conn, const struct xf_domain_ref *dom,
                GError **err)
{
    return call_domain(conn, XFW_PROC_DOMAIN_SHUTDOWN, dom, NULL, NULL, err);
}

static gboolean
domain_press_power(struct xf_conn *conn, const struct xf_domain_ref *dom,
                   GError **err)
{
    return call_domain_flags(conn, XFW_PROC_DOMAIN_SHUTDOWN_FLAGS, dom,
                             SHUTDOWN_ACPI, NULL, NULL, err);
}

static gboolean
domain_reboot(struct xf_conn *conn, const struct xf_domain_ref *dom,
              GError **err)
{
    return call_domain_flags(conn, XFW_PROC_DOMAIN_REBOOT, dom, 0, NULL, NULL,
                             err);
}

/* -- jobs ---------------------------------------------------------------- */

/* From peers that lack the statistics. */
static gboolean
old_job_info(struct xf_conn *conn, const struct xf_domain_ref *dom,
             struct xf_job_info *info, GError **err)
{
    struct xfw_job_info_ret ret = { 0 };

    if (!call_domain(conn, XFW_PROC_DOMAIN_GET_JOB_INFO, dom,
                     XF_XDR(xfw_job_info_ret), &ret, err))
        return FALSE;
    *info = (struct xf_job_info){
        .type = ret.type,
        .time_elapsed = ret.time_elapsed,
        .time_remaining = ret.time_remaining,
        .mem_total = ret.mem_total,
        .mem_processed = ret.mem_processed,
        .mem_remaining = ret.mem_remaining,
    };
    return TRUE;
}

static gboolean
job_info(struct xf_conn *conn, const struct xf_domain_ref *dom,
         gboolean completed, struct xf_job_info *info, GError **err)
{
    XFW_AUTO(xfw_job_stats_ret) ret = { 0 };
    g_autoptr(GError) why = NULL;

    if (!call_domain_flags(conn, XFW_PROC_DOMAIN_GET_JOB_STATS, dom,
                           completed ? STATS_COMPLETED : 0,
                           XF_XDR(xfw_job_stats_ret), &ret, &why)) {
        if (!completed &&
            g_error_matches(why, XF_ERROR, XF_ERROR_NO_SUPPORT))
            return old_job_info(conn, dom, info, err);
        g_propagate_error(err, g_steal_pointer(&why));
        return FALSE;
    }
    memset(info, 0, sizeof(*info));
    xf_rpc_job_decode(&ret, info);
    return TRUE;
}

static gboolean
abort_job(struct xf_conn *conn, const struct xf_domain_ref *dom, GError **err)
{
    return call_domain(conn, XFW_PROC_DOMAIN_ABORT_JOB, dom, NULL, NULL, err);
}

const struct xf_driver xf_remote_driver = {
    .name = "remote",
    .close = xf_remote_close,
    .client_gone = xf_remote_client_gone,
    .supports_feature = supports_feature,
    .get_hostname = get_hostname,
    .get_version = get_version,
    .node_info = node_info,
    .xml_from_native = xml_from_native,
    .xml_to_native = xml_to_native,
    .list_domains = list_domains,
    .lookup_by_id = lookup_by_id,
    .lookup_by_name = lookup_by_name,
    .lookup_by_uuid = lookup_by_uuid,
    .domain_info = domain_info,
    .domain_os_type = domain_os_type,
    .domain_xml = domain_xml,
    .create_xml = create_xml,
    .domain_destroy = domain_destroy,
    .domain_suspend = domain_suspend,
    .domain_resume = domain_resume,
    .domain_shutdown = domain_shutdown,
    .domain_press_power = domain_press_power,
    .domain_reboot = domain_reboot,
    .define_xml = xf_remote_define_xml,
    .undefine = xf_remote_undefine,
    .start = xf_remote_start_domain,
    .is_persistent = xf_remote_is_persistent,
    .get_autostart = xf_remote_get_autostart,
    .set_autostart = xf_remote_set_autostart,
    .job_info = job_info,
    .abort_job = abort_job,
    .list_handoffs = xf_remote_list_handoffs,
    .resolve_handoff = xf_remote_resolve_handoff,
    .prepare = xf_remote_prepare,
    .perform = xf_remote_perform,
    .finish = xf_remote_finish,
    .prepare2 = xf_remote_prepare2,
    .finish2 = xf_remote_finish2,
    .begin3 = xf_remote_begin3,
    .prepare3 = xf_remote_prepare3,
    .prepare_tunnel = xf_remote_prepare_tunnel,
    .prepare_tunnel3 = xf_remote_prepare_tunnel3,
    .perform3 = xf_remote_perform3,
    .finish3 = xf_remote_finish3,
    .confirm3 = xf_remote_confirm3,
};
