/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The channel among bad peers, many peers, signals and helper processes. */
#include "config.h"

#include "tests/unit/channel-host.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* -- peers that take their time -- */

START_TEST(silent_peer)
{
    struct xf_chan_host host = { 0 };
    int client, server;

    xf_chan_host_open(&host, 300, 0);

    gint64 start = g_get_monotonic_time();
    int silent = xf_chan_raw_connect(host.port);

    xf_chan_dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    xf_chan_assert_closed(silent);
    ck_assert_int_ge(g_get_monotonic_time() - start, 300 * 1000);
    ck_assert_int_le(g_get_monotonic_time() - start, 10 * G_USEC_PER_SEC);
    close(silent);
    close(client);
    close(server);
    xf_chan_host_close(&host);
}
END_TEST

/* One byte every 20 ms would need 1.2 s for the preamble; each resets a
 * deadline that counts from the last byte, none the one that counts. */
START_TEST(dribbling_client)
{
    struct xf_chan_host host = { 0 };
    guint8 preamble[PREAMBLE_LEN];
    int sent = 0;

    xf_chan_host_open(&host, 300, 0);
    xf_chan_raw_preamble(preamble, 1, XF_CHANNEL_STREAM);

    int fd = xf_chan_raw_connect(host.port);
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    while (sent < PREAMBLE_LEN && poll(&pfd, 1, 20) == 0)
        if (send(fd, preamble + sent++, 1, MSG_NOSIGNAL) != 1)
            break;
    ck_assert_int_lt(sent, PREAMBLE_LEN);
    xf_chan_assert_closed(fd);
    close(fd);
    xf_chan_host_close(&host);
}
END_TEST

static void *
dribbling_server(void *user)
{
    int fd = xf_chan_raw_accept(GPOINTER_TO_INT(user)), sent = 0;
    struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };

    while (poll(&pfd, 1, 20) == 0 && sent++ < GREETING_LEN)
        if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
            break;
    close(fd);
    return GINT_TO_POINTER(sent);
}

START_TEST(slow_servers)
{
    guint16 port;
    int listener = xf_chan_raw_listen(&port);
    guint8 key[XF_KEY_LEN] = { 0 };
    g_autoptr(GError) dribbled = NULL;
    g_autoptr(GError) silent = NULL;
    GThread *thread =
        g_thread_new("server", dribbling_server, GINT_TO_POINTER(listener));

    ck_assert_int_eq(xf_channel_connect("127.0.0.1", port, XF_CHANNEL_STREAM,
                                        TOKEN, key, 300, 0, &dribbled),
                     -1);
    xf_chan_assert_code(dribbled, XF_ERROR_TIMEOUT);
    ck_assert_int_lt(GPOINTER_TO_INT(g_thread_join(thread)), GREETING_LEN);

    /* connected by the kernel, accepted by nobody */
    ck_assert_int_eq(xf_channel_connect("127.0.0.1", port, XF_CHANNEL_STREAM,
                                        TOKEN, key, 100, 0, &silent),
                     -1);
    xf_chan_assert_code(silent, XF_ERROR_TIMEOUT);
    close(listener);
}
END_TEST

/* All places taken by silent peers: the oldest makes room long before its
 * time, one that has named a known handoff does not. */
START_TEST(room_is_made)
{
    struct xf_chan_host host = { 0 };
    guint8 preamble[PREAMBLE_LEN], greeting[GREETING_LEN], proof[32];
    int client, server;

    xf_chan_host_open(&host, 60000, 2);

    int known = xf_chan_raw_connect(host.port);

    xf_chan_raw_preamble(preamble, 1, XF_CHANNEL_SETTLED);
    xf_chan_write_all(known, preamble, sizeof(preamble));
    ck_assert(xf_chan_read_all(known, greeting, sizeof(greeting)));

    int silent = xf_chan_raw_connect(host.port);

    xf_chan_dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    xf_chan_assert_closed(silent);
    xf_chan_raw_proof("client", preamble, greeting + 1, proof);
    xf_chan_write_all(known, proof, sizeof(proof));
    xf_chan_assert_verdict(known, XF_VERDICT_OK);

    g_autofree struct xf_chan_visitor *v = xf_chan_host_next(&host);

    ck_assert_int_eq(v->purpose, XF_CHANNEL_SETTLED);
    close(v->fd);
    close(known);
    close(silent);
    close(client);
    close(server);
    xf_chan_host_close(&host);
}
END_TEST

START_TEST(stop_drops_handshakes)
{
    struct xf_chan_host host = { 0 };
    int client, server;
    enum xf_channel_msg msg;

    xf_chan_host_open(&host, 60000, 0);

    int silent = xf_chan_raw_connect(host.port);

    xf_chan_dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    xf_channel_listener_stop(host.listener);
    xf_chan_assert_closed(silent);
    /* what was accepted before goes on */
    ck_assert(xf_channel_send(client, XF_MSG_END, NULL));
    ck_assert(xf_channel_recv(server, TIMEOUT_MS, &msg, NULL));
    xf_channel_listener_stop(host.listener);
    close(silent);
    close(client);
    close(server);
    xf_chan_host_close(&host);
}
END_TEST

static gint log_lines;

static void
count_line(const char *domain, GLogLevelFlags level, const char *message,
           void *user)
{
    g_atomic_int_inc(&log_lines);
    ck_assert_ptr_nonnull(strstr(message, "127.0.0.1"));
}

START_TEST(scanners_do_not_fill_the_log)
{
    struct xf_chan_host host = { 0 };

    guint handler =
        g_log_set_handler(G_LOG_DOMAIN, G_LOG_LEVEL_MASK, count_line, NULL);

    xf_chan_host_open(&host, 10000, 0);
    for (int i = 0; i < 50; i++) {
        int fd = xf_chan_raw_connect(host.port);

        xf_chan_write_all(fd, "rubbish!", 8);
        xf_chan_assert_closed(fd);
        close(fd);
    }
    xf_chan_host_close(&host);
    g_log_remove_handler(G_LOG_DOMAIN, handler);
    ck_assert_int_ge(g_atomic_int_get(&log_lines), 1);
    ck_assert_int_le(g_atomic_int_get(&log_lines), 5);
}
END_TEST

/* -- many -- */

struct caller {
    struct xf_chan_host *host;
    int number;
};

static void *
caller_thread(void *user)
{
    struct caller *c = user;
    g_autofree char *token = g_strdup_printf("%032x", c->number);
    g_autoptr(GError) err = NULL;
    char echo[XF_TOKEN_LEN];
    int fd = xf_chan_dial(c->host, XF_CHANNEL_STREAM, token, token, &err);

    g_assert_no_error(err);
    ck_assert(xf_chan_read_all(fd, echo, sizeof(echo)));
    ck_assert_mem_eq(echo, token, XF_TOKEN_LEN);
    close(fd);
    return NULL;
}

START_TEST(a_hundred_at_once)
{
    struct xf_chan_host host = { .echo = TRUE };
    struct caller callers[100];
    GThread *threads[100];

    xf_chan_host_open(&host, 20000, 8);
    for (int i = 0; i < 100; i++) {
        callers[i] = (struct caller){ &host, i };
        threads[i] = g_thread_new("caller", caller_thread, &callers[i]);
    }
    for (int i = 0; i < 100; i++)
        g_thread_join(threads[i]);
    xf_chan_host_close(&host);
}
END_TEST

/* -- interrupted calls -- */

static pthread_t storm_target;
static volatile sig_atomic_t storm_on;
static gint interruptions;

/* One shot, set again by the handler: under valgrind, where a signal takes
 * long, something must get done in between. */
static void
storm_next(void)
{
    const struct itimerval timer = { .it_value = { .tv_usec = 1000 } };

    setitimer(ITIMER_REAL, &timer, NULL);
}

/* The kernel picks a thread; the main one gets its share from there. */
static void
on_alarm(int number)
{
    if (!pthread_equal(pthread_self(), storm_target))
        pthread_kill(storm_target, SIGALRM);
    else
        g_atomic_int_inc(&interruptions);
    if (storm_on)
        storm_next();
}

#define STORM_BYTES (10 * 1024 * 1024)
#define STORM_ACKS 300

static void *
storm_receiver(void *user)
{
    struct xf_chan_host *host = user;
    g_autofree struct xf_chan_visitor *v = xf_chan_host_next(host);
    g_autofree guint8 *data = g_malloc(STORM_BYTES);
    enum xf_channel_msg msg;

    ck_assert(xf_chan_read_all(v->fd, data, STORM_BYTES));
    for (gsize i = 0; i < STORM_BYTES; i++)
        if (data[i] != (guint8)(i * 7 >> 3))
            ck_abort_msg("byte %" G_GSIZE_FORMAT " differs", i);
    do {
        ck_assert(xf_channel_recv(v->fd, TIMEOUT_MS, &msg, NULL));
        ck_assert(xf_channel_send(v->fd, XF_MSG_RECEIVED, NULL));
    } while (msg != XF_MSG_END);
    close(v->fd);
    return NULL;
}

START_TEST(eintr_storm)
{
    /* no SA_RESTART: every blocking call comes back with EINTR */
    const struct sigaction action = { .sa_handler = on_alarm };
    struct xf_chan_host host = { 0 };
    g_autofree guint8 *data = g_malloc(STORM_BYTES);
    enum xf_channel_msg msg;
    int acks = 0;

    for (gsize i = 0; i < STORM_BYTES; i++)
        data[i] = i * 7 >> 3;
    xf_chan_host_open(&host, 20000, 0);

    GThread *receiver = g_thread_new("receiver", storm_receiver, &host);

    storm_target = pthread_self();
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    storm_on = TRUE;
    storm_next();

    g_autoptr(GError) err = NULL;
    int fd = xf_chan_dial(&host, XF_CHANNEL_STREAM, TOKEN, TOKEN, &err);

    g_assert_no_error(err);
    xf_chan_write_all(fd, data, STORM_BYTES);
    while (acks++ < STORM_ACKS || g_atomic_int_get(&interruptions) < 100) {
        ck_assert(xf_channel_send(fd, XF_MSG_HOLDS, NULL));
        ck_assert(xf_channel_recv(fd, TIMEOUT_MS, &msg, NULL));
        ck_assert_int_eq(msg, XF_MSG_RECEIVED);
    }
    ck_assert(xf_channel_send(fd, XF_MSG_END, NULL));
    ck_assert(xf_channel_recv(fd, TIMEOUT_MS, &msg, NULL));
    g_thread_join(receiver);
    storm_on = FALSE;
    close(fd);
    xf_chan_host_close(&host);
}
END_TEST

/* -- fds -- */

static gboolean
output_names(const char *output, int fd)
{
    struct stat st;

    ck_assert_int_eq(fstat(fd, &st), 0);

    g_autofree char *name =
        g_strdup_printf("socket:[%" G_GUINT64_FORMAT "]", (guint64)st.st_ino);

    return strstr(output, name) != NULL;
}

START_TEST(no_fd_reaches_helpers)
{
    struct xf_chan_host host = { 0 };
    const char *const argv[] = { "ls", "-l", "/proc/self/fd", NULL };
    g_autofree char *output = NULL;
    g_autoptr(GError) err = NULL;
    gboolean before[64];
    int client, server, found = 0;

    for (int fd = 0; fd < 64; fd++)
        before[fd] = fcntl(fd, F_GETFD) >= 0;
    xf_chan_host_open(&host, 10000, 0);
    xf_chan_dial_pair(&host, XF_CHANNEL_STREAM, &client, &server);
    /* the listening socket, the stop fd, both ends */
    for (int fd = 0; fd < 64; fd++) {
        int flags = fcntl(fd, F_GETFD);

        if (before[fd] || flags < 0)
            continue;
        found++;
        ck_assert_int_eq(flags, FD_CLOEXEC);
    }
    ck_assert_int_eq(found, 4);

    /* a control, that what is not CLOEXEC would be seen */
    int control = dup(client);

    ck_assert(g_spawn_sync(NULL, (char **)argv, NULL,
                           G_SPAWN_SEARCH_PATH | G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
                           NULL, NULL, &output, NULL, NULL, &err));
    ck_assert(output_names(output, client));
    g_clear_pointer(&output, g_free);
    close(control);
    ck_assert(g_spawn_sync(NULL, (char **)argv, NULL,
                           G_SPAWN_SEARCH_PATH | G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
                           NULL, NULL, &output, NULL, NULL, &err));
    ck_assert(!output_names(output, client));
    ck_assert(!output_names(output, server));
    close(client);
    close(server);
    xf_chan_host_close(&host);
    /* and all are gone at the end */
    for (int fd = 0; fd < 64; fd++)
        ck_assert_int_eq(before[fd], fcntl(fd, F_GETFD) >= 0);
}
END_TEST

/* -- a link that falls silent: in a network namespace whose only interface,
 * lo, is then taken down -- */

static void
set_lo(gboolean up)
{
    struct ifreq request = { .ifr_name = "lo" };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    request.ifr_flags = up ? IFF_UP | IFF_RUNNING : 0;
    ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
}

/* There is no way back for an ordinary user: hence the last of the tests. */
static void
enter_namespace(void)
{
    xf_unit_need(unshare(CLONE_NEWNET) == 0
                 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0,
                 "network namespaces that a test may make");
    set_lo(TRUE);
}

/* Writes until that fails. */
static void *
writer_thread(void *user)
{
    static const guint8 data[65536];

    while (send(GPOINTER_TO_INT(user), data, sizeof(data), MSG_NOSIGNAL) > 0)
        ;
    return GINT_TO_POINTER(errno);
}

START_TEST(silent_link)
{
    struct xf_chan_host host = { .silence_ms = 2000 };
    int client[2], server[2];
    enum xf_channel_msg msg;
    g_autoptr(GError) err = NULL;

    enter_namespace();
    xf_chan_host_open(&host, 10000, 0);
    for (int i = 0; i < 2; i++)
        xf_chan_dial_pair(&host, XF_CHANNEL_STREAM, &client[i], &server[i]);

    gint64 start = g_get_monotonic_time();

    set_lo(FALSE);

    /* one end has data under way, the other waits for some */
    GThread *writer =
        g_thread_new("writer", writer_thread, GINT_TO_POINTER(client[0]));

    ck_assert(!xf_channel_recv(server[1], TIMEOUT_MS, &msg, &err));
    xf_chan_assert_code(err, XF_ERROR_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(err->message, g_strerror(ETIMEDOUT)));
    ck_assert_int_eq(GPOINTER_TO_INT(g_thread_join(writer)), ETIMEDOUT);
    ck_assert_int_ge(g_get_monotonic_time() - start, 1500 * 1000);
    ck_assert_int_le(g_get_monotonic_time() - start, 15 * G_USEC_PER_SEC);
    for (int i = 0; i < 2; i++) {
        close(client[i]);
        close(server[i]);
    }
    xf_chan_host_close(&host);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        silent_peer,
        dribbling_client,
        slow_servers,
        room_is_made,
        stop_drops_handshakes,
        scanners_do_not_fill_the_log,
        a_hundred_at_once,
        eintr_storm,
        no_fd_reaches_helpers,
        silent_link,
        NULL
    };

    return xf_unit_main("channel-peers", tests);
}
