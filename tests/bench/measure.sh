# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
#
# One move of a guest, measured: what tools/bench and tests/lab/matrix share.
# Who reads it has $lab (tools/lab), $parts (this folder), $hosts, and $work, a
# folder for what is seen; and calls clean_up when it ends.

link_nic=eth1
inputs=() watchers=()

# Puts on both hosts what measures there.
prepare_watchers() {
    local host
    gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O2 \
        -o "$work/bench-watch" "$parts/watch.c" -lxenctrl
    cp "$parts/move.py" "$work/bench-move.py"
    for host in "${hosts[@]}"; do
        "$lab" push "$host" "$work/bench-watch" "$work/bench-move.py"
    done
}

# What a watcher is in has to be no part of what it watches.
watcher() {
    cat <<END
mkdir -p /sys/fs/cgroup/bench && echo \$\$ >/sys/fs/cgroup/bench/cgroup.procs &&
exec ./bench-watch $link_nic $1
END
}

# watch SIDE HOST GROUP: returns when the watcher is at work
watch() {
    local side=$1 deadline=$((SECONDS + 60))
    rm -f "$work/$side" "$work/$side.input"
    mkfifo "$work/$side.input"
    "$lab" ssh "$2" "$(watcher "$3")" \
        <"$work/$side.input" >"$work/$side" &
    watchers+=($!)
    exec {input}>"$work/$side.input"
    inputs+=("$input")
    until [ -s "$work/$side" ]; do
        if ! kill -0 "${watchers[-1]}" 2>/dev/null ||
            [ "$SECONDS" -ge "$deadline" ]; then
            echo "the watcher on $2 does not start" >&2
            return 1
        fi
        sleep 0.05
    done
}

end_watchers() {
    local pid rc=0
    clean_up
    for pid in "${watchers[@]}"; do
        wait "$pid" || rc=1
    done
    watchers=()
    return "$rc"
}

# A watcher ends when its input does.
clean_up() {
    local fd
    for fd in "${inputs[@]}"; do
        exec {fd}>&-
    done
    inputs=()
}

# tick HOST GUEST: the number of the last one that came out of it there
tick() {
    "$lab" ticks "$1" "$2" | sed -n 's/^tick \([0-9]*\) .*/\1/p'
}

# goes_on HOST GUEST SINCE: the guest ticks there, and not from the start
goes_on() {
    local deadline=$((SECONDS + 60)) now
    while [ "$SECONDS" -lt "$deadline" ]; do
        now=$(tick "$1" "$2" 2>/dev/null || true)
        [ "${now:-0}" -le "$3" ] || return 0
        sleep 0.2
    done
    echo "the guest does not tick on $1" >&2
    return 1
}

# measure FROM TO GROUP COMMAND: runs it on FROM, watches both hosts and the
# control group; leaves in $work what was seen, for report.py
measure() {
    watch from "$1" "$3" && watch to "$2" "$3" || return
    "$lab" ssh "$1" "python3 bench-move.py $4" \
        </dev/null >"$work/move.json" || return
    end_watchers
}
