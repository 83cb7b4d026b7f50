/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/types.h"

#include <string.h>
#include <unistd.h>

struct xf_domain_ref *
xf_domain_ref_new(const char *name, const guint8 *uuid, int id)
{
    struct xf_domain_ref *ref = g_new0(struct xf_domain_ref, 1);

    ref->name = g_strdup(name);
    memcpy(ref->uuid, uuid, XF_UUID_LEN);
    ref->id = id;
    return ref;
}

struct xf_domain_ref *
xf_domain_ref_copy(const struct xf_domain_ref *ref)
{
    return xf_domain_ref_new(ref->name, ref->uuid, ref->id);
}

void
xf_domain_ref_free(struct xf_domain_ref *ref)
{
    if (!ref)
        return;
    g_free(ref->name);
    g_free(ref);
}

void
xf_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int
xf_steal_fd(int *fd)
{
    int stolen = *fd;

    *fd = -1;
    return stolen;
}

char *
xf_uuid_format(const guint8 *uuid, char *buf)
{
    char *p = buf;

    for (int i = 0; i < XF_UUID_LEN; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        g_snprintf(p, 3, "%02x", uuid[i]);
        p += 2;
    }
    return buf;
}

gboolean
xf_uuid_parse(const char *text, guint8 *uuid)
{
    guint8 out[XF_UUID_LEN] = { 0 };
    int digits = 0;

    while (g_ascii_isspace(*text))
        text++;
    for (; *text && !g_ascii_isspace(*text); text++) {
        if (*text == '-')
            continue;
        if (digits == 2 * XF_UUID_LEN || !g_ascii_isxdigit(*text))
            return FALSE;
        out[digits / 2] = out[digits / 2] << 4 | g_ascii_xdigit_value(*text);
        digits++;
    }
    while (g_ascii_isspace(*text))
        text++;
    if (*text || digits != 2 * XF_UUID_LEN)
        return FALSE;
    memcpy(uuid, out, XF_UUID_LEN);
    return TRUE;
}

const char *
xf_name_fault(const char *name)
{
    if (!*name || strlen(name) > XF_NAME_MAX)
        return "must have 1 to 255 bytes";
    if (!g_utf8_validate(name, -1, NULL))
        return "is not UTF-8";
    for (const char *p = name; *p; p++)
        if (g_ascii_iscntrl(*p) || *p == '/')
            return "has a control character or a slash in it";
    return NULL;
}

char *
xf_hex_format(const guint8 *bytes, gsize len, char *buf)
{
    for (gsize i = 0; i < len; i++)
        g_snprintf(buf + 2 * i, 3, "%02x", bytes[i]);
    return buf;
}

gboolean
xf_hex_parse(const char *text, guint8 *bytes, gsize len)
{
    if (strlen(text) != 2 * len
        || strspn(text, "0123456789abcdef") != 2 * len)
        return FALSE;
    for (gsize i = 0; i < len; i++)
        bytes[i] = g_ascii_xdigit_value(text[2 * i]) << 4
                   | g_ascii_xdigit_value(text[2 * i + 1]);
    return TRUE;
}
