/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The states of a handoff, and the one table that says how they change.
 *
 * xf_handoff_next() is pure: (side, state, event) -> (state, action).  The
 * engine writes the new state to the record first and only then carries out
 * the action, so a crash at any point leaves a record from which the event
 * `restarted` finds the way.
 *
 * The commit rule, as this table states it:
 * - the destination commits only in `received`, at most once, for ever: when
 *   it is finished, or when the source has none left and says so (which it
 *   does by its administrator's word only, if it has not been told);
 * - the source destroys its copy only on `committed-known`, and resumes it
 *   only on `revoked-known` or while `performing`, when the end-of-stream
 *   message has not been sent: a destination that has not got it can never
 *   be in `received`.
 */
#ifndef XF_PROTOCOL_HANDOFF_H
#define XF_PROTOCOL_HANDOFF_H

#include <glib.h>

enum xf_side {
    XF_SOURCE,
    XF_DESTINATION,
    XF_SIDE_LAST
};

enum xf_state {
    XF_STATE_NONE,          /* no record yet */
    /* source */
    XF_STATE_BEGUN,         /* the domain is taken for this handoff */
    XF_STATE_PERFORMING,    /* the stream flows; its end was not sent */
    XF_STATE_PERFORMED,     /* the end was (or is about to be) sent */
    XF_STATE_IN_DOUBT,      /* performed, and asking how it was decided */
    XF_STATE_DONE,          /* committed there; our copy is to be destroyed */
    XF_STATE_CANCELLED,     /* our copy is the copy */
    /* destination */
    XF_STATE_PREPARED,      /* ready for the stream */
    XF_STATE_RECEIVING,     /* the stream flows in */
    XF_STATE_RECEIVED,      /* complete, paused, undecided */
    XF_STATE_COMMITTED,     /* our copy is the copy */
    XF_STATE_REVOKED,       /* our copy will never run */
    XF_STATE_LAST
};

enum xf_event {
    /* source */
    XF_EVENT_BEGIN,
    XF_EVENT_PERFORM,
    XF_EVENT_STREAM_SENT,       /* guest suspended, every byte written */
    XF_EVENT_ACK_LOST,          /* end sent, no answer */
    XF_EVENT_COMMITTED_KNOWN,   /* the destination says: committed */
    XF_EVENT_REVOKED_KNOWN,     /* the destination says: revoked */
    /* destination */
    XF_EVENT_PREPARE,
    XF_EVENT_CONNECTED,         /* a stream proved the key */
    XF_EVENT_COMPLETE,          /* restored, devices ready, end received */
    XF_EVENT_FINISH,            /* Finish with success, or asked in-band */
    XF_EVENT_RESOLVE,           /* "revoke, unless you have committed" */
    XF_EVENT_SOURCE_HOLDS,      /* the source says that it has its copy */
    XF_EVENT_SOURCE_DONE,       /* ... that it has given it up: ours is the
                                 * copy */
    XF_EVENT_COPY_GONE,         /* somebody else has destroyed ours */
    /* both */
    XF_EVENT_STREAM_FAILED,
    XF_EVENT_CANCEL,            /* Confirm or Finish with failure */
    XF_EVENT_CLIENT_GONE,
    XF_EVENT_DEADLINE,          /* nobody came for too long */
    XF_EVENT_EXPIRED,           /* destination: kept an orphan long enough */
    XF_EVENT_RESTARTED,         /* the daemon found this record at start */
    XF_EVENT_LAST
};

/* What is to be done once the new state is in the record.  All of them may
 * be done again after a crash. */
enum xf_action {
    XF_ACTION_NONE,
    XF_ACTION_SEND,         /* source: stream to the destination */
    XF_ACTION_ABORT,        /* source: stop the stream */
    XF_ACTION_HAND_OVER,    /* source: send the end, await the answer */
    XF_ACTION_RESOLVE,      /* source: ask until answered */
    XF_ACTION_DESTROY,      /* source: destroy our copy */
    XF_ACTION_RESUME,       /* source: let our copy run, if suspended */
    XF_ACTION_RECEIVE,      /* destination: restore from the stream */
    XF_ACTION_ACK,          /* destination: answer "received" */
    XF_ACTION_SWITCH,       /* destination: name it and let it run */
    XF_ACTION_DISCARD,      /* destination: destroy our copy */
    XF_ACTION_ASK_SOURCE,   /* destination: does it still have its copy? */
    XF_ACTION_LAST
};

/* FALSE: that event means nothing in that state; outputs are untouched and
 * nothing may be done. */
gboolean xf_handoff_next(enum xf_side side, enum xf_state state,
                         enum xf_event event, enum xf_state *next,
                         enum xf_action *action);

/* Has the side's story ended, but for its action? */
gboolean xf_state_is_final(enum xf_state state);

/* Names as in records, logs and documents ("in-doubt"); NULL out of range. */
const char *xf_state_name(enum xf_state state);
const char *xf_event_name(enum xf_event event);
const char *xf_action_name(enum xf_action action);
const char *xf_side_name(enum xf_side side);
/* XF_STATE_LAST for an unknown name. */
enum xf_state xf_state_from_name(const char *name);

#endif
