/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two daemons: processes that die in the middle, and peers that talk
 * nonsense. */
#include "config.h"

#include "tests/host/hosts.h"

#include "protocol/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HELPER TOP_BUILDDIR "/tests/sim/restore-helper"
#define XENFERRY TOP_BUILDDIR "/xenferry"

/* -- the destination is killed -- */

static const struct {
    const char *point;
    gboolean helper;            /* a process of its own fills the domain */
} killed_at[] = {
    { "stream-start", FALSE },
    { "stream-made", FALSE },
    { "stream-page", FALSE },
    { "stream-page", TRUE },
    { "stream-end", FALSE },
    { "stream-end", TRUE },
    { "devices", FALSE },
};

START_TEST(destination_killed)
{
    struct moving moving;

    guest(&host_a);
    if (killed_at[_i].helper)
        fault(&host_b, "helper", HELPER);
    moving_until(&moving, &host_a, &host_b, &host_b, killed_at[_i].point);
    host_kill(&host_b);
    fault(&host_b, killed_at[_i].point, NULL);
    /* an orphaned helper, now let go, fills on: the new daemon ends that */
    host_start(&host_b);
    ck_assert(!moving_end(&moving));
    g_clear_error(&moving.err);
    runs_on(&host_a, "g");
    empty(&host_b);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* The same in mid-stream, and nobody starts it again: no need to ask it. */
START_TEST(destination_killed_midway)
{
    struct moving moving;

    guest(&host_a);
    moving_until(&moving, &host_a, &host_b, &host_a, "suspend-page");
    host_kill(&host_b);
    fault(&host_a, "suspend-page", NULL);
    ck_assert(!moving_end(&moving));
    ck_assert_int_ne(moving.err->code, XF_ERROR_IN_DOUBT);
    g_clear_error(&moving.err);
    runs_on(&host_a, "g");
    host_start(&host_b);
    empty(&host_b);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* The source has sent its last byte: it stays suspended and asks until there
 * is an answer. */
START_TEST(destination_killed_after_the_end)
{
    struct moving moving;
    struct xf_hv_domain info;

    guest(&host_a);
    moving_until(&moving, &host_a, &host_b, &host_b, "devices");
    reaches(&host_a, "performed");
    host_kill(&host_b);
    fault(&host_b, "devices", NULL);
    ck_assert(!moving_end(&moving));
    ck_assert_msg(moving.err->code == XF_ERROR_IN_DOUBT, "%s",
                  moving.err->message);
    ck_assert(xf_sim_find(host_a.sim, "g", &info));
    ck_assert(info.suspended);
    g_clear_error(&moving.err);
    host_start(&host_b);
    runs_on(&host_a, "g");
    empty(&host_b);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* -- the source is killed -- */

static const char *const source_points[] = {
    "suspend-start", "suspend-page", "suspend-ask", "suspend-stopped",
    "suspend-before-end",
};

START_TEST(source_killed)
{
    struct moving moving;

    guest(&host_a);
    moving_until(&moving, &host_a, &host_b, &host_a, source_points[_i]);
    host_kill(&host_a);
    fault(&host_a, source_points[_i], NULL);
    ck_assert(!moving_end(&moving));
    g_clear_error(&moving.err);
    host_start(&host_a);
    runs_on(&host_a, "g");
    ck_assert(!xf_sim_tracks_writes(host_a.sim));
    empty(&host_b);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

static gboolean
is_paused(const char *dir, void *user)
{
    struct xf_hv_domain info;

    return xf_sim_find(host_a.sim, "g", &info) && info.paused
           && !info.suspended;
}

/* It had to run to be able to suspend itself, and is not left so. */
START_TEST(source_killed_with_a_paused_guest)
{
    XF_AUTO(xf_conn) *conn = conn_to(&host_a);
    XF_AUTO(xf_domain_ref) *dom = NULL;
    struct moving moving;

    guest(&host_a);
    dom = conn->driver->lookup_by_name(conn, "g", NULL);
    ck_assert(conn->driver->domain_suspend(conn, dom, NULL));
    moving_until(&moving, &host_a, &host_b, &host_a, source_points[_i]);
    host_kill(&host_a);
    fault(&host_a, source_points[_i], NULL);
    ck_assert(!moving_end(&moving));
    g_clear_error(&moving.err);
    host_start(&host_a);
    no_records(&host_a);
    wait_until(is_paused, NULL, "g is paused as it was");

    XF_AUTO(xf_conn) *again = conn_to(&host_a);

    ck_assert(again->driver->domain_resume(again, dom, NULL));
    moves(&host_a, &host_b, "g");
    xf_conn_close(g_steal_pointer(&again));
    all_is_well();
}
END_TEST

/* -- a second daemon -- */

/* It would take up what the first one is about: it must not begin to, not
 * even with files and ports of its own. */
START_TEST(a_second_daemon_does_not_start)
{
    g_autofree char *socket = g_strconcat(host_a.socket, "2", NULL);
    g_autofree char *state = g_strconcat(host_a.dir, "/state2", NULL);
    const char *argv[] = {
        TOP_BUILDDIR "/tests/sim/xenferryd-sim", host_a.sim, "--config",
        "/dev/null", "--socket", socket, "--state-dir", state,
        "--channel-port", "0", NULL
    };
    g_autofree char *said = NULL;
    struct moving moving;

    guest(&host_a);
    moving_until(&moving, &host_a, &host_b, &host_a, "suspend-page");
    g_setenv("XENSTORED_PATH", host_a.xenstored_path, TRUE);
    ck_assert_int_eq(run_program(argv, &said), 1);
    g_unsetenv("XENSTORED_PATH");
    ck_assert_msg(strstr(said, "has a daemon already"), "%s", said);
    fault(&host_a, "suspend-page", NULL);
    ck_assert_msg(moving_end(&moving), "%s",
                  moving.err ? moving.err->message : "");
    runs_on(&host_b, "g");
    all_is_well();
    /* once the first has ended, one may start */
    host_kill(&host_a);
    host_start(&host_a);
}
END_TEST

/* -- the client is killed -- */

static const struct {
    const char *point;
    gboolean at_destination;
} client_points[] = {
    { "incoming-create", TRUE },
    { "suspend-start", FALSE },
    { "suspend-page", FALSE },
    { "suspend-ask", FALSE },
    { "suspend-before-end", FALSE },
    { "stream-page", TRUE },
};

/* How it had the guest moved: its options. */
static const struct {
    const char *first, *second;
    gboolean direct;
} client_ways[] = {
    { "--protocol", "v3-params", FALSE },
    { "--protocol", "v3", FALSE },
    { "--p2p", NULL, FALSE },
    { "--p2p", "--tunnelled", FALSE },
    { "--direct", NULL, TRUE },
};

/* In the place of host-b's xl stands xenferry receive. */
static void
lead_to_xl(void)
{
    g_autofree char *conf =
        g_strdup_printf("xl_command = %s receive --socket %s/%%h/"
                        "xenferry-receive-sock\n", XENFERRY, hosts_dir());

    host_stop(&host_a);
    host_a.conf = conf;
    host_start(&host_a);
    host_a.conf = NULL;
}

/* Where the source does it all the loss is noticed by it alone, and it could
 * be done by then: it is let go on only once it has noticed, and has more to
 * send than fits into the sockets on the way. */
START_TEST(client_killed)
{
    int way = _i / G_N_ELEMENTS(client_points);
    int i = _i % G_N_ELEMENTS(client_points);
    gboolean direct = client_ways[way].direct;
    const char *argv[] = {
        XENFERRY, "-c", host_a.uri, "migrate", "--live", "g",
        direct ? "xl+ssh://host-b" : host_b.uri, client_ways[way].first,
        client_ways[way].second, NULL
    };
    struct host *where = client_points[i].at_destination ? &host_b : &host_a;
    const char *point = client_points[i].point;
    g_autofree char *log = g_strconcat(host_a.dir, "/client", NULL);

    if (direct)
        lead_to_xl();
    guest(&host_a);
    fault(where, point, g_str_has_suffix(point, "-page") ? "hang@10" : "hang");
    fault(&host_a, "page-bytes", "524288");

    GPid client = start_program(argv, log, NULL);

    wait_hits(where, point, 1);
    kill_program(client);
    no_records(&host_a);
    fault(&host_a, "page-bytes", NULL);
    fault(where, point, NULL);
    runs_on(&host_a, "g");
    empty(&host_b);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* -- nonsense -- */

static int
raw_connection(struct host *host)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, host->socket, sizeof(address.sun_path));
    ck_assert(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
    return fd;
}

static void
put_word(GByteArray *packet, guint32 word)
{
    guint32 wire = g_htonl(word);

    g_byte_array_append(packet, (const guint8 *)&wire, sizeof(wire));
}

struct header {
    guint32 length, program, version, procedure, type, serial, status;
};

#define REMOTE 0x20008086
#define HEADER_LEN 28

static GByteArray *
packet_new(const struct header *header)
{
    GByteArray *packet = g_byte_array_new();

    put_word(packet, header->length);
    put_word(packet, header->program);
    put_word(packet, header->version);
    put_word(packet, header->procedure);
    put_word(packet, header->type);
    put_word(packet, header->serial);
    put_word(packet, header->status);
    return packet;
}

static gboolean
read_all(int fd, void *data, gsize len)
{
    for (gsize got = 0; got < len; ) {
        ssize_t n = read(fd, (char *)data + got, len - got);

        if (n <= 0 && errno != EINTR)
            return FALSE;
        if (n > 0)
            got += n;
    }
    return TRUE;
}

struct answer {
    int status;                 /* -1: the connection was closed instead */
    guint32 code, domain;       /* of an error */
};

static struct answer
answer(int fd, guint32 serial)
{
    struct answer a = { -1, 0, 0 };
    guint32 words[HEADER_LEN / 4];
    guint32 body[1024];

    errno = 0;
    if (!read_all(fd, words, sizeof(words)))
        return a;
    ck_assert_uint_eq(g_ntohl(words[5]), serial);

    gsize left = g_ntohl(words[0]) - HEADER_LEN;

    ck_assert_uint_le(left, sizeof(body));
    ck_assert(read_all(fd, body, left));
    a.status = g_ntohl(words[6]);
    if (a.status == 1) {
        a.code = g_ntohl(body[0]);
        a.domain = g_ntohl(body[1]);
    }
    return a;
}

#define OPEN 1                  /* procedures */
#define HOSTNAME 59
#define NO_CODE 0               /* libvirt's numbers of errors */
#define INTERNAL 1
#define RPC 39

/* An error is always one of the RPC layer, domain 7: none of it comes to the
 * driver. */
static const struct {
    const char *what;
    gboolean opened;            /* the connection is, before that */
    struct header header;
    guint32 body;               /* zero bytes that follow */
    int status;                 /* 1: an error in reply; -1: closed */
    guint32 code;
} nonsense[] = {
    { "no length", TRUE, { 0, REMOTE, 1, HOSTNAME, 0, 7, 0 }, 0, -1,
      NO_CODE },
    { "shorter than a header", TRUE, { 27, REMOTE, 1, HOSTNAME, 0, 7, 0 }, 0,
      -1, NO_CODE },
    { "too long", TRUE, { 0x7fffffff, REMOTE, 1, HOSTNAME, 0, 7, 0 }, 0, -1,
      NO_CODE },
    { "all ones", TRUE, { 0xffffffff, -1, -1, -1, -1, -1, -1 }, 0, -1,
      NO_CODE },
    { "unknown procedure", TRUE, { 28, REMOTE, 1, 9999, 0, 7, 0 }, 0, 1,
      RPC },
    { "procedure 0", TRUE, { 28, REMOTE, 1, 0, 0, 7, 0 }, 0, 1, RPC },
    { "wrong program", TRUE, { 28, 0x12345678, 1, HOSTNAME, 0, 7, 0 }, 0, 1,
      RPC },
    { "wrong version", TRUE, { 28, REMOTE, 2, HOSTNAME, 0, 7, 0 }, 0, 1,
      RPC },
    { "a call with a status", TRUE, { 28, REMOTE, 1, HOSTNAME, 0, 7, 1 }, 0,
      1, RPC },
    { "no body", FALSE, { 28, REMOTE, 1, OPEN, 0, 7, 0 }, 0, 1, RPC },
    { "a driver's call before the connection is open", FALSE,
      { 28, REMOTE, 1, HOSTNAME, 0, 7, 0 }, 0, 1, INTERNAL },
    /* as lax as libvirtd is */
    { "a body where none is", TRUE, { 32, REMOTE, 1, HOSTNAME, 0, 7, 0 }, 4,
      0, NO_CODE },
};

static void
send_packet(int fd, const struct header *header, guint32 body)
{
    g_autoptr(GByteArray) packet = packet_new(header);

    g_byte_array_set_size(packet, packet->len + body);
    memset(packet->data + packet->len - body, 0, body);
    ck_assert_int_eq(write(fd, packet->data, packet->len), packet->len);
}

static void
open_connection(int fd)
{
    /* no name, no flags */
    const struct header header = { 36, REMOTE, 1, OPEN, 0, 1, 0 };

    send_packet(fd, &header, 8);
    ck_assert_int_eq(answer(fd, 1).status, 0);
}

START_TEST(nonsense_is_answered)
{
    XF_AUTO_FD int fd = raw_connection(&host_a);

    if (nonsense[_i].opened)
        open_connection(fd);
    send_packet(fd, &nonsense[_i].header, nonsense[_i].body);

    struct answer a = answer(fd, 7);

    ck_assert_msg(a.status == nonsense[_i].status
                  && a.code == nonsense[_i].code
                  && (a.status != 1 || a.domain == 7),
                  "%s: %d, code %u of domain %u", nonsense[_i].what,
                  a.status, a.code, a.domain);
    guest(&host_a);
    moves(&host_a, &host_b, "g");
    xf_close_fd(&fd);
    all_is_well();
}
END_TEST

/* A good first call, cut at every length; then the peer hangs up. */
START_TEST(cut_packets)
{
    struct header header = { 40, REMOTE, 1, 66, 0, 1, 0 };
    g_autoptr(GByteArray) packet = packet_new(&header);

    for (int i = 0; i < 3; i++)
        put_word(packet, 0);
    for (guint len = 0; len < packet->len; len++) {
        XF_AUTO_FD int fd = raw_connection(&host_a);

        ck_assert_int_eq(write(fd, packet->data, len), len);
    }
    guest(&host_a);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

/* A peer that says nothing at all disturbs nobody. */
START_TEST(silent_peers)
{
    int fds[20];

    for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
        fds[i] = raw_connection(i % 2 ? &host_a : &host_b);
    guest(&host_a);
    moves(&host_a, &host_b, "g");
    for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
        close(fds[i]);
    all_is_well();
}
END_TEST

/* -- the channel's port -- */

static int
channel_connection(struct host *host)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(host->channel_port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
    return fd;
}

/* Waits for the end of file: the peer was dropped. */
static void
dropped(int fd)
{
    char buffer[256];

    while (read(fd, buffer, sizeof(buffer)) > 0)
        continue;
}

static const char *const greetings[] = {
    "", "GET / HTTP/1.0\r\n\r\n", "XENFERRY",
    "XENFERRY\0\1\0\1"
    "0123456789abcdef"
    "0123456789abcdef0123456789abcdef",
};
static const gsize greeting_lens[] = { 0, 18, 8, 60 };

START_TEST(strangers_are_dropped)
{
    XF_AUTO_FD int fd = channel_connection(&host_b);
    struct moving moving;

    guest(&host_a);
    moving_until(&moving, &host_a, &host_b, &host_b, "stream-page");
    ck_assert_int_eq(write(fd, greetings[_i], greeting_lens[_i]),
                     greeting_lens[_i]);
    dropped(fd);
    fault(&host_b, "stream-page", NULL);
    ck_assert_msg(moving_end(&moving), "%s",
                  moving.err ? moving.err->message : "?");
    runs_on(&host_b, "g");
    xf_close_fd(&fd);
    all_is_well();
}
END_TEST

/* So many at once that a domain would come too late if they were waited for
 * by the few. */
START_TEST(crowds_of_strangers)
{
    int fds[800];

    guest(&host_a);
    for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
        fds[i] = channel_connection(&host_b);
    moves(&host_a, &host_b, "g");
    for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
        close(fds[i]);
    all_is_well();
}
END_TEST

/* -- an unmodified virsh -- */

/* Runs it on host-a; it must succeed and print `word`. */
static void
virsh(const char *word, const char *command, const char *argument,
      const char *destination)
{
    const char *argv[] = { "virsh", "-c", host_a.uri, command, argument,
                           destination, NULL };
    const char *live[] = { "virsh", "-c", host_a.uri, command, "--live",
                           "--verbose", argument, destination, NULL };
    g_autofree char *out = NULL;
    int status = run_program(destination ? live : argv, &out);

    ck_assert_msg(!status && strstr(out, word), "virsh %s: no \"%s\": %s",
                  command, word, out);
}

START_TEST(virsh_moves)
{
    xf_unit_need_program("virsh");
    guest(&host_a);
    virsh("running", "list", NULL, NULL);
    virsh(UUID, "dominfo", "g", NULL);
    virsh("<name>g</name>", "dumpxml", "g", NULL);
    virsh("100 %", "migrate", "g", host_b.tcp_uri);
    runs_on(&host_b, "g");
    empty(&host_a);
    all_is_well();
}
END_TEST

/* What virsh says of it comes from the daemon, and virsh ends by itself. */
START_TEST(virsh_aborts)
{
    const char *argv[] = {
        "virsh", "-c", host_a.uri, "migrate", "--live", "g", host_b.tcp_uri,
        NULL
    };
    g_autofree char *log = g_strconcat(host_a.dir, "/virsh", NULL);
    g_autofree char *said = NULL;

    xf_unit_need_program("virsh");
    guest(&host_a);
    fault(&host_a, "suspend-page", "hang@10");

    GPid client = start_program(argv, log, NULL);

    wait_hits(&host_a, "suspend-page", 1);
    virsh("", "domjobabort", "g", NULL);

    int status = wait_program(client);

    ck_assert(g_file_get_contents(log, &said, NULL, NULL));
    ck_assert_msg(status == 1
                  && strstr(said, "migration of domain 'g' was aborted"),
                  "virsh migrate: exit status %d: %s", status, said);
    fault(&host_a, "suspend-page", NULL);
    runs_on(&host_a, "g");
    empty(&host_b);
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { destination_killed, G_N_ELEMENTS(killed_at) },
        { destination_killed_midway, 1 },
        { destination_killed_after_the_end, 1 },
        { source_killed, G_N_ELEMENTS(source_points) },
        { source_killed_with_a_paused_guest, G_N_ELEMENTS(source_points) },
        { a_second_daemon_does_not_start, 1 },
        { client_killed,
          G_N_ELEMENTS(client_points) * G_N_ELEMENTS(client_ways) },
        { nonsense_is_answered, G_N_ELEMENTS(nonsense) },
        { cut_packets, 1 },
        { silent_peers, 1 },
        { strangers_are_dropped, G_N_ELEMENTS(greetings) },
        { crowds_of_strangers, 1 },
        { virsh_moves, 1 },
        { virsh_aborts, 1 },
        { NULL, 0 },
    };

    return host_tests_main("trouble", tests);
}
