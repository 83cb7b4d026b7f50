/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Peer to peer: the client asks the source alone, and the source's daemon
 * plays the client, with the sequences that every client runs: its own side
 * is the connection that it was asked on, the other one of its own making.
 *
 * Flags and wishes go on as they are, but for the flag that says p2p;
 * tunnelled, the stream goes through that connection, too.  The
 * protocol is the newest that both hosts have.  Nothing is given back to the
 * client but success: its cookie stays empty, since libvirt's clients fail on
 * any other.
 */
#include "config.h"

#include "compat/compat.h"
#include "protocol/fault.h"
#include "protocol/rpc/client.h"
#include "protocol/sequence.h"

#include <string.h>

/* An error does not say where the guest is: the last reply may have been
 * lost.  This host knows: it has destroyed its copy only on a commit. */
static gboolean
has_gone(struct xf_conn *conn, const struct xf_domain_ref *dom)
{
    struct xf_job_info info;
    g_autoptr(GError) err = NULL;
    XF_AUTO(xf_domain_ref) *here =
        conn->driver->lookup_by_uuid(conn, dom->uuid, &err);

    /* what is left may be its definition */
    return (here ? here->id < 0
                 : g_error_matches(err, XF_ERROR, XF_ERROR_NO_DOMAIN))
           && conn->driver->job_info(conn, dom, TRUE, &info, NULL)
           && info.type == XF_JOB_COMPLETED
           && strcmp(info.phase, "confirm") == 0;   /* out, not in */
}

/* Who is behind the sequence, for what it tells. */
struct route {
    const char *name;           /* the domain's */
    const char *to;             /* the destination's connection */
};

/* Nobody but this host knows what was taken: the client hears of success. */
static void
chosen(void *user, const char *protocol)
{
    const struct route *route = user;

    g_message("domain '%s' goes by protocol %s, peer to peer, to %s",
              route->name, protocol, route->to);
}

static gboolean
move(struct xf_conn *conn, const struct xf_domain_ref *dom,
     struct xf_conn *destination, const struct xf_sequence_request *request,
     GError **err)
{
    g_autoptr(GError) why = NULL;

    XF_FAULT("p2p-to-move");

    XF_AUTO(xf_domain_ref) *moved =
        xf_sequence_run(conn, dom, destination, request, &why);

    XF_FAULT("p2p-moved");
    if (moved)
        return TRUE;
    if (!(request->flags & XF_MIGRATE_OFFLINE) && has_gone(conn, dom)) {
        g_message("domain '%s' has moved, though this was told: %s",
                  dom->name, why->message);
        return TRUE;
    }
    g_propagate_error(err, g_steal_pointer(&why));
    return FALSE;
}

/* Who takes a tunnelled stream slowly answers as slowly on that connection:
 * it has as long as on a channel of its own. */
static struct xf_conn *
open_destination(struct xf_conn *conn, const struct xf_migrate_args *args,
                 const char *to, GError **err)
{
    struct xf_remote_config config;
    guint silence =
        xf_engine_config_of(xf_engine_of(conn))->channel.silence_timeout_ms;

    if (XF_FAULT_FAILS("p2p-connect", err))
        return NULL;
    xf_remote_config_init(&config);
    if (args->flags & XF_MIGRATE_TUNNELLED)
        config.keepalive_count =
            MAX(config.keepalive_count,
                silence / config.keepalive_interval_ms);
    return xf_remote_open_config(to, &config, err);
}

gboolean
xf_p2p_move(struct xf_conn *conn, const struct xf_domain_ref *dom,
            const struct xf_migrate_args *args, const char *to,
            const char *uri, GError **err)
{
    struct route route = { .to = to };
    const struct xf_sequence_request request = {
        .flags = args->flags & ~(guint32)XF_MIGRATE_PEER2PEER,
        .dname = args->dname,
        .uri = uri,
        .xml = args->xml,
        .persist_xml = args->persist_xml,
        .bandwidth = args->bandwidth,
        .chosen = chosen,
        .user = &route,
    };
    XF_AUTO(xf_conn) *destination = NULL;
    XF_AUTO(xf_domain_ref) *here = NULL;

    if (!to || !*to) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "peer-to-peer migration of domain '%s': no uri of the "
                    "destination is given", dom->name);
        return FALSE;
    }
    /* One that moved away earlier, to wherever, does not move now. */
    here = conn->driver->lookup_by_uuid(conn, dom->uuid, err);
    if (!here)
        return FALSE;
    if (here->id < 0 && !(args->flags & XF_MIGRATE_OFFLINE)) {
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                    "domain '%s' is not running", here->name);
        return FALSE;
    }
    route.name = here->name;
    destination = open_destination(conn, args, to, err);
    if (!destination) {
        g_prefix_error(err, "peer-to-peer migration of domain '%s': ",
                       dom->name);
        return FALSE;
    }
    /* That may have taken long; nobody waits for it any more. */
    if (xf_conn_gone(conn)) {
        g_set_error(err, XF_ERROR, XF_ERROR_ABORTED,
                    "peer-to-peer migration of domain '%s': its client has "
                    "gone", dom->name);
        return FALSE;
    }
    return move(conn, dom, destination, &request, err);
}
