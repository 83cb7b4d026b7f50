/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the server: the procedures, a table with one row each, and the
 * generic dispatcher over it.  The rows stand beside their handlers in
 * procs-*.c.
 */
#ifndef XF_PROTOCOL_RPC_PROCS_H
#define XF_PROTOCOL_RPC_PROCS_H

#include "protocol/driver.h"
#include "protocol/rpc/events.h"
#include "protocol/rpc/message.h"

struct xf_rpc_session;
struct xf_rpc_stream;
struct opened;

/* What a handler knows of the call. */
struct xf_rpc_call {
    struct xf_rpc_session *session;
    struct xf_conn *conn;       /* NULL: not open (only BEFORE_OPEN ones) */
    struct opened *opened;      /* conn's, of session.c */
    gboolean read_only;
    guint protocols;            /* what is offered: enum xf_protocols */
    const struct xf_rpc_header *header;
    struct xf_rpc_stream *stream;   /* that it has opened: begins after its
                                     * reply; NULL: none */
    enum xfw_error_domain failed_in;    /* who found its error; 0: the
                                         * driver */
};

enum xf_rpc_proc_flags {
    XF_RPC_BEFORE_OPEN = 1 << 0,    /* legal without an open connection */
    XF_RPC_INLINE = 1 << 1,         /* runs in the main loop: order matters,
                                     * and it never blocks */
    XF_RPC_SLOW = 1 << 2,           /* may last, since it waits for a guest,
                                     * a device model, a disk or a peer, or
                                     * reads a document: the pool for slow
                                     * calls */
    XF_RPC_WRITES = 1 << 3,         /* refused on read-only connections */
};

struct xf_rpc_proc {
    int number;                 /* enum xfw_proc, xfw_admin_proc */
    const char *name;           /* for errors; libvirt's public name */
    /* Fills in `ret` (zeroed) with memory that xdr_free() may free. */
    gboolean (*handler)(struct xf_rpc_call *call, void *args, void *ret,
                        GError **err);
    xdrproc_t args_filter;      /* NULL: no arguments */
    gsize args_size;
    xdrproc_t ret_filter;       /* NULL: no result */
    gsize ret_size;
    gsize entry;                /* offset in struct xf_driver of the entry
                                 * that must be there; 0: none */
    guint flags;                /* enum xf_rpc_proc_flags */
    guint protocols;            /* enum xf_protocols: at least one of them
                                 * must be offered; 0: always there */
};

#define XF_RPC_ARGS(type) \
    .args_filter = XF_XDR(type), .args_size = sizeof(type)
#define XF_RPC_RET(type) \
    .ret_filter = XF_XDR(type), .ret_size = sizeof(type)
#define XF_RPC_ENTRY(member) \
    .entry = G_STRUCT_OFFSET(struct xf_driver, member)

/* FALSE, with the error that libvirt has for it, when the connection is not
 * open. */
gboolean xf_rpc_check_open(struct xf_rpc_call *call, GError **err);

struct xf_rpc_proc_table {
    const struct xf_rpc_proc *rows;
    gsize count;
};

extern const struct xf_rpc_proc_table xf_rpc_host_procs;
extern const struct xf_rpc_proc_table xf_rpc_domain_procs;
extern const struct xf_rpc_proc_table xf_rpc_defined_procs;
extern const struct xf_rpc_proc_table xf_rpc_event_procs;
extern const struct xf_rpc_proc_table xf_rpc_job_procs;
extern const struct xf_rpc_proc_table xf_rpc_memory_procs;
extern const struct xf_rpc_proc_table xf_rpc_migrate_procs;
/* Of XFW_ADMIN_PROGRAM; the others are of XFW_PROGRAM. */
extern const struct xf_rpc_proc_table xf_rpc_admin_procs;

/* The procedure that a packet calls; NULL with the error to answer. */
const struct xf_rpc_proc *
xf_rpc_find_proc(const struct xf_rpc_header *header, GError **err);

/* Decodes, calls the handler, encodes: always returns a reply. */
GBytes *xf_rpc_dispatch(const struct xf_rpc_proc *proc,
                        struct xf_rpc_call *call,
                        const struct xf_rpc_header *header, GBytes *packet);

/* Sets XF_ERROR_INVALID_ARG when flags has bits outside `allowed`. */
gboolean xf_rpc_check_flags(guint64 flags, guint64 allowed, const char *what,
                            GError **err);

/* The domain of a call's arguments, borrowed. */
struct xf_domain_ref xf_rpc_borrow_domain(const struct xfw_domain *wire);
/* Frees `dom`; FALSE when it is NULL. */
gboolean xf_rpc_give_domain(struct xf_domain_ref *dom,
                            struct xfw_domain *wire);

/* -- session.c: what handlers do to their session -- */

gboolean xf_rpc_session_open(struct xf_rpc_session *session,
                             gboolean read_only, GError **err);
/* From the close call.  The driver connection is closed when the last other
 * call has returned; when there is none, before the reply goes out. */
void xf_rpc_session_close_conn(struct xf_rpc_session *session);
/* The client knows keepalive: begin to ping it. */
void xf_rpc_session_keepalive(struct xf_rpc_session *session);
/* What its client has registered for; the driver is listened to from then on.
 * Borrowed.  NULL: the driver cannot be listened to. */
struct xf_rpc_events *xf_rpc_session_events(struct xf_rpc_call *call,
                                            GError **err);
/* The call opens a stream, which leads to fd; takes it over, also on
 * failure: then the client has gone. */
gboolean xf_rpc_session_stream(struct xf_rpc_call *call, int fd,
                               GError **err);
/* Over a unix socket? */
gboolean xf_rpc_session_is_local(struct xf_rpc_session *session);

#endif
