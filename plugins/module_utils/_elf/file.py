# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The head of an ELF file: which machine it runs on. Pure: bytes in, facts out.

Source: the ELF specification, ``e_ident``, ``e_type`` and ``e_machine``; machine names as uname(2) gives them.
"""

from __future__ import annotations

import struct
import typing as t

from .._errors import HostError

__all__ = ["HEAD_SIZE", "ElfHead", "goarches_of", "parse_elf_head"]

HEAD_SIZE = 20
_EXECUTABLE_TYPES = {2, 3}  # ET_EXEC, and ET_DYN for -buildmode=pie
_LITTLE_ENDIAN = 1

# (e_machine, 64-bit, little endian) -> GOARCH, machine as uname(2) gives it
_MACHINES = {
    (3, False, True): ("386", ("i386", "i486", "i586", "i686", "x86_64")),
    (62, True, True): ("amd64", ("x86_64",)),
    (40, False, True): ("arm", ("armv6l", "armv7l", "armv8l", "aarch64")),
    (183, True, True): ("arm64", ("aarch64",)),
    (21, True, True): ("ppc64le", ("ppc64le",)),
    (22, True, False): ("s390x", ("s390x",)),
    (243, True, True): ("riscv64", ("riscv64",)),
    (258, True, True): ("loong64", ("loongarch64",)),
}


class ElfHead(t.NamedTuple):
    """An executable: its GOARCH and the uname(2) machines that can run it."""

    goarch: str
    machines: tuple[str, ...]


def parse_elf_head(head: bytes, *, name: str) -> ElfHead:
    """
    :param head: the first ``HEAD_SIZE`` bytes of the file
    :param name: the file, for errors
    :raises HostError: not an ELF executable, or for a machine that Go does not build Linux programs for
    """
    if len(head) < HEAD_SIZE or head[:4] != b"\x7fELF":
        raise HostError(
            name,
            wanted="an ELF executable",
            found=f"a file that starts with {head[:4]!r}",
            remedy="Give the built program itself, not a script, an archive or a source file.",
        )
    little = head[5] == _LITTLE_ENDIAN
    kind, machine = struct.unpack("<HH" if little else ">HH", head[16:20])
    known = _MACHINES.get((machine, head[4] == 2, little))
    if known is None or kind not in _EXECUTABLE_TYPES:
        raise HostError(
            name,
            wanted="an ELF executable for a machine that Go supports on Linux",
            found=f"ELF type {kind} for machine {machine}",
            remedy="Build it with GOOS=linux and the GOARCH of the host.",
        )
    return ElfHead(*known)


def goarches_of(machine: str) -> list[str]:
    """The GOARCHes whose programs start on a machine, the machine named as uname(2) does; [] for an unknown one."""
    return sorted(goarch for goarch, machines in _MACHINES.values() if machine in machines)
