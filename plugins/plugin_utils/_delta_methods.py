# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The ways to make a new file out of an old one, each as instructions, and the cheapest of them."""

from __future__ import annotations

import typing as t
import zlib

from ..module_utils._delta_manifest import LEAF_PREFIX, Entry, chunk_size
from ..module_utils._delta_patch import ADD, COPY, NEW, instruction
from ..module_utils._merkle import leaf_hash

__all__ = ["BSDIFF_LIMIT", "Method", "bsdiff_imports", "cheapest"]

BSDIFF_LIMIT = 64 * 1024 * 1024  # bytes of the old or the new file; it takes about 17 times as much memory
_FORM = 8  # bytes of a number in bsdiff's control block


class Method(t.NamedTuple):
    """One way: its name, its instructions, and about how many bytes they have on the line."""

    name: str  # bsdiff, chunks, or whole
    pieces: list[bytes]
    cost: int


def bsdiff_imports() -> bool:
    """Whether the library for the cheapest method is there; it is optional."""
    try:
        import bsdiff4.core  # type: ignore[import-untyped]  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def cheapest(new: bytes, *, old: bytes | None, old_entry: Entry | None) -> Method:
    """The way with the fewest bytes, judged by compressing each in the same quick way.

    :param old: the old file, where the controller has it
    :param old_entry: what is known of the old file, which is enough for chunks
    """
    methods = [_method("whole", [instruction(NEW, len(new)), new] if new else [])]
    if old_entry is not None:
        methods.append(_method("chunks", _chunks(new, old_entry)))
    if old is not None and 0 < len(old) <= BSDIFF_LIMIT and len(new) <= BSDIFF_LIMIT and bsdiff_imports():
        methods.append(_method("bsdiff", _bsdiff(new, old)))
    return min(methods, key=lambda method: method.cost)


def _method(name: str, pieces: list[bytes]) -> Method:
    compressor = zlib.compressobj(1)
    cost = sum(len(compressor.compress(piece)) for piece in pieces) + len(compressor.flush())
    return Method(name, pieces, cost)


def _chunks(new: bytes, old: Entry) -> list[bytes]:
    """Chunks that the old file has are copied, wherever they are in it; the rest is new."""
    size = chunk_size(old.size)
    places = {leaf[:LEAF_PREFIX]: index * size for index, leaf in enumerate(old.leaves)}
    # (which, offset in the old file or in the new one, length), of which neighbours become one
    steps: list[list[int]] = []
    for start in range(0, len(new), size):
        chunk = new[start : start + size]
        place = places.get(leaf_hash(chunk)[:LEAF_PREFIX])
        which, offset = (NEW, start) if place is None else (COPY, place)
        if steps and steps[-1][0] == which and steps[-1][1] + steps[-1][2] == offset:
            steps[-1][2] += len(chunk)
        else:
            steps.append([which, offset, len(chunk)])
    pieces = []
    for which, offset, length in steps:
        if which == COPY:
            pieces.append(instruction(COPY, length, offset=offset))
        else:
            pieces += [instruction(NEW, length), new[offset : offset + length]]
    return pieces


def _bsdiff(new: bytes, old: bytes) -> list[bytes]:
    import bsdiff4.core  # noqa: PLC0415

    control, differences, extra = bsdiff4.core.diff(old, new)
    numbers = [_number(control[at : at + _FORM]) for at in range(0, len(control), _FORM)]
    pieces: list[bytes] = []
    place = taken = given = 0
    for add, take, seek in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
        if add:
            pieces += _added(differences[taken : taken + add], place)
        if take:
            pieces += [instruction(NEW, take), extra[given : given + take]]
        taken, given, place = taken + add, given + take, place + add + seek
    return pieces


def _added(differences: bytes, place: int) -> t.Iterator[bytes]:
    """What is all the same is copied."""
    if differences.count(0) == len(differences):
        yield instruction(COPY, len(differences), offset=place)
    else:
        yield instruction(ADD, len(differences), offset=place)
        yield differences


def _number(form: bytes) -> int:
    """Eight bytes, the lowest first, with the sign in the highest bit."""
    value = int.from_bytes(form, "little")
    sign = 1 << (8 * _FORM - 1)
    return sign - value if value & sign else value
