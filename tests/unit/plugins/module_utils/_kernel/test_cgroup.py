# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.cgroup import (
    cgroup_mode,
    probe_cgroup,
    unified_path,
    unit_of,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.mounts import parse_mounts

from .._probe.stand_in import FIXTURES, host


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


CGROUPS = {
    "a service": ("0::/system.slice/hello.service\n", "hello.service"),
    "PID 1": ("0::/init.scope\n", "init.scope"),
    "below a service": ("0::/system.slice/containerd.service/worker\n", "containerd.service"),
    "a template in slices": (
        "0::/system.slice/system-getty.slice/getty@tty1.service\n",
        "getty@tty1.service",
    ),
    "a user's own manager": (
        "0::/user.slice/user-0.slice/user@0.service/app.slice/a.service\n",
        "user@0.service",
    ),
    "a session": ("0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope"),
    "an escaped name": ("0::/system.slice/_cpu.service\n", "cpu.service"),
    "a container's manager": (
        "0::/libpod_parent/libpod-1/init.scope\n",
        "/libpod_parent/libpod-1/init.scope",
    ),
    "systemd's hierarchy wins": ("2:cpu:/x\n1:name=systemd:/system.slice/a.service\n0::/b\n", "a.service"),
    "no systemd": ("0::/\n", "/"),
    "only a slice": ("0::/user.slice\n", "/user.slice"),
    "empty": ("", "/"),
    "garbage": ("no\x00thing\n:::\n", "/"),
}


@pytest.mark.parametrize(("text", "unit"), CGROUPS.values(), ids=CGROUPS.keys())
def test_unit(text: str, unit: str) -> None:
    assert unit_of(text) == unit


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("1:name=systemd:/x\n0::/system.slice/a.service\n", "/system.slice/a.service"),
        ("0::/\n", "/"),
        ("1:cpu:/x\n", None),
        ("0::\n", None),
        ("", None),
    ],
)
def test_unified_path(text: str, path: str | None) -> None:
    assert unified_path(text) == path
