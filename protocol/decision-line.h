/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines of the decisions log (decisions.h says what they look like).
 * `synced`: how much of the file was on disk when the line was written; -1
 * when it was written with all the others.  Lines are written with their
 * checksum and their end, and read without the end; strings and arrays are the
 * caller's to free.  Pure functions.
 */
#ifndef XF_PROTOCOL_DECISION_LINE_H
#define XF_PROTOCOL_DECISION_LINE_H

#include "protocol/decisions.h"

char *xf_decision_line_title(const char *identity, const guint8 *secret);
char *xf_decision_line_format(const struct xf_decision *decision,
                              gint64 synced);
char *xf_decision_line_acknowledge(const char *token, gint64 synced);

/* Those after `synced`.  NULL: the checksum is not that of the words. */
GStrv xf_decision_line_words(const char *line, gint64 *synced);

/* `identity` has XF_LOG_ID_LEN + 1 bytes, `secret` XF_KEY_LEN. */
gboolean xf_decision_line_title_parse(GStrv words, char *identity,
                                      guint8 *secret);
/* NULL: these words are no decision. */
struct xf_decision *xf_decision_line_parse(GStrv words);
/* The token that they say is acknowledged, or NULL. */
const char *xf_decision_line_acknowledged(GStrv words);

#endif
