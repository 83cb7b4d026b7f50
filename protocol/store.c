/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every store checks, and the store in memory. */
#include "config.h"

#include <string.h>

#include "protocol/store.h"

static gboolean
name_valid(const char *name)
{
    return *name && strlen(name) <= XF_STORE_NAME_MAX &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

gboolean
xf_store_check(const char *token, GHashTable *fields, GError **err)
{
    GHashTableIter iter;
    gpointer name, value;

    if (!name_valid(token)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "record name '%s' is not of the form [a-z0-9-]{1,%d}",
                    token, XF_STORE_NAME_MAX);
        return FALSE;
    }
    if (!fields)
        return TRUE;
    g_hash_table_iter_init(&iter, fields);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        if (!name_valid(name)) {
            g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                        "record %s: field name '%s' is not of the form "
                        "[a-z0-9-]{1,%d}", token, (char *)name,
                        XF_STORE_NAME_MAX);
            return FALSE;
        }
        if (value && g_bytes_get_size(value) > XF_STORE_VALUE_MAX) {
            g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                        "record %s: field %s has %" G_GSIZE_FORMAT
                        " bytes, more than %d", token, (char *)name,
                        g_bytes_get_size(value), XF_STORE_VALUE_MAX);
            return FALSE;
        }
    }
    return TRUE;
}

GHashTable *
xf_store_fields_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                 (GDestroyNotify)g_bytes_unref);
}

void
xf_store_no_record(const char *token, GError **err)
{
    g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_INVALID,
                "there is no record of a handoff %s", token);
}

/* -- in memory --------------------------------------------------------------- */

struct memory {
    struct xf_store base;
    GMutex lock;
    GHashTable *records;        /* token -> fields */
};

static gboolean
memory_write(struct xf_store *store, const char *token, GHashTable *fields,
             GError **err)
{
    struct memory *m = (struct memory *)store;
    GHashTableIter iter;
    gpointer name, value;

    if (!xf_store_check(token, fields, err))
        return FALSE;
    g_mutex_lock(&m->lock);

    GHashTable *record = g_hash_table_lookup(m->records, token);

    if (!record) {
        record = xf_store_fields_new();
        g_hash_table_insert(m->records, g_strdup(token), record);
    }
    g_hash_table_iter_init(&iter, fields);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        if (value)
            g_hash_table_replace(record, g_strdup(name), g_bytes_ref(value));
        else
            g_hash_table_remove(record, name);
    }
    g_mutex_unlock(&m->lock);
    return TRUE;
}

static GHashTable *
memory_read(struct xf_store *store, const char *token, GError **err)
{
    struct memory *m = (struct memory *)store;
    GHashTable *copy = NULL;
    GHashTableIter iter;
    gpointer name, value;

    if (!xf_store_check(token, NULL, err))
        return NULL;
    g_mutex_lock(&m->lock);

    GHashTable *record = g_hash_table_lookup(m->records, token);

    if (record) {
        copy = xf_store_fields_new();
        g_hash_table_iter_init(&iter, record);
        while (g_hash_table_iter_next(&iter, &name, &value))
            g_hash_table_insert(copy, g_strdup(name), g_bytes_ref(value));
    } else {
        xf_store_no_record(token, err);
    }
    g_mutex_unlock(&m->lock);
    return copy;
}

static char **
memory_list(struct xf_store *store, GError **err)
{
    struct memory *m = (struct memory *)store;
    GPtrArray *tokens = g_ptr_array_new();
    GHashTableIter iter;
    gpointer token;

    g_mutex_lock(&m->lock);
    g_hash_table_iter_init(&iter, m->records);
    while (g_hash_table_iter_next(&iter, &token, NULL))
        g_ptr_array_add(tokens, g_strdup(token));
    g_mutex_unlock(&m->lock);
    g_ptr_array_add(tokens, NULL);
    return (char **)g_ptr_array_free(tokens, FALSE);
}

static gboolean
memory_remove(struct xf_store *store, const char *token, GError **err)
{
    struct memory *m = (struct memory *)store;

    if (!xf_store_check(token, NULL, err))
        return FALSE;
    g_mutex_lock(&m->lock);
    g_hash_table_remove(m->records, token);
    g_mutex_unlock(&m->lock);
    return TRUE;
}

static void
memory_free(struct xf_store *store)
{
    struct memory *m = (struct memory *)store;

    g_hash_table_unref(m->records);
    g_mutex_clear(&m->lock);
    g_free(m);
}

static const struct xf_store_ops memory_ops = {
    .write = memory_write,
    .read = memory_read,
    .list = memory_list,
    .remove = memory_remove,
    .free = memory_free,
};

struct xf_store *
xf_store_memory_new(void)
{
    struct memory *m = g_new0(struct memory, 1);

    m->base.ops = &memory_ops;
    g_mutex_init(&m->lock);
    m->records = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                       (GDestroyNotify)g_hash_table_unref);
    return &m->base;
}
