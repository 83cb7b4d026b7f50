/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>

#include "tests/unit/domxml-common.h"

char *
config_json(libxl_domain_config *config)
{
    char *text = libxl_domain_config_to_json(NULL, config);
    char *copy = g_strdup(text);

    ck_assert_ptr_nonnull(text);
    free(text);
    return copy;
}

char *
parse(const char *name, const char *xml)
{
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;
    char *json;

    ck_assert_msg(xf_domxml_parse(xml, &config, &err), "%s: %s", name,
                  err ? err->message : "no error set");
    json = config_json(&config);
    libxl_domain_config_dispose(&config);
    return json;
}

char *
reformat(const char *name, const char *xml, int domid, guint flags)
{
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;
    char *text;

    ck_assert_msg(xf_domxml_parse(xml, &config, &err), "%s: %s", name,
                  err ? err->message : "no error set");
    text = xf_domxml_format(&config, domid, flags, &err);
    ck_assert_msg(text != NULL, "%s: %s", name,
                  err ? err->message : "no error set");
    libxl_domain_config_dispose(&config);
    return text;
}
