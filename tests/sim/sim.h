/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulated hypervisor: protocol/hypervisor.h over a fake libxl
 * (fakexl.h) over a simulated host (host.h), which is a directory.  It moves
 * a domain in milliseconds and misbehaves as libxl does.
 *
 * Domain XML: name, uuid, memory, vcpu, os/type, on_*; the rest is kept.
 *
 * Knobs, in the group of a domain or in [host] of the file `faults`
 * (faults.h has the grammar; numbers are plain):
 *   memory-kib           of the host, 64 GiB; dom0 has 512 MiB of it
 *   pages                of the guest's model memory, at its creation, 64
 *   dirty-rate           writes per second, at its creation, 1000
 *   page-bytes           that follow each page in a stream, 1024
 *   rate                 of the stream in bytes/s; 0: as fast as it goes
 *   guest                on the request to suspend it: acks, never-acks,
 *                        late, crashes, powers-off, reboots
 *   late-ms              when a late guest suspends, 300
 *   suspend-timeout-ms   how long the guest is waited for, 200
 *   late-watch-ms        how long a guest that did not suspend in time is
 *                        watched, and resumed when it does, 2000
 *   never-acks-rc        what libxl returns then, 0
 *   abort-rc             what libxl returns after an abort, -22
 *   ask                  evtchn: the guest is asked by event channel
 *   pv-live              1: the hypervisor takes log-dirty for PV
 *   vnuma                1: the guest has virtual NUMA nodes
 *   dying-ms             how long a destroyed domain stays listed, 0
 *   helper               program that fills incoming domains: restore-helper
 *   keeper               off: nobody acts on guests that shut down
 *
 * Points:
 *   source       can-leave, suspend-start, log-dirty, suspend-page (each
 *                page), suspend-ask, suspend-asked, suspend-stopped,
 *                suspend-before-end, suspend-after-end, resume, resumed
 *   destination  incoming-create, can-arrive, stream-start, stream-made,
 *                stream-page (each page), stream-end, devices, rename,
 *                renamed, unpause, unpaused
 *   either       create, destroy, destroyed, pause, shutdown, describe
 */
#ifndef XF_TESTS_SIM_SIM_H
#define XF_TESTS_SIM_SIM_H

#include "protocol/hypervisor.h"

/* One at a time for a directory: it ends the helpers that an earlier one
 * left behind. */
struct xf_hypervisor *xf_sim_new(const char *dir, GError **err);

/* -- from outside: these need no hypervisor, any process may use them -- */

/* Sets a knob or point; `group`: a domain's name or "host"; NULL removes. */
void xf_sim_fault(const char *dir, const char *group, const char *key,
                  const char *value);
/* How many times a point has acted. */
guint xf_sim_hits(const char *dir, const char *point);

/* What a host holds: as hypervisor's list, without dom0. */
GPtrArray *xf_sim_domains(const char *dir);
/* FALSE: no such domain. */
gboolean xf_sim_find(const char *dir, const char *name,
                     struct xf_hv_domain *info);
guint64 xf_sim_free_kib(const char *dir);
/* All its domains lose their names, as when xenstored is killed. */
void xf_sim_forget_names(const char *dir);
/* As other tools and dead helpers leave a domain. */
void xf_sim_suspend(const char *dir, int domid);
void xf_sim_track_writes(const char *dir, int domid);
/* Is what a domain there writes being tracked? */
gboolean xf_sim_tracks_writes(const char *dir);

/* Waits until holds() does; it is called at each change of the directory.
 * FALSE: not within timeout_ms. */
gboolean xf_sim_wait(const char *dir,
                     gboolean (*holds)(const char *dir, void *user),
                     void *user, guint timeout_ms);
/* ... until a point has acted `count` times. */
gboolean xf_sim_wait_hits(const char *dir, const char *point, guint count,
                          guint timeout_ms);

/* Looks at hosts (NULL-terminated), from their first day to this moment:
 * - no guest ever ran in two places at once;
 * - none ever ran on from memory older than what had run before;
 * - none ever ran on memory with a page missing.
 * FALSE with the first violation in err. */
gboolean xf_sim_verify(const char *const *dirs, GError **err);

/* XML of a small guest; type as in <os><type>; uuid NULL: none in it. */
char *xf_sim_xml(const char *name, const char *uuid, const char *type,
                 guint memory_mib);

#endif
