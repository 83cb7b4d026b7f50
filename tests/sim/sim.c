/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/driver.h"
#include "tests/sim/faults.h"
#include "tests/sim/sim-private.h"
#include "xen/capabilities.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

void
sim_set_error(GError **err, struct fakexl *xl, int rc, int domid,
              const char *what)
{
    static const struct {
        int rc;
        enum xf_error_code code;
    } codes[] = {
        { FAKEXL_NOT_FOUND, XF_ERROR_NO_DOMAIN },
        { FAKEXL_NOMEM, XF_ERROR_BUSY },
        { FAKEXL_INVAL, XF_ERROR_DOM_EXIST },
        { FAKEXL_ABORTED, XF_ERROR_ABORTED },
    };
    enum xf_error_code code = XF_ERROR_OPERATION_FAILED;

    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
        if (codes[i].rc == rc)
            code = codes[i].code;
    g_set_error(err, XF_ERROR, code, "domain %d: cannot %s: %s (%s)", domid,
                what, xl->log ? xl->log : "no reason given",
                fakexl_rc_name(rc));
}

void
sim_fill_info(const struct sim_domain *dom, struct xf_hv_domain *info)
{
    memset(info, 0, sizeof(*info));
    info->domid = dom->domid;
    xf_uuid_parse(dom->uuid, info->uuid);
    g_strlcpy(info->name, dom->name, sizeof(info->name));
    info->type = dom->type;
    info->running = sim_domain_runs(dom);
    info->paused = dom->paused;
    info->suspended = dom->shutdown == SIM_SUSPENDED;
    info->shutdown = dom->shutdown > SIM_SUSPENDED;
    info->crashed = dom->shutdown == SIM_CRASHED;
    info->rebooting = dom->shutdown == SIM_REBOOT;
    info->dying = dom->dying;
    info->max_memory_kib = dom->memory_kib;
    info->memory_kib = dom->populated_kib;
    info->vcpus = dom->vcpus;
    info->cpu_time_ns = dom->ran * 1000;
    if (dom->run_from >= 0)
        info->cpu_time_ns += (g_get_monotonic_time() - dom->run_from) * 1000;
}

static void
fill_dom0(struct xf_hv_domain *info)
{
    memset(info, 0, sizeof(*info));
    g_strlcpy(info->name, "Domain-0", sizeof(info->name));
    info->type = XF_GUEST_PV;
    info->running = TRUE;
    info->max_memory_kib = info->memory_kib = SIM_DOM0_KIB;
    info->vcpus = 1;
}

struct sim_domain *
sim_look_up(struct sim *sim, int domid, GError **err)
{
    SIM_LOCK(sim->host);
    struct sim_domain *dom = sim_host_get(sim->host, domid);

    if (!dom)
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "no domain with id %d", domid);
    return dom;
}

void
sim_fill_config(const struct sim_xml *xml, const char *name,
                const char *text, struct fakexl_config *config)
{
    *config = (struct fakexl_config) {
        .name = name,
        .uuid = xml->uuid,
        .type = xml->type,
        .memory_kib = xml->memory_kib,
        .vcpus = xml->vcpus,
        .on_poweroff = xml->on_poweroff,
        .on_reboot = xml->on_reboot,
        .on_crash = xml->on_crash,
        .xml = text,
    };
}

/* -- the keeper -- */

static enum sim_policy
policy_of(const struct sim_domain *dom)
{
    switch ((enum sim_shutdown)dom->shutdown) {
    case SIM_POWEROFF:
        return dom->on_poweroff;
    case SIM_REBOOT:
        return dom->on_reboot;
    case SIM_CRASHED:
        return dom->on_crash;
    case SIM_UP:
    case SIM_SUSPENDED:
        break;
    }
    return SIM_PRESERVE;
}

static void
sim_watch(struct xf_hypervisor *hv, const struct xf_hv_watcher *watcher)
{
    struct sim *sim = (struct sim *)hv;
    const struct xf_hv_watcher nobody = { 0 };

    g_mutex_lock(&sim->telling);
    sim->watcher = watcher ? *watcher : nobody;
    g_mutex_unlock(&sim->telling);
}

static void
tell_ended(struct sim *sim, const struct sim_domain *dom, gboolean again)
{
    struct xf_hv_ending ending = {
        .domid = dom->domid,
        .name = dom->name,
        .how = dom->shutdown == SIM_CRASHED  ? XF_HV_CRASHED
               : dom->shutdown == SIM_REBOOT ? XF_HV_REBOOTED
                                             : XF_HV_SHUT_DOWN,
        .again = again ? dom->domid : -1,
    };

    xf_uuid_parse(dom->uuid, ending.uuid);
    g_mutex_lock(&sim->telling);
    if (sim->watcher.ended)
        sim->watcher.ended(sim->watcher.user, &ending);
    g_mutex_unlock(&sim->telling);
}

/* Acts on a guest that has shut down, as its on_* say.  FALSE: it is no more.
 * Needs the lock. */
static gboolean
keep(struct sim *sim, struct sim_domain *dom)
{
    enum sim_policy policy = policy_of(dom);

    if (dom->dying || policy == SIM_PRESERVE ||
        sim_knob_is(sim->host, NULL, "keeper", "off"))
        return TRUE;
    tell_ended(sim, dom, policy == SIM_RESTART);
    if (policy == SIM_RESTART)
        sim_host_reboot(sim->host, dom);
    else
        sim_host_drop(sim->host, dom);
    return policy == SIM_RESTART;
}

/* -- host and domains -- */

static gboolean
sim_host_info(struct xf_hypervisor *hv, struct xf_hv_host *info, GError **err)
{
    struct sim *sim = (struct sim *)hv;
    SIM_LOCK(sim->host);

    *info = (struct xf_hv_host) {
        .version = 4017000,
        .node = {
            .model = "x86_64",
            .memory_kib = sim_host_memory_kib(sim->host),
            .free_kib = sim_host_free_kib(sim->host),
            .cpus = 2,
            .mhz = 2000,
            .nodes = 1,
            .sockets = 1,
            .cores = 2,
            .threads = 1,
        },
    };
    return TRUE;
}

/* A host on which every kind of guest can be. */
static gboolean
fill_caps(struct xf_hypervisor *hv, struct xf_hv_host *host,
          struct xf_host_caps *caps, GError **err)
{
    if (!sim_host_info(hv, host, err))
        return FALSE;
    *caps = (struct xf_host_caps) {
        .node = &host->node, .pv = TRUE, .hvm = TRUE, .hap = TRUE,
    };
    return TRUE;
}

static char *
sim_capabilities(struct xf_hypervisor *hv, GError **err)
{
    struct xf_hv_host host;
    struct xf_host_caps caps;

    return fill_caps(hv, &host, &caps, err) ? xf_capabilities_format(&caps)
                                            : NULL;
}

static char *
sim_domain_capabilities(struct xf_hypervisor *hv, const char *machine,
                        const char *arch, GError **err)
{
    struct xf_hv_host host;
    struct xf_host_caps caps;

    return fill_caps(hv, &host, &caps, err)
               ? xf_capabilities_domain(&caps, machine, arch, err) : NULL;
}

static guint
sim_max_vcpus(struct xf_hypervisor *hv, GError **err)
{
    struct xf_hv_host host;
    struct xf_host_caps caps;

    return fill_caps(hv, &host, &caps, err)
               ? xf_capabilities_max_vcpus(&caps) : 0;
}

static GPtrArray *
sim_list(struct xf_hypervisor *hv, GError **err)
{
    struct sim *sim = (struct sim *)hv;
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    struct xf_hv_domain *info = g_new(struct xf_hv_domain, 1);

    fill_dom0(info);
    g_ptr_array_add(list, info);

    SIM_LOCK(sim->host);
    g_autoptr(GPtrArray) all = sim_host_domains(sim->host);

    for (guint i = 0; i < all->len; i++) {
        if (!keep(sim, all->pdata[i]))
            continue;
        info = g_new(struct xf_hv_domain, 1);
        sim_fill_info(all->pdata[i], info);
        g_ptr_array_add(list, info);
    }
    return list;
}

static gboolean
sim_info(struct xf_hypervisor *hv, int domid, struct xf_hv_domain *info,
         GError **err)
{
    struct sim *sim = (struct sim *)hv;

    if (!domid) {
        fill_dom0(info);
        return TRUE;
    }

    SIM_LOCK(sim->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(sim->host, domid);

    if (!dom || !keep(sim, dom)) {
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "no domain with id %d", domid);
        return FALSE;
    }
    sim_fill_info(dom, info);
    return TRUE;
}

static char *
sim_describe(struct xf_hypervisor *hv, int domid, guint flags, GError **err)
{
    struct sim *sim = (struct sim *)hv;
    XF_AUTO(sim_domain) *dom = sim_look_up(sim, domid, err);

    if (!dom)
        return NULL;
    if (sim_point(sim->host, dom->name, "describe", 0, -1)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "domain %d: describe fails as ordered", domid);
        return NULL;
    }

    SIM_LOCK(sim->host);
    g_autofree char *text = sim_host_read_xml(sim->host, domid);

    if (!text) {
        g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                    "no domain with id %d", domid);
        return NULL;
    }
    /* flags: enum xf_xml_flags; INACTIVE is 1 << 1 on every wire */
    return sim_xml_current(text, dom, flags & 2, err);
}

static char *
sim_read(struct xf_hypervisor *hv, const char *text, const char *name,
         guint flags, struct xf_hv_domain *info, GError **err)
{
    XF_AUTO(sim_xml) *xml = sim_xml_parse(text, err);

    if (!xml)
        return NULL;
    memset(info, 0, sizeof(*info));
    info->domid = -1;
    xf_uuid_parse(xml->uuid, info->uuid);
    g_strlcpy(info->name, name ? name : xml->name, sizeof(info->name));
    info->type = xml->type;
    info->max_memory_kib = info->memory_kib = xml->memory_kib;
    info->vcpus = xml->vcpus;

    const struct sim_domain dom = {
        .domid = -1, .name = info->name, .uuid = xml->uuid,
    };

    return sim_xml_current(text, &dom, TRUE, err);
}

static gboolean
exists(struct sim *sim, const struct sim_xml *xml, GError **err)
{
    SIM_LOCK(sim->host);
    g_autoptr(GPtrArray) all = sim_host_domains(sim->host);

    for (guint i = 0; i < all->len; i++) {
        struct sim_domain *dom = all->pdata[i];

        if (strcmp(dom->name, xml->name) && strcmp(dom->uuid, xml->uuid))
            continue;
        g_set_error(err, XF_ERROR, XF_ERROR_DOM_EXIST,
                    "domain %s (id %d, uuid %s) is there already", dom->name,
                    dom->domid, dom->uuid);
        return TRUE;
    }
    return FALSE;
}

static int
sim_create(struct xf_hypervisor *hv, const char *text, gboolean paused,
           GError **err)
{
    struct sim *sim = (struct sim *)hv;
    XF_AUTO(sim_xml) *xml = sim_xml_parse(text, err);

    if (!xml || exists(sim, xml, err))
        return -1;

    XF_AUTO(fakexl) *xl = fakexl_new(sim->host);
    struct fakexl_config config;
    int domid = -1;

    sim_fill_config(xml, xml->name, text, &config);

    int rc = fakexl_create_new(xl, &config, &domid);

    if (!rc && !paused)
        rc = fakexl_unpause(xl, domid);
    if (!rc)
        return domid;
    sim_set_error(err, xl, rc, domid, "create it");
    if (domid >= 0)
        fakexl_destroy(xl, domid);
    return -1;
}

/* The plain operations are all alike. */
static gboolean
operate(struct xf_hypervisor *hv, int domid,
        int (*operation)(struct fakexl *xl, int domid), const char *what,
        GError **err)
{
    XF_AUTO(fakexl) *xl = fakexl_new(((struct sim *)hv)->host);
    int rc = operation(xl, domid);

    if (rc)
        sim_set_error(err, xl, rc, domid, what);
    return !rc;
}

static gboolean
sim_destroy(struct xf_hypervisor *hv, int domid, GError **err)
{
    gboolean ok = operate(hv, domid, fakexl_destroy, "destroy it", err);

    if (ok) {
        xf_holds_forget(((struct sim *)hv)->holds, domid);
        sim_point(((struct sim *)hv)->host, NULL, "destroyed", 0, -1);
    }
    return ok;
}

static gboolean
sim_pause(struct xf_hypervisor *hv, int domid, GError **err)
{
    return operate(hv, domid, fakexl_pause, "pause it", err);
}

static gboolean
sim_unpause(struct xf_hypervisor *hv, int domid, GError **err)
{
    return operate(hv, domid, fakexl_unpause, "unpause it", err);
}

static int
power_off(struct fakexl *xl, int domid)
{
    return fakexl_shutdown(xl, domid, SIM_POWEROFF);
}

static int
reboot(struct fakexl *xl, int domid)
{
    return fakexl_shutdown(xl, domid, SIM_REBOOT);
}

static gboolean
sim_shut_down(struct xf_hypervisor *hv, int domid, GError **err)
{
    return operate(hv, domid, power_off, "shut it down", err);
}

/* Its guests all heed it. */
static gboolean
sim_press_power(struct xf_hypervisor *hv, int domid, GError **err)
{
    return operate(hv, domid, power_off, "press its power button", err);
}

static gboolean
sim_reboot(struct xf_hypervisor *hv, int domid, GError **err)
{
    return operate(hv, domid, reboot, "reboot it", err);
}

/* -- life and death -- */

static void
sim_free(struct xf_hypervisor *hv)
{
    struct sim *sim = (struct sim *)hv;

    g_mutex_lock(&sim->lock);
    sim->stopping = TRUE;
    while (sim->watchers)
        g_cond_wait(&sim->idle, &sim->lock);
    g_mutex_unlock(&sim->lock);
    g_hash_table_unref(sim->suspends);
    xf_holds_free(sim->holds);
    g_mutex_clear(&sim->lock);
    g_mutex_clear(&sim->telling);
    g_cond_clear(&sim->idle);
    sim_host_free(sim->host);
    g_free(sim);
}

/* -- native forms: the XML itself, in the place of JSON -- */

static char *
sim_native(struct xf_hypervisor *hv, const char *format, const char *text,
           GError **err)
{
    XF_AUTO(sim_xml) *xml = NULL;

    if (strcmp(format, XF_NATIVE_JSON) != 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "the simulator has no form %s", format);
        return NULL;
    }
    xml = sim_xml_parse(text, err);
    return xml ? g_strdup(text) : NULL;
}

static const struct xf_hypervisor_ops sim_ops = {
    .type = "Xen",
    .free = sim_free,
    .watch = sim_watch,
    .host = sim_host_info,
    .from_native = sim_native,
    .to_native = sim_native,
    .capabilities = sim_capabilities,
    .domain_capabilities = sim_domain_capabilities,
    .max_vcpus = sim_max_vcpus,
    .list = sim_list,
    .info = sim_info,
    .describe = sim_describe,
    .read = sim_read,
    .create = sim_create,
    .destroy = sim_destroy,
    .pause = sim_pause,
    .unpause = sim_unpause,
    .shutdown = sim_shut_down,
    .reboot = sim_reboot,
    .press_power = sim_press_power,
    .can_leave = sim_can_leave,
    .same_guest = sim_same_guest,
    .origin = sim_origin,
    .suspend = sim_suspend,
    .suspend_abort = sim_suspend_abort,
    .suspend_clean = sim_suspend_clean,
    .resume = sim_resume,
    .incoming_create = sim_incoming_create,
    .can_arrive = sim_can_arrive,
    .incoming_stream = sim_incoming_stream,
    .incoming_devices = sim_incoming_devices,
    .incoming_switch = sim_incoming_switch,
    .incoming_adopt = sim_incoming_adopt,
    .incoming_left = sim_incoming_left,
    .incoming_abort = sim_incoming_abort,
    .incoming_free = sim_incoming_free,
    .save_head = sim_save_head,
    .incoming_saved = sim_incoming_saved,
};

/* Is that pid still a helper of this host?  Pids are used again. */
static gboolean
is_helper(struct sim_host *host, int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid);
    g_autofree char *line = NULL;
    gsize len;

    if (!g_file_get_contents(path, &line, &len, NULL))
        return FALSE;
    for (char *arg = line; arg < line + len; arg += strlen(arg) + 1)
        if (!strcmp(arg, host->dir))
            return TRUE;
    return FALSE;
}

static void
end_helpers(struct sim *sim)
{
    SIM_LOCK(sim->host);
    g_autoptr(GPtrArray) all = sim_host_domains(sim->host);

    for (guint i = 0; i < all->len; i++) {
        struct sim_domain *dom = all->pdata[i];

        if (!dom->helper)
            continue;
        if (is_helper(sim->host, dom->helper))
            kill(dom->helper, SIGKILL);
        dom->helper = 0;
        sim_host_put(sim->host, dom);
    }
}

struct xf_hypervisor *
xf_sim_new(const char *dir, GError **err)
{
    struct sim_host *host = sim_host_open(dir, err);

    if (!host)
        return NULL;

    struct sim *sim = g_new0(struct sim, 1);

    sim->base.ops = &sim_ops;
    sim->host = host;
    g_mutex_init(&sim->lock);
    g_mutex_init(&sim->telling);
    g_cond_init(&sim->idle);
    sim->suspends = g_hash_table_new(NULL, NULL);
    sim->holds = xf_holds_new();
    end_helpers(sim);
    return &sim->base;
}
