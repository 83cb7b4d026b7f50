/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What goes wrong in a daemon on a simulated host: all points in one list.
 * They are told by the host's file `faults` (faults.h has the grammar), in
 * the group [host]:
 *   - the simulator's own: acts of the hypervisor;
 *   - those in the daemon's code: protocol/fault.h;
 *   - call-PROC, reply-PROC: a call of the migration procedures has come, its
 *     reply is about to go;
 *   - write-STATE, written-STATE: before and after a record of that state;
 *     the same for the mark `acted`; record-remove, record-removed,
 *     record-list, record-read.
 * Besides the simulator's actions there are
 *   cut      the connection is lost
 *   enospc   xenstored refuses the write: no space
 *   eagain   xenstored's transaction has met another, and is done over
 *   conflict ... every time, until the store gives up
 *   gone     the connection to xenstored breaks
 *
 * XF_TIME_SCALE in the environment divides the times that the engine's code
 * has fixed.
 */
#ifndef XF_TESTS_SIM_INJECT_H
#define XF_TESTS_SIM_INJECT_H

#include "protocol/store.h"

/* Prints a line for each point: its name, then the actions that it knows. */
void inject_list(void);

/* Points are told by this host's file from now on. */
gboolean inject_start(const char *dir, GError **err);

/* A store with points around each call of `inner`, which it takes over. */
struct xf_store *inject_store(struct xf_store *inner);

#endif
