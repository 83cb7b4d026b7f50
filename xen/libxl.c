/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table, its making and its end. */
#include "config.h"

#include "xen/convert.h"
#include "xen/helper.h"
#include "xen/internal.h"
#include "xen/libxl.h"

static void
keeper_tells(void *user, const struct xf_hv_ending *ending)
{
    struct libxl_hv *hv = user;

    g_mutex_lock(&hv->telling);
    if (hv->watcher.ended)
        hv->watcher.ended(hv->watcher.user, ending);
    g_mutex_unlock(&hv->telling);
}

static void
libxl_watch(struct xf_hypervisor *hypervisor,
            const struct xf_hv_watcher *watcher)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    const struct xf_hv_watcher nobody = { 0 };

    g_mutex_lock(&hv->telling);
    hv->watcher = watcher ? *watcher : nobody;
    g_mutex_unlock(&hv->telling);
}

static void
libxl_free(struct xf_hypervisor *hypervisor)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;

    if (hv->keeper)
        xf_keeper_free(hv->keeper);
    xf_context_pool_free(hv->pool);
    xf_holds_free(hv->holds);
    g_hash_table_unref(hv->suspends);
    g_clear_pointer(&hv->networks, g_hash_table_unref);
    g_mutex_clear(&hv->lock);
    g_mutex_clear(&hv->telling);
    g_free(hv);
}

static char *
from_native(struct xf_hypervisor *hv, const char *format, const char *native,
            GError **err)
{
    return xf_native_to_xml(format, native, err);
}

static char *
to_native(struct xf_hypervisor *hypervisor, const char *format,
          const char *xml, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;

    return xf_native_from_xml(format, xml, hv->networks, err);
}

static const struct xf_hypervisor_ops libxl_ops = {
    .type = "Xen",
    .free = libxl_free,
    .watch = libxl_watch,
    .host = xf_libxl_host,
    .capabilities = xf_libxl_capabilities,
    .domain_capabilities = xf_libxl_domain_capabilities,
    .max_vcpus = xf_libxl_max_vcpus,
    .from_native = from_native,
    .to_native = to_native,
    .list = xf_libxl_list,
    .info = xf_libxl_info,
    .describe = xf_libxl_describe,
    .read = xf_libxl_read,
    .create = xf_libxl_create,
    .destroy = xf_libxl_destroy,
    .pause = xf_libxl_pause,
    .unpause = xf_libxl_unpause,
    .shutdown = xf_libxl_shutdown,
    .reboot = xf_libxl_reboot,
    .press_power = xf_libxl_press_power,
    .can_leave = xf_libxl_can_leave,
    .same_guest = xf_libxl_same_guest,
    .origin = xf_libxl_origin,
    .suspend = xf_libxl_suspend,
    .suspend_abort = xf_libxl_suspend_abort,
    .suspend_clean = xf_libxl_suspend_clean,
    .resume = xf_libxl_resume,
    .incoming_create = xf_libxl_incoming_create,
    .incoming_adopt = xf_libxl_incoming_adopt,
    .can_arrive = xf_libxl_can_arrive,
    .incoming_left = xf_libxl_incoming_left,
    .incoming_stream = xf_libxl_incoming_stream,
    .incoming_devices = xf_libxl_incoming_devices,
    .incoming_switch = xf_libxl_incoming_switch,
    .incoming_abort = xf_libxl_incoming_abort,
    .incoming_free = xf_libxl_incoming_free,
    .save_head = xf_libxl_save_head,
    .incoming_saved = xf_libxl_incoming_saved,
};

struct xf_hypervisor *
xf_libxl_new(GHashTable *networks, GError **err)
{
    struct libxl_hv *hv = g_new0(struct libxl_hv, 1);
    struct xf_keeper_owner owner = { .ended = keeper_tells, .user = hv };
    struct xf_hv_host host;

    hv->base.ops = &libxl_ops;
    hv->networks = networks ? g_hash_table_ref(networks) : NULL;
    hv->pool = xf_context_pool_new();
    hv->holds = owner.holds = xf_holds_new();
    g_mutex_init(&hv->lock);
    g_mutex_init(&hv->telling);
    hv->suspends = g_hash_table_new(NULL, NULL);
    if (xf_libxl_host(&hv->base, &host, err)) {
        xf_helper_install(host.version / 1000000,
                          host.version / 1000 % 1000);
        hv->keeper = xf_keeper_new(hv->pool, &owner, err);
    }
    if (!hv->keeper) {
        libxl_free(&hv->base);
        return NULL;
    }
    return &hv->base;
}
