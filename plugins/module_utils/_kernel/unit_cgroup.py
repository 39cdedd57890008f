# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""The limits of a control group: its own, and the tightest of those above it."""

from __future__ import annotations

import posixpath
import typing as t

from .._probe.files import read

__all__ = [
    "Bounds",
    "CpuMax",
    "parse_amount",
    "parse_cpu_max",
    "parse_io_max",
    "read_above",
    "read_bounds",
    "report_group",
    "slice_path",
]

_MOUNT = "sys/fs/cgroup"


class CpuMax(t.NamedTuple):
    """Microseconds of processor time in each period. Quota None: all of it."""

    quota_us: int | None
    period_us: int

    @property
    def cpus(self) -> float | None:
        """The quota as a number of processors."""
        return None if self.quota_us is None else round(self.quota_us / self.period_us, 3)

    def report(self) -> dict[str, t.Any]:
        return {"quota_us": self.quota_us, "period_us": self.period_us, "cpus": self.cpus}


class Bounds(t.NamedTuple):
    """What one group sets. None: nothing."""

    path: str
    memory_max: int | None
    memory_high: int | None
    pids_max: int | None
    cpu_max: CpuMax | None


def parse_amount(text: str | None) -> int | None:
    """A number of a control file or a property; None: max, infinity, or not a number."""
    word = (text or "").strip()
    # CGROUP_LIMIT_MAX is how older versions of systemd write infinity.
    return int(word) if word.isdecimal() and int(word) < 2**64 - 1 else None


def parse_cpu_max(text: str | None) -> CpuMax | None:
    """The file cpu.max: ``max 100000`` or ``50000 100000``."""
    words = (text or "").split()
    if len(words) != 2 or not words[1].isdecimal() or not int(words[1]):
        return None
    return (
        CpuMax(parse_amount(words[0]), int(words[1])) if words[0] == "max" or words[0].isdecimal() else None
    )


def parse_io_max(text: str) -> dict[str, dict[str, int | None]]:
    """The file io.max by device: ``8:0 rbps=1048576 wbps=max riops=max wiops=max``."""
    devices: dict[str, dict[str, int | None]] = {}
    for line in text.splitlines():
        device, *pairs = line.split() or [""]
        if ":" in device and all("=" in pair for pair in pairs):
            devices[device] = {
                name: parse_amount(value) for name, dummy, value in (pair.partition("=") for pair in pairs)
            }
    return devices


def slice_path(name: str) -> str:
    """The group of a slice, each dash of whose name is a level: a-b.slice is /a.slice/a-b.slice."""
    if not name.endswith(".slice") or name == "-.slice":
        return "/"
    parts = name[: -len(".slice")].split("-")
    return "/" + "/".join("-".join(parts[: end + 1]) + ".slice" for end in range(len(parts)))


def read_bounds(root: str, path: str) -> Bounds | None:
    """What the group itself sets; None: there is no such group in a unified hierarchy."""
    place = _place(path)
    if read(root, f"{place}/cgroup.controllers").text is None:
        return None

    def amount(name: str) -> int | None:
        return parse_amount(read(root, f"{place}/{name}").text)

    return Bounds(
        path=path,
        memory_max=amount("memory.max"),
        memory_high=amount("memory.high"),
        pids_max=amount("pids.max"),
        cpu_max=parse_cpu_max(read(root, f"{place}/cpu.max").text),
    )


def read_above(root: str, path: str) -> list[Bounds]:
    """The groups above one, from the nearest up to the one below the root."""
    found = []
    while posixpath.dirname(path) != path:
        path = posixpath.dirname(path)
        bounds = read_bounds(root, path) if path != "/" else None
        if bounds is not None:
            found.append(bounds)
    return found


def report_group(own: Bounds, above: t.Sequence[Bounds], *, io: str | None) -> dict[str, t.Any]:
    """The shape of values.units.UNIT.cgroup.

    ``effective`` is the tightest on the way up, and ``decided_by`` names the group of each that is not the unit's own.
    """
    levels = [own, *above]
    effective: dict[str, t.Any] = {}
    decided_by: dict[str, str] = {}
    for name in ("memory_max", "memory_high", "pids_max"):
        amounts = [(getattr(level, name), place) for place, level in enumerate(levels)]
        tightest = min((pair for pair in amounts if pair[0] is not None), default=(None, 0))
        effective[name] = tightest[0]
        if tightest[1]:
            decided_by[name] = levels[tightest[1]].path
    cpus = [
        (cpu_max.cpus, place) for place, cpu_max in enumerate(level.cpu_max for level in levels) if cpu_max
    ]
    tightest_cpu = min(((cpu, place) for cpu, place in cpus if cpu is not None), default=(None, 0))
    effective["cpus"] = tightest_cpu[0]
    if tightest_cpu[1]:
        decided_by["cpus"] = levels[tightest_cpu[1]].path
    return {
        "path": own.path,
        "memory_max": own.memory_max,
        "memory_high": own.memory_high,
        "pids_max": own.pids_max,
        "cpu_max": own.cpu_max.report() if own.cpu_max is not None else None,
        "io_max": parse_io_max(io) if io is not None else None,
        "effective": effective,
        "decided_by": decided_by,
        "gomaxprocs_reason": _unseen(own, tightest_cpu[0], decided_by.get("cpus")),
    }


def _unseen(own: Bounds, cpus: float | None, path: str | None) -> str | None:
    if path is None:
        return None
    seen = own.cpu_max.cpus if own.cpu_max is not None else None
    return (
        f"cpu.max of {path} allows {cpus:g} processors and the unit's own "
        f"{'none less' if seen is None else format(seen, 'g')}: "
        "Go 1.25 and later read the unit's own alone, so set GOMAXPROCS or the quota of the unit"
    )


def _place(path: str) -> str:
    return posixpath.join(_MOUNT, path.lstrip("/")).rstrip("/")
