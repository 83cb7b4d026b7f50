# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Run on a host: libvirtd.sh on|off
set -eu
case $1 in
on)
    systemctl start libvirtd-tcp.socket libvirtd.service
    virsh -c xen:///system version >/dev/null
    ;;
off)
    systemctl stop 'libvirtd*.socket' 'virtlogd*' 'virtlockd*' libvirtd.service
    ;;
esac
