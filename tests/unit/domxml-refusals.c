/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML that is refused: see domxml-refusals.h. */
#include "config.h"

#include <string.h>

#include "tests/unit/domxml-refusals.h"

/* A document with `fragment` at the start of line 5. */
char *
xf_refusal_document(const char *type, enum refusal_place place,
                    const char *fragment)
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
        "%s\n%s%s%s<type>%s</type>%s</os>\n</domain>\n",
        around[place].open, fragment, around[place].close,
        place == IN_OS ? "" : "<os>", type,
        place != IN_OS && strcmp(type, "xenpvh") == 0
        ? "<kernel>/k</kernel>" : "");
}

#define DISK(dev, order)                                                    \
    "<disk><source file='/x'/><target dev='" dev "'/>"                      \
    "<boot order='" order "'/></disk>"

/* Without a boot order. */
#define PLAIN_DISK(dev)                                                     \
    "<disk><source file='/x'/><target dev='" dev "'/></disk>"
#define CDROM(dev) "<disk device='cdrom'><target dev='" dev "'/></disk>"
#define ONE_PLACE(dev, other)                                               \
    "line 6, <disk>: QEMU would show '" dev "' where it shows '" other "', " \
    "and does not start"

#define VIDEO(type, vram)                                                   \
    "<video><model type='" type "' vram='" vram "'/></video>"
#define OLD_MODEL "<emulator>/usr/lib/xen/bin/qemu-dm</emulator>"
#define REDIR "<redirdev bus='usb' type='spicevmc'/>"
#define NOT_WRITTEN                                                         \
    "QEMU has no IDE and SATA disks that are read only; make it a cdrom, a " \
    "disk 'sd' or one from 'xvde' on"
#define CELL(cpus)                                                          \
    "<cpu><numa><cell memory='65536' cpus='" cpus "'/></numa></cpu>"
#define PCI                                                                 \
    "<hostdev type='pci'><source><address bus='1' slot='0'/></source>"      \
    "</hostdev>"

const struct refusal xf_refusals[] = {
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
    { "hvm", IN_ROOT, "<vcpu>129</vcpu>", "line 5, <vcpu>: Xen gives HVM and "
      "PVH guests at most 128" },
    { "xenpvh", IN_ROOT, "<vcpu current='1'>129</vcpu>", "line 5, <vcpu>: Xen "
      "gives HVM and PVH guests at most 128" },
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
      "line 5, <bootloader>: only a guest of type 'linux' or 'xenpvh' has a "
      "bootloader" },
    { "hvm", IN_ROOT, "<seclabel type='static' model='selinux'/>",
      "line 5, <seclabel>: a static label needs the model 'flask', not "
      "'selinux'" },

    { "hvm", IN_ROOT, "<seclabel type='static' model='flask'><label>a"
      "</label></seclabel>\n<seclabel type='static' model='flask'><label>b"
      "</label></seclabel>", "line 6, <seclabel>: a guest has one static "
      "label" },
    { "hvm", IN_ROOT, "<seclabel type='static' model='flask'/>",
      "line 5, <seclabel>: a static label needs its <label>" },
    { "hvm", IN_ROOT, "<seclabel type='static' model='flask'><label> </label>"
      "</seclabel>", "line 5, <seclabel>: a static label needs its <label>" },
    { "hvm", IN_ROOT, "<vcpu>2</vcpu><vcpus><vcpu id='0' enabled='yes'/>\n"
      "<vcpu id='2' enabled='no'/><vcpu id='1' enabled='no'/></vcpus>",
      "line 6, <vcpu>: there is no vcpu 2, <vcpu> says 2" },
    { "hvm", IN_ROOT, "<vcpu>2</vcpu><vcpus><vcpu id='0' enabled='yes'/>\n"
      "<vcpu id='0' enabled='no'/></vcpus>",
      "line 6, <vcpu>: id 0 is given twice" },
    { "hvm", IN_ROOT, "<vcpu current='2'>3</vcpu><vcpus>"
      "<vcpu id='0' enabled='yes'/></vcpus>", "line 1, <domain>: <vcpu "
      "current=> says 2, but <vcpus> enables 1" },
    { "hvm", IN_ROOT, "<cpu><numa><cell memory='65536'><distances>"
      "<sibling id='0' value='10'/>\n<sibling id='0' value='20'/>"
      "</distances></cell></numa></cpu>",
      "line 6, <sibling>: the distance to cell 0 is given twice" },
    { "hvm", IN_ROOT, "<cpu><numa><cell memory='65536'><distances>"
      "<sibling id='0' value='0'/></distances></cell></numa></cpu>",
      "line 5, <sibling>: a distance is from 1 to 255" },
    { "hvm", IN_ROOT, "<numatune><memnode cellid='0' nodeset='0' "
      "mode='preferred'/>\n<memnode cellid='0' nodeset='1' mode='preferred'/>"
      "</numatune>", "line 6, <memnode>: cell 0 is given twice" },

    /* -- os -- */
    { "exe", IN_ROOT, "",
      "line 5, <type>: text 'exe': containers are not Xen's" },
    { "hvm", IN_OS, "<boot dev='tape'/>", "line 5, <boot>: dev 'tape' is not "
      "one of 'fd', 'hd', 'cdrom', 'network'" },
    { "xenpvh", IN_OS, "<loader type='rom'>/x</loader>",
      "line 5, <loader>: only a guest of type 'hvm' has this" },
    { "hvm", IN_OS, "<loader secure='yes'>/x</loader>", "line 5, <loader>: "
      "secure 'yes': Xen's firmware has no protected variable store" },
    { "hvm", IN_OS, "<loader>/x</loader>", "line 5, <loader>: libxl must "
      "know what that image is: give it type='rom' for a BIOS, 'pflash' for "
      "EFI" },
    { "hvm", IN_OS, "<loader type='pflash'>/usr/lib/xen/boot/hvmloader"
      "</loader>", "line 5, <loader>: hvmloader is no image of EFI; for that "
      "take this out and give <os firmware='efi'>" },
    { "hvm", IN_OS, "<nvram>/x</nvram>", "line 5, <nvram>: Xen's firmware "
      "keeps its variables in the guest's memory only" },
    { "hvm", IN_OS, "<bootmenu enable='yes'/>", "line 5, <bootmenu>: enable "
      "'yes': libxl cannot turn the boot menu on" },
    { "hvm", IN_OS, "<kernel/>", "line 5, <kernel>: is empty" },
    { "hvm", IN_OS, "<acpi><table type='slic'>/x</table></acpi>", "line 5, "
      "<table>: needs <acpi/> in <features>: the guest has no ACPI without" },

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
    { "hvm", IN_ROOT, "<clock offset='timezone' timezone='Asia/Tokyo'/>",
      "line 5, <clock>: attribute 'timezone': libxl knows UTC and the host's "
      "local time only" },
    { "hvm", IN_ROOT, "<currentMemory unit='P'>1</currentMemory>", "line 5, "
      "<currentMemory>: 1099511627776 KiB is more than <memory>, 65536 KiB" },
    { "hvm", IN_ROOT, "<currentMemory unit='EiB'>8</currentMemory>",
      "line 5, <currentMemory>: is too large" },
    { "hvm", IN_DEVICES, "<serial type='stdio'><source path='/x'/></serial>",
      "line 5, <source>: this type has no 'path'" },
    { "hvm", IN_DEVICES, "<serial type='tcp'><source mode='bind' host='h' "
      "service='1' append='on'/></serial>", "line 5, <source>: this type has "
      "no 'append'" },
    { "hvm", IN_DEVICES, "<serial type='file'><source path='/x'/><protocol "
      "type='telnet'/></serial>", "line 5, <protocol>: only a device of type "
      "'tcp' speaks one" },
    { "hvm", IN_DEVICES, "<serial type='pty'><target name='x'/></serial>",
      "line 5, <target>: only a channel has a name" },
    { "hvm", IN_DEVICES, "<controller type='xenbus' model='x'/>", "line 5, "
      "<controller>: this type has no 'model'" },
    { "hvm", IN_DEVICES, "<controller type='ide' ports='2'/>", "line 5, "
      "<controller>: this type has no 'ports'" },
    { "hvm", IN_DEVICES, "<hostdev mode='subsystem' type='usb'><source>"
      "<address bus='1' device='2' slot='3'/></source></hostdev>", "line 5, "
      "<address>: this type has no 'slot'" },
    { "hvm", IN_DEVICES, "<hostdev mode='subsystem' type='pci'><source>"
      "<address bus='1' slot='2' device='3'/></source></hostdev>", "line 5, "
      "<address>: this type has no 'device'" },
    { "hvm", IN_DEVICES, "<hostdev mode='subsystem' type='usb'><source "
      "writeFiltering='no'><address bus='1' device='2'/></source></hostdev>",
      "line 5, <source>: this type has no 'writeFiltering'" },
    { "hvm", IN_ROOT, "<clock offset='timezone'/>", "line 5, <clock>: offset "
      "'timezone': libxl knows UTC and the host's local time only" },
    { "hvm", IN_ROOT, "<clock offset='utc'><timer name='tsc' present='no'/>"
      "</clock>", "line 5, <timer>: a guest cannot be without a TSC" },
    { "xenpvh", IN_ROOT, "<clock><timer name='hpet' present='yes'/></clock>",
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
      "line 5, <source>: protocol 'iscsi': attach it in dom0 and give the block "
      "device or file" },
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
      "<interface>: type 'network': has no <source network=>" },
    { "hvm", IN_DEVICES, "<interface type='network'><source portgroup='a'/>"
      "</interface>", "line 5, <source>: needs the attribute 'network'" },
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
    { "hvm", IN_DEVICES, "<interface type='ethernet'>"
      "<model type='virtio'/></interface>", "line 5, <model>: type 'virtio': "
      "Xen guests have no virtio devices; use 'netfront'" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'>"
      "<model type='e1000,romfile=/etc/passwd'/></interface>", "line 5, "
      "<model>: type 'e1000,romfile=/etc/passwd' is not one of 'netfront', "
      "'xen', 'rtl8139', 'e1000', 'e1000-82544gc', 'e1000-82545em', 'e1000e', "
      "'ne2k_pci', 'pcnet', 'tulip', 'vmxnet3', 'i82550', 'i82551', "
      "'i82557a', 'i82557b', 'i82557c', 'i82558a', 'i82558b', 'i82559a', "
      "'i82559b', 'i82559c', 'i82559er', 'i82562', 'i82801'" },
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
    { "hvm", IN_DEVICES, "<graphics type='vnc' passwd='ninechars'/>", "line "
      "5, <graphics>: vnc's passwd has at most 8 characters" },
    { "linux", IN_DEVICES, "<graphics type='vnc' passwd='ninechars'/>",
      "line 5, <graphics>: vnc's passwd has at most 8 characters" },
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
      "'usb': libxl has sb16, es1370, ac97 and ich6" },
    { "hvm", IN_DEVICES, "<sound model='ich6'><codec type='micro'/></sound>",
      "line 5, <codec>: libxl has no setting for it" },
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
      "line 5, <tpm>: libxl's TPM is another domain, which domain "
      "XML cannot name" },

    /* -- genid, bandwidth, nodes -- */
    { "xenpvh", IN_ROOT, "<genid/>", "line 5, <genid>: only a guest of type "
      "'hvm' has a generation id" },
    { "hvm", IN_ROOT, "<genid>7</genid>",
      "line 5, <genid>: '7' is not a uuid" },
    { "hvm", IN_ROOT, "<cputune><global_period>5</global_period></cputune>",
      "line 5, <global_period>: a period is from 1000 to 1000000 "
      "microseconds" },
    { "hvm", IN_ROOT, "<cputune><global_quota>333</global_quota></cputune>",
      "line 5, <global_quota>: 333 of 100000 microseconds is not a whole "
      "percentage of a CPU up to 65535, which is what Xen's scheduler "
      "takes" },
    { "hvm", IN_ROOT, "<cputune><quota>50000</quota></cputune>", "line 5, "
      "<quota>: Xen limits a guest as a whole: give <global_quota> and "
      "<global_period>" },
    { "hvm", IN_ROOT, "<vcpus><vcpu id='0' enabled='no'/></vcpus>",
      "line 1, <domain>: <vcpus> does not enable vcpu 0" },
    { "hvm", IN_ROOT, "<numatune><memory nodeset='0'/></numatune>", "line 5, "
      "<memory>: the default mode is 'strict': libxl takes memory elsewhere "
      "when a node is full; use 'preferred'" },
    { "hvm", IN_ROOT, "<numatune><memnode cellid='1' nodeset='0' "
      "mode='preferred'/></numatune>",
      "line 5, <memnode>: there is no cell 1" },
    { "hvm", IN_ROOT, "<cpu><numa><cell memory='65536'><distances>"
      "<sibling id='1' value='20'/></distances></cell></numa></cpu>",
      "line 1, <domain>: cell 0 has a distance to cell 1, which is not "
      "there" },
    { "hvm", IN_ROOT, "<metadata><x:other xmlns:x='urn:xenferry:domain:1'/>"
      "</metadata>", "line 5, <other>: is not known in the namespace "
      "urn:xenferry:domain:1" },
    { "hvm", IN_ROOT, "<x:commandline xmlns:x='http://libvirt.org/schemas/"
      "domain/xen/1.0'><x:arg/></x:commandline>",
      "line 5, <arg>: needs the attribute 'value'" },

    /* -- more of features and clock -- */
    { "hvm", IN_FEATURES, "<apic eoi='on'/>",
      "line 5, <apic>: attribute 'eoi': libxl has no setting for it" },
    { "hvm", IN_FEATURES, "<hyperv><stimer><direct state='on'/></stimer>"
      "</hyperv>", "line 5, <direct>: Xen does not implement it" },
    { "hvm", IN_FEATURES, "<hyperv><tlbflush><direct state='on'/></tlbflush>"
      "</hyperv>", "line 5, <direct>: Xen does not implement it" },
    { "hvm", IN_ROOT, "<q:commandline xmlns:q='http://libvirt.org/schemas/"
      "domain/qemu/1.0'><q:arg value='-s'/></q:commandline>", "line 5, "
      "<commandline>: that is for QEMU's own guests; Xen's have "
      "xen:commandline" },
    { "hvm", IN_FEATURES, "<xen><e820_host/></xen>", "line 5, <e820_host>: "
      "only a guest of type 'linux' has this" },
    { "hvm", IN_FEATURES, "<hyperv mode='passthrough'/>",
      "line 5, <hyperv>: mode 'passthrough': Xen has no set of its own that "
      "it would show; name the enlightenments" },
    { "hvm", IN_FEATURES, "<hyperv mode='all'/>", "line 5, <hyperv>: mode "
      "'all' is not one of 'custom'" },
    { "hvm", IN_FEATURES, "<hyperv><relaxed state='on'/>"
      "<vpindex state='off'/></hyperv>", "line 5, <vpindex>: libxl has this "
      "together with another one, which says the opposite" },
    { "hvm", IN_ROOT, "<clock basis='utc'/>", "line 5, <clock>: only "
      "offset='variable' has a basis" },
    { "hvm", IN_ROOT, "<clock offset='absolute' "
      "start='9000000000000000000'/>",
      "line 5, <clock>: start is too far from now" },

    /* -- boot order -- */
    { "hvm", IN_DEVICES, "<interface type='ethernet'><boot order='1'/>"
      "</interface>\n<interface type='ethernet'><boot order='1'/>"
      "</interface>", "line 6, <boot>: order 1 is given twice" },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/><target dev='xvda'/>"
      "<boot order='1'/></disk><interface type='ethernet'>"
      "<boot order='2'/></interface><disk><source file='/y'/>"
      "<target dev='xvdb'/><boot order='3'/></disk>", "line 1, <domain>: the "
      "boot order of the devices mixes disks, cdroms and networks: libxl "
      "orders kinds only" },

    { "hvm", IN_DEVICES, DISK("hda", "2") "\n" DISK("hdb", "1"), "line 6, "
      "<boot>: libxl orders kinds of devices, and of this kind it boots from "
      "the first, 'hda', not from 'hdb'" },
    { "hvm", IN_DEVICES, DISK("sda", "1") DISK("xvdb", "2"), "line 5, "
      "<boot>: libxl orders kinds of devices, and of this kind it boots from "
      "the first, 'xvdb', not from 'sda'" },
    { "hvm", IN_DEVICES, DISK("d1p0", "1") DISK("d0p0", "2"), "line 5, "
      "<boot>: libxl orders kinds of devices, and of this kind it boots from "
      "the first, 'd0p0', not from 'd1p0'" },
    { "hvm", IN_DEVICES, DISK("832", "1"), "line 5, <boot>: firmware does "
      "not see '832', which is beyond the disks that QEMU shows" },
    { "hvm", IN_DEVICES, DISK("xvde", "1"), "line 5, <boot>: firmware does "
      "not see 'xvde', which is beyond the disks that QEMU shows" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'><boot order='2'/>"
      "</interface>\n<interface type='ethernet'><boot order='1'/>"
      "</interface>", "line 6, <boot>: of several interfaces libxl boots from "
      "the first that is emulated; put this one before it" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'>"
      "<model type='netfront'/><boot order='1'/></interface>", "line 5, "
      "<boot>: firmware does not see an interface of model 'netfront'; give "
      "it an emulated one" },

    /* -- two disks, one place -- */
    { "hvm", IN_DEVICES, PLAIN_DISK("xvda") "\n" PLAIN_DISK("hda"),
      ONE_PLACE("hda", "xvda") },
    { "hvm", IN_DEVICES, PLAIN_DISK("hda") "\n" PLAIN_DISK("hda1"),
      ONE_PLACE("hda1", "hda") },
    { "hvm", IN_DEVICES, PLAIN_DISK("sda1") "\n" PLAIN_DISK("sda2"),
      ONE_PLACE("sda2", "sda1") },
    { "hvm", IN_DEVICES, PLAIN_DISK("hdc") "\n" CDROM("sdc"),
      ONE_PLACE("sdc", "hdc") },
    { "xenpvh", IN_DEVICES, PLAIN_DISK("xvda") "\n" PLAIN_DISK("51712"),
      "line 6, <target>: dev '51712' is another name of 'xvda'" },
    { "linux", IN_DEVICES, PLAIN_DISK("d20p3") "\n" PLAIN_DISK("xvdu3"),
      "line 6, <target>: dev 'xvdu3' is another name of 'd20p3'" },
    { "linux", IN_DEVICES, PLAIN_DISK("hdd1") "\n" PLAIN_DISK("0x1641"),
      "line 6, <target>: dev '0x1641' is another name of 'hdd1'" },

    /* -- more of disks -- */
    { "hvm", IN_DEVICES, "<disk><source file='/x'><host name='h'/></source>"
      "</disk>", "line 5, <host>: only a disk of type 'network' has hosts" },
    { "hvm", IN_DEVICES, "<disk type='network'><source protocol='nbd'/>"
      "</disk>", "line 5, <source>: nbd needs one <host>" },
    { "hvm", IN_DEVICES, "<disk type='network'><source file='/x'/></disk>",
      "line 5, <source>: a network disk has no local path" },
    { "hvm", IN_DEVICES, "<disk type='network'><source protocol='nbd'>"
      "<host name='h' transport='unix'/></source></disk>", "line 5, <host>: "
      "transport 'unix': only 'tcp' is" },
    { "hvm", IN_DEVICES, "<disk><backingStore type='file'/></disk>",
      "line 5, <backingStore>: attribute 'type': chains are read from the "
      "image, not from the XML" },
    { "hvm", IN_DEVICES, "<disk><backingStore><source file='/y'/>"
      "</backingStore></disk>", "line 5, <backingStore>: chains are read from "
      "the image, not from the XML" },
    { "hvm", IN_DEVICES, "<disk type='network'><driver name='phy'/>"
      "<source protocol='nbd'><host name='h'/></source>"
      "<target dev='xvda'/></disk>", "line 5, <driver>: network disks are "
      "served by name='qemu' only" },
    { "hvm", IN_DEVICES, "<disk><driver io='native'/></disk>", "line 5, "
      "<driver>: attribute 'io': libxl has no setting for it" },
    { "hvm", IN_DEVICES, "<filesystem accessmode='squash'/>", "line 5, "
      "<filesystem>: needs <source dir=> and <target dir=>" },

    /* -- more of interfaces -- */
    { "linux", IN_DEVICES, "<interface type='bridge'>"
      "<source bridge='abcdefghijklmnop'/></interface>", "line 5, "
      "<interface>: Linux has no bridge 'abcdefghijklmnop': its names have at "
      "most 15 characters" },
    { "linux", IN_DEVICES, "<interface type='ethernet'>"
      "<target dev='abcdefghijklmnop'/></interface>", "line 5, <interface>: "
      "dev 'abcdefghijklmnop' is longer than 15 characters, which such an "
      "interface may have in dom0" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'>"
      "<target dev='abcdefghijkl'/></interface>", "line 5, <interface>: dev "
      "'abcdefghijkl' is longer than 11 characters, which such an interface "
      "may have in dom0" },
    { "hvm", IN_DEVICES, "<interface type='network'>"
      "<source network='default'/></interface>", "line 5, <source>: "
      "network 'default': there is no libvirt to ask which bridge that is; "
      "name it in [networks] of xenferryd.conf(5), with --network "
      "NAME=BRIDGE, or in the document as bridge=" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'><ip address='a/b'/>"
      "</interface>", "line 5, <ip>: 'a/b' is no address" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'><ip "
      "address='300.1.1.1'/></interface>",
      "line 5, <ip>: '300.1.1.1' is no address" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'><ip "
      "address='192.0.2.1' prefix='33'/></interface>", "line 5, <ip>: an "
      "address of IPv4 has no prefix of more than 32 bits" },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/><target dev='../../x'/>"
      "</disk>", "line 5, <target>: dev '../../x' is no disk's name such as "
      "xvda, hda or sda, within what libxl has of them" },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/><target dev='xvda0'/>"
      "</disk>", "line 5, <target>: dev 'xvda0' is no disk's name such as "
      "xvda, hda or sda, within what libxl has of them" },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/><target dev='hde'/>"
      "</disk>", "line 5, <target>: dev 'hde' is no disk's name such as "
      "xvda, hda or sda, within what libxl has of them" },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/><target dev='sda16'/>"
      "</disk>", "line 5, <target>: dev 'sda16' is no disk's name such as "
      "xvda, hda or sda, within what libxl has of them" },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/><target dev='d1p256'/>"
      "</disk>", "line 5, <target>: dev 'd1p256' is no disk's name such as "
      "xvda, hda or sda, within what libxl has of them" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'><bandwidth>"
      "<outbound average='0'/></bandwidth></interface>", "line 5, "
      "<outbound>: an average of 0 would stop the guest's network" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'>"
      "<virtualport type='openvswitch'/></interface>", "line 5, "
      "<interface>: Open vSwitch needs a bridge" },
    { "hvm", IN_DEVICES, "<interface type='ethernet'><source bridge='b'/>"
      "</interface>", "line 5, <source>: an interface of type 'ethernet' has "
      "no source" },

    /* -- more of consoles -- */
    { "hvm", IN_DEVICES, "<serial type='tcp'><source mode='bind' host='a' "
      "service='1'/><source mode='bind' host='a' service='2'/></serial>",
      "line 5, <source>: this mode is given twice" },
    { "hvm", IN_DEVICES, "<serial type='tcp'/>",
      "line 5, <serial>: needs host and service in its <source>" },
    { "hvm", IN_DEVICES, "<serial type='udp'/>", "line 5, <serial>: needs a "
      "service in <source mode='connect'>" },
    { "hvm", IN_DEVICES, "<serial type='pty'><target type='xen'/></serial>",
      "line 5, <serial>: a serial port has no target 'xen'" },
    { "hvm", IN_DEVICES, "<serial type='file'><source path='/x' "
      "append='on'/></serial>", "line 5, <source>: append 'on': QEMU's "
      "-serial does not append to a file" },
    { "hvm", IN_DEVICES, "<serial type='tcp'><source mode='bind' "
      "host='h,path=/etc/passwd' service='1'/></serial>", "line 5, <serial>: "
      "host or service in its <source> has a character that they cannot "
      "have" },
    { "hvm", IN_DEVICES, "<serial type='udp'><source mode='connect' host='h' "
      "service='1@2:3'/></serial>", "line 5, <serial>: host or service in its "
      "<source> has a character that they cannot have" },
    { "hvm", IN_DEVICES, "<console type='pty'><target type='serial' "
      "port='1'/></console>", "line 5, <console>: only the first serial port "
      "may be a console; use <serial> for others" },
    { "hvm", IN_DEVICES, "<channel type='pty'/>",
      "line 5, <channel>: needs <target type='xen' name=>" },
    { "hvm", IN_DEVICES, "<channel type='file'><target type='xen' name='x'/>"
      "</channel>", "line 5, <channel>: a Xen channel is of type 'pty' or "
      "'unix'" },
    { "hvm", IN_DEVICES, "<channel type='unix'><target type='xen' name='x'/>"
      "</channel>", "line 5, <channel>: libxl listens (mode='bind') on a "
      "path for it" },

    /* -- more of displays -- */
    { "hvm", IN_DEVICES, "<graphics type='sdl'><listen type='address'/>"
      "</graphics>", "line 5, <listen>: a display of type 'sdl' listens "
      "nowhere" },
    { "hvm", IN_DEVICES, "<graphics type='vnc'><mouse mode='client'/>"
      "</graphics>", "line 5, <mouse>: only a display of type 'spice' has "
      "this" },
    { "hvm", IN_DEVICES, "<graphics type='vnc'><gl enable='yes'/>"
      "</graphics>", "line 5, <gl>: libxl has OpenGL for 'sdl' only" },
    { "hvm", IN_DEVICES, "<graphics type='sdl'/>\n<graphics type='sdl'/>",
      "line 6, <graphics>: a guest has one sdl display" },
    { "hvm", IN_DEVICES, "<graphics type='spice' port='5900'/>\n"
      "<graphics type='spice' port='5901'/>", "line 6, <graphics>: a guest "
      "has one spice display" },
    { "xenpvh", IN_DEVICES, "<video><model type='vga'/></video>", "line 5, "
      "<model>: only a guest of type 'hvm' has 'vga'; use 'xen'" },

    /* -- what libxl does not start, or starts without -- */
    { "hvm", IN_DEVICES, VIDEO("qxl", "65536"), "line 5, <model>: vram: libxl "
      "starts no guest with less than 131072 KiB for this card" },
    { "hvm", IN_DEVICES, VIDEO("vga", "16383"), "line 5, <model>: vram: libxl "
      "starts no guest with less than 16384 KiB for this card" },
    { "hvm", IN_DEVICES, VIDEO("cirrus", "4096"), "line 5, <model>: vram: "
      "libxl starts no guest with less than 8192 KiB for this card" },
    { "hvm", IN_DEVICES, OLD_MODEL VIDEO("vga", "8191"), "line 5, <model>: "
      "vram: libxl starts no guest with less than 8192 KiB for this card" },
    { "hvm", IN_DEVICES, OLD_MODEL VIDEO("qxl", "131072"), "line 5, <model>: "
      "the old device model, qemu-dm, has no such card" },
    { "hvm", IN_DEVICES, REDIR, "line 5, <redirdev>: it goes through spice: "
      "needs <graphics type='spice'>" },
    { "hvm", IN_DEVICES, REDIR REDIR REDIR REDIR "\n" REDIR, "line 6, "
      "<redirdev>: libxl redirects 4 devices at most" },
    { "hvm", IN_DEVICES, REDIR "<graphics type='spice' port='5900'/>"
      "<input type='tablet' bus='usb'/>", "line 5, <redirdev>: libxl has "
      "redirections or inputs on the bus 'usb', not both" },
    { "hvm", IN_DEVICES, "<graphics type='spice' port='5900' passwd=''/>",
      "line 5, <graphics>: spice's passwd may not be empty; leave it out for "
      "none" },
    { "hvm", IN_DEVICES, "<sound model='ac97'/>\n<sound model='ich6'/>",
      "line 6, <sound>: libxl has one sound card" },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/><target dev='hda'/>"
      "<readonly/></disk>", "line 5, <disk>: " NOT_WRITTEN },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/><target dev='xvdd'/>"
      "<readonly/></disk>", "line 5, <disk>: " NOT_WRITTEN },
    { "hvm", IN_DEVICES, "<disk><source file='/x'/><target dev='xvdf'/>"
      "<readonly/></disk><disk><source file='/y'/>"
      "<target dev='hda' bus='sata'/></disk>",
      "line 5, <disk>: " NOT_WRITTEN },
    { "hvm", IN_DEVICES, "<disk device='cdrom'><driver name='phy'/>"
      "<source file='/x'/><target dev='hdc'/></disk>", "line 5, <driver>: "
      "libxl has cdroms of HVM guests served by name='qemu' only" },
    { "linux", IN_ROOT, CELL("0"), "line 5, <cell>: libxl has no virtual "
      "NUMA nodes for PV guests" },
    { "hvm", IN_ROOT, CELL("1"), "line 5, <numa>: vcpu 0 is in 0 cells; each "
      "must be in one" },
    { "hvm", IN_ROOT, "<vcpu>2</vcpu><cpu><numa>"
      "<cell memory='32768' cpus='0-1'/><cell memory='32768' cpus='1'/>"
      "</numa></cpu>", "line 5, <numa>: vcpu 1 is in 2 cells; each must be "
      "in one" },
    { "hvm", IN_ROOT, "<currentMemory>60000</currentMemory>" CELL("0"),
      "line 5, <numa>: libxl gives cells to a guest that has all its memory "
      "from the start only: make <currentMemory> and <memory> the same" },
    { "hvm", IN_ROOT, "<currentMemory>60000</currentMemory><devices>" PCI
      "</devices>", "line 5, <hostdev>: libxl assigns devices to a guest that "
      "has all its memory from the start only: make <currentMemory> and "
      "<memory> the same" },
    { "hvm", IN_ROOT, "<currentMemory>60000</currentMemory><features><xen>"
      "<passthrough state='on'/></xen></features>", "line 5, <passthrough>: "
      "libxl assigns devices to a guest that has all its memory from the "
      "start only: make <currentMemory> and <memory> the same" },
    { "xenpvh", IN_DEVICES, PCI, "line 5, <hostdev>: libxl assigns no devices "
      "to guests of type 'xenpvh'" },
    { "hvm", IN_ROOT, "<features><xen><passthrough state='off'/></xen>"
      "</features><devices>" PCI "</devices>", "line 5, <hostdev>: "
      "<passthrough state='off'/> is against it" },

    /* -- more of controllers -- */
    { "hvm", IN_DEVICES, "<controller type='usb' model='nec-xhci' "
      "ports='8'/>", "line 5, <controller>: QEMU's controllers have the ports "
      "that they have; take ports= out" },
    { "hvm", IN_DEVICES, "<controller type='usb' index='1'/>\n"
      "<controller type='usb' index='1'/>",
      "line 6, <controller>: index 1 is given twice" },
    { "hvm", IN_DEVICES, "<controller type='usb' model='pci-ohci'/>",
      "line 5, <controller>: model 'pci-ohci': libxl has qusb1, qusb2, "
      "piix3-uhci, ich9-ehci1 and nec-xhci" },
    { "hvm", IN_DEVICES, "<controller type='scsi' model='virtio-scsi'/>",
      "line 5, <controller>: model 'virtio-scsi': libxl's controllers of "
      "type 'scsi' are of model 'lsilogic' only" },
    { NULL, IN_ROOT, NULL, NULL }
};

#define EFI(type, loader, emulator)                                         \
    "<domain type='xen'><name>a</name><memory>65536</memory>"               \
    "<os firmware='" type "'><type>hvm</type>" loader "</os>"               \
    "<devices>" emulator "</devices></domain>"

const struct whole_refusal xf_whole_refusals[] = {
    { EFI("efi", "<loader type='rom'>/x</loader>", ""), "domain XML, line 1, "
      "<loader>: type 'rom' is not what <os firmware=> says: 'rom' is a BIOS, "
      "'pflash' is EFI" },
    { EFI("bios", "<loader type='pflash'/>", ""), "domain XML, line 1, "
      "<loader>: type 'pflash' is not what <os firmware=> says: 'rom' is a "
      "BIOS, 'pflash' is EFI" },
    { EFI("efi", "", "<emulator>/usr/lib/xen/bin/qemu-dm</emulator>"),
      "domain XML, line 1, <os>: the old device model, qemu-dm, has a BIOS of "
      "its own and takes no other" },
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
      "</domain>", "domain XML, line 1, <name>: 'a/b' has a control "
      "character or a slash in it" },
    { "<domain type='xen'><name>a&#10;b</name><os><type>hvm</type></os>"
      "</domain>", "domain XML, line 1, <name>: 'a\nb' has a control "
      "character or a slash in it" },
    { "<domain type='xen'><name>a</name><os><type>hvm</type></os></domain>",
      "domain XML, line 1, <domain>: has no <memory>" },
    { "<domain type='xen'><os><type machine='xenpv'>hvm</type></os>"
      "</domain>", "domain XML, line 1, <type>: type 'hvm' has no machine "
      "'xenpv'" },
    { "<domain type='xen'><name>a</name><memory>65536</memory><bootloader>x"
      "</bootloader><os><type>linux</type><kernel>k</kernel></os></domain>",
      "domain XML, line 1, <domain>: has both <kernel> and <bootloader>" },
    { "<domain type='xen'><name>a</name><memory>65536</memory><os>"
      "<type>xenpvh</type></os></domain>", "domain XML, line 1, <os>: needs "
      "<kernel>, or <bootloader> before it: libxl has no firmware for guests "
      "of type 'xenpvh'" },
    { "<domain type='xen'><name>a</name><memory>65536</memory><os><type>hvm"
      "</type><boot dev='hd'/></os><devices><interface type='ethernet'>"
      "<boot order='1'/></interface></devices></domain>", "domain XML, line "
      "1, <domain>: has a boot order both in <os> and in devices" },
    { NULL, NULL }
};
