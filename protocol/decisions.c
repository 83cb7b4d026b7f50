/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The decisions log: its file, and what it remembers. */
#include "config.h"

#include "protocol/decision-line.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "decisions"
#define NEW_NAME "decisions.new"
#define LOCK_NAME "lock"
/* Lines that say nothing any more before the file is written anew. */
#define DEAD_MAX 128

/* What is wrong with the file's end. */
enum damage {
    DAMAGE_NONE,
    DAMAGE_CUT,         /* there may be more than `size` */
    DAMAGE_REWRITE,     /* nobody knows what the disk has */
};

/* A decision, and its number among those written: it is none before it is on
 * disk.  Until then the one that it replaces, if any, is what counts. */
struct entry {
    char token[XF_TOKEN_LEN + 1];
    struct xf_decision *decision;
    guint64 number;
    struct xf_decision *before;
};

/* Those who add at the same time share one fsync(), which one of them makes
 * without the lock; the file is not exchanged meanwhile. */
struct xf_decisions {
    GMutex lock;                /* guards all that follows */
    GCond synced;               /* an fsync() has ended */
    gboolean syncing;
    guint64 written, on_disk;   /* numbers of the last such entries */
    int sync_errnum;            /* why the last fsync() that failed did */
    const struct xf_decisions_io *io;
    char *dir, *path;
    int dir_fd, lock_fd, fd;
    gint64 size;                /* of what is known to be whole */
    gint64 size_on_disk;        /* ... and of it, to be on disk */
    enum damage damage;
    guint dead;
    char identity[XF_LOG_ID_LEN + 1];
    guint8 secret[XF_KEY_LEN];
    GHashTable *live;           /* token -> struct entry */
};

static gssize
system_write(int fd, const void *data, gsize len)
{
    return write(fd, data, len);
}

static const struct xf_decisions_io system_io = {
    .write = system_write,
    .fsync = fsync,
    .ftruncate = ftruncate,
};

/* -- decisions -- */

void
xf_decision_free(struct xf_decision *decision)
{
    if (!decision)
        return;
    g_free(decision->peer_host);
    g_free(decision->name);
    g_free(decision->peer_log);
    explicit_bzero(decision, sizeof(*decision));
    g_free(decision);
}

static struct xf_decision *
decision_copy(const struct xf_decision *decision)
{
    struct xf_decision *copy = g_memdup2(decision, sizeof(*decision));

    copy->peer_host = g_strdup(decision->peer_host ? decision->peer_host
                                                   : "");
    copy->name = g_strdup(decision->name);
    copy->peer_log = g_strdup(decision->peer_log);
    return copy;
}

static void
entry_free(gpointer data)
{
    struct entry *entry = data;

    xf_decision_free(entry->decision);
    xf_decision_free(entry->before);
    g_free(entry);
}

/* NULL: there is none yet. */
static const struct xf_decision *
in_force(const struct xf_decisions *log, const struct entry *entry)
{
    return entry->number <= log->on_disk ? entry->decision : entry->before;
}

/* NULL: not in the log, or not yet. */
static const struct xf_decision *
find(struct xf_decisions *log, const char *token)
{
    const struct entry *entry = g_hash_table_lookup(log->live, token);

    return entry ? in_force(log, entry) : NULL;
}

/* Takes over the decision. */
static void
put_entry(struct xf_decisions *log, struct xf_decision *decision,
          guint64 number)
{
    struct entry *entry = g_new0(struct entry, 1);
    const struct xf_decision *before = find(log, decision->token);

    if (before) {
        log->dead++;
        entry->before = decision_copy(before);
    }
    memcpy(entry->token, decision->token, sizeof(entry->token));
    entry->decision = decision;
    entry->number = number;
    g_hash_table_replace(log->live, entry->token, entry);
}

/* -- reading lines -- */

static gboolean
take_words(struct xf_decisions *log, GStrv words)
{
    const char *token = xf_decision_line_acknowledged(words);
    struct xf_decision *d;

    if (token) {
        log->dead += 1 + g_hash_table_remove(log->live, token);
        return TRUE;
    }
    d = xf_decision_line_parse(words);
    if (d)
        put_entry(log, d, 0);
    return d != NULL;
}

/* One line, without its end. */
static gboolean
take_line(struct xf_decisions *log, const char *line, gboolean first)
{
    gint64 synced;
    g_auto(GStrv) words = xf_decision_line_words(line, &synced);

    if (!words)
        return FALSE;
    return first ? xf_decision_line_title_parse(words, log->identity,
                                                log->secret)
                 : take_words(log, words);
}

/* Does a line after a torn one show that the torn one has been on disk?  Those
 * that are written without waiting for each other can come to be there in any
 * order. */
static gboolean
shows_synced(const char *line, gint64 torn_at)
{
    gint64 synced;
    g_auto(GStrv) words = xf_decision_line_words(line, &synced);

    return words && (synced < 0 || synced > torn_at);
}

/* Takes the lines that are whole.  From the first on that is not, none may
 * have been on disk: they are to be left out. */
static gboolean
take_lines(struct xf_decisions *log, char *text, gsize len, GError **err)
{
    gsize at = 0;
    gint64 torn_at = -1;
    guint number = 0, torn = 0;
    char *end;

    for (; at < len && (end = memchr(text + at, '\n', len - at));
         at = end + 1 - text) {
        *end = '\0';
        number++;
        if (!torn && !take_line(log, text + at, number == 1)) {
            torn = number;
            torn_at = at;
        }
        if (torn == 1 || (torn && shows_synced(text + at, torn_at))) {
            g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM,
                        "%s: line %u is damaged; put back the file as it "
                        "was.  If it is lost, move it away: handoffs that "
                        "are still in doubt then need an administrator",
                        log->path, torn);
            return FALSE;
        }
    }
    if (!number) {
        g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM,
                    "%s: it does not begin as a decisions log does",
                    log->path);
        return FALSE;
    }
    if (torn || at < len)
        g_message("%s: line %u and what follows is torn, and is cut off: "
                  "nothing was done about it", log->path,
                  torn ? torn : number + 1);
    return TRUE;
}

/* -- writing -- */

static gboolean
write_all(struct xf_decisions *log, int fd, const char *text)
{
    gsize len = strlen(text);

    while (len) {
        gssize r = log->io->write(fd, text, len);

        if (r < 0 && errno == EINTR)
            continue;
        if (r == 0)
            errno = ENOSPC;
        if (r <= 0)
            return FALSE;
        text += r;
        len -= r;
    }
    return TRUE;
}

static gboolean
sync_fd(struct xf_decisions *log, int fd)
{
    int r;

    do
        r = log->io->fsync(fd);
    while (r < 0 && errno == EINTR);
    return r == 0;
}

static GString *
whole_text(struct xf_decisions *log)
{
    g_autofree char *title = xf_decision_line_title(log->identity,
                                                    log->secret);
    GString *text = g_string_new(title);
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, log->live);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct entry *entry = value;
        g_autofree char *line = xf_decision_line_format(entry->decision, -1);

        g_string_append(text, line);
    }
    return text;
}

/* What has been written and is not on disk never will be. */
static void
drop_pending(struct xf_decisions *log)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, log->live);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct entry *entry = value;

        if (entry->number <= log->on_disk)
            continue;
        if (!entry->before) {
            g_hash_table_iter_remove(&iter);
            continue;
        }
        xf_decision_free(entry->decision);
        entry->decision = g_steal_pointer(&entry->before);
        entry->number = 0;
    }
}

static void
wait_for_sync(struct xf_decisions *log)
{
    while (log->syncing)
        g_cond_wait(&log->synced, &log->lock);
}

/* Writes the file anew, beside the old one, and puts it in its place. */
static gboolean
rewrite(struct xf_decisions *log)
{
    wait_for_sync(log);

    g_autoptr(GString) text = whole_text(log);
    XF_AUTO_FD int fd = openat(log->dir_fd, NEW_NAME,
                               O_WRONLY | O_CREAT | O_TRUNC | O_APPEND
                                   | O_CLOEXEC,
                               0600);

    if (fd < 0 || !write_all(log, fd, text->str) || !sync_fd(log, fd)
        || renameat(log->dir_fd, NEW_NAME, log->dir_fd, FILE_NAME) < 0)
        return FALSE;
    xf_close_fd(&log->fd);
    log->fd = xf_steal_fd(&fd);
    log->size = text->len;
    log->dead = 0;
    /* Until then a crash may bring back the old one. */
    log->damage = DAMAGE_REWRITE;
    if (!sync_fd(log, log->dir_fd))
        return FALSE;
    log->damage = DAMAGE_NONE;
    log->size_on_disk = log->size;
    log->on_disk = log->written;
    g_cond_broadcast(&log->synced);
    return TRUE;
}

/* The file has what `live` has, for sure. */
static gboolean
heal(struct xf_decisions *log)
{
    if (log->damage == DAMAGE_CUT) {
        if (log->io->ftruncate(log->fd, log->size) == 0
            && sync_fd(log, log->fd))
            log->damage = DAMAGE_NONE;
        else
            log->damage = DAMAGE_REWRITE;
    }
    return log->damage == DAMAGE_NONE || rewrite(log);
}

/* At once, so that a crash does not find what was never believed.  If that
 * fails it is tried before anything else is done. */
static void
damaged(struct xf_decisions *log, enum damage damage)
{
    int errnum = errno;

    log->damage = damage;
    heal(log);
    errno = errnum;
}

/* Written, but not on disk yet.  The file is whole. */
static gboolean
append(struct xf_decisions *log, const char *line)
{
    if (!write_all(log, log->fd, line)) {
        damaged(log, DAMAGE_CUT);
        return FALSE;
    }
    log->size += strlen(line);
    return TRUE;
}

/* What has been written so far is on disk; or what is not is taken back,
 * whoever wrote it. */
static void
sync_written(struct xf_decisions *log)
{
    guint64 written = log->written;
    gint64 size = log->size;
    int fd = log->fd;

    log->syncing = TRUE;
    g_mutex_unlock(&log->lock);

    gboolean ok = sync_fd(log, fd);
    int errnum = errno;

    g_mutex_lock(&log->lock);
    log->syncing = FALSE;
    if (ok) {
        log->on_disk = MAX(log->on_disk, written);
        log->size_on_disk = size;
    } else {
        log->sync_errnum = errnum;
        drop_pending(log);
        damaged(log, DAMAGE_REWRITE);
    }
    g_cond_broadcast(&log->synced);
}

/* FALSE: it could not be written, and is in the log no more. */
static gboolean
wait_on_disk(struct xf_decisions *log, const char *token, guint64 number)
{
    const struct entry *entry;

    while ((entry = g_hash_table_lookup(log->live, token))
           && entry->number == number && number > log->on_disk) {
        if (log->syncing)
            g_cond_wait(&log->synced, &log->lock);
        else
            sync_written(log);
    }
    errno = log->sync_errnum;
    return entry && entry->number == number;
}

/* -- opening -- */

static gboolean
failed(const struct xf_decisions *log, const char *what, GError **err)
{
    xf_error_set_errno(err, errno, "%s: %s", log->path, what);
    return FALSE;
}

/* POSIX locks are the process's, so that no helper that outlives a killed
 * daemon keeps one. */
static gboolean
take_lock(struct xf_decisions *log, GError **err)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    log->lock_fd = openat(log->dir_fd, LOCK_NAME,
                          O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (log->lock_fd < 0)
        return failed(log, "cannot make a lock file beside it", err);
    if (fcntl(log->lock_fd, F_SETLK, &lock) == 0)
        return TRUE;
    if (errno != EACCES && errno != EAGAIN)
        return failed(log, "cannot be locked", err);
    g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM,
                "%s: another daemon has it open; a host has one daemon",
                log->path);
    return FALSE;
}

/* The folder, with the entry for it in its parent on disk. */
static gboolean
open_dir(struct xf_decisions *log, GError **err)
{
    g_autofree char *parent = g_path_get_dirname(log->dir);
    XF_AUTO_FD int parent_fd = -1;

    if (g_mkdir_with_parents(log->dir, 0700) < 0)
        return failed(log, "cannot make its folder", err);
    parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    log->dir_fd = open(log->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd < 0 || log->dir_fd < 0 || !sync_fd(log, parent_fd))
        return failed(log, "cannot open its folder", err);
    return take_lock(log, err);
}

static gboolean
make_log(struct xf_decisions *log, GError **err)
{
    guint8 bits[XF_LOG_ID_LEN / 2];

    if (getrandom(bits, sizeof(bits), 0) != sizeof(bits)
        || getrandom(log->secret, XF_KEY_LEN, 0) != XF_KEY_LEN)
        return failed(log, "no random bytes from the kernel", err);
    xf_hex_format(bits, sizeof(bits), log->identity);
    if (!rewrite(log))
        return failed(log, "cannot be made", err);
    g_message("%s: new decisions log %s", log->path, log->identity);
    return TRUE;
}

static gboolean
read_log(struct xf_decisions *log, GError **err)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) why = NULL;
    gsize len;

    if (!g_file_get_contents(log->path, &text, &len, &why)) {
        g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM, "decisions log: %s",
                    why->message);
        return FALSE;
    }
    /* A daemon that died may have written what it never came to sync, or
     * could not: the kernel shows that like all the rest, and a power cut
     * would take it away again.  To sync this file would not do: what a disk
     * has refused once is not written again by it. */
    return take_lines(log, text, len, err)
           && (rewrite(log)
               || failed(log, "cannot be written anew, without which nobody "
                              "knows what of it is on disk", err));
}

static gboolean
open_log(struct xf_decisions *log, GError **err)
{
    if (!open_dir(log, err))
        return FALSE;
    log->fd = openat(log->dir_fd, FILE_NAME, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (log->fd < 0 && errno == ENOENT)
        return make_log(log, err);
    if (log->fd < 0)
        return failed(log, "cannot be opened", err);
    return read_log(log, err);
}

struct xf_decisions *
xf_decisions_open(const char *dir, GError **err)
{
    return xf_decisions_open_on(dir, &system_io, err);
}

struct xf_decisions *
xf_decisions_open_on(const char *dir, const struct xf_decisions_io *io,
                     GError **err)
{
    struct xf_decisions *log = g_new0(struct xf_decisions, 1);

    g_mutex_init(&log->lock);
    g_cond_init(&log->synced);
    log->io = io;
    log->dir = g_strdup(dir);
    log->path = g_build_filename(dir, FILE_NAME, NULL);
    log->dir_fd = log->lock_fd = log->fd = -1;
    log->live = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                      entry_free);
    if (open_log(log, err))
        return log;
    xf_decisions_close(log);
    return NULL;
}

void
xf_decisions_close(struct xf_decisions *log)
{
    if (!log)
        return;
    xf_close_fd(&log->fd);
    xf_close_fd(&log->lock_fd);
    xf_close_fd(&log->dir_fd);
    g_hash_table_destroy(log->live);
    g_mutex_clear(&log->lock);
    g_cond_clear(&log->synced);
    g_free(log->dir);
    g_free(log->path);
    explicit_bzero(log, sizeof(*log));
    g_free(log);
}

void
xf_decisions_set_io(struct xf_decisions *log,
                    const struct xf_decisions_io *io)
{
    g_mutex_lock(&log->lock);
    log->io = io ? io : &system_io;
    g_mutex_unlock(&log->lock);
}

/* -- what it is for -- */

const char *
xf_decisions_identity(struct xf_decisions *log)
{
    return log->identity;
}

void
xf_decisions_token_key(struct xf_decisions *log, const char *token,
                       guint8 *out)
{
    static const char label[] = "xenferry log";
    gsize len = XF_KEY_LEN;
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, log->secret, XF_KEY_LEN);

    g_hmac_update(hmac, (const guchar *)label, strlen(label));
    g_hmac_update(hmac, (const guchar *)token, strlen(token));
    g_hmac_get_digest(hmac, out, &len);
    g_hmac_unref(hmac);
}

static gboolean
acknowledge(struct xf_decisions *log, const char *token)
{
    g_autofree char *line = NULL;

    if (!heal(log))
        return FALSE;
    line = xf_decision_line_acknowledge(token, log->size_on_disk);
    /* Lost in a crash it is only said once more: nobody waits for it. */
    if (!append(log, line))
        return FALSE;
    g_hash_table_remove(log->live, token);
    log->dead += 2;
    /* Not smaller now: the next time. */
    if (log->dead > DEAD_MAX
        && log->dead > g_hash_table_size(log->live) && !rewrite(log))
        g_message("%s: not written anew: %s", log->path, g_strerror(errno));
    return TRUE;
}

static const struct xf_decision *
find_by_uuid(struct xf_decisions *log, enum xf_decision_kind kind,
             const guint8 *uuid)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, log->live);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct xf_decision *d = in_force(log, value);

        if (d && d->kind == kind && memcmp(d->uuid, uuid, XF_UUID_LEN) == 0)
            return d;
    }
    return NULL;
}

static void
came_back(struct xf_decisions *log, const guint8 *uuid)
{
    const struct xf_decision *d =
        find_by_uuid(log, XF_DECISION_GIVEN_AWAY, uuid);

    while (d) {
        g_autofree char *token = g_strdup(d->token);

        /* What stays only makes a create() ask for more. */
        if (!acknowledge(log, token)) {
            g_warning("%s: %s", log->path, g_strerror(errno));
            return;
        }
        d = find_by_uuid(log, XF_DECISION_GIVEN_AWAY, uuid);
    }
}

static gboolean
add(struct xf_decisions *log, const struct xf_decision *decision)
{
    const struct xf_decision *old = find(log, decision->token);
    g_autofree char *line = NULL;

    if (old && old->kind == decision->kind)
        return TRUE;
    if (!heal(log))
        return FALSE;
    line = xf_decision_line_format(decision, log->size_on_disk);
    if (!append(log, line))
        return FALSE;

    guint64 number = ++log->written;

    put_entry(log, decision_copy(decision), number);
    if (!wait_on_disk(log, decision->token, number))
        return FALSE;
    if (decision->kind == XF_DECISION_COMMITTED)
        came_back(log, decision->uuid);
    return TRUE;
}

gboolean
xf_decisions_add(struct xf_decisions *log, const struct xf_decision *decision,
                 GError **err)
{
    g_mutex_lock(&log->lock);

    gboolean ok = add(log, decision)
                  || failed(log, "cannot write a decision", err);

    g_mutex_unlock(&log->lock);
    return ok;
}

gboolean
xf_decisions_settle(struct xf_decisions *log, GError **err)
{
    g_mutex_lock(&log->lock);

    gboolean ok = heal(log)
                  || failed(log, "cannot be made whole after a failed write",
                            err);

    g_mutex_unlock(&log->lock);
    return ok;
}

gboolean
xf_decisions_acknowledge(struct xf_decisions *log, const char *token,
                         GError **err)
{
    g_mutex_lock(&log->lock);

    gboolean ok = !g_hash_table_contains(log->live, token)
                  || acknowledge(log, token)
                  || failed(log, "cannot write an acknowledgement", err);

    g_mutex_unlock(&log->lock);
    return ok;
}

struct xf_decision *
xf_decisions_find(struct xf_decisions *log, const char *token)
{
    g_mutex_lock(&log->lock);

    const struct xf_decision *d = find(log, token);
    struct xf_decision *copy = d ? decision_copy(d) : NULL;

    g_mutex_unlock(&log->lock);
    return copy;
}

struct xf_decision *
xf_decisions_elsewhere(struct xf_decisions *log, const guint8 *uuid)
{
    g_mutex_lock(&log->lock);

    const struct xf_decision *d =
        find_by_uuid(log, XF_DECISION_GIVEN_AWAY, uuid);

    if (!d)
        d = find_by_uuid(log, XF_DECISION_SENDING, uuid);

    struct xf_decision *copy = d ? decision_copy(d) : NULL;

    g_mutex_unlock(&log->lock);
    return copy;
}

GPtrArray *
xf_decisions_all(struct xf_decisions *log)
{
    GPtrArray *all =
        g_ptr_array_new_with_free_func((GDestroyNotify)xf_decision_free);
    GHashTableIter iter;
    gpointer value;

    g_mutex_lock(&log->lock);
    g_hash_table_iter_init(&iter, log->live);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct xf_decision *d = in_force(log, value);

        if (d)
            g_ptr_array_add(all, decision_copy(d));
    }
    g_mutex_unlock(&log->lock);
    return all;
}
