# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import struct

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.file import (
    FormatError,
    at_address,
    goarches_of,
    numbers,
    parse_elf,
    parse_elf_head,
    text_at,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError

from .elf_maker import BASE, Part, Shape, elf_file, parsed


def head(machine: int, *, kind: int = 2, bits: int = 2, order: int = 1) -> bytes:
    form = "<HH" if order == 1 else ">HH"
    return b"\x7fELF" + bytes([bits, order, 1]) + bytes(9) + struct.pack(form, kind, machine)


@pytest.mark.parametrize(
    ("data", "goarch"),
    [
        (head(62), "amd64"),
        (head(62, kind=3), "amd64"),
        (head(183), "arm64"),
        (head(40, bits=1), "arm"),
        (head(3, bits=1), "386"),
        (head(22, order=2), "s390x"),
        (head(21), "ppc64le"),
        (head(243), "riscv64"),
        (head(258), "loong64"),
    ],
)
def test_names_the_architecture_as_go_does(data: bytes, goarch: str) -> None:
    assert parse_elf_head(data, name="x").goarch == goarch


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#!/bin/sh\nexec true and more",
        head(62)[:19],
        head(62, kind=1),
        head(62, kind=4),
        head(8),
        head(21, order=2),
    ],
    ids=["empty", "script", "truncated", "object", "core dump", "mips", "ppc64 big endian"],
)
def test_refuses_machines_without_go_on_linux(data: bytes) -> None:
    with pytest.raises(HostError, match="x: wanted an ELF executable"):
        parse_elf_head(data, name="x")


@pytest.mark.parametrize(
    ("machine", "goarches"),
    [("x86_64", ["386", "amd64"]), ("aarch64", ["arm", "arm64"]), ("armv7l", ["arm"]), ("sparc64", [])],
)
def test_the_architectures_that_a_machine_runs(machine: str, goarches: list[str]) -> None:
    assert goarches_of(machine) == goarches


SHAPES = [Shape(wide, order) for wide, order in itertools.product([True, False], "<>")]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_finds_parts_by_name_and_by_address(shape: Shape) -> None:
    elf = parsed(elf_file(Part(".one", b"first"), Part(".two", b"second", segment=4), shape=shape))
    section = elf.section(".two")
    assert section is not None
    assert at_address(elf, section.address, section.size) == b"second"
    assert elf.read(section.offset, section.size) == b"second"
    assert [part.name for part in elf.sections or ()] == ["", ".one", ".two", ".shstrtab"]
    assert [part.kind for part in elf.segments] == [1, 4]
    assert (elf.kind, elf.machine, elf.wide, elf.order) == (2, 62, shape.wide, shape.order)
    assert elf.section(".three") is None


def test_an_unmapped_address_has_no_bytes() -> None:
    elf = parsed(elf_file(Part(".one", b"first")))
    assert at_address(elf, 0, 10) == b""
    assert at_address(elf, BASE + elf.segments[0].file_size, 10) == b""
    assert at_address(elf, BASE + elf.segments[0].file_size - 1, 10) == b"\0"  # not beyond the segment
    assert at_address(elf, -1, 10) == b""


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_truncated_file_is_read_as_far_as_possible_or_refused(shape: Shape) -> None:
    whole = elf_file(Part(".one", b"first"), shape=shape)
    mapped = parsed(whole).end
    answers: set[object] = set()
    for size in range(len(whole)):
        try:
            elf = parsed(whole[:size])
            answers.add(elf.sections)
            assert elf.end == mapped
        except FormatError as error:
            answers.add(str(error))
    assert answers == {
        "it is not an ELF file",
        "it ends within its ELF header",
        "it ends within its table of segments",
        None,
    }


def test_no_sections_differ_from_unreadable_ones() -> None:
    assert parsed(elf_file(Part("one", b"x"), shape=Shape(sections=False))).sections == ()


@pytest.mark.parametrize(
    ("offset", "form", "value"),
    [(60, "<H", 0xFFFF), (58, "<H", 63), (62, "<H", 99), (40, "<Q", 1 << 63)],
    ids=["too many", "of another size", "names in none of them", "far away"],
)
def test_invalid_sections_are_unreadable(offset: int, form: str, value: int) -> None:
    data = bytearray(elf_file(Part("one", b"x")))
    struct.pack_into(form, data, offset, value)
    assert parsed(bytes(data)).sections is None


@pytest.mark.parametrize(
    ("offset", "data", "message"),
    [
        (4, b"\3", "class 3 and the byte order 1"),
        (5, b"\0", "class 2 and the byte order 0"),
        (54, b"\x39\0", "1 segments of 57 bytes"),
        (56, b"\xff\xff", "65535 segments of 56 bytes"),
        (32, b"\xff" * 8, "it ends within its table of segments"),
        (0, b"#!/b", "it is not an ELF file"),
    ],
)
def test_an_invalid_header_is_refused(offset: int, data: bytes, message: str) -> None:
    whole = bytearray(elf_file(Part("one", b"x")))
    whole[offset : offset + len(data)] = data
    with pytest.raises(FormatError, match=message):
        parsed(bytes(whole))


def test_reads_little_of_a_large_file() -> None:
    whole = elf_file(Part("one", bytes(1 << 20)))
    asked: list[int] = []

    def read(offset: int, size: int) -> bytes:
        asked.append(size)
        return whole[offset : offset + size]

    parse_elf(read)
    assert sum(asked) < 1000


def test_small_readers() -> None:
    assert numbers("<HI", b"\1\0\2\0\0\0\3") == (1, 2)
    assert numbers("<HI", b"\1\0\2\0\0") is None
    assert text_at(b"name\0other") == "name"
    assert text_at(b"\xff\0") == "\ufffd"
    assert len(text_at(b"x" * 10000)) == 4096
