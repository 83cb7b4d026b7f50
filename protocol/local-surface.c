/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver over this host, continued: what the host can do, domains in
 * files, how fast they may leave. */
#include "config.h"

#include "protocol/engine-private.h"

char *
xf_local_capabilities(struct xf_conn *conn, GError **err)
{
    struct xf_hypervisor *hv = xf_engine_of(conn)->hv;

    return hv->ops->capabilities(hv, err);
}

char *
xf_local_domain_capabilities(struct xf_conn *conn, const char *machine,
                             const char *arch, GError **err)
{
    struct xf_hypervisor *hv = xf_engine_of(conn)->hv;

    return hv->ops->domain_capabilities(hv, machine, arch, err);
}

guint
xf_local_max_vcpus(struct xf_conn *conn, GError **err)
{
    struct xf_hypervisor *hv = xf_engine_of(conn)->hv;

    return hv->ops->max_vcpus(hv, err);
}

/* Tools that go over all domains ask for this one's, too.  It has no
 * configuration; and nothing may be tried with what it has. */
char *
xf_local_host_xml(const struct xf_hv_domain *info, guint flags, GError **err)
{
    const char *machine = info->type == XF_GUEST_PVH ? "xenpvh" : "xenpv";
    char uuid[XF_UUID_STRING_LEN + 1];

    if (flags & XF_XML_MIGRATABLE) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' is the host itself and cannot be migrated",
                    info->name);
        return NULL;
    }
    return g_markup_printf_escaped(
        "<domain type='xen' id='0'>\n"
        "  <name>%s</name>\n"
        "  <uuid>%s</uuid>\n"
        "  <memory unit='KiB'>%" G_GUINT64_FORMAT "</memory>\n"
        "  <currentMemory unit='KiB'>%" G_GUINT64_FORMAT "</currentMemory>\n"
        "  <vcpu>%u</vcpu>\n"
        "  <os>\n"
        "    <type arch='x86_64' machine='%s'>%s</type>\n"
        "  </os>\n"
        "</domain>\n",
        info->name, xf_uuid_format(info->uuid, uuid), info->max_memory_kib,
        info->memory_kib, info->vcpus, machine,
        info->type == XF_GUEST_PVH ? "xenpvh" : "linux");
}

/* -- files, speeds -- */

gboolean
xf_local_save(struct xf_conn *conn, const struct xf_domain_ref *dom,
              const char *path, guint flags, GError **err)
{
    return xf_engine_save(xf_engine_of(conn), dom, path, flags, err);
}

gboolean
xf_local_restore(struct xf_conn *conn, const char *path, guint flags,
                 GError **err)
{
    return xf_engine_restore(xf_engine_of(conn), path, flags, err);
}

gboolean
xf_local_set_speed(struct xf_conn *conn, const struct xf_domain_ref *dom,
                   guint64 speed, GError **err)
{
    struct xf_engine *engine = xf_engine_of(conn);
    struct xf_hv_domain domain;

    return xf_engine_domain(engine, dom->uuid, &domain, err)
           && xf_engine_set_speed(engine, dom->uuid, speed, err);
}

gboolean
xf_local_get_speed(struct xf_conn *conn, const struct xf_domain_ref *dom,
                   guint64 *speed, GError **err)
{
    struct xf_engine *engine = xf_engine_of(conn);
    struct xf_hv_domain domain;

    if (!xf_engine_domain(engine, dom->uuid, &domain, err))
        return FALSE;
    *speed = xf_engine_speed(engine, dom->uuid);
    return TRUE;
}
