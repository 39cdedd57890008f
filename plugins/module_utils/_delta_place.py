# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""New content in the place of the old by one rename, and what killed runs left beside it."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import tempfile
import typing as t

from ._atomic import fsync_directory
from ._delta_part import Part
from ._durable import flush_file_system
from ._errors import HostError
from ._lock import exclusive_lock

__all__ = ["Place"]

_RENAME_EXCHANGE = 2  # linux/fs.h
_AT_FDCWD = -100
_LOCK_WAIT = 600  # seconds; another run may be at work on a large tree


class Place:
    """A path, and the names beside it that are ours while its content is replaced."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.directory, name = os.path.split(path)
        self._front = f".{name}.gofleet-"
        self.part = Part(os.path.join(self.directory, f"{self._front}part-"))

    def require(self) -> None:
        """Raise HostError unless something can be put here."""
        if not os.path.isabs(self.path) or os.path.normpath(self.path) != self.path or self.path == "/":
            raise _refused(self.path, "an absolute path with nothing to leave out", self.path)
        if not os.path.isdir(self.directory):
            raise _refused(self.directory, "a directory to put it in", "none")

    def leftovers(self) -> list[str]:
        """Names that a killed run left. A part of a delta is none: the next run goes on with it."""
        try:
            names = sorted(os.listdir(self.directory))
        except OSError:
            return []
        staged = [name for name in names if name.startswith(f"{self._front}new-")]
        return [
            name for name in staged if os.lstat(os.path.join(self.directory, name)).st_uid == os.geteuid()
        ]

    @contextlib.contextmanager
    def lock(self) -> t.Iterator[None]:
        """Be the only one who changes it, without what killed runs left."""
        path = os.path.join(self.directory, f"{self._front}lock")
        with exclusive_lock(path, wait_seconds=_LOCK_WAIT):
            try:
                for name in self.leftovers():
                    _delete(os.path.join(self.directory, name))
                yield
            finally:
                os.unlink(path)

    @contextlib.contextmanager
    def staged(self) -> t.Iterator[str]:
        """A directory beside the place that only we can enter; gone afterwards."""
        staging = tempfile.mkdtemp(prefix=f"{self._front}new-", dir=self.directory)
        try:
            yield staging
        finally:
            _delete(staging)

    def commit(self, fresh: str) -> None:
        """Put ``fresh`` into the place. A tree that was there then stands where ``fresh`` stood."""
        flush_file_system(fresh)
        if os.path.isdir(fresh) and os.path.lexists(self.path):
            _exchange(fresh, self.path)
        else:
            os.rename(fresh, self.path)
        fsync_directory(self.directory)


def _exchange(one: str, other: str) -> None:
    """Two names change their content at one moment, so that there is no moment without either."""
    libc = ctypes.CDLL(None, use_errno=True)
    failed, number = -1, errno.ENOSYS
    with contextlib.suppress(AttributeError):  # a C library older than glibc 2.28
        failed = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
        number = ctypes.get_errno()
    if failed and number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise HostError(
            other,
            wanted="a file system that can exchange two directories in one step (renameat2)",
            found=os.strerror(number),
            remedy="Nothing was changed. Put the tree on ext4, xfs, btrfs or tmpfs, or give each version its own dest.",
        )
    if failed:
        raise OSError(number, os.strerror(number), other)


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def _refused(subject: str, wanted: str, found: str) -> HostError:
    return HostError(
        subject, wanted=wanted, found=found, remedy="Correct dest, or create the directory first."
    )
