/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every unit test program shares: its main(). */
#ifndef XF_TESTS_UNIT_COMMON_H
#define XF_TESTS_UNIT_COMMON_H

#include <arpa/inet.h>
#include <check.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* The ports of a test's process: what each is for. */
enum xf_unit_ports {
    XF_UNIT_PORT_A,             /* one host's channel, to come back on ... */
    XF_UNIT_PORT_B,             /* ... and the other's */
    XF_UNIT_PORT_RANGE,         /* two beside each other */
    XF_UNIT_PORT_RANGE_LAST,
    XF_UNIT_PORTS
};
#define XF_UNIT_PORT_FIRST 10240
#define XF_UNIT_PORT_SETS 5630
#define XF_UNIT_PORT_STRIDE 997

/* A port of 127.0.0.1 that nobody listens on.  Those that the kernel gives to
 * whoever asks for any (32768 and above) may be somebody else's the next
 * moment, and one that was chosen by chance may have been chosen by another
 * test: each process has a set of its own. */
static inline guint16
xf_unit_port(enum xf_unit_ports which)
{
    for (guint tries = 0; tries < XF_UNIT_PORT_SETS; tries++) {
        guint set = ((guint)getpid() + tries * XF_UNIT_PORT_STRIDE)
                    % XF_UNIT_PORT_SETS;
        guint16 port = XF_UNIT_PORT_FIRST + XF_UNIT_PORTS * set + which;
        struct sockaddr_in address = {
            .sin_family = AF_INET,
            .sin_port = htons(port),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int rc = bind(fd, (struct sockaddr *)&address, sizeof(address));

        close(fd);
        if (!rc)
            return port;
    }
    ck_abort_msg("no port is free");
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
