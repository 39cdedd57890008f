# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the BTF, mounts, lockdown mode, JIT compiler and settings of a host."""

from __future__ import annotations

import os
import typing as t

from .._kernel.lsm import read_lockdown
from .._probe.files import read, read_sysctl
from .._probe.mounts import mounts_of_type, tracefs_mount_points

__all__ = ["find_tracefs", "read_environment"]

_BTF = "sys/kernel/btf"
# Numbers. A key that the kernel does not have or does not show to the caller is null.
_SYSCTLS = ("perf_event_paranoid", "unprivileged_bpf_disabled", "kptr_restrict", "bpf_stats_enabled")
_JIT = ("enable", "harden", "kallsyms", "limit")


def find_tracefs(root: str) -> str | None:
    """Return where tracefs is mounted (Linux 4.1), by itself or below debugfs, or None."""
    points = sorted(tracefs_mount_points(root), key=lambda point: point != "/sys/kernel/tracing")
    return points[0] if points else None


def read_environment(root: str) -> dict[str, t.Any]:
    """Return the values that ebpf_info returns."""
    active = read(root, "sys/kernel/security/lsm").text
    return {
        "btf": _btf(root),
        "bpffs": _mounted(root, "bpf"),
        "tracefs": find_tracefs(root),
        "cgroup2": _mounted(root, "cgroup2"),
        "lockdown": read_lockdown(root),
        "bpf_lsm": "bpf" in active.strip().split(",") if active is not None else None,
        "jit": {name: read_sysctl(root, f"net.core.bpf_jit_{name}") for name in _JIT},
        "sysctl": {name: read_sysctl(root, f"kernel.{name}") for name in _SYSCTLS},
    }


def _mounted(root: str, kind: str) -> str | None:
    return next((mount.point for mount in mounts_of_type(root, kind)), None)


def _btf(root: str) -> dict[str, t.Any]:
    """Return the size of the kernel's BTF (Linux 5.4) and the number of modules with BTF (5.11)."""
    try:
        size = os.stat(os.path.join(root, _BTF, "vmlinux")).st_size
        modules = len(os.listdir(os.path.join(root, _BTF))) - 1
    except OSError:
        return {"present": False, "bytes": None, "modules": None}
    return {"present": True, "bytes": size, "modules": modules}
