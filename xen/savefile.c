/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "xen/savefile.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "Xen saved domain, xl format\n \0 \r"
#define MAGIC_LEN 32
#define BYTE_ORDER_MARK 0x01020304
#define KNOW_JSON (1 << 0)
#define KNOW_STREAM_2 (1 << 1)
#define OURS "Xenferry"

struct head {
    char magic[MAGIC_LEN];
    guint32 byte_order;
    guint32 mandatory;
    guint32 optional;
    guint32 length;             /* of the optional data */
};

G_STATIC_ASSERT(sizeof(struct head) == 48);
G_STATIC_ASSERT(sizeof(MAGIC) == MAGIC_LEN + 1);

void
xf_savefile_clear(struct xf_savefile *head)
{
    g_clear_pointer(&head->config, g_free);
    g_clear_pointer(&head->document, g_free);
}

/* -- writing -- */

static void
add_number(GByteArray *out, guint32 number)
{
    g_byte_array_append(out, (const guint8 *)&number, sizeof(number));
}

static void
add_text(GByteArray *out, const char *text)
{
    guint32 length = text ? strlen(text) + 1 : 0;

    add_number(out, length);
    g_byte_array_append(out, (const guint8 *)text, length);
}

static gboolean
write_all(int fd, const guint8 *data, gsize len, GError **err)
{
    while (len) {
        ssize_t r = write(fd, data, len);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            xf_error_set_errno(err, r < 0 ? errno : ENOSPC,
                               "cannot write the head of a saved domain");
            return FALSE;
        }
        data += r;
        len -= r;
    }
    return TRUE;
}

gboolean
xf_savefile_write(int fd, const struct xf_savefile *saved, GError **err)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    struct head head = {
        .byte_order = BYTE_ORDER_MARK,
        .mandatory = KNOW_JSON | KNOW_STREAM_2,
    };

    g_byte_array_append(out, (const guint8 *)&head, sizeof(head));
    add_text(out, saved->config);
    g_byte_array_append(out, (const guint8 *)OURS, strlen(OURS));
    add_number(out, saved->paused ? 1 : 0);
    add_text(out, saved->document);
    memcpy(head.magic, MAGIC, MAGIC_LEN);
    head.length = out->len - sizeof(head);
    memcpy(out->data, &head, sizeof(head));
    return write_all(fd, out->data, out->len, err);
}

/* -- reading -- */

static gboolean
refuse(GError **err, const char *why)
{
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "this is no file of a saved domain that can be restored: %s",
                why);
    return FALSE;
}

static gboolean
read_all(int fd, void *data, gsize len, GError **err)
{
    for (gsize got = 0; got < len;) {
        ssize_t r = read(fd, (guint8 *)data + got, len - got);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            xf_error_set_errno(err, errno,
                               "cannot read the head of a saved domain");
            return FALSE;
        }
        if (r == 0)
            return refuse(err, "it ends within its head");
        got += r;
    }
    return TRUE;
}

static gboolean
check_head(const struct head *head, GError **err)
{
    if (memcmp(head->magic, MAGIC, MAGIC_LEN) != 0)
        return refuse(err, "it does not begin as xl's begin");
    if (head->byte_order != BYTE_ORDER_MARK)
        return refuse(err, "it is of a host with another byte order");
    if (head->mandatory & ~(guint32)(KNOW_JSON | KNOW_STREAM_2))
        return refuse(err, "it has parts that are not known here; it is of a "
                           "newer xl");
    if (head->mandatory != (KNOW_JSON | KNOW_STREAM_2))
        return refuse(err, "it is of an xl older than Xen 4.6's");
    if (head->length > XF_SAVEFILE_MAX)
        return refuse(err, "its configuration is too long");
    return TRUE;
}

/* What is still to be read of the optional data. */
struct rest {
    const guint8 *data;
    gsize len;
};

static gboolean
take_number(struct rest *rest, guint32 *number)
{
    if (rest->len < sizeof(*number))
        return FALSE;
    memcpy(number, rest->data, sizeof(*number));
    rest->data += sizeof(*number);
    rest->len -= sizeof(*number);
    return TRUE;
}

/* NULL: there is none, or it is damaged. */
static char *
take_text(struct rest *rest)
{
    guint32 length;
    char *text;

    if (!take_number(rest, &length) || !length || length > rest->len)
        return NULL;
    text = g_strndup((const char *)rest->data, length);
    rest->data += length;
    rest->len -= length;
    return text;
}

static void
take_ours(struct rest *rest, struct xf_savefile *saved)
{
    guint32 paused;

    if (rest->len < strlen(OURS) || memcmp(rest->data, OURS, strlen(OURS)))
        return;
    rest->data += strlen(OURS);
    rest->len -= strlen(OURS);
    if (!take_number(rest, &paused))
        return;
    saved->paused = paused == 1;
    saved->document = take_text(rest);
}

gboolean
xf_savefile_read(int fd, struct xf_savefile *saved, GError **err)
{
    struct head head;
    g_autofree guint8 *data = NULL;

    memset(saved, 0, sizeof(*saved));
    if (!read_all(fd, &head, sizeof(head), err) || !check_head(&head, err))
        return FALSE;
    data = g_malloc(MAX(head.length, 1));
    if (!read_all(fd, data, head.length, err))
        return FALSE;

    struct rest rest = { data, head.length };

    saved->config = take_text(&rest);
    if (!saved->config)
        return refuse(err, "its configuration is missing or cut");
    take_ours(&rest, saved);
    return TRUE;
}
