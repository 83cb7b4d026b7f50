# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run on a host: move.py COMMAND...

Runs a command that moves a guest and prints, as JSON: its exit status, how
long it took, the CPU time of it and of all its children, and what it said.
"""
import json
import resource
import subprocess
import sys
import time

began = time.monotonic()
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL,
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                      check=False)
took = time.monotonic() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
json.dump({"status": done.returncode,
           "total_ms": 1000 * took,
           "cpu_ms": 1000 * (used.ru_utime + used.ru_stime),
           "said": done.stdout.decode(errors="replace")[-2000:]},
          sys.stdout)
