# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Which go a login shell runs, and which others there are on the host."""

from __future__ import annotations

import os
import typing as t

from .._run import Runner

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


def look_for_go(run: Runner, *, ours: str, version: str | None, trees: t.Sequence[str] = ()) -> Shell:
    """Ask a login shell for its PATH, as no file alone tells it, and look along it.

    :param ours: our link, which counts as there if there is a ``version`` that it leads to, or will
    :param trees: directories whose programs are ours as well: the store, and what it took over
    """
    path, reason = _login_path(run)
    directories = list(dict.fromkeys(part for part in path.split(":") if part.startswith("/")))

    def is_ours(place: str) -> bool:
        leads_to = (place, os.path.realpath(place))
        return place == ours or any(one.startswith(f"{tree}/") for one in leads_to for tree in trees)

    places = dict.fromkeys(os.path.join(directory, "go") for directory in [*directories, *_USUAL])
    found = {
        place: version if is_ours(place) else _version_beside(place)
        for place in places
        if (version is not None if place == ours else os.access(place, os.X_OK))
    }
    first = next((place for place in found if os.path.dirname(place) in directories), None)
    others = [{"path": place, "version": told} for place, told in found.items() if place != first]
    reached = os.path.dirname(ours) in directories and ours in found
    hides = reached and first is not None and not is_ours(first)
    return Shell(first, found.get(first or ""), others, reason, hides)


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
