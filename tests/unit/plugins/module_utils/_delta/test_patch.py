# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import random

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.patch import (
    ADD,
    COPY,
    NEW,
    added,
    instruction,
    run_instructions,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError

OLD = random.Random(2).randbytes(600_000)


def made(program: bytes, size: int) -> tuple[bytes, tuple[int, int]]:
    new = io.BytesIO()
    counts = run_instructions(
        io.BytesIO(program),
        size=size,
        old=lambda start, length: OLD[start : start + length],
        write=new.write,
    )
    return new.getvalue(), counts


@pytest.mark.parametrize("size", [0, 1, 2, 7, 65_536, 65_537])
def test_added_is_byte_by_byte(size: int) -> None:
    source = random.Random(size)
    one, other = source.randbytes(size), source.randbytes(size)
    assert added(one, other) == bytes((x + y) % 256 for x, y in zip(one, other, strict=True))
    assert added(one, bytes(size)) == one
    assert added(b"\xff" * size, b"\xff" * size) == b"\xfe" * size


def test_the_three_instructions() -> None:
    program = (
        instruction(COPY, 500_000, offset=7)
        + instruction(NEW, 3)
        + b"new"
        + instruction(ADD, 300_000, offset=1)
        + b"\1" * 300_000
    )
    new, counts = made(program, 800_003)
    assert new == OLD[7:500_007] + b"new" + bytes((byte + 1) % 256 for byte in OLD[1:300_001])
    assert counts == (800_000, 3)
    assert made(b"", 0) == (b"", (0, 0))


@pytest.mark.parametrize(
    "program",
    [
        instruction(COPY, 10, offset=len(OLD) - 9),
        instruction(COPY, 10, offset=2**63),
        instruction(ADD, 11),
        instruction(NEW, 2**60),
        instruction(NEW, 0),
        instruction(3, 1),
    ],
)
def test_what_leads_out(program: bytes) -> None:
    with pytest.raises(HostError, match="instructions inside the old and the new file"):
        made(program + b"x" * 100, 10)


def test_nothing_old_to_copy_from() -> None:
    with pytest.raises(HostError, match="does not have"):
        run_instructions(io.BytesIO(instruction(COPY, 1)), size=1, old=None, write=print)
