# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Find the emulator that the kernel starts for programs of another architecture (binfmt_misc)."""

from __future__ import annotations

import os
import re
import typing as t

from .._probe.files import read

__all__ = ["Format", "emulator_of", "parse_format"]

_DIRECTORY = "proc/sys/fs/binfmt_misc"


class Format(t.NamedTuple):
    """A registration of binfmt_misc, for files whose bytes at ``offset`` are ``magic`` after applying ``mask``."""

    interpreter: str
    offset: int
    magic: bytes
    mask: bytes

    def matches(self, head: bytes) -> bool:
        """Return whether a file that begins with these bytes is of this format."""
        found = head[self.offset : self.offset + len(self.magic)]
        return len(found) == len(self.magic) and all(
            byte & mask == wanted & mask for byte, wanted, mask in zip(found, self.magic, self.mask)
        )


def parse_format(text: str) -> Format | None:
    """Parse one registration. Return None for one that is disabled or matches the file name extension."""
    fields = dict(re.findall(r"^(interpreter|offset|magic|mask) (.+)$", text, re.MULTILINE))
    if not text.startswith("enabled") or "magic" not in fields or "interpreter" not in fields:
        return None
    try:
        magic = bytes.fromhex(fields["magic"])
        mask = bytes.fromhex(fields["mask"]) if "mask" in fields else b"\xff" * len(magic)
        return Format(fields["interpreter"], int(fields.get("offset", "0")), magic, mask) if magic else None
    except ValueError:
        return None


def emulator_of(root: str, head: bytes) -> str | None:
    """Return the emulator that the kernel starts for a file that begins with these bytes, or None."""
    try:
        names = sorted(os.listdir(os.path.join(root, _DIRECTORY)))
    except OSError:
        return None
    for name in names:
        found = parse_format(read(root, f"{_DIRECTORY}/{name}").text or "")
        if found is not None and found.matches(head):
            return found.interpreter
    return None
