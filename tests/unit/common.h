/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every unit test program shares: its main(). */
#ifndef XF_TESTS_UNIT_COMMON_H
#define XF_TESTS_UNIT_COMMON_H

#include <check.h>
#include <glib.h>
#include <stdlib.h>

/* Seconds that one test may take, unless it says another number. */
#define XF_UNIT_TIMEOUT 60

/* A test, and how often it runs: its `_i` counts from 0. */
struct xf_unit_test {
    const TTest *test;
    int runs;
};

/* What a test in a program needs of the machine: without it nothing would be
 * shown, so that is a failure.  (A program that can show nothing at all prints
 * "1..0 # SKIP" instead; tools/check counts that as a failure, too.) */
static inline void
xf_unit_need(gboolean there, const char *what)
{
    ck_assert_msg(there, "this machine lacks %s; tools/install-deps test "
                  "installs what the tests need", what);
}

static inline void
xf_unit_need_program(const char *name)
{
    g_autofree char *path = g_find_program_in_path(name);

    xf_unit_need(path != NULL, name);
}

static inline int
xf_unit_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_ENV);

    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* `tests` ends with one without a test; run, print TAP, exit code.  set_up
 * and tear_down (may be NULL) run around each run of each, in its process. */
static inline int
xf_unit_main_rows(const char *name, const struct xf_unit_test *tests,
                  int timeout, void (*set_up)(void), void (*tear_down)(void))
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, timeout);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (; tests->test; tests++)
        tcase_add_loop_test(tcase, tests->test, 0, tests->runs);
    suite_add_tcase(suite, tcase);
    return xf_unit_run(suite);
}

/* The same for a NULL-terminated list of tests that run once each. */
static inline int
xf_unit_main_fixture(const char *name, const TTest *const *tests,
                     void (*set_up)(void), void (*tear_down)(void))
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, XF_UNIT_TIMEOUT);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    suite_add_tcase(suite, tcase);
    return xf_unit_run(suite);
}

static inline int
xf_unit_main(const char *name, const TTest *const *tests)
{
    return xf_unit_main_fixture(name, tests, NULL, NULL);
}

#endif
