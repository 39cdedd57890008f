# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""AppArmor profiles on a host: what is there, what is wanted, and whether the difference may be applied."""

from __future__ import annotations

import os
import typing as t

from .._atomic import read_text
from .._converge import Plan
from .._errors import HostError
from .load import Found, Profile, Where, apply_profiles, force_link, run_parser
from .policy import Kernel, check_name, declared_names, declares, mode_flags, parser_complaint, read_kernel
from .processes import outside, read_processes
from .trial import trial_of

if t.TYPE_CHECKING:
    from .._converge import State
    from .._run import Runner

__all__ = ["MARKER", "plan_profiles"]

MARKER = "# Managed by gofleet.hosts.apparmor_profiles; edits here are lost."


def plan_profiles(
    params: t.Mapping[str, t.Any], *, run: Runner, sysfs: str = "/sys", proc: str = "/proc"
) -> Plan:
    """Read and check everything; nothing is written before all of it is known to be good."""
    where = Where(params["path"], sysfs, proc)
    entries = {entry["name"]: entry for entry in params["profiles"]}
    _refuse_names(params["profiles"])
    kernel = read_kernel(sysfs=sysfs)
    if kernel.off:
        # Only here: where a result has this key, Ansible evaluates neither changed_when nor failed_when.
        skipped = [{"name": name, "reason": kernel.off} for name in entries]
        return Plan({}, {}, dict, {"loaded": [], "modes": {}, "restart_required": [], "skipped": skipped})
    found = {name: _find(name, path=where.path, kernel=kernel) for name in entries}
    profiles = [_wanted(entry, found[name], path=where.path) for name, entry in entries.items()]
    differing = [profile for profile in profiles if _is(found[profile.name]) != _should_be(profile)]
    for profile in profiles:
        _refuse_disabled(profile, path=where.path)
    for profile in differing:
        _refuse_foreign(profile, found[profile.name], path=where.path)
        _check_content(profile, run=run)

    def apply() -> dict[str, t.Any]:
        apply_profiles(differing, found, where=where, run=run)
        modes = read_kernel(sysfs=sysfs).modes
        return {
            "modes": {p.name: modes[p.name] for p in profiles if p.name in modes},
            "restart_required": _outside(profiles, proc=proc),
        }

    return Plan(
        before=_state({p.name: _is(found[p.name]) for p in profiles}, path=where.path),
        after=_state({p.name: _should_be(p) for p in profiles}, path=where.path),
        apply=apply,
        result={
            "loaded": sorted(profile.name for profile in differing if profile.text is not None),
            "modes": {name: one.mode for name, one in found.items() if one.mode is not None},
            "restart_required": _outside(profiles, proc=proc),
        },
    )


def _refuse_names(entries: t.Sequence[t.Mapping[str, t.Any]]) -> None:
    names = [entry["name"] for entry in entries]
    for name in names:
        wrong = check_name(name)
        if wrong:
            raise HostError(
                repr(name),
                wanted="a profile name that can be a file name",
                found=wrong,
                remedy="Name the profile without slashes: `profile NAME /path/of/the/binary { … }`.",
            )
        if names.count(name) > 1:
            raise HostError(
                name, wanted="each profile once", found="it listed twice", remedy="Remove one of the two."
            )


def _find(name: str, *, path: str, kernel: Kernel) -> Found:
    text = read_text(os.path.join(path, name))
    return Found(text, kernel.modes.get(name), os.path.lexists(force_link(path, name)))


def _wanted(entry: t.Mapping[str, t.Any], found: Found, *, path: str) -> Profile:
    name, content = entry["name"], entry["content"]
    if entry["state"] == "absent":
        return Profile(name, None, None, entry["adopt"])
    text = found.text if content is None else MARKER + "\n" + content.rstrip("\n") + "\n"
    if text is None:
        raise HostError(
            os.path.join(path, name),
            wanted="the file of the profile, as the entry has no content",
            found="none",
            remedy="Give its content, or take it off the list.",
        )
    mode = _mode(entry["mode"], found)
    trial = trial_of(entry.get("trial")) if mode == "enforce" else None
    return Profile(name, text, mode, entry["adopt"], trial)


def _mode(asked: str, found: Found) -> str:
    """What ``complain_first`` comes to: what the profile's files say, and complain for one that is not ours yet."""
    if asked != "complain_first":
        return asked
    ours = (found.text or "").startswith(MARKER)
    return "enforce" if ours and not found.forced else "complain"


def _is(found: Found) -> tuple[str | None, str | None, bool]:
    return found.text, found.mode, found.forced


def _should_be(profile: Profile) -> tuple[str | None, str | None, bool]:
    return profile.text, profile.mode, profile.mode == "complain"


def _state(profiles: t.Mapping[str, tuple[str | None, str | None, bool]], *, path: str) -> State:
    state: State = {}
    for name, (text, mode, forced) in profiles.items():
        if text is not None:
            state[os.path.join(path, name)] = text
        state[name] = {"mode": mode or "not loaded", "complain_at_boot": forced}
    return state


def _outside(profiles: t.Sequence[Profile], *, proc: str) -> list[dict[str, t.Any]]:
    present = [profile for profile in profiles if profile.text is not None]
    processes = read_processes(proc=proc) if present else []
    return [
        {"name": profile.name, **process._asdict()}
        for profile in present
        for process in outside(
            processes,
            profile=profile.name,
            content=profile.text or "",
            enforced=profile.mode == "enforce",
        )
    ]


def _refuse_foreign(profile: Profile, found: Found, *, path: str) -> None:
    if found.text is None:
        other = _declaring(profile.name, path=path)
        if other is not None:
            raise HostError(
                os.path.join(path, other),
                wanted=f"no other file that declares {profile.name}",
                found="one that does, from a package or written by hand",
                remedy="Choose another profile name: a boot would load one of the two.",
            )
    elif not found.text.startswith(MARKER) and not profile.adopt:
        raise HostError(
            os.path.join(path, profile.name),
            wanted="a file that this module wrote",
            found="one without its marker line, written by a package or by hand",
            remedy="Choose another profile name, or set `adopt: true` to take this file over.",
        )


def _declaring(name: str, *, path: str) -> str | None:
    """The file of another name that declares this profile; what the parser passes over (hidden, backups) is none."""
    for other in sorted(os.listdir(path)) if os.path.isdir(path) else []:
        if other.startswith(".") or other.endswith(("~", ".dpkg-old", ".dpkg-dist", ".dpkg-new", ".rpmsave")):
            continue
        file = os.path.join(path, other)
        if os.path.isfile(file) and declares(read_text(file) or "", name):
            return other
    return None


def _refuse_disabled(profile: Profile, *, path: str) -> None:
    link = os.path.join(path, "disable", profile.name)
    if profile.text is not None and os.path.lexists(link):
        raise HostError(
            profile.name,
            wanted=f"the profile loaded in mode {profile.mode}",
            found=f"{link}, which keeps the parser from loading it",
            remedy="Remove that link, or take the profile off the list.",
        )


def _check_content(profile: Profile, *, run: Runner) -> None:
    """Compile the profile without the kernel, and look at the names that it declares."""
    if profile.text is None:
        return
    # Without the marker, so that the parser's line numbers are those of the user's text.
    content = profile.text[len(MARKER) + 1 :] if profile.text.startswith(MARKER) else profile.text
    compiled = run_parser(["-QK"], run=run, stdin=content)
    if compiled.rc != 0:
        raise HostError(
            profile.name,
            wanted="content that apparmor_parser compiles",
            found=parser_complaint(compiled.err),
            remedy="Correct the profile; nothing was changed.",
        )
    names = declared_names(run_parser(["-N"], run=run, stdin=content).out)
    if names != [profile.name]:
        raise HostError(
            profile.name,
            wanted=f"content that declares the profile {profile.name} and no other",
            found=", ".join(names) or "no profile",
            remedy="Give each profile an entry of its own under its own name.",
        )
    flags = mode_flags(content, profile.name)
    if flags and flags != [profile.mode]:
        raise HostError(
            profile.name,
            wanted=f"mode {profile.mode}",
            found=f"flags=({', '.join(flags)}) in the content",
            remedy="Remove the flag: the option `mode` says it.",
        )
