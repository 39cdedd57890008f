# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.crc32c import crc32c


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_known_values(data: bytes, checksum: int) -> None:
    """The first is of the catalogue of CRCs, the others of RFC 3720, B.4."""
    assert crc32c(data) == checksum


@pytest.mark.parametrize("size", [8 * 1024 - 1, 8 * 1024, 8 * 1024 + 1, 100_003])
def test_lanes_give_what_bytes_one_by_one_give(size: int) -> None:
    data = random.Random(size).randbytes(size)
    one_by_one = 0
    for start in range(0, size, 1000):
        one_by_one = crc32c(data[start : start + 1000], one_by_one)
    assert crc32c(data) == one_by_one
    assert crc32c(data[9000:], crc32c(data[:9000])) == one_by_one
