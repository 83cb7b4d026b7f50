/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "protocol/error.h"
#include "xen/origin.h"

/* A guest's clock that goes back breaks more than one that goes forward; and
 * how much this host is ahead cannot be told from how long the client has
 * taken between Begin and Prepare. */
#define BEHIND_MAX_S 30
#define AHEAD_MAX_S 300

/* Told, and then the rest is counted. */
#define LOST_MAX 12

/* -- the names of CPU features --------------------------------------------- */

static const char *const features[] = {
#define XEN_CPUFEATURE(name, value) [value] = #name,
#include <xen/arch-x86/cpufeatureset.h>
#undef XEN_CPUFEATURE
};

/* What is not the CPU's to have or to lack: set by the guest or by its
 * topology, a CPU's defect, or always there for guests. */
#define XEN_CPUFEATURE(name, value) FEATURE_##name = value,
enum {
#include <xen/arch-x86/cpufeatureset.h>
};
#undef XEN_CPUFEATURE

static const guint not_compared[] = {
    FEATURE_APIC, FEATURE_HTT, FEATURE_X2APIC, FEATURE_OSXSAVE,
    FEATURE_HYPERVISOR, FEATURE_CMP_LEGACY, FEATURE_OSPKE,
    FEATURE_FDP_EXCP_ONLY, FEATURE_NO_FPU_SEL, FEATURE_ITSC,
    FEATURE_RTM_ALWAYS_ABORT,
};

static gboolean
is_compared(guint feature)
{
    for (gsize i = 0; i < G_N_ELEMENTS(not_compared); i++)
        if (not_compared[i] == feature)
            return FALSE;
    return features[feature] != NULL;
}

/* -- text ------------------------------------------------------------------ */

char *
xf_origin_format(const struct xf_origin *origin)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (origin->version)
        g_string_append_printf(out, " version=%" G_GUINT64_FORMAT,
                               origin->version);
    if (origin->clock)
        g_string_append_printf(out, " clock=%" G_GINT64_FORMAT,
                               origin->clock);
    for (guint i = 0; origin->has_cpu && i < XF_ORIGIN_CPU_WORDS; i++)
        g_string_append_printf(out, "%s%08x", i ? "," : " cpu=",
                               origin->cpu[i]);
    return g_strdup(out->str + (out->len ? 1 : 0));
}

static gboolean
read_version(const char *value, struct xf_origin *origin)
{
    return g_ascii_string_to_unsigned(value, 10, 1, 999999999,
                                      &origin->version, NULL);
}

static gboolean
read_clock(const char *value, struct xf_origin *origin)
{
    return g_ascii_string_to_signed(value, 10, 1, G_MAXINT64 / 2,
                                    &origin->clock, NULL);
}

/* Fewer words: the source knows no more, and has none of them. */
static gboolean
read_cpu(const char *value, struct xf_origin *origin)
{
    g_auto(GStrv) words = g_strsplit(value, ",", XF_ORIGIN_CPU_WORDS + 1);

    if (!words[0])
        return FALSE;
    for (guint i = 0; words[i] && i < XF_ORIGIN_CPU_WORDS; i++) {
        guint64 word;

        if (strlen(words[i]) != 8
            || !g_ascii_string_to_unsigned(words[i], 16, 0, G_MAXUINT32,
                                           &word, NULL))
            return FALSE;
        origin->cpu[i] = word;
    }
    origin->has_cpu = TRUE;
    return TRUE;
}

static const struct {
    const char *key;
    gboolean (*read)(const char *value, struct xf_origin *origin);
} keys[] = {
    { "version=", read_version },
    { "clock=", read_clock },
    { "cpu=", read_cpu },
};

static gboolean
read_word(const char *word, struct xf_origin *origin)
{
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        if (g_str_has_prefix(word, keys[i].key))
            return keys[i].read(word + strlen(keys[i].key), origin);
    return TRUE;
}

gboolean
xf_origin_parse(const char *text, struct xf_origin *origin, GError **err)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    memset(origin, 0, sizeof(*origin));
    for (char **word = words; *word; word++) {
        if (read_word(*word, origin))
            continue;
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "what the source says of its host cannot be read: '%s'",
                    *word);
        return FALSE;
    }
    return TRUE;
}

/* -- comparing ------------------------------------------------------------- */

#define ALL_THE_SAME "--unsafe moves it all the same"

/* Releases of one version take each other's streams. */
static void
compare_versions(const struct xf_origin *from, const struct xf_origin *here,
                 GPtrArray *problems)
{
    guint theirs = from->version / 1000, ours = here->version / 1000;

    if (theirs && ours && ours < theirs)
        g_ptr_array_add(problems, g_strdup_printf(
            "its Xen %u.%u is older than the source's %u.%u, whose streams "
            "it does not know (bring it up to date first; " ALL_THE_SAME ")",
            ours / 1000, ours % 1000, theirs / 1000, theirs % 1000));
}

static void
compare_clocks(const struct xf_origin *from, const struct xf_origin *here,
               GPtrArray *problems)
{
    gint64 ahead = here->clock - from->clock;

    if (!here->clock || !from->clock)
        return;
    if (ahead < -BEHIND_MAX_S)
        g_ptr_array_add(problems, g_strdup_printf(
            "its clock is %" G_GINT64_FORMAT " s behind the source's, and the "
            "guest's would go back (set the clocks of both hosts, by NTP "
            "best; " ALL_THE_SAME ")", -ahead));
    if (ahead > AHEAD_MAX_S)
        g_ptr_array_add(problems, g_strdup_printf(
            "its clock is %" G_GINT64_FORMAT " s ahead of the source's, by "
            "which the guest's would jump (set the clocks of both hosts, by "
            "NTP best; if they are right, the client has taken that long to "
            "come here: try again; " ALL_THE_SAME ")", ahead));
}

static char *
feature_name(guint feature)
{
    char *name = g_ascii_strdown(features[feature], -1);

    return g_strdelimit(name, "_", '-');
}

static void
compare_cpus(const struct xf_origin *from, const struct xf_origin *here,
             GPtrArray *problems)
{
    g_autoptr(GString) lost = g_string_new(NULL);
    guint count = 0;

    if (!from->has_cpu || !here->has_cpu)
        return;
    for (guint i = 0; i < 32 * XF_ORIGIN_CPU_WORDS; i++) {
        guint32 missing = from->cpu[i / 32] & ~here->cpu[i / 32];

        if (!(missing & 1u << i % 32) || !is_compared(i)
            || ++count > LOST_MAX)
            continue;

        g_autofree char *name = feature_name(i);

        g_string_append_printf(lost, "%s%s", count > 1 ? ", " : "", name);
    }
    if (count > LOST_MAX)
        g_string_append_printf(lost, " and %u more", count - LOST_MAX);
    if (count)
        g_ptr_array_add(problems, g_strdup_printf(
            "its CPUs, or its Xen, have not all features that the guest has "
            "been given and may use: %s (start the guest without them, by "
            "<feature policy='disable'> in <cpu>, or move it to a host that "
            "has them; " ALL_THE_SAME ", and it may crash)", lost->str));
}

void
xf_origin_compare(const struct xf_origin *from, const struct xf_origin *here,
                  GPtrArray *problems)
{
    compare_versions(from, here, problems);
    compare_cpus(from, here, problems);
    compare_clocks(from, here, problems);
}
