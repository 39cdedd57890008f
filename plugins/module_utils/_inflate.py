# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A gzip stream as the bytes inside it, in large pieces.

The standard library's GzipFile asks for 8 KiB at a time before Python 3.12, adds up a checksum of its own in Python,
and a seek ahead in it costs four calls; of an archive of 15,000 files that is a quarter of the whole work.
"""

from __future__ import annotations

import typing as t
import zlib

__all__ = ["Inflated", "Readable"]

_READ = 64 * 1024  # compressed bytes asked for at once
_PIECE = 256 * 1024  # inflated bytes made at once, and the most that are held
_GZIP = 31  # zlib's word for: a gzip header and trailer, with the checksum verified


class Readable(t.Protocol):
    """What a stream must be able to do."""

    def read(self, size: int) -> bytes: ...


class Inflated:
    """Reads ahead only, in the form that tarfile takes as a file: ``read``, ``tell``, and ``seek`` forward.

    Raises EOFError where the stream ends too early, and zlib.error where it is damaged.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._inflate = zlib.decompressobj(_GZIP)
        self._held = b""
        self._at = 0  # of what is held, the part that was given out
        self._place = 0

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes; fewer at the end."""
        if len(self._held) - self._at < size:
            self._fill(size)
        data = self._held[self._at : self._at + size]
        self._at += len(data)
        self._place += len(data)
        return data

    def tell(self) -> int:
        return self._place

    def seek(self, place: int) -> int:
        """Go forward to ``place``."""
        if place < self._place:
            raise ValueError(f"a stream does not go back, from {self._place} to {place}")
        while self._place < place and self.read(min(place - self._place, _PIECE)):
            pass
        return self._place

    def _fill(self, size: int) -> None:
        parts = [self._held[self._at :]]
        there = len(parts[0])
        while there < size:
            part = self._next()
            if part is None:
                break
            parts.append(part)
            there += len(part)
        self._held, self._at = b"".join(parts), 0

    def _next(self) -> bytes | None:
        """Some more bytes, perhaps none yet; None at the end."""
        if self._inflate.eof:
            return self._after_the_end()
        more = self._inflate.unconsumed_tail or self._stream.read(_READ)
        if not more:
            raise EOFError("the compressed data ends too early")
        return self._inflate.decompress(more, _PIECE)

    def _after_the_end(self) -> bytes | None:
        """gzip files may stand one after the other, with zeros behind each."""
        more = self._inflate.unused_data.lstrip(b"\0")
        while not more:
            part = self._stream.read(_READ)
            if not part:
                return None
            more = part.lstrip(b"\0")
        self._inflate = zlib.decompressobj(_GZIP)
        return self._inflate.decompress(more, _PIECE)
