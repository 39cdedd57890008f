# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.notes import BuildIds, read_build_ids

from .elf_maker import PT_NOTE, Part, Shape, elf_file, note, parsed
from .test_file import SHAPES


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_both_build_ids(shape: Shape) -> None:
    gnu = note(shape, b"GNU\0", 1, b"abi") + note(shape, b"GNU\0", 3, b"\x01\xfe\x00")
    parts = [Part("gnu", gnu, PT_NOTE), Part("go", note(shape, b"Go\0\0", 4, b"abc/def"), PT_NOTE)]
    assert read_build_ids(parsed(elf_file(*parts, shape=shape))) == BuildIds("abc/def", "01fe00")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\1\2\3",
        struct.pack("<III", 4, 1 << 31, 4) + b"Go\0\0abc",
        struct.pack("<III", 1 << 31, 4, 4) + b"Go\0\0abcd",
        b"\xff" * 64,
    ],
    ids=["empty", "short", "longer than the file", "name longer than the file", "garbage"],
)
def test_damaged_notes_are_skipped(content: bytes) -> None:
    assert read_build_ids(parsed(elf_file(Part("note", content, PT_NOTE)))) == BuildIds(None, None)
