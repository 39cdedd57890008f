# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._gate.condition import (
    Condition,
    condition_spec,
    parse_conditions,
)


def conditions(*entries: dict[str, t.Any], **places: str) -> list[Condition]:
    validated = []
    for entry in entries:
        result = ArgumentSpecValidator(condition_spec()).validate({"name": "c", **entry})
        assert not result.error_messages
        validated.append(result.validated_parameters)
    there = {"url": "http://h/metrics", "unix_socket": None, "prometheus": None, **places}
    return parse_conditions(validated, **there)


def test_conditions_are_parsed() -> None:
    (one,) = conditions({"kind": "ratio", "metric": "r", "labels": {"code": "=~5.."}, "max": 0.1})
    assert (str(one.metric), str(one.of), one.url) == ('r{code=~"5.."}', "r", "http://h/metrics")
    assert one.subject == 'r{code=~"5.."} of r'
    assert (one.over_time, one.compares, one.min_count) == (True, False, 1)
    (one,) = conditions({"kind": "quantile", "metric": "d", "quantile": 0.99, "max_ratio": 2})
    assert (str(one.metric), one.of, one.compares, one.min_count) == ("d_bucket", None, True, 100)
    (one,) = conditions({"kind": "status", "http": "http://h/healthz", "for": 3}, unix_socket="/run/s")
    assert (one.equals, one.unix_socket, one.held_for) == ("200", "", 3)
    (one,) = conditions({"metric": "m", "max": 1}, unix_socket="/run/s")
    assert one.unix_socket == "/run/s"
    (one,) = conditions({"unit": "a.service", "property": "ActiveState", "equals": "active"})
    assert one.subject == "ActiveState of a.service"


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"max": 1}, "no source"),
        ({"metric": "m", "unit": "a.service", "max": 1}, "metric and unit"),
        ({"kind": "status", "metric": "m"}, "kind status on metric"),
        ({"http": "http://h", "max": 1}, "kind value on http"),
        ({"kind": "ratio", "query": "q", "max": 1}, "kind ratio on query"),
        ({"kind": "rate", "unit": "a.service", "max": 1}, "kind rate on unit"),
        ({"query": "q", "max": 1}, "`query` without `prometheus`"),
        ({"metric": "m"}, "no limit"),
        ({"unit": "a.service"}, "no limit"),
        ({"metric": "m", "equals": "1"}, "`equals` where it does not apply"),
        ({"unit": "a.service", "equals": "1", "max": 1}, "`equals` where it does not apply"),
        ({"unit": "a.service", "equals": "1", "kind": "delta"}, "`equals` where it does not apply"),
        ({"kind": "absence", "metric": "m", "max": 1}, "max on kind absence"),
        ({"kind": "quantile", "metric": "m", "min": 1}, "a lower limit"),
        ({"kind": "quantile", "metric": "m", "max": 1, "quantile": 99}, "quantile 99"),
    ],
)
def test_a_condition_that_can_never_be_judged_is_refused(entry: dict[str, t.Any], found: str) -> None:
    with pytest.raises(HostError, match="wanted a condition that can be judged") as refused:
        conditions(entry)
    assert refused.value.found.startswith(found)


def test_a_metric_without_url_and_a_repeated_name_are_refused() -> None:
    with pytest.raises(HostError, match="without `url`"):
        conditions({"metric": "m", "max": 1}, url="")
    with pytest.raises(HostError, match="two conditions with this name"):
        conditions({"metric": "m", "max": 1}, {"metric": "n", "max": 1})
