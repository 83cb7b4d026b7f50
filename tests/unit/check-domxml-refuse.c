/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML that is refused: what cannot be honoured, what is wrong, and
 * what is hostile.  The message must name line, element and reason.
 */
#include "config.h"

#include <string.h>

#include "protocol/error.h"
#include "tests/unit/common.h"
#include "tests/unit/domxml-refusals.h"
#include "tests/unit/messages.h"
#include "xen/domxml-private.h"
#include "xen/domxml.h"

/* Hostile documents may take this long, also under valgrind. */
#define FAST_USEC (5 * G_USEC_PER_SEC)

/* The message, or NULL when the document was taken. */
static char *
refusal(const char *xml, int *code)
{
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;

    if (xf_domxml_parse(xml, &config, &err)) {
        libxl_domain_config_dispose(&config);
        return NULL;
    }
    ck_assert_ptr_nonnull(err);
    ck_assert(err->domain == XF_ERROR);
    if (code)
        *code = err->code;
    return g_strdup(err->message);
}

START_TEST(refusals_say_where_and_why)
{
    for (const struct refusal *r = xf_refusals; r->type; r++) {
        g_autofree char *xml = xf_refusal_document(r->type, r->place,
                                                   r->fragment);
        g_autofree char *message = refusal(xml, NULL);
        g_autofree char *expected =
            g_strconcat("domain XML, ", r->message, NULL);

        ck_assert_msg(message && strcmp(message, expected) == 0,
                      "%s\ngave     %s\nnot      %s", xml,
                      message ? message : "no error", expected);
    }
}
END_TEST

/* -- all that the tables refuse -------------------------------------------- */

/* What an element needs to be read at all. */
static const struct {
    const char *element;        /* with the one around it, if that matters */
    const char *attrs, *text;
} needed[] = {
    { "vcpu", "", "1" },
    { "vcpus/vcpu", "id='0' enabled='yes'", "" },
    { "loader", "", "/x" },
    { "table", "", "/x" },
    { "interface", "type='ethernet'", "" },
    { "serial", "type='file'", "" },
    { "console", "type='file'", "" },
    { "channel", "type='file'", "" },
    { "graphics", "type='spice' port='5900'", "" },
    { "hostdev", "type='pci'", "" },
    { "input", "type='mouse'", "" },
    { "sound", "model='ac97'", "" },
    { "redirdev", "type='spicevmc'", "" },
    { "controller", "type='ide'", "" },
    { "filesystem", "accessmode='squash'", "" },
    { "timer", "name='tsc'", "" },
    { "numatune/memory", "nodeset='0' mode='preferred'", "" },
    { "memnode", "nodeset='0' cellid='0' mode='preferred'", "" },
    { "cell", "memory='65536'", "" },
    { "tag", "id='1'", "" },
    { "ip", "address='192.0.2.1'", "" },
    { "outbound", "average='1'", "" },
    { "host", "name='h'", "" },
    { "disk", "type='network'", "" },
    { "disk/source", "protocol='nbd'", "" },
    { "disk/target", "dev='xvda'", "" },
    { "virtualport", "type='openvswitch'", "" },
    { "video/model", "type='vga'", "" },
};

/* Where in the document: "<devices><disk>", "</disk></devices>". */
struct where {
    enum refusal_place place;
    const char *open, *close;
    guint *count;
};

/* Of needed[]; -1: it needs nothing. */
static int
find_needed(const struct where *where, const char *element)
{
    const char *parent = strrchr(where->open, '<');
    gsize len = parent ? strcspn(parent + 1, " >") : 0;
    g_autofree char *both = parent
        ? g_strdup_printf("%.*s/%s", (int)len, parent + 1, element) : NULL;
    int found = -1;

    for (gsize i = 0; i < G_N_ELEMENTS(needed); i++)
        if (strcmp(needed[i].element, element) == 0
            || g_strcmp0(needed[i].element, both) == 0)
            found = i;
    return found;
}

/* The needed attributes but for `other`, which comes instead. */
static char *
start_tag(const struct where *where, const char *element, const char *other,
          const char *word)
{
    g_autoptr(GString) tag = g_string_new(NULL);
    g_auto(GStrv) attrs = NULL;
    int i = find_needed(where, element);

    g_string_append_printf(tag, "<%s", element);
    if (other)
        g_string_append_printf(tag, " %s='%s'", other, word);
    attrs = g_strsplit(i < 0 ? "" : needed[i].attrs, " ", -1);
    for (char **attr = attrs; *attr; attr++)
        if (!other || !g_str_has_prefix(*attr, other))
            g_string_append_printf(tag, " %s", *attr);
    g_string_append_c(tag, '>');
    return g_strdup(tag->str);
}

static void
check_refusal(const struct where *where, const char *element,
              const char *reason)
{
    const char *space = strchr(element, ' ');
    g_autofree char *name = space ? g_strndup(element + 1, space - element - 1)
                                  : g_strndup(element + 1,
                                              strlen(element) - 2);
    int i = find_needed(where, name);
    g_autofree char *fragment = g_strconcat(where->open, element,
                                            i < 0 ? "" : needed[i].text,
                                            "</", name, ">", where->close,
                                            NULL);
    g_autofree char *xml = xf_refusal_document("hvm", where->place, fragment);
    g_autofree char *expected = g_strdup_printf(
        "domain XML, line 5, <%s>: %s", name, reason);
    int code = -1;
    g_autofree char *message = refusal(xml, &code);

    ck_assert_msg(g_strcmp0(message, expected) == 0, "%s\ngave %s\nnot  %s",
                  xml, message ? message : "no error", expected);
    ck_assert_int_eq(code, XF_ERROR_CONFIG_UNSUPPORTED);
    ++*where->count;
}

static void
check_words(const struct where *where, const struct xf_xml_rule *rule)
{
    for (const struct xf_xml_value *v = rule->values; v && v->words; v++)
        for (const struct xf_xml_word *w = v->words; v->attr && w->word; w++) {
            g_autofree char *element = start_tag(where, rule->name, v->attr,
                                                 w->word);
            g_autofree char *reason = g_strdup_printf("%s '%s': %s", v->attr,
                                                      w->word, w->why);

            if (w->why)
                check_refusal(where, element, reason);
        }
}

static void
check_attrs(const struct where *where, const struct xf_xml_rule *rule)
{
    g_auto(GStrv) attrs = g_strsplit(rule->attrs ? rule->attrs : "", " ", -1);

    for (char **attr = attrs; *attr; attr++)
        if (**attr == '!') {
            g_autofree char *element = start_tag(where, rule->name, *attr + 1, "x");
            g_autofree char *reason = g_strdup_printf(
                "attribute '%s': %s", *attr + 1, rule->attrs_no);

            check_refusal(where, element, reason);
        }
}

static void check_rules(const struct where *where,
                        const struct xf_xml_rule *rules);

static void
check_children(const struct where *where, const struct xf_xml_rule *rule)
{
    gboolean os = where->place == IN_ROOT && strcmp(rule->name, "os") == 0;
    g_autofree char *tag = start_tag(where, rule->name, NULL, NULL);
    g_autofree char *open = g_strconcat(where->open, tag, NULL);
    g_autofree char *close = g_strdup_printf("</%s>%s", rule->name,
                                             where->close);
    struct where below = { where->place, open, close, where->count };

    /* the rest of the document has an <os> of its own */
    if (os)
        below = (struct where){ IN_OS, "", "", where->count };
    check_rules(&below, rule->children);
}

/* Elements of other namespaces refuse nothing by table. */
static void
check_rules(const struct where *where, const struct xf_xml_rule *rules)
{
    for (; rules->name; rules++) {
        g_autofree char *element = start_tag(where, rules->name, NULL, NULL);

        if (rules->ns || (rules->flags & XF_RULE_HARMLESS))
            continue;
        if (rules->why) {
            check_refusal(where, element, rules->why);
            continue;
        }
        if (where->place != IN_OS || strcmp(rules->name, "type") != 0)
            check_words(where, rules);
        check_attrs(where, rules);
        if (rules->children)
            check_children(where, rules);
    }
}

START_TEST(tables_refuse_what_they_say)
{
    guint count = 0;
    struct where root = { IN_ROOT, "", "", &count };

    check_rules(&root, xf_xml_root_rules);
    ck_assert_uint_gt(count, 250);
}
END_TEST

START_TEST(whole_documents_are_refused)
{
    for (const struct whole_refusal *w = xf_whole_refusals; w->xml; w++) {
        g_autofree char *message = refusal(w->xml, NULL);

        ck_assert_msg(g_strcmp0(message, w->message) == 0,
                      "%s\ngave %s\nnot  %s", w->xml, message, w->message);
    }
}
END_TEST

/* -- hostile --------------------------------------------------------------- */

static char *
repeat(const char *text, guint times)
{
    GString *all = g_string_new(NULL);

    while (times--)
        g_string_append(all, text);
    return g_string_free(all, FALSE);
}

/* Refused, fast, with a message that begins like this and is not long. */
static void
refused_fast(const char *what, const char *xml, const char *begins)
{
    gint64 start = g_get_monotonic_time();
    int code = -1;
    g_autofree char *message = refusal(xml, &code);
    gint64 took = g_get_monotonic_time() - start;

    ck_assert_msg(message && g_str_has_prefix(message, begins),
                  "%s: %s", what, message ? message : "taken");
    ck_assert_uint_lt(strlen(message), 2000);
    ck_assert_msg(took < FAST_USEC, "%s took %d ms", what,
                  (int)(took / 1000));
}

#define DOCTYPE "domain XML has a DOCTYPE"

START_TEST(entities_are_refused)
{
    g_autofree char *hundred = repeat("&a;", 100);
    g_autofree char *bomb = g_strdup_printf(
        "<!DOCTYPE d [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"%s\">]>"
        "<domain type='xen'><name>&b;</name></domain>", hundred);

    refused_fast("bomb", bomb, DOCTYPE);
    refused_fast("external", "<!DOCTYPE d [<!ENTITY x SYSTEM "
                 "'file:///etc/passwd'>]><domain type='xen'><name>&x;</name>"
                 "</domain>", DOCTYPE);
    refused_fast("parameter", "<!DOCTYPE d [<!ENTITY % x SYSTEM "
                 "'http://192.0.2.1/x'>%x;]><domain/>", DOCTYPE);
    refused_fast("external subset",
                 "<!DOCTYPE d SYSTEM 'http://192.0.2.1/x'><domain/>",
                 DOCTYPE);
    refused_fast("attribute", "<!DOCTYPE d [<!ENTITY a 'xen'>]>"
                 "<domain type='&a;'/>", DOCTYPE);
    refused_fast("undeclared", "<domain type='xen'><name>&b;</name></domain>",
                 "domain XML, line 1: Entity 'b' not defined");
}
END_TEST

START_TEST(size_and_depth_are_bounded)
{
    g_autofree char *deep_open = repeat("<metadata>", 20000);
    g_autofree char *deep = g_strconcat("<domain type='xen'>", deep_open,
                                        NULL);
    g_autofree char *value = repeat("y", 900000);
    g_autofree char *attr = g_strdup_printf("<disk device='%s'/>", value);
    g_autofree char *attr_doc = xf_refusal_document("hvm", IN_DEVICES, attr);
    g_autofree char *name = g_strdup_printf("<%s/>", value);
    g_autofree char *name_doc = xf_refusal_document("hvm", IN_DEVICES, name);

    refused_fast("deep", deep, "domain XML, line 1: Excessive depth");
    refused_fast("a long attribute", attr_doc, "domain XML, line 5, <disk>");
    refused_fast("a long name", name_doc, "domain XML, line 5");
}
END_TEST

START_TEST(too_long_is_refused)
{
    g_autofree char *text = repeat(" ", XF_DOMXML_MAX_BYTES + 1);

    refused_fast("too long", text,
                 "domain XML is longer than 1048576 bytes");
}
END_TEST

START_TEST(many_are_refused_fast)
{
    GString *many = g_string_new("<domain ");

    for (int i = 0; i < 80000; i++)
        g_string_append_printf(many, "a%d='' ", i);
    g_string_append(many, "/>");
    refused_fast("attributes", many->str, "domain XML has an element with "
                 "more than 256 attributes");

    g_string_assign(many, "");
    for (int i = 0; i < 9000; i++)
        g_string_append_printf(many, "<disk><source file='/x'/>"
                               "<target dev='d%dp0'/></disk>\n", i);
    g_string_append(many, "<disk><source file='/x'/><target dev='d0p0'/>"
                    "</disk>");

    g_autofree char *disks = xf_refusal_document("hvm", IN_DEVICES, many->str);

    refused_fast("disks", disks, "domain XML, line 9005, <target>: dev "
                 "'d0p0' is given twice");
    g_string_free(many, TRUE);
}
END_TEST

START_TEST(a_comment_is_no_tag)
{
    g_autofree char *rule = repeat("=", 2000);
    g_autofree char *fragment = g_strdup_printf(
        "<!-- <%s --><description><![CDATA[<a %s]]></description>", rule,
        rule);
    g_autofree char *xml = xf_refusal_document("hvm", IN_ROOT, fragment);
    g_autofree char *message = refusal(xml, NULL);

    ck_assert_msg(!message, "%s", message);
}
END_TEST

START_TEST(encodings_are_refused)
{
    refused_fast("latin 1 bytes", "<domain type='xen'><name>\xe9</name>"
                 "</domain>", "domain XML is not UTF-8 at byte 25");
    refused_fast("overlong", "<domain type='xen'><name>\xc0\xbc</name>"
                 "</domain>", "domain XML is not UTF-8 at byte 25");
    refused_fast("labelled latin 1", "<?xml version='1.0' "
                 "encoding='ISO-8859-1'?><domain type='xen'/>",
                 "domain XML says that its encoding is ISO-8859-1");
    refused_fast("labelled utf-16", "<?xml version='1.0' "
                 "encoding='UTF-16'?><domain type='xen'/>", "domain XML");
    refused_fast("labelled nonsense", "<?xml version='1.0' "
                 "encoding='x-nonsense'?><domain type='xen'/>", "domain XML");
    refused_fast("NUL as a reference", "<domain type='xen'><name>&#0;</name>"
                 "</domain>", "domain XML, line 1: ");
    refused_fast("a control character", "<domain type='xen'><name>\x01"
                 "</name></domain>", "domain XML, line 1: ");
}
END_TEST

/* -- residuals ------------------------------------------------------------- */

static char *
with_residual(const char *json)
{
    g_autofree char *escaped = g_markup_escape_text(json, -1);
    g_autofree char *fragment = g_strdup_printf(
        "<metadata><x:libxl xmlns:x='" XF_DOMXML_NS "'>%s</x:libxl>"
        "</metadata>", escaped);

    return xf_refusal_document("hvm", IN_ROOT, fragment);
}

static const struct {
    const char *json;
    const char *message;        /* after "domain XML, line 5, <libxl>: " */
} residuals[] = {
    { "", "is not JSON: " },
    { "{}", "is not a JSON list of edits" },
    { "[{]", "is not JSON: " },
    { "[1]", "is not a list of edits" },
    { "[{\"is\":1}]", "is not a list of edits" },
    { "[{\"at\":1}]", "is not a list of edits" },
    { "[{\"at\":\"b_info\",\"is\":1}]", "is not a list of edits" },
    { "[{\"at\":\"/b_info/colour\",\"is\":1}]",
      "this host's libxl does not understand /b_info/colour" },
    { "[{\"at\":\"/b_info/event_channels\",\"is\":\"many\"}]",
      "this host's libxl does not understand /b_info/event_channels" },
    { "[{\"at\":\"/b_info/tsc_mode\",\"is\":\"sideways\"}]",
      "libxl does not take it: " },
    { "[{\"at\":\"/b_info/cpumap\",\"is\":[4000000000]}]",
      "has a list with a number above 1048576" },
    { "[{\"at\":\"/b_info/vcpu_soft_affinity\",\"is\":[[-1]]}]",
      "has a list with a number above 1048576" },
    /* one that residuals_are_refused() makes */
    { NULL, "JSON is nested too deeply" },
};

START_TEST(residuals_are_refused)
{
    g_autofree char *deep = repeat("[", 100000);

    for (gsize i = 0; i < G_N_ELEMENTS(residuals); i++) {
        const char *json = residuals[i].json ? residuals[i].json : deep;
        g_autofree char *xml = with_residual(json);
        g_autofree char *begins = g_strconcat(
            "domain XML, line 5, <libxl>: ", residuals[i].message, NULL);

        refused_fast(residuals[i].message, xml, begins);
    }
}
END_TEST

/* -- all that the handlers refuse ------------------------------------------ */

static void
hear_all_rows(void)
{
    for (const struct refusal *r = xf_refusals; r->type; r++)
        xf_messages_hear(r->message);
    for (const struct whole_refusal *w = xf_whole_refusals; w->xml; w++)
        xf_messages_hear(w->message);
    for (gsize i = 0; i < G_N_ELEMENTS(residuals); i++) {
        g_autofree char *message = g_strconcat("<libxl>: ",
                                               residuals[i].message, NULL);

        xf_messages_hear(message);
    }
}

/* Whoever adds a message adds a row. */
START_TEST(every_message_is_seen)
{
    static const struct xf_message_call calls[] = {
        { "xf_xml_bad(err, ", 1, "*>: " },
        { "xf_xml_cannot(err, ", 1, "*>: " },
    };
    g_autoptr(GDir) dir = g_dir_open(XEN_DIR, 0, NULL);
    guint count = 0, missing = 0;
    const char *name;

    hear_all_rows();
    ck_assert_ptr_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_strconcat(XEN_DIR, "/", name, NULL);

        if (!g_str_has_prefix(name, "domxml") || !g_str_has_suffix(name, ".c"))
            continue;
        for (gsize i = 0; i < G_N_ELEMENTS(calls); i++)
            count += xf_messages_check(path, &calls[i], &missing);
    }
    ck_assert_uint_gt(count, 150);
    ck_assert_msg(missing == 0, "%u messages are in no row", missing);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        refusals_say_where_and_why,
        tables_refuse_what_they_say,
        whole_documents_are_refused,
        entities_are_refused,
        size_and_depth_are_bounded,
        too_long_is_refused,
        many_are_refused_fast,
        a_comment_is_no_tag,
        encodings_are_refused,
        residuals_are_refused,
        every_message_is_seen,
        NULL
    };

    return xf_unit_main("domxml-refuse", tests);
}
