# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.findings import find_abandoned
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.query import Contents
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.tracefs import Event, Events
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import no, unknown

from .stand_in_inventory import NO, NOW, YES, bpf_map, inventory, link, pin, program

UNKNOWN = unknown("kernel", "not queried")
LINK = (program(1, maps=(2,)), bpf_map(2), link(3, 1))
PINNED_LINK = [pin("link", "link", 3)]
PINNED_MAP = [pin("map", "map", 2)]
PINNED_PROGRAM = [pin("prog", "program", 1)]


def kinds(found: t.Any, **arguments: t.Any) -> list[str]:
    options = {"grace": 300, "expected_pins": [], "made": {}, **arguments}
    return [finding.kind for finding in find_abandoned(found, **options)]


CASES: dict[str, tuple[t.Any, list[str]]] = {
    "nothing": (inventory(), []),
    "a pinned link without a process": (inventory(*LINK, pins=PINNED_LINK), ["orphan_link"]),
    "its process holds it": (inventory(*LINK, pins=PINNED_LINK, held=[("link", 3, 70)]), []),
    "its process holds the program": (inventory(*LINK, pins=PINNED_LINK, held=[("program", 1, 70)]), []),
    "its process reads the map": (inventory(*LINK, pins=PINNED_LINK, held=[("map", 2, 70)]), []),
    "a young link": (inventory(*LINK, pins=[pin("link", "link", 3, created=NOW - 5)]), []),
    "a link of an unknown program": (inventory(link(3, 99), pins=PINNED_LINK), ["orphan_link"]),
    "a pin whose object was freed": (inventory(pins=[*PINNED_LINK, *PINNED_MAP, *PINNED_PROGRAM]), []),
    "a map without a program": (inventory(bpf_map(2), pins=PINNED_MAP), ["orphan_pin"]),
    "a map of a process": (inventory(bpf_map(2), pins=PINNED_MAP, held=[("map", 2, 70)]), []),
    "a map of a program": (inventory(program(1, maps=(2,)), bpf_map(2), pins=PINNED_MAP), []),
    "a map in a map": (
        inventory(
            bpf_map(2), bpf_map(4, kind="hash_of_maps", contents=Contents((2,), True)), pins=PINNED_MAP
        ),
        [],
    ),
    "a map of maps that was not read whole": (
        inventory(
            bpf_map(2), bpf_map(4, kind="array_of_maps", contents=Contents((), False)), pins=PINNED_MAP
        ),
        [],
    ),
    "operations": (inventory(bpf_map(2, kind="struct_ops"), pins=PINNED_MAP), []),
    "the kernel's own pin": (inventory(*LINK, pins=[pin("maps.debug", "link", 3)]), []),
    "a program that runs nowhere": (
        inventory(program(1), pins=PINNED_PROGRAM, attached={1: NO}),
        ["unattached_program"],
    ),
    "a process holds one that runs nowhere": (
        inventory(program(1), held=[("program", 1, 70)], attached={1: NO}),
        ["unattached_program"],
    ),
    "it is just being loaded": (inventory(program(1, age=5), pins=PINNED_PROGRAM, attached={1: NO}), []),
    "a program without an owner, which is being freed": (inventory(program(1), attached={1: NO}), []),
    "where it runs is not known": (inventory(program(1), pins=PINNED_PROGRAM, attached={1: UNKNOWN}), []),
    "it runs": (inventory(program(1), pins=PINNED_PROGRAM, attached={1: YES}), []),
    "not all was seen": (
        inventory(*LINK, pins=[*PINNED_LINK], complete=no("capability", "refused")),
        [],
    ),
    "its age is not known": (
        inventory(program(1)._replace(loaded=None), held=[("program", 1, 70)], attached={1: NO}),
        [],
    ),
}


@pytest.mark.parametrize(("found", "expected"), CASES.values(), ids=CASES.keys())
def test_abandoned_objects_are_found(found: t.Any, expected: list[str]) -> None:
    assert kinds(found) == expected


@pytest.mark.parametrize("pattern", ["/sys/fs/bpf/*", "/sys/fs/bpf/link"])
def test_expected_pins_are_not_findings(pattern: str) -> None:
    assert kinds(inventory(*LINK, pins=PINNED_LINK), expected_pins=[pattern]) == []
    assert kinds(inventory(*LINK, pins=PINNED_LINK), expected_pins=["/sys/fs/bpf/other"]) == ["orphan_link"]
    program_ = inventory(program(1), pins=[pin("link", "program", 1)], attached={1: NO})
    assert kinds(program_, expected_pins=[pattern]) == []


def test_the_unit_that_held_the_object_is_named() -> None:
    made = {("/sys/fs/bpf/link", 3): "agent.service"}
    running = inventory(*LINK, pins=PINNED_LINK, units={70: "agent.service"})
    assert kinds(running, made=made) == []
    (found,) = find_abandoned(
        inventory(*LINK, pins=PINNED_LINK, units={70: "other.service"}), grace=0, expected_pins=[], made=made
    )
    assert found.unit == "agent.service"
    assert "agent.service, which held it, has no process" in found.reason


def test_remedies_contain_commands() -> None:
    odd = inventory(*LINK, pins=[pin("a b", "link", 3)])
    (found,) = find_abandoned(odd, grace=0, expected_pins=[], made={})
    assert found.remedy == "Start the service that created it, or detach it: rm '/sys/fs/bpf/a b'"
    assert found.name == "seed"
    held = inventory(program(1), held=[("program", 1, 70)], attached={1: NO})
    (found,) = find_abandoned(held, grace=0, expected_pins=[], made={})
    assert (found.unit, "agent (process 70 of agent.service)" in found.remedy) == ("agent.service", True)


EVENTS = Events(
    [
        Event("kprobe", "kprobes", "opens", "do_sys_openat2", "p:kprobes/opens do_sys_openat2", False),
        Event("fprobe", "fprobes", "reads", "vfs_read", "f:fprobes/reads vfs_read", False),
    ],
    "/sys/kernel/tracing",
    None,
)


def test_unused_events_are_found() -> None:
    found = find_abandoned(
        inventory(events=EVENTS, event_uses=[NO, NO]), grace=300, expected_pins=[], made={}
    )
    assert [(one.kind, one.object, one.remedy) for one in found] == [
        (
            "stale_event",
            "kprobes/opens",
            "Remove it: echo '-:kprobes/opens' >> /sys/kernel/tracing/kprobe_events",
        ),
        (
            "stale_event",
            "fprobes/reads",
            "Remove it: echo '-:fprobes/reads' >> /sys/kernel/tracing/dynamic_events",
        ),
    ]
    assert kinds(inventory(events=EVENTS, event_uses=[YES, UNKNOWN])) == []
