# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Run on a host: shared-disk.sh serve DEVICE SIZE
#                shared-disk.sh attach DEVICE SERVER
# One host serves a file, and every host has it as the block device DEVICE; by
# NBD, as README's "A trial without a SAN" has it.
set -eu
what=$1
device=$2
export=$(basename "$device")

# Anew each time: what an earlier guest has written is of no interest.
serve() {
    local size=$1
    rm -f "$device.img"
    truncate -s "$size" "$device.img"
    chown nbd: "$device.img"
    cat >"/etc/nbd-server/conf.d/$export.conf" <<END
[$export]
exportname = $device.img
flush = true
fua = true
END
    # Reloading adds an export and leaves the others' clients alone.
    if systemctl -q is-active nbd-server; then
        systemctl reload nbd-server
    else
        systemctl start nbd-server
    fi
}

# The first that is not in use
free_device() {
    local n
    for n in $(seq 0 15); do
        if [ ! -e "/sys/block/nbd$n/pid" ]; then
            echo "/dev/nbd$n"
            return
        fi
    done
    echo "all NBD devices are in use on $(hostname)" >&2
    return 1
}

attach() {
    local server=$1 node
    modprobe nbd
    if node=$(readlink -e "$device"); then
        nbd-client -d "$node" >/dev/null
        rm -f "$device"
    fi
    node=$(free_device)
    # The server may not have read its configuration yet.
    for _ in $(seq 50); do
        if said=$(nbd-client "$server" "$node" -N "$export" -b 512 2>&1); then
            ln -sfn "$node" "$device"
            return
        fi
        sleep 0.2
    done
    echo "$said" >&2
    return 1
}

"$what" "$3"
