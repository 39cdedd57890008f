# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Judge a condition by its samples."""

from __future__ import annotations

import math
import typing as t

from .._prometheus.promql import Histogram, Quantile, build_histogram, increases
from .evidence import (
    Baseline,
    Evidence,
    Limits,
    allowed,
    effective_limits,
    no,
    unknown,
    without_baseline,
    yes,
)

if t.TYPE_CHECKING:
    from .condition import Condition
    from .sample import Reading

__all__ = ["Sample", "is_final", "judge", "judge_quantile"]

_TINY = 1e-9  # share of a count that is only rounding
_NO_BASELINE = "the baseline has no value to compare with"


class Sample(t.NamedTuple):
    """A reading with its time in seconds since the epoch.

    The time is None where all counters are 0.
    """

    at: float | None
    reading: Reading


def judge(condition: Condition, samples: t.Sequence[Sample], *, baseline: Baseline | None) -> Evidence:
    """Judge a condition.

    :param samples: at least one, in order of time; the window of a condition over time begins with the first
    :param baseline: what an earlier run measured for this condition
    """
    if condition.compares and baseline is None:
        return _judge_without_baseline(condition, samples)
    error = samples[-1].reading.error
    if condition.over_time:
        if error:
            return unknown("source", error)
        return _over_time(condition, samples, baseline=baseline)
    real = [sample for sample in samples if sample.at is not None]
    return _combine(
        condition,
        [(sample.at or 0.0, _judge_sample(condition, sample.reading, baseline=baseline)) for sample in real],
    )


def is_final(condition: Condition, evidence: Evidence) -> bool:
    """Whether more samples cannot change the verdict to yes."""
    if evidence.answer != "no" or condition.held_for:
        return False
    return not condition.over_time or (condition.kind == "delta" and evidence.decided_by == "max")


def _judge_without_baseline(condition: Condition, samples: t.Sequence[Sample]) -> Evidence:
    """Judge a condition that compares, without a baseline.

    A fixed limit can decide no, and the value is kept for a later run.
    """
    evidence = judge(without_baseline(condition), samples, baseline=None)
    if evidence.answer != "yes":
        return evidence
    return evidence._replace(
        answer="unknown", decided_by="baseline", reason=f"{evidence.reason}; {_NO_BASELINE}"
    )


def _combine(condition: Condition, verdicts: list[tuple[float, Evidence]]) -> Evidence:
    """Combine the verdicts of all samples.

    All of them, or those of the last ``for`` seconds, must be yes.
    """
    last_at, last = verdicts[-1]
    if condition.held_for:
        since = last_at - condition.held_for
        if verdicts[0][0] > since + 1e-3:
            short = (
                f"sampled for {last_at - verdicts[0][0]:g} s, and it must hold for {condition.held_for:g} s"
            )
            return last if last.answer == "no" else unknown("duration", short, value=last.value)
        verdicts = [(at, one) for at, one in verdicts if at >= since - 1e-3]
    for answer in ("no", "unknown"):
        for at, one in verdicts:
            if one.answer == answer:
                return (
                    one
                    if at == last_at
                    else one._replace(reason=f"{one.reason}, {last_at - at:.1f} s before the end")
                )
    return last


def _judge_sample(condition: Condition, reading: Reading, *, baseline: Baseline | None) -> Evidence:
    """Judge one sample."""
    if reading.error:
        return unknown("source", reading.error)
    if condition.equals is not None:
        return _equals(condition, reading)
    count = len(reading.series)
    if condition.kind == "present":
        wanted = (yes if count else no)("series", f"{count or 'no'} series of {condition.subject}")
        return wanted._replace(value=float(count))
    if condition.kind == "absence":
        first = f", as {next(iter(reading.series))}" if count else ""
        return (no if count else yes)(
            "series", f"{count or 'no'} series of {condition.subject}{first}"
        )._replace(value=float(count))
    if not count:
        return unknown("source", f"no series of {condition.subject}")
    limits = effective_limits(condition, baseline)
    # Every series must hold. The evidence shows the series that decided.
    verdicts = [
        _within(value, limits, what=key or condition.subject) for key, value in sorted(reading.series.items())
    ]
    return next(
        (one for one in verdicts if one.answer == "no"), max(verdicts, key=lambda one: one.value or 0.0)
    )


def _equals(condition: Condition, reading: Reading) -> Evidence:
    found = reading.text
    if condition.kind == "status":
        right = f"HTTP status {condition.equals}" == found
        return (yes if right else no)("status", f"{condition.http}: {found}", value=reading.series[""])
    right = found == condition.equals
    text = f"{condition.subject} is {found!r}" + ("" if right else f", not {condition.equals!r}")
    return (yes if right else no)("equals", text)


def _over_time(condition: Condition, samples: t.Sequence[Sample], *, baseline: Baseline | None) -> Evidence:
    # Skip a failed sample between two others: the next one has the counters.
    read = [sample for sample in samples if not sample.reading.error]
    if not read[-1].reading.named and not condition.missing_is_zero:
        return unknown(
            "source", f"no series named {condition.metric.name if condition.metric else condition.subject}"
        )
    begun, ended = read[0].at, read[-1].at
    seconds = None if begun is None or ended is None else ended - begun
    grown = increases([sample.reading.series for sample in read])
    if condition.kind == "quantile":
        evidence = judge_quantile(condition, grown, baseline=baseline)
    elif condition.kind == "ratio":
        of = sum(increases([sample.reading.of for sample in read]).values())
        evidence = _ratio(condition, sum(grown.values()), of, baseline=baseline)
    else:
        evidence = _growth(condition, sum(grown.values()), seconds, baseline=baseline)
    return evidence._replace(seconds=seconds)


def _growth(
    condition: Condition, grown: float, seconds: float | None, *, baseline: Baseline | None
) -> Evidence:
    if condition.kind == "rate" and not seconds:
        return unknown("duration", "a rate needs two samples, and there is one")
    value = grown / seconds if condition.kind == "rate" and seconds else grown
    limits = effective_limits(condition, baseline)
    return _within(value, limits, what=f"{condition.kind} of {condition.subject}")


def _ratio(condition: Condition, part: float, of: float, *, baseline: Baseline | None) -> Evidence:
    value = part / of if of else None
    limits = effective_limits(condition, baseline)
    least = max(condition.min_count, 1.0)
    if of < least:
        # Count the missing requests as good: the bad ones can be too many even then.
        if limits.maximum is not None and part / least > limits.maximum:
            text = f"{part:g} of only {of:g} in the window, which would be too many of {least:g}"
            return no("max", text, value=value, observed=of, limit=limits.maximum)
        return unknown(
            "count", f"{of:g} in the window, and at least {least:g} are needed", value=value, observed=of
        )
    return _within(part / of, limits, what=f"{part:g} of {of:g}")._replace(observed=of)


def _within(value: float, limits: Limits, *, what: str) -> Evidence:
    if limits.maximum is not None and not value <= limits.maximum:
        text = f"{what}: {value:g} is above {limits.maximum:g}{limits.origin}"
        return no("max", text, value=value, limit=limits.maximum)
    if limits.minimum is not None and not value >= limits.minimum:
        text = f"{what}: {value:g} is below {limits.minimum:g}{limits.origin}"
        return no("min", text, value=value, limit=limits.minimum)
    if math.isinf(value):
        return no("max" if value > 0 else "min", f"{what}: {value:g}", value=value)
    limit = limits.maximum if limits.maximum is not None else limits.minimum
    decided = "max" if limits.maximum is not None else "min" if limit is not None else "nothing"
    return yes(decided, f"{what}: {value:g}", value=value, limit=limit)


def judge_quantile(
    condition: Condition, grown: t.Mapping[str, float], *, baseline: Baseline | None
) -> Evidence:
    """Judge a condition of the kind quantile.

    :param grown: the increase of each series NAME_bucket in the window
    """
    histogram = build_histogram(grown)
    if histogram is None:
        return unknown("source", f"no buckets up to +Inf among {condition.subject}")
    if not histogram.total:
        return unknown("count", "no observations in the window", observed=0.0)
    found = histogram.quantile(condition.quantile)
    numbers: dict[str, t.Any] = {
        "value": found.value,
        "observed": histogram.total,
        "lower": found.lower,
        "upper": None if math.isinf(found.upper) else found.upper,
    }
    limit = _quantile_limits(condition, baseline)
    evidence = _judge_histogram(condition, histogram, found, limit=limit)
    if evidence.answer == "unknown" and evidence.decided_by == "buckets" and _same_bucket(found, baseline):
        evidence = yes("buckets", f"{_describe(condition, found)}, in the same bucket as before")
    return evidence._replace(limit=None if math.isinf(limit[2]) else limit[2], **numbers)


def _quantile_limits(condition: Condition, baseline: Baseline | None) -> tuple[float, float, float]:
    """Return the lowest possible, highest possible and interpolated limit.

    A baseline quantile is only known to lie in its bucket.
    """
    fixed = math.inf if condition.maximum is None else condition.maximum
    if baseline is None or not condition.compares:
        return fixed, fixed, fixed
    bounds = (baseline.lower, baseline.upper, baseline.value)
    least, most, middle = (min(fixed, allowed(condition, bound)) for bound in bounds)
    return least, most, middle


def _judge_histogram(
    condition: Condition, histogram: Histogram, found: Quantile, *, limit: tuple[float, float, float]
) -> Evidence:
    least, most, middle = limit
    share, total = condition.quantile, histogram.total
    surely, possibly = histogram.at_most(least)[0], histogram.at_most(most)[1]
    slack = total * _TINY
    enough = max(total, condition.min_count)
    text = _describe(condition, found)
    if total - possibly > (1 - share) * enough + slack:
        return no("max", f"{text}: {total - possibly:g} of {total:g} are above {_bounds(least, most)}")
    if total < condition.min_count:
        return unknown(
            "count", f"{total:g} observations in the window, and at least {condition.min_count:g} are needed"
        )
    if math.isinf(least):
        return yes("nothing", text)
    if surely + slack >= share * total:
        return yes("max", f"{text}, at most {_bounds(least, most)}")
    if not condition.precise and not math.isinf(found.upper):
        within = found.value <= middle
        sign = "at most" if within else "above"
        return (yes if within else no)("max", f"{text} by interpolation, {sign} {middle:g}")
    bucket = f"from {found.lower:g} to {found.upper:g}"
    return unknown(
        "buckets", f"{text}, in the bucket {bucket}, which is too wide for the limit {_bounds(least, most)}"
    )


def _same_bucket(found: Quantile, baseline: Baseline | None) -> bool:
    return baseline is not None and (found.lower, found.upper) == (baseline.lower, baseline.upper)


def _describe(condition: Condition, found: Quantile) -> str:
    return f"quantile {condition.quantile:g} about {found.value:.4g}"


def _bounds(least: float, most: float) -> str:
    return f"{least:.4g}" if least == most else f"{least:.4g} to {most:.4g}"
