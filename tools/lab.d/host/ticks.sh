# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Run on a host: ticks.sh NAME COUNT [others]
# Prints the last COUNT ticks that the guest printed to its console here, or
# the last COUNT lines that are not ticks.
#
# Xen's console daemon names the log of a domain after the name that the
# domain had when its console came up.  A migrated domain had a temporary one
# then, and may have been renamed since.  So the guest says its own first name
# in each tick, and the log written to last is the one.
set -eu
name=$1
count=$2
what=${3:-ticks}
domid=$(xl domid "$name" 2>/dev/null || true)
own=$(cat /var/lib/xen/userdata-d."${domid:-none}".*.libxl-json 2>/dev/null |
    sed -n 's/.*lab_name=\([^ "]*\).*/\1/p' | head -n 1)
own=${own:-$name}
tick="\(tick [0-9]* uptime [0-9.]*\) guest ${own//./\\.}[[:space:]]*$"
cd /var/log/xen/console
log=$(grep -ls "$tick" guest-*.log | xargs -r ls -t | head -n 1)
if [ -z "$log" ]; then
    echo "no ticks of a guest '$name' on $(hostname)" >&2
    exit 1
fi
case $what in
ticks) sed -n "s/.*$tick/\1/p" "$log" ;;
others) grep -av "$tick" "$log" ;;
esac | tail -n "$count"
