/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/unit/decisions-world.h"
#include "tests/unit/common.h"

#include <glib/gstdio.h>
#include <string.h>

char *log_dir, *log_file;
struct xf_decisions *the_log;

void
log_open_again(void)
{
    g_autoptr(GError) err = NULL;

    xf_decisions_close(the_log);
    the_log = xf_decisions_open(log_dir, &err);
    ck_assert_msg(the_log != NULL, "%s", err ? err->message : "");
}

void
log_set_up(void)
{
    g_autofree char *base = g_dir_make_tmp("xenferry-log-XXXXXX", NULL);

    ck_assert_ptr_nonnull(base);
    log_dir = g_build_filename(base, "state", NULL);
    log_file = g_build_filename(log_dir, "decisions", NULL);
    the_log = NULL;
    log_open_again();
}

void
log_tear_down(void)
{
    static const char *const names[] = { "decisions", "decisions.new",
                                         "lock" };
    g_autofree char *base = g_path_get_dirname(log_dir);

    xf_decisions_close(the_log);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(log_dir, names[i], NULL);

        g_unlink(path);
    }
    g_rmdir(log_dir);
    g_rmdir(base);
    g_free(log_file);
    g_free(log_dir);
}

struct xf_decision
log_decision(enum xf_decision_kind kind, guint number)
{
    struct xf_decision d = {
        .kind = kind,
        .time = 1700000000000000 + number,
        .domid = (int)number,
        .paused = number % 2,
        .peer_host = (char *)"peer.example",
        .peer_port = 49217,
        .name = (char *)"a guest, 100% \"new\"",
    };

    g_snprintf(d.token, sizeof(d.token), "%032x", number);
    memcpy(d.uuid, &number, sizeof(number));
    memset(d.key, 0xa0 + number, XF_KEY_LEN);
    if (kind != XF_DECISION_COMMITTED) {
        memset(d.peer_log_key, 0x50 + number, XF_KEY_LEN);
        if (number % 2)
            d.peer_log = (char *)"0123456789abcdef0123456789abcdef";
    }
    return d;
}

gboolean
log_add(enum xf_decision_kind kind, guint number, GError **err)
{
    struct xf_decision d = log_decision(kind, number);

    return xf_decisions_add(the_log, &d, err);
}

void
log_must_add(enum xf_decision_kind kind, guint number)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(log_add(kind, number, &err), "%s", err ? err->message : "");
}

void
log_must_have(enum xf_decision_kind kind, guint number)
{
    struct xf_decision want = log_decision(kind, number);
    XF_AUTO(xf_decision) *d = xf_decisions_find(the_log, want.token);

    ck_assert_msg(d != NULL, "decision %u is gone", number);
    ck_assert_int_eq(d->kind, want.kind);
    ck_assert_str_eq(d->token, want.token);
    ck_assert_mem_eq(d->uuid, want.uuid, XF_UUID_LEN);
    ck_assert_mem_eq(d->key, want.key, XF_KEY_LEN);
    ck_assert_int_eq(d->time, want.time);
    ck_assert_int_eq(d->domid, want.domid);
    ck_assert_int_eq(d->paused, want.paused);
    ck_assert_str_eq(d->peer_host, want.peer_host);
    ck_assert_uint_eq(d->peer_port, want.peer_port);
    ck_assert_str_eq(d->name, want.name);
    ck_assert_pstr_eq(d->peer_log, want.peer_log);
    ck_assert_mem_eq(d->peer_log_key, want.peer_log_key, XF_KEY_LEN);
}

gboolean
log_has(guint number)
{
    struct xf_decision want = log_decision(XF_DECISION_COMMITTED, number);
    XF_AUTO(xf_decision) *d = xf_decisions_find(the_log, want.token);

    return d != NULL;
}

void
log_acknowledge(guint number)
{
    struct xf_decision d = log_decision(XF_DECISION_COMMITTED, number);

    ck_assert(xf_decisions_acknowledge(the_log, d.token, NULL));
}

char *
log_contents(gsize *len)
{
    char *text;

    ck_assert(g_file_get_contents(log_file, &text, len, NULL));
    return text;
}
