# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.mounts import (
    mounts_of_type,
    parse_mountinfo,
    parse_mounts,
)

from .stand_in import FIXTURES

LINE = "33 23 0:28 / {point} rw,relatime shared:10 - bpf bpf rw,mode=700\n"
MOUNTINFO = {
    "a bpffs": (LINE.format(point="/sys/fs/bpf"), [("0:28", "/", "/sys/fs/bpf", "bpf")]),
    "a space": (LINE.format(point="/mnt/a\\040b"), [("0:28", "/", "/mnt/a b", "bpf")]),
    "no optional fields": ("1 2 0:4 / /x rw - tracefs none rw\n", [("0:4", "/", "/x", "tracefs")]),
    "empty": ("", []),
    "truncated": ("33 23 0:28 / /sys/fs/bpf rw,relatime shared:10 -", []),
    "nothing after the dash": ("33 23 0:28 / /sys/fs/bpf rw - \n", []),
    "garbage": ("\x00 - x\n - \n", []),
}


@pytest.mark.parametrize(("text", "mounts"), MOUNTINFO.values(), ids=MOUNTINFO.keys())
def test_mountinfo_is_parsed(text: str, mounts: list[tuple[str, ...]]) -> None:
    assert parse_mountinfo(text) == mounts


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_recorded_mounts_are_parsed(kernel: str) -> None:
    root = str(FIXTURES / kernel)
    found = {
        kind: [mount.point for mount in mounts_of_type(root, kind)] for kind in ("bpf", "tracefs", "cgroup2")
    }
    assert found == {
        "bpf": ["/sys/fs/bpf"],
        "tracefs": ["/sys/kernel/tracing"],
        "cgroup2": ["/sys/fs/cgroup"],
    }


MOUNTS = {
    "options": ("proc /proc/sys proc ro,nosuid 0 0\n", [("/proc/sys", "proc", ("ro", "nosuid"))]),
    "a space": ("none /a\\040b nfs rw\n", [("/a b", "nfs", ("rw",))]),
    "no options": ("none /a nfs\n", [("/a", "nfs", ("",))]),
    "truncated": ("none /a\nnone", []),
    "garbage": ("\x00\n", []),
}


@pytest.mark.parametrize(("text", "mounts"), MOUNTS.values(), ids=MOUNTS.keys())
def test_mounts_are_parsed(text: str, mounts: list[tuple[object, ...]]) -> None:
    assert parse_mounts(text) == mounts
