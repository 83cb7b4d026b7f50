/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One migration with faults, on two hosts that stay up from run to run: the
 * faults are set, a client migrates the guest, daemons that died are started
 * again, all is let come to rest.  Then both hosts are looked at, not asked:
 *   - the guest is on one of them, under its name, and runs if it may; there
 *     is no other domain
 *   - it never ran in two places, nor on old or torn memory
 *   - no record, no fd, no process is left, and the ports can be had again
 *   - another migration works at once
 *
 * Each world is a process of its own: what breaks there ends it.
 */
#ifndef XF_TESTS_HOST_FAULT_RUN_H
#define XF_TESTS_HOST_FAULT_RUN_H

#include "protocol/handoff.h"

#define POINTS_MAX 256
#define FAULTS_MAX 2
#define WAYS_MAX 16

/* A place where faults can be: xenferryd-sim --list-faults. */
struct point {
    char *name;
    char **actions;             /* as inject.h calls them */
};

/* NULL, and says why on stderr: the daemon does not list them. */
GPtrArray *points_load(void);
/* -1: no such point. */
int point_find(GPtrArray *points, const char *name);

struct fault {
    guint16 point;              /* its place in the array */
    guint8 side;                /* enum xf_side: of the first migration */
    guint8 kind;                /* its place in fault_kinds */
    guint16 nth;                /* strikes when it is passed for that time */
};

/* What a fault is called here, and to the daemon. */
struct fault_kind {
    const char *name;
    const char *action;         /* of the point that it takes */
    /* In the file of faults; NULL: as `action`.  The %u is milliseconds. */
    const char *order;
    guint ms;
};
extern const struct fault_kind fault_kinds[];
guint fault_kinds_count(void);

/* How a client migrates. */
struct way {
    const char *name;
    guint version;              /* 1, 2, 3; 0: direct, by xl's wire */
    gboolean plain;             /* v3 without typed parameters */
    gboolean p2p;               /* the source's daemon is the client ... */
    gboolean tunnelled;         /* ... and carries the stream, too */
    const char *offers;         /* the daemons' protocols; NULL: all */
    gboolean brief;             /* made of what other ways have, too: a point
                                 * is struck the first time that it is passed,
                                 * and what only a fault leads to is left to
                                 * chance */
};
extern const struct way ways[];
guint ways_count(void);

struct run {
    guint8 way;                 /* its place in ways */
    guint8 n_faults;
    struct fault faults[FAULTS_MAX];
    guint32 seed;               /* of all else that can differ */
};

struct result {
    gboolean moved;
    gboolean doubted;           /* it was in doubt */
    guint8 struck;              /* bit i: faults[i] has been met */
    guint restarts;             /* of daemons */
    guint again;                /* last migrations that timed out */
    guint64 us;
    guint8 passed[XF_SIDE_LAST][POINTS_MAX];   /* how often; up to 255 */
    char violation[512];        /* empty: none */
};

/* Slower machines get more time: all deadlines are multiplied. */
extern guint fault_pace;

/* In a process of its own.  A broken expectation calls broken(), which does
 * not return. */
void world_set_up(GPtrArray *points);
void world_run(const struct run *run, struct result *result);
void world_tear_down(void);
G_NORETURN void broken(const char *what);

#endif
