/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client of v1 or v2 between the two hosts of engine-world.h. */
#ifndef XF_TESTS_UNIT_TRIP_H
#define XF_TESTS_UNIT_TRIP_H

#include "tests/unit/engine-world.h"

struct trip {
    gboolean v2;
    guint32 flags;
    guint64 bandwidth;
    const char *dname;
    struct xf_domain_ref *dom;
    char *xml, *uri;
    GBytes *cookie;
    char *arrived;              /* its name there */
    GError *err;                /* of the last step */
};

void trip_init(struct trip *t, gboolean v2);
void trip_clear(struct trip *t);

/* The steps, as such a client takes them. */
gboolean trip_prepare(struct trip *t);
gboolean trip_perform(struct trip *t);
gboolean trip_finish(struct trip *t, gboolean failed);
/* Perform failed: what the client does next. */
void trip_give_up(struct trip *t);
/* All of it, which must work. */
void trip_whole(struct trip *t);
/* ... and leave the guest on dst, and nothing else. */
void trip_moves_now(gboolean v2);

/* The last error has that code and those words in it. */
void trip_said(struct trip *t, int code, const char *words);

#define must(t, step)                                                       \
    ck_assert_msg(step, "%s", (t)->err ? (t)->err->message : "no error set")

#endif
