/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records in a real xenstored: that of the machine, or the one whose socket
 * is named by XENSTORED_PATH. */
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

int
main(void)
{
    struct xs_handle *xs = xs_open(0);

    if (!xs) {
        puts("1..0 # SKIP no xenstored here");
        return 0;
    }
    xs_close(xs);
    return xf_store_tests_main("records");
}
