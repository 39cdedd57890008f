# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes ELF files of any word size and byte order, as small as they can be, with what a test wants in them."""

from __future__ import annotations

import collections
import struct
import typing as t

from ansible_collections.gofleet.hosts.plugins.module_utils._elf.file import Elf, parse_elf

BASE = 0x400000
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
MODULES = (
    "path\texample.com/app\n"
    "mod\texample.com/app\t(devel)\t\n"
    "dep\texample.com/one\tv1.0.0\th1:one=\n"
    "dep\texample.com/two\tv2.0.0\n"
    "=>\texample.com/fork\tv2.0.1\th1:fork=\n"
    "build\t-buildmode=exe\n"
    "build\tGOARCH=amd64\n"
    "build\tGOAMD64=v1\n"
)
START, END = bytes(range(16)), bytes(range(16, 32))

# The bytes of a part, given the address of each part by its name.
Content = t.Callable[[t.Mapping[str, int]], bytes]


class Part(t.NamedTuple):
    """Some bytes of the file: named by a section, and by a segment where ``segment`` is one."""

    name: str
    content: t.Union[bytes, Content]
    segment: int = 0
    section: int = 1


class Shape(t.NamedTuple):
    wide: bool = True
    order: str = "<"
    machine: int = 62
    kind: int = 2
    sections: bool = True

    def pack(self, form: str, *values: int) -> bytes:
        return struct.pack(self.order + form, *values)

    @property
    def word(self) -> str:
        return "Q" if self.wide else "I"


AMD64 = Shape()


def elf_file(*parts: Part, shape: Shape = AMD64) -> bytes:
    """One writable PT_LOAD maps the whole file at BASE; the parts follow the tables, at multiples of 16."""
    segments = [part for part in parts if part.segment]
    head, row = (64, 56) if shape.wide else (52, 32)
    at = head + row * (1 + len(segments))
    empty: t.Mapping[str, int] = collections.defaultdict(int)
    offsets, sizes = {}, {}
    for part in parts:
        at = (at + 15) // 16 * 16
        offsets[part.name], sizes[part.name] = at, len(_content(part, empty))
        at += sizes[part.name]
    names = b"\0" + b"".join(part.name.encode() + b"\0" for part in parts) + b".shstrtab\0"
    names_at, sections_at = at, at + len(names)
    count = len(parts) + 2 if shape.sections else 0
    out = bytearray(_head(shape, 1 + len(segments), sections_at=sections_at if count else 0, sections=count))
    out += _segment(shape, PT_LOAD, 0, sections_at)
    for part in segments:
        out += _segment(shape, part.segment, offsets[part.name], sizes[part.name])
    addresses = {name: BASE + offset for name, offset in offsets.items()}
    for part in parts:
        out += bytes(offsets[part.name] - len(out)) + _content(part, addresses)
    if not count:
        return bytes(out)
    out += names + _section(shape, 0, 0, 0, 0)
    for part in parts:
        name = names.index(b"\0" + part.name.encode() + b"\0") + 1
        out += _section(shape, name, part.section, offsets[part.name], sizes[part.name])
    out += _section(shape, names.index(b".shstrtab"), 3, names_at, len(names))
    return bytes(out)


def parsed(data: bytes) -> Elf:
    return parse_elf(lambda offset, size: data[offset : offset + size])


def inline_info(version: str = "go1.26.6", modules: str = MODULES) -> bytes:
    """Build information as Go writes it since 1.18."""
    framed = START + modules.encode() + END if modules else b""
    head = b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16)
    return head + varint(len(version)) + version.encode() + varint(len(framed)) + framed


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def pointed_info(shape: Shape, version: str = "go1.17", modules: str = MODULES) -> tuple[Part, ...]:
    """Build information as Go wrote it before 1.18: a head, two Go strings, and their bytes."""
    framed = START + modules.encode() + END
    big = shape.order == ">"
    size = 8 if shape.wide else 4

    def head(addresses: t.Mapping[str, int]) -> bytes:
        strings = addresses["strings"]
        pointers = shape.pack(2 * shape.word, strings, strings + 2 * size)
        return (b"\xff Go buildinf:" + bytes([size, int(big)]) + pointers).ljust(32, b"\0")

    def strings(addresses: t.Mapping[str, int]) -> bytes:
        text = addresses["text"]
        return shape.pack(4 * shape.word, text, len(version), text + len(version), len(framed))

    return (
        Part(".go.buildinfo", head),
        Part("strings", strings),
        Part("text", version.encode() + framed),
    )


def dynamic_parts(
    shape: Shape,
    *,
    needed: t.Sequence[str] = (),
    needs: t.Mapping[str, t.Sequence[str]] | None = None,
    defines: t.Sequence[str] = (),
    runpath: str = "",
    more: t.Sequence[tuple[int, int]] = (),
) -> tuple[Part, ...]:
    """The dynamic table with its strings and versions."""
    needs = needs or {}
    texts = [*needed, *needs, *(name for names in needs.values() for name in names), *defines, runpath]
    table = b"\0" + b"".join(text.encode() + b"\0" for text in texts)

    def at(text: str) -> int:
        return table.index(b"\0" + text.encode() + b"\0") + 1

    verneed = b""
    for place, (file, names) in enumerate(needs.items()):
        last = place == len(needs) - 1
        verneed += shape.pack("HHIII", 1, len(names), at(file), 16, 0 if last else 16 * (1 + len(names)))
        for number, name in enumerate(names):
            weak = 2 if name.startswith("WEAK") else 0
            verneed += shape.pack("IHHII", 0, weak, 2, at(name), 16 if number < len(names) - 1 else 0)
    verdef = b""
    for place, name in enumerate(defines):
        verdef += shape.pack("HHHHIII", 1, 0, place + 1, 1, 0, 20, 28 if place < len(defines) - 1 else 0)
        verdef += shape.pack("II", at(name), 0)

    def entries(addresses: t.Mapping[str, int]) -> bytes:
        rows = [(1, at(name)) for name in needed]
        rows += [(5, addresses["strtab"]), (10, len(table))]
        rows += [(29, at(runpath))] if runpath else []
        rows += [(0x6FFFFFFE, addresses["verneed"]), (0x6FFFFFFF, len(needs))] if needs else []
        rows += [(0x6FFFFFFC, addresses["verdef"]), (0x6FFFFFFD, len(defines))] if defines else []
        return b"".join(shape.pack(2 * shape.word, *row) for row in [*rows, *more, (0, 0)])

    return (
        Part("dynamic", entries, PT_DYNAMIC),
        Part("strtab", table),
        Part("verneed", verneed),
        Part("verdef", verdef),
    )


def interpreter(path: str) -> Part:
    return Part(".interp", path.encode() + b"\0", PT_INTERP)


def note(shape: Shape, name: bytes, kind: int, content: bytes) -> bytes:
    def filled(data: bytes) -> bytes:
        return data + bytes(-len(data) % 4)

    return shape.pack("III", len(name), len(content), kind) + filled(name) + filled(content)


def _content(part: Part, addresses: t.Mapping[str, int]) -> bytes:
    return part.content if isinstance(part.content, bytes) else part.content(addresses)


def _head(shape: Shape, segments: int, *, sections_at: int, sections: int) -> bytes:
    ident = b"\x7fELF" + bytes([1 + shape.wide, 1 if shape.order == "<" else 2, 1]) + bytes(9)
    size, row, section = (64, 56, 64) if shape.wide else (52, 32, 40)
    return ident + shape.pack(
        f"HHI3{shape.word}IHHHHHH",
        *(shape.kind, shape.machine, 1, 0, size, sections_at, 0),
        *(size, row, segments, section, sections, max(sections - 1, 0)),
    )


def _segment(shape: Shape, kind: int, offset: int, size: int) -> bytes:
    address = BASE + offset
    if shape.wide:
        return shape.pack("2I6Q", kind, 6, offset, address, address, size, size, 16)
    return shape.pack("8I", kind, offset, address, address, size, size, 6, 16)


def _section(shape: Shape, name: int, kind: int, offset: int, size: int) -> bytes:
    word = shape.word
    values = (name, kind, 3, BASE + offset if kind else 0, offset, size, 0, 0, 16, 0)
    return shape.pack(f"II4{word}II2{word}", *values)
