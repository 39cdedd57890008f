# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Decide how many bytes to send at once, and how fast."""

from __future__ import annotations

from ...module_utils._errors import HostError

__all__ = ["Pacing"]

# Most deltas are smaller and are sent in one piece: each piece is one more module run on the host.
_FIRST = 8 * 1024 * 1024  # bytes
_LEAST, _MOST = 1024 * 1024, 256 * 1024 * 1024
_SECONDS = 10.0  # of sending that an interruption may lose; far more than a module run takes


class Pacing:
    """The size of the next piece, learned from the pieces before."""

    def __init__(self, rate_limit: int | None) -> None:
        """
        :param rate_limit: most bytes a second on average; None for no limit
        :raises HostError: a limit below one byte
        """
        if rate_limit is not None and rate_limit < 1:
            raise HostError(
                "rate_limit",
                wanted="bytes a second, at least 1",
                found=str(rate_limit),
                remedy="Omit it to send as fast as possible.",
            )
        self._rate_limit = rate_limit
        self._next = _FIRST if rate_limit is None else _bounded(rate_limit * _SECONDS)

    def piece(self, remaining: int) -> int:
        """The number of bytes to send next."""
        # A very small last piece is not worth one more module run.
        return remaining if remaining <= self._next * 1.25 else self._next

    def sent(self, size: int, seconds: float) -> float:
        """Note a piece that was sent, and return the seconds to wait before the next one."""
        rate = size / max(seconds, 0.001)
        pause = 0.0
        if self._rate_limit is not None:
            pause = max(0.0, size / self._rate_limit - seconds)
            rate = min(rate, self._rate_limit)
        self._next = _bounded(rate * _SECONDS)
        return pause


def _bounded(size: float) -> int:
    return int(min(max(size, _LEAST), _MOST))
