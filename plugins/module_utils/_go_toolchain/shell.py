# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Find the go that a login shell runs, and the other ones on the host."""

from __future__ import annotations

import os
import typing as t

from .._run import Runner

__all__ = ["Shell", "find_go"]

# The PATH that systemd gives its units, and that a login starts with before its profile is read.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_COMMON = ("/usr/local/go/bin", "/snap/bin")  # searched too, though not in every PATH
_SECONDS = "5"  # a profile that takes longer waits for input, or hangs
_MARK = "gofleet-path"
_VERSION_LIMIT = 128  # bytes


class Shell(t.NamedTuple):
    """What ``go`` is for a user who logs in."""

    go: str | None  # the program that runs; None if there is none
    version: str | None  # of that program; None if its tree does not say
    others: list[dict[str, t.Any]]  # ``path`` and ``version`` of each other go
    reason: str | None  # why the PATH of a login shell could not be read
    hides_link: bool  # another go comes first in a PATH that has the directory of our link

    def report(self) -> dict[str, t.Any]:
        return {"go": self.go, "version": self.version, "others": self.others, "reason": self.reason}

    def warnings(self, link: str) -> list[str]:
        """A warning if another go hides our link, else none."""
        if not self.hides_link:
            return []
        return [
            f"A login shell runs {self.go} and not {link}. Its directory comes first in the PATH that /etc/profile, "
            "/etc/profile.d or /etc/environment sets."
        ]


def find_go(run: Runner, *, link: str, version: str | None, trees: t.Sequence[str] = ()) -> Shell:
    """Read the PATH of a login shell, and search it for go.

    The PATH is read from a shell because several files set it.

    :param link: our link to go, which counts as present if ``version`` is given
    :param version: the release that the link leads to, or will lead to after this run
    :param trees: directories whose programs are ours too: the store, and paths that were taken over
    """
    path, reason = _login_path(run)
    directories = list(dict.fromkeys(part for part in path.split(":") if part.startswith("/")))

    def is_ours(program: str) -> bool:
        names = (program, os.path.realpath(program))
        return program == link or any(name.startswith(f"{tree}/") for name in names for tree in trees)

    programs = dict.fromkeys(os.path.join(directory, "go") for directory in [*directories, *_COMMON])
    found = {
        program: version if is_ours(program) else _version_of(program)
        for program in programs
        if (version is not None if program == link else os.access(program, os.X_OK))
    }
    first = next((program for program in found if os.path.dirname(program) in directories), None)
    others = [{"path": program, "version": found[program]} for program in found if program != first]
    reached = os.path.dirname(link) in directories and link in found
    hides = reached and first is not None and not is_ours(first)
    return Shell(first, found.get(first or ""), others, reason, hides)


def _login_path(run: Runner) -> tuple[str, str | None]:
    argv = ["env", "-i", "HOME=/", f"PATH={_PATH}", "timeout", _SECONDS]
    # printenv shows the PATH of the shell. A runner replaces variables in a command line by those of its environment.
    done = run([*argv, "sh", "-lc", f"echo; echo {_MARK}; printenv PATH"])
    _before, mark, path = done.out.rpartition(f"\n{_MARK}\n")
    if mark and path.strip():
        return path.strip(), None
    return (
        _PATH,
        f"a login shell ended with {done.rc} and printed no PATH, so the default PATH was used: {done.err.strip()}",
    )


def _version_of(program: str) -> str | None:
    """The version in the file VERSION of the tree of a go, which is not run, or None if there is none."""
    tree = os.path.dirname(os.path.dirname(os.path.realpath(program)))
    try:
        descriptor = os.open(os.path.join(tree, "VERSION"), os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
            line = file.readline(_VERSION_LIMIT).strip()
    except OSError:
        return None
    return line[2:] if line.startswith("go") else None
