/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of libxl's messages.  A real libxl context is made without
 * Xen: xen/offline.c answers for the hypervisor and for xenstored.
 */
#include "config.h"

#include <string.h>
#include <xentoollog.h>

#include "tests/unit/common.h"
#include "xen/context.h"

static struct xf_context *
context_new(void)
{
    g_autoptr(GError) err = NULL;
    struct xf_context *context = xf_context_new(&err);

    ck_assert_msg(context != NULL, "%s", err ? err->message : "no error");
    return context;
}

/* As libxl does it: the logger that the context was made with. */
static void
log_error(struct xf_context *context, int errnum, const char *text)
{
    xtl_log((xentoollog_logger *)context->log, XTL_ERROR, errnum, "libxl",
            "%s", text);
}

static char *
error_text(struct xf_context *context, int rc, int *code)
{
    g_autoptr(GError) err = NULL;

    xf_context_error(context, &err, XF_ERROR_OPERATION_FAILED, rc, "it %s",
                     "broke");
    ck_assert_ptr_nonnull(err);
    ck_assert(err->domain == XF_ERROR);
    *code = err->code;
    return g_strdup(err->message);
}

START_TEST(readable)
{
    static const struct {
        const char *message, *want;
    } rows[] = {
        { "libxl_create.c:662:libxl__domain_make:Domain 12:cannot make",
          "cannot make" },
        { "libxl_dom_save.c:1:f: text: more", "text: more" },
        { "Domain 3:device model", "device model" },
        { "Domain name is bad", "Domain name is bad" },
        { "Save failed (9 = Bad): Internal error", "Save failed (9 = Bad)" },
        { "plain", "plain" },
        { "a.c:7:unfinished", "a.c:7:unfinished" },
        { "", "" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = xf_context_readable(rows[i].message);

        ck_assert_str_eq(got, rows[i].want);
    }
}
END_TEST

START_TEST(error_has_the_last_lines)
{
    XF_AUTO(xf_context) *context = context_new();
    int code;

    for (int i = 0; i < 6; i++) {
        g_autofree char *line = g_strdup_printf("x.c:1:f:Domain 1:line %d", i);

        log_error(context, i == 5 ? ENOENT : -1, line);
    }
    log_error(context, -1, "line 3");       /* again: it counts as newest */
    ck_assert(xf_context_logged(context, "line 4"));
    ck_assert(!xf_context_logged(context, "line 0"));

    g_autofree char *text = error_text(context, ERROR_FAIL, &code);
    g_autofree char *again = error_text(context, ERROR_FAIL, &code);

    ck_assert_str_eq(text, "it broke: line 2; line 4; line 5: No such file or "
                           "directory; line 3");
    ck_assert_int_eq(code, XF_ERROR_OPERATION_FAILED);
    /* each is told once */
    ck_assert_ptr_null(strstr(again, "line"));
}
END_TEST

START_TEST(misleading_line_is_left_out)
{
    static const char late[] =
        "saving domain: domain did not respond to suspend request";
    XF_AUTO(xf_context) *context = context_new();
    int code;

    log_error(context, -1, "Failed to enable logdirty: 95,22,0");
    log_error(context, -1, late);

    g_autofree char *text = error_text(context, ERROR_GUEST_TIMEDOUT, &code);

    ck_assert_str_eq(text, "it broke: Failed to enable logdirty: 95,22,0");
    log_error(context, -1, late);

    g_autofree char *alone = error_text(context, ERROR_GUEST_TIMEDOUT, &code);

    ck_assert_ptr_nonnull(strstr(alone, late));
}
END_TEST

START_TEST(codes_that_rc_decides)
{
    XF_AUTO(xf_context) *context = context_new();
    int code;

    g_autofree char *gone = error_text(context, ERROR_DOMAIN_NOTFOUND, &code);

    ck_assert_int_eq(code, XF_ERROR_NO_DOMAIN);
    ck_assert_ptr_nonnull(strstr(gone, "it broke: "));
    log_error(context, EBADF, "Failed to write page data to stream");

    g_autofree char *aborted = error_text(context, ERROR_ABORTED, &code);

    ck_assert_int_eq(code, XF_ERROR_ABORTED);
    ck_assert_ptr_null(strstr(aborted, "page data"));
}
END_TEST

struct seen {
    char what[64];
    guint64 done, total;
    int calls;
};

static void
see(void *user, const char *what, guint64 done, guint64 total)
{
    struct seen *seen = user;

    g_strlcpy(seen->what, what, sizeof(seen->what));
    seen->done = done;
    seen->total = total;
    seen->calls++;
}

START_TEST(progress_is_passed_on)
{
    XF_AUTO(xf_context) *context = context_new();
    struct seen seen = { .calls = 0 };
    struct xf_context_progress progress = { see, &seen };
    xentoollog_logger *logger = (xentoollog_logger *)context->log;

    xf_context_set_progress(context, &progress);
    xtl_progress(logger, "xc", "Frames iteration 1", 512, 2048);
    ck_assert_int_eq(seen.calls, 1);
    ck_assert_str_eq(seen.what, "Frames iteration 1");
    ck_assert_uint_eq(seen.done, 512);
    ck_assert_uint_eq(seen.total, 2048);
    xf_context_set_progress(context, NULL);
    xtl_progress(logger, "xc", "Frames iteration 1", 1024, 2048);
    ck_assert_int_eq(seen.calls, 1);
}
END_TEST

START_TEST(restore_is_noticed)
{
    XF_AUTO(xf_context) *context = context_new();
    xentoollog_logger *logger = (xentoollog_logger *)context->log;

    ck_assert(!xf_context_restoring(context));
    xtl_log(logger, XTL_INFO, -1, "xc", "Restoring domain");
    ck_assert(xf_context_restoring(context));
    xtl_log(logger, XTL_INFO, -1, "xc", "Restore successful");
    ck_assert(!xf_context_restoring(context));
}
END_TEST

START_TEST(pool_lends_one_to_each)
{
    struct xf_context_pool *pool = xf_context_pool_new();
    struct xf_context *a = xf_context_get(pool, NULL);
    struct xf_context *b = xf_context_get(pool, NULL);

    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_ptr_ne(a, b);
    log_error(a, -1, "of the last operation");
    xf_context_put(pool, a);
    ck_assert_ptr_eq(xf_context_get(pool, NULL), a);
    ck_assert(!xf_context_logged(a, "last operation"));
    xf_context_put(pool, a);
    xf_context_put(pool, b);
    xf_context_pool_free(pool);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        readable,
        error_has_the_last_lines,
        misleading_line_is_left_out,
        codes_that_rc_decides,
        progress_is_passed_on,
        restore_is_noticed,
        pool_lends_one_to_each,
        NULL
    };

    return xf_unit_main("context", tests);
}
