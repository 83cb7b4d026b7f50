/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fake libxl over a simulated host: the calls that xen/ makes of the real
 * one, with return codes that mislead in the same ways.
 *
 * A suspend that goes wrong returns, as the real one does:
 *
 *   what happened                               rc              guest
 *   the reader closed (the helper dies of       FAIL            either; log-
 *     SIGPIPE, nothing is tidied)                               dirty left on
 *   a write fails otherwise, before the ask     GUEST_TIMEDOUT  running
 *   log-dirty refused (PV, live)                GUEST_TIMEDOUT  running
 *   a vNUMA guest                               FAIL            running
 *   the guest never acknowledges                0 (or what      running
 *                                               never-acks-rc says)
 *   it acknowledges and does not stop in time   GUEST_TIMEDOUT  running, and
 *                                                               stops later
 *   a write fails after the guest has stopped   FAIL            suspended
 *   same, asked by event channel                GUEST_TIMEDOUT  suspended
 *   aborted                                     ABORTED (or     either
 *                                               what abort-rc says)
 *   the guest shut down for its own reasons     FAIL            shut down
 *
 * A context serves one operation at a time; abort from any thread.
 */
#ifndef XF_TESTS_SIM_FAKEXL_H
#define XF_TESTS_SIM_FAKEXL_H

#include "tests/sim/host.h"

enum {
    FAKEXL_OK = 0,
    FAKEXL_FAIL = -3,
    FAKEXL_NOMEM = -5,
    FAKEXL_INVAL = -6,
    FAKEXL_GUEST_TIMEDOUT = -8,
    FAKEXL_NOT_FOUND = -21,
    FAKEXL_ABORTED = -22,
};

struct fakexl {
    struct sim_host *host;
    int abort_fd;               /* an eventfd: readable once aborted */
    char *log;                  /* the last error's text, or NULL */
    gboolean has_asked;         /* suspend has written the request */
    /* told by suspend, any may be NULL */
    void (*frames)(void *user, guint iteration, guint64 done, guint64 total);
    void (*asked)(void *user);  /* the request is out; a paused guest does
                                 * not see it yet */
    void (*suspended)(void *user);
    void *user;
};

struct fakexl *fakexl_new(struct sim_host *host);
void fakexl_free(struct fakexl *xl);
XF_DEFINE_AUTO(fakexl, fakexl_free);

void fakexl_abort(struct fakexl *xl);
/* Remembers why; returns rc. */
int fakexl_fail(struct fakexl *xl, int rc, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
const char *fakexl_rc_name(int rc);

/* What a domain is made from. */
struct fakexl_config {
    const char *name;
    const char *uuid;
    enum xf_guest_type type;
    guint64 memory_kib;
    guint vcpus;
    enum sim_policy on_poweroff, on_reboot, on_crash;
    const char *xml;
};

/* A paused domain with so much memory and nothing in it. */
int fakexl_make(struct fakexl *xl, const struct fakexl_config *config,
                guint64 populate_kib, int *domid);
/* New domains are paused. */
int fakexl_create_new(struct fakexl *xl, const struct fakexl_config *config,
                      int *domid);
/* *domid is set (atomically) as soon as the domain is there.  A failure
 * leaves no domain, but after an abort it is left to the caller. */
int fakexl_create_restore(struct fakexl *xl,
                          const struct fakexl_config *config, int *domid,
                          int fd);
/* The restore helper's work: fills the domain from fd.  Ends when the domain
 * has gone. */
int fakexl_fill(struct fakexl *xl, int domid, int fd);

int fakexl_suspend(struct fakexl *xl, int domid, int fd, gboolean live);
/* The guest sees whether it is asked to suspend, which a paused one does not.
 * Needs the lock. */
void fakexl_guest_sees(struct sim_host *host, struct sim_domain *dom);
/* TRUE: the guest had not taken the request yet, and never will. */
gboolean fakexl_take_request_back(struct fakexl *xl, int domid);
/* Refused unless the domain is suspended. */
int fakexl_resume(struct fakexl *xl, int domid);

int fakexl_pause(struct fakexl *xl, int domid);
int fakexl_unpause(struct fakexl *xl, int domid);
int fakexl_rename(struct fakexl *xl, int domid, const char *name);
int fakexl_destroy(struct fakexl *xl, int domid);
/* Asks the guest, which obeys at once; `how`: poweroff or reboot. */
int fakexl_shutdown(struct fakexl *xl, int domid, enum sim_shutdown how);
/* NULL: no such domain. */
struct sim_domain *fakexl_info(struct fakexl *xl, int domid);

#endif
