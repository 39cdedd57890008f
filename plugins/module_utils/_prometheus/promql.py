# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Evaluate the parts of PromQL that a gate needs without a server: selectors, rates and histograms."""

from __future__ import annotations

import math
import re
import typing as t

from .._errors import HostError
from .exposition import series_key

if t.TYPE_CHECKING:
    from .exposition import Series

__all__ = ["Histogram", "Quantile", "Selector", "histogram_of", "increases", "select", "selector_of"]

_OPERATORS = ("=~", "!~", "!=", "=")


class Matcher(t.NamedTuple):
    """One condition on a label; a label that is not there counts as an empty one."""

    label: str
    operator: str
    value: str

    def holds(self, labels: t.Mapping[str, str]) -> bool:
        found = labels.get(self.label, "")
        equal = re.fullmatch(self.value, found) is not None if "~" in self.operator else found == self.value
        return equal != self.operator.startswith("!")


class Selector(t.NamedTuple):
    name: str
    matchers: tuple[Matcher, ...]

    def __str__(self) -> str:
        inner = ",".join(f'{m.label}{m.operator}"{m.value}"' for m in self.matchers)
        return f"{self.name}{{{inner}}}" if inner else self.name


def selector_of(name: str, labels: t.Mapping[str, t.Any]) -> Selector:
    """
    :param labels: label -> value; a value may begin with one of = != =~ !~
    :raises HostError: for what is no regular expression
    """
    matchers = tuple(_matcher(label, str(value), name=name) for label, value in sorted(labels.items()))
    return Selector(name, matchers)


def select(page: t.Iterable[Series], selector: Selector) -> dict[str, float]:
    """The values of the series that are meant, by their keys. NaN is no value."""
    return {
        series_key(one.name, one.labels): one.value
        for one in page
        if one.name == selector.name
        and not math.isnan(one.value)
        and all(matcher.holds(one.labels) for matcher in selector.matchers)
    }


def _matcher(label: str, text: str, *, name: str) -> Matcher:
    operator = next((sign for sign in _OPERATORS if text.startswith(sign)), "")
    value = text[len(operator) :]
    if "~" in operator:
        try:
            re.compile(value)
        except re.error as error:
            raise HostError(
                f"label {label} of {name}",
                wanted="a regular expression behind =~ or !~",
                found=f"{value!r}: {error}",
                remedy="Correct it; it has to match the whole value.",
            )
    return Matcher(label, operator or "=", value)


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
