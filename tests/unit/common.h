/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every unit test program shares: its main(). */
#ifndef XF_TESTS_UNIT_COMMON_H
#define XF_TESTS_UNIT_COMMON_H

#include <check.h>
#include <glib.h>
#include <stdlib.h>

/* `tests` is a NULL-terminated list of TFun; run, print TAP, exit code.
 * set_up and tear_down (may be NULL) run around each of them. */
static inline int
xf_unit_main_fixture(const char *name, const TTest *const *tests,
                     void (*set_up)(void), void (*tear_down)(void))
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_ENV);

    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int
xf_unit_main(const char *name, const TTest *const *tests)
{
    return xf_unit_main_fixture(name, tests, NULL, NULL);
}

#endif
