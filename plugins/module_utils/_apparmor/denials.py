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
from .audit_log import completeness
from .log_sources import LogPaths, read_log
from .policy import parser_message, read_kernel
from .processes import is_confined, read_processes
from .rules import base_profile, propose

if t.TYPE_CHECKING:
    from .._run import Runner
    from .audit_log import Reading
    from .denial import Denial
    from .rules import Proposal

__all__ = ["check_rules", "denial_report", "denied_since", "read_denials", "subject_of"]

_SUBJECTS: dict[str, t.Tuple[str, ...]] = {
    "capability": ("capname",),
    "network": ("family", "sock_type"),
    "unix": ("sock_type", "addr", "peer_addr", "peer"),
    "signal": ("signal", "peer"),
    "ptrace": ("peer",),
    "mount": ("srcname", "name"),
    "dbus": ("bus", "path", "interface", "member", "peer_label"),
}
_CHANGED, _BOOT = "changed", "boot"


class Since(t.NamedTuple):
    """The time from which denials count, in seconds since 1970.

    explicit: whether the user gave a time; else counting begins where the log begins
    """

    time: float
    explicit: bool


def read_denials(
    params: t.Mapping[str, t.Any],
    *,
    run: Runner,
    paths: LogPaths | None = None,
) -> dict[str, t.Any]:
    """Return the result of ``apparmor_denials_info``.

    :param params: the options of the module
    :param paths: the logs to read, for tests
    :raises HostError: no log can be read, or ``since`` is not a time
    """
    paths = paths or LogPaths(params["audit_log"], params["kern_log"])
    kernel = read_kernel(sysfs=os.path.join(paths.root, "sys"))
    if kernel.off:
        # The key is in this result only: Ansible evaluates neither changed_when nor failed_when where it is present.
        skipped = [{"name": pattern, "reason": kernel.off} for pattern in params["profiles"]]
        return {"profiles": {}, "source": None, "skipped": skipped}
    boot = _boot_time(paths.root)
    named = [name for name in kernel.modes if _matches(name, params["profiles"]) and "//null-" not in name]
    named += [name for name in params["profiles"] if not set(name) & set("*?[") and name not in named]
    since = {name: _since(name, params, boot=boot) for name in named}
    earliest = min((one.time for one in since.values()), default=time.time())
    reading = read_log(params["source"], since=earliest, lines=params["lines"], run=run, paths=paths)
    for denial in reading.denials:
        name = base_profile(denial.profile)
        if name not in since and _matches(name, params["profiles"]):
            since[name] = _since(name, params, boot=boot)
    processes = read_processes(proc=os.path.join(paths.root, "proc"))
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
    profile: str, *, since: float, run: Runner, paths: LogPaths | None = None
) -> tuple[list[str], str, str]:
    """Return what an enforced profile denied since a time.

    :param since: seconds since 1970
    :returns: each denial once as text, whether the log is complete (yes, no or unknown), and the reason
    """
    reading = read_log("auto", since=since, lines=10000, run=run, paths=paths or LogPaths())
    ours = [d for d in reading.denials if base_profile(d.profile) == profile and d.stamp.time >= since]
    denied = {f"{denial.mask} {subject_of(denial)}".strip() for denial in ours if denial.verdict != "ALLOWED"}
    return (sorted(denied), *completeness(reading, since=since))


def _matches(name: str, patterns: t.Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _since(name: str, params: t.Mapping[str, t.Any], *, boot: float) -> Since:
    option = str(params["since"])
    if option == _BOOT:
        return Since(boot, False)
    if option == _CHANGED:
        files = [os.path.join(params["path"], part) for part in (name, f"local/{name}")]
        changes = [os.stat(file).st_mtime for file in files if os.path.exists(file)]
        return Since(max(changes) if changes else boot, False)
    try:
        return Since(float(option.lstrip("@")), True)
    except ValueError:
        raise HostError(
            "since",
            wanted=f"{_CHANGED}, {_BOOT}, or seconds since 1970 with or without a leading @",
            found=repr(option),
            remedy="Use a number such as the output of `date +%s -d '2 days ago'`.",
        )


def _boot_time(root: str) -> float:
    lines = (read(root, "proc/stat").text or "").splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), 0.0)


def _profile(
    name: str, reading: Reading, *, since: Since, params: t.Mapping[str, t.Any], run: Runner
) -> dict[str, t.Any]:
    # Without an explicit time, counting begins where the log begins. The result shows that time.
    begin = since.time if since.explicit or reading.begins is None else max(since.time, reading.begins)
    denials = [d for d in reading.denials if base_profile(d.profile) == name and d.stamp.time >= begin]
    complete, reason = completeness(reading, since=begin)
    report = denial_report(denials, release_roots=params["release_roots"], limit=params["limit"])
    report["rules"] = check_rules(report["rules"], run=run)
    return {"since": iso_time(begin), "complete": complete, "reason": reason, **report}


def subject_of(denial: Denial) -> str:
    """Return the object of a denial as text, such as a path, a capability, or a signal and its peer."""
    words = (denial.get(name) for name in _SUBJECTS.get(denial.kind, ("name",)))
    return _readable(" ".join(word for word in words if word and word != "none"))


def denial_report(
    denials: t.Sequence[Denial], *, release_roots: t.Sequence[str], limit: int
) -> dict[str, t.Any]:
    """Return the denials of one profile and the proposed rules, in the form of the module's result.

    :param release_roots: directories of release stores, for general paths in rules
    :param limit: the largest number of denials and of rules to list; the counts include all
    """
    proposed = propose(denials, release_roots=release_roots)
    groups: dict[tuple[t.Any, ...], list[Denial]] = {}
    for proposal in proposed.proposals:
        for denial in proposal.denials:
            groups.setdefault((*_group_key(denial), proposal.rule, None), []).append(denial)
    for denial, why in proposed.unanswered:
        groups.setdefault((*_group_key(denial), None, why), []).append(denial)
    listed = sorted(groups.items(), key=lambda item: (-len(item[1]), str(item[0])))
    return {
        "count": sum(not denial.optional for denial in denials),
        "denials": [_denial_entry(key, group) for key, group in listed[:limit]],
        "rules": [_rule_entry(proposal) for proposal in proposed.proposals[:limit]],
        "left_out": max(0, len(listed) - limit) + max(0, len(proposed.proposals) - limit),
    }


def _group_key(denial: Denial) -> tuple[str, ...]:
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
    """Return text that JSON can hold, with bytes that are not UTF-8 escaped."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def check_rules(rules: list[dict[str, t.Any]], *, run: Runner) -> list[dict[str, t.Any]]:
    """Add to each rule whether the parser of this host accepts it.

    :returns: the rules with ``checked`` as yes, no or, without a parser, unknown
    """
    if not rules:
        return []
    together = _compiles([rule["rule"] for rule in rules], run=run)
    return [{**rule, **(together or _compiles([rule["rule"]], run=run) or {})} for rule in rules]


def _compiles(rules: t.Sequence[str], *, run: Runner) -> dict[str, t.Any] | None:
    """Return the verdict on some rules, or None where several were refused and each must be checked alone."""
    lines = "".join(f"  {rule}\n" for rule in rules)
    text = f"abi <abi/3.0>,\ninclude <tunables/global>\nprofile gofleet.proposal {{\n{lines}}}\n"
    done = run(["apparmor_parser", "-QK"], stdin=text)
    if done.rc == 127:
        return {"checked": "unknown"}
    if done.rc == 0:
        return {"checked": "yes"}
    if len(rules) > 1:
        return None
    return {"checked": "no", "dangerous": True, "reason": parser_message(done.err)}
