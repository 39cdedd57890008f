# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Writing and loading profiles, one after the other, and all of them as they were when one fails."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from .._atomic import fsync_directory, read_text, replace_link, write_text
from .._errors import HostError
from .policy import parser_complaint, read_kernel
from .trial import hold_trial

if t.TYPE_CHECKING:
    from .._run import Completed, Runner
    from .trial import Trial

__all__ = ["Found", "Profile", "Where", "apply_profiles", "force_link", "run_parser"]


class Profile(t.NamedTuple):
    """One profile as wanted: ``text`` of the file and ``mode``, both None where it is to be absent."""

    name: str
    text: str | None
    mode: str | None
    adopt: bool
    trial: Trial | None = None


class Found(t.NamedTuple):
    """One profile as it is: its file, its mode in the kernel, and whether a link forces complain at boot."""

    text: str | None
    mode: str | None
    forced: bool


class Where(t.NamedTuple):
    """The directory of the profiles, and the kernel's file systems."""

    path: str
    sysfs: str = "/sys"
    proc: str = "/proc"


def force_link(path: str, name: str) -> str:
    # The parser itself honours this link, so whoever loads the file at boot gets complain, children included.
    # Flags inserted into the content would have to be found in its grammar, and would not reach child profiles.
    return os.path.join(path, "force-complain", name)


def run_parser(options: list[str], *, run: Runner, stdin: str | None = None) -> Completed:
    done = run(["apparmor_parser", *options], stdin=stdin)
    if done.rc == 127:
        raise HostError(
            "apparmor_parser",
            wanted="the parser, as AppArmor is on in this kernel",
            found="none on this host",
            remedy="Install the package apparmor.",
        )
    return done


def apply_profiles(
    profiles: t.Sequence[Profile], found: t.Mapping[str, Found], *, where: Where, run: Runner
) -> None:
    """Make the host as wanted, or leave every profile as it was."""
    begun: list[Profile] = []
    try:
        for profile in profiles:
            begun.append(profile)
            _apply(profile, where=where, run=run)
    except BaseException:
        for profile in reversed(begun):
            _put_back(profile.name, found[profile.name], path=where.path, run=run)
        raise


def _apply(profile: Profile, *, where: Where, run: Runner) -> None:
    name, text = profile.name, profile.text
    if text is None:
        # The file goes last: while it is there, a run that was cut off in between is told by it.
        if name in read_kernel(sysfs=where.sysfs).modes:
            _expect(None, _unload(name, run=run), name=name, sysfs=where.sysfs)
        _put(name, None, False, path=where.path)
    elif profile.trial is None:
        _put(name, text, profile.mode == "complain", path=where.path)
        done = run_parser(_load_options(profile.mode, os.path.join(where.path, name)), run=run)
        _expect(profile.mode, done, name=name, sysfs=where.sysfs)
    else:
        # Only the kernel enforces as yet. A host that is lost meanwhile, or boots, comes back complaining.
        _put(name, text, True, path=where.path)
        began = time.time()
        _expect(profile.mode, run_parser(["-r"], run=run, stdin=text), name=name, sysfs=where.sysfs)
        hold_trial(name, profile.trial, began=began, run=run)
        _put(name, text, False, path=where.path)


def _expect(mode: str | None, done: Completed, *, name: str, sysfs: str) -> None:
    now = read_kernel(sysfs=sysfs).modes.get(name)
    if now == mode and done.rc == 0:
        return
    raise HostError(
        name,
        wanted=f"the profile in the kernel: {mode or 'not loaded'}",
        found=f"{now or 'not loaded'}; apparmor_parser: {parser_complaint(done.err)}",
        remedy="The old files and the old profiles are back.",
    )


def _put_back(name: str, old: Found, *, path: str, run: Runner) -> None:
    _put(name, old.text, old.forced, path=path)
    if old.mode is None:
        _unload(name, run=run)
    elif old.text is not None:
        run_parser(_load_options(old.mode, os.path.join(path, name)), run=run)


def _put(name: str, text: str | None, forced: bool, *, path: str) -> None:
    file, link = os.path.join(path, name), force_link(path, name)
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


def _load_options(mode: str | None, file: str) -> list[str]:
    # -T: a cache entry older than an include would be loaded in place of this text.
    return ["-r", "-W", "-T", *(["-C"] if mode == "complain" else []), file]


def _unload(name: str, *, run: Runner) -> Completed:
    return run_parser(["-R"], run=run, stdin=f'profile "{name}" {{ }}\n')
