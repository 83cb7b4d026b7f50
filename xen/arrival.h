/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a domain needs of the host that it comes to.  libxl finds out when the
 * whole memory is there and the guest stands still, or not before the guest
 * reboots; here it is said before anything is sent.
 */
#ifndef XF_XEN_ARRIVAL_H
#define XF_XEN_ARRIVAL_H

#include <glib.h>
#include <libxl.h>

#include "xen/origin.h"

/* Where libxl as Debian builds it writes what belongs to domains. */
#define XF_LIBXL_DIR "/var/lib/xen"

/* The host as far as it is asked; tests have one of their own. */
struct xf_arrival_host {
    const char *net_dir;        /* has a folder for each interface */
    const char *script_dir;     /* of hotplug scripts without a path */
    guint cpus;                 /* numbers below this there are */
    const libxl_physinfo *phys;
    gboolean (*has_domain)(void *user, const char *name);
    gboolean (*has_pool)(void *user, const char *name);
    void *user;
    const char *libxl_dir;      /* where libxl writes about domains */
    guint64 libxl_dir_kib;      /* what is free there */
    struct xf_origin here;
    gboolean has_save_helper;   /* libxl's */
    gboolean has_device_model;  /* the one that libxl starts by itself */
    gboolean (*is_shared)(const char *path);
};

/* Are the files, programs, bridges, scripts, driver domains, CPUs and
 * abilities of Xen there that `config` needs, and is the host a fit successor
 * of the one that it comes `from` (NULL: that is not known)?  XF_ERROR_CONFIG_UNSUPPORTED
 * names all that is not, and what to do about each. */
gboolean xf_arrival_check(const libxl_domain_config *config,
                          const struct xf_origin *from,
                          const struct xf_arrival_host *host, GError **err);

/* What is free on the disk of a folder, KiB; G_MAXUINT64: cannot be told. */
guint64 xf_arrival_disk_kib(const char *dir);
/* What libxl may write about a domain of that type while it moves, KiB. */
guint64 xf_arrival_libxl_kib(libxl_domain_type type);

/* Is it on a filesystem that other hosts can have too (NFS and the like, and
 * all that is not known to be local)? */
gboolean xf_arrival_is_shared(const char *path);

#endif
