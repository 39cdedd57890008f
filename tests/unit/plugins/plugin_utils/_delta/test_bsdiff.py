# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.patch import run_instructions
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta import bsdiff as delta_bsdiff
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.bsdiff import bsdiff, bsdiffs_at_once

MIB = 1024 * 1024


class Body:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int) -> bytes:
        data, self.data = self.data[:size], self.data[size:]
        return data


@pytest.mark.parametrize("size", [0, 1, 5000, delta_bsdiff._SMALL, delta_bsdiff._SMALL + 1, 2 * MIB])
def test_instructions_make_the_new_file(size: int) -> None:
    """In this process and in one of its own."""
    old = random.Random(size).randbytes(size)
    new = bytearray(old)
    new[size // 3 : size // 2] = b"in place of something"
    if size:
        new[-1] ^= 0xFF
    pieces = bsdiff(bytes(new), old)
    assert pieces is not None
    assert sum(map(len, pieces)) < max(100, len(new) * 1.1)
    made = bytearray()
    run_instructions(
        Body(b"".join(pieces)),
        size=len(new),
        old=lambda start, length: old[start : start + length],
        write=made.extend,
    )
    assert made == new


def test_numbers_of_a_control_block() -> None:
    for value in (0, 1, 54, 2**40):
        form = value.to_bytes(8, "little")
        assert delta_bsdiff._number(form) == value
        assert delta_bsdiff._number(form[:7] + bytes([form[7] | 0x80])) == -value


def test_a_process_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\ncat >/dev/null\nkill -9 $$\n", encoding="ascii")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    assert bsdiff(bytes(MIB), bytes(MIB)) is None


@pytest.mark.parametrize(
    ("processors", "largest", "expected"),
    [
        (1, MIB, 1),
        (2, MIB, 2),
        (64, MIB, 4),
        (64, 25 * MIB, 4),
        (64, 64 * MIB, 1),
        (64, 10**12, 1),
        (4, 0, 4),
    ],
)
def test_as_many_as_the_memory_holds(
    monkeypatch: pytest.MonkeyPatch, processors: int, largest: int, expected: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert bsdiffs_at_once(largest) == expected
