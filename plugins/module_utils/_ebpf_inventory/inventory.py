# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read all BPF objects, their owners, attachments and pins, and the probe events of a host."""

from __future__ import annotations

import errno
import time
import typing as t

from .._ebpf.bpf import Bpf
from .._kernel.tracefs import Events, read_events
from .._probe.answer import Probe, no, unknown, yes
from .._probe.caller import CAP_SYS_ADMIN, CAP_SYS_PTRACE, Caller, judge
from .._probe.files import read, read_sysctl
from .._probe.host import Host
from .._probe.syscall import Outcome
from .attachments import Attachments, attachment_of, initial_namespace, read_attachments, walk_cgroups
from .events import event_use
from .objects import Objects, objects_of_descriptors, read_objects
from .owners import Owners, read_executables, read_owners
from .pins import Pins, read_pins

__all__ = ["Clock", "Inventory", "completeness", "read_inventory"]


class Clock(t.NamedTuple):
    """The time of the inventory in seconds since 1970 and in nanoseconds since boot, and the boot id."""

    now: float
    since_boot: int
    boot_id: str

    def age(self, loaded: int) -> float:
        """Return the seconds since an object was loaded."""
        return max(0.0, (self.since_boot - loaded) / 1e9)


class Inventory(t.NamedTuple):
    """The inventory of a host. ``attached`` is by program id, ``event_uses`` is in the order of the events."""

    clock: Clock
    objects: Objects
    owners: Owners
    pins: Pins
    events: Events
    attachments: Attachments
    attached: dict[int, Probe]
    event_uses: list[Probe]
    executables: dict[int, str]
    statistics: bool | None
    complete: Probe


def read_inventory(host: Host) -> Inventory:
    """Read everything in the order in which it is created, so that new objects do not look abandoned."""
    bpf, root = Bpf(host), host.root
    boot_id = (read(root, "proc/sys/kernel/random/boot_id").text or "").strip()
    clock = Clock(time.time(), time.clock_gettime_ns(time.CLOCK_BOOTTIME), boot_id)
    events = read_events(root)
    tree = walk_cgroups(root)
    objects = read_objects(bpf, root, cgroups=tree.paths)
    owners = read_owners(root)
    if objects.refused.get("PROG"):
        objects = objects_of_descriptors(owners.held)._replace(refused=objects.refused)
    attachments = read_attachments(bpf, objects, owners, tree)
    pins = read_pins(bpf, root, pids=list(owners.processes))
    complete = completeness(objects, owners, pins, root=root, caller=host.caller)
    uprobes = any((one.target.event or "").startswith("u") for one in objects.links.values())
    uprobes = uprobes or any((use.event or "").startswith("u") for use in attachments.perf)
    statistics = read_sysctl(root, "kernel.bpf_stats_enabled")
    return Inventory(
        clock=clock,
        objects=objects,
        owners=owners,
        pins=pins,
        events=events,
        attachments=attachments,
        attached={one.id: attachment_of(one, attachments, owners) for one in objects.programs.values()},
        event_uses=[event_use(one, objects, owners, attachments.perf) for one in events.events],
        executables=read_executables(root, owners.processes) if uprobes else {},
        statistics=None if statistics is None else bool(statistics),
        complete=complete,
    )


def completeness(objects: Objects, owners: Owners, pins: Pins, *, root: str, caller: Caller) -> Probe:
    """Judge whether the inventory is complete, and which layer hides the rest."""
    for what, outcome in objects.refused.items():
        return _refused(what, outcome, root=root, caller=caller)
    if owners.denied:
        first, count = owners.denied[0], len(owners.denied)
        reason = f"the descriptors of process {first} cannot be read" + (
            f", nor those of {count - 1} more" * (count > 1)
        )
        if caller.can(CAP_SYS_PTRACE):
            return no(
                "kernel",
                f"{reason}: a security module refuses it, or the process has more privileges than the caller",
            )
        return no("capability", f"{reason}: the caller lacks CAP_SYS_PTRACE")
    if not initial_namespace(root, "pid"):
        return unknown("kernel", "processes outside this PID namespace cannot be seen")
    if pins.unread:
        return no("kernel", f"pins that could not be read: {pins.unread[0]}")
    return yes("kernel", "all ids, all processes and every mounted bpffs were read")


def _refused(what: str, outcome: Outcome, *, root: str, caller: Caller) -> Probe:
    if outcome.errno == errno.EINVAL:
        since = "5.8" if what == "LINK" else "4.13"
        return unknown(
            "kernel", f"EINVAL: this kernel does not list {what.lower()} ids (since Linux {since})"
        )
    needs = "" if caller.can(CAP_SYS_ADMIN) else "CAP_SYS_ADMIN (CAP_BPF is not enough to list ids)"
    found = judge(outcome, root=root, caller=caller, needs=needs, since="4.13")
    return found._replace(reason=f"{found.reason}; only objects that readable processes hold are listed")
