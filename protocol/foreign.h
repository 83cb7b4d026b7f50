/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other ends that are no engine: another tool, with a wire of its own, which
 * has no handoffs, no key and no memory of them.  An adaptor in compat/
 * speaks its wire; what moves the domain and what decides stays the engine.
 *
 * The commit rule with such a destination:
 * - It may run its copy only when it has been given leave.  Until then the
 *   source's copy is the copy, whatever becomes of the connection.
 * - Its report that the copy runs is "committed", its report that it has
 *   destroyed the copy is "revoked".
 * - Leave given and no report: in doubt.  It cannot be asked, so the source's
 *   copy stays suspended until an administrator has looked and says which.
 *
 * And with such a source:
 * - It keeps its copy until it is told that ours runs; so whatever happens
 *   before we have committed, we revoke.
 * - We commit when it gives leave, then tell it.  When that cannot be
 *   delivered, ours runs and its administrator has to end the copy there.
 *
 * The adaptor's struct begins with the one below; all its calls come from the
 * thread that called the engine, and may block, but not for ever.
 */
#ifndef XF_PROTOCOL_FOREIGN_H
#define XF_PROTOCOL_FOREIGN_H

#include "protocol/engine.h"

/* Somebody wants the wait to end. */
struct xf_foreign_stop {
    gboolean (*wanted)(void *user);
    void *user;
};

/* What is sent. */
struct xf_foreign_guest {
    const char *token;
    const char *name;
    const char *xml;
    gboolean paused;            /* it is to stay so there */
};

struct xf_foreign_destination;

struct xf_foreign_destination_ops {
    /* Reaches it and says what comes.  Returns the fd for the stream, which
     * stays the adaptor's; -1 on error. */
    int (*open)(struct xf_foreign_destination *to,
                const struct xf_foreign_guest *guest,
                const struct xf_foreign_stop *stop, GError **err);
    /* After the stream: waits until it says that it has it all. */
    gboolean (*await_ready)(struct xf_foreign_destination *to,
                            const struct xf_foreign_stop *stop,
                            GError **err);
    /* Gives leave, and waits for the report.  TRUE: its copy runs.  FALSE
     * and *revoked: its copy is destroyed.  Else nobody knows. */
    gboolean (*hand_over)(struct xf_foreign_destination *to,
                          gboolean *revoked, GError **err);
};

struct xf_foreign_destination {
    const struct xf_foreign_destination_ops *ops;
    const char *kind;           /* what it is, for records and people: "xl" */
    const char *host;           /* for people */
};

/* Source: all of it, as xf_engine_send().  `to` is borrowed for the call. */
gboolean xf_engine_send_foreign(struct xf_conn *conn,
                                const struct xf_domain_ref *dom,
                                const struct xf_migrate_args *args,
                                struct xf_foreign_destination *to,
                                GError **err);

struct xf_foreign_source;

struct xf_foreign_source_ops {
    /* Says that all of it is here; TRUE: leave was given. */
    gboolean (*await_leave)(struct xf_foreign_source *from,
                            const struct xf_foreign_stop *stop,
                            GError **err);
    /* Says what was decided.  Not called before await_leave(). */
    gboolean (*report)(struct xf_foreign_source *from, gboolean committed,
                       GError **err);
};

struct xf_foreign_source {
    const struct xf_foreign_source_ops *ops;
    const char *kind;
    const char *host;           /* for people */
};

/* Destination: all of it.  args: xml, dname, flags; `fd` is where the stream
 * comes from.  TRUE: committed, which a report that could not be delivered
 * does not change; the warning about that is in the log. */
gboolean xf_engine_receive_foreign(struct xf_engine *engine,
                                   struct xf_foreign_source *from,
                                   const struct xf_migrate_args *args, int fd,
                                   GError **err);

/* A thread that uses the engine and that xf_engine_free() is to wait for.
 * FALSE: the engine stops; then there is nothing to leave. */
gboolean xf_engine_enter(struct xf_engine *engine);
void xf_engine_leave(struct xf_engine *engine);
/* Waits of such a thread end early then. */
gboolean xf_engine_stops(struct xf_engine *engine);

#endif
