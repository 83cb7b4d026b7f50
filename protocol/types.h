/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words that drivers, engine, hypervisors and wire share: which domain,
 * what state it is in, how far a job is.  Numbers are libvirt's own, so that
 * the wire layer copies them (facts: virDomainState, virDomainJobType).
 */
#ifndef XF_PROTOCOL_TYPES_H
#define XF_PROTOCOL_TYPES_H

#include <glib.h>

#define XF_UUID_LEN 16
#define XF_UUID_STRING_LEN 36   /* without the final NUL */

/* Who a domain is.  uuid identifies it; name and id are hints that may be
 * stale.  id is -1 when it does not run. */
struct xf_domain_ref {
    char *name;
    guint8 uuid[XF_UUID_LEN];
    int id;
};

struct xf_domain_ref *xf_domain_ref_new(const char *name, const guint8 *uuid,
                                        int id);
struct xf_domain_ref *xf_domain_ref_copy(const struct xf_domain_ref *ref);
void xf_domain_ref_free(struct xf_domain_ref *ref);

/* Owning locals: `XF_AUTO(xf_domain_ref) *dom = NULL;`.  Each type that has
 * a free function declares its cleanup once with XF_DEFINE_AUTO; the house
 * has no typedefs, so GLib's g_autoptr cannot name our types. */
#define XF_DEFINE_AUTO(type, free_func)                                     \
    static inline void type##_auto_cleanup(struct type **p)                 \
    {                                                                       \
        if (*p)                                                             \
            free_func(*p);                                                  \
    }                                                                       \
    struct type
#define XF_AUTO(type)                                                       \
    __attribute__((cleanup(type##_auto_cleanup))) struct type

XF_DEFINE_AUTO(xf_domain_ref, xf_domain_ref_free);

/* Owning local file descriptor: `XF_AUTO_FD int fd = -1;`; hand it over with
 * xf_steal_fd(&fd). */
void xf_close_fd(int *fd);
int xf_steal_fd(int *fd);
#define XF_AUTO_FD __attribute__((cleanup(xf_close_fd)))

/* buf holds XF_UUID_STRING_LEN + 1 bytes; returns buf. */
char *xf_uuid_format(const guint8 *uuid, char *buf);
/* FALSE when `text` is not 32 hex digits (dashes and leading/trailing white
 * space are skipped). */
gboolean xf_uuid_parse(const char *text, guint8 *uuid);

/* What no domain's name can have, since it goes into cookies, records, files
 * and logs: NULL, or words to follow "the name ...". */
#define XF_NAME_MAX 255
const char *xf_name_fault(const char *name);

/* Lower-case hex digits, as tokens, keys and identities are written.  `buf`
 * has 2 * len + 1 bytes and is returned.  Parsing takes exactly 2 * len
 * digits, and leaves `bytes` alone when it fails. */
char *xf_hex_format(const guint8 *bytes, gsize len, char *buf);
gboolean xf_hex_parse(const char *text, guint8 *bytes, gsize len);

/* virDomainState */
enum xf_domain_state {
    XF_DOMAIN_NOSTATE = 0,
    XF_DOMAIN_RUNNING = 1,
    XF_DOMAIN_BLOCKED = 2,
    XF_DOMAIN_PAUSED = 3,
    XF_DOMAIN_SHUTDOWN = 4,
    XF_DOMAIN_SHUTOFF = 5,
    XF_DOMAIN_CRASHED = 6,
    XF_DOMAIN_PMSUSPENDED = 7,
};

/* virDomainRunningReason, virDomainPausedReason, virDomainShutoffReason: those
 * that we report. */
enum xf_domain_reason {
    XF_REASON_UNKNOWN = 0,
    XF_RUNNING_BOOTED = 1,
    XF_RUNNING_MIGRATED = 2,
    XF_RUNNING_RESTORED = 3,
    XF_RUNNING_UNPAUSED = 5,
    XF_RUNNING_MIGRATION_CANCELED = 6,
    XF_RUNNING_SAVE_CANCELED = 7,
    XF_PAUSED_USER = 1,
    XF_PAUSED_MIGRATION = 2,
    XF_PAUSED_SAVE = 3,
    XF_SHUTOFF_SHUTDOWN = 1,
    XF_SHUTOFF_DESTROYED = 2,
    XF_SHUTOFF_CRASHED = 3,
    XF_SHUTOFF_MIGRATED = 4,
    XF_SHUTOFF_SAVED = 5,
    XF_SHUTOFF_FAILED = 6,
};

struct xf_domain_info {
    enum xf_domain_state state;
    int reason;                 /* enum xf_domain_reason, by state */
    guint64 max_memory_kib;
    guint64 memory_kib;
    guint vcpus;
    guint64 cpu_time_ns;
};

/* virDomainJobType */
enum xf_job_type {
    XF_JOB_NONE = 0,
    XF_JOB_BOUNDED = 1,
    XF_JOB_UNBOUNDED = 2,
    XF_JOB_COMPLETED = 3,
    XF_JOB_FAILED = 4,
    XF_JOB_CANCELLED = 5,
};

/* How far a job is.  Times in ms, sizes in bytes, 0 where not known.  For a
 * live move `mem_total` grows with each iteration over what was dirtied:
 * processed + remaining = total always holds. */
struct xf_job_info {
    enum xf_job_type type;
    guint64 time_elapsed;
    guint64 time_remaining;     /* an estimate from the rate so far */
    guint64 downtime;           /* from suspend to resume or hand-over; 0: this host
                                 * did not see it */
    guint64 mem_total;
    guint64 mem_processed;
    guint64 mem_remaining;
    guint64 mem_bps;            /* bytes per second on the wire, on average */
    guint64 wire_bytes;         /* bytes given to the network so far */
    guint64 dirty_rate;         /* pages per second, last iteration */
    guint iteration;            /* 0 = all memory, then dirty sets */
    char phase[16];             /* begin, prepare, perform, finish, confirm;
                                 * save, restore */
};

struct xf_node_info {
    char model[32];
    guint64 memory_kib;
    guint64 free_kib;
    int cpus, mhz, nodes, sockets, cores, threads;
};

#endif
