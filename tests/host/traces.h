/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a host could leave behind besides domains, records and files:
 * processes other than its daemon and its xenstored, and ports that its
 * daemon or one of those processes listens at.
 *
 * A process is of a host when it has the host's xenstored in its environment,
 * wherever it came from and whoever has adopted it since, or when it is the
 * daemon's child, a dead one that nobody has reaped included.
 */
#ifndef XF_TESTS_HOST_TRACES_H
#define XF_TESTS_HOST_TRACES_H

#include "tests/host/hosts.h"

/* One string each, sorted: "process NAME", "port N"; with NULL at the end. */
GStrv traces_of(const struct host *host);
/* Waits until there are none but those in host->traces. */
void no_traces(struct host *host);

#endif
