# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse the notes of an ELF file that identify a build: the build ID of Go, and that of the GNU linker."""

from __future__ import annotations

import typing as t

from .file import Elf, numbers

__all__ = ["BuildIds", "read_build_ids"]

_PT_NOTE = 4
_MAX_NOTES = 1 << 16  # bytes of one PT_NOTE segment
_GO = (b"Go\0\0", 4)
_GNU = (b"GNU\0", 3)


class BuildIds(t.NamedTuple):
    """The build IDs of a program, or None if the linker wrote none, or if it was stripped."""

    go: str | None
    gnu: str | None  # in hexadecimal


def read_build_ids(elf: Elf) -> BuildIds:
    """Read the build IDs. Damaged notes are skipped."""
    found: dict[tuple[bytes, int], bytes] = {}
    for part in elf.segments:
        if part.kind == _PT_NOTE:
            _collect(elf.order, elf.read(part.offset, min(part.file_size, _MAX_NOTES)), found)
    go, gnu = found.get(_GO), found.get(_GNU)
    return BuildIds(go.decode("ascii", "replace") if go else None, gnu.hex() if gnu else None)


def _collect(order: str, data: bytes, found: dict[tuple[bytes, int], bytes]) -> None:
    """Add the notes of a segment.

    A note has the sizes of name and content, the type, the name and the content. Both are padded to 4 bytes.
    """
    at = 0
    while True:
        head = numbers(f"{order}III", data[at : at + 12])
        if head is None:
            return
        name_size, size, kind = head
        content_at = at + 12 + (name_size + 3) // 4 * 4
        name, content = data[at + 12 : at + 12 + name_size], data[content_at : content_at + size]
        if len(content) == size:
            found.setdefault((name, kind), content)
        at = content_at + (size + 3) // 4 * 4
