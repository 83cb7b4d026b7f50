/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sim.c, sim-source.c and sim-incoming.c share. */
#ifndef XF_TESTS_SIM_SIM_PRIVATE_H
#define XF_TESTS_SIM_SIM_PRIVATE_H

#include "tests/sim/fakexl.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim-xml.h"
#include "xen/holds.h"

struct sim {
    struct xf_hypervisor base;
    struct sim_host *host;
    GMutex lock;                /* for all below */
    GCond idle;
    struct xf_holds *holds;     /* the real keeper's; needs no lock */
    GHashTable *suspends;       /* domid -> struct fakexl * under way */
    guint watchers;             /* threads */
    gboolean stopping;
    GMutex telling;             /* held while the watcher is told */
    struct xf_hv_watcher watcher;
};

/* err from a fakexl return code. */
void sim_set_error(GError **err, struct fakexl *xl, int rc, int domid,
                   const char *what);
void sim_fill_info(const struct sim_domain *dom, struct xf_hv_domain *info);
/* NULL with XF_ERROR_NO_DOMAIN. */
struct sim_domain *sim_look_up(struct sim *sim, int domid, GError **err);
void sim_fill_config(const struct sim_xml *xml, const char *name,
                     const char *text, struct fakexl_config *config);

/* The entries of the table that have a file of their own. */
gboolean sim_can_leave(struct xf_hypervisor *hv, int domid, gboolean live,
                       GError **err);
gboolean sim_same_guest(struct xf_hypervisor *hv, int domid, const char *xml,
                        const char *dname, GError **err);
enum xf_suspend_outcome sim_suspend(struct xf_hypervisor *hv, int domid,
                                    int fd, guint flags,
                                    const struct xf_progress *progress,
                                    gboolean *was_paused, GError **err);
void sim_suspend_abort(struct xf_hypervisor *hv, int domid);
void sim_suspend_clean(struct xf_hypervisor *hv, int domid);
gboolean sim_resume(struct xf_hypervisor *hv, int domid, gboolean paused,
                    GError **err);
struct xf_incoming *sim_incoming_create(struct xf_hypervisor *hv,
                                        const char *xml, const char *name,
                                        GError **err);
gboolean sim_incoming_stream(struct xf_incoming *in, int fd, GError **err);
gboolean sim_incoming_devices(struct xf_incoming *in, GError **err);
gboolean sim_incoming_switch(struct xf_incoming *in, gboolean paused,
                             GError **err);
gboolean sim_can_arrive(struct xf_incoming *base, const char *origin,
                        GError **err);
/* The file `origin` of the host's folder; see xen/origin.h. */
char *sim_origin(struct xf_hypervisor *hv, int domid);
struct xf_incoming *sim_incoming_adopt(struct xf_hypervisor *hv,
                                       const guint8 *uuid, const char *name,
                                       GError **err);
gboolean sim_incoming_left(struct xf_hypervisor *hv, int domid);
gboolean sim_save_head(struct xf_hypervisor *hv, int domid, gboolean paused,
                       int fd, GError **err);
struct xf_incoming *sim_incoming_saved(struct xf_hypervisor *hv, int fd,
                                       gboolean *paused, GError **err);
void sim_incoming_abort(struct xf_incoming *in);
void sim_incoming_free(struct xf_incoming *in);

#endif
