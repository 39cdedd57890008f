# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Read the limits of a unit from its process where it runs, else from systemd."""

from __future__ import annotations

import re
import typing as t

from .._probe.files import read
from .._run import Runner
from .._systemd.text import show_blocks
from .cgroup import (
    Bounds,
    CpuMax,
    parse_amount,
    read_above,
    read_bounds,
    report_group,
    slice_path,
    unified_path,
)
from .limits import parse_limits

__all__ = ["parse_span", "read_unit_limits"]

_LIMITS = ("nofile", "nproc", "memlock")
_PROPERTIES = (
    *(f"Limit{name.upper()}{kind}" for name in _LIMITS for kind in ("", "Soft")),
    *("Id", "LoadState", "LoadError", "MainPID", "ControlGroup", "Slice"),
    *("MemoryMax", "MemoryHigh", "TasksMax", "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec"),
)
_DEFAULTS = (
    *(f"DefaultLimit{name.upper()}{kind}" for name in _LIMITS for kind in ("", "Soft")),
    "DefaultTasksMax",
)

# A name that systemctl takes for one unit: not a pattern, a path, or a template without an instance.
_NAME = re.compile(r"(?!.*@\.)[A-Za-z0-9:_.\\@-]{1,255}")
_SUFFIX = re.compile(r"\.(service|socket|slice|scope|mount|swap|timer|target|path|device|automount)\Z")

_UNITS_OF_TIME = {
    "us": 1,
    "ms": 1000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_PERIOD_US = 100_000  # the default of systemd


def parse_span(text: str) -> int | None:
    """Parse a time span as systemd prints it, such as ``1min 30s`` or ``200ms``.

    :returns: microseconds, or None for infinity and for an invalid text
    """
    total = 0.0
    for word in text.split():
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]+)", word)
        if match is None or match.group(2) not in _UNITS_OF_TIME:
            return None
        total += float(match.group(1)) * _UNITS_OF_TIME[match.group(2)]
    return round(total) if text.strip() else None


def read_unit_limits(units: t.Sequence[str], *, root: str, run: Runner) -> dict[str, t.Any]:
    """Read the limits of each unit with one call of systemctl, and the defaults for units with another.

    :returns: the values ``units`` and ``unit_defaults`` of kernel_info
    """
    names = {
        unit: unit if _SUFFIX.search(unit) else f"{unit}.service" for unit in units if _NAME.fullmatch(unit)
    }
    queried = list(dict.fromkeys(names.values()))
    shown: dict[str, dict[str, str]] = {}
    failure = ""
    if queried:
        done = run(["systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--", *queried])
        shown = dict(zip(queried, show_blocks(done.out)))
        failure = done.err.strip() or f"systemctl exited with {done.rc} and printed no error"
    reports = {}
    for unit in units:
        if unit not in names:
            reports[unit] = _without_limits(
                "not the name of one unit (a pattern, a path, or a template without an instance)"
            )
        elif names[unit] not in shown:
            reports[unit] = _without_limits(f"systemctl returned no properties: {failure}")
        else:
            reports[unit] = _report(shown[names[unit]], root)
    return {"units": reports, "unit_defaults": _read_defaults(run)}


def _read_defaults(run: Runner) -> dict[str, t.Any]:
    done = run(["systemctl", "show", f"--property={','.join(_DEFAULTS)}"])
    shown = (show_blocks(done.out) or [{}])[0]
    limits = _limits(shown, prefix="DefaultLimit")
    reason = (
        None
        if limits
        else f"systemctl returned no properties: {done.err.strip() or f'it exited with {done.rc}'}"
    )
    return {"limits": limits, "pids_max": parse_amount(shown.get("DefaultTasksMax")), "reason": reason}


def _without_limits(reason: str) -> dict[str, t.Any]:
    return {"limits": None, "cgroup": None, "source": None, "pid": None, "reason": reason}


def _report(shown: t.Mapping[str, str], root: str) -> dict[str, t.Any]:
    state = shown.get("LoadState", "")
    if state not in ("loaded", "masked"):
        error = re.sub(r'^\S+ "|"$', "", shown.get("LoadError", ""))
        return _without_limits(
            f"systemd has no such unit ({state or 'no LoadState'}{': ' if error else ''}{error})"
        )
    pid = parse_amount(shown.get("MainPID")) or None
    own = parse_limits(read(root, f"proc/{pid}/limits").text or "") if pid else {}
    running = {name: own[name] for name in _LIMITS if name in own}
    return {
        "limits": running or _limits(shown, prefix="Limit"),
        "cgroup": _group(shown, root, pid),
        "source": "process" if running else "systemd",
        "pid": pid,
        "reason": _source_reason(shown, pid, running),
    }


def _source_reason(shown: t.Mapping[str, str], pid: int | None, running: t.Mapping[str, t.Any]) -> str | None:
    if "MainPID" not in shown or running:
        return None
    if pid is None:
        return "the unit is not running: these are the limits that systemd would set"
    return f"/proc/{pid}/limits cannot be read: these are the limits that systemd sets at start"


def _limits(shown: t.Mapping[str, str], *, prefix: str) -> dict[str, dict[str, int | None]]:
    return {
        name: {
            "soft": parse_amount(shown.get(f"{prefix}{name.upper()}Soft")),
            "hard": parse_amount(shown[f"{prefix}{name.upper()}"]),
        }
        for name in _LIMITS
        if f"{prefix}{name.upper()}" in shown
    }


def _group(shown: t.Mapping[str, str], root: str, pid: int | None) -> dict[str, t.Any]:
    path = _group_of(root, pid) or shown.get("ControlGroup") or ""
    own = read_bounds(root, path) if path else None
    if own is not None:
        io = read(root, f"sys/fs/cgroup{path}/io.max").text
        return {**report_group(own, read_above(root, path), io=io), "source": "kernel"}
    path = f"{slice_path(shown.get('Slice', ''))}/{shown.get('Id', '')}".replace("//", "/")
    return {**report_group(_configured(shown, path), read_above(root, path), io=None), "source": "systemd"}


def _group_of(root: str, pid: int | None) -> str | None:
    """Return the control group of a process, which may be below that of its unit (Delegate=)."""
    return unified_path(read(root, f"proc/{pid}/cgroup").text or "") if pid else None


def _configured(shown: t.Mapping[str, str], path: str) -> Bounds:
    per_second = parse_span(shown.get("CPUQuotaPerSecUSec", ""))
    period = parse_span(shown.get("CPUQuotaPeriodUSec", "")) or _PERIOD_US
    quota = None if per_second is None else per_second * period // 1_000_000
    return Bounds(
        path=path,
        memory_max=parse_amount(shown.get("MemoryMax")),
        memory_high=parse_amount(shown.get("MemoryHigh")),
        pids_max=parse_amount(shown.get("TasksMax")),
        cpu_max=CpuMax(quota, period),
    )
