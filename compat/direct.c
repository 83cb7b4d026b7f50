/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "compat/direct.h"
#include "compat/xl-command.h"
#include "compat/xl-wire.h"
#include "protocol/fault.h"

/* Set once, before there are threads. */
static char *configured;

struct direct {
    struct xf_foreign_destination base;
    struct xf_conn *conn;
    const struct xf_engine_config *config;
    struct xf_xl_host *host;
    struct xf_xl_child *child;
};

static const char *
command(void)
{
    return configured ? configured : XF_XL_COMMAND;
}

gboolean
xf_direct_set_command(const char *text, GError **err)
{
    static const struct xf_xl_host any = { (char *)"host",
                                           (char *)"ssh://host" };
    g_auto(GStrv) words =
        text ? xf_xl_command_words(text, &any, NULL, err) : NULL;

    if (text && !words)
        return FALSE;
    g_free(configured);
    configured = g_strdup(text);
    return TRUE;
}

/* -- the other end -- */

/* An end that is closed has often said why on stderr. */
static void
explain(struct direct *direct, GError **err)
{
    g_autofree char *words = NULL;

    g_prefix_error(err, "xl on host %s: ", direct->base.host);
    if (!err || !g_error_matches(*err, XF_ERROR, XF_ERROR_NO_CONNECT))
        return;
    words = xf_xl_child_last_words(direct->child);
    if (words) {
        GError *told = g_error_new(XF_ERROR, XF_ERROR_NO_CONNECT,
                                   "%s; it said: %s", (*err)->message, words);

        g_clear_error(err);
        *err = told;
    }
}

static gboolean
start(struct direct *direct, const struct xf_foreign_guest *guest,
      GError **err)
{
    static const char *const paused[] = { "-p", NULL };
    g_auto(GStrv) words = xf_xl_command_words(
        command(), direct->host, guest->paused ? paused : NULL, err);

    if (words)
        direct->child = xf_xl_child_start(words, guest->token, err);
    return direct->child != NULL;
}

static int
open_xl(struct xf_foreign_destination *to,
        const struct xf_foreign_guest *guest,
        const struct xf_foreign_stop *stop, GError **err)
{
    struct direct *direct = (struct direct *)to;
    const struct xf_xl_wait wait = { direct->config->connect_timeout_ms,
                                     stop };
    g_autofree char *json = direct->conn->driver->xml_to_native(
        direct->conn, XF_NATIVE_JSON, guest->xml, 0, err);

    if (!json || !start(direct, guest, err))
        return -1;

    int fd = xf_xl_child_fd(direct->child);

    XF_FAULT_FD("xl-started", fd);
    if (xf_xl_hear(fd, XF_XL_BANNER, &wait, err)
        && xf_xl_send_config(fd, json, err))
        return fd;
    explain(direct, err);
    return -1;
}

static gboolean
await_ready(struct xf_foreign_destination *to,
            const struct xf_foreign_stop *stop, GError **err)
{
    struct direct *direct = (struct direct *)to;
    const struct xf_xl_wait wait = { direct->config->ack_timeout_ms, stop };
    int fd = xf_xl_child_fd(direct->child);

    if (xf_xl_hear(fd, XF_XL_READY, &wait, err))
        return TRUE;
    explain(direct, err);
    return FALSE;
}

/* FALSE: nobody knows. */
static gboolean
read_report(struct direct *direct, guint8 *status, GError **err)
{
    const struct xf_xl_wait wait = { direct->config->ack_timeout_ms, NULL };
    int fd = xf_xl_child_fd(direct->child);

    return xf_xl_hear(fd, XF_XL_REPORT, &wait, err)
           && xf_xl_read(fd, status, 1, &wait, err)
           && (!*status || xf_xl_hear(fd, XF_XL_GO, &wait, err));
}

static gboolean
hand_over(struct xf_foreign_destination *to, gboolean *revoked, GError **err)
{
    struct direct *direct = (struct direct *)to;
    int fd = xf_xl_child_fd(direct->child);
    guint8 status;

    /* Even when it fails: some of it may have gone out. */
    if (!xf_xl_say(fd, XF_XL_GO, err)) {
        explain(direct, err);
        return FALSE;
    }
    XF_FAULT_FD("xl-cleared", fd);
    if (!read_report(direct, &status, err)) {
        explain(direct, err);
        return FALSE;
    }
    *revoked = status != 0;
    if (*revoked)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "xl on host %s could not let the domain run (status "
                    "%u), destroyed its copy and gave the domain back; what "
                    "it said is in the log", to->host, status);
    return !*revoked;
}

static const struct xf_foreign_destination_ops ops = {
    .open = open_xl,
    .await_ready = await_ready,
    .hand_over = hand_over,
};

/* -- the move -- */

/* What xl, or the engine on this side alone, can honour. */
#define FLAGS                                                               \
    (XF_MIGRATE_LIVE | XF_MIGRATE_UNDEFINE_SOURCE | XF_MIGRATE_PAUSED       \
     | XF_MIGRATE_CHANGE_PROTECTION | XF_MIGRATE_UNSAFE                     \
     | XF_MIGRATE_ABORT_ON_ERROR)

static gboolean
check(const struct xf_migrate_args *args, GError **err)
{
    const char *what = args->dname ? "another name (dname)"
                       : args->bandwidth ? "a bandwidth"
                       : args->flags & XF_MIGRATE_PERSIST_DEST
                             ? "a stored definition (persistent)"
                       : args->flags & ~(guint32)FLAGS ? "one of the flags"
                                                       : NULL;

    if (!what)
        return TRUE;
    g_set_error(err, XF_ERROR, XF_ERROR_ARG_UNSUPPORTED,
                "direct migration: %s cannot be had of a host that has only "
                "xl (flags 0x%x); leave it out", what, args->flags);
    return FALSE;
}

gboolean
xf_direct_move(struct xf_conn *conn, const struct xf_domain_ref *dom,
               const struct xf_migrate_args *args, GError **err)
{
    XF_AUTO(xf_xl_host) *host = xf_xl_uri_parse(args->uri, err);
    struct direct direct = {
        .conn = conn,
        .config = xf_engine_config_of(xf_engine_of(conn)),
        .host = host,
    };

    if (!host || !check(args, err))
        return FALSE;
    direct.base.ops = &ops;
    direct.base.kind = "xl";
    direct.base.host = host->host;

    gboolean ok = xf_engine_send_foreign(conn, dom, args, &direct.base, err);

    xf_xl_child_end(direct.child);
    return ok;
}
