# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Compute CRC-32C (Castagnoli), the checksum of frames. It finds accidents, not attacks.

The standard library has no CRC-32C, and a table walked byte by byte makes 14 MB/s. So long data is cut into lanes
that go through the table side by side: a step takes one byte of every lane, with ``bytes.translate`` as the table and
whole numbers for the exclusive or. CRC is linear, so the lanes' results add up once each is moved behind the others.
"""

from __future__ import annotations

import functools
import typing as t

__all__ = ["crc32c"]

_POLYNOMIAL = 0x82F63B78  # reflected
_ONES = 0xFFFFFFFF
_LANE = 1024  # bytes
_FEW = 8  # lanes below which the lanes cost more than they save

Table = t.Tuple[int, ...]


def crc32c(data: bytes, crc: int = 0) -> int:
    """The CRC-32C of ``data``, or of earlier data with the checksum ``crc`` followed by ``data``."""
    state = crc ^ _ONES
    lanes = len(data) // _LANE
    if lanes >= _FEW:
        for lane in _lanes(data, lanes):
            state = _behind(state) ^ lane
        data = data[lanes * _LANE :]
    table = _table()
    for byte in data:
        state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state ^ _ONES


def _lanes(data: bytes, lanes: int) -> t.Iterator[int]:
    """The state after each lane, starting from zero."""
    planes = [bytes(entry >> shift & 0xFF for entry in _table()) for shift in (0, 8, 16, 24)]
    low, second, third, high = 0, 0, 0, 0
    end = lanes * _LANE
    for column in range(_LANE):
        index = (low ^ int.from_bytes(data[column:end:_LANE], "little")).to_bytes(lanes, "little")
        looked = [int.from_bytes(index.translate(plane), "little") for plane in planes]
        low, second, third, high = second ^ looked[0], third ^ looked[1], high ^ looked[2], looked[3]
    states = [plane.to_bytes(lanes, "little") for plane in (low, second, third, high)]
    for parts in zip(*states):
        yield int.from_bytes(parts, "little")


def _behind(state: int) -> int:
    """The state after one more lane of zeros."""
    first, second, third, fourth = _moved()
    return first[state & 0xFF] ^ second[state >> 8 & 0xFF] ^ third[state >> 16 & 0xFF] ^ fourth[state >> 24]


@functools.lru_cache(maxsize=None)
def _table() -> Table:
    def entry(state: int) -> int:
        for dummy in range(8):
            state = state >> 1 ^ (_POLYNOMIAL if state & 1 else 0)
        return state

    return tuple(entry(byte) for byte in range(256))


@functools.lru_cache(maxsize=None)
def _moved() -> tuple[Table, ...]:
    """For each byte of a state and each value, the state after a lane of zeros."""
    table = _table()

    def moved(state: int) -> int:
        for dummy in range(_LANE):
            state = table[state & 0xFF] ^ (state >> 8)
        return state

    bits = [moved(1 << bit) for bit in range(32)]

    def summed(value: int, shift: int) -> int:
        return functools.reduce(lambda sum_, bit: sum_ ^ bits[shift + bit] * (value >> bit & 1), range(8), 0)

    return tuple(tuple(summed(value, shift) for value in range(256)) for shift in (0, 8, 16, 24))
