# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._gate.evidence import Baseline, Evidence
from ansible_collections.gofleet.hosts.plugins.module_utils._gate.judge import (
    Sample,
    is_final,
    judge,
    judge_quantile,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._gate.sample import Reading

from .test_condition import conditions

Values = t.Dict[str, float]


def seen(
    series: Values | None = None, *, of: Values | None = None, named: bool = True, text: str = ""
) -> Reading:
    return Reading(series or {}, of or {}, named, text, "")


def failed(why: str = "no answer") -> Reading:
    return Reading({}, {}, False, "", why)


def evidence_of(entry: dict[str, t.Any], *readings: Reading, baseline: float | None = None) -> Evidence:
    """Judge readings that are ten seconds apart."""
    (condition,) = conditions(entry)
    before = None if baseline is None else Baseline(baseline, baseline, baseline)
    return judge(condition, [Sample(10.0 * i, one) for i, one in enumerate(readings)], baseline=before)


def verdict(evidence: Evidence) -> tuple[str, str]:
    return evidence.answer, evidence.decided_by


VALUE = {"metric": "m", "max": 10, "min": 1}
ABSENT = {"kind": "absence", "metric": "m"}
STATUS = {"kind": "status", "http": "http://h/"}


@pytest.mark.parametrize(
    ("entry", "readings", "answer"),
    [
        (VALUE, [{"a": 5}, {"a": 10}], ("yes", "max")),
        (VALUE, [{"a": 5}, {"a": 11}], ("no", "max")),
        (VALUE, [{"a": 11}, {"a": 5}], ("no", "max")),
        (VALUE, [{"a": 5, "b": 0.5}], ("no", "min")),
        (VALUE, [{"a": 5}, {}], ("unknown", "source")),
        (VALUE, [{}, {"a": 5}], ("unknown", "source")),
        ({"metric": "m", "min": 1}, [{"a": float("inf")}], ("no", "max")),
        (ABSENT, [{}, {}], ("yes", "series")),
        (ABSENT, [{"a": 1}, {}], ("no", "series")),
        ({**ABSENT, "kind": "present"}, [{"a": 0}], ("yes", "series")),
        ({**ABSENT, "kind": "present"}, [{}], ("no", "series")),
    ],
)
def test_each_sample_counts(entry: dict[str, t.Any], readings: list[Values], answer: tuple[str, str]) -> None:
    assert verdict(evidence_of(entry, *map(seen, readings))) == answer


def test_the_reason_has_the_time_of_a_bad_sample() -> None:
    found = evidence_of(VALUE, seen({"a": 11}), seen({"a": 5}))
    assert found.reason == "a: 11 is above 10, 10.0 s before the end"
    assert evidence_of(VALUE, seen({"a": 5}), failed()).reason == "no answer"


@pytest.mark.parametrize(
    ("seconds", "values", "answer"),
    [
        (10, [99, 5, 5], ("yes", "max")),
        (20, [99, 5, 5], ("no", "max")),
        (30, [5, 5, 5], ("unknown", "duration")),
        (30, [5, 5, 99], ("no", "max")),
    ],
)
def test_held_for(seconds: float, values: list[float], answer: tuple[str, str]) -> None:
    assert (
        verdict(evidence_of({**VALUE, "for": seconds}, *(seen({"a": value}) for value in values))) == answer
    )


@pytest.mark.parametrize(
    ("text", "answer"), [("HTTP status 200", "yes"), ("HTTP status 503", "no"), ("no answer: refused", "no")]
)
def test_status(text: str, answer: str) -> None:
    found = evidence_of(STATUS, seen({"": 0}, text=text))
    assert verdict(found) == (answer, "status")
    assert text in found.reason


def test_properties() -> None:
    active = {"unit": "a.service", "property": "ActiveState", "equals": "active"}
    assert evidence_of(active, seen(text="active")).answer == "yes"
    assert (
        evidence_of(active, seen(text="failed")).reason
        == "ActiveState of a.service is 'failed', not 'active'"
    )
    restarts = {"unit": "a.service", "kind": "delta", "max": 0}
    assert evidence_of(restarts, seen({"": 3}), seen({"": 3})).answer == "yes"
    assert evidence_of(restarts, seen({"": 3}), seen({"": 4})).answer == "no"
    # The unit was unloaded in between, and systemd counts from 0 again.
    assert evidence_of(restarts, seen({"": 3}), seen({"": 0})).answer == "yes"


def test_delta_and_rate() -> None:
    assert (
        evidence_of({"kind": "delta", "metric": "m", "max": 5}, seen({"a": 100}), seen({"a": 105})).value == 5
    )
    rate = {"kind": "rate", "metric": "m", "min": 2}
    found = evidence_of(rate, seen({"a": 100, "b": 0}), failed(), seen({"a": 110, "b": 30}))
    assert (found.answer, found.value, found.seconds) == ("yes", 2.0, 20.0)
    assert verdict(evidence_of(rate, seen({"a": 100}))) == ("unknown", "duration")
    assert verdict(evidence_of(rate, seen({"a": 100}), failed())) == ("unknown", "source")
    gone = seen(named=False)
    assert verdict(evidence_of({"kind": "delta", "metric": "m", "max": 0}, gone, gone)) == (
        "unknown",
        "source",
    )
    lazy = {"kind": "delta", "metric": "m", "max": 0, "missing_is_zero": True}
    assert verdict(evidence_of(lazy, gone, gone)) == ("yes", "max")


RATIO = {"kind": "ratio", "metric": "m", "labels": {"code": "5"}, "max": 0.1, "min_count": 20}


@pytest.mark.parametrize(
    ("bad", "all_of_them", "answer"),
    [
        (10, 100, ("yes", "max")),
        (11, 100, ("no", "max")),
        (0, 19, ("unknown", "count")),
        (2, 10, ("unknown", "count")),
        # Three of 20 are too many, even if all missing ones were good.
        (3, 10, ("no", "max")),
        (0, 0, ("unknown", "count")),
    ],
)
def test_ratio(bad: float, all_of_them: float, answer: tuple[str, str]) -> None:
    found = evidence_of(
        RATIO, seen({}, of={"a": 50}), seen({"b": bad}, of={"a": 50 + all_of_them - bad, "b": bad})
    )
    assert verdict(found) == answer
    assert found.observed == all_of_them


def test_limits_relative_to_the_baseline() -> None:
    growth = {"kind": "delta", "metric": "m", "max_ratio": 2, "max_increase": 1}
    window = [seen({"a": 0}), seen({"a": 9})]
    assert evidence_of(growth, *window, baseline=4).answer == "yes"
    found = evidence_of(growth, *window, baseline=3)
    assert (found.answer, found.limit) == ("no", 7)
    assert "it was 3 before" in found.reason
    # The tighter one of both limits counts.
    assert evidence_of({**growth, "max": 5}, *window, baseline=4).limit == 5
    floor = {"kind": "delta", "metric": "m", "min_ratio": 0.5}
    assert evidence_of(floor, *window, baseline=20).answer == "no"
    assert evidence_of(floor, *window, baseline=18).answer == "yes"


def test_without_a_baseline() -> None:
    """The answer is unknown, except that a fixed limit can decide no. The value is returned."""
    growth = {"kind": "delta", "metric": "m", "max_ratio": 2, "max": 100}
    found = evidence_of(growth, seen({"a": 0}), seen({"a": 9}))
    assert (verdict(found), found.value) == (("unknown", "baseline"), 9)
    assert verdict(evidence_of(growth, seen({"a": 0}), seen({"a": 900}))) == ("no", "max")
    assert verdict(evidence_of(growth, seen({"a": 0}), failed())) == ("unknown", "source")


def test_is_final() -> None:
    def is_settled(entry: dict[str, t.Any], *readings: Reading) -> bool:
        (condition,) = conditions(entry)
        return is_final(condition, evidence_of(entry, *readings))

    assert is_settled(VALUE, seen({"a": 11}))
    assert not is_settled(VALUE, seen({"a": 9}))
    assert not is_settled(VALUE, failed())
    assert not is_settled({**VALUE, "for": 5}, seen({"a": 11}))
    assert is_settled({"kind": "delta", "metric": "m", "max": 1}, seen({"a": 1}), seen({"a": 3}))
    assert not is_settled({"kind": "delta", "metric": "m", "min": 9}, seen({"a": 1}), seen({"a": 3}))
    assert not is_settled(RATIO, seen({}, of={"a": 0}), seen({"b": 50}, of={"a": 50}))


BOUNDS = ("0.1", "0.2", "0.5", "+Inf")


def quantile_evidence(
    counts: t.Sequence[float], baseline: Baseline | None = None, **options: t.Any
) -> Evidence:
    """The verdict on the 0.9-quantile of observations, those of each bucket by itself."""
    (condition,) = conditions({"kind": "quantile", "metric": "d", "quantile": 0.9, **options})
    grown = {f'd_bucket{{le="{bound}"}}': sum(counts[: i + 1]) for i, bound in enumerate(BOUNDS)}
    return judge_quantile(condition, grown, baseline=baseline)


@pytest.mark.parametrize(
    ("counts", "options", "answer"),
    [
        ((95, 5, 0, 0), {"max": 0.1}, ("yes", "max")),
        ((90, 10, 0, 0), {"max": 0.1}, ("yes", "max")),
        ((85, 15, 0, 0), {"max": 0.1}, ("no", "max")),
        ((85, 15, 0, 0), {"max": 0.15}, ("unknown", "buckets")),
        ((85, 15, 0, 0), {"max": 0.15, "precise": False}, ("yes", "max")),
        ((61, 39, 0, 0), {"max": 0.15, "precise": False}, ("no", "max")),
        ((85, 15, 0, 0), {"max": 0.3}, ("yes", "max")),
        # The value above the highest bound is not known.
        ((85, 0, 0, 15), {"max": 0.5}, ("no", "max")),
        ((85, 0, 0, 15), {"max": 0.9}, ("unknown", "buckets")),
        ((85, 0, 0, 15), {"max": 0.9, "precise": False}, ("unknown", "buckets")),
        ((0, 0, 0, 0), {"max": 0.1}, ("unknown", "count")),
        ((9, 0, 0, 0), {"max": 0.1}, ("unknown", "count")),
        ((10, 0, 0, 0), {"max": 0.1}, ("yes", "max")),
        ((10, 0, 0, 0), {"max": 0.1, "min_count": 50}, ("unknown", "count")),
        # Five slow ones of 50 are allowed and six are not, even if all missing ones were fast.
        ((5, 5, 0, 0), {"max": 0.1, "min_count": 50}, ("unknown", "count")),
        ((4, 6, 0, 0), {"max": 0.1, "min_count": 50}, ("no", "max")),
    ],
)
def test_a_quantile_and_a_fixed_limit(
    counts: t.Sequence[float], options: dict[str, t.Any], answer: tuple[str, str]
) -> None:
    found = quantile_evidence(counts, **options)
    assert (found.answer, found.decided_by) == answer
    assert found.observed == sum(counts)


FIRST, SECOND = Baseline(0.09, 0.0, 0.1), Baseline(0.18, 0.1, 0.2)
LAST = Baseline(0.5, 0.5, math.inf)


@pytest.mark.parametrize(
    ("counts", "baseline", "options", "answer"),
    [
        # The same bucket counts as no worse.
        ((85, 15, 0, 0), SECOND, {"max_ratio": 1.2}, ("yes", "buckets")),
        ((99, 1, 0, 0), SECOND, {"max_ratio": 1.2}, ("yes", "max")),
        # At most 0.24 is wanted, and 0.2 to 0.5 was seen.
        ((50, 0, 50, 0), SECOND, {"max_ratio": 1.2}, ("unknown", "buckets")),
        ((50, 0, 50, 0), SECOND, {"max_ratio": 1.2, "precise": False}, ("no", "max")),
        ((50, 0, 50, 0), FIRST, {"max_ratio": 1.2}, ("no", "max")),
        ((50, 50, 0, 0), FIRST, {"max_ratio": 1.2}, ("unknown", "buckets")),
        ((50, 0, 50, 0), SECOND, {"max_increase": 0.4}, ("yes", "max")),
        ((50, 0, 50, 0), LAST, {"max_ratio": 1.2}, ("yes", "max")),
        ((50, 0, 0, 50), LAST, {"max_ratio": 1.2}, ("yes", "buckets")),
        # A fixed limit that is tighter.
        ((85, 15, 0, 0), SECOND, {"max_ratio": 1.2, "max": 0.1}, ("no", "max")),
    ],
)
def test_a_quantile_and_a_baseline(
    counts: t.Sequence[float], baseline: Baseline, options: dict[str, t.Any], answer: tuple[str, str]
) -> None:
    found = quantile_evidence(counts, baseline, **options)
    assert (found.answer, found.decided_by) == answer


def test_a_quantile_without_a_limit() -> None:
    (condition,) = conditions({"kind": "quantile", "metric": "d", "quantile": 0.5, "max_ratio": 2})
    found = judge_quantile(
        condition._replace(max_ratio=None),
        {'d_bucket{le="0.1"}': 0.0, 'd_bucket{le="0.2"}': 10.0, 'd_bucket{le="+Inf"}': 10.0},
        baseline=None,
    )
    assert (found.answer, found.decided_by, found.limit) == ("yes", "nothing", None)
    assert (found.value, found.lower, found.upper) == (pytest.approx(0.15), 0.1, 0.2)


def test_no_buckets() -> None:
    (condition,) = conditions({"kind": "quantile", "metric": "d", "max": 1})
    assert judge_quantile(condition, {}, baseline=None).decided_by == "source"
