/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the hypervisor by libxl share.  Not for others. */
#ifndef XF_XEN_INTERNAL_H
#define XF_XEN_INTERNAL_H

#include <libxl.h>

#include "protocol/hypervisor.h"
#include "xen/context.h"
#include "xen/keeper.h"
#include "xen/origin.h"

struct suspend_op;

struct libxl_hv {
    struct xf_hypervisor base;
    struct xf_context_pool *pool;
    struct xf_keeper *keeper;
    struct xf_holds *holds;
    GHashTable *networks;       /* network -> bridge, or NULL; see domxml.h */

    GMutex lock;
    GHashTable *suspends;       /* domid -> struct suspend_op *; lock */

    GMutex telling;             /* held while the watcher is told */
    struct xf_hv_watcher watcher;
};

/* A context from the pool for one scope:
 * `XF_LENT struct lent_context lent = borrow_context(hv->pool, err);` */
struct lent_context {
    struct xf_context_pool *pool;
    struct xf_context *context;
};

static inline void
lent_context_clear(struct lent_context *lent)
{
    if (lent->context)
        xf_context_put(lent->pool, lent->context);
}

#define XF_LENT __attribute__((cleanup(lent_context_clear)))

static inline struct lent_context
borrow_context(struct xf_context_pool *pool, GError **err)
{
    return (struct lent_context){ pool, xf_context_get(pool, err) };
}

/* -- host.c: the host itself -- */

gboolean xf_libxl_host(struct xf_hypervisor *hv, struct xf_hv_host *host,
                       GError **err);
char *xf_libxl_capabilities(struct xf_hypervisor *hv, GError **err);
char *xf_libxl_domain_capabilities(struct xf_hypervisor *hv,
                                   const char *machine, const char *arch,
                                   GError **err);
guint xf_libxl_max_vcpus(struct xf_hypervisor *hv, GError **err);

/* -- domain.c: what domains are there, and simple acts on them -- */

GPtrArray *xf_libxl_list(struct xf_hypervisor *hv, GError **err);
gboolean xf_libxl_info(struct xf_hypervisor *hv, int domid,
                       struct xf_hv_domain *info, GError **err);
char *xf_libxl_describe(struct xf_hypervisor *hv, int domid, guint flags,
                        GError **err);
int xf_libxl_create(struct xf_hypervisor *hv, const char *xml,
                    gboolean paused, GError **err);
gboolean xf_libxl_destroy(struct xf_hypervisor *hv, int domid, GError **err);
gboolean xf_libxl_pause(struct xf_hypervisor *hv, int domid, GError **err);
gboolean xf_libxl_unpause(struct xf_hypervisor *hv, int domid, GError **err);
gboolean xf_libxl_shutdown(struct xf_hypervisor *hv, int domid, GError **err);
gboolean xf_libxl_press_power(struct xf_hypervisor *hv, int domid,
                              GError **err);
gboolean xf_libxl_reboot(struct xf_hypervisor *hv, int domid, GError **err);

/* The same with a context at hand. */
gboolean xf_libxl_query(struct xf_context *context, int domid,
                        struct xf_hv_domain *info, GError **err);
/* Unpauses as often as it was paused. */
gboolean xf_libxl_let_run(struct xf_context *context, int domid,
                          GError **err);
/* ... one that was just looked at: *info is what was seen, and then is what
 * has become of it. */
gboolean xf_libxl_let_run_on(struct xf_context *context,
                             struct xf_hv_domain *info, GError **err);
gboolean xf_libxl_hold(struct xf_context *context, int domid, GError **err);
/* The configuration as it is now; dispose of it on success. */
gboolean xf_libxl_retrieve(struct xf_context *context, int domid,
                           libxl_domain_config *config, GError **err);

/* -- stored.c: of domains that do not run -- */

char *xf_libxl_read(struct xf_hypervisor *hv, const char *xml,
                    const char *name, guint flags, struct xf_hv_domain *info,
                    GError **err);

/* -- preflight.c -- */

gboolean xf_libxl_can_leave(struct xf_hypervisor *hv, int domid,
                            gboolean live, GError **err);
gboolean xf_libxl_same_guest(struct xf_hypervisor *hv, int domid,
                             const char *xml, const char *dname,
                             GError **err);
char *xf_libxl_origin(struct xf_hypervisor *hv, int domid);
/* This host, in the words of an origin; its CPU's features are left to the
 * caller. */
void xf_libxl_origin_here(struct xf_context *context,
                          struct xf_origin *origin);
/* A domain that shall leave, and its host as far as that matters. */
struct xf_leaving {
    const struct xf_hv_domain *domain;
    gboolean live;              /* it runs while its memory is copied */
    gboolean suspending;        /* it is on its way already */
    gboolean says_suspend;      /* its kernel says that it can be suspended */
    gboolean has_drivers;       /* ... and has taken over a device */
    double age;                 /* seconds since it was made on this host */
    gboolean has_shadow;        /* Xen has shadow paging */
    gboolean has_save_helper;   /* libxl's */
    guint64 libxl_dir_kib;      /* free where libxl writes */
    gboolean (*is_there)(void *user, const char *name); /* such a domain */
    void *user;
};

gboolean xf_libxl_may_leave(const struct xf_leaving *leaving, GError **err);
/* Is there something in the configuration that cannot move? */
gboolean xf_libxl_movable(const libxl_domain_config *config, GError **err);

/* -- suspend.c -- */

/* What xl calls the source's copy from when the other one may go on until it
 * has heard that it does. */
#define XF_XL_AWAY_SUFFIX "--migratedaway"

enum xf_suspend_outcome
xf_libxl_suspend(struct xf_hypervisor *hv, int domid, int fd, guint flags,
                 const struct xf_progress *progress, gboolean *was_paused,
                 GError **err);
void xf_libxl_suspend_abort(struct xf_hypervisor *hv, int domid);
gboolean xf_libxl_resume(struct xf_hypervisor *hv, int domid, gboolean paused,
                         GError **err);
void xf_libxl_suspend_clean(struct xf_hypervisor *hv, int domid);
/* Is a suspend() of that domain under way? */
gboolean xf_libxl_suspending(struct libxl_hv *hv, int domid);

/* -- incoming.c -- */

struct xf_incoming *xf_libxl_incoming_create(struct xf_hypervisor *hv,
                                             const char *xml,
                                             const char *name, GError **err);
struct xf_incoming *xf_libxl_incoming_adopt(struct xf_hypervisor *hv,
                                            const guint8 *uuid,
                                            const char *name, GError **err);
gboolean xf_libxl_can_arrive(struct xf_incoming *in, const char *origin,
                             GError **err);
struct xf_incoming *xf_libxl_incoming_saved(struct xf_hypervisor *hv, int fd,
                                            gboolean *paused, GError **err);
gboolean xf_libxl_incoming_stream(struct xf_incoming *in, int fd,
                                  GError **err);
gboolean xf_libxl_incoming_devices(struct xf_incoming *in, GError **err);
gboolean xf_libxl_incoming_switch(struct xf_incoming *in, gboolean paused,
                                  GError **err);
gboolean xf_libxl_incoming_left(struct xf_hypervisor *hv, int domid);
void xf_libxl_incoming_abort(struct xf_incoming *in);
void xf_libxl_incoming_free(struct xf_incoming *in);

/* -- saved.c -- */

gboolean xf_libxl_save_head(struct xf_hypervisor *hv, int domid,
                            gboolean paused, int fd, GError **err);

/* -- devices.c -- */

/* Waits until every backend of the domain is ready for its frontend; a
 * hotplug script that failed is an error, and so is deadline_ms. */
gboolean xf_libxl_devices_ready(int domid, guint deadline_ms, GError **err);

/* What a disk or interface of this dom0's, attached while its domain was
 * being destroyed, has left in xenstore goes (its script goes on, and writes
 * its results).  Nothing is touched while that domain exists. */
void xf_libxl_devices_forget(struct xf_context *context, int domid);

#endif
