/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML <-> libxl configuration, by pairs of files: NAME.xml and the
 * libxl JSON that it means, NAME.json; NAME.ignored has what of it has no
 * effect, where there is such.  With XENFERRY_WRITE_EXPECTED set these two
 * are written instead: read the difference before you commit it.
 */
#include "config.h"

#include <json-glib/json-glib.h>
#include <libxml/relaxng.h>
#include <string.h>

#include "protocol/driver.h"
#include "tests/unit/domxml-common.h"
#include "xen/domxml.h"

#define DATA_DIR TEST_DATA_DIR "/domxml"
/* From xl's guests: libxl's JSON, and the XML that describes them. */
#define XL_DIR TEST_DATA_DIR "/domxml-xl"
#define LIBVIRT_SCHEMA "/usr/share/libvirt/schemas/domain.rng"

/* -- documents and configurations ------------------------------------------ */

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names without their ending, in order. */
static GPtrArray *
names_in(const char *folder, const char *ending)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) err = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &err);
    const char *name;

    ck_assert_msg(dir != NULL, "%s", err ? err->message : "");
    while ((name = g_dir_read_name(dir)))
        if (g_str_has_suffix(name, ending))
            g_ptr_array_add(names, g_strndup(name, strlen(name)
                                                   - strlen(ending)));
    g_ptr_array_sort(names, by_name);
    return names;
}

static GPtrArray *
documents(void)
{
    return names_in(DATA_DIR, ".xml");
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

/* -- the pairs ------------------------------------------------------------- */

START_TEST(documents_mean_their_json)
{
    gboolean writing = g_getenv("XENFERRY_WRITE_EXPECTED") != NULL;
    g_autoptr(GPtrArray) names = documents();

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

/* Small ones, and whole guests. */
START_TEST(there_are_enough_documents)
{
    g_autoptr(GPtrArray) names = documents();
    guint guests = 0;

    for (guint i = 0; i < names->len; i++)
        guests += strstr(names->pdata[i], "guest-") != NULL;
    ck_assert_uint_ge(names->len - guests, 80);
    ck_assert_uint_ge(guests, 12);
}
END_TEST

/* One line for each thing that has no effect; empty when all has. */
static char *
ignored_in(const char *name, const char *xml)
{
    g_autoptr(GPtrArray) ignored = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;

    ck_assert_msg(xf_domxml_parse_on(xml, NULL, ignored, &config, &err),
                  "%s: %s", name, err ? err->message : "no error set");
    libxl_domain_config_dispose(&config);
    for (guint i = 0; i < ignored->len; i++)
        g_string_append_printf(text, "%s\n", (char *)ignored->pdata[i]);
    return g_strdup(text->str);
}

START_TEST(documents_have_no_effect_where_said)
{
    gboolean writing = g_getenv("XENFERRY_WRITE_EXPECTED") != NULL;
    g_autoptr(GPtrArray) names = documents();

    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        g_autofree char *xml_path = data_path(name, ".xml");
        g_autofree char *path = data_path(name, ".ignored");
        g_autofree char *xml = read_file(xml_path);
        g_autofree char *ignored = ignored_in(name, xml);
        g_autofree char *expected = NULL;

        if (writing && *ignored)
            ck_assert(g_file_set_contents(path, ignored, -1, NULL));
        if (!g_file_get_contents(path, &expected, NULL, NULL))
            expected = g_strdup("");
        ck_assert_msg(strcmp(ignored, expected) == 0,
                      "%s: without effect are\n%s", name, ignored);
    }
}
END_TEST

/* -- networks of the host -------------------------------------------------- */

#define NETWORKED                                                           \
    "<domain type='xen'><name>g</name><memory>65536</memory>"               \
    "<os><type>xenpvh</type><kernel>/k</kernel></os><devices>"              \
    "<interface type='network'><source network='lan'/></interface>\n"       \
    "<interface type='network'><source network='dmz' bridge='old'/>"        \
    "</interface>\n"                                                        \
    "<interface type='bridge'><source bridge='own' network='lan'/>"         \
    "</interface></devices></domain>"

static GHashTable *
networks(const char *name, const char *bridge)
{
    GHashTable *table = g_hash_table_new(g_str_hash, g_str_equal);

    g_hash_table_insert(table, (void *)name, (void *)bridge);
    return table;
}

static void
expect_bridges(const char *xml, GHashTable *table, const char *lan,
               const char *dmz)
{
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;

    ck_assert_msg(xf_domxml_parse_on(xml, table, NULL, &config, &err), "%s",
                  err ? err->message : "");
    ck_assert_int_eq(config.num_nics, 3);
    ck_assert_str_eq(config.nics[0].bridge, lan);
    ck_assert_str_eq(config.nics[1].bridge, dmz);
    ck_assert_str_eq(config.nics[2].bridge, "own");
    libxl_domain_config_dispose(&config);
}

START_TEST(networks_are_the_hosts)
{
    g_autoptr(GHashTable) one = networks("lan", "br1");
    g_autoptr(GHashTable) any = networks(XF_DOMXML_ANY_NETWORK, "br2");
    g_autoptr(GHashTable) other = networks("wan", "br3");
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;

    expect_bridges(NETWORKED, one, "br1", "old");
    expect_bridges(NETWORKED, any, "br2", "br2");
    ck_assert(!xf_domxml_parse_on(NETWORKED, other, NULL, &config, &err));
    ck_assert_msg(strstr(err->message, "network 'lan'"), "%s", err->message);
}
END_TEST

/* What is kept says the bridge to who has no table, and the network to the
 * next host, which has another one. */
START_TEST(networks_are_kept_with_their_bridges)
{
    g_autoptr(GHashTable) one = networks("lan", "br1");
    g_autoptr(GHashTable) next = networks("lan", "br7");
    g_autoptr(GHashTable) none = networks("wan", "br3");
    g_autoptr(GError) err = NULL;
    g_autofree char *kept = xf_domxml_name_bridges(NETWORKED, one, &err);
    g_autofree char *moved = xf_domxml_name_bridges(kept, next, &err);
    g_autofree char *same = xf_domxml_name_bridges(NETWORKED, none, &err);
    g_autofree char *plain = xf_domxml_name_bridges(NETWORKED, NULL, &err);

    ck_assert_ptr_null(err);
    expect_bridges(kept, NULL, "br1", "old");
    expect_bridges(kept, next, "br7", "old");
    expect_bridges(moved, NULL, "br7", "old");
    ck_assert_str_eq(same, NETWORKED);
    ck_assert_str_eq(plain, NETWORKED);
    ck_assert_ptr_null(xf_domxml_name_bridges("<domain>", one, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_XML));
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

/* -- what is written ------------------------------------------------------- */

static void
check_schema(xmlRelaxNGValidCtxt *schema, const char *name, const char *xml)
{
    xmlDoc *doc = xmlReadMemory(xml, strlen(xml), NULL, NULL, 0);

    ck_assert_ptr_nonnull(doc);
    ck_assert_msg(xmlRelaxNGValidateDoc(schema, doc) == 0,
                  "%s: libvirt's schema does not allow\n%s", name, xml);
    xmlFreeDoc(doc);
}

/* libvirtd must be able to take what we write.  Nothing to do where libvirt
 * is not installed. */
START_TEST(written_xml_is_libvirts)
{
    g_autoptr(GPtrArray) names = documents();
    xmlRelaxNGParserCtxt *parser;
    xmlRelaxNG *grammar;
    xmlRelaxNGValidCtxt *schema;

    if (!g_file_test(LIBVIRT_SCHEMA, G_FILE_TEST_EXISTS))
        return;
    parser = xmlRelaxNGNewParserCtxt(LIBVIRT_SCHEMA);
    grammar = xmlRelaxNGParse(parser);
    ck_assert_ptr_nonnull(grammar);
    schema = xmlRelaxNGNewValidCtxt(grammar);
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        g_autofree char *path = data_path(name, ".xml");
        g_autofree char *xml = read_file(path);
        g_autofree char *again = reformat(name, xml, 7, XF_XML_SECURE);

        check_schema(schema, name, again);
    }
    xmlRelaxNGFreeValidCtxt(schema);
    xmlRelaxNGFree(grammar);
    xmlRelaxNGFreeParserCtxt(parser);
}
END_TEST

START_TEST(the_id_is_written_when_it_runs)
{
    g_autofree char *xml = g_strdup_printf(PVH_GUEST, "");
    g_autofree char *live = reformat("live", xml, 7, 0);
    g_autofree char *asked = reformat("asked", xml, 7, XF_XML_INACTIVE);
    g_autofree char *inactive = reformat("inactive", xml, -1, 0);

    ck_assert(g_str_has_prefix(live, "<domain type=\"xen\" id=\"7\">"));
    ck_assert(g_str_has_prefix(asked, "<domain type=\"xen\">"));
    ck_assert(g_str_has_prefix(inactive, "<domain type=\"xen\">"));
}
END_TEST

START_TEST(passwords_need_the_secure_flag)
{
    g_autofree char *xml = g_strdup_printf(
        PVH_GUEST, "<devices><graphics type='vnc' passwd='hush'/></devices>");
    g_autofree char *plain = reformat("plain", xml, -1, 0);
    g_autofree char *secure = reformat("secure", xml, -1, XF_XML_SECURE);

    ck_assert(!strstr(plain, "hush"));
    ck_assert(strstr(secure, "passwd=\"hush\""));
}
END_TEST

START_TEST(a_uuid_is_made_up)
{
    g_autofree char *xml = g_strdup_printf(PVH_GUEST, "");
    g_autofree char *one = parse("one", xml);
    g_autofree char *two = parse("two", xml);

    ck_assert(strstr(one, "\"uuid\""));
    ck_assert_str_ne(one, two);
}
END_TEST

/* What has none is not told to have one; who reads that gets one of his own. */
START_TEST(no_uuid_is_made_up_of_none)
{
    g_autofree char *xml = g_strdup_printf(PVH_GUEST, "");
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;

    ck_assert(xf_domxml_parse(xml, &config, NULL));
    libxl_uuid_clear(&config.c_info.uuid);
    config.b_info.disable_migrate.val = 1;      /* something for a residual */

    g_autofree char *written = xf_domxml_format(&config, -1, 0, &err);

    ck_assert_msg(written != NULL, "%s", err ? err->message : "");
    ck_assert_msg(!strstr(written, "uuid"), "%s", written);
    ck_assert(strstr(written, XF_DOMXML_NS));
    libxl_domain_config_dispose(&config);

    g_autofree char *one = parse("one", written);
    g_autofree char *two = parse("two", written);

    ck_assert(strstr(one, "\"disable_migrate\": \"True\""));
    ck_assert(strstr(one, "\"uuid\""));
    ck_assert_str_ne(one, two);
}
END_TEST

/* -- guests of xl ---------------------------------------------------------- */

static void
load_json(const char *name, libxl_domain_config *config)
{
    g_autofree char *path = g_strconcat(XL_DIR, "/", name, ".json", NULL);
    g_autofree char *json = read_file(path);
    xentoollog_logger *logger = (xentoollog_logger *)
        xtl_createlogger_stdiostream(stderr, XTL_ERROR, 0);
    libxl_ctx *ctx = NULL;

    libxl_domain_config_init(config);
    ck_assert_int_eq(libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, logger), 0);
    ck_assert_msg(libxl_domain_config_from_json(ctx, config, json) == 0,
                  "%s is not a configuration", path);
    libxl_ctx_free(ctx);
    xtl_logger_destroy(logger);
}

START_TEST(guests_of_xl_have_their_xml)
{
    gboolean writing = g_getenv("XENFERRY_WRITE_EXPECTED") != NULL;
    g_autoptr(GPtrArray) names = names_in(XL_DIR, ".json");

    ck_assert_uint_ge(names->len, 3);
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        g_autofree char *path = g_strconcat(XL_DIR, "/", name, ".xml", NULL);
        g_autoptr(GError) err = NULL;
        libxl_domain_config config;

        load_json(name, &config);

        g_autofree char *json = config_json(&config);
        g_autofree char *xml = xf_domxml_format(&config, -1, 0, &err);

        ck_assert_msg(xml != NULL, "%s", err ? err->message : "");

        g_autofree char *again = parse(name, xml);

        ck_assert_msg(strcmp(json, again) == 0, "%s became\n%s", name,
                      again);
        if (writing)
            ck_assert(g_file_set_contents(path, xml, -1, NULL));

        g_autofree char *expected = read_file(path);

        ck_assert_msg(strcmp(xml, expected) == 0, "%s is\n%s", name, xml);
        libxl_domain_config_dispose(&config);
    }
}
END_TEST

/* -- residuals and edited XML ---------------------------------------------- */

static const char with_edits[] =
    "<metadata><x:libxl xmlns:x='" XF_DOMXML_NS "'>%s</x:libxl></metadata>"
    "<devices><disk><source file='/a'/><target dev='%s'/></disk>"
    "<disk><source file='/b'/><target dev='%s'/></disk></devices>";

/* Which of the two disks has the script, -1: none. */
static int
scripted_disk(const char *edits, const char *first, const char *second)
{
    g_autofree char *parts = g_strdup_printf(with_edits, edits, first,
                                             second);
    g_autofree char *xml = g_strdup_printf(PVH_GUEST, parts);
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;
    int found = -1;

    ck_assert_msg(xf_domxml_parse(xml, &config, &err), "%s",
                  err ? err->message : "");
    for (int i = 0; i < config.num_disks; i++)
        if (config.disks[i].script)
            found = i;
    libxl_domain_config_dispose(&config);
    return found;
}

START_TEST(edits_follow_the_device)
{
    const char *edits =
        "[{\"at\":\"/disks/vdev=xvdb/script\",\"is\":\"block-drbd\"}]";

    ck_assert_int_eq(scripted_disk(edits, "xvda", "xvdb"), 1);
    ck_assert_int_eq(scripted_disk(edits, "xvdb", "xvda"), 0);
    ck_assert_int_eq(scripted_disk(edits, "xvda", "xvdc"), -1);
}
END_TEST

START_TEST(edited_xml_counts)
{
    const char *edits =
        "[{\"at\":\"/disks/vdev=xvda/script\",\"was\":\"old\","
        "\"is\":\"new\"},"
        "{\"at\":\"/disks/0/pdev_path/deeper\",\"is\":\"x\"},"
        "{\"at\":\"/disks/9/script\",\"is\":\"x\"},"
        "{\"at\":\"/nowhere/at/all\",\"is\":\"x\"}]";

    ck_assert_int_eq(scripted_disk(edits, "xvda", "xvdb"), -1);
}
END_TEST

/* Without a kernel libxl would end the process; such a configuration is told
 * from others whatever took the kernel out. */
START_TEST(nothing_to_boot_is_seen)
{
    static const char edit[] =
        "<metadata><x:libxl xmlns:x='" XF_DOMXML_NS "'>"
        "[{\"at\":\"/b_info/kernel\",\"was\":\"/k\"}]</x:libxl></metadata>";
    g_autofree char *whole = g_strdup_printf(PVH_GUEST, "");
    g_autofree char *edited = g_strdup_printf(PVH_GUEST, edit);
    libxl_domain_config config;

    ck_assert(xf_domxml_parse(whole, &config, NULL));
    ck_assert(xf_domxml_boots(&config));
    libxl_domain_config_dispose(&config);
    ck_assert(xf_domxml_parse(edited, &config, NULL));
    ck_assert(!xf_domxml_boots(&config));
    libxl_domain_config_dispose(&config);
    g_free(reformat("edited", edited, -1, 0));
}
END_TEST

/* -- many ------------------------------------------------------------------ */

START_TEST(a_thousand_disks)
{
    g_autoptr(GString) disks = g_string_new("<devices>");
    gint64 start = g_get_monotonic_time();

    for (int i = 0; i < 1000; i++)
        g_string_append_printf(
            disks, "<disk><source file='/srv/%d'/><target dev='d%dp0'/>"
            "</disk>", i, i);
    g_string_append(disks, "</devices>");

    g_autofree char *xml = g_strdup_printf(PVH_GUEST, disks->str);
    g_autofree char *again = reformat("thousand", xml, -1, 0);
    g_autofree char *json = parse("thousand", again);

    ck_assert(strstr(json, "\"vdev\": \"d999p0\""));
    ck_assert_int_lt(g_get_monotonic_time() - start, 30 * G_USEC_PER_SEC);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        documents_mean_their_json,
        there_are_enough_documents,
        documents_have_no_effect_where_said,
        networks_are_the_hosts,
        networks_are_kept_with_their_bridges,
        documents_come_back,
        plain_xml_needs_no_residual,
        written_xml_is_libvirts,
        the_id_is_written_when_it_runs,
        passwords_need_the_secure_flag,
        a_uuid_is_made_up,
        no_uuid_is_made_up_of_none,
        guests_of_xl_have_their_xml,
        edits_follow_the_device,
        edited_xml_counts,
        nothing_to_boot_is_seen,
        a_thousand_disks,
        NULL
    };

    return xf_unit_main("domxml", tests);
}
