/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records in a real xenstored: that of the machine, the one whose socket is
 * named by XENSTORED_PATH, or one that is started for this. */
#include "config.h"

#include <stdio.h>
#include <unistd.h>
#include <xenstore.h>

#include "tests/unit/store-tests.h"
#include "xen/records.h"

/* One root a test process: tests run in children of their own. */
static char *
root(void)
{
    return g_strdup_printf("/tool/xenferry/check-%d", (int)getpid());
}

static void
remove_root(void)
{
    g_autofree char *path = root();
    struct xs_handle *xs = xs_open(0);

    if (xs) {
        xs_rm(xs, XBT_NULL, path);
        xs_close(xs);
    }
}

struct xf_store *
xf_test_store_open(gboolean again)
{
    g_autofree char *path = root();
    g_autoptr(GError) err = NULL;

    if (!again)
        atexit(remove_root);

    struct xf_store *store = xf_records_new(path, &err);

    ck_assert_msg(store != NULL, "%s", err ? err->message : "no error");
    return store;
}

static gboolean
xenstored_is_there(void)
{
    struct xs_handle *xs = xs_open(0);

    if (xs)
        xs_close(xs);
    return xs != NULL;
}

/* Begins anew under a xenstored of its own; returns when that fails. */
static void
start_under_xenstored(char *self)
{
    const char *srcdir = g_getenv("srcdir");
    g_autofree char *run = g_build_filename(srcdir ? srcdir : ".", "tests",
                                            "sim", "run-xenstored", NULL);

    if (g_getenv("XF_UNDER_XENSTORED"))
        return;
    g_setenv("XF_UNDER_XENSTORED", "1", TRUE);
    execl(run, run, self, NULL);
}

int
main(int argc, char **argv)
{
    if (!xenstored_is_there()) {
        start_under_xenstored(argv[0]);
        puts("1..0 # SKIP no xenstored here, and none could be started");
        return 0;
    }
    return xf_store_tests_main("records");
}
