# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.trial import parse_trial, run_trial
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError

URL = "http://127.0.0.1:8080/healthz"
HEALTH = {"url": URL, "unix_socket": None, "status": 200, "timeout": 5}
WELL: tuple[list[str], str, str] = ([], "yes", "the journal has every record")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def hold(denied: t.Any, *, sick: t.Any = lambda health: None, seconds: float = 5) -> float:
    clock = Clock()
    trial = parse_trial({"seconds": seconds, "health": [HEALTH]})
    assert trial is not None
    run_trial("p", trial, began=7, run=None, denied=denied, healthy=sick, pause=clock.pause, clock=clock)  # type: ignore[arg-type]
    return clock.now


def test_a_trial_checks_until_the_time_is_over() -> None:
    asked: list[float] = []

    def denied(profile: str, *, since: float, run: object) -> tuple[list[str], str, str]:
        asked.append(since)
        return WELL

    assert hold(denied) == 5
    assert asked == [7, 7, 7, 7]


def test_a_denial_ends_the_trial_at_once() -> None:
    answers = iter([WELL, ([f"r /f{n}" for n in range(7)], "no", "lost")])
    with pytest.raises(HostError, match=r"denied: r /f0, .*r /f4 and 2 more"):
        hold(lambda profile, **more: next(answers))


def test_an_unhealthy_service_ends_the_trial() -> None:
    with pytest.raises(HostError, match="HTTP status 503"):
        hold(lambda profile, **more: WELL, sick=lambda health: "HTTP status 503")


@pytest.mark.parametrize("complete", ["no", "unknown"])
def test_an_incomplete_log_fails_the_trial_at_the_end(complete: str) -> None:
    answers = [([], complete, "lines were lost")] * 3 + [WELL]
    assert hold(lambda profile, **more: answers.pop(0)) == 5
    with pytest.raises(HostError, match="lines were lost"):
        hold(lambda profile, **more: ([], complete, "lines were lost"))


def test_no_option_means_no_trial() -> None:
    assert parse_trial(None) is None
    with pytest.raises(HostError, match="http://"):
        parse_trial({"seconds": 1, "health": [{**HEALTH, "url": "https://x"}]})
