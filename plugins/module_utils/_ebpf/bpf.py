# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Call the commands of bpf(2)."""

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
_INFO_SIZE = 256  # larger than any of the structures; the kernel writes what it has and returns the size
_LICENSE = "GPL"  # most helpers for tracing are reserved for GPL programs

# struct bpf_insn: code, dst:4 src:4, off, imm
_INSTRUCTION = struct.Struct("=BBhi")
_MOV64_IMM_R0 = 0xB7
_EXIT = 0x95


def instruction(code: int, *, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> bytes:
    """Return a struct bpf_insn."""
    return _INSTRUCTION.pack(code, dst | src << 4, off, imm)


def exit_with(value: int) -> bytes:
    """Return the instructions of a program that only returns a number."""
    return instruction(_MOV64_IMM_R0, imm=value) + instruction(_EXIT)


def opened(outcome: Outcome) -> t.Iterator[int]:
    """Yield the descriptor that a call returned, if any, and close it afterwards.

    Use it as ``for fd in opened(outcome)``.
    """
    if outcome.value >= 0 and not outcome.killed:
        try:
            yield outcome.value
        finally:
            os.close(outcome.value)


class Loaded(t.NamedTuple):
    """The outcome of BPF_PROG_LOAD and the log of the verifier."""

    outcome: Outcome
    log: str


class Bpf:
    """The commands of bpf(2) on a host. The caller closes the descriptors that methods return."""

    def __init__(self, host: Host) -> None:
        self._call = host.syscalls
        self._number = number_of("bpf", machine=host.machine)

    def command(
        self, name: str, attr: bytes, *, pointers: t.Mapping[int, bytearray] | None = None
    ) -> tuple[Outcome, bytearray]:
        """Run one command and return its outcome and the attr that the kernel wrote.

        :param attr: the first bytes of union bpf_attr, the rest is zero
        :param pointers: buffers, by the offset in the attr that holds their address
        """
        if self._number is None:
            return Outcome(-1, errno.ENOSYS), bytearray(ATTR_SIZE)
        whole = bytearray(attr.ljust(ATTR_SIZE, b"\0"))
        self._set_pointers(whole, pointers)
        outcome = self._call(self._number, COMMANDS[name], whole, len(whole))
        return outcome, whole

    def _set_pointers(self, structure: bytearray, pointers: t.Mapping[int, bytearray] | None) -> None:
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
        """Create a map with BPF_MAP_CREATE.

        :param inner: a descriptor of an inner map, for maps of maps
        :param rest: the attr from ``map_ifindex`` (byte 44) on
        """
        attr = struct.pack(
            "=IIIIIII16s", kind, key_size, value_size, max_entries, flags, inner, 0, name.encode()[:15]
        )
        return self.command("MAP_CREATE", attr + rest)[0]

    def load_btf(self, data: bytes) -> Outcome:
        """Load a BTF object with BPF_BTF_LOAD."""
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
        """Load a GPL program with BPF_PROG_LOAD.

        :param attach_btf_id: the BTF number of the attach target
        :param attach_btf: a descriptor of the BTF of the target's module, 0 for the kernel
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
        """Yield the ids of all objects of a kind (PROG, MAP, LINK or BTF), or the Outcome of a refusal."""
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
        """Open the object with this id. The errno is ENOENT where the object no longer exists."""
        return self.command(f"{what}_GET_FD_BY_ID", struct.pack("=I", number))[0]

    def open_pin(self, path: str) -> Outcome:
        """Open the object that is pinned at a path, with BPF_OBJ_GET."""
        return self.command("OBJ_GET", b"", pointers={0: bytearray(os.fsencode(path) + b"\0")})[0]

    def pin(self, descriptor: int, path: str) -> Outcome:
        """Pin an object at a path with BPF_OBJ_PIN."""
        attr = struct.pack("=QI", 0, descriptor)
        return self.command("OBJ_PIN", attr, pointers={0: bytearray(os.fsencode(path) + b"\0")})[0]

    def info(
        self, descriptor: int, *, request: bytes = b"", pointers: t.Mapping[int, bytearray] | None = None
    ) -> bytearray | Outcome:
        """Read the information about an object with BPF_OBJ_GET_INFO_BY_FD.

        :param request: the first bytes of the structure to pass, which hold the sizes of the buffers
        :param pointers: buffers, by the offset in the structure that holds their address
        :returns: the structure, which is zero where the kernel did not write, or the Outcome of a refusal
        """
        data = bytearray(request.ljust(_INFO_SIZE, b"\0"))
        self._set_pointers(data, pointers)
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
        """Create a link with BPF_LINK_CREATE.

        :param rest: the attr from byte 16 on
        :param pointers: buffers, by the offset in the whole attr that holds their address
        """
        attr = struct.pack("=IIII", program, target, attach_type, 0)
        return self.command("LINK_CREATE", attr + rest, pointers=pointers)[0]

    def raw_tracepoint(self, program: int, name: str) -> Outcome:
        """Attach with BPF_RAW_TRACEPOINT_OPEN.

        :param name: the tracepoint, or empty to attach a tracing program to the target that it was loaded for
        """
        attr = struct.pack("=QI", 0, program)
        pointers = {0: bytearray(name.encode() + b"\0")} if name else None
        return self.command("RAW_TRACEPOINT_OPEN", attr, pointers=pointers)[0]
