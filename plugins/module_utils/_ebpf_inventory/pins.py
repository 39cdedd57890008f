# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the pins, which keep BPF objects alive, in every bpffs of every mount namespace."""

from __future__ import annotations

import os
import stat
import struct
import typing as t

from .._ebpf.bpf import Bpf, opened
from .._probe.files import read
from .._probe.mounts import mounts_of_type, parse_mountinfo
from .._probe.syscall import Outcome
from .owners import object_kind

__all__ = ["OF_THE_KERNEL", "Pin", "Pins", "read_pins"]

# Iterators that the kernel pins in a new bpffs (bpf_preload, Linux 5.10). Linux 6.18 refuses to open them.
OF_THE_KERNEL = ("maps.debug", "progs.debug")
_MAX_ENTRIES = 20000


class Pin(t.NamedTuple):
    """A pin in a bpffs. ``created``: seconds since 1970."""

    path: str
    kind: str
    id: int
    created: float


class Pins(t.NamedTuple):
    """The pins, and the places that could not be read, with the reason."""

    pins: list[Pin]
    unread: list[str]

    def of(self, kind: str, number: int) -> list[Pin]:
        """Return the pins of an object."""
        return [pin for pin in self.pins if (pin.kind, pin.id) == (kind, number)]


def read_pins(bpf: Bpf, root: str, *, pids: t.Sequence[int]) -> Pins:
    """Walk every bpffs once, including those that only other mount namespaces have."""
    pins = Pins([], [])
    for place in _places(root, pids):
        for path in _walk(root, place, pins.unread):
            _add(bpf, root, path, pins)
    return pins


def _places(root: str, pids: t.Sequence[int]) -> list[str]:
    """Return a path to each bpffs, below / or below /proc/PID/root."""
    places: dict[str, str] = {}
    for mount in mounts_of_type(root, "bpf"):
        places.setdefault(mount.device, mount.point)
    seen = {_namespace(root, "self")}
    for pid in pids:
        namespace = _namespace(root, str(pid))
        if namespace is None or namespace in seen:
            continue
        seen.add(namespace)
        for mount in parse_mountinfo(read(root, f"proc/{pid}/mountinfo").text or ""):
            if mount.type == "bpf":
                places.setdefault(mount.device, f"/proc/{pid}/root{mount.point}")
    return list(places.values())


def _namespace(root: str, pid: str) -> str | None:
    try:
        return os.readlink(os.path.join(root, "proc", pid, "ns", "mnt"))
    except OSError:
        return None  # ended, or refused; then its descriptors are refused too, which is reported


def _walk(root: str, place: str, unread: list[str]) -> t.Iterator[str]:
    below, count = [place], 0
    while below:
        directory = below.pop()
        try:
            entries = sorted(os.scandir(_below(root, directory)), key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        except OSError as error:
            unread.append(f"{directory}: {error.strerror}")
            continue
        for entry in entries:
            count += 1
            if count > _MAX_ENTRIES:
                unread.append(f"{place}: more than {_MAX_ENTRIES} names")
                return
            path = os.path.join(directory, entry.name)
            if entry.is_dir(follow_symlinks=False):
                below.append(path)
            elif entry.is_file(follow_symlinks=False):
                yield path


def _add(bpf: Bpf, root: str, path: str, pins: Pins) -> None:
    try:
        found = os.lstat(_below(root, path))
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        return
    outcome = bpf.open_pin(_below(root, path))
    for descriptor in opened(outcome):
        kind = object_kind(os.readlink(os.path.join(root, "proc/self/fd", str(descriptor))))
        data = bpf.info(descriptor)
        if kind is not None and not isinstance(data, Outcome):
            # All three structures begin with the type and the id.
            pins.pins.append(Pin(path, kind, struct.unpack_from("=II", data)[1], found.st_ctime))
            return
    if os.path.lexists(_below(root, path)) and os.path.basename(path) not in OF_THE_KERNEL:
        pins.unread.append(f"{path}: {os.strerror(outcome.errno) if outcome.errno else 'not a BPF object'}")


def _below(root: str, path: str) -> str:
    return os.path.join(root, path.lstrip("/"))
