/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hosts for the command line's tests: xf_fake_open() connects to one of two,
 * which tests fill with domains and break at will.  Only the calls that the
 * command line makes are there.  Reset before each test.
 */
#ifndef XF_TESTS_UNIT_FAKE_HOST_H
#define XF_TESTS_UNIT_FAKE_HOST_H

#include "protocol/driver.h"

#define FAKE_HERE "xen+unix:///system"
#define FAKE_THERE "xen+tcp://there/system"

struct xf_fake_domain {
    struct xf_domain_ref *ref;
    struct xf_domain_info info;
};

struct xf_fake_host {
    const char *uri;
    const char *hostname;
    GPtrArray *domains;         /* struct xf_fake_domain * */
    gboolean down;              /* nothing answers, no new connection */
    gboolean broken;            /* open connections do not answer; new ones
                                 * do, and mend it */
    gboolean mute;              /* handoffs are not told of */
    gboolean stock;             /* it is none of ours */
    struct xf_job_info job;     /* under way */
    struct xf_job_info completed;
    gint aborts;                /* abort_job() calls heard */
    gint connections;           /* open now */
    struct xf_handoff_info *handoff;    /* its only one, or NULL */
    char *resolved;             /* token given to resolve_handoff() */
    enum xf_assume assumed;
    gboolean doubt;             /* ... which does not settle it */
    char *created;              /* XML given to create_xml() */
    guint created_flags;
};

/* Held by who changes a host while calls may run on it. */
extern GMutex xf_fake_lock;

extern struct xf_fake_host xf_fake_here, xf_fake_there;

void xf_fake_reset(void);
/* uuid: sixteen times `byte`.  The domain runs. */
struct xf_fake_domain *xf_fake_add(struct xf_fake_host *host, int id,
                                   const char *name, guint8 byte);
void xf_fake_remove(struct xf_fake_host *host, const char *name);
struct xf_conn *xf_fake_open(const char *uri, GError **err);

#endif
