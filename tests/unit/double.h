/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver that does nothing but tell what it was asked.  Every call writes
 * one line with all that it was given and returns a fixed result; a test can
 * make a call fail, or block until it is released.
 */
#ifndef XF_TESTS_UNIT_DOUBLE_H
#define XF_TESTS_UNIT_DOUBLE_H

#include "protocol/driver.h"

#define DOUBLE_NAME "g1"
#define DOUBLE_ID 7
/* 00 01 02 ... 0f */
extern const guint8 double_uuid[XF_UUID_LEN];
#define DOUBLE_XML "<domain type='xen'><name>g1</name></domain>"

/* What the connections of one test share.  Zeroed, then
 * double_world_init(). */
struct double_world {
    GMutex lock;            /* guards the rest */
    GCond changed;          /* for tests that wait */
    GCond released;         /* for calls that are blocked */
    GQueue lines;           /* char *, oldest first */
    GError *fail;           /* every call fails with a copy of it */
    const char *block;      /* name of the call that blocks */
    guint blocked;          /* calls blocked now */
    gboolean no_params;     /* feature 13: no */
    gboolean empty;         /* outputs that may be absent are absent */
    guint opened, closed, gone;
    int tunnel;             /* the far end of the one that prepare_tunnel()
                             * or prepare_tunnel3() gave last; the test's to
                             * close.  -1: none */
    const struct xf_driver *driver;     /* NULL: the full one */
    struct xf_notices *notices;         /* what the connections listen to */
};

void double_world_init(struct double_world *w);
void double_world_clear(struct double_world *w);

/* For struct xf_rpc_backend; user is the world. */
struct xf_conn *double_open(void *user, GError **err);

extern const struct xf_driver double_driver;

/* The oldest line, which the caller frees; NULL when there is none. */
char *double_take_line(struct double_world *w);
/* Lets blocked calls go on and later ones pass. */
void double_release(struct double_world *w);
/* Waits until the field has the value; FALSE after 30 s. */
gboolean double_wait(struct double_world *w, const guint *field, guint value);

#endif
