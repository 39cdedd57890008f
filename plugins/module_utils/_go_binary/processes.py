# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Running processes: which file each executes, and in which unit and sandbox it really is.

A process may end at any moment: what it no longer tells is left out, and never an error.
"""

from __future__ import annotations

import os
import typing as t

from .._iso_time import iso_time
from .._kernel.cgroup import read_above, read_bounds, report_group, unified_path, unit_of
from .._kernel.limits import parse_limits
from .._probe.caller import parse_status
from .._probe.files import decimal, read

__all__ = ["Executed", "Running", "describe", "go_environment", "list_running", "parse_stat"]

# The variables of Go's runtime. Others are never looked at: they may hold secrets.
_VARIABLES = (b"GODEBUG", b"GOGC", b"GOMAXPROCS", b"GOMEMLIMIT", b"GOTRACEBACK")
_MOST_ENVIRONMENT = 1 << 22
_DELETED = " (deleted)"
_FIRST_CLOCK_TICKS = 100  # USER_HZ of every architecture that Go runs on, where sysconf does not tell


class Executed(t.NamedTuple):
    """The file that a process executes. ``link`` reads it also when its name is gone."""

    pid: int
    device: int
    inode: int
    link: str  # PROC/PID/exe
    path: str  # in the root of the process
    deleted: bool  # no longer under that name: removed, or replaced by another build
    other_root: bool  # the process has a root of its own: a container, or RootDirectory=


class Running(t.NamedTuple):
    """All processes whose file could be told, and how many could not: those of other users."""

    executed: list[Executed]
    hidden: int


def list_running(root: str) -> Running:
    """Every process that executes a file. Threads of the kernel execute none."""
    proc = os.path.join(root, "proc")
    executed = []
    hidden = 0
    try:
        pids = sorted(int(name) for name in os.listdir(proc) if name.isdigit())
    except OSError:
        pids = []
    for pid in pids:
        try:
            found = _executed(root, pid)
        except PermissionError:
            # A thread of the kernel is refused to the unprivileged too, but is told by its empty command line.
            hidden += bool(read(root, f"proc/{pid}/cmdline").text)
            continue
        except OSError:  # it ended, or is a thread of the kernel
            continue
        executed.append(found)
    return Running(executed, hidden)


def _executed(root: str, pid: int) -> Executed:
    place = os.path.join(root, "proc", str(pid))
    link = os.path.join(place, "exe")
    path = os.readlink(link)
    status = os.stat(link)
    deleted = path.endswith(_DELETED) and not _is_at(os.path.join(root, path[1:]), status)
    if deleted:
        path = path[: -len(_DELETED)]
    try:
        own = os.stat(os.path.join(place, "root"))
        host = os.stat(root)
        other_root = (own.st_dev, own.st_ino) != (host.st_dev, host.st_ino)
    except OSError:
        other_root = False
    return Executed(pid, status.st_dev, status.st_ino, link, path, deleted, other_root)


def _is_at(path: str, status: os.stat_result) -> bool:
    """Whether a file really has a name that looks like the kernel's word for having none."""
    try:
        return os.path.samestat(os.stat(path), status)
    except OSError:
        return False


def describe(root: str, executed: Executed) -> dict[str, t.Any] | None:
    """What the kernel knows of a process; None where it ended meanwhile."""
    place = f"proc/{executed.pid}"
    ticks = parse_stat(read(root, f"{place}/stat").text or "")
    fields = parse_status(read(root, f"{place}/status").text or "")
    cgroup = read(root, f"{place}/cgroup").text or ""
    limits = parse_limits(read(root, f"{place}/limits").text or "")
    environment = _environment(root, executed.pid)
    label = read(root, f"{place}/attr/apparmor/current").text or read(root, f"{place}/attr/current").text
    # The same start means that all of the above was one process, and not the next one of that number.
    if ticks is None or parse_stat(read(root, f"{place}/stat").text or "") != ticks:
        return None
    uids = fields.get("Uid", "").split()
    return {
        "pid": executed.pid,
        "unit": _unit(cgroup),
        "comm": fields.get("Name"),
        "uid": decimal(uids[1]) if len(uids) > 1 else None,
        "deleted": executed.deleted,
        "other_root": executed.other_root,
        "started": _started(root, ticks),
        "seccomp": decimal(fields.get("Seccomp")),
        "no_new_privs": _flag(fields.get("NoNewPrivs")),
        "capabilities": _hex(fields.get("CapEff")),
        "apparmor": label.strip("\n\0 ") if label else None,
        "limits": {"nofile": limits.get("nofile")},
        "cgroup": _cgroup(root, cgroup),
        "environment_go": environment,
    }


def _unit(cgroup: str) -> str | None:
    """The unit of this host's systemd; where the path leads through a container that this is, the last one in it."""
    unit = unit_of(cgroup)
    if not unit.startswith("/"):
        return unit
    return next((part for part in reversed(unit.split("/")) if part.endswith((".service", ".scope"))), None)


def parse_stat(text: str) -> int | None:
    """When a process started, in clock ticks since the boot: field 22 of /proc/PID/stat. The name may hold anything."""
    fields = text.rpartition(")")[2].split()
    return decimal(fields[19]) if len(fields) > 19 else None


def go_environment(data: bytes) -> dict[str, str]:
    """The variables of Go's runtime among those that a process was started with."""
    pairs = (entry.partition(b"=") for entry in data.split(b"\0"))
    return {
        name.decode("ascii"): value.decode("utf-8", "replace")
        for name, equals, value in pairs
        if equals and name in _VARIABLES
    }


def _environment(root: str, pid: int) -> dict[str, str] | None:
    try:
        with open(os.path.join(root, "proc", str(pid), "environ"), "rb") as file:
            return go_environment(file.read(_MOST_ENVIRONMENT))
    except OSError:
        return None


def _cgroup(root: str, text: str) -> dict[str, t.Any]:
    """The limits of its control group; those of cgroup v1 are not read."""
    path = unified_path(text)
    own = read_bounds(root, path) if path is not None and "/.." not in path else None
    if own is None:
        return {"path": path, "memory_max": None, "cpu_max": None}
    return report_group(own, read_above(root, own.path), io=None)


def _started(root: str, ticks: int) -> str | None:
    lines = (read(root, "proc/stat").text or "").splitlines()
    boot = next((decimal(line[6:]) for line in lines if line.startswith("btime ")), None)
    if boot is None:
        return None
    hertz = os.sysconf("SC_CLK_TCK") if "SC_CLK_TCK" in os.sysconf_names else _FIRST_CLOCK_TICKS
    return iso_time(boot + ticks // hertz)


def _flag(text: str | None) -> bool | None:
    number = decimal(text)
    return None if number is None else bool(number)


def _hex(text: str | None) -> str | None:
    try:
        return f"{int(text or '', 16):#018x}"
    except ValueError:
        return None
