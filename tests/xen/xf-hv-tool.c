/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drives the hypervisor table by hand, on a real Xen host: for trying things
 * out and for tests that look at one step alone.  Not installed.
 *
 *   xf-hv-tool host | list | keep
 *   xf-hv-tool describe|destroy|pause|unpause|shutdown|reboot DOMID
 *   xf-hv-tool create FILE.xml [paused]
 *   xf-hv-tool can-leave DOMID [live]
 *   xf-hv-tool resume DOMID [paused]
 *   xf-hv-tool save DOMID FILE [live]
 *   xf-hv-tool restore FILE.xml FILE [NAME]
 *   xf-hv-tool receive PORT
 *   xf-hv-tool send DOMID ADDRESS PORT [live]
 *
 * send and receive have a plain protocol of their own over TCP: length (big
 * endian) and text of the XML, the stream, then 'r' from the receiver when
 * all is ready, 'g' (or 'p': leave it paused) from the sender, 'k' when it
 * runs.  Environment: XF_ABORT_MS aborts the suspend or the restore that
 * long after its start; XF_RATE limits a sender to so many bytes per second;
 * XF_STAY_MS keeps the process, and its keeper, that long after the command.
 */
#include "config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/driver.h"
#include "xen/libxl.h"

static struct xf_hypervisor *hv;
static gint64 epoch;

static void G_GNUC_PRINTF(1, 2)
say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    printf("%7.3f %s\n", (g_get_monotonic_time() - epoch) / 1e6, text);
    fflush(stdout);
}

static int
verdict(gboolean ok, GError *err)
{
    if (!ok)
        say("error %d: %s", err->code, err->message);
    g_clear_error(&err);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* -- the host and its domains ------------------------------------------------- */

static int
cmd_host(char **args)
{
    struct xf_hv_host h;
    GError *err = NULL;
    gboolean ok = hv->ops->host(hv, &h, &err);

    if (ok)
        say("version %" G_GUINT64_FORMAT " model %s memory %" G_GUINT64_FORMAT
            " free %" G_GUINT64_FORMAT " KiB cpus %d mhz %d nodes %d sockets "
            "%d cores %d threads %d", h.version, h.node.model,
            h.node.memory_kib, h.node.free_kib, h.node.cpus, h.node.mhz,
            h.node.nodes, h.node.sockets, h.node.cores, h.node.threads);
    return verdict(ok, err);
}

static void
show(const struct xf_hv_domain *d)
{
    static const char *const types[] = { "?", "pv", "pvh", "hvm" };
    char uuid[XF_UUID_STRING_LEN + 1];

    say("%d %s %s %s%s%s%s%s%s%s mem %" G_GUINT64_FORMAT "/%"
        G_GUINT64_FORMAT " vcpus %u cpu %.1fs", d->domid, d->name,
        xf_uuid_format(d->uuid, uuid), types[d->type],
        d->running ? " running" : "", d->paused ? " paused" : "",
        d->suspended ? " suspended" : "", d->shutdown ? " shutdown" : "",
        d->crashed ? " crashed" : "", d->dying ? " dying" : "",
        d->memory_kib, d->max_memory_kib, d->vcpus, d->cpu_time_ns / 1e9);
}

static int
cmd_list(char **args)
{
    GError *err = NULL;
    GPtrArray *all = hv->ops->list(hv, &err);

    for (guint i = 0; all && i < all->len; i++)
        show(g_ptr_array_index(all, i));
    if (all)
        g_ptr_array_unref(all);
    return verdict(all != NULL, err);
}

static int
cmd_describe(char **args)
{
    GError *err = NULL;
    g_autofree char *xml = hv->ops->describe(hv, atoi(args[0]), 0, &err);

    if (xml)
        fputs(xml, stdout);
    return verdict(xml != NULL, err);
}

static int
cmd_create(char **args)
{
    GError *err = NULL;
    g_autofree char *xml = NULL;
    int domid = -1;

    if (g_file_get_contents(args[0], &xml, NULL, &err))
        domid = hv->ops->create(hv, xml, args[1] != NULL, &err);
    if (domid >= 0)
        say("domain %d", domid);
    return verdict(domid >= 0, err);
}

static int
simple(gboolean (*act)(struct xf_hypervisor *, int, GError **), char **args)
{
    GError *err = NULL;
    gboolean ok = act(hv, atoi(args[0]), &err);

    return verdict(ok, err);
}

static int cmd_destroy(char **a) { return simple(hv->ops->destroy, a); }
static int cmd_pause(char **a) { return simple(hv->ops->pause, a); }
static int cmd_unpause(char **a) { return simple(hv->ops->unpause, a); }
static int cmd_shutdown(char **a) { return simple(hv->ops->shutdown, a); }
static int cmd_reboot(char **a) { return simple(hv->ops->reboot, a); }

static int
cmd_can_leave(char **args)
{
    GError *err = NULL;

    gboolean ok = hv->ops->can_leave(hv, atoi(args[0]), args[1] != NULL, &err);

    return verdict(ok, err);
}

static int
cmd_resume(char **args)
{
    GError *err = NULL;

    gboolean ok = hv->ops->resume(hv, atoi(args[0]), args[1] != NULL, &err);

    return verdict(ok, err);
}

/* Lets the keeper work until SIGTERM or SIGINT. */
static int
cmd_keep(char **args)
{
    sigset_t set;
    int sig;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    say("keeping");
    sigwait(&set, &sig);
    return EXIT_SUCCESS;
}

/* -- source ------------------------------------------------------------------- */

static void
on_frames(void *user, guint iteration, guint64 done, guint64 total)
{
    if (done == 0 || done == total)
        say("iteration %u: %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
            iteration, done, total);
}

static void
on_suspended(void *user)
{
    say("suspended");
}

struct aborter {
    int ms, domid;
    struct xf_incoming *in;
    GMutex lock;
    GCond cond;
    gboolean over;
    GThread *thread;
};

static gpointer
abort_later(gpointer data)
{
    struct aborter *a = data;
    gint64 until = g_get_monotonic_time() + (gint64)a->ms * 1000;

    g_mutex_lock(&a->lock);
    while (!a->over && g_cond_wait_until(&a->cond, &a->lock, until))
        ;
    if (!a->over) {
        say("abort");
        if (a->in)
            hv->ops->incoming_abort(a->in);
        else
            hv->ops->suspend_abort(hv, a->domid);
    }
    g_mutex_unlock(&a->lock);
    return NULL;
}

static void
aborter_start(struct aborter *a)
{
    const char *ms = g_getenv("XF_ABORT_MS");

    g_mutex_init(&a->lock);
    g_cond_init(&a->cond);
    a->ms = ms ? atoi(ms) : 0;
    if (a->ms)
        a->thread = g_thread_new("abort", abort_later, a);
}

static void
aborter_stop(struct aborter *a)
{
    g_mutex_lock(&a->lock);
    a->over = TRUE;
    g_cond_broadcast(&a->cond);
    g_mutex_unlock(&a->lock);
    if (a->thread)
        g_thread_join(a->thread);
}

static enum xf_suspend_outcome
suspend(int domid, int fd, gboolean live, gboolean *was_paused)
{
    static const char *const names[] = { "DONE", "RUNNING", "STOPPED",
                                         "GONE" };
    struct xf_progress progress = { on_frames, on_suspended, NULL };
    struct aborter aborter = { .domid = domid };
    g_autoptr(GError) err = NULL;

    aborter_start(&aborter);

    enum xf_suspend_outcome out =
        hv->ops->suspend(hv, domid, fd, live ? XF_SUSPEND_LIVE : 0,
                         &progress, was_paused, &err);

    aborter_stop(&aborter);
    say("outcome %s%s%s%s", names[out], *was_paused ? " was paused" : "",
        err ? ": " : "", err ? err->message : "");
    return out;
}

static int
cmd_save(char **args)
{
    int fd = open(args[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    gboolean was_paused;

    if (fd < 0) {
        perror(args[1]);
        return EXIT_FAILURE;
    }

    enum xf_suspend_outcome out = suspend(atoi(args[0]), fd,
                                          args[2] != NULL, &was_paused);

    close(fd);
    return out == XF_SUSPEND_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
}

static gboolean
transfer(int fd, void *buf, gsize len, gboolean out)
{
    for (gsize at = 0; at < len;) {
        ssize_t n = out ? write(fd, (char *)buf + at, len - at)
                        : read(fd, (char *)buf + at, len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        at += n;
    }
    return TRUE;
}

static int
dial(const char *address, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all;
    const char *rate = g_getenv("XF_RATE");
    int fd;

    if (getaddrinfo(address, port, &hints, &all))
        return -1;
    fd = socket(all->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, all->ai_addr, all->ai_addrlen)) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(all);
    if (fd >= 0 && rate) {
        unsigned int bytes = atoi(rate);

        setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &bytes, sizeof(bytes));
    }
    return fd;
}

static gboolean
hand_over(int fd, int domid, gboolean was_paused)
{
    char answer = 0;

    if (!transfer(fd, &answer, 1, FALSE) || answer != 'r')
        return FALSE;
    say("received");
    answer = was_paused ? 'p' : 'g';
    if (!transfer(fd, &answer, 1, TRUE) || !transfer(fd, &answer, 1, FALSE) ||
        answer != 'k')
        return FALSE;
    say("runs there");
    return TRUE;
}

static int
cmd_send(char **args)
{
    int domid = atoi(args[0]);
    XF_AUTO_FD int fd = -1;
    gboolean was_paused = FALSE, over = FALSE;
    GError *err = NULL;

    if (!hv->ops->can_leave(hv, domid, args[3] != NULL, &err))
        return verdict(FALSE, err);

    g_autofree char *xml = hv->ops->describe(hv, domid, XF_XML_MIGRATABLE,
                                             &err);

    if (!xml)
        return verdict(FALSE, err);

    guint32 len = htonl(strlen(xml));

    fd = dial(args[1], args[2]);
    if (fd < 0 || !transfer(fd, &len, 4, TRUE) ||
        !transfer(fd, xml, strlen(xml), TRUE)) {
        perror("send");
        return EXIT_FAILURE;
    }

    enum xf_suspend_outcome out = suspend(domid, fd, args[3] != NULL,
                                          &was_paused);

    if (out == XF_SUSPEND_DONE)
        over = hand_over(fd, domid, was_paused);

    gboolean ok = TRUE;

    if (over)
        ok = hv->ops->destroy(hv, domid, &err);
    else if (out == XF_SUSPEND_DONE || out == XF_SUSPEND_STOPPED)
        ok = hv->ops->resume(hv, domid, was_paused, &err);
    return verdict(ok, err) | (over ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* -- destination -------------------------------------------------------------- */

static gboolean
receive(struct xf_incoming *in, int fd, GError **err)
{
    struct aborter aborter = { .in = in };

    say("'%s' needs %" G_GUINT64_FORMAT " KiB", in->name, in->memory_kib);
    aborter_start(&aborter);

    gboolean ok = hv->ops->incoming_stream(in, fd, err);

    aborter_stop(&aborter);
    if (ok)
        say("streamed, domain %d", g_atomic_int_get(&in->domid));
    ok = ok && hv->ops->incoming_devices(in, err);
    if (ok)
        say("devices ready");
    return ok;
}

static int
cmd_restore(char **args)
{
    GError *err = NULL;
    g_autofree char *xml = NULL;
    XF_AUTO_FD int fd = open(args[1], O_RDONLY | O_CLOEXEC);

    if (fd < 0 || !g_file_get_contents(args[0], &xml, NULL, &err)) {
        perror(args[1]);
        return EXIT_FAILURE;
    }

    struct xf_incoming *in = hv->ops->incoming_create(hv, xml, args[2], &err);
    gboolean ok = in && receive(in, fd, &err) &&
                  hv->ops->incoming_switch(in, FALSE, &err);

    if (in)
        hv->ops->incoming_free(in);
    return verdict(ok, err);
}

static int
take_connection(const char *port)
{
    struct sockaddr_in any = {
        .sin_family = AF_INET, .sin_port = htons(atoi(port)),
    };
    XF_AUTO_FD int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(s, (struct sockaddr *)&any, sizeof(any)) || listen(s, 1))
        return -1;
    say("listening");
    return accept4(s, NULL, NULL, SOCK_CLOEXEC);
}

static gboolean
take_over(struct xf_incoming *in, int fd, GError **err)
{
    char word = 'r';

    if (!transfer(fd, &word, 1, TRUE) || !transfer(fd, &word, 1, FALSE) ||
        (word != 'g' && word != 'p')) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC, "the sender has gone");
        hv->ops->destroy(hv, in->domid, NULL);
        return FALSE;
    }
    if (!hv->ops->incoming_switch(in, word == 'p', err) ||
        !hv->ops->incoming_switch(in, word == 'p', err))
        return FALSE;
    say("switched");
    word = 'k';
    return transfer(fd, &word, 1, TRUE);
}

static int
cmd_receive(char **args)
{
    GError *err = NULL;
    guint32 len;
    XF_AUTO_FD int fd = take_connection(args[0]);

    if (fd < 0 || !transfer(fd, &len, 4, FALSE) ||
        (len = ntohl(len)) > 1024 * 1024) {
        perror("receive");
        return EXIT_FAILURE;
    }

    g_autofree char *xml = g_malloc0(len + 1);

    if (!transfer(fd, xml, len, FALSE))
        return EXIT_FAILURE;

    struct xf_incoming *in = hv->ops->incoming_create(hv, xml, NULL, &err);
    gboolean ok = in && receive(in, fd, &err) && take_over(in, fd, &err);

    if (in)
        hv->ops->incoming_free(in);
    return verdict(ok, err);
}

/* -- which -------------------------------------------------------------------- */

static const struct command {
    const char *name;
    int least, most;
    int (*run)(char **args);
} commands[] = {
    { "host", 0, 0, cmd_host },
    { "list", 0, 0, cmd_list },
    { "keep", 0, 0, cmd_keep },
    { "describe", 1, 1, cmd_describe },
    { "create", 1, 2, cmd_create },
    { "destroy", 1, 1, cmd_destroy },
    { "pause", 1, 1, cmd_pause },
    { "unpause", 1, 1, cmd_unpause },
    { "shutdown", 1, 1, cmd_shutdown },
    { "reboot", 1, 1, cmd_reboot },
    { "can-leave", 1, 2, cmd_can_leave },
    { "resume", 1, 2, cmd_resume },
    { "save", 2, 3, cmd_save },
    { "restore", 2, 3, cmd_restore },
    { "receive", 1, 1, cmd_receive },
    { "send", 3, 4, cmd_send },
};

static int
run(const struct command *command, char **args)
{
    GError *err = NULL;
    sigset_t set;

    /* for `keep`, in all threads */
    sigemptyset(&set);
    if (command->run == cmd_keep) {
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
    }
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    epoch = g_get_monotonic_time();
    hv = xf_libxl_new(NULL, &err);
    if (!hv)
        return verdict(FALSE, err);

    int status = command->run(args);
    const char *stay = g_getenv("XF_STAY_MS");

    if (stay)
        g_usleep(atoi(stay) * G_GINT64_CONSTANT(1000));
    hv->ops->free(hv);
    return status;
}

int
main(int argc, char **argv)
{
    for (gsize i = 0; argc > 1 && i < G_N_ELEMENTS(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0 &&
            argc - 2 >= commands[i].least && argc - 2 <= commands[i].most)
            return run(&commands[i], argv + 2);
    fputs("usage: xf-hv-tool COMMAND ARGUMENT...; see the head of its "
          "source\n", stderr);
    return 2;
}
