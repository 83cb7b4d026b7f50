/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/host/traces.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* -- processes -- */

static char *
process_file(int pid, const char *name, gsize *len)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, name);
    char *text = NULL;

    /* It may have ended meanwhile: then it is nobody's. */
    return g_file_get_contents(path, &text, len, NULL) ? text : NULL;
}

static gboolean
has_in_environment(int pid, const char *wanted)
{
    gsize len;
    g_autofree char *all = process_file(pid, "environ", &len);
    gsize at = 0;

    while (all && at < len) {
        if (strcmp(all + at, wanted) == 0)
            return TRUE;
        at += strlen(all + at) + 1;
    }
    return FALSE;
}

/* The name of process `pid` if it is of that host; else NULL. */
static char *
name_of_ours(const struct host *host, int pid)
{
    g_autofree char *wanted =
        g_strconcat("XENSTORED_PATH=", host->xenstored_path, NULL);
    g_autofree char *stat = process_file(pid, "stat", NULL);
    char *name = stat ? strchr(stat, '(') : NULL;
    char *end = name ? strrchr(name, ')') : NULL;
    int parent;

    if (!end || sscanf(end, ") %*c %d", &parent) != 1)
        return NULL;
    return parent == host->daemon || has_in_environment(pid, wanted)
               ? g_strndup(name + 1, end - name - 1) : NULL;
}

/* -- ports -- */

/* The inodes of its sockets, as text. */
static void
add_sockets(GHashTable *sockets, int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", pid);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *fd;

    while (dir && (fd = g_dir_read_name(dir))) {
        char name[64], link[64] = "";
        unsigned long inode;

        g_snprintf(name, sizeof(name), "%s/%s", path, fd);
        if (readlink(name, link, sizeof(link) - 1) > 0
            && sscanf(link, "socket:[%lu]", &inode) == 1)
            g_hash_table_add(sockets, g_strdup_printf("%lu", inode));
    }
}

#define TCP_LISTENS 0x0a

static void
add_ports(GPtrArray *traces, GHashTable *sockets, const char *table)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    /* a machine without IPv6 has no table for it */
    if (!g_file_get_contents(table, &text, NULL, NULL))
        return;
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        unsigned port, state;
        char inode[32];

        if (sscanf(*line, " %*d: %*[0-9A-F]:%x %*s %x %*s %*s %*s %*s %*s "
                   "%31s", &port, &state, inode) == 3
            && state == TCP_LISTENS && g_hash_table_contains(sockets, inode))
            g_ptr_array_add(traces, g_strdup_printf("port %u", port));
    }
}

/* -- both -- */

static int
compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

GStrv
traces_of(const struct host *host)
{
    g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
    g_autoptr(GHashTable) sockets =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GPtrArray *traces = g_ptr_array_new();
    const char *entry;

    ck_assert_ptr_nonnull(dir);
    add_sockets(sockets, host->daemon);
    while ((entry = g_dir_read_name(dir))) {
        int pid = atoi(entry);
        g_autofree char *name = NULL;

        if (pid <= 0 || pid == host->daemon || pid == host->xenstored)
            continue;
        name = name_of_ours(host, pid);
        if (!name)
            continue;
        g_ptr_array_add(traces, g_strconcat("process ", name, NULL));
        add_sockets(sockets, pid);
    }
    add_ports(traces, sockets, "/proc/net/tcp");
    add_ports(traces, sockets, "/proc/net/tcp6");
    g_ptr_array_sort(traces, compare);
    g_ptr_array_add(traces, NULL);
    return (GStrv)g_ptr_array_free(traces, FALSE);
}

static gboolean
has_no_traces(const char *dir, void *user)
{
    struct host *host = user;
    g_auto(GStrv) now = traces_of(host);

    for (char **trace = now; *trace; trace++)
        if (!g_strv_contains((const char *const *)host->traces, *trace))
            return FALSE;
    return TRUE;
}

void
no_traces(struct host *host)
{
    if (xf_sim_wait(hosts_dir(), has_no_traces, host, DEADLINE_MS))
        return;

    g_auto(GStrv) now = traces_of(host);
    g_autofree char *before = g_strjoinv(", ", host->traces);
    g_autofree char *left = g_strjoinv(", ", now);

    ck_abort_msg("%s had %s at its start; now it has %s", host->name, before,
                 left);
}
