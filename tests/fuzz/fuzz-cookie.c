/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a cookie: an error, or something that survives being written
 * and read again. */
#include "config.h"

#include "protocol/cookie.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_cookie) *cookie = xf_cookie_parse(bytes, &err);

    g_assert((cookie != NULL) != (err != NULL));
    if (!cookie) {
        g_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
        g_assert(g_utf8_validate(err->message, -1, NULL));
        return 0;
    }

    g_autoptr(GBytes) written = xf_cookie_format(cookie);
    XF_AUTO(xf_cookie) *again = xf_cookie_parse(written, &err);

    g_assert_no_error(err);

    g_autoptr(GBytes) rewritten = xf_cookie_format(again);

    g_assert(g_bytes_equal(written, rewritten));
    return 0;
}
