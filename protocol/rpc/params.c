/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/rpc/params.h"

#include <string.h>

static struct xfw_param *
param_init(struct xfw_param *param, const char *name, int type)
{
    param->field = g_strdup(name);
    param->value.type = type;
    return param;
}

#define FIELD(type, base, offset) \
    ((type *)G_STRUCT_MEMBER_P(base, offset))

/* -- migration ----------------------------------------------------------- */

static const struct migrate_param {
    const char *name;
    enum xfw_param_type type;
    gsize offset;               /* in struct xf_migrate_args */
} migrate_params[] = {
#define STRING(name, field)                                              \
    { name, XFW_PARAM_STRING, G_STRUCT_OFFSET(struct xf_migrate_args, field) }
#define ULLONG(name, field)                                              \
    { name, XFW_PARAM_ULLONG, G_STRUCT_OFFSET(struct xf_migrate_args, field) }
    STRING("migrate_uri", uri),
    STRING("destination_name", dname),
    STRING("destination_xml", xml),
    STRING("persistent_xml", persist_xml),
    ULLONG("bandwidth", bandwidth),
#undef STRING
#undef ULLONG
};

static gboolean
encode_migrate_param(const struct xf_migrate_args *args,
                     const struct migrate_param *row, struct xfw_param *param)
{
    if (row->type == XFW_PARAM_STRING) {
        const char *text = *FIELD(char *const, args, row->offset);

        if (!text)
            return FALSE;
        param_init(param, row->name, row->type)->value.xfw_param_value_u.s =
            g_strdup(text);
    } else {
        guint64 number = *FIELD(const guint64, args, row->offset);

        if (!number)
            return FALSE;
        param_init(param, row->name, row->type)->value.xfw_param_value_u.ul =
            number;
    }
    return TRUE;
}

void
xf_rpc_params_encode(const struct xf_migrate_args *args,
                     xfw_migrate_params *params)
{
    struct xfw_param *val = g_new0(struct xfw_param,
                                   G_N_ELEMENTS(migrate_params));
    guint len = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(migrate_params); i++)
        if (encode_migrate_param(args, &migrate_params[i], &val[len]))
            len++;
    params->xfw_migrate_params_len = len;
    params->xfw_migrate_params_val = val;
}

static const struct migrate_param *
find_migrate_param(const struct xfw_param *param, GError **err)
{
    for (gsize i = 0; i < G_N_ELEMENTS(migrate_params); i++) {
        const struct migrate_param *row = &migrate_params[i];

        if (strcmp(row->name, param->field) != 0)
            continue;
        if ((int)row->type == param->value.type)
            return row;
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "migration parameter '%s' has type %d, not %d",
                    row->name, param->value.type, row->type);
        return NULL;
    }
    g_set_error(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                "migration parameter '%s' is not supported", param->field);
    return NULL;
}

gboolean
xf_rpc_params_decode(const xfw_migrate_params *params,
                     struct xf_migrate_args *args, GError **err)
{
    guint seen = 0;

    for (guint i = 0; i < params->xfw_migrate_params_len; i++) {
        const struct xfw_param *param = &params->xfw_migrate_params_val[i];
        const struct migrate_param *row = find_migrate_param(param, err);

        if (!row)
            return FALSE;
        if (seen & 1u << (row - migrate_params)) {
            g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                        "migration parameter '%s' is there twice", row->name);
            return FALSE;
        }
        seen |= 1u << (row - migrate_params);
        if (row->type == XFW_PARAM_STRING)
            *FIELD(const char *, args, row->offset) =
                param->value.xfw_param_value_u.s;
        else
            *FIELD(guint64, args, row->offset) =
                param->value.xfw_param_value_u.ul;
    }
    return TRUE;
}

/* -- jobs ---------------------------------------------------------------- */

#define PAGE_SIZE 4096

/* virDomainJobOperation */
enum operation {
    OPERATION_SAVE = 2,
    OPERATION_RESTORE = 3,
    OPERATION_MIGRATION_IN = 4,
    OPERATION_MIGRATION_OUT = 5,
};

#define DOWNTIME "downtime"

/* All of type ULLONG.  Those with a dot are ours: clients that do not know
 * them pass them over. */
static const struct {
    const char *name;
    gsize offset;               /* in struct xf_job_info */
} job_stats[] = {
#define ROW(name, field) { name, G_STRUCT_OFFSET(struct xf_job_info, field) }
    ROW("time_elapsed", time_elapsed),
    ROW("time_remaining", time_remaining),
    ROW(DOWNTIME, downtime),
    ROW("data_total", mem_total),
    ROW("data_processed", mem_processed),
    ROW("data_remaining", mem_remaining),
    ROW("memory_total", mem_total),
    ROW("memory_processed", mem_processed),
    ROW("memory_remaining", mem_remaining),
    ROW("memory_bps", mem_bps),
    ROW("memory_dirty_rate", dirty_rate),
    ROW("xenferry.wire_bytes", wire_bytes),
#undef ROW
};

#define ITERATION "memory_iteration"
#define PHASE "xenferry.phase"

/* Only who has stopped a guest knows for how long: the destination of a
 * migration does not, and says nothing rather than 0. */
static gboolean
is_known(const char *name, guint64 value)
{
    return value || strcmp(name, DOWNTIME) != 0;
}

/* The extra ones of xf_rpc_job_encode(). */
#define MORE_STATS 4

static enum operation
operation_of(const struct xf_job_info *info)
{
    static const struct {
        const char *phase;
        enum operation operation;
    } phases[] = {
        { "prepare", OPERATION_MIGRATION_IN },
        { "finish", OPERATION_MIGRATION_IN },
        { "save", OPERATION_SAVE },
        { "restore", OPERATION_RESTORE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(phases); i++)
        if (strcmp(info->phase, phases[i].phase) == 0)
            return phases[i].operation;
    return OPERATION_MIGRATION_OUT;
}

void
xf_rpc_job_encode(const struct xf_job_info *info,
                  struct xfw_job_stats_ret *stats)
{
    struct xfw_param *p = g_new0(struct xfw_param,
                                 G_N_ELEMENTS(job_stats) + MORE_STATS);

    stats->type = info->type;
    stats->params.params_val = p;
    if (info->type == XF_JOB_NONE)
        return;
    param_init(p++, "operation", XFW_PARAM_INT)->value.xfw_param_value_u.i =
        operation_of(info);
    for (gsize i = 0; i < G_N_ELEMENTS(job_stats); i++) {
        guint64 value = *FIELD(const guint64, info, job_stats[i].offset);

        if (is_known(job_stats[i].name, value))
            param_init(p++, job_stats[i].name, XFW_PARAM_ULLONG)
                ->value.xfw_param_value_u.ul = value;
    }
    param_init(p++, ITERATION, XFW_PARAM_ULLONG)->value.xfw_param_value_u.ul =
        info->iteration;
    param_init(p++, "memory_page_size", XFW_PARAM_ULLONG)
        ->value.xfw_param_value_u.ul = PAGE_SIZE;
    param_init(p++, PHASE, XFW_PARAM_STRING)->value.xfw_param_value_u.s =
        g_strndup(info->phase, sizeof(info->phase));
    stats->params.params_len = p - stats->params.params_val;
}

static void
decode_number(const char *name, guint64 number, struct xf_job_info *info)
{
    if (strcmp(name, ITERATION) == 0)
        info->iteration = number;
    for (gsize i = 0; i < G_N_ELEMENTS(job_stats); i++)
        if (strcmp(name, job_stats[i].name) == 0)
            *FIELD(guint64, info, job_stats[i].offset) = number;
}

void
xf_rpc_job_decode(const struct xfw_job_stats_ret *stats,
                  struct xf_job_info *info)
{
    info->type = stats->type;
    for (guint i = 0; i < stats->params.params_len; i++) {
        const struct xfw_param *param = &stats->params.params_val[i];

        if (param->value.type == XFW_PARAM_ULLONG)
            decode_number(param->field, param->value.xfw_param_value_u.ul,
                          info);
        else if (param->value.type == XFW_PARAM_STRING &&
                 strcmp(param->field, PHASE) == 0)
            g_strlcpy(info->phase, param->value.xfw_param_value_u.s,
                      sizeof(info->phase));
    }
}
