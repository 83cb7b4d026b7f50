/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of domxml share.
 *
 * Reading: a document is walked by tables of struct xf_xml_rule, one table a
 * place (children of <os>, of <disk>, ...).  The walker alone decides whether
 * an element or attribute is known, so that no handler can forget to refuse
 * one.  A handler takes the element's values; things that need the whole
 * document (defaults, cross checks) are done by the finish functions, after
 * the walk.
 *
 * Strings from the document live as long as struct xf_domxml; what goes into
 * the configuration is copied with xf_xl_strdup(), as libxl frees it.
 */
#ifndef XF_XEN_DOMXML_PRIVATE_H
#define XF_XEN_DOMXML_PRIVATE_H

#include <libxml/tree.h>
#include <libxl.h>
#include <libxl_utils.h>

#include "protocol/error.h"
#include "xen/domxml.h"

/* Sets of CPUs and nodes hold numbers below this; no host has more. */
#define XF_XML_SET_BITS 4096
/* Of an HVM or PVH guest; the hypervisor's. */
#define XF_XML_HVM_VCPUS_MAX 128
/* Linux's names of interfaces and bridges. */
#define XF_XML_IFNAME_MAX 15
/* What vnc compares of a password. */
#define XF_XML_VNC_PASSWD_MAX 8
/* Of USB devices, by spice; libxl's. */
#define XF_XML_REDIRECTIONS_MAX 4
/* Beyond what an address space holds; keeps sums from overflowing. */
#define XF_XML_MEMORY_MAX_KIB (G_GUINT64_CONSTANT(1) << 42)
/* libvirt's, for arguments to the device model */
#define XF_XML_COMMANDLINE_NS "http://libvirt.org/schemas/domain/xen/1.0"
#define XF_XML_QEMU_NS "http://libvirt.org/schemas/domain/qemu/1.0"

/* -- one document being read ----------------------------------------------- */

struct xf_domxml {
    libxl_domain_config *config;
    GPtrArray *strings;         /* xmlChar *: what handlers were given */
    GPtrArray *ignored;         /* char *: see domxml.h; or NULL */
    GHashTable *networks;       /* char * -> char *: the same */
    xmlNode *root;

    gboolean uuid_seen, memory_seen;
    xmlNode *current_node;      /* <currentMemory> */

    /* domxml-cpu.c */
    guint64 vcpus, vcpus_online;    /* 0: not said */
    xmlNode *vcpu_node;
    libxl_bitmap online;        /* from <vcpus>; size 0: the first ones */
    libxl_bitmap listed;        /* all of <vcpus>, online or not */
    guint64 last_vcpu;          /* of those */
    xmlNode *last_vcpu_node;
    libxl_bitmap cpuset;        /* <vcpu cpuset=>; size 0: not said */
    GArray *pins;               /* struct pin: <vcpupin> */
    GArray *memnodes;           /* struct memnode: <memnode> */
    guint64 period, quota;      /* microseconds; 0: not said, no limit */
    xmlNode *quota_node;
    guint64 topology_cpus;      /* 0: not said */
    xmlNode *topology_node;
    xmlNode *numa_node;         /* <numa> of <cpu> */

    /* domxml-os.c */
    xmlNode *firmware_node;     /* says which firmware */
    xmlNode *table_node;        /* of <os><acpi> */
    GString *boot;              /* libxl's letters, from <os><boot> */
    GArray *boot_devices;       /* struct boot_device: <boot order=> */

    /* devices */
    GHashTable *vdevs;          /* number -> char *: the disks' names */
    guint serials;              /* <serial> read so far */
    gboolean xen_console;
    xmlNode *serial_console;    /* <console> that shows a serial port */
    xmlNode *hdtype_node;       /* a disk on IDE or SATA, and which */
    libxl_hdtype hdtype;
    xmlNode *usb_node;          /* the emulated USB controller */
    gboolean graphics_seen, video_seen;
    GPtrArray *disk_nodes;      /* xmlNode *, as the configuration's disks */
    xmlNode *vram_node;         /* <model> of <video> */
    xmlNode *redir_node;        /* the first <redirdev> */
    xmlNode *pci_node;          /* the first <hostdev> of type pci */
    xmlNode *passthrough_node;  /* <passthrough> of <xen> */

    const char *residual;       /* text of <xenferry:libxl>, or NULL */
    xmlNode *residual_node;
};

gboolean xf_xml_is_hvm(const struct xf_domxml *dom);
gboolean xf_xml_is_pv(const struct xf_domxml *dom);

/* -- rules ----------------------------------------------------------------- */

enum xf_xml_rule_flags {
    XF_RULE_MANY = 1 << 0,      /* may appear more than once */
    XF_RULE_TEXT = 1 << 1,      /* has text, no elements */
    XF_RULE_HARMLESS = 1 << 2,  /* changes nothing for the guest: skipped */
    XF_RULE_OWN = 1 << 3,       /* `read` walks the children itself */
};

/* A word of an attribute or element and what it stands for; `why` set: known
 * but refused. */
struct xf_xml_word {
    const char *word;
    int value;
    const char *why;
};

/* Which words an attribute may have (attr NULL: the text). */
struct xf_xml_value {
    const char *attr;
    const struct xf_xml_word *words;
};
#define XF_XML_VALUES(...)                                                  \
    (const struct xf_xml_value[]) { __VA_ARGS__, { NULL, NULL } }

struct xf_xml_rule {
    const char *name;
    /* Known ones, a space between; ~x: harmless, !x: refused. */
    const char *attrs;
    const char *attrs_why;      /* why the harmless ones are */
    const char *attrs_no;       /* why the refused ones are */
    const struct xf_xml_value *values;  /* ended by NULL words; or NULL */
    gboolean (*read)(struct xf_domxml *dom, xmlNode *node, void *arg,
                     GError **err);
    /* walked after `read`; with OWN, that `read` walks: kept here for who
     * wants to know all that is read */
    const struct xf_xml_rule *children;
    guint flags;
    const char *why;    /* refused for this reason; with HARMLESS: why so */
    const char *idle;   /* why it, or an attribute, may have no effect; told
                         * by `read` with xf_xml_idle() */
    const char *ns;     /* namespace uri, NULL for libvirt's own elements */
};

/* What devices have that libvirt keeps for itself. */
#define XF_XML_ALIAS_RULE                                                          \
    { .name = "alias", .flags = XF_RULE_HARMLESS,                           \
      .why = "a name inside libvirt" }
#define XF_XML_ADDRESS_RULE                                                        \
    { .name = "address", .flags = XF_RULE_HARMLESS,                         \
      .why = "QEMU gives it its place" }

/* Takes the children of `node` by `rules` (ended by a NULL name); `arg` goes
 * to the handlers. */
gboolean xf_xml_walk(struct xf_domxml *dom, xmlNode *node,
                     const struct xf_xml_rule *rules, void *arg,
                     GError **err);

/* For the report of what has no effect: the element, or its attribute `attr`
 * (NULL: the whole), and why it changes nothing for the guest; xf_xml_idle()
 * takes the reason from the element's rule. */
void xf_xml_ignored(struct xf_domxml *dom, const xmlNode *node,
                    const char *attr, const char *why);
void xf_xml_idle(struct xf_domxml *dom, const xmlNode *node,
                 const char *attr);

/* Is it a virtual disk's name, as libxl takes them (xl-disk-configuration(5)
 * and xen-vbd-interface(7) have the limits)? */
gboolean xf_xml_is_vdev(const char *name);
/* Where QEMU shows an HVM guest the disk of that name, among others: the lower
 * the earlier firmware looks there.  -1: only PV drivers find it. */
int xf_xml_disk_place(const char *name, libxl_hdtype hdtype);
/* The same of a disk or cdrom: QEMU takes one for each, and does not start with
 * more.  -1: it shows none. */
int xf_xml_disk_socket(const libxl_device_disk *disk, libxl_hdtype hdtype);
/* The number by which libxl and the guest know a disk of that name (which
 * xf_xml_is_vdev() takes): there is one of each. */
guint xf_xml_vdev_number(const char *name);
/* Can dom0 have a bridge of that name?  What xl's scripts know it by may have
 * VLANs behind it: "ovs0.10". */
gboolean xf_xml_is_bridge(const char *name);
/* How long the name of an interface may be in dom0. */
gsize xf_xml_ifname_max(gboolean emulated);
/* An address of IPv4 or IPv6, without a prefix? */
gboolean xf_xml_is_address(const char *text);

/* -- values ---------------------------------------------------------------- */

extern const struct xf_xml_word xf_xml_yes_no[];
extern const struct xf_xml_word xf_xml_on_off[];
extern const struct xf_xml_word xf_xml_nic_models[];
extern const struct xf_xml_word xf_xml_compressions[];
extern const struct xf_xml_word xf_xml_sounds[];   /* value: in libxl's list */
extern const struct xf_xml_word xf_xml_streaming_modes[];
/* For writing: can `text` be read back as one of them?  NULL cannot. */
gboolean xf_xml_is_word(const struct xf_xml_word *words, const char *text);

/* NULL when absent. */
const char *xf_xml_attr(struct xf_domxml *dom, xmlNode *node,
                        const char *name);
/* The element's text as it stands; and without blanks around it. */
const char *xf_xml_raw_text(struct xf_domxml *dom, xmlNode *node);
const char *xf_xml_text(struct xf_domxml *dom, xmlNode *node);

/* These leave *out alone when the attribute is absent. */
/* By the words that the rule of `node` has for the attribute. */
gboolean xf_xml_word_attr(struct xf_domxml *dom, xmlNode *node,
                          const char *name, int *out, GError **err);
gboolean xf_xml_uint_attr(struct xf_domxml *dom, xmlNode *node,
                          const char *name, guint64 max, guint64 *out,
                          GError **err);
gboolean xf_xml_int_attr(struct xf_domxml *dom, xmlNode *node,
                         const char *name, int min, int max, int *out,
                         GError **err);
/* Copies into a field of the configuration. */
void xf_xml_string_attr(struct xf_domxml *dom, xmlNode *node,
                        const char *name, char **out);
/* Fails when absent or empty. */
const char *xf_xml_need_attr(struct xf_domxml *dom, xmlNode *node,
                             const char *name, GError **err);
/* The first of libvirt's elements of that name from `node` (may be NULL) on,
 * among its siblings; and in `parent` (may be NULL). */
xmlNode *xf_xml_next(xmlNode *node, const char *name);
xmlNode *xf_xml_child(const xmlNode *parent, const char *name);
/* Fails when it has one of these (ended by NULL), which its type has not. */
gboolean xf_xml_has_none(const xmlNode *node, const char *const *attrs,
                         GError **err);

gboolean xf_xml_word_text(struct xf_domxml *dom, xmlNode *node, int *out,
                          GError **err);
/* Before the walk, when nodes have no rules yet; attr NULL: the text. */
gboolean xf_xml_word_in(struct xf_domxml *dom, xmlNode *node,
                        const char *attr, const struct xf_xml_word *words,
                        int *out, GError **err);
gboolean xf_xml_uint_text(struct xf_domxml *dom, xmlNode *node, guint64 max,
                          guint64 *out, GError **err);
/* Number and unit (default KiB) to KiB, rounded up. */
gboolean xf_xml_size_text(struct xf_domxml *dom, xmlNode *node,
                          guint64 *kib, GError **err);
gboolean xf_xml_size_attr(struct xf_domxml *dom, xmlNode *node,
                          const char *name, const char *unit_name,
                          guint64 *kib, GError **err);
/* "0-3,^2,8" to a new bitmap. */
gboolean xf_xml_set(xmlNode *node, const char *text, libxl_bitmap *map,
                    GError **err);

/* Both return FALSE.  bad: the document is wrong; cannot: it asks for what
 * cannot be honoured. */
gboolean xf_xml_bad(GError **err, const xmlNode *node, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
gboolean xf_xml_cannot(GError **err, const xmlNode *node, const char *fmt,
                       ...) G_GNUC_PRINTF(3, 4);

/* A uuid as text has it <-> a GUID as a guest has it in memory. */
void xf_xml_swap_guid(const guint8 *from, guint8 *to);

/* -- libxl's memory -------------------------------------------------------- */

char *xf_xl_strdup(const char *text);
/* Adds to a libxl_string_list (NULL is an empty one). */
void xf_xl_list_add(libxl_string_list *list, const char *text);
/* Adds a zeroed element to an array of the configuration; the pointer to it
 * is good until the next is added. */
#define XF_XL_APPEND(array, count)                                          \
    ((array) = xf_xl_grow((array), &(count), sizeof(*(array))),             \
     &(array)[(count) - 1])
void *xf_xl_grow(void *array, int *count, gsize size);
void xf_xl_bitmap_alloc(libxl_bitmap *map, guint bits);

/* -- the document as text (domxml-read.c) ---------------------------------- */

/* Safe reading: size bound, UTF-8 only, no DOCTYPE, no network. */
xmlDoc *xf_xml_read(const char *xml, GError **err);
static inline void
xf_xml_doc_cleanup(xmlDoc **doc)
{
    if (*doc)
        xmlFreeDoc(*doc);
}
#define XF_AUTO_XMLDOC __attribute__((cleanup(xf_xml_doc_cleanup)))

/* -- tables ---------------------------------------------------------------- */

extern const struct xf_xml_rule xf_xml_root_rules[];    /* in <domain> */
extern const struct xf_xml_rule xf_xml_os_rules[];
extern const struct xf_xml_rule xf_xml_feature_rules[];
extern const struct xf_xml_rule xf_xml_cpu_rules[];
extern const struct xf_xml_rule xf_xml_vcpus_rules[];
extern const struct xf_xml_rule xf_xml_cputune_rules[];
extern const struct xf_xml_rule xf_xml_numatune_rules[];
extern const struct xf_xml_rule xf_xml_clock_rules[];
extern const struct xf_xml_rule xf_xml_pm_rules[];
extern const struct xf_xml_rule xf_xml_device_rules[];
extern const struct xf_xml_rule xf_xml_controller_rules[];
extern const struct xf_xml_rule xf_xml_disk_rules[];
extern const struct xf_xml_rule xf_xml_nic_rules[];
extern const struct xf_xml_rule xf_xml_chardev_rules[];
extern const struct xf_xml_rule xf_xml_graphics_rules[];
extern const struct xf_xml_rule xf_xml_video_rules[];

/* Words of elements whose rules are in another file. */
extern const struct xf_xml_value xf_xml_vcpu_values[];
extern const struct xf_xml_value xf_xml_os_values[];
extern const struct xf_xml_value xf_xml_cpu_values[];
extern const struct xf_xml_value xf_xml_clock_values[];
extern const struct xf_xml_value xf_xml_controller_values[];
extern const struct xf_xml_value xf_xml_disk_values[];
extern const struct xf_xml_value xf_xml_nic_values[];
extern const struct xf_xml_value xf_xml_chardev_values[];
extern const struct xf_xml_value xf_xml_graphics_values[];

/* -- handlers of one file used in the tables of another -------------------- */

#define XF_XML_HANDLER(name)                                                \
    gboolean name(struct xf_domxml *dom, xmlNode *node, void *arg,          \
                  GError **err)

/* domxml-cpu.c */
XF_XML_HANDLER(xf_xml_read_vcpu);
XF_XML_HANDLER(xf_xml_read_cpu);
/* domxml-cpuid.c: FALSE when libxl does not know the feature */
gboolean xf_xml_set_cpuid(libxl_domain_build_info *b, const char *name,
                          gboolean on);
/* domxml-os.c */
XF_XML_HANDLER(xf_xml_read_os);
/* From <boot order='N'/> of a device, the last that has been read of its
 * kind; letter as in libxl's boot string. */
#define XF_XML_BOOT_IDLE "PV and PVH guests boot their kernel, and of several " \
                         "devices of a kind HVM guests try the first"
gboolean xf_xml_boot_device(struct xf_domxml *dom, xmlNode *node,
                            char letter, GError **err);
/* domxml-devices.c: is it QEMU of before Xen's was QEMU's own?  path: NULL is
 * libxl's default. */
gboolean xf_xml_is_old_model(const char *path);
/* domxml-cpu.c: is each vcpu in one of the cells, and in no other?  *wrong:
 * the first that is not, *count: in how many it is. */
gboolean xf_xml_cells_have_all(const libxl_domain_build_info *b, int *wrong,
                               int *count);
/* domxml-limits.c: the KiB without which libxl does not start a guest with
 * that card; G_MAXUINT64: it never does. */
guint64 xf_xml_vram_min(libxl_vga_interface_type kind, gboolean old_model);
/* Does libxl refuse a disk of that name, in an HVM guest, that is read only? */
gboolean xf_xml_must_write(const char *vdev, libxl_hdtype hdtype);
/* Has it less memory at first than it may have, provided on demand? */
gboolean xf_xml_on_demand(const libxl_domain_config *config);
/* domxml-features.c */
XF_XML_HANDLER(xf_xml_read_clock);
/* For writing: the i-th element of <hyperv> and whether the configuration
 * says on (1), off (0) or nothing (-1); FALSE after the last. */
gboolean xf_xml_enlightenment(const libxl_domain_build_info *b, guint i,
                              const char **element, int *on);
/* The same for <timer name='hypervclock'>. */
int xf_xml_reference_clock(const libxl_domain_build_info *b);
/* domxml-controller.c, -disk.c, -net.c, -chardev.c, -graphics.c */
XF_XML_HANDLER(xf_xml_read_controller);
XF_XML_HANDLER(xf_xml_read_disk);
XF_XML_HANDLER(xf_xml_read_interface);
XF_XML_HANDLER(xf_xml_read_serial);
XF_XML_HANDLER(xf_xml_read_console);
XF_XML_HANDLER(xf_xml_read_channel);
XF_XML_HANDLER(xf_xml_read_graphics);
XF_XML_HANDLER(xf_xml_read_video);

/* -- before and after the walk --------------------------------------------- */

/* libxl's name of a sound card, by the value of its word. */
extern const char *const xf_xml_sound_names[];

/* Finds the guest type before anything else is read. */
gboolean xf_xml_os_type(struct xf_domxml *dom, GError **err);
gboolean xf_xml_os_finish(struct xf_domxml *dom, GError **err);
gboolean xf_xml_features_finish(struct xf_domxml *dom, GError **err);
gboolean xf_xml_vcpus_finish(struct xf_domxml *dom, GError **err);
gboolean xf_xml_chardevs_finish(struct xf_domxml *dom, GError **err);
void xf_xml_graphics_finish(struct xf_domxml *dom);
gboolean xf_xml_usb_finish(struct xf_domxml *dom, GError **err);
gboolean xf_xml_limits_finish(struct xf_domxml *dom, GError **err);
gboolean xf_xml_devices_finish(struct xf_domxml *dom, GError **err);

#endif
