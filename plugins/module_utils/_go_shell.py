# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Which go a login shell runs, and which others there are on the host."""

from __future__ import annotations

import os
import typing as t

from ._run import Runner

__all__ = ["Shell", "look_for_go"]

# What systemd gives its units, and where a login starts before its profile speaks.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_USUAL = ("/usr/local/go/bin", "/snap/bin")
_SECONDS = "5"  # a profile that takes longer asks for something, or hangs
_MARK = "gofleet-path"
_VERSION_LIMIT = 128  # bytes


class Shell(t.NamedTuple):
    """What ``go`` is for those who log in."""

    go: str | None
    version: str | None
    others: list[dict[str, t.Any]]  # path and version of each further one
    reason: str | None  # why the profile could not be asked
    hides_ours: bool  # another one comes before ours, though the shell looks where ours is

    def report(self) -> dict[str, t.Any]:
        return {"go": self.go, "version": self.version, "others": self.others, "reason": self.reason}

    def warning(self, ours: str) -> list[str]:
        if not self.hides_ours:
            return []
        return [
            f"A login shell runs {self.go}, and not {ours}: its directory comes first in the PATH that /etc/profile, "
            "/etc/profile.d or /etc/environment sets."
        ]


def look_for_go(run: Runner, *, ours: str, version: str | None) -> Shell:
    """Ask a login shell for its PATH, as no file alone tells it, and look along it.

    :param ours: our link, which counts as there if there is a ``version`` that it leads to, or will
    """
    path, reason = _login_path(run)
    directories = list(dict.fromkeys(part for part in path.split(":") if part.startswith("/")))
    found = [
        place
        for place in (os.path.join(directory, "go") for directory in [*directories, *_USUAL])
        if (place == ours and version is not None) or (place != ours and os.access(place, os.X_OK))
    ]
    found = list(dict.fromkeys(found))
    reached = [place for place in found if os.path.dirname(place) in directories]
    first = reached[0] if reached else None
    told = {place: version if place == ours else _version_beside(place) for place in found}
    others = [{"path": place, "version": told[place]} for place in found if place != first]
    return Shell(first, told.get(first or ""), others, reason, ours in reached and first != ours)


def _login_path(run: Runner) -> tuple[str, str | None]:
    argv = ["env", "-i", "HOME=/", f"PATH={_PATH}", "timeout", _SECONDS]
    # By printenv, as a runner puts variables of its own environment into what it is given.
    done = run([*argv, "sh", "-lc", f"echo; echo {_MARK}; printenv PATH"])
    _before, mark, path = done.out.rpartition(f"\n{_MARK}\n")
    if mark and path.strip():
        return path.strip(), None
    return (
        _PATH,
        f"a login shell ended with {done.rc} and no PATH, so the usual one was taken: {done.err.strip()}",
    )


def _version_beside(program: str) -> str | None:
    """What the tree of a go says, without running it; None where it tells nothing."""
    tree = os.path.dirname(os.path.dirname(os.path.realpath(program)))
    try:
        descriptor = os.open(os.path.join(tree, "VERSION"), os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
            line = file.readline(_VERSION_LIMIT).strip()
    except OSError:
        return None
    return line[2:] if line.startswith("go") else None
