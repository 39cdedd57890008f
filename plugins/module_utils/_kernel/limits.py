# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Limits and settings that Go services run into."""

from __future__ import annotations

import re
import typing as t

from .files import read
from .host import Facts, Host

__all__ = ["SYSCTLS", "parse_limits", "probe_limits", "probe_sysctl"]

# Read by number; a key that the kernel does not know is null.
SYSCTLS = (
    "fs.file-max",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "fs.nr_open",
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.dmesg_restrict",
    "kernel.io_uring_disabled",
    "kernel.io_uring_group",
    "kernel.kptr_restrict",
    "kernel.perf_event_paranoid",
    "kernel.pid_max",
    "kernel.threads-max",
    "kernel.unprivileged_bpf_disabled",
    "kernel.unprivileged_userns_clone",
    "kernel.yama.ptrace_scope",
    "net.core.somaxconn",
    "net.ipv4.tcp_max_syn_backlog",
    "user.max_user_namespaces",
    "vm.max_map_count",
    "vm.overcommit_memory",
    "vm.overcommit_ratio",
    "vm.swappiness",
    "vm.unprivileged_userfaultfd",
)

# Rows of /proc/self/limits by the names that systemd and ulimit give them.
_ROWS = {
    "Max open files": "nofile",
    "Max processes": "nproc",
    "Max locked memory": "memlock",
    "Max address space": "as",
    "Max core file size": "core",
    "Max stack size": "stack",
}


def parse_limits(text: str) -> dict[str, dict[str, int | None]]:
    """Soft and hard limits of /proc/PID/limits; None: unlimited."""
    limits = {}
    for line in text.splitlines():
        cells = re.split(r" {2,}", line.strip())
        if cells[0] in _ROWS and len(cells) > 2:
            limits[_ROWS[cells[0]]] = {"soft": _limit(cells[1]), "hard": _limit(cells[2])}
    return limits


def probe_limits(host: Host) -> Facts:
    """The resource limits of this process, as the connection gave them; a service has its own."""
    return Facts(values=dict(parse_limits(read(host.root, "proc/self/limits").text or "")), capabilities={})


def probe_sysctl(host: Host) -> Facts:
    """The settings that matter to Go services."""
    values: dict[str, t.Any] = {}
    for key in SYSCTLS:
        text = read(host.root, f"proc/sys/{key.replace('.', '/')}").text
        values[key] = _limit(text.strip()) if text is not None else None
    return Facts(values=values, capabilities={})


def _limit(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
