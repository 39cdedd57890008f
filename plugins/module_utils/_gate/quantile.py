# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The verdict on a quantile out of buckets, which tell it no finer than they are wide."""

from __future__ import annotations

import math
import typing as t

from .._prometheus.histogram import Histogram, Quantile, histogram_of
from .evidence import Baseline, Evidence, allowed, no, unknown, yes

if t.TYPE_CHECKING:
    from .condition import Condition

__all__ = ["judge_quantile"]

_TINY = 1e-9  # share of a count that is only rounding


def judge_quantile(
    condition: Condition, grown: t.Mapping[str, float], *, baseline: Baseline | None
) -> Evidence:
    """
    :param grown: what each series of NAME_bucket grew by in the window
    """
    histogram = histogram_of(grown)
    if histogram is None:
        return unknown("source", f"no buckets up to +Inf among {condition.subject}")
    if not histogram.total:
        return unknown("count", "nothing was observed in the window", observed=0.0)
    found = histogram.quantile(condition.quantile)
    numbers: dict[str, t.Any] = {
        "value": found.value,
        "observed": histogram.total,
        "lower": found.lower,
        "upper": None if math.isinf(found.upper) else found.upper,
    }
    limit = _limit(condition, baseline)
    evidence = _judge(condition, histogram, found, limit=limit)
    if evidence.answer == "unknown" and evidence.decided_by == "buckets" and _same_bucket(found, baseline):
        evidence = yes("buckets", f"{_told(condition, found)}, in the same bucket as before")
    return evidence._replace(limit=None if math.isinf(limit[2]) else limit[2], **numbers)


def _limit(condition: Condition, baseline: Baseline | None) -> tuple[float, float, float]:
    """The limit at the least, at the most, and as interpolated: a baseline is only known by its bucket, too."""
    fixed = math.inf if condition.maximum is None else condition.maximum
    if baseline is None or not condition.compares:
        return fixed, fixed, fixed
    bounds = (baseline.lower, baseline.upper, baseline.value)
    least, most, middle = (min(fixed, allowed(condition, bound)) for bound in bounds)
    return least, most, middle


def _judge(
    condition: Condition, histogram: Histogram, found: Quantile, *, limit: tuple[float, float, float]
) -> Evidence:
    least, most, middle = limit
    share, total = condition.quantile, histogram.total
    surely, possibly = histogram.at_most(least)[0], histogram.at_most(most)[1]
    slack = total * _TINY
    enough = max(total, condition.min_count)
    told = _told(condition, found)
    if total - possibly > (1 - share) * enough + slack:
        return no("max", f"{told}: {total - possibly:g} of {total:g} are above {_bounds(least, most)}")
    if total < condition.min_count:
        return unknown(
            "count", f"{total:g} observed in the window, wanted {condition.min_count:g} to judge by"
        )
    if math.isinf(least):
        return yes("nothing", told)
    if surely + slack >= share * total:
        return yes("max", f"{told}, at most {_bounds(least, most)}")
    if not condition.precise and not math.isinf(found.upper):
        within = found.value <= middle
        return (yes if within else no)("max", f"{told}, by interpolation, against {middle:g}")
    bucket = f"from {found.lower:g} to {found.upper:g}"
    return unknown(
        "buckets", f"{told}, in the bucket {bucket}, too wide to tell it from {_bounds(least, most)}"
    )


def _same_bucket(found: Quantile, baseline: Baseline | None) -> bool:
    return baseline is not None and (found.lower, found.upper) == (baseline.lower, baseline.upper)


def _told(condition: Condition, found: Quantile) -> str:
    return f"quantile {condition.quantile:g} about {found.value:.4g}"


def _bounds(least: float, most: float) -> str:
    return f"{least:.4g}" if least == most else f"{least:.4g} to {most:.4g}"
