# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A delta that arrives in pieces, of which those that arrived stay when the line is cut."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from ._errors import HostError

__all__ = ["Part", "Piece"]

_BLOCK = 1024 * 1024


class Piece(t.NamedTuple):
    """Some bytes of a delta, in a file on this host."""

    path: str
    offset: int
    delta_size: int
    delta_sha256: str

    def is_whole(self) -> bool:
        return self.offset == 0 and os.path.getsize(self.path) == self.delta_size


class Part:
    """The pieces so far, in one file whose name tells of which delta they are.

    :param front: what the name begins with, with its directory
    """

    def __init__(self, front: str) -> None:
        self._directory, self._front = os.path.split(front)

    def path(self, sha256: str) -> str:
        return os.path.join(self._directory, self._front + sha256)

    def received(self) -> dict[str, int]:
        """Bytes that are here, by the SHA-256 of the delta that they are the beginning of. Usually none, or one."""
        found = {}
        for name in os.listdir(self._directory):
            if name.startswith(self._front):
                status = os.lstat(os.path.join(self._directory, name))
                if _is_ours(status):
                    found[name[len(self._front) :]] = status.st_size
        return found

    def append(self, piece: Piece) -> str | None:
        """Put a piece behind those that are there; returns the delta's path when it is whole.

        :raises HostError: it is not the next one
        """
        path, there = self.path(piece.delta_sha256), self.received().get(piece.delta_sha256, 0)
        if piece.offset == 0:
            self.remove()
        elif piece.offset != there:
            raise HostError(
                path,
                wanted=f"{piece.offset} bytes of a delta, to put the next ones behind",
                found=f"{there} bytes",
                remedy="Another run was at work on it, or it was removed. Run again.",
            )
        flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        flags |= os.O_APPEND if piece.offset else os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(path, flags, 0o600), "ab") as target, open(piece.path, "rb") as source:
            block = source.read(_BLOCK)
            while block:
                target.write(block)
                block = source.read(_BLOCK)
            target.flush()
            os.fsync(target.fileno())
        return path if os.path.getsize(path) >= piece.delta_size else None

    def remove(self) -> None:
        """Forget all of it."""
        for name in self.received():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(name))


def _is_ours(status: os.stat_result) -> bool:
    """Nobody else can have written to it, or have made it another name of some file."""
    private = not status.st_mode & 0o077 and status.st_nlink == 1
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and private
