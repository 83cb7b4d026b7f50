/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wire bytes: each shape both ways, cut at every length, and beyond its
 * limits; typed parameters; when keepalive speaks. */
#include "config.h"

#include "protocol/rpc/keepalive.h"
#include "protocol/rpc/params.h"
#include "tests/unit/rpc-common.h"

#include <string.h>

/* -- samples: one body per shape that matters ---------------------------- */

#define OPEN                                                            \
    "00000001"                          /* name: present */             \
    "0000000d 78656e3a2f2f2f73797374656d 000000" /* xen:///system */    \
    "00000001"                          /* flags: read-only */

#define DOM                                                             \
    "00000002 6731 0000"                /* name: g1 */                  \
    "000102030405060708090a0b0c0d0e0f"  /* uuid */                      \
    "ffffffff"                          /* id: does not run */

#define BANDWIDTH                                                       \
    "00000009 62616e647769647468 000000" /* field: bandwidth */         \
    "00000004"                          /* type: ULLONG */              \
    "000000000000000a"                  /* value: 10 */

#define URI                                                             \
    "0000000b 6d6967726174655f757269 00" /* field: migrate_uri */       \
    "00000007"                          /* type: STRING */              \
    "00000007 7463703a2f2f68 00"        /* value: tcp://h */

#define COOKIE "00000003 61626300"      /* 3 bytes: abc */

#define PERFORM3_PARAMS                                                 \
    DOM                                                                 \
    "00000001 00000002 61620000"        /* dconnuri: ab */              \
    "00000002" URI BANDWIDTH            /* params: two */               \
    COOKIE                                                              \
    "00000021"                          /* flags */

#define PERFORM3                                                        \
    DOM                                                                 \
    "00000000"                          /* xmlin: absent */             \
    COOKIE                                                              \
    "00000000"                          /* dconnuri: absent */          \
    "00000001 00000002 61620000"        /* uri: ab */                   \
    "0000000000000021"                  /* flags, 64 bits */            \
    "00000001 00000001 6e000000"        /* dname: n */                  \
    "000000000000000a"                  /* resource */

#define FINISH3                                                         \
    "00000002 67310000"                 /* dname: g1 */                 \
    COOKIE                                                              \
    "00000000 00000000"                 /* dconnuri, uri: absent */     \
    "0000000000000001"                  /* flags */                     \
    "00000001"                          /* cancelled */

#define PREPARE2                                                        \
    "00000000"                          /* uri_in: absent */            \
    "0000000000000001"                  /* flags */                     \
    "00000000"                          /* dname: absent */             \
    "0000000000000000"                  /* resource */                  \
    "00000004 3c782f3e"                 /* dom_xml: <x/> */

#define NO_DOMAIN                                                       \
    "0000002a"                          /* code: 42 */                  \
    "00000029"                          /* domain: 41 */                \
    "00000001 00000005 6e6f206731 000000" /* message: no g1 */          \
    "00000002"                          /* level */                     \
    "00000000"                          /* dom: absent */               \
    "00000000 00000000 00000000"        /* str1 to str3: absent */      \
    "ffffffff ffffffff"                 /* int1, int2 */                \
    "00000000"                          /* net: absent */

#define LIST                                                            \
    "00000001" DOM                      /* one domain */                \
    "00000001"                          /* count */

#define INFO                                                            \
    "00000003"                          /* state, a char in a word */   \
    "0000000000100000"                  /* max memory */                \
    "0000000000080000"                  /* memory */                    \
    "00000002"                          /* vcpus, a short in a word */  \
    "000000012a05f201"                  /* cpu time */

#define TUNNEL3                                                         \
    "00000002 63690000"                 /* cookie_in: ci */             \
    "0000000000000005"                  /* flags: live, tunnelled */    \
    "00000001 00000001 6e000000"        /* dname: n */                  \
    "000000000000000a"                  /* resource: 10 */              \
    "00000004 3c782f3e"                 /* dom_xml: <x/> */

#define TUNNEL                                                          \
    "0000000000000005"                  /* flags: live, tunnelled */    \
    "00000001 00000001 6e000000"        /* dname: n */                  \
    "000000000000000a"                  /* resource: 10 */              \
    "00000004 3c782f3e"                 /* dom_xml: <x/> */

#define JOB_STATS                                                       \
    "00000002"                          /* type: unbounded */           \
    "00000001" BANDWIDTH                /* one statistic */

#define SAVE_FLAGS                                                      \
    DOM                                                                 \
    "00000002 2f660000"                 /* to: /f */                    \
    "00000000"                          /* xml: absent */               \
    "00000004"                          /* flags: paused */

#define RESTORE_FLAGS                                                   \
    "00000002 2f660000"                 /* from: /f */                  \
    "00000001 00000004 3c782f3e"        /* xml: <x/> */                 \
    "00000002"                          /* flags: running */

#define MEMORY_STATS                                                    \
    "00000001"                          /* one figure */                \
    "00000006"                          /* tag: actual */               \
    "0000000000020000"                  /* KiB */

#define NODE_MEMORY                                                     \
    "00000001"                          /* one figure */                \
    "00000005 746f74616c000000"         /* total */                     \
    "0000000000200000"                  /* KiB */                       \
    "00000002"                          /* of two there are */

#define CELLS                                                           \
    "00000001"                          /* one node */                  \
    "0000000040000000"                  /* bytes */

static const struct sample {
    const char *name;
    const char *body;
    xdrproc_t filter;
    gsize size;
} samples[] = {
#define SAMPLE(body, type) { #type, body, XF_XDR(type), sizeof(type) }
    SAMPLE(OPEN, xfw_open_args),
    SAMPLE(DOM, xfw_dom),
    SAMPLE(PERFORM3_PARAMS, xfw_perform3_params_args),
    SAMPLE(PERFORM3, xfw_perform3_args),
    SAMPLE(FINISH3, xfw_finish3_args),
    SAMPLE(PREPARE2, xfw_prepare2_args),
    SAMPLE(TUNNEL, xfw_prepare_tunnel_args),
    SAMPLE(TUNNEL3, xfw_prepare_tunnel3_args),
    SAMPLE(NO_DOMAIN, xfw_error),
    SAMPLE(LIST, xfw_list_all_ret),
    SAMPLE(INFO, xfw_domain_info_ret),
    SAMPLE(JOB_STATS, xfw_job_stats_ret),
    SAMPLE(SAVE_FLAGS, xfw_save_flags_args),
    SAMPLE(RESTORE_FLAGS, xfw_restore_flags_args),
    SAMPLE(MEMORY_STATS, xfw_memory_stats_ret),
    SAMPLE(NODE_MEMORY, xfw_node_memory_ret),
    SAMPLE(CELLS, xfw_cells_ret),
};

static GBytes *
packet_with(const guint8 *body, gsize len)
{
    g_autoptr(GByteArray) packet = g_byte_array_new();

    g_byte_array_set_size(packet, XFW_PACKET_MIN);
    memset(packet->data, 0, XFW_PACKET_MIN);
    g_byte_array_append(packet, body, len);
    return g_byte_array_free_to_bytes(g_steal_pointer(&packet));
}

static gboolean
decodes(const guint8 *body, gsize len, xdrproc_t filter, gsize size)
{
    g_autoptr(GBytes) packet = packet_with(body, len);
    g_autofree void *value = g_malloc0(size);
    g_autoptr(GError) err = NULL;
    gboolean ok = xf_rpc_body_decode(packet, filter, value, &err);

    ck_assert(ok == !err);
    xdr_free(filter, value);
    return ok;
}

static void
both_ways(const struct sample *s)
{
    g_autoptr(GByteArray) body = hex(s->body);
    g_autoptr(GBytes) packet = packet_with(body->data, body->len);
    g_autoptr(GBytes) again = NULL;
    g_autofree void *value = g_malloc0(s->size);
    struct xf_rpc_header header = { 0 };
    const guint8 *data;
    gsize len;

    ck_assert_msg(xf_rpc_body_decode(packet, s->filter, value, NULL), "%s",
                  s->name);
    again = xf_rpc_packet_new(&header, s->filter, value, NULL);
    ck_assert_ptr_nonnull(again);
    data = g_bytes_get_data(again, &len);
    ck_assert_uint_eq(len, XFW_PACKET_MIN + body->len);
    ck_assert_mem_eq(data + XFW_PACKET_MIN, body->data, body->len);
    xdr_free(s->filter, value);
}

START_TEST(samples_both_ways)
{
    for (gsize i = 0; i < G_N_ELEMENTS(samples); i++)
        both_ways(&samples[i]);
}
END_TEST

static void
cut_at_every_length(const struct sample *s)
{
    g_autoptr(GByteArray) body = hex(s->body);

    for (guint len = 0; len < body->len; len++)
        ck_assert_msg(!decodes(body->data, len, s->filter, s->size),
                      "%s taken with %u of %u bytes", s->name, len,
                      body->len);
    /* bytes after the body are no error */
    g_byte_array_append(body, (const guint8 *)"more", 4);
    ck_assert(decodes(body->data, body->len, s->filter, s->size));
}

START_TEST(samples_cut_at_every_length)
{
    for (gsize i = 0; i < G_N_ELEMENTS(samples); i++)
        cut_at_every_length(&samples[i]);
}
END_TEST

START_TEST(fields_decoded)
{
    g_autoptr(GByteArray) body = hex(PERFORM3_PARAMS);
    g_autoptr(GBytes) packet = packet_with(body->data, body->len);
    struct xfw_perform3_params_args args = { 0 };
    struct xf_migrate_args migrate = { 0 };

    ck_assert(xf_rpc_body_decode(packet, XF_XDR(xfw_perform3_params_args),
                                 &args, NULL));
    ck_assert_str_eq(args.dom.name, "g1");
    ck_assert_int_eq(args.dom.id, -1);
    ck_assert_mem_eq(args.dom.uuid, double_uuid, XF_UUID_LEN);
    ck_assert_str_eq(*args.dconnuri, "ab");
    ck_assert_uint_eq(args.cookie_in.xfw_cookie_len, 3);
    ck_assert_mem_eq(args.cookie_in.xfw_cookie_val, "abc", 3);
    ck_assert_uint_eq(args.flags, 0x21);
    ck_assert(xf_rpc_params_decode(&args.params, &migrate, NULL));
    ck_assert_str_eq(migrate.uri, "tcp://h");
    ck_assert_uint_eq(migrate.bandwidth, 10);
    ck_assert_ptr_null(migrate.dname);
    xdr_free(XF_XDR(xfw_perform3_params_args), &args);
}
END_TEST

/* -- beyond the limits --------------------------------------------------- */

START_TEST(limits)
{
    static const struct {
        const char *body;
        xdrproc_t filter;
        gsize size;
    } bad[] = {
#define BAD(body, type) { body, XF_XDR(type), sizeof(type) }
        BAD("ffffffff 61", xfw_name_args),
        BAD("00400001 61", xfw_name_args),
        BAD("00400000 61", xfw_name_args),      /* in the limit, not there */
        BAD("ffffffff", xfw_prepare3_params_args),
        BAD("00000041", xfw_prepare3_params_args),
        BAD("00000040", xfw_prepare3_params_args),
        BAD("00400001", xfw_perform3_ret),
        BAD("ffffffff", xfw_perform3_ret),
        BAD("00004001", xfw_list_all_ret),
        BAD("7fffffff", xfw_list_all_ret),
        BAD("00000000 00000041", xfw_job_stats_ret),
        BAD("00000015", xfw_auth_list_ret),
        BAD("00000102", xfw_security_model_ret),
        /* a parameter's name of 80 bytes, types that do not exist */
        BAD("00000001 00000050", xfw_prepare3_params_args),
        BAD("00000001 00000001 61000000 00000000 00000000 00000000 00000000",
            xfw_prepare3_params_args),
        BAD("00000001 00000001 61000000 00000008 00000000 00000000 00000000",
            xfw_prepare3_params_args),
#undef BAD
    };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GByteArray) body = hex(bad[i].body);

        ck_assert_msg(!decodes(body->data, body->len, bad[i].filter,
                               bad[i].size), "taken: %s", bad[i].body);
    }
}
END_TEST

START_TEST(limits_when_sending)
{
    g_autofree char *text = g_strnfill(XFW_STRING_MAX + 1, 'x');
    struct xf_rpc_header header = { 0 };
    struct xfw_name_args args = { .name = text };
    g_autoptr(GError) err = NULL;
    g_autoptr(GBytes) fits = NULL;

    ck_assert_ptr_null(xf_rpc_packet_new(&header, XF_XDR(xfw_name_args),
                                         &args, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_RPC));
    text[XFW_STRING_MAX] = '\0';
    fits = xf_rpc_packet_new(&header, XF_XDR(xfw_name_args), &args, NULL);
    ck_assert_ptr_nonnull(fits);
}
END_TEST

START_TEST(packet_lengths)
{
    static const struct {
        const char *start;
        gssize length;
    } cases[] = {
        { "", 0 },         { "000000", 0 },    { "0000001c", 28 },
        { "0000001b", -1 }, { "00000000", -1 }, { "02000004", 33554436 },
        { "02000005", -1 }, { "ffffffff", -1 }, { "80000000", -1 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) start = hex(cases[i].start);

        ck_assert_int_eq(xf_rpc_packet_length(start->data, start->len),
                         cases[i].length);
    }
}
END_TEST

/* -- whole packets ------------------------------------------------------- */

START_TEST(header_both_ways)
{
    g_autoptr(GByteArray) want = hex(
        "00000020"      /* length */
        "20008086"      /* program: remote */
        "00000001"      /* version */
        "0000003c"      /* procedure: 60, supports feature */
        "00000000"      /* type: call */
        "00000001"      /* serial */
        "00000000"      /* status: ok */
        "0000000a");    /* feature: 10 */
    struct xf_rpc_header in, header = {
        .prog = XFW_PROGRAM, .vers = XFW_VERSION,
        .proc = XFW_PROC_CONNECT_SUPPORTS_FEATURE, .type = XFW_CALL,
        .serial = 1, .status = XFW_OK,
    };
    struct xfw_int args = { .value = 10 };
    g_autoptr(GBytes) packet = xf_rpc_packet_new(&header, XF_XDR(xfw_int),
                                                 &args, NULL);

    ck_assert_uint_eq(g_bytes_get_size(packet), want->len);
    ck_assert_mem_eq(g_bytes_get_data(packet, NULL), want->data, want->len);
    xf_rpc_header_decode(want->data, &in);
    ck_assert_mem_eq(&in, &header, sizeof(in));
}
END_TEST

START_TEST(error_codes_round_trip)
{
    const struct xf_rpc_header call = { .proc = 1, .serial = 2 };

    for (int code = 0; code < XF_ERROR_LAST; code++) {
        g_autoptr(GError) why = g_error_new(XF_ERROR, code, "why %d", code);
        g_autoptr(GBytes) packet = xf_rpc_error_packet(&call, why,
                                                       XFW_FROM_LIBXL);
        g_autoptr(GError) back = NULL;

        xf_rpc_error_decode(packet, &back);
        ck_assert_str_eq(back->message, why->message);
        if (code != XF_ERROR_REMOTE)
            ck_assert_int_eq(back->code, code);
    }
}
END_TEST

static void
decoded_error(const char *body, int code, const char *text)
{
    g_autoptr(GByteArray) bytes = hex(body);
    g_autoptr(GBytes) packet = packet_with(bytes->data, bytes->len);
    g_autoptr(GError) err = NULL;

    xf_rpc_error_decode(packet, &err);
    ck_assert_msg(g_error_matches(err, XF_ERROR, code), "%s: code %d", body,
                  err->code);
    ck_assert_msg(strstr(err->message, text) != NULL, "%s", err->message);
}

#define REST "00000002 00000000 00000000 00000000 00000000 " \
             "00000000 00000000 00000000"

START_TEST(errors_of_libvirt)
{
    decoded_error(NO_DOMAIN, XF_ERROR_NO_DOMAIN, "no g1");
    /* no text */
    decoded_error("00000009 00000029 00000000" REST,
                  XF_ERROR_OPERATION_FAILED, "libvirt error 9");
    /* a number that we have no code for */
    decoded_error("00000051 00000029 00000001 00000001 78000000" REST,
                  XF_ERROR_REMOTE, "x");
    /* "unknown procedure: 5" is how an old server lacks a call */
    decoded_error("00000027 00000007 00000001 00000014"
                  "756e6b6e6f776e2070726f6365647572653a2035" REST,
                  XF_ERROR_NO_SUPPORT, "unknown procedure");
    decoded_error("00000027 00000007 00000001 00000001 78000000" REST,
                  XF_ERROR_RPC, "x");
    /* a timeout stays one without our marker */
    decoded_error("00000044 00000029 00000001 00000001 78000000" REST,
                  XF_ERROR_TIMEOUT, "x");
    decoded_error("00000044", XF_ERROR_RPC, "error reply");
}
END_TEST

START_TEST(error_text_always_fits)
{
    const struct xf_rpc_header call = { .proc = 1 };
    g_autofree char *text = g_strnfill(8 * 1024 * 1024, 'x');
    g_autoptr(GError) why = g_error_new_literal(XF_ERROR, XF_ERROR_XML, text);
    g_autoptr(GBytes) packet = NULL;

    why->message[10] = '\xff';      /* no UTF-8 */
    packet = xf_rpc_error_packet(&call, why, XFW_FROM_LIBXL);
    ck_assert_uint_lt(g_bytes_get_size(packet), 64 * 1024);
}
END_TEST

/* The text that is sent of one that is `before` bytes and then many of those
 * characters. */
static void
check_cut(gsize before, const char *character)
{
    const struct xf_rpc_header call = { .proc = 1 };
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) why = NULL;
    g_autoptr(GBytes) packet = NULL;
    struct xfw_error body = { 0 };

    for (gsize i = 0; i < before; i++)
        g_string_append_c(text, '-');
    while (text->len < 100000)
        g_string_append(text, character);
    why = g_error_new_literal(XF_ERROR, XF_ERROR_XML, text->str);
    packet = xf_rpc_error_packet(&call, why, XFW_FROM_LIBXL);
    ck_assert(xf_rpc_body_decode(packet, XF_XDR(xfw_error), &body, NULL));
    ck_assert_ptr_nonnull(body.message);
    ck_assert(g_utf8_validate(*body.message, -1, NULL));
    ck_assert(g_str_has_prefix(text->str, *body.message));
    /* no more than one character is lost */
    ck_assert_uint_gt(strlen(*body.message), 16384 - 4);
    ck_assert_uint_le(strlen(*body.message), 16384);
    xdr_free(XF_XDR(xfw_error), &body);
}

START_TEST(error_text_is_cut_between_characters)
{
    /* of one byte, two, three and four */
    static const char *const characters[] = { "x", "\xc3\xa9",
                                              "\xe2\x82\xac",
                                              "\xf0\x9f\x90\xa7" };

    for (gsize i = 0; i < G_N_ELEMENTS(characters); i++)
        for (gsize before = 0; before < 4; before++)
            check_cut(before, characters[i]);
}
END_TEST

/* -- typed parameters ---------------------------------------------------- */

static int
decode_params(const char *body, struct xf_migrate_args *args)
{
    g_autoptr(GByteArray) bytes = hex(body);
    g_autoptr(GBytes) packet = packet_with(bytes->data, bytes->len);
    xfw_migrate_params params = { 0 };
    g_autoptr(GError) err = NULL;
    gboolean ok;

    ck_assert(xf_rpc_body_decode(packet, XF_XDR(xfw_migrate_params), &params,
                                 NULL));
    ok = xf_rpc_params_decode(&params, args, &err);
    ck_assert(ok == !err);
    xdr_free(XF_XDR(xfw_migrate_params), &params);
    return ok ? -1 : err->code;
}

START_TEST(params_refused)
{
    struct xf_migrate_args args = { 0 };

    ck_assert_int_eq(decode_params("00000000", &args), -1);
    ck_assert_int_eq(decode_params("00000001" BANDWIDTH, &args), -1);
    ck_assert_uint_eq(args.bandwidth, 10);
    /* twice */
    ck_assert_int_eq(decode_params("00000002" BANDWIDTH BANDWIDTH, &args),
                     XF_ERROR_INVALID_ARG);
    /* bandwidth as INT */
    ck_assert_int_eq(decode_params(
        "00000001 00000009 62616e647769647468 000000 00000001 00000001",
        &args), XF_ERROR_INVALID_ARG);
    /* "parallel" */
    ck_assert_int_eq(decode_params(
        "00000001 00000008 706172616c6c656c 00000001 00000001", &args),
        XF_ERROR_ARG_UNSUPPORTED);
}
END_TEST

START_TEST(job_round_trip)
{
    static const struct xf_job_info info = {
        .type = XF_JOB_COMPLETED, .time_elapsed = 1, .time_remaining = 2,
        .downtime = 3, .mem_total = 4, .mem_processed = 5,
        .mem_remaining = 6, .mem_bps = 7, .wire_bytes = 8, .dirty_rate = 9,
        .iteration = 10, .phase = "finish",
    };
    const struct xf_job_info none = { .type = XF_JOB_NONE };
    struct xfw_job_stats_ret stats = { 0 };
    struct xf_job_info back = { 0 };

    xf_rpc_job_encode(&info, &stats);
    ck_assert_uint_le(stats.params.params_len, XFW_JOB_STATS_MAX);
    xf_rpc_job_decode(&stats, &back);
    ck_assert_mem_eq(&back, &info, sizeof(back));
    xdr_free(XF_XDR(xfw_job_stats_ret), &stats);

    memset(&stats, 0, sizeof(stats));
    xf_rpc_job_encode(&none, &stats);
    ck_assert_int_eq(stats.type, XF_JOB_NONE);
    ck_assert_uint_eq(stats.params.params_len, 0);
    xdr_free(XF_XDR(xfw_job_stats_ret), &stats);
}
END_TEST

static gboolean
tells(const struct xfw_job_stats_ret *stats, const char *name)
{
    for (guint i = 0; i < stats->params.params_len; i++)
        if (strcmp(stats->params.params_val[i].field, name) == 0)
            return TRUE;
    return FALSE;
}

/* A downtime that is not known is no downtime of 0. */
START_TEST(job_without_downtime)
{
    struct xf_job_info info = { .type = XF_JOB_COMPLETED };
    struct xfw_job_stats_ret none = { 0 }, one = { 0 };

    xf_rpc_job_encode(&info, &none);
    ck_assert(!tells(&none, "downtime"));
    ck_assert(tells(&none, "memory_remaining"));
    info.downtime = 1;
    xf_rpc_job_encode(&info, &one);
    ck_assert(tells(&one, "downtime"));
    xdr_free(XF_XDR(xfw_job_stats_ret), &none);
    xdr_free(XF_XDR(xfw_job_stats_ret), &one);
}
END_TEST

/* -- keepalive ----------------------------------------------------------- */

#define S G_TIME_SPAN_SECOND

START_TEST(keepalive_times)
{
    struct xf_keepalive ka = { 0 };
    gint64 next;

    ck_assert_int_eq(xf_keepalive_check(&ka, 100 * S, &next),
                     XF_KEEPALIVE_WAIT);
    ck_assert_int_eq(next, -1);
    xf_keepalive_start(&ka, 2000, 3, 0);
    ck_assert_int_eq(xf_keepalive_check(&ka, 1 * S, &next),
                     XF_KEEPALIVE_WAIT);
    ck_assert_int_eq(next, 2 * S);
    /* pings at 2, 4 and 6, given up at 8 */
    for (int at = 2; at <= 6; at += 2) {
        ck_assert_int_eq(xf_keepalive_check(&ka, at * S, &next),
                         XF_KEEPALIVE_PING);
        ck_assert_int_eq(next, (at + 2) * S);
        ck_assert_int_eq(xf_keepalive_check(&ka, at * S + 1, &next),
                         XF_KEEPALIVE_WAIT);
    }
    ck_assert_int_eq(xf_keepalive_check(&ka, 8 * S, &next),
                     XF_KEEPALIVE_DEAD);
}
END_TEST

START_TEST(keepalive_any_packet_resets)
{
    struct xf_keepalive ka = { 0 };
    gint64 next;

    xf_keepalive_start(&ka, 1000, 1, 0);
    for (int at = 1; at < 20; at += 2) {
        ck_assert_int_eq(xf_keepalive_check(&ka, at * S, &next),
                         XF_KEEPALIVE_PING);
        xf_keepalive_received(&ka, (at + 1) * S);
        ck_assert_int_eq(xf_keepalive_check(&ka, (at + 1) * S, &next),
                         XF_KEEPALIVE_WAIT);
    }
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        samples_both_ways,
        samples_cut_at_every_length,
        fields_decoded,
        limits,
        limits_when_sending,
        packet_lengths,
        header_both_ways,
        error_codes_round_trip,
        errors_of_libvirt,
        error_text_always_fits,
        error_text_is_cut_between_characters,
        params_refused,
        job_round_trip,
        job_without_downtime,
        keepalive_times,
        keepalive_any_packet_resets,
        NULL
    };

    return xf_unit_main("rpc-message", tests);
}
