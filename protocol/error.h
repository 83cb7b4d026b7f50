/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors: one GError domain for the whole project.
 *
 * Every function that can fail takes a `GError **` as its last parameter and
 * returns FALSE, NULL or -1.  The deepest failure writes the error; callers
 * may g_prefix_error().  A message says what failed, where (element, line,
 * field, peer) and, where a person can do something about it, what.
 *
 * Each code has one libvirt error number (virErrorNumber); the table in
 * error.c is the only place that knows both.  A code that arrives from a peer
 * and is not in the table becomes XF_ERROR_REMOTE, with its message kept.
 */
#ifndef XF_PROTOCOL_ERROR_H
#define XF_PROTOCOL_ERROR_H

#include <glib.h>

#define XF_ERROR (xf_error_quark())
GQuark xf_error_quark(void);

enum xf_error_code {
    XF_ERROR_INTERNAL,          /* a broken invariant, or nothing better */
    XF_ERROR_NO_SUPPORT,        /* this driver or peer has no such call */
    XF_ERROR_NO_CONNECT,        /* peer not reached, or connection lost */
    XF_ERROR_INVALID_ARG,       /* bad flags, uri, name, parameter value */
    XF_ERROR_OPERATION_FAILED,  /* tried and failed; nothing is in doubt */
    XF_ERROR_XML,               /* domain XML: syntax or content */
    XF_ERROR_DOM_EXIST,         /* name or uuid already there */
    XF_ERROR_DENIED,            /* read-only connection */
    XF_ERROR_SYSTEM,            /* an errno; its text is in the message */
    XF_ERROR_RPC,               /* wire protocol trouble */
    XF_ERROR_NO_DOMAIN,         /* no such domain */
    XF_ERROR_OPERATION_INVALID, /* domain is in the wrong state for this */
    XF_ERROR_CONFIG_UNSUPPORTED,/* XML asks for what cannot be honoured */
    XF_ERROR_TIMEOUT,           /* gave up waiting */
    XF_ERROR_ARG_UNSUPPORTED,   /* unknown migration parameter */
    XF_ERROR_ABORTED,           /* stopped by an abort request */
    XF_ERROR_UNSUPPORTED,       /* this host cannot do that operation */
    XF_ERROR_BUSY,              /* no room: memory, too many handoffs */
    XF_ERROR_FINISH_OK,         /* Finish(cancelled) has undone its side */
    XF_ERROR_IN_DOUBT,          /* source suspended, outcome not known yet */
    XF_ERROR_REMOTE,            /* a libvirt error we have no code for */
    XF_ERROR_LAST
};

/* libvirt's virErrorNumber for a GError (any domain: foreign ones are 1). */
int xf_error_to_libvirt(const GError *err);

/* The code for a virErrorNumber received from a peer; IN_DOUBT travels as
 * 68 plus a marker in the error struct (see rpc), so it never comes out of
 * here. */
enum xf_error_code xf_error_from_libvirt(int number);

/* g_set_error() of XF_ERROR_SYSTEM with ": strerror(errnum)" appended. */
void xf_error_set_errno(GError **err, int errnum, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

#endif
