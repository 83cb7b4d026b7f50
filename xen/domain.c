/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What domains there are on this host, and simple acts on them. */
#include "config.h"

#include <libxl_utils.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/driver.h"
#include "xen/domxml.h"
#include "xen/internal.h"
#include "xen/userdata.h"
#include "xen/xenstore.h"

/* More often than this Xen itself lets nobody pause a domain. */
#define PAUSES_MAX 255

/* -- list, info ------------------------------------------------------------ */

static enum xf_guest_type
guest_type(struct xf_context *c, const libxl_dominfo *d)
{
    /* dominfo cannot tell PVH from HVM */
    g_autofree char *type = xf_xs_read(c->xs, "/libxl/%u/type", d->domid);

    if (g_strcmp0(type, "pvh") == 0)
        return XF_GUEST_PVH;
    if (g_strcmp0(type, "hvm") == 0)
        return XF_GUEST_HVM;
    if (g_strcmp0(type, "pv") == 0 || d->domid == 0)
        return XF_GUEST_PV;
    return XF_GUEST_UNKNOWN;
}

static void
fill_domain(struct xf_context *c, const libxl_dominfo *d,
            struct xf_hv_domain *info)
{
    char *name = libxl_domid_to_name(c->libxl, d->domid);

    memset(info, 0, sizeof(*info));
    info->domid = d->domid;
    memcpy(info->uuid, libxl_uuid_bytearray_const(&d->uuid), XF_UUID_LEN);
    g_strlcpy(info->name, name ? name : "", sizeof(info->name));
    free(name);
    info->type = guest_type(c, d);
    info->running = d->running;
    info->paused = d->paused;
    info->suspended = d->shutdown &&
        d->shutdown_reason == LIBXL_SHUTDOWN_REASON_SUSPEND;
    info->shutdown = d->shutdown && !info->suspended;
    info->crashed = d->shutdown &&
        (d->shutdown_reason == LIBXL_SHUTDOWN_REASON_CRASH ||
         d->shutdown_reason == LIBXL_SHUTDOWN_REASON_WATCHDOG);
    info->rebooting = d->shutdown &&
        d->shutdown_reason == LIBXL_SHUTDOWN_REASON_REBOOT;
    info->dying = d->dying;
    info->max_memory_kib = d->max_memkb;
    info->memory_kib = d->current_memkb;
    info->vcpus = d->vcpu_online;
    info->cpu_time_ns = d->cpu_time;
}

GPtrArray *
xf_libxl_list(struct xf_hypervisor *hypervisor, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);
    struct xf_context *c = lent.context;
    int n = 0;

    if (!c)
        return NULL;

    libxl_dominfo *all = libxl_list_domain(c->libxl, &n);

    if (!all) {
        xf_context_error(c, err, XF_ERROR_SYSTEM, ERROR_FAIL,
                         "cannot list the domains");
        return NULL;
    }

    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);

    for (int i = 0; i < n; i++) {
        struct xf_hv_domain *info = g_new(struct xf_hv_domain, 1);

        fill_domain(c, &all[i], info);
        g_ptr_array_add(list, info);
    }
    libxl_dominfo_list_free(all, n);
    return list;
}

gboolean
xf_libxl_query(struct xf_context *c, int domid, struct xf_hv_domain *info,
               GError **err)
{
    libxl_dominfo d;

    libxl_dominfo_init(&d);

    int rc = libxl_domain_info(c->libxl, &d, domid);

    if (!rc)
        fill_domain(c, &d, info);
    else if (rc == ERROR_DOMAIN_NOTFOUND)
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "there is no domain %d", domid);
    else
        xf_context_error(c, err, XF_ERROR_SYSTEM, rc,
                         "cannot look at domain %d", domid);
    libxl_dominfo_dispose(&d);
    return !rc;
}

gboolean
xf_libxl_info(struct xf_hypervisor *hypervisor, int domid,
              struct xf_hv_domain *info, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);

    return lent.context && xf_libxl_query(lent.context, domid, info, err);
}

/* -- configuration --------------------------------------------------------- */

gboolean
xf_libxl_retrieve(struct xf_context *c, int domid,
                  libxl_domain_config *config, GError **err)
{
    libxl_domain_config_init(config);

    int rc = libxl_retrieve_domain_configuration(c->libxl, domid, config,
                                                 NULL);

    if (rc) {
        xf_context_error(c, err, XF_ERROR_OPERATION_FAILED, rc,
                         "domain %d: libxl does not know its configuration "
                         "(was it built by another toolstack? does its "
                         "device model answer?)", domid);
        libxl_domain_config_dispose(config);
        return FALSE;
    }
    config->c_info.domid = 0;   /* next time, any */
    return TRUE;
}

static char *
add_live(struct xf_context *c, int domid, const libxl_domain_config *config,
         const char *xml, GError **err)
{
    g_autofree char *console =
        xf_xs_read(c->xs, "/local/domain/%d/console/tty", domid);
    g_autofree char *serial =
        xf_xs_read(c->xs, "/local/domain/%d/serial/0/tty", domid);
    g_autofree char *port =
        xf_xs_read(c->xs, "/local/domain/%d/console/vnc-port", domid);
    struct xf_domxml_live live = {
        .domid = domid, .console = console, .serial = serial,
        .vnc_port = port ? atoi(port) : 0,
    };

    return xf_domxml_add_live(xml, config, &live, err);
}

char *
xf_libxl_describe(struct xf_hypervisor *hypervisor, int domid, guint flags,
                  GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);
    libxl_domain_config config;

    if (!lent.context)
        return NULL;
    if (domid == 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain 0 is the host itself: it has no configuration "
                    "here");
        return NULL;
    }
    if (!xf_libxl_retrieve(lent.context, domid, &config, err))
        return NULL;

    g_autofree char *kept = xf_userdata_document(lent.context, domid);
    g_autofree char *xml = xf_domxml_describe(&config, domid, flags, kept,
                                              err);

    if (xml && !(flags & (XF_XML_MIGRATABLE | XF_XML_INACTIVE))) {
        g_autofree char *plain = g_steal_pointer(&xml);

        xml = add_live(lent.context, domid, &config, plain, err);
    }
    libxl_domain_config_dispose(&config);
    return g_steal_pointer(&xml);
}

/* -- lifecycle ------------------------------------------------------------ */

static void
destroy_quietly(struct xf_context *c, int domid)
{
    if (libxl_domain_destroy(c->libxl, domid, NULL))
        g_warning("domain %d: it could not be started and cannot be "
                  "destroyed either; destroy it with xl", domid);
}

static int
create_kept(struct libxl_hv *hv, struct xf_context *c, const char *xml,
            libxl_domain_config *config, gboolean paused, GError **err)
{
    uint32_t domid = INVALID_DOMID;
    int rc;

    if (!xf_domxml_boots(config)) {
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "cannot create domain '%s': it has neither kernel nor "
                    "bootloader", config->c_info.name);
        return -1;
    }
    rc = libxl_domain_create_new(c->libxl, config, &domid, NULL, NULL);
    if (rc) {
        xf_context_error(c, err, XF_ERROR_OPERATION_FAILED, rc,
                         "cannot create domain '%s'", config->c_info.name);
        return -1;
    }
    xf_userdata_keep(c, domid, xml);
    if (!xf_keeper_add(hv->keeper, domid,
                       libxl_uuid_bytearray(&config->c_info.uuid), err) ||
        (!paused && !xf_libxl_let_run(c, domid, err))) {
        destroy_quietly(c, domid);
        return -1;
    }
    return domid;
}

int
xf_libxl_create(struct xf_hypervisor *hypervisor, const char *xml,
                gboolean paused, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);
    libxl_domain_config config;

    if (!lent.context
        || !xf_domxml_parse_on(xml, hv->networks, NULL, &config, err))
        return -1;

    g_autofree char *kept = xf_domxml_name_bridges(xml, hv->networks, err);
    int domid = kept ? create_kept(hv, lent.context, kept, &config, paused,
                                   err) : -1;

    libxl_domain_config_dispose(&config);
    return domid;
}

/* What must never be done to the host's own domain. */
static gboolean
refuse_domain_0(int domid, const char *act, GError **err)
{
    if (domid > 0)
        return FALSE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "domain %d is the host itself: it cannot be %s", domid, act);
    return TRUE;
}

gboolean
xf_libxl_hold(struct xf_context *c, int domid, GError **err)
{
    struct xf_hv_domain info;

    if (!xf_libxl_query(c, domid, &info, err))
        return FALSE;
    if (info.paused)
        return TRUE;            /* pauses would add up */

    int rc = libxl_domain_pause(c->libxl, domid, NULL);

    if (rc)
        xf_context_error(c, err, XF_ERROR_OPERATION_FAILED, rc,
                         "cannot pause domain %d", domid);
    return !rc;
}

gboolean
xf_libxl_let_run_on(struct xf_context *c, struct xf_hv_domain *info,
                    GError **err)
{
    for (int i = 0; info->paused; i++) {
        if (i > PAUSES_MAX) {
            g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                        "domain %d is still paused after %d times unpausing "
                        "it: somebody keeps pausing it", info->domid,
                        PAUSES_MAX);
            return FALSE;
        }

        int rc = libxl_domain_unpause(c->libxl, info->domid, NULL);

        if (rc) {
            xf_context_error(c, err, XF_ERROR_OPERATION_FAILED, rc,
                             "cannot unpause domain %d", info->domid);
            return FALSE;
        }
        if (!xf_libxl_query(c, info->domid, info, err))
            return FALSE;
    }
    return TRUE;
}

gboolean
xf_libxl_let_run(struct xf_context *c, int domid, GError **err)
{
    struct xf_hv_domain info;

    return xf_libxl_query(c, domid, &info, err)
           && xf_libxl_let_run_on(c, &info, err);
}

gboolean
xf_libxl_pause(struct xf_hypervisor *hypervisor, int domid, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;

    if (refuse_domain_0(domid, "paused", err))
        return FALSE;

    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);

    return lent.context && xf_libxl_hold(lent.context, domid, err);
}

gboolean
xf_libxl_unpause(struct xf_hypervisor *hypervisor, int domid, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;

    if (refuse_domain_0(domid, "unpaused", err))
        return FALSE;

    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);

    return lent.context && xf_libxl_let_run(lent.context, domid, err);
}

gboolean
xf_libxl_destroy(struct xf_hypervisor *hypervisor, int domid, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;

    if (refuse_domain_0(domid, "destroyed", err))
        return FALSE;

    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);

    if (!lent.context)
        return FALSE;

    int rc = libxl_domain_destroy(lent.context->libxl, domid, NULL);

    if (rc)
        xf_context_error(lent.context, err, XF_ERROR_OPERATION_FAILED, rc,
                         "cannot destroy domain %d", domid);
    else
        xf_holds_forget(hv->holds, domid);
    return !rc;
}

struct request {
    const char *act, *done;
    int (*ask)(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *how);
    libxl_trigger button;       /* for guests without PV drivers */
};

static gboolean
request_guest(struct xf_hypervisor *hypervisor, int domid,
              const struct request *request, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;

    if (refuse_domain_0(domid, request->done, err))
        return FALSE;

    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);
    struct xf_context *c = lent.context;

    if (!c)
        return FALSE;

    int rc = request->ask(c->libxl, domid, NULL);

    if (rc == ERROR_NOPARAVIRT)
        rc = libxl_send_trigger(c->libxl, domid, request->button, 0, NULL);
    if (rc)
        xf_context_error(c, err, XF_ERROR_OPERATION_FAILED, rc,
                         "domain %d could not be asked to %s", domid,
                         request->act);
    return !rc;
}

gboolean
xf_libxl_shutdown(struct xf_hypervisor *hv, int domid, GError **err)
{
    static const struct request request = {
        "shut down", "shut down", libxl_domain_shutdown, LIBXL_TRIGGER_POWER,
    };

    return request_guest(hv, domid, &request, err);
}

/* Whether it has paravirtual drivers or not. */
static int
press_power(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *how)
{
    return libxl_send_trigger(ctx, domid, LIBXL_TRIGGER_POWER, 0, how);
}

gboolean
xf_libxl_press_power(struct xf_hypervisor *hv, int domid, GError **err)
{
    static const struct request request = {
        "shut down (by its power button)", "shut down", press_power,
        LIBXL_TRIGGER_POWER,
    };

    return request_guest(hv, domid, &request, err);
}

gboolean
xf_libxl_reboot(struct xf_hypervisor *hv, int domid, GError **err)
{
    static const struct request request = {
        "reboot", "rebooted", libxl_domain_reboot, LIBXL_TRIGGER_RESET,
    };

    return request_guest(hv, domid, &request, err);
}
