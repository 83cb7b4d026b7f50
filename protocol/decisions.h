/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decisions log: what must outlive a reboot.
 *
 * Records are in xenstore, which forgets when its host or xenstored starts
 * again.  Three facts must not be forgotten then: that a domain was
 * `committed` here; that one was `given away` from here; and that one is
 * being sent (`sending`), so that it may run elsewhere by the time somebody
 * asks.  They are lines of a file, on disk before the record is written and
 * before anything is done about them, until the other side has said that it
 * has acted; `sending` until it is known what was decided.  It is written
 * before the first byte is sent: no guest waits for that.
 *
 * The log has an identity, random, made with it, and a secret.  With the
 * same log whole, what is not in it never happened: then "I do not know this
 * handoff" means "never committed here".  A source can tell: the destination
 * gives it a key for that question with Prepare, made of the secret and the
 * handoff's token (xf_decisions_token_key()).  Only the same log can make it
 * again.
 *
 * The file STATE-DIR/decisions (0600, the folder 0700) is text.  A line is a
 * checksum (the first 16 hex digits of the SHA-256 of what follows the blank
 * after it) and words; texts are %-escaped, "-" is an empty one:
 *
 *   xenferry-decisions 1 IDENTITY SECRET
 *   committed  TOKEN UUID KEY TIME DOMID PAUSED PORT PEER-HOST NAME
 *   given-away TOKEN UUID KEY TIME DOMID PAUSED PORT PEER-HOST NAME
 *              PEER-LOG PEER-LOG-KEY
 *   sending    TOKEN UUID KEY TIME DOMID PAUSED PORT PEER-HOST NAME
 *              PEER-LOG PEER-LOG-KEY
 *   acknowledged TOKEN
 *
 * (PEER-LOG and its key are of the same line: the identity of the
 * destination's log, "-" for none, and the key to ask it by.  An older
 * `given-away` has neither).
 *
 * A line that is added has another word after its checksum: @SYNCED, how many
 * bytes of the file were on disk when it was written.  What was not may be torn
 * by a crash, several lines of it in any order.  From the first torn line on
 * all is cut off, unless a line after it shows that it had been on disk:
 * nothing of it had been acted on.  Other damage is an error: such a log is not
 * whole.
 *
 * What has been acknowledged is left out when the file is written anew, beside
 * the old one, which it then replaces.  That is also done each time the log is opened: an earlier process may have
 * died between writing a line and having it on disk.  It is believed, since
 * nobody can know that it was not on disk; so first it has to be.
 *
 * A line that could not be written for sure is taken back before anything
 * else is believed: see xf_decisions_settle().
 *
 * All calls may be made from any thread; they block for as long as the disk
 * does.  Only one process can have a log open.
 */
#ifndef XF_PROTOCOL_DECISIONS_H
#define XF_PROTOCOL_DECISIONS_H

#include "protocol/cookie.h"

#include <sys/types.h>

#define XF_LOG_ID_LEN 32        /* hex digits: 128 bits */

enum xf_decision_kind {
    XF_DECISION_COMMITTED,
    XF_DECISION_GIVEN_AWAY,
    XF_DECISION_SENDING,
    XF_DECISION_LAST
};

struct xf_decision {
    enum xf_decision_kind kind;
    char token[XF_TOKEN_LEN + 1];
    guint8 uuid[XF_UUID_LEN];
    guint8 key[XF_KEY_LEN];     /* the handoff's */
    gint64 time;                /* wall clock, us */
    int domid;                  /* on this host when it was decided; -1 */
    gboolean paused;            /* its administrator has it paused */
    char *peer_host;            /* the other side's channel; "" not known */
    guint16 peer_port;
    char *name;
    char *peer_log;             /* sending, given away: as in the record;
                                 * NULL: none */
    guint8 peer_log_key[XF_KEY_LEN];
};

void xf_decision_free(struct xf_decision *decision);
XF_DEFINE_AUTO(xf_decision, xf_decision_free);

/* "committed", "given-away", "sending" */
const char *xf_decision_kind_name(enum xf_decision_kind kind);

struct xf_decisions;

/* Opens the log in `dir`, or makes both; what it says then is on disk.
 * Fails, naming file and line, when it is damaged, when another process has
 * it open, or when it cannot be written. */
struct xf_decisions *xf_decisions_open(const char *dir, GError **err);
void xf_decisions_close(struct xf_decisions *log);

const char *xf_decisions_identity(struct xf_decisions *log);
/* XF_KEY_LEN bytes that nobody can make without this log. */
void xf_decisions_token_key(struct xf_decisions *log, const char *token,
                            guint8 *out);

/* After success the decision is on disk.  To add what is there is success.
 * A domain that is committed here is no longer given away. */
gboolean xf_decisions_add(struct xf_decisions *log,
                          const struct xf_decision *decision, GError **err);
/* Makes sure that the file has what was added, and nothing else: after a
 * failed add() it may have the decision nevertheless, and until this
 * succeeds the opposite must not be told to anyone. */
gboolean xf_decisions_settle(struct xf_decisions *log, GError **err);
/* The other side has acted: forgets it.  Success when it is not there. */
gboolean xf_decisions_acknowledge(struct xf_decisions *log,
                                  const char *token, GError **err);

/* Copies; NULL: not in the log. */
struct xf_decision *xf_decisions_find(struct xf_decisions *log,
                                      const char *token);
/* The domain of that uuid was given away, and has not come back; or it was
 * being sent, and it is not known what became of that. */
struct xf_decision *xf_decisions_elsewhere(struct xf_decisions *log,
                                           const guint8 *uuid);
/* All of them, copies, in an array that frees them. */
GPtrArray *xf_decisions_all(struct xf_decisions *log);

/* What writes: for tests, which put a bad disk in its place. */
struct xf_decisions_io {
    gssize (*write)(int fd, const void *data, gsize len);
    int (*fsync)(int fd);
    int (*ftruncate)(int fd, off_t size);
};
/* Opens it on such a disk; `io` stays the caller's. */
struct xf_decisions *xf_decisions_open_on(const char *dir,
                                          const struct xf_decisions_io *io,
                                          GError **err);
/* NULL: the system's calls. */
void xf_decisions_set_io(struct xf_decisions *log,
                         const struct xf_decisions_io *io);

#endif
