# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.report import (
    outcome_of,
    report_lines,
    rollout_report,
)

from .test_state import BEFORE, MOVED, Event, host, rollout

END = "2026-01-01T00:01:40.500+00:00"
REVERT: Event = {"event": "verdict", "decision": "revert"}
KEEP: Event = {"event": "verdict", "decision": "keep"}
BACK = (*MOVED[:3], "failed", "reverting", "reverted")


def versions(found: t.Mapping[str, t.Any]) -> dict[str, str | None]:
    return {name: one["version"] for name, one in found.get("releases", {}).items()}


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([*host("a", *MOVED), KEEP], "moved"),
        ([*host("a", *MOVED), *host("b", *BACK), KEEP], "moved"),
        ([*host("a", *MOVED), *host("b", *MOVED[:3], "failed", "reverting", "stuck"), KEEP], "stuck"),
        ([*host("a", *MOVED), *host("b", *MOVED[:2], "unreachable"), KEEP], "stuck"),
        (
            [*host("a", *MOVED), *host("b", "unreachable"), REVERT, *host("a", "reverting", "reverted")],
            "reverted",
        ),
        (
            [*host("a", *MOVED), *host("b", "unreachable"), REVERT, *host("a", "reverting", "unreachable")],
            "stuck",
        ),
        ([*host("a", *MOVED), REVERT], "stuck"),
        ([*host("a", *MOVED[:3]), KEEP], "stuck"),
    ],
)
def test_what_it_came_to(events: list[Event], outcome: str) -> None:
    assert outcome_of(rollout(*events)) == outcome


def test_the_figures_and_the_words() -> None:
    run = rollout(
        *host("a", *MOVED, after={"releases": {"hello": {"version": "2"}}}),
        *host("b", *BACK, stage="Check the gates", reason="errors: no"),
        *host("c", "unreachable", reason="no route"),
        REVERT,
        *host("a", "reverting", "reverted"),
        {"event": "resumed"},
    )
    report = rollout_report(run, run="run1", ended=END, versions_of=versions)
    assert json.loads(json.dumps(report)) == report
    assert (report["outcome"], report["seconds"], report["resumed"]) == ("reverted", 100.5, 1)
    assert report["counts"] == {
        "hosts": 4,
        "failed": 2,
        "moved": 0,
        "unchanged": 0,
        "reverted": 2,
        "refused": 0,
        "unreachable": 1,
        "stuck": 0,
        "untouched": 1,
    }
    assert (report["hosts"]["a"]["from"], report["hosts"]["a"]["to"]) == ({"hello": "1"}, {"hello": "2"})
    assert report["hosts"]["b"]["seconds"] == 5
    assert report_lines(report) == [
        "Rollout run1 of hello (release r): reverted, after 100 s, resumed 1 times",
        "2 of 4 hosts failed, the budget is 1",
        "reverted: 2 (a, b)",
        "unreachable: 1 (c)",
        "untouched: 1 (d)",
        "b: reverted, failed at Check the gates: errors: no",
        "c: unreachable, failed at the start: no route",
    ]


@pytest.mark.parametrize(
    ("states", "place"),
    [
        ((), "untouched"),
        (("looked",), "untouched"),
        (("looked", "moving"), "stuck"),
        (MOVED[:4], "stuck"),
        (MOVED, "moved"),
        (("looked", "moving", "unchanged"), "unchanged"),
        (("looked", "refused"), "refused"),
        ((*MOVED, "reverting"), "stuck"),
    ],
)
def test_where_each_host_is(states: tuple[str, ...], place: str) -> None:
    report = rollout_report(rollout(*host("a", *states)), run="run1", ended=END, versions_of=versions)
    assert report["hosts"]["a"]["place"] == place
    assert sum(report["counts"][key] for key in report["counts"] if key not in ("hosts", "failed")) == 4


def test_many_names_are_cut_short() -> None:
    report = rollout_report(rollout(), run="run1", ended=END, versions_of=versions)
    report["hosts"] = {f"n{number:02}": report["hosts"]["a"] for number in range(25)}
    report["counts"] = {**report["counts"], "untouched": 25}
    assert any(line.endswith("n19 and 5 more)") for line in report_lines(report))
    assert BEFORE["releases"] == {"hello": {"version": "1"}}
