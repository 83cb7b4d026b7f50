/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When the keeper may let a suspended guest run on: never one whose copy may
 * run elsewhere, in whatever order things are heard of.
 */
#include "config.h"

#include <string.h>

#include "tests/unit/common.h"
#include "xen/keeper-rule.h"

#define DOMID 7
#define NOW 1000
#define UNTIL 2000

static const guint8 uuid[XF_UUID_LEN] = { 1 };

/* -- what is done, as it stands -- */

enum is { RUNS, SUSPENDED, DOWN, DYING, ANOTHER, NONE };

static struct xf_hv_domain
domain(enum is is)
{
    struct xf_hv_domain now = {
        .domid = DOMID,
        .suspended = is == SUSPENDED,
        .shutdown = is == DOWN,
        .dying = is == DYING,
    };

    if (is != ANOTHER)
        memcpy(now.uuid, uuid, XF_UUID_LEN);
    return now;
}

static const struct {
    enum is is;
    gboolean ours;
    enum xf_hold hold;
    enum keeper_verdict verdict;
} verdicts[] = {
    { RUNS, TRUE, XF_HOLD_FREE, KEEPER_LEAVES },
    { RUNS, TRUE, XF_HOLD_LATE, KEEPER_LEAVES },
    { SUSPENDED, TRUE, XF_HOLD_FREE, KEEPER_LEAVES },
    { SUSPENDED, TRUE, XF_HOLD_KEPT, KEEPER_LEAVES },
    { SUSPENDED, TRUE, XF_HOLD_BUSY, KEEPER_LEAVES },
    { SUSPENDED, TRUE, XF_HOLD_LATE, KEEPER_LETS_RUN },
    { SUSPENDED, FALSE, XF_HOLD_LATE, KEEPER_LETS_RUN },
    { SUSPENDED, FALSE, XF_HOLD_KEPT, KEEPER_LEAVES },
    { DOWN, TRUE, XF_HOLD_FREE, KEEPER_ACTS },
    { DOWN, TRUE, XF_HOLD_LATE, KEEPER_ACTS },
    { DOWN, FALSE, XF_HOLD_LATE, KEEPER_LEAVES },
    { DOWN, TRUE, XF_HOLD_BUSY, KEEPER_LEAVES },
    { DYING, TRUE, XF_HOLD_FREE, KEEPER_HAS_GONE },
    { DYING, TRUE, XF_HOLD_BUSY, KEEPER_LEAVES },
    { ANOTHER, TRUE, XF_HOLD_LATE, KEEPER_HAS_GONE },
    { NONE, TRUE, XF_HOLD_FREE, KEEPER_HAS_GONE },
    { NONE, FALSE, XF_HOLD_KEPT, KEEPER_HAS_GONE },
    { NONE, TRUE, XF_HOLD_BUSY, KEEPER_LEAVES },
};

START_TEST(judges)
{
    const struct xf_hv_domain now = domain(verdicts[_i].is);

    ck_assert_int_eq(xf_keeper_judge(verdicts[_i].is == NONE ? NULL : &now,
                                     uuid, verdicts[_i].ours,
                                     verdicts[_i].hold),
                     verdicts[_i].verdict);
}
END_TEST

/* -- how it stands -- */

/* What has been done about a domain, a letter each:
 *   e  enter; what it gives is expected to be TRUE       E: ... FALSE
 *   n  enter_late at NOW, TRUE                           N: FALSE
 *   l  leave   u  leave_resumed   f  forget
 *   r  leave_suspend: runs, late until UNTIL   q: runs, was not asked
 *   d  done   s  stopped   g  gone
 *   b  asked before, until UNTIL, TRUE                   B: FALSE
 */
static const struct {
    const char *done;
    enum xf_hold at_now;
    enum xf_hold at_end;        /* at UNTIL */
} stories[] = {
    { "", XF_HOLD_FREE, XF_HOLD_FREE },
    { "e", XF_HOLD_BUSY, XF_HOLD_BUSY },
    { "eE", XF_HOLD_BUSY, XF_HOLD_BUSY },
    { "el", XF_HOLD_FREE, XF_HOLD_FREE },
    { "er", XF_HOLD_LATE, XF_HOLD_FREE },
    { "eq", XF_HOLD_FREE, XF_HOLD_FREE },
    { "eg", XF_HOLD_FREE, XF_HOLD_FREE },
    { "ed", XF_HOLD_KEPT, XF_HOLD_KEPT },
    { "es", XF_HOLD_KEPT, XF_HOLD_KEPT },
    { "edf", XF_HOLD_FREE, XF_HOLD_FREE },
    /* the keeper's own */
    { "N", XF_HOLD_FREE, XF_HOLD_FREE },
    { "ern", XF_HOLD_BUSY, XF_HOLD_BUSY },
    { "ernE", XF_HOLD_BUSY, XF_HOLD_BUSY },
    { "ernN", XF_HOLD_BUSY, XF_HOLD_BUSY },
    { "ernu", XF_HOLD_FREE, XF_HOLD_FREE },
    { "ernl", XF_HOLD_LATE, XF_HOLD_FREE },
    /* the next move, after one that failed with the guest asked */
    { "ere", XF_HOLD_BUSY, XF_HOLD_BUSY },
    { "ereN", XF_HOLD_BUSY, XF_HOLD_BUSY },
    { "eredN", XF_HOLD_KEPT, XF_HOLD_KEPT },
    { "eresN", XF_HOLD_KEPT, XF_HOLD_KEPT },
    { "eredel", XF_HOLD_KEPT, XF_HOLD_KEPT },
    { "eredeu", XF_HOLD_FREE, XF_HOLD_FREE },
    { "eredeuN", XF_HOLD_FREE, XF_HOLD_FREE },
    { "ereq", XF_HOLD_LATE, XF_HOLD_FREE },
    { "edeq", XF_HOLD_FREE, XF_HOLD_FREE },
    /* by an earlier process */
    { "b", XF_HOLD_LATE, XF_HOLD_FREE },
    { "bn", XF_HOLD_BUSY, XF_HOLD_BUSY },
    { "bedN", XF_HOLD_KEPT, XF_HOLD_KEPT },
    { "edB", XF_HOLD_KEPT, XF_HOLD_KEPT },
    { "eqBN", XF_HOLD_FREE, XF_HOLD_FREE },
    { "edeuBN", XF_HOLD_FREE, XF_HOLD_FREE },
};

static void
leave_suspend(struct xf_holds *holds, enum xf_suspend_outcome outcome)
{
    xf_holds_leave_suspend(holds, DOMID, outcome, UNTIL);
}

static void
tell(struct xf_holds *holds, char what)
{
    switch (what) {
    case 'e': ck_assert(xf_holds_enter(holds, DOMID)); break;
    case 'E': ck_assert(!xf_holds_enter(holds, DOMID)); break;
    case 'n': ck_assert(xf_holds_enter_late(holds, DOMID, NOW)); break;
    case 'N': ck_assert(!xf_holds_enter_late(holds, DOMID, NOW)); break;
    case 'l': xf_holds_leave(holds, DOMID); break;
    case 'u': xf_holds_leave_resumed(holds, DOMID); break;
    case 'f': xf_holds_forget(holds, DOMID); break;
    case 'r': leave_suspend(holds, XF_SUSPEND_RUNNING); break;
    case 'd': leave_suspend(holds, XF_SUSPEND_DONE); break;
    case 's': leave_suspend(holds, XF_SUSPEND_STOPPED); break;
    case 'g': leave_suspend(holds, XF_SUSPEND_GONE); break;
    case 'b': ck_assert(xf_holds_asked_before(holds, DOMID, UNTIL)); break;
    case 'B': ck_assert(!xf_holds_asked_before(holds, DOMID, UNTIL)); break;
    case 'q':
        xf_holds_leave_suspend(holds, DOMID, XF_SUSPEND_RUNNING, 0);
        break;
    default:
        ck_abort_msg("no '%c'", what);
    }
}

START_TEST(stands)
{
    XF_AUTO(xf_holds) *holds = xf_holds_new();

    for (const char *c = stories[_i].done; *c; c++)
        tell(holds, *c);
    ck_assert_msg(xf_holds_look(holds, DOMID, NOW) == stories[_i].at_now,
                  "after '%s'", stories[_i].done);
    ck_assert_msg(xf_holds_look(holds, DOMID, UNTIL) == stories[_i].at_end,
                  "later, after '%s'", stories[_i].done);
    ck_assert_int_eq(xf_holds_look(holds, DOMID + 1, NOW), XF_HOLD_FREE);
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { judges, G_N_ELEMENTS(verdicts) },
        { stands, G_N_ELEMENTS(stories) },
        { NULL, 0 },
    };

    return xf_unit_main_rows("keeper", tests, XF_UNIT_TIMEOUT, NULL, NULL);
}
