/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "protocol/rpc/remote.h"
#include "tests/host/fault-client.h"

/* Protocols v1 and v2, as their clients have them: v2 brings the XML, and
 * tells the destination how Perform ended. */
static struct xf_domain_ref *
old_sequence(struct xf_conn *source, const struct xf_domain_ref *dom,
             struct xf_conn *destination, const struct client *client,
             GError **err)
{
    gboolean v2 = client->version == 2;
    g_autofree char *uri = NULL;
    g_autofree char *xml =
        v2 ? source->driver->domain_xml(source, dom, XF_XML_SECURE, err)
           : NULL;
    g_autoptr(GBytes) cookie = NULL;
    struct xf_migrate_args args = {
        .flags = client->flags, .xml = xml, .dname = GUEST,
    };

    if ((v2 && !xml)
        || !(v2 ? destination->driver->prepare2
                : destination->driver->prepare)(destination, &args, &cookie,
                                                &uri, err))
        return NULL;
    args.xml = NULL;
    args.uri = uri;
    args.cookie_in = cookie;
    args.cancelled = !source->driver->perform(source, dom, &args, err);
    if (args.cancelled && !v2)
        return NULL;
    return (v2 ? destination->driver->finish2
               : destination->driver->finish)(destination, &args,
                                              args.cancelled ? NULL : err);
}

static gboolean
old_move(const struct client *client, GError **err)
{
    XF_AUTO(xf_conn) *source = xf_remote_open(client->from->uri, err);
    XF_AUTO(xf_conn) *destination =
        source ? xf_remote_open(client->to->uri, err) : NULL;
    XF_AUTO(xf_domain_ref) *dom =
        destination ? source->driver->lookup_by_name(source, GUEST, err)
                    : NULL;
    XF_AUTO(xf_domain_ref) *moved =
        dom ? old_sequence(source, dom, destination, client, err) : NULL;

    return moved != NULL;
}

/* Perform alone. */
static gboolean
direct_move(const struct client *client, GError **err)
{
    XF_AUTO(xf_conn) *source = xf_remote_open(client->from->uri, err);
    XF_AUTO(xf_domain_ref) *dom =
        source ? source->driver->lookup_by_name(source, GUEST, err) : NULL;
    g_autofree char *uri = g_strdup_printf("xl+ssh://%s/", client->to->name);
    const struct xf_migrate_args args = { .flags = client->flags,
                                          .uri = uri };
    g_autoptr(GBytes) cookie = NULL;

    return dom && source->driver->perform3(source, dom, &args, &cookie, err);
}

/* All is left to the source's daemon; before v3 the one uri there is names
 * the other one. */
static gboolean
p2p_move(const struct client *client, GError **err)
{
    gboolean old = client->version < 3;
    XF_AUTO(xf_conn) *source = xf_remote_open(client->from->uri, err);
    XF_AUTO(xf_domain_ref) *dom =
        source ? source->driver->lookup_by_name(source, GUEST, err) : NULL;
    const struct xf_migrate_args args = {
        .flags = client->flags | XF_MIGRATE_PEER2PEER,
        .uri = old ? client->to->uri : NULL,
        .dconnuri = old ? NULL : client->to->uri,
    };
    g_autoptr(GBytes) cookie = NULL;

    if (!dom)
        return FALSE;
    return old ? source->driver->perform(source, dom, &args, err)
               : source->driver->perform3(source, dom, &args, &cookie, err);
}

gpointer
fault_client_main(gpointer data)
{
    struct client *client = data;

    client->ok = client->p2p ? p2p_move(client, &client->err)
                 : !client->version
                     ? direct_move(client, &client->err)
                 : client->version < 3
                     ? old_move(client, &client->err)
                     : move_flags(client->from, client->to, GUEST,
                                  client->flags, &client->err);
    g_atomic_int_set(&client->ended, TRUE);
    return NULL;
}
