/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cookies: exact bytes, round trips, and everything a peer may get wrong. */
#include "config.h"

#include <string.h>

#include "protocol/cookie.h"
#include "tests/unit/common.h"

#define UUID "00112233-4455-6677-8899-aabbccddeeff"
#define TOKEN "0123456789abcdef0123456789abcdef"
#define HEX64 TOKEN TOKEN

#define LIBVIRTS                                                            \
    "  <name>g1</name>\n"                                                   \
    "  <uuid>" UUID "</uuid>\n"                                             \
    "  <hostname>host1</hostname>\n"                                        \
    "  <migration-stream-version>2</migration-stream-version>\n"
#define ROOT(body) "<libxl-migration>\n" body "</libxl-migration>\n"
#define OURS(body)                                                          \
    "  <handoff xmlns='urn:xenferry:cookie:1'>\n" body "  </handoff>\n"

static const char stock[] = ROOT(LIBVIRTS);
static const char full[] = ROOT(LIBVIRTS OURS(
    "    <token>" TOKEN "</token>\n"
    "    <key>" HEX64 "</key>\n"
    "    <address>192.0.2.7</address>\n"
    "    <port>49217</port>\n"
    "    <state>received</state>\n"
    "    <proof>" HEX64 "</proof>\n"
    "    <log>" TOKEN "</log>\n"
    "    <log-key>" HEX64 "</log-key>\n"
    "    <origin>version=4017007 cpu=0123abcd</origin>\n"));

static struct xf_cookie *
example(void)
{
    struct xf_cookie *c = g_new0(struct xf_cookie, 1);

    c->name = g_strdup("g1");
    ck_assert(xf_uuid_parse(UUID, c->uuid));
    c->hostname = g_strdup("host1");
    c->stream_version = XF_STREAM_VERSION;
    return c;
}

static struct xf_cookie *
full_example(void)
{
    struct xf_cookie *c = example();

    strcpy(c->token, TOKEN);
    for (int i = 0; i < XF_KEY_LEN; i++)
        c->key[i] = c->proof[i] = c->log_key[i] =
            (2 * i % 16) << 4 | (2 * i + 1) % 16;
    c->has_key = c->has_proof = c->has_log_key = TRUE;
    strcpy(c->log, TOKEN);
    c->address = g_strdup("192.0.2.7");
    c->port = 49217;
    c->state = g_strdup("received");
    c->origin = g_strdup("version=4017007 cpu=0123abcd");
    return c;
}

static struct xf_cookie *
parse(const char *text, gsize len, GError **err)
{
    /* a copy of exactly that size: an over-read is seen by a sanitizer */
    g_autoptr(GBytes) bytes = g_bytes_new(text, len);

    return xf_cookie_parse(bytes, err);
}

static void
assert_refused(const char *text, gsize len, const char *says)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(!parse(text, len, &err), "taken: %s", text);
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
    ck_assert_msg(strstr(err->message, says), "\"%s\" lacks \"%s\"",
                  err->message, says);
}

static void
assert_written_as(const struct xf_cookie *cookie, const char *text)
{
    g_autoptr(GBytes) bytes = xf_cookie_format(cookie);
    gsize len;
    const char *data = g_bytes_get_data(bytes, &len);

    ck_assert_uint_eq(len, strlen(text) + 1);
    ck_assert_str_eq(data, text);
}

START_TEST(exact_bytes)
{
    XF_AUTO(xf_cookie) *plain = example();
    XF_AUTO(xf_cookie) *whole = full_example();

    assert_written_as(plain, stock);
    assert_written_as(whole, full);
}
END_TEST

static void
assert_same(const struct xf_cookie *a, const struct xf_cookie *b)
{
    ck_assert_str_eq(a->name, b->name);
    ck_assert_mem_eq(a->uuid, b->uuid, XF_UUID_LEN);
    ck_assert_int_eq(g_strcmp0(a->hostname, b->hostname), 0);
    ck_assert_uint_eq(a->stream_version, b->stream_version);
    ck_assert_str_eq(a->token, b->token);
    ck_assert_int_eq(a->has_key, b->has_key);
    ck_assert_mem_eq(a->key, b->key, XF_KEY_LEN);
    ck_assert_int_eq(g_strcmp0(a->address, b->address), 0);
    ck_assert_uint_eq(a->port, b->port);
    ck_assert_int_eq(g_strcmp0(a->state, b->state), 0);
    ck_assert_int_eq(a->has_proof, b->has_proof);
    ck_assert_mem_eq(a->proof, b->proof, XF_KEY_LEN);
    ck_assert_str_eq(a->log, b->log);
    ck_assert_int_eq(a->has_log_key, b->has_log_key);
    ck_assert_mem_eq(a->log_key, b->log_key, XF_KEY_LEN);
    ck_assert_int_eq(g_strcmp0(a->origin, b->origin), 0);
}

static void
round_trip(const struct xf_cookie *cookie)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GBytes) bytes = xf_cookie_format(cookie);
    XF_AUTO(xf_cookie) *again = xf_cookie_parse(bytes, &err);

    ck_assert_msg(again != NULL, "%s", err ? err->message : "no error");
    assert_same(cookie, again);
}

START_TEST(round_trips)
{
    XF_AUTO(xf_cookie) *c = full_example();

    round_trip(c);
    g_free(c->name);
    c->name = g_strdup("<&>\"' \xc3\xa4 \xf0\x9f\x90\xa7 ]]>");
    round_trip(c);
    g_clear_pointer(&c->state, g_free);
    round_trip(c);
    c->has_proof = FALSE;
    memset(c->proof, 0, sizeof(c->proof));
    round_trip(c);
    g_free(c->address);
    c->address = g_strdup("fe80::1%eth0");
    c->port = 65535;
    round_trip(c);
    g_clear_pointer(&c->hostname, g_free);
    round_trip(c);
    c->stream_version = 1;
    round_trip(c);
}
END_TEST

START_TEST(largest_fits)
{
    XF_AUTO(xf_cookie) *c = full_example();

    g_free(c->name);
    c->name = g_strnfill(255, '"');
    g_free(c->hostname);
    c->hostname = g_strnfill(255, 'h');
    g_free(c->address);
    c->address = g_strnfill(255, 'a');
    round_trip(c);
}
END_TEST

START_TEST(foreign_cookie)
{
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_cookie) *want = example();
    XF_AUTO(xf_cookie) *with_nul = parse(stock, sizeof(stock), &err);

    g_assert_no_error(err);
    assert_same(with_nul, want);
    ck_assert_int_eq(with_nul->token[0], 0);

    /* the final NUL may be missing */
    XF_AUTO(xf_cookie) *bare = parse(stock, sizeof(stock) - 1, &err);

    g_assert_no_error(err);
    assert_same(bare, want);
}
END_TEST

START_TEST(unknown_elements)
{
    static const char *const texts[] = {
        /* new ones, deep ones, known names where they mean nothing */
        ROOT("<x><name>other</name></x>" LIBVIRTS "<y a='b'/>"),
        ROOT("<name xmlns='urn:other'>other</name>" LIBVIRTS),
        ROOT(LIBVIRTS "<token>" TOKEN "</token><handoff><token/></handoff>"),
        ROOT(LIBVIRTS "<handoff xmlns='urn:xenferry:cookie:2'/>"),
        ROOT("<!-- c --><?pi x?>" LIBVIRTS),
        "<?xml version='1.0' encoding='UTF-8'?>\n" ROOT(LIBVIRTS),
    };
    XF_AUTO(xf_cookie) *want = example();

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) err = NULL;
        XF_AUTO(xf_cookie) *c = parse(texts[i], strlen(texts[i]) + 1, &err);

        g_assert_no_error(err);
        assert_same(c, want);
    }
}
END_TEST

START_TEST(unknown_in_ours)
{
    const char *text = ROOT(LIBVIRTS
        "<f:handoff xmlns:f='urn:xenferry:cookie:1'><f:new><f:token/></f:new>"
        "<token>no</token><f:token><![CDATA[" TOKEN "]]></f:token>"
        "</f:handoff>");
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_cookie) *c = parse(text, strlen(text), &err);

    g_assert_no_error(err);
    ck_assert_str_eq(c->token, TOKEN);
    ck_assert(!c->has_key && !c->has_proof && !c->address && !c->state);
}
END_TEST

START_TEST(cut_at_every_length)
{
    gsize whole = strlen(full) - 1;     /* the last newline may go */

    for (gsize len = 0; len < whole; len++)
        assert_refused(full, len, "migration cookie: ");
    for (gsize len = 0; len < whole; len++) {
        g_autofree char *cut = g_strndup(full, len);

        assert_refused(cut, len + 1, "migration cookie: ");
    }

    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_cookie) *c = parse(full, whole, &err);

    g_assert_no_error(err);
    ck_assert_str_eq(c->name, "g1");
}
END_TEST

/* Bytes changed one at a time must never do worse than an error. */
START_TEST(every_byte_flipped)
{
    for (gsize i = 0; i < sizeof(full); i++)
        for (int bit = 0; bit < 8; bit++) {
            g_autofree char *text = g_memdup2(full, sizeof(full));
            g_autoptr(GError) err = NULL;

            text[i] ^= 1 << bit;

            XF_AUTO(xf_cookie) *c = parse(text, sizeof(full), &err);

            ck_assert((c != NULL) != (err != NULL));
            ck_assert(!c || (c->name && strlen(c->name) == 2));
        }
}
END_TEST

struct refusal {
    const char *text;
    const char *says;
};

static void
assert_all_refused(const struct refusal *list, gsize n)
{
    for (gsize i = 0; i < n; i++)
        assert_refused(list[i].text, strlen(list[i].text), list[i].says);
}

#define V2 "<migration-stream-version>2</migration-stream-version>"
#define IN_OURS(body) ROOT(LIBVIRTS OURS(body))
#define NAMED(name) ROOT("<name>" name "</name><uuid>" UUID "</uuid>" V2)

START_TEST(hostile_elements)
{
    static const struct refusal list[] = {
        { ROOT(""), "<name> is missing" },
        { ROOT("<name>g</name>" V2), "<uuid> is missing" },
        { ROOT("<name>g</name><uuid>" UUID "</uuid>"),
          "<migration-stream-version> is missing" },
        { ROOT(LIBVIRTS "<name>g</name>"), "<name> is there twice" },
        { NAMED(""), "<name> must" },
        { NAMED("a/b"), "<name> has" },
        { NAMED("a&#10;b"), "<name> has" },
        { NAMED("a&#127;b"), "<name> has" },
        { NAMED("a<b/>"), "<name> has" },
        { NAMED("a<!-- -->b"), "<name> has" },
        { ROOT("<name>g</name><uuid>" UUID "0</uuid>" V2), "<uuid> is" },
        { ROOT("<name>g</name><uuid> " UUID "</uuid>" V2), "<uuid> is" },
        { ROOT("<name>g</name><uuid>0011223344556677-8899-aabb-ccdd-eeff"
               "</uuid>" V2), "<uuid> is" },
        { ROOT("<hostname>a b</hostname>" LIBVIRTS), "<hostname> is not" },
        { ROOT("<hostname/>"), "<hostname> must" },
    };

    assert_all_refused(list, G_N_ELEMENTS(list));
}
END_TEST

START_TEST(hostile_versions)
{
    static const char *const bad[] = {
        "", "0", "-1", "+2", " 2", "2 ", "0x2", "2.0", "65536", "000002",
        "18446744073709551618", "\xd9\xa2",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = g_strdup_printf(
            ROOT("<name>g</name><uuid>" UUID "</uuid>"
                 "<migration-stream-version>%s</migration-stream-version>"),
            bad[i]);

        assert_refused(text, strlen(text), "<migration-stream-version> is");
    }
}
END_TEST

START_TEST(hostile_ours)
{
    static const struct refusal list[] = {
        { IN_OURS(""), "<token> is missing" },
        { IN_OURS("<token/>"), "<token> is" },
        { IN_OURS("<token>" TOKEN "0</token>"), "<token> is" },
        { IN_OURS("<token>0123456789ABCDEF0123456789abcdef</token>"),
          "<token> is" },
        { IN_OURS("<token>../../../../../../../../etc/pass</token>"),
          "<token> is" },
        { IN_OURS("<token>" TOKEN "</token><token>" TOKEN "</token>"),
          "<token> is there twice" },
        { IN_OURS("<token>" TOKEN "</token><key>" TOKEN "</key>"),
          "<key> is" },
        { IN_OURS("<token>" TOKEN "</token><key>" HEX64 "00</key>"),
          "<key> is" },
        { IN_OURS("<token>" TOKEN "</token><proof>x</proof>"),
          "<proof> is" },
        { IN_OURS("<token>" TOKEN "</token><log>x</log>"), "<log> is" },
        { IN_OURS("<token>" TOKEN "</token><log-key>x</log-key>"),
          "<log-key> is" },
        { IN_OURS("<token>" TOKEN "</token><log>" TOKEN "</log>"),
          "<log-key> is missing" },
        { IN_OURS("<token>" TOKEN "</token><log-key>" HEX64 "</log-key>"),
          "<log> is missing" },
        { IN_OURS("<token>" TOKEN "</token><origin></origin>"),
          "<origin> must have" },
        { IN_OURS("<token>" TOKEN "</token><origin>a\nb</origin>"),
          "<origin> has a character" },
        { IN_OURS("<token>" TOKEN "</token><origin>\xc3\xa9</origin>"),
          "<origin> has a character" },
        { IN_OURS("<token>" TOKEN "</token><port>1</port>"),
          "<address> is missing" },
        { IN_OURS("<token>" TOKEN "</token><address>a</address>"),
          "<port> is missing" },
        { IN_OURS("<token>" TOKEN "</token><port>0</port>"), "<port> is" },
        { IN_OURS("<token>" TOKEN "</token><port>65536</port>"),
          "<port> is" },
        { IN_OURS("<token>" TOKEN "</token><address>a;b</address>"),
          "<address> is" },
        { IN_OURS("<token>" TOKEN "</token><state>Re</state>"),
          "<state> is" },
        { ROOT(LIBVIRTS OURS("<token>" TOKEN "</token>") OURS("")),
          "<handoff> is there twice" },
    };

    assert_all_refused(list, G_N_ELEMENTS(list));
}
END_TEST

START_TEST(hostile_documents)
{
    static const struct refusal list[] = {
        { "", "empty" },
        { "x", "line 1: " },
        { "<a>" ROOT(LIBVIRTS) "</a>", "<libxl-migration> is not the root" },
        { "<libxl-migration xmlns='urn:x'/>", "is not the root" },
        { ROOT(LIBVIRTS) "<x/>", "line " },
        { ROOT(LIBVIRTS) "x", "line " },
        { "<!DOCTYPE a>" ROOT(LIBVIRTS), "document type" },
        { "<!DOCTYPE a SYSTEM 'file:///etc/passwd'>" ROOT(LIBVIRTS),
          "document type" },
        { "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>"
          NAMED("&e;"), "document type" },
        { NAMED("&undeclared;"), "line " },
        { ROOT("<name>\xff</name>"), "not UTF-8" },
        { "<?xml version='1.0' encoding='no-such'?>" ROOT("<name>"),
          "line " },
    };

    assert_all_refused(list, G_N_ELEMENTS(list));
    assert_refused("", 1, "empty");
    assert_refused("\0", 2, "not UTF-8");
    /* a NUL in the middle, and a second one at the end */
    assert_refused("<libxl-migration>\0</libxl-migration>", 36, "not UTF-8");
    assert_refused("<a/>\0", 6, "not UTF-8");
    ck_assert_ptr_null(xf_cookie_parse(NULL, NULL));
}
END_TEST

START_TEST(sizes)
{
    g_autoptr(GString) text = g_string_new(stock);
    g_autoptr(GError) err = NULL;

    g_string_append(text, "<!-- ");
    while (text->len < XF_COOKIE_READ_MAX - 4)
        g_string_append_c(text, 'x');
    g_string_append(text, " -->");

    XF_AUTO(xf_cookie) *c = parse(text->str, text->len, &err);

    g_assert_no_error(err);
    ck_assert_str_eq(c->name, "g1");
    assert_refused(text->str, text->len + 1,
                   "1048577 bytes, more than 1048576");

    g_autofree char *name = g_strnfill(256, 'n');
    g_autofree char *big = g_strdup_printf(NAMED("%s"), name);

    assert_refused(big, strlen(big), "<name> must");

    /* depth: as much as fits into a cookie */
    g_string_assign(text, "");
    while (text->len < XF_COOKIE_READ_MAX - 3)
        g_string_append(text, "<a>");
    assert_refused(text->str, text->len, "line ");
}
END_TEST

START_TEST(secrets)
{
    /* HMAC-SHA256 under 32 zero bytes of
     * "xenferry committed" "00000000000000000000000000000000" */
    static const guint8 want[XF_KEY_LEN] = {
        0xc6, 0xe1, 0x22, 0x81, 0xe9, 0x44, 0x06, 0x11,
        0xa3, 0xde, 0x8c, 0xcd, 0x99, 0x81, 0x21, 0xdc,
        0x4d, 0xcc, 0xe7, 0x23, 0x2a, 0x87, 0x75, 0x78,
        0x4f, 0x93, 0xed, 0x99, 0x54, 0xee, 0x84, 0x6e,
    };
    const char *zeros = "00000000000000000000000000000000";
    guint8 key[XF_KEY_LEN] = { 0 }, proof[XF_KEY_LEN];

    xf_cookie_proof(key, zeros, proof);
    ck_assert_mem_eq(proof, want, XF_KEY_LEN);

    for (int i = 0; i < XF_KEY_LEN; i++) {
        guint8 other[XF_KEY_LEN];

        memcpy(other, proof, XF_KEY_LEN);
        ck_assert(xf_secret_equal(other, proof, XF_KEY_LEN));
        other[i] ^= 0x80;
        ck_assert(!xf_secret_equal(other, proof, XF_KEY_LEN));
    }
}
END_TEST

START_TEST(tokens)
{
    ck_assert(xf_token_valid(TOKEN));
    ck_assert(!xf_token_valid(""));
    ck_assert(!xf_token_valid(TOKEN "0"));
    ck_assert(!xf_token_valid("0123456789abcdef0123456789abcde"));
    ck_assert(!xf_token_valid("0123456789abcdef0123456789abcdeF"));
    ck_assert(!xf_token_valid("0123456789abcdef0123456789abcde/"));
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        exact_bytes,
        round_trips,
        largest_fits,
        foreign_cookie,
        unknown_elements,
        unknown_in_ours,
        cut_at_every_length,
        every_byte_flipped,
        hostile_elements,
        hostile_versions,
        hostile_ours,
        hostile_documents,
        sizes,
        secrets,
        tokens,
        NULL
    };

    return xf_unit_main("cookie", tests);
}
