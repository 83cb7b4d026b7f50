# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2034
#
# More cases, as in cases.sh: what clients do besides moving guests, and
# clients that are not virsh.

# on_virsh HOST WORD...: there
on_virsh() {
    on "$1" "$virsh ${*:2}"
}

# -- how fast --

# near RATE MIB: within 15 %
near() {
    awk -v rate="$1" -v wanted="$2" \
        'BEGIN { exit !(rate > 0.85 * wanted && rate < 1.15 * wanted) }' ||
        fail "$1 MiB/s on the link, not $2"
}

# flows_at MIB SECONDS: what leaves $src, over so long
flows_at() {
    local rate
    rate=$(host "$src" rate eth1 "$2")
    note "asked for $1 MiB/s, $rate MiB/s on the link"
    near "$rate" "$1"
}

case_long_bandwidth() {
    local pid rc=0
    pvh_guest
    move "$src" g1 --live --bandwidth 8 &
    pid=$!
    within 30 streaming "$src" g1
    flows_at 8 6 || rc=1
    wait "$pid"
    [ "$rc" -eq 0 ]
    only_on "$dst" g1
    ticking_on "$dst" g1
}

case_long_speed_is_changed() {
    local rc=0
    pvh_guest
    on_virsh "$src" migrate-setspeed g1 3
    expect 3 "$(on_virsh "$src" migrate-getspeed g1)"
    slow_log=$(mktemp)
    move "$src" g1 --live >"$slow_log" 2>&1 &
    slow_pid=$!
    within 30 streaming "$src" g1
    flows_at 3 4 || rc=1
    on_virsh "$src" migrate-setspeed g1 8
    flows_at 8 4 || rc=1
    on_virsh "$src" migrate-setspeed g1 0
    end_slow_move
    [ "$rc" -eq 0 ]
    only_on "$dst" g1
    ticking_on "$dst" g1
}

# -- stored domains --

# listed HOST NAME WORD...: does virsh list WORD... there have it?
listed() {
    on_virsh "$1" list --name "${@:3}" | grep -qx "$2"
}

not_listed() {
    ! listed "$@" || fail "$2 is listed on $1 (${*:3})"
}

# persistent HOST NAME yes|no
persistent() {
    expect "$3" "$(on_virsh "$1" dominfo "$2" | grep '^Persistent:')"
}

case_long_stored_domain() {
    local since file=/srv/guest/s1.stored
    guest host1 pvh s1 --via xenferry
    persistent host1 s1 no
    # with its uuid
    on_virsh host1 dumpxml --inactive s1 ">$file"
    on_virsh host1 define "$file"
    persistent host1 s1 yes
    # It moves, and its definition goes with it.
    since=$(tick_number host1 s1)
    on_virsh host1 migrate --live --persistent --undefinesource s1 \
        "$(uri_of host2)"
    only_on host2 s1
    ticking_on host2 s1 "$since"
    not_listed host1 s1 --all
    persistent host2 s1 yes
    # Shut off it moves, too.
    on_virsh host2 destroy s1
    listed host2 s1 --inactive
    on_virsh host2 migrate --offline --persistent --undefinesource s1 \
        "$(uri_of host1)"
    listed host1 s1 --inactive
    not_listed host2 s1 --all
    # A daemon that starts again knows it; it does not start it, for the host
    # has not booted.
    on_virsh host1 autostart s1
    on host1 "systemctl restart xenferryd"
    within 30 on host1 "xenferry list"
    listed host1 s1 --inactive
    listed host1 s1 --all --autostart
    expect "shut off" "$(on_virsh host1 domstate s1)"
    on_virsh host1 start s1
    ticking_on host1 s1
    # One that stays behind: the definition does, the guest goes.
    since=$(tick_number host1 s1)
    on host1 "xenferry migrate --live s1 $(uri_of host2)"
    ticking_on host2 s1 "$since"
    listed host1 s1 --inactive
    persistent host2 s1 no
    on_virsh host1 autostart --disable s1
    on_virsh host1 undefine s1
    not_listed host1 s1 --all
    on_virsh host2 destroy s1
    not_listed host2 s1 --all
}

case_long_autostart_after_a_loss_of_power() {
    guest host1 pvh s2 --via xenferry --no-wait
    on host1 "cat /srv/guest/s2.xml; xl destroy s2" >"$seen/s2.xml"
    on host2 "cat >/srv/guest/s2.xml" <"$seen/s2.xml"
    on_virsh host2 define /srv/guest/s2.xml
    on_virsh host2 autostart s2
    on_virsh host2 start s2
    ticking_on host2 s2
    on host2 sync
    "$lab" power host2 cut
    "$lab" power host2 on
    within 120 listed host2 s2
    ticking_on host2 s2
    on_virsh host2 destroy s2
    on_virsh host2 autostart --disable s2
    on_virsh host2 undefine s2
    look
    remember_hosts
}

# -- what is told of a move --

case_long_events_and_jobs() {
    local said
    pvh_guest
    guest "$dst" pvh g2 --no-wait
    host "$src" events-begin g1
    host "$dst" events-begin g2
    begin_slow_move "$src" g1
    said=$(on_virsh "$src" domjobinfo g1)
    expect "Outgoing migration" "$said"
    expect "Memory total:     128" "$said"
    on_virsh "$src" migrate-setspeed g1 0
    end_slow_move
    only_on "$dst" g1
    expect "running (migrated)" "$(on_virsh "$dst" domstate --reason g1)"
    said=$(on_virsh "$dst" domjobinfo --completed g1)
    expect "Completed" "$said"
    note "$(grep '^Time elapsed' <<<"$said")"
    said=$(host "$src" events-end)
    expect "'migration-iteration' for domain 'g1': iteration: '1'" "$said"
    expect "'job-completed' for domain 'g1'" "$said"
    expect "downtime: " "$said"
    note "$(grep 'downtime: ' <<<"$said")"
    expect "'lifecycle' for domain 'g1': Suspended Migrated" "$said"
    expect "'lifecycle' for domain 'g1': Stopped Migrated" "$said"
    said=$(host "$dst" events-end)
    expect "'lifecycle' for domain 'g1': Resumed Migrated" "$said"
}

case_virsh_asks() {
    local said
    pvh_guest
    said=$(on_virsh "$src" capabilities)
    expect "<os_type>xenpvh</os_type>" "$said"
    expect "<uri_transport>tcp</uri_transport>" "$said"
    expect "<domain>xen</domain>" "$(on_virsh "$src" domcapabilities)"
    expect "CPU model" "$(on_virsh "$src" nodeinfo)"
    expect "Running hypervisor: Xen 4." "$(on_virsh "$src" version)"
    expect "running (" "$(on_virsh "$src" domstate --reason g1)"
    expect "$src" "$(on_virsh "$src" hostname)"
    said=$(on "$src" "script -qec \"$virsh console g1\" /dev/null || true")
    expect "xl console" "$said"
}

# -- in a file --

case_long_save_and_restore() {
    local since file=/srv/guest/g1.save
    pvh_guest
    since=$(tick_number "$src" g1)
    on_virsh "$src" save g1 "$file"
    not_listed "$src" g1 --all
    on "$src" "xl restore $file"
    ticking_on "$src" g1 "$since"
    since=$(tick_number "$src" g1)
    on "$src" "xl save g1 $file"
    on_virsh "$src" restore "$file"
    ticking_on "$src" g1 "$since"
    on "$src" "rm $file"
    moves "$src" g1 --live
}

# Who was never asked to suspend is not let run when another tool saves it.
case_long_xl_saves_after_the_daemon_died() {
    local since rc=0 file=/srv/guest/g1.save
    pvh_guest
    begin_slow_move "$src" g1
    on "$src" "systemctl kill -s KILL xenferryd"
    end_slow_move || rc=$?
    [ "$rc" -eq 1 ]
    within 30 on "$src" "xenferry list"
    within 30 only_on "$src" g1
    since=$(tick_number "$src" g1)
    on "$src" "xl save g1 $file"
    not_listed "$src" g1 --all
    on "$src" "! journalctl -u xenferryd -o cat -n 9 | grep -F 'long after it was'"
    on_virsh "$src" restore "$file"
    on "$src" "rm $file"
    ticking_on "$src" g1 "$since"
    moves "$src" g1 --live
}

# -- other clients --

case_long_python_libvirt() {
    local since
    pvh_guest
    since=$(tick_number "$src" g1)
    note "$(on "$src" "python3 lab-test/libvirt-client.py g1 $(uri_of "$dst")" \
        2>&1)"
    only_on "$src" g1
    ticking_on "$src" g1 "$since"
}

# agent HOST ACTION STATUS: what the cluster would do there
agent() {
    local said rc=0
    said=$(on "$1" "lab-test/virtual-domain a1 $2 $(other "$1")" 2>&1) || rc=$?
    [ "$rc" -eq "$3" ] || fail "$2 on $1: exit status $rc, not $3: $said"
}

# As the cluster moves a resource: there, seen there, and stopped here, where
# it is no more.
agent_moves() {
    local since to
    to=$(other "$1")
    since=$(tick_number "$1" a1)
    agent "$1" migrate_to 0
    agent "$to" migrate_from 0
    agent "$1" stop 0
    agent "$to" monitor 0
    agent "$1" monitor 7
    only_on "$to" a1
    ticking_on "$to" a1 "$since"
}

case_long_pacemaker_agent() {
    guest host1 pvh a1 --via xenferry --no-wait
    on host1 "cat /srv/guest/a1.xml; xl destroy a1" >"$seen/a1.xml"
    on host2 "cat >/srv/guest/a1.xml" <"$seen/a1.xml"
    agent host1 validate-all 0
    agent host1 monitor 7
    agent host1 start 0
    ticking_on host1 a1
    agent host1 monitor 0
    agent_moves host1
    agent_moves host2
    agent host1 stop 0
    agent host1 monitor 7
    not_listed host1 a1 --all
    not_listed host2 a1 --all
}
