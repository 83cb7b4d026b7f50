/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two simulated hosts with an engine each, and one client connected to both,
 * for the tests of the engine. */
#ifndef XF_TESTS_UNIT_ENGINE_WORLD_H
#define XF_TESTS_UNIT_ENGINE_WORLD_H

#include "protocol/engine.h"
#include "protocol/sequence.h"
#include "tests/sim/sim.h"
#include "tests/unit/common.h"

#define DEADLINE_MS 20000
#define GUEST_UUID "00112233-4455-6677-8899-aabbccddeeff"

/* A store that fails when told to; the records outlive the engine. */
struct flaky_store {
    struct xf_store store;
    struct xf_store *real;
    gint writes_until_failure;  /* atomic; negative: never fails */
    gint writes_failed;         /* atomic; so many have */
    gint removes_that_fail;     /* atomic; so many to come */
    gint answers_lost;          /* atomic; writes to come that are done and
                                 * said to have failed */
};

struct host {
    char *dir;
    char *state;                /* its decisions log's folder */
    char *run;                  /* what a reboot empties */
    struct xf_hypervisor *hv;
    gint blind;                 /* atomic; hv does not tell of domains */
    struct flaky_store store;
    struct xf_engine_config config;
    guint16 port;               /* of its channel, the same after a restart */
    struct xf_engine *engine;
    struct xf_conn *conn;       /* the client's */
};

extern struct host src, dst;

/* Fixture: both hosts up, guest "g" (PVH, 64 MiB) running on src. */
void world_setup(void);
/* Checks that no guest ever ran twice or on old memory. */
void world_teardown(void);

/* The engine goes, as with its process; hypervisor and records stay. */
void host_stop(struct host *host);
/* ... before it can notice that its client has gone. */
void host_dies(struct host *host);
void host_start(struct host *host);
/* ... and its only record says that state, of which it has done nothing. */
void host_dies_in(struct host *host, const char *state);
/* Its records are gone, as when xenstored is restarted; it is stopped. */
void host_forgets(struct host *host);
/* ... and its domains with them, as with a reboot. */
void host_reboots(struct host *host);
/* Its client goes away, and another comes. */
void client_of(struct host *host);
/* Its calls answer "in doubt" soon, until it is started again. */
void host_impatient(struct host *host);
void host_patient(struct host *host);
/* Its hypervisor fails to tell what domains there are, or tells again. */
void host_blind(struct host *host, gboolean blind);
/* Its decisions log cannot be written, or (FALSE) can be again. */
void host_disk_full(struct host *host, gboolean full);

/* It has this code, and a message that has these words. */
void err_said(const GError *err, int code, const char *words);

/* The phases, one by one, as a client calls them.  What one gives is kept
 * for the next. */
struct walk {
    struct xf_domain_ref *dom;
    char *xml, *uri;
    GBytes *begin, *prepare, *perform, *finish;     /* cookies */
    GError *err;                /* of the last phase */
};

void walk_init(struct walk *walk);
void walk_clear(struct walk *walk);
gboolean walk_begin(struct walk *walk);
gboolean walk_prepare(struct walk *walk);
gboolean walk_perform(struct walk *walk);
/* TRUE: it returned the domain. */
gboolean walk_finish(struct walk *walk, gboolean cancelled);
gboolean walk_confirm(struct walk *walk, gboolean cancelled, GBytes *cookie);
/* The last phase failed so. */
void walk_said(const struct walk *walk, int code, const char *words);
/* begin, prepare, perform, each of which must succeed */
void walk_to_performed(struct walk *walk);
/* ... and Finish, from the beginning */
void walk_to_committed(struct walk *walk);
/* Of its decisions. */
char *host_log_path(struct host *host);

/* The whole sequence; the domain is freed. */
gboolean move(struct host *from, struct host *to, guint32 flags,
              GError **err);

/* The guest is on `host` alone, running, and no record is left on either;
 * waits for that. */
void settled_on(struct host *host);
/* ... and moves from there to the other host. */
void moves_from(struct host *host);

gboolean guest_on(struct host *host, struct xf_hv_domain *info);
/* It is not suspended. */
gboolean guest_runs(struct host *host);
gboolean guest_is_gone(struct host *host);
/* Waits for check(host) to hold. */
void wait_for(gboolean (*check)(struct host *host), struct host *host);
gboolean no_records(struct host *host);
gboolean no_decisions(struct host *host);
/* Is the guest there, suspended? */
gboolean waits_suspended(struct host *host);

#endif
