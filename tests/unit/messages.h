/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whoever adds a message adds a test that sees it: the messages in a source,
 * found by the calls that make them, against those that tests have heard.
 */
#ifndef XF_TESTS_MESSAGES_H
#define XF_TESTS_MESSAGES_H

#include <glib.h>

/* Keeps a copy, in this process. */
void xf_messages_hear(const char *message);

/* How a source makes its messages. */
struct xf_message_call {
    const char *call;           /* its beginning: "xf_xml_bad(err, " */
    guint skip;                 /* arguments between that and the format */
    const char *begins;         /* of what is heard; as a pattern */
};

/* How many messages the source at `path` makes by those calls; each that
 * nobody has heard is told, and added to *unheard.  Formats without a letter
 * of their own are not counted. */
guint xf_messages_check(const char *path, const struct xf_message_call *call,
                        guint *unheard);

/* Runs tests (ended by NULL) in this process: what they hear, it knows. */
#define XF_MESSAGES_RUN_ALL(tests)                                          \
    for (const TTest *const *test_ = (tests); *test_; test_++)              \
        (*test_)->fn(0)

#endif
