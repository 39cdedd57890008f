# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Every probe of the kernel, by subset."""

from __future__ import annotations

import typing as t

from .cgroup import probe_cgroup
from .host import Facts, Host
from .limits import probe_limits, probe_sysctl
from .lsm import probe_lsm
from .memory import probe_psi, probe_thp
from .release import probe_release
from .syscall_table import make, probe_syscalls

__all__ = ["SUBSETS", "read_kernel"]


def _probe_syscalls(host: Host) -> Facts:
    version = make("landlock_create_ruleset", machine=host.machine, syscalls=host.syscalls)
    return Facts(
        values={"landlock_abi": version.value if version is not None and version.value > 0 else None},
        capabilities=probe_syscalls(
            machine=host.machine, syscalls=host.syscalls, root=host.root, caller=host.caller
        ),
    )


SUBSETS: dict[str, t.Callable[[Host], Facts]] = {
    "release": probe_release,
    "lsm": probe_lsm,
    "cgroup": probe_cgroup,
    "sysctl": probe_sysctl,
    "limits": probe_limits,
    "thp": probe_thp,
    "psi": probe_psi,
    "syscalls": _probe_syscalls,
}


def read_kernel(host: Host, *, subsets: t.Sequence[str]) -> dict[str, t.Any]:
    """The return values of kernel_info; no subset named means all."""
    values: dict[str, t.Any] = {}
    capabilities: dict[str, t.Any] = {}
    for name, probe in SUBSETS.items():
        if subsets and name not in subsets:
            continue
        facts = probe(host)
        values[name] = facts.values
        capabilities.update((key, answer.report()) for key, answer in facts.capabilities.items())
    return {"values": values, "capabilities": capabilities, "caller": host.caller.report()}
