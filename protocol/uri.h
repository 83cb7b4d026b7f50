/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Migration uris: where a domain's stream goes, "tcp://HOST[:PORT]".
 * HOST is a name, an IPv4 address or a bracketed IPv6 address.
 */
#ifndef XF_PROTOCOL_URI_H
#define XF_PROTOCOL_URI_H

#include "protocol/error.h"

/* port 0: none given.  A missing "tcp://" is tolerated, as libvirt does. */
gboolean xf_migrate_uri_parse(const char *uri, char **host, guint16 *port,
                              GError **err);
char *xf_migrate_uri_format(const char *host, guint16 port);

/* A uri of the same place in Perform can name a host that has only the
 * hypervisor's own tool, and no daemon: direct migration.  NULL does not. */
#define XF_DIRECT_SCHEME "xl+ssh"
gboolean xf_migrate_uri_is_direct(const char *uri);

#endif
