/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xl's wire: what is read of a peer that may send anything, and the command
 * and uri that lead to it. */
#include "config.h"

#include "compat/xl-command.h"
#include "compat/xl-wire.h"
#include "protocol/uri.h"
#include "tests/unit/common.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAGIC "Xen saved domain, xl format\n \0 \r"
#define ORDER 0x01020304
#define JSON "{\"c_info\":{}}"

static const struct xf_xl_wait soon = { 20000, NULL };

/* A reader of exactly these bytes, and then the end. */
static int
fed(const void *data, gsize len)
{
    int ends[2];

    ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    ck_assert_int_eq(write(ends[1], data, len), len);
    close(ends[1]);
    return ends[0];
}

static GByteArray *
header(guint32 order, guint32 mandatory, guint32 optional_len,
       guint32 config_len, const char *config, gsize len)
{
    const guint32 words[] = { order, mandatory, 0, optional_len,
                              config_len };
    GByteArray *bytes = g_byte_array_new();

    g_byte_array_append(bytes, (const guint8 *)MAGIC, 32);
    g_byte_array_append(bytes, (const guint8 *)words, sizeof(words));
    return g_byte_array_append(bytes, (const guint8 *)config, len);
}

static char *
read_bytes(GByteArray *bytes, const char **format, GError **err)
{
    XF_AUTO_FD int fd = fed(bytes->data, bytes->len);

    return xf_xl_read_config(fd, &soon, format, err);
}

START_TEST(config_is_read)
{
    static const struct {
        guint32 mandatory, extra;
        const char *text, *format;
        gsize len;
    } good[] = {
        { 3, 0, JSON, "xen-json", sizeof(JSON) },
        /* what follows the configuration is skipped */
        { 3, 5, JSON "\0extra", "xen-json", sizeof(JSON) },
        { 2, 0, "name = 'g'\n", "xen-xl", 11 },
        { 2, 0, "", "xen-xl", 0 },
    };
    const char *format;
    g_autoptr(GError) err = NULL;
    g_autoptr(GByteArray) bytes =
        header(ORDER, good[_i].mandatory,
               4 + good[_i].len + good[_i].extra, good[_i].len,
               good[_i].text, good[_i].len + good[_i].extra);
    g_autofree char *text = read_bytes(bytes, &format, &err);

    ck_assert_msg(text != NULL, "%s", err ? err->message : "?");
    ck_assert(strlen(text) <= good[_i].len
              && !strncmp(text, good[_i].text, strlen(text)));
    ck_assert_str_eq(format, good[_i].format);
}
END_TEST

START_TEST(config_is_refused)
{
    static const struct {
        guint32 order, mandatory, optional_len, config_len;
        const char *text, *says;
        gsize len;
    } bad[] = {
        { 0x04030201, 3, 17, 13, JSON, "byte order", 13 },
        { ORDER, 7, 17, 13, JSON, "flags that are not known", 13 },
        { ORDER, 1, 17, 13, JSON, "Xen 4.5 or older", 13 },
        { ORDER, 3, 0, 13, JSON, "0 bytes", 13 },
        { ORDER, 3, 3, 13, JSON, "3 bytes", 13 },
        { ORDER, 3, G_MAXUINT32, 13, JSON, "4294967295 bytes", 13 },
        { ORDER, 3, XF_XL_CONFIG_MAX + 5, 13, JSON, "bytes", 13 },
        { ORDER, 3, 17, 14, JSON, "14 bytes, in 17", 13 },
        { ORDER, 3, 17, G_MAXUINT32, JSON, "4294967295 bytes, in 17", 13 },
        { ORDER, 3, 17, 13, "{\"c_\0nfo\":{}}", "zero byte", 13 },
    };
    const char *format;
    g_autoptr(GError) err = NULL;
    g_autoptr(GByteArray) bytes =
        header(bad[_i].order, bad[_i].mandatory, bad[_i].optional_len,
               bad[_i].config_len, bad[_i].text, bad[_i].len);

    ck_assert_ptr_null(read_bytes(bytes, &format, &err));
    ck_assert_msg(strstr(err->message, bad[_i].says), "%s", err->message);
}
END_TEST

START_TEST(magic_is_refused)
{
    const char *format;

    for (guint i = 0; i < 32; i++) {
        g_autoptr(GError) err = NULL;
        g_autoptr(GByteArray) bytes =
            header(ORDER, 3, 4 + sizeof(JSON), sizeof(JSON), JSON,
                   sizeof(JSON));

        bytes->data[i] ^= 1;
        ck_assert_ptr_null(read_bytes(bytes, &format, &err));
        ck_assert_int_eq(err->code, XF_ERROR_RPC);
    }
}
END_TEST

START_TEST(config_is_cut)
{
    g_autoptr(GByteArray) bytes = header(
        ORDER, 3, 4 + sizeof(JSON), sizeof(JSON), JSON, sizeof(JSON));
    const char *format;

    while (bytes->len) {
        g_autoptr(GError) err = NULL;

        g_byte_array_set_size(bytes, bytes->len - 1);
        ck_assert_ptr_null(read_bytes(bytes, &format, &err));
        ck_assert_int_eq(err->code, XF_ERROR_NO_CONNECT);
    }
}
END_TEST

/* What is sent is what xl reads, byte for byte, and not one more is read. */
START_TEST(config_there_and_back)
{
    int ends[2];
    char got[XF_XL_HEADER_LEN + 4 + sizeof(JSON) + 1];
    g_autoptr(GByteArray) bytes = header(
        ORDER, 3, 4 + sizeof(JSON), sizeof(JSON), JSON, sizeof(JSON));
    g_autoptr(GError) err = NULL;
    const char *format;
    g_autofree char *text = NULL;
    char stream;

    ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    ck_assert(xf_xl_send_config(ends[1], JSON, &err));
    ck_assert_int_eq(recv(ends[0], got, sizeof(got), MSG_PEEK), bytes->len);
    ck_assert(!memcmp(got, bytes->data, bytes->len));
    ck_assert_int_eq(write(ends[1], "S", 1), 1);
    text = xf_xl_read_config(ends[0], &soon, &format, &err);
    ck_assert_str_eq(text, JSON);
    ck_assert_int_eq(read(ends[0], &stream, 1), 1);
    ck_assert_int_eq(stream, 'S');
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(config_too_long_to_send)
{
    g_autofree char *text = g_strnfill(XF_XL_CONFIG_MAX, 'x');
    g_autoptr(GError) err = NULL;

    ck_assert(!xf_xl_send_config(-1, text, &err));
    ck_assert_int_eq(err->code, XF_ERROR_CONFIG_UNSUPPORTED);
}
END_TEST

/* -- messages -- */

static const gsize message_lens[XF_XL_MESSAGES] = { 54, 34, 44, 39 };

START_TEST(messages)
{
    gsize len = message_lens[_i];
    char got[64];
    int ends[2];
    g_autoptr(GError) err = NULL;

    ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    ck_assert(xf_xl_say(ends[1], _i, &err));
    ck_assert_int_eq(recv(ends[0], got, sizeof(got), MSG_PEEK), len);
    ck_assert(xf_xl_hear(ends[0], _i, &soon, &err));
    close(ends[0]);
    close(ends[1]);
    for (gsize i = 0; i < len; i++) {
        XF_AUTO_FD int cut = fed(got, i);

        ck_assert(!xf_xl_hear(cut, _i, &soon, &err));
        ck_assert_int_eq(err->code, XF_ERROR_NO_CONNECT);
        g_clear_error(&err);
        got[i] ^= 1;

        XF_AUTO_FD int wrong = fed(got, len);

        ck_assert(!xf_xl_hear(wrong, _i, &soon, &err));
        ck_assert_int_eq(err->code, XF_ERROR_RPC);
        g_clear_error(&err);
        got[i] ^= 1;
    }
}
END_TEST

static gboolean
always(void *user)
{
    return TRUE;
}

START_TEST(waits_end)
{
    const struct xf_foreign_stop stop = { always, NULL };
    const struct xf_xl_wait waits[] = { { 0, NULL }, { 60000, &stop } };
    const int codes[] = { XF_ERROR_TIMEOUT, XF_ERROR_ABORTED };
    g_autoptr(GError) err = NULL;
    int ends[2];

    ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    ck_assert(!xf_xl_hear(ends[0], XF_XL_GO, &waits[_i], &err));
    ck_assert_int_eq(err->code, codes[_i]);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* A terminal's control sequences do not get into messages. */
START_TEST(greeting_is_quoted)
{
    XF_AUTO_FD int fd = fed("\033[31mWelcome", 12);
    g_autoptr(GError) err = NULL;

    ck_assert(!xf_xl_hear(fd, XF_XL_BANNER, &soon, &err));
    ck_assert(strstr(err->message, "\".\" came where xl says"));
}
END_TEST

/* -- the way there -- */

START_TEST(uris)
{
    static const struct {
        const char *uri, *host, *destination;
    } good[] = {
        { "xl+ssh://host2", "host2", "ssh://host2" },
        { "xl+ssh://host2/", "host2", "ssh://host2" },
        { "XL+SSH://host2.example.org", "host2.example.org",
          "ssh://host2.example.org" },
        { "xl+ssh://root@10.0.0.1:2222/", "10.0.0.1",
          "ssh://root@10.0.0.1:2222" },
        { "xl+ssh://[fd00::1]:22", "fd00::1", "ssh://[fd00::1]:22" },
    };
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_xl_host) *host = xf_xl_uri_parse(good[_i].uri, &err);

    ck_assert(xf_migrate_uri_is_direct(good[_i].uri));
    ck_assert_msg(host != NULL, "%s", err ? err->message : "?");
    ck_assert_str_eq(host->host, good[_i].host);
    ck_assert_str_eq(host->destination, good[_i].destination);
}
END_TEST

START_TEST(words)
{
    static const struct xf_xl_host host = { (char *)"h", (char *)"ssh://h" };
    static const char *const more[] = { "-p", NULL };
    g_autoptr(GError) err = NULL;
    g_auto(GStrv) all = xf_xl_command_words(
        "ssh -o 'A=b c' -- %d \"xl %% of %h\" '$(x)' ';'", &host, more,
        &err);
    g_autofree char *joined = all ? g_strjoinv("|", all) : NULL;

    ck_assert_str_eq(joined,
                     "ssh|-o|A=b c|--|ssh://h|xl % of h|$(x)|;|-p");
}
END_TEST

START_TEST(bad_commands)
{
    static const struct xf_xl_host host = { (char *)"h", (char *)"ssh://h" };
    static const char *const bad[] = { "", "ssh 'x", "ssh %x", "ssh %",
                                       " " };
    g_autoptr(GError) err = NULL;

    ck_assert_ptr_null(xf_xl_command_words(bad[_i], &host, NULL, &err));
    ck_assert_int_eq(err->code, XF_ERROR_INVALID_ARG);
}
END_TEST

/* Its last words explain an end that is closed. */
START_TEST(child_says_why)
{
    const char *argv[] = { "sh", "-c", "echo no route >&2", NULL };
    g_autoptr(GError) err = NULL;
    g_autofree char *last = NULL;
    XF_AUTO(xf_xl_child) *child =
        xf_xl_child_start((GStrv)argv, "token", &err);

    ck_assert_msg(child != NULL, "%s", err ? err->message : "?");
    ck_assert(!xf_xl_hear(xf_xl_child_fd(child), XF_XL_BANNER, &soon, &err));
    last = xf_xl_child_last_words(child);
    ck_assert_str_eq(last, "no route");
}
END_TEST

START_TEST(child_is_not_there)
{
    const char *argv[] = { "/nowhere/ssh", NULL };
    g_autoptr(GError) err = NULL;

    ck_assert_ptr_null(xf_xl_child_start((GStrv)argv, "token", &err));
    ck_assert(strstr(err->message, "/nowhere/ssh"));
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { config_is_read, 4 },
        { config_is_refused, 10 },
        { magic_is_refused, 1 },
        { config_is_cut, 1 },
        { config_there_and_back, 1 },
        { config_too_long_to_send, 1 },
        { messages, XF_XL_MESSAGES },
        { waits_end, 2 },
        { greeting_is_quoted, 1 },
        { uris, 5 },
        { words, 1 },
        { bad_commands, 5 },
        { child_says_why, 1 },
        { child_is_not_there, 1 },
        { NULL, 0 }
    };

    signal(SIGPIPE, SIG_IGN);
    return xf_unit_main_rows("xl-wire", tests, 120, NULL, NULL);
}
