/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the engine's files share.  Declarations stand under the name of the
 * file that defines them.
 *
 * Locks: handoff->lock guards a handoff's fields and is held while its
 * record is written; engine->lock guards the tables.  Order: handoff->lock,
 * then engine->lock.  Neither is held across a hypervisor or channel call
 * (but for the aborts, which do not block).  adding and ledger are taken
 * before any of them.  The decisions log has a lock of its own, under which
 * it takes no other.
 */
#ifndef XF_PROTOCOL_ENGINE_PRIVATE_H
#define XF_PROTOCOL_ENGINE_PRIVATE_H

#include "protocol/decisions.h"
#include "protocol/defined.h"
#include "protocol/engine.h"
#include "protocol/foreign.h"
#include "protocol/handoff.h"
#include "protocol/notice.h"

struct xf_engine {
    struct xf_hypervisor *hv;
    struct xf_store *store;
    struct xf_decisions *decisions;
    struct xf_defined *defined;
    struct xf_engine_config config;
    char *hostname;
    char *channel_host;
    struct xf_channel_listener *listener;
    struct xf_notices *notices;

    GMutex adding;              /* check and enter: one at a time */
    GMutex ledger;              /* check and promise memory: likewise */
    GMutex lock;
    GCond changed;              /* threads ended, stopping set */
    GHashTable *handoffs;       /* token -> struct xf_handoff *, owned */
    GHashTable *last_jobs;      /* uuid text -> struct xf_job_info * */
    GHashTable *speeds;         /* uuid text -> guint64 *, MiB/s; none: no
                                 * limit.  engine-speed.c */
    GHashTable *expected;       /* token -> struct xf_expected *, owned; of
                                 * engine-in-band.c */
    GHashTable *offline;        /* token -> struct xf_offline *, owned; of
                                 * engine-offline.c */
    GHashTable *starting;       /* uuid text -> name, owned: domains that are
                                 * being started; of engine-start.c */
    guint threads;              /* background threads alive */
    gint stopping;              /* atomic */
    GThread *sweeper;
};

/* A Perform as it goes.  All under its own lock, since progress comes from
 * inside the hypervisor's calls. */
struct xf_job {
    GMutex lock;
    gboolean active;
    gboolean incoming;          /* the figures are a destination's */
    const char *phase;          /* of struct xf_job_info; NULL: the side's */
    gboolean whole;             /* ... and all has come in */
    gint64 started;             /* monotonic us; 0 = never */
    gint64 ended;               /* 0 = not yet */
    gint64 suspended;           /* when the guest stopped; 0 = not yet */
    gint64 resumed;             /* downtime's end */
    gint64 iteration_started;
    guint iteration;
    guint64 done_before;        /* bytes of the iterations before this */
    guint64 frames;             /* of this iteration, as last told */
    guint64 done, total;        /* bytes of this iteration */
    guint64 memory;             /* the domain's, bytes; 0 = not known */
    gboolean holes;             /* this pass counts frames that are none */
    guint64 dirty_rate;         /* pages per second */
    guint64 rate;               /* bytes per second, 0 = no limit */
    int fd;                     /* the channel's, -1 = closed */
    guint64 wire_bytes;         /* last figure read from fd */
};

struct xf_handoff {
    gatomicrefcount refs;
    struct xf_engine *engine;

    /* fixed from the start */
    enum xf_side side;
    gboolean in_band;           /* the source asks for the commit, not the
                                 * client */
    char *foreign;              /* what the other side is when it is no
                                 * engine and cannot be asked; else NULL */
    char token[XF_TOKEN_LEN + 1];
    guint8 key[XF_KEY_LEN];
    guint8 uuid[XF_UUID_LEN];
    char *name;                 /* on this host, in the end */
    char *description;          /* source, in-band: the XML that the
                                 * destination asked for, or NULL */
    struct xf_foreign_destination *to;  /* while Perform runs */

    GMutex lock;
    GCond changed;              /* any field below */
    enum xf_state state;
    gint64 since;               /* wall clock, us: state entered */
    gint64 since_mono;          /* monotonic, us */
    struct xf_conn *owner;      /* its client; NULL when that has gone */
    char *peer_host;            /* the other side's channel */
    guint16 peer_port;
    guint16 stream_port;        /* source, stock: where the stream goes */
    char *peer_log;             /* source: identity of the destination's
                                 * decisions log; NULL: it named none */
    guint8 peer_log_key[XF_KEY_LEN];    /* ... and the key to ask it by */
    gboolean paused;            /* its administrator has it paused */
    gboolean acting;            /* the state's action is under way */
    gboolean acted;             /* ... has been done: nothing is left */
    void (*sweep)(struct xf_handoff *); /* what the sweeper has begun for it,
                                 * in a thread; NULL: nothing */
    gboolean busy;              /* source: Perform is running; destination:
                                 * the stream's thread is */
    gboolean asking;            /* a thread of ours asks the other side */
    gboolean questioning;       /* source: a question that may have the other
                                 * copy revoked is on its way, or its answer
                                 * is not written down yet */
    gboolean forcing;           /* source: ... and none may set out, since its
                                 * administrator decides */
    gboolean stale;             /* its record says less than was done */
    gboolean forgotten;         /* its record is gone; nothing follows */
    gboolean refused;           /* ... has still to go: it was not written for
                                 * sure, so nothing began */
    gboolean hurry;             /* ... and is not to wait any longer */
    char *trouble;              /* why the last try failed; NULL: it did not */
    char *not_arrived;          /* destination: why; NULL: it has, or may */
    gint64 next_try;            /* wall clock, us; 0: none is planned */
    gboolean abort;             /* source: somebody asked for it to stop */
    gboolean died;              /* source: the guest ended by itself */
    gboolean taken;             /* source: another tool has suspended it */
    gboolean let_be;            /* source: ... or may have; we have not */
    gboolean untouched;         /* source: Perform has not begun, how the
                                 * domain is is none of ours */
    gboolean connected;         /* destination: a stream has come in */
    int listen_fd;              /* destination, stock: where it comes in;
                                 * -1: none.  Closed by its thread only. */
    char **from;                /* ... and the addresses it may come from */
    gboolean settled;           /* destination: the source has acted, or
                                 * will never ask */
    gboolean awaited;           /* destination: Finish has still to find it,
                                 * though it is settled: a commit in-band, or
                                 * why it has not arrived */
    int domid;                  /* -1: none (yet) */
    gboolean unseen;            /* source: ... but it could not be looked for
                                 * after a restart without a record */
    guint64 reserved_kib;       /* destination: promised host memory */
    struct xf_incoming *incoming;   /* destination */
    gboolean switched;          /* destination: incoming_switch() is done */
    struct xf_definition *definition;   /* destination: to be stored when it
                                 * is committed, as Prepare was given it;
                                 * NULL: it is not, or is written already */
    gboolean undefine;          /* source: its definition goes with it */
    gboolean unsafe;            /* destination: it is not compared with the
                                 * source */
    char *origin;               /* what the hypervisor says, or has said, at
                                 * the source; NULL: nothing */
    struct xf_job job;          /* source: Perform; destination: the stream */
};

void xf_handoff_unref(struct xf_handoff *h);
XF_DEFINE_AUTO(xf_handoff, xf_handoff_unref);

/* -- engine.c -- */
struct xf_handoff *xf_handoff_new(struct xf_engine *engine, enum xf_side side,
                                  const char *token, const guint8 *key,
                                  const guint8 *uuid, const char *name);
struct xf_handoff *xf_handoff_ref(struct xf_handoff *h);
/* Enters it in the engine's table, unless another handoff of that domain is
 * under way or there are too many: then the error says which. */
gboolean xf_engine_add(struct xf_engine *engine, struct xf_handoff *h,
                       GError **err);
/* Takes it out of the table; its record must be gone. */
void xf_engine_remove(struct xf_engine *engine, struct xf_handoff *h);
struct xf_handoff *xf_engine_by_token(struct xf_engine *engine,
                                      const char *token);
/* The handoff of that domain on that side which has not ended; NULL. */
struct xf_handoff *xf_engine_by_uuid(struct xf_engine *engine,
                                     enum xf_side side, const guint8 *uuid);
/* All handoffs, referenced, in an array that unrefs them. */
GPtrArray *xf_engine_all(struct xf_engine *engine);
/* Runs func(h) in a thread of its own, with a reference. */
void xf_engine_spawn(struct xf_handoff *h, void (*func)(struct xf_handoff *));
/* One at a time, and none when the state's action has been done: TRUE, and
 * the caller acts and calls xf_handoff_act_end().  Waits for another's
 * action to end. */
gboolean xf_handoff_act_begin(struct xf_handoff *h);
void xf_handoff_act_end(struct xf_handoff *h);
/* TRUE, and h->asking set, when nobody asks the other side yet. */
gboolean xf_handoff_ask_begin(struct xf_handoff *h);
void xf_handoff_ask_end(struct xf_handoff *h);
enum xf_state xf_handoff_state(struct xf_handoff *h);
/* Sleeps until then, or until the handoff changes or the engine stops; h is
 * locked by the caller. */
void xf_handoff_wait(struct xf_handoff *h, gint64 until_mono);
/* Between two tries: says why the last one failed and sleeps *pause_ms (0:
 * config's first), which is then doubled.  Ends early when the engine stops,
 * when `wanted` (called with h locked) says that there is nothing to try for
 * any more, or when somebody is in a hurry.  `until`: monotonic us, 0: none. */
void xf_handoff_back_off(struct xf_handoff *h, guint *pause_ms, gint64 until,
                         gboolean (*wanted)(const struct xf_handoff *h),
                         const GError *why);
/* The next try is to be made now. */
void xf_handoff_hurry(struct xf_handoff *h);
gboolean xf_engine_stopping(struct xf_engine *engine);

/* -- engine-record.c -- */
/* The one way to change state: looks the event up, writes the new state to
 * the record, and only then makes it true.  The action is the caller's to
 * carry out.  Fails with OPERATION_INVALID when the event means nothing in
 * that state, or with the store's error: then nothing has changed.  (When a
 * restart would lead from the old record to the same place, an unwritten
 * record does no harm: it is logged and the event goes on.) */
gboolean xf_handoff_event(struct xf_handoff *h, enum xf_event event,
                          enum xf_action *action, GError **err);
/* The other side has acted, or will never ask: removes decision, record and
 * handoff.  FALSE: that failed and was logged; to be tried again. */
gboolean xf_handoff_forget(struct xf_handoff *h);
/* Its first record could not be written: makes sure that none is left, and
 * takes the handoff out of the table; the sweeper tries again what fails. */
void xf_handoff_refused(struct xf_handoff *h);
/* Remembers, for a restart too, that the other side will never ask again.
 * FALSE: it could not be written down, and it must tell once more. */
gboolean xf_handoff_settled(struct xf_handoff *h);
/* Remembers in the record that the last action has been done. */
void xf_handoff_acted(struct xf_handoff *h);
/* NULL with an error when the record is unreadable or not ours. */
struct xf_handoff *xf_handoff_load(struct xf_engine *engine,
                                   const char *token, GError **err);

/* -- engine-admin.c: driver.h has the rules -- */
GPtrArray *xf_admin_list(struct xf_engine *engine);
char *xf_admin_resolve(struct xf_engine *engine, const char *token,
                       enum xf_assume what, GError **err);

/* -- engine-recover.c -- */
/* At start: takes up every record, and every decision without one. */
gboolean xf_engine_recover(struct xf_engine *engine, GError **err);
/* Answers a source that asks by the log's key, even about a handoff which is
 * in no record.  revoke: "unless you have committed"; else nothing changes.
 * 0: this host cannot tell. */
enum xf_channel_msg xf_engine_answer_lost(struct xf_engine *engine,
                                          const char *token, gboolean revoke);

/* Likewise told that the source has given its copy up.  OK: there is nothing
 * of that handoff here, and nobody need tell again. */
enum xf_channel_msg xf_engine_settled_lost(struct xf_engine *engine,
                                           const char *token);

/* -- engine-notice.c -- */
void xf_engine_tell(struct xf_engine *engine, const struct xf_domain_ref *dom,
                    enum xf_lifecycle event, enum xf_life_detail detail);
/* Of the domain of h; notice.h has the reason. */
void xf_handoff_tell(struct xf_handoff *h, enum xf_lifecycle event,
                     enum xf_life_detail detail, int reason);
void xf_handoff_tell_iteration(struct xf_handoff *h, guint iteration);
void xf_handoff_tell_job(struct xf_handoff *h, const struct xf_job_info *job);
/* As the hypervisor's; that it goes is then told by us alone. */
gboolean xf_engine_destroy(struct xf_engine *engine, int domid, GError **err);
/* A watcher of the hypervisor's. */
void xf_engine_on_end(void *engine, const struct xf_hv_ending *ending);

/* -- engine-job.c -- */
void xf_job_init(struct xf_job *job);
void xf_job_clear(struct xf_job *job);
/* memory_kib: what the domain has, for the figures of the first pass. */
void xf_job_start(struct xf_job *job, guint64 memory_kib);
void xf_job_set_fd(struct xf_job *job, int fd);
/* Nothing more comes in by fd, if there is one: who waits for it is told. */
void xf_job_stop_reading(struct xf_job *job);
/* From now on what is written to fd, and what will be written to a later one,
 * goes no faster than that; bytes per second, 0 = no limit. */
gboolean xf_job_set_rate(struct xf_job *job, guint64 rate, GError **err);
/* TRUE: a pass over what was dirtied has begun. */
gboolean xf_job_frames(struct xf_job *job, guint iteration, guint64 done,
                       guint64 total);
void xf_job_suspended(struct xf_job *job);
/* The downtime's end. */
void xf_job_resumed(struct xf_job *job);
/* A destination has it all. */
void xf_job_whole(struct xf_job *job);
void xf_job_end(struct xf_job *job);
void xf_job_read(struct xf_job *job, struct xf_job_info *info);
/* Keeps the ended job of h for job_info(completed). */
void xf_job_keep(struct xf_handoff *h, enum xf_job_type type);

/* -- engine-save.c: driver.h has the rules -- */
gboolean xf_engine_save(struct xf_engine *engine,
                        const struct xf_domain_ref *dom, const char *path,
                        guint flags, GError **err);
gboolean xf_engine_restore(struct xf_engine *engine, const char *path,
                           guint flags, GError **err);

/* -- engine-saving.c -- */
/* A domain on its way into a file. */
struct xf_saving {
    guint8 uuid[XF_UUID_LEN];
    int domid;
    gboolean paused;            /* its administrator has it paused */
    guint64 dev, ino;           /* of the file, wherever it is */
    char *path;                 /* its place */
};

/* Where it is until it is whole. */
char *xf_saving_partial(const char *path);
/* Before the domain is touched. */
gboolean xf_saving_note(struct xf_engine *engine,
                        const struct xf_saving *saving, GError **err);
void xf_saving_forget(struct xf_engine *engine,
                      const struct xf_saving *saving);
/* At start: what an earlier run has left half done. */
void xf_saving_recover(struct xf_engine *engine);

/* -- engine-speed.c: MiB/s, 0 = no limit -- */
/* FALSE: more than can be counted in bytes. */
gboolean xf_speed_check(guint64 speed, GError **err);
guint64 xf_engine_speed(struct xf_engine *engine, const guint8 *uuid);
gboolean xf_engine_set_speed(struct xf_engine *engine, const guint8 *uuid,
                             guint64 speed, GError **err);
/* For the Perform that begins: what its client wants, or what was said for
 * the domain. */
gboolean xf_speed_start(struct xf_handoff *h, guint64 wanted, GError **err);

/* -- engine-flags.c -- */
/* Refuses, by name, every flag and argument that is not honoured. */
gboolean xf_flags_check(const struct xf_migrate_args *args, GError **err);

/* -- engine-source.c -- */
/* A new token and key. */
void xf_handoff_secrets(char *token, guint8 *key);
GBytes *xf_source_cookie(struct xf_handoff *h, gboolean with_key);
/* What Begin does, in steps: the handoff of that domain; the domain taken
 * for it (returns its XML). */
struct xf_handoff *xf_source_new(struct xf_engine *engine,
                                 struct xf_conn *conn,
                                 const struct xf_domain_ref *dom,
                                 const char *token, const guint8 *key,
                                 GError **err);
char *xf_source_take(struct xf_handoff *h, struct xf_conn *conn,
                     const struct xf_migrate_args *args, GError **err);
/* What Perform does: where the stream goes; the event and all that follows
 * of it, when no Confirm will.  `cookie` is Prepare's. */
gboolean xf_source_stream_to(struct xf_handoff *h, const char *uri,
                             const struct xf_cookie *cookie, GError **err);
gboolean xf_source_send(struct xf_handoff *h,
                        const struct xf_migrate_args *args, GError **err);
/* What Perform consists of.  TRUE: the guest is suspended and all of it has
 * been written to fd; FALSE: it has been undone. */
gboolean xf_source_stream(struct xf_handoff *h,
                          const struct xf_migrate_args *args, int fd,
                          GError **err);
/* Nothing can run at the destination: the source's copy is the copy.  `ours`:
 * it was suspend()ed, or may have been; else, should it be suspended, it is
 * another tool's to resume. */
void xf_source_undo(struct xf_handoff *h, gboolean ours);
/* In-band: the destination has said that it committed. */
void xf_source_committed(struct xf_handoff *h);
/* After a hand-over without a good answer.  TRUE: it turned out well. */
gboolean xf_source_performed_badly(struct xf_handoff *h, gboolean revoked,
                                   GError **err);
gboolean xf_source_abort_wanted(struct xf_handoff *h);
char *xf_source_begin(struct xf_engine *engine, struct xf_conn *conn,
                      const struct xf_domain_ref *dom,
                      const struct xf_migrate_args *args,
                      GBytes **cookie_out, GError **err);
gboolean xf_source_perform(struct xf_engine *engine, struct xf_conn *conn,
                           const struct xf_domain_ref *dom,
                           const struct xf_migrate_args *args,
                           const char *foreign, GBytes **cookie_out,
                           GError **err);
gboolean xf_source_confirm(struct xf_engine *engine, struct xf_conn *conn,
                           const struct xf_domain_ref *dom,
                           const struct xf_migrate_args *args, GError **err);
gboolean xf_source_abort(struct xf_engine *engine, const guint8 *uuid,
                         GError **err);
void xf_source_client_gone(struct xf_handoff *h);
void xf_source_deadline(struct xf_handoff *h);
void xf_source_restarted(struct xf_handoff *h);
/* A decision of ours without a record: is our copy still here? */
void xf_source_remembered(struct xf_handoff *h);
/* Tries a last action that failed once more. */
void xf_source_retry(struct xf_handoff *h);

/* -- engine-hand-over.c -- */
/* The stream has been written: tells the destination that this was its end,
 * and awaits the answer.  TRUE: it has it all, and in-band it has committed;
 * *revoked, on failure: its copy will never run. */
gboolean xf_source_hand_over(struct xf_handoff *h, int fd, gboolean *revoked,
                             GError **err);

/* -- engine-tunnel.c: channels through another connection -- */
gboolean xf_dest_prepare_tunnel(struct xf_conn *conn,
                                const struct xf_migrate_args *args,
                                struct xf_tunnel *tunnel,
                                GBytes **cookie_out, GError **err);
/* Source: where the destination of that cookie can be asked. */
char *xf_tunnel_uri(const struct xf_cookie *cookie, GError **err);
/* Takes the tunnel's fd: the channel, greeted; -1 on error. */
int xf_tunnel_connect(struct xf_handoff *h, struct xf_tunnel *tunnel,
                      GError **err);

/* -- engine-stock.c: handoffs with a stock libvirtd -- */
/* Is this one? */
gboolean xf_is_stock(const struct xf_handoff *h);
/* Source: notes where a bare stream goes, and to what kind of host. */
gboolean xf_stock_stream_to(struct xf_handoff *h, const char *foreign,
                              const char *uri, GError **err);
int xf_stock_connect(struct xf_handoff *h, GError **err);
gboolean xf_stock_hand_over(struct xf_handoff *h, int fd,
                              gboolean *revoked, GError **err);
/* The client went before Perform could answer: undoes it, and fails. */
gboolean xf_stock_left_alone(struct xf_handoff *h, GError **err);
/* The client's word is the verdict. */
gboolean xf_stock_confirm(struct xf_handoff *h, gboolean committed,
                            GError **err);
/* In doubt, with nobody to ask: says what an administrator can do. */
void xf_stock_set_doubt(struct xf_handoff *h, GError **err);
/* What happens next where it is not as with a host of ours; or NULL. */
const char *xf_stock_next(const struct xf_handoff *h);
/* Destination: no stream is awaited any more. */
void xf_stock_hang_up(struct xf_handoff *h);
/* Finish, of success: waits for what the source has sent, and commits it.
 * What fails is revoked. */
gboolean xf_stock_commit(struct xf_handoff *h, GError **err);
void xf_stock_client_gone(struct xf_handoff *h);
/* No Finish will come any more. */
void xf_stock_over(struct xf_handoff *h);

/* -- engine-settle.c -- */
/* Asks the destination until it has answered, then acts on the answer.
 * Waits wait_ms for that; after which it goes on in the background and this
 * fails with IN_DOUBT.  *committed tells what was decided. */
gboolean xf_source_settle(struct xf_handoff *h, guint wait_ms,
                          gboolean *committed, GError **err);
/* Acts on what is known: destroys or resumes, then tells the destination
 * that it may forget.  committed: else revoked.  When another thread knows
 * it too, waits for what that one does. */
gboolean xf_source_known(struct xf_handoff *h, gboolean committed,
                         GError **err);
/* The same by an administrator's word; waits for a question that is on its way
 * to be answered, whose answer then stands.  Not revoked where the copy is
 * gone, and the destination says that it has one: it would destroy the last. */
gboolean xf_source_force(struct xf_handoff *h, gboolean committed,
                         GError **err);
/* The handoff is over on this side: tells the destination, in the
 * background, and forgets. */
void xf_source_end(struct xf_handoff *h);
/* Destination: asks the source, once, whether it has its own copy. */
gboolean xf_dest_ask(struct xf_handoff *h, gboolean *holds, GError **err);
/* Answers a connection from the peer of h. */
void xf_settle_answer(struct xf_handoff *h, enum xf_channel_purpose purpose,
                      int fd);

/* -- engine-in-band.c -- */
/* Source: says on fd what comes, and waits until that is welcome. */
gboolean xf_source_describe(struct xf_handoff *h, int fd, GError **err);
/* Destination: a described stream's connection, in the channel's thread. */
void xf_dest_described(struct xf_engine *engine, const char *token, int fd);
/* Destination: all has arrived on fd, and the source asks for the commit. */
void xf_dest_answer_commit(struct xf_handoff *h, int fd);
/* Copies the key of what is expected under that token. */
gboolean xf_expected_key(struct xf_engine *engine, const char *token,
                         guint8 *key);
/* The source says that nothing comes under that token: answers it. */
void xf_expected_settled(struct xf_engine *engine, const char *token, int fd);
/* The client behind conn has gone. */
void xf_expected_client_gone(struct xf_engine *engine, struct xf_conn *conn);
/* Drops what nobody came for in time. */
void xf_expected_sweep(struct xf_engine *engine);

/* -- engine-foreign.c: foreign.h has the rest -- */
gboolean xf_foreign_perform(struct xf_handoff *h,
                            const struct xf_migrate_args *args,
                            GError **err);
/* How an administrator settles what is in doubt; h is locked. */
char *xf_foreign_advice(const struct xf_handoff *h);

/* -- engine-room.c -- */
/* Are name and uuid free, and enough memory, which is promised to h then? */
gboolean xf_dest_room(struct xf_handoff *h, GError **err);
/* Has this host what the domain needs, compared with where it comes from? */
gboolean xf_dest_needs(struct xf_handoff *h, GError **err);
/* Can the decisions log and the records go on being written? */
gboolean xf_room_for_decisions(struct xf_engine *engine, GError **err);

/* -- engine-copy.c: the destination's copy -- */
/* The domid of one that has not been switched; -1: there is none.  It may
 * have lost its name. */
int xf_dest_find_copy(struct xf_handoff *h, GError **err);
/* Commits, and lets it run.  On failure the state tells whether it was
 * committed. */
gboolean xf_dest_commit(struct xf_handoff *h, GError **err);
/* Names it and lets it run; the record says `committed`. */
gboolean xf_dest_switch(struct xf_handoff *h, GError **err);
/* Destroys it; the record says `revoked`. */
void xf_dest_discard(struct xf_handoff *h);
/* Nobody will ask any more, and nothing is left to do: forgets. */
void xf_dest_forget_if_settled(struct xf_handoff *h);

/* -- engine-dest.c -- */
/* What Prepare does, in steps: where the stream is to go; a handoff of what
 * XML and cookie say; are they of one domain?; into the engine's table, with
 * room promised, and prepared. */
char *xf_dest_uri(struct xf_engine *engine, const char *wanted, GError **err);
struct xf_handoff *xf_dest_new(struct xf_engine *engine,
                               const struct xf_migrate_args *args,
                               const struct xf_cookie *cookie, GError **err);
gboolean xf_dest_check_uuid(struct xf_handoff *h,
                            const struct xf_cookie *cookie, GError **err);
gboolean xf_dest_admit(struct xf_handoff *h, GError **err);
GBytes *xf_dest_cookie(struct xf_handoff *h);
/* Fills in our decisions log, for the token that is in it already. */
void xf_dest_name_log(struct xf_engine *engine, struct xf_cookie *cookie);
gboolean xf_dest_prepare(struct xf_engine *engine, struct xf_conn *conn,
                         const struct xf_migrate_args *args,
                         GBytes **cookie_out, char **uri_out, GError **err);
struct xf_domain_ref *xf_dest_finish(struct xf_engine *engine,
                                     struct xf_conn *conn,
                                     const struct xf_migrate_args *args,
                                     GBytes **cookie_out, GError **err);
/* Around the stream: FALSE, there has been one.  Between the two nobody else
 * touches the incoming domain. */
gboolean xf_dest_stream_begins(struct xf_handoff *h);
void xf_dest_stream_ended(struct xf_handoff *h);
/* The stream's connection, in the channel's thread, or that of a port of its
 * own. */
void xf_dest_stream(struct xf_handoff *h, int fd);
/* Gives up what is not whole yet; a complete copy only when the source says
 * that it holds its own. */
gboolean xf_dest_cancel(struct xf_handoff *h, GError **err);
/* "Revoke, unless you have committed": what was decided. */
enum xf_channel_msg xf_dest_resolve(struct xf_handoff *h);
/* What has been decided so far; but a copy that is not here any more is
 * revoked. */
enum xf_channel_msg xf_dest_decided(struct xf_handoff *h);
/* To be asked before a commit, and whenever `received` is taken up: is the
 * copy still here, by its uuid?  One that is not is revoked by this.  FALSE:
 * nobody can tell now. */
gboolean xf_dest_look(struct xf_handoff *h, GError **err);
void xf_dest_client_gone(struct xf_handoff *h);
void xf_dest_deadline(struct xf_handoff *h);
void xf_dest_restarted(struct xf_handoff *h);
void xf_dest_retry(struct xf_handoff *h);
/* No Finish will come any more: forget, if there is nothing left to do. */
void xf_dest_unawaited(struct xf_handoff *h);
/* The source has acted: forget, if there is nothing left to do.  `done`: it
 * has no copy any more, so that one which is complete here is committed; else
 * ours is revoked, unless it has been committed.  FALSE: that cannot be said
 * or written down yet, and the source must tell once more. */
gboolean xf_dest_settled(struct xf_handoff *h, gboolean done);
void xf_dest_forget(struct xf_handoff *h);
/* An event that nobody waits for, and what is to be done then; one that means
 * nothing now is no news. */
void xf_dest_happened(struct xf_handoff *h, enum xf_event event);
/* A decision of ours without a record: is there a copy that waits to be
 * switched?  h->domid: that of the copy that was committed, -1 if that is not
 * known.  One that a newer handoff of the domain has received is that one's:
 * its source may still hold the guest. */
void xf_dest_remembered(struct xf_handoff *h);

/* -- engine-stored.c: what becomes of definitions -- */
/* Destination: what Prepare was given is written aside. */
gboolean xf_dest_store(struct xf_handoff *h, GError **err);
/* It is committed: what was written aside is its definition, and a domain
 * that had been given away is back.  May be done again. */
gboolean xf_dest_stored(struct xf_handoff *h, GError **err);
/* It is revoked. */
void xf_dest_unstore(struct xf_handoff *h);
/* A Finish that wants it stored, which Prepare did not. */
void xf_dest_store_late(struct xf_handoff *h);
/* Source: it has been given away, and so is its definition, or it is marked
 * as away.  May be done again. */
gboolean xf_source_left(struct xf_handoff *h, GError **err);
/* At start: what waits for a handoff that has been decided. */
void xf_stored_recover(struct xf_engine *engine);

/* -- engine-offline.c: definitions that move without their domain -- */
/* The domain's definition is on its way out. */
gboolean xf_offline_guard(struct xf_engine *engine, const guint8 *uuid,
                          GError **err);
char *xf_offline_begin(struct xf_engine *engine, struct xf_conn *conn,
                       const struct xf_domain_ref *dom,
                       const struct xf_migrate_args *args,
                       GBytes **cookie_out, GError **err);
gboolean xf_offline_prepare(struct xf_engine *engine, struct xf_conn *conn,
                            const struct xf_migrate_args *args,
                            GBytes **cookie_out, char **uri_out,
                            GError **err);
struct xf_domain_ref *xf_offline_finish(struct xf_engine *engine,
                                        struct xf_conn *conn,
                                        const struct xf_migrate_args *args,
                                        GBytes **cookie_out, GError **err);
gboolean xf_offline_confirm(struct xf_engine *engine, struct xf_conn *conn,
                            const struct xf_domain_ref *dom,
                            const struct xf_migrate_args *args,
                            GError **err);
void xf_offline_client_gone(struct xf_engine *engine, struct xf_conn *conn);

/* -- engine-start.c -- */
/* Domains that a handoff owns are not for others to touch: the error says
 * which handoff.  `harmless`: allowed on a source that is still streaming
 * (pause, unpause). */
gboolean xf_engine_guard(struct xf_engine *engine, const guint8 *uuid,
                         gboolean harmless, GError **err);
/* ... and is the name promised to a domain on its way in? */
gboolean xf_engine_guard_name(struct xf_engine *engine, const guint8 *uuid,
                              const char *name, GError **err);
/* Is that domain, or one of that name, being started?  engine->adding is
 * held. */
gboolean xf_engine_is_starting(struct xf_engine *engine, const guint8 *uuid,
                               const char *name, GError **err);
/* Starts what `d` describes, from `xml`, if nothing stands against it. */
struct xf_domain_ref *xf_engine_start(struct xf_engine *engine,
                                      const struct xf_definition *d,
                                      const char *xml, guint flags,
                                      GError **err);
void xf_engine_happened(struct xf_engine *engine,
                        const struct xf_hv_domain *domain,
                        enum xf_lifecycle event,
                        enum xf_life_detail detail);

/* -- local-surface.c: entries of its driver -- */
char *xf_local_capabilities(struct xf_conn *conn, GError **err);
char *xf_local_domain_capabilities(struct xf_conn *conn, const char *machine,
                                   const char *arch, GError **err);
guint xf_local_max_vcpus(struct xf_conn *conn, GError **err);
/* Of the domain that is the host itself: what can be said of it. */
char *xf_local_host_xml(const struct xf_hv_domain *info, guint flags,
                        GError **err);
gboolean xf_local_save(struct xf_conn *conn, const struct xf_domain_ref *dom,
                       const char *path, guint flags, GError **err);
gboolean xf_local_restore(struct xf_conn *conn, const char *path,
                          guint flags, GError **err);
gboolean xf_local_set_speed(struct xf_conn *conn,
                            const struct xf_domain_ref *dom, guint64 speed,
                            GError **err);
gboolean xf_local_get_speed(struct xf_conn *conn,
                            const struct xf_domain_ref *dom, guint64 *speed,
                            GError **err);

/* -- local.c -- */
/* The live domain of that uuid, incoming ones included.  One that is stored
 * and does not run: XF_ERROR_OPERATION_INVALID. */
gboolean xf_engine_domain(struct xf_engine *engine, const guint8 *uuid,
                          struct xf_hv_domain *out, GError **err);
/* 1 there is one, 0 there is none, -1 error.  Being destroyed counts as
 * none. */
int xf_engine_lives(struct xf_engine *engine, const guint8 *uuid,
                    struct xf_hv_domain *out, GError **err);
/* The same for a name. */
int xf_engine_name_lives(struct xf_engine *engine, const char *name,
                         struct xf_hv_domain *out, GError **err);

/* -- local-defined.c: entries of the driver -- */
struct xf_domain_ref *xf_local_define(struct xf_conn *conn, const char *xml,
                                      guint flags, GError **err);
gboolean xf_local_undefine(struct xf_conn *conn,
                           const struct xf_domain_ref *dom, guint flags,
                           GError **err);
struct xf_domain_ref *xf_local_start(struct xf_conn *conn,
                                     const struct xf_domain_ref *dom,
                                     guint flags, GError **err);
struct xf_domain_ref *xf_local_create(struct xf_conn *conn, const char *xml,
                                      guint flags, GError **err);
gboolean xf_local_is_persistent(struct xf_conn *conn,
                                const struct xf_domain_ref *dom,
                                gboolean *persistent, GError **err);
gboolean xf_local_get_autostart(struct xf_conn *conn,
                                const struct xf_domain_ref *dom,
                                gboolean *autostart, GError **err);
gboolean xf_local_set_autostart(struct xf_conn *conn,
                                const struct xf_domain_ref *dom,
                                gboolean autostart, GError **err);

#endif
