# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory import (
    inventory as ebpf_inventory_inventory,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.info import report_inventory
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.inventory import (
    Clock,
    completeness,
    read_inventory,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.objects import Objects
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.owners import Owners
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.pins import Pin, Pins
from ansible_collections.gofleet.hosts.plugins.module_utils._iso_time import iso_time
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.tracefs import Event, Events
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import Caller
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._ebpf.stand_in_bpf import StandInBpf, link_info, map_info, namespaces, proc_tree, process, program_info
from .._probe.stand_in import NOBODY, ROOT, host
from .stand_in_inventory import NO, YES, bpf_map, inventory, link, pin, program

REFUSED = Outcome(-1, errno.EPERM)
OPTIONS: dict[str, t.Any] = {
    "baseline": None,
    "growth": {"programs": 4, "maps": 4, "links": 4, "map_bytes": 100},
    "budgets": [],
    "grace": 300,
    "expected_pins": [],
}
EMPTY = Objects({}, {}, {}, {})
ALL_READ = Owners([], {}, [])


def report(found: t.Any, again: t.Any = None, **options: t.Any) -> dict[str, t.Any]:
    return report_inventory(found, options={**OPTIONS, **options}, again=lambda: again or found)


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    proc_tree("6.12", tmp_path)
    (tmp_path / "proc/sys/kernel/random").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/random/boot_id").write_text("0c1b\n")
    (tmp_path / "proc/sys/kernel/bpf_stats_enabled").write_text("1\n")
    return tmp_path


def kernel() -> StandInBpf:
    return StandInBpf(
        {
            "PROG": {21: program_info(21, kind=29, maps=1)},
            "MAP": {11: map_info(11, kind=2)},
            "LINK": {2: link_info(2, kind=2, program=21)},
        }
    )


def read(
    tree: pathlib.Path, bpf: StandInBpf, monkeypatch: pytest.MonkeyPatch, caller: Caller = ROOT
) -> t.Any:
    monkeypatch.setattr(ebpf_inventory_inventory, "Bpf", lambda host: bpf)
    return read_inventory(host({}, root=tree, caller=caller))


def test_a_recorded_host_is_read(tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(tree, kernel(), monkeypatch)
    assert (found.clock.boot_id, found.statistics, found.complete.answer) == ("0c1b", True, "yes")
    result = report(found)
    (made,) = result["programs"]
    assert made["owners"] == [{"pid": 1, "unit": "init.scope", "comm": "systemd"}]
    assert (made["attached"], made["links"], made["run_count"]) == (True, [2], 0)
    assert result["by_unit"]["init.scope"]["links"] == 1
    assert result["findings"] == []


def test_without_the_right_to_list_ids_the_answer_is_no(
    tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bpf = kernel()
    bpf.refused = {"PROG": REFUSED, "MAP": REFUSED, "LINK": REFUSED}
    found = read(tree, bpf, monkeypatch, NOBODY)
    assert found.complete.report() == {
        "answer": "no",
        "decided_by": "capability",
        "reason": "EPERM: the caller lacks CAP_SYS_ADMIN (CAP_BPF is not enough to list ids); "
        "only objects that readable processes hold are listed",
    }
    result = report(found)
    # fdinfo of readable processes names these, and their type.
    assert {one["type"] for one in result["programs"]} >= {"lsm", "cgroup_sysctl"}
    assert {one["attached"] for one in result["programs"]} <= {None, True}
    assert (result["findings"], result["programs"][0]["loaded_at"]) == ([], None)


def test_executables_are_read_for_uprobes_only(tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (process(tree, 4000) / "exe").symlink_to("/bin/app")
    assert read(tree, kernel(), monkeypatch).executables == {}
    bpf = kernel()
    bpf.objects = {**bpf.objects, "LINK": {2: link_info(2, kind=12, program=21)}}
    assert read(tree, bpf, monkeypatch).executables == {4000: "/bin/app"}


LACKS = ROOT._replace(capabilities=1 << 21)
COMPLETE: dict[str, tuple[Objects, Owners, Pins, Caller, tuple[str, str], str]] = {
    "all": (EMPTY, ALL_READ, Pins([], []), ROOT, ("yes", "kernel"), "all ids"),
    "a kernel without ids of links": (
        EMPTY._replace(refused={"LINK": Outcome(-1, errno.EINVAL)}),
        ALL_READ,
        Pins([], []),
        ROOT,
        ("unknown", "kernel"),
        "link ids (since Linux 5.8)",
    ),
    "refused to one who has the capability": (
        EMPTY._replace(refused={"PROG": REFUSED}),
        ALL_READ,
        Pins([], []),
        ROOT,
        ("no", "kernel"),
        "security module",
    ),
    "killed": (
        EMPTY._replace(refused={"PROG": Outcome(-1, 0, killed=True)}),
        ALL_READ,
        Pins([], []),
        ROOT,
        ("no", "seccomp"),
        "SIGSYS",
    ),
    "one process refused": (
        EMPTY,
        Owners([], {}, [1]),
        Pins([], []),
        ROOT,
        ("no", "kernel"),
        "process 1 cannot be read:",
    ),
    "many processes refused": (
        EMPTY,
        Owners([], {}, [1, 2, 3]),
        Pins([], []),
        LACKS,
        ("no", "capability"),
        "process 1 cannot be read, nor those of 2 more: the caller lacks CAP_SYS_PTRACE",
    ),
    "a pin unread": (EMPTY, ALL_READ, Pins([], ["/p: denied"]), ROOT, ("no", "kernel"), "/p: denied"),
}


@pytest.mark.parametrize("case", COMPLETE)
def test_completeness_is_judged(tmp_path: pathlib.Path, case: str) -> None:
    objects, owners, pins, caller, expected, reason = COMPLETE[case]
    namespaces(tmp_path)
    probe = completeness(objects, owners, pins, root=str(tmp_path), caller=caller)
    assert (probe.answer, probe.decided_by) == expected
    assert reason in probe.reason


def test_completeness_is_unknown_in_a_pid_namespace(tmp_path: pathlib.Path) -> None:
    probe = completeness(EMPTY, ALL_READ, Pins([], []), root=str(tmp_path), caller=ROOT)
    assert (probe.answer, "PID namespace" in probe.reason) == ("unknown", True)


def test_the_age_is_computed() -> None:
    assert iso_time(1_800_000_000) == "2027-01-15T08:00:00Z"
    clock = Clock(0.0, 5 * 10**9, "")
    assert (clock.age(2 * 10**9), clock.age(9 * 10**9)) == (3.0, 0.0)


def test_every_value_is_returned() -> None:
    event = Event("kprobe", "k", "e", "vfs_read", "p:k/e vfs_read", False)
    found = inventory(
        program(1, maps=(2,)),
        bpf_map(2),
        link(3, 1),
        held=[("link", 3, 70)],
        pins=[pin("link", "link", 3)],
        events=Events([event], "/t", None),
        event_uses=[YES],
    )
    result = report(found)
    assert result["programs"][0]["loaded_at"] == "2027-01-15T05:13:20Z"
    assert (result["programs"][0]["run_count"], result["programs"][0]["run_time_ns"]) == (None, None)
    assert result["maps"][0]["programs"] == [1]
    assert result["links"][0]["pinned"] == ["/sys/fs/bpf/link"]
    assert result["links"][0]["owners"] == [{"pid": 70, "unit": "agent.service", "comm": "agent"}]
    assert result["pins"] == [
        {"path": "/sys/fs/bpf/link", "kind": "link", "id": 3, "created": "2027-01-15T05:13:20Z"}
    ]
    assert result["events"][0]["used"]["answer"] == "yes"
    assert result["by_unit"]["agent.service"]["map_bytes"] == 100
    assert result["comparison"]["answer"] == "no"


def test_runs_are_returned_while_statistics_are_enabled() -> None:
    made = report(inventory(program(1), statistics=True))["programs"][0]
    assert (made["run_count"], made["run_time_ns"]) == (5, 700)


def test_a_finding_is_confirmed_by_a_second_reading() -> None:
    """Ignores the programs that systemctl daemon-reload replaces, which are not attached for a moment."""
    replaced = inventory(program(1), held=[("program", 1, 1)], attached={1: NO})
    later = inventory(program(2), held=[("program", 2, 1)])
    assert report(replaced, again=later)["findings"] == []
    assert [one["kind"] for one in report(replaced)["findings"]] == ["unattached_program"]


def test_growth_and_budgets_are_findings() -> None:
    first = report(inventory(program(1), link(3, 1), held=[("link", 3, 70)]))
    many = inventory(
        program(1),
        *[link(number, 1) for number in range(3, 20)],
        held=[("link", n, 70) for n in range(3, 20)],
    )
    second = report(many, baseline=first["baseline"], budgets=[{"unit": "*", "links": 16}])
    assert [one["kind"] for one in second["findings"]] == ["growth", "over_budget"]
    assert second["comparison"]["answer"] == "yes"
    other = {**first["baseline"], "boot_id": "other"}
    assert report(many, baseline=other)["findings"] == []


def test_an_unread_pin_is_listed_and_suppresses_findings() -> None:
    pins = Pins([Pin("/sys/fs/bpf/map", "map", 2, 0.0)], ["/elsewhere: Permission denied"])
    found = inventory(bpf_map(2))._replace(pins=pins, complete=NO)
    assert report(found)["pins_unread"] == ["/elsewhere: Permission denied"]
    assert report(found)["findings"] == []
