/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keeps a domain from leaving, said before anything is done: libxl
 * itself finds these out late, or by the guest's death. */
#include "config.h"

#include <libxl_utils.h>
#include <stdlib.h>
#include <xen/io/xenbus.h>

#include "xen/abi.h"
#include "xen/arrival.h"
#include "xen/cpu.h"
#include "xen/domxml.h"
#include "xen/helper.h"
#include "xen/internal.h"
#include "xen/xenstore.h"

/* What a guest takes, at most, from its start until its kernel is up. */
#define BOOT_SECONDS 60

/* -- the configuration ------------------------------------------------------ */

struct immovable {
    const char *what;
    const char *advice;
    gboolean (*present)(const libxl_domain_config *config);
};

static gboolean
has_pci(const libxl_domain_config *c)
{
    return c->num_pcidevs > 0 || c->num_dtdevs > 0;
}

static gboolean
has_usb(const libxl_domain_config *c)
{
    return c->num_usbdevs > 0;
}

static gboolean
has_vtpm(const libxl_domain_config *c)
{
    return c->num_vtpms > 0;
}

static gboolean
has_vnuma(const libxl_domain_config *c)
{
    return c->b_info.num_vnuma_nodes > 0;
}

static gboolean
is_disabled(const libxl_domain_config *c)
{
    return !libxl_defbool_is_default(c->b_info.disable_migrate) &&
           libxl_defbool_val(c->b_info.disable_migrate);
}

static const struct immovable immovables[] = {
    { "has a device of the host passed through to it (PCI)",
      "detach it first", has_pci },
    { "has a USB device of the host passed through to it",
      "detach it first", has_usb },
    { "has a virtual TPM, whose state does not travel",
      "detach it first", has_vtpm },
    { "has virtual NUMA nodes, which Xen cannot save",
      "start it without them", has_vnuma },
    { "is marked as not to be migrated (nomigrate)",
      "start it without that mark", is_disabled },
};

gboolean
xf_libxl_movable(const libxl_domain_config *config, GError **err)
{
    for (gsize i = 0; i < G_N_ELEMENTS(immovables); i++) {
        if (!immovables[i].present(config))
            continue;
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "domain '%s' cannot move: it %s; %s",
                    config->c_info.name ? config->c_info.name : "?",
                    immovables[i].what, immovables[i].advice);
        return FALSE;
    }
    return TRUE;
}

/* -- the state ------------------------------------------------------------ */

static const char *
state_in_the_way(const struct xf_hv_domain *d)
{
    if (d->dying)
        return "it is being destroyed";
    if (d->crashed)
        return "it has crashed";
    if (d->shutdown)
        return "it has shut down";
    if (d->suspended)
        return "it is suspended: another save or migration of it is under "
               "way or has been left unfinished";
    return NULL;
}

/* Seconds since the domain was made on this host; a big number when that is
 * not known. */
static double
age(struct xf_context *c, const struct xf_hv_domain *d)
{
    char uuid[XF_UUID_STRING_LEN + 1];
    g_autofree char *start =
        xf_xs_read(c->xs, "/vm/%s/start_time", xf_uuid_format(d->uuid, uuid));
    double seconds = start ? g_get_real_time() / 1e6 -
                                 g_ascii_strtod(start, NULL) : G_MAXDOUBLE;

    return seconds < 0 ? G_MAXDOUBLE : seconds;
}

/* A guest's kernel says once, while it boots, that it can be suspended.  It
 * does not say it again where it has moved to: there we say it for the
 * guests that we receive (incoming.c), but other toolstacks do not.  So the
 * lack of that word means something only in the first minute, and only while
 * no driver of its kernel's runs. */
static gboolean
can_suspend(const struct xf_leaving *l, GError **err)
{
    const struct xf_hv_domain *d = l->domain;
    const char *state = state_in_the_way(d);

    if (state) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' cannot move: %s", d->name, state);
        return FALSE;
    }
    if (d->type == XF_GUEST_HVM || l->says_suspend || l->has_drivers
        || l->age > BOOT_SECONDS)
        return TRUE;            /* HVM: if it must, it is stopped by force */
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "domain '%s' cannot move yet: its kernel has not said that "
                "it can be suspended (control/feature-suspend in xenstore is "
                "not 1), so it is most likely still booting; try again in a "
                "minute", d->name);
    return FALSE;
}

/* Without shadow paging Xen cannot see what a PV guest writes. */
static gboolean
can_iterate(const struct xf_leaving *l, GError **err)
{
    if (!l->live || l->domain->type != XF_GUEST_PV || l->has_shadow)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_UNSUPPORTED,
                "domain '%s' cannot move live: it is a PV guest, and this "
                "host's Xen is built without shadow paging, which a live move "
                "of PV needs; move it without --live (it stands still while "
                "its memory is copied)", l->domain->name);
    return FALSE;
}

/* The device model's state goes through a file of dom0's. */
static gboolean
has_room(const struct xf_leaving *l, GError **err)
{
    guint64 need = xf_arrival_libxl_kib(LIBXL_DOMAIN_TYPE_HVM);

    if (l->domain->type != XF_GUEST_HVM || l->libxl_dir_kib >= need)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "domain '%s' cannot move: its device model's state is "
                "written to '" XF_LIBXL_DIR "', where %" G_GUINT64_FORMAT
                " KiB are free and %" G_GUINT64_FORMAT " KiB are needed; make "
                "room there", l->domain->name, l->libxl_dir_kib, need);
    return FALSE;
}

/* -- its name -------------------------------------------------------------- */

static gboolean
is_settled(const struct xf_leaving *l, GError **err)
{
    const char *name = l->domain->name;
    g_autofree char *away = g_strconcat(name, XF_XL_AWAY_SUFFIX, NULL);

    if (g_str_has_suffix(name, XF_XL_AWAY_SUFFIX)
        || g_str_has_suffix(name, XF_INCOMING_SUFFIX)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' cannot move: that is the name of a copy "
                    "whose migration is under way, or was left without an "
                    "end; look on the other host whether the guest runs "
                    "there: if so destroy this one, else rename it", name);
        return FALSE;
    }
    if (l->is_there(l->user, away)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' cannot move: there is a '%s' here too, which "
                    "a migration has left; find out which of the two is the "
                    "guest, and destroy or rename the other", name, away);
        return FALSE;
    }
    return TRUE;
}

static gboolean
is_name_here(void *user, const char *name)
{
    struct xf_context *c = user;
    uint32_t domid;

    return libxl_name_to_domid(c->libxl, name, &domid) == 0;
}

static gboolean
has_helper(const struct xf_leaving *l, GError **err)
{
    if (l->has_save_helper)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "domain '%s' cannot move: libxl's program for its memory, "
                "libxl-save-helper, is not where it was when this daemon "
                "began; install Xen's tools, and start the daemon again",
                l->domain->name);
    return FALSE;
}

/* -- what the destination compares itself with ------------------------------ */

char *
xf_libxl_origin(struct xf_hypervisor *hypervisor, int domid)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, NULL);
    struct xf_hv_domain info;
    struct xf_origin origin;

    if (!lent.context || !xf_libxl_query(lent.context, domid, &info, NULL))
        return NULL;            /* whoever moves it will hear why */
    xf_libxl_origin_here(lent.context, &origin);
    origin.has_cpu = xf_cpu_of_domain(domid, info.type == XF_GUEST_PV,
                                      origin.cpu);
    return xf_origin_format(&origin);
}

/* -- all together ---------------------------------------------------------- */

gboolean
xf_libxl_may_leave(const struct xf_leaving *l, GError **err)
{
    if (l->domain->domid == 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain 0 is the host itself: it cannot move");
        return FALSE;
    }
    if (l->suspending) {
        g_set_error(err, XF_ERROR, XF_ERROR_BUSY,
                    "domain %d is on its way already", l->domain->domid);
        return FALSE;
    }
    return is_settled(l, err) && can_suspend(l, err) && has_helper(l, err)
           && can_iterate(l, err) && has_room(l, err);
}

static gboolean
has_drivers(struct xs_handle *xs, int domid)
{
    g_auto(GStrv) kinds =
        xf_xs_children(xs, "/local/domain/%d/device", domid);

    for (char **kind = kinds; *kind; kind++) {
        g_auto(GStrv) devices =
            xf_xs_children(xs, "/local/domain/%d/device/%s", domid, *kind);

        for (char **device = devices; *device; device++) {
            g_autofree char *state =
                xf_xs_read(xs, "/local/domain/%d/device/%s/%s/state", domid,
                           *kind, *device);

            if (state && atoi(state) == XenbusStateConnected)
                return TRUE;
        }
    }
    return FALSE;
}

/* What Xen and xenstore say of it; has_shadow only where it matters. */
static gboolean
look(struct xf_context *c, struct xf_leaving *l, GError **err)
{
    const struct xf_hv_domain *d = l->domain;
    g_autofree char *feature =
        xf_xs_read(c->xs, "/local/domain/%d/control/feature-suspend",
                   d->domid);
    libxl_physinfo phys;

    l->says_suspend = g_strcmp0(feature, "1") == 0;
    l->has_drivers = has_drivers(c->xs, d->domid);
    l->age = age(c, d);
    l->has_save_helper = xf_helper_is_there();
    l->libxl_dir_kib = xf_arrival_disk_kib(XF_LIBXL_DIR);
    l->is_there = is_name_here;
    l->user = c;
    if (!l->live || d->type != XF_GUEST_PV)
        return TRUE;
    libxl_physinfo_init(&phys);

    int rc = libxl_get_physinfo(c->libxl, &phys);

    l->has_shadow = phys.cap_shadow;
    libxl_physinfo_dispose(&phys);
    if (rc)
        xf_context_error(c, err, XF_ERROR_SYSTEM, rc,
                         "cannot ask Xen what it can do");
    return !rc;
}

gboolean
xf_libxl_can_leave(struct xf_hypervisor *hypervisor, int domid, gboolean live,
                   GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);
    struct xf_context *c = lent.context;
    struct xf_hv_domain info;
    struct xf_leaving leaving = { .domain = &info, .live = live };
    libxl_domain_config config;

    if (!c)
        return FALSE;
    leaving.suspending = xf_libxl_suspending(hv, domid);
    if (!xf_libxl_query(c, domid, &info, err) || !look(c, &leaving, err) ||
        !xf_libxl_may_leave(&leaving, err) ||
        !xf_libxl_retrieve(c, domid, &config, err))
        return FALSE;

    gboolean movable = xf_libxl_movable(&config, err);

    libxl_domain_config_dispose(&config);
    return movable;
}

/* -- the client's own XML -------------------------------------------------- */

gboolean
xf_libxl_same_guest(struct xf_hypervisor *hypervisor, int domid,
                    const char *xml, const char *dname, GError **err)
{
    struct libxl_hv *hv = (struct libxl_hv *)hypervisor;
    XF_LENT struct lent_context lent = borrow_context(hv->pool, err);
    g_autoptr(GHashTable) networks = g_hash_table_new(g_str_hash,
                                                      g_str_equal);
    libxl_domain_config here, there;
    gboolean same;

    if (!lent.context
        || !xf_libxl_retrieve(lent.context, domid, &here, err))
        return FALSE;
    /* Which networks there are there only the destination knows. */
    g_hash_table_insert(networks, (void *)XF_DOMXML_ANY_NETWORK,
                        (void *)"any");
    if (!xf_domxml_parse_on(xml, networks, NULL, &there, err)) {
        libxl_domain_config_dispose(&here);
        g_prefix_error(err, "the destination's XML: ");
        return FALSE;
    }
    same = xf_abi_same(&here, &there, dname, err);
    libxl_domain_config_dispose(&here);
    libxl_domain_config_dispose(&there);
    return same;
}
