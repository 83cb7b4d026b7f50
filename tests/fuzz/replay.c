/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a fuzz target over files: those given, or all of the directory that
 * was compiled in.  Prints TAP; what goes wrong ends the program.
 */
#include "config.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

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

    /* of exactly its size: an over-read is seen by a sanitizer */
    g_autofree guint8 *exact = g_memdup2(data, len);

    LLVMFuzzerTestOneInput(exact, len);
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
    printf("1..%u\n", paths->len);
    for (guint i = 0; i < paths->len; i++)
        run_file(i + 1, paths->pdata[i]);
    return EXIT_SUCCESS;
}
