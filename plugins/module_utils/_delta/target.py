# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Where a content stands: what must be so that it can be replaced, and the one step that replaces it."""

from __future__ import annotations

import os
import stat
import typing as t

from .._atomic import exchange, flush_file_system, fsync_directory
from .._errors import HostError
from .._probe.mounts import parse_mountinfo
from .staging import NEW, Room, enter, look

__all__ = ["Place"]

_WAIT = 600  # seconds; another run may be at work on a large tree


class Place:
    """A path, and the room beside it."""

    def __init__(self, path: str) -> None:
        """Raises HostError for a path that leads elsewhere, or into no directory."""
        self.path = path
        self.directory, self.name = os.path.split(path)
        if not os.path.isabs(path) or os.path.normpath(path) != path or path == "/":
            raise _refused(path, "an absolute path with nothing to leave out", path)
        if not os.path.isdir(self.directory):
            raise _refused(self.directory, "a directory to put it in", "none")
        self.room_path = os.path.join(self.directory, f".{self.name}.gofleet")

    @property
    def path_of_new(self) -> str:
        """Where the new content is while it is made, by a name that other programs understand."""
        return os.path.join(self.room_path, NEW, self.name)

    def room(self) -> t.ContextManager[Room]:
        return enter(self.room_path, wait_seconds=_WAIT)

    def left(self) -> list[str]:
        """What a killed run left beside it."""
        return [] if look(self.room_path) is None else [self.room_path]

    def received(self) -> dict[str, int]:
        """As ``Room.received``, without waiting for whoever is in the room."""
        return look(self.room_path) or {}

    def require_writable(self) -> None:
        """Raise HostError where nothing could be put beside it."""
        if not os.access(self.directory, os.W_OK | os.X_OK):
            raise _refused(self.directory, "permission to write to it", "none")

    def require_unmounted(self, *, mounts: str = "/proc/self/mountinfo") -> None:
        """Raise HostError where a file system is mounted in the place, or further in.

        The kernel renames no mount point; and what is mounted further in would be taken for content, and removed.
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
                remedy="Unmount it, or choose a dest inside or beside it.",
            )

    def require_kind(self, *, is_tree: bool) -> None:
        """Raise HostError where something of another kind is in the place."""
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
        """Put ``new`` into the place in one step. A tree that was there then stands where ``new`` stood."""
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
