# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""What could make the next delta of a program smaller."""

from __future__ import annotations

import os

from ...module_utils._elf.sections import FormatError, parse_elf

__all__ = ["hint_for"]

_DEAR = 20  # a delta of more than one part in so many of the file
_COMPRESSED = b"\1\0\0\0"  # a section that begins so is compressed; debugging information itself never does


def hint_for(path: str, *, cost: int) -> str | None:
    """What to build otherwise, if the delta of this file costs much and its debugging information is compressed.

    Compressed, a change of one byte changes all that follows: 22 % of the file then travels, and 0.2 to 0.4 % else.
    """
    size = os.path.getsize(path)
    if cost * _DEAR < size or not _has_compressed_debug(path):
        return None
    return (
        "Its debugging information is compressed, so hardly anything of the old program can be used again. "
        "Build with ldflags -compressdwarf=false, or without it by -s -w."
    )


def _has_compressed_debug(path: str) -> bool:
    with open(path, "rb") as file:

        def read(offset: int, size: int) -> bytes:
            return os.pread(file.fileno(), size, offset)

        try:
            sections = parse_elf(read).sections or ()
        except FormatError:
            return False
        found = [section for section in sections if section.name.startswith((".debug_info", ".zdebug_info"))]
        return any(
            section.name.startswith(".z") or read(section.offset, 4) == _COMPRESSED for section in found
        )
