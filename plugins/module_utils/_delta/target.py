# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The path that content is copied to: check that it can be replaced, and replace it in one step."""

from __future__ import annotations

import os
import stat
import typing as t

from .._atomic import exchange, flush_file_system, fsync_directory
from .._errors import HostError
from .._probe.mounts import parse_mountinfo
from .staging import NEW, Staging, peek, staging_directory

__all__ = ["Target"]

_WAIT = 600  # seconds; another run may be at work on a large tree


class Target:
    """A destination path, and the staging directory beside it."""

    def __init__(self, path: str) -> None:
        """Raise HostError for a path that is not absolute and normal, or whose directory does not exist."""
        self.path = path
        self.directory, self.name = os.path.split(path)
        if not os.path.isabs(path) or os.path.normpath(path) != path or path == "/":
            raise _refused(path, "an absolute path without . and .. and double slashes", path)
        if not os.path.isdir(self.directory):
            raise _refused(self.directory, "a directory to put it in", "none")
        self.staging_path = os.path.join(self.directory, f".{self.name}.gofleet")

    @property
    def path_of_new(self) -> str:
        """The path of the new content while it is made, without /proc, as other programs may use it."""
        return os.path.join(self.staging_path, NEW, self.name)

    def staging(self) -> t.ContextManager[Staging]:
        return staging_directory(self.staging_path, wait_seconds=_WAIT)

    def left(self) -> list[str]:
        """Paths that a killed run left beside it."""
        return [] if peek(self.staging_path) is None else [self.staging_path]

    def received(self) -> dict[str, int]:
        """As ``Staging.received``, without waiting for the lock."""
        return peek(self.staging_path) or {}

    def require_writable(self) -> None:
        """Raise HostError unless the parent directory is writable."""
        if not os.access(self.directory, os.W_OK | os.X_OK):
            raise _refused(self.directory, "permission to write to it", "none")

    def require_unmounted(self, *, mounts: str = "/proc/self/mountinfo") -> None:
        """Raise HostError where a file system is mounted at the path or below it.

        The kernel does not rename a mount point; and what is mounted below would be taken for content and removed.
        """
        real = os.path.join(os.path.realpath(self.directory), self.name)
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            points = [mount.point for mount in parse_mountinfo(file.read())]
        inside = [point for point in points if point == real or point.startswith(f"{real}/")]
        if inside:
            raise HostError(
                self.path,
                wanted="content with no file system mounted on it or in it",
                found=f"one at {inside[0]}",
                remedy="Unmount it, or choose another dest.",
            )

    def require_kind(self, *, is_tree: bool) -> None:
        """Raise HostError where something of another kind stands at the path."""
        try:
            mode = os.lstat(self.path).st_mode
        except FileNotFoundError:
            return
        if not (stat.S_ISDIR(mode) if is_tree else stat.S_ISREG(mode)):
            found = {stat.S_IFDIR: "a directory", stat.S_IFREG: "a file", stat.S_IFLNK: "a link"}
            raise HostError(
                self.path,
                wanted="a directory" if is_tree else "a file",
                found=found.get(stat.S_IFMT(mode), "a device, a pipe or a socket"),
                remedy="Remove it first, or correct dest.",
            )

    def commit(self, new: str) -> None:
        """Move ``new`` to the path in one step. A tree that was there is then found at ``new``."""
        if os.path.isdir(new):
            flush_file_system(new)
        else:
            _flush_file(new)
        if os.path.isdir(new) and os.path.lexists(self.path):
            exchange(new, self.path)
        else:
            os.rename(new, self.path)
        fsync_directory(self.directory)


def _flush_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(subject: str, wanted: str, found: str) -> HostError:
    return HostError(
        subject,
        wanted=wanted,
        found=found,
        remedy="Correct dest, create the directory first, or run with become: true.",
    )
