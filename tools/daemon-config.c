/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/rpc/client.h"
#include "tools/daemon-config.h"
#include "tools/networks.h"

#include <math.h>
#include <string.h>

#define DEFAULT_FILE SYSCONFDIR "/xenferry/xenferryd.conf"
/* Its keys are names of networks, its values their bridges. */
#define NETWORKS_GROUP "networks"

enum kind {
    KIND_STRING,
    KIND_BOOL,      /* true, false */
    KIND_PORT,      /* 0 = any free one */
    KIND_PORTS,     /* FIRST-LAST, in an array of two; empty: none */
    KIND_NUMBER,    /* 0 to 1000000 */
    KIND_SECONDS,   /* with fractions; kept in ms */
    KIND_TIMEOUT,   /* the same; 0 would leave no time for what is to be done,
                     * or none between two tries */
    KIND_PROTOCOLS, /* enum xf_protocols, by name */
};

static const char *const kind_values[] = {
    [KIND_STRING] = "a text",
    [KIND_BOOL] = "true or false",
    [KIND_PORT] = "a port number from 0 to 65535",
    [KIND_PORTS] = "a range of ports, as in 49152-49216",
    [KIND_NUMBER] = "a number from 0 to 1000000",
    [KIND_SECONDS] = "a number of seconds from 0 to 1000000",
    [KIND_TIMEOUT] = "a number of seconds above 0, up to 1000000",
    [KIND_PROTOCOLS] = "a list of v1, v2, v3, v3-params, p2p and direct",
};

#define SECONDS_MAX 1000000.0
#define NUMBER_MAX 1000000

/* The option of a key is the key with '-' for '_'. */
static const struct key {
    const char *group;
    const char *name;
    enum kind kind;
    gsize offset;       /* in struct xf_daemon_config */
    const char *help;
} keys[] = {
#define KEY(group, name, kind, field, help) \
    { group, name, kind, G_STRUCT_OFFSET(struct xf_daemon_config, field), help }
    KEY("daemon", "socket", KIND_STRING, socket,
        "path of the unix socket"),
    KEY("daemon", "state_dir", KIND_STRING, state_dir,
        "folder of the decisions log"),
    KEY("daemon", "listen_tcp", KIND_BOOL, listen_tcp,
        "serve plain TCP too"),
    KEY("daemon", "tcp_address", KIND_STRING, tcp_address,
        "numeric address for it (default: all)"),
    KEY("daemon", "tcp_port", KIND_PORT, tcp_port,
        "port for it"),
    KEY("daemon", "max_clients", KIND_NUMBER, server.max_clients,
        "clients at a time"),
    KEY("daemon", "max_client_calls", KIND_NUMBER, server.max_calls,
        "calls of one client at a time"),
    KEY("daemon", "open_timeout", KIND_SECONDS, server.open_timeout_ms,
        "for a client that connects to open; 0: any time"),
    KEY("daemon", "keepalive_interval", KIND_SECONDS,
        server.keepalive_interval_ms,
        "silence before a client is pinged; 0: never"),
    KEY("daemon", "keepalive_count", KIND_NUMBER, server.keepalive_count,
        "pings before a client is given up"),
    KEY("daemon", "protocols", KIND_PROTOCOLS, server.protocols,
        "versions of the migration protocol that are offered (default: all)"),
    KEY("daemon", "verbose", KIND_BOOL, verbose,
        "log what is done, not only what matters"),
    KEY("migration", "hostname", KIND_STRING, hostname,
        "this host's name, as peers resolve it"),
    KEY("migration", "channel_address", KIND_STRING, channel_address,
        "numeric address to receive domains on (default: all)"),
    KEY("migration", "channel_port", KIND_PORT, channel_port,
        "port to receive domains on"),
    KEY("migration", "channel_host", KIND_STRING, channel_host,
        "name or address that peers send domains to (default: hostname)"),
    KEY("migration", "handshake_timeout", KIND_TIMEOUT,
        engine.channel.handshake_timeout_ms,
        "for a peer to prove who it is"),
    KEY("migration", "silence_timeout", KIND_SECONDS,
        engine.channel.silence_timeout_ms,
        "silence after which a link is dead"),
    KEY("migration", "connect_timeout", KIND_TIMEOUT,
        engine.connect_timeout_ms,
        "for connecting to the destination"),
    KEY("migration", "ack_timeout", KIND_TIMEOUT, engine.ack_timeout_ms,
        "from the end of the stream to the destination's receipt"),
    KEY("migration", "finish_timeout", KIND_SECONDS, engine.finish_timeout_ms,
        "before a received domain that nobody finishes is looked after"),
    KEY("migration", "confirm_timeout", KIND_SECONDS,
        engine.confirm_timeout_ms,
        "before a sent domain that nobody confirms is looked after"),
    KEY("migration", "resolve_wait", KIND_SECONDS, engine.resolve_wait_ms,
        "before a call answers that the outcome is in doubt"),
    KEY("migration", "keep_orphan", KIND_SECONDS, engine.keep_orphan_ms,
        "how long a received domain is kept whose source is silent"),
    KEY("migration", "keep_ended", KIND_SECONDS, engine.keep_ended_ms,
        "how long records of revoked handoffs are kept for the source"),
    KEY("migration", "retry_first", KIND_TIMEOUT, engine.retry_first_ms,
        "before a peer that does not answer is asked again"),
    KEY("migration", "retry_max", KIND_TIMEOUT, engine.retry_max_ms,
        "the longest time between two such questions"),
    KEY("migration", "libvirtd_ports", KIND_PORTS, engine.foreign_ports,
        "ports to receive domains of a stock libvirtd on (default: none)"),
    KEY("migration", "max_handoffs", KIND_NUMBER, engine.max_incoming,
        "handoffs at a time, each way"),
    KEY("migration", "xl_command", KIND_STRING, xl_command,
        "command that leads to xl on a host without a daemon"),
    KEY("migration", "memory_reserve", KIND_NUMBER, memory_reserve_mib,
        "MiB of memory that incoming domains never get"),
#undef KEY
};

#define FIELD(type, config, key) \
    ((type *)G_STRUCT_MEMBER_P(config, (key)->offset))

/* -- values -------------------------------------------------------------- */

static gboolean
parse_bool(const char *text, gboolean *value)
{
    *value = strcmp(text, "true") == 0;
    return *value || strcmp(text, "false") == 0;
}

static gboolean
parse_number(const char *text, guint max, guint *value)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(text, 10, 0, max, &number, NULL))
        return FALSE;
    *value = number;
    return TRUE;
}

static gboolean
parse_ports(const char *text, guint16 *ports)
{
    g_auto(GStrv) ends = g_strsplit(text, "-", 2);
    guint first = 0, last = 0;

    if (*text
        && (g_strv_length(ends) != 2
            || !parse_number(ends[0], G_MAXUINT16, &first)
            || !parse_number(ends[1], G_MAXUINT16, &last)
            || !first || first > last))
        return FALSE;
    ports[0] = first;
    ports[1] = last;
    return TRUE;
}

static gboolean
parse_seconds(const char *text, guint *ms)
{
    char *end;
    double seconds = g_ascii_strtod(text, &end);

    if (end == text || *end || !isfinite(seconds) || seconds < 0 ||
        seconds > SECONDS_MAX)
        return FALSE;
    *ms = (guint)(seconds * 1000 + 0.5);
    return TRUE;
}

static gboolean
parse_value(struct xf_daemon_config *config, const struct key *key,
            const char *text)
{
    switch (key->kind) {
    case KIND_STRING:
        g_free(*FIELD(char *, config, key));
        *FIELD(char *, config, key) = *text ? g_strdup(text) : NULL;
        return TRUE;
    case KIND_BOOL:
        return parse_bool(text, FIELD(gboolean, config, key));
    case KIND_PORT:
        return parse_number(text, G_MAXUINT16, FIELD(guint, config, key));
    case KIND_PORTS:
        return parse_ports(text, FIELD(guint16, config, key));
    case KIND_NUMBER:
        return parse_number(text, NUMBER_MAX, FIELD(guint, config, key));
    case KIND_SECONDS:
        return parse_seconds(text, FIELD(guint, config, key));
    case KIND_TIMEOUT:
        return parse_seconds(text, FIELD(guint, config, key)) &&
               *FIELD(guint, config, key) > 0;
    case KIND_PROTOCOLS:
        *FIELD(guint, config, key) = xf_protocols_parse(text, NULL);
        return *FIELD(guint, config, key) != 0;
    }
    return FALSE;
}

/* A client that leaves all to the daemon does so by a call of v1, v2 or v3:
 * without one of them nobody could ask for it. */
static gboolean
check_served(const struct xf_daemon_config *config, const struct key *key,
             const char *text, const char *where, GError **err)
{
    const guint alone = XF_PROTOCOL_P2P | XF_PROTOCOL_DIRECT;

    if (key->kind != KIND_PROTOCOLS
        || *FIELD(const guint, config, key) & ~alone)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "%s: '%s' offers nothing: p2p and direct can be asked for "
                "besides one of v1, v2, v3 and v3-params only; name one",
                where, text);
    return FALSE;
}

static gboolean
set_value(struct xf_daemon_config *config, const struct key *key,
          const char *text, const char *where, GError **err)
{
    if (parse_value(config, key, text))
        return check_served(config, key, text, where, err);
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG, "%s: '%s' is not %s",
                where, text, kind_values[key->kind]);
    return FALSE;
}

/* -- the file ------------------------------------------------------------ */

static const struct key *
find_key(const char *group, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        if (strcmp(keys[i].group, group) == 0 &&
            strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static gboolean
take_key(struct xf_daemon_config *config, GKeyFile *file, const char *path,
         const char *group, const char *name, GError **err)
{
    const struct key *key = find_key(group, name);
    gboolean network = strcmp(group, NETWORKS_GROUP) == 0;
    g_autofree char *where = g_strdup_printf("%s: [%s] %s", path, group,
                                             name);
    g_autofree char *text = NULL;

    if (!key && !network) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "%s: there is no such key; xenferryd.conf(5) lists them",
                    where);
        return FALSE;
    }
    text = g_key_file_get_string(file, group, name, err);
    if (!text) {
        g_prefix_error(err, "%s: ", where);
        return FALSE;
    }
    g_strstrip(text);
    return network ? xf_networks_add(config->networks, name, text, where, err)
                   : set_value(config, key, text, where, err);
}

static gboolean
take_file(struct xf_daemon_config *config, GKeyFile *file, const char *path,
          GError **err)
{
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);

    for (char **group = groups; *group; group++) {
        g_auto(GStrv) names = g_key_file_get_keys(file, *group, NULL, err);

        if (!names)
            return FALSE;
        for (char **name = names; *name; name++)
            if (!take_key(config, file, path, *group, *name, err))
                return FALSE;
    }
    return TRUE;
}

/* `path` NULL: the default, which need not be there. */
static gboolean
load_file(struct xf_daemon_config *config, const char *path, GError **err)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) why = NULL;
    g_autofree char *text = NULL;
    const char *name = path ? path : DEFAULT_FILE;
    gsize len;

    /* not load_from_file(): that one refuses /dev/null and pipes */
    if (g_file_get_contents(name, &text, &len, &why) &&
        (len == 0 || g_key_file_load_from_data(file, text, len,
                                               G_KEY_FILE_NONE, &why)))
        return take_file(config, file, name, err);
    if (!path && g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG, "%s: %s", name,
                why->message);
    return FALSE;
}

/* -- options ------------------------------------------------------------- */

struct options {
    char *file;
    gboolean version;
    char **networks;
    char *given[G_N_ELEMENTS(keys)];    /* by row of keys */
};

static void
option_name(const struct key *key, char *buf, gsize len)
{
    g_strlcpy(buf, key->name, len);
    g_strdelimit(buf, "_", '-');
}

static gboolean
on_option(const char *name, const char *value, gpointer data, GError **err)
{
    struct options *options = data;
    char buf[64];

    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        option_name(&keys[i], buf, sizeof(buf));
        if (strcmp(name + strlen("--"), buf) != 0)
            continue;
        g_free(options->given[i]);
        options->given[i] = g_strdup(value ? value : "true");
        return TRUE;
    }
    return FALSE;
}

static const char *
value_name(enum kind kind)
{
    static const char *const names[] = {
        [KIND_STRING] = "TEXT",    [KIND_BOOL] = "true|false",
        [KIND_PORT] = "PORT",      [KIND_PORTS] = "FIRST-LAST",
        [KIND_NUMBER] = "N",
        [KIND_SECONDS] = "SECONDS",  [KIND_TIMEOUT] = "SECONDS",
        [KIND_PROTOCOLS] = "LIST",
    };

    return names[kind];
}

static void
add_key_options(GOptionGroup *group, char names[][64])
{
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        GOptionEntry entry[2] = { {
            .long_name = names[i],
            .flags = keys[i].kind == KIND_BOOL ? G_OPTION_FLAG_OPTIONAL_ARG
                                               : 0,
            .arg = G_OPTION_ARG_CALLBACK,
            .arg_data = on_option,
            .description = keys[i].help,
            .arg_description = value_name(keys[i].kind),
        } };

        option_name(&keys[i], names[i], 64);
        g_option_group_add_entries(group, entry);
    }
}

static gboolean
parse_options(struct options *options, int *argc, char ***argv, GError **err)
{
    const GOptionEntry own[] = {
        { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options->file,
          "configuration file (default: " DEFAULT_FILE ")", "FILE" },
        { "version", 'V', 0, G_OPTION_ARG_NONE, &options->version,
          "print the version and end", NULL },
        { "network", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->networks,
          "the bridge of a libvirt network; may be given again",
          "NAME=BRIDGE" },
        G_OPTION_ENTRY_NULL
    };
    char names[G_N_ELEMENTS(keys)][64];
    g_autoptr(GOptionContext) context =
        g_option_context_new("- moves Xen domains between hosts");
    GOptionGroup *group = g_option_group_new("xenferryd", "", "", options,
                                             NULL);

    g_option_group_add_entries(group, own);
    add_key_options(group, names);
    g_option_context_set_main_group(context, group);
    if (!g_option_context_parse(context, argc, argv, err))
        return FALSE;
    if (*argc > 1) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "'%s': there are only options here; --help lists them",
                    (*argv)[1]);
        return FALSE;
    }
    return TRUE;
}

static gboolean
take_options(struct xf_daemon_config *config, const struct options *options,
             GError **err)
{
    char buf[64];

    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *where = NULL;

        if (!options->given[i])
            continue;
        option_name(&keys[i], buf, sizeof(buf));
        where = g_strdup_printf("--%s", buf);
        if (!set_value(config, &keys[i], options->given[i], where, err))
            return FALSE;
    }
    for (char **at = options->networks; at && *at; at++)
        if (!xf_networks_add_option(config->networks, *at, "--network", err))
            return FALSE;
    return TRUE;
}

static void
options_clear(struct options *options)
{
    g_free(options->file);
    g_strfreev(options->networks);
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        g_free(options->given[i]);
}

/* -- all together -------------------------------------------------------- */

static struct xf_daemon_config *
config_new(void)
{
    struct xf_daemon_config *config = g_new0(struct xf_daemon_config, 1);

    config->socket = g_strdup(XF_REMOTE_SOCKET);
    config->state_dir = g_strdup(XF_STATE_DIR);
    config->networks = xf_networks_new();
    config->tcp_port = XF_REMOTE_TCP_PORT;
    xf_rpc_server_config_init(&config->server);
    xf_engine_config_init(&config->engine);
    config->channel_port = config->engine.channel.port;
    config->memory_reserve_mib = config->engine.memory_reserve_kib / 1024;
    return config;
}

static void
fill_engine(struct xf_daemon_config *config)
{
    struct xf_engine_config *engine = &config->engine;

    if (config->hostname)
        engine->hostname = config->hostname;
    engine->state_dir = config->state_dir;
    g_free(config->run_dir);
    config->run_dir = g_path_get_dirname(config->socket);
    engine->run_dir = config->run_dir;
    engine->channel_host = config->channel_host;
    engine->channel.address = config->channel_address;
    engine->channel.port = config->channel_port;
    engine->memory_reserve_kib = config->memory_reserve_mib * 1024ull;
}

static gboolean
check(const struct xf_daemon_config *config, GError **err)
{
    const char *what = NULL;

    if (!config->socket)
        what = "[daemon] socket: a path is needed";
    else if (!config->state_dir)
        what = "[daemon] state_dir: a path is needed";
    else if (!config->server.max_clients || !config->server.max_calls)
        what = "[daemon] max_clients, max_client_calls: 0 would serve nobody";
    if (!what)
        return TRUE;
    g_set_error_literal(err, XF_ERROR, XF_ERROR_INVALID_ARG, what);
    return FALSE;
}

struct xf_daemon_config *
xf_daemon_config_load(int *argc, char ***argv, gboolean *version,
                      GError **err)
{
    XF_AUTO(xf_daemon_config) *config = config_new();
    __attribute__((cleanup(options_clear))) struct options options = { 0 };

    if (!parse_options(&options, argc, argv, err))
        return NULL;
    *version = options.version;
    if (*version)
        return g_steal_pointer(&config);
    if (!load_file(config, options.file, err) ||
        !take_options(config, &options, err) || !check(config, err))
        return NULL;
    fill_engine(config);
    return g_steal_pointer(&config);
}

void
xf_daemon_config_free(struct xf_daemon_config *config)
{
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        if (keys[i].kind == KIND_STRING)
            g_free(*FIELD(char *, config, &keys[i]));
    g_hash_table_unref(config->networks);
    g_free(config->run_dir);
    g_free(config);
}
