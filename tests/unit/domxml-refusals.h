/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML that is refused, each with its message. */
#ifndef XF_TESTS_DOMXML_REFUSALS_H
#define XF_TESTS_DOMXML_REFUSALS_H

#include <glib.h>

enum refusal_place {
    IN_ROOT,
    IN_OS,
    IN_FEATURES,
    IN_DEVICES,
};

/* A fragment in a document that is fine otherwise; it begins at line 5. */
struct refusal {
    const char *type;           /* of the guest, as in <os><type> */
    enum refusal_place place;
    const char *fragment;
    const char *message;        /* after "domain XML, " */
};

/* Ended by a NULL type. */
extern const struct refusal xf_refusals[];

/* The document; free with g_free(). */
char *xf_refusal_document(const char *type, enum refusal_place place,
                          const char *fragment);

struct whole_refusal {
    const char *xml;
    const char *message;        /* whole */
};

/* Ended by a NULL document. */
extern const struct whole_refusal xf_whole_refusals[];

#endif
