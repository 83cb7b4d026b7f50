/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only program of the lab's guests, run by the kernel as process 1.
 *
 * Prints a numbered tick with the guest's uptime to the console every 100 ms,
 * and carries out the commands that are typed there, one a line (see the table
 * at the end).  It can rewrite memory at a given rate, each page in such a way
 * that a lost or torn page is found by "verify".
 *
 * Linked to /sbin/poweroff and /sbin/reboot too: the kernel runs these when
 * the host asks the guest to shut down.
 *
 * From the kernel's command line, through the environment:
 *   lab_name=NAME   said in each tick
 *   lab_addr=A.B.C.D,...  addresses of eth0, eth1 and so on
 *   lab_disks=xvda,...  disks that are written to all the time: numbered
 *                   records, one a sector, over and over; so the disk tells
 *                   afterwards whether one is missing or came late
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 100
/*
 * While memory is being dirtied, a slice of it is rewritten this often: every
 * wake-up is dear in an emulated hypervisor.
 */
#define SLICE_MS 50
#define PAGE_BYTES 4096
#define PAGE_WORDS (PAGE_BYTES / sizeof(uint64_t))
#define MIB_PAGES (1024 * 1024 / PAGE_BYTES)
/* Left to the kernel when memory is asked for. */
#define SPARE_PAGES (8 * MIB_PAGES)
/* Between two records on a disk, and before a failed one is tried again */
#define RECORD_MS 100
#define RETRY_MS 1000

struct dirtier {
    uint64_t *memory; /* NULL: never asked for */
    size_t pages;
    size_t pages_per_s; /* 0: at rest */
    int64_t since_ms;   /* when this rate began */
    uint64_t done;      /* pages rewritten since then */
    uint64_t random;
};

static struct dirtier dirtier = {.random = 0x9e3779b97f4a7c15};

static int64_t
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/*
 * A page holds its seed, then what follows from it; the seed follows from
 * nothing, so that a page is never written twice alike.
 */
static void
write_page(uint64_t *page, uint64_t seed)
{
    size_t i;

    page[0] = seed;
    for (i = 1; i < PAGE_WORDS; i++)
        page[i] = next_random(&seed);
}

static int
page_is_whole(const uint64_t *page)
{
    uint64_t seed = page[0];
    size_t i;

    for (i = 1; i < PAGE_WORDS; i++) {
        if (page[i] != next_random(&seed))
            return 0;
    }
    return seed != 0;
}

/* Asking for more than there is would not fail here, but kill the guest. */
static int
memory_suffices(size_t pages)
{
    struct sysinfo info;
    size_t free_pages;

    if (sysinfo(&info) < 0)
        return 0;
    free_pages = info.freeram * info.mem_unit / PAGE_BYTES;
    if (pages + SPARE_PAGES <= free_pages)
        return 1;
    printf("dirty: %zu MiB asked for, %zu MiB free\n", pages / MIB_PAGES,
           free_pages / MIB_PAGES);
    return 0;
}

static void
fill_memory(size_t pages)
{
    size_t i;

    if (dirtier.memory)
        munmap(dirtier.memory, dirtier.pages * PAGE_BYTES);
    dirtier.memory = NULL;
    dirtier.pages = 0;
    if (!memory_suffices(pages))
        return;
    dirtier.memory = mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (dirtier.memory == MAP_FAILED) {
        dirtier.memory = NULL;
        printf("dirty: no memory: %s\n", strerror(errno));
        return;
    }
    dirtier.pages = pages;
    for (i = 0; i < pages; i++)
        write_page(dirtier.memory + i * PAGE_WORDS,
                   next_random(&dirtier.random));
}

/* Rewrites what is due by now, but never keeps the ticks waiting for it. */
static void
dirty_slice(void)
{
    int64_t start = now_ms();
    uint64_t due = (start - dirtier.since_ms) * dirtier.pages_per_s / 1000;

    while (dirtier.done < due && now_ms() - start < SLICE_MS) {
        size_t page = next_random(&dirtier.random) % dirtier.pages;

        write_page(dirtier.memory + page * PAGE_WORDS,
                   next_random(&dirtier.random));
        dirtier.done++;
    }
    /* What could not be kept up with is not made up for. */
    if (now_ms() - start >= SLICE_MS) {
        dirtier.since_ms = now_ms();
        dirtier.done = 0;
    }
}

static void
run_dirty(const char *arguments)
{
    unsigned int rate_mib = 0;
    unsigned int size_mib = 0;
    int given = sscanf(arguments, "%u %u", &rate_mib, &size_mib);

    dirtier.pages_per_s = 0;
    if (given < 1 || (rate_mib > 0 && given < 2)) {
        printf("dirty: usage: dirty MB_PER_S MB | dirty 0\n");
        return;
    }
    if (size_mib > 0 && size_mib * MIB_PAGES != dirtier.pages)
        fill_memory(size_mib * MIB_PAGES);
    if (dirtier.pages > 0)
        dirtier.pages_per_s = rate_mib * MIB_PAGES;
    dirtier.since_ms = now_ms();
    dirtier.done = 0;
    printf("dirty: %u MiB/s of %zu MiB\n", rate_mib,
           dirtier.pages / MIB_PAGES);
}

static void
run_verify(const char *arguments)
{
    size_t bad = 0;
    size_t i;

    (void) arguments;
    for (i = 0; i < dirtier.pages; i++) {
        if (!page_is_whole(dirtier.memory + i * PAGE_WORDS))
            bad++;
    }
    printf("verify: %zu of %zu pages bad\n", bad, dirtier.pages);
}

static void
run_quit(const char *arguments)
{
    (void) arguments;
    reboot(RB_POWER_OFF);
}

static void
run_reboot(const char *arguments)
{
    (void) arguments;
    reboot(RB_AUTOBOOT);
}

static void
run_crash(const char *arguments)
{
    int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

    (void) arguments;
    if (fd < 0 || write(fd, "c", 1) != 1)
        printf("crash: %s\n", strerror(errno));
}

static const struct command {
    const char *name;
    void (*run)(const char *arguments);
} commands[] = {
    {"dirty", run_dirty},   {"verify", run_verify}, {"quit", run_quit},
    {"reboot", run_reboot}, {"crash", run_crash},
};

static void
run_line(char *line)
{
    size_t length = strcspn(line, " ");
    size_t i;

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strlen(commands[i].name) == length &&
            strncmp(line, commands[i].name, length) == 0) {
            commands[i].run(line + length);
            return;
        }
    }
    printf("no command '%s'\n", line);
}

static void
read_console(void)
{
    static char line[256];
    static size_t length;
    char buffer[64];
    ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));
    ssize_t i;

    for (i = 0; i < n; i++) {
        if (buffer[i] != '\n' && buffer[i] != '\r') {
            if (length < sizeof(line) - 1)
                line[length++] = buffer[i];
            continue;
        }
        line[length] = '\0';
        if (length > 0)
            run_line(line);
        length = 0;
    }
}

static void
open_console(void)
{
    struct termios mode;
    int fd = open("/dev/hvc0", O_RDWR);

    if (fd < 0)
        return;
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
    if (tcgetattr(STDIN_FILENO, &mode) == 0) {
        mode.c_lflag &= ~(ECHO | ICANON);
        tcsetattr(STDIN_FILENO, TCSANOW, &mode);
    }
}

static void
load_module(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
        printf("%s: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* ioctl of an interface; fails only with a word to the console. */
static int
set_interface(int fd, struct ifreq *request, unsigned long what)
{
    if (ioctl(fd, what, request) == 0)
        return 1;
    printf("%s: %s\n", request->ifr_name, strerror(errno));
    return 0;
}

static void
bring_interface_up(int fd, const char *name, const char *address)
{
    struct ifreq request = {0};
    struct sockaddr_in *sin = (struct sockaddr_in *) &request.ifr_addr;

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    sin->sin_family = AF_INET;
    if (inet_pton(AF_INET, address, &sin->sin_addr) != 1 ||
        !set_interface(fd, &request, SIOCSIFADDR))
        return;
    sin->sin_addr.s_addr = htonl(0xffffff00);
    if (!set_interface(fd, &request, SIOCSIFNETMASK) ||
        !set_interface(fd, &request, SIOCGIFFLAGS))
        return;
    request.ifr_flags |= IFF_UP;
    set_interface(fd, &request, SIOCSIFFLAGS);
}

static void
write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        printf("%s: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/*
 * Each interface answers for its own address alone, else one that works would
 * hide one that does not.
 */
static void
bring_network_up(char *addresses)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char name[IFNAMSIZ];
    char *address;
    int i = 0;

    write_file("/proc/sys/net/ipv4/conf/all/arp_ignore", "1");
    for (address = strtok(addresses, ","); address;
         address = strtok(NULL, ",")) {
        snprintf(name, sizeof(name), "eth%d", i++);
        bring_interface_up(fd, name, address);
    }
    close(fd);
}

struct disk {
    const char *name;
    int fd;
    size_t sector; /* bytes; a record's size */
    uint64_t sectors;
};

/* The front end may still be shaking hands with its back end. */
static void
open_disk(struct disk *disk)
{
    char path[64];
    uint64_t bytes = 0;
    int sector = 0;

    snprintf(path, sizeof(path), "/dev/%s", disk->name);
    for (;;) {
        disk->fd = open(path, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);
        if (disk->fd >= 0)
            break;
        usleep(RECORD_MS * 1000);
    }
    if (ioctl(disk->fd, BLKGETSIZE64, &bytes) < 0 ||
        ioctl(disk->fd, BLKSSZGET, &sector) < 0 || sector <= 0)
        printf("disk %s: %s\n", disk->name, strerror(errno));
    disk->sector = (size_t) sector;
    disk->sectors = sector > 0 ? bytes / disk->sector : 0;
}

static off_t
place_of(const struct disk *disk, uint64_t number)
{
    return (off_t) (number % disk->sectors * disk->sector);
}

static void
write_record(const struct disk *disk, uint64_t number, char *record)
{
    const char *name = getenv("lab_name");
    int64_t now = now_ms();

    memset(record, 0, disk->sector);
    snprintf(record, disk->sector,
             "\nwrite %llu uptime %lld.%02lld disk %s guest %s\n",
             (unsigned long long) number, (long long) now / 1000,
             (long long) now % 1000 / 10, disk->name, name ? name : "?");
    while (pwrite(disk->fd, record, disk->sector, place_of(disk, number)) !=
           (ssize_t) disk->sector) {
        printf("disk %s: write %llu failed: %s\n", disk->name,
               (unsigned long long) number, strerror(errno));
        usleep(RETRY_MS * 1000);
    }
}

static void
check_record(const struct disk *disk, uint64_t number, const char *record)
{
    static char found[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

    if (pread(disk->fd, found, disk->sector, place_of(disk, number)) !=
        (ssize_t) disk->sector)
        printf("disk %s: read %llu failed: %s\n", disk->name,
               (unsigned long long) number, strerror(errno));
    else if (memcmp(found, record, disk->sector) != 0)
        printf("disk %s: read %llu is not what was written\n", disk->name,
               (unsigned long long) number);
}

/*
 * Never returns.  Each record is read back at once and again after the next
 * one: across a move that is the last one that the host before has written.
 */
static void
run_disk(const char *name)
{
    static char records[2][PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
    struct disk disk = {.name = name};
    uint64_t number;

    open_disk(&disk);
    if (disk.sectors < 2 || disk.sector > PAGE_BYTES) {
        printf("disk %s: cannot be used: %llu sectors of %zu bytes\n", name,
               (unsigned long long) disk.sectors, disk.sector);
        exit(1);
    }
    for (number = 1;; number++) {
        write_record(&disk, number, records[number % 2]);
        check_record(&disk, number, records[number % 2]);
        if (number > 1)
            check_record(&disk, number - 1, records[(number - 1) % 2]);
        usleep(RECORD_MS * 1000);
    }
}

/* A process each: a disk that hangs must not stop the ticks. */
static void
start_disks(char *names)
{
    char *name;

    for (name = strtok(names, ","); name; name = strtok(NULL, ",")) {
        pid_t pid = fork();

        if (pid == 0)
            run_disk(name);
        if (pid < 0)
            printf("disk %s: %s\n", name, strerror(errno));
    }
}

static void
set_system_up(void)
{
    char *addresses = getenv("lab_addr");
    char *disks = getenv("lab_disks");

    mount("dev", "/dev", "devtmpfs", 0, "");
    mount("proc", "/proc", "proc", 0, "");
    mount("sys", "/sys", "sysfs", 0, "");
    open_console();
    setvbuf(stdout, NULL, _IOLBF, 0);
    load_module("/xen-blkfront.ko");
    load_module("/xen-netfront.ko");
    if (addresses)
        bring_network_up(addresses);
    if (disks)
        start_disks(disks);
}

static void
run_guest(void)
{
    const char *name = getenv("lab_name");
    struct pollfd console = {.fd = STDIN_FILENO, .events = POLLIN};
    uint64_t tick = 0;
    int64_t next = now_ms();

    for (;;) {
        int64_t now = now_ms();
        int64_t wait;

        if (now >= next) {
            printf("tick %llu uptime %lld.%02lld guest %s\n",
                   (unsigned long long) ++tick, (long long) now / 1000,
                   (long long) now % 1000 / 10, name ? name : "?");
            next = now + TICK_MS - (now - next) % TICK_MS;
        }
        wait = next - now;
        if (dirtier.pages_per_s > 0) {
            dirty_slice();
            wait = SLICE_MS;
        }
        if (poll(&console, 1, (int) wait) > 0)
            read_console();
    }
}

int
main(int argc, char **argv)
{
    (void) argc;
    if (getpid() != 1)
        return reboot(strstr(argv[0], "reboot") ? RB_AUTOBOOT : RB_POWER_OFF);
    set_system_up();
    run_guest();
}
