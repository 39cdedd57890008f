# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes changed at random.

In the short form the same few hundred inputs each time, so that what passed here passes elsewhere; with FUZZ_SECONDS
other inputs each time, until the time is over.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import time
import types
import typing as t

__all__ = ["SECONDS", "SEED", "Parser", "damaged", "fuzz"]

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))  # for each parser
SEED = int(os.environ.get("FUZZ_SEED") or (random.SystemRandom().randrange(1 << 32) if SECONDS else 1))
LIMIT = 5.0  # seconds for one input, on a machine that does other work too
LEAST = 300  # inputs, however slow the machine is
GROWTH = 256 << 20  # bytes of memory that a parser may take for small inputs
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
    end = time.monotonic() + seconds
    while time.monotonic() < end or read + refused < LEAST:
        number = read + refused
        data = parser.make(random.Random(f"{seed} {name} {number}"))
        try:
            with _limits():
                parser.read(data)
            read += 1
        except parser.refusals:
            refused += 1
        except BaseException as error:
            raise AssertionError(_which(name, number, seed, data, repr(error))) from error
    return read, refused


@contextlib.contextmanager
def _limits() -> t.Iterator[None]:
    """End what takes too long with TimeoutError, and what takes too much memory with MemoryError."""

    def too_long(number: int, frame: types.FrameType | None) -> t.NoReturn:
        raise TimeoutError(f"not read in {LIMIT:g} s")

    before = signal.signal(signal.SIGALRM, too_long)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + GROWTH, hard))
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGALRM, before)


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as stream:
        return int(stream.read().split()[0]) * resource.getpagesize()


def _which(name: str, number: int, seed: int, data: bytes, what: str) -> str:
    return f"{name}: {what} for input {number} of FUZZ_SEED={seed}, {len(data)} bytes: {data[:2000]!r}"
