/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xenferry create */
#include "config.h"

#include "tools/commands.h"
#include "tools/networks.h"
#include "xen/domxml.h"

static struct {
    gboolean json;
    gboolean paused;
    gboolean verbose;
    gboolean given_away;
} options;

static const GOptionEntry entries[] = {
    { "paused", 0, 0, G_OPTION_ARG_NONE, &options.paused,
      "Do not let it run yet", NULL },
    { "given-away", 0, 0, G_OPTION_ARG_NONE, &options.given_away,
      "Even if it was given to another host, which may run it", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
      "Print a JSON object", NULL },
    { "verbose", 0, 0, G_OPTION_ARG_NONE, &options.verbose,
      "Say what in the XML has no effect", NULL },
    G_OPTION_ENTRY_NULL
};

/* Before anything is asked of the host: what it would refuse is refused here
 * in the same words. */
static gboolean
say_ignored(const char *xml, GError **err)
{
    g_autoptr(GPtrArray) ignored = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) networks = xf_networks_new();
    libxl_domain_config config;

    /* Which networks there are only the host knows. */
    if (!xf_networks_add(networks, XF_DOMXML_ANY_NETWORK, "any", "", err)
        || !xf_domxml_parse_on(xml, networks, ignored, &config, err))
        return FALSE;
    libxl_domain_config_dispose(&config);
    for (guint i = 0; i < ignored->len; i++)
        g_printerr("xenferry: no effect: %s\n",
                   (const char *)ignored->pdata[i]);
    return TRUE;
}

static void
report(const struct xf_domain_ref *dom)
{
    if (options.json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        xf_cli_add_int(builder, "id", dom->id);
        xf_cli_add_domain(builder, dom);
        json_builder_end_object(builder);
        xf_cli_print_json(builder);
    } else {
        g_autofree char *name = xf_cli_printable(dom->name);

        g_print("%s is %s, with id %d\n", name,
                options.paused ? "created, paused" : "running", dom->id);
    }
}

static enum xf_exit
run_create(struct xf_cli *cli, char **args)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *xml = xf_cli_read_file(args[0], NULL, &err);
    XF_AUTO(xf_domain_ref) *dom = NULL;
    XF_AUTO(xf_conn) *conn = NULL;

    if (!xml || (options.verbose && !say_ignored(xml, &err)))
        return xf_cli_fail(err);
    conn = xf_cli_connect(cli, cli->uri, &err);
    if (conn)
        dom = conn->driver->create_xml(
            conn, xml,
            (options.paused ? XF_CREATE_PAUSED : 0)
                | (options.given_away ? XF_CREATE_GIVEN_AWAY : 0),
            &err);
    if (!dom)
        return xf_cli_fail(err);
    report(dom);
    return XF_EXIT_OK;
}

const struct xf_command xf_cmd_create = {
    .name = "create",
    .args = "FILE.xml",
    .summary = "Start a domain from its XML (-: standard input)",
    .min_args = 1,
    .max_args = 1,
    .options = entries,
    .run = run_create,
};
