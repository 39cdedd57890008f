# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.pacing import Pacing

MIB = 1024 * 1024
GIB = 1024 * MIB


def sizes(line: Pacing, total: int, *, rate: float) -> list[int]:
    """The pieces in which a line of that rate gets so many bytes."""
    found = []
    while total:
        found.append(line.piece(total))
        line.sent(found[-1], found[-1] / rate)
        total -= found[-1]
    return found


@pytest.mark.parametrize(
    ("rate", "total", "expected"),
    [
        # Most deltas go in one piece.
        (1, 5 * MIB, [5 * MIB]),
        (1, 9 * MIB, [9 * MIB]),
        # Ten seconds of sending, but never so little that runs on the host are most of it.
        (1 * MIB, 40 * MIB, [8 * MIB, 10 * MIB, 10 * MIB, 12 * MIB]),
        (10_000, 11 * MIB, [8 * MIB, MIB, MIB, MIB]),
        # A fast line is not cut into pieces that it would not notice.
        (1000 * MIB, 400 * MIB, [8 * MIB, 256 * MIB, 136 * MIB]),
    ],
)
def test_pieces_follow_the_line(rate: float, total: int, expected: list[int]) -> None:
    assert sizes(Pacing(None), total, rate=rate) == expected


def test_a_limit_holds_in_the_mean() -> None:
    line = Pacing(2 * MIB)
    sent, seconds = 0, 0.0
    for rate in (100 * MIB, 1 * MIB, 100 * MIB, 3 * MIB):
        size = line.piece(GIB)
        took = size / rate
        seconds += took + line.sent(size, took)
        sent += size
    assert sent / seconds == pytest.approx(
        1.6 * MIB, rel=0.1
    )  # never above, and below while the line was slower
    assert line.piece(GIB) == 20 * MIB


def test_a_limit_is_there_before_the_first_piece() -> None:
    assert Pacing(200_000).piece(GIB) == 2_000_000
    assert Pacing(1).piece(GIB) == MIB


@pytest.mark.parametrize("limit", [0, -1])
def test_no_limit_at_all(limit: int) -> None:
    with pytest.raises(HostError, match=f"rate_limit: wanted bytes a second, at least 1; found {limit}"):
        Pacing(limit)


def test_a_clock_that_did_not_move() -> None:
    line = Pacing(None)
    assert line.sent(MIB, 0.0) == 0
    assert line.piece(10 * GIB) == 256 * MIB
