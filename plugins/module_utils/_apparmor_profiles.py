# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""AppArmor profiles on a host: what is there, what is wanted, and the loading in between."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ._apparmor import Kernel, check_name, declared_names, mode_flags, parser_complaint, read_kernel
from ._atomic import fsync_directory, read_text, replace_link, write_text
from ._errors import HostError

if t.TYPE_CHECKING:
    from ._converge import State
    from ._run import Completed, Runner

__all__ = ["MARKER", "Plan", "plan_profiles"]

MARKER = "# Managed by gofleet.hosts.apparmor_profiles; edits here are lost."


class Profile(t.NamedTuple):
    """One profile as wanted: ``text`` of the file and ``mode``, both None where it is to be absent."""

    name: str
    text: str | None
    mode: str | None
    adopt: bool


class Found(t.NamedTuple):
    """One profile as it is: its file, its mode in the kernel, and whether a link forces complain at boot."""

    text: str | None
    mode: str | None
    forced: bool


class Plan(t.NamedTuple):
    """What converge needs."""

    before: State
    after: State
    apply: t.Callable[[], dict[str, t.Any]]
    result: dict[str, t.Any]


def plan_profiles(params: t.Mapping[str, t.Any], *, run: Runner, sysfs: str = "/sys") -> Plan:
    """Read and check everything; nothing is written before all of it is known to be good."""
    path = params["path"]
    profiles = [_wanted(entry) for entry in params["profiles"]]
    _refuse_repeated(profiles)
    kernel = read_kernel(sysfs=sysfs)
    if kernel.off:
        skipped = [{"name": profile.name, "reason": kernel.off} for profile in profiles]
        return Plan({}, {}, dict, {"loaded": [], "modes": {}, "skipped": skipped})
    found = {profile.name: _find(profile.name, path=path, kernel=kernel) for profile in profiles}
    differing = [profile for profile in profiles if _is(found[profile.name]) != _should_be(profile)]
    for profile in differing:
        _refuse_foreign(profile, found[profile.name].text, path=path)
        _refuse_disabled(profile, path=path)
        _check_content(profile, run=run)

    def apply() -> dict[str, t.Any]:
        _apply(differing, found, path=path, run=run, sysfs=sysfs)
        modes = read_kernel(sysfs=sysfs).modes
        return {"modes": {p.name: modes[p.name] for p in profiles if p.name in modes}}

    return Plan(
        before=_state({p.name: _is(found[p.name]) for p in profiles}, path=path),
        after=_state({p.name: _should_be(p) for p in profiles}, path=path),
        apply=apply,
        result={
            "loaded": sorted(profile.name for profile in differing if profile.text is not None),
            "modes": {name: one.mode for name, one in found.items() if one.mode is not None},
            "skipped": [],
        },
    )


def _wanted(entry: t.Mapping[str, t.Any]) -> Profile:
    name = entry["name"]
    wrong = check_name(name)
    if wrong:
        raise HostError(
            repr(name),
            wanted="a profile name that can be a file name",
            found=wrong,
            remedy="Name the profile without slashes: `profile NAME /path/of/the/binary { … }`.",
        )
    if entry["state"] == "absent":
        return Profile(name, None, None, entry["adopt"])
    text = MARKER + "\n" + entry["content"].rstrip("\n") + "\n"
    return Profile(name, text, entry["mode"], entry["adopt"])


def _refuse_repeated(profiles: t.Sequence[Profile]) -> None:
    names = [profile.name for profile in profiles]
    for name in names:
        if names.count(name) > 1:
            raise HostError(
                name, wanted="each profile once", found="it listed twice", remedy="Remove one of the two."
            )


def _find(name: str, *, path: str, kernel: Kernel) -> Found:
    text = read_text(os.path.join(path, name))
    return Found(text, kernel.modes.get(name), os.path.lexists(_force_link(path, name)))


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


def _force_link(path: str, name: str) -> str:
    # The parser itself honours this link, so whoever loads the file at boot gets complain, children included.
    # Flags inserted into the content would have to be found in its grammar, and would not reach child profiles.
    return os.path.join(path, "force-complain", name)


def _refuse_foreign(profile: Profile, text: str | None, *, path: str) -> None:
    if text is None or text.startswith(MARKER) or profile.adopt:
        return
    raise HostError(
        os.path.join(path, profile.name),
        wanted="a file that this module wrote",
        found="one without its marker line, written by a package or by hand",
        remedy="Choose another profile name, or set `adopt: true` to take this file over.",
    )


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
    content = profile.text[len(MARKER) + 1 :]
    compiled = _parser(["-QK"], run=run, stdin=content)
    if compiled.rc != 0:
        raise HostError(
            profile.name,
            wanted="content that apparmor_parser compiles",
            found=parser_complaint(compiled.err),
            remedy="Correct the profile; nothing was changed.",
        )
    names = declared_names(_parser(["-N"], run=run, stdin=content).out)
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


def _parser(options: list[str], *, run: Runner, stdin: str | None = None) -> Completed:
    done = run(["apparmor_parser", *options], stdin=stdin)
    if done.rc == 127:
        raise HostError(
            "apparmor_parser",
            wanted="the parser, as AppArmor is on in this kernel",
            found="none on this host",
            remedy="Install the package apparmor.",
        )
    return done


def _apply(
    profiles: t.Sequence[Profile], found: t.Mapping[str, Found], *, path: str, run: Runner, sysfs: str
) -> None:
    begun: list[Profile] = []
    try:
        for profile in profiles:
            begun.append(profile)
            _put(profile.name, profile.text, profile.mode == "complain", path=path)
            _load(profile.name, profile.text, profile.mode, path=path, run=run, sysfs=sysfs)
    except BaseException:
        for profile in reversed(begun):
            _put_back(profile.name, found[profile.name], path=path, run=run)
        raise


def _put_back(name: str, old: Found, *, path: str, run: Runner) -> None:
    _put(name, old.text, old.forced, path=path)
    if old.mode is None:
        _unload(name, run=run)
    elif old.text is not None:
        _parser(_load_options(old.mode, os.path.join(path, name)), run=run)


def _put(name: str, text: str | None, forced: bool, *, path: str) -> None:
    file, link = os.path.join(path, name), _force_link(path, name)
    if forced and not os.path.lexists(link):
        os.makedirs(os.path.dirname(link), mode=0o755, exist_ok=True)
        replace_link(link, file)
    if text is not None and text != read_text(file):
        write_text(file, text)
    _remove([] if forced else [link])
    _remove([] if text is not None else [file])


def _remove(files: t.Iterable[str]) -> None:
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file)
            fsync_directory(os.path.dirname(file))


def _load(name: str, text: str | None, mode: str | None, *, path: str, run: Runner, sysfs: str) -> None:
    if text is None:
        done = _unload(name, run=run) if name in read_kernel(sysfs=sysfs).modes else None
    else:
        done = _parser(_load_options(mode, os.path.join(path, name)), run=run)
    now = read_kernel(sysfs=sysfs).modes.get(name)
    if now == mode and (done is None or done.rc == 0):
        return
    raise HostError(
        name,
        wanted=f"the profile in the kernel: {mode or 'not loaded'}",
        found=f"{now or 'not loaded'}; apparmor_parser: {parser_complaint(done.err if done else '')}",
        remedy="The old files and the old profiles are back.",
    )


def _load_options(mode: str | None, file: str) -> list[str]:
    # -T: a cache entry older than an include would be loaded in place of this text.
    return ["-r", "-W", "-T", *(["-C"] if mode == "complain" else []), file]


def _unload(name: str, *, run: Runner) -> Completed:
    return _parser(["-R"], run=run, stdin=f'profile "{name}" {{ }}\n')
