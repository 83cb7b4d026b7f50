/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stored domains, on two simulated hosts with an engine each: what is kept,
 * who may start what, and what a boot starts.  check-stored-moves.c has what
 * becomes of definitions when their domains move. */
#include "config.h"

#include "tests/unit/stored-world.h"

#include <glib/gstdio.h>
#include <string.h>

/* -- defining -- */

START_TEST(define_and_undefine)
{
    g_autoptr(GError) err = NULL;
    int reason;

    defined(&src, "s", UUID_S);
    for (int i = 0; i < 2; i++) {
        XF_AUTO(xf_domain_ref) *dom = look_up(&src, "s");

        ck_assert_ptr_nonnull(dom);
        ck_assert_int_eq(dom->id, -1);
        ck_assert(persistent(&src, "s"));
        ck_assert(!persistent(&src, "g"));
        ck_assert_int_eq(state_of(&src, "s", &reason), XF_DOMAIN_SHUTOFF);
        ck_assert_int_eq(reason, 0);

        g_autofree char *type =
            DRIVER(&src)->domain_os_type(src.conn, dom, &err);
        g_autofree char *xml = DRIVER(&src)->domain_xml(
            src.conn, dom, XF_XML_INACTIVE, &err);

        ck_assert_str_eq(type, "xenpvh");
        ck_assert_ptr_nonnull(strstr(xml, "<name>s</name>"));
        ck_assert_ptr_nonnull(strstr(xml, UUID_S));
        restart(&src);
    }
    ck_assert(undefine(&src, "s", &err));
    ck_assert_ptr_null(look_up(&src, "s"));
    ck_assert_uint_eq(files(&src, ""), 0);
    restart(&src);
    ck_assert_ptr_null(look_up(&src, "s"));
}
END_TEST

START_TEST(definitions_clash)
{
    g_autoptr(GError) err = NULL;

    defined(&src, "s", UUID_S);
    ck_assert_ptr_null(define(&src, "t", UUID_S, &err));
    said(&err, XF_ERROR_OPERATION_FAILED, "already defined with uuid");
    ck_assert_ptr_null(define(&src, "s", UUID_T, &err));
    said(&err, XF_ERROR_OPERATION_FAILED, "already exists with uuid");
    /* with one that runs, too */
    ck_assert_ptr_null(define(&src, "t", GUEST_UUID, &err));
    said(&err, XF_ERROR_OPERATION_FAILED, "is already there with uuid");
    ck_assert_ptr_null(define(&src, "g", UUID_T, &err));
    said(&err, XF_ERROR_OPERATION_FAILED, "already exists with uuid");
    /* anew, as itself */
    defined(&src, "s", UUID_S);
    lists(&src, XF_LIST_INACTIVE, "s");
}
END_TEST

START_TEST(names_lead_nowhere)
{
    static const char *const names[] = {
        "../../etc/passwd", "a/b", "bad\nname", ("x" XF_INCOMING_SUFFIX),
    };
    g_autoptr(GError) err = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        ck_assert_ptr_null(define(&src, names[i], UUID_S, &err));
        said(&err, XF_ERROR_XML, "is not a name for a domain");
    }
    defined(&src, "..", UUID_S);
    ck_assert_uint_eq(files(&src, ".xml"), 1);
    ck_assert(undefine(&src, "..", &err));
}
END_TEST

START_TEST(a_running_domain_is_defined)
{
    g_autoptr(GError) err = NULL;
    int reason;

    ck_assert(!undefine(&src, "g", &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "is transient");
    ck_assert(!autostart(&src, "g", TRUE, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "is transient");
    defined(&src, "g", GUEST_UUID);
    ck_assert(runs(&src, "g"));
    ck_assert(persistent(&src, "g"));
    ck_assert(!start(&src, "g", 0, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "already running");
    destroyed(&src, "g");
    ck_assert_int_eq(state_of(&src, "g", &reason), XF_DOMAIN_SHUTOFF);
    ck_assert_int_eq(reason, XF_SHUTOFF_DESTROYED);
    ck_assert(start(&src, "g", XF_CREATE_PAUSED, &err));
    ck_assert_int_eq(state_of(&src, "g", NULL), XF_DOMAIN_PAUSED);
    /* and without a definition it goes on, transient */
    ck_assert(undefine(&src, "g", &err));
    ck_assert(!persistent(&src, "g"));
    destroyed(&src, "g");
    ck_assert_ptr_null(look_up(&src, "g"));
}
END_TEST

START_TEST(what_does_not_run_says_so)
{
    g_autoptr(GError) err = NULL;

    defined(&src, "s", UUID_S);

    XF_AUTO(xf_domain_ref) *dom = look_up(&src, "s");

    ck_assert(!DRIVER(&src)->domain_destroy(src.conn, dom, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "'s' is not running");
    ck_assert(!DRIVER(&src)->domain_suspend(src.conn, dom, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "'s' is not running");
}
END_TEST

START_TEST(lists_filter)
{
    g_autoptr(GError) err = NULL;

    defined(&src, "s", UUID_S);
    defined(&src, "t", UUID_T);
    ck_assert(autostart(&src, "t", TRUE, &err));
    ck_assert(start(&src, "t", XF_CREATE_PAUSED, &err));
    for (int i = 0; i < 2; i++) {
        lists(&src, 0, "g s t");
        lists(&src, XF_LIST_ACTIVE, "g t");
        lists(&src, XF_LIST_INACTIVE, "s");
        lists(&src, XF_LIST_ACTIVE | XF_LIST_INACTIVE, "g s t");
        lists(&src, XF_LIST_PERSISTENT, "s t");
        lists(&src, XF_LIST_TRANSIENT, "g");
        lists(&src, XF_LIST_AUTOSTART, "t");
        lists(&src, XF_LIST_NO_AUTOSTART, "g s");
        lists(&src, XF_LIST_SHUTOFF, "s");
        lists(&src, XF_LIST_PAUSED | XF_LIST_SHUTOFF, "s t");
        lists(&src, XF_LIST_RUNNING | XF_LIST_PERSISTENT, "");
        lists(&src, XF_LIST_ACTIVE | XF_LIST_PERSISTENT, "t");
        restart(&src);
    }
}
END_TEST

START_TEST(a_full_disk_changes_nothing)
{
    g_autoptr(GError) err = NULL;

    defined(&src, "s", UUID_S);
    full(TRUE);
    ck_assert_ptr_null(define(&src, "t", UUID_T, &err));
    said(&err, XF_ERROR_SYSTEM, "No space");
    ck_assert(!undefine(&src, "s", &err));
    said(&err, XF_ERROR_SYSTEM, "No space");
    ck_assert(!autostart(&src, "s", TRUE, &err));
    said(&err, XF_ERROR_SYSTEM, "No space");
    lists(&src, XF_LIST_INACTIVE | XF_LIST_NO_AUTOSTART, "s");
    ck_assert_ptr_null(look_up(&src, "t"));
    full(FALSE);
    ck_assert(undefine(&src, "s", &err));
}
END_TEST

START_TEST(one_bad_file_does_not_stop_the_others)
{
    g_autofree char *good = NULL;
    g_autoptr(GError) err = NULL;

    defined(&src, "s", UUID_S);
    ck_assert(autostart(&src, "s", TRUE, &err));
    good = xf_sim_xml("t", UUID_T, "xenpvh", 64);
    put_file(&src, "00000000-1111-2222-3333-444444444444.xml", "<domain><na");
    /* of another domain than its name says; of a name that is taken */
    put_file(&src, "00000000-1111-2222-3333-555555555555.xml", good);
    put_file(&src, "notes.txt", "of the administrator");
    put_file(&src, UUID_S ".xml.new", "<dom");
    put_file(&src, UUID_T ".autostart", "");
    restart(&src);
    lists(&src, XF_LIST_INACTIVE, "s");
    lists(&src, XF_LIST_AUTOSTART, "s");
    /* what a crash left is gone, what is wrong stays for its administrator */
    ck_assert_uint_eq(files(&src, ".new"), 0);
    ck_assert_uint_eq(files(&src, ".autostart"), 1);
    ck_assert_uint_eq(files(&src, ".xml"), 3);
    ck_assert_uint_eq(files(&src, "notes.txt"), 1);
    defined(&src, "u", "00000000-1111-2222-3333-444444444444");
    restart(&src);
    lists(&src, XF_LIST_INACTIVE, "s u");
}
END_TEST

/* -- starting by itself -- */

START_TEST(autostart_after_a_boot_only)
{
    g_autoptr(GError) err = NULL;

    defined(&src, "s", UUID_S);
    defined(&src, "t", UUID_T);
    ck_assert(autostart(&src, "s", TRUE, &err));
    host_stop(&src);
    host_reboots(&src);
    host_start(&src);
    xf_engine_autostart(src.engine);
    wait_for(s_runs, &src);
    lists(&src, XF_LIST_ACTIVE, "s");
    /* shut down since, it stays so when only the daemon starts again */
    destroyed(&src, "s");
    host_stop(&src);            /* waits for it */
    for (int i = 0; i < 2; i++) {
        host_start(&src);
        xf_engine_autostart(src.engine);
        host_stop(&src);
        ck_assert(!s_runs(&src));
    }
    host_reboots(&src);
    host_start(&src);
    xf_engine_autostart(src.engine);
    wait_for(s_runs, &src);
    /* no longer */
    ck_assert(autostart(&src, "s", FALSE, &err));
    host_stop(&src);
    host_reboots(&src);
    host_start(&src);
    xf_engine_autostart(src.engine);
    host_stop(&src);
    ck_assert(!s_runs(&src));
    host_start(&src);
}
END_TEST

START_TEST(autostart_goes_on_after_a_failure)
{
    g_autoptr(GError) err = NULL;
    char text[XF_UUID_STRING_LEN + 2];
    g_autofree char *marker = g_build_filename(src.run, "autostarted", NULL);

    defined(&src, "q", UUID_T);
    defined(&src, "s", UUID_S);
    ck_assert(autostart(&src, "q", TRUE, &err));
    ck_assert(autostart(&src, "s", TRUE, &err));
    /* a daemon has died with the first of them tried */
    g_snprintf(text, sizeof(text), "%s\n", UUID_T);
    ck_assert(g_file_set_contents(marker, text, -1, NULL));
    xf_engine_autostart(src.engine);
    wait_for(s_runs, &src);
    ck_assert(!runs(&src, "q"));
    /* nobody knows who was: nobody is */
    destroyed(&src, "s");
    host_stop(&src);
    g_unlink(marker);
    ck_assert_int_eq(g_mkdir(marker, 0700), 0);
    host_start(&src);
    xf_engine_autostart(src.engine);
    host_stop(&src);
    ck_assert(!s_runs(&src));
    host_start(&src);
}
END_TEST

/* Boots the source, lets it start what it may, and stops it again. */
static void
boots_in_vain(void)
{
    host_stop(&src);
    host_reboots(&src);
    host_start(&src);
    xf_engine_autostart(src.engine);
}

START_TEST(in_doubt_is_not_started)
{
    struct walk walk;

    sent(&walk);
    ck_assert(walk_finish(&walk, FALSE));       /* it runs there */
    host_stop(&dst);                            /* which cannot be asked */
    boots_in_vain();
    refuses_to_start(&src, XF_ERROR_OPERATION_INVALID, "in-doubt");
    /* it asks on, and hears it in the end */
    host_start(&dst);
    settled_on(&dst);
    host_stop(&src);
    ck_assert(is_gone(&src));
    host_start(&src);
    lists(&src, XF_LIST_INACTIVE, "g");
    refuses_to_start(&src, XF_ERROR_OPERATION_INVALID, "was given away");
    walk_clear(&walk);
}
END_TEST

START_TEST(what_was_revoked_is_started)
{
    struct walk walk;

    sent(&walk);
    host_stop(&dst);                            /* it has not decided */
    host_reboots(&dst);                         /* and its copy is gone */
    boots_in_vain();
    refuses_to_start(&src, XF_ERROR_OPERATION_INVALID, "in-doubt");
    /* its log has no commit: then the guest may boot here, by itself */
    host_start(&dst);
    wait_for(g_runs, &src);
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(given_away_is_not_started)
{
    struct walk walk;

    sent(&walk);
    ck_assert(walk_finish(&walk, FALSE));
    host_stop(&dst);
    ck_assert_msg(walk_confirm(&walk, FALSE, walk.finish), "%s",
                  walk.err ? walk.err->message : "");
    wait_for(is_gone, &src);
    /* with the record, with the log alone, and when the other side has said
     * that it knows */
    refuses_to_start(&src, XF_ERROR_OPERATION_INVALID, "was given away");
    boots_in_vain();
    refuses_to_start(&src, XF_ERROR_OPERATION_INVALID, "was given away");
    host_start(&dst);
    settled_on(&dst);
    for (int i = 0; i < 2; i++) {
        refuses_to_start(&src, XF_ERROR_OPERATION_INVALID,
                         "has not come back");
        boots_in_vain();
    }
    host_stop(&src);
    ck_assert(is_gone(&src));
    host_start(&src);
    walk_clear(&walk);
}
END_TEST

START_TEST(what_comes_back_is_started_again)
{
    g_autoptr(GError) err = NULL;

    defined(&src, "g", GUEST_UUID);
    ck_assert(autostart(&src, "g", TRUE, &err));
    moves_from(&src);
    refuses_to_start(&src, XF_ERROR_OPERATION_INVALID, "has not come back");
    moves_from(&dst);
    ck_assert(persistent(&src, "g"));
    boots_in_vain();
    wait_for(g_runs, &src);
}
END_TEST

START_TEST(an_administrator_knows_better)
{
    g_autoptr(GError) err = NULL;

    defined(&src, "g", GUEST_UUID);
    ck_assert(autostart(&src, "g", TRUE, &err));
    moves_from(&src);
    destroyed(&dst, "g");
    ck_assert(!start(&src, "g", 0, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "xenferry start --given-away");
    ck_assert_msg(start(&src, "g", XF_CREATE_GIVEN_AWAY, &err), "%s",
                  err ? err->message : "");
    /* from then on it is this host's again */
    destroyed(&src, "g");
    boots_in_vain();
    wait_for(g_runs, &src);
}
END_TEST

START_TEST(promised_to_a_handoff)
{
    struct walk walk;
    g_autoptr(GError) err = NULL;
    g_autofree char *xml = xf_sim_xml("g", UUID_S, "xenpvh", 64);

    defined(&dst, "g", GUEST_UUID);
    walk_init(&walk);
    ck_assert(walk_begin(&walk));
    ck_assert(walk_prepare(&walk));
    refuses_to_start(&dst, XF_ERROR_OPERATION_INVALID, "is being migrated");
    ck_assert_ptr_null(DRIVER(&dst)->create_xml(dst.conn, xml, 0, &err));
    said(&err, XF_ERROR_OPERATION_FAILED, "the name 'g' is promised");
    /* nor is what is known of it changed meanwhile, on either side */
    ck_assert_ptr_null(define(&dst, "g", GUEST_UUID, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "is being migrated");
    ck_assert_ptr_null(define(&src, "g", GUEST_UUID, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "is being migrated");
    ck_assert(!undefine(&dst, "g", &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "is being migrated");
    ck_assert(!autostart(&dst, "g", TRUE, &err));
    said(&err, XF_ERROR_OPERATION_INVALID, "is being migrated");
    ck_assert(!walk_finish(&walk, TRUE));
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&src);
    walk_clear(&walk);
}
END_TEST

/* -- the files alone -- */

START_TEST(files_without_room)
{
    static const guint8 uuid[XF_UUID_LEN] = { 1 };
    g_autofree char *dir = g_build_filename(src.dir, "gone", NULL);
    g_autoptr(GError) err = NULL;
    struct xf_domain_store *store = xf_domain_files_new(dir, &err);

    ck_assert_ptr_nonnull(store);
    ck_assert_int_eq(g_rmdir(dir), 0);          /* nothing can be made there */
    ck_assert(!store->ops->write(store, uuid, "<domain/>", &err));
    said(&err, XF_ERROR_SYSTEM, "cannot be written");
    ck_assert(!store->ops->mark(store, uuid, XF_MARK_AWAY, "x", &err));
    said(&err, XF_ERROR_SYSTEM, ".away: cannot be written");
    store->ops->free(store);
    ck_assert(g_file_set_contents(dir, "a file", -1, NULL));
    ck_assert_ptr_null(xf_domain_files_new(dir, &err));
    said(&err, XF_ERROR_SYSTEM, "stored domains");
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { define_and_undefine, 1 },
        { definitions_clash, 1 },
        { names_lead_nowhere, 1 },
        { a_running_domain_is_defined, 1 },
        { what_does_not_run_says_so, 1 },
        { lists_filter, 1 },
        { a_full_disk_changes_nothing, 1 },
        { one_bad_file_does_not_stop_the_others, 1 },
        { autostart_after_a_boot_only, 1 },
        { autostart_goes_on_after_a_failure, 1 },
        { in_doubt_is_not_started, 1 },
        { what_was_revoked_is_started, 1 },
        { given_away_is_not_started, 1 },
        { what_comes_back_is_started_again, 1 },
        { an_administrator_knows_better, 1 },
        { promised_to_a_handoff, 1 },
        { files_without_room, 1 },
        { NULL, 0 },
    };

    return stored_main("stored", tests);
}
