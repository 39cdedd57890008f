# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel with BPF objects that the test chooses, and recorded trees of /proc."""

from __future__ import annotations

import errno
import os
import pathlib
import shutil
import struct
import typing as t

from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.bpf import Bpf
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._probe.stand_in import FIXTURES

GONE = Outcome(-1, errno.ENOENT)
_LINKS = {"prog_type": "bpf-prog", "map_type": "bpf-map", "link_type": "bpf_link"}


class StandInBpf(Bpf):
    """A kernel with structures by kind (PROG, MAP, LINK) and id. Its descriptors are real ones of /dev/null."""

    def __init__(self, objects: t.Mapping[str, t.Mapping[int, bytes]]) -> None:
        self.objects = objects
        self.refused: dict[str, Outcome] = {}
        self.vanished: set[tuple[str, int]] = set()
        self.names: dict[int, bytes] = {}  # of links
        self.maps_of: dict[int, tuple[int, ...]] = {}  # of programs
        self.contents: dict[int, dict[int, int]] = {}  # of maps: key to id
        self.attached: dict[int, tuple[int, ...] | Outcome] = {}  # by attach type, in every control group
        self.perf: dict[tuple[int, int], tuple[int, int, int, bytes] | Outcome] = {}
        self.pins: dict[str, tuple[str, int]] = {}
        self.open: dict[int, tuple[str, int]] = {}

    def _opened(self, what: str, number: int) -> Outcome:
        descriptor = os.open(os.devnull, os.O_RDONLY)
        self.open[descriptor] = (what, number)
        return Outcome(descriptor, 0)

    def open_pin(self, path: str) -> Outcome:
        return self._opened(*self.pins[path]) if path in self.pins else Outcome(-1, errno.EACCES)

    def info(
        self, descriptor: int, *, request: bytes = b"", pointers: t.Mapping[int, bytearray] | None = None
    ) -> bytearray | Outcome:
        what, number = self.open[descriptor]
        if (what, number) in self.vanished:
            return GONE
        data = bytearray(self.objects[what][number])
        for buffer in (pointers or {}).values():
            name = self.names.get(number, b"") if what == "LINK" else b""
            name = name or struct.pack(
                f"={len(self.maps_of.get(number, ()))}I", *self.maps_of.get(number, ())
            )
            buffer[: len(name)] = name
        return data

    def command(
        self, name: str, attr: bytes, *, pointers: t.Mapping[int, bytearray] | None = None
    ) -> tuple[Outcome, bytearray]:
        whole = bytearray(attr.ljust(144, b"\0"))
        what, dummy, command = name.partition("_")
        answer = {
            "GET_NEXT_ID": self._next,
            "GET_FD_BY_ID": self._by_id,
            "GET_NEXT_KEY": self._next_key,
            "LOOKUP_ELEM": self._lookup,
            "QUERY": self._query,
            "FD_QUERY": self._perf,
        }[command]
        return answer(what, whole, dict(pointers or {})), whole

    def _next(self, what: str, attr: bytearray, pointers: dict[int, bytearray]) -> Outcome:
        if what in self.refused:
            return self.refused[what]
        (last,) = struct.unpack_from("=I", attr)
        later = [number for number in sorted(self.objects.get(what, {})) if number > last]
        if not later:
            return GONE
        struct.pack_into("=I", attr, 4, later[0])
        return Outcome(0, 0)

    def _by_id(self, what: str, attr: bytearray, pointers: dict[int, bytearray]) -> Outcome:
        (number,) = struct.unpack_from("=I", attr)
        return self._opened(what, number) if number in self.objects[what] else GONE

    def _next_key(self, what: str, attr: bytearray, pointers: dict[int, bytearray]) -> Outcome:
        keys = sorted(self.contents[self.open[struct.unpack_from("=I", attr)[0]][1]])
        last = struct.unpack("=I", pointers[8])[0] if 8 in pointers else -1
        later = [key for key in keys if key > last]
        if not later:
            return GONE
        pointers[16][:] = struct.pack("=I", later[0])
        return Outcome(0, 0)

    def _lookup(self, what: str, attr: bytearray, pointers: dict[int, bytearray]) -> Outcome:
        contents = self.contents[self.open[struct.unpack_from("=I", attr)[0]][1]]
        found = contents[struct.unpack("=I", pointers[8])[0]]
        if found < 0:
            return Outcome(-1, -found)
        pointers[16][:] = struct.pack("=I", found)
        return Outcome(0, 0) if found else GONE

    def _query(self, what: str, attr: bytearray, pointers: dict[int, bytearray]) -> Outcome:
        found = self.attached.get(struct.unpack_from("=I", attr, 4)[0], ())
        if isinstance(found, Outcome):
            return found
        struct.pack_into(f"={len(found)}I", pointers[16], 0, *found)
        struct.pack_into("=I", attr, 24, len(found))
        return Outcome(0, 0)

    def _perf(self, what: str, attr: bytearray, pointers: dict[int, bytearray]) -> Outcome:
        found = self.perf[struct.unpack_from("=II", attr)]
        if isinstance(found, Outcome):
            return found
        program, kind, offset, name = found
        struct.pack_into("=IIQ", attr, 24, program, kind, offset)
        pointers[16][: len(name)] = name
        return Outcome(0, 0)


def program_info(number: int, *, kind: int, name: str = "seed", loaded: int = 0, maps: int = 0) -> bytes:
    head = struct.pack(
        "=II8sIIQQQIIQ16s", kind, number, b"\1" * 8, 0, 0, 0, 0, loaded, 0, maps, 0, name.encode()
    )
    return head.ljust(256, b"\0")


def map_info(number: int, *, kind: int, name: str = "seed", key_size: int = 4) -> bytes:
    return struct.pack("=IIIIII16s", kind, number, key_size, 4, 16, 0, name.encode()).ljust(256, b"\0")


def link_info(number: int, *, kind: int, program: int, union: bytes = b"") -> bytes:
    return (struct.pack("=IIII", kind, number, program, 0) + union).ljust(256, b"\0")


def proc_tree(kernel: str, target: pathlib.Path) -> pathlib.Path:
    """Copy a recorded /proc and add the links that a repository cannot hold."""
    for path in (FIXTURES / kernel / "proc").iterdir():
        if (path / "fdinfo").is_dir():
            shutil.copytree(path, target / "proc" / path.name)
    for info in target.glob("proc/*/fdinfo/*"):
        kind = next(
            _LINKS[line.split(":")[0]]
            for line in info.read_text().splitlines()
            if line.split(":")[0] in _LINKS
        )
        hold(target, int(info.parent.parent.name), int(info.name), f"anon_inode:{kind}")
    namespaces(target)
    return target


def namespaces(root: pathlib.Path) -> None:
    directory = root / "proc/self/ns"
    directory.mkdir(parents=True, exist_ok=True)
    for name, number in (("cgroup", 4026531835), ("pid", 4026531836), ("mnt", 4026531832)):
        (directory / name).symlink_to(f"{name}:[{number}]")


def process(
    root: pathlib.Path, pid: int, *, comm: str = "agent", unit: str = "agent.service"
) -> pathlib.Path:
    directory = root / "proc" / str(pid)
    (directory / "fd").mkdir(parents=True)
    (directory / "fdinfo").mkdir()
    (directory / "comm").write_text(comm + "\n")
    (directory / "cgroup").write_text(f"0::/system.slice/{unit}\n")
    return directory


def hold(root: pathlib.Path, pid: int, descriptor: int, link: str, fdinfo: str | None = None) -> None:
    directory = root / "proc" / str(pid)
    (directory / "fd").mkdir(exist_ok=True)
    (directory / "fd" / str(descriptor)).symlink_to(link)
    if fdinfo is not None:
        (directory / "fdinfo" / str(descriptor)).write_text(fdinfo)
