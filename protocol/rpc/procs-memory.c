/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Procedures: how much memory there is, of a domain and of the host. */
#include "config.h"

#include "protocol/rpc/procs.h"

/* virDomainMemoryStatTags */
#define STAT_AVAILABLE 5
#define STAT_ACTUAL 6

#define ALL_CELLS (-1)

static gboolean
do_memory_stats(struct xf_rpc_call *call, void *data, void *ret_data,
                GError **err)
{
    struct xfw_memory_stats_args *args = data;
    struct xfw_memory_stats_ret *ret = ret_data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);
    struct xf_domain_info info = { 0 };

    if (!xf_rpc_check_flags(args->flags, 0, "memory statistics", err) ||
        !call->conn->driver->domain_info(call->conn, &dom, &info, err))
        return FALSE;

    const struct xfw_memory_stat stats[] = {
        { STAT_ACTUAL, info.memory_kib },
        { STAT_AVAILABLE, info.max_memory_kib },
    };

    ret->stats.stats_len = MIN(args->max, G_N_ELEMENTS(stats));
    ret->stats.stats_val = g_memdup2(stats, ret->stats.stats_len *
                                                sizeof(*stats));
    return TRUE;
}

/* libxl tells it for the host as a whole: a node of several has no figure of
 * its own. */
static gboolean
check_cell(const struct xf_node_info *info, int cell, GError **err)
{
    if (cell == ALL_CELLS || (cell == 0 && info->nodes <= 1))
        return TRUE;
    g_set_error(err, XF_ERROR,
                cell < 0 || cell >= info->nodes
                    ? XF_ERROR_INVALID_ARG : XF_ERROR_UNSUPPORTED,
                "memory of NUMA node %d: there are %d nodes, and only what "
                "they have together is known", cell, info->nodes);
    return FALSE;
}

static gboolean
do_node_memory(struct xf_rpc_call *call, void *data, void *ret_data,
               GError **err)
{
    struct xfw_node_memory_args *args = data;
    struct xfw_node_memory_ret *ret = ret_data;
    struct xf_node_info info = { 0 };

    if (!xf_rpc_check_flags(args->flags, 0, "memory statistics", err) ||
        !call->conn->driver->node_info(call->conn, &info, err) ||
        !check_cell(&info, args->cell, err))
        return FALSE;

    const struct {
        const char *field;
        guint64 value;
    } stats[] = {
        { "total", info.memory_kib },
        { "free", info.free_kib },
    };

    ret->count = G_N_ELEMENTS(stats);
    if (args->count <= 0)
        return TRUE;
    ret->stats.stats_len = MIN((gsize)args->count, G_N_ELEMENTS(stats));
    ret->stats.stats_val = g_new0(struct xfw_node_stat, ret->stats.stats_len);
    for (guint i = 0; i < ret->stats.stats_len; i++) {
        ret->stats.stats_val[i].field = g_strdup(stats[i].field);
        ret->stats.stats_val[i].value = stats[i].value;
    }
    return TRUE;
}

static gboolean
do_cells(struct xf_rpc_call *call, void *data, void *ret_data, GError **err)
{
    struct xfw_cells_args *args = data;
    struct xfw_cells_ret *ret = ret_data;
    struct xf_node_info info = { 0 };

    if (!call->conn->driver->node_info(call->conn, &info, err) ||
        !check_cell(&info, MAX(args->first, 0), err))
        return FALSE;
    if (args->most <= 0)
        return TRUE;
    ret->cells.cells_len = 1;
    ret->cells.cells_val = g_new0(u_quad_t, 1);
    ret->cells.cells_val[0] = info.free_kib * 1024;
    return TRUE;
}

/* They are all there from the start: none is added to a guest that runs. */
static gboolean
do_max_vcpus(struct xf_rpc_call *call, void *data, void *ret_data,
             GError **err)
{
    struct xfw_dom *args = data;
    struct xfw_int *ret = ret_data;
    struct xf_domain_ref dom = xf_rpc_borrow_domain(&args->dom);
    struct xf_domain_info info = { 0 };

    if (!call->conn->driver->domain_info(call->conn, &dom, &info, err))
        return FALSE;
    ret->value = info.vcpus;
    return TRUE;
}

static const struct xf_rpc_proc rows[] = {
    { XFW_PROC_DOMAIN_GET_MAX_VCPUS, "virDomainGetMaxVcpus", do_max_vcpus,
      XF_RPC_ARGS(xfw_dom), XF_RPC_RET(xfw_int), XF_RPC_ENTRY(domain_info) },
    { XFW_PROC_DOMAIN_MEMORY_STATS, "virDomainMemoryStats", do_memory_stats,
      XF_RPC_ARGS(xfw_memory_stats_args), XF_RPC_RET(xfw_memory_stats_ret),
      XF_RPC_ENTRY(domain_info) },
    { XFW_PROC_NODE_GET_CELLS_FREE_MEMORY, "virNodeGetCellsFreeMemory",
      do_cells, XF_RPC_ARGS(xfw_cells_args), XF_RPC_RET(xfw_cells_ret),
      XF_RPC_ENTRY(node_info) },
    { XFW_PROC_NODE_GET_MEMORY_STATS, "virNodeGetMemoryStats",
      do_node_memory, XF_RPC_ARGS(xfw_node_memory_args),
      XF_RPC_RET(xfw_node_memory_ret), XF_RPC_ENTRY(node_info) },
};

const struct xf_rpc_proc_table xf_rpc_memory_procs = {
    rows, G_N_ELEMENTS(rows)
};
