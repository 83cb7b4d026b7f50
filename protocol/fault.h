/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fault points: named places at which a test build lets something go wrong.
 *
 * Without XF_FAULTS, which is how everything is built that is installed, the
 * macros below are nothing.  With it (tests/sim/xenferryd-sim) every point
 * is an entry of a list of its own, made by the linker, and
 * xf_fault_pass() decides what happens there; tests/sim/inject.h says how
 * that is told.  Any point can end the process or be slow; those that say
 * so below can also cut a connection or let an operation fail.
 *
 *   XF_FAULT(name);                       a moment in between
 *   XF_FAULT_FD(name, fd);                ... with a connection open
 *   if (XF_FAULT_FAILS(name, err) || ...) an operation that may fail: TRUE,
 *                                         with err set, is in its place
 *   if (XF_FAULT_LOST(prefix, name))      TRUE: close the connection that a
 *                                         call came by.  The point is called
 *                                         prefix-name.
 *
 * Any thread; a lock that is held stays held while a point takes its time.
 */
#ifndef XF_PROTOCOL_FAULT_H
#define XF_PROTOCOL_FAULT_H

#include "protocol/error.h"

#ifdef XF_FAULTS

struct xf_fault_site {
    const char *name;
    gboolean cuts;
    gboolean fails;
};

/* TRUE: fail here, err is set. */
gboolean xf_fault_pass(const struct xf_fault_site *site, int fd,
                       GError **err);
gboolean xf_fault_lost(const char *prefix, const char *name);
/* A time that the code has fixed, shortened as the test wants it. */
gint64 xf_fault_time(gint64 us);

#define XF_FAULT_AT(name_, fd, cuts_, fails_, err)                          \
    __extension__({                                                         \
        static const struct xf_fault_site xf_site = {                       \
            .name = name_, .cuts = cuts_, .fails = fails_                   \
        };                                                                  \
        static const struct xf_fault_site *const xf_entry                   \
            __attribute__((section("xf_faults"), used)) = &xf_site;         \
        xf_fault_pass(xf_entry, fd, err);                                   \
    })
#define XF_FAULT(name) XF_FAULT_AT(name, -1, FALSE, FALSE, NULL)
#define XF_FAULT_FD(name, fd) XF_FAULT_AT(name, fd, TRUE, FALSE, NULL)
#define XF_FAULT_FAILS(name, err) XF_FAULT_AT(name, -1, FALSE, TRUE, err)
#define XF_FAULT_LOST(prefix, name) xf_fault_lost(prefix, name)
#define XF_FAULT_TIME(us) xf_fault_time(us)

#else

#define XF_FAULT(name) ((void)0)
#define XF_FAULT_FD(name, fd) ((void)0)
#define XF_FAULT_FAILS(name, err) FALSE
#define XF_FAULT_LOST(prefix, name) FALSE
#define XF_FAULT_TIME(us) (us)

#endif
#endif
