# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Hold the verdict on a condition with its evidence, and compute the limits that apply."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from .condition import Condition

__all__ = [
    "Baseline",
    "Evidence",
    "Limits",
    "allowed",
    "effective_limits",
    "no",
    "unknown",
    "without_baseline",
    "yes",
]


class Baseline(t.NamedTuple):
    """A value that an earlier run measured, with the bounds of its bucket for a quantile."""

    value: float
    lower: float
    upper: float


class Evidence(t.NamedTuple):
    """The verdict on a condition, in the form of the module's result.

    answer: yes, no or unknown
    decided_by: the limit that decided, or for unknown what was missing
    """

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
    """The limits that apply.

    ``origin`` says in words which baseline value they come from.
    """

    minimum: float | None
    maximum: float | None
    origin: str


def yes(decided_by: str, reason: str, **numbers: float | None) -> Evidence:
    """Return the verdict that a condition holds."""
    return Evidence("yes", decided_by, reason, **numbers)


def no(decided_by: str, reason: str, **numbers: float | None) -> Evidence:
    """Return the verdict that a condition does not hold."""
    return Evidence("no", decided_by, reason, **numbers)


def unknown(decided_by: str, reason: str, **numbers: float | None) -> Evidence:
    """Return the verdict that a condition could not be judged."""
    return Evidence("unknown", decided_by, reason, **numbers)


def without_baseline(condition: Condition) -> Condition:
    """Return the condition with only its fixed limits."""
    return condition._replace(max_ratio=None, max_increase=None, min_ratio=None)


def effective_limits(condition: Condition, baseline: Baseline | None) -> Limits:
    """Return the limits that apply.

    Where a fixed limit and a baseline limit both apply, the tighter one counts.
    """
    if baseline is None or not condition.compares:
        return Limits(condition.minimum, condition.maximum, "")
    maximum, minimum = condition.maximum, condition.minimum
    if condition.max_ratio is not None or condition.max_increase is not None:
        maximum = _smaller(maximum, allowed(condition, baseline.value))
    if condition.min_ratio is not None:
        bound = baseline.value * condition.min_ratio
        minimum = bound if minimum is None else max(minimum, bound)
    return Limits(minimum, maximum, f" (it was {baseline.value:g} before)")


def allowed(condition: Condition, before: float) -> float:
    """Return the highest allowed value where the baseline is ``before``."""
    ratio = 1.0 if condition.max_ratio is None else condition.max_ratio
    return before * ratio + (condition.max_increase or 0.0)


def _smaller(fixed: float | None, bound: float) -> float:
    return bound if fixed is None else min(fixed, bound)
