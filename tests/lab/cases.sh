# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2034
#
# The cases, in the order they run.  Each is a function case_NAME.  Most move
# the guest g1, which goes on from case to case: pvh_guest says on which host it
# is ($src), and which one is the other ($dst).

# -- the way it should be --

case_pvh_live() {
    pvh_guest
    moves "$src" g1 --live
    moves "$dst" g1 --live
}

case_pvh_not_live() {
    pvh_guest
    moves "$src" g1
    moves "$dst" g1
}

case_hvm_live() {
    guest host1 hvm h1
    moves host1 h1 --live
    moves host2 h1 --live
}

case_pv() {
    guest host1 pv p1
    refused 1 "without --live" host1 p1 --live
    only_on host1 p1
    moves host1 p1
    moves host2 p1
}

case_from_xml_with_disk_and_nic() {
    local since said
    guest host1 pvh x1 --via xenferry --nic --disk 64M
    since=$(tick_number host1 x1)
    said=$(move host1 x1 --live)
    note "$(grep -E '^  (total time|downtime) ' <<<"$said")"
    only_on host2 x1
    ticking_on host2 x1 "$since"
    on host2 "xl block-list x1 | grep -q 51712; xl network-list x1 | grep -q 00:16:3e"
    moves host2 x1 --live
}

case_long_from_xml_with_disks_and_interfaces() {
    guest host1 pvh x1 --via xenferry --nic --nic --shared-disk 2M \
        --shared-disk 2M
    moves_whole host1 x1 --live
    moves_whole host2 x1 --live
}

case_long_hvm_from_xml_with_disks_and_interfaces() {
    guest host1 hvm x2 --via xenferry --nic --nic --shared-disk 2M \
        --shared-disk 2M
    moves_whole host1 x2 --live
    moves_whole host2 x2 --live
}

# PV moves without --live where the hypervisor has no shadow paging.
case_long_pv_from_xml_with_disks_and_interfaces() {
    guest host1 pv x3 --via xenferry --nic --nic --shared-disk 2M \
        --shared-disk 2M
    moves_whole host1 x3
    moves_whole host2 x3
}

case_json() {
    local said
    pvh_guest
    said=$(move "$src" g1 --live --json 2>/dev/null)
    expect '"moved"' "$said"
    expect '"wire_bytes"' "$said"
}

case_dname() {
    local since name
    for name in "${hosts[@]}"; do
        cp "$seen/$name" "$seen/$name.dname"
    done
    pvh_guest
    since=$(tick_number "$src" g1)
    move "$src" g1 --live --dname renamed
    only_on "$dst" renamed
    ticking_on "$dst" renamed "$since"
    move "$dst" renamed --live --dname g1
    only_on "$src" g1
}

case_arrives_paused() {
    local since
    pvh_guest
    since=$(tick_number "$src" g1)
    move "$src" g1 --live --paused
    only_on "$dst" g1
    expect paused "$(on "$dst" "$virsh domstate g1")"
    on "$dst" "$virsh resume g1"
    ticking_on "$dst" g1 "$since"
}

# A paused guest cannot answer a suspend request: it is let run for that.
case_paused_guest_moves_paused() {
    local since
    pvh_guest
    since=$(tick_number "$src" g1)
    on "$src" "$virsh suspend g1"
    move "$src" g1 --live
    only_on "$dst" g1
    expect paused "$(on "$dst" "$virsh domstate g1")"
    on "$dst" "$virsh resume g1"
    ticking_on "$dst" g1 "$since"
}

# The four moves of the cases before it, from dname on, have left nothing behind,
# not a descriptor each.
case_nothing_has_grown() {
    local name
    for name in "${hosts[@]}"; do
        cp "$seen/$name.dname" "$seen/$name.before" ||
            fail "this looks back at dname, which has not been run"
    done
    no_slack
    all_clean
}

# What is left over adds up: of descriptors none each, and of Xen's memory no
# more than figures in whole MiB can hide.  The daemons may still grow by a MiB
# in each of the eight pools that the C library has for the threads of one CPU;
# a document or a buffer of each move would be more.
no_slack() {
    descriptors_slack=3
    memory_slack=2
    resident_slack=8192
}

# -- an unmodified virsh --

case_virsh() {
    local said
    pvh_guest
    expect g1 "$(on "$src" "$virsh list")"
    expect "OS Type:        xenpvh" "$(on "$src" "$virsh dominfo g1")"
    expect "<type" "$(on "$src" "$virsh dumpxml g1")"
    said=$(on "$src" "script -qec \"$virsh migrate --live --verbose g1 \
        $(uri_of "$dst")\" /dev/null")
    expect "100 %" "$said"
    [ "$(tr '\r' '\n' <<<"$said" | grep -o '\[ *[0-9]* %\]' | sort -u |
        wc -l)" -ge 3 ] || fail "the percentage does not move: $said"
    only_on "$dst" g1
    ticking_on "$dst" g1
}

# The guest t1 from the XML of g1, with words that Xen has no place for.
titled_guest() {
    on "$src" "$virsh dumpxml --inactive g1 | sed -e '/<metadata>/,/<.metadata>/d' \
        -e 's,<name>g1</name>,<name>t1</name><title>of the lab</title>,' \
        -e 's,lab_name=g1,lab_name=t1,' \
        -e 's,<uuid>.*</uuid>,<metadata><a:b xmlns:a=\"urn:a\">kept</a:b></metadata>,' \
        >t1.xml && xenferry create t1.xml"
}

# virsh_xml EDIT: moves t1 with its XML edited so, as a user does it.
virsh_xml() {
    on "$src" "$virsh dumpxml --migratable t1 | sed '$1' >edited.xml &&
        $virsh migrate --live --xml edited.xml t1 $(uri_of "$dst") 2>&1"
}

case_virsh_xml_and_native() {
    local said since
    pvh_guest
    said=$(on "$src" "$virsh dumpxml --inactive g1 >g1.xml
        $virsh domxml-to-native xen-xl g1.xml >g1.cfg &&
        $virsh domxml-from-native xen-xl g1.cfg >again.xml &&
        $virsh domxml-to-native xen-xl again.xml | diff g1.cfg - &&
        cat g1.cfg")
    expect 'type = "pvh"' "$said"
    titled_guest
    ticking_on "$src" t1
    said=$(virsh_xml 's,<vcpu.*</vcpu>,<vcpu>2</vcpu>,' || true)
    expect "/b_info/max_vcpus: 1 here, 2 there" "$said"
    said=$(virsh_xml 's,<kernel>.*</kernel>,<kernel>/none/k</kernel>,' || true)
    expect "kernel '/none/k': No such file" "$said"
    since=$(tick_number "$src" t1)
    virsh_xml 's,<on_crash>.*</on_crash>,<on_crash>preserve</on_crash>,'
    only_on "$dst" t1
    said=$(on "$dst" "$virsh dumpxml t1; xl list -l t1")
    expect "<title>of the lab</title>" "$said"
    expect ">kept</a:b>" "$said"
    expect "<on_crash>preserve</on_crash>" "$said"
    expect '"on_crash": "preserve"' "$said"
    ticking_on "$dst" t1 "$since"
}

case_virsh_domjobabort_with_a_second_migration_refused() {
    local rc=0
    pvh_guest
    begin_slow "$src" g1 on_virsh "$src" migrate --live --bandwidth 4 g1 \
        "$(uri_of "$dst")"
    refused 1 "already being migrated" "$src" g1 --live
    on_virsh "$src" domjobabort g1
    end_slow_move || rc=$?
    [ "$rc" -eq 1 ]
    expect "migration of domain 'g1' was aborted" "$slow_said"
    only_on "$src" g1
    ticking_on "$src" g1
    moves "$src" g1 --live
}

# -- a host that has only xl --

# Its daemon is stopped meanwhile.
only_xl() {
    on "$1" "systemctl stop xenferryd"
}

daemon_again() {
    on "$1" "systemctl start xenferryd"
    within 30 on "$1" "xenferry list"
}

case_long_direct_to_xl_and_back() {
    local since
    pvh_guest
    only_xl host2
    since=$(tick_number host1 g1)
    note "$(on host1 "xenferry migrate --live --direct g1 xl+ssh://host2" |
        grep -E '^  (total time|downtime) ')"
    only_on host2 g1
    ticking_on host2 g1 "$since"
    since=$(tick_number host2 g1)
    on host2 "xl migrate -s '' g1 'ssh host1 xenferry receive'"
    only_on host1 g1
    ticking_on host1 g1 "$since"
    daemon_again host2
}

# What connects the two lets xl say its banner and that it is ready, and is
# cut then: g1 runs there, and host1 cannot know.
case_long_direct_report_lost() {
    local since token conf=/etc/xenferry/xenferryd.conf
    pvh_guest
    only_xl host2
    on host1 "cp $conf $conf.kept; printf '%s\n' '[migration]' \
        'xl_command = ssh -T %d \"xl migrate-receive | dd bs=1 count=88 status=none\"' >>$conf
        systemctl restart xenferryd"
    within 30 on host1 "xenferry list"
    since=$(tick_number host1 g1)
    refused_directly 3 host1 g1
    ticking_on host2 g1 "$since"
    expect "(xl)" "$(on host1 "xenferry handoffs")"
    token=$(on host1 "xenferry handoffs --json" |
        sed -n 's/.*"token" *: *"\([0-9a-f]*\)".*/\1/p')
    on host1 "systemctl restart xenferryd"
    within 30 on host1 "xenferry list"
    expect "in-doubt" "$(on host1 "xenferry handoffs")"
    on host1 "xenferry resolve --assume-committed --yes $token"
    only_on host2 g1
    on host1 "mv $conf.kept $conf; systemctl restart xenferryd"
    within 30 on host1 "xenferry list"
    daemon_again host2
    # a process of xl's looks after it there, as long as it lives
    on host2 "xl destroy g1"
}

refused_directly() {
    local rc=0
    on "$2" "xenferry migrate --live --direct $3 \
        xl+ssh://$(other "$2")" || rc=$?
    [ "$rc" -eq "$1" ] || fail "exit status $rc, not $1"
}

# -- a stock libvirtd at the other end, driven by an unmodified virsh --

case_long_libvirtd() {
    pvh_guest
    "$lab" libvirtd host2 on
    to_libvirtd
    from_libvirtd
    to_libvirtd --p2p
    from_libvirtd --p2p
    "$lab" libvirtd host2 off
}

# -- through the connection between the daemons --

case_tunnelled() {
    pvh_guest
    tunnels "$src" "$virsh migrate --live --verbose --p2p --tunnelled g1"
    tunnels "$dst" "xenferry migrate --p2p --tunnelled g1"
}

# -- what goes wrong --

case_destination_killed_in_mid_stream() {
    local rc=0
    pvh_guest
    begin_slow_move "$src" g1
    on "$dst" "systemctl kill -s KILL xenferryd"
    end_slow_move || rc=$?
    [ "$rc" -eq 1 ]
    within 30 on "$dst" "xenferry list"
    within 30 only_on "$src" g1
    ticking_on "$src" g1
    moves "$src" g1 --live
}

case_client_killed_in_mid_stream() {
    pvh_guest
    begin_slow_move "$src" g1
    on "$src" "pkill -KILL -x xenferry"
    end_slow_move || true
    within 30 only_on "$src" g1
    ticking_on "$src" g1
    moves "$src" g1 --live
}

case_link_cut_in_mid_stream() {
    local rc=0
    pvh_guest
    begin_slow_move "$src" g1
    "$lab" link down
    end_slow_move || rc=$?
    "$lab" link up
    [ "$rc" -eq 1 ]
    within 60 only_on "$src" g1
    ticking_on "$src" g1
    moves "$src" g1 --live
}

case_name_or_uuid_taken() {
    pvh_guest
    guest "$dst" pvh g1 --no-wait
    refused 1 "the same name" "$src" g1 --live
    ticking_on "$src" g1
    on "$dst" "xl destroy g1"
    moves "$src" g1 --live
}

case_not_enough_memory() {
    pvh_guest
    guest "$dst" pvh other --memory "$(($(on "$dst" "xl info free_memory") - 100))" \
        --no-wait
    refused 1 "not enough memory" "$src" g1 --live
    ticking_on "$src" g1
    on "$dst" "xl domid other"
}

no_device_nodes() {
    [ -z "$(on "$1" "xenstore-ls -f /local/domain/0/backend |
        grep -E '/(vbd|vif)/[0-9]'")" ]
}

# It is attached while memory streams: the reason reaches the user, the guest
# was never stopped, and nothing of its devices is left.
case_long_hotplug_script_fails() {
    local script=/etc/xen/scripts/vif-bridge rc=0
    guest host1 pvh x1 --via xenferry --nic --disk 64M
    on host2 "cp -p $script $script.kept && printf '%s\n' '#!/bin/bash' \
        '. /etc/xen/scripts/xen-hotplug-common.sh' 'fatal on purpose' >$script"
    refused 1 "did not arrive on host" host1 x1 --live || rc=1
    on host2 "mv $script.kept $script"
    [ "$rc" -eq 0 ]
    only_on host1 x1
    ticking_on host1 x1
    within 30 no_device_nodes host2
    moves host1 x1 --live
}

# What a domain on its way will still take is promised to it.
case_two_for_the_last_memory() {
    local free
    pvh_guest
    guest "$src" pvh g2
    free=$(on "$dst" "xl info free_memory")
    guest "$dst" pvh other --memory "$((free - 200))" --no-wait
    begin_slow_move "$src" g1
    refused 1 "promised to 1 other incoming" "$src" g2 --live
    ticking_on "$src" g2
    on "$src" "$virsh domjobabort g1"
    end_slow_move || true
    ticking_on "$src" g1
    moves "$src" g2 --live
}

case_rubbish_on_the_channel() {
    pvh_guest
    begin_slow_move "$src" g1
    on "$src" "exec 3<>/dev/tcp/$dst/49217; head -c 4096 /dev/urandom >&3" ||
        true
    on "$src" "exec 3<>/dev/tcp/$dst/49217; timeout 20 cat <&3" ||
        fail "a silent peer is not dropped"
    on "$src" "head -c 4096 /dev/urandom >/dev/tcp/$dst/$port" || true
    on "$src" "$virsh domjobabort g1"
    end_slow_move || true
    ticking_on "$src" g1
    moves "$src" g1 --live
}

# -- again and again --

case_long_twenty_moves() {
    local from name
    pvh_guest
    from=$src
    for _ in 1 2 3 4; do        # what is kept for the next one is made
        move "$from" g1 --live
        from=$(other "$from")
    done
    look
    remember_hosts
    no_slack
    for _ in $(seq 20); do
        move "$from" g1 --live
        from=$(other "$from")
    done
    only_on "$src" g1
    ticking_on "$src" g1
    for name in "${hosts[@]}"; do
        note "xenferryd on $name: $(number_of "$name" resident) KiB resident," \
            "$(was "$name" resident) KiB before"
    done
}

# -- what the keeper does for guests that came in, and for its own --

domid_changed() {
    local now
    now=$(on "$1" "xl domid $2") && [ "$now" -ne "$3" ]
}

# comes_again HOST NAME HOW: it ends so, and is started again
comes_again() {
    local domid
    domid=$(on "$1" "xl domid $2")
    "$lab" tell "$@"
    within 60 domid_changed "$1" "$2" "$domid"
    ticking_on "$1" "$2"
}

case_reboots_at_the_destination() {
    pvh_guest
    moves "$src" g1 --live
    comes_again "$dst" g1 reboot
}

# Created here, it reboots.  What tells of its end has to be armed anew after
# an abort: then it crashes.
case_long_comes_again_where_it_was_made() {
    local rc=0
    guest host1 pvh k1 --via xenferry --on-crash restart
    comes_again host1 k1 reboot
    begin_slow_move host1 k1
    on_virsh host1 domjobabort k1
    end_slow_move || rc=$?
    [ "$rc" -eq 1 ]
    only_on host1 k1
    comes_again host1 k1 crash
}

is_empty() {
    look && [ -z "$(domains "$1")" ]
}

case_powers_off_at_the_destination() {
    pvh_guest
    moves "$src" g1 --live
    "$lab" tell "$dst" g1 quit
    within 60 is_empty "$dst"
}

# -- guests as others have made them --

# In the background: it takes as long as to make the next one on host1.
begin_recreating() {
    host host2 recreate <"$seen/$1.xml" >"$seen/$1.is" &
    recreating=$!
}

# made_again FILE...: created from that on host1, described there, created from
# the description on host2: the same domain, for xl.
made_again() {
    local file name names=() recreating=''
    for name in "${hosts[@]}"; do
        make_files "$name"
    done
    for file; do
        name=$(basename "${file%.*}")
        names+=("$name")
        host host1 describe "$(basename "$(dirname "$file")")/${file##*/}" |
            tar -x -C "$seen"
        [ -z "$recreating" ] || wait "$recreating"
        begin_recreating "$name"
    done
    wait "$recreating"
    for name in "${names[@]}"; do
        "$here/same-domain" "$seen/$name.was" "$seen/$name.is" ||
            fail "$name is another one, recreated"
    done
    note "${#names[@]} domains"
}

# By xl
case_long_domains_of_xl() {
    made_again "$here"/xl/*.cfg
}

# By Xenferry
case_long_domains_of_xml() {
    made_again "$here"/xml/*.xml
}

# What the disks in xl/*.cfg and xml/*.xml are
make_files() {
    local file=$seen/xl.qcow2
    [ -e "$file" ] || qemu-img create -q -f qcow2 "$file" 1M
    on "$1" "cd /srv/guest && cat >xl.qcow2 && truncate -s 1M xl.raw xl.iso" \
        <"$file"
}
