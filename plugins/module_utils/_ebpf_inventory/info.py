# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Return the inventory and its findings as ebpf_inventory_info returns them."""

from __future__ import annotations

import typing as t

from .._iso_time import iso_time
from .findings import find_abandoned
from .growth import (
    METRICS,
    Finding,
    UnitUse,
    baseline_of,
    compare,
    find_growth,
    find_over_budget,
    makers,
    use_by_unit,
)
from .inventory import Inventory
from .objects import Link, Map, Program

__all__ = ["report_inventory"]


def report_inventory(
    inventory: Inventory, *, options: t.Mapping[str, t.Any], again: t.Callable[[], Inventory]
) -> dict[str, t.Any]:
    """Return the return values of ebpf_inventory_info.

    :param options: the options of the module
    :param again: reads the inventory once more, to confirm findings
    """
    uses = use_by_unit(inventory)
    comparison = compare(options["baseline"], inventory)
    objects = inventory.objects
    return {
        "complete": inventory.complete.report(),
        "statistics": inventory.statistics,
        "programs": [_program(one, inventory) for one in objects.programs.values()],
        "maps": [_map(one, inventory) for one in objects.maps.values()],
        "links": [_link(one, inventory) for one in objects.links.values()],
        "pins": [
            {"path": pin.path, "kind": pin.kind, "id": pin.id, "created": iso_time(pin.created)}
            for pin in inventory.pins.pins
        ],
        "pins_unread": inventory.pins.unread,
        "events": _events(inventory),
        "events_error": inventory.events.error,
        "by_unit": {unit: _use(use) for unit, use in uses.items()},
        "findings": [
            finding._asdict()
            for finding in _findings(
                inventory, uses, options, again=again, compared=comparison.answer == "yes"
            )
        ],
        "comparison": comparison.report(),
        "baseline": baseline_of(inventory, uses, options["baseline"]),
    }


def _findings(
    inventory: Inventory,
    uses: t.Mapping[str, UnitUse],
    options: t.Mapping[str, t.Any],
    *,
    again: t.Callable[[], Inventory],
    compared: bool,
) -> list[Finding]:
    found = _abandoned(inventory, options)
    if found:
        # While systemd replaces its programs (daemon-reload), the old ones are not attached for a moment.
        still = {(one.kind, one.object) for one in _abandoned(again(), options)}
        found = [one for one in found if (one.kind, one.object) in still]
    if compared:
        found += find_growth(
            options["baseline"],
            uses,
            clock_time=iso_time(inventory.clock.now),
            boot_id=inventory.clock.boot_id,
            allowed=options["growth"],
        )
    return found + find_over_budget(uses, options["budgets"])


def _abandoned(inventory: Inventory, options: t.Mapping[str, t.Any]) -> list[Finding]:
    return find_abandoned(
        inventory,
        grace=options["grace"],
        expected_pins=options["expected_pins"],
        made=makers(options["baseline"], inventory),
    )


def _pinned(kind: str, number: int, inventory: Inventory) -> list[str]:
    return [pin.path for pin in inventory.pins.of(kind, number)]


def _owners(kind: str, number: int, inventory: Inventory) -> list[dict[str, t.Any]]:
    return [process._asdict() for process in inventory.owners.of(kind, number)]


def _program(program: Program, inventory: Inventory) -> dict[str, t.Any]:
    clock, attached = inventory.clock, inventory.attached[program.id]
    loaded = None if program.loaded is None else iso_time(clock.now - clock.age(program.loaded))
    return {
        "id": program.id,
        "type": program.type,
        "name": program.name,
        "tag": program.tag,
        "loaded_at": loaded,
        "uid": program.uid,
        "map_ids": list(program.map_ids),
        "pinned": _pinned("program", program.id, inventory),
        "owners": _owners("program", program.id, inventory),
        "links": [link.id for link in inventory.objects.links.values() if link.program == program.id],
        "run_count": program.run_count if inventory.statistics else None,
        "run_time_ns": program.run_time_ns if inventory.statistics else None,
        "attached": {"yes": True, "no": False}.get(attached.answer),
        "attached_to": inventory.attachments.places.get(program.id, []),
        "attachment": attached.report(),
    }


def _map(one: Map, inventory: Inventory) -> dict[str, t.Any]:
    return {
        "id": one.id,
        "type": one.type,
        "name": one.name,
        "key_size": one.key_size,
        "value_size": one.value_size,
        "max_entries": one.max_entries,
        "bytes": one.bytes,
        "pinned": _pinned("map", one.id, inventory),
        "owners": _owners("map", one.id, inventory),
        "programs": [
            program.id for program in inventory.objects.programs.values() if one.id in program.map_ids
        ],
    }


def _link(link: Link, inventory: Inventory) -> dict[str, t.Any]:
    return {
        "id": link.id,
        "type": link.type,
        "prog_id": link.program,
        "target": link.target.text,
        "target_lost": link.target.lost,
        "attach_type": link.target.attach_type,
        "pinned": _pinned("link", link.id, inventory),
        "owners": _owners("link", link.id, inventory),
    }


def _events(inventory: Inventory) -> list[dict[str, t.Any]]:
    return [
        {
            "kind": event.kind,
            "group": event.group,
            "name": event.name,
            "definition": event.definition,
            "enabled": event.enabled,
            "used": use.report(),
        }
        for event, use in zip(inventory.events.events, inventory.event_uses)
    ]


def _use(use: UnitUse) -> dict[str, t.Any]:
    counts = {name: getattr(use, name) for name in METRICS}
    return {**counts, "pids": use.pids, "processes": use.processes, "traced": use.traced}
