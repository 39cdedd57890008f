# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Make instructions with bsdiff from two files. The Python package bsdiff4 is optional."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t

from ...module_utils._delta.patch import ADD, COPY, NEW, instruction

__all__ = ["BSDIFF_LIMIT", "bsdiff", "bsdiff_imports", "bsdiffs_at_once"]

BSDIFF_LIMIT = 64 * 1024 * 1024  # bytes of the old or the new file
_TIMES = 17  # bsdiff needs this many times the size of the larger file as memory
_MEMORY = 2 * 1024**3  # bytes of memory for all that run at once
_MOST = 4  # at once
_SMALL = 256 * 1024  # bytes; below this, a process of its own costs more than the work
_FORM = 8  # bytes of a number
# In a process of its own: the library holds the interpreter lock, and may be killed for its memory.
_CHILD = """\
import sys, bsdiff4.core
read, write = sys.stdin.buffer.read, sys.stdout.buffer.write
old = read(int.from_bytes(read(8), "little"))
control, differences, extra = bsdiff4.core.diff(old, read())
for part in (control, differences, extra):
    write(len(part).to_bytes(8, "little"))
    write(part)
"""


def bsdiff_imports() -> bool:
    """Whether the library can be imported."""
    try:
        import bsdiff4.core  # type: ignore[import-untyped]  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def bsdiffs_at_once(largest: int) -> int:
    """How many may run at once for a largest file of that many bytes."""
    room = _MEMORY // (_TIMES * max(1, min(largest, BSDIFF_LIMIT)))
    return max(1, min(room, _MOST, os.cpu_count() or 1))


def bsdiff(new: bytes, old: bytes) -> list[bytes] | None:
    """Instructions that make ``new`` from ``old``; None where bsdiff fails, for example for lack of memory."""
    parts = _here(new, old) if len(new) <= _SMALL else _in_a_process(new, old)
    if parts is None:
        return None
    control, differences, extra = parts
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


def _here(new: bytes, old: bytes) -> tuple[bytes, bytes, bytes]:
    import bsdiff4.core  # noqa: PLC0415

    control, differences, extra = bsdiff4.core.diff(old, new)
    return control, differences, extra


def _in_a_process(new: bytes, old: bytes) -> tuple[bytes, bytes, bytes] | None:
    request = len(old).to_bytes(_FORM, "little") + old + new
    done = subprocess.run([sys.executable, "-c", _CHILD], input=request, capture_output=True, check=False)
    if done.returncode:
        return None
    parts, rest = [], memoryview(done.stdout)
    while rest:
        end = _FORM + int.from_bytes(rest[:_FORM], "little")
        parts.append(bytes(rest[_FORM:end]))
        rest = rest[end:]
    control, differences, extra = parts
    return control, differences, extra


def _added(differences: bytes, place: int) -> t.Iterator[bytes]:
    """Use a plain copy where nothing differs."""
    if differences.count(0) == len(differences):
        yield instruction(COPY, len(differences), offset=place)
    else:
        yield instruction(ADD, len(differences), offset=place)
        yield differences


def _number(form: bytes) -> int:
    """Read a number of eight bytes, the lowest first, with the sign in the highest bit."""
    value = int.from_bytes(form, "little")
    sign = 1 << (8 * _FORM - 1)
    return sign - value if value & sign else value
