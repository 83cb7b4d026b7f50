/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxlutil forgets a text or two when it finds a file malformed: the leak
 * sanitizer is told that this is not ours (tests/valgrind.supp tells
 * valgrind). */
#include "config.h"

const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
    return "leak:libxlutil.so\n";
}
