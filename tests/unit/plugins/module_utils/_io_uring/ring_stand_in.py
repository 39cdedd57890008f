# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rings of a recorded kernel, with a limit of locked memory that the test chooses."""

from __future__ import annotations

import errno
import os
import pathlib
import struct
import typing as t

from ansible_collections.gofleet.hosts.plugins.module_utils._io_uring import abi
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import Caller
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.host import Host
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import (
    Argument,
    Outcome,
    number_of,
)

from .._probe.stand_in import FIXTURES, ROOT, StandIn

REGISTERS = {"6.1": 26, "6.12": 31, "6.18": 36}  # the number of operations that those kernels had


def recorded(kernel: str, name: str) -> bytes:
    return (FIXTURES / kernel / "io_uring" / name).read_bytes()


def flags_of(params: Argument) -> int:
    assert isinstance(params, bytearray)
    return int.from_bytes(params[8:12], "little")


class Kernel:
    """A kernel whose rings are real descriptors, so that a test sees which stay open."""

    def __init__(
        self, kernel: str, *, unknown_flags: t.Collection[str] = (), lockable: int = 1 << 40, charge: int = 0
    ) -> None:
        """
        :param lockable: bytes that may be locked
        :param charge: bytes that a ring locks until the test frees them
        """
        self.kernel = kernel
        self.refused = sum(abi.SETUP_FLAGS[flag] for flag in unknown_flags)
        self.lockable = lockable
        self.charge = charge
        self.opened: list[int] = []
        self.registered = 0
        self.tried: list[int] = []

    def setup(self, entries: Argument, params: Argument) -> Outcome:
        assert isinstance(params, bytearray)
        if flags_of(params) & self.refused:
            return Outcome(-1, errno.EINVAL)
        if self.charge > self.lockable:
            return Outcome(-1, errno.ENOMEM)
        params[:] = recorded(self.kernel, "params")
        self.opened.append(os.open(os.devnull, os.O_RDONLY))
        return Outcome(self.opened[-1], 0)

    def register(self, ring: Argument, opcode: Argument, buffer: Argument, count: Argument) -> Outcome:
        assert isinstance(opcode, int)
        if ring == 0x7FFFFFFF:
            return Outcome(-1, errno.EBADF if opcode < REGISTERS[self.kernel] else errno.EINVAL)
        assert ring == self.opened[-1]
        if opcode == 1:
            assert self.registered, "nothing is registered"
            self.registered = 0
            return Outcome(0, 0)
        assert isinstance(buffer, bytearray)
        if opcode == 0:
            assert (count, self.registered) == (1, 0), "EBUSY"
            size = struct.unpack("=QQ", buffer)[1]
            self.tried.append(size)
            if size + self.charge > self.lockable:
                return Outcome(-1, errno.ENOMEM)
            self.registered = size
            return Outcome(0, 0)
        assert (opcode, count) == (8, 256)
        assert not any(buffer), "the kernel refuses a buffer that is not zero"
        buffer[:] = recorded(self.kernel, "probe")
        return Outcome(0, 0)

    def host(self, *, root: str | pathlib.Path | None = None, caller: Caller = ROOT) -> Host:
        syscalls = ChildCalls({"io_uring_setup": self.setup, "io_uring_register": self.register})
        return Host(str(root or FIXTURES / self.kernel), "x86_64", syscalls, caller)


class ChildCalls(StandIn):
    """Close the descriptors that a child opens, as its exit does."""

    def in_child(self, number: int, *arguments: Argument, uid: int | None = None) -> Outcome:
        outcome = self(number, *arguments)
        if number == number_of("io_uring_setup", machine="x86_64") and outcome.value >= 0:
            os.close(outcome.value)
        return outcome


def with_limits(root: pathlib.Path, *, memlock: str, available: int = 1 << 30) -> pathlib.Path:
    """Return a root whose /proc has this limit of locked memory and this much available memory."""
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "limits").write_text(
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        f"Max locked memory         {memlock:<21}{memlock:<21}bytes     \n"
    )
    (root / "proc" / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable:   {available // 1024} kB\n")
    return root
