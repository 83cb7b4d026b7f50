/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/types.h"
#include "xen/orphans.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>

/* As the kernel cuts it: 15 bytes. */
#define HELPER "libxl-save-help"

#define WAIT_MS 10000

/* FALSE: no such process (any more). */
static gboolean
read_status(int pid, char *name, gsize len, int *parent)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;
    const char *open, *close;
    char state;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    /* the name may hold anything, parentheses too */
    open = strchr(text, '(');
    close = strrchr(text, ')');
    if (!open || !close || close < open ||
        sscanf(close + 1, " %c %d", &state, parent) != 2)
        return FALSE;
    g_strlcpy(name, open + 1, MIN(len, (gsize)(close - open)));
    return state != 'Z';
}

static gboolean
is_orphan(int pid, const char *wanted)
{
    char name[64];
    int parent;

    return read_status(pid, name, sizeof(name), &parent) && parent == 1 &&
           strcmp(name, wanted) == 0;
}

static gboolean
wait_gone(int pidfd)
{
    struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
    int r;

    do {
        r = poll(&pfd, 1, WAIT_MS);
    } while (r < 0 && errno == EINTR);
    return r > 0;
}

/* The pidfd is opened before the process is looked at: its number cannot
 * come to mean another one in between. */
static gboolean
end_if_orphan(int pid, const char *name)
{
    XF_AUTO_FD int pidfd = pidfd_open(pid, 0);

    if (pidfd < 0 || !is_orphan(pid, name))
        return FALSE;
    if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0) {
        if (errno != ESRCH)
            g_warning("process %d (%s) is left of a process that died and "
                      "cannot be ended: %s", pid, name, g_strerror(errno));
        return FALSE;
    }
    if (wait_gone(pidfd))
        g_message("ended process %d (%s), left of a process that died", pid,
                  name);
    else
        g_warning("process %d (%s), left of a process that died, does not "
                  "end", pid, name);
    return TRUE;
}

guint
xf_orphans_end(const char *name)
{
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    const char *entry;
    guint count = 0;

    while (proc && (entry = g_dir_read_name(proc))) {
        guint64 pid;

        if (g_ascii_string_to_unsigned(entry, 10, 1, G_MAXINT, &pid, NULL) &&
            end_if_orphan(pid, name ? name : HELPER))
            count++;
    }
    return count;
}
