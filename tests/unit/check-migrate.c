/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenferry migrate: that its verdict is true whatever the sequence came back
 * with.  The sequence here is a script of each test's: it does to the two
 * fake hosts what a migration that ends so would have done.
 */
#include "config.h"

#include "tests/unit/common.h"
#include "tests/unit/fake-host.h"
#include "tools/commands.h"
#include "tools/report.h"

#include <glib/gstdio.h>
#include <string.h>

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define DEADLINE_S 20

static const struct xf_command *const commands[] = { &xf_cmd_migrate, NULL };

/* What xf_sequence_run() does in this test. */
static struct xf_domain_ref *(*script)(struct xf_conn *source,
                                       const struct xf_domain_ref *dom,
                                       const struct xf_sequence_request *r,
                                       GError **err);

struct xf_domain_ref *
xf_sequence_run(struct xf_conn *source, const struct xf_domain_ref *dom,
                struct xf_conn *destination,
                const struct xf_sequence_request *request, GError **err)
{
    return script(source, dom, request, err);
}

/* -- what tests look at -- */

static GString *out, *errors;
static struct xf_sequence_request asked;
static GString *phases;     /* as the ui was told them */
static gint jobs, notes, stops;

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
ui_phase(void *user, const char *phase)
{
    g_string_append_printf(phases, "%s ", phase);
}

static void
ui_job(void *user, const struct xf_job_info *info)
{
    if (info->type != XF_JOB_NONE)
        g_atomic_int_inc(&jobs);
}

static void
ui_stopping(void *user)
{
    g_atomic_int_inc(&stops);
}

static void
ui_note(void *user, const char *text)
{
    g_atomic_int_inc(&notes);
}

static const struct xf_move_ui ui = { ui_phase, ui_job, ui_stopping, ui_note };

static const struct xf_move_request request = {
    .domain = "guest1",
    .destination = FAKE_THERE,
    .flags = XF_MIGRATE_LIVE,
    .bandwidth = 30,
    .poll_ms = 2,
    .settle_ms = 40,
    .ui = &ui,
};

static void
setup(void)
{
    xf_fake_reset();
    out = g_string_new(NULL);
    errors = g_string_new(NULL);
    phases = g_string_new(NULL);
    jobs = notes = stops = 0;
    xf_fake_add(&xf_fake_here, 3, "guest1", 0x11);
    g_set_print_handler(take_out);
    g_set_printerr_handler(take_error);
    g_setenv("TERM", "dumb", TRUE);
}

static void
teardown(struct xf_move_report *report)
{
    xf_move_report_clear(report);
    ck_assert_int_eq(xf_fake_here.connections, 0);
    ck_assert_int_eq(xf_fake_there.connections, 0);
    g_string_free(out, TRUE);
    g_string_free(errors, TRUE);
    g_string_free(phases, TRUE);
}

static void
move_as(const struct xf_move_request *wish, struct xf_move_report *report)
{
    struct xf_cli cli = { .uri = FAKE_HERE, .open = xf_fake_open };
    struct xf_move *mover = xf_move_new(&cli, wish);

    xf_move_run(mover, report);
    xf_move_free(mover);
    xf_report_tell(FAKE_HERE, wish, report, FALSE);
}

static void
move(struct xf_move_report *report)
{
    move_as(&request, report);
}

/* -- scripts -- */

/* The guest is over there under `name`. */
static struct xf_domain_ref *
arrive(const char *name)
{
    xf_fake_remove(&xf_fake_here, "guest1");
    return xf_domain_ref_copy(xf_fake_add(&xf_fake_there, 9, name,
                                          0x11)->ref);
}

static struct xf_domain_ref *
succeed(struct xf_conn *source, const struct xf_domain_ref *dom,
        const struct xf_sequence_request *r, GError **err)
{
    static const char *const names[] = {
        "begin", "prepare", "perform", "finish", "confirm",
    };

    asked = *r;
    r->chosen(r->user, "v9");
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        r->phase(r->user, names[i]);
    g_mutex_lock(&xf_fake_lock);
    xf_fake_here.completed = (struct xf_job_info){
        .type = XF_JOB_COMPLETED,
        .downtime = 310,
        .wire_bytes = 515 * MIB,
        .mem_processed = 514 * MIB,
        .iteration = 2,
    };
    g_mutex_unlock(&xf_fake_lock);
    return arrive(r->dname ? r->dname : "guest1");
}

static struct xf_domain_ref *
go_wrong(GError **err, enum xf_error_code code)
{
    g_set_error_literal(err, XF_ERROR, code, "it went wrong");
    return NULL;
}

/* Another client has it: its job is not ours to wait for. */
static struct xf_domain_ref *
fail_begin(struct xf_conn *source, const struct xf_domain_ref *dom,
           const struct xf_sequence_request *r, GError **err)
{
    r->phase(r->user, "begin");
    g_mutex_lock(&xf_fake_lock);
    xf_fake_here.job.type = XF_JOB_UNBOUNDED;
    g_mutex_unlock(&xf_fake_lock);
    return go_wrong(err, XF_ERROR_OPERATION_INVALID);
}

static struct xf_domain_ref *
fail_perform(struct xf_conn *source, const struct xf_domain_ref *dom,
             const struct xf_sequence_request *r, GError **err)
{
    r->phase(r->user, "perform");
    return go_wrong(err, XF_ERROR_OPERATION_FAILED);
}

/* The destination's answer to Finish is lost; the source found out that it
 * had committed. */
static struct xf_domain_ref *
lose_reply(struct xf_conn *source, const struct xf_domain_ref *dom,
           const struct xf_sequence_request *r, GError **err)
{
    r->phase(r->user, "perform");
    xf_domain_ref_free(arrive("guest1"));
    g_mutex_lock(&xf_fake_lock);
    xf_fake_there.broken = TRUE;
    g_mutex_unlock(&xf_fake_lock);
    return go_wrong(err, XF_ERROR_NO_CONNECT);
}

static struct xf_domain_ref *
stay_in_doubt(struct xf_conn *source, const struct xf_domain_ref *dom,
              const struct xf_sequence_request *r, GError **err)
{
    struct xf_fake_domain *domain = xf_fake_here.domains->pdata[0];

    r->phase(r->user, "perform");
    domain->info.state = XF_DOMAIN_PAUSED;
    domain->info.reason = XF_PAUSED_MIGRATION;
    return go_wrong(err, XF_ERROR_IN_DOUBT);
}

static struct xf_domain_ref *
lose_source(struct xf_conn *source, const struct xf_domain_ref *dom,
            const struct xf_sequence_request *r, GError **err)
{
    r->phase(r->user, "perform");
    g_mutex_lock(&xf_fake_lock);
    xf_fake_here.down = TRUE;
    g_mutex_unlock(&xf_fake_lock);
    return go_wrong(err, XF_ERROR_NO_CONNECT);
}

/* The connection breaks while the source goes on streaming. */
static struct xf_domain_ref *
lose_contact(struct xf_conn *source, const struct xf_domain_ref *dom,
             const struct xf_sequence_request *r, GError **err)
{
    r->phase(r->user, "perform");
    g_mutex_lock(&xf_fake_lock);
    xf_fake_here.broken = TRUE;
    xf_fake_here.job.type = XF_JOB_UNBOUNDED;
    g_mutex_unlock(&xf_fake_lock);
    return go_wrong(err, XF_ERROR_NO_CONNECT);
}

static struct xf_domain_ref *
guest_dies(struct xf_conn *source, const struct xf_domain_ref *dom,
           const struct xf_sequence_request *r, GError **err)
{
    r->phase(r->user, "perform");
    xf_fake_remove(&xf_fake_here, "guest1");
    xf_fake_add(&xf_fake_there, 9, "guest1--incoming", 0x11)->info.state =
        XF_DOMAIN_PAUSED;
    return go_wrong(err, XF_ERROR_OPERATION_FAILED);
}

/* It powers off, and the source has settled that. */
static struct xf_domain_ref *
guest_ends(struct xf_conn *source, const struct xf_domain_ref *dom,
           const struct xf_sequence_request *r, GError **err)
{
    r->phase(r->user, "perform");
    xf_fake_remove(&xf_fake_here, "guest1");
    g_mutex_lock(&xf_fake_lock);
    xf_fake_here.completed =
        (struct xf_job_info){ .type = XF_JOB_FAILED, .time_elapsed = 7 };
    g_mutex_unlock(&xf_fake_lock);
    return go_wrong(err, XF_ERROR_OPERATION_FAILED);
}

/* Streams until the source has heard an abort. */
static struct xf_domain_ref *
await_abort(struct xf_conn *source, const struct xf_domain_ref *dom,
            const struct xf_sequence_request *r, GError **err)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_S * G_USEC_PER_SEC;

    r->phase(r->user, "perform");
    while (g_atomic_int_get(&xf_fake_here.aborts) == 0) {
        ck_assert_int_lt(g_get_monotonic_time(), deadline);
        g_thread_yield();
    }
    return go_wrong(err, XF_ERROR_ABORTED);
}

/* -- tests -- */

START_TEST(moved)
{
    struct xf_move_report report;

    setup();
    script = succeed;
    move(&report);
    ck_assert_int_eq(report.result, XF_MOVE_MOVED);
    ck_assert_int_eq(xf_report_exit(&report), 0);
    ck_assert_ptr_null(report.error);
    ck_assert_uint_eq(asked.flags, XF_MIGRATE_LIVE);
    ck_assert_uint_eq(asked.bandwidth, 30);
    ck_assert_str_eq(phases->str, "begin prepare perform finish confirm ");
    ck_assert_str_eq(report.protocol, "v9");
    ck_assert_ptr_nonnull(strstr(out->str, "  protocol    v9\n"));
    ck_assert_uint_eq(report.job.downtime, 310);
    ck_assert(g_str_has_prefix(out->str, "guest1 has moved from " FAKE_HERE
                                         " to " FAKE_THERE "\n"));
    ck_assert_ptr_nonnull(strstr(out->str, "  downtime    310 ms\n"));
    ck_assert_ptr_nonnull(strstr(
        out->str, "sent        515.0 MiB (memory: 514.0 MiB in 3 iter"));
    ck_assert_str_eq(errors->str, "");
    teardown(&report);
}
END_TEST

/* A source that gives no downtime: the destination's is taken. */
START_TEST(downtime_from_destination)
{
    struct xf_move_report report;

    setup();
    script = lose_reply;
    xf_fake_here.completed.type = XF_JOB_COMPLETED;
    xf_fake_there.completed.type = XF_JOB_COMPLETED;
    xf_fake_there.completed.downtime = 77;
    move(&report);
    ck_assert_uint_eq(report.job.downtime, 77);
    teardown(&report);
}
END_TEST

static const struct {
    struct xf_domain_ref *(*script)(struct xf_conn *source,
                                    const struct xf_domain_ref *dom,
                                    const struct xf_sequence_request *r,
                                    GError **err);
    int status;
    const char *error;      /* in stderr, beside the sequence's */
} endings[] = {
    { fail_begin, 1, "nothing has moved: guest1 runs on at " FAKE_HERE },
    { fail_perform, 1, "nothing has moved: guest1 runs on at " FAKE_HERE },
    { lose_reply, 0, "the guest has moved all the same" },
    { stay_in_doubt, 3, "its copy at " FAKE_HERE " waits" },
    { lose_source, 3, FAKE_HERE " does not answer" },
    { lose_contact, 3, "its copy at " FAKE_HERE " waits" },
    { guest_dies, 3, FAKE_HERE " has it no more" },
};

START_TEST(verdict_is_true)
{
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        struct xf_move_report report;

        setup();
        script = endings[i].script;
        move(&report);
        ck_assert_msg((int)xf_report_exit(&report) == endings[i].status,
                      "ending %zu: status %d", i, xf_report_exit(&report));
        ck_assert_msg(strstr(errors->str, "it went wrong")
                      && strstr(errors->str, endings[i].error),
                      "ending %zu: %s", i, errors->str);
        ck_assert((report.destination != NULL) ==
                  (report.result == XF_MOVE_MOVED));
        teardown(&report);
    }
}
END_TEST

/* In doubt says where to look. */
START_TEST(in_doubt_helps)
{
    struct xf_move_report report;

    setup();
    script = stay_in_doubt;
    move(&report);
    ck_assert_ptr_nonnull(strstr(errors->str, "xenferry resolve TOKEN"));
    ck_assert_ptr_nonnull(strstr(errors->str, "journalctl -u xenferryd"));
    ck_assert_str_eq(out->str, "");
    ck_assert_int_eq(notes, 1);
    teardown(&report);
}
END_TEST

/* A libvirtd says "running" of a copy that it has suspended to hand it over,
 * and no daemon settles it. */
static struct xf_domain_ref *
nobody_knows(struct xf_conn *source, const struct xf_domain_ref *dom,
             const struct xf_sequence_request *r, GError **err)
{
    r->phase(r->user, "perform");
    xf_fake_add(&xf_fake_there, 9, "guest1", 0x11);
    return go_wrong(err, XF_ERROR_IN_DOUBT);
}

START_TEST(in_doubt_at_a_stock_source)
{
    struct xf_move_report report;

    setup();
    xf_fake_here.stock = TRUE;
    script = nobody_knows;
    move(&report);
    ck_assert_int_eq(xf_report_exit(&report), XF_EXIT_IN_DOUBT);
    ck_assert_ptr_nonnull(strstr(errors->str, "it went wrong"));
    ck_assert_ptr_nonnull(strstr(errors->str, "until you settle it"));
    ck_assert_ptr_null(strstr(errors->str, "nothing has moved"));
    ck_assert_ptr_null(strstr(errors->str, "xenferryd at the source"));
    ck_assert_ptr_null(strstr(errors->str, "resolve"));
    teardown(&report);
}
END_TEST

/* Paused by its administrator before, paused after: that is "as before". */
START_TEST(paused_guest)
{
    struct xf_move_report report;

    setup();
    ((struct xf_fake_domain *)xf_fake_here.domains->pdata[0])->info.state =
        XF_DOMAIN_PAUSED;
    script = fail_perform;
    move(&report);
    ck_assert_int_eq(report.result, XF_MOVE_FAILED);
    ck_assert_ptr_nonnull(strstr(errors->str, "as before, paused"));
    teardown(&report);
}
END_TEST

START_TEST(guest_has_ended)
{
    struct xf_move_report report;

    setup();
    script = guest_ends;
    move(&report);
    ck_assert_int_eq(xf_report_exit(&report), XF_EXIT_FAILED);
    ck_assert(report.ended);
    ck_assert_ptr_nonnull(strstr(errors->str,
                                 "guest1 has ended by itself meanwhile"));
    ck_assert_ptr_null(strstr(errors->str, "runs on"));
    ck_assert_ptr_null(strstr(errors->str, "resolve"));
    teardown(&report);
}
END_TEST

/* Where one proof is missing it is in doubt. */
static struct xf_handoff_info open_handoff = {
    .token = (char *)"t",
    .name = (char *)"guest1",
    .uuid = (char *)"11111111-1111-1111-1111-111111111111",
    .side = (char *)"source",
    .state = (char *)"in-doubt",
    .peer = (char *)"there",
    .next = (char *)"asks",
    .trouble = (char *)"",
};

static void
its_handoff_is_left(void)
{
    xf_fake_here.handoff = &open_handoff;
}

static void
handoffs_are_not_told(void)
{
    xf_fake_here.mute = TRUE;
}

static void
a_copy_is_there(void)
{
    xf_fake_add(&xf_fake_there, 9, "guest1--incoming", 0x11);
}

static void
destination_is_down(void)
{
    xf_fake_there.down = TRUE;
}

static void
source_forgot_it(void)
{
    xf_fake_here.completed.type = XF_JOB_NONE;
}

static void
source_gave_it_away(void)
{
    xf_fake_here.completed.type = XF_JOB_COMPLETED;
}

static void (*const doubts[])(void) = {
    its_handoff_is_left, handoffs_are_not_told, a_copy_is_there,
    destination_is_down, source_forgot_it, source_gave_it_away,
};
static void (*doubt)(void);

static struct xf_domain_ref *
guest_may_end(struct xf_conn *source, const struct xf_domain_ref *dom,
              const struct xf_sequence_request *r, GError **err)
{
    guest_ends(source, dom, r, err);
    g_mutex_lock(&xf_fake_lock);
    doubt();
    g_mutex_unlock(&xf_fake_lock);
    return NULL;
}

START_TEST(guest_may_have_ended)
{
    for (gsize i = 0; i < G_N_ELEMENTS(doubts); i++) {
        struct xf_move_report report;

        setup();
        script = guest_may_end;
        doubt = doubts[i];
        move(&report);
        ck_assert_msg(xf_report_exit(&report) == XF_EXIT_IN_DOUBT,
                      "doubt %zu: %s", i, errors->str);
        ck_assert_ptr_nonnull(strstr(errors->str, "has it no more"));
        teardown(&report);
    }
}
END_TEST

/* What the source said of an earlier migration proves nothing. */
START_TEST(an_old_verdict)
{
    struct xf_move_report report;

    setup();
    xf_fake_here.completed =
        (struct xf_job_info){ .type = XF_JOB_FAILED, .time_elapsed = 7 };
    script = guest_ends;
    move(&report);
    ck_assert_int_eq(xf_report_exit(&report), XF_EXIT_IN_DOUBT);
    teardown(&report);
}
END_TEST

/* One that is a handoff of another guest is none of ours. */
START_TEST(another_is_in_doubt)
{
    struct xf_handoff_info other = open_handoff;
    struct xf_move_report report;

    setup();
    other.uuid = (char *)"22222222-2222-2222-2222-222222222222";
    xf_fake_here.handoff = &other;
    script = guest_ends;
    move(&report);
    ck_assert(report.ended);
    teardown(&report);
}
END_TEST

static gpointer
abort_when_seen(gpointer mover)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_S * G_USEC_PER_SEC;

    while (g_atomic_int_get(&jobs) == 0) {
        ck_assert_int_lt(g_get_monotonic_time(), deadline);
        g_thread_yield();
    }
    xf_move_abort(mover);
    return NULL;
}

START_TEST(aborted)
{
    struct xf_cli cli = { .uri = FAKE_HERE, .open = xf_fake_open };
    struct xf_move *mover = xf_move_new(&cli, &request);
    struct xf_move_report report;
    GThread *thread;

    setup();
    script = await_abort;
    xf_fake_here.job = (struct xf_job_info){
        .type = XF_JOB_UNBOUNDED,
        .mem_total = 512 * MIB,
        .mem_processed = 100 * MIB,
    };
    thread = g_thread_new("abort", abort_when_seen, mover);
    xf_move_run(mover, &report);
    g_thread_join(thread);
    xf_move_free(mover);
    ck_assert_int_eq(stops, 1);
    ck_assert(report.stopped);
    ck_assert_int_eq(g_atomic_int_get(&xf_fake_here.aborts), 1);
    ck_assert(g_error_matches(report.error, XF_ERROR, XF_ERROR_ABORTED));
    teardown(&report);
}
END_TEST

START_TEST(same_host)
{
    struct xf_move_report report;

    setup();
    script = succeed;
    xf_fake_there.hostname = "here";
    /* the name alone is no proof */
    move(&report);
    ck_assert_int_eq(report.result, XF_MOVE_MOVED);
    teardown(&report);

    setup();
    xf_fake_there.hostname = "here";
    xf_fake_add(&xf_fake_there, 3, "guest1", 0x11);
    move(&report);
    ck_assert_int_eq(report.result, XF_MOVE_FAILED);
    ck_assert_ptr_nonnull(strstr(errors->str, "is on already (here)"));
    teardown(&report);
}
END_TEST

START_TEST(refused_before_it_starts)
{
    struct xf_move_report report;

    setup();
    xf_fake_remove(&xf_fake_here, "guest1");
    move(&report);
    ck_assert_int_eq(report.result, XF_MOVE_FAILED);
    ck_assert_ptr_nonnull(strstr(errors->str, "no domain 'guest1'"));
    ck_assert_ptr_null(strstr(errors->str, "runs on"));
    ck_assert(!report.started);
    teardown(&report);

    setup();
    xf_fake_there.down = TRUE;
    move(&report);
    ck_assert_int_eq(report.result, XF_MOVE_FAILED);
    ck_assert_ptr_nonnull(strstr(errors->str,
                                 FAKE_THERE ": there does not answer"));
    teardown(&report);
}
END_TEST

/* What a domain that does not run can be asked for, and what is said. */
static const struct {
    gboolean p2p, direct;
    guint32 flags;
    const char *error;
} of_stored[] = {
    { FALSE, FALSE, XF_MIGRATE_LIVE, "domain 'guest1' is not running" },
    { TRUE, FALSE, XF_MIGRATE_LIVE, "domain 'guest1' is not running" },
    { FALSE, TRUE, XF_MIGRATE_LIVE, "domain 'guest1' is not running" },
    { TRUE, FALSE, XF_MIGRATE_OFFLINE | XF_MIGRATE_PERSIST_DEST,
      "it is refused" },
};

/* Nothing of it can be in doubt. */
START_TEST(not_running)
{
    for (gsize i = 0; i < G_N_ELEMENTS(of_stored); i++) {
        struct xf_move_request wish = request;
        struct xf_move_report report;

        setup();
        xf_fake_remove(&xf_fake_here, "guest1");
        xf_fake_add(&xf_fake_here, -1, "guest1", 0x11)->info.state =
            XF_DOMAIN_SHUTOFF;
        script = succeed;
        wish.p2p = of_stored[i].p2p;
        wish.direct = of_stored[i].direct;
        wish.flags = of_stored[i].flags;
        move_as(&wish, &report);
        ck_assert_msg(xf_report_exit(&report) == XF_EXIT_FAILED, "%zu: %s",
                      i, errors->str);
        ck_assert_msg(strstr(errors->str, of_stored[i].error), "%s",
                      errors->str);
        ck_assert_ptr_nonnull(strstr(errors->str, "as before, not running"));
        ck_assert_ptr_null(strstr(errors->str, "runs on"));
        ck_assert_int_eq(notes, 0);
        teardown(&report);
    }
}
END_TEST

/* -- the whole command -- */

static int
run(const char *line)
{
    g_autofree char *whole = g_strconcat("xenferry ", line, NULL);
    g_auto(GStrv) words = NULL;
    int count = 0;

    ck_assert(g_shell_parse_argv(whole, &count, &words, NULL));

    g_autofree char **argv = g_memdup2(words, (count + 1) * sizeof(*words));

    return xf_cli_main(commands, xf_fake_open, count, argv);
}

START_TEST(command_json)
{
    struct xf_move_report report = { 0 };
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonObject *object;

    setup();
    script = succeed;
    ck_assert_int_eq(run("migrate guest1 " FAKE_THERE " --dname other --json "
                         "--paused --bandwidth 12 --uri tcp://x"), 0);
    ck_assert_str_eq(errors->str, "");
    ck_assert_uint_eq(asked.flags, XF_MIGRATE_PAUSED);
    ck_assert_uint_eq(asked.bandwidth, 12);
    ck_assert(json_parser_load_from_data(parser, out->str, -1, NULL));
    object = json_node_get_object(json_parser_get_root(parser));
    ck_assert_str_eq(json_object_get_string_member(object, "result"),
                     "moved");
    ck_assert_str_eq(json_object_get_string_member(object, "domain"),
                     "guest1");
    ck_assert_str_eq(json_object_get_string_member(object, "uuid"),
                     "11111111-1111-1111-1111-111111111111");
    ck_assert_str_eq(json_object_get_string_member(object, "from"),
                     FAKE_HERE);
    ck_assert_str_eq(json_object_get_string_member(object, "to"), FAKE_THERE);
    ck_assert_int_eq(json_object_get_int_member(object, "downtime_ms"), 310);
    ck_assert_int_eq(json_object_get_int_member(object, "iterations"), 3);
    ck_assert_int_eq(json_object_get_int_member(object, "wire_bytes"),
                     515 * MIB);
    ck_assert(json_object_get_null_member(object, "error"));
    teardown(&report);
}
END_TEST

START_TEST(command_json_failed)
{
    struct xf_move_report report = { 0 };
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonObject *object;

    setup();
    script = fail_begin;
    ck_assert_int_eq(run("migrate guest1 " FAKE_THERE " --json"), 1);
    ck_assert(json_parser_load_from_data(parser, out->str, -1, NULL));
    object = json_node_get_object(json_parser_get_root(parser));
    ck_assert_str_eq(json_object_get_string_member(object, "result"),
                     "failed");
    ck_assert(json_object_get_null_member(object, "downtime_ms"));
    object = json_object_get_object_member(object, "error");
    ck_assert_int_eq(json_object_get_int_member(object, "code"), 55);
    ck_assert_str_eq(json_object_get_string_member(object, "message"),
                     "it went wrong");
    teardown(&report);
}
END_TEST

START_TEST(command_lines)
{
    struct xf_move_report report = { 0 };

    setup();
    script = succeed;
    ck_assert_int_eq(run("migrate guest1 " FAKE_THERE), 0);
    ck_assert_ptr_nonnull(strstr(out->str, " s  begin\n"));
    ck_assert_ptr_nonnull(strstr(out->str, " s  confirm\n"));
    ck_assert_ptr_nonnull(strstr(out->str, " s  done\nguest1 has moved"));
    teardown(&report);
}
END_TEST

START_TEST(command_usage)
{
    struct xf_move_report report = { 0 };

    setup();
    ck_assert_int_eq(run("migrate guest1"), 2);
    ck_assert_int_eq(run("migrate guest1 host2"), 2);
    ck_assert_ptr_nonnull(strstr(errors->str, "try xen+tcp://host2/system"));
    ck_assert_int_eq(run("migrate guest1 " FAKE_THERE " --bandwidth=-1"), 2);
    ck_assert_int_eq(run("migrate guest1 " FAKE_THERE " --bandwidth=x"), 2);
    teardown(&report);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        moved,
        downtime_from_destination,
        verdict_is_true,
        in_doubt_helps,
        in_doubt_at_a_stock_source,
        paused_guest,
        guest_has_ended,
        guest_may_have_ended,
        an_old_verdict,
        another_is_in_doubt,
        aborted,
        same_host,
        refused_before_it_starts,
        not_running,
        command_json,
        command_json_failed,
        command_lines,
        command_usage,
        NULL
    };

    return xf_unit_main("migrate", tests);
}
