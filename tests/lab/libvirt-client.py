#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run on a host: libvirt-client.py NAME URI

Moves a guest to the host of that URI and back by libvirt's Python bindings:
there as the client of both hosts (migrate3), back by that host's daemon alone
(migrateToURI3, peer-to-peer).  Asks for the job meanwhile, and wants the
events of both hosts that libvirt's users know.  Prints what it has seen; exit
status 1, and why, when something is missing.
"""
import sys
import threading
import time

import libvirt

HERE = "xen+unix:///system?socket=/run/xenferry/xenferry-sock"
DEADLINE_S = 120
BANDWIDTH = 16      # MiB/s: slow enough to be asked

# What a migration is on either side: lifecycle's event and detail.
LEAVES = (libvirt.VIR_DOMAIN_EVENT_STOPPED,
          libvirt.VIR_DOMAIN_EVENT_STOPPED_MIGRATED)
ARRIVES = (libvirt.VIR_DOMAIN_EVENT_RESUMED,
           libvirt.VIR_DOMAIN_EVENT_RESUMED_MIGRATED)


class Host:
    """A connection, and the events that came over it."""

    def __init__(self, uri):
        self.conn = libvirt.open(uri)
        self.name = self.conn.getHostname()
        self.changed = threading.Condition()
        self.events = []
        for event, function in (
                (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self.lifecycle),
                (libvirt.VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
                 self.iteration),
                (libvirt.VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, self.completed)):
            self.conn.domainEventRegisterAny(None, event, function, None)

    def note(self, *what):
        with self.changed:
            self.events.append(what)
            self.changed.notify_all()

    def lifecycle(self, _conn, dom, event, detail, _opaque):
        self.note("lifecycle", dom.name(), event, detail)

    def iteration(self, _conn, dom, iteration, _opaque):
        self.note("iteration", dom.name(), iteration)

    def completed(self, _conn, dom, params, _opaque):
        self.note("job", dom.name(), params.get("operation"))

    def wait_for(self, *start):
        def found():
            return any(event[:len(start)] == start for event in self.events)

        with self.changed:
            if not self.changed.wait_for(found, DEADLINE_S):
                sys.exit(f"{self.name} told no {start}: {self.events}")


def run_events():
    while True:
        libvirt.virEventRunDefaultImpl()


def progress(dom):
    """Waits until the job says how much it has moved."""
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        stats = dom.jobStats()
        if stats.get("memory_processed", 0) > 0:
            return stats
        time.sleep(0.2)
    sys.exit("the job never says that memory moves")


def in_thread(function, *arguments):
    """What it returns, or the exception, is in the list, at its end."""
    results = []

    def call():
        try:
            results.append(function(*arguments))
        except libvirt.libvirtError as error:
            results.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    return thread, results


def finish(thread, results):
    thread.join(DEADLINE_S)
    if not results:
        sys.exit("the migration does not end")
    if isinstance(results[0], libvirt.libvirtError):
        sys.exit(f"the migration failed: {results[0]}")
    return results[0]


def there(source, destination, name):
    dom = source.conn.lookupByName(name)
    call = in_thread(dom.migrate3, destination.conn,
                     {libvirt.VIR_MIGRATE_PARAM_BANDWIDTH: BANDWIDTH},
                     libvirt.VIR_MIGRATE_LIVE)
    stats = progress(dom)
    assert stats["type"] in (libvirt.VIR_DOMAIN_JOB_BOUNDED,
                             libvirt.VIR_DOMAIN_JOB_UNBOUNDED), stats
    assert stats["operation"] == libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT
    assert 0 < stats["memory_processed"] <= stats["memory_total"] * 2, stats
    moved = finish(*call)
    assert moved.name() == name and moved.isActive()
    print(f"there by migrate3: asked at {stats['memory_processed'] >> 20} of "
          f"{stats['memory_total'] >> 20} MiB")
    check(source, destination, name)
    done = moved.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
    assert done["type"] == libvirt.VIR_DOMAIN_JOB_COMPLETED, done
    assert done.get("downtime", 1) > 0, done    # or not known over there
    print(f"completed in {done['time_elapsed']} ms")
    return moved


def check(source, destination, name):
    source.wait_for("iteration", name)
    source.wait_for("lifecycle", name, *LEAVES)
    source.wait_for("job", name,
                    libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT)
    destination.wait_for("lifecycle", name, *ARRIVES)
    for host in source, destination:
        with host.changed:
            print(f"{host.name}: {len(host.events)} events")
            host.events.clear()


def main(name, uri):
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=run_events, daemon=True).start()
    here, far = Host(HERE), Host(uri)
    moved = there(here, far, name)
    back = uri.replace(far.name, here.name)
    finish(*in_thread(moved.migrateToURI3, back, {},
                      libvirt.VIR_MIGRATE_LIVE |
                      libvirt.VIR_MIGRATE_PEER2PEER))
    check(far, here, name)
    state, reason = here.conn.lookupByName(name).state()
    assert state == libvirt.VIR_DOMAIN_RUNNING, state
    assert reason == libvirt.VIR_DOMAIN_RUNNING_MIGRATED, reason
    try:
        far.conn.lookupByName(name)
    except libvirt.libvirtError as error:
        assert error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN, error
        print("back by migrateToURI3, peer-to-peer")
        return
    sys.exit(f"{name} is still on {far.name}")


main(*sys.argv[1:])
