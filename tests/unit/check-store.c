/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store in memory. */
#include "config.h"

#include "tests/unit/store-tests.h"

struct xf_store *
xf_test_store_open(gboolean again)
{
    return again ? NULL : xf_store_memory_new();
}

int
main(void)
{
    return xf_store_tests_main("store", NULL);
}
