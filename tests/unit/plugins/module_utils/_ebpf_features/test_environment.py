# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.environment import (
    find_tracefs,
    read_environment,
)

from .stand_in_ebpf import write

TRACEFS = "31 24 0:12 / {} rw,nosuid shared:10 - tracefs tracefs rw\n"
DEBUGFS = "32 24 0:7 / /sys/kernel/debug rw shared:11 - debugfs debugfs rw\n"
OTHERS = (
    "33 24 0:33 / /sys/fs/bpf rw shared:12 - bpf bpf rw,mode=700\n"
    "34 24 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n"
)


@pytest.mark.parametrize(
    ("mountinfo", "path"),
    [
        (TRACEFS.format("/sys/kernel/tracing"), "/sys/kernel/tracing"),
        (TRACEFS.format("/trace") + TRACEFS.format("/sys/kernel/tracing"), "/sys/kernel/tracing"),
        (TRACEFS.format("/tr\\040ace"), "/tr ace"),
        (DEBUGFS, "/sys/kernel/debug/tracing"),
        (OTHERS, None),
        ("", None),
        ("31 24\n - tracefs\n\0", None),
    ],
)
def test_the_mount_of_tracefs_is_found(tmp_path: pathlib.Path, mountinfo: str, path: str | None) -> None:
    write(tmp_path, "proc/self/mountinfo", mountinfo)
    assert find_tracefs(str(tmp_path)) == path


def test_all_values_are_read(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "proc/self/mountinfo", TRACEFS.format("/sys/kernel/tracing") + OTHERS)
    write(tmp_path, "sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    write(tmp_path, "sys/kernel/security/lsm", "lockdown,capability,bpf\n")
    write(tmp_path, "proc/sys/net/core/bpf_jit_enable", "1\n")
    write(tmp_path, "proc/sys/kernel/perf_event_paranoid", "-1\n")
    write(tmp_path, "sys/kernel/btf/vmlinux", "12345")
    write(tmp_path, "sys/kernel/btf/xfs", "1")
    assert read_environment(str(tmp_path)) == {
        "btf": {"present": True, "bytes": 5, "modules": 1},
        "bpffs": "/sys/fs/bpf",
        "tracefs": "/sys/kernel/tracing",
        "cgroup2": "/sys/fs/cgroup",
        "lockdown": "integrity",
        "bpf_lsm": True,
        "jit": {"enable": 1, "harden": None, "kallsyms": None, "limit": None},
        "sysctl": {
            "perf_event_paranoid": -1,
            "unprivileged_bpf_disabled": None,
            "kptr_restrict": None,
            "bpf_stats_enabled": None,
        },
    }


def test_missing_values_are_null(tmp_path: pathlib.Path) -> None:
    values = read_environment(str(tmp_path))
    assert values["btf"] == {"present": False, "bytes": None, "modules": None}
    assert [values[name] for name in ("bpffs", "tracefs", "cgroup2", "lockdown", "bpf_lsm")] == [None] * 5
