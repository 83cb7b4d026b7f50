/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records in a real xenstored: that of the machine, the one whose socket is
 * named by XENSTORED_PATH, or one that is started for this. */
#include "config.h"

#include <stdio.h>
#include <string.h>
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

static const char *const removed[] = { "", "/name", "/blob_" };

/* Somebody removes the record, or a part of it, behind the back of who writes
 * it: what is written next is whole, and the one after that, too. */
START_TEST(removed_by_somebody)
{
    static const char token[] = "00112233445566778899aabbccddeeff";
    struct xf_store *store = xf_test_store_open(FALSE);
    struct xs_handle *xs = xs_open(0);
    g_autofree char *dir = root();
    g_autofree char *big = g_strnfill(5000, 'b');

    for (gsize i = 0; i < G_N_ELEMENTS(removed); i++) {
        g_autofree char *path = g_strdup_printf("%s/ff/%s%s", dir, token,
                                                removed[i]);

        for (int turn = 0; turn < 3; turn++) {
            g_autoptr(GHashTable) fields = xf_store_fields_new();
            g_autofree char *state = g_strdup_printf("%d", turn);

            g_hash_table_insert(fields, g_strdup("state"),
                                g_bytes_new(state, strlen(state)));
            g_hash_table_insert(fields, g_strdup("name"),
                                g_bytes_new("guest", 5));
            g_hash_table_insert(fields, g_strdup("blob"),
                                g_bytes_new(big, 5000));
            ck_assert(store->ops->write(store, token, fields, NULL));

            g_autoptr(GHashTable) back = store->ops->read(store, token, NULL);

            ck_assert_ptr_nonnull(back);
            ck_assert_msg(g_hash_table_size(back) == 3, "%s: %d",
                          removed[i], turn);
            if (turn == 0)
                ck_assert(xs_rm(xs, XBT_NULL, path));
        }
    }
    xs_close(xs);
    store->ops->free(store);
}
END_TEST

int
main(int argc, char **argv)
{
    const TTest *const more[] = { removed_by_somebody, NULL };


    if (!xenstored_is_there()) {
        start_under_xenstored(argv[0]);
        puts("1..0 # SKIP no xenstored here, and none could be started");
        return 0;
    }
    return xf_store_tests_main("records", more);
}
