/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Are the devices of a domain ready?
 *
 * A backend is ready for its frontend when its state is InitWait or beyond,
 * and, if it has a hotplug script, when that has written the node that the
 * backend needs to connect.  Only disks and network interfaces are looked
 * at: other backends (console, keyboard) have no such states.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>

#include "xen/internal.h"
#include "xen/xenstore.h"

enum readiness {
    READY,
    NOT_YET,
    FAILED,
};

struct class {
    const char *name;
    /* What its hotplug script must have written, when it has one; value
     * NULL: anything. */
    const char *node, *value;
};

static const struct class classes[] = {
    { "vbd", "physical-device", NULL },
    { "vif", "hotplug-status", "connected" },
    { "qdisk", NULL, NULL },
};

static const struct class *
class_of(const char *backend)
{
    for (gsize i = 0; i < G_N_ELEMENTS(classes); i++) {
        g_autofree char *part = g_strdup_printf("/backend/%s/",
                                                classes[i].name);

        if (strstr(backend, part))
            return &classes[i];
    }
    return NULL;
}

static gboolean
script_is_through(struct xs_handle *xs, const char *backend)
{
    const struct class *class = class_of(backend);
    g_autofree char *script = xf_xs_read(xs, "%s/script", backend);

    if (!script || !class->node)
        return TRUE;

    g_autofree char *value = xf_xs_read(xs, "%s/%s", backend, class->node);

    return class->value ? g_strcmp0(value, class->value) == 0 : value != NULL;
}

static enum readiness
backend_readiness(struct xs_handle *xs, const char *backend, GError **err)
{
    g_autofree char *error = xf_xs_read(xs, "%s/hotplug-error", backend);
    g_autofree char *hotplug = xf_xs_read(xs, "%s/hotplug-status", backend);
    g_autofree char *state = xf_xs_read(xs, "%s/state", backend);
    int number = state ? atoi(state) : 0;

    if (error || g_strcmp0(hotplug, "error") == 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "device %s: its hotplug script failed: %s", backend,
                    error ? error : "it does not say why");
        return FAILED;
    }
    if (!script_is_through(xs, backend))
        return NOT_YET;
    return number >= XenbusStateInitWait && number <= XenbusStateConnected
               ? READY : NOT_YET;
}

/* The paths of the backends of a domain, wherever they are. */
static GPtrArray *
list_backends(struct xs_handle *xs, int domid)
{
    static const char *const frontends[] = { "vbd", "vif", NULL };
    GPtrArray *backends = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) kinds = xf_xs_children(xs, "/libxl/%d/device", domid);

    for (char **kind = kinds; *kind; kind++) {
        if (!g_strv_contains(frontends, *kind))
            continue;

        g_auto(GStrv) ids = xf_xs_children(xs, "/libxl/%d/device/%s", domid,
                                           *kind);

        for (char **id = ids; *id; id++) {
            char *backend = xf_xs_read(xs, "/libxl/%d/device/%s/%s/backend",
                                       domid, *kind, *id);

            if (backend && class_of(backend))
                g_ptr_array_add(backends, backend);
            else
                g_free(backend);
        }
    }
    return backends;
}

/* Waits for one backend; the handle watches nothing else. */
static gboolean
wait_backend(struct xs_handle *xs, const char *backend, gint64 deadline,
             GError **err)
{
    enum readiness now = backend_readiness(xs, backend, err);

    /* As a rule its script was through while the memory came. */
    if (now != NOT_YET)
        return now == READY;
    if (!xs_watch(xs, backend, "device")) {
        g_set_error(err, XF_ERROR, XF_ERROR_SYSTEM,
                    "cannot watch %s in xenstore", backend);
        return FALSE;
    }
    while ((now = backend_readiness(xs, backend, err)) == NOT_YET) {
        gint64 left = (deadline - g_get_monotonic_time()) / 1000;

        if (left <= 0) {
            g_set_error(err, XF_ERROR, XF_ERROR_TIMEOUT,
                        "device %s is not ready in time (its state and "
                        "hotplug-status in xenstore tell how far it is)",
                        backend);
            break;
        }
        xf_xs_wait(xs, -1, left, NULL);
    }
    xs_unwatch(xs, backend, "device");
    return now == READY;
}

gboolean
xf_libxl_devices_ready(int domid, guint deadline_ms, GError **err)
{
    XF_AUTO(xs_handle) *xs = xf_xs_open(err);
    gint64 deadline = g_get_monotonic_time() + (gint64)deadline_ms * 1000;

    if (!xs)
        return FALSE;

    g_autoptr(GPtrArray) backends = list_backends(xs, domid);

    for (guint i = 0; i < backends->len; i++)
        if (!wait_backend(xs, g_ptr_array_index(backends, i), deadline, err))
            return FALSE;
    return TRUE;
}

static gboolean
is_gone(struct xf_context *context, int domid)
{
    g_autoptr(GError) err = NULL;
    struct xf_hv_domain info;

    return !xf_libxl_query(context, domid, &info, &err) &&
           g_error_matches(err, XF_ERROR, XF_ERROR_NO_DOMAIN);
}

void
xf_libxl_devices_forget(struct xf_context *context, int domid)
{
    const char *const roots[] = {
        "/libxl", "/local/domain",
        "/local/domain/0/backend/vbd", "/local/domain/0/backend/vif",
    };

    if (!is_gone(context, domid))
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(roots); i++) {
        g_autofree char *path = g_strdup_printf("%s/%d", roots[i], domid);

        xs_rm(context->xs, XBT_NULL, path);
    }
}
