/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "compat/xl-wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 200         /* how often a wait looks whether it is to stop */
#define OUR_ORDER 0x01020304
#define FLAG_JSON (1u << 0)
#define FLAG_STREAM_V2 (1u << 1)
#define MAGIC "Xen saved domain, xl format\n \0 \r"
#define MAGIC_LEN 32

G_STATIC_ASSERT(sizeof(MAGIC) == MAGIC_LEN + 1);

/* The sizes count, so that a NUL is part of it where xl sends one. */
#define WITH_NUL(text) { text, sizeof(text) }
#define WITHOUT_NUL(text) { text, sizeof(text) - 1 }

static const struct {
    const char *text;
    gsize len;
} messages[XF_XL_MESSAGES] = {
    [XF_XL_BANNER] = WITHOUT_NUL(
        "xl migration receiver ready, send binary domain data.\n"),
    [XF_XL_READY] = WITH_NUL("domain received, ready to unpause"),
    [XF_XL_GO] = WITH_NUL("domain is yours, you are cleared to unpause"),
    [XF_XL_REPORT] = WITH_NUL("my copy unpause results are as follows"),
};

struct header {
    char magic[MAGIC_LEN];
    guint32 byte_order;
    guint32 mandatory;
    guint32 optional;
    guint32 optional_len;
};

G_STATIC_ASSERT(sizeof(struct header) == XF_XL_HEADER_LEN);

/* -- bytes -- */

/* 1 ready, 0 not within LOOK_MS, -1 error. */
static int
look(int fd, short events, GError **err)
{
    struct pollfd poll_fd = { .fd = fd, .events = events };
    int r = poll(&poll_fd, 1, LOOK_MS);

    if (r < 0 && errno != EINTR && errno != EAGAIN) {
        xf_error_set_errno(err, errno, "poll");
        return -1;
    }
    return r > 0;
}

/* Writers wait for ever: whoever carries the bytes notices a dead link. */
gboolean
xf_xl_write(int fd, const void *data, gsize len, GError **err)
{
    const char *at = data;

    while (len) {
        gssize r = write(fd, at, len);

        if (r > 0) {
            at += r;
            len -= r;
        } else if (r < 0 && errno == EAGAIN) {
            if (look(fd, POLLOUT, err) < 0)
                return FALSE;
        } else if (r < 0 && errno != EINTR) {
            xf_error_set_errno(err, errno, "writing to the other end");
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
wait_over(const struct xf_xl_wait *wait, gint64 until, GError **err)
{
    if (wait->stop && wait->stop->wanted(wait->stop->user)) {
        g_set_error(err, XF_ERROR, XF_ERROR_ABORTED, "it was stopped");
        return TRUE;
    }
    if (g_get_monotonic_time() <= until)
        return FALSE;
    g_set_error(err, XF_ERROR, XF_ERROR_TIMEOUT,
                "nothing came from the other end for %u s",
                wait->timeout_ms / 1000);
    return TRUE;
}

/* Bytes read, at least one; 0: nothing yet; -1: error. */
static gssize
read_some(int fd, void *data, gsize len, GError **err)
{
    int ready = look(fd, POLLIN, err);
    gssize r;

    if (ready <= 0)
        return ready;
    r = read(fd, data, len);
    if (r > 0)
        return r;
    if (r < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (r < 0 && errno != ECONNRESET)
        xf_error_set_errno(err, errno, "reading from the other end");
    else
        g_set_error(err, XF_ERROR, XF_ERROR_NO_CONNECT,
                    "the other end has closed the connection");
    return -1;
}

gboolean
xf_xl_read(int fd, void *data, gsize len, const struct xf_xl_wait *wait,
           GError **err)
{
    gint64 until = g_get_monotonic_time() + wait->timeout_ms * (gint64)1000;
    char *at = data;

    while (len) {
        gssize r = read_some(fd, at, len, err);

        if (r < 0 || (r == 0 && wait_over(wait, until, err)))
            return FALSE;
        at += r;
        len -= r;
    }
    return TRUE;
}

/* -- messages -- */

gboolean
xf_xl_say(int fd, enum xf_xl_message message, GError **err)
{
    return xf_xl_write(fd, messages[message].text, messages[message].len,
                       err);
}

/* What came, up to its end of line, without what a terminal would obey. */
static char *
quotable(const char *data, gsize len)
{
    char *text = g_strndup(data, len);

    for (char *c = text; *c; c++)
        if (!g_ascii_isprint(*c))
            *c = '.';
    return text;
}

/* Byte by byte while it fits: a shell that greets first is noticed at once,
 * and is quoted. */
gboolean
xf_xl_hear(int fd, enum xf_xl_message message,
           const struct xf_xl_wait *wait, GError **err)
{
    const char *text = messages[message].text;
    gsize len = messages[message].len;
    char got[64];
    gsize n = 0;

    G_STATIC_ASSERT(sizeof(got) > sizeof("xl migration receiver ready, "
                                         "send binary domain data.\n"));
    do {
        if (!xf_xl_read(fd, got + n, 1, wait, err)) {
            g_prefix_error(err, "waiting for \"%.*s\": ",
                           (int)strcspn(text, "\n"), text);
            return FALSE;
        }
    } while (got[n] == text[n] && ++n < len);
    if (n == len)
        return TRUE;

    g_autofree char *quoted = quotable(got, n + 1);

    g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                "\"%s\" came where xl says \"%.*s\"; nothing else may write "
                "to the connection", quoted, (int)strcspn(text, "\n"), text);
    return FALSE;
}

/* -- the configuration -- */

gboolean
xf_xl_send_config(int fd, const char *json, GError **err)
{
    gsize len = strlen(json) + 1;
    guint32 config_len = len;
    struct header header = {
        .byte_order = OUR_ORDER,
        .mandatory = FLAG_JSON | FLAG_STREAM_V2,
        .optional_len = sizeof(config_len) + len,
    };

    if (len > XF_XL_CONFIG_MAX) {
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "the domain's configuration has %" G_GSIZE_FORMAT
                    " bytes; %d can be sent", len, XF_XL_CONFIG_MAX);
        return FALSE;
    }
    memcpy(header.magic, MAGIC, MAGIC_LEN);
    return xf_xl_write(fd, &header, sizeof(header), err)
           && xf_xl_write(fd, &config_len, sizeof(config_len), err)
           && xf_xl_write(fd, json, len, err);
}

static gboolean
check_header(const struct header *header, GError **err)
{
    guint32 unknown = header->mandatory & ~(FLAG_JSON | FLAG_STREAM_V2);

    if (memcmp(header->magic, MAGIC, MAGIC_LEN) != 0)
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "what comes is no domain of xl's: its header begins "
                    "otherwise");
    else if (header->byte_order != OUR_ORDER)
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "the domain comes from a host of another byte order");
    else if (unknown)
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "the domain's header has flags that are not known here "
                    "(0x%x): it comes from a newer xl", unknown);
    else if (!(header->mandatory & FLAG_STREAM_V2))
        g_set_error(err, XF_ERROR, XF_ERROR_UNSUPPORTED,
                    "the domain comes in the old form of Xen 4.5 or older, "
                    "which is not taken; go by way of a host with Xen 4.6");
    else if (header->optional_len < sizeof(guint32)
             || header->optional_len > XF_XL_CONFIG_MAX + sizeof(guint32))
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "the domain's configuration is to have %u bytes; %d are "
                    "taken", header->optional_len, XF_XL_CONFIG_MAX);
    else
        return TRUE;
    return FALSE;
}

/* The configuration is text: its one NUL is its end. */
static char *
config_text(const char *data, guint32 len, GError **err)
{
    const char *nul = memchr(data, 0, len);

    if (nul && nul != data + len - 1) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "the domain's configuration has a zero byte in it");
        return NULL;
    }
    return g_strndup(data, len);
}

char *
xf_xl_read_config(int fd, const struct xf_xl_wait *wait, const char **format,
                  GError **err)
{
    struct header header;
    guint32 len;
    g_autofree char *data = NULL;

    if (!xf_xl_read(fd, &header, sizeof(header), wait, err)
        || !check_header(&header, err))
        return NULL;
    data = g_malloc(header.optional_len);
    if (!xf_xl_read(fd, data, header.optional_len, wait, err))
        return NULL;
    memcpy(&len, data, sizeof(len));
    if (len > header.optional_len - sizeof(len)) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "the domain's configuration is to have %u bytes, in %u "
                    "bytes of header", len, header.optional_len);
        return NULL;
    }
    *format = header.mandatory & FLAG_JSON ? XF_NATIVE_JSON : XF_NATIVE_XL;
    return config_text(data + sizeof(len), len, err);
}
