/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two simulated hosts and a move between them, for check-sim*.c. */
#ifndef XF_TESTS_UNIT_SIM_WORLD_H
#define XF_TESTS_UNIT_SIM_WORLD_H

#include "tests/sim/sim.h"
#include "tests/unit/common.h"

#define DEADLINE_MS 20000
#define UUID "00112233-4455-6677-8899-aabbccddeeff"

/* Two hosts, new ones for each test; dirs ends in NULL. */
extern char *dirs[3];
extern struct xf_hypervisor *here, *there;

int world_main(const char *name, const struct xf_unit_test *tests);

/* Creates a running guest, named "g", here. */
int guest(const char *type);
struct xf_hv_domain look(struct xf_hypervisor *hv, int domid);
gboolean lives(struct xf_hypervisor *hv, int domid);
int count(const char *dir);
/* Fails the test when an invariant is broken. */
void verify(void);
/* Set the guest's faults on either host. */
void fault(const char *key, const char *value);
void fault_there(const char *key, const char *value);

/* One move; the destination receives in a thread. */
struct move {
    struct xf_incoming *in;
    int fds[2];                 /* source's end, destination's end */
    GThread *thread;
    gboolean received;
    GError *receive_err;
    enum xf_suspend_outcome outcome;
    gboolean was_paused;
    GError *suspend_err;
    guint frames, suspended;
    guint iteration;
};

void move_start(struct move *move, int domid);
void move_send(struct move *move, int domid, gboolean live);
/* Waits for the destination. */
void move_join(struct move *move);
void move_end(struct move *move);
/* start, send, join */
void move_run(struct move *move, int domid, gboolean live);

/* move_send() as a thread. */
struct send {
    struct move *move;
    int domid;
};

gpointer send_thread(gpointer data);

/* The failed move left nothing there, and the guest can move after all. */
void then_moves(int domid);

#endif
