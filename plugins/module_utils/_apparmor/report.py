# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Denials of one profile as a person reads them: each kind of them once, with its count, and the rules for them."""

from __future__ import annotations

import typing as t

from .._iso_time import iso_time
from .policy import parser_complaint
from .rules import propose

if t.TYPE_CHECKING:
    from .._run import Runner
    from .denial import Denial
    from .rules import Proposal

__all__ = ["checked", "denial_report", "subject_of"]

_SUBJECTS: dict[str, t.Tuple[str, ...]] = {
    "capability": ("capname",),
    "network": ("family", "sock_type"),
    "unix": ("sock_type", "addr", "peer_addr", "peer"),
    "signal": ("signal", "peer"),
    "ptrace": ("peer",),
    "mount": ("srcname", "name"),
    "dbus": ("bus", "path", "interface", "member", "peer_label"),
}


def subject_of(denial: Denial) -> str:
    """What it was about: a path, a capability, a kind of socket, a signal and its receiver."""
    words = (denial.get(name) for name in _SUBJECTS.get(denial.kind, ("name",)))
    return _readable(" ".join(word for word in words if word and word != "none"))


def denial_report(
    denials: t.Sequence[Denial], *, release_roots: t.Sequence[str], limit: int
) -> dict[str, t.Any]:
    """
    :param limit: tell so many different denials and so many rules; the count is of all
    """
    answer = propose(denials, release_roots=release_roots)
    groups: dict[tuple[t.Any, ...], list[Denial]] = {}
    for proposal in answer.proposals:
        for denial in proposal.denials:
            groups.setdefault((*_likeness(denial), proposal.rule, None), []).append(denial)
    for denial, why in answer.unanswered:
        groups.setdefault((*_likeness(denial), None, why), []).append(denial)
    listed = sorted(groups.items(), key=lambda item: (-len(item[1]), str(item[0])))
    return {
        "count": sum(not denial.optional for denial in denials),
        "denials": [_denial_entry(key, group) for key, group in listed[:limit]],
        "rules": [_rule_entry(proposal) for proposal in answer.proposals[:limit]],
        "left_out": max(0, len(listed) - limit) + max(0, len(answer.proposals) - limit),
    }


def _likeness(denial: Denial) -> tuple[str, ...]:
    return denial.kind, denial.get("operation"), subject_of(denial), denial.mask


def _denial_entry(key: tuple[t.Any, ...], group: t.Sequence[Denial]) -> dict[str, t.Any]:
    kind, operation, subject, mask, rule, why = key
    return {
        "kind": kind,
        "operation": operation,
        "subject": subject,
        "mask": mask,
        "denied": sum(denial.verdict != "ALLOWED" for denial in group),
        "optional": group[0].optional,
        "programs": sorted({_readable(denial.get("comm")) for denial in group}),
        "rule": rule,
        "reason": why,
        **_times(group),
    }


def _rule_entry(proposal: Proposal) -> dict[str, t.Any]:
    return {
        "rule": proposal.rule,
        "dangerous": proposal.danger is not None,
        "reason": proposal.danger,
        **_times(proposal.denials),
    }


def _times(group: t.Sequence[Denial]) -> dict[str, t.Any]:
    times = [denial.stamp.time for denial in group]
    return {"count": len(group), "first_seen": iso_time(min(times)), "last_seen": iso_time(max(times))}


def _readable(text: str) -> str:
    """Text that JSON can carry: bytes that are no UTF-8 as an escape."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def checked(rules: list[dict[str, t.Any]], *, run: Runner) -> list[dict[str, t.Any]]:
    """The same rules, each with ``checked``: whether this host's parser takes it; unknown without a parser."""
    if not rules:
        return []
    together = _compiles([rule["rule"] for rule in rules], run=run)
    return [{**rule, **(together or _compiles([rule["rule"]], run=run) or {})} for rule in rules]


def _compiles(rules: t.Sequence[str], *, run: Runner) -> dict[str, t.Any] | None:
    """The verdict on some rules; None where several were refused together, and each has to be asked about by itself."""
    lines = "".join(f"  {rule}\n" for rule in rules)
    text = f"abi <abi/3.0>,\ninclude <tunables/global>\nprofile gofleet.proposal {{\n{lines}}}\n"
    done = run(["apparmor_parser", "-QK"], stdin=text)
    if done.rc == 127:
        return {"checked": "unknown"}
    if done.rc == 0:
        return {"checked": "yes"}
    if len(rules) > 1:
        return None
    return {"checked": "no", "dangerous": True, "reason": parser_complaint(done.err)}
