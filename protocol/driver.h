/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver table: what a host offers to a client.  Three things implement
 * it: the engine over a hypervisor (local.h), a remote host over libvirt's
 * protocol (rpc/client.h), and the tests' double.  A sequence (sequence.h)
 * drives two of them and cannot tell which they are.
 *
 * A connection is a struct that begins with `struct xf_conn`.  Handoffs
 * belong to the connection that began them: close() before Perform cancels.
 *
 * Rules for every call:
 * - It blocks until done and may be made from any thread, several at a time
 *   on one connection (abort_job while perform3 runs is the normal case).
 * - A NULL entry means the driver does not have that call; callers use
 *   xf_driver_lacks() for the error text.
 * - Inputs are borrowed.  Outputs belong to the caller, and are set only on
 *   success: on failure every out-parameter is NULL.
 * - Cookies are GBytes; NULL and empty mean the same: no cookie.
 */
#ifndef XF_PROTOCOL_DRIVER_H
#define XF_PROTOCOL_DRIVER_H

#include "protocol/error.h"
#include "protocol/notice.h"
#include "protocol/types.h"

/* virDrvFeature: the numbers that a migration client asks for. */
enum xf_feature {
    XF_FEATURE_MIGRATION_V1 = 1,
    XF_FEATURE_MIGRATION_V2 = 3,
    XF_FEATURE_MIGRATION_P2P = 4,
    XF_FEATURE_MIGRATION_DIRECT = 5,
    XF_FEATURE_MIGRATION_V3 = 6,
    XF_FEATURE_CHANGE_PROTECTION = 7,
    XF_FEATURE_FD_PASSING = 8,
    XF_FEATURE_TYPED_PARAM_STRING = 9,
    XF_FEATURE_KEEPALIVE = 10,
    XF_FEATURE_XML_MIGRATABLE = 11,
    XF_FEATURE_MIGRATION_OFFLINE = 12,
    XF_FEATURE_MIGRATION_PARAMS = 13,
    XF_FEATURE_EVENT_CALLBACK = 14,
    XF_FEATURE_CLOSE_CALLBACK = 15,
    XF_FEATURE_NETWORK_ORDER = 16,
    /* None of libvirt's, and far above them: only our own hosts have it. */
    XF_FEATURE_XENFERRY = 0x78660001,
};

/* The protocols of a migration, a bit each: what a host offers, what a client
 * chose.  The later it stands the newer it is. */
enum xf_protocols {
    XF_PROTOCOL_V1 = 1 << 0,
    XF_PROTOCOL_V2 = 1 << 1,
    XF_PROTOCOL_V3 = 1 << 2,            /* v3 without typed parameters */
    XF_PROTOCOL_V3_PARAMS = 1 << 3,     /* v3 with them */
    XF_PROTOCOL_P2P = 1 << 4,           /* besides one of them: a client may
                                         * leave all to the source's daemon */
    XF_PROTOCOL_DIRECT = 1 << 5,        /* ... and that to a host without
                                         * one */
    XF_PROTOCOL_ALL = (1 << 6) - 1,
};

/* "v1", "v2", "v3", "v3-params", "p2p", "direct"; NULL when it is not exactly one of them. */
const char *xf_protocol_name(enum xf_protocols protocol);
/* Names, separated by commas or blanks.  0 with XF_ERROR_INVALID_ARG for an
 * unknown name, or none. */
guint xf_protocols_parse(const char *list, GError **err);

/* virDomainMigrateFlags: all that have a name here; engine-flags.c has the
 * table of those that are honoured, the others are refused by name. */
enum xf_migrate_flags {
    XF_MIGRATE_LIVE = 1 << 0,
    XF_MIGRATE_PEER2PEER = 1 << 1,
    XF_MIGRATE_TUNNELLED = 1 << 2,
    XF_MIGRATE_PERSIST_DEST = 1 << 3,
    XF_MIGRATE_UNDEFINE_SOURCE = 1 << 4,
    XF_MIGRATE_PAUSED = 1 << 5,
    XF_MIGRATE_NON_SHARED_DISK = 1 << 6,
    XF_MIGRATE_NON_SHARED_INC = 1 << 7,
    XF_MIGRATE_CHANGE_PROTECTION = 1 << 8,
    XF_MIGRATE_UNSAFE = 1 << 9,
    XF_MIGRATE_OFFLINE = 1 << 10,
    XF_MIGRATE_COMPRESSED = 1 << 11,
    XF_MIGRATE_ABORT_ON_ERROR = 1 << 12,
    XF_MIGRATE_AUTO_CONVERGE = 1 << 13,
};

/* virDomainXMLFlags */
enum xf_xml_flags {
    XF_XML_SECURE = 1 << 0,
    XF_XML_INACTIVE = 1 << 1,
    XF_XML_UPDATE_CPU = 1 << 2,
    XF_XML_MIGRATABLE = 1 << 3,
};

/* virDomainCreateFlags, and one of our own, far above them; of create_xml()
 * and start() alike. */
enum xf_create_flags {
    XF_CREATE_PAUSED = 1 << 0,
    XF_CREATE_GIVEN_AWAY = 1 << 30, /* even if it was given to another host
                                     * which has not said that it knows */
};

/* virConnectListAllDomainsFlags */
enum xf_list_flags {
    XF_LIST_ACTIVE = 1 << 0,
    XF_LIST_INACTIVE = 1 << 1,
    XF_LIST_PERSISTENT = 1 << 2,
    XF_LIST_TRANSIENT = 1 << 3,
    XF_LIST_RUNNING = 1 << 4,
    XF_LIST_PAUSED = 1 << 5,
    XF_LIST_SHUTOFF = 1 << 6,
    XF_LIST_OTHER = 1 << 7,
    XF_LIST_AUTOSTART = 1 << 10,
    XF_LIST_NO_AUTOSTART = 1 << 11,
};

/* virDomainSaveRestoreFlags: how it is when it is restored, whatever it was
 * when it was saved. */
enum xf_save_flags {
    XF_SAVE_RUNNING = 1 << 1,
    XF_SAVE_PAUSED = 1 << 2,
};

/* virDomainUndefineFlags: what else is to go with the definition, or may
 * stay.  Nothing of all that is kept here, so each of them is granted. */
enum xf_undefine_flags {
    XF_UNDEFINE_MANAGED_SAVE = 1 << 0,
    XF_UNDEFINE_SNAPSHOTS_METADATA = 1 << 1,
    XF_UNDEFINE_NVRAM = 1 << 2,
    XF_UNDEFINE_KEEP_NVRAM = 1 << 3,
    XF_UNDEFINE_CHECKPOINTS_METADATA = 1 << 4,
    XF_UNDEFINE_TPM = 1 << 5,
    XF_UNDEFINE_KEEP_TPM = 1 << 6,
};

/* A way to a destination's channel that is none of its addresses: the
 * connection that was used for Prepare. */
struct xf_tunnel {
    int fd;                 /* a socket whose other end is that channel; -1:
                             * none, or taken */
    int wire;               /* the connection below, to be asked and told how
                             * fast it is; never to be read or written; -1:
                             * not known */
};

#define XF_TUNNEL_NONE ((struct xf_tunnel){ .fd = -1, .wire = -1 })

/* Closes both; may be done again. */
void xf_tunnel_clear(struct xf_tunnel *tunnel);

/* What a migration phase may be given.  Strings are NULL when absent. */
struct xf_migrate_args {
    guint32 flags;          /* enum xf_migrate_flags */
    const char *dname;      /* name at the destination */
    const char *uri;        /* migrate_uri: where the stream goes */
    const char *dconnuri;   /* destination's connection uri (p2p) */
    const char *xml;        /* destination_xml */
    const char *persist_xml;    /* persistent_xml: what the destination is to
                                 * store, with PERSIST_DEST; NULL: xml */
    guint64 bandwidth;      /* MiB/s, 0 = no limit */
    GBytes *cookie_in;
    struct xf_tunnel *tunnel;   /* Perform: goes through it, and takes its fd;
                                 * NULL: to uri.  Only the engine can. */
    gboolean cancelled;     /* Finish, Confirm: undo instead of go on */
    gboolean untyped;       /* v3 over a wire: its form without typed
                             * parameters, whatever the peer has */
};

/* A handoff as its host sees it.  Texts are never NULL, but may be empty. */
struct xf_handoff_info {
    char *token, *name, *uuid;
    char *side, *state;         /* as in records: xenferry-records(5) */
    char *peer;                 /* the other side's host */
    char *next;                 /* what happens next, in words */
    char *trouble;              /* why the last try failed */
    int domid;                  /* -1: none */
    gint64 since;               /* wall clock, us */
    gint64 next_time;           /* likewise; 0: not by the clock */
};

void xf_handoff_info_free(struct xf_handoff_info *info);
XF_DEFINE_AUTO(xf_handoff_info, xf_handoff_info_free);

/* What an administrator says who knows better than both hosts can. */
enum xf_assume {
    XF_ASSUME_NOTHING = 0,      /* the other side is asked */
    XF_ASSUME_COMMITTED = 1,    /* the destination's copy is the copy */
    XF_ASSUME_REVOKED = 2,      /* the source's copy is the copy */
};

/* The hypervisor's own forms of a configuration: what xl reads, as libvirt
 * calls it; libxl's JSON, which libvirt has no name for. */
#define XF_NATIVE_XL "xen-xl"
#define XF_NATIVE_JSON "xen-json"

struct xf_conn;

struct xf_driver {
    const char *name;

    /* Ends the connection and frees it; never fails, never blocks long.  No
     * call may be running on it or follow. */
    void (*close)(struct xf_conn *conn);
    /* The client behind this connection is gone, while calls of it may still
     * be running: make them end soon (streams are aborted).  Told at once,
     * once, in any thread; must not block.  close() follows after the last
     * call has returned; when none runs, close() comes without this.  NULL:
     * the driver need not know. */
    void (*client_gone)(struct xf_conn *conn);

    /* -- events -- */
    /* func is told of all that happens to the host's domains (notice.h), in
     * any thread, until close() or another call of this; NULL: nobody is.
     * `destroy` frees user when func is called no more. */
    gboolean (*listen)(struct xf_conn *conn,
                       void (*func)(void *user,
                                    const struct xf_notice *notice),
                       void *user, GDestroyNotify destroy, GError **err);

    /* -- host -- */
    /* 1 yes, 0 no, -1 error; `feature` may be any number a peer sent. */
    int (*supports_feature)(struct xf_conn *conn, int feature, GError **err);
    char *(*get_hostname)(struct xf_conn *conn, GError **err);
    /* major * 1000000 + minor * 1000 + release of the hypervisor */
    gboolean (*get_version)(struct xf_conn *conn, guint64 *version,
                            GError **err);
    gboolean (*node_info)(struct xf_conn *conn, struct xf_node_info *info,
                          GError **err);

    /* libvirt's XML about the host and the kinds of guest it can have, and
     * about one kind: `machine` and `arch` as in <os><type>, NULL the host's
     * first one; a kind that it does not have is XF_ERROR_INVALID_ARG. */
    char *(*capabilities)(struct xf_conn *conn, GError **err);
    char *(*domain_capabilities)(struct xf_conn *conn, const char *machine,
                                 const char *arch, GError **err);
    /* CPUs that a guest may have on this host; 0: error. */
    guint (*max_vcpus)(struct xf_conn *conn, GError **err);

    /* A domain's configuration from the hypervisor's own form into domain
     * XML, and the other way.  `format` is one of XF_NATIVE_*; one
     * that is not known is XF_ERROR_INVALID_ARG.  flags: 0. */
    char *(*xml_from_native)(struct xf_conn *conn, const char *format,
                             const char *native, guint flags, GError **err);
    char *(*xml_to_native)(struct xf_conn *conn, const char *format,
                           const char *xml, guint flags, GError **err);

    /* -- domains -- */
    /* Array of struct xf_domain_ref *, freed with the array.  `flags`:
     * enum xf_list_flags; bits of one pair are alternatives. */
    GPtrArray *(*list_domains)(struct xf_conn *conn, guint flags,
                               GError **err);
    struct xf_domain_ref *(*lookup_by_id)(struct xf_conn *conn, int id,
                                          GError **err);
    struct xf_domain_ref *(*lookup_by_name)(struct xf_conn *conn,
                                            const char *name, GError **err);
    struct xf_domain_ref *(*lookup_by_uuid)(struct xf_conn *conn,
                                            const guint8 *uuid, GError **err);
    gboolean (*domain_info)(struct xf_conn *conn,
                            const struct xf_domain_ref *dom,
                            struct xf_domain_info *info, GError **err);
    /* "linux" (PV), "xenpvh", "hvm", as in <os><type>. */
    char *(*domain_os_type)(struct xf_conn *conn,
                            const struct xf_domain_ref *dom, GError **err);
    char *(*domain_xml)(struct xf_conn *conn, const struct xf_domain_ref *dom,
                        guint flags, GError **err);
    struct xf_domain_ref *(*create_xml)(struct xf_conn *conn, const char *xml,
                                        guint flags, GError **err);
    gboolean (*domain_destroy)(struct xf_conn *conn,
                               const struct xf_domain_ref *dom, GError **err);
    gboolean (*domain_suspend)(struct xf_conn *conn,
                               const struct xf_domain_ref *dom, GError **err);
    gboolean (*domain_resume)(struct xf_conn *conn,
                              const struct xf_domain_ref *dom, GError **err);
    gboolean (*domain_shutdown)(struct xf_conn *conn,
                                const struct xf_domain_ref *dom,
                                GError **err);
    /* Presses its power button, which only HVM guests have. */
    gboolean (*domain_press_power)(struct xf_conn *conn,
                                   const struct xf_domain_ref *dom,
                                   GError **err);
    gboolean (*domain_reboot)(struct xf_conn *conn,
                              const struct xf_domain_ref *dom, GError **err);

    /* Into a file on the host, named by its whole path, in the form of the
     * host's own tools; it is whole and on disk before the domain is
     * destroyed.  On failure the domain goes on and nothing is left; a file
     * that was there before stays as it was. */
    gboolean (*domain_save)(struct xf_conn *conn,
                            const struct xf_domain_ref *dom, const char *path,
                            guint flags, GError **err);
    /* From such a file, which stays; paused if it was paused when saved.  On
     * failure nothing is left of it; but one that has run is never destroyed:
     * the error says so, and under which id it is here.
     * flags of both: enum xf_save_flags. */
    gboolean (*domain_restore)(struct xf_conn *conn, const char *path,
                               guint flags, GError **err);

    /* -- stored domains: defined, whether they run or not -- */
    /* Stores the XML as the domain's definition, in place of an earlier one;
     * one that runs is not changed.  Fails as libvirt does when name or uuid
     * belong to another domain.  flags: 0. */
    struct xf_domain_ref *(*define_xml)(struct xf_conn *conn, const char *xml,
                                        guint flags, GError **err);
    /* Forgets the definition; a domain that runs goes on without one.
     * flags: enum xf_undefine_flags. */
    gboolean (*undefine)(struct xf_conn *conn,
                         const struct xf_domain_ref *dom, guint flags,
                         GError **err);
    /* Starts it from its definition.  flags: enum xf_create_flags. */
    struct xf_domain_ref *(*start)(struct xf_conn *conn,
                                   const struct xf_domain_ref *dom,
                                   guint flags, GError **err);
    gboolean (*is_persistent)(struct xf_conn *conn,
                              const struct xf_domain_ref *dom,
                              gboolean *persistent, GError **err);
    /* Is it started when the host has booted? */
    gboolean (*get_autostart)(struct xf_conn *conn,
                              const struct xf_domain_ref *dom,
                              gboolean *autostart, GError **err);
    gboolean (*set_autostart)(struct xf_conn *conn,
                              const struct xf_domain_ref *dom,
                              gboolean autostart, GError **err);

    /* -- jobs -- */
    /* type XF_JOB_NONE when nothing is under way.  With `completed`, the
     * last ended migration of that domain, on either side. */
    gboolean (*job_info)(struct xf_conn *conn,
                         const struct xf_domain_ref *dom, gboolean completed,
                         struct xf_job_info *info, GError **err);
    /* The Perform under way fails with XF_ERROR_ABORTED soon after. */
    gboolean (*abort_job)(struct xf_conn *conn,
                          const struct xf_domain_ref *dom, GError **err);

    /* How fast a domain's memory may leave, MiB/s, 0 = no limit: for the
     * Perform under way, from now on, and for those to come that name no
     * bandwidth themselves. */
    gboolean (*set_speed)(struct xf_conn *conn,
                          const struct xf_domain_ref *dom, guint64 speed,
                          GError **err);
    gboolean (*get_speed)(struct xf_conn *conn,
                          const struct xf_domain_ref *dom, guint64 *speed,
                          GError **err);

    /* -- handoffs, for administrators on this host -- */
    /* Array of struct xf_handoff_info *, oldest first, freed with it. */
    GPtrArray *(*list_handoffs)(struct xf_conn *conn, GError **err);
    /* The state it is in then.  XF_ERROR_IN_DOUBT: the other side was asked
     * and has not settled it. */
    char *(*resolve_handoff)(struct xf_conn *conn, const char *token,
                             enum xf_assume what, GError **err);

    /* -- migration v1: no XML through the client, no rollback -- */
    gboolean (*prepare)(struct xf_conn *conn,
                        const struct xf_migrate_args *args,
                        GBytes **cookie_out, char **uri_out, GError **err);
    gboolean (*perform)(struct xf_conn *conn, const struct xf_domain_ref *dom,
                        const struct xf_migrate_args *args, GError **err);
    struct xf_domain_ref *(*finish)(struct xf_conn *conn,
                                    const struct xf_migrate_args *args,
                                    GError **err);

    /* -- migration v2: v1 with the XML in Prepare (domain_xml is its first
     * step) and a verdict in Finish; Perform is v1's -- */
    gboolean (*prepare2)(struct xf_conn *conn,
                         const struct xf_migrate_args *args,
                         GBytes **cookie_out, char **uri_out, GError **err);
    /* prepare2() for a stream that goes through this connection; as
     * prepare_tunnel3(). */
    gboolean (*prepare_tunnel)(struct xf_conn *conn,
                               const struct xf_migrate_args *args,
                               struct xf_tunnel *tunnel, GBytes **cookie_out,
                               GError **err);
    struct xf_domain_ref *(*finish2)(struct xf_conn *conn,
                                     const struct xf_migrate_args *args,
                                     GError **err);

    /* -- migration v3 -- */
    /* Source.  Returns the XML for the destination. */
    char *(*begin3)(struct xf_conn *conn, const struct xf_domain_ref *dom,
                    const struct xf_migrate_args *args, GBytes **cookie_out,
                    GError **err);
    /* Destination.  On return it listens; uri_out is where. */
    gboolean (*prepare3)(struct xf_conn *conn,
                         const struct xf_migrate_args *args,
                         GBytes **cookie_out, char **uri_out, GError **err);
    /* The same for a stream that goes through this connection: all between
     * the two hosts is said through the tunnel, for which the caller is to
     * call xf_tunnel_clear().  There is no uri. */
    gboolean (*prepare_tunnel3)(struct xf_conn *conn,
                                const struct xf_migrate_args *args,
                                struct xf_tunnel *tunnel,
                                GBytes **cookie_out, GError **err);
    /* Source.  Returns when the whole stream has arrived.  On failure the
     * source has undone everything by itself, or says XF_ERROR_IN_DOUBT. */
    gboolean (*perform3)(struct xf_conn *conn, const struct xf_domain_ref *dom,
                         const struct xf_migrate_args *args,
                         GBytes **cookie_out, GError **err);
    /* Destination.  The domain returned is the only sign of success; with
     * args->cancelled it always fails: XF_ERROR_FINISH_OK when it is undone as
     * asked; else it says what is wrong here, or why it did not arrive. */
    struct xf_domain_ref *(*finish3)(struct xf_conn *conn,
                                     const struct xf_migrate_args *args,
                                     GBytes **cookie_out, GError **err);
    /* Source.  Ends the handoff: destroys, or resumes when cancelled. */
    gboolean (*confirm3)(struct xf_conn *conn,
                         const struct xf_domain_ref *dom,
                         const struct xf_migrate_args *args, GError **err);
};

struct xf_conn {
    const struct xf_driver *driver;
};

/* Sets XF_ERROR_NO_SUPPORT naming driver and call; returns FALSE. */
gboolean xf_driver_lacks(struct xf_conn *conn, const char *call,
                         GError **err);

void xf_conn_close(struct xf_conn *conn);
XF_DEFINE_AUTO(xf_conn, xf_conn_close);

#endif
