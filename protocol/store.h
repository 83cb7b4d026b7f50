/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where records are kept: a table, so that the engine does not know that it
 * is xenstore (xen/records.h) or a test's hash table.
 *
 * A record is a set of fields (name -> bytes) under a handoff's token; it
 * exists from its first write, be that of no field, until it is removed.
 * Tokens and names are [a-z0-9-]+.  A value may be of any size up to 1 MiB and of any
 * content: how it fits the backend is the backend's business.
 *
 * All calls block (shortly) and may be made from any thread.
 */
#ifndef XF_PROTOCOL_STORE_H
#define XF_PROTOCOL_STORE_H

#include "protocol/error.h"

#define XF_STORE_VALUE_MAX (1024 * 1024)
#define XF_STORE_NAME_MAX 64

struct xf_store;

struct xf_store_ops {
    /* Writes all fields (name -> GBytes; a NULL value removes the field)
     * atomically: after success any reader sees all of them, after failure
     * or a crash none.  Other fields of the record stay. */
    gboolean (*write)(struct xf_store *store, const char *token,
                      GHashTable *fields, GError **err);
    /* All fields of a record: char * -> GBytes *, owned by the table; NULL
     * with XF_ERROR_OPERATION_INVALID when there is no such record. */
    GHashTable *(*read)(struct xf_store *store, const char *token,
                        GError **err);
    /* NULL-terminated array of tokens, possibly empty. */
    char **(*list)(struct xf_store *store, GError **err);
    /* Removing what is not there is success. */
    gboolean (*remove)(struct xf_store *store, const char *token,
                       GError **err);
    void (*free)(struct xf_store *store);
};

struct xf_store {
    const struct xf_store_ops *ops;
};

/* A store in this process's memory: it dies with it.  For tests. */
struct xf_store *xf_store_memory_new(void);

/* For those who implement a store.  The check of token, names and sizes
 * (`fields` may be NULL); an empty table for read(); its error when there is
 * no such record. */
gboolean xf_store_check(const char *token, GHashTable *fields, GError **err);
GHashTable *xf_store_fields_new(void);
void xf_store_no_record(const char *token, GError **err);

#endif
