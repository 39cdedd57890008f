# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""New content in the place of the old by one rename, and what killed runs left beside it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import typing as t

from ._atomic import fsync_directory
from ._delta_part import Part
from ._durable import flush_file_system
from ._errors import HostError
from ._exchange import exchange
from ._lock import exclusive_lock

__all__ = ["Place"]

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
            exchange(fresh, self.path)
        else:
            os.rename(fresh, self.path)
        fsync_directory(self.directory)


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def _refused(subject: str, wanted: str, found: str) -> HostError:
    return HostError(
        subject, wanted=wanted, found=found, remedy="Correct dest, or create the directory first."
    )
