/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xenferry list */
#include "config.h"

#include "tools/commands.h"

static struct {
    gboolean json;
    gboolean all;
    gboolean inactive;
} options;

static const GOptionEntry entries[] = {
    { "all", 0, 0, G_OPTION_ARG_NONE, &options.all,
      "Stored domains that do not run as well", NULL },
    { "inactive", 0, 0, G_OPTION_ARG_NONE, &options.inactive,
      "Those alone", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
      "Print a JSON array of objects", NULL },
    G_OPTION_ENTRY_NULL
};

static const char *
state_name(enum xf_domain_state state)
{
    switch (state) {
    case XF_DOMAIN_NOSTATE:
        return "no state";
    case XF_DOMAIN_RUNNING:
        return "running";
    case XF_DOMAIN_BLOCKED:
        return "idle";
    case XF_DOMAIN_PAUSED:
        return "paused";
    case XF_DOMAIN_SHUTDOWN:
        return "shutting down";
    case XF_DOMAIN_SHUTOFF:
        return "shut off";
    case XF_DOMAIN_CRASHED:
        return "crashed";
    case XF_DOMAIN_PMSUSPENDED:
        return "asleep";
    }
    return "unknown";
}

static void
print_text(const struct xf_domain_ref *dom, const struct xf_domain_info *info)
{
    g_autofree char *name = xf_cli_printable(dom->name);
    g_autofree char *id =
        dom->id < 0 ? g_strdup("-") : g_strdup_printf("%d", dom->id);

    g_print("%5s  %-24s %-13s %8" G_GUINT64_FORMAT " %5u %9.1f\n", id, name,
            state_name(info->state), info->memory_kib / 1024, info->vcpus,
            info->cpu_time_ns / 1e9);
}

/* What a host without stored domains does not know is left out. */
static void
add_stored(JsonBuilder *builder, struct xf_conn *conn,
           const struct xf_domain_ref *dom)
{
    gboolean persistent, autostart;

    if (!conn->driver->is_persistent || !conn->driver->get_autostart
        || !conn->driver->is_persistent(conn, dom, &persistent, NULL)
        || !conn->driver->get_autostart(conn, dom, &autostart, NULL))
        return;
    json_builder_set_member_name(builder, "persistent");
    json_builder_add_boolean_value(builder, persistent);
    json_builder_set_member_name(builder, "autostart");
    json_builder_add_boolean_value(builder, autostart);
}

static void
add_json(JsonBuilder *builder, struct xf_conn *conn,
         const struct xf_domain_ref *dom, const struct xf_domain_info *info)
{
    json_builder_begin_object(builder);
    if (dom->id < 0)
        xf_cli_add_null(builder, "id");
    else
        xf_cli_add_int(builder, "id", dom->id);
    xf_cli_add_domain(builder, dom);
    xf_cli_add_string(builder, "state", state_name(info->state));
    xf_cli_add_int(builder, "memory_kib", info->memory_kib);
    xf_cli_add_int(builder, "max_memory_kib", info->max_memory_kib);
    xf_cli_add_int(builder, "vcpus", info->vcpus);
    xf_cli_add_int(builder, "cpu_time_ns", info->cpu_time_ns);
    add_stored(builder, conn, dom);
    json_builder_end_object(builder);
}

/* One line or object a domain; builder NULL: text. */
static gboolean
show_domains(struct xf_conn *conn, GPtrArray *domains, JsonBuilder *builder,
             GError **err)
{
    for (guint i = 0; i < domains->len; i++) {
        const struct xf_domain_ref *dom = domains->pdata[i];
        struct xf_domain_info info = { 0 };
        g_autoptr(GError) local = NULL;

        if (!conn->driver->domain_info(conn, dom, &info, &local)) {
            /* It ended since the list was made. */
            if (g_error_matches(local, XF_ERROR, XF_ERROR_NO_DOMAIN))
                continue;
            g_propagate_error(err, g_steal_pointer(&local));
            return FALSE;
        }
        if (builder)
            add_json(builder, conn, dom, &info);
        else
            print_text(dom, &info);
    }
    return TRUE;
}

static guint
wanted(void)
{
    return options.inactive ? XF_LIST_INACTIVE
           : options.all    ? XF_LIST_ACTIVE | XF_LIST_INACTIVE
                            : XF_LIST_ACTIVE;
}

static enum xf_exit
run_list(struct xf_cli *cli, char **args)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(GPtrArray) domains = NULL;
    XF_AUTO(xf_conn) *conn = xf_cli_connect(cli, cli->uri, &err);

    if (conn)
        domains = conn->driver->list_domains(conn, wanted(), &err);
    if (!domains)
        return xf_cli_fail(err);
    if (options.json)
        json_builder_begin_array(builder);
    else
        g_print("%5s  %-24s %-13s %8s %5s %9s\n", "ID", "NAME", "STATE",
                "MiB", "VCPUS", "CPU s");
    if (!show_domains(conn, domains, options.json ? builder : NULL, &err))
        return xf_cli_fail(err);
    if (options.json) {
        json_builder_end_array(builder);
        xf_cli_print_json(builder);
    }
    return XF_EXIT_OK;
}

const struct xf_command xf_cmd_list = {
    .name = "list",
    .args = "",
    .summary = "Show the host's domains",
    .shows = TRUE,
    .options = entries,
    .run = run_list,
};
