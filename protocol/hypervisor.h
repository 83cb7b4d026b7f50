/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hypervisor table: what a host can do to domains.  xen/ implements it
 * with libxl; tests/sim with a simulator that misbehaves as libxl does.
 *
 * Every call blocks until done and may be made from any thread, several at
 * a time, also for one domain (abort while suspend runs).  domids are the
 * host's; a domain that is not there gives XF_ERROR_NO_DOMAIN.
 *
 * The engine relies on these promises:
 * - suspend() tells the truth about the guest: the implementation asks the
 *   domain after every outcome and never infers it from a return code.
 * - No fd handed in is ever closed here; fds handed in are blocking ones and
 *   nobody else reads or writes them meanwhile.
 * - A restored domain is paused until incoming_switch() or unpause().
 */
#ifndef XF_PROTOCOL_HYPERVISOR_H
#define XF_PROTOCOL_HYPERVISOR_H

#include "protocol/error.h"
#include "protocol/types.h"

enum xf_guest_type {
    XF_GUEST_UNKNOWN = 0,
    XF_GUEST_PV,
    XF_GUEST_PVH,
    XF_GUEST_HVM,
};

/* One domain as the hypervisor sees it now. */
struct xf_hv_domain {
    int domid;
    guint8 uuid[XF_UUID_LEN];
    char name[256];
    enum xf_guest_type type;
    gboolean running;           /* a vcpu was on a cpu just now */
    gboolean paused;            /* by the toolstack */
    gboolean suspended;         /* shut down with reason suspend */
    gboolean shutdown;          /* shut down for any other reason */
    gboolean crashed;           /* ... that reason was a crash */
    gboolean rebooting;         /* ... or a wish to boot again */
    gboolean dying;             /* being destroyed */
    guint64 max_memory_kib;
    guint64 memory_kib;         /* in use now */
    guint vcpus;
    guint64 cpu_time_ns;
};

struct xf_hv_host {
    guint64 version;            /* major * 1000000 + minor * 1000 + release */
    struct xf_node_info node;
};

/* What became of the guest when suspend() returned. */
enum xf_suspend_outcome {
    XF_SUSPEND_DONE,            /* suspended, whole stream written */
    XF_SUSPEND_RUNNING,         /* failed; the guest was never stopped */
    XF_SUSPEND_STOPPED,         /* failed; suspended: resume() it */
    XF_SUSPEND_GONE,            /* died or shut down for its own reasons */
    XF_SUSPEND_TAKEN,           /* failed; another tool has suspended it, and
                                 * may have sent it away: not to be resumed */
};

enum xf_suspend_flags {
    XF_SUSPEND_LIVE = 1 << 0,   /* iterate over dirty memory first */
};

/* Told by suspend() as it goes; from any thread, never blocking. */
struct xf_progress {
    /* `iteration` 0 = all memory, then dirty sets; frames of 4 KiB */
    void (*frames)(void *user, guint iteration, guint64 done, guint64 total);
    void (*suspended)(void *user);  /* the guest has just stopped */
    void *user;
};

struct xf_hypervisor;

enum xf_hv_end {
    XF_HV_SHUT_DOWN,
    XF_HV_REBOOTED,
    XF_HV_CRASHED,
    XF_HV_GONE,                 /* somebody destroyed it, maybe we */
};

/* A domain has ended otherwise than by our asking, and what its configuration
 * says for that has been done. */
struct xf_hv_ending {
    int domid;
    guint8 uuid[XF_UUID_LEN];
    const char *name;           /* GONE: NULL, nobody can tell any more */
    enum xf_hv_end how;
    gboolean kept;              /* it is still there, to be looked at */
    int again;                  /* the domid under which it has been started
                                 * again, maybe the same; -1: it has not */
};

/* Is told of them, in any thread; must not block nor call the hypervisor. */
struct xf_hv_watcher {
    void (*ended)(void *user, const struct xf_hv_ending *ending);
    void *user;
};

/* A domain on its way in.  Implementations embed it as first member. */
struct xf_incoming {
    struct xf_hypervisor *hv;
    char *name;                 /* as it will be called after the switch */
    guint8 uuid[XF_UUID_LEN];
    guint64 memory_kib;         /* host memory it will need, all told */
    gint domid;                 /* -1 until known; read with g_atomic */
};

#define XF_INCOMING_SUFFIX "--incoming"
#define XF_ORIGIN_MAX 512

struct xf_hypervisor_ops {
    const char *type;           /* "Xen" */
    void (*free)(struct xf_hypervisor *hv);

    /* One at a time, copied; NULL: nobody, and no call to the one before is
     * under way when this returns.  NULL: the hypervisor does not tell. */
    void (*watch)(struct xf_hypervisor *hv,
                  const struct xf_hv_watcher *watcher);

    gboolean (*host)(struct xf_hypervisor *hv, struct xf_hv_host *host,
                     GError **err);

    /* libvirt's XML about the host, and about one kind of guest, as the
     * driver's calls of that name. */
    char *(*capabilities)(struct xf_hypervisor *hv, GError **err);
    char *(*domain_capabilities)(struct xf_hypervisor *hv,
                                 const char *machine, const char *arch,
                                 GError **err);
    /* CPUs that a guest may have. */
    guint (*max_vcpus)(struct xf_hypervisor *hv, GError **err);

    /* Domain XML from the hypervisor's own form of a configuration, and the
     * other way; `format`: XF_NATIVE_* of driver.h.  NULL: it has none. */
    char *(*from_native)(struct xf_hypervisor *hv, const char *format,
                         const char *native, GError **err);
    char *(*to_native)(struct xf_hypervisor *hv, const char *format,
                       const char *xml, GError **err);

    /* -- domains -- */
    /* Array of struct xf_hv_domain *, dom0 included, freed with the array;
     * domains whose destruction is under way are in it (dying). */
    GPtrArray *(*list)(struct xf_hypervisor *hv, GError **err);
    gboolean (*info)(struct xf_hypervisor *hv, int domid,
                     struct xf_hv_domain *info, GError **err);
    /* Domain XML from the live configuration; flags: enum xf_xml_flags. */
    char *(*describe)(struct xf_hypervisor *hv, int domid, guint flags,
                      GError **err);
    /* The XML of a domain that does not run, read and checked: what it says
     * in `info` (domid -1), and all of it in the form that describe() gives
     * with XF_XML_INACTIVE, complete: with a uuid and MAC addresses, made up
     * if it had none.  name: in place of its own, unless NULL.  flags: enum
     * xf_xml_flags; secrets are left out without XF_XML_SECURE. */
    char *(*read)(struct xf_hypervisor *hv, const char *xml, const char *name,
                  guint flags, struct xf_hv_domain *info, GError **err);
    /* Returns the domid, or -1.  The keeper looks after it from then on. */
    int (*create)(struct xf_hypervisor *hv, const char *xml, gboolean paused,
                  GError **err);
    gboolean (*destroy)(struct xf_hypervisor *hv, int domid, GError **err);
    gboolean (*pause)(struct xf_hypervisor *hv, int domid, GError **err);
    gboolean (*unpause)(struct xf_hypervisor *hv, int domid, GError **err);
    gboolean (*shutdown)(struct xf_hypervisor *hv, int domid, GError **err);
    gboolean (*reboot)(struct xf_hypervisor *hv, int domid, GError **err);
    /* Of an HVM guest. */
    gboolean (*press_power)(struct xf_hypervisor *hv, int domid,
                            GError **err);

    /* -- source -- */
    /* Could this domain leave, as far as the source can tell?  The error
     * says what is in the way and what to do. */
    gboolean (*can_leave)(struct xf_hypervisor *hv, int domid, gboolean live,
                          GError **err);
    /* Could the domain go on under `xml` without noticing?  What belongs to
     * the host may differ, and the name if `dname` (may be NULL) is the new
     * one; the error names each other difference.  NULL: cannot tell. */
    gboolean (*same_guest)(struct xf_hypervisor *hv, int domid,
                           const char *xml, const char *dname, GError **err);
    /* What the domain has here and may miss elsewhere, for can_arrive()
     * there, in a line of the hypervisor's own (XF_ORIGIN_MAX bytes of
     * printable ASCII).  NULL: it cannot tell, or has nothing to tell. */
    char *(*origin)(struct xf_hypervisor *hv, int domid);
    /* Writes the domain's stream to fd and leaves it suspended.  A guest
     * that was paused is let run just long enough to suspend itself; after
     * a failure it is paused again, and *was_paused tells.  err is set for
     * every outcome but XF_SUSPEND_DONE. */
    enum xf_suspend_outcome (*suspend)(struct xf_hypervisor *hv, int domid,
                                       int fd, guint flags,
                                       const struct xf_progress *progress,
                                       gboolean *was_paused, GError **err);
    /* Makes a suspend() of that domain that is under way in another thread
     * fail with XF_ERROR_ABORTED; nothing under way: no effect. */
    void (*suspend_abort)(struct xf_hypervisor *hv, int domid);
    /* Of a domain that does not leave after all: ends what a suspend() has
     * left behind that was killed with its process.  What the domain writes
     * is not tracked any more (that is slow); a request to suspend itself
     * that it has not taken yet is taken back, and if it has taken one, it is
     * let run on should it suspend within some minutes.  Look afterwards
     * whether it is suspended: who is already is left to resume().  Nothing
     * is left: no effect. */
    void (*suspend_clean)(struct xf_hypervisor *hv, int domid);
    /* Lets a suspended guest run on; `paused`: it stays paused. */
    gboolean (*resume)(struct xf_hypervisor *hv, int domid, gboolean paused,
                       GError **err);

    /* -- destination: four steps, so that what need not wait for the last
     * byte can be moved before it -- */
    /* create: reads and checks the XML (name NULL: the XML's own).  Nothing
     * exists on the host yet. */
    struct xf_incoming *(*incoming_create)(struct xf_hypervisor *hv,
                                           const char *xml, const char *name,
                                           GError **err);
    /* Has this host all that the domain needs of it: files, bridges, driver
     * domains, CPUs, abilities, room on its disks?  Asked before anything is
     * sent; the error names what is missing and what to do.  Memory, name and
     * uuid are the engine's matter.  `origin`: what origin() has said at the
     * source; NULL: nothing, then there is nothing to compare with.  The
     * function NULL: cannot tell. */
    gboolean (*can_arrive)(struct xf_incoming *in, const char *origin,
                           GError **err);
    /* stream: makes the paused domain under `name` + XF_INCOMING_SUFFIX and
     * fills it from fd.  On failure no domain is left. */
    gboolean (*incoming_stream)(struct xf_incoming *in, int fd, GError **err);
    /* devices: returns when every device of the domain is ready. */
    gboolean (*incoming_devices)(struct xf_incoming *in, GError **err);
    /* switch: unless paused, lets it run; then gives it its name.  On failure
     * it may run already, under its temporary name, when another domain has
     * taken the other.  May be called again: what it has let run is not let
     * run once more, it may have been paused since.  After a restart of the
     * daemon (incoming_adopt) nobody knows of that, and it is. */
    gboolean (*incoming_switch)(struct xf_incoming *in, gboolean paused,
                                GError **err);
    /* A paused domain that an earlier run of the daemon received whole:
     * takes it up where incoming_devices() had left it.  It is found by
     * uuid, under `name` with or without the suffix, without any name (a
     * killed xenstored forgets them), or under one that its administrator
     * has given it.  XF_ERROR_NO_DOMAIN is given only when there is none of
     * these. */
    struct xf_incoming *(*incoming_adopt)(struct xf_hypervisor *hv,
                                          const guint8 *uuid,
                                          const char *name, GError **err);
    /* Was that domain made by an incoming_stream() here, and never switched?
     * FALSE also when that cannot be told: it may be another toolstack's. */
    gboolean (*incoming_left)(struct xf_hypervisor *hv, int domid);
    /* Makes an incoming_stream() under way in another thread fail soon. */
    void (*incoming_abort)(struct xf_incoming *in);
    /* Frees the struct; a domain that was made stays (destroy it first). */
    void (*incoming_free)(struct xf_incoming *in);

    /* -- a domain in a file: its head, then the stream of suspend() -- */
    /* `paused`: it is to be paused when it is restored. */
    gboolean (*save_head)(struct xf_hypervisor *hv, int domid,
                          gboolean paused, int fd, GError **err);
    /* Reads a head; incoming_stream() goes on with fd.  As incoming_create()
     * else.  XF_ERROR_INVALID_ARG: it is no such file. */
    struct xf_incoming *(*incoming_saved)(struct xf_hypervisor *hv, int fd,
                                          gboolean *paused, GError **err);
};

struct xf_hypervisor {
    const struct xf_hypervisor_ops *ops;
};

#endif
