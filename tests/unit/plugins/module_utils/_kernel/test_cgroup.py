# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.cgroup import (
    Bounds,
    CpuMax,
    cgroup_mode,
    parse_amount,
    parse_cpu_max,
    parse_io_max,
    probe_cgroup,
    read_above,
    read_bounds,
    report_group,
    slice_path,
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
def test_the_mode_is_read_from_the_mounts(mounts: list[tuple[str, str]], mode: str | None) -> None:
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
def test_recorded_hierarchies_are_read(kernel: str, mode: str, version: int, memory: str) -> None:
    facts = probe_cgroup(host({}, root=FIXTURES / kernel))
    assert (facts.values["mode"], facts.values["version"]) == (mode, version)
    assert facts.capabilities["cgroup_memory"].answer == memory


@pytest.mark.parametrize("text", ["", "\x00\ufffd", "cgroup2\n", "cgroup2 /sys/fs/cgroup\n"])
def test_damaged_mounts_have_no_mode(text: str) -> None:
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
def test_the_unit_is_found(text: str, unit: str) -> None:
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
def test_the_unified_path_is_found(text: str, path: str | None) -> None:
    assert unified_path(text) == path


def group(root: pathlib.Path, path: str, **files: str) -> None:
    place = root / "sys" / "fs" / "cgroup" / path.lstrip("/")
    place.mkdir(parents=True, exist_ok=True)
    (place / "cgroup.controllers").write_text("cpu io memory pids\n")
    for name, text in files.items():
        (place / name.replace("_", ".")).write_text(text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1024\n", 1024),
        ("0", 0),
        ("max\n", None),
        ("infinity", None),
        ("18446744073709551615", None),
        ("", None),
        (None, None),
        ("-1", None),
        ("1.5G", None),
        ("\x00", None),
    ],
)
def test_amounts_are_parsed(text: str | None, amount: int | None) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize(
    ("text", "cpu_max"),
    [
        ("50000 100000\n", CpuMax(50000, 100000)),
        ("max 100000\n", CpuMax(None, 100000)),
        ("150000 100000", CpuMax(150000, 100000)),
        ("", None),
        (None, None),
        ("max", None),
        ("50000 0", None),
        ("many 100000", None),
        ("1 2 3", None),
        ("\x00\xff", None),
    ],
)
def test_cpu_max_is_parsed(text: str | None, cpu_max: CpuMax | None) -> None:
    assert parse_cpu_max(text) == cpu_max


def test_the_quota_is_converted_to_processors() -> None:
    assert CpuMax(50000, 100000).report() == {"quota_us": 50000, "period_us": 100000, "cpus": 0.5}
    assert CpuMax(None, 100000).cpus is None


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        (
            "8:0 rbps=1048576 wbps=max riops=max wiops=10\n",
            {"8:0": {"rbps": 1048576, "wbps": None, "riops": None, "wiops": 10}},
        ),
        ("", {}),
        ("\n", {}),
        ("8:0 rbps\n", {}),
        ("nonsense a=1\n", {}),
        ("\x00\xff", {}),
    ],
)
def test_io_max_is_parsed(text: str, devices: dict[str, t.Any]) -> None:
    assert parse_io_max(text) == devices


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("system.slice", "/system.slice"),
        ("-.slice", "/"),
        ("a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"),
        ("", "/"),
        ("nonsense", "/"),
    ],
)
def test_the_path_of_a_slice_is_derived(name: str, path: str) -> None:
    assert slice_path(name) == path


def test_a_missing_group_is_none(tmp_path: pathlib.Path) -> None:
    assert read_bounds(str(tmp_path), "/a.slice") is None


def test_missing_controllers_set_no_limit(tmp_path: pathlib.Path) -> None:
    group(tmp_path, "/a.slice")
    assert read_bounds(str(tmp_path), "/a.slice") == Bounds("/a.slice", None, None, None, None)


def test_the_lowest_limit_is_effective(tmp_path: pathlib.Path) -> None:
    root = str(tmp_path)
    group(tmp_path, "/", memory_max="1")  # the root has no limits, so a file there is ignored
    group(tmp_path, "/a.slice", memory_max="1000\n", pids_max="max\n", cpu_max="50000 100000\n")
    group(tmp_path, "/a.slice/a-b.slice", memory_max="5000\n", memory_high="900\n", cpu_max="max 100000\n")
    own = "/a.slice/a-b.slice/c.service"
    group(tmp_path, own, memory_max="2000\n", pids_max="7\n", cpu_max="200000 100000\n")
    bounds = read_bounds(root, own)
    assert bounds is not None
    above = read_above(root, own)
    assert [level.path for level in above] == ["/a.slice/a-b.slice", "/a.slice"]
    report = report_group(bounds, above, io="8:0 rbps=1\n")
    assert (report["memory_max"], report["memory_high"], report["pids_max"]) == (2000, None, 7)
    assert report["cpu_max"] == {"quota_us": 200000, "period_us": 100000, "cpus": 2.0}
    assert report["io_max"] == {"8:0": {"rbps": 1}}
    assert report["effective"] == {"memory_max": 1000, "memory_high": 900, "pids_max": 7, "cpus": 0.5}
    assert report["decided_by"] == {
        "memory_max": "/a.slice",
        "memory_high": "/a.slice/a-b.slice",
        "cpus": "/a.slice",
    }
    assert report["gomaxprocs_reason"].startswith(
        "cpu.max of /a.slice allows 0.5 processors and the unit's own 2"
    )


@pytest.mark.parametrize(
    ("own", "above", "cpus", "unseen"),
    [
        (CpuMax(100000, 100000), CpuMax(200000, 100000), 1.0, False),
        (CpuMax(100000, 100000), CpuMax(100000, 100000), 1.0, False),
        (CpuMax(None, 100000), CpuMax(200000, 100000), 2.0, True),
        (None, CpuMax(200000, 100000), 2.0, True),
        (None, None, None, False),
        (CpuMax(None, 100000), CpuMax(None, 100000), None, False),
    ],
)
def test_a_quota_that_go_does_not_read_is_reported(
    own: CpuMax | None, above: CpuMax | None, cpus: float | None, unseen: bool
) -> None:
    report = report_group(
        Bounds("/a.slice/b.service", None, None, None, own),
        [Bounds("/a.slice", None, None, None, above)],
        io=None,
    )
    assert report["effective"]["cpus"] == cpus
    assert (report["gomaxprocs_reason"] is not None) is unseen
