# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.exposition import parse_exposition
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.promql import (
    Histogram,
    Quantile,
    build_histogram,
    increases,
    parse_selector,
    select,
)

PAGE = parse_exposition(
    'r{code="200"} 1\nr{code="500"} 2\nr{code="503",zone="a"} 3\nother{code="500"} 9\nr{code="599"} NaN\n'
)


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        ({}, {1, 2, 3}),
        ({"code": "500"}, {2}),
        ({"code": 500}, {2}),
        ({"code": "=500"}, {2}),
        ({"code": "!=500"}, {1, 3}),
        ({"code": "=~5.."}, {2, 3}),
        ({"code": "=~5"}, set()),
        ({"code": "!~5.."}, {1}),
        ({"zone": ""}, {1, 2}),
        ({"zone": "!="}, {3}),
        ({"zone": "=~a|"}, {1, 2, 3}),
        ({"code": "=~5..", "zone": "a"}, {3}),
    ],
)
def test_label_matchers_work_as_in_promql(labels: dict[str, object], values: set[float]) -> None:
    assert set(select(PAGE, parse_selector("r", labels)).values()) == values


def test_a_selector_as_text() -> None:
    assert str(parse_selector("r", {"zone": "!=a", "code": "=~5.."})) == 'r{code=~"5..",zone!="a"}'
    assert str(parse_selector("r", {})) == "r"


def test_an_invalid_regular_expression_is_refused() -> None:
    with pytest.raises(HostError, match="label code of r: wanted a regular expression"):
        parse_selector("r", {"code": "=~5(."})


HALF = Histogram([0.1, 0.5, 1.0, math.inf], [50.0, 90.0, 99.0, 100.0])


@pytest.mark.parametrize(
    ("share", "found"),
    [
        (0.25, Quantile(0.05, 0.0, 0.1)),
        (0.5, Quantile(0.1, 0.0, 0.1)),
        (0.7, Quantile(0.3, 0.1, 0.5)),
        (0.99, Quantile(1.0, 0.5, 1.0)),
        (0.999, Quantile(1.0, 1.0, math.inf)),
    ],
)
def test_quantiles_equal_those_of_promql(share: float, found: Quantile) -> None:
    assert HALF.quantile(share) == pytest.approx(found)


@pytest.mark.parametrize(
    ("limit", "counts"),
    [(0.1, (50, 50)), (0.3, (50, 90)), (0.05, (0, 50)), (2.0, (99, 100)), (math.inf, (100, 100))],
)
def test_at_most_gives_certain_and_possible_counts(limit: float, counts: tuple[float, float]) -> None:
    assert HALF.at_most(limit) == counts


def test_label_sets_are_summed_and_a_late_bucket_is_corrected() -> None:
    values = {
        'd_bucket{code="200",le="0.1"}': 5,
        'd_bucket{code="500",le="0.1"}': 2,
        'd_bucket{code="200",le="0.5"}': 6,
        'd_bucket{code="200",le="+Inf"}': 8,
        'd_bucket{le="+Inf",why="x,le=\\"9\\""}': 1,
        'd_bucket{le="many"}': 1,
        "d_bucket": 1,
    }
    assert build_histogram(values) == Histogram([0.1, 0.5, math.inf], [7, 7, 9])


def test_no_histogram() -> None:
    assert build_histogram({'d_bucket{le="0.1"}': 5}) is None
    assert build_histogram({}) is None


@pytest.mark.parametrize(
    ("readings", "grown"),
    [
        ([], {}),
        ([{"a": 5}], {"a": 0}),
        ([{"a": 5}, {"a": 5}, {"a": 9}], {"a": 4}),
        # Restarted in between: what was counted before, and all after.
        ([{"a": 5}, {"a": 7}, {"a": 3}, {"a": 4}], {"a": 2 + 3 + 1}),
        # The first error of the service.
        ([{"a": 5}, {"a": 6, "b": 2}], {"a": 1, "b": 2}),
        # Restarted, and no error again yet; then one.
        ([{"b": 4}, {}, {"b": 1}], {"b": 1}),
        # From the start of the process.
        ([{}, {"a": 7}], {"a": 7}),
    ],
)
def test_increases(readings: list[dict[str, float]], grown: dict[str, float]) -> None:
    assert increases(readings) == grown
