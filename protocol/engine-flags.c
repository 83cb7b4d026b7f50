/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which migration flags are honoured.  A client passes on whatever its user
 * gave, whatever the peer can do: each phase that sees a flag first must
 * refuse it, or `--tls` would silently migrate in clear. */
#include "config.h"

#include "protocol/engine-private.h"

static const struct {
    guint32 flag;
    const char *name;
    gboolean honoured;
} flags[] = {
    { XF_MIGRATE_LIVE, "live", TRUE },
    { XF_MIGRATE_PEER2PEER, "p2p", FALSE },
    { XF_MIGRATE_TUNNELLED, "tunnelled", FALSE },
    { XF_MIGRATE_PERSIST_DEST, "persistent", TRUE },
    { XF_MIGRATE_UNDEFINE_SOURCE, "undefinesource", TRUE },
    { XF_MIGRATE_PAUSED, "suspend", TRUE },
    { XF_MIGRATE_NON_SHARED_DISK, "copy-storage-all", FALSE },
    { XF_MIGRATE_NON_SHARED_INC, "copy-storage-inc", FALSE },
    /* A domain is always protected while a handoff has it. */
    { XF_MIGRATE_CHANGE_PROTECTION, "change-protection", TRUE },
    /* There is no check of disk caches that it would have to override. */
    { XF_MIGRATE_UNSAFE, "unsafe", TRUE },
    { XF_MIGRATE_OFFLINE, "offline", TRUE },
    { XF_MIGRATE_COMPRESSED, "compressed", FALSE },
    /* No error is ever ignored. */
    { XF_MIGRATE_ABORT_ON_ERROR, "abort-on-error", TRUE },
    { XF_MIGRATE_AUTO_CONVERGE, "auto-converge", FALSE },
    { 1 << 14, "rdma-pin-all", FALSE },
    { 1 << 15, "postcopy", FALSE },
    { 1 << 16, "tls", FALSE },
    { 1 << 17, "parallel", FALSE },
    { 1 << 18, "non-shared-synchronous-writes", FALSE },
    { 1 << 19, "postcopy-resume", FALSE },
    { 1 << 20, "zerocopy", FALSE },
};

/* What goes only with another. */
static gboolean
check_together(const struct xf_migrate_args *args, GError **err)
{
    gboolean persist = (args->flags & XF_MIGRATE_PERSIST_DEST) != 0;

    if (args->flags & XF_MIGRATE_OFFLINE && !persist)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                            "offline migration moves a definition: it needs "
                            "the flag persistent as well");
    else if (args->persist_xml && !persist)
        g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                            "migration parameter 'persistent_xml' needs the "
                            "flag persistent");
    else
        return TRUE;
    return FALSE;
}

gboolean
xf_flags_check(const struct xf_migrate_args *args, GError **err)
{
    const char *fault = args->dname ? xf_name_fault(args->dname) : NULL;
    guint32 left = args->flags;

    if (fault) {
        g_autofree char *shown = g_utf8_make_valid(args->dname, -1);

        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "the name at the destination, '%s', %s", shown, fault);
        return FALSE;
    }
    if (!xf_speed_check(args->bandwidth, err))
        return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (!(left & flags[i].flag))
            continue;
        left &= ~flags[i].flag;
        if (!flags[i].honoured) {
            g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                        "unsupported migration flag: %s (0x%x); leave it "
                        "out", flags[i].name, flags[i].flag);
            return FALSE;
        }
    }
    if (left) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "unsupported flags (0x%x) in migration request", left);
        return FALSE;
    }
    return check_together(args, err);
}
