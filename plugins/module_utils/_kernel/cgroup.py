# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Probe the control groups of the host, and read the limits of one group."""

from __future__ import annotations

import posixpath
import typing as t

from .._probe.answer import Probe, no, unknown, yes
from .._probe.files import read
from .._probe.host import Facts, Host
from .._probe.mounts import parse_mounts

__all__ = [
    "Bounds",
    "CpuMax",
    "cgroup_mode",
    "have_cgroup_v2",
    "have_controller",
    "parse_amount",
    "parse_cpu_max",
    "parse_io_max",
    "probe_cgroup",
    "read_above",
    "read_bounds",
    "report_group",
    "slice_path",
    "unified_path",
    "unit_of",
]


def unified_path(text: str) -> str | None:
    """Return the cgroup v2 path of a process from the text of its /proc/PID/cgroup, or None."""
    return next((line[3:] for line in text.splitlines() if line.startswith("0::/")), None)


def unit_of(text: str) -> str:
    """Return the systemd unit of a process, or the path of its control group where that is not of a unit.

    Uses systemd's own hierarchy where there is one (cgroup v1), else the unified one. Units are below slices. A group
    below another directory belongs to another manager, such as a container engine.

    :param text: of /proc/PID/cgroup
    """
    groups = {}
    for line in text.splitlines():
        dummy, first, rest = line.partition(":")
        controllers, dummy, path = rest.partition(":")
        if first and path.startswith("/"):
            groups[controllers] = path
    path = groups.get("name=systemd", groups.get("", "/"))
    for part in path.strip("/").split("/"):
        name = part[1:] if part.startswith("_") else part
        if name.endswith((".service", ".scope", ".socket", ".mount", ".swap")):
            return name
        if not name.endswith(".slice"):
            break
    return path


def cgroup_mode(mounts: t.Sequence[tuple[t.Any, ...]]) -> str | None:
    """Return unified, hybrid or legacy, as systemd names the modes, or None where no hierarchy is mounted."""
    unified = {point for point, kind, *dummy in mounts if kind == "cgroup2"}
    if "/sys/fs/cgroup" in unified:
        return "unified"
    legacy = any(kind == "cgroup" for point, kind, *dummy in mounts)
    if unified:
        return "hybrid" if legacy else "unified"
    return "legacy" if legacy else None


def have_cgroup_v2(host: Host) -> Probe:
    """Probe the running kernel for cgroup v2 with its controllers, which limits of systemd units need.

    Commit 67e9c74b8a87 ("cgroup: replace __DEVEL__sane_behavior with cgroup2 fs type"), Linux 4.5.
    """
    found = read(host.root, "proc/self/mounts")
    if found.text is None:
        return unknown("kernel", f"/proc/self/mounts: {found.error or 'does not exist'}")
    mode = cgroup_mode(parse_mounts(found.text))
    if mode == "unified":
        return yes("kernel", "cgroup2 is the hierarchy of this host")
    return no(
        "kernel",
        f"the hierarchy is {mode}: cgroup v1 has the controllers"
        if mode
        else "no cgroup hierarchy is mounted",
    )


def have_controller(host: Host, name: str) -> Probe:
    """Probe the running kernel for a controller of cgroup v2, Linux 4.5 and for ``cpu`` 4.15."""
    found = read(host.root, "sys/fs/cgroup/cgroup.controllers")
    if found.text is None:
        reason = found.error or "does not exist (no unified hierarchy is mounted there)"
        return unknown("kernel", f"/sys/fs/cgroup/cgroup.controllers: {reason}")
    if name in found.text.split():
        return yes("kernel", "in cgroup.controllers of the root")
    return no("kernel", f"not in cgroup.controllers of the root ({found.text.strip()})")


def probe_cgroup(host: Host) -> Facts:
    """Read the hierarchy, its controllers and the control group of this process."""
    mounts = read(host.root, "proc/self/mounts").text
    mode = cgroup_mode(parse_mounts(mounts)) if mounts is not None else None
    controllers = read(host.root, "sys/fs/cgroup/cgroup.controllers").text
    own = read(host.root, "proc/self/cgroup").text
    return Facts(
        values={
            "mode": mode,
            # the version of the hierarchy that has the controllers
            "version": {"unified": 2, "hybrid": 1, "legacy": 1}.get(mode or ""),
            "controllers": controllers.split() if controllers is not None else None,
            "self": own.splitlines() if own is not None else None,
        },
        capabilities={
            "cgroup_v2": have_cgroup_v2(host),
            **{
                f"cgroup_{name}": have_controller(host, name)
                for name in ("cpu", "cpuset", "io", "memory", "pids")
            },
        },
    )


_MOUNT = "sys/fs/cgroup"


class CpuMax(t.NamedTuple):
    """The processor time in microseconds in each period. The quota is None where it is unlimited."""

    quota_us: int | None
    period_us: int

    @property
    def cpus(self) -> float | None:
        """The quota as a number of processors, or None where it is unlimited."""
        return None if self.quota_us is None else round(self.quota_us / self.period_us, 3)

    def report(self) -> dict[str, t.Any]:
        """Return the dictionary that kernel_info returns as cpu_max."""
        return {"quota_us": self.quota_us, "period_us": self.period_us, "cpus": self.cpus}


class Bounds(t.NamedTuple):
    """The limits that one control group sets, in bytes and numbers. A limit that is not set is None."""

    path: str
    memory_max: int | None
    memory_high: int | None
    pids_max: int | None
    cpu_max: CpuMax | None


def parse_amount(text: str | None) -> int | None:
    """Parse a number of a control file or a property. Return None for max, infinity or no number."""
    word = (text or "").strip()
    # Older versions of systemd write infinity as CGROUP_LIMIT_MAX.
    return int(word) if word.isdecimal() and int(word) < 2**64 - 1 else None


def parse_cpu_max(text: str | None) -> CpuMax | None:
    """Parse the file cpu.max, which holds ``max 100000`` or ``50000 100000``."""
    words = (text or "").split()
    if len(words) != 2 or not words[1].isdecimal() or not int(words[1]):
        return None
    return (
        CpuMax(parse_amount(words[0]), int(words[1])) if words[0] == "max" or words[0].isdecimal() else None
    )


def parse_io_max(text: str) -> dict[str, dict[str, int | None]]:
    """Parse the file io.max by device, such as ``8:0 rbps=1048576 wbps=max riops=max wiops=max``."""
    devices: dict[str, dict[str, int | None]] = {}
    for line in text.splitlines():
        device, *pairs = line.split() or [""]
        if ":" in device and all("=" in pair for pair in pairs):
            devices[device] = {
                name: parse_amount(value) for name, dummy, value in (pair.partition("=") for pair in pairs)
            }
    return devices


def slice_path(name: str) -> str:
    """Return the path of a slice. Each dash in its name is a level, so a-b.slice is /a.slice/a-b.slice."""
    if not name.endswith(".slice") or name == "-.slice":
        return "/"
    parts = name[: -len(".slice")].split("-")
    return "/" + "/".join("-".join(parts[: end + 1]) + ".slice" for end in range(len(parts)))


def read_bounds(root: str, path: str) -> Bounds | None:
    """Read the limits that a group sets. Return None where a unified hierarchy has no such group."""
    directory = _directory(path)
    if read(root, f"{directory}/cgroup.controllers").text is None:
        return None

    def amount(name: str) -> int | None:
        return parse_amount(read(root, f"{directory}/{name}").text)

    return Bounds(
        path=path,
        memory_max=amount("memory.max"),
        memory_high=amount("memory.high"),
        pids_max=amount("pids.max"),
        cpu_max=parse_cpu_max(read(root, f"{directory}/cpu.max").text),
    )


def read_above(root: str, path: str) -> list[Bounds]:
    """Read the limits of the groups above a group, from its parent up to the group below the root."""
    found = []
    while posixpath.dirname(path) != path:
        path = posixpath.dirname(path)
        bounds = read_bounds(root, path) if path != "/" else None
        if bounds is not None:
            found.append(bounds)
    return found


def report_group(own: Bounds, above: t.Sequence[Bounds], *, io: str | None) -> dict[str, t.Any]:
    """Return the dictionary that kernel_info returns as values.units.UNIT.cgroup.

    ``effective`` holds the lowest limit of the group and those above it. ``decided_by`` names the group of each limit
    that is not set by the unit itself.

    :param above: from the parent upward
    :param io: the text of the file io.max
    """
    levels = [own, *above]
    effective: dict[str, t.Any] = {}
    decided_by: dict[str, str] = {}
    for name in ("memory_max", "memory_high", "pids_max"):
        amounts = [(getattr(level, name), directory) for directory, level in enumerate(levels)]
        tightest = min((pair for pair in amounts if pair[0] is not None), default=(None, 0))
        effective[name] = tightest[0]
        if tightest[1]:
            decided_by[name] = levels[tightest[1]].path
    cpus = [
        (cpu_max.cpus, directory)
        for directory, cpu_max in enumerate(level.cpu_max for level in levels)
        if cpu_max
    ]
    tightest_cpu = min(((cpu, directory) for cpu, directory in cpus if cpu is not None), default=(None, 0))
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
        "gomaxprocs_reason": _gomaxprocs_reason(own, tightest_cpu[0], decided_by.get("cpus")),
    }


def _gomaxprocs_reason(own: Bounds, cpus: float | None, path: str | None) -> str | None:
    if path is None:
        return None
    seen = own.cpu_max.cpus if own.cpu_max is not None else None
    unit_limit = "the unit sets no limit" if seen is None else f"the unit's own {seen:g}"
    return (
        f"cpu.max of {path} allows {cpus:g} processors and {unit_limit}: "
        "Go 1.25 and later read only the unit's own, so set GOMAXPROCS or the quota of the unit"
    )


def _directory(path: str) -> str:
    return posixpath.join(_MOUNT, path.lstrip("/")).rstrip("/")
