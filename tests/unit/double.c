/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/unit/double.h"

#include <string.h>
#include <sys/socket.h>

#define WAIT_US (30 * G_TIME_SPAN_SECOND)

const guint8 double_uuid[XF_UUID_LEN] = { 0, 1, 2,  3,  4,  5,  6,  7,
                                          8, 9, 10, 11, 12, 13, 14, 15 };

struct double_conn {
    struct xf_conn base;
    struct double_world *world;
    gboolean gone;
    guint listener;
};

void
double_world_init(struct double_world *w)
{
    memset(w, 0, sizeof(*w));
    g_mutex_init(&w->lock);
    g_cond_init(&w->changed);
    g_cond_init(&w->released);
    g_queue_init(&w->lines);
    w->notices = xf_notices_new();
    w->tunnel = -1;
}

void
double_world_clear(struct double_world *w)
{
    g_queue_clear_full(&w->lines, g_free);
    g_clear_error(&w->fail);
    xf_notices_free(w->notices);
    g_mutex_clear(&w->lock);
    g_cond_clear(&w->changed);
    g_cond_clear(&w->released);
}

char *
double_take_line(struct double_world *w)
{
    g_mutex_lock(&w->lock);

    char *line = g_queue_pop_head(&w->lines);

    g_mutex_unlock(&w->lock);
    return line;
}

void
double_release(struct double_world *w)
{
    g_mutex_lock(&w->lock);
    w->block = NULL;
    g_cond_broadcast(&w->released);
    g_mutex_unlock(&w->lock);
}

gboolean
double_wait(struct double_world *w, const guint *field, guint value)
{
    gint64 end = g_get_monotonic_time() + WAIT_US;
    gboolean ok = TRUE;

    g_mutex_lock(&w->lock);
    while (*field != value && ok)
        ok = g_cond_wait_until(&w->changed, &w->lock, end);
    ok = *field == value;
    g_mutex_unlock(&w->lock);
    return ok;
}

struct xf_conn *
double_open(void *user, GError **err)
{
    struct double_world *w = user;
    struct double_conn *c = g_new0(struct double_conn, 1);

    c->base.driver = w->driver ? w->driver : &double_driver;
    c->world = w;
    g_mutex_lock(&w->lock);
    w->opened++;
    g_cond_broadcast(&w->changed);
    g_mutex_unlock(&w->lock);
    return &c->base;
}

static void
close_conn(struct xf_conn *conn)
{
    struct double_conn *c = (struct double_conn *)conn;
    struct double_world *w = c->world;

    xf_notices_unlisten(w->notices, c->listener);
    g_mutex_lock(&w->lock);
    w->closed++;
    g_cond_broadcast(&w->changed);
    g_mutex_unlock(&w->lock);
    g_free(conn);
}

static void
client_gone(struct xf_conn *conn)
{
    struct double_conn *c = (struct double_conn *)conn;

    g_mutex_lock(&c->world->lock);
    c->gone = TRUE;
    c->world->gone++;
    g_cond_broadcast(&c->world->changed);
    g_cond_broadcast(&c->world->released);
    g_mutex_unlock(&c->world->lock);
}

static gboolean
double_listen(struct xf_conn *conn,
              void (*func)(void *user, const struct xf_notice *notice),
              void *user, GDestroyNotify destroy, GError **err)
{
    struct double_conn *c = (struct double_conn *)conn;

    c->listener = xf_notices_listen(c->world->notices, func, user, destroy);
    return TRUE;
}

/* -- telling ------------------------------------------------------------- */

static void
tell_domain(GString *line, const struct xf_domain_ref *dom)
{
    char uuid[XF_UUID_STRING_LEN + 1];

    g_string_append_printf(line, " dom=%s/%s/%d", dom->name,
                           xf_uuid_format(dom->uuid, uuid), dom->id);
}

static void
tell_text(GString *line, const char *what, const char *value)
{
    if (value)
        g_string_append_printf(line, " %s=%s", what, value);
}

static void
tell_args(GString *line, const struct xf_migrate_args *args)
{
    gsize len;

    g_string_append_printf(line, " flags=0x%x", args->flags);
    tell_text(line, "dname", args->dname);
    tell_text(line, "uri", args->uri);
    tell_text(line, "dconnuri", args->dconnuri);
    tell_text(line, "xml", args->xml);
    if (args->bandwidth)
        g_string_append_printf(line, " bandwidth=%" G_GUINT64_FORMAT,
                               args->bandwidth);
    if (args->cookie_in) {
        const char *data = g_bytes_get_data(args->cookie_in, &len);

        g_string_append_printf(line, " cookie=%zu:%.*s", len, (int)len, data);
    }
    if (args->cancelled)
        g_string_append(line, " cancelled");
}

/* Takes the line; FALSE: the call is to fail. */
static gboolean
told(struct xf_conn *conn, GString *line, GError **err)
{
    struct double_conn *c = (struct double_conn *)conn;
    struct double_world *w = c->world;
    gsize name = strcspn(line->str, " ");
    gboolean ok;

    g_mutex_lock(&w->lock);
    if (w->block && strlen(w->block) == name &&
        memcmp(w->block, line->str, name) == 0) {
        w->blocked++;
        g_cond_broadcast(&w->changed);
        while (w->block && !c->gone)
            g_cond_wait(&w->released, &w->lock);
        w->blocked--;
        g_cond_broadcast(&w->changed);
    }
    g_queue_push_tail(&w->lines, g_string_free(line, FALSE));
    ok = !w->fail;
    if (!ok)
        g_propagate_error(err, g_error_copy(w->fail));
    g_mutex_unlock(&w->lock);
    return ok;
}

static gboolean
told_domain(struct xf_conn *conn, const char *call,
            const struct xf_domain_ref *dom, GError **err)
{
    GString *line = g_string_new(call);

    tell_domain(line, dom);
    return told(conn, line, err);
}

static gboolean
told_phase(struct xf_conn *conn, const char *call,
           const struct xf_domain_ref *dom,
           const struct xf_migrate_args *args, GError **err)
{
    GString *line = g_string_new(call);

    if (dom)
        tell_domain(line, dom);
    tell_args(line, args);
    return told(conn, line, err);
}

/* -- host ---------------------------------------------------------------- */

static int
supports_feature(struct xf_conn *conn, int feature, GError **err)
{
    struct double_world *w = ((struct double_conn *)conn)->world;
    GString *line = g_string_new(NULL);

    g_string_printf(line, "supports_feature %d", feature);
    if (!told(conn, line, err))
        return -1;
    if (feature == XF_FEATURE_MIGRATION_PARAMS)
        return !w->no_params;
    return feature == XF_FEATURE_MIGRATION_V3;
}

static char *
get_hostname(struct xf_conn *conn, GError **err)
{
    if (!told(conn, g_string_new("get_hostname"), err))
        return NULL;
    return g_strdup("double.example");
}

static gboolean
get_version(struct xf_conn *conn, guint64 *version, GError **err)
{
    *version = 4017005;
    return told(conn, g_string_new("get_version"), err);
}

static gboolean
node_info(struct xf_conn *conn, struct xf_node_info *info, GError **err)
{
    *info = (struct xf_node_info){
        .model = "x86_64", .memory_kib = 8388608, .free_kib = 4194304,
        .cpus = 8, .mhz = 2400, .nodes = 1, .sockets = 2, .cores = 4,
        .threads = 1,
    };
    return told(conn, g_string_new("node_info"), err);
}

/* -- domains ------------------------------------------------------------- */

static struct xf_domain_ref *
the_domain(void)
{
    return xf_domain_ref_new(DOUBLE_NAME, double_uuid, DOUBLE_ID);
}

static GPtrArray *
list_domains(struct xf_conn *conn, guint flags, GError **err)
{
    GString *line = g_string_new(NULL);
    GPtrArray *list;

    g_string_printf(line, "list_domains 0x%x", flags);
    if (!told(conn, line, err))
        return NULL;
    list = g_ptr_array_new_with_free_func(
        (GDestroyNotify)xf_domain_ref_free);
    g_ptr_array_add(list, the_domain());
    return list;
}

static struct xf_domain_ref *
lookup_by_id(struct xf_conn *conn, int id, GError **err)
{
    GString *line = g_string_new(NULL);

    g_string_printf(line, "lookup_by_id %d", id);
    return told(conn, line, err) ? the_domain() : NULL;
}

static struct xf_domain_ref *
lookup_by_name(struct xf_conn *conn, const char *name, GError **err)
{
    GString *line = g_string_new(NULL);

    g_string_printf(line, "lookup_by_name %s", name);
    return told(conn, line, err) ? the_domain() : NULL;
}

static struct xf_domain_ref *
lookup_by_uuid(struct xf_conn *conn, const guint8 *uuid, GError **err)
{
    char buf[XF_UUID_STRING_LEN + 1];
    GString *line = g_string_new(NULL);

    g_string_printf(line, "lookup_by_uuid %s", xf_uuid_format(uuid, buf));
    return told(conn, line, err) ? the_domain() : NULL;
}

static gboolean
domain_info(struct xf_conn *conn, const struct xf_domain_ref *dom,
            struct xf_domain_info *info, GError **err)
{
    *info = (struct xf_domain_info){
        .state = XF_DOMAIN_PAUSED, .reason = XF_PAUSED_MIGRATION,
        .max_memory_kib = 1048576, .memory_kib = 524288, .vcpus = 2,
        .cpu_time_ns = 5000000001,
    };
    return told_domain(conn, "domain_info", dom, err);
}

static char *
domain_os_type(struct xf_conn *conn, const struct xf_domain_ref *dom,
               GError **err)
{
    if (!told_domain(conn, "domain_os_type", dom, err))
        return NULL;
    return g_strdup("xenpvh");
}

static char *
domain_xml(struct xf_conn *conn, const struct xf_domain_ref *dom, guint flags,
           GError **err)
{
    GString *line = g_string_new("domain_xml");

    tell_domain(line, dom);
    g_string_append_printf(line, " 0x%x", flags);
    return told(conn, line, err) ? g_strdup(DOUBLE_XML) : NULL;
}

static char *
xml_from_native(struct xf_conn *conn, const char *format, const char *native,
                guint flags, GError **err)
{
    GString *line = g_string_new(NULL);

    g_string_printf(line, "xml_from_native %s %s 0x%x", format, native,
                    flags);
    return told(conn, line, err) ? g_strdup(DOUBLE_XML) : NULL;
}

static char *
xml_to_native(struct xf_conn *conn, const char *format, const char *xml,
              guint flags, GError **err)
{
    GString *line = g_string_new(NULL);

    g_string_printf(line, "xml_to_native %s %s 0x%x", format, xml, flags);
    return told(conn, line, err) ? g_strdup("name = \"g\"\n") : NULL;
}

static struct xf_domain_ref *
create_xml(struct xf_conn *conn, const char *xml, guint flags, GError **err)
{
    GString *line = g_string_new(NULL);

    g_string_printf(line, "create_xml %s 0x%x", xml, flags);
    return told(conn, line, err) ? the_domain() : NULL;
}

static struct xf_domain_ref *
define_xml(struct xf_conn *conn, const char *xml, guint flags, GError **err)
{
    GString *line = g_string_new(NULL);

    g_string_printf(line, "define_xml %s 0x%x", xml, flags);
    return told(conn, line, err) ? the_domain() : NULL;
}

static gboolean
undefine(struct xf_conn *conn, const struct xf_domain_ref *dom, guint flags,
         GError **err)
{
    GString *line = g_string_new("undefine");

    tell_domain(line, dom);
    g_string_append_printf(line, " 0x%x", flags);
    return told(conn, line, err);
}

static struct xf_domain_ref *
start(struct xf_conn *conn, const struct xf_domain_ref *dom, guint flags,
      GError **err)
{
    GString *line = g_string_new("start");

    tell_domain(line, dom);
    g_string_append_printf(line, " 0x%x", flags);
    return told(conn, line, err) ? the_domain() : NULL;
}

static gboolean
is_persistent(struct xf_conn *conn, const struct xf_domain_ref *dom,
              gboolean *persistent, GError **err)
{
    *persistent = TRUE;
    return told_domain(conn, "is_persistent", dom, err);
}

static gboolean
get_autostart(struct xf_conn *conn, const struct xf_domain_ref *dom,
              gboolean *autostart, GError **err)
{
    *autostart = TRUE;
    return told_domain(conn, "get_autostart", dom, err);
}

static gboolean
set_autostart(struct xf_conn *conn, const struct xf_domain_ref *dom,
              gboolean autostart, GError **err)
{
    return told_domain(conn, autostart ? "set_autostart 1"
                                       : "set_autostart 0", dom, err);
}

#define DOMAIN_CALL(name)                                                   \
    static gboolean name(struct xf_conn *conn,                              \
                         const struct xf_domain_ref *dom, GError **err)     \
    {                                                                       \
        return told_domain(conn, #name, dom, err);                          \
    }
DOMAIN_CALL(domain_destroy)
DOMAIN_CALL(domain_suspend)
DOMAIN_CALL(domain_resume)
DOMAIN_CALL(domain_shutdown)
DOMAIN_CALL(domain_press_power)
DOMAIN_CALL(domain_reboot)
DOMAIN_CALL(abort_job)

static gboolean
job_info(struct xf_conn *conn, const struct xf_domain_ref *dom,
         gboolean completed, struct xf_job_info *info, GError **err)
{
    *info = (struct xf_job_info){
        .type = completed ? XF_JOB_COMPLETED : XF_JOB_UNBOUNDED,
        .time_elapsed = 1, .time_remaining = 2, .downtime = 3,
        .mem_total = 40, .mem_processed = 30, .mem_remaining = 10,
        .mem_bps = 5, .wire_bytes = 6, .dirty_rate = 7, .iteration = 8,
        .phase = "perform",
    };
    return told_domain(conn, completed ? "job_info_completed" : "job_info",
                       dom, err);
}

/* -- migration ----------------------------------------------------------- */

static void
give(struct xf_conn *conn, const char *text, GBytes **cookie, char **uri)
{
    gboolean empty = ((struct double_conn *)conn)->world->empty;

    *cookie = empty ? NULL : g_bytes_new(text, strlen(text));
    if (uri)
        *uri = empty ? NULL : g_strdup("tcp://double:49217");
}

static gboolean
prepare(struct xf_conn *conn, const struct xf_migrate_args *args,
        GBytes **cookie_out, char **uri_out, GError **err)
{
    if (!told_phase(conn, "prepare", NULL, args, err))
        return FALSE;
    give(conn, "P1", cookie_out, uri_out);
    return TRUE;
}

static gboolean
perform(struct xf_conn *conn, const struct xf_domain_ref *dom,
        const struct xf_migrate_args *args, GError **err)
{
    return told_phase(conn, "perform", dom, args, err);
}

static struct xf_domain_ref *
finish(struct xf_conn *conn, const struct xf_migrate_args *args, GError **err)
{
    return told_phase(conn, "finish", NULL, args, err) ? the_domain() : NULL;
}

static gboolean
prepare2(struct xf_conn *conn, const struct xf_migrate_args *args,
         GBytes **cookie_out, char **uri_out, GError **err)
{
    if (!told_phase(conn, "prepare2", NULL, args, err))
        return FALSE;
    give(conn, "P2", cookie_out, uri_out);
    return TRUE;
}

static struct xf_domain_ref *
finish2(struct xf_conn *conn, const struct xf_migrate_args *args,
        GError **err)
{
    return told_phase(conn, "finish2", NULL, args, err) ? the_domain() : NULL;
}

static char *
begin3(struct xf_conn *conn, const struct xf_domain_ref *dom,
       const struct xf_migrate_args *args, GBytes **cookie_out, GError **err)
{
    if (!told_phase(conn, "begin3", dom, args, err))
        return NULL;
    give(conn, "B3", cookie_out, NULL);
    return g_strdup(DOUBLE_XML);
}

static gboolean
prepare3(struct xf_conn *conn, const struct xf_migrate_args *args,
         GBytes **cookie_out, char **uri_out, GError **err)
{
    if (!told_phase(conn, "prepare3", NULL, args, err))
        return FALSE;
    give(conn, "P3", cookie_out, uri_out);
    return TRUE;
}

static gboolean
give_tunnel(struct xf_conn *conn, const char *call,
            const struct xf_migrate_args *args, struct xf_tunnel *tunnel,
            GError **err)
{
    struct double_world *w = ((struct double_conn *)conn)->world;
    int ends[2];

    if (!told_phase(conn, call, NULL, args, err))
        return FALSE;
    g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    *tunnel = XF_TUNNEL_NONE;
    tunnel->fd = ends[0];
    w->tunnel = ends[1];
    return TRUE;
}

static gboolean
prepare_tunnel(struct xf_conn *conn, const struct xf_migrate_args *args,
               struct xf_tunnel *tunnel, GBytes **cookie_out, GError **err)
{
    if (!give_tunnel(conn, "prepare_tunnel", args, tunnel, err))
        return FALSE;
    give(conn, "T2", cookie_out, NULL);
    return TRUE;
}

static gboolean
prepare_tunnel3(struct xf_conn *conn, const struct xf_migrate_args *args,
                struct xf_tunnel *tunnel, GBytes **cookie_out, GError **err)
{
    if (!give_tunnel(conn, "prepare_tunnel3", args, tunnel, err))
        return FALSE;
    give(conn, "T3", cookie_out, NULL);
    return TRUE;
}

static gboolean
perform3(struct xf_conn *conn, const struct xf_domain_ref *dom,
         const struct xf_migrate_args *args, GBytes **cookie_out,
         GError **err)
{
    if (!told_phase(conn, "perform3", dom, args, err))
        return FALSE;
    give(conn, "F3", cookie_out, NULL);
    return TRUE;
}

static struct xf_domain_ref *
finish3(struct xf_conn *conn, const struct xf_migrate_args *args,
        GBytes **cookie_out, GError **err)
{
    if (!told_phase(conn, "finish3", NULL, args, err))
        return NULL;
    give(conn, "C3", cookie_out, NULL);
    return the_domain();
}

static gboolean
confirm3(struct xf_conn *conn, const struct xf_domain_ref *dom,
         const struct xf_migrate_args *args, GError **err)
{
    return told_phase(conn, "confirm3", dom, args, err);
}

const struct xf_driver double_driver = {
    .name = "double",
    .close = close_conn,
    .client_gone = client_gone,
    .listen = double_listen,
    .supports_feature = supports_feature,
    .get_hostname = get_hostname,
    .get_version = get_version,
    .node_info = node_info,
    .list_domains = list_domains,
    .lookup_by_id = lookup_by_id,
    .lookup_by_name = lookup_by_name,
    .lookup_by_uuid = lookup_by_uuid,
    .domain_info = domain_info,
    .domain_os_type = domain_os_type,
    .domain_xml = domain_xml,
    .xml_from_native = xml_from_native,
    .xml_to_native = xml_to_native,
    .create_xml = create_xml,
    .define_xml = define_xml,
    .undefine = undefine,
    .start = start,
    .is_persistent = is_persistent,
    .get_autostart = get_autostart,
    .set_autostart = set_autostart,
    .domain_destroy = domain_destroy,
    .domain_suspend = domain_suspend,
    .domain_resume = domain_resume,
    .domain_shutdown = domain_shutdown,
    .domain_press_power = domain_press_power,
    .domain_reboot = domain_reboot,
    .job_info = job_info,
    .abort_job = abort_job,
    .prepare = prepare,
    .perform = perform,
    .finish = finish,
    .prepare2 = prepare2,
    .finish2 = finish2,
    .begin3 = begin3,
    .prepare3 = prepare3,
    .prepare_tunnel = prepare_tunnel,
    .prepare_tunnel3 = prepare_tunnel3,
    .perform3 = perform3,
    .finish3 = finish3,
    .confirm3 = confirm3,
};
