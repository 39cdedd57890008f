# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the header, the program headers and the sections of an ELF file."""

from __future__ import annotations

import struct
import typing as t

from .._errors import HostError

__all__ = [
    "HEAD_SIZE",
    "Elf",
    "ElfHead",
    "FormatError",
    "Read",
    "Section",
    "Segment",
    "at_address",
    "goarches_of",
    "numbers",
    "parse_elf",
    "parse_elf_head",
    "text_at",
]

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


# offset, size -> at most so many bytes, fewer at the end of the file
Read = t.Callable[[int, int], bytes]

PT_LOAD = 1
_MOST_SECTIONS = 4096  # a Go program has about 40
_MOST_SEGMENTS = 512
_MOST_NAMES = 1 << 18  # bytes of the section names
_MOST_TEXT = 4096

# Of each table: its form without the byte order, for 32 and for 64 bits.
_HEAD = ("HHIIIIIHHHHHH", "HHIQQQIHHHHHH")
_SEGMENT = ("8I", "2I6Q")
_SECTION = ("10I", "2I4Q2I2Q")


class FormatError(Exception):
    """The file does not hold what it says; the text tells what is wrong, as the end of a sentence."""


class Segment(t.NamedTuple):
    """What the kernel maps (PT_LOAD), or where something is (PT_INTERP, PT_DYNAMIC, PT_NOTE)."""

    kind: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int


class Section(t.NamedTuple):
    """What the linker made; no program needs it to run."""

    name: str
    kind: int
    address: int
    offset: int
    size: int


class Elf(t.NamedTuple):
    """An ELF file. ``sections`` is None where there should be some that cannot be read."""

    read: Read
    wide: bool  # 64-bit
    order: str  # "<" little endian, ">" big endian
    kind: int  # e_type
    machine: int  # e_machine
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...] | None

    @property
    def end(self) -> int:
        """How long the file must be for everything that the kernel maps."""
        return max(
            (part.offset + part.file_size for part in self.segments if part.kind == PT_LOAD), default=0
        )

    def section(self, name: str) -> Section | None:
        """The first section of a name."""
        return next((part for part in self.sections or () if part.name == name), None)


class _Table(t.NamedTuple):
    """Where a table is, the size that the file gives its rows, how many, and the form that they must have."""

    at: int
    size: int
    length: int
    form: str

    @property
    def fits(self) -> bool:
        return self.size == struct.calcsize(self.form)

    def rows(self, read: Read) -> list[tuple[int, ...]] | None:
        """All rows; None where the file ends before."""
        data = read(self.at, self.size * self.length)
        return list(struct.iter_unpack(self.form, data)) if len(data) == self.size * self.length else None


def parse_elf(read: Read) -> Elf:
    """Head, segments and sections of a file that begins as ELF.

    :raises FormatError: no ELF file, or one whose segments cannot be read
    """
    ident = read(0, 16)
    if len(ident) < 16 or ident[:4] != b"\x7fELF":
        raise FormatError("it is not an ELF file")
    if ident[4] not in (1, 2) or ident[5] not in (1, 2):
        raise FormatError(f"its ELF head names class {ident[4]} and byte order {ident[5]}")
    wide, order = ident[4] == 2, "<" if ident[5] == 1 else ">"
    form = order + _HEAD[wide]
    head = numbers(form, read(16, struct.calcsize(form)))
    if head is None:
        raise FormatError("it ends within its ELF head")
    kind, machine, dummy, dummy, segments_at, sections_at = head[:6]
    segment_size, segment_count, section_size, section_count, names_in = head[8:]
    segments = _Table(segments_at, segment_size, segment_count, order + _SEGMENT[wide])
    sections = _Table(sections_at, section_size, section_count, order + _SECTION[wide])
    return Elf(
        read=read,
        wide=wide,
        order=order,
        kind=kind,
        machine=machine,
        segments=_segments(read, segments, wide=wide),
        sections=_sections(read, sections, names_in=names_in),
    )


def numbers(form: str, data: bytes) -> tuple[int, ...] | None:
    """The numbers at the start of some bytes; None where there are too few bytes."""
    size = struct.calcsize(form)
    return struct.unpack(form, data[:size]) if len(data) >= size else None


def at_address(elf: Elf, address: int, size: int) -> bytes:
    """Bytes by the address that they have in memory, at most to the end of their segment; none where nothing is."""
    for part in elf.segments:
        into = address - part.address
        if part.kind == PT_LOAD and 0 <= into < part.file_size:
            return elf.read(part.offset + into, min(size, part.file_size - into))
    return b""


def text_at(data: bytes) -> str:
    """A text that ends with a zero byte."""
    return data.split(b"\0", 1)[0][:_MOST_TEXT].decode("utf-8", "replace")


def _segments(read: Read, table: _Table, *, wide: bool) -> tuple[Segment, ...]:
    if table.length == 0:
        return ()
    if not table.fits or table.length > _MOST_SEGMENTS:
        raise FormatError(f"its ELF head names {table.length} segments of {table.size} bytes")
    segments = []
    for row in table.rows(read) or ():
        if wide:
            kind, flags, offset, address, dummy, in_file, in_memory, dummy = row
        else:
            kind, offset, address, dummy, in_file, in_memory, flags, dummy = row
        segments.append(Segment(kind, flags, offset, address, in_file, in_memory))
    if not segments:
        raise FormatError("it ends within its table of segments")
    return tuple(segments)


def _sections(read: Read, table: _Table, *, names_in: int) -> tuple[Section, ...] | None:
    if table.at == 0:
        return ()
    if not table.fits or names_in >= table.length or table.length > _MOST_SECTIONS:
        return None
    rows = table.rows(read)
    if rows is None:
        return None
    names = read(rows[names_in][4], min(rows[names_in][5], _MOST_NAMES))
    return tuple(Section(text_at(names[row[0] : row[0] + 256]), row[1], *row[3:6]) for row in rows)
