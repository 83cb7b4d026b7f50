/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a packet to its reply, by the table; any thread. */
#include "config.h"

#include "protocol/rpc/procs.h"

#include <string.h>

static const struct xf_rpc_proc *
find_number(const struct xf_rpc_proc_table *table, int number)
{
    for (gsize i = 0; i < table->count; i++)
        if (table->rows[i].number == number)
            return &table->rows[i];
    return NULL;
}

const struct xf_rpc_proc *
xf_rpc_find_proc(const struct xf_rpc_header *header, GError **err)
{
    static const struct {
        guint32 prog;
        const struct xf_rpc_proc_table *table;
    } tables[] = {
        { XFW_PROGRAM, &xf_rpc_host_procs },
        { XFW_PROGRAM, &xf_rpc_domain_procs },
        { XFW_PROGRAM, &xf_rpc_defined_procs },
        { XFW_PROGRAM, &xf_rpc_event_procs },
        { XFW_PROGRAM, &xf_rpc_job_procs },
        { XFW_PROGRAM, &xf_rpc_memory_procs },
        { XFW_PROGRAM, &xf_rpc_migrate_procs },
        { XFW_ADMIN_PROGRAM, &xf_rpc_admin_procs },
    };

    if ((header->prog != XFW_PROGRAM && header->prog != XFW_ADMIN_PROGRAM)
        || header->vers != XFW_VERSION) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "unknown program 0x%x version %u", header->prog,
                    header->vers);
        return NULL;
    }
    if (header->type != XFW_CALL) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "calls with file descriptors are not served");
        return NULL;
    }
    if (header->status != XFW_OK) {
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "a call must have status 0, not %u", header->status);
        return NULL;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(tables); i++) {
        const struct xf_rpc_proc *proc =
            tables[i].prog == header->prog
                ? find_number(tables[i].table, header->proc)
                : NULL;

        if (proc)
            return proc;
    }
    /* libvirt's clients look for these two words */
    g_set_error(err, XF_ERROR, XF_ERROR_RPC, "unknown procedure: %d",
                header->proc);
    return NULL;
}

gboolean
xf_rpc_check_open(struct xf_rpc_call *call, GError **err)
{
    if (call->conn)
        return TRUE;
    call->failed_in = XFW_FROM_RPC;
    g_set_error_literal(err, XF_ERROR, XF_ERROR_INTERNAL,
                        "internal error: hypervisor connection not open");
    return FALSE;
}

/* May this call be made at all, here and now? */
static gboolean
check_call(const struct xf_rpc_proc *proc, struct xf_rpc_call *call,
           GError **err)
{
    if (!(proc->flags & XF_RPC_BEFORE_OPEN) && !xf_rpc_check_open(call, err))
        return FALSE;
    if (call->read_only && proc->flags & XF_RPC_WRITES) {
        g_set_error(err, XF_ERROR, XF_ERROR_DENIED,
                    "%s is refused: the connection is read-only", proc->name);
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_entry(const struct xf_rpc_proc *proc, struct xf_rpc_call *call,
            GError **err)
{
    if (proc->protocols && !(proc->protocols & call->protocols)) {
        g_set_error(err, XF_ERROR, XF_ERROR_NO_SUPPORT,
                    "this function is not supported: %s: this daemon's "
                    "configuration does not offer its protocol", proc->name);
        return FALSE;
    }
    if (!proc->entry ||
        G_STRUCT_MEMBER(gpointer, call->conn->driver, proc->entry))
        return TRUE;
    return xf_driver_lacks(call->conn, proc->name, err);
}

/* Who found the error, in libvirt's numbers. */
static enum xfw_error_domain
handler_error_domain(const struct xf_rpc_call *call, const GError *why)
{
    if (call->failed_in)
        return call->failed_in;
    if (g_error_matches(why, XF_ERROR, XF_ERROR_NO_SUPPORT))
        return XFW_FROM_DOMAIN;
    return XFW_FROM_LIBXL;
}

static GBytes *
reply_error(const struct xf_rpc_header *header, const GError *why,
            enum xfw_error_domain domain)
{
    g_debug("procedure %d, serial %u: %s", header->proc, header->serial,
            why->message);
    return xf_rpc_error_packet(header, why, domain);
}

static GBytes *
reply_result(const struct xf_rpc_proc *proc,
             const struct xf_rpc_header *header, void *ret)
{
    g_autoptr(GError) why = NULL;
    struct xf_rpc_header reply = *header;
    GBytes *packet;

    reply.type = XFW_REPLY;
    reply.status = XFW_OK;
    packet = xf_rpc_packet_new(&reply, proc->ret_filter, ret, &why);
    return packet ? packet : reply_error(header, why, XFW_FROM_RPC);
}

static GBytes *
run_handler(const struct xf_rpc_proc *proc, struct xf_rpc_call *call,
            const struct xf_rpc_header *header, void *args)
{
    g_autofree void *ret = g_malloc0(MAX(proc->ret_size, 1));
    g_autoptr(GError) why = NULL;
    GBytes *reply;

    if (proc->handler(call, args, ret, &why)) {
        reply = reply_result(proc, header, ret);
    } else {
        if (!why)
            g_set_error(&why, XF_ERROR, XF_ERROR_INTERNAL,
                        "%s failed without saying why", proc->name);
        reply = reply_error(header, why, handler_error_domain(call, why));
    }
    if (proc->ret_filter)
        xdr_free(proc->ret_filter, ret);
    return reply;
}

GBytes *
xf_rpc_dispatch(const struct xf_rpc_proc *proc, struct xf_rpc_call *call,
                const struct xf_rpc_header *header, GBytes *packet)
{
    g_autofree void *args = g_malloc0(MAX(proc->args_size, 1));
    g_autoptr(GError) why = NULL;
    GBytes *reply;

    if (!check_call(proc, call, &why))
        return reply_error(header, why, XFW_FROM_RPC);
    if (!check_entry(proc, call, &why))
        return reply_error(header, why, XFW_FROM_DOMAIN);
    if (!proc->args_filter)
        return run_handler(proc, call, header, NULL);
    if (xf_rpc_body_decode(packet, proc->args_filter, args, &why))
        reply = run_handler(proc, call, header, args);
    else
        reply = reply_error(header, why, XFW_FROM_RPC);
    xdr_free(proc->args_filter, args);
    return reply;
}

/* What libvirt calls the flags that are refused, as virsh spells them; those
 * of migrations have a table of their own, in the engine. */
static const struct {
    const char *what;
    guint flag;
    const char *name;
} refused[] = {
    { "create", 1 << 1, "autodestroy" },
    { "create", 1 << 2, "bypass-cache" },
    { "create", 1 << 3, "force-boot" },
    { "create", 1 << 5, "reset-nvram" },
    { "start", 1 << 1, "autodestroy" },
    { "start", 1 << 2, "bypass-cache" },
    { "start", 1 << 3, "force-boot" },
    { "start", 1 << 5, "reset-nvram" },
    { "destroy", 1 << 0, "graceful" },
    { "shutdown", 1 << 1, "agent" },
    { "shutdown", 1 << 2, "initctl" },
    { "shutdown", 1 << 3, "signal" },
    { "reboot", 1 << 0, "acpi" },
    { "reboot", 1 << 1, "agent" },
    { "reboot", 1 << 2, "initctl" },
    { "reboot", 1 << 3, "signal" },
    { "abort", 1 << 0, "postcopy" },
    { "migration speed", 1 << 0, "postcopy" },
    { "save", 1 << 0, "bypass-cache" },
    { "save", 1 << 3, "reset-nvram" },
    { "restore", 1 << 0, "bypass-cache" },
    { "restore", 1 << 3, "reset-nvram" },
};

gboolean
xf_rpc_check_flags(guint64 flags, guint64 allowed, const char *what,
                   GError **err)
{
    guint64 left = flags & ~allowed;
    g_autoptr(GString) names = g_string_new(NULL);

    if (!left)
        return TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++)
        if (left & refused[i].flag && strcmp(refused[i].what, what) == 0)
            g_string_append_printf(names, "%s%s", names->len ? ", " : ": ",
                                   refused[i].name);
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "%s: unsupported flags (0x%" G_GINT64_MODIFIER "x%s)", what,
                left, names->str);
    return FALSE;
}

struct xf_domain_ref
xf_rpc_borrow_domain(const struct xfw_domain *wire)
{
    struct xf_domain_ref ref = { .name = wire->name, .id = wire->id };

    memcpy(ref.uuid, wire->uuid, sizeof(ref.uuid));
    return ref;
}

gboolean
xf_rpc_give_domain(struct xf_domain_ref *dom, struct xfw_domain *wire)
{
    if (!dom)
        return FALSE;
    wire->name = g_steal_pointer(&dom->name);
    memcpy(wire->uuid, dom->uuid, sizeof(wire->uuid));
    wire->id = dom->id;
    xf_domain_ref_free(dom);
    return TRUE;
}
