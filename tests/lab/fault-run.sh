# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
#
# How one fault of the table is brought about, and looked at.

# Seconds: for a point to come; for the link to stay cut, if the client does
# not give up earlier; for the client to end, and for all to be at rest.
point_in=100
link_down=50
client_in=150
rest_in=200

# Others are not waited for as long as it would take.
have_less_patience() {
    client_in=60
    rest_in=60
}

say() {
    printf 'faults: %s\n' "$*" >&2
}

# -- before the first, after the last --

begin_all() {
    local name
    mkfifo "$work/hold"
    exec {hold}<>"$work/hold"
    : >"$ledger"
    gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O2 -o "$work/trigger" \
        "$here/trigger.c" -lxenctrl -lxenstore || return
    for name in "${hosts[@]}"; do
        prepare_host "$name" || return
        follow_host "$name" || return
    done
    [ "$tool" = xenferry ] || have_less_patience
    clean_up || fail "the hosts cannot be cleaned"
}

# Each tool has the hosts for itself.  What is on disk is there after a cut of
# the power, too.
prepare_host() {
    local does=stop others=off
    [ "$tool" != xenferry ] || does=start
    [ "$tool" != libvirtd ] || others=on
    tar -c -C "$here" host follow -C "$work" trigger \
        -C "$top/tools/lab.d/host" ticks.sh |
        on "$1" "mkdir -p lab-test && tar -x --no-same-owner -C lab-test &&
            systemctl -q enable xenferryd && systemctl $does xenferryd &&
            sync" || return
    "$lab" libvirtd "$1" "$others"
}

# The guest's ticks on HOST go to the ledger from now on, for as long as this
# process lives: nobody else holds what the follower reads from.
follow_host() {
    rm -f "$work/follows.$1"
    on "$1" "lab-test/follow g1" <"$work/hold" {hold}>&- |
        enter_ticks "$1" {hold}>&- &
    within 60 test -e "$work/follows.$1" || fail "no ledger of $1"
}

enter_ticks() {
    local line
    while read -r line; do
        case $line in
        ready) touch "$work/follows.$1" ;;
        *) printf '%s %s %s\n' "$EPOCHREALTIME" "$1" "$line" >>"$ledger" ;;
        esac
    done
}

end_all() {
    local name
    [ -z "${hold:-}" ] || exec {hold}>&-
    for name in "${hosts[@]}"; do
        on "$name" "ip link set eth1 up" </dev/null >/dev/null 2>&1
    done
}

# As before the first fault, whatever there was
clean_up() {
    local name unit
    unit=$(field tools "$tool" 3)
    for name in "${hosts[@]}"; do
        on "$name" "ip link set eth1 up; pkill -KILL -f '^xl migrate'
            [ $unit = - ] || systemctl restart $unit"
    done
    destroy_guests_but none
    within 60 no_records || {
        say "records are left, and forgotten"
        for name in "${hosts[@]}"; do
            on "$name" "xenstore-rm /tool/xenferry/handoff
                systemctl restart xenferryd"
        done
        within 30 no_records
    }
} >/dev/null 2>&1

# -- the guest --

lines_of_ledger() {
    wc -l <"$ledger"
}

# new_ticks HOST SINCE LINE: more than one in the ledger behind that line, and
# not below SINCE
new_ticks() {
    tail -n "+$(($3 + 1))" "$ledger" | awk -v host="$1" -v since="$2" '
        $2 == host && $3 >= since { count++ }
        END { exit !(count > 1) }'
}

# ticks_on HOST SINCE: it runs there now.  The ledger has it without asking the
# host, which takes seconds.
ticks_on() {
    within 60 new_ticks "$1" "$2" "$(lines_of_ledger)"
}

last_tick() {
    awk -v host="$1" '$2 == host { tick = $3 } END { print tick + 0 }' "$ledger"
}

# On that host, alone, and such a one
is_there() {
    [ "$(domains host1; domains host2)" = g1 ] &&
        [ "$(on "$1" "xenstore-read /libxl/\$(xl domid g1)/type")" = "$type" ]
}

# Finds the guest or makes it; sets from, where it is, and to.
find_guest() {
    look || return
    from=host1
    [ -z "$(domains host2)" ] || from=host2
    if ! is_there "$from"; then
        [ -z "$(domains host1; domains host2)" ] || clean_up
        from=host1
        guest host1 "$type" g1 --via "$(field tools "$tool" 2)" || return
    fi
    # Only the second host's power can be cut.
    case $1 in
    power-destination-*) to_host host1 ;;
    power-source-*) to_host host2 ;;
    esac || return
    to=$(other "$from")
    ticks_on "$from" 0 || return
    [ "$rests" = runs ] || on "$from" "xl pause g1"
}

to_host() {
    [ "$from" != "$1" ] || return 0
    on "$from" "$(command_of "$from")" && from=$1
}

# -- the migration, and the fault in it --

# command_of FROM: what moves the guest from there
command_of() {
    local command
    command=$(field tools "$tool" 4)
    command=${command//URI_FROM/$(uri_of "$1")}
    command=${command//URI_TO/$(uri_of "$(other "$1")")}
    command=${command//FROM/$1}
    echo "${command//TO/$(other "$1")}"
}

main_pid() {
    on "$1" "systemctl show -p MainPID --value $(field tools "$tool" 3)"
}

# The steps of the table, as the trigger on HOST understands them
steps_for() {
    local host=$1 word
    shift
    for word; do
        word=${word/=daemon/=$daemon_pid}
        word=${word/=client/=@lab-test/client.pid}
        word=${word/=link/=eth1}
        word=${word/=records/=/tool/xenferry/handoff}
        case $word in
        *domain/ID/*) word=${word/ID/$(on "$host" "xl domid g1")} ;;
        esac
        echo "$word"
    done
}

# arm HOST STEP...: returns when the trigger waits there
arm() {
    local host=$1 steps
    shift
    mapfile -t steps < <(steps_for "$host" "$@")
    : >"$work/trigger.said"
    on "$host" "lab-test/trigger $point_in ${steps[*]@Q}" </dev/null \
        >"$work/trigger.said" 2>&1 &
    trigger_pid=$!
    within 30 grep -q ready "$work/trigger.said" ||
        fail "$(cat "$work/trigger.said")"
}

start_client() {
    on "$1" "echo \$\$ >lab-test/client.pid; exec $(command_of "$from")" \
        </dev/null >"$work/client.said" 2>&1 &
    client_pid=$!
}

ended() {
    ! kill -0 "$1" 2>/dev/null
}

# Waits for the client's end: sets client, its exit status or what else
await_client() {
    local rc=0
    if ! within "$client_in" ended "$client_pid" >/dev/null; then
        client="did not end"
        return
    fi
    wait "$client_pid" || rc=$?
    client=$rc
    # Not of its own doing: ssh has no exit status to tell.
    [ "$rc" != 255 ] || client=killed
}

# The client is where the fault is when it is the one to be killed.
client_host() {
    case "$*" in
    *kill=client*) if [ "$where" = from ]; then echo "$from"; else echo "$to"; fi ;;
    *) echo "$from" ;;
    esac
}

# strike STEP...: the migration begins, the fault comes; sets fired
strike() {
    local fault_host=$from
    [ "$where" = from ] || fault_host=$to
    daemon_pid=
    [ "$(field tools "$tool" 3)" = - ] || daemon_pid=$(main_pid "$fault_host")
    arm "$fault_host" "$@" || return
    start_client "$(client_host "$@")"
    wait "$trigger_pid" || {
        fail "$(tail -n 1 "$work/trigger.said")"
        return 1
    }
    fired=$EPOCHREALTIME
    after_strike "$fault_host"
}

# What a fault needs to come to its end
after_strike() {
    case $fault in
    link-*)
        within "$link_down" ended "$client_pid" >/dev/null
        on "$1" "ip link set eth1 up"
        notes+=("link down for $(seconds_since "$fired") s")
        ;;
    power-*) cut_and_boot "$1" ;;
    esac
}

# The daemon stands still at the point, so that it is just there that the
# power is cut.
cut_and_boot() {
    "$lab" power host2 cut 2>/dev/null
    [ "$1" = host2 ] || on "$1" "kill -CONT $daemon_pid"
    "$lab" power host2 on {hold}>&- 2>>"$work/boot" || {
        fail "host2 does not boot: $(tail -n 3 "$work/boot")"
        return 1
    }
    notes+=("power off for $(seconds_since "$fired") s")
    follow_host host2
}

seconds_since() {
    awk -v now="$EPOCHREALTIME" -v then="$1" 'BEGIN { printf "%.1f", now - then }'
}

# -- what came of it --

# At rest: the guest runs, once (or is paused as it was), or it is gone with its
# host; and nothing is under way.
at_rest() {
    local all
    look || return
    all=$(sed -n 's/^is //p' "$seen/host1" "$seen/host2")
    case $expected in
    down) [ -z "$all" ] ;;
    *) [ "$all" = "g1 $rests" ] ;;
    esac || return
    idle host1 && idle host2
}

# The one process that an HVM guest has on the host where it is
device_models() {
    if [ "$type" = hvm ]; then domains "$1" | grep -c . || true; else echo 0; fi
}

idle() {
    [ "$(number_of "$1" helpers)" = "$(device_models "$1")" ] || return
    [ "$tool" != xenferry ] ||
        [ "$(number_of "$1" records)/$(number_of "$1" serves)" = 0/1 ]
}

# Where the guest is and in what state, as the last look saw it
whereabouts() {
    local name
    for name in "${hosts[@]}"; do
        sed -n "s/^is \(g1[^ ]*\) \(.*\)/\1 \2 on $name/p" "$seen/$name"
    done | paste -sd, | sed 's/,/, /g; s/^$/nowhere/'
}

# The source died with the only other copy: somebody has to say so.  Also, the
# destination keeps what it decided for a source that will never ask.
settle_by_hand() {
    local token
    for token in $(on host1 "xenferry handoffs --json" |
        sed -n 's/.*"token" *: *"\([0-9a-f]*\)".*/\1/p'); do
        on host1 "xenferry resolve $token --assume-committed --yes" \
            >>"$work/resolved" 2>&1
        notes+=("xenferry resolve --assume-committed")
    done
}

# Waits until all is at rest; sets settled, guest and now_on.
settle() {
    case $fault in
    power-source-*)
        # To decide, and to forget
        within 20 at_rest >/dev/null || settle_by_hand
        within 20 at_rest >/dev/null || settle_by_hand
        ;;
    esac
    settled=-
    if within "$rest_in" at_rest >/dev/null; then
        settled=$(seconds_since "$fired")
    elif [ "$expected" != - ]; then
        wrong+=("not at rest after $rest_in s")
    fi
    now_on=
    guest=$(whereabouts)
    case $guest in
    "g1 $rests on $from") guest="stayed on $from" now_on=$from ;;
    "g1 $rests on $to") guest="moved to $to" now_on=$to ;;
    nowhere) [ "$expected" != down ] || guest="went down with host2" ;;
    esac
    [ -z "$now_on" ] || [ "$rests" = runs ] || let_run
    [ -z "$now_on" ] || ticks_on "$now_on" "$since" >/dev/null ||
        wrong+=("it does not tick on $now_on")
}

let_run() {
    notes+=("paused for $(seconds_since "$fired") s after the fault")
    on "$now_on" "xl unpause g1" || wrong+=("it cannot be unpaused")
}

as_expected() {
    case $expected/$guest in
    -/* | stays/stayed* | moves/moved* | either/stayed* | either/moved* | \
        down/went*) ;;
    *) wrong+=("expected: $expected; but: $guest") ;;
    esac
}

# It is not left slower than it need be.
not_tracked() {
    [ "$tool" = xenferry ] && [ -n "$now_on" ] || return 0
    [ "$(host "$now_on" log-dirty)" = 0 ] ||
        wrong+=("what it writes is still tracked on $now_on")
}

# The next migration, from where it is now
move_again() {
    local said rc=0
    [ -n "$now_on" ] || return 0
    said=$(on "$now_on" "timeout 90 $(command_of "$now_on")" </dev/null 2>&1) ||
        rc=$?
    if [ "$rc" -eq 0 ]; then
        now_on=$(other "$now_on")
        ticks_on "$now_on" "$since" >/dev/null ||
            wrong+=("moved again, it does not tick")
        return
    fi
    said=$(tail -n 1 <<<"$said" | tr '\t' ' ')
    if [ "$expected" = - ]; then
        notes+=("next migration: exit status $rc: $said")
    else
        wrong+=("next migration: exit status $rc: $said")
    fi
}

judge() {
    local said line
    said=$(python3 "$here/report.py" judge "$ledger" "$1" "$2" \
        2>"$work/judged") || {
        while read -r line; do
            wrong+=("$line")
        done <"$work/judged"
    }
    gap=${said%% *}
    ticks=${said#* }
}

nothing_else_left() {
    [ "$tool" = xenferry ] || return 0
    within 30 no_leftovers >/dev/null || wrong+=("$(no_leftovers)")
}

no_leftovers() {
    local name
    look || return
    [ "$(domains "${now_on:-host1}"; domains "$(other "${now_on:-host1}")")" = \
        "${now_on:+g1}" ] ||
        fail "domains are left: $(domains host1) $(domains host2)" || return
    for name in "${hosts[@]}"; do
        [ "$(number_of "$name" records) $(number_of "$name" helpers)" = \
            "0 $(device_models "$name")" ] ||
            fail "$(number_of "$name" records) record nodes and" \
                "$(number_of "$name" helpers) processes are left on $name" ||
            return
    done
}

joined() {
    local all
    printf -v all '%s; ' "$@"
    echo "${all%; }"
}

# The row of this fault, also to whoever looks on
enter_result() {
    local verdict=passed
    [ "$expected" != - ] || verdict=seen
    [ ${#wrong[@]} -eq 0 ] || verdict=FAILED
    notes+=("${wrong[@]}")
    printf '%s\t' "$fault" "$tool" "$guest" "$client" "$settled" "$gap" \
        "$ticks" "$verdict" >>"$results"
    joined "${notes[@]}" >>"$results"
    say "$fault ($tool): $guest, client $client, settled in $settled s," \
        "gap $gap s: $verdict $(joined "${notes[@]}")"
    [ "$verdict" != FAILED ] || {
        cat "$work/client.said"
        say_hosts
    } >&2
    [ "$verdict" != FAILED ]
}

# run_fault NAME WHERE EXPECTED GUEST STEP...: a row of the table; what is wrong is
# gathered, and the next fault finds the hosts clean.
run_fault() {
    local fault=$1 where=$2 expected=$3 type=$4 rests=runs first settled_at
    local from to since fired='' daemon_pid client_pid trigger_pid
    local guest=- client=- settled=- gap=- ticks=- now_on='' wrong=() notes=()
    shift 4
    [ "$type" != paused ] || type=pvh rests=paused
    if ! find_guest "$fault" >"$work/find" 2>&1; then
        wrong+=("no guest to begin with: $(tail -n 1 "$work/find")")
        enter_result
        clean_up
        return 1
    fi
    since=$(last_tick "$from")
    first=$(lines_of_ledger)
    if strike "$@" >"$work/strike" 2>&1; then
        await_client
        settle
        as_expected
        not_tracked
        settled_at=$(lines_of_ledger)
        move_again
        nothing_else_left
        judge "$first" "$settled_at"
    else
        wrong+=("not brought about: $(tail -n 1 "$work/strike")")
        await_client
    fi
    enter_result && [ "$tool" = xenferry ] && return
    clean_up
    [ ${#wrong[@]} -eq 0 ]
}
