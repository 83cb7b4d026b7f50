/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/error.h"

G_DEFINE_QUARK(xf-error-quark, xf_error)

/* Our code -> virErrorNumber (numbers are part of libvirt's wire format and
 * never change).  The first row of a number is what it is read back as. */
static const struct {
    enum xf_error_code code;
    int libvirt;
} numbers[] = {
    { XF_ERROR_INTERNAL, 1 },
    { XF_ERROR_NO_SUPPORT, 3 },
    { XF_ERROR_NO_CONNECT, 5 },
    { XF_ERROR_INVALID_ARG, 8 },
    { XF_ERROR_OPERATION_FAILED, 9 },
    { XF_ERROR_XML, 27 },
    { XF_ERROR_DOM_EXIST, 28 },
    { XF_ERROR_DENIED, 29 },
    { XF_ERROR_SYSTEM, 38 },
    { XF_ERROR_RPC, 39 },
    { XF_ERROR_NO_DOMAIN, 42 },
    { XF_ERROR_OPERATION_INVALID, 55 },
    { XF_ERROR_CONFIG_UNSUPPORTED, 67 },
    { XF_ERROR_TIMEOUT, 68 },
    { XF_ERROR_ARG_UNSUPPORTED, 74 },
    { XF_ERROR_ABORTED, 78 },
    { XF_ERROR_UNSUPPORTED, 84 },
    { XF_ERROR_BUSY, 87 },
    { XF_ERROR_FINISH_OK, 93 },
    { XF_ERROR_IN_DOUBT, 68 },
    { XF_ERROR_REMOTE, 1 },
};

int
xf_error_to_libvirt(const GError *err)
{
    if (err->domain != XF_ERROR)
        return 1;
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        if ((int)numbers[i].code == err->code)
            return numbers[i].libvirt;
    return 1;
}

enum xf_error_code
xf_error_from_libvirt(int number)
{
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        if (numbers[i].libvirt == number)
            return numbers[i].code;
    return XF_ERROR_REMOTE;
}

void
xf_error_set_errno(GError **err, int errnum, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM, "%s: %s", what,
                g_strerror(errnum));
}
