# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Run the probes of kernel_info by subset."""

from __future__ import annotations

import typing as t

from .._probe.host import Facts, Host
from .._run import Runner
from .cgroup import probe_cgroup
from .clock import probe_clock
from .cpu import probe_cpu
from .limits import probe_limits
from .lsm import probe_lsm
from .memory import probe_psi, probe_thp
from .numa import probe_numa
from .seccomp import probe_seccomp
from .syscalls import TABLE, make, probe_syscalls
from .sysctl import probe_sysctl, read_origins
from .uname import probe_release

__all__ = ["SUBSETS", "read_kernel"]


def _probe_syscalls(host: Host) -> Facts:
    version = make("landlock_create_ruleset", machine=host.machine, syscalls=host.syscalls)
    return Facts(
        values={
            "landlock_abi": version.value if version is not None and version.value > 0 else None,
            "go": {name: attempt.go for name, attempt in TABLE.items() if attempt.go},
        },
        capabilities=probe_syscalls(
            machine=host.machine, syscalls=host.syscalls, root=host.root, caller=host.caller
        ),
    )


SUBSETS: dict[str, t.Callable[[Host], Facts]] = {
    "release": probe_release,
    "cpu": probe_cpu,
    "numa": probe_numa,
    "clock": probe_clock,
    "lsm": probe_lsm,
    "seccomp": probe_seccomp,
    "cgroup": probe_cgroup,
    "sysctl": probe_sysctl,
    "limits": probe_limits,
    "thp": probe_thp,
    "psi": probe_psi,
    "syscalls": _probe_syscalls,
}


def read_kernel(
    host: Host, *, subsets: t.Sequence[str], units: t.Sequence[str] = (), run: Runner | None = None
) -> dict[str, t.Any]:
    """Return the return values of kernel_info.

    :param subsets: names of SUBSETS, none for all
    :param units: systemd units whose limits to read
    :param run: needed for ``units`` only
    """
    values: dict[str, t.Any] = {}
    capabilities: dict[str, t.Any] = {}
    for name, probe in SUBSETS.items():
        if subsets and name not in subsets:
            continue
        facts = probe(host)
        values[name] = facts.values
        capabilities.update((key, answer.report()) for key, answer in facts.capabilities.items())
    if "sysctl" in values:
        values["sysctl_origin"] = read_origins(host.root, values["sysctl"])
    if units and run is not None:
        # Python compiles every imported file on each run of a module, so this file is imported only when needed.
        from .unit_limits import read_unit_limits  # noqa: PLC0415

        values.update(read_unit_limits(units, root=host.root, run=run))
    return {"values": values, "capabilities": capabilities, "caller": host.caller.report()}
