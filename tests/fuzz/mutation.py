# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes changed at random, again and again until a time is over."""

from __future__ import annotations

import os
import random
import resource
import time
import typing as t

__all__ = ["SECONDS", "SEED", "Parser", "damaged", "fuzz"]

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0.7"))  # for each parser
SEED = int(os.environ.get("FUZZ_SEED") or random.SystemRandom().randrange(1 << 32))
LIMIT = 5.0  # seconds for one input, on a machine that does other work too
LEAST = 50  # inputs, however slow the machine is
GROWTH = 256 * 1024  # KiB of memory that a parser may take for small inputs
# Values at which lengths, offsets and counts go wrong.
EDGES = (
    b"\0",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff" * 4,
    b"\xff" * 8,
    b"\0" * 8,
    b"\x7f" + b"\xff" * 3,
    b'"',
    b"\\",
    b"\n",
)


class Parser(t.NamedTuple):
    """What is fuzzed. ``make`` gives a damaged input; ``read`` takes it, and may raise nothing but ``refusals``."""

    make: t.Callable[[random.Random], bytes]
    read: t.Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]


def damaged(chance: random.Random, data: bytes) -> bytes:
    """Some bytes changed, cut out, put in, doubled or moved; or the end is missing."""
    changed = bytearray(data)
    for dummy in range(chance.choice((1, 1, 1, 2, 4, 16))):
        at = chance.randrange(len(changed) + 1)
        length = chance.choice((1, 1, 2, 4, 8, 64))
        kind = chance.randrange(7)
        if kind == 0:
            changed[at : at + 1] = chance.randbytes(1)
        elif kind == 1:
            edge = chance.choice(EDGES)
            changed[at : at + len(edge)] = edge
        elif kind == 2:
            del changed[at : at + length]
        elif kind == 3:
            changed[at:at] = chance.randbytes(length)
        elif kind == 4:
            changed[at:at] = changed[at : at + length] * chance.choice((1, 2, 100))
        elif kind == 5:
            other = chance.randrange(len(changed) + 1)
            changed[at : at + length] = changed[other : other + length]
        elif chance.random() < 0.2:
            del changed[at:]
    return bytes(changed)


def fuzz(name: str, parser: Parser, *, seconds: float = SECONDS, seed: int = SEED) -> tuple[int, int]:
    """Give a parser inputs until the time is over; how many it read and how many it refused.

    Input number n depends on the seed, the name and n alone, so FUZZ_SEED repeats each of them.
    """
    read = refused = 0
    memory = _peak()
    end = time.monotonic() + seconds
    while time.monotonic() < end or read + refused < LEAST:
        number = read + refused
        data = parser.make(random.Random(f"{seed} {name} {number}"))
        began = time.monotonic()
        try:
            parser.read(data)
            read += 1
        except parser.refusals:
            refused += 1
        except BaseException as error:
            raise AssertionError(_which(name, number, seed, data, repr(error))) from error
        took = time.monotonic() - began
        assert took < LIMIT, _which(name, number, seed, data, f"{took:.1f} s")
        grown = _peak() - memory
        assert grown < GROWTH, _which(name, number, seed, data, f"{grown} KiB of memory")
    return read, refused


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _which(name: str, number: int, seed: int, data: bytes, what: str) -> str:
    return f"{name}: {what} for input {number} of FUZZ_SEED={seed}, {len(data)} bytes: {data[:2000]!r}"
