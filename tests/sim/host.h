/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A simulated host: what Xen itself would hold.  It lives in a directory,
 * not in a process: a daemon that is killed leaves its domains behind, and a
 * test looks at them from outside.
 *
 *   lock     taken (flock) for every look and every change
 *   next     the next domid; domids are never used again
 *   N.dom    the domain's state, one "key value" a line, replaced atomically
 *   N.mem    its memory; the file's size is the host memory that it occupies
 *   N.xml    the configuration that it was made from
 *   ran      append-only: who ran from when to when, on which memory
 *   faults   what is to go wrong (faults.h); hits: what has
 *
 * A guest needs no process either.  Its time is CLOCK_MONOTONIC, the same
 * for all hosts of one machine: while it runs it writes to its memory at
 * `dirty_rate`, the j-th write storing j into page (j - 1) % pages.  The file
 * is brought up to date whenever somebody looks, so a copy of the memory that
 * misses a page, or a copy made before the guest ran on elsewhere, can be
 * told from a good one.
 *
 * Trouble with the directory itself is a broken test machine: g_error().
 * Everything here needs the lock unless it says otherwise.
 */
#ifndef XF_TESTS_SIM_HOST_H
#define XF_TESTS_SIM_HOST_H

#include "protocol/hypervisor.h"

#define SIM_PAGE_KIB 4
#define SIM_DOM0_KIB (512 * 1024)

/* Why a domain's vcpus stand still for good. */
enum sim_shutdown {
    SIM_UP,
    SIM_SUSPENDED,
    SIM_POWEROFF,
    SIM_REBOOT,
    SIM_CRASHED,
};

/* on_poweroff, on_reboot, on_crash */
enum sim_policy {
    SIM_DESTROY,
    SIM_RESTART,
    SIM_PRESERVE,
};

struct sim_domain {
    int domid;
    char *name;
    char *uuid;                 /* as text */
    char *life;                 /* new at each boot; a move carries it on */
    int type;                   /* enum xf_guest_type */
    gint64 memory_kib;          /* when whole */
    gint64 populated_kib;       /* now */
    int vcpus;
    int paused;                 /* by the toolstack */
    int shutdown;               /* enum sim_shutdown */
    int dying;
    int log_dirty;              /* left on by a helper that died */
    int incoming;               /* received, and not switched yet */
    int asked;                  /* to suspend, and has not taken it yet */
    int helper;                 /* pid of the process that fills it, or 0 */
    int on_poweroff, on_reboot, on_crash;   /* enum sim_policy */
    gint64 pages;               /* of the model; stand for all memory */
    gint64 dirty_rate;          /* writes per second */
    gint64 writes;              /* so far; while it runs: at run_from */
    gint64 run_from;            /* monotonic us; -1: does not run */
    gint64 ran;                 /* us of earlier runs here */
    gint64 event_at;            /* when `event` comes over it; 0: never */
    int event;                  /* enum sim_shutdown */
    gint64 gone_at;             /* dying: when it is off the list */
};

void sim_domain_free(struct sim_domain *dom);
XF_DEFINE_AUTO(sim_domain, sim_domain_free);
gboolean sim_domain_runs(const struct sim_domain *dom);

struct sim_host {
    char *dir;
};

/* Makes the directory when it is not there.  Needs no lock. */
struct sim_host *sim_host_open(const char *dir, GError **err);
void sim_host_free(struct sim_host *host);
XF_DEFINE_AUTO(sim_host, sim_host_free);

/* Close the fd (XF_AUTO_FD) to unlock.  Not recursive. */
int sim_host_lock(struct sim_host *host);
/* Locked to the end of the block. */
#define SIM_LOCK(host)                                                      \
    XF_AUTO_FD G_GNUC_UNUSED int sim_lock = sim_host_lock(host)

/* All domains but dom0, as struct sim_domain *, by domid. */
GPtrArray *sim_host_domains(struct sim_host *host);
/* NULL: no such domain. */
struct sim_domain *sim_host_get(struct sim_host *host, int domid);
struct sim_domain *sim_host_find(struct sim_host *host, const char *name);
/* A new domid with no memory yet; nothing is written before sim_host_put(). */
struct sim_domain *sim_host_add(struct sim_host *host, const char *name,
                                const char *uuid);
/* Writes the domain's state; starts or stops the guest as that asks for. */
void sim_host_put(struct sim_host *host, struct sim_domain *dom);
/* The guest begins anew, with a new life. */
void sim_host_reboot(struct sim_host *host, struct sim_domain *dom);
/* Takes the domain off the host for good. */
void sim_host_drop(struct sim_host *host, struct sim_domain *dom);

guint64 sim_host_memory_kib(struct sim_host *host);
guint64 sim_host_free_kib(struct sim_host *host);

/* The guest's page versions, as they are at this moment. */
void sim_host_read_memory(struct sim_host *host, struct sim_domain *dom,
                          guint64 *versions);
void sim_host_write_page(struct sim_host *host, struct sim_domain *dom,
                         guint64 page, guint64 version);
/* FALSE: not so much is free; nothing changes. */
gboolean sim_host_populate(struct sim_host *host, struct sim_domain *dom,
                           guint64 kib);

/* Contents of a file of the directory, NULL when it is not there. */
char *sim_host_read(struct sim_host *host, const char *file);
void sim_host_write(struct sim_host *host, const char *file,
                    const char *text);
void sim_host_append(struct sim_host *host, const char *file,
                     const char *line);
char *sim_host_read_xml(struct sim_host *host, int domid);
void sim_host_write_xml(struct sim_host *host, int domid, const char *xml);

#endif
