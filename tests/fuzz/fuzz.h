/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fuzz target is one file with this function; what must hold is checked
 * with g_assert.  Linked with libFuzzer it searches, linked with replay.c it
 * runs over its seeds.
 */
#ifndef XF_TESTS_FUZZ_H
#define XF_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
