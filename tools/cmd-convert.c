/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xenferry convert */
#include "config.h"

#include "tools/commands.h"
#include "tools/networks.h"
#include "xen/convert.h"

#include <string.h>

static struct {
    char *from;
    char *to;
    gboolean verbose;
    char **networks;
} options;

static const GOptionEntry entries[] = {
    { "from", 0, 0, G_OPTION_ARG_STRING, &options.from,
      "The form that is read", "FORM" },
    { "to", 0, 0, G_OPTION_ARG_STRING, &options.to,
      "The form that is written", "FORM" },
    { "verbose", 0, 0, G_OPTION_ARG_NONE, &options.verbose,
      "Tell what is left out because it changes nothing", NULL },
    { "network", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.networks,
      "The bridge of a libvirt network; may be given again", "NAME=BRIDGE" },
    G_OPTION_ENTRY_NULL
};

static gboolean
read_form(const char *option, const char *name, enum xf_form *form)
{
    g_autoptr(GError) err = NULL;

    if (!name)
        xf_cli_error("convert: %s is missing; see \"xenferry convert "
                     "--help\"", option);
    else if (!xf_form_from_name(name, form, &err))
        xf_cli_error("convert: %s: %s", option, err->message);
    else
        return TRUE;
    return FALSE;
}

static gboolean
read_networks(GHashTable *networks)
{
    g_autoptr(GError) err = NULL;

    for (char **at = options.networks; at && *at; at++)
        if (!xf_networks_add_option(networks, *at, "--network", &err)) {
            xf_cli_error("convert: %s", err->message);
            return FALSE;
        }
    return TRUE;
}

static enum xf_exit
run_convert(struct xf_cli *cli, char **args)
{
    const char *file = args[0] ? args[0] : "-";
    const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) networks = xf_networks_new();
    const struct xf_convert_how how = { notes, networks };
    g_autoptr(GError) err = NULL;
    g_autofree char *text = NULL;
    g_autofree char *result = NULL;
    enum xf_form from, to;
    gsize length;

    if (!read_form("--from", options.from, &from)
        || !read_form("--to", options.to, &to)
        || !read_networks(networks))
        return XF_EXIT_USAGE;
    text = xf_cli_read_file(file, &length, &err);
    if (text)
        result = xf_convert(text, length, name, from, to, &how, &err);
    if (!result)
        return xf_cli_fail(err);
    for (guint i = 0; options.verbose && i < notes->len; i++)
        xf_cli_error("%s: no effect: %s", name,
                     (char *)notes->pdata[i]);
    g_print("%s", result);
    return XF_EXIT_OK;
}

const struct xf_command xf_cmd_convert = {
    .name = "convert",
    .args = "[FILE]",
    .summary = "Write a domain's configuration in another form",
    .details = "FORM is xml (libvirt's domain XML), xl (xl.cfg(5)) or json "
               "(libxl's JSON).\n"
               "FILE is standard input without it or when it is '-'. Needs "
               "neither a daemon nor Xen.",
    .min_args = 0,
    .max_args = 1,
    .shows = TRUE,
    .options = entries,
    .run = run_convert,
};
