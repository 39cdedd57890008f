# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Which AppArmor profiles are ready to be enforced, what became of them, and what is to be done about the rest."""

from __future__ import annotations

import typing as t

__all__ = ["RED", "promotion", "promotion_report"]

Result = t.Mapping[str, t.Any]

# Verdicts that make a run red in any case.
RED = ("failed", "reverted", "unreachable")
_GOOD = ("enforced", "promoted", "ready", "would be promoted")


def promotion(
    denials: Result, *, plan: Result, trials: t.Sequence[Result], services: t.Sequence[str], predicted: bool
) -> list[dict[str, t.Any]]:
    """
    :param denials: what ``apparmor_denials_info`` returned on the host
    :param plan: of :func:`service_plan`, for the host's services
    :param trials: the results of a loop of ``apparmor_profiles`` over the decisions that were ready
    :param services: names of those to look at; empty for all
    :param predicted: whether that was a prediction, in check mode
    """
    outcomes = {trial[trial.get("ansible_loop_var", "item")]["profile"]: trial for trial in trials}
    decisions = []
    for profile in plan["profiles"]:
        name = profile["name"]
        service = name.split(".", 1)[1]
        if services and service not in services:
            continue
        told = (denials.get("profiles") or {}).get(name) or {}
        verdict, reason = _missing(denials) or _judge(profile["mode"], told)
        if name in outcomes:
            verdict, reason = _outcome(outcomes[name], told, predicted=predicted)
        decisions.append(
            {
                "service": service,
                "profile": name,
                "verdict": verdict,
                "reason": reason,
                "since": told.get("since"),
                "health": [
                    unit["health"] for unit in plan["units"] if "health" in unit and _runs_in(unit, name)
                ],
                "rules": list(told.get("rules") or []),
                "unanswered": [_unanswered(one) for one in told.get("denials") or [] if _needs_a_person(one)],
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


def _judge(asked: str, told: Result) -> tuple[str, str]:
    """:param asked: ``apparmor.mode`` of the inventory"""
    mode = told.get("mode")
    if mode == "enforce":
        return "enforced", "the kernel enforces it"
    against = _against(mode, asked) or _unproven(told)
    return ("kept", against) if against else ("ready", f"no denials since {told['since']}")


def _against(mode: str | None, asked: str) -> str | None:
    if mode is None:
        return "the profile is not loaded; site.yml loads it"
    if mode != "complain":
        return f"its mode is {mode}"
    if asked != "complain_first":
        return f"apparmor.mode is {asked}, which the next site.yml restores; complain_first can be promoted"
    return None


def _unproven(told: Result) -> str | None:
    if told["count"]:
        return f"{told['count']} denials since {told['since']}"
    if told["complete"] != "yes":
        return f"no denials are known since {told['since']}, but {told['reason']}"
    if not told["processes"]:
        return "no process runs in the profile, so nothing was observed"
    return None


def _outcome(trial: Result, told: Result, *, predicted: bool) -> tuple[str, str]:
    if trial.get("unreachable"):
        # The link that forces complain mode goes last, so that is what the host comes back to.
        return (
            "unreachable",
            "the connection was lost during the trial: a boot, or site.yml, brings complain mode",
        )
    if trial.get("skipped"):
        return "held", "another host's trial failed first"
    if "error" in trial or "modes" not in trial:
        return "reverted", str(trial.get("msg", "no answer"))
    if predicted:
        return "would be promoted", f"no denials since {told.get('since')}"
    return "promoted", f"no denials since {told.get('since')}, and none on trial"


def _runs_in(unit: Result, profile: str) -> bool:
    return f"AppArmorProfile={profile}" in str(unit.get("content", "")).splitlines()


def _needs_a_person(denial: Result) -> bool:
    return denial.get("rule") is None and not denial.get("optional")


def _unanswered(denial: Result) -> str:
    return f"{denial['kind']} {denial['subject']}: {denial['reason']}"


def promotion_report(decisions: t.Mapping[str, t.Sequence[Result]], *, strict: bool) -> dict[str, t.Any]:
    """
    :param decisions: by host
    :returns: ``services`` for a file, each with its hosts and the rules to add; ``lines`` to print; hosts that are
        ``red``, and those of them on which a trial was ``broken`` off
    """
    services: dict[str, dict[str, t.Any]] = {}
    lines, red, broken = [], [], []
    for host, its in decisions.items():
        for decision in its:
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
            f"{name}: look at {what}: {why}"
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
    return f"    (look at it first: {entry['look_at'][rule]})" if rule in entry["look_at"] else ""
