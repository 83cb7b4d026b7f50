/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages that tests have heard: see messages.h. */
#include "config.h"

#include <string.h>

#include "tests/unit/common.h"
#include "tests/unit/messages.h"

static GPtrArray *heard;        /* char * */

void
xf_messages_hear(const char *message)
{
    if (!heard)
        heard = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(heard, g_strdup(message));
}

/* One literal, behind its first quote: '*' for each format. */
static const char *
read_literal(const char *at, GString *pattern, guint *letters)
{
    for (; *at != '"'; at++) {
        if (*at == '%') {
            g_string_append_c(pattern, '*');
            at += at[1] == '"' ? 0 : strcspn(at, "sdux");
            continue;
        }
        if (*at == '\\')
            at++;
        g_string_append_c(pattern, *at);
        ++*letters;
    }
    return at;
}

/* The literals of one argument, '*' for each macro between them.  NULL: it
 * has none. */
static char *
read_pattern(const char *at, const struct xf_message_call *call)
{
    g_autoptr(GString) pattern = g_string_new(call->begins);
    guint letters = 0;

    for (guint i = 0; i < call->skip; i++)
        while (*at && *at++ != ',')
            ;
    for (at += strspn(at, " \n"); *at && *at != ',' && *at != ')'; at++) {
        if (*at == '"')
            at = read_literal(at + 1, pattern, &letters);
        else if (g_ascii_isupper(*at) && !g_str_has_suffix(pattern->str, "*"))
            g_string_append_c(pattern, '*');
    }
    g_string_append_c(pattern, '*');
    return letters ? g_strdup(pattern->str) : NULL;
}

static gboolean
is_heard(const char *pattern)
{
    for (guint i = 0; heard && i < heard->len; i++)
        if (g_pattern_match_simple(pattern, heard->pdata[i]))
            return TRUE;
    return FALSE;
}

guint
xf_messages_check(const char *path, const struct xf_message_call *call,
                  guint *unheard)
{
    g_autofree char *text = NULL;
    guint count = 0;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    for (const char *at = strstr(text, call->call); at;
         at = strstr(at, call->call)) {
        g_autofree char *pattern = NULL;

        at += strlen(call->call);
        pattern = read_pattern(at, call);
        if (!pattern)
            continue;
        count++;
        if (is_heard(pattern))
            continue;
        g_printerr("%s: no test sees \"%s\"\n", path, pattern);
        ++*unheard;
    }
    return count;
}
