// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Run on a lab host: waits for a point of a migration, as it shows from
 * outside, and brings a fault about at once.
 *
 * Usage: trigger SECONDS POINT ACTION [POINT ACTION]...
 *
 * A POINT (see the table of points):
 *   state=STATE      a handoff's record comes into that state
 *   line=WORD        the decisions log gets a line that says so
 *   node=PATH=VALUE  a node in xenstore gets that value
 *   name=NAME        a domain gets that name
 *   leaf=NAME        a node of that name, of any domain, gets a value
 *   sent=MIB         so much went out on the link since the start, ...
 *   received=MIB     ... or came in
 *   suspended        a domain has suspended itself
 *   runs             a domain runs that was not there at the start
 *   next             at once
 *
 * An ACTION:
 *   kill=PROCESS     SIGKILL; a PROCESS is a number, @FILE with a number in
 *   stop=PROCESS     SIGSTOP  it, or ~WORD for all whose command line has that
 *   down=NIC         takes the interface down
 *   forget=PATH      removes that node of xenstore and all below it
 *   run=WORD         runs "host WORD", which is beside the trigger
 *
 * Prints "ready", then "fired POINT" for each; exit status 1 when the time is
 * up.  It runs before everything else in dom0, so that what it waits for goes
 * on for no more than some milliseconds.
 */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenstore.h>

#define PERIOD_MS 2
#define MOST_DOMAINS 16
#define MIB (1024 * 1024)
#define RECORDS "/tool/xenferry/handoff"
#define DECISIONS "/var/lib/xenferry/decisions"
#define LINK "/sys/class/net/eth1/statistics/"

struct world {
    struct xs_handle *xs;
    xc_interface *xc;
    const char *self;           /* this program's path */
    uint64_t sent, received;    /* at the start */
    uint32_t last_domid;        /* at the start */
    long decisions_end;         /* at the start */
    char *path;                 /* of xenstore that has just changed, or NULL */
};

static _Noreturn void __attribute__((format(printf, 1, 2)))
die(const char *format, ...)
{
    va_list arguments;

    fputs("trigger: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* -- points -- */

/* A node that is not there is as one without a value. */
static int
node_is(const struct world *w, const char *path, const char *value)
{
    char *is = xs_read(w->xs, XBT_NULL, path, NULL);
    int same = strcmp(is ? is : "", value) == 0;

    free(is);
    return same;
}

/* Is it that kind of node that has just changed? */
static int
changed(const struct world *w, const char *last)
{
    const char *end = w->path ? strrchr(w->path, '/') : NULL;

    return end && strcmp(end + 1, last) == 0;
}

static int
changed_to(const struct world *w, const char *last, const char *value)
{
    return changed(w, last) && node_is(w, w->path, value);
}

static int
state_reached(const struct world *w, const char *value)
{
    return changed_to(w, "state", value);
}

static int
name_given(const struct world *w, const char *value)
{
    /* a record has a name, too */
    return changed_to(w, "name", value)
           && strncmp(w->path, "/local/domain/", 14) == 0;
}

static int
leaf_given(const struct world *w, const char *value)
{
    return changed(w, value) && !node_is(w, w->path, "");
}

static int
node_reached(const struct world *w, const char *value)
{
    const char *equals = strchr(value, '=');
    char path[256];

    if (!equals || (size_t)(equals - value) >= sizeof path)
        die("node=%s is no PATH=VALUE", value);
    memcpy(path, value, equals - value);
    path[equals - value] = '\0';
    return w->path && strcmp(w->path, path) == 0
           && node_is(w, path, equals + 1);
}

static long
decisions_size(void)
{
    FILE *file = fopen(DECISIONS, "re");
    long size;

    if (!file)
        die("%s: %s", DECISIONS, strerror(errno));
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    fclose(file);
    return size;
}

static int
line_written(const struct world *w, const char *value)
{
    FILE *file = fopen(DECISIONS, "re");
    char line[1024], first[64], second[64];
    int found = 0;

    if (!file)
        return 0;
    fseek(file, w->decisions_end, SEEK_SET);
    while (!found && fgets(line, sizeof line, file))
        /* the word may follow that on how much was on disk */
        found = sscanf(line, "%*s %63s %63s", first, second) == 2
                && strcmp(*first == '@' ? second : first, value) == 0;
    fclose(file);
    return found;
}

static uint64_t
link_counter(const char *name)
{
    char path[128];
    unsigned long long value = 0;
    FILE *file;

    snprintf(path, sizeof path, LINK "%s", name);
    file = fopen(path, "re");
    if (!file || fscanf(file, "%llu", &value) != 1)
        die("no number in %s", path);
    fclose(file);
    return value;
}

static int
is_sent(const struct world *w, const char *value)
{
    return link_counter("tx_bytes") - w->sent >= strtoull(value, NULL, 10) * MIB;
}

static int
is_received(const struct world *w, const char *value)
{
    return link_counter("rx_bytes") - w->received
           >= strtoull(value, NULL, 10) * MIB;
}

static int
list_domains(const struct world *w, xc_domaininfo_t *infos)
{
    int count = xc_domain_getinfolist(w->xc, 0, MOST_DOMAINS, infos);

    if (count < 0)
        die("the hypervisor does not list its domains: %s", strerror(errno));
    return count;
}

static int
is_suspended(const struct world *w, const char *value)
{
    xc_domaininfo_t infos[MOST_DOMAINS];
    int count = list_domains(w, infos);

    (void)value;
    for (int i = 0; i < count; i++) {
        unsigned reason = infos[i].flags >> XEN_DOMINF_shutdownshift
                          & XEN_DOMINF_shutdownmask;

        if (infos[i].flags & XEN_DOMINF_shutdown && reason == SHUTDOWN_suspend)
            return 1;
    }
    return 0;
}

static int
new_one_runs(const struct world *w, const char *value)
{
    const uint32_t at_rest =
        XEN_DOMINF_dying | XEN_DOMINF_shutdown | XEN_DOMINF_paused;
    xc_domaininfo_t infos[MOST_DOMAINS];
    int count = list_domains(w, infos);

    (void)value;
    for (int i = 0; i < count; i++) {
        if (infos[i].domain > w->last_domid && !(infos[i].flags & at_rest))
            return 1;
    }
    return 0;
}

static int
at_once(const struct world *w, const char *value)
{
    (void)w;
    (void)value;
    return 1;
}

static const struct point {
    const char *name;
    int (*reached)(const struct world *w, const char *value);
} points[] = {
    { "state", state_reached },    { "line", line_written },
    { "node", node_reached },      { "name", name_given },
    { "leaf", leaf_given },        { "sent", is_sent },
    { "received", is_received },   { "suspended", is_suspended },
    { "runs", new_one_runs },      { "next", at_once },
};

/* The part of "NAME=VALUE" behind the name, or NULL if that is another. */
static const char *
value_of(const char *words, const char *name)
{
    size_t len = strlen(name);

    if (strncmp(words, name, len) != 0)
        return NULL;
    if (words[len] == '=')
        return words + len + 1;
    return words[len] ? NULL : words + len;
}

static int
reached(const struct world *w, const char *words)
{
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        const char *value = value_of(words, points[i].name);

        if (value)
            return points[i].reached(w, value);
    }
    die("no point '%s'", words);
}

/* -- actions -- */

static void
send_signal(long pid, int number)
{
    /* One that has ended by itself came before the point: said, not hidden. */
    if (pid <= 1 || kill(pid, number) < 0)
        die("process %ld: %s", pid, strerror(pid <= 1 ? EINVAL : errno));
}

static int
command_has(const char *pid, const char *word)
{
    char path[300], line[4096];
    size_t len;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
    file = fopen(path, "re");
    if (!file)
        return 0;
    len = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    for (size_t i = 0; i < len; i++)
        line[i] = line[i] ? line[i] : ' ';
    line[len] = '\0';
    return strstr(line, word) != NULL;
}

static void
signal_all(const char *word, int number)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    while (proc && (entry = readdir(proc))) {
        long pid = strtol(entry->d_name, NULL, 10);

        if (pid > 1 && pid != getpid() && pid != getppid()
            && command_has(entry->d_name, word)) {
            send_signal(pid, number);
            count++;
        }
    }
    if (proc)
        closedir(proc);
    if (count == 0)
        die("no process '%s'", word);
}

static void
signal_process(const char *process, int number)
{
    long pid = 0;
    FILE *file;

    if (*process == '~') {
        signal_all(process + 1, number);
        return;
    }
    if (*process != '@') {
        send_signal(strtol(process, NULL, 10), number);
        return;
    }
    file = fopen(process + 1, "re");
    if (!file || fscanf(file, "%ld", &pid) != 1)
        die("no number in %s", process + 1);
    fclose(file);
    send_signal(pid, number);
}

static void
take_down(const char *nic)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = { 0 };

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", nic);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        die("%s: %s", nic, strerror(errno));
    request.ifr_flags &= ~IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        die("%s: %s", nic, strerror(errno));
    close(fd);
}

static void
forget(const struct world *w, const char *path)
{
    if (!xs_rm(w->xs, XBT_NULL, path))
        die("%s in xenstore: %s", path, strerror(errno));
}

static void
run(const struct world *w, const char *word)
{
    const char *slash = strrchr(w->self, '/');
    char command[300];

    snprintf(command, sizeof command, "%.*shost %s",
             slash ? (int)(slash - w->self) + 1 : 0, w->self, word);
    if (system(command) != 0)
        die("'%s' failed", command);
}

static void
act(const struct world *w, const char *words)
{
    const char *value;

    if ((value = value_of(words, "kill")))
        signal_process(value, SIGKILL);
    else if ((value = value_of(words, "stop")))
        signal_process(value, SIGSTOP);
    else if ((value = value_of(words, "down")))
        take_down(value);
    else if ((value = value_of(words, "forget")))
        forget(w, value);
    else if ((value = value_of(words, "run")))
        run(w, value);
    else
        die("no action '%s'", words);
}

/* -- waiting -- */

static void
look_around(struct world *w)
{
    xc_domaininfo_t infos[MOST_DOMAINS];
    int count = list_domains(w, infos);

    for (int i = 0; i < count; i++) {
        if (infos[i].domain > w->last_domid)
            w->last_domid = infos[i].domain;
    }
    w->sent = link_counter("tx_bytes");
    w->received = link_counter("rx_bytes");
    w->decisions_end = access(DECISIONS, R_OK) == 0 ? decisions_size() : 0;
}

static void
open_world(struct world *w)
{
    const struct sched_param first = { .sched_priority = 50 };

    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first) < 0)
        die("cannot run before others: %s", strerror(errno));
    w->xc = xc_interface_open(NULL, NULL, 0);
    w->xs = xs_open(0);
    if (!w->xc || !w->xs)
        die("no way to Xen: %s", strerror(errno));
    look_around(w);
    if (!xs_watch(w->xs, RECORDS, "") || !xs_watch(w->xs, "/local/domain", ""))
        die("xenstore cannot be watched: %s", strerror(errno));
}

/* Each change in xenstore is looked at, and all else between them. */
static int
step(struct world *w, const char *point)
{
    char **event = xs_check_watch(w->xs);
    int is;

    w->path = event ? event[XS_WATCH_PATH] : NULL;
    is = reached(w, point);
    w->path = NULL;
    if (!event && !is) {
        struct pollfd wake = { .fd = xs_fileno(w->xs), .events = POLLIN };

        poll(&wake, 1, PERIOD_MS);
    }
    free(event);
    return is;
}

int
main(int argc, char **argv)
{
    struct world w = { 0 };
    int64_t until;

    if (argc < 4 || argc % 2 != 0) {
        fputs("Usage: trigger SECONDS POINT ACTION [POINT ACTION]...\n",
              stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    w.self = argv[0];
    open_world(&w);
    until = now_ms() + strtoll(argv[1], NULL, 10) * 1000;
    printf("ready\n");
    for (int i = 2; i < argc; i += 2) {
        while (!step(&w, argv[i])) {
            if (now_ms() > until)
                die("'%s' did not come", argv[i]);
        }
        act(&w, argv[i + 1]);
        printf("fired %s\n", argv[i]);
    }
    return 0;
}
