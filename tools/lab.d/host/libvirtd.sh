# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Run on a host: libvirtd.sh on|off
set -eu
units='libvirtd-tcp.socket libvirtd.socket libvirtd-ro.socket'
case $1 in
on)
    # shellcheck disable=SC2086
    systemctl start $units
    systemctl start libvirtd.service
    virsh -c xen:///system version >/dev/null
    ;;
off)
    # shellcheck disable=SC2086
    systemctl stop $units libvirtd-admin.socket
    systemctl stop libvirtd.service
    ;;
esac
