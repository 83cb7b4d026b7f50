/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as domain XML: an error, or a configuration whose own XML gives
 * it again. */
#include "config.h"

#include <string.h>

#include "protocol/driver.h"
#include "tests/fuzz/fuzz.h"
#include "xen/config-json.h"
#include "xen/domxml.h"

static void
comes_back(const libxl_domain_config *config)
{
    g_autofree char *json = xf_config_json_write(config, NULL);
    g_autofree char *again_json = NULL;
    g_autoptr(GError) err = NULL;
    g_autofree char *xml = xf_domxml_format(config, -1, XF_XML_SECURE, &err);
    libxl_domain_config again;

    g_assert_no_error(err);
    g_assert_true(xf_domxml_parse(xml, &again, &err));
    again_json = xf_config_json_write(&again, NULL);
    g_assert_cmpstr(json, ==, again_json);
    libxl_domain_config_dispose(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup(size ? (const char *)data : "",
                                      size);
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;
    gboolean ok = xf_domxml_parse(text, &config, &err);

    g_assert_true(ok == (err == NULL));
    if (!ok) {
        g_assert_true(err->domain == XF_ERROR);
        g_assert_true(g_utf8_validate(err->message, -1, NULL));
        return 0;
    }
    comes_back(&config);
    libxl_domain_config_dispose(&config);
    return 0;
}
