/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/handoff.h"

#include <string.h>

#define S(x) XF_STATE_##x
#define E(x) XF_EVENT_##x
#define A(x) XF_ACTION_##x

struct row {
    enum xf_side side;
    enum xf_state state;
    enum xf_event event;
    enum xf_state next;
    enum xf_action action;
};

static const struct row table[] = {
    /* -- source -- */
    { XF_SOURCE, S(NONE), E(BEGIN), S(BEGUN), A(NONE) },

    { XF_SOURCE, S(BEGUN), E(PERFORM), S(PERFORMING), A(SEND) },
    { XF_SOURCE, S(BEGUN), E(CANCEL), S(CANCELLED), A(NONE) },
    { XF_SOURCE, S(BEGUN), E(CLIENT_GONE), S(CANCELLED), A(NONE) },
    { XF_SOURCE, S(BEGUN), E(RESTARTED), S(CANCELLED), A(NONE) },

    /* `performed` is written before the end of the stream is sent: in
     * `performing` the destination cannot have a complete copy. */
    { XF_SOURCE, S(PERFORMING), E(STREAM_SENT), S(PERFORMED), A(HAND_OVER) },
    { XF_SOURCE, S(PERFORMING), E(STREAM_FAILED), S(CANCELLED), A(RESUME) },
    { XF_SOURCE, S(PERFORMING), E(CLIENT_GONE), S(PERFORMING), A(ABORT) },
    { XF_SOURCE, S(PERFORMING), E(RESTARTED), S(CANCELLED), A(RESUME) },

    { XF_SOURCE, S(PERFORMED), E(COMMITTED_KNOWN), S(DONE), A(DESTROY) },
    { XF_SOURCE, S(PERFORMED), E(REVOKED_KNOWN), S(CANCELLED), A(RESUME) },
    { XF_SOURCE, S(PERFORMED), E(ACK_LOST), S(IN_DOUBT), A(RESOLVE) },
    { XF_SOURCE, S(PERFORMED), E(CANCEL), S(IN_DOUBT), A(RESOLVE) },
    { XF_SOURCE, S(PERFORMED), E(CLIENT_GONE), S(IN_DOUBT), A(RESOLVE) },
    { XF_SOURCE, S(PERFORMED), E(DEADLINE), S(IN_DOUBT), A(RESOLVE) },
    { XF_SOURCE, S(PERFORMED), E(RESTARTED), S(IN_DOUBT), A(RESOLVE) },

    { XF_SOURCE, S(IN_DOUBT), E(COMMITTED_KNOWN), S(DONE), A(DESTROY) },
    { XF_SOURCE, S(IN_DOUBT), E(REVOKED_KNOWN), S(CANCELLED), A(RESUME) },
    { XF_SOURCE, S(IN_DOUBT), E(CANCEL), S(IN_DOUBT), A(RESOLVE) },
    { XF_SOURCE, S(IN_DOUBT), E(RESTARTED), S(IN_DOUBT), A(RESOLVE) },

    { XF_SOURCE, S(DONE), E(RESTARTED), S(DONE), A(DESTROY) },
    { XF_SOURCE, S(CANCELLED), E(RESTARTED), S(CANCELLED), A(RESUME) },

    /* -- destination -- */
    { XF_DESTINATION, S(NONE), E(PREPARE), S(PREPARED), A(NONE) },

    { XF_DESTINATION, S(PREPARED), E(CONNECTED), S(RECEIVING), A(RECEIVE) },
    { XF_DESTINATION, S(PREPARED), E(FINISH), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(PREPARED), E(RESOLVE), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(PREPARED), E(CANCEL), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(PREPARED), E(CLIENT_GONE), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(PREPARED), E(DEADLINE), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(PREPARED), E(RESTARTED), S(REVOKED), A(DISCARD) },

    { XF_DESTINATION, S(RECEIVING), E(COMPLETE), S(RECEIVED), A(ACK) },
    { XF_DESTINATION, S(RECEIVING), E(STREAM_FAILED), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(RECEIVING), E(FINISH), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(RECEIVING), E(RESOLVE), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(RECEIVING), E(CANCEL), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(RECEIVING), E(RESTARTED), S(REVOKED), A(DISCARD) },

    /* From here ours may be the only copy left: it is revoked only when the
     * source asks for it, or is known to have its own. */
    { XF_DESTINATION, S(RECEIVED), E(FINISH), S(COMMITTED), A(SWITCH) },
    { XF_DESTINATION, S(RECEIVED), E(RESOLVE), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(RECEIVED), E(SOURCE_HOLDS), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(RECEIVED), E(SOURCE_DONE), S(COMMITTED), A(SWITCH) },
    { XF_DESTINATION, S(RECEIVED), E(COPY_GONE), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(RECEIVED), E(CANCEL), S(RECEIVED), A(ASK_SOURCE) },
    { XF_DESTINATION, S(RECEIVED), E(CLIENT_GONE), S(RECEIVED),
      A(ASK_SOURCE) },
    { XF_DESTINATION, S(RECEIVED), E(DEADLINE), S(RECEIVED), A(ASK_SOURCE) },
    { XF_DESTINATION, S(RECEIVED), E(RESTARTED), S(RECEIVED), A(ASK_SOURCE) },
    { XF_DESTINATION, S(RECEIVED), E(EXPIRED), S(REVOKED), A(DISCARD) },

    { XF_DESTINATION, S(COMMITTED), E(FINISH), S(COMMITTED), A(NONE) },
    { XF_DESTINATION, S(COMMITTED), E(RESOLVE), S(COMMITTED), A(NONE) },
    { XF_DESTINATION, S(COMMITTED), E(SOURCE_DONE), S(COMMITTED), A(NONE) },
    { XF_DESTINATION, S(COMMITTED), E(CANCEL), S(COMMITTED), A(NONE) },
    { XF_DESTINATION, S(COMMITTED), E(RESTARTED), S(COMMITTED), A(SWITCH) },

    { XF_DESTINATION, S(REVOKED), E(FINISH), S(REVOKED), A(NONE) },
    { XF_DESTINATION, S(REVOKED), E(RESOLVE), S(REVOKED), A(NONE) },
    { XF_DESTINATION, S(REVOKED), E(SOURCE_DONE), S(REVOKED), A(NONE) },
    { XF_DESTINATION, S(REVOKED), E(CANCEL), S(REVOKED), A(NONE) },
    { XF_DESTINATION, S(REVOKED), E(STREAM_FAILED), S(REVOKED), A(DISCARD) },
    { XF_DESTINATION, S(REVOKED), E(RESTARTED), S(REVOKED), A(DISCARD) },
};

gboolean
xf_handoff_next(enum xf_side side, enum xf_state state, enum xf_event event,
                enum xf_state *next, enum xf_action *action)
{
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        const struct row *row = &table[i];

        if (row->side == side && row->state == state && row->event == event) {
            *next = row->next;
            *action = row->action;
            return TRUE;
        }
    }
    return FALSE;
}

gboolean
xf_state_is_final(enum xf_state state)
{
    return state == S(DONE) || state == S(CANCELLED) || state == S(COMMITTED)
           || state == S(REVOKED);
}

static const char *const states[XF_STATE_LAST] = {
    [S(NONE)] = "none",
    [S(BEGUN)] = "begun",
    [S(PERFORMING)] = "performing",
    [S(PERFORMED)] = "performed",
    [S(IN_DOUBT)] = "in-doubt",
    [S(DONE)] = "done",
    [S(CANCELLED)] = "cancelled",
    [S(PREPARED)] = "prepared",
    [S(RECEIVING)] = "receiving",
    [S(RECEIVED)] = "received",
    [S(COMMITTED)] = "committed",
    [S(REVOKED)] = "revoked",
};

static const char *const events[XF_EVENT_LAST] = {
    [E(BEGIN)] = "begin",
    [E(PERFORM)] = "perform",
    [E(STREAM_SENT)] = "stream-sent",
    [E(ACK_LOST)] = "ack-lost",
    [E(COMMITTED_KNOWN)] = "committed-known",
    [E(REVOKED_KNOWN)] = "revoked-known",
    [E(PREPARE)] = "prepare",
    [E(CONNECTED)] = "connected",
    [E(COMPLETE)] = "complete",
    [E(FINISH)] = "finish",
    [E(RESOLVE)] = "resolve",
    [E(SOURCE_HOLDS)] = "source-holds",
    [E(SOURCE_DONE)] = "source-done",
    [E(COPY_GONE)] = "copy-gone",
    [E(STREAM_FAILED)] = "stream-failed",
    [E(CANCEL)] = "cancel",
    [E(CLIENT_GONE)] = "client-gone",
    [E(DEADLINE)] = "deadline",
    [E(EXPIRED)] = "expired",
    [E(RESTARTED)] = "restarted",
};

static const char *const actions[XF_ACTION_LAST] = {
    [A(NONE)] = "none",
    [A(SEND)] = "send",
    [A(ABORT)] = "abort",
    [A(HAND_OVER)] = "hand-over",
    [A(RESOLVE)] = "resolve",
    [A(DESTROY)] = "destroy",
    [A(RESUME)] = "resume",
    [A(RECEIVE)] = "receive",
    [A(ACK)] = "ack",
    [A(SWITCH)] = "switch",
    [A(DISCARD)] = "discard",
    [A(ASK_SOURCE)] = "ask-source",
};

const char *
xf_state_name(enum xf_state state)
{
    return state < XF_STATE_LAST ? states[state] : NULL;
}

const char *
xf_event_name(enum xf_event event)
{
    return event < XF_EVENT_LAST ? events[event] : NULL;
}

const char *
xf_action_name(enum xf_action action)
{
    return action < XF_ACTION_LAST ? actions[action] : NULL;
}

const char *
xf_side_name(enum xf_side side)
{
    return side == XF_SOURCE ? "source" : "destination";
}

enum xf_state
xf_state_from_name(const char *name)
{
    for (int i = 0; i < XF_STATE_LAST; i++)
        if (strcmp(states[i], name) == 0)
            return i;
    return XF_STATE_LAST;
}
