# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
#
# What the lab tests are written in.

lab=$top/tools/lab
hosts=(host1 host2)
port=16510

# on HOST COMMAND...: one shell command line there
on() {
    local host=$1
    shift
    "$lab" ssh "$host" "$*"
}

uri_of() {
    echo "xen+tcp://$1:$port/system"
}

other() {
    if [ "$1" = host1 ]; then echo host2; else echo host1; fi
}

fail() {
    echo "$*"
    return 1
}

# within SECONDS COMMAND...: try until it succeeds
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || fail "not in time: $*" || return 1
    done
}

# expect WORDS TEXT: TEXT contains WORDS
expect() {
    case $2 in
    *"$1"*) ;;
    *) fail "expected '$1' in: $2" ;;
    esac
}

guest() {
    "$lab" guest "$@"
}

# The PVH guest g1, running on host1: as an earlier case left it, moved back,
# or a new one.
pvh_guest() {
    if ticks_now host2 g1; then
        move host2 g1 --live
    elif ! ticks_now host1 g1; then
        destroy_guests
        guest host1 pvh g1
    fi
    only_on host1 g1
}

ticks_now() {
    domains "$1" | grep -qx "$2" && ticking_on "$1" "$2"
}

# All but those named
destroy_guests() {
    local host name
    for host in "${hosts[@]}"; do
        for name in $(domains "$host"); do
            case " $* " in
            *" $name "*) ;;
            *) on "$host" "xl destroy $name" ;;
            esac
        done
    done
}

# -- where a guest is, and that it runs --

tick_number() {
    "$lab" ticks "$1" "$2" | sed -n 's/^tick \([0-9]*\) .*/\1/p'
}

tick_above() {
    local now
    now=$(tick_number "$1" "$2") && [ "${now:-0}" -gt "$3" ]
}

# ticking_on HOST NAME [SINCE]: it runs there now, and never went back behind
# tick SINCE, as a guest that was started again would.
ticking_on() {
    local first
    within 30 tick_number "$1" "$2"
    first=$(tick_number "$1" "$2")
    [ "$first" -ge "${3:-0}" ] ||
        fail "$2 on $1 is at tick $first, it was at $3 before" || return 1
    within 30 tick_above "$1" "$2" "$first"
}

domains() {
    on "$1" "xl list" | awk 'NR > 1 && $1 != "Domain-0" { print $1 }'
}

# What there is of NAME on HOST, leftovers under temporary names included
copies() {
    domains "$1" | grep -x "$2\(--.*\)\?" || true
}

# only_on HOST NAME: it is there, and nothing of it on the other host
only_on() {
    local here there
    here=$(copies "$1" "$2")
    there=$(copies "$(other "$1")" "$2")
    [ "$here/$there" = "$2/" ] ||
        fail "expected $2 on $1 alone; $1: '$here', $(other "$1"): '$there'"
}

# move FROM NAME [OPTION...]: to the other host
move() {
    local from=$1 name=$2
    shift 2
    on "$from" "xenferry migrate $name $(uri_of "$(other "$from")") $*"
}

# moves FROM NAME [OPTION...]: it moves, and ticks on there
moves() {
    local since
    since=$(tick_number "$1" "$2")
    move "$@" || return
    only_on "$(other "$1")" "$2" && ticking_on "$(other "$1")" "$2" "$since"
}

# refused STATUS WORDS FROM NAME [OPTION...]: the migration fails so
refused() {
    local status=$1 words=$2 said rc=0
    shift 2
    said=$(move "$@" 2>&1) || rc=$?
    [ "$rc" -eq "$status" ] || fail "exit status $rc, not $status: $said" ||
        return 1
    expect "$words" "$said"
}

# begin_slow_move FROM NAME [OPTION...]: starts a migration that takes its
# time and returns when memory flows; its output is in $slow_log, its pid in
# $slow_pid.
begin_slow_move() {
    slow_log=$(mktemp)
    move "$@" --live --bandwidth 4 >"$slow_log" 2>&1 &
    slow_pid=$!
    within 30 streaming "$1" "$2"
}

streaming() {
    local processed
    processed=$(on "$1" "$virsh domjobinfo $2" |
        sed -n 's/^Memory processed: *\([0-9]*\).*/\1/p')
    [ "${processed:-0}" -gt 0 ]
}

# Waits for it; its exit status.
end_slow_move() {
    local rc=0
    wait "$slow_pid" || rc=$?
    cat "$slow_log"
    rm -f "$slow_log"
    return "$rc"
}

virsh="virsh -c 'xen+unix:///system?socket=/run/xenferry/xenferry-sock'"

# -- that nothing is left behind --

records() {
    on "$1" "xenstore-ls -f /tool/xenferry/handoff 2>/dev/null" | grep -c . ||
        true
}

no_records() {
    [ "$(records "$1")" -eq 0 ]
}

helpers() {
    on "$1" "pgrep -fc 'libxl-save-helper|xl migrate|qemu-system-i386 -xen-domid [1-9]'" || true
}

no_helpers() {
    [ "$(helpers "$1")" -eq 0 ]
}

descriptors() {
    on "$1" 'ls /proc/$(systemctl show -p MainPID --value xenferryd)/fd' |
        wc -l
}

no_more_descriptors() {
    [ "$(descriptors "$1")" -le "$2" ]
}

clean_hosts() {
    local host
    "$lab" link up
    for host in "${hosts[@]}"; do
        on "$host" "systemctl is-active xenferryd || systemctl restart xenferryd"
        within 20 no_records "$host"
    done
    destroy_guests g1
    # A case that failed may have left it on both.
    ! domains host1 | grep -qx g1 || ! domains host2 | grep -qx g1 ||
        destroy_guests
}

declare -A fds_before

remember_hosts() {
    local host
    for host in "${hosts[@]}"; do
        fds_before[$host]=$(descriptors "$host")
    done
}

# Only g1 may be left, once; other guests are destroyed here, all else is a
# fault.  The daemon keeps some idle contexts of libxl, each with a few
# descriptors.
nothing_left() {
    local host
    destroy_guests g1
    [ "$( (domains host1; domains host2) | wc -l)" -le 1 ] ||
        fail "g1 is left on both hosts" || return
    for host in "${hosts[@]}"; do
        within 20 no_records "$host" || return
        within 20 no_helpers "$host" || return
        within 20 no_more_descriptors "$host" \
            "$((fds_before[$host] + ${fds_slack:-64}))" || return
    done
}

say_hosts() {
    local host
    for host in "${hosts[@]}"; do
        echo "-- $host"
        on "$host" "xl list; xenstore-ls -f /tool/xenferry/handoff;
            journalctl -q --no-pager -u xenferryd -n 40 -o cat"
    done
}
