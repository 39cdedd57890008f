# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.owners import (
    Process,
    parse_fdinfo,
    read_executables,
    read_owners,
)

from .._ebpf.stand_in_bpf import hold, proc_tree, process

FDINFO = {
    "a program": ("pos:\t0\nprog_type:\t8\nprog_id:\t23\n", {"pos": "0", "prog_type": "8", "prog_id": "23"}),
    "empty": ("", {}),
    "truncated": ("pos:\t0\nprog_i", {"pos": "0"}),
    "garbage": ("\x00\xff\n\n:\n", {"": ""}),
}


@pytest.mark.parametrize(("text", "fields"), FDINFO.values(), ids=FDINFO.keys())
def test_fdinfo_is_parsed(text: str, fields: dict[str, str]) -> None:
    assert parse_fdinfo(text) == fields


RECORDED = {
    "6.1": {
        ("init.scope", "systemd", "program"): 2,
        ("invrec.service", "python3", "program"): 2,
        ("invrec.service", "python3", "link"): 2,
    },
    "6.12": {
        ("init.scope", "systemd", "program"): 2,
        ("init.scope", "systemd", "map"): 1,
        ("init.scope", "systemd", "link"): 1,
        ("invrec.service", "python3", "program"): 2,
        ("invrec.service", "python3", "link"): 2,
        ("systemd-networkd.service", "systemd-network", "program"): 1,
        ("systemd-networkd.service", "systemd-network", "map"): 2,
        ("systemd-networkd.service", "systemd-network", "link"): 1,
    },
}


@pytest.mark.parametrize("kernel", RECORDED)
def test_recorded_hosts_are_read(tmp_path: pathlib.Path, kernel: str) -> None:
    owners = read_owners(str(proc_tree(kernel, tmp_path)))
    counts: dict[tuple[str, str, str], int] = {}
    for held in owners.held:
        assert held.id is not None
        process_ = owners.processes[held.pid]
        key = (process_.unit, process_.comm, held.kind)
        counts[key] = counts.get(key, 0) + 1
    assert counts == RECORDED[kernel]
    assert owners.denied == []


def test_each_owner_is_listed_once_by_kind(tmp_path: pathlib.Path) -> None:
    process(tmp_path, 7)
    for descriptor in (3, 4):
        hold(tmp_path, 7, descriptor, "anon_inode:[bpf-map]", "map_id:\t5\n")
    hold(tmp_path, 7, 5, "anon_inode:[perf_event]", "pos:\t0\n")
    hold(tmp_path, 7, 6, "anon_inode:[eventfd]", "eventfd-count: 0\n")
    hold(tmp_path, 7, 8, "socket:[55]")
    hold(tmp_path, 7, 9, "anon_inode:bpf-prog", "prog_id:\tmany\n")
    owners = read_owners(str(tmp_path))
    assert owners.of("map", 5) == [Process(7, "agent.service", "agent")]
    assert owners.of("program", 5) == []
    assert sorted((held.kind, held.id) for held in owners.held if held.kind != "map") == [
        ("perf_event", None),
        ("program", None),
    ]
    assert owners.units() == {"agent.service": [7]}


@pytest.mark.parametrize("name", ["bpf_link", "bpf-link", "[bpf_link]"])
def test_both_names_of_a_link_are_known(tmp_path: pathlib.Path, name: str) -> None:
    """Knows the name in the process that created a link and in one that opened it by id or pin."""
    process(tmp_path, 7)
    hold(tmp_path, 7, 3, f"anon_inode:{name}", "link_id:\t5\n")
    assert [owner.pid for owner in read_owners(str(tmp_path)).of("link", 5)] == [7]


def test_processes_that_end_in_the_meantime_are_skipped(tmp_path: pathlib.Path) -> None:
    process(tmp_path, 7)
    hold(tmp_path, 7, 3, "anon_inode:bpf-prog")  # closed between the link and fdinfo
    (tmp_path / "proc/8").mkdir()  # ended before its files were read
    process(tmp_path, 9)
    (tmp_path / "proc/9/fd").rmdir()  # ended before its descriptors were
    owners = read_owners(str(tmp_path))
    assert (owners.held, owners.denied, sorted(owners.processes)) == ([], [], [7])


def test_refused_processes_are_returned(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process(tmp_path, 1)
    process(tmp_path, 2)
    listdir = os.listdir

    def refuse(path: str) -> list[str]:
        if path.endswith("/1/fd"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert read_owners(str(tmp_path)).denied == [1]


def test_executables_are_read(tmp_path: pathlib.Path) -> None:
    for pid, target in ((1, "/usr/bin/a"), (2, "/usr/bin/b (deleted)")):
        (process(tmp_path, pid) / "exe").symlink_to(target)
    process(tmp_path, 3)
    assert read_executables(str(tmp_path), [1, 2, 3, 4]) == {1: "/usr/bin/a", 2: "/usr/bin/b"}
