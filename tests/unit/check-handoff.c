/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The transition table, over all (side, state, event). */
#include "config.h"

#include "protocol/handoff.h"
#include "tests/unit/common.h"

struct walk {
    enum xf_side side;
    enum xf_state state;
    enum xf_event event;
    enum xf_state next;
    enum xf_action action;
};

/* Calls `visit` for every legal transition; returns how many there are. */
static int
for_each_transition(void (*visit)(const struct walk *))
{
    int legal = 0;

    for (int side = 0; side < XF_SIDE_LAST; side++)
        for (int state = 0; state < XF_STATE_LAST; state++)
            for (int event = 0; event < XF_EVENT_LAST; event++) {
                struct walk w = { .side = side, .state = state,
                                  .event = event };

                if (!xf_handoff_next(side, state, event, &w.next, &w.action))
                    continue;
                legal++;
                visit(&w);
            }
    return legal;
}

static gboolean
is_source_state(enum xf_state state)
{
    return state >= XF_STATE_BEGUN && state <= XF_STATE_CANCELLED;
}

static void
visit_side(const struct walk *w)
{
    if (w->side == XF_SOURCE)
        ck_assert(is_source_state(w->next));
    else
        ck_assert(w->next >= XF_STATE_PREPARED);
    ck_assert(w->state == XF_STATE_NONE
              || is_source_state(w->state) == (w->side == XF_SOURCE));
}

START_TEST(sides_do_not_mix)
{
    ck_assert_int_gt(for_each_transition(visit_side), 40);
}
END_TEST

static void
visit_destroy(const struct walk *w)
{
    if (w->action != XF_ACTION_DESTROY)
        return;
    ck_assert(w->event == XF_EVENT_COMMITTED_KNOWN
              || (w->state == XF_STATE_DONE
                  && w->event == XF_EVENT_RESTARTED));
    ck_assert_int_eq(w->next, XF_STATE_DONE);
}

START_TEST(source_destroys_only_what_it_knows_committed)
{
    for_each_transition(visit_destroy);
}
END_TEST

static void
visit_resume(const struct walk *w)
{
    if (w->action != XF_ACTION_RESUME)
        return;
    ck_assert(w->event == XF_EVENT_REVOKED_KNOWN
              || w->state == XF_STATE_PERFORMING
              || w->state == XF_STATE_CANCELLED);
    ck_assert_int_eq(w->next, XF_STATE_CANCELLED);
}

START_TEST(source_resumes_only_what_it_knows_revoked)
{
    for_each_transition(visit_resume);
}
END_TEST

static void
visit_commit(const struct walk *w)
{
    if (w->next == XF_STATE_COMMITTED && w->state != XF_STATE_COMMITTED) {
        ck_assert_int_eq(w->state, XF_STATE_RECEIVED);
        ck_assert(w->event == XF_EVENT_FINISH
                  || w->event == XF_EVENT_SOURCE_DONE);
    }
    if (w->action == XF_ACTION_SWITCH)
        ck_assert_int_eq(w->next, XF_STATE_COMMITTED);
}

START_TEST(commit_only_from_received)
{
    for_each_transition(visit_commit);
}
END_TEST

static void
visit_final(const struct walk *w)
{
    if (xf_state_is_final(w->state))
        ck_assert_int_eq(w->next, w->state);
}

START_TEST(final_states_stay)
{
    for_each_transition(visit_final);
}
END_TEST

START_TEST(every_decision_is_answerable)
{
    /* RESOLVE always leaves the destination decided. */
    for (int s = XF_STATE_PREPARED; s <= XF_STATE_REVOKED; s++) {
        enum xf_state next;
        enum xf_action action;

        ck_assert(xf_handoff_next(XF_DESTINATION, s, XF_EVENT_RESOLVE, &next,
                                  &action));
        ck_assert(next == (s == XF_STATE_COMMITTED ? XF_STATE_COMMITTED
                                                   : XF_STATE_REVOKED));
    }
}
END_TEST

START_TEST(what_the_source_gave_up_is_not_revoked)
{
    for (int s = XF_STATE_PREPARED; s <= XF_STATE_REVOKED; s++) {
        enum xf_state next = s;
        enum xf_action action;
        gboolean known = xf_handoff_next(XF_DESTINATION, s,
                                         XF_EVENT_SOURCE_DONE, &next,
                                         &action);

        ck_assert_int_eq(known, s >= XF_STATE_RECEIVED);
        ck_assert_int_eq(next, s == XF_STATE_RECEIVED
                                   ? (int)XF_STATE_COMMITTED : s);
    }
}
END_TEST

START_TEST(restart_is_known_in_every_state)
{
    for (int s = XF_STATE_BEGUN; s < XF_STATE_LAST; s++) {
        enum xf_state next;
        enum xf_action action;
        enum xf_side side = is_source_state(s) ? XF_SOURCE : XF_DESTINATION;

        ck_assert(xf_handoff_next(side, s, XF_EVENT_RESTARTED, &next,
                                  &action));
    }
}
END_TEST

START_TEST(illegal_leaves_outputs_alone)
{
    enum xf_state next = XF_STATE_LAST;
    enum xf_action action = XF_ACTION_LAST;

    ck_assert(!xf_handoff_next(XF_SOURCE, XF_STATE_BEGUN,
                               XF_EVENT_COMMITTED_KNOWN, &next, &action));
    ck_assert_int_eq(next, XF_STATE_LAST);
    ck_assert_int_eq(action, XF_ACTION_LAST);
}
END_TEST

START_TEST(names_are_whole_and_read_back)
{
    for (int s = 0; s < XF_STATE_LAST; s++) {
        ck_assert_ptr_nonnull(xf_state_name(s));
        ck_assert_int_eq(xf_state_from_name(xf_state_name(s)), s);
    }
    for (int e = 0; e < XF_EVENT_LAST; e++)
        ck_assert_ptr_nonnull(xf_event_name(e));
    for (int a = 0; a < XF_ACTION_LAST; a++)
        ck_assert_ptr_nonnull(xf_action_name(a));
    ck_assert_int_eq(xf_state_from_name("nonsense"), XF_STATE_LAST);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        sides_do_not_mix,
        source_destroys_only_what_it_knows_committed,
        source_resumes_only_what_it_knows_revoked,
        commit_only_from_received,
        final_states_stay,
        every_decision_is_answerable,
        what_the_source_gave_up_is_not_revoked,
        restart_is_known_in_every_state,
        illegal_leaves_outputs_alone,
        names_are_whole_and_read_back,
        NULL
    };

    return xf_unit_main("handoff", tests);
}
