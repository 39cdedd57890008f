# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Parse the resource limits of a service and derive GOMEMLIMIT and GOMAXPROCS from them.

Go's runtime does not read the memory limit of its cgroup, and before 1.25 not the CPU limit either.
"""

from __future__ import annotations

import math
import re
import typing as t

from ...module_utils._errors import HostError
from .program import Program
from .syntax import plain

__all__ = ["Limits", "go_limits", "limit_lines", "parse_limits"]

_SIZE = re.compile(r"([0-9]+)([KMGT]?)")
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)%")
_NOFILE = 524288
# Leaves a tenth of MemoryMax for what GOMEMLIMIT does not include: C stacks, page tables, the binary.
_GOMEMLIMIT_SHARE = 0.9
# As Go 1.25 or later does with a CPU quota, so that the garbage collector can run beside the program.
_MIN_PROCS = 2


class Limits(t.NamedTuple):
    """Resource limits.

    Sizes are in bytes. 0 and an empty string are no limit. None is the default of systemd.
    """

    memory_max: int
    memory_high: int
    swap_max: int | None
    cpu_quota: str
    cpu_weight: int | None
    io_weight: int | None
    tasks_max: int | None
    nofile: int
    log_interval: str
    log_burst: int | None


def parse_limits(item: t.Mapping[str, t.Any], *, service: str) -> Limits:
    """Return the limits that the user described.

    :raises HostError: an invalid size
    """
    swap = item.get("swap_max")
    return Limits(
        memory_max=_bytes(item.get("memory_max") or 0, what="memory_max", service=service),
        memory_high=_bytes(item.get("memory_high") or 0, what="memory_high", service=service),
        swap_max=None if swap is None else _bytes(swap, what="swap_max", service=service),
        cpu_quota=str(item.get("cpu_quota") or ""),
        cpu_weight=_number(item.get("cpu_weight")),
        io_weight=_number(item.get("io_weight")),
        tasks_max=_number(item.get("tasks_max")),
        nofile=int(item.get("nofile") or _NOFILE),
        log_interval=str(item.get("log_interval") or ""),
        log_burst=_number(item.get("log_burst")),
    )


def limit_lines(limits: Limits) -> list[str]:
    """Return the settings of a service unit."""
    wanted: list[tuple[str, t.Any]] = [
        ("LimitNOFILE", limits.nofile),
        ("MemoryHigh", limits.memory_high or None),
        ("MemoryMax", limits.memory_max or None),
        ("MemorySwapMax", limits.swap_max),
        ("CPUQuota", plain(limits.cpu_quota) or None),
        ("CPUWeight", limits.cpu_weight),
        ("IOWeight", limits.io_weight),
        ("TasksMax", limits.tasks_max),
        ("LogRateLimitIntervalSec", plain(limits.log_interval) or None),
        ("LogRateLimitBurst", limits.log_burst),
    ]
    return [f"{key}={value}" for key, value in wanted if value is not None]


def go_limits(limits: Limits, program: Program) -> dict[str, str]:
    """Return the environment variables that make Go's runtime respect the limits.

    Values of the user override them.
    """
    environment = {}
    if limits.memory_max:
        soft = int(limits.memory_max * _GOMEMLIMIT_SHARE) >> 20
        environment["GOMEMLIMIT"] = f"{max(soft, 1)}MiB"
    quota = _PERCENT.fullmatch(limits.cpu_quota)
    if quota and program.sees_cpu_quota is False:
        environment["GOMAXPROCS"] = str(max(_MIN_PROCS, math.ceil(float(quota[1]) / 100)))
    return environment


def _number(value: t.Any) -> int | None:
    return None if value is None else int(value)


def _bytes(size: object, *, what: str, service: str) -> int:
    """Return the bytes of a size in systemd's format, an integer with K, M, G or T for powers of 1024."""
    match = _SIZE.fullmatch(str(size))
    if match is None:
        raise HostError(
            f"service {service}",
            wanted=f"limits.{what} as a number of bytes, or with the suffix K, M, G or T",
            found=repr(size),
            remedy="Use a size such as 256M.",
        )
    return int(match[1]) * 1024 ** _POWERS[match[2]]
