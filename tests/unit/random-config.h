/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random libxl configurations, as libxl's JSON. */
#ifndef XF_TESTS_RANDOM_CONFIG_H
#define XF_TESTS_RANDOM_CONFIG_H

#include <glib.h>

/* Every password holds this text. */
#define XF_RANDOM_SECRET "hush!"

/* Free with g_free(). */
char *xf_random_config(GRand *dice);

#endif
