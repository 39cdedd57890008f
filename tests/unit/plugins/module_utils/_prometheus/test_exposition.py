# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.exposition import (
    PageError,
    Series,
    parse_exposition,
    series_key,
)

PAGE = r"""# HELP http_requests_total Requests, by "code"; a back\\slash.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/a,b}"} 1027 1395066363000
http_requests_total{ code = "500" , path = "say \"hi\"\n\\" , } 3
up 1
temperature -1.5e-3
nothing NaN
most +Inf
least -Inf
latency_bucket{le="0.1"} 5 # {trace_id="abc # def"} 0.07 1520879607.789
{"my.metric","my.label"="x"} 7
# EOF
"""


def test_a_page_with_everything_in_the_format() -> None:
    found = parse_exposition(PAGE)
    assert found[0] == Series("http_requests_total", {"code": "200", "path": "/a,b}"}, 1027)
    assert found[1] == Series("http_requests_total", {"code": "500", "path": 'say "hi"\n\\'}, 3)
    assert found[2:4] == [Series("up", {}, 1), Series("temperature", {}, -0.0015)]
    assert math.isnan(found[4].value)
    assert [one.value for one in found[5:7]] == [math.inf, -math.inf]
    assert found[7] == Series("latency_bucket", {"le": "0.1"}, 5)
    assert found[8] == Series("my.metric", {"my.label": "x"}, 7)
    assert len(found) == 9


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("<html>", "no metric name"),
        ("up", "wanted a value"),
        ("up one", "could not convert"),
        ("up 1_000", "not a number"),
        ("up 1 2 3", "at most a time"),
        ('up{a="1" 1', "labels that are not closed"),
        ('up{a="1} 1', "labels that are not closed"),
        ("up{a} 1", "label a without a value"),
        ("up{a=1} 1", "labels that are not closed"),
        ('{a="b"} 1', "no metric name"),
    ],
)
def test_an_invalid_line_is_refused_with_its_number(line: str, why: str) -> None:
    with pytest.raises(PageError, match=f"^line 2: .*{why}"):
        parse_exposition(f"good 1\n{line}\n")


def test_keys_are_equal_for_equal_labels() -> None:
    key = series_key("m", {"b": 'x"y', "a": "1"})
    assert key == 'm{a="1",b="x\\"y"}'
    assert parse_exposition(f"{key} 1") == [Series("m", {"a": "1", "b": 'x"y'}, 1)]
    assert series_key("m", {}) == "m"
