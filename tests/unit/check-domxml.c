/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML <-> libxl configuration, by pairs of files: NAME.xml and the
 * libxl JSON that it means, NAME.json.  With XENFERRY_WRITE_EXPECTED set the
 * .json files are written instead: read the difference before you commit it.
 */
#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "protocol/driver.h"
#include "tests/unit/common.h"
#include "xen/domxml.h"

#define DATA_DIR TEST_DATA_DIR "/domxml"

/* -- documents and configurations ------------------------------------------ */

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names without their ending, in order. */
static GPtrArray *
documents(void)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) err = NULL;
    g_autoptr(GDir) dir = g_dir_open(DATA_DIR, 0, &err);
    const char *name;

    ck_assert_msg(dir != NULL, "%s", err ? err->message : "");
    while ((name = g_dir_read_name(dir)))
        if (g_str_has_suffix(name, ".xml"))
            g_ptr_array_add(names, g_strndup(name, strlen(name) - 4));
    g_ptr_array_sort(names, by_name);
    return names;
}

static char *
data_path(const char *name, const char *ending)
{
    return g_strconcat(DATA_DIR, "/", name, ending, NULL);
}

static char *
read_file(const char *path)
{
    g_autoptr(GError) err = NULL;
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, &err);
    ck_assert_msg(text != NULL, "%s", err ? err->message : "");
    return text;
}

/* libxl's own text of it */
static char *
config_json(libxl_domain_config *config)
{
    char *text = libxl_domain_config_to_json(NULL, config);
    char *copy = g_strdup(text);

    ck_assert_ptr_nonnull(text);
    free(text);
    return copy;
}

/* The JSON of `xml`; the test fails when it is refused. */
static char *
parse(const char *name, const char *xml)
{
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;
    char *json;

    ck_assert_msg(xf_domxml_parse(xml, &config, &err), "%s: %s", name,
                  err ? err->message : "no error set");
    json = config_json(&config);
    libxl_domain_config_dispose(&config);
    return json;
}

static char *
reformat(const char *name, const char *xml, int domid, guint flags)
{
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;
    char *text;

    ck_assert_msg(xf_domxml_parse(xml, &config, &err), "%s: %s", name,
                  err ? err->message : "no error set");
    text = xf_domxml_format(&config, domid, flags, &err);
    ck_assert_msg(text != NULL, "%s: %s", name,
                  err ? err->message : "no error set");
    libxl_domain_config_dispose(&config);
    return text;
}

/* -- the pairs ------------------------------------------------------------- */

START_TEST(documents_mean_their_json)
{
    gboolean writing = g_getenv("XENFERRY_WRITE_EXPECTED") != NULL;
    g_autoptr(GPtrArray) names = documents();

    ck_assert_int_ge(names->len, 30);
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        g_autofree char *xml_path = data_path(name, ".xml");
        g_autofree char *json_path = data_path(name, ".json");
        g_autofree char *xml = read_file(xml_path);
        g_autofree char *json = parse(name, xml);

        if (writing) {
            ck_assert(g_file_set_contents(json_path, json, -1, NULL));
            continue;
        }

        g_autofree char *expected = read_file(json_path);

        ck_assert_msg(strcmp(json, expected) == 0, "%s means\n%s", name,
                      json);
    }
}
END_TEST

START_TEST(documents_come_back)
{
    g_autoptr(GPtrArray) names = documents();

    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        g_autofree char *path = data_path(name, ".xml");
        g_autofree char *xml = read_file(path);
        g_autofree char *json = parse(name, xml);
        g_autofree char *again = reformat(name, xml, -1, XF_XML_SECURE);
        g_autofree char *json_again = parse(name, again);
        g_autofree char *third = reformat(name, again, -1, XF_XML_SECURE);

        ck_assert_msg(strcmp(json, json_again) == 0,
                      "%s: became\n%s\nwhich means\n%s", name, again,
                      json_again);
        ck_assert_msg(strcmp(again, third) == 0,
                      "%s: written\n%s\nthen\n%s", name, again, third);
    }
}
END_TEST

/* What was read from plain XML needs no residual to be written again, but
 * for those whose name says so. */
START_TEST(plain_xml_needs_no_residual)
{
    g_autoptr(GPtrArray) names = documents();

    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        g_autofree char *path = data_path(name, ".xml");
        g_autofree char *xml = read_file(path);
        g_autofree char *again = reformat(name, xml, -1, XF_XML_SECURE);

        ck_assert_msg(!strstr(again, XF_DOMXML_NS)
                      == !g_str_has_prefix(name, "residual-"),
                      "%s: became\n%s", name, again);
    }
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        documents_mean_their_json,
        documents_come_back,
        plain_xml_needs_no_residual,
        NULL
    };

    return xf_unit_main("domxml", tests);
}
