#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Are all fault points of the code in the simulator's daemon, each under a
# name of its own, and none in the program that is installed?  TAP on stdout.
set -uo pipefail
export LC_ALL=C
srcdir=${srcdir:-$(dirname "$0")/../..}
count=0

check() # NAME, then what was found and what was expected
{
    count=$((count + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $count - fault points: $1"
    else
        echo "not ok $count - fault points: $1"
        diff <(echo "$3") <(echo "$2") | sed 's/^/# /'
    fi
}

points=$(tests/sim/xenferryd-sim --list-faults | sed 's/ .*//' | sort)
in_code=$(grep -ohE 'XF_FAULT(_FD|_FAILS)?\("[a-z-]+"' -r "$srcdir/protocol" \
    "$srcdir/compat" |
    sed 's/.*"\(.*\)"/\1/' | sort)

check 'no name stands for two' "$(uniq -d <<<"$points")" ''
check 'no name is twice in the code' "$(uniq -d <<<"$in_code")" ''
check 'those in the code are in the daemon' \
    "$(comm -23 <(echo "$in_code") <(echo "$points"))" ''
check 'there are some in the code' "$([ "$(wc -w <<<"$in_code")" -ge 40 ] &&
    echo yes)" yes
check 'the installed program has none' \
    "$(grep -acE 'xf_fault|-to-send' ./xenferryd)" 0
check 'and the simulator has some' \
    "$([ "$(grep -acE 'xf_fault|-to-send' tests/sim/xenferryd-sim)" -gt 0 ] &&
    echo yes)" yes
echo "1..$count"
