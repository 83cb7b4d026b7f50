/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* uuids, error numbers. */
#include "config.h"

#include "protocol/error.h"
#include "protocol/types.h"
#include "protocol/uri.h"
#include "tests/unit/common.h"

#include <string.h>

START_TEST(uuid_round_trip)
{
    const char *text = "00112233-4455-6677-8899-aabbccddeeff";
    guint8 uuid[XF_UUID_LEN];
    char buf[XF_UUID_STRING_LEN + 1];

    ck_assert(xf_uuid_parse(text, uuid));
    ck_assert_int_eq(uuid[0], 0x00);
    ck_assert_int_eq(uuid[15], 0xff);
    ck_assert_str_eq(xf_uuid_format(uuid, buf), text);
    ck_assert(xf_uuid_parse(" 00112233445566778899AABBCCDDEEFF\n", uuid));
    ck_assert_str_eq(xf_uuid_format(uuid, buf), text);
}
END_TEST

START_TEST(uuid_refused)
{
    static const char *const bad[] = {
        "", "0011", "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeefff",
        "00112233-4455-6677-8899-aabbccddeefg",
        "00112233-4455-6677-8899-aabbccddeeff x",
    };
    guint8 uuid[XF_UUID_LEN];

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_msg(!xf_uuid_parse(bad[i], uuid), "taken: %s", bad[i]);
}
END_TEST

START_TEST(names)
{
    g_autofree char *longest = g_strnfill(XF_NAME_MAX, 'x');
    g_autofree char *longer = g_strnfill(XF_NAME_MAX + 1, 'x');
    static const char *const bad[] = {
        "", "a/b", "/", "a\nb", "\t", "a\x7f", "\x01", "\xff", "g\xc3",
    };

    ck_assert_ptr_null(xf_name_fault("g"));
    ck_assert_ptr_null(xf_name_fault("a b-c.d'\"<&"));
    ck_assert_ptr_null(xf_name_fault("g\xc3\xa4st"));
    ck_assert_ptr_null(xf_name_fault(longest));
    ck_assert_ptr_nonnull(xf_name_fault(longer));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_msg(xf_name_fault(bad[i]) != NULL, "row %zu", i);
}
END_TEST

START_TEST(hex)
{
    static const guint8 bytes[] = { 0x00, 0x9a, 0xff };
    static const char *const bad[] = {
        "", "009af", "009aff0", "009AFF", "009afg", "009af ", "-09aff",
    };
    guint8 back[3] = { 1, 2, 3 };
    char text[7];

    ck_assert_str_eq(xf_hex_format(bytes, 3, text), "009aff");
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        ck_assert(!xf_hex_parse(bad[i], back, 3));
        ck_assert(back[0] == 1 && back[1] == 2 && back[2] == 3);
    }
    ck_assert(xf_hex_parse(text, back, 3));
    ck_assert_mem_eq(back, bytes, 3);
}
END_TEST

START_TEST(error_numbers)
{
    for (int code = 0; code < XF_ERROR_LAST; code++) {
        g_autoptr(GError) err = g_error_new(XF_ERROR, code, "x");
        int number = xf_error_to_libvirt(err);

        ck_assert_int_gt(number, 0);
        /* 1, 61-65 mean something else to a libvirt client */
        ck_assert(number < 61 || number > 65);
        if (code != XF_ERROR_IN_DOUBT && code != XF_ERROR_REMOTE)
            ck_assert_int_eq(xf_error_from_libvirt(number), code);
    }
    ck_assert_int_eq(xf_error_from_libvirt(9999), XF_ERROR_REMOTE);
}
END_TEST

START_TEST(migrate_uris)
{
    static const struct {
        const char *uri, *host;
        guint16 port;
    } good[] = {
        { "tcp://host2", "host2", 0 },
        { "tcp://host2:49217", "host2", 49217 },
        { "tcp:host2:1", "host2", 1 },
        { "host2", "host2", 0 },
        { "tcp://10.0.0.1:5", "10.0.0.1", 5 },
        { "tcp://[::1]:7", "::1", 7 },
    };
    static const char *const bad[] = {
        "", "tcp://", "tls://host2", "tcp://host2:70000", "tcp://host2:x",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) err = NULL;
        g_autofree char *host = NULL;
        guint16 port;

        ck_assert_msg(xf_migrate_uri_parse(good[i].uri, &host, &port, &err),
                      "%s: %s", good[i].uri, err ? err->message : "");
        ck_assert_str_eq(host, good[i].host);
        ck_assert_int_eq(port, good[i].port);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;
        g_autofree char *host = NULL;
        guint16 port;

        ck_assert_msg(!xf_migrate_uri_parse(bad[i], &host, &port, &err),
                      "taken: %s", bad[i]);
        ck_assert(strstr(err->message, "tcp://HOST") != NULL);
    }

    g_autofree char *v6 = xf_migrate_uri_format("::1", 7);
    g_autofree char *v4 = xf_migrate_uri_format("host2", 49217);

    ck_assert_str_eq(v6, "tcp://[::1]:7");
    ck_assert_str_eq(v4, "tcp://host2:49217");
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        uuid_round_trip,
        uuid_refused,
        names,
        hex,
        error_numbers,
        migrate_uris,
        NULL
    };

    return xf_unit_main("types", tests);
}
