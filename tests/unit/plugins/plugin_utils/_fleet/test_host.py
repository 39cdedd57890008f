# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet import capabilities, go
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.host import host_facts, no_facts
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.untag import untag

YES = {"answer": "yes", "decided_by": "kernel", "reason": "tried, it works"}
NO = {"answer": "no", "decided_by": "sysctl", "reason": "EPERM: kernel.io_uring_disabled is 2"}
KERNEL: dict[str, t.Any] = {
    "capabilities": {"psi": YES},
    "values": {
        "release": {"release": "6.12.0-1-amd64", "machine": "x86_64"},
        "lsm": {"active": ["lockdown", "apparmor"], "lockdown": "none"},
        "cpu": {"goarch": "amd64", "level": "v3"},
        "sysctl": {
            "vm.swappiness": 60,
            "net.ipv4.tcp_rmem": [4096, 131072, 6291456],
            "fs.file-nr": [1, 0, 9],
            "a.b": None,
        },
        "sysctl_origin": {
            "vm.swappiness": {
                "live": 60,
                "boot_value": "10",
                "wins": "/etc/sysctl.d/99-a.conf",
                "overridden": True,
            },
            "kernel.pid_max": {"live": 1, "boot_value": "1", "overridden": False},
        },
    },
}
BINARY: dict[str, t.Any] = {
    "path": "/opt/gofleet/hello/current/hello",
    "go_version": "go1.22.10",
    "supported": "no",
    "main": {"path": "example.net/hello", "version": "v1"},
    "goarch": "amd64",
    "starts_here": YES,
    "processes": [
        {"pid": 7, "unit": "hello.service", "uid": 0, "deleted": True, "capabilities": "000001ffffffffff"},
        {"pid": 8, "unit": "hello.service", "uid": 0, "deleted": True, "capabilities": "0x1ffffffffff"},
    ],
}


def test_facts_of_a_host() -> None:
    facts = host_facts(
        {
            "kernel_info": KERNEL,
            "io_uring_info": {"setup": {"plain": NO}},
            "ebpf_info": {
                "programs": {"kprobe": YES},
                "maps": {"hash": YES},
                "attach": {"fentry": YES},
                "profiles": {"obi_traces": {**NO, "fix": "Do this."}},
                "identities": {"otel": {"profiles": {"obi_traces": YES}}},
            },
            "kernel_symbol_info": {"symbols": [{"name": "tcp_v4_connect", "verdict": YES}]},
            "ebpf_inventory_info": {
                "findings": [{"kind": "orphan_pin", "unit": None}],
                "by_unit": {"a": {"programs": 1}},
            },
            "go_binary_info": {"binaries": [BINARY]},
        }
    )
    assert facts["state"] == "answered"
    assert list(facts["capabilities"]) == [
        "bpf_attach/fentry",
        "bpf_map/hash",
        "bpf_program/kprobe",
        "io_uring/plain",
        "kernel/psi",
        "profile/obi_traces",
        "profile/obi_traces as otel",
        "symbol/tcp_v4_connect",
    ]
    assert facts["capabilities"]["io_uring/plain"] == NO
    assert facts["kernel"] == {
        "release": "6.12.0-1-amd64",
        "machine": "x86_64",
        "lsm": "lockdown, apparmor",
        "lockdown": "none",
        "goarch": "amd64",
        "level": "v3",
    }
    # Counters are not settings and change all the time.
    assert facts["sysctl"] == {"a.b": None, "net.ipv4.tcp_rmem": "4096 131072 6291456", "vm.swappiness": "60"}
    assert [entry["key"] for entry in facts["overridden"]] == ["vm.swappiness"]
    assert facts["ebpf"]["units"] == {"a": {"programs": 1, "maps": 0, "links": 0}}
    assert facts["ebpf"]["findings"][0]["unit"] == ""
    assert facts["fixes"] == {"obi_traces": "Do this."}
    assert facts["builds"][0]["running"] == 2
    assert facts["builds"][0]["stale"] == 2
    # Two processes with the same sandbox are one entry, without a process id.
    assert len(facts["processes"]) == 1
    assert facts["processes"][0]["capabilities"] == "0x1ffffffffff"
    assert "pid" not in str(facts["processes"])


@pytest.mark.parametrize(
    ("results", "state", "messages"),
    [
        ({"kernel_info": {"unreachable": True, "msg": "no route"}}, "unreachable", ["no route"]),
        ({}, "unreachable", []),
        ({"kernel_info": {"skipped": True}}, "unreachable", []),
        ({"kernel_info": {"msg": "boom\nmore"}}, "failed", ["boom"]),
        ({"kernel_info": KERNEL, "io_uring_info": {"msg": ""}}, "partly", ["no answer"]),
        ({"kernel_info": KERNEL, "io_uring_info": {"skipped": True}}, "answered", []),
        ({"kernel_info": KERNEL, "ebpf_info": None}, "answered", []),
        ({"kernel_info": {"capabilities": {}}}, "answered", []),
        # The connection to the host was lost during the probe.
        ({"kernel_info": KERNEL, "io_uring_info": {"unreachable": True, "msg": "gone"}}, "partly", ["gone"]),
    ],
)
def test_states(results: dict[str, t.Any], state: str, messages: list[str]) -> None:
    facts = host_facts(results)
    assert facts["state"] == state
    assert [problem["message"] for problem in facts["problems"]] == messages
    assert set(facts) == set(no_facts("failed"))


@pytest.mark.parametrize("value", [None, [], "yes", {}, {"answer": "maybe"}, {"answer": True}], ids=repr)
def test_values_that_are_not_answers(value: t.Any) -> None:
    assert capabilities.answer_of(value) is None
    assert host_facts({"kernel_info": {"capabilities": {"x": value}, "values": None}})["capabilities"] == {}


def test_the_default_layer_of_an_answer_is_the_kernel() -> None:
    assert capabilities.answer_of({"answer": "no"}) == {
        "answer": "no",
        "decided_by": "kernel",
        "reason": "",
    }


def test_order_of_go_versions() -> None:
    versions = [
        "",
        "devel",
        "go1.9",
        "go1.21beta1",
        "go1.21rc2",
        "go1.21.0",
        "go1.21.10",
        "go1.27.3 X:nocoverageredesign",
    ]
    shuffled = [*versions[4:], *versions[:4]]
    assert sorted(shuffled, key=go.version_key)[2:] == versions[2:]


def test_builds_and_versions_of_the_fleet() -> None:
    one, other = (
        host_facts({"kernel_info": KERNEL, "go_binary_info": {"binaries": [BINARY]}}) for dummy in "ab"
    )
    builds = go.go_builds({"a": one, "b": other})
    assert [(build["hosts"], build["running"]) for build in builds] == [(["a", "b"], 4)]
    assert go.go_versions(builds) == [
        {"go_version": "go1.22.10", "supported": "no", "builds": 1, "hosts": ["a", "b"]}
    ]
    assert go.go_processes({"a": one, "b": other})[0]["hosts"] == ["a", "b"]


@pytest.mark.parametrize("binaries", [None, [], [{}], [{"main": None, "processes": None}]], ids=repr)
def test_binaries_without_keys(binaries: t.Any) -> None:
    assert len(go.builds_of(binaries)) == len(binaries or [])
    assert go.processes_of(binaries) == []


def test_a_process_without_keys() -> None:
    assert go.processes_of([{"processes": [{"capabilities": "garbage", "limits": {"nofile": 9}}]}]) == [
        {
            "unit": "",
            "comm": "",
            "path": "",
            "root": None,
            "apparmor": None,
            "seccomp": None,
            "no_new_privs": None,
            "capabilities": None,
            "nofile": 9,
            "memory_max": None,
            "gomemlimit": None,
            "stale": False,
        }
    ]


def test_tagged_values_become_values_of_python() -> None:
    class Tagged(str):
        """A string with a data tag, as Ansible makes them."""

    value = untag({Tagged("a"): (Tagged("b"), 1, 1.5, True, None)})
    assert value == {"a": ["b", 1, 1.5, True, None]}
    assert not isinstance(value["a"][0], Tagged)
    assert value["a"][3] is True


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        (None, ""),
        ("hello.service", "hello.service"),
        ("session-12.scope", "session-*.scope"),
        ("run-u55.service", "run-*.service"),
        ("docker-8cae61a9f0ff6247e7e11af117496de3.scope", "docker-*.scope"),
    ],
)
def test_unit_names_without_changing_numbers(unit: str | None, name: str) -> None:
    assert go.unit_name(unit) == name
