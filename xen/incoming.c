/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The destination side, in steps: create, stream, devices, switch.
 *
 * libxl_domain_create_restore() does the second, and the third for devices
 * that cannot be attached earlier (early.h); the devices' step then only
 * looks whether all are ready.  It runs in the
 * caller's thread, with a context of its own.  A second thread, the minder,
 * lives as long as that call: it finds out the domid as soon as the domain
 * has its (temporary, hence unique) name, which libxl tells only at the end,
 * and sees to an abort.
 *
 * Abort.  It shuts down the receiving side of the fd, which ends the waiting
 * for the stream's head and for data.  libxl_ao_abort() follows when libxl's
 * helper is known to be at work: before that it brings the process down (see
 * stream.h).
 *
 * A restore that fails is cleaned up by libxl, except when it was aborted.
 * Both are looked after: whatever is left under our name with our uuid is
 * destroyed before incoming_stream() returns a failure.
 */
#include "config.h"

#include <libxl_event.h>
#include <libxl_utils.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "xen/arrival.h"
#include "xen/config-json.h"
#include "xen/cpu.h"
#include "xen/domxml.h"
#include "xen/early.h"
#include "xen/helper.h"
#include "xen/internal.h"
#include "xen/savefile.h"
#include "xen/stream.h"
#include "xen/userdata.h"

#define LOOK_MS 50
#define DEVICES_MS 30000
/* Where Linux has interfaces, and Debian's libxl hotplug scripts. */
#define NET_DIR "/sys/class/net"
#define SCRIPT_DIR "/etc/xen/scripts"
#define NAME_MAX_LEN 200        /* with the suffix it must fit a node */

struct incoming {
    struct xf_incoming base;
    gboolean has_config;
    libxl_domain_config config; /* as parsed; restore changes it */
    char *xml;                  /* where it was parsed from; NULL: nobody
                                 * has kept that */
    gboolean noted;             /* see note_domain() */
    gboolean ran;               /* see switch(): it may be paused since */
    struct xf_context *context; /* the restore's alone */
    struct xf_early *early;     /* the minder's while memory streams */

    GMutex lock;
    GCond changed;
    gboolean abort, device_failed, restoring, finished; /* lock */
    int fd;                     /* the stream, for the minder */
};

static struct libxl_hv *
hv_of(struct incoming *in)
{
    return (struct libxl_hv *)in->base.hv;
}

static char *
temporary_name(const struct incoming *in)
{
    return g_strconcat(in->base.name, XF_INCOMING_SUFFIX, NULL);
}

/* -- create --------------------------------------------------------------- */

static gboolean
name_ok(const char *name, GError **err)
{
    if (name && *name && strlen(name) <= NAME_MAX_LEN && !strchr(name, '/') &&
        !g_str_has_suffix(name, XF_INCOMING_SUFFIX))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "'%s' is not a name for a domain: it must have 1 to %d "
                "characters, no '/', and not end in " XF_INCOMING_SUFFIX,
                name ? name : "", NAME_MAX_LEN);
    return FALSE;
}

/* The question changes the configuration, so it is asked of a copy. */
static gboolean
needed_memory(struct incoming *in, GError **err)
{
    struct libxl_hv *hv = hv_of(in);
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);
    struct xf_context *c = lent.context;
    libxl_domain_config copy;
    uint64_t kib = 0;

    if (!c)
        return FALSE;
    libxl_domain_config_init(&copy);
    libxl_domain_config_copy(c->libxl, &copy, &in->config);

    int rc = libxl_domain_need_memory(c->libxl, &copy, INVALID_DOMID, &kib);

    libxl_domain_config_dispose(&copy);
    if (rc)
        xf_context_error(c, err, XF_ERROR_CONFIG_UNSUPPORTED, rc,
                         "domain '%s': its configuration does not fit this "
                         "host", in->base.name);
    in->base.memory_kib = kib;
    return !rc;
}

static void
set_name(struct incoming *in, const char *name)
{
    in->base.name = g_strdup(name);
    free(in->config.c_info.name);
    /* freed by libxl, with free() */
    in->config.c_info.name = strdup(name);
}

static struct incoming *
incoming_new(struct xf_hypervisor *hv)
{
    struct incoming *in = g_new0(struct incoming, 1);

    in->base.hv = hv;
    in->base.domid = -1;
    g_mutex_init(&in->lock);
    g_cond_init(&in->changed);
    return in;
}

/* Has it got a configuration that can come in?  name NULL: its own. */
static gboolean
take_config(struct incoming *in, const char *name, GError **err)
{
    g_autofree char *chosen =
        g_strdup(name ? name : in->config.c_info.name);

    if (!name_ok(chosen, err))
        return FALSE;
    set_name(in, chosen);
    memcpy(in->base.uuid, libxl_uuid_bytearray(&in->config.c_info.uuid),
           XF_UUID_LEN);
    in->config.c_info.domid = 0;
    return needed_memory(in, err);
}

struct xf_incoming *
xf_libxl_incoming_create(struct xf_hypervisor *hv, const char *xml,
                         const char *name, GError **err)
{
    struct incoming *in = incoming_new(hv);

    in->has_config = xf_domxml_parse_on(xml, hv_of(in)->networks, NULL,
                                        &in->config, err);
    if (in->has_config)
        in->xml = xf_domxml_name_bridges(xml, hv_of(in)->networks, err);
    if (in->xml && take_config(in, name, err))
        return &in->base;
    xf_libxl_incoming_free(&in->base);
    return NULL;
}

struct xf_incoming *
xf_libxl_incoming_saved(struct xf_hypervisor *hv, int fd, gboolean *paused,
                        GError **err)
{
    struct incoming *in = incoming_new(hv);
    struct xf_savefile head = { 0 };

    if (xf_savefile_read(fd, &head, err))
        in->has_config = xf_config_json_read(head.config, &in->config, err);
    in->xml = g_steal_pointer(&head.document);
    *paused = head.paused;
    xf_savefile_clear(&head);
    if (in->has_config && take_config(in, NULL, err))
        return &in->base;
    xf_libxl_incoming_free(&in->base);
    return NULL;
}

/* -- what it needs ---------------------------------------------------------- */

static gboolean
has_domain(void *user, const char *name)
{
    struct xf_context *c = user;
    struct xf_hv_domain info;
    uint32_t domid;

    return libxl_domain_qualifier_to_domid(c->libxl, name, &domid) == 0
           && xf_libxl_query(c, domid, &info, NULL);
}

static gboolean
has_pool(void *user, const char *name)
{
    struct xf_context *c = user;
    uint32_t pool;

    return libxl_cpupool_qualifier_to_cpupoolid(c->libxl, name, &pool, NULL)
           == 0;
}

/* *from: where it comes from, if that is told.  Its CPU's features are asked
 * for here only when there are some to compare with. */
static gboolean
look_back(const struct incoming *in, const char *text, struct xf_context *c,
          struct xf_origin *from, struct xf_origin *here, GError **err)
{
    xf_libxl_origin_here(c, here);
    if (!text)
        return TRUE;
    if (!xf_origin_parse(text, from, err))
        return FALSE;
    if (from->has_cpu)
        here->has_cpu = xf_cpu_of_host(
            in->config.c_info.type == LIBXL_DOMAIN_TYPE_PV, here->cpu);
    return TRUE;
}

gboolean
xf_libxl_can_arrive(struct xf_incoming *incoming, const char *origin,
                    GError **err)
{
    struct incoming *in = (struct incoming *)incoming;
    XF_LENT struct lent_context lent = borrow_context(hv_of(in)->pool, err);
    struct xf_context *c = lent.context;
    struct xf_origin from;
    libxl_physinfo phys;
    gboolean ok = FALSE;

    if (!c || !xf_libxl_movable(&in->config, err))
        return FALSE;
    libxl_physinfo_init(&phys);

    int rc = libxl_get_physinfo(c->libxl, &phys);
    struct xf_arrival_host host = {
        NET_DIR, SCRIPT_DIR, phys.max_cpu_id + 1, &phys, has_domain, has_pool,
        c, XF_LIBXL_DIR, xf_arrival_disk_kib(XF_LIBXL_DIR), { 0 },
        xf_helper_is_there(), xf_helper_has_device_model(),
        xf_arrival_is_shared,
    };

    if (rc)
        xf_context_error(c, err, XF_ERROR_SYSTEM, rc,
                         "cannot ask Xen what it can do");
    else
        ok = look_back(in, origin, c, &from, &host.here, err)
             && xf_arrival_check(&in->config, origin ? &from : NULL, &host,
                                 err);
    libxl_physinfo_dispose(&phys);
    return ok;
}

/* -- finding our domain ---------------------------------------------------- */

/* The domain of that name, if it has our uuid; -1: there is none. */
static int
find_by_name(struct xf_context *c, const struct incoming *in,
             const char *name)
{
    struct xf_hv_domain info;
    uint32_t domid;

    if (libxl_name_to_domid(c->libxl, name, &domid) ||
        !xf_libxl_query(c, domid, &info, NULL) ||
        memcmp(info.uuid, in->base.uuid, XF_UUID_LEN) != 0)
        return -1;
    return domid;
}

/* Ours under no name that it should have: the one that is marked, whatever
 * somebody has called it, or else the only one without a name.  -1: there is
 * none, and err says so, or that nobody can tell which it is. */
static int
find_otherwise(struct xf_context *c, const struct incoming *in, GError **err)
{
    int n = 0, found = -1, count = 0;
    libxl_dominfo *all = libxl_list_domain(c->libxl, &n);

    if (!all) {
        xf_context_error(c, err, XF_ERROR_SYSTEM, ERROR_FAIL,
                         "cannot list the domains");
        return -1;
    }
    for (int i = 0; i < n; i++) {
        struct xf_hv_domain info;

        if (!xf_libxl_query(c, all[i].domid, &info, NULL) || info.dying ||
            memcmp(info.uuid, in->base.uuid, XF_UUID_LEN) != 0)
            continue;
        if (xf_userdata_marked(c, info.domid, XF_USERDATA_INCOMING)) {
            found = info.domid;
            count = 1;
            break;
        }
        if (!*info.name) {
            found = info.domid;
            count++;
        }
    }
    libxl_dominfo_list_free(all, n);
    if (count == 1)
        return found;
    if (count)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "%d domains without a name have the uuid of '%s': give "
                    "the right one its name with xl rename", count,
                    in->base.name);
    else
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "there is no domain '%s" XF_INCOMING_SUFFIX "' or '%s' "
                    "with the uuid of the one that was received, none without "
                    "a name, and none that is marked as received",
                    in->base.name, in->base.name);
    return -1;
}

struct xf_incoming *
xf_libxl_incoming_adopt(struct xf_hypervisor *hypervisor, const guint8 *uuid,
                        const char *name, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);

    if (!lent.context)
        return NULL;

    struct incoming *in = incoming_new(hypervisor);

    in->base.name = g_strdup(name);
    memcpy(in->base.uuid, uuid, XF_UUID_LEN);

    g_autofree char *temporary = temporary_name(in);
    int domid = find_by_name(lent.context, in, temporary);

    if (domid < 0)
        domid = find_by_name(lent.context, in, name);
    if (domid < 0)
        domid = find_otherwise(lent.context, in, err);
    if (domid < 0) {
        xf_libxl_incoming_free(&in->base);
        return NULL;
    }
    in->base.domid = domid;
    return &in->base;
}

/* -- stream --------------------------------------------------------------- */

/* TRUE when there is nothing more to do about it. */
static gboolean
pass_on_abort(struct incoming *in)
{
    shutdown(in->fd, SHUT_RD);  /* fails when it is no socket */
    return xf_context_restoring(in->context) &&
           libxl_ao_abort(in->context->libxl, NULL) != ERROR_NOTFOUND;
}

static void
tell_minder(struct incoming *in, gboolean *flag)
{
    g_mutex_lock(&in->lock);
    *flag = TRUE;
    g_cond_broadcast(&in->changed);
    g_mutex_unlock(&in->lock);
}

/* Without that device there is no use in the rest of the stream. */
static void
device_failed(void *user)
{
    struct incoming *in = user;

    g_mutex_lock(&in->lock);
    /* What fails after the end of a restore fails because of that. */
    in->device_failed = !in->finished;
    g_cond_broadcast(&in->changed);
    g_mutex_unlock(&in->lock);
}

/* Its kernel has said so where it booted and will not say it again; that it
 * comes here proves it.  can_leave() looks for it. */
static void
say_can_suspend(const struct incoming *in, struct xf_context *c, int domid)
{
    g_autofree char *path =
        g_strdup_printf("/local/domain/%d/control/feature-suspend", domid);

    if (in->config.c_info.type != LIBXL_DOMAIN_TYPE_HVM &&
        !xs_write(c->xs, XBT_NULL, path, "1", 1))
        g_info("xenstore: cannot write %s", path);
}

/* What has to be known of it here.  While its memory comes, if possible:
 * afterwards the guest waits. */
static void
note_domain(struct incoming *in, struct xf_context *c, int domid)
{
    xf_userdata_mark(c, domid, XF_USERDATA_INCOMING);
    if (in->xml)
        xf_userdata_keep(c, domid, in->xml);
    say_can_suspend(in, c, domid);
    in->noted = TRUE;
}

static void
look_for_domain(struct incoming *in, struct xf_context *c, const char *name)
{
    int domid = find_by_name(c, in, name);

    if (domid < 0 || !xf_early_possible(c, domid))
        return;
    g_atomic_int_set(&in->base.domid, domid);
    note_domain(in, c, domid);
    if (in->early)
        xf_early_begin(in->early, hv_of(in)->pool, c, domid, device_failed,
                       in);
}

static gpointer
minder(gpointer data)
{
    struct incoming *in = data;
    struct libxl_hv *hv = hv_of(in);
    g_autofree char *name = temporary_name(in);
    struct xf_context *c = xf_context_get(hv->pool, NULL);
    gboolean abort_taken = FALSE;

    g_mutex_lock(&in->lock);
    while (!in->finished) {
        gboolean abort = in->abort || in->device_failed;
        gboolean restoring = in->restoring;
        gboolean look = c && restoring;

        g_mutex_unlock(&in->lock);
        if (abort && !abort_taken)
            abort_taken = pass_on_abort(in);
        if (look && g_atomic_int_get(&in->base.domid) < 0)
            look_for_domain(in, c, name);

        gboolean settled = (!abort || abort_taken) &&
                           (!look || g_atomic_int_get(&in->base.domid) >= 0);

        g_mutex_lock(&in->lock);
        if (in->finished || abort != (in->abort || in->device_failed) ||
            restoring != in->restoring)
            continue;
        if (settled)
            g_cond_wait(&in->changed, &in->lock);
        else
            g_cond_wait_until(&in->changed, &in->lock,
                              g_get_monotonic_time() + LOOK_MS * 1000);
    }
    g_mutex_unlock(&in->lock);
    if (c)
        xf_context_put(hv->pool, c);
    return NULL;
}

static int
restore(struct incoming *in, int fd, uint32_t *domid)
{
    libxl_domain_restore_params params;

    libxl_domain_restore_params_init(&params);
    /* What init gives means Xen 4.5's format. */
    params.stream_version = XF_LIBXL_STREAM;
    tell_minder(in, &in->restoring);

    int rc = libxl_domain_create_restore(in->context->libxl, &in->config,
                                         domid, fd, -1, &params, NULL, NULL);

    libxl_domain_restore_params_dispose(&params);
    return rc;
}

/* *err without an rc: the stream never began. */
static int
run_restore(struct incoming *in, int fd, uint32_t *domid, GError **err)
{
    int rc = 0;

    in->fd = fd;
    in->early = xf_early_take(in->context, &in->config);

    GThread *thread = g_thread_new("restore-minder", minder, in);

    if (xf_stream_await_head(fd, err))
        rc = restore(in, fd, domid);
    tell_minder(in, &in->finished);
    g_thread_join(thread);
    return rc;
}

/* Another domain under our temporary name is none of ours, and must survive
 * our failure: it may be all there is of that guest. */
static gboolean
name_is_free(struct incoming *in, const char *name, GError **err)
{
    uint32_t domid;

    if (libxl_name_to_domid(in->context->libxl, name, &domid))
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_DOM_EXIST,
                "domain '%s' cannot be received: there is a domain %u named "
                "'%s', which another move of it has left or still needs; "
                "settle that first", in->base.name, domid, name);
    return FALSE;
}

/* Nothing of a failed restore stays. */
static void
destroy_leavings(struct incoming *in, const char *name)
{
    struct xf_context *c = in->context;
    int seen = g_atomic_int_get(&in->base.domid);
    int domid = find_by_name(c, in, name);

    g_atomic_int_set(&in->base.domid, -1);
    if (domid >= 0 && !xf_context_logged(c, "already exists") &&
        libxl_domain_destroy(c->libxl, domid, NULL))
        g_warning("domain %d ('%s') is left of a failed restore and cannot "
                  "be destroyed; it is in the way of the next one: destroy "
                  "it with xl", domid, name);
    /* The minder may have written of it after libxl had destroyed it. */
    if (seen >= 0)
        xf_libxl_devices_forget(c, seen);
}

/* Why: we were told to; a device or the stream's head (`cause`); else libxl
 * has logged it. */
static void
tell_failure(struct incoming *in, int rc, const GError *cause, GError **err)
{
    g_mutex_lock(&in->lock);

    gboolean aborted = in->abort;

    g_mutex_unlock(&in->lock);
    if (aborted || !cause)
        xf_context_error(in->context, err, XF_ERROR_OPERATION_FAILED,
                         aborted ? ERROR_ABORTED : rc,
                         "domain '%s' could not be received", in->base.name);
    else
        g_set_error(err, cause->domain, cause->code,
                    "domain '%s' could not be received: %s", in->base.name,
                    cause->message);
}

gboolean
xf_libxl_incoming_stream(struct xf_incoming *incoming, int fd, GError **err)
{
    struct incoming *in = (struct incoming *)incoming;
    g_autofree char *name = temporary_name(in);
    uint32_t domid = INVALID_DOMID;

    g_return_val_if_fail(in->has_config && !in->context, FALSE);
    in->context = xf_context_new(err);
    if (!in->context || !name_is_free(in, name, err))
        return FALSE;
    free(in->config.c_info.name);
    in->config.c_info.name = strdup(name);

    g_autoptr(GError) device_err = NULL;
    g_autoptr(GError) head_err = NULL;
    int rc = run_restore(in, fd, &domid, &head_err);
    gboolean restored = !rc && !head_err;

    if (in->early && !xf_early_end(in->early, hv_of(in)->pool, in->context,
                                   domid, restored, &device_err))
        restored = FALSE;
    if (restored) {
        g_atomic_int_set(&in->base.domid, domid);
        if (!in->noted)
            note_domain(in, in->context, domid);
        return TRUE;
    }
    if (!head_err)
        destroy_leavings(in, name);

    /* What failed first: a device that failed after the restore did so
     * because of that. */
    gboolean device_first = !rc || in->device_failed;

    tell_failure(in, rc, head_err ? head_err : device_first ? device_err
                                                            : NULL, err);
    return FALSE;
}

void
xf_libxl_incoming_abort(struct xf_incoming *incoming)
{
    struct incoming *in = (struct incoming *)incoming;

    tell_minder(in, &in->abort);
}

/* -- devices, switch -------------------------------------------------------- */

gboolean
xf_libxl_incoming_devices(struct xf_incoming *in, GError **err)
{
    return xf_libxl_devices_ready(g_atomic_int_get(&in->domid), DEVICES_MS,
                                  err);
}

static gboolean
take_name(struct xf_context *c, const struct incoming *in,
          const struct xf_hv_domain *info, GError **err)
{
    g_autofree char *temporary = temporary_name(in);

    if (strcmp(info->name, in->base.name) == 0)
        return TRUE;

    /* One whose name was forgotten, or changed, is given the new one all the
     * same. */
    gboolean expected = strcmp(info->name, temporary) == 0;
    int rc = libxl_domain_rename(c->libxl, info->domid,
                                 expected ? temporary : NULL, in->base.name);

    if (rc)
        xf_context_error(c, err, XF_ERROR_OPERATION_FAILED, rc,
                         "domain %d has arrived, but '%s' cannot be renamed "
                         "to '%s' (is there another one of that name?)",
                         info->domid, info->name, in->base.name);
    return !rc;
}

static gboolean
goes_on(struct libxl_hv *hv, struct xf_context *c, const struct incoming *in,
        struct xf_hv_domain *info, gboolean paused, GError **err)
{
    g_autoptr(GError) keep_err = NULL;

    /* The keeper first: from its first instruction on it may reboot.  But
     * the guest must run, kept or not. */
    if (!xf_keeper_add(hv->keeper, info->domid, info->uuid, &keep_err))
        g_warning("domain %d ('%s') has arrived, but its next shutdown or "
                  "reboot will not be acted on: %s", info->domid,
                  in->base.name, keep_err->message);
    return paused || xf_libxl_let_run_on(c, info, err);
}

gboolean
xf_libxl_incoming_switch(struct xf_incoming *incoming, gboolean paused,
                         GError **err)
{
    struct incoming *in = (struct incoming *)incoming;
    struct libxl_hv *hv = hv_of(in);
    int domid = g_atomic_int_get(&incoming->domid);
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);
    struct xf_context *c = lent.context;
    struct xf_hv_domain info;

    if (!c || !xf_libxl_query(c, domid, &info, err))
        return FALSE;
    if (memcmp(info.uuid, incoming->uuid, XF_UUID_LEN) != 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "domain %d is not the one that was received", domid);
        return FALSE;
    }

    /* The name last: it is the host's business, the guest need not wait.
     * When it cannot be had yet, the rest is not done again. */
    if (!in->ran && !goes_on(hv, c, in, &info, paused, err))
        return FALSE;
    in->ran = TRUE;
    if (!take_name(c, in, &info, err))
        return FALSE;
    xf_userdata_unmark(c, domid, XF_USERDATA_INCOMING);
    return TRUE;
}

gboolean
xf_libxl_incoming_left(struct xf_hypervisor *hypervisor, int domid)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, NULL);

    return lent.context && xf_userdata_marked(lent.context, domid,
                                              XF_USERDATA_INCOMING);
}

void
xf_libxl_incoming_free(struct xf_incoming *incoming)
{
    struct incoming *in = (struct incoming *)incoming;

    if (in->has_config)
        libxl_domain_config_dispose(&in->config);
    if (in->context)
        xf_context_free(in->context);
    if (in->early)
        xf_early_free(in->early);
    g_cond_clear(&in->changed);
    g_mutex_clear(&in->lock);
    g_free(in->base.name);
    g_free(in->xml);
    g_free(in);
}
