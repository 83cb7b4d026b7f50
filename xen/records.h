/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records in xenstore: the table of protocol/store.h over libxenstore.
 *
 *   <root>/<nn>/<token>/<field>       a value of up to 2 KiB
 *   <root>/<nn>/<token>/<field>_/<i>  a larger one, in pieces from 0 on; what
 *                                     counts is <field> when both are there
 *
 * <nn> is the end of the token: oxenstored cannot list a node whose children's
 * names come to more than 4096 bytes, which is some 120 tokens.
 *
 * Nodes are dom0's and nobody else may read them.  A write is one
 * transaction, done over when another one got in its way; a reader sees all
 * of it or nothing.  When the connection to xenstored has died, it is opened
 * anew and the call tried once more.
 *
 * A record has one writer at a time: a write sends only what differs from
 * the writes before it on the same connection, or all that it is given when
 * one of those is not there any more.
 *
 * What is here lives as long as xenstored does: it survives this process,
 * not a reboot.
 */
#ifndef XF_XEN_RECORDS_H
#define XF_XEN_RECORDS_H

#include "protocol/store.h"

/* `root` is an absolute path, e.g. "/tool/xenferry/handoff"; it is made when
 * it is not there.  NULL with an error when xenstored does not answer. */
struct xf_store *xf_records_new(const char *root, GError **err);

#endif
