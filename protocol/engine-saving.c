/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is remembered while a domain goes into a file, and what a restarted
 * daemon makes of it.
 *
 * The file is written beside its place and renamed there when it is whole and
 * on disk: the rename is the decision.  A domain that is found suspended is
 * destroyed when its file, the very same inode, is in its place, and else
 * resumed.  The note is STATE-DIR/saves/UUID, written before the domain is
 * asked to suspend and removed after the last act; it need not outlive the
 * host, since a suspended domain does not either.
 */
#include "config.h"

#include "protocol/engine-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP "save"

static char *
note_dir(struct xf_engine *engine)
{
    return g_build_filename(engine->config.state_dir, "saves", NULL);
}

static char *
note_path(struct xf_engine *engine, const guint8 *uuid)
{
    g_autofree char *dir = note_dir(engine);
    char text[XF_UUID_STRING_LEN + 1];

    return g_build_filename(dir, xf_uuid_format(uuid, text), NULL);
}

char *
xf_saving_partial(const char *path)
{
    return g_strconcat(path, ".partial", NULL);
}

gboolean
xf_saving_note(struct xf_engine *engine, const struct xf_saving *saving,
               GError **err)
{
    g_autofree char *dir = note_dir(engine);
    g_autofree char *path = note_path(engine, saving->uuid);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *text = NULL;
    gsize len;

    g_key_file_set_integer(file, GROUP, "domid", saving->domid);
    g_key_file_set_boolean(file, GROUP, "paused", saving->paused);
    g_key_file_set_uint64(file, GROUP, "dev", saving->dev);
    g_key_file_set_uint64(file, GROUP, "ino", saving->ino);
    g_key_file_set_string(file, GROUP, "path", saving->path);
    text = g_key_file_to_data(file, &len, NULL);
    if (g_mkdir_with_parents(dir, 0700) < 0) {
        xf_error_set_errno(err, errno, "cannot make %s", dir);
        return FALSE;
    }
    return g_file_set_contents_full(path, text, len,
                                    G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                    err);
}

void
xf_saving_forget(struct xf_engine *engine, const struct xf_saving *saving)
{
    g_autofree char *path = note_path(engine, saving->uuid);

    if (g_unlink(path) < 0 && errno != ENOENT)
        g_warning("cannot remove %s: %s; it is looked at again at the next "
                  "start", path, g_strerror(errno));
}

/* -- at start -- */

static gboolean
is_file(const struct xf_saving *saving, const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && st.st_dev == saving->dev
           && st.st_ino == saving->ino;
}

static gboolean
read_note(const char *path, const char *name, struct xf_saving *saving,
          GError **err)
{
    g_autoptr(GKeyFile) file = g_key_file_new();

    if (!xf_uuid_parse(name, saving->uuid)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INTERNAL,
                    "its name is not a uuid");
        return FALSE;
    }
    if (!g_key_file_load_from_file(file, path, 0, err))
        return FALSE;
    saving->domid = g_key_file_get_integer(file, GROUP, "domid", NULL);
    saving->paused = g_key_file_get_boolean(file, GROUP, "paused", NULL);
    saving->dev = g_key_file_get_uint64(file, GROUP, "dev", NULL);
    saving->ino = g_key_file_get_uint64(file, GROUP, "ino", NULL);
    saving->path = g_key_file_get_string(file, GROUP, "path", err);
    return saving->path != NULL;
}

/* *here: it is, under the number and the uuid of the note. */
static gboolean
look(struct xf_engine *engine, const struct xf_saving *saving,
     struct xf_hv_domain *domain, gboolean *here, GError **err)
{
    struct xf_hypervisor *hv = engine->hv;
    g_autoptr(GError) why = NULL;

    *here = hv->ops->info(hv, saving->domid, domain, &why)
            && memcmp(domain->uuid, saving->uuid, XF_UUID_LEN) == 0
            && !domain->dying;
    if (!why || g_error_matches(why, XF_ERROR, XF_ERROR_NO_DOMAIN))
        return TRUE;
    g_propagate_error(err, g_steal_pointer(&why));
    return FALSE;
}

/* Does what the note says.  FALSE: to be tried at the next start. */
static gboolean
settle(struct xf_engine *engine, const struct xf_saving *saving, GError **err)
{
    struct xf_hypervisor *hv = engine->hv;
    g_autofree char *partial = xf_saving_partial(saving->path);
    gboolean whole = is_file(saving, saving->path);
    struct xf_hv_domain domain;
    gboolean here;

    if (!look(engine, saving, &domain, &here, err))
        return FALSE;
    if (here && !whole) {
        hv->ops->suspend_clean(hv, domain.domid);
        if (!look(engine, saving, &domain, &here, err))
            return FALSE;
    }
    if (here && domain.suspended) {
        g_message("domain '%s' was suspended to be saved in %s: it is %s",
                  domain.name, saving->path,
                  whole ? "there as a whole, and destroyed here"
                        : "not there as a whole, and runs on here");
        if (!(whole ? xf_engine_destroy(engine, domain.domid, err)
                    : hv->ops->resume(hv, domain.domid, saving->paused, err)))
            return FALSE;
    }
    if (is_file(saving, partial))
        g_unlink(partial);      /* what is left of it harms nobody */
    return TRUE;
}

static void
recover_one(struct xf_engine *engine, const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    struct xf_saving saving = { 0 };
    g_autoptr(GError) err = NULL;

    if (!read_note(path, name, &saving, &err))
        g_warning("%s: not understood, and left as it is: %s", path,
                  err->message);
    else if (!settle(engine, &saving, &err))
        g_warning("a domain was suspended to be saved in %s, and what was to "
                  "follow failed; it is tried at the next start: %s",
                  saving.path, err->message);
    else
        xf_saving_forget(engine, &saving);
    g_free(saving.path);
}

void
xf_saving_recover(struct xf_engine *engine)
{
    g_autofree char *path = note_dir(engine);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);    /* none: nothing */
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        recover_one(engine, path, name);
}
