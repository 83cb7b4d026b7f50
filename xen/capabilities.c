/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "xen/capabilities.h"

#include <string.h>

#define EMULATOR "/usr/lib/xen/bin/qemu-system-i386"
#define HVM_LOADER "/usr/lib/xen/boot/hvmloader"

/* The kinds of guest.  max_vcpus: Xen's own limit (public/xen.h,
 * public/hvm/hvm_info_table.h). */
static const struct guest {
    const char *machine;
    const char *os_type;        /* in <capabilities> */
    const char *dom_type;       /* <os><type> of a domain of that kind */
    gboolean hvm;               /* needs the CPU's help */
    gboolean emulated;          /* has a device model */
    guint max_vcpus;
} guests[] = {
    { "xenpv", "xen", "linux", FALSE, FALSE, 512 },
    { "xenpvh", "xenpvh", "xenpvh", TRUE, FALSE, 128 },
    { "xenfv", "hvm", "hvm", TRUE, TRUE, 128 },
};

static gboolean
can_have(const struct xf_host_caps *caps, const struct guest *guest)
{
    return guest->hvm ? caps->hvm : caps->pv;
}

static void
add_cells(GString *out, const struct xf_node_info *node)
{
    g_string_append_printf(
        out,
        "    <topology>\n"
        "      <cells num='1'>\n"
        "        <cell id='0'>\n"
        "          <memory unit='KiB'>%" G_GUINT64_FORMAT "</memory>\n"
        "          <cpus num='%d'>\n", node->memory_kib, node->cpus);
    for (int i = 0; i < node->cpus; i++)
        g_string_append_printf(out, "            <cpu id='%d'/>\n", i);
    g_string_append(out,
                    "          </cpus>\n"
                    "        </cell>\n"
                    "      </cells>\n"
                    "    </topology>\n");
}

/* A host of several NUMA nodes says so in `node`; which CPU belongs to which
 * of them is not told, and nothing is said then. */
static void
add_host(GString *out, const struct xf_host_caps *caps)
{
    g_string_append_printf(
        out,
        "  <host>\n"
        "    <cpu>\n"
        "      <arch>%s</arch>\n"
        "      <topology sockets='%d' dies='1' cores='%d' threads='%d'/>\n"
        "    </cpu>\n"
        "    <power_management/>\n"
        "    <iommu support='%s'/>\n"
        "    <migration_features>\n"
        "      <live/>\n"
        "      <uri_transports>\n"
        "        <uri_transport>tcp</uri_transport>\n"
        "      </uri_transports>\n"
        "    </migration_features>\n",
        caps->node->model, caps->node->sockets, caps->node->cores,
        caps->node->threads, caps->passthrough ? "yes" : "no");
    if (caps->node->nodes <= 1)
        add_cells(out, caps->node);
    g_string_append(out, "  </host>\n\n");
}

static void
add_guest(GString *out, const struct xf_host_caps *caps,
          const struct guest *guest)
{
    g_string_append_printf(
        out,
        "  <guest>\n"
        "    <os_type>%s</os_type>\n"
        "    <arch name='%s'>\n"
        "      <wordsize>64</wordsize>\n",
        guest->os_type, caps->node->model);
    if (guest->emulated)
        g_string_append(out,
                        "      <emulator>" EMULATOR "</emulator>\n"
                        "      <loader>" HVM_LOADER "</loader>\n");
    g_string_append_printf(
        out,
        "      <machine>%s</machine>\n"
        "      <domain type='xen'/>\n"
        "    </arch>\n"
        "    <features>\n"
        "      <pae/>\n", guest->machine);
    if (guest->emulated)
        g_string_append(out,
                        "      <acpi default='on' toggle='yes'/>\n"
                        "      <apic default='on' toggle='no'/>\n");
    if (guest->hvm && caps->hap)
        g_string_append(out, "      <hap default='on' toggle='yes'/>\n");
    g_string_append(out, "    </features>\n"
                         "  </guest>\n\n");
}

char *
xf_capabilities_format(const struct xf_host_caps *caps)
{
    GString *out = g_string_new("<capabilities>\n\n");

    add_host(out, caps);
    for (gsize i = 0; i < G_N_ELEMENTS(guests); i++)
        if (can_have(caps, &guests[i]))
            add_guest(out, caps, &guests[i]);
    g_string_append(out, "</capabilities>\n");
    return g_string_free(out, FALSE);
}

/* -- one kind of guest -- */

static void
add_enum(GString *out, const char *name, const char *values)
{
    g_auto(GStrv) all = g_strsplit(values, " ", -1);

    g_string_append_printf(out, "      <enum name='%s'>\n", name);
    for (char **value = all; *value; value++)
        g_string_append_printf(out, "        <value>%s</value>\n", *value);
    g_string_append(out, "      </enum>\n");
}

static void
add_device(GString *out, const char *device, const char *const *enums)
{
    g_string_append_printf(out, "    <%s supported='yes'>\n", device);
    for (; *enums; enums += 2)
        add_enum(out, enums[0], enums[1]);
    g_string_append_printf(out, "    </%s>\n", device);
}

static void
add_devices(GString *out, const struct xf_host_caps *caps,
            const struct guest *guest)
{
    const char *const disk[] = {
        "diskDevice", guest->emulated ? "disk cdrom" : "disk",
        "bus", guest->emulated ? "ide scsi xen" : "xen", NULL
    };
    const char *const graphics[] = { "type", "sdl vnc spice", NULL };
    const char *const video[] = {
        "modelType", guest->emulated ? "vga cirrus qxl xen" : "xen", NULL
    };
    const char *const hostdev[] = {
        "mode", "subsystem", "startupPolicy", "default mandatory",
        "subsysType", "pci", "pciBackend", "xen", NULL
    };

    g_string_append(out, "  <devices>\n");
    add_device(out, "disk", disk);
    add_device(out, "graphics", graphics);
    add_device(out, "video", video);
    if (caps->passthrough)
        add_device(out, "hostdev", hostdev);
    else
        g_string_append(out, "    <hostdev supported='no'/>\n");
    g_string_append(out, "  </devices>\n");
}

static const struct guest *
find_guest(const struct xf_host_caps *caps, const char *machine,
           const char *arch, GError **err)
{
    if (arch && strcmp(arch, caps->node->model) != 0) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "this host has guests of architecture %s, not '%s'",
                    caps->node->model, arch);
        return NULL;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(guests); i++)
        if (can_have(caps, &guests[i]) &&
            (!machine || strcmp(machine, guests[i].machine) == 0))
            return &guests[i];
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "this host has no guests of machine '%s'; there are xenpv, "
                "and with a CPU for it xenpvh and xenfv",
                machine ? machine : "(any)");
    return NULL;
}

char *
xf_capabilities_domain(const struct xf_host_caps *caps, const char *machine,
                       const char *arch, GError **err)
{
    const struct guest *guest = find_guest(caps, machine, arch, err);

    if (!guest)
        return NULL;

    GString *out = g_string_new("<domainCapabilities>\n");

    if (guest->emulated)
        g_string_append(out, "  <path>" EMULATOR "</path>\n");
    g_string_append_printf(
        out,
        "  <domain>xen</domain>\n"
        "  <machine>%s</machine>\n"
        "  <arch>%s</arch>\n"
        "  <vcpu max='%u'/>\n"
        "  <os supported='yes'>\n", guest->machine, caps->node->model,
        guest->max_vcpus);
    if (guest->emulated)
        g_string_append(out,
                        "    <loader supported='yes'>\n"
                        "      <value>" HVM_LOADER "</value>\n"
                        "    </loader>\n");
    else
        g_string_append(out, "    <loader supported='no'/>\n");
    g_string_append(out, "  </os>\n");
    add_devices(out, caps, guest);
    g_string_append(out, "</domainCapabilities>\n");
    return g_string_free(out, FALSE);
}

guint
xf_capabilities_max_vcpus(const struct xf_host_caps *caps)
{
    guint most = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(guests); i++)
        if (can_have(caps, &guests[i]))
            most = MAX(most, guests[i].max_vcpus);
    return most;
}
