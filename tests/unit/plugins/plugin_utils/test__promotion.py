# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._promotion import promotion, promotion_report
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.plan import service_plan

SINCE = "2026-11-25T22:49:30Z"
RULE = {"rule": "/srv/x r,", "dangerous": False, "reason": None}
DANGER = {"rule": "/etc/x w,", "dangerous": True, "reason": "changes the configuration of the host"}
CLEAN = {"mode": "complain", "count": 0, "complete": "yes", "processes": 1, "since": SINCE, "reason": "r"}


def plan(mode: str = "complain_first") -> dict[str, t.Any]:
    service = {"name": "hello", "port": 8080, "artefact": {"file": "x"}, "apparmor": {"mode": mode}}
    return service_plan([service], root="/opt/gofleet", versions={})


def judged(
    reported: dict[str, t.Any] | None = None, *, mode: str = "complain_first", **more: t.Any
) -> dict[str, t.Any]:
    options: dict[str, t.Any] = {"trials": [], "services": [], "predicted": False, **more}
    denials = {"profiles": {"gofleet.hello": {**CLEAN, **(reported or {})}}}
    (decision,) = promotion(denials, plan=plan(mode), **options)
    return decision


def test_a_clean_profile_is_ready_with_the_health_check_of_its_service() -> None:
    decision = judged()
    assert (decision["service"], decision["profile"], decision["verdict"]) == (
        "hello",
        "gofleet.hello",
        "ready",
    )
    assert [health["url"] for health in decision["health"]] == ["http://127.0.0.1:8080/healthz"]


@pytest.mark.parametrize(
    ("reported", "mode", "verdict", "reason"),
    [
        ({"mode": "enforce"}, "complain_first", "enforced", "enforces"),
        ({"mode": "enforce", "count": 3}, "enforce", "enforced", "enforces"),
        ({"mode": None}, "complain_first", "kept", "not loaded"),
        ({"mode": "unconfined"}, "complain_first", "kept", "unconfined"),
        ({}, "complain", "kept", "complain_first can be promoted"),
        ({}, "enforce", "kept", "restores"),
        ({"count": 3}, "complain_first", "kept", f"3 denials since {SINCE}"),
        ({"complete": "no", "reason": "lines were lost"}, "complain_first", "kept", "lines were lost"),
        ({"complete": "unknown", "reason": "who knows"}, "complain_first", "kept", "who knows"),
        ({"processes": 0}, "complain_first", "kept", "nothing to observe"),
    ],
)
def test_profiles_that_are_not_ready_have_a_reason(
    reported: dict[str, t.Any], mode: str, verdict: str, reason: str
) -> None:
    decision = judged(reported, mode=mode)
    assert decision["verdict"] == verdict
    assert reason in decision["reason"]


@pytest.mark.parametrize(
    ("denials", "verdict", "reason"),
    [
        ({"unreachable": True, "msg": "no route"}, "unreachable", "no route"),
        ({"msg": "wanted a log", "error": {}}, "failed", "wanted a log"),
        (
            {"profiles": {}, "skipped": [{"name": "x", "reason": "the kernel has no AppArmor"}]},
            "skipped",
            "no AppArmor",
        ),
    ],
)
def test_hosts_without_an_answer(denials: dict[str, t.Any], verdict: str, reason: str) -> None:
    (decision,) = promotion(denials, plan=plan(), trials=[], services=[], predicted=False)
    assert decision["verdict"] == verdict
    assert reason in decision["reason"]


@pytest.mark.parametrize(
    ("trial", "predicted", "verdict", "reason"),
    [
        ({"changed": True, "modes": {}}, False, "promoted", "none in the trial"),
        ({"changed": True, "modes": {}}, True, "would be promoted", "no denials"),
        ({"msg": "denied: r /etc/x", "error": {}}, False, "reverted", "r /etc/x"),
        ({"msg": "MODULE FAILURE", "rc": 1}, False, "reverted", "MODULE FAILURE"),
        ({"skipped": True}, False, "held", "another host"),
        ({"unreachable": True}, False, "unreachable", "complain mode"),
    ],
)
def test_results_of_a_trial(trial: dict[str, t.Any], predicted: bool, verdict: str, reason: str) -> None:
    item = {"ansible_loop_var": "one", "one": {"profile": "gofleet.hello"}}
    decision = judged({"mode": "enforce"}, trials=[{**item, **trial}], predicted=predicted)
    assert decision["verdict"] == verdict
    assert reason in decision["reason"]


def test_only_the_named_services_are_judged() -> None:
    denials = {"profiles": {"gofleet.hello": CLEAN}}
    assert promotion(denials, plan=plan(), trials=[], services=["other"], predicted=False) == []


def test_a_report_merges_the_rules_of_all_hosts() -> None:
    optional = {
        "kind": "capability",
        "subject": "net_admin",
        "rule": None,
        "optional": True,
        "reason": "optional",
    }
    lost = {"kind": "userns", "subject": "", "rule": None, "optional": False, "reason": "no rule is known"}
    reported = {"count": 3, "denials": [optional, lost]}
    report = promotion_report(
        {
            "a": [judged({**reported, "rules": [RULE]})],
            "b": [judged({**reported, "rules": [RULE, DANGER]})],
            "c": [judged()],
        },
        strict=False,
    )
    hello = report["services"]["hello"]
    assert hello["rules"] == ["/srv/x r,", "/etc/x w,"]
    assert hello["look_at"] == {
        "/etc/x w,": "changes the configuration of the host",
        "userns ": "no rule is known",
    }
    assert hello["hosts"]["c"].startswith("ready: ")
    assert f"a hello kept: 3 denials since {SINCE}" in report["lines"]
    assert "hello would need: /srv/x r," in report["lines"]
    assert any(
        line.startswith("hello would need: /etc/x w,") and "review first" in line for line in report["lines"]
    )
    assert (report["red"], report["broken"]) == ([], [])


def test_rules_of_enforced_profiles_are_not_proposed() -> None:
    report = promotion_report({"a": [judged({"mode": "enforce", "rules": [RULE]})]}, strict=True)
    assert report["services"]["hello"]["rules"] == []
    assert report["red"] == []


def test_red_hosts() -> None:
    item = {"ansible_loop_var": "one", "one": {"profile": "gofleet.hello"}, "msg": "sick", "error": {}}
    decisions = {"a": [judged({"count": 1})], "b": [judged(trials=[item])], "c": [judged()]}
    loose = promotion_report(decisions, strict=False)
    assert (loose["red"], loose["broken"]) == (["b"], ["b"])
    assert promotion_report(decisions, strict=True)["red"] == ["a", "b"]
