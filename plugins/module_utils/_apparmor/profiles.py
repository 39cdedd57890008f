# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Compare the wanted AppArmor profiles with the host and plan what to change."""

from __future__ import annotations

import os
import typing as t

from .._atomic import read_text
from .._converge import Plan
from .._errors import HostError
from .load import Found, Profile, Roots, apply_profiles, force_complain_link, run_parser
from .policy import Kernel, check_name, declared_names, declares, mode_flags, parser_message, read_kernel
from .processes import processes_to_restart, read_processes
from .trial import parse_trial

if t.TYPE_CHECKING:
    from .._converge import State
    from .._run import Runner

__all__ = ["MARKER", "plan_profiles"]

MARKER = "# Managed by gofleet.hosts.apparmor_profiles; edits here are lost."


def plan_profiles(
    params: t.Mapping[str, t.Any], *, run: Runner, sysfs: str = "/sys", proc: str = "/proc"
) -> Plan:
    """Read the host, check every profile, and return the plan.

    Nothing is written before all checks pass.

    :param params: the options of ``apparmor_profiles``
    :raises HostError: a profile that does not compile, or a file that another program owns
    """
    roots = Roots(params["path"], sysfs, proc)
    entries = {entry["name"]: entry for entry in params["profiles"]}
    _refuse_names(params["profiles"])
    kernel = read_kernel(sysfs=sysfs)
    if kernel.off:
        # The key is in this result only: Ansible evaluates neither changed_when nor failed_when where it is present.
        skipped = [{"name": name, "reason": kernel.off} for name in entries]
        return Plan({}, {}, dict, {"loaded": [], "modes": {}, "restart_required": [], "skipped": skipped})
    found = {name: _find(name, path=roots.path, kernel=kernel) for name in entries}
    profiles = [_wanted(entry, found[name], path=roots.path) for name, entry in entries.items()]
    differing = [profile for profile in profiles if _current(found[profile.name]) != _desired(profile)]
    for profile in profiles:
        _refuse_disabled(profile, path=roots.path)
    for profile in differing:
        _refuse_foreign(profile, found[profile.name], path=roots.path)
        _check_content(profile, run=run)

    def apply() -> dict[str, t.Any]:
        apply_profiles(differing, found, roots=roots, run=run)
        modes = read_kernel(sysfs=sysfs).modes
        return {
            "modes": {p.name: modes[p.name] for p in profiles if p.name in modes},
            "restart_required": _restart_required(profiles, proc=proc),
        }

    return Plan(
        before=_state({p.name: _current(found[p.name]) for p in profiles}, path=roots.path),
        after=_state({p.name: _desired(p) for p in profiles}, path=roots.path),
        apply=apply,
        result={
            "loaded": sorted(profile.name for profile in differing if profile.text is not None),
            "modes": {name: one.mode for name, one in found.items() if one.mode is not None},
            "restart_required": _restart_required(profiles, proc=proc),
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
                remedy="Use a name without slashes: `profile NAME /path/of/the/binary { … }`.",
            )
        if names.count(name) > 1:
            raise HostError(
                name,
                wanted="one entry for each profile",
                found="two entries with this name",
                remedy="Remove one of them.",
            )


def _find(name: str, *, path: str, kernel: Kernel) -> Found:
    text = read_text(os.path.join(path, name))
    return Found(text, kernel.modes.get(name), os.path.lexists(force_complain_link(path, name)))


def _wanted(entry: t.Mapping[str, t.Any], found: Found, *, path: str) -> Profile:
    name, content = entry["name"], entry["content"]
    if entry["state"] == "absent":
        return Profile(name, None, None, entry["adopt"])
    text = found.text if content is None else MARKER + "\n" + content.rstrip("\n") + "\n"
    if text is None:
        raise HostError(
            os.path.join(path, name),
            wanted="the file of the profile, because the entry has no `content`",
            found="no such file",
            remedy="Set `content`, or remove the entry.",
        )
    mode = _mode(entry["mode"], found)
    trial = parse_trial(entry.get("trial")) if mode == "enforce" else None
    return Profile(name, text, mode, entry["adopt"], trial)


def _mode(asked: str, found: Found) -> str:
    """Resolve ``complain_first`` to the mode of the host, and to complain for a profile that is not ours yet."""
    if asked != "complain_first":
        return asked
    ours = (found.text or "").startswith(MARKER)
    return "enforce" if ours and not found.forced else "complain"


def _current(found: Found) -> tuple[str | None, str | None, bool]:
    return found.text, found.mode, found.forced


def _desired(profile: Profile) -> tuple[str | None, str | None, bool]:
    return profile.text, profile.mode, profile.mode == "complain"


def _state(profiles: t.Mapping[str, tuple[str | None, str | None, bool]], *, path: str) -> State:
    state: State = {}
    for name, (text, mode, forced) in profiles.items():
        if text is not None:
            state[os.path.join(path, name)] = text
        state[name] = {"mode": mode or "not loaded", "complain_at_boot": forced}
    return state


def _restart_required(profiles: t.Sequence[Profile], *, proc: str) -> list[dict[str, t.Any]]:
    present = [profile for profile in profiles if profile.text is not None]
    processes = read_processes(proc=proc) if present else []
    return [
        {"name": profile.name, **process._asdict()}
        for profile in present
        for process in processes_to_restart(
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
                found="another file that declares it, from a package or written by hand",
                remedy="Choose another profile name. A boot loads only one of the two.",
            )
    elif not found.text.startswith(MARKER) and not profile.adopt:
        raise HostError(
            os.path.join(path, profile.name),
            wanted="a file that this module wrote",
            found="a file without its marker line, from a package or written by hand",
            remedy="Choose another profile name, or set `adopt: true` to replace this file.",
        )


def _declaring(name: str, *, path: str) -> str | None:
    """Return another file that declares this profile, or None.

    The parser ignores hidden files and backups.
    """
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
            found=f"{link}, which prevents the parser from loading it",
            remedy="Remove that link, or remove the profile from the list.",
        )


def _check_content(profile: Profile, *, run: Runner) -> None:
    """Compile the profile without loading it, and check the names that it declares."""
    if profile.text is None:
        return
    # Omit the marker line, so that the parser's line numbers match the user's text.
    content = profile.text[len(MARKER) + 1 :] if profile.text.startswith(MARKER) else profile.text
    compiled = run_parser(["-QK"], run=run, stdin=content)
    if compiled.rc != 0:
        raise HostError(
            profile.name,
            wanted="content that apparmor_parser compiles",
            found=parser_message(compiled.err),
            remedy="Correct the profile. Nothing was changed.",
        )
    names = declared_names(run_parser(["-N"], run=run, stdin=content).out)
    if names != [profile.name]:
        raise HostError(
            profile.name,
            wanted=f"content that declares the profile {profile.name} and no other",
            found=", ".join(names) or "no profile",
            remedy="Write one entry with its own name for each profile.",
        )
    flags = mode_flags(content, profile.name)
    if flags and flags != [profile.mode]:
        raise HostError(
            profile.name,
            wanted=f"mode {profile.mode}",
            found=f"flags=({', '.join(flags)}) in the content",
            remedy="Remove the flag. The option `mode` sets the mode.",
        )
