// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Watches a host from the outside while a domain moves: tools/bench runs one
 * on each host.
 *
 * Usage: watch NIC CONTROL-GROUP
 *
 * Asks the hypervisor for all domains every 5 ms and prints each change of a
 * domain's state, and at the start and at the end the host's counters:
 *
 *   domain NS UUID DOMID STATE    NS: CLOCK_REALTIME in nanoseconds
 *   counters NS DOM0-NS WATCHER-NS TX-BYTES GROUP-USEC
 *
 * DOM0-NS is the CPU time that dom0 has had, the watcher's own part of it is
 * WATCHER-NS; TX-BYTES what NIC has sent; GROUP-USEC the CPU time of the
 * control group (a path below /sys/fs/cgroup).  It ends when its standard
 * input does, so none is left behind.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xenctrl.h>

#define PERIOD_MS 5
#define MOST_DOMAINS 16
#define NS_PER_S 1000000000ULL
#define NS_PER_US 1000ULL

enum state {
    GONE,
    PAUSED,
    RUNS,
    SUSPENDED,
    SHUT_DOWN,
    DYING
};

static const char *const state_names[] = {
    [GONE] = "gone",           [PAUSED] = "paused",       [RUNS] = "runs",
    [SUSPENDED] = "suspended", [SHUT_DOWN] = "shut-down", [DYING] = "dying",
};

struct watched {
    uint32_t domid;
    xen_domain_handle_t uuid;
    enum state state;
};

struct list {
    int count;
    struct watched domains[MOST_DOMAINS];
};

static _Noreturn void __attribute__((format(printf, 1, 2)))
die(const char *format, ...)
{
    va_list arguments;

    fputs("watch: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static uint64_t
wall_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static uint64_t
own_cpu(void)
{
    struct timespec spent;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return spent.tv_sec * NS_PER_S + spent.tv_nsec;
}

/* A suspended domain is one that shut down for that reason. */
static enum state
state_of(const xc_domaininfo_t *info)
{
    unsigned reason =
        info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;

    if (info->flags & XEN_DOMINF_dying)
        return DYING;
    if (info->flags & XEN_DOMINF_shutdown)
        return reason == SHUTDOWN_suspend ? SUSPENDED : SHUT_DOWN;
    return info->flags & XEN_DOMINF_paused ? PAUSED : RUNS;
}

static void
print_domain(uint64_t when, const struct watched *domain, enum state state)
{
    printf("domain %" PRIu64 " ", when);
    for (size_t i = 0; i < sizeof domain->uuid; i++)
        printf("%02x", domain->uuid[i]);
    printf(" %" PRIu32 " %s\n", domain->domid, state_names[state]);
}

static const struct watched *
find(const struct list *list, const struct watched *wanted)
{
    for (int i = 0; i < list->count; i++) {
        if (list->domains[i].domid == wanted->domid
            && memcmp(list->domains[i].uuid, wanted->uuid, sizeof wanted->uuid)
                   == 0)
            return &list->domains[i];
    }
    return NULL;
}

static void
print_changes(uint64_t when, const struct list *old, const struct list *new)
{
    for (int i = 0; i < new->count; i++) {
        const struct watched *now = &new->domains[i];
        const struct watched *before = find(old, now);

        if (!before || before->state != now->state)
            print_domain(when, now, now->state);
    }
    for (int i = 0; i < old->count; i++) {
        if (!find(new, &old->domains[i]))
            print_domain(when, &old->domains[i], GONE);
    }
}

/* All domains but dom0; returns the CPU time that dom0 has had. */
static uint64_t
ask(xc_interface *xc, struct list *list)
{
    static xc_domaininfo_t infos[MOST_DOMAINS];
    uint64_t dom0_cpu = 0;
    int count = xc_domain_getinfolist(xc, 0, MOST_DOMAINS, infos);

    if (count < 0)
        die("the hypervisor does not list its domains: %s", strerror(errno));
    if (count == MOST_DOMAINS)
        die("%d domains or more are too many here, end some", count);
    list->count = 0;
    for (int i = 0; i < count; i++) {
        struct watched *domain = &list->domains[list->count];

        if (infos[i].domain == 0) {
            dom0_cpu = infos[i].cpu_time;
            continue;
        }
        domain->domid = infos[i].domain;
        memcpy(domain->uuid, infos[i].handle, sizeof domain->uuid);
        domain->state = state_of(&infos[i]);
        list->count++;
    }
    return dom0_cpu;
}

/* The number behind KEY in the file, the file's first one without a key. */
static uint64_t
number_in(const char *path, const char *key)
{
    FILE *file = fopen(path, "re");
    char line[256];
    uint64_t number;

    if (!file)
        die("cannot open %s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0
            && sscanf(line + strlen(key), "%" SCNu64, &number) == 1) {
            fclose(file);
            return number;
        }
    }
    die("no number%s%s in %s", *key ? " behind " : "", key, path);
}

static void
print_counters(uint64_t dom0_cpu, const char *nic, const char *group)
{
    char sent[256], used[256];

    snprintf(sent, sizeof sent, "/sys/class/net/%s/statistics/tx_bytes", nic);
    snprintf(used, sizeof used, "/sys/fs/cgroup/%s/cpu.stat", group);
    printf("counters %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
           "\n",
           wall_clock(), dom0_cpu, own_cpu(), number_in(sent, ""),
           number_in(used, "usage_usec "));
    fflush(stdout);
}

/* Waits for the next look; 0 when the standard input has ended. */
static int
wait_for_look(void)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    char bytes[64];
    int ready = poll(&input, 1, PERIOD_MS);

    if (ready < 0 && errno != EINTR)
        die("poll: %s", strerror(errno));
    return ready <= 0 || read(STDIN_FILENO, bytes, sizeof bytes) > 0;
}

int
main(int argc, char **argv)
{
    static struct list lists[2];
    struct list *old = &lists[0], *new = &lists[1];
    xc_interface *xc;
    uint64_t dom0_cpu;

    if (argc != 3) {
        fputs("Usage: watch NIC CONTROL-GROUP\n", stderr);
        return 2;
    }
    xc = xc_interface_open(NULL, NULL, 0);
    if (!xc)
        die("no way to the hypervisor: %s", strerror(errno));
    print_counters(ask(xc, new), argv[1], argv[2]);
    print_changes(wall_clock(), old, new);
    fflush(stdout);
    while (wait_for_look()) {
        struct list *swap = old;

        old = new;
        new = swap;
        ask(xc, new);
        print_changes(wall_clock(), old, new);
    }
    dom0_cpu = ask(xc, new);
    print_counters(dom0_cpu, argv[1], argv[2]);
    xc_interface_close(xc);
    return 0;
}
