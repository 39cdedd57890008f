# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Evaluate selectors, increases and histograms of PromQL without a server."""

from __future__ import annotations

import math
import re
import typing as t

from .._errors import HostError
from .exposition import series_key

if t.TYPE_CHECKING:
    from .exposition import Series

__all__ = ["Histogram", "Quantile", "Selector", "build_histogram", "increases", "parse_selector", "select"]

_OPERATORS = ("=~", "!~", "!=", "=")
# series_key() escapes quotes in values, so this matches only the label.
_BOUND = re.compile(r'[{,]le="([^"]*)"')

Values = t.Mapping[str, float]


class Matcher(t.NamedTuple):
    """A label matcher.

    A missing label counts as an empty value.
    """

    label: str
    operator: str
    value: str

    def matches(self, labels: t.Mapping[str, str]) -> bool:
        """Whether the labels of a series match."""
        found = labels.get(self.label, "")
        equal = re.fullmatch(self.value, found) is not None if "~" in self.operator else found == self.value
        return equal != self.operator.startswith("!")


class Selector(t.NamedTuple):
    """An instant vector selector, with a metric name and label matchers."""

    name: str
    matchers: tuple[Matcher, ...]

    def __str__(self) -> str:
        inner = ",".join(f'{m.label}{m.operator}"{m.value}"' for m in self.matchers)
        return f"{self.name}{{{inner}}}" if inner else self.name


def parse_selector(name: str, labels: t.Mapping[str, t.Any]) -> Selector:
    """Return a selector.

    :param labels: label -> value; a value can begin with one of = != =~ !~
    :raises HostError: an invalid regular expression
    """
    matchers = tuple(_matcher(label, str(value), name=name) for label, value in sorted(labels.items()))
    return Selector(name, matchers)


def select(page: t.Iterable[Series], selector: Selector) -> dict[str, float]:
    """Return the values of the series that match, by their keys, without NaN."""
    return {
        series_key(one.name, one.labels): one.value
        for one in page
        if one.name == selector.name
        and not math.isnan(one.value)
        and all(matcher.matches(one.labels) for matcher in selector.matchers)
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
                wanted="a regular expression after =~ or !~",
                found=f"{value!r}: {error}",
                remedy="Correct it. It must match the whole value.",
            )
    return Matcher(label, operator or "=", value)


class Quantile(t.NamedTuple):
    """A quantile of a histogram.

    value: interpolated within the bucket
    lower, upper: the bounds of the bucket, which are all that was measured
    """

    value: float
    lower: float
    upper: float


class Histogram(t.NamedTuple):
    """A histogram with cumulative buckets.

    ``counts[i]`` observations were at most ``bounds[i]``. The last bound is infinite.
    """

    bounds: list[float]
    counts: list[float]

    @property
    def total(self) -> float:
        """The number of observations."""
        return self.counts[-1]

    def quantile(self, share: float) -> Quantile:
        """Return a quantile as histogram_quantile() of PromQL computes it.

        It interpolates linearly within a bucket and returns the highest finite bound for the last bucket.

        :param share: between 0 and 1
        """
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
        """Return how many observations were at most ``limit`` for certain, and how many at the most."""
        below = [count for bound, count in zip(self.bounds, self.counts) if bound <= limit]
        above = [count for bound, count in zip(self.bounds, self.counts) if bound >= limit]
        return (below[-1] if below else 0.0), (above[0] if above else self.total)


def build_histogram(values: t.Mapping[str, float]) -> Histogram | None:
    """Build the histogram of the series NAME_bucket, with the sum over all other labels.

    :returns: None without a bucket le="+Inf"
    """
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
        # A page is not written at one instant, so a bucket can have less than the one below it.
        counts.append(max(sums[bound], counts[-1] if counts else 0.0))
    return Histogram(bounds, counts)


def increases(readings: t.Sequence[Values]) -> dict[str, float]:
    """Return the increase of each counter from the first reading to the last.

    A smaller value than before is a counter reset to 0. A series that is missing in the first reading began at 0:
    a service exposes code="500" only after the first such response.
    """
    grown: dict[str, float] = {}
    last: dict[str, float] = dict(readings[0]) if readings else {}
    for reading in readings:
        for key, value in reading.items():
            before = last.get(key, 0.0)
            grown[key] = grown.get(key, 0.0) + (value - before if value >= before else value)
            last[key] = value
    return grown
