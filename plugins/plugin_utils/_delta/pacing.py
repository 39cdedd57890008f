# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""How much to send at once, and how fast."""

from __future__ import annotations

from ...module_utils._errors import HostError

__all__ = ["Line"]

# Most deltas are smaller, and go in one piece: each further one is a further run on the host.
_FIRST = 8 * 1024 * 1024  # bytes
_LEAST, _MOST = 1024 * 1024, 256 * 1024 * 1024
_SECONDS = 10.0  # of sending that a cut may cost; far more than a run on the host takes


class Line:
    """Learns from each piece how large the next one should be."""

    def __init__(self, rate_limit: int | None) -> None:
        """
        :param rate_limit: bytes a second that are not passed in the mean; None for as fast as it goes
        :raises HostError: a limit below one byte
        """
        if rate_limit is not None and rate_limit < 1:
            raise HostError(
                "rate_limit",
                wanted="bytes a second, at least 1",
                found=str(rate_limit),
                remedy="Leave it out to send as fast as the line allows.",
            )
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
