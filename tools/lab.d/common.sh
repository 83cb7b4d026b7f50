# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What every part of the lab uses: places, messages, the lock, waiting.

LAB_HOSTS=(host1 host2)
LAB_DIR=${XENFERRY_LAB_DIR:-$HOME/.cache/xenferry-lab}
LAB_IMAGES=${XENFERRY_LAB_IMAGES:-$LAB_DIR/images}
LAB_MEM=${XENFERRY_LAB_MEM:-1536}
LAB_DOM0_MEM=${XENFERRY_LAB_DOM0_MEM:-768}
# What belongs to the hosts that run now: pid files, ports, logs, overlays.
LAB_RUN=$LAB_DIR/run

say() {
    printf 'lab: %s\n' "$*" >&2
}

die() {
    say "$*"
    exit 1
}

usage_error() {
    say "$* (see lab --help)"
    exit 2
}

check_host() {
    local host
    for host in "${LAB_HOSTS[@]}"; do
        [ "$host" = "$1" ] && return
    done
    usage_error "no host '$1', there are: ${LAB_HOSTS[*]}"
}

# The lab's state is changed by one invocation at a time.  The lock is held on
# descriptor 9 until this process ends; what is started to live on must be
# started without it (detach, or 9>&-).
lock_lab() {
    mkdir -p "$LAB_DIR"
    exec 9>"$LAB_DIR/lock"
    flock -n 9 || die "another invocation is at work on the lab in $LAB_DIR;" \
        "wait for it, or use another folder (XENFERRY_LAB_DIR)"
}

now_s() {
    date +%s
}

# wait_until SECONDS COMMAND...: run COMMAND till it succeeds; fail when the
# time is up.
wait_until() {
    local deadline=$(($(now_s) + $1))
    shift
    until "$@"; do
        [ "$(now_s)" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# at_exit COMMAND: run it when this process ends, however it does; the last
# one first.  undo_exit forgets the last one.
LAB_AT_EXIT=()

at_exit() {
    LAB_AT_EXIT+=("$*")
}

undo_exit() {
    unset 'LAB_AT_EXIT[-1]'
}

run_at_exit() {
    local i
    for ((i = ${#LAB_AT_EXIT[@]} - 1; i >= 0; i--)); do
        eval "${LAB_AT_EXIT[i]}" || true
    done
}

trap run_at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Says how the time goes by, every second on a terminal, else every ten, for
# as long as process $1 lives.
show_time() {
    local start=$SECONDS spent
    while sleep 1 && kill -0 "$1" 2>/dev/null; do
        spent=$((SECONDS - start))
        if [ -t 2 ]; then
            printf '\r     %d s ' "$spent" >&2
        elif [ $((spent % 10)) = 0 ]; then
            say "  ... $spent s"
        fi
    done
}

# with_progress WORDS COMMAND...: say WORDS, run COMMAND in a subshell under
# errexit, and show the time meanwhile.  Its output is shown only if it fails,
# and then this process ends.
with_progress() {
    local words=$1 log clock start=$SECONDS rc
    shift
    log=$(mktemp)
    say "$words"
    show_time $$ 9>&- &
    clock=$!
    set +e
    (set -e && "$@") >"$log" 2>&1
    rc=$?
    set -e
    kill "$clock" 2>/dev/null || true
    [ ! -t 2 ] || printf '\r\033[K' >&2
    [ "$rc" = 0 ] || tail -n 40 "$log" >&2
    rm -f "$log"
    [ "$rc" = 0 ] || die "failed with status $rc: $words"
    say "  done in $((SECONDS - start)) s"
}
