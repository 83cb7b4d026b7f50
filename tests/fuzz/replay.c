/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a fuzz target over files: those given, or all of the directory that
 * was compiled in, and after those over as many made from them as was
 * compiled in: always the same.  Prints TAP; what goes wrong ends the program.
 */
#include "config.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#ifndef MUTATIONS
#define MUTATIONS 0     /* inputs made from the seeds */
#endif
static const guint mutations = MUTATIONS;

#define EDITS_MAX 6
#define PIECE_MAX 40

static void
run_exact(const void *data, gsize len)
{
    /* of exactly its size: an over-read is seen by a sanitizer */
    g_autofree guint8 *exact = g_memdup2(data, len);

    LLVMFuzzerTestOneInput(exact, len);
}

static void
run_file(int number, const char *path)
{
    g_autofree char *data = NULL;
    g_autoptr(GError) err = NULL;
    gsize len;

    if (!g_file_get_contents(path, &data, &len, &err)) {
        printf("not ok %d - %s\n", number, err->message);
        exit(EXIT_FAILURE);
    }

    run_exact(data, len);
    printf("ok %d - %s\n", number, path);
    fflush(stdout);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static GPtrArray *
seeds(void)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(SEEDS, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        g_ptr_array_add(paths, g_build_filename(SEEDS, name, NULL));
    if (dir)
        g_dir_close(dir);
    g_ptr_array_sort(paths, by_name);
    return paths;
}

/* A byte is another, a piece is gone, or a piece of any seed comes in. */
static void
edit(GRand *dice, GByteArray *input, const GByteArray *other)
{
    guint at = input->len ? (guint)g_rand_int_range(dice, 0, input->len) : 0;
    guint len = g_rand_int_range(dice, 1, PIECE_MAX);

    switch (g_rand_int_range(dice, 0, 3)) {
    case 0:
        if (input->len)
            input->data[at] = g_rand_int_range(dice, 0, 256);
        break;
    case 1:
        if (input->len)
            g_byte_array_remove_range(input, at, MIN(len, input->len - at));
        break;
    case 2:
        if (other->len) {
            guint from = g_rand_int_range(dice, 0, other->len);
            g_autoptr(GByteArray) tail = g_byte_array_new();

            g_byte_array_append(tail, input->data + at, input->len - at);
            g_byte_array_set_size(input, at);
            g_byte_array_append(input, other->data + from,
                                MIN(len, other->len - from));
            g_byte_array_append(input, tail->data, tail->len);
        }
        break;
    }
}

static void
run_mutations(int number, const GPtrArray *paths)
{
    g_autoptr(GPtrArray) inputs =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    g_autoptr(GRand) dice = g_rand_new_with_seed(1);

    for (guint i = 0; i < paths->len; i++) {
        char *data;
        gsize len;

        if (g_file_get_contents(paths->pdata[i], &data, &len, NULL))
            g_ptr_array_add(inputs,
                            g_byte_array_new_take((guint8 *)data, len));
    }
    for (guint i = 0; i < mutations; i++) {
        const GByteArray *seed =
            inputs->pdata[g_rand_int_range(dice, 0, inputs->len)];
        g_autoptr(GByteArray) input = g_byte_array_new();
        gint edits = g_rand_int_range(dice, 1, EDITS_MAX);

        g_byte_array_append(input, seed->data, seed->len);
        while (edits--)
            edit(dice, input, inputs->pdata[g_rand_int_range(
                                  dice, 0, inputs->len)]);
        run_exact(input->data, input->len);
    }
    printf("ok %d - %u made from them\n", number, mutations);
}

int
main(int argc, char **argv)
{
    g_autoptr(GPtrArray) paths = NULL;

    if (argc > 1) {
        paths = g_ptr_array_new();
        for (int i = 1; i < argc; i++)
            g_ptr_array_add(paths, argv[i]);
    } else {
        paths = seeds();
    }
    if (!paths->len) {
        printf("Bail out! no seeds in " SEEDS "\n");
        return EXIT_FAILURE;
    }
    printf("1..%u\n", paths->len + (mutations && argc == 1 ? 1 : 0));
    for (guint i = 0; i < paths->len; i++)
        run_file(i + 1, paths->pdata[i]);
    if (mutations && argc == 1)
        run_mutations(paths->len + 1, paths);
    return EXIT_SUCCESS;
}
