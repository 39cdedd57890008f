# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.numa import (
    have_numa,
    parse_cpu_list,
    parse_meminfo,
    probe_numa,
)

from .._probe.stand_in import FIXTURES, HOSTS, host


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0\n", [0]),
        ("0-3,8\n", [0, 1, 2, 3, 8]),
        ("\n", []),
        ("", []),
        ("0-", []),
        ("3-1\n", []),
        ("a,b\n", []),
        ("\x00", []),
        ("0-99999999999\n", []),
    ],
)
def test_lists_of_processors_are_parsed(text: str, numbers: list[int]) -> None:
    assert parse_cpu_list(text) == numbers


def test_sizes_are_parsed() -> None:
    assert parse_meminfo("Node 0 MemTotal:        1024 kB\nNode 0 MemFree: 1 kB\n") == {
        "MemTotal": 1048576,
        "MemFree": 1024,
    }
    assert parse_meminfo("MemTotal:  4 kB\n") == {"MemTotal": 4096}


@pytest.mark.parametrize("text", ["", "\x00", "Node 0 MemTotal:", "MemTotal: x kB", "MemTotal: 5 MB"])
def test_damaged_sizes_are_skipped(text: str) -> None:
    assert parse_meminfo(text) == {}


@pytest.mark.parametrize("kernel", HOSTS)
def test_recorded_hosts_have_one_node(kernel: str) -> None:
    facts = probe_numa(host({}, root=FIXTURES / kernel))
    (node,) = facts.values["nodes"]
    assert node["node"] == 0
    assert node["memory_bytes"] > node["free_bytes"] > 0
    assert node["distance"] == [10]
    assert parse_cpu_list(node["cpus"])
    assert (facts.capabilities["numa"].answer, facts.capabilities["numa"].reason) == (
        "no",
        "all memory is on one node",
    )


@pytest.mark.parametrize(
    ("online", "answer"), [("0-1\n", "yes"), ("0\n", "no"), ("garbage", "unknown"), (None, "no")]
)
def test_online_nodes_are_counted(tmp_path: pathlib.Path, online: str | None, answer: str) -> None:
    if online is not None:
        path = tmp_path / "sys" / "devices" / "system" / "node" / "online"
        path.parent.mkdir(parents=True)
        path.write_text(online)
    assert have_numa(host({}, root=tmp_path)).answer == answer


def test_a_node_without_files_has_no_values(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "sys" / "devices" / "system" / "node" / "online"
    path.parent.mkdir(parents=True)
    path.write_text("0,4")
    nodes = probe_numa(host({}, root=tmp_path)).values["nodes"]
    assert [node["node"] for node in nodes] == [0, 4]
    assert {node["memory_bytes"] for node in nodes} == {None}
