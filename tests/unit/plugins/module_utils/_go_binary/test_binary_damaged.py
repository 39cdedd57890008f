# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs cut anywhere, changed anywhere, and files that are none: a return value or a sentence, and never more."""

from __future__ import annotations

import os
import pathlib
import random
import resource
import time
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.file import FormatError, parse_elf
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.binary import is_elf, read_go_binary

from .._elf.elf_maker import Part, Shape, dynamic_parts, elf_file, inline_info, interpreter, pointed_info
from .test_binary import needs_go, programs, reading

__all__ = ["programs"]  # a fixture

MUTATIONS = 300


def crafted() -> dict[str, bytes]:
    """Small files with everything in them that is read."""
    dynamic = dynamic_parts(
        Shape(), needed=["libc.so.6"], needs={"libc.so.6": ["GLIBC_2.34"]}, defines=["a", "b"], runpath="/x"
    )
    order = Shape(wide=False, order=">", machine=22)
    return {
        "inline": elf_file(interpreter("/lib/ld.so"), *dynamic, Part(".go.buildinfo", inline_info())),
        "pointers": elf_file(*pointed_info(order), shape=order),
    }


def read(path: pathlib.Path, data: bytes) -> object:
    """What comes of a file: a return value, or the sentence that says why there is none."""
    path.write_bytes(data)
    try:
        return read_go_binary(str(path), reading=reading(max_bytes=1 << 20))
    except FormatError as error:
        return str(error)


@pytest.mark.parametrize("name", crafted())
def test_a_damaged_file_is_read_or_refused(tmp_path: pathlib.Path, name: str) -> None:
    data = crafted()[name]
    path = tmp_path / "program"
    assert isinstance(read(path, data), dict)
    chance = random.Random(20261122)
    refused = 0
    for size in range(0, len(data), 7):
        refused += isinstance(read(path, data[:size]), str)
    for dummy in range(MUTATIONS):
        damaged = bytearray(data)
        for dummy2 in range(chance.choice([1, 1, 2, 8])):
            at = chance.randrange(len(data))
            damaged[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        refused += isinstance(read(path, bytes(damaged)), str)
    assert refused > 20


@needs_go
@pytest.mark.parametrize("name", ["cgo", "s390x"])
def test_a_real_program_damaged_anywhere(
    programs: t.Callable[[str], str], tmp_path: pathlib.Path, name: str
) -> None:
    """Cut at every boundary that the file names, and changed where it is read: head, tables, build information."""
    data = pathlib.Path(programs(name)).read_bytes()
    elf = parse_elf(lambda offset, size: data[offset : offset + size])
    boundaries = {part.offset for part in elf.sections or ()} | {part.offset for part in elf.segments}
    ends = {part.offset + part.size for part in elf.sections or () if part.kind != 8}
    path = tmp_path / "program"
    path.write_bytes(data)
    answers = []
    for size in sorted((size for size in boundaries | ends if size < len(data)), reverse=True):
        os.truncate(path, size)
        try:
            found = read_go_binary(str(path), reading=reading(max_bytes=1 << 20))
            answers.append(found and found["starts_here"]["decided_by"])
            # What is not mapped may be missing.
            assert found is None or found["starts_here"]["decided_by"] == "file" or size >= elf.end
        except FormatError as error:
            answers.append(str(error))
    assert len(set(answers)) > 2
    info = elf.section(".go.buildinfo")
    assert info is not None
    places = [(0, 64), (64, 1000), (info.offset, info.size), (len(data) - 4000, 4000)]
    path.write_bytes(data)
    chance = random.Random(20261122)
    with path.open("r+b") as file:
        for dummy in range(MUTATIONS):
            start, size = chance.choice(places)
            at = start + chance.randrange(size)
            _change(file, at, bytes([chance.randrange(256)]))
            try:
                read_go_binary(str(path), reading=reading(max_bytes=1 << 20))
            except FormatError as error:
                assert str(error)
            _change(file, at, data[at : at + 1])


def _change(file: t.BinaryIO, at: int, data: bytes) -> None:
    file.seek(at)
    file.write(data)
    file.flush()


def test_a_huge_sparse_file_costs_little(tmp_path: pathlib.Path) -> None:
    data = bytearray(elf_file(Part("data", b"x"), shape=Shape(sections=False)))
    size = 10 << 30
    data[64 + 32 : 64 + 48] = size.to_bytes(8, "little") * 2  # of its one segment, which is searched
    path = tmp_path / "huge"
    path.write_bytes(data)
    os.truncate(path, size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    assert read_go_binary(str(path), reading=reading(max_bytes=1 << 26)) is None
    assert time.monotonic() - start < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


@pytest.mark.parametrize("data", [b"", b"\x7fEL", b"\x7fELF", b"#!/bin/sh\n" * 10, bytes(100)])
def test_a_file_that_is_not_elf_is_detected_by_its_first_bytes(tmp_path: pathlib.Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert is_elf(str(path)) == (data[:4] == b"\x7fELF")
    with pytest.raises(FormatError):
        read_go_binary(str(path), reading=reading())
