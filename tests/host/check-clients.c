/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two daemons, and clients that walk the phases by themselves: they leave in
 * the middle, lose replies, say what is not true.
 */
#include "config.h"

#include "protocol/rpc/client.h"
#include "tests/host/hosts.h"

#include <string.h>

struct walk;

/* What kinds of client do; NULL ends their phases. */
struct kind {
    const char *name;
    gboolean untyped;           /* v3 without typed parameters */
    gboolean (*phases[6])(struct walk *walk, GError **err);
    int moved;                  /* the guest has, after that phase */
};

/* A client as far as it has come. */
struct walk {
    const struct kind *kind;    /* of client; NULL: the newest */
    struct xf_conn *source, *destination;
    struct xf_domain_ref *dom;
    char *xml, *uri;
    GBytes *begun, *prepared, *performed, *finished;
};

static void
walk_init(struct walk *walk)
{
    g_autoptr(GError) err = NULL;

    memset(walk, 0, sizeof(*walk));
    walk->source = conn_to(&host_a);
    walk->destination = conn_to(&host_b);
    walk->dom = walk->source->driver->lookup_by_name(walk->source, "g",
                                                     &err);
    ck_assert_msg(walk->dom != NULL, "%s", err ? err->message : "?");
}

static void
walk_clear(struct walk *walk)
{
    xf_conn_close(walk->source);
    xf_conn_close(walk->destination);
    xf_domain_ref_free(walk->dom);
    g_free(walk->xml);
    g_free(walk->uri);
    g_clear_pointer(&walk->begun, g_bytes_unref);
    g_clear_pointer(&walk->prepared, g_bytes_unref);
    g_clear_pointer(&walk->performed, g_bytes_unref);
    g_clear_pointer(&walk->finished, g_bytes_unref);
}

static struct xf_migrate_args
args_of(struct walk *walk, GBytes *cookie)
{
    return (struct xf_migrate_args) {
        .flags = XF_MIGRATE_LIVE,
        .untyped = walk->kind && walk->kind->untyped,
        .xml = walk->xml,
        .uri = walk->uri,
        .dname = "g",
        .cookie_in = cookie,
    };
}

static gboolean
begin(struct walk *walk, GError **err)
{
    const struct xf_migrate_args args = args_of(walk, NULL);

    walk->xml = walk->source->driver->begin3(walk->source, walk->dom, &args,
                                             &walk->begun, err);
    return walk->xml != NULL;
}

static gboolean
prepare(struct walk *walk, GError **err)
{
    const struct xf_migrate_args args = args_of(walk, walk->begun);

    return walk->destination->driver->prepare3(
        walk->destination, &args, &walk->prepared, &walk->uri, err);
}

static gboolean
perform(struct walk *walk, GError **err)
{
    const struct xf_migrate_args args = args_of(walk, walk->prepared);

    return walk->source->driver->perform3(walk->source, walk->dom, &args,
                                          &walk->performed, err);
}

static gboolean
finish_with(struct walk *walk, GBytes *cookie, gboolean cancelled,
            GError **err)
{
    struct xf_migrate_args args = args_of(walk, cookie);

    args.cancelled = cancelled;
    g_clear_pointer(&walk->finished, g_bytes_unref);

    XF_AUTO(xf_domain_ref) *dom = walk->destination->driver->finish3(
        walk->destination, &args, &walk->finished, err);

    return dom != NULL;
}

static gboolean
finish(struct walk *walk, GError **err)
{
    return finish_with(walk, walk->performed, FALSE, err);
}

static gboolean
confirm_with(struct walk *walk, GBytes *cookie, gboolean cancelled,
             GError **err)
{
    struct xf_migrate_args args = args_of(walk, cookie);

    args.cancelled = cancelled;
    return walk->source->driver->confirm3(walk->source, walk->dom, &args,
                                          err);
}

static gboolean
confirm(struct walk *walk, GError **err)
{
    return confirm_with(walk, walk->finished, FALSE, err);
}

/* -- before v3 -- */

static gboolean
ask_xml(struct walk *walk, GError **err)
{
    walk->xml = walk->source->driver->domain_xml(walk->source, walk->dom,
                                                 XF_XML_MIGRATABLE, err);
    return walk->xml != NULL;
}

static gboolean
prepare_old(struct walk *walk, GError **err)
{
    const struct xf_driver *driver = walk->destination->driver;
    const struct xf_migrate_args args = args_of(walk, NULL);

    return (walk->xml ? driver->prepare2 : driver->prepare)(
        walk->destination, &args, &walk->prepared, &walk->uri, err);
}

static gboolean
perform_old(struct walk *walk, GError **err)
{
    const struct xf_migrate_args args = args_of(walk, walk->prepared);

    return walk->source->driver->perform(walk->source, walk->dom, &args, err);
}

static gboolean
finish_old(struct walk *walk, GError **err)
{
    const struct xf_driver *driver = walk->destination->driver;
    const struct xf_migrate_args args = args_of(walk, walk->prepared);
    XF_AUTO(xf_domain_ref) *dom =
        (walk->xml ? driver->finish2 : driver->finish)(walk->destination,
                                                       &args, err);

    return dom != NULL;
}

enum { BEGIN, PREPARE, PERFORM, FINISH, CONFIRM };

static const struct kind kinds[] = {
    { "v3-params", FALSE, { begin, prepare, perform, finish, confirm },
      FINISH },
    { "v3", TRUE, { begin, prepare, perform, finish, confirm }, FINISH },
    { "v2", FALSE, { ask_xml, prepare_old, perform_old, finish_old }, 2 },
    { "v1", FALSE, { prepare_old, perform_old, finish_old }, 1 },
};
#define NEW_KINDS 2             /* of them: v3 */

/* Each phase of each kind. */
static const struct {
    int kind, last;
} steps[] = {
    { 0, 0 }, { 0, 1 }, { 0, 2 }, { 0, 3 }, { 0, 4 },
    { 1, 0 }, { 1, 1 }, { 1, 2 }, { 1, 3 }, { 1, 4 },
    { 2, 0 }, { 2, 1 }, { 2, 2 }, { 2, 3 },
    { 3, 0 }, { 3, 1 }, { 3, 2 },
};

/* The first phases, up to and with `last`; all must work. */
static void
walk_to(struct walk *walk, int last)
{
    const struct kind *kind = walk->kind ? walk->kind : kinds;

    for (int i = 0; i <= last; i++) {
        g_autoptr(GError) err = NULL;

        ck_assert_msg(kind->phases[i](walk, &err), "%s, phase %d: %s",
                      kind->name, i, err ? err->message : "?");
    }
}

static void
ends_at(struct host *where, struct host *other)
{
    runs_on(where, "g");
    empty(other);
    no_records(where);
    moves(where, other, "g");
    all_is_well();
}

/* -- they leave -- */

/* Over the wire: what only a real Xen host has is refused as such. */
START_TEST(asks_for_a_native_form)
{
    struct xf_conn *conn = conn_to(&host_a);
    g_autoptr(GError) from = NULL;
    g_autoptr(GError) to = NULL;

    ck_assert_ptr_null(conn->driver->xml_from_native(
        conn, "xen-xl", "name = \"g\"\n", 0, &from));
    ck_assert_ptr_null(conn->driver->xml_to_native(conn, "xen-xl",
                                                   "<domain/>", 0, &to));
    ck_assert_int_eq(from->code, XF_ERROR_INVALID_ARG);
    ck_assert_int_eq(to->code, XF_ERROR_INVALID_ARG);
    ck_assert(strstr(from->message, "no form xen-xl"));
    xf_conn_close(conn);
}
END_TEST

START_TEST(leaves_after_phase)
{
    struct walk walk;

    guest(&host_a);
    walk_init(&walk);
    walk.kind = &kinds[steps[_i].kind];
    walk_to(&walk, steps[_i].last);
    walk_clear(&walk);
    if (steps[_i].last < walk.kind->moved)
        ends_at(&host_a, &host_b);
    else
        ends_at(&host_b, &host_a);
}
END_TEST

/* It stays connected and does nothing: the deadlines act. */
START_TEST(dawdles_after_phase)
{
    const struct kind *kind = &kinds[steps[_i].kind];
    gboolean moved = steps[_i].last >= kind->moved;
    struct host *where = moved ? &host_b : &host_a;
    struct host *other = moved ? &host_a : &host_b;
    struct walk walk;

    guest(&host_a);
    walk_init(&walk);
    walk.kind = kind;
    walk_to(&walk, steps[_i].last);
    runs_on(where, "g");
    no_domain(other);
    walk_clear(&walk);
    ends_at(where, other);
}
END_TEST

/* -- a connection is lost -- */

/* What virsh does after `last`, over connections of which one answers no
 * more.  TRUE: it believes that the guest has moved. */
static gboolean
goes_on(struct walk *walk, int last)
{
    gboolean moved = last >= FINISH;

    if (last < PREPARE && !prepare(walk, NULL)) {
        confirm_with(walk, NULL, TRUE, NULL);
        return FALSE;
    }
    if (last < PERFORM && !perform(walk, NULL)) {
        finish_with(walk, NULL, TRUE, NULL);
        return FALSE;
    }
    if (last < FINISH)
        moved = finish(walk, NULL);
    confirm_with(walk, moved ? walk->finished : NULL, !moved, NULL);
    return moved;
}

/* After an answer has come, and the other one stays. */
START_TEST(loses_a_connection)
{
    int last = _i / 2 % CONFIRM;
    struct walk walk;
    struct xf_conn *lost;
    gboolean moved;

    guest(&host_a);
    walk_init(&walk);
    walk.kind = &kinds[_i / 2 / CONFIRM];
    walk_to(&walk, last);
    lost = _i % 2 ? walk.source : walk.destination;
    lost->driver->client_gone(lost);
    moved = goes_on(&walk, last);
    walk_clear(&walk);
    /* with the destination lost nothing can be committed any more */
    ck_assert(_i % 2 || moved == (last == FINISH));
    if (moved)
        ends_at(&host_b, &host_a);
    else
        ends_at(&host_a, &host_b);
}
END_TEST

/* -- replies are lost -- */

START_TEST(finish_reply_lost)
{
    struct walk walk;
    g_autoptr(GError) err = NULL;

    guest(&host_a);
    walk_init(&walk);
    walk_to(&walk, FINISH);
    /* the client never saw that: it confirms a failure that was none */
    ck_assert_msg(confirm_with(&walk, NULL, TRUE, &err), "%s",
                  err ? err->message : "?");
    walk_clear(&walk);
    ends_at(&host_b, &host_a);
}
END_TEST

START_TEST(perform_reply_lost)
{
    struct walk walk;

    guest(&host_a);
    walk_init(&walk);
    walk_to(&walk, PERFORM);
    ck_assert(!finish_with(&walk, NULL, TRUE, NULL));
    walk_clear(&walk);
    ends_at(&host_a, &host_b);
}
END_TEST

START_TEST(phases_said_twice)
{
    struct walk walk;

    guest(&host_a);
    walk_init(&walk);
    walk_to(&walk, FINISH);
    finish(&walk, NULL);        /* whatever it answers */
    runs_on(&host_b, "g");
    walk_clear(&walk);
    ends_at(&host_b, &host_a);
}
END_TEST

/* -- they lie -- */

START_TEST(confirms_what_was_not)
{
    struct walk walk;

    guest(&host_a);
    walk_init(&walk);
    walk_to(&walk, PERFORM);
    /* no Finish, and yet success: the destination is asked, and revokes */
    confirm_with(&walk, NULL, FALSE, NULL);
    ck_assert(!finish(&walk, NULL));
    walk_clear(&walk);
    ends_at(&host_a, &host_b);
}
END_TEST

START_TEST(confirms_too_early)
{
    struct walk walk;

    guest(&host_a);
    walk_init(&walk);
    walk_to(&walk, PREPARE);
    ck_assert(!confirm_with(&walk, NULL, FALSE, NULL));
    runs_on(&host_a, "g");
    walk_clear(&walk);
    ends_at(&host_a, &host_b);
}
END_TEST

START_TEST(cancels_what_is_committed)
{
    struct walk walk;

    guest(&host_a);
    walk_init(&walk);
    walk_to(&walk, FINISH);
    finish_with(&walk, walk.performed, TRUE, NULL);
    runs_on(&host_b, "g");
    walk_clear(&walk);
    ends_at(&host_b, &host_a);
}
END_TEST

/* A cookie that is cut, not ours, or of an earlier migration. */
START_TEST(bad_cookies)
{
    struct walk walk, earlier;
    g_autoptr(GError) err = NULL;

    guest(&host_a);
    walk_init(&earlier);
    walk_to(&earlier, PREPARE);
    walk_init(&walk);
    ck_assert(confirm_with(&earlier, NULL, TRUE, NULL));
    ck_assert(!finish_with(&earlier, NULL, TRUE, NULL));
    walk_to(&walk, PREPARE);

    const struct {
        const char *what;
        GBytes *cookie;
    } bad[] = {
        { "cut", g_bytes_new_from_bytes(walk.prepared, 0, 40) },
        { "empty", g_bytes_new(NULL, 0) },
        { "nonsense", g_bytes_new_static("<<<<", 5) },
        { "an earlier one's", g_bytes_ref(earlier.prepared) },
    };
    struct xf_migrate_args args = args_of(&walk, bad[_i].cookie);
    GBytes *cookie = NULL;

    ck_assert_msg(!walk.source->driver->perform3(walk.source, walk.dom, &args,
                                                 &cookie, &err),
                  "%s", bad[_i].what);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        g_bytes_unref(bad[i].cookie);
    walk_clear(&earlier);
    walk_clear(&walk);
    ends_at(&host_a, &host_b);
}
END_TEST

/* Every step of a handoff is a line of the log with its token, on both
 * hosts. */
static const struct {
    struct host *host;
    const char *step;
} logged[] = {
    { &host_a, "source, domain 'g': none -> begun (begin)" },
    { &host_a, "source, domain 'g': begun -> performing (perform)" },
    { &host_a, "domain 'g' suspended" },
    { &host_a, "source, domain 'g': performing -> performed (stream-sent)" },
    { &host_a, "source, domain 'g': performed -> done (committed-known)" },
    { &host_a, "source, domain 'g': over (done) and forgotten" },
    { &host_b, "destination, domain 'g': none -> prepared (prepare)" },
    { &host_b, "destination, domain 'g': prepared -> receiving (connected)" },
    { &host_b, "destination, domain 'g': receiving -> received (complete)" },
    { &host_b, "destination, domain 'g': received -> committed (finish)" },
    { &host_b, "destination, domain 'g': over (committed) and forgotten" },
};

START_TEST(each_step_is_logged_with_the_token)
{
    struct walk walk;

    guest(&host_a);
    walk_init(&walk);
    walk_to(&walk, BEGIN);

    g_autoptr(GPtrArray) infos =
        walk.source->driver->list_handoffs(walk.source, NULL);

    ck_assert(infos && infos->len == 1);

    const struct xf_handoff_info *info = infos->pdata[0];

    for (int i = PREPARE; i <= CONFIRM; i++)
        ck_assert(kinds[0].phases[i](&walk, NULL));
    walk_clear(&walk);
    ends_at(&host_b, &host_a);
    for (gsize i = 0; i < G_N_ELEMENTS(logged); i++) {
        g_autofree char *line =
            g_strdup_printf("handoff %s: %s", info->token, logged[i].step);

        ck_assert_msg(host_log_count(logged[i].host, line) == 1,
                      "not once in the log of %s: %s",
                      logged[i].host->name, line);
    }
}
END_TEST

/* Our own program of the wire: the host's administrators only. */
START_TEST(handoffs_by_the_unix_socket)
{
    struct walk walk;
    g_autoptr(GError) err = NULL;

    guest(&host_a);
    walk_init(&walk);
    ck_assert_msg(begin(&walk, &err), "%s", err ? err->message : "?");

    g_autoptr(GPtrArray) infos =
        walk.source->driver->list_handoffs(walk.source, &err);

    ck_assert_msg(infos && infos->len == 1, "%s", err ? err->message : "?");

    const struct xf_handoff_info *info = infos->pdata[0];
    g_autofree char *state = walk.source->driver->resolve_handoff(
        walk.source, info->token, XF_ASSUME_REVOKED, &err);

    ck_assert_str_eq(info->state, "begun");
    ck_assert_str_eq(info->name, "g");
    ck_assert_str_eq(info->uuid, UUID);
    ck_assert_ptr_null(state);
    ck_assert_msg(strstr(err->message, "it is begun"), "%s", err->message);
    g_clear_error(&err);

    struct xf_conn *tcp = xf_remote_open(host_a.tcp_uri, &err);

    ck_assert_msg(tcp != NULL, "%s", err ? err->message : "?");
    ck_assert_ptr_null(tcp->driver->list_handoffs(tcp, &err));
    ck_assert_msg(strstr(err->message, "unix socket only"), "%s",
                  err->message);
    g_clear_error(&err);
    ck_assert_ptr_null(tcp->driver->resolve_handoff(
        tcp, info->token, XF_ASSUME_COMMITTED, &err));
    ck_assert_msg(strstr(err->message, "unix socket only"), "%s",
                  err->message);
    xf_conn_close(tcp);
    walk_clear(&walk);
    runs_on(&host_a, "g");
    all_is_well();
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { asks_for_a_native_form, 1 },
        { leaves_after_phase, G_N_ELEMENTS(steps) },
        { dawdles_after_phase, G_N_ELEMENTS(steps) },
        { loses_a_connection, 2 * CONFIRM * NEW_KINDS },
        { finish_reply_lost, 1 },
        { perform_reply_lost, 1 },
        { phases_said_twice, 1 },
        { confirms_what_was_not, 1 },
        { confirms_too_early, 1 },
        { cancels_what_is_committed, 1 },
        { bad_cookies, 4 },
        { handoffs_by_the_unix_socket, 1 },
        { each_step_is_logged_with_the_token, 1 },
        { NULL, 0 },
    };

    return host_tests_main("clients", tests);
}
