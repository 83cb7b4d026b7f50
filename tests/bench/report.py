# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the bench has seen, as figures.

report.py move DIR RUN GUEST TOOL WAY
    reads what one move left in DIR (move.json, and what the watchers of both
    hosts printed: from, to); prints its figures as a line of JSON, or on
    stderr why it is no move, with exit status 1
report.py table FILE
    reads such lines; prints medians and ratios as a table
report.py json FILE
    the same as JSON, with every move's figures
report.py matrix FILE
    the same of tests/lab/matrix, where GUEST is the way and TOOL the client;
    a line may have "failed" instead of figures
"""
import json
import os
import sys
from statistics import median

BASE = "xenferry"

# The sides whose control group is a part of the tool, both if it is not named
# here.  What xl starts at the source is its own child, and counted as that.
GROUPS = {"xl": ("to",)}

# KEY, HEADING, UNITS IN ONE OF THE HEADING'S, DECIMALS
COLUMNS = (
    ("total_ms", "total s", 1000, 1),
    ("downtime_ms", "downtime ms", 1, 0),
    ("wire_bytes", "sent MiB", 1 << 20, 1),
    ("tool_cpu_ms", "tool CPU s", 1000, 2),
    ("dom0_cpu_ms", "dom0 CPU s", 1000, 2),
)


def read_watcher(path):
    """The changes of domains, and how far each counter went."""
    changes, counters = [], []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            kind, *words = line.split()
            if kind == "domain":
                when, uuid, domid, state = words
                changes.append((int(when), uuid, int(domid), state))
            else:
                counters.append([int(word) for word in words])
    if len(counters) != 2:
        raise ValueError(f"{path}: the watcher did not come to its end")
    names = ("ns", "dom0_ns", "own_ns", "sent", "group_us")
    return changes, dict(zip(names, (b - a for a, b in zip(*counters))))


def moved_domain(changes):
    """UUID and domid of the one domain that suspended and went."""
    suspended = {c[1:3] for c in changes if c[3] == "suspended"}
    gone = {c[1:3] for c in changes if c[3] == "gone"}
    left = suspended & gone
    if len(left) != 1:
        raise ValueError(f"{len(left)} domains have left the source, not one")
    return left.pop()


def switch(source, destination):
    """Nanoseconds from the source's suspend to the destination's start, by
    the clocks of both hosts."""
    uuid, domid = moved_domain(source)
    stopped = [c[0] for c in source
               if c[1:] == (uuid, domid, "suspended")]
    started = [c[0] for c in destination
               if c[1] == uuid and c[3] == "runs"]
    if not started:
        raise ValueError("the destination never ran it")
    return started[0] - stopped[-1]


def figures_of(folder, tool):
    with open(os.path.join(folder, "move.json"), encoding="utf-8") as file:
        move = json.load(file)
    if move["status"] != 0:
        raise ValueError(f"exit status {move['status']}: {move['said']}")
    changes, counters = {}, {}
    for side in ("from", "to"):
        changes[side], counters[side] = read_watcher(
            os.path.join(folder, side))
    tool_us = sum(counters[side]["group_us"] for side in GROUPS.get(tool, ("from", "to")))
    dom0_ns = sum(host["dom0_ns"] - host["own_ns"]
                  for host in counters.values())
    return {"total_ms": move["total_ms"],
            "switch_ms": switch(changes["from"], changes["to"]) / 1e6,
            "wire_bytes": counters["from"]["sent"],
            "tool_cpu_ms": move["cpu_ms"] + tool_us / 1e3,
            "dom0_cpu_ms": dom0_ns / 1e6}


def read_moves(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def downtimes(moves):
    """One a run in which both ways succeeded: their mean, in which the offset
    between the hosts' clocks cancels."""
    runs = {}
    for move in moves:
        runs.setdefault(move["run"], []).append(move["switch_ms"])
    return [sum(both) / 2 for both in runs.values() if len(both) == 2]


def summary(moves):
    """Medians by (guest, tool), in the order in which they first moved."""
    rows = []
    for guest, tool in dict.fromkeys((m["guest"], m["tool"]) for m in moves):
        own = [m for m in moves if (m["guest"], m["tool"]) == (guest, tool)]
        row = {"guest": guest, "tool": tool, "moves": len(own)}
        for key, *_ in COLUMNS:
            values = (downtimes(own) if key == "downtime_ms"
                      else [m[key] for m in own])
            row[key] = median(values) if values else None
        rows.append(row)
    return rows


def ratio_rows(rows):
    """Each peer's medians in those of Xenferry on the same guest."""
    bases = {row["guest"]: row for row in rows if row["tool"] == BASE}
    ratios = []
    for row in rows:
        base = bases.get(row["guest"])
        if row["tool"] == BASE or base is None:
            continue
        ratio = {"guest": row["guest"], "tool": row["tool"]}
        for key, *_ in COLUMNS:
            known = row[key] is not None and base[key]
            ratio[key] = row[key] / base[key] if known else None
        ratios.append(ratio)
    return ratios


def cells(row, is_ratio):
    for key, heading, unit, decimals in COLUMNS:
        value = row[key]
        if value is None:
            text = "-"
        elif is_ratio:
            text = f"{value:.2f}"
        else:
            text = f"{value / unit:.{decimals}f}"
        yield f"{text:>{len(heading)}}"


def print_table(moves):
    rows = summary(moves)
    headings = "  ".join(column[1] for column in COLUMNS)
    print(f"{'guest':8}{'tool':20}{'moves':>5}  {headings}")
    for row in rows:
        print(f"{row['guest']:8}{row['tool']:20}{row['moves']:5}  "
              + "  ".join(cells(row, False)))
    for row in ratio_rows(rows):
        print(f"{row['guest']:8}{row['tool'] + ' / ' + BASE:20}{'':5}  "
              + "  ".join(cells(row, True)))


def print_json(moves):
    rows = summary(moves)
    json.dump({"medians": rows, "ratios": ratio_rows(rows), "moves": moves},
              sys.stdout, indent=2)
    print()


def print_matrix(moves):
    """Markdown.  The total time is that of the way there and the way back,
    which need not be the same."""
    print("| client | way | total s, there / back | downtime ms | sent MiB |")
    print("|---|---|---:|---:|---:|")
    bad = {(m["tool"], m["guest"]) for m in moves if "failed" in m}
    for tool, way in dict.fromkeys((m["tool"], m["guest"]) for m in moves):
        if (tool, way) in bad:
            print(f"| {tool} | {way} | failed | | |")
            continue
        own = [m for m in moves if (m["tool"], m["guest"]) == (tool, way)]
        ways = {}
        for move in own:
            ways.setdefault(move["way"], []).append(move["total_ms"])
        if len(ways) < 2:       # it was ended half-way
            continue
        totals = " / ".join(f"{median(ms) / 1000:.1f}"
                            for ms in ways.values())
        sent = median(m["wire_bytes"] for m in own) / (1 << 20)
        print(f"| {tool} | {way} | {totals} | {median(downtimes(own)):.0f} "
              f"| {sent:.1f} |")


def print_move(folder, run, guest, tool, way):
    try:
        figures = figures_of(folder, tool)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    print(json.dumps({"run": int(run), "guest": guest, "tool": tool,
                      "way": way} | figures))


def main():
    verb, path, *words = sys.argv[1:]
    if verb == "move":
        print_move(path, *words)
    else:
        PRINTERS[verb](read_moves(path))


PRINTERS = {"table": print_table, "json": print_json, "matrix": print_matrix}

main()
