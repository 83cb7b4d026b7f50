/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/sim/fakexl.h"
#include "tests/sim/faults.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct fakexl *
fakexl_new(struct sim_host *host)
{
    struct fakexl *xl = g_new0(struct fakexl, 1);

    xl->host = host;
    xl->abort_fd = eventfd(0, EFD_CLOEXEC);
    if (xl->abort_fd < 0)
        g_error("simulated host: no eventfd");
    return xl;
}

void
fakexl_free(struct fakexl *xl)
{
    if (!xl)
        return;
    close(xl->abort_fd);
    g_free(xl->log);
    g_free(xl);
}

void
fakexl_abort(struct fakexl *xl)
{
    guint64 one = 1;

    if (write(xl->abort_fd, &one, sizeof(one)) != sizeof(one))
        g_error("simulated host: eventfd");
}

int
fakexl_fail(struct fakexl *xl, int rc, const char *fmt, ...)
{
    va_list ap;

    g_free(xl->log);
    va_start(ap, fmt);
    xl->log = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return rc;
}

const char *
fakexl_rc_name(int rc)
{
    static const struct {
        int rc;
        const char *name;
    } names[] = {
        { FAKEXL_OK, "OK" },
        { FAKEXL_FAIL, "FAIL" },
        { FAKEXL_NOMEM, "NOMEM" },
        { FAKEXL_INVAL, "INVAL" },
        { FAKEXL_GUEST_TIMEDOUT, "GUEST_TIMEDOUT" },
        { FAKEXL_NOT_FOUND, "DOMAIN_NOTFOUND" },
        { FAKEXL_ABORTED, "ABORTED" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        if (names[i].rc == rc)
            return names[i].name;
    return "?";
}

static int
not_found(struct fakexl *xl, int domid)
{
    return fakexl_fail(xl, FAKEXL_NOT_FOUND, "domain %d is not there", domid);
}

static char *
name_of(struct fakexl *xl, int domid)
{
    XF_AUTO(sim_domain) *dom = fakexl_info(xl, domid);

    return dom ? g_strdup(dom->name) : NULL;
}

/* Passes the point of a plain operation on a domain; 0 to go on. */
static int
op_point(struct fakexl *xl, int domid, const char *point)
{
    g_autofree char *name = name_of(xl, domid);

    if (!name)
        return not_found(xl, domid);
    if (sim_point(xl->host, name, point, 0, xl->abort_fd))
        return fakexl_fail(xl, FAKEXL_FAIL, "%s fails as ordered", point);
    return 0;
}

struct sim_domain *
fakexl_info(struct fakexl *xl, int domid)
{
    SIM_LOCK(xl->host);

    return sim_host_get(xl->host, domid);
}

int
fakexl_make(struct fakexl *xl, const struct fakexl_config *config,
            guint64 populate_kib, int *domid)
{
    SIM_LOCK(xl->host);
    XF_AUTO(sim_domain) *twin = sim_host_find(xl->host, config->name);

    if (twin)
        return fakexl_fail(xl, FAKEXL_INVAL, "domain %d has that name",
                           twin->domid);

    XF_AUTO(sim_domain) *dom = sim_host_add(xl->host, config->name,
                                            config->uuid);

    dom->type = config->type;
    dom->memory_kib = config->memory_kib;
    dom->vcpus = config->vcpus;
    dom->on_poweroff = config->on_poweroff;
    dom->on_reboot = config->on_reboot;
    dom->on_crash = config->on_crash;
    dom->incoming = populate_kib == 0;
    if (!sim_host_populate(xl->host, dom, populate_kib))
        return fakexl_fail(xl, FAKEXL_NOMEM, "not enough free memory");
    sim_host_write_xml(xl->host, dom->domid, config->xml);
    sim_host_put(xl->host, dom);
    g_atomic_int_set(domid, dom->domid);
    return FAKEXL_OK;
}

int
fakexl_create_new(struct fakexl *xl, const struct fakexl_config *config,
                  int *domid)
{
    if (sim_point(xl->host, config->name, "create", 0, xl->abort_fd))
        return fakexl_fail(xl, FAKEXL_FAIL, "create fails as ordered");
    return fakexl_make(xl, config, config->memory_kib, domid);
}

int
fakexl_resume(struct fakexl *xl, int domid)
{
    int rc = op_point(xl, domid, "resume");

    if (rc)
        return rc;

    SIM_LOCK(xl->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(xl->host, domid);

    if (!dom)
        return not_found(xl, domid);
    if (dom->shutdown != SIM_SUSPENDED)
        return fakexl_fail(xl, FAKEXL_FAIL,
                           "xc_domain_resume: Invalid argument");
    dom->shutdown = SIM_UP;
    sim_host_put(xl->host, dom);
    return FAKEXL_OK;
}

static int
set_paused(struct fakexl *xl, int domid, gboolean paused)
{
    int rc = op_point(xl, domid, paused ? "pause" : "unpause");

    if (rc)
        return rc;

    SIM_LOCK(xl->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(xl->host, domid);

    if (!dom)
        return not_found(xl, domid);
    dom->paused = paused;
    sim_host_put(xl->host, dom);
    fakexl_guest_sees(xl->host, dom);
    return FAKEXL_OK;
}

int
fakexl_pause(struct fakexl *xl, int domid)
{
    return set_paused(xl, domid, TRUE);
}

int
fakexl_unpause(struct fakexl *xl, int domid)
{
    return set_paused(xl, domid, FALSE);
}

int
fakexl_rename(struct fakexl *xl, int domid, const char *name)
{
    int rc = op_point(xl, domid, "rename");

    if (rc)
        return rc;

    SIM_LOCK(xl->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(xl->host, domid);
    XF_AUTO(sim_domain) *twin = sim_host_find(xl->host, name);

    if (!dom)
        return not_found(xl, domid);
    if (twin && twin->domid != domid)
        return fakexl_fail(xl, FAKEXL_INVAL, "domain %d has that name",
                           twin->domid);
    g_free(dom->name);
    dom->name = g_strdup(name);
    sim_host_put(xl->host, dom);
    return FAKEXL_OK;
}

int
fakexl_destroy(struct fakexl *xl, int domid)
{
    int rc = op_point(xl, domid, "destroy");

    if (rc)
        return rc;

    SIM_LOCK(xl->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(xl->host, domid);

    if (!dom)
        return not_found(xl, domid);

    gint64 dying_ms = sim_knob_int(xl->host, dom->name, "dying-ms", 0);

    if (!dying_ms) {
        sim_host_drop(xl->host, dom);
        return FAKEXL_OK;
    }
    dom->dying = TRUE;
    dom->gone_at = g_get_monotonic_time() + dying_ms * 1000;
    sim_host_put(xl->host, dom);
    return FAKEXL_OK;
}

int
fakexl_shutdown(struct fakexl *xl, int domid, enum sim_shutdown how)
{
    int rc = op_point(xl, domid, "shutdown");

    if (rc)
        return rc;

    SIM_LOCK(xl->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(xl->host, domid);

    if (!dom)
        return not_found(xl, domid);
    if (sim_domain_runs(dom)) {
        dom->shutdown = how;
        sim_host_put(xl->host, dom);
    }
    return FAKEXL_OK;
}
