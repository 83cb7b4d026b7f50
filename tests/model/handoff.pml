/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One handoff of one domain: client, source, destination, and a world that
 * breaks them.  README.md says what is modelled, and what is left out.
 *
 * The states and what follows on which event are not written here: they are
 * the macros of table.pml, which is printed from protocol/handoff.c (see
 * table.c).  Here is what the engine does around that table, step by step;
 * between any two steps anything else may happen, a crash too.
 *
 * Each step changes something, or it is not enabled.  So a run that goes on
 * for ever needs a cycle, and a run without one ends where nothing is left
 * to do: there `world` looks whether it all ended well.
 *
 * Given by -D:
 *   INBAND       the source asks for the commit at the end of Perform (v1,
 *                v2, direct); without: Finish and Confirm by the client (v3)
 *   CRASHES=n    how often a daemon dies, on either side
 *   OUTAGES=n    how often a host loses more than its daemon
 *   BROKEN_x     a rule broken on purpose, see mutants
 */
#include "table.pml"

/* -- source -- */
mtype s_mem = none;         /* the state, as the daemon has it in memory */
mtype s_rec = none;         /* ... and in the record, in xenstore */
mtype s_act = do_none;      /* the action under way; dies with the daemon */
bit s_log;                  /* its log on disk: given away */
bit s_sent;                 /* ... or sending, and not known what came of it */
bit s_mid;                  /* the log is written, the record not yet */
bit s_refuse;               /* its xenstore takes no writes */
bit s_peer;                 /* which log of the destination it was told of */
bit s_older;                /* an earlier handoff ended here, the copy was
                             * resumed, and the record does not say so yet */
mtype = { running, suspended, partial, complete, gone };
mtype s_dom = running;

/* -- destination -- */
mtype d_mem = none;
mtype d_rec = none;
mtype d_act = do_none;
bit d_log;                  /* its log on disk: committed */
bit d_wrote;                /* ... written, and not known to be on disk: a
                             * daemon that starts reads it, a power cut may
                             * take it away */
bit d_id;                   /* which log: 1 after it was installed anew */
bit d_mid;
bit d_refuse;
mtype d_dom = gone;         /* its copy: gone, partial, complete, running */

/* -- the wire --
 * A question or call once sent stays: it can come late, twice, or never.
 * Answers to a question die with the one who asked, whose connection it
 * was. */
mtype = { nothing, open, end_sent, received_ack, revoked_ack, ask_commit,
          committed_ack, broken };
mtype stream = nothing;
bit q_resolve, q_source;    /* asked */
bit q_settled, q_done;      /* told: resumed, or given up */
bit q_decided;              /* asked by a source without a copy */
bit a_committed, a_revoked, a_holds;    /* answers */

/* -- what the client has in its hands -- */
bit k_begin;                /* Begin's cookie */
bit k_old, k_new;           /* Prepare's, with the first log, the second */
bit k_proof;                /* Finish's, with the proof of the commit */
bit prepared_twice;

/* -- the world -- */
byte crashes = CRASHES, outages = OUTAGES;
bit quiet;                  /* no fault and no call comes any more */

/* -- ghosts: nobody decides by them -- */
bit s_back, d_ran;          /* a copy ran after the two parted */
bit s_destroyed, d_destroyed;           /* by us, a whole copy */
bit s_lost, d_lost;         /* a host lost its copy */
bit s_boot;                 /* its host has started anew: what starts domains
                             * then has not started this one yet */
bit holds_ever, expired;
bit forced;                 /* by an administrator: the source gave it up */
bit had_a_copy;             /* ... the source that asked for the revoke */

/* -- the properties: each is a bit that must stay 0 -- */
bit ran_twice, ran_old_memory, ran_half_a_copy, destroyed_both,
    destroyed_the_last, lost_the_guest, left_locked, left_unsettled;
#define NEVER(property, wrong)                                              \
    if :: (wrong) -> property = 1; assert(!property) :: else fi

/* -- events: the record, then the state; the action is a step of its own -- */

#define DEFINED(side, e, st) (LEGAL_##side##_##e(st))
#define WRITABLE(side, e, st, refuse)                                       \
    (!refuse || SAME_##side##_##e(st) || NEXT_##side##_##e(st) == st)
#define IS_NEWS(side, e, st, act)                                           \
    (NEXT_##side##_##e(st) != st                                            \
     || (ACT_##side##_##e(st) != do_none && ACT_##side##_##e(st) != act))
#define CAN(side, e, st, act, refuse)                                       \
    (DEFINED(side, e, st) && IS_NEWS(side, e, st, act)                      \
     && WRITABLE(side, e, st, refuse))

/* What happens to one side while it writes a decision: nothing. */
#define S_CAN(e) (!s_mid && CAN(source, e, s_mem, s_act, s_refuse))
#define D_CAN(e) (!d_mid && CAN(destination, e, d_mem, d_act, d_refuse))

#define QUOTED(text) #text
#define EVENT_TEXT(side, ev) QUOTED(side: %e -- ev --> %e then %e\n)
#define EVENT(side, e, mem, rec, act, refuse)                               \
    printf(EVENT_TEXT(side, e), mem, NEXT_##side##_##e(mem),                \
           ACT_##side##_##e(mem));                                          \
    if                                                                      \
    :: NEXT_##side##_##e(mem) != mem || ACT_##side##_##e(mem) != do_none -> \
        act = ACT_##side##_##e(mem)                                         \
    :: else                                                                 \
    fi;                                                                     \
    if                                                                      \
    :: NEXT_##side##_##e(mem) != mem && !refuse ->                          \
        rec = NEXT_##side##_##e(mem)                                        \
    :: else                                                                 \
    fi;                                                                     \
    mem = NEXT_##side##_##e(mem)
#define S_EVENT(e) EVENT(source, e, s_mem, s_rec, s_act, s_refuse)
#define D_EVENT(e) EVENT(destination, e, d_mem, d_rec, d_act, d_refuse)

#define FINAL(st)                                                           \
    (st == done || st == cancelled || st == committed || st == revoked)

/* -- acts -- */

inline s_resume()
{
    printf("source: resumes its copy, if suspended\n");
    if
    :: s_dom == suspended ->
        s_dom = running;
        s_back = 1;
        NEVER(ran_twice, d_dom == running);
        NEVER(ran_old_memory, d_ran)
    :: else
    fi
}

inline s_destroy()
{
    printf("source: destroys its copy\n");
    if
    :: s_dom != gone ->
        s_dom = gone;
        s_destroyed = 1;
        NEVER(destroyed_both, d_destroyed && !(forced && expired))
    :: else
    fi
}

inline d_switch()
{
    printf("destination: lets its copy run\n");
    if
    :: d_dom == partial || d_dom == complete ->
        NEVER(ran_half_a_copy, d_dom == partial);
        d_dom = running;
        d_ran = 1;
        NEVER(ran_twice, s_dom == running);
        NEVER(ran_old_memory, s_back)
    :: else
    fi
}

inline d_discard()
{
    printf("destination: destroys its copy, if it has not been named\n");
    if
    :: d_dom == complete ->
        d_dom = gone;
        d_destroyed = 1;
        /* kept, and asked for, until its time was over */
        NEVER(destroyed_both, s_destroyed && !(forced && expired))
    :: d_dom == partial -> d_dom = gone
    :: else
    fi
}

/* Its copy may be the last one: only who has the other may ask for that. */
#define ASKED_FOR                                                           \
    (had_a_copy || q_settled || holds_ever || expired || d_dom == gone)
#define D_REVOKES(e)                                                        \
    NEVER(destroyed_the_last,                                               \
          d_mem == received && NEXT_destination_##e(d_mem) == revoked       \
          && !ASKED_FOR && s_dom == gone);                                  \
    D_EVENT(e)

/* -- decisions: the log, the record, then the act -- */

#ifdef BROKEN_COPY_NOT_LOOKED_FOR
#define IS_THERE true
#else
#define IS_THERE (d_dom != gone)
#endif

/* Finish with success, from the client or in-band. */
inline d_finish()
{
    if
    :: d_mem == received && !IS_THERE ->
        D_REVOKES(copy_gone)
    :: NEXT_destination_finish(d_mem) == committed && d_mem != committed ->
        printf("destination: writes `committed` to its log\n");
        d_wrote = 1;
        d_mid = 1
    :: else ->
        D_EVENT(finish)
    fi
}

/* The source has given its copy up. */
inline d_source_done()
{
    if
    :: d_mem == received && !IS_THERE ->
        D_REVOKES(copy_gone)
    :: NEXT_destination_source_done(d_mem) == committed &&
       d_mem != committed ->
        printf("destination: writes `committed` to its log\n");
        d_wrote = 1;
        d_mid = 1
    :: else ->
        D_REVOKES(source_done)
    fi
}

/* Knows that the destination has committed. */
inline s_committed()
{
    if
    :: NEXT_source_committed_known(s_mem) == done && s_mem != done ->
        printf("source: writes `given away` to its log\n");
        s_log = 1;
        s_sent = 0;
        s_boot = 0;
        s_mid = 1
    :: else ->
        S_EVENT(committed_known)
    fi
}

/* -- starting again -- */

#ifdef BROKEN_LOG_NOT_READ
#define LOG_SAYS_COMMITTED false
#else
#define LOG_SAYS_COMMITTED (d_log || d_wrote)
#endif

inline s_restart()
{
    s_act = do_none;
    s_mid = 0;
    a_committed = 0;
    a_revoked = 0;
    if
    :: stream == open -> stream = broken
    :: else
    fi;
    if
    :: s_log && (s_dom == suspended || s_rec != none) -> s_mem = done
    :: else ->
        s_mem = s_rec;
        if
        :: s_rec == none && s_sent -> s_mem = in_doubt
        :: else
        fi
    fi;
    printf("source: starts again\n");
    if
    :: s_older ->
        printf("source: has a record of an earlier handoff\n");
        s_older = 0;
        if
        :: s_dom == suspended -> s_resume()
        :: else
        fi
    :: else
    fi;
    if
    :: DEFINED(source, restarted, s_mem) -> S_EVENT(restarted)
    :: else
    fi
}

/* What is asked on a connection reaches the daemon that took it, or none. */
#ifdef INBAND
#define STILL_TO_BE_ASKED (stream == received_ack || stream == ask_commit)
#else
#define STILL_TO_BE_ASKED false
#endif

inline d_restart()
{
    d_act = do_none;
    d_mid = 0;
    a_holds = 0;
    if
    :: stream == open || stream == end_sent || STILL_TO_BE_ASKED ->
        stream = broken
    :: else
    fi;
    /* what it reads there it has on disk, before it believes it */
#ifndef BROKEN_READ_NOT_SYNCED
    d_log = d_log || d_wrote;
    d_wrote = 0;
#endif
    if
    :: LOG_SAYS_COMMITTED && (d_dom == complete || d_rec != none) ->
        d_mem = committed
    :: else ->
        d_mem = d_rec
    fi;
    printf("destination: starts again\n");
    if
    :: d_mem == none && d_dom != running ->
        /* what nobody knows of is left over */
        d_lost = d_lost || (forced && d_dom == complete);
        d_dom = gone
    :: else
    fi;
    if
    :: DEFINED(destination, restarted, d_mem) -> D_EVENT(restarted)
    :: else
    fi
}

/* -- who does what -- */

/* In-band the destination makes token and key, and Begin is a part of
 * Perform. */
#ifdef INBAND
#define HAS_WHAT_PREPARE_NEEDS true
#define HAS_WHAT_BEGIN_NEEDS (k_old || k_new)
#else
#define HAS_WHAT_PREPARE_NEEDS k_begin
#define HAS_WHAT_BEGIN_NEEDS true
#endif

/* Calls in any order, as often as it likes, with any result it likes; but
 * only with cookies that it was given. */
active proctype client()
{
end:
    do
#ifdef BROKEN_OLDER_RECORD
#define MAY_BEGIN true
#else
#define MAY_BEGIN (!s_older)
#endif
    :: d_step { !quiet && !k_begin && HAS_WHAT_BEGIN_NEEDS && MAY_BEGIN &&
                S_CAN(begin) ->
        k_begin = 1;
        printf("client: Begin\n");
        S_EVENT(begin) }
#ifndef BROKEN_PREPARED_AFTER_COMMIT
#define MAY_PREPARE (!d_log)
#else
#define MAY_PREPARE true
#endif
    :: d_step { !quiet && HAS_WHAT_PREPARE_NEEDS && D_CAN(prepare) &&
                d_dom == gone && MAY_PREPARE && !prepared_twice ->
        printf("client: Prepare\n");
        prepared_twice = k_old || k_new;
        if
        :: d_id -> k_new = 1
        :: else -> k_old = 1
        fi;
        D_EVENT(prepare) }
#ifdef BROKEN_SENDING_NOT_LOGGED
#define LOGS_SENDING 0
#else
#define LOGS_SENDING 1
#endif
    /* the log, and then no record: it is refused, or the daemon dies */
    :: d_step { !quiet && (k_old || k_new) && s_mem == begun && !s_mid &&
                s_sent != LOGS_SENDING ->
        printf("client: Perform\n");
        printf("source: writes `sending` to its log\n");
        s_peer = !k_old;
        s_sent = LOGS_SENDING }
    :: d_step { !quiet && k_old && S_CAN(perform) ->
        printf("client: Perform\n");
        s_peer = 0;
        s_sent = LOGS_SENDING;
        S_EVENT(perform) }
    :: d_step { !quiet && k_new && S_CAN(perform) ->
        printf("client: Perform, with the cookie of the new log\n");
        s_peer = 1;
        s_sent = LOGS_SENDING;
        S_EVENT(perform) }
    :: d_step { !quiet && D_CAN(finish) ->
        printf("client: Finish\n");
        d_finish() }
#ifdef BROKEN_ACT_BEFORE_COMMIT
    :: d_step { !quiet && d_mem == received && D_CAN(finish) &&
                d_dom == complete ->
        printf("client: Finish\n");
        d_switch() }
#endif
    :: d_step { !quiet && D_CAN(cancel) ->
        printf("client: Finish, cancelled\n");
        D_REVOKES(cancel) }
#ifndef INBAND
    :: d_step { !quiet && d_mem == committed && d_act == do_none &&
                !k_proof ->
        printf("client: has Finish's answer\n");
        k_proof = 1 }
    :: d_step { !quiet && k_proof && S_CAN(committed_known) ->
        printf("client: Confirm, with the proof\n");
        s_committed() }
#ifdef BROKEN_CONFIRM_UNPROVEN
    :: d_step { !quiet && S_CAN(committed_known) ->
        printf("client: Confirm, without a proof\n");
        s_committed() }
#endif
    :: d_step { !quiet && S_CAN(cancel) ->
        printf("client: Confirm, cancelled or without a proof\n");
        S_EVENT(cancel) }
#endif
    od
}

active proctype source()
{
end:
    do
    /* a decision: the record after the log */
    :: d_step { s_mid ->
        s_mid = 0;
        S_EVENT(committed_known) }

    /* Perform */
    :: d_step { s_mem == performing && stream == nothing &&
                D_CAN(connected) ->
        printf("source: connects\n");
        stream = open;
        D_EVENT(connected);
        if
        :: d_act == do_receive -> d_dom = partial
        :: else
        fi;
        d_act = do_none }
    :: d_step { s_mem == performing && s_dom == running &&
                (stream == open || stream == broken) ->
        printf("source: suspends its copy\n");
        s_dom = suspended }
#ifdef BROKEN_SENT_BEFORE_RECORD
    :: d_step { s_mem == performing && s_dom == suspended &&
                stream == open ->
        printf("source: sends the end\n");
        stream = end_sent }
#endif
    :: d_step { s_dom == suspended && S_CAN(stream_sent) ->
        S_EVENT(stream_sent) }
    :: d_step { S_CAN(stream_failed) ->
        if
        :: stream == open -> stream = broken
        :: else
        fi;
        S_EVENT(stream_failed) }
    :: d_step { stream == open &&
                (s_act == do_hand_over || s_mem == in_doubt) ->
        printf("source: sends the end\n");
        stream = end_sent }

    /* the answers to the end */
    :: d_step { stream == received_ack && s_act == do_hand_over ->
#ifdef INBAND
        printf("source: asks for the commit\n");
        stream = ask_commit }
#else
        printf("source: Perform ends well\n");
        stream = broken;
#ifdef BROKEN_SENDING_PRUNED
        s_sent = 0;
#endif
        s_act = do_none }
#endif
    :: d_step { stream == committed_ack && S_CAN(committed_known) ->
        stream = broken;
        s_committed() }
    :: d_step { stream == revoked_ack && S_CAN(revoked_known) ->
        stream = broken;
        S_EVENT(revoked_known) }
    :: d_step { stream == broken && s_act == do_hand_over &&
                S_CAN(ack_lost) ->
        S_EVENT(ack_lost) }

    /* asking: who has lost its copy must not have the last one revoked */
#ifdef BROKEN_LAST_COPY_REVOKED
#define HAS_A_COPY true
#else
#define HAS_A_COPY (s_dom == suspended)
#endif
    :: d_step { s_act == do_resolve && HAS_A_COPY && !q_resolve &&
                !s_mid ->
        printf("source: asks: revoke, unless you have committed\n");
        had_a_copy = had_a_copy || s_dom == suspended;
        q_resolve = 1 }
    :: d_step { s_act == do_resolve && !HAS_A_COPY && !q_decided ->
        printf("source: asks what was decided\n");
        q_decided = 1 }
    :: d_step { s_act == do_resolve && a_committed &&
                S_CAN(committed_known) ->
        s_committed() }
    :: d_step { s_act == do_resolve && a_revoked && S_CAN(revoked_known) ->
        S_EVENT(revoked_known) }

    /* being asked */
#ifdef BROKEN_HOLDS_UNSEEN
#define SEES_ITS_COPY true
#else
#define SEES_ITS_COPY (s_dom != gone)
#endif
    :: d_step { q_source && !a_holds && s_mem != none && s_mem != done &&
                !s_mid && SEES_ITS_COPY ->
        printf("source: answers that it has its copy\n");
        holds_ever = s_dom != gone;
        a_holds = 1 }

    /* nobody came, or who came has gone */
    :: d_step { S_CAN(client_gone) -> S_EVENT(client_gone) }
    :: d_step { S_CAN(deadline) -> S_EVENT(deadline) }

    /* acting on what is known, telling it, forgetting */
#ifdef BROKEN_SETTLED_ALIKE
#define SAYS_WHICH false
#else
#define SAYS_WHICH true
#endif
    :: d_step { s_act == do_resume && !s_mid ->
        s_resume();
        s_sent = 0;
        s_act = do_none }
    :: d_step { s_act == do_destroy && !s_mid ->
        s_destroy();
        s_act = do_none }
    :: d_step { FINAL(s_mem) && s_act == do_none && !s_mid ->
        printf("source: tells that it is settled, and forgets\n");
        if
        :: s_mem == done && SAYS_WHICH -> q_done = 1
        :: else -> q_settled = 1
        fi;
        s_mem = none;
        s_log = 0;
        s_sent = 0;
        if
        :: !s_refuse -> s_rec = none
        :: else
        fi }
    od
}

#ifdef BROKEN_DECISION_TAKEN_BACK
#define MAY_TAKE_BACK d_refuse
#else
#define MAY_TAKE_BACK false
#endif

active proctype destination()
{
end:
    do
    /* a decision: the record after the log.  What the log says is decided,
     * even if the record cannot be written. */
    :: d_step { d_wrote && d_mid ->
        printf("destination: its log is on disk\n");
        d_wrote = 0;
        d_log = 1 }
    :: d_step { d_mid && !d_wrote && !MAY_TAKE_BACK ->
        d_mid = 0;
        D_EVENT(finish) }
    :: d_step { d_mid && !d_wrote && MAY_TAKE_BACK ->
        printf("destination: no record, so no commit\n");
        d_mid = 0 }

    /* the stream */
    :: d_step { stream == end_sent && D_CAN(complete) ->
        D_EVENT(complete);
        d_dom = complete;
        stream = (d_act == do_ack -> received_ack : broken);
        d_act = do_none }
    :: d_step { (stream == open || stream == end_sent || stream == broken) &&
                d_mem == receiving && D_CAN(stream_failed) ->
        D_EVENT(stream_failed);
        stream = (stream == broken -> broken : revoked_ack) }
    :: d_step { (stream == open || stream == end_sent) && d_mem == revoked ->
        printf("destination: stops the stream\n");
        stream = revoked_ack }
    :: d_step { stream == ask_commit && D_CAN(finish) ->
        d_finish() }
    :: d_step { stream == ask_commit && !d_mid && d_mem == committed &&
                d_act == do_none ->
        printf("destination: answers that it has committed\n");
        stream = committed_ack }
    :: d_step { stream == ask_commit && !d_mid && d_mem == revoked ->
        printf("destination: answers that it has revoked\n");
        stream = revoked_ack }

    /* being asked: known, or in the log, or never committed in it.  By the
     * handoff's key alone (RESOLVE) "committed" is an answer, by that of the
     * log which the source was told of (RESOLVE_LOG) "revoked" is, too. */
    :: d_step { q_resolve && D_CAN(resolve) ->
        D_REVOKES(resolve) }
#define SAME_LOG (d_id == s_peer)
#ifdef BROKEN_UNKNOWN_TO_ANOTHER_LOG
#define MAY_ANSWER_UNKNOWN true
#else
#define MAY_ANSWER_UNKNOWN SAME_LOG
#endif
#ifdef BROKEN_KNOWN_TO_ANOTHER_LOG
#define MAY_ANSWER_KNOWN true
#else
#define MAY_ANSWER_KNOWN SAME_LOG
#endif
    :: d_step { (q_resolve || q_decided) && !d_mid && !a_committed &&
                (d_mem == committed ||
                    (d_mem == none && LOG_SAYS_COMMITTED)) ->
        printf("destination: answers that it has committed\n");
        a_committed = 1 }
    :: d_step { (q_resolve || q_decided) && !d_mid && !a_revoked &&
                ((d_mem == revoked && MAY_ANSWER_KNOWN) ||
                 (d_mem == none && !LOG_SAYS_COMMITTED &&
                  MAY_ANSWER_UNKNOWN)) ->
        printf("destination: answers that it has not committed\n");
        a_revoked = 1 }

    /* asking */
    :: d_step { d_act == do_ask_source && !q_source ->
        printf("destination: asks the source whether it has its copy\n");
        q_source = 1 }
    :: d_step { d_act == do_ask_source && a_holds && D_CAN(source_holds) ->
        D_REVOKES(source_holds) }
    :: d_step { d_act == do_ask_source && D_CAN(expired) ->
        expired = 1;
        D_REVOKES(expired) }

    /* nobody came, or who came has gone */
    :: d_step { D_CAN(client_gone) -> D_REVOKES(client_gone) }
    :: d_step { D_CAN(deadline) -> D_REVOKES(deadline) }

    /* acting, forgetting */
    :: d_step { d_act == do_switch && !d_mid ->
        d_switch();
        d_act = do_none }
    :: d_step { d_act == do_discard && !d_mid && stream != open &&
                stream != end_sent ->
        d_discard();
        d_act = do_none }
    :: d_step { FINAL(d_mem) && d_act == do_none && !d_mid &&
                stream != ask_commit ->
        printf("destination: forgets\n");
        d_mem = none;
#ifdef BROKEN_LOG_PRUNED
        d_log = 0;
#endif
        if
        :: !d_refuse -> d_rec = none
        :: else
        fi }
    :: d_step { q_settled && D_CAN(resolve) ->
        D_REVOKES(resolve) }
    :: d_step { q_done && D_CAN(source_done) ->
        d_source_done() }
    :: d_step { (q_settled || q_done) && (d_log || d_wrote) && !d_mid &&
                (d_mem == none || (d_mem == committed &&
                                      d_act == do_none)) ->
        printf("destination: settled; takes it out of its log\n");
        d_mem = none;
        d_log = 0;
        d_wrote = 0;
        if
        :: !d_refuse -> d_rec = none
        :: else
        fi }
    od
}

/* -- and what befalls them -- */

#define WITH_CRASH (crashes > 0)
#define WITH_OUTAGE (outages > 0)

inline d_power(log_too)
{
    outages--;
    if
    :: d_dom != gone -> d_lost = 1
    :: else
    fi;
    d_dom = gone;
    d_rec = none;
    d_refuse = 0;
    d_wrote = 0;
    if
    :: log_too -> d_log = 0; d_id = 1
    :: else
    fi;
#ifdef BROKEN_NOT_SYNCED
    d_log = 0;
#endif
    d_restart()
}

active proctype world()
{
    do
    :: d_step { WITH_CRASH ->
        crashes--;
        printf("world: the source's daemon dies\n");
        s_restart() }
    :: d_step { WITH_CRASH ->
        crashes--;
        printf("world: the destination's daemon dies\n");
        d_restart() }

    :: d_step { WITH_OUTAGE && k_begin && s_dom != gone ->
        outages--;
        printf("world: the source's host loses power\n");
        s_lost = 1;
        s_dom = gone;
        s_rec = none;
        s_refuse = 0;
        s_boot = 1;
        s_restart() }
    :: d_step { WITH_OUTAGE && k_begin && (s_log || s_sent) ->
        outages--;
        printf("world: the source's host is installed anew\n");
        s_lost = 1;
        s_dom = gone;
        s_rec = none;
        s_refuse = 0;
        s_log = 0;
        s_sent = 0;
        s_boot = 0;
        s_restart() }
    /* It asks the log first, and is told when it was given away. */
    :: d_step { s_boot && !quiet && s_dom == gone && s_mem == none &&
                !s_log && !s_sent ->
        printf("world: the domain is started from its disks\n");
        s_boot = 0;
        s_dom = running;
        s_back = 1;
        NEVER(ran_twice, d_dom == running) }
    :: d_step { WITH_OUTAGE && (d_log || d_rec != none) ->
        printf("world: the destination's host loses power\n");
        d_power(false) }
    :: d_step { WITH_OUTAGE && !d_id && (k_old || k_new) ->
        printf("world: the destination's host is installed anew\n");
        d_power(true) }
    :: d_step { WITH_OUTAGE && s_rec != none ->
        outages--;
        printf("world: the source's xenstore is lost\n");
        s_rec = none }
    :: d_step { WITH_OUTAGE && d_rec != none ->
        outages--;
        printf("world: the destination's xenstore is lost\n");
        d_rec = none }
    /* Before it is decided, and while the source has its own. */
    :: d_step { WITH_OUTAGE && d_mem == received && d_dom == complete &&
                !d_mid && !d_log && s_dom == suspended && !forced ->
        outages--;
        d_dom = gone;
        printf("world: somebody destroys the destination's copy\n") }
    /* He has looked at the destination; and nothing is on its way there that
     * could have the copy revoked which he has seen. */
    :: d_step { WITH_OUTAGE && s_mem == in_doubt && !q_resolve &&
                !a_holds && !d_mid &&
                (d_mem == received || d_mem == committed) &&
                (d_dom == complete || d_dom == running) &&
                S_CAN(committed_known) ->
        outages--;
        forced = 1;
        printf("administrator: the destination's copy is the copy\n");
        s_committed() }
    :: d_step { WITH_OUTAGE && !k_begin && !s_older ->
        outages--;
        printf("world: an earlier handoff's record is not up to date\n");
        s_older = 1 }
    :: d_step { s_older ->
        printf("source: writes the record of the earlier handoff\n");
        s_older = 0 }
    :: d_step { WITH_OUTAGE && !s_refuse && k_begin ->
        outages--;
        printf("world: the source's xenstore refuses\n");
        s_refuse = 1 }
    :: d_step { WITH_OUTAGE && !d_refuse && (k_old || k_new) ->
        outages--;
        printf("world: the destination's xenstore refuses\n");
        d_refuse = 1 }
    :: d_step { s_refuse ->
        printf("world: the source's xenstore takes writes again\n");
        s_refuse = 0 }
    :: d_step { d_refuse ->
        printf("world: the destination's xenstore takes writes again\n");
        d_refuse = 0 }

    :: d_step { stream != nothing && stream != broken ->
        printf("world: the stream's connection is cut\n");
        stream = broken }

    :: d_step { !quiet ->
        printf("world: quiet from here, and the client has gone\n");
        quiet = 1;
        s_boot = 0;
        crashes = 0;
        outages = 0;
        s_refuse = 0;
        d_refuse = 0 }
    :: quiet && timeout -> break
    od;
    skip;
    d_step {
        printf("world: nothing is left to do\n");
/* With another log than the one that was there, only an administrator can
 * say what became of it. */
#define FOR_AN_ADMINISTRATOR                                                \
    (s_mem == in_doubt && d_mem == none && d_id != s_peer)
        NEVER(left_locked, s_mem != none && !FOR_AN_ADMINISTRATOR);
        NEVER(left_unsettled,
              d_mem != none || d_dom == partial || d_dom == complete);
        NEVER(lost_the_guest,
              !s_lost && !d_lost && !FOR_AN_ADMINISTRATOR &&
              !(forced && expired) &&
              (s_dom == running) == (d_dom == running));
    }
}
