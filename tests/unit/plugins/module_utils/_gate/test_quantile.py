# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._gate.evidence import Baseline, Evidence
from ansible_collections.gofleet.hosts.plugins.module_utils._gate.quantile import judge_quantile

from .test_condition import conditions

BOUNDS = ("0.1", "0.2", "0.5", "+Inf")


def told(counts: t.Sequence[float], baseline: Baseline | None = None, **options: t.Any) -> Evidence:
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
        # Above the highest bound nobody knows how far.
        ((85, 0, 0, 15), {"max": 0.5}, ("no", "max")),
        ((85, 0, 0, 15), {"max": 0.9}, ("unknown", "buckets")),
        ((85, 0, 0, 15), {"max": 0.9, "precise": False}, ("unknown", "buckets")),
        ((0, 0, 0, 0), {"max": 0.1}, ("unknown", "count")),
        ((9, 0, 0, 0), {"max": 0.1}, ("unknown", "count")),
        ((10, 0, 0, 0), {"max": 0.1}, ("yes", "max")),
        ((10, 0, 0, 0), {"max": 0.1, "min_count": 50}, ("unknown", "count")),
        # Five slow ones of 50 could be borne, six could not, whatever else had come.
        ((5, 5, 0, 0), {"max": 0.1, "min_count": 50}, ("unknown", "count")),
        ((4, 6, 0, 0), {"max": 0.1, "min_count": 50}, ("no", "max")),
    ],
)
def test_against_a_fixed_limit(
    counts: t.Sequence[float], options: dict[str, t.Any], answer: tuple[str, str]
) -> None:
    found = told(counts, **options)
    assert (found.answer, found.decided_by) == answer
    assert found.observed == sum(counts)


FIRST, SECOND = Baseline(0.09, 0.0, 0.1), Baseline(0.18, 0.1, 0.2)
LAST = Baseline(0.5, 0.5, math.inf)


@pytest.mark.parametrize(
    ("counts", "baseline", "options", "answer"),
    [
        # The same bucket: as far as can be told, no worse.
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
def test_against_an_earlier_version(
    counts: t.Sequence[float], baseline: Baseline, options: dict[str, t.Any], answer: tuple[str, str]
) -> None:
    found = told(counts, baseline, **options)
    assert (found.answer, found.decided_by) == answer


def test_a_measurement_for_later() -> None:
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
