# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Write and load AppArmor profiles one by one, and restore all of them when one fails."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from .._atomic import fsync_directory, read_text, replace_link, write_text
from .._errors import HostError
from .policy import parser_message, read_kernel
from .trial import run_trial

if t.TYPE_CHECKING:
    from .._run import Completed, Runner
    from .trial import Trial

__all__ = ["Found", "Profile", "Roots", "apply_profiles", "force_complain_link", "run_parser"]


class Profile(t.NamedTuple):
    """The wanted state of a profile.

    text: the file with its marker line; None where the profile is to be absent
    mode: enforce or complain; None where the profile is to be absent
    """

    name: str
    text: str | None
    mode: str | None
    adopt: bool
    trial: Trial | None = None


class Found(t.NamedTuple):
    """The current state of a profile.

    text: its file, or None
    mode: its mode in the kernel, or None where it is not loaded
    forced: whether a link in ``force-complain/`` exists
    """

    text: str | None
    mode: str | None
    forced: bool


class Roots(t.NamedTuple):
    """The directory of the profiles and the kernel's file systems."""

    path: str
    sysfs: str = "/sys"
    proc: str = "/proc"


def force_complain_link(path: str, name: str) -> str:
    """Return the path of the link that makes apparmor_parser load a profile in complain mode."""
    # The parser itself reads this link, so a boot loads the profile and its children in complain mode. Flags in the
    # content would need a parser for its grammar, and would not apply to child profiles.
    return os.path.join(path, "force-complain", name)


def run_parser(options: list[str], *, run: Runner, stdin: str | None = None) -> Completed:
    """Run apparmor_parser.

    :raises HostError: it is not installed
    """
    done = run(["apparmor_parser", *options], stdin=stdin)
    if done.rc == 127:
        raise HostError(
            "apparmor_parser",
            wanted="the command, because AppArmor is enabled in this kernel",
            found="no such command on this host",
            remedy="Install the package apparmor.",
        )
    return done


def apply_profiles(
    profiles: t.Sequence[Profile], found: t.Mapping[str, Found], *, roots: Roots, run: Runner
) -> None:
    """Apply all profiles, or restore every profile.

    :raises HostError: a profile did not load, or its trial failed
    """
    begun: list[Profile] = []
    try:
        for profile in profiles:
            begun.append(profile)
            _apply(profile, roots=roots, run=run)
    except BaseException:
        for profile in reversed(begun):
            _restore(profile.name, found[profile.name], path=roots.path, run=run)
        raise


def _apply(profile: Profile, *, roots: Roots, run: Runner) -> None:
    name, text = profile.name, profile.text
    if text is None:
        # Remove the file last, so that the next run finds an interrupted removal.
        if name in read_kernel(sysfs=roots.sysfs).modes:
            _require_mode(None, _unload(name, run=run), name=name, sysfs=roots.sysfs)
        _write_files(name, None, False, path=roots.path)
    elif profile.trial is None:
        _write_files(name, text, profile.mode == "complain", path=roots.path)
        done = run_parser(_load_options(profile.mode, os.path.join(roots.path, name)), run=run)
        _require_mode(profile.mode, done, name=name, sysfs=roots.sysfs)
    else:
        # During the trial only the running kernel enforces. A host that reboots comes back in complain mode.
        _write_files(name, text, True, path=roots.path)
        began = time.time()
        _require_mode(profile.mode, run_parser(["-r"], run=run, stdin=text), name=name, sysfs=roots.sysfs)
        run_trial(name, profile.trial, began=began, run=run)
        _write_files(name, text, False, path=roots.path)


def _require_mode(mode: str | None, done: Completed, *, name: str, sysfs: str) -> None:
    now = read_kernel(sysfs=sysfs).modes.get(name)
    if now == mode and done.rc == 0:
        return
    raise HostError(
        name,
        wanted=f"the profile in the kernel: {mode or 'not loaded'}",
        found=f"{now or 'not loaded'}; apparmor_parser: {parser_message(done.err)}",
        remedy="The old files and profiles are restored.",
    )


def _restore(name: str, old: Found, *, path: str, run: Runner) -> None:
    _write_files(name, old.text, old.forced, path=path)
    if old.mode is None:
        _unload(name, run=run)
    elif old.text is not None:
        run_parser(_load_options(old.mode, os.path.join(path, name)), run=run)


def _write_files(name: str, text: str | None, forced: bool, *, path: str) -> None:
    file, link = os.path.join(path, name), force_complain_link(path, name)
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
    # -T: without it the parser could load a cache entry that is older than an include.
    return ["-r", "-W", "-T", *(["-C"] if mode == "complain" else []), file]


def _unload(name: str, *, run: Runner) -> Completed:
    return run_parser(["-R"], run=run, stdin=f'profile "{name}" {{ }}\n')
