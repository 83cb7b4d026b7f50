/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xen/claim.h"
#include "xen/xenstore.h"

#define TRIES 100

/* Fields of /proc/PID/stat after the program's name. */
enum {
    STAT_STATE = 0,
    STAT_START = 19,
};

char *
xf_process_name(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;
    g_auto(GStrv) fields = NULL;
    const char *close;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    /* the program's name may hold anything, parentheses and blanks too */
    close = strrchr(text, ')');
    if (!close || close[1] != ' ')
        return NULL;
    fields = g_strsplit(close + 2, " ", -1);
    if (g_strv_length(fields) <= STAT_START ||
        strchr("ZX", *fields[STAT_STATE]))
        return NULL;
    return g_strdup_printf("%d %s", pid, fields[STAT_START]);
}

gboolean
xf_process_lives(const char *name)
{
    g_autofree char *now = xf_process_name(atoi(name));

    return g_strcmp0(now, name) == 0;
}

/* One try: 0, or an errno; EBUSY: *other lives. */
static int
attempt(struct xs_handle *xs, const char *ours, char **other)
{
    struct xs_permissions nobody = { .id = 0, .perms = XS_PERM_NONE };
    xs_transaction_t t = xs_transaction_start(xs);
    unsigned int len;
    int e = 0;

    if (t == XBT_NULL)
        return errno;

    char *found = xs_read(xs, t, XF_CLAIM_NODE, &len);

    if (!found && errno != ENOENT)
        e = errno;
    else if (found && strcmp(found, ours) != 0 && xf_process_lives(found))
        e = EBUSY;
    else if (!xs_write(xs, t, XF_CLAIM_NODE, ours, strlen(ours)) ||
             !xs_set_permissions(xs, t, XF_CLAIM_NODE, &nobody, 1))
        e = errno;
    if (e == EBUSY)
        *other = g_strdup(found);
    free(found);
    if (!xs_transaction_end(xs, t, e != 0) && !e)
        e = errno;
    return e;
}

gboolean
xf_host_claim(GError **err)
{
    XF_AUTO(xs_handle) *xs = xf_xs_open(err);
    g_autofree char *ours = xf_process_name(getpid());
    g_autofree char *other = NULL;
    int e = EAGAIN;

    if (!xs)
        return FALSE;
    if (!ours) {
        g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM,
                    "/proc does not tell when this process began");
        return FALSE;
    }
    /* Somebody who comes at the same time gets through first. */
    for (int i = 0; e == EAGAIN && i < TRIES; i++)
        e = attempt(xs, ours, &other);
    if (other)
        g_set_error(err, XF_ERROR, XF_ERROR_BUSY,
                    "this host has a daemon already: process %d (xenstore: "
                    XF_CLAIM_NODE "); there can be only one", atoi(other));
    else if (e)
        xf_error_set_errno(err, e, "xenstore: cannot write " XF_CLAIM_NODE);
    return !e;
}
