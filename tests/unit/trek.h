/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client between two hosts of engine-world.h, one of which is a stock
 * libvirtd (tests/sim/stock.h) over that host's hypervisor. */
#ifndef XF_TESTS_UNIT_TREK_H
#define XF_TESTS_UNIT_TREK_H

#include "tests/sim/stock.h"
#include "tests/unit/engine-world.h"

extern struct stock *stock;

/* From one connection to another. */
struct trek {
    struct xf_conn *from, *to;
    struct xf_conn *of_stock;   /* that of them */
    struct xf_domain_ref *dom;
    guint32 flags;
    char *xml, *uri;
    GBytes *begun, *prepared;
    GError *err;                /* of the last step */
};

extern struct trek t;

/* Fixtures: src is ours and dst a stock libvirtd, or the other way. */
void trek_to_stock(void);
void trek_from_stock(void);
void trek_tear_down(void);
/* dst, ours, is started again with these. */
void trek_ports(guint16 first, guint16 last);

/* -- the steps; `uri` of trek is where Perform goes -- */
gboolean begin(void);
gboolean prepare(void);
gboolean perform(void);
gboolean finish(gboolean cancelled);
gboolean confirm(gboolean cancelled);
/* All, by the sequence that every client runs. */
gboolean moves(void);
/* ... and then the guest is on dst alone, and nothing is recorded. */
void must_move(void);

#define must(step)                                                          \
    ck_assert_msg(step, "%s", t.err ? t.err->message : "no error set")

/* The last error has that code and those words in it. */
void said(int code, const char *words);

/* The client of our own host goes, and another comes. */
void client_goes(void);
/* Our own host's engine. */
void restart(struct host *host);

/* -- what is recorded there -- */
/* Its only handoff's state ("none"), and what an administrator is told. */
char *state_of(struct host *host, char **trouble);
gboolean in_doubt(struct host *host);
gboolean receiving(struct host *host);
gboolean received(struct host *host);
/* It has no domain. */
gboolean is_empty(struct host *host);
/* As an administrator, its only handoff. */
void resolve(struct host *host, enum xf_assume what);
/* Nobody can be asked about it: it says what to do instead. */
void cannot_be_asked(struct host *host);

/* Points at which a move fails. */
struct failing {
    gboolean at_source;
    const char *point, *value;
};

#define FAILURES 10
extern const struct failing failures[FAILURES];

#endif
