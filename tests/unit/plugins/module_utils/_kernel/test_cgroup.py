# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.cgroup import (
    cgroup_mode,
    parse_mounts,
    probe_cgroup,
)

from .stand_in import FIXTURES, host


@pytest.mark.parametrize(
    ("mounts", "mode"),
    [
        ([("/sys/fs/cgroup", "cgroup2")], "unified"),
        ([("/sys/fs/cgroup/unified", "cgroup2"), ("/sys/fs/cgroup/cpu", "cgroup")], "hybrid"),
        ([("/sys/fs/cgroup/cpu", "cgroup")], "legacy"),
        ([("/", "ext4")], None),
    ],
)
def test_cgroup_mode(mounts: list[tuple[str, str]], mode: str | None) -> None:
    assert cgroup_mode(mounts) == mode


@pytest.mark.parametrize(
    ("kernel", "mode", "version", "memory"),
    [
        ("6.1", "unified", 2, "yes"),
        ("6.12", "unified", 2, "yes"),
        ("6.18", "hybrid", 1, "unknown"),
        ("container", "legacy", 1, "unknown"),
    ],
)
def test_recorded_hierarchies(kernel: str, mode: str, version: int, memory: str) -> None:
    facts = probe_cgroup(host({}, root=FIXTURES / kernel))
    assert (facts.values["mode"], facts.values["version"]) == (mode, version)
    assert facts.capabilities["cgroup_memory"].answer == memory


@pytest.mark.parametrize("text", ["", "\x00\ufffd", "cgroup2\n", "cgroup2 /sys/fs/cgroup\n"])
def test_damaged_mounts_are_none(text: str) -> None:
    assert cgroup_mode(parse_mounts(text)) is None
