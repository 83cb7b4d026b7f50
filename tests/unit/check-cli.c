/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line: words to commands, domains by name, what is printed. */
#include "config.h"

#include "tests/unit/common.h"
#include "tests/unit/fake-host.h"
#include "tools/commands.h"

#include <glib/gstdio.h>
#include <string.h>

static const struct xf_command *const commands[] = {
    &xf_cmd_list,
    &xf_cmd_create,
    &xf_cmd_pause,
    &xf_cmd_unpause,
    &xf_cmd_shutdown,
    &xf_cmd_destroy,
    &xf_cmd_handoffs,
    &xf_cmd_resolve,
    NULL
};

static GString *out, *errors;

static void
take_out(const char *text)
{
    g_string_append(out, text);
}

static void
take_error(const char *text)
{
    g_string_append(errors, text);
}

static void
setup(void)
{
    xf_fake_reset();
    out = g_string_new(NULL);
    errors = g_string_new(NULL);
    g_set_print_handler(take_out);
    g_set_printerr_handler(take_error);
}

static void
teardown(void)
{
    ck_assert_int_eq(xf_fake_here.connections, 0);
    ck_assert_int_eq(xf_fake_there.connections, 0);
    g_string_free(out, TRUE);
    g_string_free(errors, TRUE);
}

/* xenferry LINE; the status. */
static enum xf_exit
run(const char *line)
{
    g_autofree char *whole = g_strconcat("xenferry ", line, NULL);
    g_auto(GStrv) words = NULL;
    int count = 0;

    g_string_truncate(out, 0);
    g_string_truncate(errors, 0);
    ck_assert(g_shell_parse_argv(whole, &count, &words, NULL));

    /* The parser takes words out of the vector; it does not free them. */
    g_autofree char **argv = g_memdup2(words, (count + 1) * sizeof(*words));

    return xf_cli_main(commands, xf_fake_open, count, argv);
}

static const char *
found(const char *text)
{
    static char name[64];
    XF_AUTO(xf_conn) *conn = xf_fake_open(FAKE_HERE, NULL);
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_domain_ref) *dom = xf_cli_find_domain(conn, text, &err);

    ck_assert((dom == NULL) == (err != NULL));
    g_strlcpy(name, dom ? dom->name : "-", sizeof(name));
    return name;
}

START_TEST(domains_by_name_id_uuid)
{
    setup();
    xf_fake_add(&xf_fake_here, 3, "guest1", 0x11);
    xf_fake_add(&xf_fake_here, 4, "3", 0x22);
    xf_fake_add(&xf_fake_here, 5, "99", 0x33);
    xf_fake_add(&xf_fake_here, 6, "44444444-4444-4444-4444-444444444444",
                0x55);
    ck_assert_str_eq(found("guest1"), "guest1");
    ck_assert_str_eq(found("3"), "guest1");
    ck_assert_str_eq(found("4"), "3");
    ck_assert_str_eq(found("99"), "99");
    ck_assert_str_eq(found("98"), "-");
    ck_assert_str_eq(found("33333333-3333-3333-3333-333333333333"), "99");
    ck_assert_str_eq(found("44444444-4444-4444-4444-444444444444"),
                     "44444444-4444-4444-4444-444444444444");
    ck_assert_str_eq(found("66666666-6666-6666-6666-666666666666"), "-");
    ck_assert_str_eq(found("99999999999999999999"), "-");
    ck_assert_str_eq(found(""), "-");
    teardown();
}
END_TEST

/* An error other than "not there" is not taken for "not there". */
START_TEST(lookup_errors_are_kept)
{
    g_autoptr(GError) err = NULL;

    setup();
    xf_fake_add(&xf_fake_here, 3, "guest1", 0x11);

    XF_AUTO(xf_conn) *conn = xf_fake_open(FAKE_HERE, NULL);

    xf_fake_here.down = TRUE;
    ck_assert_ptr_null(xf_cli_find_domain(conn, "3", &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_NO_CONNECT));
    xf_conn_close(g_steal_pointer(&conn));
    teardown();
}
END_TEST

static const struct {
    const char *line;
    enum xf_exit status;
    const char *error;      /* in stderr */
} usages[] = {
    { "", XF_EXIT_USAGE, "Commands:" },
    { "frobnicate", XF_EXIT_USAGE,
      "xenferry: there is no command 'frobnicate'; see" },
    { "--frobnicate", XF_EXIT_USAGE, "--frobnicate; see \"xenferry --help\"" },
    { "list --frobnicate", XF_EXIT_USAGE,
      "--frobnicate; see \"xenferry list --help\"" },
    { "list x", XF_EXIT_USAGE, "'x' is one argument too many" },
    { "create", XF_EXIT_USAGE, "create: FILE.xml is missing" },
    { "create a b", XF_EXIT_USAGE, "'b' is one argument too many" },
    { "destroy", XF_EXIT_USAGE, "destroy: DOMAIN is missing" },
    { "li", XF_EXIT_OK, "" },
    { "-c " FAKE_THERE " list", XF_EXIT_OK, "" },
    { "list --connect " FAKE_THERE, XF_EXIT_OK, "" },
    { "--version", XF_EXIT_OK, "" },
};

START_TEST(usage)
{
    setup();
    for (gsize i = 0; i < G_N_ELEMENTS(usages); i++) {
        int status = run(usages[i].line);

        ck_assert_msg(status == (int)usages[i].status, "%s: %d",
                      usages[i].line, status);
        ck_assert_msg(strstr(errors->str, usages[i].error) != NULL,
                      "%s: %s", usages[i].line, errors->str);
        if (!*usages[i].error)
            ck_assert_str_eq(errors->str, "");
    }
    teardown();
}
END_TEST

/* "un" is one command, "" any of them, "s" one; a word that is a whole name
 * is that command even where another begins with it. */
START_TEST(prefixes)
{
    setup();
    xf_fake_add(&xf_fake_here, 3, "g", 0x11);
    ck_assert_int_eq(run("un g"), XF_EXIT_OK);
    ck_assert_str_eq(out->str, "g runs\n");
    ck_assert_int_eq(run("\"\" g"), XF_EXIT_USAGE);
    ck_assert_ptr_nonnull(strstr(errors->str, "'' could be list or create"));
    teardown();
}
END_TEST

START_TEST(control)
{
    struct xf_fake_domain *domain;

    setup();
    domain = xf_fake_add(&xf_fake_here, 3, "g", 0x11);
    ck_assert_int_eq(run("pause g"), XF_EXIT_OK);
    ck_assert_int_eq(domain->info.state, XF_DOMAIN_PAUSED);
    ck_assert_int_eq(run("unpause 3"), XF_EXIT_OK);
    ck_assert_int_eq(domain->info.state, XF_DOMAIN_RUNNING);
    ck_assert_int_eq(run("shutdown g"), XF_EXIT_FAILED);
    ck_assert_ptr_nonnull(strstr(errors->str, "domain_shutdown"));
    ck_assert_int_eq(run("destroy g"), XF_EXIT_OK);
    ck_assert_str_eq(out->str, "g is destroyed\n");
    ck_assert_int_eq(run("destroy g"), XF_EXIT_FAILED);
    ck_assert_str_eq(errors->str,
                     "xenferry: there is no domain 'g' on this host; "
                     "\"xenferry list\" shows those that are there\n");
    teardown();
}
END_TEST

START_TEST(list_text)
{
    setup();
    xf_fake_add(&xf_fake_here, 3, "guest1", 0x11);
    /* what a peer chose for a name must not reach the terminal */
    xf_fake_add(&xf_fake_here, 4, "bad\033[2Jname", 0x22);
    ck_assert_int_eq(run("list"), XF_EXIT_OK);
    ck_assert_str_eq(out->str,
        "   ID  NAME                     STATE              MiB VCPUS"
        "     CPU s\n"
        "    3  guest1                   running            256     2"
        "       1.5\n"
        "    4  bad?[2Jname              running            256     2"
        "       1.5\n");
    teardown();
}
END_TEST

START_TEST(list_json)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonArray *array;
    JsonObject *object;

    setup();
    ck_assert_int_eq(run("list --json"), XF_EXIT_OK);
    ck_assert_str_eq(out->str, "[]\n");
    xf_fake_add(&xf_fake_here, 3, "guest1", 0x11);
    xf_fake_add(&xf_fake_here, 4, "guest2", 0x22)->info.state =
        XF_DOMAIN_PAUSED;
    ck_assert_int_eq(run("list --json"), XF_EXIT_OK);
    ck_assert(json_parser_load_from_data(parser, out->str, -1, NULL));
    array = json_node_get_array(json_parser_get_root(parser));
    ck_assert_int_eq(json_array_get_length(array), 2);
    object = json_array_get_object_element(array, 1);
    ck_assert_int_eq(json_object_get_int_member(object, "id"), 4);
    ck_assert_str_eq(json_object_get_string_member(object, "name"), "guest2");
    ck_assert_str_eq(json_object_get_string_member(object, "uuid"),
                     "22222222-2222-2222-2222-222222222222");
    ck_assert_str_eq(json_object_get_string_member(object, "state"),
                     "paused");
    ck_assert_int_eq(json_object_get_int_member(object, "memory_kib"),
                     256 * 1024);
    teardown();
}
END_TEST

static struct xf_handoff_info a_handoff = {
    .token = (char *)"00112233445566778899aabbccddeeff",
    .name = (char *)"bad\033name",
    .uuid = (char *)"11111111-1111-1111-1111-111111111111",
    .side = (char *)"source",
    .state = (char *)"in-doubt",
    .peer = (char *)"there",
    .next = (char *)"asks the destination again",
    .trouble = (char *)"no route",
    .domid = 3,
    .since = 86400LL * G_USEC_PER_SEC,
    .next_time = 90061LL * G_USEC_PER_SEC,
};

START_TEST(handoffs_text)
{
    setup();
    g_setenv("TZ", "UTC", TRUE);
    ck_assert_int_eq(run("handoffs"), XF_EXIT_OK);
    ck_assert_str_eq(out->str, "");
    xf_fake_here.handoff = &a_handoff;
    ck_assert_int_eq(run("handoffs"), XF_EXIT_OK);
    ck_assert_str_eq(out->str,
        "00112233445566778899aabbccddeeff  bad?name\n"
        "    source, in-doubt since 1970-01-02 00:00:00, with there\n"
        "    next: asks the destination again, at 1970-01-02 01:01:01\n"
        "    last try: no route\n"
        "    to ask now, or to settle it by hand: xenferry resolve "
        "00112233445566778899aabbccddeeff\n");
    teardown();
}
END_TEST

/* The last copy there may be: how it is settled is shown; but not before its
 * source has been asked in vain. */
START_TEST(handoffs_orphan)
{
    struct xf_handoff_info orphan = a_handoff;

    setup();
    orphan.side = (char *)"destination";
    orphan.state = (char *)"received";
    xf_fake_here.handoff = &orphan;
    ck_assert_int_eq(run("handoffs"), XF_EXIT_OK);
    ck_assert_msg(strstr(out->str, "xenferry resolve 00112233"), "%s",
                  out->str);
    orphan.trouble = (char *)"";
    ck_assert_int_eq(run("handoffs"), XF_EXIT_OK);
    ck_assert_msg(!strstr(out->str, "xenferry resolve"), "%s", out->str);
    teardown();
}
END_TEST

START_TEST(handoffs_json)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonObject *object;

    setup();
    xf_fake_here.handoff = &a_handoff;
    ck_assert_int_eq(run("handoffs --json"), XF_EXIT_OK);
    ck_assert(json_parser_load_from_data(parser, out->str, -1, NULL));
    object = json_array_get_object_element(
        json_node_get_array(json_parser_get_root(parser)), 0);
    ck_assert_str_eq(json_object_get_string_member(object, "token"),
                     a_handoff.token);
    ck_assert_str_eq(json_object_get_string_member(object, "state"),
                     "in-doubt");
    ck_assert_int_eq(json_object_get_int_member(object, "domid"), 3);
    ck_assert_int_eq(json_object_get_int_member(object, "since_us"),
                     a_handoff.since);
    ck_assert_int_eq(json_object_get_int_member(object, "next_us"),
                     a_handoff.next_time);
    ck_assert_str_eq(json_object_get_string_member(object, "trouble"),
                     "no route");
    xf_fake_here.handoff = NULL;
    ck_assert_int_eq(run("handoffs --json"), XF_EXIT_OK);
    ck_assert_str_eq(out->str, "[]\n");
    teardown();
}
END_TEST

START_TEST(resolve_asks)
{
    setup();
    ck_assert_int_eq(run("resolve abc"), XF_EXIT_OK);
    ck_assert_str_eq(xf_fake_here.resolved, "abc");
    ck_assert_int_eq(xf_fake_here.assumed, XF_ASSUME_NOTHING);
    ck_assert_str_eq(out->str, "abc is done\n");
    xf_fake_here.doubt = TRUE;
    ck_assert_int_eq(run("resolve abc"), XF_EXIT_IN_DOUBT);
    ck_assert_str_eq(errors->str, "xenferry: nobody answers\n");
    teardown();
}
END_TEST

/* Nothing is assumed before somebody has read what it risks. */
static const struct {
    const char *option, *risk;
    enum xf_assume assume;
} assumes[] = {
    { "--assume-committed", "THE GUEST IS LOST", XF_ASSUME_COMMITTED },
    { "--assume-revoked", "THE GUEST RUNS TWICE", XF_ASSUME_REVOKED },
    { "--assume-revoked",
      "If the source has no copy any more (its host was switched off, say), "
      "THE GUEST IS LOST", XF_ASSUME_REVOKED },
};

START_TEST(resolve_assumes)
{
    setup();
    ck_assert_ptr_nonnull(freopen("/dev/null", "r", stdin));
    for (gsize i = 0; i < G_N_ELEMENTS(assumes); i++) {
        g_autofree char *line =
            g_strdup_printf("resolve abc %s", assumes[i].option);
        g_autofree char *sure = g_strconcat(line, " --yes", NULL);

        g_clear_pointer(&xf_fake_here.resolved, g_free);
        ck_assert_int_eq(run(line), XF_EXIT_USAGE);
        ck_assert_msg(strstr(errors->str, assumes[i].risk), "%s",
                      errors->str);
        ck_assert_ptr_nonnull(strstr(errors->str, "nothing was done"));
        ck_assert_ptr_null(xf_fake_here.resolved);
        ck_assert_int_eq(run(sure), XF_EXIT_OK);
        ck_assert_int_eq(xf_fake_here.assumed, assumes[i].assume);
        ck_assert_str_eq(xf_fake_here.resolved, "abc");
    }
    xf_fake_here.assumed = XF_ASSUME_NOTHING;
    ck_assert_int_eq(
        run("resolve abc --assume-committed --assume-revoked --yes"),
        XF_EXIT_USAGE);
    ck_assert_int_eq(xf_fake_here.assumed, XF_ASSUME_NOTHING);
    teardown();
}
END_TEST

START_TEST(create)
{
    g_autofree char *file = NULL, *line = NULL;
    int fd;

    setup();
    fd = g_file_open_tmp("xenferry-check-XXXXXX", &file, NULL);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert(g_file_set_contents(file, "<domain/>", -1, NULL));
    line = g_strconcat("create --paused ", file, NULL);
    ck_assert_int_eq(run(line), XF_EXIT_OK);
    ck_assert_str_eq(xf_fake_here.created, "<domain/>");
    ck_assert_uint_eq(xf_fake_here.created_flags, XF_CREATE_PAUSED);
    ck_assert_str_eq(out->str, "made is created, paused, with id 7\n");
    g_unlink(file);
    ck_assert_int_eq(run(line), XF_EXIT_FAILED);
    ck_assert_ptr_nonnull(strstr(errors->str, file));
    teardown();
}
END_TEST

/* A file with `text`; free with g_free(), and remove it. */
static char *
file_with(const char *text)
{
    char *file = NULL;
    int fd = g_file_open_tmp("xenferry-check-XXXXXX", &file, NULL);

    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert(g_file_set_contents(file, text, -1, NULL));
    return file;
}

START_TEST(create_says_what_has_no_effect)
{
    static const char xml[] =
        "<domain type='xen'>\n<name>guest</name>\n<memory>65536</memory>\n"
        "<os><type>xenpvh</type><kernel>/k</kernel><boot dev='hd'/></os>\n"
        "</domain>";
    g_autofree char *good = file_with(xml);
    g_autofree char *bad = file_with("<domain type='kvm'/>");
    g_autofree char *line = g_strconcat("create --verbose ", good, NULL);
    g_autofree char *bad_line = g_strconcat("create --verbose ", bad, NULL);

    setup();
    ck_assert_int_eq(run(line), XF_EXIT_OK);
    ck_assert_str_eq(xf_fake_here.created, xml);
    ck_assert_str_eq(errors->str, "xenferry: no effect: line 4, <boot>: PV "
                                  "and PVH guests boot their kernel\n");
    g_clear_pointer(&xf_fake_here.created, g_free);
    ck_assert_int_eq(run(bad_line), XF_EXIT_FAILED);
    ck_assert_ptr_null(xf_fake_here.created);
    ck_assert_ptr_nonnull(strstr(errors->str, "only 'xen' runs here"));
    g_unlink(good);
    g_unlink(bad);
    teardown();
}
END_TEST

START_TEST(no_connection)
{
    setup();
    xf_fake_here.down = TRUE;
    ck_assert_int_eq(run("list"), XF_EXIT_FAILED);
    ck_assert_str_eq(errors->str, "xenferry: " FAKE_HERE ": here does not "
                                  "answer\n");
    teardown();
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        domains_by_name_id_uuid,
        lookup_errors_are_kept,
        usage,
        prefixes,
        control,
        create_says_what_has_no_effect,
        handoffs_text,
        handoffs_orphan,
        handoffs_json,
        resolve_asks,
        resolve_assumes,
        list_text,
        list_json,
        create,
        no_connection,
        NULL
    };

    return xf_unit_main("cli", tests);
}
