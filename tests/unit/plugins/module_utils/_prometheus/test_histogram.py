# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.histogram import (
    Histogram,
    Quantile,
    histogram_of,
)

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
def test_quantiles_as_promql_tells_them(share: float, found: Quantile) -> None:
    assert HALF.quantile(share) == pytest.approx(found)


@pytest.mark.parametrize(
    ("limit", "counts"),
    [(0.1, (50, 50)), (0.3, (50, 90)), (0.05, (0, 50)), (2.0, (99, 100)), (math.inf, (100, 100))],
)
def test_what_is_sure_and_what_is_possible(limit: float, counts: tuple[float, float]) -> None:
    assert HALF.at_most(limit) == counts


def test_label_sets_are_added_up_and_a_late_bucket_is_put_right() -> None:
    values = {
        'd_bucket{code="200",le="0.1"}': 5,
        'd_bucket{code="500",le="0.1"}': 2,
        'd_bucket{code="200",le="0.5"}': 6,
        'd_bucket{code="200",le="+Inf"}': 8,
        'd_bucket{le="+Inf",why="x,le=\\"9\\""}': 1,
        'd_bucket{le="many"}': 1,
        "d_bucket": 1,
    }
    assert histogram_of(values) == Histogram([0.1, 0.5, math.inf], [7, 7, 9])


def test_no_histogram() -> None:
    assert histogram_of({'d_bucket{le="0.1"}': 5}) is None
    assert histogram_of({}) is None
