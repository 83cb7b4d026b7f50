/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is to go wrong on a simulated host: the key file `faults` in its
 * directory, read anew at each use, so that a test changes it at any time.
 *
 * A group is a domain's name (without --incoming) or `host`, which stands
 * for all domains.  Keys are knobs (their list is in sim.h) or points.
 *
 * A point is a named place in the simulator.  Its value is
 *     ACTION[@N][#NTH][*COUNT]
 *   fail      the operation fails here as libxl would
 *   hang      waits until the key is gone or different, or it is aborted
 *   kill      the process dies by SIGKILL
 *   delay:MS  waits so long
 *   note      only says that it was here
 * @N: from the N-th page on, at points that are passed once a page.  #NTH:
 * not before it is passed for the NTH time.  *COUNT: so many times, then the
 * key is removed.  Each time it acts, a line "POINT DOMAIN" is appended to
 * the file `hits`, before the act; with the key `trace` in [host] each point
 * that is passed, whatever happens there, to the file `passed`.
 *
 * The daemon's own points (protocol/fault.h) are told in the same way, see
 * inject.h.
 */
#ifndef XF_TESTS_SIM_FAULTS_H
#define XF_TESTS_SIM_FAULTS_H

#include "tests/sim/host.h"

/* No lock needed, and knobs may be read under it. */
gint64 sim_knob_int(struct sim_host *host, const char *domain,
                    const char *key, gint64 fallback);
/* NULL when not set. */
char *sim_knob(struct sim_host *host, const char *domain, const char *key);
/* Is the knob set to that word? */
gboolean sim_knob_is(struct sim_host *host, const char *domain,
                     const char *key, const char *word);

/* Passes a point of the simulator's; the lock must not be held.  Returns TRUE when the caller
 * is to fail here.  abort_fd (or -1) readable ends waits. */
gboolean sim_point(struct sim_host *host, const char *domain,
                   const char *point, guint64 page, int abort_fd);

/* Passes any point.  What is not done by sim_pass() itself (kill, hang,
 * delay, note) is returned, NULL: go on. */
char *sim_pass(struct sim_host *host, const char *domain, const char *point,
               guint64 page, int abort_fd);

/* The simulator's points, to the row without a name. */
struct sim_point_row {
    const char *name;
    const char *actions;        /* "fail": it can fail */
};
const struct sim_point_row *sim_points(void);

/* Sets one key, NULL removes it; takes the lock. */
void sim_fault_set(struct sim_host *host, const char *group, const char *key,
                   const char *value);

/* Waits so long, or until abort_fd (or -1) is readable: then FALSE. */
gboolean sim_wait_us(gint64 us, int abort_fd);

#endif
