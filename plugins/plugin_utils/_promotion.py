# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Decide which AppArmor profiles are ready to be enforced, and report the results of a fleet."""

from __future__ import annotations

import typing as t

__all__ = ["RED", "promotion", "promotion_report"]

Result = t.Mapping[str, t.Any]

# Verdicts that always make a run red.
RED = ("failed", "reverted", "unreachable")
_GOOD = ("enforced", "promoted", "ready", "would be promoted")


def promotion(
    denials: Result, *, plan: Result, trials: t.Sequence[Result], services: t.Sequence[str], predicted: bool
) -> list[dict[str, t.Any]]:
    """Return the decision for the profile of each service of a host.

    :param denials: what ``apparmor_denials_info`` returned on the host
    :param plan: the result of :func:`service_plan` for the services of the host
    :param trials: the results of a loop of ``apparmor_profiles`` over the decisions that were ready
    :param services: names of the services to judge; all if empty
    :param predicted: whether the trials ran in check mode
    """
    outcomes = {trial[trial.get("ansible_loop_var", "item")]["profile"]: trial for trial in trials}
    decisions = []
    for profile in plan["profiles"]:
        name = profile["name"]
        service = name.split(".", 1)[1]
        if services and service not in services:
            continue
        reported = (denials.get("profiles") or {}).get(name) or {}
        verdict, reason = _missing(denials) or _judge(profile["mode"], reported)
        if name in outcomes:
            verdict, reason = _outcome(outcomes[name], reported, predicted=predicted)
        decisions.append(
            {
                "service": service,
                "profile": name,
                "verdict": verdict,
                "reason": reason,
                "since": reported.get("since"),
                "health": [
                    unit["health"] for unit in plan["units"] if "health" in unit and _runs_in(unit, name)
                ],
                "rules": list(reported.get("rules") or []),
                "unanswered": [
                    _unanswered(one) for one in reported.get("denials") or [] if _needs_a_person(one)
                ],
            }
        )
    return decisions


def _missing(denials: Result) -> tuple[str, str] | None:
    if denials.get("unreachable"):
        return "unreachable", str(denials.get("msg", "no connection"))
    if "profiles" not in denials:
        return "failed", str(denials.get("msg", "no answer"))
    skipped = denials.get("skipped")
    return ("skipped", skipped[0]["reason"]) if skipped else None


def _judge(asked: str, reported: Result) -> tuple[str, str]:
    """Return the verdict on a profile.

    ``asked`` is ``apparmor.mode`` of the inventory.
    """
    mode = reported.get("mode")
    if mode == "enforce":
        return "enforced", "the kernel enforces it"
    against = _blocking_mode(mode, asked) or _insufficient_evidence(reported)
    return ("kept", against) if against else ("ready", f"no denials since {reported['since']}")


def _blocking_mode(mode: str | None, asked: str) -> str | None:
    if mode is None:
        return "the profile is not loaded, and site.yml loads it"
    if mode != "complain":
        return f"its mode is {mode}"
    if asked != "complain_first":
        return f"apparmor.mode is {asked}, which the next site.yml restores, and only complain_first can be promoted"
    return None


def _insufficient_evidence(reported: Result) -> str | None:
    if reported["count"]:
        return f"{reported['count']} denials since {reported['since']}"
    if reported["complete"] != "yes":
        return f"no known denials since {reported['since']}, but {reported['reason']}"
    if not reported["processes"]:
        return "no process runs in the profile, so there is nothing to observe"
    return None


def _outcome(trial: Result, reported: Result, *, predicted: bool) -> tuple[str, str]:
    if trial.get("unreachable"):
        # The link that forces complain mode is removed last, so a boot restores that mode.
        return (
            "unreachable",
            "the connection was lost during the trial, and a boot or site.yml restores complain mode",
        )
    if trial.get("skipped"):
        return "held", "the trial of another host failed first"
    if "error" in trial or "modes" not in trial:
        return "reverted", str(trial.get("msg", "no answer"))
    if predicted:
        return "would be promoted", f"no denials since {reported.get('since')}"
    return "promoted", f"no denials since {reported.get('since')}, and none in the trial"


def _runs_in(unit: Result, profile: str) -> bool:
    return f"AppArmorProfile={profile}" in str(unit.get("content", "")).splitlines()


def _needs_a_person(denial: Result) -> bool:
    return denial.get("rule") is None and not denial.get("optional")


def _unanswered(denial: Result) -> str:
    return f"{denial['kind']} {denial['subject']}: {denial['reason']}"


def promotion_report(decisions: t.Mapping[str, t.Sequence[Result]], *, strict: bool) -> dict[str, t.Any]:
    """Summarize the decisions of all hosts.

    :param decisions: by host
    :param strict: whether a profile that stays in complain mode makes its host red
    :returns: ``services``: by name, their hosts and the rules to add; ``lines``: the same as text; ``red``: hosts
        that failed; ``broken``: those of them on which a trial failed
    """
    services: dict[str, dict[str, t.Any]] = {}
    lines, red, broken = [], [], []
    for host, host_decisions in decisions.items():
        for decision in host_decisions:
            entry = services.setdefault(decision["service"], {"hosts": {}, "rules": [], "look_at": {}})
            entry["hosts"][host] = f"{decision['verdict']}: {decision['reason']}"
            lines.append(f"{host} {decision['service']} {entry['hosts'][host]}")
            bad = decision["verdict"] in RED or (strict and decision["verdict"] not in _GOOD)
            red += [host] if bad and host not in red else []
            broken += [host] if decision["verdict"] == "reverted" and host not in broken else []
            if decision["verdict"] not in _GOOD:
                _add_rules(entry, decision)
    for name, entry in services.items():
        lines += [f"{name} would need: {rule}{_note(entry, rule)}" for rule in entry["rules"]]
        lines += [
            f"{name}: review {what}: {why}"
            for what, why in entry["look_at"].items()
            if what not in entry["rules"]
        ]
    return {"services": services, "lines": lines, "red": red, "broken": broken}


def _add_rules(entry: dict[str, t.Any], decision: Result) -> None:
    for rule in decision["rules"]:
        if rule["rule"] not in entry["rules"]:
            entry["rules"].append(rule["rule"])
        if rule["dangerous"]:
            entry["look_at"][rule["rule"]] = rule["reason"]
    for unanswered in decision["unanswered"]:
        what, why = unanswered.split(": ", 1)
        entry["look_at"][what] = why


def _note(entry: Result, rule: str) -> str:
    return f"    (review first: {entry['look_at'][rule]})" if rule in entry["look_at"] else ""
