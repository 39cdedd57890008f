# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The methods to make a new file from an old one, each as instructions, and the cheapest of them."""

from __future__ import annotations

import os
import typing as t
import zlib

from ...module_utils._delta.manifest import LEAF_PREFIX, Entry, chunk_size, leaf_hash
from ...module_utils._delta.patch import COPY, NEW, instruction
from .bsdiff import BSDIFF_LIMIT, bsdiff, bsdiff_imports

__all__ = ["Method", "cheapest", "same"]

_PIECE = 1024 * 1024
_IN_MEMORY = BSDIFF_LIMIT  # bytes of a new file; a larger file is read in pieces, with the method chunks only

Read = t.Callable[[int, int], bytes]  # offset, length


class Method(t.NamedTuple):
    """One method: its name, its instructions, and roughly how many bytes they need when sent."""

    name: str  # same, bsdiff, chunks, or whole
    pieces: t.Iterable[bytes]
    cost: int


class _Step(t.NamedTuple):
    which: int
    offset: int  # in the old file or in the new one
    length: int


def same(size: int) -> Method:
    """Copy a whole old file with the same bytes."""
    return Method("same", [instruction(COPY, size)] if size else [], 0)


def cheapest(new: str, *, old: str | None, old_entry: Entry | None) -> Method:
    """Return the method with the fewest bytes, estimated by compressing each with a fast setting.

    :param new: the path of the new file
    :param old: the path of the old file, where the controller has it
    :param old_entry: the entry of the old file, which is enough for the method chunks
    """
    size = os.path.getsize(new)
    if size > _IN_MEMORY:
        return _streamed(new, size, old_entry)
    data = _content(new)

    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    methods = [_method("whole", _pieces([_Step(NEW, 0, len(data))] if data else [], read, len(data)))]
    if old_entry is not None:
        methods.append(_method("chunks", _pieces(_steps(len(data), read, old_entry), read, len(data))))
    if old is not None and 0 < os.path.getsize(old) <= BSDIFF_LIMIT and bsdiff_imports():
        patch = bsdiff(data, _content(old))
        if patch is not None:
            methods.append(_method("bsdiff", patch))
    return min(methods, key=lambda method: method.cost)


def _method(name: str, pieces: t.Iterable[bytes]) -> Method:
    there = list(pieces)
    compressor = zlib.compressobj(1)
    cost = sum(len(compressor.compress(piece)) for piece in there) + len(compressor.flush())
    return Method(name, there, cost)


def _streamed(path: str, size: int, old: Entry | None) -> Method:
    def pieces() -> t.Iterator[bytes]:
        with open(path, "rb") as file:
            yield from _pieces(steps, lambda offset, length: os.pread(file.fileno(), length, offset), _PIECE)

    steps = [_Step(NEW, 0, size)]
    if old is not None:
        with open(path, "rb") as file:
            steps = _steps(size, lambda offset, length: os.pread(file.fileno(), length, offset), old)
    new = sum(step.length for step in steps if step.which == NEW)
    return Method("whole" if new == size else "chunks", pieces(), new)


def _steps(total: int, read: Read, old: Entry) -> list[_Step]:
    """Copy the chunks that are anywhere in the old file, and take the rest as new bytes."""
    size = chunk_size(old.size)
    places = {leaf[:LEAF_PREFIX]: index * size for index, leaf in enumerate(old.leaves)}
    steps: list[_Step] = []
    for start in range(0, total, size):
        chunk = read(start, size)
        place = places.get(leaf_hash(chunk)[:LEAF_PREFIX])
        which, offset = (NEW, start) if place is None else (COPY, place)
        if steps and steps[-1].which == which and steps[-1].offset + steps[-1].length == offset:
            steps[-1] = steps[-1]._replace(length=steps[-1].length + len(chunk))
        else:
            steps.append(_Step(which, offset, len(chunk)))
    return steps


def _pieces(steps: t.Iterable[_Step], read: Read, most: int) -> t.Iterator[bytes]:
    """Split new bytes into instructions of limited size."""
    for step in steps:
        yield instruction(step.which, step.length, offset=step.offset if step.which == COPY else 0)
        if step.which == NEW:
            for start in range(step.offset, step.offset + step.length, most):
                yield read(start, min(most, step.offset + step.length - start))


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
