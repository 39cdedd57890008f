# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Histograms with buckets: quantiles, and how much of them is only guessed."""

from __future__ import annotations

import math
import re
import typing as t

__all__ = ["Histogram", "Quantile", "histogram_of"]

# In a key of ours, quotes inside of values are escaped, so that this is the label and nothing else.
_BOUND = re.compile(r'[{,]le="([^"]*)"')


class Quantile(t.NamedTuple):
    """``value`` is interpolated; that it lies above ``lower`` and at most at ``upper`` is all that was measured."""

    value: float
    lower: float
    upper: float


class Histogram(t.NamedTuple):
    """``counts[i]`` observations were at most ``bounds[i]``; the last bound is infinite."""

    bounds: list[float]
    counts: list[float]

    @property
    def total(self) -> float:
        return self.counts[-1]

    def quantile(self, share: float) -> Quantile:
        """As PromQL interpolates it: evenly within its bucket, and the highest finite bound above that."""
        rank = share * self.total
        index = next(i for i, count in enumerate(self.counts) if count >= rank)
        lower = self.bounds[index - 1] if index else min(0.0, self.bounds[0])
        upper = self.bounds[index]
        if math.isinf(upper) or lower == upper:
            return Quantile(lower, lower, upper)
        before = self.counts[index - 1] if index else 0.0
        inside = self.counts[index] - before
        part = (rank - before) / inside if inside else 1.0
        return Quantile(lower + (upper - lower) * part, lower, upper)

    def at_most(self, limit: float) -> tuple[float, float]:
        """How many observations surely were at most ``limit``, and how many may have been."""
        below = [count for bound, count in zip(self.bounds, self.counts) if bound <= limit]
        above = [count for bound, count in zip(self.bounds, self.counts) if bound >= limit]
        return (below[-1] if below else 0.0), (above[0] if above else self.total)


def histogram_of(values: t.Mapping[str, float]) -> Histogram | None:
    """The histogram of the series NAME_bucket, those of several label sets added up; None without an infinite bound."""
    sums: dict[float, float] = {}
    for key, value in values.items():
        match = _BOUND.search(key)
        try:
            bound = float(match[1]) if match else math.nan
        except ValueError:
            continue
        if not math.isnan(bound):
            sums[bound] = sums.get(bound, 0.0) + value
    if math.inf not in sums:
        return None
    bounds = sorted(sums)
    counts: list[float] = []
    for bound in bounds:
        # A page is not written in one instant, so that a bucket can lag behind the one below it.
        counts.append(max(sums[bound], counts[-1] if counts else 0.0))
    return Histogram(bounds, counts)
