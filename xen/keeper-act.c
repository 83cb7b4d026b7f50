/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "xen/domxml.h"
#include "xen/internal.h"
#include "xen/keeper-act.h"
#include "xen/userdata.h"

#define DUMP_DIR LOCALSTATEDIR "/lib/xenferry/dump"

/* A domain that has ended, with its configuration. */
struct ended {
    const struct keeper_case *c;
    struct xf_context *context;
    libxl_domain_config config;
    char *document;             /* that it was made from, or NULL */
    const char *how;            /* "has powered off" */
};

static enum keeper_result act_destroy(struct ended *e);
static enum keeper_result act_restart(struct ended *e);
static enum keeper_result act_restart_rename(struct ended *e);
static enum keeper_result act_preserve(struct ended *e);
static enum keeper_result act_soft_reset(struct ended *e);

static const struct act {
    libxl_action_on_shutdown action;
    gboolean dump;
    enum keeper_result (*run)(struct ended *e);
} acts[] = {
    { LIBXL_ACTION_ON_SHUTDOWN_DESTROY, FALSE, act_destroy },
    { LIBXL_ACTION_ON_SHUTDOWN_RESTART, FALSE, act_restart },
    { LIBXL_ACTION_ON_SHUTDOWN_RESTART_RENAME, FALSE, act_restart_rename },
    { LIBXL_ACTION_ON_SHUTDOWN_PRESERVE, FALSE, act_preserve },
    { LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY, TRUE, act_destroy },
    { LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART, TRUE, act_restart },
    { LIBXL_ACTION_ON_SHUTDOWN_SOFT_RESET, FALSE, act_soft_reset },
};

static const char *
name_of(const struct ended *e)
{
    return e->config.c_info.name ? e->config.c_info.name : "?";
}

static void G_GNUC_PRINTF(3, 4)
complain(const struct ended *e, int rc, const char *fmt, ...)
{
    g_autoptr(GError) err = NULL;
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    xf_context_error(e->context, &err, XF_ERROR_OPERATION_FAILED, rc,
                     "domain %d ('%s') %s, and %s", e->c->domid, name_of(e),
                     e->how, what);
    g_warning("%s", err->message);
}

/* A name or file name part that says when. */
static char *
time_suffix(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();

    return g_date_time_format(now, "-%Y%m%dT%H%M%SZ");
}

/* -- the acts ----------------------------------------------------------------- */

static gboolean
destroy(struct ended *e)
{
    int rc = libxl_domain_destroy(e->context->libxl, e->c->domid, NULL);

    if (rc)
        complain(e, rc, "cannot be destroyed");
    return !rc;
}

static enum keeper_result
act_destroy(struct ended *e)
{
    if (destroy(e))
        g_message("domain %d ('%s') %s: destroyed", e->c->domid, name_of(e),
                  e->how);
    return KEEPER_OVER;
}

static enum keeper_result
act_preserve(struct ended *e)
{
    g_message("domain %d ('%s') %s: kept as it is, as its configuration "
              "says; destroy it when you have looked at it", e->c->domid,
              name_of(e), e->how);
    return KEEPER_OVER;
}

/* The place is free: make the domain anew. */
static void
start_anew(struct ended *e)
{
    uint32_t domid = INVALID_DOMID;
    g_autoptr(GError) err = NULL;

    e->config.c_info.domid = 0;

    int rc = xf_domxml_boots(&e->config)
             ? libxl_domain_create_new(e->context->libxl, &e->config, &domid,
                                       NULL, NULL)
             : ERROR_INVAL;

    if (rc) {
        complain(e, rc, "cannot be started again");
        return;
    }
    if (e->document)
        xf_userdata_keep(e->context, domid, e->document);
    e->c->restarted(e->c->user, domid,
                    libxl_uuid_bytearray(&e->config.c_info.uuid));
    if (xf_libxl_let_run(e->context, domid, &err))
        g_message("domain %d ('%s') %s: started again as domain %u",
                  e->c->domid, name_of(e), e->how, domid);
    else
        g_warning("domain %d ('%s') %s: made again as domain %u, but %s",
                  e->c->domid, name_of(e), e->how, domid, err->message);
}

static enum keeper_result
act_restart(struct ended *e)
{
    if (!destroy(e))
        return KEEPER_OVER;
    if (e->c->no_restart)
        g_warning("domain %d ('%s') %s again and again soon after its start: "
                  "destroyed, not started again", e->c->domid, name_of(e),
                  e->how);
    else
        start_anew(e);
    return KEEPER_OVER;
}

static enum keeper_result
act_restart_rename(struct ended *e)
{
    g_autofree char *suffix = time_suffix();
    libxl_uuid uuid;

    if (e->c->no_restart)
        return act_restart(e);
    libxl_uuid_generate(&uuid);

    int rc = libxl_domain_preserve(e->context->libxl, e->c->domid,
                                   &e->config.c_info, suffix, uuid);

    if (rc)
        complain(e, rc, "cannot be renamed to '%s%s'", name_of(e), suffix);
    else
        start_anew(e);
    return KEEPER_OVER;
}

static enum keeper_result
act_soft_reset(struct ended *e)
{
    g_autoptr(GError) err = NULL;
    int rc = libxl_domain_soft_reset(e->context->libxl, &e->config,
                                     e->c->domid, NULL, NULL);

    if (rc)
        complain(e, rc, "cannot be reset");
    else if (!xf_libxl_let_run(e->context, e->c->domid, &err))
        g_warning("%s", err->message);
    return rc ? KEEPER_OVER : KEEPER_GOES_ON;
}

static void
dump_core(struct ended *e)
{
    g_autofree char *suffix = time_suffix();
    g_autofree char *path = g_strdup_printf(DUMP_DIR "/%s%s.core",
                                            name_of(e), suffix);

    if (g_mkdir_with_parents(DUMP_DIR, 0700)) {
        g_warning("no core dump of domain %d: cannot make " DUMP_DIR ": %s",
                  e->c->domid, g_strerror(errno));
        return;
    }

    int rc = libxl_domain_core_dump(e->context->libxl, e->c->domid, path,
                                    NULL);

    if (rc)
        complain(e, rc, "its memory cannot be dumped to %s", path);
    else
        g_message("domain %d ('%s'): memory dumped to %s", e->c->domid,
                  name_of(e), path);
}

/* -- which one ----------------------------------------------------------------- */

static libxl_action_on_shutdown
wanted_action(struct ended *e, libxl_shutdown_reason reason)
{
    const libxl_domain_config *config = &e->config;
    const struct {
        libxl_shutdown_reason reason;
        libxl_action_on_shutdown action;
        const char *how;
    } rows[] = {
        { LIBXL_SHUTDOWN_REASON_POWEROFF, config->on_poweroff,
          "has powered off" },
        { LIBXL_SHUTDOWN_REASON_REBOOT, config->on_reboot, "has rebooted" },
        { LIBXL_SHUTDOWN_REASON_CRASH, config->on_crash, "has crashed" },
        { LIBXL_SHUTDOWN_REASON_WATCHDOG, config->on_watchdog,
          "was ended by its watchdog" },
        { LIBXL_SHUTDOWN_REASON_SOFT_RESET, config->on_soft_reset,
          "asks for a reset" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].reason == reason) {
            e->how = rows[i].how;
            return rows[i].action;
        }
    }
    e->how = "has shut down for a reason unknown here";
    return LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
}

static enum keeper_result
do_as_configured(struct ended *e, libxl_shutdown_reason reason)
{
    libxl_action_on_shutdown action = wanted_action(e, reason);

    for (gsize i = 0; i < G_N_ELEMENTS(acts); i++) {
        if (acts[i].action != action)
            continue;
        if (acts[i].dump)
            dump_core(e);
        return acts[i].run(e);
    }
    g_warning("domain %d ('%s') %s: its configuration asks for action %d, "
              "which is not known here; left as it is", e->c->domid,
              name_of(e), e->how, action);
    return KEEPER_OVER;
}

enum keeper_result
xf_keeper_act(struct xf_context *context, const struct keeper_case *ended)
{
    struct ended e = { .c = ended, .context = context };
    g_autoptr(GError) err = NULL;
    libxl_dominfo info;

    libxl_dominfo_init(&info);

    int rc = libxl_domain_info(context->libxl, &info, ended->domid);
    gboolean down = !rc && info.shutdown && !info.dying;
    libxl_shutdown_reason reason = info.shutdown_reason;

    libxl_dominfo_dispose(&info);
    if (!down)
        return rc ? KEEPER_OVER : KEEPER_GOES_ON;
    if (!xf_libxl_retrieve(context, ended->domid, &e.config, &err)) {
        g_warning("domain %d has shut down, and what is to be done then "
                  "cannot be found out; left as it is: %s", ended->domid,
                  err->message);
        return KEEPER_OVER;
    }

    e.document = xf_userdata_document(context, ended->domid);

    enum keeper_result result = do_as_configured(&e, reason);

    g_free(e.document);
    libxl_domain_config_dispose(&e.config);
    return result;
}

gboolean
xf_keeper_resume_late(struct xf_context *context, int domid)
{
    g_autoptr(GError) err = NULL;
    int rc = libxl_domain_resume(context->libxl, domid, 1, NULL);

    if (rc) {
        xf_context_error(context, &err, XF_ERROR_OPERATION_FAILED, rc,
                         "domain %d has suspended long after it was asked "
                         "to, and cannot be resumed", domid);
        g_warning("%s", err->message);
    } else {
        g_message("domain %d has suspended long after it was asked to: "
                  "resumed", domid);
    }
    return !rc;
}
