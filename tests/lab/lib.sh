# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016,SC2034
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

# host HOST WHAT...: see tests/lab/host
host() {
    on "$1" "lab-test/host ${*:2}"
}

# -- what there is on both hosts --

# look: asks both at once.  Every case begins with a fresh look.
look() {
    local name pids=() rc=0
    for name in "${hosts[@]}"; do
        host "$name" state >"$seen/$name" &
        pids+=($!)
    done
    for name in "${pids[@]}"; do
        wait "$name" || rc=1
    done
    return "$rc"
}

# What the last look saw on HOST: its guests, or a number.
domains() {
    sed -n 's/^domain //p' "$seen/$1"
}

number_of() {
    sed -n "s/^$2 //p" "$seen/$1"
}

# What there is of NAME on HOST, leftovers under temporary names included
copies() {
    domains "$1" | grep -x "$2\(--.*\)\?" || true
}

# only_on HOST NAME: it is there, and nothing of it on the other host
only_on() {
    local here there
    look || return
    here=$(copies "$1" "$2")
    there=$(copies "$(other "$1")" "$2")
    [ "$here/$there" = "$2/" ] ||
        fail "expected $2 on $1 alone; $1: '$here', $(other "$1"): '$there'"
}

destroy_guests_but() {
    local name pids=()
    for name in "${hosts[@]}"; do
        host "$name" destroy-but "$1" &
        pids+=($!)
    done
    wait "${pids[@]}"
}

# -- guests --

# The PVH guest g1, ticking where an earlier case left it, or a new one.  That
# host is $src then, the other one $dst.
pvh_guest() {
    src=host1
    if domains host2 | grep -qx g1; then
        src=host2
    elif ! domains host1 | grep -qx g1; then
        guest host1 pvh g1
    fi
    dst=$(other "$src")
    ticking_on "$src" g1
}

tick_number() {
    "$lab" ticks "$1" "$2" | sed -n 's/^tick \([0-9]*\) .*/\1/p'
}

# ticking_on HOST NAME [SINCE]: it runs there now, and never went back behind
# tick SINCE, as a guest that was started again would.
ticking_on() {
    host "$1" ticking "$2" "${3:-0}"
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

# to_libvirtd [OPTION...]: g1, from host1's xenferryd to host2's libvirtd
to_libvirtd() {
    local since
    since=$(tick_number host1 g1)
    on host1 "$virsh migrate --live g1 xen+tcp://host2/system $*"
    only_on host2 g1
    ticking_on host2 g1 "$since"
    expect running "$(on host2 "virsh -c xen:///system domstate g1")"
}

# from_libvirtd [OPTION...]: and back
from_libvirtd() {
    local since
    since=$(tick_number host2 g1)
    on host2 "virsh -c xen:///system migrate --live g1 $(uri_of host1) $*"
    only_on host1 g1
    ticking_on host1 g1 "$since"
    expect running "$(on host1 "$virsh domstate g1")"
}

# tunnels FROM COMMAND: g1 leaves by that, through the daemons' connection
tunnels() {
    local since before began
    since=$(tick_number "$1" g1)
    before=$(tunnelled_from "$1")
    began=$(date +%s%N)
    on "$1" "$2 $(uri_of "$(other "$1")")"
    note "from $1: $(($(date +%s%N) / 1000000 - began / 1000000)) ms"
    [ "$(tunnelled_from "$1")" -eq $((before + 1)) ]
    only_on "$(other "$1")" g1
    ticking_on "$(other "$1")" g1 "$since"
}

tunnelled_from() {
    on "$1" "journalctl -u xenferryd | grep -c 'goes through the connection'" ||
        true
}

# -- what a guest has --

# A figure: printed with the case's result
note() {
    printf '# %s\n' "${*//$'\n'/$'\n# '}"
}

# addresses FILE: of the guest that "xl list -l" has listed there
addresses() {
    sed -n 's/.*lab_addr=\([0-9.,]*\).*/\1/p' "$1" | head -n 1 | tr ',' '\n'
}

# moves_whole FROM NAME [OPTION...]: moves with all it has.  xl lists the same
# there, its two disks go on record by record, and its two interfaces answer,
# one asked from either host.
moves_whole() {
    local from=$1 to name=$2 since said address
    to=$(other "$from")
    on "$from" "xl list -l $name" >"$seen/was.json"
    mapfile -t address < <(addresses "$seen/was.json")
    host "$from" ping-begin "${address[0]}"
    host "$to" ping-begin "${address[1]}"
    since=$(host "$from" written "$name" | paste -sd' ')
    said=$(move "$@" 2>&1) || fail "$said"
    note "$(grep -E '^  (total time|downtime|sent) ' <<<"$said")"
    only_on "$to" "$name"
    on "$to" "xl list -l $name" >"$seen/is.json"
    "$here/same-domain" "$seen/was.json" "$seen/is.json"
    said=$(host "$to" writing "$name" "$since")
    note "$said"
    said=$(host "$from" ping-end "${address[0]}")
    note "from $from: $said"
    said=$(host "$to" ping-end "${address[1]}")
    note "from $to: $said"
    ticking_on "$to" "$name"
    no_disk_errors "$from" "$name"
    no_disk_errors "$to" "$name"
}

# The guest says so when it cannot write, or reads what it has not written.
no_disk_errors() {
    local said
    said=$("$lab" said "$1" "$2" 1000)
    said=$(grep 'disk xvd' <<<"$said" || true)
    [ -z "$said" ] || fail "$2 on $1: $said"
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

# begin_slow FROM NAME COMMAND...: starts what migrates it and takes its time,
# and returns when memory flows; its output is in $slow_log, its pid in
# $slow_pid.
begin_slow() {
    slow_log=$(mktemp)
    "${@:3}" >"$slow_log" 2>&1 &
    slow_pid=$!
    within 90 streaming "$1" "$2"
}

# begin_slow_move FROM NAME [OPTION...]
begin_slow_move() {
    begin_slow "$1" "$2" move "$@" --live --bandwidth 4
}

streaming() {
    local processed
    processed=$(on "$1" "$virsh domjobinfo $2" |
        sed -n 's/^Memory processed: *\([0-9]*\).*/\1/p')
    [ "${processed:-0}" -gt 0 ]
}

# Waits for it; its exit status.  What it said is in $slow_said.
end_slow_move() {
    local rc=0
    wait "$slow_pid" || rc=$?
    slow_said=$(cat "$slow_log")
    echo "$slow_said"
    rm -f "$slow_log"
    return "$rc"
}

virsh="virsh -c 'xen+unix:///system?socket=/run/xenferry/xenferry-sock'"

# -- that nothing is left behind --

# After a case that failed: as before the first.
clean_hosts() {
    local name
    "$lab" link up
    for name in "${hosts[@]}"; do
        on "$name" "systemctl is-active xenferryd || systemctl restart xenferryd"
    done
    destroy_guests_but none
    within 30 no_records
}

no_records() {
    look && [ "$(number_of host1 records)/$(number_of host2 records)" = 0/0 ]
}

# Only g1 may be left, once; other guests are destroyed here, all else is a
# fault.
nothing_left() {
    destroy_guests_but g1
    within 30 all_clean || all_clean
}

# What may change without being left behind:
# - descriptors: the daemon keeps some idle contexts of libxl, each with a few;
# - Xen's memory: g1 may be on the other host by now, and has tables besides
#   its own memory;
# - the daemon's resident memory: what is done for the first time may take some
#   for good.  Empty: it is not looked at.
descriptors_slack=64
memory_slack=8
resident_slack=

was() {
    sed -n "s/^$2 //p" "$seen/$1.before"
}

# no_more HOST NUMBER SLACK
no_more() {
    local now before
    now=$(number_of "$1" "$2")
    before=$(was "$1" "$2")
    [ "$now" -le $((before + $3)) ] ||
        fail "xenferryd on $1: $2 $now, it was $before"
}

all_clean() {
    local name ports
    look || return
    [ "$( (domains host1; domains host2) | wc -l)" -le 1 ] ||
        fail "guests are left" || return
    for name in "${hosts[@]}"; do
        [ "$(number_of "$name" records)" -eq 0 ] ||
            fail "records are left on $name" || return
        [ "$(number_of "$name" helpers)" -eq 0 ] ||
            fail "processes are left on $name" || return
        ports=$(LC_ALL=C comm -13 <(was "$name" port) <(number_of "$name" port))
        [ -z "$ports" ] ||
            fail "somebody still listens on $name:" "$ports" || return
        no_more "$name" descriptors "$descriptors_slack" || return
        [ -z "$resident_slack" ] ||
            no_more "$name" resident "$resident_slack" || return
        [ "$(number_of "$name" memory)" -ge \
            $(($(was "$name" memory) - memory_slack)) ] ||
            fail "of $name's memory $(was "$name" memory) MiB were free or" \
                "a guest's, now $(number_of "$name" memory)" || return
    done
}

# What is there now is what all_clean compares with.
remember_hosts() {
    local name
    for name in "${hosts[@]}"; do
        cp "$seen/$name" "$seen/$name.before"
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
