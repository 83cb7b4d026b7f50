/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One migration as the command line runs it: two connections, the sequence
 * in a thread of its own, a second thread that watches the source's job, and
 * a verdict that is true even when the sequence could not see the end.
 *
 * An error from the sequence says that something went wrong, not where the
 * guest is: the connection may have broken at any moment.  So after an error
 * both hosts are asked, for a bounded time, until it is known; what stays
 * unknown is reported as in doubt.
 */
#ifndef XF_TOOLS_MOVE_H
#define XF_TOOLS_MOVE_H

#include "protocol/sequence.h"
#include "tools/cli.h"

enum xf_move_result {
    XF_MOVE_MOVED,
    XF_MOVE_FAILED,         /* the guest is at the source, as it was; or it
                             * has ended by itself: see `ended` */
    XF_MOVE_IN_DOUBT,
};

/* What the source says of its copy. */
enum xf_move_place {
    XF_MOVE_SILENT,         /* it does not answer */
    XF_MOVE_HERE,           /* its copy is the copy, and nothing is under way */
    XF_MOVE_WAITS,          /* there, but not settled whether it is the copy */
    XF_MOVE_GONE,           /* it has none */
};

/* Told while it goes; from any thread, one call at a time.  `user` of the
 * request is passed. */
struct xf_move_ui {
    void (*phase)(void *user, const char *phase);
    /* Every poll_ms; type XF_JOB_NONE when the source counts nothing now. */
    void (*job)(void *user, const struct xf_job_info *info);
    /* The user's wish to stop has been taken down. */
    void (*stopping)(void *user);
    void (*note)(void *user, const char *text);
};

/* What the user asked for; borrowed. */
struct xf_move_request {
    const char *domain;     /* name, uuid or id */
    const char *destination;    /* uri */
    guint32 flags;          /* enum xf_migrate_flags */
    const char *dname;      /* NULL: keep the name */
    const char *xml;        /* the destination's; NULL: the source's */
    const char *persist_xml;    /* what it stores; NULL: what it runs */
    const char *uri;        /* where the stream goes; NULL: the destination
                             * says */
    guint64 bandwidth;      /* MiB/s, 0 = no limit */
    guint protocol;         /* enum xf_protocols; 0: the newest there is */
    gboolean direct;        /* the destination has only xl: the source does
                             * it all, and nobody else can be asked */
    gboolean p2p;           /* the source does it all; the destination has a
                             * daemon, which it alone must reach */
    guint poll_ms;          /* between two looks at the job */
    guint settle_ms;        /* how long to ask where the guest is after an
                             * error */
    const struct xf_move_ui *ui;
    void *user;
};

/* What became of it. */
struct xf_move_report {
    enum xf_move_result result;
    GError *error;          /* NULL when moved without trouble; set and MOVED:
                             * trouble that did not matter in the end */
    const char *protocol;   /* that was taken, static; NULL: none yet */
    gboolean started;       /* FALSE: nothing was asked of either host yet */
    gboolean stopped;       /* the user wanted it to stop */
    enum xf_move_place place;   /* IN_DOUBT: what was last known */
    gboolean by_hand;       /* IN_DOUBT: the source is none of ours and will
                             * not settle it; the error says who does what */
    gboolean ended;         /* FAILED: the guest ended by itself meanwhile,
                             * and nothing of it is in doubt */
    gboolean paused;        /* the guest was, before it all */
    gboolean stored;        /* it did not run: its definition is all there is */
    struct xf_domain_ref *source;       /* NULL: not found */
    struct xf_domain_ref *destination;  /* set when moved */
    guint64 total_ms;       /* from the first phase to the last */
    struct xf_job_info job; /* as the hosts counted it; zeroes: not known */
};

struct xf_move;

struct xf_move *xf_move_new(struct xf_cli *cli,
                            const struct xf_move_request *request);
/* Runs it; blocks until the verdict.  Once. */
void xf_move_run(struct xf_move *move, struct xf_move_report *report);
/* Asks the source to stop, now and again until it has heard; returns at
 * once.  May be called from any thread, any number of times, also when it
 * is over.  The verdict says whether it came in time. */
void xf_move_abort(struct xf_move *move);
void xf_move_free(struct xf_move *move);

void xf_move_report_clear(struct xf_move_report *report);

#endif
