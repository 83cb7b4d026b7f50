/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML that is refused: what cannot be honoured, what is wrong, and
 * what is hostile.  The message must name line, element and reason.
 */
#include "config.h"

#include <string.h>

#include "protocol/error.h"
#include "tests/unit/common.h"
#include "xen/domxml-private.h"
#include "xen/domxml.h"

/* Hostile documents may take this long, also under valgrind. */
#define FAST_USEC (5 * G_USEC_PER_SEC)

enum place {
    IN_ROOT,
    IN_OS,
    IN_FEATURES,
    IN_DEVICES,
};

/* A document with `fragment` at the start of line 5. */
static char *
document(const char *type, enum place place, const char *fragment)
{
    static const struct {
        const char *open, *close;
    } around[] = {
        [IN_ROOT] = { "", "" },
        [IN_OS] = { "<os>", "" },
        [IN_FEATURES] = { "<features>", "</features>" },
        [IN_DEVICES] = { "<devices>", "</devices>" },
    };

    return g_strdup_printf(
        "<domain type='xen'>\n<name>guest</name>\n<memory>65536</memory>\n"
        "%s\n%s%s%s<type>%s</type></os>\n</domain>\n",
        around[place].open, fragment, around[place].close,
        place == IN_OS ? "" : "<os>", type);
}

/* The message, or NULL when the document was taken. */
static char *
refusal(const char *xml, int *code)
{
    g_autoptr(GError) err = NULL;
    libxl_domain_config config;

    if (xf_domxml_parse(xml, &config, &err)) {
        libxl_domain_config_dispose(&config);
        return NULL;
    }
    ck_assert_ptr_nonnull(err);
    ck_assert(err->domain == XF_ERROR);
    if (code)
        *code = err->code;
    return g_strdup(err->message);
}

static const struct {
    const char *type;
    enum place place;
    const char *fragment;
    const char *message;        /* after "domain XML, " */
} refusals[] = {
    /* -- not known, not expected -- */
    { "hvm", IN_ROOT, "<colour/>",
      "line 5, <colour>: is not known inside <domain>" },
    { "hvm", IN_ROOT, "<memory shade='2'>1</memory>", "line 5, <memory>: "
      "appears twice in <domain>, first at line 3" },
    { "hvm", IN_ROOT, "<vcpu shade='2'>1</vcpu>",
      "line 5, <vcpu>: attribute 'shade' is not known" },
    { "hvm", IN_ROOT, "<vcpu>1<b/></vcpu>",
      "line 5, <b>: is not known inside <vcpu>" },
    { "hvm", IN_ROOT, "<clock offset='utc'>noon</clock>",
      "line 5, <clock>: has text where none is expected" },
    { "hvm", IN_ROOT, "<x:vcpu xmlns:x='urn:x'>1</x:vcpu>",
      "line 5, <vcpu>: is not known inside <domain>" },
    { "hvm", IN_ROOT, "<vcpu xml:lang='de'>1</vcpu>",
      "line 5, <vcpu>: attribute 'lang' is not known" },
    { "hvm", IN_DEVICES, "\n\n<disk>\n<target dev='xvda'/>\n<glue/></disk>",
      "line 9, <glue>: is not known inside <disk>" },

    /* -- who, how much -- */
    { "hvm", IN_ROOT, "<uuid>6a3c</uuid>",
      "line 5, <uuid>: '6a3c' is not a uuid" },
    { "hvm", IN_ROOT, "<currentMemory>65537</currentMemory>",
      "line 5, <currentMemory>: 65537 KiB is more than <memory>, 65536 KiB" },
    { "hvm", IN_ROOT, "<currentMemory unit='acre'>1</currentMemory>",
      "line 5, <currentMemory>: unit 'acre' is not known" },
    { "hvm", IN_ROOT, "<currentMemory unit='TiB'>9999999</currentMemory>",
      "line 5, <currentMemory>: is too large" },
    { "hvm", IN_ROOT, "<currentMemory>0</currentMemory>",
      "line 5, <currentMemory>: is not from 1 KiB to 4398046511104 KiB" },
    { "hvm", IN_ROOT, "<currentMemory>-5</currentMemory>",
      "line 5, <currentMemory>: text '-5' is not a number from 0 to "
      "9223372036854775807" },
    { "hvm", IN_ROOT, "<vcpu>0</vcpu>",
      "line 5, <vcpu>: a guest needs at least one" },
    { "hvm", IN_ROOT, "<vcpu>99999</vcpu>",
      "line 5, <vcpu>: text '99999' is not a number from 0 to 4096" },
    { "hvm", IN_ROOT, "<vcpu current='3'>2</vcpu>",
      "line 5, <vcpu>: current is not from 1 to 2" },
    { "hvm", IN_ROOT, "<vcpu cpuset='3-1'>2</vcpu>",
      "line 5, <vcpu>: '3-1' is not a set such as 0-3,^2 of numbers below "
      "4096" },
    { "hvm", IN_ROOT, "<vcpu cpuset='1,^1'>2</vcpu>",
      "line 5, <vcpu>: the set '1,^1' is empty" },
    { "hvm", IN_ROOT, "<vcpu placement='auto'>2</vcpu>",
      "line 5, <vcpu>: placement 'auto': numad is not asked; libxl places "
      "guests by itself" },
    { "hvm", IN_ROOT, "<cputune><vcpupin vcpu='1' cpuset='0'/></cputune>",
      "line 5, <vcpupin>: there is no vcpu 1" },
    { "hvm", IN_ROOT, "<cputune><vcpupin vcpu='0' cpuset='0'/>"
      "<vcpupin vcpu='0' cpuset='1'/></cputune>",
      "line 5, <vcpupin>: vcpu 0 is pinned twice" },
    { "hvm", IN_ROOT, "<cputune><shares>0</shares></cputune>",
      "line 5, <shares>: a weight is from 1 to 65535" },
    { "hvm", IN_ROOT, "<numatune><memory mode='strict' nodeset='0'/>"
      "</numatune>", "line 5, <memory>: mode 'strict': libxl takes memory "
      "elsewhere when a node is full; use 'preferred'" },
    { "hvm", IN_ROOT, "<memoryBacking><hugepages/></memoryBacking>",
      "line 5, <hugepages>: Xen takes superpages where it can and cannot be "
      "told to" },
    { "hvm", IN_ROOT, "<on_crash>explode</on_crash>",
      "line 5, <on_crash>: text 'explode' is not one of 'destroy', "
      "'restart', 'preserve', 'rename-restart', 'coredump-destroy', "
      "'coredump-restart'" },
    { "hvm", IN_ROOT, "<bootloader>pygrub</bootloader>",
      "line 5, <bootloader>: only a guest of type 'linux' has a bootloader" },
    { "hvm", IN_ROOT, "<seclabel type='static' model='selinux'/>",
      "line 5, <seclabel>: a static label needs the model 'flask', not "
      "'selinux'" },

    /* -- os -- */
    { "exe", IN_ROOT, "",
      "line 5, <type>: text 'exe': containers are not Xen's" },
    { "hvm", IN_OS, "<boot dev='tape'/>", "line 5, <boot>: dev 'tape' is not "
      "one of 'fd', 'hd', 'cdrom', 'network'" },
    { "xenpvh", IN_OS, "<loader type='rom'>/x</loader>",
      "line 5, <loader>: only a guest of type 'hvm' has this" },
    { "hvm", IN_OS, "<loader secure='yes'>/x</loader>", "line 5, <loader>: "
      "secure 'yes': Xen's firmware has no protected variable store" },
    { "hvm", IN_OS, "<nvram>/x</nvram>", "line 5, <nvram>: Xen's firmware "
      "keeps its variables in the guest's memory only" },
    { "hvm", IN_OS, "<bootmenu enable='yes'/>", "line 5, <bootmenu>: enable "
      "'yes': libxl cannot turn the boot menu on" },
    { "hvm", IN_OS, "<kernel/>", "line 5, <kernel>: is empty" },

    /* -- features, cpu, clock -- */
    { "linux", IN_FEATURES, "<hap/>",
      "line 5, <hap>: a guest of type 'linux' (PV) has none" },
    { "xenpvh", IN_FEATURES, "<viridian/>",
      "line 5, <viridian>: only a guest of type 'hvm' has this" },
    { "hvm", IN_FEATURES, "<hyperv><vendor_id/></hyperv>",
      "line 5, <vendor_id>: Xen does not implement it" },
    { "hvm", IN_FEATURES, "<hap state='maybe'/>",
      "line 5, <hap>: state 'maybe' is not one of 'on', 'off'" },
    { "hvm", IN_FEATURES, "<privnet/>",
      "line 5, <privnet>: containers are not Xen's" },
    { "hvm", IN_ROOT, "<cpu mode='custom'><model>qemu64</model></cpu>",
      "line 5, <model>: Xen shows guests the host's CPU; take this out and "
      "use mode='host-passthrough' with features" },
    { "hvm", IN_ROOT, "<cpu><topology sockets='1' cores='2' threads='2'/>"
      "</cpu>",
      "line 5, <topology>: makes 4 vcpus, but <vcpu> says 1" },
    { "hvm", IN_ROOT, "<cpu><feature policy='disable' name='warp'/></cpu>",
      "line 5, <feature>: libxl has no CPU feature 'warp'" },
    { "linux", IN_ROOT, "<cpu><feature policy='require' name='vmx'/></cpu>",
      "line 5, <feature>: a PV guest has no nested virtualisation" },
    { "hvm", IN_ROOT, "<cpu><numa><cell id='1' memory='1'/></numa></cpu>",
      "line 5, <cell>: cells must come in the order of their ids, from 0" },
    { "hvm", IN_ROOT, "<cpu><numa><cell id='0' memory='1'/></numa></cpu>",
      "line 1, <domain>: the cells of <numa> hold 1 KiB, <memory> says 65536 "
      "KiB" },
    { "hvm", IN_ROOT, "<clock offset='timezone'/>", "line 5, <clock>: offset "
      "'timezone': libxl knows UTC and the host's local time only" },
    { "hvm", IN_ROOT, "<clock offset='utc'><timer name='tsc' present='no'/>"
      "</clock>", "line 5, <timer>: a guest cannot be without a TSC" },
    { "xenpvh", IN_ROOT, "<clock><timer name='hpet' present='no'/></clock>",
      "line 5, <timer>: only a guest of type 'hvm' has this" },
    { "hvm", IN_ROOT, "<clock><timer name='hpet' mode='native'/></clock>",
      "line 5, <timer>: only the timer 'tsc' has a mode" },
    { "hvm", IN_ROOT, "<clock offset='utc' start='5'/>", "line 5, <clock>: "
      "only offset='absolute' has a start" },
    { "linux", IN_ROOT, "<pm><suspend-to-mem enabled='no'/></pm>",
      "line 5, <suspend-to-mem>: only a guest of type 'hvm' has this" },

    /* -- disks -- */
    { "hvm", IN_DEVICES, "<disk><source file='/x'/></disk>",
      "line 5, <disk>: has no <target>" },
    { "hvm", IN_DEVICES, "<disk><target dev='xvda'/></disk>",
      "line 5, <disk>: has no <source>" },
    { "hvm", IN_DEVICES, "<disk type='file'><source dev='/dev/x'/>"
      "<target dev='xvda'/></disk>", "line 5, <source>: this type of disk "
      "has its source in 'file'" },
    { "hvm", IN_DEVICES, "<disk device='floppy'/>",
      "line 5, <disk>: device 'floppy': libxl has no floppy drives" },
    { "hvm", IN_DEVICES, "<disk type='volume'/>", "line 5, <disk>: type "
      "'volume': there is no storage pool to ask; give the path" },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/>"
      "<target dev='vda' bus='virtio'/></disk>", "line 5, <target>: bus "
      "'virtio': libxl 4.17 has no virtio disks on x86; use 'xen'" },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/>"
      "<target dev='sda' bus='ide'/></disk>", "line 5, <target>: bus 'ide': "
      "libxl knows the bus by the name, which must begin with 'hd'" },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/>"
      "<target dev='hda' bus='ide'/></disk>\n<disk><source file='/y'/>"
      "<target dev='hdb' bus='sata'/></disk>", "line 6, <target>: libxl has "
      "IDE disks or SATA disks, not both; line 5 has the other" },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/><target dev='xvda'/>"
      "</disk>\n<disk><source file='/y'/><target dev='xvda'/></disk>",
      "line 6, <target>: dev 'xvda' is given twice" },
    { "hvm", IN_DEVICES, "<disk><driver name='phy' type='qcow2'/>"
      "<source file='/x'/><target dev='xvda'/></disk>", "line 5, <driver>: "
      "this driver serves raw disks only; use name='qemu'" },
    { "hvm", IN_DEVICES, "<disk><driver cache='unsafe'/></disk>",
      "line 5, <driver>: cache 'unsafe': libxl's disks keep what a guest has "
      "flushed" },
    { "hvm", IN_DEVICES, "<disk type='network'><source protocol='iscsi' "
      "name='x'/></disk>",
      "line 5, <source>: protocol 'iscsi' is not one of 'rbd', 'nbd'" },
    { "hvm", IN_DEVICES, "<disk type='network'><source protocol='rbd' "
      "name='p/i:mon_host=evil'/></disk>", "line 5, <source>: name "
      "'p/i:mon_host=evil' has a character that QEMU's disk names cannot "
      "hold" },
    { "hvm", IN_DEVICES, "<disk><serial>1</serial></disk>",
      "line 5, <serial>: libxl's disks have no serial number" },

    /* -- interfaces -- */
    { "hvm", IN_DEVICES, "<interface type='bridge'/>",
      "line 5, <interface>: has no <source bridge=>" },
    { "hvm", IN_DEVICES, "<interface type='network'/>", "line 5, "
      "<interface>: type 'network': there are no libvirt networks to ask; "
      "use type='bridge' with the network's bridge" },
    { "hvm", IN_DEVICES, "<interface type='vhostuser'/>", "line 5, "
      "<interface>: type 'vhostuser': Xen guests have no vhost-user "
      "devices" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'>"
      "<mac address='00:16:3e:1:2:3'/></interface>", "line 5, <mac>: address "
      "'00:16:3e:1:2:3' is not six bytes in hex such as 00:16:3e:00:00:01" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'>"
      "<mac address='01:16:3e:00:00:01'/></interface>", "line 5, <mac>: "
      "address '01:16:3e:00:00:01' is a multicast address" },
    { "xenpvh", IN_DEVICES, "<interface type='ethernet'>"
      "<model type='e1000'/></interface>", "line 5, <model>: type 'e1000': a "
      "guest of type 'linux' or 'xenpvh' has 'netfront' only" },
    { "hvm", IN_DEVICES, "<interface type='bridge'><source bridge='b'/>"
      "<vlan><tag id='1'/></vlan></interface>", "line 5, <interface>: libxl "
      "does VLANs with Open vSwitch only (<virtualport type='openvswitch'/"
      ">)" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'><bandwidth><inbound/>"
      "</bandwidth></interface>", "line 5, <inbound>: libxl limits only what "
      "a guest sends (<outbound>)" },

    /* -- consoles and the like -- */
    { "xenpvh", IN_DEVICES, "<serial type='pty'/>", "line 5, <serial>: only "
      "a guest of type 'hvm' has serial ports; use <console>" },
    { "hvm", IN_DEVICES, "<serial type='pty'><target port='1'/></serial>",
      "line 5, <serial>: serial ports must come in the order of their ports, "
      "from 0" },
    { "hvm", IN_DEVICES, "<serial type='file'/>", "line 5, <serial>: needs a "
      "path, without a comma, in its <source>" },
    { "hvm", IN_DEVICES, "<serial type='file'><source path='/a,b=c'/>"
      "</serial>", "line 5, <serial>: needs a path, without a comma, in its "
      "<source>" },
    { "hvm", IN_DEVICES, "<console type='pty'><target type='virtio'/>"
      "</console>", "line 5, <target>: type 'virtio': Xen guests have no "
      "virtio consoles; use 'xen'" },
    { "xenpvh", IN_DEVICES, "<console type='pty'/>\n<console type='pty'/>",
      "line 6, <console>: a guest has one Xen console; use <channel> for "
      "more" },
    { "xenpvh", IN_DEVICES, "<console type='file'/>",
      "line 5, <console>: a Xen console is of type 'pty'" },
    { "hvm", IN_DEVICES, "<channel type='pty'><target type='virtio' "
      "name='x'/></channel>", "line 5, <target>: type 'virtio': Xen guests "
      "have no virtio consoles; use 'xen'" },
    { "hvm", IN_DEVICES, "<parallel/>",
      "line 5, <parallel>: libxl has no parallel ports" },

    /* -- displays -- */
    { "hvm", IN_DEVICES, "<graphics type='vnc' port='80' autoport='no'/>",
      "line 5, <graphics>: needs a port from 5900, or autoport='yes'" },
    { "hvm", IN_DEVICES, "<graphics type='vnc'/>\n<graphics type='vnc'/>",
      "line 6, <graphics>: a guest has one vnc display" },
    { "hvm", IN_DEVICES, "<graphics type='spice' autoport='yes'/>", "line 5, "
      "<graphics>: libxl does not choose ports for spice: give port or "
      "tlsPort" },
    { "linux", IN_DEVICES, "<graphics type='spice' port='5900'/>",
      "line 5, <graphics>: only a guest of type 'hvm' has spice" },
    { "hvm", IN_DEVICES, "<graphics type='sdl' port='1'/>",
      "line 5, <graphics>: this type has no 'port'" },
    { "hvm", IN_DEVICES, "<video><model type='virtio'/></video>", "line 5, "
      "<model>: type 'virtio': libxl has vga, cirrus, qxl and none" },
    { "hvm", IN_DEVICES, "<video><model type='vga'/></video>\n<video/>",
      "line 6, <video>: libxl has one video device" },
    { "hvm", IN_DEVICES, "<video><model type='qxl' heads='2'/></video>",
      "line 5, <model>: libxl's displays have one head" },

    /* -- the rest -- */
    { "hvm", IN_DEVICES, "<input type='tablet' bus='ps2'/>", "line 5, "
      "<input>: libxl has tablets on the bus 'usb' only" },
    { "hvm", IN_DEVICES, "<sound model='usb'/>", "line 5, <sound>: model "
      "'usb': libxl has sb16, es1370, pcspk, ac97 and ich6" },
    { "hvm", IN_DEVICES, "<memballoon model='none'/>", "line 5, "
      "<memballoon>: model 'none': every Xen guest can be ballooned; use "
      "'xen'" },
    { "hvm", IN_DEVICES, "<controller type='virtio-serial'/>", "line 5, "
      "<controller>: type 'virtio-serial': Xen guests have no virtio "
      "devices" },
    { "hvm", IN_DEVICES, "<controller type='ide' maxGrantFrames='4'/>",
      "line 5, <controller>: only a controller of type 'xenbus' has these "
      "limits" },
    { "hvm", IN_DEVICES, "<controller type='usb' model='nec-xhci'/>"
      "<input type='tablet' bus='usb'/>", "line 5, <controller>: libxl has "
      "USB inputs on model='piix3-uhci' only" },
    { "hvm", IN_DEVICES, "<controller type='usb' model='nec-xhci'/>\n"
      "<controller type='usb' model='nec-xhci'/>", "line 6, <controller>: "
      "libxl has one emulated USB controller; line 5 has another" },
    { "hvm", IN_DEVICES, "<hostdev type='pci'/>",
      "line 5, <hostdev>: has no <source><address>" },
    { "hvm", IN_DEVICES, "<hostdev type='usb'><source><vendor id='1'/>"
      "</source></hostdev>", "line 5, <vendor>: which device that is depends "
      "on the host; give <address>" },
    { "hvm", IN_DEVICES, "<hostdev type='pci'><driver name='vfio'/>"
      "</hostdev>", "line 5, <driver>: name 'vfio': Xen assigns devices by "
      "itself; use 'xen'" },
    { "hvm", IN_DEVICES, "<hostdev type='pci'><source><address bus='0x100' "
      "slot='0'/></source></hostdev>", "line 5, <address>: bus '0x100' is "
      "not a number from 0 to 255" },
    { "hvm", IN_DEVICES, "<tpm/>",
      "line 5, <tpm>: libxl has TPMs in stub domains only" },
};

START_TEST(refusals_say_where_and_why)
{
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *xml = document(refusals[i].type, refusals[i].place,
                                        refusals[i].fragment);
        g_autofree char *message = refusal(xml, NULL);
        g_autofree char *expected =
            g_strconcat("domain XML, ", refusals[i].message, NULL);

        ck_assert_msg(message && strcmp(message, expected) == 0,
                      "%s\ngave     %s\nnot      %s", xml,
                      message ? message : "no error", expected);
    }
}
END_TEST

/* Every element that a table refuses, by the table's own reason. */
static guint
check_table(const struct xf_xml_rule *rules, enum place place)
{
    guint refused = 0;

    for (; rules->name; rules++) {
        if (!rules->why || (rules->flags & XF_RULE_HARMLESS))
            continue;

        g_autofree char *fragment = g_strdup_printf("<%s/>", rules->name);
        g_autofree char *xml = document("hvm", place, fragment);
        g_autofree char *expected = g_strdup_printf(
            "domain XML, line 5, <%s>: %s", rules->name, rules->why);
        int code = -1;
        g_autofree char *message = refusal(xml, &code);

        ck_assert_msg(g_strcmp0(message, expected) == 0, "%s\ngave %s", xml,
                      message);
        ck_assert_int_eq(code, XF_ERROR_CONFIG_UNSUPPORTED);
        refused++;
    }
    return refused;
}

START_TEST(tables_refuse_what_they_say)
{
    ck_assert_uint_gt(check_table(xf_xml_device_rules, IN_DEVICES), 10);
    ck_assert_uint_gt(check_table(xf_xml_feature_rules, IN_FEATURES), 5);
    ck_assert_uint_gt(check_table(xf_xml_os_rules, IN_OS), 3);
}
END_TEST

static const struct {
    const char *xml;
    const char *message;
} wholes[] = {
    { "", "domain XML, line 1: Document is empty" },
    { "domain", "domain XML, line 1: Start tag expected, '<' not found" },
    { "<domain type='xen'>\n<name>", "domain XML, line 2: Premature end of "
      "data in tag name line 2" },
    { "<guest/>", "domain XML, line 1, <guest>: is not a <domain>" },
    { "<domain/>", "domain XML, line 1, <domain>: needs the attribute "
      "'type'" },
    { "<domain type='kvm'/>", "domain XML, line 1, <domain>: type 'kvm': "
      "only 'xen' runs here" },
    { "<domain type='xen' mood='good'/>", "domain XML, line 1, <domain>: "
      "attribute 'mood' is not known" },
    { "<domain type='xen'/>", "domain XML, line 1, <domain>: says no <os>"
      "<type>" },
    { "<domain type='xen'><os><type>hvm</type></os></domain>",
      "domain XML, line 1, <domain>: has no <name>" },
    { "<domain type='xen'><name>a/b</name><os><type>hvm</type></os>"
      "</domain>", "domain XML, line 1, <name>: 'a/b' has a slash" },
    { "<domain type='xen'><name>a</name><os><type>hvm</type></os></domain>",
      "domain XML, line 1, <domain>: has no <memory>" },
    { "<domain type='xen'><os><type machine='xenpv'>hvm</type></os>"
      "</domain>", "domain XML, line 1, <type>: type 'hvm' has no machine "
      "'xenpv'" },
    { "<domain type='xen'><name>a</name><memory>65536</memory><bootloader>x"
      "</bootloader><os><type>linux</type><kernel>k</kernel></os></domain>",
      "domain XML, line 1, <domain>: has both <kernel> and <bootloader>" },
};

START_TEST(whole_documents_are_refused)
{
    for (gsize i = 0; i < G_N_ELEMENTS(wholes); i++) {
        g_autofree char *message = refusal(wholes[i].xml, NULL);

        ck_assert_msg(g_strcmp0(message, wholes[i].message) == 0,
                      "%s\ngave %s\nnot  %s", wholes[i].xml, message,
                      wholes[i].message);
    }
}
END_TEST

/* -- hostile --------------------------------------------------------------- */

static char *
repeat(const char *text, guint times)
{
    GString *all = g_string_new(NULL);

    while (times--)
        g_string_append(all, text);
    return g_string_free(all, FALSE);
}

/* Refused, fast, with a message that begins like this and is not long. */
static void
refused_fast(const char *what, const char *xml, const char *begins)
{
    gint64 start = g_get_monotonic_time();
    int code = -1;
    g_autofree char *message = refusal(xml, &code);
    gint64 took = g_get_monotonic_time() - start;

    ck_assert_msg(message && g_str_has_prefix(message, begins),
                  "%s: %s", what, message ? message : "taken");
    ck_assert_uint_lt(strlen(message), 2000);
    ck_assert_msg(took < FAST_USEC, "%s took %d ms", what,
                  (int)(took / 1000));
}

#define DOCTYPE "domain XML has a DOCTYPE"

START_TEST(entities_are_refused)
{
    g_autofree char *hundred = repeat("&a;", 100);
    g_autofree char *bomb = g_strdup_printf(
        "<!DOCTYPE d [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"%s\">]>"
        "<domain type='xen'><name>&b;</name></domain>", hundred);

    refused_fast("bomb", bomb, DOCTYPE);
    refused_fast("external", "<!DOCTYPE d [<!ENTITY x SYSTEM "
                 "'file:///etc/passwd'>]><domain type='xen'><name>&x;</name>"
                 "</domain>", DOCTYPE);
    refused_fast("parameter", "<!DOCTYPE d [<!ENTITY % x SYSTEM "
                 "'http://192.0.2.1/x'>%x;]><domain/>", DOCTYPE);
    refused_fast("external subset",
                 "<!DOCTYPE d SYSTEM 'http://192.0.2.1/x'><domain/>",
                 DOCTYPE);
    refused_fast("attribute", "<!DOCTYPE d [<!ENTITY a 'xen'>]>"
                 "<domain type='&a;'/>", DOCTYPE);
    refused_fast("undeclared", "<domain type='xen'><name>&b;</name></domain>",
                 "domain XML, line 1: Entity 'b' not defined");
}
END_TEST

START_TEST(size_and_depth_are_bounded)
{
    g_autofree char *deep_open = repeat("<metadata>", 20000);
    g_autofree char *deep = g_strconcat("<domain type='xen'>", deep_open,
                                        NULL);
    g_autofree char *value = repeat("y", 900000);
    g_autofree char *attr = g_strdup_printf("<disk device='%s'/>", value);
    g_autofree char *attr_doc = document("hvm", IN_DEVICES, attr);
    g_autofree char *name = g_strdup_printf("<%s/>", value);
    g_autofree char *name_doc = document("hvm", IN_DEVICES, name);

    refused_fast("deep", deep, "domain XML, line 1: Excessive depth");
    refused_fast("a long attribute", attr_doc, "domain XML, line 5, <disk>");
    refused_fast("a long name", name_doc, "domain XML, line 5");
}
END_TEST

START_TEST(too_long_is_refused)
{
    g_autofree char *text = repeat(" ", XF_DOMXML_MAX_BYTES + 1);

    refused_fast("too long", text,
                 "domain XML is longer than 1048576 bytes");
}
END_TEST

START_TEST(many_are_refused_fast)
{
    GString *many = g_string_new("<domain ");

    for (int i = 0; i < 80000; i++)
        g_string_append_printf(many, "a%d='' ", i);
    g_string_append(many, "/>");
    refused_fast("attributes", many->str, "domain XML has an element with "
                 "more than 256 attributes");

    g_string_assign(many, "");
    for (int i = 0; i < 9000; i++)
        g_string_append_printf(many, "<disk><source file='/x'/>"
                               "<target dev='xvd%d'/></disk>\n", i);
    g_string_append(many, "<disk><source file='/x'/><target dev='xvd0'/>"
                    "</disk>");

    g_autofree char *disks = document("hvm", IN_DEVICES, many->str);

    refused_fast("disks", disks, "domain XML, line 9005, <target>: dev "
                 "'xvd0' is given twice");
    g_string_free(many, TRUE);
}
END_TEST

START_TEST(a_comment_is_no_tag)
{
    g_autofree char *rule = repeat("=", 2000);
    g_autofree char *fragment = g_strdup_printf(
        "<!-- <%s --><description><![CDATA[<a %s]]></description>", rule,
        rule);
    g_autofree char *xml = document("hvm", IN_ROOT, fragment);
    g_autofree char *message = refusal(xml, NULL);

    ck_assert_msg(!message, "%s", message);
}
END_TEST

START_TEST(encodings_are_refused)
{
    refused_fast("latin 1 bytes", "<domain type='xen'><name>\xe9</name>"
                 "</domain>", "domain XML is not UTF-8 at byte 25");
    refused_fast("overlong", "<domain type='xen'><name>\xc0\xbc</name>"
                 "</domain>", "domain XML is not UTF-8 at byte 25");
    refused_fast("labelled latin 1", "<?xml version='1.0' "
                 "encoding='ISO-8859-1'?><domain type='xen'/>",
                 "domain XML says that its encoding is ISO-8859-1");
    refused_fast("labelled utf-16", "<?xml version='1.0' "
                 "encoding='UTF-16'?><domain type='xen'/>", "domain XML");
    refused_fast("labelled nonsense", "<?xml version='1.0' "
                 "encoding='x-nonsense'?><domain type='xen'/>", "domain XML");
    refused_fast("NUL as a reference", "<domain type='xen'><name>&#0;</name>"
                 "</domain>", "domain XML, line 1: ");
    refused_fast("a control character", "<domain type='xen'><name>\x01"
                 "</name></domain>", "domain XML, line 1: ");
}
END_TEST

/* -- residuals ------------------------------------------------------------- */

static char *
with_residual(const char *json)
{
    g_autofree char *escaped = g_markup_escape_text(json, -1);
    g_autofree char *fragment = g_strdup_printf(
        "<metadata><x:libxl xmlns:x='" XF_DOMXML_NS "'>%s</x:libxl>"
        "</metadata>", escaped);

    return document("hvm", IN_ROOT, fragment);
}

static const struct {
    const char *json;
    const char *message;        /* after "domain XML, line 5, <libxl>: " */
} residuals[] = {
    { "", "is not JSON: " },
    { "{}", "is not a JSON list of edits" },
    { "[{]", "is not JSON: " },
    { "[1]", "is not a list of edits" },
    { "[{\"is\":1}]", "is not a list of edits" },
    { "[{\"at\":1}]", "is not a list of edits" },
    { "[{\"at\":\"b_info\",\"is\":1}]", "is not a list of edits" },
    { "[{\"at\":\"/b_info/colour\",\"is\":1}]",
      "this host's libxl does not understand /b_info/colour" },
    { "[{\"at\":\"/b_info/event_channels\",\"is\":\"many\"}]",
      "this host's libxl does not understand /b_info/event_channels" },
    { "[{\"at\":\"/b_info/tsc_mode\",\"is\":\"sideways\"}]",
      "libxl does not take it" },
    { "[{\"at\":\"/b_info/cpumap\",\"is\":[4000000000]}]",
      "has a list with a number above 1048576" },
    { "[{\"at\":\"/b_info/vcpu_soft_affinity\",\"is\":[[-1]]}]",
      "has a list with a number above 1048576" },
};

START_TEST(residuals_are_refused)
{
    g_autofree char *deep = repeat("[", 100000);
    g_autofree char *deep_doc = with_residual(deep);

    for (gsize i = 0; i < G_N_ELEMENTS(residuals); i++) {
        g_autofree char *xml = with_residual(residuals[i].json);
        g_autofree char *begins = g_strconcat(
            "domain XML, line 5, <libxl>: ", residuals[i].message, NULL);

        refused_fast(residuals[i].json, xml, begins);
    }
    refused_fast("deep", deep_doc, "domain XML, line 5, <libxl>: JSON is "
                 "nested too deeply");
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        refusals_say_where_and_why,
        tables_refuse_what_they_say,
        whole_documents_are_refused,
        entities_are_refused,
        size_and_depth_are_bounded,
        too_long_is_refused,
        many_are_refused_fast,
        a_comment_is_no_tag,
        encodings_are_refused,
        residuals_are_refused,
        NULL
    };

    return xf_unit_main("domxml-refuse", tests);
}
