/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where definitions of domains are kept: a table, so that the set of stored
 * domains (defined.h) does not know that they are files.
 *
 * A definition is a domain's XML under the domain's uuid, with marks beside
 * it: short texts that are there or not.  Besides, definitions wait under a
 * handoff's token: they are for a domain that is on its way in, and become
 * the domain's when that has been committed.
 *
 * What a call has reported as done is on disk.  After a failure a restart
 * may find either; nothing is ever found half written.  All calls block for
 * as long as the disk does; one at a time.
 */
#ifndef XF_PROTOCOL_DOMAIN_STORE_H
#define XF_PROTOCOL_DOMAIN_STORE_H

#include "protocol/error.h"
#include "protocol/types.h"

#define XF_DEFINITION_MAX (1024 * 1024)

enum xf_domain_mark {
    XF_MARK_AUTOSTART,          /* text: empty */
    XF_MARK_AWAY,               /* given away; text: where and when */
    XF_MARK_LAST
};

/* As read back. */
struct xf_domain_entry {
    guint8 uuid[XF_UUID_LEN];
    char *xml;
    char *marks[XF_MARK_LAST];  /* NULL: not there */
};

void xf_domain_entry_free(struct xf_domain_entry *entry);
XF_DEFINE_AUTO(xf_domain_entry, xf_domain_entry_free);

struct xf_domain_store;

struct xf_domain_store_ops {
    /* All definitions, struct xf_domain_entry *, in an array that frees
     * them.  One that cannot be read is logged, left out, and left where it
     * is.  Fails when there is no looking at all. */
    GPtrArray *(*load)(struct xf_domain_store *store, GError **err);
    /* In place of what was there; marks stay. */
    gboolean (*write)(struct xf_domain_store *store, const guint8 *uuid,
                      const char *xml, GError **err);
    /* The definition first, then its marks.  Success when it is not there. */
    gboolean (*remove)(struct xf_domain_store *store, const guint8 *uuid,
                       GError **err);
    /* text NULL: takes the mark away. */
    gboolean (*mark)(struct xf_domain_store *store, const guint8 *uuid,
                     enum xf_domain_mark mark, const char *text,
                     GError **err);

    /* What waits under a token. */
    gboolean (*prepare)(struct xf_domain_store *store, const char *token,
                        const char *xml, GError **err);
    /* NULL-terminated array of tokens, possibly empty. */
    char **(*prepared)(struct xf_domain_store *store, GError **err);
    /* *xml is NULL when nothing waits there, which is success. */
    gboolean (*read_prepared)(struct xf_domain_store *store,
                              const char *token, char **xml, GError **err);
    /* It is the definition of that domain from now on.  Success when nothing
     * waits there (any more). */
    gboolean (*promote)(struct xf_domain_store *store, const char *token,
                        const guint8 *uuid, GError **err);
    gboolean (*drop)(struct xf_domain_store *store, const char *token,
                     GError **err);
    void (*free)(struct xf_domain_store *store);
};

struct xf_domain_store {
    const struct xf_domain_store_ops *ops;
};

/*
 * Files in `dir`, which is made if need be (0700): UUID.xml, UUID.autostart
 * and UUID.away, TOKEN.incoming.  Names are made of uuids and tokens alone:
 * what a domain is called cannot lead anywhere.  Each is written beside
 * (.new), synced, and renamed.  Other files are left alone.
 */
struct xf_domain_store *xf_domain_files_new(const char *dir, GError **err);

#endif
