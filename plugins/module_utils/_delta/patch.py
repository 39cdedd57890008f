# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Run the instructions that make a new file from an old one: copy, copy and add, or take new bytes."""

from __future__ import annotations

import functools
import struct
import typing as t

from .._errors import HostError

__all__ = ["ADD", "COPY", "NEW", "Counts", "added", "instruction", "run_instructions"]

COPY, ADD, NEW = 0, 1, 2
_FORM = struct.Struct("<BQQ")  # which, offset in the old file, length
_PIECE = 256 * 1024  # bytes in memory at once


class Source(t.Protocol):
    """A stream of instructions."""

    def read(self, size: int) -> bytes: ...


class Counts(t.NamedTuple):
    """Bytes of new files, by their origin."""

    reused: int = 0
    literal: int = 0


def instruction(which: int, length: int, *, offset: int = 0) -> bytes:
    return _FORM.pack(which, offset, length)


def run_instructions(
    body: Source,
    *,
    size: int,
    old: t.Callable[[int, int], bytes] | None,
    write: t.Callable[[bytes], object],
) -> Counts:
    """Write a file of ``size`` bytes.

    :param old: returns a number of bytes of the old file from an offset on; fewer at its end
    :raises HostError: an instruction outside the old or the new file
    """
    reused = literal = 0
    while reused + literal < size:
        which, offset, length = _FORM.unpack(body.read(_FORM.size))
        if which not in (COPY, ADD, NEW) or not 0 < length <= size - reused - literal:
            raise _wrong(f"instruction {which} for {length} bytes")
        for start in range(offset, offset + length, _PIECE):
            part = min(_PIECE, offset + length - start)
            if which == NEW:
                write(body.read(part))
                literal += part
                continue
            piece = _old_piece(old, start, part)
            write(piece if which == COPY else added(piece, body.read(part)))
            reused += part
    return Counts(reused, literal)


def added(one: bytes, other: bytes) -> bytes:
    """Add byte by byte, modulo 256: as two large integers, even and odd bytes apart, so that carries do not mix."""
    size = len(one)
    if not any(other[:64]) and other.count(0) == size:
        return one
    even, odd = _masks(size)
    first, second = int.from_bytes(one, "little"), int.from_bytes(other, "little")
    total = ((first & even) + (second & even)) & even | ((first & odd) + (second & odd)) & odd
    return total.to_bytes(size, "little")


@functools.lru_cache(maxsize=4)
def _masks(size: int) -> tuple[int, int]:
    even = int.from_bytes((b"\xff\0" * (size // 2 + 1))[:size], "little")
    odd = int.from_bytes((b"\0\xff" * (size // 2 + 1))[:size], "little")
    return even, odd


def _old_piece(old: t.Callable[[int, int], bytes] | None, start: int, length: int) -> bytes:
    piece = b"" if old is None else old(start, length)
    if len(piece) != length:
        raise _wrong(f"a piece at {start} that the old file does not have")
    return piece


def _wrong(found: str) -> HostError:
    return HostError(
        "delta",
        wanted="instructions inside the old and the new file",
        found=found,
        remedy="Nothing was changed. Run again; if it fails again, remove the cache of deltas on the controller.",
    )
