/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/sim/host.h"
#include "tests/sim/faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum field_type {
    FIELD_TEXT,
    FIELD_INT,
    FIELD_INT64,
};

#define FIELD(type, name) { #name, type, offsetof(struct sim_domain, name) }

/* N.dom: what it holds. */
static const struct {
    const char *name;
    enum field_type type;
    gsize offset;
} fields[] = {
    FIELD(FIELD_TEXT, name),
    FIELD(FIELD_TEXT, uuid),
    FIELD(FIELD_TEXT, life),
    FIELD(FIELD_INT, type),
    FIELD(FIELD_INT64, memory_kib),
    FIELD(FIELD_INT, vcpus),
    FIELD(FIELD_INT, paused),
    FIELD(FIELD_INT, shutdown),
    FIELD(FIELD_INT, dying),
    FIELD(FIELD_INT, log_dirty),
    FIELD(FIELD_INT, incoming),
    FIELD(FIELD_INT, asked),
    FIELD(FIELD_INT, helper),
    FIELD(FIELD_INT, on_poweroff),
    FIELD(FIELD_INT, on_reboot),
    FIELD(FIELD_INT, on_crash),
    FIELD(FIELD_INT64, pages),
    FIELD(FIELD_INT64, dirty_rate),
    FIELD(FIELD_INT64, writes),
    FIELD(FIELD_INT64, run_from),
    FIELD(FIELD_INT64, ran),
    FIELD(FIELD_INT64, event_at),
    FIELD(FIELD_INT, event),
    FIELD(FIELD_INT64, gone_at),
};

void
sim_domain_free(struct sim_domain *dom)
{
    if (!dom)
        return;
    g_free(dom->name);
    g_free(dom->uuid);
    g_free(dom->life);
    g_free(dom);
}

gboolean
sim_domain_runs(const struct sim_domain *dom)
{
    return !dom->paused && !dom->dying && dom->shutdown == SIM_UP;
}

/* -- files -- */

static char *
host_path(struct sim_host *host, const char *file)
{
    return g_build_filename(host->dir, file, NULL);
}

static char *
domain_path(struct sim_host *host, int domid, const char *suffix)
{
    return g_strdup_printf("%s/%d.%s", host->dir, domid, suffix);
}

static G_NORETURN void
broken(const char *path)
{
    g_error("simulated host: %s: %s", path, g_strerror(errno));
}

static void
write_all(const char *path, int fd, const char *text, gsize len)
{
    while (len) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno != EINTR)
            broken(path);
        if (n > 0) {
            text += n;
            len -= n;
        }
    }
}

/* NULL: no such file. */
static char *
file_read(const char *path)
{
    XF_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0) {
        if (errno != ENOENT)
            broken(path);
        return NULL;
    }
    if (fstat(fd, &st))
        broken(path);

    g_autofree char *text = g_malloc(st.st_size + 1);
    gsize len = 0;

    while (len < (gsize)st.st_size) {
        ssize_t n = read(fd, text + len, st.st_size - len);

        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            broken(path);
        if (n > 0)
            len += n;
    }
    text[len] = '\0';
    return g_steal_pointer(&text);
}

static void
file_replace(const char *path, const char *text)
{
    g_autofree char *tmp = g_strconcat(path, ".new", NULL);
    XF_AUTO_FD int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                             0644);

    if (fd < 0)
        broken(tmp);
    write_all(tmp, fd, text, strlen(text));
    if (rename(tmp, path))
        broken(path);
}

char *
sim_host_read(struct sim_host *host, const char *file)
{
    g_autofree char *path = host_path(host, file);

    return file_read(path);
}

void
sim_host_write(struct sim_host *host, const char *file, const char *text)
{
    g_autofree char *path = host_path(host, file);

    file_replace(path, text);
}

void
sim_host_append(struct sim_host *host, const char *file, const char *line)
{
    g_autofree char *path = host_path(host, file);
    XF_AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                             0644);

    if (fd < 0)
        broken(path);
    write_all(path, fd, line, strlen(line));
}

char *
sim_host_read_xml(struct sim_host *host, int domid)
{
    g_autofree char *path = domain_path(host, domid, "xml");

    return file_read(path);
}

void
sim_host_write_xml(struct sim_host *host, int domid, const char *xml)
{
    g_autofree char *path = domain_path(host, domid, "xml");

    file_replace(path, xml);
}

/* -- host -- */

struct sim_host *
sim_host_open(const char *dir, GError **err)
{
    if (g_mkdir_with_parents(dir, 0755)) {
        xf_error_set_errno(err, errno, "simulated host %s", dir);
        return NULL;
    }

    struct sim_host *host = g_new0(struct sim_host, 1);

    host->dir = g_strdup(dir);
    return host;
}

void
sim_host_free(struct sim_host *host)
{
    if (!host)
        return;
    g_free(host->dir);
    g_free(host);
}

int
sim_host_lock(struct sim_host *host)
{
    g_autofree char *path = host_path(host, "lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        broken(path);
    while (flock(fd, LOCK_EX))
        if (errno != EINTR)
            broken(path);
    return fd;
}

guint64
sim_host_memory_kib(struct sim_host *host)
{
    return sim_knob_int(host, NULL, "memory-kib", 64 * 1024 * 1024);
}

guint64
sim_host_free_kib(struct sim_host *host)
{
    guint64 used = SIM_DOM0_KIB;
    guint64 all = sim_host_memory_kib(host);
    DIR *dir = opendir(host->dir);

    if (!dir)
        broken(host->dir);
    for (struct dirent *entry; (entry = readdir(dir)); ) {
        struct stat st;

        if (!g_str_has_suffix(entry->d_name, ".mem"))
            continue;
        if (!fstatat(dirfd(dir), entry->d_name, &st, 0))
            used += st.st_size / 1024;
    }
    closedir(dir);
    return used < all ? all - used : 0;
}

/* -- memory -- */

static int
memory_open(struct sim_host *host, const struct sim_domain *dom)
{
    g_autofree char *path = domain_path(host, dom->domid, "mem");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        broken(path);
    return fd;
}

static void
memory_load(struct sim_host *host, const struct sim_domain *dom,
            guint64 *versions)
{
    XF_AUTO_FD int fd = memory_open(host, dom);

    memset(versions, 0, dom->pages * sizeof(*versions));
    if (pread(fd, versions, dom->pages * sizeof(*versions), 0) < 0)
        broken(dom->name);
}

static void
memory_store(struct sim_host *host, const struct sim_domain *dom, gsize first,
             gsize count, const guint64 *versions)
{
    XF_AUTO_FD int fd = memory_open(host, dom);
    gsize len = count * sizeof(*versions);

    if (pwrite(fd, versions, len, first * sizeof(*versions)) != (ssize_t)len)
        broken(dom->name);
}

/* How many writes the guest has made by `now`; a run makes one at least, so
 * that no run goes unseen. */
static gint64
writes_at(const struct sim_domain *dom, gint64 now)
{
    if (dom->run_from < 0)
        return dom->writes;

    gint64 us = MAX(now - dom->run_from, 0);

    return dom->writes + 1 + us / 1000 * dom->dirty_rate / 1000;
}

/* The version of a page after so many writes; 0: never written. */
static guint64
version_after(gint64 writes, gint64 page, gint64 pages)
{
    if (writes <= page)
        return 0;
    return writes - (writes - 1 - page) % pages;
}

/* Makes the writes that a running guest has made since it was last seen. */
static void
memory_age(struct sim_host *host, const struct sim_domain *dom, gint64 now,
           guint64 *versions)
{
    gint64 writes = writes_at(dom, now);

    memory_load(host, dom, versions);
    if (dom->run_from < 0)
        return;
    for (gint64 i = 0; i < dom->pages; i++)
        versions[i] = version_after(writes, i, dom->pages);
    memory_store(host, dom, 0, dom->pages, versions);
}

static gboolean
memory_is_whole(struct sim_host *host, const struct sim_domain *dom)
{
    g_autofree guint64 *versions = g_new(guint64, dom->pages);

    memory_load(host, dom, versions);
    for (gint64 i = 0; i < dom->pages; i++)
        if (versions[i] != version_after(dom->writes, i, dom->pages))
            return FALSE;
    return TRUE;
}

void
sim_host_read_memory(struct sim_host *host, struct sim_domain *dom,
                     guint64 *versions)
{
    memory_age(host, dom, g_get_monotonic_time(), versions);
}

void
sim_host_write_page(struct sim_host *host, struct sim_domain *dom,
                    guint64 page, guint64 version)
{
    memory_store(host, dom, page, 1, &version);
}

gboolean
sim_host_populate(struct sim_host *host, struct sim_domain *dom, guint64 kib)
{
    if (kib > sim_host_free_kib(host))
        return FALSE;

    XF_AUTO_FD int fd = memory_open(host, dom);

    dom->populated_kib += kib;
    if (ftruncate(fd, dom->populated_kib * 1024))
        broken(dom->name);
    return TRUE;
}

/* -- the guest's life -- */

static void
log_run(struct sim_host *host, const struct sim_domain *dom, gint64 now,
        gint64 writes, const char *how)
{
    g_autofree char *line =
        g_strdup_printf("%s %s %d %" G_GINT64_FORMAT " %" G_GINT64_FORMAT
                        " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s\n",
                        dom->uuid, dom->life, dom->domid, dom->run_from, now,
                        dom->writes, writes, how);

    sim_host_append(host, "ran", line);
}

/* The log line comes first: killed in between, the file still says that the
 * guest runs, and a reader joins lines of one beginning. */
static void
guest_stop(struct sim_host *host, struct sim_domain *dom, gint64 now)
{
    g_autofree guint64 *versions = g_new(guint64, dom->pages);
    gint64 writes = writes_at(dom, now);

    memory_age(host, dom, now, versions);
    log_run(host, dom, now, writes, "ok");
    dom->ran += now - dom->run_from;
    dom->writes = writes;
    dom->run_from = -1;
}

static void
guest_start(struct sim_host *host, struct sim_domain *dom, gint64 now)
{
    dom->run_from = now;
    if (memory_is_whole(host, dom))
        return;
    log_run(host, dom, now, dom->writes, "torn");
    dom->run_from = -1;
    dom->shutdown = SIM_CRASHED;
}

/* What has come over the guest since somebody looked.  TRUE: it changed. */
static gboolean
guest_settle(struct sim_host *host, struct sim_domain *dom, gint64 now)
{
    if (!dom->event_at || dom->event_at > now || dom->run_from < 0)
        return FALSE;
    guest_stop(host, dom, dom->event_at);
    dom->shutdown = dom->event;
    dom->event_at = 0;
    return TRUE;
}

/* -- domains -- */

static void
field_parse(struct sim_domain *dom, const char *key, const char *value)
{
    for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
        void *at = G_STRUCT_MEMBER_P(dom, fields[i].offset);

        if (strcmp(key, fields[i].name))
            continue;
        if (fields[i].type == FIELD_TEXT)
            *(char **)at = g_strdup(value);
        else if (fields[i].type == FIELD_INT)
            *(int *)at = g_ascii_strtoll(value, NULL, 10);
        else
            *(gint64 *)at = g_ascii_strtoll(value, NULL, 10);
    }
}

static struct sim_domain *
domain_load(struct sim_host *host, int domid)
{
    g_autofree char *path = domain_path(host, domid, "dom");
    g_autofree char *text = file_read(path);

    if (!text)
        return NULL;

    struct sim_domain *dom = g_new0(struct sim_domain, 1);

    dom->domid = domid;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        char *value = strchr(line, ' ');

        *end = '\0';
        if (!value)
            g_error("simulated host: %s: bad line: %s", path, line);
        *value = '\0';
        field_parse(dom, line, value + 1);
    }

    g_autofree char *memory = domain_path(host, domid, "mem");
    struct stat st;

    if (!stat(memory, &st))
        dom->populated_kib = st.st_size / 1024;
    return dom;
}

static void
domain_store(struct sim_host *host, const struct sim_domain *dom)
{
    g_autofree char *path = domain_path(host, dom->domid, "dom");
    g_autoptr(GString) text = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
        const void *at = G_STRUCT_MEMBER_P(dom, fields[i].offset);

        g_string_append_printf(text, "%s ", fields[i].name);
        if (fields[i].type == FIELD_TEXT)
            g_string_append(text, *(char *const *)at);
        else
            g_string_append_printf(text, "%" G_GINT64_FORMAT,
                                   fields[i].type == FIELD_INT ?
                                       *(const int *)at :
                                       *(const gint64 *)at);
        g_string_append_c(text, '\n');
    }
    file_replace(path, text->str);
}

struct sim_domain *
sim_host_get(struct sim_host *host, int domid)
{
    XF_AUTO(sim_domain) *dom = domain_load(host, domid);
    gint64 now = g_get_monotonic_time();

    if (!dom)
        return NULL;
    if (dom->dying && dom->gone_at && dom->gone_at <= now) {
        sim_host_drop(host, dom);
        return NULL;
    }
    if (guest_settle(host, dom, now))
        domain_store(host, dom);
    return g_steal_pointer(&dom);
}

static int
by_domid(const void *a, const void *b)
{
    const struct sim_domain *const *left = a, *const *right = b;

    return (*left)->domid - (*right)->domid;
}

GPtrArray *
sim_host_domains(struct sim_host *host)
{
    GPtrArray *all =
        g_ptr_array_new_with_free_func((GDestroyNotify)sim_domain_free);
    g_autoptr(GDir) dir = g_dir_open(host->dir, 0, NULL);

    if (!dir)
        broken(host->dir);
    for (const char *file; (file = g_dir_read_name(dir)); ) {
        if (!g_str_has_suffix(file, ".dom"))
            continue;

        struct sim_domain *dom = sim_host_get(host, atoi(file));

        if (dom)
            g_ptr_array_add(all, dom);
    }
    g_ptr_array_sort(all, by_domid);
    return all;
}

struct sim_domain *
sim_host_find(struct sim_host *host, const char *name)
{
    g_autoptr(GPtrArray) all = sim_host_domains(host);

    for (guint i = 0; i < all->len; i++) {
        struct sim_domain *dom = all->pdata[i];

        if (!strcmp(dom->name, name))
            return g_ptr_array_steal_index(all, i);
    }
    return NULL;
}

struct sim_domain *
sim_host_add(struct sim_host *host, const char *name, const char *uuid)
{
    struct sim_domain *dom = g_new0(struct sim_domain, 1);
    g_autofree char *next = sim_host_read(host, "next");

    dom->domid = next ? atoi(next) : 1;
    dom->name = g_strdup(name);
    dom->uuid = g_strdup(uuid);
    dom->life = g_uuid_string_random();
    dom->paused = TRUE;
    dom->vcpus = 1;
    dom->pages = sim_knob_int(host, name, "pages", 64);
    dom->dirty_rate = sim_knob_int(host, name, "dirty-rate", 1000);
    dom->run_from = -1;

    g_autofree char *after = g_strdup_printf("%d\n", dom->domid + 1);

    sim_host_write(host, "next", after);
    return dom;
}

void
sim_host_put(struct sim_host *host, struct sim_domain *dom)
{
    gint64 now = g_get_monotonic_time();

    if (sim_domain_runs(dom) && dom->run_from < 0)
        guest_start(host, dom, now);
    else if (!sim_domain_runs(dom) && dom->run_from >= 0)
        guest_stop(host, dom, now);
    domain_store(host, dom);
}

void
sim_host_reboot(struct sim_host *host, struct sim_domain *dom)
{
    g_autofree guint64 *zero = g_new0(guint64, dom->pages);

    memory_store(host, dom, 0, dom->pages, zero);
    g_free(dom->life);
    dom->life = g_uuid_string_random();
    dom->writes = 0;
    dom->ran = 0;
    dom->event_at = 0;
    dom->shutdown = SIM_UP;
    sim_host_put(host, dom);
}

void
sim_host_drop(struct sim_host *host, struct sim_domain *dom)
{
    /* the state goes last: what is half gone when we are killed is dying,
     * and the next look ends it */
    static const char *const suffixes[] = { "mem", "xml", "dom" };

    dom->dying = TRUE;
    dom->gone_at = g_get_monotonic_time();
    sim_host_put(host, dom);
    for (gsize i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = domain_path(host, dom->domid, suffixes[i]);

        if (unlink(path) && errno != ENOENT)
            broken(path);
    }
}
