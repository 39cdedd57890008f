# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Find the processes and units that hold BPF objects and perf events, by their descriptors."""

from __future__ import annotations

import os
import typing as t

from .._kernel.cgroup import unit_of
from .._probe.files import decimal, read

__all__ = ["Held", "Owners", "Process", "object_kind", "parse_fdinfo", "read_executables", "read_owners"]

# The target of /proc/PID/fd/N after "anon_inode:". Some kernels put some of the names in brackets. A BPF link is
# bpf_link in the process that created it, and bpf-link in a process that opened it by its id or pin.
_ANONYMOUS = "anon_inode:"
_KINDS = {
    "bpf-prog": "program",
    "bpf-map": "map",
    "bpf_link": "link",
    "bpf-link": "link",
    "perf_event": "perf_event",
}
_IDS = {"program": "prog_id", "map": "map_id", "link": "link_id"}
_DELETED = " (deleted)"
_GONE = (FileNotFoundError, ProcessLookupError, NotADirectoryError)


class Process(t.NamedTuple):
    """A process.

    ``unit``: its systemd unit, or the path of its control group where that is not of a unit. ``comm``: its command
    name, read only where it holds something.
    """

    pid: int
    unit: str
    comm: str


class Held(t.NamedTuple):
    """A descriptor of a process. ``id``: None for a perf event, or where fdinfo does not show it."""

    kind: str
    id: int | None
    pid: int
    fd: int
    fields: dict[str, str]


class Owners(t.NamedTuple):
    """The descriptors that processes hold, and the processes whose descriptors could not be read."""

    held: list[Held]
    processes: dict[int, Process]
    denied: list[int]

    def of(self, kind: str, number: int) -> list[Process]:
        """Return the processes that hold an object, each once."""
        pids = {held.pid for held in self.held if held.kind == kind and held.id == number}
        return [self.processes[pid] for pid in sorted(pids) if pid in self.processes]

    def units(self) -> dict[str, list[int]]:
        """Return the processes of each unit."""
        units: dict[str, list[int]] = {}
        for process in self.processes.values():
            units.setdefault(process.unit, []).append(process.pid)
        return units


def parse_fdinfo(text: str) -> dict[str, str]:
    """Parse the fields of /proc/PID/fdinfo/N, such as ``prog_id:\\t21``."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def read_owners(root: str) -> Owners:
    """Read the descriptors of all processes. A process that ends in the meantime is skipped."""
    owners = Owners([], {}, [])
    proc = os.path.join(root, "proc")
    for pid in sorted(int(name) for name in os.listdir(proc) if name.isdigit()):
        groups = read(proc, f"{pid}/cgroup").text
        if groups is None:
            continue
        try:
            held = _held(proc, pid)
        except PermissionError:
            owners.denied.append(pid)
            held = []
        except _GONE:
            continue
        # Most processes hold nothing, and reading a file of /proc takes most of the time.
        comm = read(proc, f"{pid}/comm").text if held else ""
        owners.processes[pid] = Process(pid, unit_of(groups), (comm or "").strip())
        owners.held.extend(held)
    return owners


def _held(proc: str, pid: int) -> list[Held]:
    found = []
    directory = f"{proc}/{pid}/fd"
    for name in os.listdir(directory):
        try:
            kind = object_kind(os.readlink(f"{directory}/{name}"))
            fields = _fields(proc, pid, name) if kind else {}
        except _GONE:
            continue  # closed in the meantime
        if kind:
            found.append(Held(kind, decimal(fields.get(_IDS.get(kind, ""))), pid, int(name), fields))
    return found


def object_kind(link: str) -> str | None:
    """Return program, map, link or perf_event for the target of /proc/PID/fd/N, or None for another file."""
    return _KINDS.get(link[len(_ANONYMOUS) :].strip("[]")) if link.startswith(_ANONYMOUS) else None


def _fields(proc: str, pid: int, name: str) -> dict[str, str]:
    found = read(proc, f"{pid}/fdinfo/{name}")
    if found.error:
        raise PermissionError(found.errno, found.error)
    if found.text is None:
        raise FileNotFoundError(name)
    return parse_fdinfo(found.text)


def read_executables(root: str, pids: t.Iterable[int]) -> dict[int, str]:
    """Return the path of the executable of each process. Kernel threads have none."""
    found = {}
    for pid in pids:
        try:
            path = os.readlink(os.path.join(root, "proc", str(pid), "exe"))
        except OSError:
            continue
        found[pid] = path[: -len(_DELETED)] if path.endswith(_DELETED) else path
    return found
