# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read and write the format of a delta: header, plan, body and end, in frames with a checksum each.

A frame is a kind (one letter), the length of its payload, the CRC-32C of both, and the payload. The header and the
plan are JSON, the plan compressed. The body is one xz stream over the instructions for all files that change, cut
into frames.
"""

from __future__ import annotations

import json
import lzma
import struct
import typing as t
import zlib

from .._errors import HostError
from .crc32c import crc32c

__all__ = ["Body", "Header", "Plan", "read_delta", "write_delta"]

_MAGIC = b"gofleet delta 1\n"
_HEAD = struct.Struct(">cII")  # kind, length, checksum
_FRAME = 1024 * 1024  # bytes of payload, except in the plan
_PLAN_LIMIT = 256 * 1024 * 1024  # bytes inflated; enough for a tree of a million names
_MEMORY = 96 * 1024 * 1024  # bytes that inflating a body may allocate
_PIECE = 256 * 1024


class Header(t.NamedTuple):
    """The roots that a delta leads from and to. ``old`` is None where no old content is needed."""

    old: str | None
    new: str
    is_tree: bool
    size: int  # bytes of all files of the new content


class Plan(t.NamedTuple):
    """Changes to the old entries; entries that are not named here stay."""

    removed: list[str]
    # path, kind, executable, size, target of a link; for a file, the path of the old file it is made from
    changed: list[list[t.Any]]


class Body:
    """The instructions; they are inflated while they are read."""

    def __init__(self, frames: t.Iterator[bytes]) -> None:
        self._frames = frames
        self._inflate = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_MEMORY)
        self._held = b""

    def read(self, size: int) -> bytes:
        """Read exactly ``size`` bytes, or raise HostError."""
        parts = [self._held]
        there = len(self._held)
        while there < size:
            part = self._next()
            parts.append(part)
            there += len(part)
        held = b"".join(parts)
        data, self._held = held[:size], held[size:]
        return data

    def finish(self) -> None:
        """Raise HostError unless everything has been read and the end frame follows."""
        while not self._inflate.eof:
            self._held += self._next()
        if self._held or self._inflate.unused_data or next(self._frames, None) is not None:
            raise _damaged("more than the plan tells of")

    def _next(self) -> bytes:
        frame = b"" if not self._inflate.needs_input else next(self._frames, None)
        if self._inflate.eof or frame is None:
            raise _damaged("fewer instructions than the plan tells of")
        try:
            return self._inflate.decompress(frame, _PIECE)
        except lzma.LZMAError as error:
            raise _damaged(str(error))


def write_delta(
    stream: t.BinaryIO, header: Header, plan: Plan, body: t.Iterable[bytes], *, preset: int
) -> None:
    """Write a delta whose instructions are ``body``, in pieces of any size."""
    stream.write(_MAGIC)
    _write_frame(stream, b"H", json.dumps(header._asdict()).encode())
    _write_frame(stream, b"P", zlib.compress(json.dumps(plan).encode(), 9))
    # Frames have a checksum and the content has its root: a third checksum would only cost time.
    compressor = lzma.LZMACompressor(format=lzma.FORMAT_XZ, check=lzma.CHECK_NONE, preset=preset)
    ready = bytearray()
    for piece in body:
        ready += compressor.compress(piece)
        while len(ready) >= _FRAME:
            _write_frame(stream, b"B", bytes(ready[:_FRAME]))
            del ready[:_FRAME]
    ready += compressor.flush()
    for start in range(0, len(ready), _FRAME):
        _write_frame(stream, b"B", bytes(ready[start : start + _FRAME]))
    _write_frame(stream, b"E", b"")


def read_delta(stream: t.BinaryIO) -> tuple[Header, Plan, Body]:
    """Read the header and the plan, and return the body to be read on. Raise HostError for damage."""
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise _damaged("another kind of file, or another version of the form")
    header, plan = _read_frame(stream, b"H"), _read_frame(stream, b"P", limit=_PLAN_LIMIT)
    try:
        inflate = zlib.decompressobj()
        return (
            _header(json.loads(header)),
            _plan(json.loads(inflate.decompress(plan, _PLAN_LIMIT))),
            Body(_body_frames(stream)),
        )
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise _damaged(f"a header or a plan that cannot be read: {error}")


def _body_frames(stream: t.BinaryIO) -> t.Iterator[bytes]:
    while True:
        kind, payload = _any_frame(stream)
        if kind == b"E" and not payload and not stream.read(1):
            return
        if kind != b"B":
            raise _damaged(f"a frame of kind {kind!r} in the body")
        yield payload


def _read_frame(stream: t.BinaryIO, kind: bytes, *, limit: int = _FRAME) -> bytes:
    found, payload = _any_frame(stream, limit=limit)
    if found != kind:
        raise _damaged(f"a frame of kind {found!r} in place of {kind!r}")
    return payload


def _any_frame(stream: t.BinaryIO, *, limit: int = _FRAME) -> tuple[bytes, bytes]:
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise _damaged("the end in the middle (truncated)")
    kind, length, checksum = _HEAD.unpack(head)
    if length > limit:
        raise _damaged(f"a frame of {length} bytes")
    payload = stream.read(length)
    if len(payload) < length:
        raise _damaged("the end in the middle (truncated)")
    if crc32c(kind + payload) != checksum:
        raise _damaged("a frame with a wrong checksum")
    return kind, payload


def _write_frame(stream: t.BinaryIO, kind: bytes, payload: bytes) -> None:
    stream.write(_HEAD.pack(kind, len(payload), crc32c(kind + payload)))
    stream.write(payload)


def _header(found: dict[str, t.Any]) -> Header:
    header = Header(found["old"], found["new"], found["is_tree"], found["size"])
    kinds: list[tuple[t.Any, type]] = [(header.new, str), (header.is_tree, bool), (header.size, int)]
    if header.old is not None:
        kinds.append((header.old, str))
    if not all(isinstance(value, kind) for value, kind in kinds) or header.size < 0:
        raise ValueError("a field of the wrong kind")
    return header


def _plan(found: t.Any) -> Plan:
    removed, changed = found
    for path, kind, executable, size, target, source in changed:
        strings = isinstance(path, str) and isinstance(target, str) and isinstance(source, (str, type(None)))
        if not strings or kind not in ("file", "directory", "link") or not isinstance(executable, bool):
            raise ValueError("a change of the wrong form")
        if not isinstance(size, int) or size < 0:
            raise ValueError("a size below zero")
    if not all(isinstance(path, str) for path in removed):
        raise ValueError("a removal of the wrong form")
    return Plan(removed, changed)


def _damaged(found: str) -> HostError:
    return HostError(
        "delta",
        wanted="an undamaged delta",
        found=found,
        remedy="Nothing was changed. Run again; if it fails again, check the network and the disk for faults.",
    )
