# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory against bpftool and /proc of the same host, and leaks made on purpose."""

from __future__ import annotations

import base64
import datetime
import json
import pathlib
import typing as t

import pytest

testinfra_hosts = ["ansible://go_hosts"]

SEED = pathlib.Path(__file__).with_name("seed_bpf.py")
PINS = "/sys/fs/bpf/gofleet-seed"
EVENT = "gofleet_seed/opens"
UNIT = "gofleet-seed.service"
HELD = "/run/gofleet-seed.held"
# bpftool of Debian 12 and 13 and this collection call these fields differently.
PROGRAM_FIELDS = ("id", "type", "tag", "uid")
MAP_FIELDS = {
    "id": "id",
    "type": "type",
    "name": "name",
    "max_entries": "max_entries",
    "bytes": "bytes_memlock",
}


@pytest.fixture
def seed(host: t.Any) -> t.Iterator[t.Callable[..., None]]:
    """Runs seed_bpf.py on the host, and takes back all that it can have left."""
    script = base64.b64encode(SEED.read_bytes()).decode()
    host.run_test("echo %s | base64 -d > /run/seed_bpf.py", script)

    def run(*arguments: str, unit: str | None = None) -> None:
        service = f"systemd-run --quiet --collect --unit={unit} " if unit else ""
        host.run_test(f"{service}python3 /run/seed_bpf.py {' '.join(arguments)}")

    yield run
    # rmdir of a bpffs needs an empty directory; the event is not there in most tests.
    host.run(f"systemctl stop {UNIT}; rm -rf {PINS}")
    host.run(f"echo '-:{EVENT}' >> /sys/kernel/tracing/kprobe_events")
    host.run("rm -f /run/seed_bpf.py %s", HELD)


def bpftool(host: t.Any, *words: str) -> dict[int, dict[str, t.Any]]:
    rows = json.loads(host.check_output(f"bpftool {' '.join(words)} show -j"))
    return {row["id"]: row for row in rows}


def inventory(run_module: t.Any, **arguments: t.Any) -> dict[str, t.Any]:
    """Run the module, with everything old enough to be a finding."""
    result: dict[str, t.Any] = run_module("ebpf_inventory_info", **{"grace": 0, **arguments})
    assert "findings" in result, result
    return result


def findings(run_module: t.Any, **arguments: t.Any) -> list[dict[str, t.Any]]:
    result = inventory(run_module, **arguments)
    assert result["complete"]["answer"] == "yes", result["complete"]
    found: list[dict[str, t.Any]] = result["findings"]
    return found


def test_agrees_with_bpftool(host: t.Any, run_module: t.Any) -> None:
    before = {what: bpftool(host, what) for what in ("prog", "map", "link")}
    result = inventory(run_module)
    after = {what: bpftool(host, what) for what in ("prog", "map", "link")}
    # What came or went meanwhile may be seen or not; all else must be.
    for what, name in (("prog", "programs"), ("map", "maps"), ("link", "links")):
        ids = {one["id"] for one in result[name]}
        assert before[what].keys() & after[what].keys() <= ids <= before[what].keys() | after[what].keys()
    for program in result["programs"]:
        other = {**before["prog"], **after["prog"]}[program["id"]]
        assert {name: program[name] for name in PROGRAM_FIELDS} == {
            name: other[name] for name in PROGRAM_FIELDS
        }
        # The kernel keeps 15 letters; bpftool of Debian 13 takes the rest from the type information.
        assert other.get("name", "").startswith(program["name"])
        assert sorted(program["map_ids"]) == sorted(other.get("map_ids", []))
        loaded = datetime.datetime.strptime(program["loaded_at"], "%Y-%m-%dT%H:%M:%S%z").timestamp()
        assert abs(loaded - other["loaded_at"]) <= 2
    for one in result["maps"]:
        other = {**before["map"], **after["map"]}[one["id"]]
        assert {ours: one[ours] for ours in MAP_FIELDS} == {
            ours: other[theirs] for ours, theirs in MAP_FIELDS.items()
        }
    for link in result["links"]:
        other = {**before["link"], **after["link"]}[link["id"]]
        assert (link["type"], link["prog_id"]) == (other["type"], other["prog_id"])
    print({name: len(result[name]) for name in ("programs", "maps", "links", "pins", "events")})


def test_agrees_with_control_groups_and_descriptors(host: t.Any, run_module: t.Any) -> None:
    """bpftool of Debian cannot name owners, so /proc itself is asked by other means."""
    tree = json.loads(host.check_output("bpftool cgroup tree -j"))
    attached = {program["id"] for group in tree for program in group["programs"]}
    result = inventory(run_module)
    programs = {program["id"]: program for program in result["programs"]}
    assert attached, "systemd restricts services of every Debian by programs"
    for number in attached & programs.keys():
        assert programs[number]["attached"] is True
    script = r"grep -l ^prog_type: /proc/[0-9]*/fdinfo/* 2>/dev/null | xargs -r grep -H ^prog_id:"
    lines = host.run(script).stdout.splitlines()
    owners = {(int(line.split("/")[2]), int(line.split()[-1])) for line in lines}
    ours = {(owner["pid"], one["id"]) for one in result["programs"] for owner in one["owners"]}
    assert ours == owners
    assert {owner["unit"] for one in result["programs"] for owner in one["owners"]} >= {"init.scope"}


def test_an_unchanged_host_has_no_findings(run_module: t.Any) -> None:
    assert findings(run_module) == []


SEEDED = {
    "a link": (f"link {PINS}/link", "orphan_link", f"{PINS}/link"),
    "a map": (f"map {PINS}/map", "orphan_pin", f"{PINS}/map"),
    "a program": (f"program {PINS}/program", "unattached_program", f"rm {PINS}/program"),
    "an event": (f"event {EVENT} do_sys_openat2", "stale_event", EVENT),
}


@pytest.mark.on("deb13")
@pytest.mark.parametrize("leak", SEEDED)
def test_finds_what_was_left(host: t.Any, run_module: t.Any, seed: t.Any, leak: str) -> None:
    arguments, kind, named = SEEDED[leak]
    assert findings(run_module) == []
    seed(*arguments.split())
    (found,) = findings(run_module)
    assert found["kind"] == kind
    assert named in found["object"] + found["remedy"]
    # The remedy is a command, and it is enough.
    command = found["remedy"].partition(": ")[2]
    host.run_test(command)
    assert findings(run_module) == []


@pytest.mark.on("deb13")
def test_an_expected_pin_is_no_finding(run_module: t.Any, seed: t.Any) -> None:
    seed("link", f"{PINS}/link")
    assert findings(run_module, expected_pins=[f"{PINS}/*"]) == []


@pytest.mark.on("deb13")
def test_an_enabled_event_is_no_finding(host: t.Any, run_module: t.Any, seed: t.Any) -> None:
    seed("event", EVENT, "do_sys_openat2")
    enable = f"/sys/kernel/tracing/events/{EVENT}/enable"
    host.run_test(f"echo 1 > {enable}")
    assert findings(run_module) == []
    host.run_test(f"echo 0 > {enable}")
    assert [found["kind"] for found in findings(run_module)] == ["stale_event"]


@pytest.mark.on("deb13")
def test_finds_growth_of_a_unit(host: t.Any, run_module: t.Any, seed: t.Any) -> None:
    holds = 'for i in $(seq 600); do [ "$(cat %s)" = %s ] && exit; sleep 0.2; done; exit 1'
    seed("grow", "2", "20", HELD, unit=UNIT)
    host.run_test(holds, HELD, "2")
    first = inventory(run_module)
    assert first["by_unit"][UNIT]["links"] == 2
    assert first["findings"] == []
    assert inventory(run_module, baseline=first["baseline"])["findings"] == []
    host.run_test("systemctl kill --signal=USR1 %s", UNIT)
    host.run_test(holds, HELD, "22")
    second = run_module(
        "ebpf_inventory_info", baseline=first["baseline"], budgets=[{"unit": UNIT, "links": 21}]
    )
    assert second["comparison"]["answer"] == "yes"
    kinds = sorted((found["kind"], found["object"]) for found in second["findings"])
    assert kinds == [
        ("growth", f"{UNIT}: links"),
        ("growth", f"{UNIT}: programs"),
        ("over_budget", f"{UNIT}: links"),
    ]
    assert "from 2 for 1" in second["findings"][0]["reason"] + second["findings"][1]["reason"]
    other = {**first["baseline"], "boot_id": "another"}
    third = inventory(run_module, baseline=other)
    assert (third["comparison"]["answer"], third["findings"]) == ("no", [])
    assert "another boot" in third["comparison"]["reason"]


@pytest.mark.on("deb13")
def test_objects_that_go_meanwhile_are_no_error(run_module: t.Any, seed: t.Any) -> None:
    seed("churn", "60", unit=UNIT)
    for dummy in range(3):
        result = inventory(run_module)
        assert result["complete"]["answer"] == "yes", result["complete"]
        assert result["findings"] == []


@pytest.mark.on("deb13")
def test_another_user_is_told_what_is_missing(host: t.Any) -> None:
    interpreter = "/usr/local/bin/python-of-nobody"
    script = '#!/bin/sh\\nexec runuser -u nobody -- python3 "$@"\\n'
    host.run_test(f"printf %s > {interpreter} && chmod 755 {interpreter}", script)
    try:
        variables = {"ansible_python_interpreter": interpreter}
        result = host.ansible(
            "gofleet.hosts.ebpf_inventory_info", "grace=0", check=False, extra_vars=variables
        )
    finally:
        host.run_test(f"rm {interpreter}")
    assert result["complete"]["answer"] == "no", result
    assert result["complete"]["decided_by"] in ("capability", "sysctl")
    assert (result["programs"], result["findings"]) == ([], [])
