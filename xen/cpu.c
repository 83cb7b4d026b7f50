/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <xenctrl.h>
#include <xenguest.h>

#include "xen/cpu.h"

/* -- a policy's words ------------------------------------------------------ */

/* Where Xen's order of features has each word, as it is a register of a CPUID
 * leaf.  Leaf 0: none. */
static const struct {
    guint32 leaf, subleaf;
    gsize reg;
} places[XF_ORIGIN_CPU_WORDS] = {
#define REG(r) G_STRUCT_OFFSET(xen_cpuid_leaf_t, r)
    { 1, XEN_CPUID_NO_SUBLEAF, REG(d) },
    { 1, XEN_CPUID_NO_SUBLEAF, REG(c) },
    { 0x80000001, XEN_CPUID_NO_SUBLEAF, REG(d) },
    { 0x80000001, XEN_CPUID_NO_SUBLEAF, REG(c) },
    { 0xd, 1, REG(a) },
    { 7, 0, REG(b) },
    { 7, 0, REG(c) },
    { 0x80000007, XEN_CPUID_NO_SUBLEAF, REG(d) },
    { 0x80000008, XEN_CPUID_NO_SUBLEAF, REG(b) },
    { 7, 0, REG(d) },
    { 7, 1, REG(a) },
};

static void
take_leaf(const xen_cpuid_leaf_t *leaf, guint32 *words)
{
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++)
        if (places[i].leaf == leaf->leaf && places[i].subleaf == leaf->subleaf)
            words[i] = G_STRUCT_MEMBER(guint32, leaf, places[i].reg);
}

static gboolean
policy_words(xc_interface *xc, const xc_cpu_policy_t *policy, guint32 *words)
{
    uint32_t leaves = 0, msrs = 0;

    if (xc_cpu_policy_get_size(xc, &leaves, &msrs) != 0)
        return FALSE;

    g_autofree xen_cpuid_leaf_t *leaf = g_new0(xen_cpuid_leaf_t, leaves);
    g_autofree xen_msr_entry_t *msr = g_new0(xen_msr_entry_t, msrs);

    if (xc_cpu_policy_serialise(xc, policy, leaf, &leaves, msr, &msrs) != 0)
        return FALSE;
    memset(words, 0, XF_ORIGIN_CPU_WORDS * sizeof(*words));
    for (uint32_t i = 0; i < leaves; i++)
        take_leaf(&leaf[i], words);
    return TRUE;
}

/* -- asking Xen ------------------------------------------------------------ */

/* domid -1: the host's. */
static gboolean
ask(xc_interface *xc, int domid, gboolean pv, guint32 *words)
{
    xc_cpu_policy_t *policy = xc_cpu_policy_init();
    int r = -1;

    if (!policy)
        return FALSE;
    if (domid >= 0)
        r = xc_cpu_policy_get_domain(xc, domid, policy);
    else
        r = xc_cpu_policy_get_system(xc, pv ? XEN_SYSCTL_cpu_policy_pv_max
                                            : XEN_SYSCTL_cpu_policy_hvm_max,
                                     policy);

    gboolean ok = r == 0 && policy_words(xc, policy, words);

    if (!ok)
        g_message("Xen does not tell the CPU features of %s: %s",
                  domid >= 0 ? "a domain" : "the host", g_strerror(errno));
    xc_cpu_policy_destroy(policy);
    return ok;
}

gboolean
xf_cpu_of_host(gboolean pv, guint32 words[XF_ORIGIN_CPU_WORDS])
{
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);

    if (!xc)
        return FALSE;

    gboolean ok = ask(xc, -1, pv, words);

    xc_interface_close(xc);
    return ok;
}

gboolean
xf_cpu_of_domain(int domid, gboolean pv, guint32 words[XF_ORIGIN_CPU_WORDS])
{
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);
    guint32 most[XF_ORIGIN_CPU_WORDS];

    if (!xc)
        return FALSE;

    gboolean ok = ask(xc, domid, pv, words) && ask(xc, -1, pv, most);

    /* What was set for the domain beyond that is Xen's to bring along. */
    for (guint i = 0; ok && i < XF_ORIGIN_CPU_WORDS; i++)
        words[i] &= most[i];
    xc_interface_close(xc);
    return ok;
}
