# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Collect AppArmor denials and report them by profile with the rules that would allow them."""

from __future__ import annotations

import fnmatch
import os
import time
import typing as t

from .._errors import HostError
from .._iso_time import iso_time
from .._probe.files import read
from .audit_log import holds
from .log_sources import Places, read_log
from .policy import parser_complaint, read_kernel
from .processes import is_confined, read_processes
from .rules import base_profile, propose

if t.TYPE_CHECKING:
    from .._run import Runner
    from .audit_log import Reading
    from .denial import Denial
    from .rules import Proposal

__all__ = ["checked", "denial_report", "denied_since", "read_denials", "subject_of"]

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


_CHANGED, _BOOT = "changed", "boot"


class Since(t.NamedTuple):
    """From when on denials count. ``asked``: the time was given, and is not what the log happens to hold."""

    time: float
    asked: bool


def read_denials(
    params: t.Mapping[str, t.Any],
    *,
    run: Runner,
    places: Places | None = None,
    clock: t.Callable[[], float] = time.time,
) -> dict[str, t.Any]:
    """The module's whole answer."""
    where = places or Places(params["audit_log"], params["kern_log"])
    kernel = read_kernel(sysfs=os.path.join(where.root, "sys"))
    if kernel.off:
        # Only here: where a result has this key, Ansible evaluates neither changed_when nor failed_when.
        skipped = [{"name": pattern, "reason": kernel.off} for pattern in params["profiles"]]
        return {"profiles": {}, "source": None, "skipped": skipped}
    boot = _boot_time(where.root)
    named = [name for name in kernel.modes if _matches(name, params["profiles"]) and "//null-" not in name]
    named += [name for name in params["profiles"] if not set(name) & set("*?[") and name not in named]
    since = {name: _since(name, params, boot=boot) for name in named}
    earliest = min([one.time for one in since.values()] or [time.time()])
    reading = read_log(params["source"], since=earliest, lines=params["lines"], run=run, places=where)
    for denial in reading.denials:
        name = base_profile(denial.profile)
        if name not in since and _matches(name, params["profiles"]):
            since[name] = _since(name, params, boot=boot)
    processes = read_processes(proc=os.path.join(where.root, "proc"))
    profiles = {
        name: {
            "mode": kernel.modes.get(name),
            "processes": sum(is_confined(process, profile=name) for process in processes),
            **_profile(name, reading, since=since[name], params=params, run=run),
        }
        for name in sorted(since)
    }
    return {"profiles": profiles, "source": reading.source}


def denied_since(
    profile: str, *, since: float, run: Runner, places: Places | None = None
) -> tuple[list[str], str, str]:
    """What one profile really denied since then, each thing once as a person reads it; whether that is all, and why."""
    reading = read_log("auto", since=since, lines=10000, run=run, places=places or Places())
    ours = [d for d in reading.denials if base_profile(d.profile) == profile and d.stamp.time >= since]
    denied = {f"{denial.mask} {subject_of(denial)}".strip() for denial in ours if denial.verdict != "ALLOWED"}
    return (sorted(denied), *holds(reading, since=since))


def _matches(name: str, patterns: t.Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _since(name: str, params: t.Mapping[str, t.Any], *, boot: float) -> Since:
    asked = str(params["since"])
    if asked == _BOOT:
        return Since(boot, False)
    if asked == _CHANGED:
        files = [os.path.join(params["path"], part) for part in (name, f"local/{name}")]
        changes = [os.stat(file).st_mtime for file in files if os.path.exists(file)]
        return Since(max(changes) if changes else boot, False)
    try:
        return Since(float(asked.lstrip("@")), True)
    except ValueError:
        raise HostError(
            "since",
            wanted=f"{_CHANGED}, {_BOOT}, or seconds since 1970, perhaps with an @ before them",
            found=repr(asked),
            remedy="`date +%s -d '2 days ago'` prints such a number.",
        )


def _boot_time(root: str) -> float:
    lines = (read(root, "proc/stat").text or "").splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), 0.0)


def _profile(
    name: str, reading: Reading, *, since: Since, params: t.Mapping[str, t.Any], run: Runner
) -> dict[str, t.Any]:
    # What was not asked for by a time begins where the log does; how far that is, the answer tells.
    begin = since.time if since.asked or reading.begins is None else max(since.time, reading.begins)
    denials = [d for d in reading.denials if base_profile(d.profile) == name and d.stamp.time >= begin]
    complete, reason = holds(reading, since=begin)
    report = denial_report(denials, release_roots=params["release_roots"], limit=params["limit"])
    report["rules"] = checked(report["rules"], run=run)
    return {"since": iso_time(begin), "complete": complete, "reason": reason, **report}
