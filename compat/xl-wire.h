/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What "xl migrate" and "xl migrate-receive" say to each other, over a byte
 * stream each way that somebody else (ssh) carries.  Observed of Xen 4.17; S
 * sends the domain, R receives it:
 *
 *   R  banner                             no NUL
 *   S  header, configuration, libxl's stream
 *   R  ready                              NUL; the domain is here, paused
 *   S  go                                 NUL; R may let it run
 *   R  report, one byte                   NUL; 0: it runs.  Otherwise R has
 *                                         failed, destroys its copy, and says
 *   R  go                                 NUL; "have it back"
 *
 * S that hears nothing where ready should come keeps its domain; R that hears
 * no go destroys its copy and says so by a report and go.  There are neither
 * lengths nor version nor keepalive; a message that is not exactly as it is
 * here is none.
 *
 * The header, 48 bytes, is that of xl's saved domains: magic[32], then four
 * u32 in the host's byte order: 0x01020304; flags that must be known; flags
 * that need not; the length of what follows before the stream: a u32 length
 * and the configuration, JSON (whose NUL is counted) or text of xl.cfg(5).
 *
 * All functions block, any thread; fds may be pipes or sockets.  Not one byte
 * more than asked for is read.
 */
#ifndef XF_COMPAT_XL_WIRE_H
#define XF_COMPAT_XL_WIRE_H

#include "protocol/foreign.h"

#define XF_XL_HEADER_LEN 48
#define XF_XL_CONFIG_MAX (1024 * 1024)  /* xl's are some KiB */

enum xf_xl_message {
    XF_XL_BANNER,
    XF_XL_READY,
    XF_XL_GO,
    XF_XL_REPORT,
    XF_XL_MESSAGES
};

/* How long to wait; `stop` may be NULL. */
struct xf_xl_wait {
    guint timeout_ms;
    const struct xf_foreign_stop *stop;
};

/* Errors: XF_ERROR_SYSTEM. */
gboolean xf_xl_write(int fd, const void *data, gsize len, GError **err);
gboolean xf_xl_say(int fd, enum xf_xl_message message, GError **err);

/* Errors: XF_ERROR_NO_CONNECT end of file, XF_ERROR_TIMEOUT, XF_ERROR_ABORTED
 * stop; SYSTEM. */
gboolean xf_xl_read(int fd, void *data, gsize len,
                    const struct xf_xl_wait *wait, GError **err);
/* XF_ERROR_RPC: something else came. */
gboolean xf_xl_hear(int fd, enum xf_xl_message message,
                    const struct xf_xl_wait *wait, GError **err);

/* The header and all that comes before the stream. */
gboolean xf_xl_send_config(int fd, const char *json, GError **err);
/* Reads it: the configuration as text, its form as driver.h calls it.  What
 * is too long, unknown or torn is XF_ERROR_RPC; a stream of Xen 4.5 or older
 * XF_ERROR_UNSUPPORTED. */
char *xf_xl_read_config(int fd, const struct xf_xl_wait *wait,
                        const char **format, GError **err);

#endif
