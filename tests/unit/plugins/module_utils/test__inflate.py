# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import io
import random
import zlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._inflate import Inflated

# More than is made at once, and neither all alike nor all random.
DATA = random.Random(4).randbytes(300_000) + bytes(900_000) + b"end"
PACKED = gzip.compress(DATA)


class Slow:
    """Gives less than it is asked for, as a network does."""

    def __init__(self, data: bytes, most: int) -> None:
        self.file = io.BytesIO(data)
        self.most = most

    def read(self, size: int) -> bytes:
        return self.file.read(min(size, self.most))


@pytest.mark.parametrize("size", [1_000, 512 * 1024, 10_000_000])
@pytest.mark.parametrize("most", [7_777, 10_000_000])
def test_all_of_it_in_pieces_of_any_size(size: int, most: int) -> None:
    stream = Inflated(Slow(PACKED, most))
    parts = list(iter(lambda: stream.read(size), b""))
    assert {len(part) for part in parts[:-1]} <= {size}
    assert b"".join(parts) == DATA
    assert (stream.tell(), stream.read(1)) == (len(DATA), b"")


def test_forward_and_never_back() -> None:
    stream = Inflated(io.BytesIO(PACKED))
    assert (stream.seek(5), stream.read(10), stream.tell()) == (5, DATA[5:15], 15)
    assert (stream.seek(700_000), stream.read(3)) == (700_000, DATA[700_000:700_003])
    with pytest.raises(ValueError, match="does not go back, from 700003 to 3"):
        stream.seek(3)
    assert stream.seek(10**9) == len(DATA)


@pytest.mark.parametrize("between", [b"", bytes(700)], ids=["together", "padded"])
def test_one_after_the_other(between: bytes) -> None:
    stream = Inflated(Slow(gzip.compress(b"one") + between + gzip.compress(b"two") + between, 5))
    assert stream.read(100) == b"onetwo"


def test_cut_anywhere() -> None:
    packed = gzip.compress(b"a few words, and a few more")
    for end in range(len(packed)):
        with pytest.raises(EOFError, match="too early"):
            Inflated(io.BytesIO(packed[:end])).read(100)


@pytest.mark.parametrize(
    "data", [DATA, PACKED[:-8] + bytes(8), PACKED + b"and more"], ids=["plain", "checksum", "tail"]
)
def test_damage(data: bytes) -> None:
    stream = Inflated(io.BytesIO(data))
    with pytest.raises(zlib.error):
        while stream.read(100_000):
            pass
