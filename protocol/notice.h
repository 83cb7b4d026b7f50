/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Notices: what has happened to this host's domains, told to whoever
 * listens; libvirt calls them events.  Numbers are libvirt's own, so that the
 * wire layer copies them (virDomainEventID, virDomainEventType and its
 * details).
 *
 * They are told after the fact, in the thread that has brought it about.  A
 * listener must not block, and must not call back into here.
 *
 * The last notice of a domain also says why it is as it is ("running, since
 * it has migrated"): xf_notices_reason().
 */
#ifndef XF_PROTOCOL_NOTICE_H
#define XF_PROTOCOL_NOTICE_H

#include "protocol/types.h"

/* virDomainEventID */
enum xf_notice_kind {
    XF_NOTICE_LIFECYCLE = 0,
    XF_NOTICE_REBOOT = 1,
    XF_NOTICE_ITERATION = 20,
    XF_NOTICE_JOB_COMPLETED = 21,
    /* clients register for those of libvirt's that never happen here, too */
    XF_NOTICE_KINDS = 28,
};

/* virDomainEventType */
enum xf_lifecycle {
    XF_LIFE_DEFINED = 0,
    XF_LIFE_UNDEFINED = 1,
    XF_LIFE_STARTED = 2,
    XF_LIFE_SUSPENDED = 3,
    XF_LIFE_RESUMED = 4,
    XF_LIFE_STOPPED = 5,
    XF_LIFE_SHUTDOWN = 6,
    XF_LIFE_CRASHED = 8,
};

/* Details, by the event that they belong to. */
enum xf_life_detail {
    XF_DEFINED_ADDED = 0,
    XF_DEFINED_UPDATED = 1,
    XF_UNDEFINED_REMOVED = 0,
    XF_STARTED_BOOTED = 0,
    XF_STARTED_MIGRATED = 1,
    XF_STARTED_RESTORED = 2,
    XF_SUSPENDED_PAUSED = 0,
    XF_SUSPENDED_MIGRATED = 1,
    XF_SUSPENDED_API_ERROR = 6,     /* ... and stays so: it is in doubt */
    XF_RESUMED_UNPAUSED = 0,
    XF_RESUMED_MIGRATED = 1,
    XF_STOPPED_SHUTDOWN = 0,
    XF_STOPPED_DESTROYED = 1,
    XF_STOPPED_CRASHED = 2,
    XF_STOPPED_MIGRATED = 3,
    XF_STOPPED_SAVED = 4,
    XF_STOPPED_FAILED = 5,
    XF_SHUTDOWN_FINISHED = 0,
    XF_CRASHED_PANICKED = 0,
};

/* One of them; `dom` and `job` are borrowed. */
struct xf_notice {
    enum xf_notice_kind kind;
    const struct xf_domain_ref *dom;
    enum xf_lifecycle event;        /* LIFECYCLE */
    enum xf_life_detail detail;     /* LIFECYCLE */
    guint iteration;                /* ITERATION: as in struct xf_job_info */
    const struct xf_job_info *job;  /* JOB_COMPLETED, however it ended */
};

struct xf_notices;

struct xf_notices *xf_notices_new(void);
/* Nobody may listen any more. */
void xf_notices_free(struct xf_notices *notices);

/* func is called for each notice until unlisten(), which returns when no call
 * of it is under way, and then frees `user` by `destroy` (may be NULL). */
guint xf_notices_listen(struct xf_notices *notices,
                        void (*func)(void *user,
                                     const struct xf_notice *notice),
                        void *user, GDestroyNotify destroy);
void xf_notices_unlisten(struct xf_notices *notices, guint id);

void xf_notices_tell(struct xf_notices *notices,
                     const struct xf_notice *notice);
/* LIFECYCLE.  The reason that follows from it is remembered; `reason` is
 * another one, -1: that. */
void xf_notices_life(struct xf_notices *notices,
                     const struct xf_domain_ref *dom,
                     enum xf_lifecycle event, enum xf_life_detail detail,
                     int reason);

/* Why the domain is in that state, in libvirt's number for it; 0 not known. */
int xf_notices_reason(struct xf_notices *notices, const guint8 *uuid,
                      enum xf_domain_state state);

/* That domain is about to be destroyed by us, who will tell of it: who sees
 * it go is not to. */
void xf_notices_expect_end(struct xf_notices *notices, int domid);
/* A domain has gone, nobody knows how: told as destroyed, unless we have done
 * that, or it was not known here. */
void xf_notices_gone(struct xf_notices *notices, int domid,
                     const guint8 *uuid);

#endif
