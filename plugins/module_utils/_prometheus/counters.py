# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Counters over a window of time: what they grew by, whatever restarted meanwhile."""

from __future__ import annotations

import typing as t

__all__ = ["increases"]

Values = t.Mapping[str, float]


def increases(readings: t.Sequence[Values]) -> dict[str, float]:
    """
    What each series grew by from the first reading to the last.

    A value below the one before is a counter that began again at 0. A series that is not in the first reading
    began at 0 too: a service shows a code="500" for the first time when it happens for the first time.
    """
    grown: dict[str, float] = {}
    last: dict[str, float] = dict(readings[0]) if readings else {}
    for reading in readings:
        for key, value in reading.items():
            before = last.get(key, 0.0)
            grown[key] = grown.get(key, 0.0) + (value - before if value >= before else value)
            last[key] = value
    return grown
