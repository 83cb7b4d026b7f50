/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting stored domains when the host has booted.
 *
 * The file `autostarted` in run_dir, which a boot empties, has a line for each
 * domain that was tried, written before it is started, and the line "done"
 * when none is left: a daemon that is restarted goes on where the last one
 * was, and a domain that somebody has shut down since stays down.
 *
 * Nothing is started that may run elsewhere.  What was given away is left
 * alone, for good.  What a handoff has, in doubt for instance, waits until
 * the handoff has ended, and is looked at again then.
 */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "autostarted"
#define DONE "done"
#define LOOK_AGAIN_US XF_FAULT_TIME(500 * 1000)

struct autostart {
    struct xf_engine *engine;
    char *path;
    GPtrArray *waiting;         /* struct xf_definition * */
};

/* -- the file -- */

static gboolean
note(struct autostart *a, const char *line, GError **err)
{
    XF_AUTO_FD int fd = open(a->path,
                             O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    g_autofree char *text = g_strconcat(line, "\n", NULL);
    gssize len = strlen(text);

    if (fd >= 0 && write(fd, text, len) == len)
        return TRUE;
    xf_error_set_errno(err, errno, "%s cannot be written", a->path);
    return FALSE;
}

/* NULL: it cannot be read.  Empty: this is the first start since the boot. */
static GStrv
noted(struct autostart *a, GError **err)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) why = NULL;

    if (g_file_get_contents(a->path, &text, NULL, &why))
        return g_strsplit(text, "\n", -1);
    if (g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return g_new0(char *, 1);
    g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM, "%s", why->message);
    return NULL;
}

/* -- domains -- */

static GPtrArray *
candidates(struct xf_engine *engine, GStrv tried)
{
    GPtrArray *all = xf_defined_all(engine->defined);
    char uuid[XF_UUID_STRING_LEN + 1];

    for (guint i = all->len; i-- > 0;) {
        const struct xf_definition *d = g_ptr_array_index(all, i);

        xf_uuid_format(d->info.uuid, uuid);
        if (!d->autostart
            || g_strv_contains((const char *const *)tried, uuid))
            g_ptr_array_remove_index(all, i);
    }
    return all;
}

/* TRUE: to be started now. */
static gboolean
wanted(struct xf_engine *engine, const struct xf_definition *d)
{
    struct xf_hv_domain live;
    g_autoptr(GError) err = NULL;
    int lives = xf_engine_lives(engine, d->info.uuid, &live, &err);

    if (lives == 0 && xf_engine_may_start(engine, d->info.uuid, &err))
        return TRUE;
    if (err)
        g_message("autostart: left alone: %s", err->message);
    return FALSE;
}

static void
start(struct autostart *a, const struct xf_definition *d)
{
    char uuid[XF_UUID_STRING_LEN + 1];
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_domain_ref) *dom = NULL;

    if (note(a, xf_uuid_format(d->info.uuid, uuid), &err))
        dom = xf_engine_start(a->engine, d, d->xml, 0, &err);
    if (dom)
        g_message("autostart: domain '%s' runs, with id %d", dom->name,
                  dom->id);
    else
        g_warning("autostart: domain '%s' is not started: %s", d->info.name,
                  err->message);
}

/* FALSE: a handoff has it; to be looked at again. */
static gboolean
settle(struct autostart *a, const guint8 *uuid)
{
    struct xf_engine *engine = a->engine;
    /* as it is by now */
    XF_AUTO(xf_definition) *d = xf_defined_by_uuid(engine->defined, uuid);

    if (d && !xf_engine_guard(engine, uuid, FALSE, NULL))
        return FALSE;
    if (d && d->autostart && wanted(engine, d))
        start(a, d);
    return TRUE;
}

static void
look(struct autostart *a, gboolean first)
{
    for (guint i = 0; i < a->waiting->len;) {
        const struct xf_definition *d = g_ptr_array_index(a->waiting, i);

        if (xf_engine_stopping(a->engine))
            return;
        if (settle(a, d->info.uuid)) {
            g_ptr_array_remove_index(a->waiting, i);
            continue;
        }
        if (first)
            g_message("autostart: domain '%s' waits for the end of its "
                      "handoff", d->info.name);
        i++;
    }
}

static void
look_until_done(struct autostart *a)
{
    struct xf_engine *engine = a->engine;
    g_autoptr(GError) err = NULL;

    for (gboolean first = TRUE; !xf_engine_stopping(engine); first = FALSE) {
        look(a, first);
        if (!a->waiting->len)
            break;
        g_mutex_lock(&engine->lock);
        if (!xf_engine_stopping(engine))
            g_cond_wait_until(&engine->changed, &engine->lock,
                              g_get_monotonic_time() + LOOK_AGAIN_US);
        g_mutex_unlock(&engine->lock);
    }
    if (!a->waiting->len && !note(a, DONE, &err))
        g_warning("autostart: %s", err->message);
}

static void
run(struct autostart *a)
{
    g_autoptr(GError) err = NULL;
    g_auto(GStrv) tried = noted(a, &err);

    /* Not known who was started already: then nobody is. */
    if (!tried)
        g_warning("autostart: nothing is started: %s", err->message);
    if (!tried || g_strv_contains((const char *const *)tried, DONE))
        return;
    a->waiting = candidates(a->engine, tried);
    look_until_done(a);
    g_ptr_array_unref(a->waiting);
}

static gpointer
autostart_main(gpointer data)
{
    struct autostart *a = data;
    struct xf_engine *engine = a->engine;

    run(a);
    g_free(a->path);
    g_free(a);
    g_mutex_lock(&engine->lock);
    engine->threads--;
    g_cond_broadcast(&engine->changed);
    g_mutex_unlock(&engine->lock);
    return NULL;
}

void
xf_engine_autostart(struct xf_engine *engine)
{
    struct autostart *a;

    if (!engine->config.run_dir)
        return;
    a = g_new0(struct autostart, 1);
    a->engine = engine;
    a->path = g_build_filename(engine->config.run_dir, FILE_NAME, NULL);
    g_mutex_lock(&engine->lock);
    engine->threads++;
    g_mutex_unlock(&engine->lock);
    g_thread_unref(g_thread_new("autostart", autostart_main, a));
}
