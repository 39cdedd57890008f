# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.growth import (
    NOBODY,
    UnitUse,
    baseline_of,
    compare,
    find_growth,
    find_over_budget,
    makers,
    use_by_unit,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.link_info import Target
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.owners import (
    Held,
    Owners,
    Process,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.query import Contents, PerfUse
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import no

from .stand_in_inventory import BOOT, YES, bpf_map, inventory, link, pin, program

ALLOWED = {"programs": 4, "maps": 4, "links": 4, "map_bytes": 1000}
SOME = UnitUse(programs=2, maps=1, links=10, map_bytes=500, pids=[70], processes=1, traced=None)


def uprobe(number: int, *, path: str | None = "/bin/app", pid: int | None = None) -> t.Any:
    return link(number, 1, target=Target("uprobes", event="uprobe", name=path, pid=pid))


def test_a_descriptor_holds_the_objects_that_it_refers_to() -> None:
    outer = bpf_map(5, kind="hash_of_maps", contents=Contents((6,), True))
    found = inventory(
        program(1, maps=(5,)),
        outer,
        bpf_map(6),
        link(3, 1),
        bpf_map(9),
        held=[("link", 3, 70), ("link", 3, 71)],
    )
    uses = use_by_unit(found)
    assert uses["agent.service"] == UnitUse(1, 2, 1, 200, [70, 71], 2, None)
    assert uses[NOBODY] == UnitUse(0, 1, 0, 100, [], 0, None)


def test_freed_objects_are_counted_but_not_followed() -> None:
    uses = use_by_unit(inventory(held=[("link", 3, 70), ("program", 1, 70), ("map", 2, 70)]))
    assert uses["agent.service"] == UnitUse(1, 1, 1, 0, [70], 1, None)


def test_a_perf_event_holds_its_program() -> None:
    found = inventory(program(1), units={70: "agent.service"})
    perf = PerfUse(70, 5, program=1, event="uprobe", name="/bin/app")
    unused = PerfUse(70, 6, errno=2)
    owners = Owners(
        [Held("perf_event", None, 70, 5, {}), Held("perf_event", None, 70, 6, {})],
        {70: Process(70, "agent.service", "agent")},
        [],
    )
    found = found._replace(owners=owners, attachments=found.attachments._replace(perf=[perf, unused]))
    use = use_by_unit(found)["agent.service"]
    assert (use.programs, use.traced) == (1, 1)


TRACED = {
    "processes by their executable": ([uprobe(3)], {80: "/bin/app", 81: "/bin/app", 82: "/bin/sh"}, 2),
    "two links to one path": ([uprobe(3), uprobe(4)], {80: "/bin/app"}, 1),
    "a library": ([uprobe(3, path="/lib/libssl.so")], {80: "/bin/app"}, 1),
    "a process by its number": ([uprobe(3, pid=80)], {80: "/bin/app", 81: "/bin/app"}, 1),
    "a process that ended": ([uprobe(3, pid=80), uprobe(4, pid=99)], {80: "/bin/app"}, 1),
    "none": ([link(3, 1)], {80: "/bin/app"}, None),
}


@pytest.mark.parametrize(("links", "executables", "traced"), TRACED.values(), ids=TRACED.keys())
def test_traced_processes_are_counted(
    links: list[t.Any], executables: dict[int, str], traced: int | None
) -> None:
    held = [("link", one.id, 70) for one in links]
    units = {70: "agent.service", **dict.fromkeys(executables, "app.service")}
    found = inventory(program(1), *links, held=held, units=units, executables=executables)
    assert use_by_unit(found)["agent.service"].traced == traced


def before(**changes: t.Any) -> dict[str, t.Any]:
    use = {"programs": 2, "maps": 1, "links": 2, "map_bytes": 500, "processes": 1, "traced": None, **changes}
    return {
        "schema": 1,
        "boot_id": BOOT,
        "time": "T0",
        "complete": True,
        "units": {"a.service": use},
        "pins": {},
    }


GROWTH: dict[str, tuple[dict[str, t.Any], UnitUse, list[str]]] = {
    "links": (before(), SOME, ["links"]),
    "as many as allowed": (before(links=6), SOME, []),
    "fewer": (before(links=20), SOME, []),
    "the same": (before(links=10), SOME, []),
    "a process for each": (before(), SOME._replace(processes=5), []),
    "fewer processes and no more links": (before(links=10, processes=5), SOME, []),
    "bytes": (before(links=10), SOME._replace(map_bytes=5000), ["map_bytes"]),
    "more traced processes": (before(traced=1), SOME._replace(traced=5), []),
    "restarts of the traced process": (before(traced=1), SOME._replace(traced=1, processes=9), ["links"]),
    "traced now, not then": (before(), SOME._replace(traced=99), ["links"]),
    "no process": (before(processes=0), SOME._replace(processes=0), ["links"]),
}


@pytest.mark.parametrize(("earlier", "use", "names"), GROWTH.values(), ids=GROWTH.keys())
def test_growth_is_found(earlier: dict[str, t.Any], use: UnitUse, names: list[str]) -> None:
    found = find_growth(earlier, {"a.service": use}, clock_time="T1", boot_id=BOOT, allowed=ALLOWED)
    assert [one.name for one in found] == names


def test_the_reason_for_growth_names_both_samples() -> None:
    (found,) = find_growth(before(), {"a.service": SOME}, clock_time="T1", boot_id=BOOT, allowed=ALLOWED)
    assert found.reason == (
        f"links went from 2 for 1 at T0 to 10 for 1 at T1 (boot {BOOT}): 8.0 more for each process of the unit, "
        "4 are allowed. Two samples show growth, but do not prove a leak"
    )
    assert (found.object, found.unit) == ("a.service: links", "a.service")
    assert "systemctl restart a.service" in found.remedy


@pytest.mark.parametrize("unit", [NOBODY, "/libpod/x"])
def test_the_remedy_without_a_unit_is_not_a_restart(unit: str) -> None:
    earlier = before()
    earlier["units"] = {unit: earlier["units"]["a.service"]}
    (found,) = find_growth(earlier, {unit: SOME}, clock_time="T1", boot_id=BOOT, allowed=ALLOWED)
    assert "systemctl" not in found.remedy


def test_a_new_unit_does_not_grow() -> None:
    assert find_growth(before(), {"b.service": SOME}, clock_time="T1", boot_id=BOOT, allowed=ALLOWED) == []


def test_budgets_are_compared() -> None:
    budgets = [
        {"unit": "a*.service", "links": 9, "maps": 1, "programs": None},
        {"unit": "b.service", "links": 0},
    ]
    (found,) = find_over_budget({"a.service": SOME}, budgets)
    assert (found.kind, found.name, found.reason) == ("over_budget", "links", "10 links, the budget is 9")


def test_a_baseline_can_be_passed_and_has_the_units_of_pins() -> None:
    found = inventory(program(1), link(3, 1), held=[("link", 3, 70)], pins=[pin("link", "link", 3)])
    first = baseline_of(found, use_by_unit(found), None)
    assert first["pins"] == {"/sys/fs/bpf/link": {"id": 3, "unit": "agent.service"}}
    assert compare(first, found).answer == "yes"
    gone = inventory(program(1), link(3, 1), pins=[pin("link", "link", 3)])
    assert makers(first, gone) == {("/sys/fs/bpf/link", 3): "agent.service"}
    second = baseline_of(gone, use_by_unit(gone), first)
    assert second["pins"] == first["pins"]
    assert makers({**first, "boot_id": "other"}, gone) == {}
    assert makers(None, gone) == {}


NOT_COMPARED = {
    "none": (None, "no baseline"),
    "another boot": ({**before(), "boot_id": "other"}, "another boot"),
    "less was seen": ({**before(), "complete": False}, "did not have the same access"),
}


@pytest.mark.parametrize(("earlier", "reason"), NOT_COMPARED.values(), ids=NOT_COMPARED.keys())
def test_a_baseline_is_not_compared_with_a_reason(earlier: dict[str, t.Any] | None, reason: str) -> None:
    probe = compare(earlier, inventory())
    assert (probe.answer, reason in probe.reason) == ("no", True)


def test_two_runs_with_the_same_access_are_compared() -> None:
    part = inventory(complete=no("capability", "refused"))
    assert compare({**before(), "complete": False}, part).answer == YES.answer


DAMAGED: dict[str, dict[str, t.Any]] = {
    "empty": {},
    "of another shape": {"schema": "one"},
    "of a later schema": {**before(), "schema": 2},
    "units without numbers": before(links="many"),
    "units that are not valid": {**before(), "units": {"a.service": None}},
    "pins without id": {**before(), "pins": {"/x": {"unit": "a"}}},
    "pins that are not valid": {**before(), "pins": {"/x": 5}},
}


@pytest.mark.parametrize("earlier", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_baseline_is_an_error(earlier: dict[str, t.Any]) -> None:
    with pytest.raises(HostError, match="option baseline: wanted the value that an earlier run returned"):
        compare(earlier, inventory())
