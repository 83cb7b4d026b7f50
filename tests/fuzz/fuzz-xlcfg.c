/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as one of xl's configuration files: an error, or a configuration
 * that can be written, or cannot for a reason that is told. */
#include "config.h"

#include <string.h>

#include "protocol/error.h"
#include "tests/fuzz/fuzz.h"
#include "xen/convert.h"
#include "xen/xlcfg.h"

static void
is_told(const GError *err)
{
    g_assert_true(err->domain == XF_ERROR);
    g_assert_true(g_utf8_validate(err->message, -1, NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size ? (const char *)data : "";
    g_autoptr(GError) err = NULL;
    g_autofree char *xl = xf_convert(text, size, "fuzz", XF_FORM_XL,
                                     XF_FORM_XL, NULL, &err);

    if (err)
        is_told(err);
    g_assert_true((xl != NULL) == (err == NULL));
    if (xl) {
        g_autofree char *again = xf_convert(xl, strlen(xl), "again",
                                            XF_FORM_XL, XF_FORM_XL, NULL,
                                            &err);

        g_assert_no_error(err);
        g_assert_cmpstr(xl, ==, again);
    }
    return 0;
}
