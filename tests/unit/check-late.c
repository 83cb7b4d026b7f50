/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A source's daemon was killed when the guest had just been asked to suspend
 * itself.  Whatever the guest does about that, and however late, it must not
 * stay suspended.
 */
#include "config.h"

#include "tests/sim/host.h"
#include "tests/unit/engine-world.h"

#include <string.h>

/* More than a test takes. */
#define WATCH_MS "60000"
#define LATE_US (100 * 1000)

/* The daemon has died at the source; the handoff was performing. */
static void
dies_performing(struct walk *walk)
{
    walk_init(walk);
    ck_assert_msg(walk_begin(walk), "%s", walk->err->message);
    ck_assert_msg(walk_prepare(walk), "%s", walk->err->message);
    host_dies_in(&src, "performing");
    xf_sim_fault(src.dir, "g", "late-watch-ms", WATCH_MS);
    xf_sim_fault(src.dir, "g", "resume", "note");
}

/* What the dead daemon has done to the guest. */
static int
change_guest(void (*change)(struct sim_domain *dom))
{
    XF_AUTO(sim_host) *host = sim_host_open(src.dir, NULL);
    SIM_LOCK(host);
    XF_AUTO(sim_domain) *dom = sim_host_find(host, "g");

    ck_assert_ptr_nonnull(dom);
    change(dom);
    sim_host_put(host, dom);
    return dom->domid;
}

static void
asked_while_paused(struct sim_domain *dom)
{
    dom->paused = TRUE;
    dom->asked = TRUE;
}

static void
suspends_soon(struct sim_domain *dom)
{
    dom->event = SIM_SUSPENDED;
    dom->event_at = g_get_monotonic_time() + LATE_US;
}

/* Nobody has let it run to see the request.  When it is let run, it runs. */
START_TEST(paused_when_asked)
{
    struct walk walk;
    struct xf_hv_domain info;
    int domid;

    dies_performing(&walk);
    domid = change_guest(asked_while_paused);
    host_start(&src);
    wait_for(no_records, &src);
    ck_assert(src.hv->ops->unpause(src.hv, domid, NULL));
    ck_assert(src.hv->ops->info(src.hv, domid, &info, NULL));
    ck_assert(info.running && !info.suspended);
    ck_assert_uint_eq(xf_sim_hits(src.dir, "resume"), 0);
    client_of(&dst);            /* the first one gives up */
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* It has taken the request, and takes its time. */
START_TEST(slow_when_asked)
{
    struct walk walk;

    dies_performing(&walk);
    change_guest(suspends_soon);
    host_start(&src);
    ck_assert(xf_sim_wait_hits(src.dir, "resume", 1, DEADLINE_MS));
    client_of(&dst);            /* the first one gives up */
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        paused_when_asked,
        slow_when_asked,
        NULL
    };

    return xf_unit_main_fixture("late", tests, world_setup, world_teardown);
}
