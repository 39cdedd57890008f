# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small inventory with objects of every kind."""

from __future__ import annotations

import typing as t

from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.attachments import Attachments
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.inventory import Clock, Inventory
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.link_info import Target
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.objects import (
    Link,
    Map,
    Objects,
    Program,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.owners import (
    Held,
    Owners,
    Process,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.pins import Pin, Pins
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.query import Contents
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.tracefs import Events
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import Probe, no, yes

NOW = 1_800_000_000.0
LONG_AGO = NOW - 10_000
SINCE_BOOT = 20_000 * 10**9
BOOT = "0c1b"
YES, NO = yes("kernel", "seen"), no("kernel", "nothing has it")


def program(
    number: int, *, kind: str = "raw_tracepoint", maps: tuple[int, ...] = (), age: int = 10_000
) -> Program:
    return Program(number, kind, "seed", "ab", SINCE_BOOT - age * 10**9, 0, maps, 5, 700)


def bpf_map(number: int, *, kind: str = "array", contents: Contents | None = None, size: int = 100) -> Map:
    return Map(number, kind, "seed_map", 4, 8, 1, size, contents)


def link(number: int, program_: int, *, target: Target | None = None) -> Link:
    return Link(number, "raw_tracepoint", program_, target or Target("raw_tracepoint sys_enter"))


def pin(path: str, kind: str, number: int, *, created: float = LONG_AGO) -> Pin:
    return Pin(f"/sys/fs/bpf/{path}", kind, number, created)


def inventory(
    *objects: Program | Map | Link,
    held: t.Sequence[tuple[str, int, int]] = (),
    pins: t.Sequence[Pin] = (),
    units: t.Mapping[int, str] | None = None,
    attached: t.Mapping[int, Probe] | None = None,
    **changes: t.Any,
) -> Inventory:
    """Return an inventory.

    :param held: kind, id and process of each descriptor
    :param units: the unit of a process, agent.service where it is not given
    """
    found = Objects(
        {one.id: one for one in objects if isinstance(one, Program)},
        {one.id: one for one in objects if isinstance(one, Map)},
        {one.id: one for one in objects if isinstance(one, Link)},
        {},
    )
    named = {pid: "agent.service" for dummy, dummy, pid in held}
    named.update(units or {})
    processes = {pid: Process(pid, unit, "agent") for pid, unit in named.items()}
    descriptors = [Held(kind, number, pid, fd, {}) for fd, (kind, number, pid) in enumerate(held)]
    made = Inventory(
        clock=Clock(NOW, SINCE_BOOT, BOOT),
        objects=found,
        owners=Owners(descriptors, processes, []),
        pins=Pins(list(pins), []),
        events=Events([], "/sys/kernel/tracing", None),
        attachments=Attachments({}, [], None, None, None),
        attached={number: (attached or {}).get(number, YES) for number in found.programs},
        event_uses=[],
        executables={},
        statistics=False,
        complete=YES,
    )
    return made._replace(**changes)
