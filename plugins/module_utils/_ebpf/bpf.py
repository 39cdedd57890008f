# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Commands of bpf(2): objects made, found, asked and closed."""

from __future__ import annotations

import errno
import os
import struct
import typing as t

from .._probe.host import Host
from .._probe.syscall import Outcome, number_of
from .abi import ATTR_SIZE, COMMANDS

__all__ = ["Bpf", "Loaded", "exit_with", "instruction", "opened"]

_LOG_SIZE = 1 << 16
_INFO_SIZE = 256  # more than any of the structures; the kernel writes what it has and tells how much
_LICENSE = "GPL"  # most helpers that tracing needs are for GPL programs alone

# struct bpf_insn: code, dst:4 src:4, off, imm
_INSTRUCTION = struct.Struct("=BBhi")
_MOV64_IMM_R0 = 0xB7
_EXIT = 0x95


def instruction(code: int, *, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> bytes:
    """One struct bpf_insn."""
    return _INSTRUCTION.pack(code, dst | src << 4, off, imm)


def exit_with(value: int) -> bytes:
    """The smallest program: return a number."""
    return instruction(_MOV64_IMM_R0, imm=value) + instruction(_EXIT)


def opened(outcome: Outcome) -> t.Iterator[int]:
    """The descriptor that a call gave, if it gave one, closed afterwards: ``for fd in opened(outcome)``."""
    if outcome.value >= 0 and not outcome.killed:
        try:
            yield outcome.value
        finally:
            os.close(outcome.value)


class Loaded(t.NamedTuple):
    """An attempt at BPF_PROG_LOAD: its outcome, and what the verifier said."""

    outcome: Outcome
    log: str


class Bpf:
    """bpf(2) of a host. Every method returns what the kernel answered; descriptors are the caller's to close."""

    def __init__(self, host: Host) -> None:
        self._call = host.syscalls
        self._number = number_of("bpf", machine=host.machine)

    def command(
        self, name: str, attr: bytes, *, pointers: t.Mapping[int, bytearray] | None = None
    ) -> tuple[Outcome, bytearray]:
        """Run one command and return its outcome and the attr as the kernel left it.

        :param attr: the beginning of union bpf_attr, the rest is zero
        :param pointers: buffers by the offset in the attr at which their address belongs
        """
        if self._number is None:
            return Outcome(-1, errno.ENOSYS), bytearray(ATTR_SIZE)
        whole = bytearray(attr.ljust(ATTR_SIZE, b"\0"))
        self._point(whole, pointers)
        outcome = self._call(self._number, COMMANDS[name], whole, len(whole))
        return outcome, whole

    def _point(self, structure: bytearray, pointers: t.Mapping[int, bytearray] | None) -> None:
        for offset, buffer in (pointers or {}).items():
            struct.pack_into("=Q", structure, offset, self._call.address_of(buffer))

    def create_map(
        self,
        kind: int,
        *,
        key_size: int,
        value_size: int,
        max_entries: int,
        flags: int = 0,
        inner: int = 0,
        name: str = "",
        rest: bytes = b"",
    ) -> Outcome:
        """BPF_MAP_CREATE.

        :param inner: a map such as this one is to hold, for those that hold maps
        :param rest: the attr from ``map_ifindex`` (byte 44) on
        """
        attr = struct.pack(
            "=IIIIIII16s", kind, key_size, value_size, max_entries, flags, inner, 0, name.encode()[:15]
        )
        return self.command("MAP_CREATE", attr + rest)[0]

    def load_btf(self, data: bytes) -> Outcome:
        """BPF_BTF_LOAD."""
        attr = struct.pack("=QQI", 0, 0, len(data))
        return self.command("BTF_LOAD", attr, pointers={0: bytearray(data)})[0]

    def load(
        self,
        kind: int,
        instructions: bytes,
        *,
        name: str = "",
        flags: int = 0,
        expected_attach_type: int = 0,
        attach_btf_id: int = 0,
        attach_btf: int = 0,
        log_level: int = 1,
        log_size: int = _LOG_SIZE,
    ) -> Loaded:
        """BPF_PROG_LOAD of a GPL program.

        :param attach_btf_id: a type of the kernel, or of the module whose BTF ``attach_btf`` is a descriptor of
        """
        code, license_ = bytearray(instructions), bytearray(_LICENSE.encode() + b"\0")
        log = bytearray(log_size if log_level else 1)
        attr = bytearray(ATTR_SIZE)
        struct.pack_into("=II", attr, 0, kind, len(code) // _INSTRUCTION.size)
        struct.pack_into("=II", attr, 24, log_level, len(log) if log_level else 0)
        struct.pack_into("=II16s", attr, 40, 0, flags, name.encode()[:15])
        struct.pack_into("=I", attr, 68, expected_attach_type)
        struct.pack_into("=II", attr, 108, attach_btf_id, attach_btf)
        pointers = {8: code, 16: license_}
        if log_level:
            pointers[32] = log
        outcome = self.command("PROG_LOAD", bytes(attr), pointers=pointers)[0]
        return Loaded(outcome, log.partition(b"\0")[0].decode("utf-8", "replace"))

    def ids(self, what: str) -> t.Iterator[Outcome | int]:
        """The ids of all objects of a kind (PROG, MAP, LINK or BTF); an Outcome instead where they are refused."""
        last = 0
        while True:
            outcome, attr = self.command(f"{what}_GET_NEXT_ID", struct.pack("=I", last))
            if outcome.errno == errno.ENOENT:
                return
            if outcome.errno or outcome.killed:
                yield outcome
                return
            (last,) = struct.unpack_from("=I", attr, 4)
            yield last

    def open_id(self, what: str, number: int) -> Outcome:
        """A descriptor of the object with this id; ENOENT where it is gone meanwhile."""
        return self.command(f"{what}_GET_FD_BY_ID", struct.pack("=I", number))[0]

    def open_pin(self, path: str) -> Outcome:
        """A descriptor of what is pinned at a path (BPF_OBJ_GET)."""
        return self.command("OBJ_GET", b"", pointers={0: bytearray(os.fsencode(path) + b"\0")})[0]

    def pin(self, descriptor: int, path: str) -> Outcome:
        """BPF_OBJ_PIN."""
        attr = struct.pack("=QI", 0, descriptor)
        return self.command("OBJ_PIN", attr, pointers={0: bytearray(os.fsencode(path) + b"\0")})[0]

    def info(
        self, descriptor: int, *, request: bytes = b"", pointers: t.Mapping[int, bytearray] | None = None
    ) -> bytearray | Outcome:
        """BPF_OBJ_GET_INFO_BY_FD: the structure, zero where the kernel has nothing to tell.

        :param request: the beginning of the structure as the kernel is to find it: how large the buffers are
        :param pointers: buffers by the offset in the structure at which their address belongs
        """
        data = bytearray(request.ljust(_INFO_SIZE, b"\0"))
        self._point(data, pointers)
        attr = struct.pack("=II", descriptor, len(data))
        outcome = self.command("OBJ_GET_INFO_BY_FD", attr, pointers={8: data})[0]
        return outcome if outcome.errno or outcome.killed else data

    def link(
        self,
        program: int,
        *,
        target: int = 0,
        attach_type: int,
        rest: bytes = b"",
        pointers: t.Mapping[int, bytearray] | None = None,
    ) -> Outcome:
        """BPF_LINK_CREATE. ``rest``: the attr from byte 16 on; ``pointers`` by their offset in the whole attr."""
        attr = struct.pack("=IIII", program, target, attach_type, 0)
        return self.command("LINK_CREATE", attr + rest, pointers=pointers)[0]

    def raw_tracepoint(self, program: int, name: str) -> Outcome:
        """BPF_RAW_TRACEPOINT_OPEN; an empty name attaches a tracing program to what it was loaded for."""
        attr = struct.pack("=QI", 0, program)
        pointers = {0: bytearray(name.encode() + b"\0")} if name else None
        return self.command("RAW_TRACEPOINT_OPEN", attr, pointers=pointers)[0]
