# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The staging directory, in which new content is made beside the old; one run at a time holds it."""

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

__all__ = ["NEW", "Piece", "Staging", "peek", "staging_directory"]

_PART = "part-"
NEW = "new"
_BLOCK = 1024 * 1024
_PAUSE = 0.1  # seconds between two tries
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Piece(t.NamedTuple):
    """Some bytes of a delta, in a file on this host."""

    path: str
    offset: int
    length: int  # bytes of the piece
    size: int  # bytes of the whole delta
    sha256: str  # of the whole delta


class Staging:
    """An open staging directory: what has arrived of a delta, and the new content while it is made.

    All paths go through the open directory, so that nobody who may write to its parent can replace it.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._path = f"/proc/self/fd/{descriptor}"

    def received(self) -> dict[str, int]:
        """Bytes received so far: SHA-256 of the whole delta -> number of bytes. Usually none or one."""
        names = [name for name in os.listdir(self.descriptor) if name.startswith(_PART)]
        return {name[len(_PART) :]: os.lstat(self._at(name)).st_size for name in names}

    def append(self, piece: Piece) -> str | None:
        """Append a piece and return the path of the delta once it is complete, else None.

        :raises HostError: the piece is incomplete, or is not the next one
        """
        arrived = os.path.getsize(piece.path)
        if arrived != piece.length:
            raise HostError(
                "the delta",
                wanted=f"a piece of {piece.length} bytes",
                found=f"{arrived} bytes",
                remedy="Nothing was changed. Run again; if it fails again, check the network for faults.",
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
                found=f"the piece from byte {piece.offset} on",
                remedy="Nothing was changed. Another run sent to the same place; run again.",
            )
        path = self._at(_PART + piece.sha256)
        with open(path, "ab") as target, open(piece.path, "rb") as source:
            shutil.copyfileobj(source, target, _BLOCK)
        return path if os.path.getsize(path) >= piece.size else None

    def forget(self) -> None:
        """Remove the bytes received."""
        for sha256 in self.received():
            os.unlink(self._at(_PART + sha256))

    def new(self, name: str) -> str:
        """Return an unused path for the new content, in an empty directory."""
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
def staging_directory(path: str, *, wait_seconds: float) -> t.Iterator[Staging]:
    """Lock the staging directory; create it if missing, remove it unless a partial delta is waiting.

    :param wait_seconds: how long to wait for another run that holds it
    :raises HostError: the directory belongs to somebody else, or another run held it for all that time
    """
    deadline = time.monotonic() + wait_seconds
    descriptor = _held(path)
    while descriptor is None:
        if time.monotonic() >= deadline:
            raise HostError(
                path,
                wanted=f"no other run here within {wait_seconds:g} seconds",
                found="another run at work",
                remedy="Wait until it ends, then run again.",
            )
        time.sleep(_PAUSE)
        descriptor = _held(path)
    try:
        staging = Staging(descriptor)
        try:
            yield staging
        finally:
            # What cannot be removed, such as a file with the immutable flag, is reported by the next run.
            with contextlib.suppress(OSError):
                staging._remove_new()
                os.rmdir(path)
    finally:
        os.close(descriptor)


def peek(path: str) -> dict[str, int] | None:
    """Return what ``Staging.received`` would, without the lock; None without a staging directory."""
    try:
        descriptor = os.open(path, _OPEN_DIRECTORY)
    except OSError:
        return None
    try:
        return Staging(descriptor).received() if _private(os.fstat(descriptor)) else None
    except FileNotFoundError:  # the run that holds it removes it
        return None
    finally:
        os.close(descriptor)


def _held(path: str) -> int | None:
    """Open and lock the directory; None while another run holds it."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    try:
        descriptor = os.open(path, _OPEN_DIRECTORY)
    except OSError as error:
        if error.errno == errno.ENOENT:  # the run that held it has just removed it
            return None
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EACCES):
            raise _foreign(path, str(error))
        raise
    try:
        status = os.fstat(descriptor)
        if not _private(status):
            raise _foreign(
                path, f"a directory of user {status.st_uid} with mode {stat.S_IMODE(status.st_mode):04o}"
            )
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The run that held it may have removed the directory while we waited: then we locked a removed directory.
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
        remedy="Nothing was changed. Find out who made it, and remove it.",
    )
