# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""What the profiles of a host denied, counted, and the rules that would allow it."""

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
from .policy import read_kernel
from .processes import is_confined, read_processes
from .report import checked, denial_report, subject_of
from .rules import base_profile

if t.TYPE_CHECKING:
    from .._run import Runner
    from .audit_log import Reading

__all__ = ["denied_since", "read_denials"]

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
