/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of the decisions log. */
#include "config.h"

#include "protocol/decision-line.h"

#include <string.h>

#define TITLE "xenferry-decisions"
#define FORMAT "1"
#define SUM_LEN 16
#define WORDS 10
#define WORDS_MAX 12            /* with the destination's log */

static const char *const kinds[XF_DECISION_LAST] = {
    [XF_DECISION_COMMITTED] = "committed",
    [XF_DECISION_GIVEN_AWAY] = "given-away",
    [XF_DECISION_SENDING] = "sending",
};
#define ACKNOWLEDGED "acknowledged"

const char *
xf_decision_kind_name(enum xf_decision_kind kind)
{
    return kinds[kind];
}

static char *
text_out(const char *text)
{
    if (!*text)
        return g_strdup("-");
    if (strcmp(text, "-") == 0)
        return g_strdup("%2D");
    return g_uri_escape_string(text, ":", FALSE);
}

static char *
text_in(const char *word)
{
    return strcmp(word, "-") == 0 ? g_strdup("")
                                  : g_uri_unescape_string(word, NULL);
}

static gboolean
number_in(const char *word, gint64 min, gint64 max, gint64 *number)
{
    return g_ascii_string_to_signed(word, 10, min, max, number, NULL);
}

static void
checksum(const char *words, char *sum)
{
    g_autofree char *full =
        g_compute_checksum_for_string(G_CHECKSUM_SHA256, words, -1);

    g_strlcpy(sum, full, SUM_LEN + 1);
}

/* With its checksum and its end. */
static char *
line_of(const char *text, gint64 synced)
{
    g_autofree char *words =
        synced < 0 ? g_strdup(text)
                   : g_strdup_printf("@%" G_GINT64_FORMAT " %s", synced,
                                     text);
    char sum[SUM_LEN + 1];

    checksum(words, sum);
    return g_strconcat(sum, " ", words, "\n", NULL);
}

char *
xf_decision_line_title(const char *identity, const guint8 *secret)
{
    char hex[2 * XF_KEY_LEN + 1];
    g_autofree char *words =
        g_strdup_printf(TITLE " " FORMAT " %s %s", identity,
                        xf_hex_format(secret, XF_KEY_LEN, hex));

    return line_of(words, -1);
}

/* Lines of a source, which may have to ask the destination's log. */
static gboolean
has_peer_log(enum xf_decision_kind kind)
{
    return kind == XF_DECISION_SENDING || kind == XF_DECISION_GIVEN_AWAY;
}

/* What it is asked by. */
static char *
peer_log_words(const struct xf_decision *d)
{
    char key[2 * XF_KEY_LEN + 1];

    if (!has_peer_log(d->kind))
        return g_strdup("");
    return g_strdup_printf(" %s %s", d->peer_log ? d->peer_log : "-",
                           xf_hex_format(d->peer_log_key, XF_KEY_LEN, key));
}

char *
xf_decision_line_format(const struct xf_decision *d, gint64 synced)
{
    char uuid[XF_UUID_STRING_LEN + 1], key[2 * XF_KEY_LEN + 1];
    g_autofree char *host = text_out(d->peer_host ? d->peer_host : "");
    g_autofree char *name = text_out(d->name);
    g_autofree char *log = peer_log_words(d);
    g_autofree char *words = g_strdup_printf(
        "%s %s %s %s %" G_GINT64_FORMAT " %d %d %u %s %s%s", kinds[d->kind],
        d->token, xf_uuid_format(d->uuid, uuid),
        xf_hex_format(d->key, XF_KEY_LEN, key), d->time, d->domid,
        d->paused != 0, d->peer_port, host, name, log);

    return line_of(words, synced);
}

char *
xf_decision_line_acknowledge(const char *token, gint64 synced)
{
    g_autofree char *words = g_strconcat(ACKNOWLEDGED " ", token, NULL);

    return line_of(words, synced);
}

/* -- reading -- */

GStrv
xf_decision_line_words(const char *line, gint64 *synced)
{
    const char *words = line + SUM_LEN + 1;
    char sum[SUM_LEN + 1];
    char *end;

    if (strlen(line) <= SUM_LEN || line[SUM_LEN] != ' ')
        return NULL;
    checksum(words, sum);
    if (strncmp(sum, line, SUM_LEN) != 0)
        return NULL;
    *synced = -1;
    if (*words == '@') {
        *synced = g_ascii_strtoll(words + 1, &end, 10);
        if (*synced < 0 || *end != ' ')
            return NULL;
        words = end + 1;
    }
    return g_strsplit(words, " ", WORDS_MAX + 1);
}

gboolean
xf_decision_line_title_parse(GStrv words, char *identity, guint8 *secret)
{
    if (g_strv_length(words) != 4 || strcmp(words[0], TITLE) != 0
        || strcmp(words[1], FORMAT) != 0 || !xf_token_valid(words[2]))
        return FALSE;
    g_strlcpy(identity, words[2], XF_LOG_ID_LEN + 1);
    return xf_hex_parse(words[3], secret, XF_KEY_LEN);
}

G_STATIC_ASSERT(XF_LOG_ID_LEN == XF_TOKEN_LEN);

static gboolean
peer_log_in(const char *log, const char *key, struct xf_decision *d)
{
    if (strcmp(log, "-") != 0)
        d->peer_log = g_strdup(log);
    return (!d->peer_log || xf_token_valid(log))
           && xf_hex_parse(key, d->peer_log_key, XF_KEY_LEN);
}

/* `given-away` had no log once. */
static gboolean
words_fit(enum xf_decision_kind kind, guint words)
{
    return (words == WORDS_MAX && has_peer_log(kind))
           || (words == WORDS && kind != XF_DECISION_SENDING);
}

struct xf_decision *
xf_decision_line_parse(GStrv word)
{
    XF_AUTO(xf_decision) *d = g_new0(struct xf_decision, 1);
    gint64 domid, paused, port;

    while (d->kind < XF_DECISION_LAST
           && g_strcmp0(word[0], kinds[d->kind]) != 0)
        d->kind++;
    if (d->kind == XF_DECISION_LAST
        || !words_fit(d->kind, g_strv_length(word))
        || !xf_token_valid(word[1]) || !xf_uuid_parse(word[2], d->uuid)
        || !xf_hex_parse(word[3], d->key, XF_KEY_LEN)
        || !number_in(word[4], 0, G_MAXINT64, &d->time)
        || !number_in(word[5], -1, G_MAXINT, &domid)
        || !number_in(word[6], 0, 1, &paused)
        || !number_in(word[7], 0, G_MAXUINT16, &port)
        || (word[WORDS] && !peer_log_in(word[10], word[11], d)))
        return NULL;
    g_strlcpy(d->token, word[1], sizeof(d->token));
    d->domid = domid;
    d->paused = paused;
    d->peer_port = port;
    d->peer_host = text_in(word[8]);
    d->name = text_in(word[9]);
    return d->peer_host && d->name ? g_steal_pointer(&d) : NULL;
}

const char *
xf_decision_line_acknowledged(GStrv words)
{
    return g_strcmp0(words[0], ACKNOWLEDGED) == 0 ? words[1] : NULL;
}
