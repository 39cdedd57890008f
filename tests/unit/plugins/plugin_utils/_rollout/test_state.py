# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.state import (
    Rollout,
    fold,
    fold_host,
)

Event = t.Dict[str, t.Any]
PLAN: Event = {
    "event": "plan",
    "at": "2026-01-01T00:00:00.000+00:00",
    "services": ["hello"],
    "release": "r",
    "salt": "s",
    "budget": 1,
    "waves": [["a"], ["b", "c"], ["d"]],
}
BEFORE = {"units": [], "releases": {"hello": {"version": "1"}}}


def host(name: str, *states: str, **facts: t.Any) -> list[Event]:
    return [
        {
            "event": "host",
            "host": name,
            "state": state,
            "at": f"2026-01-01T00:00:{second:02}.000+00:00",
            **({"before": BEFORE, "baseline": {"x": 1}} if state == "looked" else {}),
            **facts,
        }
        for second, state in enumerate(states)
    ]


def rollout(*events: Event) -> Rollout:
    return fold([PLAN, *events])


MOVED = ("looked", "moving", "moved", "gated", "done")


def test_a_run_that_has_just_begun() -> None:
    run = rollout()
    assert run.remaining() == PLAN["waves"]
    assert (run.halted, run.failures, run.to_revert(), run.decision, run.ended) == (False, [], [], "", "")


@pytest.mark.parametrize(
    ("states", "touched", "failed"),
    [
        (MOVED[:1], False, False),
        (MOVED[:2], True, False),
        (MOVED, True, False),
        (("looked", "refused"), False, True),
        (("unreachable",), False, True),
        (("looked", "moving", "unchanged"), False, False),
        ((*MOVED[:3], "failed"), True, True),
        ((*MOVED[:3], "failed", "reverting"), True, True),
        ((*MOVED[:3], "failed", "reverting", "reverted"), False, True),
        ((*MOVED[:3], "failed", "reverting", "stuck"), True, True),
        ((*MOVED, "reverting"), True, False),
        ((*MOVED, "reverting", "reverted"), False, False),
        ((*MOVED, "reverting", "unreachable"), True, True),
        # It answered when the run was taken up again.
        (("unreachable", *MOVED), True, False),
    ],
)
def test_what_a_host_is_left_with(states: tuple[str, ...], touched: bool, failed: bool) -> None:
    found = fold_host(host("a", *states))
    assert (found.state, found.touched, found.failed) == (states[-1], touched, failed)
    assert rollout(*host("a", *states)).hosts["a"] == found
    assert set(found.times) == set(states)


def test_what_it_had_before_is_never_overwritten_once_it_may_have_changed() -> None:
    later = {"units": ["new"]}
    found = fold_host([*host("a", "looked", "moving"), *host("a", "looked", before=later, baseline={})])
    assert (found.before, found.baseline) == (BEFORE, {"x": 1})
    found = fold_host([*host("a", "looked"), *host("a", "looked", before=later)])
    assert found.before == later


def test_the_reason_stays_with_the_failure() -> None:
    failed = host("a", "failed", reason="bad", stage="gate", evidence=[1])
    back = fold_host([*host("a", *MOVED[:3]), *failed, *host("a", "reverting", "reverted")])
    assert (back.reason, back.stage, back.evidence) == ("bad", "gate", [1])
    again = fold_host([*host("a", "unreachable", reason="away"), *host("a", "looked")])
    assert again.reason == ""


def test_the_budget_holds_for_the_fleet() -> None:
    one = rollout(*host("a", *MOVED), *host("b", "looked", "refused"))
    assert (one.failures, one.halted) == (["b"], False)
    assert one.remaining() == [["c"], ["d"]]
    two = rollout(*host("a", *MOVED), *host("b", "looked", "refused"), *host("c", "unreachable"))
    assert (two.failures, two.halted, two.remaining()) == (["b", "c"], True, [])


def test_who_is_left_to_do() -> None:
    run = rollout(*host("a", *MOVED), *host("b", *MOVED[:3]), *host("c", "unreachable"))
    assert run.remaining() == [["b", "c"], ["d"]]
    # One that failed and was not put back yet is taken up too, to be put back.
    assert rollout(*host("a", *MOVED[:3], "failed")).remaining()[0] == ["a"]


def test_who_is_put_back() -> None:
    events = [
        *host("a", *MOVED),
        *host("b", *MOVED[:3], "failed", "reverting", "reverted"),
        *host("c", *MOVED[:3], "failed", "reverting", "stuck"),
    ]
    keep = {"event": "verdict", "decision": "keep"}
    revert = {"event": "verdict", "decision": "revert"}
    assert rollout(*events, keep).to_revert() == ["c"]
    judged = rollout(*events, revert)
    assert (judged.to_revert(), judged.halted, judged.decision) == (["a", "c"], True, "revert")
    # Taken up after the verdict: only who is not back yet.
    assert rollout(*events, revert, *host("a", "reverting", "reverted")).to_revert() == ["c"]


def test_the_rest_of_a_journal() -> None:
    run = rollout({"event": "resumed"}, {"event": "resumed"}, {"event": "end", "outcome": "moved"})
    assert (run.resumed, run.ended) == (2, "moved")
    for events in ([], [{"event": "resumed"}]):
        with pytest.raises(HostError, match="wanted a plan as its first line"):
            fold(events)
