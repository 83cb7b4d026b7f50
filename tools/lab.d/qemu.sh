# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The emulated machine of a host.  This file is an input of the snapshot: a
# saved machine can only be loaded by the machine that was saved.
#
# Not every CPU can be emulated well enough for Xen.  What is switched off or
# avoided here, and why:
# - SMEP and SMAP make the dom0 kernel fault at its first instructions;
# - AVX and XSAVE state is corrupted now and then (a migration stream turns to
#   garbage);
# - MWAIT in Xen's idle loop ends in a general protection fault (monitor);
# - RDTSCP is intercepted after a migration, and Xen fails to decode it.
# Opteron_G3 has none of the first two.  SVM with nested paging is what lets
# Xen run PVH and HVM guests.
LAB_CPU=Opteron_G3,+svm,+npt,-x2apic,-monitor,-rdtscp

host_number() {
    echo "${1#host}"
}

# The ports of a host that can be reached from this machine; QEMU picks free
# ones of its own, so that labs do not collide.
LAB_PORTS=(22 16509 16510)

host_uuid() {
    printf '58656e66-6572-7279-6c61-62000000000%d' "$(host_number "$1")"
}

xen_options() {
    echo "dom0_mem=${LAB_DOM0_MEM}M,max:${LAB_DOM0_MEM}M dom0_max_vcpus=1" \
        "console=com1 com1=115200,8n1 cpuidle=0 spec-ctrl=no noreboot"
}

dom0_options() {
    local uuid
    uuid=$(host_uuid "$1")
    echo "console=hvc0 root=/dev/sda rootfstype=ext4 rw net.ifnames=0" \
        "mitigations=off quiet fsck.mode=skip systemd.hostname=$1" \
        "systemd.machine_id=${uuid//-/} lab.host=$1"
}

# qemu_arguments HOST IMAGES DISK SOCKETS: one argument a line.
qemu_arguments() {
    local host=$1 images=$2 disk=$3 sockets=$4 n forwards='' port role
    n=$(host_number "$host")
    for port in "${LAB_PORTS[@]}"; do
        forwards+=,hostfwd=tcp:127.0.0.1:0-:$port
    done
    role=off
    [ "$host" != "${LAB_HOSTS[0]}" ] || role=on
    cat <<END
-name
xenferry-lab-$host
-nodefaults
-no-user-config
-display
none
-machine
q35,accel=tcg
-cpu
$LAB_CPU
-smp
1
-m
$LAB_MEM
-uuid
$(host_uuid "$host")
-kernel
$images/xen
-append
$(xen_options)
-initrd
$images/vmlinuz $(dom0_options "$host"),$images/initrd.img
-drive
if=none,id=disk,file=$disk,format=qcow2,cache=unsafe
-device
ide-hd,drive=disk,bus=ide.0
-netdev
user,id=outside,restrict=on$forwards
-device
e1000,netdev=outside,mac=52:54:00:78:66:0$n,addr=3
-netdev
stream,id=link,server=$role,addr.type=unix,addr.path=$sockets/link
-device
e1000,netdev=link,mac=52:54:00:78:67:0$n,addr=4
-serial
file:$sockets/$host.console
-qmp
unix:$sockets/$host.qmp,server=on,wait=off
END
}
