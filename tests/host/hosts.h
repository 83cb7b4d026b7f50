/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two hosts for a test: each a simulated hypervisor, a real xenstored and a
 * daemon of its own, talked to over real sockets.  All processes die with the
 * test, however it ends.
 *
 * Functions without a GError fail the test by themselves.
 */
#ifndef XF_TESTS_HOST_HOSTS_H
#define XF_TESTS_HOST_HOSTS_H

#include "protocol/driver.h"
#include "protocol/sequence.h"
#include "protocol/store.h"
#include "tests/sim/sim.h"
#include "tests/unit/common.h"

/* For whatever should come at once; generous, since valgrind is slow. */
#define DEADLINE_MS 60000

#define UUID "00112233-4455-6677-8899-aabbccddeeff"

struct host {
    char *name;
    char *dir;                  /* of all that follows */
    char *sim;                  /* the simulated host */
    char *xenstored_path;       /* its socket */
    char *socket;               /* the daemon's */
    char *log;                  /* what the daemon says */
    char *uri;                  /* to the daemon, by its unix socket */
    char *tcp_uri;              /* ... by TCP; the port is its own choice */
    guint16 channel_port;       /* kept over restarts */
    GPid xenstored;
    GPid daemon;                /* 0: not running */
    struct xf_store *records;   /* its records, read from outside */
    guint fds;                  /* that the daemon had at its start */
    GStrv traces;               /* ... and what else there was: traces.h */
    const char *conf;           /* more lines for the daemon's configuration,
                                 * after those of [migration]; NULL: none */
};

/* Set up anew for each test. */
extern struct host host_a, host_b;
extern const char *sims[3];     /* both directories, for xf_sim_verify() */

/* -- the hosts as a whole; host_tests_main() does that for each test -- */
void hosts_set_up(void);
void hosts_tear_down(void);
/* What stands in the way ("1..0 # SKIP ..."); NULL: nothing. */
char *hosts_missing(void);
/* The directory of both. */
const char *hosts_dir(void);
/* More options for the daemons, and pairs for their environment; the last one
 * counts.  NULL: none. */
extern const char *const *host_options;
extern const char *const *host_env;

/* -- daemons -- */
void host_start(struct host *host);
/* The same for one that may die before it serves: FALSE, it has. */
gboolean host_try_start(struct host *host);
/* Has it died?  Then it is reaped. */
gboolean host_died(struct host *host);
/* By SIGKILL. */
void host_kill(struct host *host);
/* By SIGTERM; it must end cleanly. */
void host_stop(struct host *host);
/* Lines of the log that have `word` in them. */
guint host_log_count(struct host *host, const char *word);

/* -- guests -- */
/* Creates and starts one through the daemon; uuid NULL: made up. */
void guest_new(struct host *host, const char *name, const char *uuid,
               const char *type, guint memory_mib);
/* A small one that never runs. */
void guest_new_paused(struct host *host, const char *name, const char *uuid);
/* The one guest of most tests: "g", UUID, 128 MiB, PVH. */
void guest(struct host *host);
void guest_destroy(struct host *host, const char *name);

/* Waits until the guest is on that host, under that name, running. */
void runs_on(struct host *host, const char *name);
/* Waits until no domain and no record is on that host. */
void empty(struct host *host);
void no_domain(struct host *host);
void no_records(struct host *host);
/* Waits until the host's only record is in that state. */
void reaches(struct host *host, const char *state);
/* Waits until the daemon has no more fds than at its start. */
void no_fds(struct host *host);
gboolean host_has_fds(struct host *host);
/* Everything that must hold after a test: the invariants; no record, fd,
 * process or port more than at the start, on either host. */
void all_is_well(void);

/* -- migrations -- */
struct xf_conn *conn_to(struct host *host);
/* What the functions below take: enum xf_protocols, 0 the newest. */
extern guint move_protocol;
/* As a client does it, over connections of its own; TRUE: it moved. */
gboolean move_flags(struct host *from, struct host *to, const char *name,
                    guint32 flags, GError **err);
/* Live. */
gboolean move(struct host *from, struct host *to, const char *name,
              GError **err);
/* ... and it must work; the guest then runs there and is gone here. */
void moves(struct host *from, struct host *to, const char *name);
/* ... and it must fail with that code (-1: any) and a text with `word` in it
 * (NULL: any). */
void move_fails(struct host *from, struct host *to, const char *name,
                int code, const char *word);

/* One under way in a thread. */
struct moving {
    struct host *from, *to;
    const char *name;
    guint32 flags;
    GThread *thread;
    gboolean ok;
    GError *err;
};

void moving_start(struct moving *moving, struct host *from, struct host *to,
                  const char *name);
/* Waits for its end; the caller clears err. */
gboolean moving_end(struct moving *moving);

/* -- faults -- */
/* For all domains of a host; value NULL: no more. */
void fault(struct host *host, const char *key, const char *value);
/* Waits until a point has acted `count` times in all. */
void wait_hits(struct host *host, const char *point, guint count);
/* Starts a migration of "g" that stops at that point of that host. */
void moving_until(struct moving *moving, struct host *from, struct host *to,
                  struct host *where, const char *point);

/* Waits until holds() does. */
void wait_until(gboolean (*holds)(const char *dir, void *user), void *user,
                const char *what);

/* A program that the test's build made, or one of the machine: waits for its
 * end, returns its exit status (-1: killed) and, unless NULL, its output.
 * env: xenstored and such are not set. */
int run_program(const char *const *argv, char **out);
/* Starts one that dies with the test. */
GPid start_program(const char *const *argv, const char *log,
                   const char *const *env);
/* Waits for its end: its exit status; -1: it was killed. */
int wait_program(GPid pid);
/* Kills and reaps it. */
void kill_program(GPid pid);

/* For each test these instead of hosts_set_up() and hosts_tear_down(), which
 * they call. */
void host_set_up_by(void (*set_up)(void), void (*tear_down)(void));
int host_tests_main(const char *name, const struct xf_unit_test *tests);

#endif
