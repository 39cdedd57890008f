# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse the dynamic section of an ELF file: the interpreter, the needed libraries and their versions.

Source: the ELF specification, and "ELF Symbol Versioning" of the GNU tools. Like the dynamic loader, this uses only the
segments, so it works for a file without section headers.
"""

from __future__ import annotations

import struct
import typing as t

from .file import Elf, FormatError, at_address, numbers, text_at

__all__ = ["Dynamic", "Need", "read_dynamic"]

_PT_DYNAMIC = 2
_PT_INTERP = 3
_DT_NEEDED = 1
_DT_STRTAB = 5
_DT_STRSZ = 10
_DT_RPATH = 15
_DT_RUNPATH = 29
_DT_FLAGS_1 = 0x6FFFFFFB
_DT_VERDEF = 0x6FFFFFFC
_DT_VERDEFNUM = 0x6FFFFFFD
_DT_VERNEED = 0x6FFFFFFE
_DT_VERNEEDNUM = 0x6FFFFFFF
_DF_1_PIE = 0x08000000
_VER_FLG_WEAK = 2

_MAX_ENTRIES = 4096
_MAX_STRINGS = 1 << 22  # bytes; glibc's own table has 40 KiB


class Need(t.NamedTuple):
    """The versions that a file needs of one library."""

    library: str
    versions: tuple[str, ...]  # the library must define these
    weak: tuple[str, ...]  # these may be missing


class Dynamic(t.NamedTuple):
    """What the dynamic loader reads from a file."""

    interpreter: str | None  # path of the loader, from PT_INTERP
    needed: tuple[str, ...]  # names of libraries, from DT_NEEDED
    search: tuple[str, ...]  # directories of DT_RPATH and DT_RUNPATH, not expanded
    needs: tuple[Need, ...]  # versions of libraries
    defines: tuple[str, ...]  # versions that this file defines, if it is a library
    position_independent: bool  # DF_1_PIE, which tells a program from a library of the same ELF type

    @property
    def static(self) -> bool:
        """Whether the file needs neither an interpreter nor a library."""
        return self.interpreter is None and not self.needed


class _Strings(t.NamedTuple):
    data: bytes

    def __call__(self, offset: int) -> str:
        return text_at(self.data[offset : offset + 4096]) if offset < len(self.data) else ""


def read_dynamic(elf: Elf) -> Dynamic:
    """Read the interpreter and the dynamic section.

    :raises FormatError: a table that the file refers to cannot be read
    """
    entries = _entries(elf)
    first = dict(reversed(entries))  # the first entry of each tag
    strings = _Strings(at_address(elf, first.get(_DT_STRTAB, 0), min(first.get(_DT_STRSZ, 0), _MAX_STRINGS)))
    if not strings.data and any(tag == _DT_NEEDED for tag, dummy in entries):
        raise FormatError("it names libraries, but the table with their names is not in the file")
    return Dynamic(
        interpreter=_interpreter(elf),
        needed=tuple(strings(value) for tag, value in entries if tag == _DT_NEEDED),
        search=tuple(
            directory
            for tag, value in entries
            if tag in (_DT_RPATH, _DT_RUNPATH)
            for directory in strings(value).split(":")
            if directory
        ),
        needs=_needs(elf, strings, first.get(_DT_VERNEED), first.get(_DT_VERNEEDNUM, 0)),
        defines=_defines(elf, strings, first.get(_DT_VERDEF), first.get(_DT_VERDEFNUM, 0)),
        position_independent=bool(first.get(_DT_FLAGS_1, 0) & _DF_1_PIE),
    )


def _interpreter(elf: Elf) -> str | None:
    for part in elf.segments:
        if part.kind == _PT_INTERP:
            path = text_at(elf.read(part.offset, min(part.file_size, 4096)))
            if not path.startswith("/"):
                raise FormatError("the path of its interpreter cannot be read")
            return path
    return None


def _entries(elf: Elf) -> list[tuple[int, int]]:
    """Tag and value of each entry of the dynamic section."""
    form = elf.order + ("qQ" if elf.wide else "iI")
    for part in elf.segments:
        if part.kind != _PT_DYNAMIC:
            continue
        size = struct.calcsize(form)
        data = elf.read(part.offset, min(part.file_size, _MAX_ENTRIES * size))
        entries: list[tuple[int, int]] = []
        for tag, value in struct.iter_unpack(form, data[: len(data) - len(data) % size]):
            if tag == 0:
                return entries
            entries.append((tag, value))
        raise FormatError("its dynamic section has no end")
    return []


def _needs(elf: Elf, strings: _Strings, address: int | None, count: int) -> tuple[Need, ...]:
    """The versions that the file needs of its libraries."""
    # Elf_Verneed: version, count, file, first, next. Each has a chain of Elf_Vernaux.
    needs = []
    remaining = _MAX_ENTRIES
    while address is not None and count > 0:
        row = numbers(f"{elf.order}HHIII", at_address(elf, address, 16))
        if row is None:
            raise FormatError("its table of needed versions cannot be read")
        dummy, of_file, file, first, following = row
        versions: list[str] = []
        weak: list[str] = []
        at = address + first
        for dummy in range(min(of_file, remaining)):
            # Elf_Vernaux: hash, flags, other, name, next
            inner = numbers(f"{elf.order}IHHII", at_address(elf, at, 16))
            if inner is None:
                raise FormatError("its table of needed versions cannot be read")
            (weak if inner[1] & _VER_FLG_WEAK else versions).append(strings(inner[3]))
            remaining -= 1
            if not inner[4]:
                break
            at += inner[4]
        needs.append(Need(strings(file), tuple(versions), tuple(weak)))
        remaining -= 1
        address = address + following if following and remaining > 0 else None
        count -= 1
    return tuple(needs)


def _defines(elf: Elf, strings: _Strings, address: int | None, count: int) -> tuple[str, ...]:
    """The versions that the file defines."""
    # Elf_Verdef: version, flags, index, count, hash, first, next. Its first Elf_Verdaux has the name.
    names = []
    for dummy in range(min(count, _MAX_ENTRIES)):
        if address is None:
            break
        row = numbers(f"{elf.order}HHHHIII", at_address(elf, address, 20))
        name = numbers(f"{elf.order}II", at_address(elf, address + row[5], 8)) if row else None
        if row is None or name is None:
            raise FormatError("its table of defined versions cannot be read")
        names.append(strings(name[0]))
        address = address + row[6] if row[6] else None
    return tuple(names)
