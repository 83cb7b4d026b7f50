/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a source says of its host, and what the destination makes of it. */
#include "config.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/hypervisor.h"
#include "tests/unit/common.h"
#include "xen/origin.h"

static struct xf_origin
read_origin(const char *text)
{
    struct xf_origin origin;
    g_autoptr(GError) err = NULL;

    ck_assert_msg(xf_origin_parse(text, &origin, &err), "%s: %s", text,
                  err ? err->message : "");
    return origin;
}

START_TEST(written_and_read)
{
    struct xf_origin origin = { .version = 4017007, .clock = 1790000000,
                                .has_cpu = TRUE };
    g_autofree char *text = NULL;
    struct xf_origin again;

    for (guint i = 0; i < XF_ORIGIN_CPU_WORDS; i++)
        origin.cpu[i] = 0xfedcba98u >> i;
    text = xf_origin_format(&origin);
    ck_assert_ptr_nonnull(strstr(text, "version=4017007 clock=1790000000 "
                                       "cpu=fedcba98,7f6e5d4c,"));
    ck_assert_uint_lt(strlen(text), XF_ORIGIN_MAX);
    again = read_origin(text);
    ck_assert_uint_eq(again.version, origin.version);
    ck_assert_int_eq(again.clock, origin.clock);
    ck_assert(again.has_cpu);
    ck_assert_mem_eq(again.cpu, origin.cpu, sizeof(origin.cpu));
}
END_TEST

START_TEST(nothing_told)
{
    struct xf_origin origin = { 0 };
    g_autofree char *text = xf_origin_format(&origin);

    ck_assert_str_eq(text, "");
    origin = read_origin(text);
    ck_assert(!origin.version && !origin.clock && !origin.has_cpu);
}
END_TEST

/* A newer source may say more, and know more words. */
START_TEST(more_is_passed_over)
{
    struct xf_origin origin =
        read_origin("tsc=2400000 version=4018000 "
                    "cpu=00000001,00000002,00000003,00000004,00000005,"
                    "00000006,00000007,00000008,00000009,0000000a,0000000b,"
                    "0000000c,zzz");

    ck_assert_uint_eq(origin.version, 4018000);
    ck_assert_uint_eq(origin.cpu[0], 1);
    ck_assert_uint_eq(origin.cpu[10], 11);
    origin = read_origin("cpu=80000000");
    ck_assert_uint_eq(origin.cpu[0], 0x80000000);
    ck_assert_uint_eq(origin.cpu[1], 0);
}
END_TEST

START_TEST(nonsense_is_refused)
{
    static const char *const texts[] = {
        "version=", "version=x", "version=-1", "version=99999999999999999999",
        "clock=", "clock=0", "clock=-5", "clock=1e9",
        "cpu=", "cpu=1", "cpu=123456789", "cpu=0000000g", "cpu=00000001,",
        "cpu=00000001,-0000001", "version=4017000 cpu=,",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) err = NULL;
        struct xf_origin origin;

        ck_assert_msg(!xf_origin_parse(texts[i], &origin, &err), "%s",
                      texts[i]);
        ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
        ck_assert_ptr_nonnull(strstr(err->message, "cannot be read"));
    }
}
END_TEST

/* -- comparing ------------------------------------------------------------- */

/* word NULL: the domain may go on. */
static const struct {
    const char *from, *here, *word;
} rows[] = {
    { "", "version=4017007 clock=1790000000 cpu=ffffffff", NULL },
    { "version=4017007", "", NULL },
    { "version=4017007", "version=4017005", NULL },
    { "version=4017005", "version=4018000", NULL },
    { "version=4018000", "version=4017005",
      "its Xen 4.17 is older than the source's 4.18, whose streams it does "
      "not know (bring it up to date first; --unsafe" },
    { "version=5000000", "version=4021000", "its Xen 4.21 is older than the "
      "source's 5.0" },
    { "clock=1790000000", "clock=1790000000", NULL },
    { "clock=1790000030", "clock=1790000000", NULL },
    { "clock=1790000031", "clock=1790000000", "its clock is 31 s behind the "
      "source's, and the guest's would go back (set the clocks" },
    { "clock=1790000000", "clock=1790000300", NULL },
    { "clock=1790000000", "clock=1790000301", "its clock is 301 s ahead of "
      "the source's" },
    { "cpu=00000001", "cpu=00000003", NULL },
    { "cpu=00000001", "version=4017000", NULL },
    { "cpu=00000000,06000000", "cpu=00000000,02000000",
      "been given and may use: xsave (start the guest without them" },
    { "cpu=00000000,00180000", "cpu=00000000,00000000", "sse4-1, sse4-2 (" },
    { "cpu=00000000,00000000,00000000,00000000,00000000,00010020",
      "cpu=00000000,00000000,00000000,00000000,00000000,00000020",
      "avx512f (" },
    { "cpu=ffffffff,ffffffff", "cpu=00000000,00000000",
      "fpu, vme, de, pse, tsc, msr, pae, mce, cx8, sep, mtrr, pge and " },
    /* APIC, HTT; X2APIC, OSXSAVE, HYPERVISOR; a bit without a name */
    { "cpu=10000200,88200000", "cpu=00000000,00000000", NULL },
    { "cpu=00000400", "cpu=00000000", NULL },
};

START_TEST(hosts_are_compared)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct xf_origin from = read_origin(rows[i].from);
        struct xf_origin here = read_origin(rows[i].here);
        g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);

        xf_origin_compare(&from, &here, problems);
        ck_assert_msg(problems->len == (rows[i].word ? 1 : 0),
                      "row %zu: %u problems", i, problems->len);
        if (rows[i].word)
            ck_assert_msg(strstr(problems->pdata[0], rows[i].word),
                          "row %zu: %s", i, (char *)problems->pdata[0]);
    }
}
END_TEST

START_TEST(all_of_it_is_said)
{
    struct xf_origin from = read_origin("version=4018000 clock=1790000000 "
                                        "cpu=00000001");
    struct xf_origin here = read_origin("version=4017000 clock=1780000000 "
                                        "cpu=00000000");
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);

    xf_origin_compare(&from, &here, problems);
    ck_assert_uint_eq(problems->len, 3);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        written_and_read,
        nothing_told,
        more_is_passed_over,
        nonsense_is_refused,
        hosts_are_compared,
        all_of_it_is_said,
        NULL
    };

    return xf_unit_main("origin", tests);
}
