# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""How much to send at once, and how fast."""

from __future__ import annotations

__all__ = ["Line"]

_FIRST = (
    8 * 1024 * 1024
)  # bytes; most deltas are smaller, and go in one piece with no further run on the host
_LEAST, _MOST = 1024 * 1024, 256 * 1024 * 1024
_SECONDS = 10.0  # of sending that a cut may cost; far more than the run on the host that each piece takes


class Line:
    """Learns from each piece how large the next one should be.

    :param rate_limit: bytes a second that are not passed in the mean; None for as fast as it goes
    """

    def __init__(self, rate_limit: int | None) -> None:
        self._rate_limit = rate_limit
        self._next = _FIRST if rate_limit is None else _bounded(rate_limit * _SECONDS)

    def piece(self, remaining: int) -> int:
        """Bytes to send next, of those that are left."""
        # A last piece of next to nothing is not worth a run on the host.
        return remaining if remaining <= self._next * 1.25 else self._next

    def sent(self, size: int, seconds: float) -> float:
        """Learn from a piece; returns the seconds to wait before the next one."""
        rate = size / max(seconds, 0.001)
        pause = 0.0
        if self._rate_limit is not None:
            pause = max(0.0, size / self._rate_limit - seconds)
            rate = min(rate, self._rate_limit)
        self._next = _bounded(rate * _SECONDS)
        return pause


def _bounded(size: float) -> int:
    return int(min(max(size, _LEAST), _MOST))
