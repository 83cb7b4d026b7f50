/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenferry-domain(7) lists every element and attribute of domain XML that is
 * read, that is refused with its reason, and that has no effect.  The lists
 * are made from the tables of xen/domxml*.c; here the page is compared with
 * them.  With XENFERRY_WRITE_EXPECTED set the page is written instead.
 */
#include "config.h"

#include <libxml/parser.h>
#include <string.h>

#include "tests/unit/common.h"
#include "xen/domxml-private.h"

#define DATA_DIR TEST_DATA_DIR "/domxml"

#define BEGIN_MARK ".\\\" what follows is written by tests/unit/check-domxml-page\n"
#define END_MARK ".\\\" end of what is written by tests/unit/check-domxml-page\n"

/* -- the lists ------------------------------------------------------------- */

struct page {
    GString *read, *refused, *idle;
    GHashTable *seen;           /* tables of children -> char *, its place */
};

/* As roff has it. */
static char *
escape(const char *text)
{
    GString *out = g_string_new(NULL);

    for (; *text; text++)
        if (*text == '-' || *text == '\\')
            g_string_append_printf(out, "\\%s", *text == '-' ? "-" : "e");
        else
            g_string_append_c(out, *text);
    return g_string_free(out, FALSE);
}

static void
add_entry(GString *list, const char *what, const char *text)
{
    g_autofree char *safe_what = escape(what);
    g_autofree char *safe_text = escape(text);

    g_string_append_printf(list, ".TP\n.B %s\n%s\n", safe_what, safe_text);
}

static void
add_marked_attrs(GString *list, const char *path, char mark,
                 const char *why, const char *const *names)
{
    for (; *names; names++)
        if (**names == mark) {
            g_autofree char *what =
                g_strdup_printf("%s %s=", path, *names + 1);

            ck_assert_msg(why != NULL, "%s: no reason", what);
            add_entry(list, what, why);
        }
}

static void
add_refused_words(struct page *page, const char *path,
                  const struct xf_xml_rule *rule)
{
    for (const struct xf_xml_value *v = rule->values; v && v->words; v++)
        for (const struct xf_xml_word *w = v->words; w->word; w++) {
            g_autofree char *what = NULL;

            if (!w->why)
                continue;
            what = v->attr ? g_strdup_printf("%s %s=%s", path, v->attr,
                                             w->word)
                           : g_strdup_printf("%s %s", path, w->word);
            add_entry(page->refused, what, w->why);
        }
}

/* "type=(file|block)", or "port=" where any text may be. */
static void
add_value(GString *text, const struct xf_xml_rule *rule, const char *attr)
{
    g_autoptr(GString) words = g_string_new(NULL);

    for (const struct xf_xml_value *v = rule->values; v && v->words; v++)
        for (const struct xf_xml_word *w = v->words; w->word; w++)
            if (!w->why && g_strcmp0(v->attr, attr) == 0)
                g_string_append_printf(words, "%s%s", words->len ? "|" : "",
                                       w->word);
    g_string_append_printf(text, "%s%s%s", text->len ? ", " : "",
                           attr ? attr : "text", attr ? "=" : "");
    if (words->len)
        g_string_append_printf(text, attr ? "(%s)" : " (%s)", words->str);
}

static void
add_read(struct page *page, const char *path,
         const struct xf_xml_rule *rule)
{
    g_auto(GStrv) names = g_strsplit(rule->attrs ? rule->attrs : "", " ", -1);
    g_autoptr(GString) text = g_string_new(NULL);
    const char *place = rule->children
        ? g_hash_table_lookup(page->seen, rule->children) : NULL;

    for (char **name = names; *name; name++)
        if (**name != '~' && **name != '!')
            add_value(text, rule, *name);
    if (rule->flags & XF_RULE_TEXT)
        add_value(text, rule, NULL);
    if (place)
        g_string_append_printf(text, "%schildren as in %s",
                               text->len ? ", " : "", place);
    if (!text->len)
        g_string_assign(text, rule->children ? "its children"
                                             : "that it is there");
    add_entry(page->read, path, text->str);
    add_refused_words(page, path, rule);
    add_marked_attrs(page->refused, path, '!', rule->attrs_no,
                     (const char *const *)names);
    add_marked_attrs(page->idle, path, '~', rule->attrs_why,
                     (const char *const *)names);
    if (rule->idle)
        add_entry(page->idle, path, rule->idle);
}

static const char *
prefix_of(const struct xf_xml_rule *rule)
{
    if (!rule->ns)
        return "";
    return strcmp(rule->ns, XF_XML_COMMANDLINE_NS) == 0 ? "xen:" : "qemu:";
}

static void
add_rules(struct page *page, const char *place,
          const struct xf_xml_rule *rules)
{
    for (; rules->name; rules++) {
        g_autofree char *path =
            g_strconcat(place, *place ? "/" : "",
                        prefix_of(rules), rules->name, NULL);

        if (rules->flags & XF_RULE_HARMLESS) {
            add_entry(page->idle, path, rules->why);
            continue;
        }
        if (rules->why) {
            add_entry(page->refused, path, rules->why);
            continue;
        }
        add_read(page, path, rules);
        if (!rules->children
            || g_hash_table_contains(page->seen, rules->children))
            continue;
        g_hash_table_insert(page->seen, (void *)rules->children,
                            g_strdup(path));
        add_rules(page, path, rules->children);
    }
}

/* Free with g_free(). */
static char *
lists(void)
{
    struct page page = {
        g_string_new(NULL), g_string_new(NULL), g_string_new(NULL),
        g_hash_table_new_full(NULL, NULL, NULL, g_free),
    };
    char *text;

    add_rules(&page, "", xf_xml_root_rules);
    text = g_strconcat(".SH WHAT IS READ\n", page.read->str,
                       ".SH WHAT IS REFUSED\n", page.refused->str,
                       ".SH WHAT HAS NO EFFECT\n", page.idle->str, NULL);
    g_string_free(page.read, TRUE);
    g_string_free(page.refused, TRUE);
    g_string_free(page.idle, TRUE);
    g_hash_table_unref(page.seen);
    return text;
}

/* -- the page -------------------------------------------------------------- */

/* The first line that differs; free with g_free(). */
static char *
first_difference(const char *page, const char *want)
{
    g_auto(GStrv) a = g_strsplit(page, "\n", -1);
    g_auto(GStrv) b = g_strsplit(want, "\n", -1);
    guint i = 0;

    while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
        i++;
    return g_strdup_printf("has '%s', the tables say '%s'",
                           a[i] ? a[i] : "(end)", b[i] ? b[i] : "(end)");
}

START_TEST(the_page_has_what_the_tables_have)
{
    g_autofree char *page = NULL;
    g_autofree char *want = lists();
    char *begin, *end;

    ck_assert_msg(g_file_get_contents(DOMAIN_PAGE, &page, NULL, NULL),
                  "cannot read %s", DOMAIN_PAGE);
    begin = strstr(page, BEGIN_MARK);
    ck_assert_ptr_nonnull(begin);
    begin += strlen(BEGIN_MARK);
    end = strstr(begin, END_MARK);
    ck_assert_ptr_nonnull(end);
    if (g_getenv("XENFERRY_WRITE_EXPECTED")) {
        g_autofree char *rest = g_strdup(end);
        g_autofree char *whole = NULL;

        *begin = '\0';
        whole = g_strconcat(page, want, rest, NULL);
        ck_assert(g_file_set_contents(DOMAIN_PAGE, whole, -1, NULL));
        return;
    }
    *end = '\0';

    g_autofree char *difference = first_difference(begin, want);

    ck_assert_msg(strcmp(begin, want) == 0, "%s %s; run this test with "
                  "XENFERRY_WRITE_EXPECTED=1 and look at the difference",
                  DOMAIN_PAGE, difference);
}
END_TEST

/* A reason is the end of a sentence that names the element. */
static void
check_reason(const char *name, const char *why)
{
    ck_assert_msg(!why || (*why && !g_str_has_suffix(why, ".")
                           && !strchr(why, '\n')),
                  "<%s>: '%s'", name, why);
}

static void
check_rules(const struct xf_xml_rule *rules, guint depth)
{
    ck_assert_uint_lt(depth, 8);
    for (; rules->name; rules++) {
        check_reason(rules->name, rules->why);
        check_reason(rules->name, rules->attrs_why);
        check_reason(rules->name, rules->attrs_no);
        check_reason(rules->name, rules->idle);
        ck_assert_msg(!(rules->flags & XF_RULE_HARMLESS) || rules->why,
                      "<%s> is harmless for no reason", rules->name);
        if (rules->children)
            check_rules(rules->children, depth + 1);
    }
}

START_TEST(the_tables_are_sound)
{
    check_rules(xf_xml_root_rules, 0);
}
END_TEST

/* -- what the documents of the tests show ---------------------------------- */

/* "<alias>: a name inside libvirt": all that the documents in the tests' data
 * have without effect. */
static GHashTable *
reported(void)
{
    GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                            NULL);
    g_autoptr(GDir) dir = g_dir_open(DATA_DIR, 0, NULL);
    const char *name;

    ck_assert_ptr_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_strconcat(DATA_DIR, "/", name, NULL);
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;

        if (!g_str_has_suffix(name, ".ignored"))
            continue;
        ck_assert(g_file_get_contents(path, &text, NULL, NULL));
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++)
            if (strchr(*line, '<'))
                g_hash_table_add(set, g_strdup(strchr(*line, '<')));
    }
    return set;
}

static void
check_reported(GHashTable *set, const char *name, const char *attr,
               const char *why)
{
    g_autofree char *text = g_strdup_printf("<%s%s%s%s>: %s", name,
                                            attr ? " " : "", attr ? attr : "",
                                            attr ? "=" : "", why);

    ck_assert_msg(g_hash_table_contains(set, text),
                  "no document in %s has: %s", DATA_DIR, text);
}

/* With the attribute or without: which, the handler knows. */
static gboolean
idle_reported(GHashTable *set, const struct xf_xml_rule *rule)
{
    g_autofree char *start = g_strdup_printf("<%s", rule->name);
    g_autofree char *end = g_strdup_printf(">: %s", rule->idle);
    GHashTableIter iter;
    gpointer text;

    g_hash_table_iter_init(&iter, set);
    while (g_hash_table_iter_next(&iter, &text, NULL))
        if (g_str_has_prefix(text, start) && g_str_has_suffix(text, end))
            return TRUE;
    return FALSE;
}

static void
check_rules_reported(GHashTable *set, const struct xf_xml_rule *rules)
{
    for (; rules->name; rules++) {
        g_auto(GStrv) names = g_strsplit(rules->attrs ? rules->attrs : "",
                                         " ", -1);

        if (rules->flags & XF_RULE_HARMLESS)
            check_reported(set, rules->name, NULL, rules->why);
        for (char **name = names; *name; name++)
            if (**name == '~')
                check_reported(set, rules->name, *name + 1,
                               rules->attrs_why);
        ck_assert_msg(!rules->idle || idle_reported(set, rules),
                      "no document in %s has <%s>: %s", DATA_DIR,
                      rules->name, rules->idle);
        if (rules->children)
            check_rules_reported(set, rules->children);
    }
}

START_TEST(all_that_has_no_effect_is_reported)
{
    g_autoptr(GHashTable) set = reported();

    check_rules_reported(set, xf_xml_root_rules);
}
END_TEST

/* -- what they have that is read ------------------------------------------- */

/* Where a document would mean something else at another time, or where one
 * list of words serves several elements. */
static const struct {
    const char *element, *attr, *word;
} not_in_documents[] = {
    { "clock", "offset", "absolute" },  /* counts from now */
    { "clock", "start", NULL },
    { "console", "type", NULL },        /* <serial> has them all */
    { "channel", "type", NULL },
};

/* "RULE type=pty", "RULE port=" for any text, "RULE =hvm" for an element's
 * text, "RULE" for the element */
static char *
read_key(const struct xf_xml_rule *rule, const char *attr, const char *word)
{
    return g_strdup_printf("%p %s=%s", (const void *)rule, attr ? attr : "",
                           word ? word : "");
}

static void
take_value(GHashTable *set, const struct xf_xml_rule *rule, const char *attr,
           xmlChar *value)
{
    g_autofree char *word = g_strstrip(g_strdup((const char *)value));

    g_hash_table_add(set, read_key(rule, attr, word));
    g_hash_table_add(set, read_key(rule, attr, NULL));
    xmlFree(value);
}

static void
take_element(GHashTable *set, const struct xf_xml_rule *rules,
             const xmlNode *node)
{
    for (; rules->name; rules++) {
        if (!xmlStrEqual(node->name, BAD_CAST rules->name))
            continue;
        take_value(set, rules, NULL, xmlNodeGetContent(node));
        for (const xmlAttr *a = node->properties; a; a = a->next)
            take_value(set, rules, (const char *)a->name,
                       xmlNodeGetContent((const xmlNode *)a));
        for (const xmlNode *c = node->children; c && rules->children;
             c = c->next)
            if (c->type == XML_ELEMENT_NODE)
                take_element(set, rules->children, c);
    }
}

static GHashTable *
all_read(void)
{
    GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                            NULL);
    g_autoptr(GDir) dir = g_dir_open(DATA_DIR, 0, NULL);
    const char *name;

    ck_assert_ptr_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_strconcat(DATA_DIR, "/", name, NULL);
        xmlDoc *doc;

        if (!g_str_has_suffix(name, ".xml"))
            continue;
        doc = xmlReadFile(path, NULL, XML_PARSE_NONET);
        ck_assert_ptr_nonnull(doc);
        for (const xmlNode *c = xmlDocGetRootElement(doc)->children; c;
             c = c->next)
            if (c->type == XML_ELEMENT_NODE)
                take_element(set, xf_xml_root_rules, c);
        xmlFreeDoc(doc);
    }
    return set;
}

static gboolean
is_excepted(const char *element, const char *attr, const char *word)
{
    for (gsize i = 0; i < G_N_ELEMENTS(not_in_documents); i++)
        if (strcmp(not_in_documents[i].element, element) == 0
            && g_strcmp0(not_in_documents[i].attr, attr) == 0
            && (!not_in_documents[i].word
                || g_strcmp0(not_in_documents[i].word, word) == 0))
            return TRUE;
    return FALSE;
}

static void
need_read(GHashTable *set, const struct xf_xml_rule *rule, const char *attr,
          const char *word, guint *missing)
{
    g_autofree char *key = read_key(rule, attr, word);

    if (g_hash_table_contains(set, key) || is_excepted(rule->name, attr, word))
        return;
    g_printerr("no document in %s has <%s %s=%s>\n", DATA_DIR, rule->name,
               attr ? attr : "", word ? word : "");
    ++*missing;
}

static void
check_rules_read(GHashTable *set, const struct xf_xml_rule *rules,
                 guint *missing)
{
    for (; rules->name; rules++) {
        g_auto(GStrv) names = g_strsplit(rules->attrs ? rules->attrs : "",
                                         " ", -1);

        if (rules->why)
            continue;
        need_read(set, rules, NULL, NULL, missing);
        for (char **name = names; *name; name++)
            if (**name != '~' && **name != '!')
                need_read(set, rules, *name, NULL, missing);
        for (const struct xf_xml_value *v = rules->values; v && v->words; v++)
            for (const struct xf_xml_word *w = v->words; w->word; w++)
                if (!w->why)
                    need_read(set, rules, v->attr, w->word, missing);
        if (rules->children)
            check_rules_read(set, rules->children, missing);
    }
}

/* Whoever adds an element, an attribute or a word of one adds a document. */
START_TEST(all_that_is_read_has_a_document)
{
    g_autoptr(GHashTable) set = all_read();
    guint missing = 0;

    check_rules_read(set, xf_xml_root_rules, &missing);
    ck_assert_msg(missing == 0, "%u are in no document", missing);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        the_page_has_what_the_tables_have,
        the_tables_are_sound,
        all_that_has_no_effect_is_reported,
        all_that_is_read_has_a_document,
        NULL
    };

    return xf_unit_main("domxml-page", tests);
}
