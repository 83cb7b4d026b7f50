/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The v3 sequence over two doubles that write down every call: tests compare
 * the whole transcript, arguments and cookies included.
 *
 * A line of it: side, call, flags in hex, "name=" "uri=" "xml=" "bw=" as far
 * as given, the cookie that came in (or "-"), "cancelled".
 */
#include "config.h"

#include <string.h>

#include "protocol/sequence.h"
#include "tests/unit/common.h"

#define FEATURE(n) (1u << XF_FEATURE_##n)
#define LIVE XF_MIGRATE_LIVE
#define PROTECTS (FEATURE(MIGRATION_PARAMS) | FEATURE(CHANGE_PROTECTION))

struct host {
    struct xf_conn conn;
    const char *side;           /* "S", "D" */
    guint features;
    gboolean stock;             /* it is none of ours */
    const char *fails;          /* the call that fails, or NULL */
    enum xf_error_code code;    /* of that; 0: OPERATION_FAILED */
    enum xf_domain_state state;
    const char *uri_out;
    gboolean finish_anyway;     /* returns a domain though cancelled */
};

static struct host source, destination;
static struct xf_domain_ref *dom;
static GString *transcript;
static GString *phases;
static int cookies_alive;
static int warnings;

/* -- the double -- */

static gboolean
fails(const struct host *host, const char *call, GError **err)
{
    if (g_strcmp0(host->fails, call))
        return FALSE;
    g_set_error(err, XF_ERROR,
                host->code ? host->code : XF_ERROR_OPERATION_FAILED,
                "%s %s broke", host->side, call);
    return TRUE;
}

static void
cookie_gone(void *text)
{
    cookies_alive--;
    g_free(text);
}

static void
give_cookie(GBytes **cookie, const char *text)
{
    ck_assert_ptr_null(*cookie);
    *cookie = g_bytes_new_with_free_func(text, strlen(text), cookie_gone,
                                         g_strdup(text));
    cookies_alive++;
}

static void
write_down(const struct host *host, const char *call,
           const struct xf_migrate_args *args)
{
    gsize len = 0;
    const char *cookie =
        args->cookie_in ? g_bytes_get_data(args->cookie_in, &len) : NULL;

    ck_assert_ptr_null(args->dconnuri);
    g_string_append_printf(transcript, "%s %s %x", host->side, call,
                           args->flags);
    if (args->dname)
        g_string_append_printf(transcript, " name=%s", args->dname);
    if (args->uri)
        g_string_append_printf(transcript, " uri=%s", args->uri);
    if (args->xml)
        g_string_append_printf(transcript, " xml=%s", args->xml);
    if (args->bandwidth)
        g_string_append_printf(transcript, " bw=%u", (guint)args->bandwidth);
    g_string_append_printf(transcript, " %.*s%s\n", len ? (int)len : 1,
                           len ? cookie : "-",
                           args->cancelled ? " cancelled" : "");
}

static int
double_supports_feature(struct xf_conn *conn, int feature, GError **err)
{
    struct host *host = (struct host *)conn;

    if (!g_strcmp0(host->fails, "feature")) {
        g_set_error(err, XF_ERROR, host->code, "feature broke");
        return -1;
    }
    if (feature == XF_FEATURE_XENFERRY)
        return !host->stock;
    return host->features >> feature & 1;
}

static gboolean
double_domain_info(struct xf_conn *conn, const struct xf_domain_ref *ref,
                   struct xf_domain_info *info, GError **err)
{
    struct host *host = (struct host *)conn;

    ck_assert_ptr_eq(host, &source);
    ck_assert_ptr_eq(ref, dom);
    if (fails(host, "info", err))
        return FALSE;
    info->state = host->state;
    return TRUE;
}

static char *
double_begin3(struct xf_conn *conn, const struct xf_domain_ref *ref,
              const struct xf_migrate_args *args, GBytes **cookie_out,
              GError **err)
{
    struct host *host = (struct host *)conn;

    ck_assert_ptr_eq(ref, dom);
    write_down(host, "begin", args);
    if (fails(host, "begin", err))
        return NULL;
    give_cookie(cookie_out, "B");
    return g_strdup("<begun/>");
}

static gboolean
double_prepare3(struct xf_conn *conn, const struct xf_migrate_args *args,
                GBytes **cookie_out, char **uri_out, GError **err)
{
    struct host *host = (struct host *)conn;

    write_down(host, "prepare", args);
    if (fails(host, "prepare", err))
        return FALSE;
    give_cookie(cookie_out, "P");
    *uri_out = g_strdup(host->uri_out);
    return TRUE;
}

static gboolean
double_perform3(struct xf_conn *conn, const struct xf_domain_ref *ref,
                const struct xf_migrate_args *args, GBytes **cookie_out,
                GError **err)
{
    struct host *host = (struct host *)conn;

    ck_assert_ptr_eq(ref, dom);
    write_down(host, "perform", args);
    if (fails(host, "perform", err))
        return FALSE;
    give_cookie(cookie_out, "F");
    return TRUE;
}

static struct xf_domain_ref *
double_finish3(struct xf_conn *conn, const struct xf_migrate_args *args,
               GBytes **cookie_out, GError **err)
{
    struct host *host = (struct host *)conn;

    write_down(host, "finish", args);
    if (fails(host, "finish", err))
        return NULL;
    if (args->cancelled && !host->finish_anyway) {
        g_set_error(err, XF_ERROR, XF_ERROR_FINISH_OK, "undone");
        return NULL;
    }
    give_cookie(cookie_out, "C");
    return xf_domain_ref_new("arrived", dom->uuid, 7);
}

static gboolean
double_confirm3(struct xf_conn *conn, const struct xf_domain_ref *ref,
                const struct xf_migrate_args *args, GError **err)
{
    struct host *host = (struct host *)conn;

    ck_assert_ptr_eq(ref, dom);
    write_down(host, "confirm", args);
    return !fails(host, "confirm", err);
}

/* Only v3's calls are there: a sequence that tried another would crash. */
static const struct xf_driver source_driver = {
    .name = "double",
    .supports_feature = double_supports_feature,
    .domain_info = double_domain_info,
    .begin3 = double_begin3,
    .perform3 = double_perform3,
    .confirm3 = double_confirm3,
};
static const struct xf_driver destination_driver = {
    .name = "double",
    .supports_feature = double_supports_feature,
    .prepare3 = double_prepare3,
    .finish3 = double_finish3,
};

/* -- what every test does -- */

static void
on_log(const char *domain, GLogLevelFlags level, const char *message,
       void *user)
{
    if (level & G_LOG_LEVEL_WARNING)
        warnings++;
}

static void
set_up(void)
{
    static const guint8 uuid[XF_UUID_LEN] = { 1, 2, 3 };

    g_log_set_handler(G_LOG_DOMAIN, G_LOG_LEVEL_MASK, on_log, NULL);
    source = (struct host){
        .conn.driver = &source_driver, .side = "S",
        .features = FEATURE(MIGRATION_PARAMS), .state = XF_DOMAIN_RUNNING };
    destination = (struct host){
        .conn.driver = &destination_driver, .side = "D",
        .features = FEATURE(MIGRATION_PARAMS), .uri_out = "tcp://d:1" };
    dom = xf_domain_ref_new("g1", uuid, 5);
    warnings = 0;
    transcript = g_string_new(NULL);
    phases = g_string_new(NULL);
}

static void
tear_down(void)
{
    ck_assert_int_eq(cookies_alive, 0);
    xf_domain_ref_free(dom);
    g_string_free(transcript, TRUE);
    g_string_free(phases, TRUE);
}

static struct xf_domain_ref *
move(const struct xf_sequence_request *request, GError **err)
{
    return xf_sequence_v3(&source.conn, dom, &destination.conn, request, err);
}

static void
assert_moved(const struct xf_sequence_request *request, const char *calls)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_domain_ref) *arrived = move(request, &err);

    g_assert_no_error(err);
    ck_assert_ptr_nonnull(arrived);
    ck_assert_str_eq(arrived->name, "arrived");
    ck_assert_str_eq(transcript->str, calls);
}

static void
assert_fails(const struct xf_sequence_request *request,
             enum xf_error_code code, const char *message, const char *calls)
{
    g_autoptr(GError) err = NULL;

    ck_assert_ptr_null(move(request, &err));
    ck_assert_ptr_nonnull(err);
    ck_assert_str_eq(err->message, message);
    ck_assert(g_error_matches(err, XF_ERROR, code));
    ck_assert_str_eq(transcript->str, calls);
}

static const struct xf_sequence_request plain = { .flags = LIVE };

#define BEGIN "S begin 1 -\n"
#define PREPARE "D prepare 1 xml=<begun/> B\n"
#define LATER " uri=tcp://d:1 xml=<begun/> "
#define PERFORM "S perform 1" LATER "P\n"
#define FINISH "D finish 1 name=g1" LATER "F\n"
#define CONFIRM "S confirm 1 name=g1" LATER

/* -- the good path -- */

START_TEST(plain_move)
{
    assert_moved(&plain, BEGIN PREPARE PERFORM FINISH CONFIRM "C\n");
}
END_TEST

static void
note_phase(void *user, const char *name)
{
    g_string_append_printf(user, "%s ", name);
}

/* All that a user can ask for.  The flags: 281 is live + persist +
 * undefine + protect; the destination is not told to protect. */
START_TEST(all_wishes)
{
    const struct xf_sequence_request request = {
        .flags = LIVE | XF_MIGRATE_PERSIST_DEST | XF_MIGRATE_UNDEFINE_SOURCE
            | XF_MIGRATE_CHANGE_PROTECTION,
        .dname = "newn", .uri = "tcp://h:1", .xml = "<mine/>",
        .bandwidth = 10, .phase = note_phase, .user = phases,
    };

    source.features = PROTECTS;
    assert_moved(&request,
        "S begin 119 name=newn uri=tcp://h:1 xml=<mine/> bw=10 -\n"
        "D prepare 19 name=newn uri=tcp://h:1 xml=<begun/> bw=10 B\n"
        "S perform 119 name=newn uri=tcp://d:1 xml=<begun/> bw=10 P\n"
        "D finish 19 name=newn uri=tcp://d:1 xml=<begun/> bw=10 F\n"
        "S confirm 119 name=newn uri=tcp://d:1 xml=<begun/> bw=10 C\n");
    ck_assert_str_eq(phases->str, "begin prepare perform finish confirm ");
}
END_TEST

/* A stock libvirtd is not told what it would refuse and need not know. */
START_TEST(a_stock_destination)
{
    const struct xf_sequence_request request = {
        .flags = LIVE | XF_MIGRATE_UNSAFE | XF_MIGRATE_PERSIST_DEST,
        .bandwidth = 10,
    };

    destination.stock = TRUE;
    assert_moved(&request,
        "S begin 209 bw=10 -\n"
        "D prepare 9 xml=<begun/> B\n"
        "S perform 209 uri=tcp://d:1 xml=<begun/> bw=10 P\n"
        "D finish 9 name=g1 uri=tcp://d:1 xml=<begun/> F\n"
        "S confirm 209 name=g1 uri=tcp://d:1 xml=<begun/> bw=10 C\n");
}
END_TEST

START_TEST(paused_is_propagated)
{
    source.state = XF_DOMAIN_PAUSED;
    assert_moved(&plain,
        BEGIN
        "D prepare 21 xml=<begun/> B\n"
        "S perform 21" LATER "P\n"
        "D finish 21 name=g1" LATER "F\n"
        "S confirm 21 name=g1" LATER "C\n");
}
END_TEST

START_TEST(other_states_are_not_paused)
{
    static const enum xf_domain_state states[] = {
        XF_DOMAIN_NOSTATE, XF_DOMAIN_BLOCKED, XF_DOMAIN_PMSUSPENDED };

    for (gsize i = 0; i < G_N_ELEMENTS(states); i++) {
        source.state = states[i];
        assert_moved(&plain, BEGIN PREPARE PERFORM FINISH CONFIRM "C\n");
        g_string_truncate(transcript, 0);
    }
}
END_TEST

START_TEST(source_only_flags)
{
    const struct xf_sequence_request request = {
        .flags = XF_MIGRATE_ABORT_ON_ERROR | XF_MIGRATE_AUTO_CONVERGE };

    assert_moved(&request,
        "S begin 3000 -\n"
        "D prepare 0 xml=<begun/> B\n"
        "S perform 3000" LATER "P\n"
        "D finish 0 name=g1" LATER "F\n"
        "S confirm 3000 name=g1" LATER "C\n");
}
END_TEST

/* A source that can protect is told to, asked for or not. */
START_TEST(protection_unasked)
{
    source.features = PROTECTS;
    assert_moved(&plain,
        "S begin 101 -\n" PREPARE
        "S perform 101" LATER "P\n" FINISH
        "S confirm 101 name=g1" LATER "C\n");
}
END_TEST

START_TEST(protection_impossible)
{
    const struct xf_sequence_request request = {
        .flags = XF_MIGRATE_CHANGE_PROTECTION };

    destination.features = PROTECTS;
    assert_fails(&request, XF_ERROR_ARG_UNSUPPORTED,
                 "the source cannot protect the domain from changes during "
                 "the migration: leave that flag out", "");
}
END_TEST

/* -- where the stream goes -- */

START_TEST(users_uri_when_prepare_has_none)
{
    static const char *const nones[] = { NULL, "" };
    const struct xf_sequence_request request = { .uri = "tcp://user:1" };

    for (gsize i = 0; i < G_N_ELEMENTS(nones); i++) {
        destination.uri_out = nones[i];
        assert_moved(&request,
            "S begin 0 uri=tcp://user:1 -\n"
            "D prepare 0 uri=tcp://user:1 xml=<begun/> B\n"
            "S perform 0 uri=tcp://user:1 xml=<begun/> P\n"
            "D finish 0 name=g1 uri=tcp://user:1 xml=<begun/> F\n"
            "S confirm 0 name=g1 uri=tcp://user:1 xml=<begun/> C\n");
        g_string_truncate(transcript, 0);
    }
}
END_TEST

#define NO_URI_MESSAGE                                                      \
    "the destination did not say where the domain's data is to go: give a " \
    "migration uri"
#define NO_URI_CALLS                                                        \
    BEGIN PREPARE "D finish 1 name=g1 xml=<begun/> P cancelled\n"           \
    "S confirm 1 name=g1 xml=<begun/> - cancelled\n"

START_TEST(no_uri)
{
    destination.uri_out = NULL;
    assert_fails(&plain, XF_ERROR_INTERNAL, NO_URI_MESSAGE, NO_URI_CALLS);
}
END_TEST

/* A destination that pretends to have a domain of which no byte was sent
 * must not cost the source its copy. */
START_TEST(no_uri_and_a_lie)
{
    destination.uri_out = NULL;
    destination.finish_anyway = TRUE;
    assert_fails(&plain, XF_ERROR_INTERNAL, NO_URI_MESSAGE, NO_URI_CALLS);
    ck_assert_int_eq(warnings, 1);
}
END_TEST

START_TEST(no_uri_and_all_fails)
{
    destination.uri_out = NULL;
    destination.fails = "finish";
    source.fails = "confirm";
    assert_fails(&plain, XF_ERROR_INTERNAL,
                 NO_URI_MESSAGE "; finish at the destination: D finish broke",
                 NO_URI_CALLS);
}
END_TEST

/* -- each phase fails; the message names it and no other -- */

START_TEST(begin_fails)
{
    source.features = PROTECTS;
    source.fails = "begin";
    assert_fails(&plain, XF_ERROR_OPERATION_FAILED,
                 "begin at the source: S begin broke", "S begin 101 -\n");
}
END_TEST

START_TEST(prepare_fails_with_protection)
{
    source.features = PROTECTS;
    destination.fails = "prepare";
    assert_fails(&plain, XF_ERROR_OPERATION_FAILED,
                 "prepare at the destination: D prepare broke",
                 "S begin 101 -\n" PREPARE
                 "S confirm 101 name=g1 xml=<begun/> - cancelled\n");
}
END_TEST

START_TEST(prepare_fails_without)
{
    destination.fails = "prepare";
    assert_fails(&plain, XF_ERROR_OPERATION_FAILED,
                 "prepare at the destination: D prepare broke",
                 BEGIN PREPARE);
}
END_TEST

START_TEST(state_unknown)
{
    source.features = PROTECTS;
    source.fails = "info";
    assert_fails(&plain, XF_ERROR_OPERATION_FAILED,
                 "asking the source for the domain's state: S info broke",
                 "S begin 101 -\n"
                 "S confirm 101 name=g1 xml=<begun/> - cancelled\n");
}
END_TEST

START_TEST(perform_fails)
{
    source.features = PROTECTS;
    source.fails = "perform";
    assert_fails(&plain, XF_ERROR_OPERATION_FAILED,
                 "perform at the source: S perform broke",
                 "S begin 101 -\n" PREPARE
                 "S perform 101" LATER "P\n"
                 "D finish 1 name=g1" LATER "- cancelled\n");
}
END_TEST

/* The first error comes first: its code counts. */
START_TEST(perform_and_finish_fail)
{
    source.fails = "perform";
    destination.fails = "finish";
    assert_fails(&plain, XF_ERROR_OPERATION_FAILED,
                 "perform at the source: S perform broke; "
                 "finish at the destination: D finish broke",
                 BEGIN PREPARE PERFORM
                 "D finish 1 name=g1" LATER "- cancelled\n");
}
END_TEST

/* The destination has ignored that it was cancelled: still a failure, and
 * the source is not told to give up its copy. */
START_TEST(cancelled_finish_returns_a_domain)
{
    source.fails = "perform";
    destination.finish_anyway = TRUE;
    assert_fails(&plain, XF_ERROR_OPERATION_FAILED,
                 "perform at the source: S perform broke",
                 BEGIN PREPARE PERFORM
                 "D finish 1 name=g1" LATER "- cancelled\n");
    ck_assert_int_eq(warnings, 1);
}
END_TEST

/* Confirm hears the verdict of Finish, though the source's domain is there;
 * so it does when only the reply was lost, and then the source must ask. */
START_TEST(finish_fails)
{
    destination.fails = "finish";
    assert_fails(&plain, XF_ERROR_OPERATION_FAILED,
                 "finish at the destination: D finish broke",
                 BEGIN PREPARE PERFORM FINISH CONFIRM "- cancelled\n");
}
END_TEST

START_TEST(finish_and_confirm_fail)
{
    destination.fails = "finish";
    source.fails = "confirm";
    assert_fails(&plain, XF_ERROR_OPERATION_FAILED,
                 "finish at the destination: D finish broke",
                 BEGIN PREPARE PERFORM FINISH CONFIRM "- cancelled\n");
    ck_assert_int_eq(warnings, 1);
}
END_TEST

/* Its answer is lost and a side is none of ours: nobody can find out, so
 * nothing is confirmed.  Between two of ours the source asks. */
static const struct {
    gboolean stock_source, stock_destination;
    const char *help;           /* NULL: Confirm(cancelled) */
} losses[] = {
    { FALSE, FALSE, NULL },
    { FALSE, TRUE, "then settle it at the source with xenferry resolve" },
    { TRUE, FALSE, "destroy the suspended copy at the source" },
    { TRUE, TRUE, "destroy the suspended copy at the source" },
};

static void
loses_finish(gsize i, enum xf_error_code code)
{
    g_autoptr(GError) err = NULL;

    g_string_truncate(transcript, 0);
    source.stock = losses[i].stock_source;
    destination.stock = losses[i].stock_destination;
    destination.fails = "finish";
    destination.code = code;
    ck_assert_ptr_null(move(&plain, &err));
    ck_assert_msg((strstr(transcript->str, "confirm") == NULL)
                  == (losses[i].help != NULL), "%zu: %s", i, transcript->str);
    if (losses[i].help) {
        ck_assert_int_eq(err->code, XF_ERROR_IN_DOUBT);
        ck_assert_msg(strstr(err->message, losses[i].help), "%s",
                      err->message);
        ck_assert_ptr_nonnull(strstr(err->message, "D finish broke"));
    } else {
        ck_assert_int_eq(err->code, code);
    }
}

START_TEST(finish_is_not_answered)
{
    static const enum xf_error_code codes[] = {
        XF_ERROR_NO_CONNECT, XF_ERROR_TIMEOUT, XF_ERROR_RPC };

    for (gsize i = 0; i < G_N_ELEMENTS(losses); i++)
        for (gsize code = 0; code < G_N_ELEMENTS(codes); code++)
            loses_finish(i, codes[code]);
}
END_TEST

/* An answer is an answer, whoever gives it. */
START_TEST(a_stock_source_is_cancelled)
{
    source.stock = TRUE;
    destination.fails = "finish";
    assert_fails(&plain, XF_ERROR_OPERATION_FAILED,
                 "finish at the destination: D finish broke",
                 BEGIN PREPARE PERFORM FINISH CONFIRM "- cancelled\n");
}
END_TEST

/* No guest waits for what became of its definition. */
START_TEST(offline_is_never_in_doubt)
{
    const struct xf_sequence_request request = {
        .flags = XF_MIGRATE_OFFLINE };

    source.features = destination.features =
        FEATURE(MIGRATION_PARAMS) | FEATURE(MIGRATION_OFFLINE);
    for (int i = 0; i < 2; i++) {
        g_string_truncate(transcript, 0);
        source.stock = i == 0;
        destination.stock = i == 1;
        destination.fails = "finish";
        destination.code = XF_ERROR_NO_CONNECT;
        assert_fails(&request, XF_ERROR_NO_CONNECT,
                     "finish at the destination: D finish broke",
                     "S begin 400 -\n"
                     "D prepare 400 xml=<begun/> B\n"
                     "D finish 400 name=g1 uri=tcp://d:1 xml=<begun/> -\n"
                     "S confirm 400 name=g1 uri=tcp://d:1 xml=<begun/> - "
                     "cancelled\n");
    }
}
END_TEST

START_TEST(confirm_fails)
{
    source.fails = "confirm";
    assert_moved(&plain, BEGIN PREPARE PERFORM FINISH CONFIRM "C\n");
    ck_assert_int_eq(warnings, 1);
}
END_TEST

START_TEST(prepare_and_confirm_fail)
{
    source.features = PROTECTS;
    source.fails = "confirm";
    destination.fails = "prepare";
    assert_fails(&plain, XF_ERROR_OPERATION_FAILED,
                 "prepare at the destination: D prepare broke",
                 "S begin 101 -\n" PREPARE
                 "S confirm 101 name=g1 xml=<begun/> - cancelled\n");
    ck_assert_int_eq(warnings, 1);
}
END_TEST

/* A caller that wants no error gets none, and nothing breaks. */
START_TEST(no_error_wanted)
{
    static const char *const calls[] = {
        "feature", "info", "begin", "prepare", "perform", "finish" };

    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
        source.fails = destination.fails = calls[i];
        ck_assert_ptr_null(move(&plain, NULL));
    }
}
END_TEST

/* -- what the sides can do -- */

START_TEST(features_suffice)
{
    static const guint enough[] = {
        FEATURE(MIGRATION_V3), FEATURE(MIGRATION_PARAMS),
        FEATURE(MIGRATION_V1) | FEATURE(MIGRATION_V2) | FEATURE(MIGRATION_V3),
    };

    for (gsize i = 0; i < 9; i++) {
        source.features = enough[i / 3];
        destination.features = enough[i % 3];
        assert_moved(&plain, BEGIN PREPARE PERFORM FINISH CONFIRM "C\n");
        g_string_truncate(transcript, 0);
    }
}
END_TEST

START_TEST(features_missing)
{
    const guint old = FEATURE(MIGRATION_V1) | FEATURE(MIGRATION_V2);

    source.features = old;
    assert_fails(&plain, XF_ERROR_NO_SUPPORT,
                 "the source does not support migration protocol v3", "");
    source.features = FEATURE(MIGRATION_V3);
    destination.features = old;
    assert_fails(&plain, XF_ERROR_NO_SUPPORT,
                 "the destination does not support migration protocol v3",
                 "");
}
END_TEST

START_TEST(features_unanswered)
{
    destination.fails = "feature";
    destination.code = XF_ERROR_NO_SUPPORT;
    assert_fails(&plain, XF_ERROR_NO_SUPPORT,
                 "the destination does not support migration protocol v3",
                 "");
    destination.code = XF_ERROR_NO_CONNECT;
    assert_fails(&plain, XF_ERROR_NO_CONNECT,
                 "asking the destination what it can do: feature broke", "");
}
END_TEST

/* A driver that lacks a call: said by name, undone like any failure. */
START_TEST(missing_calls)
{
    struct xf_driver partial = source_driver;

    source.conn.driver = &partial;
    partial.begin3 = NULL;
    assert_fails(&plain, XF_ERROR_NO_SUPPORT,
                 "begin at the source: this function is not supported by the "
                 "double driver: begin3", "");
    partial = source_driver;
    partial.perform3 = NULL;
    assert_fails(&plain, XF_ERROR_NO_SUPPORT,
                 "perform at the source: this function is not supported by "
                 "the double driver: perform3",
                 BEGIN PREPARE
                 "D finish 1 name=g1" LATER "- cancelled\n");
    g_string_truncate(transcript, 0);
    partial = source_driver;
    partial.confirm3 = NULL;
    assert_moved(&plain, BEGIN PREPARE PERFORM FINISH);
    ck_assert_int_eq(warnings, 1);
}
END_TEST

START_TEST(missing_calls_there)
{
    struct xf_driver partial = destination_driver;

    destination.conn.driver = &partial;
    partial.prepare3 = NULL;
    assert_fails(&plain, XF_ERROR_NO_SUPPORT,
                 "prepare at the destination: this function is not supported "
                 "by the double driver: prepare3", BEGIN);
    g_string_truncate(transcript, 0);
    partial = destination_driver;
    partial.finish3 = NULL;
    assert_fails(&plain, XF_ERROR_NO_SUPPORT,
                 "finish at the destination: this function is not supported "
                 "by the double driver: finish3",
                 BEGIN PREPARE PERFORM CONFIRM "- cancelled\n");
    partial.supports_feature = NULL;
    g_string_truncate(transcript, 0);
    assert_fails(&plain, XF_ERROR_NO_SUPPORT,
                 "the destination does not support migration protocol v3",
                 "");
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        plain_move,
        all_wishes,
        a_stock_destination,
        paused_is_propagated,
        other_states_are_not_paused,
        source_only_flags,
        protection_unasked,
        protection_impossible,
        users_uri_when_prepare_has_none,
        no_uri,
        no_uri_and_a_lie,
        no_uri_and_all_fails,
        begin_fails,
        prepare_fails_with_protection,
        prepare_fails_without,
        state_unknown,
        perform_fails,
        perform_and_finish_fail,
        cancelled_finish_returns_a_domain,
        finish_fails,
        finish_and_confirm_fail,
        finish_is_not_answered,
        a_stock_source_is_cancelled,
        offline_is_never_in_doubt,
        confirm_fails,
        prepare_and_confirm_fail,
        no_error_wanted,
        features_suffice,
        features_missing,
        features_unanswered,
        missing_calls,
        missing_calls_there,
        NULL
    };

    return xf_unit_main_fixture("sequence", tests, set_up, tear_down);
}
