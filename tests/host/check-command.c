/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our own command line and two daemons: what it says and how it exits.
 */
#include "config.h"

#include "tests/host/hosts.h"

#include <string.h>

#define CLI TOP_BUILDDIR "/xenferry"

/* xenferry migrate with these options, split at blanks, of "g" from host-a to
 * host-b; its exit status. */
static int
migrate(const char *options, char **out)
{
    g_auto(GStrv) words = g_strsplit(options, " ", -1);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();

    g_ptr_array_add(argv, (char *)CLI);
    g_ptr_array_add(argv, (char *)"-c");
    g_ptr_array_add(argv, host_a.uri);
    g_ptr_array_add(argv, (char *)"migrate");
    g_ptr_array_add(argv, (char *)"g");
    g_ptr_array_add(argv, host_b.tcp_uri);
    for (char **word = words; *word; word++)
        if (**word)
            g_ptr_array_add(argv, *word);
    g_ptr_array_add(argv, NULL);
    return run_program((const char *const *)argv->pdata, out);
}

static void
must_migrate(const char *options)
{
    g_autofree char *out = NULL;
    int status = migrate(options, &out);

    ck_assert_msg(status == 0, "%s: exit status %d: %s", options, status,
                  out);
    runs_on(&host_b, "g");
    empty(&host_a);
}

/* -- the guest ends while it is sent -- */

static const struct {
    const char *how, *options;
} ends[] = {
    { "powers-off", "--live" },
    { "crashes", "--live" },
    { "powers-off", "--live --p2p" },
    { "crashes", "--live --p2p" },
    { "powers-off", "--live --protocol v1" },
    { "powers-off", "--live --protocol v2" },
};

START_TEST(guest_ends_meanwhile)
{
    g_autofree char *out = NULL;
    int status;

    guest(&host_a);
    fault(&host_a, "guest", ends[_i].how);
    status = migrate(ends[_i].options, &out);
    ck_assert_msg(status == 1, "exit status %d: %s", status, out);
    ck_assert_msg(strstr(out, "g has ended by itself meanwhile") != NULL,
                  "%s", out);
    ck_assert_msg(strstr(out, "resolve") == NULL, "%s", out);
    empty(&host_a);
    empty(&host_b);
    fault(&host_a, "guest", NULL);
    guest(&host_a);
    must_migrate(ends[_i].options);
    all_is_well();
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { guest_ends_meanwhile, G_N_ELEMENTS(ends) },
        { NULL, 0 },
    };

    return host_tests_main("command", tests);
}
