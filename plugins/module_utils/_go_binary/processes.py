# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read running processes from proc(5): the file that each executes, its unit and its effective sandbox.

A process may end at any moment. Values that cannot be read any more are left out, which is not an error.
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

# The variables of Go's runtime. Others are not read, because they may contain secrets.
_VARIABLES = (b"GODEBUG", b"GOGC", b"GOMAXPROCS", b"GOMEMLIMIT", b"GOTRACEBACK")
_MAX_ENVIRONMENT = 1 << 22  # bytes
_DELETED = " (deleted)"
_DEFAULT_TICKS = 100  # USER_HZ of every architecture that Go runs on, used if sysconf(3) does not have it


class Executed(t.NamedTuple):
    """The file that a process executes."""

    pid: int
    device: int
    inode: int
    link: str  # /proc/PID/exe, through which a deleted file can be read too
    path: str  # in the root directory of the process
    deleted: bool  # the file is not at that path any more: removed, or replaced by another build
    other_root: bool  # the process has another root directory: a container, or RootDirectory=


class Running(t.NamedTuple):
    """The processes of a host."""

    executed: list[Executed]
    hidden: int  # number of processes whose file may not be read, because they belong to other users


def list_running(root: str) -> Running:
    """List the processes that execute a file. Kernel threads execute none."""
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
            # An unprivileged user may not read kernel threads either, but these have an empty command line.
            hidden += bool(read(root, f"proc/{pid}/cmdline").text)
            continue
        except OSError:  # it ended, or is a kernel thread
            continue
        executed.append(found)
    return Running(executed, hidden)


def _executed(root: str, pid: int) -> Executed:
    directory = os.path.join(root, "proc", str(pid))
    link = os.path.join(directory, "exe")
    path = os.readlink(link)
    status = os.stat(link)
    deleted = path.endswith(_DELETED) and not _is_at(os.path.join(root, path[1:]), status)
    if deleted:
        path = path[: -len(_DELETED)]
    try:
        own = os.stat(os.path.join(directory, "root"))
        host = os.stat(root)
        other_root = (own.st_dev, own.st_ino) != (host.st_dev, host.st_ino)
    except OSError:
        other_root = False
    return Executed(pid, status.st_dev, status.st_ino, link, path, deleted, other_root)


def _is_at(path: str, status: os.stat_result) -> bool:
    """Whether a file is at a path, because a name may end with " (deleted)" without being deleted."""
    try:
        return os.path.samestat(os.stat(path), status)
    except OSError:
        return False


def describe(root: str, executed: Executed) -> dict[str, t.Any] | None:
    """An entry of ``processes`` of go_binary_info, or None if the process ended meanwhile."""
    directory = f"proc/{executed.pid}"
    ticks = parse_stat(read(root, f"{directory}/stat").text or "")
    fields = parse_status(read(root, f"{directory}/status").text or "")
    cgroup = read(root, f"{directory}/cgroup").text or ""
    limits = parse_limits(read(root, f"{directory}/limits").text or "")
    environment = _environment(root, executed.pid)
    label = (
        read(root, f"{directory}/attr/apparmor/current").text or read(root, f"{directory}/attr/current").text
    )
    # If the start time is still the same, all values are of one process, not of a later one with the same PID.
    if ticks is None or parse_stat(read(root, f"{directory}/stat").text or "") != ticks:
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
    """The unit of a process by its cgroup, or the last unit in the path inside a container."""
    unit = unit_of(cgroup)
    if not unit.startswith("/"):
        return unit
    return next((part for part in reversed(unit.split("/")) if part.endswith((".service", ".scope"))), None)


def parse_stat(text: str) -> int | None:
    """The start time of a process from /proc/PID/stat (field 22), in clock ticks since the boot."""
    # Field 2, the name in parentheses, may contain blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    return decimal(fields[19]) if len(fields) > 19 else None


def go_environment(data: bytes) -> dict[str, str]:
    """The variables of Go's runtime in the environment of a process, as /proc/PID/environ has it."""
    pairs = (entry.partition(b"=") for entry in data.split(b"\0"))
    return {
        name.decode("ascii"): value.decode("utf-8", "replace")
        for name, equals, value in pairs
        if equals and name in _VARIABLES
    }


def _environment(root: str, pid: int) -> dict[str, str] | None:
    try:
        with open(os.path.join(root, "proc", str(pid), "environ"), "rb") as file:
            return go_environment(file.read(_MAX_ENVIRONMENT))
    except OSError:
        return None


def _cgroup(root: str, text: str) -> dict[str, t.Any]:
    """The limits of a process's cgroup, if it is one of cgroup v2."""
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
    hertz = os.sysconf("SC_CLK_TCK") if "SC_CLK_TCK" in os.sysconf_names else _DEFAULT_TICKS
    return iso_time(boot + ticks // hertz)


def _flag(text: str | None) -> bool | None:
    number = decimal(text)
    return None if number is None else bool(number)


def _hex(text: str | None) -> str | None:
    try:
        return f"{int(text or '', 16):#018x}"
    except ValueError:
        return None
