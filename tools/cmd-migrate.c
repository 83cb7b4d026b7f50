/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xenferry migrate: its options, and what is shown meanwhile */
#include "config.h"

#include "protocol/uri.h"
#include "tools/commands.h"
#include "tools/move.h"
#include "tools/progress.h"
#include "tools/report.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define POLL_MS 500
#define SETTLE_MS 10000
#define DEFAULT_COLUMNS 80
#define ECHO_COLUMNS 2      /* of the ^C that the terminal writes */

static struct {
    gboolean live;
    gboolean paused;
    gboolean persistent;
    gboolean undefine;
    gboolean offline;
    gboolean protect;
    gboolean abort_on_error;
    gboolean unsafe;
    gboolean json;
    gboolean direct;
    gboolean p2p;
    gboolean tunnelled;
    char *persistent_xml;
    char *dname;
    char *uri;
    char *protocol;
    char *xml;
    gint64 bandwidth;
} options;

static const GOptionEntry entries[] = {
    { "live", 0, 0, G_OPTION_ARG_NONE, &options.live,
      "Let the guest run while its memory is sent", NULL },
    { "dname", 0, 0, G_OPTION_ARG_STRING, &options.dname,
      "What to call it at the destination", "NAME" },
    { "xml", 0, 0, G_OPTION_ARG_STRING, &options.xml,
      "Its XML at the destination (-: standard input)", "FILE" },
    { "uri", 0, 0, G_OPTION_ARG_STRING, &options.uri,
      "Where the stream goes (default: the destination says)", "URI" },
    { "paused", 0, 0, G_OPTION_ARG_NONE, &options.paused,
      "Leave it paused at the destination", NULL },
    { "persistent", 0, 0, G_OPTION_ARG_NONE, &options.persistent,
      "Store its definition at the destination", NULL },
    { "persistent-xml", 0, 0, G_OPTION_ARG_STRING, &options.persistent_xml,
      "What is stored there (default: what runs there)", "FILE" },
    { "undefine-source", 0, 0, G_OPTION_ARG_NONE, &options.undefine,
      "Forget its definition here when it has moved", NULL },
    { "undefinesource", 0, 0, G_OPTION_ARG_NONE, &options.undefine,
      "The same, as virsh spells it", NULL },
    { "offline", 0, 0, G_OPTION_ARG_NONE, &options.offline,
      "Move the definition alone; needs --persistent", NULL },
    { "change-protection", 0, 0, G_OPTION_ARG_NONE, &options.protect,
      "Fail if the source cannot keep it from being changed", NULL },
    { "abort-on-error", 0, 0, G_OPTION_ARG_NONE, &options.abort_on_error,
      "Fail at the first error (it does in any case)", NULL },
    { "unsafe", 0, 0, G_OPTION_ARG_NONE, &options.unsafe,
      "Even to an older Xen, fewer CPU features or another time of day",
      NULL },
    { "bandwidth", 0, 0, G_OPTION_ARG_INT64, &options.bandwidth,
      "Send no faster than that", "MiB/s" },
    { "protocol", 0, 0, G_OPTION_ARG_STRING, &options.protocol,
      "auto (the newest that both hosts have), v1, v2, v3 or v3-params",
      "NAME" },
    { "p2p", 0, 0, G_OPTION_ARG_NONE, &options.p2p,
      "Leave it to the source's daemon, which alone reaches DEST-URI", NULL },
    { "tunnelled", 0, 0, G_OPTION_ARG_NONE, &options.tunnelled,
      "With --p2p: send it through the connection of the two daemons", NULL },
    { "direct", 0, 0, G_OPTION_ARG_NONE, &options.direct,
      "The destination has no daemon, only xl: xl+ssh://HOST", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
      "Print the outcome as a JSON object", NULL },
    G_OPTION_ENTRY_NULL
};

/* -- meanwhile -- */

/* What is on show; the mover calls one ui function at a time, the main
 * thread reads nothing of it until the mover has ended. */
struct display {
    gboolean bar;           /* on stderr, a terminal */
    gboolean lines;         /* a line a phase on stdout */
    gint64 start;
    char *name;
    struct xf_progress_view view;
};

static void
draw(struct display *display)
{
    struct winsize size = { 0 };
    int columns = DEFAULT_COLUMNS;
    g_autofree char *line = NULL;

    if (!display->bar)
        return;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        columns = size.ws_col;
    display->view.elapsed_ms = (g_get_monotonic_time() - display->start) /
                               G_TIME_SPAN_MILLISECOND;
    line = xf_progress_line(&display->view, columns - ECHO_COLUMNS);
    /* carriage return, line, erase to its end */
    g_printerr("\r%s\033[K", line);
}

static void
erase(struct display *display)
{
    if (display->bar)
        g_printerr("\r\033[K");
}

static void
show_phase(void *user, const char *phase)
{
    struct display *display = user;

    display->view.phase = phase;
    if (display->lines) {
        double s = (g_get_monotonic_time() - display->start) /
                   (double)G_TIME_SPAN_SECOND;

        g_print("%8.2f s  %s\n", s, phase);
        fflush(stdout);
    }
    draw(display);
}

static void
show_job(void *user, const struct xf_job_info *info)
{
    struct display *display = user;

    if (info->type != XF_JOB_NONE)
        display->view.job = *info;
    draw(display);
}

static void
show_stopping(void *user)
{
    struct display *display = user;

    display->view.stopping = TRUE;
    erase(display);
    xf_cli_error("stopping the migration; interrupt again to leave it to "
                 "the hosts");
    draw(display);
}

static void
show_note(void *user, const char *text)
{
    struct display *display = user;

    erase(display);
    xf_cli_error("%s", text);
    draw(display);
}

static const struct xf_move_ui ui = {
    .phase = show_phase,
    .job = show_job,
    .stopping = show_stopping,
    .note = show_note,
};

static void
display_init(struct display *display, const char *domain)
{
    const char *term = g_getenv("TERM");

    memset(display, 0, sizeof(*display));
    display->bar = isatty(STDERR_FILENO) && g_strcmp0(term, "dumb") != 0;
    display->lines = !display->bar && !options.json;
    display->start = g_get_monotonic_time();
    display->name = xf_cli_printable(domain);
    display->view.name = display->name;
    display->view.phase = "connect";
}

/* -- running it: the mover in a thread, signals in the main loop -- */

struct run {
    struct xf_move *move;
    struct xf_move_report report;
    GMainLoop *loop;
    guint signals[3];
};

static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP };

static gboolean
quit(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static gpointer
run_move(gpointer user)
{
    struct run *run = user;

    xf_move_run(run->move, &run->report);
    /* an idle source: it waits for a loop that does not run yet */
    g_idle_add(quit, run->loop);
    return NULL;
}

/* The first signal asks the source to stop; from then on signals have their
 * default effect, so that a second one ends the program whatever happens. */
static gboolean
on_stop(gpointer user)
{
    struct run *run = user;

    for (gsize i = 0; i < G_N_ELEMENTS(stop_signals); i++)
        g_source_remove(run->signals[i]);
    memset(run->signals, 0, sizeof(run->signals));
    xf_move_abort(run->move);
    return G_SOURCE_REMOVE;
}

static void
run_to_end(struct run *run)
{
    GThread *thread;

    run->loop = g_main_loop_new(NULL, FALSE);
    for (gsize i = 0; i < G_N_ELEMENTS(stop_signals); i++)
        run->signals[i] = g_unix_signal_add(stop_signals[i], on_stop, run);
    thread = g_thread_new("move", run_move, run);
    g_main_loop_run(run->loop);
    g_thread_join(thread);
    for (gsize i = 0; i < G_N_ELEMENTS(stop_signals); i++)
        if (run->signals[i])
            g_source_remove(run->signals[i]);
    g_main_loop_unref(run->loop);
}

/* FALSE: there is no such protocol.  0: the newest. */
static gboolean
wanted_protocol(guint *protocol)
{
    *protocol = 0;
    if (!options.protocol || strcmp(options.protocol, "auto") == 0)
        return TRUE;
    *protocol = xf_protocols_parse(options.protocol, NULL);
    return xf_protocol_name(*protocol) && *protocol != XF_PROTOCOL_P2P
           && *protocol != XF_PROTOCOL_DIRECT;
}

/* What cannot be had together: it would be dropped in silence. */
static gboolean
check_clashes(void)
{
    static const char xl[] = "a host that has only xl takes a domain as it "
                             "is, and stores nothing";
    static const char still[] = "nothing but a definition moves";
    const gboolean bandwidth = options.bandwidth != 0;
    const struct {
        gboolean mode;
        const char *mode_name;
        gboolean given;
        const char *option, *why;
    } clashes[] = {
#define CLASH(mode, given, option, why)                                     \
    { options.mode, "--" #mode, given, option, why }
        CLASH(direct, options.p2p, "--p2p", "it is another way"),
        CLASH(direct, options.tunnelled, "--tunnelled", xl),
        CLASH(direct, options.offline, "--offline", xl),
        CLASH(direct, options.persistent, "--persistent", xl),
        CLASH(direct, options.persistent_xml != NULL, "--persistent-xml", xl),
        CLASH(direct, options.dname != NULL, "--dname", xl),
        CLASH(direct, bandwidth, "--bandwidth", xl),
        CLASH(direct, options.uri != NULL, "--uri",
              "it goes where DEST-URI says"),
        CLASH(direct, options.protocol != NULL, "--protocol",
              "it has its own"),
        CLASH(p2p, options.protocol != NULL, "--protocol",
              "the source's daemon chooses it"),
        CLASH(offline, options.tunnelled, "--tunnelled", still),
        CLASH(offline, options.uri != NULL, "--uri", still),
        CLASH(offline, bandwidth, "--bandwidth", still),
        CLASH(offline, options.paused, "--paused", still),
        CLASH(tunnelled, options.uri != NULL, "--uri",
              "it goes through the connection of the two daemons"),
#undef CLASH
    };

    for (gsize i = 0; i < G_N_ELEMENTS(clashes); i++)
        if (clashes[i].mode && clashes[i].given) {
            xf_cli_error("migrate: %s cannot have %s: %s; leave it out",
                         clashes[i].mode_name, clashes[i].option,
                         clashes[i].why);
            return FALSE;
        }
    return TRUE;
}

/* What goes only with another. */
static gboolean
check_needs(void)
{
    if (options.tunnelled && !options.p2p)
        xf_cli_error("migrate: --tunnelled goes through the connection that "
                     "the source's daemon makes to the other one; give --p2p "
                     "as well");
    else if (options.offline && !options.persistent)
        xf_cli_error("migrate: --offline needs --persistent: it moves what "
                     "is stored of the domain");
    else if (options.persistent_xml && !options.persistent)
        xf_cli_error("migrate: --persistent-xml needs --persistent");
    else
        return TRUE;
    return FALSE;
}

static gboolean
check_options(const char *destination, guint *protocol)
{
    if (!wanted_protocol(protocol))
        xf_cli_error("migrate: --protocol '%s' is not one of auto, v1, v2, "
                     "v3 and v3-params", options.protocol);
    else if (!g_uri_peek_scheme(destination))
        xf_cli_error("migrate: '%s' is not a URI; try xen+tcp://%s/system",
                     destination, destination);
    else if (options.bandwidth < 0)
        xf_cli_error("migrate: --bandwidth %" G_GINT64_FORMAT " is less than "
                     "nothing; it is MiB/s, 0 for no limit",
                     options.bandwidth);
    else if (!check_clashes() || !check_needs())
        return FALSE;
    else if (options.direct != xf_migrate_uri_is_direct(destination))
        xf_cli_error("migrate: '%s' %s", destination,
                     options.direct ? "names no host that has only xl: "
                                      "--direct goes to " XF_DIRECT_SCHEME
                                      "://HOST"
                                    : "names a host that has only xl: give "
                                      "--direct as well");
    else
        return TRUE;
    return FALSE;
}

/* file NULL: none is wanted. */
static gboolean
read_xml(const char *file, char **xml)
{
    g_autoptr(GError) err = NULL;

    if (file)
        *xml = xf_cli_read_file(file, NULL, &err);
    if (err)
        xf_cli_fail(err);
    return !err;
}

static guint32
wanted_flags(void)
{
    const struct {
        gboolean given;
        guint32 flag;
    } flags[] = {
        { options.live, XF_MIGRATE_LIVE },
        { options.paused, XF_MIGRATE_PAUSED },
        { options.persistent, XF_MIGRATE_PERSIST_DEST },
        { options.undefine, XF_MIGRATE_UNDEFINE_SOURCE },
        { options.offline, XF_MIGRATE_OFFLINE },
        { options.protect, XF_MIGRATE_CHANGE_PROTECTION },
        { options.abort_on_error, XF_MIGRATE_ABORT_ON_ERROR },
        { options.unsafe, XF_MIGRATE_UNSAFE },
        { options.tunnelled, XF_MIGRATE_TUNNELLED },
    };
    guint32 wanted = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(flags); i++)
        wanted |= flags[i].given ? flags[i].flag : 0;
    return wanted;
}

static enum xf_exit
run_migrate(struct xf_cli *cli, char **args)
{
    struct display display;
    g_autofree char *xml = NULL, *persist_xml = NULL;
    struct xf_move_request request = {
        .domain = args[0],
        .destination = args[1],
        .flags = wanted_flags(),
        .dname = options.dname,
        .uri = options.uri,
        .direct = options.direct,
        .p2p = options.p2p,
        .bandwidth = options.bandwidth,
        .poll_ms = POLL_MS,
        .settle_ms = SETTLE_MS,
        .ui = &ui,
        .user = &display,
    };
    struct run run = { 0 };
    enum xf_exit status;

    if (!check_options(args[1], &request.protocol))
        return XF_EXIT_USAGE;
    if (!read_xml(options.xml, &xml)
        || !read_xml(options.persistent_xml, &persist_xml))
        return XF_EXIT_FAILED;
    request.xml = xml;
    request.persist_xml = persist_xml;
    display_init(&display, args[0]);
    run.move = xf_move_new(cli, &request);
    run_to_end(&run);
    display.view.done = run.report.result == XF_MOVE_MOVED;
    if (display.view.done) {
        show_phase(&display, "done");
        if (display.bar)
            g_printerr("\n");
    } else {
        erase(&display);
    }
    xf_report_tell(cli->uri, &request, &run.report, options.json);
    status = xf_report_exit(&run.report);
    xf_move_free(run.move);
    xf_move_report_clear(&run.report);
    g_free(display.name);
    return status;
}

const struct xf_command xf_cmd_migrate = {
    .name = "migrate",
    .args = "DOMAIN DEST-URI",
    .summary = "Move a running domain to another host",
    .details = "DOMAIN is a name, uuid or id; DEST-URI is "
               "xen+tcp://HOST[:PORT]/system, or xl+ssh://[USER@]HOST[:PORT] "
               "with --direct.\n\n"
               "Exit status: 0 moved; 1 failed, the guest is at the source as "
               "before, or has\nended by itself; 2 usage; 3 in doubt, and "
               "what is said tells how it is settled.",
    .min_args = 2,
    .max_args = 2,
    .options = entries,
    .run = run_migrate,
};
