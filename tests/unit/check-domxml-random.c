/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration -> XML -> configuration, over generated configurations: every
 * field of libxl's configuration that JSON can carry is filled now and then.
 * The seed is printed; XENFERRY_SEED takes one, XENFERRY_ROUNDS a number.
 */
#include "config.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "protocol/driver.h"
#include "tests/unit/common.h"
#include "tests/unit/random-config.h"
#include "xen/config-json.h"
#include "xen/domxml.h"

#define ROUNDS_DEFAULT 400

/* check's messages are short; what is compared is not. */
#define show_and_fail(...)                                                  \
    do {                                                                    \
        g_printerr(__VA_ARGS__);                                            \
        ck_abort_msg("see the log");                                        \
    } while (0)

static libxl_ctx *ctx;
static xentoollog_logger *logger;
static GRand *dice;

static void
set_up(void)
{
    const char *text = g_getenv("XENFERRY_SEED");
    guint32 seed = text ? (guint32)strtoul(text, NULL, 10)
                        : g_random_int();

    printf("# XENFERRY_SEED=%u\n", seed);
    fflush(stdout);
    dice = g_rand_new_with_seed(seed);
    logger = (xentoollog_logger *)xtl_createlogger_stdiostream(
        stderr, XTL_ERROR, 0);
    ck_assert_int_eq(libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, logger), 0);
}

static void
tear_down(void)
{
    libxl_ctx_free(ctx);
    xtl_logger_destroy(logger);
    g_rand_free(dice);
}

static guint
rounds(void)
{
    const char *text = g_getenv("XENFERRY_ROUNDS");

    return text ? (guint)strtoul(text, NULL, 10) : ROUNDS_DEFAULT;
}

static char *
to_json(libxl_domain_config *config)
{
    char *text = libxl_domain_config_to_json(ctx, config);
    char *copy = g_strdup(text);

    free(text);
    return copy;
}

/* By libxl's own reader, since the JSON of it differs between releases. */
static void
add_cpuid(libxl_domain_config *config)
{
    static const char *const features[] = {
        "sse3", "avx", "avx512f", "itsc", "vmx", "svm", "popcnt", "nx",
        "page1gb", "xsaveopt", "umip", "family", "stepping",
    };
    gint32 count = g_rand_int_range(dice, -3, 5);

    while (count-- > 0) {
        g_autofree char *text = g_strdup_printf(
            "%s=%c",
            features[g_rand_int_range(dice, 0, G_N_ELEMENTS(features))],
            "01xks"[g_rand_int_range(dice, 0, 5)]);

        /* not every one takes every value */
        libxl_cpuid_parse_config(&config->b_info.cpuid, text);
    }
}

/* A configuration as libxl takes it from the generated JSON; *json is what
 * it then says itself. */
static void
generate(libxl_domain_config *config, char **json)
{
    g_autofree char *text = xf_random_config(dice);

    libxl_domain_config_init(config);
    if (libxl_domain_config_from_json(ctx, config, text) != 0)
        show_and_fail("libxl does not take\n%s\n", text);
    add_cpuid(config);
    /* who has none gets another with each reading */
    if (libxl_uuid_is_nil(&config->c_info.uuid))
        config->c_info.uuid.uuid[0] = 1;
    *json = to_json(config);
}

static char *
format(libxl_domain_config *config, const char *json, guint flags)
{
    g_autoptr(GError) err = NULL;
    char *xml = xf_domxml_format(config, -1, flags, &err);

    if (!xml)
        show_and_fail("%s\n%s\n", err ? err->message : "no error", json);
    return xml;
}

static char *
parse(const char *xml)
{
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;
    char *json;

    if (!xf_domxml_parse(xml, &config, &err))
        show_and_fail("%s\n%s\n", err ? err->message : "no error", xml);
    json = to_json(&config);
    libxl_domain_config_dispose(&config);
    return json;
}

/* XML -> configuration -> XML gives the same text. */
static void
check_written_again(const char *xml)
{
    libxl_domain_config config;

    ck_assert(xf_domxml_parse(xml, &config, NULL));

    g_autofree char *again = format(&config, xml, XF_XML_SECURE);

    if (strcmp(xml, again) != 0)
        show_and_fail("%s\nwas written again as\n%s\n", xml, again);
    libxl_domain_config_dispose(&config);
}

START_TEST(configurations_come_back)
{
    for (guint i = 0; i < rounds(); i++) {
        libxl_domain_config config;
        g_autofree char *json = NULL;

        generate(&config, &json);

        g_autofree char *xml = format(&config, json, XF_XML_SECURE);
        g_autofree char *again = parse(xml);

        if (strcmp(json, again) != 0)
            show_and_fail("%s\nbecame\n%s\nby\n%s\n", json, again, xml);
        check_written_again(xml);
        libxl_domain_config_dispose(&config);
    }
}
END_TEST

/* Each value of a password is made up of this. */
START_TEST(secrets_stay_secret)
{
    guint with_secret = 0;

    for (guint i = 0; i < rounds(); i++) {
        libxl_domain_config config;
        g_autofree char *json = NULL;

        generate(&config, &json);

        g_autofree char *xml = format(&config, json, 0);

        if (strstr(json, XF_RANDOM_SECRET))
            with_secret++;
        if (strstr(xml, XF_RANDOM_SECRET))
            show_and_fail("told a secret: %s\n", xml);
        g_free(parse(xml));
        libxl_domain_config_dispose(&config);
    }
    ck_assert_uint_gt(with_secret, 0);
}
END_TEST

/* Long lists are read by pieces: around where those end. */
START_TEST(many_devices_come_back)
{
    static const int counts[] = { 31, 32, 33, 64, 65, 100 };

    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_autoptr(GString) xml = g_string_new(
            "<domain type='xen'><name>g</name><memory>65536</memory>"
            "<os><type>xenpvh</type><kernel>/k</kernel></os><devices>");
        g_autoptr(GError) err = NULL;
        libxl_domain_config config;

        for (int j = 0; j < counts[i]; j++)
            g_string_append_printf(
                xml, "<disk><source file='/srv/%d'/><target dev='d%dp0'/>"
                "</disk><interface type='bridge'><source bridge='br%d'/>"
                "</interface>", j, j, j);
        g_string_append(xml, "</devices></domain>");
        ck_assert_msg(xf_domxml_parse(xml->str, &config, &err), "%s",
                      err ? err->message : "");

        g_autofree char *json = to_json(&config);

        libxl_domain_config_dispose(&config);
        ck_assert_msg(xf_config_json_read(json, &config, &err), "%s",
                      err ? err->message : "");

        g_autofree char *again = to_json(&config);

        ck_assert_int_eq(config.num_disks, counts[i]);
        ck_assert_int_eq(config.num_nics, counts[i]);
        if (strcmp(json, again) != 0)
            show_and_fail("%s\nbecame\n%s\n", json, again);
        libxl_domain_config_dispose(&config);
    }
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        configurations_come_back,
        many_devices_come_back,
        secrets_stay_secret,
        NULL
    };

    return xf_unit_main_fixture("domxml-random", tests, set_up, tear_down);
}
