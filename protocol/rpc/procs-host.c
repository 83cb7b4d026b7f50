/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Procedures: connection and host. */
#include "config.h"

#include "protocol/rpc/procs.h"

#include <string.h>

#define OPEN_READ_ONLY 1

#define TYPE "Xen"
#define URI "xen:///system"

static gboolean
is_our_uri(const char *text)
{
    g_autoptr(GUri) uri = NULL;
    const char *host, *path;

    if (!*text)
        return TRUE;
    uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
    if (!uri || strcmp(g_uri_get_scheme(uri), "xen") != 0)
        return FALSE;
    host = g_uri_get_host(uri);
    path = g_uri_get_path(uri);
    return (!host || !*host) &&
           (!*path || strcmp(path, "/") == 0 || strcmp(path, "/system") == 0);
}

static gboolean
do_open(struct xf_rpc_call *call, void *data, void *ret, GError **err)
{
    struct xfw_open_args *args = data;

    if (args->name && !is_our_uri(*args->name)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "no driver for '%s': this daemon serves " URI,
                    *args->name);
        return FALSE;
    }
    return xf_rpc_check_flags(args->flags, OPEN_READ_ONLY, "open", err) &&
           xf_rpc_session_open(call->session, args->flags & OPEN_READ_ONLY,
                               err);
}

static gboolean
do_close(struct xf_rpc_call *call, void *args, void *ret, GError **err)
{
    xf_rpc_session_close_conn(call->session);
    return TRUE;
}

static gboolean
do_auth_list(struct xf_rpc_call *call, void *args, void *data, GError **err)
{
    struct xfw_auth_list_ret *ret = data;

    ret->types.types_val = g_new(xfw_auth, 1);
    ret->types.types_val[0] = XFW_AUTH_NONE;
    ret->types.types_len = 1;
    return TRUE;
}

/* Features that are the wire's own; -1: ask the driver. */
static int
own_feature(int feature)
{
    static const struct {
        int feature, answer;
    } own[] = {
        { XF_FEATURE_FD_PASSING, 0 },
        { XF_FEATURE_TYPED_PARAM_STRING, 1 },
        { XF_FEATURE_KEEPALIVE, 1 },
        { XF_FEATURE_EVENT_CALLBACK, 1 },
        { XF_FEATURE_CLOSE_CALLBACK, 0 },
        { XF_FEATURE_NETWORK_ORDER, 1 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(own); i++)
        if (own[i].feature == feature)
            return own[i].answer;
    return -1;
}

/* Does the configuration offer what that feature is about? */
static gboolean
offered(struct xf_rpc_call *call, int feature)
{
    static const struct {
        int feature;
        enum xf_protocols protocol;
    } about[] = {
        { XF_FEATURE_MIGRATION_V1, XF_PROTOCOL_V1 },
        { XF_FEATURE_MIGRATION_V2, XF_PROTOCOL_V2 },
        { XF_FEATURE_MIGRATION_P2P, XF_PROTOCOL_P2P },
        { XF_FEATURE_MIGRATION_DIRECT, XF_PROTOCOL_DIRECT },
        { XF_FEATURE_MIGRATION_V3, XF_PROTOCOL_V3 },
        { XF_FEATURE_MIGRATION_PARAMS, XF_PROTOCOL_V3_PARAMS },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(about); i++)
        if (about[i].feature == feature)
            return (call->protocols & about[i].protocol) != 0;
    return TRUE;
}

static gboolean
ask_driver(struct xf_rpc_call *call, int feature, int *answer, GError **err)
{
    if (!call->conn->driver->supports_feature)
        return xf_driver_lacks(call->conn, "virConnectSupportsFeature", err);
    *answer = !offered(call, feature) ? 0
              : call->conn->driver->supports_feature(call->conn, feature,
                                                     err);
    return *answer >= 0;
}

static gboolean
do_supports_feature(struct xf_rpc_call *call, void *data, void *ret_data,
                    GError **err)
{
    struct xfw_int *args = data, *ret = ret_data;

    /* the one that clients ask for before they open */
    if (args->value == XF_FEATURE_KEEPALIVE)
        xf_rpc_session_keepalive(call->session);
    else if (!xf_rpc_check_open(call, err))
        return FALSE;
    ret->value = own_feature(args->value);
    return ret->value >= 0 || ask_driver(call, args->value, &ret->value, err);
}

static gboolean
do_get_type(struct xf_rpc_call *call, void *args, void *data, GError **err)
{
    struct xfw_string_ret *ret = data;

    ret->value = g_strdup(TYPE);
    return TRUE;
}

static gboolean
do_get_uri(struct xf_rpc_call *call, void *args, void *data, GError **err)
{
    struct xfw_string_ret *ret = data;

    ret->value = g_strdup(URI);
    return TRUE;
}

static gboolean
do_get_version(struct xf_rpc_call *call, void *args, void *data, GError **err)
{
    struct xfw_u64_ret *ret = data;
    guint64 version;

    if (!call->conn->driver->get_version(call->conn, &version, err))
        return FALSE;
    ret->value = version;
    return TRUE;
}

/* Clients ask this to know which calls a daemon can be expected to have: it
 * is libvirt's number, and never our own version. */
static gboolean
do_get_lib_version(struct xf_rpc_call *call, void *args, void *data,
                   GError **err)
{
    struct xfw_u64_ret *ret = data;

    ret->value = XFW_LIBVIRT_LEVEL;
    return TRUE;
}

static gboolean
do_get_hostname(struct xf_rpc_call *call, void *args, void *data,
                GError **err)
{
    struct xfw_string_ret *ret = data;

    ret->value = call->conn->driver->get_hostname(call->conn, err);
    return ret->value != NULL;
}

static gboolean
do_node_info(struct xf_rpc_call *call, void *args, void *data, GError **err)
{
    struct xfw_node_info_ret *ret = data;
    struct xf_node_info info = { 0 };

    if (!call->conn->driver->node_info(call->conn, &info, err))
        return FALSE;
    memcpy(ret->model, info.model, sizeof(ret->model));
    ret->memory = info.memory_kib;
    ret->cpus = info.cpus;
    ret->mhz = info.mhz;
    ret->nodes = info.nodes;
    ret->sockets = info.sockets;
    ret->cores = info.cores;
    ret->threads = info.threads;
    return TRUE;
}

static gboolean
do_free_memory(struct xf_rpc_call *call, void *args, void *data, GError **err)
{
    struct xfw_u64_ret *ret = data;
    struct xf_node_info info = { 0 };

    if (!call->conn->driver->node_info(call->conn, &info, err))
        return FALSE;
    ret->value = info.free_kib * 1024;
    return TRUE;
}

static gboolean
do_capabilities(struct xf_rpc_call *call, void *args, void *data,
                GError **err)
{
    struct xfw_string_ret *ret = data;

    ret->value = call->conn->driver->capabilities(call->conn, err);
    return ret->value != NULL;
}

static gboolean
check_virt_type(const xfw_opt_string type, const char *what, GError **err)
{
    if (!type || !**type || g_ascii_strcasecmp(*type, TYPE) == 0)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "%s: there are no domains of type '%s' here, only of 'xen'",
                what, *type);
    return FALSE;
}

static gboolean
do_domain_capabilities(struct xf_rpc_call *call, void *data, void *ret_data,
                       GError **err)
{
    struct xfw_domain_capabilities_args *args = data;
    struct xfw_string_ret *ret = ret_data;

    if (!xf_rpc_check_flags(args->flags, 0, "domain capabilities", err) ||
        !check_virt_type(args->virttype, "domain capabilities", err))
        return FALSE;
    ret->value = call->conn->driver->domain_capabilities(
        call->conn, args->machine ? *args->machine : NULL,
        args->arch ? *args->arch : NULL, err);
    return ret->value != NULL;
}

static gboolean
do_max_vcpus(struct xf_rpc_call *call, void *data, void *ret_data,
             GError **err)
{
    struct xfw_max_vcpus_args *args = data;
    struct xfw_int *ret = ret_data;

    if (!check_virt_type(args->type, "most CPUs", err))
        return FALSE;
    ret->value = call->conn->driver->max_vcpus(call->conn, err);
    return ret->value > 0;
}

static gboolean
do_from_native(struct xf_rpc_call *call, void *data, void *ret_data,
               GError **err)
{
    struct xfw_native_args *args = data;
    struct xfw_string_ret *ret = ret_data;

    ret->value = call->conn->driver->xml_from_native(
        call->conn, args->format, args->config, args->flags, err);
    return ret->value != NULL;
}

static gboolean
do_to_native(struct xf_rpc_call *call, void *data, void *ret_data,
             GError **err)
{
    struct xfw_native_args *args = data;
    struct xfw_string_ret *ret = ret_data;

    ret->value = call->conn->driver->xml_to_native(
        call->conn, args->format, args->config, args->flags, err);
    return ret->value != NULL;
}

/* No security driver: both strings empty, as `ret` already is. */
static gboolean
do_security_model(struct xf_rpc_call *call, void *args, void *ret,
                  GError **err)
{
    return TRUE;
}

static gboolean
do_is_secure(struct xf_rpc_call *call, void *args, void *data, GError **err)
{
    struct xfw_int *ret = data;

    ret->value = xf_rpc_session_is_local(call->session);
    return TRUE;
}

static const struct xf_rpc_proc rows[] = {
    { XFW_PROC_CONNECT_OPEN, "virConnectOpen", do_open,
      XF_RPC_ARGS(xfw_open_args),
      .flags = XF_RPC_BEFORE_OPEN | XF_RPC_INLINE },
    { XFW_PROC_CONNECT_CLOSE, "virConnectClose", do_close,
      .flags = XF_RPC_BEFORE_OPEN | XF_RPC_SLOW },
    { XFW_PROC_AUTH_LIST, "authList", do_auth_list,
      XF_RPC_RET(xfw_auth_list_ret),
      .flags = XF_RPC_BEFORE_OPEN | XF_RPC_INLINE },
    { XFW_PROC_CONNECT_SUPPORTS_FEATURE, "virConnectSupportsFeature",
      do_supports_feature, XF_RPC_ARGS(xfw_int), XF_RPC_RET(xfw_int),
      .flags = XF_RPC_BEFORE_OPEN },
    { XFW_PROC_CONNECT_GET_TYPE, "virConnectGetType", do_get_type,
      XF_RPC_RET(xfw_string_ret) },
    { XFW_PROC_CONNECT_GET_URI, "virConnectGetURI", do_get_uri,
      XF_RPC_RET(xfw_string_ret) },
    { XFW_PROC_CONNECT_GET_CAPABILITIES, "virConnectGetCapabilities",
      do_capabilities, XF_RPC_RET(xfw_string_ret),
      XF_RPC_ENTRY(capabilities) },
    { XFW_PROC_CONNECT_GET_DOMAIN_CAPABILITIES,
      "virConnectGetDomainCapabilities", do_domain_capabilities,
      XF_RPC_ARGS(xfw_domain_capabilities_args), XF_RPC_RET(xfw_string_ret),
      XF_RPC_ENTRY(domain_capabilities) },
    { XFW_PROC_CONNECT_GET_MAX_VCPUS, "virConnectGetMaxVcpus", do_max_vcpus,
      XF_RPC_ARGS(xfw_max_vcpus_args), XF_RPC_RET(xfw_int),
      XF_RPC_ENTRY(max_vcpus) },
    { XFW_PROC_CONNECT_DOMAIN_XML_FROM_NATIVE,
      "virConnectDomainXMLFromNative", do_from_native,
      XF_RPC_ARGS(xfw_native_args), XF_RPC_RET(xfw_string_ret),
      XF_RPC_ENTRY(xml_from_native), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_CONNECT_DOMAIN_XML_TO_NATIVE, "virConnectDomainXMLToNative",
      do_to_native, XF_RPC_ARGS(xfw_native_args), XF_RPC_RET(xfw_string_ret),
      XF_RPC_ENTRY(xml_to_native), .flags = XF_RPC_SLOW | XF_RPC_WRITES },
    { XFW_PROC_CONNECT_GET_VERSION, "virConnectGetVersion", do_get_version,
      XF_RPC_RET(xfw_u64_ret), XF_RPC_ENTRY(get_version) },
    { XFW_PROC_CONNECT_GET_LIB_VERSION, "virConnectGetLibVersion",
      do_get_lib_version, XF_RPC_RET(xfw_u64_ret) },
    { XFW_PROC_CONNECT_GET_HOSTNAME, "virConnectGetHostname", do_get_hostname,
      XF_RPC_RET(xfw_string_ret), XF_RPC_ENTRY(get_hostname) },
    { XFW_PROC_NODE_GET_INFO, "virNodeGetInfo", do_node_info,
      XF_RPC_RET(xfw_node_info_ret), XF_RPC_ENTRY(node_info) },
    { XFW_PROC_NODE_GET_FREE_MEMORY, "virNodeGetFreeMemory", do_free_memory,
      XF_RPC_RET(xfw_u64_ret), XF_RPC_ENTRY(node_info) },
    { XFW_PROC_NODE_GET_SECURITY_MODEL, "virNodeGetSecurityModel",
      do_security_model, XF_RPC_RET(xfw_security_model_ret) },
    { XFW_PROC_CONNECT_IS_SECURE, "virConnectIsSecure", do_is_secure,
      XF_RPC_RET(xfw_int) },
};

const struct xf_rpc_proc_table xf_rpc_host_procs = {
    rows, G_N_ELEMENTS(rows)
};
