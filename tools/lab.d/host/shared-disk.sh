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
# A server of its own for each disk: one that reads its configuration again
# does not always live on.
port=$((20000 + $(cksum <<<"$export" | cut -d' ' -f1) % 20000))

# Anew each time: what an earlier guest has written is of no interest.
serve() {
    local size=$1 config=$device.nbd pid_file=$device.pid
    rm -f "$device.img"
    truncate -s "$size" "$device.img"
    cat >"$config" <<END
[generic]
port = $port
[$export]
exportname = $device.img
flush = true
fua = true
END
    # It opens the file for each client.
    if [ ! -e "$pid_file" ] || [ ! -e "/proc/$(cat "$pid_file")" ]; then
        nbd-server -C "$config" -p "$pid_file"
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
    # The server may not listen yet.
    for _ in $(seq 50); do
        if said=$(nbd-client "$server" "$port" "$node" -N "$export" -b 512 2>&1); then
            ln -sfn "$node" "$device"
            return
        fi
        sleep 0.2
    done
    echo "$said" >&2
    return 1
}

"$what" "$3"
