/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which protocol a migration takes. */
#include "config.h"

#include "protocol/sequence-private.h"

/* The newest first. */
static const struct {
    enum xf_protocols protocol;
    enum xf_feature feature;
    struct xf_domain_ref *(*run)(struct xf_conn *source,
                                 const struct xf_domain_ref *dom,
                                 struct xf_conn *destination,
                                 const struct xf_sequence_request *request,
                                 GError **err);
} sequences[] = {
    { XF_PROTOCOL_V3_PARAMS, XF_FEATURE_MIGRATION_PARAMS, xf_sequence_v3 },
    { XF_PROTOCOL_V3, XF_FEATURE_MIGRATION_V3, xf_sequence_v3 },
    { XF_PROTOCOL_V2, XF_FEATURE_MIGRATION_V2, xf_sequence_v2 },
    { XF_PROTOCOL_V1, XF_FEATURE_MIGRATION_V1, xf_sequence_v1 },
};

static char *
names(guint protocols)
{
    GString *list = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(sequences); i++)
        if (protocols & sequences[i].protocol)
            g_string_append_printf(
                list, "%s%s", list->len ? ", " : "",
                xf_protocol_name(sequences[i].protocol));
    return g_string_free(list, FALSE);
}

static void
set_none(guint wanted, guint here, guint there, GError **err)
{
    g_autofree char *source = names(here);
    g_autofree char *destination = names(there);

    g_set_error(err, XF_ERROR, XF_ERROR_NO_SUPPORT,
                "%s%s: the source has %s, the destination has %s",
                wanted ? "the hosts cannot both do migration protocol "
                       : "the hosts have no migration protocol in common",
                wanted ? xf_protocol_name(wanted) : "",
                *source ? source : "none",
                *destination ? destination : "none");
}

/* Both sides are always asked, the source first.  -1: error. */
static int
choose(struct xf_conn *source, struct xf_conn *destination, guint wanted,
       GError **err)
{
    guint here = 0, there = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(sequences); i++) {
        int has = xf_sequence_has(source, sequences[i].feature, err);
        int has_too = has < 0 ? -1
                      : xf_sequence_has(destination, sequences[i].feature,
                                        err);

        if (has < 0 || has_too < 0) {
            g_prefix_error(err, "asking the %s what it can do: ",
                           has < 0 ? "source" : "destination");
            return -1;
        }
        if (has && has_too
            && (!wanted || wanted == sequences[i].protocol))
            return i;
        here |= has ? sequences[i].protocol : 0;
        there |= has_too ? sequences[i].protocol : 0;
    }
    set_none(wanted, here, there, err);
    return -1;
}

struct xf_domain_ref *
xf_sequence_run(struct xf_conn *source, const struct xf_domain_ref *dom,
                struct xf_conn *destination,
                const struct xf_sequence_request *request, GError **err)
{
    struct xf_sequence_request with = *request;
    int i = choose(source, destination, request->protocol, err);

    if (i < 0)
        return NULL;
    with.protocol = sequences[i].protocol;
    if (with.chosen)
        with.chosen(with.user, xf_protocol_name(with.protocol));
    return sequences[i].run(source, dom, destination, &with, err);
}
