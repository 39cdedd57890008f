# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse the header, the segments and the sections of an ELF file, see elf(5)."""

from __future__ import annotations

import struct
import typing as t

from .._errors import HostError

__all__ = [
    "HEAD_SIZE",
    "PT_LOAD",
    "Elf",
    "ElfHeader",
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

HEAD_SIZE = 20  # bytes of the header that parse_elf_head needs
PT_LOAD = 1
_EXECUTABLE_TYPES = {2, 3}  # ET_EXEC, and ET_DYN for -buildmode=pie
_LITTLE_ENDIAN = 1

_MAX_SECTIONS = 4096  # a Go program has about 40
_MAX_SEGMENTS = 512
_MAX_NAMES = 1 << 18  # bytes of the section names
_MAX_TEXT = 4096

# struct formats of each table without the byte order, for 32 and for 64 bits
_HEADER = ("HHIIIIIHHHHHH", "HHIQQQIHHHHHH")
_SEGMENT = ("8I", "2I6Q")
_SECTION = ("10I", "2I4Q2I2Q")

# (e_machine, 64-bit, little endian) -> GOARCH, machines as uname(2) names them
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


class ElfHeader(t.NamedTuple):
    """The architecture of an executable."""

    goarch: str
    machines: tuple[str, ...]  # machines that can run it, as uname(2) names them


def parse_elf_head(header: bytes, *, name: str) -> ElfHeader:
    """Parse the start of an ELF executable.

    :param header: the first ``HEAD_SIZE`` bytes of the file
    :param name: of the file, for errors
    :raises HostError: not an ELF executable, or for a machine for which Go does not build Linux programs
    """
    if len(header) < HEAD_SIZE or header[:4] != b"\x7fELF":
        raise HostError(
            name,
            wanted="an ELF executable",
            found=f"a file that starts with {header[:4]!r}",
            remedy="Give the built program, not a script, an archive or a source file.",
        )
    little = header[5] == _LITTLE_ENDIAN
    kind, machine = struct.unpack("<HH" if little else ">HH", header[16:20])
    known = _MACHINES.get((machine, header[4] == 2, little))
    if known is None or kind not in _EXECUTABLE_TYPES:
        raise HostError(
            name,
            wanted="an ELF executable for a machine that Go supports on Linux",
            found=f"ELF type {kind} for machine {machine}",
            remedy="Build it with GOOS=linux and the GOARCH of the host.",
        )
    return ElfHeader(*known)


def goarches_of(machine: str) -> list[str]:
    """The GOARCHes whose programs start on a machine.

    :param machine: as uname(2) names it
    :returns: sorted; empty for an unknown machine
    """
    return sorted(goarch for goarch, machines in _MACHINES.values() if machine in machines)


# Reads bytes of a file: offset, size -> bytes. Fewer bytes at the end of the file.
Read = t.Callable[[int, int], bytes]


class FormatError(Exception):
    """A file is damaged or of another format.

    The text says what is wrong, such as "it is not an ELF file".
    """


class Segment(t.NamedTuple):
    """An entry of the program header table. A PT_LOAD segment is mapped, others say where something is."""

    kind: int  # p_type
    flags: int  # p_flags
    offset: int  # in the file
    address: int  # in memory
    file_size: int  # bytes
    memory_size: int  # bytes


class Section(t.NamedTuple):
    """An entry of the section header table, which a program does not need to run."""

    name: str
    kind: int  # sh_type
    address: int  # in memory
    offset: int  # in the file
    size: int  # bytes


class Elf(t.NamedTuple):
    """An ELF file."""

    read: Read
    wide: bool  # 64-bit
    order: str  # "<" little endian, ">" big endian
    kind: int  # e_type
    machine: int  # e_machine
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...] | None  # None: the table is there but cannot be read

    @property
    def end(self) -> int:
        """The size in bytes that the file must have for all mapped segments."""
        return max(
            (part.offset + part.file_size for part in self.segments if part.kind == PT_LOAD), default=0
        )

    def section(self, name: str) -> Section | None:
        """The first section of a name."""
        return next((part for part in self.sections or () if part.name == name), None)


class _Table(t.NamedTuple):
    """A table of the file, as its header describes it."""

    offset: int  # in the file
    size: int  # bytes of a row, as the file says
    length: int  # rows
    form: str  # struct format that the rows must have

    @property
    def fits(self) -> bool:
        """Whether the rows have the size of their format."""
        return self.size == struct.calcsize(self.form)

    def rows(self, read: Read) -> list[tuple[int, ...]] | None:
        """All rows, or None if the file ends before them."""
        data = read(self.offset, self.size * self.length)
        return list(struct.iter_unpack(self.form, data)) if len(data) == self.size * self.length else None


def parse_elf(read: Read) -> Elf:
    """Parse the header, the segments and the sections of an ELF file.

    :raises FormatError: not an ELF file, or its segments cannot be read
    """
    ident = read(0, 16)
    if len(ident) < 16 or ident[:4] != b"\x7fELF":
        raise FormatError("it is not an ELF file")
    if ident[4] not in (1, 2) or ident[5] not in (1, 2):
        raise FormatError(f"its ELF header has the class {ident[4]} and the byte order {ident[5]}")
    wide, order = ident[4] == 2, "<" if ident[5] == 1 else ">"
    form = order + _HEADER[wide]
    header = numbers(form, read(16, struct.calcsize(form)))
    if header is None:
        raise FormatError("it ends within its ELF header")
    kind, machine, dummy, dummy, segments_at, sections_at = header[:6]
    segment_size, segment_count, section_size, section_count, names_in = header[8:]
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
    """Unpack the start of some bytes by a struct format, or None if there are too few bytes."""
    size = struct.calcsize(form)
    return struct.unpack(form, data[:size]) if len(data) >= size else None


def at_address(elf: Elf, address: int, size: int) -> bytes:
    """Read bytes by their address in memory, up to the end of their segment, or none if no segment has the address."""
    for segment in elf.segments:
        start = address - segment.address
        if segment.kind == PT_LOAD and 0 <= start < segment.file_size:
            return elf.read(segment.offset + start, min(size, segment.file_size - start))
    return b""


def text_at(data: bytes) -> str:
    """The text at the start of some bytes, up to the first zero byte."""
    return data.split(b"\0", 1)[0][:_MAX_TEXT].decode("utf-8", "replace")


def _segments(read: Read, table: _Table, *, wide: bool) -> tuple[Segment, ...]:
    if table.length == 0:
        return ()
    if not table.fits or table.length > _MAX_SEGMENTS:
        raise FormatError(f"its ELF header has {table.length} segments of {table.size} bytes")
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
    if table.offset == 0:
        return ()
    if not table.fits or names_in >= table.length or table.length > _MAX_SECTIONS:
        return None
    rows = table.rows(read)
    if rows is None:
        return None
    names = read(rows[names_in][4], min(rows[names_in][5], _MAX_NAMES))
    return tuple(Section(text_at(names[row[0] : row[0] + 256]), row[1], *row[3:6]) for row in rows)
