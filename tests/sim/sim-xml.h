/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The little that the simulator reads of domain XML. */
#ifndef XF_TESTS_SIM_SIM_XML_H
#define XF_TESTS_SIM_SIM_XML_H

#include "tests/sim/host.h"

struct sim_xml {
    char *name;
    char *uuid;                 /* made up when the XML has none */
    enum xf_guest_type type;
    guint64 memory_kib;
    guint vcpus;
    enum sim_policy on_poweroff, on_reboot, on_crash;
};

struct sim_xml *sim_xml_parse(const char *text, GError **err);
void sim_xml_free(struct sim_xml *xml);
XF_DEFINE_AUTO(sim_xml, sim_xml_free);

/* The XML a domain was made from, as it is called now; `inactive` leaves out
 * what only a running domain has. */
char *sim_xml_current(const char *text, const struct sim_domain *dom,
                      gboolean inactive, GError **err);

#endif
