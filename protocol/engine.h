/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine: the phases of a handoff on this host, source and destination
 * side, over a hypervisor table and a store of records.  It knows neither
 * Xen nor RPC.
 *
 * xf_engine_open() gives a connection (driver.h) to it: one for each client,
 * since handoffs belong to the client connection that began them.
 */
#ifndef XF_PROTOCOL_ENGINE_H
#define XF_PROTOCOL_ENGINE_H

#include "protocol/channel.h"
#include "protocol/domain-store.h"
#include "protocol/driver.h"
#include "protocol/hypervisor.h"
#include "protocol/notice.h"
#include "protocol/store.h"

/* Where the decisions log (decisions.h) is, unless told otherwise. */
#define XF_STATE_DIR LOCALSTATEDIR "/lib/xenferry"

struct xf_engine_config {
    const char *state_dir;      /* of the decisions log, and of the stored
                                 * domains; each engine has its own */
    struct xf_domain_store *domain_store;   /* taken over; NULL: files in the
                                             * folder `domains` of state_dir */
    const char *run_dir;        /* of what ends with this boot of the host:
                                 * who has been started by itself; NULL:
                                 * nobody is */
    const char *hostname;       /* ours, as peers can resolve it */
    const char *channel_host;   /* where peers reach our channel; NULL:
                                 * hostname */
    struct xf_channel_config channel;
    guint finish_timeout_ms;    /* destination: a copy that nobody finishes */
    guint confirm_timeout_ms;   /* source: performed, and no Confirm */
    guint resolve_wait_ms;      /* how long a call waits for a resolve
                                 * before it answers "in doubt" */
    guint connect_timeout_ms;   /* channel: connect and handshake */
    guint ack_timeout_ms;       /* end of stream -> "received": bounds
                                 * devices and restore of the last pages */
    guint keep_orphan_ms;       /* destination: a complete copy whose source
                                 * does not answer is kept that long */
    guint keep_ended_ms;        /* destination: records of revoked handoffs
                                 * whose source has not said that it has
                                 * acted; committed ones are kept until it
                                 * has */
    guint retry_first_ms;       /* a peer that does not answer is asked again
                                 * after this, ... */
    guint retry_max_ms;         /* ... then after twice as long, up to this */
    guint max_incoming;         /* handoffs at a time, each way */
    guint16 foreign_ports[2];   /* first and last port for streams of hosts
                                 * that are none of ours; 0: such hosts are
                                 * refused */
    guint64 memory_reserve_kib; /* host memory never given to guests */
    guint64 state_room_kib;     /* free on the disk of state_dir, or no domain
                                 * leaves or comes in */
};

/* Fills in the defaults; hostname is the machine's. */
void xf_engine_config_init(struct xf_engine_config *config);

struct xf_engine;

/* Borrows hypervisor and store, copies config.  Opens the decisions log and
 * the channel's port, reads the records and takes up what they say (event
 * `restarted`), and what the log has of handoffs without a record. */
struct xf_engine *xf_engine_new(struct xf_hypervisor *hv,
                                struct xf_store *store,
                                const struct xf_engine_config *config,
                                GError **err);
/* Handoffs stay in their records; streams under way are aborted.  All
 * connections must have been closed. */
void xf_engine_free(struct xf_engine *engine);

/* A connection for one client; close it with xf_conn_close().  Its driver has
 * v3's calls; compat/compat.h gives one that has the older ones as well. */
struct xf_conn *xf_engine_open(struct xf_engine *engine);
/* The engine of such a connection. */
struct xf_engine *xf_engine_of(struct xf_conn *conn);
/* Has client_gone() been told of such a connection?  What is made for it
 * afterwards nobody ends: who makes it lets it be found, then asks this.  NULL:
 * FALSE.  Any thread. */
gboolean xf_conn_gone(struct xf_conn *conn);

/*
 * Handoffs without Begin and Confirm (v1, v2).  The destination makes token
 * and key; the source asks it in-band, at the end of the stream, to commit,
 * and only then destroys its copy; the client hears what came of it.  All
 * four take a connection of xf_engine_open(), and refuse flags that are not
 * honoured.
 */

/* Destination: gets ready.  With args->xml room is promised and the domain's
 * name and uuid are taken; without, all that happens when the source has
 * described the domain, and what is refused then makes Perform fail.  What
 * nobody comes for ends with the client's connection, or after
 * finish_timeout_ms. */
gboolean xf_engine_expect(struct xf_conn *conn,
                          const struct xf_migrate_args *args,
                          GBytes **cookie_out, char **uri_out, GError **err);
/* The same for a stream that comes by the client's connection, as driver.h
 * has it.  args->xml is needed. */
gboolean xf_engine_expect_tunnel(struct xf_conn *conn,
                                 const struct xf_migrate_args *args,
                                 struct xf_tunnel *tunnel,
                                 GBytes **cookie_out, GError **err);
/* Source: all of it.  TRUE: the domain is the destination's, and committed.
 * FALSE: it runs on here, or XF_ERROR_IN_DOUBT. */
gboolean xf_engine_send(struct xf_conn *conn, const struct xf_domain_ref *dom,
                        const struct xf_migrate_args *args, GError **err);
/* Destination: the domain that was committed.  When it was not: with
 * args->cancelled it is revoked and this fails; without, it is committed
 * now if it has arrived.  What was committed stays so, cancelled or not. */
struct xf_domain_ref *xf_engine_arrived(struct xf_conn *conn,
                                        const struct xf_migrate_args *args,
                                        GError **err);

/*
 * Handoffs by v3 with a stock libvirtd, or what is like one; logs and records
 * call it `foreign`.  It cannot be asked how a handoff was decided: the
 * client's calls decide, as engine-stock.c says, and each handoff says once in
 * the log what that leaves unprotected.  The stream is bare (channel-bare.h).
 */

/* Source: Perform, after Begin; Confirm is the engine's. */
gboolean xf_engine_perform_stock(struct xf_conn *conn,
                                   const struct xf_domain_ref *dom,
                                   const struct xf_migrate_args *args,
                                   const char *foreign, GError **err);
/* Destination: Prepare; Finish is the engine's.  `cookie` is the source's.
 * One stream is taken, on listen_fd (which is taken over, whatever comes of
 * this), and only from these numeric addresses. */
gboolean xf_engine_expect_stock(struct xf_conn *conn,
                                  const struct xf_migrate_args *args,
                                  const struct xf_cookie *cookie,
                                  const char *foreign, int listen_fd,
                                  const char *const *from, GError **err);

/* May a domain of that uuid be started on this host?  FALSE with
 * XF_ERROR_OPERATION_INVALID when it was given away to another host,
 * which has not said yet that it knows, or was being sent to one, which has
 * not said yet what it has decided, or when it is stored here and
 * has not come back. */
gboolean xf_engine_may_start(struct xf_engine *engine, const guint8 *uuid,
                             GError **err);

/* As it was given, its host's names filled in; never changes. */
const struct xf_engine_config *xf_engine_config_of(struct xf_engine *engine);

/* Starts, in the background, the stored domains that are to be started when
 * the host has booted; once in a boot, however often the daemon starts: the
 * file `autostarted` in run_dir tells.  One that was given away is left
 * alone; one that a handoff has, in doubt or not, waits until that has
 * ended. */
void xf_engine_autostart(struct xf_engine *engine);

/* Where this engine's domains' events are told; whoever changes domains
 * besides the engine tells of it there. */
struct xf_notices *xf_engine_notices(struct xf_engine *engine);

guint16 xf_engine_channel_port(struct xf_engine *engine);

#endif
