/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every store must pass, whatever it keeps its records in. */
#ifndef XF_TESTS_UNIT_STORE_TESTS_H
#define XF_TESTS_UNIT_STORE_TESTS_H

#include "protocol/store.h"
#include "tests/unit/common.h"

/* Given by the program: opens an empty store.  A second call in the same
 * test opens the same store again when `again`, and returns NULL when the
 * backend dies with its handle. */
struct xf_store *xf_test_store_open(gboolean again);

/* The program's main(): runs them all, and the program's own (NULL: none),
 * whose array ends in NULL. */
int xf_store_tests_main(const char *name, const TTest *const *more);

#endif
