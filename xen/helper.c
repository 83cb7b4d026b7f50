/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib.h>
#include <unistd.h>

#include "xen/helper.h"

#define OURS PKGLIBEXECDIR "/save-helper"
#define LIBXL_ENV "LIBXL_SAVE_HELPER"

/* Where distributions put it; %s: the version. */
static char *
find_theirs(int major, int minor)
{
    static const char *const places[] = {
        "/usr/lib/xen-%s/bin",
        "/usr/libexec/xen-%s/bin",
        "/usr/libexec/xen/bin",
        "/usr/lib/xen/bin",
        "/usr/lib64/xen/bin",
        "/usr/local/lib/xen/bin",
    };
    g_autofree char *version = g_strdup_printf("%d.%d", major, minor);

    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autoptr(GString) path = g_string_new(places[i]);

        g_string_replace(path, "%s", version, 1);
        g_string_append(path, "/libxl-save-helper");
        if (access(path->str, X_OK) == 0)
            return g_strdup(path->str);
    }
    return NULL;
}

void
xf_helper_install(int major, int minor)
{
    const char *set = g_getenv(LIBXL_ENV);
    g_autofree char *theirs = NULL;

    if (g_strcmp0(set, OURS) == 0)
        return;                 /* by us, before */
    theirs = set ? g_strdup(set) : find_theirs(major, minor);
    if (!theirs || access(OURS, X_OK) != 0) {
        g_message("%s is not there: a guest may be left slower by a failed "
                  "migration, and an incoming one outlive this daemon",
                  theirs ? OURS : "libxl-save-helper");
        return;
    }
    g_setenv(XF_HELPER_ENV, theirs, TRUE);
    g_setenv(LIBXL_ENV, OURS, TRUE);
}

gboolean
xf_helper_is_there(void)
{
    const char *ours = g_getenv(LIBXL_ENV);
    const char *theirs = g_getenv(XF_HELPER_ENV);

    if (g_strcmp0(ours, OURS) != 0)
        theirs = ours;
    return !theirs || access(theirs, X_OK) == 0;
}

gboolean
xf_helper_has_device_model(void)
{
    /* Debian's; those of Xen's own build, old and new */
    static const char *const places[] = {
        "/usr/libexec/xen-qemu-system-i386",
        "/usr/lib/xen/bin/qemu-system-i386",
        "/usr/libexec/xen/bin/qemu-system-i386",
        "/usr/local/lib/xen/bin/qemu-system-i386",
        "/usr/local/libexec/xen/bin/qemu-system-i386",
        "/usr/lib64/xen/bin/qemu-system-i386",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(places); i++)
        if (access(places[i], X_OK) == 0)
            return TRUE;

    /* as with --with-system-qemu */
    g_autofree char *found = g_find_program_in_path("qemu-system-i386");

    return found != NULL;
}
