# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Run on a host: tell.sh NAME WORD...
# Types one line at the guest's console.
set -eu
name=$1
shift
domid=$(xl domid "$name")
tty=$(xenstore-read "/local/domain/$domid/console/tty")
printf '%s\n' "$*" >"$tty"
