# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.exposition import parse_exposition
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.promql import select, selector_of

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
def test_labels_mean_what_they_mean_in_promql(labels: dict[str, object], values: set[float]) -> None:
    assert set(select(PAGE, selector_of("r", labels)).values()) == values


def test_as_text() -> None:
    assert str(selector_of("r", {"zone": "!=a", "code": "=~5.."})) == 'r{code=~"5..",zone!="a"}'
    assert str(selector_of("r", {})) == "r"


def test_no_regular_expression() -> None:
    with pytest.raises(HostError, match="label code of r: wanted a regular expression"):
        selector_of("r", {"code": "=~5(."})
