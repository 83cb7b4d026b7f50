/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sequences of v1 and v2, and which protocol is taken, over two doubles
 * that write down every call: tests compare the whole transcript.
 *
 * A line of it: side, call, flags in hex, "name=" "uri=" "xml=" "bw=" as far
 * as given, the cookie that came in (or "-"), "cancelled", "tunnel" if there
 * is one.
 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/sequence.h"
#include "tests/unit/common.h"

#define FEATURE(n) (1u << XF_FEATURE_##n)
#define LIVE XF_MIGRATE_LIVE

struct host {
    struct xf_conn conn;
    const char *side;           /* "S", "D" */
    guint features;
    const char *fails;          /* the call that fails, or NULL */
    gboolean paused;
    const char *uri_out;
    gboolean has_moved;         /* Finish(cancelled) returns the domain */
    gboolean ours;              /* it is a Xenferry host */
};

static struct host source, destination;
static struct xf_domain_ref *dom;
static GString *transcript;
static const char *chosen;
static int last_tunnel;

/* -- the double -- */

static gboolean
fails(const struct host *host, const char *call, GError **err)
{
    if (g_strcmp0(host->fails, call))
        return FALSE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED, "%s %s broke",
                host->side, call);
    return TRUE;
}

static gboolean
heard(struct xf_conn *conn, const char *call,
      const struct xf_migrate_args *args, GError **err)
{
    const struct host *host = (struct host *)conn;
    gsize len = 0;
    const char *cookie =
        args->cookie_in ? g_bytes_get_data(args->cookie_in, &len) : NULL;

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
    g_string_append_printf(
        transcript, " %.*s%s%s%s\n", len ? (int)len : 1, len ? cookie : "-",
        args->cancelled ? " cancelled" : "", args->untyped ? " untyped" : "",
        args->tunnel && args->tunnel->fd >= 0 ? " tunnel" : "");
    return !fails(host, call, err);
}

static int
double_supports_feature(struct xf_conn *conn, int feature, GError **err)
{
    struct host *host = (struct host *)conn;

    if (feature == XF_FEATURE_XENFERRY)
        return host->ours;
    return fails(host, "feature", err) ? -1
                                       : (int)(host->features >> feature & 1);
}

static gboolean
double_domain_info(struct xf_conn *conn, const struct xf_domain_ref *ref,
                   struct xf_domain_info *info, GError **err)
{
    struct host *host = (struct host *)conn;

    info->state = host->paused ? XF_DOMAIN_PAUSED : XF_DOMAIN_RUNNING;
    return !fails(host, "info", err);
}

static char *
double_domain_xml(struct xf_conn *conn, const struct xf_domain_ref *ref,
                  guint flags, GError **err)
{
    struct host *host = (struct host *)conn;

    g_string_append_printf(transcript, "%s xml %x\n", host->side, flags);
    return fails(host, "xml", err) ? NULL : g_strdup("<g/>");
}

static gboolean
gets_ready(struct xf_conn *conn, const char *call,
           const struct xf_migrate_args *args, GBytes **cookie_out,
           char **uri_out, GError **err)
{
    if (!heard(conn, call, args, err))
        return FALSE;
    *cookie_out = g_bytes_new_static("P", 1);
    *uri_out = g_strdup(((struct host *)conn)->uri_out);
    return TRUE;
}

static gboolean
double_prepare(struct xf_conn *conn, const struct xf_migrate_args *args,
               GBytes **cookie_out, char **uri_out, GError **err)
{
    return gets_ready(conn, "prepare", args, cookie_out, uri_out, err);
}

static gboolean
double_prepare2(struct xf_conn *conn, const struct xf_migrate_args *args,
                GBytes **cookie_out, char **uri_out, GError **err)
{
    return gets_ready(conn, "prepare2", args, cookie_out, uri_out, err);
}

static gboolean
double_prepare_tunnel(struct xf_conn *conn,
                      const struct xf_migrate_args *args,
                      struct xf_tunnel *tunnel, GBytes **cookie_out,
                      GError **err)
{
    if (!heard(conn, "prepare_tunnel", args, err))
        return FALSE;
    *cookie_out = g_bytes_new_static("P", 1);
    *tunnel = XF_TUNNEL_NONE;
    tunnel->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    last_tunnel = tunnel->fd;
    return TRUE;
}

static gboolean
double_perform(struct xf_conn *conn, const struct xf_domain_ref *ref,
               const struct xf_migrate_args *args, GError **err)
{
    ck_assert_ptr_eq(ref, dom);
    return heard(conn, "perform", args, err);
}

static struct xf_domain_ref *
finishes(struct xf_conn *conn, const char *call,
         const struct xf_migrate_args *args, GError **err)
{
    if (!heard(conn, call, args, err))
        return NULL;
    if (!args->cancelled || ((struct host *)conn)->has_moved)
        return xf_domain_ref_new("arrived", dom->uuid, 7);
    g_set_error(err, XF_ERROR, XF_ERROR_FINISH_OK, "undone");
    return NULL;
}

static struct xf_domain_ref *
double_finish(struct xf_conn *conn, const struct xf_migrate_args *args,
              GError **err)
{
    return finishes(conn, "finish", args, err);
}

static struct xf_domain_ref *
double_finish2(struct xf_conn *conn, const struct xf_migrate_args *args,
               GError **err)
{
    return finishes(conn, "finish2", args, err);
}

/* Of v3 only what shows that it was taken: Begin, which fails. */
static char *
double_begin3(struct xf_conn *conn, const struct xf_domain_ref *ref,
              const struct xf_migrate_args *args, GBytes **cookie_out,
              GError **err)
{
    heard(conn, "begin3", args, NULL);
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED, "begin3");
    return NULL;
}

static const struct xf_driver source_driver = {
    .name = "double",
    .supports_feature = double_supports_feature,
    .domain_info = double_domain_info,
    .domain_xml = double_domain_xml,
    .perform = double_perform,
    .begin3 = double_begin3,
};
static const struct xf_driver destination_driver = {
    .name = "double",
    .supports_feature = double_supports_feature,
    .prepare = double_prepare,
    .finish = double_finish,
    .prepare2 = double_prepare2,
    .prepare_tunnel = double_prepare_tunnel,
    .finish2 = double_finish2,
};

/* -- what every test does -- */

static void
note_chosen(void *user, const char *name)
{
    chosen = name;
}

#define OLD (FEATURE(MIGRATION_V1) | FEATURE(MIGRATION_V2))
#define ALL (OLD | FEATURE(MIGRATION_V3) | FEATURE(MIGRATION_PARAMS))

static void
set_up(void)
{
    static const guint8 uuid[XF_UUID_LEN] = { 1, 2, 3 };

    source = (struct host){ .conn.driver = &source_driver, .side = "S",
                            .features = ALL };
    destination = (struct host){ .conn.driver = &destination_driver,
                                 .side = "D", .features = ALL,
                                 .uri_out = "tcp://d:1" };
    dom = xf_domain_ref_new("g1", uuid, 5);
    transcript = g_string_new(NULL);
    chosen = NULL;
}

static void
tear_down(void)
{
    xf_domain_ref_free(dom);
    g_string_free(transcript, TRUE);
}

static struct xf_domain_ref *
move(const struct xf_sequence_request *request, GError **err)
{
    struct xf_sequence_request r = *request;

    r.chosen = note_chosen;
    g_string_truncate(transcript, 0);
    return xf_sequence_run(&source.conn, dom, &destination.conn, &r, err);
}

static void
assert_moved(const struct xf_sequence_request *request, const char *calls)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_domain_ref) *arrived = move(request, &err);

    g_assert_no_error(err);
    ck_assert_ptr_nonnull(arrived);
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

static const struct xf_sequence_request v1 = {
    .flags = LIVE, .protocol = XF_PROTOCOL_V1 };
static const struct xf_sequence_request v2 = {
    .flags = LIVE, .protocol = XF_PROTOCOL_V2 };

#define PREPARE "D prepare 1 -\n"
#define PERFORM "S perform 1 uri=tcp://d:1 P\n"
#define FINISH "D finish 1 name=g1 uri=tcp://d:1 P\n"
#define XML "S xml 5\n"
#define PREPARE2 "D prepare2 1 xml=<g/> -\n"
#define FINISH2 "D finish2 1 name=g1 uri=tcp://d:1 P"

/* -- v1 -- */

START_TEST(v1_moves)
{
    assert_moved(&v1, PREPARE PERFORM FINISH);
    ck_assert_str_eq(chosen, "v1");
}
END_TEST

START_TEST(v1_all_wishes)
{
    const struct xf_sequence_request request = {
        .flags = LIVE | XF_MIGRATE_ABORT_ON_ERROR, .dname = "new",
        .uri = "tcp://u:2", .bandwidth = 10, .protocol = XF_PROTOCOL_V1 };

    source.paused = TRUE;
    assert_moved(&request,
                 "D prepare 21 name=new uri=tcp://u:2 bw=10 -\n"
                 "S perform 1021 name=new uri=tcp://d:1 bw=10 P\n"
                 "D finish 21 name=new uri=tcp://d:1 bw=10 P\n");
    destination.uri_out = "";
    assert_moved(&request,
                 "D prepare 21 name=new uri=tcp://u:2 bw=10 -\n"
                 "S perform 1021 name=new uri=tcp://u:2 bw=10 P\n"
                 "D finish 21 name=new uri=tcp://u:2 bw=10 P\n");
}
END_TEST

/* What follows a failure: nothing, ever. */
START_TEST(v1_failures)
{
    source.fails = "info";
    assert_fails(&v1, XF_ERROR_OPERATION_FAILED,
                 "asking the source for the domain's state: S info broke",
                 "");
    source.fails = "perform";
    assert_fails(&v1, XF_ERROR_OPERATION_FAILED,
                 "perform at the source: S perform broke", PREPARE PERFORM);
    source.fails = NULL;
    destination.fails = "prepare";
    assert_fails(&v1, XF_ERROR_OPERATION_FAILED,
                 "prepare at the destination: D prepare broke", PREPARE);
    destination.fails = "finish";
    assert_fails(&v1, XF_ERROR_OPERATION_FAILED,
                 "finish at the destination: D finish broke",
                 PREPARE PERFORM FINISH);
}
END_TEST

#define NO_URI                                                              \
    "the destination did not say where the domain's data is to go: give a " \
    "migration uri"

START_TEST(no_uri)
{
    destination.uri_out = NULL;
    assert_fails(&v1, XF_ERROR_INTERNAL, NO_URI, PREPARE);
    assert_fails(&v2, XF_ERROR_INTERNAL, NO_URI,
                 XML PREPARE2 "D finish2 1 name=g1 P cancelled\n");
}
END_TEST

/* -- v2 -- */

START_TEST(v2_moves)
{
    assert_moved(&v2, XML PREPARE2 PERFORM FINISH2 "\n");
    ck_assert_str_eq(chosen, "v2");
    source.features |= FEATURE(XML_MIGRATABLE);
    assert_moved(&v2, "S xml 8\n" PREPARE2 PERFORM FINISH2 "\n");
}
END_TEST

START_TEST(v2_failures)
{
    source.fails = "xml";
    assert_fails(&v2, XF_ERROR_OPERATION_FAILED,
                 "asking the source for the domain's XML: S xml broke", XML);
    source.fails = "perform";
    assert_fails(&v2, XF_ERROR_OPERATION_FAILED,
                 "perform at the source: S perform broke",
                 XML PREPARE2 PERFORM FINISH2 " cancelled\n");
    /* the first error comes first */
    destination.fails = "finish2";
    assert_fails(&v2, XF_ERROR_OPERATION_FAILED,
                 "perform at the source: S perform broke; "
                 "finish at the destination: D finish2 broke",
                 XML PREPARE2 PERFORM FINISH2 " cancelled\n");
    source.fails = NULL;
    assert_fails(&v2, XF_ERROR_OPERATION_FAILED,
                 "finish at the destination: D finish2 broke",
                 XML PREPARE2 PERFORM FINISH2 "\n");
    destination.fails = "prepare2";
    assert_fails(&v2, XF_ERROR_OPERATION_FAILED,
                 "prepare at the destination: D prepare2 broke",
                 XML PREPARE2);
}
END_TEST

/* Only the reply of Perform was lost. */
START_TEST(v2_has_moved_all_the_same)
{
    source.fails = "perform";
    destination.has_moved = TRUE;
    assert_moved(&v2, XML PREPARE2 PERFORM FINISH2 " cancelled\n");
}
END_TEST

#define TUNNEL "D prepare_tunnel 5 xml=<g/> -\n"
#define PERFORM_TUNNEL "S perform 1 P tunnel\n"
#define FINISH_TUNNEL "D finish2 1 name=g1 uri= P"

static const struct xf_sequence_request tunnelled = {
    .flags = LIVE | XF_MIGRATE_TUNNELLED, .protocol = XF_PROTOCOL_V2 };

/* Nothing of it stays open, whatever becomes of it. */
static gboolean
tunnel_is_closed(void)
{
    return fcntl(last_tunnel, F_GETFD) < 0;
}

START_TEST(v2_tunnelled)
{
    destination.ours = TRUE;
    assert_moved(&tunnelled, XML TUNNEL PERFORM_TUNNEL FINISH_TUNNEL "\n");
    ck_assert(tunnel_is_closed());
    source.fails = "perform";
    assert_fails(&tunnelled, XF_ERROR_OPERATION_FAILED,
                 "perform at the source: S perform broke",
                 XML TUNNEL PERFORM_TUNNEL FINISH_TUNNEL " cancelled\n");
    ck_assert(tunnel_is_closed());
    destination.fails = "prepare_tunnel";
    assert_fails(&tunnelled, XF_ERROR_OPERATION_FAILED,
                 "prepare at the destination: D prepare_tunnel broke",
                 XML TUNNEL);
}
END_TEST

START_TEST(tunnels_that_are_refused)
{
    struct xf_sequence_request request = tunnelled;

    assert_fails(&tunnelled, XF_ERROR_ARG_UNSUPPORTED,
                 "the destination is no Xenferry host: the stream to it "
                 "cannot be tunnelled; leave tunnelled out", "");
    destination.ours = TRUE;
    request.uri = "tcp://h:1";
    assert_fails(&request, XF_ERROR_INVALID_ARG,
                 "a tunnelled stream goes nowhere but through the connection "
                 "to the destination; leave the migration uri out", "");
    request.uri = NULL;
    request.protocol = XF_PROTOCOL_V1;
    assert_fails(&request, XF_ERROR_ARG_UNSUPPORTED,
                 "migration protocol v1 has no way to carry this wish: a "
                 "stream through the connection (tunnelled); leave it out",
                 "");
}
END_TEST

/* -- both -- */

START_TEST(wishes_that_cannot_be_carried)
{
    const struct xf_sequence_request requests[] = {
        { .xml = "<mine/>", .protocol = XF_PROTOCOL_V1 },
        { .xml = "<mine/>", .protocol = XF_PROTOCOL_V2 },
        { .flags = XF_MIGRATE_CHANGE_PROTECTION,
          .protocol = XF_PROTOCOL_V1 },
        { .flags = XF_MIGRATE_CHANGE_PROTECTION,
          .protocol = XF_PROTOCOL_V2 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(GError) err = NULL;

        ck_assert_ptr_null(move(&requests[i], &err));
        ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED));
        ck_assert_str_eq(transcript->str, "");
    }
}
END_TEST

START_TEST(missing_calls)
{
    static const struct xf_driver nothing = {
        .name = "bare", .supports_feature = double_supports_feature,
        .domain_info = double_domain_info,
        .domain_xml = double_domain_xml };

    source.conn.driver = &nothing;
    assert_fails(&v1, XF_ERROR_NO_SUPPORT,
                 "perform at the source: this function is not supported by "
                 "the bare driver: perform", PREPARE);
    destination.conn.driver = &nothing;
    assert_fails(&v1, XF_ERROR_NO_SUPPORT,
                 "prepare at the destination: this function is not supported "
                 "by the bare driver: prepare", "");
    assert_fails(&v2, XF_ERROR_NO_SUPPORT,
                 "prepare at the destination: this function is not supported "
                 "by the bare driver: prepare2", XML);
}
END_TEST

START_TEST(no_error_wanted)
{
    static const char *const calls[] = { "feature", "info", "xml",
                                         "prepare", "prepare2", "perform",
                                         "finish", "finish2" };

    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
        source.fails = destination.fails = calls[i];
        xf_domain_ref_free(move(&v1, NULL));
        xf_domain_ref_free(move(&v2, NULL));
    }
}
END_TEST

/* -- which is taken -- */

static const struct {
    guint source, destination, wanted;
    const char *taken;          /* NULL: none */
} choices[] = {
    { ALL, ALL, 0, "v3-params" },
    { ALL, ALL & ~FEATURE(MIGRATION_PARAMS), 0, "v3" },
    { ALL & ~FEATURE(MIGRATION_PARAMS), ALL, 0, "v3" },
    { ALL, OLD, 0, "v2" },
    { OLD, ALL, 0, "v2" },
    { ALL, FEATURE(MIGRATION_V1), 0, "v1" },
    { FEATURE(MIGRATION_V1), FEATURE(MIGRATION_V2), 0, NULL },
    { ALL, 0, 0, NULL },
    { ALL, ALL, XF_PROTOCOL_V1, "v1" },
    { ALL, ALL, XF_PROTOCOL_V2, "v2" },
    { ALL, ALL, XF_PROTOCOL_V3, "v3" },
    { ALL, ALL, XF_PROTOCOL_V3_PARAMS, "v3-params" },
    { ALL, OLD, XF_PROTOCOL_V3, NULL },
    { FEATURE(MIGRATION_V2), ALL, XF_PROTOCOL_V1, NULL },
};

START_TEST(the_newest_of_both)
{
    const struct xf_sequence_request request = {
        .protocol = choices[_i].wanted };
    g_autoptr(GError) err = NULL;

    source.features = choices[_i].source;
    destination.features = choices[_i].destination;

    XF_AUTO(xf_domain_ref) *arrived = move(&request, &err);

    ck_assert_pstr_eq(chosen, choices[_i].taken);
    if (!chosen) {
        ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_NO_SUPPORT));
        ck_assert_str_eq(transcript->str, "");
    } else if (strcmp(chosen, "v3") == 0) {
        ck_assert_str_eq(transcript->str, "S begin3 0 - untyped\n");
    } else if (strcmp(chosen, "v3-params") == 0) {
        ck_assert_str_eq(transcript->str, "S begin3 0 -\n");
    } else {
        ck_assert_ptr_nonnull(arrived);
    }
}
END_TEST

START_TEST(none_in_common)
{
    const struct xf_sequence_request any = { 0 };

    source.features = ALL;
    destination.features = 0;
    assert_fails(&any, XF_ERROR_NO_SUPPORT,
                 "the hosts have no migration protocol in common: the source "
                 "has v3-params, v3, v2, v1, the destination has none", "");
    destination.features = OLD;
    assert_fails(&(struct xf_sequence_request){ .protocol = XF_PROTOCOL_V3 },
                 XF_ERROR_NO_SUPPORT,
                 "the hosts cannot both do migration protocol v3: the source "
                 "has v3-params, v3, v2, v1, the destination has v2, v1", "");
    destination.fails = "feature";
    assert_fails(&any, XF_ERROR_OPERATION_FAILED,
                 "asking the destination what it can do: D feature broke",
                 "");
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { v1_moves, 1 },
        { v1_all_wishes, 1 },
        { v1_failures, 1 },
        { no_uri, 1 },
        { v2_moves, 1 },
        { v2_failures, 1 },
        { v2_has_moved_all_the_same, 1 },
        { v2_tunnelled, 1 },
        { tunnels_that_are_refused, 1 },
        { wishes_that_cannot_be_carried, 1 },
        { missing_calls, 1 },
        { no_error_wanted, 1 },
        { the_newest_of_both, G_N_ELEMENTS(choices) },
        { none_in_common, 1 },
        { NULL, 0 }
    };

    return xf_unit_main_rows("sequence-old", tests, XF_UNIT_TIMEOUT,
                             set_up, tear_down);
}
