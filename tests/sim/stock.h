/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stand-in for a stock libvirtd with its Xen driver, over a simulated host:
 * what it offers, what it refuses, the cookie it gives, the bare stream, and
 * its rule that the client decides.  As the source it keeps a domain from
 * being migrated again between Begin and Confirm, and resumes it on
 * Confirm(cancelled) only.
 */
#ifndef XF_TESTS_SIM_STOCK_H
#define XF_TESTS_SIM_STOCK_H

#include "protocol/driver.h"
#include "protocol/hypervisor.h"

struct stock;

/* Borrows hv, which others may use as well. */
struct stock *stock_new(struct xf_hypervisor *hv, const char *hostname);
/* All connections must have been closed. */
void stock_free(struct stock *stock);
struct xf_conn *stock_open(struct stock *stock);

/* As source, what its cookie says; NULL: there is no such element. */
void stock_set_hostname(struct stock *stock, const char *hostname);
/* So many answers to Finish are lost: it acts, and the caller hears of a
 * broken connection. */
void stock_lose_finish(struct stock *stock, int count);
/* As destination: does not close a stream that it has read. */
void stock_keep_open(struct stock *stock, gboolean keep);
/* As source: has its Perform connect from that local address; NULL: any. */
void stock_connect_from(struct stock *stock, const char *address);

#endif
