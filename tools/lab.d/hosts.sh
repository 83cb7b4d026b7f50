# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The two hosts: starting and stopping their machines, reaching them by ssh.
#
# A run is a folder with what belongs to two machines that run:
#   base           link to the base images
#   sockets        link to a folder in /tmp with the sockets and the consoles
#                  (a socket's path must be short)
#   HOST.pid       process id and start time of the host's QEMU
#   HOST.qcow2     what the host has written
#   HOST.ports     "HOST-PORT LOCAL-PORT" a line
#   HOST.log       what QEMU had to say

make_run() {
    local run=$1 base=$2 sockets
    mkdir -p "$run"
    sockets=$(mktemp -d /tmp/xenferry-lab.XXXXXX)
    ln -s "$sockets" "$run/sockets"
    ln -s "$base" "$run/base"
}

# Ends the machines of a run and removes all but the disks and saved states.
clear_run() {
    local run=$1 sockets
    stop_machines "$run"
    if sockets=$(readlink "$run/sockets"); then
        rm -rf "$sockets"
    fi
    rm -f "$run/sockets" "$run"/*.pid "$run"/*.ports "$run"/*.log
}

# When process $1 was started, in clock ticks; fails when there is none.
started_at() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The name, in parentheses, may hold blanks; the start time is field 22.
    awk '{ print $20 }' <<<"${stat##*) }"
}

# The pid of a run's host, if that process is there and is the one we started.
machine_pid() {
    local pid start
    [ -r "$2/$1.pid" ] || return 1
    read -r pid start <"$2/$1.pid"
    [ "$(started_at "$pid")" = "$start" ] || return 1
    echo "$pid"
}

# In a subshell: becomes a program that lives on after us.  It has no
# descriptor of ours, or of who runs us and waits for one to be closed, as
# flock(1) does.
detach() {
    local fd
    for fd in "/proc/$BASHPID/fd"/*; do
        fd=${fd##*/}
        [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
    exec setsid "$@"
}

# start_machine HOST RUN [STATE]: boots the host, or loads it from STATE and
# leaves it stopped there.
start_machine() {
    local host=$1 run=$2 state=${3:-} arguments pid sockets
    sockets=$(readlink "$run/sockets")
    mapfile -t arguments < <(qemu_arguments "$host" "$(readlink "$run/base")" \
        "$run/$host.qcow2" "$sockets")
    [ -z "$state" ] || arguments+=(-incoming "exec:cat '$state'")
    (detach qemu-system-x86_64 "${arguments[@]}") \
        </dev/null >"$run/$host.log" 2>&1 &
    pid=$!
    disown "$pid"
    echo "$pid $(started_at "$pid")" >"$run/$host.pid"
    # The first host listens for the link, the second connects to it.
    wait_machine 60 machine_answers "$host" "$run" || {
        say "QEMU for $host did not start: $(tail -n 3 "$run/$host.log")"
        return 1
    }
}

# wait_machine SECONDS FUNCTION HOST RUN [ARGUMENT...]: waits until FUNCTION
# HOST RUN ARGUMENT... succeeds; fails when the time is up and as soon as the
# machine is gone.
wait_machine() {
    wait_until "$1" succeeds_or_gone "${@:2}" && machine_pid "$3" "$4" >/dev/null
}

succeeds_or_gone() {
    ! machine_pid "$2" "$3" >/dev/null || "$@"
}

machine_answers() {
    [ -S "$2/sockets/$1.qmp" ] && monitor "$1" "$2" 'info status' >/dev/null
}

# monitor HOST RUN COMMAND...: what QEMU's monitor answers
monitor() {
    local host=$1 run=$2
    shift 2
    "$LAB_LIB/qmp" "$(readlink "$run/sockets")/$host.qmp" "$@"
}

stop_machines() {
    local run=$1 host pid
    for host in "${LAB_HOSTS[@]}"; do
        pid=$(machine_pid "$host" "$run") || continue
        kill -KILL "$pid" 2>/dev/null || continue
        wait_until 20 machine_is_gone "$host" "$run" ||
            say "process $pid of $host does not end"
    done
}

machine_is_gone() {
    ! machine_pid "$1" "$2" >/dev/null
}

# save_machine HOST RUN: saves the machine's state beside its disk; both are
# only read from then on.
save_machine() {
    local host=$1 run=$2
    monitor "$host" "$run" stop 'migrate_set_parameter max-bandwidth 4G' \
        "migrate -d \"exec:cat >'$run/$host.state'\""
    wait_machine 300 migration_is "$host" "$run" completed || {
        echo "$host could not be saved:"
        monitor "$host" "$run" 'info migrate'
        return 1
    }
    monitor "$host" "$run" quit
    wait_until 20 machine_is_gone "$host" "$run"
}

migration_is() {
    monitor "$1" "$2" 'info migrate' | grep -q "^Migration status: $3"
}

state_is_loaded() {
    monitor "$1" "$2" 'info status' | grep -q 'VM status: paused$'
}

find_ports() {
    monitor "$1" "$2" 'info usernet' |
        awk '/HOST_FORWARD/ { print $6, $4 }' | sort -n >"$2/$1.ports"
    [ -s "$2/$1.ports" ] || die "QEMU does not say which ports it forwards"
}

# host_port HOST RUN PORT: where on this machine the host's PORT is reached
host_port() {
    awk -v port="$3" '$1 == port { print $2 }' "$2/$1.ports"
}

# ssh_options HOST RUN: one a line.  Commands share the connection that `up`
# opened, which is much faster; without it each makes its own.
ssh_options() {
    local base
    base=$(readlink "$2/base")
    printf '%s\n' -F /dev/null -i "$base/id" -p "$(host_port "$1" "$2" 22)" \
        -o "UserKnownHostsFile=$base/known_hosts" -o "HostKeyAlias=$1" \
        -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR \
        -o "ControlPath=$(readlink "$2/sockets")/$1.ssh"
}

try_ssh() {
    local host=$1 run=$2 options
    shift 2
    mapfile -t options < <(ssh_options "$host" "$run")
    ssh "${options[@]}" -n -o ConnectTimeout=5 root@127.0.0.1 "$@"
}

open_master() {
    local options
    mapfile -t options < <(ssh_options "$1" "$2")
    (detach ssh "${options[@]}" -M -N -f -o ConnectTimeout=5 \
        -o ServerAliveInterval=5 root@127.0.0.1) </dev/null >/dev/null 2>&1
}

# on_host HOST COMMAND...: as root, with this process's standard streams
on_host() {
    local host=$1 options
    shift
    need_host "$host"
    mapfile -t options < <(ssh_options "$host" "$LAB_RUN")
    ssh "${options[@]}" root@127.0.0.1 "$@"
}

# host_script HOST FILE [ARGUMENT...]: run a script of lab.d/host/ there
host_script() {
    local host=$1 script=$2
    shift 2
    # shellcheck disable=SC2145
    on_host "$host" "bash -s -- ${@@Q}" <"$LAB_LIB/host/$script"
}

lab_is_up() {
    local host
    for host in "${LAB_HOSTS[@]}"; do
        machine_pid "$host" "$LAB_RUN" >/dev/null || return 1
    done
    [ -e "$LAB_RUN/ready" ]
}

need_host() {
    check_host "$1"
    machine_pid "$1" "$LAB_RUN" >/dev/null ||
        die "$1 is not up; start the lab with: lab up"
}

# dom0's clock stood still while it was saved.
set_clock() {
    try_ssh "$1" "$LAB_RUN" "date -u -s @$(date +%s.%N) >/dev/null"
}

start_hosts() {
    local ready=$1 host
    clear_run "$LAB_RUN"
    rm -rf "$LAB_RUN"
    at_exit "clear_run '$LAB_RUN'; rm -rf '$LAB_RUN'"
    make_run "$LAB_RUN" "$(readlink "$ready/base")"
    touch "$ready" "$LAB_RUN/base/"
    for host in "${LAB_HOSTS[@]}"; do
        qemu-img create -q -f qcow2 -b "$ready/$host.qcow2" -F qcow2 \
            "$LAB_RUN/$host.qcow2"
        start_machine "$host" "$LAB_RUN" "$ready/$host.state" ||
            die "the lab did not come up"
    done
    for host in "${LAB_HOSTS[@]}"; do
        wait_machine 120 state_is_loaded "$host" "$LAB_RUN" || die \
            "$host did not load its state: $(tail -n 3 "$LAB_RUN/$host.log")"
        find_ports "$host" "$LAB_RUN"
    done
    for host in "${LAB_HOSTS[@]}"; do
        monitor "$host" "$LAB_RUN" cont || die "$host ended at once"
    done
    for host in "${LAB_HOSTS[@]}"; do
        wait_machine 120 open_master "$host" "$LAB_RUN" ||
            die "$host does not answer ssh"
        set_clock "$host"
    done
    touch "$LAB_RUN/ready"
    undo_exit
}

verb_up() {
    "$LAB_TREE/tools/install-deps" lab
    lock_lab
    if lab_is_up; then
        say "the lab is up already"
        return
    fi
    images_are_made || build_images
    start_hosts "$(ready_images)"
    say "host1 and host2 are up (${SECONDS} s)"
}

verb_reset() {
    lock_lab
    images_are_made || die "there are no images yet, make them with: lab build"
    start_hosts "$(ready_images)"
    say "host1 and host2 are back at the snapshot (${SECONDS} s)"
}

verb_down() {
    lock_lab
    clear_run "$LAB_RUN"
    rm -rf "$LAB_RUN"
}

verb_link() {
    case $1 in
    up) set -- on ;;
    down) set -- off ;;
    *) usage_error "the link goes up or down, not '$1'" ;;
    esac
    need_host host1
    monitor host1 "$LAB_RUN" "set_link link $1"
}

# QEMU of the first host listens for the link; that of the second, once it has
# lost it, would not connect again.
verb_power() {
    [ "$1" != "${LAB_HOSTS[0]}" ] ||
        usage_error "$1 holds the link between the hosts, and stays up"
    check_host "$1"
    lock_lab
    case $2 in
    cut) cut_power "$1" ;;
    on) boot_host "$1" ;;
    *) usage_error "the power is cut or comes on, not '$2'" ;;
    esac
}

cut_power() {
    local pid
    pid=$(machine_pid "$1" "$LAB_RUN") || die "$1 is not up"
    kill -KILL "$pid"
    wait_until 20 machine_is_gone "$1" "$LAB_RUN" ||
        die "process $pid of $1 does not end"
}

# From its disk as it is
boot_host() {
    local sockets
    ! machine_pid "$1" "$LAB_RUN" >/dev/null || die "$1 is up already"
    sockets=$(readlink "$LAB_RUN/sockets")
    rm -f "$sockets/$1.qmp" "$sockets/$1.ssh"
    start_machine "$1" "$LAB_RUN" || die "$1 does not start"
    find_ports "$1" "$LAB_RUN"
    wait_booted "$1" "$LAB_RUN" || die "$1 does not boot"
    wait_machine 120 open_master "$1" "$LAB_RUN" ||
        die "$1 does not answer ssh"
    set_clock "$1"
    say "$1 is up again ($SECONDS s)"
}

verb_ssh() {
    on_host "$@"
}

verb_push() {
    local host=$1
    shift
    tar -c --owner=0 --group=0 --transform='s,.*/,,' --show-transformed-names \
        -P "$@" | on_host "$host" tar -x --warning=no-timestamp -C /root
}

verb_libvirtd() {
    case $2 in
    on | off) host_script "$1" libvirtd.sh "$2" ;;
    *) usage_error "libvirtd goes on or off, not '$2'" ;;
    esac
}

verb_status() {
    local host pid
    for host in "${LAB_HOSTS[@]}"; do
        if ! pid=$(machine_pid "$host" "$LAB_RUN"); then
            echo "$host is down"
            continue
        fi
        echo "$host is up, process $pid; its ports on 127.0.0.1:"
        awk '{ print "  " $1 " at " $2 }' "$LAB_RUN/$host.ports"
        on_host "$host" xl list </dev/null | sed 's/^/  /'
    done
}
