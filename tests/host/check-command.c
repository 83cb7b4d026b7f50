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

/* -- options that cannot be had together -- */

static const struct {
    const char *options, *says;
} refusals[] = {
    { "--direct --dname x", "--direct cannot have --dname" },
    { "--direct --bandwidth 8", "--direct cannot have --bandwidth" },
    { "--direct --uri tcp://x", "--direct cannot have --uri" },
    { "--direct --protocol v3", "--direct cannot have --protocol" },
    { "--direct --persistent", "--direct cannot have --persistent" },
    { "--direct --persistent-xml /dev/null",
      "--direct cannot have --persistent-xml" },
    { "--direct --offline", "--direct cannot have --offline" },
    { "--direct --tunnelled", "--direct cannot have --tunnelled" },
    { "--direct --p2p", "--direct cannot have --p2p" },
    { "--p2p --protocol v3", "--p2p cannot have --protocol" },
    { "--tunnelled", "give --p2p as well" },
    { "--p2p --tunnelled --uri tcp://x", "--tunnelled cannot have --uri" },
    { "--offline --persistent --p2p --tunnelled",
      "--offline cannot have --tunnelled" },
    { "--offline --persistent --uri tcp://x", "--offline cannot have --uri" },
    { "--offline --persistent --bandwidth 8",
      "--offline cannot have --bandwidth" },
    { "--offline --persistent --paused", "--offline cannot have --paused" },
    { "--offline", "--offline needs --persistent" },
    { "--persistent-xml /dev/null", "--persistent-xml needs --persistent" },
};

START_TEST(refuses_what_it_cannot_honour)
{
    guest(&host_a);
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *out = NULL;
        int status = migrate(refusals[i].options, &out);

        ck_assert_msg(status == 2 && strstr(out, refusals[i].says),
                      "%s: exit status %d: %s", refusals[i].options, status,
                      out);
    }
    runs_on(&host_a, "g");
    no_domain(&host_b);
    all_is_well();
}
END_TEST

/* -- a source that has only the old protocols -- */

static void
offer(const char *protocols)
{
    g_autofree char *lines = g_strdup_printf("[daemon]\nprotocols = %s\n",
                                             protocols);

    host_stop(&host_a);
    host_a.conf = lines;
    host_start(&host_a);
    host_a.conf = NULL;
}

static const char *const old_lists[] = { "v1,p2p", "v2,p2p", "v1,v2,p2p" };

START_TEST(p2p_of_an_old_source)
{
    offer(old_lists[_i]);
    guest(&host_a);
    must_migrate("--live --p2p --bandwidth 100");
    all_is_well();
}
END_TEST

/* What the old Perform has no place for is not dropped. */
static const struct {
    const char *options, *says;
} old_refusals[] = {
    { "--p2p --uri tcp://127.0.0.1", "migration uri" },
    { "--p2p --xml /dev/null", "an XML of its own" },
    { "--p2p --persistent --persistent-xml /dev/null", "to be stored" },
};

START_TEST(what_an_old_source_cannot)
{
    offer("v1,v2,p2p");
    guest(&host_a);
    for (gsize i = 0; i < G_N_ELEMENTS(old_refusals); i++) {
        g_autofree char *out = NULL;
        int status = migrate(old_refusals[i].options, &out);

        ck_assert_msg(status == 1 && strstr(out, old_refusals[i].says),
                      "%s: exit status %d: %s", old_refusals[i].options,
                      status, out);
    }
    runs_on(&host_a, "g");
    no_domain(&host_b);
    all_is_well();
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { guest_ends_meanwhile, G_N_ELEMENTS(ends) },
        { refuses_what_it_cannot_honour, 1 },
        { p2p_of_an_old_source, G_N_ELEMENTS(old_lists) },
        { what_an_old_source_cannot, 1 },
        { NULL, 0 },
    };

    return host_tests_main("command", tests);
}
