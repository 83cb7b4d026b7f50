/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The XML of a domain that runs: where it is reached, and what the document
 * that it was made from says besides. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/driver.h"
#include "tests/unit/domxml-common.h"

/* -- a running domain ------------------------------------------------------ */

/* The full form, which must mean the same. */
static char *
full_form(const char *type, const char *devices,
          const struct xf_domxml_live *live)
{
    g_autofree char *xml = g_strdup_printf(
        "<domain type='xen'><name>guest</name><memory>65536</memory>"
        "<uuid>3f0c7a54-0c53-4d0e-9a3e-1c6f3a1f8c01</uuid>"
        "<os><type>%s</type><kernel>/k</kernel></os><devices>%s</devices>"
        "</domain>", type, devices);
    g_autofree char *json = parse("given", xml);
    g_autofree char *plain = reformat("plain", xml, live->domid, 0);
    libxl_domain_config config;
    char *full;

    ck_assert(xf_domxml_parse(xml, &config, NULL));
    full = xf_domxml_add_live(plain, &config, live, NULL);
    libxl_domain_config_dispose(&config);
    ck_assert_ptr_nonnull(full);

    g_autofree char *json_again = parse("full", full);

    ck_assert_str_eq(json, json_again);
    return full;
}

START_TEST(a_running_domain_shows_where_it_is_reached)
{
    static const struct xf_domxml_live live = {
        .domid = 4, .console = "/dev/pts/2", .serial = "/dev/pts/3",
        .vnc_port = 5907,
    };
    g_autofree char *pv = full_form(
        "linux", "<interface type='ethernet'/><interface type='ethernet'>"
        "<target dev='web0'/></interface><interface type='ethernet'/>"
        "<graphics type='vnc'/>", &live);
    g_autofree char *hvm = full_form(
        "hvm", "<serial type='pty'/><graphics type='vnc' port='5903' "
        "autoport='no'/>", &live);

    ck_assert(strstr(pv, "tty=\"/dev/pts/2\""));
    ck_assert(!strstr(pv, "/dev/pts/3"));
    ck_assert(strstr(pv, "port=\"5907\""));
    ck_assert(strstr(pv, "<target dev=\"vif4.0\"/>"));
    ck_assert(strstr(pv, "<target dev=\"web0\"/>"));
    ck_assert(!strstr(pv, "vif4.1"));
    ck_assert(strstr(pv, "<target dev=\"vif4.2\"/>"));
    ck_assert(strstr(hvm, "tty=\"/dev/pts/3\""));
    ck_assert(strstr(hvm, "port=\"5903\""));
}
END_TEST

/* A domain without a console, or whose display is not up yet. */
START_TEST(what_is_not_there_is_not_shown)
{
    static const struct xf_domxml_live live = { .domid = 4 };
    g_autofree char *xml = full_form("xenpvh", "<graphics type='vnc'/>",
                                     &live);

    ck_assert(!strstr(xml, "tty="));
    ck_assert(strstr(xml, "port=\"-1\""));
}
END_TEST

/* -- documents that were kept ---------------------------------------------- */

static const char authors_own[] =
    "<domain type='xen' id='3'>\n"
    "  <name>%s</name>\n"
    "  <title>The shop's &lt;database&gt;</title>\n"
    "  <description>ask Ada first</description>\n"
    "  <metadata>\n"
    "    <a:app xmlns:a='urn:a'><a:tier>2</a:tier></a:app>\n"
    "    <x:libxl xmlns:x='" XF_DOMXML_NS "'>[]</x:libxl>\n"
    "  </metadata>\n"
    "  <memory unit='GiB'>2</memory>\n"
    "  <os><type>hvm</type></os>\n"
    "  <devices>\n"
    "    <interface type='bridge'><source bridge='br7'/>\n"
    "      <alias name='ua-front'/></interface>\n"
    "    <graphics type='vnc' passwd='hush'/>\n"
    "  </devices>\n"
    "</domain>\n";

/* The author's own document as it would be kept. */
static char *
kept_document(void)
{
    return g_strdup_printf(authors_own, "shop");
}

/* The domain made from it, as it is once libxl has filled in what was left
 * open. */
static void
live_config(libxl_domain_config *config)
{
    static const guint8 mac[] = { 0x00, 0x16, 0x3e, 0x01, 0x02, 0x03 };
    g_autofree char *xml = kept_document();

    ck_assert(xf_domxml_parse(xml, config, NULL));
    memcpy(config->nics[0].mac, mac, sizeof(mac));
    config->nics[0].mtu = 1500;
    config->b_info.shadow_memkb = 8192;
    config->b_info.sched_params.weight = 256;
}

/* What is said of it; that it means `config`, but for passwords, is looked
 * at here. */
static char *
describe(libxl_domain_config *config, guint flags, const char *kept)
{
    g_autoptr(GError) err = NULL;
    char *xml = xf_domxml_describe(config, 5, flags, kept, &err);

    ck_assert_msg(xml != NULL, "%s", err ? err->message : "");
    if (flags & XF_XML_SECURE) {
        g_autofree char *json = config_json(config);
        g_autofree char *again = parse("described", xml);

        ck_assert_str_eq(json, again);
    }
    return xml;
}

static void
check_has(const char *xml, const char *const *parts)
{
    for (; *parts; parts++)
        ck_assert_msg(strstr(xml, *parts), "no %s in\n%s", *parts, xml);
}

static const char *const texts[] = {
    "<title>The shop's &lt;database&gt;</title>",
    "<description>ask Ada first</description>",
    "<a:app xmlns:a=\"urn:a\">", "<a:tier>2</a:tier>", NULL
};

START_TEST(a_kept_document_that_is_true_is_shown)
{
    static const char *const wording[] = {
        "<domain type=\"xen\" id=\"5\">", "<memory unit=\"GiB\">2</memory>",
        "<alias name=\"ua-front\"/>", "<name>shop</name>",
        "<mac address=\"00:16:3e:01:02:03\"/>", "shadow_memkb",
        "</name>\n  <uuid>",
        "passwd=\"hush\"", NULL
    };
    g_autofree char *kept = kept_document();
    libxl_domain_config config;

    live_config(&config);

    g_autofree char *xml = describe(&config, XF_XML_SECURE, kept);
    g_autofree char *twice = describe(&config, XF_XML_SECURE, xml);

    check_has(xml, texts);
    check_has(xml, wording);
    ck_assert_str_eq(xml, twice);
    libxl_domain_config_dispose(&config);
}
END_TEST

START_TEST(a_kept_document_keeps_its_secrets)
{
    static const char *const wording[] = { "<alias name=\"ua-front\"/>",
                                           NULL };
    g_autofree char *kept = kept_document();
    libxl_domain_config config;

    live_config(&config);

    g_autofree char *xml = describe(&config, XF_XML_INACTIVE, kept);

    check_has(xml, texts);
    check_has(xml, wording);
    ck_assert(!strstr(xml, "hush"));
    ck_assert(!strstr(xml, " id=\"5\""));
    libxl_domain_config_dispose(&config);
}
END_TEST

/* One change after which the document is no longer true. */
static void
change_memory(libxl_domain_config *config)
{
    config->b_info.target_memkb /= 2;
}

static void
change_bridge(libxl_domain_config *config)
{
    free(config->nics[0].bridge);
    config->nics[0].bridge = strdup("br8");
}

static void
unplug_nic(libxl_domain_config *config)
{
    libxl_device_nic_dispose(&config->nics[0]);
    config->num_nics = 0;
}

static void
change_password(libxl_domain_config *config)
{
    free(config->b_info.u.hvm.vnc.passwd);
    config->b_info.u.hvm.vnc.passwd = strdup("louder");
}

START_TEST(of_an_old_document_the_texts_are_kept)
{
    static void (*const changes[])(libxl_domain_config *config) = {
        change_memory, change_bridge, unplug_nic, change_password,
    };
    g_autofree char *kept = kept_document();

    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        libxl_domain_config config;

        live_config(&config);
        changes[i](&config);

        g_autofree char *xml = describe(&config, XF_XML_SECURE, kept);

        check_has(xml, texts);
        ck_assert(!strstr(xml, "ua-front"));
        libxl_domain_config_dispose(&config);
    }
}
END_TEST

START_TEST(a_renamed_domain_has_its_new_name)
{
    g_autofree char *kept = kept_document();
    libxl_domain_config config;

    live_config(&config);
    free(config.c_info.name);
    config.c_info.name = strdup("web & shop");

    g_autofree char *xml = describe(&config, XF_XML_SECURE, kept);

    ck_assert(strstr(xml, "<name>web &amp; shop</name>"));
    ck_assert(strstr(xml, "ua-front"));
    libxl_domain_config_dispose(&config);
}
END_TEST

/* A script is found in libxl's folder. */
START_TEST(a_script_may_have_got_its_folder)
{
    static const char *const scripts[] = { "/etc/xen/scripts/vif-nat",
                                           "/etc/xen/scripts/my-vif-nat" };
    g_autofree char *kept = g_strdup_printf(
        PVH_GUEST, "<devices><interface type='bridge'><source bridge='a'/>"
        "<script path='vif-nat'/><alias name='ua-x'/></interface>"
        "</devices>");

    for (int i = 0; i < 2; i++) {
        libxl_domain_config config;

        ck_assert(xf_domxml_parse(kept, &config, NULL));
        free(config.nics[0].script);
        config.nics[0].script = strdup(scripts[i]);

        g_autofree char *xml = describe(&config, XF_XML_SECURE, kept);

        ck_assert_int_eq(strstr(xml, "ua-x") != NULL, i == 0);
        libxl_domain_config_dispose(&config);
    }
}
END_TEST

/* What others leave in libxl's keeping may be anything. */
START_TEST(a_kept_document_of_no_use_is_left_out)
{
    static const char *const useless[] = {
        "", "not XML", "<network/>", "<domain type='xen'>",
        "<!DOCTYPE d><domain type='xen'/>", "<domain/>",
        "<domain type='xen'><title>a<b/></title></domain>",
        "<domain type='xen'><metadata>text</metadata></domain>",
        "<domain type='xen'><metadata x='y'/></domain>",
    };
    libxl_domain_config config;

    live_config(&config);

    g_autofree char *plain = describe(&config, XF_XML_SECURE, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(useless); i++) {
        g_autofree char *xml = describe(&config, XF_XML_SECURE, useless[i]);

        ck_assert_msg(strcmp(xml, plain) == 0, "%s gave\n%s", useless[i],
                      xml);
    }
    libxl_domain_config_dispose(&config);
}
END_TEST

/* libvirt's driver knows elements that we refuse. */
START_TEST(of_a_document_that_is_refused_the_texts_are_kept)
{
    libxl_domain_config config;

    live_config(&config);

    g_autofree char *xml = describe(
        &config, XF_XML_SECURE, "<domain type='xen'><name>a</name>"
        "<title>b</title><devices><rng model='virtio'/></devices></domain>");

    ck_assert(strstr(xml, "<title>b</title>"));
    ck_assert(strstr(xml, "<name>shop</name>"));
    libxl_domain_config_dispose(&config);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        a_running_domain_shows_where_it_is_reached,
        what_is_not_there_is_not_shown,
        a_kept_document_that_is_true_is_shown,
        a_kept_document_keeps_its_secrets,
        of_an_old_document_the_texts_are_kept,
        a_renamed_domain_has_its_new_name,
        a_script_may_have_got_its_folder,
        a_kept_document_of_no_use_is_left_out,
        of_a_document_that_is_refused_the_texts_are_kept,
        NULL
    };

    return xf_unit_main("domxml-live", tests);
}
