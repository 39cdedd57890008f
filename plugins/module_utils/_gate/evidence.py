# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""What a condition of a gate is measured by, and how its verdict is told."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from .condition import Condition

__all__ = [
    "Baseline",
    "Evidence",
    "Limits",
    "allowed",
    "limits_of",
    "no",
    "unknown",
    "without_baseline",
    "yes",
]


class Baseline(t.NamedTuple):
    """A value that an earlier run measured; of a quantile also the bounds of its bucket."""

    value: float
    lower: float
    upper: float


class Evidence(t.NamedTuple):
    """``answer``: yes, no or unknown. ``decided_by``: the limit, or what was missing to tell."""

    answer: str
    decided_by: str
    reason: str
    value: float | None = None
    limit: float | None = None
    observed: float | None = None
    lower: float | None = None
    upper: float | None = None
    seconds: float | None = None


class Limits(t.NamedTuple):
    """The bounds that hold, out of fixed ones and the baseline's; ``origin`` tells of the latter."""

    minimum: float | None
    maximum: float | None
    origin: str


def yes(decided_by: str, reason: str, **numbers: float | None) -> Evidence:
    return Evidence("yes", decided_by, reason, **numbers)


def no(decided_by: str, reason: str, **numbers: float | None) -> Evidence:
    return Evidence("no", decided_by, reason, **numbers)


def unknown(decided_by: str, reason: str, **numbers: float | None) -> Evidence:
    return Evidence("unknown", decided_by, reason, **numbers)


def without_baseline(condition: Condition) -> Condition:
    """The condition with its fixed limits alone."""
    return condition._replace(max_ratio=None, max_increase=None, min_ratio=None)


def limits_of(condition: Condition, baseline: Baseline | None) -> Limits:
    """The limits. Where a fixed one and the baseline's both hold, the tighter one counts."""
    if baseline is None or not condition.compares:
        return Limits(condition.minimum, condition.maximum, "")
    maximum, minimum = condition.maximum, condition.minimum
    if condition.max_ratio is not None or condition.max_increase is not None:
        maximum = _least(maximum, allowed(condition, baseline.value))
    if condition.min_ratio is not None:
        bound = baseline.value * condition.min_ratio
        minimum = bound if minimum is None else max(minimum, bound)
    return Limits(minimum, maximum, f" (it was {baseline.value:g} before)")


def allowed(condition: Condition, before: float) -> float:
    """What a value may have become that was ``before``."""
    ratio = 1.0 if condition.max_ratio is None else condition.max_ratio
    return before * ratio + (condition.max_increase or 0.0)


def _least(fixed: float | None, bound: float) -> float:
    return bound if fixed is None else min(fixed, bound)
