/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One daemon a host.  A second one, with a state_dir and ports of its own,
 * would take up the records of the first one's handoffs as those of a daemon
 * that is no more, and let run a guest that is on its way.
 *
 * The daemon's process is named in xenstore, in XF_CLAIM_NODE; one that died
 * is no obstacle to the next.
 */
#ifndef XF_XEN_CLAIM_H
#define XF_XEN_CLAIM_H

#include "protocol/error.h"

#define XF_CLAIM_NODE "/tool/xenferry/daemon"

/* This process is this host's daemon from now on.  XF_ERROR_BUSY: another
 * one lives. */
gboolean xf_host_claim(GError **err);

/* Names a process for ever: "PID START", START in clock ticks since boot; a
 * number that has come to mean another process has another START.  NULL: no
 * such process, or it has ended.  The caller frees it. */
char *xf_process_name(int pid);
/* Does the process of that name live? */
gboolean xf_process_lives(const char *name);

#endif
