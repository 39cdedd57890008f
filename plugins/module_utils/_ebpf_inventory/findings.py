# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Find abandoned objects (pins and links without an owner, unattached programs, unused events)."""

from __future__ import annotations

import fnmatch
import shlex
import typing as t

from .._iso_time import iso_time
from .growth import Finding
from .inventory import Inventory
from .objects import Program
from .pins import OF_THE_KERNEL, Pin

__all__ = ["find_abandoned"]


def find_abandoned(
    inventory: Inventory,
    *,
    grace: int,
    expected_pins: t.Sequence[str],
    made: t.Mapping[tuple[str, int], str],
) -> list[Finding]:
    """Find objects that have been abandoned for ``grace`` seconds. Uncertain cases are not reported.

    :param expected_pins: shell patterns of pins that need no process
    :param made: the unit that held the pinned object in an earlier run, by path and id
    """
    findings = []
    pins = [pin for pin in inventory.pins.pins if not _expected(pin, expected_pins)]
    if inventory.complete.answer == "yes":
        running = inventory.owners.units()
        for pin in pins:
            if inventory.clock.now - pin.created < grace or made.get((pin.path, pin.id)) in running:
                continue
            found = _pin_finding(pin, inventory, made.get((pin.path, pin.id)))
            if found is not None:
                findings.append(found)
    for program in inventory.objects.programs.values():
        if inventory.attached[program.id].answer == "no" and program.loaded is not None:
            found = _program_finding(program, inventory, grace=grace, expected_pins=expected_pins)
            if found is not None:
                findings.append(found)
    return findings + _event_findings(inventory)


def _expected(pin: Pin, patterns: t.Sequence[str]) -> bool:
    return pin.path.rpartition("/")[2] in OF_THE_KERNEL or any(
        fnmatch.fnmatchcase(pin.path, pattern) for pattern in patterns
    )


def _pin_finding(pin: Pin, inventory: Inventory, unit: str | None) -> Finding | None:
    since = f"pinned at {pin.path} since {iso_time(pin.created)}"
    maker = f"; the unit {unit}, which held it, has no process" if unit else ""
    remove = f"rm {shlex.quote(pin.path)}"
    if pin.kind == "link" and pin.id in inventory.objects.links and not _link_held(pin.id, inventory):
        link = inventory.objects.links[pin.id]
        program = inventory.objects.programs.get(link.program)
        reason = f"{since}, and no process holds link {pin.id}, its program {link.program} or its maps{maker}"
        remedy = f"Start the service that created it, or detach it: {remove}"
        return Finding("orphan_link", pin.path, program.name if program else None, unit, reason, remedy)
    if pin.kind == "map" and pin.id in inventory.objects.maps and not _map_held(pin.id, inventory):
        reason = f"{since}, and no process, program or other map holds map {pin.id}{maker}"
        remedy = f"Start the service that created it, or remove the pin, which frees the map: {remove}"
        return Finding("orphan_pin", pin.path, inventory.objects.maps[pin.id].name, unit, reason, remedy)
    return None


def _link_held(number: int, inventory: Inventory) -> bool:
    owners, link = inventory.owners, inventory.objects.links[number]
    program = inventory.objects.programs.get(link.program)
    return bool(
        owners.of("link", number)
        or owners.of("program", link.program)
        or any(owners.of("map", one) for one in (program.map_ids if program else ()))
    )


def _map_held(number: int, inventory: Inventory) -> bool:
    objects = inventory.objects
    # A struct_ops map is attached itself. A map of maps that was not read completely may hold any map.
    outer = [one for one in objects.maps.values() if one.type.endswith("_of_maps")]
    return bool(
        inventory.owners.of("map", number)
        or objects.maps[number].type == "struct_ops"
        or any(number in program.map_ids for program in objects.programs.values())
        or any(one.contents is None or not one.contents.whole or number in one.contents.ids for one in outer)
    )


def _program_finding(
    program: Program, inventory: Inventory, *, grace: int, expected_pins: t.Sequence[str]
) -> Finding | None:
    age = inventory.clock.age(program.loaded or 0)
    pins = inventory.pins.of("program", program.id)
    owners = inventory.owners.of("program", program.id)
    if age < grace or any(_expected(pin, expected_pins) for pin in pins) or not (pins or owners):
        return None
    since = iso_time(inventory.clock.now - age)
    reason = f"the {program.type} program {program.id} was loaded at {since}; {inventory.attached[program.id].reason}"
    if owners:
        who = owners[0]
        remedy = f"Find out why {who.comm} (process {who.pid} of {who.unit}) holds it without attaching it."
    else:
        remedy = "Attach it, or remove its pins: rm " + " ".join(shlex.quote(pin.path) for pin in pins)
    return Finding(
        "unattached_program",
        f"program {program.id}",
        program.name,
        owners[0].unit if owners else None,
        reason,
        remedy,
    )


def _event_findings(inventory: Inventory) -> list[Finding]:
    findings = []
    for event, use in zip(inventory.events.events, inventory.event_uses):
        if use.answer != "no":
            continue
        file = "dynamic_events" if event.kind == "fprobe" else f"{event.kind}_events"
        remedy = f"Remove it: echo '-:{event.group}/{event.name}' >> {inventory.events.tracefs}/{file}"
        name = f"{event.group}/{event.name}"
        reason = f"{event.definition}: {use.reason}; creating another event with this name fails with EEXIST"
        findings.append(Finding("stale_event", name, event.name, None, reason, remedy))
    return findings
