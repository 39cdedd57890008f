# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A directory beside a content, in which the new one is made: ours alone, and held by one run at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import time
import typing as t

from .._errors import HostError

__all__ = ["NEW", "Piece", "Room", "enter", "look"]

_PART = "part-"
NEW = "new"
_BLOCK = 1024 * 1024
_PAUSE = 0.1  # seconds between two tries
_ROOM = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Piece(t.NamedTuple):
    """Some bytes of a delta, in a file on this host."""

    path: str
    offset: int
    length: int  # bytes of the piece
    size: int  # bytes of the whole delta
    sha256: str  # of the whole delta


class Room:
    """What is in it: the delta as far as it has arrived, and the new content while it is made.

    It is reached through its open directory, so that whoever may write to the directory around it cannot put another
    in its place.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._path = f"/proc/self/fd/{descriptor}"

    def received(self) -> dict[str, int]:
        """Bytes that are here, by the SHA-256 of the delta that they are the beginning of. Usually none, or one."""
        names = [name for name in os.listdir(self.descriptor) if name.startswith(_PART)]
        return {name[len(_PART) :]: os.lstat(self._at(name)).st_size for name in names}

    def append(self, piece: Piece) -> str | None:
        """Put a piece behind those that are here; returns the path of the delta when it is whole.

        :raises HostError: it did not arrive whole, or is not the next one
        """
        arrived = os.path.getsize(piece.path)
        if arrived != piece.length:
            raise HostError(
                "the delta",
                wanted=f"a piece of {piece.length} bytes",
                found=f"{arrived} bytes of it",
                remedy="Nothing was changed. Run again; if it repeats, look for a fault in the line.",
            )
        if piece.offset == 0:
            self.forget()
            if piece.length == piece.size:
                return piece.path
        there = self.received().get(piece.sha256, 0)
        if piece.offset != there:
            raise HostError(
                "the delta",
                wanted=f"the piece from byte {there} on",
                found=f"the one from byte {piece.offset} on",
                remedy="Nothing was changed. Another run was at work on it; run again.",
            )
        path = self._at(_PART + piece.sha256)
        with open(path, "ab") as target, open(piece.path, "rb") as source:
            shutil.copyfileobj(source, target, _BLOCK)
        return path if os.path.getsize(path) >= piece.size else None

    def forget(self) -> None:
        """Remove what has arrived."""
        for sha256 in self.received():
            os.unlink(self._at(_PART + sha256))

    def new(self, name: str) -> str:
        """Where to make the new content; nothing is there."""
        self._remove_new()
        os.mkdir(self._at(NEW), 0o700)
        return self._at(os.path.join(NEW, name))

    def clear(self) -> None:
        """Remove everything."""
        self.forget()
        self._remove_new()

    def _remove_new(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._at(NEW))

    def _at(self, name: str) -> str:
        return os.path.join(self._path, name)


@contextlib.contextmanager
def enter(path: str, *, wait_seconds: float) -> t.Iterator[Room]:
    """Be the only one in the room at ``path``, which is made if need be, and goes when nothing was received for later.

    :raises HostError: somebody else's directory, or another run in it for all that time
    """
    deadline = time.monotonic() + wait_seconds
    descriptor = _held(path)
    while descriptor is None:
        if time.monotonic() >= deadline:
            raise HostError(
                path,
                wanted=f"to be the only run at work here, within {wait_seconds:g} seconds",
                found="another one",
                remedy="Wait for it to end, then run again.",
            )
        time.sleep(_PAUSE)
        descriptor = _held(path)
    try:
        room = Room(descriptor)
        try:
            yield room
        finally:
            # What cannot be removed, such as a file with the immutable flag, is for the next run to find and to tell.
            with contextlib.suppress(OSError):
                room._remove_new()
                os.rmdir(path)
    finally:
        os.close(descriptor)


def look(path: str) -> dict[str, int] | None:
    """What has been received in the room at ``path``, also while a run is in it; None if there is no room."""
    try:
        descriptor = os.open(path, _ROOM)
    except OSError:
        return None
    try:
        return Room(descriptor).received() if _private(os.fstat(descriptor)) else None
    except FileNotFoundError:  # whoever is in there removes it
        return None
    finally:
        os.close(descriptor)


def _held(path: str) -> int | None:
    """The directory, open and locked; None while another run has it."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    try:
        descriptor = os.open(path, _ROOM)
    except OSError as error:
        if error.errno == errno.ENOENT:  # its last user removed it a moment ago
            return None
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EACCES):
            raise _foreign(path, str(error))
        raise
    try:
        status = os.fstat(descriptor)
        if not _private(status):
            raise _foreign(path, f"one of user {status.st_uid} with mode {stat.S_IMODE(status.st_mode):04o}")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The last user may have removed the directory while we waited: then we hold the lock of nothing.
        there = os.lstat(path)
        if (status.st_dev, status.st_ino) == (there.st_dev, there.st_ino):
            held, descriptor = descriptor, -1
            return held
    except (BlockingIOError, FileNotFoundError):
        pass
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    return None


def _private(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _foreign(path: str, found: str) -> HostError:
    return HostError(
        path,
        wanted="a directory of our own, or nothing by this name",
        found=found,
        remedy="Nothing was changed. Find out who put it there, and remove it.",
    )
