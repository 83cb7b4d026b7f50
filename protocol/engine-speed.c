/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How fast a domain's memory may leave: what was said for the domain, and
 * the Perform that is under way. */
#include "config.h"

#include "protocol/engine-private.h"

#define MIB (1024 * 1024)
#define SPEEDS_MAX 1024

gboolean
xf_speed_check(guint64 speed, GError **err)
{
    if (speed <= G_MAXUINT64 / MIB)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "bandwidth: %" G_GUINT64_FORMAT " MiB/s is more than can be "
                "counted; give 0 for no limit", speed);
    return FALSE;
}

static void
remember(struct xf_engine *engine, const guint8 *uuid, guint64 speed)
{
    char text[XF_UUID_STRING_LEN + 1];

    xf_uuid_format(uuid, text);
    g_mutex_lock(&engine->lock);
    if (g_hash_table_size(engine->speeds) >= SPEEDS_MAX)
        g_hash_table_remove_all(engine->speeds);
    if (speed)
        g_hash_table_replace(engine->speeds, g_strdup(text),
                             g_memdup2(&speed, sizeof(speed)));
    else
        g_hash_table_remove(engine->speeds, text);
    g_mutex_unlock(&engine->lock);
}

guint64
xf_engine_speed(struct xf_engine *engine, const guint8 *uuid)
{
    char text[XF_UUID_STRING_LEN + 1];

    xf_uuid_format(uuid, text);
    g_mutex_lock(&engine->lock);

    const guint64 *speed = g_hash_table_lookup(engine->speeds, text);
    guint64 value = speed ? *speed : 0;

    g_mutex_unlock(&engine->lock);
    return value;
}

gboolean
xf_engine_set_speed(struct xf_engine *engine, const guint8 *uuid,
                    guint64 speed, GError **err)
{
    XF_AUTO(xf_handoff) *h = NULL;

    if (!xf_speed_check(speed, err))
        return FALSE;
    h = xf_engine_by_uuid(engine, XF_SOURCE, uuid);
    if (h && !xf_job_set_rate(&h->job, speed * MIB, err))
        return FALSE;
    remember(engine, uuid, speed);
    return TRUE;
}

gboolean
xf_speed_start(struct xf_handoff *h, guint64 wanted, GError **err)
{
    guint64 speed = wanted ? wanted : xf_engine_speed(h->engine, h->uuid);

    return xf_job_set_rate(&h->job, speed * MIB, err);
}
