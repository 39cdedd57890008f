# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the functions that ftrace can trace, and those that kprobes refuse."""

from __future__ import annotations

import errno
import os
import typing as t

from .._probe.answer import Probe, unknown
from .lsm import read_lockdown

__all__ = ["TRACEFS", "Blacklist", "Traceable", "read_blacklist", "read_traceable"]

TRACEFS = "sys/kernel/tracing"
_DEBUGFS = "sys/kernel/debug"
_MOUNT = {
    TRACEFS: "mount it: systemctl start sys-kernel-tracing.mount",
    _DEBUGFS: "mount it: systemctl start sys-kernel-debug.mount",
}


class Traceable:
    """The text of available_filter_functions. A line is ``name`` or ``name [module]``."""

    def __init__(self, data: bytes) -> None:
        self._data = b"\n" + data.rstrip(b"\n") + b"\n"

    def count(self, name: str) -> int:
        """Return how many functions of this name ftrace can trace."""
        wanted, count = b"\n" + name.encode("utf-8", "replace"), 0
        at = self._data.find(wanted) if name else -1
        while at >= 0:
            count += self._data[at + len(wanted) : at + len(wanted) + 2].startswith((b"\n", b" ["))
            at = self._data.find(wanted, at + 1)
        return count


class Blacklist(t.NamedTuple):
    """The names and address ranges that kprobes refuse. ``ranges`` is empty where addresses are hidden."""

    names: t.FrozenSet[str]
    ranges: tuple[tuple[int, int], ...]

    def forbids(self, name: str, addresses: t.Iterable[int]) -> bool:
        """Return whether one of the addresses is in the list, or, where addresses are hidden, the name."""
        if not self.ranges:
            return name in self.names
        return any(start <= address < end for address in addresses for start, end in self.ranges)


def parse_blacklist(text: str) -> Blacklist:
    """Parse lines ``0xSTART-0xEND name``. Invalid lines are skipped."""
    names, ranges = set(), []
    for line in text.splitlines():
        parts = line.split()
        start, _dash, end = parts[0].partition("-") if len(parts) >= 2 else ("", "", "")
        try:
            first, behind = int(start, 16), int(end, 16)
        except ValueError:
            continue
        names.add(parts[1])
        if behind > first > 0:
            ranges.append((first, behind))
    return Blacklist(frozenset(names), tuple(ranges))


def read_traceable(root: str) -> Traceable | Probe:
    """Read the functions that ftrace can trace, or return why the list cannot be read."""
    data = _read(root, TRACEFS, "available_filter_functions")
    if isinstance(data, bytes):
        return Traceable(data) if data.strip() else unknown("kernel", "available_filter_functions is empty")
    return data


def read_blacklist(root: str) -> Blacklist | Probe:
    """Read what kprobes refuse (commit 376e242429bf, Linux 3.16), or return why the list cannot be read."""
    data = _read(root, _DEBUGFS, "kprobes/blacklist")
    return parse_blacklist(data.decode("utf-8", "replace")) if isinstance(data, bytes) else data


def _read(root: str, mount: str, name: str) -> bytes | Probe:
    try:
        with open(os.path.join(root, mount, name), "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return _absent(root, mount, name)
    except OSError as error:
        return _refused(root, f"/{mount}/{name}", error)


def _refused(root: str, path: str, error: OSError) -> Probe:
    """Return the layer that refused the file. EACCES is for users other than root, EPERM for everyone."""
    message, lockdown = f"{path}: {error.strerror}", read_lockdown(root)
    if lockdown == "confidentiality":
        fix = "boot without lockdown=confidentiality to read it"
        return unknown("lockdown", f"{message}, the kernel is locked down (confidentiality); {fix}")
    if error.errno != errno.EPERM:
        return unknown("capability", f"{message}. Run as root (become: true)")
    if lockdown is None:
        return unknown(
            "lockdown",
            f"{message}, also for root: lockdown (confidentiality) or another security module; "
            "mount /sys/kernel/security to find out which",
        )
    return unknown("kernel", f"{message}, from a security module that this probe does not know")


def _absent(root: str, mount: str, name: str) -> Probe:
    try:
        mounted = bool(os.listdir(os.path.join(root, mount)))
    except PermissionError as error:
        return unknown("capability", f"/{mount}: {error.strerror}. Run as root (become: true)")
    except OSError:
        mounted = False
    if mounted:
        return unknown("kernel", f"no /{mount}/{name}: this kernel is built without it")
    return unknown("kernel", f"nothing is mounted at /{mount}; {_MOUNT[mount]}")
