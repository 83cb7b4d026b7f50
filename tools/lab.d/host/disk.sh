# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Run on a host: disk.sh DEVICE SIZE
# Makes DEVICE a block device of that size, unless it is one already.
set -eu
device=$1
size=$2
[ ! -b "$device" ] || exit 0
mkdir -p "$(dirname "$device")"
truncate -s "$size" "$device.img"
ln -sfn "$(losetup --find --show "$device.img")" "$device"
