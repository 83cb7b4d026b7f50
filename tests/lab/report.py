#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the guest's own counter says, and the table of all faults.

report.py judge LEDGER FIRST SETTLED
    LEDGER has a line "TIME HOST TICK UPTIME" for each tick that came out of a
    host's console, TIME by the clock of the machine that saw both.  Prints,
    of the lines from FIRST (from 0) on, "GAP TICKS WAY": the longest time
    without a tick before line SETTLED, which ticks, and where they were seen
    one after the other; exit status 1 when the guest was in two places or
    went back, and standard error says how.
report.py table FILE
    the results in FILE, a row of tab-separated COLUMNS each, as a table
report.py json FILE
    the same as JSON
report.py passed FILE TOOL
    the faults of TOOL that need not be tried again
"""
import json
import sys

COLUMNS = ("fault", "tool", "guest", "client", "settled_s", "gap_s", "ticks",
           "verdict", "notes")

# What was still in the console's ring when the guest was suspended comes out
# of both hosts, the same to the letter.
MOST_IN_RING = 8


def read_ledger(path, first):
    ticks = []
    with open(path, encoding="ascii") as ledger:
        for line in list(ledger)[first:]:
            when, host, number, uptime = line.split()
            ticks.append((float(when), host, int(number), float(uptime)))
    return ticks


def went_back(ticks):
    """A host's own ticks only count up, and so does the guest's clock."""
    last = {}
    for _, host, number, uptime in ticks:
        if host in last:
            before, time = last[host]
            if number <= before or uptime < time:
                yield (f"{host}: tick {number} at {uptime} follows "
                       f"{before} at {time}")
        last[host] = (number, uptime)


def twice(ticks):
    """No number comes out of both, unless it was in the ring."""
    seen, in_ring = {}, []
    for _, host, number, uptime in ticks:
        if number not in seen:
            seen[number] = (host, uptime)
        elif seen[number] == (host, uptime):
            yield f"{host}: tick {number} twice"
        elif seen[number][0] != host and seen[number][1] == uptime:
            in_ring.append(number)
        else:
            yield (f"tick {number} on {seen[number][0]} at "
                   f"{seen[number][1]} and on {host} at {uptime}")
    runs = 1 + sum(b != a + 1 for a, b in zip(in_ring, in_ring[1:]))
    if len(in_ring) > MOST_IN_RING * runs:
        yield f"ticks {in_ring[0]} to {in_ring[-1]} on both hosts"


def in_turns(ticks):
    """Seen in the order of their numbers, the hosts take turns as they do in
    time: one that comes in between is a second copy's."""
    first = {}
    for tick in ticks:
        first.setdefault(tick[2], tick)
    by_number = [first[number] for number in sorted(first)]
    for before, after in zip(by_number, by_number[1:]):
        if before[1] != after[1] and before[0] > after[0] + 1:
            yield (f"tick {before[2]} came out of {before[1]} "
                   f"{before[0] - after[0]:.1f} s behind tick {after[2]} "
                   f"out of {after[1]}")


def way(ticks):
    hosts = []
    for _, host, _, _ in ticks:
        if not hosts or hosts[-1] != host:
            hosts.append(host)
    return "-".join(hosts[:6]) or "nowhere"


def judge(path, first, settled):
    ticks = read_ledger(path, int(first))
    times = [tick[0] for tick in ticks[:int(settled) - int(first)]]
    gap = max((b - a for a, b in zip(times, times[1:])), default=0)
    numbers = [tick[2] for tick in ticks]
    span = f"{min(numbers)}..{max(numbers)}" if numbers else "none"
    print(f"{gap:.1f} {span} {way(ticks)}")
    if not ticks:
        print("no tick was seen", file=sys.stderr)
        return 1
    wrong = [*went_back(ticks), *twice(ticks), *in_turns(ticks)]
    for words in wrong[:5]:
        print(words, file=sys.stderr)
    return 1 if wrong else 0


def read_rows(path):
    """The last result of each fault, in the order of the first ones."""
    rows = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row = dict(zip(COLUMNS, line.rstrip("\n").split("\t")))
            rows[row["tool"], row["fault"]] = row
    return list(rows.values())


def table(path):
    rows = [dict(zip(COLUMNS, COLUMNS)), *read_rows(path)]
    widths = {key: max(len(row[key]) for row in rows) for key in COLUMNS}
    for number, row in enumerate(rows):
        print("| " + " | ".join(row[key].ljust(widths[key])
                                for key in COLUMNS) + " |")
        if number == 0:
            print("|" + "|".join("-" * (widths[key] + 2)
                                 for key in COLUMNS) + "|")
    return 0


def as_json(path):
    json.dump(read_rows(path), sys.stdout, indent=1)
    print()
    return 0


def passed(path, tool):
    for row in read_rows(path):
        if row["tool"] == tool and row["verdict"] != "FAILED":
            print(row["fault"])
    return 0


VERBS = {"judge": judge, "table": table, "json": as_json, "passed": passed}

if len(sys.argv) < 3 or sys.argv[1] not in VERBS:
    sys.exit(__doc__)
sys.exit(VERBS[sys.argv[1]](*sys.argv[2:]))
