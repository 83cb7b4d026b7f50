/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worlds at work: processes that each have two hosts of their own and make
 * one run after the other.  A run that breaks its world, or sticks in it,
 * costs the process; the next one gets another.
 */
#ifndef XF_TESTS_HOST_FAULT_POOL_H
#define XF_TESTS_HOST_FAULT_POOL_H

#include "tests/host/fault-run.h"

struct pool;

/* `points` is borrowed. */
struct pool *pool_new(GPtrArray *points, guint workers);
/* Gives each run to the next idle worker, asking next() for it until that
 * returns FALSE, and tells done() of each; both in this thread. */
void pool_run(struct pool *pool,
              gboolean (*next)(void *user, struct run *run),
              void (*done)(void *user, const struct run *run,
                           const struct result *result),
              void *user);
/* Ends the workers.  FALSE: a world did not end well; stderr has it. */
gboolean pool_free(struct pool *pool);

#endif
