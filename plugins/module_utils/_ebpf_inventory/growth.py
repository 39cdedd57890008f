# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Count the BPF objects that each unit holds, and compare them with an earlier run and with budgets."""

from __future__ import annotations

import fnmatch
import typing as t

from .._errors import HostError
from .._iso_time import iso_time
from .._probe.answer import Probe, no, yes
from .inventory import Inventory

__all__ = [
    "METRICS",
    "NOBODY",
    "Finding",
    "UnitUse",
    "baseline_of",
    "compare",
    "find_growth",
    "find_over_budget",
    "use_by_unit",
]

METRICS = ("programs", "maps", "links", "map_bytes")
NOBODY = "-"  # the key for objects that no process holds
_SCHEMA = 1


class Finding(t.NamedTuple):
    """A finding that the user can act on."""

    kind: str
    object: str
    name: str | None
    unit: str | None
    reason: str
    remedy: str


class UnitUse(t.NamedTuple):
    """The objects that the processes of a unit hold, including the program of each link and the maps of each program.

    ``map_bytes``: what the kernel charges for the maps. ``pids``: the processes that hold objects. ``processes``: the
    number of processes of the unit. ``traced``: the number of processes that the unit traces with uprobes, or None
    where it has no uprobes.
    """

    programs: int
    maps: int
    links: int
    map_bytes: int
    pids: list[int]
    processes: int
    traced: int | None


class _Held(t.NamedTuple):
    programs: set[int]
    maps: set[int]
    links: set[int]
    pids: set[int]
    probed: set[tuple[str | None, int | None]]


def use_by_unit(inventory: Inventory) -> dict[str, UnitUse]:
    """Return the objects that each unit holds. Objects that no process holds have the key NOBODY."""
    held = _held_by_unit(inventory)
    objects = inventory.objects
    rest = _empty()
    rest.programs.update(set(objects.programs) - {one for use in held.values() for one in use.programs})
    rest.maps.update(set(objects.maps) - {one for use in held.values() for one in use.maps})
    rest.links.update(set(objects.links) - {one for use in held.values() for one in use.links})
    if rest.programs or rest.maps or rest.links:
        held[NOBODY] = rest
    units = inventory.owners.units()
    return {
        unit: UnitUse(
            programs=len(use.programs),
            maps=len(use.maps),
            links=len(use.links),
            map_bytes=sum(objects.maps[one].bytes or 0 for one in use.maps if one in objects.maps),
            pids=sorted(use.pids),
            processes=len(units.get(unit, ())),
            traced=_traced(use.probed, inventory),
        )
        for unit, use in sorted(held.items())
    }


def _empty() -> _Held:
    return _Held(set(), set(), set(), set(), set())


def _held_by_unit(inventory: Inventory) -> dict[str, _Held]:
    uses: dict[str, _Held] = {}
    objects = inventory.objects
    perf = {(use.pid, use.fd): use for use in inventory.attachments.perf}
    for held in inventory.owners.held:
        found = perf.get((held.pid, held.fd))
        number = found.program if found else held.id
        if number is None:
            continue
        unit = inventory.owners.processes[held.pid].unit
        use = uses.setdefault(unit, _empty())
        use.pids.add(held.pid)
        if found and (found.event or "").startswith("u"):
            use.probed.add((found.name, None))
        if held.kind == "link":
            use.links.add(number)
            link = objects.links.get(number)
            if link is not None and (link.target.event or "").startswith("u"):
                use.probed.add((link.target.name, link.target.pid))
            if link is not None and link.program in objects.programs:
                use.programs.add(link.program)
        else:
            (use.maps if held.kind == "map" else use.programs).add(number)
    for use in uses.values():
        for number in use.programs & set(objects.programs):
            use.maps.update(objects.programs[number].map_ids)
        for number in use.maps & set(objects.maps):
            contents = objects.maps[number].contents
            if contents is not None and objects.maps[number].type.endswith("_of_maps"):
                use.maps.update(contents.ids)
    return uses


def _traced(probed: t.Collection[tuple[str | None, int | None]], inventory: Inventory) -> int | None:
    """Count the running processes with uprobes.

    A process that has ended does not count, so links that remain after it appear as growth.
    """
    if not probed:
        return None
    running = {pid for dummy, pid in probed if pid in inventory.owners.processes}
    paths = {path for path, pid in probed if pid is None}
    running |= {pid for pid, path in inventory.executables.items() if path in paths}
    return max(1, len(running))  # a library is not the executable of a process, so at least one is assumed


def baseline_of(
    inventory: Inventory, uses: t.Mapping[str, UnitUse], earlier: t.Mapping[str, t.Any] | None
) -> dict[str, t.Any]:
    """Return the value ``baseline`` of ebpf_inventory_info, for a later comparison."""
    pins: dict[str, t.Any] = {}
    made = makers(earlier, inventory)
    for pin in inventory.pins.pins:
        owners = inventory.owners.of(pin.kind, pin.id)
        unit = owners[0].unit if owners else made.get((pin.path, pin.id))
        if unit is not None:
            pins[pin.path] = {"id": pin.id, "unit": unit}
    return {
        "schema": _SCHEMA,
        "boot_id": inventory.clock.boot_id,
        "time": iso_time(inventory.clock.now),
        "complete": inventory.complete.answer == "yes",
        "units": {
            unit: {
                **{name: getattr(use, name) for name in METRICS},
                "processes": use.processes,
                "traced": use.traced,
            }
            for unit, use in uses.items()
        },
        "pins": pins,
    }


def makers(earlier: t.Mapping[str, t.Any] | None, inventory: Inventory) -> dict[tuple[str, int], str]:
    """Return the unit that held each pinned object in an earlier run of this boot, by path and id."""
    if earlier is None or earlier.get("boot_id") != inventory.clock.boot_id:
        return {}
    return {(path, pin["id"]): pin["unit"] for path, pin in earlier["pins"].items()}


def compare(earlier: t.Mapping[str, t.Any] | None, inventory: Inventory) -> Probe:
    """Judge whether this run can be compared with the baseline.

    :raises HostError: the value is not a baseline
    """
    if earlier is None:
        return no("kernel", "no baseline was given, and a single sample cannot show growth")
    _require_baseline(earlier)
    if earlier["boot_id"] != inventory.clock.boot_id:
        return no("kernel", f"the baseline of {earlier['time']} is from another boot ({earlier['boot_id']})")
    if earlier["complete"] != (inventory.complete.answer == "yes"):
        return no(
            "kernel",
            f"the baseline of {earlier['time']} and this run did not have the same access: {inventory.complete.reason}",
        )
    return yes("kernel", f"compared with {earlier['time']} of the same boot ({earlier['boot_id']})")


def _require_baseline(earlier: t.Mapping[str, t.Any]) -> None:
    wanted = {"schema": int, "boot_id": str, "time": str, "complete": bool, "units": dict, "pins": dict}
    wrong = [name for name, kind in wanted.items() if not isinstance(earlier.get(name), kind)]
    if not wrong and earlier["schema"] != _SCHEMA:
        wrong = ["schema"]
    shapes: dict[str, dict[str, type]] = {
        "units": dict.fromkeys((*METRICS, "processes"), int),
        "pins": {"id": int, "unit": str},
    }
    for name in () if wrong else shapes:
        if not all(_has(value, shapes[name]) for value in earlier[name].values()):
            wrong.append(name)
    if wrong:
        raise HostError(
            "option baseline",
            wanted=f"the value that an earlier run returned as baseline (schema {_SCHEMA})",
            found=f"no valid {', '.join(wrong)}",
            remedy="Pass the value unchanged, or omit the option to create a new baseline.",
        )


def _has(value: object, shape: t.Mapping[str, type]) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in shape.items())


def find_growth(
    earlier: t.Mapping[str, t.Any],
    uses: t.Mapping[str, UnitUse],
    *,
    clock_time: str,
    boot_id: str,
    allowed: t.Mapping[str, int],
) -> list[Finding]:
    """Find units that hold more objects for each traced process (or process of the unit) than in an earlier run.

    A unit that the earlier run did not have is new and does not count as growing.

    :param allowed: how many more of each metric are allowed for each process
    """
    findings = []
    for unit, use in uses.items():
        before = earlier["units"].get(unit)
        if before is None:
            continue
        by_traced = use.traced is not None and isinstance(before.get("traced"), int)
        then = max(1, before["traced"] if by_traced else before["processes"])
        today = max(1, (use.traced or 1) if by_traced else use.processes)
        what = "traced process" if by_traced else "process of the unit"
        for name in METRICS:
            more = getattr(use, name) / today - before[name] / then
            if getattr(use, name) <= before[name] or more <= allowed[name]:
                continue
            reason = (
                f"{name} went from {before[name]} for {then} at {earlier['time']} to {getattr(use, name)} for {today} "
                f"at {clock_time} (boot {boot_id}): {more:.1f} more for each {what}, {allowed[name]} are allowed. "
                "Two samples show growth, but do not prove a leak"
            )
            findings.append(Finding("growth", f"{unit}: {name}", name, unit, reason, _remedy(unit)))
    return findings


def find_over_budget(
    uses: t.Mapping[str, UnitUse], budgets: t.Sequence[t.Mapping[str, t.Any]]
) -> list[Finding]:
    """Find units that hold more than their budget. The unit of a budget may be a shell pattern."""
    findings = []
    for budget in budgets:
        for unit, use in uses.items():
            if not fnmatch.fnmatchcase(unit, budget["unit"]):
                continue
            for name in METRICS:
                limit = budget.get(name)
                if limit is not None and getattr(use, name) > limit:
                    reason = f"{getattr(use, name)} {name}, the budget is {limit}"
                    findings.append(
                        Finding("over_budget", f"{unit}: {name}", name, unit, reason, _remedy(unit))
                    )
    return findings


def _remedy(unit: str) -> str:
    if unit == NOBODY:
        return "List the pins, which keep objects that no process holds: bpftool -f prog show."
    if unit.startswith("/"):
        return f"List the processes of the control group {unit}: systemd-cgls {unit}."
    return f"Run this module again later. If the unit keeps growing, report the leak and run: systemctl restart {unit}."
