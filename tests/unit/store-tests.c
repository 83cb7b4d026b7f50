/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "tests/unit/store-tests.h"

#define TOKEN "00112233445566778899aabbccddeeff"

static void
put(GHashTable *fields, const char *name, const char *value)
{
    g_hash_table_replace(fields, g_strdup(name),
                         g_bytes_new(value, strlen(value)));
}

static void
write_ok(struct xf_store *store, const char *token, GHashTable *fields)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(store->ops->write(store, token, fields, &err), "%s",
                  err ? err->message : "no error");
}

static GHashTable *
read_ok(struct xf_store *store, const char *token)
{
    g_autoptr(GError) err = NULL;
    GHashTable *fields = store->ops->read(store, token, &err);

    ck_assert_msg(fields != NULL, "%s", err ? err->message : "no error");
    return fields;
}

static void
assert_value(GHashTable *fields, const char *name, const void *data, gsize n)
{
    g_autoptr(GBytes) want = g_bytes_new(data, n);
    GBytes *got = g_hash_table_lookup(fields, name);

    ck_assert_msg(got != NULL, "no field %s", name);
    ck_assert_msg(g_bytes_equal(got, want), "field %s differs", name);
}

static void
assert_no_record(struct xf_store *store, const char *token)
{
    g_autoptr(GError) err = NULL;

    ck_assert(store->ops->read(store, token, &err) == NULL);
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_OPERATION_INVALID));
    ck_assert_ptr_nonnull(strstr(err->message, token));
}

START_TEST(store_fields)
{
    struct xf_store *store = xf_test_store_open(FALSE);
    g_autoptr(GHashTable) fields = xf_store_fields_new();

    assert_no_record(store, TOKEN);
    put(fields, "state", "prepared");
    put(fields, "dest-name", "a guest");
    put(fields, "empty", "");
    write_ok(store, TOKEN, fields);

    g_autoptr(GHashTable) back = read_ok(store, TOKEN);

    ck_assert_uint_eq(g_hash_table_size(back), 3);
    assert_value(back, "state", "prepared", 8);
    assert_value(back, "dest-name", "a guest", 7);
    assert_value(back, "empty", "", 0);
    store->ops->free(store);
}
END_TEST

START_TEST(store_changes_only_what_is_named)
{
    struct xf_store *store = xf_test_store_open(FALSE);
    g_autoptr(GHashTable) first = xf_store_fields_new();
    g_autoptr(GHashTable) second = g_hash_table_new(g_str_hash, g_str_equal);

    put(first, "kept", "k");
    put(first, "changed", "old");
    put(first, "removed", "r");
    write_ok(store, TOKEN, first);
    g_autoptr(GBytes) new_value = g_bytes_new_static("new", 3);
    g_hash_table_insert(second, (char *)"changed", new_value);
    g_hash_table_insert(second, (char *)"removed", NULL);
    g_hash_table_insert(second, (char *)"never-there", NULL);
    write_ok(store, TOKEN, second);

    g_autoptr(GHashTable) back = read_ok(store, TOKEN);

    ck_assert_uint_eq(g_hash_table_size(back), 2);
    assert_value(back, "kept", "k", 1);
    assert_value(back, "changed", "new", 3);
    store->ops->free(store);
}
END_TEST

START_TEST(store_any_bytes_any_size)
{
    static const gsize sizes[] = { 1, 2047, 2048, 2049, 4096, 4097, 65536,
                                   XF_STORE_VALUE_MAX, 3000, 0 };
    struct xf_store *store = xf_test_store_open(FALSE);

    /* one after the other into the same field: shorter ones leave nothing
     * of a longer one behind */
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree guint8 *data = g_malloc(sizes[i] + 1);
        g_autoptr(GHashTable) fields = xf_store_fields_new();

        for (gsize k = 0; k < sizes[i]; k++)
            data[k] = k * 7 + i + k / 251;
        g_hash_table_insert(fields, g_strdup("blob"),
                            g_bytes_new(data, sizes[i]));
        write_ok(store, TOKEN, fields);

        g_autoptr(GHashTable) back = read_ok(store, TOKEN);

        assert_value(back, "blob", data, sizes[i]);
    }
    store->ops->free(store);
}
END_TEST

START_TEST(store_refuses)
{
    static const char *const bad[] = { "", "Upper", "a/b", "a.b", "a b",
                                       "a_b" };
    struct xf_store *store = xf_test_store_open(FALSE);
    g_autoptr(GHashTable) good = xf_store_fields_new();
    g_autoptr(GHashTable) big = xf_store_fields_new();
    g_autofree char *data = g_malloc0(XF_STORE_VALUE_MAX + 1);
    g_autofree char *longest = g_strnfill(XF_STORE_NAME_MAX + 1, 'a');

    put(good, "state", "begun");
    for (gsize i = 0; i <= G_N_ELEMENTS(bad); i++) {
        const char *name = i < G_N_ELEMENTS(bad) ? bad[i] : longest;
        g_autoptr(GHashTable) fields = xf_store_fields_new();
        g_autoptr(GError) token_err = NULL, field_err = NULL;

        put(fields, name, "x");
        ck_assert(!store->ops->write(store, name, good, &token_err));
        ck_assert(g_error_matches(token_err, XF_ERROR, XF_ERROR_INVALID_ARG));
        ck_assert(!store->ops->write(store, TOKEN, fields, &field_err));
        ck_assert(g_error_matches(field_err, XF_ERROR, XF_ERROR_INVALID_ARG));
    }

    g_autoptr(GError) err = NULL;

    g_hash_table_insert(big, g_strdup("blob"),
                        g_bytes_new(data, XF_STORE_VALUE_MAX + 1));
    put(big, "state", "begun");
    ck_assert(!store->ops->write(store, TOKEN, big, &err));
    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_INVALID_ARG));
    assert_no_record(store, TOKEN);
    store->ops->free(store);
}
END_TEST

START_TEST(store_list_and_remove)
{
    struct xf_store *store = xf_test_store_open(FALSE);
    g_autoptr(GHashTable) fields = xf_store_fields_new();
    g_autoptr(GError) err = NULL;

    put(fields, "state", "begun");
    /* more tokens than a xenstored can list under one node */
    for (int i = 0; i < 300; i++) {
        g_autofree char *token = g_strdup_printf("%032x", i);

        write_ok(store, token, fields);
    }

    g_auto(GStrv) all = store->ops->list(store, &err);

    ck_assert_ptr_nonnull(all);
    ck_assert_uint_eq(g_strv_length(all), 300);
    for (int i = 0; i < 300; i++) {
        g_autofree char *token = g_strdup_printf("%032x", i);

        ck_assert(g_strv_contains((const char *const *)all, token));
        ck_assert(store->ops->remove(store, token, &err));
        assert_no_record(store, token);
    }
    ck_assert(store->ops->remove(store, TOKEN, &err));

    g_auto(GStrv) none = store->ops->list(store, &err);

    ck_assert_ptr_nonnull(none);
    ck_assert_uint_eq(g_strv_length(none), 0);
    store->ops->free(store);
}
END_TEST

START_TEST(store_record_without_fields)
{
    struct xf_store *store = xf_test_store_open(FALSE);
    g_autoptr(GHashTable) none = xf_store_fields_new();
    g_autoptr(GError) err = NULL;

    write_ok(store, TOKEN, none);

    g_autoptr(GHashTable) back = read_ok(store, TOKEN);
    g_auto(GStrv) tokens = store->ops->list(store, &err);

    ck_assert_uint_eq(g_hash_table_size(back), 0);
    ck_assert_ptr_nonnull(tokens);
    ck_assert_uint_eq(g_strv_length(tokens), 1);
    ck_assert_str_eq(tokens[0], TOKEN);
    store->ops->free(store);
}
END_TEST

START_TEST(store_outlives_its_handle)
{
    struct xf_store *store = xf_test_store_open(FALSE);
    g_autoptr(GHashTable) fields = xf_store_fields_new();

    put(fields, "state", "committed");
    write_ok(store, TOKEN, fields);

    struct xf_store *again = xf_test_store_open(TRUE);

    if (again) {
        g_autoptr(GHashTable) back = read_ok(again, TOKEN);

        assert_value(back, "state", "committed", 9);
        again->ops->free(again);
    }
    store->ops->free(store);
}
END_TEST

#define WRITERS 4
#define ROUNDS 50

struct writer {
    struct xf_store *store;
    int number;
};

/* Writes two fields that must always be seen equal. */
static gpointer
write_pairs(gpointer data)
{
    struct writer *w = data;

    for (int i = 0; i < ROUNDS; i++) {
        g_autoptr(GHashTable) fields = xf_store_fields_new();
        g_autofree char *value = g_strdup_printf("%d.%d", w->number, i);
        g_autoptr(GError) err = NULL;

        put(fields, "one", value);
        put(fields, "two", value);
        if (!w->store->ops->write(w->store, TOKEN, fields, &err))
            return g_strdup(err->message);
    }
    return NULL;
}

START_TEST(store_writes_are_atomic)
{
    struct xf_store *store = xf_test_store_open(FALSE);
    struct xf_store *second = xf_test_store_open(TRUE);
    g_autoptr(GHashTable) fields = xf_store_fields_new();
    struct writer writers[WRITERS];
    GThread *threads[WRITERS];

    put(fields, "one", "start");
    put(fields, "two", "start");
    write_ok(store, TOKEN, fields);
    for (int i = 0; i < WRITERS; i++) {
        writers[i].store = second && i % 2 ? second : store;
        writers[i].number = i;
        threads[i] = g_thread_new("writer", write_pairs, &writers[i]);
    }
    for (int i = 0; i < ROUNDS; i++) {
        g_autoptr(GHashTable) back = read_ok(store, TOKEN);

        ck_assert(g_bytes_equal(g_hash_table_lookup(back, "one"),
                                g_hash_table_lookup(back, "two")));
    }
    for (int i = 0; i < WRITERS; i++) {
        g_autofree char *failure = g_thread_join(threads[i]);

        ck_assert_msg(!failure, "%s", failure);
    }
    if (second)
        second->ops->free(second);
    store->ops->free(store);
}
END_TEST

int
xf_store_tests_main(const char *name, const TTest *const *more)
{
    static const TTest *const none[] = { NULL };
    const TTest *const all[] = {
        store_fields,
        store_changes_only_what_is_named,
        store_any_bytes_any_size,
        store_refuses,
        store_list_and_remove,
        store_record_without_fields,
        store_outlives_its_handle,
        store_writes_are_atomic,
        NULL
    };
    g_autoptr(GPtrArray) tests = g_ptr_array_new();

    for (const TTest *const *test = all; *test; test++)
        g_ptr_array_add(tests, (gpointer)*test);
    for (const TTest *const *test = more ? more : none; *test; test++)
        g_ptr_array_add(tests, (gpointer)*test);
    g_ptr_array_add(tests, NULL);
    return xf_unit_main(name, (const TTest *const *)tests->pdata);
}
